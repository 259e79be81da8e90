/* unigram_files.c - a tokenizer.json: which kind it is, and a unigram vocabulary out of it.
 *
 * Read are the model (pieces with their log-probabilities, the unknown one's number), the added tokens, which
 * count as control tokens, and the normaliser's precompiled character map. Words must be cut at white space and
 * begin with U+2581, as the library tokenizers' Metaspace does it. What the file asks for and we do not do is
 * refused by name. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/checked.h"
#include "generate/formats/mapped_file.h"
#include "generate/tokenize/model.h"

#define MAX_VOCAB     ((size_t)1 << 22)
#define MAX_MAP_BYTES ((size_t)64 << 20)

static const char *type_of(const json_t *o)
{
    const char *type = json_string_value(json_object_get(o, "type"));

    return type ? type : "(none)";
}

/* One step of the normaliser: the character map, or what words cut at white space make no difference to. */
static cairn_status read_step(const json_t *step, bytes *map, const char *path, cairn_error *err)
{
    const char *type = type_of(step);
    const json_t *text = json_object_get(step, "precompiled_charsmap");

    if (!strcmp(type, "Precompiled") && json_is_string(text) && !map->len) {
        cairn_status st = base64_decode(map, json_string_value(text), json_string_length(text));
        return st ? cairn_fail(err, CAIRN_EMODEL, "%s: normalizer.precompiled_charsmap is no base64", path) : CAIRN_OK;
    }
    if (!strcmp(type, "Strip"))
        return CAIRN_OK;
    if (!strcmp(type, "Replace")) {
        const char *regex = json_string_value(json_object_get(json_object_get(step, "pattern"), "Regex"));
        const char *by = json_string_value(json_object_get(step, "content"));
        if (regex && by && !strcmp(regex, " {2,}") && (!strcmp(by, " ") || !strcmp(by, "\xE2\x96\x81")))
            return CAIRN_OK;
    }
    return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: normalizer %s is none that Cairn knows for a unigram vocabulary", path, type);
}

static cairn_status read_normaliser(const json_t *normaliser, bytes *map, const char *path, cairn_error *err)
{
    const json_t *list = json_object_get(normaliser, "normalizers"), *step;
    cairn_status st = CAIRN_OK;
    size_t i;

    if (!normaliser || json_is_null(normaliser))
        return CAIRN_OK;
    if (strcmp(type_of(normaliser), "Sequence"))
        return read_step(normaliser, map, path, err);
    json_array_foreach((json_t *)list, i, step)
    {
        if (!st)
            st = read_step(step, map, path, err);
    }
    return st;
}

/* Words cut at white space, each with U+2581 in front. */
static cairn_status check_words(const json_t *pre, const char *path, cairn_error *err)
{
    const json_t *list = json_object_get(pre, "pretokenizers"), *last = pre;
    bool fits = true;

    if (!strcmp(type_of(pre), "Sequence")) {
        last = json_array_get(list, json_array_size(list) - 1);
        fits = json_array_size(list) == 1 ||
               (json_array_size(list) == 2 && !strcmp(type_of(json_array_get(list, 0)), "WhitespaceSplit"));
    }
    const char *sign = json_string_value(json_object_get(last, "replacement"));
    const char *where = json_string_value(json_object_get(last, "prepend_scheme"));
    fits = fits && !strcmp(type_of(last), "Metaspace") && sign && !strcmp(sign, "\xE2\x96\x81") &&
           (!where || !strcmp(where, "always"));
    return fits ? CAIRN_OK
                : cairn_fail(err, CAIRN_EUNSUPPORTED,
                             "%s: pre_tokenizer %s; Cairn knows Metaspace, alone or behind WhitespaceSplit", path, type_of(pre));
}

