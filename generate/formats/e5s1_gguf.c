/* e5s1_gguf.c - see e5s1_gguf.h. The character map's layout is drawn in tokenize/charsmap.h; here it is made from
 * single code points, so no entry begins another one.
 *
 * Making the double array: a node of the trie has a base of its own, and its child for byte b is the unit at base ^ b.
 * Nodes are placed depth first, each at the lowest base that no other has and whose units are free. */
#include "generate/formats/e5s1_gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "generate/formats/gguf_keys.h"

#define ALIGNMENT 32
#define MAX_UNITS ((size_t)1 << 21) /* offsets are written without their scale */
#define LEAF      UINT32_C(0x80000000)
#define HAS_LEAF  UINT32_C(0x100)

/* ---- the character map ---- */

typedef struct entry {
    char key[4]; /* UTF-8 of the code point */
    size_t len;
    uint32_t text; /* where what it becomes begins in the texts */
} entry;

typedef struct array {
    uint32_t *units;
    bool *taken, *is_base; /* of a unit; of a base */
    size_t n;              /* units in use: the highest one and its block */
    size_t low;            /* no base below is free */
} array;

static int by_key(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int c = memcmp(x->key, y->key, n);
    return c ? c : (x->len > y->len) - (x->len < y->len);
}

static bool fits(const array *a, size_t base, const uint8_t *labels, size_t n)
{
    if (a->is_base[base])
        return false;
    for (size_t i = 0; i < n; i++)
        if (a->taken[base ^ labels[i]])
            return false;
    return true;
}

/* The byte that leads on from `depth`; 0: the key ends there. */
static uint8_t label_of(const entry *x, size_t depth)
{
    return depth < sizeof x->key && depth < x->len ? (uint8_t)x->key[depth] : 0;
}

/* Place the children of the node at unit `at`: entries[0, n) share their first `depth` bytes. */
static bool place(array *a, size_t at, const entry *entries, size_t n, size_t depth)
{
    uint8_t labels[256];
    size_t n_labels = 0, base = a->low;

    for (size_t i = 0; i < n; i++) {
        uint8_t label = label_of(&entries[i], depth);
        if (!n_labels || labels[n_labels - 1] != label)
            labels[n_labels++] = label;
    }
    while (base < MAX_UNITS - 256 && !fits(a, base, labels, n_labels))
        base++;
    if (base >= MAX_UNITS - 256)
        return false;
    a->is_base[base] = true;
    while (a->low < base && a->is_base[a->low])
        a->low++;
    for (size_t i = 0; i < n_labels; i++) {
        a->taken[base ^ labels[i]] = true;
        if (a->n < (base | 255) + 1)
            a->n = (base | 255) + 1;
    }
    a->units[at] |= (uint32_t)(at ^ base) << 10;
    for (size_t i = 0, end; i < n; i = end) {
        uint8_t label = label_of(&entries[i], depth);
        for (end = i + 1; end < n && label_of(&entries[end], depth) == label;)
            end++;
        if (!label) {
            a->units[at] |= HAS_LEAF;
            a->units[base] = LEAF | entries[i].text;
            continue;
        }
        a->units[base ^ label] = label;
        if (!place(a, base ^ label, entries + i, end - i, depth + 1))
            return false;
    }
    return true;
}

static cairn_status read_entries(const e5s1 *e, entry *entries, bytes *texts)
{
    size_t pos = 0, n = 0;
    uint32_t cp, count;
    const uint8_t *le;
    cairn_status st = CAIRN_OK;

    while (!st && e5s1_normal_next(e, &pos, &cp, &count, &le)) {
        entries[n].len = utf8_encode(cp, entries[n].key);
        entries[n++].text = (uint32_t)texts->len;
        for (uint32_t j = 0; !st && j < count; j++, le += 4) {
            char to[4];
            uint32_t c = (uint32_t)le[0] | (uint32_t)le[1] << 8 | (uint32_t)le[2] << 16 | (uint32_t)le[3] << 24;
            st = bytes_append(texts, to, utf8_encode(c, to));
        }
        if (!st)
            st = bytes_append_byte(texts, 0);
    }
    return st;
}

