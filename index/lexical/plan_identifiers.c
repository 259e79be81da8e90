/* plan_identifiers.c - identifiers and part numbers in any spelling: AB1234, AB-1234, "ab 1234" and AB-12/34 find each other.
 *
 * An identifier is letters and digits, parted by signs or not, or a word and a number with a blank between. Without its signs it is J
 * (ab1234). Looked for beside what was typed are
 *
 *   J as one word            where the collection has it
 *   J's runs in a row        "ab 1234", what AB-1234 and AB/1234 are parted into
 *   some of the runs joined  "k2 bu 64t" of K2BU64T, where neither of these is anywhere
 *   the runs with a cut      "ab 12 34", likewise: another place for the sign
 *
 * each of words that some dictionary has, so that a question about years and counts gains nothing. Digits alone are one only from
 * DIGITS_LEAST on (telephone numbers, ISBN): 5-10 is not 510. Nothing is indexed for it. */
#include "index/lexical/identifiers.h"
#include "index/lexical/plan.h"

#include <string.h>

#define RUNS_MAX     6
#define DIGITS_LEAST 7
#define CUT_MAX      10 /* digits of a run that is cut */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* An identifier without its signs, its runs of letters and of digits, and the pieces that it was typed in. */
typedef struct identifier {
    char text[IDENTIFIER_MAX + 1];
    size_t len;
    size_t run[RUNS_MAX + 1]; /* where each begins; the end behind the last */
    size_t n_runs;
    size_t piece[IDENTIFIER_MAX + 1];
    size_t n_pieces;
} identifier;

/* False: it is none. */
static bool read_identifier(const char *s, size_t len, identifier *id)
{
    bool letter = false, sign = true;
    size_t digits = 0;

    *id = (identifier){.len = 0};
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (identifier_is_sign(c) || c == ' ') {
            if (sign)
                return false; /* in front, or two in a row */
            sign = true;
            continue;
        }
        if ((!is_digit(c) && !is_alpha(c)) || id->len == IDENTIFIER_MAX)
            return false;
        if (!id->len || is_digit(c) != is_digit(id->text[id->len - 1])) {
            if (id->n_runs == RUNS_MAX)
                return false;
            id->run[id->n_runs++] = id->len;
        }
        if (sign)
            id->piece[id->n_pieces++] = id->len;
        sign = false;
        letter |= !is_digit(c);
        digits += is_digit(c);
        id->text[id->len++] = is_digit(c) ? c : (char)(c | 0x20);
    }
    id->run[id->n_runs] = id->piece[id->n_pieces] = id->len;
    return !sign && digits && (letter || digits >= DIGITS_LEAST);
}

static bool all_of(const char *s, size_t len, bool (*is)(char c))
{
    for (size_t i = 0; i < len; i++)
        if (!is(s[i]))
            return false;
    return true;
}

size_t identifier_join(const char *s, size_t len, char out[IDENTIFIER_MAX])
{
    identifier id;

    if (!read_identifier(s, len, &id))
        return 0;
    memcpy(out, id.text, id.len);
    return id.len;
}

/* One sign stands between, or a blank between a word and its number. */
bool identifier_goes_on(const char *s, size_t start, size_t end, size_t next, bool stop)
{
    if (next != end + 1)
        return false;
    if (s[end] != ' ')
        return identifier_is_sign(s[end]);
    return !stop && end - start <= IDENTIFIER_WORD && all_of(s + start, end - start, is_alpha) && is_digit(s[next]);
}

static bool as_typed(const identifier *id, const size_t *at, size_t n)
{
    return n == id->n_pieces && !memcmp(at, id->piece, n * sizeof *at);
}

/* The pieces of id between at[0] .. at[n] in a row, unless that was typed or one of them is nowhere. */
static cairn_status add_row(plan_builder *b, const identifier *id, const size_t *at, size_t n, query_group *g, size_t *added)
{
    query_word *words;
    cairn_status st = CAIRN_OK;

    if (as_typed(id, at, n))
        return CAIRN_OK;
    words = arena_calloc(b->memory, n, sizeof *words);
    if (!words)
        return plan_no_memory(b);
    for (size_t i = 0; i < n && !st; i++) {
        const analyzer_token *t;
        size_t n_tokens;
        bool known = false;
        st = analyzer_run(b->analyzer, b->lang[0], id->text + at[i], at[i + 1] - at[i], &t, &n_tokens, b->err);
        if (!st && n_tokens)
            st = plan_is_known(b, &t[0], &known);
        if (st || !known)
            return st;
        words[i].offset = (uint32_t)i;
        st = plan_term(b, t[0].term, t[0].len, &words[i].term);
    }
    if (!st)
        st = plan_add_alt(b, g, &(query_alt){.words = words, .n = n});
    ++*added;
    return st;
}

/* Signs between some of three and more runs. */
static cairn_status add_groupings(plan_builder *b, const identifier *id, query_group *g, size_t *added)
{
    const uint32_t every = ((uint32_t)1 << (id->n_runs - 1)) - 1; /* a bit for each place between two */
    cairn_status st = CAIRN_OK;

    for (uint32_t places = 1; places < every && !st; places++) {
        size_t at[RUNS_MAX + 1] = {0}, n = 1;
        for (size_t r = 1; r < id->n_runs; r++)
            if (places >> (r - 1) & 1)
                at[n++] = id->run[r];
        at[n] = id->len;
        st = add_row(b, id, at, n, g, added);
    }
    return st;
}

