/* bench_device.c - speeds of the CUDA back end, with random weights of well-known shapes that are made on
 * the spot: a decoder's prefill and decoding, an encoder's texts a second, exact scans of codes. With
 * CAIRN_DEVICE=cpu the same on the processor. JSON lines; times are medians.
 *
 * usage: bench_device decoder SHAPE TYPE [--pp N,N] [--depth N,N] [--tg N] [--reps N] [--check N]
 *        bench_device encoder HIDDEN LAYERS HEADS FF TEXTS TOKENS [--reps N]
 *        bench_device scan ROWS DIM KEEP [--reps N]
 *
 * SHAPE: qwen2-0.5b, qwen2-1.5b, llama-8b, or a smaller one for trying; TYPE: q8_0, q4_0, q4_k ... --check
 * prints a sum over the bits of the logits of N tokens fed in three ways, to be compared between devices. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "generate/decode/device.h"
#include "generate/encode/encoder.h"
#include "generate/kernels/kernels.h"
#define TOY_MAX 256
#include "tests/generate/toy_bert.h"

#define MOST 16

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static _Noreturn void give_up(const char *what, const cairn_error *err)
{
    fprintf(stderr, "bench_device: %s%s%s\n", what, err ? ": " : "", err ? err->text : "");
    exit(5);
}

static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* ---- options ---- */

typedef struct options {
    size_t pp[MOST], n_pp, depth[MOST], n_depth, tg, reps, check;
} options;

static size_t read_list(const char *s, size_t *out)
{
    size_t n = 0;
    while (*s && n < MOST) {
        char *end;
        out[n++] = strtoul(s, &end, 10);
        if (end == s)
            give_up("a list of numbers is wanted", NULL);
        s = *end == ',' ? end + 1 : end;
    }
    return n;
}

static size_t number(const char *s)
{
    size_t v[MOST];
    if (read_list(s, v) != 1)
        give_up("a number is wanted", NULL);
    return v[0];
}

static options read_options(char **argv)
{
    options o = {.pp = {128, 512, 2048}, .n_pp = 3, .depth = {0, 512, 2048}, .n_depth = 3, .tg = 32, .reps = 5};

    for (; argv[0] && argv[1]; argv += 2) {
        if (!strcmp(argv[0], "--pp"))
            o.n_pp = read_list(argv[1], o.pp);
        else if (!strcmp(argv[0], "--depth"))
            o.n_depth = read_list(argv[1], o.depth);
        else if (!strcmp(argv[0], "--tg"))
            o.tg = number(argv[1]);
        else if (!strcmp(argv[0], "--reps"))
            o.reps = number(argv[1]);
        else if (!strcmp(argv[0], "--check"))
            o.check = number(argv[1]);
        else
            give_up(argv[0], NULL);
    }
    if (argv[0] || !o.reps)
        give_up("see the usage in bench_device.c", NULL);
    return o;
}

/* ---- a decoder of a shape ---- */

typedef struct shape {
    const char *name, *arch;
    uint32_t layers, width, heads, kv_heads, head_dim, ff, vocab;
    bool tied;
} shape;

static const shape shapes[] = {
    {"qwen2-0.5b", "qwen2", 24, 896, 14, 2, 64, 4864, 151936, true},
    {"qwen2-1.5b", "qwen2", 28, 1536, 12, 2, 128, 8960, 151936, true},
    {"llama-8b", "llama", 32, 4096, 32, 8, 128, 14336, 128256, false},
    {"llama-small", "llama", 3, 512, 8, 2, 64, 1376, 2000, false},
    {"qwen2-small", "qwen2", 2, 896, 14, 2, 64, 1216, 3003, true},
};

