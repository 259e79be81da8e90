/* unigram.c - the unigram language model of SentencePiece (Kudo, arXiv:1804.10959, section 3.2):
 * of all ways to cut a text into pieces, the one with the largest sum of log-probabilities.
 *
 * The steps, for the vocabulary of an e5s1 file (that of XLM-R) or of a GGUF file of tokenizer model t5; in a
 * tokenizer.json of type Unigram, the first two are what the file says (normaliser.h):
 *   1. each code point is replaced by its entry of the normalisation table, if it has one; in GGUF, the
 *      longest run of bytes that the precompiled character map holds (charsmap.h)
 *   2. runs of spaces become one; every space becomes U+2581, and one stands in front. In GGUF, spaces at the
 *      end go, or where tokenizer.ggml.remove_extra_whitespaces is false all stay
 *   3. the best path, by dynamic programming over character positions; a character that no piece
 *      covers costs the lowest score of the vocabulary minus 10 and gives the unknown piece; but in e5s1
 *      files, unknown pieces side by side become one, as SentencePiece and the library tokenizers do it
 *
 * No piece of these vocabularies holds U+2581 except at its start, so no path crosses a U+2581 and
 * every word is solved alone: the memory is that of the longest word, and sums stay small, hence
 * exact, on long texts. (A vocabulary with such a piece is solved as one stretch.)
 *
 * Ties go to the path whose last piece begins earlier, because positions are relaxed in rising
 * order and only a better score replaces one. Sums are floats, as SentencePiece has them, with a
 * tokenizer.json doubles, as the library tokenizers.
 *
 * Pieces such as "</s>" are never produced from written text unless the caller parses specials. */
#include <float.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "generate/tokenize/charsmap.h"
#include "generate/tokenize/model.h"

#define SPACE_BYTES "\xE2\x96\x81"
#define UNKNOWN_PENALTY 10.0f

struct unigram {
    /* The normalisation table: cps[i] becomes to[starts[i], starts[i + 1]). */
    uint32_t *cps, *starts, *to;
    size_t n_normal;
    uint64_t pages[0x110000 >> 6 >> 6]; /* bit: some entry lies among these 64 code points */
    bool by_map;       /* of a GGUF file */
    charsmap map;      /* of this; empty: none */
    bool merge_spaces, space_first; /* of this */
    double *scores;    /* of a tokenizer.json, [n_vocab]; else NULL */
    normaliser *words; /* of a tokenizer.json; else NULL */
    bool unknown_is_piece; /* what stands for the unknown is a piece of its own as well */
    double unknown_score;
    bool crosses_words; /* a piece holds U+2581 past its start */
    token_id mask;
};

void unigram_destroy(unigram *u)
{
    if (!u)
        return;
    free(u->cps);
    free(u->starts);
    free(u->to);
    free(u->scores);
    if (u->words)
        normaliser_clear(u->words);
    free(u->words);
    free(u);
}

static bool load_normaliser(unigram *u, const e5s1 *e)
{
    size_t n = e5s1_normal_count(e), total = 0, pos = 0;
    uint32_t cp, count;
    const uint8_t *le;

    while (e5s1_normal_next(e, &pos, &cp, &count, &le))
        total += count;
    u->cps = checked_malloc(n, sizeof *u->cps);
    u->starts = checked_malloc(n + 1, sizeof *u->starts);
    u->to = checked_malloc(total, sizeof *u->to);
    if (!u->cps || !u->starts || !u->to)
        return false;
    total = pos = 0;
    while (e5s1_normal_next(e, &pos, &cp, &count, &le)) {
        u->cps[u->n_normal] = cp;
        u->starts[u->n_normal++] = (uint32_t)total;
        u->pages[cp >> 12] |= UINT64_C(1) << (cp >> 6 & 63);
        for (uint32_t j = 0; j < count; j++, le += 4)
            u->to[total++] = (uint32_t)le[0] | (uint32_t)le[1] << 8 | (uint32_t)le[2] << 16 |
                             (uint32_t)le[3] << 24;
    }
    u->starts[u->n_normal] = (uint32_t)total;
    return true;
}

static double score_of(const tokenizer *t, uint32_t id)
{
    if (t->e5)
        return e5s1_score(t->e5, id);
    return t->unigram->scores ? t->unigram->scores[id] : (double)(float)gguf_array_f64(t->scores, id);
}

static bool holds_space_inside(const char *p, size_t len)
{
    for (size_t k = 3; k + 3 <= len; k++)
        if (!memcmp(p + k, SPACE_BYTES, 3))
            return true;
    return false;
}

