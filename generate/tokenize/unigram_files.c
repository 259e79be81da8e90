/* unigram_files.c - a tokenizer.json: which kind it is, and a unigram vocabulary out of it.
 *
 * Read are the model (pieces with their log-probabilities, the unknown one's number), the added
 * tokens, of which special ones count as control tokens, the normalisers and the cutting into words
 * (normaliser.h), and what the post-processor puts around a text and between the two of a pair.
 * What the file asks for and we do not do is refused by name. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/checked.h"
#include "generate/tokenize/model.h"

#define MAX_VOCAB     ((size_t)1 << 22)
#define MAX_MAP_BYTES ((size_t)64 << 20)

static const char *type_of(const json_t *o)
{
    const char *type = json_string_value(json_object_get(o, "type"));

    return type ? type : "(none)";
}

/* ---- what is done to a text before ---- */

static cairn_status copy_text(bytes *to, const json_t *text, cairn_error *err)
{
    bytes_init(to, MAX_MAP_BYTES);
    return bytes_append(to, json_string_value(text), json_string_length(text))
               ? cairn_fail(err, CAIRN_ENOMEM, "a normaliser")
               : CAIRN_OK;
}

static cairn_status read_map(text_step *step, const json_t *text, const char *path,
                             cairn_error *err)
{
    bytes_init(&step->from, MAX_MAP_BYTES);
    if (base64_decode(&step->from, json_string_value(text), json_string_length(text)))
        return cairn_fail(err, CAIRN_EMODEL, "%s: normalizer.precompiled_charsmap is no base64",
                          path);
    if (!charsmap_open(&step->map, (const uint8_t *)step->from.data, step->from.len))
        return cairn_fail(err, CAIRN_EMODEL, "%s: normalizer.precompiled_charsmap is broken", path);
    return CAIRN_OK;
}

/* *known: it is one of ours. */
static cairn_status read_replace(text_step *step, const json_t *o, bool *known, cairn_error *err)
{
    const json_t *pattern = json_object_get(o, "pattern"), *by = json_object_get(o, "content");
    const json_t *from = json_object_get(pattern, "String"),
                 *regex = json_object_get(pattern, "Regex");
    const char *of = json_string_value(regex);
    const bool spaces = of && !strcmp(of, " {2,}"), blanks = of && !strcmp(of, "\\s{2,}|[\\n\\r\\t]");
    cairn_status st;

    *known = json_is_string(by) && (json_string_length(from) || spaces || blanks);
    if (!*known)
        return CAIRN_OK;
    step->kind = json_string_length(from) ? TEXT_REPLACE : spaces ? TEXT_SQUEEZE : TEXT_BLANKS;
    st = copy_text(&step->to, by, err);
    return st || step->kind != TEXT_REPLACE ? st : copy_text(&step->from, from, err);
}

static cairn_status read_step(const json_t *o, normaliser *n, const char *path, cairn_error *err)
{
    const char *type = type_of(o);
    const json_t *map = json_object_get(o, "precompiled_charsmap");
    text_step *step = &n->steps[n->n];
    bool known = true;
    cairn_status st = CAIRN_OK;

    if (n->n == NORMALISER_STEPS)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: more than %d normalizers", path,
                          NORMALISER_STEPS);
    n->n++; /* what it owns is released with the others */
    if (!strcmp(type, "Precompiled") && json_is_string(map)) {
        step->kind = TEXT_MAP;
        st = read_map(step, map, path, err);
    } else if (!strcmp(type, "Replace")) {
        st = read_replace(step, o, &known, err);
    } else if (!strcmp(type, "Strip")) {
        step->kind = TEXT_STRIP;
        step->left = json_is_true(json_object_get(o, "strip_left"));
        step->right = json_is_true(json_object_get(o, "strip_right"));
    } else if (!strcmp(type, "Lowercase")) {
        step->kind = TEXT_LOWERCASE;
    } else if (!strcmp(type, "NFC") || !strcmp(type, "NFKC")) {
        step->kind = TEXT_COMPOSE;
        step->compatible = type[2] == 'K';
    } else {
        known = false;
    }
    return known ? st
                 : cairn_fail(err, CAIRN_EUNSUPPORTED,
                              "%s: normalizer %s is none that Cairn knows for a unigram vocabulary",
                              path, type);
}

