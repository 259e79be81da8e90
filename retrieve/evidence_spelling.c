/* evidence_spelling.c - words of a question that are written one letter wrong.
 *
 * "Zeria" of a passage's "Zeira", "Shelly" of "Shelley": as a name that no document has, such a word would count
 * against every answer. It is read as the passage's word when it stands in no passage as it is, is long
 * enough, begins with the same letter, and one letter more, less, other or two changed about makes it that word
 * (Damerau, 1964). Nothing with a digit is ever taken for another: P-7 is not P-8. */
#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "retrieve/evidence_reading.h"

#define LEAST_LETTERS 5
#define MOST_LETTERS  40

typedef struct letters {
    uint32_t at[MOST_LETTERS];
    size_t n;
} letters;

/* False for what is no word to be misspelt. */
static bool spell(const char *text, uint32_t start, uint32_t end, letters *out)
{
    char form[ANALYZER_FORM_MAX];
    size_t len;

    if (end - start < LEAST_LETTERS || end - start >= ANALYZER_FORM_MAX / 4)
        return false;
    for (uint32_t i = start; i < end; i++)
        if (isdigit((unsigned char)text[i]))
            return false;
    len = analyzer_form(text + start, end - start, form);
    out->n = 0;
    for (size_t i = 0; i < len;) {
        if (out->n == MOST_LETTERS)
            return false;
        i += utf8_decode(form + i, len - i, &out->at[out->n++], NULL);
    }
    return out->n >= LEAST_LETTERS;
}

/* Whether one edit, behind the first letter, makes the one word the other. */
static bool one_edit(const letters *a, const letters *b)
{
    const letters *s = a->n <= b->n ? a : b, *l = s == a ? b : a;
    size_t i = 0, skip_s, skip_l;

    if (l->n - s->n > 1)
        return false;
    while (i < s->n && s->at[i] == l->at[i])
        i++;
    if (!i)
        return false;
    skip_l = i + 1;
    skip_s = l->n > s->n ? i : i + 1;
    if (l->n == s->n && i + 1 < s->n && s->at[i] == l->at[i + 1] && s->at[i + 1] == l->at[i])
        skip_l = skip_s = i + 2;
    if (skip_s > s->n)
        return false; /* the same word */
    return l->n - skip_l == s->n - skip_s &&
           !memcmp(l->at + skip_l, s->at + skip_s, (l->n - skip_l) * sizeof *l->at);
}

static bool stands_somewhere(const reading *all, size_t n, size_t word)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].held[word])
            return true;
    return false;
}

/* Take the first term of the passage that is written nearly so for the word. */
static void take_nearest(const letters *want, reading *r, size_t word)
{
    letters is;

    for (size_t j = 0; j < r->terms.n && !r->held[word]; j++) {
        const text_term *t = &r->terms.at[j];
        if (t->weight > 0 && spell(r->p->text.text, t->start, t->end, &is) && one_edit(want, &is)) {
            r->keys[word] = t->key;
            r->held[word] = true;
        }
    }
}

void evidence_read_misspelt(const asked *q, reading *all, size_t n)
{
    letters want;

    for (size_t w = 0; w < q->n; w++) {
        if (!spell(q->text, q->words[w].start, q->words[w].end, &want) || stands_somewhere(all, n, w))
            continue;
        for (size_t i = 0; i < n; i++)
            take_nearest(&want, &all[i], w);
    }
}
