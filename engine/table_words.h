/* table_words.h - the words of a question that say what is to be done with a table: add up, average, count, the most, the
 * least, the difference; what kind of column they speak of; and those that say nothing of it. English, German, French,
 * Spanish.
 *
 * Threads  any; no state. */
#ifndef CAIRN_ENGINE_TABLE_WORDS_H
#define CAIRN_ENGINE_TABLE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum table_operation {
    TABLE_NOTHING,
    TABLE_COUNT,
    TABLE_SUM,
    TABLE_MEAN,
    TABLE_MOST,
    TABLE_LEAST,
    TABLE_DIFFERENCE,
    TABLE_SHARE, /* of the rows that are named, in all of them */
    TABLE_RATIO, /* of the first row that is named to the second */
    TABLE_LIST,  /* the rows that meet the conditions */
} table_operation;

/* What a column may hold, so that "cheapest" finds `price_eur` and "Preis" finds "price". */
typedef enum table_kind {
    TABLE_ANY,
    TABLE_PRICE,
    TABLE_WEIGHT,
    TABLE_DATE,
    TABLE_SPAN, /* of time */
    TABLE_LENGTH,
    TABLE_HEAT,
    TABLE_SIZE,
    TABLE_SPEED,
    TABLE_QUANTITY, /* how many of a thing there are */
} table_kind;

/* What the question, in small letters, asks for; *kind: of which kind of column its word of degree speaks; *whole: it asks for a
 * total, too ("how many goals in total"). */
table_operation table_operation_of(const char *question, table_kind *kind, bool *whole);
/* What a question that names no operation asks of a table: a list, or a sum (*flows). table_list.c */
table_operation table_operation_unsaid(const char *question, bool *flows);
/* The place that a question, in small letters, asks for: 2 of "the second largest", which it blanks out; 1: none. table_rank.c */
size_t table_read_rank(char *question);
/* "largest", "höchste", "más". */
bool table_word_is_degree(const char *word);
/* Is a word, in small letters, part of what table_operation_of looks for? */
bool table_word_operates(const char *word);
/* The kind that a word of a question, of a title or of a column's name speaks of. */
table_kind table_kind_of(const char *word);
/* A word that stands in questions of any table: "items", "listed", "list". */
bool table_word_is_generic(const char *word);
/* Is a word, in small letters, in a list between blanks? */
bool table_word_in(const char *list, const char *word);
/* "most", "meisten", "más" by themselves, not "largest". */
bool table_word_is_most(const char *word);
/* A word of a column's name that says that its numbers are sums of their rows already. */
bool table_word_is_whole(const char *word);
/* "not", "nicht", "ne", "no". */
bool table_word_denies(const char *word);
/* "per", "pro", "por", "par" and the like, before what rows are taken together by. */
bool table_word_groups(const char *word);
/* 2 to 20 of "two", "drei", "10"; 0: another word. */
unsigned table_word_number(const char *word);
/* The unit that a word names as it stands in tables: "kg" of "kilos", "\xe2\x82\xac" of "euros"; NULL: none. */
const char *table_word_unit(const char *word);
/* "and", "or", "than" and the like, between things that are named one after the other. */
bool table_word_separates(const char *word);
/* A cell that says yes (1) or no (0); -1: another. In small letters. */
int table_cell_says(const char *cell);

#endif
