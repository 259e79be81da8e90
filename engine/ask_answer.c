/* ask_answer.c - what may be said, and where it stands.
 *
 * Whatever the model writes is held back until it has been compared, sentence by sentence, with the
 * surroundings of the best sentences of the documents; a sentence is released with the number of the
 * passage that supports it, or not at all (or marked, by setting). The model is asked for no markers:
 * citations are found by alignment, so a model of any size has them right.
 *
 * An answer taken from the documents (extractive) is the best sentence as it is written there. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/ask.h"
#include "engine/gateway.h"
#include "engine/labels.h"
#include "retrieve/answer_label.h"
#include "retrieve/pii.h"
#include "retrieve/tally.h"
#include "retrieve/terms.h"

#define FOLDED_BYTES 64   /* by which a chunk may be shorter than its range in the document */
#define TITLE_BYTES  80
#define HEADING_WORDS 8
#define CONDITION_CHANCE 0.7f
#define SECTION_SPREAD 8.0f /* ... below a heading, which says what they are about */
#define TITLE_SPREAD 3.0f /* log-odds below a title of the sentence that answers in its place */
#define AS_MUCH      0.9f /* of the best sentence's share of the question */
#define NO_CONFIRM   " [not confirmed]"

char *ask_redacted(const asking *a, const char *text, size_t len, arena *memory)
{
    unsigned kinds;
    bytes masked, out;
    char *copy = NULL;
    cairn_status st = CAIRN_OK;

    bytes_init(&masked, ANSWER_BYTES * 4);
    bytes_init(&out, ANSWER_BYTES * 4);
    if (a->filter) {
        st = word_filter_mask(a->filter, a->an, text, len, &masked, NULL, NULL);
        text = masked.data ? masked.data : "";
        len = masked.len;
    }
    if (!st && pii_parse(a->c->settings.ask_redact, &kinds) && kinds) {
        st = pii_redact(text, len, kinds, &out, NULL);
        text = out.data ? out.data : "";
        len = out.len;
    }
    if (!st)
        copy = arena_strndup(memory, text, len);
    bytes_clear(&masked);
    bytes_clear(&out);
    return copy;
}

void ask_release(asking *a, const char *text, size_t len)
{
    char *shown = len && a->stream ? ask_redacted(a, text, len, &a->memory) : NULL;

    if (len && a->stream && (!shown || !a->stream(a->stream_ctx, shown, strlen(shown))))
        a->stopped = true;
}

/* ---- where an answer stands ---- */

/* Where a passage's bytes [start, end) lie in the document: a range that holds them. It is exact
 * where the chunk is a plain run of the document, a few bytes wider where seams between blocks were
 * folded, and the chunk's own range where it was put together (a table's repeated header). */
void ask_document_range(const cairn_hit *h, size_t start, size_t end, cairn_citation *out)
{
    uint64_t range = h->byte_end - h->byte_start;

    if (range >= h->text_len && range - h->text_len <= FOLDED_BYTES) {
        out->start = h->byte_start + start;
        out->end = h->byte_start + end + (range - h->text_len);
    } else {
        out->start = h->byte_start;
        out->end = h->byte_end;
    }
}

/* The number of a passage in this answer: the order in which passages are cited. */
static size_t number_of(asking *a, size_t hit)
{
    size_t i = 0;

    while (i < a->n_cited && a->cited[i].hit != hit)
        i++;
    return i < a->n_cited ? a->cited[i].n : a->n_numbers + 1;
}

cairn_status ask_add_cited(asking *a, size_t hit, size_t start, size_t end, bool supported, size_t *n)
{
    *n = number_of(a, hit);
    if (*n > a->n_numbers)
        a->n_numbers = *n;
    for (size_t i = 0; i < a->n_cited; i++)
        if (a->cited[i].hit == hit && a->cited[i].start == start && a->cited[i].end == end)
            return CAIRN_OK;
    if (a->n_cited == ASK_CITED_MAX)
        return CAIRN_OK;
    a->cited[a->n_cited++] = (ask_cited){hit, *n, start, end, supported};
    return CAIRN_OK;
}

