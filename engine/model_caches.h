/* model_caches.h - where what was computed from a model file is kept between processes. */
#ifndef CAIRN_ENGINE_MODEL_CACHES_H
#define CAIRN_ENGINE_MODEL_CACHES_H

#include "engine/settings.h"
#include "generate/decode/generate.h"

/* "FILE[:SCALE], ...". */
typedef struct model_adapters {
    char text[SETTINGS_TEXT];
    decoder_adapter list[DECODER_MAX_ADAPTERS]; /* their paths point into text */
    size_t n;
} model_adapters;
cairn_status engine_parse_adapters(const char *text, model_adapters *out, cairn_error *err);

/* Folders below $XDG_CACHE_HOME/cairn (~/.cache/cairn). */
typedef struct model_caches {
    char weights[SETTINGS_TEXT], prefixes[SETTINGS_TEXT], passages[SETTINGS_TEXT];
    model_adapters adapters;
} model_caches;

/* Fill in the caches of *o, and the form of its keys and values, as the settings want them; it then points into *f. Without a home folder
 * there are none. */
void engine_model_caches(const settings *s, model_caches *f, generator_options *o);

#endif
