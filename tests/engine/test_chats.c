/* test_chats.c - conversations: what is kept comes back whole, whoever is killed or writes beside; bad
 * texts and damaged files are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/chats.h"

typedef struct world {
    char home[64], file[160];
    cairn *c;
} world;

static void must(cairn_status st, const cairn_error *err)
{
    if (st)
        fail_msg("%s: %s", cairn_status_name(st), err->text);
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static cairn *open_home(const char *home, bool read_only)
{
    cairn_error err = {0};
    cairn *c;

    must(cairn_open(&c, &(cairn_options){.home = home, .config_file = "/dev/null", .read_only = read_only}, &err),
         &err);
    return c;
}

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    strcpy(w->home, "/tmp/cairn-chats-XXXXXX");
    assert_non_null(mkdtemp(w->home));
    snprintf(w->file, sizeof w->file, "%s/collections/default/user.db", w->home);
    w->c = open_home(w->home, false);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;

    cairn_close(w->c);
    nftw(w->home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

static const cairn_citation cited[] = {
    {.n = 1, .doc = 7, .chunk = 70, .uri = "/docs/lease\xff.pdf", .title = "Lease", .text = "It ends\nin May.",
     .page = 3, .page_label = "iii", .start = 100, .end = 115, .supported = true},
    {.n = 2, .doc = 8, .chunk = 81, .uri = "/docs/b.txt", .title = "", .text = "May 2027", .start = 5, .end = 13},
};

static cairn_chat_turn turn_of(const char *question, const char *text)
{
    return (cairn_chat_turn){.question = question, .text = text, .model = "toy", .filter = "ext:pdf",
                             .extractive = true, .snapshot = 42, .citations = cited, .n_citations = 2};
}

static void what_is_kept_comes_back(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID];
    cairn_conversation *v;
    cairn_chat_turn t = turn_of("When does the lease end?", "In May. [1]");
    size_t n;
    uint64_t answer;

    must(cairn_chat_create(w->c, NULL, id, &err), &err);
    must(cairn_chat_append(w->c, id, &t, &n, &answer, &err), &err);
    assert_int_equal(n, 1);
    t = turn_of("And the other?", "Not in your documents.");
    t.refused = true;
    t.n_citations = 0;
    t.asked_ns = 12345;
    must(cairn_chat_append(w->c, id, &t, &n, NULL, &err), &err);
    assert_int_equal(n, 2);
    cairn_close(w->c);
    w->c = open_home(w->home, true); /* a reader sees it, and may go on */
    must(cairn_chat_get(w->c, id, &v, &err), &err);
    assert_string_equal(v->chat.title, "When does the lease end?");
    assert_int_equal(v->chat.n_turns, 2);
    assert_true(v->chat.changed_ns >= v->chat.created_ns);
    assert_string_equal(v->turns[0].text, "In May. [1]");
    assert_string_equal(v->turns[0].filter, "ext:pdf");
    assert_int_equal(v->turns[0].answer_id, answer);
    assert_int_equal(v->turns[0].snapshot, 42);
    assert_true(v->turns[0].asked_ns > 0 && v->turns[0].extractive && !v->turns[0].refused);
    assert_int_equal(v->turns[0].n_citations, 2);
    for (size_t i = 0; i < 2; i++) {
        const cairn_citation *x = &v->turns[0].citations[i];
        assert_int_equal(x->n, cited[i].n);
        assert_int_equal(x->doc, cited[i].doc);
        assert_int_equal(x->chunk, cited[i].chunk);
        assert_string_equal(x->uri, cited[i].uri);
        assert_string_equal(x->title, cited[i].title);
        assert_string_equal(x->text, cited[i].text);
        assert_int_equal(x->page, cited[i].page);
        if (cited[i].page_label)
            assert_string_equal(x->page_label, cited[i].page_label);
        else
            assert_null(x->page_label);
        assert_int_equal(x->start, cited[i].start);
        assert_int_equal(x->end, cited[i].end);
        assert_int_equal(x->supported, cited[i].supported);
    }
    assert_int_equal(v->turns[1].asked_ns, 12345);
    assert_true(v->turns[1].refused);
    assert_int_equal(v->turns[1].n_citations, 0);
    cairn_chat_free(v);
    t = turn_of("Third?", "Yes.");
    must(cairn_chat_append(w->c, id, &t, &n, NULL, &err), &err);
    assert_int_equal(n, 3);
}