cairn_status ask_copy_citations(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    out->citations = arena_calloc(memory, a->n_cited + 1, sizeof *out->citations);
    if (!out->citations)
        return cairn_fail(err, CAIRN_ENOMEM, "citations");
    for (size_t i = 0; i < a->n_cited; i++) {
        const ask_cited *from = &a->cited[i];
        const cairn_hit *h = &a->hits->hits[from->hit];
        cairn_citation *x = &out->citations[i];
        *x = (cairn_citation){.n = from->n,
                              .doc = h->doc,
                              .chunk = h->chunk,
                              .uri = h->uri,
                              .title = h->title,
                              .page = h->page,
                              .page_label = h->page_label,
                              .supported = from->supported};
        ask_document_range(h, from->start, from->end, x);
        x->text = ask_redacted(a, h->text + from->start, from->end - from->start, memory);
        if (!x->text)
            return cairn_fail(err, CAIRN_ENOMEM, "citations");
        if (labels_page_of(h, x->start, x->end, memory, &x->page, &x->page_label, err))
            return CAIRN_ENOMEM;
    }
    out->n_citations = a->n_cited;
    return CAIRN_OK;
}

/* ---- checking what the model writes ---- */

/* One sentence of the model, markers taken out, and where it stands; nothing of it where it is the model's refusal. */
static cairn_status read_said(asking *a, const char *raw, size_t raw_len, ask_said *said, cairn_error *err)
{
    char *text;
    size_t len;
    cairn_status st = cite_strip_markers(raw, raw_len, &a->memory, &text, err);

    *said = (ask_said){0};
    if (st)
        return st;
    while (*text && isspace((unsigned char)*text))
        text++;
    for (len = strlen(text); len && isspace((unsigned char)text[len - 1]);)
        len--;
    if (!len)
        return CAIRN_OK;
    if (strstr(text, a->prompt.marker)) {
        a->stopped = true;
        return CAIRN_OK;
    }
    said->text = text;
    said->len = len;
    return ask_confirm(a, said, err);
}

/* Say it or hold it back. */
static cairn_status release_said(asking *a, const ask_said *said, cairn_error *err)
{
    const bool supported = said->at < said->n_places;
    const ask_place *p = &said->places[supported ? said->at : 0];
    char marker[32];
    size_t n;
    cairn_status st = CAIRN_OK;

    if (!said->len)
        return CAIRN_OK;
    if (!supported) {
        a->withheld++;
        if (strcmp(a->c->settings.ask_unsupported, "mark"))
            return CAIRN_OK;
    }
    if (a->text.len)
        st = bytes_append_byte(&a->text, ' ');
    if (!st)
        st = bytes_append(&a->text, said->text, said->len);
    if (!st && supported) {
        st = ask_add_cited(a, p->hit, p->start, p->end, true, &n);
        snprintf(marker, sizeof marker, " [%zu]", n);
        if (!st)
            st = bytes_append_str(&a->text, marker);
        a->n_confirmed++;
    } else if (!st) {
        st = bytes_append_str(&a->text, NO_CONFIRM);
    }
    if (st)
        return cairn_fail(err, st, "answer");
    if (a->n_confirmed && (a->shown || ask_fits_type(a))) { /* nothing is shown before something holds, and is what was asked for */
        ask_release(a, a->text.data + a->shown, a->text.len - a->shown);
        a->shown = a->text.len;
    }
    return CAIRN_OK;
}

static cairn_status judge(asking *a, const char *raw, size_t raw_len, cairn_error *err)
{
    ask_said said;
    cairn_status st = read_said(a, raw, raw_len, &said, err);

    return st ? st : release_said(a, &said, err);
}

