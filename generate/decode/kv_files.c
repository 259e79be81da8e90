/* kv_files.c - see kv_files.h.
 *
 * File, version 1, little-endian, named MODEL-BEFORE-N-TOKENS.prefix or .passage: the model's key and the
 * checksum of the tokens in hexadecimal (seeded by that of the tokens before them), between them the
 * number of tokens before and in the run. So a look at the names finds the longest beginning.
 *
 *   at   size  field
 *   0    8     "CAIRNKVS"
 *   8    4     version, 1
 *   12   4     tokens n
 *   16   8     key: XXH3 of the model file's size, time of change, metadata, and of what keys and values
 *              are computed with (kind, mode, adapters, row of kernels)
 *   24   4     tokens before
 *   28   4     0
 *   32   8     XXH3 of the tokens before
 *   40   8     bytes of keys and values k
 *   48   4 n   the tokens
 *   ..   k     as decoder_keep or decoder_export_run give them
 *   ..   8     XXH3 of all bytes before */
#include "generate/decode/kv_files.h"

#include <dirent.h>
#include <fcntl.h>
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
#include "generate/kernels/kernels.h"

#define MAGIC     "CAIRNKVS"
#define VERSION   1u
#define ARITHMETIC 2u /* to be raised when a pass gets other bytes */
#define MAX_BYTES ((size_t)1 << 30) /* of a file */
#define MAX_LINKS ((size_t)256)     /* files that are looked at for one beginning */

struct kv_files {
    char folder[PATH_MAX];
    const char *suffix;
    uint64_t key, budget;
};

kv_files *kv_files_open(const kv_files_options *o, kv_files_kind kind, const gguf *g, bool exact,
                        decoder_kv kv, uint64_t variant)
{
    const uint64_t how[] = {kind, exact, kv, variant, kernels_get()->level};
    kv_files *c;

    if (!o->folder || !o->budget_bytes || strlen(o->folder) >= sizeof c->folder ||
        !(c = calloc(1, sizeof *c)))
        return NULL;
    if (!cache_model_key(g, (uint64_t)ARITHMETIC << 32 | VERSION, XXH3_64bits(how, sizeof how), &c->key)) {
        free(c);
        return NULL;
    }
    snprintf(c->folder, sizeof c->folder, "%s", o->folder);
    c->suffix = kind == KV_FILES_PASSAGES ? ".passage" : ".prefix";
    c->budget = o->budget_bytes;
    return c;
}

void kv_files_close(kv_files *c)
{
    free(c);
}

/* ---- one file ---- */

static uint64_t hash_tokens(const token_id *ids, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(ids, n * sizeof *ids, seed);
}

static bool path_of(const kv_files *c, const kv_run *r, char out[PATH_MAX])
{
    uint64_t before = hash_tokens(r->before, r->n_before, 0);
    int len = snprintf(out, PATH_MAX, "%s/%016" PRIx64 "-%zu-%zu-%016" PRIx64 "%s", c->folder, c->key,
                       r->n_before, r->n, hash_tokens(r->ids, r->n, before), c->suffix);
    return len > 0 && len < PATH_MAX;
}

static const uint8_t *parse(const kv_files *c, const uint8_t *data, size_t len, const kv_run *r,
                            size_t want)
{
    const uint8_t *magic, *tokens, *kept;
    uint32_t version, count, n_before, zero;
    uint64_t key, before, bytes;
    cursor at;

    cursor_init(&at, data, len);
    magic = cursor_take(&at, 8);
    version = cursor_u32(&at);
    count = cursor_u32(&at);
    key = cursor_u64(&at);
    n_before = cursor_u32(&at);
    zero = cursor_u32(&at);
    before = cursor_u64(&at);
    bytes = cursor_u64(&at);
    if (at.failed || memcmp(magic, MAGIC, 8) || version != VERSION || count != r->n ||
        key != c->key || n_before != r->n_before || zero ||
        before != hash_tokens(r->before, r->n_before, 0) || bytes != want)
        return NULL;
    tokens = cursor_take(&at, (uint64_t)count * sizeof *r->ids);
    kept = cursor_take(&at, bytes);
    if (at.failed || cursor_left(&at) || memcmp(tokens, r->ids, r->n * sizeof *r->ids))
        return NULL;
    return kept;
}

bool kv_files_load(const kv_files *c, const kv_run *run, size_t bytes, kv_file *out)
{
    char path[PATH_MAX];
    size_t len;

    *out = (kv_file){0};
    if (!path_of(c, run, path) || access(path, F_OK))
        return false;
    out->file = cache_file_read(path, MAX_BYTES, &len);
    if (out->file)
        out->kept = parse(c, out->file, len, run, bytes);
    if (!out->kept) {
        unlink(path); /* damaged: it is made again */
        free(out->file);
        *out = (kv_file){0};
    }
    return out->kept != NULL;
}

bool kv_files_has(const kv_files *c, const kv_run *run)
{
    char path[PATH_MAX];

    return path_of(c, run, path) && !access(path, F_OK);
}

/* All of the file but keys and values. CAIRN_ELIMIT: it would be too long. */
static cairn_status begin_file(const kv_files *c, const kv_run *r, size_t kept, bytes *file)
{
    cairn_status st;

    if (kept > c->budget || kept > MAX_BYTES / 2 || r->n_before > UINT32_MAX || r->n > UINT32_MAX)
        return CAIRN_ELIMIT;
    st = bytes_append(file, MAGIC, 8);
    st = st ? st : bytes_append_u32(file, VERSION);
    st = st ? st : bytes_append_u32(file, (uint32_t)r->n);
    st = st ? st : bytes_append_u64(file, c->key);
    st = st ? st : bytes_append_u32(file, (uint32_t)r->n_before);
    st = st ? st : bytes_append_u32(file, 0);
    st = st ? st : bytes_append_u64(file, hash_tokens(r->before, r->n_before, 0));
    st = st ? st : bytes_append_u64(file, kept);
    return st ? st : bytes_append(file, r->ids, r->n * sizeof *r->ids);
}

