/* tokenizer_gguf.c - a vocabulary out of a GGUF file's tokenizer.ggml.* keys.
 *
 * Which tokens end a generation is not stated completely in files: besides eos, eot and eom ids,
 * tokens with certain well-known texts count, as in llama.cpp, and become control tokens whatever
 * the file says (a Qwen vocabulary has "</s>" as an ordinary token). */
#include <inttypes.h>
#include <stdlib.h>

#include "base/checked.h"
#include "generate/tokenize/model.h"

#define MAX_VOCAB ((uint64_t)1 << 22)

static const char *const ends_generation[] = {
    "<|eot_id|>",     "<|im_end|>",   "<|end|>",      "<|return|>",   "<|call|>",
    "<|end_of_text|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>",  "<EOT>",
    "_<EOT>",         "[EOT]",        "[EOS]",        "</s>",         "<end_of_utterance>",
    "<|fim_pad|>",    "<fim-pad>",    "<fim_pad>",    "<PAD>",        "<|fim_repo|>",
    "<|repo_name|>",  "<fim-repo>",   "<REPO>",       "<reponame>",   "<|file_sep|>",
};

static cairn_status read_tokens(tokenizer *t, const gguf *g, cairn_error *err)
{
    const gguf_kv *tokens, *types = gguf_find_kv(g, "tokenizer.ggml.token_type");
    cairn_status st = gguf_need_array(g, "tokenizer.ggml.tokens", GGUF_STRING, &tokens, err);
    if (st)
        return st;
    if (tokens->n == 0 || tokens->n > MAX_VOCAB)
        return cairn_fail(err, CAIRN_EMODEL, "%s: tokenizer.ggml.tokens has %" PRIu64 " entries",
                          gguf_path(g), tokens->n);
    if (types && (types->type != GGUF_ARRAY || types->elem_type == GGUF_STRING ||
                  types->n != tokens->n))
        return cairn_fail(err, CAIRN_EMODEL, "%s: tokenizer.ggml.token_type is no array of %" PRIu64
                          " numbers", gguf_path(g), tokens->n);
    t->n_vocab = (size_t)tokens->n;
    t->text = checked_malloc(t->n_vocab, sizeof *t->text);
    t->type = malloc(t->n_vocab);
    t->eog = calloc(t->n_vocab, 1);
    if (!t->text || !t->type || !t->eog)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: vocabulary", gguf_path(g));
    size_t pos = 0;
    for (size_t i = 0; i < t->n_vocab; i++) {
        int64_t type = types ? gguf_array_i64(types, i) : TOKEN_NORMAL;
        t->text[i] = gguf_array_next_string(tokens, &pos);
        t->type[i] = type >= TOKEN_NORMAL && type <= TOKEN_BYTE ? (uint8_t)type : TOKEN_UNUSED;
    }
    return CAIRN_OK;
}

/* An id from the file, `absent` where there is none. */
static cairn_status read_id(const tokenizer *t, const gguf *g, const char *key, token_id absent,
                            token_id *out, cairn_error *err)
{
    *out = absent;
    if (!gguf_find_kv(g, key))
        return CAIRN_OK;
    int64_t id = gguf_get_i64(g, key, -1);
    if (id == UINT32_MAX || id == -1) { /* some converters write "none" so */
        *out = TOKEN_NONE;
        return CAIRN_OK;
    }
    if (id < 0 || (uint64_t)id >= t->n_vocab)
        return cairn_fail(err, CAIRN_EMODEL, "%s: %s is %" PRId64 ", outside the %zu tokens",
                          gguf_path(g), key, id, t->n_vocab);
    *out = (token_id)id;
    return CAIRN_OK;
}

