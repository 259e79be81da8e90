/* verb_eval.c - cairn eval retrieval: ranking quality with intervals; cairn eval answers: how many
 * answers are right, rightly cited, rightly refused. */
#include <string.h>

#include "cli/cli.h"
#include "cli/eval_judge.h"
#include "engine/eval.h"

enum { OPT_QUERIES = 0x2000, OPT_QRELS, OPT_MODE, OPT_RUN, OPT_QA, OPT_MODEL, OPT_HISTORY, OPT_BUDGET,
       OPT_HTML, OPT_SLICE, OPT_COUNT, OPT_SEED, OPT_EXTRACTIVE, OPT_DUMP, OPT_PROMPTS, OPT_MEASURE, OPT_MARGIN, OPT_ALPHA, OPT_BETTER,
       OPT_ATTACKS, OPT_CLEAN, OPT_PII };

static json_t *json_metrics(const cairn_metric *metrics, size_t n)
{
    json_t *m = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(m, metrics[i].name,
                            json_pack("{s:f,s:f,s:f}", "value", metrics[i].value, "low", metrics[i].low,
                                      "high", metrics[i].high));
    return m;
}

static void print_slices(const cairn_eval_result *r)
{
    if (r->n_slices)
        printf("\n%-24s %8s", "slice", "queries");
    for (size_t k = 0; r->n_slices && k < r->n_metrics; k++)
        printf(" %10s", r->metrics[k].name);
    for (size_t i = 0; i < r->n_slices; i++) {
        const char *value = *r->slices[i].value ? r->slices[i].value : "(none)";
        printf("\n");
        cli_put_text(stdout, value, strlen(value));
        printf("%*s %8zu", (int)(strlen(value) < 24 ? 24 - strlen(value) : 0), "", r->slices[i].n_queries);
        for (size_t k = 0; k < r->n_metrics; k++)
            printf(" %10.4f", r->slices[i].metrics[k].value);
    }
    if (r->n_slices)
        printf("\n");
}

static int print_metrics(cli *c, const cairn_eval_result *r)
{
    json_t *j, *slices;

    if (!c->json) {
        for (size_t i = 0; i < r->n_metrics; i++)
            printf("%-11s %.4f  [%.4f, %.4f]\n", r->metrics[i].name, r->metrics[i].value,
                   r->metrics[i].low, r->metrics[i].high);
        printf("%zu judged queries, median %.2f ms a query, 99 %% within %.2f ms\n", r->n_queries,
               r->query_ms_median, r->query_ms_p99);
        print_slices(r);
        return CLI_DONE;
    }
    j = json_pack("{s:o,s:I,s:f,s:f}", "metrics", json_metrics(r->metrics, r->n_metrics), "queries",
                  (json_int_t)r->n_queries, "query_ms_median", r->query_ms_median, "query_ms_p99",
                  r->query_ms_p99);
    slices = json_array();
    for (size_t i = 0; i < r->n_slices; i++)
        json_array_append_new(slices, json_pack("{s:o,s:I,s:o}", "value",
                                                json_str(r->slices[i].value), "queries",
                                                (json_int_t)r->slices[i].n_queries, "metrics",
                                                json_metrics(r->slices[i].metrics, r->n_metrics)));
    if (r->n_slices)
        json_object_set(j, "slices", slices);
    json_decref(slices);
    return cli_print_json(c, j);
}

static int make(cli *c, const char *folder, size_t count, size_t seed)
{
    cairn_error err = {0};
    cairn *engine;
    size_t n;
    int code = cli_open(c, &engine, CLI_READ);
    cairn_status st;

    if (code)
        return code;
    st = cairn_eval_make(engine, folder, count, seed, &n, &err);
    cairn_close(engine);
    if (st)
        return cli_fail(c, st, &err);
    if (c->json)
        return cli_print_json(c, json_pack("{s:o,s:I}", "folder", json_str(folder), "queries",
                                           (json_int_t)n));
    printf("%zu questions in %s: cairn eval retrieval --queries %s/queries.jsonl --qrels %s/qrels.tsv\n", n,
           folder, folder, folder);
    return CLI_DONE;
}

