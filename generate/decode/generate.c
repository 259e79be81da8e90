/* generate.c - from messages to streamed text.
 *
 * The prompt is what the model's own template makes of the messages, tokenised with its control
 * tokens understood. Because passages of foreign documents are inside the messages, a control token
 * written out in a message ("<|im_end|>") is broken by a zero-width space before rendering: a
 * document can then not end the user's turn and speak as the system. generator_render shows the
 * template's exact output. */
#include "generate/decode/generate.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "generate/decode/answer.h"
#include "generate/decode/generator.h"
#include "generate/decode/model_draft.h"
#include "generate/decode/passage_reuse.h"

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

/* The small model is computed as this one is, without caches of prompts and adapters. */
static cairn_status open_draft(generator *g, const generator_options *o, cairn_error *err)
{
    generator_options small = {.n_ctx = decoder_ctx(g->dec), .pool = o->pool, .weights = o->weights};
    generator *opened;
    cairn_status st = generator_open(&opened, o->draft, &small, err);

    return st ? st : model_draft_create(&g->draft, opened, g, err);
}

cairn_status generator_open(generator **out, const char *gguf_path,
                            const generator_options *options, cairn_error *err)
{
    const generator_options o = options ? *options : (generator_options){0};
    const decoder_options d = {.n_ctx = o.n_ctx, .exact = o.exact, .kv = o.kv, .pool = o.pool};
    const decoder_model_options m = {.mapped = true, .cache = &o.weights, .pool = o.pool};
    int64_t start = clock_mono_ns();
    generator *g = calloc(1, sizeof *g);
    size_t n_vocab;
    cairn_status st;

    *out = NULL;
    if (!g)
        return cairn_fail(err, CAIRN_ENOMEM, "generator");
    pthread_mutex_init(&g->lock, NULL);
    st = gguf_open(&g->file, gguf_path, err);
    if (!st)
        st = open_text_side(g, gguf_path, err);
    if (!st)
        st = decoder_model_open(&g->model, g->file, &m, err);
    if (!st)
        st = decoder_model_adapt(g->model, o.adapters, o.n_adapters, err);
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
    if (!st && o.draft)
        st = open_draft(g, &o, err);
    if (st) {
        generator_close(g);
        return st;
    }
    g->exact = o.exact;
    g->kv = o.kv;
    g->prefixes = kv_files_open(&o.prefixes, KV_FILES_BEGINNINGS, g->file, o.exact, o.kv,
                                decoder_model_variant(g->model));
    if (!o.exact)
        g->passages = kv_files_open(&o.passages, KV_FILES_PASSAGES, g->file, false, o.kv,
                                    decoder_model_variant(g->model));
    g->load_ns = clock_mono_ns() - start;
    *out = g;
    return CAIRN_OK;
}

