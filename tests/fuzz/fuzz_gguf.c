/* fuzz_gguf - any bytes as a GGUF file: no crash; what opens can be read to its last byte, and its
 * tokenizer, if it has one, encodes and decodes. */
#include <stdlib.h>

#include "generate/formats/gguf.h"
#include "generate/tokenize/tokenizer.h"
#include "tests/fuzz/fuzz_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "Hello  world 123\n<|im_start|>\xFF\xE4\xB8\xAD";
    volatile uint64_t sum = 0;
    tokenizer *t;
    gguf *g;

    if (gguf_open_memory(&g, data, size, "input.gguf", NULL))
        return 0;
    for (size_t i = 0; i < gguf_kv_count(g); i++) {
        const gguf_kv *kv = gguf_kv_at(g, i);
        size_t pos = 0;
        for (uint64_t k = 0; k < kv->n; k++) {
            if (kv->elem_type == GGUF_STRING) {
                gguf_string s = gguf_array_next_string(kv, &pos);
                sum += s.len ? (uint8_t)s.data[s.len - 1] : 0;
            } else {
                sum += (uint64_t)gguf_array_i64(kv, k);
            }
        }
    }
    for (size_t i = 0; i < gguf_tensor_count(g); i++) {
        const gguf_tensor *x = gguf_tensor_at(g, i);
        if (x->data < data || x->bytes > size || x->data + x->bytes > data + size)
            abort();
    }
    if (!tokenizer_from_gguf(&t, g, NULL)) {
        token_list l = {0};
        bytes out;
        bytes_init(&out, (size_t)1 << 24);
        if (!tokenizer_encode(t, text, sizeof text - 1, TOKENIZE_PARSE_SPECIAL, &l, NULL))
            tokenizer_decode(t, l.ids, l.n, DETOKENIZE_SPECIAL, &out, NULL);
        bytes_clear(&out);
        token_list_clear(&l);
        tokenizer_destroy(t);
    }
    gguf_close(g);
    return 0;
}
