/* pdf_page.c - characters of a page to lines in reading order.
 *
 * Poppler gives a page's characters, a rectangle for each, and runs of equal fonts. Its own order
 * mixes columns that begin at different heights, and it leaves out the space where a gap is wide.
 * So gaps and order are found here:
 *
 *   segments  text without a wide gap, with bounding box, main type size and weight;
 *   columns   where few segments cross a gutter, the left side before the right, band by band
 *             between the segments that cross it; sides may have columns of their own;
 *   rows      else: what overlaps in height is one row, from its reading side; its segments become
 *             one line, with a tab at each wide gap. */
#include "ingest/extract/pdf_page.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

#define WORD_GAP           0.18 /* of the height: a space that nobody wrote */
#define CELL_GAP           1.3  /* of the height: the next column or cell */
#define GUTTER_MIN         5    /* points: the narrowest gap between columns */
#define COLUMN_LINES       4    /* a column has at least so many lines */
#define COLUMN_CHARS       16   /* the median line of a column has at least so many bytes */
#define SHORT_COLUMN_CHARS 24   /* or so many when it has fewer lines */
#define ROW_OVERLAP        0.3  /* of the height: cells of one row overlap so much */
#define ROW_SEGMENTS       64
#define COLUMN_DEPTH       3 /* columns within columns */

/* ---- lines ---- */

static pdf_line *add_line(pdf *p)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 256;
        pdf_line *more = checked_realloc(p->lines, cap, sizeof *more);
        if (!more) {
            emit_fail(p->e, CAIRN_ENOMEM, "%zu lines", cap);
            return NULL;
        }
        p->lines = more;
        p->cap = cap;
    }
    memset(&p->lines[p->n], 0, sizeof *p->lines);
    return &p->lines[p->n++];
}

/* Type size and weight of the characters [first, last], by the longest run among them. `*at` moves
 * along the list with the lines. */
static void line_font(pdf_line *line, GList **at, int first, int last)
{
    int best = 0;

    while (*at && ((PopplerTextAttributes *)(*at)->data)->end_index < first)
        *at = (*at)->next;
    for (GList *l = *at; l; l = l->next) {
        PopplerTextAttributes *a = l->data;
        int from = a->start_index > first ? a->start_index : first;
        int to = a->end_index < last ? a->end_index : last;

        if (a->start_index > last)
            break;
        if (to - from + 1 > best) {
            best = to - from + 1;
            line->size = a->font_size;
            line->bold = a->font_name &&
                         (strcasestr(a->font_name, "bold") || strcasestr(a->font_name, "black") ||
                          strcasestr(a->font_name, "heavy"));
        }
    }
}

static void grow_box(pdf_line *line, const PopplerRectangle *r, bool *any)
{
    double x0 = fmin(r->x1, r->x2), x1 = fmax(r->x1, r->x2);
    double y0 = fmin(r->y1, r->y2), y1 = fmax(r->y1, r->y2);

    if (!*any) {
        line->x0 = x0, line->y0 = y0, line->x1 = x1, line->y1 = y1;
        *any = true;
        return;
    }
    line->x0 = fmin(line->x0, x0);
    line->y0 = fmin(line->y0, y0);
    line->x1 = fmax(line->x1, x1);
    line->y1 = fmax(line->y1, y1);
}

/* Finish the segment whose text is pdf.text[line->at, end). */
static void end_segment(pdf *p, pdf_line *line, bool ink, GList **fonts, int first, int last)
{
    pdf_line *slot;

    line->len = p->text.len - line->at;
    if (!ink || !line->len)
        return;
    line_font(line, fonts, first, last);
    if (line->size <= 0)
        line->size = line->y1 - line->y0;
    slot = add_line(p);
    if (slot)
        *slot = *line;
}

/* The segments of one of Poppler's lines, text[at, end), whose first character is `index`. */
static void take_segments(pdf *p, const char *text, size_t at, size_t end, int index,
                          const PopplerRectangle *boxes, guint n_boxes, GList **fonts,
                          uint32_t number)
{
    pdf_line line = {.page = number, .at = p->text.len};
    bool any = false, ink = false;
    int first = index;

    for (size_t i = at; i < end && !p->e->status; index++) {
        uint32_t cp;
        size_t n = utf8_decode(text + i, end - i, &cp, NULL);
        bool space = cp == ' ' || cp == '\t' || cp == 0xA0;

        if ((guint)index < n_boxes && !space) {
            const PopplerRectangle *r = &boxes[index];
            double gap = any ? fmin(r->x1, r->x2) - line.x1 : 0;
            double height = any ? line.y1 - line.y0 : 0;

            if (gap > height * CELL_GAP) {
                end_segment(p, &line, ink, fonts, first, index - 1);
                line = (pdf_line){.page = number, .at = p->text.len};
                any = ink = false;
                first = index;
            } else if (gap > height * WORD_GAP && p->text.len > line.at &&
                       p->text.data[p->text.len - 1] != ' ') {
                bytes_append(&p->text, " ", 1);
            }
            grow_box(&line, r, &any);
        }
        ink |= !space;
        if (bytes_append(&p->text, text + i, n))
            emit_fail(p->e, CAIRN_ENOMEM, "the text of a page");
        i += n;
    }
    end_segment(p, &line, ink, fonts, first, index - 1);
}

