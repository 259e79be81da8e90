/* care.h - what keeps a collection well: its state, checks, compaction, copies and backups, where it is kept, whose
 * vectors it has, documents that are alike, and why a document is not found.
 *
 * Part of the public interface; handles, ownership, threads and errors are as in cairn.h. */
#ifndef CAIRN_ENGINE_CARE_H
#define CAIRN_ENGINE_CARE_H

#include "engine/cairn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Segments of one kind and like size (a factor of four); eight of a tier are merged into one. */
typedef struct cairn_tier {
    bool vectors;        /* else words */
    uint64_t rows_up_to; /* of a segment of this tier; 0: no limit */
    uint64_t segments, rows, deleted_rows, bytes;
} cairn_tier;

#define CAIRN_TIERS_MAX 24

/* What was last measured of the vectors (cairn_audit_vectors). */
typedef struct cairn_audit {
    bool known;           /* false: never measured; the rest is 0 then */
    double recall10;      /* share of the true ten nearest vectors that a search returns */
    uint64_t samples;     /* vectors whose neighbours were compared */
    uint64_t vectors;     /* live when it was measured */
    uint64_t unreachable; /* of these, not reached by the links of their graph; still so */
    uint64_t repaired;    /* segments that this audit wrote anew */
    int64_t measured_ns;  /* since 1970 */
} cairn_audit;

/* The run that is at work on the collection, in this process or another. */
typedef struct cairn_running {
    bool active;
    long pid;
    char stage[16]; /* of cairn_progress: at most 15 bytes */
    uint64_t done, total; /* files, chunks or rows, as cairn_progress counts them */
    double per_second;
    double seconds_left; /* of the stage; < 0 when not known */
} cairn_running;

/* How the folders of one file system are watched. */
typedef struct cairn_watched_place {
    const char *path; /* where it is mounted; "" = all */
    const char *how;
} cairn_watched_place;

/* The cairn_watch that follows folders for the collection, in this process or another. */
typedef struct cairn_watching {
    bool active;
    long pid;
    uint64_t folders, unwatched; /* when everything was looked at last */
    cairn_watched_place *places; /* none: everything is looked at by time alone */
    size_t n_places;
} cairn_watching;

typedef struct cairn_status_info {
    const char *version, *home, *collection, *cpu, *embedder, *generator; /* model paths, or NULL */
    const char *embedder_name, *generator_name;
    const char *embedder_note, *generator_note; /* why a model is missing, or NULL */
    const char *second_name; /* of models.second_embedder; NULL: none */
    const char *second_lacking; /* would be the second if it were on this machine; NULL: none */
    uint64_t second_vectors; /* that it has */
    uint64_t second_unread;  /* passages that it makes none of: they are in a script that it was not trained on */
    bool second_searched;    /* it takes part in searches */
    size_t n_threads;
    uint64_t documents, chunks, vectors, pending_vectors, failures;
    uint64_t segments, deleted_rows, disk_bytes, text_bytes;
    cairn_tier tiers[CAIRN_TIERS_MAX]; /* those that have segments: words first, small ones first */
    size_t n_tiers;
    bool merge_due; /* the next index run or compact will merge */
    cairn_running running;
    cairn_watching watching;
    double vectors_per_second; /* by the run that makes them, else when they were made last; 0: not known */
    double vectors_seconds_left; /* for those that wait: what `running` says while it makes them; < 0 when not known */
    cairn_audit audit;
    cairn_failure *failed;
    size_t n_failed;
    void *memory;
} cairn_status_info;

cairn_status cairn_status_get(cairn *c, cairn_status_info *out, cairn_error *err);
void cairn_status_clear(cairn_status_info *info);
/* Verify every byte: LMDB, every section's checksum, every cross reference. CAIRN_ECORRUPT and a
 * call of report per finding; with `repair`, damaged segments are rebuilt from the store. */
cairn_status cairn_check(cairn *c, bool repair, void (*report)(void *ctx, const char *finding),
                         void *ctx, cairn_error *err);
/* Compare approximate and exact answers for a sample of the collection's vectors, count the vectors
 * that no link leads to, and remember the result for cairn_status_get. With `repair`, segments with
 * such vectors are connected again and segments whose recall is below [index] audit_recall get a new index. A
 * run of cairn_index or cairn_compact does the same at its end when enough vectors changed. It takes
 * about [index] audit_seconds, not counting repairs. */
cairn_status cairn_audit_vectors(cairn *c, bool repair, const cairn_index_options *options,
                                 cairn_audit *out, cairn_error *err);
