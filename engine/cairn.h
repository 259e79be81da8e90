/* cairn.h - the public interface of Cairn: index documents, search them, ask them, offline.
 *
 * A `cairn` handle is one collection in one home folder. It opens the store at once and a model
 * only when a call needs it, so a lexical search never touches a weight file.
 *
 *     cairn *c;
 *     cairn_error err;
 *     cairn_options opt = {.home = "/home/me/.local/share/cairn"};
 *     if (cairn_open(&c, &opt, &err)) { fprintf(stderr, "%s\n", err.text); ... }
 *     const char *paths[] = {"/home/me/notes"};
 *     cairn_index(c, paths, 1, NULL, &report, &err);
 *     cairn_ask(c, &(cairn_ask_request){.question = "When does the lease end?"}, print, NULL,
 *               &answer, &err);
 *
 * Owns     results own every string they hold; free each with its own function. A NULL argument to
 *          a free or close function is fine. Strings are UTF-8.
 * Threads  one handle, one thread at a time; several handles, also in several processes, may read
 *          the same collection while one writes it.
 * Errors   functions return a cairn_status and leave a sentence in *err (err may be NULL).
 * Cancel   `cancel`, where a request has one, points to a flag that a signal handler may set; the
 *          call then returns CAIRN_ECANCELLED soon, with everything acknowledged kept. */
#ifndef CAIRN_H
#define CAIRN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn cairn;
typedef struct cairn_models cairn_models; /* engine/runtime.h */

/* ---- opening ---------------------------------------------------------------------------------- */

typedef struct cairn_options {
    const char *home;        /* NULL: $CAIRN_HOME, $XDG_DATA_HOME/cairn, ~/.local/share/cairn */
    const char *collection;  /* NULL: "default" */
    const char *config_file; /* NULL: $XDG_CONFIG_HOME/cairn/cairn.conf where it exists */
    size_t n_threads;        /* 0: one per CPU */
    bool read_only;          /* never take the writer lock; the collection must exist */
    bool must_exist;         /* fail with CAIRN_ENOTFOUND instead of making a collection */
    int64_t wait_ns;         /* how long a writer waits for another one: 0 not at all, < 0 for ever */
    const char *embedder;    /* name or path; NULL: the configuration's, else the default */
    const char *generator;   /* the same */
    /* See only what the collection's rules let these principals read (names with commas between; docs/server.md,
     * "Who may read what"); needs read_only. What would tell of the rest, as check, export or duplicates,
     * is CAIRN_EUSAGE then. NULL: everything. */
    const char *principals;
    uint64_t max_disk_bytes; /* beside the configuration's limits.disk_mb; the smaller one counts; 0: none */
    /* Set: no call waits for a cluster any longer, except that a run may take some seconds to commit what it has. NULL:
     * none. Calls that have a flag of their own heed that one. */
    const volatile sig_atomic_t *cancel;
    cairn_models *models; /* shared with other handles, borrowed; NULL: this handle opens its own */
} cairn_options;

cairn_status cairn_open(cairn **out, const cairn_options *options, cairn_error *err);
/* Can what is indexed be read now, within so many nanoseconds? Of a collection on a cluster it asks the cluster. */
cairn_status cairn_ready(cairn *c, int64_t within_ns, cairn_error *err);
void cairn_close(cairn *c);

/* ---- indexing --------------------------------------------------------------------------------- */

typedef struct cairn_progress {
    const char *stage; /* "rebuild", "scan", "move", "index", "embed", "merge" or "audit" */
    size_t done, total; /* files, or chunks while embedding, or rows while merging; total 0 when not
                           known yet */
    uint64_t bytes_done, bytes_total;
    const char *current; /* the file just finished; may be NULL */
    double seconds;      /* since the run began */
    double seconds_left; /* < 0 when not known */
} cairn_progress;

typedef struct cairn_failure {
    const char *path, *reason;
} cairn_failure;

/* What a run does, or in a dry run would do, to one path. */
typedef struct cairn_index_event {
    const char *kind; /* "add", "change", "move", "remove", "skip" or "fail" */
    const char *path;
    const char *from;   /* of a move, else NULL */
    const char *reason; /* of a skip or a failure ("ignored by .../.gitignore line 3: *.o"), else NULL */
    bool folder;        /* of a skip: all below it, too */
    int64_t size;       /* bytes; of an add or a change */
} cairn_index_event;

