/* verb_export.c - cairn export vectors FILE: the collection's vectors for other programs. */
#include <string.h>

#include "cli/cli.h"

enum { OPT_FORMAT = 0x2000, OPT_INDEX };

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"format", required_argument, NULL, OPT_FORMAT},
                                          {"index", required_argument, NULL, OPT_INDEX},
                                          {0}};
    cairn_export_vectors_options opt = {
        .progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_export_report report;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        if (o == OPT_FORMAT && !cli_parse_vector_format(c, optarg, &opt.format))
            return CLI_USAGE;
        if (o == OPT_INDEX)
            opt.faiss_index = optarg;
    }
    if (argc - optind != 2 || strcmp(argv[optind], "vectors") != 0)
        return cli_usage_error(c, "say vectors and a file");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    st = cairn_export_vectors(engine, argv[optind + 1], &opt, &report, &err);
    cli_progress_clear(c);
    if (st)
        code = cli_fail(c, st, &err);
    else if (c->json)
        code =
            cli_print_json(c, json_pack("{s:I,s:I,s:b,s:f}", "vectors", (json_int_t)report.vectors,
                                        "dim", (json_int_t)report.dim, "ids", report.ids_written,
                                        "seconds", report.seconds));
    else
        printf("%llu vectors of %u dimensions written%s, %.1f s\n",
               (unsigned long long)report.vectors, report.dim,
               report.ids_written ? ", their ids beside them (.ids.jsonl)" : "", report.seconds);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_export = {
    "export", "write the collection's vectors for other programs",
    "Usage: cairn export [--format FORMAT] [--index KIND] vectors FILE\n\n"
    "Writes the vectors of all passages or rows that are not deleted, in the order in which they "
    "came,\n"
    "and their ids to FILE.ids.jsonl, a line a row (JSON lines hold them themselves, and so does a "
    "FAISS\n"
    "index where all ids are whole numbers). FILE appears whole or not at all.\n\n"
    "  --format FORMAT  npy, fvecs, jsonl or faiss (default: by the file's name)\n"
    "  --index KIND     of a FAISS index: flat (default), hnsw, ivf-flat, ivf-sq8 or ivf-pq\n\n"
    "Examples:\n"
    "  cairn export vectors notes.npy\n"
    "  cairn export --index ivf-sq8 vectors notes.faiss\n",
    run};
