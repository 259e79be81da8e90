/* eval_dump.h - what `cairn eval answers --dump` wrote, read back to compare two of them. */
#ifndef CAIRN_ENGINE_EVAL_DUMP_H
#define CAIRN_ENGINE_EVAL_DUMP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"

/* The lines by question, in the file's order; of a question that stands there twice the last. The caller drops the
 * reference. CAIRN_EINPUT names the line that is none of a dump. */
cairn_status eval_dump_read(const char *path, json_t **out, cairn_error *err);
/* Has the question of this line an answer that is accepted? */
bool eval_dump_answerable(const json_t *line);

#endif
