/* adapter.c - see adapter.h.
 *
 * Names: docs of llama.cpp's convert_lora_to_gguf, and PEFT's "LoRA" checkpoint format. PEFT's rows of queries
 * and keys are in the order of its models, whose rotary pairs lie half a head apart; in files of
 * architectures that turn neighbouring pairs (llama, granite) these rows were moved, so B's are moved
 * likewise. */
#include "generate/decode/adapter.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/checked.h"
#include "generate/decode/model.h"
#include "generate/formats/safetensors.h"

#define MAX_NAME 512

static const struct {
    const char *gguf, *peft;
} names[ADAPTER_SITES] = {
    [ADAPTER_Q] = {"attn_q", "self_attn.q_proj"},   [ADAPTER_K] = {"attn_k", "self_attn.k_proj"},
    [ADAPTER_V] = {"attn_v", "self_attn.v_proj"},   [ADAPTER_O] = {"attn_output", "self_attn.o_proj"},
    [ADAPTER_GATE] = {"ffn_gate", "mlp.gate_proj"}, [ADAPTER_UP] = {"ffn_up", "mlp.up_proj"},
    [ADAPTER_DOWN] = {"ffn_down", "mlp.down_proj"},
};

/* Inputs and outputs of a site's matrix. */
static void site_shape(const decoder_shape *s, adapter_site site, size_t *in, size_t *out)
{
    const size_t q = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;

    *in = site == ADAPTER_O ? q : site == ADAPTER_DOWN ? s->ff : s->width;
    *out = site == ADAPTER_Q                                 ? q
           : site == ADAPTER_K || site == ADAPTER_V          ? kv
           : site == ADAPTER_GATE || site == ADAPTER_UP      ? s->ff
                                                             : s->width;
}

typedef struct adapting {
    adapter *a;
    const decoder_model *m;
    const char *path;
    bool peft;
    cairn_error *err;
} adapting;

/* "blk.3.attn_q.weight" and the rest behind it. */
static bool parse_gguf(const char *name, size_t *layer, adapter_site *site, const char **rest)
{
    unsigned n;
    int at = 0;

    if (sscanf(name, "blk.%4u.%n", &n, &at) != 1 || !at)
        return false;
    for (size_t i = 0; i < ADAPTER_SITES; i++) {
        size_t len = strlen(names[i].gguf);
        if (strncmp(name + at, names[i].gguf, len) || strncmp(name + at + len, ".weight", 7))
            continue;
        *layer = n;
        *site = (adapter_site)i;
        *rest = name + at + len + 7;
        return true;
    }
    return false;
}

static bool parse_peft(const char *name, size_t *layer, adapter_site *site, const char **rest)
{
    unsigned n;
    int at = 0;

    if (!strncmp(name, "base_model.model.", 17))
        name += 17;
    if (sscanf(name, "model.layers.%4u.%n", &n, &at) != 1 || !at)
        return false;
    for (size_t i = 0; i < ADAPTER_SITES; i++) {
        size_t len = strlen(names[i].peft);
        if (strncmp(name + at, names[i].peft, len))
            continue;
        *layer = n;
        *site = (adapter_site)i;
        *rest = name + at + len;
        return true;
    }
    return false;
}

/* Which factor a tensor is. */
static bool parse_name(const adapting *x, const char *name, size_t *layer, adapter_site *site,
                       bool *is_up)
{
    static const char *const ends[2][2] = {{".lora_a", ".lora_b"},
                                           {".lora_A.weight", ".lora_B.weight"}};
    const char *rest;

    if (!(x->peft ? parse_peft : parse_gguf)(name, layer, site, &rest))
        return false;
    *is_up = !strcmp(rest, ends[x->peft][1]);
    return *is_up || !strcmp(rest, ends[x->peft][0]);
}

/* Row of PEFT's order that is row `to` of the file's. */
static size_t peft_row(size_t to, size_t dim)
{
    size_t in_head = to % dim;
    return to - in_head + in_head % 2 * (dim / 2) + in_head / 2;
}