static bool note_id(void *ctx, const cairn_chat *chat)
{
    char *list = ctx;

    strcat(strcat(list, chat->title), ";");
    return true;
}

static void listed_named_and_deleted(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[3][CAIRN_CHAT_ID], list[256] = "", prefix[CAIRN_CHAT_ID];
    cairn_chat_turn t = turn_of("q", "a");
    cairn_conversation *v;
    struct stat st;

    must(cairn_chat_list(w->c, note_id, list, &err), &err);
    assert_string_equal(list, "");
    assert_int_equal(stat(w->file, &st), -1); /* looking makes no file */
    assert_int_equal(cairn_chat_get(w->c, "last", &v, &err), CAIRN_ENOTFOUND);
    must(cairn_chat_create(w->c, "first", id[0], &err), &err);
    must(cairn_chat_create(w->c, "second", id[1], &err), &err);
    must(cairn_chat_create(w->c, "third", id[2], &err), &err);
    assert_int_equal(stat(w->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    must(cairn_chat_append(w->c, id[0], &t, NULL, NULL, &err), &err);
    must(cairn_chat_list(w->c, note_id, list, &err), &err);
    assert_string_equal(list, "first;third;second;");
    must(cairn_chat_get(w->c, "last", &v, &err), &err);
    assert_string_equal(v->chat.id, id[0]);
    cairn_chat_free(v);
    must(cairn_chat_rename(w->c, id[1], "renamed", &err), &err);
    snprintf(prefix, sizeof prefix, "%.12s", id[1]);
    must(cairn_chat_get(w->c, prefix, &v, &err), &err);
    assert_string_equal(v->chat.title, "renamed");
    cairn_chat_free(v);
    must(cairn_chat_delete(w->c, id[2], &err), &err);
    assert_int_equal(cairn_chat_delete(w->c, id[2], &err), CAIRN_ENOTFOUND);
    assert_int_equal(cairn_chat_append(w->c, id[2], &t, NULL, NULL, &err), CAIRN_ENOTFOUND);
    assert_int_equal(cairn_chat_get(w->c, "0; DROP TABLE chat", &v, &err), CAIRN_ENOTFOUND);
    *list = '\0';
    must(cairn_chat_list(w->c, note_id, list, &err), &err);
    assert_string_equal(list, "first;renamed;");
}

/* A prefix that several conversations share names none of them. */
static void an_ambiguous_name_is_refused(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID], first[2] = "";
    cairn_conversation *v;

    for (int i = 0; i < 17; i++) /* of 17 ids, two begin with one digit */
        must(cairn_chat_create(w->c, "x", id, &err), &err);
    for (const char *d = "0123456789abcdef"; *d; d++) {
        first[0] = *d;
        cairn_status st = cairn_chat_get(w->c, first, &v, &err);
        if (st == CAIRN_EUSAGE)
            return;
        if (!st)
            cairn_chat_free(v);
    }
    fail_msg("no ambiguity was found");
}

static bool file_holds(const char *path, const char *text)
{
    FILE *f = fopen(path, "rb");
    static char buffer[4 << 20];
    size_t n;

    assert_non_null(f);
    n = fread(buffer, 1, sizeof buffer, f);
    fclose(f);
    return memmem(buffer, n, text, strlen(text)) != NULL;
}

static void what_was_deleted_is_gone_from_the_file(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID], other[CAIRN_CHAT_ID];
    cairn_chat_turn t = turn_of("a very private question", "a very private answer");

    must(cairn_chat_create(w->c, NULL, id, &err), &err);
    must(cairn_chat_create(w->c, "stays", other, &err), &err);
    must(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), &err);
    assert_true(file_holds(w->file, "very private question"));
    must(cairn_chat_delete(w->c, id, &err), &err);
    assert_false(file_holds(w->file, "very private"));
    assert_false(file_holds(w->file, "/docs/lease"));
}