/* The table of pieces, and what an unknown character costs. */
static cairn_status make_table(tokenizer *t, const char *path, cairn_error *err)
{
    unigram *u = t->unigram;
    size_t bytes_in_all = 0;

    u->unknown_score = 0;
    for (uint32_t i = 0; i < t->n_vocab; i++) {
        double score = score_of(t, i);
        bytes_in_all += t->text[i].len; /* of a file that is in memory: no overflow */
        if (!(score >= -1e6 && score <= 1e6))
            return cairn_fail(err, CAIRN_EMODEL, "%s: the score of token %u is no sensible number", path, i);
        if ((u->scores || token_type_of(t, (token_id)i) == TOKEN_NORMAL) && score < u->unknown_score)
            u->unknown_score = score;
        u->crosses_words = u->crosses_words || holds_space_inside(t->text[i].data, t->text[i].len);
    }
    u->unknown_score -= UNKNOWN_PENALTY;
    if (!piece_table_init(&t->table, t->n_vocab, t->n_vocab, bytes_in_all + 1, tokenizer_text, t))
        return cairn_fail(err, CAIRN_ENOMEM, "%s: table of pieces", path);
    piece_table_add_all(&t->table, (uint32_t)t->n_vocab);
    return CAIRN_OK;
}

cairn_status unigram_load_gguf(tokenizer *t, const gguf *g, cairn_error *err)
{
    const gguf_kv *map = gguf_find_kv(g, "tokenizer.ggml.precompiled_charsmap");
    unigram *u = t->unigram = calloc(1, sizeof *u);
    cairn_status st;

    if (!u)
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tokenizer", gguf_path(g));
    u->by_map = true;
    u->mask = TOKEN_NONE;
    u->merge_spaces = gguf_get_bool(g, "tokenizer.ggml.remove_extra_whitespaces", false);
    u->space_first = t->space_prefix = gguf_get_bool(g, "tokenizer.ggml.add_space_prefix", true);
    st = gguf_need_array(g, "tokenizer.ggml.scores", GGUF_F32, &t->scores, err);
    if (!st && t->scores->n != t->n_vocab)
        st = cairn_fail(err, CAIRN_EMODEL, "%s: tokenizer.ggml.scores has %llu entries for %zu tokens", gguf_path(g),
                        (unsigned long long)t->scores->n, t->n_vocab);
    if (!st && map && (map->type != GGUF_ARRAY || map->bytes != map->n || !charsmap_open(&u->map, map->data, map->bytes)))
        st = cairn_fail(err, CAIRN_EMODEL, "%s: tokenizer.ggml.precompiled_charsmap is broken", gguf_path(g));
    if (!st && t->unk == TOKEN_NONE)
        st = cairn_fail(err, CAIRN_EMODEL, "%s: the vocabulary names no unknown token", gguf_path(g));
    return st ? st : make_table(t, gguf_path(g), err);
}

cairn_status unigram_load_json(tokenizer *t, double *scores, normaliser *words, const char *path, cairn_error *err)
{
    unigram *u = t->unigram = calloc(1, sizeof *u);

    if (!u) {
        free(scores);
        normaliser_clear(words);
        free(words);
        return cairn_fail(err, CAIRN_ENOMEM, "%s: tokenizer", path);
    }
    u->scores = scores;
    u->words = words;
    t->space_prefix = words->sign != SIGN_NEVER;
    u->unknown_is_piece = t->unk != TOKEN_NONE && token_type_of(t, t->unk) == TOKEN_NORMAL;
    u->mask = TOKEN_NONE;
    return make_table(t, path, err);
}

cairn_status unigram_load(tokenizer *t, cairn_error *err)
{
    const e5s1 *e = t->e5;
    size_t chars = 0, len;
    unigram *u = t->unigram = calloc(1, sizeof *u);

    if (!u || !load_normaliser(u, e))
        return cairn_fail(err, CAIRN_ENOMEM, "%s: normalisation table", e5s1_path(e));
    for (uint32_t i = 0; i < t->n_vocab; i++) {
        e5s1_piece(e, i, &len);
        chars += len;
    }
    /* Bytes / 2 is above the number of characters for these vocabularies and near it. */
    if (!piece_table_init(&t->table, t->n_vocab, t->n_vocab, chars / 2 + 1, tokenizer_text, t))
        return cairn_fail(err, CAIRN_ENOMEM, "%s: table of pieces", e5s1_path(e));
    u->unknown_score = FLT_MAX;
    for (uint32_t i = 0; i < t->n_vocab; i++) {
        const char *p = e5s1_piece(e, i, &len);
        float score = e5s1_score(e, i);
        if (score < u->unknown_score)
            u->unknown_score = score;
        u->crosses_words = u->crosses_words || holds_space_inside(p, len);
    }
    piece_table_add_all(&t->table, (uint32_t)t->n_vocab);
    u->unknown_score -= UNKNOWN_PENALTY;
    uint32_t mask = piece_table_find(&t->table, "<mask>", 6);
    u->mask = mask == PIECE_NONE ? TOKEN_NONE : (token_id)mask;
    return CAIRN_OK;
}

