/* quantity.h - the numbers, amounts, times and dates in a text, as values that can be compared.
 *
 *   1,200 euros   EUR 1.200,00   1'200 €      one amount: 1200 of EUR
 *   31 March 2027   31.03.2027   2027-03-31   one date (also with the months of de, es, fr, it, pt, nl, ru)
 *   four   vier   cuatro   quatre   四票      4
 *   1.2 million   45 %   14:30   2027年3月31日   halb neun
 *
 * A number that can be read in two ways (1.200: English 1.2, German 1200) has two values. A unit is
 * known only from the table in quantity_words.c; months and days of other languages stay plain numbers.
 * A time that does not say whether it is before noon ("halb neun") has two values, too.
 *
 * Owns     an array in the caller's arena. Any thread. */
#ifndef CAIRN_RETRIEVE_QUANTITY_H
#define CAIRN_RETRIEVE_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

typedef enum quantity_kind { QUANTITY_NUMBER, QUANTITY_DATE, QUANTITY_TIME } quantity_kind;

/* Kinds of unit: what a question of a type is answered with. */
typedef enum unit_class {
    UNIT_NONE,
    UNIT_MONEY,
    UNIT_SHARE,  /* per cent */
    UNIT_SPAN,   /* of time */
    UNIT_LENGTH,
    UNIT_AREA,
    UNIT_VOLUME,
    UNIT_MASS,
    UNIT_OTHER /* torque, temperature, power, data, ... */
} unit_class;

typedef struct quantity {
    quantity_kind kind;
    size_t start, end;  /* bytes of the text, the unit included */
    double value[2];    /* of a number: both readings, equal where there is one; of a time: minutes */
    uint16_t unit;      /* 0: none; equal for equal units, whatever the language */
    unit_class class;
    int year, month, day; /* of a date; 0: not said */
    bool day_or_month;    /* 03/04/2027: month and day may be the other way round */
    bool word;            /* written as a word */
    bool year_like;       /* a bare number from 1000 to 2199: may be a year */
    bool item;            /* the number of a list's item, "4." where a line begins: how many of anything it does not say */
} quantity;

cairn_status quantities_find(const char *text, size_t len, arena *a, quantity **out, size_t *n,
                             cairn_error *err);

/* Whether `have` says what `want` says: the same value and no other unit, one with a unit by no item's number; a date with at least the
 * parts that are wanted; for a bare year also a date of that year. */
bool quantity_equal(const quantity *want, const quantity *have);

/* Which of two is the less: *order < 0 the first, > 0 the second, 0 neither. Units of one kind are converted (0.5 km and
 * 600 m). False where that is not known: another kind, another currency, a number that can be read in two ways which do
 * not agree, a date of which one says no more than the other's year, a year against a day in it. */
bool quantity_compare(const quantity *x, const quantity *y, int *order);

#endif
