/* lexical.h - BM25F over the fields of passages: build, read, merge, search.
 *
 * A lexical index is a set of sections (base/sections.h) whose names begin with "lex."; a segment
 * holds one. It is written once by a lexical_writer or by lexical_merge and never changes; deleted
 * rows are a bitset handed to the search.
 *
 * Score of a row for one word (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009,
 * section 3.6; idf as Lucene):
 *
 *   tf   = sum over fields  weight[f] * occurrences in f
 *   norm = sum over fields  share[f] * (1 - b[f] + b[f] * length[f] / average length[f]),
 *          share[f] = weight[f] * average length[f], scaled to sum 1
 *   score = boost * idf * tf / (tf + k1 * norm),  idf = ln(1 + (N - n + 0.5) / (n + 0.5))
 *
 * so with equal weights it is BM25 of the fields written one behind the other. N, n and the
 * averages are taken over all segments of the search, deleted rows included until a merge drops
 * them: scores do not depend on how rows are spread over segments. Lengths are kept in one byte
 * (exact to 40, then in steps of at most an eighth). Scores are summed as integers, so they don't
 * depend on the order of evaluation, the kernels or the pruning: the fast search returns exactly
 * what the exhaustive one does.
 *
 * Threads  a reader may be searched by many threads; a writer belongs to one.
 * Errors   CAIRN_ECORRUPT: the sections break their format (docs/lexical.md). */
#ifndef CAIRN_INDEX_LEXICAL_LEXICAL_H
#define CAIRN_INDEX_LEXICAL_LEXICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/pace.h"
#include "base/pool.h"
#include "base/sections.h"
#include "base/status.h"
#include "index/text/analyzer.h"
#include "index/text/wordlists.h"

typedef enum lexical_field {
    LEXICAL_TITLE,
    LEXICAL_PATH,
    LEXICAL_HEADINGS,
    LEXICAL_BODY,
    LEXICAL_FIELDS /* how many */
} lexical_field;

#define LEXICAL_ALL_FIELDS ((1u << LEXICAL_FIELDS) - 1)

/* ---- build ---- */

typedef struct lexical_writer lexical_writer;
typedef struct lexical_reader lexical_reader;

typedef struct lexical_writer_options {
    /* Bytes that building may use; 0 = 64 MiB, at least 1 MiB. What does not fit is spilled to
     * temporary files without a name and merged at the end. */
    size_t memory_budget;
    /* Worker threads, at most one a MiB of memory; 0 and 1: the caller's thread alone. The result
     * is the same to the byte. */
    size_t n_threads;
    const char *spill_dir; /* for temporary files where TMPDIR is not set; NULL: /var/tmp */
    /* For an index that answers one question: only these terms are kept (NUL-terminated, each once,
     * borrowed until the writer is finished), and no written forms; lengths count all words. NULL: all are. */
    const char *const *wanted;
    size_t n_wanted;
    /* With `wanted` and one thread: whose, so that words it has seen are not taken apart again;
     * borrowed until the writer is finished. NULL: its own. */
    analyzer *analyzer;
} lexical_writer_options;

/* A row's texts, taken apart already (taken.h). */
typedef struct lexical_taken lexical_taken;

typedef struct lexical_doc {
    struct {
        const char *text; /* UTF-8; NULL with len 0 = the field is absent */
        size_t len;
    } field[LEXICAL_FIELDS];
    const char *lang; /* ISO 639-1, "" or NULL = unknown */
    /* With `wanted` and one thread: taken of the same texts, which are not looked at then. */
    const lexical_taken *taken;
} lexical_doc;

cairn_status lexical_writer_create(lexical_writer **out, const lexical_writer_options *options,
                                   cairn_error *err);
void lexical_writer_destroy(lexical_writer *w); /* NULL is fine */
/* Add the next row; *row (may be NULL) gets its number, 0, 1, 2, ... The texts are not needed
 * after the call. With threads, what goes wrong with a row may be told by a later call. After
 * CAIRN_ENOMEM, CAIRN_EIO and CAIRN_EFULL the writer can only be destroyed. */
cairn_status lexical_writer_add(lexical_writer *w, const lexical_doc *doc, uint32_t *row,
                                cairn_error *err);
