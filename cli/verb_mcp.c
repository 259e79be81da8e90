/* verb_mcp.c - cairn mcp: the Model Context Protocol on standard input and output. */
#include "cli/cli.h"
#include "server/mcp/mcp.h"

enum { OPT_GENERATOR = 0x2000 };

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"generator", required_argument, NULL, OPT_GENERATOR}, {0}};
    service_options options = {0};
    service *s = NULL;
    cairn_error err = {0};
    cairn_status st;
    int o, code = CLI_DONE;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        options.generator = optarg;
    }
    if (optind < argc)
        return cli_usage_error(c, "it takes no \"%s\"", argv[optind]);
    options.home = c->options.home;
    options.collection = c->options.collection;
    options.config_file = c->options.config_file;
    options.embedder = c->options.embedder;
    options.n_threads = c->options.n_threads;
    st = service_open(&s, &options, &err);
    if (!st)
        st = mcp_stdio(s, &cli_cancelled, &err);
    if (st)
        code = cli_fail(c, st, &err);
    service_close(s);
    return code;
}

const cli_verb cli_verb_mcp = {
    "mcp", "let an assistant search and ask, over MCP",
    "Usage: cairn mcp [--generator M]\n\n"
    "Speaks the Model Context Protocol on standard input and output, for an editor or an assistant that\n"
    "starts it: tools search, get, multi_get, ask, status, tables, sql, calculate and dates; documents as\n"
    "resources. The same is served over HTTP at /mcp by cairn serve. Nothing can be changed through it.\n\n"
    "  --generator M      model that answers, a name or a path\n\n"
    "Example, as an assistant's configuration has it:\n"
    "  {\"mcpServers\": {\"cairn\": {\"command\": \"cairn\", \"args\": [\"mcp\"]}}}\n",
    run};