static tensor_type type_named(const char *name)
{
    static const struct {
        const char *name;
        tensor_type type;
    } types[] = {{"q8_0", TENSOR_Q8_0}, {"q4_0", TENSOR_Q4_0}, {"q4_1", TENSOR_Q4_1}, {"q5_0", TENSOR_Q5_0},
                 {"q5_1", TENSOR_Q5_1}, {"q4_k", TENSOR_Q4_K}, {"q5_k", TENSOR_Q5_K}, {"q6_k", TENSOR_Q6_K}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].name, name))
            return types[i].type;
    give_up("an unknown type of weights", NULL);
}

typedef struct writer {
    bytes kv, infos;
    uint64_t n_kv, n, at; /* bytes of tensors so far */
    struct {
        tensor_type type;
        uint64_t at, bytes;
    } parts[1024];
    const shape *s;
    tensor_type type;
} writer;

static void put_string(bytes *b, const char *s)
{
    bytes_append_u64(b, strlen(s));
    bytes_append_str(b, s);
}

static void put_number(writer *w, const char *name, uint32_t v)
{
    char key[96];

    snprintf(key, sizeof key, "%s.%s", w->s->arch, name);
    put_string(&w->kv, key);
    bytes_append_u32(&w->kv, GGUF_U32);
    bytes_append_u32(&w->kv, v);
    w->n_kv++;
}

static void put_tensor(writer *w, const char *name, tensor_type type, uint64_t cols, uint64_t rows)
{
    const tensor_type_info *info = tensor_type_get(type);
    const uint64_t bytes = cols * rows / info->block_size * info->block_bytes;

    put_string(&w->infos, name);
    bytes_append_u32(&w->infos, rows > 1 ? 2 : 1);
    bytes_append_u64(&w->infos, cols);
    if (rows > 1)
        bytes_append_u64(&w->infos, rows);
    bytes_append_u32(&w->infos, type);
    bytes_append_u64(&w->infos, w->at);
    w->parts[w->n].type = type;
    w->parts[w->n].at = w->at;
    w->parts[w->n++].bytes = bytes;
    w->at = (w->at + bytes + 31) & ~(uint64_t)31;
}

static void put_layer(writer *w, uint32_t layer)
{
    const shape *s = w->s;
    const uint32_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    const bool biased = !strcmp(s->arch, "qwen2");
    const struct {
        const char *name;
        uint32_t cols, rows;
        bool there;
    } parts[] = {
        {"attn_norm.weight", s->width, 1, true}, {"ffn_norm.weight", s->width, 1, true},
        {"attn_q.bias", q, 1, biased},           {"attn_k.bias", kv, 1, biased},
        {"attn_v.bias", kv, 1, biased},          {"attn_q.weight", s->width, q, true},
        {"attn_k.weight", s->width, kv, true},   {"attn_v.weight", s->width, kv, true},
        {"attn_output.weight", q, s->width, true}, {"ffn_gate.weight", s->width, s->ff, true},
        {"ffn_up.weight", s->width, s->ff, true}, {"ffn_down.weight", s->ff, s->width, true},
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char name[96];
        snprintf(name, sizeof name, "blk.%u.%s", layer, parts[i].name);
        if (parts[i].there)
            put_tensor(w, name, parts[i].rows == 1 ? TENSOR_F32 : w->type, parts[i].cols, parts[i].rows);
    }
}

/* A block of random bits with modest scales. */
static void fill_block(uint8_t *block, tensor_type type, uint64_t *seed)
{
    const size_t n = tensor_type_get(type)->block_bytes;
    const float about = 0.5f + (float)(draw(seed) % 100) / 100.0f;
    const bool wide = type == TENSOR_Q4_K || type == TENSOR_Q5_K, pair = type == TENSOR_Q4_1 || type == TENSOR_Q5_1;
    const uint16_t scale = float_to_half(about * (type == TENSOR_Q8_0  ? 0.0004f
                                                  : type == TENSOR_Q6_K ? 0.00004f
                                                  : wide                ? 0.0001f
                                                                        : 0.005f));
    const uint16_t low = float_to_half(pair ? -0.04f * about : 0.0001f * about);

    for (size_t i = 0; i < n; i++)
        block[i] = (uint8_t)(draw(seed) >> 8);
    memcpy(block + (type == TENSOR_Q6_K ? 208 : 0), &scale, 2);
    if (wide || pair)
        memcpy(block + 2, &low, 2);
}

