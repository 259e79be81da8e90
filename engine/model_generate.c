/* model_generate.c - generate, perplexity and bench of `cairn model`. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/model.h"
#include "engine/model_caches.h"
#include "engine/model_lines.h"

#define PERPLEXITY_TEXT ((size_t)64 << 20)

typedef struct generating {
    generator *g;
    pool *workers;
    const volatile sig_atomic_t *cancel;
} generating;

static cairn_status take_kv(const cairn_model_flags *flags, decoder_kv *out, cairn_error *err)
{
    if (!flags->kv || decoder_kv_named(flags->kv, out))
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EUSAGE, "keys and values are kept as f16 or int8, not \"%s\"",
                      flags->kv);
}

static cairn_status take_adapters(const cairn_model_flags *flags, model_adapters *own,
                                  generator_options *o, cairn_error *err)
{
    cairn_status st;

    if (!flags->adapters)
        return CAIRN_OK;
    st = engine_parse_adapters(flags->adapters, own, err);
    o->adapters = own->list;
    o->n_adapters = own->n;
    return st;
}

static cairn_status open_generating(generating *k, const char *model,
                                    const cairn_model_flags *flags, cairn_error *err)
{
    generator_options o = {.n_ctx = flags->n_ctx, .exact = flags->exact};
    settings settings;
    model_caches caches;
    model_adapters adapters;
    const char *draft;
    char path[8192], draft_path[8192];
    cairn_status st = cairn_model_path(model, path, sizeof path, err);

    k->cancel = flags->cancel;
    if (!st)
        st = engine_read_settings(&settings, flags->config_file, err);
    if (!st) {
        engine_model_caches(&settings, &caches, &o);
        st = take_kv(flags, &o.kv, err);
        st = st ? st : take_adapters(flags, &adapters, &o, err);
        draft = flags->draft ? flags->draft : settings.draft;
        if (!st && *draft)
            st = cairn_model_path(draft, draft_path, sizeof draft_path, err);
        o.draft = *draft ? draft_path : NULL;
    }
    if (!st) {
        st = pool_create(&k->workers, flags->n_threads, err);
    }
    o.pool = k->workers;
    return st ? st : engine_model_status(generator_open(&k->g, path, &o, err), err);
}

static void close_generating(generating *k)
{
    generator_close(k->g);
    pool_destroy(k->workers);
}

static bool go_on(void *ctx, const char *text, size_t len)
{
    generating *k = ctx;

    (void)text;
    (void)len;
    return !engine_cancelled(k->cancel);
}

static double number_or(const json_t *in, const char *key, double absent)
{
    const json_t *v = json_object_get(in, key);

    return json_is_number(v) ? json_number_value(v) : absent;
}

#define MAX_BIAS     1024
#define MAX_PASSAGES 64

static sampler_params sampling_of(const json_t *in)
{
    sampler_params p = sampler_params_default();

    p.temperature = (float)number_or(in, "temperature", (double)p.temperature);
    p.top_k = (int32_t)number_or(in, "top_k", p.top_k);
    p.top_p = (float)number_or(in, "top_p", (double)p.top_p);
    p.min_p = (float)number_or(in, "min_p", (double)p.min_p);
    p.typical_p = (float)number_or(in, "typical_p", (double)p.typical_p);
    p.repeat_penalty = (float)number_or(in, "repeat_penalty", (double)p.repeat_penalty);
    p.frequency_penalty = (float)number_or(in, "frequency_penalty", (double)p.frequency_penalty);
    p.presence_penalty = (float)number_or(in, "presence_penalty", (double)p.presence_penalty);
    p.repeat_last_n = (int32_t)number_or(in, "repeat_last_n", p.repeat_last_n);
    p.dry_multiplier = (float)number_or(in, "dry_multiplier", (double)p.dry_multiplier);
    p.dry_base = (float)number_or(in, "dry_base", (double)p.dry_base);
    p.dry_allowed_length = (int32_t)number_or(in, "dry_allowed_length", p.dry_allowed_length);
    p.dry_last_n = (int32_t)number_or(in, "dry_last_n", p.dry_last_n);
    p.mirostat = number_or(in, "mirostat", 0) == 2;
    p.mirostat_tau = (float)number_or(in, "mirostat_tau", (double)p.mirostat_tau);
    p.mirostat_eta = (float)number_or(in, "mirostat_eta", (double)p.mirostat_eta);
    p.seed = (uint64_t)json_integer_value(json_object_get(in, "seed"));
    return p;
}

/* "logit_bias": {"123": -5, "7": false}; false bans. */
static cairn_status bias_of(const json_t *in, sampler_bias list[MAX_BIAS], size_t *n,
                            cairn_error *err)
{
    json_t *given = json_object_get(in, "logit_bias"), *value;
    const char *key;

    *n = 0;
    if (!given || json_is_null(given))
        return CAIRN_OK;
    if (!json_is_object(given) || json_object_size(given) > MAX_BIAS)
        return cairn_fail(err, CAIRN_EINPUT,
                          "\"logit_bias\" is an object of at most %d token ids", MAX_BIAS);
    json_object_foreach(given, key, value)
    {
        char *end;
        long id;
        errno = 0;
        id = strtol(key, &end, 10);
        if (errno || end == key || *end || id < 0 || id > INT32_MAX ||
            (!json_is_number(value) && !json_is_false(value)))
            return cairn_fail(err, CAIRN_EINPUT, "\"logit_bias\" maps token ids to numbers or "
                                                 "false, not \"%s\"", key);
        list[(*n)++] = (sampler_bias){(token_id)id, json_is_false(value)
                                                        ? -INFINITY
                                                        : (float)json_number_value(value)};
    }
    return CAIRN_OK;
}

