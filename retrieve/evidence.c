/* evidence.c - see evidence.h.
 *
 * Two rounds: all sentences are scored without an encoder; the best max_similar get their own cosine
 * and are scored again. Everything is compared by stems in the passage's language; the question's
 * weights belong to places in the question, so that they are the same for every passage. */
#include "retrieve/evidence.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "retrieve/cite_value.h"
#include "retrieve/evidence_model.h"
#include "retrieve/evidence_reading.h"
#include "retrieve/follow_up.h"
#include "retrieve/injection.h"
#include "retrieve/question_action.h"

#define FAR_PLACE 5
#define FAR_SCORE 1.0f
#define EMPTY_CELL 4.0f /* log-odds off where the best row has nothing below what is asked for */
#define DESIGNATION_HERE 1.0f /* log-odds for the sentence that names what is asked about */

#define IDLE        3.5f /* log-odds off a sentence whose passage does not speak of what the question asks to do, */
#define IDLE_BESIDE 1.5f /* ... which speaks of it elsewhere; where another one does and has what is asked for */
#define TALLY_HERE  3.0f /* log-odds for the tally of a vote that is asked about, by the share of the question around it */
#define CODE_HERE   3.0f /* ... for the line of a program that gives a value to what is asked for of a function */
#define WAY_OFF     3.0f /* ... off what is about another way of a journey ("our flight home") than the one that is asked about */
#define WAY_HERE    1.5f /* ... for what is about that one */
#define SALUTATION_BYTES 60
#define LONG_SENTENCE 60 /* words */
#define MANY_WORDS    10
#define SENTENCE_COST  24 /* bytes: what an encoder's prefix and ends are worth */
#define UNREAD_COSINE  0.75f /* what the weights' embedder gives a sentence of another thing */
#define SIMILAR_ALWAYS 2  /* sentences that get a cosine however long they are */
#define HEAD_BYTES    ((size_t)1 << 20)

void evidence_params_default(evidence_params *p)
{
    *p = (evidence_params){.max_similar = 12,
                           .least_similar = 3,
                           .similar_spread = 1.6f,
                           .similar_bytes = 900,
                           .carried = 0.3,
                           .scale = {1, 0},
                           .tail_from = 5};
}

/* ---- one passage ---- */

/* "How much does the K2 cost?": a list of prices has a column of prices. */
static bool is_price_verb(const char *word, size_t len)
{
    static const char *const verbs[] = {"cost", "costs", "kostet", "kosten", "cuesta", "cuestan", "coûte", "coûtent"};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (len == strlen(verbs[i]) && !strncasecmp(word, verbs[i], len))
            return true;
    return false;
}

static void reading_clear(reading *r)
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

