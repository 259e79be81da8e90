/* evidence_spelling.c - words of a question that are written one letter wrong.
 *
 * "Zeria" of a passage's "Zeira", "Shelly" of "Shelley": as a name that no document has, such a word would count
 * against every answer. It is read as the passage's word when it stands in no passage as it is, is long
 * enough, begins with the same letter, and one letter more, less, other or two changed about makes it that word
 * (Damerau, 1964). Nothing with a digit is ever taken for another: P-7 is not P-8.
 *
 * A word that stands somewhere in small letters, or is shorter, is read so, too, where it is one of a name of four words and more
 * that a passage has with this letter changed, and none has as it is asked: "The Mark of Anarchy" of "The Mask of Anarchy". "Joan
 * Baker" is not John, nor the Republic of Iran that of Iraq. */
#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "retrieve/evidence_reading.h"
#include "retrieve/word_byte.h"

#define LEAST_LETTERS 5
#define MOST_LETTERS  40
#define RUN_LETTERS   4  /* of a word among others that are right */
#define RUN_WORDS     3  /* beside it, that are */

typedef struct letters {
    uint32_t at[MOST_LETTERS];
    size_t n;
} letters;

/* False for what is no word to be misspelt. */
static bool spell(const char *text, uint32_t start, uint32_t end, size_t least, letters *out)
{
    char form[ANALYZER_FORM_MAX];
    size_t len;

    if (end - start < least || end - start >= ANALYZER_FORM_MAX / 4)
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
    return out->n >= least;
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
        if (t->weight > 0 && spell(r->p->text.text, t->start, t->end, LEAST_LETTERS, &is) && one_edit(want, &is)) {
            r->keys[word] = t->key;
            r->held[word] = true;
        }
    }
}

/* ---- one word of a longer name ---- */

/* The next word of text[0, len) from `at`, behind nothing but blanks and quotation marks; empty: something else is there. */
static text_span next_word(const char *text, size_t len, size_t at)
{
    text_span w;

    while (at < len && strchr(" \n\"'*_", text[at]))
        at++;
    for (w = (text_span){at, at}; w.end < len && is_word_byte(text[w.end]);)
        w.end++;
    return w;
}

static text_span word_before(const char *text, size_t at)
{
    text_span w;

    while (at && strchr(" \n\"'*_", text[at - 1]))
        at--;
    for (w = (text_span){at, at}; w.start && is_word_byte(text[w.start - 1]);)
        w.start--;
    return w;
}

static bool same_word(const char *a, text_span at_a, const char *b, text_span at_b)
{
    char x[ANALYZER_FORM_MAX], y[ANALYZER_FORM_MAX];
    size_t n = at_a.end - at_a.start, m = at_b.end - at_b.start, len;

    if (!n || !m || n >= ANALYZER_FORM_MAX / 4 || m >= ANALYZER_FORM_MAX / 4)
        return false;
    len = analyzer_form(a + at_a.start, n, x);
    return len == analyzer_form(b + at_b.start, m, y) && !memcmp(x, y, len);
}

static bool is_large(const asked *q, text_span w)
{
    return is_capital(q->text + w.start, q->len - w.start);
}

static bool is_content(const asked *q, text_span w)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->words[i].start == w.start)
            return true;
    return false;
}

/* How many words beside the asked one and beside the text's term are the same, without a gap, up to the last one with a capital on either
 * side; 0 where none of these is of the question's content. */
static size_t words_beside(const asked *q, const asked_word *word, const char *text, size_t len, const text_term *t)
{
    size_t all = 0;
    bool content = false;

    for (int back = 0; back < 2; back++) {
        text_span mine = {word->start, word->end}, theirs = {t->start, t->end};
        for (size_t n = 1;; n++) {
            mine = back ? word_before(q->text, mine.start) : next_word(q->text, q->len, mine.end);
            theirs = back ? word_before(text, theirs.start) : next_word(text, len, theirs.end);
            if (!same_word(q->text, mine, text, theirs))
                break;
            if (!is_large(q, mine))
                continue;
            all += n;
            n = 0;
            content |= is_content(q, mine);
        }
    }
    return content ? all : 0;
}

/* Is it known by itself as a name, or as one with these words? */
static bool is_known_so(const asked *q, const reading *all, size_t n, size_t word)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < all[i].terms.n; j++)
            if (all[i].terms.at[j].key == all[i].keys[word] && all[i].terms.at[j].capital)
                return true;
    return false;
}

static void take_in_name(const asked *q, const letters *want, reading *r, size_t word)
{
    letters is;

    for (size_t j = 0; j < r->terms.n; j++) {
        const text_term *t = &r->terms.at[j];
        if (t->weight > 0 && t->capital && spell(r->p->text.text, t->start, t->end, RUN_LETTERS, &is) && one_edit(want, &is) &&
            words_beside(q, &q->words[word], r->p->text.text, r->p->text.len, t) >= RUN_WORDS) {
            r->keys[word] = t->key;
            r->held[word] = true;
            return;
        }
    }
}

void evidence_read_misspelt(const asked *q, reading *all, size_t n)
{
    letters want;

    for (size_t w = 0; w < q->n; w++) {
        const asked_word *word = &q->words[w];
        if (spell(q->text, word->start, word->end, LEAST_LETTERS, &want) && !stands_somewhere(all, n, w)) {
            for (size_t i = 0; i < n; i++)
                take_nearest(&want, &all[i], w);
        } else if (is_capital(q->text + word->start, q->len - word->start) &&
                   spell(q->text, word->start, word->end, RUN_LETTERS, &want) && !is_known_so(q, all, n, w)) {
            for (size_t i = 0; i < n; i++)
                take_in_name(q, &want, &all[i], w);
        }
    }
}
