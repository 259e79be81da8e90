/* quotas.c - what one caller and the whole process may use: requests a second, memory. (Room on
 * disk: uploads.c.) */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/inside.h"

#define TIDY_NS      ((int64_t)10 * 1000000000)
#define TIDY_BYTES   ((size_t)8 << 20) /* more unused than when it was last done */
#define GIVE_BACK_NS ((int64_t)1000000000) /* between two tries to give memory back */

/* ---- requests a second ---- */

void service_set_rate(service *s, double per_second)
{
    s->per_second = per_second;
}

cairn_status service_check_rate(service *s, const service_caller *who, const char *peer,
                                cairn_error *err)
{
    bool named = who && *who->name && strcmp(who->name, "local");
    double most = named && who->rate > 0 ? who->rate : s->per_second;
    char name[SERVICE_NAME_BYTES + 1];

    if (most <= 0)
        return CAIRN_OK;
    /* A name has no blank in front: a token can't be called like an address. */
    snprintf(name, sizeof name, "%s%.100s", named ? "" : " ", named ? who->name : peer);
    if (limit_take(s->limit, name, most, clock_mono_ns()))
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EBUSY, "more than %g requests a second of %s: slow down", most,
                      named ? who->name : peer);
}

/* ---- memory ---- */

/* The process's own: what is mapped from files goes when others need it. 0 where the system does
 * not tell. */
static size_t own_bytes(void)
{
    unsigned long long resident = 0, shared = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    if (fscanf(f, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
        resident = shared = 0;
    fclose(f);
    return (size_t)(resident - shared) * (size_t)sysconf(_SC_PAGESIZE);
}

size_t service_memory(void)
{
    return own_bytes();
}

/* Handles that nobody uses, pages that were drawn, and what the C library keeps. */
static void give_back(service *s)
{
    int64_t now = clock_mono_ns(), last = atomic_load(&s->gave_back_ns);

    if ((last && now - last < GIVE_BACK_NS) ||
        !atomic_compare_exchange_strong(&s->gave_back_ns, &last, now))
        return;
    service_close_idle(s);
    cairn_pages_forget(s->pages);
    malloc_trim(0);
}

void service_tidy(service *s)
{
    int64_t now = clock_mono_ns();
    size_t unused;

    if (now - s->tidied_ns < TIDY_NS)
        return;
    s->tidied_ns = now;
    unused = mallinfo2().fordblks; /* given back or not */
    if (unused > s->tidied_bytes + TIDY_BYTES)
        malloc_trim(0);
    else if (unused >= s->tidied_bytes)
        return;
    s->tidied_bytes = unused;
}

cairn_status service_check_memory(service *s, cairn_error *err)
{
    size_t used;

    if (!s->max_memory_bytes || own_bytes() <= s->max_memory_bytes)
        return CAIRN_OK;
    give_back(s);
    used = own_bytes();
    if (used <= s->max_memory_bytes)
        return CAIRN_OK;
    metrics_add(s->metrics, "cairn_memory_refused_total",
                "Requests refused because the memory is used up.", "", 1);
    return cairn_fail(
        err, CAIRN_EBUSY,
        "the server uses %zu MiB of memory, and may use %zu: only searches are served; try "
        "again later, or give it more (--memory-mb)",
        used >> 20, s->max_memory_bytes >> 20);
}
