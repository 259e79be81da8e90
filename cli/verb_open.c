/* verb_open.c - cairn open URI|DOC: show a document in the program that the desktop has for it. */
#include <stdlib.h>

#include "cli/cli.h"
#include "server/desktop/opener.h"

static int run(cli *c, int argc, char **argv)
{
    enum { PAGE = 1000, OPENER };
    static const struct option extra[] = {
        {"page", required_argument, NULL, PAGE}, {"opener", required_argument, NULL, OPENER}, {0}};
    const char *opener = getenv("CAIRN_OPENER");
    cairn_document *d = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    size_t page = 0;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        if (o == PAGE && !cli_parse_size(c, "--page", optarg, 1, 1000000, &page))
            return CLI_USAGE;
        if (o == OPENER)
            opener = optarg;
    }
    if (argc - optind != 1)
        return cli_usage_error(c, "name one document, by its path or its number");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    st = cairn_get(engine, argv[optind], &d, &err);
    if (!st)
        st = opener_start(opener, d->uri, (uint32_t)page, &err);
    code = st ? cli_fail(c, st, &err) : CLI_DONE;
    cairn_document_free(d);
    cairn_close(engine);
    return code;
}

const cli_verb cli_verb_open = {
    "open", "show a document in its own program",
    "Usage: cairn open [--page N] [--opener PROGRAM] URI|DOC\n\n"
    "Opens a document of the collection, named by its path or its number, in the program that the\n"
    "desktop has for it (xdg-open). What lies in an archive opens the archive.\n\n"
    "  --page N          at this page, where the viewer can be told (Okular, Evince, Papers)\n"
    "  --opener PROGRAM  another program than xdg-open (default $CAIRN_OPENER)\n\n"
    "Examples:\n"
    "  cairn open ~/Documents/lease.pdf --page 3\n"
    "  cairn open '#12'\n",
    run};
