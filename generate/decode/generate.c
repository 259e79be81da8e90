/* generate.c - from messages to streamed text.
 *
 * The prompt is what the model's own template makes of the messages, tokenised with its control
 * tokens understood. Because passages of foreign documents are inside the messages, a control token
 * written out in a message ("<|im_end|>") is broken by a zero-width space before rendering: a
 * document can then not end the user's turn and speak as the system. generator_render shows the
 * template's exact output.
 *
 * Text goes out as soon as it is safe: whole characters, and nothing that may turn out to be the
 * beginning of a stop string. */
#include "generate/decode/generate.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "generate/decode/copy_draft.h"
#include "generate/decode/generator.h"

#define MAX_TEXT   ((size_t)64 << 20)
#define MAX_PROMPT ((size_t)256 << 20)

/* ---- opening ---- */

/* The text of a special token as it stands in the vocabulary, "" where there is none. */
static char *special_text(const generator *g, token_id id)
{
    size_t len = 0;
    const char *s = id == TOKEN_NONE ? NULL : tokenizer_raw(g->tok, id, &len);
    return s ? strndup(s, len) : strdup("");
}

static cairn_status find_controls(generator *g, cairn_error *err)
{
    size_t n = tokenizer_vocab_size(g->tok), count = 0;

    for (size_t i = 0; i < n; i++)
        count += tokenizer_is_control(g->tok, (token_id)i);
    g->controls = checked_malloc(count, sizeof *g->controls);
    if (!g->controls)
        return cairn_fail(err, CAIRN_ENOMEM, "control tokens");
    for (size_t i = 0; i < n; i++)
        if (tokenizer_is_control(g->tok, (token_id)i))
            g->controls[g->n_controls++] = (token_id)i;
    return CAIRN_OK;
}

static cairn_status open_text_side(generator *g, const char *path, cairn_error *err)
{
    gguf_string name = gguf_get_string(g->file, "general.name");
    gguf_string jinja = gguf_get_string(g->file, "tokenizer.chat_template");
    const char *slash = strrchr(path, '/');
    cairn_status st = tokenizer_from_gguf(&g->tok, g->file, err);

    if (!st && jinja.data && jinja.len)
        st = chat_template_compile(&g->chat, jinja.data, jinja.len, err);
    if (st) {
        cairn_error_prefix(err, "%s", path);
        return st;
    }
    g->name =
        name.data && name.len ? strndup(name.data, name.len) : strdup(slash ? slash + 1 : path);
    g->bos = special_text(g, tokenizer_bos(g->tok));
    g->eos = special_text(g, tokenizer_eos(g->tok));
    if (!g->name || !g->bos || !g->eos)
        return cairn_fail(err, CAIRN_ENOMEM, "generator");
    return find_controls(g, err);
}

cairn_status generator_open(generator **out, const char *gguf_path,
                            const generator_options *options, cairn_error *err)
{
    const generator_options o = options ? *options : (generator_options){0};
    const decoder_options d = {.n_ctx = o.n_ctx, .exact = o.exact, .pool = o.pool};
    const decoder_model_options m = {.mapped = true, .cache = &o.weights, .pool = o.pool};
    int64_t start = clock_mono_ns();
    generator *g = calloc(1, sizeof *g);
    size_t n_vocab;
    cairn_status st;

    *out = NULL;
    if (!g)
        return cairn_fail(err, CAIRN_ENOMEM, "generator");
    st = gguf_open(&g->file, gguf_path, err);
    if (!st)
        st = open_text_side(g, gguf_path, err);
    if (!st)
        st = decoder_model_open(&g->model, g->file, &m, err);
    if (!st)
        st = decoder_create(&g->dec, g->model, &d, err);
    if (!st) {
        n_vocab = decoder_model_shape(g->model)->n_vocab;
        g->n_pick = tokenizer_vocab_size(g->tok);
        g->logits = checked_aligned(n_vocab, sizeof *g->logits);
        if (g->n_pick > n_vocab)
            st = cairn_fail(err, CAIRN_EMODEL, "%s: %zu tokens, but embeddings for %zu only",
                            gguf_path, g->n_pick, n_vocab);
        else if (!g->logits)
            st = cairn_fail(err, CAIRN_ENOMEM, "logits of %zu tokens", n_vocab);
    }
    if (st) {
        generator_close(g);
        return st;
    }
    g->load_ns = clock_mono_ns() - start;
    *out = g;
    return CAIRN_OK;
}

