/* text.c - chunk texts, packed with zstd and a dictionary learnt from the collection.
 *
 * Chunks are short (a kilobyte or two) and alike, so a trained dictionary saves far more than a
 * better level would. The first one is trained when TRAIN_FIRST bytes of text are stored, the next
 * ones each time the collection has grown TRAIN_GROWTH-fold. Every chunk's record says which
 * version packed it; versions are never removed while a chunk may need them (store_compact packs
 * everything again and keeps only the newest).
 *
 * A dictionary's bytes sit in LMDB under RECORD_DICT and its version, sealed like all records. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zdict.h>

#include "base/checked.h"
#include "store/room.h"

#define TRAIN_FIRST   ((uint64_t)1 << 20)
#define TRAIN_GROWTH  16
#define TRAIN_SAMPLES 4000
#define TRAIN_BYTES   ((size_t)4 << 20)
#define DICT_BYTES    ((size_t)64 << 10)
#define LEVEL         3

void text_init(text_store *ts)
{
    memset(ts, 0, sizeof *ts);
    pthread_mutex_init(&ts->mutex, NULL);
}

static void dict_free(text_dict *d)
{
    ZSTD_freeDDict(d->expand);
    ZSTD_freeCDict(d->pack);
}

void text_unlearn(text_store *ts, uint32_t version)
{
    pthread_mutex_lock(&ts->mutex);
    for (size_t i = 0; i < ts->n_dicts; i++) {
        if (ts->dicts[i].version != version)
            continue;
        dict_free(&ts->dicts[i]);
        ts->dicts[i] = ts->dicts[--ts->n_dicts];
        break;
    }
    pthread_mutex_unlock(&ts->mutex);
}

void text_clear(text_store *ts)
{
    for (size_t i = 0; i < ts->n_dicts; i++)
        dict_free(&ts->dicts[i]);
    free(ts->dicts);
    for (size_t i = 0; i < ts->n_idle; i++)
        ZSTD_freeDCtx(ts->idle[i]);
    pthread_mutex_destroy(&ts->mutex);
}

/* Under the mutex. */
static text_dict *dict_known(text_store *ts, uint32_t version)
{
    for (size_t i = 0; i < ts->n_dicts; i++)
        if (ts->dicts[i].version == version)
            return &ts->dicts[i];
    return NULL;
}

cairn_status text_learn(text_store *ts, uint32_t version, const void *dict, size_t len,
                        cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    pthread_mutex_lock(&ts->mutex);
    text_dict *d = dict_known(ts, version);
    if (!d) {
        text_dict *more = checked_realloc(ts->dicts, ts->n_dicts + 1, sizeof *more);
        if (more) {
            ts->dicts = more;
            d = &more[ts->n_dicts];
            *d = (text_dict){.version = version};
            d->expand = ZSTD_createDDict(dict, len);
            d->pack = ZSTD_createCDict(dict, len, LEVEL);
            if (d->expand && d->pack) {
                ts->n_dicts++;
            } else {
                ZSTD_freeDDict(d->expand);
                ZSTD_freeCDict(d->pack);
                d = NULL;
            }
        }
        if (!d)
            st = cairn_fail(err, CAIRN_ENOMEM, "dictionary %" PRIu32, version);
    }
    pthread_mutex_unlock(&ts->mutex);
    return st;
}

/* The dictionary objects of a committed version live as long as the store. */
static cairn_status dict_need(text_store *ts, const tree *t, uint32_t version, text_dict *out,
                              cairn_error *err)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        pthread_mutex_lock(&ts->mutex);
        const text_dict *d = dict_known(ts, version);
        if (d)
            *out = *d;
        pthread_mutex_unlock(&ts->mutex);
        if (d)
            return CAIRN_OK;
        const uint8_t *v;
        size_t n;
        record_key k = record_key_id2(RECORD_DICT, 0, version);
        cairn_status st = store_tree_get(t, &k, &v, &n, err);
        if (st == CAIRN_ENOTFOUND)
            return cairn_fail(err, CAIRN_ECORRUPT, "%s: dictionary %" PRIu32 " is missing", t->path,
                              version);
        if (!st)
            st = text_learn(ts, version, v, n, err);
        if (st)
            return st;
    }
    return cairn_fail(err, CAIRN_ENOMEM, "dictionary %" PRIu32, version);
}

static ZSTD_DCtx *context_take(text_store *ts)
{
    ZSTD_DCtx *c = NULL;
    pthread_mutex_lock(&ts->mutex);
    if (ts->n_idle)
        c = ts->idle[--ts->n_idle];
    pthread_mutex_unlock(&ts->mutex);
    return c ? c : ZSTD_createDCtx();
}

static void context_give(text_store *ts, ZSTD_DCtx *c)
{
    pthread_mutex_lock(&ts->mutex);
    if (ts->n_idle < TEXT_CONTEXTS) {
        ts->idle[ts->n_idle++] = c;
        c = NULL;
    }
    pthread_mutex_unlock(&ts->mutex);
    ZSTD_freeDCtx(c);
}

