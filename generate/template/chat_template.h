/* chat_template.h - render a model's own chat template (a Jinja text in its GGUF) exactly.
 *
 * A small, bounded interpreter of the part of Jinja that chat templates use: if/elif/else, for with
 * loop.*, set (with namespace), macros, inline conditions, tests, slices, the string and list
 * methods and filters in the table of docs/models.md, raise_exception, tojson, whitespace control.
 * Settings as in transformers: trim_blocks and lstrip_blocks on, keep_trailing_newline off.
 * What it does not know it refuses by name when the template is compiled, never silently.
 *
 * The template and the messages are foreign: nesting, steps and output are bounded
 * (CHAT_TEMPLATE_*), there is no input, no output, no attribute of the host.
 *
 * Owns     its own copy of the text.
 * Threads  immutable after compile: any thread may render.
 * Errors   CAIRN_EMODEL: syntax or unknown construct, with line number; CAIRN_EINPUT: the template
 *          raised an exception or an operation has no meaning for these messages (sentence in err);
 *          CAIRN_ELIMIT: a bound was reached. */
#ifndef CAIRN_GENERATE_TEMPLATE_CHAT_TEMPLATE_H
#define CAIRN_GENERATE_TEMPLATE_CHAT_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"

#define CHAT_TEMPLATE_MAX_TEXT ((size_t)1 << 20)   /* bytes of a template */
#define CHAT_TEMPLATE_MAX_DEPTH 200                /* nesting of expressions, blocks and calls */
#define CHAT_TEMPLATE_MAX_STEPS ((size_t)2000000)  /* evaluated nodes a rendering */
#define CHAT_TEMPLATE_MAX_OUTPUT ((size_t)64 << 20) /* bytes of a prompt */
#define CHAT_TEMPLATE_MAX_WORK ((size_t)256 << 20)  /* bytes of all texts made on the way */

typedef struct chat_template chat_template;

cairn_status chat_template_compile(chat_template **out, const char *jinja, size_t len,
                                   cairn_error *err);
void chat_template_destroy(chat_template *t); /* NULL is fine */

/* APPEND the prompt to *out (on failure *out is as it was). `messages` is an array of
 * {"role", "content", ...}; `tools` an array or NULL (rendered as none); bos and eos are the texts
 * of those tokens ("" where there are none). */
cairn_status chat_template_render(const chat_template *t, const json_t *messages,
                                  const json_t *tools, bool add_generation_prompt, const char *bos,
                                  const char *eos, bytes *out, cairn_error *err);

#endif
