/* query.c - read a typed question. One pass over items separated by blanks; what does not parse as
 * an operator falls through to "words", so every text is a query. */
#include "retrieve/query.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/utf8.h"

#define DAY_NS (86400 * INT64_C(1000000000))

typedef struct known_field {
    const char *name;
    filter_field field;
    filter_op op;
} known_field;

static const known_field fields[] = {
    {"title", FILTER_TITLE, FILTER_WORD},     {"path", FILTER_URI, FILTER_CONTAINS},
    {"dir", FILTER_URI, FILTER_DIR},          {"ext", FILTER_EXT, FILTER_EQ},
    {"lang", FILTER_LANG, FILTER_EQ},         {"tag", FILTER_TAG, FILTER_EQ},
    {"type", FILTER_MIME, FILTER_PREFIX},     {"mime", FILTER_MIME, FILTER_PREFIX},
    {"from", FILTER_AUTHOR, FILTER_CONTAINS}, {"author", FILTER_AUTHOR, FILTER_CONTAINS},
    {"date", FILTER_DATE, FILTER_RANGE},
};

typedef struct parser {
    arena *a;
    const char *p, *end; /* what is left of the text at hand */
    bool in_filter;      /* the text is the --filter expression */
    lexical_clause *clauses;
    size_t n_clauses;
    filter_predicate *predicates;
    size_t n_predicates;
    bytes words; /* of the WORDS clause */
    bytes plain; /* for the embedder */
    const char *note;
    bool failed; /* memory ran out */
    bool has_required, has_excluded;
} parser;

/* Only the first remark is kept: one sentence is read, five are not. */
static void remark(parser *q, const char *before, const char *item, size_t len, const char *after)
{
    if (q->note)
        return;
    len = len > 60 ? utf8_floor(item, 60) : len;
    q->note = arena_printf(q->a, "%s%.*s%s", before, (int)len, item, after);
    q->failed |= !q->note;
}

static void append_spaced(parser *q, bytes *to, const char *s, size_t len)
{
    if (len == 0)
        return;
    q->failed |= (to->len && bytes_append_byte(to, ' ')) || bytes_append(to, s, len);
}

static void add_words(parser *q, const char *s, size_t len)
{
    if (q->in_filter) {
        remark(q, "a filter takes field:value terms; ignored: ", s, len, "");
        return;
    }
    append_spaced(q, &q->words, s, len);
    append_spaced(q, &q->plain, s, len);
}

static size_t operators(const parser *q)
{
    return q->n_clauses + q->n_predicates;
}

static void add_clause(parser *q, lexical_occur occur, lexical_kind kind, uint32_t fields_mask,
                       const char *s, size_t len)
{
    q->clauses[q->n_clauses++] =
        (lexical_clause){.occur = occur, .kind = kind, .field_mask = fields_mask, .text = s,
                         .len = len};
    q->has_required |= occur == LEXICAL_MUST;
    q->has_excluded |= occur == LEXICAL_MUST_NOT;
}

/* Whether there is anything to look for: a letter, a digit, anything beyond ASCII. */
static bool has_content(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (isalnum((unsigned char)s[i]) || (uint8_t)s[i] >= 0x80)
            return true;
    return false;
}

/* ---- dates ---- */

