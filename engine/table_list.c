/* table_list.c - questions that name no operation. "Who has not paid?" and "Which members joined in May?" ask for a list of the rows
 * that meet the conditions, "How much revenue did the South make?" for a sum. They are read only where the question was not asked of
 * tables (strict): a plan has its own ways for them. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/table_reading.h"

#define SAID_MAX 20 /* names of a list */

/* Columns of people, by a word of their name. */
static const char people[] =
    " name names person people member members customer customers client clients employee employees tenant tenants borrower donor donors "
    "player players driver owner author student students guest guests patient volunteer supplier participant participants teacher contact "
    "mitglied mitglieder kunde kunden mieter spender mitarbeiter mitarbeiterin teilnehmer person personen vorname nachname fahrer besitzer "
    "schüler gast lieferant nom prénom adhérent adhérents membre membres locataire donateur employé employés joueur élève invité fournisseur "
    "participant personne nombre socio socios cliente clientes inquilino donante empleado empleados jugador alumno invitado proveedor persona ";

static const char who[] = " who wer qui quién quiénes quien quienes ";
static const char which[] = " what which welche welcher welches welchen quel quelle quels quelles qué cuál cuáles ";
static const char much[] = " wieviel cuánto cuánta "; /* and "how much", "wie viel", "combien de" */

/* The first word, in small letters, and the rest of the question. */
static const char *first_word(const char *question, char out[32])
{
    size_t n;

    question += strspn(question, " ");
    n = strcspn(question, " ");
    snprintf(out, 32, "%.*s", (int)(n < 32 ? n : 0), question);
    return question + n + strspn(question + n, " ");
}

table_operation table_operation_unsaid(const char *question, bool *flows)
{
    char one[32], two[32];
    const char *rest = first_word(question, one);

    (void)first_word(rest, two);
    *flows = table_word_in(much, one) || (!strcmp(one, "how") && !strcmp(two, "much")) || (!strcmp(one, "wie") && !strcmp(two, "viel")) ||
             (!strcmp(one, "combien") && !strncmp(two, "d", 1));
    if (*flows)
        return TABLE_SUM;
    return table_word_in(who, one) || table_word_in(which, one) ? TABLE_LIST : TABLE_NOTHING;
}

static bool asks_who(const solving *s)
{
    return s->n && table_word_in(who, s->words[0].form);
}

static bool is_of_people(const solving *s, size_t k)
{
    const column *c = &s->columns[k];

    for (size_t i = 0; i < c->n_names && !table_is_measure(c) && !table_is_state(s, k); i++)
        if (table_word_in(people, c->names[i].form))
            return true;
    return false;
}

/* "Who": the one column of people; of several, who paid whom? */
static size_t column_of_people(const solving *s)
{
    size_t best = SIZE_MAX, n = 0;

    for (size_t k = s->g->n_columns; k-- > 0;)
        if (is_of_people(s, k)) {
            best = k;
            n++;
        }
    return n == 1 ? best : SIZE_MAX;
}

/* The word that says what is listed or added up: the first that says something. */
static const word *first_said(const solving *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->words[i].content)
            return &s->words[i];
    return NULL;
}

bool table_flow_is_clear(const solving *s)
{
    const column *c = s->target != SIZE_MAX ? &s->columns[s->target] : NULL;
    const word *what = first_said(s);
    bool some = s->dated;

    if (!c || !what || !table_names(c, what) || c->dates * 2 > c->numbers || (c->unit && !strcmp(c->unit, "%")) || c->kind == TABLE_SPAN ||
        c->kind == TABLE_LENGTH || c->kind == TABLE_HEAT || c->kind == TABLE_SPEED)
        return false;
    for (size_t k = 0; k < s->g->n_columns; k++)
        some |= s->filtered[k] && k != s->target;
    return some && !s->bounded;
}

