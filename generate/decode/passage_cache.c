/* passage_cache.c - see passage_cache.h.
 *
 * File, version 1, little-endian, named MODEL-FRAME-TOKENS.passage: the model's key and the checksums of
 * the frame's and the passage's tokens in hexadecimal.
 *
 *   at   size  field
 *   0    8     "CAIRNPSG"
 *   8    4     version, 1
 *   12   4     tokens n
 *   16   8     key: XXH3 of the model file's size, time of change, metadata, and of the form that keys
 *              and values are computed in
 *   24   8     XXH3 of the frame's tokens
 *   32   8     bytes of keys and values k
 *   40   4 n   the tokens
 *   ..   k     as decoder_export_run gives them
 *   ..   8     XXH3 of all bytes before */
#include "generate/decode/passage_cache.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "generate/decode/cache_folder.h"

#define MAGIC     "CAIRNPSG"
#define VERSION   1u
#define SUFFIX    ".passage"
#define MAX_BYTES ((size_t)1 << 30) /* of a file */

struct passage_cache {
    char folder[PATH_MAX];
    uint64_t key, budget;
};

passage_cache *passage_cache_open(const passage_cache_options *o, const gguf *g, decoder_kv kv,
                                  uint64_t variant)
{
    passage_cache *c;

    if (!o->folder || !o->budget_bytes || strlen(o->folder) >= sizeof c->folder ||
        !(c = calloc(1, sizeof *c)))
        return NULL;
    if (!cache_model_key(g, VERSION, (uint64_t)kv ^ variant, &c->key)) {
        free(c);
        return NULL;
    }
    snprintf(c->folder, sizeof c->folder, "%s", o->folder);
    c->budget = o->budget_bytes;
    return c;
}

void passage_cache_close(passage_cache *c)
{
    free(c);
}

static uint64_t hash_tokens(const token_id *ids, size_t n)
{
    return XXH3_64bits(ids, n * sizeof *ids);
}

static bool path_of(const passage_cache *c, const token_id *frame, size_t n_frame,
                    const token_id *ids, size_t n, char out[PATH_MAX])
{
    int len = snprintf(out, PATH_MAX, "%s/%016" PRIx64 "-%016" PRIx64 "-%016" PRIx64 SUFFIX,
                       c->folder, c->key, hash_tokens(frame, n_frame), hash_tokens(ids, n));
    return len > 0 && len < PATH_MAX;
}

static const uint8_t *parse(const passage_cache *c, const uint8_t *data, size_t len, uint64_t frame,
                            const token_id *ids, size_t n, size_t want)
{
    const uint8_t *magic, *tokens, *kept;
    uint32_t version, count;
    uint64_t key, in_frame, bytes;
    cursor at;

    cursor_init(&at, data, len);
    magic = cursor_take(&at, 8);
    version = cursor_u32(&at);
    count = cursor_u32(&at);
    key = cursor_u64(&at);
    in_frame = cursor_u64(&at);
    bytes = cursor_u64(&at);
    if (at.failed || memcmp(magic, MAGIC, 8) || version != VERSION || count != n || key != c->key ||
        in_frame != frame || bytes != want)
        return NULL;
    tokens = cursor_take(&at, (uint64_t)count * sizeof *ids);
    kept = cursor_take(&at, bytes);
    if (at.failed || cursor_left(&at) || memcmp(tokens, ids, n * sizeof *ids))
        return NULL;
    return kept;
}

bool passage_cache_load(passage_cache *c, const token_id *frame, size_t n_frame,
                        const token_id *ids, size_t n, size_t bytes, kept_passage *out)
{
    char path[PATH_MAX];
    size_t len;

    *out = (kept_passage){0};
    if (!path_of(c, frame, n_frame, ids, n, path) || access(path, F_OK))
        return false;
    out->file = cache_file_read(path, MAX_BYTES, &len);
    if (out->file)
        out->kept = parse(c, out->file, len, hash_tokens(frame, n_frame), ids, n, bytes);
    if (!out->kept) {
        unlink(path); /* damaged: it is made again */
        free(out->file);
        *out = (kept_passage){0};
    }
    return out->kept != NULL;
}

bool passage_cache_has(const passage_cache *c, const token_id *frame, size_t n_frame,
                       const token_id *ids, size_t n)
{
    char path[PATH_MAX];

    return path_of(c, frame, n_frame, ids, n, path) && !access(path, F_OK);
}

void passage_cache_store(passage_cache *c, const token_id *frame, size_t n_frame,
                         const token_id *ids, size_t n, const uint8_t *kept, size_t bytes_kept)
{
    char path[PATH_MAX];
    bytes file;
    cairn_status st;

    if (bytes_kept > c->budget || bytes_kept > MAX_BYTES / 2 ||
        !path_of(c, frame, n_frame, ids, n, path))
        return;
    bytes_init(&file, MAX_BYTES);
    st = bytes_append(&file, MAGIC, 8);
    st = st ? st : bytes_append_u32(&file, VERSION);
    st = st ? st : bytes_append_u32(&file, (uint32_t)n);
    st = st ? st : bytes_append_u64(&file, c->key);
    st = st ? st : bytes_append_u64(&file, hash_tokens(frame, n_frame));
    st = st ? st : bytes_append_u64(&file, bytes_kept);
    st = st ? st : bytes_append(&file, ids, n * sizeof *ids);
    st = st ? st : bytes_append(&file, kept, bytes_kept);
    if (!st)
        cache_file_write(c->folder, path, SUFFIX, c->budget, &file);
    bytes_clear(&file);
}