static void texts_are_checked(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID], *big = malloc(CAIRN_ANSWER_MAX + 2);
    cairn_citation many[1] = {cited[0]};
    cairn_chat_turn t;
    cairn_conversation *v;

    assert_non_null(big);
    memset(big, 'x', CAIRN_ANSWER_MAX + 1);
    big[CAIRN_ANSWER_MAX + 1] = '\0';
    must(cairn_chat_create(w->c, NULL, id, &err), &err);
    t = turn_of("", "a");
    assert_int_equal(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), CAIRN_EUSAGE);
    t = turn_of("q", NULL);
    assert_int_equal(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), CAIRN_EUSAGE);
    t = turn_of("q\xff", "a");
    assert_int_equal(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), CAIRN_EUSAGE);
    t = turn_of(big, "a");
    assert_int_equal(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), CAIRN_EUSAGE);
    t = turn_of("q", big);
    assert_int_equal(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), CAIRN_EUSAGE);
    many[0].text = big;
    t = turn_of("q", "a");
    t.citations = many;
    t.n_citations = 1;
    assert_int_equal(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), CAIRN_EUSAGE);
    t.n_citations = CAIRN_CITATIONS_MAX + 1;
    assert_int_equal(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), CAIRN_EUSAGE);
    big[CAIRN_CHAT_TITLE_MAX + 1] = '\0';
    assert_int_equal(cairn_chat_rename(w->c, id, big, &err), CAIRN_EUSAGE);
    assert_int_equal(cairn_chat_rename(w->c, id, "", &err), CAIRN_EUSAGE);
    assert_int_equal(cairn_chat_create(w->c, "\xc3", id, &err), CAIRN_EUSAGE);
    must(cairn_chat_get(w->c, "last", &v, &err), &err);
    assert_int_equal(v->chat.n_turns, 0);
    cairn_chat_free(v);
    /* A long question becomes a title cut between words. */
    memset(big, 'y', 200);
    big[60] = ' ';
    big[200] = '\0';
    t = turn_of(big, "a");
    must(cairn_chat_append(w->c, "last", &t, NULL, NULL, &err), &err);
    must(cairn_chat_get(w->c, "last", &v, &err), &err);
    assert_int_equal(strlen(v->chat.title), 63);
    cairn_chat_free(v);
    free(big);
}

static void exports_hold_everything(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID], *text;
    cairn_chat_turn t = turn_of("When \"exactly\"?", "In May. [1]");
    size_t len;

    must(cairn_chat_create(w->c, "Lease", id, &err), &err);
    must(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), &err);
    must(cairn_chat_export(w->c, id, CAIRN_CHAT_JSON, &text, &len, &err), &err);
    assert_int_equal(len, strlen(text));
    assert_non_null(strstr(text, "When \\\"exactly\\\"?"));
    assert_non_null(strstr(text, "/docs/lease\xef\xbf\xbd.pdf"));
    assert_non_null(strstr(text, "\"page\": null"));
    assert_non_null(strstr(text, "\"page_label\": \"iii\""));
    assert_null(strstr(text, "\"page_label\": null"));
    assert_non_null(strstr(text, "\"snapshot\": 42"));
    free(text);
    must(cairn_chat_export(w->c, id, CAIRN_CHAT_MARKDOWN, &text, &len, &err), &err);
    assert_non_null(strstr(text, "# Lease\n\n## When \"exactly\"?\n\nIn May. [1]\n"));
    assert_non_null(strstr(text, ", page iii\n\n> It ends\n> in May.\n"));
    free(text);
}

/* Killed at any moment: what was acknowledged is there, and every turn is whole. */
static void a_killed_writer_loses_nothing_acknowledged(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID];
    cairn_conversation *v;
    size_t acknowledged = 0;
    int pipes[2], status;
    pid_t child;

    must(cairn_chat_create(w->c, "x", id, &err), &err);
    cairn_close(w->c);
    w->c = NULL;
    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (!child) {
        cairn *c = NULL;
        cairn_chat_turn t = turn_of("q", "a");
        if (cairn_open(&c, &(cairn_options){.home = w->home, .config_file = "/dev/null"}, NULL))
            _exit(1);
        while (!cairn_chat_append(c, id, &t, NULL, NULL, NULL) && write(pipes[1], "x", 1) == 1)
            ;
        _exit(1);
    }
    close(pipes[1]);
    for (char x; acknowledged < 10 && read(pipes[0], &x, 1) == 1; acknowledged++)
        ;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    for (char x; read(pipes[0], &x, 1) == 1; acknowledged++)
        ;
    close(pipes[0]);
    w->c = open_home(w->home, false);
    must(cairn_chat_get(w->c, id, &v, &err), &err);
    assert_true(v->chat.n_turns >= acknowledged && v->chat.n_turns <= acknowledged + 1);
    for (size_t i = 0; i < v->chat.n_turns; i++) {
        assert_int_equal(v->turns[i].n, i + 1);
        assert_int_equal(v->turns[i].n_citations, 2);
    }
    cairn_chat_free(v);
}

