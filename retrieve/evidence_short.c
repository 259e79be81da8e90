/* evidence_short.c - the number, date or name that a sentence gives: of all of the kind asked for, the one that stands nearest to the
 * question's words. */
#include <string.h>

#include "retrieve/cite_value.h"
#include "retrieve/evidence_reading.h"

#define CLAUSE_BYTES 24 /* so much further away is what stands in another clause */

/* Does another clause begin in these bytes? "... begins on 1 March and ends on 31 May": what ends, ends in May. */
static bool new_clause(const char *s, size_t len)
{
    static const char *const joins[] = {" and ", " und ", " et ", " y ", " e ", " i ", " и ", " but ", " aber ", " mais ", " pero ",
                                        "; ", "；", "，", "、"};

    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++)
        if (memmem(s, len, joins[i], strlen(joins[i])))
            return true;
    return false;
}

/* Bytes between the mention and the nearest word of the question in the sentence; the words that
 * stand close count more than those far away, and those of its own clause more than others. */
static double nearness(const asked *q, const reading *r, const text_span *s, const text_span *m)
{
    const text_term *at;
    size_t n;
    double sum = 0;

    evidence_terms_between(&r->terms, s->start, s->end, &at, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < q->n; j++) {
            size_t gap;
            if (!r->keys[j] || r->keys[j] != at[i].key)
                continue;
            gap = at[i].end <= m->start ? m->start - at[i].end
                  : at[i].start >= m->end ? at[i].start - m->end : 0;
            if (gap && new_clause(r->p->text.text + (at[i].end <= m->start ? at[i].end : m->end), gap))
                gap += CLAUSE_BYTES;
            sum += q->words[j].weight / (8.0 + (double)gap);
            break;
        }
    return sum;
}

/* A date with its month, where the month was asked for, before any that has none. */
#define MONTH_BONUS 1e6

static bool has_month(const char *text, size_t len, arena *a)
{
    quantity *q;
    size_t n;

    return !quantities_find(text, len, a, &q, &n, NULL) && n && q[0].kind == QUANTITY_DATE && q[0].month;
}

cairn_status evidence_mentions(analyzer *an, const char *question, const evidence *e, const evidence_passage *p,
                               const evidence_sentence *s, arena *a, text_span **out, size_t *n, cairn_error *err)
{
    evidence_params params;
    text_span where = {s->start, s->end}, *found = NULL;
    double *near = NULL;
    reading r = {0};
    asked q;
    cairn_status st;

    *out = NULL;
    *n = 0;
    if (!evidence_is_typed(e->type))
        return CAIRN_OK;
    evidence_params_default(&params);
    params.typed_len = e->typed_len;
    st = evidence_read_question(an, question, &params, e->lang, a, &q, err);
    if (!st)
        st = evidence_read_passage(an, &q, p, a, &r, err);
    if (!st)
        st = evidence_mentions_in(&q, &r, &where, a, &found, n, err);
    if (!st && !(near = arena_calloc(a, *n + 1, sizeof *near)))
        st = cairn_fail(err, CAIRN_ENOMEM, "evidence");
    for (size_t i = 0; !st && i < *n; i++) { /* of equally near ones the first stays first */
        text_span m = found[i];
        double x = nearness(&q, &r, &where, &m);
        size_t at = i;
        if (e->type == ANSWER_DATE && answer_asks_month(question, strlen(question)) && has_month(p->text.text + m.start, m.end - m.start, a))
            x += MONTH_BONUS;
        for (; at && near[at - 1] < x; at--) {
            near[at] = near[at - 1];
            found[at] = found[at - 1];
        }
        near[at] = x;
        found[at] = m;
    }
    evidence_reading_clear(&r);
    *out = found;
    return st;
}

bool evidence_short_answer(analyzer *an, const char *question, const evidence *e,
                           const evidence_passage *p, const evidence_sentence *s, text_span *out)
{
    text_span *mentions;
    size_t n = 0;
    arena a;

    arena_init(&a, (size_t)64 << 20);
    if (evidence_mentions(an, question, e, p, s, &a, &mentions, &n, NULL))
        n = 0;
    if (n) {
        size_t i = 0;
        text_span whole;
        while (i < n && cite_is_per_unit(p->text.text + s->start, s->end - s->start,
                                         (text_span){mentions[i].start - s->start, mentions[i].end - s->start}, question, &a))
            i++;
        *out = mentions[i < n ? i : 0];
        if (e->type >= ANSWER_COUNT && e->type <= ANSWER_MEASURE) {
            whole = cite_whole_value(p->text.text + s->start, s->end - s->start, (text_span){out->start - s->start, out->end - s->start}, question, &a);
            *out = (text_span){s->start + whole.start, s->start + whole.end};
        }
    }
    arena_clear(&a);
    return n > 0;
}
