/* pdf_render.c - see pdf_render.h. The lines come from pdf_page.c, which made the passage's text,
 * too; words are looked for among the characters of the page, which have a box each. Marks are
 * multiplied onto the page, so that black letters stay black. */
#include "ingest/extract/pdf_render.h"

#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "ingest/extract/page_match.h"
#include "ingest/extract/pdf_page.h"

#define PAGE_TEXT_MAX ((size_t)4 << 20)
#define WORDS_MAX     64
#define BOXES_MAX     1000 /* of words, on one page */
#define BLOCK_AROUND  3.0
#define WORD_AROUND   0.5
#define BAR_GAP       8.0 /* points from the bar to the lines it stands beside */
#define BAR_WIDTH     2.5
#define SAME_BLOCK    1.2 /* of a line's height: lines this close share a bar */

static const double line_tint[] = {0.87, 0.95, 0.925}, bar_tint[] = {0.17, 0.56, 0.51},
                    word_tint[] = {1.0, 0.9, 0.55};

typedef struct box {
    double x0, y0, x1, y1;
} box;

/* ---- which lines ---- */

static cairn_status no_block(void *ctx, const ingest_block *b, cairn_error *err)
{
    (void)ctx, (void)b, (void)err;
    return CAIRN_OK;
}

static int from_the_top(const void *a, const void *b)
{
    const box *x = a, *y = b;

    if (x->y0 != y->y0)
        return x->y0 < y->y0 ? -1 : 1;
    return x->x0 < y->x0 ? -1 : x->x0 > y->x0;
}

/* Boxes of the lines that hold letters of the passage. */
static cairn_status find_lines(PopplerPage *page, const page_request *want, box *out, size_t *n)
{
    block_sink sink = {.block = no_block};
    letters all = {0}, passage = {0};
    bool *covered = NULL;
    emitter e;
    pdf p = {.e = &e};
    cairn_status st;

    *n = 0;
    emitter_init(&e, &sink, PAGE_TEXT_MAX);
    bytes_init(&p.text, PAGE_TEXT_MAX * 4);
    pdf_page_lines(&p, page, 1);
    st = e.status ? e.status : letters_add(&passage, want->passage, want->passage_len, 0);
    for (size_t i = 0; i < p.n && !st; i++)
        st = letters_add(&all, p.text.data + p.lines[i].at, p.lines[i].len, (uint32_t)i);
    if (!st && !(covered = checked_malloc(all.n ? all.n : 1, sizeof *covered)))
        st = CAIRN_ENOMEM;
    if (!st)
        st = page_match(&all, &passage, covered);
    for (size_t i = 0; !st && i < all.n && *n < PAGE_IMAGE_MARKS_MAX;) {
        const pdf_line *l = &p.lines[all.place[i]];
        bool any = false;
        for (size_t line = all.place[i]; i < all.n && all.place[i] == line; i++)
            any |= covered[i];
        if (any)
            out[(*n)++] = (box){l->x0, l->y0, l->x1, l->y1};
    }
    qsort(out, *n, sizeof *out, from_the_top);
    free(covered);
    letters_clear(&all);
    letters_clear(&passage);
    bytes_clear(&p.text);
    free(p.lines);
    emitter_clear(&e);
    return st;
}

/* ---- which words ---- */

static bool in_word(uint32_t cp)
{
    return g_unichar_isalnum(cp) || g_unichar_ismark(cp);
}

/* Scripts that put no space between words. */
static bool is_dense(uint32_t cp)
{
    return (cp >= 0x0E00 && cp <= 0x0EFF) || (cp >= 0x2E80 && cp <= 0x9FFF) ||
           (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x20000 && cp <= 0x3FFFF);
}

/* Does `word` stand at all[at], as a word of its own? `page` has the characters themselves, by
 * place. */
static bool word_at(const letters *all, size_t at, const letters *word, const gunichar *page,
                    size_t n_page)
{
    size_t first, last;

    if (!word->n || word->n > all->n - at ||
        memcmp(all->cp + at, word->cp, word->n * sizeof *word->cp) != 0)
        return false;
    first = all->place[at];
    last = all->place[at + word->n - 1];
    if (last - first > 4 * word->n + 8) /* letters with a gulf of signs between them */
        return false;
    if (is_dense(page[first]))
        return true;
    return (!first || !in_word(page[first - 1])) &&
           (last + 1 >= n_page || !in_word(page[last + 1]));
}

