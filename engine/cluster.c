/* cluster.c - see cluster.h; and the public calls that make and remove a collection there. */
#include "engine/care.h"
#include "engine/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/clock.h"
#include "opensearch/opensearch.h"

#define SECRET_BYTES 4096
#define COMMIT_MS    10000 /* after a signal, for what a run has collected, and for giving its lease back */

/* Options with the secrets that the settings name. */
typedef struct connecting {
    opensearch_options o;
    char prefix[OPENSEARCH_PREFIX_MAX + 1];
    char password[SECRET_BYTES], api_key[SECRET_BYTES];
} connecting;

bool cluster_is_chosen(const settings *s)
{
    return !strcmp(s->backend, "opensearch");
}

bool cluster_has(const cairn *c)
{
    return opensearch_is(c->store);
}

retrieve_index cluster_index(const store_snapshot *s)
{
    return opensearch_index(s);
}

cairn_status cluster_repair(cairn *c, cairn_error *err)
{
    return opensearch_repair(c->store, err);
}

/* The first line of a file that nobody else may read. */
static cairn_status read_secret(const char *path, char out[SECRET_BYTES], cairn_error *err)
{
    FILE *f;
    struct stat s;
    bool good;

    out[0] = '\0';
    if (!*path)
        return CAIRN_OK;
    f = fopen(path, "re");
    if (!f)
        return cairn_fail_errno(err, errno, "%s", path);
    if (fstat(fileno(f), &s) || (s.st_mode & 077)) {
        fclose(f);
        return cairn_fail(err, CAIRN_EUSAGE, "%s may be read by others than its owner: chmod 600 it", path);
    }
    good = fgets(out, SECRET_BYTES, f) != NULL;
    fclose(f);
    out[strcspn(out, "\r\n")] = '\0';
    return good && *out ? CAIRN_OK : cairn_fail(err, CAIRN_EUSAGE, "%s holds no secret in its first line", path);
}

/* "cairn-" and the collection's name, with what no index may be called left out. */
static void own_prefix(const char *collection, char out[OPENSEARCH_PREFIX_MAX + 1])
{
    size_t n = (size_t)snprintf(out, OPENSEARCH_PREFIX_MAX + 1, "cairn-");

    for (const char *p = collection; *p && n < OPENSEARCH_PREFIX_MAX; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        out[n++] = good ? c : '_';
    }
    out[n] = '\0';
}

static cairn_status connecting_make(connecting *k, const settings *s, const cairn *c, cairn_error *err)
{
    cairn_status st = read_secret(s->backend_password_file, k->password, err);

    if (!st)
        st = read_secret(s->backend_api_key_file, k->api_key, err);
    if (strlen(s->backend_index) > OPENSEARCH_PREFIX_MAX)
        st = cairn_fail(err, CAIRN_EUSAGE, "backend.index is longer than %d letters", OPENSEARCH_PREFIX_MAX);
    else if (*s->backend_index)
        strcpy(k->prefix, s->backend_index);
    else
        own_prefix(c->collection, k->prefix);
    k->o = (opensearch_options){.client = {.urls = s->backend_url,
                                           .user = s->backend_user,
                                           .password = k->password,
                                           .api_key = k->api_key,
                                           .ca_file = s->backend_ca_file,
                                           .timeout_ms = (int64_t)(s->backend_timeout_seconds * 1000),
                                           .retry_ms = (int64_t)(s->backend_retry_seconds * 1000)},
                                .prefix = k->prefix,
                                .shards = (unsigned)s->backend_shards,
                                .replicas = (unsigned)s->backend_replicas,
                                .lease_s = s->backend_lease_seconds,
                                .limits = {.cancel = c->cancel},
                                .k1 = s->k1,
                                .b = s->b};
    return st;
}

static void connecting_clear(connecting *k)
{
    explicit_bzero(k, sizeof *k);
}

cairn_status cluster_open(cairn *c, const store_options *so, cairn_error *err)
{
    connecting k;
    cairn_status st = connecting_make(&k, &c->settings, c, err);

    k.o.limits.grace_ms = so->read_only ? 0 : COMMIT_MS;
    if (!st)
        st = opensearch_open(&c->store, &k.o, so, err);
    c->remote = st ? NULL : &opensearch_writer;
    connecting_clear(&k);
    if (st)
        cairn_error_prefix(err, "collection %s", c->collection);
    return st;
}

