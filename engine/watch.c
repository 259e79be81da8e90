/* watch.c - cairn_watch: a whole run, then one small run for each batch of changes.
 *
 * A run looks only at the changed paths, but by the same walk and the same rules as a whole one, so
 * that a watched collection and one that is indexed afresh hold the same documents. The folders are
 * watched by the walk itself (index_hooks), each before its names are read.
 *
 * Words first, vectors after: a batch is committed and told before its vectors are made.
 * The lock for writing is given back between runs, so that other commands get their turn. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <xxhash.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/index.h"
#include "engine/power.h"
#include "engine/watch_state.h"
#include "ingest/watch.h"

#define LOCK_SLICE_NS   200000000
#define PAUSE_LOOK_MS   5000
#define TOLD_PATHS      8 /* named ones that are told one by one */
#define MAX_TOLD_EVENTS 100000 /* of a batch, kept until it is committed */

typedef struct told {
    char *kind, *path, *from, *reason;
    int64_t size;
} told;

typedef struct watching {
    cairn *c;
    const char *const *paths;
    size_t n_paths;
    const cairn_watch_options *o;
    watcher *w; /* NULL: the system has none left; timed rescans alone */
    told *told;
    size_t n_told, told_cap;
    bool warned;
    uint64_t told_ways; /* of what was told last of how folders are watched */
} watching;

static void tell(const watching *g, const char *kind, const char *path, const char *reason)
{
    cairn_index_event e = {.kind = kind, .path = path, .reason = reason};

    if (g->o->index.event)
        g->o->index.event(g->o->index.event_ctx, &e);
}

/* ---- events of a run, kept until it is committed ---- */

static void keep_event(void *ctx, const cairn_index_event *e)
{
    watching *g = ctx;
    told t = {.size = e->size};

    if (g->n_told == g->told_cap && g->n_told < MAX_TOLD_EVENTS) {
        size_t cap = g->told_cap ? g->told_cap * 2 : 64;
        told *more = checked_realloc(g->told, cap, sizeof *more);
        if (more) {
            g->told = more;
            g->told_cap = cap;
        }
    }
    if (g->n_told == g->told_cap)
        return; /* the report still counts it */
    t.kind = strdup(e->kind);
    t.path = strdup(e->path);
    t.from = e->from ? strdup(e->from) : NULL;
    t.reason = e->reason ? strdup(e->reason) : NULL;
    g->told[g->n_told++] = t;
}

static void tell_kept(watching *g, bool committed)
{
    for (size_t i = 0; i < g->n_told; i++) {
        told *t = &g->told[i];
        cairn_index_event e = {
            .kind = t->kind, .path = t->path, .from = t->from, .reason = t->reason, .size = t->size};
        if (committed && t->kind && t->path && g->o->index.event)
            g->o->index.event(g->o->index.event_ctx, &e);
        free(t->kind);
        free(t->path);
        free(t->from);
        free(t->reason);
    }
    g->n_told = 0;
}

/* ---- one run ---- */

static cairn_status lock(watching *g, cairn_error *err)
{
    cairn_status st;

    while ((st = store_lock_writer(g->c->store, LOCK_SLICE_NS, err)) == CAIRN_EBUSY)
        if (engine_cancelled(g->o->index.cancel))
            return cairn_fail(err, CAIRN_ECANCELLED, "stopped");
    return st;
}

static void entered(void *ctx, const char *path)
{
    watching *g = ctx;

    if (g->w)
        watcher_add(g->w, path);
}

static bool lies_in(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    while (n && folder[n - 1] == '/')
        n--;
    return !n || (!strncmp(path, folder, n) && (!path[n] || path[n] == '/'));
}

/* The file system that holds `path`: the longest of the watcher's places above it; "" where they are not told apart. */
static const char *place_of(const watching *g, const char *path)
{
    const char *best = "";
    watch_place p;

    for (size_t i = 0; g->w && watcher_place(g->w, i, &p); i++)
        if (lies_in(path, p.path) && strlen(p.path) > strlen(best))
            best = p.path;
    return best;
}

/* What both paths lie in, in `common`, which is the first of them. */
static void cut_to_common(char *common, const char *path)
{
    while (!lies_in(path, common)) {
        char *slash = strrchr(common, '/');
        *(slash ? slash : common) = '\0';
    }
}

/* How the named paths of one file system are watched, a few of them one by one, more by the folder that they lie in. One
 * that begins below a named path, or holds none, is told by its own. */
