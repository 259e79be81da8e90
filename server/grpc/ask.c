/* ask.c - cairn.v1.Ask: an answer streamed while the model writes it.
 *
 * The engine stops as soon as the call is over: its cancel flag is the call's (looked at between tokens
 * and while the prompt is read), and a piece that nobody takes ends it, too. */
#include <string.h>

#include "cairn/v1/ask.pb-c.h"
#include "server/grpc/services.h"

#define TURNS_MAX 200

static bool on_text(void *call, const char *text, size_t len)
{
    Cairn__V1__AnswerEvent event = CAIRN__V1__ANSWER_EVENT__INIT;
    bool sent;
    reply r;

    reply_init(&r);
    event.event_case = CAIRN__V1__ANSWER_EVENT__EVENT_TEXT;
    event.text = reply_bytes_text(&r, text, len);
    sent = reply_send(call, &r, &event.base);
    reply_clear(&r);
    return sent;
}

static void fill_citations(reply *r, Cairn__V1__AnswerDone *out, const cairn_answer *a)
{
    Cairn__V1__Citation *all = reply_array(r, a->n_citations, sizeof *all);
    Cairn__V1__Citation **list = reply_array(r, a->n_citations, sizeof *list);

    if (r->failed)
        return;
    for (size_t i = 0; i < a->n_citations; i++) {
        const cairn_citation *from = &a->citations[i];
        Cairn__V1__Citation *to = list[i] = &all[i];
        cairn__v1__citation__init(to);
        to->number = (uint32_t)from->n;
        to->uri = reply_text(r, from->uri);
        to->title = reply_text(r, from->title);
        to->page = from->page;
        to->text = reply_text(r, from->text);
        to->start = from->start;
        to->end = from->end;
        to->supported = from->supported;
        to->document = from->doc;
        to->chunk = from->chunk;
        to->page_label = reply_text(r, from->page_label ? from->page_label : "");
    }
    out->n_citations = a->n_citations;
    out->citations = list;
}

static void fill_steps(reply *r, Cairn__V1__AnswerDone *out, const cairn_answer *a)
{
    Cairn__V1__Step *all = reply_array(r, a->n_steps, sizeof *all);
    Cairn__V1__Step **list = reply_array(r, a->n_steps, sizeof *list);

    if (r->failed)
        return;
    for (size_t i = 0; i < a->n_steps; i++) {
        const cairn_step *from = &a->steps[i];
        Cairn__V1__Step *to = list[i] = &all[i];
        cairn__v1__step__init(to);
        to->tool = reply_text(r, from->tool);
        to->call = reply_text(r, from->arguments);
        to->result = reply_text(r, from->result);
        to->problem = reply_text(r, from->problem);
        to->writes = from->writes;
    }
    out->n_steps = a->n_steps;
    out->steps = list;
    out->out_of_steps = a->out_of_steps;
}

static void fill_entailment(reply *r, Cairn__V1__AnswerDone *out, const cairn_answer *a)
{
    Cairn__V1__EntailedSentence *all = reply_array(r, a->n_entailed, sizeof *all);
    Cairn__V1__EntailedSentence **list = reply_array(r, a->n_entailed, sizeof *list);
    Cairn__V1__Entailment *whole = reply_array(r, 1, sizeof *whole);

    if (r->failed || !a->entailer)
        return;
    cairn__v1__entailment__init(whole);
    for (size_t i = 0; i < a->n_entailed; i++) {
        const cairn_entailed *from = &a->entailed[i];
        Cairn__V1__EntailedSentence *to = list[i] = &all[i];
        cairn__v1__entailed_sentence__init(to);
        to->text = reply_text(r, from->text);
        to->uri = reply_text(r, from->uri);
        to->entailment = from->entails;
        to->neutral = from->neutral;
        to->contradiction = from->contradicts;
        to->held = from->held;
    }
    whole->model = reply_text(r, a->entailer);
    whole->n_sentences = a->n_entailed;
    whole->sentences = list;
    out->entailment = whole;
}

/* A line of a->parts each. */
static void fill_parts(reply *r, Cairn__V1__AnswerDone *out, const cairn_answer *a)
{
    const char *line = a->parts;
    size_t n = line ? 1 : 0;

    for (const char *s = line; s && *s; s++)
        n += *s == '\n';
    out->parts = reply_array(r, n, sizeof *out->parts);
    if (r->failed)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(line, "\n");
        out->parts[out->n_parts++] = reply_bytes_text(r, line, len);
        line += len + (line[len] == '\n');
    }
}

