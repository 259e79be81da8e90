/* tensor.h - one weight matrix as it lies in a model file, whatever the file's format.
 *
 * Owns     nothing. name and data borrow from the open file (gguf, safetensors, e5s1) and die with
 *          it. data may have ANY alignment: load through memcpy or unaligned vector loads.
 * Threads  read-only after the file is open, so any. */
#ifndef CAIRN_GENERATE_FORMATS_TENSOR_H
#define CAIRN_GENERATE_FORMATS_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers are those of GGUF (ggml's enum), so they may be read from a file; gaps are types that
 * were retired there. A type without an entry in tensor_type_info() is refused by every reader. */
typedef enum tensor_type {
    TENSOR_F32 = 0,
    TENSOR_F16 = 1,
    TENSOR_Q4_0 = 2,
    TENSOR_Q4_1 = 3,
    TENSOR_Q5_0 = 6,
    TENSOR_Q5_1 = 7,
    TENSOR_Q8_0 = 8,
    TENSOR_Q8_1 = 9,
    TENSOR_Q2_K = 10,
    TENSOR_Q3_K = 11,
    TENSOR_Q4_K = 12,
    TENSOR_Q5_K = 13,
    TENSOR_Q6_K = 14,
    TENSOR_Q8_K = 15,
    TENSOR_IQ4_NL = 20,
    TENSOR_I8 = 24,
    TENSOR_I16 = 25,
    TENSOR_I32 = 26,
    TENSOR_I64 = 27,
    TENSOR_F64 = 28,
    TENSOR_BF16 = 30,
    TENSOR_TYPE_COUNT = 40
} tensor_type;

/* Elements are stored in blocks: `block_bytes` bytes hold `block_size` of them. */
typedef struct tensor_type_info {
    const char *name;     /* "Q4_K" */
    uint32_t block_size;  /* elements a block, >= 1 */
    uint32_t block_bytes; /* bytes a block, >= 1 */
} tensor_type_info;

/* NULL for a type this build does not know. */
const tensor_type_info *tensor_type_get(uint32_t type);

#define TENSOR_MAX_DIMS 4

typedef struct tensor {
    const char *name; /* NUL-terminated, borrowed */
    tensor_type type;
    uint32_t n_dims;                /* 1..4 */
    uint64_t dims[TENSOR_MAX_DIMS]; /* dims[0] is the row length (contiguous); unused ones are 1 */
    const uint8_t *data;            /* borrowed, of any alignment */
    size_t bytes;                   /* exactly the bytes the shape and the type need */
} tensor;

/* Elements; cannot overflow, since the reader checked the product. */
static inline uint64_t tensor_elements(const tensor *t)
{
    return t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
}

/* Rows of dims[0] elements. */
static inline uint64_t tensor_rows(const tensor *t)
{
    return t->dims[1] * t->dims[2] * t->dims[3];
}

/* Bytes of `n` elements of `type`; false when n is no whole number of blocks, the type is unknown
 * or the result does not fit. */
bool tensor_bytes_for(uint32_t type, uint64_t n, size_t *bytes);

/* Give back the memory of whole pages of a tensor in a mapped file, its bytes [from, end): they are read from the file again
 * if anybody asks. */
void tensor_forget(const tensor *t, size_t from, size_t end);

#endif
