/* pdf.c - PDF through Poppler: lines with their place and type size, then paragraphs.
 *
 * Poppler gives a page's characters, a rectangle for each, and runs of equal fonts. From these:
 *
 *   1. segments: text without a wide gap, with bounding box, main type size and weight. (Poppler
 *      leaves out the space where a gap is wide, so gaps are measured here.);
 *      order: where few segments cross a gutter, the left column before the right, band by band
 *      between the segments that cross; else by rows. Segments of one row become one line, with a
 *      tab at a wide gap;
 *   2. running heads and feet: a line at the top or bottom of the page that, with digits taken as
 *      equal, stands on at least three pages and two fifths of all, goes;
 *   3. body size: the size most characters have. Lines clearly larger are headings, their level the
 *      rank of their size; short bold lines standing alone are headings below those; a line that
 *      is in the outline is a heading of the outline's level;
 *   4. paragraphs: lines of one size that follow each other closely, or that go on at the top of
 *      the next column in the middle of a sentence. Words divided at the end of a line are joined.
 *      Lines with tabs that follow each other are the rows of a table.
 *
 * The numbers were chosen on real documents; each is named below with what it means. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poppler.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "ingest/extract/parsers.h"

#define PDF_MAX_PAGES      20000
#define PDF_MAX_OUTLINE    4096
#define HEADING_RATIO      1.15 /* to the body size */
#define HEADING_BYTES      200  /* longer lines of large type are text */
#define PARAGRAPH_GAP      0.65 /* of the line height, between two lines of one paragraph */
#define INDENT             0.8  /* of the type size: a first line set in */
#define EDGE_BAND          0.12 /* of the page's height, where running heads stand */
#define EDGE_LINES         3    /* at most so many from either edge */
#define HEADING_SIZES      4
#define WORD_GAP           0.18 /* of the height: a space that nobody wrote */
#define CELL_GAP           1.3  /* of the height: the next column or cell */
#define GUTTER_MIN         5    /* points: the narrowest gap between columns */
#define COLUMN_LINES       4    /* a column has at least so many lines */
#define COLUMN_CHARS       16   /* the median line of a column has at least so many bytes */
#define SHORT_COLUMN_CHARS 24   /* or so many when it has fewer lines */
#define ROW_OVERLAP        0.3  /* of the height: cells of one row overlap so much */
#define ROW_SEGMENTS       64
#define COLUMN_DEPTH       3 /* columns within columns */

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

/* Letters and digits only, ASCII case folded: what two settings of one title share. FNV-1a. */
static uint64_t text_key(const char *s, size_t len, bool digits_equal)
{
    uint64_t h = 0xCBF29CE484222325u;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x80 && !isalnum(c))
            continue;
        if (digits_equal && isdigit(c))
            c = '#';
        h = (h ^ (unsigned char)tolower(c)) * 0x100000001B3u;
        n++;
    }
    return n ? h : 0;
}

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

static void page_lines(pdf *p, PopplerPage *page, uint32_t number)
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
                  "holds more than %zu MiB of text; raise the text limit to take it",
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

/* ---- running heads and feet ---- */

typedef struct edge {
    uint64_t key;
    size_t line;
} edge;

