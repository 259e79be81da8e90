/* answer.c - see answer.h. */
#include "generate/decode/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "generate/decode/generator.h"
#include "generate/decode/model_draft.h"
#include "generate/grammar/grammar.h"
#include "generate/grammar/json_schema.h"
#include "generate/grammar/quote.h"

#define MAX_TEXT     ((size_t)64 << 20)
#define FORCED_BYTES 64 /* looked ahead in a constraint */
#define LEAST_FORCED 3  /* bytes without a choice that are worth a wider pass */

/* ---- text going out ---- */

/* The first stop string at or after `given` cuts the text; else the length up to which no stop
 * string has begun. */
static size_t before_stops(answer *a)
{
    size_t safe = a->raw.len;

    for (size_t i = 0; i < a->p.n_stop; i++) {
        const char *stop = a->p.stop[i];
        size_t len = strlen(stop);
        for (size_t at = a->given; len && at < safe; at++) {
            size_t have = a->raw.len - at < len ? a->raw.len - at : len;
            if (memcmp(a->raw.data + at, stop, have))
                continue;
            safe = at; /* complete or only begun: nothing from here on goes out yet */
            if (have == len) {
                a->stopped = true;
                break;
            }
        }
    }
    return safe;
}

static bool whole_stop_at(const answer *a, size_t at)
{
    for (size_t i = 0; i < a->p.n_stop; i++) {
        size_t len = strlen(a->p.stop[i]);
        if (len && a->raw.len - at >= len && !memcmp(a->raw.data + at, a->p.stop[i], len))
            return true;
    }
    return false;
}

static cairn_status give(answer *a, size_t upto)
{
    bytes clean;
    cairn_status st;

    if (upto <= a->given || !a->p.on_text) {
        a->given = upto > a->given ? upto : a->given;
        return CAIRN_OK;
    }
    bytes_init(&clean, MAX_TEXT * 3);
    st = utf8_sanitize(&clean, a->raw.data + a->given, upto - a->given);
    a->given = upto;
    if (!st && clean.len && !a->p.on_text(a->p.ctx, clean.data, clean.len))
        a->refused = true;
    bytes_clear(&clean);
    return st;
}

/* One more token's bytes are in raw: look for stops, give what is safe. */
static cairn_status stream_step(answer *a)
{
    size_t safe;

    if (!a->raw.len)
        return CAIRN_OK;
    a->stopped = false;
    safe = before_stops(a);
    /* A stop that is complete, but begins behind one that is only begun, must wait for that one. */
    a->stopped = a->stopped && whole_stop_at(a, safe);
    if (a->stopped) {
        a->raw.len = safe;
        a->raw.data[safe] = '\0';
        return CAIRN_OK;
    }
    return give(a, utf8_floor(a->raw.data, safe));
}

/* ---- one token ---- */

/* Log-probabilities of the token just chosen from `logits`. */
static cairn_status note_logprobs(answer *a, const float *logits, cairn_error *err)
{
    generate_result *out = a->out;
    size_t at = out->tokens.n - 1, n_top = a->p.n_top_logprobs;

    if (!a->p.logprobs)
        return CAIRN_OK;
    out->n_top = n_top;
    if (out->tokens.n > out->cap_logprobs) {
        size_t cap = 2 * out->cap_logprobs + 64;
        double *own = checked_realloc(out->logprobs, cap, sizeof *own);
        token_id *ids = checked_realloc(out->top_ids, cap * n_top, sizeof *ids);
        double *tops = checked_realloc(out->top_logprobs, cap * n_top, sizeof *tops);
        out->logprobs = own ? own : out->logprobs;
        out->top_ids = ids ? ids : out->top_ids;
        out->top_logprobs = tops ? tops : out->top_logprobs;
        if (!own || !ids || !tops)
            return cairn_fail(err, CAIRN_ENOMEM, "log-probabilities");
        out->cap_logprobs = cap;
    }
    out->logprobs[at] = sampler_logprob(logits, a->n_pick, out->tokens.ids[at], n_top,
                                        out->top_ids + at * n_top, out->top_logprobs + at * n_top);
    return CAIRN_OK;
}

void answer_look(answer *a, const float *logits)
{
    if (a->p.on_first && !a->p.on_first(a->p.ctx, logits, a->n_pick))
        answer_finish(a, GENERATE_CANCELLED);
}

void answer_finish(answer *a, generate_finish how)
{
    a->out->finish = how;
    a->done = true;
}

