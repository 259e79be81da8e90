/* fake_node.h - a node of a cluster that answers as a test tells it: one thread, one connection at a time, a step of the
 * script for each request. Nothing in it depends on time: a silent step waits for the client to hang up. */
#ifndef CAIRN_TESTS_FAKE_NODE_H
#define CAIRN_TESTS_FAKE_NODE_H

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum fake_kind {
    FAKE_REPLY,   /* status and body, then the connection ends */
    FAKE_KEEP,    /* the same, and the connection goes on */
    FAKE_HANG_UP, /* no answer */
    FAKE_CUT,     /* an answer that ends in its middle */
    FAKE_NOISE,   /* no HTTP */
    FAKE_SILENT,  /* nothing until the client hangs up */
    FAKE_CANCEL,  /* the same, after the flag was set */
    FAKE_SET,     /* sets the flag, then as FAKE_REPLY */
    FAKE_LONG,    /* a body of `status` bytes */
    FAKE_ECHO     /* as a stored document, what was put by the first request */
} fake_kind;

typedef struct fake_step {
    fake_kind kind;
    int status;
    const char *headers; /* lines, or NULL */
    const char *body;
} fake_step;

#define FAKE_REQUESTS 16

typedef struct fake_node {
    int fd;
    unsigned short port;
    pthread_t thread;
    const fake_step *steps;
    size_t n_steps;
    volatile sig_atomic_t *flag;
    atomic_size_t n_requests, n_connections;
    char *request[FAKE_REQUESTS]; /* head and body */
    const char *body[FAKE_REQUESTS];
} fake_node;

static inline int fake_bind(unsigned short *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || getsockname(fd, (struct sockaddr *)&a, &n))
        abort();
    *port = ntohs(a.sin_port);
    return fd;
}

/* A whole request; NULL at the end of the connection. */
static inline char *fake_read(int fd, const char **body)
{
    size_t cap = 1 << 20, n = 0, want = 0;
    char *buf = calloc(1, cap + 1), *end = NULL;

    while (buf && n < cap) {
        ssize_t k = recv(fd, buf + n, cap - n, 0);
        if (k <= 0)
            break;
        n += (size_t)k;
        buf[n] = '\0';
        end = strstr(buf, "\r\n\r\n");
        if (!end)
            continue;
        char *length = strcasestr(buf, "content-length:");
        want = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
        if (n >= (size_t)(end + 4 - buf) + want) {
            *body = end + 4;
            return buf;
        }
    }
    free(buf);
    return NULL;
}

static inline void fake_send(int fd, const char *s, size_t n)
{
    while (n) {
        ssize_t k = send(fd, s, n, MSG_NOSIGNAL);
        if (k <= 0)
            return;
        s += k;
        n -= (size_t)k;
    }
}

static inline void fake_wait_for_end(int fd)
{
    char c[256];

    while (recv(fd, c, sizeof c, 0) > 0)
        ;
}

static inline void fake_answer(int fd, int status, const char *headers, const char *body, size_t len, bool keep)
{
    char head[512];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s%s\r\n",
                     status, len, headers ? headers : "", keep ? "" : "Connection: close\r\n");

    fake_send(fd, head, (size_t)n);
    fake_send(fd, body, len);
}

/* Do a step; true: the connection goes on. */
static inline bool fake_do(fake_node *f, int fd, const fake_step *s)
{
    static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\"",
                      noise[] = "220 mail.example.org ESMTP\r\n";
    char *text;

    switch (s->kind) {
    case FAKE_SET:
        *f->flag = 1;
        /* fall through */
    case FAKE_REPLY:
    case FAKE_KEEP:
        fake_answer(fd, s->status, s->headers, s->body ? s->body : "", s->body ? strlen(s->body) : 0, s->kind == FAKE_KEEP);
        return s->kind == FAKE_KEEP;
    case FAKE_CUT:
        fake_send(fd, cut, sizeof cut - 1);
        return false;
    case FAKE_NOISE:
        fake_send(fd, noise, sizeof noise - 1);
        return false;
    case FAKE_CANCEL:
        *f->flag = 1;
        fake_wait_for_end(fd);
        return false;
    case FAKE_SILENT:
        fake_wait_for_end(fd);
        return false;
    case FAKE_LONG:
        text = malloc((size_t)s->status);
        if (text) {
            memset(text, ' ', (size_t)s->status);
            fake_answer(fd, 200, NULL, text, (size_t)s->status, false);
        }
        free(text);
        return false;
    case FAKE_ECHO:
        if (asprintf(&text, "{\"_seq_no\":7,\"_primary_term\":3,\"_source\":%s}", f->body[0]) > 0)
            fake_answer(fd, 200, NULL, text, strlen(text), false);
        free(text);
        return false;
    default:
        return false;
    }
}

static inline void *fake_serve(void *ctx)
{
    fake_node *f = ctx;
    int fd;

    while ((fd = accept(f->fd, NULL, NULL)) >= 0) {
        bool more = true;
        atomic_fetch_add(&f->n_connections, 1);
        while (more) {
            static const fake_step over = {FAKE_REPLY, 500, NULL, "{\"error\":\"the script is over\"}"};
            const char *body = NULL;
            char *request = fake_read(fd, &body);
            size_t at;
            if (!request)
                break;
            at = atomic_load(&f->n_requests);
            if (at < FAKE_REQUESTS) {
                f->request[at] = request;
                f->body[at] = body;
            } else {
                free(request);
            }
            atomic_store(&f->n_requests, at + 1);
            more = fake_do(f, fd, at < f->n_steps ? &f->steps[at] : &over);
        }
        close(fd);
    }
    return NULL;
}

static inline void fake_start(fake_node *f, const fake_step *steps, size_t n)
{
    memset(f, 0, sizeof *f);
    f->steps = steps;
    f->n_steps = n;
    f->fd = fake_bind(&f->port);
    if (listen(f->fd, 16) || pthread_create(&f->thread, NULL, fake_serve, f))
        abort();
}

/* Clients must have hung up before. */
static inline void fake_stop(fake_node *f)
{
    shutdown(f->fd, SHUT_RDWR); /* ends accept */
    pthread_join(f->thread, NULL);
    close(f->fd);
    for (size_t i = 0; i < FAKE_REQUESTS; i++)
        free(f->request[i]);
}

#endif