/* Bytes of text[0, len) up to the end of its first whole sentence. */
static size_t whole_sentence(const char *text, size_t len)
{
    text_span *s = NULL;
    size_t n = 0, end = 0;

    if (sentences_split(text, len, true, true, &s, &n, NULL))
        return 0;
    if (n > 1)
        end = s[1].start;
    free(s);
    return end;
}

/* All sentences of the model at once, put to the model of entailment. */
static cairn_status judge_all(asking *a, cairn_error *err)
{
    ask_said *said = arena_calloc(&a->memory, ASK_SENTENCES, sizeof *said);
    size_t n = 0;
    bool refused;
    cairn_status st = said ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "answer");

    while (!st && !a->stopped && n < ASK_SENTENCES && a->judged < a->made.len) {
        const size_t left = a->made.len - a->judged;
        size_t len = whole_sentence(a->made.data + a->judged, left);
        len = len ? len : left;
        st = read_said(a, a->made.data + a->judged, len, &said[n], err);
        n += said[n].len > 0;
        a->judged += len;
    }
    if (!st)
        st = ask_entail_judge(a, said, n, err);
    refused = a->stopped; /* by the model's own words: what it said before stands */
    a->stopped = false;
    for (size_t i = 0; i < n && !st && !a->stopped; i++)
        st = release_said(a, &said[i], err);
    a->stopped |= refused;
    return st;
}

static bool take_text(void *ctx, const char *text, size_t len)
{
    asking *a = ctx;

    if (!a->first_ns)
        a->first_ns = clock_mono_ns();
    if (engine_cancelled(a->request->cancel) || bytes_append(&a->made, text, len)) {
        a->stopped = true;
        return false;
    }
    for (size_t n; !a->entailer && !a->stopped && (n = whole_sentence(a->made.data + a->judged,
                                                      a->made.len - a->judged)) > 0;) {
        if (judge(a, a->made.data + a->judged, n, NULL))
            a->stopped = true;
        a->judged += n;
    }
    return !a->stopped;
}

/* Nothing is left of what a model said before. */
static void start_over(asking *a)
{
    generate_result_clear(&a->result);
    a->result = (generate_result){0};
    bytes_reset(&a->made);
    bytes_reset(&a->text);
    a->judged = a->shown = a->withheld = a->n_confirmed = a->n_cited = a->n_numbers = 0;
    a->stopped = false;
}

/* The endpoint's answer comes as a whole and is judged like any other. */
static cairn_status ask_remotely(asking *a, const json_t *messages, const generate_params *p, cairn_error *err)
{
    const cairn_ask_request *q = a->request;
    gateway_reply reply;
    cairn_status st = gateway_chat(a->c, messages, p->max_tokens, (double)q->temperature, q->cancel, &reply, err);

    a->unsent = reply.unsent;
    if (st)
        return st;
    a->remote_prompt = reply.prompt_tokens;
    a->remote_completion = reply.completion_tokens;
    (void)take_text(a, reply.text, strlen(reply.text));
    free(reply.text);
    return CAIRN_OK;
}

/* Nothing is written where the answerer, having read the evidence, and the evidence together do not find the answer in it. */
static bool look_first(void *ctx, const float *logits, size_t n)
{
    asking *a = ctx;

    const evidence_sentence *best = a->evidence.n ? &a->evidence.sentences[0] : NULL;
    const char *lang = best ? a->read[best->passage].text.lang : NULL;
    taught_adapter over = taught_over(&a->adapter, lang ? lang : "");
    a->chance = taught_chance(&over, a->evidence.answerable, logits, n, (size_t)a->refusal);
    a->unanswered = a->chance < ask_least(a);
    return !a->unanswered;
}

/* Whether to answer has been decided by more than the answerer's own refusal, which is not chosen then. */
static cairn_status answer_as_taught(asking *a, const json_t *messages, generate_params *p, sampler_params *sampling, cairn_error *err)
{
    sampler_bias never = {.bias = -INFINITY};
    token_list marker = {0};
    cairn_status st = tokenizer_encode(generator_tokenizer(a->g), a->prompt.marker, strlen(a->prompt.marker), 0, &marker, err);

    if (!st && marker.n) {
        never.id = a->refusal = marker.ids[0];
        sampling->bias = &never;
        sampling->n_bias = 1;
        p->on_first = look_first;
    }
    token_list_clear(&marker);
    return st ? st : engine_answer(a->c, messages, p, a->request->cancel, &a->result, err);
}

