/* verb_import.c - cairn import beir DIR | jsonl FILE | vectors FILE: documents that are lines or rows of a
 * file. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { OPT_NO_VECTORS = 0x2000, OPT_IDS, OPT_METRIC, OPT_FORMAT };

static bool parse_metric(cli *c, const char *text, cairn_similarity *out)
{
    static const char *const names[] = {"cosine", "dot", "l2"};

    for (int i = 0; i < 3; i++) {
        if (!strcmp(text, names[i])) {
            *out = (cairn_similarity)(CAIRN_COSINE + i);
            return true;
        }
    }
    cli_usage_error(c, "--metric is cosine, dot or l2, not \"%s\"", text);
    return false;
}

/* beir and jsonl: texts. */
static cairn_status import_texts(cairn *engine, bool beir, const char *name,
                                 const cairn_index_options *opt, cairn_index_report *report,
                                 cairn_error *err)
{
    char *file = NULL;
    cairn_status st;

    if (asprintf(&file, beir ? "%s/corpus.jsonl" : "%s", name) < 0)
        return CAIRN_ENOMEM;
    st = cairn_import_jsonl(engine, file, opt, report, err);
    free(file);
    return st;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"no-vectors", no_argument, NULL, OPT_NO_VECTORS},
                                          {"ids", required_argument, NULL, OPT_IDS},
                                          {"metric", required_argument, NULL, OPT_METRIC},
                                          {"format", required_argument, NULL, OPT_FORMAT},
                                          {0}};
    cairn_import_vectors_options opt = {
        .run = {.progress = cli_progress, .progress_ctx = c, .cancel = &cli_cancelled}};
    cairn_index_report report = {0};
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    bool vectors, own_options = false;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        own_options |= o != OPT_NO_VECTORS;
        if (o == OPT_NO_VECTORS)
            opt.run.no_vectors = true;
        if (o == OPT_IDS)
            opt.ids_file = optarg;
        if (o == OPT_METRIC && !parse_metric(c, optarg, &opt.similarity))
            return CLI_USAGE;
        if (o == OPT_FORMAT && !cli_parse_vector_format(c, optarg, &opt.format))
            return CLI_USAGE;
    }
    if (argc - optind != 2 || (strcmp(argv[optind], "beir") && strcmp(argv[optind], "jsonl") &&
                               strcmp(argv[optind], "vectors")))
        return cli_usage_error(c, "say beir and a folder, or jsonl or vectors and a file");
    vectors = !strcmp(argv[optind], "vectors");
    if (vectors ? opt.run.no_vectors : own_options)
        return cli_usage_error(c, vectors ? "--no-vectors makes no sense with vectors"
                                          : "--ids, --metric and --format belong to vectors");
    code = cli_open(c, &engine, CLI_MAKE);
    if (code)
        return code;
    if (vectors)
        st = cairn_import_vectors(engine, argv[optind + 1], &opt, &report, &err);
    else
        st = import_texts(engine, !strcmp(argv[optind], "beir"), argv[optind + 1], &opt.run, &report,
                          &err);
    if (c->json) {
        cli_progress_clear(c);
        code = cli_print_json(c, cli_json_report(&report));
    } else {
        cli_print_report(c, &report);
    }
    if (st)
        code = cli_fail(c, st, &err);
    cairn_index_report_clear(&report);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_import = {
    "import", "index documents that are lines of a file, or vectors",
    "Usage: cairn import [--no-vectors] beir DIR\n"
    "       cairn import [--no-vectors] jsonl FILE\n"
    "       cairn import [--ids FILE] [--metric METRIC] [--format FORMAT] vectors FILE\n\n"
    "Indexes JSON lines {\"_id\", \"title\", \"text\"}, each as one document whose path is the _id.\n"
    "beir reads corpus.jsonl of a BEIR folder. A line whose content has not changed is skipped.\n\n"
    "vectors takes vectors that you have made yourself, each as a document whose path is its id: .npy,\n"
    ".fvecs, .bvecs, JSON lines {\"id\", \"vector\", \"title\", \"text\"} or a FAISS index (Flat, IVF-Flat,\n"
    "IVF-SQ8, IVF-PQ, HNSW). Search them with cairn search --vector. Texts need a collection of their own.\n\n"
    "  --ids FILE       a line a row: JSON, an id or an object with \"id\", \"title\", \"text\"; .txt: plain ids\n"
    "                   (default: the row's number, or its id in the FAISS index)\n"
    "  --metric METRIC  cosine (default), dot or l2; a FAISS index says itself whether dot or l2\n"
    "  --format FORMAT  npy, fvecs, bvecs, jsonl or faiss, where the file's name does not say it\n\n"
    "Examples:\n"
    "  cairn --collection scifact import beir scifact/\n"
    "  cairn --collection images import vectors clip.npy --ids names.txt\n",
    run};