typedef struct cairn_index_options {
    bool no_vectors; /* index words only; a later run without this embeds what is missing */
    bool dry_run;    /* tell what would happen and change nothing */
    bool hidden;     /* also names that begin with a dot */
    bool retry;      /* read files again that could not be read before and have not changed since */
    bool no_ignore_files; /* .cairnignore and .gitignore say nothing */
    /* Patterns as in .gitignore, a line each; NULL: none. What `exclude` names is left out; with
     * `include`, only files that it names are taken. */
    const char *exclude, *include;
    /* Look only at these absolute paths and what lies below them; NULL: at all. */
    const char *const *only;
    size_t n_only;
    /* Every path that is touched; skips are told only in a dry run. May be NULL. */
    void (*event)(void *ctx, const cairn_index_event *e);
    void *event_ctx;
    void (*progress)(void *ctx, const cairn_progress *p);
    void *progress_ctx;
    /* Does somebody wait who goes before this run, as a server's searches do? Asked by every thread of the run at each
     * step; while it says so the run goes on with a fiftieth of a processor. NULL: nobody does. */
    bool (*give_way)(void *ctx);
    void *give_way_ctx;
    const volatile sig_atomic_t *cancel;
} cairn_index_options;

typedef struct cairn_index_report {
    size_t seen, indexed, unchanged, moved, removed, chunks, embedded;
    size_t missing; /* of the paths asked for, how many do not exist; they are among `failed` */
    cairn_failure *failed;
    size_t n_failed;
    double seconds;
    void *memory;
} cairn_index_report;

/* Bring the collection up to date with these files and folders: new and changed files are read,
 * unchanged ones skipped by size, time and hash, moved ones keep their vectors, files that are gone
 * from a folder are removed. A file that cannot be read is listed in the report and stops nothing.
 * The report is filled also when the call fails or is cancelled; clear it with
 * cairn_index_report_clear. */
cairn_status cairn_index(cairn *c, const char *const *paths, size_t n_paths,
                         const cairn_index_options *options, cairn_index_report *report,
                         cairn_error *err);
typedef struct cairn_watch_options {
    /* Of each run. `event` gets, beside those of a run once it is committed: "ready" after the first
     * run and "done" after each later one, "rescan", "pause" and "resume" with a reason, "warning".
     * `cancel` ends the watch. `dry_run` and `only` mean nothing here. */
    cairn_index_options index;
    int64_t quiet_ms;      /* wait until no change came for so long; 0: 300 */
    int64_t at_most_ms;    /* but no longer than this; 0: 1500 */
    double rescan_seconds; /* look at everything so often, whatever the events said; 0: 3600 */
    /* The same where not every folder can be watched; 0: 60. */
    double fallback_seconds;
    size_t max_folders; /* to watch; 0: as many as the system allows */
    bool pause_on_battery;
    double max_load; /* pause while the load average of a minute is above; 0: never */
} cairn_watch_options;

/* Index these files and folders, then follow what changes there until cancelled, which is CAIRN_OK. The
 * collection is locked for writing only while a change is taken in. */
cairn_status cairn_watch(cairn *c, const char *const *paths, size_t n_paths,
                         const cairn_watch_options *options, cairn_error *err);
/* corpus.jsonl of a BEIR folder, or any JSON-lines file with `_id`, `title` and `text`: one
 * document a line, whose uri is the `_id`. */
cairn_status cairn_import_jsonl(cairn *c, const char *file, const cairn_index_options *options,
                                cairn_index_report *report, cairn_error *err);
void cairn_index_report_clear(cairn_index_report *report);

/* ---- searching -------------------------------------------------------------------------------- */

/* One turn of a chat. */
typedef struct cairn_turn {
    const char *role; /* "user" or "assistant" */
    const char *content;
} cairn_turn;

typedef enum cairn_mode { CAIRN_HYBRID, CAIRN_LEXICAL, CAIRN_VECTOR } cairn_mode;

typedef struct cairn_search_request {
    const char *query;
    const char *filter; /* field:value terms that restrict without scoring; may be NULL */
    size_t k;           /* 0: 10 */
    cairn_mode mode;    /* CAIRN_HYBRID falls back to words alone where no vector or model is */
    bool explain;       /* fill the parts of the scores */
    bool as_you_type;   /* the last word is still being typed: what it may become is searched, too */
    const char *facets; /* "type,ext,folder,author,lang,tag,year", any of them; NULL: none */
    size_t facet_values; /* how many values of each at most; 0: 10 */
    /* What was said before, oldest first: words that a follow-up question lacks are carried over from it,
     * and passages that the assistant has given already step back. */
    const cairn_turn *history;
    size_t n_history;
    bool collapse;       /* of passages that are nearly the same only the best */
    size_t versions;     /* name other versions of each hit's document; so many of the likeliest are compared, 40 at most */
    size_t per_document; /* passages of one document at most; 0: any number */
    /* Milliseconds for reading the best passages again (the model of models.reranker): what is read by then
     * counts. 0: the configuration's, by default no limit; < 0: no reranking. Hybrid searches alone are
     * reranked. */
    double budget_ms;
    double diversity;    /* 0: by relevance alone .. 1: each as different from those above as can be */
    /* Of a collection on a cluster: waiting for it ends when the flag is set, and at this time of the monotonic
     * clock (0: no such limit). */
    const volatile sig_atomic_t *cancel;
    int64_t deadline_ns;
} cairn_search_request;

