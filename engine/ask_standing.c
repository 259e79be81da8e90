/* ask_standing.c - of statements that contradict each other the one that holds now.
 *
 * Where the sentence that would answer is corrected by a later document (retrieve/standing.h), the later one answers, and
 * the earlier one is told and cited in one clause. What no longer holds is neither evidence nor in the prompt, and what a
 * model says of it is not confirmed.
 *
 * Two statements contradict each other where they give different values of the kind that was asked for. A later one
 * without a word of change counts only where the dates of the documents tell, and both are nearly the same sentence of
 * one series of documents; where the times of files alone tell, a word of change is needed. */
#include <string.h>
#include <strings.h>

#include "engine/ask.h"
#include "retrieve/standing.h"

#define CANDIDATES   12   /* of the best sentences */
#define SPREAD       4.5f /* log-odds below the best one */
#define LEAST_CHANCE 0.1f /* that the question is answered at all */
#define QUOTE_BYTES  160
#define VALUES_MAX   8

typedef struct statement {
    const evidence_sentence *s;
    standing_text t;
    uint64_t doc;
    text_span value[VALUES_MAX]; /* of the kind asked for, the nearest first, but for those that are replaced in it */
    size_t n_values;
    standing_change change;
    bool read;
} statement;

static bool is_typed(answer_type t)
{
    return t != ANSWER_OTHER && t != ANSWER_WHY && t != ANSWER_YES_NO;
}

static statement make_statement(const asking *a, const evidence_sentence *s)
{
    const cairn_hit *h = &a->hits->hits[s->passage];

    return (statement){.s = s,
                       .doc = h->doc,
                       .t = {.passage = h->text,
                             .start = s->start,
                             .end = s->end,
                             .before = s->before,
                             .after = s->after,
                             .head_end = s->head_end,
                             .title = h->title,
                             .heading = h->heading,
                             .uri = h->uri,
                             .lang = h->lang,
                             .date_ns = h->date_ns,
                             .modified_ns = h->modified_ns}};
}

/* The quantities of a sentence as its values, where the question says of no kind what it asks for. */
static cairn_status any_values(asking *a, const statement *x, text_span **out, size_t *n, cairn_error *err)
{
    quantity *q;
    cairn_status st = quantities_find(x->t.passage + x->t.start, x->t.end - x->t.start, &a->memory, &q, n, err);

    if (!st && !(*out = arena_calloc(&a->memory, *n + 1, sizeof **out)))
        st = cairn_fail(err, CAIRN_ENOMEM, "statements");
    for (size_t i = 0; !st && i < *n; i++)
        (*out)[i] = (text_span){x->t.start + q[i].start, x->t.start + q[i].end};
    return st;
}

/* The values of a statement, and whether it says that something changes: read when it is first needed. */
static cairn_status read_statement(asking *a, statement *x, cairn_error *err)
{
    const char *sentence = x->t.passage + x->t.start;
    text_span *all = NULL;
    size_t n = 0;
    cairn_status st;

    if (x->read)
        return CAIRN_OK;
    x->read = true;
    x->change = standing_change_of(&x->t);
    st = is_typed(a->evidence.type)
             ? evidence_mentions(a->an, a->question, &a->evidence, &a->read[x->s->passage], x->s, &a->memory, &all, &n, err)
             : any_values(a, x, &all, &n, err);
    for (size_t i = 0; !st && i < n && x->n_values < VALUES_MAX; i++) {
        text_span in = {all[i].start - x->t.start, all[i].end - x->t.start};
        bool last = true;
        for (size_t j = 0; j < n; j++)
            last &= all[j].start <= all[i].start;
        if (!standing_is_replaced(sentence, in, last))
            x->value[x->n_values++] = all[i];
    }
    return st;
}

/* The one quantity that a value is; false: it is a name, a day of the week. */
static bool quantity_of(asking *a, const char *text, text_span at, quantity *out)
{
    quantity *q;
    size_t n;

    if (quantities_find(text + at.start, at.end - at.start, &a->memory, &q, &n, NULL) || n != 1)
        return false;
    *out = q[0];
    return true;
}

typedef enum relation { EQUAL, OTHER_VALUE, NOT_COMPARED } relation;