/* "stop": one string or a list of at most 16; borrowed from the line. */
static size_t stops_of(const json_t *in, const char *stops[16])
{
    const json_t *v = json_object_get(in, "stop");
    size_t n = 0;

    if (json_is_string(v))
        stops[n++] = json_string_value(v);
    for (size_t i = 0; i < json_array_size(v) && n < 16; i++)
        if (json_is_string(json_array_get(v, i)))
            stops[n++] = json_string_value(json_array_get(v, i));
    return n;
}

/* [{"logprob","top":[[id,logprob],...]}, ...] in the order of the tokens. */
static json_t *logprobs_json(const generate_result *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->tokens.n; i++) {
        json_t *top = json_array();
        for (size_t j = 0; j < r->n_top; j++) {
            size_t at = i * r->n_top + j;
            json_array_append_new(top, json_pack("[I,f]", (json_int_t)r->top_ids[at],
                                                 r->top_logprobs[at]));
        }
        json_array_append_new(list, json_pack("{s:f,s:o}", "logprob", r->logprobs[i], "top", top));
    }
    return list;
}

static void put_result(json_t *out, const generate_result *r)
{
    size_t made = r->tokens.n;
    double decode_ms = (double)(r->total_ns - r->ttft_ns) / 1e6;
    json_t *tokens = json_array();

    for (size_t i = 0; i < made; i++)
        json_array_append_new(tokens, json_integer(r->tokens.ids[i]));
    json_object_set_new(out, "text", json_stringn(r->text, r->text_len));
    json_object_set_new(out, "tokens", tokens);
    if (r->logprobs)
        json_object_set_new(out, "logprobs", logprobs_json(r));
    json_object_set_new(out, "finish", json_string(generate_finish_name(r->finish)));
    json_object_set_new(out, "usage",
                        json_pack("{s:I,s:I}", "prompt_tokens", (json_int_t)r->prompt_tokens,
                                  "completion_tokens", (json_int_t)made));
    json_object_set_new(out, "timings",
                        json_pack("{s:f,s:f,s:f,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f}", "ttft_ms",
                                  (double)r->ttft_ns / 1e6, "tpot_ms",
                                  made > 1 ? decode_ms / (double)(made - 1) : 0.0, "total_ms",
                                  (double)r->total_ns / 1e6, "cached_tokens",
                                  (json_int_t)r->cached_tokens, "reused_tokens",
                                  (json_int_t)r->reused_tokens, "reuse_distance",
                                  r->reuse_distance, "passes", (json_int_t)r->passes,
                                  "drafted_tokens", (json_int_t)r->drafted_tokens, "copied_tokens",
                                  (json_int_t)r->copied_tokens, "guessed_tokens",
                                  (json_int_t)r->guessed_tokens, "guesses_held",
                                  (json_int_t)r->guesses_held, "forced_tokens",
                                  (json_int_t)r->forced_tokens, "forced_held", (json_int_t)r->forced_held, "choose_cpu_ms",
                                  (double)r->choose_cpu_ns / 1e6, "constrain_cpu_ms",
                                  (double)r->constrain_cpu_ns / 1e6));
}

