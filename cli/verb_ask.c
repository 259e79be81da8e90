/* verb_ask.c - cairn ask QUESTION: a streamed answer with its sources. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output_answer.h"
#include "engine/chats.h"

enum { OPT_MODEL = 0x2000, OPT_TEMPERATURE, OPT_SEED, OPT_HISTORY, OPT_FILTER, OPT_MODE,
       OPT_MAX_TOKENS, OPT_EXTRACTIVE, OPT_EXPLAIN, OPT_RECEIPT, OPT_NO_CACHE, OPT_CHAT, OPT_TOOLS };

#define STEPS 6 /* of a plan, unless --tools says otherwise */

/* What the answer was made from and what was kept out of it. */
static void print_explanation(cli *c, const cairn_answer *a)
{
    printf("\n%sHow%s\n", cli_bold(c), cli_plain(c));
    printf("    %s; chance that the documents answer this: %.2f; %zu passages read in %.0f ms\n",
           a->refused      ? "refused"
           : a->exhaustive ? "every match read"
           : a->extractive ? "the documents' own sentence" : a->model,
           (double)a->confidence, a->evidence ? a->evidence->n_hits : 0, a->total_ms);
    if (a->route) {
        printf("    ");
        cli_put_text(stdout, a->route, strlen(a->route));
        putchar('\n');
    }
    if (a->short_answer) {
        printf("    what was asked for: ");
        cli_put_text(stdout, a->short_answer, strlen(a->short_answer));
        putchar('\n');
    }
    if (a->withheld)
        printf("    %zu sentences of the model withheld: no passage supports them\n", a->withheld);
    for (size_t i = 0; i < a->n_entailed; i++) {
        const cairn_entailed *x = &a->entailed[i];
        printf("    %s (%.2f; neutral %.2f, contradiction %.2f): ", x->held ? "follows" : "does not follow",
               (double)x->entails, (double)x->neutral, (double)x->contradicts);
        cli_put_text(stdout, x->text, strlen(x->text));
        putchar('\n');
    }
    for (size_t i = 0; i < a->n_planted; i++) {
        printf("    kept out, it gives orders to a language model (%.2f): ",
               (double)a->planted[i].score);
        cli_put_text(stdout, a->planted[i].uri, strlen(a->planted[i].uri));
        printf("\n        %s", cli_dim(c));
        cli_put_text(stdout, a->planted[i].text, strlen(a->planted[i].text));
        printf("%s\n", cli_plain(c));
    }
}

/* What was done for a plan. */
static void print_steps(cli *c, const cairn_answer *a)
{
    printf("\n%sSteps%s\n", cli_bold(c), cli_plain(c));
    for (size_t i = 0; i < a->n_steps; i++) {
        const cairn_step *s = &a->steps[i];
        const char *came = s->problem ? s->problem : s->result;
        printf("%4zu. ", i + 1);
        cli_put_text(stdout, s->arguments, strlen(s->arguments));
        printf("\n      %s%s", cli_dim(c), s->problem ? "not done: " : "");
        cli_put_text(stdout, came, strlen(came));
        printf("%s\n", cli_plain(c));
    }
    if (a->out_of_steps)
        printf("      ended after %zu steps (--tools)\n", a->n_steps);
}

/* A yes on the terminal, and nowhere else. */
static bool allow(void *ctx, const char *action)
{
    char line[16];

    (void)ctx;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    fputs("Shall I ", stderr);
    cli_put_text(stderr, action, strlen(action));
    fputs("? [y/N] ", stderr);
    return fgets(line, sizeof line, stdin) && (!strcasecmp(line, "y\n") || !strcasecmp(line, "yes\n"));
}

/* What this verb does with the answer, beside printing it. */
typedef struct ask_wishes {
    bool explain;
    const char *receipt; /* a file, or NULL */
    const char *chat;    /* a conversation, or NULL */
} ask_wishes;

