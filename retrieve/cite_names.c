/* cite_names.c - see cite_names.h. */
#include "retrieve/cite_names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "retrieve/word_byte.h"

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

/* ---- who does it ---- */

#define CLAIM_WORDS 6
#define VERB_BYTES  32

/* The verb of "who feeds ...", without its ending; false: none that tells. */
static bool verb_of_who(const char *question, char out[VERB_BYTES])
{
    static const char *const no_sign[] = {"is", "are", "was", "were", "be", "do", "does", "did", "has", "have", "had", "can", "could", "will", "would",
                                          "shall", "should", "may", "might", "must", "else", "said", "says", "asked", "asks", "replied", "added",
                                          "wrote", "writes", "sings", "sang", "comes", "came", "goes", "went", "follows", "followed", "lives", "lived"};
    const char *at = question + strspn(question, " \t\n");
    size_t n;

    if (strncasecmp(at, "who ", 4) != 0)
        return false;
    at += 4 + strspn(at + 4, " ");
    n = strspn(at, "abcdefghijklmnopqrstuvwxyz");
    if (n < 3 || n >= VERB_BYTES || (at[n] && at[n] != ' '))
        return false;
    for (size_t i = 0; i < sizeof no_sign / sizeof *no_sign; i++)
        if (strlen(no_sign[i]) == n && !memcmp(at, no_sign[i], n))
            return false;
    n -= n > 5 ? 2 : n > 3 && at[n - 1] == 's';
    memcpy(out, at, n);
    out[n] = '\0';
    return true;
}

/* Where the word before place `at` begins, articles left out; `at` itself where there is none beside it. */
static size_t word_before_name(const char *text, size_t at)
{
    for (;;) {
        size_t end = at, start;
        while (end && text[end - 1] == ' ')
            end--;
        if (end == at)
            return at;
        for (start = end; start && is_word_byte(text[start - 1]);)
            start--;
        if (start == end)
            return at;
        if ((end - start == 3 && !strncasecmp(text + start, "the", 3)) || (end - start == 1 && text[start] == 'a')) {
            at = start;
            continue;
        }
        return start;
    }
}

bool cite_is_object(const char *question, const char *claim, size_t claim_len, const char *text, size_t len)
{
    char verb[VERB_BYTES];
    size_t words = 1, seen = 0;

    while (claim_len && strchr(" .\n", claim[claim_len - 1]))
        claim_len--;
    for (size_t i = 0; i < claim_len; i++)
        words += claim[i] == ' ';
    if (!claim_len || words > CLAIM_WORDS || !verb_of_who(question, verb))
        return false;
    for (size_t at = 0; at + claim_len <= len; at++) {
        size_t before;
        if (strncasecmp(text + at, claim, claim_len) != 0 || (at && is_word_byte(text[at - 1])) ||
            (at + claim_len < len && is_word_byte(text[at + claim_len])))
            continue;
        before = word_before_name(text, at);
        if (before == at || strncasecmp(text + before, verb, strlen(verb)) != 0)
            return false;
        seen++;
    }
    return seen > 0;
}
