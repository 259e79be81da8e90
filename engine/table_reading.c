/* table_reading.c - see table_reading.h. Words are compared by their stems in the document's language, English and German. */
#include "engine/table_reading.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "index/text/stopwords.h"
#include "retrieve/quantity.h"
#include "retrieve/terms.h"
#include "retrieve/word_byte.h"

#define ROOT_BYTES 6

/* ---- words ---- */

static cairn_status read_keys(solving *s, const char *text, size_t len, uint64_t key[LANGUAGES])
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < LANGUAGES && !st; i++) {
        term_list l = {0};
        st = terms_read(s->an, s->langs[i], text, len, &l, s->err);
        key[i] = !st && l.n ? l.at[0].key : 0;
        term_list_clear(&l);
    }
    return st;
}

bool table_next_word(solving *s, const char *text, size_t len, size_t *at, bool keys, word *w, cairn_status *st)
{
    char form[ANALYZER_FORM_MAX];
    size_t n;

    while (*at < len && !is_word_byte(text[*at]))
        ++*at;
    if (*at == len)
        return false;
    *w = (word){.start = *at, .bound = NAN, .digits = true, .capital = isupper((unsigned char)text[*at]) != 0};
    while (*at < len && (is_word_byte(text[*at]) || (strchr(".,'", text[*at]) && *at > w->start && *at + 1 < len &&
                                                  is_word_byte(text[*at - 1]) && isdigit((unsigned char)text[*at + 1]))))
        w->digits &= !isalpha((unsigned char)text[*at]) && (unsigned char)text[*at] < 0x80, ++*at;
    while (w->digits && *at - w->start >= 1 && len - *at >= 4 && text[*at] == ' ' && isdigit((unsigned char)text[*at + 1]) && isdigit((unsigned char)text[*at + 2]) &&
           isdigit((unsigned char)text[*at + 3]) && !(len - *at > 4 && is_word_byte(text[*at + 4])) && *at - w->start <= 3 + 4 * w->blanks &&
           !memchr(text + w->start, '.', *at - w->start) && !memchr(text + w->start, ',', *at - w->start))
        *at += 4, w->blanks++; /* "10 000" */
    w->end = *at;
    n = w->end - w->start < sizeof w->form ? analyzer_form(text + w->start, w->end - w->start, form) : 0;
    if (n >= sizeof w->form)
        n = 0;
    memcpy(w->form, form, n);
    w->form[n] = '\0';
    if (keys && n)
        *st = read_keys(s, text + w->start, w->end - w->start, w->key);
    return !*st;
}

/* The same word? `exact`: as it is written. */
static bool same(const word *a, const word *b, bool *exact)
{
    *exact = *a->form && !strcmp(a->form, b->form);
    for (size_t i = 0; i < LANGUAGES && !*exact && !a->digits; i++)
        if (a->key[i] && a->key[i] == b->key[i])
            return true;
    return *exact;
}

/* A number of the question; NAN where it is none, or can be read in two ways ("1.200") and the document's language does not tell. */
static double number_of(const solving *s, const word *w)
{
    quantity *q;
    size_t n;

    if (!w->digits || quantities_find(s->question + w->start, w->end - w->start, s->memory, &q, &n, NULL) || n != 1 || q[0].kind != QUANTITY_NUMBER)
        return NAN;
    if (q[0].value[0] == q[0].value[1])
        return q[0].value[0];
    if (!strcmp(s->langs[LANGUAGES - 1], "en")) /* "1,000" are groups there, "1.200" may be none */
        return memchr(s->question + w->start, ',', w->end - w->start) ? fmax(q[0].value[0], q[0].value[1]) : NAN;
    return memchr(s->question + w->start, '.', w->end - w->start) ? fmax(q[0].value[0], q[0].value[1]) : NAN;
}