static cairn_status read_ids(tokenizer *t, const gguf *g, cairn_error *err)
{
    static const char *const end_keys[] = { "tokenizer.ggml.eot_token_id",
                                            "tokenizer.ggml.eom_token_id" };
    const struct {
        const char *key;
        token_id *to, absent;
    } ids[] = {
        { "tokenizer.ggml.bos_token_id", &t->bos, t->kind == TOKENIZER_SPM ? 1 : TOKEN_NONE },
        { "tokenizer.ggml.eos_token_id", &t->eos, t->kind == TOKENIZER_SPM ? 2 : TOKEN_NONE },
        { "tokenizer.ggml.unknown_token_id", &t->unk, t->kind == TOKENIZER_SPM ? 0 : TOKEN_NONE },
        { "tokenizer.ggml.padding_token_id", &t->pad, TOKEN_NONE },
    };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        token_id absent = ids[i].absent < (token_id)t->n_vocab ? ids[i].absent : TOKEN_NONE;
        cairn_status st = read_id(t, g, ids[i].key, absent, ids[i].to, err);
        if (st)
            return st;
    }
    for (size_t i = 0; i < 2; i++) {
        token_id id;
        cairn_status st = read_id(t, g, end_keys[i], TOKEN_NONE, &id, err);
        if (st)
            return st;
        if (id != TOKEN_NONE)
            t->eog[id] = 1;
    }
    if (t->eos != TOKEN_NONE)
        t->eog[t->eos] = 1;
    return CAIRN_OK;
}

static bool is_end_text(gguf_string s)
{
    for (size_t k = 0; k < sizeof ends_generation / sizeof *ends_generation; k++)
        if (gguf_string_is(s, ends_generation[k]))
            return true;
    return false;
}

static cairn_status collect_specials(tokenizer *t, const gguf *g, cairn_error *err)
{
    size_t n = 0;
    uint32_t *ids;
    for (size_t i = 0; i < t->n_vocab; i++) {
        char c = t->text[i].len ? t->text[i].data[0] : 0;
        if ((c == '<' || c == '[' || c == '_') && t->text[i].len < 20 && is_end_text(t->text[i])) {
            t->eog[i] = 1;
            t->type[i] = TOKEN_CONTROL;
        }
        n += t->type[i] == TOKEN_CONTROL || t->type[i] == TOKEN_USER_DEFINED ||
             t->type[i] == TOKEN_UNKNOWN;
    }
    ids = checked_malloc(n, sizeof *ids);
    if (!ids)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: special tokens", gguf_path(g));
    n = 0;
    for (size_t i = 0; i < t->n_vocab; i++)
        if (t->type[i] == TOKEN_CONTROL || t->type[i] == TOKEN_USER_DEFINED ||
            t->type[i] == TOKEN_UNKNOWN)
            ids[n++] = (uint32_t)i;
    cairn_status st = special_set_init(&t->specials, ids, n, tokenizer_text, t);
    free(ids);
    return st ? cairn_fail(err, st, "%s: special tokens", gguf_path(g)) : CAIRN_OK;
}

static cairn_status build_table(tokenizer *t, const gguf *g, cairn_error *err)
{
    if (!piece_table_init(&t->table, t->n_vocab, t->n_vocab, 0, tokenizer_text, t))
        return cairn_fail(err, CAIRN_ENOMEM, "%s: table of pieces", gguf_path(g));
    piece_table_add_all(&t->table, (uint32_t)t->n_vocab);
    return CAIRN_OK;
}

/* BERT in GGUF spells the start of a word U+2581 and its continuation plainly; vocab.txt spells
 * them plainly and "##". Bring the former to the latter. */
