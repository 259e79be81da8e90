/* bench_ann.c - vector search by itself, on the inputs of the peers' script peer_ann.py and with its
 * keys, so that both can be run one after the other and compared line by line.
 *
 *   bench_ann --data DIR [--peer flat|hnsw|ivf_flat|ivf_sq8|ivf_pq|all] [--M 24] [--efc 200]
 *             [--ef N ...] [--nprobe N ...] [--nlist 1024] [--rescore N] [--slack S]
 *             [--repeats 3]
 *             [--build-threads 2] [--filter 0.1] [--segment FILE] [--out FILE]
 *             [--storage f32|f16|bf16|i8] [--codes i8|i4|b1] [--code-dim N]
 *
 * DIR holds base.npy (n x d float32), queries.npy and gt.npy (int32, exact neighbours). One JSON line
 * a setting:
 *   qps1   one thread, one query a call; qps1_best from each query's fastest repeat; qps1_cpu per
 *          second of CPU time, the one to compare on a busy machine
 *   qps1b  the same loop without a clock around each query; qps2b two threads, whole queries each
 *   p50_us, p99_us  of each query's fastest repeat
 * --storage, --codes and --code-dim say how originals and codes are kept; codes other than int8 are named in
 * the peer ("cairn_flat_i4"). peer "cairn_flat" also prints what the memory allows in the same run: a plain read of the codes
 * ("read_only_int8"), the scan kernel without keeping a top list ("scan_int8"), and limit_share, the
 * best whole search divided by the best plain read. --filter keeps that share of the rows, drawn
 * at random, and takes the exact search over them as the truth. The inverted files print their nprobe
 * as "nprobe"; all is flat and hnsw.
 *
 * --segment FILE searches from mapped pages, as the product does: the sections are written there, or
 * taken from there when the file exists, and each is mapped by itself. Two more keys then say what the searches
 * so far have made resident, read from /proc/self/smaps: search_mb (this thread's scratch and all
 * sections but the originals) and originals_mb. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/vector/vector_format.h"
#include "tests/index/vector/memory_sections.h"

#define K 10

static cairn_error error;
static FILE *out_file;

static void must(cairn_status st, const char *what)
{
    if (st) {
        fprintf(stderr, "bench_ann: %s: %s\n", what, error.text);
        exit(1);
    }
}

static void *room(size_t n, size_t size)
{
    void *p = checked_aligned(n, size);

    if (!p) {
        fprintf(stderr, "bench_ann: no memory for %zu x %zu\n", n, size);
        exit(1);
    }
    return p;
}

/* ---- input ---- */

typedef struct matrix {
    size_t n, d;
    void *data; /* float or int32_t */
} matrix;

/* A .npy file, format 1 or 2, C order, of 4-byte elements of this type ("<f4" or "<i4"). */
static matrix read_npy(const char *dir, const char *name, const char *type)
{
    char path[4096], head[1024] = "", *at;
    unsigned char start[12];
    matrix m = {0, 0, NULL};
    size_t head_len;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f || fread(start, 1, 10, f) != 10 || memcmp(start, "\x93NUMPY", 6) != 0)
        goto bad;
    head_len = start[8] | (size_t)start[9] << 8;
    if (start[6] >= 2) {
        if (fread(start + 10, 1, 2, f) != 2)
            goto bad;
        head_len |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (head_len >= sizeof head || fread(head, 1, head_len, f) != head_len)
        goto bad;
    at = strstr(head, "'shape': (");
    if (!strstr(head, type) || !strstr(head, "'fortran_order': False") || !at ||
        sscanf(at, "'shape': (%zu, %zu)", &m.n, &m.d) != 2)
        goto bad;
    m.data = room(m.n * m.d, 4);
    if (fread(m.data, 4, m.n * m.d, f) != m.n * m.d)
        goto bad;
    fclose(f);
    return m;
bad:
    fprintf(stderr, "bench_ann: %s: not a two-dimensional .npy file of %s\n", path, type);
    exit(1);
}

