/* embedder.c - another embedder for a collection: its vectors are made beside those that are searched, and the two
 * change places in one transaction. Who reads sees the one set or the other, each with the encoder that made it
 * (engine_follow_embedder).
 *
 * The vectors beside lie in segments that stand aside in the manifest (SEGMENT_ASIDE). Which chunks have one there is
 * read from these segments, so a build that was cut off goes on where its last segment ended, and chunks that came,
 * changed or went meanwhile are seen to. After the change the old set stands aside in its turn: changing back is the
 * same step. Vectors aside may be searched, too: those of a second embedder (second.h). A build holds the writer's lock for a segment at a time. */
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "engine/augment.h"
#include "engine/care.h"
#include "engine/embedder.h"
#include "engine/literacy.h"
#include "engine/merge.h"
#include "engine/rebuild.h"
#include "engine/second.h"
#include "engine/vectors.h"

#define MEMORY_BYTES ((size_t)1 << 20)
#define LET_IN_NS    ((int64_t)50 * 1000000) /* between two segments, for other writers */

cairn_status embedder_aside_get(const store_snapshot *s, arena *memory, embedder_aside *out, cairn_error *err)
{
    const uint8_t *data;
    const char *model, *identity;
    int was_searched;
    size_t len;
    json_t *j;
    cairn_status st = store_meta_get(s, META_ASIDE, memory, &data, &len, err);

    *out = (embedder_aside){0};
    if (st)
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    j = json_loadb((const char *)data, len, 0, NULL);
    if (!j || json_unpack(j, "{s:s,s:s,s:b}", "model", &model, "identity", &identity, "was_searched",
                          &was_searched)) {
        json_decref(j);
        return cairn_fail(err, CAIRN_ECORRUPT, "the note on the vectors aside cannot be read: cairn embedder drop "
                                               "removes them");
    }
    *out = (embedder_aside){arena_strdup(memory, model), arena_strdup(memory, identity), was_searched};
    json_decref(j);
    return out->model && out->identity ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "embedders");
}

static cairn_status put_aside(store_txn *t, const embedder_aside *a, cairn_error *err)
{
    json_t *j;
    char *text;
    cairn_status st;

    if (!a->identity)
        return store_meta_put(t, META_ASIDE, NULL, 0, err);
    j = json_pack("{s:s,s:s,s:b}", "model", a->model, "identity", a->identity, "was_searched", a->was_searched);
    text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (!text)
        return cairn_fail(err, CAIRN_EUSAGE, "the embedder's name is not valid UTF-8");
    st = store_meta_put(t, META_ASIDE, text, strlen(text), err);
    free(text);
    return st;
}

/* The identity of the vectors that are searched; NULL: there are none yet. */
static cairn_status read_identity(const store_snapshot *s, arena *memory, const char **out, cairn_error *err)
{
    const uint8_t *data;
    size_t len;
    cairn_status st = store_meta_get(s, META_EMBEDDER, memory, &data, &len, err);

    *out = st ? NULL : (const char *)data;
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

uint64_t embedder_count_vectors(const store_snapshot *s, segment_kind kind)
{
    uint64_t n = 0;

    for (size_t i = 0; i < store_segment_count(s); i++) {
        const store_segment *seg = store_segment_at(s, i);
        if (seg->kind == kind)
            n += seg->n_rows - seg->n_deleted;
    }
    return n;
}

cairn_status cairn_embedders_get(cairn *c, cairn_embedders *out, cairn_error *err)
{
    arena *memory = malloc(sizeof *memory);
    store_snapshot *s;
    embedder_aside a;
    second_state second;
    cairn_status st;

    *out = (cairn_embedders){0};
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "embedders");
    arena_init(memory, MEMORY_BYTES);
    out->memory = memory;
    st = engine_need_whole(c, err);
    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (st)
        return st;
    st = engine_follow_embedder(c, s, err);
    if (!st)
        st = read_identity(s, memory, &out->searched.identity, err);
    if (!st)
        st = embedder_aside_get(s, memory, &a, err);
    if (!st && !(out->searched.model = arena_strdup(memory, c->settings.embedder)))
        st = cairn_fail(err, CAIRN_ENOMEM, "embedders");
    if (!st) {
        out->chunks = store_snapshot_counts(s).chunks;
        out->searched.vectors = embedder_count_vectors(s, SEGMENT_VECTOR);
        out->aside = (cairn_embedder){a.model, a.identity, embedder_count_vectors(s, SEGMENT_ASIDE)};
        out->was_searched = a.was_searched;
        st = second_describe(c, memory, &second, err);
        out->second = second.searched;
        out->unread = second.unread;
        out->coming = (cairn_embedder){second.coming, NULL, second.made};
        out->coming_of = second.wanted;
        out->lacking = second_lacking(c);
    }
    store_snapshot_close(s);
    return st;
}

