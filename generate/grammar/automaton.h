/* automaton.h - what a constraint on generated text looks like to the token mask: a deterministic
 * automaton over bytes, whose states may be made as they are needed.
 *
 * Threads  one owner: stepping may change caches inside. */
#ifndef CAIRN_GENERATE_GRAMMAR_AUTOMATON_H
#define CAIRN_GENERATE_GRAMMAR_AUTOMATON_H

#include <stdbool.h>
#include <stdint.h>

#define AUTOMATON_START 0u
#define AUTOMATON_DEAD  UINT32_MAX

typedef struct automaton {
    void *ctx;
    /* The state after a byte, or AUTOMATON_DEAD. */
    uint32_t (*step)(void *ctx, uint32_t state, uint8_t byte);
    /* The text may end here. */
    bool (*accepts)(void *ctx, uint32_t state);
    void (*destroy)(void *ctx);
} automaton;

static inline void automaton_destroy(automaton *a)
{
    if (a->destroy)
        a->destroy(a->ctx);
    *a = (automaton){0};
}

#endif
