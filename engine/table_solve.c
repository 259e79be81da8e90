/* table_solve.c - table_solve: see table_question.h. The words of the question are accounted for one after the other: by the title,
 * by the names of columns, by cells (a word that is as written in a cell goes before one whose stem is in the title); then the
 * rows that are left are counted, added up or compared (table_answers.c). */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/calculator.h"
#include "engine/table_reading.h"
#include "retrieve/evidence.h"
#include "retrieve/injection.h"

#define ROWS_MAX    50000
#define COVER_LEAST 0.7 /* of the question's words */
#define ANSWER_MAX  ((size_t)1 << 16)

/* "verbrauchen" of a title that says "Energieverbrauch". */
static void in_compound(solving *s, word *w, cairn_status *st)
{
    size_t at = 0, n = strlen(w->form);
    word t;

    n -= n > 7 && !strcmp(w->form + n - 2, "en") ? 2 : n > 7 && strchr("tes", w->form[n - 1]) ? 1 : 0;
    while (n >= 6 && !w->digits && !*st && table_next_word(s, s->g->title, strlen(s->g->title), &at, false, &t, st))
        if ((strlen(t.form) > n + 2 && memmem(t.form, strlen(t.form), w->form, n)) || table_akin(t.form, w->form))
            w->by = BY_TITLE;
}

/* Words that the title has and no cell as they are written are the table's own. */
static cairn_status read_title(solving *s)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < s->n && !st; i++) {
        word *w = &s->words[i];
        bool exact, in_cell = false, e;
        if (!w->content || !isnan(w->bound) || !table_text_has(s, s->g->title, w, &exact, &st)) {
            if (w->content && w->kind && !st) { /* "Preisliste" for a price list */
                size_t at = 0;
                word t;
                while (!st && table_next_word(s, s->g->title, strlen(s->g->title), &at, false, &t, &st))
                    if (table_kind_of(t.form) == w->kind && strlen(w->form) > 7)
                        w->by = BY_TITLE;
            }
            if (w->content && !w->by && !st)
                in_compound(s, w, &st);
            continue;
        }
        for (size_t r = 0; r < s->rows && !exact && !in_cell && !st; r++)
            for (size_t k = 0; k < s->g->n_columns && !in_cell && !st; k++)
                in_cell = table_text_has(s, table_cell(s, r, k), w, &e, &st) && e;
        if (!in_cell)
            w->by = BY_TITLE;
    }
    for (size_t i = 0; i + 1 < s->n && !st; i++) {
        bool e;
        if (s->words[i].by == BY_TITLE && table_text_has(s, s->g->title, &s->words[i + 1], &e, &st) && !st)
            s->words[i].phrase = s->words[i + 1].phrase = true;
    }
    return st;
}

word *table_counted(solving *s)
{
    static const char *const heads[] = {"many", "viele", "wieviele", "number", "count", "anzahl", "combien", "cuántos", "cuántas", "cuantos", "cuantas", "nombre"};

    for (size_t i = 0; i < s->n; i++)
        for (size_t h = 0; h < sizeof heads / sizeof *heads; h++)
            if (!strcmp(s->words[i].form, heads[h]))
                for (size_t k = i + 1; k < s->n; k++)
                    if (s->words[k].content && !s->words[k].phrase)
                        return &s->words[k];
    return NULL;
}

/* A column of years measures nothing but when. */
static bool years(const solving *s, size_t k)
{
    for (size_t r = 0; r < s->rows; r++) {
        double x = s->columns[k].value[r];
        if (!isnan(x) && (x < 1500 || x > 2200 || x != floor(x)))
            return false;
    }
    return true;
}

/* Whole numbers of things: no amounts, nothing with a unit. */
static bool counts_things(const solving *s, size_t k)
{
    const column *c = &s->columns[k];

    if (!table_is_measure(c) || c->dates || c->unit || c->mixed || table_is_identifier(s, k) || s->filtered[k] || years(s, k))
        return false;
    for (size_t r = 0; r < s->rows; r++)
        if (!isnan(c->value[r]) && (c->value[r] != floor(c->value[r]) || c->value[r] < 0))
            return false;
    return true;
}

