/* model_quantize.c - `cairn model quantize`: a smaller copy of a model, with what it costs. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/model.h"
#include "engine/model_add.h"
#include "engine/model_caches.h"
#include "engine/model_lines.h"
#include "generate/decode/quantize.h"
#include "generate/kernels/quantize_blocks.h"

/* The type of this name that can be written; "Q4_K_M" and the like are taken for their family. */
static cairn_status type_by_name(const char *name, tensor_type *out, cairn_error *err)
{
    for (uint32_t t = 0; t < TENSOR_TYPE_COUNT; t++) {
        const tensor_type_info *info = tensor_type_get(t);
        size_t n = info ? strlen(info->name) : 0;
        if (!info || !quantize_supported(t) || strncasecmp(name, info->name, n))
            continue;
        if (!name[n] ||
            ((name[n] == '_') && strchr("sSmMlL", name[n + 1]) && name[n + 1] && !name[n + 2])) {
            *out = t;
            return CAIRN_OK;
        }
    }
    return cairn_fail(err, CAIRN_EUSAGE,
                      "no type %s can be written: F32, F16, BF16, Q8_0, Q6_K, Q5_0, "
                      "Q4_K or Q4_0",
                      name);
}

static cairn_status perplexity_of(const char *model, const cairn_model_flags *flags,
                                  const char *file, double *ppl, cairn_error *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    json_t *last = NULL;
    const char *line;
    cairn_status st;

    if (!out)
        return cairn_fail(err, CAIRN_ENOMEM, "perplexity of %s", model);
    st = cairn_model_perplexity(model, flags, file, 0, out, err);
    fclose(out);
    if (!st) { /* the last line is the result */
        while (len && text[len - 1] == '\n')
            text[--len] = '\0';
        line = strrchr(text, '\n');
        last = json_loads(line ? line + 1 : text, 0, NULL);
        *ppl = json_number_value(json_object_get(last, "ppl"));
    }
    json_decref(last);
    free(text);
    return st;
}

static json_t *tensors_json(const quantize_report *r)
{
    json_t *all = json_object();

    for (uint32_t t = 0; t < TENSOR_TYPE_COUNT; t++)
        if (r->tensors[t])
            json_object_set_new(all, tensor_type_get(t)->name,
                                json_integer((json_int_t)r->tensors[t]));
    return all;
}

static cairn_status convert(const char *source, const char *path, quantize_options *o,
                            const model_adapters *adapters, const cairn_model_flags *flags, quantize_report *report,
                            cairn_error *err)
{
    lora_source sources[DECODER_MAX_ADAPTERS] = {0};
    adapter *opened[DECODER_MAX_ADAPTERS] = {0};
    decoder_model *m = NULL;
    gguf *g = NULL;
    cairn_status st = gguf_open(&g, source, err);

    if (!st)
        st = pool_create(&o->pool, flags->n_threads ? flags->n_threads : pool_online_cpus(), err);
    if (!st && adapters->n) /* they are checked against the model */
        st = decoder_model_open(&m, g, &(decoder_model_options){.pool = o->pool}, err);
    for (size_t i = 0; !st && i < adapters->n; i++) {
        st = adapter_open(&opened[i], adapters->list[i].path, m, err);
        sources[i] = (lora_source){opened[i], adapters->list[i].scale};
    }
    decoder_model_close(m);
    o->adapters = sources;
    o->n_adapters = adapters->n;
    if (!st)
        st = quantize_file(g, path, o, report, err);
    for (size_t i = 0; i < adapters->n; i++)
        adapter_close(opened[i]);
    pool_destroy(o->pool);
    gguf_close(g);
    return st;
}

cairn_status cairn_model_quantize(const char *model, const cairn_quantize_options *options,
                                  const cairn_model_flags *flags, FILE *out, cairn_error *err)
{
    quantize_options o = {.cancel = flags->cancel,
                          .keep_types = !options->type,
                          .progress = options->progress,
                          .progress_ctx = options->progress_ctx};
    quantize_report report;
    char source[8192];
    double before = 0, after = 0;
    int64_t start = clock_mono_ns();
    json_t *j;
    model_adapters adapters = {0};
    cairn_status st = options->type ? type_by_name(options->type, &o.type, err) : CAIRN_OK;

    if (!st && options->adapters)
        st = engine_parse_adapters(options->adapters, &adapters, err);
    if (!st)
        st = cairn_model_path(model, source, sizeof source, err);
    if (!st && options->text)
        st = perplexity_of(source, flags, options->text, &before, err);
    if (!st)
        st = convert(source, options->path, &o, &adapters, flags, &report, err);
    if (!st && options->text)
        st = perplexity_of(options->path, flags, options->text, &after, err);
    if (st)
        return st;
    model_keep_packed(options->path, flags->config_file);
    j = json_pack("{s:s,s:s,s:s,s:I,s:I,s:o,s:b,s:f}", "model", source, "output", options->path,
                  "type", options->type ? tensor_type_get(o.type)->name : "as it was", "bytes_before",
                  (json_int_t)report.bytes_before, "bytes_after", (json_int_t)report.bytes_after,
                  "tensors", tensors_json(&report), "quantised_before", report.again, "seconds",
                  (double)(clock_mono_ns() - start) / 1e9);
    if (j && options->text) {
        json_object_set_new(j, "ppl_before", json_real(before));
        json_object_set_new(j, "ppl_after", json_real(after));
    }
    return model_write_line(out, j, err);
}
