/* vector_original.c - rows as they are kept for exact scores: to storage, back, and compared.
 *
 * Rows are rounded once, when they are added; codes are made of what was stored, so that everything
 * in a segment can be checked against its originals. Rounding is to the nearest, ties to even
 * (int8: away from zero). */
#include "index/vector/vector_format.h"

#include <math.h>
#include <string.h>

/* A squared length this near to 1 is left as it is: a row of unit length keeps its bits when it is
 * stored, and when it is taken out and put in again. */
#define UNIT_ENOUGH 1e-6

bool vector_normalize(float *v, uint32_t dim)
{
    double sum = 0;
    float top = 0;

    for (uint32_t i = 0; i < dim; i++) {
        if (!isfinite(v[i]))
            return false;
        top = fmaxf(top, fabsf(v[i]));
    }
    if (top == 0)
        return true;
    for (uint32_t i = 0; i < dim; i++) {
        double x = (double)v[i] / top; /* so that neither tiny nor huge rows leave the range */
        sum += x * x;
    }
    if (fabs(sum * top * top - 1) <= UNIT_ENOUGH)
        return true;
    double scale = 1.0 / (sqrt(sum) * top);
    if (!isfinite(scale)) { /* subnormal rows: two steps */
        for (uint32_t i = 0; i < dim; i++)
            v[i] = (float)((double)v[i] / top / sqrt(sum));
        return true;
    }
    for (uint32_t i = 0; i < dim; i++)
        v[i] = (float)(v[i] * scale);
    return true;
}

static bool put_bf16(const float *v, uint32_t dim, uint16_t *out)
{
    bool fits = true;

    for (uint32_t i = 0; i < dim; i++) {
        uint32_t bits;
        memcpy(&bits, v + i, 4);
        bits += 0x7fff + (bits >> 16 & 1);
        out[i] = (uint16_t)(bits >> 16);
        fits &= (bits & 0x7f800000) != 0x7f800000; /* rounded up to infinity */
    }
    return fits;
}

static void put_i8(const float *v, uint32_t dim, uint8_t *out, float *scale)
{
    float top = 0;

    for (uint32_t i = 0; i < dim; i++) {
        float x = fabsf(v[i]);
        top = x > top ? x : top;
    }
    double inverse = top > 0 ? 127.0 / top : 0.0;
    for (uint32_t i = 0; i < dim; i++) {
        double x = v[i] * inverse;
        int32_t r = (int32_t)(x < 0 ? x - 0.5 : x + 0.5);
        out[i] = (uint8_t)(128 + (r > 127 ? 127 : r < -127 ? -127 : r));
    }
    *scale = top / 127.0f;
}

bool vector_original_put(vector_storage storage, const float *v, uint32_t dim, void *row,
                         float *scale)
{
    switch (storage) {
    case VECTOR_F16:
        vector_kernels_get()->to_f16(v, dim, row);
        for (uint32_t i = 0; i < dim; i++)
            if (fabsf(v[i]) >= 65520.0f) /* rounds to infinity */
                return false;
        return true;
    case VECTOR_BF16:
        return put_bf16(v, dim, row);
    case VECTOR_I8:
        put_i8(v, dim, row, scale);
        return true;
    case VECTOR_F32:
        break;
    }
    memcpy(row, v, (size_t)dim * sizeof *v);
    return true;
}

void vector_original_get(const vector_originals *o, uint32_t row, float *out)
{
    const uint8_t *at = o->row + (size_t)row * o->stride;

    switch (o->storage) {
    case VECTOR_F16:
        vector_kernels_get()->from_f16((const uint16_t *)at, o->dim, out);
        return;
    case VECTOR_BF16:
        for (uint32_t i = 0; i < o->dim; i++) {
            uint32_t bits = (uint32_t)((const uint16_t *)at)[i] << 16;
            memcpy(out + i, &bits, 4);
        }
        return;
    case VECTOR_I8:
        for (uint32_t i = 0; i < o->dim; i++)
            out[i] = (float)((int)at[i] - 128) * o->scale[row];
        return;
    case VECTOR_F32:
        break;
    }
    memcpy(out, at, (size_t)o->dim * sizeof *out);
}

const char *vector_original_section(vector_storage storage, const char **scale)
{
    static const char *const name[VECTOR_STORAGES] = {"vec.f32", "vec.f16", "vec.bf16", "vec.o8"};

    *scale = storage == VECTOR_I8 ? "vec.o8s" : NULL;
    return name[storage];
}

const char *vector_code_section(vector_code_kind kind)
{
    static const char *const name[VECTOR_CODE_KINDS] = {"vec.i8", "vec.i4", "vec.b1"};

    return name[kind];
}
