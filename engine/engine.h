/* engine.h - the inside of a `cairn` handle, for the files of this room.
 *
 * Opened at once: the store and the settings. Opened when first needed, and kept: the thread pool,
 * the encoder, the generator, the readers of segments (view.h). */
#ifndef CAIRN_ENGINE_ENGINE_H
#define CAIRN_ENGINE_ENGINE_H

#include "base/bytes.h"
#include "base/pool.h"
#include "base/stop.h"
#include "engine/cairn.h"
#include "engine/care.h"
#include "engine/settings.h"
#include "engine/taught.h"
#include "generate/decode/generate.h"
#include "generate/encode/encoder.h"
#include "generate/encode/sparse.h"
#include "index/text/analyzer.h"
#include "index/text/wordlists.h"
#include "index/vector/vector.h"
#include "retrieve/evidence.h"
#include "store/store.h"

typedef struct view_cache view_cache;

/* The question that was embedded last, and its vector: evidence and a second search need it again. */
typedef struct kept_question {
    char *text; /* NULL: none */
    float *vector;
} kept_question;

struct cairn {
    char *home, *collection, *collections, *dir; /* home/collections, and in it this one */
    settings settings;
    size_t n_threads;
    bool read_only;
    int64_t wait_ns;
    const volatile sig_atomic_t *cancel; /* of the options */
    uint64_t max_disk_bytes; /* with uploads; 0: no bound */
    store *store;
    const struct retrieve_writer *remote; /* of a store that indexes rows and vectors by itself; NULL: segments here */
    pool *pool;
    cairn_models *models; /* who opens the three below and lends them; borrowed unless own_models */
    bool own_models;
    char *embedder_set;   /* models.embedder as it was read */
    bool embedder_named;  /* by the options: the collection's own choice does not count */
    bool generator_named; /* by the options: a missing one is an error, not a reason to do without */
    struct shared_model *encoder, *generator, *answerer, *large, *reranker; /* NULL until first needed */
    struct shared_model *second; /* the encoder of second_name, alike */
    char *second_name;
    struct shared_model *entailer; /* the model of entailer_name, alike */
    char *entailer_name;
    analyzer *analyzer;
    view_cache *views;
    struct access_rules *access; /* what the principals may read; NULL: everything */
    struct {
        uint64_t commit, rules, documents, chunks;
    } shown; /* engine_count_shown's last answer */
    stop_list *stop_words; /* NULL until engine_words, and where the settings name no file */
    synonyms *synonyms;
    bool words_read;
    kept_question asked, asked_second; /* by the encoder and by the second one */
    const struct shared_model *scale_of; /* the encoder that `scale` belongs to (cosine_scale.h); NULL: none yet */
    cosine_scale scale;
    struct sqlite3 *user_data; /* NULL until first needed (user_data.h) */
};

/* Key of store_meta: the identity of the encoder that made the vectors. */
#define META_EMBEDDER "embedder"
/* Key of store_meta: the name or path of that encoder, where it is not the settings that choose it: a run named it
 * (embed.c), or the collection was switched to it (embedder.c). */
#define META_EMBEDDER_MODEL "embedder_model"
#define META_ASIDE "embedder_aside" /* whose vectors stand aside, as JSON {"model", "identity", "was_searched"} */
/* Key of store_meta: what the last audit found (audit.c). */
#define META_AUDIT "audit"

/* Each opens the thing on its first call; CAIRN_EMODEL when a model is missing or bad. An encoder or
 * generator may be another handle's, too: of it only the constant getters and the counting of tokens
 * may be used without the functions below. */
cairn_status engine_pool(cairn *c, pool **out, cairn_error *err);
cairn_status engine_encoder(cairn *c, encoder **out, cairn_error *err);
/* From now on the handle's encoder is that of the collection, if a run named one or it was switched to one
 * (cairn_embedder_switch), else that of the settings. One that the options name stays. */
cairn_status engine_follow_embedder(cairn *c, const store_snapshot *s, cairn_error *err);
/* The handle's encoder is this one; opened when first needed. CAIRN_EUSAGE: the name is too long. */
cairn_status engine_use_embedder(cairn *c, const char *model, cairn_error *err);
/* The encoder of a second embedder's vectors (second.h), by its name or path. */
cairn_status engine_second_encoder(cairn *c, const char *model, encoder **out, cairn_error *err);
cairn_status engine_generator(cairn *c, generator **out, cairn_error *err);
/* The one of models.large; CAIRN_EMODEL too where the settings name none. */
cairn_status engine_large(cairn *c, generator **out, cairn_error *err);
/* The model of models.reranker, as a sparse encoder or as a cross-encoder; CAIRN_EMODEL too where the settings name
 * none. For rerank.h alone. */
cairn_status engine_reranker(cairn *c, struct shared_model **out, cairn_error *err);
cairn_status engine_cross_encoder(cairn *c, struct shared_model **out, cairn_error *err);
/* An encoder by its name or path, for entail.h alone. */
cairn_status engine_entailer(cairn *c, const char *model, struct shared_model **out, cairn_error *err);
cairn_status engine_analyzer(cairn *c, analyzer **out, cairn_error *err);
/* encoder_embed with the handle's encoder, once it is free; `cancel` may be NULL. */
cairn_status engine_embed(cairn *c, const encoder_text *texts, size_t n, encoder_role role,
                          const volatile sig_atomic_t *cancel, float *out, cairn_error *err);
