/* regex.c - a regular expression to Glushkov's positions: which character each position reads, which
 * positions may come first, last and after each other.
 *
 * A recursive descent over the text that emits a position for every character it reads, so that a
 * counted repetition reads its atom again for each copy. Depth, positions and steps are bounded. */
#include <string.h>

#include "base/utf8.h"
#include "index/lexical/automaton.h"
#include "index/text/fold.h"

#define DEPTH_MAX  32
#define STEPS_MAX  20000
#define REPEAT_MAX 1000
#define RANGES_MAX 1024
#define CP_MAX     0x10FFFFu

typedef struct regex {
    automaton *a;
    automaton_classes *c;
    arena *memory;
    const char *p, *end;
    unsigned depth, steps;
    cairn_status st;
    cairn_error *err;
} regex;

/* A part of the expression. */
typedef struct part {
    automaton_set first, last;
    bool nullable;
} part;

static bool fail(regex *r, cairn_status st, const char *what)
{
    if (!r->st)
        r->st = cairn_fail(r->err, st, "%s", what);
    return false;
}

static bool add_range(regex *r, uint32_t lo, uint32_t hi)
{
    automaton_classes *c = r->c;

    if (c->n == RANGES_MAX)
        return fail(r, CAIRN_ELIMIT, "the expression is too large");
    c->range[c->n++] = (automaton_range){lo, hi};
    return true;
}

/* The ranges since the position before become a position. */
static bool end_position(regex *r, part *out)
{
    automaton *a = r->a;

    if (a->n_positions == AUTOMATON_POSITIONS)
        return fail(r, CAIRN_ELIMIT, "the expression is too large");
    *out = (part){0};
    set_put(&out->first, a->n_positions);
    set_put(&out->last, a->n_positions);
    r->c->end[a->n_positions++] = (uint32_t)r->c->n;
    return true;
}

/* y may follow x. */
static void link(regex *r, const automaton_set *x, const automaton_set *y)
{
    for (size_t i = 0; i < r->a->n_positions; i++)
        if (set_has(x, i))
            set_join(&r->a->follow[i], y);
}

/* x becomes x y. */
static void concatenate(regex *r, part *x, const part *y)
{
    link(r, &x->last, &y->first);
    if (x->nullable)
        set_join(&x->first, &y->first);
    if (y->nullable)
        set_join(&x->last, &y->last);
    else
        x->last = y->last;
    x->nullable = x->nullable && y->nullable;
}

/* A letter as the words of the index write it; it may become two (ae). */
static bool add_letter(regex *r, const char *s, size_t n, part *out)
{
    char cased[FOLD_MAX], plain[FOLD_MAX];
    size_t len = fold_marks(cased, fold_case(s, n, cased), plain);

    *out = (part){.nullable = true};
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        part one;
        i += utf8_decode(plain + i, len - i, &cp, NULL);
        if (!add_range(r, cp, cp) || !end_position(r, &one))
            return false;
        concatenate(r, out, &one);
    }
    return len ? true : fail(r, CAIRN_EUSAGE, "the expression holds a sign that words never do");
}

/* Ranges of \d, \w or \s, complemented for the capital letter. False: no such class. */
static bool add_shorthand(regex *r, char c, bool *known)
{
    static const automaton_range digit[] = {{'0', '9'}},
                                 word[] = {{'0', '9'}, {'_', '_'}, {'a', 'z'}, {0x80, CP_MAX}},
                                 space[] = {{'\t', '\r'}, {' ', ' '}};
    const automaton_range *set = (c | 0x20) == 'd' ? digit : (c | 0x20) == 'w' ? word : space;
    size_t n = set == digit ? 1 : set == word ? 4 : 2;
    uint32_t from = 0;

    *known = strchr("dDwWsS", c) != NULL && c;
    if (!*known)
        return true;
    for (size_t i = 0; i < n; i++) {
        if (c & 0x20) {
            if (!add_range(r, set[i].lo, set[i].hi))
                return false;
        } else {
            if (set[i].lo > from && !add_range(r, from, set[i].lo - 1))
                return false;
            from = set[i].hi + 1;
        }
    }
    return c & 0x20 || from > CP_MAX || add_range(r, from, CP_MAX);
}

