/* verb_model.c - cairn model ...: the models by themselves. */
#include <string.h>

#include "cli/cli.h"
#include "engine/model.h"

enum { OPT_MODEL = 0x2000, OPT_JSONL, OPT_ADD_SPECIAL, OPT_PARSE_SPECIAL, OPT_EXACT, OPT_QUERY,
       OPT_FILE, OPT_TYPE, OPT_OUTPUT, OPT_TOP, OPT_PP, OPT_DEPTH, OPT_TG, OPT_CTX,
       OPT_KV, OPT_LORA, OPT_DRAFT, OPT_NAME, OPT_SHA256 };

#define MAX_SETTINGS 16

typedef struct model_args {
    const char *model, *file, *type, *output, *name, *sha256;
    cairn_model_flags flags;
    size_t top, pp[MAX_SETTINGS], n_pp, depth[MAX_SETTINGS], n_depth, tg;
} model_args;

static const struct option extra[] = {{"model", required_argument, NULL, OPT_MODEL},
                                      {"jsonl", no_argument, NULL, OPT_JSONL},
                                      {"add-special", no_argument, NULL, OPT_ADD_SPECIAL},
                                      {"parse-special", no_argument, NULL, OPT_PARSE_SPECIAL},
                                      {"exact", no_argument, NULL, OPT_EXACT},
                                      {"query-prefix", no_argument, NULL, OPT_QUERY},
                                      {"file", required_argument, NULL, OPT_FILE},
                                      {"type", required_argument, NULL, OPT_TYPE},
                                      {"output", required_argument, NULL, OPT_OUTPUT},
                                      {"top", required_argument, NULL, OPT_TOP},
                                      {"pp", required_argument, NULL, OPT_PP},
                                      {"depth", required_argument, NULL, OPT_DEPTH},
                                      {"tg", required_argument, NULL, OPT_TG},
                                      {"ctx", required_argument, NULL, OPT_CTX},
                                      {"draft", required_argument, NULL, OPT_DRAFT},
                                      {"lora", required_argument, NULL, OPT_LORA},
                                      {"kv", required_argument, NULL, OPT_KV},
                                      {"name", required_argument, NULL, OPT_NAME},
                                      {"sha256", required_argument, NULL, OPT_SHA256},
                                      {0}};

static bool take_option(cli *c, int o, model_args *a)
{
    switch (o) {
    case OPT_MODEL:
        a->model = optarg;
        return true;
    case OPT_JSONL: /* the only form there is; named so that scripts say what they expect */
        return true;
    case OPT_ADD_SPECIAL:
        a->flags.add_special = true;
        return true;
    case OPT_PARSE_SPECIAL:
        a->flags.parse_special = true;
        return true;
    case OPT_EXACT:
        a->flags.exact = true;
        return true;
    case OPT_QUERY:
        a->flags.query = true;
        return true;
    case OPT_FILE:
        a->file = optarg;
        return true;
    case OPT_TYPE:
        a->type = optarg;
        return true;
    case OPT_OUTPUT:
        a->output = optarg;
        return true;
    case OPT_TOP:
        return cli_parse_size(c, "--top", optarg, 0, 1000, &a->top);
    case OPT_PP:
        return (a->n_pp = cli_parse_sizes(c, "--pp", optarg, a->pp, MAX_SETTINGS)) > 0;
    case OPT_DEPTH:
        return (a->n_depth = cli_parse_sizes(c, "--depth", optarg, a->depth, MAX_SETTINGS)) > 0;
    case OPT_TG:
        return cli_parse_size(c, "--tg", optarg, 0, 100000, &a->tg);
    case OPT_CTX:
        return cli_parse_size(c, "--ctx", optarg, 1, 1u << 20, &a->flags.n_ctx);
    case OPT_DRAFT:
        a->flags.draft = optarg;
        return true;
    case OPT_LORA:
        a->flags.adapters = optarg;
        return true;
    case OPT_KV:
        a->flags.kv = optarg;
        return true;
    case OPT_NAME:
        a->name = optarg;
        return true;
    case OPT_SHA256:
        a->sha256 = optarg;
        return true;
    default:
        return false;
    }
}

static void list_one(void *ctx, const char *name, const char *use, const char *path)
{
    cli *c = ctx;

    if (c->json) {
        json_t *j = json_pack("{s:s,s:s,s:o}", "name", name, "use", use, "path",
                              json_str(path));
        json_dumpf(j, stdout, JSON_COMPACT);
        json_decref(j);
        putchar('\n');
    } else {
        printf("%-22s %-28s %s\n", name, use, path ? path : "not on this machine");
    }
}

static void show_progress(void *ctx, size_t done, size_t total)
{
    const cli *c = ctx;

    if (c->err_terminal && !c->quiet)
        fprintf(stderr, "\rwriting  %3.0f %%%s", 100.0 * (double)done / (double)(total ? total : 1),
                done == total ? "\n" : "");
}