typedef struct cairn_range {
    size_t start, end; /* bytes, half open */
} cairn_range;

/* With `explain`: what one word, phrase or pattern of the query gave a hit. */
typedef struct cairn_reason {
    const char *term;  /* as the index writes it: stems; or the pattern */
    uint64_t passages; /* that hold it */
    float idf, boost, frequency, score;
    uint32_t in_title, in_path, in_heading, in_text; /* occurrences; 0 for a pattern */
} cairn_reason;

/* With `explain`: which words a pattern stands for. */
typedef struct cairn_pattern {
    const char *text;
    size_t words, left_out; /* how many, and how many beyond the bound */
    uint64_t passages;
    const char *shown;   /* the most frequent ones with their passages */
    const char *problem; /* why it stands for none, or NULL */
} cairn_pattern;

/* One of a group of documents that are the same, or versions of one. */
typedef struct cairn_copy {
    uint64_t doc;
    const char *uri, *title;
    int64_t mtime_ns;
    bool same_bytes; /* as the first of the group, which is the newest */
    double likeness; /* share of word triples in common with it, of both (Jaccard); 1 for the same bytes */
} cairn_copy;

typedef struct cairn_hit {
    size_t rank; /* from 1 */
    float score;
    uint64_t doc, chunk;
    const char *uri, *title, *heading, *lang, *mime, *text;
    size_t text_len;
    uint32_t page, page_last; /* 0: the format has no pages */
    const char *page_label;   /* what the document calls `page` ("iv", "A-3"); NULL: by its number */
    uint32_t line, line_last; /* 0: no lines */
    uint64_t byte_start, byte_end;
    cairn_range *highlights; /* in text */
    size_t n_highlights;
    float lexical, vector;               /* raw scores; 0 where the list does not hold it */
    uint32_t lexical_rank, vector_rank;  /* from 1; 0 where the list does not hold it */
    float reread;                        /* the reranker's score; 0 where it did not read the passage */
    const cairn_reason *reasons; /* with `explain`; their scores and `nearness` make `lexical` */
    size_t n_reasons;
    float nearness; /* for words that stand close together */
    const char *author;
    int64_t date_ns, modified_ns, created_ns; /* since 1970; 0: not known */
    const char **tags; /* the user's own first */
    size_t n_tags;
    const char **places; /* further files with the same bytes */
    size_t n_places;
    cairn_copy *versions; /* where they were asked for: documents with nearly the same words, newest first; `likeness`
                             and `same_bytes` are to this one */
    size_t n_versions;
} cairn_hit;

/* How many documents with a match carry each value of a field: over all matches, not only the hits. A
 * match holds any of the words, or everything where the query demands something. Of a search by
 * meaning alone: all documents that the filter allows. */
typedef struct cairn_facet_value {
    const char *value;
    uint64_t documents;
} cairn_facet_value;

typedef struct cairn_facet {
    const char *name;
    cairn_facet_value *values; /* most documents first; years from the latest */
    size_t n_values, n_distinct;
} cairn_facet;

typedef struct cairn_search_result {
    cairn_hit *hits;
    size_t n_hits;
    const char *own_words;  /* with explain: what the user's stop words and synonyms did; or NULL */
    const char *suggestion; /* the query with its misspelt words replaced, or NULL */
    cairn_facet *facets;    /* in the order asked for */
    size_t n_facets;
    cairn_mode mode;  /* the one used */
    const char *note; /* why it is not the one asked for, or how the query was read; or NULL */
    const char *rewritten; /* the question with the words carried over from the history; or NULL */
    /* What was searched beside the question, a line each ("LLM: large language model"): long and short forms, other
     * ways to ask it, an imagined passage, names of a second hop; or NULL. */
    const char *expanded;
    /* What the stages after fusion did. */
    size_t reranked;  /* passages read again in time */
    size_t told;      /* passages moved back because the assistant has given them already */
    size_t collapsed; /* left out as copies */
    size_t grouped;   /* left out as further passages of a document */
    double rewrite_ms, refine_ms;
    double took_ms, lexical_ms, embed_ms, vector_ms;
    const char *read_as; /* with `explain`: the query in words */
    const cairn_pattern *patterns;
    size_t n_patterns;
    void *memory;
} cairn_search_result;

