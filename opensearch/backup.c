/* backup.c - snapshots of a collection by the cluster itself, and back. */
#include <stdio.h>
#include <string.h>

#include "opensearch/room.h"

#define LONG_MS (INT64_C(24) * 3600 * 1000) /* what a snapshot may take */

/* The repository is there, or is made as a folder. */
static cairn_status need_repository(struct os_store *s, const char *repository,
                                    const char *location, cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL;
    long status;
    cairn_status st;

    snprintf(path, sizeof path, "/_snapshot/%s", repository);
    st = os_call(s, "GET", path, NULL, &status, &reply, err);
    json_decref(reply);
    if (!st && status == 404 && !location)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "the cluster has no snapshot repository \"%s\": name a folder of its "
                          "path.repo, or make it there",
                          repository);
    if (!st && status == 404)
        st = os_ask(s, "make the snapshot repository", "PUT", path,
                    json_pack("{s:s,s:{s:s}}", "type", "fs", "settings", "location", location),
                    NULL, err);
    return st;
}

/* A request that is answered when all of it is done; not sent again. */
static cairn_status ask_long(struct os_store *s, const char *method, const char *path, json_t *body,
                             long *status, json_t **reply, cairn_error *err)
{
    client_request r = {
        .method = method, .path = path, .once = true, .timeout_ms = LONG_MS, .limits = s->limits};
    cairn_status st;
    bytes b;

    bytes_init(&b, 65536);
    st = client_dump(&b, body, err);
    json_decref(body);
    r.body = b.data;
    r.len = b.len;
    if (!st)
        st = client_call(s->client, &r, status, reply, err);
    bytes_clear(&b);
    return st;
}

cairn_status opensearch_backup(store *handle, const char *repository, const char *location,
                               const char *name, cairn_error *err)
{
    struct os_store *s = os_store_of(handle);
    char path[PATH_BYTES], indexes[PATH_BYTES];
    json_t *reply = NULL;
    long status;
    cairn_status st = need_repository(s, repository, location, err);

    snprintf(indexes, sizeof indexes, "%s,%s,%s", s->chunks, s->documents, s->state);
    snprintf(path, sizeof path, "/_snapshot/%s/%s?wait_for_completion=true", repository, name);
    if (!st)
        st = ask_long(s, "PUT", path,
                      json_pack("{s:s,s:b}", "indices", indexes, "include_global_state", 0), &status,
                      &reply, err);
    if (!st && status / 100 != 2)
        st = client_refused("make a snapshot", status, reply, err);
    const char *became =
        json_string_value(json_object_get(json_object_get(reply, "snapshot"), "state"));
    if (!st && (!became || strcmp(became, "SUCCESS") != 0))
        st = cairn_fail(err, CAIRN_EIO, "snapshot %s of repository %s is %s", name, repository,
                        became ? became : "of unknown state");
    json_decref(reply);
    return st;
}

/* ---- and back ---- */

/* The names of a snapshot's indexes begin with this; false: it is none of a collection. */
static bool prefix_of(const json_t *snapshot, char out[OPENSEARCH_PREFIX_MAX + 1])
{
    const json_t *indexes = json_object_get(snapshot, "indices");
    char ending[32];
    size_t n = (size_t)snprintf(ending, sizeof ending, "-chunks-%d", OPENSEARCH_MAPPING);

    for (size_t i = 0; i < json_array_size(indexes); i++) {
        const char *name = json_string_value(json_array_get(indexes, i));
        size_t len = name ? strlen(name) : 0;
        if (len > n && len - n <= OPENSEARCH_PREFIX_MAX && !strcmp(name + len - n, ending)) {
            memcpy(out, name, len - n);
            out[len - n] = '\0';
            return true;
        }
    }
    return false;
}

