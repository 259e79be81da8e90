/* tokenizer.c - the public face: special tokens round and inside a text, dispatch, way back.
 *
 * encode: [BOS] + stretches of plain text, cut where special tokens are written out, + [EOS].
 * User-defined tokens (<tool_call>, runs of newlines in Gemma) are always cut out, control tokens
 * only with TOKENIZE_PARSE_SPECIAL: this is the fence between a prompt's own marks and text that
 * merely looks like them. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "generate/tokenize/model.h"

#define SPACE_BYTES "\xE2\x96\x81"

void token_list_clear(token_list *l)
{
    free(l->ids);
    memset(l, 0, sizeof *l);
}

cairn_status token_list_push(token_list *l, token_id id)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        token_id *ids = checked_realloc(l->ids, cap, sizeof *ids);
        if (!ids)
            return CAIRN_ENOMEM;
        l->ids = ids;
        l->cap = cap;
    }
    l->ids[l->n++] = id;
    return CAIRN_OK;
}

const char *tokenizer_text(const void *tok, uint32_t id, size_t *len)
{
    const tokenizer *t = tok;
    if (t->e5)
        return e5s1_piece(t->e5, id, len);
    *len = t->text[id].len;
    return t->text[id].data;
}

void tokenizer_destroy(tokenizer *t)
{
    if (!t)
        return;
    bpe_destroy(t->bpe);
    unigram_destroy(t->unigram);
    wordpiece_destroy(t->wordpiece);
    special_set_clear(&t->specials);
    piece_table_clear(&t->table);
    free(t->text);
    free(t->owned_text);
    free(t->type);
    free(t->eog);
    free(t);
}

cairn_status tokenizer_from_e5s1(tokenizer **out, const e5s1 *e, cairn_error *err)
{
    const e5s1_shape *s = e5s1_get_shape(e);
    *out = NULL;
    tokenizer *t = calloc(1, sizeof *t);
    if (!t)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tokenizer", e5s1_path(e));
    t->kind = TOKENIZER_UNIGRAM;
    t->e5 = e;
    t->n_vocab = s->n_pieces;
    t->bos = (token_id)s->bos;
    t->eos = (token_id)s->eos;
    t->pad = (token_id)s->pad;
    t->unk = (token_id)s->unk;
    t->add_bos = t->add_eos = true;
    t->pair_separators = 2;
    t->space_prefix = true;
    cairn_status st = unigram_load(t, err);
    if (st) {
        tokenizer_destroy(t);
        return st;
    }
    *out = t;
    return CAIRN_OK;
}

/* Every byte that is no part of a well-formed character becomes U+FFFD. */
static cairn_status repair(bytes *out, const char *s, size_t len)
{
    cairn_status st = CAIRN_OK;
    for (size_t i = 0; i < len && !st;) {
        uint32_t cp;
        bool valid;
        size_t n = utf8_decode(s + i, len - i, &cp, &valid);
        if (valid) {
            st = bytes_append(out, s + i, n);
            i += n;
        } else {
            st = bytes_append(out, "\xEF\xBF\xBD", 3);
            i++;
        }
    }
    return st;
}

static cairn_status encode_bpe(const tokenizer *t, const char *s, size_t len, token_list *out)
{
    bytes fixed;
    if (utf8_valid(s, len))
        return bpe_encode(t, s, len, out);
    bytes_init(&fixed, 3 * TOKENIZER_MAX_TEXT);
    cairn_status st = repair(&fixed, s, len);
    if (!st)
        st = bpe_encode(t, fixed.data, fixed.len, out);
    bytes_clear(&fixed);
    return st;
}

/* `begins`: it is the beginning of the text. */
static cairn_status encode_plain(const tokenizer *t, const char *s, size_t len, bool first, bool begins,
                                 unsigned flags, token_list *out)
{
    if (len == 0)
        return CAIRN_OK;
    switch (t->kind) {
    case TOKENIZER_BPE:
        return encode_bpe(t, s, len, out);
    case TOKENIZER_SPM:
        return spm_encode(t, s, len, first, out);
    case TOKENIZER_UNIGRAM:
        return unigram_encode(t, s, len, begins, flags & TOKENIZE_PARSE_SPECIAL, out);
    case TOKENIZER_WORDPIECE:
        return wordpiece_encode(t, s, len, out);
    }
    return CAIRN_EUSAGE;
}

static bool want_all(const void *ctx, uint32_t id)
{
    (void)ctx;
    (void)id;
    return true;
}