/* Numbers behind "more than" and its like bind to a column. */
static void read_bounds(solving *s)
{
    static const struct {
        const char *one, *two;
        int way;
    } bounds[] = {{"more", "than", 1},    {"greater", "than", 1}, {"over", NULL, 1},      {"above", NULL, 1},    {"mehr", "als", 1},
                  {"über", NULL, 1},      {"at", "least", 2},     {"mindestens", NULL, 2}, {"less", "than", -1},  {"fewer", "than", -1},
                  {"under", NULL, -1},    {"below", NULL, -1},    {"weniger", "als", -1}, {"unter", NULL, -1},   {"at", "most", -2},
                  {"höchstens", NULL, -2}, {"after", NULL, 1},    {"before", NULL, -1},   {"nach", NULL, 1},     {"vor", NULL, -1},
                  {"más", "de", 1},         {"más", "que", 1},      {"menos", "de", -1},    {"menos", "que", -1},  {"al", "menos", 2},
                  {"como", "mínimo", 2},   {"como", "máximo", -2}, {"plus", "de", 1},      {"moins", "de", -1},   {"au", "moins", 2},
                  {"au", "plus", -2},      {"después", "de", 1},   {"antes", "de", -1},    {"après", NULL, 1},    {"avant", NULL, -1},
                  {"exceeding", NULL, 1},  {"zumindest", NULL, 2}, {"maximal", NULL, -2},
                  {"cheaper", "than", -1}, {"heavier", "than", 1}, {"longer", "than", 1},  {"lighter", "than", -1}};

    for (size_t i = 0; i + 1 < s->n; i++)
        for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
            size_t last = i + (bounds[b].two != NULL);
            if (strcmp(s->words[i].form, bounds[b].one) != 0 || last + 1 >= s->n ||
                (bounds[b].two && strcmp(s->words[last].form, bounds[b].two) != 0) || !s->words[last + 1].digits)
                continue;
            s->words[last + 1].bound = number_of(s, &s->words[last + 1]);
            s->words[last + 1].bound_way = bounds[b].way;
            for (size_t k = i; k <= last; k++)
                s->words[k].content = s->words[k].separates = false;
        }
    for (size_t i = 0; i + 3 < s->n; i++) { /* "between 10 and 20" */
        static const char opens[] = " between zwischen entre ", joins[] = " and und y et ";
        double from = number_of(s, &s->words[i + 1]), to = number_of(s, &s->words[i + 3]);
        if (!table_word_in(opens, s->words[i].form) || !table_word_in(joins, s->words[i + 2].form) || isnan(from) || isnan(to))
            continue;
        s->words[i + 1].bound = from;
        s->words[i + 1].bound_way = 2;
        s->words[i + 3].bound = to;
        s->words[i + 3].bound_way = -2;
        s->words[i].content = s->words[i + 2].content = s->words[i + 2].separates = false;
    }
}

/* "IT", "US": names, though small they are words that say nothing. */
static bool is_capitals(const char *text, size_t len)
{
    size_t letters = 0;

    for (size_t i = 0; i < len; i++) {
        if (islower((unsigned char)text[i]) || (unsigned char)text[i] >= 0x80)
            return false;
        letters += isupper((unsigned char)text[i]) != 0;
    }
    return letters > 1;
}

cairn_status table_read_question(solving *s)
{
    size_t at = 0, len = strlen(s->question);
    word w;
    cairn_status st = CAIRN_OK;

    while (s->n < WORDS_MAX && table_next_word(s, s->question, len, &at, true, &w, &st)) {
        w.denies = table_word_denies(w.form);
        if (s->question[w.end] == '\'' && s->question[w.end + 1] == 't' && table_word_in(" haven hasn hadn didn don doesn isn aren wasn weren won ", w.form))
            w.denies = true;
        w.separates = table_word_separates(w.form) || (s->n && memchr(s->question + s->words[s->n - 1].end, ',', w.start - s->words[s->n - 1].end));
        w.kind = table_kind_of(w.form);
        bool name = is_capitals(s->question + w.start, w.end - w.start) && !is_capitals(s->question, len);
        w.content = *w.form && !w.denies && !table_word_separates(w.form) && (name || !table_word_is_generic(w.form)) && !table_word_operates(w.form) &&
                    (w.digits || w.end - w.start > 1) &&
                    (w.kind || name || (!stopwords_has("en", w.form, strlen(w.form)) && !stopwords_has("de", w.form, strlen(w.form)) &&
                                        !stopwords_has(s->langs[LANGUAGES - 1], w.form, strlen(w.form))));
        s->words[s->n++] = w;
    }
    read_bounds(s);
    return st;
}

/* ---- columns ---- */

/* Amounts have two decimals, not three. */
static bool of_money(const solving *s, size_t k)
{
    static const char *const signs[] = {"\xe2\x82\xac", "$", "\xc2\xa3", "EUR", "USD", "GBP", "CHF"};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(s->g->columns[k], signs[i]) || (s->rows && strstr(table_cell(s, 0, k), signs[i])))
            return true;
    return false;
}