/* Days from 1970-01-01 to the first of a month of the Gregorian calendar; month may be 13. */
static int64_t days_to(int64_t year, int64_t month, int64_t day)
{
    if (month > 12) {
        month -= 12;
        year++;
    }
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool read_digits(const char **p, const char *end, int n, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (*p == end || !isdigit((unsigned char)**p))
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

/* 2025, 2025-09 or 2025-09-30 as the half-open range it names. */
static bool read_date(const char *s, const char *end, int64_t *lo, int64_t *hi)
{
    int64_t year, month = 0, day = 0;

    if (!read_digits(&s, end, 4, &year) || year < 1700 || year > 2250)
        return false;
    if (s < end) {
        if (*s++ != '-' || !read_digits(&s, end, 2, &month) || month < 1 || month > 12)
            return false;
        if (s < end && (*s++ != '-' || !read_digits(&s, end, 2, &day) || day < 1 ||
                        day > days_to(year, month + 1, 1) - days_to(year, month, 1)))
            return false;
    }
    if (s != end)
        return false;
    *lo = days_to(year, month ? month : 1, day ? day : 1) * DAY_NS;
    *hi = day     ? *lo + DAY_NS
          : month ? days_to(year, month + 1, 1) * DAY_NS
                  : days_to(year + 1, 1, 1) * DAY_NS;
    return true;
}

/* A date or a range with one end open at most. */
static bool read_range(const char *s, size_t len, filter_value *out)
{
    const char *end = s + len, *split = memchr(s, '/', len);
    size_t width = 1;
    int64_t unused;

    if (!split) {
        split = memmem(s, len, "..", 2);
        width = 2;
    }
    if (!split)
        return read_date(s, end, &out->lo_ns, &out->hi_ns);
    const char *to = split + width;
    if (split == s && to == end)
        return false;
    out->lo_ns = INT64_MIN;
    out->hi_ns = INT64_MAX;
    return (split == s || read_date(s, split, &out->lo_ns, &unused)) &&
           (to == end || read_date(to, end, &unused, &out->hi_ns)) && out->lo_ns < out->hi_ns;
}

/* ---- items ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* The end of the run of non-blanks that starts at p. */
static const char *word_end(const parser *q, const char *p)
{
    while (p < q->end && !is_blank(*p))
        p++;
    return p;
}

/* At a quote: the text inside, and *after behind the closing one. NULL when it never closes. */
static const char *quoted(const parser *q, const char *p, size_t *len, const char **after)
{
    const char *close = memchr(p + 1, '"', (size_t)(q->end - p - 1));

    if (!close)
        return NULL;
    *len = (size_t)(close - p - 1);
    *after = close + 1;
    return p + 1;
}

static const known_field *field_at(const parser *q, const char *p, const char **value)
{
    const char *name = p;

    while (p < q->end && isalpha((unsigned char)*p))
        p++;
    if (p == q->end || *p != ':' || p == name)
        return NULL;
    *value = p + 1;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strlen(fields[i].name) == (size_t)(p - name) &&
            strncasecmp(fields[i].name, name, (size_t)(p - name)) == 0)
            return &fields[i];
    return NULL;
}

/* One value of a list, quoted or up to a comma or blank; *at moves behind it. */
static bool read_value(const parser *q, const char **at, const char **s, size_t *len)
{
    const char *p = *at;

    if (p < q->end && *p == '"') {
        *s = quoted(q, p, len, at);
        return *s && *len && (*at == q->end || is_blank(**at) || **at == ',');
    }
    while (p < q->end && !is_blank(*p) && *p != ',')
        p++;
    *s = *at;
    *len = (size_t)(p - *at);
    *at = p;
    return *len > 0;
}

static const char *keep(parser *q, const char *s, size_t len)
{
    char *copy = arena_strndup(q->a, s, len);

    q->failed |= !copy;
    return copy ? copy : "";
}

/* Read the values behind "field:" and add the predicate. False: this is no field term after all. */
static bool add_field(parser *q, const known_field *f, bool negated, const char *value)
{
    filter_predicate p = {f->field, f->op, negated, NULL, 0};
    filter_value values[32] = {{0}};
    const char *title = NULL;
    size_t title_len = 0;

    do {
        const char *s;
        size_t len;
        if (p.n_values == 32 || !read_value(q, &value, &s, &len))
            return false;
        filter_value *v = &values[p.n_values++];
        if (f->field == FILTER_DATE) {
            if (!read_range(s, len, v)) {
                remark(q, "\"", s, len, "\" is no date such as 2025-09 or 2025-09-01/2025-09-30");
                return false;
            }
            continue;
        }
        if (f->field == FILTER_EXT && *s == '.' && len > 1) {
            s++;
            len--;
        }
        v->text = keep(q, s, len);
        if (p.op == FILTER_CONTAINS && f->field == FILTER_URI && strpbrk(v->text, "*?"))
            p.op = FILTER_GLOB;
        title = v->text;
        title_len = len;
    } while (value < q->end && *value == ',' && value++);
    if (value < q->end && !is_blank(*value))
        return false;

    filter_value *own = arena_alloc(q->a, p.n_values * sizeof *own);
    if (!own) {
        q->failed = true;
        return true;
    }
    memcpy(own, values, p.n_values * sizeof *own);
    p.values = own;
    q->predicates[q->n_predicates++] = p;
    if (f->field == FILTER_TITLE && !negated && !q->in_filter && p.n_values == 1) {
        add_clause(q, LEXICAL_SHOULD, LEXICAL_WORDS, 1u << LEXICAL_TITLE, title, title_len);
        append_spaced(q, &q->plain, title, title_len);
    }
    q->p = value;
    return true;
}

/* A quoted phrase at p, required or excluded. False when the quote is never closed. */
static bool add_phrase(parser *q, const char *p, bool negated)
{
    size_t len;
    const char *after, *s = quoted(q, p, &len, &after);

    if (!s)
        return false;
    q->p = after;
    if (!has_content(s, len))
        return true;
    if (q->in_filter) {
        add_words(q, s, len);
        return true;
    }
    s = keep(q, s, len);
    add_clause(q, negated ? LEXICAL_MUST_NOT : LEXICAL_MUST, LEXICAL_PHRASE, 0, s, len);
    if (!negated)
        append_spaced(q, &q->plain, s, len);
    return true;
}

static void read_item(parser *q)
{
    const char *p = q->p, *end = word_end(q, p), *value;
    bool room = operators(q) + 2 <= RETRIEVE_QUERY_MAX_TERMS;
    bool minus = *p == '-' && p + 1 < end &&
                 (isalpha((unsigned char)p[1]) || p[1] == '"' || (uint8_t)p[1] >= 0x80);
    const char *body = minus ? p + 1 : p;
    const known_field *f = room ? field_at(q, body, &value) : NULL;

    if (f && value < q->end && !is_blank(*value) && add_field(q, f, minus, value))
        return;
    if (room && *body == '"') {
        if (add_phrase(q, body, minus))
            return;
        remark(q, "a quote is not closed: read as words: ", body + 1, (size_t)(end - body - 1), "");
        minus = false;
    }
    q->p = end;
    while (body < end && *body == '"') /* of an open quote */
        body++;
    if (!has_content(body, (size_t)(end - body)))
        return; /* dashes and the like */
    if (minus && room && !q->in_filter && !f)
        add_clause(q, LEXICAL_MUST_NOT, LEXICAL_WORDS, 0, keep(q, body, (size_t)(end - body)),
                   (size_t)(end - body));
    else
        add_words(q, body, (size_t)(end - body));
}

/* A private copy with every kind of double quote as '"' and every blank as one that is_blank knows. */
static char *prepare(parser *q, const char *s, size_t *len)
{
    static const struct {
        uint32_t cp;
        char as;
    } plain[] = {{0x201c, '"'}, {0x201d, '"'}, {0x201e, '"'}, {0x201f, '"'}, {0xab, '"'},
                 {0xbb, '"'},   {0xa0, ' '},   {0x3000, ' '}, {0x202f, ' '}, {0xff02, '"'}};
    size_t n = strlen(s), at = 0;

    if (n > RETRIEVE_QUERY_MAX_BYTES) {
        n = utf8_floor(s, RETRIEVE_QUERY_MAX_BYTES);
        remark(q, "the query was cut to its first 64 KiB", "", 0, "");
    }
    char *out = arena_alloc(q->a, 3 * n + 1);
    if (!out)
        return NULL;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += utf8_decode(s + i, n - i, &cp, NULL); /* broken bytes become U+FFFD */
        size_t k = 0;
        while (k < sizeof plain / sizeof *plain && plain[k].cp != cp)
            k++;
        if (k < sizeof plain / sizeof *plain)
            out[at++] = plain[k].as;
        else
            at += utf8_encode(cp, out + at);
    }
    out[at] = '\0';
    *len = at;
    return out;
}

