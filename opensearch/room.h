/* room.h - what the files of this room share and nobody else sees. */
#ifndef CAIRN_OPENSEARCH_ROOM_H
#define CAIRN_OPENSEARCH_ROOM_H

#include <jansson.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "index/lexical/taken.h"
#include "opensearch/client.h"
#include "opensearch/opensearch.h"
#include "retrieve/index.h"
#include "store/backend.h"

#define PATH_BYTES    1024
#define BULK_BYTES    ((size_t)8 << 20) /* of one bulk request: sent when it has so many */
#define LANGUAGES_MAX 64
#define BEST_MAX      20 /* passages that a search remembers to have read */
#define STATE_ID      "state"
#define PAGE          500   /* records of a list asked for at once */
#define FETCHED_MOST  4096  /* passages, documents, that a snapshot remembers */
#define LISTED_MOST   32768 /* documents that were listed, for a writer, who may be about to change them */
#define RECORD_BYTES  ((size_t)128 << 20)

extern const store_backend opensearch_backend;

/* ---- the state record (state.c) ---- */

typedef struct os_removal {
    doc_id doc;
    uint32_t n_chunks;
} os_removal;

/* Ids in [from, to) were lent to a writer that did not say how far it came. */
typedef struct os_range {
    doc_id from, to;
} os_range;

typedef struct os_state {
    uint64_t version; /* grows with every commit */
    uint64_t shown;   /* the version whose refresh is over: until then readers see some of it */
    doc_id next_doc;  /* all below are committed */
    doc_id lent;      /* ids below are lent to the writer */
    store_counts counts;
    uint32_t dim;        /* of the vectors; 0: none yet */
    uint32_t generation; /* of the vectors: another embedder's have another field */
    struct {
        char code[16];
        int64_t chunks;
    } language[LANGUAGES_MAX];
    size_t n_languages;
    uint64_t rows_ever, words_ever[LEXICAL_FIELDS]; /* all that were put: for average lengths */
    char owner[128];                                /* "": nobody writes */
    int64_t lease_until_ms;                         /* wall clock */
    char stamp[24];   /* of the last writing, to know one's own again */
    json_t *removing; /* [[doc, n_chunks], ...]: deleted by the last commit, perhaps still there */
    /* [[from, to, since], ...]: ids that were lent, perhaps written, and never committed (wall clock, ms), of late. A
     * write that hung in a node may still be carried out under one of them. NULL: none. */
    json_t *voids;
    int64_t write_no; /* version that the last transaction's writes had: those of an earlier one come too late */
    int64_t seq_no, primary_term; /* of the record as it was read */
} os_state;

void os_state_clear(os_state *s);
cairn_status os_state_copy(os_state *to, const os_state *from, cairn_error *err);
/* CAIRN_ENOTFOUND: there is no collection. */
struct os_store;
cairn_status os_state_read(struct os_store *s, os_state *out, cairn_error *err);
/* And the rules about who may read what, "" where there are none; malloced. */
cairn_status os_state_read_with(struct os_store *s, os_state *out, char **rules, cairn_error *err);
cairn_status os_rules_put(store *s, const char *text, size_t len, cairn_error *err);
#define RULES_ID "access"
/* The rules of their record's _source (NULL: there is none), malloced. */
cairn_status os_rules_decode(const struct os_store *s, const json_t *source, char **rules,
                             cairn_error *err);
/* Remember what was read, or forget it (state NULL), for snapshots that rely on it. */
void os_state_see(struct os_store *s, const os_state *state, const char *rules);
/* Write in place of the one that was read. CAIRN_EBUSY: somebody else wrote since. The numbers of
 * *state are the new ones afterwards. */
cairn_status os_state_write(struct os_store *s, os_state *state, cairn_error *err);
/* Ids that will never be committed. */
cairn_status os_state_add_void(os_state *s, os_range ids, cairn_error *err);
/* Is the document none of this state: never committed, or not yet? */
bool os_is_stranger(const os_state *s, doc_id doc);
/* A query for the rows of such ids as the state knows by name; NULL: it knows none. */
json_t *os_void_rows(const os_state *s);
/* Forget those that are a day old. */
void os_state_age_voids(os_state *s);
void os_state_count_language(os_state *s, const char *code, int64_t change);

/* ---- the store ---- */

/* Names that are there, as the writer knows (known.c). */
typedef struct os_known {
    uint64_t *slots; /* hashes; 0: free */
    size_t n, cap, asked;
    uint64_t version; /* of the state that they are as of */
    bool whole;
} os_known;

