/* pdf_page.h - a PDF's pages as lines in reading order; shared by pdf_page.c (makes them) and pdf.c
 * (makes headings, paragraphs and tables of them). */
#ifndef CAIRN_INGEST_EXTRACT_PDF_PAGE_H
#define CAIRN_INGEST_EXTRACT_PDF_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <poppler.h>

#include "ingest/emit.h"

#define HEADING_SIZES 4

typedef struct pdf_line {
    size_t at, len; /* in pdf.text */
    uint32_t page;  /* 1-based */
    uint32_t row;   /* segments of one row share it */
    double x0, y0, x1, y1, size;
    bool bold, dropped;
    bool goes_on;    /* the heading in the outline began on the line before */
    uint8_t outline; /* level the outline gives it, 0 = none */
} pdf_line;

typedef struct outline_entry {
    uint64_t key;
    uint8_t level;
} outline_entry;

typedef struct pdf {
    emitter *e;
    bytes text;
    pdf_line *lines;
    size_t n, cap;
    uint32_t next_row;
    double *heights; /* of the pages */
    size_t n_pages;
    outline_entry *outline;
    size_t n_outline;
    double body, sizes[HEADING_SIZES]; /* heading sizes, largest first */
    size_t n_sizes;
    bool body_bold;
} pdf;

/* Append the lines of one page, `number` from 1, to p->lines. A tab in a line's text is a wide gap:
 * the border of a cell. Failures go to the emitter. */
void pdf_page_lines(pdf *p, PopplerPage *page, uint32_t number);

#endif