static bool want_user_defined(const void *ctx, uint32_t id)
{
    return token_type_of(ctx, (token_id)id) == TOKEN_USER_DEFINED;
}

static cairn_status encode_all(const tokenizer *t, const char *text, size_t len, unsigned flags,
                               token_list *out)
{
    special_hits hits = { 0 };
    size_t at = 0;
    bool first = true;
    cairn_status st = CAIRN_OK;
    bool all = (flags & TOKENIZE_PARSE_SPECIAL) || t->kind == TOKENIZER_WORDPIECE;

    if ((flags & TOKENIZE_ADD_SPECIAL) && t->add_bos && t->bos != TOKEN_NONE)
        st = token_list_push(out, t->bos);
    if (!st && !(flags & TOKENIZE_NO_ADDED))
        st = special_find(&t->specials, text, len, all ? want_all : want_user_defined, t, &hits);
    for (size_t i = 0; i <= hits.n && !st; i++) {
        size_t end = i < hits.n ? hits.v[i].at : len;
        st = encode_plain(t, text + at, end - at, first, at == 0, flags, out);
        if (i == hits.n)
            break;
        if (!st)
            st = token_list_push(out, (token_id)hits.v[i].id);
        at = end + hits.v[i].len;
        first = true;
    }
    if (!st && (flags & TOKENIZE_ADD_SPECIAL) && t->add_eos && t->eos != TOKEN_NONE)
        st = token_list_push(out, t->eos);
    free(hits.v);
    return st;
}

cairn_status tokenizer_encode(const tokenizer *t, const char *text, size_t len, unsigned flags,
                              token_list *out, cairn_error *err)
{
    if (len > TOKENIZER_MAX_TEXT)
        return cairn_fail(err, CAIRN_ELIMIT, "a text of %zu bytes is too long to tokenise at once",
                          len);
    size_t n = out->n;
    cairn_status st = encode_all(t, text, len, flags, out);
    if (st) {
        out->n = n;
        return cairn_fail(err, st, "tokenise %zu bytes: %s", len, cairn_status_name(st));
    }
    return CAIRN_OK;
}

cairn_status tokenizer_count(const tokenizer *t, const char *text, size_t len, unsigned flags,
                             size_t *n, cairn_error *err)
{
    token_list l = { 0 };
    cairn_status st = tokenizer_encode(t, text, len, flags, &l, err);
    *n = l.n;
    token_list_clear(&l);
    return st;
}

/* A SentencePiece piece with its U+2581 as spaces. */
static cairn_status append_spaced(bytes *out, const char *s, size_t len)
{
    cairn_status st = CAIRN_OK;
    while (len && !st) {
        const char *p = memmem(s, len, SPACE_BYTES, 3);
        size_t n = p ? (size_t)(p - s) : len;
        st = bytes_append(out, s, n);
        if (p && !st)
            st = bytes_append_byte(out, ' ');
        n += p ? 3 : 0;
        s += n;
        len -= n;
    }
    return st;
}

static bool is_hidden(const tokenizer *t, token_id id)
{
    if (!t->type)
        return id == t->bos || id == t->eos || id == t->pad || id == t->unk;
    uint8_t type = token_type_of(t, id);
    return type == TOKEN_CONTROL || type == TOKEN_UNKNOWN;
}

cairn_status tokenizer_piece(const tokenizer *t, token_id id, bool special, bytes *out)
{
    size_t len;
    if (id < 0 || (size_t)id >= t->n_vocab)
        return CAIRN_EUSAGE;
    uint8_t type = token_type_of(t, id);
    if (is_hidden(t, id) && !special)
        return CAIRN_OK;
    const char *p = tokenizer_text(t, (uint32_t)id, &len);
    if (type == TOKEN_UNUSED)
        return CAIRN_OK;
    if (type != TOKEN_NORMAL && type != TOKEN_BYTE)
        return bytes_append(out, p, len);
    switch (t->kind) {
    case TOKENIZER_BPE:
        return bpe_piece(t, id, out);
    case TOKENIZER_WORDPIECE:
        return bytes_append(out, p, len);
    default:
        break;
    }
    if (type == TOKEN_BYTE) {
        char hex[3] = { 0 };
        if (len != 6) /* <0xXX> */
            return CAIRN_OK;
        memcpy(hex, p + 3, 2);
        return bytes_append_byte(out, (uint8_t)strtoul(hex, NULL, 16));
    }
    return append_spaced(out, p, len);
}

