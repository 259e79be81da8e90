/* main.c - the program `cairn`: global options, the table of verbs, signals, exit codes. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"

volatile sig_atomic_t cli_cancelled;

static const cli_verb *const verbs[] = {
    &cli_verb_index,  &cli_verb_watch, &cli_verb_duplicates, &cli_verb_doctor, &cli_verb_whynot,  &cli_verb_search, &cli_verb_suggest, &cli_verb_ask, &cli_verb_chat, &cli_verb_memory, &cli_verb_saved, &cli_verb_feedback, &cli_verb_gateway, &cli_verb_sql, &cli_verb_get,
    &cli_verb_list,   &cli_verb_tag, &cli_verb_delete, &cli_verb_status, &cli_verb_check,
    &cli_verb_compact, &cli_verb_embedder, &cli_verb_backup, &cli_verb_restore, &cli_verb_import, &cli_verb_export, &cli_verb_pii, &cli_verb_replay, &cli_verb_eval,
    &cli_verb_model, &cli_verb_collection, &cli_verb_serve, &cli_verb_mcp, &cli_verb_open, &cli_verb_desktop, &cli_verb_tui,
};

#define N_VERBS (sizeof verbs / sizeof *verbs)

static const char global_help[] =
    "Global options, before or behind the verb:\n"
    "  --home DIR          where collections live (default $CAIRN_HOME, $XDG_DATA_HOME/cairn)\n"
    "  --collection NAME   which collection (default \"default\")\n"
    "  --config FILE       configuration (default $XDG_CONFIG_HOME/cairn/cairn.conf)\n"
    "  --embedder MODEL    embedding model, a name or a path\n"
    "  --threads N         worker threads (default one a CPU)\n"
    "  --wait[=SECONDS]    wait for another writer instead of failing with \"busy\"\n"
    "  --json              one JSON document, or JSON lines, on standard output\n"
    "  -q, --quiet         no progress and no warnings\n"
    "  -v, --verbose       say more; twice for debugging\n"
    "  -h, --help          this text\n"
    "      --version       the version\n"
    "\n"
    "Exit codes: 0 done, 1 nothing found or a check failed, 2 usage, 3 bad input or the system\n"
    "refused, 4 store damaged, 5 model missing or bad, 130 interrupted (rerun to continue).\n";

static void print_overview(FILE *out)
{
    fputs("cairn - search and ask your own documents, offline\n\n"
          "Usage: cairn [OPTION...] VERB [ARGUMENT...]\n\n"
          "Verbs:\n",
          out);
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    fprintf(out,
            "\n%s\n"
            "Examples:\n"
            "  cairn index ~/Documents\n"
            "  cairn search 'lease \"notice period\" ext:pdf'\n"
            "  cairn ask 'When can I end the lease?'\n"
            "\n"
            "cairn VERB --help tells more about a verb; man cairn tells everything.\n",
            global_help);
}

const cli_verb *cli_find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (!strcmp(verbs[i]->name, name))
            return verbs[i];
    return NULL;
}

void cli_print_help(FILE *out, const cli_verb *verb)
{
    if (verb)
        fprintf(out, "%s\n%s", verb->help, global_help);
    else
        print_overview(out);
}

int cli_exit_code(cairn_status st)
{
    switch (st) {
    case CAIRN_OK:
        return CLI_DONE;
    case CAIRN_ENOTFOUND:
        return CLI_NOTHING;
    case CAIRN_EUSAGE:
        return CLI_USAGE;
    case CAIRN_ECORRUPT:
        return CLI_DAMAGED;
    case CAIRN_EMODEL:
        return CLI_MODEL;
    case CAIRN_ECANCELLED:
        return CLI_INTERRUPTED;
    default:
        return CLI_INPUT;
    }
}

/* Verbs that were at something which the same command goes on with. */
static bool goes_on(const char *verb)
{
    static const char *const verbs[] = {"index", "watch", "import", "embedder", "compact", "collection", "model"};

    for (size_t i = 0; verb && i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(verb, verbs[i]))
            return true;
    return false;
}

