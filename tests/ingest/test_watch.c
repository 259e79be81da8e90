/* What a watcher tells, by a watch for each folder and by one mark for the file system: the same, but where it says so.
 * Waits are for what is to come, never for a time; that something is NOT told is shown by what came after it. */
#include "tests/ingest/probe.h"

#include <sched.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "ingest/watch.h"

#define LIMIT_NS ((int64_t)120 * 1000000000)
#define TOLD_MAX 256

typedef struct listener {
    watcher *w;
    char *told[TOLD_MAX];
    size_t n;
    bool rescan;
} listener;

static bool mounts; /* this process has mounts of its own */

static int setup(void **state)
{
    mounts = !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return probe_setup(state);
}

/* False: this way is not allowed here, for the folder. */
static bool begin(listener *l, watch_way way, const char *name)
{
    watch_options o = {.way = way, .quiet_ms = 10, .at_most_ms = 50};
    const char *top = probe_path(name);
    cairn_error err = {0};
    watch_place p;

    *l = (listener){0};
    if (watcher_open(&l->w, &o, &err)) {
        assert_int_equal(way, WATCH_BY_FANOTIFY);
        print_message("left out: %s\n", err.text);
        return false;
    }
    assert_int_equal(watcher_name(l->w, &top, 1, &err), CAIRN_OK);
    watcher_begin(l->w);
    watcher_add(l->w, top);
    assert_true(watcher_place(l->w, 0, &p));
    if (way == WATCH_BY_FANOTIFY && p.way != way) {
        print_message("left out: %s: %s\n", p.path, p.why);
        watcher_close(l->w);
        return false;
    }
    assert_int_equal(watcher_folders(l->w), 1);
    assert_int_equal(watcher_unwatched(l->w), 0);
    return true;
}

static void take(listener *l)
{
    watch_changes c;

    if (!watcher_wait(l->w, 1000, false, NULL))
        return;
    watcher_take(l->w, &c);
    l->rescan |= c.rescan != NULL;
    for (size_t i = 0; i < c.n && l->n < TOLD_MAX; i++)
        l->told[l->n++] = strdup(c.path[i]);
    watch_changes_clear(&c);
}

static void forget_told(listener *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->told[i]);
    l->n = 0;
}

static bool was_told(const listener *l, const char *path)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->told[i], path))
            return true;
    return false;
}

static void expect(listener *l, const char *name)
{
    int64_t end = clock_mono_ns() + LIMIT_NS;

    while (!was_told(l, probe_path(name))) {
        if (clock_mono_ns() > end)
            fail_msg("%s was not told", name);
        take(l);
    }
}

/* The same where the folder it lies in may be told instead, which hides it. */
static void expect_within(listener *l, const char *top, const char *name)
{
    int64_t end = clock_mono_ns() + LIMIT_NS;

    while (!was_told(l, probe_path(name)) && !was_told(l, probe_path(top))) {
        if (clock_mono_ns() > end)
            fail_msg("neither %s nor %s was told", name, top);
        take(l);
    }
    forget_told(l);
}

static void expect_rescan(listener *l)
{
    int64_t end = clock_mono_ns() + LIMIT_NS;

    while (!l->rescan) {
        if (clock_mono_ns() > end)
            fail_msg("no rescan was asked for");
        take(l);
    }
    l->rescan = false;
}

static void done(listener *l)
{
    forget_told(l);
    watcher_close(l->w);
}

static void put(const char *name)
{
    probe_file(name, "text", 4);
}

static void make(const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s", probe_path(name));
    if (mkdir(path, 0755))
        fail_msg("mkdir %s", path);
}

static void move(const char *from, const char *to)
{
    char a[512], b[512];

    snprintf(a, sizeof a, "%s", probe_path(from));
    snprintf(b, sizeof b, "%s", probe_path(to));
    assert_int_equal(rename(a, b), 0);
}

/* Until all that happened so far was told, and forgotten: what is told of a folder hides what is in it. */
static void settle(listener *l, const char *top)
{
    static int n;
    char name[64];

    snprintf(name, sizeof name, "%s/settled%d", top, n++);
    put(name);
    expect(l, name);
    forget_told(l);
}

static void both(void (*test)(watch_way way, const char *top))
{
    char top[32];

    for (int way = WATCH_BY_FANOTIFY; way <= WATCH_BY_INOTIFY; way++) {
        static int n;
        snprintf(top, sizeof top, "w%d", n++);
        make(top);
        test((watch_way)way, top);
    }
}
#define NAME(name) (snprintf(at, sizeof at, "%s/%s", top, name), at)

/* ---- what is told ---- */

