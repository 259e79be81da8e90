/* verb_suggest.c - cairn suggest TEXT: what the text may become, and what it was meant to be. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static int print_suggestions(cli *c, const char *text, const cairn_suggestions *s)
{
    if (c->json) {
        json_t *all = json_array(), *j;
        for (size_t i = 0; i < s->n_completions; i++)
            json_array_append_new(
                all, json_pack("{s:o,s:o,s:I}", "text", json_str(s->completions[i].text),
                               "word", json_str(s->completions[i].word), "occurrences",
                               (json_int_t)s->completions[i].occurrences));
        j = json_pack("{s:o,s:f,s:o,s:o}", "text", json_str(text), "took_ms", s->took_ms,
                      "completions", all, "correction",
                      s->correction ? json_str(s->correction) : json_null());
        return cli_print_json(c, j);
    }
    if (s->correction) {
        fputs("did you mean  ", stdout);
        cli_put_text(stdout, s->correction, strlen(s->correction));
        putchar('\n');
    }
    for (size_t i = 0; i < s->n_completions; i++) {
        cli_put_text(stdout, s->completions[i].text, strlen(s->completions[i].text));
        printf("  %s(%llu)%s\n", cli_dim(c), (unsigned long long)s->completions[i].occurrences,
               cli_plain(c));
    }
    return CLI_DONE;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"top", required_argument, NULL, 'k'}, {0}};
    size_t k = 10;
    cairn_suggestions *s = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *engine;
    char *text;
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        if (o == 'k' && !cli_parse_size(c, "-k", optarg, 1, 1000, &k))
            return CLI_USAGE;
    }
    text = cli_join_operands(argc, argv);
    if (!text)
        return cli_usage_error(c, "say what was typed so far");
    code = cli_open(c, &engine, CLI_READ);
    if (!code) {
        st = cairn_suggest(engine, text, k, &s, &err);
        code = st ? cli_fail(c, st, &err) : print_suggestions(c, text, s);
        if (!code && !s->n_completions && !s->correction)
            code = CLI_NOTHING;
        cairn_suggestions_free(s);
        cairn_close(engine);
    }
    free(text);
    return code;
}

const cli_verb cli_verb_suggest = {
    "suggest", "complete or correct what was typed",
    "Usage: cairn suggest [-k N] TEXT...\n\n"
    "Shows what the last word of TEXT may become and, where words look misspelt, what was probably\n"
    "meant: from the words of the collection, the most frequent first.\n\n"
    "  -k N  how many completions (default 10)\n\n"
    "Examples:\n"
    "  cairn suggest quart\n"
    "  cairn suggest --json 'quaterly reprot'\n",
    run};
