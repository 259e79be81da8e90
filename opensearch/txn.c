/* txn.c - a transaction on a cluster, which has none.
 *
 * Writes collect as lines of bulk requests. Chunks go out while the transaction grows, under ids of
 * documents that are not committed yet; all else waits for the commit:
 *
 *   1. the rest of the chunks, then documents, values, failures
 *   2. the state record in place of the one that was read: the commit point. It names the ids that
 * are committed now and the documents that are to go
 *   3. deletes of those, and a refresh, which makes all of it visible
 *
 * A crash before 2 leaves chunks and documents under ids that were lent and never committed; one
 * after 2 leaves documents that should be gone. The next writer removes both before anything else
 * (store.c). Who lost the lease in between fails at 2. Updates of what is there already (tags, a
 * moved file, vectors) go out at 1: each is whole by itself, and done again when the run is.
 *
 * Nothing is visible in between, because only a commit refreshes the indexes. */
#include "opensearch/txn_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/checked.h"
#include "base/clock.h"
#include "opensearch/row.h"
#include "store/record.h"

cairn_status os_txn_failed(struct os_txn *t, cairn_status st, const cairn_error *err)
{
    if (st && st != CAIRN_ENOTFOUND && st != CAIRN_EUSAGE && !t->failed.code) {
        if (err && err->code)
            t->failed = *err;
        else
            cairn_fail(&t->failed, st, "an earlier write failed");
    }
    return st;
}

static void txn_free(struct os_txn *t)
{
    if (t->s->txn == t)
        t->s->txn = NULL;
    json_decref(t->uris);
    json_decref(t->at_doc);
    bytes_clear(&t->chunks);
    bytes_clear(&t->rest);
    arena_clear(&t->memory);
    os_state_clear(&t->state);
    free(t->docs);
    free(t);
}

cairn_status os_txn_begin(store *handle, store_txn **out, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    struct os_txn *t;
    cairn_status st;

    *out = NULL;
    if (!s->is_writer)
        return cairn_fail(err, CAIRN_EUSAGE, "collection %s is not open for writing", s->name);
    if (s->txn)
        return cairn_fail(err, CAIRN_EUSAGE, "a transaction is open on collection %s", s->name);
    st = os_renew(s, err);
    if (!st)
        st = os_remove_left(s, err);
    if (st)
        return st;
    t = calloc(1, sizeof *t);
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "transaction");
    t->head.ops = &opensearch_backend;
    t->s = s;
    bytes_init(&t->chunks, CLIENT_REPLY_BYTES);
    bytes_init(&t->rest, CLIENT_REPLY_BYTES);
    arena_init(&t->memory, DOC_BYTES);
    t->uris = json_object();
    st = t->uris ? os_state_copy(&t->state, &s->held, err)
                 : cairn_fail(err, CAIRN_ENOMEM, "transaction");
    if (!st) {
        json_decref(
            t->state.removing); /* the last commit's are gone: it would have failed otherwise */
        t->state.removing = json_array();
        st = t->state.removing ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "transaction");
    }
    t->next = t->state.next_doc;
    int64_t now_ms = clock_wall_ns() / 1000000;
    t->state.write_no = now_ms > s->held.write_no ? now_ms : s->held.write_no + 1;
    if (st) {
        txn_free(t);
        return st;
    }
    s->txn = t;
    *out = (store_txn *)t;
    return CAIRN_OK;
}

static size_t held(const store_txn *handle)
{
    const struct os_txn *t = (const struct os_txn *)handle;

    return t->chunks.len + t->rest.len + t->memory.used;
}

/* ---- lines ---- */

cairn_status os_txn_add_line(bytes *lines, json_t *what, json_t *body, cairn_error *err)
{
    cairn_status st = client_dump(lines, what, err);

    if (!st)
        st = bytes_append_byte(lines, '\n');
    if (!st && body) {
        st = client_dump(lines, body, err);
        if (!st)
            st = bytes_append_byte(lines, '\n');
    }
    json_decref(what);
    json_decref(body);
    return st == CAIRN_ELIMIT ? cairn_fail(err, st, "a write to the cluster of more than %zu MiB",
                                           CLIENT_REPLY_BYTES >> 20)
                              : st;
}

