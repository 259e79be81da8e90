/* verb_doctor.c - cairn doctor */
#include <string.h>

#include "cli/cli.h"
#include "engine/care.h"

static const char *const levels[] = {"ok", "warning", "bad"};

typedef struct listing {
    cli *c;
    json_t *all;
    size_t bad;
} listing;

static void take(void *ctx, const cairn_finding *f)
{
    listing *l = ctx;

    l->bad += f->level == CAIRN_DOCTOR_BAD;
    if (l->c->json) {
        json_array_append_new(l->all, json_pack("{s:s,s:s,s:o,s:o}", "level", levels[f->level], "what",
                                                f->what, "text", json_str(f->text), "cure",
                                                json_str(f->cure)));
        return;
    }
    printf("%s%-8s%s %-12s ", f->level ? cli_bold(l->c) : "", levels[f->level],
           f->level ? cli_plain(l->c) : "", f->what);
    cli_put_text(stdout, f->text, strlen(f->text));
    if (f->cure)
        printf("\n%22s%s", "cure: ", f->cure);
    putchar('\n');
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{0}};
    listing l = {.c = c};
    cairn_error err = {0};
    cairn_status st;
    int code = CLI_DONE;

    if (cli_next_option(c, argc, argv, extra) != -1)
        return CLI_USAGE;
    if (optind < argc)
        return cli_usage_error(c, "doctor takes no operands");
    l.all = json_array();
    st = cairn_doctor(&c->options, take, &l, &err);
    if (st)
        code = cli_fail(c, st, &err);
    else if (c->json)
        code = cli_print_json(c, json_pack("{s:b,s:O}", "well", l.bad == 0, "findings", l.all));
    if (!code && l.bad)
        code = CLI_NOTHING;
    json_decref(l.all);
    return code;
}

const cli_verb cli_verb_doctor = {
    "doctor", "is everything there, and well?",
    "Usage: cairn doctor\n\n"
    "Looks at the extractor and its cage, tables and fonts that parsers need, limits of the system,\n"
    "permissions and free space, the models, and every checksum of the collection. What is wrong comes with\n"
    "a cure. Exit code 1 when something is bad; warnings are none.\n\n"
    "Examples:\n"
    "  cairn doctor --json | jq '.findings[] | select(.level != \"ok\")'\n",
    run};
