/* literacy.h - which languages an embedder was trained on, and what follows for a question and for passages.
 *
 * An embedder of one language (the catalogue names it, or models.embedder_languages) makes something of languages
 * that are written alike, and nothing of other scripts, where a name that two texts share makes them close. So passages in
 * such a script are in no list of its vectors, a question in one is not searched by them, and a question in another
 * language of the same script by them less (search.foreign_vectors). */
#ifndef CAIRN_ENGINE_LITERACY_H
#define CAIRN_ENGINE_LITERACY_H

#include "engine/view.h"

#define LITERACY_LANGUAGES 16

typedef struct literacy {
    char text[SETTINGS_TEXT];
    const char *codes[LITERACY_LANGUAGES];
    size_t n; /* 0: all */
} literacy;

/* Of the embedder that the handle uses; of the one called `model`. */
void literacy_of_embedder(const cairn *c, literacy *out);
void literacy_of_model(const char *model, literacy *out);
/* Is the text in a script of which the embedder knows nothing? */
bool literacy_lacks(const literacy *l, const char *text, size_t len);
/* Is `code` ("": not known, which is none) a language other than those it was trained on? */
bool literacy_is_foreign(const literacy *l, const char *code);
/* The language that a question seems to be in by its letters (ingest/language.h), where it has a question mark and three words,
 * not one of them a function word of the languages codes[n], and where it is none of these but a common one; NULL: no such
 * thing can be told. Static. Two words or a name may look like any language. */
const char *literacy_detect(const char *text, size_t len, const char *const *codes, size_t n);
/* What a row of the view must satisfy to have a vector that means something; n 0: all do. In `memory`. */
cairn_status literacy_readable(const literacy *l, const view *v, arena *memory, filter_expr *out, cairn_error *err);
/* Of the passages that have a live row in a segment of words, set `bit` in seen[id], id < n_ids, where the embedder cannot
 * read them. */
cairn_status literacy_mark_unread(const literacy *l, const store_snapshot *s, uint8_t bit, uint8_t *seen, size_t n_ids,
                                  cairn_error *err);
/* How many live rows of these n segments the embedder can read; filters[i] has their columns. */
cairn_status literacy_count_read(const literacy *l, const view *v, const store_segment *const *of,
                                 const filter_reader *const *filters, size_t n, uint64_t *count, cairn_error *err);

#endif