size_t table_counted_in(solving *s, const word *what)
{
    size_t best = SIZE_MAX, alike = 0, named = 0;
    double most = 0;

    for (size_t k = 0; what && k < s->g->n_columns; k++) {
        double points = 0;
        if (!counts_things(s, k))
            continue;
        named += table_names(&s->columns[k], what);
        for (size_t i = 0; i < s->n; i++)
            points += s->words[i].content && &s->words[i] != what && s->words[i].by == BY_NAME && !s->words[i].taken && table_names(&s->columns[k], &s->words[i]);
        alike = points > 0 && points == most ? alike + 1 : points > most ? 0 : alike;
        best = points > most ? k : best;
        most = points > most ? points : most;
    }
    s->unclear = alike > 0 || (best == SIZE_MAX && named > 1);
    return best;
}

/* ---- columns that are meant ---- */

/* How well a column of numbers suits the question's words: 2 a name, 1 a kind. Marks the words where `mark`. */
static double suits(solving *s, size_t k, bool mark)
{
    double points = 0;

    for (size_t i = 0; i < s->n; i++) {
        word *w = &s->words[i];
        bool named = w->content && isnan(w->bound) && !w->phrase && table_names(&s->columns[k], w);
        bool kind = w->content && !named && w->kind && w->kind == s->columns[k].kind && w->by != BY_TITLE;
        if (s->g->strict && i + 1 < s->n && table_is_numbered(s, i + 1))
            continue; /* "of group 1" */
        points += named ? 2 : kind ? 1 : 0;
        if (mark && (named || kind) && w->by < BY_NAME)
            w->by = named ? BY_NAME : BY_KIND;
    }
    return points;
}

/* "The most orders": what there is most of is named, and may be the rows. */
static bool most_of_a_thing(const solving *s)
{
    for (size_t i = 0; i + 1 < s->n; i++)
        if (table_word_is_most(s->words[i].form) && s->words[i + 1].content)
            return true;
    return false;
}

static bool is_whole(const column *c)
{
    for (size_t i = 0; i < c->n_names; i++)
        if (table_word_is_whole(c->names[i].form))
            return true;
    return false;
}

/* The share of the words of a column's name that the question has: "Price" goes before "Price per crate" where nothing else tells. */
static double named_share(const solving *s, size_t k)
{
    const column *c = &s->columns[k];
    size_t n = 0;

    for (size_t i = 0; i < c->n_names; i++)
        for (size_t w = 0; w < s->n; w++) {
            column one = {.names = {c->names[i]}, .n_names = 1};
            if (table_names(&one, &s->words[w])) {
                n++;
                break;
            }
        }
    return c->n_names ? (double)n / (double)c->n_names : 0;
}

/* "How many kilos": the one column of this unit. */
static size_t column_of_unit(solving *s)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < s->n; i++) {
        const char *unit = s->words[i].content && !s->words[i].by && isnan(s->words[i].bound) ? table_word_unit(s->words[i].form) : NULL;
        if (!unit || (i && !isnan(s->words[i - 1].bound)))
            continue;
        for (size_t k = 0; k < s->g->n_columns; k++) {
            const column *c = &s->columns[k];
            if (!c->unit || strcasecmp(c->unit, unit) != 0 || !table_is_measure(c) || c->dates)
                continue;
            if (best != SIZE_MAX && best != k)
                return SIZE_MAX;
            best = k;
            s->words[i].by = BY_KIND;
        }
    }
    return best;
}

/* The question names a column whose cells have digits that were not read: the numbers of another are no answer. */
static bool names_illegible(solving *s)
{
    for (size_t k = 0; k < s->g->n_columns; k++) {
        size_t n = 0;
        if (table_is_measure(&s->columns[k]) || !suits(s, k, false))
            continue;
        for (size_t r = 0; r < s->rows; r++)
            n += strpbrk(table_cell(s, r, k), "0123456789") != NULL && !isalpha((unsigned char)*table_cell(s, r, k));
        if (n * 2 > s->columns[k].filled)
            return true;
    }
    return false;
}

