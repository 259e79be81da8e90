/* causal.c - see causal.h. */
#include "generate/encode/causal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "generate/decode/kv_cache.h"

#define MOST_TOGETHER 64 /* texts whose keys and values are there at one time */
#define POOL_LAST     3u /* of pooling_type */
#define LEAST_TOKENS  8

/* The instruction that the model's card gives for search; it was trained with such ones. */
static const char instruction[] =
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:";

bool causal_is(const gguf *g)
{
    gguf_string arch = gguf_get_string(g, "general.architecture");
    return gguf_string_is(arch, "qwen3");
}

static bool says_embedding(const gguf *g)
{
    gguf_string name = gguf_get_string(g, "general.name");
    char text[256];

    snprintf(text, sizeof text, "%.*s", (int)(name.len < 255 ? name.len : 255), name.data ? name.data : "");
    return strcasestr(text, "embedding") != NULL;
}

/* The file's front holds the metadata and all tensors' shapes; a piece of each tells two sets of weights apart. A
 * folder's has a checksum of such pieces in it, whichever file each lies in. */
static uint64_t hash_file(const gguf *g, bool folder)
{
    size_t len;
    const uint8_t *front = gguf_front(g, &len);
    uint64_t hash = XXH3_64bits(front, len);

    for (size_t i = 0; i < gguf_tensor_count(g) && !folder; i++) {
        const gguf_tensor *t = gguf_tensor_at(g, i);
        hash = XXH3_64bits_withSeed(t->data, t->bytes < 256 ? t->bytes : 256, hash);
    }
    return hash;
}

static cairn_status check_pooling(const gguf *g, cairn_error *err)
{
    const uint32_t none = UINT32_MAX, how = gguf_get_u32(g, "qwen3.pooling_type", none);

    if (how == POOL_LAST || (how == none && says_embedding(g)))
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EUNSUPPORTED,
                      how == none ? "%s: a generator, no embedder (qwen3.pooling_type is not there)"
                                  : "%s: qwen3.pooling_type %u; only 3, the last token, is known here",
                      gguf_path(g), how);
}

/* The last part of a path, without an extension where it is a file's. */
static char *name_of(const char *path, bool is_file)
{
    size_t end = strlen(path), start;
    const char *dot;

    while (end > 1 && path[end - 1] == '/')
        end--;
    for (start = end; start && path[start - 1] != '/'; start--)
        ;
    dot = is_file ? memrchr(path + start, '.', end - start) : NULL;
    if (dot && dot > path + start)
        end = (size_t)(dot - path);
    return strndup(path + start, end - start);
}

static char *copy_of(gguf_string s, const char *absent)
{
    return s.data ? strndup(s.data, s.len) : strdup(absent);
}

static cairn_status name_and_prompts(causal *c, const gguf *g, const char *path, cairn_error *err)
{
    c->name = name_of(path, !c->folder);
    c->query_prefix = copy_of(gguf_get_string(g, "cairn.prompt.query"), instruction);
    c->passage_prefix = copy_of(gguf_get_string(g, "cairn.prompt.passage"), "");
    return c->name && c->query_prefix && c->passage_prefix ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "encoder");
}

static cairn_status make_decoder(causal *c, const gguf *g, bool exact, pool *p, cairn_error *err)
{
    const decoder_shape *s = decoder_model_shape(c->model);
    decoder_options d = {.exact = exact, .pool = p};

    c->width = s->width;
    c->vocab = s->n_vocab;
    c->max_tokens = s->n_ctx_train && s->n_ctx_train < CAUSAL_MAX_TOKENS ? s->n_ctx_train : CAUSAL_MAX_TOKENS;
    d.n_ctx = c->max_tokens;
    d.n_kv = 2 * c->max_tokens + MOST_TOGETHER * KV_PAGE;
    if (c->max_tokens < LEAST_TOKENS)
        return cairn_fail(err, CAIRN_EMODEL, "%s: room for %zu tokens only", gguf_path(g), c->max_tokens);
    if (tokenizer_vocab_size(c->tok) > c->vocab)
        return cairn_fail(err, CAIRN_EMODEL, "%s: %zu tokens, but embeddings for %zu only", gguf_path(g),
                          tokenizer_vocab_size(c->tok), c->vocab);
    return decoder_create(&c->d, c->model, &d, err);
}