cairn_status cairn_search(cairn *c, const cairn_search_request *request,
                          cairn_search_result **out, cairn_error *err);
void cairn_search_result_free(cairn_search_result *r);

typedef struct cairn_completion {
    const char *text;     /* the whole text with its last word completed */
    const char *word;     /* that word */
    uint64_t occurrences; /* how often it was written */
} cairn_completion;

typedef struct cairn_suggestions {
    cairn_completion *completions; /* most frequent first */
    size_t n_completions;
    const char *correction; /* as cairn_search_result.suggestion; a last word that can be completed is
                               left as it is */
    double took_ms;
    void *memory;
} cairn_suggestions;

/* What a text may become or was meant to be, from the words of the collection. k 0: 10. */
cairn_status cairn_suggest(cairn *c, const char *text, size_t k, cairn_suggestions **out,
                           cairn_error *err);
void cairn_suggestions_free(cairn_suggestions *s);

/* ---- vectors of one's own --------------------------------------------------------------------- */

/* How vectors are compared. Cosine keeps them at unit length; the score of L2 is the negative squared
 * distance. */
typedef enum cairn_similarity {
    CAIRN_SIMILARITY_DEFAULT,
    CAIRN_COSINE,
    CAIRN_DOT,
    CAIRN_L2
} cairn_similarity;

typedef enum cairn_vector_format {
    CAIRN_VECTORS_BY_NAME, /* by the file's extension, then by its first bytes */
    CAIRN_VECTORS_NPY,
    CAIRN_VECTORS_FVECS,
    CAIRN_VECTORS_BVECS, /* read only */
    CAIRN_VECTORS_JSONL, /* a line: {"id", "vector": [...]}, "title" and "text" as one likes */
    CAIRN_VECTORS_FAISS  /* a FAISS index file */
} cairn_vector_format;

typedef struct cairn_import_vectors_options {
    cairn_vector_format format;
    cairn_similarity similarity; /* default: the collection's, then the FAISS index's, then cosine */
    /* Names for the rows, a line each, the first for row (or FAISS id) 0: JSON, either the id itself or an
     * object with "id" and, as one likes, "title" and "text"; or, in a .txt file, the id as it is. NULL:
     * the row's number or FAISS id is its name. */
    const char *ids_file;
    cairn_index_options run; /* no_vectors means nothing here */
} cairn_import_vectors_options;

/* Make each vector of the file a document whose uri is its id. Such a collection has no embedder: it is
 * searched with cairn_search_vector, and by words where texts came along. CAIRN_EUSAGE for a collection
 * that holds documents, another dimension or another similarity. A row that is unchanged is skipped; rows
 * with components that are not finite are listed in the report. */
cairn_status cairn_import_vectors(cairn *c, const char *file,
                                  const cairn_import_vectors_options *options,
                                  cairn_index_report *report, cairn_error *err);

typedef struct cairn_export_vectors_options {
    cairn_vector_format format;
    const char *faiss_index; /* flat (default), hnsw, ivf-flat, ivf-sq8 or ivf-pq */
    void (*progress)(void *ctx, const cairn_progress *p);
    void *progress_ctx;
    const volatile sig_atomic_t *cancel;
} cairn_export_vectors_options;

typedef struct cairn_export_report {
    uint64_t vectors;
    uint32_t dim;
    bool ids_written; /* to FILE.ids.jsonl, a line a row in the order of the rows */
    double seconds;
} cairn_export_report;

/* Write the live vectors, in the order in which they came, and their ids. The files appear whole or not at
 * all. A FAISS index whose ids are all whole numbers carries them itself; otherwise its ids are the lines
 * of FILE.ids.jsonl, from 0. CAIRN_ENOTFOUND when there are no vectors. */
cairn_status cairn_export_vectors(cairn *c, const char *file,
                                  const cairn_export_vectors_options *options,
                                  cairn_export_report *report, cairn_error *err);

typedef struct cairn_matrix {
    float *rows; /* [n * dim] */
    size_t n;
    uint32_t dim;
} cairn_matrix;

/* Read a file of vectors of any of these formats (JSON lines may also be bare arrays); "-" is standard
 * input. */
cairn_status cairn_matrix_read(cairn_matrix *out, const char *file, cairn_error *err);
void cairn_matrix_clear(cairn_matrix *m);

/* The passages or documents whose vectors are nearest to vector[dim]. Of `request` filter, k and explain
 * count. */
cairn_status cairn_search_vector(cairn *c, const float *vector, uint32_t dim,
                                 const cairn_search_request *request, cairn_search_result **out,
                                 cairn_error *err);

/* ---- asking ----------------------------------------------------------------------------------- */

/* The user's yes or no to an action that writes. */
typedef bool cairn_allow_fn(void *ctx, const char *action);
#define CAIRN_STEPS_MAX 16