/* "passages": texts that the messages may hold runs of; borrowed from the line. */
static size_t passages_of(const json_t *in, generate_text list[MAX_PASSAGES])
{
    const json_t *v = json_object_get(in, "passages");
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(v) && n < MAX_PASSAGES; i++) {
        const json_t *text = json_array_get(v, i);
        if (json_is_string(text))
            list[n++] = (generate_text){json_string_value(text), json_string_length(text)};
    }
    return n;
}

/* One answer to the line, into *out. */
static cairn_status answer_line(generating *k, const json_t *in, const generate_params *p,
                                json_t *out, cairn_error *err)
{
    const json_t *prompt = json_object_get(in, "prompt");
    const json_t *messages = json_object_get(in, "messages");
    generate_result r = {0};
    cairn_status st;

    if (json_is_array(messages))
        st = generator_chat(k->g, messages, p, &r, err);
    else if (json_is_string(prompt))
        st = generator_complete(k->g, json_string_value(prompt), json_string_length(prompt),
                                TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL, p, &r, err);
    else
        st = cairn_fail(err, CAIRN_EINPUT, "needs \"prompt\" or \"messages\"");
    if (!st && r.finish == GENERATE_CANCELLED)
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped");
    if (!st)
        put_result(out, &r);
    generate_result_clear(&r);
    return st ? st : generator_keep_passages(k->g, err);
}

static cairn_status generate_line(void *ctx, const json_t *in, json_t *out, cairn_error *err)
{
    generating *k = ctx;
    sampler_params sampling = sampling_of(in);
    sampler_bias bias[MAX_BIAS];
    generate_text passages[MAX_PASSAGES];
    const char *stops[16];
    const json_t *schema = json_object_get(in, "json_schema");
    generate_params p = {.sampling = &sampling,
                         .stop = stops,
                         .n_stop = stops_of(in, stops),
                         .grammar = json_string_value(json_object_get(in, "grammar")),
                         .json_schema = json_is_null(schema) ? NULL : schema,
                         .quotable = json_string_value(json_object_get(in, "quotable")),
                         .passages = passages,
                         .n_passages = passages_of(in, passages),
                         .no_drafts = json_is_false(json_object_get(in, "drafts")),
                         .on_text = go_on,
                         .ctx = k};
    double most = number_or(in, "max_tokens", 256), n = number_or(in, "n", 1);
    double top = number_or(in, "logprobs", -1);
    cairn_status st = bias_of(in, bias, &sampling.n_bias, err);

    if (st)
        return st;
    if (!(most >= 1 && most <= 1e6) || !(n >= 1 && n <= 128) || !(top <= GENERATE_MAX_TOP))
        return cairn_fail(err, CAIRN_EINPUT, "\"max_tokens\" is from 1 to 1000000, \"n\" from 1 to "
                                             "128, \"logprobs\" at most %d", GENERATE_MAX_TOP);
    p.max_tokens = (size_t)most;
    p.logprobs = top >= 0;
    p.n_top_logprobs = top > 0 ? (size_t)top : 0;
    sampling.bias = bias;
    if (n < 2)
        return answer_line(k, in, &p, out, err);
    /* Several answers have seeds that follow one another; the prompt is computed once. */
    json_t *choices = json_array();
    json_object_set_new(out, "choices", choices);
    for (size_t i = 0; !st && i < (size_t)n; i++, sampling.seed++) {
        json_t *one = json_object();
        st = answer_line(k, in, &p, one, err);
        json_array_append_new(choices, one);
    }
    return st;
}

