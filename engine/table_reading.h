/* table_reading.h - the inside of table_solve.c: a question's words and a table's columns, as they are compared. */
#ifndef CAIRN_ENGINE_TABLE_READING_H
#define CAIRN_ENGINE_TABLE_READING_H

#include "base/bytes.h"
#include "engine/table_question.h"
#include "engine/table_speech.h"
#include "engine/table_words.h"

#define WORDS_MAX   48
#define COLUMNS_MAX 40
#define LANGUAGES   4

/* A date as one number: no two days are the same, and a month or a year by itself stands before its days. */
#define DATE_MONTH 32.0
#define DATE_YEAR  (13 * DATE_MONTH)

/* How a word of the question is accounted for. */
enum { BY_NOTHING, BY_TITLE, BY_KIND, BY_CELL, BY_NAME };

typedef struct word {
    char form[64];
    uint64_t key[LANGUAGES];
    size_t start, end;
    bool content;  /* it says something of the table */
    bool denies, separates, digits, capital;
    double bound;  /* the number behind "more than"; NAN: none */
    int bound_way; /* 1: more, 2: at least, -1: less, -2: at most */
    table_kind kind;
    bool taken;    /* part of a date */
    size_t blanks; /* between groups of digits: "10 000" */
    bool phrase;   /* part of a run of words that the title has, too: "price list" */
    int by;
} word;

typedef struct column {
    word names[8];
    size_t n_names;
    size_t filled, numbers, dates, answers; /* cells that are something; numbers; dates; yes or no */
    double *value;                          /* [rows] NAN: none */
    table_kind kind;
    const char *unit; /* of its name, or that all cells have; NULL: none */
    double *from, *to; /* [rows] of cells that are months, quarters or halves of a year: its days; NULL: they are none */
    bool in_years;     /* ... and name the year, too */
    bool order_unsure; /* 05/02/2026: of May or of February? */
    bool mixed;       /* cells of several units, that are not added up */
} column;

typedef struct solving {
    analyzer *an;
    const table_grid *g;
    arena *memory;
    const char *langs[LANGUAGES]; /* the last: the question's, "en" where it is not known */
    const char *question;
    word words[WORDS_MAX];
    size_t n;
    column *columns;
    bool *keep;  /* [rows] */
    bool *total; /* [rows] rows of sums, never kept */
    size_t totals;
    size_t rows, kept;
    table_operation does;
    table_kind kind; /* of the word of degree */
    bool whole;
    size_t target, label; /* columns; SIZE_MAX: none */
    size_t factor;        /* the column of quantities that prices are multiplied with */
    size_t group;         /* rows are taken together by what they have in this column */
    bool few;             /* the first few rows were asked for: those that the answer names */
    bool bounded;         /* rows are kept by numbers */
    bool dated;           /* rows are kept by dates that the question names */
    size_t rank;          /* "the second largest": 2 */
    bool stated_so;       /* ... by what it says is so, not by what is not */
    bool denied_cell;     /* rows with some words were left out */
    bool stated;          /* rows are kept by what a column says is so, or is not */
    size_t unsaid;        /* ... and so many rows say nothing */
    bool flows;           /* "how much revenue": a sum that the question does not call so */
    bool all_told;        /* every word of the question has to be accounted for */
    bool label_named;     /* "which supplier" */
    const char *unit;            /* that the question asks for how many of; NULL: none */
    bool unclear;                /* two columns suit the question alike */
    bool filtered[COLUMNS_MAX];
    bytes where;
    cairn_error *err;
} solving;

/* The words of the question, and the bounds among them. */
cairn_status table_read_question(solving *s);
/* The next word of a text at *at; false: there is none, or *st. Its stems are read where `keys`. */
bool table_next_word(solving *s, const char *text, size_t len, size_t *at, bool keys, word *w, cairn_status *st);
/* Words of one root, "supplied" and "supplier". */
bool table_akin(const char *a, const char *b);
/* Does a text have the word? *exact: as it is written. */
bool table_text_has(solving *s, const char *text, const word *w, bool *exact, cairn_status *st);

/* Name, kind and values of a column. */
cairn_status table_read_column(solving *s, size_t k);
bool table_names(const column *c, const word *w);        /* the column's name has the word */
bool table_is_measure(const column *c);                  /* numbers, or dates */
bool table_says_yes_or_no(const column *c);
/* ... or at least half of them do, and the others are no numbers: "yes", "no", "half". */
bool table_says_yes_or_so(const column *c);
/* table_states.c. A cell that says yes (1) or no (0); -1: another. */
int table_cell_answers(const char *cell);
/* A word for what has been done: "cancelled", "bezahlt", "rendu", "devuelto"; not "arrives". */
bool table_is_participle(const char *form);
/* Does column k tell of each row whether something is so? */
bool table_is_state(const solving *s, size_t k);
/* "Unpaid" of a column "Paid". */
bool table_names_undone(const column *c, const word *w);
/* Keep the rows of which column k says that it is so, or is not; false: there are none. */
bool table_keep_state(solving *s, size_t k, bool yes);
bool table_read_value(solving *s, const char *cell, bool grouped, double *out, bool *date);
void table_read_unit(solving *s, size_t k);
/* Rows that hold the sums of others: found once the columns are read, and not kept. */
cairn_status table_find_totals(solving *s);
bool table_is_total(const solving *s, size_t row);
/* A number that comes of column k, with its unit; SIZE_MAX: of none. */
cairn_status table_put_number(const solving *s, size_t k, double x, bytes *out);
/* Numbers that name rows and measure nothing: "order_id". */
bool table_is_identifier(const solving *s, size_t k);

