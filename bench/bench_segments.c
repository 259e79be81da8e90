/* bench_segments.c - the life of lexical segments by itself: building in a memory budget and on
 * several threads, merging, and reordering. One JSON line a run.
 *
 *   bench_segments --data FILE [--n ROWS] [--times T] [--threads N] [--memory MB]
 *                  [--segments S] [--queries FILE] [--repeats R] [--reorder on|off]
 *       FILE has a text a line, already tokenised (the peers' corpus.txt). --times T reads it T
 *       times over, each time with one word of every passage changed, for sizes the file lacks. The
 *       texts are streamed: peak memory is the writer's. Sections go to a file in TMPDIR that is
 *       mapped afterwards. With --segments S the rows are spread over S indexes, which are merged
 *       into one after the queries were timed on them, with --reorder in the order of recursive graph
 *       bisection. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/lexical/lexical.h"

#define SEGMENTS_MAX 64
#define SECTIONS_MAX 16

static cairn_error error;

static void must(cairn_status st, const char *what)
{
    if (st) {
        fprintf(stderr, "bench_segments: %s: %s\n", what, error.text);
        exit(1);
    }
}

/* ---- sections in a file ---- */

typedef struct file_sections {
    char name[SECTIONS_MAX][SECTION_NAME_MAX + 1];
    size_t at[SECTIONS_MAX], len[SECTIONS_MAX], n, size;
    FILE *file;
    const uint8_t *map;
} file_sections;

static cairn_status file_begin(void *ctx, const char *name, cairn_error *err)
{
    static const char zeros[64];
    file_sections *s = ctx;
    size_t gap = -s->size & 63;
    (void)err;
    if (!s->file)
        s->file = tmpfile();
    if (!s->file || s->n == SECTIONS_MAX || fwrite(zeros, 1, gap, s->file) != gap)
        abort();
    s->size += gap;
    snprintf(s->name[s->n], sizeof s->name[0], "%s", name);
    s->at[s->n] = s->size;
    return CAIRN_OK;
}

static cairn_status file_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    file_sections *s = ctx;
    if (fwrite(data, 1, n, s->file) != n)
        return cairn_fail_errno(err, errno, "write");
    s->size += n;
    return CAIRN_OK;
}

static cairn_status file_end(void *ctx, cairn_error *err)
{
    file_sections *s = ctx;
    (void)err;
    s->len[s->n] = s->size - s->at[s->n];
    s->n++;
    return CAIRN_OK;
}

static bool file_find(void *ctx, const char *name, const uint8_t **data, size_t *len)
{
    file_sections *s = ctx;
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->name[i], name)) {
            *data = s->map + s->at[i];
            *len = s->len[i];
            return true;
        }
    return false;
}

static lexical_reader *open_index(file_sections *s)
{
    section_source source = {s, file_find};
    lexical_reader *r;
    fflush(s->file);
    s->map = mmap(NULL, s->size, PROT_READ, MAP_SHARED, fileno(s->file), 0);
    if (s->map == MAP_FAILED)
        abort();
    must(lexical_reader_open(&r, &source, &error), "open");
    return r;
}

/* ---- input ---- */

typedef struct corpus {
    const char *path;
    FILE *file;
    size_t round, n;
    char *line;
    size_t cap;
} corpus;

/* The next passage, or NULL. From the second round on its third word is another. */
static char *next_passage(corpus *c, size_t times, size_t *len)
{
    ssize_t n;
    while (!c->file || (n = getline(&c->line, &c->cap, c->file)) <= 0) {
        if (c->file && ++c->round >= times)
            return NULL;
        if (c->file)
            rewind(c->file);
        else if (!(c->file = fopen(c->path, "r")))
            return NULL;
    }
    if (c->line[n - 1] == '\n')
        c->line[--n] = 0;
    if (c->round) {
        char *p = strchr(c->line, ' ');
        p = p ? strchr(p + 1, ' ') : NULL;
        for (size_t i = 1, x = c->round; p && i < 4 && p[i] && p[i] != ' '; i++, x /= 26)
            p[i] = (char)('a' + x % 26);
    }
    c->n++;
    *len = (size_t)n;
    return c->line;
}