static cairn_status read_passage(analyzer *an, const asked *q, const evidence_passage *p, arena *a,
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
static bool is_mail_header(const reading *r, const text_span *s)
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

/* How a sentence stands to the way of a journey that is asked about: < 0 another one, > 0 that one. */
static int agrees_on_way(const asked *q, const reading *r, const text_span *s)
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
static cairn_status mentions_in(const asked *q, const reading *r, const text_span *s, arena *a,
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
    if (q->type >= ANSWER_COUNT && q->type <= ANSWER_MEASURE && is_mail_header(r, s))
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

static bool typed(answer_type t)
{
    return t != ANSWER_OTHER && t != ANSWER_WHY && t != ANSWER_YES_NO;
}

/* ---- the lists ---- */

typedef struct lists {
    float best_lexical, tail_lexical, best_vector, tail_vector;
} lists;

static float scaled(const cosine_scale *s, float cosine)
{
    return s->shift + s->by * cosine;
}

/* The passage's cosine as the weights know it; 0: it has none. */
static float vector_of(const evidence_passage *p, const evidence_params *params)
{
    return p->vector > 0 ? fmaxf(scaled(&params->scale, p->vector), 0) : 0;
}

static lists read_lists(const evidence_passage *p, size_t n, const evidence_params *params)
{
    size_t from = params->tail_from;
    lists l = {0};
    size_t count = 0, with_vector = 0;

    for (size_t i = 0; i < n; i++) {
        l.best_lexical = fmaxf(l.best_lexical, p[i].lexical);
        l.best_vector = fmaxf(l.best_vector, vector_of(&p[i], params));
        if (i < from && n > from)
            continue;
        l.tail_lexical += p[i].lexical;
        l.tail_vector += vector_of(&p[i], params);
        with_vector += p[i].vector > 0;
        count++;
    }
    if (count)
        l.tail_lexical /= (float)count;
    if (with_vector)
        l.tail_vector /= (float)with_vector;
    return l;
}

/* ---- sentences ---- */

typedef struct finding {
    analyzer *an;
    const asked *q;
    const evidence_params *params;
    lists lists;
    bool vectors;
    arena *a;
    float (*names)[EVIDENCE_FEATURES]; /* [passages] evidence_find_names */
    const float *off; /* [passages] evidence_weigh_designations */
    evidence_sentence *at;
    uint64_t *hash; /* of each sentence's words */
    size_t n, cap;
    cairn_error *err;
} finding;

static float apply(const sentence_model *m, const float *f)
{
    float sum = m->bias;

    for (size_t i = 0; i < EVIDENCE_FEATURES; i++)
        sum += m->weight[i] * f[i];
    return sum;
}

static cairn_status add_sentence(finding *x, evidence_sentence s, uint64_t hash)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->hash[i] == hash)
            return CAIRN_OK; /* said before, by a passage that ranks higher */
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 64;
        evidence_sentence *at = arena_alloc(x->a, cap * sizeof *at);
        uint64_t *h = arena_alloc(x->a, cap * sizeof *h);
        if (!at || !h)
            return cairn_fail(x->err, CAIRN_ENOMEM, "evidence");
        if (x->n) {
            memcpy(at, x->at, x->n * sizeof *at);
            memcpy(h, x->hash, x->n * sizeof *h);
        }
        x->at = at;
        x->hash = h;
        x->cap = cap;
    }
    x->hash[x->n] = hash;
    x->at[x->n++] = s;
    return CAIRN_OK;
}

static uint64_t words_hash(const reading *r, const text_span *s)
{
    const text_term *at;
    size_t n;
    uint64_t h = 0xcbf29ce484222325u;

    evidence_terms_between(&r->terms, s->start, s->end, &at, &n);
    for (size_t i = 0; i < n; i++)
        h = (h ^ at[i].key) * 0x100000001b3u;
    return h;
}

/* Has the sentence a designation of the question ("E2": letters and a digit) that its title and heading lack? What has
 * it there is about it throughout. */
static bool tells_apart(const asked *q, const reading *r, const text_span *s)
{
    const text_term *at;
    size_t n;

    evidence_terms_between(&r->terms, s->start, s->end, &at, &n);
    for (size_t i = 0; i < q->n; i++) {
        bool digit = false, letter = false;
        for (uint32_t b = q->words[i].start; b < q->words[i].end; b++) {
            digit |= isdigit((unsigned char)q->text[b]) != 0;
            letter |= isalpha((unsigned char)q->text[b]) != 0;
        }
        if (digit && letter && r->keys[i] && terms_have(at, n, r->keys[i]) &&
            !terms_have(r->head.at, r->head.n, r->keys[i]))
            return true;
    }
    return false;
}

/* "~~The fee is 30 euros.~~" */
static bool is_struck_whole(const evidence_passage *p, const text_span *s)
{
    size_t start = s->start, end = s->end;

    while (start < end && strchr("-*~ ", p->text.text[start]))
        start++;
    while (end > start && strchr("~ .", p->text.text[end - 1]))
        end--;
    return end > start && text_is_struck(p->text.text, p->text.len, start) && text_is_struck(p->text.text, p->text.len, end - 1) &&
           !memmem(p->text.text + start, end - start, "~~", 2);
}

/* How much of the question stands around a tally, which says nothing of what was voted on: in its paragraph, with the line above it. Where
 * that line is one of the headings that the passage has for its parts, the others are of other votes. */