uint32_t lexical_writer_rows(const lexical_writer *w);
/* No more rows fit one segment. */
bool lexical_writer_full(const lexical_writer *w);
/* Write the sections. The writer can only be destroyed afterwards. Zero rows are fine. */
cairn_status lexical_writer_finish(lexical_writer *w, const section_sink *sink, cairn_error *err);

/* ---- read ---- */

/* Borrows the source's bytes: they must outlive the reader. */
cairn_status lexical_reader_open(lexical_reader **out, const section_source *source,
                                 cairn_error *err);
void lexical_reader_close(lexical_reader *r); /* NULL is fine */
uint32_t lexical_reader_rows(const lexical_reader *r);
uint64_t lexical_reader_terms(const lexical_reader *r);
uint64_t lexical_reader_postings(const lexical_reader *r);
/* Words in this field over all rows. */
uint64_t lexical_reader_total_length(const lexical_reader *r, lexical_field f);
/* Languages of the rows, "" included, most rows first. i < count. */
size_t lexical_reader_language_count(const lexical_reader *r);
const char *lexical_reader_language(const lexical_reader *r, size_t i, uint32_t *rows);
/* Walk everything and check every invariant: for `cairn check`. */
cairn_status lexical_reader_verify(const lexical_reader *r, cairn_error *err);

/* ---- merge ---- */

typedef struct lexical_merge_input {
    const lexical_reader *reader;
    const uint64_t *deleted; /* rows to drop; NULL = none */
} lexical_merge_input;

/* All may be zero. */
typedef struct lexical_merge_options {
    size_t memory_budget;  /* bytes; 0 = 64 MiB. What is more goes to temporary files */
    const char *spill_dir; /* as for the writer */
    /* Called about every millisecond of work (base/pace.h) with the bytes of lists made since the last
     * call; what it returns other than CAIRN_OK ends the merge with that status. The sink is not
     * counted. */
    pace_step_fn step;
    void *step_ctx;
    /* The live rows in another order than that of the inputs: the row that comes i-th is order[i]
     * of them. NULL: as they are. */
    const uint32_t *order;
} lexical_merge_options;

/* Write one index with the live rows of in[0], then of in[1], and so on, in their order. */
cairn_status lexical_merge(const lexical_merge_input *in, size_t n, const section_sink *sink,
                           cairn_error *err);
cairn_status lexical_merge_with(const lexical_merge_input *in, size_t n,
                                const lexical_merge_options *options, const section_sink *sink,
                                cairn_error *err);
/* Fill order[live rows] with an order in which rows with the same words stand together, so that the
 * merged lists are small and many of their blocks can be passed over. The same for every number of
 * workers (which may be NULL). Of the options only the step is used; it may be called from any of
 * the workers' threads, and on time.
 * Memory: 4 bytes a posting of the words that take part (those in at least 8 rows or a 4096th of
 * them), and 24 bytes a row. */
cairn_status lexical_reorder(const lexical_merge_input *in, size_t n,
                             const lexical_merge_options *options, pool *workers, uint32_t *order,
                             cairn_error *err);

/* ---- search ---- */

/* TEST neither scores nor binds: the clause is only a leaf of a tree. */
typedef enum lexical_occur {
    LEXICAL_SHOULD,
    LEXICAL_MUST,
    LEXICAL_MUST_NOT,
    LEXICAL_TEST
} lexical_occur;

/* WORDS     each word by itself (SHOULD: any, MUST: all, MUST_NOT: none)
 * PHRASE    the words in a row, within one field; with `slop` n they may be moved by n places in all:
 *           place minus place in the phrase differs by at most n between any two words
 * NEAR      the parts (words or phrases) in any order within one field with at most `slop` other words
 *           between them
 * WILDCARD  words like a pattern of * (any run) and ? (one character)
 * FUZZY     words within `edits` (1 or 2) of the text; see automaton.h
 * REGEX     words that a regular expression matches as a whole
 * TREE      scores nothing; the row must satisfy `tree`. Its `occur` is ignored
 *
 * A pattern is held against words as they are written (folded, not stemmed) and against the stems; a
 * word that fits stands for its stem, so a row with another form of it is found too. All
 * words of a pattern together are one word with many spellings: their frequencies add up (those of a
 * fuzzy match weigh 1 - edits / letters) and its n is the number of rows that hold any. */
