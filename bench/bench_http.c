/* bench_http.c - requests a second and their latency over HTTP/1.1, against a server that runs. JSON lines, one
 * a setting.
 *
 *   bench_http --address HOST:PORT [--connections 1,8,64,512] [--seconds 5] [--path PATH]... [--token TOKEN]
 *              [--pid SERVER] [--bodies FILE]
 *   bench_http --echo [--answer BYTES]
 *
 * Each connection is kept open and has one request under way, all of them on one thread. Paths take turns; with
 * --bodies each line of the file is posted as JSON to the one path, in turn.
 * With --echo it is the other side: a server of the same library that answers every request at once with so
 * many bytes, the limit of the way itself; it prints its address and ends with its standard input. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define CONNECTIONS_MAX 4096
#define PATHS_MAX       64
#define SAMPLES_MAX     ((size_t)1 << 22)
#define HEAD_BYTES      8192

typedef struct settings {
    const char *host, *token;
    uint16_t port;
    const char *paths[PATHS_MAX];
    char *bodies[PATHS_MAX]; /* of POST requests to paths[0]; owned */
    size_t n_paths, n_bodies, answer;
    double seconds;
    long pid;
} settings;

typedef struct connection {
    int fd;
    int64_t began_ns;
    char head[HEAD_BYTES];
    size_t n_head, body_left;
    bool in_body;
} connection;

typedef struct bench {
    const settings *s;
    connection *all;
    size_t n, next, n_requests;
    int poll;
    char *requests[PATHS_MAX];
    float *samples; /* milliseconds */
    size_t n_samples, errors, refused;
    uint64_t bytes;
} bench;

/* ---- one connection ---- */

static bool open_connection(const settings *s, connection *c)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s->port)};
    int on = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || inet_pton(AF_INET, s->host, &a.sin_addr) != 1 ||
        connect(c->fd, (struct sockaddr *)&a, sizeof a) || fcntl(c->fd, F_SETFL, O_NONBLOCK)) {
        if (c->fd >= 0)
            close(c->fd);
        c->fd = -1;
        return false;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}

/* A request is far smaller than a socket's buffer: it goes in one write. */
static bool ask(bench *b, connection *c)
{
    const char *text = b->requests[b->next++ % b->n_requests];
    size_t len = strlen(text);

    c->n_head = c->body_left = 0;
    c->in_body = false;
    c->began_ns = clock_mono_ns();
    return write(c->fd, text, len) == (ssize_t)len;
}

/* The head is whole: its status and how long the body is; false when it is none of HTTP's. */
static bool read_head(bench *b, connection *c, size_t head_len)
{
    const char *length;

    c->head[head_len - 1] = '\0';
    if (strncmp(c->head, "HTTP/1.1 ", 9))
        return false;
    b->refused += strncmp(c->head + 9, "200", 3) != 0;
    length = strcasestr(c->head, "\ncontent-length:");
    c->body_left = length ? strtoul(length + 16, NULL, 10) : 0;
    c->in_body = true;
    return length != NULL;
}

/* len more bytes in c->head from n_head on, or in a scratch when the body is being read. */
static bool take(bench *b, connection *c, const char *data, size_t len, bool *done)
{
    *done = false;
    b->bytes += len;
    if (!c->in_body) {
        char *end;
        size_t room = HEAD_BYTES - c->n_head, n = len < room ? len : room, head_len;
        memcpy(c->head + c->n_head, data, n);
        c->n_head += n;
        end = memmem(c->head, c->n_head, "\r\n\r\n", 4);
        if (!end)
            return c->n_head < HEAD_BYTES;
        head_len = (size_t)(end - c->head) + 4;
        data += head_len - (c->n_head - n);
        len -= head_len - (c->n_head - n);
        if (!read_head(b, c, head_len))
            return false;
    }
    if (len > c->body_left)
        return false;
    c->body_left -= len;
    *done = c->in_body && !c->body_left;
    return true;
}

