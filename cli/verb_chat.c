/* verb_chat.c - cairn chat: questions one after the other, each with what was said before; and the
 * conversations that were kept.
 *
 * Reading order: run chooses between talking and looking after what was kept; talk walks over lines, take_line
 * tells a command from a question; each command is a row of `commands`. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/output_answer.h"
#include "engine/feedback.h"
#include "engine/memory.h"

enum { OPT_RESUME = 0x3000, OPT_MODEL, OPT_FILTER, OPT_MODE, OPT_EXTRACTIVE, OPT_FORMAT, OPT_NO_CACHE };

typedef struct talk {
    cli *c;
    cairn *engine;
    char id[CAIRN_CHAT_ID]; /* "" before the first question */
    char *title;            /* of a conversation that has not begun; malloced or NULL */
    char *filter;           /* malloced or NULL */
    bool extractive, no_cache, over, terminal;
    cairn_mode mode;
    int code;
} talk;

/* Say what went wrong and go on. */
static void complain(talk *t, cairn_status st, const cairn_error *err)
{
    t->code = cli_fail(t->c, st, err);
}

static void put_line(const char *text)
{
    cli_put_text(stdout, text, strlen(text));
    putchar('\n');
}

/* ---- commands ---- */

static bool print_chat(void *ctx, const cairn_chat *chat)
{
    char when[32];

    (void)ctx;
    printf("%s  %-16s  %3zu  ", chat->id, cli_format_time(when, chat->changed_ns), chat->n_turns);
    put_line(*chat->title ? chat->title : "(no question yet)");
    return true;
}

static bool print_fact(void *ctx, const cairn_fact *f)
{
    (void)ctx;
    printf("%4llu  ", (unsigned long long)f->id);
    put_line(f->text);
    return true;
}

static void begin_new(talk *t, const char *title)
{
    free(t->title);
    t->title = *title ? strdup(title) : NULL;
    *t->id = '\0';
    puts("A new conversation.");
}

static void resume(talk *t, const char *name)
{
    cairn_conversation *v;
    cairn_error err = {0};
    cairn_status st = cairn_chat_get(t->engine, *name ? name : "last", &v, &err);

    if (st) {
        complain(t, st, &err);
        return;
    }
    snprintf(t->id, sizeof t->id, "%s", v->chat.id);
    if (!t->c->quiet && !t->c->json) {
        printf("%s%s%s, %zu questions so far\n", cli_bold(t->c), v->chat.title, cli_plain(t->c), v->chat.n_turns);
        if (v->chat.n_turns)
            cli_print_turn(t->c, &v->turns[v->chat.n_turns - 1]);
    }
    cairn_chat_free(v);
}

static void list_chats(talk *t, const char *rest)
{
    cairn_error err = {0};
    cairn_status st = cairn_chat_list(t->engine, print_chat, NULL, &err);

    (void)rest;
    if (st)
        complain(t, st, &err);
}

#define FOUND_BYTES 100 /* of an answer that is shown with what was found */

static bool print_found(void *ctx, const cairn_chat_found *f)
{
    size_t len = strcspn(f->text, "\r\n");
    char when[32];

    ++*(size_t *)ctx;
    printf("%s  %-16s  %3zu  ", f->id, cli_format_time(when, f->asked_ns), f->n);
    put_line(f->question);
    fputs("    ", stdout);
    cli_put_text(stdout, f->text, len > FOUND_BYTES ? utf8_floor(f->text, FOUND_BYTES) : len);
    puts(len > FOUND_BYTES ? "..." : "");
    return true;
}

static void search_chats(talk *t, const char *words)
{
    cairn_error err = {0};
    size_t n = 0;
    cairn_status st = cairn_chat_search(t->engine, words, print_found, &n, &err);

    if (st)
        complain(t, st, &err);
    else if (!n)
        puts("No question or answer that is kept has these words.");
}

static void rename_chat(talk *t, const char *title)
{
    cairn_error err = {0};
    cairn_status st;

    if (!*t->id) {
        free(t->title);
        t->title = strdup(title);
        return;
    }
    st = cairn_chat_rename(t->engine, t->id, title, &err);
    if (st)
        complain(t, st, &err);
}

static void show_history(talk *t, const char *rest)
{
    cairn_conversation *v;
    cairn_error err = {0};
    cairn_status st;

    (void)rest;
    if (!*t->id)
        return;
    st = cairn_chat_get(t->engine, t->id, &v, &err);
    if (st) {
        complain(t, st, &err);
        return;
    }
    for (size_t i = 0; i < v->chat.n_turns; i++)
        cli_print_turn(t->c, &v->turns[i]);
    cairn_chat_free(v);
}

