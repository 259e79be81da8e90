/* vector_device.c - see vector_device.h: one table's words in the other's. */
#include "engine/vector_device.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/decode/device.h"

/* No device, and none asked for: *out is NULL. */
static cairn_status place(void *ctx, vector_device_copy **out, const vector_device_rows *rows,
                          cairn_error *err)
{
    const device_code_rows there = {rows->code, rows->scale, rows->bias, rows->rows, rows->stride};
    const device_backend *device;
    device_codes *codes = NULL;
    cairn_status st = device_get(&device, err);

    (void)ctx;
    *out = NULL;
    if (!st && device)
        st = device->codes_create(&codes, &there, err);
    if (!st)
        *out = (vector_device_copy *)codes;
    return st;
}

static void drop(void *ctx, vector_device_copy *copy)
{
    const device_backend *device;

    (void)ctx;
    if (!device_get(&device, NULL))
        device->codes_destroy((device_codes *)copy);
}

static cairn_status scan(void *ctx, vector_device_copy *copy, const vector_device_query *q,
                         vector_hit *hits, size_t *n_hits, cairn_error *err)
{
    const device_code_query query = {q->code, q->scale, q->offset, q->bias};
    const device_code_scan all = {&query, 1, q->eligible, q->keep};
    device_code_hit *found = checked_malloc(q->keep, sizeof *found);
    const device_backend *device;
    cairn_status st;

    (void)ctx;
    *n_hits = 0;
    if (!found)
        return cairn_fail(err, CAIRN_ENOMEM, "a vector search on the device");
    st = device_get(&device, err);
    if (!st)
        st = device->codes_scan((device_codes *)copy, &all, found, n_hits, err);
    for (size_t i = 0; !st && i < *n_hits; i++) {
        hits[i].row = found[i].row;
        hits[i].score = found[i].score;
    }
    free(found);
    return st;
}

const vector_device *engine_vector_device(const settings *s)
{
#define DEVICE(at_once, instead)                                                                   \
    {                                                                                              \
        NULL, at_once, instead, place, drop, scan                                                  \
    }
    static const vector_device devices[] = {DEVICE(false, false), DEVICE(true, false),
                                            DEVICE(false, true), DEVICE(true, true)};
#undef DEVICE

    if (!strcmp(s->vector_device, "off"))
        return NULL;
    return &devices[device_is_required() + 2 * !strcmp(s->vector_device, "always")];
}