cairn_status ask_generate(asking *a, cairn_error *err)
{
    const cairn_ask_request *q = a->request;
    sampler_params sampling = sampler_params_default();
    generate_params p = {.max_tokens = q->max_tokens ? q->max_tokens
                                                     : (size_t)a->c->settings.ask_max_tokens,
                         .sampling = &sampling,
                         .passages = a->sources,
                         .n_passages = a->n_sources,
                         .on_text = take_text,
                         .ctx = a};
    json_t *messages = NULL;
    cairn_status st = ask_messages(a, &messages, err);

    sampling.temperature = q->temperature;
    sampling.seed = q->seed;
    start_over(a);
    if (!st)
        st = ask_entail_begin(a, err);
    if (!st)
        st = a->remote   ? ask_remotely(a, messages, &p, err)
             : a->taught ? answer_as_taught(a, messages, &p, &sampling, err)
                         : engine_chat(a->c, a->large, messages, &p, q->cancel, &a->result, err);
    json_decref(messages);
    if (!st && a->result.finish == GENERATE_CANCELLED && engine_cancelled(q->cancel))
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while answering");
    if (!st && !a->stopped && a->judged < a->made.len)
        st = a->entailer ? judge_all(a, err) : judge(a, a->made.data + a->judged, a->made.len - a->judged, err);
    if (!st)
        log_write(LOG_LEVEL_DEBUG, "engine", "the model wrote: %.*s (%zu withheld)",
                  (int)(a->made.len > 400 ? 400 : a->made.len), a->made.data ? a->made.data : "",
                  a->withheld);
    return st;
}

/* Questions for numbers, amounts, codes, dates and times, which an answer can be looked through for. */
static bool asks_for_quantity(answer_type t)
{
    return (t >= ANSWER_COUNT && t <= ANSWER_TIME) || t == ANSWER_CODE;
}

/* Whether numbers written as words in this language are known (quantity.c). */
static bool reads_numerals(const char *lang)
{
    return !lang || !*lang || !strcmp(lang, "en") || !strcmp(lang, "de") || !strcmp(lang, "es") ||
           !strcmp(lang, "fr") || !strcmp(lang, "ru") || !strcmp(lang, "it") || !strcmp(lang, "zh");
}

/* Whether a sentence in a language whose numerals are not read may have a number in it. */
static bool may_have_number(const cite_passage *p)
{
    return !reads_numerals(p->lang);
}

/* Times and dates, and no number: what costs nothing. */
static bool names_times_alone(const quantity *q, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (q[i].kind == QUANTITY_NUMBER)
            return false;
    return n > 0;
}

/* Which box? The label of the sentence that answers, where the question asks for one and has no other kind of thing in mind. */
static bool asked_label(const asking *a, const evidence_sentence *s, answer_label *out)
{
    const cite_passage *p = s ? &a->read[s->passage].text : NULL;
    const answer_type t = a->evidence.type;

    if (!s || s->planted || (t != ANSWER_OTHER && t != ANSWER_WHERE && t != ANSWER_WHY) ||
        !(s->head_end ? answer_label_in_row(a->an, a->question, p->lang, p->text, s->head_end, p->text + s->start, s->end - s->start, out)
                      : answer_label_find(a->an, a->question, p->lang, p->text + s->start, s->end - s->start, out)))
        return false;
    out->whole = (text_span){s->start + out->whole.start, s->start + out->whole.end};
    out->sign = (text_span){s->start + out->sign.start, s->start + out->sign.end};
    return true;
}

