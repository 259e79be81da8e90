/* verb_memory.c - cairn memory: facts that are kept for conversations; cairn saved: answers that are
 * kept and compared with their sources. */
#include <stdlib.h>
#include <string.h>

#include "cli/output_answer.h"
#include "engine/memory.h"

static bool print_fact(void *ctx, const cairn_fact *f)
{
    char when[32];

    (void)ctx;
    printf("%4llu  %s  ", (unsigned long long)f->id, cli_format_time(when, f->changed_ns));
    cli_put_text(stdout, f->text, strlen(f->text));
    putchar('\n');
    return true;
}

static bool fact_json(void *ctx, const cairn_fact *f)
{
    json_array_append_new(ctx, json_pack("{s:I,s:o,s:I,s:I}", "id", (json_int_t)f->id, "text",
                                         json_str(f->text), "created_ns", (json_int_t)f->created_ns,
                                         "changed_ns", (json_int_t)f->changed_ns));
    return true;
}

static int list_facts(cli *c, cairn *engine)
{
    json_t *list = c->json ? json_array() : NULL;
    cairn_error err = {0};
    cairn_status st = cairn_fact_list(engine, c->json ? fact_json : print_fact, list, &err);

    if (!st && c->json)
        return cli_print_json(c, json_pack("{s:o}", "facts", list));
    json_decref(list);
    return st ? cli_fail(c, st, &err) : CLI_DONE;
}

/* Options (the global ones), then the words behind the verb; CLI_USAGE after reporting. */
static int take_words(cli *c, int argc, char **argv)
{
    static const struct option none[] = {{0}};
    int o;

    while ((o = cli_next_option(c, argc, argv, none)) != -1)
        if (o == '?')
            return CLI_USAGE;
    return CLI_DONE;
}

static int run_memory(cli *c, int argc, char **argv)
{
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;
    const char *what;
    char *text = NULL;
    cairn *engine;
    uint64_t added = 0;
    size_t id = 0;
    int code = take_words(c, argc, argv);

    if (code)
        return code;
    what = optind < argc ? argv[optind++] : "list";
    if (strcmp(what, "list") && strcmp(what, "add") && strcmp(what, "edit") && strcmp(what, "delete"))
        return cli_usage_error(c, "cairn memory takes list, add FACT, edit N FACT or delete N");
    if (!strcmp(what, "edit") || !strcmp(what, "delete")) {
        if (optind >= argc)
            return cli_usage_error(c, "which fact? cairn memory list numbers them");
        if (!cli_parse_size(c, "the number of a fact", argv[optind++], 1, SIZE_MAX, &id))
            return CLI_USAGE;
    }
    text = cli_join_operands(argc, argv);
    if (!text != (!strcmp(what, "list") || !strcmp(what, "delete"))) {
        code = cli_usage_error(c, text ? "%s takes no text" : "%s what?", what);
        free(text);
        return code;
    }
    code = cli_open(c, &engine, CLI_READ);
    if (code) {
        free(text);
        return code;
    }
    if (!strcmp(what, "list"))
        code = list_facts(c, engine);
    else if (!strcmp(what, "add"))
        st = cairn_fact_add(engine, text, &added, &err);
    else if (!strcmp(what, "edit"))
        st = cairn_fact_edit(engine, id, text, &err);
    else
        st = cairn_fact_delete(engine, id, &err);
    if (st)
        code = cli_fail(c, st, &err);
    else if (added && c->json)
        code = cli_print_json(c, json_pack("{s:I}", "id", (json_int_t)added));
    else if (added && !c->quiet)
        printf("%llu\n", (unsigned long long)added);
    cairn_close(engine);
    free(text);
    return code;
}

const cli_verb cli_verb_memory = {
    "memory", "facts kept for conversations",
    "Usage: cairn memory [list] | add FACT... | edit N FACT... | delete N\n\n"
    "A fact is a sentence that cairn chat is to know of you (\"my grinder is the K2 Pro\"). Where a question\n"
    "shares a word with it, it helps to find passages and is shown to the model; it is never the source of an\n"
    "answer. Facts are kept in the collection, readable by you alone, until you delete them.\n\n"
    "Examples:\n"
    "  cairn memory add 'My grinder is the K2 Pro.'\n"
    "  cairn memory delete 3\n",
    run_memory};

