/* rules.c - see rules.h: the notation of grammar.h by recursive descent, and what is checked of a
 * whole. */
#include "generate/grammar/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "generate/grammar/grammar.h"

#define MAX_ELEMENTS ((size_t)1 << 20)
#define MAX_RULES    ((size_t)1 << 13)
#define MAX_REPEAT   1000
#define MAX_NESTING  100
#define NONE         UINT32_MAX

typedef struct parser {
    grammar_rules *g;
    const char *p, *end;
    size_t line;
    cairn_error *err;
} parser;

bool list_u32_push(list_u32 *l, uint32_t v)
{
    if (l->n == l->cap) {
        size_t cap = 2 * l->cap + 16;
        uint32_t *grown = checked_realloc(l->v, cap, sizeof *grown);
        if (!grown)
            return false;
        l->v = grown;
        l->cap = cap;
    }
    l->v[l->n++] = v;
    return true;
}

/* ---- rules ---- */

static cairn_status no_memory(const parser *p)
{
    return cairn_fail(p->err, CAIRN_ENOMEM, "grammar");
}

static cairn_status wrong(const parser *p, const char *what)
{
    return cairn_fail(p->err, CAIRN_EINPUT, "grammar, line %zu: %s", p->line, what);
}

static cairn_status add_element(parser *p, element e)
{
    grammar_rules *g = p->g;

    if (g->n_elements >= MAX_ELEMENTS)
        return cairn_fail(p->err, CAIRN_ELIMIT, "grammar: more than %zu elements", MAX_ELEMENTS);
    if (g->n_elements == g->cap_elements) {
        size_t cap = 2 * g->cap_elements + 256;
        element *grown = checked_realloc(g->elements, cap, sizeof *grown);
        if (!grown)
            return no_memory(p);
        g->elements = grown;
        g->cap_elements = cap;
    }
    g->elements[g->n_elements++] = e;
    return CAIRN_OK;
}

static cairn_status add_rule(parser *p, const char *name, size_t len, uint32_t *out)
{
    grammar_rules *g = p->g;

    if (g->n_rules >= MAX_RULES)
        return cairn_fail(p->err, CAIRN_ELIMIT, "grammar: more than %zu rules", MAX_RULES);
    if (g->n_rules == g->cap_rules) {
        size_t cap = 2 * g->cap_rules + 32;
        rule *grown = checked_realloc(g->rules, cap, sizeof *grown);
        if (!grown)
            return no_memory(p);
        g->rules = grown;
        g->cap_rules = cap;
    }
    g->rules[g->n_rules] = (rule){.defined = !name};
    if (name && !(g->rules[g->n_rules].name = strndup(name, len)))
        return no_memory(p);
    *out = (uint32_t)g->n_rules++;
    return CAIRN_OK;
}

static cairn_status named_rule(parser *p, const char *name, size_t len, uint32_t *out)
{
    for (size_t i = 0; i < p->g->n_rules; i++) {
        const char *have = p->g->rules[i].name;
        if (have && strlen(have) == len && !memcmp(have, name, len)) {
            *out = (uint32_t)i;
            return CAIRN_OK;
        }
    }
    return add_rule(p, name, len, out);
}

/* An alternative of the rule: these elements. */
static cairn_status add_alternative(parser *p, uint32_t r, const element *e, size_t n)
{
    cairn_status st = CAIRN_OK;

    if (!list_u32_push(&p->g->rules[r].alternatives, (uint32_t)p->g->n_elements))
        return no_memory(p);
    for (size_t i = 0; !st && i < n; i++)
        st = add_element(p, e[i]);
    return st ? st : add_element(p, (element){ELEMENT_END, 0, 0});
}

/* ---- characters ---- */

typedef struct char_range {
    uint32_t from, to;
} char_range;

/* Characters from .. to as alternatives of the rule: cut where the number of bytes changes, then
 * where all bytes but the first ones run through their whole range. */
