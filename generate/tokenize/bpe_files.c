/* bpe_files.c - see bpe_files.h. */
#include "generate/tokenize/bpe_files.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/tokenize/model.h"
#include "generate/tokenize/pretokenize.h"

#define MAX_VOCAB ((size_t)1 << 22)

typedef struct reader {
    const char *path;
    gguf_keys *w;
    cairn_error *err;
} reader;

static const char *type_of(const json_t *o)
{
    const char *type = json_string_value(json_object_get(o, "type"));

    return type ? type : "(none)";
}

/* Absent, null or an empty text. */
static bool is_nothing(const json_t *v)
{
    return !v || json_is_null(v) || (json_is_string(v) && !json_string_length(v));
}

/* ---- what is done to a text before ---- */

static cairn_status read_normaliser(const reader *r, const json_t *o)
{
    const json_t *list = json_object_get(o, "normalizers"), *each;
    bool nfc = !strcmp(type_of(o), "NFC"), fits = is_nothing(o) || nfc;
    size_t i;

    if (!strcmp(type_of(o), "Sequence")) {
        fits = true;
        json_array_foreach((json_t *)list, i, each)
        {
            nfc = true;
            fits = fits && !strcmp(type_of(each), "NFC");
        }
    }
    if (!fits)
        return cairn_fail(r->err, CAIRN_EUNSUPPORTED,
                          "%s: normalizer %s is none that Cairn knows for a byte-level vocabulary; it knows NFC", r->path,
                          type_of(o));
    gguf_key_bool(r->w, "cairn.tokenizer.nfc", nfc);
    return CAIRN_OK;
}

/* A step of the cutting as an expression: a Split's own, or what stands for Digits and ByteLevel's; NULL for
 * one that is not known, "" for one that does nothing. */
static const char *step_of(const json_t *o)
{
    const char *type = type_of(o);
    const json_t *pattern = json_object_get(o, "pattern"), *behaviour = json_object_get(o, "behavior");

    if (!strcmp(type, "ByteLevel") && !json_is_true(json_object_get(o, "add_prefix_space")))
        return json_is_false(json_object_get(o, "use_regex")) ? "" : PRETOKENIZE_GPT2;
    if (!strcmp(type, "Digits"))
        return json_is_true(json_object_get(o, "individual_digits")) ? PRETOKENIZE_DIGIT : NULL;
    if (strcmp(type, "Split") || !json_is_string(behaviour))
        return NULL;
    /* Pieces of their own; or what is not matched is left out, which is nothing where an expression matches all. */
    if (strcmp(json_string_value(behaviour), "Isolated") &&
        (strcmp(json_string_value(behaviour), "Removed") || !json_is_true(json_object_get(o, "invert"))))
        return NULL;
    return json_string_value(json_object_get(pattern, "Regex"));
}

static cairn_status read_cutting(const reader *r, const json_t *pre, bool ignore_merges)
{
    const json_t *list = json_object_get(pre, "pretokenizers");
    const bool several = !strcmp(type_of(pre), "Sequence");
    const size_t n = several ? json_array_size(list) : 1;
    const char *steps[PRETOKENIZE_STEPS], *step = NULL;
    const pretokenizer *known = NULL;
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        step = step_of(several ? json_array_get(list, i) : pre);
        if (!step || (*step && used == PRETOKENIZE_STEPS)) {
            used = 0;
            break;
        }
        if (*step)
            steps[used++] = step;
    }
    if (used)
        known = pretokenizer_by_steps(steps, used, ignore_merges);
    if (!known)
        return cairn_fail(r->err, CAIRN_EUNSUPPORTED,
                          "%s: pre_tokenizer %s%s%.120s cuts words by a rule that Cairn does not know", r->path, type_of(pre),
                          step && *step ? " " : "", step ? step : "");
    gguf_key_text(r->w, "tokenizer.ggml.pre", known->name);
    return CAIRN_OK;
}

/* ---- what is put around it ---- */

static const json_t *find_template(const json_t *o)
{
    const json_t *each, *found = NULL;
    size_t i;

    if (!strcmp(type_of(o), "TemplateProcessing"))
        return o;
    if (!strcmp(type_of(o), "Sequence"))
        json_array_foreach((json_t *)json_object_get(o, "processors"), i, each)
        {
            if (!strcmp(type_of(each), "TemplateProcessing"))
                found = each;
        }
    return found;
}