/* One option of this verb; false after reporting. */
static bool take_option(cli *c, int o, cairn_ask_request *req, json_t **history)
{
    double temperature;
    size_t seed;

    switch (o) {
    case OPT_MODEL:
        c->options.generator = optarg;
        return true;
    case OPT_TEMPERATURE:
        if (!cli_parse_float(c, "--temperature", optarg, 0, 10, &temperature))
            return false;
        req->temperature = (float)temperature;
        return true;
    case OPT_SEED:
        if (!cli_parse_size(c, "--seed", optarg, 0, SIZE_MAX, &seed))
            return false;
        req->seed = seed;
        return true;
    case OPT_MAX_TOKENS:
        return cli_parse_size(c, "--max-tokens", optarg, 1, 100000, &req->max_tokens);
    case OPT_HISTORY:
        json_decref(*history);
        *history = NULL;
        free(req->history);
        return cli_parse_history(c, optarg, history, &req->history, &req->n_history);
    case OPT_EXTRACTIVE:
        req->extractive = true;
        return true;
    case OPT_NO_CACHE:
        req->no_cache = true;
        return true;
    case OPT_TOOLS:
        req->tools = STEPS;
        req->allow = allow;
        return !optarg || cli_parse_size(c, "--tools", optarg, 1, CAIRN_STEPS_MAX, &req->tools);
    case OPT_FILTER:
        req->filter = optarg;
        return true;
    case OPT_MODE:
        return cli_parse_mode(c, optarg, &req->mode);
    default:
        return false;
    }
}

static int ask(cli *c, const cairn_ask_request *req, const ask_wishes *w)
{
    cairn_answer *a = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    bool begun = false; /* some of the answer stands there */
    int code = cli_open(c, &engine, CLI_READ);

    if (code)
        return code;
    st = w->chat ? cairn_chat_ask(engine, w->chat, req, c->json ? NULL : cli_stream_answer, &begun, &a, &err)
                 : cairn_ask(engine, req, c->json ? NULL : cli_stream_answer, &begun, &a, &err);
    if (st) {
        if (begun)
            putchar('\n');
        code = cli_fail(c, st, &err);
    } else if (c->json) {
        code = cli_print_json(c, cli_answer_json(a));
    } else {
        putchar('\n');
        cli_print_sources(c, a);
        if (a->n_steps)
            print_steps(c, a);
        if (w->explain && a->parts)
            printf("\nTaken apart into\n%s\n", a->parts);
        if (w->explain)
            print_explanation(c, a);
    }
    if (!code && w->receipt) {
        st = cairn_receipt_write(engine, req, a, w->receipt, &err);
        if (st)
            code = cli_fail(c, st, &err);
    }
    if (!code && a->understood && !c->quiet)
        fprintf(stderr, "cairn ask: read as: %s\n", a->understood);
    if (!code && a->note && !c->quiet)
        fprintf(stderr, "cairn ask: %s%s\n", a->extractive ? "without a model: " : "", a->note);
    if (!code && a->refused)
        code = CLI_NOTHING;
    cairn_answer_free(a);
    if (!st && !fflush(stdout))
        cairn_keep_passages(engine, NULL); /* what cannot be kept is computed next time */
    cairn_close(engine);
    return code;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {
        {"model", required_argument, NULL, OPT_MODEL},
        {"temperature", required_argument, NULL, OPT_TEMPERATURE},
        {"seed", required_argument, NULL, OPT_SEED},
        {"history", required_argument, NULL, OPT_HISTORY},
        {"filter", required_argument, NULL, OPT_FILTER},
        {"mode", required_argument, NULL, OPT_MODE},
        {"max-tokens", required_argument, NULL, OPT_MAX_TOKENS},
        {"extractive", no_argument, NULL, OPT_EXTRACTIVE},
        {"explain", no_argument, NULL, OPT_EXPLAIN},
        {"receipt", required_argument, NULL, OPT_RECEIPT},
        {"no-cache", no_argument, NULL, OPT_NO_CACHE},
        {"chat", required_argument, NULL, OPT_CHAT},
        {"tools", optional_argument, NULL, OPT_TOOLS},
        {0}};
    cairn_ask_request req = {.cancel = &cli_cancelled};
    json_t *history = NULL;
    char *question = NULL;
    ask_wishes wishes = {0};
    int o, code = CLI_USAGE;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1)
        if (o == OPT_EXPLAIN)
            wishes.explain = true;
        else if (o == OPT_RECEIPT)
            wishes.receipt = optarg;
        else if (o == OPT_CHAT)
            wishes.chat = optarg;
        else if (o == '?' || !take_option(c, o, &req, &history))
            goto done;
    question = cli_join_operands(argc, argv);
    if (!question) {
        code = cli_usage_error(c, "ask something");
        goto done;
    }
    if (wishes.chat && (req.n_history || wishes.receipt)) {
        code = cli_usage_error(c, "--chat brings a history of its own and gives no receipt");
        goto done;
    }
    if (req.tools && (req.n_history || wishes.receipt || wishes.chat || req.extractive)) {
        code = cli_usage_error(c, "--tools goes with no history, conversation, receipt or --extractive");
        goto done;
    }
    req.question = question;
    code = ask(c, &req, &wishes);
