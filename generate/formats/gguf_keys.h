/* gguf_keys.h - write the keys of a GGUF file, one after the other, into memory. What they mean is the
 * caller's; the layout is at the top of gguf.c.
 *
 * Owns     nothing: the bytes are the caller's. */
#ifndef CAIRN_GENERATE_FORMATS_GGUF_KEYS_H
#define CAIRN_GENERATE_FORMATS_GGUF_KEYS_H

#include "base/bytes.h"
#include "generate/formats/gguf.h"

typedef struct gguf_keys {
    bytes *b;
    uint64_t n;      /* keys so far */
    cairn_status st; /* the first that failed; after it nothing is written */
} gguf_keys;

/* Plain values, as an array's elements or behind gguf_key. */
void gguf_put(gguf_keys *w, const void *data, size_t n);
void gguf_put_u32(gguf_keys *w, uint32_t v);
void gguf_put_u64(gguf_keys *w, uint64_t v);
void gguf_put_text(gguf_keys *w, const char *s, size_t n);

/* A key whose value the caller puts next. */
void gguf_key(gguf_keys *w, const char *name, gguf_value_type type);
/* A key whose n elements the caller puts next. */
void gguf_key_array(gguf_keys *w, const char *name, gguf_value_type type, uint64_t n);
void gguf_key_u32(gguf_keys *w, const char *name, uint32_t v);
void gguf_key_f32(gguf_keys *w, const char *name, float v);
void gguf_key_bool(gguf_keys *w, const char *name, bool v);
void gguf_key_text(gguf_keys *w, const char *name, const char *v);

#endif
