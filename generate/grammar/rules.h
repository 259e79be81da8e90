/* rules.h - the rules of a grammar as read from its text; grammar.c matches them.
 *
 * A rule is a list of alternatives, an alternative a run of elements in one array, ended by
 * ELEMENT_END: a range of bytes, or a rule. Repetition and groups become rules of their own.
 * Classes of characters become alternatives of byte ranges over their UTF-8 forms, so that matching
 * knows bytes only and a token may end inside a character. */
#ifndef CAIRN_GENERATE_GRAMMAR_RULES_H
#define CAIRN_GENERATE_GRAMMAR_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef enum element_kind { ELEMENT_END, ELEMENT_BYTES, ELEMENT_RULE } element_kind;

typedef struct element {
    uint32_t kind;
    uint32_t a, b; /* bytes a..b, or rule a */
} element;

typedef struct list_u32 {
    uint32_t *v;
    size_t n, cap;
} list_u32;

/* False: out of memory, the list as it was. */
bool list_u32_push(list_u32 *l, uint32_t v);

typedef struct rule {
    char *name;            /* NULL: made here */
    list_u32 alternatives; /* where each begins in elements */
    bool defined;
} rule;

/* Begins as zeros. */
typedef struct grammar_rules {
    rule *rules;
    size_t n_rules, cap_rules;
    element *elements;
    size_t n_elements, cap_elements;
} grammar_rules;

/* Read `text` into g and the number of the rule "root" into *root. Every rule named is defined, and
 * none begins with itself. CAIRN_EINPUT with the line, CAIRN_ELIMIT, CAIRN_ENOMEM; g is to be
 * cleared in any case. */
cairn_status grammar_rules_read(grammar_rules *g, const char *text, size_t len, uint32_t *root,
                                cairn_error *err);
void grammar_rules_clear(grammar_rules *g);

#endif
