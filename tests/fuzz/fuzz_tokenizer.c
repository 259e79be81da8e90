/* fuzz_tokenizer - any bytes as text, for byte-level BPE with each pre-tokenizer and for unigram, on
 * small vocabularies: no crash, and valid text comes back from byte-level BPE as it went in. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "generate/tokenize/tokenizer.h"
#include "tests/fuzz/fuzz_run.h"
#include "tests/generate/make_e5s1.h"
#include "tests/generate/make_gguf.h"

#define N_BPE 4
static tokenizer *bpe_tokenizers[N_BPE], *unigram_tokenizer;

static void prepare(void)
{
    static const char *const pres[N_BPE] = {"qwen2", "smollm", "gpt-2", "llama-bpe"};
    static bytes files[N_BPE + 1];
    static gguf *g[N_BPE]; /* static: the tokenizers borrow from them for ever */
    static e5s1 *e;

    for (int i = 0; i < N_BPE; i++) {
        bytes_init(&files[i], 1 << 20);
        make_bpe_model(&files[i], pres[i]);
        if (gguf_open_memory(&g[i], files[i].data, files[i].len, "bpe", NULL) ||
            tokenizer_from_gguf(&bpe_tokenizers[i], g[i], NULL))
            abort();
    }
    bytes_init(&files[N_BPE], 1 << 20);
    make_e5s1(&files[N_BPE]);
    if (e5s1_open_memory(&e, files[N_BPE].data, files[N_BPE].len, "e5", NULL) ||
        tokenizer_from_e5s1(&unigram_tokenizer, e, NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data;

    if (!unigram_tokenizer)
        prepare();
    for (int i = 0; i <= N_BPE; i++) {
        const tokenizer *t = i < N_BPE ? bpe_tokenizers[i] : unigram_tokenizer;
        for (unsigned flags = 0; flags < 4; flags++) {
            token_list l = {0};
            bytes out;
            bytes_init(&out, (size_t)1 << 28);
            if (tokenizer_encode(t, s, size, flags, &l, NULL) ||
                tokenizer_decode(t, l.ids, l.n, DETOKENIZE_SPECIAL, &out, NULL))
                abort();
            if (i < N_BPE && flags == 0 && utf8_valid(s, size) &&
                (out.len != size || (size && memcmp(out.data, s, size))))
                abort();
            bytes_clear(&out);
            token_list_clear(&l);
        }
    }
    return 0;
}