static void tell_place(const watching *g, const char *place, const char *how)
{
    char path[PATH_MAX], common[PATH_MAX], many[WATCH_STATE_TEXT + 64];
    size_t n = 0;
    bool below = false;

    for (int telling = 0; telling < 2; telling++)
        for (size_t i = 0; i < g->n_paths && !below && (!telling || n <= TOLD_PATHS); i++) {
            if (!realpath(g->paths[i], path)) /* it may come later */
                snprintf(path, sizeof path, "%s", g->paths[i]);
            below = *place && lies_in(place, path) && strcmp(place, path) != 0;
            if (below || strcmp(place_of(g, path), place) != 0)
                continue;
            if (telling) {
                tell(g, "watching", path, how);
            } else if (!n++) {
                memcpy(common, path, strlen(path) + 1);
            } else {
                cut_to_common(common, path);
            }
        }
    if (below || !n)
        tell(g, "watching", place, how);
    if (below || n <= TOLD_PATHS)
        return;
    snprintf(many, sizeof many, "%zu files and folders in it: %s", n, how);
    tell(g, "watching", *common ? common : "/", many);
}

/* Tell how the folders of each file system are watched, when that is news. */
static void tell_ways(watching *g)
{
    char text[WATCH_STATE_TEXT];
    uint64_t ways = 1;
    watch_place p;

    watch_state_tell(g->c, g->w);
    for (size_t i = 0; g->w && watcher_place(g->w, i, &p); i++)
        ways = XXH3_64bits_withSeed(p.path, strlen(p.path) + 1, ways + (uint64_t)p.way);
    if (ways == g->told_ways)
        return;
    g->told_ways = ways;
    for (size_t i = 0; g->w && watcher_place(g->w, i, &p); i++) {
        watch_state_describe(&p, text);
        tell_place(g, p.path, text);
    }
    if (!g->w) {
        snprintf(text, sizeof text, "by time: everything is looked at every %.0f s", g->o->fallback_seconds);
        tell_place(g, "", text);
    }
}

/* Look at `only` (NULL: everything): words, then what happened is told, then vectors. */
static cairn_status look(watching *g, const watch_changes *only, const char *done, cairn_error *err)
{
    static const char *const nothing[1];
    cairn_index_options o = g->o->index;
    index_hooks hooks = {.entered = entered, .ctx = g};
    cairn_index_report report = {0};
    char text[160];
    cairn_status st = lock(g, err);

    if (st)
        return st;
    o.dry_run = false;
    o.only = only ? (const char *const *)only->path : NULL;
    o.n_only = only ? only->n : 0;
    o.event = keep_event;
    o.event_ctx = g;
    o.no_vectors = true;
    st = index_paths(g->c, g->paths, g->n_paths, &o, &hooks, &report, err);
    tell_kept(g, !st);
    snprintf(text, sizeof text, "%zu indexed, %zu moved, %zu removed, %zu failed in %.2f s",
             report.indexed, report.moved, report.removed, report.n_failed, report.seconds);
    cairn_index_report_clear(&report);
    if (!st && !only)
        tell_ways(g);
    if (!st)
        tell(g, done, "", text);
    if (!st && !g->o->index.no_vectors) {
        o.no_vectors = false;
        o.only = nothing;
        o.n_only = 0;
        o.event = NULL;
        st = index_paths(g->c, g->paths, g->n_paths, &o, NULL, &report, err);
        cairn_index_report_clear(&report);
        if (st == CAIRN_EMODEL) {
            if (!g->warned)
                tell(g, "warning", "", err ? err->text : "no vectors");
            g->warned = true;
            st = CAIRN_OK; /* words are indexed, and searched */
        }
    }
    store_unlock_writer(g->c->store);
    return st;
}

/* The folder of a named file; a named folder is watched by its walk. */
static void watch_files(watching *g)
{
    for (size_t i = 0; g->w && i < g->n_paths; i++) {
        char *real = realpath(g->paths[i], NULL), *slash;
        struct stat sb;
        if (real && !stat(real, &sb) && !S_ISDIR(sb.st_mode) && (slash = strrchr(real, '/'))) {
            slash[slash == real] = 0;
            watcher_add(g->w, real);
        }
        free(real);
    }
}

static cairn_status look_at_all(watching *g, const char *done, cairn_error *err)
{
    char text[300];
    cairn_status st;

    if (g->w)
        watcher_begin(g->w);
    watch_files(g);
    st = look(g, NULL, done, err);
    if (!st && g->w && watcher_unwatched(g->w)) {
        snprintf(text, sizeof text,
                 "%zu folders are watched and %zu are not: %s; all are looked at every %.0f s", watcher_folders(g->w),
                 watcher_unwatched(g->w),
                 g->o->by == CAIRN_WATCH_FANOTIFY && !g->o->max_folders
                     ? "not every file system can be marked (--by)"
                     : "the system's limit is reached (sysctl fs.inotify.max_user_watches raises it)",
                 g->o->fallback_seconds);
        tell(g, "warning", "", text);
    }
    return st;
}