static cairn_status take_floats(const adapting *x, const tensor *t, size_t turned_dim, float **out)
{
    const size_t n = (size_t)tensor_elements(t), cols = t->dims[0];
    const size_t rows = (size_t)tensor_rows(t), row_bytes = t->bytes / (rows ? rows : 1);
    float *v;

    if (!dequantize_supported(t->type) || cols % tensor_type_get(t->type)->block_size)
        return cairn_fail(x->err, CAIRN_EUNSUPPORTED, "%s: tensor %s is stored in a form that is not read "
                                                      "here", x->path, t->name);
    v = checked_malloc(n, sizeof *v);
    if (!v)
        return cairn_fail(x->err, CAIRN_ENOMEM, "tensor %s", t->name);
    for (size_t r = 0; r < rows; r++) {
        size_t from = turned_dim ? peft_row(r, turned_dim) : r;
        dequantize_row(t->type, t->data + from * row_bytes, v + r * cols, cols);
    }
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i])) {
            free(v);
            return cairn_fail(x->err, CAIRN_EMODEL, "%s: tensor %s holds what is no number", x->path,
                              t->name);
        }
    *out = v;
    return CAIRN_OK;
}

static cairn_status take_tensor(adapting *x, const tensor *t)
{
    const decoder_shape *s = &x->m->shape;
    size_t layer, in, out, rows = (size_t)tensor_rows(t), rank;
    adapter_site site;
    adapter_factors *f;
    bool is_up, turned;
    float **to;

    if (!parse_name(x, t->name, &layer, &site, &is_up))
        return cairn_fail(x->err, CAIRN_EUNSUPPORTED,
                          "%s: tensor %s is no factor of a matrix of queries, keys, values, outputs or the "
                          "feed-forward part, which alone can be adapted", x->path, t->name);
    if (layer >= s->n_layers)
        return cairn_fail(x->err, CAIRN_EMODEL, "%s: tensor %s is of a layer that the model (%zu layers) "
                                                "does not have", x->path, t->name, s->n_layers);
    f = &x->a->sites[layer * ADAPTER_SITES + site];
    to = is_up ? &f->up : &f->down;
    site_shape(s, site, &in, &out);
    rank = is_up ? t->dims[0] : rows;
    if (t->n_dims != 2 || (is_up ? rows != out : t->dims[0] != in) || !rank ||
        rank > ADAPTER_MAX_RANK || (f->rank && f->rank != rank))
        return cairn_fail(x->err, CAIRN_EMODEL,
                          "%s: tensor %s has the shape %llu x %llu; the matrix has %zu inputs and %zu "
                          "outputs, both factors one rank of at most %zu", x->path, t->name,
                          (unsigned long long)t->dims[0], (unsigned long long)rows, in, out,
                          ADAPTER_MAX_RANK);
    if (*to)
        return cairn_fail(x->err, CAIRN_EMODEL, "%s: tensor %s twice", x->path, t->name);
    f->rank = rank;
    f->in = in;
    f->out = out;
    turned = x->peft && is_up && !x->m->pairs_apart && (site == ADAPTER_Q || site == ADAPTER_K);
    return take_floats(x, t, turned ? s->head_dim : 0, to);
}

/* Every factor has its other one; the scale is a number; the hash of it all. */
static cairn_status finish(adapting *x, float alpha, bool by_root)
{
    adapter *a = x->a;
    size_t first_rank = 0;
    XXH3_state_t *state = XXH3_createState();

    if (!state)
        return cairn_fail(x->err, CAIRN_ENOMEM, "adapter");
    XXH3_64bits_reset(state);
    for (size_t i = 0; i < a->n_layers * ADAPTER_SITES; i++) {
        adapter_factors *f = &a->sites[i];
        if (!f->rank)
            continue;
        if (!f->up || !f->down) {
            XXH3_freeState(state);
            return cairn_fail(x->err, CAIRN_EMODEL, "%s: layer %zu, %s has one factor of two", x->path,
                              i / ADAPTER_SITES, names[i % ADAPTER_SITES].gguf);
        }
        /* alpha / rank belongs to each matrix; ranks may differ. */
        float scale = alpha / (by_root ? sqrtf((float)f->rank) : (float)f->rank);
        for (size_t j = 0; alpha && j < f->out * f->rank; j++)
            f->up[j] *= scale;
        first_rank = first_rank ? first_rank : f->rank;
        XXH3_64bits_update(state, &i, sizeof i);
        XXH3_64bits_update(state, f->up, f->out * f->rank * sizeof *f->up);
        XXH3_64bits_update(state, f->down, f->in * f->rank * sizeof *f->down);
    }
    a->hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    if (!first_rank)
        return cairn_fail(x->err, CAIRN_EMODEL, "%s adapts no matrix", x->path);
    return CAIRN_OK;
}

