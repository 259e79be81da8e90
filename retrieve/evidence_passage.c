/* evidence_passage.c - a passage read for a question: its words as stems, its sentences, tables, quantities and days, what of it is planted,
 * and where a sentence names something of the kind that is asked for. */
#include "retrieve/evidence_reading.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "retrieve/injection.h"
#include "retrieve/question_action.h"
#include "retrieve/sentences.h"

#define HEAD_BYTES    ((size_t)1 << 20)

/* "How much does the K2 cost?": a list of prices has a column of prices. */
static bool is_price_verb(const char *word, size_t len)
{
    static const char *const verbs[] = {"cost", "costs", "kostet", "kosten", "cuesta", "cuestan", "coûte", "coûtent"};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (len == strlen(verbs[i]) && !strncasecmp(word, verbs[i], len))
            return true;
    return false;
}

void evidence_reading_clear(reading *r)
{
    term_list_clear(&r->terms);
    term_list_clear(&r->head);
    free(r->sentences);
    r->sentences = NULL;
}

/* Above a column of prices the verb of a question for one stands for the column's name. */
static cairn_status read_price_column(analyzer *an, const asked *q, reading *r, cairn_error *err)
{
    static const char names[] = "price prices cost preis preise kosten precio precios coste prix";
    const text_term *found = NULL;
    term_list terms;
    cairn_status st;

    if (!r->table || q->type != ANSWER_MONEY)
        return CAIRN_OK;
    st = terms_read(an, r->lang, names, sizeof names - 1, &terms, err);
    for (size_t j = 0; !st && j < terms.n && !found; j++)
        if (terms_have(r->head.at, r->head.n, terms.at[j].key))
            found = &terms.at[j];
    for (size_t i = 0; found && i < q->n; i++)
        if (!r->held[i] && is_price_verb(q->text + q->words[i].start, q->words[i].end - q->words[i].start)) {
            r->keys[i] = found->key;
            r->held[i] = r->column[i] = true;
        }
    term_list_clear(&terms);
    return st;
}

/* "Quand faut-il payer ...": a passage that speaks of a payment in another word has the question's. */
static void read_payment(const asked *q, reading *r)
{
    const text_term *said = NULL;

    for (size_t j = 0; j < r->terms.n && !said; j++)
        if (text_speaks_of_payment(r->p->text.text + r->terms.at[j].start, r->terms.at[j].end - r->terms.at[j].start))
            said = &r->terms.at[j];
    for (size_t i = 0; said && i < q->n; i++)
        if (!r->held[i] && question_asks_payment(q->text + q->words[i].start, q->words[i].end - q->words[i].start)) {
            r->keys[i] = said->key;
            r->held[i] = true;
        }
}

static cairn_status read_asked_here(analyzer *an, const asked *q, reading *r, arena *a,
                                    cairn_error *err)
{
    term_list terms;
    cairn_status st;

    r->keys = arena_calloc(a, q->n + 1, sizeof *r->keys);
    r->held = arena_calloc(a, q->n + 1, sizeof *r->held);
    r->column = arena_calloc(a, q->n + 1, sizeof *r->column);
    if (!r->keys || !r->held || !r->column)
        return cairn_fail(err, CAIRN_ENOMEM, "evidence");
    st = terms_read(an, r->lang, q->text, q->len, &terms, err);
    for (size_t i = 0; !st && i < q->n; i++)
        for (size_t j = 0; j < terms.n; j++)
            if (terms.at[j].start == q->words[i].start) {
                r->keys[i] = terms.at[j].key;
                r->held[i] = terms_have(r->terms.at, r->terms.n, r->keys[i]) ||
                             terms_have(r->head.at, r->head.n, r->keys[i]);
                break;
            }
    term_list_clear(&terms);
    if (!st && q->pays)
        read_payment(q, r);
    return st ? st : read_price_column(an, q, r, err);
}

/* Lines with the sign that parts cells: as chunks of tables are written, the header first. */
static bool is_table(const char *s, size_t len)
{
    const char *nl = memchr(s, '\n', len), *end;
    size_t first = nl ? (size_t)(nl - s) : 0;

    if (!nl || !memmem(s, first, " | ", 3))
        return false;
    end = memchr(nl + 1, '\n', len - first - 1);
    return memmem(nl, end ? (size_t)(end - nl) : len - first, " | ", 3) != NULL;
}