static cairn_status make_charsmap(const e5s1 *e, bytes *out)
{
    size_t n = e5s1_normal_count(e);
    entry *entries = checked_malloc(n, sizeof *entries);
    array a = {calloc(MAX_UNITS, sizeof *a.units), calloc(MAX_UNITS, sizeof *a.taken), calloc(MAX_UNITS, sizeof *a.is_base),
               256, 1};
    bytes texts;
    cairn_status st = entries && a.units && a.taken && a.is_base ? CAIRN_OK : CAIRN_ENOMEM;

    bytes_init(&texts, (size_t)16 << 20);
    if (!st)
        st = read_entries(e, entries, &texts);
    if (!st && n) {
        qsort(entries, n, sizeof *entries, by_key);
        a.taken[0] = true; /* the root */
        if (!place(&a, 0, entries, n, 0))
            st = CAIRN_ELIMIT;
        if (!st)
            st = bytes_append_u32(out, (uint32_t)(a.n * 4));
        for (size_t i = 0; !st && i < a.n; i++)
            st = bytes_append_u32(out, a.units[i]);
        if (!st)
            st = bytes_append(out, texts.data, texts.len);
    }
    bytes_clear(&texts);
    free(entries);
    free(a.units);
    free(a.taken);
    free(a.is_base);
    return st;
}

/* ---- metadata ---- */

static bool is_control(const e5s1_shape *s, const char *piece, size_t len, uint32_t id)
{
    return id == s->bos || id == s->eos || id == s->pad || (len == 6 && !memcmp(piece, "<mask>", 6));
}

static void put_vocabulary(gguf_keys *w, const e5s1 *e, const bytes *map)
{
    const e5s1_shape *s = e5s1_get_shape(e);
    size_t len;

    gguf_key_text(w, "tokenizer.ggml.model", "t5");
    gguf_key_text(w, "tokenizer.ggml.pre", "default");
    gguf_key_array(w, "tokenizer.ggml.tokens", GGUF_STRING, s->n_pieces);
    for (uint32_t i = 0; i < s->n_pieces; i++) {
        const char *piece = e5s1_piece(e, i, &len);
        gguf_put_text(w, piece, len);
    }
    gguf_key_array(w, "tokenizer.ggml.scores", GGUF_F32, s->n_pieces);
    for (uint32_t i = 0; i < s->n_pieces; i++) {
        float score = e5s1_score(e, i);
        gguf_put(w, &score, sizeof score); /* little-endian machines alone are built for */
    }
    gguf_key_array(w, "tokenizer.ggml.token_type", GGUF_I32, s->n_pieces);
    for (uint32_t i = 0; i < s->n_pieces; i++) {
        const char *piece = e5s1_piece(e, i, &len);
        gguf_put_u32(w, i == s->unk ? 2 : is_control(s, piece, len, i) ? 3 : 1);
    }
    gguf_key_u32(w, "tokenizer.ggml.bos_token_id", s->bos);
    gguf_key_u32(w, "tokenizer.ggml.eos_token_id", s->eos);
    gguf_key_u32(w, "tokenizer.ggml.unknown_token_id", s->unk);
    gguf_key_u32(w, "tokenizer.ggml.padding_token_id", s->pad);
    gguf_key_bool(w, "tokenizer.ggml.add_bos_token", true);
    gguf_key_bool(w, "tokenizer.ggml.add_eos_token", true);
    gguf_key_bool(w, "tokenizer.ggml.add_space_prefix", true);
    gguf_key_bool(w, "tokenizer.ggml.remove_extra_whitespaces", true);
    if (map->len) {
        gguf_key_array(w, "tokenizer.ggml.precompiled_charsmap", GGUF_U8, map->len);
        gguf_put(w, map->data, map->len);
    }
}

static void put_metadata(gguf_keys *w, const e5s1 *e, const char *name, const bytes *map)
{
    const e5s1_shape *s = e5s1_get_shape(e);

    gguf_key_text(w, "general.architecture", "bert");
    gguf_key_text(w, "general.name", name);
    gguf_key_u32(w, "bert.context_length", s->positions);
    gguf_key_u32(w, "bert.embedding_length", s->hidden);
    gguf_key_u32(w, "bert.block_count", s->layers);
    gguf_key_u32(w, "bert.feed_forward_length", s->ff);
    gguf_key_u32(w, "bert.attention.head_count", s->heads);
    gguf_key_f32(w, "bert.attention.layer_norm_epsilon", s->norm_eps);
    gguf_key_bool(w, "bert.attention.causal", false);
    gguf_key_u32(w, "bert.pooling_type", 1); /* the mean */
    put_vocabulary(w, e, map);
}

