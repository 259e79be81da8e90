/* check.c - does a collection on a cluster add up? Its indexes are the cluster's to keep whole
 * (each shard has checksums of its own); what is looked at here is what Cairn put there: counts,
 * records, chunks without a document and documents without their chunks. */
#include <inttypes.h>
#include <stdio.h>

#include "opensearch/txn.h"

#define CHECK_BYTES ((size_t)256 << 20)

typedef struct checking {
    struct os_store *s;
    store_problem_fn *fn;
    void *ctx;
    size_t n;
    cairn_error first;
} checking;

static void tell(checking *c, const char *part, const char *text)
{
    store_problem p = {c->s->prefix, part, text};

    if (!c->n++)
        cairn_fail(&c->first, CAIRN_ECORRUPT, "%s: %s: %s", c->s->prefix, part, text);
    if (c->fn)
        c->fn(c->ctx, &p);
}

static cairn_status count(struct os_store *s, const char *index, json_t *query, uint64_t *out,
                          cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL;
    cairn_status st;

    snprintf(path, sizeof path, "/%s/_count", index);
    st = os_ask(s, "count", "POST", path, json_pack("{s:o}", "query", query), &reply, err);
    *out = (uint64_t)json_integer_value(json_object_get(reply, "count"));
    json_decref(reply);
    return st;
}

static void compare(checking *c, const char *part, uint64_t there, uint64_t stated)
{
    char text[128];

    if (there == stated)
        return;
    snprintf(text, sizeof text, "the state record counts %" PRIu64 ", %" PRIu64 " are there",
             stated, there);
    tell(c, part, text);
}

/* Every document has the chunks that its record says; fn is told of each that has not. */
typedef cairn_status bad_document_fn(void *ctx, const store_doc *doc, uint64_t there,
                                     cairn_error *err);

