/* fuzz_encoder - any bytes as the files of an embedding model, a cross-encoder or a sparse encoder: no crash,
 * and what opens embeds and scores. The first byte tells what the rest is: 'F' a GGUF or an E5S1 file,
 * 'S' a folder of weights in several files: config.json, tokenizer.json, vocab.txt, 1_Pooling/config.json and the index,
 * each up to a NUL and left out when empty, then, after a byte that tells in 256ths of the rest how long the first
 * is, a.safetensors and b.safetensors; 'O' a folder of config.json, tokenizer.json and vocab.txt, then model.onnx; else a folder: config.json, tokenizer.json and vocab.txt, then model.safetensors. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generate/encode/encoder.h"
#include "generate/encode/entailment.h"
#include "generate/encode/sparse.h"
#include "generate/formats/safetensors.h"
#include "tests/fuzz/fuzz_run.h"

#define MOST_TOKENS 64 /* of a text: what is tried is the reading of files */

/* What a folder may hold; as many of the first ones as put_folder is told are there. */
static const char *const names[] = {"config.json", "tokenizer.json", "vocab.txt", "1_Pooling/config.json", SAFETENSORS_INDEX,
                                    "model.safetensors", "a.safetensors", "b.safetensors", "model.onnx", NULL};

static char root[64], folder[80];

static void tidy(void)
{
    char path[128];

    for (size_t i = 0; names[i]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/1_Pooling", folder);
    rmdir(path);
    rmdir(folder);
    snprintf(path, sizeof path, "%s/model.gguf", root);
    unlink(path);
    rmdir(root);
}

static void prepare(void)
{
    char below[96];

    snprintf(root, sizeof root, "%s/cairn-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(root))
        abort();
    snprintf(folder, sizeof folder, "%s/model", root);
    if (mkdir(folder, 0700) || atexit(tidy))
        abort();
    snprintf(below, sizeof below, "%s/1_Pooling", folder);
    if (mkdir(below, 0700))
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

static void put_folder(const uint8_t *data, size_t size, bool several, const char *weights)
{
    const size_t given = several ? 5 : 3;
    size_t first;

    for (size_t i = given; names[i]; i++)
        put(folder, names[i], NULL, 0);
    for (size_t i = 0; i < given; i++) {
        const uint8_t *end = size ? memchr(data, 0, size) : NULL;
        const size_t len = end ? (size_t)(end - data) : size;
        put(folder, names[i], data, len);
        data += len + (end != NULL);
        size -= len + (end != NULL);
    }
    if (!several) {
        put(folder, weights, data, size);
    } else if (size) {
        first = (size - 1) * data[0] / 256;
        put(folder, "a.safetensors", data + 1, first);
        put(folder, "b.safetensors", data + 1 + first, size - 1 - first);
    }
}

static const encoder_text texts[] = {{"The old mill runs.", 18}, {"", 0}, {"\xE4\xB8\xAD\xFF ab river ##s", 15}};
#define N_TEXTS (sizeof texts / sizeof *texts)

static void use_labels(encoder *e)
{
    const size_t labels = encoder_labels(e);
    float *logits = malloc((N_TEXTS * labels + 1) * sizeof *logits);
    entailment_head head;
    entailment chances[N_TEXTS];

    if (!logits)
        abort();
    for (size_t i = 0; i < labels + 2; i++)
        if (encoder_label(e, i) && strlen(encoder_label(e, i)) > (size_t)1 << 30)
            abort();
    (void)encoder_classify(e, texts, texts, N_TEXTS, logits, NULL);
    if (!entailment_head_read(&head, e, NULL))
        (void)entailment_judge(e, &head, texts, texts, N_TEXTS, chances, NULL);
    free(logits);
}

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
    use_labels(e);
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
        put_folder(data + 1, size - 1, data[0] == 'S', data[0] == 'O' ? "model.onnx" : "model.safetensors");
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