cairn_status text_expand(text_store *ts, const tree *t, chunk_id id, const record_text *text,
                         char *dst, size_t len, cairn_error *err)
{
    text_dict d = {0};
    size_t got;

    if (text->coding == RECORD_TEXT_RAW) {
        memcpy(dst, text->data, len);
        return CAIRN_OK;
    }
    if (text->coding == RECORD_TEXT_DICT) {
        cairn_status st = dict_need(ts, t, text->dictionary, &d, err);
        if (st)
            return st;
    }
    ZSTD_DCtx *c = context_take(ts);
    if (!c)
        return cairn_fail(err, CAIRN_ENOMEM, "zstd context");
    if (d.expand)
        got = ZSTD_decompress_usingDDict(c, dst, len, text->data, text->len, d.expand);
    else
        got = ZSTD_decompressDCtx(c, dst, len, text->data, text->len);
    context_give(ts, c);
    if (ZSTD_isError(got) || got != len)
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "%s: chunk %" PRIu64 ": its text does not unpack (%s)", t->path, id,
                          ZSTD_isError(got) ? ZSTD_getErrorName(got) : "length");
    return CAIRN_OK;
}

cairn_status text_pack(text_store *ts, ZSTD_CCtx *cctx, const tree *t, uint32_t version,
                       const char *src, size_t len, bytes *out, record_text *text, cairn_error *err)
{
    text_dict d = {0};
    size_t got;

    *text = (record_text){.coding = RECORD_TEXT_RAW, .data = (const uint8_t *)src, .len = len};
    if (len == 0) {
        text->data = (const uint8_t *)"";
        return CAIRN_OK;
    }
    if (version) {
        cairn_status st = dict_need(ts, t, version, &d, err);
        if (st)
            return st;
    }
    bytes_reset(out);
    cairn_status st = bytes_reserve(out, ZSTD_compressBound(len));
    if (st)
        return cairn_fail(err, st, "text of %zu bytes", len);
    if (d.pack)
        got = ZSTD_compress_usingCDict(cctx, out->data, out->cap, src, len, d.pack);
    else
        got = ZSTD_compressCCtx(cctx, out->data, out->cap, src, len, LEVEL);
    if (ZSTD_isError(got))
        return cairn_fail(err, CAIRN_ENOMEM, "zstd: %s", ZSTD_getErrorName(got));
    if (got < len) {
        text->coding = d.pack ? RECORD_TEXT_DICT : RECORD_TEXT_ZSTD;
        text->dictionary = version;
        text->data = (const uint8_t *)out->data;
        text->len = got;
    }
    return CAIRN_OK;
}

/* ---- training ---- */

bool text_wants_training(const record_state *state)
{
    uint64_t at = state->dictionary_at_bytes;
    return state->counts.text_bytes >= (at ? at * TRAIN_GROWTH : TRAIN_FIRST) &&
           state->counts.chunks >= 100;
}

/* Texts spread evenly over the chunk ids, one behind the other in `pool`. */
static cairn_status take_samples(text_store *ts, const tree *t, const record_state *state,
                                 bytes *pool, size_t *sizes, size_t *n_out, cairn_error *err)
{
    uint64_t step = state->next_chunk / TRAIN_SAMPLES + 1;
    tree_cursor c = {0};
    cairn_status st = CAIRN_OK;
    size_t n = 0;

    for (chunk_id want = 1; n < TRAIN_SAMPLES && pool->len < TRAIN_BYTES && !st; want += step) {
        record_key k = record_key_id(RECORD_CHUNK, want);
        st = tree_seek(&c, t, k.b, k.n, err);
        if (st || c.end || c.key_len != 9 || c.key[0] != RECORD_CHUNK)
            break;
        store_chunk chunk;
        record_text text;
        bool no_memory;
        size_t len = c.value_len;
        chunk_id id = record_key_tail64(c.key, c.key_len);
        st = record_open(t->path, c.key, c.key_len, c.value, &len, err);
        if (!st && !record_get_chunk(c.value, len, &chunk, &text, NULL, &no_memory))
            st = record_bad(t->path, c.key, c.key_len, "it does not parse", err);
        if (id > want)
            want = id;
        if (st || chunk.text_len == 0 || chunk.text_len > TRAIN_BYTES / 8)
            continue;
        if (bytes_reserve(pool, chunk.text_len)) {
            st = cairn_fail(err, CAIRN_ENOMEM, "samples for the dictionary");
            break;
        }
        st = text_expand(ts, t, id, &text, pool->data + pool->len, chunk.text_len, err);
        pool->len += chunk.text_len;
        sizes[n++] = chunk.text_len;
    }
    *n_out = n;
    return st;
}

cairn_status text_train(text_store *ts, const tree *t, const record_state *state, uint8_t **dict,
                        size_t *len, cairn_error *err)
{
    bytes pool;
    size_t n = 0;
    size_t *sizes = checked_malloc(TRAIN_SAMPLES, sizeof *sizes);
    uint8_t *out = malloc(DICT_BYTES);

    *dict = NULL;
    *len = 0;
    bytes_init(&pool, TRAIN_BYTES * 2);
    cairn_status st = CAIRN_OK;
    if (!sizes || !out)
        st = cairn_fail(err, CAIRN_ENOMEM, "samples for the dictionary");
    if (!st)
        st = take_samples(ts, t, state, &pool, sizes, &n, err);
    if (!st && n >= 50) {
        size_t got = ZDICT_trainFromBuffer(out, DICT_BYTES, pool.data, sizes, (unsigned)n);
        if (!ZDICT_isError(got)) {
            *dict = out;
            *len = got;
            out = NULL;
        }
    }
    bytes_clear(&pool);
    free(sizes);
    free(out);
    return st;
}
