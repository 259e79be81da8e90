/* deberta.h - what config.json says of a DeBERTa of the second or third version (He et al., arXiv:2006.03654 and
 * 2111.09543; model_type deberta-v2), and what its tensors are called.
 *
 * Its layers are BERT's but for attention, whose scores have terms by relative positions (relative.h); it may have no
 * absolute positions, no types, and tables narrower than its layers.
 *
 * Owns     nothing.
 * Errors   CAIRN_EMODEL: a setting is no sensible one; CAIRN_EUNSUPPORTED: what is not done here, by its name
 *          (convolutions behind the first layer, other activations and terms, heads of another width). */
#ifndef CAIRN_GENERATE_ENCODE_DEBERTA_H
#define CAIRN_GENERATE_ENCODE_DEBERTA_H

#include <jansson.h>

#include "generate/encode/bert.h"

/* Beside the sizes that every encoder has. *naming is filled: it has no names for what the model lacks. */
cairn_status deberta_read_config(bert *b, const json_t *config, const char *folder, bert_naming *naming,
                                 cairn_error *err);

#endif