/* Most tokens that a model would say are allowed: where that settles it, no mask is made. */
static token_id choose(answer *a, const float *logits)
{
    token_id id;

    if (a->mask && sampler_is_greedy(a->pick)) {
        sampler_set_mask(a->pick, NULL);
        id = sampler_pick(a->pick, logits, a->n_pick);
        if (id == TOKEN_NONE || token_mask_allows(a->mask, id))
            return id;
    }
    if (a->mask)
        sampler_set_mask(a->pick, token_mask_allowed(a->mask));
    return sampler_pick(a->pick, logits, a->n_pick);
}

/* Choose a token from the logits and let its text out. */
static cairn_status take_token(answer *a, const float *logits, token_id *id, cairn_error *err)
{
    const int64_t began = clock_cpu_ns();
    generate_result *out = a->out;
    cairn_status st;

    *id = choose(a, logits);
    if (!out->tokens.n)
        out->ttft_ns = clock_mono_ns() - a->start_ns;
    if (*id == TOKEN_NONE)
        return cairn_fail(err, CAIRN_EMODEL,
                          "%s gives no usable probabilities: its weights are broken, every token is "
                          "banned, no token fits the grammar, or memory ran out",
                          a->name);
    if (a->mask)
        token_mask_accept(a->mask, *id);
    out->choose_cpu_ns += clock_cpu_ns() - began;
    if (token_list_push(&out->tokens, *id) || sampler_accept(a->pick, *id) ||
        (a->drafts && copy_draft_append(a->drafts, *id)))
        return cairn_fail(err, CAIRN_ENOMEM, "generated tokens");
    st = note_logprobs(a, logits, err);
    if (st)
        return st;
    if (tokenizer_is_eog(a->tok, *id) && !a->p.ignore_end) {
        answer_finish(a, GENERATE_END);
        return CAIRN_OK;
    }
    st = tokenizer_piece(a->tok, *id, false, &a->raw);
    if (!st)
        st = stream_step(a);
    if (st)
        return cairn_fail(err, st, "generated text");
    if (a->stopped)
        answer_finish(a, GENERATE_STOP);
    else if (a->refused || atomic_load_explicit(a->cancel, memory_order_relaxed))
        answer_finish(a, GENERATE_CANCELLED);
    else if (a->p.max_tokens && out->tokens.n >= a->p.max_tokens)
        answer_finish(a, GENERATE_LENGTH);
    return CAIRN_OK;
}

/* ---- the way in ---- */

/* The automaton that the params ask for; without a step where they ask for none. */
static cairn_status make_automaton(const generate_params *p, automaton *out, cairn_error *err)
{
    bytes text;
    cairn_status st;

    *out = (automaton){0};
    if ((p->grammar != NULL) + (p->json_schema != NULL) + (p->quotable != NULL) > 1)
        return cairn_fail(err, CAIRN_EUSAGE, "a grammar, a JSON schema and quotations exclude one "
                                             "another");
    if (p->grammar)
        return grammar_compile(out, p->grammar, strlen(p->grammar), err);
    if (p->quotable)
        return quote_compile(out, p->quotable, strlen(p->quotable), err);
    if (!p->json_schema)
        return CAIRN_OK;
    bytes_init(&text, GRAMMAR_MAX_TEXT);
    st = json_schema_grammar(p->json_schema, &text, err);
    if (!st)
        st = grammar_compile(out, text.data, text.len, err);
    bytes_clear(&text);
    return st;
}

static cairn_status begin_mask(answer *a, generator *g, cairn_error *err)
{
    const token_trie *trie;
    automaton how;
    cairn_status st = make_automaton(&a->p, &how, err);

    if (st || !how.step)
        return st;
    st = generator_trie(g, &trie, err);
    if (st) {
        automaton_destroy(&how);
        return st;
    }
    return token_mask_create(&a->mask, trie, how, err);
}

cairn_status answer_begin(answer *a, generator *g, const generate_params *p, const token_id *prompt,
                          size_t n, const atomic_bool *cancel, generate_result *out,
                          cairn_error *err)
{
    const sampler_params greedy = sampler_params_default();
    int64_t began;
    cairn_status st = CAIRN_OK;

    generate_result_clear(out);
    *a = (answer){.p = *p, .tok = g->tok, .n_pick = g->n_pick, .name = g->name, .cancel = cancel,
                  .out = out, .start_ns = clock_mono_ns()};
    bytes_init(&a->raw, MAX_TEXT);
    if (p->n_top_logprobs > GENERATE_MAX_TOP || p->n_top_logprobs > a->n_pick)
        return cairn_fail(err, CAIRN_EUSAGE, "%zu likely tokens a position; at most %d are given",
                          p->n_top_logprobs, GENERATE_MAX_TOP);
    st = sampler_create(&a->pick, p->sampling ? p->sampling : &greedy, err);
    began = clock_cpu_ns();
    if (!st)
        st = begin_mask(a, g, err);
    out->constrain_cpu_ns = clock_cpu_ns() - began;
    if (!st && !p->no_drafts)
        st = copy_draft_create(&a->drafts, err);
    for (size_t i = 0; !st && i < n; i++)
        if (sampler_accept(a->pick, prompt[i]) ||
            (a->drafts && copy_draft_append(a->drafts, prompt[i])))
            st = cairn_fail(err, CAIRN_ENOMEM, "a prompt of %zu tokens", n);
    return st;
}

