/* txn_state.h - what the two files of a transaction share: what it collects (txn.c), and the passages in it (txn_chunks.c);
 * private. */
#ifndef CAIRN_OPENSEARCH_TXN_STATE_H
#define CAIRN_OPENSEARCH_TXN_STATE_H

#include "opensearch/txn.h"

#define DOC_BYTES ((size_t)4 << 30)

/* A document that this transaction put or changed. */
typedef struct put_doc {
    store_doc doc; /* strings in the arena */
    uint64_t text_bytes;
    bool is_new, gone;
} put_doc;

struct os_txn {
    store_head head;
    struct os_store *s;
    os_state state; /* as it will be */
    doc_id next;    /* id of the next new document */
    arena memory;
    put_doc *docs;
    size_t n_docs, cap_docs;
    json_t *uris;       /* uri: id of its document as this transaction leaves it, 0 for none */
    bytes chunks, rest; /* lines */
    chunk_id at;        /* the chunk at hand, 0: none */
    bool at_is_new, sent;
    json_t *at_doc;
    cairn_error failed;
};

static inline struct os_txn *os_txn_of(store_txn *t)
{
    return (struct os_txn *)t;
}

/* What failed once makes the commit fail. */
cairn_status os_txn_failed(struct os_txn *t, cairn_status st, const cairn_error *err);
/* The document as this transaction put or changed it; NULL: it did neither. */
put_doc *os_txn_find_put(struct os_txn *t, doc_id id);
/* A line of a bulk request, and its body (NULL: none); both are taken over. */
cairn_status os_txn_add_line(bytes *lines, json_t *what, json_t *body, cairn_error *err);
/* Targets of lines: of an item that is changed or deleted, and of one that is written whole. */
json_t *os_txn_target_id(const char *verb, const char *index, uint64_t id);
json_t *os_txn_target_whole_id(const struct os_txn *t, const char *index, uint64_t id);
/* The chunk at hand is complete: its line. */
cairn_status os_txn_end_chunk(struct os_txn *t, cairn_error *err);

cairn_status os_row_put(store_txn *t, analyzer *a, chunk_id chunk, const lexical_doc *words,
                        const filter_row *columns, cairn_error *err);
cairn_status os_vectors_put(store_txn *t, const chunk_id *chunks, const float *rows, size_t n, uint32_t dim,
                            cairn_error *err);
cairn_status os_vectors_drop(store_txn *t, cairn_error *err);

#endif