/* Index of cp's entry, or n_normal. */
static size_t find_normal(const unigram *u, uint32_t cp)
{
    if (!(u->pages[cp >> 12] >> (cp >> 6 & 63) & 1))
        return u->n_normal;
    size_t lo = 0, hi = u->n_normal;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (u->cps[mid] < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < u->n_normal && u->cps[lo] == cp ? lo : u->n_normal;
}

/* Append one normalised code point; a space becomes U+2581 and is dropped behind another. */
static cairn_status put(bytes *out, uint32_t cp, bool *after_space)
{
    char buf[4];
    if (cp == ' ') {
        if (*after_space)
            return CAIRN_OK;
        *after_space = true;
        return bytes_append(out, SPACE_BYTES, 3);
    }
    *after_space = false;
    if (cp < 0x80)
        return bytes_append_byte(out, (uint8_t)cp);
    return bytes_append(out, buf, utf8_encode(cp, buf));
}

static cairn_status normalise(const unigram *u, const char *s, size_t len, bytes *out)
{
    bool after_space = true; /* the U+2581 in front swallows leading spaces */
    cairn_status st = bytes_append(out, SPACE_BYTES, 3);
    size_t before = out->len;

    for (size_t i = 0; i < len && !st;) {
        uint32_t cp = (uint8_t)s[i];
        if (cp < 0x80)
            i++;
        else
            i += utf8_decode(s + i, len - i, &cp, NULL);
        size_t e = find_normal(u, cp);
        if (e == u->n_normal) {
            st = put(out, cp, &after_space);
            continue;
        }
        for (uint32_t k = u->starts[e]; k < u->starts[e + 1] && !st; k++)
            st = put(out, u->to[k], &after_space);
    }
    /* Nothing is left of an empty text; a text of spaces keeps its one U+2581. */
    if (!st && len == 0 && out->len == before)
        bytes_reset(out);
    return st;
}

/* Bytes of a GGUF file's normalised text: what stands for `from`, with its spaces. */
static cairn_status put_bytes(const unigram *u, const char *from, size_t len, bool *in_word, bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < len && !st; i++) {
        if (from[i] == ' ') {
            *in_word = false;
            if (!u->merge_spaces)
                st = bytes_append(out, SPACE_BYTES, 3);
            continue;
        }
        if (!*in_word && u->merge_spaces && (u->space_first || out->len))
            st = bytes_append(out, SPACE_BYTES, 3);
        *in_word = true;
        if (!st)
            st = bytes_append_byte(out, (uint8_t)from[i]);
    }
    return st;
}

static cairn_status normalise_by_map(const unigram *u, const char *s, size_t len, bytes *out)
{
    cairn_status st = CAIRN_OK;
    bool in_word = false;

    if (len && u->space_first && !u->merge_spaces)
        st = bytes_append(out, SPACE_BYTES, 3);
    for (size_t i = 0; i < len && !st;) {
        const char *to;
        size_t to_len, from = charsmap_longest(&u->map, s + i, len - i, &to, &to_len);
        uint32_t cp;
        bool valid;
        if (!from) {
            from = utf8_decode(s + i, len - i, &cp, &valid);
            to = valid ? s + i : "\xEF\xBF\xBD";
            to_len = valid ? from : 3;
            from = valid ? from : 1;
        } else if (!utf8_valid(to, to_len)) { /* what follows relies on whole characters */
            to = "\xEF\xBF\xBD";
            to_len = 3;
        }
        st = put_bytes(u, to, to_len, &in_word, out);
        i += from;
    }
    return st;
}

/* Where the best path to a byte position comes from. */
typedef struct step {
    double score;  /* of the best path from the start; -FLT_MAX: unreached */
    uint32_t from; /* byte position */
    token_id id;   /* TOKEN_NONE: a character that no piece covers */
} step;

typedef struct lattice {
    step *steps; /* [cap] by byte position in the word */
    size_t cap;
} lattice;

static bool is_special_piece(const tokenizer *t, token_id id)
{
    if (t->type)
        return t->type[id] != TOKEN_NORMAL;
    return id == t->bos || id == t->eos || id == t->pad || id == t->unk || id == t->unigram->mask;
}

static double sum_of(const unigram *u, double a, double b)
{
    return u->scores ? a + b : (double)((float)a + (float)b);
}

