/* ask_standing.c - of statements that contradict each other the one that holds now.
 *
 * Where the sentence that would answer is corrected by a later document, or by a later entry or a correction in its own
 * (retrieve/standing.h), the later one answers, and the earlier one is told and cited in one clause. The same is done where a
 * sentence says from when or until when it holds and the day of the question, or the one it names, is not within.
 * What does not hold is neither evidence nor in the prompt, and what a model says of it is not confirmed.
 *
 * Two statements contradict each other where they give different values of the kind that was asked for. A later one
 * without a word of change counts only where the dates of the documents tell, and both are nearly the same sentence of
 * one series of documents; where the times of files alone tell, a word of change is needed. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/ask.h"
#include "engine/literacy.h"
#include "retrieve/standing.h"
#include "retrieve/vague_time.h"

#define CANDIDATES   12   /* of the best sentences */
#define SPREAD       4.5f /* log-odds below the best one */
#define LEAST_CHANCE 0.1f /* that the question is answered at all */
#define QUOTE_BYTES  160
#define VALUES_MAX   8
#define NO_VALUE     1.6f /* what a sentence loses that says "is cancelled" where a date is asked for */
#define WIDE_SPREAD  8.0f /* ... of one in another language, whose scale is another one, and of one that goes on, "From 1 May it is 14 euros" */
#define LIKE_FOREIGN   0.82f /* cosine of two sentences, each in its language, of one series of documents; by itself it tells one thing from another
                                too seldom (docs/retrieval.md) */

typedef enum holding { HOLDS, IS_OVER, IS_TO_COME } holding;

typedef struct statement {
    const evidence_sentence *s;
    standing_text t;
    uint64_t doc, at; /* at: byte of the document */
    standing_limit *limits;
    size_t n_limits;
    text_span entry; /* the date of its entry that it begins with; empty: none */
    text_span value[VALUES_MAX]; /* of the kind asked for, the nearest first, but for those that are replaced in it */
    holding is[VALUES_MAX];      /* on the day asked for */
    int64_t from[VALUES_MAX];    /* INT64_MIN: not said */
    size_t n_values;
    holding whole; /* of a sentence without values: by all its days */
    standing_change change, within; /* within: against others of its document */
    bool read;
} statement;

/* For which day. */
typedef struct asked_day {
    standing_asked asked;
    int64_t day;
} asked_day;

static bool is_typed(answer_type t)
{
    return t != ANSWER_OTHER && t != ANSWER_WHY && t != ANSWER_YES_NO;
}

standing_text ask_standing_text(const asking *a, const evidence_sentence *s)
{
    const cairn_hit *h = &a->hits->hits[s->passage];

    return (standing_text){.passage = h->text,
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
                           .modified_ns = h->modified_ns};
}

