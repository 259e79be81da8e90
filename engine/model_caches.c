/* model_caches.c - see model_caches.h. */
#include "engine/model_caches.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate/decode/adapter.h"

static const char *cache_folder(const char *name, char out[SETTINGS_TEXT])
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;

    if (base && *base == '/')
        n = snprintf(out, SETTINGS_TEXT, "%s/cairn/%s", base, name);
    else if (home && *home == '/')
        n = snprintf(out, SETTINGS_TEXT, "%s/.cache/cairn/%s", home, name);
    return n > 0 && n < SETTINGS_TEXT ? out : NULL;
}

static uint64_t megabytes(double mb)
{
    return (uint64_t)(mb * 1048576);
}

cairn_status engine_parse_adapters(const char *text, model_adapters *out, cairn_error *err)
{
    char *save = NULL, *end;

    *out = (model_adapters){0};
    if (strlen(text) >= sizeof out->text)
        return cairn_fail(err, CAIRN_EUSAGE, "a list of adapters that is too long");
    snprintf(out->text, sizeof out->text, "%s", text);
    for (char *p = strtok_r(out->text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        char *colon = strrchr(p, ':');
        float scale = 1;
        if (out->n == DECODER_MAX_ADAPTERS)
            return cairn_fail(err, CAIRN_EUSAGE, "at most %d adapters", DECODER_MAX_ADAPTERS);
        while (*p == ' ')
            p++;
        if (colon) {
            scale = strtof(colon + 1, &end);
            if (end == colon + 1 || *end || !(fabsf(scale) <= ADAPTER_MAX_SCALE))
                return cairn_fail(err, CAIRN_EUSAGE, "the scale of an adapter is a number from %g to %g, not "
                                                     "\"%s\"", (double)-ADAPTER_MAX_SCALE,
                                  (double)ADAPTER_MAX_SCALE, colon + 1);
            *colon = '\0';
        }
        if (!*p)
            return cairn_fail(err, CAIRN_EUSAGE, "adapters are FILE[:SCALE], with commas between them");
        out->list[out->n++] = (decoder_adapter){.path = p, .scale = scale};
    }
    return CAIRN_OK;
}

void engine_model_caches(const settings *s, model_caches *f, generator_options *o)
{
    decoder_kv_named(s->kv, &o->kv);
    if (!engine_parse_adapters(s->adapters, &f->adapters, NULL)) { /* checked when it was read */
        o->adapters = f->adapters.list;
        o->n_adapters = f->adapters.n;
    }
    o->weights.folder = cache_folder("weights", f->weights);
    o->weights.budget_bytes = megabytes(s->weights_cache_mb);
    o->prefixes.folder = cache_folder("prefixes", f->prefixes);
    o->prefixes.budget_bytes = megabytes(s->prefix_cache_mb);
    if (!strcmp(s->stored_passages, "on")) {
        o->passages.folder = cache_folder("passages", f->passages);
        o->passages.budget_bytes = megabytes(s->passage_cache_mb);
    }
}
