/* filter_eval.c - which rows an expression holds for.
 *
 * A predicate is compared with each distinct value of its column once; the rows of the values that match
 * are united, the negation applied, and the predicates intersected. Values and patterns are
 * folded to lower case first (an ASCII fast path, ICU for the rest) unless the file system decides. */
#include "index/filter/filter_format.h"

#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/utf8.h"

#define VALUE_MAX (1u << 20) /* of one value, folded */

/* ---- one value against one predicate ---- */

bool filter_folds(const filter_predicate *p)
{
    return !(p->field == FILTER_URI && (p->op == FILTER_PREFIX || p->op == FILTER_DIR));
}

cairn_status filter_fold(bytes *out, const char *s, size_t len)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < len && !st;) {
        uint32_t cp;
        char enc[4];
        if ((uint8_t)s[i] < 0x80) {
            uint8_t c = (uint8_t)s[i++];
            st = bytes_append_byte(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
            continue;
        }
        i += utf8_decode(s + i, len - i, &cp, NULL);
        cp = (uint32_t)u_foldCase((UChar32)cp, U_FOLD_CASE_DEFAULT);
        st = bytes_append(out, enc, utf8_encode(cp, enc));
    }
    return st;
}

/* Letters that stand together without spaces have a boundary between any two of them. */
static bool is_word_part(uint32_t cp)
{
    int32_t lb = u_getIntPropertyValue((UChar32)cp, UCHAR_LINE_BREAK);

    return u_isalnum((UChar32)cp) && lb != U_LB_IDEOGRAPHIC && lb != U_LB_COMPLEX_CONTEXT;
}

static bool boundary(const char *s, size_t len, size_t at)
{
    uint32_t before, after;
    size_t b = at;

    if (at == 0 || at >= len)
        return true;
    do
        b--;
    while (b > 0 && ((uint8_t)s[b] & 0xc0) == 0x80);
    utf8_decode(s + b, at - b, &before, NULL);
    utf8_decode(s + at, len - at, &after, NULL);
    return !(is_word_part(before) && is_word_part(after));
}

static bool has_word(const char *s, size_t len, const char *word, size_t n)
{
    for (size_t from = 0; n && from + n <= len;) {
        const char *hit = memmem(s + from, len - from, word, n);
        if (!hit)
            return false;
        size_t at = (size_t)(hit - s);
        if (boundary(s, len, at) && boundary(s, len, at + n))
            return true;
        from = at + 1;
    }
    return false;
}

/* * any run, ? one character. Remembers the last star only, so it is O(len * pattern). */
static bool glob(const char *s, size_t len, const char *p, size_t n)
{
    size_t i = 0, j = 0, star = SIZE_MAX, from = 0;

    while (i < len) {
        if (j < n && p[j] == '*') {
            star = j++;
            from = i;
        } else if (j < n && p[j] == '?') {
            uint32_t cp;
            i += utf8_decode(s + i, len - i, &cp, NULL);
            j++;
        } else if (j < n && p[j] == s[i]) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            j = star + 1;
            i = ++from;
        } else {
            return false;
        }
    }
    while (j < n && p[j] == '*')
        j++;
    return j == n;
}

/* Whether folder `dir` lies above the file `uri`. */
static bool in_dir(const char *uri, size_t len, const char *dir, size_t n)
{
    while (n > 1 && dir[0] == '.' && dir[1] == '/') {
        dir += 2;
        n -= 2;
    }
    while (n && dir[n - 1] == '/')
        n--;
    if (n == 0) /* "/" or "./": everything that lies in a folder */
        return memchr(uri, '/', len) != NULL;
    for (size_t at = 0; at + n < len; at++) {
        if (uri[at + n] == '/' && (at == 0 || (dir[0] != '/' && uri[at - 1] == '/')) &&
            memcmp(uri + at, dir, n) == 0)
            return true;
        if (dir[0] == '/')
            break; /* from the root only */
    }
    return false;
}

static bool text_matches(filter_op op, const char *s, size_t len, const char *want, size_t n)
{
    switch (op) {
    case FILTER_EQ:
        return len == n && memcmp(s, want, n) == 0;
    case FILTER_PREFIX:
        return len >= n && memcmp(s, want, n) == 0;
    case FILTER_CONTAINS:
        return n == 0 || (len >= n && memmem(s, len, want, n) != NULL);
    case FILTER_WORD:
        return has_word(s, len, want, n);
    case FILTER_GLOB:
        return glob(s, len, want, n);
    case FILTER_DIR:
        return in_dir(s, len, want, n);
    case FILTER_RANGE:
        break;
    }
    return false;
}

/* A predicate with its patterns folded. */
typedef struct matcher {
    const filter_predicate *p;
    bytes *want; /* [n_values] */
    bytes value; /* the value at hand, folded */
} matcher;