/* Fills text, type and the scores: all lists must be of n pieces. */
static cairn_status read_pieces(tokenizer *t, float *scores, const json_t *vocab, const char *path, cairn_error *err)
{
    size_t i, total = 0;
    json_t *entry;
    char *p;

    json_array_foreach((json_t *)vocab, i, entry)
    {
        const json_t *text = json_array_get(entry, 0), *score = json_array_get(entry, 1);
        if (!json_is_string(text) || !json_is_number(score))
            return cairn_fail(err, CAIRN_EMODEL, "%s: model.vocab[%zu] is no [piece, score]", path, i);
        total += json_string_length(text); /* of a document in memory: no overflow */
    }
    t->owned_text = p = malloc(total + 1);
    if (!p)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: pieces", path);
    json_array_foreach((json_t *)vocab, i, entry)
    {
        const json_t *text = json_array_get(entry, 0);
        size_t len = json_string_length(text);
        memcpy(p, json_string_value(text), len);
        t->text[i] = (gguf_string){p, len};
        scores[i] = (float)json_number_value(json_array_get(entry, 1));
        p += len;
    }
    return CAIRN_OK;
}

static cairn_status load_unigram(tokenizer *t, const json_t *root, const char *path, cairn_error *err)
{
    const json_t *model = json_object_get(root, "model"), *vocab = json_object_get(model, "vocab");
    const json_t *unknown = json_object_get(model, "unk_id"), *added = json_object_get(root, "added_tokens");
    size_t n = json_array_size(vocab), i;
    float *scores = NULL;
    json_t *token;
    bytes map;
    cairn_status st;

    if (n == 0 || n > MAX_VOCAB)
        return cairn_fail(err, CAIRN_EMODEL, "%s: model.vocab has %zu pieces", path, n);
    if (json_is_true(json_object_get(model, "byte_fallback")))
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: model.byte_fallback is not supported", path);
    if (json_is_integer(unknown) && (json_integer_value(unknown) < 0 || (size_t)json_integer_value(unknown) >= n))
        return cairn_fail(err, CAIRN_EMODEL, "%s: model.unk_id is no piece", path);
    st = check_words(json_object_get(root, "pre_tokenizer"), path, err);
    if (st)
        return st;
    bytes_init(&map, MAX_MAP_BYTES);
    t->n_vocab = n;
    t->text = calloc(n, sizeof *t->text);
    t->type = calloc(n, 1);
    scores = checked_malloc(n, sizeof *scores);
    if (!t->text || !t->type || !scores) {
        free(scores);
        return cairn_fail(err, CAIRN_ENOMEM, "%s: pieces", path);
    }
    memset(t->type, TOKEN_NORMAL, n);
    json_array_foreach((json_t *)added, i, token)
    {
        json_int_t id = json_integer_value(json_object_get(token, "id"));
        if (id >= 0 && (size_t)id < n)
            t->type[id] = TOKEN_CONTROL;
    }
    if (json_is_integer(unknown))
        t->unk = (token_id)json_integer_value(unknown);
    st = read_pieces(t, scores, vocab, path, err);
    if (!st)
        st = read_normaliser(json_object_get(root, "normalizer"), &map, path, err);
    if (st) {
        free(scores);
        bytes_clear(&map);
        return st;
    }
    return unigram_load_json(t, scores, &map, path, err);
}

cairn_status tokenizer_from_json(tokenizer **out, const char *folder, cairn_error *err)
{
    char path[4096];
    mapped_file f;
    json_error_t je;
    json_t *root;
    tokenizer *t;
    cairn_status st;

    *out = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/tokenizer.json", folder) >= sizeof path)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    st = mapped_file_open(&f, path, err);
    if (st)
        return st;
    root = json_loadb((const char *)f.data, f.len, JSON_REJECT_DUPLICATES, &je);
    mapped_file_close(&f);
    if (!root)
        return cairn_fail(err, CAIRN_EMODEL, "%s: not JSON: %s, line %d", path, je.text, je.line);
    if (strcmp(type_of(json_object_get(root, "model")), "Unigram")) {
        json_decref(root);
        return tokenizer_from_wordpiece(out, folder, err);
    }
    t = calloc(1, sizeof *t);
    if (t) {
        t->kind = TOKENIZER_UNIGRAM;
        t->bos = t->eos = t->unk = t->pad = TOKEN_NONE;
        st = load_unigram(t, root, path, err);
    } else {
        st = cairn_fail(err, CAIRN_ENOMEM, "%s: tokenizer", path);
    }
    json_decref(root);
    if (st) {
        tokenizer_destroy(t);
        return st;
    }
    *out = t;
    return CAIRN_OK;
}
