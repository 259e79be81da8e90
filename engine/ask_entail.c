/* ask_entail.c - whether what a model wrote follows from what it cites, by an encoder that was trained to tell.
 *
 * Words decide first: a sentence that no passage holds by its words stays unsupported whatever the encoder makes of it. Of
 * the others each is put to it with the passage that holds its words best: the premise is the cited sentence with its
 * neighbours below the heading (a table's row is spelt with the names of its columns), the hypothesis the sentence, behind
 * the question where it is a phrase and no sentence ("60 days"). One call reads these pairs of the whole answer; a second
 * one the other passages that hold the words of sentences which do not follow from the first, and the first of them that
 * entails the sentence is cited in its place. Where none does, the sentence is unsupported.
 *
 * With ask.entailment_ms what is not read in time is left as the words have it. */
#include <ctype.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/log.h"
#include "engine/ask.h"
#include "engine/entail.h"
#include "engine/rerank.h"
#include "engine/shared_model.h"

#define AT_ONCE       16 /* pairs between two looks at the clock */
#define PHRASE_WORDS  4  /* with fewer it is none */
#define PREMISE_BYTES ((size_t)64 << 10)

/* A sentence and a place of it, to be read. */
typedef struct pair {
    ask_said *said;
    size_t place;
    encoder_text premise, hypothesis;
    entailment is;
    bool read;
} pair;

const char *ask_entail_name(asking *a)
{
    char name[SETTINGS_TEXT];

    if (!a->entail_name) {
        entail_named(a->c, name, sizeof name);
        a->entail_name = arena_strdup(&a->memory, name);
    }
    return a->entail_name;
}

cairn_status ask_entail_begin(asking *a, cairn_error *err)
{
    const char *name;

    a->entailer = NULL;
    if (a->c->settings.ask_entailment <= 0)
        return CAIRN_OK;
    name = ask_entail_name(a);
    return name ? entail_open(a->c, name, &a->entailer, &a->entail_head, err)
                : cairn_fail(err, CAIRN_ENOMEM, "entailment");
}

static bool is_phrase(const char *text, size_t len)
{
    const unsigned char last = len ? (unsigned char)text[len - 1] : 'a';
    size_t words = 1;

    for (size_t i = 0; i < len; i++)
        words += text[i] == ' ';
    return isalnum(last) || words < PHRASE_WORDS;
}

/* A copy of `b` in the answer's memory. */
static cairn_status keep_text(asking *a, const bytes *b, encoder_text *out, cairn_error *err)
{
    out->len = b->len;
    out->text = arena_strndup(&a->memory, b->data ? b->data : "", b->len);
    return out->text ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "entailment");
}

static cairn_status make_premise(asking *a, const ask_place *p, encoder_text *out, cairn_error *err)
{
    const cite_passage *passage = &a->read[p->hit].text;
    const char *heading = passage->heading && *passage->heading ? passage->heading : passage->title;
    cairn_status st = CAIRN_OK;
    bytes b;

    bytes_init(&b, PREMISE_BYTES);
    if (heading && *heading)
        st = bytes_printf(&b, "%.300s: ", heading);
    if (!st && p->head_end)
        st = ask_spell_row(passage->text, p->head_end, passage->text + p->start, p->end - p->start, &b);
    else if (!st)
        st = bytes_append(&b, passage->text + p->near_start, p->near_end - p->near_start);
    st = st ? cairn_fail(err, st, "entailment") : keep_text(a, &b, out, err);
    bytes_clear(&b);
    return st;
}

static cairn_status make_hypothesis(asking *a, const ask_said *said, encoder_text *out, cairn_error *err)
{
    const char *text = said->text + said->reply;
    const size_t len = said->len - said->reply;
    cairn_status st;
    bytes b;

    bytes_init(&b, PREMISE_BYTES);
    st = is_phrase(text, len) ? bytes_printf(&b, "%s ", a->asked) : CAIRN_OK;
    if (!st)
        st = bytes_append(&b, text, len);
    st = st ? cairn_fail(err, st, "entailment") : keep_text(a, &b, out, err);
    bytes_clear(&b);
    return st;
}

/* What is in no language that the model was trained on is not put to it. */
static bool is_for_it(const asking *a, const ask_place *p)
{
    const char *lang = a->read[p->hit].text.lang;

    return rerank_knows(a->c->settings.entailment_languages, lang ? lang : "");
}

/* As many as there is time for. */
static cairn_status read_pairs(asking *a, pair *pairs, size_t n, int64_t deadline_ns, cairn_error *err)
{
    encoder_text premises[AT_ONCE], hypotheses[AT_ONCE];
    entailment is[AT_ONCE];
    cairn_status st = n ? shared_model_enter(a->entailer, a->request->cancel, deadline_ns, err) : CAIRN_OK;

    if (st || !n)
        return st == CAIRN_EBUSY ? CAIRN_OK : st;
    for (size_t at = 0; at < n && !st && (!deadline_ns || clock_mono_ns() < deadline_ns); at += AT_ONCE) {
        const size_t m = n - at < AT_ONCE ? n - at : AT_ONCE;
        for (size_t i = 0; i < m; i++) {
            premises[i] = pairs[at + i].premise;
            hypotheses[i] = pairs[at + i].hypothesis;
        }
        st = entailment_judge(shared_model_encoder(a->entailer), &a->entail_head, premises, hypotheses, m, is, err);
        for (size_t i = 0; i < m && !st; i++) {
            pairs[at + i].is = is[i];
            pairs[at + i].read = true;
        }
    }
    shared_model_leave(a->entailer);
    return st;
}

