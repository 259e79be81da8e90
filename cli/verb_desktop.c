/* verb_desktop.c - cairn desktop: answer the search of the desktop, over D-Bus. */
#include <stdlib.h>

#include "cli/cli.h"
#include "server/desktop/desktop.h"

static int run(cli *c, int argc, char **argv)
{
    enum { IDLE = 1000, OPENER, PAGE };
    static const struct option extra[] = {{"idle", required_argument, NULL, IDLE},
                                          {"opener", required_argument, NULL, OPENER},
                                          {"web-page", required_argument, NULL, PAGE},
                                          {0}};
    desktop_options d = {
        .opener = getenv("CAIRN_OPENER"), .idle_seconds = 300, .cancel = &cli_cancelled};
    cairn_error err = {0};
    cairn_status st;
    int o;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        if (o == IDLE && !cli_parse_float(c, "--idle", optarg, 0, 1e6, &d.idle_seconds))
            return CLI_USAGE;
        if (o == OPENER)
            d.opener = optarg;
        if (o == PAGE)
            d.page = optarg;
    }
    if (argc != optind)
        return cli_usage_error(c, "it takes no operands");
    d.open = c->options;
    d.open.read_only = true;
    d.open.must_exist = true;
    st = desktop_run(&d, &err);
    return st ? cli_fail(c, st, &err) : CLI_DONE;
}

const cli_verb cli_verb_desktop = {
    "desktop", "answer the search of GNOME Shell and KRunner",
    "Usage: cairn desktop [--idle SECONDS] [--opener PROGRAM] [--web-page ADDRESS]\n\n"
    "Serves GNOME Shell's search provider and KRunner's interface on the session bus, under the "
    "name\n"
    "org.cairn.Search. An installed Cairn is started by the bus when the desktop first asks, so "
    "this\n"
    "is rarely typed by hand. A result opens its document, at its page where the viewer can be "
    "told.\n\n"
    "  --idle SECONDS      end after so long without a question (default 300; 0 never)\n"
    "  --opener PROGRAM    another program than xdg-open (default $CAIRN_OPENER)\n"
    "  --web-page ADDRESS  of cairn serve: \"search in Cairn\" opens the question there\n\n"
    "Examples:\n"
    "  cairn desktop --idle 0\n"
    "  cairn desktop --web-page http://127.0.0.1:7880/\n",
    run};
