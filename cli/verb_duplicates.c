/* verb_duplicates.c - cairn duplicates [--near LIKENESS] [PATH|NUMBER] */
#include <string.h>

#include "cli/cli.h"
#include "engine/care.h"

enum { OPT_NEAR = 0x2000 };

static bool print_group(void *ctx, const cairn_copy *copies, size_t n)
{
    cli *c = ctx;
    char date[32];

    if (c->json)
        cli_print_json_line(json_pack("{s:o}", "copies", cli_json_copies(copies, n)));
    for (size_t i = 0; i < n && !c->json; i++) {
        if (copies[i].same_bytes)
            fputs(i ? "  same    " : "newest    ", stdout);
        else
            printf("  %5.1f %% ", copies[i].likeness * 100);
        printf("%-16s  ", cli_format_time(date, copies[i].mtime_ns));
        cli_put_text(stdout, copies[i].uri, strlen(copies[i].uri));
        putchar('\n');
    }
    return !cli_cancelled && !ferror(stdout);
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"near", required_argument, NULL, OPT_NEAR}, {0}};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    double near = CAIRN_NEAR;
    size_t n = 0;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1)
        if (o != OPT_NEAR || !cli_parse_float(c, "--near", optarg, 0.5, 1, &near))
            return CLI_USAGE;
    if (argc - optind > 1)
        return cli_usage_error(c, "one document at most");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    if (optind < argc)
        st = cairn_versions(engine, argv[optind], near, print_group, c, &n, &err);
    else
        st = cairn_duplicates(engine, near, &cli_cancelled, print_group, c, &n, &err);
    if (st)
        code = cli_fail(c, st, &err);
    else if (!n)
        code = CLI_NOTHING;
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_duplicates = {
    "duplicates", "documents that are the same, or versions of one",
    "Usage: cairn duplicates [--near LIKENESS] [PATH|NUMBER]\n\n"
    "Lists groups of documents with the same bytes or nearly the same words, the newest of each group\n"
    "first; of the others, how much of their words (in triples) they share with it. With --json a group a\n"
    "line. Of a document that is named, its own group alone, at once. Exit code 1 when there are none.\n\n"
    "  --near LIKENESS   from 0.5 to 1 (default 0.7); 1: the same bytes alone\n\n"
    "Examples:\n"
    "  cairn duplicates --near 1\n"
    "  cairn duplicates ~/Documents/lease.docx\n"
    "  cairn duplicates --json | jq -r '.copies[1:][].uri'\n",
    run};
