/* grammar.c - see grammar.h; rules.h says what a rule is made of.
 *
 * A state is a set of stacks; a stack's frame says which element comes next and what remains to be
 * done after it. Frames are shared (a list towards the root, each made once), so equal stacks are
 * one number, and a state is a sorted set of numbers. States and their steps are made when first
 * needed and kept: in use it is a table look-up a byte. */
#include "generate/grammar/grammar.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/checked.h"
#include "generate/grammar/rules.h"

#define MAX_STATES  ((size_t)1 << 15)
#define MAX_FRAMES  ((size_t)1 << 20)
#define FRAME_SLOTS (4 * MAX_FRAMES)
#define STATE_SLOTS (4 * MAX_STATES)
#define NONE        UINT32_MAX

typedef struct frame {
    uint32_t element; /* next to match */
    uint32_t parent;  /* what follows when the rule is done; NONE: the end of the text */
    uint32_t depth;
    uint32_t round; /* of the expansion that met it last, and whether the text could end there */
    bool ends;
} frame;

typedef struct dfa_state {
    uint32_t first, n; /* its frames in `sets` */
    bool accepts;
    uint32_t *next; /* [256], NULL until first stepped; NONE - 1: not known yet */
} dfa_state;

#define UNKNOWN (NONE - 1)

typedef struct grammar {
    grammar_rules given;

    frame *frames;
    size_t n_frames, cap_frames;
    uint32_t *frame_slots; /* frame + 1 */
    size_t n_frame_slots;
    list_u32 sets;
    dfa_state *states;
    size_t n_states, cap_states;
    uint32_t *state_slots; /* state + 1 */
    list_u32 work;         /* scratch of step */
    uint32_t round;        /* number of the running expansion */
    bool failed;           /* memory ran out, or a limit: every step is dead */
} grammar;

static void destroy(void *ctx)
{
    grammar *g = ctx;

    for (size_t i = 0; i < g->n_states; i++)
        free(g->states[i].next);
    grammar_rules_clear(&g->given);
    free(g->frames);
    free(g->frame_slots);
    free(g->sets.v);
    free(g->states);
    free(g->state_slots);
    free(g->work.v);
    free(g);
}

/* The one frame (element, parent). */
static uint32_t make_frame(grammar *g, uint32_t e, uint32_t parent)
{
    uint64_t h = ((uint64_t)e << 32 | parent) * 0x9e3779b97f4a7c15u;
    size_t i = (h >> 40) & (g->n_frame_slots - 1);
    uint32_t depth = parent == NONE ? 1 : g->frames[parent].depth + 1;

    for (; g->frame_slots[i]; i = (i + 1) & (g->n_frame_slots - 1)) {
        const frame *f = &g->frames[g->frame_slots[i] - 1];
        if (f->element == e && f->parent == parent)
            return g->frame_slots[i] - 1;
    }
    if (g->n_frames == g->cap_frames) {
        size_t cap = 2 * g->cap_frames + 256;
        frame *grown = cap <= MAX_FRAMES ? checked_realloc(g->frames, cap, sizeof *grown) : NULL;
        if (!grown) {
            g->failed = true;
            return NONE;
        }
        g->frames = grown;
        g->cap_frames = cap;
    }
    if (depth > GRAMMAR_MAX_DEPTH)
        return NONE; /* this way is not followed */
    g->frames[g->n_frames] = (frame){e, parent, depth, 0, false};
    g->frame_slots[i] = (uint32_t)g->n_frames + 1;
    return (uint32_t)g->n_frames++;
}

/* All frames that wait for a byte, from the place (element, parent) on, into g->work; true when the
 * text may end there. Rules do not begin with themselves, so this ends; a place is looked at once
 * an expansion, so it ends soon. */
