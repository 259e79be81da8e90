/* fuzz_vector - any bytes as the sections of a segment's vectors ("vec.*", "hnsw.*", "ivf.*"):
 * opening refuses or not, and what opens can be searched along every path, verified and merged
 * without a crash. The input is the container of packed_sections.h; hnsw-v*.bin of
 * tests/index/vector/golden and the files of tests/fuzz/corpus/vector are seeds.
 *
 * Changes go into one section at a time, small ones as often as large ones: bytes changed anywhere
 * would hit the few that say how long the next section is, or one of thousands of codes, and rarely
 * the sizes and bounds that a reader relies on. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "index/vector/vector_format.h"
#include "tests/index/vector/packed_sections.h"

#define MOST_ROWS 4096u
#define K         10

static void search(const vector_reader *r, const uint64_t *allowed)
{
    static const vector_params params[] = {
        {0},
        {.ef = 16},
        {.ef = 300, .rescore = 20},
        {.no_graph = true},
        {.no_scan = true, .n_probe = 2}, /* by the lists or the graph, which the plan spares */
        {.no_scan = true, .ef = 32, .rescore = 20}};
    float query[VECTOR_MAX_DIM];
    vector_hit hits[K];
    size_t n;

    for (uint32_t i = 0; i < r->dim; i++)
        query[i] = (float)((i * 37u) % 11u) - 5.0f;
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        vector_segment seg = {r, NULL, i % 2 ? allowed : NULL};
        (void)vector_search(&seg, 1, query, r->dim, K, &params[i], NULL, hits, &n, NULL);
    }
    vector_segment seg = {r, allowed, NULL};
    (void)vector_search_exact(&seg, 1, query, r->dim, K, NULL, hits, &n, NULL);
}

/* vector_search scans small segments, so the walks are called by themselves. */
static void walk(const vector_reader *r, const uint64_t *allowed)
{
    float query[VECTOR_MAX_DIM], *work = malloc((size_t)r->dim * sizeof *work);
    vector_query q = {.code = malloc(vector_query_bytes(r->walk.kind, r->walk.dim))};
    const hnsw_end end = {.k = 3, .least = 4, .origin = 1, .slack = 0.1f};
    hnsw_candidate out[64];
    hnsw_search_stats stats;
    size_t n;

    for (uint32_t i = 0; i < r->dim; i++)
        query[i] = (float)((i * 37u) % 11u) - 5.0f;
    if (q.code && work) {
        vector_query_encode(&r->walk, query, work, &q);
        (void)hnsw_search(&r->graph, &r->walk, &q, 64, NULL, NULL, 0, NULL, out, &n, &stats, NULL);
        (void)hnsw_search(&r->graph, &r->walk, &q, 16, allowed, NULL, 100, &end, out, &n, &stats,
                          NULL);
        (void)hnsw_search_filtered(&r->graph, &r->walk, &q, 64, NULL, allowed, r->codes.rows / 2, 0,
                                   out, &n, &stats, NULL);
    }
    free(q.code);
    free(work);
}

#ifndef CAIRN_FUZZ_REPLAY
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Change the bytes of a section; every fourth time its length, too. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    size_t at[32], n = 0;
    uint32_t len;

    for (size_t pos = 0; pos + 20 <= size && n < sizeof at / sizeof *at;) {
        memcpy(&len, data + pos + 16, 4);
        if (len > size - pos - 20)
            break;
        at[n++] = pos;
        pos += 20 + len;
    }
    if (!n || seed % 16 == 0)
        return LLVMFuzzerMutate(data, size, max);
    size_t pos = at[seed / 16 % n];
    uint8_t *bytes = data + pos + 20;
    memcpy(&len, data + pos + 16, 4);
    if (!len)
        return size;
    uint32_t most = seed / 1024 % 4 ? len : (uint32_t)(len + max - size);
    uint8_t *changed = malloc(most);
    if (!changed)
        return size;
    memcpy(changed, bytes, len);
    uint32_t now = (uint32_t)LLVMFuzzerMutate(changed, len, most);
    if (most == len && now < len) /* shorter: the rest as it was */
        now = len;
    memmove(bytes + now, bytes + len, size - pos - 20 - len);
    memcpy(bytes, changed, now);
    memcpy(data + pos + 16, &now, 4);
    free(changed);
    return size + now - len;
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_sections mem, merged = {0};
    vector_reader *r = NULL;
    uint64_t allowed[MOST_ROWS / 64];

    packed_read(&mem, data, size);
    section_source source = memory_source(&mem);
    if (!vector_reader_open(&r, &source, NULL) && r->codes.rows <= MOST_ROWS) {
        for (size_t i = 0; i < MOST_ROWS / 64; i++)
            allowed[i] = 0x5a5a5a5a5a5a5a5au ^ i;
        search(r, allowed);
        if (r->has_graph)
            walk(r, allowed);
        (void)vector_verify(r, NULL);
        section_sink sink = memory_sink(&merged);
        vector_options force = {.force = true, .ef_construction = 16};
        vector_merge_input in = {r, allowed};
        (void)vector_merge(&in, 1, &force, &sink, NULL, NULL);
    }
    vector_reader_close(r);
    memory_clear(&mem);
    memory_clear(&merged);
    return 0;
}
