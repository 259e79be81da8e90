/* cache_place.h - a temporary folder with a tiny model in it and the folder that a cache writes to: what the tests of
 * the caches on disk begin and end with. */
#ifndef CAIRN_TESTS_CACHE_PLACE_H
#define CAIRN_TESTS_CACHE_PLACE_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/generate/tiny_model.h"

typedef struct cache_place {
    char top[64], model[96], folder[96];
} cache_place;

static inline void write_file(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

static inline void write_model(const char *path, const tiny_model *t)
{
    size_t len;
    uint8_t *data = tiny_model_bytes(t, &len);

    assert_non_null(data);
    write_file(path, data, len);
    free(data);
}

/* The cache's folder is two levels down, and neither is there yet. */
static inline void make_place(cache_place *p, const tiny_model *t)
{
    strcpy(p->top, "/tmp/cairn-cache-XXXXXX");
    assert_non_null(mkdtemp(p->top));
    snprintf(p->model, sizeof p->model, "%s/m.gguf", p->top);
    snprintf(p->folder, sizeof p->folder, "%s/a/b", p->top);
    write_model(p->model, t);
}

/* Names in the cache folder; the last one's path in `path` (may be NULL). */
static inline size_t count_files(const cache_place *p, char *path, size_t cap)
{
    DIR *d = opendir(p->folder);
    struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.') {
            n++;
            if (path)
                snprintf(path, cap, "%s/%s", p->folder, e->d_name);
        }
    if (d)
        closedir(d);
    return n;
}

static inline void remove_place(const cache_place *p)
{
    char path[512];

    while (count_files(p, path, sizeof path))
        assert_int_equal(unlink(path), 0);
    rmdir(p->folder);
    snprintf(path, sizeof path, "%s/a", p->top);
    rmdir(path);
    unlink(p->model);
    assert_int_equal(rmdir(p->top), 0);
}

#endif