static void remember(talk *t, const char *text)
{
    uint64_t id;
    cairn_error err = {0};
    cairn_status st = cairn_fact_add(t->engine, text, &id, &err);

    if (st)
        complain(t, st, &err);
    else
        printf("Kept as %llu; /forget %llu takes it back.\n", (unsigned long long)id, (unsigned long long)id);
}

static void list_facts(talk *t, const char *rest)
{
    cairn_error err = {0};
    cairn_status st = cairn_fact_list(t->engine, print_fact, NULL, &err);

    (void)rest;
    if (st)
        complain(t, st, &err);
}

static void forget(talk *t, const char *text)
{
    cairn_error err = {0};
    cairn_status st;
    size_t id;

    if (!cli_parse_size(t->c, "/forget", text, 1, SIZE_MAX, &id))
        return;
    st = cairn_fact_delete(t->engine, id, &err);
    if (st)
        complain(t, st, &err);
}

/* "3 My grinder is the K2." */
static void edit_fact(talk *t, const char *rest)
{
    size_t n = strcspn(rest, " \t"), id;
    char number[24] = "";
    cairn_error err = {0};
    cairn_status st;

    if (n < sizeof number)
        memcpy(number, rest, n);
    if (!cli_parse_size(t->c, "/edit", number, 1, SIZE_MAX, &id))
        return;
    st = cairn_fact_edit(t->engine, id, rest + n + strspn(rest + n, " \t"), &err);
    if (st)
        complain(t, st, &err);
}

/* Save the last answer. */
static void save(talk *t, const char *rest)
{
    cairn_conversation *v = NULL;
    cairn_error err = {0};
    uint64_t id = 0;
    cairn_status st;

    (void)rest;
    if (!*t->id) {
        puts("Nothing was answered yet.");
        return;
    }
    st = cairn_chat_get(t->engine, t->id, &v, &err);
    if (!st && v->chat.n_turns)
        st = cairn_saved_add(t->engine, &v->turns[v->chat.n_turns - 1], &id, &err);
    if (st)
        complain(t, st, &err);
    else if (id)
        printf("Saved as %llu; cairn saved tells whether it still holds.\n", (unsigned long long)id);
    cairn_chat_free(v);
}

/* What the user thinks of the last answer. */
static void judge(talk *t, const char *kind, const char *note)
{
    cairn_conversation *v = NULL;
    cairn_error err = {0};
    cairn_status st;

    if (!*t->id) {
        puts("Nothing was answered yet.");
        return;
    }
    st = cairn_chat_get(t->engine, t->id, &v, &err);
    if (!st && v->chat.n_turns)
        st = cairn_feedback_add(t->engine, v->turns[v->chat.n_turns - 1].answer_id, kind, note, &err);
    if (st)
        complain(t, st, &err);
    else
        puts("Noted, here alone; cairn feedback shows it.");
    cairn_chat_free(v);
}

static void praise(talk *t, const char *note)
{
    judge(t, "good", note);
}

static void blame(talk *t, const char *note)
{
    judge(t, "bad", note);
}

static void set_filter(talk *t, const char *text)
{
    free(t->filter);
    t->filter = *text ? strdup(text) : NULL;
    puts(*text ? "Only what this filter allows is asked from now on." : "All documents are asked again.");
}

static void switch_way(talk *t, const char *rest)
{
    (void)rest;
    t->extractive = !t->extractive;
    puts(t->extractive ? "Answers are the documents' own sentences now." : "Answers are written by the model now.");
}

static void quit(talk *t, const char *rest)
{
    (void)rest;
    t->over = true;
}

static void help(talk *t, const char *rest);

