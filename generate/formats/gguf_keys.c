/* gguf_keys.c - see gguf_keys.h. */
#include "generate/formats/gguf_keys.h"

#include <string.h>

void gguf_put(gguf_keys *w, const void *data, size_t n)
{
    w->st = w->st ? w->st : bytes_append(w->b, data, n);
}

void gguf_put_u32(gguf_keys *w, uint32_t v)
{
    w->st = w->st ? w->st : bytes_append_u32(w->b, v);
}

void gguf_put_u64(gguf_keys *w, uint64_t v)
{
    w->st = w->st ? w->st : bytes_append_u64(w->b, v);
}

void gguf_put_text(gguf_keys *w, const char *s, size_t n)
{
    gguf_put_u64(w, n);
    gguf_put(w, s, n);
}

void gguf_key(gguf_keys *w, const char *name, gguf_value_type type)
{
    gguf_put_text(w, name, strlen(name));
    gguf_put_u32(w, type);
    w->n++;
}

void gguf_key_array(gguf_keys *w, const char *name, gguf_value_type type, uint64_t n)
{
    gguf_key(w, name, GGUF_ARRAY);
    gguf_put_u32(w, type);
    gguf_put_u64(w, n);
}

void gguf_key_u32(gguf_keys *w, const char *name, uint32_t v)
{
    gguf_key(w, name, GGUF_U32);
    gguf_put_u32(w, v);
}

void gguf_key_f32(gguf_keys *w, const char *name, float v)
{
    gguf_key(w, name, GGUF_F32);
    gguf_put(w, &v, sizeof v); /* little-endian machines alone are built for */
}

void gguf_key_bool(gguf_keys *w, const char *name, bool v)
{
    gguf_key(w, name, GGUF_BOOL);
    gguf_put(w, v ? "\1" : "\0", 1);
}

void gguf_key_text(gguf_keys *w, const char *name, const char *v)
{
    gguf_key(w, name, GGUF_STRING);
    gguf_put_text(w, v, strlen(v));
}