/* Two run files; the second stands for what is new. */
static int compare(cli *c, const char *qrels, const char *run_a, const char *run_b)
{
    cairn_comparison r[CAIRN_METRICS];
    cairn_error err = {0};
    size_t n;
    json_t *m;
    cairn_status st = cairn_eval_compare(qrels, run_a, run_b, r, &n, &err);

    if (st)
        return cli_fail(c, st, &err);
    m = json_object();
    for (size_t i = 0; i < CAIRN_METRICS; i++)
        json_object_set_new(m, r[i].name,
                            json_pack("{s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:I,s:I}", "a", r[i].a, "b", r[i].b,
                                      "difference", r[i].difference, "low", r[i].low, "high", r[i].high,
                                      "p", r[i].p, "better", (json_int_t)r[i].better, "worse",
                                      (json_int_t)r[i].worse, "equal", (json_int_t)r[i].equal));
    if (c->json)
        return cli_print_json(c, json_pack("{s:o,s:I}", "metrics", m, "queries", (json_int_t)n));
    json_decref(m);
    for (size_t i = 0; i < CAIRN_METRICS; i++)
        printf("%-11s %.4f -> %.4f  %+.4f [%+.4f, %+.4f]  p %.4f  %zu better, %zu worse, %zu equal\n",
               r[i].name, r[i].a, r[i].b, r[i].difference, r[i].low, r[i].high, r[i].p, r[i].better,
               r[i].worse, r[i].equal);
    printf("%zu judged queries\n", n);
    return CLI_DONE;
}

static bool show_answered(void *ctx, const cairn_answered *a)
{
    const cli *c = ctx;

    if (c->verbose)
        fprintf(stderr, "%s %s: %s\n   -> %s\n   accepted: %s\n", a->right ? "right" : "WRONG", a->id,
                a->question, a->answer->text, *a->gold ? a->gold : "(not answerable)");
    return !cli_cancelled;
}

/* The slices' figures: a line a slice, the measures that one of them may lack as "-". */
static void print_answer_slices(const cairn_answers_result *r)
{
    for (size_t s = 0; s < r->n_slices; s++) {
        const cairn_answers_slice *x = &r->slices[s];
        printf("%s", s ? "" : "\n");
        cli_put_text(stdout, *x->value ? x->value : "(none)", strlen(*x->value ? x->value : "(none)"));
        printf(", %zu questions:", x->n);
        for (size_t k = 0; k < x->n_metrics; k++)
            printf("%s %s %.3f", k ? "," : "", x->metrics[k].name, x->metrics[k].value);
        putchar('\n');
    }
}

static json_t *intervals(const cairn_metric *metrics, size_t n)
{
    json_t *m = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(m, metrics[i].name,
                            json_pack("{s:f,s:f,s:f}", "value", metrics[i].value, "low", metrics[i].low, "high",
                                      metrics[i].high));
    return m;
}

static int print_answers(cli *c, const cairn_answers_result *r)
{
    json_t *j, *slices;

    if (!c->json) {
        for (size_t i = 0; i < r->n_metrics; i++)
            printf("%-22s %.3f  [%.3f, %.3f]\n", r->metrics[i].name, r->metrics[i].value,
                   r->metrics[i].low, r->metrics[i].high);
        printf("%zu questions, %zu of them not answerable", r->n, r->n_unanswerable);
        if (r->n_unwanted)
            printf(", %zu with an answer that was not wanted", r->n_unwanted);
        printf("; %zu answers in the documents' own words; "
               "%zu citations; median %.0f ms to retrieve, %.0f ms to the first token, %.0f ms in all\n",
               r->n_extractive, r->n_citations, r->retrieve_ms_median,
               r->ttft_ms_median, r->total_ms_median);
        print_answer_slices(r);
        return CLI_DONE;
    }
    slices = json_array();
    for (size_t i = 0; i < r->n_slices; i++)
        json_array_append_new(slices, json_pack("{s:o,s:I,s:o}", "value", json_str(r->slices[i].value), "questions",
                                                (json_int_t)r->slices[i].n, "metrics",
                                                intervals(r->slices[i].metrics, r->slices[i].n_metrics)));
    j = json_pack("{s:o,s:I,s:I,s:I,s:I,s:f,s:f,s:f}", "metrics", intervals(r->metrics, r->n_metrics), "questions",
                     (json_int_t)r->n, "unanswerable", (json_int_t)r->n_unanswerable, "extractive",
                     (json_int_t)r->n_extractive, "citations", (json_int_t)r->n_citations,
                     "retrieve_ms_median", r->retrieve_ms_median, "ttft_ms_median",
                     r->ttft_ms_median, "total_ms_median", r->total_ms_median);
    if (r->n_slices)
        json_object_set(j, "slices", slices);
    json_decref(slices);
    return cli_print_json(c, j);
}