static bool holds(const asking *a, const entailment *is)
{
    return is->entails >= (float)a->c->settings.ask_entailment && is->entails >= is->contradicts;
}

/* For those who want to know. */
static void note(asking *a, const pair *p, bool held)
{
    ask_entailed *e = a->n_entailed < ASK_ENTAILED_MAX ? &a->entailed[a->n_entailed++] : NULL;

    if (e)
        *e = (ask_entailed){p->said->text, p->said->len, p->said->places[p->place].hit, p->is, held};
    log_write(LOG_LEVEL_DEBUG, "engine", "entailment %.2f, neutral %.2f, contradiction %.2f: %.*s", (double)p->is.entails,
              (double)p->is.neutral, (double)p->is.contradicts, (int)p->said->len, p->said->text);
}

/* The pairs of places [first, most) of those sentences that still want one, behind pairs[n]. */
static cairn_status add_pairs(asking *a, ask_said *said, size_t first, size_t most, pair *pairs, size_t *n, cairn_error *err)
{
    encoder_text hypothesis;
    cairn_status st = CAIRN_OK;

    for (size_t i = first; i < said->n_places && i < most && !st; i++) {
        if (i == first)
            st = make_hypothesis(a, said, &hypothesis, err);
        if (!st)
            st = make_premise(a, &said->places[i], &pairs[*n].premise, err);
        pairs[*n].said = said;
        pairs[*n].place = i;
        pairs[(*n)++].hypothesis = hypothesis;
    }
    return st;
}

/* Of one sentence's pairs the first that holds; where none does, and something was read, it stands nowhere. */
static void settle(asking *a, const pair *first, const pair *more, size_t n_more)
{
    const pair *best = first;

    if (!first->read)
        return;
    for (size_t i = 0; i < n_more && !holds(a, &best->is); i++)
        if (more[i].said == first->said && more[i].read && (holds(a, &more[i].is) || more[i].is.entails > best->is.entails))
            best = &more[i];
    first->said->at = holds(a, &best->is) ? best->place : first->said->n_places;
    note(a, best, holds(a, &best->is));
}

cairn_status ask_entail_judge(asking *a, ask_said *said, size_t n, cairn_error *err)
{
    const double budget = a->c->settings.ask_entailment_ms;
    const int64_t deadline = budget > 0 ? clock_mono_ns() + (int64_t)(budget * 1e6) : 0;
    pair *first = arena_calloc(&a->memory, n + 1, sizeof *first);
    pair *more = arena_calloc(&a->memory, n * ASK_PLACES + 1, sizeof *more);
    size_t n_first = 0, n_more = 0;
    cairn_status st = CAIRN_OK;

    if (!first || !more)
        return cairn_fail(err, CAIRN_ENOMEM, "entailment of %zu sentences", n);
    for (size_t i = 0; i < n && !st; i++)
        if (said[i].n_places && is_for_it(a, &said[i].places[0]))
            st = add_pairs(a, &said[i], 0, 1, first, &n_first, err);
    if (!st)
        st = read_pairs(a, first, n_first, deadline, err);
    for (size_t i = 0; i < n_first && !st; i++)
        if (first[i].read && !holds(a, &first[i].is))
            st = add_pairs(a, first[i].said, 1, ASK_PLACES, more, &n_more, err);
    if (!st)
        st = read_pairs(a, more, n_more, deadline, err);
    for (size_t i = 0; i < n_first && !st; i++)
        settle(a, &first[i], more, n_more);
    return st;
}

cairn_status ask_entail_tell(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    if (a->entail_name && !(out->entail_model = arena_strdup(memory, a->entail_name)))
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    if (!a->n_entailed || out->entailed)
        return CAIRN_OK;
    out->entailed = arena_calloc(memory, a->n_entailed, sizeof *out->entailed);
    out->entailer = arena_strdup(memory, encoder_identity(shared_model_encoder(a->entailer)));
    if (!out->entailed || !out->entailer)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    for (size_t i = 0; i < a->n_entailed; i++) {
        const ask_entailed *e = &a->entailed[i];
        out->entailed[i] = (cairn_entailed){.text = ask_redacted(a, e->text, e->len, memory),
                                            .uri = a->hits->hits[e->hit].uri,
                                            .entails = e->is.entails,
                                            .neutral = e->is.neutral,
                                            .contradicts = e->is.contradicts,
                                            .held = e->held};
        if (!out->entailed[i].text)
            return cairn_fail(err, CAIRN_ENOMEM, "answer");
    }
    out->n_entailed = a->n_entailed;
    return CAIRN_OK;
}
