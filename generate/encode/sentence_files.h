/* sentence_files.h - what sentence-transformers writes beside a model in a folder: how a text's vector is made of
 * its tokens' (1_Pooling/config.json), how long a text may be (sentence_bert_config.json and the tokenizer's own
 * limit), what is put in front of it (config_sentence_transformers.json), and modules.json, which must hold
 * nothing that we do not do.
 *
 * Errors   CAIRN_EMODEL: a file is broken; CAIRN_EUNSUPPORTED: it asks for something else. Files that are not
 *          there say nothing. */
#ifndef CAIRN_GENERATE_ENCODE_SENTENCE_FILES_H
#define CAIRN_GENERATE_ENCODE_SENTENCE_FILES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"

typedef enum sentence_pooling {
    SENTENCE_POOL_NONE, /* the files do not say */
    SENTENCE_POOL_MEAN,
    SENTENCE_POOL_FIRST,
    SENTENCE_POOL_LAST
} sentence_pooling;

typedef struct sentence_files {
    size_t max_tokens; /* in: what is known so far, 0 for nothing; out: what holds */
    sentence_pooling pooling;
    const char *query_prefix, *passage_prefix; /* both of the arena, or both NULL */
} sentence_files;

cairn_status sentence_files_read(sentence_files *f, const char *folder, arena *a, cairn_error *err);
/* folder/name as a JSON object, to be released; *out is NULL when there is no such file. */
cairn_status sentence_json(const char *folder, const char *name, json_t **out, cairn_error *err);

#endif