static const struct command {
    const char *name, *takes, *does;
    void (*run)(talk *t, const char *rest);
} commands[] = {
    {"/help", "", "this list", help},
    {"/new", "[TITLE]", "begin another conversation", begin_new},
    {"/list", "", "the conversations that are kept", list_chats},
    {"/resume", "[ID]", "go on with one of them; without ID the last", resume},
    {"/search", "WORDS", "what was asked and answered before, in any conversation", search_chats},
    {"/title", "TITLE", "name this one", rename_chat},
    {"/history", "", "what was said", show_history},
    {"/remember", "FACT", "keep a fact for all conversations", remember},
    {"/memory", "", "the facts that are kept", list_facts},
    {"/edit", "N FACT", "say fact N anew", edit_fact},
    {"/forget", "N", "take fact N back", forget},
    {"/save", "", "keep the last answer and flag it when its sources change", save},
    {"/good", "[WHY]", "the last answer was helpful", praise},
    {"/bad", "[WHY]", "it was not", blame},
    {"/filter", "[EXPR]", "ask only documents that pass, as in cairn search", set_filter},
    {"/extractive", "", "change between the model's words and the documents' own", switch_way},
    {"/quit", "", "leave; so does the end of the input", quit},
};

static void help(talk *t, const char *rest)
{
    (void)t;
    (void)rest;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-12s %-8s %s\n", commands[i].name, commands[i].takes, commands[i].does);
}

static void take_command(talk *t, const char *line)
{
    size_t n = strcspn(line, " \t");
    const char *rest = line + n + strspn(line + n, " \t");

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strlen(commands[i].name) == n && !strncmp(line, commands[i].name, n)) {
            commands[i].run(t, rest);
            return;
        }
    t->code = CLI_USAGE;
    fprintf(stderr, "cairn chat: there is no command %.*s; /help lists them\n", (int)(n < 40 ? n : 40), line);
}

/* ---- asking ---- */

static cairn_status begin(talk *t, cairn_error *err)
{
    return *t->id ? CAIRN_OK : cairn_chat_create(t->engine, t->title, t->id, err);
}

static void ask(talk *t, const char *question)
{
    cairn_ask_request q = {.question = question,
                           .filter = t->filter,
                           .mode = t->mode,
                           .extractive = t->extractive,
                           .no_cache = t->no_cache,
                           .cancel = &cli_cancelled};
    cairn_answer *a = NULL;
    cairn_error err = {0};
    bool begun = false; /* some of the answer stands there */
    cairn_status st = begin(t, &err);

    if (!st)
        st = cairn_chat_ask(t->engine, t->id, &q, t->c->json ? NULL : cli_stream_answer, &begun, &a, &err);
    if (st == CAIRN_ECANCELLED && t->terminal && cli_cancelled == SIGINT) { /* Ctrl-C ends an answer, not the conversation */
        cli_cancelled = 0;
        puts("\n(stopped; not kept)");
        return;
    }
    if (st) {
        if (begun)
            putchar('\n');
        complain(t, st, &err);
        t->over = st == CAIRN_ECANCELLED || st == CAIRN_EMODEL;
        return;
    }
    t->code = a->refused ? CLI_NOTHING : CLI_DONE;
    if (t->c->json) {
        json_t *j = cli_answer_json(a);
        json_object_set_new(j, "chat", json_string(t->id));
        cli_print_json_line(j);
    } else {
        putchar('\n');
        cli_print_sources(t->c, a);
        if (a->understood && !t->c->quiet)
            fprintf(stderr, "cairn chat: read as: %s\n", a->understood);
        if (a->note && !t->c->quiet)
            fprintf(stderr, "cairn chat: %s%s\n", a->extractive ? "without a model: " : "", a->note);
    }
    cairn_answer_free(a);
}

static void take_line(talk *t, char *line)
{
    size_t n = strlen(line);

    while (n && strchr(" \t\r\n", line[n - 1]))
        line[--n] = '\0';
    line += strspn(line, " \t");
    if (*line == '/' && !t->c->json)
        take_command(t, line);
    else if (*line)
        ask(t, line);
}

#define TERMINAL_LINE 4095 /* bytes that a Linux terminal gives of a line, the rest is dropped (N_TTY) */

#define LOOK_MS 250

/* Wait at the prompt until there is something to read; false: a signal came. A signal just before the wait, or in another
 * thread, does not end it, so it is looked for again and again. */
static bool wait_for_line(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = 0;

    while (!cli_cancelled && (ready = poll(&in, 1, LOOK_MS)) <= 0)
        if (ready < 0 && errno != EINTR)
            break; /* reading tells what is wrong */
    return !cli_cancelled;
}

