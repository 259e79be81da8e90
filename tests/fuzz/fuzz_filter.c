/* fuzz_filter - any bytes as the filter columns of a segment ("flt.*"): opening refuses or not, and
 * what opens answers every operator on every field, counts facets and merges without a crash. The
 * input is the container of packed_sections.h; the golden files of tests/index/filter/golden are
 * seeds. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "index/filter/facet.h"
#include "index/filter/filter_format.h"
#include "tests/index/vector/packed_sections.h"

#define MOST_ROWS 4096u

static void ask(const filter_reader *r, uint64_t *bits)
{
    static const filter_value values[] = {{.text = "file", .lo = 1, .hi = 5000},
                                          {.text = "*1*", .lo = INT64_MIN, .hi = INT64_MAX}};

    for (filter_field f = 0; f < FILTER_FIELDS; f++)
        for (filter_op op = 0; op <= FILTER_RANGE; op++) {
            filter_predicate p = {f, op, op % 2 != 0, values, 2};
            filter_expr e = {&p, 1};
            uint32_t n = 0, bound = 0;
            cairn_status st = filter_eval(r, &e, bits, &n, NULL);
            if (!st && n > r->rows)
                abort();
            if (!filter_estimate(r, &e, &bound, NULL) && bound > r->rows)
                abort();
        }
}

static void count(const filter_reader *r, const uint64_t *bits)
{
    for (facet_kind kind = 0; kind < FACET_KINDS; kind++) {
        facet_counts *f;
        facet_value best[4];
        size_t n;
        if (facet_counts_create(&f, kind, NULL))
            abort();
        if (!facet_counts_add(f, r, bits, NULL))
            (void)facet_counts_best(f, 4, best, &n, NULL, NULL);
        facet_counts_destroy(f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_sections mem, merged = {0};
    filter_reader *r = NULL;
    uint64_t bits[MOST_ROWS / 64], all[MOST_ROWS / 64];

    packed_read(&mem, data, size);
    section_source source = memory_source(&mem);
    (void)filter_is_outdated(&source);
    if (!filter_reader_open(&r, &source, NULL) && r->rows <= MOST_ROWS) {
        filter_expr none = {NULL, 0};
        section_sink sink = memory_sink(&merged);
        ask(r, bits);
        if (!filter_eval(r, &none, all, NULL, NULL))
            count(r, all);
        for (size_t i = 0; i < MOST_ROWS / 64; i++)
            bits[i] = 0x5a5a5a5a5a5a5a5au ^ i;
        filter_merge_input in = {.reader = r, .deleted = bits};
        (void)filter_merge(&in, 1, &sink, NULL);
    }
    filter_reader_close(r);
    memory_clear(&mem);
    memory_clear(&merged);
    return 0;
}