/* A text, then one token. */
static cairn_status read_end(const reader *r, const json_t *post, size_t n_vocab)
{
    const json_t *template = find_template(post), *single = json_object_get(template, "single");
    const json_t *text = json_object_get(json_object_get(json_array_get(single, 0), "Sequence"), "id");
    const json_t *name = json_object_get(json_object_get(json_array_get(single, 1), "SpecialToken"), "id"), *ids;
    json_int_t id;

    if (!template)
        return CAIRN_OK;
    ids = json_object_get(json_object_get(json_object_get(template, "special_tokens"),
                                          json_is_string(name) ? json_string_value(name) : ""), "ids");
    id = json_array_size(ids) == 1 ? json_integer_value(json_array_get(ids, 0)) : -1;
    if (json_array_size(single) != 2 || !json_is_string(text) || !json_is_integer(json_array_get(ids, 0)) || id < 0 ||
        (size_t)id >= n_vocab)
        return cairn_fail(r->err, CAIRN_EUNSUPPORTED,
                          "%s: post_processor: not a text with one token behind it, which is what Cairn knows", r->path);
    gguf_key_u32(r->w, "tokenizer.ggml.eos_token_id", (uint32_t)id);
    gguf_key_bool(r->w, "tokenizer.ggml.add_eos_token", true);
    return CAIRN_OK;
}

/* ---- the vocabulary ---- */

typedef struct piece {
    const char *text; /* NULL: no token has this number */
    size_t len;
    uint8_t type;
} piece;

static bool take_id(const json_t *id, size_t *out)
{
    json_int_t v = json_integer_value(id);

    *out = (size_t)v;
    return json_is_integer(id) && v >= 0 && v < (json_int_t)MAX_VOCAB;
}

static cairn_status count_pieces(const reader *r, const json_t *vocab, const json_t *added, size_t *n)
{
    const char *text;
    json_t *each;
    size_t i, id;

    *n = 0;
    json_object_foreach((json_t *)vocab, text, each)
    {
        if (!take_id(each, &id))
            return cairn_fail(r->err, CAIRN_EMODEL, "%s: model.vocab: %.60s has no sensible number", r->path, text);
        *n = id >= *n ? id + 1 : *n;
    }
    json_array_foreach((json_t *)added, i, each)
    {
        if (!take_id(json_object_get(each, "id"), &id) || !json_string_length(json_object_get(each, "content")))
            return cairn_fail(r->err, CAIRN_EMODEL, "%s: added_tokens[%zu] has no id and content", r->path, i);
        *n = id >= *n ? id + 1 : *n;
    }
    if (!json_object_size(vocab))
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: model.vocab is no object of pieces", r->path);
    return CAIRN_OK;
}

/* One that is cut out of a text only as it stands there: other ways are not known here. */
static bool is_plain(const json_t *added, bool nfc)
{
    return !json_is_true(json_object_get(added, "single_word")) && !json_is_true(json_object_get(added, "lstrip")) &&
           !json_is_true(json_object_get(added, "rstrip")) &&
           !(nfc && json_is_true(json_object_get(added, "normalized")));
}

static cairn_status read_pieces(const reader *r, piece *pieces, const json_t *vocab, const json_t *added, bool nfc)
{
    const char *text;
    json_t *each;
    size_t i, id;

    json_object_foreach((json_t *)vocab, text, each)
    {
        (void)take_id(each, &id);
        if (pieces[id].text)
            return cairn_fail(r->err, CAIRN_EMODEL, "%s: model.vocab has two pieces of number %zu", r->path, id);
        pieces[id] = (piece){text, strlen(text), TOKEN_NORMAL};
    }
    json_array_foreach((json_t *)added, i, each)
    {
        const json_t *content = json_object_get(each, "content");
        const bool special = !json_is_false(json_object_get(each, "special"));
        (void)take_id(json_object_get(each, "id"), &id);
        if (pieces[id].text && strcmp(pieces[id].text, json_string_value(content)))
            return cairn_fail(r->err, CAIRN_EMODEL, "%s: added_tokens[%zu] has the number of another piece", r->path, i);
        if (!special && !is_plain(each, nfc))
            return cairn_fail(r->err, CAIRN_EUNSUPPORTED,
                              "%s: added_tokens[%zu] is single_word, lstrip, rstrip or normalized, which Cairn does not know",
                              r->path, i);
        pieces[id] = (piece){json_string_value(content), json_string_length(content),
                             special ? TOKEN_CONTROL : TOKEN_USER_DEFINED};
    }
    return CAIRN_OK;
}

