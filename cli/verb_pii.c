/* verb_pii.c - cairn pii: personal data and secrets in files or in the collection; texts without them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

enum { OPT_TYPES = 0x2000, OPT_SHOW, OPT_REDACT };

#define FILE_MAX ((size_t)1 << 30)

typedef struct reporting {
    cli *c;
    bool show; /* values in full */
    const char *file; /* of a file read by itself, else NULL */
    size_t found, in_documents;
    char last[4096]; /* the document of the last finding */
    json_t *list;
} reporting;

/* "di...om": enough to find it again, too little to use it. */
static void masked(const cairn_pii_finding *f, bool show, char out[256])
{
    size_t keep = f->len > 8 ? 2 : 1;

    if (show || f->len < 4)
        snprintf(out, 256, "%.*s", show ? (int)(f->len < 250 ? f->len : 250) : 1, f->text);
    else
        snprintf(out, 256, "%.*s...%.*s", (int)keep, f->text, (int)keep, f->text + f->len - keep);
}

static bool report(void *ctx, const cairn_pii_finding *f)
{
    reporting *r = ctx;
    const char *name = r->file ? r->file : f->uri;
    char value[256];

    masked(f, r->show, value);
    r->found++;
    if (strncmp(r->last, name, sizeof r->last - 1)) {
        snprintf(r->last, sizeof r->last, "%s", name);
        r->in_documents++;
    }
    if (r->list) {
        json_array_append_new(r->list, json_pack("{s:o,s:s,s:o,s:I,s:I,s:I}", "uri",
                                                 json_str(name), "type", f->type, "text",
                                                 json_str(value), "line",
                                                 (json_int_t)f->line, "start",
                                                 (json_int_t)f->start, "bytes", (json_int_t)f->len));
    } else {
        cli_put_text(stdout, name, strlen(name));
        printf(":%zu  %s%s%s  ", f->line, cli_accent(r->c), f->type, cli_plain(r->c));
        cli_put_text(stdout, value, strlen(value));
        putchar('\n');
    }
    return !cli_cancelled;
}

/* A whole file or standard input ("-"), malloced; NULL after reporting. */
static char *read_text(cli *c, const char *path, size_t *len)
{
    FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
    char *text = NULL;
    size_t cap = 0;

    *len = 0;
    while (f && *len < FILE_MAX) {
        if (cap - *len < 65536) {
            char *more = realloc(text, cap += cap / 2 + 131072);
            if (!more)
                break;
            text = more;
        }
        size_t n = fread(text + *len, 1, cap - *len, f);
        if (!n)
            break;
        *len += n;
    }
    if (!f || ferror(f) || !text || *len >= FILE_MAX) {
        fprintf(stderr, "cairn pii: %s: %s\n", path, f && !ferror(f) ? "too large" : strerror(errno));
        free(text);
        text = NULL;
    }
    if (f && f != stdin)
        fclose(f);
    return text;
}

/* A folder, or a file that is no text: what the collection knows of it is looked at, below this uri in *prefix
 * (malloced). NULL: it is read as it stands. */
static char *prefix_of(const char *path)
{
    char head[4096], *real = NULL, *prefix = NULL;
    struct stat sb;
    FILE *f;
    size_t n = 0;

    if (!strcmp(path, "-") || stat(path, &sb) || !(real = realpath(path, NULL)))
        return NULL;
    if (S_ISDIR(sb.st_mode)) {
        if (asprintf(&prefix, "%s%s", real, real[1] ? "/" : "") < 0)
            prefix = NULL;
        free(real);
        return prefix;
    }
    f = fopen(path, "re");
    if (f) {
        n = fread(head, 1, sizeof head, f);
        fclose(f);
    }
    if (memchr(head, 0, n) || (n > 5 && (!memcmp(head, "%PDF-", 5) || !memcmp(head, "{\\rtf", 5))))
        return real;
    free(real);
    return NULL;
}

static int scan_collection(reporting *r, const char *prefix, const char *types, size_t *documents)
{
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    size_t n = 0;
    int code = cli_open(r->c, &engine, CLI_READ);

    if (code)
        return code;
    r->file = NULL;
    st = cairn_pii(engine, prefix, types, report, r, &n, &err);
    cairn_close(engine);
    *documents += n;
    if (!st && prefix && !n) {
        fprintf(stderr, "cairn pii: %s: no text file, and nothing of it is in the collection: cairn index %s\n", prefix, prefix);
        return CLI_INPUT;
    }
    return st ? cli_fail(r->c, st, &err) : CLI_DONE;
}

static int scan_file(reporting *r, const char *path, const char *types)
{
    cairn_error err = {0};
    cairn_status st;
    size_t len;
    char *text = read_text(r->c, path, &len);

    if (!text)
        return CLI_INPUT;
    r->file = path;
    st = cairn_pii_text(text, len, types, report, r, &err);
    free(text);
    return st ? cli_fail(r->c, st, &err) : CLI_DONE;
}

static int scan_paths(reporting *r, const char *types, char **paths, int n, size_t *documents)
{
    int code = CLI_DONE;

    for (int i = 0; i < n && !code; i++) {
        char *prefix = prefix_of(paths[i]);
        if (prefix)
            code = scan_collection(r, prefix, types, documents);
        else
            code = scan_file(r, paths[i], types);
        *documents += !prefix;
        free(prefix);
    }
    return code;
}

