/* watch_state.c - see watch_state.h. */
#include "engine/watch_state.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PLACES_MAX 64

void watch_state_describe(const watch_place *place, char out[WATCH_STATE_TEXT])
{
    if (place->way == WATCH_BY_FANOTIFY)
        snprintf(out, WATCH_STATE_TEXT, "one mark for the file system (fanotify)");
    else
        snprintf(out, WATCH_STATE_TEXT, "a watch for each folder (inotify)%s%.200s", place->why ? "; " : "",
                 place->why ? place->why : "");
}

static bool path_of(const char *dir, const char *ending, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/watch.state%s", dir, ending);

    return n > 0 && n < PATH_MAX;
}

static json_t *places_json(watcher *w)
{
    json_t *list = json_array();
    char text[WATCH_STATE_TEXT];
    watch_place p;

    for (size_t i = 0; w && i < PLACES_MAX && watcher_place(w, i, &p); i++) {
        watch_state_describe(&p, text);
        /* A path that is no UTF-8 makes no string and is left out of what is told. */
        json_array_append_new(list, json_pack("{s:s*,s:s*}", "path", p.path, "how", text));
    }
    return list;
}

void watch_state_tell(const cairn *c, watcher *w)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    json_t *j;

    if (!path_of(c->dir, "", path) || !path_of(c->dir, ".new", fresh))
        return;
    j = json_pack("{s:I,s:I,s:I,s:o}", "pid", (json_int_t)getpid(), "folders",
                  (json_int_t)(w ? watcher_folders(w) : 0), "unwatched", (json_int_t)(w ? watcher_unwatched(w) : 0),
                  "places", places_json(w));
    if (j && !json_dump_file(j, fresh, JSON_COMPACT)) /* a full disk shows itself where it matters */
        (void)!rename(fresh, path);
    json_decref(j);
}

/* The object of a watch that is alive, or NULL. */
static json_t *load(const char *dir)
{
    char path[PATH_MAX];
    json_t *j = path_of(dir, "", path) ? json_load_file(path, 0, NULL) : NULL;
    json_int_t pid = json_integer_value(json_object_get(j, "pid"));

    if (pid > 0 && pid <= INT_MAX && (!kill((pid_t)pid, 0) || errno == EPERM))
        return j;
    json_decref(j);
    return NULL;
}

void watch_state_clear(const cairn *c)
{
    char path[PATH_MAX];
    json_t *j = load(c->dir);

    if (j && json_integer_value(json_object_get(j, "pid")) == getpid() && path_of(c->dir, "", path))
        unlink(path);
    json_decref(j);
}

static uint64_t count(const json_t *j, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(j, key));

    return n > 0 ? (uint64_t)n : 0;
}

void watch_state_read(const char *dir, arena *memory, cairn_watching *out)
{
    json_t *j = load(dir), *places = json_object_get(j, "places");
    size_t n = json_array_size(places);

    *out = (cairn_watching){0};
    if (!j)
        return;
    out->active = true;
    out->pid = (long)json_integer_value(json_object_get(j, "pid"));
    out->folders = count(j, "folders");
    out->unwatched = count(j, "unwatched");
    if (n > PLACES_MAX)
        n = PLACES_MAX;
    out->places = n ? arena_alloc(memory, n * sizeof *out->places) : NULL;
    for (size_t i = 0; out->places && i < n; i++) {
        const json_t *p = json_array_get(places, i);
        const char *path = json_string_value(json_object_get(p, "path")), *how = json_string_value(json_object_get(p, "how"));
        cairn_watched_place *to = &out->places[out->n_places];
        to->path = path ? arena_strdup(memory, path) : NULL;
        to->how = how ? arena_strdup(memory, how) : NULL;
        if (to->path && to->how)
            out->n_places++;
    }
    json_decref(j);
}
