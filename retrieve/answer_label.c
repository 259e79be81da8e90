/* answer_label.c - see answer_label.h. */
#include "retrieve/answer_label.h"

#include <string.h>
#include <strings.h>

#include "retrieve/terms.h"
#include "retrieve/word_byte.h"

#define NOUNS_MAX    2  /* words behind "which" of which one may be the noun: "which blue box" */
#define LABELS_MAX   64 /* of a sentence */
#define DIGITS_MAX   5
#define LETTERS_MAX  3  /* before digits: "AB12" */
#define ROMAN_MAX    5
#define NEAR         8.0 /* bytes: nearer than this is not told apart */
#define PART         24.0 /* so much further away is what stands in another part of the sentence */
#define LEAST_AHEAD  1.15 /* the best label's words stand so much nearer than the next one's */

static bool is_one_of(const char *s, size_t len, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == len && !strncasecmp(s, *words, len))
            return true;
    return false;
}

/* "which", where it stands before a noun. */
static bool asks_which(const char *s, size_t len)
{
    static const char *const words[] = {"which",  "what",   "welche", "welcher", "welches", "welchem", "welchen", "quel", "quelle", "qu\xC3\xA9",
                                        "quale",  "qual",   "welk",   "welke",   "vilken",  "vilket",  "hvilken", "hvilket", NULL};

    return is_one_of(s, len, words);
}

/* ---- labels ---- */

/* Between the noun and its sign: "Box No. 7". Returns where the sign may begin. */
static size_t behind_number_word(const char *s, size_t len, size_t at)
{
    static const char *const words[] = {"no.",  "no", "nr.", "nr", "nr\xC2\xBA", "number", "nummer", "numero", "n\xC3\xBAmero", "num\xC3\xA9ro",
                                        "n\xC2\xB0", "n\xC2\xBA", "n\xC2\xB0.", "n.\xC2\xBA", "#"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]), end = at + n;
        if (end >= len || strncasecmp(s + at, words[i], n) != 0)
            continue;
        if (s[end] == ' ')
            return end + 1;
        if (!is_word_byte(s[end]) || s[end - 1] == '#' || (unsigned char)s[end - 1] >= 0x80)
            return end;
        if (s[end - 1] == '.')
            return end;
    }
    return at;
}

static size_t run_of(const char *s, size_t len, size_t at, size_t most, bool (*is)(char))
{
    size_t n = 0;

    while (n <= most && at + n < len && is(s[at + n]))
        n++;
    return n <= most ? n : 0;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool roman(char c)
{
    return c == 'I' || c == 'V' || c == 'X';
}

static bool ends_word(const char *s, size_t len, size_t at)
{
    return at >= len || !is_word_byte(s[at]);
}

/* Bytes of a sign at s[at]: "7", "12b", "B", "C4", "A-12", "IV"; 0: none. */
static size_t sign_len(const char *s, size_t len, size_t at)
{
    size_t letters = run_of(s, len, at, LETTERS_MAX, capital), end = at + letters, digits;

    if (letters && end < len && s[end] == '-')
        end++;
    digits = run_of(s, len, end, DIGITS_MAX, digit);
    if (digits) {
        end += digits;
        if (end < len && ((s[end] >= 'a' && s[end] <= 'z') || capital(s[end])))
            end++; /* "12b" */
        if (end + 1 < len && (s[end] == '.' || s[end] == ',' || s[end] == ':') && digit(s[end + 1]))
            return 0; /* "1.5", "14:30" */
        return ends_word(s, len, end) && !(end < len && (s[end] == '%' || s[end] == '\'')) ? end - at : 0;
    }
    if (letters == 1 && ends_word(s, len, at + 1) && !(s[at] == 'I' && at + 2 < len && s[at + 1] == ' ' && s[at + 2] >= 'a') &&
        !(at + 2 < len && (s[at + 1] == '.' || s[at + 1] == '\'') && is_word_byte(s[at + 2])))
        return 1;
    letters = run_of(s, len, at, ROMAN_MAX, roman);
    return letters && ends_word(s, len, at + letters) && letters > 1 ? letters : 0;
}

/* "1 to 40", "3-5": several of them, or how many. */
static bool opens_range(const char *s, size_t len, size_t at)
{
    static const char *const to[] = {"-", "\xE2\x80\x93", " - ", " \xE2\x80\x93 ", " to ", " bis ", " a ", " \xC3\xA0 ", " and ", " und ", " et ", " y "};

    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        size_t n = strlen(to[i]);
        if (at + n < len && !memcmp(s + at, to[i], n) && digit(s[at + n]))
            return true;
    }
    return false;
}

/* The label whose noun is the word at [start, end). */
static bool label_at(const char *s, size_t len, size_t start, size_t end, answer_label *out)
{
    size_t at, n;

    if (end + 1 >= len || (s[end] != ' ' && s[end] != '-'))
        return false;
    at = behind_number_word(s, len, end + 1);
    n = sign_len(s, len, at);
    *out = (answer_label){{start, at + n}, {at, at + n}};
    return n > 0 && !opens_range(s, len, at + n);
}

