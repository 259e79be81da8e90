/* folder_settings.c - see folder_settings.h. The folders on the way to the last path are kept as a stack,
 * so that a walk in order asks for each folder's file once. */
#include "engine/folder_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/checked.h"

#define FILE_BYTES 65536

typedef struct level {
    size_t len; /* of the folder's path */
    const folder_conf *conf;
} level;

struct folder_settings {
    const cairn *c;
    folder_settings_fail_fn *failed;
    void *ctx;
    folder_conf **made;
    size_t n_made, made_cap;
    level *stack;
    size_t n, cap;
    char path[STORE_URI_MAX + sizeof FOLDER_SETTINGS_FILE + 2]; /* of the innermost folder */
};

cairn_status folder_settings_create(folder_settings **out, const cairn *c,
                                    folder_settings_fail_fn *failed, void *ctx, cairn_error *err)
{
    folder_settings *f = calloc(1, sizeof *f);

    *out = f;
    if (!f)
        return cairn_fail(err, CAIRN_ENOMEM, "settings of folders");
    f->c = c;
    f->failed = failed;
    f->ctx = ctx;
    return CAIRN_OK;
}

void folder_settings_destroy(folder_settings *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_made; i++)
        free(f->made[i]);
    free(f->made);
    free(f->stack);
    free(f);
}

static cairn_status new_conf(folder_settings *f, folder_conf **out, cairn_error *err)
{
    folder_conf **made = checked_room(f->made, f->n_made, &f->made_cap, sizeof *made);

    if (!made)
        return cairn_fail(err, CAIRN_ENOMEM, "settings of folders");
    f->made = made;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "settings of a folder");
    f->made[f->n_made++] = *out;
    return CAIRN_OK;
}

/* The mark of what was said above and in this file. */
static bool make_mark(const char *file, const char *above, char out[17])
{
    char text[FILE_BYTES];
    FILE *in = fopen(file, "re");
    size_t n = in ? fread(text, 1, sizeof text, in) : 0;
    bool whole = in && !ferror(in) && n < sizeof text;

    if (in)
        fclose(in);
    if (whole)
        snprintf(out, 17, "%016llx",
                 (unsigned long long)XXH3_64bits_withSeed(text, n, XXH3_64bits(above, strlen(above))));
    return whole;
}

/* The settings of the folder f->path, `above` being those of the one around it. */
static cairn_status read_folder(folder_settings *f, size_t len, const folder_conf *above,
                                const folder_conf **out, cairn_error *err)
{
    folder_conf *conf;
    cairn_error why = {0};
    cairn_status st = CAIRN_OK;

    *out = above;
    snprintf(f->path + len, sizeof f->path - len, "/%s", FOLDER_SETTINGS_FILE);
    if (!access(f->path, F_OK)) {
        st = new_conf(f, &conf, err);
        if (st)
            return st;
        conf->s = above->s;
        if (!make_mark(f->path, above->mark, conf->mark))
            f->failed(f->ctx, f->path, "settings of a folder that cannot be read, or are longer than 64 KiB");
        else if (settings_read_folder(&conf->s, f->path, &why))
            f->failed(f->ctx, f->path, why.text);
        else
            *out = conf;
    }
    f->path[len] = 0;
    return st;
}

static cairn_status push(folder_settings *f, size_t len, const folder_conf *conf, cairn_error *err)
{
    level *stack = checked_room(f->stack, f->n, &f->cap, sizeof *stack);

    if (!stack)
        return cairn_fail(err, CAIRN_ENOMEM, "settings of folders");
    f->stack = stack;
    f->stack[f->n++] = (level){len, conf};
    return CAIRN_OK;
}

cairn_status folder_settings_find(folder_settings *f, const char *path, const folder_conf **out,
                                  cairn_error *err)
{
    const char *slash = strrchr(path, '/');
    size_t dir = slash ? (size_t)(slash - path) : 0;
    cairn_status st = CAIRN_OK;

    if (!f->n) { /* the collection's own settings, under no folder at all */
        folder_conf *base;
        st = new_conf(f, &base, err);
        if (!st) {
            base->s = f->c->settings;
            st = push(f, 0, base, err);
        }
    }
    if (dir > STORE_URI_MAX)
        return st ? st : cairn_fail(err, CAIRN_ELIMIT, "a path that is too long");
    while (!st && f->n > 1) { /* out of the folders that do not lead there */
        size_t len = f->stack[f->n - 1].len;
        if (len <= dir && !memcmp(f->path, path, len) && path[len] == '/')
            break;
        f->n--;
    }
    for (size_t at = st ? dir : f->stack[f->n - 1].len; !st && at < dir;) {
        const char *next = memchr(path + at + 1, '/', dir - at);
        size_t len = next ? (size_t)(next - path) : dir;
        const folder_conf *conf;
        memcpy(f->path, path, len);
        f->path[len] = 0;
        st = read_folder(f, len, f->stack[f->n - 1].conf, &conf, err);
        if (!st)
            st = push(f, len, conf, err);
        at = len;
    }
    if (!st)
        *out = f->stack[f->n - 1].conf;
    return st;
}