static size_t choose_measure(solving *s)
{
    size_t best = SIZE_MAX, measures = 0, only = SIZE_MAX;
    double most = 0;
    bool loose = s->kind == TABLE_SPAN || s->kind == TABLE_SIZE || s->kind == TABLE_ANY;

    for (size_t k = 0; k < s->g->n_columns; k++) {
        double points;
        if (!table_is_measure(&s->columns[k]) || table_is_identifier(s, k) ||
            ((s->does == TABLE_SUM || s->does == TABLE_MEAN) && s->columns[k].dates * 2 > s->columns[k].numbers))
            continue;
        if (s->columns[k].dates * 2 <= s->columns[k].numbers) {
            measures++;
            only = k;
        }
        points = suits(s, k, false);
        if (s->kind && s->columns[k].kind == s->kind && (!loose || points > 0))
            points += 1.5;
        if (points > 0 && s->whole && is_whole(&s->columns[k]))
            points += 0.5;
        if (points > 0)
            points += 0.4 * named_share(s, k);
        if (points > most) {
            most = points;
            best = k;
            s->unclear = false;
        } else if (points > 0 && points == most && best != SIZE_MAX) {
            s->unclear = true;
        }
    }
    if (best == SIZE_MAX)
        best = column_of_unit(s);
    if (best == SIZE_MAX && names_illegible(s))
        return SIZE_MAX;
    if (best == SIZE_MAX && measures == 1 && s->kind && !loose && s->columns[only].kind == s->kind)
        best = only;
    if (best == SIZE_MAX && measures == 1 && s->does != TABLE_COUNT && s->does != TABLE_DIFFERENCE && s->does != TABLE_SHARE && s->does != TABLE_RATIO && !s->kind && !most_of_a_thing(s) &&
        !(s->columns[only].dates * 2 > s->columns[only].numbers)) {
        s->all_told = true; /* the only numbers there are, if the question speaks of nothing that is not there */
        return only;
    }
    if (best != SIZE_MAX && s->kind && s->kind != TABLE_DATE && years(s, best) && suits(s, best, false) < 2)
        return SIZE_MAX;
    if (best != SIZE_MAX && s->kind != TABLE_DATE && s->columns[best].dates * 2 > s->columns[best].numbers &&
        (s->does == TABLE_MOST || s->does == TABLE_LEAST))
        return SIZE_MAX; /* "the most airings" is no date */
    if (best != SIZE_MAX)
        (void)suits(s, best, true);
    return best;
}

/* "Which supplier": the column of the word behind it; else the first that is no measure. */
static size_t choose_label(solving *s)
{
    static const char *const asking[] = {"which", "what", "who", "whose", "welche", "welcher", "welches", "wer", "was", "quel", "quelle", "qué", "cuál"};
    size_t plain = SIZE_MAX;

    for (size_t i = 0; i + 1 < s->n; i++)
        for (size_t a = 0; a < sizeof asking / sizeof *asking; a++)
            if (!strcmp(s->words[i].form, asking[a]))
                for (size_t k = 0; k < s->g->n_columns; k++)
                    if (k != s->target && table_names(&s->columns[k], &s->words[i + 1]) &&
                        !(s->g->strict && !strncmp(asking[a], "who", 3) && table_is_measure(&s->columns[k]))) { /* "who joined" */
                        s->words[i + 1].by = BY_NAME;
                        s->label_named = true;
                        return k;
                    }
    for (size_t k = s->g->n_columns; k-- > 0;)
        if (k != s->target && !table_is_measure(&s->columns[k]) && !table_says_yes_or_no(&s->columns[k]))
            plain = k;
    return plain;
}

