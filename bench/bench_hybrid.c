/* bench_hybrid.c - what a hybrid search costs, from the text of a question to the fused list: embedding, words,
 * vectors, fusion, over one segment of each kind kept in memory.
 *
 *   bench_hybrid --text DIR --vectors DIR --embedder MODEL [--threads N] [--depth 1000] [--queries N]
 *
 * --text: corpus.txt and queries.txt, a text a line (t100k); --vectors: base.npy, their unit vectors in the
 * same order. Every question is asked once to warm up and once for the figures. One JSON line: medians and 99 %
 * of the wall clock, in total and by stage, and of the CPU time of the asking thread. */
#include <getopt.h>

#include "bench/bench_vectors.h"
#include "generate/encode/encoder.h"
#include "retrieve/search.h"

#define QUERY_BYTES ((size_t)1 << 30)

enum { TOTAL, EMBED, WORDS, VECTORS, FUSE, CPU, STAGES };
static const char *const stage_names[STAGES] = {"total", "embed", "words", "vectors", "fuse", "cpu"};

static chunk_id row_chunk(const void *ctx, uint32_t row)
{
    (void)ctx;
    return row + 1;
}

static bool chunk_row(const void *ctx, chunk_id chunk, uint32_t *row)
{
    (void)ctx;
    *row = (uint32_t)chunk - 1;
    return true;
}

static cairn_status embed(void *ctx, const char *text, size_t len, float *out, cairn_error *err)
{
    encoder_text question = {text, len};

    return encoder_embed(ctx, &question, 1, ENCODER_QUERY, out, err);
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "re");
    if (!f) {
        fprintf(stderr, "bench_hybrid: cannot read %s\n", path);
        exit(1);
    }
    return f;
}

static lexical_reader *index_words(const char *dir, memory_sections *sections, section_source *source)
{
    section_sink sink = memory_sink(sections);
    FILE *f = open_in(dir, "corpus.txt");
    lexical_writer *w;
    lexical_reader *r;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    must(lexical_writer_create(&w, NULL, &bench_error), "index");
    while ((len = getline(&line, &cap, f)) > 0) {
        lexical_doc d = {.lang = "en"};
        d.field[LEXICAL_BODY].text = line;
        d.field[LEXICAL_BODY].len = (size_t)len;
        must(lexical_writer_add(w, &d, NULL, &bench_error), "index");
    }
    free(line);
    fclose(f);
    must(lexical_writer_finish(w, &sink, &bench_error), "index");
    lexical_writer_destroy(w);
    *source = memory_source(sections);
    must(lexical_reader_open(&r, source, &bench_error), "open");
    return r;
}