static void files(watch_way way, const char *top)
{
    char at[128], to[128];
    listener l;

    if (!begin(&l, way, top))
        return;
    put(NAME("a.txt"));
    expect(&l, NAME("a.txt"));
    snprintf(to, sizeof to, "%s/b.txt", top);
    forget_told(&l);
    move(NAME("a.txt"), to);
    expect(&l, NAME("a.txt")); /* both ends */
    expect(&l, to);
    forget_told(&l);
    assert_int_equal(chmod(probe_path(to), 0600), 0);
    expect(&l, to);
    forget_told(&l);
    assert_int_equal(unlink(probe_path(to)), 0);
    expect(&l, to);
    forget_told(&l);
    put(NAME(".gitignore")); /* rules concern the folder */
    expect(&l, top);
    done(&l);
}

static void files_are_told(void **state)
{
    (void)state;
    both(files);
}

static void folders(watch_way way, const char *top)
{
    char at[128], sub[128];
    listener l;

    if (!begin(&l, way, top))
        return;
    make(NAME("sub"));
    expect(&l, NAME("sub"));
    watcher_add(l.w, probe_path(NAME("sub")));
    assert_int_equal(watcher_folders(l.w), 2);
    settle(&l, top);
    put(NAME("sub/a.txt"));
    expect(&l, NAME("sub/a.txt"));
    snprintf(sub, sizeof sub, "%s/moved", top);
    move(NAME("sub"), sub);
    expect(&l, NAME("sub"));
    expect(&l, sub);
    watcher_add(l.w, probe_path(sub)); /* as the walk does that finds it */
    assert_int_equal(watcher_folders(l.w), 2);
    settle(&l, top);
    put(NAME("moved/b.txt"));
    expect(&l, NAME("moved/b.txt"));
    assert_int_equal(unlink(probe_path(NAME("moved/a.txt"))), 0);
    assert_int_equal(unlink(probe_path(NAME("moved/b.txt"))), 0);
    assert_int_equal(rmdir(probe_path(sub)), 0);
    make(sub); /* another one by the same name */
    watcher_add(l.w, probe_path(sub));
    settle(&l, top);
    put(NAME("moved/c.txt"));
    expect(&l, NAME("moved/c.txt"));
    done(&l);
}

static void folders_move_and_come_again(void **state)
{
    (void)state;
    both(folders);
}

static void others(watch_way way, const char *top)
{
    char at[128];
    listener l;

    if (!begin(&l, way, top))
        return;
    make(NAME("left-out")); /* which the walk does not enter */
    settle(&l, top);
    put(NAME("left-out/a.txt"));
    put("elsewhere.txt");
    put(NAME("b.txt"));
    expect(&l, NAME("b.txt"));
    assert_false(was_told(&l, probe_path(NAME("left-out/a.txt"))));
    assert_false(was_told(&l, probe_path("elsewhere.txt")));
    done(&l);
}

static void folders_that_were_not_entered_are_not_told(void **state)
{
    (void)state;
    both(others);
}

static void roots(watch_way way, const char *top)
{
    char at[128];
    listener l;

    if (!begin(&l, way, top))
        return;
    for (int i = 0; i < 3; i++) { /* the next folder often has the inode of the last */
        assert_int_equal(rmdir(probe_path(top)), 0);
        make(top);
        expect_rescan(&l);
        watcher_begin(l.w);
        watcher_add(l.w, probe_path(top));
        put(NAME("a.txt"));
        expect_within(&l, top, NAME("a.txt"));
        assert_int_equal(unlink(probe_path(NAME("a.txt"))), 0);
        expect_within(&l, top, NAME("a.txt"));
    }
    done(&l);
}

static void a_named_folder_that_is_made_again_is_a_rescan(void **state)
{
    (void)state;
    both(roots);
}

static void limit(watch_way way, const char *top)
{
    watch_options o = {.way = way, .max_folders = 1};
    char at[128];
    listener l;
    watcher *w;

    if (!begin(&l, way, top))
        return;
    done(&l);
    make(NAME("sub"));
    assert_int_equal(watcher_open(&w, &o, NULL), CAIRN_OK);
    watcher_begin(w);
    watcher_add(w, probe_path(top));
    watcher_add(w, probe_path(NAME("sub")));
    watcher_add(w, probe_path(top)); /* known: no other one */
    assert_int_equal(watcher_folders(w), 1);
    assert_int_equal(watcher_unwatched(w), 1);
    watcher_add(w, probe_path(NAME("nothing"))); /* its parent would tell */
    assert_int_equal(watcher_unwatched(w), 1);
    watcher_begin(w);
    assert_int_equal(watcher_unwatched(w), 0);
    watcher_close(w);
}

static void more_folders_than_allowed_are_counted(void **state)
{
    (void)state;
    both(limit);
}