/* The recall below which an audit repairs: [index] audit_recall. */
double cairn_audit_floor(const cairn *c);
/* Merge all segments, drop deleted rows and give free space back to the disk. */
cairn_status cairn_compact(cairn *c, const cairn_index_options *options, uint64_t *bytes_before,
                           uint64_t *bytes_after, cairn_error *err);

/* Where a collection is kept that is not in its folder. NULL: not said. */
typedef struct cairn_backend {
    const char *kind;  /* "opensearch" */
    const char *url;   /* of the nodes, with commas between */
    const char *index; /* how its indexes' names begin; NULL: cairn-NAME */
    unsigned shards;   /* 0: 1 */
    int replicas;      /* < 0: 1 */
    const char *user, *password_file, *api_key_file; /* files whose first line is the secret, for their owner's eyes alone */
    const char *ca_file;
} cairn_backend;

/* Make the collection of `where` on a cluster: its indexes there, and a folder here that says where they are. `attach`:
 * they are there already, and this machine is to use them, too. CAIRN_EUSAGE: there is such a collection. */
cairn_status cairn_collection_create(const cairn_options *where, const cairn_backend *backend, bool attach,
                                     cairn_error *err);
/* Remove a collection that is on a cluster: the indexes with all that is in them, and what the folder here says of
 * them. */
cairn_status cairn_collection_drop(const cairn_options *where, cairn_error *err);

typedef struct cairn_collection_report {
    size_t documents, copied; /* there now; brought by this call */
    size_t chunks, vectors;
    char checksum[33]; /* of all documents, passages and vectors, the same on both sides */
    double seconds;
} cairn_collection_report;

/* Copy collection `from` of the home to collection `to`, each embedded or on a cluster: documents, passages, vectors,
 * failures and values, without embedding. Documents that are there with the same content stay, others of `to` that
 * `from` does not have leave it, so a copy that was stopped goes on. `from` is read as it is when the call
 * begins and may be read and written meanwhile. An embedded `to` is made; one on a cluster must have been
 * created. Counts and checksums of both sides are compared at the end: CAIRN_ECORRUPT where they differ. Of the options only
 * progress (stage "copy", in documents) and cancel count. */
cairn_status cairn_collection_copy(const cairn_options *where, const char *from, const char *to,
                                   const cairn_index_options *options, cairn_collection_report *out, cairn_error *err);

typedef struct cairn_copy_report {
    uint64_t documents, chunks;
    uint64_t bytes;        /* of the copy */
    uint64_t bytes_linked; /* of these, shared with the backup that was there before */
    double seconds;
} cairn_copy_report;

/* Write the collection as it is now to DIR/collections/NAME, with its settings, conversations and uploaded files:
 * DIR is a home of its own afterwards. Indexing and searching may go on meanwhile. A backup of the same
 * collection there is replaced once the new one is complete and on disk, not before; unchanged segments are
 * shared with it. Of the options only progress (stage "copy", in bytes) and cancel count. CAIRN_ECORRUPT: the collection is
 * damaged (cairn_check), the earlier backup stays. */
cairn_status cairn_backup(cairn *c, const char *dir, const cairn_index_options *options,
                          cairn_copy_report *out, cairn_error *err);
/* Verify the backup of `where`'s collection in DIR and put a copy of it in its place, in one step. CAIRN_EUSAGE where there
 * is such a collection already, unless `replace`. Of a collection on a cluster, DIR is a folder of the nodes' path.repo,
 * repository:NAME or repository:NAME/SNAPSHOT, and the cluster restores the newest snapshot of the collection, or the named one. */
cairn_status cairn_restore(const cairn_options *where, const char *dir, bool replace,
                           const cairn_index_options *options, cairn_copy_report *out, cairn_error *err);

/* Whose vectors a collection has. */
typedef struct cairn_embedder {
    const char *model;    /* name or path */
    const char *identity; /* of its weights and of what is embedded; NULL: no vectors */
    uint64_t vectors;
} cairn_embedder;

typedef struct cairn_embedders {
    cairn_embedder searched;
    cairn_embedder aside; /* being built, or kept for undo; identity NULL: none */
    bool was_searched;    /* the one aside was the searched one before */
    bool second;          /* the one aside is searched, too: models.second_embedder */
    uint64_t unread;      /* passages that the second has no vectors of because it cannot read them */
    cairn_embedder coming; /* the second one that runs make and that is not searched yet; model NULL: none. identity is NULL */
    uint64_t coming_of;    /* passages that it can read */
    const char *lacking;   /* the second one that would be made if it were on this machine; or NULL */
    uint64_t chunks;
    void *memory;
} cairn_embedders;