static int by_key(const void *a, const void *b)
{
    const edge *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Is this line one of the EDGE_LINES nearest to the top or bottom of its page? */
static bool at_edge(const pdf *p, size_t i, size_t first, size_t last)
{
    const pdf_line *l = &p->lines[i];
    double height = p->heights[l->page - 1];
    size_t above = 0, below = 0;
    bool top = l->y1<height * EDGE_BAND, bottom = l->y0> height * (1 - EDGE_BAND);

    if ((!top && !bottom) || l->len > 200)
        return false;
    for (size_t k = first; k < last; k++) {
        above += p->lines[k].y0 < l->y0 - 1;
        below += p->lines[k].y0 > l->y0 + 1;
    }
    return (top && above < EDGE_LINES) || (bottom && below < EDGE_LINES);
}

static void drop_running_lines(pdf *p)
{
    edge *edges = checked_malloc(p->n, sizeof *edges);
    size_t n = 0;

    if (!edges || p->n_pages < 2) {
        free(edges);
        return;
    }
    for (size_t first = 0, last; first < p->n; first = last) {
        for (last = first; last < p->n && p->lines[last].page == p->lines[first].page; last++)
            ;
        if (last - first > 2000)
            continue; /* at_edge is quadratic; such a page has no head worth it */
        for (size_t i = first; i < last; i++)
            if (at_edge(p, i, first, last)) {
                edges[n].key = text_key(p->text.data + p->lines[i].at, p->lines[i].len, true);
                edges[n++].line = i;
            }
    }
    qsort(edges, n, sizeof *edges, by_key);
    for (size_t i = 0, k; i < n; i = k) {
        size_t pages = 0;
        uint32_t last_page = 0;
        const pdf_line *one = &p->lines[edges[i].line], *two;

        for (k = i; k < n && edges[k].key == edges[i].key; k++)
            if (p->lines[edges[k].line].page != last_page) {
                pages++;
                last_page = p->lines[edges[k].line].page;
            }
        /* Two pages are little evidence: there the place has to be the same, too. */
        two = &p->lines[edges[k - 1].line];
        if (p->n_pages == 2 &&
            (pages != 2 || fabs(one->y0 - two->y0) > 2 || fabs(one->x0 - two->x0) > 8))
            continue;
        if (edges[i].key && pages >= (p->n_pages == 2 ? 2 : 3) && pages * 5 >= p->n_pages * 2)
            for (size_t j = i; j < k; j++)
                p->lines[edges[j].line].dropped = true;
    }
    free(edges);
}

/* ---- sizes ---- */

static void find_sizes(pdf *p)
{
    static const size_t SLOTS = 400; /* half points up to 200 */
    size_t chars[400] = {0}, bold = 0, all = 0, best = 0;

    for (size_t i = 0; i < p->n; i++) {
        const pdf_line *l = &p->lines[i];
        size_t slot = (size_t)fmin(fmax(l->size * 2 + 0.5, 0), (double)SLOTS - 1);
        if (l->dropped)
            continue;
        chars[slot] += l->len;
        all += l->len;
        bold += l->bold ? l->len : 0;
    }
    for (size_t i = 1; i < SLOTS; i++)
        if (chars[i] > chars[best])
            best = i;
    p->body = (double)best / 2;
    p->body_bold = bold * 2 > all;
    for (size_t i = SLOTS; i-- > 0 && p->n_sizes < HEADING_SIZES;)
        if (chars[i] && (double)i / 2 >= p->body * HEADING_RATIO) {
            if (p->n_sizes && p->sizes[p->n_sizes - 1] - (double)i / 2 < 0.75)
                p->sizes[p->n_sizes - 1] = (double)i / 2; /* the same size, rounded apart */
            else
                p->sizes[p->n_sizes++] = (double)i / 2;
        }
}

static bool has_letter(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (isalpha((unsigned char)s[i]) || (unsigned char)s[i] >= 0xC3)
            return true;
    return false;
}

static unsigned heading_level(const pdf *p, size_t i)
{
    const pdf_line *l = &p->lines[i];
    const char *s = p->text.data + l->at;
    bool alone;

    if (l->len > HEADING_BYTES || !has_letter(s, l->len) || memmem(s, l->len, ". . .", 5) ||
        memmem(s, l->len, ".....", 5)) /* leaders: a table of contents */
        return 0;
    if (l->outline)
        return l->outline;
    if (l->size >= p->body * HEADING_RATIO) {
        for (size_t k = 0; k < p->n_sizes; k++)
            if (l->size + 0.5 >= p->sizes[k])
                return (unsigned)k + 1;
        return (unsigned)p->n_sizes;
    }
    if (!l->bold || p->body_bold || l->len > 100 || l->size < p->body * 0.95 ||
        strchr(".,;:", s[l->len - 1]))
        return 0;
    alone = i == 0 || p->lines[i - 1].page != l->page ||
            l->y0 - p->lines[i - 1].y1 > 0.4 * (l->y1 - l->y0);
    return alone ? (unsigned)(p->n_sizes < 5 ? p->n_sizes + 1 : 6) : 0;
}

/* ---- paragraphs ---- */

static bool is_wide(uint32_t cp) /* scripts that put no space between words */
{
    return (cp >= 0x2E80 && cp <= 0x9FFF) || (cp >= 0xF900 && cp <= 0xFAFF) ||
           (cp >= 0xFF00 && cp <= 0xFFEF) || (cp >= 0x20000 && cp <= 0x3FFFF);
}

static uint32_t first_char(const char *s, size_t len)
{
    uint32_t cp = 0;

    while (len && *s == ' ')
        s++, len--;
    if (len)
        utf8_decode(s, len, &cp, NULL);
    return cp;
}

static bool begins_lower(const char *s, size_t len)
{
    uint32_t cp = first_char(s, len);

    return (cp < 0x80 && islower((int)cp)) || g_unichar_islower(cp);
}

/* The last character of s, and where it begins. */
static uint32_t last_char(const char *s, size_t len, size_t *at)
{
    uint32_t cp = 0;
    size_t i = len;

    *at = len;
    if (!len)
        return 0;
    do
        i--;
    while (i > 0 && ((unsigned char)s[i] & 0xC0) == 0x80);
    utf8_decode(s + i, len - i, &cp, NULL);
    *at = i;
    return cp;
}

/* Put one more line behind the paragraph: joined when a word was divided. */
static cairn_status join(bytes *para, const char *s, size_t len)
{
    size_t at, before;
    uint32_t cp;

    while (len && (*s == ' ' || *s == '\t'))
        s++, len--;
    while (para->len && para->data[para->len - 1] == ' ')
        para->len--;
    cp = last_char(para->data ? para->data : "", para->len, &at);
    if (!para->len)
        return bytes_append(para, s, len);
    if (cp == 0xAD) { /* soft hyphen: only ever a division */
        para->len = at;
    } else if ((cp == '-' || cp == 0x2010) && begins_lower(s, len) &&
               g_unichar_isalpha(last_char(para->data, at, &before))) {
        para->len = at;
    } else if (!(is_wide(cp) && is_wide(first_char(s, len))) &&
               !(cp == '-' || cp == 0x2013 || cp == '/')) {
        cairn_status st = bytes_append(para, " ", 1);
        if (st)
            return st;
    }
    return bytes_append(para, s, len);
}

static bool is_bullet(uint32_t cp)
{
    return cp == 0x2022 || cp == 0x25AA || cp == 0x25CF || cp == 0x25E6 || cp == 0xB7 ||
           cp == 0xF0B7 || cp == 0x2023;
}

static bool begins_item(const char *s, size_t len)
{
    uint32_t cp = first_char(s, len);
    size_t i = 0;

    if (is_bullet(cp))
        return true;
    if ((cp == '-' || cp == 0x2013 || cp == '*') && len > 2)
        return s[cp == 0x2013 ? 3 : 1] == ' ';
    while (i < len && isdigit((unsigned char)s[i]))
        i++;
    return i > 0 && i < 4 && i + 1 < len && (s[i] == '.' || s[i] == ')') && s[i + 1] == ' ';
}

static bool ends_sentence(const bytes *para)
{
    size_t at;
    uint32_t cp = last_char(para->data ? para->data : "", para->len, &at);

    return cp == '.' || cp == '!' || cp == '?' || cp == ':' || cp == 0x3002 || cp == 0xFF01 ||
           cp == 0xFF1F || cp == 0x61F;
}

/* Does line b go on with the paragraph whose last line is a? */
static bool continues(const pdf *p, const pdf_line *a, const pdf_line *b, double left,
                      const bytes *para)
{
    const char *s = p->text.data + b->at;
    double height = fmax(a->y1 - a->y0, 1), gap = b->y0 - a->y1;

    if (a->page != b->page || fabs(a->size - b->size) > 0.12 * fmax(a->size, b->size) + 0.3)
        return false;
    if (fabs(a->y0 - b->y0) < height * 0.5 && b->x0 >= a->x1 - 1)
        return true; /* further along the same line */
    if (para->len <= 4 && is_bullet(first_char(para->data, para->len)))
        return true; /* a bullet by itself waits for its item */
    if (begins_item(s, b->len))
        return false;
    if (b->y0 < a->y0 - height || gap > height * PARAGRAPH_GAP)
        return !ends_sentence(para) && begins_lower(s, b->len) && b->y0 < a->y0 - height;
    if (b->x0 > left + INDENT * b->size && ends_sentence(para))
        return false;
    if (b->x0 > a->x1 || b->x1 < a->x0)
        return false;
    /* A last line clearly shorter than its neighbours, after a full stop. */
    if (ends_sentence(para) && a->x1 < b->x1 - 8 * b->size)
        return false;
    return true;
}

static size_t count_tabs(const pdf *p, const pdf_line *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->len; i++)
        n += p->text.data[l->at + i] == '\t';
    return n;
}

