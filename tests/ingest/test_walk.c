/* test_walk - which files are found, in which order, and what is said about the others. */
#include "tests/ingest/probe.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "ingest/roots.h"

typedef struct seen {
    char found[64][512];
    size_t n_found;
    char failed[64][512];
    size_t n_failed;
    size_t stop_after;
} seen;

static bool found(void *ctx, const walk_entry *e)
{
    seen *s = ctx;
    const char *rest =
        strncmp(e->path, probe_dir, strlen(probe_dir)) ? e->path : e->path + strlen(probe_dir) + 1;
    assert_true(s->n_found < 64);
    snprintf(s->found[s->n_found++], 512, "%s", rest);
    return !s->stop_after || s->n_found < s->stop_after;
}

static void failed(void *ctx, const char *path, cairn_status code, const char *reason)
{
    seen *s = ctx;
    const char *name = strrchr(path, '/');

    (void)code;
    assert_true(s->n_failed < 64);
    snprintf(s->failed[s->n_failed++], 512, "%s: %s", name ? name + 1 : path, reason);
}

static seen walk(const walk_options *opt, const char *a, const char *b)
{
    const char *paths[2] = {a, b};
    seen s = {.n_found = 0};
    cairn_error err = {0};

    if (ingest_walk(paths, b ? 2 : 1, opt, found, failed, &s, &err))
        fail_msg("%s", err.text);
    return s;
}

static void expect(const seen *s, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n && i < s->n_found; i++)
        assert_string_equal(s->found[i], names[i]);
    assert_int_equal(s->n_found, n);
}
#define EXPECT(s, ...)                                                                             \
    expect(&(s), (const char *const[]){__VA_ARGS__},                                               \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static int fill(void **state)
{
    if (probe_setup(state))
        return -1;
    for (const char *d = "b\0a\0a/deep\0.git\0node_modules\0a/__pycache__\0"; *d;
         d += strlen(d) + 1)
        mkdir(probe_path(d), 0755);
    for (const char *f = "b/2.txt\0b/10.txt\0a/z.md\0a/deep/x\0top.txt\0.hidden\0.git/config\0"
                         "node_modules/m.js\0a/__pycache__/c.pyc\0a/line\nbreak\0a/\xFF\xFE.txt\0";
         *f; f += strlen(f) + 1)
        probe_file(f, "text", 4);
    return 0;
}

static void sorted_and_without_caches(void **state)
{
    (void)state;
    seen s = walk(NULL, probe_dir, NULL);
    EXPECT(s, "a/deep/x", "a/line\nbreak", "a/z.md", "a/\xFF\xFE.txt", "b/10.txt", "b/2.txt",
           "top.txt");
    assert_int_equal(s.n_failed, 0);
    s = walk(&(walk_options){.hidden = true}, probe_dir, NULL);
    assert_string_equal(s.found[0], ".hidden");
    assert_int_equal(s.n_found, 8);
    s = walk(&(walk_options){.hidden = true, .no_ignores = true}, probe_dir, NULL);
    assert_int_equal(s.n_found, 11);
}

static void named_paths_are_taken_once(void **state)
{
    (void)state;
    seen s = walk(NULL, probe_path(".git"), NULL);
    EXPECT(s, ".git/config");
    s = walk(NULL, probe_path(".hidden"), NULL);
    EXPECT(s, ".hidden");
    s = walk(NULL, probe_path("b/../b/"), probe_path("b/2.txt"));
    EXPECT(s, "b/10.txt", "b/2.txt");
    s = walk(NULL, probe_path("node_modules"), probe_dir); /* not reached from the other */
    assert_int_equal(s.n_found, 8);
    s = walk(NULL, probe_path("nowhere"), probe_path("b/2.txt"));
    EXPECT(s, "b/2.txt");
    assert_string_equal(s.failed[0], "nowhere: No such file or directory");
}

static void links(void **state)
{
    (void)state;
    assert_int_equal(symlink("..", probe_path("b/loop")), 0);
    assert_int_equal(symlink("self", probe_path("b/self")), 0);
    assert_int_equal(symlink("../a", probe_path("b/other")), 0);
    assert_int_equal(symlink("nothing", probe_path("b/dangling")), 0);
    seen s = walk(NULL, probe_path("b"), NULL);
    EXPECT(s, "b/10.txt", "b/2.txt");
    assert_int_equal(s.n_failed, 0);
    s = walk(&(walk_options){.follow_symlinks = true}, probe_path("b"), NULL);
    /* b/loop leads to the top and from there to a, once; back into b never */
    assert_true(s.n_found >= 6 && s.n_found < 12);
    assert_int_equal(s.n_failed, 2);             /* dangling, self */
    s = walk(NULL, probe_path("b/other"), NULL); /* a named link is followed */
    assert_int_equal(s.n_found, 4);
    for (const char *l = "b/loop\0b/self\0b/other\0b/dangling\0"; *l; l += strlen(l) + 1)
        unlink(probe_path(l));
}

static void special_files_are_reported(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)state;

    assert_int_equal(mkfifo(probe_path("b/pipe"), 0600), 0);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", probe_path("b/sock"));
    assert_int_equal(bind(sock, (struct sockaddr *)&addr, sizeof addr), 0);
    seen s = walk(NULL, probe_path("b"), NULL);
    assert_int_equal(s.n_found, 2);
    assert_int_equal(s.n_failed, 2);
    assert_string_equal(s.failed[0], "pipe: a named pipe, not a regular file");
    assert_string_equal(s.failed[1], "sock: a socket, not a regular file");
    s = walk(NULL, "/dev/null", NULL);
    assert_string_equal(s.failed[0], "null: a device, not a regular file");
    close(sock);
    unlink(probe_path("b/pipe"));
    unlink(probe_path("b/sock"));
}