static json_t *target(const char *verb, const char *index, const char *id)
{
    return json_pack("{s:{s:s,s:s}}", verb, "_index", index, "_id", id);
}

/* Of an item that is written whole: in place of what an earlier transaction wrote, never of a later one's, and, for as
 * long as the cluster remembers what was deleted (gc_deletes), not where a later one deleted it. An attempt that hung in
 * a node while another one was carried out is refused by that when it wakes up. */
static json_t *target_whole(const struct os_txn *t, const char *index, const char *id)
{
    return json_pack("{s:{s:s,s:s,s:I,s:s}}", "index", "_index", index, "_id", id, "version",
                     (json_int_t)t->state.write_no, "version_type", "external_gte");
}

json_t *os_txn_target_id(const char *verb, const char *index, uint64_t id)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, id);
    return target(verb, index, text);
}

json_t *os_txn_target_whole_id(const struct os_txn *t, const char *index, uint64_t id)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, id);
    return target_whole(t, index, text);
}

/* ---- documents ---- */

put_doc *os_txn_find_put(struct os_txn *t, doc_id id)
{
    for (size_t i = t->n_docs; i-- > 0;)
        if (t->docs[i].doc.id == id)
            return &t->docs[i];
    return NULL;
}

static cairn_status keep(struct os_txn *t, const char **s)
{
    *s = arena_strdup(&t->memory, *s ? *s : "");
    return *s ? CAIRN_OK : CAIRN_ENOMEM;
}

/* Take a copy of the document among those of this transaction. */
static cairn_status add_put(struct os_txn *t, const store_doc *doc, bool is_new, put_doc **out,
                            cairn_error *err)
{
    put_doc *p = is_new ? NULL : os_txn_find_put(t, doc->id); /* nobody had the id of a new one */
    store_doc *d;

    if (!p && t->n_docs == t->cap_docs) {
        size_t cap = t->cap_docs ? t->cap_docs * 2 : 64;
        put_doc *more = checked_realloc(t->docs, cap, sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "documents of a transaction");
        t->docs = more;
        t->cap_docs = cap;
    }
    if (!p) {
        p = &t->docs[t->n_docs++];
        *p = (put_doc){.is_new = is_new};
    }
    d = &p->doc;
    uint32_t n_chunks = d->n_chunks;
    *d = *doc;
    d->n_chunks = n_chunks;
    *out = p;
    if (keep(t, &d->uri) || keep(t, &d->title) || keep(t, &d->author) || keep(t, &d->lang) ||
        keep(t, &d->mime) || keep(t, &d->ext) || keep(t, &d->meta_json))
        return cairn_fail(err, CAIRN_ENOMEM, "documents of a transaction");
    return CAIRN_OK;
}

static cairn_status set_uri(struct os_txn *t, const char *uri, doc_id id, cairn_error *err)
{
    return json_object_set_new_nocheck(t->uris, uri, json_integer((json_int_t)id))
               ? cairn_fail(err, CAIRN_ENOMEM, "documents of a transaction")
               : CAIRN_OK;
}

cairn_status os_txn_doc_find(store_txn *handle, const char *uri, doc_id *id, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    const json_t *known = json_object_get(t->uris, uri);
    cairn_status st = CAIRN_OK;

    if (known)
        *id = (doc_id)json_integer_value(known);
    else if (!(st = os_find_uri(t->s, uri, id, err)))
        st = set_uri(t, uri, *id, err); /* it is asked for again when it is put */
    if (!st && !*id)
        st = cairn_fail(err, CAIRN_ENOTFOUND, "there is no document %s", uri);
    return st;
}

doc_id os_txn_new_doc_id(store_txn *handle)
{
    return os_txn_of(handle)->next++;
}

/* A chunk's id follows from its document: it has one when it is put. */
chunk_id os_txn_new_chunk_id(store_txn *handle)
{
    (void)handle;
    return 0;
}

