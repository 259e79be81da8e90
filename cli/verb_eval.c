/* verb_eval.c - cairn eval retrieval: ranking quality with intervals. */
#include <string.h>

#include "cli/cli.h"

enum { OPT_QUERIES = 0x2000, OPT_QRELS, OPT_MODE, OPT_RUN };

static int print_metrics(cli *c, const cairn_eval_result *r)
{
    json_t *m;

    if (!c->json) {
        for (size_t i = 0; i < r->n_metrics; i++)
            printf("%-11s %.4f  [%.4f, %.4f]\n", r->metrics[i].name, r->metrics[i].value,
                   r->metrics[i].low, r->metrics[i].high);
        printf("%zu judged queries, median %.2f ms a query\n", r->n_queries, r->query_ms_median);
        return CLI_DONE;
    }
    m = json_object();
    for (size_t i = 0; i < r->n_metrics; i++)
        json_object_set_new(m, r->metrics[i].name,
                            json_pack("{s:f,s:f,s:f}", "value", r->metrics[i].value, "low",
                                      r->metrics[i].low, "high", r->metrics[i].high));
    return cli_print_json(c, json_pack("{s:o,s:I,s:f}", "metrics", m, "queries",
                                       (json_int_t)r->n_queries, "query_ms_median",
                                       r->query_ms_median));
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"queries", required_argument, NULL, OPT_QUERIES},
                                          {"qrels", required_argument, NULL, OPT_QRELS},
                                          {"mode", required_argument, NULL, OPT_MODE},
                                          {"run", required_argument, NULL, OPT_RUN},
                                          {0}};
    const char *queries = NULL, *qrels = NULL, *run_file = NULL;
    cairn_eval_result result = {0};
    cairn_mode mode = CAIRN_HYBRID;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?' || (o == OPT_MODE && !cli_parse_mode(c, optarg, &mode)))
            return CLI_USAGE;
        if (o == OPT_QUERIES)
            queries = optarg;
        else if (o == OPT_QRELS)
            qrels = optarg;
        else if (o == OPT_RUN)
            run_file = optarg;
    }
    if (argc - optind != 1 || strcmp(argv[optind], "retrieval") || !queries || !qrels)
        return cli_usage_error(c, "say: eval retrieval --queries FILE --qrels FILE");
    code = cli_open(c, &engine, true);
    if (code)
        return code;
    st = cairn_eval_retrieval(engine, queries, qrels, mode, run_file, &result, &err);
    cairn_close(engine);
    return st ? cli_fail(c, st, &err) : print_metrics(c, &result);
}

const cli_verb cli_verb_eval = {
    "eval", "measure the quality of a ranking",
    "Usage: cairn eval retrieval --queries FILE --qrels FILE [--mode M] [--run OUT]\n\n"
    "Runs every judged query and prints nDCG@10, Recall@100, MAP and MRR with 95 % bootstrap\n"
    "intervals. Queries are JSON lines with _id and text; judgements are lines of query,\n"
    "document and grade with tabs between, below a header. --run writes a TREC run file.\n\n"
    "Example:\n"
    "  cairn --collection scifact eval retrieval --queries scifact/queries.jsonl \\\n"
    "        --qrels scifact/qrels.tsv --mode lexical\n",
    run};