int cli_fail(cli *c, cairn_status st, const cairn_error *err)
{
    cli_progress_clear(c);
    if (st == CAIRN_ECANCELLED)
        fprintf(stderr, "cairn: stopped%s\n", goes_on(c->verb) ? "; what was reported done is kept, the same command goes on" : "");
    else
        fprintf(stderr, "cairn: %s\n", err && err->text[0] ? err->text : cairn_status_name(st));
    return cli_exit_code(st);
}

int cli_open(cli *c, cairn **out, cli_access access)
{
    cairn_error err = {0};
    cairn_status st;

    c->options.read_only = access == CLI_READ;
    c->options.must_exist = access != CLI_MAKE;
    st = cairn_open(out, &c->options, &err);
    return st ? cli_fail(c, st, &err) : 0;
}

static void on_signal(int sig)
{
    if (cli_cancelled && sig == SIGINT)
        _exit(CLI_INTERRUPTED);
    cli_cancelled = sig;
}

static void catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};

    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    /* A closed pipe (`cairn list | head`) shows as a write error, not as a sudden death. */
    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
    sigaction(SIGXFSZ, &sa, NULL); /* and so does a file that may not grow (ulimit -f) */
}

static void log_to_stderr(void *ctx, log_level level, const char *json, size_t len)
{
    (void)ctx;
    (void)level;
    fprintf(stderr, "%.*s\n", (int)len, json);
}

void cli_log_to_stderr(const cli *c, log_level least)
{
    log_level asked = c->verbose > 1 ? LOG_LEVEL_DEBUG : c->verbose ? LOG_LEVEL_INFO : least;

    if (!c->quiet)
        log_set_sink(log_to_stderr, NULL, asked < least ? asked : least);
}

static bool is_terminal(FILE *f)
{
    const char *term = getenv("TERM");

    return isatty(fileno(f)) && term && strcmp(term, "dumb");
}

/* Index of the verb in argv, or argc: the first argument that is neither an option nor the value
 * of a global option. getopt stops there because of the '+'. */
static int parse_globals(cli *c, int argc, char **argv)
{
    static const struct option none[] = {{0}};
    int opt;

    setenv("POSIXLY_CORRECT", "1", 1);
    opt = cli_next_option(c, argc, argv, none);
    unsetenv("POSIXLY_CORRECT");
    return opt == -1 ? optind : -1;
}

/* Did all of standard output arrive? A reader who went away (`cairn list | head`) had enough. */
static int finish_output(int code)
{
    int failed = fflush(stdout), why = errno;
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    if (!failed && !ferror(stdout))
        return code;
    if ((failed && why == EPIPE) || (poll(&out, 1, 0) > 0 && (out.revents & POLLERR)))
        return code;
    fprintf(stderr, "cairn: writing standard output: %s\n",
            failed ? strerror(why) : "not everything could be written");
    return code == CLI_DONE ? CLI_INPUT : code;
}

int main(int argc, char **argv)
{
    cli c = {.options = {.cancel = &cli_cancelled}};
    const cli_verb *verb;
    int at, code;
    bool help = false;

    setlocale(LC_CTYPE, "C.UTF-8");
    catch_signals();
    c.err_terminal = is_terminal(stderr);
    c.out_colour = is_terminal(stdout) && !getenv("NO_COLOR");
    at = parse_globals(&c, argc, argv);
    if (at < 0)
        return CLI_USAGE;
    if (at < argc && !strcmp(argv[at], "help")) {
        help = true;
        at++;
    }
    if (at >= argc) {
        print_overview(help ? stdout : stderr);
        return help ? CLI_DONE : CLI_USAGE;
    }
    verb = cli_find_verb(argv[at]);
    if (!verb) {
        fprintf(stderr, "cairn: there is no verb \"%s\"; cairn --help lists them\n", argv[at]);
        return CLI_USAGE;
    }
    if (help) {
        cli_print_help(stdout, verb);
        return CLI_DONE;
    }
    cli_log_to_stderr(&c, LOG_LEVEL_ERROR);
    c.verb = verb->name;
    optind = 0; /* start afresh, and let options stand behind operands */
    code = verb->run(&c, argc - at, argv + at);
    return finish_output(code);
}