/* ---- whose words are whose ---- */

/* A clause ends between [from, to): what stands beyond says nothing of the label. */
static bool clause_ends(const char *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (s[i] == ';' || s[i] == '\n' || ((s[i] == '.' || s[i] == '!' || s[i] == '?') && i + 2 < to && s[i + 1] == ' ' && is_latin_capital(s + i + 2, to - i - 2)))
            return true;
    return false;
}

/* "Box 7: slides", "Box 7 - slides", "Box 7 = slides", "Box 7 (slides)": what follows is what is in it. */
static bool opens_list(const char *s, size_t len, size_t at)
{
    if (at < len && s[at] == ' ')
        at++;
    if (at < len && (unsigned char)s[at] == 0xC2 && at + 1 < len && (unsigned char)s[at + 1] == 0xA0)
        at += 2;
    if (at + 2 < len && (unsigned char)s[at] == 0xE2 && (unsigned char)s[at + 1] == 0x80 &&
        ((unsigned char)s[at + 2] == 0x93 || (unsigned char)s[at + 2] == 0x94))
        return true;
    return at < len && (s[at] == ':' || s[at] == '=' || s[at] == '(' || (s[at] == '-' && at + 1 < len && s[at + 1] == ' '));
}

/* Does another part of the sentence begin between [from, to)? What stands beyond is rather of the next label. */
static bool part_ends(const char *s, size_t from, size_t to)
{
    static const char *const joins[] = {", ", " and ", " und ", " et ", " y ", " e ", " en ", " och ", " og ", " but ", " aber ", " mais ", " pero "};

    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++)
        if (memmem(s + from, to - from, joins[i], strlen(joins[i])))
            return true;
    return false;
}

typedef struct labels {
    answer_label at[LABELS_MAX];
    size_t n;
} labels;

/* How near the word [start, end) stands to a label that it may belong to; 0: to another one. */
static double nearness(const labels *all, size_t i, const char *s, size_t len, size_t start, size_t end)
{
    const text_span w = all->at[i].whole;
    const bool behind = start >= w.end;
    const size_t from = behind ? w.end : end, to = behind ? start : w.start;

    if (start < w.end && end > w.start)
        return 0;
    for (size_t k = 0; k < all->n; k++)
        if (k != i && all->at[k].whole.start >= from && all->at[k].whole.end <= to)
            return 0;
    if (!behind && (opens_list(s, len, w.end) || clause_ends(s, from, to + (to < len))))
        return 0;
    if (!behind && i && opens_list(s, len, all->at[i - 1].whole.end) && all->at[i - 1].whole.end <= start)
        return 0; /* of the list before */
    if (behind && clause_ends(s, from, end))
        return 0;
    return 1.0 / (NEAR + (double)(to - from) + (part_ends(s, from, to) && !(behind && opens_list(s, len, w.end)) ? PART : 0));
}

/* The label that the word stands nearest to, and how near, wherever it stands in the text; false where it is as near to another
 * one: "room 6 ..., room 9 ..." of patients who are seen in both. */
static bool nearest(const labels *all, uint64_t key, const term_list *terms, const char *text, size_t len, size_t *label, double *near)
{
    double next = 0;

    *near = 0;
    for (size_t i = 0; i < all->n; i++) {
        double most = 0;
        for (size_t w = 0; w < terms->n; w++) {
            double x = terms->at[w].key == key ? nearness(all, i, text, len, terms->at[w].start, terms->at[w].end) : 0;
            most = x > most ? x : most;
        }
        if (most > *near) {
            next = *near;
            *near = most;
            *label = i;
        } else if (most > next) {
            next = most;
        }
    }
    return *near > next * LEAST_AHEAD;
}

/* Of the labels of this noun in the text the one that the question's words stand with. */
static bool choose(const term_list *question, uint64_t noun, const term_list *terms, const char *text, size_t len, answer_label *out)
{
    labels all = {.n = 0};
    double sum[LABELS_MAX] = {0}, near, next = 0;
    size_t best = 0, label = 0;

    for (size_t i = 0; i < terms->n && all.n < LABELS_MAX; i++)
        if (terms->at[i].key == noun && label_at(text, len, terms->at[i].start, terms->at[i].end, &all.at[all.n]))
            all.n++;
    for (size_t i = 0; i < question->n; i++)
        if (question->at[i].weight > 0 && question->at[i].key != noun && nearest(&all, question->at[i].key, terms, text, len, &label, &near))
            sum[label] += near;
    for (size_t i = 1; i < all.n; i++)
        best = sum[i] > sum[best] ? i : best;
    for (size_t i = 0; i < all.n; i++)
        next = i != best && sum[i] > next ? sum[i] : next;
    if (all.n)
        *out = all.at[best];
    return sum[best] > next * LEAST_AHEAD;
}