static void matcher_clear(matcher *m)
{
    for (size_t i = 0; m->want && i < m->p->n_values; i++)
        bytes_clear(&m->want[i]);
    free(m->want);
    bytes_clear(&m->value);
}

static cairn_status matcher_init(matcher *m, const filter_predicate *p, cairn_error *err)
{
    bool range = p->op == FILTER_RANGE;
    cairn_status st = CAIRN_OK;

    *m = (matcher){.p = p};
    bytes_init(&m->value, VALUE_MAX);
    if ((unsigned)p->field >= FILTER_FIELDS || range == filter_field_is_text(p->field) ||
        (p->op == FILTER_DIR && p->field != FILTER_URI))
        return cairn_fail(err, CAIRN_EUSAGE, "a filter on field %d cannot use operator %d",
                          (int)p->field, (int)p->op);
    if (range)
        return CAIRN_OK;
    m->want = calloc(p->n_values + 1, sizeof *m->want);
    if (!m->want)
        return cairn_fail(err, CAIRN_ENOMEM, "filter");
    for (size_t i = 0; i < p->n_values; i++)
        bytes_init(&m->want[i], VALUE_MAX);
    for (size_t i = 0; i < p->n_values && !st; i++) {
        const char *s = p->values[i].text;
        st = filter_folds(p) ? filter_fold(&m->want[i], s, strlen(s)) : bytes_append_str(&m->want[i], s);
    }
    return st ? cairn_fail(err, st, "filter value") : CAIRN_OK;
}

/* Without the negation. A value too long to fold does not match. */
static bool matcher_has(matcher *m, const char *s, size_t len)
{
    if (filter_folds(m->p)) {
        bytes_reset(&m->value);
        if (filter_fold(&m->value, s, len))
            return false;
        s = m->value.data ? m->value.data : "";
        len = m->value.len;
    }
    for (size_t i = 0; i < m->p->n_values; i++)
        if (text_matches(m->p->op, s, len, m->want[i].data ? m->want[i].data : "",
                         m->want[i].len))
            return true;
    return false;
}

static bool number_matches(const filter_predicate *p, const filter_row *row)
{
    int64_t n = p->field == FILTER_DATE       ? row->date_ns
                : p->field == FILTER_SIZE     ? row->size
                : p->field == FILTER_MODIFIED ? row->modified_ns
                : p->field == FILTER_CREATED  ? row->created_ns
                                              : row->pages;

    for (size_t i = 0; filter_number_known(p->field, n) && i < p->n_values; i++)
        if (n >= p->values[i].lo && n < p->values[i].hi)
            return true;
    return false;
}

/* ---- columns ---- */

typedef struct row_set {
    uint64_t *bits;
} row_set;

static void set_row(void *ctx, uint32_t row)
{
    uint64_t *bits = ((row_set *)ctx)->bits;

    bits[row >> 6] |= (uint64_t)1 << (row & 63);
}

static cairn_status eval_text(const filter_reader *r, matcher *m, filter_field field,
                              uint64_t *bits, cairn_error *err)
{
    const filter_column *c = &r->column[field];
    row_set set = {bits};
    cairn_status st = CAIRN_OK;
    uint64_t *wanted = NULL;

    if (c->kind == FILTER_KIND_CODES) {
        wanted = calloc(row_set_words(c->n_values) + 1, sizeof *wanted);
        if (!wanted)
            return cairn_fail(err, CAIRN_ENOMEM, "filter over %u values", c->n_values);
    }
    for (uint32_t v = 0; v < c->n_values && !st; v++) {
        size_t len;
        const char *text = filter_value_text(c, v, &len);
        if (!matcher_has(m, text, len))
            continue;
        if (wanted)
            wanted[v >> 6] |= (uint64_t)1 << (v & 63);
        else
            st = filter_value_rows(r, field, v, set_row, &set, err);
    }
    for (uint32_t row = 0; wanted && row < r->rows; row++)
        if (c->code[row] < c->n_values && row_set_has(wanted, c->code[row]))
            set_row(&set, row);
    free(wanted);
    return st;
}

