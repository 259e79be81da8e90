/* augment.h - what is embedded beside a passage's own text, so that its vector knows where it stands.
 *
 * [index] augment is a list of:
 *   title       the document's title
 *   headings    the path of headings above the passage
 *   keywords    the document's keywords and tags
 *   summary     a line on the whole document: its description, else its first whole sentence
 *   neighbours  the words before and behind the passage, up to 200 bytes each, what it repeats of them left out
 *   context     a sentence by the generator on what the passage belongs to, from the document's beginning and the
 *               passage (docs/ingest.md says what it costs). A document of one passage gets none
 *
 * Another list makes another vector: it is part of the vectors' identity, and changing it makes the next run embed
 * everything again. So is the generator where it writes.
 *
 * Owns     an augmenter keeps the last document's parts in an arena of its own.
 * Threads  one. Errors: those of the store and of the generator, CAIRN_ENOMEM, CAIRN_EUSAGE for an unknown word. */
#ifndef CAIRN_ENGINE_AUGMENT_H
#define CAIRN_ENGINE_AUGMENT_H

#include "engine/engine.h"

enum {
    AUGMENT_TITLE = 1,
    AUGMENT_HEADINGS = 2,
    AUGMENT_KEYWORDS = 4,
    AUGMENT_SUMMARY = 8,
    AUGMENT_NEIGHBOURS = 16,
    AUGMENT_CONTEXT = 32,
    AUGMENT_DEFAULT = AUGMENT_TITLE | AUGMENT_HEADINGS
};

#define AUGMENT_IDENTITY_BYTES 1024

/* The parts that a list names; CAIRN_EUSAGE names a word that is none. */
cairn_status augment_parse(const char *list, unsigned *parts, cairn_error *err);
/* The encoder's identity, with the parts where they are not the default ones. */
const char *augment_identity(const encoder *e, const settings *s, char out[AUGMENT_IDENTITY_BYTES]);

typedef struct augmenter {
    cairn *c;
    const volatile sig_atomic_t *cancel; /* looked at by the generator; may be NULL */
    char *prompt;                        /* for it; NULL: it writes nothing */
    const char *about;                   /* the prompt with the last document's beginning */
    unsigned parts;
    doc_id doc; /* whose parts are kept; 0: none */
    chunk_id *chunks;
    size_t n_chunks;
    const char *line; /* keywords and summary */
    arena memory;
} augmenter;

cairn_status augmenter_init(augmenter *a, cairn *c, const volatile sig_atomic_t *cancel, cairn_error *err);
void augmenter_clear(augmenter *a);
/* What is embedded for the chunk, in *out. */
cairn_status augmenter_text(augmenter *a, const store_snapshot *s, const store_doc *doc,
                            const store_chunk *chunk, bytes *out, cairn_error *err);

#endif
