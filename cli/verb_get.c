/* verb_get.c - cairn get URI|DOC: one document with its text. */
#include <string.h>

#include "cli/cli.h"

static void print_document(cli *c, const cairn_document *d)
{
    char buf[32];

    printf("%s", cli_bold(c));
    cli_put_text(stdout, d->title, strlen(d->title));
    printf("%s\n", cli_plain(c));
    cli_put_text(stdout, d->uri, strlen(d->uri));
    printf("\n%s, %s", d->mime, cli_format_bytes(buf, (uint64_t)d->size));
    if (d->n_pages)
        printf(", %u pages", d->n_pages);
    if (*d->lang)
        printf(", %s", d->lang);
    if (*d->author) {
        fputs(", ", stdout);
        cli_put_text(stdout, d->author, strlen(d->author));
    }
    if (*cli_format_time(buf, d->date_ns))
        printf(", %s", buf);
    printf(", %u chunks, document %llu\n", d->n_chunks, (unsigned long long)d->id);
    if (*cli_format_time(buf, d->created_ns))
        printf("created %s\n", buf);
    for (size_t i = 0; i < d->n_tags; i++) {
        fputs(i ? " #" : "#", stdout);
        cli_put_text(stdout, d->tags[i], strlen(d->tags[i]));
    }
    if (d->n_tags)
        putchar('\n');
    if (d->same_as)
        printf("the same bytes as document %llu\n", (unsigned long long)d->same_as);
    for (size_t i = 0; i < d->n_places; i++) {
        fputs("also ", stdout);
        cli_put_text(stdout, d->places[i], strlen(d->places[i]));
        putchar('\n');
    }
    putchar('\n');
    fwrite(d->text, 1, d->text_len, stdout);
    if (d->text_len && d->text[d->text_len - 1] != '\n')
        putchar('\n');
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{0}};
    cairn_document *d = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    int code;

    if (cli_next_option(c, argc, argv, extra) != -1)
        return CLI_USAGE;
    if (argc - optind != 1)
        return cli_usage_error(c, "name one document, by its path or its number");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    st = cairn_get(engine, argv[optind], &d, &err);
    if (st) {
        code = cli_fail(c, st, &err);
    } else if (c->json) {
        code = cli_print_json(
            c, json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "doc",
                         (json_int_t)d->id, "uri", json_str(d->uri), "title",
                         json_str(d->title), "author", json_str(d->author), "lang",
                         json_str(d->lang), "mime", json_str(d->mime), "size",
                         (json_int_t)d->size, "mtime_ns", (json_int_t)d->mtime_ns, "date_ns",
                         (json_int_t)d->date_ns, "pages", (json_int_t)d->n_pages, "chunks",
                         (json_int_t)d->n_chunks, "created_ns", (json_int_t)d->created_ns,
                         "tags", cli_json_strings(d->tags, d->n_tags), "places",
                         cli_json_strings(d->places, d->n_places), "same_as",
                         d->same_as ? json_integer((json_int_t)d->same_as) : json_null(), "text", json_text(d->text, d->text_len)));
    } else {
        print_document(c, d);
    }
    cairn_document_free(d);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_get = {
    "get", "show one document",
    "Usage: cairn get PATH|NUMBER\n\n"
    "Shows what is known of a document and the text that was read from it.\n\n"
    "Examples:\n"
    "  cairn get ~/Documents/lease.pdf\n"
    "  cairn get --json 12 | jq -r .text\n",
    run};
