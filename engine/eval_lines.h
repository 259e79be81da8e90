/* eval_lines.h - the JSON lines that measuring reads, and what `cairn eval answers --dump` wrote, read back. */
#ifndef CAIRN_ENGINE_EVAL_LINES_H
#define CAIRN_ENGINE_EVAL_LINES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"

/* One line, borrowed; NULL where it is no JSON. */
typedef cairn_status eval_line_fn(void *ctx, json_t *line, cairn_error *err);

/* Every line that is not empty, until fn fails. A CAIRN_EINPUT of fn's is said of the file and line; so is a file that
 * cannot be opened. */
cairn_status eval_each_line(const char *path, eval_line_fn *fn, void *ctx, cairn_error *err);

/* A dump's lines by question, in the file's order; of a question that stands there twice the last. The caller drops the
 * reference. */
cairn_status eval_dump_read(const char *path, json_t **out, cairn_error *err);
/* Has the question of this line an answer that is accepted? */
bool eval_dump_answerable(const json_t *line);

/* The value of a line's field `slice`, in the arena, or how many words the text has for "words" where there is no such field;
 * "" without it. *out NULL: slice is NULL. */
cairn_status eval_slice_of(const json_t *line, const char *slice, const char *text, arena *names, const char **out,
                           cairn_error *err);

#endif