void kv_files_store(const kv_files *c, const kv_run *run, const uint8_t *kept, size_t n_bytes)
{
    char path[PATH_MAX];
    bytes file;

    bytes_init(&file, MAX_BYTES);
    if (path_of(c, run, path) && !begin_file(c, run, n_bytes, &file) &&
        !bytes_append(&file, kept, n_bytes))
        cache_file_write(c->folder, path, c->suffix, c->budget, &file);
    bytes_clear(&file);
}

/* ---- beginnings ---- */

/* A file whose name says that it holds ids[from, from + n). */
typedef struct kv_link {
    size_t from, n;
    size_t before; /* the link that ends where this one begins, or SIZE_MAX */
    bool reached;  /* by links from 0 on */
} kv_link;

static int by_place(const void *a, const void *b)
{
    const kv_link *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->n > y->n) - (x->n < y->n);
}

static size_t find_links(const kv_files *c, const token_id *ids, size_t n, kv_link links[MAX_LINKS])
{
    DIR *d = opendir(c->folder);
    struct dirent *e;
    size_t found = 0;

    while (d && found < MAX_LINKS && (e = readdir(d))) {
        uint64_t key, hash;
        size_t from, len;
        int end = 0;
        if (sscanf(e->d_name, "%16" SCNx64 "-%9zu-%9zu-%16" SCNx64 "%n", &key, &from, &len, &hash,
                   &end) != 4 ||
            strcmp(e->d_name + end, c->suffix) || key != c->key || !len || from > n ||
            len > n - from || from % DECODER_KEEP_UNIT || len % DECODER_KEEP_UNIT)
            continue;
        if (hash_tokens(ids + from, len, hash_tokens(ids, from, 0)) == hash)
            links[found++] = (kv_link){from, len, SIZE_MAX, false};
    }
    if (d)
        closedir(d);
    return found;
}

/* Put the files into links, one behind the other, that reach furthest into ids[0, n) from 0 on. How many
 * they are; *end is how far they reach. */
static size_t find_chain(const kv_files *c, const token_id *ids, size_t n, kv_link links[MAX_LINKS],
                         size_t *end)
{
    size_t found = find_links(c, ids, n, links), last = SIZE_MAX, count = 0;

    *end = 0;
    if (found)
        qsort(links, found, sizeof *links, by_place);
    for (size_t i = 0; i < found; i++) {
        kv_link *l = &links[i];
        l->reached = l->from == 0;
        for (size_t j = 0; j < i && !l->reached; j++)
            if (links[j].reached && links[j].from + links[j].n == l->from) {
                l->before = j;
                l->reached = true;
            }
        if (l->reached && l->from + l->n > *end) {
            *end = l->from + l->n;
            last = i;
        }
    }
    kv_link chain[MAX_LINKS];
    for (size_t i = last; i != SIZE_MAX; i = links[i].before)
        chain[count++] = links[i];
    for (size_t i = 0; i < count; i++)
        links[i] = chain[count - 1 - i];
    return count;
}

/* A file is of no use without those that it goes on from: they count as used last. */
static void touch_chain(const kv_files *c, const token_id *ids, const kv_link *links, size_t n)
{
    char path[PATH_MAX];

    while (n--) {
        const kv_run run = {ids, links[n].from, ids + links[n].from, links[n].n};
        if (path_of(c, &run, path))
            utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
    }
}

size_t kv_files_extend(const kv_files *c, decoder *d, decoder_sequence *s, const token_id *ids,
                       size_t n)
{
    kv_link links[MAX_LINKS];
    size_t end, past = decoder_sequence_past(s), count = find_chain(c, ids, n, links, &end), first = 0;

    if (end <= past || !decoder_has_room(d, s, end))
        return past;
    while (links[first].from + links[first].n <= past)
        first++;
    decoder_sequence_truncate(d, s, links[first].from);
    for (size_t i = first; i < count; i++) {
        const kv_run run = {ids, links[i].from, ids + links[i].from, links[i].n};
        size_t bytes = decoder_keep_bytes(d, run.n);
        kv_file f;
        bool good = bytes && kv_files_load(c, &run, bytes, &f);
        if (good) {
            good = !decoder_restore(d, s, f.kept, bytes, run.n, NULL);
            free(f.file);
        }
        if (!good)
            break;
    }
    touch_chain(c, ids, links, count);
    return decoder_sequence_past(s);
}

bool kv_files_keep(const kv_files *c, decoder *d, const decoder_sequence *s, const token_id *ids,
                   size_t n)
{
    kv_link links[MAX_LINKS];
    char path[PATH_MAX];
    size_t have, kept;
    bool written = false;
    bytes file;

    n -= n % DECODER_KEEP_UNIT;
    find_chain(c, ids, n, links, &have);
    if (n < have + KV_FILES_LEAST)
        return false;
    const kv_run run = {ids, have, ids + have, n - have};
    kept = decoder_keep_bytes(d, run.n);
    bytes_init(&file, MAX_BYTES);
    if (kept && path_of(c, &run, path) && !begin_file(c, &run, kept, &file) &&
        !bytes_append_zeros(&file, kept)) {
        decoder_keep(d, s, have, run.n, (uint8_t *)file.data + file.len - kept);
        written = cache_file_write(c->folder, path, c->suffix, c->budget, &file);
    }
    bytes_clear(&file);
    return written;
}