/* ---- cairn saved ---- */

static const char *state_name(cairn_saved_state s)
{
    return s == CAIRN_SAVED_HOLDS ? "holds" : s == CAIRN_SAVED_GONE ? "gone" : "changed";
}

typedef struct showing {
    cli *c;
    json_t *list;
    size_t only; /* this one, in full; 0: all, a line each */
    size_t shown, failing;
} showing;

static bool show_saved(void *ctx, const cairn_saved *x)
{
    showing *s = ctx;
    char when[32];

    if (s->only && s->only != x->id)
        return true;
    s->shown++;
    s->failing += x->state != CAIRN_SAVED_HOLDS;
    if (s->list) {
        json_array_append_new(s->list,
                              json_pack("{s:I,s:s,s:o,s:o,s:o,s:I,s:I}", "id", (json_int_t)x->id, "state",
                                        state_name(x->state), "why", json_str(x->why), "question",
                                        json_str(x->answer.question), "answer",
                                        json_str(x->answer.text), "saved_ns", (json_int_t)x->saved_ns,
                                        "checked_ns", (json_int_t)x->checked_ns));
        return true;
    }
    printf("%4llu  %-7s  %s  ", (unsigned long long)x->id, state_name(x->state), cli_format_time(when, x->saved_ns));
    cli_put_text(stdout, x->answer.question, strlen(x->answer.question));
    putchar('\n');
    if (s->only)
        cli_print_turn(s->c, &x->answer);
    if (*x->why) {
        printf("      %s", cli_accent(s->c));
        cli_put_text(stdout, x->why, strlen(x->why));
        printf("%s\n", cli_plain(s->c));
    }
    return true;
}

static int run_saved(cli *c, int argc, char **argv)
{
    showing s = {.c = c};
    cairn_error err = {0};
    cairn_status st;
    const char *what;
    cairn *engine;
    int code = take_words(c, argc, argv);
    bool one;

    if (code)
        return code;
    what = optind < argc ? argv[optind++] : "list";
    one = !strcmp(what, "show") || !strcmp(what, "delete");
    if ((!one && strcmp(what, "list")) || argc - optind != (int)one)
        return cli_usage_error(c, "cairn saved takes list, show N or delete N");
    if (one && !cli_parse_size(c, "the number of an answer", argv[optind], 1, SIZE_MAX, &s.only))
        return CLI_USAGE;
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    if (!strcmp(what, "delete")) {
        st = cairn_saved_delete(engine, s.only, &err);
    } else {
        s.list = c->json ? json_array() : NULL;
        st = cairn_saved_list(engine, show_saved, &s, &err);
    }
    cairn_close(engine);
    if (st) {
        json_decref(s.list);
        return cli_fail(c, st, &err);
    }
    if (s.list)
        (void)cli_print_json(c, json_pack("{s:o}", "saved", s.list));
    else if (s.only && !s.shown && strcmp(what, "delete"))
        fprintf(stderr, "cairn saved: there is no saved answer %zu\n", s.only);
    return s.failing || (s.only && !s.shown && strcmp(what, "delete")) ? CLI_NOTHING : CLI_DONE;
}

const cli_verb cli_verb_saved = {
    "saved", "answers that were kept, and whether they still hold",
    "Usage: cairn saved [list] | show N | delete N\n\n"
    "Answers are saved by /save in cairn chat. Whenever the collection has changed, each is compared with its\n"
    "sources: \"holds\" while every passage cited still stands in its document, \"changed\" when a document says\n"
    "something else, \"gone\" when it left the collection. Exits with 1 when one does not hold.\n\n"
    "Examples:\n"
    "  cairn saved\n"
    "  cairn saved --json | jq '.saved[] | select(.state != \"holds\")'\n",
    run_saved};
