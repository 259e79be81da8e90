/* document.c - the read side of a document: names, positions, the text as a whole. */
#include "ingest/document.h"

#include <stdlib.h>

void ingest_document_free(ingest_document *doc)
{
    if (!doc)
        return;
    for (ingest_document *m = doc->members ? doc->members : doc->next, *next; m; m = next) {
        next = m->next;
        m->next = m->members = NULL;
        ingest_document_free(m);
    }
    arena_clear(&doc->memory);
    free(doc);
}

cairn_status ingest_document_text(const ingest_document *doc, bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < doc->n_blocks && !st; i++) {
        if (i)
            st = bytes_append(out, "\n\n", 2);
        if (!st)
            st = bytes_append(out, doc->blocks[i].text, doc->blocks[i].len);
    }
    return st;
}

uint64_t ingest_block_position(const ingest_block *block, size_t offset)
{
    size_t lo = 0, hi = block->n_spans;
    uint64_t at;

    if (offset >= block->len)
        return block->byte_end;
    if (!hi)
        return block->byte_start + offset;
    while (hi - lo > 1) { /* the last span that begins at or before offset */
        size_t mid = lo + (hi - lo) / 2;
        if (block->spans[mid].text <= offset)
            lo = mid;
        else
            hi = mid;
    }
    at = block->spans[lo].file + (offset - block->spans[lo].text);
    return at < block->byte_end ? at : block->byte_end;
}

const char *ingest_block_kind_name(ingest_block_kind kind)
{
    switch (kind) {
    case INGEST_HEADING:
        return "heading";
    case INGEST_PARAGRAPH:
        return "paragraph";
    case INGEST_LIST:
        return "list";
    case INGEST_TABLE:
        return "table";
    case INGEST_CODE:
        return "code";
    case INGEST_SYMBOL:
        return "symbol";
    case INGEST_QUOTE:
        return "quote";
    }
    return "unknown";
}
