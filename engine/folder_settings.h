/* folder_settings.h - settings of a folder: the file .cairn.conf in it, for everything below.
 *
 * It has the section [index] alone, and of that the keys that say how a file is read: chunk_tokens,
 * chunk_overlap, ocr, ocr_languages, language, extract_seconds. A folder's file is read over those of the
 * folders above it, and those over the collection's settings. What a folder leaves out altogether is said
 * in .cairnignore.
 *
 * Owns     what it hands out, until folder_settings_destroy.
 * Threads  one asks; what was handed out may be read by any. */
#ifndef CAIRN_ENGINE_FOLDER_SETTINGS_H
#define CAIRN_ENGINE_FOLDER_SETTINGS_H

#include "engine/engine.h"

#define FOLDER_SETTINGS_FILE ".cairn.conf"

typedef struct folder_conf {
    settings s;
    /* Of everything that the folders' files say, "" where there is none: a document that was read under
     * another mark is read again. */
    char mark[17];
} folder_conf;

typedef struct folder_settings folder_settings;

/* A file that cannot be used is told to `failed` once, and says nothing. */
typedef void folder_settings_fail_fn(void *ctx, const char *path, const char *reason);

cairn_status folder_settings_create(folder_settings **out, const cairn *c,
                                    folder_settings_fail_fn *failed, void *ctx, cairn_error *err);
void folder_settings_destroy(folder_settings *f); /* NULL is fine */
/* What holds for the file at this absolute path. Fast for files of one folder behind each other. */
cairn_status folder_settings_find(folder_settings *f, const char *path, const folder_conf **out,
                                  cairn_error *err);

#endif