static void cover_around_tally(const asked *q, const reading *r, const text_span *s, const evidence_sentence *e, double *share, double *missing)
{
    const char *text = r->p->text.text, *heading = r->p->text.heading, *nl;
    size_t at = s->start;

    while (at && !(text[at - 1] == '\n' && (at < 2 || text[at - 2] == '\n')))
        at--;
    nl = memchr(text + at, '\n', s->start - at);
    if (nl && !(at && heading && memmem(heading, strlen(heading), text + at, (size_t)(nl - text) - at)))
        nl = NULL;
    if (!nl) /* "We voted on it: 7 for, 2 against": what it is, its neighbours say as well */
        evidence_cover(q, r, e->before < at ? e->before : at, e->after, true, share, missing);
    else
        evidence_cover(q, r, at, s->end, false, share, missing);
}

/* "Dear Ms Moreau," at the top of a letter or mail: a line by itself that answers nothing but who it is to. */
static bool is_salutation(const reading *r, const text_span *s)
{
    static const char *const begins[] = {"Dear ", "Hello ", "Hi ", "Liebe ", "Lieber ", "Hallo ", "Sehr geehrte ", "Sehr geehrter ", "Hola ", "Estimado ", "Estimada ",
                                         "Querido ", "Querida ", "Bonjour ", "Cher ", "Chère "};
    const char *text = r->p->text.text;
    size_t len = s->end - s->start;

    if (len > SALUTATION_BYTES || !strchr(",!:", text[s->end - 1]) || (s->start && text[s->start - 1] != '\n') || (s->end < r->p->text.len && text[s->end] != '\n'))
        return false;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (!strncmp(text + s->start, begins[i], strlen(begins[i])))
            return true;
    return false;
}