typedef struct cairn_ask_request {
    const char *question;
    const char *filter;
    cairn_turn *history; /* oldest first */
    size_t n_history;
    /* What the user wants to be known: those with a word of the question help to find, as an earlier question
     * would, and stand in the prompt. No fact is ever an answer's source. */
    const char *const *facts;
    size_t n_facts;
    cairn_mode mode;
    float temperature; /* 0: greedy */
    uint64_t seed;
    size_t max_tokens; /* 0: the configuration's */
    const volatile sig_atomic_t *cancel;
    bool extractive; /* answer with the documents' own sentence; no generator is opened */
    /* The generator plans with tools (search, look-ups, sums, dates, tables) in at most so many steps, CAIRN_STEPS_MAX being the
     * most; 0: no plan. It never reads documents, only what its calls came to (engine/agent.h). What writes is done when
     * `allow` says yes to the sentence that describes it; NULL: never. */
    size_t tools;
    cairn_allow_fn *allow;
    void *allow_ctx;
    bool no_cache;   /* make the answer anew, and keep it out of the cache */
} cairn_ask_request;

typedef struct cairn_citation {
    size_t n; /* the number used in the answer */
    uint64_t doc, chunk;
    const char *uri, *title, *text; /* text: the cited passage's supporting part */
    uint32_t page;                  /* 0: no pages */
    const char *page_label;         /* as in cairn_hit */
    uint64_t start, end;            /* bytes of the supporting part in the document's text */
    bool supported;                 /* the passage holds what the sentence says */
} cairn_citation;

/* A sentence of a retrieved passage that gives orders to a language model. It is no evidence, stands in no
 * prompt and is never cited. */
typedef struct cairn_planted {
    const char *uri, *text;
    uint32_t page;
    float score; /* 0.5 .. 1 */
} cairn_planted;

/* One step of a plan. */
typedef struct cairn_step {
    const char *tool, *arguments; /* arguments: the call as JSON */
    const char *result;           /* what came of it, for people; "" where nothing did */
    const char *problem;          /* why it was not done, or NULL */
    bool writes;
} cairn_step;

typedef struct cairn_answer {
    const char *text;
    bool refused; /* the documents do not hold the answer; text says so */
    bool extractive; /* the text is a sentence of the documents, as it stands there */
    /* The question was about all documents: every match was read. `files_read` pass the filter. */
    bool exhaustive;
    size_t files_found, files_read, files_unreadable;
    float confidence; /* 0 .. 1: that what was retrieved answers the question */
    const char *short_answer; /* of an extractive one: the number, date or name asked for, or NULL */
    size_t withheld;          /* sentences of the model that no passage supports */
    cairn_planted *planted;
    size_t n_planted;
    const char *cached; /* "exact" or "semantic": what the generator gave before was given again (the tokens are those of then); else
                           NULL */
    const char *cached_question; /* of a semantic one: the question that it was given to */
    const char *route;   /* why this way of answering was chosen, where settings leave a choice; or NULL */
    const char *sent_to; /* the address that the question and excerpts of the documents were sent to; or NULL */
    const char *note; /* why it is extractive although a model was wanted, or NULL */
    cairn_step *steps; /* of a plan */
    size_t n_steps;
    bool out_of_steps; /* the plan was ended by their number */
    double total_ms;
    cairn_citation *citations;
    size_t n_citations;
    cairn_search_result *evidence; /* what was retrieved, owned by the answer; NULL of a plan, and
                                      of a question that was not asked ([filter] words) */
    const char *model;
    uint64_t snapshot; /* state of the collection that was read; grows with every commit */
    size_t prompt_tokens, completion_tokens;
    double retrieve_ms, ttft_ms, tpot_ms;
    size_t cached_tokens; /* of the prompt, not computed again */
    size_t reused_tokens; /* and so many taken from stored passages ([models] stored_passages) */
    /* Passes of the model after the prompt, tokens drafted by copying, and those that came true. */
    size_t passes, drafted_tokens, copied_tokens;
    void *memory;
} cairn_answer;

/* Receives the answer piece by piece, whole characters only; false stops it. */
typedef bool cairn_stream_fn(void *ctx, const char *text, size_t len);

cairn_status cairn_ask(cairn *c, const cairn_ask_request *request, cairn_stream_fn *stream,
                       void *stream_ctx, cairn_answer **out, cairn_error *err);
void cairn_answer_free(cairn_answer *a);
/* With [models] stored_passages = on: compute and store the keys and values of the passages that the last
 * answers were made from, where they are not stored yet. For when nobody waits: it takes seconds. */
cairn_status cairn_keep_passages(cairn *c, cairn_error *err);