static double rss_mb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (!f || fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static int64_t process_cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int rising(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;

    return (a > b) - (a < b);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, rising);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* ---- measuring ---- */

typedef struct bench {
    matrix base, queries, truth;
    int repeats, build_threads;
    uint32_t m, efc, nlist, code_dim;
    vector_storage storage;
    vector_code_kind codes;
    size_t rescore;
    float slack;
    memory_sections mem;
    section_source source;
    vector_reader *reader;
    uint64_t *allowed;
    const char *segment; /* NULL: sections stay in memory */
    uint8_t *mapped;
    size_t mapped_len;
    double build_s, build_cpu_s, rss;
    size_t bytes;
    pool *two;
} bench;

static void emit(const char *line)
{
    puts(line);
    fflush(stdout);
    if (out_file) {
        fprintf(out_file, "%s\n", line);
        fflush(out_file);
    }
}

static void build(bench *b, vector_choice index)
{
    vector_options o = {.index = index, .m = b->m, .ef_construction = b->efc, .n_lists = b->nlist,
                        .force = index != VECTOR_SCAN, .storage = b->storage, .codes = b->codes,
                        .code_dim = b->code_dim};
    section_sink sink = memory_sink(&b->mem);
    vector_writer *w;
    pool *workers;
    double before = rss_mb();
    int64_t cpu = process_cpu_ns(), wall = clock_mono_ns();

    must(pool_create(&workers, (size_t)b->build_threads, &error), "threads");
    must(vector_writer_create(&w, (uint32_t)b->base.d, VECTOR_COSINE, &o, &error), "writer");
    for (size_t i = 0; i < b->base.n; i++)
        must(vector_writer_add(w, (float *)b->base.data + i * b->base.d, &error), "add");
    must(vector_writer_finish(w, &sink, workers, &error), "finish");
    vector_writer_destroy(w);
    pool_destroy(workers);
    b->build_s = (double)(clock_mono_ns() - wall) / 1e9;
    b->build_cpu_s = (double)(process_cpu_ns() - cpu) / 1e9;
    b->rss = rss_mb() - before;
    b->source = memory_source(&b->mem);
    must(vector_reader_open(&b->reader, &b->source, &error), "open");
    b->bytes = 0;
    for (size_t i = 0; i < b->mem.n; i++)
        b->bytes += b->mem.at[i].len;
}

/* ---- a mapped segment ---- */

#define PAGE ((size_t)4096)

static size_t page_up(size_t n)
{
    return (n + PAGE - 1) & ~(PAGE - 1);
}

/* One page of names and lengths, then each section from a page of its own. */
static void write_segment(const bench *b)
{
    static char head[PAGE], zero[PAGE];
    FILE *f = fopen(b->segment, "wb");

    for (size_t i = 0; i < b->mem.n; i++) {
        memcpy(head + i * 32, b->mem.at[i].name, SECTION_NAME_MAX);
        memcpy(head + i * 32 + 16, &b->mem.at[i].len, 8);
    }
    bool ok = f && fwrite(head, 1, PAGE, f) == PAGE;
    for (size_t i = 0; i < b->mem.n && ok; i++) {
        size_t len = b->mem.at[i].len, more = page_up(len) - len;
        ok = fwrite(b->mem.at[i].data, 1, len, f) == len && fwrite(zero, 1, more, f) == more;
    }
    if (!ok || fclose(f)) {
        fprintf(stderr, "bench_ann: cannot write %s\n", b->segment);
        exit(1);
    }
}

/* Map the file and let b->mem point into it. False: there is no such file. */
static bool map_segment(bench *b)
{
    int fd = open(b->segment, O_RDONLY);
    off_t len = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

    if (fd < 0)
        return false;
    memset(&b->mem, 0, sizeof b->mem);
    b->mapped_len = (size_t)len;
    b->mapped = mmap(NULL, b->mapped_len, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (b->mapped == MAP_FAILED || b->mapped_len < PAGE)
        must(CAIRN_EIO, "map");
    size_t at = PAGE;
    for (size_t i = 0; i < 32 && b->mapped[i * 32]; i++) {
        memory_section *s = &b->mem.at[b->mem.n++];
        memcpy(s->name, b->mapped + i * 32, SECTION_NAME_MAX);
        memcpy(&s->len, b->mapped + i * 32 + 16, 8);
        s->data = b->mapped + at;
        at += page_up(s->len);
        /* A protection of its own for every other one makes it a mapping of its own in smaps. */
        mprotect(s->data, page_up(s->len), i % 2 ? PROT_READ : PROT_READ | PROT_EXEC);
    }
    b->source = memory_source(&b->mem);
    must(vector_reader_open(&b->reader, &b->source, &error), "open");
    b->bytes = b->mapped_len;
    return true;
}

/* Resident MB of the mapped sections: the originals' or the others'. */
static double resident_mb(const bench *b, bool originals)
{
    char line[512];
    unsigned long from, kb;
    bool counts = false;
    double sum = 0;
    FILE *f = fopen("/proc/self/smaps", "r");

    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%*x %*s", &from) == 1 && strchr(line, '-') == line + strcspn(line, "- ")) {
            counts = false;
            for (size_t i = 0; i < b->mem.n; i++)
                if ((unsigned long)(uintptr_t)b->mem.at[i].data == from)
                    counts = originals == (b->mem.at[i].data == b->reader->originals.row);
        } else if (counts && sscanf(line, "Rss: %lu kB", &kb) == 1) {
            sum += (double)kb / 1024;
        }
    }
    if (f)
        fclose(f);
    return sum;
}

