/* snapshot.c - one state of a collection on a cluster: the state record, and what its readers
 * fetched so far.
 *
 * Everything else is asked for when it is needed (fetch.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opensearch/txn.h"

static int by_chunks(const void *a, const void *b, void *ctx)
{
    const os_state *s = ctx;
    int64_t x = s->language[*(const size_t *)a].chunks, y = s->language[*(const size_t *)b].chunks;

    return x > y ? -1 : x < y;
}

/* Snapshots of one version read the same, so what one fetched serves the next; but while a commit
 * is only seen in part, nothing is kept. */
static bool share_fetched(struct os_store *s, struct os_snapshot *snap)
{
    bool whole = snap->state.shown == snap->state.version;

    if (whole && s->kept_chunks && s->kept_version == snap->state.version) {
        snap->fetched_chunks = json_incref(s->kept_chunks);
        snap->fetched_docs = json_incref(s->kept_docs);
        snap->fetched_values = json_incref(s->kept_values);
        return true;
    }
    snap->fetched_chunks = json_object();
    snap->fetched_docs = json_object();
    snap->fetched_values = json_object();
    if (!snap->fetched_chunks || !snap->fetched_docs || !snap->fetched_values)
        return false;
    if (whole) {
        os_at_hand_forget(s);
        json_decref(s->kept_chunks);
        json_decref(s->kept_docs);
        json_decref(s->kept_values);
        s->kept_chunks = json_incref(snap->fetched_chunks);
        s->kept_docs = json_incref(snap->fetched_docs);
        s->kept_values = json_incref(snap->fetched_values);
        s->kept_version = snap->state.version;
    }
    return true;
}

/* The state: what was seen before, where that is relied on, or what it is now. */
static cairn_status take_state(struct os_store *s, struct os_snapshot *snap, cairn_error *err)
{
    cairn_status st;

    if (s->rely && s->seen_rules) {
        snap->relied = true;
        snap->rules = strdup(s->seen_rules);
        return snap->rules ? os_state_copy(&snap->state, &s->seen, err)
                           : cairn_fail(err, CAIRN_ENOMEM, "snapshot");
    }
    st = os_state_read_with(s, &snap->state, &snap->rules, err);
    os_state_see(s, st ? NULL : &snap->state, snap->rules);
    return st;
}

cairn_status os_snapshot_open(store *handle, store_snapshot **out, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    struct os_snapshot *snap = calloc(1, sizeof *snap);
    size_t order[LANGUAGES_MAX];
    cairn_status st = snap ? take_state(s, snap, err) : cairn_fail(err, CAIRN_ENOMEM, "snapshot");

    *out = NULL;
    if (!st && !share_fetched(s, snap))
        st = cairn_fail(err, CAIRN_ENOMEM, "snapshot");
    if (st) {
        os_snapshot_close((store_snapshot *)snap);
        return st;
    }
    snap->head.ops = &opensearch_backend;
    snap->s = s;
    for (size_t i = 0; i < snap->state.n_languages; i++)
        order[i] = i;
    qsort_r(order, snap->state.n_languages, sizeof *order, by_chunks, &snap->state);
    for (size_t i = 0; i < snap->state.n_languages; i++)
        snap->codes[i] = snap->state.language[order[i]].code;
    *out = (store_snapshot *)snap;
    return CAIRN_OK;
}

void os_snapshot_close(store_snapshot *handle)
{
    struct os_snapshot *snap = os_snapshot_of(handle);

    if (!snap)
        return;
    json_decref(snap->fetched_chunks);
    json_decref(snap->fetched_docs);
    json_decref(snap->fetched_values);
    json_decref(snap->matching);
    json_decref(snap->doubts);
    json_decref(snap->hidden);
    free(snap->rules);
    os_state_clear(&snap->state);
    free(snap);
}

uint64_t os_snapshot_version(const store_snapshot *handle)
{
    const os_state *state = &os_snapshot_of(handle)->state;

    /* What is kept under the number of a commit that is only seen in part is not found later on. */
    return 2 * state->version + (state->shown == state->version);
}

size_t os_languages(void *ctx, const char *const **out)
{
    struct os_snapshot *snap = ctx;

    *out = snap->codes;
    return snap->state.n_languages;
}

void os_keep_docs(struct os_store *s, uint64_t before, const doc_id *changed, size_t n)
{
    json_t *docs =
        s->kept_docs && s->kept_version == before ? json_copy(s->kept_docs) : json_object();
    char text[24];

    for (size_t i = 0; docs && i < n; i++) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)changed[i]);
        json_object_del(docs, text);
    }
    os_at_hand_forget(s);
    json_decref(s->kept_chunks);
    json_decref(s->kept_docs);
    json_decref(s->kept_values);
    s->kept_docs = docs;
    s->kept_chunks = json_object();
    s->kept_values = json_object();
    if (!s->kept_docs || !s->kept_chunks || !s->kept_values) {
        json_decref(s->kept_chunks); /* nothing is kept then */
        s->kept_chunks = NULL;
    }
    s->kept_version = s->held.version;
}

static uint64_t count_where(struct os_store *s, const char *index, json_t *query)
{
    char path[PATH_BYTES];
    json_t *reply = NULL;
    uint64_t n = 0;

    snprintf(path, sizeof path, "/%s/_count", index);
    if (!os_ask(s, "count", "POST", path, json_pack("{s:o}", "query", query), &reply, NULL))
        n = (uint64_t)json_integer_value(json_object_get(reply, "count"));
    json_decref(reply);
    return n;
}

/* What waits and what failed is counted by the cluster when somebody asks. */
store_counts os_snapshot_counts(const store_snapshot *handle)
{
    struct os_snapshot *snap = os_snapshot_of(handle);
    store_counts c = snap->state.counts;

    c.pending = count_where(snap->s, snap->s->chunks, json_pack("{s:{s:b}}", "term", "pending", 1));
    c.failures =
        count_where(snap->s, snap->s->state, json_pack("{s:{s:s}}", "term", "kind", "failure"));
    return c;
}
