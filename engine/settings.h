/* settings.h - everything a configuration file may say, with defaults.
 *
 * The file has sections and `key = value` lines (read by inih). An unknown key or a value out of
 * range is an error that names file, line and the values allowed: a misspelt setting must not be
 * ignored silently. docs/configuration.md lists every key. */
#ifndef CAIRN_ENGINE_SETTINGS_H
#define CAIRN_ENGINE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/status.h"
#include "index/vector/vector.h"

#define SETTINGS_TEXT 1024

/* Who reads the best passages again (rerank.h). */
typedef enum rerank_kind {
    RERANK_OFF,
    RERANK_SPARSE,
    RERANK_CROSS_ENCODER,
    RERANK_LATE_INTERACTION,
    RERANK_GENERATOR
} rerank_kind;
/* The kind of that name; false: it is none. `out` may be NULL. */
bool rerank_kind_of(const char *name, rerank_kind *out);

typedef struct settings {
    /* [models] */
    char embedder[SETTINGS_TEXT], generator[SETTINGS_TEXT];
    char embedder_languages[SETTINGS_TEXT]; /* that the embedder was trained on, with commas; "": all; "auto": as the catalogue says */
    char second_embedder[SETTINGS_TEXT]; /* whose vectors are searched beside the embedder's (second.h); "": none; "auto" */
    char large[SETTINGS_TEXT];    /* a generator for hard questions; "": none */
    char reranker[SETTINGS_TEXT]; /* a sparse encoder; "": none */
    char reranker_languages[SETTINGS_TEXT]; /* that it knows, with commas; "": all */
    char entailment[SETTINGS_TEXT]; /* an encoder that tells whether a sentence follows from what it cites (entail.h); "": none; "auto" */
    char entailment_languages[SETTINGS_TEXT]; /* that it knows, with commas; "": all */
    double context_memory_mb; /* keys and values of all that a shared generator answers at once; 0: of four contexts */
    double weights_cache_mb; /* of repacked weights on disk, all models together; 0: none */
    double prefix_cache_mb;  /* of keys and values of system prompts on disk; 0: none */
    char stored_passages[SETTINGS_TEXT]; /* "on": keys and values of passages are kept and used again */
    double passage_cache_mb; /* of these on disk; 0: none */
    char draft[SETTINGS_TEXT]; /* name or path of a smaller model that drafts for the generator; "": none */
    char adapters[SETTINGS_TEXT]; /* of the generator: FILE[:SCALE], with commas; "": none */
    char kv[SETTINGS_TEXT];  /* keys and values of generators: "f16" or "int8" */
    /* [index] */
    double chunk_tokens, chunk_overlap; /* in pieces of the embedder */
    char chunker[SETTINGS_TEXT]; /* "structure", or a list by file name: chunk_method_for */
    double import_tokens; /* longest passage of an import: its lines are passages already */
    double max_file_mb;
    char ignore_file[SETTINGS_TEXT]; /* patterns for every run, as in .gitignore; "" none */
    char hidden[SETTINGS_TEXT];      /* "on": also names that begin with a dot */
    char ignore_files[SETTINGS_TEXT]; /* "off": .cairnignore and .gitignore say nothing */
    double flush_chunks;  /* chunks a commit holds at most */
    double flush_seconds; /* and how long it waits at most */
    char ocr[SETTINGS_TEXT];           /* "off", "pdf" (pages without text), "all" (and images) */
    char ocr_languages[SETTINGS_TEXT]; /* "eng+deu"; "auto": those that are installed */
    char language[SETTINGS_TEXT]; /* of all files; "": found out for each */
    char augment[SETTINGS_TEXT]; /* what is embedded beside a passage (augment.h) */
    double extract_seconds; /* a file's time limit */
    double merge_mb_per_second; /* what a merge writes at most; 0: no limit */
    char reorder[SETTINGS_TEXT]; /* "on": rows of large merges by recursive graph bisection */
    double memory_mb;       /* of building words: the open segment's, or one merge's */
    char vector_index[SETTINGS_TEXT]; /* "auto", "scan", "hnsw", "ivf-flat", "ivf-sq8", "ivf-pq" */
    char vector_storage[SETTINGS_TEXT]; /* "f32", "f16", "bf16", "int8": the originals */
    char vector_codes[SETTINGS_TEXT];   /* "auto", "int8", "4bit", "1bit": what a search walks over */
    double vector_dims; /* codes are made of the first so many dimensions; 0: all */
    double audit_samples; /* vectors whose neighbours an audit compares at most; 0: no audit */
    double audit_seconds; /* and how long it compares */
    double audit_recall;  /* recall@10 of a segment below which it gets a new index */
    double audit_share;   /* share of the vectors that must have changed for an audit */
    /* [search] */
    double rrf_k;         /* reciprocal rank fusion: 1 / (k + rank) */
    double zero_share;    /* convex fusion: the rank whose score counts as 0, as a share of all passages; 0: the last */
    double vector_weight; /* weight of the vector list against the word list, 0..1 */
    double second_vector_weight; /* the vectors' while a second embedder is searched, 0..1 */
    double second_weight; /* share of it that the second embedder's list gets, 0..1 */
    double feedback; /* share of the first hits in the direction that vectors are scored by again, 0..1 */
    double foreign_vectors; /* factor on the vectors' weight for a question in a language that the embedder was not trained on */
    double foreign_words; /* factor on the word list's for a question in a language of no passage */
    char fusion[SETTINGS_TEXT]; /* "convex" or "rrf" */
    double k1, b;         /* of BM25; b for title, headings and text */
    double title_weight, path_weight, heading_weight, text_weight; /* of BM25F's fields */
    char stop_words_file[SETTINGS_TEXT]; /* words that don't score, beside the built-in ones; "" none */
    char synonyms_file[SETTINGS_TEXT];
    char compounds[SETTINGS_TEXT]; /* "on": German and Dutch words with their compounds and parts */
    /* What is searched beside the question (expand.h). */
    double acronyms;       /* weight of what a short form stands for, and of short forms; 0: off */
    double other_names;    /* and of what the documents call the thing asked for, too; 0: off */
    char expand[SETTINGS_TEXT]; /* "off", "multi-query" or "hyde" */
    double expand_words, expand_vectors; /* weight of the generator's words; share of its texts in the vector */
    double hops;           /* 2: names of the best passages are searched for, too */
    double hop_words;      /* and their weight */
    double second_neighbours; /* the first of the next two while a second embedder is searched */
    double neighbours, centre; /* weight of the passages most alike, and of the best ones' centre (retrieve/neighbours.h) */
    char vector_device[SETTINGS_TEXT]; /* "auto", "always" or "off" */
    char rerank[SETTINGS_TEXT]; /* "sparse", "cross-encoder", "late-interaction", "generator" or "off" */
    double rerank_weight; /* of the reranker against fusion */
    double rerank_depth;  /* passages it reads at most */
    double rerank_ms;     /* and how long; 0: as long as it takes */
    /* What speaks for a passage before any question (retrieve/priors.h): weights of newer documents, always and where
     * the question asks for the newest, the half-life in days (0: by what is compared), and that of being a text. */
    double recency, recency_asked, recency_days, quality;
    char folder_weights[SETTINGS_TEXT]; /* rules of prior_folder */
    double boilerplate; /* share of its score that a passage loses which matches in recurring lines alone */
    double history_question, history_reply; /* weight of words carried over from a chat */
    double history_words; /* of them for the embedder */
    double history_typed; /* share of the question as it was typed in the vector searched for */
    double history_told;  /* share of its score that a passage told already loses */
    double candidates;    /* depth of each list before fusion, at least k */
    double proximity;       /* bonus for words that stand close together */
    double proximity_depth; /* of the best rows, how many get it */
    /* [ask] */
    double ask_passages;       /* retrieved and searched for evidence */
    double ask_sentence_cosines; /* sentences that the embedder looks at */
    double ask_context_tokens; /* generator tokens of the excerpts in a prompt */
    double ask_history_tokens; /* of a chat's last turns in a prompt */
    double ask_summary_tokens; /* of what was said before these, in short */
    double ask_taught;         /* 1: answers are written with the adapter that was taught for them (taught.h) */
    double ask_max_tokens;     /* longest answer */
    double ask_min_answerable; /* chance that the evidence answers the question, below which it refuses */
    double ask_min_support;    /* share of a sentence found in what it cites, to count as supported */
    double ask_entailment;     /* least chance that a sentence follows from what it cites, by that encoder; 0: it is not asked */
    double ask_entailment_ms;  /* for all sentences of an answer; 0: as long as it takes */
    char ask_unsupported[SETTINGS_TEXT]; /* "withhold" or "mark": sentences that no passage supports */
    char ask_cache[SETTINGS_TEXT];       /* "off", "exact" or "semantic": answers given again */
    char ask_answers[SETTINGS_TEXT];     /* "generate" or "extractive" */
    char filter_words[SETTINGS_TEXT];    /* a file (word_filter.h); "" none */
    char ask_redact[SETTINGS_TEXT];      /* kinds of personal data left out of answers (pii.h) */
    double ask_hop_ms; /* after which no further name of a described thing is followed; 0: no bound */
    char ask_decompose[SETTINGS_TEXT];   /* "on" or "off": questions for two places are taken apart (retrieve/decompose.h) */
    char ask_tables[SETTINGS_TEXT];      /* "on" or "off": tables answer what they answer whole (table_strict.c) */
    char ask_route[SETTINGS_TEXT];       /* "fixed" or "auto" (retrieve/router.h) */
    char prompt[SETTINGS_TEXT];
    char prompt_dir[SETTINGS_TEXT];
    /* [backend] where the collection is */
    char backend[SETTINGS_TEXT];       /* "embedded" or "opensearch" */
    char backend_url[SETTINGS_TEXT];   /* of the cluster's nodes, with commas between */
    char backend_index[SETTINGS_TEXT]; /* how the names of its indexes begin; "": cairn-COLLECTION */
    double backend_shards, backend_replicas; /* when the indexes are made */
    char backend_user[SETTINGS_TEXT], backend_password_file[SETTINGS_TEXT];
    char backend_api_key_file[SETTINGS_TEXT]; /* first lines are the secrets */
    char backend_ca_file[SETTINGS_TEXT];
    double backend_lease_seconds;   /* how long a writer that is gone keeps others out */
    double backend_timeout_seconds; /* of one attempt */
    double backend_retry_seconds;   /* of all attempts of a request */
    /* [limits] of one collection; 0: none */
    double limit_disk_mb;   /* on disk, with the files that were uploaded to it */
    double limit_memory_mb; /* keys and values of the answers that are being made of it, where models are shared */
    /* [gateway] an OpenAI-compatible endpoint (gateway.h) */
    char gateway_url[SETTINGS_TEXT], gateway_model[SETTINGS_TEXT];
    char gateway_use[SETTINGS_TEXT];      /* "off", "fallback", "hard" or "always" */
    char gateway_key_file[SETTINGS_TEXT]; /* its first line is the token */
    char gateway_redact[SETTINGS_TEXT];   /* kinds of personal data that stay here */
    double gateway_timeout_seconds;
    double gateway_tokens_per_day;
} settings;