static vector_reader *index_vectors(const char *dir, memory_sections *sections, section_source *source,
                                    uint32_t *dim)
{
    section_sink sink = memory_sink(sections);
    matrix m = bench_npy(dir, "base.npy", "<f4", 4, false);
    vector_writer *w;
    vector_reader *r;

    *dim = (uint32_t)m.d;
    must(vector_writer_create(&w, *dim, VECTOR_COSINE, NULL, &bench_error), "vectors");
    for (size_t i = 0; i < m.n; i++)
        must(vector_writer_add(w, (const float *)m.data + i * m.d, &bench_error), "vectors");
    free(m.data);
    must(vector_writer_finish(w, &sink, NULL, &bench_error), "vectors");
    vector_writer_destroy(w);
    *source = memory_source(sections);
    must(vector_reader_open(&r, source, &bench_error), "open");
    return r;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* One question; its times in milliseconds into at[STAGES]. */
static void ask(const retrieve_corpus *corpus, const char *text, size_t depth, analyzer *an, pool *workers,
                double at[STAGES])
{
    retrieve_params params;
    retrieve_query query;
    retrieve_result found;
    arena memory;
    int64_t wall = clock_mono_ns(), cpu = clock_cpu_ns();

    arena_init(&memory, QUERY_BYTES);
    retrieve_params_default(&params);
    params.depth = depth;
    must(retrieve_query_plain(&query, text, NULL, &memory, &bench_error), "question");
    must(retrieve_search(corpus, &query, RETRIEVE_HYBRID, 10, NULL, &params, an, workers, &memory, &found,
                         &bench_error), "search");
    at[TOTAL] = (double)(clock_mono_ns() - wall) / 1e6;
    at[CPU] = (double)(clock_cpu_ns() - cpu) / 1e6;
    at[EMBED] = (double)found.embed_ns / 1e6;
    at[WORDS] = (double)found.lexical_ns / 1e6;
    at[VECTORS] = (double)found.vector_ns / 1e6;
    at[FUSE] = (double)found.fuse_ns / 1e6;
    arena_clear(&memory);
}

static size_t read_questions(const char *dir, size_t max, char **out)
{
    FILE *f = open_in(dir, "queries.txt");
    size_t n = 0, cap = 0;
    ssize_t len;

    while (n < max && (out[n] = NULL, cap = 0, len = getline(&out[n], &cap, f)) > 0) {
        if (out[n][len - 1] == '\n')
            out[n][len - 1] = '\0';
        n++;
    }
    free(n < max ? out[n] : NULL);
    fclose(f);
    return n;
}

static void report(double (*times)[STAGES], size_t n, uint32_t rows, size_t threads, size_t depth)
{
    double *one = room(n, sizeof *one);
    char line[2048];
    int at = snprintf(line, sizeof line, "{\"bench\":\"hybrid\",\"rows\":%u,\"queries\":%zu,\"threads\":%zu,"
                                         "\"depth\":%zu", rows, n, threads, depth);

    for (int s = 0; s < STAGES; s++) {
        for (size_t i = 0; i < n; i++)
            one[i] = times[i][s];
        qsort(one, n, sizeof *one, by_value);
        at += snprintf(line + at, sizeof line - (size_t)at, ",\"%s_ms_p50\":%.3f,\"%s_ms_p99\":%.3f",
                       stage_names[s], one[n / 2], stage_names[s],
                       one[(size_t)(0.99 * (double)(n - 1) + 0.5)]);
    }
    emit("%s}", line);
    free(one);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"text", required_argument, NULL, 't'},
                                            {"vectors", required_argument, NULL, 'v'},
                                            {"embedder", required_argument, NULL, 'e'},
                                            {"threads", required_argument, NULL, 'n'},
                                            {"depth", required_argument, NULL, 'd'},
                                            {"queries", required_argument, NULL, 'q'},
                                            {0}};
    const char *text = NULL, *vectors = NULL, *model = NULL;
    size_t threads = 1, depth = 1000, max = 1000, n;
    memory_sections words_at = {0}, vectors_at = {0};
    section_source words_source, vectors_source;
    retrieve_lexical_segment words = {.rows = {NULL, row_chunk, row_chunk, chunk_row}};
    retrieve_vector_segment nearest = {.rows = {NULL, row_chunk, row_chunk, chunk_row}};
    retrieve_corpus corpus = {
        .lexical = &words, .n_lexical = 1, .vector = &nearest, .n_vector = 1, .embed = embed};
    encoder_options with = {0};
    double(*times)[STAGES];
    char **questions;
    encoder *e;
    analyzer *an;
    pool *workers;

    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (o) {
        case 't':
            text = optarg;
            break;
        case 'v':
            vectors = optarg;
            break;
        case 'e':
            model = optarg;
            break;
        case 'n':
            threads = strtoul(optarg, NULL, 10);
            break;
        case 'd':
            depth = strtoul(optarg, NULL, 10);
            break;
        case 'q':
            max = strtoul(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    if (!text || !vectors || !model || !threads || !depth || !max) {
        fputs("bench_hybrid --text DIR --vectors DIR --embedder MODEL\n", stderr);
        return 2;
    }
    must(pool_create(&workers, threads, &bench_error), "threads");
    with.pool = workers;
    must(encoder_open(&e, model, &with, &bench_error), model);
    must(analyzer_create(&an, &bench_error), "analyzer");
    words.reader = index_words(text, &words_at, &words_source);
    nearest.reader = index_vectors(vectors, &vectors_at, &vectors_source, &corpus.dim);
    corpus.embed_ctx = e;
    questions = room(max, sizeof *questions);
    n = read_questions(text, max, questions);
    times = room(n, sizeof *times);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < n; i++)
            ask(&corpus, questions[i], depth, an, workers, times[i]);
    report(times, n, lexical_reader_rows(words.reader), threads, depth);
    for (size_t i = 0; i < n; i++)
        free(questions[i]);
    free(questions);
    free(times);
    lexical_reader_close((lexical_reader *)words.reader);
    vector_reader_close((vector_reader *)nearest.reader);
    memory_clear(&words_at);
    memory_clear(&vectors_at);
    analyzer_destroy(an);
    encoder_close(e);
    pool_destroy(workers);
    return 0;
}