/* Does what was said name the label of the sentence that answers, where one is asked for? */
static bool has_label(const asking *a, const char *plain)
{
    const evidence_sentence *s = a->evidence.n > a->evidence.n_planted ? ask_typed_sentence(a) : NULL;
    answer_label label;

    return !asked_label(a, s, &label) ||
           answer_label_is_in(plain, strlen(plain), a->read[s->passage].text.text + label.sign.start, label.sign.end - label.sign.start);
}

/* Of the votes that the sentence tells of, is the number of the side that is asked for what was said? */
static bool has_vote(asking *a, const quantity *said, size_t n_said)
{
    tally_side side;
    const evidence_sentence *s = a->evidence.type == ANSWER_COUNT && tally_asked(a->asked, strlen(a->asked), &side) && side < TALLY_SIDES
                                     ? ask_typed_sentence(a)
                                     : NULL;
    const char *text = s ? a->read[s->passage].text.text + s->start : NULL;
    tally t;
    quantity *q;
    size_t n;

    if (!s || !tally_find(text, s->end - s->start, &t) || t.side[side].end == t.side[side].start ||
        quantities_find(text + t.side[side].start, t.side[side].end - t.side[side].start, &a->memory, &q, &n, NULL) || !n)
        return true;
    for (size_t k = 0; k < n_said; k++)
        if (quantity_equal(&said[k], &q[0]))
            return true;
    return false;
}

bool ask_fits_type(asking *a)
{
    answer_type t = a->evidence.type;
    text_span *mentions;
    quantity *q;
    char *plain; /* without the numbers of citations */
    size_t n_q, n;

    if (a->text.len && !asks_for_quantity(t))
        return cite_strip_markers(a->text.data, a->text.len, &a->memory, &plain, NULL) || has_label(a, plain);
    if (!asks_for_quantity(t) || !a->text.len || (t != ANSWER_CODE && t != ANSWER_MONEY && !ask_typed_sentence(a)))
        return true;
    if (cite_strip_markers(a->text.data, a->text.len, &a->memory, &plain, NULL) ||
        quantities_find(plain, strlen(plain), &a->memory, &q, &n_q, NULL) ||
        answer_mentions(t == ANSWER_MONEY ? ANSWER_MEASURE : t, a->evidence.units, plain, strlen(plain), q, n_q, &a->memory,
                        &mentions, &n, NULL))
        return true;
    return n > 0 && has_vote(a, q, n_q) && !(t == ANSWER_MONEY && names_times_alone(q, n_q) && ask_typed_sentence(a));
}

/* With a full stop of a script without blanks. */
static bool ends_like_a_sentence(const char *s, size_t len)
{
    static const char *const stops[] = {"。", "！", "？", "؟", "।"};

    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        if (len >= strlen(stops[i]) && !memcmp(s + len - strlen(stops[i]), stops[i], strlen(stops[i])))
            return true;
    return false;
}

/* A title or heading at the top of a passage, or of a section inside it: a line of its own, short, without a sign at its end or a value in it. */
static bool is_title(const asking *a, const evidence_sentence *s)
{
    const cite_passage *p = &a->read[s->passage].text;
    const char *line = p->text + s->start;
    size_t len = s->end - s->start;

    return (!s->start || (s->start > 1 && !memcmp(line - 2, "\n\n", 2))) && !s->head_end && len && len <= TITLE_BYTES && s->end < p->len &&
           line[len] == '\n' && !memchr(line, ':', len) && !memchr(line, '|', len) && !memchr(line, '=', len) &&
           (isalnum((unsigned char)line[len - 1]) || line[len - 1] & 0x80) && !ends_like_a_sentence(line, len);
}

