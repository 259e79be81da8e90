/* archive.c - archives by libarchive: each file inside becomes a member with a document of its own; the
 * archive's document lists them all by name.
 *
 * zip, tar, 7z and rar, packed by gzip, bzip2, xz or zstd; and single files packed by the last three.
 * Only filters that libarchive runs in this process are switched on, so no program is ever started.
 * Bombs: see unpack_budget in parsers.h. Its ratio is checked while a file unpacks, against the
 * outermost file, so that bombs inside bombs add up.
 *
 * An archive inside an archive is a member, and so are its own (PARSE_MAX_DEPTH deep). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <archive.h>
#include <archive_entry.h>

#include "ingest/extract/parsers.h"
#include "ingest/extract/refuse.h"

#define READ_STEP     ((size_t)64 << 10)
#define LISTING_BYTES ((size_t)256 << 10) /* of names in the archive's own document */

void parse_member(emitter *e, const parse_input *around, const char *name, const char *data,
                  size_t len, int64_t mtime_ns)
{
    const char *slash = strrchr(name, '/');
    parse_input in = {.data = len ? data : "",
                      .len = len,
                      .name = slash ? slash + 1 : name,
                      .depth = around->depth + 1,
                      .budget = around->budget};
    emitter inner;

    if (!emit_member_begin(e, &inner, name, in.data, len, mtime_ns))
        return;
    parse_any(&inner, &in);
    if (!inner.status)
        emit_finish(&inner);
    emit_member_end(e, &inner);
}

typedef struct unpacking {
    emitter *e;
    const parse_input *in;
    unpack_budget *budget;
    struct archive *a;
    bytes data, names;
    size_t n, skipped;
} unpacking;

static struct archive *open_archive(const parse_input *in, bool raw)
{
    struct archive *a = archive_read_new();

    if (!a)
        return NULL;
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    if (raw) {
        archive_read_support_format_raw(a);
    } else {
        archive_read_support_format_tar(a);
        archive_read_support_format_zip(a);
        archive_read_support_format_7zip(a);
        archive_read_support_format_rar(a);
        archive_read_support_format_rar5(a);
    }
    if (archive_read_open_memory(a, in->data, in->len) != ARCHIVE_OK) {
        archive_read_free(a);
        return NULL;
    }
    return a;
}

/* True when the budget allows so many more bytes, or fails the outermost container's parser. */
static bool spend(unpacking *u, size_t n)
{
    unpack_budget *b = u->budget;

    b->unpacked += n;
    if (b->unpacked > UNPACK_MAX_TOTAL)
        emit_fail(u->e, CAIRN_ELIMIT, "unpacks to more than %zu MiB", UNPACK_MAX_TOTAL >> 20);
    else if (b->unpacked > UNPACK_FREE && b->unpacked / UNPACK_MAX_RATIO > b->packed)
        emit_fail(u->e, CAIRN_ELIMIT, "unpacks to more than %d times its size", UNPACK_MAX_RATIO);
    return !u->e->status;
}

/* The bytes of the entry in hand. False: it is broken (*why), or the budget is spent. */
static bool read_entry(unpacking *u, const char **why)
{
    bytes_reset(&u->data);
    *why = NULL;
    for (;;) {
        la_ssize_t n;
        if (bytes_reserve(&u->data, READ_STEP)) {
            *why = "larger than a file in an archive may be";
            return false;
        }
        n = archive_read_data(u->a, u->data.data + u->data.len, READ_STEP);
        if (n == 0)
            return true;
        if (n < 0) {
            *why = archive_error_string(u->a) ? archive_error_string(u->a) : "broken";
            return false;
        }
        u->data.len += (size_t)n;
        if (!spend(u, (size_t)n))
            return false;
    }
}

static const char *entry_name(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);

    if (!name)
        name = archive_entry_pathname(entry);
    return name && *name ? name : "unnamed";
}

static void list_name(unpacking *u, const char *name)
{
    if (u->names.len + strlen(name) + 1 < LISTING_BYTES) {
        if (u->names.len)
            bytes_append(&u->names, "\n", 1);
        bytes_append_str(&u->names, name);
    }
    u->n++;
}

/* A member that could not be unpacked: it is there, and says why. */
static void broken_member(unpacking *u, const char *name, const char *why)
{
    emitter inner;

    if (!emit_member_begin(u->e, &inner, name, "", 0, 0))
        return;
    if (!refuse_member(&inner, why))
        emit_fail(&inner, CAIRN_EINPUT, "cannot be unpacked: %s", why);
    emit_member_end(u->e, &inner);
}