static void prepare(bench *b, vector_choice index)
{
    if (b->segment && map_segment(b))
        return;
    build(b, index);
    if (!b->segment)
        return;
    write_segment(b);
    vector_reader_close(b->reader);
    memory_clear(&b->mem);
    map_segment(b);
}

static void drop(bench *b)
{
    vector_reader_close(b->reader);
    if (b->mapped)
        munmap(b->mapped, b->mapped_len);
    else
        memory_clear(&b->mem);
    b->mapped = NULL;
}

typedef struct batch {
    const bench *b;
    const vector_params *p;
    bool exact;
    vector_hit *hits; /* [queries * K] */
} batch;

static void one_query(void *ctx, size_t i, size_t worker)
{
    const batch *x = ctx;
    vector_segment seg = {x->b->reader, NULL, x->b->allowed};
    const float *q = (const float *)x->b->queries.data + i * x->b->queries.d;
    vector_hit *hits = x->hits + i * K;
    size_t n;

    (void)worker;
    for (size_t j = 0; j < K; j++)
        hits[j].row = UINT32_MAX;
    if (x->exact)
        must(vector_search_exact(&seg, 1, q, (uint32_t)x->b->queries.d, K, NULL, hits, &n, &error),
             "search");
    else
        must(vector_search(&seg, 1, q, (uint32_t)x->b->queries.d, K, x->p, NULL, hits, &n, &error),
             "search");
}

static double recall(const bench *b, const vector_hit *hits, const vector_hit *truth)
{
    size_t both = 0, all = 0;

    for (size_t i = 0; i < b->queries.n; i++)
        for (size_t j = 0; j < K; j++) {
            uint32_t want = truth ? truth[i * K + j].row
                                  : (uint32_t)((int32_t *)b->truth.data)[i * b->truth.d + j];
            all += want != UINT32_MAX;
            for (size_t h = 0; h < K && want != UINT32_MAX; h++)
                both += hits[i * K + h].row == want;
        }
    return (double)both / (double)all;
}

