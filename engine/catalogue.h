/* catalogue.h - the models that have a name, and where their files are looked for:
 * $CAIRN_MODELS, $XDG_CACHE_HOME/cairn/models, $XDG_DATA_HOME/cairn/models,
 * /usr/local/share/cairn/models, /usr/share/cairn/models; in each a folder of the model's name. */
#ifndef CAIRN_ENGINE_CATALOGUE_H
#define CAIRN_ENGINE_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define CATALOGUE_ENTAILS "added, entailment" /* the use of an added model with such a head */

typedef struct catalogue_model {
    const char *name, *use;
    const char *file; /* inside the model's folder; "" = the folder itself is the model */
    const char *need; /* a file that must be there for the model to count as present */
    const char *languages; /* that it was trained on, with commas; "": many, or all that its tokens spell */
} catalogue_model;

extern const catalogue_model catalogue_models[]; /* ends with a NULL name */

/* The languages of a model, by its name or a path that ends with it; "" for one that is not in the catalogue. */
const char *catalogue_languages(const char *name);
/* The folder that models of one's own go to; CAIRN_EUSAGE where the environment names none. */
cairn_status catalogue_own_folder(char *out, size_t cap, cairn_error *err);
/* Letters, digits, '.', '_', '-', at most 100, beginning with a letter or digit. */
bool catalogue_good_name(const char *name);
/* The file in the folder of a model of no catalogue ("" where the folder is the model); NULL: there is none. */
const char *catalogue_file_in(const char *folder);

#endif