struct os_store {
    store_head head;
    client *client;
    client_limits limits;
    char *prefix, *documents, *chunks, *state; /* names of the indexes */
    char *name;                                /* for messages */
    bool read_only, is_writer;
    bool packs;    /* the field of vectors as bytes is in the mapping: it was added */
    bool unpacked; /* passages with a vector had none as bytes: the others are likely not to either */
    bool shows; /* its passages hold their documents' records, but for those that an earlier program wrote */
    int64_t wait_ns, lease_ms, retry_ms;
    os_state held; /* the state as the writer knows it */
    os_known known;
    /* What snapshots of one version, seen whole, fetched; a later version begins anew. */
    uint64_t kept_version;
    json_t *kept_chunks, *kept_docs, *kept_values;
    struct os_at_hand *at_hand; /* passages of these, taken apart (at_hand.c); NULL: none */
    json_t *kept_rows, *kept_doubts; /* of the same version: rows with a term; a form's `doubts`, where nothing is hidden */
    double novel; /* share of late searches whose best passages were not all kept */
    /* The state that was seen last and whole, and the rules then (NULL: none was); a snapshot may
     * be opened on it while `rely`. */
    os_state seen;
    char *seen_rules;
    bool rely;
    struct os_txn *txn;
    os_range left; /* ids of a transaction that failed, of which some may still be there */
};

struct os_snapshot {
    store_head head;
    struct os_store *s;
    os_state state;
    char *rules;                           /* about who may read what; "": none */
    const char *codes[LANGUAGES_MAX];      /* of the languages, most chunks first */
    json_t *fetched_chunks, *fetched_docs; /* by id: what prefetch brought */
    json_t *fetched_values;                /* by id: base64, or null where there is none */
    bool relied;   /* on the state that was seen before: nobody has asked whether it still is */
    bool is_stale; /* somebody has, and it is not */
    json_t *matching; /* the query of the last search that was asked for its matches */
    json_t *hidden;   /* a query: rows that nobody may find through this snapshot; NULL: none */
    json_t *doubts;   /* form of a word: rows with it, and words like it (doubts.c); NULL: none was asked about */
    chunk_id best[BEST_MAX]; /* by words, of the last search: passages that it read */
    size_t n_best;
};

static inline struct os_store *os_store_of(const store *s)
{
    return (struct os_store *)s;
}
static inline struct os_snapshot *os_snapshot_of(const store_snapshot *s)
{
    return (struct os_snapshot *)s;
}

static inline doc_id os_doc_of(chunk_id chunk)
{
    return chunk >> OPENSEARCH_CHUNK_BITS;
}
static inline chunk_id os_chunk_of(doc_id doc, uint32_t ordinal)
{
    return doc << OPENSEARCH_CHUNK_BITS | ordinal;
}

/* A store that asked nothing yet; close with store_close. */
cairn_status os_begin(struct os_store **out, const opensearch_options *o, cairn_error *err);
cairn_status os_call(struct os_store *s, const char *method, const char *path, json_t *body,
                     long *status, json_t **reply, cairn_error *err);
/* The same, and anything but 2xx is a failure with `what` in front. *reply may be NULL: not wanted.
 */
cairn_status os_ask(struct os_store *s, const char *what, const char *method, const char *path,
                    json_t *body, json_t **reply, cairn_error *err);
/* Parts of an answer may have failed for want of a node or of time where the whole came with 200:
 * when that was so, wait a while and ask again. False: the time for it is over, or nobody wants it.
 */
typedef struct os_patience {
    int64_t start_ns;
    unsigned round;
} os_patience;
bool os_wait_again(const struct os_store *s, os_patience *p);
/* Is a status one of want of a node or of time? */
bool os_is_passing(json_int_t status);
/* Lines of a bulk request; reads each item's outcome and sends those again that a node had no time
 * for. `strict`: an update of what is not there is a failure. */
cairn_status os_bulk(struct os_store *s, const bytes *lines, bool strict, cairn_error *err);
cairn_status os_refresh(struct os_store *s, cairn_error *err);
/* Refresh, and say in the state record that its version is seen whole. */
cairn_status os_show(struct os_store *s, os_state *state, cairn_error *err);
/* A request that changes all that a query finds. CAIRN_EBUSY: not all of it was. */
cairn_status os_by_query(struct os_store *s, const char *what, const char *path, json_t *body,
                         cairn_error *err);