/* The boxes of characters [first, last], one a line. */
static size_t word_boxes(const PopplerRectangle *r, size_t first, size_t last, box *out,
                         size_t room)
{
    size_t n = 0;

    for (size_t i = first; i <= last; i++) {
        box b = {fmin(r[i].x1, r[i].x2), fmin(r[i].y1, r[i].y2), fmax(r[i].x1, r[i].x2),
                 fmax(r[i].y1, r[i].y2)};
        if (b.x1 <= b.x0 || b.y1 <= b.y0)
            continue;
        if (n && fabs(out[n - 1].y0 - b.y0) < (b.y1 - b.y0) / 2) {
            out[n - 1].x0 = fmin(out[n - 1].x0, b.x0);
            out[n - 1].x1 = fmax(out[n - 1].x1, b.x1);
        } else if (n < room) {
            out[n++] = b;
        }
    }
    return n;
}

static size_t split_words(const page_request *want, letters *words)
{
    size_t n = 0;

    for (size_t at = 0; at < want->words_len && n < WORDS_MAX;) {
        const char *s = want->words + at, *end = memchr(s, '\n', want->words_len - at);
        size_t len = end ? (size_t)(end - s) : want->words_len - at;

        if (letters_add(&words[n], s, len, 0))
            break;
        n += words[n].n > 0;
        at += len + 1;
    }
    return n;
}

static size_t find_words(PopplerPage *page, const page_request *want, box *out)
{
    letters words[WORDS_MAX] = {0}, all = {0};
    char *text = poppler_page_get_text(page);
    PopplerRectangle *boxes = NULL;
    guint n_boxes = 0;
    gunichar *chars = NULL;
    glong n_chars = 0;
    size_t n = 0, n_words = split_words(want, words);
    cairn_status st = CAIRN_OK;

    if (text && n_words && strlen(text) <= PAGE_TEXT_MAX &&
        poppler_page_get_text_layout(page, &boxes, &n_boxes))
        chars = g_utf8_to_ucs4_fast(text, -1, &n_chars);
    if (n_chars > (glong)n_boxes)
        n_chars = (glong)n_boxes;
    for (glong i = 0; i < n_chars && !st; i++) {
        char one[6];
        st = letters_add(&all, one, (size_t)g_unichar_to_utf8(chars[i], one), (uint32_t)i);
    }
    for (size_t i = 0; i < all.n && !st && n < BOXES_MAX; i++)
        for (size_t w = 0; w < n_words; w++)
            if (word_at(&all, i, &words[w], chars, (size_t)n_chars)) {
                n += word_boxes(boxes, all.place[i], all.place[i + words[w].n - 1], out + n,
                                BOXES_MAX - n);
                break;
            }
    for (size_t w = 0; w < WORDS_MAX; w++)
        letters_clear(&words[w]);
    letters_clear(&all);
    g_free(chars);
    g_free(boxes);
    g_free(text);
    return n;
}

/* ---- drawing ---- */

static void tint(cairo_t *cr, const double colour[3], const box *b, double around)
{
    cairo_set_source_rgb(cr, colour[0], colour[1], colour[2]);
    cairo_rectangle(cr, b->x0 - around, b->y0 - around / 2, b->x1 - b->x0 + 2 * around,
                    b->y1 - b->y0 + around);
    cairo_fill(cr);
}

/* What is drawn next leaves the words out: their own tint stays pure. */
static void spare_words(cairo_t *cr, const box *words, size_t n)
{
    double x0, y0, x1, y1;

    cairo_clip_extents(cr, &x0, &y0, &x1, &y1);
    cairo_rectangle(cr, x0, y0, x1 - x0, y1 - y0);
    for (size_t i = 0; i < n; i++)
        cairo_rectangle(cr, words[i].x0 - WORD_AROUND, words[i].y0 - WORD_AROUND / 2,
                        words[i].x1 - words[i].x0 + 2 * WORD_AROUND,
                        words[i].y1 - words[i].y0 + WORD_AROUND);
    cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
    cairo_clip(cr);
    cairo_set_fill_rule(cr, CAIRO_FILL_RULE_WINDING);
}

/* Lines that follow each other are one block, with a bar beside it. */
static void draw_blocks(cairo_t *cr, const box *lines, size_t n)
{
    for (size_t i = 0, k; i < n; i = k) {
        box block = lines[i], bar;

        for (k = i + 1; k < n; k++) {
            double height = lines[k].y1 - lines[k].y0;
            if (lines[k].y0 - block.y1 > SAME_BLOCK * height || lines[k].x0 > block.x1 ||
                lines[k].x1 < block.x0)
                break;
            block.x0 = fmin(block.x0, lines[k].x0);
            block.x1 = fmax(block.x1, lines[k].x1);
            block.y1 = fmax(block.y1, lines[k].y1);
        }
        tint(cr, line_tint, &block, BLOCK_AROUND);
        bar = block;
        bar.x0 = fmax(bar.x0 - BAR_GAP, 1);
        bar.x1 = bar.x0 + BAR_WIDTH;
        tint(cr, bar_tint, &bar, 0);
    }
}

