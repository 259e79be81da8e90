/* copy_draft.c - see copy_draft.h. A suffix automaton (Blumer et al., Theoretical Computer Science
 * 40, 1985) that grows with the sequence.
 *
 * A state stands for all runs that end at the same set of positions; `length` is its longest one,
 * `link` the state of the longest suffix that ends elsewhere too, `end` where the first of them ended
 * (passages stand in front of the question, and are what is worth copying). So the longest run that
 * ends the sequence and stood in it before is the link of the whole sequence's state. Edges of all
 * states lie in one array, found by a hash table over (state, token) and, to copy a state's, by a
 * list. */
#include "generate/decode/copy_draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define NONE UINT32_MAX

typedef struct state {
    uint32_t length, link, end; /* end: index behind the run's last token */
    uint32_t edges;             /* first in the list */
} state;

typedef struct edge {
    uint32_t from, to, next;
    token_id token;
} edge;

/* Matches are judged by their length: 1, 2, 3 to 5, 6 and more. */
#define N_CLASSES 4
typedef struct record {
    double tries, held; /* tokens that were compared, and that held */
} record;

struct copy_draft {
    token_id *text;
    size_t n, cap_text;
    state *states;
    size_t n_states, cap_states;
    edge *edges;
    size_t n_edges, cap_edges;
    uint32_t *slots; /* edge + 1, or 0; a power of two */
    size_t n_slots;
    uint32_t last; /* the state of the whole sequence */
    record records[N_CLASSES];
};

/* What a pass over 1 + n draft tokens costs in passes over one (bench_model --pp 1,2,8,16, Qwen 0.5B
 * and SmolLM2 on AVX-512: between two and eight tokens the price is that of a tile). */
static const struct {
    size_t n;
    double cost;
} widths[] = {{0, 1.0}, {1, 1.2}, {7, 1.6}, {15, 2.4}};

/* Before anything is known: as good as after eight tokens with these outcomes. */
static const record first_records[N_CLASSES] = {{8, 2}, {8, 6}, {8, 6.5}, {8, 7}};

static size_t class_of(size_t match)
{
    return match >= 6 ? 3 : match >= 3 ? 2 : match - 1;
}

static size_t slot_of(const copy_draft *d, uint32_t from, token_id token)
{
    uint64_t h = ((uint64_t)from << 32 | (uint32_t)token) * 0x9e3779b97f4a7c15u;
    return (h >> 32) & (d->n_slots - 1);
}

static uint32_t find_edge(const copy_draft *d, uint32_t from, token_id token)
{
    for (size_t i = slot_of(d, from, token); d->slots[i]; i = (i + 1) & (d->n_slots - 1)) {
        const edge *e = &d->edges[d->slots[i] - 1];
        if (e->from == from && e->token == token)
            return d->slots[i] - 1;
    }
    return NONE;
}

static void put_slot(copy_draft *d, uint32_t index)
{
    size_t i = slot_of(d, d->edges[index].from, d->edges[index].token);

    while (d->slots[i])
        i = (i + 1) & (d->n_slots - 1);
    d->slots[i] = index + 1;
}

static void add_edge(copy_draft *d, uint32_t from, token_id token, uint32_t to)
{
    d->edges[d->n_edges] = (edge){from, to, d->states[from].edges, token};
    d->states[from].edges = (uint32_t)d->n_edges;
    put_slot(d, (uint32_t)d->n_edges++);
}

/* Room for one more token: at most two states and, over all, three edges a token. */
static bool make_room(copy_draft *d)
{
    if (d->n >= UINT32_MAX / 8)
        return false;
    if (d->n == d->cap_text) {
        size_t cap = 2 * d->cap_text + 256;
        token_id *text = checked_realloc(d->text, cap, sizeof *text);
        state *states = checked_realloc(d->states, 2 * cap + 2, sizeof *states);
        edge *edges = checked_realloc(d->edges, 3 * cap + 3, sizeof *edges);
        size_t n_slots = 256;
        uint32_t *slots;
        d->text = text ? text : d->text;
        d->states = states ? states : d->states;
        d->edges = edges ? edges : d->edges;
        while (n_slots < 6 * cap)
            n_slots *= 2;
        slots = text && states && edges ? calloc(n_slots, sizeof *slots) : NULL;
        if (!slots)
            return false;
        free(d->slots);
        d->slots = slots;
        d->n_slots = n_slots;
        d->cap_text = cap;
        for (size_t i = 0; i < d->n_edges; i++)
            put_slot(d, (uint32_t)i);
    }
    return true;
}