/* ---- texts without them ---- */

static int put_redacted(cli *c, const char *text, size_t len, const char *types)
{
    cairn_error err = {0};
    char *out;
    size_t n;
    cairn_status st = cairn_pii_redact(text, len, types, &out, &n, &err);

    if (st)
        return cli_fail(c, st, &err);
    fwrite(out, 1, n, stdout);
    free(out);
    return ferror(stdout) ? CLI_INPUT : CLI_DONE;
}


typedef struct redacting {
    cli *c;
    cairn *engine;
    const char *types;
    size_t n;
    int code;
} redacting;

/* A JSON line a document; a copy of another one is left out. */
static bool redact_document(void *ctx, const cairn_document *d)
{
    redacting *r = ctx;
    cairn_error err = {0};
    cairn_document *whole;
    char number[24], *text = NULL;
    size_t n;
    json_t *j;
    cairn_status st;

    if (d->same_as)
        return true;
    snprintf(number, sizeof number, "%llu", (unsigned long long)d->id);
    st = cairn_get(r->engine, number, &whole, &err);
    if (!st) {
        st = cairn_pii_redact(whole->text, whole->text_len, r->types, &text, &n, &err);
        cairn_document_free(whole);
    }
    if (st) {
        r->code = cli_fail(r->c, st, &err);
        return false;
    }
    j = json_pack("{s:o,s:o,s:o}", "uri", json_str(d->uri), "title", json_str(d->title), "text",
                  json_str(text));
    free(text);
    cli_print_json_line(j);
    r->n++;
    return !cli_cancelled && !ferror(stdout);
}

static int redact_collection(cli *c, const char *prefix, const char *types)
{
    redacting r = {.c = c, .types = types};
    cairn_error err = {0};
    cairn_status st;

    r.code = cli_open(c, &r.engine, CLI_READ);
    if (r.code)
        return r.code;
    st = cairn_list(r.engine, prefix, redact_document, &r, &err);
    cairn_close(r.engine);
    if (st)
        return cli_fail(c, st, &err);
    if (!r.code && prefix && !r.n)
        fprintf(stderr, "cairn pii: %s: no text file, and nothing of it is in the collection\n", prefix);
    return r.code ? r.code : r.n ? CLI_DONE : CLI_NOTHING;
}

static int redact_paths(cli *c, const char *types, char **paths, int n)
{
    int code = CLI_DONE;

    for (int i = 0; i < n && !code; i++) {
        char *prefix = prefix_of(paths[i]), *text;
        size_t len;
        if (prefix) {
            code = redact_collection(c, prefix, types);
        } else {
            text = read_text(c, paths[i], &len);
            code = text ? put_redacted(c, text, len, types) : CLI_INPUT;
            free(text);
        }
        free(prefix);
    }
    return code;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"types", required_argument, NULL, OPT_TYPES},
                                          {"show", no_argument, NULL, OPT_SHOW},
                                          {"redact", no_argument, NULL, OPT_REDACT},
                                          {0}};
    reporting r = {.c = c};
    const char *types = NULL;
    size_t documents = 0;
    bool redact = false;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        if (o == OPT_TYPES)
            types = optarg;
        else if (o == OPT_SHOW)
            r.show = true;
        else
            redact = true;
    }
    if (redact)
        return optind < argc ? redact_paths(c, types, argv + optind, argc - optind) : redact_collection(c, NULL, types);
    if (c->json)
        r.list = json_array();
    code = optind < argc ? scan_paths(&r, types, argv + optind, argc - optind, &documents)
                         : scan_collection(&r, NULL, types, &documents);
    if (code) {
        json_decref(r.list);
        return code;
    }
    if (c->json)
        return cli_print_json(c, json_pack("{s:o,s:I,s:I}", "findings", r.list, "documents",
                                           (json_int_t)documents, "with_findings",
                                           (json_int_t)r.in_documents));
    if (!c->quiet)
        fprintf(stderr, "%zu found in %zu of %zu documents\n", r.found, r.in_documents, documents);
    return r.found ? CLI_DONE : CLI_NOTHING;
}

const cli_verb cli_verb_pii = {
    "pii", "find personal data and secrets",
    "Usage: cairn pii [--types LIST] [--show|--redact] [PATH...]\n\n"
    "Lists what looks like personal data in text files (- is standard input), in what the collection has\n"
    "of a folder or of a file that is no text (a PDF), or, without PATH, in all of it: e-mail addresses, telephone numbers, IBANs and card numbers with right\n"
    "checksums, national identity numbers, network addresses, URLs, keys and passwords. Names and\n"
    "addresses are not found. Values are shown by their ends. Exits with 1 when nothing was found.\n\n"
    "  --types LIST   of email, phone, iban, card, national-id, ip, url, secret; default all\n"
    "  --show         values in full\n"
    "  --redact       write the texts with each value replaced by its type, \"[iban]\", instead: of text files\n"
    "                 as they are, of the collection a JSON line a document, {\"uri\",\"title\",\"text\"}\n\n"
    "To keep such values out of answers, set redact in section [ask] of the configuration.\n\n"
    "Examples:\n"
    "  cairn pii --types iban,card letter.txt ~/Documents\n"
    "  cairn pii --redact > dataset.jsonl\n"
    "  cairn pii --json | jq '.findings[].uri' | sort | uniq -c\n",
    run};
