/* options.c - getopt_long with the global options mixed into every verb's own. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

enum { OPT_HOME = 0x1000, OPT_COLLECTION, OPT_CONFIG, OPT_EMBEDDER, OPT_THREADS, OPT_WAIT, OPT_JSON,
       OPT_VERSION };

static const struct option globals[] = {
    {"home", required_argument, NULL, OPT_HOME},
    {"collection", required_argument, NULL, OPT_COLLECTION},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"embedder", required_argument, NULL, OPT_EMBEDDER},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"wait", optional_argument, NULL, OPT_WAIT},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
};

#define N_GLOBALS (sizeof globals / sizeof *globals)
#define MAX_EXTRA 24

int cli_usage_error(cli *c, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "cairn%s%s: ", c->verb ? " " : "", c->verb ? c->verb : "");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see cairn %s%s--help\n", c->verb ? c->verb : "", c->verb ? " " : "");
    return CLI_USAGE;
}

/* One global option; false after reporting a bad value. */
static bool take_global(cli *c, int opt)
{
    double seconds;

    switch (opt) {
    case OPT_HOME:
        c->options.home = optarg;
        return true;
    case OPT_COLLECTION:
        c->options.collection = optarg;
        return true;
    case OPT_CONFIG:
        c->options.config_file = optarg;
        return true;
    case OPT_EMBEDDER:
        c->options.embedder = optarg;
        return true;
    case OPT_THREADS:
        return cli_parse_size(c, "--threads", optarg, 1, 1024, &c->options.n_threads);
    case OPT_WAIT:
        if (!optarg) {
            c->options.wait_ns = -1;
            return true;
        }
        if (!cli_parse_float(c, "--wait", optarg, 0, 1e6, &seconds))
            return false;
        c->options.wait_ns = (int64_t)(seconds * 1e9);
        return true;
    case OPT_JSON:
        c->json = true;
        return true;
    case 'q':
        c->quiet = true;
        return true;
    default:
        c->verbose++;
        return true;
    }
}

/* The short form of every option whose `val` is a character. */
static void build_short(const struct option *all, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].val >= 0x80)
            continue;
        *out++ = (char)all[i].val;
        if (all[i].has_arg == required_argument)
            *out++ = ':';
    }
    *out = '\0';
}

int cli_next_option(cli *c, int argc, char **argv, const struct option *extra)
{
    struct option all[N_GLOBALS + MAX_EXTRA + 1];
    char shorts[2 * (N_GLOBALS + MAX_EXTRA) + 1];
    size_t n = N_GLOBALS;

    memcpy(all, globals, sizeof globals);
    for (size_t i = 0; extra[i].name && i < MAX_EXTRA; i++)
        all[n++] = extra[i];
    all[n] = (struct option){0};
    build_short(all, n, shorts);
    for (;;) {
        int opt = getopt_long(argc, argv, shorts, all, NULL);
        bool is_global = false;
        if (opt == -1)
            return -1;
        if (opt == '?') {
            fprintf(stderr, "cairn: a word that begins with - goes behind --; see cairn %s%s--help\n",
                    c->verb ? c->verb : "", c->verb ? " " : "");
            return '?';
        }
        if (opt == 'h') {
            cli_print_help(stdout, c->verb ? cli_find_verb(c->verb) : NULL);
            exit(CLI_DONE);
        }
        if (opt == OPT_VERSION) {
            printf("cairn %s\n", cairn_version());
            exit(CLI_DONE);
        }
        for (size_t i = 0; i < N_GLOBALS; i++)
            is_global |= globals[i].val == opt;
        if (!is_global)
            return opt;
        if (!take_global(c, opt))
            return '?';
    }
}

bool cli_parse_size(cli *c, const char *what, const char *text, size_t least, size_t most,
                    size_t *out)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || v < least || v > most) {
        cli_usage_error(c, "%s takes a whole number from %zu to %zu, not \"%s\"", what, least, most,
                        text);
        return false;
    }
    *out = (size_t)v;
    return true;
}

size_t cli_parse_sizes(cli *c, const char *what, const char *text, size_t *out, size_t max)
{
    char *copy = strdup(text), *save = NULL;
    size_t n = 0;

    for (char *t = copy ? strtok_r(copy, ",", &save) : NULL; t; t = strtok_r(NULL, ",", &save)) {
        if (n == max) {
            cli_usage_error(c, "%s takes at most %zu numbers", what, max);
            n = 0;
            break;
        }
        if (!cli_parse_size(c, what, t, 0, 1u << 20, &out[n])) {
            n = 0;
            break;
        }
        n++;
    }
    free(copy);
    return n;
}

