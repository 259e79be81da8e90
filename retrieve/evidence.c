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
    st = evidence_mentions_in(x->q, r, s, x->a, &mentions, &n, x->err);
    if (st)
        return st;
    bool unseen = (x->q->type == ANSWER_WHO || x->q->type == ANSWER_WHERE) &&
                  !answer_names_visible(r->lang);
    f[EVIDENCE_TYPE] = !evidence_is_typed(x->q->type) || n || unseen;
    f[EVIDENCE_TYPE_STRONG] = evidence_is_typed(x->q->type) && n && !unseen;
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
    e.lift = !evidence_is_typed(x->q->type) && tells_apart(x->q, r, s) ? DESIGNATION_HERE : 0;
    e.lift -= evidence_off_subject(x->q, p, s, row);
    int way = evidence_agrees_on_way(x->q, r, s);
    e.away = way < 0;
    e.lift += way < 0 ? -WAY_OFF : way > 0 && (!evidence_is_typed(x->q->type) || n) ? WAY_HERE : 0;
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
                       (x->q->type == ANSWER_YES_NO && evidence_is_mail_header(r, s))))
        return CAIRN_OK;
    if (!e.planted && !x->q->of_questions && evidence_only_asks(r, i))
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
    has->feature[EVIDENCE_TYPE_STRONG] = evidence_is_typed(x->q->type);
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
        st = evidence_read_passage(an, &q, &passages[i], a, &all[i], err);
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
        evidence_reading_clear(&all[i]);
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

bool evidence_is_far(const evidence *e, const evidence_sentence *s)
{
    return s >= e->sentences + FAR_PLACE && s->score <= e->sentences[0].score - FAR_SCORE;
}