static bool expand(grammar *g, uint32_t e, uint32_t parent)
{
    const element *x = &g->given.elements[e];
    uint32_t after, f;
    bool ends = false;

    if (x->kind == ELEMENT_END)
        return parent == NONE || expand(g, g->frames[parent].element, g->frames[parent].parent);
    f = make_frame(g, e, parent);
    if (f == NONE || g->failed)
        return false;
    if (g->frames[f].round == g->round)
        return g->frames[f].ends;
    g->frames[f].round = g->round;
    g->frames[f].ends = false;
    if (x->kind == ELEMENT_BYTES) {
        if (!list_u32_push(&g->work, f))
            g->failed = true;
        return false;
    }
    /* Nothing follows in this rule: return to its parent at once, so that a list does not grow the
     * stack with each of its items. */
    after = g->given.elements[e + 1].kind == ELEMENT_END ? parent : make_frame(g, e + 1, parent);
    if (after == NONE && g->given.elements[e + 1].kind != ELEMENT_END)
        return false;
    for (size_t a = 0; a < g->given.rules[x->a].alternatives.n; a++)
        ends |= expand(g, g->given.rules[x->a].alternatives.v[a], after);
    g->frames[f].ends = ends;
    return ends;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The state of the frames in g->work. */
static uint32_t make_state(grammar *g, bool accepts)
{
    size_t n = 0, i;
    uint64_t h;

    if (g->failed || (!g->work.n && !accepts))
        return AUTOMATON_DEAD;
    if (g->work.n)
        qsort(g->work.v, g->work.n, sizeof *g->work.v, by_number);
    for (size_t j = 0; j < g->work.n; j++)
        if (!n || g->work.v[n - 1] != g->work.v[j])
            g->work.v[n++] = g->work.v[j];
    h = XXH3_64bits_withSeed(g->work.v, n * sizeof *g->work.v, accepts);
    for (i = h & (STATE_SLOTS - 1); g->state_slots[i]; i = (i + 1) & (STATE_SLOTS - 1)) {
        const dfa_state *s = &g->states[g->state_slots[i] - 1];
        if (s->n == n && s->accepts == accepts &&
            (!n || !memcmp(g->sets.v + s->first, g->work.v, n * sizeof *g->work.v)))
            return g->state_slots[i] - 1;
    }
    if (g->n_states == g->cap_states) {
        size_t cap = 2 * g->cap_states + 64;
        dfa_state *grown =
            cap <= 2 * MAX_STATES ? checked_realloc(g->states, cap, sizeof *grown) : NULL;
        g->failed = g->failed || !grown || g->n_states >= MAX_STATES;
        if (grown) {
            g->states = grown;
            g->cap_states = cap;
        }
    }
    if (g->failed)
        return AUTOMATON_DEAD;
    g->states[g->n_states] = (dfa_state){(uint32_t)g->sets.n, (uint32_t)n, accepts, NULL};
    for (size_t j = 0; j < n; j++)
        if (!list_u32_push(&g->sets, g->work.v[j])) {
            g->failed = true;
            return AUTOMATON_DEAD;
        }
    g->state_slots[i] = (uint32_t)g->n_states + 1;
    return (uint32_t)g->n_states++;
}

static uint32_t step(void *ctx, uint32_t state, uint8_t byte)
{
    grammar *g = ctx;
    bool accepts = false;
    uint32_t to;

    if (state >= g->n_states || g->failed)
        return AUTOMATON_DEAD;
    if (!g->states[state].next) {
        g->states[state].next = malloc(256 * sizeof(uint32_t));
        if (!g->states[state].next)
            return AUTOMATON_DEAD;
        for (int i = 0; i < 256; i++)
            g->states[state].next[i] = UNKNOWN;
    }
    to = g->states[state].next[byte];
    if (to != UNKNOWN)
        return to;
    g->work.n = 0;
    g->round++;
    for (uint32_t i = 0; i < g->states[state].n; i++) {
        const frame f = g->frames[g->sets.v[g->states[state].first + i]];
        const element *e = &g->given.elements[f.element];
        if (byte >= e->a && byte <= e->b)
            accepts |= expand(g, f.element + 1, f.parent);
    }
    to = make_state(g, accepts);
    g->states[state].next[byte] = to;
    return to;
}

static bool accepts(void *ctx, uint32_t state)
{
    const grammar *g = ctx;
    return state < g->n_states && g->states[state].accepts;
}

cairn_status grammar_compile(automaton *out, const char *text, size_t len, cairn_error *err)
{
    grammar *g = calloc(1, sizeof *g);
    bool ends = false;
    uint32_t root;
    cairn_status st;

    *out = (automaton){0};
    if (!g)
        return cairn_fail(err, CAIRN_ENOMEM, "grammar");
    st = grammar_rules_read(&g->given, text, len, &root, err);
    if (!st) {
        g->n_frame_slots = FRAME_SLOTS;
        g->frame_slots = calloc(FRAME_SLOTS, sizeof *g->frame_slots);
        g->state_slots = calloc(STATE_SLOTS, sizeof *g->state_slots);
        if (!g->frame_slots || !g->state_slots)
            st = cairn_fail(err, CAIRN_ENOMEM, "grammar");
    }
    g->round = 1;
    for (size_t a = 0; !st && a < g->given.rules[root].alternatives.n; a++)
        ends |= expand(g, g->given.rules[root].alternatives.v[a], NONE);
    if (!st && make_state(g, ends) != AUTOMATON_START)
        st = cairn_fail(err, CAIRN_EINPUT, "grammar: the rule \"root\" matches nothing");
    if (st) {
        destroy(g);
        return st;
    }
    *out = (automaton){g, step, accepts, destroy};
    return CAIRN_OK;
}
