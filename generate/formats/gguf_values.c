/* gguf_values.c - the values of a GGUF file's keys as C values.
 *
 * gguf.c has checked that every value lies inside the file, so nothing here can run past the end;
 * what is left to check is whether the type is the wanted one and the number fits. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "generate/formats/gguf.h"

static bool is_integer(gguf_value_type type)
{
    return type != GGUF_F32 && type != GGUF_F64 && type != GGUF_BOOL && type != GGUF_STRING &&
           type != GGUF_ARRAY;
}

static size_t width_of(gguf_value_type type)
{
    switch (type) {
    case GGUF_U8:
    case GGUF_I8:
    case GGUF_BOOL:
        return 1;
    case GGUF_U16:
    case GGUF_I16:
        return 2;
    case GGUF_U64:
    case GGUF_I64:
    case GGUF_F64:
        return 8;
    default:
        return 4;
    }
}

/* The integer at p; a u64 above INT64_MAX saturates. */
static int64_t load_i64(const uint8_t *p, gguf_value_type type)
{
    uint64_t v = 0;
    size_t width = width_of(type);
    for (size_t i = 0; i < width; i++)
        v |= (uint64_t)p[i] << (8 * i);
    switch (type) {
    case GGUF_I8:
        return (int8_t)v;
    case GGUF_I16:
        return (int16_t)v;
    case GGUF_I32:
        return (int32_t)v;
    case GGUF_U64:
        return v > INT64_MAX ? INT64_MAX : (int64_t)v;
    default:
        return (int64_t)v;
    }
}

static double load_f64(const uint8_t *p, gguf_value_type type)
{
    if (type == GGUF_F32) {
        float f;
        memcpy(&f, p, sizeof f);
        return f;
    }
    if (type == GGUF_F64) {
        double d;
        memcpy(&d, p, sizeof d);
        return d;
    }
    return (double)load_i64(p, type);
}

int64_t gguf_array_i64(const gguf_kv *kv, size_t i)
{
    if (i >= kv->n || kv->elem_type == GGUF_STRING)
        return 0;
    const uint8_t *p = kv->data + i * width_of(kv->elem_type);
    if (kv->elem_type == GGUF_F32 || kv->elem_type == GGUF_F64) {
        double d = load_f64(p, kv->elem_type);
        return d >= -9e18 && d <= 9e18 ? (int64_t)d : 0;
    }
    return load_i64(p, kv->elem_type);
}

double gguf_array_f64(const gguf_kv *kv, size_t i)
{
    if (i >= kv->n || kv->elem_type == GGUF_STRING)
        return 0;
    return load_f64(kv->data + i * width_of(kv->elem_type), kv->elem_type);
}

gguf_string gguf_array_next_string(const gguf_kv *kv, size_t *pos)
{
    gguf_string s = { NULL, 0 };
    if (kv->elem_type != GGUF_STRING || *pos + 8 > kv->bytes)
        return s;
    s.len = (size_t)load_i64(kv->data + *pos, GGUF_U64);
    s.data = (const char *)kv->data + *pos + 8;
    *pos += 8 + s.len;
    return s;
}

int64_t gguf_get_i64(const gguf *g, const char *key, int64_t absent)
{
    const gguf_kv *kv = gguf_find_kv(g, key);
    return kv && is_integer(kv->type) ? load_i64(kv->data, kv->type) : absent;
}

uint32_t gguf_get_u32(const gguf *g, const char *key, uint32_t absent)
{
    int64_t v = gguf_get_i64(g, key, -1);
    return v >= 0 && v <= UINT32_MAX ? (uint32_t)v : absent;
}

float gguf_get_f32(const gguf *g, const char *key, float absent)
{
    const gguf_kv *kv = gguf_find_kv(g, key);
    if (!kv || kv->type == GGUF_ARRAY || kv->type == GGUF_STRING || kv->type == GGUF_BOOL)
        return absent;
    return (float)load_f64(kv->data, kv->type);
}

bool gguf_get_bool(const gguf *g, const char *key, bool absent)
{
    const gguf_kv *kv = gguf_find_kv(g, key);
    return kv && kv->type == GGUF_BOOL ? kv->data[0] != 0 : absent;
}

gguf_string gguf_get_string(const gguf *g, const char *key)
{
    const gguf_kv *kv = gguf_find_kv(g, key);
    size_t pos = 0;
    if (!kv || kv->type != GGUF_STRING)
        return (gguf_string){ NULL, 0 };
    return gguf_array_next_string(kv, &pos);
}

bool gguf_string_is(gguf_string s, const char *want)
{
    return s.data && s.len == strlen(want) && !memcmp(s.data, want, s.len);
}

static cairn_status bad_key(const gguf *g, const char *key, const char *want, cairn_error *err)
{
    const gguf_kv *kv = gguf_find_kv(g, key);
    if (!kv)
        return cairn_fail(err, CAIRN_EMODEL, "%s: key %s is missing", gguf_path(g), key);
    return cairn_fail(err, CAIRN_EMODEL, "%s: key %s (type %d) is not %s", gguf_path(g), key,
                      (int)kv->type, want);
}

cairn_status gguf_need_u32(const gguf *g, const char *key, uint32_t *out, cairn_error *err)
{
    int64_t v = gguf_get_i64(g, key, -1);
    if (v < 0 || v > UINT32_MAX)
        return bad_key(g, key, "a whole number from 0 to 2^32 - 1", err);
    *out = (uint32_t)v;
    return CAIRN_OK;
}

cairn_status gguf_need_f32(const gguf *g, const char *key, float *out, cairn_error *err)
{
    float v = gguf_get_f32(g, key, NAN);
    if (!isfinite(v))
        return bad_key(g, key, "a finite number", err);
    *out = v;
    return CAIRN_OK;
}

cairn_status gguf_need_string(const gguf *g, const char *key, gguf_string *out, cairn_error *err)
{
    *out = gguf_get_string(g, key);
    return out->data ? CAIRN_OK : bad_key(g, key, "a string", err);
}

cairn_status gguf_need_array(const gguf *g, const char *key, gguf_value_type elem,
                             const gguf_kv **out, cairn_error *err)
{
    const gguf_kv *kv = gguf_find_kv(g, key);
    *out = NULL;
    if (!kv || kv->type != GGUF_ARRAY || kv->elem_type != elem)
        return bad_key(g, key, "an array of the expected type", err);
    *out = kv;
    return CAIRN_OK;
}
