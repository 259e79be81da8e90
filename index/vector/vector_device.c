/* vector_device.c - when a segment goes to the device, and a search there.
 *
 * The costs are those of an H100 (bench_device scan, a million rows of 384 bytes): 0.2 s to open
 * it, 6.4 GB/s to copy to it; a search takes 0.26 ms, of which reading the codes at 3 TB/s is one
 * half. A slower device is still far faster than the processor. They decide where the work is done,
 * never what comes out. */
#include "index/vector/vector_device.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/log.h"
#include "index/vector/vector_scan.h"

#define OPEN_NS      0.2e9
#define COPY_BYTE_NS 0.156
#define START_NS     0.13e6
#define SCAN_BYTE_NS 0.00033

struct vector_copy {
    const vector_device *device;
    pthread_mutex_t lock;
    double spent_ns; /* on searches of the segment that the device could have done */
    bool refused;    /* it did not go there, or failed there */
    vector_device_copy *there;
};

cairn_status vector_reader_use_device(vector_reader *r, const vector_device *d, cairn_error *err)
{
    vector_copy *c;

    if (r->copy || r->codes.kind != VECTOR_CODE_I8 || !r->codes.rows)
        return CAIRN_OK;
    c = calloc(1, sizeof *c);
    if (!c)
        return cairn_fail(err, CAIRN_ENOMEM, "vector reader");
    c->device = d;
    pthread_mutex_init(&c->lock, NULL);
    r->copy = c;
    return CAIRN_OK;
}

bool vector_reader_on_device(const vector_reader *r)
{
    bool there = false;

    if (r->copy) {
        pthread_mutex_lock(&r->copy->lock);
        there = r->copy->there && !r->copy->refused;
        pthread_mutex_unlock(&r->copy->lock);
    }
    return there;
}

bool vector_device_instead(const vector_reader *r)
{
    return r->copy && r->copy->device->instead;
}

void vector_copy_free(vector_copy *c)
{
    if (!c)
        return;
    if (c->there)
        c->device->drop(c->device->ctx, c->there);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void refuse(vector_copy *c, const cairn_error *why)
{
    log_write(LOG_LEVEL_WARN, "vector", "%s: the processor scans", why->text);
    c->refused = true;
}

/* Whether the segment is there, for a search that costs `ns` here. Who comes while another copies
 * it searches here. */
static vector_device_copy *copy_of(const vector_reader *r, double ns)
{
    const vector_codes *codes = &r->codes;
    vector_copy *c = r->copy;
    const double bytes = (double)codes->rows * (double)(codes->stride + 4);
    vector_device_copy *there = NULL;

    if (pthread_mutex_trylock(&c->lock))
        return NULL;
    if (!c->there && !c->refused) {
        c->spent_ns += ns;
        if (c->device->at_once || c->spent_ns >= OPEN_NS + bytes * COPY_BYTE_NS) {
            const vector_device_rows rows = {codes->code, codes->scale, codes->bias, codes->rows,
                                             codes->stride};
            cairn_error why = {0};
            if (c->device->place(c->device->ctx, &c->there, &rows, &why))
                refuse(c, &why);
            c->refused |= !c->there;
        }
    }
    if (!c->refused)
        there = c->there;
    pthread_mutex_unlock(&c->lock);
    return there;
}

/* The rows that may be returned; NULL where memory ran out. */
static uint64_t *eligible_rows(const vector_segment *s)
{
    const uint32_t rows = s->reader->codes.rows;
    const size_t words = ((size_t)rows + 63) / 64;
    uint64_t *bits = checked_malloc(words, sizeof *bits);

    for (size_t w = 0; bits && w < words; w++)
        bits[w] = eligible_word(s, rows, w);
    return bits;
}

bool vector_device_search(const vector_segment *s, uint32_t segment, const vector_query *q,
                          size_t eligible, double ns, size_t keep, vector_hit *found,
                          size_t *n_found)
{
    const vector_reader *r = s->reader;
    vector_copy *c = r->copy;
    const double bytes = (double)r->codes.rows * (double)r->codes.stride;
    size_t n = 0;
    cairn_error why = {0};

    if (!c || !eligible || (!c->device->at_once && ns < START_NS + bytes * SCAN_BYTE_NS))
        return false;
    vector_device_copy *there = copy_of(r, ns);
    if (!there)
        return false;
    uint64_t *bits = eligible < r->codes.rows ? eligible_rows(s) : NULL;
    if (eligible < r->codes.rows && !bits)
        return false;
    const vector_device_query query = {.code = q->code,
                                       .scale = q->scale,
                                       .offset = q->offset,
                                       .bias = q->bias,
                                       .eligible = bits,
                                       .keep = keep < r->codes.rows ? keep : r->codes.rows};
    cairn_status st = c->device->scan(c->device->ctx, there, &query, found + *n_found, &n, &why);
    free(bits);
    if (st) {
        pthread_mutex_lock(&c->lock);
        refuse(c, &why);
        pthread_mutex_unlock(&c->lock);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        found[*n_found + i].segment = segment;
    *n_found += n;
    return true;
}
