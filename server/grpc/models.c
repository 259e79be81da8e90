/* models.c - cairn.v1.Models: vectors, text and scores from the models by themselves.
 *
 * A model is the configured one or one of the catalogue, never a path: a caller from outside does not
 * choose which file the server opens. */
#include <stdlib.h>
#include <string.h>

#include "cairn/v1/models.pb-c.h"
#include "server/grpc/services.h"

#define TEXTS_MAX 4096
#define TURNS_MAX 400

/* The model's name into buf; false, and the call finished, where it is none. */
static bool choose_model(rpc_call *c, const char *asked, bool generator, char buf[1024])
{
    service_names names;

    service_model_names(service_of(c), &names);
    if (!*asked)
        asked = generator ? names.generator : names.embedder;
    else if (strchr(asked, '/') || strlen(asked) > 200) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", "a model is chosen by its name");
        return false;
    }
    memcpy(buf, asked, strlen(asked) + 1); /* 1023 bytes at most: both sources are bounded */
    return true;
}

static bool read_texts(rpc_call *c, reply *r, char **texts, size_t n, cairn_embed_request *out)
{
    cairn_text *list;

    if (!n || n > TEXTS_MAX) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", "1 to %d texts are taken at once", TEXTS_MAX);
        return false;
    }
    list = reply_array(r, n, sizeof *list);
    if (r->failed) {
        rpc_finish(c, CAIRN_ENOMEM, NULL);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        list[i] = (cairn_text){texts[i], strlen(texts[i])};
    out->texts = list;
    out->n_texts = n;
    out->cancel = rpc_cancel_flag(c);
    return true;
}

static void send_vectors(rpc_call *c, reply *r, const cairn_matrix *m, const char *model)
{
    Cairn__V1__EmbedResponse out = CAIRN__V1__EMBED_RESPONSE__INIT;
    Cairn__V1__Vector *all = reply_array(r, m->n, sizeof *all);
    Cairn__V1__Vector **list = reply_array(r, m->n, sizeof *list);

    for (size_t i = 0; !r->failed && i < m->n; i++) {
        cairn__v1__vector__init(&all[i]);
        all[i].n_values = m->dim;
        all[i].values = m->rows + i * m->dim;
        list[i] = &all[i];
    }
    out.n_vectors = r->failed ? 0 : m->n;
    out.vectors = list;
    out.dimension = m->dim;
    out.model = (char *)model;
    if (reply_send(c, r, &out.base))
        rpc_finish(c, CAIRN_OK, NULL);
}

static void embed(rpc_call *c, const ProtobufCMessage *request)
{
    const Cairn__V1__EmbedRequest *q = (const Cairn__V1__EmbedRequest *)request;
    char model[1024];
    cairn_embed_request e = {.model = model,
                             .role = q->query ? CAIRN_EMBED_QUERY : CAIRN_EMBED_PASSAGE};
    cairn_matrix m = {0};
    cairn_error err = {0};
    cairn_status st;
    reply r;

    reply_init(&r);
    if (choose_model(c, q->model, false, model) && read_texts(c, &r, q->texts, q->n_texts, &e)) {
        st = cairn_models_embed(service_models(service_of(c)), &e, &m, NULL, &err);
        if (st)
            rpc_finish(c, st, &err);
        else
            send_vectors(c, &r, &m, model);
        cairn_matrix_clear(&m);
    }
    reply_clear(&r);
}

/* The first reranker of the catalogue that is here, where none is asked for. */
static bool choose_reranker(rpc_call *c, const char *asked, char buf[1024])
{
    cairn_error err = {0};
    cairn_status st;

    if (*asked)
        return choose_model(c, asked, false, buf);
    st = service_reranker(buf, 1024, &err);
    if (st)
        rpc_finish(c, st, &err);
    return !st;
}