static cairn_status check_strings(const store_doc *d, cairn_error *err)
{
    if (!d->uri || !*d->uri)
        return cairn_fail(err, CAIRN_EUSAGE, "a document without a uri");
    return strlen(d->uri) > STORE_URI_MAX
               ? cairn_fail(err, CAIRN_ELIMIT, "a uri of more than %d bytes", STORE_URI_MAX)
               : CAIRN_OK;
}

/* Its names are there from now on, if it is committed or not. */
static void know(struct os_txn *t, const store_doc *d)
{
    char id[40], hash[33];

    os_name_id('u', d->uri, id);
    os_known_add(t->s, id);
    if (os_hash_text(d->hash, hash))
        os_known_add(t->s, hash);
}

cairn_status os_doc_put(store_txn *handle, const store_doc *doc, doc_id *id, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    store_doc put = *doc;
    put_doc *p;
    doc_id taken = 0;
    cairn_status st = check_strings(doc, err);

    if (!st)
        st = os_txn_doc_find(handle, doc->uri, &taken, err);
    if (!st)
        return cairn_fail(err, CAIRN_EUSAGE, "document %s is there already", doc->uri);
    if (st != CAIRN_ENOTFOUND)
        return os_txn_failed(t, st, err);
    put.id = doc->id ? doc->id : t->next++;
    if (put.id >= t->next || put.id < t->state.next_doc)
        return cairn_fail(err, CAIRN_EUSAGE, "document id %" PRIu64 " is not new", put.id);
    st = put.id >= t->state.lent ? os_lend_more(t->s, &t->state, err) : CAIRN_OK;
    if (!st)
        st = add_put(t, &put, true, &p, err);
    if (!st)
        st = set_uri(t, put.uri, put.id, err);
    if (!st)
        know(t, &put);
    if (!st)
        t->state.counts.docs++;
    if (id)
        *id = put.id;
    return os_txn_failed(t, st, err);
}

/* The document as the last commit left it, among those of this transaction. */
static cairn_status load(struct os_txn *t, doc_id id, put_doc **out, cairn_error *err)
{
    store_doc d;
    uint64_t text_bytes;
    cairn_status st;

    *out = os_txn_find_put(t, id);
    if (*out)
        return (*out)->gone ? cairn_fail(err, CAIRN_ENOTFOUND, "there is no document %" PRIu64, id)
                            : CAIRN_OK;
    st = os_read_doc(t->s, id, &d, &text_bytes, &t->memory, err);
    if (!st)
        st = add_put(t, &d, false, out, err);
    if (!st) {
        (*out)->doc.n_chunks = d.n_chunks;
        (*out)->text_bytes = text_bytes;
    }
    return st;
}

cairn_status os_doc_update(store_txn *handle, const store_doc *doc, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    put_doc *p;
    doc_id taken = 0;
    cairn_status st = check_strings(doc, err);

    if (!st)
        st = load(t, doc->id, &p, err);
    if (st)
        return os_txn_failed(t, st, err);
    if (strcmp(p->doc.uri, doc->uri) != 0) {
        st = os_txn_doc_find(handle, doc->uri, &taken, err);
        if (!st)
            return cairn_fail(err, CAIRN_EUSAGE, "document %s is there already", doc->uri);
        st = st == CAIRN_ENOTFOUND ? set_uri(t, p->doc.uri, 0, err) : st;
    }
    if (!st && strcmp(p->doc.lang, doc->lang ? doc->lang : "") != 0) {
        os_state_count_language(&t->state, p->doc.lang, -(int64_t)p->doc.n_chunks);
        os_state_count_language(&t->state, doc->lang ? doc->lang : "", p->doc.n_chunks);
    }
    if (!st)
        st = add_put(t, doc, false, &p, err);
    if (!st)
        st = set_uri(t, p->doc.uri, doc->id, err);
    if (!st)
        know(t, &p->doc);
    return os_txn_failed(t, st, err);
}

