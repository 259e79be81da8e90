/* values.c - values and failures: records of the state index. */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "opensearch/txn.h"
#include "store/record.h"

/* The record's data in base64, or null where there is none; a new reference. */
static cairn_status ask_data(struct os_snapshot *snap, const char *id, json_t **out,
                             cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL, *data;
    long status;
    cairn_status st;

    snprintf(path, sizeof path, "/%s/_doc/%s", snap->s->state, id);
    st = os_call(snap->s, "GET", path, NULL, &status, &reply, err);
    data = json_object_get(json_object_get(reply, "_source"), "data");
    if (!st && status != 404 && !json_is_string(data))
        st = os_bad_record(id, err);
    *out = st ? NULL : status == 404 ? json_null() : json_incref(data);
    json_decref(reply);
    if (st)
        return st;
    if (json_object_size(snap->fetched_values) > FETCHED_MOST)
        json_object_clear(snap->fetched_values);
    return json_object_set(snap->fetched_values, id, *out)
               ? cairn_fail(err, CAIRN_ENOMEM, "an answer of the cluster")
               : CAIRN_OK;
}

/* The bytes of a record in the state index, in `out`; CAIRN_ENOTFOUND without text. */
static cairn_status read_data(struct os_snapshot *snap, const char *id, bytes *out,
                              cairn_error *err)
{
    json_t *data = NULL;
    cairn_status st = CAIRN_OK;

    if (os_is_absent(snap->s, id))
        return CAIRN_ENOTFOUND;
    data = json_incref(json_object_get(snap->fetched_values, id));
    if (!data)
        st = ask_data(snap, id, &data, err);
    if (!st && json_is_null(data))
        st = CAIRN_ENOTFOUND;
    else if (!st && base64_decode(out, json_string_value(data), json_string_length(data)))
        st = os_bad_record(id, err);
    json_decref(data);
    return st;
}

cairn_status os_meta_get(const store_snapshot *handle, const char *key, arena *a,
                         const uint8_t **data, size_t *len, cairn_error *err)
{
    char id[40];
    bytes b;
    cairn_status st;

    os_name_id('m', key, id);
    bytes_init(&b, STORE_TEXT_MAX + 16);
    st = read_data(os_snapshot_of(handle), id, &b, err);
    if (st == CAIRN_ENOTFOUND)
        cairn_fail(err, st, "there is no value %s", key);
    *len = b.len;
    *data = st ? NULL : (const uint8_t *)arena_strndup(a, b.data ? b.data : "", b.len);
    if (!st && !*data)
        st = cairn_fail(err, CAIRN_ENOMEM, "value %s", key);
    bytes_clear(&b);
    return st;
}

static cairn_status decode_failure(const uint8_t *data, size_t len, store_failure *out, arena *a,
                                   cairn_error *err)
{
    bool no_memory = false;

    if (record_get_failure(data, len, out, a, &no_memory))
        return CAIRN_OK;
    return no_memory ? cairn_fail(err, CAIRN_ENOMEM, "a failure") : os_bad_record("a failure", err);
}

cairn_status os_failure_find(const store_snapshot *handle, const char *path, store_failure *out,
                             arena *a, cairn_error *err)
{
    char id[40];
    bytes b;
    cairn_status st;

    os_name_id('f', path, id);
    bytes_init(&b, RECORD_BYTES);
    st = read_data(os_snapshot_of(handle), id, &b, err);
    if (!st)
        st = decode_failure((const uint8_t *)(b.data ? b.data : ""), b.len, out, a, err);
    bytes_clear(&b);
    return st;
}

static cairn_status tell_failure(const json_t *hit, store_failure_fn *fn, void *ctx, bool *more,
                                 cairn_error *err)
{
    const json_t *data = json_object_get(json_object_get(hit, "_source"), "data");
    store_failure f;
    arena memory;
    bytes b;
    cairn_status st = CAIRN_OK;

    bytes_init(&b, RECORD_BYTES);
    arena_init(&memory, RECORD_BYTES);
    if (!json_is_string(data) ||
        base64_decode(&b, json_string_value(data), json_string_length(data)))
        st = os_bad_record("a failure", err);
    if (!st)
        st = decode_failure((const uint8_t *)(b.data ? b.data : ""), b.len, &f, &memory, err);
    if (!st)
        *more = fn(ctx, &f);
    arena_clear(&memory);
    bytes_clear(&b);
    return st;
}

cairn_status os_failure_each(const store_snapshot *handle, store_failure_fn *fn, void *ctx,
                             cairn_error *err)
{
    struct os_store *s = os_snapshot_of(handle)->s;
    json_t *after = NULL, *hits = NULL;
    bool more = true;
    cairn_status st = CAIRN_OK;

    while (more && !st) {
        json_t *body = json_pack("{s:{s:{s:s}},s:i,s:[s,s]}", "query", "term", "kind", "failure",
                                 "size", PAGE, "sort", "path", "path_id");
        if (after)
            json_object_set(body, "search_after", after);
        json_decref(hits);
        st = os_hits(s, s->state, body, &hits, err);
        for (size_t i = 0; !st && more && i < json_array_size(hits); i++)
            st = tell_failure(json_array_get(hits, i), fn, ctx, &more, err);
        more = more && !st && json_array_size(hits) == PAGE;
        json_decref(after);
        after = st ? NULL
                   : json_incref(
                         json_object_get(json_array_get(hits, json_array_size(hits) - 1), "sort"));
    }
    json_decref(after);
    json_decref(hits);
    return st;
}