/* What the constraint leaves no choice in, as the tokenizer would cut it. The model still chooses: it may cut the
 * same text in another way. The last token is left out, since it may go on. */
static size_t propose_forced(answer *a, size_t most, token_id *out)
{
    const int64_t began = clock_cpu_ns();
    token_list ids = {0};
    char text[FORCED_BYTES];
    size_t n = token_mask_forced(a->mask, text, sizeof text), take = 0;

    if (n >= LEAST_FORCED && !tokenizer_encode(a->tok, text, n, 0, &ids, NULL) && ids.n > 1) {
        take = ids.n - 1 < most ? ids.n - 1 : most;
        memcpy(out, ids.ids, take * sizeof *out);
    }
    token_list_clear(&ids);
    a->out->choose_cpu_ns += clock_cpu_ns() - began;
    return take;
}

size_t answer_propose(answer *a, size_t room)
{
    const token_list *made = &a->out->tokens;
    size_t most = COPY_DRAFT_MAX, left = a->p.max_tokens ? a->p.max_tokens - made->n : SIZE_MAX;

    a->batch[0] = made->ids[made->n - 1];
    a->n_draft = 0;
    /* Room for the token itself, and no more than may still be asked for. */
    if (most > room - 1)
        most = room - 1;
    if (most > left - 1)
        most = left - 1;
    a->forced = a->mask && a->drafts && most && (a->n_draft = propose_forced(a, most, a->batch + 1));
    if (a->forced) {
        a->out->forced_tokens += a->n_draft;
        a->out->passes++;
        return 1 + a->n_draft;
    }
    if (a->drafts) {
        a->match = copy_draft_match(a->drafts);
        a->n_draft = copy_draft_propose(a->drafts, most, a->batch + 1);
    }
    a->guessed = !a->n_draft && a->model && most;
    if (a->guessed) {
        a->n_draft = model_draft_propose(a->model, a->sequence, a->batch[0], most, a->batch + 1);
        a->out->guessed_tokens += a->n_draft;
    } else {
        a->out->drafted_tokens += a->n_draft;
    }
    a->out->passes++;
    return 1 + a->n_draft;
}

cairn_status answer_consume(answer *a, const float *rows, size_t stride, size_t n, size_t *kept,
                            cairn_error *err)
{
    size_t i = 0;
    token_id id = TOKEN_NONE;
    cairn_status st;

    for (;;) {
        st = take_token(a, rows + i * stride, &id, err);
        if (st || a->done || i + 1 >= n || a->batch[1 + i] != id)
            break;
        i++;
        if (a->forced)
            a->out->forced_held++;
        else if (a->guessed)
            a->out->guesses_held++;
        else
            a->out->copied_tokens++;
    }
    *kept = 1 + i;
    if (a->forced)
        a->forced = false;
    else if (a->guessed && a->n_draft)
        model_draft_judge(a->model, a->n_draft, i);
    else if (a->drafts && a->n_draft)
        copy_draft_judge(a->drafts, a->match, a->n_draft, i);
    a->n_draft = 0;
    return st;
}

cairn_status answer_end(answer *a, cairn_status st, cairn_error *err)
{
    bytes clean;
    cairn_status text;

    if (st == CAIRN_ECANCELLED) {
        answer_finish(a, GENERATE_CANCELLED);
        st = CAIRN_OK;
    }
    bytes_init(&clean, MAX_TEXT * 3);
    text = a->refused ? CAIRN_OK : give(a, a->raw.len);
    if (!text)
        text = utf8_sanitize(&clean, a->raw.data ? a->raw.data : "", a->raw.len);
    if (!text && !(a->out->text = bytes_detach(&clean, &a->out->text_len)))
        text = CAIRN_ENOMEM;
    bytes_clear(&clean);
    if (text && !st)
        st = cairn_fail(err, text, "generated text");
    a->out->total_ns = clock_mono_ns() - a->start_ns;
    bytes_clear(&a->raw);
    sampler_destroy(a->pick);
    token_mask_destroy(a->mask);
    copy_draft_destroy(a->drafts);
    a->pick = NULL;
    a->mask = NULL;
    a->drafts = NULL;
    return st;
}
