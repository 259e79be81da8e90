/* model_caches.c - see model_caches.h. */
#include "engine/model_caches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void engine_model_caches(const settings *s, model_caches *f, generator_options *o)
{
    decoder_kv_named(s->kv, &o->kv);
    o->weights.folder = cache_folder("weights", f->weights);
    o->weights.budget_bytes = megabytes(s->weights_cache_mb);
    o->prefixes.folder = cache_folder("prefixes", f->prefixes);
    o->prefixes.budget_bytes = megabytes(s->prefix_cache_mb);
    if (!strcmp(s->stored_passages, "on")) {
        o->passages.folder = cache_folder("passages", f->passages);
        o->passages.budget_bytes = megabytes(s->passage_cache_mb);
    }
}
