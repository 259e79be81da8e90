/* record.c - the codecs of record.h. Numbers in values are varints (signed ones zig-zag) unless the
 * table in docs/store.md says otherwise; strings are a varint length and the bytes. */
#include "store/record.h"

#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "base/cursor.h"
#include "base/varint.h"

static void key_u64(record_key *k, uint64_t v)
{
    for (int i = 7; i >= 0; i--)
        k->b[k->n++] = (uint8_t)(v >> (8 * i));
}

static void key_u32(record_key *k, uint32_t v)
{
    for (int i = 3; i >= 0; i--)
        k->b[k->n++] = (uint8_t)(v >> (8 * i));
}

record_key record_key_table(uint8_t table)
{
    record_key k = {.b = {table}, .n = 1};
    return k;
}

record_key record_key_id(uint8_t table, uint64_t id)
{
    record_key k = record_key_table(table);
    key_u64(&k, id);
    return k;
}

record_key record_key_id2(uint8_t table, uint64_t id, uint32_t second)
{
    record_key k = record_key_id(table, id);
    key_u32(&k, second);
    return k;
}

record_key record_key_hash(const uint8_t hash[16], doc_id id)
{
    record_key k = record_key_table(RECORD_HASH);
    memcpy(k.b + k.n, hash, 16);
    k.n += 16;
    key_u64(&k, id);
    return k;
}

record_key record_key_path(uint8_t table, const char *path)
{
    record_key k = record_key_table(table);
    size_t len = strlen(path);

    if (len <= RECORD_PATH_KEY) {
        memcpy(k.b + k.n, path, len);
        k.n += len;
        k.b[k.n++] = 0;
        return k;
    }
    memcpy(k.b + k.n, path, RECORD_PATH_KEY);
    k.n += RECORD_PATH_KEY;
    k.b[k.n++] = 1;
    XXH128_canonical_t h;
    XXH128_canonicalFromHash(&h, XXH3_128bits(path, len));
    memcpy(k.b + k.n, h.digest, sizeof h.digest);
    k.n += sizeof h.digest;
    return k;
}

record_key record_key_name(uint8_t table, const char *name)
{
    record_key k = record_key_table(table);
    size_t len = strnlen(name, STORE_META_KEY_MAX);
    memcpy(k.b + k.n, name, len);
    k.n += len;
    return k;
}

uint64_t record_key_tail64(const uint8_t *key, size_t n)
{
    uint64_t v = 0;
    for (size_t i = n < 8 ? 0 : n - 8; i < n; i++)
        v = v << 8 | key[i];
    return v;
}

uint32_t record_key_tail32(const uint8_t *key, size_t n)
{
    uint32_t v = 0;
    for (size_t i = n < 4 ? 0 : n - 4; i < n; i++)
        v = v << 8 | key[i];
    return v;
}

static uint32_t seal_of(const void *key, size_t key_n, const void *value, size_t n)
{
    return (uint32_t)XXH3_64bits_withSeed(value, n, XXH3_64bits(key, key_n));
}

cairn_status record_seal(const record_key *k, bytes *b)
{
    return bytes_append_u32(b, seal_of(k->b, k->n, b->data ? b->data : "", b->len));
}

cairn_status record_bad(const char *path, const void *key, size_t key_n, const char *what,
                        cairn_error *err)
{
    const uint8_t *k = key;
    uint8_t table = key_n ? k[0] : '?';

    if (table == RECORD_URI || table == RECORD_FAILURE || table == RECORD_META)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: record %c \"%.*s\": %s", path, table,
                          key_n > 120 ? 120 : (int)key_n - 1, (const char *)k + 1, what);
    if (key_n == 13)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: record %c %" PRIu64 "/%" PRIu32 ": %s", path,
                          table, record_key_tail64(k, 9), record_key_tail32(k, key_n), what);
    return cairn_fail(err, CAIRN_ECORRUPT, "%s: record %c %" PRIu64 ": %s", path, table,
                      key_n > 1 ? record_key_tail64(k + 1, key_n - 1) : 0, what);
}

cairn_status record_open(const char *path, const void *key, size_t key_n, const uint8_t *value,
                         size_t *n, cairn_error *err)
{
    uint32_t stored;

    if (*n < RECORD_SEAL)
        return record_bad(path, key, key_n, "it is cut short", err);
    *n -= RECORD_SEAL;
    memcpy(&stored, value + *n, sizeof stored);
    if (stored != seal_of(key, key_n, value, *n))
        return record_bad(path, key, key_n, "its checksum is wrong", err);
    return CAIRN_OK;
}