bool cli_parse_float(cli *c, const char *what, const char *text, double least, double most,
                     double *out)
{
    char *end;
    double v;

    errno = 0;
    v = strtod(text, &end);
    if (errno || end == text || *end || isnan(v) || v < least || v > most) {
        cli_usage_error(c, "%s takes a number from %g to %g, not \"%s\"", what, least, most, text);
        return false;
    }
    *out = v;
    return true;
}

bool cli_parse_mode(cli *c, const char *text, cairn_mode *out)
{
    static const char *const names[] = {"hybrid", "lexical", "vector"};

    for (int i = 0; i < 3; i++) {
        if (!strcmp(text, names[i])) {
            *out = (cairn_mode)i;
            return true;
        }
    }
    cli_usage_error(c, "--mode is hybrid, lexical or vector, not \"%s\"", text);
    return false;
}

bool cli_parse_vector_format(cli *c, const char *text, cairn_vector_format *out)
{
    static const char *const names[] = {"npy", "fvecs", "bvecs", "jsonl", "faiss"};

    for (int i = 0; i < 5; i++) {
        if (!strcmp(text, names[i])) {
            *out = (cairn_vector_format)(CAIRN_VECTORS_NPY + i);
            return true;
        }
    }
    cli_usage_error(c, "--format is npy, fvecs, bvecs, jsonl or faiss, not \"%s\"", text);
    return false;
}

bool cli_add_pattern(cli *c, char **list, const char *pattern)
{
    size_t have = *list ? strlen(*list) : 0, n = strlen(pattern);
    char *more = realloc(*list, have + n + 2);

    if (!more)
        return cli_usage_error(c, "no memory for \"%s\"", pattern), false;
    memcpy(more + have, pattern, n);
    memcpy(more + have + n, "\n", 2);
    *list = more;
    return true;
}

char *cli_join_operands(int argc, char **argv)
{
    size_t len = 0;
    char *out;

    if (optind >= argc)
        return NULL;
    for (int i = optind; i < argc; i++)
        len += strlen(argv[i]) + 1;
    out = malloc(len);
    if (!out)
        return NULL;
    len = 0;
    for (int i = optind; i < argc; i++) {
        size_t n = strlen(argv[i]);
        memcpy(out + len, argv[i], n);
        len += n;
        out[len++] = ' ';
    }
    out[len - 1] = '\0';
    return out;
}

bool cli_parse_history(cli *c, const char *text, json_t **doc, cairn_turn **turns, size_t *n)
{
    json_error_t je;
    size_t i;
    json_t *turn;

    *turns = NULL;
    *n = 0;
    *doc = json_loads(text, 0, &je);
    if (!json_is_array(*doc)) {
        cli_usage_error(c, "--history takes a JSON list of {\"role\",\"content\"}: %s",
                        *doc ? "this is no list" : je.text);
        return false;
    }
    *turns = calloc(json_array_size(*doc) + 1, sizeof **turns);
    if (!*turns)
        return false;
    json_array_foreach(*doc, i, turn) {
        const char *role = json_string_value(json_object_get(turn, "role"));
        const char *content = json_string_value(json_object_get(turn, "content"));
        if (!role || !content || (strcmp(role, "user") && strcmp(role, "assistant"))) {
            cli_usage_error(c, "--history: turn %zu needs \"role\" (user or assistant) and "
                               "\"content\"", i + 1);
            return false;
        }
        (*turns)[i] = (cairn_turn){role, content};
    }
    *n = json_array_size(*doc);
    return true;
}

bool cli_parse_milliseconds(cli *c, const char *what, const char *text, double *out)
{
    char *end;
    double v = strtod(text, &end);

    if (!strcmp(end, "s"))
        v *= 1000;
    else if (end == text || (*end && strcmp(end, "ms") != 0))
        v = -1;
    if (!(v >= 0 && v <= 1e6)) {
        cli_usage_error(c, "%s takes a time such as 50ms, not \"%s\"", what, text);
        return false;
    }
    *out = v;
    return true;
}
