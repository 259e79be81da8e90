/* model_lines.h - JSON lines in, JSON lines out: the loop that the model verbs share. */
#ifndef CAIRN_ENGINE_MODEL_LINES_H
#define CAIRN_ENGINE_MODEL_LINES_H

#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "base/bytes.h"

/* Fill *out (which has the line's "id" already) from *in. CAIRN_EINPUT and the like become an
 * "error" in the line's answer; CAIRN_EMODEL, CAIRN_ENOMEM and CAIRN_ECANCELLED end the loop. */
typedef cairn_status model_line_fn(void *ctx, const json_t *in, json_t *out, cairn_error *err);

cairn_status model_each_line(FILE *in, FILE *out, const volatile sig_atomic_t *cancel,
                             model_line_fn *fn, void *ctx, cairn_error *err);

/* The bytes of "text" or, decoded, of "b64". */
cairn_status model_line_text(const json_t *in, bytes *out, cairn_error *err);

/* Write one object and a newline; steals the reference. */
cairn_status model_write_line(FILE *out, json_t *line, cairn_error *err);

#endif
