/* store.c - opening a collection on a cluster, and the writer's lease.
 *
 * A writer lends itself ids ahead, [next_doc, lent) of the state record, and says with each commit
 * how far it came. Who takes over from one that did not end well removes what lies in the rest of
 * its range and begins behind it, so no two writers ever use one id, however long the first one
 * slept. */
#include "opensearch/room.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "opensearch/txn.h"

#define LENT_AT_ONCE ((doc_id)1 << 20)
#define POLL_MS      200

/* ---- requests ---- */

cairn_status os_call(struct os_store *s, const char *method, const char *path, json_t *body,
                     long *status, json_t **reply, cairn_error *err)
{
    client_request r = {.method = method, .path = path, .limits = s->limits};

    if (body)
        return client_json(s->client, method, path, body, &s->limits, status, reply, err);
    return client_call(s->client, &r, status, reply, err);
}

cairn_status os_ask(struct os_store *s, const char *what, const char *method, const char *path,
                    json_t *body, json_t **reply, cairn_error *err)
{
    json_t *answer = NULL;
    long status;
    cairn_status st = os_call(s, method, path, body, &status, &answer, err);

    if (!st && status / 100 != 2)
        st = client_refused(what, status, answer, err);
    if (reply && !st)
        *reply = json_incref(answer);
    json_decref(answer);
    return st;
}

/* ---- open and close ---- */

static bool good_prefix(const char *p)
{
    size_t n = strlen(p);

    return n && n <= OPENSEARCH_PREFIX_MAX &&
           strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789-_") == n && p[0] != '-' && p[0] != '_';
}

static void close_store(store *handle);

cairn_status os_begin(struct os_store **out, const opensearch_options *o, cairn_error *err)
{
    struct os_store *s;
    cairn_status st;

    *out = NULL;
    if (!o->prefix || !good_prefix(o->prefix))
        return cairn_fail(
            err, CAIRN_EUSAGE,
            "\"%s\" cannot begin the names of indexes: backend.index takes up to %d small "
            "letters, digits, - and _, a letter or digit first",
            o->prefix ? o->prefix : "", OPENSEARCH_PREFIX_MAX);
    s = calloc(1, sizeof *s);
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "a collection on a cluster");
    s->head.ops = &opensearch_backend;
    s->limits = o->limits;
    s->retry_ms = o->client.retry_ms > 0 ? o->client.retry_ms : CLIENT_RETRY_MS;
    s->lease_ms = o->lease_s > 0 ? (int64_t)(o->lease_s * 1000) : OPENSEARCH_LEASE_S * 1000;
    s->prefix = strdup(o->prefix);
    s->name = strdup(o->prefix);
    if (!s->prefix || !s->name ||
        asprintf(&s->documents, "%s-documents-%d", o->prefix, OPENSEARCH_MAPPING) < 0 ||
        asprintf(&s->chunks, "%s-chunks-%d", o->prefix, OPENSEARCH_MAPPING) < 0 ||
        asprintf(&s->state, "%s-state-%d", o->prefix, OPENSEARCH_MAPPING) < 0)
        st = cairn_fail(err, CAIRN_ENOMEM, "a collection on a cluster");
    else
        st = client_create(&s->client, &o->client, err);
    if (st) {
        close_store((store *)s);
        return st;
    }
    *out = s;
    return CAIRN_OK;
}

cairn_status opensearch_create(const opensearch_options *o, cairn_error *err)
{
    struct os_store *s;
    os_state first = {.next_doc = 1, .lent = 1, .seq_no = -1, .removing = json_array()};
    cairn_status st = os_begin(&s, o, err);

    if (!st)
        st = os_make_indexes(s, o, err);
    if (!st)
        st = os_check_mapping(s, err);
    if (!st)
        st = os_state_write(s, &first, err);
    if (st == CAIRN_EBUSY)
        st = cairn_fail(
            err, CAIRN_EUSAGE,
            "the cluster has a collection \"%s\" already: cairn collection attach uses it, or "
            "--index names another",
            s->prefix);
    if (!st)
        st = os_refresh(s, err);
    os_state_clear(&first);
    if (s)
        close_store((store *)s);
    return st;
}

cairn_status opensearch_drop(const opensearch_options *o, cairn_error *err)
{
    struct os_store *s;
    char path[PATH_BYTES];
    cairn_status st = os_begin(&s, o, err);

    if (st)
        return st;
    snprintf(path, sizeof path, "/%s,%s,%s?ignore_unavailable=true", s->chunks, s->documents,
             s->state);
    st = os_ask(s, "remove the indexes", "DELETE", path, NULL, NULL, err);
    close_store((store *)s);
    return st;
}

