/* mcp_stdio.c - MCP on standard input and output: a message a line.
 *
 * The caller's thread reads, so that a cancellation is seen while a call runs; one worker answers, in
 * the order the messages came. A message too long is skipped to its end and refused. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/stop.h"
#include "server/mcp/mcp.h"

#define LINE_MOST 64 /* messages in line: beyond that reading waits */

typedef struct message {
    struct message *next;
    char *text;
    size_t len;
    json_t *id; /* of a request; NULL */
} message;

typedef struct line {
    service *s;
    service_caller caller;
    pthread_mutex_t mutex; /* of the rest */
    pthread_cond_t moved;
    message *first, **last, *running;
    size_t n;
    volatile sig_atomic_t cancel; /* the running one */
    bool ended;
} line;

static void message_free(message *m)
{
    if (!m)
        return;
    json_decref(m->id);
    free(m->text);
    free(m);
}

static void put_answer(json_t *answer)
{
    char *text = answer ? json_dumps(answer, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

    if (text) {
        fputs(text, stdout);
        putchar('\n');
        fflush(stdout);
    }
    free(text);
    json_decref(answer);
}

static void *answer_all(void *arg)
{
    line *l = arg;

    pthread_mutex_lock(&l->mutex);
    for (;;) {
        message *m = l->first;
        bool cancelled;
        json_t *answer;
        if (!m && l->ended)
            break;
        if (!m) {
            pthread_cond_wait(&l->moved, &l->mutex);
            continue;
        }
        l->first = m->next;
        if (!l->first)
            l->last = &l->first;
        l->n--;
        l->running = m;
        l->cancel = 0;
        pthread_cond_broadcast(&l->moved);
        pthread_mutex_unlock(&l->mutex);
        answer = mcp_answer(&(mcp_call){l->s, &l->caller, &l->cancel}, m->text, m->len);
        pthread_mutex_lock(&l->mutex);
        cancelled = l->cancel;
        l->running = NULL;
        if (cancelled) /* the client wants no answer any more */
            json_decref(answer);
        else
            put_answer(answer);
        message_free(m);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* Does the message ask to cancel another? Then that one is. */
static bool take_cancellation(line *l, const json_t *m)
{
    const char *method = json_string_value(json_object_get(m, "method"));
    const json_t *id = json_object_get(json_object_get(m, "params"), "requestId");

    if (!method || strcmp(method, "notifications/cancelled"))
        return false;
    pthread_mutex_lock(&l->mutex);
    if (l->running && id && json_equal(l->running->id, id))
        stop_raise(&l->cancel);
    for (message **at = &l->first; id && *at; at = &(*at)->next) {
        message *waiting = *at;
        if (!json_equal(waiting->id, id))
            continue;
        *at = waiting->next;
        if (l->last == &waiting->next)
            l->last = at;
        l->n--;
        message_free(waiting);
        break;
    }
    pthread_mutex_unlock(&l->mutex);
    return true;
}

/* Takes text. */
static void take_line(line *l, char *text, size_t len)
{
    json_t *parsed = json_loadb(text, len, 0, NULL);
    message *m;

    if (take_cancellation(l, parsed)) {
        json_decref(parsed);
        free(text);
        return;
    }
    m = calloc(1, sizeof *m);
    if (m) {
        *m = (message){.text = text, .len = len, .id = json_incref(json_object_get(parsed, "id"))};
        pthread_mutex_lock(&l->mutex);
        while (l->n >= LINE_MOST)
            pthread_cond_wait(&l->moved, &l->mutex);
        *l->last = m;
        l->last = &m->next;
        l->n++;
        pthread_cond_broadcast(&l->moved);
        pthread_mutex_unlock(&l->mutex);
    } else {
        free(text);
    }
    json_decref(parsed);
}

/* Lines out of what has been read; keeps the rest. */
static void take_lines(line *l, bytes *have, bool *skipping)
{
    size_t from = 0;
    char *end;

    while (have->len > from && (end = memchr(have->data + from, '\n', have->len - from))) {
        size_t len = (size_t)(end - have->data) - from;
        char *text = !*skipping && len ? strndup(have->data + from, len) : NULL;
        if (text && strspn(text, " \t\r") < len)
            take_line(l, text, len);
        else
            free(text);
        *skipping = false;
        from += len + 1;
    }
    memmove(have->data, have->data + from, have->len - from);
    have->len -= from;
}

static cairn_status read_all(line *l, const volatile sig_atomic_t *stop, cairn_error *err)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    bool skipping = false;
    char buf[65536];
    bytes have;

    bytes_init(&have, MCP_MESSAGE_BYTES + sizeof buf + 1);
    while (!*stop) {
        ssize_t n;
        if (poll(&p, 1, 200) <= 0) /* a signal may come between the test and the wait */
            continue;
        n = read(STDIN_FILENO, buf, sizeof buf);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            bytes_clear(&have);
            return cairn_fail_errno(err, errno, "read standard input");
        }
        if (!n)
            break;
        if (bytes_append(&have, buf, (size_t)n)) {
            bytes_clear(&have);
            return cairn_fail(err, CAIRN_ENOMEM, "message");
        }
        take_lines(l, &have, &skipping);
        if (have.len > MCP_MESSAGE_BYTES) {
            if (!skipping)
                put_answer(mcp_answer(&(mcp_call){l->s, &l->caller, NULL}, "", MCP_MESSAGE_BYTES + 1));
            skipping = true;
            bytes_reset(&have);
        }
    }
    bytes_clear(&have);
    return CAIRN_OK;
}

cairn_status mcp_stdio(service *s, const volatile sig_atomic_t *stop, cairn_error *err)
{
    line l = {.s = s};
    pthread_t worker;
    cairn_status st = service_authorise(s, NULL, true, &l.caller, err);

    if (st)
        return st;
    l.last = &l.first;
    pthread_mutex_init(&l.mutex, NULL);
    pthread_cond_init(&l.moved, NULL);
    if (pthread_create(&worker, NULL, answer_all, &l))
        return cairn_fail(err, CAIRN_EIO, "a thread could not be started");
    st = read_all(&l, stop, err);
    pthread_mutex_lock(&l.mutex);
    l.ended = true;
    if (*stop)
        stop_raise(&l.cancel);
    pthread_cond_broadcast(&l.moved);
    pthread_mutex_unlock(&l.mutex);
    pthread_join(worker, NULL);
    pthread_cond_destroy(&l.moved);
    pthread_mutex_destroy(&l.mutex);
    return st;
}