/* Are the digits behind a lone point or comma a group of three ("17,895") and no decimals? Other cells of the column tell, else
 * the sign, else the language. */
static bool groups(const solving *s, size_t k, char sign)
{
    bool decimals = false;

    for (size_t r = 0; r < s->rows && !decimals; r++) {
        const char *cell = s->g->cells[r * s->g->n_columns + k], *at = cell ? strrchr(cell, sign) : NULL;
        size_t n = 0;
        while (at && isdigit((unsigned char)at[1 + n]))
            n++;
        decimals = at && at > cell && isdigit((unsigned char)at[-1]) && n && n != 3;
    }
    return !decimals && (sign == ',' || strcmp(s->langs[0], "en") != 0 || strcmp(s->langs[LANGUAGES - 1], "en") != 0 || of_money(s, k));
}

const char *table_cell(const solving *s, size_t row, size_t col)
{
    const char *cell = s->g->cells[row * s->g->n_columns + col];

    return cell ? cell : "";
}

cairn_status table_read_column(solving *s, size_t k)
{
    const char *name = s->g->columns[k];
    char *plain = arena_strdup(s->memory, name);
    column *c = &s->columns[k];
    size_t at = 0;
    bool commas, points;
    cairn_status st = CAIRN_OK;

    commas = groups(s, k, ',');
    points = groups(s, k, '.');
    c->value = arena_calloc(s->memory, s->rows + 1, sizeof *c->value);
    if (!plain || !c->value)
        return cairn_fail(s->err, CAIRN_ENOMEM, "a table");
    for (char *p = plain; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    while (c->n_names < 8 && table_next_word(s, plain, strlen(plain), &at, true, &c->names[c->n_names], &st)) {
        if (!c->kind)
            c->kind = table_kind_of(c->names[c->n_names].form);
        c->n_names++;
    }
    for (size_t r = 0; r < s->rows && !st; r++) {
        const char *cell = table_cell(s, r, k);
        bool date = false;
        size_t len = strlen(cell);
        c->value[r] = NAN;
        c->filled += len > 0;
        if (len && table_read_value(s, cell, strchr(cell, ',') ? commas : points, &c->value[r], &date)) {
            c->numbers++;
            c->dates += date;
        }
        c->answers += table_cell_answers(cell) >= 0;
    }
    if (!st)
        st = table_read_periods(s, k);
    if (c->dates)
        table_order_dates(s, k);
    if (c->dates * 2 > c->numbers)
        c->kind = c->kind ? c->kind : TABLE_DATE;
    table_read_unit(s, k);
    return st;
}

bool table_is_measure(const column *c)
{
    return c->numbers >= 1 && c->numbers * 10 >= c->filled * 6;
}

bool table_is_identifier(const solving *s, size_t k)
{
    static const char names[] = " id ids no nr nummer number num número numéro code sku ref reference key position pos ";
    const column *c = &s->columns[k];
    const double *v = c->value;

    if (s->g->strict && table_numbers_rows(s, k))
        return true;
    if (!c->n_names || !table_word_in(names, c->names[c->n_names - 1].form) || c->dates)
        return false;
    for (size_t r = 0; r < s->rows; r++)
        if (!isnan(v[r]) && (v[r] != floor(v[r]) || (r && !isnan(v[r - 1]) && v[r] == v[r - 1])))
            return false;
    return true;
}

/* Words of one root, "supplied" and "supplier": alike but for a quarter at the end. */
bool table_akin(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), same = 0;

    while (same < n && a[same] == b[same])
        same++;
    return same >= ROOT_BYTES && same * 4 >= (n > m ? n : m) * 3;
}

bool table_names(const column *c, const word *w)
{
    bool exact;

    for (size_t i = 0; i < c->n_names; i++)
        if (same(w, &c->names[i], &exact) || (!w->digits && table_akin(w->form, c->names[i].form)))
            return true;
    return false;
}

bool table_text_has(solving *s, const char *text, const word *w, bool *exact, cairn_status *st)
{
    size_t at = 0, len = strlen(text);
    bool found = false;
    word t;

    *exact = false;
    while (!*st && !*exact && table_next_word(s, text, len, &at, false, &t, st)) {
        bool e;
        if (strncmp(t.form, w->form, 3) != 0)
            continue;
        if (!w->digits && strcmp(t.form, w->form) != 0)
            *st = read_keys(s, text + t.start, t.end - t.start, t.key);
        if (!*st && same(w, &t, &e)) {
            found = true;
            *exact = e;
        }
    }
    return found;
}
