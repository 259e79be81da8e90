/* verb_gateway.c - cairn gateway: may questions leave this machine, and which ones did. */
#include <string.h>

#include "cli/cli.h"

#define SHOWN 20

typedef struct showing {
    json_t *list; /* NULL: text */
    size_t n;
} showing;

static bool show(void *ctx, const cairn_sent *x)
{
    showing *s = ctx;
    char when[32];

    if (s->list) {
        json_array_append_new(s->list, json_pack("{s:I,s:o,s:o,s:o,s:I,s:I}", "made_ns", (json_int_t)x->made_ns, "url",
                                                 json_str(x->url), "model", json_str(x->model),
                                                 "outcome", json_str(x->outcome), "ms", (json_int_t)x->ms,
                                                 "tokens", (json_int_t)x->tokens));
        return true;
    }
    printf("%s  %6lld tokens  %6lld ms  ", cli_format_time(when, x->made_ns), (long long)x->tokens, (long long)x->ms);
    cli_put_text(stdout, x->outcome, strlen(x->outcome));
    putchar('\n');
    return ++s->n < SHOWN;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option none[] = {{0}};
    showing s = {0};
    char url[1024];
    cairn_error why = {0}, err = {0};
    int64_t today = 0;
    cairn_status ready, st;
    cairn *engine;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, none)) != -1)
        if (o == '?')
            return CLI_USAGE;
    if (optind < argc)
        return cli_usage_error(c, "cairn gateway takes nothing");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    ready = cairn_gateway_state(engine, url, sizeof url, &why);
    if (c->json) {
        s.list = json_array();
    } else {
        printf("%s", ready ? "Nothing leaves this machine: " : "Questions and excerpts may be sent to ");
        cli_put_text(stdout, ready ? why.text : url, strlen(ready ? why.text : url));
        putchar('\n');
    }
    st = cairn_sent_list(engine, show, &s, &today, &err);
    cairn_close(engine);
    if (st) {
        json_decref(s.list);
        return cli_fail(c, st, &err);
    }
    if (c->json)
        return cli_print_json(c, json_pack("{s:b,s:o,s:o,s:I,s:o}", "open", !ready, "why",
                                           ready ? json_str(why.text) : json_null(), "url",
                                           *url ? json_str(url) : json_null(), "tokens_today",
                                           (json_int_t)today, "sent", s.list));
    printf("%lld tokens today\n", (long long)today);
    return CLI_DONE;
}

const cli_verb cli_verb_gateway = {
    "gateway", "may questions leave this machine, and which did",
    "Usage: cairn gateway\n\n"
    "Says whether the configuration lets an OpenAI-compatible endpoint answer ([gateway] url, model and use; off\n"
    "by default), how many tokens were spent today, and lists the last questions that were sent: when, how\n"
    "long it took, what came of it.\n\n"
    "Examples:\n"
    "  cairn gateway\n"
    "  cairn gateway --json | jq .tokens_today\n",
    run};
