/* gguf.h - read a GGUF model file (versions 2 and 3, little-endian) through a read-only mapping.
 *
 * Everything in the file is hostile: counts, lengths, offsets, types and overlaps are checked at
 * open, so that after a successful gguf_open every pointer handed out lies inside the mapping and
 * every tensor's bytes are there. Format: ggml's docs/gguf.md.
 *
 * Owns     the mapping. Names, strings, arrays and tensor data are BORROWED from it and die with
 *          gguf_close. Values in the file are unaligned: use the getters.
 * Threads  immutable after open.
 * Errors   CAIRN_EMODEL: the file breaks the format; the text names path, field and byte offset.
 *          a missing file is CAIRN_EMODEL too. CAIRN_EIO: it cannot be opened or mapped. */
#ifndef CAIRN_GENERATE_FORMATS_GGUF_H
#define CAIRN_GENERATE_FORMATS_GGUF_H

#include "base/status.h"
#include "generate/formats/tensor.h"

typedef enum gguf_value_type {
    GGUF_U8 = 0,
    GGUF_I8 = 1,
    GGUF_U16 = 2,
    GGUF_I16 = 3,
    GGUF_U32 = 4,
    GGUF_I32 = 5,
    GGUF_F32 = 6,
    GGUF_BOOL = 7,
    GGUF_STRING = 8,
    GGUF_ARRAY = 9,
    GGUF_U64 = 10,
    GGUF_I64 = 11,
    GGUF_F64 = 12
} gguf_value_type;

/* Bytes of a string in the file: not NUL-terminated, possibly not UTF-8. */
typedef struct gguf_string {
    const char *data;
    size_t len;
} gguf_string;

/* One key and its value. */
typedef struct gguf_kv {
    const char *key;      /* NUL-terminated */
    gguf_value_type type; /* GGUF_ARRAY: elements of elem_type */
    gguf_value_type elem_type;
    uint64_t n;           /* elements of an array; 1 otherwise */
    const uint8_t *data;  /* the value's bytes in the file; for an array the first element */
    size_t bytes;         /* of data */
} gguf_kv;

typedef struct gguf gguf;

cairn_status gguf_open(gguf **out, const char *path, cairn_error *err);
/* The same over bytes[0, len), which the caller keeps alive; `name` stands for the path in errors. */
cairn_status gguf_open_memory(gguf **out, const void *data, size_t len, const char *name,
                              cairn_error *err);
/* Keys (gguf_keys.h) and tensors that lie elsewhere, their names those of GGUF and checked as a reader of files
 * checks them: what another format says, told as a GGUF file would. keys[0, len), the tensors' names and data stay
 * the caller's and must be kept alive. `name`: as above, and where caches look for the file's size and time. */
cairn_status gguf_open_parts(gguf **out, const void *keys, size_t len, uint64_t n_keys, const tensor *tensors,
                             size_t n_tensors, const char *name, cairn_error *err);
void gguf_close(gguf *g); /* NULL is fine */

const char *gguf_path(const gguf *g);
uint32_t gguf_version(const gguf *g);
size_t gguf_file_bytes(const gguf *g);
/* The file's first bytes up to the first tensor's: header, metadata, tensor infos; or the keys alone, of parts. */
const uint8_t *gguf_front(const gguf *g, size_t *len);

size_t gguf_kv_count(const gguf *g);
const gguf_kv *gguf_kv_at(const gguf *g, size_t i); /* in file order */
/* NULL when absent. O(1). */
const gguf_kv *gguf_find_kv(const gguf *g, const char *key);

/* Typed getters. Absent keys give `absent`; a present key of another kind (or an integer out of
 * range) gives `absent` too: use gguf_need_* where that must be an error. Integers of every width
 * are accepted where the value fits. */
uint32_t gguf_get_u32(const gguf *g, const char *key, uint32_t absent);
int64_t gguf_get_i64(const gguf *g, const char *key, int64_t absent);
float gguf_get_f32(const gguf *g, const char *key, float absent);
bool gguf_get_bool(const gguf *g, const char *key, bool absent);
/* {NULL, 0} when absent. */
gguf_string gguf_get_string(const gguf *g, const char *key);
/* The string equals the C string `want`. */
bool gguf_string_is(gguf_string s, const char *want);

/* The same, but absent or ill-typed is CAIRN_EMODEL naming file and key. */
cairn_status gguf_need_u32(const gguf *g, const char *key, uint32_t *out, cairn_error *err);
cairn_status gguf_need_f32(const gguf *g, const char *key, float *out, cairn_error *err);
cairn_status gguf_need_string(const gguf *g, const char *key, gguf_string *out, cairn_error *err);
/* An array of exactly this element type. */
cairn_status gguf_need_array(const gguf *g, const char *key, gguf_value_type elem,
                             const gguf_kv **out, cairn_error *err);

/* Element i < kv->n of an array of numbers or booleans (any width), or the scalar itself at i = 0. */
int64_t gguf_array_i64(const gguf_kv *kv, size_t i);
double gguf_array_f64(const gguf_kv *kv, size_t i);
/* Walk an array of strings: start with *pos = 0 and call n times. Strings were checked at open. */
gguf_string gguf_array_next_string(const gguf_kv *kv, size_t *pos);

typedef tensor gguf_tensor;

size_t gguf_tensor_count(const gguf *g);
const gguf_tensor *gguf_tensor_at(const gguf *g, size_t i); /* in file order */
/* NULL when absent. O(1). */
const gguf_tensor *gguf_find_tensor(const gguf *g, const char *name);
/* As gguf_find_tensor, but absence is CAIRN_EMODEL naming file and tensor. */
cairn_status gguf_need_tensor(const gguf *g, const char *name, const gguf_tensor **out,
                              cairn_error *err);

#endif
