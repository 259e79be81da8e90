/* answer_json.h - parts of an answer that the command line and the servers write alike. */
#ifndef CAIRN_ENGINE_ANSWER_JSON_H
#define CAIRN_ENGINE_ANSWER_JSON_H

#include <jansson.h>

#include "engine/cairn.h"

/* The chances of each sentence that was put to the model of models.entailment. */
json_t *answer_entailment_json(const cairn_answer *a);
/* The sentences that give orders to a language model, kept out. */
json_t *answer_planted_json(const cairn_answer *a);
/* Of a plan with tools: "call" is what was called, an object; null where it is no JSON. */
json_t *answer_steps_json(const cairn_answer *a);

#endif