/* More than are gathered: the list is given up for a rescan. */
static void many(watch_way way, const char *top)
{
    char at[128], name[32];
    listener l;

    if (!begin(&l, way, top))
        return;
    for (int i = 0; i < WATCH_MAX_CHANGES + 200; i++) {
        snprintf(name, sizeof name, "f%d", i);
        put(NAME(name));
    }
    expect_rescan(&l);
    done(&l);
}

static void too_many_changes_are_a_rescan(void **state)
{
    (void)state;
    both(many);
}

/* ---- mounts ---- */

static bool mount_at(const char *kind, const char *name, const char *options)
{
    make(name);
    if (mounts && !mount("none", probe_path(name), kind, 0, options))
        return true;
    print_message("left out: no %s may be mounted here\n", kind);
    return false;
}

static void disk(watch_way way, const char *top)
{
    char at[128];
    listener l;

    if (!mount_at("tmpfs", NAME("disk"), NULL))
        return;
    if (!begin(&l, way, top)) {
        umount(probe_path(NAME("disk")));
        return;
    }
    watcher_add(l.w, probe_path(NAME("disk")));
    assert_int_equal(watcher_folders(l.w), 2);
    put(NAME("disk/a.txt"));
    expect(&l, NAME("disk/a.txt"));
    /* Watching keeps no disk from being unmounted, but for the moment in which events are read. */
    for (int64_t end = clock_mono_ns() + LIMIT_NS; umount(probe_path(NAME("disk")));)
        if (clock_mono_ns() > end)
            fail_msg("the disk is busy");
    expect_rescan(&l);
    done(&l);
}

static void a_disk_is_followed_and_can_be_unmounted(void **state)
{
    (void)state;
    both(disk);
}

static void bound(watch_way way, const char *top)
{
    char at[128], from[128], to[128];
    listener l;

    make(NAME("real"));
    make(NAME("bound"));
    make(NAME("real/sub"));
    snprintf(from, sizeof from, "%s", probe_path(NAME("real")));
    snprintf(to, sizeof to, "%s", probe_path(NAME("bound")));
    if (!mounts || mount(from, to, NULL, MS_BIND, NULL)) {
        print_message("left out: nothing may be mounted here\n");
        return;
    }
    if (begin(&l, way, NAME("bound"))) {
        watcher_add(l.w, probe_path(NAME("bound/sub")));
        put(NAME("real/sub/a.txt")); /* told by the name under which it is known */
        expect(&l, NAME("bound/sub/a.txt"));
        done(&l);
    }
    assert_int_equal(umount(to), 0);
}

static void a_bind_mount_has_its_own_paths(void **state)
{
    (void)state;
    both(bound);
}

/* Where a file system knows no handles, or a mark is refused, its folders are watched one by one. */
static void an_overlay_is_watched_folder_by_folder(void **state)
{
    watch_options o = {.way = WATCH_BY_ANY, .quiet_ms = 10, .at_most_ms = 50};
    char options[512];
    listener l = {0};
    watch_place p;

    (void)state;
    if (!mount_at("tmpfs", "layers", NULL))
        return;
    make("layers/lower");
    make("layers/upper");
    make("layers/work");
    snprintf(options, sizeof options, "lowerdir=%1$s/layers/lower,upperdir=%1$s/layers/upper,workdir=%1$s/layers/work",
             probe_dir);
    if (!mount_at("overlay", "over", options))
        goto out;
    assert_int_equal(watcher_open(&l.w, &o, NULL), CAIRN_OK);
    watcher_begin(l.w);
    watcher_add(l.w, probe_path("over"));
    assert_true(watcher_place(l.w, 0, &p));
    assert_int_equal(p.way, WATCH_BY_INOTIFY);
    assert_non_null(p.why);
    assert_int_equal(watcher_unwatched(l.w), 0);
    put("over/a.txt");
    expect(&l, "over/a.txt");
    done(&l);
    umount(probe_path("over"));
out:
    umount(probe_path("layers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_told),
        cmocka_unit_test(folders_move_and_come_again),
        cmocka_unit_test(folders_that_were_not_entered_are_not_told),
        cmocka_unit_test(a_named_folder_that_is_made_again_is_a_rescan),
        cmocka_unit_test(more_folders_than_allowed_are_counted),
        cmocka_unit_test(too_many_changes_are_a_rescan),
        cmocka_unit_test(a_disk_is_followed_and_can_be_unmounted),
        cmocka_unit_test(a_bind_mount_has_its_own_paths),
        cmocka_unit_test(an_overlay_is_watched_folder_by_folder),
    };

    return cmocka_run_group_tests(tests, setup, probe_teardown);
}
