/* verb_compact.c - cairn compact: merge segments, give space back. */
#include "cli/cli.h"
#include "engine/care.h"

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{0}};
    cairn_index_options opt = {
        .progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    uint64_t before = 0, after = 0;
    char a[32], b[32];
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int code;

    if (cli_next_option(c, argc, argv, extra) != -1)
        return CLI_USAGE;
    if (optind < argc)
        return cli_usage_error(c, "compact takes no operands");
    code = cli_open(c, &engine, CLI_CHANGE);
    if (code)
        return code;
    st = cairn_compact(engine, &opt, &before, &after, &err);
    cairn_close(engine);
    if (st)
        return cli_fail(c, st, &err);
    cli_progress_clear(c);
    if (c->json)
        return cli_print_json(c, json_pack("{s:I,s:I}", "bytes_before", (json_int_t)before,
                                           "bytes_after", (json_int_t)after));
    printf("%s before, %s after\n", cli_format_bytes(a, before), cli_format_bytes(b, after));
    return CLI_DONE;
}

const cli_verb cli_verb_compact = {
    "compact", "merge segments and give space back",
    "Usage: cairn compact\n\n"
    "Merges all segments into one of each kind, drops deleted rows, brings columns of an older\n"
    "format up to date and gives free space back to the disk. Searching goes on meanwhile.\n\n"
    "Example:\n"
    "  cairn compact\n",
    run};