/* One question that was sent to the endpoint of [gateway]. */
typedef struct cairn_sent {
    int64_t made_ns; /* since 1970 */
    const char *url, *model, *outcome; /* outcome: "answered" or what went wrong */
    int64_t ms, tokens;
} cairn_sent;

/* The last ones, latest first; at least all of today (UTC). The strings live until fn returns; false stops. *today
 * (may be NULL): tokens spent today. */
cairn_status cairn_sent_list(cairn *c, bool (*fn)(void *ctx, const cairn_sent *s), void *ctx, int64_t *today,
                             cairn_error *err);
/* Whether, and where to, questions may go out: CAIRN_OK, or why not in *err. `url` gets the address, cut. */
cairn_status cairn_gateway_state(cairn *c, char *url, size_t cap, cairn_error *err);

/* Write down what `a` was made with (the question, settings, snapshot, hashes of the documents read, of
 * the prompt and of the model), as JSON. `a` must be the answer to `request` on this handle. */
cairn_status cairn_receipt_write(cairn *c, const cairn_ask_request *request, const cairn_answer *a,
                                 const char *path, cairn_error *err);
/* Ask the question of a receipt again, with its settings. `report` gets a line for everything that is not as
 * it was then; *same: the same bytes came. */
cairn_status cairn_replay(cairn *c, const char *path, void (*report)(void *ctx, const char *finding),
                          void *ctx, bool *same, cairn_answer **out, cairn_error *err);

/* ---- personal data ---------------------------------------------------------------------------- */

typedef struct cairn_pii_finding {
    const char *uri;  /* "" for a text */
    const char *type; /* "email", "phone", "iban", "card", "national-id", "ip", "url" or "secret" */
    const char *text; /* not NUL-terminated; lives until the callback returns */
    size_t len, line; /* line from 1, of the extracted text */
    uint64_t start;   /* byte of the text */
} cairn_pii_finding;

/* What looks like personal data in every document whose uri starts with `prefix` (NULL: all), by patterns
 * and checksums. `types`: a list of the above, NULL: all. false from fn stops. */
cairn_status cairn_pii(cairn *c, const char *prefix, const char *types,
                       bool (*fn)(void *ctx, const cairn_pii_finding *f), void *ctx,
                       size_t *n_documents, cairn_error *err);
cairn_status cairn_pii_text(const char *text, size_t len, const char *types,
                            bool (*fn)(void *ctx, const cairn_pii_finding *f), void *ctx,
                            cairn_error *err);
/* The text with each of them replaced by its type, "[iban]"; malloced, with a NUL behind it. */
cairn_status cairn_pii_redact(const char *text, size_t len, const char *types, char **out, size_t *out_len,
                              cairn_error *err);

/* ---- documents -------------------------------------------------------------------------------- */

typedef struct cairn_document {
    uint64_t id;
    const char *uri, *title, *author, *lang, *mime;
    int64_t size, mtime_ns, date_ns, indexed_ns;
    uint32_t n_pages, n_chunks;
    int64_t created_ns;  /* 0: not known */
    const char **tags;   /* the first n_user of them were given by cairn_tag */
    size_t n_tags, n_user;
    const char **places; /* further files with the same bytes */
    size_t n_places;
    uint64_t same_as;    /* a further file: the document that holds the passages; else 0 */
    const char *text; /* the extracted text; only from cairn_get */
    size_t text_len;
    void *memory;
} cairn_document;

/* By uri (absolute or as given), or by "#12" or "12" where 12 is a document's id. */
cairn_status cairn_get(cairn *c, const char *uri_or_id, cairn_document **out, cairn_error *err);
void cairn_document_free(cairn_document *d);
/* Every document whose uri starts with `prefix` (NULL: all) in uri order; false from fn stops. The
 * document's strings live until fn returns. */
cairn_status cairn_list(cairn *c, const char *prefix,
                        bool (*fn)(void *ctx, const cairn_document *d), void *ctx,
                        cairn_error *err);
/* The same of the documents that pass a filter: the expression of cairn_search_request.filter, without
 * words. *note (may be NULL) gets a sentence about what of it was read otherwise than typed, for the
 * caller to free, or NULL. */
cairn_status cairn_list_filtered(cairn *c, const char *prefix, const char *filter,
                                 bool (*fn)(void *ctx, const cairn_document *d), void *ctx,
                                 char **note, cairn_error *err);
/* Remove one document, or every document below a folder. CAIRN_ENOTFOUND when there is none,
 * CAIRN_EUSAGE for an empty name. */
cairn_status cairn_delete(cairn *c, const char *uri_or_id, size_t *n_removed, cairn_error *err);

