/* log.c - see log.h. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"

#define MEMBERS_BYTES 1000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static log_sink *sink_fn;
static void *sink_ctx;
static log_level least_level = LOG_LEVEL_INFO;

void log_set_sink(log_sink *sink, void *ctx, log_level least)
{
    pthread_mutex_lock(&lock);
    sink_fn = sink;
    sink_ctx = ctx;
    least_level = least;
    pthread_mutex_unlock(&lock);
}

/* Escape s into a JSON string body; stops before the buffer is full. Lines are written from every
 * room, also where memory ran out, so this neither allocates nor fails. */
static size_t escape_json(char *dst, size_t cap, const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n + 7 < cap;) {
        uint32_t cp;
        size_t step = utf8_decode(s + i, len - i, &cp, NULL);
        i += step;
        if (cp == '"' || cp == '\\') {
            dst[n++] = '\\';
            dst[n++] = (char)cp;
        } else if (cp < 0x20) {
            n += (size_t)snprintf(dst + n, cap - n, "\\u%04x", (unsigned)cp);
        } else {
            n += utf8_encode(cp, dst + n);
        }
    }
    dst[n] = '\0';
    return n;
}

static void write_line(log_level level, const char *room, const char *members, const char *fmt,
                       va_list ap)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char msg[1024], body[2048], line[3328];
    bool more = *members && strlen(members) <= MEMBERS_BYTES;
    struct timespec ts;
    struct tm tm;
    int n;

    pthread_mutex_lock(&lock);
    if (!sink_fn || level < least_level) {
        pthread_mutex_unlock(&lock);
        return;
    }
    n = vsnprintf(msg, sizeof msg, fmt, ap);
    if (n >= (int)sizeof msg)
        n = (int)utf8_floor(msg, sizeof msg - 1);
    escape_json(body, sizeof body, msg, n > 0 ? (size_t)n : 0);
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    n = snprintf(line, sizeof line,
                 "{\"t\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\",\"level\":\"%s\","
                 "\"room\":\"%s\",\"msg\":\"%s\"%s%s}",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 ts.tv_nsec / 1000000, names[level], room, body, more ? "," : "",
                 more ? members : "");
    sink_fn(sink_ctx, level, line, (size_t)n);
    pthread_mutex_unlock(&lock);
}

void log_write(log_level level, const char *room, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    write_line(level, room, "", fmt, ap);
    va_end(ap);
}

void log_write_with(log_level level, const char *room, const char *members, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    write_line(level, room, members, fmt, ap);
    va_end(ap);
}