void generator_close(generator *g)
{
    if (!g)
        return;
    decoder_destroy(g->dec);
    decoder_model_close(g->model);
    chat_template_destroy(g->chat);
    tokenizer_destroy(g->tok);
    gguf_close(g->file);
    token_list_clear(&g->sequence);
    free(g->logits);
    free(g->draft_logits);
    free(g->dry_breakers);
    free(g->controls);
    free(g->name);
    free(g->bos);
    free(g->eos);
    free(g);
}

const tokenizer *generator_tokenizer(const generator *g)
{
    return g->tok;
}

const decoder_model *generator_model(const generator *g)
{
    return g->model;
}

const gguf *generator_file(const generator *g)
{
    return g->file;
}

size_t generator_ctx(const generator *g)
{
    return decoder_ctx(g->dec);
}

const char *generator_name(const generator *g)
{
    return g->name;
}

bool generator_has_template(const generator *g)
{
    return g->chat != NULL;
}

int64_t generator_load_ns(const generator *g)
{
    return g->load_ns;
}

size_t generator_bytes(const generator *g)
{
    return decoder_model_bytes(g->model) + decoder_bytes(g->dec);
}

const char *generate_finish_name(generate_finish f)
{
    static const char *const names[] = {"end", "stop", "length", "context", "cancelled"};
    return (unsigned)f < sizeof names / sizeof *names ? names[f] : "unknown";
}

void generate_result_clear(generate_result *r)
{
    free(r->text);
    token_list_clear(&r->tokens);
    free(r->logprobs);
    free(r->top_ids);
    free(r->top_logprobs);
    *r = (generate_result){0};
}

void generator_cancel(generator *g)
{
    atomic_store_explicit(&g->cancel, true, memory_order_relaxed);
    decoder_cancel(g->dec);
}

static bool cancelled(const generator *g)
{
    return atomic_load_explicit(&g->cancel, memory_order_relaxed);
}

/* ---- the sequence ---- */

void generator_truncate(generator *g, size_t n)
{
    decoder_truncate(g->dec, n);
    if (g->sequence.n > n)
        g->sequence.n = n;
}

cairn_status generator_feed(generator *g, const token_id *ids, size_t n, decoder_want want,
                            float *logits, cairn_error *err)
{
    cairn_status st = decoder_eval(g->dec, ids, n, want, logits, err);

    for (size_t i = 0; !st && i < n; i++)
        if (token_list_push(&g->sequence, ids[i])) {
            generator_truncate(g, 0);
            st = cairn_fail(err, CAIRN_ENOMEM, "sequence");
        }
    return st;
}

/* ---- text going out ---- */

typedef struct stream {
    const generate_params *p;
    bytes raw;    /* as the tokens gave it */
    size_t given; /* of raw, handed to the callback */
    bool stopped; /* a stop string was found, raw ends before it */
    bool refused; /* the callback said no */
} stream;

/* The first stop string at or after `given` cuts the text; else the length up to which no stop
 * string has begun. */
static size_t before_stops(stream *s)
{
    size_t safe = s->raw.len;

    for (size_t i = 0; i < s->p->n_stop; i++) {
        const char *stop = s->p->stop[i];
        size_t len = strlen(stop);
        for (size_t at = s->given; len && at < safe; at++) {
            size_t have = s->raw.len - at < len ? s->raw.len - at : len;
            if (memcmp(s->raw.data + at, stop, have))
                continue;
            safe = at; /* complete or only begun: nothing from here on goes out yet */
            if (have == len) {
                s->stopped = true;
                break;
            }
        }
    }
    return safe;
}