/* Lines of standard input until it ends. */
static int talk_to_the_end(talk *t)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    t->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    if (t->terminal && !t->c->quiet)
        puts("Ask about your documents. /help lists commands, Ctrl-D leaves.");
    while (!t->over && (t->terminal || !cli_cancelled)) {
        if (t->terminal) {
            printf("\n%s>%s ", cli_bold(t->c), cli_plain(t->c));
            fflush(stdout);
        }
        if (t->terminal && !wait_for_line()) {
            if (cli_cancelled != SIGINT)
                break;
            cli_cancelled = 0; /* no answer is on its way */
            puts("\n(Ctrl-D or /quit leaves)");
            continue;
        }
        n = getline(&line, &cap, stdin);
        if (n < 0)
            break;
        if (t->terminal && n >= TERMINAL_LINE)
            fprintf(stderr, "cairn chat: the terminal cuts lines at %d bytes, so the end of this one is lost; longer ones can "
                            "come through a pipe\n",
                    TERMINAL_LINE);
        take_line(t, line);
        fflush(stdout);
    }
    free(line);
    if (t->terminal)
        putchar('\n');
    return cli_cancelled ? CLI_INTERRUPTED : t->code;
}

/* ---- what was kept ---- */

static bool list_json(void *ctx, const cairn_chat *chat)
{
    json_array_append_new(ctx, json_pack("{s:s,s:o,s:I,s:I,s:I}", "id", chat->id, "title",
                                         json_str(chat->title), "turns", (json_int_t)chat->n_turns,
                                         "created_ns", (json_int_t)chat->created_ns, "changed_ns",
                                         (json_int_t)chat->changed_ns));
    return true;
}

static int list_kept(cli *c, cairn *engine)
{
    json_t *list = c->json ? json_array() : NULL;
    cairn_error err = {0};
    cairn_status st = cairn_chat_list(engine, c->json ? list_json : print_chat, list, &err);

    if (!st && c->json)
        return cli_print_json(c, json_pack("{s:o}", "conversations", list));
    json_decref(list);
    return st ? cli_fail(c, st, &err) : CLI_DONE;
}

static bool found_json(void *ctx, const cairn_chat_found *f)
{
    json_array_append_new(ctx, json_pack("{s:s,s:o,s:I,s:I,s:o,s:o}", "chat", f->id, "title", json_str(f->title), "turn",
                                         (json_int_t)f->n, "asked_ns", (json_int_t)f->asked_ns, "question",
                                         json_str(f->question), "answer", json_str(f->text)));
    return true;
}

static int search_kept(cli *c, cairn *engine, const char *words)
{
    json_t *list = c->json ? json_array() : NULL;
    cairn_error err = {0};
    size_t n = 0;
    cairn_status st = cairn_chat_search(engine, words, c->json ? found_json : print_found, c->json ? (void *)list : &n, &err);

    if (!st && c->json) {
        n = json_array_size(list);
        cli_print_json(c, json_pack("{s:O}", "found", list));
    }
    json_decref(list);
    return st ? cli_fail(c, st, &err) : n ? CLI_DONE : CLI_NOTHING;
}

static int export_kept(cli *c, cairn *engine, const char *id, const char *format)
{
    bool markdown = !strcmp(format, "markdown");
    cairn_error err = {0};
    cairn_status st;
    char *text;

    if (!markdown && strcmp(format, "json"))
        return cli_usage_error(c, "--format is json or markdown, not \"%s\"", format);
    st = cairn_chat_export(engine, id, markdown ? CAIRN_CHAT_MARKDOWN : CAIRN_CHAT_JSON, &text, NULL, &err);
    if (st)
        return cli_fail(c, st, &err);
    fputs(text, stdout);
    if (!markdown)
        putchar('\n');
    free(text);
    return CLI_DONE;
}

static int show_kept(cli *c, cairn *engine, const char *id)
{
    cairn_conversation *v;
    cairn_error err = {0};
    cairn_status st;

    if (c->json)
        return export_kept(c, engine, id, "json");
    st = cairn_chat_get(engine, id, &v, &err);
    if (st)
        return cli_fail(c, st, &err);
    printf("%s", cli_bold(c));
    cli_put_text(stdout, v->chat.title, strlen(v->chat.title));
    printf("%s\n", cli_plain(c));
    for (size_t i = 0; i < v->chat.n_turns; i++)
        cli_print_turn(c, &v->turns[i]);
    cairn_chat_free(v);
    return CLI_DONE;
}