static cairn_status add_characters(parser *p, uint32_t r, uint32_t from, uint32_t to)
{
    static const uint32_t last[] = {0x7f, 0x7ff, 0xffff, 0x10ffff};
    char a[4], b[4];
    element e[4];
    size_t n;
    cairn_status st;

    if (from > to)
        return CAIRN_OK;
    if (from <= 0xdfff && to >= 0xd800) { /* surrogates are no characters */
        st = from < 0xd800 ? add_characters(p, r, from, 0xd7ff) : CAIRN_OK;
        return st ? st : add_characters(p, r, 0xe000, to);
    }
    for (size_t i = 0; i < 3; i++)
        if (from <= last[i] && to > last[i]) {
            st = add_characters(p, r, from, last[i]);
            return st ? st : add_characters(p, r, last[i] + 1, to);
        }
    n = utf8_encode(from, a);
    utf8_encode(to, b);
    for (size_t i = 1; i < n; i++) {
        uint32_t mask = (1u << 6 * i) - 1; /* of the last i bytes */
        if ((from & ~mask) == (to & ~mask))
            break;
        if (from & mask) {
            st = add_characters(p, r, from, from | mask);
            return st ? st : add_characters(p, r, (from | mask) + 1, to);
        }
        if ((to & mask) != mask) {
            st = add_characters(p, r, from, (to & ~mask) - 1);
            return st ? st : add_characters(p, r, to & ~mask, to);
        }
    }
    for (size_t i = 0; i < n; i++)
        e[i] = (element){ELEMENT_BYTES, (uint8_t)a[i], (uint8_t)b[i]};
    return add_alternative(p, r, e, n);
}

static int by_from(const void *a, const void *b)
{
    uint32_t x = ((const char_range *)a)->from, y = ((const char_range *)b)->from;
    return (x > y) - (x < y);
}

/* A rule that matches one character of the ranges, or one outside them. */
static cairn_status class_rule(parser *p, char_range *ranges, size_t n, bool negated, uint32_t *out)
{
    uint32_t next = 0;
    cairn_status st = add_rule(p, NULL, 0, out);

    qsort(ranges, n, sizeof *ranges, by_from);
    for (size_t i = 0; !st && i < n; i++) {
        uint32_t from = ranges[i].from > next ? ranges[i].from : next;
        if (negated)
            st = next < from ? add_characters(p, *out, next, from - 1) : CAIRN_OK;
        else if (ranges[i].to >= from)
            st = add_characters(p, *out, from, ranges[i].to);
        if (ranges[i].to + 1 > next)
            next = ranges[i].to + 1;
    }
    if (!st && negated && next <= 0x10ffff)
        st = add_characters(p, *out, next, 0x10ffff);
    return st;
}

/* ---- the notation ---- */

