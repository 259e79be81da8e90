/* check.c - cairn_check: the store's own check, then every index over its bytes; and repair.
 *
 * Everything in a segment can be made again from the store: words from the chunks' texts, vectors
 * by embedding. So repair means: take damaged segments out of the manifest, write new rows for the
 * chunks that now have none, and let chunks without a vector wait for one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/care.h"
#include "engine/cluster.h"
#include "engine/rebuild.h"
#include "engine/view.h"

typedef struct checking {
    cairn *c;
    void (*report)(void *ctx, const char *finding);
    void *ctx;
    segment_id bad[1024];
    size_t n_bad, n_findings;
} checking;

static void find(checking *k, const char *text)
{
    k->n_findings++;
    if (k->report)
        k->report(k->ctx, text);
}

static void take_problem(void *ctx, const store_problem *p)
{
    checking *k = ctx;
    cairn_error text;

    cairn_fail(&text, CAIRN_ECORRUPT, "%s: %s: %s", p->file, p->part, p->text);
    find(k, text.text);
}

/* Walk a segment's indexes whole. */
static cairn_status verify_segment(const store_segment *seg, cairn_error *err)
{
    section_source source;
    filter_reader *filter = NULL;
    lexical_reader *lexical = NULL;
    vector_reader *vector = NULL;
    cairn_status st;

    if (!seg->file)
        return cairn_fail(err, CAIRN_ECORRUPT, "segment %llu is missing or damaged",
                          (unsigned long long)seg->id);
    st = segment_verify(seg->file, err);
    if (st)
        return st;
    source = segment_source(seg->file);
    st = filter_reader_open(&filter, &source, err);
    if (!st && seg->kind == SEGMENT_LEXICAL) {
        st = lexical_reader_open(&lexical, &source, err);
        if (!st)
            st = lexical_reader_verify(lexical, err);
    } else if (!st) {
        st = vector_reader_open(&vector, &source, err);
        if (!st)
            st = vector_verify(vector, err);
    }
    if (!st && (filter_reader_rows(filter) != seg->n_rows ||
                (lexical && lexical_reader_rows(lexical) != seg->n_rows) ||
                (vector && vector_reader_rows(vector) != seg->n_rows)))
        st = cairn_fail(err, CAIRN_ECORRUPT, "the indexes disagree about the number of rows");
    if (st)
        cairn_error_prefix(err, "%s", segment_file_path(seg->file));
    lexical_reader_close(lexical);
    vector_reader_close(vector);
    filter_reader_close(filter);
    return st;
}

static cairn_status check_coverage(checking *k, const store_snapshot *s, cairn_error *err)
{
    size_t n_ids, no_words = 0, no_vector = 0;
    uint8_t *seen;
    char text[128];
    cairn_status st = rebuild_survey(s, k->bad, k->n_bad, &seen, &n_ids, err);

    if (st)
        return st;
    for (size_t id = 0; id < n_ids; id++) {
        no_words += (seen[id] & REBUILD_EXISTS) && !(seen[id] & REBUILD_HAS_WORDS);
        no_vector += (seen[id] & REBUILD_EXISTS) &&
                     !(seen[id] & (REBUILD_HAS_VECTOR | REBUILD_WAITS));
    }
    free(seen);
    if (no_words) {
        snprintf(text, sizeof text, "%zu chunks are in no word index", no_words);
        find(k, text);
    }
    if (no_vector) {
        snprintf(text, sizeof text, "%zu chunks have no vector and wait for none", no_vector);
        find(k, text);
    }
    return CAIRN_OK;
}

static cairn_status check_segments(checking *k, const store_snapshot *s)
{
    for (size_t i = 0; i < store_segment_count(s); i++) {
        const store_segment *seg = store_segment_at(s, i);
        cairn_error why;
        if (!verify_segment(seg, &why))
            continue;
        if (k->n_bad < sizeof k->bad / sizeof *k->bad)
            k->bad[k->n_bad++] = seg->id;
        find(k, why.text);
    }
    return CAIRN_OK;
}

/* Open the store again in the way that a check needs: damaged segments are listed, not refused. */
static cairn_status reopen_tolerant(cairn *c, cairn_error *err)
{
    store_options o = {
        .read_only = c->read_only, .tolerate_damage = true, .wait_ns = c->wait_ns};

    view_cache_destroy(c->views);
    c->views = NULL;
    store_close(c->store);
    c->store = NULL;
    return store_open(&c->store, c->dir, &o, err);
}

/* Of a collection on a cluster: the cluster keeps the bytes, Cairn's own records are looked at. */
static cairn_status check_cluster(checking *k, bool repair, cairn_error *err)
{
    cairn_error why = {0};
    cairn_status st = repair ? cluster_repair(k->c, err) : CAIRN_OK;

    if (!st)
        st = store_check(k->c->store, true, take_problem, k, &why);
    if (st == CAIRN_ECORRUPT)
        return cairn_fail(err, st, "%zu findings; cairn check --repair removes what belongs to no document and counts anew",
                          k->n_findings);
    if (st && err && why.code)
        *err = why;
    return st;
}

cairn_status cairn_check(cairn *c, bool repair, void (*report)(void *ctx, const char *finding),
                         void *ctx, cairn_error *err)
{
    checking k = {.c = c, .report = report, .ctx = ctx};
    store_snapshot *s = NULL;
    cairn_error why = {0};
    cairn_status st = engine_need_whole(c, err);
    bool database_damaged;

    if (!st && repair)
        st = engine_need_writer(c, err);
    if (!st && cluster_has(c))
        return check_cluster(&k, repair, err);
    if (!st)
        st = reopen_tolerant(c, err);
    if (st)
        return st;
    database_damaged = store_check(c->store, false, take_problem, &k, &why) == CAIRN_ECORRUPT;
    st = store_snapshot_open(c->store, &s, err);
    if (st)
        return st;
    check_segments(&k, s);
    st = check_coverage(&k, s, err);
    store_snapshot_close(s);
    if (st || !k.n_findings)
        return st;
    if (!repair)
        return cairn_fail(err, CAIRN_ECORRUPT, "%zu findings; cairn check --repair mends segments",
                          k.n_findings);
    if (k.n_bad)
        st = rebuild_drop(c, k.bad, k.n_bad, err);
    k.n_bad = 0;
    if (!st)
        st = rebuild_missing(c, NULL, err);
    if (!st) {
        k.report = NULL;
        database_damaged = store_check(c->store, false, take_problem, &k, &why) == CAIRN_ECORRUPT;
        if (database_damaged)
            st = cairn_fail(err, CAIRN_ECORRUPT,
                            "the database itself is damaged and cannot be mended in place (%s); "
                            "move the collection away and index again", why.text);
    }
    return st;
}