cairn_status cairn_model_generate(const char *model, const cairn_model_flags *flags, FILE *in,
                                  FILE *out, cairn_error *err)
{
    generating k = {0};
    cairn_status st = open_generating(&k, model, flags, err);

    if (!st)
        st = model_each_line(in, out, flags->cancel, generate_line, &k, err);
    close_generating(&k);
    return st;
}

/* ---- perplexity ---- */

typedef struct perplexing {
    FILE *out;
    const volatile sig_atomic_t *cancel;
    cairn_status status;
    cairn_error error;
} perplexing;

static bool write_row(void *ctx, const perplexity_row *row)
{
    perplexing *k = ctx;
    json_t *top = json_array(), *line;

    for (size_t i = 0; i < row->n_top; i++)
        json_array_append_new(top, json_pack("[I,f]", (json_int_t)row->top[i],
                                             row->top_logprob[i]));
    line = json_pack("{s:I,s:I,s:o,s:o,s:o}", "pos", (json_int_t)row->pos, "token",
                     (json_int_t)row->token, "next",
                     row->next == TOKEN_NONE ? json_null() : json_integer(row->next), "logprob",
                     row->next == TOKEN_NONE ? json_null() : json_real(row->logprob), "top", top);
    k->status = model_write_line(k->out, line, &k->error);
    return !k->status && !engine_cancelled(k->cancel);
}

static cairn_status read_whole(const char *path, bytes *out, cairn_error *err)
{
    FILE *f = fopen(path, "re");
    char buf[65536];
    size_t n;
    cairn_status st = CAIRN_OK;

    if (!f)
        return cairn_fail(err, CAIRN_EINPUT, "open %s: %s", path, strerror(errno));
    while (!st && (n = fread(buf, 1, sizeof buf, f)) > 0)
        if (bytes_append(out, buf, n))
            st = cairn_fail(err, CAIRN_ELIMIT, "%s is larger than %zu bytes", path, out->max);
    if (!st && ferror(f))
        st = cairn_fail_errno(err, errno, "read %s", path);
    fclose(f);
    return st;
}

cairn_status cairn_model_perplexity(const char *model, const cairn_model_flags *flags,
                                    const char *file, size_t top, FILE *out, cairn_error *err)
{
    generating k = {0};
    perplexing p = {.out = out, .cancel = flags->cancel};
    perplexity_result r = {0};
    bytes text;
    cairn_status st;

    bytes_init(&text, PERPLEXITY_TEXT);
    st = read_whole(file, &text, err);
    if (!st)
        st = open_generating(&k, model, flags, err);
    if (!st)
        st = generator_perplexity(k.g, text.data ? text.data : "", text.len, top, write_row, &p,
                                  &r, err);
    if (p.status) {
        st = p.status;
        if (err)
            *err = p.error;
    }
    if (!st)
        st = model_write_line(out,
                              json_pack("{s:f,s:f,s:I}", "mean_nll", r.mean_nll, "ppl", r.ppl,
                                        "tokens", (json_int_t)r.tokens),
                              err);
    close_generating(&k);
    bytes_clear(&text);
    return st;
}

/* ---- bench ---- */

cairn_status cairn_model_bench(const char *model, const cairn_model_flags *flags, const size_t *pp,
                               size_t n_pp, const size_t *depth, size_t n_depth, size_t tg,
                               FILE *out, cairn_error *err)
{
    generate_bench_options o = {.pp = pp,
                                .n_pp = n_pp,
                                .depth = depth,
                                .n_depth = n_depth,
                                .tg = tg,
                                .threads = flags->n_threads};
    generator_options caching = {0};
    settings settings;
    model_caches caches;
    char path[8192];
    json_t *j = NULL;
    cairn_status st = cairn_model_path(model, path, sizeof path, err);

    if (!st)
        st = engine_read_settings(&settings, flags->config_file, err);
    if (!st) {
        engine_model_caches(&settings, &caches, &caching);
        o.weights = caching.weights;
        o.kv = caching.kv;
        st = take_kv(flags, &o.kv, err);
    }
    if (!st)
        st = generate_bench(&j, path, &o, err);
    return st ? st : model_write_line(out, j, err);
}
