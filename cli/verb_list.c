/* verb_list.c - cairn list [--filter EXPR] [--versions] [PREFIX]: the documents, one a line. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "engine/care.h"

typedef struct listing {
    cli *c;
    cairn *engine;
    bool versions;
    size_t n;
} listing;

/* The others of a document's group. */
typedef struct others {
    cli *c;
    uint64_t doc;
    json_t *list; /* where JSON is asked for */
} others;

static bool take_others(void *ctx, const cairn_copy *copies, size_t n)
{
    others *o = ctx;
    char date[32];

    for (size_t i = 0; i < n; i++) {
        const cairn_copy *v = &copies[i];
        if (v->doc == o->doc)
            continue;
        if (o->list) {
            json_t *one = cli_json_copies(v, 1);
            json_array_extend(o->list, one);
            json_decref(one);
            continue;
        }
        printf("        %3.0f %% alike  %-16s  ", v->likeness * 100, cli_format_time(date, v->mtime_ns));
        cli_put_text(stdout, v->uri, strlen(v->uri));
        putchar('\n');
    }
    return true;
}

/* Its versions, newest first: printed, or into `list`. */
static void tell_versions(const listing *l, const cairn_document *d, json_t *list)
{
    others o = {l->c, d->id, list};
    char number[24];
    size_t n;
    cairn_error err = {0};

    snprintf(number, sizeof number, "%llu", (unsigned long long)d->id);
    if (cairn_versions(l->engine, number, CAIRN_NEAR, take_others, &o, &n, &err))
        cli_fail(l->c, err.code, &err);
}

static bool print_one(void *ctx, const cairn_document *d)
{
    listing *l = ctx;
    char size[32], date[32];

    l->n++;
    if (l->c->json) {
        json_t *j = json_pack("{s:I,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:o,s:I,s:I,s:o,s:o}", "doc", (json_int_t)d->id, "uri",
                              json_str(d->uri), "title", json_str(d->title), "mime",
                              json_str(d->mime), "lang", json_str(d->lang), "size",
                              (json_int_t)d->size, "date_ns", (json_int_t)d->date_ns, "chunks",
                              (json_int_t)d->n_chunks, "author", json_str(d->author),
                              "modified_ns", (json_int_t)d->mtime_ns, "created_ns",
                              (json_int_t)d->created_ns, "tags", cli_json_strings(d->tags, d->n_tags),
                              "same_as", d->same_as ? json_integer((json_int_t)d->same_as) : json_null());
        if (j && l->versions) {
            json_t *list = json_array();
            tell_versions(l, d, list);
            json_object_set_new(j, "versions", list);
        }
        if (!j || json_dumpf(j, stdout, JSON_COMPACT)) {
            json_decref(j);
            return false;
        }
        json_decref(j);
        putchar('\n');
    } else {
        printf("%6llu  %8s  %-16s  ", (unsigned long long)d->id,
               cli_format_bytes(size, (uint64_t)d->size), cli_format_time(date, d->date_ns));
        cli_put_text(stdout, d->uri, strlen(d->uri));
        putchar('\n');
        if (l->versions)
            tell_versions(l, d, NULL);
    }
    return !cli_cancelled && !ferror(stdout);
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"filter", required_argument, NULL, 'f'}, {"versions", no_argument, NULL, 'V'}, {0}};
    listing l = {.c = c};
    cairn_error err = {0};
    cairn_status st;
    const char *prefix, *filter = NULL;
    char *real = NULL, *note = NULL;
    cairn *engine;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == 'V')
            l.versions = true;
        else if (o == 'f')
            filter = optarg;
        else
            return CLI_USAGE;
    }
    if (argc - optind > 1)
        return cli_usage_error(c, "one prefix at most");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    l.engine = engine;
    prefix = optind < argc ? argv[optind] : NULL;
    st = cairn_list_filtered(engine, prefix, filter, print_one, &l, &note, &err);
    /* A relative path, as in `cairn list notes`: documents are known by absolute ones. */
    if (!st && !l.n && prefix && (real = realpath(prefix, NULL))) {
        free(note);
        st = cairn_list_filtered(engine, real, filter, print_one, &l, &note, &err);
    }
    free(real);
    cairn_close(engine);
    if (st) {
        free(note);
        return cli_fail(c, st, &err);
    }
    if (note && !c->quiet)
        fprintf(stderr, "cairn: %s\n", note);
    free(note);
    if (!l.n && !c->quiet)
        fprintf(stderr, "cairn: no %sdocuments%s\n", filter ? "such " : "", prefix ? " there" : "");
    return l.n ? CLI_DONE : CLI_NOTHING;
}

const cli_verb cli_verb_list = {
    "list", "list the documents",
    "Usage: cairn list [--filter EXPR] [--versions] [PREFIX]\n\n"
    "Lists the indexed documents in the order of their paths: number, size, date, path. With\n"
    "--json a JSON line each. PREFIX restricts to paths that begin with it.\n\n"
    "  --filter EXPR  only documents that pass: field:value terms with AND, OR, NOT and parentheses, as\n"
    "                 cairn search takes them (cairn search --help)\n"
    "  --versions     below each document those with nearly the same words, the newest first\n\n"
    "Examples:\n"
    "  cairn list\n"
    "  cairn list ~/Documents/2025 --json | jq -r .title\n"
    "  cairn list --filter 'ext:pdf size:>10mb NOT lang:de'\n",
    run};