static bool whole_stop_at(const stream *s, size_t at)
{
    for (size_t i = 0; i < s->p->n_stop; i++) {
        size_t len = strlen(s->p->stop[i]);
        if (len && s->raw.len - at >= len && !memcmp(s->raw.data + at, s->p->stop[i], len))
            return true;
    }
    return false;
}

static cairn_status give(stream *s, size_t upto)
{
    bytes clean;
    cairn_status st;

    if (upto <= s->given || !s->p->on_text) {
        s->given = upto > s->given ? upto : s->given;
        return CAIRN_OK;
    }
    bytes_init(&clean, MAX_TEXT * 3);
    st = utf8_sanitize(&clean, s->raw.data + s->given, upto - s->given);
    s->given = upto;
    if (!st && clean.len && !s->p->on_text(s->p->ctx, clean.data, clean.len))
        s->refused = true;
    bytes_clear(&clean);
    return st;
}

/* One more token's bytes are in raw: look for stops, give what is safe. */
static cairn_status stream_step(stream *s)
{
    size_t safe;

    if (!s->raw.len)
        return CAIRN_OK;
    s->stopped = false;
    safe = before_stops(s);
    /* A stop that is complete, but begins behind one that is only begun, must wait for that one. */
    s->stopped = s->stopped && whole_stop_at(s, safe);
    if (s->stopped) {
        s->raw.len = safe;
        s->raw.data[safe] = '\0';
        return CAIRN_OK;
    }
    return give(s, utf8_floor(s->raw.data, safe));
}

/* ---- the loop ---- */

/* Bring the prompt into the sequence, reusing what it begins with; logits of its last token. */
static cairn_status take_prompt(generator *g, const token_id *ids, size_t n, generate_result *out,
                                cairn_error *err)
{
    size_t same = 0;

    if (!n)
        return cairn_fail(err, CAIRN_EUSAGE, "an empty prompt");
    if (n >= decoder_ctx(g->dec))
        return cairn_fail(err, CAIRN_ELIMIT,
                          "the prompt has %zu tokens and the context holds %zu: shorten the prompt "
                          "or give the model a larger context",
                          n, decoder_ctx(g->dec));
    while (same < n - 1 && same < g->sequence.n && g->sequence.ids[same] == ids[same])
        same++;
    generator_truncate(g, same);
    out->prompt_tokens = n;
    out->cached_tokens = same;
    return generator_feed(g, ids + same, n - same, DECODER_LAST, g->logits, err);
}

/* A pass of the model over the token just chosen and a draft of the next ones. Row i of the logits
 * says what follows the first i tokens of the draft; as long as what is sampled there is what was
 * drafted, the next row holds too. So every token is sampled from the same bytes, in the same order,
 * as without drafts. */
typedef struct speculation {
    copy_draft *source; /* NULL: no drafts */
    token_id batch[COPY_DRAFT_MAX + 1];
    size_t match;    /* that the draft was made from */
    size_t n, right; /* tokens of the draft, and of these in the text already */
    const float *logits; /* for the token to be chosen next */
    const generate_params *params;
} speculation;

static cairn_status begin_drafts(generator *g, const token_id *prompt, size_t n,
                                 const generate_params *p, speculation *x, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    *x = (speculation){.logits = g->logits, .params = p};
    if (p->no_drafts)
        return CAIRN_OK;
    if (!g->draft_logits)
        g->draft_logits = checked_aligned((COPY_DRAFT_MAX + 1) *
                                              decoder_model_shape(g->model)->n_vocab,
                                          sizeof(float));
    if (!g->draft_logits)
        return cairn_fail(err, CAIRN_ENOMEM, "drafts");
    st = copy_draft_create(&x->source, err);
    for (size_t i = 0; !st && i < n; i++)
        if (copy_draft_append(x->source, prompt[i]))
            st = cairn_fail(err, CAIRN_ENOMEM, "drafts");
    return st;
}

/* What of the draft did not come true leaves the sequence. */
static void end_draft(generator *g, speculation *x)
{
    if (x->n) {
        copy_draft_judge(x->source, x->match, x->n, x->right);
        generator_truncate(g, g->sequence.n - (x->n - x->right));
    }
    x->n = x->right = 0;
}