static cairn_status apply_bounds(solving *s, bool *held)
{
    cairn_status st = CAIRN_OK;

    *held = true;
    for (size_t i = 0; i < s->n && !st; i++) {
        const word *w = &s->words[i];
        size_t k;
        char shown[32];
        if (isnan(w->bound) || w->taken)
            continue;
        k = choose_measure(s);
        if (k == SIZE_MAX || s->columns[k].dates * 2 > s->columns[k].numbers) {
            *held = false;
            continue;
        }
        for (size_t r = 0; r < s->rows; r++) {
            double x = s->columns[k].value[r];
            s->keep[r] &= w->bound_way == 1 ? x > w->bound : w->bound_way == 2 ? x >= w->bound : w->bound_way == -1 ? x < w->bound : x <= w->bound;
        }
        s->words[i].by = BY_CELL;
        s->filtered[k] = s->bounded = true;
        calculator_format(w->bound, shown);
        st = table_say_where(s, w->bound_way == 1 ? "%s > %s" : w->bound_way == 2 ? "%s >= %s" : w->bound_way == -1 ? "%s < %s" : "%s <= %s",
                       s->g->columns[k], shown);
    }
    return st;
}

/* ---- what is answered ---- */

/* How much of the question the table has; a name or a number that it lacks makes it another's question. */
static double cover(const solving *s)
{
    size_t all = 0, found = 0;

    for (size_t i = 0; i < s->n; i++) {
        const word *w = &s->words[i];
        if (!w->content)
            continue;
        all++;
        found += w->by != BY_NOTHING;
        if (w->by == BY_NOTHING && (w->digits || (w->capital && i && strcmp(s->langs[0], "de") != 0 && strcmp(s->langs[0], ""))))
            return 0;
    }
    return all ? (double)found / (double)all : 0;
}

/* "How many employees joined before 2019": what was done on the dates of the one column of dates is not written in the table. */
static void pass_over_verb(solving *s)
{
    const word *what = table_counted(s);
    word *left = NULL;
    size_t dates = 0, n = 0;

    for (size_t k = 0; k < s->g->n_columns; k++)
        dates += table_is_measure(&s->columns[k]) && s->columns[k].dates * 2 > s->columns[k].numbers;
    for (size_t i = 0; i < s->n; i++)
        if (s->words[i].content && s->words[i].by == BY_NOTHING) {
            left = &s->words[i];
            n++;
        }
    if (s->does == TABLE_COUNT && s->dated && dates == 1 && n == 1 && what && left > what && what->by && !left->capital && !left->digits)
        left->by = BY_KIND;
}

static cairn_status operate(solving *s, table_result *out, bytes *text)
{
    cairn_status st = CAIRN_OK;

    for (size_t r = 0; r < s->rows; r++)
        s->kept += s->keep[r];
    if (s->g->strict && (!table_taken_whole(s, out, &st) || st))
        return st;
    pass_over_verb(s);
    out->cover = cover(s);
    if (s->does == TABLE_LIST && !table_list_is_clear(s))
        return CAIRN_OK;
    if (s->flows && !table_flow_is_clear(s))
        return CAIRN_OK;
    if ((!s->kept && !(s->g->strict && s->stated && (s->does == TABLE_LIST || s->does == TABLE_COUNT))) || (s->unclear && s->target != SIZE_MAX) || out->cover < (s->all_told ? 1 : COVER_LEAST))
        return CAIRN_OK;
    if (s->group != SIZE_MAX)
        return table_answer_groups(s, out, text);
    switch (s->does) {
    case TABLE_COUNT:
        return table_answer_count(s, out, text);
    case TABLE_SUM:
    case TABLE_MEAN:
        return s->target == SIZE_MAX ? CAIRN_OK : table_answer_sum(s, out, text);
    case TABLE_MOST:
    case TABLE_LEAST:
        return s->target == SIZE_MAX ? CAIRN_OK : table_answer_extreme(s, out, text);
    case TABLE_DIFFERENCE:
        return s->target == SIZE_MAX ? CAIRN_OK : table_answer_difference(s, out, text);
    case TABLE_SHARE:
        return table_answer_share(s, out, text);
    case TABLE_RATIO:
        return s->target == SIZE_MAX ? CAIRN_OK : table_answer_ratio(s, out, text);
    case TABLE_LIST:
        return table_answer_list(s, out, text);
    case TABLE_NOTHING:
        break;
    }
    return CAIRN_OK;
}

/* What the rules do not understand: a part of the rows by their place ("the first five", "the last on the chart"), rows by other
 * rows ("the same score as", "before the final"), a bound in words. */
