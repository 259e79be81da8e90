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

json_t *answer_planted_json(const cairn_answer *a)
{
    json_t *list = json_array();

    for (size_t i = 0; i < a->n_planted; i++) {
        const cairn_planted *x = &a->planted[i];
        json_array_append_new(list, json_pack("{s:o,s:o,s:f,s:o}", "uri", json_str(x->uri), "page",
                                              x->page ? json_integer(x->page) : json_null(), "score",
                                              (double)x->score, "text", json_str(x->text)));
    }
    return list;
}

json_t *answer_steps_json(const cairn_answer *a)
{
    json_t *list = json_array();

    for (size_t i = 0; i < a->n_steps; i++) {
        const cairn_step *x = &a->steps[i];
        json_t *call = json_loads(x->arguments, 0, NULL);
        json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o,s:b}", "tool", json_str(x->tool), "call",
                                              call ? call : json_null(), "result", json_str(x->result),
                                              "problem", json_str(x->problem), "writes", x->writes));
    }
    return list;
}
