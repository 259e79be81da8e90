/* pdf.c - PDF through Poppler: lines with their place and type size, then paragraphs.
 *
 *   1. lines in reading order, by pdf_page.c;
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

#include "base/checked.h"
#include "base/utf8.h"
#include "ingest/extract/ocr.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/pdf_extras.h"
#include "ingest/extract/pdf_page.h"
#include "ingest/extract/refuse.h"
#include "ingest/page_labels.h"

#define PDF_MAX_PAGES   20000
#define PDF_MAX_OUTLINE 4096
#define HEADING_RATIO   1.15 /* to the body size */
#define HEADING_BYTES   200  /* longer lines of large type are text */
#define PARAGRAPH_GAP   0.65 /* of the line height, between two lines of one paragraph */
#define INDENT          0.8  /* of the type size: a first line set in */
#define EDGE_BAND       0.12 /* of the page's height, where running heads stand */
#define EDGE_LINES      3    /* at most so many from either edge */

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

/* ---- outline ---- */

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

static cairn_status open_failure(emitter *e, const GError *error)
{
    if (error && g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED))
        return emit_fail(e, CAIRN_EINPUT,
                         "encrypted: a password is needed; save it without one (qpdf --decrypt, or print it to a PDF), and index that");
    return emit_fail(e, CAIRN_EINPUT, "broken PDF: %s",
                     error && error->message ? error->message : "it cannot be opened");
}

/* What the document calls its pages, where that is not their number. */
static void page_labels(emitter *e, PopplerDocument *doc, int n)
{
    cairn_status st = CAIRN_OK;
    bytes runs;

    bytes_init(&runs, PAGE_LABELS_MAX + 1);
    for (int i = 0; i < n && !st; i++) {
        PopplerPage *page = poppler_document_get_page(doc, i);
        char *label = page ? poppler_page_get_label(page) : NULL;

        st = page_labels_add(&runs, (uint32_t)i + 1, label ? label : "");
        g_free(label);
        if (page)
            g_object_unref(page);
    }
    if (!st && runs.len)
        emit_meta(e, PAGE_LABELS_KEY, runs.data, runs.len);
    bytes_clear(&runs);
}

/* The pages that have no text of their own, behind those that have. */
static void recognise(const pdf *p, PopplerDocument *doc, const bool *scanned)
{
    size_t left = 0;
    bool time = true;
    char note[80];

    for (size_t i = 0; i < p->n_pages && !p->e->status; i++) {
        PopplerPage *page = scanned[i] ? poppler_document_get_page(doc, (int)i) : NULL;
        if (!page)
            continue;
        p->e->page = (uint32_t)i + 1;
        time = time && ocr_page(p->e, page);
        left += !time;
        g_object_unref(page);
    }
    if (left && p->e->n_blocks) {
        snprintf(note, sizeof note, "%zu pages are scans and were not recognised in time", left);
        emit_field(p->e, FIELD_NOTE, note, strlen(note));
    }
}

static gboolean take_bytes(const gchar *data, gsize n, gpointer ctx, GError **error)
{
    bytes *out = ctx;

    if (!bytes_append(out, data, n))
        return TRUE;
    g_set_error(error, g_quark_from_static_string("cairn"), 1, "larger than a file may be");
    return FALSE;
}

/* Files embedded in the document, each a member. */
static void give_attachments(emitter *e, const parse_input *in, PopplerDocument *doc)
{
    unpack_budget own = {.packed = in->len};
    parse_input around = *in;
    GList *list = poppler_document_get_attachments(doc);
    bytes data;

    if (!around.budget)
        around.budget = &own;
    bytes_init(&data, UNPACK_MAX_FILE);
    for (GList *at = list; at && !e->status; at = at->next) {
        PopplerAttachment *a = at->data;
        const char *name = a->name && *a->name ? a->name : "unnamed";
        bytes_reset(&data);
        if (++around.budget->files > UNPACK_MAX_FILES)
            break;
        if (poppler_attachment_save_to_callback(a, take_bytes, &data, NULL) && data.len &&
            (around.budget->unpacked += data.len) <= UNPACK_MAX_TOTAL)
            parse_member(e, &around, name, data.data, data.len, 0);
    }
    g_list_free_full(list, g_object_unref);
    bytes_clear(&data);
}

cairn_status parse_pdf(emitter *e, const parse_input *in)
{
    GBytes *data = g_bytes_new_static(in->data, in->len);
    GError *error = NULL;
    PopplerDocument *doc = poppler_document_new_from_bytes(data, NULL, &error);
    pdf p = {.e = e};
    bool *scanned = NULL; /* pages without text */
    size_t lines;
    int n;

    bytes_init(&p.text, SIZE_MAX / 4);
    if (!doc) {
        open_failure(e, error);
        goto done;
    }
    pdf_metadata(e, doc);
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
    page_labels(e, doc, n);
    scanned = calloc(p.n_pages, sizeof *scanned);
    for (int i = 0; i < n && !e->status; i++) {
        PopplerPage *page = poppler_document_get_page(doc, i);
        double width;

        if (!page)
            continue; /* a broken page among good ones */
        poppler_page_get_size(page, &width, &p.heights[i]);
        lines = p.n;
        pdf_page_lines(&p, page, (uint32_t)i + 1);
        if (scanned)
            scanned[i] = p.n == lines;
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
    pdf_extras(e, doc, p.n_pages);
    if (ocr_is_on() && scanned)
        recognise(&p, doc, scanned);
    if (!e->n_blocks)
        emit_field(e, FIELD_NOTE, "no text layer: a scan or drawings", 33);
    if (poppler_document_has_attachments(doc))
        give_attachments(e, in, doc);
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
    free(scanned);
    return e->status;
}