static bool beyond_rules(const solving *s)
{
    static const char *const numbers[] = {"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "zwei", "drei", "vier", "fünf"};
    static const char *const others[] = {"same", "other", "others", "both", "previous", "next", "listed", "besides", "except", "consecutive",
                                         "gleiche", "gleichen", "andere", "anderen", "außer", "vorherige", "nächste"};
    bool place = false;

    for (size_t i = 0; i < s->n; i++) {
        const char *w = s->words[i].form, *next = i + 1 < s->n ? s->words[i + 1].form : "";
        bool first = !strcmp(w, "first") || !strcmp(w, "last") || !strncmp(w, "erste", 5) || !strncmp(w, "letzte", 6);
        bool bound = (!strcmp(w, "least") || !strcmp(w, "most") || !strcmp(w, "than")) && i && !strcmp(s->words[i - 1].form, strcmp(w, "than") ? "at" : "more");
        place |= first;
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            if (!strcmp(w, others[k]) && (s->does == TABLE_COUNT || s->does == TABLE_LIST || k > 3))
                return true;
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers && (first || bound); k++)
            if ((first && i + 1 < s->n && s->words[i + 1].digits) || !strcmp(next, numbers[k]))
                return true;
        if (place && (!strcmp(w, "chart") || !strcmp(w, "list") || !strcmp(w, "table") || !strcmp(w, "tabelle") || !strcmp(w, "liste")) && !s->words[i].phrase)
            return true;
        if (s->words[i].digits && s->words[i].start && s->question[s->words[i].start - 1] == '-' &&
            (s->words[i].start == 1 || s->question[s->words[i].start - 2] == ' '))
            return true;
    }
    return false;
}

/* The quantities that go with prices of one piece: "what do all parts cost together" is 12 at 18.50 and 40 at 7.25. Not where the
 * prices themselves are to be added up, or are sums already. */
static size_t choose_factor(const solving *s)
{
    const column *price = s->target != SIZE_MAX ? &s->columns[s->target] : NULL;

    if (!price || price->kind != TABLE_PRICE || s->does == TABLE_MEAN || s->does == TABLE_DIFFERENCE)
        return SIZE_MAX;
    if (s->group == SIZE_MAX && s->does != TABLE_SUM)
        return SIZE_MAX;
    if (is_whole(price))
        return SIZE_MAX;
    for (size_t i = 0; i < s->n; i++)
        if (table_word_in(" prices preise preisen precios prix ", s->words[i].form))
            return SIZE_MAX;
    for (size_t k = 0; k < s->g->n_columns; k++)
        if (k != s->target && s->columns[k].kind == TABLE_QUANTITY && table_is_measure(&s->columns[k]) && !s->columns[k].dates)
            return k;
    return SIZE_MAX;
}

/* Prices and numbers of things do; lengths, heats and dates are larger or smaller. */
static bool adds_up(const column *c)
{
    return c->dates * 2 <= c->numbers && c->kind != TABLE_SPAN && c->kind != TABLE_LENGTH && c->kind != TABLE_HEAT && c->kind != TABLE_SPEED;
}

/* Rows are taken together where the question names by what ("per category"), or asks which of several that stand in many rows has
 * most: "which customer spent most". *told: what there is most of is known. */
static void choose_group(solving *s, bool *told)
{
    *told = true;
    if (s->does == TABLE_DIFFERENCE || s->does == TABLE_SHARE || s->does == TABLE_RATIO || (s->group = table_group_column(s)) != SIZE_MAX) {
        const word *what = s->does == TABLE_COUNT && s->group != SIZE_MAX ? table_counted(s) : NULL;
        if (s->does == TABLE_COUNT)
            s->target = SIZE_MAX;
        if (what && (s->target = table_counted_in(s, what)) != SIZE_MAX)
            return;
        for (size_t k = 0; what && k < s->g->n_columns; k++) /* "how many replicas per team" */
            if (table_names(&s->columns[k], what) && table_is_measure(&s->columns[k]) && !table_is_identifier(s, k) && !s->columns[k].dates)
                s->target = k;
        return;
    }
    if ((s->does != TABLE_MOST && s->does != TABLE_LEAST) || !s->label_named || !table_has_repeats(s, s->label))
        return;
    if (s->g->strict && s->target != SIZE_MAX && is_whole(&s->columns[s->target])) { /* "which region has the highest revenue" */
        s->group = s->label;
        return;
    }
    *told = s->rank == 1; /* the second row may be another of the first's */
    for (size_t i = 0; i < s->n; i++) {
        size_t next = i + 1;
        if (!table_word_is_most(s->words[i].form) && !(s->whole && table_word_operates(s->words[i].form)))
            continue;
        while (next < s->n && !s->words[next].content)
            next++;
        if (s->target == SIZE_MAX && next < s->n && s->words[next].by == BY_NOTHING)
            *told = false;
        if (s->target == SIZE_MAX || adds_up(&s->columns[s->target]))
            s->group = s->label;
        return;
    }
}

