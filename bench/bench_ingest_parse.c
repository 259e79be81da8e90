/* bench_ingest_parse - walk, extract and chunk files, and say how fast.
 *
 *   bench_ingest_parse [-v] [-d DEADLINE_MS] [-n MAX_FILES] PATH...
 *
 * -v prints every document's blocks and chunks to stderr, -l one line a file. The last line of
 * stdout is one JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/chunk.h"
#include "ingest/extractor.h"
#include "ingest/walk.h"

typedef struct run {
    extractor *ex;
    int verbose, list;
    size_t max_files, files, ok, refused, limit, broken, gone, skipped, blocks, chunks, tokens;
    size_t text_bytes;
    uint64_t file_bytes;
    int64_t slowest_ns, chunk_ns;
    char slowest[512];
} run;

static void show(const ingest_document *doc, const ingest_chunk *chunks, size_t n)
{
    fprintf(stderr, "  mime=%s title=%s author=%s lang=%s note=%s date=%lld pages=%u pos=%d\n",
            doc->mime, doc->title, doc->author, doc->lang, doc->note,
            (long long)(doc->date_ns / 1000000000), doc->n_pages, doc->positions);
    for (size_t i = 0; i < doc->n_blocks; i++) {
        const ingest_block *b = &doc->blocks[i];
        fprintf(stderr, "  [%s %u p%u l%u-%u %llu-%llu] %.*s\n", ingest_block_kind_name(b->kind),
                b->level, b->page, b->line_first, b->line_last, (unsigned long long)b->byte_start,
                (unsigned long long)b->byte_end, (int)(b->len < 300 ? b->len : 300), b->text);
    }
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, "  <chunk %zu: %zu tokens fresh %zu p%u-%u l%u-%u %llu-%llu | %s>\n%s\n", i,
                chunks[i].n_tokens, chunks[i].fresh, chunks[i].page_first, chunks[i].page_last,
                chunks[i].line_first, chunks[i].line_last, (unsigned long long)chunks[i].byte_start,
                (unsigned long long)chunks[i].byte_end, chunks[i].heading, chunks[i].text);
}

static bool found(void *ctx, const walk_entry *e)
{
    run *r = ctx;
    ingest_document *doc;
    cairn_error err = {0};
    int64_t start = clock_mono_ns(), took;
    cairn_status st = extractor_run(r->ex, e->path, &doc, &err);

    took = clock_mono_ns() - start;
    r->files++;
    r->file_bytes += (uint64_t)e->size;
    if (took > r->slowest_ns) {
        r->slowest_ns = took;
        snprintf(r->slowest, sizeof r->slowest, "%s", e->path);
    }
    if (st == CAIRN_OK) {
        ingest_chunk *chunks;
        size_t n;
        arena a;

        arena_init(&a, (size_t)1 << 30);
        start = clock_mono_ns();
        if (chunk_document(doc, NULL, &chunks, &n, &a, &err) == CAIRN_OK) {
            r->chunks += n;
            for (size_t i = 0; i < n; i++)
                r->tokens += chunks[i].n_tokens;
            if (r->verbose)
                show(doc, chunks, n);
        } else {
            fprintf(stderr, "chunk: %s\n", err.text);
        }
        r->chunk_ns += clock_mono_ns() - start;
        r->ok++;
        r->blocks += doc->n_blocks;
        r->text_bytes += doc->text_bytes;
        if (r->list)
            fprintf(stderr, "ok %5.1f ms %s %s %s blocks=%zu text=%zu note=%s\n",
                    (double)took / 1e6, e->path, doc->mime, doc->lang, doc->n_blocks,
                    doc->text_bytes, doc->note);
        arena_clear(&a);
        ingest_document_free(doc);
    } else {
        r->refused += st == CAIRN_EUNSUPPORTED;
        r->limit += st == CAIRN_ELIMIT;
        r->broken += st == CAIRN_EINPUT;
        r->gone += st == CAIRN_ENOTFOUND;
        if (r->list || r->verbose)
            fprintf(stderr, "%s %5.1f ms %s: %s\n", cairn_status_name(st), (double)took / 1e6,
                    e->path, err.text);
        if (st == CAIRN_EIO) {
            fprintf(stderr, "%s\n", err.text);
            return false;
        }
    }
    return !r->max_files || r->files < r->max_files;
}

static void failed(void *ctx, const char *path, cairn_status code, const char *reason)
{
    run *r = ctx;

    r->skipped++;
    if (r->list || r->verbose)
        fprintf(stderr, "skipped (%s) %s: %s\n", cairn_status_name(code), path, reason);
}

int main(int argc, char **argv)
{
    run r = {0};
    extractor_options opt = {0};
    extractor_cage cage = {0};
    cairn_error err = {0};
    struct rusage self, children;
    int64_t start;
    double seconds;
    int c;

    while ((c = getopt(argc, argv, "vld:n:m:")) != -1) {
        if (c == 'v')
            r.verbose = 1;
        else if (c == 'l')
            r.list = 1;
        else if (c == 'd')
            opt.deadline_ms = atoll(optarg);
        else if (c == 'n')
            r.max_files = (size_t)atoll(optarg);
        else if (c == 'm')
            opt.max_text = (size_t)atoll(optarg) << 20;
        else
            return 2;
    }
    if (extractor_create(&r.ex, &opt, &err) || extractor_describe(r.ex, &cage, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    start = clock_mono_ns();
    ingest_walk((const char *const *)argv + optind, (size_t)(argc - optind), NULL, found, failed,
                &r, &err);
    seconds = (double)(clock_mono_ns() - start) / 1e9;
    extractor_describe(r.ex, &cage, &err);
    extractor_destroy(r.ex);
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    printf("{\"files\":%zu,\"ok\":%zu,\"unsupported\":%zu,\"broken\":%zu,\"limit\":%zu,"
           "\"vanished\":%zu,\"skipped\":%zu,\"workers_started\":%u,\"workers_killed\":%u,"
           "\"seccomp\":%d,\"landlock\":%d,\"limits\":%u,\"blocks\":%zu,\"chunks\":%zu,"
           "\"tokens\":%zu,\"file_mib\":%.2f,\"text_mib\":%.2f,\"seconds\":%.3f,"
           "\"files_per_s\":%.1f,\"chunk_ms\":%.1f,\"cpu_parent_s\":%.3f,\"cpu_worker_s\":%.3f,"
           "\"peak_parent_mib\":%.1f,\"peak_worker_mib\":%.1f,\"slowest_ms\":%.1f,"
           "\"slowest\":\"%s\"}\n",
           r.files, r.ok, r.refused, r.broken, r.limit, r.gone, r.skipped, cage.workers_started,
           cage.workers_killed, cage.seccomp, cage.landlock_abi, cage.limits, r.blocks, r.chunks,
           r.tokens, (double)r.file_bytes / 1048576, (double)r.text_bytes / 1048576, seconds,
           (double)r.files / seconds, (double)r.chunk_ns / 1e6,
           (double)self.ru_utime.tv_sec + (double)self.ru_utime.tv_usec / 1e6 +
               (double)self.ru_stime.tv_sec + (double)self.ru_stime.tv_usec / 1e6,
           (double)children.ru_utime.tv_sec + (double)children.ru_utime.tv_usec / 1e6 +
               (double)children.ru_stime.tv_sec + (double)children.ru_stime.tv_usec / 1e6,
           (double)self.ru_maxrss / 1024, (double)children.ru_maxrss / 1024,
           (double)r.slowest_ns / 1e6, r.slowest);
    return 0;
}