static cairn_status read_sentence(finding *x, const reading *all, size_t passage, size_t i)
{
    const reading *r = &all[passage];
    const text_span *s = &r->sentences[i];
    const evidence_passage *p = r->p;
    evidence_sentence e = {.passage = passage, .start = s->start, .end = s->end};
    double share, missing;
    const text_term *at;
    text_span *mentions, head;
    tally t;
    size_t n;
    cairn_status st;
    float *f = e.feature;

    memcpy(f, x->names[passage], sizeof e.feature);
    bool row = r->table && memmem(p->text.text + s->start, s->end - s->start, " | ", 3);
    e.before = !row && i && r->injection[i - 1] < INJECTION_BESIDE ? r->sentences[i - 1].start : s->start;
    e.after = !row && i + 1 < r->n_sentences && r->injection[i + 1] < INJECTION_BESIDE ? r->sentences[i + 1].end : s->end;
    e.head_end = row && i ? r->sentences[0].end : 0;
    e.injection = r->injection[i];
    e.planted = e.injection >= INJECTION_SENTENCE;
    bool voted = evidence_has_tally(x->q, r, s->start, s->end, &t);
    evidence_cover(x->q, r, s->start, s->end, false, &share, &missing);
    f[EVIDENCE_COVER] = (float)share;
    if (voted)
        cover_around_tally(x->q, r, s, &e, &share, &missing);
    else
        evidence_cover(x->q, r, e.before, e.after, true, &share, &missing);
    f[EVIDENCE_COVER_AROUND] = (float)share;
    f[EVIDENCE_RARE_AROUND] = (float)missing;
    evidence_cover(x->q, r, 0, p->text.len, true, &share, &missing);
    f[EVIDENCE_COVER_PASSAGE] = (float)share;
    f[EVIDENCE_RARE_PASSAGE] = (float)missing;
    st = mentions_in(x->q, r, s, x->a, &mentions, &n, x->err);
    if (st)
        return st;
    bool unseen = (x->q->type == ANSWER_WHO || x->q->type == ANSWER_WHERE) &&
                  !answer_names_visible(r->lang);
    f[EVIDENCE_TYPE] = !typed(x->q->type) || n || unseen;
    f[EVIDENCE_TYPE_STRONG] = typed(x->q->type) && n && !unseen;
    f[EVIDENCE_NUMBERS] = evidence_numbers_missing(x->q, r, e.before, e.after);
    f[EVIDENCE_LEXICAL_FIRST] = p->lexical > 0 && p->lexical >= x->lists.best_lexical;
    f[EVIDENCE_LEXICAL_SHARE] = x->lists.best_lexical > 0 ? p->lexical / x->lists.best_lexical : 0;
    f[EVIDENCE_LEXICAL_STEP] =
        x->q->total > 0 ? (p->lexical - x->lists.tail_lexical) / (float)x->q->total : 0;
    if (x->vectors) {
        float vector = vector_of(p, x->params);
        f[EVIDENCE_VECTOR_FIRST] = vector >= x->lists.best_vector;
        f[EVIDENCE_VECTOR_GAP] = vector > 0 ? vector - x->lists.best_vector : -0.1f;
        f[EVIDENCE_VECTOR_STEP] = vector > 0 ? vector - x->lists.tail_vector : 0;
        f[EVIDENCE_VECTOR] = vector > 0 ? vector : x->lists.tail_vector;
    }
    evidence_terms_between(&r->terms, s->start, s->end, &at, &n);
    f[EVIDENCE_LENGTH] = (float)(n > LONG_SENTENCE ? LONG_SENTENCE : n) / LONG_SENTENCE;
    f[EVIDENCE_FOREIGN] = *x->q->lang && strcmp(x->q->lang, r->lang) != 0;
    e.lift = !typed(x->q->type) && tells_apart(x->q, r, s) ? DESIGNATION_HERE : 0;
    e.lift -= evidence_off_subject(x->q, p, s, row);
    int way = agrees_on_way(x->q, r, s);
    e.away = way < 0;
    e.lift += way < 0 ? -WAY_OFF : way > 0 && (!typed(x->q->type) || n) ? WAY_HERE : 0;
    e.tally = voted ? TALLY_HERE * f[EVIDENCE_COVER_AROUND] : 0;
    e.lift += e.tally;
    e.acts = e.acts_in_passage = true;
    if (x->q->pays)
        e.acts = e.acts_in_passage = text_speaks_of_payment(p->text.text + s->start, s->end - s->start) ||
                                     (row && text_speaks_of_payment(p->text.text, r->sentences[0].end));
    if (x->q->action != SIZE_MAX) {
        uint64_t key = r->keys[x->q->action];
        e.acts = key && (terms_have(at, n, key) || terms_have(r->head.at, r->head.n, key));
        e.acts_in_passage = r->held[x->q->action];
    }
    e.blank = evidence_head_of_row(r, s, &head) && evidence_row_is_blank(x->q, r, &head, s);
    e.score = apply(x->vectors ? &sentence_by_vectors : &sentence_by_words, f) - x->off[passage] + e.lift;
    if (!n || (r->table && i == 0 && r->n_sentences > 1) || evidence_names_columns(r, s))
        return CAIRN_OK; /* signs alone, or the line that names the columns */
    if (!e.planted && ((!x->q->earlier && is_struck_whole(p, s)) || (x->q->type != ANSWER_WHO && is_salutation(r, s)) ||
                       (x->q->type == ANSWER_YES_NO && is_mail_header(r, s))))
        return CAIRN_OK;
    if (!e.planted && follow_up_repeats(p->text.text + s->start, s->end - s->start, &x->params->known, x->q->type == ANSWER_WHY))
        return CAIRN_OK;
    return add_sentence(x, e, words_hash(r, s));
}

/* "When can I return a grinder?": what is said of the grinder alone ("Faults of the grinder ... within 60 days") stands behind what
 * says when something is returned. */
static void weigh_actions(finding *x)
{
    bool spoken = false;

    for (size_t i = 0; i < x->n; i++)
        spoken |= x->at[i].acts && x->at[i].feature[EVIDENCE_TYPE_STRONG] > 0 && !x->at[i].planted && !(x->at[i].lift < 0);
    for (size_t i = 0; spoken && (x->q->action != SIZE_MAX || x->q->pays) && i < x->n; i++) {
        evidence_sentence *s = &x->at[i];
        s->idle = s->acts ? 0 : s->acts_in_passage ? IDLE_BESIDE : IDLE;
        s->score -= s->idle;
    }
}

