/* around.c - see around.h. */
#include "opensearch/around.h"

#include <string.h>

void around_init(around *a)
{
    *a = (around){0};
    pthread_mutex_init(&a->mutex, NULL);
}

void around_clear(around *a)
{
    pthread_mutex_destroy(&a->mutex);
}

/* Ids of nodes are 22 letters, digits, - and _: anything else is left out, as it goes into addresses. */
static bool is_id(const char *id)
{
    size_t n = strlen(id);

    return n && n < 64 &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

void around_note(around_list *l, const json_t *answer)
{
    json_t *nodes = json_object_get(answer, "nodes"), *node;
    const char *id;
    size_t at = strlen(l->preference);

    if (!json_object_size(nodes)) {
        l->silent++;
        return;
    }
    l->told++;
    json_object_foreach(nodes, id, node)
    {
        const char *before = at ? "," : "_prefer_nodes:";
        if (!is_id(id) || at + strlen(before) + strlen(id) >= sizeof l->preference)
            continue;
        strcpy(l->preference + at, before);
        strcat(l->preference + at, id);
        at = strlen(l->preference);
    }
}

void around_set(around *a, const around_list *l, int64_t now_ns)
{
    pthread_mutex_lock(&a->mutex);
    strcpy(a->preference, l->silent && l->told ? l->preference : "");
    a->until_ns = now_ns + AROUND_NS;
    pthread_mutex_unlock(&a->mutex);
}

/* Where the path's last part may carry a preference. */
static bool takes(const char *path)
{
    static const char *const ends[] = {"/_search", "/_mget", "/_count"};
    size_t len = strcspn(path, "?");

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (len >= n && !memcmp(path + len - n, ends[i], n))
            return true;
    }
    for (const char *p = path; p < path + len; p++)
        if (!strncmp(p, "/_doc/", 6))
            return true;
    return false;
}

/* The searches of an _msearch, heads and bodies a line each, with the preference in each head. */
static cairn_status in_heads(const client_request *r, const char *preference, bytes *body)
{
    cairn_status st = CAIRN_OK;
    bool head = true;

    for (size_t at = 0; at < r->len && !st; head = !head) {
        const char *line = r->body + at, *end = memchr(line, '\n', r->len - at);
        size_t n = end ? (size_t)(end - line) + 1 : r->len - at;
        at += n;
        if (!head) {
            st = bytes_append(body, line, n);
            continue;
        }
        json_t *j = json_loadb(line, n, 0, NULL);
        if (!j || json_object_set_new(j, "preference", json_string(preference)))
            st = CAIRN_ENOMEM;
        if (!st)
            st = client_dump(body, j, NULL);
        if (!st)
            st = bytes_append_byte(body, '\n');
        json_decref(j);
    }
    return st;
}

cairn_status around_apply(around *a, const client_request *r, int64_t now_ns, client_request *out, bytes *path,
                          bytes *body)
{
    char preference[AROUND_BYTES];
    bool many = !strncmp(r->path, "/_msearch", 9);
    cairn_status st;

    *out = *r;
    pthread_mutex_lock(&a->mutex);
    strcpy(preference, now_ns < a->until_ns ? a->preference : "");
    pthread_mutex_unlock(&a->mutex);
    if (!*preference || (!many && !takes(r->path)))
        return CAIRN_OK;
    bytes_reset(path);
    bytes_reset(body);
    if (many) {
        st = in_heads(r, preference, body);
        out->body = body->data;
        out->len = body->len;
        return st;
    }
    st = bytes_printf(path, "%s%cpreference=%s", r->path, strchr(r->path, '?') ? '&' : '?', preference);
    out->path = path->data;
    return st;
}