void cluster_limit(cairn *c, const volatile sig_atomic_t *cancel, int64_t deadline_ns)
{
    if (cluster_has(c))
        opensearch_limit(c->store, &(client_limits){.cancel = cancel ? cancel : c->cancel, .deadline_ns = deadline_ns});
}

void cluster_limit_gently(cairn *c, const volatile sig_atomic_t *cancel)
{
    if (cluster_has(c))
        opensearch_limit(c->store, &(client_limits){.cancel = cancel ? cancel : c->cancel, .grace_ms = COMMIT_MS});
}

void cluster_rely(cairn *c, bool on)
{
    if (cluster_has(c))
        opensearch_rely(c->store, on);
}

/* Where snapshots lie: a folder of the nodes' path.repo, or a repository that is there, and one of it. */
typedef struct repository {
    char name[256];
    const char *location; /* NULL: it is there */
    const char *snapshot; /* NULL: not named */
} repository;

static cairn_status find_repository(const char *where, repository *out, cairn_error *err)
{
    static const char named[] = "repository:";
    char *slash;

    *out = (repository){0};
    if (strncmp(where, named, sizeof named - 1) != 0) {
        if (where[0] != '/')
            return cairn_fail(err, CAIRN_EUSAGE, "a backup of a collection on a cluster is written by its nodes: name an absolute folder of "
                                                 "their path.repo, or repository:NAME");
        snprintf(out->name, sizeof out->name, "cairn-%016llx", (unsigned long long)XXH3_64bits(where, strlen(where)));
        out->location = where;
        return CAIRN_OK;
    }
    where += sizeof named - 1;
    if (strlen(where) >= sizeof out->name || strspn(where, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") != strlen(where))
        return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" is no name of a repository: letters, digits, -, _ and dots", where);
    strcpy(out->name, where);
    slash = strchr(out->name, '/');
    if (slash) {
        *slash = '\0';
        out->snapshot = slash + 1;
    }
    return CAIRN_OK;
}

static cairn_status report_copy(cairn *c, int64_t start_ns, cairn_copy_report *out, cairn_error *err)
{
    store_snapshot *s = NULL;
    opensearch_health h = {0};
    cairn_status st = opensearch_health_get(c->store, &h, err);

    if (!st)
        st = store_snapshot_open(c->store, &s, err);
    if (st)
        return st;
    *out = (cairn_copy_report){.documents = store_snapshot_counts(s).docs,
                               .chunks = store_snapshot_counts(s).chunks,
                               .bytes = h.bytes,
                               .seconds = (double)(clock_mono_ns() - start_ns) / 1e9};
    store_snapshot_close(s);
    return CAIRN_OK;
}

cairn_status cluster_restore(cairn *c, const char *where, bool replace, const cairn_index_options *options, cairn_copy_report *out,
                             cairn_error *err)
{
    int64_t start = clock_mono_ns();
    repository r;
    connecting k;
    cairn_status st = find_repository(where, &r, err);

    *out = (cairn_copy_report){0};
    if (st)
        return st;
    st = connecting_make(&k, &c->settings, c, err);
    if (options && options->cancel)
        k.o.limits.cancel = options->cancel;
    if (!st)
        st = opensearch_restore(&k.o, r.name, r.location, r.snapshot, replace, err);
    connecting_clear(&k);
    if (!st)
        st = cluster_open(c, &(store_options){.read_only = true}, err);
    return st ? st : report_copy(c, start, out, err);
}

cairn_status cluster_backup(cairn *c, const char *where, const cairn_index_options *options, cairn_copy_report *out,
                            cairn_error *err)
{
    int64_t start = clock_mono_ns();
    bool was_writer = store_is_writer(c->store);
    char name[64], when[32];
    time_t now = time(NULL);
    struct tm tm;
    repository r;
    cairn_status st = find_repository(where, &r, err);

    *out = (cairn_copy_report){0};
    if (!st && r.snapshot)
        st = cairn_fail(err, CAIRN_EUSAGE, "a snapshot gets its name from the time: repository:%s", r.name);
    if (st)
        return st;
    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
    snprintf(name, sizeof name, "cairn-%s", when);
    if (options)
        cluster_limit(c, options->cancel, 0);
    /* Nobody writes while the three indexes are looked at one after the other. */
    st = store_lock_writer(c->store, c->wait_ns, err);
    if (!st)
        st = opensearch_backup(c->store, r.name, r.location, name, err);
    if (!was_writer && store_is_writer(c->store))
        store_unlock_writer(c->store);
    if (!st)
        st = report_copy(c, start, out, err);
    cluster_limit(c, NULL, 0);
    return st;
}

/* ---- making and removing ---- */

/* collection.conf of the folder, where there is none. */
static cairn_status write_conf(const char *path, const cairn_backend *b, cairn_error *err)
{
    FILE *f = fopen(path, "wxe");
    bool bad;

    if (!f)
        return errno == EEXIST
                   ? cairn_fail(err, CAIRN_EUSAGE, "%s is there already: such a collection exists", path)
                   : cairn_fail_errno(err, errno, "%s", path);
    bad = fprintf(f, "[backend]\nkind = opensearch\nurl = %s\n", b->url) < 0;
    if (b->index)
        bad |= fprintf(f, "index = %s\n", b->index) < 0;
    if (b->shards)
        bad |= fprintf(f, "shards = %u\n", b->shards) < 0;
    if (b->replicas >= 0)
        bad |= fprintf(f, "replicas = %d\n", b->replicas) < 0;
    if (b->user)
        bad |= fprintf(f, "user = %s\n", b->user) < 0;
    if (b->password_file)
        bad |= fprintf(f, "password_file = %s\n", b->password_file) < 0;
    if (b->api_key_file)
        bad |= fprintf(f, "api_key_file = %s\n", b->api_key_file) < 0;
    if (b->ca_file)
        bad |= fprintf(f, "ca_file = %s\n", b->ca_file) < 0;
    bad |= fflush(f) != 0;
    if (fclose(f) || bad) {
        unlink(path);
        return cairn_fail(err, CAIRN_EIO, "%s could not be written", path);
    }
    return CAIRN_OK;
}

static bool one_line(const char *s)
{
    return !s || !strpbrk(s, "\r\n;");
}

cairn_status cairn_collection_create(const cairn_options *where, const cairn_backend *b, bool attach, cairn_error *err)
{
    cairn *c = NULL;
    connecting k;
    char *path = NULL;
    cairn_status st;

    if (!b || !b->kind || strcmp(b->kind, "opensearch") != 0)
        return cairn_fail(err, CAIRN_EUSAGE, "a back end is \"opensearch\"; an embedded collection is made by indexing");
    if (!b->url || !*b->url || !one_line(b->url) || !one_line(b->index) || !one_line(b->user) ||
        !one_line(b->password_file) || !one_line(b->api_key_file) || !one_line(b->ca_file))
        return cairn_fail(err, CAIRN_EUSAGE, "a collection on a cluster needs the address of a node (--url), without line breaks or ;");
    st = engine_describe(&c, where, err);
    if (!st)
        st = engine_make_folders(c->dir, err);
    if (!st && asprintf(&path, "%s/collection.conf", c->dir) < 0)
        st = cairn_fail(err, CAIRN_ENOMEM, "configuration");
    if (!st)
        st = write_conf(path, b, err);
    if (st) {
        free(path);
        cairn_close(c);
        return st;
    }
    st = settings_read(&c->settings, path, true, err);
    if (!st)
        st = connecting_make(&k, &c->settings, c, err);
    if (!st && !attach)
        st = opensearch_create(&k.o, err);
    else if (!st)
        st = cluster_open(c, &(store_options){.read_only = true}, err);
    connecting_clear(&k);
    if (st) {
        unlink(path);
        rmdir(c->dir);
    }
    free(path);
    cairn_close(c);
    return st;
}

cairn_status cairn_collection_drop(const cairn_options *where, cairn_error *err)
{
    cairn *c = NULL;
    connecting k;
    char *path = NULL;
    cairn_status st = engine_describe(&c, where, err);

    if (!st && !cluster_is_chosen(&c->settings))
        st = cairn_fail(err, CAIRN_EUSAGE, "collection %s is not on a cluster: its folder %s is all of it", c->collection,
                        c->dir);
    if (!st)
        st = connecting_make(&k, &c->settings, c, err);
    if (!st)
        st = opensearch_drop(&k.o, err);
    if (!st && asprintf(&path, "%s/collection.conf", c->dir) < 0)
        st = cairn_fail(err, CAIRN_ENOMEM, "configuration");
    if (!st && unlink(path) && errno != ENOENT)
        st = cairn_fail_errno(err, errno, "%s", path);
    if (!st)
        rmdir(c->dir); /* stays where it holds conversations */
    connecting_clear(&k);
    free(path);
    cairn_close(c);
    return st;
}
