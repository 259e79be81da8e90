/* test_adapter.c - adapters: with them a model computes what the same model with the products added to its
 * weights computes plainly in double precision (plain_decoder.h); in any batch to the same bytes; merged into a
 * file, the same again; PEFT's files give what GGUF's give; hostile ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generate/decode/adapter.h"
#include "generate/decode/quantize.h"
#include "tests/generate/make_adapter.h"
#include "tests/generate/plain_decoder.h"

#define N     30
#define VOCAB 100

/* Matrices of tiny_default: 64 wide, 4 heads of 16, 2 of keys, 96 in the feed-forward part. */
static const struct {
    const char *gguf, *peft;
    size_t in, out;
} sites[] = {
    {"attn_q", "self_attn.q_proj", 64, 64},      {"attn_k", "self_attn.k_proj", 64, 32},
    {"attn_v", "self_attn.v_proj", 64, 32},      {"attn_output", "self_attn.o_proj", 64, 64},
    {"ffn_gate", "mlp.gate_proj", 64, 96},       {"ffn_up", "mlp.up_proj", 64, 96},
    {"ffn_down", "mlp.down_proj", 96, 64},
};
#define SITES (sizeof sites / sizeof *sites)

/* Both factors of every `step`-th site of two layers. */
typedef struct made {
    made_tensor t[4 * SITES];
    size_t n, rank;
    float alpha;
} made;

static void make(made *m, size_t rank, size_t step, float alpha, uint64_t seed)
{
    *m = (made){.rank = rank, .alpha = alpha};
    for (size_t i = 0; i < 2 * SITES; i += step)
        for (int up = 0; up < 2; up++) {
            const size_t in = sites[i % SITES].in, out = sites[i % SITES].out;
            made_tensor *t = &m->t[m->n++];
            snprintf(t->name, sizeof t->name, "blk.%zu.%s.weight.lora_%c", i / SITES,
                     sites[i % SITES].gguf, up ? 'b' : 'a');
            t->cols = up ? rank : in;
            t->rows = up ? out : rank;
            t->data = malloc(t->cols * t->rows * sizeof *t->data);
            for (size_t j = 0; j < t->cols * t->rows; j++)
                t->data[j] = ((float)(tiny_random(&seed) % 2001) - 1000.0f) / 8000.0f;
        }
}

static void unmake(made *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->t[i].data);
}

/* W += scale * alpha / rank * B A in the file's own bytes, in double. */
static void add_to_weights(gguf *g, const made *m, double scale)
{
    for (size_t i = 0; i < m->n; i += 2) {
        const made_tensor *a = &m->t[i], *b = &m->t[i + 1];
        char name[96];
        const gguf_tensor *t;
        float *w;
        snprintf(name, sizeof name, "%.*s", (int)(strlen(a->name) - 7), a->name);
        t = gguf_find_tensor(g, name);
        assert_non_null(t);
        w = (float *)t->data;
        for (size_t r = 0; r < b->rows; r++)
            for (size_t c = 0; c < a->cols; c++) {
                double sum = 0;
                for (size_t j = 0; j < m->rank; j++)
                    sum += (double)b->data[r * m->rank + j] * (double)a->data[j * a->cols + c];
                w[r * a->cols + c] =
                    (float)((double)w[r * a->cols + c] + scale * (double)m->alpha / (double)m->rank * sum);
            }
    }
}

typedef struct place {
    char top[64], file[4][128];
} place;

static void make_place(place *p)
{
    char top[] = "/tmp/cairn-adapter-XXXXXX";

    assert_non_null(mkdtemp(top));
    strcpy(p->top, top);
    for (int i = 0; i < 4; i++)
        snprintf(p->file[i], sizeof p->file[i], "%s/%d.gguf", top, i);
}

static void remove_place(place *p)
{
    char path[128];
    static const char *const others[] = {"adapter_model.safetensors", "adapter_config.json"};

    for (int i = 0; i < 4; i++)
        unlink(p->file[i]);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", p->top, others[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(p->top), 0);
}