static cairn_status read_normaliser(const json_t *o, normaliser *n, const char *path,
                                    cairn_error *err)
{
    const json_t *list = json_object_get(o, "normalizers"), *each;
    cairn_status st = CAIRN_OK;
    size_t i;

    if (!o || json_is_null(o))
        return CAIRN_OK;
    if (strcmp(type_of(o), "Sequence"))
        return read_step(o, n, path, err);
    json_array_foreach((json_t *)list, i, each)
    {
        if (!st)
            st = read_step(each, n, path, err);
    }
    return st;
}

/* Older files say add_prefix_space alone; without either the sign is put in front. */
static bool read_scheme(const json_t *metaspace, normaliser *n)
{
    static const char *const schemes[] = {
        [SIGN_NEVER] = "never", [SIGN_ALWAYS] = "always", [SIGN_FIRST] = "first"};
    const json_t *scheme = json_object_get(metaspace, "prepend_scheme");

    n->sign =
        json_is_false(json_object_get(metaspace, "add_prefix_space")) ? SIGN_NEVER : SIGN_ALWAYS;
    for (int i = SIGN_NEVER; i <= SIGN_FIRST; i++)
        if (json_is_string(scheme) && !strcmp(json_string_value(scheme), schemes[i])) {
            n->sign = i;
            return true;
        }
    return !scheme || json_is_null(scheme);
}

/* Metaspace, alone or behind WhitespaceSplit. */
static cairn_status read_words(const json_t *pre, normaliser *n, const char *path, cairn_error *err)
{
    const json_t *list = json_object_get(pre, "pretokenizers"), *last = pre, *sign;
    bool fits = true;

    if (!strcmp(type_of(pre), "Sequence")) {
        last = json_array_get(list, json_array_size(list) - 1);
        n->cut_at_white_space = json_array_size(list) == 2 &&
                                !strcmp(type_of(json_array_get(list, 0)), "WhitespaceSplit");
        fits = json_array_size(list) == 1 || n->cut_at_white_space;
    }
    sign = json_object_get(last, "replacement");
    n->cut_at_sign = !json_is_false(json_object_get(last, "split"));
    fits = fits && !strcmp(type_of(last), "Metaspace") && json_is_string(sign) &&
           !strcmp(json_string_value(sign), WORD_SIGN) && read_scheme(last, n);
    if (!fits)
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "%s: pre_tokenizer %s; Cairn knows Metaspace, alone or behind WhitespaceSplit", path,
            type_of(pre));
    if (n->cut_at_white_space && n->sign == SIGN_FIRST)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "%s: pre_tokenizer WhitespaceSplit with a Metaspace of scheme first",
                          path);
    return CAIRN_OK;
}

/* ---- what is put around it ---- */

static token_id id_in(const tokenizer *t, const json_t *id)
{
    json_int_t v = json_integer_value(id);

    return json_is_integer(id) && v >= 0 && (size_t)v < t->n_vocab ? (token_id)v : TOKEN_NONE;
}

/* A part of a template: the text 'A' or 'B', or a special token, whose id goes to *id; 0: something
 * else. */
static char part_of(const tokenizer *t, const json_t *tokens, const json_t *part, token_id *id,
                    int *type)
{
    const json_t *sequence = json_object_get(part, "Sequence"),
                 *special = json_object_get(part, "SpecialToken");
    const json_t *name = json_object_get(sequence ? sequence : special, "id"), *ids;
    const char *text = json_string_value(name);

    *type = (int)json_integer_value(json_object_get(sequence ? sequence : special, "type_id"));
    if (!text)
        return 0;
    if (sequence)
        return *text && !text[1] ? *text : 0;
    ids = json_object_get(json_object_get(tokens, text), "ids");
    *id = json_array_size(ids) == 1 ? id_in(t, json_array_get(ids, 0)) : TOKEN_NONE;
    return *id == TOKEN_NONE ? 0 : 's';
}

/* [s] A [s]: the begin and end tokens; [s] A s s? B s: how many stand between two texts. */
static bool read_template(tokenizer *t, const json_t *o)
{
    const json_t *tokens = json_object_get(o, "special_tokens"),
                 *list = json_object_get(o, "single"), *part;
    bool text = false;
    int type, behind = 0;
    token_id id = TOKEN_NONE;
    size_t i;

    json_array_foreach((json_t *)list, i, part)
    {
        char what = part_of(t, tokens, part, &id, &type);
        token_id *to = text ? &t->eos : &t->bos;
        if (what == 'A' && !text)
            text = true;
        else if (what == 's' && *to == TOKEN_NONE)
            *to = id;
        else
            return false;
    }
    json_array_foreach((json_t *)json_object_get(o, "pair"), i, part)
    {
        char what = part_of(t, tokens, part, &id, &type);
        if (what == 'B') {
            t->pair_separators = behind;
            t->pair_type = type == 1;
        } else if (what == 'A') {
            behind = 0;
        } else if (what == 's') {
            behind++;
        }
    }
    return text && t->pair_separators <= 2; /* none: the file has no pairs */
}