static cairn_status load_bert(tokenizer *t, const gguf *g, cairn_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < t->n_vocab; i++)
        if (!checked_add(total, t->text[i].len + 2, &total))
            return cairn_fail(err, CAIRN_EMODEL, "%s: tokens too long", gguf_path(g));
    char *p = t->owned_text = malloc(total);
    if (!p)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: vocabulary", gguf_path(g));
    for (size_t i = 0; i < t->n_vocab; i++) {
        gguf_string s = t->text[i];
        size_t n = 0;
        bool bracketed = s.len > 1 && s.data[0] == '[' && s.data[s.len - 1] == ']';
        if (s.len > 3 && !memcmp(s.data, "\xE2\x96\x81", 3)) {
            memcpy(p, s.data + 3, n = s.len - 3);
        } else if (t->type[i] == TOKEN_NORMAL && !bracketed && s.len) {
            memcpy(p, "##", 2);
            memcpy(p + 2, s.data, s.len);
            n = s.len + 2;
        } else {
            memcpy(p, s.data, n = s.len);
        }
        t->text[i] = (gguf_string){ p, n };
        p += n;
    }
    t->add_bos = t->add_eos = true;
    cairn_status st = wordpiece_load(t, true, true, true, "##", 100, err);
    if (st)
        return st;
    token_id cls = tokenizer_find(t, "[CLS]", 5), sep = tokenizer_find(t, "[SEP]", 5);
    t->bos = cls != TOKEN_NONE ? cls : t->bos;
    t->eos = sep != TOKEN_NONE ? sep : t->eos;
    t->unk = t->unk != TOKEN_NONE ? t->unk : tokenizer_find(t, "[UNK]", 5);
    if (t->bos == TOKEN_NONE || t->eos == TOKEN_NONE || t->unk == TOKEN_NONE)
        return cairn_fail(err, CAIRN_EMODEL, "%s: the vocabulary lacks [CLS], [SEP] or [UNK]",
                          gguf_path(g));
    return CAIRN_OK;
}

static cairn_status load(tokenizer *t, const gguf *g, cairn_error *err)
{
    gguf_string model;
    cairn_status st = gguf_need_string(g, "tokenizer.ggml.model", &model, err);
    if (st)
        return st;
    if (gguf_string_is(model, "gpt2"))
        t->kind = TOKENIZER_BPE;
    else if (gguf_string_is(model, "llama"))
        t->kind = TOKENIZER_SPM;
    else if (gguf_string_is(model, "bert"))
        t->kind = TOKENIZER_WORDPIECE;
    else if (gguf_string_is(model, "t5"))
        t->kind = TOKENIZER_UNIGRAM;
    else
        return cairn_fail(err, CAIRN_EMODEL, "%s: tokenizer.ggml.model is %.*s; Cairn reads gpt2, "
                          "llama, bert and t5", gguf_path(g), (int)(model.len < 64 ? model.len : 64),
                          model.data);
    st = read_tokens(t, g, err);
    if (!st)
        st = read_ids(t, g, err);
    if (st)
        return st;
    t->add_eos = gguf_get_bool(g, "tokenizer.ggml.add_eos_token", false);
    t->pair_type = t->kind == TOKENIZER_WORDPIECE; /* others are of RoBERTa's kin */
    t->pair_separators = t->kind == TOKENIZER_WORDPIECE ? 1 : 2;
    if (t->kind == TOKENIZER_SPM)
        st = build_table(t, g, err);
    if (t->kind == TOKENIZER_UNIGRAM)
        t->add_bos = gguf_get_bool(g, "tokenizer.ggml.add_bos_token", false);
    if (!st)
        st = t->kind == TOKENIZER_BPE       ? bpe_load(t, g, err)
             : t->kind == TOKENIZER_SPM     ? spm_load(t, g, err)
             : t->kind == TOKENIZER_UNIGRAM ? unigram_load_gguf(t, g, err)
                                            : load_bert(t, g, err);
    return st ? st : collect_specials(t, g, err);
}

cairn_status tokenizer_from_gguf(tokenizer **out, const gguf *g, cairn_error *err)
{
    *out = NULL;
    tokenizer *t = calloc(1, sizeof *t);
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tokenizer", gguf_path(g));
    t->bos = t->eos = t->unk = t->pad = TOKEN_NONE;
    cairn_status st = load(t, g, err);
    if (st) {
        tokenizer_destroy(t);
        return st;
    }
    *out = t;
    return CAIRN_OK;
}
