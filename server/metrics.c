/* metrics.c - see metrics.h. A plain array under one lock: a request touches a handful of series, and
 * looking through a few hundred short strings is nothing beside a search. */
#include "server/metrics.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define TEXT_BYTES ((size_t)4 << 20)

typedef enum series_kind { COUNTER, GAUGE, HISTOGRAM } series_kind;

static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                0.25,   0.5,   1,      2.5,   5,    10,    30,   100};

#define N_BOUNDS (sizeof bounds / sizeof *bounds)

typedef struct series {
    const char *name, *help; /* borrowed from the program's text */
    char *labels;
    series_kind kind;
    double value; /* of a histogram: the sum */
    uint64_t counts[N_BOUNDS + 1];
} series;

struct metrics {
    pthread_mutex_t mutex;
    series all[METRICS_MAX];
    size_t n;
    double lost;
};

cairn_status metrics_create(metrics **out, cairn_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "metrics");
    pthread_mutex_init(&(*out)->mutex, NULL);
    return CAIRN_OK;
}

void metrics_destroy(metrics *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++)
        free(m->all[i].labels);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

/* Under the lock. NULL when there is no room. */
static series *find(metrics *m, series_kind kind, const char *name, const char *help,
                    const char *labels)
{
    series *s;

    for (size_t i = 0; i < m->n; i++) {
        s = &m->all[i];
        if (!strcmp(s->name, name) && !strcmp(s->labels, labels))
            return s;
    }
    s = &m->all[m->n];
    if (m->n == METRICS_MAX || !(s->labels = strdup(labels))) {
        m->lost += 1;
        return NULL;
    }
    s->name = name;
    s->help = help;
    s->kind = kind;
    m->n++;
    return s;
}

void metrics_add(metrics *m, const char *name, const char *help, const char *labels, double by)
{
    series *s;

    pthread_mutex_lock(&m->mutex);
    s = find(m, COUNTER, name, help, labels);
    if (s)
        s->value += by;
    pthread_mutex_unlock(&m->mutex);
}

void metrics_set(metrics *m, const char *name, const char *help, const char *labels, double value)
{
    series *s;

    pthread_mutex_lock(&m->mutex);
    s = find(m, GAUGE, name, help, labels);
    if (s)
        s->value = value;
    pthread_mutex_unlock(&m->mutex);
}

void metrics_observe(metrics *m, const char *name, const char *help, const char *labels,
                     double seconds)
{
    size_t at = 0;
    series *s;

    while (at < N_BOUNDS && seconds > bounds[at])
        at++;
    pthread_mutex_lock(&m->mutex);
    s = find(m, HISTOGRAM, name, help, labels);
    if (s) {
        s->value += seconds;
        s->counts[at]++;
    }
    pthread_mutex_unlock(&m->mutex);
}

static cairn_status put_histogram(bytes *out, const series *s)
{
    const char *comma = *s->labels ? "," : "";
    const char *open = *s->labels ? "{" : "", *close = *s->labels ? "}" : "";
    uint64_t total = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < N_BOUNDS; i++) {
        total += s->counts[i];
        st = bytes_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", s->name, s->labels, comma,
                          bounds[i], (unsigned long long)total);
    }
    total += s->counts[N_BOUNDS];
    if (!st)
        st = bytes_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", s->name, s->labels, comma,
                          (unsigned long long)total);
    if (!st)
        st = bytes_printf(out, "%s_sum%s%s%s %.9g\n", s->name, open, s->labels, close, s->value);
    if (!st)
        st = bytes_printf(out, "%s_count%s%s%s %llu\n", s->name, open, s->labels, close,
                          (unsigned long long)total);
    return st;
}

static cairn_status put_series(bytes *out, const series *s)
{
    if (s->kind == HISTOGRAM)
        return put_histogram(out, s);
    return *s->labels ? bytes_printf(out, "%s{%s} %.17g\n", s->name, s->labels, s->value)
                      : bytes_printf(out, "%s %.17g\n", s->name, s->value);
}

/* The series of one name stand together, under one heading, where the first of them came. */
static cairn_status put_all(const metrics *m, bytes *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < m->n; i++) {
        const series *s = &m->all[i];
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = !strcmp(m->all[j].name, s->name);
        if (seen)
            continue;
        st = bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", s->name, s->help, s->name,
                          kinds[s->kind]);
        for (size_t j = i; !st && j < m->n; j++)
            if (!strcmp(m->all[j].name, s->name))
                st = put_series(out, &m->all[j]);
    }
    if (!st && m->lost > 0)
        st = bytes_printf(out, "# TYPE cairn_metrics_lost_total counter\n"
                               "cairn_metrics_lost_total %.17g\n", m->lost);
    return st;
}

char *metrics_text(metrics *m, size_t *len)
{
    bytes out;
    cairn_status st;

    bytes_init(&out, TEXT_BYTES);
    pthread_mutex_lock(&m->mutex);
    st = put_all(m, &out);
    pthread_mutex_unlock(&m->mutex);
    if (!st)
        return bytes_detach(&out, len);
    bytes_clear(&out);
    return NULL;
}