cairn_status evidence_read_passage(analyzer *an, const asked *q, const evidence_passage *p, arena *a,
                                   reading *r, cairn_error *err)
{
    bytes head;
    cairn_status st;

    *r = (reading){.p = p,
                   .lang = terms_language(p->text.lang, NULL, p->text.text, p->text.len),
                   .table = is_table(p->text.text, p->text.len)};
    bytes_init(&head, HEAD_BYTES);
    st = bytes_printf(&head, "%s\n%s", p->text.title ? p->text.title : "",
                      p->text.heading ? p->text.heading : "");
    if (!st && r->table)
        st = bytes_printf(&head, "\n%.*s", (int)strcspn(p->text.text, "\n"), p->text.text);
    if (st)
        cairn_fail(err, st, "evidence");
    else
        st = terms_read(an, r->lang, head.data, head.len, &r->head, err);
    bytes_clear(&head);
    if (!st)
        st = terms_read(an, r->lang, p->text.text, p->text.len, &r->terms, err);
    if (!st)
        st = read_asked_here(an, q, r, a, err);
    if (!st)
        st = quantities_find(p->text.text, p->text.len, a, &r->quantities, &r->n_quantities, err);
    if (!st)
        st = r->table ? sentences_rows(p->text.text, p->text.len, sentences_dotted_ordinals(r->lang), &r->sentences,
                                       &r->n_sentences, err)
                      : sentences_split(p->text.text, p->text.len, false,
                                        sentences_dotted_ordinals(r->lang), &r->sentences,
                                        &r->n_sentences, err);
    if (!st)
        st = evidence_read_days(q, r, a, err);
    if (!st && !(r->injection = arena_calloc(a, r->n_sentences + 1, sizeof *r->injection)))
        st = cairn_fail(err, CAIRN_ENOMEM, "evidence");
    if (!st)
        injection_scores(p->text.text, p->text.len, r->sentences, r->n_sentences, r->injection);
    return st;
}

/* Whether the mention is made of the question's own words. */
static bool in_question(const asked *q, const reading *r, const text_span *m)
{
    const text_term *at;
    size_t n, known = 0, weighty = 0;

    evidence_terms_between(&r->terms, m->start, m->end, &at, &n);
    for (size_t i = 0; i < n; i++) {
        if (at[i].weight <= 0)
            continue;
        weighty++;
        for (size_t j = 0; j < q->n; j++)
            if (r->keys[j] == at[i].key && !(q->words[j].carried && q->words[j].number)) {
                known++;
                break;
            }
    }
    return weighty == known;
}

/* The quantities of a sentence with places counted from its beginning. */
static cairn_status local_quantities(const reading *r, const text_span *s, arena *a, quantity **out,
                                     size_t *n)
{
    *out = arena_alloc(a, (r->n_quantities + 1) * sizeof **out);
    *n = 0;
    if (!*out)
        return CAIRN_ENOMEM;
    for (size_t i = 0; i < r->n_quantities; i++) {
        quantity x = r->quantities[i];
        if (x.start < s->start || x.end > s->end)
            continue;
        x.start -= s->start;
        x.end -= s->start;
        (*out)[(*n)++] = x;
    }
    return CAIRN_OK;
}

/* A line at the top of a mail, "Date: Tue, 04 Feb 2025 07:55:00 +0100": its numbers count nothing and measure nothing. */
bool evidence_is_mail_header(const reading *r, const text_span *s)
{
    static const char *const names[] = {"From: ", "To: ", "Cc: ", "Date: ", "Sent: "};

    for (size_t i = 0; i < sizeof names / sizeof *names && !strncmp(r->p->text.text, names[0], strlen(names[0])); i++)
        if (s->end - s->start > strlen(names[i]) && !strncmp(r->p->text.text + s->start, names[i], strlen(names[i])) &&
            (!s->start || r->p->text.text[s->start - 1] == '\n'))
            return true;
    return false;
}

/* Is a time of the sentence the arrival, where the departure is asked for, or the other way round? */
static bool is_other_end(const asked *q, const reading *r, const text_span *s, text_span at)
{
    const char *text = r->p->text.text;
    text_span head;
    bool row = evidence_head_of_row(r, s, &head);
    way_end end = way_end_of(row ? text + head.start : NULL, row ? head.end - head.start : 0, text + s->start, s->end - s->start, at);

    return q->way.end != WAY_WHOLE && end != WAY_WHOLE && end != q->way.end;
}