/* White space and comments; line breaks only where the rule must go on. */
static void skip_space(parser *p, bool over_lines)
{
    for (; p->p < p->end; p->p++) {
        if (*p->p == '#') {
            while (p->p < p->end && *p->p != '\n')
                p->p++;
            if (p->p == p->end)
                return;
        }
        if (*p->p == '\n' || *p->p == '\r') {
            if (!over_lines)
                return;
            p->line += *p->p == '\n';
        } else if (*p->p != ' ' && *p->p != '\t') {
            return;
        }
    }
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One character of a literal or class. */
static cairn_status read_char(parser *p, uint32_t *out)
{
    static const char escapes[] = "n\nr\rt\t\"\"\\\\[[]]--^^";
    size_t digits;
    bool valid;

    if (p->p >= p->end || *p->p == '\n')
        return wrong(p, "a literal or class has no end");
    if (*p->p != '\\') {
        p->p += utf8_decode(p->p, (size_t)(p->end - p->p), out, &valid);
        if (!valid)
            return wrong(p, "broken UTF-8");
        return CAIRN_OK;
    }
    if (++p->p >= p->end)
        return wrong(p, "a literal or class has no end");
    for (const char *e = escapes; *e; e += 2)
        if (*p->p == *e) {
            *out = (uint8_t)e[1];
            p->p++;
            return CAIRN_OK;
        }
    digits = *p->p == 'x' ? 2 : *p->p == 'u' ? 4 : *p->p == 'U' ? 8 : 0;
    if (!digits || (size_t)(p->end - p->p) <= digits)
        return wrong(p, "an unknown escape");
    *out = 0;
    for (p->p++; digits; digits--, p->p++) {
        int d = hex_digit(*p->p);
        if (d < 0 || *out > 0x10ffff >> 4)
            return wrong(p, "an escape that is no character");
        *out = *out << 4 | (uint32_t)d;
    }
    if (*out >= 0xd800 && *out <= 0xdfff)
        return wrong(p, "an escape that is no character");
    return CAIRN_OK;
}

typedef struct elements {
    element *v;
    size_t n, cap;
} elements;

static cairn_status append(parser *p, elements *l, element e)
{
    if (l->n == l->cap) {
        size_t cap = 2 * l->cap + 16;
        element *grown = checked_realloc(l->v, cap, sizeof *grown);
        if (!grown)
            return no_memory(p);
        l->v = grown;
        l->cap = cap;
    }
    l->v[l->n++] = e;
    return CAIRN_OK;
}

static cairn_status read_literal(parser *p, elements *to)
{
    cairn_status st = CAIRN_OK;
    char form[4];
    uint32_t c;

    for (p->p++; !st && (p->p >= p->end || *p->p != '"');) {
        st = read_char(p, &c);
        size_t n = st ? 0 : utf8_encode(c, form);
        for (size_t i = 0; !st && i < n; i++)
            st = append(p, to, (element){ELEMENT_BYTES, (uint8_t)form[i], (uint8_t)form[i]});
    }
    if (!st)
        p->p++;
    return st;
}

static cairn_status read_class(parser *p, elements *to)
{
    char_range ranges[512];
    size_t n = 0;
    bool negated;
    uint32_t r;
    cairn_status st = CAIRN_OK;

    p->p++;
    negated = p->p < p->end && *p->p == '^';
    p->p += negated;
    while (!st && (p->p >= p->end || *p->p != ']')) {
        if (n == sizeof ranges / sizeof *ranges)
            return wrong(p, "a class of more than 512 ranges");
        st = read_char(p, &ranges[n].from);
        ranges[n].to = ranges[n].from;
        if (!st && p->end - p->p > 1 && *p->p == '-' && p->p[1] != ']') {
            p->p++;
            st = read_char(p, &ranges[n].to);
            if (!st && ranges[n].to < ranges[n].from)
                st = wrong(p, "a range that ends before it begins");
        }
        n++;
    }
    if (!st)
        p->p++;
    if (!st)
        st = class_rule(p, ranges, n, negated, &r);
    return st ? st : append(p, to, (element){ELEMENT_RULE, r, 0});
}

static cairn_status read_alternatives(parser *p, uint32_t r, int depth);

static cairn_status read_group(parser *p, elements *to, int depth)
{
    uint32_t r;
    cairn_status st;

    if (depth >= MAX_NESTING)
        return wrong(p, "groups nested too deep");
    p->p++;
    st = add_rule(p, NULL, 0, &r);
    if (!st)
        st = read_alternatives(p, r, depth + 1);
    if (!st && (p->p >= p->end || *p->p != ')'))
        st = wrong(p, "a group has no end");
    if (st)
        return st;
    p->p++;
    return append(p, to, (element){ELEMENT_RULE, r, 0});
}

static cairn_status read_number(parser *p, size_t *out)
{
    *out = 0;
    if (p->p >= p->end || *p->p < '0' || *p->p > '9')
        return wrong(p, "a number is missing in {}");
    for (; p->p < p->end && *p->p >= '0' && *p->p <= '9'; p->p++) {
        *out = *out * 10 + (size_t)(*p->p - '0');
        if (*out > MAX_REPEAT)
            return wrong(p, "more than 1000 repetitions");
    }
    return CAIRN_OK;
}

/* least .. most times (most = SIZE_MAX: any number) what stands in to->v[from ..). */
static cairn_status repeat(parser *p, elements *to, size_t from, size_t least, size_t most)
{
    uint32_t once, rest = NONE;
    cairn_status st = add_rule(p, NULL, 0, &once);

    if (!st)
        st = add_alternative(p, once, to->v + from, to->n - from);
    to->n = from;
    for (size_t i = 0; !st && i < least; i++)
        st = append(p, to, (element){ELEMENT_RULE, once, 0});
    if (!st && most == SIZE_MAX) { /* rest ::= once rest | */
        st = add_rule(p, NULL, 0, &rest);
        if (!st)
            st = add_alternative(p, rest,
                                 (element[]){{ELEMENT_RULE, once, 0}, {ELEMENT_RULE, rest, 0}}, 2);
        if (!st)
            st = add_alternative(p, rest, NULL, 0);
    }
    for (size_t i = least; !st && most != SIZE_MAX && i < most; i++) {
        /* From the inside out: rest ::= once | once rest' | */
        uint32_t inner = rest;
        st = add_rule(p, NULL, 0, &rest);
        if (!st)
            st = add_alternative(p, rest,
                                 (element[]){{ELEMENT_RULE, once, 0}, {ELEMENT_RULE, inner, 0}},
                                 inner == NONE ? 1 : 2);
        if (!st)
            st = add_alternative(p, rest, NULL, 0);
    }
    return st || rest == NONE ? st : append(p, to, (element){ELEMENT_RULE, rest, 0});
}

static cairn_status read_repetition(parser *p, elements *to, size_t from)
{
    size_t least = 0, most = SIZE_MAX;
    cairn_status st = CAIRN_OK;
    char c = p->p < p->end ? *p->p : '\0';

    if (c != '*' && c != '+' && c != '?' && c != '{')
        return CAIRN_OK;
    if (to->n == from)
        return wrong(p, "nothing to repeat");
    p->p++;
    if (c == '+')
        least = 1;
    if (c == '?')
        most = 1;
    if (c == '{') {
        st = read_number(p, &least);
        most = least;
        if (!st && p->p < p->end && *p->p == ',') {
            p->p++;
            most = SIZE_MAX;
            if (p->p < p->end && *p->p != '}')
                st = read_number(p, &most);
        }
        if (!st && (p->p >= p->end || *p->p != '}'))
            st = wrong(p, "a repetition has no end");
        if (!st && most < least)
            st = wrong(p, "a repetition from more to less");
        p->p += !st;
    }
    return st ? st : repeat(p, to, from, least, most);
}

/* One alternative up to |, ) or the end of the rule. */
static cairn_status read_sequence(parser *p, elements *to, int depth)
{
    cairn_status st = CAIRN_OK;

    while (!st) {
        size_t from = to->n;
        skip_space(p, depth > 0);
        if (p->p >= p->end || strchr("|)\r\n", *p->p))
            return CAIRN_OK;
        if (*p->p == '"') {
            st = read_literal(p, to);
        } else if (*p->p == '[') {
            st = read_class(p, to);
        } else if (*p->p == '(') {
            st = read_group(p, to, depth);
        } else if (*p->p == '.') {
            uint32_t r;
            p->p++;
            st = class_rule(p, (char_range[]){{'\n', '\n'}, {'\r', '\r'}}, 2, true, &r);
            st = st ? st : append(p, to, (element){ELEMENT_RULE, r, 0});
        } else if (is_word(*p->p)) {
            const char *name = p->p;
            uint32_t r;
            while (p->p < p->end && is_word(*p->p))
                p->p++;
            st = named_rule(p, name, (size_t)(p->p - name), &r);
            st = st ? st : append(p, to, (element){ELEMENT_RULE, r, 0});
        } else {
            return wrong(p, "an unexpected character");
        }
        if (!st)
            st = read_repetition(p, to, from);
    }
    return st;
}

static cairn_status read_alternatives(parser *p, uint32_t r, int depth)
{
    cairn_status st;
    elements one = {0};

    for (;;) {
        one.n = 0;
        st = read_sequence(p, &one, depth);
        if (!st)
            st = add_alternative(p, r, one.v, one.n);
        if (st || p->p >= p->end || *p->p != '|')
            break;
        p->p++;
        skip_space(p, true);
    }
    free(one.v);
    return st;
}

static cairn_status read_rule(parser *p)
{
    const char *name = p->p;
    size_t len;
    uint32_t r;
    cairn_status st;

    while (p->p < p->end && is_word(*p->p))
        p->p++;
    len = (size_t)(p->p - name);
    skip_space(p, false);
    if (!len || p->end - p->p < 3 || memcmp(p->p, "::=", 3))
        return wrong(p, "a rule begins with its name and ::=");
    p->p += 3;
    st = named_rule(p, name, len, &r);
    if (st)
        return st;
    if (p->g->rules[r].defined)
        return wrong(p, "this rule was given before");
    p->g->rules[r].defined = true;
    skip_space(p, true);
    st = read_alternatives(p, r, 0);
    if (!st && p->p < p->end && *p->p == ')')
        st = wrong(p, "a ) without its (");
    return st;
}

/* ---- checks ---- */

/* Which rules can match nothing: until no more are found. */
static bool find_empty(const grammar_rules *g, bool *empty)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t r = 0; r < g->n_rules; r++)
            for (size_t a = 0; !empty[r] && a < g->rules[r].alternatives.n; a++) {
                const element *e = &g->elements[g->rules[r].alternatives.v[a]];
                while (e->kind == ELEMENT_RULE && empty[e->a])
                    e++;
                more = more || e->kind == ELEMENT_END;
                empty[r] = e->kind == ELEMENT_END;
            }
    }
    return true;
}

