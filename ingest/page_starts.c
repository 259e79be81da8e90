/* page_starts.c - see page_starts.h. */
#include "ingest/page_starts.h"

#include <stdlib.h>

#define ENTRY_BYTES 40

static bool begins_inside(const ingest_chunk *chunks, size_t n, uint32_t page)
{
    for (size_t i = 0; i < n; i++)
        if (chunks[i].page_first && chunks[i].page_first < page && page <= chunks[i].page_last)
            return true;
    return false;
}

cairn_status page_starts_write(const ingest_document *d, const ingest_chunk *chunks, size_t n, bytes *out)
{
    cairn_status st = CAIRN_OK;
    uint32_t page = 0;
    bool any = false;

    for (size_t i = 0; i < n && !any; i++)
        any = chunks[i].page_first && chunks[i].page_first < chunks[i].page_last;
    for (size_t i = 0; any && i < d->n_blocks && !st; i++) {
        const ingest_block *b = &d->blocks[i];
        if (b->page <= page)
            continue;
        page = b->page;
        if (out->len + ENTRY_BYTES > PAGE_STARTS_MAX)
            break;
        if (begins_inside(chunks, n, page))
            st = bytes_printf(out, "%s%u=%llu", out->len ? ";" : "", page, (unsigned long long)b->byte_start);
    }
    return st;
}

uint32_t page_at(const char *starts, uint32_t first, uint32_t last, uint64_t at)
{
    uint32_t found = first;

    while (starts && *starts) {
        char *end;
        unsigned long long page = strtoull(starts, &end, 10), byte;
        if (end == starts || *end != '=')
            break;
        starts = end + 1;
        byte = strtoull(starts, &end, 10);
        if (end == starts)
            break;
        if (page > found && page <= last && byte <= at)
            found = (uint32_t)page;
        starts = *end == ';' ? end + 1 : "";
    }
    return found;
}