/* Give the document, or every document below the folder, the tags add[n_add] and take remove[n_remove] away
 * from it. Tags survive a new indexing, a change and a move of the file; a tag of the file itself or of the
 * document's own keywords cannot be taken away here. *n_changed: documents. CAIRN_ENOTFOUND, CAIRN_EUSAGE. */
cairn_status cairn_tag(cairn *c, const char *name, const char *const *add, size_t n_add,
                       const char *const *remove, size_t n_remove, size_t *n_changed,
                       cairn_error *err);
/* Every tag of the documents whose uri starts with `prefix` (NULL: all), in byte order: how many have it, and
 * whether the user gave it to one of them. False from fn stops. */
cairn_status cairn_tags(cairn *c, const char *prefix,
                        bool (*fn)(void *ctx, const char *tag, uint64_t documents, bool user),
                        void *ctx, cairn_error *err);

/* ---- who may read what ----- */

/* The rules of the collection as text, to be freed; "" where there are none. */
cairn_status cairn_access_read(cairn *c, char **text, cairn_error *err);
/* Put other rules into force, for what is asked from now on. CAIRN_EINPUT names the line that cannot be
 * read; then the old ones stay. Any handle that sees everything may do it. */
cairn_status cairn_access_write(cairn *c, const char *text, size_t len, cairn_error *err);
/* May what this handle was opened for be read under that uri, whether it exists or not? */
cairn_status cairn_access_allows(cairn *c, const char *uri, bool *out, cairn_error *err);
/* May all that a deletion of this name would remove be read? CAIRN_ENOTFOUND: nothing of it, or there is
 * nothing; CAIRN_EUSAGE: not all. */
cairn_status cairn_access_covers(cairn *c, const char *uri_or_id, cairn_error *err);

/* Does the collection have room for `more` bytes, of what it may take on disk (limits.disk_mb, max_disk_bytes) with the
 * files that were uploaded to it? CAIRN_EFULL has both figures. What writes documents asks by itself, before each
 * commit; to take some out is always allowed. */
cairn_status cairn_check_room(cairn *c, uint64_t more, cairn_error *err);

/* ---- care of the store ------------------------------------------------------------------------ */

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
    char stage[16]; /* of cairn_progress */
    uint64_t done, total; /* files, chunks or rows, as cairn_progress counts them */
    double per_second;
    double seconds_left; /* of the stage; < 0 when not known */
} cairn_running;