/* One of list, show, rename, delete, export. */
static int look_after(cli *c, int n, char **words, const char *format)
{
    static const struct {
        const char *name;
        int operands;
    } known[] = {{"list", 0}, {"show", 1}, {"delete", 1}, {"export", 1}, {"search", 1}, {"rename", 2}};
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;
    cairn *engine;
    int code = -1;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].name, words[0]))
            code = known[i].operands;
    if (code != n - 1)
        return cli_usage_error(c, "cairn chat takes nothing, or list, search WORDS, show ID, rename ID TITLE, delete ID, "
                                  "export ID");
    code = cli_open(c, &engine, CLI_READ);
    if (code)
        return code;
    if (!strcmp(words[0], "list"))
        code = list_kept(c, engine);
    else if (!strcmp(words[0], "show"))
        code = show_kept(c, engine, words[1]);
    else if (!strcmp(words[0], "export"))
        code = export_kept(c, engine, words[1], format);
    else if (!strcmp(words[0], "search"))
        code = search_kept(c, engine, words[1]);
    else if (!strcmp(words[0], "rename"))
        st = cairn_chat_rename(engine, words[1], words[2], &err);
    else
        st = cairn_chat_delete(engine, words[1], &err);
    if (st)
        code = cli_fail(c, st, &err);
    cairn_close(engine);
    return code;
}

static int run(cli *c, int argc, char **argv)
{
    static const struct option extra[] = {{"resume", optional_argument, NULL, OPT_RESUME},
                                          {"model", required_argument, NULL, OPT_MODEL},
                                          {"filter", required_argument, NULL, OPT_FILTER},
                                          {"mode", required_argument, NULL, OPT_MODE},
                                          {"extractive", no_argument, NULL, OPT_EXTRACTIVE},
                                          {"no-cache", no_argument, NULL, OPT_NO_CACHE},
                                          {"format", required_argument, NULL, OPT_FORMAT},
                                          {0}};
    talk t = {.c = c};
    const char *again = NULL, *format = "json";
    int o, code;

    while ((o = cli_next_option(c, argc, argv, extra)) != -1) {
        if (o == '?')
            return CLI_USAGE;
        if (o == OPT_RESUME)
            again = optarg ? optarg : "last";
        else if (o == OPT_MODEL)
            c->options.generator = optarg;
        else if (o == OPT_FILTER)
            t.filter = optarg;
        else if (o == OPT_EXTRACTIVE)
            t.extractive = true;
        else if (o == OPT_NO_CACHE)
            t.no_cache = true;
        else if (o == OPT_FORMAT)
            format = optarg;
        else if (!cli_parse_mode(c, optarg, &t.mode))
            return CLI_USAGE;
    }
    if (optind < argc)
        return look_after(c, argc - optind, argv + optind, format);
    t.filter = t.filter ? strdup(t.filter) : NULL;
    code = cli_open(c, &t.engine, CLI_READ);
    if (!code && again)
        resume(&t, again);
    if (!code)
        code = t.code ? t.code : talk_to_the_end(&t);
    cairn_close(t.engine);
    free(t.title);
    free(t.filter);
    return code;
}

const cli_verb cli_verb_chat = {
    "chat", "ask one question after the other; conversations are kept",
    "Usage: cairn chat [--resume[=ID]] [--model M] [--filter EXPR] [--mode MODE] [--extractive]\n"
    "       cairn chat list | search WORDS | show ID | rename ID TITLE | delete ID | export [--format F] ID\n\n"
    "Reads questions, a line each, and answers them from the documents as cairn ask does, with what was\n"
    "said before: a question may point back (\"and how long is that?\"). Conversations are kept in the\n"
    "collection, readable by you alone. An ID may be cut short; \"last\" is the one changed last. Lines that\n"
    "begin with / are commands: /help lists them. With --json every line is a question and every answer a\n"
    "line of JSON. The exit code is that of the last question. Ctrl-C ends an answer, Ctrl-D the chat. search\n"
    "finds questions and answers that are kept by words in them.\n\n"
    "  --resume[=ID]   go on with a conversation; without ID the last one\n"
    "  --model M       generator, a name (cairn model list) or a path\n"
    "  --filter EXPR   restrict the documents, as in cairn search\n"
    "  --mode MODE     hybrid (default), lexical or vector\n"
    "  --extractive    answer with the documents' own sentences, without a model\n"
    "  --no-cache      let the model answer anew what it has answered before\n"
    "  --format F      of an export: json (default) or markdown\n\n"
    "Examples:\n"
    "  cairn chat\n"
    "  printf 'When does the lease end?\\nAnd what is the rent?\\n' | cairn chat --json\n"
    "  cairn chat export --format markdown last > lease.md\n",
    run};