/* "How many kilos of apples": a unit is not counted, what has it is added up. */
static void ask_for_units(solving *s)
{
    word *w = s->does == TABLE_COUNT ? table_counted(s) : NULL;
    const char *unit = w ? table_word_unit(w->form) : NULL;

    for (size_t k = 0; unit && k < s->g->n_columns; k++)
        if (s->columns[k].unit && !strcasecmp(s->columns[k].unit, unit)) {
            s->does = TABLE_SUM;
            s->unit = unit;
            return;
        }
}

/* Is what was chosen in the unit that was asked for? */
static bool of_unit(solving *s)
{
    if (!s->unit)
        return true;
    for (size_t i = 0; i < s->n; i++)
        if (s->words[i].content && table_word_unit(s->words[i].form))
            s->words[i].by = BY_KIND;
    return s->target != SIZE_MAX && s->columns[s->target].unit && !strcasecmp(s->columns[s->target].unit, s->unit);
}

static cairn_status solve(solving *s, table_result *out)
{
    bool told = true;
    bool open = false, bound = true, beside = false;
    table_operation does;
    bytes text;
    cairn_status st = table_read_question(s);

    table_mark_rank(s);
    for (size_t k = 0; k < s->g->n_columns && !st; k++)
        st = table_read_column(s, k);
    if (!st)
        st = table_find_totals(s);
    if (!st)
        st = read_title(s);
    if (st || beyond_rules(s))
        return st;
    bytes_init(&text, ANSWER_MAX);
    table_read_flow(s);
    ask_for_units(s);
    does = s->does;
    if (s->does != TABLE_COUNT && s->does != TABLE_LIST)
        s->target = choose_measure(s);
    if (s->does == TABLE_SUM && !of_unit(s))
        return st;
    s->label = choose_label(s);
    if (s->does == TABLE_LIST)
        s->label = table_list_label(s);
    for (size_t i = 0; i < s->n; i++) /* other words of columns' names: "suppliers" */
        for (size_t k = 0; k < s->g->n_columns; k++)
            if (s->words[i].content && !s->words[i].by && table_names(&s->columns[k], &s->words[i]) && !table_is_state(s, k))
                s->words[i].by = BY_NAME;
    choose_group(s, &told);
    s->factor = choose_factor(s);
    st = table_apply_dates(s);
    for (size_t i = 0; i < s->n && s->dated; i++) /* "cancelled in 2026": the days are what is asked of */
        for (size_t k = 0; k < s->g->n_columns; k++)
            if (s->words[i].content && !s->words[i].by && s->filtered[k] && table_names(&s->columns[k], &s->words[i]))
                s->words[i].by = BY_NAME;
    if (s->dated && s->target != SIZE_MAX && s->filtered[s->target] && s->kind != TABLE_DATE)
        told = false; /* the year was a condition; what there is most of is not known */
    if (!st)
        st = apply_bounds(s, &bound);
    if (!st)
        st = table_read_rows(s, &open);
    if (!st && bound && told && !open && s->does)
        st = operate(s, out, &text);
    if (!st && text.len && s->g->strict)
        st = table_told_beside(s, does, &beside);
    if (beside)
        bytes_reset(&text);
    if (!st && text.len && injection_score(text.data, text.len) < INJECTION_SENTENCE) {
        out->text = arena_strndup(s->memory, text.data, text.len);
        st = out->text ? table_write_call(s, out) : cairn_fail(s->err, CAIRN_ENOMEM, "a table");
    }
    bytes_clear(&text);
    return st;
}