/* Run all queries in every way and print one line; returns the best time of a query in seconds. */
static double measure(bench *b, const char *peer, size_t ef, const char *extra)
{
    size_t nq = b->queries.n;
    bool lists = vector_reader_has_lists(b->reader);
    vector_params p = {.ef = lists ? 0 : ef, .no_scan = ef != 0, .n_probe = lists ? (uint32_t)ef : 0,
                       .rescore = b->rescore ? b->rescore : !lists && ef && ef < 42 ? ef : 0,
                       .slack = b->slack};
    vector_hit *hits = room(nq * K, sizeof *hits), *truth = NULL;
    double *best = room(nq, sizeof *best), s1[16], cpu[16], b1[16], b2[16], sum = 0;
    batch x = {b, &p, false, hits};
    char line[2048], ef_text[32] = "null", resident[96] = "";

    if (b->allowed) {
        truth = room(nq * K, sizeof *truth);
        batch exact = {b, &p, true, truth};
        pool_run(b->two, nq, one_query, &exact);
    }
    pool_run(NULL, nq, one_query, &x);
    double r = recall(b, hits, truth);
    for (size_t i = 0; i < nq; i++)
        best[i] = 1e9;
    for (int rep = 0; rep < b->repeats; rep++) {
        int64_t c = clock_cpu_ns(), wall = 0;
        for (size_t i = 0; i < nq; i++) {
            int64_t t = clock_mono_ns();
            one_query(&x, i, 0);
            t = clock_mono_ns() - t;
            wall += t;
            best[i] = (double)t / 1e9 < best[i] ? (double)t / 1e9 : best[i];
        }
        cpu[rep] = (double)nq * 1e9 / (double)(clock_cpu_ns() - c);
        s1[rep] = (double)nq * 1e9 / (double)wall;
        int64_t t = clock_mono_ns();
        pool_run(NULL, nq, one_query, &x);
        b1[rep] = (double)nq * 1e9 / (double)(clock_mono_ns() - t);
        t = clock_mono_ns();
        pool_run(b->two, nq, one_query, &x);
        b2[rep] = (double)nq * 1e9 / (double)(clock_mono_ns() - t);
    }
    for (size_t i = 0; i < nq; i++)
        sum += best[i];
    qsort(best, nq, sizeof *best, rising);
    double p50 = best[nq / 2], p99 = best[(nq - 1) * 99 / 100], fastest = best[0];
    if (b->mapped)
        snprintf(resident, sizeof resident, ", \"search_mb\": %.1f, \"originals_mb\": %.1f",
                 resident_mb(b, false), resident_mb(b, true));
    if (ef)
        snprintf(ef_text, sizeof ef_text, "%zu", ef);
    snprintf(line, sizeof line,
             "{\"bench\": \"ann\", \"peer\": \"%s\", \"n\": %zu, \"dim\": %zu, \"M\": %u, \"efc\": %u, "
             "\"build_threads\": %d, \"build_s\": %.2f, \"build_cpu_s\": %.2f, \"rss_mb\": %.0f, "
             "\"bytes\": %zu, \"kernels\": \"%s\", \"%s\": %s, \"recall10\": %.4f, \"qps1_best\": %.1f, "
             "\"qps1_cpu\": %.1f, \"qps1\": %.1f, \"qps1b\": %.1f, \"qps2b\": %.1f, \"p50_us\": %.1f, "
             "\"p99_us\": %.1f%s%s}",
             peer, b->base.n, b->base.d, vector_reader_has_graph(b->reader) ? b->m : 0, b->efc,
             b->build_threads, b->build_s, b->build_cpu_s, b->rss, b->bytes,
             vector_kernels_get()->name, lists ? "nprobe" : "ef", ef_text, r, (double)nq / sum,
             median(cpu, (size_t)b->repeats), median(s1, (size_t)b->repeats),
             median(b1, (size_t)b->repeats), median(b2, (size_t)b->repeats), p50 * 1e6, p99 * 1e6,
             resident, extra);
    emit(line);
    free(hits);
    free(truth);
    free(best);
    return fastest;
}

/* ---- what the memory allows ---- */

static volatile uint64_t sink_value;

__attribute__((target_clones("avx512f", "avx2", "default"))) static void read_all(const bench *b)
{
    const uint8_t *code = b->reader->codes.code;
    size_t n = (size_t)b->reader->codes.rows * b->reader->codes.stride;
    typedef uint64_t lane __attribute__((vector_size(64)));
    lane a = {0}, c = {0};

    for (size_t i = 0; i + 128 <= n; i += 128) {
        lane x, y;
        memcpy(&x, code + i, 64);
        memcpy(&y, code + i + 64, 64);
        a ^= x;
        c ^= y;
    }
    a ^= c;
    sink_value = a[0] ^ a[3] ^ a[7];
}

