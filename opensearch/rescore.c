/* rescore.c - the best passages once more, by Cairn's own code: BM25F with lengths as they are, and
 * the bonus for words that stand close together, which OpenSearch does not know.
 *
 * The request for the list brings the first passages themselves and how many rows hold each word of
 * the question. They are made a lexical index in memory, and the same search that walks our own
 * segments goes over it, with the collection's frequencies and average lengths instead of its own.
 * Passages behind these keep the cluster's order, below them. */
#include "opensearch/rescore.h"

#include <stdlib.h>
#include <string.h>

#include "index/lexical/outline.h"
#include "opensearch/passages.h"

/* ---- statistics ---- */

typedef struct known_counts {
    const char *const *terms;
    const uint64_t *rows;
    size_t n;
} known_counts;

static cairn_status rows_of(void *ctx, const char *term, size_t len, uint64_t *rows,
                            cairn_error *err)
{
    const known_counts *k = ctx;

    (void)err;
    *rows = 0;
    for (size_t i = 0; i < k->n; i++)
        if (strlen(k->terms[i]) == len && !memcmp(k->terms[i], term, len))
            *rows = k->rows[i];
    return CAIRN_OK;
}

static void fill_statistics(const os_question *q, lexical_statistics *s)
{
    const os_state *state = &q->snap->state;

    s->rows = (double)state->counts.chunks;
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        s->total[f] = state->rows_ever
                          ? (double)state->words_ever[f] * s->rows / (double)state->rows_ever
                          : 0;
}

/* ---- the list ---- */

static int by_score(const void *a, const void *b)
{
    const fuse_item *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Passages that were scored anew go first, by what they score now; none behind them keeps more than
 * the last of them has. */
static void put_first(retrieve_list *list, const fuse_item *again, size_t n)
{
    size_t kept = 0, at;
    float least = n ? again[n - 1].score : 0;

    for (size_t i = list->n; i-- > 0;) {
        bool there = false;
        for (size_t k = 0; k < n && !there; k++)
            there = again[k].id == list->items[i].id;
        if (!there)
            list->items[list->n - 1 - kept++] = list->items[i];
    }
    at = list->n - kept;
    if (at != n) /* one of them is not in the list: leave it as it is */
        return;
    memcpy(list->items, again, n * sizeof *again);
    for (size_t i = n; i < list->n; i++)
        if (list->items[i].score > least)
            list->items[i].score = least;
}

static cairn_status score_again(const os_question *q, lexical_reader *reader, known_counts known,
                                const chunk_id *ids, retrieve_list *list, cairn_error *err)
{
    const retrieve_ask *ask = q->ask;
    lexical_statistics statistics = {.rows_of = rows_of, .ctx = &known};
    lexical_segment segment = {.reader = reader};
    lexical_query words = {q->clauses, q->n_clauses, ask->lang};
    lexical_params params = ask->params->lexical;
    uint32_t n_rows = lexical_reader_rows(reader);
    lexical_hit *hits = arena_calloc(ask->a, n_rows + 1, sizeof *hits);
    fuse_item *again = arena_calloc(ask->a, n_rows + 1, sizeof *again);
    size_t n = 0;
    cairn_status st;

    if (!hits || !again)
        return cairn_fail(err, CAIRN_ENOMEM, "search");
    fill_statistics(q, &statistics);
    params.statistics = &statistics;
    params.n_languages = os_languages(q->snap, &params.languages);
    params.is_known = os_is_known;
    params.is_known_ctx = (void *)q;
    params.compounds = false;
    st = lexical_search(ask->an, &segment, 1, &words, &params, n_rows, hits, &n, err);
    if (st ||
        n != n_rows) /* it sees fewer than the cluster does: a pattern, or a rule of its own */
        return st;
    for (size_t i = 0; i < n; i++)
        again[i] = (fuse_item){ids[hits[i].row], hits[i].score};
    qsort(again, n, sizeof *again, by_score);
    put_first(list, again, n);
    return CAIRN_OK;
}

/* A pattern looks up what the question does not name. */
static bool has_pattern(const lexical_outline *o)
{
    for (size_t g = 0; g < o->n_groups; g++)
        if (o->groups[g].kind == LEXICAL_WILDCARD || o->groups[g].kind == LEXICAL_FUZZY ||
            o->groups[g].kind == LEXICAL_REGEX)
            return true;
    return false;
}

cairn_status os_rescore(const os_question *q, const chunk_id *ids, const bool *again, size_t n, const char *const *terms,
                        const uint64_t *rows, size_t n_terms, retrieve_list *list, cairn_error *err)
{
    os_passage *passages = arena_calloc(q->ask->a, n + 1, sizeof *passages);
    bool any = has_pattern(q->outline);
    os_passages *held = NULL;
    lexical_reader *reader = NULL;
    cairn_status st = passages ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "search");

    os_at_hand_make_room(q->snap);
    for (size_t i = 0; !st && i < n; i++) {
        passages[i].source = os_kept(q->snap->fetched_chunks, ids[i]);
        if (!json_is_object(passages[i].source)) /* it went away: leave the list as it is */
            return CAIRN_OK;
        if (!any)
            passages[i].taken = os_at_hand_take(q->snap, q->ask->an, ids[i], passages[i].source, again[i]);
    }
    if (!st)
        st = os_passages_open(passages, n, any ? NULL : terms, n_terms, q->ask->an, &reader, &held, err);
    if (!st)
        st = score_again(q, reader, (known_counts){terms, rows, n_terms}, ids, list, err);
    lexical_reader_close(reader);
    os_passages_free(held);
    return st;
}