/* The heading of a section inside a passage: a line of its own that begins with its number, "4.2 Notice". */
static bool is_numbered_heading(const asking *a, const evidence_sentence *s)
{
    const cite_passage *p = &a->read[s->passage].text;
    const char *line = p->text + s->start;
    size_t len = s->end - s->start, at = 0, words = 1;

    while (at < len && (isdigit((unsigned char)line[at]) || (at && line[at] == '.')))
        at++;
    if (!at || at > 8 || at + 1 >= len || line[at] != ' ' || !(isupper((unsigned char)line[at + 1]) || line[at + 1] & 0x80) || s->head_end ||
        (s->start && p->text[s->start - 1] != '\n') || s->end >= p->len || p->text[s->end] != '\n')
        return false;
    for (size_t i = at; i < len; i++)
        words += line[i] == ' ';
    return words <= HEADING_WORDS && !memchr(line + at, ':', len - at) && !strchr(".!?", line[len - 1]);
}

static bool is_heading(const asking *a, const evidence_sentence *s)
{
    return is_title(a, s) || is_numbered_heading(a, s);
}

/* The best sentence of the section below a heading inside a passage; NULL: none. */
static const evidence_sentence *best_below(const asking *a, const evidence_sentence *heading)
{
    const evidence *e = &a->evidence;
    size_t end = a->read[heading->passage].text.len;

    for (size_t i = 0; i < e->n && !e->sentences[i].planted; i++) { /* up to the next heading */
        const evidence_sentence *s = &e->sentences[i];
        if (s->passage == heading->passage && s->start > heading->start && s->start < end && is_heading(a, s))
            end = s->start;
    }
    for (size_t i = 0; i < e->n && !e->sentences[i].planted; i++) {
        const evidence_sentence *s = &e->sentences[i];
        if (s->passage == heading->passage && s->start > heading->start && s->start < end)
            return s->score < heading->score - SECTION_SPREAD ? NULL : s;
    }
    return NULL;
}

/* The best sentence, but that a title says what its passage is about and answers nothing: then the next best one of
 * its document, where that is not far behind. */
static const evidence_sentence *best_but_titles(const asking *a)
{
    const evidence *e = &a->evidence;
    const evidence_sentence *best = &e->sentences[0];
    uint64_t doc = a->hits->hits[best->passage].doc;

    if (!is_heading(a, best))
        return best;
    const evidence_sentence *below = best->start ? best_below(a, best) : NULL;
    if (below)
        return below;
    for (size_t i = 1; i < e->n && !e->sentences[i].planted; i++) {
        const evidence_sentence *s = &e->sentences[i];
        if (s->score < best->score - TITLE_SPREAD)
            break;
        if (a->hits->hits[s->passage].doc == doc && !is_heading(a, s))
            return s;
    }
    return best;
}

/* Digits are soon found somewhere, and tell nothing of what they are the number of: where their kind is not known, the sentence
 * has as many of the question's words as the best one does. */
static bool says_as_much(const evidence *e, const evidence_sentence *s)
{
    return s->feature[EVIDENCE_COVER] >= AS_MUCH * e->sentences[0].feature[EVIDENCE_COVER];
}

/* "When is a doctor's note needed?" may be answered by a condition, "for illness", where the evidence is strong: a question in the
 * present. What happened has a date. */
static bool may_be_condition(const asking *a)
{
    static const char *const begins[] = {"when is ", "when are ", "when do ", "when does ", "when can ", "when may ", "when must ", "when should ",
                                         "when am ", "wann ist ", "wann sind ", "wann darf ", "wann dürfen ", "wann muss ", "wann müssen ",
                                         "wann kann ", "wann können ", "wann wird ", "wann werden ", "wann braucht ", "wann gilt ",
                                         "\xC2\xBF""cuándo se ", "\xC2\xBF""cuándo es ", "\xC2\xBF""cuándo puede", "\xC2\xBF""cuándo hay ",
                                         "cuándo se ", "cuándo es ", "cuándo puede", "cuándo hay ", "quand peut", "quand est", "quand faut", "quand doit"};

    if (a->evidence.type != ANSWER_DATE || a->evidence.answerable < CONDITION_CHANCE || a->evidence.n <= a->evidence.n_planted)
        return false;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (!strncasecmp(a->asked, begins[i], strlen(begins[i])))
            return true;
    return false;
}