/* ---- tensors ---- */

/* The name that GGUF has for it. */
static bool name_of(const char *from, char out[96])
{
    static const char *const whole[][2] = {{"emb.word", "token_embd.weight"},     {"emb.pos", "position_embd.weight"},
                                           {"emb.type", "token_types.weight"},    {"emb.ln.w", "token_embd_norm.weight"},
                                           {"emb.ln.b", "token_embd_norm.bias"}};
    static const char *const parts[][2] = {{"q", "attn_q"},     {"k", "attn_k"},   {"v", "attn_v"},
                                           {"ao", "attn_output"}, {"fi", "ffn_up"},  {"fo", "ffn_down"},
                                           {"aln", "attn_output_norm"}, {"oln", "layer_output_norm"}};
    unsigned layer;
    char part[8], kind;
    int end = 0;

    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!strcmp(from, whole[i][0])) {
            snprintf(out, 96, "%s", whole[i][1]);
            return true;
        }
    if (sscanf(from, "l%4u.%7[a-z].%c%n", &layer, part, &kind, &end) != 3 || from[end] || (kind != 'w' && kind != 'b'))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strcmp(part, parts[i][0])) {
            snprintf(out, 96, "blk.%u.%s.%s", layer, parts[i][1], kind == 'w' ? "weight" : "bias");
            return true;
        }
    return false;
}

static size_t aligned(size_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void pad_to(gguf_keys *w, size_t start)
{
    size_t n = w->b->len - start;
    w->st = w->st ? w->st : bytes_append_zeros(w->b, aligned(n) - n);
}

static bool put_infos(gguf_keys *w, const e5s1 *e)
{
    size_t offset = 0;

    for (size_t i = 0; i < e5s1_tensor_count(e); i++) {
        const tensor *t = e5s1_tensor_at(e, i);
        char name[96];
        uint32_t dims = tensor_rows(t) > 1 ? 2 : 1;
        if (!name_of(t->name, name))
            return false;
        gguf_put_text(w, name, strlen(name));
        gguf_put_u32(w, dims);
        gguf_put_u64(w, t->dims[0]);
        if (dims > 1)
            gguf_put_u64(w, tensor_rows(t));
        gguf_put_u32(w, t->type);
        gguf_put_u64(w, offset);
        offset = aligned(offset + t->bytes); /* of a file that is mapped: no overflow */
    }
    return true;
}

cairn_status e5s1_to_gguf(const e5s1 *e, const char *name, bytes *out, cairn_error *err)
{
    const size_t start = out->len;
    bytes map, keys;
    gguf_keys w = {.b = &keys}, all = {.b = out};
    bool named;

    bytes_init(&map, (size_t)32 << 20);
    bytes_init(&keys, (size_t)1 << 30);
    w.st = make_charsmap(e, &map);
    put_metadata(&w, e, name, &map);
    all.st = w.st;
    gguf_put(&all, "GGUF", 4);
    gguf_put_u32(&all, 3);
    gguf_put_u64(&all, e5s1_tensor_count(e));
    gguf_put_u64(&all, w.n);
    gguf_put(&all, keys.data, keys.len);
    named = put_infos(&all, e);
    pad_to(&all, start);
    for (size_t i = 0; i < e5s1_tensor_count(e); i++) {
        const tensor *t = e5s1_tensor_at(e, i);
        gguf_put(&all, t->data, t->bytes);
        pad_to(&all, start);
    }
    bytes_clear(&map);
    bytes_clear(&keys);
    if (!named)
        return cairn_fail(err, CAIRN_EMODEL, "%s: a tensor that a BERT does not have", e5s1_path(e));
    return all.st ? cairn_fail(err, all.st, "%s as GGUF", e5s1_path(e)) : CAIRN_OK;
}
