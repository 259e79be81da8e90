/* tensor.c - the table of storage types. Block layouts: ggml's ggml-common.h. */
#include "generate/formats/tensor.h"

#include <sys/mman.h>

#include "base/checked.h"

static const tensor_type_info types[TENSOR_TYPE_COUNT] = {
    [TENSOR_F32] = { "F32", 1, 4 },
    [TENSOR_F16] = { "F16", 1, 2 },
    [TENSOR_Q4_0] = { "Q4_0", 32, 2 + 16 },
    [TENSOR_Q4_1] = { "Q4_1", 32, 4 + 16 },
    [TENSOR_Q5_0] = { "Q5_0", 32, 2 + 4 + 16 },
    [TENSOR_Q5_1] = { "Q5_1", 32, 4 + 4 + 16 },
    [TENSOR_Q8_0] = { "Q8_0", 32, 2 + 32 },
    [TENSOR_Q8_1] = { "Q8_1", 32, 4 + 32 },
    [TENSOR_Q2_K] = { "Q2_K", 256, 16 + 64 + 4 },
    [TENSOR_Q3_K] = { "Q3_K", 256, 32 + 64 + 12 + 2 },
    [TENSOR_Q4_K] = { "Q4_K", 256, 4 + 12 + 128 },
    [TENSOR_Q5_K] = { "Q5_K", 256, 4 + 12 + 32 + 128 },
    [TENSOR_Q6_K] = { "Q6_K", 256, 128 + 64 + 16 + 2 },
    [TENSOR_Q8_K] = { "Q8_K", 256, 4 + 256 + 32 },
    [TENSOR_IQ4_NL] = { "IQ4_NL", 32, 2 + 16 },
    [TENSOR_I8] = { "I8", 1, 1 },
    [TENSOR_I16] = { "I16", 1, 2 },
    [TENSOR_I32] = { "I32", 1, 4 },
    [TENSOR_I64] = { "I64", 1, 8 },
    [TENSOR_F64] = { "F64", 1, 8 },
    [TENSOR_BF16] = { "BF16", 1, 2 },
};

const tensor_type_info *tensor_type_get(uint32_t type)
{
    return type < TENSOR_TYPE_COUNT && types[type].name ? &types[type] : NULL;
}

bool tensor_bytes_for(uint32_t type, uint64_t n, size_t *bytes)
{
    const tensor_type_info *info = tensor_type_get(type);
    if (!info || n % info->block_size || n > SIZE_MAX)
        return false;
    return checked_mul((size_t)(n / info->block_size), info->block_bytes, bytes);
}

void tensor_forget(const tensor *t, size_t from, size_t end)
{
    const uintptr_t page = 4095, data = (uintptr_t)t->data;
    const uintptr_t first = (data + from + page) & ~page, last = (data + (end < t->bytes ? end : t->bytes)) & ~page;

    if (last > first)
        madvise((void *)first, last - first, MADV_DONTNEED);
}