void cairn_embedders_clear(cairn_embedders *e)
{
    if (e->memory) {
        arena_clear(e->memory);
        free(e->memory);
    }
    *e = (cairn_embedders){0};
}

/* ---- building ---- */

cairn_status embedder_claim(cairn *c, const char *model, cairn_error *err)
{
    char identity[AUGMENT_IDENTITY_BYTES];
    const char *now;
    encoder *e;
    store_snapshot *s;
    store_txn *t = NULL;
    embedder_aside a;
    bool own, any;
    uint64_t dropped;
    arena memory;
    cairn_status st = engine_encoder(c, &e, err);

    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (st)
        return st;
    arena_init(&memory, MEMORY_BYTES);
    augment_identity(e, &c->settings, identity);
    st = vectors_identity_get(s, NULL, &own, &any, err);
    if (!st && own)
        st = cairn_fail(err, CAIRN_EUSAGE, "the vectors of collection %s are your own and no embedder's",
                        c->collection);
    if (!st)
        st = read_identity(s, &memory, &now, err);
    if (!st && now && !strcmp(now, identity))
        st = cairn_fail(err, CAIRN_EUSAGE, "the vectors that are searched are those of %s", model);
    if (!st)
        st = embedder_aside_get(s, &memory, &a, err);
    if (!st && a.identity && strcmp(a.identity, identity) != 0 && !a.was_searched && second_gives_way(c, a.model))
        st = embedder_drop_aside(c, &dropped, err);
    else if (!st && a.identity && strcmp(a.identity, identity) != 0)
        st = cairn_fail(err, CAIRN_EUSAGE,
                        "vectors of %s stand aside already%s: cairn embedder drop removes them", a.model,
                        a.was_searched ? ", for cairn embedder undo" : "");
    if (!st)
        st = store_txn_begin(c->store, &t, err);
    if (!st)
        st = put_aside(t, &(embedder_aside){model, identity, false}, err);
    if (!st)
        st = store_txn_commit(t, err);
    else
        store_txn_abort(t);
    arena_clear(&memory);
    store_snapshot_close(s);
    return st;
}

/* Segments until no chunk is without a vector aside. */
static cairn_status build(run *r, cairn_error *err)
{
    cairn *c = r->c;
    run_aside how = {.stage = "embed"};
    size_t left;
    cairn_status st;

    for (;;) {
        st = run_embed_aside(r, &how, &left, err);
        if (st || !left)
            return st;
        store_unlock_writer(c->store);
        nanosleep(&(struct timespec){.tv_nsec = LET_IN_NS}, NULL);
        while ((st = store_lock_writer(c->store, LET_IN_NS, err)) == CAIRN_EBUSY)
            if (run_cancelled(r))
                return cairn_fail(err, CAIRN_ECANCELLED, "stopped with %zu vectors to make", left);
        if (st)
            return st;
    }
}

/* A mapping has one field of vectors that is searched. */
static cairn_status refuse_cluster(const cairn *c, cairn_error *err)
{
    return c->remote ? cairn_fail(err, CAIRN_EUNSUPPORTED,
                                  "a collection on a cluster holds the vectors of one embedder: cairn --embedder MODEL "
                                  "index makes them anew there, or build beside the old ones in a collection of this "
                                  "machine and copy that (cairn collection copy)")
                     : CAIRN_OK;
}

cairn_status cairn_embedder_build(cairn *c, const char *model, const cairn_index_options *options,
                                  cairn_index_report *report, cairn_error *err)
{
    char path[PATH_MAX], *before = NULL;
    run r;
    cairn_status st = run_begin(&r, c, options, report, err);

    /* A merge at work would not bear that another writer comes in between. */
    merger_destroy(r.merger);
    r.merger = NULL;
    if (!st)
        st = refuse_cluster(c, err);
    if (!st && strchr(model, '/') && realpath(model, path))
        model = path; /* later processes stand elsewhere */
    if (!st && !(before = strdup(c->settings.embedder)))
        st = cairn_fail(err, CAIRN_ENOMEM, "embedder");
    if (!st)
        st = engine_use_embedder(c, model, err);
    if (!st)
        st = embedder_claim(c, model, err);
    if (!st)
        st = build(&r, err);
    if (before)
        (void)engine_use_embedder(c, before, NULL); /* it was short enough */
    batch_destroy(r.batch);
    run_state_clear(&r.state);
    report->seconds = (double)(clock_mono_ns() - r.start_ns) / 1e9;
    free(before);
    return st;
}

/* ---- changing over ---- */

static bool lacks(uint8_t seen)
{
    return (seen & (REBUILD_EXISTS | REBUILD_HAS_ASIDE)) == REBUILD_EXISTS;
}

/* The chunks that wait are those without a vector among what is aside now. */
static cairn_status change_waiting(store_txn *t, const uint8_t *seen, size_t n_ids, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (chunk_id id = 1; !st && id < n_ids; id++) {
        bool waits = seen[id] & REBUILD_WAITS;
        if (lacks(seen[id]) && !waits)
            st = store_pending_add(t, &id, 1, err);
        else if (waits && !lacks(seen[id]))
            st = store_pending_remove(t, &id, 1, err);
    }
    return st;
}

