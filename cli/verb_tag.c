/* verb_tag.c - cairn tag add|remove TAG[,TAG...] PATH..., cairn tag list [PREFIX]: the user's own words
 * for documents. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define TAGS_MAX 256

typedef struct tag_list {
    const char *at[TAGS_MAX];
    size_t n;
} tag_list;

/* Take "a,b" apart in place; false when there are too many. */
static bool split(char *text, tag_list *out)
{
    for (char *next; text; text = next) {
        next = strchr(text, ',');
        if (next)
            *next++ = 0;
        if (!*text)
            continue;
        if (out->n == TAGS_MAX)
            return false;
        out->at[out->n++] = text;
    }
    return out->n > 0;
}

static int change(cli *c, const tag_list *tags, bool add, char **paths, int n_paths)
{
    static const char *const none[1];
    cairn_error err = {0};
    cairn *engine;
    size_t total = 0;
    int code = cli_open(c, &engine, CLI_CHANGE), worst = CLI_DONE;

    if (code)
        return code;
    for (int i = 0; i < n_paths && !cli_cancelled; i++) {
        size_t n = 0;
        cairn_status st = cairn_tag(engine, paths[i], add ? tags->at : none, add ? tags->n : 0,
                                    add ? none : tags->at, add ? 0 : tags->n, &n, &err);
        total += n;
        if (st) {
            code = cli_fail(c, st, &err);
            worst = code > worst ? code : worst;
        }
    }
    cairn_close(engine);
    if (c->json)
        cli_print_json(c, json_pack("{s:I}", "changed", (json_int_t)total));
    else if (!c->quiet)
        printf("%zu document%s changed\n", total, total == 1 ? "" : "s");
    return worst;
}

typedef struct listing {
    cli *c;
    size_t n;
} listing;

static bool print_tag(void *ctx, const char *tag, uint64_t documents, bool user)
{
    listing *l = ctx;

    l->n++;
    if (l->c->json) {
        json_t *j = json_pack("{s:o,s:I,s:b}", "tag", json_str(tag), "documents",
                              (json_int_t)documents, "user", user);
        bool ok = j && !json_dumpf(j, stdout, JSON_COMPACT);
        json_decref(j);
        putchar('\n');
        return ok && !cli_cancelled;
    }
    printf("%8llu  ", (unsigned long long)documents);
    cli_put_text(stdout, tag, strlen(tag));
    puts(user ? "" : "  (of the files themselves)");
    return !cli_cancelled && !ferror(stdout);
}

static int list(cli *c, const char *prefix)
{
    listing l = {.c = c};
    cairn_error err = {0};
    cairn_status st;
    char *real = NULL;
    cairn *engine;
    int code = cli_open(c, &engine, CLI_READ);

    if (code)
        return code;
    st = cairn_tags(engine, prefix, print_tag, &l, &err);
    if (!st && !l.n && prefix && (real = realpath(prefix, NULL)))
        st = cairn_tags(engine, real, print_tag, &l, &err);
    free(real);
    cairn_close(engine);
    if (st)
        return cli_fail(c, st, &err);
    if (!l.n && !c->quiet)
        fprintf(stderr, "cairn: no tags%s\n", prefix ? " there" : "");
    return l.n ? CLI_DONE : CLI_NOTHING;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{0}};
    tag_list tags = {.n = 0};
    const char *what;

    if (cli_next_option(c, argc, argv, extra) != -1)
        return CLI_USAGE;
    if (optind >= argc)
        return cli_usage_error(c, "say add, remove or list");
    what = argv[optind++];
    if (!strcmp(what, "list"))
        return argc - optind > 1 ? cli_usage_error(c, "one prefix at most")
                                 : list(c, optind < argc ? argv[optind] : NULL);
    if (strcmp(what, "add") && strcmp(what, "remove"))
        return cli_usage_error(c, "say add, remove or list");
    if (argc - optind < 2)
        return cli_usage_error(c, "name the tags (with commas between) and at least one document or folder");
    if (!split(argv[optind], &tags))
        return cli_usage_error(c, "1 to 256 tags, with commas between");
    optind++;
    return change(c, &tags, !strcmp(what, "add"), argv + optind, argc - optind);
}

const cli_verb cli_verb_tag = {
    "tag", "give documents tags of your own, list them",
    "Usage: cairn tag add TAG[,TAG...] PATH|NUMBER...\n"
    "       cairn tag remove TAG[,TAG...] PATH|NUMBER...\n"
    "       cairn tag list [PREFIX]\n\n"
    "Tags documents, or every document below a folder. A tag stays when the file changes, moves or is\n"
    "indexed again, and is found by tag:NAME in queries, filters and facets. The files themselves are\n"
    "untouched; tags that they carry (the attribute user.xdg.tags, keywords of the document) are found\n"
    "likewise and shown by list, and cannot be taken away here.\n\n"
    "Examples:\n"
    "  cairn tag add tax,2024 ~/Documents/receipts\n"
    "  cairn search 'insurance tag:tax'\n"
    "  cairn list --filter 'tag:tax NOT tag:done'\n"
    "  cairn tag list\n",
    run};