static int quantize(cli *c, const model_args *a, bool merge)
{
    cairn_quantize_options o = {.type = a->type,
                                .adapters = merge ? a->flags.adapters : NULL,
                                .path = a->output,
                                .text = a->file,
                                .progress = show_progress,
                                .progress_ctx = c};
    cairn_model_flags flags = a->flags;
    cairn_error err = {0};
    cairn_status st;

    if (merge && (!a->flags.adapters || !a->output))
        return cli_usage_error(c, "--lora FILE[:SCALE] says what to add, --output FILE where");
    if (!merge && (!a->type || !a->output))
        return cli_usage_error(c, "--type TYPE says what to make, --output FILE where");
    flags.adapters = merge ? "" : flags.adapters; /* a text's perplexity is that of the files */
    st = cairn_model_quantize(a->model, &o, &flags, stdout, &err);
    return st ? cli_fail(c, st, &err) : CLI_DONE;
}

typedef struct arrival {
    const cli *c;
    int shown; /* percent, or MB where the total is unknown */
} arrival;

static void show_arrival(void *ctx, uint64_t done, uint64_t total)
{
    arrival *a = ctx;
    int now = (int)(total ? done * 100 / total : done >> 20);

    if (!a->c->err_terminal || a->c->quiet || now == a->shown)
        return;
    a->shown = now;
    fprintf(stderr, total ? "\r%4d %% of %.0f MB " : "\r%4d MB ", now, (double)total / 1e6);
}

static int take_model(cli *c, const model_args *a, bool pull)
{
    arrival shown = {c, -1};
    cairn_model_source s = {.from = a->model, .name = a->name, .sha256 = a->sha256, .progress = show_arrival,
                            .progress_ctx = &shown, .cancel = &cli_cancelled,
                            .config_file = a->flags.config_file};
    cairn_error err = {0};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    cairn_status st;

    if (!a->model)
        return cli_usage_error(c, pull ? "which address?" : "which file?");
    if (!out)
        return cli_fail(c, cairn_fail(&err, CAIRN_ENOMEM, "answer"), &err);
    st = pull ? cairn_model_pull(&s, out, &err) : cairn_model_add(&s, out, &err);
    fclose(out);
    if (shown.shown >= 0)
        fputc('\n', stderr);
    if (!st && c->json) {
        fputs(text, stdout);
    } else if (!st) {
        json_t *j = json_loads(text, 0, NULL);
        printf("%s: %s\nSHA-256 %s%s\n", json_string_value(json_object_get(j, "name")),
               json_string_value(json_object_get(j, "path")), json_string_value(json_object_get(j, "sha256")),
               a->sha256 ? ", as it should be" : "");
        json_decref(j);
    }
    free(text);
    return st ? cli_fail(c, st, &err) : CLI_DONE;
}

static int dispatch(cli *c, const char *what, model_args *a)
{
    cairn_error err = {0};
    cairn_status st;

    if (!strcmp(what, "list")) {
        cairn_model_catalogue(list_one, c);
        return CLI_DONE;
    }
    if (!strcmp(what, "add") || !strcmp(what, "pull"))
        return take_model(c, a, *what == 'p');
    if (!a->model)
        return cli_usage_error(c, "which model? --model NAME or PATH");
    if (!strcmp(what, "quantize"))
        return quantize(c, a, false);
    if (!strcmp(what, "merge"))
        return quantize(c, a, true);
    if (!strcmp(what, "info"))
        st = cairn_model_info(a->model, stdout, &err);
    else if (!strcmp(what, "tokenize"))
        st = cairn_model_tokenize(a->model, &a->flags, stdin, stdout, &err);
    else if (!strcmp(what, "template"))
        st = cairn_model_template(a->model, &a->flags, stdin, stdout, &err);
    else if (!strcmp(what, "embed"))
        st = cairn_model_embed(a->model, &a->flags, stdin, stdout, &err);
    else if (!strcmp(what, "rerank"))
        st = cairn_model_rerank(a->model, &a->flags, stdin, stdout, &err);
    else if (!strcmp(what, "entail"))
        st = cairn_model_entail(a->model, &a->flags, stdin, stdout, &err);
    else if (!strcmp(what, "generate"))
        st = cairn_model_generate(a->model, &a->flags, stdin, stdout, &err);
    else if (!strcmp(what, "perplexity") && a->file)
        st = cairn_model_perplexity(a->model, &a->flags, a->file, a->top, stdout, &err);
    else if (!strcmp(what, "perplexity"))
        return cli_usage_error(c, "which text? --file FILE");
    else if (!strcmp(what, "bench"))
        st = cairn_model_bench(a->model, &a->flags, a->pp, a->n_pp, a->depth, a->n_depth, a->tg,
                               stdout, &err);
    else
        return cli_usage_error(c, "there is no \"model %s\"", what);
    return st ? cli_fail(c, st, &err) : CLI_DONE;
}

