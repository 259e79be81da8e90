/* passage_reuse.c - see passage_reuse.h. */
#include "generate/decode/passage_reuse.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/decode/kv_files.h"

#define LEAST_PASSAGE ((size_t)80) /* tokens worth a file */
#define LEAST_FRAME   ((size_t)4)  /* without one a passage's first token would take all attention */
#define LEAST_RUN     ((size_t)80)
#define FIRST         ((size_t)48) /* tokens of a run that are computed anew */
#define LAST          ((size_t)8)  /* and at its end, where the guard compares */
#define LEAST_SHARE   4            /* of what is to be read, a run must spare one in so many tokens */
#define MOST_DISTANCE 0.6          /* of the values at the runs' ends, mean (docs/runtime.md) */
#define MOST_NOTED    ((size_t)64)
#define MOST_PASSAGES ((size_t)64) /* of one prompt */

typedef struct candidate {
    token_list ids;
    kv_file file;
} candidate;

typedef struct plan {
    candidate *passages;
    size_t n_passages;
    decoder_run *runs;
    size_t n_runs;
    token_id *ids; /* those to compute, and their places */
    size_t *at, n;
} plan;

static void clear_plan(plan *p)
{
    for (size_t i = 0; i < p->n_passages; i++) {
        token_list_clear(&p->passages[i].ids);
        free(p->passages[i].file.file);
    }
    free(p->passages);
    free(p->runs);
    free(p->ids);
    free(p->at);
}

/* ---- passages to keep ---- */

static bool same_tokens(const token_list *a, const token_id *ids, size_t n)
{
    return a->n == n && (!n || !memcmp(a->ids, ids, n * sizeof *ids));
}

static bool copy_tokens(token_list *to, const token_id *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (token_list_push(to, ids[i])) {
            token_list_clear(to);
            return false;
        }
    return true;
}

/* Those noted go when the frame is another one. */
static void note(generator *g, const token_id *ids, size_t n)
{
    if (!same_tokens(&g->noted_frame, g->frame.ids, g->frame.n)) {
        passages_forget(g);
        if (!copy_tokens(&g->noted_frame, g->frame.ids, g->frame.n))
            return;
    }
    for (size_t i = 0; i < g->n_noted; i++)
        if (same_tokens(&g->noted[i], ids, n))
            return;
    if (!g->noted)
        g->noted = calloc(MOST_NOTED, sizeof *g->noted);
    if (g->noted && g->n_noted < MOST_NOTED && copy_tokens(&g->noted[g->n_noted], ids, n))
        g->n_noted++;
}

void passages_forget(generator *g)
{
    for (size_t i = 0; i < g->n_noted; i++)
        token_list_clear(&g->noted[i]);
    free(g->noted);
    g->noted = NULL;
    g->n_noted = 0;
    token_list_clear(&g->noted_frame);
}

/* The sequence becomes the frame alone. */
static cairn_status take_frame(generator *g, cairn_error *err)
{
    const token_list *frame = &g->noted_frame;
    size_t same = 0;

    while (same < frame->n && same < g->n_exact && g->sequence.ids[same] == frame->ids[same])
        same++;
    generator_truncate(g, same);
    return generator_feed(g, frame->ids + same, frame->n - same, DECODER_NO_LOGITS, NULL, err);
}

static cairn_status keep_one(generator *g, const token_list *ids, cairn_error *err)
{
    const token_list *frame = &g->noted_frame;
    const kv_run run = {frame->ids, frame->n, ids->ids, ids->n};
    const size_t bytes = decoder_run_bytes(g->dec, ids->n);
    uint8_t *kept;
    cairn_status st;

    if (!bytes || kv_files_has(g->passages, &run))
        return CAIRN_OK;
    kept = malloc(bytes);
    if (!kept)
        return cairn_fail(err, CAIRN_ENOMEM, "keys and values of a passage");
    st = take_frame(g, err);
    if (!st)
        st = generator_feed(g, ids->ids, ids->n, DECODER_NO_LOGITS, NULL, err);
    if (!st) {
        decoder_export_run(g->dec, frame->n, ids->n, kept);
        kv_files_store(g->passages, &run, kept, bytes);
        generator_truncate(g, frame->n);
    }
    free(kept);
    return st;
}

cairn_status passages_keep(generator *g, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < g->n_noted; i++)
        st = keep_one(g, &g->noted[i], err);
    passages_forget(g);
    return st;
}

/* ---- what of them a prompt holds ---- */

/* Tokens of a passage, and its keys and values where they are kept. A passage too short or too long is
 * left out. */
static cairn_status load(generator *g, const generate_text *text, candidate *c, bool *use,
                         cairn_error *err)
{
    const token_list *frame = &g->frame;
    cairn_status st = generator_passage_tokens(g, text->text, text->len, &c->ids, err);

    *use = false;
    if (st || c->ids.n < LEAST_PASSAGE || c->ids.n >= decoder_ctx(g->dec) - frame->n)
        return st;
    *use = kv_files_load(g->passages, &(kv_run){frame->ids, frame->n, c->ids.ids, c->ids.n},
                         decoder_run_bytes(g->dec, c->ids.n), &c->file);
    if (!*use)
        note(g, c->ids.ids, c->ids.n);
    return CAIRN_OK;
}