cairn_status os_doc_delete(store_txn *handle, doc_id id, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    put_doc *p;
    cairn_status st = load(t, id, &p, err);

    if (!st && t->at && os_doc_of(t->at) == id)
        st = os_txn_end_chunk(t, err);
    if (!st)
        st = set_uri(t, p->doc.uri, 0, err);
    if (!st && json_array_append_new(t->state.removing, json_pack("[I,I]", (json_int_t)id,
                                                                  (json_int_t)p->doc.n_chunks)))
        st = cairn_fail(err, CAIRN_ENOMEM, "documents of a transaction");
    if (st)
        return os_txn_failed(t, st, err);
    p->gone = true;
    t->state.counts.docs--;
    t->state.counts.chunks -= p->doc.n_chunks;
    t->state.counts.text_bytes -=
        p->text_bytes < t->state.counts.text_bytes ? p->text_bytes : t->state.counts.text_bytes;
    os_state_count_language(&t->state, p->doc.lang, -(int64_t)p->doc.n_chunks);
    return CAIRN_OK;
}

/* ---- values and failures ---- */

static cairn_status put_data(struct os_txn *t, const char *id, const char *kind, const char *path,
                             const void *data, size_t len, cairn_error *err)
{
    json_t *body = NULL;
    bytes b;
    cairn_status st;

    os_known_add(t->s, id);
    bytes_init(&b, CLIENT_REPLY_BYTES);
    st = base64_append(&b, data, len);
    if (!st)
        body = json_pack("{s:s,s:o,s:s,s:o}", "kind", kind, "path", client_text(path, strlen(path)),
                         "path_id", id, "data", json_stringn(b.data ? b.data : "", b.len));
    bytes_clear(&b);
    return os_txn_failed(t, os_txn_add_line(&t->rest, target_whole(t, t->s->state, id), body, err), err);
}

static cairn_status drop_data(struct os_txn *t, const char *id, cairn_error *err)
{
    if (os_is_absent(t->s, id))
        return CAIRN_OK;
    return os_txn_failed(t, os_txn_add_line(&t->rest, target("delete", t->s->state, id), NULL, err), err);
}

cairn_status os_failure_put(store_txn *handle, const store_failure *f, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    char id[40];
    bytes b;
    cairn_status st;

    os_name_id('f', f->path, id);
    bytes_init(&b, STORE_TEXT_MAX);
    st = record_put_failure(&b, f);
    st = st ? os_txn_failed(t, cairn_fail(err, st, "failure of %s", f->path), err)
            : put_data(t, id, "failure", f->path, b.data, b.len, err);
    bytes_clear(&b);
    return st;
}

cairn_status os_failure_remove(store_txn *handle, const char *path, cairn_error *err)
{
    char id[40];

    os_name_id('f', path, id);
    return drop_data(os_txn_of(handle), id, err);
}

cairn_status os_meta_put(store_txn *handle, const char *key, const void *data, size_t len,
                         cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    char id[40];

    if (!*key || strlen(key) > STORE_META_KEY_MAX || len > STORE_TEXT_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "a value's key has 1 to %d bytes", STORE_META_KEY_MAX);
    os_name_id('m', key, id);
    return data ? put_data(t, id, "value", key, data, len, err) : drop_data(t, id, err);
}

/* ---- commit ---- */

static cairn_status add_doc_line(struct os_txn *t, const put_doc *p, cairn_error *err)
{
    bytes record, text;
    char uri_id[40], hash[33];
    json_t *body = NULL;
    cairn_status st;

    os_name_id('u', p->doc.uri, uri_id);
    if (!os_hash_text(p->doc.hash, hash))
        hash[0] = '\0';
    bytes_init(&record, DOC_BYTES);
    bytes_init(&text, DOC_BYTES);
    st = record_put_doc(&record, &p->doc);
    if (!st)
        st = base64_append(&text, record.data, record.len);
    if (!st)
        body = json_pack("{s:I,s:o,s:s,s:s,s:I,s:o}", "doc", (json_int_t)p->doc.id, "uri",
                         client_text(p->doc.uri, strlen(p->doc.uri)), "uri_id", uri_id, "hash",
                         hash, "text_bytes", (json_int_t)p->text_bytes, "record",
                         json_stringn(text.data, text.len));
    bytes_clear(&record);
    bytes_clear(&text);
    return os_txn_add_line(&t->rest, os_txn_target_whole_id(t, t->s->documents, p->doc.id), body, err);
}