/* Vectors at random about 1; matrices from a run of random blocks that is repeated. */
static void fill_tensor(uint8_t *to, tensor_type type, uint64_t bytes, uint64_t *seed)
{
    const uint64_t each = tensor_type_get(type)->block_bytes, run = 30011 * each;

    if (type == TENSOR_F32) {
        for (uint64_t i = 0; i + 4 <= bytes; i += 4) {
            const float f = 0.75f + (float)(draw(seed) % 1000) / 2000.0f;
            memcpy(to + i, &f, 4);
        }
        return;
    }
    for (uint64_t i = 0; i < bytes && i < run; i += each)
        fill_block(to + i, type, seed);
    for (uint64_t i = run; i < bytes; i += run)
        memcpy(to + i, to, bytes - i < run ? bytes - i : run);
}

static uint8_t *model_bytes(const shape *s, tensor_type type, size_t *len)
{
    static writer w;
    uint64_t seed = 11, head;
    uint8_t *all;

    w = (writer){.s = s, .type = type, .n_kv = 1};
    bytes_init(&w.kv, 1 << 20);
    bytes_init(&w.infos, 1 << 20);
    put_string(&w.kv, "general.architecture");
    bytes_append_u32(&w.kv, GGUF_STRING);
    put_string(&w.kv, s->arch);
    put_number(&w, "block_count", s->layers);
    put_number(&w, "embedding_length", s->width);
    put_number(&w, "feed_forward_length", s->ff);
    put_number(&w, "attention.head_count", s->heads);
    put_number(&w, "attention.head_count_kv", s->kv_heads);
    put_number(&w, "context_length", 8192);
    put_number(&w, "rope.dimension_count", s->head_dim);
    put_tensor(&w, "token_embd.weight", type, s->width, s->vocab);
    for (uint32_t i = 0; i < s->layers; i++)
        put_layer(&w, i);
    put_tensor(&w, "output_norm.weight", TENSOR_F32, s->width, 1);
    if (!s->tied)
        put_tensor(&w, "output.weight", type, s->width, s->vocab);
    head = (24 + w.kv.len + w.infos.len + 31) & ~(uint64_t)31;
    *len = head + w.at;
    all = calloc(1, *len);
    if (!all)
        give_up("no memory for the model", NULL);
    memcpy(all, "GGUF\3\0\0\0", 8);
    memcpy(all + 8, &w.n, 8);
    memcpy(all + 16, &w.n_kv, 8);
    memcpy(all + 24, w.kv.data, w.kv.len);
    memcpy(all + 24 + w.kv.len, w.infos.data, w.infos.len);
    for (uint64_t i = 0; i < w.n; i++)
        fill_tensor(all + head + w.parts[i].at, w.parts[i].type, w.parts[i].bytes, &seed);
    bytes_clear(&w.kv);
    bytes_clear(&w.infos);
    return all;
}

/* ---- its speeds ---- */

static void eval(decoder *d, const token_id *ids, size_t n, decoder_want want, float *logits)
{
    cairn_error err = {0};
    if (decoder_eval(d, ids, n, want, logits, &err))
        give_up("a pass", &err);
}

