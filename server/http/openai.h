/* openai.h - what the files of /v1 share: a request for text on its way (openai_generate.c reads and runs it,
 * openai_answer.c writes it). */
#ifndef CAIRN_SERVER_HTTP_OPENAI_H
#define CAIRN_SERVER_HTTP_OPENAI_H

#include "server/http/lend.h"

#define MODEL_BYTES    1023.0
#define OPENAI_WAIT_NS ((int64_t)120 * 1000000000) /* for the model, behind other calls */
#define TURNS_MOST     256
#define STOPS_MOST     16
#define BIAS_MOST      1024

typedef enum openai_use { OPENAI_GENERATOR, OPENAI_EMBEDDER, OPENAI_RERANKER } openai_use;

/* A model that requests may name: the configured one of that use, or one of the catalogue that is here. */
cairn_status openai_check_model(http_request *r, const char *name, openai_use use, cairn_error *err);

http_handler openai_chat, openai_complete;

typedef struct generate_args {
    const char *model;
    json_t *messages, *prompt, *stop, *stream_options, *tools, *tool_choice, *response_format;
    json_t *logprobs, *suffix, *logit_bias, *functions;
    double temperature, top_p, frequency_penalty, presence_penalty;
    size_t max_tokens, seed, n, best_of, top_logprobs;
    bool stream, echo, parallel_tool_calls;
    bool extractive; /* ours: an answer from documents in their own words */
} generate_args;

/* One request on its way. Several choices are made one after the other, with seeds that follow one another. */
typedef struct generating {
    http_request *r;
    generate_args a;
    bool chat, usage; /* usage: asked for in a stream */
    char id[SERVICE_ID_BYTES + 16];
    int64_t created;
    cairn_turn turns[TURNS_MOST]; /* for answers from documents */
    size_t n_turns;
    char *messages, *tools; /* JSON, for a generator */
    const char *tool;       /* the only one that may be called */
    bool must_call, logprobs;
    size_t n_top;
    cairn_token_bias bias[BIAS_MOST];
    size_t n_bias;
    char *schema;   /* what the answer must be; NULL */
    json_t *joined; /* keeps texts that were put together from parts */
    const char *stops[STOPS_MOST];
    size_t n_stops;
    /* Of the answer. */
    size_t choice;  /* the one being made */
    json_t *choices;
    json_t *more; /* members that stand beside the choices; NULL */
    size_t prompt_tokens, completion_tokens;
} generating;

/* ---- openai_answer.c ---- */

/* A stream begins; false, and answered, where it cannot. */
bool openai_begin(generating *g);
/* In a stream: the next choice begins. */
void openai_begin_choice(generating *g);
/* A piece of the text of a choice, and of a call's name or arguments: callbacks of the engine. */
bool openai_put_text(void *ctx, const char *text, size_t len);
bool openai_put_call(void *ctx, size_t index, const char *name, const char *arguments, size_t len);
void openai_end_choice(generating *g, const cairn_generated *made, const char *finish);
/* All choices are made. */
void openai_end(generating *g);
void openai_fail(generating *g, cairn_status st, const cairn_error *err);

#endif