typedef enum lexical_kind {
    LEXICAL_WORDS,
    LEXICAL_PHRASE,
    LEXICAL_NEAR,
    LEXICAL_WILDCARD,
    LEXICAL_FUZZY,
    LEXICAL_REGEX,
    LEXICAL_TREE
} lexical_kind;

/* A condition on rows. A clause is met when all its words are (`any`: when one is); one without a word
 * in it (signs alone) is left out as if it were not there. */
typedef enum lexical_node_kind {
    LEXICAL_NODE_CLAUSE,
    LEXICAL_NODE_ROWS,
    LEXICAL_NODE_NOT,
    LEXICAL_NODE_AND,
    LEXICAL_NODE_OR
} lexical_node_kind;

typedef struct lexical_node lexical_node;
struct lexical_node {
    lexical_node_kind kind;
    bool any;
    uint32_t clause;             /* index into the query's clauses */
    const uint64_t *const *rows; /* [segment]: rows that meet it; NULL = none */
    const lexical_node *parts;   /* of NOT (one), AND, OR */
    size_t n_parts;
};

/* Deepest tree. */
#define LEXICAL_TREE_DEPTH 160
/* Words of a query over all clauses; further ones are left out. */
#define LEXICAL_WORDS_MAX 4096
/* Patterns (WILDCARD, FUZZY, REGEX) of one query; those in phrases and NEAR are counted by themselves. */
#define LEXICAL_PATTERNS_MAX 32
/* Patterns of one PHRASE or NEAR; further ones are read as words. One stands for its 64 most frequent
 * terms, two for 8 each, three for 4: each choice is a phrase of its own, of which the best scores,
 * and none more than that of the most frequent terms. */
#define LEXICAL_PHRASE_PATTERNS 3

typedef struct lexical_clause lexical_clause;
struct lexical_clause {
    lexical_occur occur;
    lexical_kind kind;
    uint32_t field_mask; /* 1u << LEXICAL_TITLE | ...; 0 = all fields */
    const char *text;    /* UTF-8 */
    size_t len;
    float boost; /* factor on this clause's scores; 0 means 1 */
    uint32_t slop;
    unsigned edits;
    /* Of NEAR: WORDS, PHRASE or WILDCARD with text and len. Of a PHRASE that holds patterns: its pieces in
     * order, WORDS and WILDCARD, and `text` is for reading alone. */
    const lexical_clause *parts;
    size_t n_parts;
    const lexical_node *tree;
};

typedef struct lexical_query {
    const lexical_clause *clauses;
    size_t n;
    const char *lang_hint; /* language of the question if known, "" or NULL if not */
} lexical_query;

typedef struct lexical_segment lexical_segment;

typedef struct lexical_statistics {
    double rows;                  /* N */
    double total[LEXICAL_FIELDS]; /* words in each field over all rows */
    cairn_status (*rows_of)(void *ctx, const char *term, size_t len, uint64_t *rows, cairn_error *err); /* n of a term */
    void *ctx;
} lexical_statistics;

typedef struct lexical_params {
    float k1;                     /* default 1.2 */
    float b[LEXICAL_FIELDS];      /* 0 .. 1; default 0.75, path 0 */
    float weight[LEXICAL_FIELDS]; /* default: title 1.5, path 0.1, headings 1, body 1 */
    bool keep_stop_words;         /* default false: function words of a question don't score */
    const stop_list *stop_words;  /* of one's own, beside the built-in ones; NULL: none. Borrowed */
    const synonyms *synonyms;     /* applied to WORDS clauses; NULL: none. Borrowed */
    /* Compounds of German and Dutch words beside the words, and their parts beside compounds, in
     * clauses that SHOULD hold (compound.h); default false. */
    bool compounds;
    /* lexical_highlight alone: whose words tell what is a compound; NULL: none is marked. Borrowed. */
    const lexical_segment *known;
    size_t n_known;
    /* Of a collection whose segments are not here (outline.h): its languages, most rows first, and whether a
     * term is in it (NULL: none is). */
    const char *const *languages;
    size_t n_languages;
    cairn_status (*is_known)(void *ctx, const char *term, size_t len, bool *known, cairn_error *err);
    void *is_known_ctx;
    /* Of a collection of which the segments hold a part: its numbers instead of theirs; NULL: theirs. */
    const struct lexical_statistics *statistics;
    float proximity;              /* bonus for words that stand close together; 0: none (default) */
    size_t proximity_depth;       /* of the best rows, how many get it; default 20 */
} lexical_params;

