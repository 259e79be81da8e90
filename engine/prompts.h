/* prompts.h - the texts that instruct a generator, one versioned file each in engine/prompts/.
 *
 * A name is the file's without ".txt", such as "answer.v1". A configuration may set prompts.dir: a
 * file of the same name there takes the place of the compiled-in one. */
#ifndef CAIRN_ENGINE_PROMPTS_H
#define CAIRN_ENGINE_PROMPTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

typedef struct prompt_file {
    const char *name, *text;
    size_t len;
} prompt_file;

extern const prompt_file prompt_files[]; /* ends with a NULL name */

/* The prompt's text, malloced, NUL-terminated. CAIRN_ENOTFOUND names what exists. */
cairn_status prompt_load(const char *name, const char *dir, char **out, cairn_error *err);

/* The one for a family of models where there is one: NAME.FAMILY ("answer.v2.llama"), in the folder or compiled in, else
 * NAME. The family is the architecture that a model file names; NULL or "": none. */
cairn_status prompt_load_for(const char *name, const char *family, const char *dir, char **out, cairn_error *err);
extern const char *const prompt_families[]; /* those that models here can be of; ends with NULL */

/* The text of a section ("=== name" on a line of its own begins it) without the line break that ends it; NULL when it
 * is missing, or without memory. */
char *prompt_section(const char *file, const char *name, arena *memory);

/* Are these the sections "system" and "user" of the compiled-in prompt of that name? */
bool prompt_is_own(const char *name, const char *system, const char *user);

#endif
