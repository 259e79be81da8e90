/* verb_check.c - cairn check: is every byte of the store whole, and does its vector search find what
 * is there? */
#include <string.h>

#include "cli/cli.h"
#include "engine/care.h"

enum { OPT_REPAIR = 0x2000, OPT_RECALL };

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
        json_array_append_new(f->list, json_str(finding));
    else
        printf("%s\n", finding);
}

/* The measurement: CLI_DONE when it is good, CLI_NOTHING ("a check failed") when it is not. */
static int audit(cli *c, cairn *engine, bool repair, cairn_audit *out)
{
    cairn_index_options opt = {
        .progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_error err = {0};
    cairn_status st = cairn_audit_vectors(engine, repair, &opt, out, &err);

    cli_progress_clear(c);
    if (st)
        return cli_fail(c, st, &err);
    return out->unreachable || out->recall10 < cairn_audit_floor(engine) ? CLI_NOTHING : CLI_DONE;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"repair", no_argument, NULL, OPT_REPAIR},
                                          {"recall", no_argument, NULL, OPT_RECALL},
                                          {0}};
    findings f = {.c = c};
    cairn_audit measured = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    bool repair = false, recall = false;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        repair |= o == OPT_REPAIR;
        recall |= o == OPT_RECALL;
    }
    if (optind < argc)
        return cli_usage_error(c, "check takes no operands");
    code = cli_open(c, &engine, repair || recall ? CLI_CHANGE : CLI_READ);
    if (code)
        return code;
    f.list = json_array();
    st = cairn_check(engine, repair, take_finding, &f, &err);
    if (!st && recall)
        code = audit(c, engine, repair, &measured);
    if (c->json) {
        json_t *out = json_pack("{s:b,s:O}", "clean", st == CAIRN_OK && !f.n, "findings", f.list);
        if (recall)
            json_object_set_new(out, "audit", cli_json_audit(&measured));
        int printed = cli_print_json(c, out);
        code = st ? cli_exit_code(st) : code ? code : printed;
    } else if (st) {
        code = cli_fail(c, st, &err);
    } else {
        printf(f.n ? "%zu found and repaired\n" : "clean\n", f.n);
        if (measured.known)
            cli_print_audit(&measured);
    }
    json_decref(f.list);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_check = {
    "check", "verify every byte of the store",
    "Usage: cairn check [--repair] [--recall]\n\n"
    "Verifies the database, every section's checksum and every cross reference, and names what\n"
    "is damaged (exit code 4). With --repair, damaged segments are rebuilt from the stored text.\n"
    "With --recall, the vector search is compared with an exact one on a sample of the stored\n"
    "vectors: recall@10, and vectors that no link of the graph leads to (exit code 1 when the\n"
    "recall is below [index] audit_recall or there are any). Together they mend that, too.\n\n"
    "Examples:\n"
    "  cairn check\n"
    "  cairn check --recall\n"
    "  cairn check --repair --recall\n",
    run};