/* The sentence with these bytes of a passage; NULL: it is not among them. */
static evidence_sentence *sentence_at(const finding *x, size_t passage, size_t at)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->at[i].passage == passage && x->at[i].start <= at && at < x->at[i].end && !x->at[i].planted)
            return &x->at[i];
    return NULL;
}

/* What a program gives a value to is said of the function that has it: the line of the constant is about all that the function's is. */
static void weigh_code(finding *x, const reading *all, size_t n)
{
    static const evidence_feature about[] = {EVIDENCE_COVER, EVIDENCE_COVER_AROUND, EVIDENCE_COVER_PASSAGE, EVIDENCE_RARE_AROUND, EVIDENCE_RARE_PASSAGE, EVIDENCE_NAMES,
                                             EVIDENCE_NAMES_NONE, EVIDENCE_NAMES_UNLINKED, EVIDENCE_COUNTED_MISSING, EVIDENCE_ATTRIBUTE_MISSING, EVIDENCE_NUMBERS,
                                             EVIDENCE_LEXICAL_FIRST, EVIDENCE_LEXICAL_SHARE, EVIDENCE_LEXICAL_STEP, EVIDENCE_VECTOR_FIRST, EVIDENCE_VECTOR_GAP,
                                             EVIDENCE_VECTOR_STEP, EVIDENCE_VECTOR};
    size_t function, passage;
    text_span defined, value;
    evidence_sentence *of, *has;

    if (!evidence_find_code_value(x->q, all, n, &function, &defined, &passage, &value) || !(of = sentence_at(x, function, defined.start)) ||
        !(has = sentence_at(x, passage, value.start)))
        return;
    for (size_t i = 0; i < sizeof about / sizeof *about; i++)
        has->feature[about[i]] = of->feature[about[i]];
    has->feature[EVIDENCE_TYPE] = 1;
    has->feature[EVIDENCE_TYPE_STRONG] = typed(x->q->type);
    has->lift += CODE_HERE;
    has->score = apply(x->vectors ? &sentence_by_vectors : &sentence_by_words, has->feature) - x->off[has->passage] + has->lift;
}

static int by_score(const void *a, const void *b)
{
    const evidence_sentence *x = a, *y = b;

    if (x->planted != y->planted)
        return x->planted ? 1 : -1;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    if (x->passage != y->passage)
        return x->passage < y->passage ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start);
}

/* Which of the sentences get a cosine: their places, rising. What the words put far below the best is not worth
 * an encoder's time: within 1.6 of it the same sentence came first as with all twelve for 0.995 to 1 of the questions of XQuAD
 * (en, de), hotpotqa-100 and the fixtures, with 4.4 to 5.9 sentences read in place of 6.2 to 8.9 within 2.5. A bound of 900
 * bytes on all of them halves what the slowest questions cost (docs/quality.md). */
static size_t choose_similar(const finding *x, const evidence_params *params, size_t *chosen)
{
    size_t n = 0, bytes = 0;

    for (size_t i = 0; i < x->n && n < params->max_similar && !x->at[i].planted; i++) {
        const evidence_sentence *s = &x->at[i];
        size_t len = s->end - s->start + SENTENCE_COST;
        bool near = s->score >= x->at[0].score - params->similar_spread || s->feature[EVIDENCE_FOREIGN] > 0;
        if (n >= SIMILAR_ALWAYS && bytes + len > params->similar_bytes)
            continue;
        if (n < params->least_similar || near) {
            chosen[n++] = i;
            bytes += len;
        }
    }
    return n;
}

