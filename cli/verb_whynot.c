/* verb_whynot.c - cairn why-not FILE QUERY... */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "engine/care.h"

enum { OPT_MODE = 0x2000, OPT_ANSWER };

static json_t *why_json(const char *file, const char *query, const cairn_why *w)
{
    json_t *stages = json_array();

    for (size_t i = 0; i < w->n_stages; i++)
        json_array_append_new(stages, json_pack("{s:s,s:b,s:b,s:o}", "stage", w->stages[i].stage, "passed",
                                                w->stages[i].passed, "reached", w->stages[i].reached, "detail",
                                                json_str(w->stages[i].detail)));
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "file", json_str(file), "query",
                     json_str(query), "lost_at", json_str(w->lost_at), "rank",
                     w->rank ? json_integer((json_int_t)w->rank) : json_null(), "stages", stages);
}

static void print_why(cli *c, const cairn_why *w, bool answer)
{
    for (size_t i = 0; i < w->n_stages; i++) {
        const cairn_why_stage *s = &w->stages[i];
        printf("%s%-4s %-8s%s ", s->passed || !s->reached ? "" : cli_bold(c), s->passed ? "yes" : s->reached ? "no" : "-", s->stage,
               s->passed || !s->reached ? "" : cli_plain(c));
        cli_put_text(stdout, s->detail, strlen(s->detail));
        putchar('\n');
    }
    if (w->lost_at)
        printf("\nIt is lost at: %s\n", w->lost_at);
    else if (answer)
        printf("\nAn answer looks at it\n");
    else
        printf("\nIt is found, at place %zu\n", w->rank);
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"k", required_argument, NULL, 'k'},
                                          {"mode", required_argument, NULL, OPT_MODE},
                                          {"answer", no_argument, NULL, OPT_ANSWER},
                                          {0}};
    cairn_why_request request = {.k = 10};
    cairn_why *w = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    char *query;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == OPT_ANSWER)
            request.answer = true;
        else if (o == 'k' ? !cli_parse_size(c, "-k", optarg, 1, 100000, &request.k)
                          : o != OPT_MODE || !cli_parse_mode(c, optarg, &request.mode))
            return CLI_USAGE;
    }
    if (argc - optind < 2)
        return cli_usage_error(c, "name a file and a query");
    request.file = argv[optind++];
    request.query = query = cli_join_operands(argc, argv);
    code = cli_open(c, &engine, CLI_READ);
    if (code) {
        free(query);
        return code;
    }
    st = cairn_why_not(engine, &request, &w, &err);
    if (st)
        code = cli_fail(c, st, &err);
    else if (c->json)
        code = cli_print_json(c, why_json(request.file, query, w));
    else
        print_why(c, w, request.answer);
    if (!code && w->lost_at)
        code = CLI_NOTHING;
    cairn_why_free(w);
    cairn_close(engine);
    free(query);
    return code;
}

const cli_verb cli_verb_whynot = {
    "why-not", "why a file is not among the hits of a query",
    "Usage: cairn why-not [-k N] [--mode hybrid|lexical|vector] [--answer] FILE QUERY...\n\n"
    "Goes through the stages between a file and a hit and names the one that lost it: is the file there\n"
    "(file), is it below an indexed folder (crawl), which rule leaves it out (rules), may it be read (read),\n"
    "did its parser get through (parse), has it text (text), does it pass the query's conditions (filter),\n"
    "how the query's words fall into its passages (chunk); its place by words, and which words it lacks\n"
    "(words), by vectors, as searched and exactly (vectors), after fusion, after the best were read again\n"
    "(rerank), and whether an answer quotes it (budget). FILE may be a file in a file: old.zip!/lease.pdf.\n"
    "Exit code 1 when it is not among the best N, or, with --answer, not before the model.\n\n"
    "  -k N         how many hits are shown (default 10)\n"
    "  --mode MODE  as in cairn search\n"
    "  --answer     the query is a question: ask whether an answer looks at the file\n\n"
    "Examples:\n"
    "  cairn why-not ~/Documents/lease.pdf notice period\n"
    "  cairn why-not --answer ~/Documents/lease.pdf 'When can I end the lease?'\n",
    run};
