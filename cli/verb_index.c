/* verb_index.c - cairn index PATH... */
#include "cli/cli.h"

enum { OPT_NO_VECTORS = 0x2000, OPT_STRICT };

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"no-vectors", no_argument, NULL, OPT_NO_VECTORS},
                                          {"strict", no_argument, NULL, OPT_STRICT},
                                          {0}};
    cairn_index_options opt = {
        .progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_index_report report = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    bool strict = false;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        if (o == OPT_NO_VECTORS)
            opt.no_vectors = true;
        else
            strict = true;
    }
    if (optind >= argc)
        return cli_usage_error(c, "name at least one file or folder");
    code = cli_open(c, &engine, CLI_MAKE);
    if (code)
        return code;
    st = cairn_index(engine, (const char *const *)argv + optind, (size_t)(argc - optind), &opt,
                     &report, &err);
    if (c->json) {
        cli_progress_clear(c);
        code = cli_print_json(c, cli_json_report(&report));
    } else {
        cli_print_report(c, &report);
    }
    if (st)
        code = cli_fail(c, st, &err);
    else if (report.missing || (strict && report.n_failed))
        code = CLI_INPUT;
    cairn_index_report_clear(&report);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_index = {
    "index", "index files and folders, or bring them up to date",
    "Usage: cairn index [--no-vectors] [--strict] PATH...\n\n"
    "Reads the files and folders, cuts them into passages and indexes words and vectors.\n"
    "Run it again at any time: only what changed is read, moved files keep their vectors, and\n"
    "files that are gone from a folder leave the index. A file that cannot be read is listed with\n"
    "the reason and stops nothing. Ctrl-C is safe: what was committed stays, a rerun goes on.\n\n"
    "  --no-vectors   words only; a later run without it adds the vectors\n"
    "  --strict       exit with 3 when any file could not be read, not only when a PATH is missing\n\n"
    "Examples:\n"
    "  cairn index ~/Documents ~/notes\n"
    "  cairn index --json --strict manual.pdf | jq .failed\n",
    run};