/* The bits of the last logits of n tokens, fed at once, then in three parts, then the last ones singly. */
static void check(decoder *d, const token_id *ids, size_t n, float *logits, size_t vocab)
{
    static const char *const ways[] = {"whole", "parts", "singly"};

    for (size_t way = 0; way < 3; way++) {
        uint64_t sum = 14695981039346656037u;
        const size_t third = n / 3, few = n < 8 ? n : 8;
        decoder_truncate(d, 0);
        if (way == 0)
            eval(d, ids, n, DECODER_LAST, logits);
        if (way == 1) {
            eval(d, ids, third, DECODER_NO_LOGITS, NULL);
            eval(d, ids + third, 5, DECODER_NO_LOGITS, NULL);
            eval(d, ids + third + 5, n - third - 5, DECODER_LAST, logits);
        }
        if (way == 2) {
            eval(d, ids, n - few, DECODER_NO_LOGITS, NULL);
            for (size_t i = n - few; i < n; i++)
                eval(d, ids + i, 1, DECODER_LAST, logits);
        }
        for (size_t i = 0; i < vocab; i++) {
            uint32_t bits;
            memcpy(&bits, logits + i, 4);
            sum = (sum ^ bits) * 1099511628211u;
        }
        printf("{\"check\": \"%s\", \"tokens\": %zu, \"device\": \"%s\", \"bits\": \"%016llx\", \"first\": %.9g}\n",
               ways[way], n, device_name(), (unsigned long long)sum, (double)logits[0]);
    }
}

static void measure_prefill(decoder *d, const decoder_model *m, const token_id *ids, const options *o, size_t n,
                            float *logits)
{
    double took[MOST];
    const size_t reps = o->reps < MOST ? o->reps : MOST;

    for (size_t r = 0; r <= reps; r++) {
        double start = now();
        decoder_truncate(d, 0);
        eval(d, ids, n, DECODER_LAST, logits);
        if (r)
            took[r - 1] = now() - start;
    }
    const double t = median(took, reps);
    printf("{\"prefill\": %zu, \"ms\": %.3f, \"tokens_s\": %.1f, \"tops\": %.2f}\n", n, 1e3 * t, (double)n / t,
           2 * decoder_model_macs(m, false) * (double)n / t / 1e12);
    fflush(stdout);
}

static void measure_decode(decoder *d, const decoder_model *m, const token_id *ids, const options *o, size_t depth,
                           float *logits)
{
    const decoder_shape *s = decoder_model_shape(m);
    double took[MOST];
    const size_t reps = o->reps < MOST ? o->reps : MOST;

    decoder_truncate(d, 0);
    if (depth)
        eval(d, ids, depth, DECODER_NO_LOGITS, NULL);
    for (size_t r = 0; r <= reps; r++) {
        double start = now();
        decoder_truncate(d, depth);
        for (size_t i = 0; i < o->tg; i++)
            eval(d, ids + i, 1, DECODER_LAST, logits);
        if (r)
            took[r - 1] = (now() - start) / (double)o->tg;
    }
    const double t = median(took, reps);
    const double kv = 4.0 * (double)(s->n_layers * s->n_kv_heads * s->head_dim) * (double)(depth + o->tg / 2);
    printf("{\"decode_at\": %zu, \"us\": %.1f, \"tokens_s\": %.1f, \"read_gb_s\": %.1f}\n", depth, 1e6 * t, 1 / t,
           ((double)decoder_model_token_bytes(m) + kv) / t / 1e9);
    fflush(stdout);
}