static bool read_some(bench *b, connection *c)
{
    static char buf[65536];
    bool done;

    for (;;) {
        ssize_t n = read(c->fd, buf, sizeof buf);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (!n || !take(b, c, buf, (size_t)n, &done))
            return false;
        if (!done)
            continue;
        if (b->n_samples < SAMPLES_MAX)
            b->samples[b->n_samples++] = (float)((double)(clock_mono_ns() - c->began_ns) / 1e6);
        return ask(b, c);
    }
}

static void watch(bench *b, connection *c)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

    epoll_ctl(b->poll, EPOLL_CTL_ADD, c->fd, &e);
}

/* ---- a run ---- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static double server_cpu(long pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    FILE *f;
    size_t n;
    const char *at;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    f = pid ? fopen(path, "re") : NULL;
    if (!f)
        return 0;
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    at = strrchr(text, ')');
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void report(const bench *b, double seconds, double cpu)
{
    size_t n = b->n_samples;

    qsort(b->samples, n, sizeof *b->samples, by_value);
    printf("{\"way\":\"http\",\"connections\":%zu,\"seconds\":%.2f,\"requests\":%zu,\"errors\":%zu,\"refused\":%zu,"
           "\"per_second\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"bytes\":%llu,"
           "\"server_cpu_us\":%.1f}\n",
           b->n, seconds, n, b->errors, b->refused, (double)n / seconds,
           n ? (double)b->samples[n / 2] : 0, n ? (double)b->samples[n * 99 / 100] : 0,
           n ? (double)b->samples[n - 1] : 0, (unsigned long long)b->bytes, n ? cpu * 1e6 / (double)n : 0);
    fflush(stdout);
}

static void run_connections(bench *b, size_t n)
{
    int64_t start, end;
    double cpu;

    b->n = n;
    b->n_samples = b->errors = b->refused = 0;
    b->bytes = 0;
    b->poll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < n; i++)
        if (open_connection(b->s, &b->all[i]))
            watch(b, &b->all[i]);
        else
            b->errors++;
    cpu = server_cpu(b->s->pid);
    start = clock_mono_ns();
    end = start + (int64_t)(b->s->seconds * 1e9);
    for (size_t i = 0; i < n; i++)
        if (b->all[i].fd >= 0 && !ask(b, &b->all[i]))
            b->errors++;
    while (clock_mono_ns() < end) {
        struct epoll_event events[256];
        int m = epoll_wait(b->poll, events, 256, 100);
        for (int i = 0; i < m; i++) {
            connection *c = events[i].data.ptr;
            if (read_some(b, c))
                continue;
            b->errors++;
            close(c->fd);
            c->fd = -1;
            if (open_connection(b->s, c)) {
                watch(b, c);
                b->errors += !ask(b, c);
            }
        }
    }
    report(b, (double)(clock_mono_ns() - start) / 1e9, server_cpu(b->s->pid) - cpu);
    for (size_t i = 0; i < n; i++)
        if (b->all[i].fd >= 0)
            close(b->all[i].fd);
    close(b->poll);
}

static bool make_requests(bench *b)
{
    const settings *s = b->s;

    b->n_requests = s->n_bodies ? s->n_bodies : s->n_paths;
    for (size_t i = 0; i < b->n_requests; i++) {
        char *token = NULL;
        int n = s->token ? asprintf(&token, "Authorization: Bearer %s\r\n", s->token) : 0;
        if (n >= 0)
            n = s->n_bodies
                    ? asprintf(&b->requests[i],
                               "POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Type: application/json\r\n"
                               "Content-Length: %zu\r\n\r\n%s",
                               s->paths[0], token ? token : "", strlen(s->bodies[i]), s->bodies[i])
                    : asprintf(&b->requests[i], "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", s->paths[i],
                               token ? token : "");
        free(token);
        if (n < 0)
            return false;
    }
    return true;
}

/* A body a line. */
static bool read_bodies(settings *s, const char *path)
{
    FILE *f = fopen(path, "re");
    size_t cap = 0;
    char *line = NULL;
    ssize_t n;

    while (f && s->n_bodies < PATHS_MAX && (n = getline(&line, &cap, f)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        s->bodies[s->n_bodies++] = line;
        line = NULL;
        cap = 0;
    }
    free(line);
    if (f)
        fclose(f);
    return s->n_bodies > 0;
}

/* ---- the other side ---- */

static enum MHD_Result echo(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                            const char *version, const char *data, size_t *len, void **state)
{
    static int seen;

    (void)url, (void)method, (void)version, (void)data;
    if (!*state) {
        *state = &seen;
        return MHD_YES;
    }
    *len = 0;
    return MHD_queue_response(c, MHD_HTTP_OK, cls);
}

static int run_echo(const settings *s)
{
    char *text = calloc(1, s->answer + 1);
    struct MHD_Response *answer;
    struct MHD_Daemon *d = NULL;
    const union MHD_DaemonInfo *info;
    char byte;

    if (!text)
        return 1;
    memset(text, 'a', s->answer);
    answer = MHD_create_response_from_buffer(s->answer, text, MHD_RESPMEM_MUST_FREE);
    if (answer)
        d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, echo, answer,
                             MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_END);
    info = d ? MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!info) {
        fprintf(stderr, "the echo server could not start\n");
        return 1;
    }
    printf("{\"address\":\"127.0.0.1:%u\"}\n", info->port);
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
    MHD_stop_daemon(d);
    MHD_destroy_response(answer);
    return 0;
}