/* Index of the first word behind "which"; terms->n: none. A question that names a label itself asks for something else. */
static size_t behind_which(const term_list *terms, const char *question, size_t len)
{
    size_t at = 0;
    answer_label own;

    while (at < terms->n && !asks_which(question + terms->at[at].start, terms->at[at].end - terms->at[at].start))
        at++;
    at++;
    for (size_t i = at; i < terms->n && i < at + NOUNS_MAX; i++)
        if (label_at(question, len, terms->at[i].start, terms->at[i].end, &own))
            return terms->n;
    return at < terms->n ? at : terms->n;
}

bool answer_label_find(analyzer *an, const char *question, const char *lang, const char *text, size_t len, answer_label *out)
{
    const size_t asked_len = strlen(question);
    const char *of = terms_language(lang, NULL, text, len);
    term_list asked = {0}, terms = {0};
    size_t at;
    bool found = false;

    if (!terms_read(an, of, question, asked_len, &asked, NULL) && (at = behind_which(&asked, question, asked_len)) < asked.n &&
        !terms_read(an, of, text, len, &terms, NULL))
        for (size_t i = at; i < asked.n && i < at + NOUNS_MAX && !found && asked.at[i].weight > 0; i++)
            found = choose(&asked, asked.at[i].key, &terms, text, len, out);
    term_list_clear(&asked);
    term_list_clear(&terms);
    return found;
}

/* ---- rows of tables ---- */

#define CELL_WORDS 3 /* of a column's name */

/* The cell of this number, without the blanks around it. */
static bool cell_at(const char *s, size_t len, size_t number, text_span *out)
{
    size_t start = 0, end;

    for (;; number--) {
        const char *bar = memchr(s + start, '|', len - start);
        end = bar ? (size_t)(bar - s) : len;
        if (!number || !bar)
            break;
        start = end + 1;
    }
    while (start < end && (s[start] == ' ' || s[start] == '\n'))
        start++;
    while (end > start && (s[end - 1] == ' ' || s[end - 1] == '\n'))
        end--;
    *out = (text_span){start, end};
    return !number;
}

/* The only column with the noun in a short name; false: none, or several. */
static bool column_of(const term_list *names, const char *head, size_t len, uint64_t noun, size_t *column)
{
    size_t found = 0;
    text_span cell;

    for (size_t i = 0; cell_at(head, len, i, &cell); i++) {
        bool has = false;
        size_t words = 0;
        for (size_t w = 0; w < names->n; w++) {
            const bool in = names->at[w].start >= cell.start && names->at[w].end <= cell.end;
            words += in;
            has |= in && names->at[w].key == noun;
        }
        if (has && words <= CELL_WORDS) {
            found++;
            *column = i;
        }
    }
    return found == 1;
}

/* Is the cell a sign, or the noun and one? */
static bool is_label_cell(const term_list *terms, uint64_t noun, const char *row, size_t len, text_span cell, answer_label *out)
{
    const size_t n = cell.start < cell.end ? sign_len(row, len, cell.start) : 0;

    *out = (answer_label){cell, cell};
    if (n && cell.start + n == cell.end)
        return true;
    for (size_t i = 0; i < terms->n; i++)
        if (terms->at[i].start == cell.start && terms->at[i].key == noun)
            return label_at(row, len, cell.start, terms->at[i].end, out) && out->whole.end == cell.end;
    return false;
}

bool answer_label_in_row(analyzer *an, const char *question, const char *lang, const char *head, size_t head_len, const char *row,
                         size_t row_len, answer_label *out)
{
    const size_t asked_len = strlen(question);
    const char *of = terms_language(lang, NULL, row, row_len);
    term_list asked = {0}, names = {0}, terms = {0};
    size_t at, column;
    text_span cell;
    bool found = false;

    if (!terms_read(an, of, question, asked_len, &asked, NULL) && (at = behind_which(&asked, question, asked_len)) < asked.n &&
        !terms_read(an, of, head, head_len, &names, NULL) && !terms_read(an, of, row, row_len, &terms, NULL))
        for (size_t i = at; i < asked.n && i < at + NOUNS_MAX && !found && asked.at[i].weight > 0; i++) {
            const uint64_t noun = asked.at[i].key;
            bool told = false; /* of what is asked about, beside the cell */
            if (!column_of(&names, head, head_len, noun, &column) || !cell_at(row, row_len, column, &cell) ||
                !is_label_cell(&terms, noun, row, row_len, cell, out))
                continue;
            for (size_t w = 0; w < terms.n; w++)
                for (size_t k = 0; k < asked.n; k++)
                    told |= asked.at[k].weight > 0 && asked.at[k].key == terms.at[w].key && terms.at[w].key != noun &&
                            (terms.at[w].end <= cell.start || terms.at[w].start >= cell.end);
            found = told;
        }
    term_list_clear(&asked);
    term_list_clear(&names);
    term_list_clear(&terms);
    return found;
}

bool answer_label_is_in(const char *text, size_t len, const char *sign, size_t sign_len)
{
    for (size_t i = 0; i + sign_len <= len; i++)
        if (!strncasecmp(text + i, sign, sign_len) && (!i || !is_word_byte(text[i - 1])) && ends_word(text, len, i + sign_len))
            return true;
    return false;
}