static void rerank(rpc_call *c, const ProtobufCMessage *request)
{
    const Cairn__V1__RerankRequest *q = (const Cairn__V1__RerankRequest *)request;
    Cairn__V1__RerankResponse out = CAIRN__V1__RERANK_RESPONSE__INIT;
    char model[1024];
    cairn_embed_request e = {.model = model};
    cairn_error err = {0};
    cairn_status st;
    reply r;

    reply_init(&r);
    if (choose_reranker(c, q->model, model) && read_texts(c, &r, q->texts, q->n_texts, &e)) {
        float *scores = reply_array(&r, q->n_texts, sizeof *scores);
        st = r.failed ? cairn_fail(&err, CAIRN_ENOMEM, "scores")
                      : cairn_models_rerank(service_models(service_of(c)), q->query, &e, scores, &err);
        out.scores = scores;
        out.n_scores = q->n_texts;
        out.model = model;
        if (st)
            rpc_finish(c, st, &err);
        else if (reply_send(c, &r, &out.base))
            rpc_finish(c, CAIRN_OK, NULL);
    }
    reply_clear(&r);
}

static bool on_text(void *call, const char *text, size_t len)
{
    Cairn__V1__GenerateEvent event = CAIRN__V1__GENERATE_EVENT__INIT;
    bool sent;
    reply r;

    reply_init(&r);
    event.event_case = CAIRN__V1__GENERATE_EVENT__EVENT_TEXT;
    event.text = reply_bytes_text(&r, text, len);
    sent = reply_send(call, &r, &event.base);
    reply_clear(&r);
    return sent;
}

static void send_generated(rpc_call *c, const cairn_generated *g, const char *model)
{
    Cairn__V1__GenerateEvent event = CAIRN__V1__GENERATE_EVENT__INIT;
    Cairn__V1__GenerateDone done = CAIRN__V1__GENERATE_DONE__INIT;
    reply r;

    reply_init(&r);
    done.text = reply_bytes_text(&r, g->text, g->text_len);
    done.prompt_tokens = (uint32_t)g->prompt_tokens;
    done.completion_tokens = (uint32_t)g->completion_tokens;
    done.model = (char *)model;
    done.finish = reply_text(&r, g->finish);
    event.event_case = CAIRN__V1__GENERATE_EVENT__EVENT_DONE;
    event.done = &done;
    reply_end(c, &r, &event.base);
}

static bool read_turns(rpc_call *c, reply *r, const Cairn__V1__GenerateRequest *q,
                       cairn_generate_request *out)
{
    cairn_turn *turns = reply_array(r, q->n_messages, sizeof *turns);

    if (q->n_messages > TURNS_MAX || !*q->prompt == !q->n_messages ||
        !(q->temperature >= 0 && q->temperature <= 100)) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE",
                        "give either a prompt or 1 to %d messages, and a temperature from 0 to 100",
                        TURNS_MAX);
        return false;
    }
    if (r->failed) {
        rpc_finish(c, CAIRN_ENOMEM, NULL);
        return false;
    }
    for (size_t i = 0; i < q->n_messages; i++)
        turns[i] = (cairn_turn){q->messages[i]->role, q->messages[i]->content};
    out->turns = turns;
    out->n_turns = q->n_messages;
    out->prompt = q->n_messages ? NULL : q->prompt;
    return true;
}

static void generate(rpc_call *c, const ProtobufCMessage *request)
{
    const Cairn__V1__GenerateRequest *q = (const Cairn__V1__GenerateRequest *)request;
    char model[1024];
    cairn_generate_request g = {.model = model,
                                .max_tokens = q->max_tokens,
                                .temperature = q->temperature,
                                .seed = q->seed,
                                .cancel = rpc_cancel_flag(c)};
    cairn_generated out = {0};
    cairn_error err = {0};
    cairn_status st;
    reply r;

    reply_init(&r);
    if (choose_model(c, q->model, true, model) && read_turns(c, &r, q, &g)) {
        st = cairn_models_generate(service_models(service_of(c)), &g, on_text, c, &out, &err);
        if (st)
            rpc_finish(c, st, &err);
        else
            send_generated(c, &out, model);
        cairn_generated_clear(&out);
    }
    reply_clear(&r);
}

static const rpc_method methods[] = {
    {.path = "/cairn.v1.Models/Embed",
     .request = &cairn__v1__embed_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_LONG,
     .message = embed},
    {.path = "/cairn.v1.Models/Generate",
     .request = &cairn__v1__generate_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_LONG,
     .streams_out = true,
     .message = generate},
    {.path = "/cairn.v1.Models/Rerank",
     .request = &cairn__v1__rerank_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_LONG,
     .message = rerank},
};

const method_table models_methods = METHODS(methods);
