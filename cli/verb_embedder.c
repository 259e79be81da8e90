/* verb_embedder.c - cairn embedder [build MODEL | switch | undo | drop]: another embedder for the collection. */
#include <string.h>

#include "cli/cli.h"
#include "engine/care.h"

static json_t *json_embedder(const cairn_embedder *e)
{
    if (!e->identity && !e->vectors)
        return json_null();
    return json_pack("{s:o,s:o,s:I}", "model", json_str(e->model), "identity", json_str(e->identity),
                     "vectors", (json_int_t)e->vectors);
}

static void print_embedder(const char *what, const cairn_embedder *e, uint64_t chunks)
{
    printf("%-10s ", what);
    cli_put_text(stdout, e->model, strlen(e->model));
    printf(", vectors of %llu of %llu passages\n", (unsigned long long)e->vectors, (unsigned long long)chunks);
}

static json_t *json_coming(const cairn_embedders *e)
{
    return e->coming.model ? json_pack("{s:o,s:I,s:I}", "model", json_str(e->coming.model), "vectors",
                                       (json_int_t)e->coming.vectors, "passages", (json_int_t)e->coming_of)
                           : json_null();
}

/* The second one that is not searched yet. */
static void print_coming(const cairn_embedders *e)
{
    if (e->coming.model) {
        printf("to come    ");
        cli_put_text(stdout, e->coming.model, strlen(e->coming.model));
        printf(", vectors of %llu of %llu passages that it reads (cairn index %s)\n", (unsigned long long)e->coming.vectors,
               (unsigned long long)e->coming_of, e->coming.vectors ? "goes on with them" : "makes them");
    } else if (e->lacking) {
        printf("to come    %s is not on this machine (scripts/fetch-models %s)\n", e->lacking, e->lacking);
    }
}

static int show(cli *c)
{
    cairn_embedders e;
    cairn_error err = {0};
    cairn *engine;
    int code = cli_open(c, &engine, CLI_READ);
    cairn_status st;

    if (code)
        return code;
    st = cairn_embedders_get(engine, &e, &err);
    if (st)
        code = cli_fail(c, st, &err);
    else if (c->json)
        code = cli_print_json(c, json_pack("{s:I,s:o,s:o,s:b,s:b,s:I,s:o,s:o}", "passages", (json_int_t)e.chunks, "searched",
                                           json_embedder(&e.searched), "aside", json_embedder(&e.aside),
                                           "was_searched", e.was_searched, "second", e.second, "unread",
                                           (json_int_t)e.unread, "coming", json_coming(&e), "lacking",
                                           json_str(e.lacking)));
    else {
        print_embedder("searched", &e.searched, e.chunks);
        if (e.aside.identity && !e.coming.model)
            print_embedder(e.second ? "second" : e.was_searched ? "for undo" : "beside", &e.aside, e.chunks);
        if (e.unread)
            printf("           %llu in scripts that it does not know: the first one's vectors count there\n", (unsigned long long)e.unread);
        print_coming(&e);
    }
    cairn_embedders_clear(&e);
    cairn_close(engine);
    return code;
}

typedef cairn_status change_fn(cairn *engine, const cairn_index_options *options, cairn_index_report *report,
                               cairn_error *err);