/* Rows from line i on: how many lines with cells follow each other closely. */
static size_t table_rows(const pdf *p, size_t i)
{
    size_t n = 0;

    for (const pdf_line *prev = NULL; i < p->n; prev = &p->lines[i++]) {
        const pdf_line *l = &p->lines[i];

        if (l->dropped || !count_tabs(p, l) || l->page != p->lines[i - n].page ||
            (prev && l->y0 - prev->y1 > 2 * (prev->y1 - prev->y0)) || (prev && l->y0 < prev->y0))
            break;
        n++;
    }
    return n >= 2 ? n : 0; /* one line may just be stretched to the margin */
}

static void give_table(pdf *p, size_t first, size_t n, bytes *out)
{
    bytes_reset(out);
    for (size_t i = first; i < first + n; i++) {
        const pdf_line *l = &p->lines[i];

        if (i > first)
            bytes_append(out, "\n", 1);
        for (size_t k = 0; k < l->len; k++) {
            char c = p->text.data[l->at + k];
            if (c == '\t')
                bytes_append(out, " | ", 3);
            else
                bytes_append(out, &c, 1);
        }
    }
    p->e->page = p->lines[first].page;
    /* A first row in another weight than the second is a header. */
    emit_block(p->e, INGEST_TABLE, n > 2 && p->lines[first].bold && !p->lines[first + 1].bold,
               out->data, out->len);
}