/* ---- encoding: bytes_append_* fail the same way again and again, so the first status is kept ----
 */

static cairn_status put_str(bytes *b, const char *s)
{
    size_t n = s ? strlen(s) : 0;
    cairn_status st = bytes_append_varint(b, n);
    return st ? st : bytes_append(b, s ? s : "", n);
}

#define PUT(call)                                                                                  \
    do {                                                                                           \
        cairn_status st_ = call;                                                                   \
        if (st_)                                                                                   \
            return st_;                                                                            \
    } while (0)

cairn_status record_put_state(bytes *b, const record_state *s)
{
    PUT(bytes_append_u32(b, s->format));
    PUT(bytes_append_varint(b, s->next_doc));
    PUT(bytes_append_varint(b, s->next_chunk));
    PUT(bytes_append_varint(b, s->next_segment));
    PUT(bytes_append_varint(b, s->counts.docs));
    PUT(bytes_append_varint(b, s->counts.chunks));
    PUT(bytes_append_varint(b, s->counts.text_bytes));
    PUT(bytes_append_varint(b, s->counts.pending));
    PUT(bytes_append_varint(b, s->counts.failures));
    PUT(bytes_append_varint(b, s->dictionary));
    return bytes_append_varint(b, s->dictionary_at_bytes);
}

bool record_get_state(const uint8_t *v, size_t n, record_state *s)
{
    cursor c;
    cursor_init(&c, v, n);
    memset(s, 0, sizeof *s);
    s->format = cursor_u32(&c);
    s->next_doc = cursor_varint(&c);
    s->next_chunk = cursor_varint(&c);
    s->next_segment = cursor_varint(&c);
    s->counts.docs = cursor_varint(&c);
    s->counts.chunks = cursor_varint(&c);
    s->counts.text_bytes = cursor_varint(&c);
    s->counts.pending = cursor_varint(&c);
    s->counts.failures = cursor_varint(&c);
    s->dictionary = cursor_varint32(&c);
    s->dictionary_at_bytes = cursor_varint(&c);
    return !c.failed && cursor_left(&c) == 0;
}

cairn_status record_put_segment(bytes *b, const record_segment *s)
{
    PUT(bytes_append_u32(b, (uint32_t)s->kind));
    PUT(bytes_append_u32(b, s->n_rows));
    PUT(bytes_append_u32(b, s->n_deleted));
    PUT(bytes_append_u64(b, s->file_bytes));
    return bytes_append_u64(b, s->file_hash);
}

bool record_get_segment(const uint8_t *v, size_t n, record_segment *s)
{
    cursor c;
    cursor_init(&c, v, n);
    uint32_t kind = cursor_u32(&c);
    s->kind = (segment_kind)kind;
    s->n_rows = cursor_u32(&c);
    s->n_deleted = cursor_u32(&c);
    s->file_bytes = cursor_u64(&c);
    s->file_hash = cursor_u64(&c);
    return !c.failed && cursor_left(&c) == 0 && s->n_deleted <= s->n_rows &&
           (kind == SEGMENT_LEXICAL || kind == SEGMENT_VECTOR || kind == SEGMENT_ASIDE);
}

cairn_status record_put_doc(bytes *b, const store_doc *d)
{
    PUT(bytes_append_u32(b, d->n_chunks));
    PUT(bytes_append(b, d->hash, 16));
    PUT(bytes_append_varint(b, d->n_pages));
    PUT(bytes_append_varint(b, zigzag_encode(d->size)));
    PUT(bytes_append_varint(b, zigzag_encode(d->mtime_ns)));
    PUT(bytes_append_varint(b, zigzag_encode(d->date_ns)));
    PUT(bytes_append_varint(b, zigzag_encode(d->indexed_ns)));
    PUT(put_str(b, d->uri));
    PUT(put_str(b, d->title));
    PUT(put_str(b, d->author));
    PUT(put_str(b, d->lang));
    PUT(put_str(b, d->mime));
    PUT(put_str(b, d->ext));
    return put_str(b, d->meta_json);
}

void record_patch_doc_chunks(uint8_t *value, uint32_t n_chunks)
{
    memcpy(value, &n_chunks, sizeof n_chunks);
}

/* A string of the record, copied; a string with a NUL inside is damage. */
static const char *get_str(cursor *c, arena *a, bool *no_memory)
{
    uint64_t n = cursor_varint(c);
    const uint8_t *p = cursor_take(c, n);

    if (!p || n == 0 || !a)
        return "";
    if (memchr(p, 0, n)) {
        c->failed = true;
        return "";
    }
    char *s = arena_strndup(a, (const char *)p, n);
    if (!s) {
        *no_memory = true;
        return "";
    }
    return s;
}

