/* fuzz_vectors - any bytes as a .npy, .fvecs, .bvecs or FAISS index file (the first byte says
 * which): no crash, and what opens gives exactly the rows it promised or says why not. */
#include <stdlib.h>

#include "index/vector/vector_file.h"
#include "tests/fuzz/fuzz_run.h"

#define MOST_FLOATS 4000000u

/* In replayed files the kind is in their content instead. */
static vector_file_kind kind_of(const uint8_t **data, size_t *size)
{
    if (*size >= 6 && (*data)[0] == 0x93)
        return VECTOR_FILE_NPY;
    if (*size >= 4 && (*data)[0] == 'I')
        return VECTOR_FILE_FAISS;
    vector_file_kind kind = (vector_file_kind)((*data)[0] & 3);
    ++*data;
    --*size;
    return kind;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volatile float sum = 0;
    uint64_t rows = 0;
    vector_file *f;
    cairn_status st;
    int64_t id;
    float *v;

    if (!size)
        return 0;
    vector_file_kind kind = kind_of(&data, &size);
    if (vector_file_open(&f, data, size, kind, NULL))
        return 0;
    v = malloc(vector_file_dim(f) * sizeof *v);
    if (!v)
        abort();
    while (!(st = vector_file_next(f, v, &id, NULL))) {
        for (uint32_t i = 0; i < vector_file_dim(f); i++)
            sum += v[i];
        if (++rows * vector_file_dim(f) > MOST_FLOATS)
            break;
    }
    if (st == CAIRN_ENOTFOUND && rows != vector_file_rows(f))
        abort();
    free(v);
    vector_file_close(f);
    return 0;
}