/* ---- when to wait ---- */

static void rest(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    nanosleep(&t, NULL); /* a signal may end it early, and that is why it is short */
}

static const char *why_pause(const watching *g)
{
    double load;

    if (g->o->pause_on_battery && power_on_battery(POWER_FOLDER))
        return "the machine runs on its battery";
    if (g->o->max_load > 0 && getloadavg(&load, 1) == 1 && load > g->o->max_load)
        return "the machine has other work";
    return NULL;
}

/* Until nothing speaks for a pause. What changes meanwhile is gathered. */
static void pause_while(watching *g)
{
    const char *why = why_pause(g);

    if (!why)
        return;
    tell(g, "pause", "", why);
    while (why && !engine_cancelled(g->o->index.cancel)) {
        if (g->w)
            watcher_wait(g->w, PAUSE_LOOK_MS, true, g->o->index.cancel);
        else
            rest(500000000);
        why = why_pause(g);
    }
    tell(g, "resume", "", NULL);
}

static double rescan_after(const watching *g)
{
    return !g->w || watcher_unwatched(g->w) ? g->o->fallback_seconds : g->o->rescan_seconds;
}

static cairn_status follow(watching *g, cairn_error *err)
{
    int64_t looked_ns = clock_mono_ns();
    cairn_status st = CAIRN_OK;

    while (!st && !engine_cancelled(g->o->index.cancel)) {
        double left = rescan_after(g) - (double)(clock_mono_ns() - looked_ns) / 1e9;
        watch_changes changes = {0};
        bool some = false;

        if (g->w)
            some = watcher_wait(g->w, left > 0 ? (int64_t)(left * 1000) : 0, false,
                                g->o->index.cancel);
        else if (left > 0)
            rest(left < 0.5 ? (int64_t)(left * 1e9) : 500000000);
        if (engine_cancelled(g->o->index.cancel))
            break;
        left = rescan_after(g) - (double)(clock_mono_ns() - looked_ns) / 1e9;
        if (!some && left > 0)
            continue;
        pause_while(g);
        if (engine_cancelled(g->o->index.cancel))
            break;
        if (g->w)
            watcher_take(g->w, &changes);
        if (!some || changes.rescan) {
            tell(g, "rescan", "", changes.rescan ? changes.rescan : "it is time");
            st = look_at_all(g, "done", err);
            looked_ns = clock_mono_ns();
        } else if (changes.n) {
            st = look(g, &changes, "done", err);
        }
        watch_changes_clear(&changes);
    }
    return st;
}

/* Where there is nothing to watch with, everything is looked at by time, unless one way was asked for. */
static cairn_status open_watcher(watching *g, cairn_error *err)
{
    const cairn_watch_options *o = g->o;
    watch_options w = {.way = WATCH_BY_ANY,
                       .quiet_ms = o->quiet_ms,
                       .at_most_ms = o->at_most_ms,
                       .max_folders = o->max_folders};
    cairn_error why = {0};
    char text[300];
    cairn_status st;

    if (o->by == CAIRN_WATCH_TIME)
        return CAIRN_OK;
    if (o->by == CAIRN_WATCH_FANOTIFY)
        w.way = WATCH_BY_FANOTIFY;
    else if (o->by == CAIRN_WATCH_INOTIFY)
        w.way = WATCH_BY_INOTIFY;
    st = watcher_open(&g->w, &w, &why);
    if (st == CAIRN_EUNSUPPORTED)
        return cairn_fail(err, st, "%.400s", why.text);
    if (st) {
        snprintf(text, sizeof text, "%.200s; everything is looked at every %.0f s", why.text, o->fallback_seconds);
        tell(g, "warning", "", text);
    }
    return CAIRN_OK;
}

cairn_status cairn_watch(cairn *c, const char *const *paths, size_t n_paths,
                         const cairn_watch_options *options, cairn_error *err)
{
    cairn_watch_options o = *options;
    watching g = {.c = c, .paths = paths, .n_paths = n_paths, .o = &o};
    cairn_status st = engine_need_writer(c, err);

    if (o.rescan_seconds <= 0)
        o.rescan_seconds = 3600;
    if (o.fallback_seconds <= 0)
        o.fallback_seconds = 60;
    if (!st)
        st = open_watcher(&g, err);
    if (!st && g.w)
        st = watcher_name(g.w, paths, n_paths, err);
    if (!st)
        st = look_at_all(&g, "ready", err);
    if (!st)
        st = follow(&g, err);
    if (st == CAIRN_ECANCELLED && engine_cancelled(o.index.cancel))
        st = CAIRN_OK;
    tell_kept(&g, false);
    free(g.told);
    watch_state_clear(c);
    watcher_close(g.w);
    return st;
}