/* "SK 1467": no year. */
static bool is_flight_number(const char *text, text_span at)
{
    return at.start > 2 && text[at.start - 1] == ' ' && isupper((unsigned char)text[at.start - 2]) &&
           (isupper((unsigned char)text[at.start - 3]) || isdigit((unsigned char)text[at.start - 3])) && at.end - at.start <= 4 &&
           strspn(text + at.start, "0123456789") == at.end - at.start;
}

bool evidence_only_asks(const reading *r, size_t i)
{
    const char *text = r->p->text.text;

    return sentence_asks(text, r->sentences[i].start, r->sentences[i].end) &&
           (i + 1 == r->n_sentences || sentence_asks(text, r->sentences[i + 1].start, r->sentences[i + 1].end));
}

/* How a sentence stands to the way of a journey that is asked about: < 0 another one, > 0 that one. */
int evidence_agrees_on_way(const asked *q, const reading *r, const text_span *s)
{
    const char *text = r->p->text.text;
    text_span head;
    bool row = q->way.travel && evidence_head_of_row(r, s, &head);
    way_direction of = WAY_ANY;
    int places;

    if (!q->way.travel)
        return 0;
    places = way_agrees(&q->way, q->text, row ? text + head.start : NULL, row ? head.end - head.start : 0, text + s->start, s->end - s->start);
    if (places < 0)
        return -1;
    if (q->way.direction != WAY_ANY)
        of = way_of_place(text, s->start, s->end, r->p->text.heading);
    return of == WAY_ANY ? places : of == q->way.direction ? 1 : -1;
}

/* Mentions of what is asked for in a sentence, in bytes of the passage, the question's own left out. */
cairn_status evidence_mentions_in(const asked *q, const reading *r, const text_span *s, arena *a,
                                  text_span **out, size_t *n, cairn_error *err)
{
    quantity *local;
    const char *text = r->p->text.text + s->start;
    size_t n_local, kept = 0;
    tally t;
    cairn_status st = local_quantities(r, s, a, &local, &n_local);
    bool in_cell = r->table && q->type == ANSWER_MONEY; /* whose unit stands in the table's first line, if anywhere */

    *n = 0;
    if (q->type == ANSWER_COUNT && q->side < TALLY_SIDES && evidence_has_tally(q, r, s->start, s->end, &t)) {
        const text_span *m = &t.side[q->side];
        if (m->end == m->start)
            return CAIRN_OK;
        if (!(*out = arena_alloc(a, sizeof **out)))
            return cairn_fail(err, CAIRN_ENOMEM, "mentions");
        **out = (text_span){s->start + m->start, s->start + m->end};
        *n = 1;
        return CAIRN_OK;
    }
    if (q->type == ANSWER_COUNT && (q->side == TALLY_AGAINST || q->side == TALLY_ABSTAINED) &&
        !tally_has_side(r->p->text.text + s->start, s->end - s->start, q->side))
        return CAIRN_OK; /* a number, but of nobody who was */
    if (q->type >= ANSWER_COUNT && q->type <= ANSWER_MEASURE && evidence_is_mail_header(r, s))
        return CAIRN_OK;
    if (!st)
        st = answer_mentions(in_cell ? ANSWER_MEASURE : q->type, in_cell ? 1u << UNIT_MONEY : q->units,
                             text, s->end - s->start, local, n_local, a, out, n, err);
    for (size_t i = 0; !st && i < *n; i++) {
        text_span m = {(*out)[i].start + s->start, (*out)[i].end + s->start};
        if (q->way.travel && (is_other_end(q, r, s, (*out)[i]) || is_flight_number(text, (*out)[i])))
            continue;
        if (!in_question(q, r, &m) && (q->earlier || !text_is_struck(r->p->text.text, r->p->text.len, m.start)))
            (*out)[kept++] = m;
    }
    *n = kept;
    return st;
}

bool evidence_is_typed(answer_type t)
{
    return t != ANSWER_OTHER && t != ANSWER_WHY && t != ANSWER_YES_NO;
}