cairn_status opensearch_open(store **out, const opensearch_options *o, const store_options *so,
                             cairn_error *err)
{
    struct os_store *s;
    os_state state = {0};
    cairn_status st = os_begin(&s, o, err);

    *out = NULL;
    if (st)
        return st;
    s->read_only = so && so->read_only;
    s->wait_ns = so ? so->wait_ns : 0;
    st = os_check_mapping(s, err);
    if (!st && s->read_only)
        st = os_state_read(s, &state, err);
    if (!st && !s->read_only)
        st = store_lock_writer((store *)s, s->wait_ns, err);
    os_state_clear(&state);
    if (st)
        close_store((store *)s);
    else
        *out = (store *)s;
    return st;
}

static void close_store(store *handle)
{
    struct os_store *s = os_store_of(handle);

    if (!s)
        return;
    if (s->is_writer)
        store_unlock_writer(handle);
    os_state_clear(&s->held);
    os_known_forget(s);
    os_at_hand_forget(s);
    json_decref(s->kept_chunks);
    json_decref(s->kept_docs);
    json_decref(s->kept_values);
    os_state_see(s, NULL, NULL);
    client_destroy(s->client);
    free(s->documents);
    free(s->chunks);
    free(s->state);
    free(s->prefix);
    free(s->name);
    free(s);
}

bool opensearch_is(const store *s)
{
    return s && os_store_of(s)->head.ops == &opensearch_backend;
}

void opensearch_limit(store *s, const client_limits *limits)
{
    os_store_of(s)->limits = limits ? *limits : (client_limits){0};
}

void opensearch_rely(store *s, bool on)
{
    os_store_of(s)->rely = on;
}

client_counts opensearch_counted(const store *s)
{
    return client_counted(os_store_of(s)->client);
}

static const char *name_of(const store *s)
{
    return os_store_of(s)->prefix;
}

/* ---- the lease ---- */

static int64_t now_ms(void)
{
    return clock_wall_ns() / 1000000;
}

/* Who we are: told to others that wait. */
static void own_name(const struct os_store *s, char out[128])
{
    char host[64] = "";

    gethostname(host, sizeof host - 1);
    snprintf(out, 128, "%s:%d:%zx", host, (int)getpid(), (size_t)((uintptr_t)s >> 4));
}

/* Take the lease that is free or ours in *state. */
static cairn_status take(struct os_store *s, os_state *state, const char *me, cairn_error *err)
{
    bool mine = !strcmp(state->owner, me);
    os_range left = {state->next_doc, state->lent};
    cairn_status st = mine ? CAIRN_OK : os_state_add_void(state, left, err);

    if (st)
        return st;
    if (!mine) {
        strcpy(state->owner, me);
        state->next_doc = state->lent;
        state->lent = state->next_doc + LENT_AT_ONCE;
    }
    state->lease_until_ms = now_ms() + s->lease_ms;
    st = os_state_write(s, state, err);
    if (!st && !mine) {
        st = os_remove_voids(s, state, err);
        if (!st)
            st = os_finish_removal(s, state, err);
        if (!st && (json_array_size(state->removing) || state->shown != state->version))
            st = os_show(s, state, err);
        os_state_age_voids(state);
    }
    if (st)
        return st;
    os_state_clear(&s->held);
    st = os_state_copy(&s->held, state, err);
    s->is_writer = !st;
    return st;
}

/* One try; *busy: another one writes. */
static cairn_status try_lease(struct os_store *s, bool *busy, cairn_error *err)
{
    char me[128];
    os_state state;
    cairn_status st = os_state_read(s, &state, err);
    int64_t left = state.lease_until_ms - now_ms();

    own_name(s, me);
    *busy = !st && *state.owner && strcmp(state.owner, me) != 0 && left > 0;
    if (*busy)
        st = cairn_fail(err, CAIRN_EBUSY,
                        "collection %s is busy: %s writes it (its lease ends in %" PRId64
                        " s unless renewed)",
                        s->name, state.owner, left / 1000 + 1);
    if (!st) {
        st = take(s, &state, me, err);
        *busy = st == CAIRN_EBUSY;
    }
    os_state_clear(&state);
    return st;
}