cairn_status copy_draft_create(copy_draft **out, cairn_error *err)
{
    copy_draft *d = calloc(1, sizeof *d);

    *out = NULL;
    if (!d || !make_room(d)) {
        copy_draft_destroy(d);
        return cairn_fail(err, CAIRN_ENOMEM, "drafts");
    }
    d->states[0] = (state){0, NONE, 0, NONE};
    d->n_states = 1;
    memcpy(d->records, first_records, sizeof d->records);
    *out = d;
    return CAIRN_OK;
}

void copy_draft_destroy(copy_draft *d)
{
    if (!d)
        return;
    free(d->text);
    free(d->states);
    free(d->edges);
    free(d->slots);
    free(d);
}

size_t copy_draft_length(const copy_draft *d)
{
    return d->n;
}

/* The state of the longest run at the end that stood before; 0 (the empty run): none. */
static uint32_t match_of(const copy_draft *d)
{
    return d->last ? d->states[d->last].link : 0;
}

size_t copy_draft_match(const copy_draft *d)
{
    return d->states[match_of(d)].length;
}

static uint32_t copy_state(copy_draft *d, uint32_t p, uint32_t q)
{
    uint32_t copy = (uint32_t)d->n_states++;

    d->states[copy] = d->states[q];
    d->states[copy].length = d->states[p].length + 1;
    d->states[copy].edges = NONE;
    for (uint32_t e = d->states[q].edges; e != NONE; e = d->edges[e].next)
        add_edge(d, copy, d->edges[e].token, d->edges[e].to);
    d->states[q].link = copy;
    return copy;
}

static void extend(copy_draft *d, token_id id)
{
    uint32_t now = (uint32_t)d->n_states++, p = d->last, e = NONE;

    d->text[d->n++] = id;
    d->states[now] = (state){(uint32_t)d->n, 0, (uint32_t)d->n, NONE};
    while (p != NONE && (e = find_edge(d, p, id)) == NONE) {
        add_edge(d, p, id, now);
        p = d->states[p].link;
    }
    if (p != NONE) {
        uint32_t q = d->edges[e].to;
        if (d->states[q].length != d->states[p].length + 1) {
            uint32_t copy = copy_state(d, p, q);
            for (; p != NONE && (e = find_edge(d, p, id)) != NONE && d->edges[e].to == q;
                 p = d->states[p].link)
                d->edges[e].to = copy;
            q = copy;
        }
        d->states[now].link = q;
    }
    d->last = now;
}

cairn_status copy_draft_append(copy_draft *d, token_id id)
{
    if (!make_room(d))
        return CAIRN_ENOMEM;
    extend(d, id);
    return CAIRN_OK;
}

size_t copy_draft_propose(const copy_draft *d, size_t most, token_id *out)
{
    const state *match = &d->states[match_of(d)];
    size_t from = match->end, have = d->n - from, best = 0;
    double p, rate = 1;
    const record *r;

    if (!match->length)
        return 0;
    if (have > most)
        have = most;
    r = &d->records[class_of(match->length)];
    p = r->held / r->tries;
    for (size_t i = 1; i < sizeof widths / sizeof *widths; i++) {
        size_t n = widths[i].n < have ? widths[i].n : have;
        double made = 1, product = 1;
        for (size_t j = 0; j < n; j++)
            made += product *= p;
        if (made / widths[i].cost > rate) {
            rate = made / widths[i].cost;
            best = n;
        }
    }
    memcpy(out, d->text + from, best * sizeof *out);
    return best;
}

void copy_draft_judge(copy_draft *d, size_t match, size_t n, size_t right)
{
    record *r;

    if (!match || !n)
        return;
    r = &d->records[class_of(match)];
    /* Old outcomes fade, so that a quotation after a free passage is noticed. */
    r->tries = r->tries * 0.9 + (double)(right < n ? right + 1 : n);
    r->held = r->held * 0.9 + (double)right;
}

uint32_t copy_draft_next(const copy_draft *d, uint32_t state, token_id id)
{
    uint32_t e = state < d->n_states ? find_edge(d, state, id) : NONE;
    return e == NONE ? COPY_DRAFT_NOWHERE : d->edges[e].to;
}