static relation compare_values(asking *a, const char *x, text_span xs, const char *y, text_span ys)
{
    quantity p, q;
    bool one = quantity_of(a, x, xs, &p), two = quantity_of(a, y, ys, &q);

    if (xs.end - xs.start == ys.end - ys.start && !strncasecmp(x + xs.start, y + ys.start, xs.end - xs.start))
        return EQUAL;
    if (!one || !two)
        return one == two && is_typed(a->evidence.type) ? OTHER_VALUE : NOT_COMPARED;
    if (quantity_equal(&p, &q) || quantity_equal(&q, &p))
        return EQUAL;
    if (p.kind != q.kind || (p.kind == QUANTITY_DATE && !p.month != !q.month) || (p.unit && q.unit && p.class != q.class) ||
        (p.kind == QUANTITY_NUMBER && !p.unit != !q.unit && !is_typed(a->evidence.type)))
        return NOT_COMPARED;
    return OTHER_VALUE;
}

/* Does y say of what was asked something else than x? *vx and *vy: what, where it is a value. */
static bool contradicts(asking *a, const statement *x, const statement *y, text_span *vx, text_span *vy)
{
    answer_type type = a->evidence.type;
    bool occurs = type == ANSWER_DATE || type == ANSWER_TIME || type == ANSWER_WHERE || type == ANSWER_OTHER, compared = false;

    *vx = x->n_values ? x->value[0] : (text_span){0, 0};
    *vy = y->n_values ? y->value[0] : (text_span){0, 0};
    if (x->change == STANDING_CANCELLED || y->change == STANDING_CANCELLED) {
        *vx = x->change == STANDING_CANCELLED ? (text_span){0, 0} : *vx;
        *vy = y->change == STANDING_CANCELLED ? (text_span){0, 0} : *vy;
        return occurs && x->change != y->change;
    }
    if (is_typed(type) && !x->n_values)
        return false;
    for (size_t i = 0; i < y->n_values; i++)
        for (size_t j = 0; j < x->n_values && (!j || !is_typed(type)); j++)
            switch (compare_values(a, x->t.passage, x->value[j], y->t.passage, y->value[i])) {
            case EQUAL:
                compared = true;
                if (y->change < STANDING_CHANGED)
                    return false;
                break;
            case OTHER_VALUE:
                *vx = x->value[j];
                *vy = y->value[i];
                return true;
            case NOT_COMPARED:
                break;
            }
    *vx = *vy = (text_span){0, 0};
    return !is_typed(type) && !compared && y->change == STANDING_CHANGED;
}

/* Does y hold in place of x? */
static cairn_status holds_against(asking *a, statement *y, statement *x, bool *holds, text_span *vx, text_span *vy, cairn_error *err)
{
    int order;
    standing_time known;
    bool same, alike;
    cairn_status st = CAIRN_OK;

    *holds = false;
    if (x->doc == y->doc || (known = standing_order(&x->t, &y->t, &order)) == STANDING_UNKNOWN || order >= 0)
        return CAIRN_OK;
    st = standing_same_matter(a->an, a->asked, &x->t, &y->t, &same, &alike, err);
    if (st || !same)
        return st;
    st = read_statement(a, x, err);
    if (!st)
        st = read_statement(a, y, err);
    if (!st)
        *holds = (y->change >= (known == STANDING_BY_DATE ? STANDING_NOW : STANDING_CHANGED) || (alike && known == STANDING_BY_DATE)) &&
                 contradicts(a, x, y, vx, vy);
    return st;
}

/* Is it a number without a unit, of which the question does not say that it asks for one: "14" of "room 14"? */
static bool is_bare(asking *a, const statement *x, text_span at)
{
    quantity q;

    return !is_typed(a->evidence.type) && at.end > at.start && quantity_of(a, x->t.passage, at, &q) && q.kind == QUANTITY_NUMBER && !q.unit;
}

/* The sentence that holds to the front, and what no longer does out of the evidence. */
static cairn_status put_first(asking *a, const evidence_sentence *now, const bool *old, cairn_error *err)
{
    evidence *e = &a->evidence;
    evidence_sentence *all = arena_calloc(&a->memory, e->n + 1, sizeof *all);
    size_t n = 0;

    if (!all)
        return cairn_fail(err, CAIRN_ENOMEM, "statements");
    all[n++] = *now;
    for (size_t i = 0; i < e->n; i++)
        if (&e->sentences[i] != now && !(i < CANDIDATES && old[i]))
            all[n++] = e->sentences[i];
    e->sentences = all;
    e->n = n;
    a->standing.now = all;
    return CAIRN_OK;
}