static void write_file(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

static void write_made(const char *path, const char *arch, const made *m)
{
    size_t len;
    uint8_t *data = made_gguf(arch, "lora", m->alpha, m->t, m->n, &len);

    write_file(path, data, len);
    free(data);
}

static void some_tokens(token_id ids[N])
{
    uint64_t seed = 77;
    for (size_t i = 0; i < N; i++)
        ids[i] = (token_id)(tiny_random(&seed) % VOCAB);
}

/* Logits of all tokens, `step` at a time. */
static void logits_of(const decoder_model *m, bool exact, size_t step, pool *p, float *out)
{
    decoder_options o = {.n_ctx = 64, .exact = exact, .pool = p};
    token_id ids[N];
    decoder *d;

    some_tokens(ids);
    assert_int_equal(decoder_create(&d, m, &o, NULL), CAIRN_OK);
    for (size_t i = 0; i < N; i += step) {
        size_t n = N - i < step ? N - i : step;
        assert_int_equal(decoder_eval(d, ids + i, n, DECODER_ALL, out + i * VOCAB, NULL), CAIRN_OK);
    }
    decoder_destroy(d);
}

static double worst_gap(const float *a, const double *b)
{
    double worst = 0;

    for (size_t i = 0; i < N * VOCAB; i++)
        if (!(fabs((double)a[i] - b[i]) <= worst))
            worst = fabs((double)a[i] - b[i]);
    return worst;
}

static const char *const archs[] = {"llama", "qwen2", "qwen3", "gemma2", "gemma3", "granite"};

static void as_if_added_to_the_weights(void **state)
{
    const float scales[] = {0.75f, -1.5f};
    float *got = malloc(N * VOCAB * sizeof *got), *other = malloc(N * VOCAB * sizeof *other);
    double *want = malloc(N * VOCAB * sizeof *want);
    pool *threads;
    place p;
    (void)state;
    make_place(&p);
    assert_int_equal(pool_create(&threads, 3, NULL), CAIRN_OK);
    for (size_t a = 0; a < sizeof archs / sizeof *archs; a++) {
        tiny_model t = tiny_default;
        made m[2];
        size_t len;
        uint8_t *data;
        gguf *g;
        decoder_model *model;
        token_id ids[N];
        cairn_error err = {0};
        t.arch = archs[a];
        t.type = TENSOR_F32;
        t.window = !strncmp(archs[a], "gemma", 5) ? 9 : 0;
        data = tiny_model_bytes(&t, &len);
        assert_int_equal(gguf_open_memory(&g, data, len, "tiny.gguf", NULL), CAIRN_OK);
        make(&m[0], 5, 1, 8, 10 + a);
        make(&m[1], 40, 3, 16, 20 + a);
        for (int i = 0; i < 2; i++)
            write_made(p.file[i], archs[a], &m[i]);
        const decoder_adapter list[] = {{.path = p.file[0], .scale = scales[0]}, {.path = p.file[1], .scale = scales[1]}};
        assert_int_equal(decoder_model_open(&model, g, NULL, NULL), CAIRN_OK);
        assert_int_equal(decoder_model_variant(model), 0);
        logits_of(model, true, N, NULL, other);
        if (decoder_model_adapt(model, list, 2, &err))
            fail_msg("%s: %s", archs[a], err.text);
        assert_int_not_equal(decoder_model_variant(model), 0);
        logits_of(model, true, N, NULL, got);
        for (int i = 0; i < 2; i++)
            add_to_weights(g, &m[i], (double)scales[i]);
        some_tokens(ids);
        plain_logits(g, ids, N, 64, want);
        if (!(worst_gap(got, want) < 5e-5) || !(worst_gap(other, want) > 0.01))
            fail_msg("%s: differs by %g; without them by %g", archs[a], worst_gap(got, want),
                     worst_gap(other, want));
        /* Fast, in any batch and with threads: the same bytes. */
        logits_of(model, false, N, NULL, got);
        logits_of(model, false, 1, NULL, other);
        assert_memory_equal(got, other, N * VOCAB * sizeof *got);
        logits_of(model, false, 7, threads, other);
        assert_memory_equal(got, other, N * VOCAB * sizeof *got);
        assert_true(worst_gap(got, want) < 0.1);
        decoder_model_close(model);
        gguf_close(g);
        free(data);
        unmake(&m[0]);
        unmake(&m[1]);
    }
    pool_destroy(threads);
    free(got);
    free(other);
    free(want);
    remove_place(&p);
}

static void merged_into_a_file(void **state)
{
    static const tensor_type types[] = {TENSOR_F32, TENSOR_Q8_0, TENSOR_Q4_1};
    float *got = malloc(N * VOCAB * sizeof *got);
    double *want = malloc(N * VOCAB * sizeof *want);
    place p;
    (void)state;
    make_place(&p);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        tiny_model t = tiny_default;
        made m;
        size_t len;
        uint8_t *data;
        gguf *g, *merged;
        adapter *a;
        decoder_model *model;
        quantize_report report;
        cairn_error err = {0};
        t.type = types[i];
        data = tiny_model_bytes(&t, &len);
        write_file(p.file[0], data, len);
        make(&m, 6, 1, 12, 5);
        write_made(p.file[1], "llama", &m);
        assert_int_equal(gguf_open(&g, p.file[0], NULL), CAIRN_OK);
        assert_int_equal(decoder_model_open(&model, g, NULL, NULL), CAIRN_OK);
        assert_int_equal(adapter_open(&a, p.file[1], model, NULL), CAIRN_OK);
        const lora_source source = {a, 0.5f};
        const quantize_options o = {.keep_types = true, .adapters = &source, .n_adapters = 1};
        if (quantize_file(g, p.file[2], &o, &report, &err))
            fail_msg("%s", err.text);
        const decoder_adapter list = {.path = p.file[1], .scale = 0.5f};
        assert_int_equal(decoder_model_adapt(model, &list, 1, NULL), CAIRN_OK);
        logits_of(model, true, N, NULL, got);
        for (size_t j = 0; j < N * VOCAB; j++)
            want[j] = (double)got[j];
        decoder_model_close(model);
        assert_int_equal(gguf_open(&merged, p.file[2], NULL), CAIRN_OK);
        assert_int_equal(gguf_find_tensor(merged, "token_embd.weight")->type, types[i]);
        assert_int_equal(gguf_find_tensor(merged, "blk.0.attn_q.weight")->type,
                         types[i] == TENSOR_Q4_1 ? TENSOR_Q8_0 : types[i]);
        assert_int_equal(decoder_model_open(&model, merged, NULL, NULL), CAIRN_OK);
        logits_of(model, true, N, NULL, got);
        if (!(worst_gap(got, want) < (types[i] == TENSOR_F32 ? 5e-5 : 0.05)))
            fail_msg("%s: differs by %g", tensor_type_get(types[i])->name, worst_gap(got, want));
        decoder_model_close(model);
        adapter_close(a);
        gguf_close(merged);
        gguf_close(g);
        free(data);
        unmake(&m);
    }
    free(got);
    free(want);
    remove_place(&p);
}

