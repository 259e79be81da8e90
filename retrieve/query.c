/* query.c - from what a person types to clauses and conditions: reading (query_read.c), then lowering
 * (query_lower.c). */
#include "retrieve/query.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "retrieve/query_tokens.h"
#include "retrieve/query_tree.h"

/* A private copy with every kind of double quote as '"' and every blank as one that is_blank knows. */
static char *prepare(query_reader *q, const char *s, size_t *len)
{
    static const struct {
        uint32_t cp;
        char as;
    } plain[] = {{0x201c, '"'}, {0x201d, '"'}, {0x201e, '"'}, {0x201f, '"'}, {0xab, '"'},
                 {0xbb, '"'},   {0xa0, ' '},   {0x3000, ' '}, {0x202f, ' '}, {0xff02, '"'}};
    size_t n = strlen(s), at = 0;

    if (n > RETRIEVE_QUERY_MAX_BYTES) {
        n = utf8_floor(s, RETRIEVE_QUERY_MAX_BYTES);
        query_remark(q, "the query was cut to its first 64 KiB", "", 0, "");
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

/* The text as a tree; of a plain one, all as words whatever signs it holds. */
static query_node *read_text(query_reader *q, const char *text, bool plain, bool in_filter)
{
    size_t len;
    const char *s = prepare(q, text, &len);
    query_node *root, *words;

    if (!s) {
        q->failed = true;
        return NULL;
    }
    if (!plain)
        return query_read(q, s, len, in_filter);
    root = query_new_node(q, QUERY_SEQUENCE);
    words = query_new_node(q, QUERY_WORDS);
    if (root && words && len) {
        words->clause = (lexical_clause){.text = s, .len = len};
        query_append(root, words);
    }
    return root;
}

/* A text of signs alone has no direction; where nothing else was asked either, that is said. */
static void drop_signs(query_reader *q, const char *typed, retrieve_query *out)
{
    const bool signs = out->text_len && !query_says_something(out->text, out->text_len);

    if (signs) {
        out->text = "";
        out->text_len = 0;
    }
    while (query_is_blank(*typed))
        typed++;
    if (signs || (*typed && !out->text_len && !out->n_clauses && !out->filter.n))
        query_remark(q, "without a letter or a digit there is nothing to search for", "", 0, "");
}

static cairn_status parse(retrieve_query *out, const char *typed, bool plain, const char *filter,
                          int64_t today, arena *a, cairn_error *err)
{
    query_reader q = {.a = a, .today = today};
    query_node *words, *restricting = NULL;
    cairn_status st;

    *out = (retrieve_query){0};
    words = read_text(&q, typed, plain, false);
    if (filter && *filter)
        restricting = read_text(&q, filter, false, true);
    if (q.failed)
        return cairn_fail(err, CAIRN_ENOMEM, "query");
    st = query_lower(&q, words, restricting, out, err);
    if (!st)
        out->read_as = query_in_words(&q, words, restricting);
    if (!st && q.failed)
        st = cairn_fail(err, CAIRN_ENOMEM, "query");
    if (!st)
        drop_signs(&q, typed, out);
    out->note = q.note;
    return st;
}

cairn_status retrieve_query_parse(retrieve_query *out, const char *typed, const char *filter,
                                  arena *a, cairn_error *err)
{
    return parse(out, typed, false, filter, retrieve_today(), a, err);
}

cairn_status retrieve_query_parse_on(retrieve_query *out, const char *typed, const char *filter,
                                     int64_t day, arena *a, cairn_error *err)
{
    return parse(out, typed, false, filter, day, a, err);
}

cairn_status retrieve_query_plain(retrieve_query *out, const char *text, const char *filter,
                                  arena *a, cairn_error *err)
{
    return parse(out, text, true, filter, retrieve_today(), a, err);
}

cairn_status retrieve_query_plain_on(retrieve_query *out, const char *text, const char *filter,
                                     int64_t day, arena *a, cairn_error *err)
{
    return parse(out, text, true, filter, day, a, err);
}

cairn_status retrieve_query_ranges(const char *typed, arena *a, const suggest_range **out, size_t *n, cairn_error *err)
{
    query_reader q = {.a = a, .today = retrieve_today()};
    suggest_range *ranges = arena_calloc(a, QUERY_RANGES, sizeof *ranges);
    size_t len = 0;
    const char *s;

    *out = ranges;
    *n = 0;
    if (!ranges)
        return cairn_fail(err, CAIRN_ENOMEM, "query");
    if (!strchr(typed, ':'))
        return CAIRN_OK;
    s = prepare(&q, typed, &len);
    if (s && !strcmp(s, typed) && query_read(&q, s, len, false) && !q.failed) {
        memcpy(ranges, q.ranges, q.n_ranges * sizeof *ranges);
        *n = q.n_ranges;
    }
    return !s || q.failed ? cairn_fail(err, CAIRN_ENOMEM, "query") : CAIRN_OK;
}