/* The best sentence that may answer by itself: one that mentions what is asked for, where that is a
 * quantity. NULL when no good one does. */
const evidence_sentence *ask_typed_sentence(const asking *a)
{
    const evidence *e = &a->evidence;

    if (a->standing.now)
        return a->standing.now;
    if (!asks_for_quantity(e->type)) {
        const evidence_sentence *s = best_but_titles(a);
        bool other = ask_earlier_is_another(a, a->read[s->passage].text.text, (text_span){s->start, s->end}, (text_span){s->before, s->after});
        return other ? NULL : s;
    }
    for (size_t i = 0; i < e->n && !e->sentences[i].planted; i++) {
        const evidence_sentence *s = &e->sentences[i];
        if (s->lift < 0) /* of another thing */
            continue;
        bool known = reads_numerals(a->read[s->passage].text.lang);
        if ((s->feature[EVIDENCE_TYPE_STRONG] > 0 || (e->type != ANSWER_CODE && may_have_number(&a->read[s->passage].text))) &&
            (known && e->type != ANSWER_CODE ? ask_speaks_of_question(a, s) : says_as_much(e, s)))
            return s;
    }
    return may_be_condition(a) ? best_but_titles(a) : NULL;
}

/* ---- answering with the documents' own words ---- */

char *ask_short_answer(asking *a, const char *text, size_t len, arena *memory)
{
    const evidence *e = &a->evidence;
    evidence_passage said = {0};
    evidence_sentence whole = {0};
    text_span brief;
    char *plain;

    if (!e->n || cite_strip_markers(text, len, &a->memory, &plain, NULL))
        return NULL;
    len = strlen(plain);
    if (!len || whole_sentence(plain, len))
        return NULL;
    said.text = a->read[e->sentences[0].passage].text;
    said.text.text = plain;
    said.text.len = whole.end = whole.after = len;
    said.text.title = said.text.heading = NULL;
    if (!evidence_short_answer(a->an, a->question, e, &said, &whole, &brief) || (brief.end - brief.start) * 4 > len * 3)
        return NULL;
    return ask_redacted(a, plain + brief.start, brief.end - brief.start, memory);
}

cairn_status ask_extract(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    const evidence_sentence *s = ask_typed_sentence(a);
    const cairn_hit *h = &a->hits->hits[s->passage];
    size_t start, end, n;
    text_span brief;
    answer_label label;
    cairn_status st = CAIRN_OK;

    ask_whole_span(a, s, &start, &end);
    bytes_reset(&a->text);
    a->n_cited = a->n_numbers = a->shown = 0;
    if (!a->extractive && a->standing.now == s && a->standing.earlier) { /* the sentence has what holds now, too */
        st = bytes_append(&a->text, h->text + a->standing.value.start, a->standing.value.end - a->standing.value.start);
    } else {
        if (!s->head_end)
            st = ask_put_speaker(a, s, start, end);
        if (!st)
            st = ask_put_quoted(a, s, start, end);
    }
    if (!st)
        st = ask_add_cited(a, s->passage, start, end, true, &n);
    if (!st)
        st = bytes_append_str(&a->text, " [1]");
    if (st)
        return cairn_fail(err, st, "answer");
    brief = a->standing.value;
    if (a->standing.now ? brief.end - brief.start < s->end - s->start && brief.end > brief.start && (a->evidence.type != ANSWER_OTHER || a->standing.earlier)
                        : evidence_short_answer(a->an, a->question, &a->evidence, &a->read[s->passage], s, &brief))
        out->short_answer = ask_redacted(a, h->text + brief.start, brief.end - brief.start, memory);
    else if (asked_label(a, s, &label))
        out->short_answer = ask_redacted(a, h->text + label.whole.start, label.whole.end - label.whole.start, memory);
    out->extractive = true;
    a->stopped = false;
    ask_release(a, a->text.data, a->text.len);
    return CAIRN_OK;
}