static int eval_answers(cli *c, const char *qa, const cairn_eval_answers_options *o)
{
    cairn_answers_result result;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int code = cli_open(c, &engine, CLI_READ);

    if (code)
        return code;
    st = cairn_eval_answers(engine, qa, o, show_answered, c, &result, &err);
    cairn_close(engine);
    code = st ? cli_fail(c, st, &err) : print_answers(c, &result);
    cairn_answers_result_clear(&result);
    return code;
}

static int gate(cli *c, const char *qrels, const char *old, const char *new, const cairn_gate_options *o)
{
    cairn_error err = {0};
    cairn_gate g;
    cairn_status st = qrels ? cairn_eval_gate(qrels, old, new, o, &g, &err)
                            : cairn_eval_gate_answers(old, new, o, &g, &err);

    if (st)
        return cli_fail(c, st, &err);
    if (c->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < g.n_comparisons; i++)
            json_array_append_new(list, json_pack("{s:s,s:f,s:f,s:f,s:f,s:f,s:f}", "measure", g.comparisons[i].name,
                                                  "old", g.comparisons[i].a, "new", g.comparisons[i].b, "difference",
                                                  g.comparisons[i].difference, "low", g.comparisons[i].low, "high",
                                                  g.comparisons[i].high, "p", g.comparisons[i].p));
        (void)cli_print_json(c, json_pack("{s:b,s:s,s:I,s:o}", "passed", g.passed, "reason", g.reason, "queries",
                                          (json_int_t)g.n_queries, "comparisons", list));
    } else {
        for (size_t i = 0; i < g.n_comparisons; i++)
            printf("%-20s  %.3f -> %.3f  %+.3f  [%+.3f, %+.3f]  p %.3f\n", g.comparisons[i].name,
                   g.comparisons[i].a, g.comparisons[i].b, g.comparisons[i].difference, g.comparisons[i].low,
                   g.comparisons[i].high, g.comparisons[i].p);
        printf("%s: %s\n", g.passed ? "may replace" : "may not replace", g.reason);
    }
    return g.passed ? CLI_DONE : CLI_NOTHING;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"queries", required_argument, NULL, OPT_QUERIES},
                                          {"qrels", required_argument, NULL, OPT_QRELS},
                                          {"mode", required_argument, NULL, OPT_MODE},
                                          {"run", required_argument, NULL, OPT_RUN},
                                          {"history", required_argument, NULL, OPT_HISTORY},
                                          {"budget", required_argument, NULL, OPT_BUDGET},
                                          {"html", required_argument, NULL, OPT_HTML},
                                          {"slice", required_argument, NULL, OPT_SLICE},
                                          {"count", required_argument, NULL, OPT_COUNT},
                                          {"seed", required_argument, NULL, OPT_SEED},
                                          {"qa", required_argument, NULL, OPT_QA},
                                          {"model", required_argument, NULL, OPT_MODEL},
                                          {"extractive", no_argument, NULL, OPT_EXTRACTIVE},
                                          {"dump", required_argument, NULL, OPT_DUMP},
                                          {"prompts", no_argument, NULL, OPT_PROMPTS},
                                          {"measure", required_argument, NULL, OPT_MEASURE},
                                          {"margin", required_argument, NULL, OPT_MARGIN},
                                          {"alpha", required_argument, NULL, OPT_ALPHA},
                                          {"better", no_argument, NULL, OPT_BETTER},
                                          {"attacks", required_argument, NULL, OPT_ATTACKS},
                                          {"clean", required_argument, NULL, OPT_CLEAN},
                                          {"pii", required_argument, NULL, OPT_PII},
                                          {0}};
    cairn_eval_request req = {.mode = CAIRN_HYBRID};
    const char *qa = NULL, *attacks = NULL, *clean = NULL, *pii = NULL;
    cairn_eval_answers_options answers = {0};
    cairn_gate_options gating = {.margin = 0.01, .alpha = 0.05};
    size_t count = 0, seed = 1;
    cairn_eval_result result = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?' || (o == OPT_MODE && !cli_parse_mode(c, optarg, &req.mode)) ||
            (o == OPT_BUDGET && !cli_parse_milliseconds(c, "--budget", optarg, &req.budget_ms)))
            return CLI_USAGE;
        if ((o == OPT_COUNT && !cli_parse_size(c, "--count", optarg, 1, 1000000, &count)) ||
            (o == OPT_SEED && !cli_parse_size(c, "--seed", optarg, 0, SIZE_MAX, &seed)))
            return CLI_USAGE;
        if ((o == OPT_MARGIN && !cli_parse_float(c, "--margin", optarg, 0, 1, &gating.margin)) ||
            (o == OPT_ALPHA && !cli_parse_float(c, "--alpha", optarg, 1e-6, 0.5, &gating.alpha)))
            return CLI_USAGE;
        if (o == OPT_MEASURE)
            gating.measure = optarg;
        else if (o == OPT_BETTER)
            gating.better = true;
        if (o == OPT_BUDGET && req.budget_ms <= 0)
            req.budget_ms = -1;
        if (o == OPT_QUERIES)
            req.queries = optarg;
        else if (o == OPT_QRELS)
            req.qrels = optarg;
        else if (o == OPT_RUN)
            req.run_file = optarg;
        else if (o == OPT_HISTORY)
            req.history = optarg;
        else if (o == OPT_HTML)
            req.html_file = optarg;
        else if (o == OPT_SLICE)
            req.slice = optarg;
        else if (o == OPT_QA)
            qa = optarg;
        else if (o == OPT_MODEL)
            c->options.generator = optarg;
        else if (o == OPT_EXTRACTIVE)
            answers.extractive = true;
        else if (o == OPT_DUMP)
            answers.dump_file = optarg;
        else if (o == OPT_PROMPTS)
            answers.prompts = true;
        else if (o == OPT_ATTACKS)
            attacks = optarg;
        else if (o == OPT_CLEAN)
            clean = optarg;
        else if (o == OPT_PII)
            pii = optarg;
    }
    answers.html_file = req.html_file;
    answers.slice = req.slice;
    if (argc - optind == 1 && !strcmp(argv[optind], "answers") && qa)
        return eval_answers(c, qa, &answers);
    if (argc - optind == 2 && !strcmp(argv[optind], "make"))
        return make(c, argv[optind + 1], count, seed);
    if (argc - optind == 3 && !strcmp(argv[optind], "compare") && req.qrels)
        return compare(c, req.qrels, argv[optind + 1], argv[optind + 2]);
    if (argc - optind == 3 && !strcmp(argv[optind], "gate"))
        return gate(c, req.qrels, argv[optind + 1], argv[optind + 2], &gating);
    if (argc - optind == 3 && !strcmp(argv[optind], "judge"))
        return cli_eval_judge(c, argv[optind + 1], argv[optind + 2]);
    if (argc - optind == 1 && !strcmp(argv[optind], "guardrails") && (attacks || clean || pii))
        return cli_eval_guardrails(c, attacks, clean, pii);
    if (argc - optind != 1 || strcmp(argv[optind], "retrieval") || !req.queries || !req.qrels)
        return cli_usage_error(c, "say: eval retrieval --queries FILE --qrels FILE, eval compare "
                                  "RUN_A RUN_B --qrels FILE, eval gate OLD NEW, eval make DIR, "
                                  "eval answers --qa FILE, eval judge DUMP_A DUMP_B, or "
                                  "eval guardrails --attacks FILE --clean FILE");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    st = cairn_eval_retrieval(engine, &req, &result, &err);
    cairn_close(engine);
    code = st ? cli_fail(c, st, &err) : print_metrics(c, &result);
    cairn_eval_result_clear(&result);
    return code;
}