/* Two processes' handles keep turns of one conversation: none is lost. */
static void two_handles_write_one_conversation(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID];
    cairn *second = open_home(w->home, true);
    cairn_chat_turn t = turn_of("q", "a");
    cairn_conversation *v;

    must(cairn_chat_create(w->c, "x", id, &err), &err);
    for (int i = 0; i < 5; i++) {
        must(cairn_chat_append(w->c, id, &t, NULL, NULL, &err), &err);
        must(cairn_chat_append(second, id, &t, NULL, NULL, &err), &err);
    }
    must(cairn_chat_get(second, id, &v, &err), &err);
    assert_int_equal(v->chat.n_turns, 10);
    cairn_chat_free(v);
    cairn_close(second);
}

static void write_file(const char *path, const void *data, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), n);
    close(fd);
}

static void bad_files_are_refused_and_left_alone(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID], junk[5000];
    cairn_conversation *v;
    struct stat st;
    sqlite3 *db;

    memset(junk, 'j', sizeof junk);
    write_file(w->file, junk, sizeof junk);
    assert_int_equal(cairn_chat_create(w->c, NULL, id, &err), CAIRN_ECORRUPT);
    assert_non_null(strstr(err.text, "user.db"));
    assert_int_equal(stat(w->file, &st), 0);
    assert_int_equal(st.st_size, sizeof junk);
    unlink(w->file);
    assert_int_equal(sqlite3_open(w->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(cairn_chat_get(w->c, "last", &v, &err), CAIRN_EUNSUPPORTED);
    unlink(w->file);
    assert_int_equal(symlink("/tmp/elsewhere.db", w->file), 0);
    assert_int_equal(cairn_chat_create(w->c, NULL, id, &err), CAIRN_EIO);
}

/* A file of the first format opens, with what was in it. */
static void the_first_format_stays_readable(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    static char bytes[1 << 20];
    FILE *f = fopen(CAIRN_SOURCE_DIR "/tests/engine/golden/user.v1.db", "rb");
    cairn_conversation *v;
    size_t n;

    assert_non_null(f);
    n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    write_file(w->file, bytes, n);
    must(cairn_chat_get(w->c, "last", &v, &err), &err);
    assert_string_equal(v->chat.title, "golden");
    assert_int_equal(v->chat.n_turns, 1);
    assert_string_equal(v->turns[0].question, "When does the lease end?");
    assert_string_equal(v->turns[0].citations[1].text, "May 2027");
    assert_null(v->turns[0].citations[1].page_label); /* which it did not have */
    cairn_chat_free(v);
}

static void asking_needs_an_empty_history(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    cairn_turn said = {"user", "x"};
    cairn_answer *a;

    assert_int_equal(cairn_chat_ask(w->c, "last", &(cairn_ask_request){.question = "q", .history = &said,
                                                                       .n_history = 1},
                                    NULL, NULL, &a, &err),
                     CAIRN_EUSAGE);
    assert_int_equal(cairn_chat_ask(w->c, "last", &(cairn_ask_request){.question = "q"}, NULL, NULL, &a, &err),
                     CAIRN_ENOTFOUND);
}

/* A turn that was asked is kept with what was answered; an empty collection answers nothing. */
static void what_was_asked_is_kept(void **state)
{
    world *w = *state;
    cairn_error err = {0};
    char id[CAIRN_CHAT_ID];
    cairn_answer *a;
    cairn_conversation *v;

    must(cairn_chat_create(w->c, NULL, id, &err), &err);
    must(cairn_chat_ask(w->c, id, &(cairn_ask_request){.question = "Where is it?", .extractive = true,
                                                       .mode = CAIRN_LEXICAL},
                        NULL, NULL, &a, &err),
         &err);
    assert_true(a->refused);
    must(cairn_chat_get(w->c, id, &v, &err), &err);
    assert_int_equal(v->chat.n_turns, 1);
    assert_string_equal(v->turns[0].text, a->text);
    assert_true(v->turns[0].refused);
    cairn_chat_free(v);
    cairn_answer_free(a);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_kept_comes_back),
        CASE(listed_named_and_deleted),
        CASE(an_ambiguous_name_is_refused),
        CASE(what_was_deleted_is_gone_from_the_file),
        CASE(texts_are_checked),
        CASE(exports_hold_everything),
        CASE(a_killed_writer_loses_nothing_acknowledged),
        CASE(two_handles_write_one_conversation),
        CASE(bad_files_are_refused_and_left_alone),
        CASE(the_first_format_stays_readable),
        CASE(asking_needs_an_empty_history),
        CASE(what_was_asked_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
