/* bulk.c - many writes in one request. HTTP 200 says nothing of the items: each has a status of its
 * own. What a node had no room for (429, 503) is sent again, the rest of the request is not;
 * writing an item twice does no harm, because each names its id. */
#include "opensearch/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define PAUSE_MS   100
#define PAUSE_MOST 5000
#define NAP_MS     20

/* An item is a line that says what to do and, but for a delete, one with what. */
typedef struct item {
    const char *at;
    size_t len;
    bool is_delete;
} item;

static size_t line_at(const char *p, const char *end)
{
    const char *stop = memchr(p, '\n', (size_t)(end - p));

    return (size_t)((stop ? stop + 1 : end) - p);
}

/* The items of the lines; malloced, *n of them. */
static item *split(const char *p, size_t len, size_t *n)
{
    const char *end = p + len;
    size_t cap = 0;
    item *items = NULL;

    *n = 0;
    while (p < end) {
        if (*n == cap) {
            size_t more = cap ? cap * 2 : 1024;
            item *grown = realloc(items, more * sizeof *items);
            if (!grown) {
                free(items);
                return NULL;
            }
            items = grown;
            cap = more;
        }
        item *x = &items[(*n)++];
        *x = (item){p, line_at(p, end), !strncmp(p, "{\"delete\"", 9)};
        if (!x->is_delete && p + x->len < end)
            x->len += line_at(p + x->len, end);
        p += x->len;
    }
    return items;
}

/* A disk above the flood stage is told as 429, but does not empty while one waits. */
static bool is_full(const json_t *what)
{
    const char *reason =
        json_string_value(json_object_get(json_object_get(what, "error"), "reason"));

    return reason && (strstr(reason, "flood-stage") || strstr(reason, "disk usage exceeded"));
}

/* What became of one item. `retry`: send it again. */
static cairn_status judge(const json_t *reply, bool strict, bool *retry, cairn_error *err)
{
    const json_t *what = json_object_iter_value(json_object_iter((json_t *)reply));
    const char *verb = json_object_iter_key(json_object_iter((json_t *)reply));
    long status = (long)json_integer_value(json_object_get(what, "status"));

    *retry = os_is_passing(status) && !is_full(what);
    if (status / 100 == 2 || *retry)
        return CAIRN_OK;
    if (status == 409)
        return cairn_fail(err, CAIRN_EBUSY,
                          "somebody else has written to the collection meanwhile; nothing of this was taken: run it again");
    if (status == 404 && (!strict || (verb && !strcmp(verb, "delete"))))
        return CAIRN_OK;
    return client_refused("write to the cluster", status ? status : 500, what, err);
}

static cairn_status judge_all(const json_t *reply, const item *items, size_t n, bool strict,
                              bytes *again, cairn_error *err)
{
    const json_t *results = json_object_get(reply, "items");
    cairn_status st = CAIRN_OK;

    if (json_array_size(results) != n)
        return cairn_fail(err, CAIRN_EIO,
                          "the cluster tells of %zu writes where %zu were asked for",
                          json_array_size(results), n);
    if (json_is_false(json_object_get(reply, "errors")))
        return CAIRN_OK;
    for (size_t i = 0; i < n && !st; i++) {
        bool retry;
        st = judge(json_array_get(results, i), strict, &retry, err);
        if (!st && retry && bytes_append(again, items[i].at, items[i].len))
            st = cairn_fail(err, CAIRN_ENOMEM, "writes to the cluster");
    }
    return st;
}

static cairn_status send_once(struct os_store *s, const bytes *lines, bool strict, bytes *again,
                              cairn_error *err)
{
    client_request r = {.method = "POST",
                        .path = "/_bulk?filter_path=errors,items.*.status,items.*.error",
                        .body = lines->data,
                        .len = lines->len,
                        .lines = true,
                        .limits = s->limits};
    json_t *reply = NULL;
    size_t n;
    item *items = split(lines->data, lines->len, &n);
    long status;
    cairn_status st = items ? client_call(s->client, &r, &status, &reply, err)
                            : cairn_fail(err, CAIRN_ENOMEM, "writes to the cluster");

    if (!st && status / 100 != 2)
        st = client_refused("write to the cluster", status, reply, err);
    if (!st)
        st = judge_all(reply, items, n, strict, again, err);
    json_decref(reply);
    free(items);
    return st;
}

bool os_is_passing(json_int_t status)
{
    return status == 429 || (status >= 502 && status <= 504);
}

bool os_wait_again(const struct os_store *s, os_patience *p)
{
    int64_t now = clock_mono_ns(), pause = PAUSE_MS << (p->round < 6 ? p->round : 6);

    if (!p->start_ns)
        p->start_ns = now;
    p->round++;
    for (int64_t left = pause < PAUSE_MOST ? pause : PAUSE_MOST; left > 0; left -= NAP_MS) {
        struct timespec t = {0, NAP_MS * 1000000};
        now = clock_mono_ns();
        if (client_is_cancelled(s->client, &s->limits) ||
            (s->limits.deadline_ns && now > s->limits.deadline_ns) ||
            (now - p->start_ns) / 1000000 > s->retry_ms)
            return false;
        nanosleep(&t, NULL);
    }
    return true;
}