#define CONFIG "{\"peft_type\":\"LORA\",\"lora_alpha\":8,\"r\":5,\"bias\":\"none\",\"fan_in_fan_out\":false"

/* PEFT's order of a row of queries or keys, for files that turn neighbouring pairs. */
static size_t peft_row(size_t head_dim, size_t row)
{
    size_t head = row / head_dim, i = row % head_dim; /* i = half * (dim / 2) + pair there */
    return head * head_dim + 2 * (i % (head_dim / 2)) + i / (head_dim / 2);
}

static void peft_gives_the_same(void **state)
{
    (void)state;
    for (int llama = 0; llama < 2; llama++)
        for (int root = 0; root < 2; root++) {
            tiny_model t = tiny_default;
            made m, peft;
            size_t len, peft_len;
            uint8_t *data, *gguf_bytes, *peft_bytes;
            gguf *g;
            decoder_model *model;
            adapter *a, *b;
            cairn_error err = {0};
            t.arch = llama ? "llama" : "qwen2";
            data = tiny_model_bytes(&t, &len);
            assert_int_equal(gguf_open_memory(&g, data, len, "tiny.gguf", NULL), CAIRN_OK);
            assert_int_equal(decoder_model_open(&model, g, NULL, NULL), CAIRN_OK);
            make(&m, 5, 1, root ? 8 * sqrtf(5) : 8, 3);
            make(&peft, 5, 1, 8, 3);
            for (size_t i = 0; i < peft.n; i++) {
                size_t site = i / 2 % SITES;
                made_tensor *x = &peft.t[i];
                snprintf(x->name, sizeof x->name, "base_model.model.model.layers.%zu.%s.lora_%c.weight",
                         i / 2 / SITES, sites[site].peft, i % 2 ? 'B' : 'A');
                for (size_t r = 0; llama && i % 2 && site < 2 && r < x->rows; r++)
                    memcpy(x->data + r * x->cols, m.t[i].data + peft_row(16, r) * x->cols,
                           x->cols * sizeof(float));
            }
            gguf_bytes = made_gguf(t.arch, "lora", m.alpha, m.t, m.n, &len);
            peft_bytes = made_safetensors(peft.t, peft.n, &peft_len);
            if (adapter_open_memory(&a, gguf_bytes, len, NULL, "a", model, &err) ||
                adapter_open_memory(&b, peft_bytes, peft_len,
                                    root ? CONFIG ",\"use_rslora\":true}" : CONFIG "}", "b", model, &err))
                fail_msg("%s", err.text);
            for (size_t i = 0; i < 2 * SITES; i++) {
                const adapter_factors *x = &a->sites[i], *y = &b->sites[i];
                assert_int_equal(x->rank, 5);
                assert_memory_equal(x->down, y->down, x->rank * x->in * sizeof(float));
                for (size_t j = 0; j < x->rank * x->out; j++)
                    assert_true(fabsf(x->up[j] - y->up[j]) < 1e-6f);
            }
            assert_true(root || a->hash == b->hash);
            adapter_close(a);
            adapter_close(b);
            decoder_model_close(model);
            gguf_close(g);
            free(data);
            free(gguf_bytes);
            free(peft_bytes);
            unmake(&m);
            unmake(&peft);
        }
}