static void large_files_are_reported(void **state)
{
    (void)state;
    const char *path = probe_path("b/large");
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    assert_int_equal(ftruncate(fd, (off_t)257 << 20), 0);
    close(fd);
    seen s = walk(NULL, probe_path("b"), NULL);
    assert_int_equal(s.n_found, 2);
    assert_string_equal(s.failed[0], "large: 257 MiB, larger than the limit of 256 MiB");
    s = walk(&(walk_options){.max_file_bytes = (int64_t)1 << 30}, probe_path("b"), NULL);
    assert_int_equal(s.n_found, 3);
    unlink(path);
}

static void unreadable_folder_is_reported(void **state)
{
    int status;
    pid_t pid;
    (void)state;

    mkdir(probe_path("locked"), 0);
    pid = fork();
    if (pid == 0) {
        if (!geteuid() && (setgid(65534) || setuid(65534)))
            _exit(2);
        seen s = walk(NULL, probe_dir, NULL);
        _exit(s.n_failed == 1 && !strcmp(s.failed[0], "locked: Permission denied") ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
    rmdir(probe_path("locked"));
}

static bool remove_next(void *ctx, const walk_entry *e)
{
    (void)e;
    unlink(probe_path("v/2"));
    return found(ctx, e);
}

static void vanishing_file_is_reported(void **state)
{
    seen s = {.n_found = 0};
    const char *path;
    cairn_error err = {0};
    (void)state;

    mkdir(probe_path("v"), 0755);
    probe_file("v/1", "", 0);
    probe_file("v/2", "", 0);
    path = probe_path("v");
    assert_int_equal(ingest_walk(&path, 1, NULL, remove_next, failed, &s, &err), CAIRN_OK);
    assert_int_equal(s.n_found, 1);
    assert_string_equal(s.failed[0], "2: vanished while it was looked at");
    unlink(probe_path("v/1"));
    rmdir(probe_path("v"));
}

static void deep_folders_and_stopping(void **state)
{
    char path[1400];
    size_t n = (size_t)snprintf(path, sizeof path, "%s/d", probe_dir);
    seen s = {.stop_after = 3};
    const char *top = probe_dir;
    cairn_error err = {0};
    (void)state;

    mkdir(path, 0755);
    for (int i = 0; i < 300; i++) {
        n += (size_t)snprintf(path + n, sizeof path - n, "/d");
        mkdir(path, 0755);
    }
    s = walk(NULL, probe_path("d"), NULL);
    assert_int_equal(s.n_failed, 1);
    assert_non_null(strstr(s.failed[0], "256 folders deep"));
    memset(&s, 0, sizeof s);
    s.stop_after = 3;
    assert_int_equal(ingest_walk(&top, 1, NULL, found, NULL, &s, &err), CAIRN_ECANCELLED);
    assert_int_equal(s.n_found, 3);
}

static void skipped(void *ctx, const char *path, bool folder, const char *reason)
{
    seen *s = ctx;

    assert_true(s->n_failed < 64);
    snprintf(s->failed[s->n_failed++], 512, "%s%s: %s", path + strlen(probe_dir) + 1,
             folder ? "/" : "", reason);
}

static void ignore_files_and_globs(void **state)
{
    static const char *const folders[] = {"i",         "i/repo", "i/repo/.git", "i/repo/.git/info",
                                          "i/repo/sub", "i/cache", "i/.notes",  "i/repo/out"};
    static const char *const files[][2] = {
        {"i/.cairnignore", "*.iso\n!.notes/\n"},
        {"i/a.iso", "x"},
        {"i/a.txt", "x"},
        {"i/.gitignore", "a.txt\n"}, /* outside of any repository: says nothing */
        {"i/.notes/n.md", "x"},
        {"i/cache/CACHEDIR.TAG", "x"},
        {"i/cache/c", "x"},
        {"i/repo/.gitignore", "*.o\n/out\n"},
        {"i/repo/.git/info/exclude", "private\n"},
        {"i/repo/private", "x"},
        {"i/repo/x.o", "x"},
        {"i/repo/out/y", "x"},
        {"i/repo/sub/.gitignore", "!x.o\n"},
        {"i/repo/sub/x.o", "x"},
    };
    (void)state;

    assert_int_equal(rename(probe_path(".git"), probe_path("git")), 0); /* no repository, then */
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        mkdir(probe_path(folders[i]), 0755);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        probe_file(files[i][0], files[i][1], strlen(files[i][1]));
    walk_options o = {.skipped = skipped};
    seen s = walk(&o, probe_path("i"), NULL);
    EXPECT(s, "i/.notes/n.md", "i/a.txt", "i/repo/sub/x.o");
    char want[512];
    snprintf(want, sizeof want, "i/a.iso: ignored by %s/i/.cairnignore line 1: *.iso", probe_dir);
    bool told = false;
    for (size_t i = 0; i < s.n_failed; i++)
        told |= !strcmp(s.failed[i], want);
    assert_true(told);
    /* a named folder obeys the files above it */
    s = walk(NULL, probe_path("i/repo/sub"), NULL);
    EXPECT(s, "i/repo/sub/x.o");
    s = walk(NULL, probe_path("i/repo/out"), NULL); /* named: taken */
    EXPECT(s, "i/repo/out/y");
    s = walk(&(walk_options){.no_ignore_files = true}, probe_path("i/repo"), NULL);
    EXPECT(s, "i/repo/out/y", "i/repo/private", "i/repo/sub/x.o", "i/repo/x.o");
    s = walk(&(walk_options){.exclude = "repo/\n"}, probe_path("i"), NULL);
    EXPECT(s, "i/.notes/n.md", "i/a.txt");
    s = walk(&(walk_options){.include = "*.md\n"}, probe_path("i"), NULL);
    EXPECT(s, "i/.notes/n.md");
    assert_int_equal(rename(probe_path("git"), probe_path(".git")), 0);
    s = walk(NULL, probe_path("i"), NULL);
    EXPECT(s, "i/.notes/n.md", "i/repo/sub/x.o");
}

static void only_some_paths(void **state)
{
    char a[512], b[512];
    const char *only[2] = {a, b};
    (void)state;

    snprintf(a, sizeof a, "%s/a.x", probe_dir);
    snprintf(b, sizeof b, "%s/a/deep", probe_dir);
    seen s = walk(&(walk_options){.only = only, .n_only = 2}, probe_dir, NULL);
    EXPECT(s, "a/deep/x");
    snprintf(b, sizeof b, "%s/i/repo/x.o", probe_dir); /* the rules on the way hold */
    s = walk(&(walk_options){.only = only, .n_only = 2}, probe_dir, NULL);
    assert_int_equal(s.n_found, 0);
    snprintf(b, sizeof b, "%s/i/repo", probe_dir);
    s = walk(&(walk_options){.only = only, .n_only = 2}, probe_dir, NULL);
    EXPECT(s, "i/repo/sub/x.o");
    assert_int_equal(s.n_failed, 0);
}

static void copies_of_editors_are_left_out(void **state)
{
    static const char *const passing[] = {"text.txt~",       "#text.txt#", "~$text.docx",
                                          "film.mkv.part",   "x.pdf.crdownload"};
    (void)state;

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        assert_true(walk_is_ignored(passing[i]));
    for (const char *s = "text~1.txt\0#1 song.mp3\0a.partial\0~\0#\0part\0~home.txt\0"; *s; s += strlen(s) + 1)
        assert_false(walk_is_ignored(s));
}

/* A name that leads elsewhere, to nothing, or to a folder that only looks like the last. */
static void named_folders_that_come_and_go(void **state)
{
    const char *paths[3];
    roots *r;
    (void)state;

    assert_int_equal(mkdir(probe_path("r"), 0755), 0);
    assert_int_equal(mkdir(probe_path("s"), 0755), 0);
    paths[0] = strdup(probe_path("r"));
    paths[1] = strdup(probe_path("not-yet"));
    paths[2] = strdup(probe_file("r.txt", "text", 4));
    r = roots_create(paths, 3);
    assert_non_null(r);
    assert_false(roots_changed(r));
    probe_file("r/new.txt", "text", 4); /* what is in it is the watch's to see */
    probe_file("r.new", "other", 5);
    assert_int_equal(rename(probe_path("r.new"), paths[2]), 0);
    assert_false(roots_changed(r));
    assert_int_equal(mkdir(paths[1], 0755), 0);
    assert_true(roots_changed(r));
    assert_false(roots_changed(r));
    assert_int_equal(rmdir(paths[1]), 0);
    assert_true(roots_changed(r));
    assert_int_equal(symlink("s", paths[1]), 0);
    assert_true(roots_changed(r));
    assert_int_equal(unlink(paths[1]), 0);
    assert_int_equal(symlink("b", paths[1]), 0); /* another folder */
    assert_true(roots_changed(r));
    assert_false(roots_changed(r));
    roots_lost(r, probe_path("nowhere"));
    assert_false(roots_changed(r));
    roots_lost(r, paths[0]);
    assert_true(roots_changed(r)); /* there, but nobody knows whether it is the same */
    assert_false(roots_changed(r));
    roots_destroy(r);
    for (size_t i = 0; i < 3; i++)
        free((char *)paths[i]);
}

static void the_callers_own_folder_is_never_entered(void **state)
{
    char own[512], link[512];

    (void)state;
    mkdir(probe_path("o"), 0755);
    mkdir(probe_path("o/own"), 0755);
    probe_file("o/a.txt", "a", 1);
    probe_file("o/own/b.txt", "b", 1);
    snprintf(own, sizeof own, "%s", probe_path("o/own"));
    snprintf(link, sizeof link, "%s", probe_path("o/link"));
    assert_int_equal(symlink(own, link), 0);
    seen s = walk(&(walk_options){.own = link, .follow_symlinks = true}, probe_path("o"), NULL);
    EXPECT(s, "o/a.txt");
    s = walk(&(walk_options){.own = own}, own, NULL); /* named */
    assert_int_equal(s.n_found, 0);
    assert_int_equal(s.n_failed, 1);
    assert_string_equal(s.failed[0], "own: the index itself is not indexed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted_and_without_caches),
        cmocka_unit_test(named_paths_are_taken_once),
        cmocka_unit_test(links),
        cmocka_unit_test(special_files_are_reported),
        cmocka_unit_test(large_files_are_reported),
        cmocka_unit_test(unreadable_folder_is_reported),
        cmocka_unit_test(vanishing_file_is_reported),
        cmocka_unit_test(ignore_files_and_globs),
        cmocka_unit_test(only_some_paths),
        cmocka_unit_test(deep_folders_and_stopping),
        cmocka_unit_test(copies_of_editors_are_left_out),
        cmocka_unit_test(named_folders_that_come_and_go),
        cmocka_unit_test(the_callers_own_folder_is_never_entered),
    };
    return cmocka_run_group_tests(tests, fill, probe_teardown);
}