static void scan_all(const bench *b)
{
    const vector_codes *c = &b->reader->codes;
    int8_t *q = room(vector_query_bytes(c->kind, c->dim), 1);
    float *work = room(c->dim, sizeof *work);
    int32_t dots[64], sum = 0;
    vector_query vq = {.code = q};

    vector_query_encode(c, b->queries.data, work, &vq);
    for (uint32_t r = 0; r < c->rows; r += 64) {
        size_t n = c->rows - r < 64 ? c->rows - r : 64;
        vector_kernels_get()->code[c->kind]->scan(c->code + (size_t)r * c->stride, c->stride, n, q,
                                                  c->stride, vq.bias, dots);
        sum += dots[0];
    }
    sink_value = (uint64_t)sum;
    free(q);
    free(work);
}

static double limit(const bench *b, const char *peer, void (*fn)(const bench *))
{
    double t[31], bytes = (double)b->reader->codes.rows * (double)b->reader->codes.stride;
    char line[512];

    for (int i = 0; i < 31; i++) {
        int64_t start = clock_mono_ns();
        fn(b);
        t[i] = (double)(clock_mono_ns() - start) / 1e9;
    }
    double mid = median(t, 31);
    snprintf(line, sizeof line,
             "{\"bench\": \"limit\", \"peer\": \"%s\", \"n\": %u, \"dim\": %u, \"threads\": 1, "
             "\"median_ms\": %.3f, \"best_ms\": %.3f, \"GBps_median\": %.1f, \"GBps_best\": %.1f, "
             "\"scan_qps_median\": %.1f}",
             peer, b->reader->codes.rows, b->reader->dim, mid * 1e3, t[0] * 1e3, bytes / mid / 1e9,
             bytes / t[0] / 1e9, 1 / mid);
    emit(line);
    return t[0];
}

static const char *const storages[] = {"f32", "f16", "bf16", "i8"}, *const codes[] = {"i8", "i4", "b1"};

static int word(const char *text, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(text, names[i]))
            return i;
    fprintf(stderr, "bench_ann: unknown kind %s\n", text);
    exit(2);
}

