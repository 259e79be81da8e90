/* verb_delete.c - cairn delete PATH|NUMBER...: take documents out of the index. */
#include <string.h>

#include "cli/cli.h"

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{0}};
    cairn_error err = {0};
    cairn *engine;
    size_t total = 0;
    int code, worst = 0;

    if (cli_next_option(c, argc, argv, extra) != -1)
        return CLI_USAGE;
    if (optind >= argc)
        return cli_usage_error(c, "name at least one document or folder");
    code = cli_open(c, &engine, CLI_CHANGE);
    if (code)
        return code;
    for (int i = optind; i < argc && !cli_cancelled; i++) {
        size_t n = 0;
        cairn_status st = cairn_delete(engine, argv[i], &n, &err);
        total += n;
        if (st) {
            code = cli_fail(c, st, &err);
            if (code > worst)
                worst = code;
        }
    }
    cairn_close(engine);
    if (c->json)
        cli_print_json(c, json_pack("{s:I}", "removed", (json_int_t)total));
    else
        printf("%zu removed from the index (the files themselves are untouched)\n", total);
    return worst;
}

const cli_verb cli_verb_delete = {
    "delete", "take documents out of the index",
    "Usage: cairn delete PATH|NUMBER...\n\n"
    "Removes documents, or every document below a folder, from the index. The files themselves\n"
    "are never touched; indexing their folder again brings them back.\n\n"
    "Examples:\n"
    "  cairn delete ~/Documents/draft.md\n"
    "  cairn delete 12 13\n",
    run};