void settings_init(settings *s);

/* A row of the table that says which settings there are. */
typedef struct settings_entry {
    const char *section, *key;
    const char *text;           /* default of a text; NULL: it is a number */
    bool file;                  /* a text that names a file */
    double number, least, most; /* default and bounds of a number */
} settings_entry;
/* All of them, section by section as the table has it. */
void settings_each(void (*fn)(void *ctx, const settings_entry *e), void *ctx);

/* Read `path` over *s. A file that it names without a leading / lies beside it. `must_exist` false: a missing file changes nothing. */
cairn_status settings_read(settings *s, const char *path, int must_exist, cairn_error *err);
/* The same of a folder's own file, which must exist and may hold only the keys that say how files are read. */
cairn_status settings_read_folder(settings *s, const char *path, cairn_error *err);
/* How vector segments are made. CAIRN_EUSAGE names a word that a setting does not take. */
cairn_status settings_vector_options(const settings *s, vector_options *out, cairn_error *err);

/* The settings that bear on an answer (sections search and ask) as an object of "section.key": value, and
 * back: unknown keys and values out of range are CAIRN_EINPUT, keys that are missing stay. */
cairn_status settings_to_json(const settings *s, json_t **out, cairn_error *err);
cairn_status settings_from_json(settings *s, const json_t *in, cairn_error *err);

#endif