/* "The greatest mean length" of a column "Mean length": the means are there. */
static void read_extreme_of_means(solving *s, char *small)
{
    static const char *const means[] = {"mean ", "average ", "durchschnittliche ", "durchschnittlichen ", "mittlere ", "moyenne ", "media ", "promedio "};
    table_kind kind;
    bool whole;

    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        char *at = strstr(small, means[i]);
        table_operation does;
        bool column = false;
        for (size_t k = 0; at && k < s->g->n_columns; k++)
            column |= strcasestr(s->g->columns[k], means[i]) != NULL;
        if (!column)
            continue;
        memset(at, ' ', strlen(means[i]));
        does = table_operation_of(small, &kind, &whole);
        if (does == TABLE_MOST || does == TABLE_LEAST) {
            s->does = does;
            s->kind = kind;
        }
        return;
    }
}

cairn_status table_solve(analyzer *an, const char *question, const table_grid *grid, arena *memory, table_result *out,
                         cairn_error *err)
{
    solving *s = arena_calloc(memory, 1, sizeof *s);
    char *small = arena_calloc(memory, strlen(question) * 3 + 2, 1), *plain = arena_strdup(memory, question), form[ANALYZER_FORM_MAX];
    cairn_status st;
    size_t n = 0;

    *out = (table_result){0};
    if (!grid->n_rows || !grid->n_columns || grid->n_columns > COLUMNS_MAX || grid->n_rows > ROWS_MAX)
        return CAIRN_OK;
    if (!s || !small || !plain)
        return cairn_fail(err, CAIRN_ENOMEM, "a table");
    for (char *p = plain; *p; p++) { /* opening marks are no letters */
        if (!strncmp(p, "\xC2\xBF", 2) || !strncmp(p, "\xC2\xA1", 2))
            p[0] = p[1] = ' ';
        if (!strncmp(p, "\xE2\x80\x99", 3))
            memcpy(p, "'  ", 3);
    }
    question = plain;
    for (const char *p = question; *p;) { /* word by word, as case is folded */
        size_t len = strcspn(p, " ");
        n += len < ANALYZER_FORM_MAX / 4 ? analyzer_form(p, len, form) : 0;
        if (len < ANALYZER_FORM_MAX / 4)
            memcpy(small + n - analyzer_form(p, len, form), form, analyzer_form(p, len, form));
        small[n++] = ' ';
        p += len + (p[len] == ' ');
    }
    *s = (solving){.an = an, .g = grid, .memory = memory, .question = question, .rows = grid->n_rows, .target = SIZE_MAX, .label = SIZE_MAX,
                   .factor = SIZE_MAX, .group = SIZE_MAX,
                   .langs = {grid->lang && *grid->lang ? grid->lang : "en", "en", "de", evidence_language(question, strlen(question), NULL, 0)},
                   .err = err};
    if (!*s->langs[LANGUAGES - 1])
        s->langs[LANGUAGES - 1] = "en";
    if (grid->strict)
        table_blank_dates(small, grid->today);
    s->rank = grid->strict ? table_read_rank(small) : 1;
    s->does = table_operation_of(small, &s->kind, &s->whole);
    if (!s->does && grid->strict)
        s->does = table_operation_unsaid(small, &s->flows);
    if (s->does == TABLE_MEAN)
        read_extreme_of_means(s, small);
    if (!s->does)
        return CAIRN_OK;
    s->columns = arena_calloc(memory, grid->n_columns, sizeof *s->columns);
    s->keep = arena_alloc(memory, grid->n_rows);
    if (!s->columns || !s->keep)
        return cairn_fail(err, CAIRN_ENOMEM, "a table");
    memset(s->keep, true, grid->n_rows);
    bytes_init(&s->where, ANSWER_MAX);
    st = solve(s, out);
    bytes_clear(&s->where);
    return st;
}
