/* taught.h - adapters that were taught to answer from documents (bench/teaching/README.md), compiled in.
 *
 * A small model answers in whole sentences of its own, or with what stands beside the answer. An adapter of a few hundred
 * kilobytes, taught by questions over documents that were written for that, makes it answer with the words that were asked for. Each belongs to
 * one model and one prompt; the model is told by its file's size and its name, so another file is answered with as it is. */
#ifndef CAIRN_ENGINE_TAUGHT_H
#define CAIRN_ENGINE_TAUGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/settings.h"

typedef struct taught_adapter {
    const char *model, *prompt; /* general.name, and a compiled-in prompt */
    uint64_t file_bytes;        /* of the model */
    const uint8_t *data;        /* a GGUF file of `len` bytes */
    size_t len;
    /* Log-odds that a question is answered = evidence * the evidence's own log-odds + reading * those that the model, having read it, does not
     * begin with the refusal + offset. */
    float evidence, reading, offset;
} taught_adapter;

/* The same adapter as it weighs over passages in this language ("": not known): of Chinese its reading tells less. */
taught_adapter taught_over(const taught_adapter *a, const char *lang);
/* The one for the model file at `path`; false: there is none. */
bool taught_for(const char *path, taught_adapter *out);
/* That chance; `logits` [n] are those of the first token, `refusal` is the token that a refusal begins with. */
float taught_chance(const taught_adapter *a, float answerable, const float *logits, size_t n, size_t refusal);
/* Do the settings have the generator of that name or path answer with one? Not beside adapters that they name. */
bool taught_wanted(const settings *s, const char *generator, taught_adapter *out);

#endif
