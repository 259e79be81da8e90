/* agent.h - a question answered in several steps with tools: the generator plans, the engine validates and executes.
 *
 * What the planner reads is the user's question and what its own calls came to, as values that the engine
 * made: a number, a date, "found", "3 documents, d1 to d3", names of columns in plain letters. It never reads a
 * document, so that nothing that stands in one can call a tool, choose an argument or follow a link. What documents say
 * goes into the answer alone, as sentences that were found to answer (extractive cairn_ask) with their places.
 *
 * A call is JSON held to a grammar, so it names a tool that exists and its parameters. Before it runs:
 * numbers and dates have to come from the question, an earlier result or a short list of constants;
 * what is looked up has to share its words with the question; a document is one that a call found; what writes has to
 * consist of the user's words, and to be allowed by the user. At most `tools` calls of the request.
 *
 *   agent.c        the loop, the messages, the answer put together
 *   agent_tools.c  the table of tools: schema, validation, execution
 *   agent_numbers.c  where the numbers and words of a call come from */
#ifndef CAIRN_ENGINE_AGENT_H
#define CAIRN_ENGINE_AGENT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "engine/engine.h"

#define AGENT_STEPS_MAX     CAIRN_STEPS_MAX
#define AGENT_DOCUMENTS_MAX 20
#define AGENT_TEXT_MAX      300 /* bytes of a parameter */

/* What a step came to, as later steps may use it. */
typedef struct agent_value {
    bool found;       /* anything at all */
    bool is_number, is_date;
    double number;
    int64_t day;
    const char *text; /* as the documents write it: for $N in a later question, never for the planner */
} agent_value;

typedef struct agent {
    cairn *c;
    const cairn_ask_request *request;
    arena *memory; /* the answer's */
    cairn_answer *out;
    cairn_step steps[AGENT_STEPS_MAX];
    size_t n;
    agent_value values[AGENT_STEPS_MAX]; /* of the steps that were done: $1, $2, ... */
    size_t n_values;
    const char *documents[AGENT_DOCUMENTS_MAX]; /* uris of d1, d2, ... */
    size_t n_documents;
    cairn_citation citations[AGENT_STEPS_MAX * 4];
    size_t n_citations;
    bytes told;   /* what the planner is told of the step */
    bytes result; /* what people are told of it */
    bytes answer; /* what the step adds to the answer */
} agent;

/* Run one call, {"tool": ..., ...}: fills told, result, answer and values[n_values]. *end: it was "answer". A call that is not
 * valid or fails is no error: *problem says why (in the arena), and the planner is told. */
cairn_status agent_run(agent *a, const json_t *call, bool *end, const char **problem, cairn_error *err);
/* The schema of all calls (the caller's), and a line a tool for the prompt. */
json_t *agent_schema(void);
cairn_status agent_describe(bytes *out);
/* The look-up of the whole question, for a plan that found nothing. */
cairn_status agent_look_up(agent *a, const char *question, const char **problem, cairn_error *err);

/* Whether every number of the text is the question's, a result or a constant of everyday sums; *grounded: one is more than a constant. */
cairn_status agent_numbers_known(agent *a, const char *text, bool *known, bool *grounded);
/* The share of the text's words that are the question's. */
cairn_status agent_shared_words(agent *a, const char *text, double *share, cairn_error *err);
/* Is a number that is not the question's there twice: "$1 * $1", "118 * 118"? */
cairn_status agent_counts_twice(agent *a, const char *text, bool *twice);

/* cairn_ask of a request with tools. */
cairn_status agent_answer(cairn *c, const cairn_ask_request *request, cairn_stream_fn *stream, void *stream_ctx,
                          cairn_answer **out, cairn_error *err);

#endif
