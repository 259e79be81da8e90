/* verb_feedback.c - cairn feedback: what was thought of answers; shown, exported, deleted. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "engine/feedback.h"

enum { OPT_ALL = 0x2000 };

static bool show(void *ctx, const cairn_feedback *f)
{
    json_t *list = ctx;
    char when[32];

    if (list) {
        json_array_append_new(list, json_pack("{s:I,s:s,s:o,s:o,s:o,s:I}", "id", (json_int_t)f->id, "kind", f->kind,
                                              "note", json_str(f->note), "question",
                                              json_str(f->answer.question), "answer",
                                              json_str(f->answer.text), "made_ns", (json_int_t)f->made_ns));
        return true;
    }
    printf("%4llu  %-11s  %s  ", (unsigned long long)f->id, f->kind, cli_format_time(when, f->made_ns));
    cli_put_text(stdout, f->answer.question, strlen(f->answer.question));
    if (*f->note) {
        printf("\n      ");
        cli_put_text(stdout, f->note, strlen(f->note));
    }
    putchar('\n');
    return true;
}

static int list(cli *c, cairn *engine)
{
    json_t *all = c->json ? json_array() : NULL;
    cairn_error err = {0};
    cairn_status st = cairn_feedback_list(engine, NULL, show, all, &err);

    if (!st && c->json)
        return cli_print_json(c, json_pack("{s:o}", "feedback", all));
    json_decref(all);
    return st ? cli_fail(c, st, &err) : CLI_DONE;
}

static int export_lines(cli *c, cairn *engine, bool all)
{
    cairn_error err = {0};
    size_t n = 0;
    char *text;
    cairn_status st = cairn_feedback_export(engine, all, &text, &n, &err);

    if (st)
        return cli_fail(c, st, &err);
    fputs(text, stdout);
    free(text);
    return n ? CLI_DONE : CLI_NOTHING;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"all", no_argument, NULL, OPT_ALL}, {0}};
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;
    const char *what;
    cairn *engine;
    bool all = false, one;
    size_t id = 0;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        all = true;
    }
    what = optind < argc ? argv[optind++] : "list";
    one = !strcmp(what, "delete") && !all;
    if ((strcmp(what, "list") && strcmp(what, "export") && strcmp(what, "delete")) || argc - optind != (int)one)
        return cli_usage_error(c, "cairn feedback takes list, export [--all], delete N or delete --all");
    if (one && !cli_parse_size(c, "the number of a piece of feedback", argv[optind], 1, SIZE_MAX, &id))
        return CLI_USAGE;
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    if (!strcmp(what, "list"))
        code = list(c, engine);
    else if (!strcmp(what, "export"))
        code = export_lines(c, engine, all);
    else
        st = cairn_feedback_delete(engine, id, &err);
    if (st)
        code = cli_fail(c, st, &err);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_feedback = {
    "feedback", "what was thought of answers",
    "Usage: cairn feedback [list] | export [--all] | delete N | delete --all\n\n"
    "Thumbs (/good and /bad in cairn chat, or the web page's), text copied from an answer, and questions that\n"
    "were asked again nearly as they were. All of it stays in the collection and goes with its conversation.\n\n"
    "export prints JSON lines that cairn eval answers --qa takes: what was good is a test set of your own, with\n"
    "the answer, its document and what was said before; --all adds what was bad, with the answer that was not\nwanted: unwanted_again is the share of those that are given again.\n\n"
    "Example:\n"
    "  cairn feedback export > mine.jsonl && cairn eval answers --extractive --qa mine.jsonl\n",
    run};
