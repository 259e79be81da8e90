/* cite_value.c - see cite_value.h. */
#include "retrieve/cite_value.h"

#include <string.h>

#include "base/utf8.h"
#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define GAP_BYTES  16 /* between the two ends of a range */
#define WORD_BYTES 32
#define MEASURES   (~(1u << UNIT_NONE))

/* A text with its quantities. */
typedef struct valued {
    const char *text;
    const quantity *at;
    size_t n;
} valued;

/* What stands between two quantities, in small letters and without the blanks around it; false: too much. */
static bool between(const valued *v, size_t i, char out[GAP_BYTES])
{
    size_t from = v->at[i].end, to = v->at[i + 1].start;

    while (from < to && (v->text[from] == ' ' || v->text[from] == '\n'))
        from++;
    while (to > from && (v->text[to - 1] == ' ' || v->text[to - 1] == '\n'))
        to--;
    if (to < from || to - from >= GAP_BYTES)
        return false;
    utf8_fold_latin(v->text + from, to - from, out);
    return true;
}

/* The word before text[at], in small letters. */
static size_t word_before(const char *text, size_t at, char out[WORD_BYTES])
{
    size_t from;

    while (at && text[at - 1] == ' ')
        at--;
    for (from = at; from && is_word_byte(text[from - 1]) && at - from < WORD_BYTES - 1;)
        from--;
    utf8_fold_latin(text + from, at - from, out);
    return strlen(out);
}

static bool is_plain(const quantity *q)
{
    return q->kind == QUANTITY_NUMBER && !q->year_like && q->class != UNIT_MONEY;
}

/* "4 minutes 12 seconds", "3 kg 200 g", "2 Jahre und 6 Monate". */
static bool is_compound(const valued *v, size_t i)
{
    const quantity *a = &v->at[i], *b = a + 1;
    char gap[GAP_BYTES];

    return a->kind == QUANTITY_NUMBER && b->kind == QUANTITY_NUMBER && a->unit && b->unit && a->unit != b->unit &&
           a->class == b->class && a->class != UNIT_MONEY && a->class != UNIT_SHARE && a->class != UNIT_OTHER &&
           between(v, i, gap) && (!*gap || word_list_has(" and und y e et i и ", gap, strlen(gap)));
}

/* "75 to 85", "12-18", "between 8 and 10", "de 10 a 15"; of "fell from 21.4 to 16.8" either end may be meant. */
static bool is_range(const valued *v, size_t i)
{
    const quantity *a = &v->at[i], *b = a + 1;
    char gap[GAP_BYTES], before[WORD_BYTES];
    size_t n;
    bool both;

    if (!is_plain(a) || !is_plain(b) || a->value[0] >= b->value[0] || (a->class && b->class && a->class != b->class) ||
        !between(v, i, gap))
        return false;
    n = word_before(v->text, a->start, before);
    both = word_list_has(" between zwischen entre tra fra между ", before, n);
    return word_list_has(" or oder o ou или ", gap, strlen(gap)) ||
           (both && word_list_has(" and und y e et и ", gap, strlen(gap))) ||
           (!word_list_has(" from ", before, n) && word_list_has(" to - \u2013 \u2014 bis a à до ~ 至 到 ", gap, strlen(gap)));
}

static bool has(const quantity *want, const valued *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (quantity_equal(want, &v->at[i]))
            return true;
    return false;
}

/* Does the question ask for one end of a range? */
static bool asks_for_end(const char *question)
{
    static const char *const words = " most least max min limit end ends start starts begin begins until up from ab bis plus moins desde "
                                     "hasta más menos по до от ";
    static const char *const begins[] = {"highe", "lowe", "large", "smalle", "longe", "shorte", "upper", "earl", "latest", "maxim", "minim", "older",
                                         "oldest", "young", "höchst", "mindest", "längst", "kürzest", "größt", "kleinst", "spätest", "frühest",
                                         "ältest", "jüngst", "máxim", "mínim", "макс", "мин", "наиб", "наим"};
    char word[WORD_BYTES];

    for (size_t at = 0; question[at];) {
        size_t n = 0;
        while (is_word_byte(question[at + n]))
            n++;
        if (n && n < WORD_BYTES) {
            utf8_fold_latin(question + at, n, word);
            if (word_list_has(words, word, n))
                return true;
            for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
                if (!strncmp(word, begins[i], strlen(begins[i])))
                    return true;
        }
        at += n ? n : 1;
    }
    return false;
}

/* "What is the number of the stand?", "Which room is it?": what is told so has no unit. */
static bool asks_for_label(const char *question)
{
    static const char *const numbers = " number no nummer nr número num numéro nº numero номер ";
    static const char *const which = " which welche welcher welches welchem welchen qué cuál quel quelle quale qual какой какая ";
    char word[WORD_BYTES];

    for (size_t at = 0; question[at];) {
        size_t n = 0;
        while (is_word_byte(question[at + n]))
            n++;
        if (n && n < WORD_BYTES) {
            utf8_fold_latin(question + at, n, word);
            if (word_list_has(numbers, word, strlen(word)) || word_list_has(which, word, strlen(word)))
                return true;
        }
        at += n ? n : 1;
    }
    return false;
}

