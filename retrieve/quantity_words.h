/* quantity_words.h - the words of numbers, months, units and times, as quantity.c reads them.
 *
 * One table a kind for all languages; a word that means something else in another language (Italian "sei", "due") is no number
 * by itself. Chinese numbers, dates and times, which have no blanks around them, are read by quantity_chinese.c, times of the clock
 * in all other languages by quantity_clock.c.
 *
 * Owns     nothing. Any thread. All read s[at, len) and return the end of what they read, or `at`. */
#ifndef CAIRN_RETRIEVE_QUANTITY_WORDS_H
#define CAIRN_RETRIEVE_QUANTITY_WORDS_H

#include "retrieve/quantity.h"

#define QUANTITY_WORD 40 /* bytes of a word that may be known, its end included */

enum {
    U_EUR = 1, U_USD, U_GBP, U_CHF, U_JPY, U_CNY, U_RUB, U_SHARE,
    U_SECOND, U_MINUTE, U_HOUR, U_DAY, U_WEEK, U_MONTH, U_YEAR,
    U_MM, U_CM, U_M, U_KM, U_INCH, U_FOOT, U_MILE, U_UM,
    U_M2, U_KM2, U_HA, U_ACRE, U_L, U_ML, U_M3, U_G, U_KG, U_MG, U_TONNE, U_POUND, U_OUNCE,
    U_NM, U_CELSIUS, U_FAHRENHEIT, U_W, U_KW, U_KWH, U_V, U_A, U_BAR, U_DB, U_HZ, U_MHZ, U_GHZ,
    U_KMH, U_RPM, U_KB, U_MB, U_GB, U_TB, U_POINT, U_FT2, U_MI2,
    U_CENTURY, U_DECADE
};

/* The end of the word that begins at s[at]: letters of ASCII, Latin and Cyrillic. */
size_t quantity_word_end(const char *s, size_t len, size_t at);
/* Small letters; false when it is too long to be known. */
bool quantity_fold(const char *s, size_t len, char out[QUANTITY_WORD]);
size_t quantity_skip_blank(const char *s, size_t len, size_t at);
/* The month named at s[at]; 0: none. */
int quantity_month_at(const char *s, size_t len, size_t at, size_t *end);
/* A folded word that is a number ("vier", "einundzwanzig"), and one that multiplies the number before it. */
bool quantity_numeral(const char *word, double *value);
double quantity_scale_of(const char *word);
/* The unit that begins at s[at], blanks before it allowed; the longest name wins. */
size_t quantity_unit_at(const char *s, size_t len, size_t at, uint16_t *unit, unit_class *class);
/* Where a currency's sign or code right before s[at] begins. */
size_t quantity_currency_before(const char *s, size_t at, uint16_t *unit);
/* Up to `most` digits from s[*at] as a number; false when there is none or one more follows. */
bool quantity_digits(const char *s, size_t len, size_t *at, size_t least, size_t most, int *out);

/* 14:30, 14.30 Uhr, 2 pm, 14 h 30, "ore 20.30", "à 16 heures", "a las 8"; from a digit. */
bool quantity_clock(const char *s, size_t len, size_t at, quantity *q);
/* "halb neun", "half past eight", "las nueve y media", "sette e mezza"; from a letter. */
bool quantity_clock_words(const char *s, size_t len, size_t at, quantity *q);
/* 三十天, 2026 年 3 月 12 日, 二〇二六年, 下午两点半, 百分之十二; from a digit or a Chinese character. */
bool quantity_chinese(const char *s, size_t len, size_t at, quantity *q);

#endif
