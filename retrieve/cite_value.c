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

/* The next word of a question from *at on, in small letters; *from: where it begins. Of Spanish signs before it nothing. */
static bool next_word(const char *question, size_t *at, size_t *from, char out[WORD_BYTES])
{
    while (question[*at]) {
        size_t n = 0;
        if (!strncmp(question + *at, "\xC2\xBF", 2) || !strncmp(question + *at, "\xC2\xA1", 2)) {
            *at += 2;
            continue;
        }
        while (is_word_byte(question[*at + n]))
            n++;
        *from = *at;
        *at += n ? n : 1;
        if (n && n < WORD_BYTES) {
            utf8_fold_latin(question + *from, n, out);
            return true;
        }
    }
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

    for (size_t at = 0, from; next_word(question, &at, &from, word);) {
        if (word_list_has(words, word, strlen(word)))
            return true;
        for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
            if (!strncmp(word, begins[i], strlen(begins[i])))
                return true;
    }
    return false;
}

/* "What is the number of the stand?", "Which room is it?": what is told so has no unit. */
static bool asks_for_label(const char *question)
{
    static const char *const numbers = " number no nummer nr número num numéro nº numero номер ";
    static const char *const which = " which welche welcher welches welchem welchen qué cuál quel quelle quale qual какой какая ";
    char word[WORD_BYTES];

    for (size_t at = 0, from; next_word(question, &at, &from, word);)
        if (word_list_has(numbers, word, strlen(word)) || word_list_has(which, word, strlen(word)))
            return true;
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
    for (size_t at = 0, start; next_word(question, &at, &start, word);) {
        char before[WORD_BYTES];
        if ((n > 3 ? !strncmp(word, unit, strlen(unit)) : !strcmp(word, unit)) &&
            (!per || word_list_has(PER_WORDS, before, word_before(question, start, before))))
            return true;
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

/* The word behind "how many", in small letters without its ending; "" where the question counts nothing so. */
static void counted_word(const char *question, char out[WORD_BYTES])
{
    static const char *const many = " many viele vielen wieviele cuántos cuántas combien quanti quante quantos quantas hoeveel ";
    char word[WORD_BYTES];
    bool next = false;

    *out = '\0';
    for (size_t at = 0, from; next_word(question, &at, &from, word);) {
        if (next && !word_list_has(" de d of von ", word, strlen(word))) {
            strcpy(out, word);
            if (strlen(out) > 3)
                out[strlen(out) - 1] = '\0';
            return;
        }
        next |= word_list_has(many, word, strlen(word));
    }
}

/* The one word that an item of a list counts, "carrots" of "3 carrots, ...": behind it the item ends. */
static bool item_word(const valued *v, size_t i, size_t len, char out[WORD_BYTES])
{
    const quantity *q = &v->at[i];
    size_t from = q->end, to, rest;
    char behind[WORD_BYTES];

    if (q->kind != QUANTITY_NUMBER || q->unit || from >= len || v->text[from] != ' ')
        return false;
    for (to = ++from; to < len && is_word_byte(v->text[to]);)
        to++;
    if (to - from < 3 || to - from >= WORD_BYTES)
        return false;
    utf8_fold_latin(v->text + from, to - from, out);
    if (to == len || strchr(",;.\n)", v->text[to]))
        return true;
    for (from = rest = to + 1; rest < len && is_word_byte(v->text[rest]);)
        rest++;
    if (v->text[to] != ' ' || rest - from >= WORD_BYTES)
        return false;
    utf8_fold_latin(v->text + from, rest - from, behind);
    return word_list_has(" and und y e et ", behind, strlen(behind));
}

/* "3" of "2 onions, 3 carrots" where onions are counted: each item of the list says of what it is the number. */
static bool counts_another(const quantity *want, const valued *v, size_t i, size_t len, const char *counted)
{
    char word[WORD_BYTES];
    bool other = false;

    if (!*counted || !item_word(v, i, len, word) || !strncmp(word, counted, strlen(counted)))
        return false;
    for (size_t k = 0; k < v->n; k++)
        if (item_word(v, k, len, word) && !strncmp(word, counted, strlen(counted))) {
            if (quantity_equal(want, &v->at[k]) || (k && is_range(v, k - 1)))
                return false;
            other = true;
        }
    return other;
}

/* The clause around a place: no ";" and no end of a sentence in it. */
static text_span clause_of(const char *text, size_t len, size_t at)
{
    text_span c = {at, at};

    while (c.start && text[c.start - 1] != ';' && text[c.start - 1] != '\n' && !(text[c.start - 1] == ' ' && c.start > 1 && strchr(".!?", text[c.start - 2])))
        c.start--;
    while (c.end < len && text[c.end] != ';' && text[c.end] != '\n' && !(strchr(".!?", text[c.end]) && (c.end + 1 == len || text[c.end + 1] == ' ')))
        c.end++;
    return c;
}

/* How many words of the question that tell something stand in the clause, or begin alike; *all: of how many. */
static size_t told_in(const char *question, const char *text, text_span clause, size_t *all)
{
    static const char *const plain = " how many much are is was were be been have has had do does did the of in on at for to with there and or so far wie viele vielen viel "
                                     "ist sind war waren hat haben hatte der die das den dem des im am zu von mit für es und combien de d des les le la il y a ont est sont été "
                                     "cuántos cuántas hay son se ha han sido el los las en con ";
    char word[WORD_BYTES], there[WORD_BYTES];
    size_t n = 0;

    *all = 0;
    for (size_t at = 0, from; next_word(question, &at, &from, word);) {
        bool found = false;
        size_t len = strlen(word);
        if (word_list_has(plain, word, len))
            continue;
        len -= len > 4;
        for (size_t i = clause.start; !found && i < clause.end;) {
            size_t start = i;
            while (i < clause.end && is_word_byte(text[i]))
                i++;
            if (i - start >= len && i - start < WORD_BYTES) {
                utf8_fold_latin(text + start, i - start, there);
                found = !strncmp(there, word, len);
            }
            i += i == start;
        }
        n += found;
        ++*all;
    }
    return n;
}

/* "12" of "32 helpers have signed up; 12 more are needed" where those are counted that have signed up: the clause of the
 * number of helpers says all that is asked, and that of the other one nothing. */
static bool counts_elsewhere(const quantity *want, const valued *v, size_t i, size_t len, const char *counted, const char *question)
{
    text_span own = clause_of(v->text, len, v->at[i].start);
    char word[WORD_BYTES];
    size_t all;

    if (!*counted || v->at[i].kind != QUANTITY_NUMBER || told_in(question, v->text, own, &all) || all < 2)
        return false;
    for (size_t k = 0; k < v->n; k++) {
        const quantity *q = &v->at[k];
        size_t from = q->end, to;
        if (q->kind != QUANTITY_NUMBER || quantity_equal(want, q) || (q->start >= own.start && q->start < own.end) || from >= len || v->text[from] != ' ')
            continue;
        for (to = ++from; to < len && is_word_byte(v->text[to]);)
            to++;
        if (to - from >= WORD_BYTES)
            continue;
        utf8_fold_latin(v->text + from, to - from, word);
        if (!strncmp(word, counted, strlen(counted)) && told_in(question, v->text, clause_of(v->text, len, q->start), &all) == all)
            return true;
    }
    return false;
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

/* The end of a code, digits and letters ("21C"), that begins at text[at]; 0: none. */
static size_t code_at(const char *text, size_t len, size_t at)
{
    size_t end = at;
    bool digit = false, letter = false;

    while (end < len && is_word_byte(text[end])) {
        digit |= text[end] >= '0' && text[end] <= '9';
        letter |= (text[end] >= 'A' && text[end] <= 'Z');
        end++;
    }
    return digit && letter && end - at <= 6 && (!at || !is_word_byte(text[at - 1])) ? end : 0;
}

/* "21F" of "21C to 21F": one end of a run of codes that are as long. */
static bool cuts_run_of_codes(const char *claim, size_t claim_len, const char *text, size_t len)
{
    static const char *const joins[] = {" to ", "-", " - ", "\xE2\x80\x93", " \xE2\x80\x93 ", " bis ", " a ", " \xC3\xA0 ", " hasta "};

    for (size_t at = 0; at < len; at++) {
        size_t end = code_at(text, len, at);
        for (size_t k = 0; end && k < sizeof joins / sizeof *joins; k++) {
            size_t n = strlen(joins[k]), other = end + n, stop = other < len && !memcmp(text + end, joins[k], n) ? code_at(text, len, other) : 0;
            bool first, second;
            if (!stop || stop - other != end - at)
                continue;
            first = memmem(claim, claim_len, text + at, end - at) != NULL;
            second = memmem(claim, claim_len, text + other, stop - other) != NULL;
            if (first != second)
                return true;
        }
    }
    return false;
}

bool cite_cuts_value(const char *claim, size_t claim_len, const char *text, size_t len, const char *question, answer_type type,
                     unsigned units, arena *memory)
{
    char counted[WORD_BYTES];
    quantity *said, *there;
    valued c = {.text = claim}, v = {.text = text};

    if (quantities_find(claim, claim_len, memory, &said, &c.n, NULL) || quantities_find(text, len, memory, &there, &v.n, NULL))
        return false;
    c.at = said;
    v.at = there;
    counted_word(type == ANSWER_COUNT ? question : "", counted);
    if (!asks_for_end(question) && cuts_run_of_codes(claim, claim_len, text, len))
        return true;
    for (size_t i = 0; i < c.n; i++) {
        bool piece = false, whole = false;
        for (size_t j = 0; j < v.n; j++) {
            bool cut = quantity_equal(&said[i], &there[j]) && (is_piece(&said[i], &c, &v, j, question, type, units) ||
                                                               counts_another(&said[i], &v, j, len, counted) ||
                                                               counts_elsewhere(&said[i], &v, j, len, counted, question));
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
