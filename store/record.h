/* record.h - keys and values of the LMDB file. docs/store.md lists them.
 *
 * One unnamed LMDB database holds everything. A key's first byte says the table; numbers in keys
 * are big-endian, so that byte order is number order. Every value ends in 4 bytes of checksum over
 * key and value: LMDB has none, and a flipped bit must not become a wrong answer.
 *
 * Errors   decoding answers CAIRN_ECORRUPT naming the file and the record. */
#ifndef CAIRN_STORE_RECORD_H
#define CAIRN_STORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "store/store.h"

enum record_table {
    RECORD_CHUNK = 'C',     /* chunk id -> place, heading, text */
    RECORD_DOC = 'D',       /* doc id -> metadata */
    RECORD_FAILURE = 'F',   /* path -> reason */
    RECORD_HASH = 'H',      /* hash, doc id -> nothing */
    RECORD_STATE = 'I',     /* the one record of counters */
    RECORD_META = 'M',      /* caller's key -> caller's value */
    RECORD_ORDER = 'O',     /* doc id, ordinal -> chunk id */
    RECORD_PENDING = 'P',   /* chunk id -> nothing */
    RECORD_SEGMENT = 'S',   /* segment id -> kind, rows, size */
    RECORD_TOMBSTONE = 'T', /* segment id, block -> bits of deleted rows */
    RECORD_URI = 'U',       /* uri -> doc id */
    RECORD_DICT = 'Z',      /* version -> zstd dictionary */
};

#define RECORD_PATH_KEY    200 /* bytes of a uri that go into a key as they are */
#define RECORD_SEAL        4   /* bytes of checksum at the end of each value */
#define RECORD_BLOCK_WORDS 256 /* words of a tombstone block: 16384 rows, 2 KiB */

typedef struct record_key {
    uint8_t b[256];
    size_t n;
} record_key;

record_key record_key_table(uint8_t table);
record_key record_key_id(uint8_t table, uint64_t id);
record_key record_key_id2(uint8_t table, uint64_t id, uint32_t second);
record_key record_key_hash(const uint8_t hash[16], doc_id id);
/* For uris and paths: whole and 0 behind it, or the first 200 bytes, 1 and an XXH3-128. */
record_key record_key_path(uint8_t table, const char *path);
record_key record_key_name(uint8_t table, const char *name);
/* Big-endian number at the end of a key: its last 8 or 4 bytes. */
uint64_t record_key_tail64(const uint8_t *key, size_t n);
uint32_t record_key_tail32(const uint8_t *key, size_t n);

/* Append the checksum to the value in b[0, len). */
cairn_status record_seal(const record_key *k, bytes *b);
/* Check and strip it: *n becomes the length without. */
cairn_status record_open(const char *path, const void *key, size_t key_n, const uint8_t *value,
                         size_t *n, cairn_error *err);
cairn_status record_bad(const char *path, const void *key, size_t key_n, const char *what,
                        cairn_error *err);

/* The state record: what a writer needs to go on. */
typedef struct record_state {
    uint32_t format;
    doc_id next_doc;
    chunk_id next_chunk;
    segment_id next_segment;
    store_counts counts;
    uint32_t dictionary;          /* newest version, 0 = none */
    uint64_t dictionary_at_bytes; /* counts.text_bytes when it was trained */
} record_state;

typedef struct record_segment {
    segment_kind kind;
    uint32_t n_rows, n_deleted;
    uint64_t file_bytes;
    uint64_t file_hash; /* of the trailer, which covers the table of contents */
} record_segment;

/* Where the text of a chunk lies in its record. */
typedef struct record_text {
    uint8_t coding;      /* RECORD_TEXT_* */
    uint32_t dictionary; /* version, for RECORD_TEXT_DICT */
    const uint8_t *data;
    size_t len;
} record_text;
enum { RECORD_TEXT_RAW = 0, RECORD_TEXT_ZSTD = 1, RECORD_TEXT_DICT = 2 };

/* Encoders append the value without seal; failures are those of bytes.h. */
cairn_status record_put_state(bytes *b, const record_state *s);
cairn_status record_put_segment(bytes *b, const record_segment *s);
cairn_status record_put_doc(bytes *b, const store_doc *d);
cairn_status record_put_chunk(bytes *b, const store_chunk *c, const record_text *text);
cairn_status record_put_failure(bytes *b, const store_failure *f);

/* Decoders take the value as opened by record_open. false = damaged. Strings are copied into the
 * arena (false when it is full: *no_memory says so). */
bool record_get_state(const uint8_t *v, size_t n, record_state *out);
bool record_get_segment(const uint8_t *v, size_t n, record_segment *out);
bool record_get_doc(const uint8_t *v, size_t n, store_doc *out, arena *a, bool *no_memory);
/* The heading is copied when `a` is not NULL; out->text is left alone. */
bool record_get_chunk(const uint8_t *v, size_t n, store_chunk *out, record_text *text, arena *a,
                      bool *no_memory);
bool record_get_failure(const uint8_t *v, size_t n, store_failure *out, arena *a, bool *no_memory);
bool record_get_id(const uint8_t *v, size_t n, uint64_t *out);
/* n_chunks lies at a fixed place in a document's value, so that it can be changed alone. */
void record_patch_doc_chunks(uint8_t *value, uint32_t n_chunks);

#endif
