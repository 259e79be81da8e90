/* query_tokens.c - characters, quotes, names of fields, parentheses: what the reading of a typed query
 * (query_read.c) asks of its text.
 *
 * Parentheses are matched first, in one pass: those that open where an item may begin and that have
 * a partner are structure; all others are signs between words. */
#include "retrieve/query_tokens.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <unicode/uchar.h>

#include "base/utf8.h"

#define DEPTH_MAX 24 /* of parentheses */

static const query_field fields[] = {
    {"title", FILTER_TITLE, FILTER_WORD, 1u << LEXICAL_TITLE},
    {"heading", 0, 0, 1u << LEXICAL_HEADINGS},
    {"body", 0, 0, 1u << LEXICAL_BODY},
    {"path", FILTER_URI, FILTER_CONTAINS, 0},
    {"dir", FILTER_URI, FILTER_DIR, 0},
    {"ext", FILTER_EXT, FILTER_EQ, 0},
    {"lang", FILTER_LANG, FILTER_EQ, 0},
    {"tag", FILTER_TAG, FILTER_EQ, 0},
    {"type", FILTER_MIME, FILTER_PREFIX, 0},
    {"mime", FILTER_MIME, FILTER_PREFIX, 0},
    {"from", FILTER_AUTHOR, FILTER_CONTAINS, 0},
    {"author", FILTER_AUTHOR, FILTER_CONTAINS, 0},
    {"date", FILTER_DATE, FILTER_RANGE, 0},
    {"modified", FILTER_MODIFIED, FILTER_RANGE, 0},
    {"created", FILTER_CREATED, FILTER_RANGE, 0},
    {"size", FILTER_SIZE, FILTER_RANGE, 0},
    {"pages", FILTER_PAGES, FILTER_RANGE, 0},
};

/* ---- characters ---- */

bool query_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

bool query_is_letter(char c)
{
    return isalpha((unsigned char)c) || (uint8_t)c >= 0x80;
}

/* Whether there is anything to look for: a letter, a digit, anything beyond ASCII. */
bool query_has_content(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (query_is_letter(s[i]) || isdigit((unsigned char)s[i]))
            return true;
    return false;
}

bool query_says_something(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        i += utf8_decode(s + i, len - i, &cp, NULL);
        if (U_GET_GC_MASK((UChar32)cp) & (U_GC_L_MASK | U_GC_N_MASK))
            return true;
    }
    return false;
}

uint32_t query_partner_at(const query_reader *q, const char *p)
{
    return q->partner ? q->partner[p - q->text] : 0;
}

/* Whether an item ends at p: at a blank, the end, or a parenthesis that closes a group. */
bool query_at_end(const query_reader *q, const char *p)
{
    return p >= q->end || query_is_blank(*p) || (*p == ')' && query_partner_at(q, p));
}

const char *query_word_end(const query_reader *q, const char *p)
{
    while (!query_at_end(q, p))
        p++;
    return p;
}

void query_skip_blanks(query_reader *q)
{
    while (q->p < q->end && query_is_blank(*q->p))
        q->p++;
}

/* At a quote: the text inside, and *after behind the closing one. NULL when it never closes. */
const char *query_quoted(const query_reader *q, const char *p, size_t *len, const char **after)
{
    const char *close = memchr(p + 1, '"', (size_t)(q->end - p - 1));

    if (!close)
        return NULL;
    *len = (size_t)(close - p - 1);
    *after = close + 1;
    return p + 1;
}

/* At a slash: the end of a regular expression, behind its second slash, which only a blank, a
 * parenthesis that closes, a boost or the end may follow. NULL: it is a path or the like. */
const char *query_regex_end(const query_reader *q, const char *p)
{
    const char *s = p + 1;

    while (s < q->end && *s != '/' && !query_is_blank(*s))
        s += *s == '\\' && s + 1 < q->end ? 2 : 1;
    if (s >= q->end || *s != '/' || s == p + 1)
        return NULL;
    s++;
    return s == q->end || query_is_blank(*s) || *s == ')' || *s == '^' ? s : NULL;
}

const query_field *query_field_at(const query_reader *q, const char *p, const char **value)
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

/* ---- parentheses ---- */

typedef struct open_one {
    uint32_t at;
    bool structure;
} open_one;

/* Where the item that begins at p may be followed by a parenthesis that opens: behind signs and
 * the name of a field; strings in quotes and slashes are passed over whole. */
static const char *pass_prefix(const query_reader *q, const char *p, bool *begins)
{
    const char *value, *after;
    const query_field *f;
    size_t len;

    *begins = true;
    if ((*p == '-' || *p == '+') && p + 1 < q->end)
        p++;
    f = query_field_at(q, p, &value);
    if (f && value < q->end && !query_is_blank(*value))
        p = value;
    if (*p == '"' && query_quoted(q, p, &len, &after))
        p = after;
    else if (*p == '/' && (after = query_regex_end(q, p)))
        p = after;
    else
        return p;
    *begins = false;
    return p;
}

bool query_match_parentheses(query_reader *q)
{
    size_t n = (size_t)(q->end - q->text), n_open = 0, depth = 0;
    uint32_t *partner;
    open_one *open;
    bool begins = true;

    q->partner = NULL;
    if (!memchr(q->text, '(', n))
        return true;
    partner = arena_calloc(q->a, n + 1, sizeof *partner);
    open = arena_alloc(q->a, (n + 1) * sizeof *open);
    if (!partner || !open)
        return false;
    for (const char *p = q->text; p < q->end;) {
        if (query_is_blank(*p)) {
            begins = true;
            p++;
            continue;
        }
        if (begins)
            p = pass_prefix(q, p, &begins);
        if (p >= q->end || query_is_blank(*p))
            continue;
        if (*p == '(') {
            bool structure = begins && depth < DEPTH_MAX;
            if (begins && !structure)
                query_remark(q, "parentheses this deep were not read", "", 0, "");
            open[n_open++] = (open_one){(uint32_t)(p - q->text), structure};
            depth += structure;
            begins = structure;
        } else {
            begins = false;
            if (*p == ')' && n_open) {
                open_one o = open[--n_open];
                depth -= o.structure;
                if (o.structure) {
                    partner[o.at] = (uint32_t)(p - q->text) + 1;
                    partner[p - q->text] = o.at + 1;
                }
            }
        }
        p++;
    }
    while (n_open--)
        if (open[n_open].structure)
            query_remark(q, "a parenthesis is not closed: ", q->text + open[n_open].at,
                         n - open[n_open].at, "");
    q->partner = partner;
    return true;
}