int main(int argc, char **argv)
{
    bench b = {.nlist = 1024, .repeats = 3, .build_threads = 2, .m = VECTOR_M, .efc = VECTOR_EF_CONSTRUCTION};
    const char *data = NULL, *peer = "all";
    static const size_t default_efs[] = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512};
    static const size_t default_probes[] = {1, 2, 4, 8, 12, 16, 24, 32, 64, 128};
    size_t efs[32], n_efs = 0, probes[32], n_probes = 0;
    double share = 0;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--data"))
            data = value;
        else if (!strcmp(argv[i], "--peer"))
            peer = value;
        else if (!strcmp(argv[i], "--M"))
            b.m = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--efc"))
            b.efc = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--repeats"))
            b.repeats = atoi(value) < 1 ? 1 : atoi(value) > 16 ? 16 : atoi(value);
        else if (!strcmp(argv[i], "--build-threads"))
            b.build_threads = atoi(value);
        else if (!strcmp(argv[i], "--filter"))
            share = atof(value);
        else if (!strcmp(argv[i], "--out"))
            out_file = fopen(value, "a");
        else if (!strcmp(argv[i], "--storage"))
            b.storage = (vector_storage)word(value, storages, VECTOR_STORAGES);
        else if (!strcmp(argv[i], "--codes"))
            b.codes = (vector_code_kind)word(value, codes, VECTOR_CODE_KINDS);
        else if (!strcmp(argv[i], "--code-dim"))
            b.code_dim = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--nlist"))
            b.nlist = (uint32_t)atoi(value);
        else if (!strcmp(argv[i], "--segment"))
            b.segment = value;
        else if (!strcmp(argv[i], "--rescore"))
            b.rescore = (size_t)atoi(value);
        else if (!strcmp(argv[i], "--slack"))
            b.slack = strtof(value, NULL);
        else if (!strcmp(argv[i], "--ef")) {
            for (; n_efs < 32 && i + 1 < argc && argv[i + 1][0] != '-'; i++)
                efs[n_efs++] = (size_t)atoi(argv[i + 1]);
            continue;
        } else if (!strcmp(argv[i], "--nprobe")) {
            for (; n_probes < 32 && i + 1 < argc && argv[i + 1][0] != '-'; i++)
                probes[n_probes++] = (size_t)atoi(argv[i + 1]);
            continue;
        } else
            data = NULL, i = argc;
        i++;
    }
    if (!data) {
        fprintf(stderr, "usage: bench_ann --data DIR [--peer flat|hnsw|ivf_flat|ivf_sq8|ivf_pq|all] "
                        "[--M 24] [--efc 200] [--nprobe N ...] [--nlist 1024] [--rescore N] [--slack S] [--segment FILE] "
                        "[--ef N ...] [--repeats 3] [--build-threads 2] [--filter SHARE] "
                        "[--out FILE]\n");
        return 2;
    }
    if (!n_efs) {
        n_efs = sizeof default_efs / sizeof *default_efs;
        memcpy(efs, default_efs, sizeof default_efs);
    }
    if (!n_probes) {
        n_probes = sizeof default_probes / sizeof *default_probes;
        memcpy(probes, default_probes, sizeof default_probes);
    }
    b.base = read_npy(data, "base.npy", "<f4");
    b.queries = read_npy(data, "queries.npy", "<f4");
    b.truth = read_npy(data, "gt.npy", "<i4");
    must(pool_create(&b.two, 2, &error), "threads");
    if (share > 0) {
        uint64_t state = 1;
        b.allowed = calloc(row_set_words((uint32_t)b.base.n), sizeof *b.allowed);
        for (size_t r = 0; b.allowed && r < b.base.n; r++)
            if (test_uniform(&state) < share)
                b.allowed[r >> 6] |= (uint64_t)1 << (r & 63);
    }
    bool all = !strcmp(peer, "all");
    if (all || !strcmp(peer, "flat")) {
        char extra[160], name[32];
        prepare(&b, VECTOR_SCAN);
        snprintf(name, sizeof name, "read_only_%s", b.codes ? codes[b.codes] : "int8");
        double read = limit(&b, name, read_all);
        snprintf(name, sizeof name, "scan_%s", b.codes ? codes[b.codes] : "int8");
        limit(&b, name, scan_all);
        snprintf(extra, sizeof extra,
                 ", \"storage\": \"%s\", \"code_dim\": %u, \"rescore\": %zu, \"filter\": %g",
                 storages[b.storage], b.reader->codes.dim, b.rescore, share);
        snprintf(name, sizeof name, "cairn_flat%s%s", b.codes ? "_" : "",
                 b.codes ? codes[b.codes] : "");
        double whole = measure(&b, name, 0, extra);
        snprintf(extra, sizeof extra,
                 "{\"bench\": \"limit_share\", \"peer\": \"%s\", \"share\": %.3f}", name,
                 read / whole);
        emit(extra);
        drop(&b);
    }
    if (all || !strcmp(peer, "hnsw")) {
        char extra[64];
        prepare(&b, VECTOR_HNSW);
        snprintf(extra, sizeof extra, ", \"filter\": %g", share);
        for (size_t i = 0; i < n_efs; i++)
            measure(&b, "cairn_hnsw", efs[i], extra);
        drop(&b);
    }
    for (vector_choice index = VECTOR_IVF_FLAT; index <= VECTOR_IVF_PQ; index++) {
        static const char *const names[] = {"ivf_flat", "ivf_sq8", "ivf_pq"};
        char extra[64], name[32];
        if (strcmp(peer, names[index - VECTOR_IVF_FLAT]) != 0)
            continue;
        prepare(&b, index);
        snprintf(name, sizeof name, "cairn_%s", peer);
        snprintf(extra, sizeof extra, ", \"nlist\": %u, \"filter\": %g", b.nlist, share);
        for (size_t i = 0; i < n_probes; i++)
            measure(&b, name, probes[i], extra);
        drop(&b);
    }
    pool_destroy(b.two);
    free(b.base.data);
    free(b.queries.data);
    free(b.truth.data);
    free(b.allowed);
    return 0;
}