static cairn_status look_at_documents(struct os_store *s, const store_snapshot *snap,
                                      bad_document_fn *fn, void *ctx, cairn_error *err)
{
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    uint64_t there;
    cairn_status st = os_doc_iter_open(snap, "", &it, err);

    if (st)
        return st;
    arena_init(&memory, CHECK_BYTES);
    while (!(st = os_doc_iter_next(it, &doc, &memory, err))) {
        st = count(s, s->chunks, json_pack("{s:{s:I}}", "term", "doc", (json_int_t)doc.id), &there,
                   err);
        if (!st && there != doc.n_chunks)
            st = fn(ctx, &doc, there, err);
        if (st)
            break;
        arena_reset(&memory);
    }
    arena_clear(&memory);
    os_doc_iter_close(it);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static cairn_status tell_bad(void *ctx, const store_doc *doc, uint64_t there, cairn_error *err)
{
    char part[64], text[128];

    (void)err;
    snprintf(part, sizeof part, "document %" PRIu64, doc->id);
    snprintf(text, sizeof text, "its record counts %u chunks, %" PRIu64 " are there", doc->n_chunks,
             there);
    tell(ctx, part, text);
    return CAIRN_OK;
}

/* Ids of documents that chunks name, in pages; those without a record go to fn. */
static cairn_status look_at_orphans(struct os_store *s, json_t *removing, size_t *n,
                                    cairn_error *err)
{
    json_t *after = NULL, *reply = NULL;
    char path[PATH_BYTES];
    cairn_status st = CAIRN_OK;
    bool more = true;

    snprintf(path, sizeof path, "/%s/_search?filter_path=aggregations", s->chunks);
    while (more && !st) {
        json_t *composite = json_pack("{s:i,s:[{s:{s:{s:s}}}]}", "size", 500, "sources", "doc",
                                      "terms", "field", "doc");
        json_t *buckets, *one;
        size_t i;
        if (after)
            json_object_set(composite, "after", after);
        json_decref(reply);
        reply = NULL;
        st = os_ask(s, "look for chunks without a document", "POST", path,
                    json_pack("{s:i,s:{s:{s:o,s:{s:{s:{s:s}}}}}}", "size", 0, "aggs", "docs",
                              "composite", composite, "aggs", "last", "max", "field", "chunk"),
                    &reply, err);
        json_t *docs = json_object_get(json_object_get(reply, "aggregations"), "docs");
        buckets = json_object_get(docs, "buckets");
        json_array_foreach(buckets, i, one)
        {
            json_int_t id = json_integer_value(json_object_get(json_object_get(one, "key"), "doc"));
            double last = json_number_value(json_object_get(json_object_get(one, "last"), "value"));
            store_doc doc;
            uint64_t text;
            arena memory;
            cairn_status there;
            if (st)
                break;
            arena_init(&memory, CHECK_BYTES);
            there = os_read_doc(s, (doc_id)id, &doc, &text, &memory, err);
            arena_clear(&memory);
            if (there && there != CAIRN_ENOTFOUND)
                st = there;
            if (there != CAIRN_ENOTFOUND)
                continue;
            ++*n;
            if (removing)
                json_array_append_new(
                    removing,
                    json_pack("[I,I]", id,
                              (json_int_t)((uint64_t)last & ((1u << OPENSEARCH_CHUNK_BITS) - 1)) +
                                  1));
        }
        json_decref(after);
        after = json_incref(json_object_get(docs, "after_key"));
        more = !st && after && json_array_size(buckets);
    }
    json_decref(after);
    json_decref(reply);
    return st;
}

cairn_status os_check(store *handle, bool deep, store_problem_fn *fn, void *ctx, cairn_error *err)
{
    checking c = {.s = os_store_of(handle), .fn = fn, .ctx = ctx};
    opensearch_health h;
    store_snapshot *snap = NULL;
    uint64_t docs, chunks;
    size_t orphans = 0;
    cairn_status st = opensearch_health_get(handle, &h, err);

    if (!st)
        st = os_snapshot_open(handle, &snap, err);
    if (!st && h.status[0] == 'r')
        tell(&c, "indexes", "the cluster has lost shards of them (red): bring its nodes back");
    if (!st)
        st = count(c.s, c.s->documents, json_pack("{s:{}}", "match_all"), &docs, err);
    if (!st)
        st = count(c.s, c.s->chunks, json_pack("{s:{}}", "match_all"), &chunks, err);
    if (!st) {
        compare(&c, "documents", docs, os_snapshot_of(snap)->state.counts.docs);
        compare(&c, "chunks", chunks, os_snapshot_of(snap)->state.counts.chunks);
    }
    if (!st && deep)
        st = look_at_documents(c.s, snap, tell_bad, &c, err);
    if (!st && deep)
        st = look_at_orphans(c.s, NULL, &orphans, err);
    if (!st && orphans) {
        char text[128];
        snprintf(text, sizeof text, "chunks of %zu documents are there that have no record",
                 orphans);
        tell(&c, "chunks", text);
    }
    if (snap)
        os_snapshot_close(snap);
    if (!st && c.n) {
        if (err)
            *err = c.first;
        st = CAIRN_ECORRUPT;
    }
    return st;
}

static cairn_status remove_bad(void *ctx, const store_doc *doc, uint64_t there, cairn_error *err)
{
    (void)there;
    return json_array_append_new(ctx,
                                 json_pack("[I,I]", (json_int_t)doc->id, (json_int_t)doc->n_chunks))
               ? cairn_fail(err, CAIRN_ENOMEM, "documents to remove")
               : CAIRN_OK;
}

cairn_status opensearch_repair(store *handle, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    os_state broken = {.removing = json_array()};
    store_snapshot *snap = NULL;
    uint64_t docs = 0, chunks = 0;
    size_t n = 0;
    cairn_status st = s->is_writer ? os_refresh(s, err)
                                   : cairn_fail(err, CAIRN_EUSAGE,
                                                "collection %s is not open for writing", s->name);

    if (!st)
        st = os_snapshot_open(handle, &snap, err);
    if (!st)
        st = look_at_documents(s, snap, remove_bad, broken.removing, err);
    if (!st)
        st = look_at_orphans(s, broken.removing, &n, err);
    if (!st)
        st = os_finish_removal(s, &broken, err);
    if (!st)
        st = os_refresh(s, err);
    if (!st)
        st = count(s, s->documents, json_pack("{s:{}}", "match_all"), &docs, err);
    if (!st)
        st = count(s, s->chunks, json_pack("{s:{}}", "match_all"), &chunks, err);
    if (!st) {
        s->held.counts.docs = docs;
        s->held.counts.chunks = chunks;
        s->held.version++;
        st = os_show(s, &s->held, err);
    }
    if (snap)
        os_snapshot_close(snap);
    os_state_clear(&broken);
    return st;
}
