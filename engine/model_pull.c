/* model_pull.c - cairn model pull: a model's file over HTTP, resumable, checked (model.h).
 *
 * It grows in FOLDER/NAME/.pull.part beside .pull.json, which says what it is a part of: the address, and the
 * server's ETag and length where there are any. Another run goes on from there; whether the bytes still belong together the server
 * decides by If-Range, and in the end the SHA-256. Without either nothing is joined: it begins again.
 * A connection that breaks is tried again, with pauses, as long as bytes come. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "engine/catalogue.h"
#include "engine/gateway.h"
#include "engine/model_add.h"
#include "generate/decode/cache_folder.h"

#define CONNECT_MS  30000
#define STALL_S     60
#define MAX_BROKEN  5 /* in a row without a byte */
#define SPARE_BYTES ((uint64_t)64 << 20) /* of the disk that are left */

typedef struct pulling {
    const cairn_model_source *s;
    char name[128], folder[PATH_MAX - 256], part[PATH_MAX], note[PATH_MAX];
    int fd;
    bool noted; /* what the running request brings */
    gateway_fetch f;
} pulling;

/* ---- what is there ---- */

static cairn_status open_part(pulling *p, cairn_error *err)
{
    struct stat sb;

    p->fd = open(p->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (p->fd < 0)
        return cairn_fail_errno(err, errno, "%s", p->part);
    if (flock(p->fd, LOCK_EX | LOCK_NB))
        return cairn_fail(err, CAIRN_EBUSY, "another process is fetching %s", p->name);
    if (fstat(p->fd, &sb) || !S_ISREG(sb.st_mode))
        return cairn_fail(err, CAIRN_EIO, "%s cannot be used", p->part);
    p->f.have = (uint64_t)sb.st_size;
    return CAIRN_OK;
}

/* Whether the part may be gone on with, and its tag. */
static void read_note(pulling *p)
{
    json_t *j = json_load_file(p->note, 0, NULL);
    const char *url = json_string_value(json_object_get(j, "url")), *tag = json_string_value(json_object_get(j, "tag"));
    bool same = url && !strcmp(url, p->s->from);

    if (same && tag && strlen(tag) < sizeof p->f.tag)
        snprintf(p->f.tag, sizeof p->f.tag, "%s", tag);
    if (!same || (!*p->f.tag && !p->s->sha256))
        p->f.have = 0;
    else if (p->f.have)
        p->f.total = (uint64_t)json_integer_value(json_object_get(j, "total"));
    json_decref(j);
}

static void write_note(const pulling *p)
{
    json_t *j = json_pack("{s:s,s:s,s:I}", "url", p->s->from, "tag", p->f.tag, "total", (json_int_t)p->f.total);

    if (j)
        json_dump_file(j, p->note, JSON_COMPACT);
    json_decref(j);
}

/* With the first bytes of a reply, so that a killed process is gone on from, too. */
static void on_bytes(void *ctx, uint64_t have, uint64_t total)
{
    pulling *p = ctx;

    if (!p->noted)
        write_note(p);
    p->noted = true;
    if (p->s->progress)
        p->s->progress(p->s->progress_ctx, have, total);
}

static uint64_t room_on_disk(const pulling *p)
{
    struct statvfs v;
    uint64_t bytes = fstatvfs(p->fd, &v) ? 0 : (uint64_t)v.f_bavail * v.f_frsize;

    return p->f.have + (bytes > SPARE_BYTES ? bytes - SPARE_BYTES : 0);
}

/* ---- the way here ---- */

static bool cancelled(const pulling *p)
{
    return p->s->cancel && *p->s->cancel;
}

/* Sleep in pieces, so that an interrupt is heard. */
static void pause_before(const pulling *p, int attempt)
{
    for (int i = 0; i < (1 << attempt) && !cancelled(p); i++)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

static cairn_status fetch_all(pulling *p, const gateway_module *m, cairn_error *err)
{
    int broken = 0;
    bool again = true; /* a part the server does not know is thrown away once */

    for (;;) {
        char why[GATEWAY_WHY] = "";
        uint64_t before = p->f.have;
        int rc;
        p->f.most = room_on_disk(p);
        p->noted = false;
        rc = m->fetch(&p->f, why);
        if (!rc)
            return CAIRN_OK;
        if (rc == GATEWAY_CANCELLED || cancelled(p))
            return cairn_fail(err, CAIRN_ECANCELLED, "interrupted");
        if (p->f.http == 416 && before && again) { /* nothing begins there */
            again = false;
            p->f.have = 0;
            p->f.tag[0] = '\0';
            continue;
        }
        broken = p->f.have > before ? 0 : broken + 1;
        if (rc != GATEWAY_BROKEN || broken >= MAX_BROKEN || (!*p->f.tag && !p->s->sha256))
            return cairn_fail(err, p->f.http == 404 ? CAIRN_ENOTFOUND : CAIRN_EIO, "%s: %s", p->s->from, why);
        pause_before(p, broken);
    }
}

/* The whole part becomes the model. */
static cairn_status finish(pulling *p, char path[PATH_MAX], char sha256[MODEL_SHA256_TEXT], uint64_t *bytes,
                           cairn_error *err)
{
    const char *file;
    cairn_status st = model_sha256(&(cairn_model_source){.cancel = p->s->cancel}, p->part, sha256, bytes, err);

    if (!st && p->s->sha256 && strcasecmp(sha256, p->s->sha256)) {
        st = cairn_fail(err, CAIRN_EINPUT, "%s has the SHA-256 %s, not %s: what came is thrown away", p->s->from, sha256,
                        p->s->sha256);
    } else if (!st) {
        st = model_try(p->part, &file, err);
        if (st)
            cairn_error_prefix(err, "%s", p->s->from);
    }
    if (st && st != CAIRN_ECANCELLED) { /* going on would not make it better */
        unlink(p->part);
        unlink(p->note);
    }
    if (st)
        return st;
    snprintf(path, PATH_MAX, "%s/%s/%s", p->folder, p->name, file);
    if (model_is_e5s1(p->part)) {
        char folder[PATH_MAX];
        snprintf(folder, sizeof folder, "%s/%s", p->folder, p->name);
        st = model_convert_e5s1(p->part, folder, p->name, bytes, err);
        if (st)
            return st;
        unlink(p->part);
    } else if (fsync(p->fd) || rename(p->part, path))
        return cairn_fail_errno(err, errno, "%s", path);
    unlink(p->note);
    return CAIRN_OK;
}

static cairn_status check_source(const cairn_model_source *s, cairn_error *err)
{
    if (strncasecmp(s->from, "http://", 7) && strncasecmp(s->from, "https://", 8))
        return cairn_fail(err, CAIRN_EUSAGE, "an address begins with https:// (cairn model add takes files), not \"%s\"",
                          s->from);
    if (!gateway_safe_address(s->from) && !s->sha256)
        return cairn_fail(err, CAIRN_EUSAGE, "over plain http anybody on the way can change the file: give its --sha256, or "
                                             "an https address");
    return model_check_sha256(s->sha256, err);
}

/* The model that is there already, if it is what was asked for. */
static cairn_status already_there(const pulling *p, const char *folder, FILE *out, bool *there, cairn_error *err)
{
    const char *file = catalogue_file_in(folder);
    char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    uint64_t bytes;
    cairn_status st;

    *there = file != NULL;
    if (!file)
        return CAIRN_OK;
    if (!*file || !p->s->sha256 || snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return cairn_fail(err, CAIRN_EUSAGE, "there is a model called %s already (%s); --name gives this one a name of its "
                                             "own", p->name, folder);
    st = model_sha256(&(cairn_model_source){.cancel = p->s->cancel}, path, sha256, &bytes, err);
    if (!st && strcasecmp(sha256, p->s->sha256))
        st = cairn_fail(err, CAIRN_EUSAGE, "there is another model called %s already (%s); --name gives this one a name of "
                                           "its own", p->name, path);
    return st ? st : model_say(out, p->name, path, bytes, sha256, 0, err);
}

cairn_status cairn_model_pull(const cairn_model_source *s, FILE *out, cairn_error *err)
{
    pulling p = {.s = s, .fd = -1};
    char target[PATH_MAX - 64], path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    const gateway_module *m;
    uint64_t bytes, resumed = 0;
    bool there = false;
    cairn_status st = check_source(s, err);

    if (!st)
        st = model_take_name(s, p.name, err);
    if (!st)
        st = catalogue_own_folder(p.folder, sizeof p.folder, err);
    if (st)
        return st;
    snprintf(target, sizeof target, "%s/%s", p.folder, p.name);
    snprintf(p.part, sizeof p.part, "%s/.pull.part", target);
    snprintf(p.note, sizeof p.note, "%s/.pull.json", target);
    st = already_there(&p, target, out, &there, err);
    if (st || there)
        return st;
    st = gateway_module_get(&m, err);
    if (!st && !cache_folder_make(target))
        st = cairn_fail_errno(err, errno, "%s", target);
    if (!st)
        st = open_part(&p, err);
    if (!st) {
        p.f.url = s->from;
        p.f.secure_only = !strncasecmp(s->from, "https://", 8);
        p.f.fd = p.fd;
        p.f.connect_ms = CONNECT_MS;
        p.f.stall_s = STALL_S;
        p.f.progress = on_bytes;
        p.f.progress_ctx = &p;
        p.f.cancel = s->cancel;
        read_note(&p);
        resumed = p.f.have;
        if (!p.f.total || p.f.have != p.f.total)
            st = fetch_all(&p, m, err);
    }
    if (!st)
        st = finish(&p, path, sha256, &bytes, err);
    if (st && p.fd >= 0 && st != CAIRN_EBUSY && !p.f.have) {
        unlink(p.part);
        unlink(p.note);
    }
    if (p.fd >= 0)
        close(p.fd);
    rmdir(target); /* where nothing is in it */
    if (!st)
        model_keep_packed(path, s->config_file);
    return st ? st : model_say(out, p.name, path, bytes, sha256, (int64_t)resumed, err);
}
