/* verb_collection.c - cairn collection create|attach|drop|copy: collections that are kept on a cluster, and moving there
 * and back. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "engine/care.h"

enum { OPT_BACKEND = 256, OPT_URL, OPT_INDEX, OPT_SHARDS, OPT_REPLICAS, OPT_USER, OPT_PASSWORD, OPT_KEY, OPT_CA, OPT_YES };

static const struct option extra[] = {{"backend", required_argument, NULL, OPT_BACKEND},
                                      {"url", required_argument, NULL, OPT_URL},
                                      {"index", required_argument, NULL, OPT_INDEX},
                                      {"shards", required_argument, NULL, OPT_SHARDS},
                                      {"replicas", required_argument, NULL, OPT_REPLICAS},
                                      {"user", required_argument, NULL, OPT_USER},
                                      {"password-file", required_argument, NULL, OPT_PASSWORD},
                                      {"api-key-file", required_argument, NULL, OPT_KEY},
                                      {"ca-file", required_argument, NULL, OPT_CA},
                                      {"yes", no_argument, NULL, OPT_YES},
                                      {0}};

typedef struct wanted {
    cairn_backend backend;
    bool yes;
} wanted;

static bool take_count(const char *text, unsigned least, unsigned most, unsigned *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (end == text || *end || v < least || v > most)
        return false;
    *out = (unsigned)v;
    return true;
}

/* 0, or the exit code. */
static int take_options(cli *c, int argc, char **argv, wanted *w)
{
    unsigned n;
    int o;

    *w = (wanted){.backend = {.kind = "opensearch", .replicas = -1}};
    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        switch (o) {
        case OPT_BACKEND:
            w->backend.kind = optarg;
            break;
        case OPT_URL:
            w->backend.url = optarg;
            break;
        case OPT_INDEX:
            w->backend.index = optarg;
            break;
        case OPT_SHARDS:
            if (!take_count(optarg, 1, 1024, &w->backend.shards))
                return cli_usage_error(c, "--shards takes a number from 1 to 1024");
            break;
        case OPT_REPLICAS:
            if (!take_count(optarg, 0, 100, &n))
                return cli_usage_error(c, "--replicas takes a number from 0 to 100");
            w->backend.replicas = (int)n;
            break;
        case OPT_USER:
            w->backend.user = optarg;
            break;
        case OPT_PASSWORD:
            w->backend.password_file = optarg;
            break;
        case OPT_KEY:
            w->backend.api_key_file = optarg;
            break;
        case OPT_CA:
            w->backend.ca_file = optarg;
            break;
        case OPT_YES:
            w->yes = true;
            break;
        default:
            return CLI_USAGE;
        }
    }
    return 0;
}

static int make(cli *c, const char *name, const wanted *w, bool attach)
{
    cairn_error err = {0};
    cairn_status st;

    c->options.collection = name;
    st = cairn_collection_create(&c->options, &w->backend, attach, &err);
    if (st)
        return cli_fail(c, st, &err);
    if (c->json)
        return cli_print_json(c, json_pack("{s:s,s:s}", "collection", name, "backend", w->backend.kind));
    printf("collection %s %s: cairn --collection %s index PATH\n", name,
           attach ? "is used from here, too" : "is made on the cluster", name);
    return CLI_DONE;
}

static int drop(cli *c, const char *name, const wanted *w)
{
    cairn_error err = {0};
    cairn_status st;

    if (!w->yes)
        return cli_usage_error(c, "this removes the collection's indexes from the cluster for good: say --yes");
    c->options.collection = name;
    st = cairn_collection_drop(&c->options, &err);
    if (st)
        return cli_fail(c, st, &err);
    if (c->json)
        return cli_print_json(c, json_pack("{s:s,s:b}", "collection", name, "dropped", 1));
    printf("collection %s is removed from the cluster\n", name);
    return CLI_DONE;
}

static int copy(cli *c, const char *from, const char *to)
{
    cairn_index_options opt = {.progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled};
    cairn_collection_report r;
    cairn_error err = {0};
    cairn_status st = cairn_collection_copy(&c->options, from, to, &opt, &r, &err);

    cli_progress_clear(c);
    if (st)
        return cli_fail(c, st, &err);
    if (c->json)
        return cli_print_json(c, json_pack("{s:I,s:I,s:I,s:I,s:s,s:f}", "documents", (json_int_t)r.documents, "copied",
                                           (json_int_t)r.copied, "chunks", (json_int_t)r.chunks, "vectors",
                                           (json_int_t)r.vectors, "checksum", r.checksum, "seconds", r.seconds));
    printf("%s: %llu documents (%llu copied now), %llu chunks, %llu vectors, checksum %s, %.1f s\n", to,
           (unsigned long long)r.documents, (unsigned long long)r.copied, (unsigned long long)r.chunks,
           (unsigned long long)r.vectors, r.checksum, r.seconds);
    return CLI_DONE;
}

static int run(cli *c, int argc, char **argv)
{
    const char *what;
    wanted w;
    int code = take_options(c, argc, argv, &w), n = argc - optind;

    if (code)
        return code;
    what = n ? argv[optind] : "";
    if ((!strcmp(what, "create") || !strcmp(what, "attach")) && n == 2) {
        if (!w.backend.url)
            return cli_usage_error(c, "--url says where the cluster is");
        return make(c, argv[optind + 1], &w, !strcmp(what, "attach"));
    }
    if (!strcmp(what, "drop") && n == 2)
        return drop(c, argv[optind + 1], &w);
    if (!strcmp(what, "copy") && n == 3)
        return copy(c, argv[optind + 1], argv[optind + 2]);
    return cli_usage_error(c, "collection takes create NAME, attach NAME, drop NAME or copy FROM TO");
}

const cli_verb cli_verb_collection = {
    "collection", "keep a collection on an OpenSearch cluster, move it there and back",
    "Usage: cairn collection create NAME --backend opensearch --url URL[,URL...] [OPTION...]\n"
    "       cairn collection attach NAME --url URL[,URL...] [OPTION...]\n"
    "       cairn collection copy FROM TO\n"
    "       cairn collection drop NAME --yes\n\n"
    "create makes the collection's indexes on the cluster; every verb then works with\n"
    "--collection NAME. attach lets this machine use indexes that are there already. copy streams documents,\n"
    "passages and vectors from one collection to another, either way, without embedding anything again; what\n"
    "is there already is passed over, so a copy that was stopped goes on; at the end counts and checksums\n"
    "of both are compared. An embedded TO is made where it is missing.\n\n"
    "  --backend KIND         opensearch\n"
    "  --url URL[,URL...]     nodes of the cluster; another is asked where one does not answer\n"
    "  --index NAME           how the names of its indexes begin (default cairn-NAME)\n"
    "  --shards N             of the index of passages (default 1)\n"
    "  --replicas N           copies of each shard (default 1)\n"
    "  --user NAME            with --password-file FILE: its first line is the password\n"
    "  --api-key-file FILE    its first line is the key\n"
    "  --ca-file FILE         certificates to trust, beside https://\n\n"
    "Secrets stand in files that only their owner may read, never on the command line.\n\n"
    "Examples:\n"
    "  cairn collection create team --backend opensearch --url https://a:9200,https://b:9200 --shards 3\n"
    "  cairn collection copy default team\n"
    "  cairn --collection team search 'notice period'\n",
    run};
