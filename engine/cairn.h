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
 * Beside it: care.h (state, checks, copies of a collection), eval.h (measuring it), chats.h, model.h.
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
    const char *stage; /* "rebuild", "scan", "move", "index", "embed", "embed-second", "merge" or "audit" */
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

/* Of an import a file is a line or row. seen = indexed + unchanged + moved + unread + not_reached. */
typedef struct cairn_index_report {
    size_t seen, indexed, unchanged, moved;
    size_t unread;      /* files that could not be read */
    size_t not_reached; /* because the run was stopped or failed, or what was collected of them was lost */
    size_t removed, chunks, embedded;
    size_t missing; /* of the paths asked for, how many do not exist; they are among `failed` */
    /* What failed, and why: the unread files, then files inside others (of an archive, a mail), and what else could not be
     * looked at (a folder, a path that does not exist, settings of a folder): all others. */
    cairn_failure *failed;
    size_t n_failed, n_failed_inside;
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
/* How changes are noticed. */
typedef enum cairn_watch_by {
    CAIRN_WATCH_BEST,     /* the first of the next three that the system, for each file system, allows */
    CAIRN_WATCH_FANOTIFY, /* one mark for a whole file system; CAIRN_EUNSUPPORTED where it is not allowed at all */
    CAIRN_WATCH_INOTIFY,  /* a watch for each folder */
    CAIRN_WATCH_TIME,     /* not at all: everything is looked at every fallback_seconds */
} cairn_watch_by;

typedef struct cairn_watch_options {
    /* Of each run. `event` gets, beside those of a run once it is committed: "watching" for each named path (one for more than
     * eight in a file system, with the folder that they lie in) when it is known how it is watched, "ready" after the first
     * run and "done" after each later one, "rescan", "pause" and "resume" with a reason, "warning".
     * `cancel` ends the watch. `dry_run` and `only` mean nothing here. */
    cairn_index_options index;
    int64_t quiet_ms;      /* wait until no change came for so long; 0: 300 */
    int64_t at_most_ms;    /* but no longer than this; 0: 1500 */
    double rescan_seconds; /* look at everything so often, whatever the events said; 0: 3600 */
    /* The same where not every folder can be watched; 0: 60. */
    double fallback_seconds;
    size_t max_folders; /* to watch; 0: as many as the system allows */
    cairn_watch_by by;
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
    bool plain;         /* the query is a sentence: words alone, no operators, no dates as filters */
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
    const char *page_starts, *page_labels; /* where pages begin inside it and what pages are called, as kept of the document; NULL: nothing is */
    uint32_t line, line_last; /* 0: no lines */
    uint64_t byte_start, byte_end;
    cairn_range *highlights; /* in text */
    size_t n_highlights;
    float lexical, vector;               /* raw scores; 0 where the list does not hold it */
    uint32_t lexical_rank, vector_rank;  /* from 1; 0 where the list does not hold it */
    float second;                        /* the same by the second embedder's vectors */
    uint32_t second_rank;
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
    int64_t day;     /* that it is, since 1970-01-01, for "last year" in the question and filter; 0: the clock says */
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

/* A sentence of the model as it was put to the model of models.entailment with what it cites: chances that it follows,
 * that it may or may not be so, and that it is denied. */
typedef struct cairn_entailed {
    const char *text, *uri;
    float entails, neutral, contradicts;
    bool held; /* it counts as supported */
} cairn_entailed;

/* One step of a plan, or what a table was asked. */
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
    const char *short_answer; /* the number, date or name asked for, where the text is a sentence that says more; or NULL */
    size_t withheld;          /* sentences of the model that no passage supports */
    cairn_planted *planted;
    size_t n_planted;
    const char *entail_model; /* what models.entailment named when this was answered, "" nothing; NULL: it was not looked at */
    const char *entailer; /* identity of the model that told whether sentences follow; NULL: none was asked */
    cairn_entailed *entailed;
    size_t n_entailed;
    const char *cached; /* "exact" or "semantic": what the generator gave before was given again (the tokens are those of then); else
                           NULL */
    const char *cached_question; /* of a semantic one: the question that it was given to */
    const char *understood; /* the question as it was completed from those before ("And the K1?"); or NULL */
    const char *parts;   /* the questions that it was taken apart into, a line each; or NULL */
    const char *route;   /* why this way of answering was chosen, where settings leave a choice; or NULL */
    const char *sent_to; /* the address that the question and excerpts of the documents were sent to; or NULL */
    const char *note; /* why it is extractive although a model was wanted, or NULL */
    cairn_step *steps; /* of a plan; of a plain question one, "table", where a table answered it by rules ([ask] tables) */
    size_t n_steps;
    bool out_of_steps; /* the plan was ended by their number */
    double total_ms;
    cairn_citation *citations;
    size_t n_citations;
    cairn_search_result *evidence; /* what was retrieved, owned by the answer; NULL of a plan, and
                                      of a question that was not asked ([filter] words) */
    const char *model;
    uint64_t snapshot; /* state of the collection that was read; grows with every commit */
    int64_t day;       /* that it was asked on, by the request or the clock */
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

const char *cairn_version(void);

#ifdef __cplusplus
}
#endif
#endif