static void take_entry(unpacking *u, struct archive_entry *entry)
{
    char name[EMIT_FIELD_BYTES];
    const char *why;
    int64_t mtime_ns = 0;

    snprintf(name, sizeof name, "%s", entry_name(entry));
    list_name(u, name);
    if (archive_entry_mtime_is_set(entry) && archive_entry_mtime(entry) > 0 &&
        archive_entry_mtime(entry) < INT64_C(8000000000))
        mtime_ns = (int64_t)archive_entry_mtime(entry) * 1000000000;
    if (archive_entry_is_encrypted(entry)) {
        broken_member(u, name, "encrypted");
        return;
    }
    if (++u->budget->files > UNPACK_MAX_FILES) {
        emit_fail(u->e, CAIRN_ELIMIT, "holds more than %d files", UNPACK_MAX_FILES);
        return;
    }
    if (read_entry(u, &why))
        parse_member(u->e, u->in, name, u->data.data, u->data.len, mtime_ns);
    else if (!u->e->status)
        broken_member(u, name, why);
}

static void list_entries(unpacking *u)
{
    struct archive_entry *entry;
    char note[300];
    int rc;

    while (!u->e->status && (rc = archive_read_next_header(u->a, &entry)) != ARCHIVE_EOF) {
        if (rc < ARCHIVE_WARN) {
            const char *why = archive_error_string(u->a);
            snprintf(note, sizeof note, "damaged, the rest is missing: %.200s", why ? why : "");
            if (!u->n && archive_read_has_encrypted_entries(u->a) == 1) /* the names, too */
                refuse_locked_archive(u->e);
            else if (!u->n && why && refuse_member(u->e, why))
                return;
            else if (u->n)
                emit_field(u->e, FIELD_NOTE, note, strlen(note));
            else
                emit_fail(u->e, CAIRN_EINPUT, "broken: %.200s", why ? why : "no archive");
            return;
        }
        if (archive_entry_filetype(entry) == AE_IFREG)
            take_entry(u, entry);
    }
}

/* A file packed by itself is read as what it holds, under the name without the last extension. */
static void unpack_single(unpacking *u)
{
    parse_input inner = {.part = true, .depth = u->in->depth + 1, .budget = u->budget};
    const char *dot = strrchr(u->in->name, '.'), *why;
    struct archive_entry *entry;
    char name[1024];

    u->a = open_archive(u->in, true);
    if (!u->a || archive_read_next_header(u->a, &entry) != ARCHIVE_OK) {
        emit_fail(u->e, CAIRN_EINPUT, "broken: nothing can be unpacked");
        return;
    }
    if (!read_entry(u, &why) && !u->data.len) {
        emit_fail(u->e, CAIRN_EINPUT, "broken: %.200s", why ? why : "nothing can be unpacked");
        return;
    }
    if (why)
        emit_field(u->e, FIELD_NOTE, "damaged or cut short; the end is missing", 40);
    snprintf(name, sizeof name, "%.*s",
             dot ? (int)(dot - u->in->name) : (int)strlen(u->in->name), u->in->name);
    inner.name = name;
    inner.data = u->data.len ? u->data.data : "";
    inner.len = u->data.len;
    parse_any(u->e, &inner);
}

static bool is_single(struct archive *a, const parse_input *in)
{
    struct archive_entry *entry;
    int rc = archive_read_next_header(a, &entry);
    bool packed = in->len > 6 && (!memcmp(in->data, "\xFD" "7zXZ", 5) ||
                                  !memcmp(in->data, "\x28\xB5\x2F\xFD", 4) ||
                                  !memcmp(in->data, "BZh", 3));

    return packed && rc != ARCHIVE_EOF && rc < ARCHIVE_WARN;
}

static const char *mime_of(int format)
{
    switch (format & ARCHIVE_FORMAT_BASE_MASK) {
    case ARCHIVE_FORMAT_ZIP:
        return "application/zip";
    case ARCHIVE_FORMAT_TAR: /* pax, too, whose name in words has no "tar" in it */
        return "application/x-tar";
    case ARCHIVE_FORMAT_RAR:
    case ARCHIVE_FORMAT_RAR_V5 & ARCHIVE_FORMAT_BASE_MASK:
        return "application/vnd.rar";
    default:
        return "application/x-7z-compressed";
    }
}

cairn_status parse_archive(emitter *e, const parse_input *in)
{
    unpack_budget own = {.packed = in->len};
    unpacking u = {.e = e, .in = in, .budget = in->budget ? in->budget : &own};
    parse_input around = *in;
    const char *mime;
    bool single = true;

    around.budget = u.budget;
    u.in = &around;
    bytes_init(&u.data, UNPACK_MAX_FILE);
    bytes_init(&u.names, LISTING_BYTES + 1);
    u.a = open_archive(in, false);
    if (u.a) {
        single = is_single(u.a, in);
        archive_read_free(u.a);
        u.a = NULL;
    }
    if (single) {
        unpack_single(&u);
    } else if ((u.a = open_archive(in, false))) {
        list_entries(&u);
        mime = mime_of(archive_format(u.a));
        emit_field(e, FIELD_MIME, mime, strlen(mime));
        e->unsampled = true; /* names say nothing of a language */
        emit_block(e, INGEST_LIST, 0, u.names.data ? u.names.data : "", u.names.len);
    }
    archive_read_free(u.a);
    bytes_clear(&u.data);
    bytes_clear(&u.names);
    return e->status;
}
