/* fuzz_adapter - any bytes as an adapter of a small model: no crash, and what opens can be added to every row.
 * A first byte of 'J' makes what follows up to a NUL the configuration of the safetensors file behind it. */
#include <stdlib.h>

#include "generate/decode/adapter.h"
#include "tests/fuzz/fuzz_run.h"
#include "tests/generate/tiny_model.h"

static const decoder_model *the_model(void)
{
    static decoder_model *m;
    static gguf *g;
    size_t len;

    uint8_t *bytes;

    if (m)
        return m;
    bytes = tiny_model_bytes(&tiny_default, &len); /* as long as the model */
    if (gguf_open_memory(&g, bytes, len, "tiny.gguf", NULL) || decoder_model_open(&m, g, NULL, NULL))
        abort();
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size && data[0] == 'J' ? memchr(data, 0, size) : NULL;
    const char *config = end ? (const char *)data + 1 : NULL;
    const uint8_t *file = end ? end + 1 : data;
    adapter *a;

    if (adapter_open_memory(&a, file, size - (size_t)(file - data), config, "input", the_model(), NULL))
        return 0;
    for (size_t i = 0; i < a->n_layers * ADAPTER_SITES; i++) {
        const adapter_factors *f = &a->sites[i];
        float *row = f->rank ? calloc(f->in, sizeof *row) : NULL;
        for (size_t r = 0; row && r < f->out; r++)
            adapter_add_row(f, 1, r, row);
        free(row);
    }
    adapter_close(a);
    return 0;
}
