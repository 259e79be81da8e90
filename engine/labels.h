/* labels.h - what a document's record carries beside its fields: tags, places, the day it was made.
 *
 * They stand in the record's JSON object `meta_json`:
 *
 *   user_tags   ["tax"]         given by `cairn tag`
 *   file_tags   ["work"]        of the file's extended attribute user.xdg.tags
 *   keywords    "a; b" "a, b"   what the document says of itself; so does `tags`, ":a:b:" in Org
 *   settings    "0123456789abcdef"  the mark of its folders' settings
 *   created_ns  1700000000...   when the document says it was begun
 *   places      ["/a/b.txt"]    further files with the same bytes, in byte order
 *   same_as     12              this is such a further file: its passages are those of document 12
 *
 * What the user gave is kept a second time under the uri (META_TAGS), so that a file that was taken out
 * of the collection and comes back has its tags again.
 *
 * Owns     everything read lives in the caller's arena.
 * Errors   CAIRN_ENOMEM; CAIRN_EUSAGE for a tag that cannot be one. Broken JSON counts as empty. */
#ifndef CAIRN_ENGINE_LABELS_H
#define CAIRN_ENGINE_LABELS_H

#include <jansson.h>

#include "engine/cairn.h"
#include "store/store.h"

#define LABELS_TAGS_MAX  256 /* of one document */
#define LABELS_TAG_BYTES 100
/* Key of store_meta: this and the XXH3-128 of the uri in hex. */
#define META_TAGS "tags:"

typedef struct doc_labels {
    const char **tags; /* all of them, each once (case folded), those of the user first */
    size_t n_tags, n_user; /* of these, given by the user */
    const char **places;
    size_t n_places;
    doc_id same_as; /* 0: it has passages of its own */
    int64_t created_ns;
    const char *page_labels; /* runs (ingest/page_labels.h), or NULL */
    const char *page_starts; /* ingest/page_starts.h, or NULL */
} doc_labels;

/* What the document calls this page; NULL: by its number. */
cairn_status labels_page(const doc_labels *l, uint32_t page, arena *memory, const char **out,
                         cairn_error *err);

/* The page that bytes [start, end) of the hit's document are on, and what it is called; the hit's own where nothing more is known. */
cairn_status labels_page_of(const cairn_hit *h, uint64_t start, uint64_t end, arena *memory, uint32_t *page, const char **label,
                            cairn_error *err);

cairn_status labels_read(const store_doc *d, arena *memory, doc_labels *out, cairn_error *err);

/* The record's object, to be changed and put back; the caller's reference. NULL without memory. */
json_t *labels_object(const store_doc *d);
/* The object as a text in the arena; NULL without memory. */
const char *labels_text(const json_t *object, arena *memory);

/* A tag as it is kept, white space around it left out: 1..LABELS_TAG_BYTES bytes of UTF-8 without
 * control characters, commas and quotes. */
cairn_status labels_tag(const char *typed, arena *memory, const char **out, cairn_error *err);
/* Do two tags count as one? */
bool labels_same(const char *a, const char *b);

/* Was the document read under this mark of its folders' settings (folder_settings.h)? */
bool labels_has_mark(const store_doc *d, const char *mark);

/* What the user gave to this uri, as an array; NULL: nothing. The caller's reference. */
cairn_status labels_remembered(const store_snapshot *s, const char *uri, json_t **out,
                               cairn_error *err);
/* The key of store_meta for a uri. */
void labels_key(const char *uri, char key[48]);

/* The file's own tags (user.xdg.tags), as an array; NULL: none, or they cannot be read. */
json_t *labels_of_file(const char *path);
/* Has the file other tags of its own now than the record says? One system call for most files. */
bool labels_file_changed(const store_doc *d, const char *path);

#endif