const cli_verb cli_verb_eval = {
    "eval", "measure rankings and answers",
    "Usage: cairn eval retrieval --queries FILE --qrels FILE [--mode M] [--run OUT]\n"
    "                            [--history FILE] [--budget TIME] [--slice FIELD] [--html OUT]\n"
    "       cairn eval compare RUN_A RUN_B --qrels FILE\n"
    "       cairn eval gate OLD NEW [--qrels FILE] [--measure M] [--margin X] [--alpha X] [--better]\n"
    "       cairn eval make [--count N] [--seed N] DIR\n"
    "       cairn eval answers --qa FILE [--model M] [--extractive] [--dump OUT [--prompts]]\n"
    "                          [--slice FIELD] [--html OUT]\n"
    "       cairn eval judge DUMP_A DUMP_B [--model M]\n"
    "       cairn eval guardrails [--attacks FILE] [--clean FILE] [--pii FILE]\n\n"
    "Runs every judged query and prints nDCG@10, Recall@100, MAP, MRR and P@10 with 95 %\n"
    "bootstrap intervals. Queries are JSON lines with _id and text (BEIR), or lines of number, tab and text\n"
    "(TREC); judgements are lines of query, document and grade with tabs between, below a header, or TREC's of\n"
    "query, 0, document and grade. --run writes a TREC run file (a blank of a name is _ there, and both are\n"
    "the same when runs are read). --history FILE has what was said before a question: JSON lines of _id and\n"
    "history, a list of role and content; without it the same questions are measured as they are typed, and\n"
    "compare or gate of the two runs says what rewriting is worth.\n"
    "--budget TIME bounds reranking as in cairn search (default: none, so that figures do not depend on\n"
    "the machine; 0: no reranking). --slice FIELD shows the figures by a field of the queries' lines, or\n"
    "by \"words\", how many a query has; --html writes a report for a browser.\n\n"
    "compare measures two TREC runs query by query: the difference with its interval, and the chance of\n"
    "as large a one (paired randomisation test).\n\n"
    "gate says whether NEW may replace OLD, and exits with 1 when not: two TREC runs (with --qrels) or two\n"
    "dumps of eval answers over the same questions. It may when the measure (nDCG@10, or right) cannot be worse\n"
    "by more than the margin (0.01) even at the low end of the 95 % interval, and no other measure is worse by\n"
    "more than it with p below alpha (0.05). --better: it must be shown to be better.\n\n"
    "make writes a test set from the collection itself into DIR, for comparing settings: for documents\n"
    "drawn by chance a few words of one of their passages (100, --count).\n\n"
    "answers asks every question of FILE (JSON lines: question, answers, doc and page or doc_ids; no\n"
    "answers: not answerable; history, turns of role and content that were said before) and prints the shares of right answers, right citations and refusals,\n"
    "exact match, token F1, ROUGE-L, BLEU, likeness by edits and (with an embedder) by meaning, and how far\n"
    "answers are grounded in what they cite.\n"
    "evidence_retrieved is the share of answerable questions whose document (of supporting_doc_ids: all) was\n"
    "among the passages read, refused_retrieved the share of those that were refused nevertheless.\n"
    "--extractive asks without a model; --dump writes a JSON line a question with the answer and the\n"
    "evidence it was decided from, with --prompts also the messages that a generator would get. With -v each question is shown.\n\n"
    "judge lets the generator say which of two such dumps has the better answers. Each pair is asked in both\n"
    "orders, and the pull of the place falls out; beside it stands how often the first place and the longer\n"
    "answer won, and how often the winner is the one that the accepted answers call right.\n\n"
    "guardrails says what share of --attacks, JSON lines with text and perhaps category, would be kept out of\n"
    "every answer as orders to a language model, what share of --clean texts with them, and how well personal\n"
    "data is found in --pii, whose lines have text and spans (type, start and end in characters).\n\n"
    "How well a language model knows a text: cairn model perplexity.\n\n"
    "Example:\n"
    "  cairn --collection scifact eval retrieval --queries scifact/queries.jsonl \\\n"
    "        --qrels scifact/qrels.tsv --mode lexical\n",
    run};