/* The first entry that is not below v. */
static uint32_t first_not_below(const filter_numbers *c, int64_t v)
{
    uint32_t lo = 0, hi = c->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (c->value[mid] < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void eval_range(const filter_reader *r, const filter_predicate *p, uint64_t *bits)
{
    const filter_numbers *c = &r->numbers[p->field];
    row_set set = {bits};

    for (size_t i = 0; i < p->n_values; i++) {
        uint32_t end = first_not_below(c, p->values[i].hi);
        for (uint32_t at = first_not_below(c, p->values[i].lo); at < end; at++)
            if (c->row[at] < r->rows)
                set_row(&set, c->row[at]);
    }
}

cairn_status filter_eval(const filter_reader *r, const filter_expr *expr, uint64_t *bits,
                         uint32_t *n_rows, cairn_error *err)
{
    size_t words = row_set_words(r->rows);
    uint64_t *one = checked_malloc(words, sizeof *one);
    cairn_status st = CAIRN_OK;
    uint32_t n = 0;

    if (!one)
        return cairn_fail(err, CAIRN_ENOMEM, "filter over %u rows", r->rows);
    if (words)
        memset(bits, 0xff, words * sizeof *bits);
    if (r->rows & 63)
        bits[words - 1] = ((uint64_t)1 << (r->rows & 63)) - 1;
    for (size_t i = 0; i < expr->n && !st; i++) {
        const filter_predicate *p = &expr->predicates[i];
        matcher m;
        memset(one, 0, words * sizeof *one);
        st = matcher_init(&m, p, err);
        if (!st && p->op == FILTER_RANGE)
            eval_range(r, p, one);
        else if (!st)
            st = eval_text(r, &m, p->field, one, err);
        if (!st && p->field == FILTER_URI)
            st = eval_text(r, &m, FILTER_PLACE, one, err);
        matcher_clear(&m);
        for (size_t w = 0; w < words; w++)
            bits[w] &= p->negated ? ~one[w] : one[w];
    }
    for (size_t w = 0; w < words; w++)
        n += (uint32_t)__builtin_popcountll(bits[w]);
    if (n_rows)
        *n_rows = n;
    free(one);
    return st;
}

bool filter_matches(const filter_row *row, const filter_expr *expr)
{
    const char *text[FILTER_FIELDS] = {
        [FILTER_URI] = row->uri,   [FILTER_TITLE] = row->title, [FILTER_EXT] = row->ext,
        [FILTER_LANG] = row->lang, [FILTER_MIME] = row->mime,   [FILTER_AUTHOR] = row->author,
    };

    for (size_t i = 0; i < expr->n; i++) {
        const filter_predicate *p = &expr->predicates[i];
        matcher m;
        bool holds = false;
        if (matcher_init(&m, p, NULL)) {
            matcher_clear(&m);
            return false;
        }
        if (p->op == FILTER_RANGE) {
            holds = number_matches(p, row);
        } else if (p->field == FILTER_TAG) {
            for (size_t t = 0; t < row->n_tags && !holds; t++)
                holds = matcher_has(&m, row->tags[t], strlen(row->tags[t]));
        } else {
            const char *s = text[p->field] ? text[p->field] : "";
            holds = matcher_has(&m, s, strlen(s));
            for (size_t t = 0; p->field == FILTER_URI && t < row->n_places && !holds; t++)
                holds = matcher_has(&m, row->places[t], strlen(row->places[t]));
        }
        matcher_clear(&m);
        if (holds == p->negated)
            return false;
    }
    return true;
}

static uint64_t matching_rows(const filter_column *c, matcher *m)
{
    uint64_t n = 0;

    for (uint32_t v = 0; v < c->n_values; v++) {
        size_t len;
        const char *text = filter_value_text(c, v, &len);
        if (matcher_has(m, text, len))
            n += c->count[v];
    }
    return n;
}

cairn_status filter_estimate(const filter_reader *r, const filter_expr *expr, uint32_t *rows,
                             cairn_error *err)
{
    uint64_t least = r->rows;

    *rows = r->rows;
    for (size_t i = 0; i < expr->n; i++) {
        const filter_predicate *p = &expr->predicates[i];
        uint64_t n = 0;
        matcher m;
        cairn_status st = matcher_init(&m, p, err);
        if (!st && p->op == FILTER_RANGE) {
            for (size_t v = 0; v < p->n_values; v++) {
                const filter_numbers *c = &r->numbers[p->field];
                uint32_t from = first_not_below(c, p->values[v].lo);
                uint32_t end = first_not_below(c, p->values[v].hi);
                n += end > from ? end - from : 0;
            }
        } else if (!st) {
            n = matching_rows(&r->column[p->field], &m);
            if (p->field == FILTER_URI)
                n += matching_rows(&r->column[FILTER_PLACE], &m);
        }
        matcher_clear(&m);
        if (st)
            return st;
        if (p->negated) /* several values a row may be counted twice, so no upper bound of those */
            n = filter_field_is_many(p->field) || p->field == FILTER_URI || n > r->rows
                    ? r->rows
                    : r->rows - n;
        if (p->negated && p->op == FILTER_RANGE && p->n_values > 1)
            n = r->rows; /* ranges may overlap */
        least = n < least ? n : least;
    }
    *rows = (uint32_t)least;
    return CAIRN_OK;
}