static cairn_status lock_writer(store *handle, int64_t wait_ns, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    int64_t start = clock_mono_ns();

    if (s->is_writer)
        return CAIRN_OK;
    for (;;) {
        struct timespec nap = {0, POLL_MS * 1000000};
        bool busy;
        cairn_status st = try_lease(s, &busy, err);
        if (!st || !busy || !wait_ns || (wait_ns > 0 && clock_mono_ns() - start > wait_ns))
            return st;
        if (client_is_cancelled(s->client, &s->limits))
            return cairn_fail(err, CAIRN_ECANCELLED, "stopped while another one writes");
        nanosleep(&nap, NULL);
    }
}

cairn_status os_renew(struct os_store *s, cairn_error *err)
{
    bool busy;

    return s->held.lease_until_ms - now_ms() > s->lease_ms / 3 ? CAIRN_OK
                                                               : try_lease(s, &busy, err);
}

void os_extend_lease(const struct os_store *s, os_state *state)
{
    state->lease_until_ms = now_ms() + s->lease_ms;
}

cairn_status os_lend_more(struct os_store *s, os_state *state, cairn_error *err)
{
    cairn_status st;

    s->held.lent += LENT_AT_ONCE;
    s->held.lease_until_ms = now_ms() + s->lease_ms;
    st = os_state_write(s, &s->held, err);
    state->lent = s->held.lent;
    state->seq_no = s->held.seq_no;
    state->primary_term = s->held.primary_term;
    return st;
}

static void unlock_writer(store *handle)
{
    struct os_store *s = os_store_of(handle);

    if (!s->is_writer)
        return;
    s->is_writer = false;
    s->held.owner[0] = '\0';
    if (os_remove_left(s, NULL))
        s->held.next_doc = s->left.from; /* all from there on: the next writer removes it */
    else
        s->held.lent = s->held.next_doc;
    s->held.lease_until_ms = 0;
    (void)os_state_write(s, &s->held, NULL); /* else the lease runs out */
}

static bool is_writer(const store *s)
{
    return os_store_of(s)->is_writer;
}

/* ---- care ---- */

static cairn_status compact(store *handle, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "/%s,%s,%s/_forcemerge?only_expunge_deletes=true", s->chunks,
             s->documents, s->state);
    return os_ask(s, "compact the indexes", "POST", path, NULL, NULL, err);
}

static cairn_status usage(store *handle, bool slow, store_usage *out, cairn_error *err)
{
    opensearch_health h;
    cairn_status st = opensearch_health_get(handle, &h, err);

    (void)slow;
    *out = (store_usage){.segment_bytes = st ? 0 : h.bytes};
    return st;
}

cairn_status opensearch_health_get(store *handle, opensearch_health *out, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    char path[PATH_BYTES];
    json_t *reply = NULL;
    const char *text;
    cairn_status st;

    *out = (opensearch_health){0};
    snprintf(path, sizeof path, "/_cluster/health/%s,%s,%s", s->chunks, s->documents, s->state);
    st = os_ask(s, "ask how the cluster is", "GET", path, NULL, &reply, err);
    text = json_string_value(json_object_get(reply, "status"));
    snprintf(out->status, sizeof out->status, "%s", text ? text : "unknown");
    out->nodes = (unsigned)json_integer_value(json_object_get(reply, "number_of_nodes"));
    json_decref(reply);
    reply = NULL;
    if (!st)
        st = os_ask(s, "ask for the cluster's version", "GET", "/", NULL, &reply, err);
    text = json_string_value(json_object_get(json_object_get(reply, "version"), "number"));
    snprintf(out->version, sizeof out->version, "%s", text ? text : "");
    json_decref(reply);
    reply = NULL;
    snprintf(path, sizeof path, "/%s,%s,%s/_stats/store?filter_path=_all.total.store.size_in_bytes",
             s->chunks, s->documents, s->state);
    if (!st)
        st = os_ask(s, "ask for the sizes of the indexes", "GET", path, NULL, &reply, err);
    out->bytes = (uint64_t)json_integer_value(json_object_get(
        json_object_get(json_object_get(json_object_get(reply, "_all"), "total"), "store"),
        "size_in_bytes"));
    json_decref(reply);
    reply = NULL;
    snprintf(path, sizeof path, "/%s/_settings/index.number_of_*?flat_settings=true", s->chunks);
    if (!st)
        st = os_ask(s, "ask for the settings of an index", "GET", path, NULL, &reply, err);
    const json_t *set = json_object_get(json_object_get(reply, s->chunks), "settings");
    text = json_string_value(json_object_get(set, "index.number_of_shards"));
    out->shards = text ? (unsigned)strtoul(text, NULL, 10) : 0;
    text = json_string_value(json_object_get(set, "index.number_of_replicas"));
    out->replicas = text ? (unsigned)strtoul(text, NULL, 10) : 0;
    json_decref(reply);
    return st;
}