/* Finish what the last commit began to delete. */
cairn_status os_finish_removal(struct os_store *s, const os_state *state, cairn_error *err);
/* Remove what a failed transaction left, before anything else is written or the lease given back.
 */
cairn_status os_remove_left(struct os_store *s, cairn_error *err);
/* Remove what was written under ids that were never committed: of one range, or of all that the state names. */
cairn_status os_remove_range(struct os_store *s, os_range range, cairn_error *err);
cairn_status os_remove_voids(struct os_store *s, const os_state *state, cairn_error *err);

/* ---- mapping (mapping.c) ---- */

cairn_status os_make_indexes(struct os_store *s, const opensearch_options *o, cairn_error *err);
cairn_status os_check_mapping(struct os_store *s, cairn_error *err);
/* Name of the field of vectors. */
#define FIELD_BYTES 40
void os_vector_field(const os_state *state, char out[FIELD_BYTES]);
/* And of the same vectors as base64 of little-endian floats, a tenth of the time to read; passages that an earlier program wrote
 * have none. */
void os_bytes_field(const os_state *state, char out[FIELD_BYTES]);
cairn_status os_add_bytes_field(struct os_store *s, const os_state *state, cairn_error *err);
cairn_status os_add_vector_field(struct os_store *s, const os_state *state, cairn_error *err);

/* ---- names (known.c) ---- */

/* Is there surely nothing of this name: of os_name_id, or a file's hash in hexadecimal? False for
 * who does not write. */
bool os_is_absent(struct os_store *s, const char *name);
void os_known_add(struct os_store *s, const char *name);
void os_known_forget(struct os_store *s);

/* ---- records ---- */

/* "m-..." of a caller's value, "f-..." of a failure, "u-..." of a uri: by a hash of the name. */
void os_name_id(char kind, const char *name, char out[40]);
/* In hexadecimal; false: it is none (all zero). */
bool os_hash_text(const uint8_t hash[16], char out[33]);

/* ---- questions (words.c) ---- */

typedef struct os_question {
    const retrieve_ask *ask;
    struct os_snapshot *snap;
    const lexical_clause *clauses; /* the query's */
    size_t n_clauses;
    json_t *known; /* term: is it in some passage? */
    struct lexical_outline *outline;
    json_t *conditions;    /* array: what binds both lists, the metadata filter included */
    json_t *must, *should; /* arrays: what scores */
    bool needs_should;     /* one of `should` must hold */
} os_question;

/* Is the term in some passage? For lexical_params, with an os_question. */
cairn_status os_is_known(void *ctx, const char *term, size_t len, bool *known, cairn_error *err);
cairn_status os_question_make(os_question *q, struct os_snapshot *snap, const retrieve_ask *ask,
                              cairn_error *err);
void os_question_clear(os_question *q);

/* ---- slips (doubts.c) ---- */

#define FORMS_MOST 16 /* words of a question that are looked at, as in suggest.c */
#define FORM_BYTES (ANALYZER_FORM_MAX + 1)

typedef struct os_forms {
    char form[FORMS_MOST][FORM_BYTES];
    size_t n;
} os_forms;

/* The words of a text as they are written, folded. */
cairn_status os_list_forms(analyzer *an, const char *text, size_t len, os_forms *out,
                           cairn_error *err);
/* A search that tells which of them may be slips, and its answer, which the snapshot keeps. */
cairn_status os_doubting(struct os_snapshot *snap, analyzer *an, const os_forms *forms, json_t **body,
                         cairn_error *err);
cairn_status os_take_doubts(struct os_snapshot *snap, const json_t *response, const os_forms *forms,
                            cairn_error *err);

/* ---- passages taken apart (at_hand.c) ---- */

/* Are the records that the snapshot fetched those that the store keeps? */
bool os_at_hand_serves(const struct os_snapshot *snap);
/* A passage's words; NULL: they are not at hand, and `make` is false or could not be followed. They live until
 * os_at_hand_make_room or a later version. */
const lexical_taken *os_at_hand_take(struct os_snapshot *snap, analyzer *an, chunk_id chunk, const json_t *source, bool make);
/* Before the passages of a search are taken: begin anew where it is full. */
void os_at_hand_make_room(struct os_snapshot *snap);
void os_at_hand_forget(struct os_store *s);
/* The rows of all these terms, as they were counted at this version. False: some are not known. */
bool os_rows_kept(const struct os_snapshot *snap, const char *const *terms, size_t n, uint64_t *rows);
void os_rows_keep(struct os_snapshot *snap, const char *const *terms, size_t n, const uint64_t *rows);
/* Whether the snapshot's doubts know all these forms, from earlier searches at this version where some did; keep what it
 * knows for later ones. */
