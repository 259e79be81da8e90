/* page_image.h - a page of a document as an image, with the lines of one passage marked in it. */
#ifndef CAIRN_INGEST_PAGE_IMAGE_H
#define CAIRN_INGEST_PAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define PAGE_IMAGE_WIDTH_MIN  64u
#define PAGE_IMAGE_WIDTH_MAX  2400u
#define PAGE_IMAGE_PIXELS_MAX ((size_t)10000000)
#define PAGE_IMAGE_MARKS_MAX  500u
#define PAGE_IMAGE_BYTES_MAX  ((size_t)7 << 20)
#define PAGE_IMAGE_TEXT_MAX   ((size_t)8192) /* of a passage, and of its words */

/* What is wanted. */
typedef struct page_request {
    uint32_t page;       /* from 1 */
    uint32_t width;      /* pixels; the image is smaller where the page would be too many of them */
    const char *passage; /* its lines are marked; may be "" */
    size_t passage_len;
    const char
        *words; /* marked wherever they stand, more strongly; divided by line feeds; may be "" */
    size_t words_len;
} page_request;

/* The box of a marked line, in 65535ths of the page's width and height, from the top left. */
typedef struct page_mark {
    uint16_t x0, y0, x1, y1;
} page_mark;

typedef struct page_image {
    uint32_t width, height, n_pages; /* n_pages: of the document */
    page_mark *marks;                /* malloced, from the top */
    size_t n_marks;
    char *png; /* malloced */
    size_t png_len;
} page_image;

void page_image_clear(page_image *image);

/* Is this one whole PNG of that size: eight bits a channel, no palette, no interlace, no chunks
 * other than IHDR, bKGD, IDAT and IEND, nothing behind them? CAIRN_EINPUT otherwise: it came from a
 * process that may do as a hostile document says, and goes on to a browser. */
cairn_status page_image_check(const void *png, size_t len, uint32_t width, uint32_t height,
                              cairn_error *err);

#endif
