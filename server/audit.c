/* audit.c - see audit.h. */
#include "server/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "server/inside.h"
#include "engine/json_text.h"

#define DEFAULT_BYTES ((size_t)64 << 20)
#define TEXT_BYTES    2048 /* of one text in a line */

struct audit_log {
    char *path;
    size_t max_bytes;
    pthread_mutex_t mutex; /* of the rest */
    int fd;
    size_t size;
};

/* ---- the file ---- */

static cairn_status open_file(audit_log *a, cairn_error *err)
{
    struct stat info;

    a->fd = open(a->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->fd < 0 || fstat(a->fd, &info))
        return cairn_fail_errno(err, errno, "open %s", a->path);
    if (!S_ISREG(info.st_mode) || (info.st_mode & 077))
        return cairn_fail(err, CAIRN_EUSAGE, "%s may be read by others: chmod 600 it", a->path);
    a->size = (size_t)info.st_size;
    return CAIRN_OK;
}

cairn_status audit_open(audit_log **out, const char *path, size_t max_bytes, cairn_error *err)
{
    audit_log *a = calloc(1, sizeof *a);
    cairn_status st;

    *out = NULL;
    if (!a || !(a->path = strdup(path))) {
        free(a);
        return cairn_fail(err, CAIRN_ENOMEM, "audit log");
    }
    a->max_bytes = max_bytes ? max_bytes : DEFAULT_BYTES;
    pthread_mutex_init(&a->mutex, NULL);
    st = open_file(a, err);
    if (st)
        audit_close(a);
    else
        *out = a;
    return st;
}

void audit_close(audit_log *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    pthread_mutex_destroy(&a->mutex);
    free(a->path);
    free(a);
}

/* FILE.4 becomes FILE.5, ..., FILE becomes FILE.1. */
static cairn_status rotate(audit_log *a, cairn_error *err)
{
    for (int i = AUDIT_KEPT; i > 0; i--) {
        char *from = NULL, *to = NULL;
        if (asprintf(&to, "%s.%d", a->path, i) < 0)
            to = NULL;
        if ((i > 1 ? asprintf(&from, "%s.%d", a->path, i - 1) : asprintf(&from, "%s", a->path)) < 0)
            from = NULL;
        if (from && to)
            rename(from, to);
        free(from);
        free(to);
    }
    close(a->fd);
    return open_file(a, err);
}

static cairn_status put_line(audit_log *a, const char *line, size_t len, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    pthread_mutex_lock(&a->mutex);
    if (a->size && a->size + len > a->max_bytes)
        st = rotate(a, err);
    if (!st && a->fd < 0)
        st = open_file(a, err);
    if (!st && write(a->fd, line, len) != (ssize_t)len)
        st = cairn_fail_errno(err, errno, "write %s", a->path);
    if (!st)
        a->size += len;
    pthread_mutex_unlock(&a->mutex);
    return st;
}

/* ---- a line ---- */

/* A copy in which no text is longer than TEXT_BYTES, and lists of numbers are told by their length. */
static json_t *shortened(const json_t *v, int depth)
{
    json_t *made, *item;
    const char *key;
    size_t i;

    if (json_is_string(v) && json_string_length(v) > TEXT_BYTES) {
        size_t n = TEXT_BYTES;
        while (n && (json_string_value(v)[n] & 0xc0) == 0x80)
            n--;
        return json_stringn(json_string_value(v), n);
    }
    if (depth > 8)
        return json_string("...");
    if (json_is_object(v)) {
        made = json_object();
        json_object_foreach((json_t *)v, key, item)
            json_object_set_new(made, key, shortened(item, depth + 1));
        return made;
    }
    if (json_is_array(v)) {
        made = json_array();
        json_array_foreach((json_t *)v, i, item)
        {
            if (i == 64) {
                json_array_append_new(made, json_sprintf("... %zu in all", json_array_size(v)));
                break;
            }
            json_array_append_new(made, shortened(item, depth + 1));
        }
        return made;
    }
    return json_incref((json_t *)v);
}

static char *make_line(const service_caller *who, const char *way, const char *peer, const char *request,
                       const char *action, const json_t *asked)
{
    struct timespec now;
    struct tm parts;
    char when[32], *text, *line = NULL;
    json_t *j, *path = json_str(action), *told = shortened(path, 0);

    json_decref(path);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    j = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "time", when, "request", request, "caller",
                  who->name, "role", service_role_name(who->role), "peer", peer, "way", way, "action",
                  told, "asked", asked ? shortened(asked, 0) : json_object());
    text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (text && asprintf(&line, "%s\n", text) < 0)
        line = NULL;
    free(text);
    json_decref(j);
    return line;
}

bool service_audits(const service *s)
{
    return s->audit != NULL;
}

void service_audit(service *s, const service_caller *who, const char *way, const char *peer,
                   const char *request, const char *action, const json_t *asked)
{
    cairn_error err = {0};
    char *line;
    cairn_status st;

    if (!s->audit)
        return;
    line = make_line(who, way, peer, request, action, asked);
    st = line ? put_line(s->audit, line, strlen(line), &err) : cairn_fail(&err, CAIRN_ENOMEM, "audit");
    free(line);
    if (!st)
        return;
    metrics_add(s->metrics, "cairn_audit_lost_total", "Lines that could not be written to the audit log.",
                "", 1);
    log_write(LOG_LEVEL_ERROR, "server", "audit log: %s", err.text);
}