void generator_close(generator *g)
{
    if (!g)
        return;
    kv_files_close(g->prefixes);
    kv_files_close(g->passages);
    passages_forget(g);
    model_draft_destroy(g->draft);
    token_list_clear(&g->frame);
    decoder_destroy(g->dec);
    decoder_model_close(g->model);
    chat_template_destroy(g->chat);
    tokenizer_destroy(g->tok);
    gguf_close(g->file);
    token_list_clear(&g->sequence);
    free(g->logits);
    free(g->draft_logits);
    free(g->dry_breakers);
    token_trie_destroy(g->trie);
    pthread_mutex_destroy(&g->lock);
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

/* ---- the sequence ---- */

void generator_truncate(generator *g, size_t n)
{
    decoder_truncate(g->dec, n);
    if (g->sequence.n > n)
        g->sequence.n = n;
    if (g->n_exact > n)
        g->n_exact = n;
}

cairn_status generator_feed(generator *g, const token_id *ids, size_t n, decoder_want want,
                            float *logits, cairn_error *err)
{
    cairn_status st = decoder_eval(g->dec, ids, n, want, logits, err);
    bool exact = g->n_exact == g->sequence.n;

    for (size_t i = 0; !st && i < n; i++)
        if (token_list_push(&g->sequence, ids[i])) {
            generator_truncate(g, 0);
            st = cairn_fail(err, CAIRN_ENOMEM, "sequence");
        }
    if (!st && exact)
        g->n_exact = g->sequence.n;
    return st;
}

/* ---- the loop ---- */

/* The sequence is ids[0, same). Take as much more of ids[0, n) from disk as is kept there. Returns how many
 * tokens the sequence has then. */
static size_t take_kept(generator *g, const token_id *ids, size_t n, size_t same)
{
    size_t found = kv_files_extend(g->prefixes, g->dec, decoder_own_sequence(g->dec), ids, n);

    if (found < same)
        g->sequence.n = found;
    for (size_t i = same; i < found; i++)
        if (token_list_push(&g->sequence, ids[i])) {
            generator_truncate(g, 0);
            return 0;
        }
    g->n_exact = found;
    return found;
}

/* Bring the prompt into the sequence, reusing what it begins with; logits of its last token. */
static cairn_status take_prompt(generator *g, const token_id *ids, size_t n,
                                const generate_params *p, generate_result *out, cairn_error *err)
{
    size_t same = 0;
    bool done;
    cairn_status st;

    if (!n)
        return cairn_fail(err, CAIRN_EUSAGE, "an empty prompt");
    if (n >= decoder_ctx(g->dec))
        return cairn_fail(err, CAIRN_ELIMIT,
                          "the prompt has %zu tokens and the context holds %zu: shorten the prompt "
                          "or give the model a larger context",
                          n, decoder_ctx(g->dec));
    while (same < n - 1 && same < g->n_exact && g->sequence.ids[same] == ids[same])
        same++;
    generator_truncate(g, same);
    if (g->prefixes)
        same = take_kept(g, ids, n - 1, same);
    out->prompt_tokens = n;
    out->cached_tokens = same;
    st = passages_take(g, p, ids, n, same, out, &done, err);
    if (st || done)
        return st;
    same = g->sequence.n;
    return generator_feed(g, ids + same, n - same, DECODER_LAST, g->logits, err);
}

cairn_status generator_trie(generator *g, const token_trie **out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    pthread_mutex_lock(&g->lock);
    if (!g->trie)
        st = token_trie_create(&g->trie, g->tok, g->n_pick, err);
    *out = g->trie;
    pthread_mutex_unlock(&g->lock);
    return st;
}

/* Runs that DRY looks at end where a line, a speaker's name, a quotation or an emphasis does. */
uint8_t *generator_make_breakers(const generator *g)
{
    uint8_t *bits = calloc(g->n_pick / 8 + 1, 1);

    for (size_t i = 0; bits && i < g->n_pick; i++) {
        bytes text;
        bytes_init(&text, 65536);
        if (!tokenizer_piece(g->tok, (token_id)i, false, &text))
            for (size_t j = 0; j < text.len; j++)
                if (strchr("\n:\"*", text.data[j]) && text.data[j])
                    bits[i >> 3] |= (uint8_t)(1 << (i & 7));
        bytes_clear(&text);
    }
    return bits;
}

static cairn_status need_breakers(generator *g, sampler_params *s, cairn_error *err)
{
    if (s->dry_multiplier <= 0 || s->dry_breakers)
        return CAIRN_OK;
    if (!g->dry_breakers)
        g->dry_breakers = generator_make_breakers(g);
    s->dry_breakers = g->dry_breakers;
    s->n_dry_breakers = g->n_pick;
    return g->dry_breakers ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "sampler");
}