static void bench_decoder(const char *shape_name, const char *type, const options *o)
{
    const shape *s = NULL;
    cairn_error err = {0};
    decoder_model *m;
    decoder *d;
    pool *p;
    gguf *g;
    size_t len, n_ctx = o->check;
    double start = now();

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (!strcmp(shapes[i].name, shape_name))
            s = &shapes[i];
    if (!s)
        give_up("an unknown shape", NULL);
    for (size_t i = 0; i < o->n_pp; i++)
        n_ctx = o->pp[i] > n_ctx ? o->pp[i] : n_ctx;
    for (size_t i = 0; i < o->n_depth; i++)
        n_ctx = o->depth[i] > n_ctx ? o->depth[i] : n_ctx;
    n_ctx += o->tg + 16;
    uint8_t *file = model_bytes(s, type_named(type), &len);
    const double made = now() - start;
    start = now();
    if (pool_create(&p, (size_t)sysconf(_SC_NPROCESSORS_ONLN), &err) ||
        gguf_open_memory(&g, file, len, "random.gguf", &err) ||
        decoder_model_open(&m, g, &(decoder_model_options){.pool = p}, &err) ||
        decoder_create(&d, m, &(decoder_options){.n_ctx = n_ctx, .n_batch = 1024, .pool = p}, &err))
        give_up(shape_name, &err);
    decoder_model_settle(m);
    printf("{\"model\": \"%s\", \"type\": \"%s\", \"device\": \"%s\", \"token_bytes\": %zu, \"made_s\": %.1f, "
           "\"load_s\": %.2f}\n",
           s->name, type, device_name(), decoder_model_token_bytes(m), made, now() - start);
    uint64_t seed = 3;
    token_id *ids = calloc(n_ctx, sizeof *ids);
    float *logits = calloc(s->vocab, sizeof *logits);
    if (!ids || !logits)
        give_up("no memory", NULL);
    for (size_t i = 0; i < n_ctx; i++)
        ids[i] = (token_id)(draw(&seed) % s->vocab);
    if (o->check)
        check(d, ids, o->check, logits, s->vocab);
    for (size_t i = 0; i < o->n_pp; i++)
        measure_prefill(d, m, ids, o, o->pp[i], logits);
    for (size_t i = 0; i < o->n_depth; i++)
        measure_decode(d, m, ids, o, o->depth[i], logits);
    free(ids);
    free(logits);
    decoder_destroy(d);
    decoder_model_close(m);
    gguf_close(g);
    pool_destroy(p);
    free(file);
}

/* ---- an encoder ---- */

static void bench_encoder(const size_t *v, const options *o)
{
    const size_t n = v[4], tokens = v[5], reps = o->reps < MOST ? o->reps : MOST;
    char path[] = "/tmp/cairn-bench-XXXXXX", command[64];
    toy y = toy_default;
    cairn_error err = {0};
    encoder *e;
    double took[MOST];

    y.hidden = v[0];
    y.layers = v[1];
    y.heads = v[2];
    y.ff = v[3];
    y.positions = tokens + 2;
    if (!mkdtemp(path))
        give_up("no temporary folder", NULL);
    toy_fill(&y);
    toy_write_safetensors(&y, path);
    toy_free(&y);
    int32_t *ids = calloc(n * tokens, sizeof *ids);
    size_t *offsets = calloc(n + 1, sizeof *offsets);
    float *out = calloc(n * v[0], sizeof *out);
    if (!ids || !offsets || !out)
        give_up("no memory", NULL);
    uint64_t seed = 5, sum = 14695981039346656037u;
    for (size_t i = 0; i < n * tokens; i++)
        ids[i] = (int32_t)(draw(&seed) % TOY_VOCAB);
    for (size_t i = 0; i <= n; i++)
        offsets[i] = i * tokens;
    pool *p;
    if (pool_create(&p, (size_t)sysconf(_SC_NPROCESSORS_ONLN), &err) ||
        encoder_open(&e, path, &(encoder_options){.pool = p}, &err))
        give_up("an encoder", &err);
    for (size_t r = 0; r <= reps; r++) {
        double start = now();
        if (encoder_embed_ids(e, ids, offsets, n, out, &err))
            give_up("embedding", &err);
        if (r)
            took[r - 1] = now() - start;
    }
    for (size_t i = 0; i < n * v[0]; i++) {
        uint32_t bits;
        memcpy(&bits, out + i, 4);
        sum = (sum ^ bits) * 1099511628211u;
    }
    const double t = median(took, reps);
    printf("{\"encoder\": [%zu, %zu, %zu, %zu], \"texts\": %zu, \"tokens\": %zu, \"device\": \"%s\", \"ms\": %.2f, "
           "\"texts_s\": %.1f, \"bits\": \"%016llx\"}\n",
           v[0], v[1], v[2], v[3], n, tokens, device_name(), 1e3 * t, (double)n / t, (unsigned long long)sum);
    encoder_close(e);
    pool_destroy(p);
    free(ids);
    free(offsets);
    free(out);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command))
        give_up("the temporary folder stays", NULL);
}

