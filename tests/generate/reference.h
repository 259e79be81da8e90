/* reference.h - for tests: read the reference outputs (gzip JSON lines, npz) and find the models.
 * Each function returns NULL or false where the thing is absent, and the test then skips. */
#ifndef CAIRN_TESTS_GENERATE_REFERENCE_H
#define CAIRN_TESTS_GENERATE_REFERENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define REFERENCE_UNUSED __attribute__((unused))

/* Path of a model below the cache, or NULL. */
REFERENCE_UNUSED static const char *reference_model(const char *name, char *path, size_t cap)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

    if (cache && *cache)
        snprintf(path, cap, "%s/cairn/models/%s/model.gguf", cache, name);
    else
        snprintf(path, cap, "%s/.cache/cairn/models/%s/model.gguf", home ? home : "", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

REFERENCE_UNUSED static void *reference_open(const char *name)
{
    char path[1024];
    gzFile f;

    snprintf(path, sizeof path, "%s/reference/%s", CAIRN_SHARED_DIR, name);
    f = gzopen(path, "rb");
    if (f)
        gzbuffer(f, 1 << 16);
    return f;
}

/* The next line as JSON, or NULL at the end. */
REFERENCE_UNUSED static json_t *reference_line(void *file)
{
    size_t len = 0, cap = 1 << 16;
    char *line = malloc(cap);
    json_t *v = NULL;

    while (line && gzgets(file, line + len, (int)(cap - len))) {
        len += strlen(line + len);
        if (len && line[len - 1] == '\n')
            break;
        if (cap - len < 2) {
            char *more = realloc(line, cap *= 2);
            if (!more)
                break;
            line = more;
        }
    }
    if (line && len)
        v = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    free(line);
    return v;
}

REFERENCE_UNUSED static void reference_close(void *file)
{
    if (file)
        gzclose(file);
}

REFERENCE_UNUSED static uint32_t reference_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The data of member NAME.npy of an npz file (a zip of deflated npy files), without the npy header;
 * to be freed. Only what numpy's savez_compressed writes is understood. */
REFERENCE_UNUSED static uint8_t *reference_npz(const char *file, const char *member, size_t *bytes)
{
    char path[1024], want[64];
    uint8_t *zip = NULL, *out = NULL;
    long size = 0;
    FILE *f;

    snprintf(path, sizeof path, "%s/reference/%s", CAIRN_SHARED_DIR, file);
    snprintf(want, sizeof want, "%s.npy", member);
    f = fopen(path, "rb");
    if (!f)
        return NULL;
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    zip = malloc((size_t)size);
    if (!zip || fread(zip, 1, (size_t)size, f) != (size_t)size)
        size = 0;
    fclose(f);
    /* Walk the central directory: signature 02 01, sizes at 20 and 24, name length at 28, extra and
     * comment at 30 and 32, local header offset at 42. */
    for (size_t at = 0; at + 46 <= (size_t)size; at++) {
        const uint8_t *p = zip + at;
        uint32_t packed, full, local;
        size_t name_len;
        if (memcmp(p, "PK\1\2", 4))
            continue;
        name_len = p[28] | (size_t)p[29] << 8;
        if (at + 46 + name_len > (size_t)size || name_len != strlen(want) ||
            memcmp(p + 46, want, name_len))
            continue;
        packed = reference_u32(p + 20);
        full = reference_u32(p + 24);
        local = reference_u32(p + 42);
        p = zip + local;
        out = malloc(full);
        if (out) {
            z_stream z = {0};
            size_t head;
            z.next_in = (uint8_t *)p + 30 + (p[26] | p[27] << 8) + (p[28] | p[29] << 8);
            z.avail_in = packed;
            z.next_out = out;
            z.avail_out = full;
            inflateInit2(&z, -15);
            inflate(&z, Z_FINISH);
            inflateEnd(&z);
            head = 10 + (out[8] | (size_t)out[9] << 8); /* npy version 1 */
            *bytes = full - head;
            memmove(out, out + head, *bytes);
        }
        break;
    }
    free(zip);
    return out;
}

#endif