static cairn_status change_places(const store_snapshot *s, store_txn *t, const embedder_aside *from, const embedder_aside *to,
                                  cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < store_segment_count(s); i++) {
        const store_segment *seg = store_segment_at(s, i);
        if (seg->kind != SEGMENT_LEXICAL)
            st = store_segment_set_aside(t, seg->id, seg->kind == SEGMENT_VECTOR, err);
    }
    if (!st)
        st = store_meta_put(t, META_EMBEDDER, to->identity, strlen(to->identity), err);
    if (!st)
        st = store_meta_put(t, META_EMBEDDER_MODEL, to->model, strlen(to->model), err);
    if (!st)
        st = store_meta_put(t, META_AUDIT, NULL, 0, err);
    return st ? st : put_aside(t, from, err);
}

static cairn_status change_over(cairn *c, bool undo, cairn_error *err)
{
    store_snapshot *s;
    store_txn *t = NULL;
    uint8_t *seen = NULL;
    size_t n_ids = 0, left = 0;
    embedder_aside from = {.model = c->settings.embedder, .was_searched = true}, to = {0};
    literacy reads;
    arena memory;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    if (st)
        return st;
    arena_init(&memory, MEMORY_BYTES);
    st = embedder_aside_get(s, &memory, &to, err);
    if (!st && (!to.identity || to.was_searched != undo))
        st = cairn_fail(err, CAIRN_EUSAGE,
                        undo ? "no vectors that were searched before stand aside"
                             : "no new vectors stand aside: cairn embedder build MODEL makes them");
    if (!st)
        st = read_identity(s, &memory, &from.identity, err);
    if (!st)
        st = rebuild_survey(s, NULL, 0, &seen, &n_ids, err);
    if (!st && to.identity) { /* what it cannot read has perhaps none yet, as of a second embedder: the run makes it */
        literacy_of_model(to.model, &reads);
        st = literacy_mark_unread(&reads, s, REBUILD_UNREAD, seen, n_ids, err);
    }
    for (chunk_id id = 1; !st && id < n_ids; id++)
        left += lacks(seen[id]) && !(seen[id] & REBUILD_UNREAD);
    if (!st && left && !undo)
        st = cairn_fail(err, CAIRN_EUSAGE, "%zu passages have no vector of %s yet: cairn embedder build %s goes on",
                        left, to.model, to.model);
    if (!st)
        st = store_txn_begin(c->store, &t, err);
    if (!st)
        st = change_places(s, t, &from, &to, err);
    if (!st)
        st = change_waiting(t, seen, n_ids, err);
    if (!st)
        st = store_txn_commit(t, err);
    else
        store_txn_abort(t);
    if (!st)
        st = engine_use_embedder(c, to.model, err);
    free(seen);
    arena_clear(&memory);
    store_snapshot_close(s);
    return st;
}

/* Then the vectors that are searched now are merged, and what came while they stood aside gets one. */
static cairn_status change(cairn *c, bool undo, const cairn_index_options *options, cairn_index_report *report,
                           cairn_error *err)
{
    run r;
    cairn_status st = run_begin(&r, c, options, report, err);

    if (!st)
        st = refuse_cluster(c, err);
    if (!st)
        st = change_over(c, undo, err);
    return run_end(&r, st, err);
}

cairn_status cairn_embedder_switch(cairn *c, const cairn_index_options *options, cairn_index_report *report,
                                   cairn_error *err)
{
    return change(c, false, options, report, err);
}

cairn_status cairn_embedder_undo(cairn *c, const cairn_index_options *options, cairn_index_report *report,
                                 cairn_error *err)
{
    return change(c, true, options, report, err);
}

cairn_status embedder_drop_aside(cairn *c, uint64_t *dropped, cairn_error *err)
{
    store_snapshot *s;
    store_txn *t = NULL;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    *dropped = 0;
    if (st)
        return st;
    *dropped = embedder_count_vectors(s, SEGMENT_ASIDE);
    st = store_txn_begin(c->store, &t, err);
    for (size_t i = 0; !st && i < store_segment_count(s); i++)
        if (store_segment_at(s, i)->kind == SEGMENT_ASIDE)
            st = store_segment_remove(t, store_segment_at(s, i)->id, err);
    if (!st)
        st = store_meta_put(t, META_ASIDE, NULL, 0, err);
    if (!st)
        st = store_txn_commit(t, err);
    else
        store_txn_abort(t);
    store_snapshot_close(s);
    return st;
}

cairn_status cairn_embedder_drop(cairn *c, uint64_t *dropped, cairn_error *err)
{
    cairn_status st = engine_need_writer(c, err);

    *dropped = 0;
    return st ? st : embedder_drop_aside(c, dropped, err);
}