/* One member of [...], folded to one code point. */
static uint32_t class_member(regex *r)
{
    char cased[FOLD_MAX], plain[FOLD_MAX];
    uint32_t cp;
    size_t n = utf8_decode(r->p, (size_t)(r->end - r->p), &cp, NULL);
    size_t len = fold_marks(cased, fold_case(r->p, n, cased), plain);

    r->p += n;
    if (len) {
        uint32_t folded;
        if (utf8_decode(plain, len, &folded, NULL) == len)
            cp = folded;
    }
    return cp;
}

/* Sort the ranges from `from` on and turn them into what they leave out. */
static bool complement(regex *r, size_t from)
{
    automaton_range *v = r->c->range + from;
    size_t n = r->c->n - from;
    uint32_t next = 0;
    automaton_range *old;

    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j && v[j].lo < v[j - 1].lo; j--) {
            automaton_range swap = v[j];
            v[j] = v[j - 1];
            v[j - 1] = swap;
        }
    old = arena_calloc(r->memory, n + 1, sizeof *old);
    if (!old)
        return fail(r, CAIRN_ENOMEM, "no memory for a pattern");
    memcpy(old, v, n * sizeof *v);
    r->c->n = from;
    for (size_t i = 0; i < n; i++) {
        if (old[i].lo > next && !add_range(r, next, old[i].lo - 1))
            return false;
        if (old[i].hi + 1 > next)
            next = old[i].hi + 1;
    }
    return next > CP_MAX || add_range(r, next, CP_MAX);
}

static bool read_class(regex *r, part *out)
{
    size_t from = r->c->n, members = 0;
    bool negated = r->p < r->end && *r->p == '^';

    r->p += negated;
    for (; r->p < r->end && (*r->p != ']' || !members); members++) {
        uint32_t lo, hi;
        bool known = false;
        if (members == 256)
            return fail(r, CAIRN_ELIMIT, "the expression is too large");
        if (*r->p == '\\' && r->p + 1 < r->end) {
            if (!add_shorthand(r, *++r->p, &known))
                return false;
            if (known) {
                r->p++;
                continue;
            }
        }
        lo = hi = class_member(r);
        if (r->p + 1 < r->end && *r->p == '-' && r->p[1] != ']') {
            r->p++;
            r->p += *r->p == '\\' && r->p + 1 < r->end;
            hi = class_member(r);
        }
        if (hi < lo)
            return fail(r, CAIRN_EUSAGE, "a range of the expression runs backwards");
        if (!add_range(r, lo, hi))
            return false;
    }
    if (r->p == r->end)
        return fail(r, CAIRN_EUSAGE, "a [ of the expression is not closed");
    r->p++;
    return (!negated || complement(r, from)) && end_position(r, out);
}

static bool read_alternatives(regex *r, part *out);

static bool read_atom(regex *r, part *out)
{
    uint32_t cp;
    size_t n;
    bool known = false;
    char c = *r->p;

    switch (c) {
    case '(':
        r->p++;
        if (r->p + 1 < r->end && r->p[0] == '?' && r->p[1] == ':')
            r->p += 2;
        if (r->depth == DEPTH_MAX)
            return fail(r, CAIRN_ELIMIT, "the expression is nested too deeply");
        r->depth++;
        if (!read_alternatives(r, out))
            return false;
        r->depth--;
        if (r->p == r->end || *r->p != ')')
            return fail(r, CAIRN_EUSAGE, "a ( of the expression is not closed");
        r->p++;
        return true;
    case '[':
        r->p++;
        return read_class(r, out);
    case '.':
        r->p++;
        return add_range(r, 0, CP_MAX) && end_position(r, out);
    case '*':
    case '+':
    case '?':
    case '{':
        return fail(r, CAIRN_EUSAGE, "a repetition of the expression has nothing to repeat");
    case '^': /* the whole word is matched anyway */
    case '$':
        r->p++;
        *out = (part){.nullable = true};
        return true;
    case '\\':
        if (++r->p == r->end)
            return fail(r, CAIRN_EUSAGE, "the expression ends with a backslash");
        if (!add_shorthand(r, *r->p, &known))
            return false;
        if (known) {
            r->p++;
            return end_position(r, out);
        }
        break;
    default:
        break;
    }
    n = utf8_decode(r->p, (size_t)(r->end - r->p), &cp, NULL);
    r->p += n;
    return add_letter(r, r->p - n, n, out);
}

static bool read_number(regex *r, unsigned *out)
{
    const char *from = r->p;

    for (*out = 0; r->p < r->end && *r->p >= '0' && *r->p <= '9' && *out <= REPEAT_MAX; r->p++)
        *out = *out * 10 + (unsigned)(*r->p - '0');
    return r->p > from && *out <= REPEAT_MAX;
}

