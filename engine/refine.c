/* refine.c - the stages after fusion, over the passages of one view. */
#include <string.h>

#include "engine/search.h"

static cairn_status read_passage(void *ctx, chunk_id id, arena *a, refine_passage *out,
                                 cairn_error *err)
{
    const view *v = ctx;
    store_chunk chunk;
    cairn_status st = store_chunk_get(v->snapshot, id, &chunk, a, err);

    if (!st)
        *out = (refine_passage){chunk.text, chunk.text_len};
    return st;
}

cairn_status engine_turns(const cairn_turn *history, size_t n, arena *memory,
                          const retrieve_turn **out, cairn_error *err)
{
    retrieve_turn *turns = arena_calloc(memory, n + 1, sizeof *turns);

    if (!turns)
        return cairn_fail(err, CAIRN_ENOMEM, "history");
    for (size_t i = 0; i < n; i++) {
        bool user = history[i].role && !strcmp(history[i].role, "user");
        if (!history[i].content || !history[i].role ||
            (!user && strcmp(history[i].role, "assistant") != 0))
            return cairn_fail(err, CAIRN_EUSAGE,
                              "turn %zu of the history is neither the user's nor the assistant's", i + 1);
        turns[i] = (retrieve_turn){user, history[i].content};
    }
    *out = turns;
    return CAIRN_OK;
}

static bool wants_stages(const cairn *c, const engine_query *e)
{
    return e->collapse || e->per_document || e->diversity > 0 ||
           (e->n_history && c->settings.history_told > 0);
}

size_t engine_refine_depth(const cairn *c, const engine_query *e)
{
    refine_params p;

    refine_params_default(&p);
    if (!wants_stages(c, e))
        return e->k;
    return e->k > 2 * p.told_depth ? e->k : 2 * p.told_depth;
}

cairn_status engine_refine(cairn *c, const view *v, const engine_query *e, arena *memory,
                           retrieve_result *result, refine_report *report, cairn_error *err)
{
    refine_source source = {(void *)v, read_passage};
    refine_params p;
    cairn_status st = CAIRN_OK;

    *report = (refine_report){0};
    if (!wants_stages(c, e) || !result->n_hits || !result->hits[0].fused_rank)
        return CAIRN_OK;
    refine_params_default(&p);
    p.told = (float)c->settings.history_told;
    p.collapse = e->collapse;
    p.per_document = e->per_document;
    p.diversity = e->diversity;
    p.n_turns = e->n_history;
    if (e->n_history)
        st = engine_turns(e->history, e->n_history, memory, &p.turns, err);
    return st ? st
              : retrieve_refine(result->hits, &result->n_hits, e->k, &p, &source, memory, report, err);
}
