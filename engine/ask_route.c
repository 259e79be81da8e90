/* ask_route.c - who answers: the documents' own sentence, the generator, the large one, or an endpoint.
 *
 * Asked for in this order: what the call or [ask] answers demands (extractive), [gateway] use = always or hard,
 * [ask] route = auto, models.generator. What fails falls to the next: an endpoint to the generator, that to the
 * documents' own sentence, and with [gateway] use = fallback to the endpoint before. */
#include <string.h>

#include "base/log.h"
#include "engine/ask.h"
#include "engine/gateway.h"
#include "retrieve/router.h"

static const char *said(arena *memory, const char *way, const char *why)
{
    log_write(LOG_LEVEL_INFO, "engine", "answered by %s: %s", way, why);
    return arena_printf(memory, "%s: %s", way, why);
}

static bool use_is(const asking *a, const char *use)
{
    return !strcmp(a->c->settings.gateway_use, use);
}

/* Whether the endpoint may be asked; why not, where the settings want it, becomes the note. */
static bool take_endpoint(asking *a, cairn_answer *out, arena *memory)
{
    cairn_error err = {0};
    cairn_status st = gateway_ready(a->c, &err);

    if (!st) {
        a->remote = true;
        out->sent_to = a->c->settings.gateway_url;
    } else if (st != CAIRN_EUNSUPPORTED) {
        out->note = arena_strdup(memory, err.text);
    }
    return a->remote;
}

/* The answerer where nothing but the evidence and the question will stand before it, as it was taught; else the plain model. */
static cairn_status open_generator(asking *a, cairn_error *err)
{
    a->taught = (!a->request->n_history || a->alone) && !a->n_facts && engine_answerer(a->c, &a->g, &a->adapter);
    return a->taught ? CAIRN_OK : engine_generator(a->c, &a->g, err);
}

/* The generator that settings name. One that is not there is no failure unless somebody named it. */
static cairn_status take_generator(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    cairn_error problem = {0};
    cairn_status st = open_generator(a, &problem);

    if (st == CAIRN_EMODEL && !a->c->generator_named) {
        a->extractive = true;
        out->note = arena_strdup(memory, problem.text);
        return CAIRN_OK;
    }
    if (st && err)
        *err = problem;
    return st;
}

cairn_status ask_choose_way(asking *a, cairn_answer *out, arena *memory, cairn_error *err)
{
    const settings *s = &a->c->settings;
    const char *why;
    route_grade grade;
    cairn_status st;

    a->extractive = a->request->extractive || !strcmp(s->ask_answers, "extractive");
    if (a->extractive)
        return CAIRN_OK;
    grade = route_grade_of(a->asked, strlen(a->asked), &a->evidence, &why);
    if (!strcmp(s->ask_route, "auto") && grade == ROUTE_EASY && !use_is(a, "always")) {
        a->extractive = true;
        out->route = said(memory, "the documents' own sentence", why);
        return CAIRN_OK;
    }
    st = take_generator(a, out, memory, err);
    if (st)
        return st;
    if ((use_is(a, "always") || (use_is(a, "hard") && grade == ROUTE_HARD) ||
         (use_is(a, "fallback") && a->extractive)) &&
        take_endpoint(a, out, memory)) {
        a->extractive = false;
        out->route = said(memory, "an endpoint", use_is(a, "hard") ? why : use_is(a, "always")
                                                                               ? "gateway.use is always"
                                                                               : "there is no local model");
        return CAIRN_OK;
    }
    if (!strcmp(s->ask_route, "auto") && grade == ROUTE_HARD && !a->extractive && *s->large &&
        !engine_large(a->c, &a->g, NULL)) {
        a->large = true;
        out->route = said(memory, "the large model", why);
    }
    /* A large one that is not there leaves the question to the other, which is open. */
    return a->large || a->extractive ? CAIRN_OK : open_generator(a, err);
}

bool ask_falls_back(asking *a, cairn_answer *out, arena *memory)
{
    if (a->remote || !use_is(a, "fallback") || a->shown || !take_endpoint(a, out, memory))
        return false;
    out->route = said(memory, "an endpoint", "nothing that the local model said held");
    return true;
}
