/* metrics.h - counters, gauges and histograms in Prometheus' text format.
 *
 * A series is a name and a ready label text (`method="GET",code="200"`, or ""). It is made by its
 * first use. Label values must come from small fixed sets, never from a request's content: series are
 * never dropped, and beyond METRICS_MAX the rest is counted as lost.
 *
 * Threads  any. */
#ifndef CAIRN_SERVER_METRICS_H
#define CAIRN_SERVER_METRICS_H

#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define METRICS_MAX 512

typedef struct metrics metrics;

cairn_status metrics_create(metrics **out, cairn_error *err);
void metrics_destroy(metrics *m); /* NULL is fine */

/* `help` is text of the program, kept by reference. */
void metrics_add(metrics *m, const char *name, const char *help, const char *labels, double by);
void metrics_set(metrics *m, const char *name, const char *help, const char *labels, double value);
/* A duration in seconds; buckets from 0.5 ms to 100 s. */
void metrics_observe(metrics *m, const char *name, const char *help, const char *labels,
                     double seconds);
/* The exposition text, malloced; NULL without memory. */
char *metrics_text(metrics *m, size_t *len);

#ifdef __cplusplus
}
#endif
#endif
