/* log.h - structured log lines handed to whoever owns the terminal or the file.
 *
 * The library never prints: without a sink, lines vanish. A line is one JSON object without a
 * newline: {"t":"2026-01-02T03:04:05.678Z","level":"warn","room":"store","msg":"..."}.
 *
 * Threads  log_write may be called from any thread; the sink is called under a lock.
 * log_set_sink is for start-up. */
#ifndef CAIRN_BASE_LOG_H
#define CAIRN_BASE_LOG_H

#include <stddef.h>

typedef enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR } log_level;

typedef void log_sink(void *ctx, log_level level, const char *json, size_t len);

void log_set_sink(log_sink *sink, void *ctx, log_level least);
/* `room` is the folder that speaks, such as "store". */
void log_write(log_level level, const char *room, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with more members behind "msg": `members` is JSON text such as "\"status\":200", at most
 * 1000 bytes of it; left out when it is longer. */
void log_write_with(log_level level, const char *room, const char *members, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
