/* table_question.h - a question that a table answers by counting, adding up or comparing, by rules and without a model.
 *
 * "How many suppliers come from Germany?", "What do all parts cost together?", "Which tool was bought last?": the words of the
 * question are matched with the names of columns, with cells and with the title; what they leave is counted, added
 * up, averaged, or searched for its largest or smallest value. Numbers are read with their units and currencies. It
 * answers only when every name and number of the question is found in the table and most of its other words; else the
 * question is someone else's.
 *
 * Owns     results live in the caller's arena.
 * Errors   CAIRN_ENOMEM; a question that no table answers is no error. */
#ifndef CAIRN_ENGINE_TABLE_QUESTION_H
#define CAIRN_ENGINE_TABLE_QUESTION_H

#include "base/arena.h"
#include "engine/engine.h"
#include "index/text/analyzer.h"

typedef struct table_grid {
    const char *title;           /* of the document, its headings and its file's name, for words of the question */
    const char *lang;            /* of the document; "" or NULL: not known */
    const char *const *columns;  /* [n_columns] names */
    const char *const *cells;    /* [n_rows * n_columns]; NULL: empty */
    size_t n_columns, n_rows;
    /* Where the question was not asked of tables: it is answered only where nothing of it is left over (table_strict.c). */
    bool strict;
    int64_t today; /* days since 1970-01-01, for "this year"; 0: not known */
    const char *heads;        /* what the rows may be called by: title, heading, the file's name, a line each */
    const char *const *prose; /* [n_prose] passages that go before the table where a sentence of theirs says it */
    size_t n_prose;
} table_grid;

typedef struct table_result {
    const char *text; /* the answer; NULL: this table does not answer the question */
    const char *call; /* what was done, as JSON: operation, column, rows */
    double cover;     /* the share of the question's words that the table has */
    bool is_number;
    double number;
    size_t rows[5], n_rows; /* of the grid, that the answer names */
    bool figure; /* the text begins with the number */
    bool own; /* strict: the question names what a row is, not only a column */
} table_result;

/* One table. */
cairn_status table_solve(analyzer *an, const char *question, const table_grid *grid, arena *memory, table_result *out,
                         cairn_error *err);

#define TABLE_ANSWERS_MAX 3 /* tables that suit a plain question alike, and say different things */

typedef struct table_answer {
    table_result result; /* result.text NULL: no table answers */
    const char *table;   /* "t1" */
    const char *name;    /* of the table among others: the title of its document, its file's name, or what stands above it */
    cairn_citation source;
} table_answer;

/* The tables of the documents that a search for the question finds. */
cairn_status table_question(cairn *c, const cairn_ask_request *request, arena *memory, table_answer *out, cairn_error *err);

/* A plain question, asked on a day: strictly, and of the tables of the first documents among `hits`. Tables that suit it alike and say
 * different things each answer: out[TABLE_ANSWERS_MAX], *n of them; where there are more, none. */
cairn_status table_question_plain(cairn *c, const char *question, int64_t today, const cairn_search_result *hits, arena *memory, table_answer *out,
                                  size_t *n, cairn_error *err);

#endif