cairn_status cairn_embedders_get(cairn *c, cairn_embedders *out, cairn_error *err);
void cairn_embedders_clear(cairn_embedders *e);
/* Make the vectors of another embedder beside those that are searched; a build that was cut off goes on. Other writers
 * come in between two segments (20 seconds). CAIRN_EUSAGE: it is the searched one, or another one's stand aside. Of the
 * options progress and cancel count, of the report `embedded` and `seconds`. */
cairn_status cairn_embedder_build(cairn *c, const char *model, const cairn_index_options *options,
                                  cairn_index_report *report, cairn_error *err);
/* Search the new ones from now on: one transaction, so a reader sees the old ones or the new ones, with the embedder
 * that belongs to them; the old ones stand aside. The collection keeps this embedder whatever the configuration says.
 * CAIRN_EUSAGE while passages have no vector of it. */
cairn_status cairn_embedder_switch(cairn *c, const cairn_index_options *options, cairn_index_report *report,
                                   cairn_error *err);
/* Search those again that were searched before; passages that came since get a vector at once. */
cairn_status cairn_embedder_undo(cairn *c, const cairn_index_options *options, cairn_index_report *report,
                                 cairn_error *err);
/* Remove what stands aside. */
cairn_status cairn_embedder_drop(cairn *c, uint64_t *dropped, cairn_error *err);

/* A group, newest first; the strings live until fn returns. False stops. */
typedef bool cairn_copies_fn(void *ctx, const cairn_copy *copies, size_t n);

/* Documents with the same bytes, and with `near` below 1 those whose texts are alike by at least `near`
 * (0.5..1); a chain of versions is one group. Reads the texts that are likely to be alike. */
cairn_status cairn_duplicates(cairn *c, double near, const volatile sig_atomic_t *cancel,
                              cairn_copies_fn *fn, void *ctx, size_t *n_groups, cairn_error *err);

/* The likeness from which two texts count as versions of one. */
#define CAIRN_NEAR 0.7

/* The group of one document alone: itself, its copies and the versions alike to it by at least `near`, newest
 * first, `likeness` to it. *n_groups 0: it stands alone. CAIRN_ENOTFOUND. */
cairn_status cairn_versions(cairn *c, const char *uri_or_id, double near, cairn_copies_fn *fn, void *ctx,
                            size_t *n_groups, cairn_error *err);

/* One stage between a file and a hit, in order: "file", "crawl" or "rules", "read", "parse", "member" (of a file in
 * a file), "copy" (where it is one), "text", "filter" (where the query has conditions), "chunk", "words", "vectors",
 * "fusion", "rerank", "budget" (of an answer). */
typedef struct cairn_why_stage {
    const char *stage;
    bool passed;
    bool reached;       /* false: it was lost before; `passed` is false, too */
    const char *detail; /* a sentence */
} cairn_why_stage;

typedef struct cairn_why {
    cairn_why_stage *stages;
    size_t n_stages;
    const char *lost_at; /* the stage that lost it; NULL: it is among the k best (or in the answer) */
    size_t rank;         /* its place in the end; 0: not there */
    void *memory;
} cairn_why;

typedef struct cairn_why_request {
    const char *file; /* a path, a uri or a document's number */
    const char *query;
    cairn_mode mode;
    size_t k;    /* hits that are shown; 0: 10 */
    bool answer; /* ask of an answer to the query, not of its hits */
} cairn_why_request;

/* Why is this file not among the k best hits of the query? */
cairn_status cairn_why_not(cairn *c, const cairn_why_request *request, cairn_why **out, cairn_error *err);
void cairn_why_free(cairn_why *w);

typedef enum cairn_doctor_level {
    CAIRN_DOCTOR_GOOD,
    CAIRN_DOCTOR_WARN, /* works, with less */
    CAIRN_DOCTOR_BAD
} cairn_doctor_level;

typedef struct cairn_finding {
    cairn_doctor_level level;
    const char *what, *text;
    const char *cure; /* a command or a sentence; NULL: none needed or known */
} cairn_finding;

typedef void cairn_doctor_fn(void *ctx, const cairn_finding *f);

/* Look at the extractor, helpers, limits, models, permissions and the whole collection; `fn` is told of
 * each. A collection that is not there or does not open is a finding, not an error. */
cairn_status cairn_doctor(const cairn_options *options, cairn_doctor_fn *fn, void *ctx,
                          cairn_error *err);

#ifdef __cplusplus
}
#endif
#endif