/* The newest snapshot of this collection that is whole or, where `wanted` names one, that one. */
static cairn_status choose(const struct os_store *s, const json_t *list, const char *repository,
                           const char *wanted, const json_t **out, cairn_error *err)
{
    json_int_t newest = -1;

    *out = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "snapshot"));
        const char *state = json_string_value(json_object_get(one, "state"));
        json_int_t ended = json_integer_value(json_object_get(one, "end_time_in_millis"));
        char prefix[OPENSEARCH_PREFIX_MAX + 1];
        if (!name || !state || strcmp(state, "SUCCESS") != 0 || !prefix_of(one, prefix))
            continue;
        if (wanted ? !strcmp(name, wanted) : !strcmp(prefix, s->prefix) && ended > newest) {
            *out = one;
            newest = ended;
        }
    }
    if (*out)
        return CAIRN_OK;
    return wanted ? cairn_fail(err, CAIRN_ENOTFOUND,
                               "repository %s has no whole snapshot \"%s\" of a collection",
                               repository, wanted)
                  : cairn_fail(err, CAIRN_ENOTFOUND,
                               "repository %s has no whole snapshot of \"%s\": "
                               "repository:NAME/SNAPSHOT names one of another collection",
                               repository, s->prefix);
}

/* Where there is a collection of this name: removed with `replace`, refused without. */
static cairn_status make_room(struct os_store *s, bool replace, cairn_error *err)
{
    cairn_error why = {0};
    os_state state;
    char path[PATH_BYTES];
    cairn_status st = os_state_read(s, &state, &why);

    os_state_clear(&state);
    if (!st && !replace)
        return cairn_fail(err, CAIRN_EUSAGE,
                          "the cluster has a collection \"%s\" already: replace it with --replace",
                          s->prefix);
    if (st && st != CAIRN_ENOTFOUND && !strstr(why.text, "index_not_found")) {
        if (err)
            *err = why;
        return st;
    }
    snprintf(path, sizeof path, "/%s,%s,%s?ignore_unavailable=true", s->chunks, s->documents,
             s->state);
    return os_ask(s, "remove the indexes", "DELETE", path, NULL, NULL, err);
}

static cairn_status bring_back(struct os_store *s, const char *repository, const json_t *snapshot,
                               cairn_error *err)
{
    char path[PATH_BYTES], indexes[PATH_BYTES], from[OPENSEARCH_PREFIX_MAX + 1] = "";
    char pattern[OPENSEARCH_PREFIX_MAX + 16], replacement[OPENSEARCH_PREFIX_MAX + 16];
    json_t *reply = NULL;
    long status;
    cairn_status st;

    prefix_of(snapshot, from);
    snprintf(path, sizeof path, "/_snapshot/%s/%s/_restore?wait_for_completion=true", repository,
             json_string_value(json_object_get(snapshot, "snapshot")));
    snprintf(indexes, sizeof indexes, "%s-chunks-%d,%s-documents-%d,%s-state-%d", from,
             OPENSEARCH_MAPPING, from, OPENSEARCH_MAPPING, from, OPENSEARCH_MAPPING);
    snprintf(pattern, sizeof pattern, "^%s-(.+)$", from);
    snprintf(replacement, sizeof replacement, "%s-$1", s->prefix);
    st = ask_long(s, "POST", path,
                  json_pack("{s:s,s:b,s:b,s:s,s:s}", "indices", indexes, "include_global_state", 0,
                            "include_aliases", 0, "rename_pattern", pattern, "rename_replacement",
                            replacement),
                  &status, &reply, err);
    if (!st && status / 100 != 2)
        st = client_refused("restore a snapshot", status, reply, err);
    const json_t *shards = json_object_get(json_object_get(reply, "snapshot"), "shards");
    json_int_t failed = json_integer_value(json_object_get(shards, "failed"));
    if (!st && (!json_is_object(shards) || failed))
        st = cairn_fail(err, CAIRN_EIO, "%lld shards of the snapshot could not be restored",
                        (long long)failed);
    json_decref(reply);
    return st;
}

cairn_status opensearch_restore(const opensearch_options *o, const char *repository,
                                const char *location, const char *name, bool replace,
                                cairn_error *err)
{
    struct os_store *s;
    char path[PATH_BYTES];
    json_t *reply = NULL;
    const json_t *snapshot;
    cairn_status st = os_begin(&s, o, err);

    if (st)
        return st;
    st = need_repository(s, repository, location, err);
    snprintf(path, sizeof path, "/_snapshot/%s/_all", repository);
    if (!st)
        st = os_ask(s, "list the snapshots", "GET", path, NULL, &reply, err);
    if (!st)
        st = choose(s, json_object_get(reply, "snapshots"), repository, name, &snapshot, err);
    if (!st)
        st = make_room(s, replace, err);
    if (!st)
        st = bring_back(s, repository, snapshot, err);
    json_decref(reply);
    store_close((store *)s);
    return st;
}
