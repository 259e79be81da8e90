/* fuzz_frames - any bytes as a worker's answer: the parent's decoder never crashes, a document it accepts
 * keeps its laws (chunking it works), and an image it accepts is within its bounds. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "ingest/build.h"
#include "ingest/chunk.h"
#include "ingest/wire.h"

static void try_image(const wire_frame *f)
{
    page_image image;
    wire_render render;
    bool failed;

    wire_get_render(f, &render, NULL);
    if (!wire_get_image(f, &image, &failed, NULL) &&
        (!image.png || (size_t)image.width * image.height > PAGE_IMAGE_PIXELS_MAX))
        abort();
    page_image_clear(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    document_builder b;
    block_sink sink;
    ingest_document *doc = NULL;
    uint64_t blocks = 0;
    wire_state state = WIRE_MORE;
    wire_request request;
    wire_hello hello;
    size_t at = 0, used = 1;
    cairn_error err = {0};
    cairn_status st = builder_init(&b, (size_t)1 << 20, &err);

    sink = builder_sink(&b);
    while (!st && used && state == WIRE_MORE) {
        wire_frame f;

        st = wire_take(data + at, size - at, &f, &used, &err);
        if (!st && used) {
            wire_get_hello(&f, &hello, NULL);
            wire_get_request(&f, &request, NULL);
            try_image(&f);
            st = wire_answer(&f, &sink, &blocks, &state, &err);
        }
        at += used;
    }
    if (!st && state == WIRE_FINISHED && !builder_finish(&b, &doc, &err)) {
        chunk_options opt = {.max_tokens = 16};
        ingest_chunk *chunks;
        size_t n;
        arena a;

        arena_init(&a, (size_t)64 << 20);
        if (chunk_document(doc, &opt, &chunks, &n, &a, &err))
            abort();
        arena_clear(&a);
    }
    ingest_document_free(doc);
    builder_clear(&b);
    return 0;
}