/* Token after token until the answer is done. */
static cairn_status make_tokens(generator *g, answer *a, cairn_error *err)
{
    const size_t vocab = decoder_model_shape(g->model)->n_vocab;
    size_t kept, n;
    cairn_status st = answer_consume(a, g->logits, vocab, 1, &kept, err);

    while (!st && !a->done) {
        float *logits = g->logits;
        if (decoder_past(g->dec) >= decoder_ctx(g->dec)) {
            answer_finish(a, GENERATE_CONTEXT);
            break;
        }
        n = answer_propose(a, decoder_ctx(g->dec) - decoder_past(g->dec));
        if (n > 1) {
            if (!g->draft_logits)
                g->draft_logits = checked_aligned((COPY_DRAFT_MAX + 1) * vocab, sizeof(float));
            if (!g->draft_logits)
                return cairn_fail(err, CAIRN_ENOMEM, "drafts");
            logits = g->draft_logits;
        }
        st = generator_feed(g, a->batch, n, n > 1 ? DECODER_ALL : DECODER_LAST, logits, err);
        if (!st) {
            st = answer_consume(a, logits, vocab, n, &kept, err);
            generator_truncate(g, g->sequence.n - (n - kept));
        }
    }
    return st;
}

cairn_status generator_complete_tokens(generator *g, const token_id *prompt, size_t n,
                                       const generate_params *params, generate_result *out,
                                       cairn_error *err)
{
    generate_params p = params ? *params : (generate_params){0};
    sampler_params sampling = p.sampling ? *p.sampling : sampler_params_default();
    answer a;
    cairn_status st;

    generate_result_clear(out);
    p.sampling = &sampling;
    st = need_breakers(g, &sampling, err);
    if (st)
        return st;
    st = answer_begin(&a, g, &p, prompt, n, &g->cancel, out, err);
    if (!st && g->draft && !p.no_drafts) {
        a.model = g->draft;
        a.sequence = &g->sequence;
        model_draft_begin(g->draft);
    }
    if (!st)
        st = take_prompt(g, prompt, n, &a.p, out, err);
    if (!st)
        answer_look(&a, g->logits);
    if (!st && !a.done)
        st = make_tokens(g, &a, err);
    st = answer_end(&a, st, err);
    atomic_store_explicit(&g->cancel, false, memory_order_relaxed);
    decoder_resume(g->dec);
    return st;
}

cairn_status generator_tokens(const generator *g, const char *prompt, size_t len, unsigned flags,
                              token_list *out, cairn_error *err)
{
    return tokenizer_encode(g->tok, prompt, len, flags, out, err);
}

cairn_status generator_complete(generator *g, const char *prompt, size_t len, unsigned flags,
                                const generate_params *params, generate_result *out,
                                cairn_error *err)
{
    token_list ids = {0};
    cairn_status st = generator_tokens(g, prompt, len, flags, &ids, err);

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

static cairn_status render(const generator *g, const json_t *messages, const json_t *tools,
                           bool add_generation_prompt, char **text, size_t *len, cairn_error *err)
{
    bytes prompt;
    cairn_status st = need_template(g, err);

    *text = NULL;
    if (st)
        return st;
    bytes_init(&prompt, MAX_PROMPT);
    st = chat_template_render(g->chat, messages, tools, add_generation_prompt, g->bos, g->eos,
                              &prompt, err);
    if (!st) {
        *text = bytes_detach(&prompt, len);
        st = *text ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "prompt");
    }
    bytes_clear(&prompt);
    return st;
}

cairn_status generator_render(const generator *g, const json_t *messages, bool add_generation_prompt,
                              char **text, size_t *len, cairn_error *err)
{
    return render(g, messages, NULL, add_generation_prompt, text, len, err);
}

bool generator_takes_tools(const generator *g)
{
    json_t *messages = json_pack("[{s:s,s:s}]", "role", "user", "content", "a");
    json_t *tools = json_pack("[{s:s,s:{s:s,s:s,s:{s:s,s:{}}}}]", "type", "function", "function", "name",
                              "tool_shown", "description", "b", "parameters", "type", "object",
                              "properties");
    char *text = NULL;
    size_t len;
    bool shown = messages && tools && !render(g, messages, tools, true, &text, &len, NULL) &&
                 strstr(text, "tool_shown") && strstr(text, "tool_call");

    free(text);
    json_decref(messages);
    json_decref(tools);
    return shown;
}