static void give_paragraphs(pdf *p)
{
    emitter *e = p->e;
    bytes para;
    size_t i = 0, rows;

    bytes_init(&para, SIZE_MAX / 4);
    while (i < p->n && !e->status) {
        const pdf_line *l = &p->lines[i], *prev = l;
        unsigned level;
        double left = l->x0;

        if (l->dropped) {
            i++;
            continue;
        }
        rows = table_rows(p, i);
        if (rows) {
            give_table(p, i, rows, &para);
            i += rows;
            continue;
        }
        level = heading_level(p, i);
        bytes_reset(&para);
        e->page = l->page;
        join(&para, p->text.data + l->at, l->len);
        for (i++; i < p->n; i++) {
            const pdf_line *b = &p->lines[i];
            if (b->dropped) {
                if (b->page != prev->page)
                    break;
                continue;
            }
            if (table_rows(p, i) || heading_level(p, i) != level ||
                (level && b->outline && !b->goes_on) ||
                (level && (b->y0 - prev->y1 > (prev->y1 - prev->y0) || para.len > HEADING_BYTES)) ||
                (!level && !continues(p, prev, b, left, &para)) || b->page != prev->page)
                break;
            if (join(&para, p->text.data + b->at, b->len))
                emit_fail(e, CAIRN_ENOMEM, "a paragraph");
            left = fmin(left, b->x0);
            prev = b;
        }
        for (size_t k = 0; k < para.len; k++)
            if (para.data[k] == '\t')
                para.data[k] = ' ';
        emit_block(e, level ? INGEST_HEADING : INGEST_PARAGRAPH, level, para.data, para.len);
    }
    bytes_clear(&para);
}

/* ---- what stands on the page without being its text ---- */

/* Values of filled-in form fields and the words of notes: they are not among the page's own
 * characters. */
static void page_extras(pdf *p, PopplerPage *page, bytes *out)
{
    GList *fields = poppler_page_get_form_field_mapping(page);
    GList *notes = poppler_page_get_annot_mapping(page);

    for (GList *l = fields; l; l = l->next) {
        PopplerFormField *field = ((PopplerFormFieldMapping *)l->data)->field;
        char *name, *value;

        if (poppler_form_field_get_field_type(field) != POPPLER_FORM_FIELD_TEXT ||
            poppler_form_field_text_is_password(field))
            continue;
        name = poppler_form_field_get_name(field);
        value = poppler_form_field_text_get_text(field);
        if (value && *value)
            bytes_printf(out, "%s%.200s%s%.4000s", out->len ? "\n" : "", name ? name : "",
                         name && *name ? ": " : "", value);
        g_free(name);
        g_free(value);
    }
    for (GList *l = notes; l; l = l->next) {
        PopplerAnnot *note = ((PopplerAnnotMapping *)l->data)->annot;
        PopplerAnnotType type = poppler_annot_get_annot_type(note);
        char *words = NULL;

        if (type == POPPLER_ANNOT_TEXT || type == POPPLER_ANNOT_FREE_TEXT ||
            type == POPPLER_ANNOT_HIGHLIGHT)
            words = poppler_annot_get_contents(note);
        if (words && *words)
            bytes_printf(out, "%s%.4000s", out->len ? "\n" : "", words);
        g_free(words);
    }
    poppler_page_free_form_field_mapping(fields);
    poppler_page_free_annot_mapping(notes);
}

