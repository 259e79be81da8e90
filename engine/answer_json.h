/* answer_json.h - parts of an answer that the command line and the servers write alike. */
#ifndef CAIRN_ENGINE_ANSWER_JSON_H
#define CAIRN_ENGINE_ANSWER_JSON_H

#include <jansson.h>

#include "engine/cairn.h"

/* The chances of each sentence that was put to the model of models.entailment. */
json_t *answer_entailment_json(const cairn_answer *a);

#endif
