/* wordpiece_files.c - a WordPiece vocabulary from vocab.txt or tokenizer.json.
 *
 * vocab.txt: one piece a line, the line number is the id; the settings are those of uncased BERT.
 * tokenizer.json: the library tokenizers' own file; model, normaliser and added tokens are read,
 * truncation and padding are the caller's business. What the file asks for and we do not do is
 * refused by name. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "generate/formats/mapped_file.h"
#include "generate/tokenize/model.h"

#define MAX_VOCAB ((size_t)1 << 22)
#define MAX_PREFIX 16
#define MAX_WORD_CHARS 100

typedef struct settings {
    bool lowercase, strip_accents, chinese;
    const char *prefix, *unk;
    uint32_t max_chars;
} settings;

static const settings uncased = { true, true, true, "##", "[UNK]", MAX_WORD_CHARS };

static cairn_status alloc_vocab(tokenizer *t, size_t n, size_t text_bytes, cairn_error *err)
{
    t->n_vocab = n;
    t->text = calloc(n, sizeof *t->text);
    t->type = malloc(n);
    t->owned_text = malloc(text_bytes ? text_bytes : 1);
    if (!t->text || !t->type || !t->owned_text)
        return cairn_fail(err, CAIRN_ENOMEM, "word pieces");
    memset(t->type, TOKEN_NORMAL, n);
    return CAIRN_OK;
}

static cairn_status read_vocab_txt(tokenizer *t, const mapped_file *f, const char *path,
                                   cairn_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < f->len; i++)
        n += f->data[i] == '\n' || i + 1 == f->len;
    if (n == 0 || n > MAX_VOCAB)
        return cairn_fail(err, CAIRN_EMODEL, "%s: %zu lines are no vocabulary", path, n);
    cairn_status st = alloc_vocab(t, n, f->len, err);
    if (st)
        return st;
    memcpy(t->owned_text, f->data, f->len);
    const char *p = t->owned_text, *end = p + f->len;
    for (size_t i = 0; i < n; i++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl ? nl : end;
        t->text[i].data = p;
        t->text[i].len = (size_t)(stop - p) - (stop > p && stop[-1] == '\r');
        p = nl ? nl + 1 : end;
    }
    return CAIRN_OK;
}

static cairn_status read_vocab_json(tokenizer *t, const json_t *vocab, const json_t *added,
                                    const char *path, cairn_error *err)
{
    const char *key;
    json_t *v;
    size_t n = 0, total = 0, i;

    json_object_foreach((json_t *)vocab, key, v)
    {
        if (!json_is_integer(v) || json_integer_value(v) < 0 ||
            json_integer_value(v) >= (json_int_t)MAX_VOCAB)
            return cairn_fail(err, CAIRN_EMODEL, "%s: model.vocab: the id of %s is no number below "
                              "%zu", path, key, MAX_VOCAB);
        n = n > (size_t)json_integer_value(v) ? n : (size_t)json_integer_value(v) + 1;
        total += strlen(key);
    }
    json_array_foreach((json_t *)added, i, v)
    {
        json_int_t id = json_integer_value(json_object_get(v, "id"));
        const char *text = json_string_value(json_object_get(v, "content"));
        if (!text || id < 0 || id >= (json_int_t)MAX_VOCAB)
            return cairn_fail(err, CAIRN_EMODEL, "%s: added_tokens[%zu] has no id and content",
                              path, i);
        n = n > (size_t)id ? n : (size_t)id + 1;
        total += strlen(text);
    }
    if (n == 0)
        return cairn_fail(err, CAIRN_EMODEL, "%s: model.vocab is empty", path);
    cairn_status st = alloc_vocab(t, n, total, err);
    if (st)
        return st;
    char *p = t->owned_text;
    json_object_foreach((json_t *)vocab, key, v)
    {
        size_t id = (size_t)json_integer_value(v), len = strlen(key);
        memcpy(p, key, len);
        t->text[id] = (gguf_string){ p, len };
        p += len;
    }
    json_array_foreach((json_t *)added, i, v)
    {
        size_t id = (size_t)json_integer_value(json_object_get(v, "id"));
        const char *text = json_string_value(json_object_get(v, "content"));
        size_t len = strlen(text);
        memcpy(p, text, len);
        t->text[id] = (gguf_string){ p, len };
        t->type[id] = TOKEN_CONTROL;
        p += len;
    }
    return CAIRN_OK;
}

static bool flag(const json_t *o, const char *key, bool absent)
{
    const json_t *v = json_object_get(o, key);
    return json_is_boolean(v) ? json_is_true(v) : absent;
}

static cairn_status read_settings(settings *s, const json_t *root, const char *path,
                                  cairn_error *err)
{
    const json_t *model = json_object_get(root, "model"), *norm = json_object_get(root, "normalizer");
    const char *type = json_string_value(json_object_get(model, "type"));
    const char *pre =
        json_string_value(json_object_get(json_object_get(root, "pre_tokenizer"), "type"));
    const char *norm_type = json_string_value(json_object_get(norm, "type"));

    if (!type || strcmp(type, "WordPiece"))
        return cairn_fail(err, CAIRN_EMODEL, "%s: model.type is %s; only WordPiece is read from "
                          "tokenizer.json", path, type ? type : "missing");
    if (!norm_type || strcmp(norm_type, "BertNormalizer") || !pre ||
        strcmp(pre, "BertPreTokenizer"))
        return cairn_fail(err, CAIRN_EMODEL, "%s: normalizer %s with pre_tokenizer %s; Cairn knows "
                          "BertNormalizer with BertPreTokenizer", path,
                          norm_type ? norm_type : "(none)", pre ? pre : "(none)");
    if (!flag(norm, "clean_text", true))
        return cairn_fail(err, CAIRN_EMODEL, "%s: normalizer.clean_text = false is not supported",
                          path);
    *s = uncased;
    s->lowercase = flag(norm, "lowercase", true);
    s->strip_accents = flag(norm, "strip_accents", s->lowercase);
    s->chinese = flag(norm, "handle_chinese_chars", true);
    const char *prefix = json_string_value(json_object_get(model, "continuing_subword_prefix"));
    const char *unk = json_string_value(json_object_get(model, "unk_token"));
    const json_t *max = json_object_get(model, "max_input_chars_per_word");
    s->prefix = prefix ? prefix : "##";
    s->unk = unk ? unk : "[UNK]";
    if (json_is_integer(max))
        s->max_chars = json_integer_value(max) < 1                ? 0
                       : json_integer_value(max) > MAX_WORD_CHARS ? 0
                                                                  : (uint32_t)json_integer_value(max);
    if (!s->max_chars || strlen(s->prefix) > MAX_PREFIX)
        return cairn_fail(err, CAIRN_EMODEL, "%s: model.max_input_chars_per_word above %d or "
                          "continuing_subword_prefix above %d bytes is not supported", path,
                          MAX_WORD_CHARS, MAX_PREFIX);
    return CAIRN_OK;
}

/* Once the texts are there: the table, the special tokens, the set to look for. */
static cairn_status finish(tokenizer *t, const settings *s, const char *path, cairn_error *err)
{
    static const char *const specials[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]" };
    uint32_t ids[64];
    size_t n = 0;
    cairn_status st = wordpiece_load(t, s->lowercase, s->strip_accents, s->chinese, s->prefix,
                                     s->max_chars, err);
    if (st)
        return st;
    t->unk = tokenizer_find(t, s->unk, strlen(s->unk));
    t->bos = tokenizer_find(t, "[CLS]", 5);
    t->eos = tokenizer_find(t, "[SEP]", 5);
    t->pad = tokenizer_find(t, "[PAD]", 5);
    if (t->unk == TOKEN_NONE)
        return cairn_fail(err, CAIRN_EMODEL, "%s: the vocabulary lacks %s", path, s->unk);
    t->add_bos = t->bos != TOKEN_NONE; /* a static embedder has none */
    t->add_eos = t->eos != TOKEN_NONE;
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
        token_id id = tokenizer_find(t, specials[i], strlen(specials[i]));
        if (id != TOKEN_NONE)
            t->type[id] = TOKEN_CONTROL;
    }
    for (uint32_t i = 0; i < t->n_vocab && n < sizeof ids / sizeof *ids; i++)
        if (t->type[i] == TOKEN_CONTROL)
            ids[n++] = i;
    return special_set_init(&t->specials, ids, n, tokenizer_text, t)
               ? cairn_fail(err, CAIRN_ENOMEM, "%s: special tokens", path)
               : CAIRN_OK;
}