/* After the text of all pages, so that paragraphs stay whole. */
static void give_extras(pdf *p, PopplerDocument *doc)
{
    bytes words;

    bytes_init(&words, (size_t)1 << 20);
    for (size_t i = 0; i < p->n_pages && !p->e->status; i++) {
        PopplerPage *page = poppler_document_get_page(doc, (int)i);

        if (!page)
            continue;
        bytes_reset(&words);
        page_extras(p, page, &words);
        p->e->page = (uint32_t)i + 1;
        emit_block(p->e, INGEST_PARAGRAPH, 0, words.data ? words.data : "", words.len);
        g_object_unref(page);
    }
    bytes_clear(&words);
}

/* ---- outline and metadata ---- */

static void walk_outline(pdf *p, PopplerIndexIter *it, unsigned level)
{
    do {
        PopplerAction *action = poppler_index_iter_get_action(it);
        PopplerIndexIter *child;

        if (action) {
            const char *title = action->any.title;
            uint64_t key = title ? text_key(title, strlen(title), false) : 0;
            if (key && p->n_outline < PDF_MAX_OUTLINE) {
                p->outline[p->n_outline].key = key;
                p->outline[p->n_outline++].level = (uint8_t)(level < 6 ? level : 6);
            }
            poppler_action_free(action);
        }
        child =
            level < 6 && p->n_outline < PDF_MAX_OUTLINE ? poppler_index_iter_get_child(it) : NULL;
        if (child) {
            walk_outline(p, child, level + 1);
            poppler_index_iter_free(child);
        }
    } while (p->n_outline < PDF_MAX_OUTLINE && poppler_index_iter_next(it));
}

static void read_outline(pdf *p, PopplerDocument *doc)
{
    PopplerIndexIter *it = poppler_index_iter_new(doc);

    if (!it)
        return;
    p->outline = checked_malloc(PDF_MAX_OUTLINE, sizeof *p->outline);
    if (p->outline)
        walk_outline(p, it, 1);
    poppler_index_iter_free(it);
}