static cairo_status_t take_png(void *ctx, const unsigned char *data, unsigned len)
{
    return bytes_append(ctx, data, len) ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static uint16_t share(double at, double whole)
{
    return (uint16_t)(fmin(fmax(at / whole, 0), 1) * 65535);
}

static cairn_status draw(PopplerPage *page, double width, double height, const page_request *want,
                         const box *lines, const box *words, size_t n_words, page_image *out,
                         cairn_error *err)
{
    double scale = (double)want->width / width;
    cairo_surface_t *surface;
    cairo_t *cr;
    bytes png;
    cairn_status st = CAIRN_OK;

    if (width * scale * height * scale > (double)PAGE_IMAGE_PIXELS_MAX * 0.98)
        scale = sqrt((double)PAGE_IMAGE_PIXELS_MAX * 0.98 / (width * height));
    out->width = (uint32_t)fmax(width * scale, 1);
    out->height = (uint32_t)fmax(height * scale, 1);
    surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)out->width, (int)out->height);
    cr = cairo_create(surface);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_scale(cr, scale, scale);
    cairo_save(cr);
    poppler_page_render(page, cr);
    cairo_restore(cr);
    cairo_set_operator(cr, CAIRO_OPERATOR_MULTIPLY);
    cairo_save(cr);
    spare_words(cr, words, n_words);
    draw_blocks(cr, lines, out->n_marks);
    cairo_restore(cr);
    for (size_t i = 0; i < n_words; i++)
        tint(cr, word_tint, &words[i], WORD_AROUND);
    cairo_surface_flush(surface);
    bytes_init(&png, PAGE_IMAGE_BYTES_MAX);
    if (cairo_status(cr) != CAIRO_STATUS_SUCCESS)
        st = cairn_fail(err, CAIRN_EINPUT, "the page cannot be drawn: %s",
                        cairo_status_to_string(cairo_status(cr)));
    else if (cairo_surface_write_to_png_stream(surface, take_png, &png))
        st = cairn_fail(err, CAIRN_ELIMIT, "the page is too large as an image");
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    out->png = png.data;
    out->png_len = png.len;
    return st;
}

static cairn_status render_page(PopplerPage *page, const page_request *want, page_image *out,
                                cairn_error *err)
{
    box *lines = checked_malloc(PAGE_IMAGE_MARKS_MAX, sizeof *lines);
    box *words = checked_malloc(BOXES_MAX, sizeof *words);
    double width = 0, height = 0;
    size_t n_words = 0;
    cairn_status st = lines && words ? CAIRN_OK : CAIRN_ENOMEM;

    poppler_page_get_size(page, &width, &height);
    if (!st && (!(width >= 1) || !(height >= 1) || width > 100000 || height > 100000))
        st = cairn_fail(err, CAIRN_EINPUT, "a page of %.0f x %.0f points", width, height);
    if (!st)
        st = find_lines(page, want, lines, &out->n_marks);
    if (!st && out->n_marks && !(out->marks = checked_malloc(out->n_marks, sizeof *out->marks)))
        st = CAIRN_ENOMEM;
    if (!st) {
        for (size_t i = 0; i < out->n_marks; i++)
            out->marks[i] = (page_mark){share(lines[i].x0, width), share(lines[i].y0, height),
                                        share(lines[i].x1, width), share(lines[i].y1, height)};
        n_words = find_words(page, want, words);
        st = draw(page, width, height, want, lines, words, n_words, out, err);
    }
    if (st == CAIRN_ENOMEM)
        cairn_fail(err, st, "the image of a page");
    free(lines);
    free(words);
    return st;
}

cairn_status pdf_render(const parse_input *in, const page_request *want, page_image *out,
                        cairn_error *err)
{
    GBytes *data = g_bytes_new_static(in->data, in->len);
    GError *problem = NULL;
    PopplerDocument *doc = NULL;
    PopplerPage *page = NULL;
    cairn_status st = CAIRN_OK;

    *out = (page_image){0};
    if (!memmem(in->data, in->len < 1024 ? in->len : 1024, "%PDF-", 5))
        st = cairn_fail(err, CAIRN_EUNSUPPORTED, "not a PDF");
    if (!st && !(doc = poppler_document_new_from_bytes(data, NULL, &problem)))
        st = cairn_fail(err, CAIRN_EINPUT, "broken or encrypted PDF: %s",
                        problem ? problem->message : "it cannot be opened");
    if (!st) {
        out->n_pages = (uint32_t)poppler_document_get_n_pages(doc);
        if (want->page >= 1 && want->page <= out->n_pages)
            page = poppler_document_get_page(doc, (int)want->page - 1);
        st = page ? render_page(page, want, out, err)
                  : cairn_fail(err, CAIRN_EINPUT, "there is no page %u among its %u", want->page,
                               out->n_pages);
    }
    if (page)
        g_object_unref(page);
    if (doc)
        g_object_unref(doc);
    if (problem)
        g_error_free(problem);
    g_bytes_unref(data);
    return st;
}