static cairn_status load_root(tokenizer *t, const json_t *root, const char *path, cairn_error *err)
{
    settings s = uncased;
    cairn_status st = read_settings(&s, root, path, err);

    if (!st)
        st = read_vocab_json(t, json_object_get(json_object_get(root, "model"), "vocab"),
                             json_object_get(root, "added_tokens"), path, err);
    return st ? st : finish(t, &s, path, err);
}

static cairn_status load_file(tokenizer *t, const char *path, cairn_error *err)
{
    mapped_file f;
    json_error_t je;
    json_t *root;
    cairn_status st = mapped_file_open(&f, path, err);
    if (st)
        return st;
    size_t n = strlen(path);
    if (n > 5 && !strcmp(path + n - 5, ".json")) {
        root = json_loadb((const char *)f.data, f.len, JSON_REJECT_DUPLICATES, &je);
        st = root ? load_root(t, root, path, err)
                  : cairn_fail(err, CAIRN_EMODEL, "%s: not JSON: %s, line %d", path, je.text, je.line);
        json_decref(root);
    } else {
        st = read_vocab_txt(t, &f, path, err);
        if (!st)
            st = finish(t, &uncased, path, err);
    }
    mapped_file_close(&f);
    return st;
}

static tokenizer *begin(void)
{
    tokenizer *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->kind = TOKENIZER_WORDPIECE;
    t->pair_separators = 1;
    t->pair_type = true;
    t->bos = t->eos = t->unk = t->pad = TOKEN_NONE;
    return t;
}

/* Hands t out, or its end. */
static cairn_status hand_out(tokenizer **out, tokenizer *t, cairn_status st)
{
    if (st)
        tokenizer_destroy(t);
    *out = st ? NULL : t;
    return st;
}

cairn_status wordpiece_from_json(tokenizer **out, const json_t *root, const char *path, cairn_error *err)
{
    tokenizer *t = begin();

    return hand_out(out, t, t ? load_root(t, root, path, err) : cairn_fail(err, CAIRN_ENOMEM, "%s: tokenizer", path));
}

cairn_status tokenizer_from_wordpiece(tokenizer **out, const char *path, cairn_error *err)
{
    static const char *const names[] = { "tokenizer.json", "vocab.txt" };
    char file[4096];
    struct stat sb;

    tokenizer *t = begin();

    snprintf(file, sizeof file, "%s", path);
    if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode))
        for (size_t i = 0; i < 2; i++) {
            if (snprintf(file, sizeof file, "%s/%s", path, names[i]) >= (int)sizeof file)
                break;
            if (stat(file, &sb) == 0)
                break;
        }
    return hand_out(out, t, t ? load_file(t, file, err) : cairn_fail(err, CAIRN_ENOMEM, "%s: tokenizer", path));
}