/* `id` was chosen: have the logits for what follows it. */
static cairn_status next_logits(generator *g, token_id id, speculation *x, generate_result *out,
                                cairn_error *err)
{
    const generate_params *p = x->params;
    size_t most, left = p->max_tokens ? p->max_tokens - out->tokens.n : SIZE_MAX;
    cairn_status st;

    if (x->source && copy_draft_append(x->source, id))
        return cairn_fail(err, CAIRN_ENOMEM, "drafts");
    if (x->right < x->n && x->batch[1 + x->right] == id) {
        x->right++;
        x->logits += decoder_model_shape(g->model)->n_vocab;
        out->copied_tokens++;
        return CAIRN_OK;
    }
    end_draft(g, x);
    x->batch[0] = id;
    if (x->source) {
        /* Room for id itself, and no more than may still be asked for. */
        most = decoder_ctx(g->dec) - decoder_past(g->dec) - 1;
        if (most > left - 1)
            most = left - 1;
        x->match = copy_draft_match(x->source);
        x->n = copy_draft_propose(x->source, most < COPY_DRAFT_MAX ? most : COPY_DRAFT_MAX,
                                  x->batch + 1);
    }
    x->logits = x->n ? g->draft_logits : g->logits;
    out->passes++;
    out->drafted_tokens += x->n;
    st = generator_feed(g, x->batch, 1 + x->n, x->n ? DECODER_ALL : DECODER_LAST,
                        x->n ? g->draft_logits : g->logits, err);
    if (st)
        x->n = 0;
    return st;
}

/* Log-probabilities of the token just chosen from `logits`. */
static cairn_status note_logprobs(const generator *g, const float *logits, const generate_params *p,
                                  generate_result *out, cairn_error *err)
{
    size_t at = out->tokens.n - 1, n_top = p->n_top_logprobs;

    if (!p->logprobs)
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
    out->logprobs[at] = sampler_logprob(logits, g->n_pick, out->tokens.ids[at], n_top,
                                        out->top_ids + at * n_top, out->top_logprobs + at * n_top);
    return CAIRN_OK;
}

static cairn_status make_tokens(generator *g, sampler *pick, stream *s, speculation *x,
                                int64_t start, generate_result *out, cairn_error *err)
{
    const generate_params *p = s->p;
    cairn_status st = CAIRN_OK;

    for (;;) {
        token_id id = sampler_pick(pick, x->logits, g->n_pick);
        if (!out->tokens.n)
            out->ttft_ns = clock_mono_ns() - start;
        if (id == TOKEN_NONE)
            return cairn_fail(err, CAIRN_EMODEL,
                              "%s gives no usable probabilities: its weights are "
                              "broken, or memory ran out",
                              g->name);
        if (token_list_push(&out->tokens, id) || sampler_accept(pick, id))
            return cairn_fail(err, CAIRN_ENOMEM, "generated tokens");
        st = note_logprobs(g, x->logits, p, out, err);
        if (st)
            return st;
        if (tokenizer_is_eog(g->tok, id) && !p->ignore_end) {
            out->finish = GENERATE_END;
            return CAIRN_OK;
        }
        st = tokenizer_piece(g->tok, id, false, &s->raw);
        if (!st)
            st = stream_step(s);
        if (st)
            return cairn_fail(err, st, "generated text");
        if (s->stopped || s->refused || cancelled(g)) {
            out->finish = s->stopped ? GENERATE_STOP : GENERATE_CANCELLED;
            return CAIRN_OK;
        }
        if (p->max_tokens && out->tokens.n >= p->max_tokens) {
            out->finish = GENERATE_LENGTH;
            return CAIRN_OK;
        }
        if (g->sequence.n - (x->n - x->right) >= decoder_ctx(g->dec)) {
            out->finish = GENERATE_CONTEXT;
            return CAIRN_OK;
        }
        st = next_logits(g, id, x, out, err);
        if (st)
            return st;
    }
}