static void put_pieces(const reader *r, const piece *pieces, size_t n)
{
    gguf_key_array(r->w, "tokenizer.ggml.tokens", GGUF_STRING, n);
    for (size_t i = 0; i < n; i++) {
        char none[32];
        int len = snprintf(none, sizeof none, "[PAD%zu]", i);
        gguf_put_text(r->w, pieces[i].text ? pieces[i].text : none, pieces[i].text ? pieces[i].len : (size_t)len);
    }
    gguf_key_array(r->w, "tokenizer.ggml.token_type", GGUF_I32, n);
    for (size_t i = 0; i < n; i++)
        gguf_put_u32(r->w, pieces[i].text ? pieces[i].type : TOKEN_UNUSED);
}

/* "left right", or since tokenizers 0.20 ["left", "right"]. */
static cairn_status put_merges(const reader *r, const json_t *merges)
{
    const json_t *each;
    size_t i;

    gguf_key_array(r->w, "tokenizer.ggml.merges", GGUF_STRING, json_array_size(merges));
    json_array_foreach((json_t *)merges, i, each)
    {
        const json_t *left = json_array_get(each, 0), *right = json_array_get(each, 1);
        if (json_is_string(each)) {
            gguf_put_text(r->w, json_string_value(each), json_string_length(each));
            continue;
        }
        if (json_array_size(each) != 2 || !json_string_length(left) || !json_string_length(right) ||
            strchr(json_string_value(left), ' ') || strchr(json_string_value(right), ' '))
            return cairn_fail(r->err, CAIRN_EMODEL, "%s: model.merges[%zu] is no pair of pieces", r->path, i);
        gguf_put_u64(r->w, json_string_length(left) + 1 + json_string_length(right));
        gguf_put(r->w, json_string_value(left), json_string_length(left));
        gguf_put(r->w, " ", 1);
        gguf_put(r->w, json_string_value(right), json_string_length(right));
    }
    return CAIRN_OK;
}

static cairn_status check_model(const reader *r, const json_t *model)
{
    static const char *const nothing[] = {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"};

    if (strcmp(type_of(model), "BPE"))
        return cairn_fail(r->err, CAIRN_EUNSUPPORTED, "%s: model.type is %s; a decoder's is BPE here", r->path, type_of(model));
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        if (!is_nothing(json_object_get(model, nothing[i])))
            return cairn_fail(r->err, CAIRN_EUNSUPPORTED, "%s: model.%s is not supported", r->path, nothing[i]);
    if (json_is_true(json_object_get(model, "byte_fallback")))
        return cairn_fail(r->err, CAIRN_EUNSUPPORTED, "%s: model.byte_fallback is not supported", r->path);
    if (!json_is_array(json_object_get(model, "merges")))
        return cairn_fail(r->err, CAIRN_EMODEL, "%s: model.merges is no list", r->path);
    return CAIRN_OK;
}

static cairn_status read_all(const reader *r, const json_t *root)
{
    const json_t *model = json_object_get(root, "model"), *vocab = json_object_get(model, "vocab");
    const json_t *added = json_object_get(root, "added_tokens"), *normaliser = json_object_get(root, "normalizer");
    piece *pieces = NULL;
    size_t n = 0;
    cairn_status st = check_model(r, model);

    gguf_key_text(r->w, "tokenizer.ggml.model", "gpt2");
    if (!st)
        st = read_normaliser(r, normaliser);
    if (!st)
        st = read_cutting(r, json_object_get(root, "pre_tokenizer"), json_is_true(json_object_get(model, "ignore_merges")));
    if (!st)
        st = count_pieces(r, vocab, added, &n);
    if (!st && !(pieces = calloc(n, sizeof *pieces)))
        st = cairn_fail(r->err, CAIRN_ENOMEM, "%s: pieces", r->path);
    if (!st)
        st = read_pieces(r, pieces, vocab, added, !is_nothing(normaliser));
    if (!st) {
        put_pieces(r, pieces, n);
        st = put_merges(r, json_object_get(model, "merges"));
    }
    if (!st)
        st = read_end(r, json_object_get(root, "post_processor"), n);
    free(pieces);
    return st;
}

cairn_status bpe_json_keys(gguf_keys *w, const char *folder, cairn_error *err)
{
    char path[TOKENIZER_PATH];
    const reader r = {path, w, err};
    json_t *root;
    cairn_status st = tokenizer_json_open(&root, folder, path, err);

    if (st)
        return st;
    st = read_all(&r, root);
    json_decref(root);
    return st;
}