/* A date that the question names, at bytes [start, end) of it; 0: not said. Spans have a last day, too. */
typedef struct named_date {
    size_t start, end;
    int year, month, day;
    int year_to, month_to, day_to;
} named_date;

/* table_calendar.c. The month that a word names; 0: none. */
int table_month_of(arena *memory, const char *form);
/* Cells that are months or quarters. */
cairn_status table_read_periods(solving *s, size_t k);
void table_order_dates(solving *s, size_t k);
/* "second quarter", "Q2", "02/2026" at word i: how many words it takes; 0: none. */
size_t table_named_span(const solving *s, size_t i, named_date *out);
/* "this year", "l'année dernière" at word i. */
size_t table_relative_date(const solving *s, size_t i, named_date *out);
/* A day since 1970-01-01 as the number that dates are read as. */
double table_day_value(int64_t day);
void table_blank_dates(char *question, int64_t today);
/* Keep the rows of the dates that the question names. */
cairn_status table_apply_dates(solving *s);

/* How many different texts column k has in the rows that are kept; *filled: rows with one. */
size_t table_distinct(const solving *s, size_t k, size_t *filled);
/* Does a text of column k stand in rows that are kept and in others? */
bool table_is_of_both(const solving *s, size_t k);
/* Has column k the same text in several rows? */
bool table_has_repeats(const solving *s, size_t k);
/* "Per category": the column; SIZE_MAX: none. */
size_t table_group_column(solving *s);
/* The word that is counted: the first that says something behind "how many"; NULL: none. */
word *table_counted(solving *s);
/* The column of numbers of things that the question names beside what it counts: "caught", "sold in
 * Q2"; SIZE_MAX: none. s->unclear where two suit alike. */
size_t table_counted_in(solving *s, const word *what);
/* What a row adds to a sum; NAN: nothing. */
double table_row_value(const solving *s, size_t row);
/* Answers out of the rows that are kept; `text` stays empty where the numbers bear none. First the
 * sum, or the mean where that is asked for. */
cairn_status table_answer_sum(solving *s, table_result *out, bytes *text);
cairn_status table_answer_count(solving *s, table_result *out, bytes *text);
/* The row or the rows with the most, or the least. */
cairn_status table_answer_extreme(solving *s, table_result *out, bytes *text);
/* How far two rows lie apart. */
cairn_status table_answer_difference(solving *s, table_result *out, bytes *text);
/* What the rows that are kept are of all that the question leaves but for what it names in one column ("the share of Denmark"). */
cairn_status table_answer_share(solving *s, table_result *out, bytes *text);
/* The first row that the question names, in times the second. */
cairn_status table_answer_ratio(solving *s, table_result *out, bytes *text);
/* What was done, as JSON: operation, column, unit, conditions, rows. */
cairn_status table_write_call(const solving *s, table_result *out);
/* How many rows "the three largest" asks for; 1 where it says none. */
size_t table_rows_wanted(const solving *s);
/* Rows in short, as the answer names them. */
cairn_status table_put_row(const solving *s, size_t row, bool value, table_result *out, bytes *text);
cairn_status table_answer_groups(solving *s, table_result *out, bytes *text);

/* table_rows.c: keep the rows that the question's words stand in. *open: a "not" that belongs to nothing. */
cairn_status table_read_rows(solving *s, bool *open);
/* A condition for the call, as printf with two texts. */
cairn_status table_say_where(solving *s, const char *fmt, const char *a, const char *b);
/* Is word i a number behind the name of a column: "group 1"? */
bool table_is_numbered(const solving *s, size_t i);

/* table_list.c: may the names of the rows that are kept be listed, or what they come to be told? */
bool table_list_is_clear(const solving *s);
bool table_flow_is_clear(const solving *s);
/* "What revenue did the South make": a sum, and no list. */
void table_read_flow(solving *s);
/* The column whose cells are listed; SIZE_MAX: none. */
size_t table_list_label(const solving *s);
cairn_status table_answer_list(solving *s, table_result *out, bytes *text);
cairn_status table_say_unsaid(const solving *s, bytes *text);

/* table_rank.c: the words of s->rank say nothing of the table. */
void table_mark_rank(solving *s);
/* The number at a place from the most, or the least; NAN: none, or two share a place above. */
double table_ranked(const double *value, const bool *keep, size_t rows, size_t rank, bool most);

/* table_scope.c: does the question say something that changes what its conditions mean? */
bool table_says_more(const solving *s);

/* table_strict.c: does the first column number the rows ("order": 1, 2, 3), whatever it is called? */
bool table_numbers_rows(const solving *s, size_t k);
/* Is nothing of the question left over, and is what it counts what a row is? */
bool table_taken_whole(solving *s, table_result *out, cairn_status *st);
/* Does a sentence of s->g->prose say what the question asks for? `does`: what it asked to be done. */
cairn_status table_told_beside(solving *s, table_operation does, bool *told);

const char *table_cell(const solving *s, size_t row, size_t col); /* "" where it is empty */
/* The question's language, and a phrase in it. */
const char *table_lang(const solving *s);
const char *table_say(const solving *s, table_phrase what);
/* " (sum of Amount": what a figure is, with an open bracket. */
cairn_status table_say_figure(const solving *s, table_phrase of, bytes *text);

#endif