typedef struct open_model {
    uint8_t *data;
    gguf *g;
    decoder_model *m;
} open_model;

static void open_tiny(open_model *o)
{
    size_t len;

    o->data = tiny_model_bytes(&tiny_default, &len);
    assert_int_equal(gguf_open_memory(&o->g, o->data, len, "tiny.gguf", NULL), CAIRN_OK);
    assert_int_equal(decoder_model_open(&o->m, o->g, NULL, NULL), CAIRN_OK);
}

static void close_tiny(open_model *o)
{
    decoder_model_close(o->m);
    gguf_close(o->g);
    free(o->data);
}

static void hostile_ones_are_refused(void **state)
{
    static const struct {
        const char *name, *arch, *type, *rename, *says;
        float alpha;
        size_t drop, cols, rows; /* drop the tensor of this number (from 1), or give the first this shape */
        bool nan;
        cairn_status want;
    } bad[] = {
        {"whole", "llama", "lora", NULL, NULL, 8, 0, 0, 0, false, CAIRN_OK},
        {"other architecture", "qwen2", "lora", NULL, "qwen2", 8, 0, 0, 0, false, CAIRN_EMODEL},
        {"other kind", "llama", "ia3", NULL, "lora", 8, 0, 0, 0, false, CAIRN_EUNSUPPORTED},
        {"negative alpha", "llama", "lora", NULL, "alpha", -1, 0, 0, 0, false, CAIRN_EMODEL},
        {"no number as alpha", "llama", "lora", NULL, "alpha", NAN, 0, 0, 0, false, CAIRN_EMODEL},
        {"huge alpha", "llama", "lora", NULL, "alpha", 1e30f, 0, 0, 0, false, CAIRN_EMODEL},
        {"one factor", "llama", "lora", NULL, "one factor", 8, 2, 0, 0, false, CAIRN_EMODEL},
        {"the embedding", "llama", "lora", "token_embd.weight.lora_a", "token_embd", 8, 0, 0, 0, false,
         CAIRN_EUNSUPPORTED},
        {"a layer too many", "llama", "lora", "blk.2.attn_q.weight.lora_a", "blk.2", 8, 0, 0, 0, false,
         CAIRN_EMODEL},
        {"a huge layer", "llama", "lora", "blk.99999999999.attn_q.weight.lora_a", "blk.9", 8, 0, 0, 0,
         false, CAIRN_EUNSUPPORTED},
        {"another ending", "llama", "lora", "blk.0.attn_q.weight.lora_c", "lora_c", 8, 0, 0, 0, false,
         CAIRN_EUNSUPPORTED},
        {"other inputs", "llama", "lora", NULL, "64 inputs", 8, 0, 32, 5, false, CAIRN_EMODEL},
        {"other rank", "llama", "lora", NULL, "one rank", 8, 0, 64, 4, false, CAIRN_EMODEL},
        {"what is no number", "llama", "lora", NULL, "no number", 8, 0, 0, 0, true, CAIRN_EMODEL},
    };
    open_model o;
    (void)state;
    open_tiny(&o);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        made m;
        size_t len, first = 0;
        uint8_t *data;
        adapter *a;
        cairn_error err = {0};
        cairn_status st;
        make(&m, 5, 1, bad[i].alpha, 4);
        if (bad[i].rename)
            strcpy(m.t[0].name, bad[i].rename);
        if (bad[i].cols) {
            m.t[0].cols = bad[i].cols;
            m.t[0].rows = bad[i].rows;
        }
        if (bad[i].nan)
            m.t[3].data[7] = NAN;
        if (bad[i].drop) {
            free(m.t[0].data);
            first = 1;
        }
        data = made_gguf(bad[i].arch, bad[i].type, m.alpha, m.t + first, m.n - first, &len);
        st = adapter_open_memory(&a, data, len, NULL, "bad.gguf", o.m, &err);
        if (st != bad[i].want)
            fail_msg("%s: %s (%s)", bad[i].name, cairn_status_name(st), err.text);
        if (st && (!strstr(err.text, bad[i].says) || !strstr(err.text, "bad.gguf")))
            fail_msg("%s: the sentence is: %s", bad[i].name, err.text);
        adapter_close(a);
        free(data);
        if (first)
            m.t[0].data = NULL;
        unmake(&m);
    }
    close_tiny(&o);
}