/* The second round: cosines for the best ones. The rest keeps its order behind them. */
static cairn_status second_round(finding *x, const evidence_params *params)
{
    size_t *chosen = arena_alloc(x->a, (params->max_similar + 1) * sizeof *chosen), n, next = 0, behind = 0;
    const evidence_sentence **sentences = arena_alloc(x->a, (params->max_similar + 1) * sizeof *sentences);
    float *cosines = arena_alloc(x->a, (params->max_similar + 1) * sizeof *cosines);
    float least = 0;
    cairn_status st;

    if (!chosen || !sentences || !cosines)
        return cairn_fail(x->err, CAIRN_ENOMEM, "evidence");
    n = choose_similar(x, params, chosen);
    for (size_t i = 0; i < n; i++)
        sentences[i] = &x->at[chosen[i]];
    if (!n)
        return CAIRN_OK;
    st = params->similarity(params->similarity_ctx, sentences, n, cosines, x->err);
    if (st)
        return st;
    for (size_t i = 0; i < n; i++) {
        evidence_sentence *s = &x->at[chosen[i]];
        float cosine = isnan(cosines[i]) ? fminf(UNREAD_COSINE, x->lists.tail_vector) : scaled(&params->scale, cosines[i]);
        s->feature[EVIDENCE_COSINE] = cosine;
        s->feature[EVIDENCE_COSINE_STEP] = cosine - x->lists.tail_vector;
        s->score = apply(s->feature[EVIDENCE_FOREIGN] > 0 ? &sentence_foreign : &sentence_by_cosine, s->feature) -
                   x->off[s->passage] + s->lift - s->idle;
        if (!i || s->score < least)
            least = s->score;
    }
    for (size_t i = 0; i < x->n; i++) { /* two scales: what came later stays later */
        if (next < n && chosen[next] == i)
            next++;
        else
            x->at[i].score = fminf(x->at[i].score, least - 0.01f * (float)++behind);
    }
    return CAIRN_OK;
}

static void judge(const finding *x, const question_model *m, const char *lang, evidence *out)
{
    const evidence_sentence *best = out->sentences;
    float *e = out->extra, sum = m->bias - fmaxf(x->off[best->passage], -best->lift);
    float second = best->score - 8;

    for (size_t i = 0; i < out->n && !out->sentences[i].planted; i++) {
        const float *f = out->sentences[i].feature;
        if (out->sentences[i].passage != best->passage && out->sentences[i].score > second)
            second = out->sentences[i].score;
        e[EVIDENCE_MOST_COVER] = fmaxf(e[EVIDENCE_MOST_COVER], f[EVIDENCE_COVER]);
        e[EVIDENCE_MOST_AROUND] = fmaxf(e[EVIDENCE_MOST_AROUND], f[EVIDENCE_COVER_AROUND]);
        e[EVIDENCE_MOST_COSINE] = fmaxf(e[EVIDENCE_MOST_COSINE], f[EVIDENCE_COSINE_STEP]);
    }
    e[EVIDENCE_BEST_SCORE] = best->score;
    e[EVIDENCE_LEAD] = best->score - second;
    e[EVIDENCE_WORDS] = (float)(x->q->n > MANY_WORDS ? MANY_WORDS : x->q->n) / MANY_WORDS;
    for (size_t i = 0; i < EVIDENCE_FEATURES; i++)
        sum += m->weight[i] * best->feature[i];
    for (size_t i = 0; i < EVIDENCE_EXTRAS; i++)
        sum += m->extra[i] * e[i];
    if (best->blank)
        sum -= EMPTY_CELL;
    if (m == &question_by_cosine)
        sum += question_language_bias(lang);
    out->answerable = 1 / (1 + expf(-sum));
}

/* The order for a reader. What the words of a foreign passage say of the question is nothing, so there the score stays. */
static void weigh_for_reader(const finding *x, bool cosines)
{
    bool own = cosines && x->n && !(x->at[0].feature[EVIDENCE_FOREIGN] > 0);

    for (size_t i = 0; i < x->n; i++) {
        evidence_sentence *s = &x->at[i];
        s->reading = own ? sentence_for_reading(s->feature) - x->off[s->passage] + s->lift - s->tally - s->idle : s->score;
    }
}