/* The whole text as words, whatever signs it holds. */
static cairn_status read_plain(parser *q, const char *text, cairn_error *err)
{
    size_t len;
    const char *s = prepare(q, text, &len);

    if (s && has_content(s, len))
        add_words(q, s, len);
    return !s || q->failed ? cairn_fail(err, CAIRN_ENOMEM, "query") : CAIRN_OK;
}

static cairn_status read_all(parser *q, const char *text, bool in_filter, cairn_error *err)
{
    size_t len;

    q->p = prepare(q, text, &len);
    if (!q->p)
        return cairn_fail(err, CAIRN_ENOMEM, "query");
    q->end = q->p + len;
    q->in_filter = in_filter;
    while (q->p < q->end && !q->failed) {
        if (is_blank(*q->p))
            q->p++;
        else
            read_item(q);
    }
    return q->failed ? cairn_fail(err, CAIRN_ENOMEM, "query") : CAIRN_OK;
}

static cairn_status parse(retrieve_query *out, const char *typed, bool plain, const char *filter,
                          arena *a, cairn_error *err)
{
    parser q = {.a = a};
    cairn_status st;

    *out = (retrieve_query){0};
    bytes_init(&q.words, 4 * RETRIEVE_QUERY_MAX_BYTES);
    bytes_init(&q.plain, 4 * RETRIEVE_QUERY_MAX_BYTES);
    q.clauses = arena_calloc(a, RETRIEVE_QUERY_MAX_TERMS + 1, sizeof *q.clauses);
    q.predicates = arena_calloc(a, RETRIEVE_QUERY_MAX_TERMS + 1, sizeof *q.predicates);
    q.failed = !q.clauses || !q.predicates;
    if (q.failed)
        st = cairn_fail(err, CAIRN_ENOMEM, "query");
    else
        st = plain ? read_plain(&q, typed, err) : read_all(&q, typed, false, err);
    if (!st && filter)
        st = read_all(&q, filter, true, err);
    if (!st && q.words.len)
        add_clause(&q, LEXICAL_SHOULD, LEXICAL_WORDS, 0, keep(&q, q.words.data, q.words.len),
                   q.words.len);
    out->text_len = q.plain.len;
    out->text = keep(&q, q.plain.data ? q.plain.data : "", q.plain.len);
    if (!st && q.failed)
        st = cairn_fail(err, CAIRN_ENOMEM, "query");
    bytes_clear(&q.words);
    bytes_clear(&q.plain);
    out->clauses = q.clauses;
    out->n_clauses = q.n_clauses;
    out->filter = (filter_expr){q.predicates, q.n_predicates};
    out->has_required = q.has_required;
    out->has_excluded = q.has_excluded;
    out->note = q.note;
    return st;
}

cairn_status retrieve_query_parse(retrieve_query *out, const char *typed, const char *filter,
                                  arena *a, cairn_error *err)
{
    return parse(out, typed, false, filter, a, err);
}

cairn_status retrieve_query_plain(retrieve_query *out, const char *text, const char *filter,
                                  arena *a, cairn_error *err)
{
    return parse(out, text, true, filter, a, err);
}
