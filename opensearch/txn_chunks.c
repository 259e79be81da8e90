/* txn_chunks.c - the passages of a transaction. One is at hand: its text, its words and columns, its vector are put one after
 * the other and make one line of a bulk request together, which goes out when the next one is taken up. */
#include "opensearch/txn_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "opensearch/row.h"
#include "store/record.h"

#define ORDINALS    ((uint32_t)1 << OPENSEARCH_CHUNK_BITS)
#define SHOWN_BYTES 4096 /* of a document's record that is kept with each of its passages, at most */

cairn_status os_txn_end_chunk(struct os_txn *t, cairn_error *err)
{
    json_t *doc = t->at_doc;
    chunk_id id = t->at;
    cairn_status st;

    if (!id)
        return CAIRN_OK;
    t->at = 0;
    t->at_doc = NULL;
    st = os_txn_add_line(&t->chunks,
                  t->at_is_new ? os_txn_target_whole_id(t, t->s->chunks, id) : os_txn_target_id("update", t->s->chunks, id),
                  t->at_is_new ? doc : json_pack("{s:o}", "doc", doc), err);
    if (!st && t->chunks.len >= BULK_BYTES) {
        t->sent = true;
        st = os_bulk(t->s, &t->chunks, true, err);
        bytes_reset(&t->chunks);
    }
    return os_txn_failed(t, st, err);
}

/* Make `id` the chunk at hand, as a partial update where it is not new. */
static cairn_status take_chunk(struct os_txn *t, chunk_id id, bool is_new, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (t->at == id)
        return CAIRN_OK;
    st = os_txn_end_chunk(t, err);
    if (st)
        return st;
    t->at_doc = json_object();
    if (!t->at_doc)
        return cairn_fail(err, CAIRN_ENOMEM, "a chunk");
    t->at = id;
    t->at_is_new = is_new;
    return CAIRN_OK;
}

static bool set_number(json_t *doc, const char *key, uint64_t v)
{
    return !v || !json_object_set_new(doc, key, json_integer((json_int_t)v));
}

cairn_status os_chunk_put(store_txn *handle, const store_chunk *c, chunk_id *id, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    put_doc *p = os_txn_find_put(t, c->doc);
    chunk_id at = os_chunk_of(c->doc, c->ordinal);
    cairn_status st;

    if (!p || p->gone || !p->is_new)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a chunk of document %" PRIu64 ", which was not put before", c->doc);
    if (c->ordinal != p->doc.n_chunks || c->ordinal >= ORDINALS)
        return c->ordinal < ORDINALS
                   ? cairn_fail(err, CAIRN_EUSAGE, "chunk %u of a document that has %u", c->ordinal,
                                p->doc.n_chunks)
                   : os_txn_failed(t,
                            cairn_fail(err, CAIRN_ELIMIT, "%s: a document of more than %u passages",
                                       p->doc.uri, ORDINALS),
                            err);
    st = take_chunk(t, at, true, err);
    if (st)
        return os_txn_failed(t, st, err);
    if (json_object_set_new(t->at_doc, "chunk", json_integer((json_int_t)at)) ||
        json_object_set_new(t->at_doc, "doc", json_integer((json_int_t)c->doc)) ||
        json_object_set_new(t->at_doc, "pending", json_false()) ||
        json_object_set_new(
            t->at_doc, "heading",
            client_text(c->heading ? c->heading : "", c->heading ? strlen(c->heading) : 0)) ||
        json_object_set_new(t->at_doc, "text", client_text(c->text, c->text_len)) ||
        !set_number(t->at_doc, "ordinal", c->ordinal) ||
        !set_number(t->at_doc, "byte_start", c->byte_start) ||
        !set_number(t->at_doc, "byte_end", c->byte_end) ||
        !set_number(t->at_doc, "page_first", c->page_first) ||
        !set_number(t->at_doc, "page_last", c->page_last) ||
        !set_number(t->at_doc, "line_first", c->line_first) ||
        !set_number(t->at_doc, "line_last", c->line_last) ||
        !set_number(t->at_doc, "tokens", c->n_tokens))
        return os_txn_failed(t, cairn_fail(err, CAIRN_ENOMEM, "a chunk"), err);
    p->doc.n_chunks++;
    p->text_bytes += c->text_len;
    t->state.counts.chunks++;
    t->state.counts.text_bytes += c->text_len;
    os_state_count_language(&t->state, p->doc.lang, 1);
    if (id)
        *id = at;
    return CAIRN_OK;
}

static cairn_status set_pending(store_txn *handle, const chunk_id *chunks, size_t n, bool pending,
                                cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n && !st; i++) {
        st = take_chunk(t, chunks[i], false, err);
        if (!st && json_object_set_new(t->at_doc, "pending", json_boolean(pending)))
            st = cairn_fail(err, CAIRN_ENOMEM, "a chunk");
    }
    return os_txn_failed(t, st, err);
}