static void configurations_are_refused(void **state)
{
    static const struct {
        const char *config, *says;
    } bad[] = {
        {NULL, "adapter_config.json"},
        {"", "JSON"},
        {"[]", "JSON"},
        {"{}", "peft_type"},
        {"{\"peft_type\":\"IA3\",\"lora_alpha\":8}", "peft_type"},
        {"{\"peft_type\":\"LORA\"}", "lora_alpha"},
        {"{\"peft_type\":\"LORA\",\"lora_alpha\":0}", "lora_alpha"},
        {"{\"peft_type\":\"LORA\",\"lora_alpha\":-3}", "alpha"},
        {"{\"peft_type\":\"LORA\",\"lora_alpha\":\"8\"}", "lora_alpha"},
        {CONFIG ",\"use_dora\":true}", "use_dora"},
        {CONFIG ",\"modules_to_save\":[\"lm_head\"]}", "modules_to_save"},
        {CONFIG ",\"alpha_pattern\":{\"q_proj\":4}}", "alpha_pattern"},
        {"{\"peft_type\":\"LORA\",\"lora_alpha\":8,\"bias\":\"all\"}", "bias"},
        {"{\"peft_type\":\"LORA\",\"lora_alpha\":8,\"fan_in_fan_out\":true}", "fan_in_fan_out"},
    };
    open_model o;
    made m;
    size_t len;
    uint8_t *data;
    (void)state;
    open_tiny(&o);
    make(&m, 5, 20, 8, 4);
    for (int i = 0; i < 2; i++)
        snprintf(m.t[i].name, sizeof m.t[i].name, "model.layers.0.self_attn.q_proj.lora_%c.weight",
                 i ? 'B' : 'A');
    data = made_safetensors(m.t, m.n, &len);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cairn_error err = {0};
        adapter *a;
        cairn_status st = adapter_open_memory(&a, data, len, bad[i].config, "bad", o.m, &err);
        if ((st != CAIRN_EMODEL && st != CAIRN_EUNSUPPORTED) || !strstr(err.text, bad[i].says))
            fail_msg("%s: %s", bad[i].config ? bad[i].config : "none", err.text);
        assert_null(a);
    }
    free(data);
    unmake(&m);
    close_tiny(&o);
}

/* The file with its configuration in a folder, and names that are none. */
static void folders_and_missing_files(void **state)
{
    char path[128];
    open_model o;
    place p;
    made m;
    size_t len;
    uint8_t *data;
    adapter *a;
    (void)state;
    make_place(&p);
    open_tiny(&o);
    assert_int_equal(adapter_open(&a, p.top, o.m, NULL), CAIRN_EMODEL);
    assert_int_equal(adapter_open(&a, p.file[0], o.m, NULL), CAIRN_EMODEL);
    make(&m, 5, 20, 8, 4);
    for (int i = 0; i < 2; i++)
        snprintf(m.t[i].name, sizeof m.t[i].name, "model.layers.0.self_attn.q_proj.lora_%c.weight",
                 i ? 'B' : 'A');
    data = made_safetensors(m.t, m.n, &len);
    snprintf(path, sizeof path, "%s/adapter_model.safetensors", p.top);
    write_file(path, data, len);
    assert_int_equal(adapter_open(&a, p.top, o.m, NULL), CAIRN_EMODEL); /* no configuration */
    snprintf(path, sizeof path, "%s/adapter_config.json", p.top);
    write_file(path, CONFIG "}", strlen(CONFIG "}"));
    assert_int_equal(adapter_open(&a, p.top, o.m, NULL), CAIRN_OK);
    assert_non_null(adapter_find(a, "blk.0.attn_q.weight"));
    assert_null(adapter_find(a, "blk.0.attn_k.weight"));
    assert_null(adapter_find(a, "blk.9.attn_q.weight"));
    assert_null(adapter_find(a, "output_norm.weight"));
    adapter_close(a);
    free(data);
    unmake(&m);
    close_tiny(&o);
    remove_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_if_added_to_the_weights),
        cmocka_unit_test(merged_into_a_file),
        cmocka_unit_test(peft_gives_the_same),
        cmocka_unit_test(hostile_ones_are_refused),
        cmocka_unit_test(configurations_are_refused),
        cmocka_unit_test(folders_and_missing_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
