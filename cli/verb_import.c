/* verb_import.c - cairn import beir DIR | jsonl FILE: documents that are lines, not files. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { OPT_NO_VECTORS = 0x2000 };

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"no-vectors", no_argument, NULL, OPT_NO_VECTORS}, {0}};
    cairn_index_options opt = {
        .progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_index_report report = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    char *file = NULL;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        opt.no_vectors = true;
    }
    if (argc - optind != 2 || (strcmp(argv[optind], "beir") && strcmp(argv[optind], "jsonl")))
        return cli_usage_error(c, "say beir and a folder, or jsonl and a file");
    if (asprintf(&file, strcmp(argv[optind], "beir") ? "%s" : "%s/corpus.jsonl",
                 argv[optind + 1]) < 0)
        return CLI_INPUT;
    code = cli_open(c, &engine, CLI_MAKE);
    if (!code) {
        st = cairn_import_jsonl(engine, file, &opt, &report, &err);
        if (c->json) {
            cli_progress_clear(c);
            code = cli_print_json(c, cli_json_report(&report));
        } else {
            cli_print_report(c, &report);
        }
        if (st)
            code = cli_fail(c, st, &err);
        cairn_index_report_clear(&report);
        cairn_close(engine);
    }
    free(file);
    return code;
}

const cli_verb cli_verb_import = {
    "import", "index documents that are lines of a file",
    "Usage: cairn import [--no-vectors] beir DIR\n"
    "       cairn import [--no-vectors] jsonl FILE\n\n"
    "Indexes JSON lines {\"_id\", \"title\", \"text\"}, each as one document whose path is the _id.\n"
    "beir reads corpus.jsonl of a BEIR folder. A line whose content has not changed is skipped.\n\n"
    "Example:\n"
    "  cairn --collection scifact import beir scifact/\n",
    run};