/* Relax every piece that begins at byte i of the word. */
static void relax(const tokenizer *t, const char *w, size_t len, size_t i, bool controls,
                  step *steps)
{
    const double base = steps[i].score;
    uint64_t h = PIECE_HASH_START;
    size_t first = piece_char_bytes((uint8_t)w[i]);
    bool covered = false;

    for (size_t e = i; e < len;) {
        size_t n = piece_char_bytes((uint8_t)w[e]);
        h = piece_hash_char(h, w + e, n, len - e);
        e += n;
        if (!piece_table_may_begin(&t->table, h))
            break;
        uint32_t id = piece_table_find_hashed(&t->table, h, w + i, e - i);
        if (id == PIECE_NONE || (!controls && is_special_piece(t, (token_id)id)) ||
            ((token_id)id == t->unk && !t->unigram->unknown_is_piece))
            continue;
        covered = covered || e == i + first;
        double score = sum_of(t->unigram, base, score_of(t, id));
        if (score > steps[e].score)
            steps[e] = (step){ score, (uint32_t)i, (token_id)id };
    }
    double score = sum_of(t->unigram, base, t->unigram->unknown_score);
    if (!covered && score > steps[i + first].score)
        steps[i + first] = (step){ score, (uint32_t)i, TOKEN_NONE };
}

static cairn_status encode_word(const tokenizer *t, const char *w, size_t len, bool controls,
                                lattice *l, token_list *out)
{
    if (l->cap < len + 1) {
        size_t cap = 2 * len + 64;
        step *s = checked_realloc(l->steps, cap, sizeof *s);
        if (!s)
            return CAIRN_ENOMEM;
        l->steps = s;
        l->cap = cap;
    }
    for (size_t i = 0; i <= len; i++)
        l->steps[i].score = -FLT_MAX;
    l->steps[0].score = 0;
    for (size_t i = 0; i < len; i += piece_char_bytes((uint8_t)w[i]))
        relax(t, w, len, i, controls, l->steps);
    size_t first = out->n;
    for (size_t i = len, behind = 0; i > 0; behind = i, i = l->steps[i].from) {
        token_id id = l->steps[i].id;
        bool again = !t->e5 && id == TOKEN_NONE && behind && l->steps[behind].id == TOKEN_NONE;
        if (id == TOKEN_NONE)
            id = again ? TOKEN_NONE : t->unk; /* a vocabulary may have none: nothing is put then */
        if (id != TOKEN_NONE && token_list_push(out, id))
            return CAIRN_ENOMEM;
    }
    for (size_t a = first, b = out->n; a + 1 < b; a++, b--) {
        token_id id = out->ids[a];
        out->ids[a] = out->ids[b - 1];
        out->ids[b - 1] = id;
    }
    return CAIRN_OK;
}

typedef struct words_call {
    const tokenizer *t;
    bool controls;
    lattice *l;
    token_list *out;
} words_call;

static cairn_status take_word(void *ctx, const char *word, size_t len)
{
    const words_call *c = ctx;

    return len > UINT32_MAX ? CAIRN_ELIMIT : encode_word(c->t, word, len, c->controls, c->l, c->out);
}

static cairn_status encode_by_words(const words_call *call, const char *s, size_t len, bool begins)
{
    const normaliser *words = call->t->unigram->words;
    bytes text, spare;
    cairn_status st;

    bytes_init(&text, 32 * TOKENIZER_MAX_TEXT);
    bytes_init(&spare, 32 * TOKENIZER_MAX_TEXT);
    st = normaliser_run(words, s, len, &text, &spare);
    if (!st)
        st = normaliser_words(words, text.data, text.len, begins, &spare, take_word, (void *)call);
    bytes_clear(&text);
    bytes_clear(&spare);
    return st;
}

/* Words begin with U+2581, and no path crosses one. */
static cairn_status encode_normalised(const words_call *call, const char *s, size_t len)
{
    const unigram *u = call->t->unigram;
    bytes text;
    cairn_status st;

    bytes_init(&text, 32 * TOKENIZER_MAX_TEXT);
    st = u->by_map ? normalise_by_map(u, s, len, &text) : normalise(u, s, len, &text);
    for (size_t i = 0; i < text.len && !st;) {
        size_t end = text.len;
        if (!u->crosses_words && text.len - i > 3) {
            const char *p = memmem(text.data + i + 3, text.len - i - 3, SPACE_BYTES, 3);
            if (p)
                end = (size_t)(p - text.data);
        }
        st = take_word((void *)call, text.data + i, end - i);
        i = end;
    }
    bytes_clear(&text);
    return st;
}

cairn_status unigram_encode(const tokenizer *t, const char *s, size_t len, bool begins, bool controls,
                            token_list *out)
{
    lattice l = { 0 };
    const words_call call = { t, controls, &l, out };
    cairn_status st = t->unigram->words ? encode_by_words(&call, s, len, begins) : encode_normalised(&call, s, len);

    free(l.steps);
    return st;
}
