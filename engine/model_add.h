/* model_add.h - putting a model where models are looked for; shared by model_add.c and model_pull.c. */
#ifndef CAIRN_ENGINE_MODEL_ADD_H
#define CAIRN_ENGINE_MODEL_ADD_H

#include "engine/model.h"

#define MODEL_SHA256_TEXT 65 /* 64 hexadecimal digits and a NUL */

/* What `from` (a path or an address) is called without folders and suffix, or the name that was asked for; checked. */
cairn_status model_take_name(const cairn_model_source *s, char out[128], cairn_error *err);
/* 64 hexadecimal digits, or NULL. */
cairn_status model_check_sha256(const char *sha256, cairn_error *err);
/* Open the file (or folder) as what it is, and close it: CAIRN_EMODEL or CAIRN_EUNSUPPORTED say why it cannot be used.
 * *file_name: what it is called as a model, "" for a folder. */
cairn_status model_try(const char *path, const char **file_name, cairn_error *err);
/* SHA-256 of a file as text; progress and cancel as in s. */
cairn_status model_sha256(const cairn_model_source *s, const char *path, char out[MODEL_SHA256_TEXT], uint64_t *bytes,
                          cairn_error *err);
/* The model file at `from` is in the default embedder's own form (E5S1). */
bool model_is_e5s1(const char *from);
/* Write it as folder/model.gguf. Where there is such a file it must have these very bytes (CAIRN_EUSAGE). *bytes is
 * how many. */
cairn_status model_convert_e5s1(const char *from, const char *folder, const char *name, uint64_t *bytes, cairn_error *err);
/* Pack the weights of the generator at `path` into the cache, as the settings allow one; where that cannot be done its
 * first load does it. */
void model_keep_packed(const char *path, const char *config_file);
cairn_status model_say(FILE *out, const char *name, const char *path, uint64_t bytes, const char *sha256,
                       int64_t resumed_from, cairn_error *err);

#endif