/* Are there conditions that make the rows a list, not the one row that any other way finds as well? */
bool table_list_is_clear(const solving *s)
{
    bool repeats;

    if (s->label == SIZE_MAX || s->filtered[s->label] || (table_is_measure(&s->columns[s->label]) && !table_is_identifier(s, s->label)))
        return false;
    repeats = table_has_repeats(s, s->label);
    if (s->bounded && (repeats || table_is_of_both(s, s->label))) /* rows, or what they come to together? */
        return false;
    if ((s->stated_so || s->denied_cell) && table_is_of_both(s, s->label))
        return false; /* some of hers are paid, and some are not */
    if (!s->stated && s->kept == s->rows - s->totals)
        return false; /* a condition that all meet was another */
    return s->stated || s->dated || s->bounded || (s->kept > 1 && !repeats);
}

static bool is_number_of(const column *c)
{
    return c->n_names > 1 && table_word_in(" id no nr nummer num number numéro número code ", c->names[c->n_names - 1].form);
}

void table_read_flow(solving *s)
{
    const word *what = first_said(s);
    bool sum = false;

    if (s->does != TABLE_LIST || asks_who(s))
        return;
    for (size_t k = 0; what && k < s->g->n_columns; k++) {
        const column *c = &s->columns[k];
        bool whole = false;
        for (size_t i = 0; i < c->n_names; i++)
            whole |= table_word_is_whole(c->names[i].form);
        sum |= whole && table_names(c, what) && table_is_measure(c) && c->dates * 2 <= c->numbers && !table_is_identifier(s, k);
    }
    if (sum) {
        s->does = TABLE_SUM;
        s->flows = true;
    } else if (!strcmp(s->words[0].form, "what")) {
        s->does = TABLE_NOTHING;
    }
}

size_t table_list_label(const solving *s)
{
    const word *what = first_said(s);
    size_t named = SIZE_MAX;

    if (asks_who(s))
        return column_of_people(s);
    for (size_t k = 0; what && k < s->g->n_columns && named == SIZE_MAX; k++)
        if (table_names(&s->columns[k], what) && !table_is_state(s, k))
            named = k;
    for (size_t k = 0; named != SIZE_MAX && k < s->g->n_columns; k++) /* "customer_no": their names */
        if (is_number_of(&s->columns[named]) && is_of_people(s, k))
            return k;
    return named != SIZE_MAX ? named : s->label;
}

/* Was the name said? */
static bool is_said(const char *const *said, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(said[i], name))
            return true;
    return false;
}

cairn_status table_answer_list(solving *s, table_result *out, bytes *text)
{
    const char *said[SAID_MAX];
    size_t n = 0, rows = 0, filled, all = table_distinct(s, s->label, &filled);
    cairn_status st = CAIRN_OK;

    for (size_t r = 0; r < s->rows && !st; r++) {
        s->keep[r] &= !table_is_total(s, r);
        if (!s->keep[r])
            continue;
        rows++;
        if (!*table_cell(s, r, s->label)) { /* a list with a gap is none */
            bytes_reset(text);
            return CAIRN_OK;
        }
        if (out->n_rows < sizeof out->rows / sizeof *out->rows)
            out->rows[out->n_rows++] = r;
        if (n == SAID_MAX || is_said(said, n, table_cell(s, r, s->label)))
            continue;
        said[n++] = table_cell(s, r, s->label);
        st = n > 1 ? bytes_append_str(text, "; ") : CAIRN_OK;
        if (!st)
            st = bytes_append_str(text, table_cell(s, r, s->label));
        if (!st && s->target != SIZE_MAX)
            st = bytes_printf(text, ", %s: %s", s->g->columns[s->target], table_cell(s, r, s->target));
    }
    if (!st && !rows)
        st = bytes_append_str(text, table_say(s, SAY_NONE));
    if (!st && all > n)
        st = bytes_printf(text, "; ... (%zu %s)", all - n, table_say(s, SAY_MORE));
    if (!st)
        st = bytes_append_str(text, " (");
    if (!st)
        st = table_say_rows(table_lang(s), rows, s->rows, text);
    if (!st)
        st = table_say_unsaid(s, text);
    return st ? st : bytes_append_byte(text, ')');
}

/* "; 2 without an entry": rows of which the column that decides says nothing. */
cairn_status table_say_unsaid(const solving *s, bytes *text)
{
    return s->unsaid ? bytes_printf(text, "; %zu %s", s->unsaid, table_say(s, SAY_UNSAID)) : CAIRN_OK;
}