cairn_status generator_prompt_tools(const generator *g, const json_t *messages, const json_t *tools,
                                    token_list *out, cairn_error *err)
{
    cairn_status st = need_template(g, err);
    json_t *safe = NULL, *safe_tools = NULL;
    char *text = NULL;
    const char *from;
    size_t len = 0, bos;

    if (!st)
        safe = without_controls(g, messages, 0, &st);
    if (!st && tools)
        safe_tools = without_controls(g, tools, 0, &st);
    if (st && g->chat)
        cairn_fail(err, st, "messages");
    if (!st)
        st = render(g, safe, safe_tools, true, &text, &len, err);
    if (!st) {
        /* A template that writes the begin token itself must not get a second one. */
        from = text;
        bos = strlen(g->bos);
        if (tokenizer_adds_bos(g->tok) && bos && len >= bos && !memcmp(text, g->bos, bos)) {
            from += bos;
            len -= bos;
        }
        st = tokenizer_encode(g->tok, from, len, TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL, out,
                              err);
    }
    free(text);
    json_decref(safe);
    json_decref(safe_tools);
    return st;
}

cairn_status generator_prompt(const generator *g, const json_t *messages, token_list *out,
                              cairn_error *err)
{
    return generator_prompt_tools(g, messages, NULL, out, err);
}

/* How many tokens the prompt has in common with that of the system messages at its front alone. What the
 * template makes of them may differ from what it makes of the conversation, so only the common beginning
 * counts. */
static size_t system_tokens(generator *g, const json_t *messages, const token_list *prompt)
{
    json_t *system = json_array(), *m;
    token_list alone = {0};
    size_t i, same = 0;

    json_array_foreach((json_t *)messages, i, m)
    {
        const char *role = json_string_value(json_object_get(m, "role"));
        if (!role || strcmp(role, "system") || json_array_append(system, m))
            break;
    }
    if (json_array_size(system) && !generator_prompt(g, system, &alone, NULL))
        while (same < alone.n && same < prompt->n && alone.ids[same] == prompt->ids[same])
            same++;
    token_list_clear(&alone);
    json_decref(system);
    return same;
}

/* Prompts of this kind begin with it. */
static void keep_system_prompt(generator *g, const token_list *prompt, size_t n)
{
    if (n > g->n_exact)
        n = g->n_exact;
    kv_files_keep(g->prefixes, g->dec, decoder_own_sequence(g->dec), prompt->ids, n);
}

cairn_status generator_passage_tokens(const generator *g, const char *text, size_t len,
                                      token_list *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    size_t safe_len = len;
    char *safe = break_controls(g, text, len, &safe_len, &st);

    if (st)
        return cairn_fail(err, st, "a passage");
    st = tokenizer_encode(g->tok, safe ? safe : text, safe_len, 0, out, err);
    free(safe);
    return st;
}

cairn_status generator_keep_passages(generator *g, cairn_error *err)
{
    return passages_keep(g, err);
}

cairn_status generator_chat(generator *g, const json_t *messages, const generate_params *params,
                            generate_result *out, cairn_error *err)
{
    token_list prompt = {0};
    size_t system = 0;
    cairn_status st = generator_prompt(g, messages, &prompt, err);

    generate_result_clear(out);
    if (!st && (g->prefixes || g->passages))
        system = system_tokens(g, messages, &prompt);
    g->frame.n = 0;
    for (size_t i = 0; !st && g->passages && i < system; i++)
        if (token_list_push(&g->frame, prompt.ids[i]))
            st = cairn_fail(err, CAIRN_ENOMEM, "prompt");
    if (!st)
        st = generator_complete_tokens(g, prompt.ids, prompt.n, params, out, err);
    if (!st && g->prefixes)
        keep_system_prompt(g, &prompt, system);
    g->frame.n = 0;
    token_list_clear(&prompt);
    return st;
}