/* With a model: build; else `fn`. */
static int change(cli *c, const char *model, change_fn *fn)
{
    cairn_index_options opt = {.progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_index_report report = {0};
    cairn_error err = {0};
    cairn *engine;
    int code = cli_open(c, &engine, CLI_CHANGE);
    cairn_status st;

    if (code)
        return code;
    st = model ? cairn_embedder_build(engine, model, &opt, &report, &err) : fn(engine, &opt, &report, &err);
    cli_progress_clear(c);
    if (st)
        code = cli_fail(c, st, &err);
    else if (c->json)
        code = cli_print_json(c, json_pack("{s:I,s:f}", "embedded", (json_int_t)report.embedded, "seconds",
                                           report.seconds));
    else if (!c->quiet) {
        cairn_embedders now = {0};
        printf("%zu vectors made, %.1f s\n", report.embedded, report.seconds);
        if (!model && !cairn_embedders_get(engine, &now, &err)) {
            print_embedder("searched", &now.searched, now.chunks);
            if (now.aside.identity)
                print_embedder("for undo", &now.aside, now.chunks);
        }
        cairn_embedders_clear(&now);
    }
    cairn_index_report_clear(&report);
    cairn_close(engine);
    return code;
}

/* What is left, and how what was removed comes back: by the next index run, where it is the second embedder. */
static void print_dropped(const cairn_embedders *before, const cairn_embedders *now)
{
    const char *was = before->aside.identity ? before->aside.model : NULL;

    print_embedder("searched", &now->searched, now->chunks);
    print_coming(now);
    if (!was || (now->coming.model && !strcmp(now->coming.model, was)))
        return;
    fputs("           no index run makes those of ", stdout);
    cli_put_text(stdout, was, strlen(was));
    fputs(" again: cairn embedder build ", stdout);
    cli_put_text(stdout, was, strlen(was));
    puts(" does");
}

static int drop(cli *c)
{
    cairn_embedders before = {0}, now = {0};
    cairn_error err = {0};
    uint64_t n = 0;
    cairn *engine;
    int code = cli_open(c, &engine, CLI_CHANGE);
    cairn_status st;

    if (code)
        return code;
    (void)cairn_embedders_get(engine, &before, NULL); /* a note that cannot be read is removed, too */
    st = cairn_embedder_drop(engine, &n, &err);
    if (st) {
        code = cli_fail(c, st, &err);
    } else {
        const bool told = !cairn_embedders_get(engine, &now, NULL);
        if (c->json) {
            code = cli_print_json(c, json_pack("{s:I,s:o,s:o}", "dropped", (json_int_t)n, "model",
                                               json_str(before.aside.model), "coming", json_coming(&now)));
        } else if (!c->quiet) {
            printf("%llu vectors removed\n", (unsigned long long)n);
            if (told && n)
                print_dropped(&before, &now);
        }
    }
    cairn_embedders_clear(&before);
    cairn_embedders_clear(&now);
    cairn_close(engine);
    return code;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{0}};
    const char *what;
    int operands;

    if (cli_next_option(c, argc, argv, extra) != -1)
        return CLI_USAGE;
    operands = argc - optind;
    what = operands ? argv[optind] : "";
    if (!operands)
        return show(c);
    if (!strcmp(what, "build"))
        return operands == 2 ? change(c, argv[optind + 1], NULL)
                             : cli_usage_error(c, "build takes the name or the path of one model");
    if (operands > 1)
        return cli_usage_error(c, "%s takes no operand", what);
    if (!strcmp(what, "switch"))
        return change(c, NULL, cairn_embedder_switch);
    if (!strcmp(what, "undo"))
        return change(c, NULL, cairn_embedder_undo);
    if (!strcmp(what, "drop"))
        return drop(c);
    return cli_usage_error(c, "say build, switch, undo or drop");
}

const cli_verb cli_verb_embedder = {
    "embedder", "another embedder, built beside the old one",
    "Usage: cairn embedder\n"
    "       cairn embedder build MODEL\n"
    "       cairn embedder switch|undo|drop\n\n"
    "Without a word: whose vectors are searched, whose stand beside them, and which second model is to come.\n"
    "build makes the vectors of another model beside those that are searched, which go on answering; a\n"
    "build that was stopped goes on where it ended, and indexing may go on meanwhile. switch searches the\n"
    "new ones from one moment to the next, also in servers that run; the old ones are kept. undo goes\n"
    "back to them (and a second undo forth again). drop removes what is not searched, and says\n"
    "whether the next index run or only a build makes it again. The collection\n"
    "keeps the embedder that it was switched to, whatever the configuration names. With models.second_embedder\n"
    "(an English model beside the default one, where it is on this machine), cairn index makes the vectors of\n"
    "that model, too, and both are searched; unless you named it, its vectors give way to those of a build.\n\n"
    "Examples:\n"
    "  cairn embedder build all-minilm-l6-v2\n"
    "  cairn eval retrieval --queries Q --qrels J --run old.run   # before,\n"
    "  cairn embedder switch\n"
    "  cairn eval retrieval --queries Q --qrels J --run new.run   # and after\n"
    "  cairn eval gate old.run new.run --qrels J || cairn embedder undo\n",
    run};