/* ---- order: columns and rows ---- */

static int by_height(const void *a, const void *b)
{
    const pdf_line *x = a, *y = b;

    if (x->y0 != y->y0)
        return x->y0 < y->y0 ? -1 : 1;
    return x->x0 < y->x0 ? -1 : x->x0 > y->x0;
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* The median length of the segments on one side of x; 0 when there are too few. */
static size_t side_median(const pdf_line *l, size_t n, double x, bool left)
{
    size_t len[512], k = 0;

    for (size_t i = 0; i < n && k < 512; i++)
        if (left ? l[i].x1 <= x : l[i].x0 >= x)
            len[k++] = l[i].len;
    if (k < 2)
        return 0;
    qsort(len, k, sizeof *len, by_size);
    return k < COLUMN_LINES && len[k / 2] < SHORT_COLUMN_CHARS ? 0 : len[k / 2];
}

/* The middle of the gutter that the fewest segments cross, or -1. */
static double find_gutter(const pdf_line *l, size_t n)
{
    double x0 = INFINITY, x1 = -INFINITY, best = -1;
    unsigned crossing[201] = {0}, least;
    double bin;
    size_t run = 0, best_run = 0;

    for (size_t i = 0; i < n; i++) {
        x0 = fmin(x0, l[i].x0);
        x1 = fmax(x1, l[i].x1);
    }
    if (n < 5 || !(x1 - x0 > 100) || x1 - x0 > 20000)
        return -1;
    bin = (x1 - x0) / 200;
    for (size_t i = 0; i < n; i++)
        for (int k = (int)((l[i].x0 - x0) / bin); k <= (int)((l[i].x1 - x0) / bin) && k <= 200; k++)
            crossing[k]++;
    least = UINT_MAX;
    for (int k = 40; k <= 160; k++) /* the middle three fifths */
        if (crossing[k] < least)
            least = crossing[k];
    for (int k = 40; k <= 161; k++) {
        if (k <= 160 && crossing[k] == least) {
            run++;
            continue;
        }
        if (run > best_run) {
            best_run = run;
            best = x0 + bin * (k - (double)run / 2);
        }
        run = 0;
    }
    if ((double)best_run * bin < GUTTER_MIN || least * 3 > n)
        return -1;
    if (side_median(l, n, best, true) < COLUMN_CHARS ||
        side_median(l, n, best, false) < COLUMN_CHARS)
        return -1;
    return best;
}

static bool is_rtl_text(const char *s, size_t len)
{
    size_t rtl = 0, all = 0;

    for (size_t i = 0; i < len;) {
        uint32_t cp;
        i += utf8_decode(s + i, len - i, &cp, NULL);
        rtl += (cp >= 0x590 && cp <= 0x8FF) || (cp >= 0xFB1D && cp <= 0xFEFC);
        all += cp > ' ';
    }
    return rtl * 2 > all;
}

/* Top and bottom of the letters: some fonts claim far more than they fill. */
static void ink_range(const pdf_line *l, double *top, double *bottom)
{
    double spare = (l->y1 - l->y0) - 1.1 * l->size;

    spare = spare > 0 && l->size > 0 ? spare / 2 : 0;
    *top = l->y0 + spare;
    *bottom = l->y1 - spare;
}

static bool overlap_x(const pdf_line *a, const pdf_line *b)
{
    return a->x0 < b->x1 && b->x0 < a->x1;
}

/* Rows from the top, each from its reading side. A row is what overlaps in height, so that a cell
 * of two lines and its neighbour set half a line lower belong together. */
static void order_rows(pdf *p, pdf_line *l, size_t n)
{
    qsort(l, n, sizeof *l, by_height);
    for (size_t i = 0, k; i < n; i = k) {
        bool rtl = is_rtl_text(p->text.data + l[i].at, l[i].len);
        double top, low, bottom;

        ink_range(&l[i], &top, &low);
        for (k = i + 1; k < n && k - i < ROW_SEGMENTS; k++) {
            ink_range(&l[k], &top, &bottom);
            if (low - top < ROW_OVERLAP * (bottom - top))
                break;
            low = fmax(low, bottom);
        }
        for (size_t a = i + 1; a < k; a++) /* insertion: rows are short */
            for (size_t b = a; b > i && !overlap_x(&l[b], &l[b - 1]) &&
                               (rtl ? l[b].x0 > l[b - 1].x0 : l[b].x0 < l[b - 1].x0);
                 b--) {
                pdf_line t = l[b];
                l[b] = l[b - 1];
                l[b - 1] = t;
            }
        p->next_row++;
        for (size_t a = i; a < k; a++)
            l[a].row = p->next_row;
    }
}

/* Reading order of l[0, n): columns band by band, else rows. `scratch` holds n. */
static void order_lines(pdf *p, pdf_line *l, size_t n, pdf_line *scratch, unsigned depth)
{
    double x = depth < COLUMN_DEPTH ? find_gutter(l, n) : -1;
    size_t done = 0;

    if (x < 0) {
        order_rows(p, l, n);
        return;
    }
    qsort(l, n, sizeof *l, by_height);
    memcpy(scratch, l, n * sizeof *l);
    for (size_t i = 0; i < n;) {
        size_t end = i, left;

        while (end < n && !(scratch[end].x0 < x && scratch[end].x1 > x))
            end++;
        for (size_t k = i; k < end; k++)
            if (scratch[k].x1 <= x)
                l[done++] = scratch[k];
        left = done - i;
        for (size_t k = i; k < end; k++)
            if (scratch[k].x1 > x)
                l[done++] = scratch[k];
        /* Each side by itself; they are smaller, so this ends. The part of scratch that they use
         * was read already. */
        order_lines(p, l + i, left, scratch + i, depth + 1);
        order_lines(p, l + i + left, end - i - left, scratch + i, depth + 1);
        if (end < n) {
            l[done] = scratch[end++];
            l[done++].row = ++p->next_row;
        }
        i = end;
    }
}

/* Segments first..p->n, in order, to lines: those of one row are joined. */
static void join_rows(pdf *p, size_t first)
{
    size_t out = first;
    bytes joined;

    bytes_init(&joined, SIZE_MAX / 4);
    for (size_t i = first, k; i < p->n && !p->e->status; i = k) {
        pdf_line line = p->lines[i];
        double height = fmax(line.y1 - line.y0, 1);

        bytes_reset(&joined);
        for (k = i + 1; k < p->n; k++) {
            const pdf_line *b = &p->lines[k], *a = &p->lines[k - 1];
            double gap = b->x0 >= a->x1 ? b->x0 - a->x1 : a->x0 - b->x1;

            if (b->row != line.row)
                break;
            if (!joined.len)
                bytes_append(&joined, p->text.data + line.at, line.len);
            bytes_append(&joined, gap > height * CELL_GAP ? "\t" : " ", 1);
            bytes_append(&joined, p->text.data + b->at, b->len);
            line.x0 = fmin(line.x0, b->x0);
            line.x1 = fmax(line.x1, b->x1);
            line.y0 = fmin(line.y0, b->y0);
            line.y1 = fmax(line.y1, b->y1);
            line.bold &= b->bold;
        }
        if (k > i + 1) {
            line.at = p->text.len;
            line.len = joined.len;
            if (bytes_append(&p->text, joined.data, joined.len))
                emit_fail(p->e, CAIRN_ENOMEM, "the text of a page");
        }
        p->lines[out++] = line;
    }
    p->n = out;
    bytes_clear(&joined);
}

void pdf_page_lines(pdf *p, PopplerPage *page, uint32_t number)
{
    char *text = poppler_page_get_text(page);
    PopplerRectangle *boxes = NULL;
    guint n_boxes = 0;
    GList *fonts = NULL, *font;
    size_t len, at = 0, first = p->n;
    pdf_line *scratch;
    int index = 0; /* of the character */

    if (!text || !*text) {
        g_free(text);
        return;
    }
    if (!poppler_page_get_text_layout(page, &boxes, &n_boxes))
        n_boxes = 0;
    font = fonts = poppler_page_get_text_attributes(page);
    len = strlen(text);
    if (p->text.len > p->e->max_text * 3 || len > p->e->max_text)
        emit_fail(p->e, CAIRN_ELIMIT,
                  "holds more than %zu MiB of text; raise max_file_mb to take it",
                  p->e->max_text >> 20);
    while (at < len && !p->e->status) {
        size_t end = at + strcspn(text + at, "\n");

        take_segments(p, text, at, end, index, boxes, n_boxes, &font, number);
        for (size_t i = at; i < end; index++) {
            uint32_t cp;
            i += utf8_decode(text + i, end - i, &cp, NULL);
        }
        index++; /* the newline is a character, too */
        at = end + 1;
    }
    scratch = p->n > first ? checked_malloc(p->n - first, sizeof *scratch) : NULL;
    if (scratch) {
        order_lines(p, p->lines + first, p->n - first, scratch, 0);
        join_rows(p, first);
    }
    free(scratch);
    poppler_page_free_text_attributes(fonts);
    g_free(boxes);
    g_free(text);
}
