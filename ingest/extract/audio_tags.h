/* audio_tags.h - the tags of sound files by TagLib, whose C interface takes file names alone. */
#ifndef CAIRN_INGEST_EXTRACT_AUDIO_TAGS_H
#define CAIRN_INGEST_EXTRACT_AUDIO_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls `take` with each tag ("TITLE", "ARTIST", "LYRICS"...) and one of its values in UTF-8. False: no sound file,
 * or one that cannot be read. */
bool audio_tags(const char *data, size_t len, void (*take)(void *ctx, const char *key, const char *value),
                void *ctx, int *seconds);

#ifdef __cplusplus
}
#endif

#endif