/* ---- a scan ---- */

static void time_scan(const device_backend *b, device_codes *c, const device_code_query *q, size_t n, size_t rows,
                      size_t dim, size_t keep, size_t reps)
{
    device_code_hit *hits = calloc(n * keep, sizeof *hits);
    size_t n_hits[8];
    double took[MOST];
    cairn_error err = {0};

    if (!hits)
        give_up("no memory", NULL);
    for (size_t r = 0; r <= reps; r++) {
        double start = now();
        if (b->codes_scan(c, &(device_code_scan){.queries = q, .n = n, .keep = keep}, hits, n_hits, &err))
            give_up("a scan", &err);
        if (r)
            took[r - 1] = now() - start;
    }
    const double t = median(took, reps);
    printf("{\"scan\": %zu, \"dim\": %zu, \"queries\": %zu, \"keep\": %zu, \"us\": %.1f, \"queries_s\": %.1f, "
           "\"read_gb_s\": %.1f}\n",
           rows, dim, n, keep, 1e6 * t, (double)n / t, (double)rows * (double)(dim + 4) / t / 1e9);
    free(hits);
}

static void bench_scan(const size_t *v, const options *o)
{
    const size_t rows = v[0], stride = (v[1] + 63) & ~(size_t)63, keep = v[2];
    const size_t reps = o->reps < MOST ? o->reps : MOST;
    const device_backend *b;
    device_codes *c;
    device_code_query q[8];
    cairn_error err = {0};
    uint64_t seed = 9;
    double start = now();

    if (device_get(&b, &err))
        give_up("no device", &err);
    if (!b)
        give_up("no device", NULL);
    const double opened = now() - start;
    uint8_t *code = malloc(rows * stride);
    float *scale = malloc(rows * sizeof *scale);
    int8_t *codes = malloc(8 * stride);
    if (!code || !scale || !codes)
        give_up("no memory", NULL);
    for (size_t i = 0; i < rows * stride; i++)
        code[i] = (uint8_t)(1 + draw(&seed) % 255);
    for (size_t i = 0; i < rows; i++)
        scale[i] = 0.005f + (float)(draw(&seed) % 1000) / 1e6f;
    for (size_t i = 0; i < 8 * stride; i++)
        codes[i] = (int8_t)(draw(&seed) % 255 - 127);
    for (size_t i = 0; i < 8; i++) {
        int32_t sum = 0;
        for (size_t j = 0; j < stride; j++)
            sum += codes[i * stride + j];
        q[i] = (device_code_query){codes + i * stride, 0.01f, 0, 128 * sum};
    }
    start = now();
    if (b->codes_create(&c, &(device_code_rows){code, scale, NULL, rows, stride}, &err))
        give_up("copying codes", &err);
    printf("{\"open_s\": %.3f, \"copy_gb_s\": %.2f}\n", opened, (double)rows * (double)(stride + 4) / (now() - start) / 1e9);
    time_scan(b, c, q, 1, rows, stride, keep, reps);
    time_scan(b, c, q, 8, rows, stride, keep, reps);
    b->codes_destroy(c);
    free(code);
    free(scale);
    free(codes);
}

int main(int argc, char **argv)
{
    size_t v[6] = {0};

    if (argc >= 4 && !strcmp(argv[1], "decoder")) {
        const options o = read_options(argv + 4);
        bench_decoder(argv[2], argv[3], &o);
    } else if (argc >= 8 && !strcmp(argv[1], "encoder")) {
        const options o = read_options(argv + 8);
        for (int i = 0; i < 6; i++)
            v[i] = number(argv[2 + i]);
        bench_encoder(v, &o);
    } else if (argc >= 5 && !strcmp(argv[1], "scan")) {
        const options o = read_options(argv + 5);
        for (int i = 0; i < 3; i++)
            v[i] = number(argv[2 + i]);
        bench_scan(v, &o);
    } else {
        give_up("see the usage in bench_device.c", NULL);
    }
    return 0;
}