/* Other places for a sign: each run of digits in two. */
static cairn_status add_cuts(plan_builder *b, const identifier *id, query_group *g, size_t *added)
{
    cairn_status st = CAIRN_OK;

    for (size_t r = 0; r < id->n_runs; r++) {
        size_t from = id->run[r], to = id->run[r + 1], at[RUNS_MAX + 2];
        if (!is_digit(id->text[from]) || to - from > CUT_MAX)
            continue;
        for (size_t cut = from + 1; cut < to && !st; cut++) {
            memcpy(at, id->run, (r + 1) * sizeof *at);
            at[r + 1] = cut;
            memcpy(at + r + 2, id->run + r + 1, (id->n_runs - r) * sizeof *at);
            st = add_row(b, id, at, id->n_runs + 1, g, added);
        }
    }
    return st;
}

cairn_status plan_spell_identifier(plan_builder *b, query_group *g, const char *text, size_t len, size_t *added)
{
    identifier id;
    size_t before = *added, at[2] = {0, 0};
    cairn_status st;

    if (!read_identifier(text, len, &id))
        return CAIRN_OK;
    at[1] = id.len;
    st = add_row(b, &id, at, 1, g, added);
    if (!st && id.n_runs > 1)
        st = add_row(b, &id, id.run, id.n_runs, g, added);
    if (!st && *added == before && id.n_runs > 2)
        st = add_groupings(b, &id, g, added);
    if (!st && *added == before && id.n_runs > 1)
        st = add_cuts(b, &id, g, added);
    return st;
}

/* ---- of several words ---- */

/* The words of a clause that may belong together. */
typedef struct clause_piece {
    uint32_t start, end;
    bool stop;
} clause_piece;

static bool has_digit(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (is_digit(s[i]))
            return true;
    return false;
}

static cairn_status list_pieces(plan_builder *b, const lexical_clause *c, clause_piece **out, size_t *n, cairn_error *err)
{
    const analyzer_token *t;
    size_t n_tokens;
    const char *lang = b->stop_lang ? b->stop_lang : b->lang[0];
    cairn_status st = analyzer_run(b->analyzer, lang, c->text, c->len, &t, &n_tokens, err);

    *n = 0;
    if (st)
        return st;
    *out = arena_calloc(b->memory, n_tokens + 1, sizeof **out);
    if (!*out)
        return plan_no_memory(b);
    for (size_t i = 0; i < n_tokens; i++)
        if (!t[i].extra)
            (*out)[(*n)++] = (clause_piece){t[i].start, t[i].end, t[i].stop};
    return CAIRN_OK;
}

static bool belongs(const char *s, const clause_piece *p, const clause_piece *next)
{
    return identifier_goes_on(s, p->start, p->end, next->start, p->stop);
}

cairn_status plan_find_identifier(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost, query_group *g, bool *found)
{
    size_t added = 0, i = 0;
    cairn_status st = CAIRN_OK;

    *found = false;
    *g = (query_group){.occur = c->occur, .plane = plane, .boost = boost, .whole = true, .end = (uint32_t)c->len};
    if (c->occur == LEXICAL_MUST_NOT || c->len > 2 * IDENTIFIER_MAX || memchr(c->text, ' ', c->len) || !has_digit(c->text, c->len) ||
        all_of(c->text, c->len, is_digit))
        return CAIRN_OK;
    while (i < c->len && !identifier_is_sign(c->text[i]))
        i++;
    if (i == c->len)
        return CAIRN_OK; /* one word, which has its spellings itself */
    st = plan_spell_identifier(b, g, c->text, c->len, &added);
    *found = added > 0;
    return st || !*found ? st : plan_add_texts(b, g, c->text, c->len);
}

cairn_status plan_add_identifiers(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost)
{
    clause_piece *p = NULL;
    size_t n = 0;
    cairn_status st;

    if (c->occur != LEXICAL_SHOULD || !has_digit(c->text, c->len))
        return CAIRN_OK;
    st = list_pieces(b, c, &p, &n, b->err);
    b->binding = false;
    for (size_t i = 0; i + 1 < n && !st; i++)
        for (size_t j = i; j + 1 < n && j - i + 1 < IDENTIFIER_PIECES && belongs(c->text, &p[j], &p[j + 1]) && !st; j++) {
            query_group g = {.occur = c->occur, .plane = plane, .boost = boost, .whole = true, .start = p[i].start, .end = p[j + 1].end};
            size_t added = 0;
            if (!i && j + 2 == n && !memchr(c->text, ' ', c->len))
                continue; /* the clause itself: plan_find_identifier */
            st = plan_spell_identifier(b, &g, c->text + p[i].start, p[j + 1].end - p[i].start, &added);
            if (!st && added)
                st = plan_add_group(b, &g);
        }
    b->binding = true;
    return st;
}