cairn_status evidence_find(analyzer *an, const char *question, const evidence_passage *passages,
                           size_t n, const evidence_params *params, arena *a, evidence *out,
                           cairn_error *err)
{
    evidence_params defaults, own;
    const char **langs = arena_calloc(a, n + 1, sizeof *langs);
    float *off = arena_calloc(a, n + 1, sizeof *off);
    float (*features)[EVIDENCE_FEATURES] = arena_calloc(a, n + 1, sizeof *features);
    reading *all = arena_calloc(a, n + 1, sizeof *all);
    asked q;
    finding x;
    cairn_status st;

    *out = (evidence){.lang = ""};
    evidence_params_default(&defaults);
    params = params ? params : &defaults;
    const char *typed = params->typed_len ? arena_strndup(a, question, params->typed_len) : NULL, *spelt = evidence_as_spelt(question, passages, n, a);
    if (!langs || !off || !features || !all || !spelt || (params->typed_len && !typed))
        return cairn_fail(err, CAIRN_ENOMEM, "evidence");
    if (spelt != question && typed && (typed = evidence_as_spelt(typed, passages, n, a))) {
        own = *params;
        own.typed_len = strlen(typed);
        params = &own;
    }
    question = spelt;
    for (size_t i = 0; i < n; i++)
        langs[i] = passages[i].text.lang;
    out->lang = evidence_language(question, strlen(question), langs, n);
    st = evidence_read_question(an, question, params, out->lang, a, &q, err);
    if (!st)
        evidence_weigh_designations(&q, passages, n, off);
    x = (finding){.an = an, .q = &q, .a = a, .err = err, .off = off, .names = features, .params = params,
                  .lists = read_lists(passages, n, params)};
    x.vectors = x.lists.best_vector > 0;
    out->type = q.type;
    out->typed_len = params->typed_len;
    out->asks_to_do = q.action != SIZE_MAX || q.pays;
    out->units = q.units;
    for (size_t i = 0; i < n && !st; i++)
        st = read_passage(an, &q, &passages[i], a, &all[i], err);
    if (!st)
        evidence_read_misspelt(&q, all, n);
    if (!st)
        st = evidence_find_names(&q, all, n, a, features, err);
    for (size_t i = 0; i < n && !st; i++)
        for (size_t j = 0; !st && j < all[i].n_sentences; j++)
            st = read_sentence(&x, all, i, j);
    if (!st)
        weigh_code(&x, all, n);
    for (size_t i = 0; i < n; i++)
        reading_clear(&all[i]);
    if (st)
        return st;
    weigh_actions(&x);
    if (x.n)
        qsort(x.at, x.n, sizeof *x.at, by_score);
    bool cosines = x.vectors && params->similarity && x.n;
    if (cosines && !(st = second_round(&x, params)))
        qsort(x.at, x.n, sizeof *x.at, by_score);
    if (st)
        return st;
    weigh_for_reader(&x, cosines);
    out->sentences = x.at;
    out->n = x.n;
    for (size_t i = 0; i < x.n; i++)
        out->n_planted += x.at[i].planted;
    if (out->n > out->n_planted)
        judge(&x, !cosines                                                ? &question_by_words
                  : out->sentences[0].feature[EVIDENCE_FOREIGN] > 0 ? &question_foreign
                                                                    : &question_by_cosine,
              passages[out->sentences[0].passage].text.lang, out);
    return CAIRN_OK;
}

/* ---- the short answer ---- */

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
    if (!typed(e->type))
        return CAIRN_OK;
    evidence_params_default(&params);
    params.typed_len = e->typed_len;
    st = evidence_read_question(an, question, &params, e->lang, a, &q, err);
    if (!st)
        st = read_passage(an, &q, p, a, &r, err);
    if (!st)
        st = mentions_in(&q, &r, &where, a, &found, n, err);
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
    reading_clear(&r);
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

bool evidence_is_far(const evidence *e, const evidence_sentence *s)
{
    return s >= e->sentences + FAR_PLACE && s->score <= e->sentences[0].score - FAR_SCORE;
}
