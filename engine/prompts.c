/* prompts.c - see prompts.h. */
#include "engine/prompts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"

#define PROMPT_MAX_BYTES ((size_t)64 << 10)

static cairn_status read_file(const char *path, char **out, cairn_error *err)
{
    FILE *f = fopen(path, "re");
    char chunk[4096];
    cairn_status st = CAIRN_OK;
    bytes text;
    size_t n;

    if (!f)
        return cairn_fail_errno(err, errno, "prompt %s", path);
    bytes_init(&text, PROMPT_MAX_BYTES);
    while (!st && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        st = bytes_append(&text, chunk, n);
    if (st)
        cairn_fail(err, st, "prompt %s is longer than %zu bytes", path, PROMPT_MAX_BYTES);
    else if (ferror(f))
        st = cairn_fail_errno(err, errno, "prompt %s", path);
    else if (!(*out = bytes_detach(&text, NULL)))
        st = cairn_fail(err, CAIRN_ENOMEM, "prompt %s", path);
    bytes_clear(&text);
    fclose(f);
    return st;
}

cairn_status prompt_load(const char *name, const char *dir, char **out, cairn_error *err)
{
    *out = NULL;
    if (dir && *dir) {
        char *path;
        FILE *probe;
        struct stat found;
        cairn_status st;
        if (asprintf(&path, "%s/%s.txt", dir, name) < 0)
            return cairn_fail(err, CAIRN_ENOMEM, "prompt %s", name);
        probe = fopen(path, "re");
        if (probe) {
            fclose(probe);
            st = read_file(path, out, err);
            free(path);
            return st;
        }
        free(path);
        if (stat(dir, &found) || !S_ISDIR(found.st_mode))
            return cairn_fail(err, CAIRN_EUSAGE, "ask.prompt_dir: %s is no folder that can be read", dir);
    }
    for (const prompt_file *p = prompt_files; p->name; p++) {
        if (!strcmp(p->name, name)) {
            *out = strndup(p->text, p->len);
            return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "prompt %s", name);
        }
    }
    return cairn_fail(err, CAIRN_ENOTFOUND, "there is no prompt \"%s\"",
                      name);
}

const char *const prompt_families[] = {"llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "granite",
                                       "smollm3", "olmo2", NULL};

cairn_status prompt_load_for(const char *name, const char *family, const char *dir, char **out, cairn_error *err)
{
    cairn_status st = CAIRN_ENOTFOUND;
    char *own;

    if (family && *family) {
        if (asprintf(&own, "%s.%s", name, family) < 0)
            return cairn_fail(err, CAIRN_ENOMEM, "prompt %s", name);
        st = prompt_load(own, dir, out, err);
        free(own);
    }
    return st == CAIRN_ENOTFOUND ? prompt_load(name, dir, out, err) : st;
}

char *prompt_section(const char *file, const char *name, arena *memory)
{
    size_t name_len = strlen(name);

    for (const char *p = file; p && *p;) {
        const char *line_end = strchr(p, '\n'), *body, *end;
        if (strncmp(p, "=== ", 4) || strncmp(p + 4, name, name_len) ||
            (p[4 + name_len] != '\n' && p[4 + name_len] != '\0')) {
            p = line_end ? line_end + 1 : NULL;
            continue;
        }
        body = line_end ? line_end + 1 : p + strlen(p);
        end = !strncmp(body, "=== ", 4) ? body : strstr(body, "\n=== ");
        if (!end) {
            end = body + strlen(body);
            if (end > body && end[-1] == '\n')
                end--;
        }
        return arena_strndup(memory, body, (size_t)(end - body));
    }
    return NULL;
}

bool prompt_is_own(const char *name, const char *system, const char *user)
{
    arena memory;
    const char *own_system = NULL, *own_user = NULL;
    bool same;

    arena_init(&memory, 1 << 20);
    for (const prompt_file *f = prompt_files; f->name; f++)
        if (!strcmp(f->name, name)) {
            own_system = prompt_section(f->text, "system", &memory);
            own_user = prompt_section(f->text, "user", &memory);
        }
    same = own_system && own_user && !strcmp(own_system, system) && !strcmp(own_user, user);
    arena_clear(&memory);
    return same;
}