/* Word pieces are joined with spaces, except where a piece goes on ("##"). */
static cairn_status decode_words(const tokenizer *t, const token_id *ids, size_t n, unsigned flags,
                                 bytes *out)
{
    cairn_status st = CAIRN_OK;
    bool any = false;
    for (size_t i = 0; i < n && !st; i++) {
        size_t len;
        if (is_hidden(t, ids[i]) && !(flags & DETOKENIZE_SPECIAL))
            continue;
        const char *p = tokenizer_text(t, (uint32_t)ids[i], &len);
        if (len > 2 && p[0] == '#' && p[1] == '#') {
            p += 2;
            len -= 2;
        } else if (any) {
            st = bytes_append_byte(out, ' ');
        }
        if (!st)
            st = bytes_append(out, p, len);
        any = true;
    }
    return st;
}

cairn_status tokenizer_decode(const tokenizer *t, const token_id *ids, size_t n, unsigned flags,
                              bytes *out, cairn_error *err)
{
    size_t start = out->len;
    bool drop_space = t->space_prefix;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= t->n_vocab)
            return cairn_fail(err, CAIRN_EUSAGE, "token %" PRId32 " is outside the vocabulary of %zu",
                              ids[i], t->n_vocab);
    if (flags & DETOKENIZE_REMOVE_SPECIAL) {
        if (t->add_bos && n && ids[0] == t->bos) {
            ids++;
            n--;
        }
        if (t->add_eos && n && ids[n - 1] == t->eos)
            n--;
    }
    if (t->kind == TOKENIZER_WORDPIECE)
        st = decode_words(t, ids, n, flags, out);
    else
        for (size_t i = 0; i < n && !st; i++) {
            size_t at = out->len;
            st = tokenizer_piece(t, ids[i], flags & DETOKENIZE_SPECIAL, out);
            if (drop_space && !st && out->len > at) {
                if (out->data[at] == ' ') {
                    memmove(out->data + at, out->data + at + 1, out->len - at);
                    out->len--;
                }
                drop_space = false;
            }
        }
    if (st) {
        out->len = start;
        return cairn_fail(err, st, "detokenise %zu tokens: %s", n, cairn_status_name(st));
    }
    return CAIRN_OK;
}

tokenizer_kind tokenizer_get_kind(const tokenizer *t)
{
    return t->kind;
}

size_t tokenizer_vocab_size(const tokenizer *t)
{
    return t->n_vocab;
}

token_id tokenizer_bos(const tokenizer *t)
{
    return t->bos;
}

token_id tokenizer_eos(const tokenizer *t)
{
    return t->eos;
}

token_id tokenizer_unk(const tokenizer *t)
{
    return t->unk;
}

token_id tokenizer_pad(const tokenizer *t)
{
    return t->pad;
}

bool tokenizer_adds_bos(const tokenizer *t)
{
    return t->add_bos && t->bos != TOKEN_NONE;
}

bool tokenizer_adds_eos(const tokenizer *t)
{
    return t->add_eos && t->eos != TOKEN_NONE;
}

int tokenizer_pair_separators(const tokenizer *t)
{
    return t->pair_separators;
}

bool tokenizer_pair_has_types(const tokenizer *t)
{
    return t->pair_type;
}

bool tokenizer_is_eog(const tokenizer *t, token_id id)
{
    if (id < 0 || (size_t)id >= t->n_vocab)
        return false;
    return t->eog ? t->eog[id] : id == t->eos;
}

bool tokenizer_is_control(const tokenizer *t, token_id id)
{
    return id >= 0 && (size_t)id < t->n_vocab && is_hidden(t, id);
}

token_id tokenizer_find(const tokenizer *t, const char *text, size_t len)
{
    if (t->table.slots) {
        uint32_t id = piece_table_find(&t->table, text, len);
        return id == PIECE_NONE ? TOKEN_NONE : (token_id)id;
    }
    for (size_t i = 0; i < t->n_vocab; i++)
        if (t->text[i].len == len && !memcmp(t->text[i].data, text, len))
            return (token_id)i;
    return TOKEN_NONE;
}

const char *tokenizer_raw(const tokenizer *t, token_id id, size_t *len)
{
    *len = 0;
    if (id < 0 || (size_t)id >= t->n_vocab)
        return "";
    return tokenizer_text(t, (uint32_t)id, len);
}