/* Before a unit, it says what something is for: "per litre". */
#define PER_WORDS " per pro por par je за на each every jede jeden jedes cada chaque a an "

/* Does the question have the unit, or the beginning of its word? `per`: behind a word that says what something is for. */
static bool names_unit(const char *question, const char *text, const quantity *q, bool per)
{
    size_t from = q->start, n = 0;
    char unit[WORD_BYTES], word[WORD_BYTES];

    while (from < q->end && !is_word_byte(text[from]))
        from++;
    while (from < q->end && ((text[from] >= '0' && text[from] <= '9') || strchr(".,' ", text[from])))
        from++;
    if (q->word) { /* "one litre" */
        while (from < q->end && is_word_byte(text[from]))
            from++;
        while (from < q->end && !is_word_byte(text[from]))
            from++;
    }
    while (from + n < q->end && is_word_byte(text[from + n]))
        n++;
    if (!n || n >= WORD_BYTES)
        return false;
    utf8_fold_latin(text + from, n, unit);
    if (n > 3)
        unit[n - 1] = '\0'; /* an ending */
    for (size_t at = 0; question[at];) {
        size_t len = 0;
        while (is_word_byte(question[at + len]))
            len++;
        if (len && len < WORD_BYTES) {
            char before[WORD_BYTES];
            utf8_fold_latin(question + at, len, word);
            if ((n > 3 ? !strncmp(word, unit, strlen(unit)) : !strcmp(word, unit)) &&
                (!per || word_list_has(PER_WORDS, before, word_before(question, at, before))))
                return true;
        }
        at += len ? len : 1;
    }
    return false;
}

/* A bare number that the text has with a unit, where the question asks for no measure. */
static bool lost_unit(const quantity *want, const valued *v, size_t i, const char *question, answer_type type, unsigned units)
{
    const quantity *q = &v->at[i];

    if (want->kind != QUANTITY_NUMBER || want->unit || q->kind != QUANTITY_NUMBER || !q->unit || q->class == UNIT_SHARE)
        return false;
    if (type == ANSWER_MEASURE || type == ANSWER_MONEY || type == ANSWER_SHARE || units & MEASURES ||
        names_unit(question, v->text, q, false))
        return false;
    return type == ANSWER_COUNT || asks_for_label(question);
}

/* Is this place of the text a piece of a value whose rest the claim has not? */
static bool is_piece(const quantity *want, const valued *claim, const valued *v, size_t i, const char *question, answer_type type,
                     unsigned units)
{
    if (lost_unit(want, v, i, question, type, units))
        return true;
    for (size_t first = i ? i - 1 : i; first <= i && first + 1 < v->n; first++) {
        const quantity *other = &v->at[first == i ? i + 1 : first];
        if (!has(other, claim) && (is_compound(v, first) || (is_range(v, first) && !asks_for_end(question))))
            return true;
    }
    return false;
}

bool cite_cuts_value(const char *claim, size_t claim_len, const char *text, size_t len, const char *question, answer_type type,
                     unsigned units, arena *memory)
{
    quantity *said, *there;
    valued c = {.text = claim}, v = {.text = text};

    if (quantities_find(claim, claim_len, memory, &said, &c.n, NULL) || quantities_find(text, len, memory, &there, &v.n, NULL))
        return false;
    c.at = said;
    v.at = there;
    for (size_t i = 0; i < c.n; i++) {
        bool piece = false, whole = false;
        for (size_t j = 0; j < v.n; j++) {
            bool cut = quantity_equal(&said[i], &there[j]) && is_piece(&said[i], &c, &v, j, question, type, units);
            piece |= cut;
            whole |= !cut && quantity_equal(&said[i], &there[j]);
        }
        if (piece && !whole)
            return true;
    }
    return false;
}

text_span cite_whole_value(const char *text, size_t len, text_span piece, const char *question, arena *memory)
{
    quantity *there;
    valued v = {.text = text};
    bool end = asks_for_end(question);
    size_t first, last;

    if (quantities_find(text, len, memory, &there, &v.n, NULL))
        return piece;
    v.at = there;
    for (first = 0; first < v.n && (there[first].start < piece.start || there[first].end > piece.end);)
        first++;
    if (first == v.n)
        return piece;
    for (last = first; last + 1 < v.n && (is_compound(&v, last) || (!end && is_range(&v, last)));)
        last++;
    while (first && (is_compound(&v, first - 1) || (!end && is_range(&v, first - 1))))
        first--;
    if (there[first].start < piece.start)
        piece.start = there[first].start;
    if (there[last].end > piece.end)
        piece.end = there[last].end;
    return piece;
}

bool cite_is_per_unit(const char *text, size_t len, text_span piece, const char *question, arena *memory)
{
    quantity *there;
    size_t n;

    if (quantities_find(text, len, memory, &there, &n, NULL))
        return false;
    for (size_t i = 0; i < n; i++)
        if (there[i].start >= piece.start && there[i].end <= piece.end)
            return there[i].kind == QUANTITY_NUMBER && there[i].unit && there[i].value[0] > 0.99 && there[i].value[0] < 1.01 && names_unit(question, text, &there[i], true);
    return false;
}