/* ---- options ---- */

static int usage(void)
{
    fprintf(stderr, "bench_http --address HOST:PORT [--connections 1,8] [--seconds S] [--path PATH]... "
                    "[--token TOKEN] [--pid PID] [--bodies FILE]\nbench_http --echo [--answer BYTES]\n");
    return 2;
}

static bool take_address(settings *s, char *text)
{
    char *colon = strrchr(text, ':');

    if (!colon)
        return false;
    *colon = '\0';
    s->host = text;
    s->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return s->port != 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'}, {"connections", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 's'}, {"path", required_argument, NULL, 'p'},
        {"token", required_argument, NULL, 't'},   {"pid", required_argument, NULL, 'i'},
        {"bodies", required_argument, NULL, 'b'},
        {"echo", no_argument, NULL, 'e'},          {"answer", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0}};
    settings s = {.seconds = 5, .answer = 4096};
    bench b = {.s = &s};
    const char *connections = "1";
    bool is_echo = false;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == '?' || (o == 'a' && !take_address(&s, optarg)) || (o == 'p' && s.n_paths == PATHS_MAX) ||
            (o == 'b' && !read_bodies(&s, optarg)))
            return usage();
        if (o == 'c')
            connections = optarg;
        else if (o == 's')
            s.seconds = strtod(optarg, NULL);
        else if (o == 'p')
            s.paths[s.n_paths++] = optarg;
        else if (o == 't')
            s.token = optarg;
        else if (o == 'i')
            s.pid = strtol(optarg, NULL, 10);
        else if (o == 'n')
            s.answer = strtoul(optarg, NULL, 10);
        else if (o == 'e')
            is_echo = true;
    }
    if (is_echo)
        return run_echo(&s);
    if (!s.n_paths)
        s.paths[s.n_paths++] = "/livez";
    b.samples = malloc(SAMPLES_MAX * sizeof *b.samples);
    b.all = calloc(CONNECTIONS_MAX, sizeof *b.all);
    if (!s.host || s.seconds <= 0 || !b.samples || !b.all || !make_requests(&b))
        return usage();
    for (const char *p = connections; *p;) {
        char *end;
        unsigned long n = strtoul(p, &end, 10);
        if (end == p || !n || n > CONNECTIONS_MAX)
            return usage();
        run_connections(&b, n);
        p = *end ? end + 1 : end;
    }
    for (size_t i = 0; i < b.n_requests; i++)
        free(b.requests[i]);
    for (size_t i = 0; i < s.n_bodies; i++)
        free(s.bodies[i]);
    free(b.samples);
    free(b.all);
    return 0;
}