/* ---- what needs segments ---- */

static cairn_status no_segments(cairn_error *err)
{
    return cairn_fail(err, CAIRN_EUNSUPPORTED, "a collection on a cluster keeps no segments here");
}

static size_t segment_count(const store_snapshot *snap)
{
    (void)snap;
    return 0;
}

static const store_segment *segment_at(const store_snapshot *snap, size_t i)
{
    (void)snap, (void)i;
    return NULL;
}

static cairn_status segment_add(store_txn *t, segment_writer *w, segment_id *id, cairn_error *err)
{
    (void)t, (void)id;
    segment_writer_abandon(w);
    return no_segments(err);
}

static cairn_status segment_merge(store_txn *t, segment_writer *w, const segment_id *inputs,
                                  size_t n, segment_id *id, cairn_error *err)
{
    (void)inputs, (void)n;
    return segment_add(t, w, id, err);
}

static cairn_status segment_remove(store_txn *t, segment_id id, cairn_error *err)
{
    (void)t, (void)id;
    return no_segments(err);
}

static cairn_status segment_set_aside(store_txn *t, segment_id id, bool aside, cairn_error *err)
{
    (void)aside;
    return segment_remove(t, id, err);
}

static cairn_status copy(const store_snapshot *snap, const char *dir, uint64_t generation,
                         const char *earlier, store_copy_step *step, void *ctx,
                         store_copy_report *out, cairn_error *err)
{
    (void)snap, (void)dir, (void)generation, (void)earlier, (void)step, (void)ctx, (void)out;
    return no_segments(err);
}

static uint64_t generation(const store_snapshot *snap)
{
    (void)snap;
    return 1;
}

/* Rows are replaced, not tombstoned: they have the ids of their chunks. */
static cairn_status rows_tombstone(store_txn *t, segment_kind kind, const chunk_id *chunks,
                                   size_t n, cairn_error *err)
{
    (void)t, (void)kind, (void)chunks, (void)n, (void)err;
    return CAIRN_OK;
}

const store_backend opensearch_backend = {
    .close = close_store,
    .dir = name_of,
    .lock_writer = lock_writer,
    .unlock_writer = unlock_writer,
    .is_writer = is_writer,
    .snapshot_open = os_snapshot_open,
    .txn_begin = os_txn_begin,
    .write = os_write,
    .check = os_check,
    .compact = compact,
    .usage_get = usage,
    .snapshot_close = os_snapshot_close,
    .snapshot_version = os_snapshot_version,
    .snapshot_counts = os_snapshot_counts,
    .segment_count = segment_count,
    .segment_at = segment_at,
    .doc_get = os_doc_get,
    .doc_find = os_doc_find,
    .doc_by_hash = os_doc_by_hash,
    .doc_chunks = os_doc_chunks,
    .chunk_get = os_chunk_get,
    .chunk_next = os_chunk_next,
    .doc_iter_open = os_doc_iter_open,
    .meta_get = os_meta_get,
    .failure_each = os_failure_each,
    .failure_find = os_failure_find,
    .pending_next = os_pending_next,
    .copy = copy,
    .snapshot_generation = generation,
    .doc_iter_next = os_doc_iter_next,
    .doc_iter_close = os_doc_iter_close,
    .txn_commit = os_txn_commit,
    .txn_abort = os_txn_abort,
    .txn_new_doc_id = os_txn_new_doc_id,
    .txn_new_chunk_id = os_txn_new_chunk_id,
    .doc_put = os_doc_put,
    .doc_update = os_doc_update,
    .doc_delete = os_doc_delete,
    .txn_doc_find = os_txn_doc_find,
    .chunk_put = os_chunk_put,
    .rows_tombstone = rows_tombstone,
    .pending_add = os_pending_add,
    .pending_remove = os_pending_remove,
    .failure_put = os_failure_put,
    .failure_remove = os_failure_remove,
    .meta_put = os_meta_put,
    .segment_add = segment_add,
    .segment_merge = segment_merge,
    .segment_remove = segment_remove,
    .segment_set_aside = segment_set_aside,
    .prefetch = os_prefetch,
    .doc_shown = os_doc_shown,
};