done:
    free(question);
    free(req.history);
    json_decref(history);
    return code;
}

const cli_verb cli_verb_ask = {
    "ask", "answer a question from the documents, with citations",
    "Usage: cairn ask [--model M] [--temperature T] [--seed N] [--history JSON] [--filter EXPR]\n"
    "                 [--max-tokens N] [--extractive] [--explain] [--receipt FILE]\n"
    "                 [--no-cache] [--chat ID] [--tools[=STEPS]] QUESTION...\n\n"
    "Retrieves passages, lets the language model answer from them and cites document, page and\n"
    "characters for what it says. What no passage supports is withheld. Says so, and exits with 1,\n"
    "when the documents do not hold the answer.\n\n"
    "  --model M          generator, a name (cairn model list) or a path\n"
    "  --temperature T    0 (default) is greedy and repeatable\n"
    "  --seed N           seed of the sampler\n"
    "  --history JSON     earlier turns: [{\"role\":\"user\",\"content\":\"...\"}, ...]\n"
    "  --filter EXPR      restrict the documents, as in cairn search\n"
    "  --max-tokens N     longest answer\n"
    "  --extractive       answer with the documents' own sentence, at once and without a model\n"
    "  --explain          say what the answer was made from and what was kept out\n"
    "  --receipt FILE     write down what the answer was made with, for cairn replay\n"
    "  --no-cache         let the model answer anew; otherwise what it answered to the same question is given\n"
    "                     again while neither the documents nor settings have changed\n"
    "  --chat ID          as the next question of a conversation (cairn chat list), which keeps it; the beginning\n"
    "                     of its number is enough, or \"last\"\n"
    "  --tools[=STEPS]    let the model plan with tools: look-ups, search, lists, sums, dates, SQL over tables; at\n"
    "                     most STEPS (6, up to 16). What writes asks you first, on the terminal\n\n"
    "Examples:\n"
    "  cairn ask 'How long is the warranty on the pump?'\n"
    "  cairn ask --json --filter ext:pdf 'Who signed the lease?'\n",
    run};

/* ---- cairn replay ---- */

typedef struct findings {
    cli *c;
    json_t *list;
} findings;

static void report_finding(void *ctx, const char *finding)
{
    findings *f = ctx;

    if (f->list)
        json_array_append_new(f->list, json_str(finding));
    else
        printf("%s\n", finding);
}

static int run_replay(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"model", required_argument, NULL, OPT_MODEL}, {0}};
    findings f = {.c = c};
    cairn_answer *a = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    bool same = false;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        if (o == OPT_MODEL)
            c->options.generator = optarg;
    }
    if (argc - optind != 1)
        return cli_usage_error(c, "name one receipt");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    if (c->json)
        f.list = json_array();
    st = cairn_replay(engine, argv[optind], report_finding, &f, &same, &a, &err);
    if (st) {
        code = cli_fail(c, st, &err);
        json_decref(f.list);
    } else if (c->json) {
        code = cli_print_json(c, json_pack("{s:b,s:o,s:o}", "same", same, "changed", f.list, "answer",
                                           json_str(a->text)));
    } else {
        printf("%s\n", same ? "the same answer, byte for byte:" : "another answer:");
        cli_put_text(stdout, a->text, strlen(a->text));
        putchar('\n');
    }
    cairn_answer_free(a);
    cairn_close(engine);
    return code ? code : same ? CLI_DONE : CLI_NOTHING;
}

const cli_verb cli_verb_replay = {
    "replay", "ask the question of a receipt again",
    "Usage: cairn replay [--model M] RECEIPT\n\n"
    "Compares what a receipt (cairn ask --receipt) was made with to what is there now, asks the same\n"
    "question with the same settings and says whether the same bytes came. Exits with 1 when not.\n\n"
    "  --model M   generator, if it lies elsewhere now\n\n"
    "Example:\n"
    "  cairn ask --receipt r.json 'When does the lease end?' && cairn replay r.json\n",
    run_replay};