/* What is left of the text goes out, and the whole of it into the result. */
static cairn_status finish_text(stream *s, generate_result *out, cairn_error *err)
{
    bytes clean;
    cairn_status st = s->refused ? CAIRN_OK : give(s, s->raw.len);

    bytes_init(&clean, MAX_TEXT * 3);
    if (!st)
        st = utf8_sanitize(&clean, s->raw.data ? s->raw.data : "", s->raw.len);
    if (st) {
        bytes_clear(&clean);
        return cairn_fail(err, st, "generated text");
    }
    out->text = bytes_detach(&clean, &out->text_len);
    return out->text ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "generated text");
}

/* Runs that DRY looks at end where a line, a speaker's name, a quotation or an emphasis does. */
static cairn_status need_breakers(generator *g, sampler_params *s, cairn_error *err)
{
    if (s->dry_multiplier <= 0 || s->dry_breakers)
        return CAIRN_OK;
    if (!g->dry_breakers) {
        g->dry_breakers = calloc(g->n_pick / 8 + 1, 1);
        for (size_t i = 0; g->dry_breakers && i < g->n_pick; i++) {
            bytes text;
            bytes_init(&text, 65536);
            if (!tokenizer_piece(g->tok, (token_id)i, false, &text))
                for (size_t j = 0; j < text.len; j++)
                    if (strchr("\n:\"*", text.data[j]) && text.data[j])
                        g->dry_breakers[i >> 3] |= (uint8_t)(1 << (i & 7));
            bytes_clear(&text);
        }
    }
    s->dry_breakers = g->dry_breakers;
    s->n_dry_breakers = g->n_pick;
    return g->dry_breakers ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "sampler");
}

cairn_status generator_complete_tokens(generator *g, const token_id *prompt, size_t n,
                                       const generate_params *params, generate_result *out,
                                       cairn_error *err)
{
    const generate_params p = params ? *params : (generate_params){0};
    sampler_params sampling = p.sampling ? *p.sampling : sampler_params_default();
    stream s = {.p = &p};
    speculation x = {0};
    sampler *pick = NULL;
    int64_t start = clock_mono_ns();
    cairn_status st, text;

    generate_result_clear(out);
    bytes_init(&s.raw, MAX_TEXT);
    if (p.n_top_logprobs > GENERATE_MAX_TOP || p.n_top_logprobs > g->n_pick)
        return cairn_fail(err, CAIRN_EUSAGE, "%zu likely tokens a position; at most %d are given",
                          p.n_top_logprobs, GENERATE_MAX_TOP);
    st = need_breakers(g, &sampling, err);
    if (!st)
        st = sampler_create(&pick, &sampling, err);
    for (size_t i = 0; !st && i < n; i++)
        if (sampler_accept(pick, prompt[i]))
            st = cairn_fail(err, CAIRN_ENOMEM, "sampler");
    if (!st)
        st = take_prompt(g, prompt, n, out, err);
    if (!st)
        st = begin_drafts(g, prompt, n, &p, &x, err);
    if (!st)
        st = make_tokens(g, pick, &s, &x, start, out, err);
    end_draft(g, &x);
    copy_draft_destroy(x.source);
    if (st == CAIRN_ECANCELLED) {
        out->finish = GENERATE_CANCELLED;
        st = CAIRN_OK;
    }
    text = finish_text(&s, out, st ? NULL : err);
    if (!st)
        st = text;
    out->total_ns = clock_mono_ns() - start;
    atomic_store_explicit(&g->cancel, false, memory_order_relaxed);
    decoder_resume(g->dec);
    bytes_clear(&s.raw);
    sampler_destroy(pick);
    return st;
}

cairn_status generator_complete(generator *g, const char *prompt, size_t len, unsigned flags,
                                const generate_params *params, generate_result *out,
                                cairn_error *err)
{
    token_list ids = {0};
    cairn_status st = tokenizer_encode(g->tok, prompt, len, flags, &ids, err);

    if (!st)
        st = generator_complete_tokens(g, ids.ids, ids.n, params, out, err);
    token_list_clear(&ids);
    return st;
}

/* ---- messages ---- */

/* A copy of text with every control token's text broken after its first character; NULL where there
 * was nothing to break (or no memory: *st). */