cairn_status ask_standing_find(asking *a, cairn_error *err)
{
    const evidence *e = &a->evidence;
    const evidence_sentence *best;
    statement all[CANDIDATES], *now = NULL, *told = NULL;
    bool old[CANDIDATES] = {false}, holds;
    text_span of_old, of_now;
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    if (a->apart.kind || e->n == e->n_planted || e->answerable < LEAST_CHANCE || e->type == ANSWER_WHY || e->type == ANSWER_YES_NO ||
        standing_asks_earlier(a->asked) || !(best = ask_typed_sentence(a)))
        return CAIRN_OK;
    for (; n < e->n && n < CANDIDATES && !e->sentences[n].planted; n++) {
        all[n] = make_statement(a, &e->sentences[n]);
        if (all[n].s == best)
            now = &all[n];
    }
    for (size_t i = 0; now && !st && i < n; i++)
        if (&all[i] != now && all[i].s->score >= best->score - SPREAD && !(all[i].s->lift < 0) && !all[i].s->blank &&
            !(st = holds_against(a, &all[i], now, &holds, &of_old, &of_now, err)) && holds)
            now = &all[i];
    for (size_t i = 0; now && !st && i < n; i++) {
        int order = 1;
        if (&all[i] == now || all[i].s->score < best->score - SPREAD)
            continue;
        st = holds_against(a, now, &all[i], &holds, &of_old, &of_now, err);
        if (st || !holds)
            continue;
        old[i] = true;
        if (!told || (standing_order(&told->t, &all[i].t, &order) && order < 0)) {
            told = &all[i];
            a->standing.old_value = of_old;
            a->standing.value = of_now;
        }
    }
    if (st || !told)
        return st;
    a->standing.old = *told->s;
    a->standing.quotes = is_bare(a, told, a->standing.old_value) || a->standing.old_value.end == a->standing.old_value.start;
    return put_first(a, now->s, old, err);
}

bool ask_standing_denies(asking *a, const char *text, size_t len)
{
    const ask_standing *s = &a->standing;
    const char *now, *old;
    quantity *q, p[2];
    size_t n;
    bool has[2] = {false, false};

    if (!s->now || s->old_value.end == s->old_value.start)
        return false;
    old = a->hits->hits[s->old.passage].text;
    now = a->hits->hits[s->now->passage].text;
    if (!quantity_of(a, old, s->old_value, &p[0]) || (s->value.end > s->value.start && !quantity_of(a, now, s->value, &p[1])) ||
        quantities_find(text, len, &a->memory, &q, &n, NULL))
        return memmem(text, len, old + s->old_value.start, s->old_value.end - s->old_value.start) &&
               !memmem(text, len, now + s->value.start, s->value.end - s->value.start);
    for (size_t i = 0; i < n; i++) {
        has[0] |= quantity_equal(&p[0], &q[i]) || quantity_equal(&q[i], &p[0]);
        has[1] |= s->value.end > s->value.start && (quantity_equal(&p[1], &q[i]) || quantity_equal(&q[i], &p[1]));
    }
    return has[0] && !has[1];
}

cairn_status ask_standing_tell(asking *a, cairn_error *err)
{
    static const char *const words[][2] = {{"de", " Ein früheres Dokument sagt etwas anderes: "},
                                           {"es", " Un documento anterior dice otra cosa: "},
                                           {"fr", " Un document antérieur dit autre chose : "},
                                           {"en", " An earlier document says otherwise: "}};
    const ask_standing *s = &a->standing;
    const char *lead = words[3][1];
    size_t start = s->old_value.start, end = s->old_value.end, from = a->text.len, lead_len, n;
    cairn_status st;

    if (!s->now)
        return CAIRN_OK;
    for (size_t i = 0; i < 3; i++)
        if (!strcmp(words[i][0], a->evidence.lang))
            lead = words[i][1];
    lead_len = strlen(lead);
    while (s->quotes && s->old.end - s->old.start > QUOTE_BYTES && strchr(" :", lead[lead_len - 1]))
        lead_len--; /* nothing is quoted */
    st = ask_add_cited(a, s->old.passage, s->old.start, s->old.end, true, &n);
    if (!st)
        st = bytes_append(&a->text, lead, lead_len);
    if (!st && !s->quotes)
        st = bytes_append(&a->text, a->hits->hits[s->old.passage].text + start, end - start);
    else if (!st && s->old.end - s->old.start <= QUOTE_BYTES)
        st = ask_put_quoted(a, &s->old, s->old.start, s->old.end);
    while (!st && a->text.len && (a->text.data[a->text.len - 1] == '.' || a->text.data[a->text.len - 1] == ' '))
        a->text.len--;
    if (!st)
        st = bytes_printf(&a->text, " [%zu].", n);
    if (st)
        return cairn_fail(err, st, "answer");
    if (!a->stopped)
        ask_release(a, a->text.data + from, a->text.len - from);
    a->shown = a->text.len;
    return CAIRN_OK;
}
