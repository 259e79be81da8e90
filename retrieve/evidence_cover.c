/* evidence_cover.c - how much of the question stands in some bytes of a passage: its words, numbers and days. */
#include "retrieve/evidence_reading.h"

/* Does something there hold on the day, "on 3 March 2026" of "until 31 March 2026"? */
static bool within_days(const quantity *v, const reading *r, size_t start, size_t end)
{
    int64_t first, last;

    if (v->kind != QUANTITY_DATE || !v->year)
        return false;
    first = standing_day_number(v->year, v->month ? v->month : 1, v->day ? v->day : 1);
    last = standing_day_number(v->year, v->month ? v->month : 12, v->day ? v->day : v->month ? 28 : 31);
    for (size_t i = 0; i < r->n_limits; i++) {
        const standing_limit *l = &r->limits[i];
        if (l->start >= start && l->end <= end && first >= l->days.from && last <= l->days.until)
            return true;
    }
    return false;
}

bool evidence_has_tally(const asked *q, const reading *r, size_t start, size_t end, tally *out)
{
    return q->vote && tally_find(r->p->text.text + start, end - start, out);
}

cairn_status evidence_read_days(const asked *q, reading *r, arena *a, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    bool dated = false;
    tally t;

    for (size_t i = 0; i < q->n_quantities; i++)
        dated |= q->quantities[i].kind == QUANTITY_DATE && q->quantities[i].year;
    if (dated)
        st = standing_limits(r->p->text.text, r->p->text.len, STANDING_NO_DAY, a, &r->limits, &r->n_limits, err);
    for (size_t i = 0; !st && i < q->n; i++)
        if (q->words[i].vote && evidence_has_tally(q, r, 0, r->p->text.len, &t))
            r->held[i] = true;
    /* "February" of "in February 2027" is a name that "from 1 January 2027" has. */
    for (size_t i = 0; !st && i < q->n && r->n_limits; i++)
        if (q->words[i].quantity != SIZE_MAX && within_days(&q->quantities[q->words[i].quantity], r, 0, r->p->text.len))
            r->held[i] = true;
    return st;
}

/* Is the value there that a word of the question is a part of, however it is written? "In March 2025" is 03.03.2025. */
static bool has_value(const asked *q, const reading *r, size_t word, size_t start, size_t end)
{
    size_t v = q->words[word].quantity;
    int month = q->words[word].month;
    text_span head;
    tally t;

    if (v != SIZE_MAX && within_days(&q->quantities[v], r, start, end))
        return true;
    if (q->words[word].direction && way_of_place(r->p->text.text, start, end, r->p->text.heading) == q->way.direction)
        return true;
    if (q->words[word].leg && (way_has_end(r->p->text.text + start, end - start, q->way.end) ||
                               (way_head_of(r->p->text.text, start, end, &head) && way_has_end(r->p->text.text + head.start, head.end - head.start, q->way.end))))
        return true;
    if (q->words[word].vote && evidence_has_tally(q, r, start, end, &t))
        return true;
    for (size_t i = 0; i < r->n_quantities && (v != SIZE_MAX || month); i++) {
        const quantity *have = &r->quantities[i];
        if (have->start >= start && have->end <= end &&
            (month ? have->kind == QUANTITY_DATE && have->month == month : quantity_equal(&q->quantities[v], have)))
            return true;
    }
    return false;
}

/* Share of the question's weight in the bytes, and the weight of the rarest word missing. */
void evidence_cover(const asked *q, const reading *r, size_t start, size_t end, bool with_head, double *share, double *missing)
{
    const text_term *at;
    size_t n;
    double sum = 0;

    *missing = 0;
    evidence_terms_between(&r->terms, start, end, &at, &n);
    for (size_t i = 0; i < q->n; i++) {
        if (r->keys[i] && (r->column[i] || terms_have(at, n, r->keys[i]) ||
                           (with_head && terms_have(r->head.at, r->head.n, r->keys[i]))))
            sum += q->words[i].weight;
        else if (has_value(q, r, i, start, end))
            sum += q->words[i].weight;
        else if (q->words[i].weight > *missing)
            *missing = q->words[i].weight;
    }
    *share = q->total > 0 ? sum / q->total : 0;
    *missing = q->rarest > 0 ? *missing / q->rarest : 0;
}

float evidence_numbers_missing(const asked *q, const reading *r, size_t start, size_t end)
{
    float missing = 0;

    for (size_t i = 0; i < q->n_quantities; i++) {
        bool here = q->quantities[i].word || within_days(&q->quantities[i], r, start, end);
        for (size_t j = 0; j < r->n_quantities && !here; j++)
            here = r->quantities[j].start >= start && r->quantities[j].start < end &&
                   quantity_equal(&q->quantities[i], &r->quantities[j]);
        missing += !here;
    }
    return missing;
}