static void send_answer(rpc_call *c, const cairn_answer *a)
{
    Cairn__V1__AnswerEvent event = CAIRN__V1__ANSWER_EVENT__INIT;
    Cairn__V1__AnswerDone done = CAIRN__V1__ANSWER_DONE__INIT;
    Cairn__V1__AnswerTimings timings = CAIRN__V1__ANSWER_TIMINGS__INIT;
    reply r;

    reply_init(&r);
    timings.retrieve_ms = a->retrieve_ms;
    timings.first_token_ms = a->ttft_ms;
    timings.per_token_ms = a->tpot_ms;
    done.timings = &timings;
    done.answer = reply_text(&r, a->text);
    done.refused = a->refused;
    done.extractive = a->extractive;
    done.short_answer = reply_text(&r, a->short_answer);
    done.confidence = a->confidence;
    done.note = reply_text(&r, a->note);
    done.cached = reply_text(&r, a->cached);
    done.cached_question = reply_text(&r, a->cached_question);
    done.route = reply_text(&r, a->route);
    done.sent_to = reply_text(&r, a->sent_to);
    done.understood = reply_text(&r, a->understood);
    fill_parts(&r, &done, a);
    done.withheld = (uint32_t)a->withheld;
    done.model = reply_text(&r, a->model);
    done.prompt_tokens = (uint32_t)a->prompt_tokens;
    done.completion_tokens = (uint32_t)a->completion_tokens;
    done.evidence = reply_hits(&r, a->evidence, &done.n_evidence);
    fill_citations(&r, &done, a);
    fill_steps(&r, &done, a);
    fill_entailment(&r, &done, a);
    event.event_case = CAIRN__V1__ANSWER_EVENT__EVENT_DONE;
    event.done = &done;
    reply_end(c, &r, &event.base);
}

static bool read_history(rpc_call *c, const Cairn__V1__AnswerRequest *q, reply *r,
                         cairn_ask_request *out)
{
    if (q->n_history > TURNS_MAX) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", "a history has %d turns at most", TURNS_MAX);
        return false;
    }
    out->history = reply_array(r, q->n_history, sizeof *out->history);
    if (r->failed) {
        rpc_finish(c, CAIRN_ENOMEM, NULL);
        return false;
    }
    for (size_t i = 0; i < q->n_history; i++)
        out->history[i] = (cairn_turn){q->history[i]->role, q->history[i]->content};
    out->n_history = q->n_history;
    return true;
}

static void ask(rpc_call *c, const Cairn__V1__AnswerRequest *q, cairn_ask_request *ask)
{
    cairn_answer *answer = NULL;
    cairn_error err = {0};
    cairn *handle = lend(c, q->collection);

    if (handle && give_back(c, handle, cairn_ask(handle, ask, on_text, c, &answer, &err), &err))
        send_answer(c, answer);
    cairn_answer_free(answer);
}

static void answer(rpc_call *c, const ProtobufCMessage *request)
{
    const Cairn__V1__AnswerRequest *q = (const Cairn__V1__AnswerRequest *)request;
    cairn_ask_request out = {.question = q->question,
                             .filter = *q->filter ? q->filter : NULL,
                             .temperature = q->temperature,
                             .seed = q->seed,
                             .max_tokens = q->max_tokens,
                             .extractive = q->extractive,
                             .tools = q->tools,
                             .cancel = rpc_cancel_flag(c)};
    reply r;

    if (!(q->temperature >= 0 && q->temperature <= 100)) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", "a temperature lies between 0 and 100");
        return;
    }
    if (q->tools > CAIRN_STEPS_MAX) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", "a plan has %d steps at most", CAIRN_STEPS_MAX);
        return;
    }
    reply_init(&r);
    if (read_mode(c, q->mode, &out.mode) && read_history(c, q, &r, &out))
        ask(c, q, &out);
    reply_clear(&r);
}

static const rpc_method methods[] = {
    {.path = "/cairn.v1.Ask/Answer",
     .request = &cairn__v1__answer_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_LONG,
     .streams_out = true,
     .message = answer},
};

const method_table ask_methods = METHODS(methods);
