/* prefix_cache.c - see prefix_cache.h.
 *
 * File, version 1, little-endian, named MODEL-N-TOKENS.prefix: the model's key and the checksum of the
 * tokens in hexadecimal, between them the number of tokens. So a look at the names finds the longest
 * beginning.
 *
 *   at   size  field
 *   0    8     "CAIRNPFX"
 *   8    4     version, 1
 *   12   4     tokens n, a multiple of 16
 *   16   8     key: XXH3 of the model file's size, time of change, metadata, and of the mode
 *   24   8     bytes of keys and values k
 *   32   4 n   the tokens
 *   ..   k     as decoder_keep gives them
 *   ..   8     XXH3 of all bytes before */
#include "generate/decode/prefix_cache.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/cursor.h"
#include "generate/decode/cache_folder.h"

#define MAGIC     "CAIRNPFX"
#define VERSION   1u
#define SUFFIX    ".prefix"
#define MAX_BYTES ((size_t)1 << 30) /* of a file */

struct prefix_cache {
    char folder[PATH_MAX];
    uint64_t key, budget;
};

prefix_cache *prefix_cache_open(const prefix_cache_options *o, const gguf *g, bool exact,
                                decoder_kv kv, uint64_t variant)
{
    prefix_cache *c;

    if (!o->folder || !o->budget_bytes || strlen(o->folder) >= sizeof c->folder ||
        !(c = calloc(1, sizeof *c)))
        return NULL;
    if (!cache_model_key(g, VERSION, (exact ? 1 : 2 * (uint64_t)kv) ^ variant, &c->key)) {
        free(c);
        return NULL;
    }
    snprintf(c->folder, sizeof c->folder, "%s", o->folder);
    c->budget = o->budget_bytes;
    return c;
}

void prefix_cache_close(prefix_cache *c)
{
    free(c);
}

static uint64_t hash_tokens(const token_id *ids, size_t n)
{
    return XXH3_64bits(ids, n * sizeof *ids);
}

static bool path_of(const prefix_cache *c, const token_id *ids, size_t n, char out[PATH_MAX])
{
    int len = snprintf(out, PATH_MAX, "%s/%016" PRIx64 "-%zu-%016" PRIx64 SUFFIX, c->folder, c->key,
                       n, hash_tokens(ids, n));
    return len > 0 && len < PATH_MAX;
}

/* ---- reading ---- */

/* Tokens of the longest file whose name says that it is a beginning of ids[0, n); 0: none. */
static size_t find_longest(const prefix_cache *c, const token_id *ids, size_t n, size_t beyond)
{
    DIR *d = opendir(c->folder);
    struct dirent *e;
    size_t best = beyond;

    while (d && (e = readdir(d))) {
        uint64_t key, hash;
        size_t len;
        int end = 0;
        if (sscanf(e->d_name, "%16" SCNx64 "-%9zu-%16" SCNx64 "%n", &key, &len, &hash, &end) != 3 ||
            strcmp(e->d_name + end, SUFFIX) || key != c->key || len <= best || len > n)
            continue;
        if (hash_tokens(ids, len) == hash)
            best = len;
    }
    if (d)
        closedir(d);
    return best > beyond ? best : 0;
}

/* Keys and values of the n tokens in the file's bytes; NULL: it is another file. */
static const uint8_t *parse(const prefix_cache *c, const uint8_t *data, size_t len,
                            const token_id *ids, size_t n, size_t *n_bytes)
{
    const uint8_t *magic, *tokens, *kept;
    uint32_t version, count;
    uint64_t key, bytes;
    cursor at;

    cursor_init(&at, data, len);
    magic = cursor_take(&at, 8);
    version = cursor_u32(&at);
    count = cursor_u32(&at);
    key = cursor_u64(&at);
    bytes = cursor_u64(&at);
    if (at.failed || memcmp(magic, MAGIC, 8) || version != VERSION || count != n || key != c->key)
        return NULL;
    tokens = cursor_take(&at, (uint64_t)count * sizeof *ids);
    kept = cursor_take(&at, bytes);
    if (at.failed || cursor_left(&at) || memcmp(tokens, ids, n * sizeof *ids))
        return NULL;
    *n_bytes = bytes;
    return kept;
}

size_t prefix_cache_load(prefix_cache *c, decoder *d, const token_id *ids, size_t n, size_t beyond)
{
    size_t found = find_longest(c, ids, n, beyond), len, n_bytes;
    char path[PATH_MAX];
    const uint8_t *kept;
    uint8_t *data;

    if (!found || !path_of(c, ids, found, path))
        return 0;
    data = cache_file_read(path, MAX_BYTES, &len);
    kept = data ? parse(c, data, len, ids, found, &n_bytes) : NULL;
    if (!kept) {
        unlink(path); /* damaged: it is made again */
        found = 0;
    } else if (decoder_restore(d, kept, n_bytes, found, NULL)) {
        found = 0;
    }
    free(data);
    return found;
}

/* ---- writing ---- */

void prefix_cache_store(prefix_cache *c, decoder *d, const token_id *ids, size_t n)
{
    char path[PATH_MAX];
    size_t kept = decoder_keep_bytes(d, n);
    bytes file;
    cairn_status st;

    if (!kept || kept > c->budget || kept > MAX_BYTES / 2 || !path_of(c, ids, n, path) ||
        !access(path, F_OK))
        return;
    bytes_init(&file, MAX_BYTES);
    st = bytes_append(&file, MAGIC, 8);
    st = st ? st : bytes_append_u32(&file, VERSION);
    st = st ? st : bytes_append_u32(&file, (uint32_t)n);
    st = st ? st : bytes_append_u64(&file, c->key);
    st = st ? st : bytes_append_u64(&file, kept);
    st = st ? st : bytes_append(&file, ids, n * sizeof *ids);
    st = st ? st : bytes_append_zeros(&file, kept);
    if (!st) {
        decoder_keep(d, n, (uint8_t *)file.data + file.len - kept);
        cache_file_write(c->folder, path, SUFFIX, c->budget, &file);
    }
    bytes_clear(&file);
}