static cairn_status check_alpha(const adapting *x, float alpha)
{
    if (alpha >= 0 && alpha <= ADAPTER_MAX_SCALE)
        return CAIRN_OK;
    return cairn_fail(x->err, CAIRN_EMODEL, "%s: an alpha of %g", x->path, (double)alpha);
}

/* ---- GGUF ---- */

static cairn_status take_gguf(adapting *x, const gguf *g)
{
    gguf_string arch = gguf_get_string(g, "general.architecture");
    float alpha = gguf_get_f32(g, "adapter.lora.alpha", 0);
    cairn_status st = CAIRN_OK;

    if (!gguf_string_is(gguf_get_string(g, "general.type"), "adapter"))
        return cairn_fail(x->err, CAIRN_EMODEL, "%s is no adapter: general.type says otherwise", x->path);
    if (!gguf_string_is(gguf_get_string(g, "adapter.type"), "lora"))
        return cairn_fail(x->err, CAIRN_EUNSUPPORTED, "%s: only adapters of type lora are read", x->path);
    if (!gguf_string_is(arch, x->m->shape.arch_name))
        return cairn_fail(x->err, CAIRN_EMODEL, "%s is made for the architecture %.*s, the model's is %s", x->path,
                          (int)(arch.len < 40 ? arch.len : 40), arch.data ? arch.data : "",
                          x->m->shape.arch_name);
    st = check_alpha(x, alpha);
    for (size_t i = 0; !st && i < gguf_tensor_count(g); i++)
        st = take_tensor(x, gguf_tensor_at(g, i));
    return st ? st : finish(x, alpha, false);
}

/* ---- safetensors ---- */

static bool is_set(const json_t *config, const char *key)
{
    const json_t *v = json_object_get(config, key);

    return v && !json_is_null(v) && !json_is_false(v) &&
           !(json_is_object(v) && !json_object_size(v)) && !(json_is_array(v) && !json_array_size(v));
}

/* What changes the arithmetic and is not done here is refused by name. */
static cairn_status take_config(const adapting *x, const char *text, float *alpha, bool *by_root)
{
    static const char *const not_done[] = {"fan_in_fan_out", "use_dora",       "alpha_pattern",
                                           "modules_to_save", "layer_replication", "lora_bias"};
    json_error_t where;
    json_t *config = json_loads(text, JSON_REJECT_DUPLICATES, &where), *value;
    const char *bias, *kind;
    cairn_status st = CAIRN_OK;

    if (!json_is_object(config)) {
        json_decref(config);
        return cairn_fail(x->err, CAIRN_EMODEL, "%s: the configuration is no JSON object (line %d)", x->path,
                          where.line);
    }
    kind = json_string_value(json_object_get(config, "peft_type"));
    bias = json_string_value(json_object_get(config, "bias"));
    value = json_object_get(config, "lora_alpha");
    if (!kind || strcmp(kind, "LORA"))
        st = cairn_fail(x->err, CAIRN_EUNSUPPORTED, "%s: only peft_type LORA is read", x->path);
    else if (bias && strcmp(bias, "none"))
        st = cairn_fail(x->err, CAIRN_EUNSUPPORTED, "%s: adapters with biases are not read", x->path);
    else if (!json_is_number(value))
        st = cairn_fail(x->err, CAIRN_EMODEL, "%s: the configuration has no lora_alpha", x->path);
    for (size_t i = 0; !st && i < sizeof not_done / sizeof *not_done; i++)
        if (is_set(config, not_done[i]))
            st = cairn_fail(x->err, CAIRN_EUNSUPPORTED, "%s: %s is not done here", x->path, not_done[i]);
    if (!st) {
        *alpha = (float)json_number_value(value);
        *by_root = json_is_true(json_object_get(config, "use_rslora"));
        st = check_alpha(x, *alpha);
        if (!st && !(*alpha > 0))
            st = cairn_fail(x->err, CAIRN_EMODEL, "%s: a lora_alpha of 0", x->path);
    }
    json_decref(config);
    return st;
}

static cairn_status take_safetensors(adapting *x, const safetensors *s, const char *config)
{
    float alpha = 0;
    bool by_root = false;
    cairn_status st;

    x->peft = true;
    if (!config)
        return cairn_fail(x->err, CAIRN_EMODEL, "%s: there is no adapter_config.json beside it", x->path);
    st = take_config(x, config, &alpha, &by_root);
    for (size_t i = 0; !st && i < safetensors_count(s); i++)
        st = take_tensor(x, safetensors_at(s, i));
    return st ? st : finish(x, alpha, by_root);
}

/* ---- opening ---- */

