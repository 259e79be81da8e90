/* cite_names.h - does a claim call somebody by another name than the passage does?
 *
 * A capital within a sentence is a name that a passage has to hold (terms.h). At the beginning of a
 * sentence, and in German anywhere, every word may have one, so a missing word says little by
 * itself. Here it is held against the passage when
 *   - the passage has a word with a capital that is spelt almost alike ("Fieldmann" for
 *     "Feldmann"), not at its end, where words are inflected;
 *   - it begins the claim and another word with a capital follows ("Eva Adler", "Adler, Eva"), not
 *     in German;
 *   - beside the same word the passage has another one with a capital ("Max Adler" for "Eva
 *     Adler"). */
#ifndef CAIRN_RETRIEVE_CITE_NAMES_H
#define CAIRN_RETRIEVE_CITE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "retrieve/terms.h"

typedef struct cite_named {
    const char *text; /* what the places of the terms refer to */
    const text_term *terms;
    size_t n;
} cite_named;

/* `missing`, a term of the claim that begins with a capital and that the passage lacks: is it
 * another name than the passage's? */
bool cite_is_other_name(const cite_named *claim, const text_term *missing, const cite_named *passage,
                        bool german);

/* "Who feeds the cat?": is a short claim, wherever it stands in the text, what comes right behind the question's verb ("feeds Pelle") and so
 * whom it is done to? English; a verb behind which the subject stands, too ("said Ann"), tells nothing. */
bool cite_is_object(const char *question, const char *claim, size_t claim_len, const char *text, size_t len);

#endif