/* The longest run of a passage that stands at ids[0, n). */
static size_t longest(const plan *p, const token_id *ids, size_t n, size_t *passage, size_t *from)
{
    size_t best = 0;

    for (size_t i = 0; i < p->n_passages; i++) {
        const token_list *c = &p->passages[i].ids;
        for (size_t j = 0; j + best < c->n; j++) {
            size_t len = 0;
            while (len < n && j + len < c->n && c->ids[j + len] == ids[len])
                len++;
            if (len > best) {
                best = len;
                *passage = i;
                *from = j;
            }
        }
    }
    return best;
}

/* Runs of ids[same, n - 1), without the tokens at their ends that are computed; the rest is listed. Returns
 * how many tokens the runs spare. */
static size_t find_runs(generator *g, plan *p, const token_id *ids, size_t n, size_t same)
{
    size_t spared = 0, passage = 0, from = 0;

    for (size_t at = same, len; at < n; at += len) {
        len = at + 1 < n ? longest(p, ids + at, n - 1 - at, &passage, &from) : 0;
        if (len < LEAST_RUN) {
            p->at[p->n] = at;
            p->ids[p->n++] = ids[at];
            len = 1;
            continue;
        }
        for (size_t i = 0; i < len; i++)
            if (i < FIRST || i >= len - LAST) {
                p->at[p->n] = at + i;
                p->ids[p->n++] = ids[at + i];
            }
        /* The last ones are filled in, too, so that they can be compared; then they are computed. */
        p->runs[p->n_runs++] = (decoder_run){.kept = p->passages[passage].file.kept,
                                             .n_kept = p->passages[passage].ids.n,
                                             .from = from,
                                             .n = len,
                                             .at = at};
        spared += len - FIRST - LAST;
    }
    return spared;
}

static cairn_status make_plan(generator *g, const generate_params *p, const token_id *ids, size_t n,
                              size_t same, plan *out, size_t *spared, cairn_error *err)
{
    size_t most = p->n_passages < MOST_PASSAGES ? p->n_passages : MOST_PASSAGES;
    cairn_status st = CAIRN_OK;

    *spared = 0;
    out->passages = calloc(most, sizeof *out->passages);
    out->runs = checked_malloc((n - same) / LEAST_RUN + 1, sizeof *out->runs);
    out->ids = checked_malloc(n - same, sizeof *out->ids);
    out->at = checked_malloc(n - same, sizeof *out->at);
    if (!out->passages || !out->runs || !out->ids || !out->at)
        return cairn_fail(err, CAIRN_ENOMEM, "a prompt of %zu tokens", n);
    for (size_t i = 0; !st && i < most; i++) {
        bool use;
        st = load(g, &p->passages[i], &out->passages[out->n_passages], &use, err);
        if (!st && use)
            out->n_passages++;
        else
            token_list_clear(&out->passages[out->n_passages].ids);
    }
    if (!st && out->n_passages)
        *spared = find_runs(g, out, ids, n, same);
    return st;
}

/* The mean distance of what was computed at the runs' ends from what is kept. */
static double distance_at_ends(generator *g, const plan *p)
{
    double sum = 0;

    for (size_t i = 0; i < p->n_runs; i++) {
        decoder_run end = p->runs[i];
        end.from += end.n - LAST;
        end.at += end.n - LAST;
        end.n = LAST;
        sum += decoder_run_distance(g->dec, &end);
    }
    return sum / (double)p->n_runs;
}

static cairn_status carry_out(generator *g, const plan *p, const token_id *ids, size_t n,
                              size_t same, generate_result *out, bool *done, cairn_error *err)
{
    cairn_status st = decoder_append_runs(g->dec, n - same, p->runs, p->n_runs, err);

    if (!st)
        st = decoder_eval_at(g->dec, p->ids, p->at, p->n, g->logits, err);
    if (!st) {
        out->reuse_distance = distance_at_ends(g, p);
        *done = out->reuse_distance <= MOST_DISTANCE;
    }
    for (size_t i = same; !st && *done && i < n; i++)
        if (token_list_push(&g->sequence, ids[i]))
            st = cairn_fail(err, CAIRN_ENOMEM, "sequence");
    if (st || !*done) {
        decoder_truncate(g->dec, same);
        generator_truncate(g, same);
        *done = false;
    }
    return st;
}

cairn_status passages_take(generator *g, const generate_params *p, const token_id *ids, size_t n,
                           size_t same, generate_result *out, bool *done, cairn_error *err)
{
    const token_list *frame = &g->frame;
    plan how = {0};
    size_t spared;
    cairn_status st;

    *done = false;
    if (!p->n_passages || !g->passages || frame->n < LEAST_FRAME || frame->n >= n ||
        memcmp(frame->ids, ids, frame->n * sizeof *ids) || same + 1 >= n)
        return CAIRN_OK;
    if (same < frame->n) { /* it is no part of a passage */
        st = generator_feed(g, ids + same, frame->n - same, DECODER_NO_LOGITS, NULL, err);
        if (st)
            return st;
        same = frame->n;
    }
    st = make_plan(g, p, ids, n, same, &how, &spared, err);
    if (!st && spared * LEAST_SHARE >= n - same && spared)
        st = carry_out(g, &how, ids, n, same, out, done, err);
    out->reused_tokens = *done ? spared : 0;
    clear_plan(&how);
    return st;
}
