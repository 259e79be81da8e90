/* verb_check.c - cairn check: is every byte of the store whole? */
#include <string.h>

#include "cli/cli.h"

enum { OPT_REPAIR = 0x2000 };

typedef struct findings {
    cli *c;
    json_t *list;
    size_t n;
} findings;

static void take_finding(void *ctx, const char *finding)
{
    findings *f = ctx;

    f->n++;
    if (f->c->json)
        json_array_append_new(f->list, cli_json_string(finding));
    else
        printf("%s\n", finding);
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"repair", no_argument, NULL, OPT_REPAIR}, {0}};
    findings f = {.c = c};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    bool repair = false;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        repair = true;
    }
    if (optind < argc)
        return cli_usage_error(c, "check takes no operands");
    code = cli_open(c, &engine, repair ? CLI_CHANGE : CLI_READ);
    if (code)
        return code;
    f.list = json_array();
    st = cairn_check(engine, repair, take_finding, &f, &err);
    if (c->json) {
        code = cli_print_json(c, json_pack("{s:b,s:O}", "clean", st == CAIRN_OK && !f.n,
                                           "findings", f.list));
        if (st)
            code = cli_exit_code(st);
    } else if (st) {
        code = cli_fail(c, st, &err);
    } else {
        printf(f.n ? "%zu found and repaired\n" : "clean\n", f.n);
    }
    json_decref(f.list);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_check = {
    "check", "verify every byte of the store",
    "Usage: cairn check [--repair]\n\n"
    "Verifies the database, every section's checksum and every cross reference, and names what\n"
    "is damaged (exit code 4). With --repair, damaged segments are rebuilt from the stored text.\n\n"
    "Examples:\n"
    "  cairn check\n"
    "  cairn check --repair\n",
    run};