cairn_status causal_open(causal **out, gguf *g, causal_folder *folder, const char *path, bool exact,
                         const weight_cache_options *weights, pool *p, cairn_error *err)
{
    const decoder_model_options m = {.mapped = true, .cache = weights, .pool = p, .no_head = true};
    const gguf *from = folder ? causal_folder_gguf(folder) : g;
    causal *c = calloc(1, sizeof *c);
    cairn_status st;

    *out = NULL;
    if (!c) {
        gguf_close(g);
        causal_folder_close(folder);
        return cairn_fail(err, CAIRN_ENOMEM, "encoder");
    }
    c->file = g;
    c->folder = folder;
    c->hash = hash_file(from, folder);
    st = name_and_prompts(c, from, path, err);
    if (!st)
        st = check_pooling(from, err);
    if (!st)
        st = tokenizer_from_gguf(&c->tok, from, err);
    if (!st && tokenizer_eos(c->tok) == TOKEN_NONE)
        st = cairn_fail(err, CAIRN_EMODEL, "%s: the tokenizer names no end token, whose state is the vector", gguf_path(from));
    if (!st)
        st = decoder_model_open(&c->model, from, &m, err);
    if (!st)
        st = make_decoder(c, from, exact, p, err);
    if (st) {
        causal_close(c);
        return st;
    }
    *out = c;
    return CAIRN_OK;
}

void causal_close(causal *c)
{
    if (!c)
        return;
    decoder_destroy(c->d);
    decoder_model_close(c->model);
    tokenizer_destroy(c->tok);
    gguf_close(c->file);
    causal_folder_close(c->folder);
    free(c->query_prefix);
    free(c->passage_prefix);
    free(c->name);
    free(c);
}

/* One pass: as many tokens of the n sequences, from *at on, as it takes. The last one of each is wanted. */
static cairn_status run_pass(causal *c, decoder_sequence *const *s, const token_id *ids, const size_t *offsets,
                             size_t n, size_t *at, float *out, cairn_error *err)
{
    decoder_item items[MOST_TOGETHER];
    size_t n_items = 0, room = decoder_batch_tokens(c->d);

    for (size_t i = *at; i < n && room; i++) {
        size_t past = decoder_sequence_past(s[i]), left = offsets[i + 1] - offsets[i] - past;
        size_t part = left < room ? left : room;
        items[n_items++] = (decoder_item){s[i], ids + offsets[i] + past, part,
                                          part == left ? DECODER_LAST : DECODER_NO_LOGITS, NULL};
        room -= part;
        *at += part == left;
    }
    return decoder_eval_many(c->d, items, n_items, out, err);
}

/* Sequences that fit beside one another. */
static cairn_status run_group(causal *c, const token_id *ids, const size_t *offsets, size_t n, float *out,
                              cairn_error *err)
{
    decoder_sequence *s[MOST_TOGETHER] = {NULL};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n; i++)
        st = decoder_sequence_create(&s[i], c->d, err);
    for (size_t at = 0, before; !st && at < n;) {
        before = at;
        st = run_pass(c, s, ids, offsets, n, &at, out + at * c->width, err);
        for (size_t i = before; i < at; i++) { /* what they leave is not needed any more */
            decoder_sequence_destroy(c->d, s[i]);
            s[i] = NULL;
        }
    }
    for (size_t i = 0; i < n; i++)
        decoder_sequence_destroy(c->d, s[i]);
    return st;
}

cairn_status causal_run(causal *c, const token_id *ids, const size_t *offsets, size_t n, float *out,
                        cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0, group; !st && i < n; i += group) {
        for (group = 1; group < MOST_TOGETHER && i + group < n &&
                        offsets[i + group + 1] - offsets[i] <= 2 * c->max_tokens;)
            group++;
        st = run_group(c, ids, offsets + i, group, out + i * c->width, err);
    }
    return st;
}
