/* cite_names.c - see cite_names.h. */
#include "retrieve/cite_names.h"

#include <ctype.h>

#include "base/utf8.h"

#define LETTERS_MAX  40
#define LETTERS_MIN  5 /* shorter words are alike by chance */
#define LONG_LETTERS 9 /* in a word as long as this two letters may differ */
#define ENDING       2 /* letters at the end in which forms of one word differ */

typedef struct letters {
    uint32_t at[LETTERS_MAX];
    size_t n;
} letters;

/* The letters of a word, small and without what German vowels carry: its plural is the same word. */
static letters read_letters(const char *s, size_t len)
{
    letters l = {.n = 0};

    for (size_t i = 0; i < len && l.n < LETTERS_MAX;) {
        uint32_t cp;
        i += utf8_decode(s + i, len - i, &cp, NULL);
        if (cp < 0x80)
            cp = (uint32_t)tolower((int)cp);
        else if (cp >= 0xC0 && cp <= 0xDE)
            cp += 0x20;
        cp = cp == 0xE4 ? 'a' : cp == 0xF6 ? 'o' : cp == 0xFC ? 'u' : cp;
        l.at[l.n++] = cp;
    }
    return l;
}

/* Letters to put in, take out or exchange (Levenshtein), at most `most` + 1. */
static size_t distance(const letters *a, const letters *b, size_t most)
{
    size_t row[LETTERS_MAX + 1];

    if ((a->n > b->n ? a->n - b->n : b->n - a->n) > most)
        return most + 1;
    for (size_t j = 0; j <= b->n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a->n; i++) {
        size_t before = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b->n; j++) {
            size_t here = before + (a->at[i - 1] != b->at[j - 1]);
            before = row[j];
            if (row[j] + 1 < here)
                here = row[j] + 1;
            if (row[j - 1] + 1 < here)
                here = row[j - 1] + 1;
            row[j] = here;
        }
    }
    return row[b->n] > most ? most + 1 : row[b->n];
}

static bool is_misspelt(const char *a, size_t a_len, const char *b, size_t b_len)
{
    letters x = read_letters(a, a_len), y = read_letters(b, b_len);
    size_t less = x.n < y.n ? x.n : y.n, same = 0;
    size_t most = less >= LONG_LETTERS ? 2 : 1;

    if (less < LETTERS_MIN)
        return false;
    while (same < less && x.at[same] == y.at[same])
        same++;
    return same + ENDING < less && distance(&x, &y, most) <= most;
}

/* The word with a capital right behind a term, or right in front of it; NULL: none. A comma and a
 * blank may lie between ("Adler, Eva"). */
static const text_term *beside(const cite_named *in, const text_term *t, bool behind)
{
    const text_term *best = NULL;

    for (size_t i = 0; i < in->n; i++) {
        const text_term *u = &in->terms[i];
        size_t from = behind ? t->end : u->end, to = behind ? u->start : t->start;
        if (!u->capital || to <= from || to - from > 2)
            continue;
        if (in->text[to - 1] == ' ' && (to - from == 1 || in->text[from] == ','))
            best = u;
    }
    return best;
}

static bool begins(const cite_named *claim, const text_term *t)
{
    for (size_t i = 0; i < t->start; i++)
        if (isalnum((unsigned char)claim->text[i]) || (unsigned char)claim->text[i] >= 0x80)
            return false;
    return true;
}

/* Does the passage have another word where the claim has this one, beside the same word? Words that
 * the claim has, too, are none: names in another order. */
static bool is_exchanged(const cite_named *claim, const text_term *missing, const cite_named *passage)
{
    for (int behind = 0; behind < 2; behind++) {
        const text_term *with = beside(claim, missing, behind);
        for (size_t i = 0; with && i < passage->n; i++) {
            if (passage->terms[i].key != with->key || !passage->terms[i].capital)
                continue;
            const text_term *other = beside(passage, &passage->terms[i], !behind);
            if (other && !terms_have(claim->terms, claim->n, other->key))
                return true;
        }
    }
    return false;
}

bool cite_is_other_name(const cite_named *claim, const text_term *missing, const cite_named *passage,
                        bool german)
{
    const char *word = claim->text + missing->start;
    size_t len = missing->end - missing->start;

    for (size_t i = 0; i < passage->n; i++) {
        const text_term *t = &passage->terms[i];
        if (t->capital && !terms_have(claim->terms, claim->n, t->key) &&
            is_misspelt(word, len, passage->text + t->start, t->end - t->start))
            return true;
    }
    if (!german && begins(claim, missing) && beside(claim, missing, true))
        return true;
    return is_exchanged(claim, missing, passage);
}