cairn_status os_pending_add(store_txn *handle, const chunk_id *chunks, size_t n, cairn_error *err)
{
    return set_pending(handle, chunks, n, true, err);
}

cairn_status os_pending_remove(store_txn *handle, const chunk_id *chunks, size_t n,
                               cairn_error *err)
{
    return set_pending(handle, chunks, n, false, err);
}

/* With a passage goes the record of its document, so that a hit is shown without asking for that; a long one
 * (page labels of a book) would weigh more than the passage. */
static cairn_status set_shown(struct os_txn *t, chunk_id chunk, cairn_error *err)
{
    const put_doc *p = os_txn_find_put(t, os_doc_of(chunk));
    bytes record, text;
    cairn_status st;

    if (!p)
        return CAIRN_OK; /* it is as it was */
    store_doc shown = p->doc;
    shown.n_chunks = 0; /* of a new one nobody knows yet */
    bytes_init(&record, DOC_BYTES);
    bytes_init(&text, DOC_BYTES);
    st = record_put_doc(&record, &shown);
    if (!st && record.len <= SHOWN_BYTES)
        st = base64_append(&text, record.data, record.len);
    if (st || json_object_set_new(t->at_doc, "shown", text.len ? json_stringn(text.data, text.len) : json_null()))
        st = cairn_fail(err, CAIRN_ENOMEM, "a chunk");
    bytes_clear(&record);
    bytes_clear(&text);
    return st;
}

cairn_status os_row_put(store_txn *handle, analyzer *a, chunk_id chunk,
                            const lexical_doc *words, const filter_row *columns, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    uint64_t lengths[LEXICAL_FIELDS];
    cairn_status st = take_chunk(t, chunk, false, err);

    if (!st)
        st = row_set_terms(a, words, t->at_doc, lengths, err);
    if (!st)
        st = row_set_columns(columns, t->at_doc, err);
    if (!st)
        st = set_shown(t, chunk, err);
    if (!st && t->at_is_new) {
        t->state.rows_ever++;
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            t->state.words_ever[f] += lengths[f];
    }
    return os_txn_failed(t, st, err);
}

/* ---- vectors ---- */

/* The vector in both fields of the chunk at hand. */
static cairn_status set_vector(struct os_txn *t, const char *field, const char *packed, const float *row, cairn_error *err)
{
    json_t *list = json_array();
    bytes floats, text;
    bool bad = !list;

    bytes_init(&floats, RECORD_BYTES);
    bytes_init(&text, RECORD_BYTES);
    for (uint32_t d = 0; d < t->state.dim && !bad; d++)
        bad = json_array_append_new(list, json_real((double)row[d])) || bytes_append_f32(&floats, row[d]);
    bad = bad || base64_append(&text, floats.data, floats.len) ||
          json_object_set_new(t->at_doc, packed, json_stringn(text.data, text.len));
    if (bad)
        json_decref(list);
    else
        bad = json_object_set_new(t->at_doc, field, list) || json_object_set_new(t->at_doc, "pending", json_false());
    bytes_clear(&floats);
    bytes_clear(&text);
    return bad ? cairn_fail(err, CAIRN_ENOMEM, "vectors") : CAIRN_OK;
}

cairn_status os_vectors_put(store_txn *handle, const chunk_id *chunks, const float *rows,
                                size_t n, uint32_t dim, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    char field[FIELD_BYTES], packed[FIELD_BYTES];
    cairn_status st = CAIRN_OK;

    if (t->state.dim && t->state.dim != dim)
        return cairn_fail(err, CAIRN_EUSAGE, "vectors of %u dimensions beside ones of %u", dim,
                          t->state.dim);
    if (!t->state.dim) {
        t->state.dim = dim;
        t->s->packs = false;
        st = os_add_vector_field(t->s, &t->state, err);
    }
    if (!st && !t->s->packs) { /* in a collection of an earlier program it is not there */
        st = os_add_bytes_field(t->s, &t->state, err);
        t->s->packs = !st;
    }
    os_vector_field(&t->state, field);
    os_bytes_field(&t->state, packed);
    for (size_t i = 0; i < n && !st; i++) {
        st = take_chunk(t, chunks[i], false, err);
        if (!st)
            st = set_vector(t, field, packed, rows + i * dim, err);
    }
    return os_txn_failed(t, st, err);
}

cairn_status os_vectors_drop(store_txn *handle, cairn_error *err)
{
    struct os_txn *t = os_txn_of(handle);
    char path[PATH_BYTES];
    cairn_status st;

    t->state.dim = 0;
    t->state.generation++;
    t->s->packs = false;
    snprintf(path, sizeof path, "/%s/_update_by_query?conflicts=proceed&refresh=true",
             t->s->chunks);
    st = os_by_query(t->s, "mark passages that need new vectors", path,
                     json_pack("{s:{s:{s:b}},s:{s:s,s:s}}", "query", "term", "pending", 0, "script",
                               "lang", "painless", "source", "ctx._source.pending = true"),
                     err);
    return os_txn_failed(t, st, err);
}
