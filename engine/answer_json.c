/* answer_json.c - see answer_json.h. */
#include "engine/answer_json.h"

#include "engine/json_text.h"

json_t *answer_entailment_json(const cairn_answer *a)
{
    json_t *list = json_array();

    for (size_t i = 0; i < a->n_entailed; i++) {
        const cairn_entailed *x = &a->entailed[i];
        json_array_append_new(list, json_pack("{s:o,s:o,s:f,s:f,s:f,s:b}", "text", json_str(x->text),
                                              "uri", json_str(x->uri), "entailment",
                                              (double)x->entails, "neutral", (double)x->neutral,
                                              "contradiction", (double)x->contradicts, "held",
                                              x->held));
    }
    return json_pack("{s:o,s:o}", "model", json_str(a->entailer), "sentences", list);
}