static char *break_controls(const generator *g, const char *text, size_t len, size_t *out_len,
                            cairn_status *st)
{
    bytes b;
    bool any = false;

    bytes_init(&b, MAX_PROMPT);
    for (size_t i = 0; i < len && !*st; i++) {
        bool hit = false;
        for (size_t c = 0; c < g->n_controls && !hit; c++) {
            size_t n;
            const char *s = tokenizer_raw(g->tok, g->controls[c], &n);
            hit = s && n > 1 && n <= len - i && s[0] == text[i] && !memcmp(s, text + i, n);
        }
        *st = bytes_append_byte(&b, (uint8_t)text[i]);
        if (hit && !*st)
            *st = bytes_append_str(&b, "\xe2\x80\x8b");
        any = any || hit;
    }
    if (!any || *st) {
        bytes_clear(&b);
        return NULL;
    }
    return bytes_detach(&b, out_len);
}

/* All strings inside v (a message list) with their control tokens broken: a new reference. */
static json_t *without_controls(const generator *g, const json_t *v, int depth, cairn_status *st)
{
    json_t *out = NULL, *item, *made;
    const char *key;
    size_t i, len;
    char *text;

    if (depth > 64) {
        *st = CAIRN_ELIMIT;
        return NULL;
    }
    if (json_is_string(v)) {
        text = break_controls(g, json_string_value(v), json_string_length(v), &len, st);
        out = text ? json_stringn_nocheck(text, len)
                   : json_stringn_nocheck(json_string_value(v), json_string_length(v));
        free(text);
    } else if (json_is_array(v)) {
        out = json_array();
        json_array_foreach((json_t *)v, i, item)
        {
            made = *st ? NULL : without_controls(g, item, depth + 1, st);
            if (!made || json_array_append_new(out, made))
                *st = *st ? *st : CAIRN_ENOMEM;
        }
    } else if (json_is_object(v)) {
        out = json_object();
        json_object_foreach((json_t *)v, key, item)
        {
            made = *st ? NULL : without_controls(g, item, depth + 1, st);
            if (!made || json_object_set_new_nocheck(out, key, made))
                *st = *st ? *st : CAIRN_ENOMEM;
        }
    } else {
        out = json_deep_copy(v);
    }
    if (!out && !*st)
        *st = CAIRN_ENOMEM;
    return out;
}

static cairn_status need_template(const generator *g, cairn_error *err)
{
    return g->chat ? CAIRN_OK
                   : cairn_fail(err, CAIRN_EMODEL,
                                "%s has no chat template: it can only continue "
                                "a prompt",
                                g->name);
}

cairn_status generator_render(generator *g, const json_t *messages, bool add_generation_prompt,
                              char **text, size_t *len, cairn_error *err)
{
    bytes prompt;
    cairn_status st = need_template(g, err);

    *text = NULL;
    if (st)
        return st;
    bytes_init(&prompt, MAX_PROMPT);
    st = chat_template_render(g->chat, messages, NULL, add_generation_prompt, g->bos, g->eos,
                              &prompt, err);
    if (!st) {
        *text = bytes_detach(&prompt, len);
        st = *text ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "prompt");
    }
    bytes_clear(&prompt);
    return st;
}

cairn_status generator_chat(generator *g, const json_t *messages, const generate_params *params,
                            generate_result *out, cairn_error *err)
{
    cairn_status st = need_template(g, err);
    json_t *safe = NULL;
    char *text = NULL;
    const char *from;
    size_t len = 0, bos;

    generate_result_clear(out);
    if (!st) {
        safe = without_controls(g, messages, 0, &st);
        if (st)
            cairn_fail(err, st, "messages");
    }
    if (!st)
        st = generator_render(g, safe, true, &text, &len, err);
    if (!st) {
        /* A template that writes the begin token itself must not get a second one. */
        from = text;
        bos = strlen(g->bos);
        if (tokenizer_adds_bos(g->tok) && bos && len >= bos && !memcmp(text, g->bos, bos)) {
            from += bos;
            len -= bos;
        }
        st = generator_complete(g, from, len, TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL, params,
                                out, err);
    }
    free(text);
    json_decref(safe);
    return st;
}