/* BertProcessing and RobertaProcessing name their tokens by [text, id]. */
static bool read_processing(tokenizer *t, const json_t *o, bool roberta)
{
    t->bos = id_in(t, json_array_get(json_object_get(o, "cls"), 1));
    t->eos = id_in(t, json_array_get(json_object_get(o, "sep"), 1));
    t->pair_separators = roberta ? 2 : 1;
    t->pair_type = !roberta;
    return t->bos != TOKEN_NONE && t->eos != TOKEN_NONE;
}

/* What is not understood leaves a text without begin and end: those who need them say so, and a
 * static embedder has none anyway. */
static void read_surroundings(tokenizer *t, const json_t *o)
{
    const char *type = type_of(o);
    bool fits;

    t->pair_separators = 2; /* XLM-R's own, where the file says nothing */
    t->pair_type = false;
    t->pad = tokenizer_find(t, "<pad>", 5);
    if (!o || json_is_null(o)) {
        t->bos = tokenizer_find(t, "<s>", 3);
        t->eos = tokenizer_find(t, "</s>", 4);
        fits = true;
    } else {
        fits = !strcmp(type, "TemplateProcessing")  ? read_template(t, o)
               : !strcmp(type, "BertProcessing")    ? read_processing(t, o, false)
               : !strcmp(type, "RobertaProcessing") ? read_processing(t, o, true)
                                                    : false;
    }
    if (!fits)
        t->bos = t->eos = TOKEN_NONE;
    t->add_bos = t->bos != TOKEN_NONE;
    t->add_eos = t->eos != TOKEN_NONE;
}

/* ---- the vocabulary ---- */

/* Pieces in all: those of the model, and added tokens behind them. */
static cairn_status count_pieces(const json_t *vocab, const json_t *added, size_t *n,
                                 size_t *bytes_in_all, const char *path, cairn_error *err)
{
    json_t *entry;
    size_t i;

    *n = json_array_size(vocab);
    *bytes_in_all = 0; /* of a document in memory: no overflow */
    if (*n == 0 || *n > MAX_VOCAB)
        return cairn_fail(err, CAIRN_EMODEL, "%s: model.vocab has %zu pieces", path, *n);
    json_array_foreach((json_t *)vocab, i, entry)
    {
        const json_t *text = json_array_get(entry, 0);
        if (!json_is_string(text) || !json_is_number(json_array_get(entry, 1)))
            return cairn_fail(err, CAIRN_EMODEL, "%s: model.vocab[%zu] is no [piece, score]", path,
                              i);
        *bytes_in_all += json_string_length(text);
    }
    json_array_foreach((json_t *)added, i, entry)
    {
        const json_t *id = json_object_get(entry, "id"), *text = json_object_get(entry, "content");
        json_int_t v = json_integer_value(id);
        if (!json_is_integer(id) || v < 0 || v >= (json_int_t)MAX_VOCAB || !json_is_string(text))
            return cairn_fail(err, CAIRN_EMODEL, "%s: added_tokens[%zu] has no id and content",
                              path, i);
        *n = (size_t)v >= *n ? (size_t)v + 1 : *n;
        *bytes_in_all += json_string_length(text);
    }
    return CAIRN_OK;
}

/* Fills text, type and the scores. Numbers that the file leaves out stay empty and unused. */
static void read_pieces(tokenizer *t, double *scores, const json_t *vocab, const json_t *added)
{
    json_t *entry;
    size_t i;
    char *p = t->owned_text;

    memset(t->type, TOKEN_UNUSED, t->n_vocab);
    json_array_foreach((json_t *)vocab, i, entry)
    {
        const json_t *text = json_array_get(entry, 0);
        size_t len = json_string_length(text);
        memcpy(p, json_string_value(text), len);
        t->text[i] = (gguf_string){p, len};
        t->type[i] = TOKEN_NORMAL;
        scores[i] = json_number_value(json_array_get(entry, 1));
        p += len;
    }
    json_array_foreach((json_t *)added, i, entry)
    {
        const json_t *text = json_object_get(entry, "content");
        size_t id = (size_t)json_integer_value(json_object_get(entry, "id")),
               len = json_string_length(text);
        memcpy(p, json_string_value(text), len);
        t->text[id] = (gguf_string){p, len};
        t->type[id] =
            json_is_false(json_object_get(entry, "special")) ? TOKEN_USER_DEFINED : TOKEN_CONTROL;
        p += len;
    }
}

