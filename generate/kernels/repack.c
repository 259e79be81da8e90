/* repack.c - the rows of a tensor in the order of strips (layout.h).
 *
 * Repacking moves 32-bit words: word j of a block of row r goes to lane r of vector j. Sixteen rows of
 * a type that is kept as it is go through the row of kernels (kernels.h, `pack`), which gathers a word
 * of all rows at once and runs at about the speed of memory; what is left over - the last rows of a
 * matrix, types that are converted - goes block by block here. Types without an integer kernel of
 * their own: IQ4_NL becomes Q8_0 (its table holds int8 values: exact, twice the bytes), Q3_K becomes
 * Q6_K (the same scales, weights + 32: exact, twice the bytes), Q2_K becomes F32 (no integer form with
 * 16-wise minima here: twelve times the bytes). */
#include "generate/kernels/repack.h"

#include <string.h>

#include "base/checked.h"
#include "generate/kernels/layout.h"

extern const int8_t iq4_nl_values[16];

/* Byte j gets bits j, 4 + j, ..., 28 + j of v. */
static uint32_t spread_fifth_bits(uint32_t v)
{
    uint32_t out = 0;
    for (unsigned j = 0; j < 4; j++) {
        uint32_t x = v >> j & 0x11111111u; /* one bit each four */
        x = (x | x >> 3) & 0x03030303u;
        x = (x | x >> 6) & 0x000f000fu;
        x = (x | x >> 12) & 0xffu;
        out |= x << 8 * j;
    }
    return out;
}

static void put_word(uint8_t *dst, uint32_t v)
{
    memcpy(dst, &v, sizeof v);
}

static uint32_t get_word(const uint8_t *src)
{
    uint32_t v;
    memcpy(&v, src, sizeof v);
    return v;
}

/* One block of row `lane`. */
static void pack_block(tensor_type type, const strip_layout *l, const uint8_t *src, uint8_t *scales,
                       uint8_t *words, size_t lane)
{
    for (size_t h = 0; h < l->halves; h++)
        memcpy(scales + (h * KERNEL_LANES + lane) * 2, src + l->half_at[h], 2);
    words += lane * 4;
    for (size_t j = 0; j < l->words; j++) {
        uint32_t v = get_word(src + l->word_at + 4 * strip_file_word(type, j));
        if (type == TENSOR_Q8_0)
            v ^= 0x80808080u;
        else if (j == 0 && (type == TENSOR_Q5_0 || type == TENSOR_Q5_1))
            v = spread_fifth_bits(v);
        put_word(words + j * 64, v);
    }
}

/* The file's block as one of a type that has a kernel. */
static void convert_block(tensor_type from, const uint8_t *src, uint8_t *dst)
{
    if (from == TENSOR_IQ4_NL) { /* to Q8_0 */
        memcpy(dst, src, 2);
        for (int j = 0; j < 16; j++) {
            dst[2 + j] = (uint8_t)iq4_nl_values[src[2 + j] & 15];
            dst[18 + j] = (uint8_t)iq4_nl_values[src[2 + j] >> 4];
        }
        return;
    }
    /* Q3_K to Q6_K */
    memset(dst, 0, 192);
    memcpy(dst + 208, src + 108, 2);
    for (int s = 0; s < 16; s++) {
        int low = s < 8 ? src[96 + s] & 15 : src[96 + s - 8] >> 4;
        int high = src[96 + 8 + s % 4] >> 2 * (s / 4) & 3;
        dst[192 + s] = (uint8_t)((low | high << 4) - 32);
    }
    for (int half = 0; half < 2; half++)
        for (int t = 0; t < 4; t++)
            for (int j = 0; j < 32; j++) {
                int bit = src[j] >> (4 * half + t) & 1;
                int q = (src[32 + 32 * half + j] >> 2 * t & 3) - (bit ? 0 : 4) + 32;
                dst[64 * half + 32 * (t & 1) + j] |= (uint8_t)((q & 15) << (t >= 2 ? 4 : 0));
                dst[128 + 32 * half + j] |= (uint8_t)((q >> 4) << 2 * t);
            }
}