/* {m}, {m,} or {m,n} at p. *most is UINT32_MAX when open. */
static bool read_counts(regex *r, unsigned *least, unsigned *most)
{
    r->p++;
    if (!read_number(r, least))
        return fail(r, CAIRN_EUSAGE, "a {count} of the expression is no number up to 1000");
    *most = *least;
    if (r->p < r->end && *r->p == ',') {
        r->p++;
        *most = UINT32_MAX;
        if (r->p < r->end && *r->p != '}' && !read_number(r, most))
            return fail(r, CAIRN_EUSAGE, "a {count} of the expression is no number up to 1000");
    }
    if (r->p == r->end || *r->p != '}' || *most < *least)
        return fail(r, CAIRN_EUSAGE, "a {count} of the expression is not whole");
    r->p++;
    return true;
}

static void repeat(regex *r, part *x)
{
    link(r, &x->last, &x->first);
}

/* Read the atom at `from` again. */
static bool read_copy(regex *r, const char *from, part *out)
{
    const char *behind = r->p;
    bool fine;

    r->p = from;
    fine = read_atom(r, out);
    r->p = behind;
    return fine;
}

/* x{least,most}, the first copy read already. */
static bool read_copies(regex *r, const char *from, part *x, unsigned least, unsigned most)
{
    part whole = *x, one = *x;

    if (!most) {
        *x = (part){.nullable = true};
        return true;
    }
    for (unsigned i = 1; i < (most == UINT32_MAX ? least : most); i++) {
        if (++r->steps > STEPS_MAX)
            return fail(r, CAIRN_ELIMIT, "the expression is too large");
        if (!read_copy(r, from, &one))
            return false;
        if (i >= least)
            one.nullable = true;
        concatenate(r, &whole, &one);
    }
    if (most == UINT32_MAX) /* the last copy may come again */
        repeat(r, least > 1 ? &one : &whole);
    if (!least)
        whole.nullable = true;
    *x = whole;
    return true;
}

static bool read_repeated(regex *r, part *out)
{
    const char *from = r->p;

    if (++r->steps > STEPS_MAX)
        return fail(r, CAIRN_ELIMIT, "the expression is too large");
    if (!read_atom(r, out))
        return false;
    for (bool first = true; r->p < r->end; first = false) {
        unsigned least, most;
        switch (*r->p) {
        case '*':
            repeat(r, out);
            out->nullable = true;
            break;
        case '+':
            repeat(r, out);
            break;
        case '?':
            out->nullable = true;
            break;
        case '{':
            if (!first)
                return fail(r, CAIRN_EUSAGE, "a {count} of the expression follows a repetition");
            if (!read_counts(r, &least, &most) || !read_copies(r, from, out, least, most))
                return false;
            continue;
        default:
            return true;
        }
        r->p++;
    }
    return true;
}

static bool read_sequence(regex *r, part *out)
{
    *out = (part){.nullable = true};
    while (r->p < r->end && *r->p != '|' && *r->p != ')') {
        part next;
        if (!read_repeated(r, &next))
            return false;
        concatenate(r, out, &next);
    }
    return true;
}

static bool read_alternatives(regex *r, part *out)
{
    if (!read_sequence(r, out))
        return false;
    while (r->p < r->end && *r->p == '|') {
        part other;
        r->p++;
        if (!read_sequence(r, &other))
            return false;
        set_join(&out->first, &other.first);
        set_join(&out->last, &other.last);
        out->nullable = out->nullable || other.nullable;
    }
    return true;
}

cairn_status regex_positions(automaton *a, automaton_classes *c, arena *memory, const char *text,
                             size_t len, cairn_error *err)
{
    regex r = {.a = a, .c = c, .memory = memory, .p = text, .end = text + len, .err = err};
    part whole;

    a->follow = arena_calloc(memory, AUTOMATON_POSITIONS, sizeof *a->follow);
    c->range = arena_calloc(memory, RANGES_MAX, sizeof *c->range);
    c->end = arena_calloc(memory, AUTOMATON_POSITIONS, sizeof *c->end);
    if (!a->follow || !c->range || !c->end)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for a pattern");
    if (!read_alternatives(&r, &whole))
        return r.st;
    if (r.p != r.end)
        return cairn_fail(err, CAIRN_EUSAGE, "a ) of the expression was never opened");
    a->first = whole.first;
    a->last = whole.last;
    a->nullable = whole.nullable;
    return CAIRN_OK;
}
