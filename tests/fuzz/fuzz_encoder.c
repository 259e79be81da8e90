/* fuzz_encoder - any bytes as the files of an embedding model, a cross-encoder or a sparse encoder: no crash,
 * and what opens embeds and scores. The first byte tells what the rest is: 'F' a GGUF or an E5S1 file,
 * else a folder: config.json, tokenizer.json and vocab.txt, each up to a NUL and left out when empty, then
 * model.safetensors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generate/encode/encoder.h"
#include "generate/encode/sparse.h"
#include "tests/fuzz/fuzz_run.h"

#define MOST_TOKENS 64 /* of a text: what is tried is the reading of files */

static char root[64], folder[80];

static void tidy(void)
{
    static const char *const names[] = {"config.json", "tokenizer.json", "vocab.txt", "model.safetensors", NULL};
    char path[128];

    for (size_t i = 0; names[i]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    snprintf(path, sizeof path, "%s/model.gguf", root);
    unlink(path);
    rmdir(root);
}

static void prepare(void)
{
    snprintf(root, sizeof root, "%s/cairn-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(root))
        abort();
    snprintf(folder, sizeof folder, "%s/model", root);
    if (mkdir(folder, 0700) || atexit(tidy))
        abort();
}

static void put(const char *in, const char *name, const uint8_t *data, size_t len)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", in, name);
    unlink(path);
    if (!len)
        return;
    f = fopen(path, "wb");
    if (!f || fwrite(data, 1, len, f) != len || fclose(f))
        abort();
}

static void put_folder(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"config.json", "tokenizer.json", "vocab.txt"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const uint8_t *end = size ? memchr(data, 0, size) : NULL;
        const size_t len = end ? (size_t)(end - data) : size;
        put(folder, names[i], data, len);
        data += len + (end != NULL);
        size -= len + (end != NULL);
    }
    put(folder, "model.safetensors", data, size);
}

static const encoder_text texts[] = {{"The old mill runs.", 18}, {"", 0}, {"\xE4\xB8\xAD\xFF ab river ##s", 15}};
#define N_TEXTS (sizeof texts / sizeof *texts)

static void use(encoder *e)
{
    float *rows, scores[N_TEXTS], *out = malloc(N_TEXTS * encoder_dim(e) * sizeof *out);
    size_t n;

    if (!out)
        abort();
    (void)encoder_count_tokens(e, texts[0].text, texts[0].len);
    (void)encoder_embed(e, texts, N_TEXTS, ENCODER_PASSAGE, out, NULL);
    if (!encoder_token_vectors(e, texts, ENCODER_QUERY, &rows, &n, NULL))
        free(rows);
    if (encoder_can_score(e))
        (void)encoder_score(e, texts, texts, N_TEXTS, scores, NULL);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const encoder_options options = {.max_tokens = MOST_TOKENS};
    const char *path = folder;
    char file[96];
    encoder *e;
    sparse_encoder *sparse;

    if (!*root)
        prepare();
    if (!size)
        return 0;
    if (data[0] == 'F') {
        put(root, "model.gguf", data + 1, size - 1);
        snprintf(file, sizeof file, "%s/model.gguf", root);
        path = file;
    } else {
        put_folder(data + 1, size - 1);
    }
    if (!encoder_open(&e, path, &options, NULL)) {
        use(e);
        encoder_close(e);
    }
    if (path == folder && !sparse_encoder_open(&sparse, path, NULL, MOST_TOKENS, NULL)) {
        sparse_weight heavy[8];
        float scores[N_TEXTS];
        size_t n;
        if (!sparse_weigh(sparse, texts, heavy, 8, &n, NULL))
            (void)sparse_score(sparse, heavy, n, texts, N_TEXTS, scores, NULL);
        sparse_encoder_close(sparse);
    }
    return 0;
}