static cairn_status make_statement(asking *a, const evidence_sentence *s, statement *out, cairn_error *err)
{
    const cairn_hit *h = &a->hits->hits[s->passage];

    *out = (statement){.s = s, .doc = h->doc, .at = h->byte_start + s->start, .t = ask_standing_text(a, s)};
    standing_drop_label(&out->t);
    (void)standing_entry_date(&out->t, &out->entry);
    return standing_limits(h->text + out->t.start, out->t.end - out->t.start, standing_written(&out->t), &a->memory, &out->limits, &out->n_limits, err);
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

/* The times of a sentence whose dates only say from when or until when something holds, or when it was written. */
static cairn_status other_times(asking *a, const statement *x, text_span **out, size_t *n, cairn_error *err)
{
    const char *text = x->t.passage + x->t.start;
    size_t len = x->t.end - x->t.start, n_q, kept = 0;
    quantity *q;
    cairn_status st = quantities_find(text, len, &a->memory, &q, &n_q, err);

    if (!st && !(*out = arena_calloc(&a->memory, n_q + len / 2 + 1, sizeof **out)))
        st = cairn_fail(err, CAIRN_ENOMEM, "statements");
    if (st)
        return st;
    for (size_t i = 0; i < n_q; i++)
        if (q[i].kind == QUANTITY_TIME)
            (*out)[kept++] = (text_span){x->t.start + q[i].start, x->t.start + q[i].end};
    if (!kept) {
        kept = vague_times(text, len, q, n_q, *out, n_q + len / 2);
        for (size_t i = 0; i < kept; i++)
            (*out)[i] = (text_span){x->t.start + (*out)[i].start, x->t.start + (*out)[i].end};
    }
    *n = kept;
    return CAIRN_OK;
}

/* Is the value a date, or a part of one, that says from when or until when something holds, or when it was written? */
static bool is_limit(const statement *x, text_span at)
{
    if (at.start < x->entry.end && at.end > x->entry.start)
        return true;
    for (size_t i = 0; i < x->n_limits; i++)
        if (at.start < x->t.start + x->limits[i].end && at.end > x->t.start + x->limits[i].start)
            return true;
    return false;
}

static int by_place(const void *x, const void *y)
{
    const text_span *a = x, *b = y;

    return (a->start > b->start) - (a->start < b->start);
}

static holding holding_of(const asked_day *day, int64_t from, int64_t until)
{
    return day->day < from ? IS_TO_COME : day->day > until ? IS_OVER : HOLDS;
}

/* Which of the values hold on the day asked for. */
static void read_days(const asked_day *day, statement *x)
{
    text_span sorted[VALUES_MAX];

    x->whole = HOLDS;
    for (size_t i = 0; i < x->n_limits && day->asked != STANDING_ANY && x->whole == HOLDS; i++)
        x->whole = holding_of(day, x->limits[i].days.from, x->limits[i].days.until);

    for (size_t i = 0; i < x->n_values; i++)
        sorted[i] = (text_span){x->value[i].start - x->t.start, x->value[i].end - x->t.start};
    qsort(sorted, x->n_values, sizeof *sorted, by_place);
    for (size_t i = 0; i < x->n_values; i++) {
        standing_days days;
        size_t which = 0;
        while (sorted[which].start != x->value[i].start - x->t.start)
            which++;
        x->is[i] = HOLDS;
        x->from[i] = INT64_MIN;
        if (day->asked == STANDING_ANY || !standing_days_of(x->t.passage + x->t.start, x->t.end - x->t.start, sorted, x->n_values, which,
                                                            x->limits, x->n_limits, &days))
            continue;
        x->from[i] = days.from;
        x->is[i] = holding_of(day, days.from, days.until);
    }
}

/* The values of a statement, and whether it says that something changes: read when it is first needed. */
static cairn_status read_statement(asking *a, const asked_day *day, statement *x, cairn_error *err)
{
    const cairn_hit *h = &a->hits->hits[x->s->passage];
    const char *sentence = x->t.passage + x->t.start;
    text_span *all = NULL, *others;
    size_t n = 0, n_others;
    cairn_status st;

    if (x->read)
        return CAIRN_OK;
    x->read = true;
    x->change = standing_change_of(&x->t);
    x->within = standing_change_within(&x->t);
    st = is_typed(a->evidence.type)
             ? evidence_mentions(a->an, a->question, &a->evidence, &a->read[x->s->passage], x->s, &a->memory, &all, &n, err)
             : any_values(a, x, &all, &n, err);
    if (!st && a->evidence.type == ANSWER_DATE && (x->n_limits || x->entry.end)) {
        size_t left = 0;
        for (size_t i = 0; i < n; i++)
            left += !is_limit(x, all[i]);
        if (!left && !(st = other_times(a, x, &others, &n_others, err)) && (n_others || x->n_limits)) {
            all = others;
            n = n_others;
        } else if (!left) {
            x->entry = (text_span){0, 0}; /* "2025-04-08: roof inspection": it is the day that was asked for */
        }
    }
    for (size_t i = 0; !st && i < n && x->n_values < VALUES_MAX; i++) {
        text_span in = {all[i].start - x->t.start, all[i].end - x->t.start};
        bool last = true;
        if (all[i].start < x->t.start || text_is_struck(h->text, h->text_len, all[i].start)) /* of its label; struck out */
            continue;
        for (size_t j = 0; j < n; j++)
            last &= all[j].start <= all[i].start;
        if (!is_limit(x, all[i]) && !standing_is_replaced(sentence, in, last))
            x->value[x->n_values++] = all[i];
    }
    x->t.values = x->value;
    x->t.n_values = is_typed(a->evidence.type) ? x->n_values : 0;
    read_days(day, x);
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
static bool contradicts(asking *a, const statement *x, standing_change x_change, const statement *y, standing_change y_change, text_span *vx,
                        text_span *vy)
{
    answer_type type = a->evidence.type;
    bool occurs = type == ANSWER_DATE || type == ANSWER_TIME || type == ANSWER_WHERE || type == ANSWER_OTHER, compared = false;

    *vx = x->n_values ? x->value[0] : (text_span){0, 0};
    *vy = y->n_values ? y->value[0] : (text_span){0, 0};
    if (x_change == STANDING_CANCELLED || y_change == STANDING_CANCELLED) {
        *vx = x_change == STANDING_CANCELLED ? (text_span){0, 0} : *vx;
        *vy = y_change == STANDING_CANCELLED ? (text_span){0, 0} : *vy;
        return occurs && x_change != y_change;
    }
    if (is_typed(type) && !x->n_values)
        return false;
    for (size_t i = 0; i < y->n_values; i++)
        for (size_t j = 0; j < x->n_values && (!j || !is_typed(type)); j++)
            switch (compare_values(a, x->t.passage, x->value[j], y->t.passage, y->value[i])) {
            case EQUAL:
                compared = true;
                if (y_change < STANDING_CHANGED)
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
    return !is_typed(type) && !compared && y_change == STANDING_CHANGED;
}

/* By the days: y holds on the day asked for, and x no longer or not yet, or y since a later day. */
static bool holds_by_days(asking *a, const statement *x, const statement *y, bool y_may_be_later, text_span *vx, text_span *vy)
{
    size_t i = 0, j = 0;

    while (i < y->n_values && y->is[i] != HOLDS)
        i++;
    if (i == y->n_values || !x->n_values)
        return false;
    for (size_t k = 0; k < x->n_values; k++) /* the same is said of this day */
        if (x->is[k] == HOLDS && compare_values(a, x->t.passage, x->value[k], y->t.passage, y->value[i]) == EQUAL)
            return false;
    while (j < x->n_values && x->is[j] == HOLDS)
        j++;
    if (j == x->n_values) {
        j = 0;
        if (!y_may_be_later || y->from[i] == INT64_MIN || y->from[i] <= x->from[0])
            return false;
    } else if (x->is[0] == HOLDS) { /* it has one for this day, too */
        return false;
    }
    *vx = x->value[j];
    *vy = y->value[i];
    return compare_values(a, x->t.passage, *vx, y->t.passage, *vy) == OTHER_VALUE;
}

/* Do two sentences, each in its language, speak of one thing? By the titles of their documents and their own vectors. */
static cairn_status alike_across(asking *a, const statement *x, const statement *y, bool *alike, cairn_error *err)
{
    encoder_text texts[2] = {{x->t.passage + x->t.start, x->t.end - x->t.start}, {y->t.passage + y->t.start, y->t.end - y->t.start}};
    literacy reads;
    encoder *e;
    float *v, cosine = 0;
    size_t dim;
    cairn_status st = CAIRN_OK;

    *alike = false;
    if (a->hits->mode == CAIRN_LEXICAL || !a->c->settings.ask_sentence_cosines)
        return CAIRN_OK;
    literacy_of_embedder(a->c, &reads);
    if ((st = standing_one_series(a->an, &x->t, &y->t, alike, err)) || !*alike)
        return st;
    *alike = false;
    if (literacy_is_foreign(&reads, x->t.lang) || literacy_is_foreign(&reads, y->t.lang) || (st = engine_encoder(a->c, &e, err)))
        return st;
    dim = encoder_dim(e);
    if (!(v = arena_calloc(&a->memory, 2 * dim, sizeof *v)))
        return cairn_fail(err, CAIRN_ENOMEM, "statements");
    st = engine_embed_sentences(a->c, texts, 2, a->request->cancel, v, err);
    for (size_t d = 0; d < dim; d++)
        cosine += v[d] * v[dim + d];
    *alike = !st && cosine >= LIKE_FOREIGN;
    return st;
}

/* What is known of two statements' order before they are read: may y hold in place of x? */
typedef struct standing_turn {
    bool days, later, entries; /* by the days asked for; y was written later; by the entries of one document */
    standing_time known;
} standing_turn;

static standing_turn turn_of(const asked_day *day, const statement *x, const statement *y)
{
    if (standing_is_label(&x->t) || standing_is_label(&y->t)) /* "8 April 2025" */
        return (standing_turn){0};

    standing_turn t = {.days = day->asked != STANDING_ANY && (x->n_limits || y->n_limits)};
    int order = 0;

    if (x->doc == y->doc) {
        t.entries = !x->s->head_end && !y->s->head_end && standing_order_within(&x->t, &y->t, &order);
        t.known = t.entries ? STANDING_BY_DATE : STANDING_UNKNOWN;
        t.later = t.entries ? order < 0 : !x->s->head_end && !y->s->head_end && y->at != x->at;
        t.days &= !x->s->head_end && !y->s->head_end;
    } else {
        t.known = standing_order(&x->t, &y->t, &order);
        t.later = t.known != STANDING_UNKNOWN && order < 0;
    }
    return t;
}

/* By what was written later, and says so or is alike. */
static bool holds_by_order(asking *a, const statement *x, const statement *y, const standing_turn *t, const standing_match *m, text_span *vx,
                           text_span *vy)
{
    standing_change xc = x->change, yc = y->change;

    if (x->doc == y->doc) {
        xc = x->within;
        yc = y->within;
        if (!m->alike && !(t->entries && m->own))
            return false;
        if (!t->entries && (yc < STANDING_CHANGED || (xc >= STANDING_CHANGED && y->at < x->at)))
            return false;
        if (!is_typed(a->evidence.type) && yc < STANDING_CANCELLED && !y->n_values)
            return false;
        if (t->entries && yc < STANDING_NOW && !m->alike)
            return false;
    } else if (yc < (t->known == STANDING_BY_DATE ? STANDING_NOW : STANDING_CHANGED) && !(m->alike && t->known == STANDING_BY_DATE)) {
        return false;
    }
    return contradicts(a, x, xc, y, yc, vx, vy);
}

/* Does y hold in place of x? */
static cairn_status holds_against(asking *a, const asked_day *day, statement *y, statement *x, bool *holds, text_span *vx, text_span *vy,
                                  cairn_error *err)
{
    const bool across = strcmp(x->t.lang ? x->t.lang : "", y->t.lang ? y->t.lang : "") != 0;
    standing_turn t = turn_of(day, x, y);
    standing_match m = {0};
    bool over = false;
    cairn_status st = CAIRN_OK;

    *holds = false;
    if ((!t.days && !t.later) || (across && (!t.later || t.known != STANDING_BY_DATE || x->doc == y->doc)))
        return CAIRN_OK;
    st = read_statement(a, day, x, err);
    if (!st)
        st = read_statement(a, day, y, err);
    if (!st && across && y->change >= STANDING_CHANGED)
        st = alike_across(a, x, y, &m.same, err);
    else if (!st && !across)
        st = standing_same_matter(a->an, a->asked, &x->t, &y->t, x->doc == y->doc, &m, err);
    if (st || !m.same)
        return st;
    over = y->n_values > 0;
    for (size_t i = 0; i < y->n_values; i++)
        over &= y->is[i] != HOLDS;
    if (over)
        return CAIRN_OK;
    if (t.days && m.alike && !m.goes_on && (!x->n_values || !y->n_values) && x->whole != HOLDS && y->whole == HOLDS) {
        *vx = *vy = (text_span){0, 0}; /* what is said has no value, but its days: "From 1 December the office is open from 8 to 11." */
        *holds = true;
        return CAIRN_OK;
    }
    *holds = (t.days && (m.alike || (m.own && x->doc != y->doc && is_typed(a->evidence.type))) && holds_by_days(a, x, y, x->doc == y->doc || t.later, vx, vy)) ||
             (t.later && holds_by_order(a, x, y, &t, &m, vx, vy));
    return CAIRN_OK;
}

/* Is it a number without a unit, of which the question does not say that it asks for one: "14" of "room 14"? */
static bool is_bare(asking *a, const statement *x, text_span at)
{
    quantity q;

    return !is_typed(a->evidence.type) && at.end > at.start && quantity_of(a, x->t.passage, at, &q) && q.kind == QUANTITY_NUMBER && !q.unit;
}

cairn_status ask_standing_put_first(asking *a, const evidence_sentence *now, const bool *old, size_t n_old, cairn_error *err)
{
    evidence *e = &a->evidence;
    evidence_sentence *all = arena_calloc(&a->memory, e->n + 1, sizeof *all);
    size_t n = 0;

    if (!all)
        return cairn_fail(err, CAIRN_ENOMEM, "statements");
    all[n++] = *now;
    for (size_t i = 0; i < e->n; i++)
        if (&e->sentences[i] != now && !(i < n_old && old[i]))
            all[n++] = e->sentences[i];
    e->sentences = all;
    e->n = n;
    a->standing.now = all;
    return CAIRN_OK;
}

/* The value that is struck out in a sentence, of the kind of the one that stands; empty: none. */
static cairn_status struck_value(asking *a, const statement *x, text_span *out, cairn_error *err)
{
    const cairn_hit *h = &a->hits->hits[x->s->passage];
    quantity *q;
    size_t n;
    cairn_status st = quantities_find(h->text + x->t.start, x->t.end - x->t.start, &a->memory, &q, &n, err);

    *out = (text_span){0, 0};
    for (size_t i = 0; !st && i < n; i++) {
        text_span at = {x->t.start + q[i].start, x->t.start + q[i].end};
        if (text_is_struck(h->text, h->text_len, at.start) && compare_values(a, x->t.passage, at, x->t.passage, x->value[0]) == OTHER_VALUE)
            *out = at;
    }
    return st;
}

/* A sentence that has a value for each time: "12 euros until 31 March, and 14 euros from 1 April". */
static cairn_status find_in_sentence(asking *a, statement *x, cairn_error *err)
{
    size_t now = 0;
    bool same = false;
    text_span struck = {0};
    cairn_status st = CAIRN_OK;

    if (x->n_values && !x->s->head_end && !(st = struck_value(a, x, &struck, err)) && struck.end > struck.start) {
        a->standing.old = *x->s;
        a->standing.old_value = struck;
        a->standing.value = x->value[0];
        a->standing.told = ASK_TOLD_SAME;
        return ask_standing_put_first(a, x->s, NULL, 0, err);
    }
    while (!st && now < x->n_values && x->is[now] != HOLDS)
        now++;
    if (st || x->s->head_end || x->n_values < 2 || !now || now == x->n_values ||
        compare_values(a, x->t.passage, x->value[0], x->t.passage, x->value[now]) != OTHER_VALUE)
        return st;
    st = standing_same_subject(a->an, a->asked, &x->t, x->value[0].end < x->value[now].end ? x->value[0].end : x->value[now].end, &same, err);
    if (st || !same)
        return st;
    a->standing.old = *x->s;
    a->standing.old_value = x->value[0];
    a->standing.value = x->value[now];
    a->standing.told = ASK_TOLD_SAME;
    return ask_standing_put_first(a, x->s, NULL, 0, err);
}

static float spread_of(const statement *x, const statement *best)
{
    if (x->s->feature[EVIDENCE_FOREIGN] > 0 || (x->n_limits && x->doc == best->doc))
        return WIDE_SPREAD;
    return standing_change_within(&x->t) == STANDING_CANCELLED ? SPREAD + NO_VALUE : SPREAD;
}

static ask_told how_told(const statement *told, const statement *now, text_span of_old)
{
    for (size_t i = 0; i < told->n_values; i++)
        if (told->value[i].start == of_old.start && told->is[i] != HOLDS)
            return told->is[i] == IS_OVER ? ASK_TOLD_BEFORE : ASK_TOLD_LATER;
    for (size_t i = 0; told->doc == now->doc && i < now->n_values; i++) /* it holds from a day on */
        if (now->is[i] == HOLDS && now->from[i] != INT64_MIN)
            return ASK_TOLD_BEFORE;
    if (!told->n_values && told->whole != HOLDS)
        return told->whole == IS_OVER ? ASK_TOLD_BEFORE : ASK_TOLD_LATER;
    return told->doc == now->doc ? ASK_TOLD_ENTRY : ASK_TOLD_DOCUMENT;
}

cairn_status ask_standing_find(asking *a, cairn_error *err)
{
    const evidence *e = &a->evidence;
    const evidence_sentence *best;
    statement all[CANDIDATES], *now = NULL, *told = NULL;
    bool old[CANDIDATES] = {false}, holds;
    text_span of_old, of_now;
    asked_day day;
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    if (a->apart.kind || e->n == e->n_planted || e->answerable < LEAST_CHANCE || e->type == ANSWER_WHY || e->type == ANSWER_YES_NO ||
        !(best = ask_typed_sentence(a)))
        return CAIRN_OK;
    if (standing_asks_earlier(a->asked))
        return ask_earlier_find(a, err);
    day.asked = standing_day_asked(a->asked, a->request->day ? a->request->day : retrieve_today(), &day.day);
    for (; !st && n < e->n && n < CANDIDATES && !e->sentences[n].planted; n++) {
        st = make_statement(a, &e->sentences[n], &all[n], err);
        a->standing.by_day |= !st && all[n].n_limits;
        if (all[n].s == best)
            now = &all[n];
    }
    for (size_t i = 0; now && !st && i < n; i++)
        if (&all[i] != now && all[i].s->score >= best->score - spread_of(&all[i], now) && !(all[i].s->lift < 0) && !all[i].s->blank &&
            !(st = holds_against(a, &day, &all[i], now, &holds, &of_old, &of_now, err)) && holds)
            now = &all[i];
    for (size_t i = 0; now && !st && i < n; i++) {
        int order = 1;
        if (&all[i] == now || all[i].s->score < best->score - spread_of(&all[i], now))
            continue;
        st = holds_against(a, &day, now, &all[i], &holds, &of_old, &of_now, err);
        if (st || !holds)
            continue;
        old[i] = true;
        if (!told || (standing_order(&told->t, &all[i].t, &order) && order < 0)) {
            told = &all[i];
            a->standing.old_value = of_old;
            a->standing.value = of_now;
        }
    }
    if (!st && now && !told && (now->n_limits || memmem(now->t.passage + now->t.start, now->t.end - now->t.start, "~~", 2)) &&
        !(st = read_statement(a, &day, now, err)))
        return find_in_sentence(a, now, err);
    if (st || !told)
        return st;
    a->standing.old = *told->s;
    a->standing.told = how_told(told, now, a->standing.old_value);
    a->standing.quotes = a->standing.told >= ASK_TOLD_BEFORE || is_bare(a, told, a->standing.old_value) ||
                         a->standing.old_value.end == a->standing.old_value.start;
    return ask_standing_put_first(a, now->s, old, CANDIDATES, err);
}

bool ask_standing_denies(asking *a, const char *text, size_t len)
{
    const ask_standing *s = &a->standing;
    const char *now, *old;
    quantity *q, p[2];
    size_t n;
    bool has[2] = {false, false};

    if (s->now && s->earlier)
        return ask_earlier_denies(a, text, len);
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
    static const char *const words[][5] = {
        {"de", " Ein früheres Dokument sagt etwas anderes: ", " Ein früherer Eintrag sagt etwas anderes: ", " Davor galt: ", " Das ändert sich: "},
        {"es", " Un documento anterior dice otra cosa: ", " Una entrada anterior dice otra cosa: ", " Antes: ", " Esto cambia: "},
        {"fr", " Un document antérieur dit autre chose : ", " Une entrée antérieure dit autre chose : ", " Avant : ", " Cela change : "},
        {"en", " An earlier document says otherwise: ", " An earlier entry says otherwise: ", " Before that: ", " This changes: "}};
    const ask_standing *s = &a->standing;
    const char *lead = words[3][1 + s->told % ASK_TOLD_SAME];
    size_t start = s->old_value.start, end = s->old_value.end, from = a->text.len, lead_len, n;
    cairn_status st;

    if (!s->now || s->told == ASK_TOLD_SAME)
        return CAIRN_OK;
    for (size_t i = 0; i < 3; i++)
        if (!strcmp(words[i][0], a->evidence.lang))
            lead = words[i][1 + s->told % ASK_TOLD_SAME];
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