void lexical_params_default(lexical_params *p);

struct lexical_segment {
    const lexical_reader *reader;
    const uint64_t *deleted; /* NULL = none */
    const uint64_t *allowed; /* NULL = all */
};

typedef struct lexical_hit {
    uint32_t segment; /* index into the segments given */
    uint32_t row;
    float score;
} lexical_hit;

/* The best k rows by falling score, ties by (segment, row). hits[k]; *n_hits <= k. A query without
 * a positive word or a tree finds nothing; rows that a tree allows and no word scores come last,
 * with score 0. The analyzer may be NULL: one is made for the call (10 us; 250 us
 * when ICU is needed). params NULL = defaults. */
cairn_status lexical_search(analyzer *a, const lexical_segment *segments, size_t n,
                            const lexical_query *query, const lexical_params *params, size_t k,
                            lexical_hit *hits, size_t *n_hits, cairn_error *err);
/* The same answer by the plainest means, for tests. */
cairn_status lexical_search_exhaustive(analyzer *a, const lexical_segment *segments, size_t n,
                                       const lexical_query *query, const lexical_params *params,
                                       size_t k, lexical_hit *hits, size_t *n_hits,
                                       cairn_error *err);

/* Which rows satisfy the query's conditions (MUST, MUST_NOT, trees), whatever they score: rows[i], of
 * row_set_words(rows of segment i), gets those that are also live and allowed. */
cairn_status lexical_match(analyzer *a, const lexical_segment *segments, size_t n,
                           const lexical_query *query, const lexical_params *params,
                           uint64_t *const *rows, cairn_error *err);

/* ---- why ---- */

/* What one word, phrase or pattern of the query gave a row. */
typedef struct lexical_reason {
    const char *name; /* dictionary terms, or the pattern */
    uint64_t rows;    /* that hold it; of a phrase: its rarest word */
    float idf, boost;
    float tf;                    /* weighted over the fields */
    uint32_t in[LEXICAL_FIELDS]; /* occurrences by field; of a pattern all 0 */
    float score;
} lexical_reason;

typedef struct lexical_reasons {
    lexical_reason *at; /* those that scored */
    size_t n;
    float nearness; /* what words close together added */
} lexical_reasons;

typedef struct lexical_spelling {
    const char *name;
    uint64_t rows;
    unsigned edits;
} lexical_spelling;

typedef struct lexical_pattern {
    const char *name;
    size_t words, left_out; /* terms it stands for; terms beyond the bound */
    uint64_t rows;          /* that hold any */
    const char *problem;    /* why it stands for none, or NULL */
    lexical_spelling *shown; /* the best of its terms */
    size_t n_shown;
} lexical_pattern;

typedef struct lexical_explanation {
    lexical_pattern *patterns;
    size_t n_patterns;
    lexical_reasons *reasons; /* one a hit */
} lexical_explanation;

/* How the hits of a search (their scores included) came about; into `memory`. */
cairn_status lexical_explain(analyzer *a, const lexical_segment *segments, size_t n,
                             const lexical_query *query, const lexical_params *params,
                             const lexical_hit *hits, size_t n_hits, arena *memory,
                             lexical_explanation *out, cairn_error *err);

typedef struct lexical_range {
    size_t start, end; /* bytes of the text */
} lexical_range;

/* Byte ranges of the words of `text` that the query's positive clauses look for, in order, without
 * overlap; neighbours of a phrase stay apart. *n <= max. `lang` is the text's language. Stop words
 * are marked only inside a whole phrase; synonyms and compounds (of params, NULL: none) and what a pattern
 * accepts are marked like words. */
cairn_status lexical_highlight(analyzer *a, const lexical_query *query,
                               const lexical_params *params, const char *lang, const char *text,
                               size_t len, lexical_range *ranges, size_t max, size_t *n,
                               cairn_error *err);

#endif
