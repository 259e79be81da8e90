/* pages.h - pages of indexed documents as images, with the lines of a passage marked.
 *
 * A page is drawn by the extractor's worker, in its sandbox, from the file that was indexed: one
 * that has changed since is refused. What was drawn is kept, by the file's hash, within a budget.
 *
 *     cairn_pages *pages;
 *     cairn_pages_open(&pages, &err);
 *     cairn_page_image image;
 *     cairn_pages_draw(pages, c, &(cairn_page_request){.document = uri, .page = 3, ...}, &image,
 * &err); cairn_page_image_clear(&image);
 *
 * Owns     worker processes and the images kept.
 * Threads  any, for every function but cairn_pages_close; `c` belongs to the caller's thread. */
#ifndef CAIRN_ENGINE_PAGES_H
#define CAIRN_ENGINE_PAGES_H

#include "engine/cairn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_pages cairn_pages;

cairn_status cairn_pages_open(cairn_pages **out, cairn_error *err);
void cairn_pages_close(cairn_pages *p); /* NULL is fine */

typedef struct cairn_page_request {
    const char *document; /* its uri or number */
    uint32_t page;        /* from 1 */
    uint32_t width;       /* of the image in pixels, 64 to 2400 */
    const char *passage;  /* its lines are marked, at most 8192 bytes; NULL: none */
    const char *words; /* marked wherever they stand, one a line, at most 8192 bytes; NULL: none */
} cairn_page_request;

/* Where a marked line is, in shares of the page's width and height, from the top left. */
typedef struct cairn_page_mark {
    float x0, y0, x1, y1;
} cairn_page_mark;

typedef struct cairn_page_image {
    const char *png;
    size_t png_len;
    uint32_t width, height, n_pages;
    const cairn_page_mark *marks; /* from the top */
    size_t n_marks;
    bool kept; /* drawn before */
    void *memory;
} cairn_page_image;

/* CAIRN_ENOTFOUND: no such document, or its file is gone or changed; CAIRN_EUNSUPPORTED: not a PDF,
 * or inside an archive: its text is all there is to show; CAIRN_EBUSY: too many pages are waiting;
 * CAIRN_EUSAGE, CAIRN_EINPUT, CAIRN_ELIMIT. */
cairn_status cairn_pages_draw(cairn_pages *p, cairn *c, const cairn_page_request *request,
                              cairn_page_image *out, cairn_error *err);
/* Let go of the images kept. */
void cairn_pages_forget(cairn_pages *p);
void cairn_page_image_clear(cairn_page_image *image);

#ifdef __cplusplus
}
#endif
#endif
