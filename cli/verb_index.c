/* verb_index.c - cairn index PATH... */
#include <stdlib.h>

#include "cli/cli.h"
#include "engine/memory.h"

enum { OPT_NO_VECTORS = 0x2000, OPT_STRICT, OPT_DRY_RUN, OPT_EXCLUDE, OPT_INCLUDE, OPT_HIDDEN,
       OPT_NO_IGNORE };

/* Answers that a user saved may have lost their sources by this run. */
static void tell_of_saved(const cli *c, cairn *engine, const cairn_index_report *r)
{
    size_t n = 0;

    if (r->indexed + r->moved + r->removed && !cairn_saved_check(engine, &n, NULL) && n && !c->quiet)
        fprintf(stderr, "%zu saved answer%s no longer hold%s: cairn saved\n", n, n == 1 ? "" : "s",
                n == 1 ? "s" : "");
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"no-vectors", no_argument, NULL, OPT_NO_VECTORS},
                                          {"strict", no_argument, NULL, OPT_STRICT},
                                          {"dry-run", no_argument, NULL, OPT_DRY_RUN},
                                          {"exclude", required_argument, NULL, OPT_EXCLUDE},
                                          {"include", required_argument, NULL, OPT_INCLUDE},
                                          {"hidden", no_argument, NULL, OPT_HIDDEN},
                                          {"no-ignore", no_argument, NULL, OPT_NO_IGNORE},
                                          {0}};
    cairn_index_options opt = {
        .progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_index_report report = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    bool strict = false;
    char *exclude = NULL, *include = NULL;
    int o, code = CLI_DONE;

    while (!code && (o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == OPT_NO_VECTORS)
            opt.no_vectors = true;
        else if (o == OPT_STRICT)
            strict = true;
        else if (o == OPT_DRY_RUN)
            opt.dry_run = true;
        else if (o == OPT_HIDDEN)
            opt.hidden = true;
        else if (o == OPT_NO_IGNORE)
            opt.no_ignore_files = true;
        else if (o == '?' || !cli_add_pattern(c, o == OPT_EXCLUDE ? &exclude : &include, optarg))
            code = CLI_USAGE;
    }
    if (!code && optind >= argc)
        code = cli_usage_error(c, "name at least one file or folder");
    if (!code)
        code = cli_open(c, &engine, CLI_MAKE);
    if (code) {
        free(exclude);
        free(include);
        return code;
    }
    opt.exclude = exclude;
    opt.include = include;
    if (opt.dry_run) {
        opt.event = cli_print_event;
        opt.event_ctx = c;
    }
    st = cairn_index(engine, (const char *const *)argv + optind, (size_t)(argc - optind), &opt,
                     &report, &err);
    if (c->json) {
        cli_progress_clear(c);
        code = cli_print_json(c, cli_json_report(&report));
    } else if (opt.dry_run) {
        cli_print_plan(c, &report);
    } else {
        cli_print_report(c, &report);
    }
    if (st)
        code = cli_fail(c, st, &err);
    else if (!opt.dry_run)
        tell_of_saved(c, engine, &report);
    if (!st && (report.missing || (strict && report.n_failed)))
        code = CLI_INPUT;
    cairn_index_report_clear(&report);
    cairn_close(engine);
    free(exclude);
    free(include);
    return code;
}

const cli_verb cli_verb_index = {
    "index", "index files and folders, or bring them up to date",
    "Usage: cairn index [OPTION...] PATH...\n\n"
    "Reads the files and folders, cuts them into passages and indexes words and vectors.\n"
    "Run it again at any time: only what changed is read, moved files keep their vectors, and\n"
    "files that are gone from a folder leave the index. A file that cannot be read is listed with\n"
    "the reason and stops nothing. Ctrl-C is safe: what was committed stays, a rerun goes on.\n\n"
    "  --no-vectors   words only; a later run without it adds the vectors\n"
    "  --strict       exit with 3 when any file could not be read, not only when a PATH is missing\n"
    "  --dry-run      tell what would happen to which path, and why, and change nothing\n"
    "  --exclude GLOB leave out what matches; --include GLOB: only files that match (both repeat,\n"
    "                 and are written as in .gitignore: *.iso, /build/, drafts/**)\n"
    "  --hidden       also names that begin with a dot\n"
    "  --no-ignore    take no notice of .cairnignore and .gitignore\n\n"
    "Left out by itself: hidden names, .git and its kin, node_modules, caches (CACHEDIR.TAG), build\n"
    "trees, virtual environments, trash, and what .cairnignore (anywhere) and .gitignore (in a\n"
    "repository) name. A line !NAME in one of them takes a name in. [index] ignore_file names one\n"
    "file of patterns for every run. What a later run leaves out leaves the index.\n\n"
    "Examples:\n"
    "  cairn index ~/Documents ~/notes\n"
    "  cairn index --dry-run --exclude '*.csv' ~/data\n"
    "  cairn index --json --strict manual.pdf | jq .failed\n",
    run};