static double cpu_all(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static long peak_mb(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss / 1024;
}

/* ---- queries ---- */

static void time_queries(const char *path, const lexical_segment *seg, size_t n_seg, size_t repeats,
                         const char *what)
{
    static char *lines[10000];
    static lexical_hit hits[1000];
    static const size_t depth[] = {10, 1000};
    size_t n = 0, cap = 0, n_hits;
    FILE *f = fopen(path, "r");
    analyzer *a;
    lexical_params p;

    if (!f)
        abort();
    while (n < 10000 && getline(&lines[n], &cap, f) > 0) {
        lines[n][strcspn(lines[n], "\n")] = 0;
        n++;
        cap = 0;
    }
    fclose(f);
    lexical_params_default(&p);
    must(analyzer_create(&a, &error), "analyzer");
    for (size_t d = 0; d < 2; d++) {
        double best = 1e9;
        for (size_t r = 0; r <= repeats; r++) {
            int64_t t0 = clock_cpu_ns();
            for (size_t i = 0; i < n; i++) {
                lexical_clause c = {.text = lines[i], .len = strlen(lines[i])};
                lexical_query q = {&c, 1, ""};
                must(lexical_search(a, seg, n_seg, &q, &p, depth[d], hits, &n_hits, &error),
                     "search");
            }
            double s = (double)(clock_cpu_ns() - t0) * 1e-9;
            if (r && s < best)
                best = s;
        }
        printf("\"%s_qps%zu_cpu\":%.0f,", what, depth[d], (double)n / best);
    }
    for (size_t i = 0; i < n; i++)
        free(lines[i]);
    analyzer_destroy(a);
}

int main(int argc, char **argv)
{
    static file_sections parts[SEGMENTS_MAX], whole;
    lexical_segment seg[SEGMENTS_MAX];
    lexical_writer_options o = {0};
    corpus c = {0};
    size_t rows = SIZE_MAX, times = 1, n_segments = 1, repeats = 3, each, len;
    const char *queries = NULL;
    bool reorder = false;
    char *text;
    lexical_writer *w = NULL;
    size_t n_parts = 0, in_part = 0;
    uint64_t postings = 0;

    for (int i = 1; i + 1 < argc; i += 2) {
        const char *v = argv[i + 1];
        if (!strcmp(argv[i], "--data"))
            c.path = v;
        else if (!strcmp(argv[i], "--n"))
            rows = strtoul(v, NULL, 10);
        else if (!strcmp(argv[i], "--times"))
            times = strtoul(v, NULL, 10);
        else if (!strcmp(argv[i], "--threads"))
            o.n_threads = strtoul(v, NULL, 10);
        else if (!strcmp(argv[i], "--memory"))
            o.memory_budget = strtoul(v, NULL, 10) << 20;
        else if (!strcmp(argv[i], "--segments"))
            n_segments = strtoul(v, NULL, 10);
        else if (!strcmp(argv[i], "--queries"))
            queries = v;
        else if (!strcmp(argv[i], "--reorder"))
            reorder = !strcmp(v, "on");
        else if (!strcmp(argv[i], "--repeats"))
            repeats = strtoul(v, NULL, 10);
        else
            c.path = NULL;
    }
    if (!c.path || n_segments < 1 || n_segments > SEGMENTS_MAX || (n_segments > 1 && rows == SIZE_MAX)) {
        fprintf(stderr, "usage: bench_segments --data FILE [--n ROWS] [options]; --segments needs --n\n");
        return 2;
    }
    each = n_segments > 1 ? (rows + n_segments - 1) / n_segments : SIZE_MAX;
    int64_t t0 = clock_mono_ns();
    double cpu0 = cpu_all();
    while (c.n < rows && (text = next_passage(&c, times, &len))) {
        lexical_doc d = {.lang = ""};
        d.field[LEXICAL_BODY].text = text;
        d.field[LEXICAL_BODY].len = len;
        if (!w)
            must(lexical_writer_create(&w, &o, &error), "writer");
        must(lexical_writer_add(w, &d, NULL, &error), "add");
        if (++in_part == each || c.n == rows) {
            section_sink sink = {&parts[n_parts++], file_begin, file_write, file_end};
            must(lexical_writer_finish(w, &sink, &error), "finish");
            lexical_writer_destroy(w);
            w = NULL;
            in_part = 0;
        }
    }
    if (w) {
        section_sink sink = {&parts[n_parts++], file_begin, file_write, file_end};
        must(lexical_writer_finish(w, &sink, &error), "finish");
        lexical_writer_destroy(w);
    }
    double wall = (double)(clock_mono_ns() - t0) * 1e-9, cpu = cpu_all() - cpu0;
    long peak = peak_mb();
    size_t bytes = 0;
    for (size_t i = 0; i < n_parts; i++) {
        seg[i] = (lexical_segment){open_index(&parts[i]), NULL, NULL};
        postings += lexical_reader_postings(seg[i].reader);
        bytes += parts[i].size;
    }
    printf("{\"bench\":\"segments\",\"rows\":%zu,\"threads\":%zu,\"memory_mb\":%zu,\"segments\":%zu,"
           "\"index_s\":%.3f,\"index_cpu_s\":%.3f,\"peak_rss_mb\":%ld,\"bytes\":%zu,\"postings\":%llu,",
           c.n, o.n_threads, o.memory_budget >> 20, n_parts, wall, cpu, peak, bytes,
           (unsigned long long)postings);
    if (queries)
        time_queries(queries, seg, n_parts, repeats, "parts");
    if (n_parts > 1 || reorder) {
        lexical_merge_options how = {0};
        lexical_merge_input in[SEGMENTS_MAX];
        section_sink sink = {&whole, file_begin, file_write, file_end};
        for (size_t i = 0; i < n_parts; i++)
            in[i] = (lexical_merge_input){seg[i].reader, NULL};
        if (reorder) {
            uint32_t *order = malloc(c.n * sizeof *order);
            pool *workers;
            if (!order)
                abort();
            must(pool_create(&workers, o.n_threads ? o.n_threads : 1, &error), "pool");
            t0 = clock_mono_ns();
            cpu0 = cpu_all();
            must(lexical_reorder(in, n_parts, NULL, workers, order, &error), "reorder");
            printf("\"reorder_s\":%.3f,\"reorder_cpu_s\":%.3f,\"reorder_peak_rss_mb\":%ld,",
                   (double)(clock_mono_ns() - t0) * 1e-9, cpu_all() - cpu0, peak_mb());
            how.order = order;
            pool_destroy(workers);
        }
        t0 = clock_mono_ns();
        cpu0 = cpu_all();
        must(lexical_merge_with(in, n_parts, &how, &sink, &error), "merge");
        free((void *)how.order);
        printf("\"merge_s\":%.3f,\"merge_cpu_s\":%.3f,\"merged_bytes\":%zu,",
               (double)(clock_mono_ns() - t0) * 1e-9, cpu_all() - cpu0, whole.size);
        seg[0] = (lexical_segment){open_index(&whole), NULL, NULL};
        if (queries)
            time_queries(queries, seg, 1, repeats, "merged");
    }
    printf("\"peak_rss_mb_end\":%ld}\n", peak_mb());
    free(c.line);
    return 0;
}
