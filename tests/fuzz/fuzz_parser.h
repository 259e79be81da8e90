/* fuzz_parser.h - bytes through one parser of the worker into a document, checked by its laws. */
#ifndef CAIRN_TESTS_FUZZ_PARSER_H
#define CAIRN_TESTS_FUZZ_PARSER_H

#include <stdlib.h>

#include "ingest/build.h"
#include "ingest/chunk.h"
#include "ingest/extract/parsers.h"

static void fuzz_parser(parse_fn *parse, const uint8_t *data, size_t size, const char *name)
{
    parse_input in = {.data = (const char *)data, .len = size, .name = name};
    document_builder b;
    ingest_document *doc = NULL;
    block_sink sink;
    emitter e;
    cairn_error err = {0};

    if (builder_init(&b, (size_t)16 << 20, &err))
        return;
    sink = builder_sink(&b);
    emitter_init(&e, &sink, (size_t)16 << 20);
    parse(&e, &in);
    if (!e.status)
        emit_finish(&e);
    /* The builder refuses what breaks a document's laws: a parser must never get there. */
    if (e.status == CAIRN_EINPUT && strstr(e.error.text, "breaks the rules"))
        abort();
    if (!e.status && !builder_finish(&b, &doc, &err)) {
        chunk_options opt = {.max_tokens = 32, .overlap_tokens = 8};
        ingest_chunk *chunks;
        size_t n;
        arena a;

        arena_init(&a, (size_t)256 << 20);
        if (chunk_document(doc, &opt, &chunks, &n, &a, &err))
            abort();
        for (size_t i = 0; i < doc->n_blocks; i++) {
            const ingest_block *k = &doc->blocks[i];
            for (size_t at = 0; at <= k->len; at++) {
                uint64_t p = ingest_block_position(k, at);
                if (p < k->byte_start || p > k->byte_end ||
                    (doc->positions == INGEST_POSITIONS_FILE && p > size))
                    abort();
            }
        }
        arena_clear(&a);
    }
    ingest_document_free(doc);
    builder_clear(&b);
    emitter_clear(&e);
}

#endif