/* Those that are cut out of a text before it is normalised. */
static cairn_status collect_added(tokenizer *t, const char *path, cairn_error *err)
{
    uint32_t *ids;
    size_t n = 0;
    cairn_status st;

    for (size_t i = 0; i < t->n_vocab; i++)
        n += t->type[i] == TOKEN_CONTROL || t->type[i] == TOKEN_USER_DEFINED;
    ids = checked_malloc(n + 1, sizeof *ids);
    if (!ids)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: added tokens", path);
    n = 0;
    for (size_t i = 0; i < t->n_vocab; i++)
        if (t->type[i] == TOKEN_CONTROL || t->type[i] == TOKEN_USER_DEFINED)
            ids[n++] = (uint32_t)i;
    st = special_set_init(&t->specials, ids, n, tokenizer_text, t);
    free(ids);
    return st ? cairn_fail(err, st, "%s: added tokens", path) : CAIRN_OK;
}

static cairn_status read_vocabulary(tokenizer *t, double **scores, const json_t *root,
                                    const char *path, cairn_error *err)
{
    const json_t *model = json_object_get(root, "model"), *vocab = json_object_get(model, "vocab");
    const json_t *unknown = json_object_get(model, "unk_id"),
                 *added = json_object_get(root, "added_tokens");
    size_t n, bytes_in_all;
    cairn_status st = count_pieces(vocab, added, &n, &bytes_in_all, path, err);

    if (st)
        return st;
    if (json_is_true(json_object_get(model, "byte_fallback")))
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: model.byte_fallback is not supported",
                          path);
    t->n_vocab = n;
    t->unk = id_in(t, unknown);
    if (json_is_integer(unknown) && t->unk == TOKEN_NONE)
        return cairn_fail(err, CAIRN_EMODEL, "%s: model.unk_id is no piece", path);
    t->text = calloc(n, sizeof *t->text);
    t->type = malloc(n);
    t->owned_text = malloc(bytes_in_all + 1);
    *scores = calloc(n, sizeof **scores);
    if (!t->text || !t->type || !t->owned_text || !*scores)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: pieces", path);
    read_pieces(t, *scores, vocab, added);
    return collect_added(t, path, err);
}

static cairn_status load_unigram(tokenizer *t, const json_t *root, const char *path,
                                 cairn_error *err)
{
    normaliser *words = calloc(1, sizeof *words);
    double *scores = NULL;
    cairn_status st = words ? read_vocabulary(t, &scores, root, path, err)
                            : cairn_fail(err, CAIRN_ENOMEM, "%s", path);

    if (!st)
        st = read_normaliser(json_object_get(root, "normalizer"), words, path, err);
    if (!st)
        st = read_words(json_object_get(root, "pre_tokenizer"), words, path, err);
    if (st) {
        free(scores);
        if (words)
            normaliser_clear(words);
        free(words);
        return st;
    }
    st = unigram_load_json(t, scores, words, path, err);
    if (!st)
        read_surroundings(t, json_object_get(root, "post_processor"));
    return st;
}

cairn_status tokenizer_from_json(tokenizer **out, const char *folder, cairn_error *err)
{
    char path[TOKENIZER_PATH];
    const char *type;
    json_t *root;
    tokenizer *t;
    cairn_status st = tokenizer_json_open(&root, folder, path, err);

    *out = NULL;
    if (st)
        return st;
    type = type_of(json_object_get(root, "model"));
    if (strcmp(type, "Unigram")) {
        st = strcmp(type, "WordPiece")
                 ? cairn_fail(err, CAIRN_EUNSUPPORTED,
                              "%s: model.type is %s; Cairn reads WordPiece and Unigram there, "
                              "others in a model's GGUF file",
                              path, type)
                 : wordpiece_from_json(out, root, path, err);
        json_decref(root);
        return st;
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