/* Is a rule its own beginning? Depth first; mark 1: on the way, 2: fine. */
static bool begins_with_itself(const grammar_rules *g, uint32_t first, const bool *empty,
                               uint8_t *mark, list_u32 *stack)
{
    if (!list_u32_push(stack, first))
        return true;
    while (stack->n) {
        uint32_t r = stack->v[stack->n - 1];
        bool down = false;
        if (mark[r] == 2) {
            stack->n--;
            continue;
        }
        mark[r] = 1;
        for (size_t a = 0; !down && a < g->rules[r].alternatives.n; a++) {
            const element *e = &g->elements[g->rules[r].alternatives.v[a]];
            for (; e->kind == ELEMENT_RULE; e++) {
                if (mark[e->a] == 1)
                    return true;
                if (!mark[e->a]) {
                    down = true;
                    if (!list_u32_push(stack, e->a))
                        return true;
                    break;
                }
                if (!empty[e->a])
                    break;
            }
        }
        if (!down) {
            mark[r] = 2;
            stack->n--;
        }
    }
    return false;
}

static cairn_status check_rules(parser *p, uint32_t *root)
{
    grammar_rules *g = p->g;
    bool *empty = calloc(g->n_rules + 1, sizeof *empty);
    uint8_t *mark = calloc(g->n_rules + 1, 1);
    list_u32 stack = {0};
    cairn_status st = empty && mark ? CAIRN_OK : no_memory(p);

    *root = NONE;
    for (size_t r = 0; !st && r < g->n_rules; r++) {
        if (!g->rules[r].defined)
            st = cairn_fail(p->err, CAIRN_EINPUT, "grammar: there is no rule \"%s\"",
                            g->rules[r].name);
        if (g->rules[r].name && !strcmp(g->rules[r].name, "root"))
            *root = (uint32_t)r;
    }
    if (!st && *root == NONE)
        st = cairn_fail(p->err, CAIRN_EINPUT, "grammar: there is no rule \"root\"");
    if (!st)
        find_empty(g, empty);
    for (size_t r = 0; !st && r < g->n_rules; r++)
        if (!mark[r] && begins_with_itself(g, (uint32_t)r, empty, mark, &stack))
            st = cairn_fail(p->err, CAIRN_EINPUT,
                            "grammar: a rule reached from \"%s\" begins with itself",
                            g->rules[r].name ? g->rules[r].name : "a group");
    free(empty);
    free(mark);
    free(stack.v);
    return st;
}

cairn_status grammar_rules_read(grammar_rules *g, const char *text, size_t len, uint32_t *root,
                                cairn_error *err)
{
    parser p = {g, text, text + len, 1, err};
    cairn_status st = CAIRN_OK;

    if (len > GRAMMAR_MAX_TEXT)
        return cairn_fail(err, CAIRN_ELIMIT, "a grammar of %zu bytes; at most %zu are read", len,
                          GRAMMAR_MAX_TEXT);
    for (skip_space(&p, true); !st && p.p < p.end; skip_space(&p, true))
        st = read_rule(&p);
    return st ? st : check_rules(&p, root);
}

void grammar_rules_clear(grammar_rules *g)
{
    for (size_t i = 0; i < g->n_rules; i++) {
        free(g->rules[i].name);
        free(g->rules[i].alternatives.v);
    }
    free(g->rules);
    free(g->elements);
}