/* Everything but what makes it count. */
static cairn_status send_all(struct os_txn *t, cairn_error *err)
{
    cairn_status st = os_txn_end_chunk(t, err);

    t->sent = true;
    for (size_t i = 0; i < t->n_docs && !st; i++) {
        if (!t->docs[i].gone)
            st = add_doc_line(t, &t->docs[i], err);
        if (!st && t->rest.len >= BULK_BYTES) {
            st = os_bulk(t->s, &t->rest, true, err);
            bytes_reset(&t->rest);
        }
    }
    if (!st && t->chunks.len)
        st = os_bulk(t->s, &t->chunks, true, err);
    if (!st && t->rest.len)
        st = os_bulk(t->s, &t->rest, true, err);
    return st;
}

/* Nothing of it happened: what went out is under ids that are not committed, and they are not used
 * again. */
static void forget(struct os_txn *t)
{
    os_range range = {t->s->held.next_doc, t->next};

    t->s->held.write_no = t->state.write_no;
    if (t->s->kept_docs)
        json_object_clear(t->s->kept_docs); /* some may have been changed all the same */
    if (range.from >= range.to)
        return;
    t->s->held.next_doc = t->next;
    if (!t->sent)
        return;
    (void)os_state_add_void(&t->s->held, range, NULL); /* without memory they are removed once all the same */
    if (t->s->left.from < t->s->left.to)
        range.from = t->s->left.from;
    t->s->left = range;
    (void)os_remove_left(t->s, NULL); /* else the next transaction, or the next writer, does it */
}

/* Documents that this transaction left alone need not be read again. */
static void keep_others(struct os_txn *t, uint64_t before)
{
    doc_id *changed = calloc(t->n_docs + 1, sizeof *changed);

    for (size_t i = 0; changed && i < t->n_docs; i++)
        changed[i] = t->docs[i].doc.id;
    if (changed)
        os_keep_docs(t->s, before, changed, t->n_docs);
    free(changed);
}

cairn_status os_txn_commit(store_txn *handle, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    struct os_store *s = t->s;
    cairn_status st = t->failed.code;

    if (st && err)
        *err = t->failed;
    if (!st)
        st = send_all(t, err);
    if (!st) {
        t->state.version++;
        t->state.next_doc = t->next;
        t->state.lease_until_ms = s->held.lease_until_ms;
        os_extend_lease(s, &t->state);
        t->state.seq_no = s->held.seq_no;
        t->state.primary_term = s->held.primary_term;
        st = os_state_write(s, &t->state, err);
    }
    if (st && st != CAIRN_EBUSY)
        forget(t);
    if (st == CAIRN_EBUSY)
        s->held.lease_until_ms = 0; /* the next transaction asks for the lease again */
    if (st) {
        txn_free(t);
        return st;
    }
    uint64_t before = s->held.version;
    os_state_clear(&s->held);
    st = os_state_copy(&s->held, &t->state, err);
    s->known.version = t->state.version;
    keep_others(t, before);
    if (!st && json_array_size(t->state.removing))
        st = os_finish_removal(s, &t->state, err);
    if (!st)
        st = os_show(s, &s->held, err);
    txn_free(t);
    return st;
}

void os_txn_abort(store_txn *handle)
{
    struct os_txn *t = os_txn_of(handle);

    if (!t)
        return;
    forget(t);
    txn_free(t);
}

cairn_status os_write(store *s, store_write_fn *fn, void *ctx, cairn_error *err)
{
    store_txn *t;
    cairn_status st = os_txn_begin(s, &t, err);

    if (st)
        return st;
    st = fn(ctx, t, err);
    if (st) {
        os_txn_abort(t);
        return st;
    }
    return os_txn_commit(t, err);
}

const retrieve_writer opensearch_writer = {os_row_put, os_vectors_put, os_vectors_drop, held, os_rules_put};