static int by_outline_key(const void *a, const void *b)
{
    const outline_entry *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void match_outline(pdf *p)
{
    double largest = 0;
    bool shift = false;
    bytes title;

    if (!p->n_outline)
        return;
    qsort(p->outline, p->n_outline, sizeof *p->outline, by_outline_key);
    bytes_init(&title, 4 * HEADING_BYTES);
    for (size_t i = 0; i < p->n; i++) {
        pdf_line *l = &p->lines[i];

        /* A title set in the body's own type is as likely a line of the table of contents. */
        if (l->dropped || l->goes_on || (l->size < p->body * 1.02 && !l->bold))
            continue;
        bytes_reset(&title);
        for (size_t k = i; k < p->n && k < i + 3; k++) { /* up to three lines */
            const pdf_line *b = &p->lines[k];
            outline_entry want = {0}, *found;

            if (b->page != l->page || fabs(b->size - l->size) > 0.3 ||
                bytes_append(&title, p->text.data + b->at, b->len))
                break;
            want.key = text_key(title.data, title.len, false);
            found = want.key ? bsearch(&want, p->outline, p->n_outline, sizeof want, by_outline_key)
                             : NULL;
            if (!found)
                continue;
            for (size_t j = i; j <= k; j++) {
                p->lines[j].outline = found->level;
                p->lines[j].goes_on = j > i;
            }
            largest = fmax(largest, l->size);
            break;
        }
    }
    bytes_clear(&title);
    /* The title on the first page is set larger than any chapter and is seldom in the outline:
     * chapters go below it. */
    for (size_t i = 0; i < p->n && p->lines[i].page == 1 && !shift; i++)
        shift = !p->lines[i].dropped && !p->lines[i].outline && p->lines[i].size > largest + 0.75;
    for (size_t i = 0; shift && largest > 0 && i < p->n; i++)
        if (p->lines[i].outline && p->lines[i].outline < 6)
            p->lines[i].outline++;
}

static void take_string(emitter *e, document_field field, const char *key, char *s)
{
    if (s && *s) {
        if (field == FIELD_META)
            emit_meta(e, key, s, strlen(s));
        else
            emit_field(e, field, s, strlen(s));
    }
    g_free(s);
}

static void take_date(emitter *e, document_field field, GDateTime *date)
{
    if (!date)
        return;
    if (g_date_time_to_unix(date) > 0 && g_date_time_to_unix(date) < INT64_C(8000000000))
        emit_number(e, field, g_date_time_to_unix(date) * 1000000000);
    g_date_time_unref(date);
}

static void read_metadata(emitter *e, PopplerDocument *doc)
{
    static const char *const useless[] = {
        "untitled", "unbenannt", "microsoft word", "slide 1", "powerpoint presentation",
        "document1"};
    char *title = poppler_document_get_title(doc);
    bool good = title != NULL;

    for (size_t i = 0; good && i < sizeof useless / sizeof *useless; i++)
        good = strncasecmp(title, useless[i], strlen(useless[i])) != 0;
    if (good)
        take_string(e, FIELD_TITLE, NULL, title);
    else
        g_free(title);
    take_string(e, FIELD_AUTHOR, NULL, poppler_document_get_author(doc));
    take_string(e, FIELD_META, "subject", poppler_document_get_subject(doc));
    take_string(e, FIELD_META, "keywords", poppler_document_get_keywords(doc));
    take_date(e, FIELD_DATE, poppler_document_get_modification_date_time(doc));
    take_date(e, FIELD_CREATED, poppler_document_get_creation_date_time(doc));
}

static cairn_status open_failure(emitter *e, const GError *error)
{
    if (error && g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED))
        return emit_fail(e, CAIRN_EINPUT, "encrypted: a password is needed");
    return emit_fail(e, CAIRN_EINPUT, "broken PDF: %s",
                     error && error->message ? error->message : "it cannot be opened");
}

cairn_status parse_pdf(emitter *e, const parse_input *in)
{
    GBytes *data = g_bytes_new_static(in->data, in->len);
    GError *error = NULL;
    PopplerDocument *doc = poppler_document_new_from_bytes(data, NULL, &error);
    pdf p = {.e = e};
    int n;

    bytes_init(&p.text, SIZE_MAX / 4);
    if (!doc) {
        open_failure(e, error);
        goto done;
    }
    read_metadata(e, doc);
    n = poppler_document_get_n_pages(doc);
    if (n <= 0) {
        emit_fail(e, CAIRN_EINPUT, "broken PDF: it has no pages");
        goto done;
    }
    if (n > PDF_MAX_PAGES) {
        emit_fail(e, CAIRN_ELIMIT, "has %d pages, more than %d", n, PDF_MAX_PAGES);
        goto done;
    }
    p.n_pages = (size_t)n;
    p.heights = calloc(p.n_pages, sizeof *p.heights);
    if (!p.heights) {
        emit_fail(e, CAIRN_ENOMEM, "%d pages", n);
        goto done;
    }
    emit_number(e, FIELD_PAGES, n);
    for (int i = 0; i < n && !e->status; i++) {
        PopplerPage *page = poppler_document_get_page(doc, i);
        double width;

        if (!page)
            continue; /* a broken page among good ones */
        poppler_page_get_size(page, &width, &p.heights[i]);
        page_lines(&p, page, (uint32_t)i + 1);
        g_object_unref(page);
    }
    if (e->status)
        goto done;
    if (p.n) {
        drop_running_lines(&p);
        find_sizes(&p);
        read_outline(&p, doc);
        match_outline(&p);
        give_paragraphs(&p);
    }
    give_extras(&p, doc);
    if (!e->n_blocks)
        emit_field(e, FIELD_NOTE, "no text layer: a scan or drawings", 33);
done:
    if (doc)
        g_object_unref(doc);
    if (error)
        g_error_free(error);
    g_bytes_unref(data);
    bytes_clear(&p.text);
    free(p.lines);
    free(p.heights);
    free(p.outline);
    return e->status;
}
