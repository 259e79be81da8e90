/* lora.c - see lora.h. */
#include "generate/decode/lora.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/checked.h"
#include "generate/decode/model.h"

#define UNIT ((size_t)32) /* ranks are filled up with zeros to whole blocks of a product */

static cairn_status pack(lora *l, matrix **out, const float *data, size_t cols, size_t rows,
                         cairn_error *err)
{
    const tensor t = {.name = "adapter",
                      .type = TENSOR_F32,
                      .n_dims = 2,
                      .dims = {cols, rows, 1, 1},
                      .data = (const uint8_t *)data,
                      .bytes = cols * rows * sizeof *data};

    return matrix_create(out, &t, l->heap, NULL, err);
}

/* The factors of all sources for one matrix, packed. */
static cairn_status join_site(lora *l, size_t site, const lora_source *sources, size_t n,
                              cairn_error *err)
{
    size_t rank = 0, at = 0, padded, in = 0, out = 0;
    float *down, *up;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n; i++) {
        const adapter_factors *f = &sources[i].adapter->sites[site];
        if (!f->rank)
            continue;
        rank += f->rank;
        in = f->in;
        out = f->out;
    }
    if (!rank)
        return CAIRN_OK;
    padded = (rank + UNIT - 1) / UNIT * UNIT;
    down = calloc(padded * in, sizeof *down);
    up = calloc(padded * out, sizeof *up);
    if (!down || !up)
        st = cairn_fail(err, CAIRN_ENOMEM, "adapters");
    for (size_t i = 0; !st && i < n; i++) {
        const adapter_factors *f = &sources[i].adapter->sites[site];
        if (!f->rank)
            continue;
        memcpy(down + at * in, f->down, f->rank * in * sizeof *down);
        for (size_t r = 0; r < out; r++)
            for (size_t j = 0; j < f->rank; j++)
                up[r * padded + at + j] = sources[i].scale * f->up[r * f->rank + j];
        at += f->rank;
    }
    if (!st)
        st = pack(l, &l->sites[site].down, down, in, padded, err);
    if (!st)
        st = pack(l, &l->sites[site].up, up, padded, out, err);
    if (padded > l->most_rank)
        l->most_rank = padded;
    if (out > l->most_out)
        l->most_out = out;
    free(down);
    free(up);
    return st;
}

cairn_status lora_create(lora **out, const lora_source *sources, size_t n, size_t n_layers,
                         cairn_error *err)
{
    lora *l = calloc(1, sizeof *l);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!l || !(l->sites = calloc(n_layers * ADAPTER_SITES, sizeof *l->sites)))
        st = cairn_fail(err, CAIRN_ENOMEM, "adapters");
    if (!st)
        st = weight_heap_create(&l->heap, err);
    for (size_t i = 0; !st && i < n_layers * ADAPTER_SITES; i++)
        st = join_site(l, i, sources, n, err);
    for (size_t i = 0; !st && i < n; i++) {
        const struct {
            uint64_t before, hash;
            double scale;
        } parts = {l->key, sources[i].adapter->hash, (double)sources[i].scale};
        l->key = XXH3_64bits(&parts, sizeof parts) | 1;
    }
    if (st) {
        lora_destroy(l);
        return st;
    }
    *out = l;
    return CAIRN_OK;
}

void lora_destroy(lora *l)
{
    if (!l)
        return;
    weight_heap_destroy(l->heap);
    free(l->sites);
    free(l);
}

cairn_status decoder_model_adapt(decoder_model *m, const decoder_adapter *list, size_t n,
                                 cairn_error *err)
{
    lora_source sources[DECODER_MAX_ADAPTERS] = {0};
    adapter *opened[DECODER_MAX_ADAPTERS] = {0};
    cairn_status st = CAIRN_OK;

    if (n > DECODER_MAX_ADAPTERS)
        return cairn_fail(err, CAIRN_EUSAGE, "%zu adapters; at most %d", n, DECODER_MAX_ADAPTERS);
    if (n && m->device)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "adapters are not applied on a device: set CAIRN_DEVICE=cpu");
    for (size_t i = 0; !st && i < n; i++) {
        sources[i].scale = list[i].scale;
        st = list[i].data ? adapter_open_memory(&opened[i], list[i].data, list[i].len, NULL, list[i].path, m, err)
                          : adapter_open(&opened[i], list[i].path, m, err);
        sources[i].adapter = opened[i];
    }
    if (!st && n)
        st = lora_create(&m->lora, sources, n, m->shape.n_layers, err);
    for (size_t i = 0; i < n; i++)
        adapter_close(opened[i]);
    return st;
}

uint64_t decoder_model_variant(const decoder_model *m)
{
    return m->lora ? m->lora->key : 0;
}