static cairn_status begin(adapting *x, const char *path, const decoder_model *m, cairn_error *err)
{
    *x = (adapting){.m = m, .path = path, .err = err};
    if (m->shape.arch == DECODER_PHI3)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s: models of the architecture phi3 are not adapted", path);
    x->a = calloc(1, sizeof *x->a);
    if (x->a) {
        x->a->n_layers = m->shape.n_layers;
        x->a->sites = calloc(m->shape.n_layers * ADAPTER_SITES, sizeof *x->a->sites);
    }
    if (!x->a || !x->a->sites)
        return cairn_fail(err, CAIRN_ENOMEM, "adapter %s", path);
    return CAIRN_OK;
}

static cairn_status end(adapting *x, cairn_status st, adapter **out)
{
    if (st)
        adapter_close(x->a);
    *out = st ? NULL : x->a;
    return st;
}

static bool is_gguf(const void *data, size_t len)
{
    return len >= 4 && !memcmp(data, "GGUF", 4);
}

cairn_status adapter_open_memory(adapter **out, const void *data, size_t len, const char *config,
                                 const char *name, const decoder_model *m, cairn_error *err)
{
    adapting x;
    gguf *g = NULL;
    safetensors *s = NULL;
    cairn_status st = begin(&x, name, m, err);

    if (!st && is_gguf(data, len)) {
        st = gguf_open_memory(&g, data, len, name, err);
        st = st ? st : take_gguf(&x, g);
        gguf_close(g);
    } else if (!st) {
        st = safetensors_open_memory(&s, data, len, name, err);
        st = st ? st : take_safetensors(&x, s, config);
        safetensors_close(s);
    }
    return end(&x, st, out);
}

static bool path_beside(const char *path, const char *name, char out[4096])
{
    const char *slash = strrchr(path, '/');
    int n = snprintf(out, 4096, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name);

    return n > 0 && n < 4096;
}

static cairn_status open_peft(adapting *x, const char *path)
{
    char config_path[4096];
    json_error_t where;
    json_t *config = NULL;
    char *text = NULL;
    safetensors *s = NULL;
    cairn_status st = safetensors_open(&s, path, x->err);

    if (!st && path_beside(path, "adapter_config.json", config_path) &&
        (config = json_load_file(config_path, JSON_REJECT_DUPLICATES, &where)))
        text = json_dumps(config, JSON_COMPACT);
    if (!st)
        st = take_safetensors(x, s, text);
    free(text);
    json_decref(config);
    safetensors_close(s);
    return st;
}

cairn_status adapter_open(adapter **out, const char *path, const decoder_model *m, cairn_error *err)
{
    char inside[4096];
    struct stat sb;
    size_t len = strlen(path);
    adapting x;
    gguf *g = NULL;
    cairn_status st = begin(&x, path, m, err);

    if (!st && !stat(path, &sb) && S_ISDIR(sb.st_mode)) {
        int n = snprintf(inside, sizeof inside, "%s/adapter_model.safetensors", path);
        if (n < 0 || (size_t)n >= sizeof inside)
            st = cairn_fail(err, CAIRN_EUSAGE, "%s is too long a name", path);
        else
            st = open_peft(&x, inside);
    } else if (!st && len > 12 && !strcmp(path + len - 12, ".safetensors")) {
        st = open_peft(&x, path);
    } else if (!st) {
        st = gguf_open(&g, path, err);
        st = st ? st : take_gguf(&x, g);
        gguf_close(g);
    }
    return end(&x, st, out);
}

void adapter_close(adapter *a)
{
    if (!a)
        return;
    for (size_t i = 0; a->sites && i < a->n_layers * ADAPTER_SITES; i++) {
        free(a->sites[i].down);
        free(a->sites[i].up);
    }
    free(a->sites);
    free(a);
}

const adapter_factors *adapter_find(const adapter *a, const char *tensor)
{
    size_t layer;
    adapter_site site;
    const char *rest;

    if (!parse_gguf(tensor, &layer, &site, &rest) || *rest || layer >= a->n_layers)
        return NULL;
    return a->sites[layer * ADAPTER_SITES + site].rank
               ? &a->sites[layer * ADAPTER_SITES + site]
               : NULL;
}

void adapter_add_row(const adapter_factors *f, float scale, size_t row, float *x)
{
    for (size_t r = 0; r < f->rank; r++) {
        float by = scale * f->up[row * f->rank + r];
        for (size_t i = 0; i < f->in; i++)
            x[i] += by * f->down[r * f->in + i];
    }
}
