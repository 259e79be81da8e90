/* entail.h - the model of models.entailment: an encoder that reads two texts together and tells whether the second follows
 * from the first (generate/encode/entailment.h). What an answer does with it is in ask_entail.c.
 *
 * "auto" is the first model of one's own (cairn model add) that is a folder whose config.json calls its outputs so; the
 * catalogue has none. */
#ifndef CAIRN_ENGINE_ENTAIL_H
#define CAIRN_ENGINE_ENTAIL_H

#include "engine/engine.h"
#include "generate/encode/entailment.h"

/* The name or path of the model; "": there is none. */
void entail_named(const cairn *c, char *out, size_t cap);
/* The model that entail_named named: what looks for it reads the folders of added models, so once an answer is enough.
 * *out NULL: `name` is "", or "auto" found one that cannot be used. A named one that cannot is an error. */
cairn_status entail_open(cairn *c, const char *name, struct shared_model **out, entailment_head *head,
                         cairn_error *err);

#endif