/* May the first and the second embedder work at the same time? Where both are open. */
/* The same for sentences of passages, of which the encoder remembers the last few hundred. */
cairn_status engine_embed_sentences(cairn *c, const encoder_text *texts, size_t n, const volatile sig_atomic_t *cancel,
                                    float *out, cairn_error *err);
bool engine_embeds_together(const cairn *c, const char *second);
/* engine_embed with the second encoder. */
cairn_status engine_embed_second(cairn *c, const char *model, const encoder_text *texts, size_t n, encoder_role role,
                                 float *out, cairn_error *err);
/* Answer messages with the handle's generator, or the large one: shared_model_answer. */
cairn_status engine_chat(cairn *c, bool large, const json_t *messages, const generate_params *params,
                         const volatile sig_atomic_t *cancel, generate_result *out,
                         cairn_error *err);
/* The generator with the adapter that was taught to answer from documents (taught.h), opened on the first call; false: there is none
 * for the model, the prompt and the settings of this handle. */
bool engine_answerer(cairn *c, generator **out, taught_adapter *adapter);
/* engine_chat with that one, after engine_answerer said that it is there. */
cairn_status engine_answer(cairn *c, const json_t *messages, const generate_params *params,
                           const volatile sig_atomic_t *cancel, generate_result *out, cairn_error *err);
/* Read the stop words and synonyms that the settings name, once. */
cairn_status engine_words(cairn *c, cairn_error *err);
/* To who names a model, one that is no model at all or of an unknown kind is a bad model: turns the
 * status (and *err) of a failed open into CAIRN_EMODEL where the file is to blame. */
cairn_status engine_model_status(cairn_status st, cairn_error *err);
/* How the settings want a segment's vectors indexed. */
vector_options engine_vector_options(const cairn *c);
/* The handle sees from now on what the principals may read. */
cairn_status engine_open_access(cairn *c, const char *principals, cairn_error *err);
/* Refuse what shows the whole collection through a handle that sees only a part. */
cairn_status engine_need_whole(const cairn *c, cairn_error *err);
/* May the document be seen through this handle? The rules are those of the last view or refresh. */
bool engine_shows(const cairn *c, const char *uri);
/* May the handle see it at one of its places? Its uri becomes the first such place. */
bool engine_shows_document(const cairn *c, store_doc *doc, arena *memory);
/* Leave of a document's places those that the handle may see and that are not `uri`. */
void engine_keep_places(const cairn *c, const char *uri, const char **places, size_t *n);
/* For what looks into the store without a view: read the rules again if they changed. */
cairn_status engine_refresh_access(cairn *c, cairn_error *err);
/* The same for an index elsewhere, which has the rules, and through which nothing is found then that they hide. */
struct retrieve_index;
cairn_status engine_hide(cairn *c, const struct retrieve_index *index, cairn_error *err);
/* Replace all that tells of the whole collection by what the handle may see: documents and passages; the rest
 * is 0. */
cairn_status engine_count_shown(cairn *c, const store_snapshot *s, cairn_status_info *out,
                                cairn_error *err);
/* Is the word, as it is written, somewhere in what the handle may see? True for a handle that sees all. */
struct view;
cairn_status engine_shows_word(cairn *c, const struct view *v, const char *word, size_t len, bool *out,
                               cairn_error *err);
/* Refuse a write through a read-only handle. */
cairn_status engine_need_writer(const cairn *c, cairn_error *err);

/* Does the uri lie below this folder (which may end in '/'), or inside this file ("a.zip!/x")? Not the folder itself. */
bool engine_is_below(const char *uri, const char *folder);
/* As engine_find_document, of all documents, whatever the handle may see. */
cairn_status engine_find_any(const store_snapshot *s, const char *name, store_doc *out, arena *memory,
                             cairn_error *err);
/* A document by its uri as given, by its absolute path, or by its number ("#12" or "12"). CAIRN_ENOTFOUND. */
cairn_status engine_find_document(cairn *c, const store_snapshot *s, const char *name,
                                  store_doc *out, arena *memory, cairn_error *err);

/* Append the document's text, put together again from its chunks. */
cairn_status engine_document_text(const store_snapshot *s, const store_doc *doc, bytes *out,
                                  arena *memory, cairn_error *err);

static inline bool engine_cancelled(const volatile sig_atomic_t *cancel)
{
    return stop_raised(cancel);
}

/* Defaults, then the configuration file (NULL: the usual one, which may be missing). */
cairn_status engine_read_settings(settings *s, const char *config_file, cairn_error *err);

/* A handle without its store: names, folders and settings alone. Close it as one. */
cairn_status engine_describe(cairn **out, const cairn_options *o, cairn_error *err);
/* The home that these options name, or the usual one; malloced. */
cairn_status engine_home(const cairn_options *o, char **out, cairn_error *err);
/* Make the folder and the ones above it. */
cairn_status engine_make_folders(const char *path, cairn_error *err);
/* The extension without its dot, lower-case ASCII, at most cap - 1 bytes; "" when there is none. */
void engine_extension(const char *path, char *out, size_t cap);

#endif
