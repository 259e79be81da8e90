/* fuzz_near - any bytes as the signatures of a segment's documents ("near.*"): opening refuses or not, and what opens is
 * looked up, matched against itself and written again without a crash. The input is the container of packed_sections.h;
 * the golden files of tests/index/near/golden are seeds. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "index/near/near.h"
#include "tests/index/vector/packed_sections.h"

#define MOST_DOCS 256u

static bool add(void *ctx, uint64_t doc, const near_signature *s)
{
    return !near_writer_add(ctx, doc, s, NULL) && near_writer_memory(ctx) < (4u << 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_sections mem, again = {0};
    near_reader *r = NULL;
    near_writer *w = NULL;

    packed_read(&mem, data, size);
    section_source source = memory_source(&mem);
    if (!near_reader_open(&r, &source, NULL) && near_reader_docs(r) <= MOST_DOCS && !near_writer_create(&w, NULL)) {
        section_sink sink = memory_sink(&again);
        for (uint32_t i = 0, at; i < near_reader_docs(r); i++) {
            if (near_reader_find(r, near_reader_doc(r, i), &at) && at >= near_reader_docs(r))
                abort();
            near_reader_matches(r, near_reader_signature(r, i), add, w);
        }
        if (!near_writer_finish(w, &sink, NULL, NULL)) {
            near_reader *second;
            section_source written = memory_source(&again);
            if (near_reader_open(&second, &written, NULL) || near_reader_docs(second) > near_reader_docs(r))
                abort();
            near_reader_close(second);
        }
    }
    near_writer_destroy(w);
    near_reader_close(r);
    memory_clear(&mem);
    memory_clear(&again);
    return 0;
}