typedef struct pack_job {
    const matrix *m;
    const tensor *t;
    size_t row_bytes;
    size_t first; /* strip of task 0 */
    uint8_t *to;  /* where that strip goes */
    kernel_pack *pack; /* sixteen rows at once, or NULL */
} pack_job;

static void pack_floats(const pack_job *job, const uint8_t *row, uint8_t *strip, size_t lane)
{
    size_t size = job->m->type == TENSOR_F32 ? 4 : 2, from = job->t->type == TENSOR_Q2_K;

    for (size_t i = 0; !from && i < job->m->cols; i++)
        memcpy(strip + (i * KERNEL_LANES + lane) * size, row + i * size, size);
    for (size_t i = 0; from && i < job->m->cols; i += 256) {
        float y[256];
        dequantize_row(TENSOR_Q2_K, row + i / 256 * 84, y, 256);
        for (size_t j = 0; j < 256; j++)
            memcpy(strip + ((i + j) * KERNEL_LANES + lane) * 4, &y[j], 4);
    }
}

static void pack_strip(void *ctx, size_t task, size_t worker)
{
    const pack_job *job = ctx;
    const matrix *m = job->m;
    const strip_layout *l = strip_layout_of(m->type);
    uint8_t *strip = job->to + task * m->strip_bytes;
    size_t first = (job->first + task) * KERNEL_LANES;
    size_t rows = m->rows - first < KERNEL_LANES ? m->rows - first : KERNEL_LANES;
    const uint8_t *src = job->t->data + first * job->row_bytes;
    bool convert = job->t->type != m->type;

    (void)worker;
    /* Scales of 0 make missing rows 0. */
    if (rows < KERNEL_LANES || (l && l->blocks > 1 && m->cols / l->block % l->blocks))
        memset(strip, 0, m->strip_bytes);
    if (!convert && rows == KERNEL_LANES && job->pack &&
        job->row_bytes <= PACK_MAX_ROW) {
        job->pack(src, job->row_bytes, m->cols, strip);
        return;
    }
    if (!l || m->type == TENSOR_F32) {
        for (size_t r = 0; r < rows; r++)
            pack_floats(job, src + r * job->row_bytes, strip, r);
        return;
    }
    for (size_t b = 0; b < m->cols / l->block; b++) {
        size_t file_block = convert ? job->row_bytes / (m->cols / l->block) : l->bytes;
        uint8_t *scales = strip + strip_scales_at(l, b), *words = strip + strip_words_at(l, b);
        for (size_t r = 0; r < rows; r++) {
            const uint8_t *block = src + r * job->row_bytes + b * file_block;
            uint8_t as[256];
            if (convert)
                convert_block(job->t->type, block, as);
            pack_block(m->type, l, convert ? as : block, scales, words, r);
        }
    }
}

tensor_type packed_type(tensor_type t)
{
    switch (t) {
    case TENSOR_IQ4_NL:
        return TENSOR_Q8_0;
    case TENSOR_Q3_K:
        return TENSOR_Q6_K;
    case TENSOR_Q2_K:
        return TENSOR_F32;
    default:
        return t;
    }
}

bool packed_strip_bytes(const matrix *m, size_t *out)
{
    const strip_layout *l = strip_layout_of(m->type);

    if (!l || m->type == TENSOR_F32)
        return checked_mul(m->cols, m->type == TENSOR_F32 ? 64 : 32, out) &&
               checked_add(*out, 63, out) && (*out &= ~(size_t)63, true);
    *out = strip_block_bytes(l, m->cols); /* cols are below MAX_DIMENSION: no overflow */
    return true;
}

void matrix_pack(const matrix *m, const tensor *t, size_t first, size_t n, uint8_t *to, pool *p)
{
    const tensor_type_info *info = tensor_type_get(t->type);
    pack_job job = {m,  t, t->dims[0] / info->block_size * info->block_bytes, first,
                    to, kernels_get()->pack[m->type]};

    pool_run(p, n, pack_strip, &job);
}

void matrix_forget(const tensor *t, size_t first, size_t n)
{
    const tensor_type_info *info = tensor_type_get(t->type);
    size_t strip = t->dims[0] / info->block_size * info->block_bytes * KERNEL_LANES;
    size_t from = first * strip;

    tensor_forget(t, from, n * strip < t->bytes - from ? from + n * strip : t->bytes);
}