typedef struct cairn_status_info {
    const char *version, *home, *collection, *cpu, *embedder, *generator; /* model paths, or NULL */
    const char *embedder_name, *generator_name;
    const char *embedder_note, *generator_note; /* why a model is missing, or NULL */
    size_t n_threads;
    uint64_t documents, chunks, vectors, pending_vectors, failures;
    uint64_t segments, deleted_rows, disk_bytes, text_bytes;
    cairn_tier tiers[CAIRN_TIERS_MAX]; /* those that have segments: words first, small ones first */
    size_t n_tiers;
    bool merge_due; /* the next index run or compact will merge */
    cairn_running running;
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

/* ---- measuring -------------------------------------------------------------------------------- */

typedef struct cairn_metric {
    const char *name; /* "nDCG@10", "Recall@100", "MAP", "MRR" */
    double value, low, high; /* 95 % bootstrap interval */
} cairn_metric;

#define CAIRN_METRICS 5 /* nDCG@10, Recall@100, MAP, MRR@10, P@10 */

/* Queries that have one value of a field. */
typedef struct cairn_eval_slice {
    const char *value; /* "" for queries without the field */
    size_t n_queries;
    cairn_metric metrics[CAIRN_METRICS];
} cairn_eval_slice;

typedef struct cairn_eval_result {
    cairn_metric metrics[CAIRN_METRICS];
    size_t n_metrics;
    size_t n_queries;
    double query_ms_median, query_ms_p99;
    cairn_eval_slice *slices; /* most queries first */
    size_t n_slices;
    void *memory;
} cairn_eval_result;

typedef struct cairn_eval_request {
    const char *queries;  /* JSON lines with `_id` and `text` */
    const char *qrels;    /* tab-separated query, document, grade */
    const char *history;  /* JSON lines with `_id` and `history`, as cairn_search_request has it, for
                             queries that are follow-up questions; or NULL */
    const char *run_file; /* gets a TREC run; or NULL */
    const char *html_file; /* gets a report for a browser; or NULL */
    const char *slice; /* figures by this field of the queries' lines, or by "words", how many a query has;
                          or NULL */
    cairn_mode mode;
    double budget_ms; /* for reranking a query; 0: as long as it takes, so that the figures are the same on
                         every machine; < 0: none */
} cairn_eval_request;

cairn_status cairn_eval_retrieval(cairn *c, const cairn_eval_request *request, cairn_eval_result *out,
                                  cairn_error *err);
void cairn_eval_result_clear(cairn_eval_result *r);

/* A private test set from the collection itself: queries.jsonl and qrels.tsv in `folder` (made with mode 0700 where
 * it is not there), for documents drawn by chance a few words of one of their passages. queries 0: 100; fewer
 * come where documents are fewer or hold too few words. The same collection and seed give the same set. */
cairn_status cairn_eval_make(cairn *c, const char *folder, size_t queries, uint64_t seed, size_t *n_made,
                             cairn_error *err);

/* Run b against run a in one measure. */
typedef struct cairn_comparison {
    const char *name;
    double a, b;                  /* means */
    double difference, low, high; /* of b - a, 95 % bootstrap interval */
    double p; /* of as large a difference by chance (paired randomisation test, two-sided) */
    size_t better, worse, equal; /* queries */
} cairn_comparison;

/* Compare two TREC runs query by query over all judged queries; one that a run lacks counts 0 there. Needs no
 * collection. */
cairn_status cairn_eval_compare(const char *qrels, const char *run_a, const char *run_b,
                                cairn_comparison out[CAIRN_METRICS], size_t *n_queries, cairn_error *err);

typedef struct cairn_gate_options {
    const char *measure; /* that decides; NULL: nDCG@10, or "right" of answers */
    double margin;       /* by which the new one may be worse */
    double alpha;        /* a difference with a smaller p is taken for one */
    bool better;         /* the new one must be shown to be better, not only no worse */
} cairn_gate_options;

typedef struct cairn_gate {
    bool passed; /* the new one may replace the old */
    char reason[512];
    cairn_comparison comparisons[CAIRN_METRICS];
    size_t n_comparisons, n_queries;
} cairn_gate;

/* May a new model or setting replace the old one? Two TREC runs over judged queries. It may when the 95 % interval
 * of the difference in the measure begins above -margin and no other measure is worse by more than it with p
 * below alpha. CAIRN_EUSAGE for an unknown measure. */
cairn_status cairn_eval_gate(const char *qrels, const char *old_run, const char *new_run,
                             const cairn_gate_options *options, cairn_gate *out, cairn_error *err);
/* The same of two dumps of cairn_eval_answers over the same questions: "right", "answered_answerable" and
 * "refused_unanswerable". */
cairn_status cairn_eval_gate_answers(const char *old_dump, const char *new_dump,
                                     const cairn_gate_options *options, cairn_gate *out, cairn_error *err);

/* One question of an answer evaluation, as it went. Strings live until the callback returns. */
typedef struct cairn_answered {
    const char *id, *question, *gold; /* gold: the first accepted answer, "" = not answerable */
    const cairn_answer *answer;
    bool right; /* holds an accepted answer; or refused where there is none */
} cairn_answered;

#define CAIRN_ANSWER_METRICS 16

typedef struct cairn_answers_result {
    size_t n, n_answerable, n_unanswerable, n_citations, n_extractive;
    /* Those that could be measured, each with its 95 % bootstrap interval:
     * right                 share of answerable ones whose answer holds an accepted one
     * exact_match, token_f1, rouge_l, bleu  over the answerable ones; a refusal counts 0
     * refused_answerable, refused_unanswerable
     * evidence_retrieved    share of answerable ones of whose documents one (of supporting ones all) was read
     * refused_retrieved     share of these that were refused nevertheless
     * citation_holds        share of citations whose text holds an accepted answer
     * citation_precision    share of citations to the right document (and page)
     * citation_recall       share of answerable ones with a citation to it
     * grounded              share of the content words of answers that their citations hold */
    cairn_metric metrics[CAIRN_ANSWER_METRICS];
    size_t n_metrics;
    double retrieve_ms_median, ttft_ms_median, total_ms_median;
} cairn_answers_result;

typedef struct cairn_eval_answers_options {
    bool extractive;       /* as in cairn_ask_request */
    const char *dump_file; /* a JSON line a question: the answer and what it was decided from; or NULL */
} cairn_eval_answers_options;

/* qa: JSON lines with `question`, `answers` (none, or `answerable` false: not answerable) and either
 * `doc` (end of the uri) and `page`, or `doc_ids` (any of which is right; `supporting_doc_ids` goes
 * before it). `options` and `fn` may be NULL. fn sees every question; false from it cancels. */
cairn_status cairn_eval_answers(cairn *c, const char *qa, const cairn_eval_answers_options *options,
                                bool (*fn)(void *ctx, const cairn_answered *a), void *ctx,
                                cairn_answers_result *out, cairn_error *err);

const char *cairn_version(void);

#ifdef __cplusplus
}
#endif
#endif