cairn_status os_bulk(struct os_store *s, const bytes *lines, bool strict, cairn_error *err)
{
    bytes now, again;
    cairn_status st = CAIRN_OK;
    const bytes *send = lines;
    os_patience patience = {0};

    bytes_init(&now, CLIENT_REPLY_BYTES);
    bytes_init(&again, CLIENT_REPLY_BYTES);
    while (send->len && !st) {
        bytes_reset(&again);
        st = send_once(s, send, strict, &again, err);
        if (st || !again.len)
            break;
        if (!os_wait_again(s, &patience))
            st = client_is_cancelled(s->client, &s->limits)
                     ? cairn_fail(err, CAIRN_ECANCELLED, "stopped while waiting for the cluster")
                     : cairn_fail(err, CAIRN_EBUSY,
                                  "the cluster has refused some writes %u times for want of time "
                                  "or of a node: "
                                  "run it again later",
                                  patience.round);
        bytes swap = now;
        now = again;
        again = swap;
        send = &now;
    }
    bytes_clear(&now);
    bytes_clear(&again);
    return st;
}

cairn_status os_refresh(struct os_store *s, cairn_error *err)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "/%s,%s,%s/_refresh", s->chunks, s->documents, s->state);
    return os_ask(s, "make what was written visible", "POST", path, NULL, NULL, err);
}

cairn_status os_show(struct os_store *s, os_state *state, cairn_error *err)
{
    cairn_status st = os_refresh(s, err);

    if (st)
        return st;
    state->shown = state->version;
    json_decref(state->removing);
    state->removing = json_array();
    if (!state->removing)
        return cairn_fail(err, CAIRN_ENOMEM, "the state record");
    /* Where another one took over meanwhile, it says so when it is done. */
    st = os_state_write(s, state, err);
    return st == CAIRN_EBUSY ? CAIRN_OK : st;
}

/* ---- what is to go ---- */

static cairn_status add_delete(struct os_store *s, bytes *lines, const char *index, uint64_t id,
                               cairn_error *err)
{
    cairn_status st = bytes_printf(lines, "{\"delete\":{\"_index\":\"%s\",\"_id\":\"%llu\"}}\n",
                                   index, (unsigned long long)id);

    if (st)
        return cairn_fail(err, st, "writes to the cluster");
    if (lines->len < BULK_BYTES)
        return CAIRN_OK;
    st = os_bulk(s, lines, false, err);
    bytes_reset(lines);
    return st;
}

cairn_status os_finish_removal(struct os_store *s, const os_state *state, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    json_t *one;
    size_t i;
    bytes lines;

    bytes_init(&lines, 2 * BULK_BYTES);
    json_array_foreach(state->removing, i, one)
    {
        doc_id doc = (doc_id)json_integer_value(json_array_get(one, 0));
        json_int_t n = json_integer_value(json_array_get(one, 1));
        if (!st)
            st = add_delete(s, &lines, s->documents, doc, err);
        for (json_int_t c = 0; c < n && !st; c++)
            st = add_delete(s, &lines, s->chunks, os_chunk_of(doc, (uint32_t)c), err);
    }
    if (!st && lines.len)
        st = os_bulk(s, &lines, false, err);
    bytes_clear(&lines);
    return st;
}

cairn_status os_by_query(struct os_store *s, const char *what, const char *path, json_t *body,
                         cairn_error *err)
{
    json_t *reply = NULL;
    cairn_status st = os_ask(s, what, "POST", path, body, &reply, err);
    size_t failures = json_array_size(json_object_get(reply, "failures"));

    if (!st && (failures || json_is_true(json_object_get(reply, "timed_out"))))
        st = cairn_fail(err, CAIRN_EBUSY,
                        "%s: the cluster did it only in part (%zu failures): run it again", what,
                        failures);
    json_decref(reply);
    return st;
}

cairn_status os_remove_left(struct os_store *s, cairn_error *err)
{
    cairn_status st = os_remove_range(s, s->left, err);

    if (!st)
        s->left = (os_range){0};
    return st;
}

/* Takes over `rows`, a query. */
static cairn_status remove_rows(struct os_store *s, json_t *rows, cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *body = json_pack("{s:o}", "query", rows);
    cairn_status st = os_refresh(s, err); /* a delete by query sees what a search sees */

    snprintf(path, sizeof path, "/%s,%s/_delete_by_query?conflicts=proceed&refresh=true", s->chunks,
             s->documents);
    if (!st)
        return os_by_query(s, "remove what was never committed", path, body, err);
    json_decref(body);
    return st;
}

cairn_status os_remove_range(struct os_store *s, os_range range, cairn_error *err)
{
    if (range.from >= range.to)
        return CAIRN_OK;
    return remove_rows(s,
                       json_pack("{s:{s:{s:I,s:I}}}", "range", "doc", "gte", (json_int_t)range.from, "lt",
                                 (json_int_t)range.to),
                       err);
}

cairn_status os_remove_voids(struct os_store *s, const os_state *state, cairn_error *err)
{
    json_t *rows = os_void_rows(state);

    if (rows)
        return remove_rows(s, rows, err);
    return json_array_size(state->voids) ? cairn_fail(err, CAIRN_ENOMEM, "what was never committed") : CAIRN_OK;
}
