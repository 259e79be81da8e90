/* package.c - parts of a zip by libzip, counted while they unpack. */
#include "ingest/extract/package.h"
#include "ingest/extract/refuse.h"

#include <stdlib.h>
#include <string.h>

#include <libxml/uri.h>
#include <zip.h>

struct package {
    emitter *e;
    zip_t *zip;
    size_t total;
};

package *package_open(emitter *e, const char *data, size_t len)
{
    package *p = calloc(1, sizeof *p);
    zip_source_t *source = NULL;
    zip_error_t why;

    zip_error_init(&why);
    if (!p) {
        emit_fail(e, CAIRN_ENOMEM, "unpacking a zip");
        goto bad;
    }
    p->e = e;
    source = zip_source_buffer_create(data, len, 0, &why);
    if (source)
        p->zip = zip_open_from_source(source, ZIP_RDONLY, &why);
    if (!p->zip) {
        emit_fail(e, CAIRN_EINPUT, "broken: its zip cannot be read (%s)", zip_error_strerror(&why));
        goto bad;
    }
    source = NULL; /* the archive's now */
    if (zip_get_num_entries(p->zip, 0) > PACKAGE_MAX_PARTS) {
        emit_fail(e, CAIRN_ELIMIT, "its zip holds more than %d parts", PACKAGE_MAX_PARTS);
        goto bad;
    }
    zip_error_fini(&why);
    return p;
bad:
    if (source)
        zip_source_free(source);
    zip_error_fini(&why);
    package_close(p);
    return NULL;
}

void package_close(package *p)
{
    if (p && p->zip)
        zip_discard(p->zip);
    free(p);
}

const char *package_name(const package *p, size_t i)
{
    return i < PACKAGE_MAX_PARTS ? zip_get_name(p->zip, i, 0) : NULL;
}

bool package_is_locked(const package *p, size_t i)
{
    zip_stat_t s;

    zip_stat_init(&s);
    if (zip_stat_index(p->zip, (zip_uint64_t)i, 0, &s))
        return false;
    return ((s.valid & ZIP_STAT_ENCRYPTION_METHOD) && s.encryption_method != ZIP_EM_NONE) ||
           ((s.valid & ZIP_STAT_COMP_METHOD) && !zip_compression_method_supported(s.comp_method, 0));
}

static const char *plain_name(const char *name)
{
    return name + strspn(name, "/");
}

bool package_has(const package *p, const char *name)
{
    return zip_name_locate(p->zip, plain_name(name), 0) >= 0;
}

/* True when the part is there and whole; what came before damage is kept in *out. */
static bool unpack(package *p, zip_file_t *f, const char *name, bytes *out)
{
    for (;;) {
        zip_int64_t n;

        if (bytes_reserve(out, (size_t)64 << 10)) {
            emit_fail(p->e, CAIRN_ELIMIT, "%s unpacks to more than %zu MiB", name,
                      PACKAGE_MAX_PART >> 20);
            return false;
        }
        n = zip_fread(f, out->data + out->len, (zip_uint64_t)64 << 10);
        if (n < 0) {
            emit_fail(p->e, CAIRN_EINPUT, "broken: %s cannot be unpacked (%s)", name,
                      zip_file_strerror(f));
            return false;
        }
        if (n == 0) {
            out->data[out->len] = 0;
            return true;
        }
        out->len += (size_t)n;
        p->total += (size_t)n;
        if (p->total > PACKAGE_MAX_TOTAL) {
            emit_fail(p->e, CAIRN_ELIMIT, "unpacks to more than %zu MiB", PACKAGE_MAX_TOTAL >> 20);
            return false;
        }
    }
}

bool package_read(package *p, const char *name, bytes *out)
{
    zip_int64_t at = zip_name_locate(p->zip, plain_name(name), 0);
    zip_file_t *f;
    zip_stat_t s;
    bool ok;

    bytes_clear(out);
    bytes_init(out, PACKAGE_MAX_PART);
    if (at < 0 || p->e->status)
        return false;
    zip_stat_init(&s);
    if (!zip_stat_index(p->zip, (zip_uint64_t)at, 0, &s) &&
        (s.valid & ZIP_STAT_ENCRYPTION_METHOD) && s.encryption_method != ZIP_EM_NONE) {
        refuse_locked(p->e);
        return false;
    }
    f = zip_fopen_index(p->zip, (zip_uint64_t)at, 0);
    if (!f) {
        emit_fail(p->e, CAIRN_EINPUT, "broken: %s cannot be unpacked (%s)", name,
                  zip_strerror(p->zip));
        return false;
    }
    ok = unpack(p, f, name, out);
    zip_fclose(f);
    return ok;
}

/* Drop "." and go back for ".."; false when that leads out. */
static bool normalise(char *path)
{
    char *to = path;

    for (char *from = path; *from;) {
        size_t n = strcspn(from, "/"), step = n + (from[n] == '/');

        if (n == 2 && !memcmp(from, "..", 2)) {
            if (to == path)
                return false;
            to--; /* behind the '/' */
            while (to > path && to[-1] != '/')
                to--;
        } else if (n && !(n == 1 && *from == '.')) {
            memmove(to, from, step);
            to += step;
        }
        from += step;
    }
    *to = 0;
    return to > path;
}

bool package_resolve(const char *base, const char *href, char *out, size_t cap)
{
    size_t n = strcspn(href, "#"), folder = 0, len;
    char *decoded = NULL;
    bool ok = false;

    if (!n || n > 4096 || strcspn(href, ":") < strcspn(href, "/#"))
        return false; /* nothing, too much, or a scheme */
    decoded = xmlURIUnescapeString(href, (int)n, NULL);
    if (!decoded)
        return false;
    if (*decoded != '/') {
        const char *slash = strrchr(base, '/');
        folder = slash ? (size_t)(slash - base) + 1 : 0;
    }
    len = strlen(decoded);
    if (folder + len < cap) {
        memcpy(out, base, folder);
        memcpy(out + folder, decoded, len + 1);
        ok = normalise(out);
    }
    xmlFree(decoded);
    return ok;
}