static int run(cli *c, int argc, char **argv)
{
    model_args a = {.top = 10, .pp = {128, 512}, .n_pp = 2, .depth = {0, 512}, .n_depth = 2,
                    .tg = 32};
    const char *what;
    int o;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1)
        if (o == '?' || !take_option(c, o, &a))
            return CLI_USAGE;
    if (optind >= argc)
        return cli_usage_error(c, "list, add, pull, info, tokenize, template, embed, rerank, entail, generate, "
                                  "perplexity, bench or quantize?");
    what = argv[optind++];
    if (optind < argc && !a.model)
        a.model = argv[optind++];
    if (optind < argc)
        return cli_usage_error(c, "\"%s\" is one operand too many", argv[optind]);
    a.flags.n_threads = c->options.n_threads;
    a.flags.config_file = c->options.config_file;
    a.flags.cancel = &cli_cancelled;
    return dispatch(c, what, &a);
}

const cli_verb cli_verb_model = {
    "model", "the models by themselves",
    "Usage: cairn model list\n"
    "       cairn model add FILE [--name NAME] [--sha256 HASH]\n"
    "       cairn model pull URL [--name NAME] [--sha256 HASH]\n"
    "       cairn model info MODEL\n"
    "       cairn model tokenize --model M --jsonl [--add-special] [--parse-special]\n"
    "       cairn model template|embed|rerank|entail|generate --model M --jsonl\n"
    "       cairn model perplexity --model M --file F [--top N] [--exact] [--kv int8]\n"
    "       cairn model bench --model M [--pp 128,512] [--depth 0,512] [--tg 32]\n"
    "       cairn model quantize --model M --type TYPE --output FILE [--file TEXT]\n"
    "       cairn model merge --model M --lora FILE[:SCALE],... --output FILE [--type TYPE]\n\n"
    "A model is a name (cairn model list) or a path. add copies a GGUF file, or a folder with\n"
    "model.safetensors or model.onnx, to where names are looked for ($CAIRN_MODELS, else ~/.local/share/cairn/models);\n"
    "pull fetches a GGUF file there, and goes on where an interrupted one stopped. Both open the model\n"
    "before it is named, and compare its SHA-256 where one is given. tokenize, template, embed,\n"
    "rerank, entail and generate read JSON lines from standard input and write JSON lines:\n"
    "  tokenize  {\"id\",\"text\"} or {\"id\",\"b64\"}      -> {\"id\",\"tokens\"}\n"
    "  template  {\"id\",\"messages\"}                  -> {\"id\",\"text\"}\n"
    "  embed     {\"id\",\"text\"}                      -> {\"id\",\"vector\"}\n"
    "  rerank    {\"id\",\"query\",\"text\"}              -> {\"id\",\"score\"}\n"
    "  entail    {\"id\",\"premise\",\"hypothesis\"}    -> {\"id\",\"entailment\",\"neutral\",\"contradiction\"}\n"
    "  generate  {\"id\",\"prompt\" or \"messages\",\"max_tokens\",\"temperature\",\"seed\",\n"
    "             \"n\",\"stop\",\"logprobs\",\"logit_bias\",\"json_schema\",\"grammar\",\"quotable\",\n"
    "             \"drafts\":false, ...: docs/models.md}\n"
    "                                             -> {\"id\",\"text\",\"tokens\",\"timings\"}\n\n"
    "  --name NAME       add, pull: what to call it (default: the file's name without its suffix)\n"
    "  --sha256 HASH     add, pull: what the file must have; needed for plain http to other machines\n"
    "  --exact           dequantised weights and float activations: slow, for comparison\n"
    "  --kv FORM         generate, perplexity, bench: keys and values as f16 or int8 (default: as\n"
    "                    the settings say)\n"
    "  --draft M         generate: a smaller model of the same vocabulary that drafts; the text is the same\n"
    "  --lora LIST       generate, perplexity, merge: adapters FILE[:SCALE], with commas (GGUF, or PEFT's\n"
    "                    safetensors with its configuration beside it)\n"
    "  --query-prefix    embed as questions instead of passages\n"
    "  --top N           perplexity: how many likely tokens a position (default 10)\n"
    "  --pp, --depth     bench: prompt lengths, and depths at which decoding is timed\n"
    "  --tg N            bench: tokens decoded a run (default 32)\n"
    "  --ctx N           context length\n"
    "  --type TYPE       quantize: F32, F16, BF16, Q8_0, Q6_K, Q5_0, Q4_K or Q4_0; with --file TEXT\n"
    "                    also the perplexity of that text before and after\n\n"
    "Examples:\n"
    "  echo '{\"id\":1,\"text\":\"hello\"}' | cairn model embed --model multilingual-e5-small --jsonl\n"
    "  cairn model add ~/Downloads/some-model-Q4_K_M.gguf --name some-model\n"
    "  cairn model bench --model qwen2.5-coder-0.5b --threads 2\n"
    "  cairn model quantize --model big-f16.gguf --type Q4_K --output small.gguf --file notes.txt\n",
    run};