bool os_doubts_kept(struct os_snapshot *snap, const os_forms *forms);
void os_doubts_keep(struct os_snapshot *snap);

/* ---- counting (counts.c) ---- */

/* Rows with the term in any field of terms; `forms`: with the written form. */
json_t *os_holds(const char *term, bool forms);
/* Rows of each filter (named "0", "1", ...) among those of the query, which are both taken over; os_take_counts reads the
 * reply. */
cairn_status os_count_by(const struct os_snapshot *snap, json_t *query, json_t *filters, json_t **reply,
                         cairn_error *err);
/* os_rows_with among the rows of a query (taken over). */
cairn_status os_rows_where(const struct os_snapshot *snap, json_t *query, const char *const *words, size_t n,
                           bool forms, uint64_t *rows, cairn_error *err);
/* A search that counts the rows with each term; and its answer. */
json_t *os_counting(const char *const *terms, size_t n, bool forms);
void os_take_counts(const json_t *response, size_t n, uint64_t *rows);
/* The aggregation of distinct documents. */
json_t *os_documents_counted(void);

/* ---- retrieve_remote, by file ---- */

cairn_status os_lists(void *ctx, const retrieve_ask *ask, retrieve_lists *out, cairn_error *err);
size_t os_languages(void *ctx, const char *const **out);
cairn_status os_rows_with(void *ctx, const char *const *words, size_t n, bool forms, uint64_t *rows,
                          cairn_error *err);
size_t os_best(void *ctx, chunk_id *ids, size_t max);
cairn_status os_correct(void *ctx, analyzer *an, const char *text, size_t len, arena *memory, const char **out,
                        cairn_error *err);
cairn_status os_idf(void *ctx, analyzer *a, const char *word, size_t len, double *idf,
                    cairn_error *err);
cairn_status os_facet(void *ctx, const char *name, size_t most, arena *memory, retrieve_value *out,
                      size_t *n, size_t *distinct, cairn_error *err);
cairn_status os_vectors(void *ctx, const chunk_id *chunks, size_t n, uint32_t dim, float *rows,
                        bool *has, cairn_error *err);
/* The writer has committed: of the documents that are kept, as of version `before`, these are others now. */
void os_keep_docs(struct os_store *s, uint64_t before, const doc_id *changed, size_t n);
/* A search of the index of the state that tells whether a snapshot's, on which it relies, still is the
 * collection's; and its answer. */
json_t *os_proof_body(void);
cairn_status os_take_proof(struct os_snapshot *snap, const json_t *response, cairn_error *err);
/* Is the snapshot's state still that of the collection? Asks where nobody did. */
cairn_status os_is_current(void *ctx, bool *current, cairn_error *err);
/* Searches as lines of an _msearch; *responses is a new reference to the array of their answers. */
cairn_status os_msearch(const struct os_snapshot *snap, const bytes *lines, json_t **responses,
                        cairn_error *err);
/* A search of an _msearch that failed, or whose shards did. */
cairn_status os_check_response(const json_t *r, cairn_error *err);

/* ---- reading (fetch.c) ---- */

/* Hits of a search in one index; *hits is a new reference to their array. */
cairn_status os_hits(struct os_store *s, const char *index, json_t *body, json_t **hits,
                     cairn_error *err);
/* The numbers in `field` of each hit's stored columns. */
size_t os_take_ids(const json_t *hits, const char *field, uint64_t *ids, size_t max);
/* 0 where there is none. */
uint64_t os_number(const json_t *source, const char *key);
/* What was fetched: an object, null where there is none, or NULL where nobody asked. */
json_t *os_kept(json_t *in, uint64_t id);
cairn_status os_bad_record(const char *what, cairn_error *err);
/* Of a chunk's _source what reading and scoring it again take. */
json_t *os_chunk_source(void);
/* Chunks and documents by id in one request, into the snapshot's caches; the same request tells
 * whether a state that was relied on still is. */
cairn_status os_fetch(struct os_snapshot *snap, const chunk_id *chunks, size_t n_chunks,
                      const doc_id *docs, size_t n_docs, cairn_error *err);

#endif