bool record_get_doc(const uint8_t *v, size_t n, store_doc *d, arena *a, bool *no_memory)
{
    cursor c;
    cursor_init(&c, v, n);
    d->n_chunks = cursor_u32(&c);
    const uint8_t *hash = cursor_take(&c, 16);
    if (!hash)
        return false;
    memcpy(d->hash, hash, 16);
    d->n_pages = cursor_varint32(&c);
    d->size = zigzag_decode(cursor_varint(&c));
    d->mtime_ns = zigzag_decode(cursor_varint(&c));
    d->date_ns = zigzag_decode(cursor_varint(&c));
    d->indexed_ns = zigzag_decode(cursor_varint(&c));
    *no_memory = false;
    d->uri = get_str(&c, a, no_memory);
    d->title = get_str(&c, a, no_memory);
    d->author = get_str(&c, a, no_memory);
    d->lang = get_str(&c, a, no_memory);
    d->mime = get_str(&c, a, no_memory);
    d->ext = get_str(&c, a, no_memory);
    d->meta_json = get_str(&c, a, no_memory);
    return !c.failed && cursor_left(&c) == 0 && !*no_memory;
}

cairn_status record_put_chunk(bytes *b, const store_chunk *c, const record_text *text)
{
    PUT(bytes_append_varint(b, c->doc));
    PUT(bytes_append_varint(b, c->ordinal));
    PUT(bytes_append_varint(b, c->byte_start));
    PUT(bytes_append_varint(b, c->byte_end));
    PUT(bytes_append_varint(b, c->page_first));
    PUT(bytes_append_varint(b, c->page_last));
    PUT(bytes_append_varint(b, c->line_first));
    PUT(bytes_append_varint(b, c->line_last));
    PUT(bytes_append_varint(b, c->n_tokens));
    PUT(put_str(b, c->heading));
    PUT(bytes_append_varint(b, c->text_len));
    PUT(bytes_append_byte(b, text->coding));
    PUT(bytes_append_varint(b, text->dictionary));
    return bytes_append(b, text->data, text->len);
}

bool record_get_chunk(const uint8_t *v, size_t n, store_chunk *c, record_text *text, arena *a,
                      bool *no_memory)
{
    cursor k;
    cursor_init(&k, v, n);
    c->doc = cursor_varint(&k);
    c->ordinal = cursor_varint32(&k);
    c->byte_start = cursor_varint(&k);
    c->byte_end = cursor_varint(&k);
    c->page_first = cursor_varint32(&k);
    c->page_last = cursor_varint32(&k);
    c->line_first = cursor_varint32(&k);
    c->line_last = cursor_varint32(&k);
    c->n_tokens = cursor_varint32(&k);
    *no_memory = false;
    c->heading = get_str(&k, a, no_memory);
    uint64_t len = cursor_varint(&k);
    text->coding = cursor_u8(&k);
    text->dictionary = cursor_varint32(&k);
    text->len = cursor_left(&k);
    text->data = cursor_take(&k, text->len);
    c->text_len = (size_t)len;
    return !k.failed && !*no_memory && len <= STORE_TEXT_MAX && text->coding <= RECORD_TEXT_DICT &&
           (text->coding != RECORD_TEXT_RAW || text->len == len);
}

cairn_status record_put_failure(bytes *b, const store_failure *f)
{
    PUT(bytes_append_varint(b, zigzag_encode(f->size)));
    PUT(bytes_append_varint(b, zigzag_encode(f->mtime_ns)));
    PUT(put_str(b, f->path));
    return put_str(b, f->reason);
}

bool record_get_failure(const uint8_t *v, size_t n, store_failure *f, arena *a, bool *no_memory)
{
    cursor c;
    cursor_init(&c, v, n);
    f->size = zigzag_decode(cursor_varint(&c));
    f->mtime_ns = zigzag_decode(cursor_varint(&c));
    *no_memory = false;
    f->path = get_str(&c, a, no_memory);
    f->reason = get_str(&c, a, no_memory);
    return !c.failed && cursor_left(&c) == 0 && !*no_memory;
}

bool record_get_id(const uint8_t *v, size_t n, uint64_t *out)
{
    if (n != 8)
        return false;
    memcpy(out, v, 8);
    return *out != 0;
}
