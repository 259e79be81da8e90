/* query_words.c - how a query was read, in words, for --explain. */
#include <string.h>

#include "base/utf8.h"
#include "retrieve/query_tree.h"

#define WORDS_MAX 8192 /* bytes; a longer account is cut */

typedef struct account {
    bytes text;
    bool failed;
} account;

static void say(account *a, const char *s)
{
    if (a->text.len + strlen(s) + 8 < WORDS_MAX)
        a->failed |= bytes_append_str(&a->text, s) != CAIRN_OK;
}

static void say_text(account *a, const char *s, size_t len)
{
    len = len > 200 ? utf8_floor(s, 200) : len;
    if (a->text.len + len + 8 < WORDS_MAX)
        a->failed |= bytes_append(&a->text, s, len) != CAIRN_OK;
}

static void say_number(account *a, double v)
{
    if (a->text.len + 40 < WORDS_MAX)
        a->failed |= bytes_printf(&a->text, "%.6g", v) != CAIRN_OK;
}

static void say_date(account *a, int64_t ns)
{
    /* Howard Hinnant's civil_from_days, http://howardhinnant.github.io/date_algorithms.html */
    int64_t day_ns = 86400 * INT64_C(1000000000), z = ns / day_ns - (ns % day_ns < 0) + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;

    if (a->text.len + 40 < WORDS_MAX)
        a->failed |= bytes_printf(&a->text, "%04lld-%02lld-%02lld",
                                  (long long)(yoe + era * 400 + (month <= 2)), (long long)month,
                                  (long long)(doy - (153 * mp + 2) / 5 + 1)) != CAIRN_OK;
}

static void say_whole(account *a, const char *before, int64_t v)
{
    if (a->text.len + 60 < WORDS_MAX)
        a->failed |= bytes_printf(&a->text, "%s%lld", before, (long long)v) != CAIRN_OK;
}

/* A half-open range of numbers, both ends named as they belong to it. */
static void say_range(account *a, const filter_value *v)
{
    if (v->lo != INT64_MIN && v->hi == v->lo + 1) {
        say_whole(a, " is ", v->lo);
    } else if (v->lo == INT64_MIN) {
        say_whole(a, " below ", v->hi);
    } else {
        say_whole(a, " from ", v->lo);
        if (v->hi != INT64_MAX)
            say_whole(a, " to ", v->hi - 1);
    }
}

static void say_predicate(account *a, const filter_predicate *p)
{
    static const char *const names[FILTER_FIELDS] = {
        "uri",  "title", "ext",  "lang",  "mime",     "author", "tag",
        "path", "date",  "size", "pages", "modified", "created"};
    static const char *const ops[] = {" is ",       " begins with ", " contains ", " has the word ",
                                      " is like ", " lies in ",     ""};

    say(a, p->field == FILTER_URI ? "path" : names[p->field]);
    say(a, ops[p->op]);
    for (size_t i = 0; i < p->n_values; i++) {
        const filter_value *v = &p->values[i];
        say(a, i ? " or " : "");
        if (p->op != FILTER_RANGE) {
            say_text(a, v->text, strlen(v->text));
            continue;
        }
        if (p->field == FILTER_SIZE || p->field == FILTER_PAGES) {
            say_range(a, v);
            say(a, p->field == FILTER_SIZE ? " bytes" : "");
            continue;
        }
        if (v->lo != INT64_MIN) {
            say(a, " from ");
            say_date(a, v->lo);
        }
        if (v->hi != INT64_MAX) {
            say(a, " before ");
            say_date(a, v->hi);
        }
    }
}

static void say_clause(account *a, const lexical_clause *c)
{
    static const char *const where[] = {"title", "path", "headings", "body"};
    bool quoted = c->kind == LEXICAL_PHRASE;

    switch (c->kind) {
    case LEXICAL_WILDCARD:
        say(a, "words like ");
        break;
    case LEXICAL_REGEX:
        say(a, "words matching /");
        break;
    case LEXICAL_FUZZY:
        say(a, c->edits > 1 ? "words within 2 edits of " : "words within 1 edit of ");
        break;
    default:
        break;
    }
    if (c->kind == LEXICAL_NEAR) {
        for (size_t i = 0; i < c->n_parts; i++) {
            say(a, i ? " near " : "");
            say_clause(a, &c->parts[i]);
        }
        say(a, " (at most ");
        say_number(a, c->slop);
        say(a, " words between)");
    } else {
        say(a, quoted ? "\"" : "");
        say_text(a, c->text, c->len);
        say(a, quoted ? "\"" : c->kind == LEXICAL_REGEX ? "/" : "");
    }
    if (quoted && c->slop) {
        say(a, " moved by up to ");
        say_number(a, c->slop);
    }
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        if (c->field_mask == 1u << f) {
            say(a, " in the ");
            say(a, where[f]);
        }
    if (c->boost > 0) {
        say(a, " times ");
        say_number(a, (double)c->boost);
    }
}

static void say_node(account *a, const query_node *n);

static void say_items(account *a, const query_node *n)
{
    for (const query_node *c = n->first; c; c = c->next) {
        say(a, c == n->first ? "" : n->kind == QUERY_AND ? " and "
                              : n->kind == QUERY_OR  ? " or "
                                                     : "; ");
        if (n->kind == QUERY_SEQUENCE && query_is_excluded(c))
            say(a, "must not have: ");
        else if (n->kind == QUERY_SEQUENCE && c->kind == QUERY_FILTER)
            say(a, "only: ");
        else if (n->kind == QUERY_SEQUENCE)
            say(a, query_is_required(c) ? "must have: " : "may have: ");
        else if (c->excluded)
            say(a, "not ");
        if (n->kind == QUERY_SEQUENCE && c->kind == QUERY_NOT && !c->excluded)
            say_node(a, c->first);
        else
            say_node(a, c);
    }
}

static void say_node(account *a, const query_node *n)
{
    switch (n->kind) {
    case QUERY_FILTER:
        say_predicate(a, &n->predicate);
        break;
    case QUERY_WORDS:
    case QUERY_CLAUSE:
        say_clause(a, &n->clause);
        break;
    case QUERY_NOT:
        say(a, "not ");
        say_node(a, n->first);
        break;
    default:
        if (n->n == 1 && !query_is_required(n->first) && !query_is_excluded(n->first)) {
            say_node(a, n->first);
            break;
        }
        say(a, "(");
        say_items(a, n);
        say(a, ")");
        break;
    }
}

const char *query_in_words(query_reader *q, const query_node *typed, const query_node *filter)
{
    account a = {.failed = false};
    const char *out;

    bytes_init(&a.text, WORDS_MAX + 1);
    if (typed)
        say_items(&a, typed);
    if (filter && filter->first) {
        say(&a, a.text.len ? "; restricted to: " : "restricted to: ");
        say_items(&a, filter);
    }
    out = arena_strndup(q->a, a.text.data ? a.text.data : "", a.text.len);
    q->failed |= !out || a.failed;
    bytes_clear(&a.text);
    return out;
}
