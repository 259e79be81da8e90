/* bench_lexical.c - the lexical index by itself: ranking quality on a folder in BEIR's layout, and
 * speed on the inputs of the peers' script.
 *
 *   bench_lexical --beir DIR [--lang xx] [--no-path] [--k1 F] [--b F] [--title F] [--path F]
 *                 [--stop-words keep] [--compounds on] [--proximity F] [--proximity-depth N]
 *       corpus.jsonl (_id, title, text), queries.jsonl, qrels.tsv; one JSON line with nDCG@10,
 *       Recall@100 and average precision over the judged queries, and the CPU time of their searches for
 *       1,000 hits: mean and 99th percentile.
 *   bench_lexical --data DIR --operators [--repeats 3] [--nq 100]
 *       each operator of the query language on words of the first questions, best 10: median, 99th
 *       percentile and worst of the best repeat, in us of the thread's CPU time, and the hits a question.
 *   bench_lexical --data DIR [--repeats 3] [--nq 1000] [--segments 1] [--ranks FILE] [--check] [--lang xx]
 *       corpus.txt and queries.txt, a text a line, already tokenised; one JSON line with the keys
 *       of the peers' scripts. index_cpu_s includes reading the file, as theirs; qpsK_cpu is per
 *       second of the thread's CPU time, pNN_usK are percentiles of a query's. --ranks writes the
 *       first ten of each query as the peers' script does; --check compares the best 1, 10, 100 and
 *       1,000 with those of the exhaustive search. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/checked.h"
#include "base/clock.h"
#include "index/lexical/lexical.h"
#include "tests/index/lexical/memory_sections.h"

static cairn_error error;

static void must(cairn_status st, const char *what)
{
    if (st) {
        fprintf(stderr, "bench_lexical: %s: %s\n", what, error.text);
        exit(1);
    }
}

static void *room(void *p)
{
    if (!p) {
        fprintf(stderr, "bench_lexical: no memory\n");
        exit(1);
    }
    return p;
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[4096];
    FILE *f;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "bench_lexical: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return f;
}

/* ---- quality ---- */

typedef struct judgement {
    char *query, *doc;
    double grade;
} judgement;

static int by_query(const void *a, const void *b)
{
    const judgement *x = a, *y = b;
    int c = strcmp(x->query, y->query);
    return c ? c : strcmp(x->doc, y->doc);
}

static int falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static judgement *read_qrels(const char *dir, size_t *n)
{
    FILE *f = open_in(dir, "qrels.tsv");
    judgement *j = NULL;
    char *line = NULL;
    size_t cap = 0;
    bool header = true;

    *n = 0;
    while (getline(&line, &cap, f) > 0) {
        char *save, *q = strtok_r(line, "\t\n", &save), *d = strtok_r(NULL, "\t\n", &save);
        char *g = strtok_r(NULL, "\t\n", &save);
        if (!header && q && d && g) {
            j = room(realloc(j, (*n + 1) * sizeof *j));
            j[(*n)++] = (judgement){room(strdup(q)), room(strdup(d)), atof(g)};
        }
        header = false;
    }
    free(line);
    fclose(f);
    qsort(j, *n, sizeof *j, by_query);
    return j;
}

typedef struct quality {
    double ndcg, recall, ap;
    size_t queries;
} quality;

static void judge(const judgement *j, size_t n, const lexical_hit *hits, size_t n_hits,
                  char *const *ids, quality *q)
{
    double grades[10000], dcg = 0, ideal = 0, found = 0, sum = 0;
    size_t relevant = 0;

    for (size_t i = 0; i < n && relevant < 10000; i++)
        if (j[i].grade > 0)
            grades[relevant++] = j[i].grade;
    if (!relevant)
        return;
    qsort(grades, relevant, sizeof *grades, falling);
    for (size_t i = 0; i < 10 && i < relevant; i++)
        ideal += grades[i] / log2((double)i + 2);
    for (size_t i = 0; i < n_hits; i++) {
        double grade = 0;
        for (size_t k = 0; k < n; k++)
            if (!strcmp(j[k].doc, ids[hits[i].row]))
                grade = j[k].grade;
        if (grade <= 0)
            continue;
        if (i < 10)
            dcg += grade / log2((double)i + 2);
        found += 1;
        sum += found / ((double)i + 1);
        if (i < 100)
            q->recall += 1 / (double)relevant;
    }
    q->ndcg += dcg / ideal;
    q->ap += sum / (double)relevant;
    q->queries++;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int rising(const void *a, const void *b)
{
    return -falling(a, b);
}

static double percentile(double *v, size_t n, double p)
{
    double at = p / 100 * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, rising);
    return percentile(v, n, 50);
}

/* The language that a set's name ends in (xquad-de), or English. */
static const char *language_of(const char *dir)
{
    static char code[3];
    size_t n = strlen(dir);
    while (n && dir[n - 1] == '/')
        n--;
    if (n > 3 && dir[n - 3] == '-' && strncmp(dir + n - 2, "00", 2)) {
        memcpy(code, dir + n - 2, 2);
        return code;
    }
    return "en";
}

static char **index_beir(const char *dir, const char *lang, bool path, memory_sections *sections,
                         size_t *n)
{
    lexical_writer *w;
    section_sink sink = memory_sink(sections);
    FILE *f = open_in(dir, "corpus.jsonl");
    char *line = NULL, **ids = NULL;
    size_t cap = 0;

    *n = 0;
    must(lexical_writer_create(&w, NULL, &error), "writer");
    while (getline(&line, &cap, f) > 0) {
        json_t *o = json_loads(line, 0, NULL);
        lexical_doc d = {.lang = lang};
        if (!o)
            continue;
        d.field[LEXICAL_TITLE].text = text_of(o, "title");
        d.field[LEXICAL_BODY].text = text_of(o, "text");
        d.field[LEXICAL_PATH].text = path ? text_of(o, "_id") : "";
        for (size_t i = 0; i < LEXICAL_FIELDS; i++)
            d.field[i].len = d.field[i].text ? strlen(d.field[i].text) : 0;
        must(lexical_writer_add(w, &d, NULL, &error), "add");
        ids = room(realloc(ids, (*n + 1) * sizeof *ids));
        ids[(*n)++] = room(strdup(text_of(o, "_id")));
        json_decref(o);
    }
    free(line);
    fclose(f);
    must(lexical_writer_finish(w, &sink, &error), "finish");
    lexical_writer_destroy(w);
    return ids;
}

static int beir(const char *dir, const char *lang, bool path, const lexical_params *params)
{
    memory_sections sections = {0};
    section_source source = memory_source(&sections);
    lexical_reader *r;
    lexical_segment seg = {0};
    lexical_hit *hits = room(calloc(1000, sizeof *hits));
    analyzer *a;
    quality q = {0};
    double *times = NULL, total = 0;
    size_t n_times = 0, cap_times = 0;
    size_t n_docs, n_judged, cap = 0;
    judgement *judged = read_qrels(dir, &n_judged);
    char **ids, *line = NULL;
    FILE *f = open_in(dir, "queries.jsonl");
    const char *name = strrchr(dir, '/');

    if (!lang)
        lang = language_of(dir);
    ids = index_beir(dir, lang, path, &sections, &n_docs);
    must(lexical_reader_open(&r, &source, &error), "open");
    must(lexical_reader_verify(r, &error), "verify");
    must(analyzer_create(&a, &error), "analyzer");
    seg.reader = r;
    while (getline(&line, &cap, f) > 0) {
        json_t *o = json_loads(line, 0, NULL);
        const char *id = text_of(o, "_id"), *text = text_of(o, "text");
        lexical_clause c = {.text = text, .len = strlen(text)};
        lexical_query query = {&c, 1, lang};
        size_t from = 0, to, n_hits;
        while (from < n_judged && strcmp(judged[from].query, id))
            from++;
        to = from;
        while (to < n_judged && !strcmp(judged[to].query, id))
            to++;
        if (to > from) {
            int64_t t0 = clock_cpu_ns();
            must(lexical_search(a, &seg, 1, &query, params, 1000, hits, &n_hits, &error), "search");
            times = room(checked_room(times, n_times, &cap_times, sizeof *times));
            times[n_times] = (double)(clock_cpu_ns() - t0) * 1e-3;
            total += times[n_times++];
            judge(judged + from, to - from, hits, n_hits, ids, &q);
        }
        json_decref(o);
    }
    qsort(times, n_times, sizeof *times, rising);
    printf("{\"bench\":\"lexical_quality\",\"set\":\"%s\",\"lang\":\"%s\",\"documents\":%zu,"
           "\"queries\":%zu,\"ndcg10\":%.4f,\"recall100\":%.4f,\"ap\":%.4f,\"mean_us\":%.1f,"
           "\"p99_us\":%.1f}\n",
           name ? name + 1 : dir, lang, n_docs, q.queries, q.ndcg / (double)q.queries,
           q.recall / (double)q.queries, q.ap / (double)q.queries, total / (double)q.queries,
           percentile(times, n_times, 99));
    free(times);
    free(line);
    fclose(f);
    for (size_t i = 0; i < n_docs; i++)
        free(ids[i]);
    free(ids);
    for (size_t i = 0; i < n_judged; i++) {
        free(judged[i].query);
        free(judged[i].doc);
    }
    free(judged);
    free(hits);
    analyzer_destroy(a);
    lexical_reader_close(r);
    memory_clear(&sections);
    return 0;
}

/* ---- speed ---- */

static char **read_lines(const char *dir, const char *name, size_t max, size_t *n)
{
    FILE *f = open_in(dir, name);
    char **lines = NULL, *line = NULL;
    size_t cap = 0;
    ssize_t len;

    *n = 0;
    while (*n < max && (len = getline(&line, &cap, f)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = 0;
        if (*n % 1024 == 0)
            lines = room(realloc(lines, (*n + 1024) * sizeof *lines));
        lines[(*n)++] = room(strdup(line));
    }
    free(line);
    fclose(f);
    return lines;
}

static long peak_mb(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss / 1024;
}

typedef struct engine {
    analyzer *a;
    lexical_segment seg[64];
    size_t n;
    lexical_params params;
    const char *lang; /* of the texts and the questions */
    lexical_hit hits[1000];
    size_t n_hits;
} engine;

static void ask(engine *e, const char *text, size_t k)
{
    lexical_clause c = {.text = text, .len = strlen(text)};
    lexical_query q = {&c, 1, e->lang};
    must(lexical_search(e->a, e->seg, e->n, &q, &e->params, k, e->hits, &e->n_hits, &error),
         "search");
}

/* Print the fields of one k. */
static void time_queries(engine *e, char **q, size_t n, size_t k, size_t repeats)
{
    double *wall = room(calloc(repeats * n, sizeof *wall)),
           *cpu = room(calloc(repeats * n, sizeof *cpu));
    double *best = room(calloc(n, sizeof *best)), *mid = room(calloc(n, sizeof *mid));
    double qps[64], qps_cpu[64], one[64], total_best = 0;

    for (size_t i = 0; i < n && i < 200; i++)
        ask(e, q[i], k);
    for (size_t r = 0; r < repeats; r++) {
        double w = 0, c = 0;
        for (size_t i = 0; i < n; i++) {
            int64_t t0 = clock_mono_ns(), c0 = clock_cpu_ns();
            ask(e, q[i], k);
            cpu[r * n + i] = (double)(clock_cpu_ns() - c0) * 1e-9;
            wall[r * n + i] = (double)(clock_mono_ns() - t0) * 1e-9;
            w += wall[r * n + i];
            c += cpu[r * n + i];
        }
        qps[r] = (double)n / w;
        qps_cpu[r] = (double)n / c;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t r = 0; r < repeats; r++)
            one[r] = cpu[r * n + i];
        mid[i] = median(one, repeats);
        for (size_t r = 0; r < repeats; r++)
            one[r] = wall[r * n + i];
        qsort(one, repeats, sizeof *one, rising);
        best[i] = one[0];
        total_best += one[0];
    }
    qsort(mid, n, sizeof *mid, rising);
    qsort(best, n, sizeof *best, rising);
    printf("\"qps%zu\":%.1f,\"qps%zu_cpu\":%.1f,\"qps%zu_best\":%.1f,\"p50_us%zu\":%.1f,"
           "\"p99_us%zu\":%.1f,\"p50_wall_us%zu\":%.1f,\"p99_wall_us%zu\":%.1f,",
           k, median(qps, repeats), k, median(qps_cpu, repeats), k, (double)n / total_best, k,
           percentile(mid, n, 50) * 1e6, k, percentile(mid, n, 99) * 1e6, k,
           percentile(best, n, 50) * 1e6, k, percentile(best, n, 99) * 1e6);
    free(wall);
    free(cpu);
    free(best);
    free(mid);
}

static size_t count_lines(const char *dir, const char *name)
{
    FILE *f = open_in(dir, name);
    size_t n = 0;
    for (int c; (c = getc_unlocked(f)) != EOF;)
        n += c == '\n';
    fclose(f);
    return n;
}

/* Index rows from .. to of an open file. */
static void index_lines(FILE *f, size_t n, const char *lang, memory_sections *sections)
{
    section_sink sink = memory_sink(sections);
    lexical_writer *w;
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    must(lexical_writer_create(&w, NULL, &error), "writer");
    for (size_t i = 0; i < n && (len = getline(&line, &cap, f)) > 0; i++) {
        lexical_doc d = {.lang = lang};
        d.field[LEXICAL_BODY].text = line;
        d.field[LEXICAL_BODY].len = (size_t)len - (line[len - 1] == '\n');
        must(lexical_writer_add(w, &d, NULL, &error), "add");
    }
    must(lexical_writer_finish(w, &sink, &error), "finish");
    lexical_writer_destroy(w);
    free(line);
}

/* The fast search against the exhaustive one; returns the queries that differ. */
static size_t check_queries(engine *e, char **q, size_t n)
{
    static const size_t ks[] = {1, 10, 100, 1000};
    static lexical_hit all[1000];
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++) {
        lexical_clause c = {.text = q[i], .len = strlen(q[i])};
        lexical_query query = {&c, 1, ""};
        size_t n_all;
        bool same = true;
        must(lexical_search_exhaustive(e->a, e->seg, e->n, &query, &e->params, 1000, all, &n_all,
                                       &error),
             "exhaustive search");
        for (size_t j = 0; j < sizeof ks / sizeof *ks; j++) {
            ask(e, q[i], ks[j]);
            same = same && e->n_hits == (n_all < ks[j] ? n_all : ks[j]);
            for (size_t h = 0; h < e->n_hits && same; h++)
                same = e->hits[h].segment == all[h].segment && e->hits[h].row == all[h].row &&
                       e->hits[h].score == all[h].score;
        }
        wrong += !same;
    }
    return wrong;
}

static void write_ranks(engine *e, char **q, size_t n, const uint32_t *base, const char *path)
{
    FILE *f = fopen(path, "w");

    if (!f) {
        fprintf(stderr, "bench_lexical: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        ask(e, q[i], 10);
        for (size_t h = 0; h < e->n_hits; h++)
            fprintf(f, "%u:%.6f ", base[e->hits[h].segment] + e->hits[h].row,
                    (double)e->hits[h].score);
        fprintf(f, "\n");
    }
    fclose(f);
}

/* Open the segments and print the fields of their sizes. */
static void open_segments(engine *e, memory_sections *sections)
{
    size_t all = 0, positions = 0;
    uint64_t postings = 0;

    for (size_t s = 0; s < e->n; s++) {
        section_source source = memory_source(&sections[s]);
        lexical_reader *r;
        must(lexical_reader_open(&r, &source, &error), "open");
        e->seg[s] = (lexical_segment){r, NULL, NULL};
        postings += lexical_reader_postings(r);
        all += memory_bytes(&sections[s]);
        for (size_t i = 0; i < sections[s].n; i++)
            positions += strcmp(sections[s].name[i], "lex.pos") ? 0 : sections[s].len[i];
    }
    printf("\"bytes\":%zu,\"bytes_without_positions\":%zu,\"postings\":%llu,"
           "\"bits_per_posting\":%.2f,\"bits_per_posting_without_positions\":%.2f,",
           all, all - positions, (unsigned long long)postings, 8.0 * (double)all / (double)postings,
           8.0 * (double)(all - positions) / (double)postings);
}

static int speed(const char *dir, size_t repeats, size_t n_queries, size_t n_segments,
                 const char *lang, const char *ranks, bool check, const lexical_params *params)
{
    static engine e;
    static memory_sections sections[64];
    size_t n_docs = count_lines(dir, "corpus.txt"), n, wrong = 0;
    char **q = read_lines(dir, "queries.txt", n_queries, &n);
    FILE *f = open_in(dir, "corpus.txt");
    static char buffer[1 << 18];
    int64_t t0 = clock_mono_ns(), c0 = clock_cpu_ns();
    uint32_t base[64];

    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    e.params = *params;
    e.lang = lang ? lang : "";
    e.n = n_segments;
    for (size_t s = 0; s < n_segments; s++) {
        size_t from = n_docs * s / n_segments, to = n_docs * (s + 1) / n_segments;
        base[s] = (uint32_t)from;
        index_lines(f, to - from, e.lang, &sections[s]);
    }
    fclose(f);
    printf(
        "{\"bench\":\"bm25\",\"peer\":\"cairn\",\"n\":%zu,\"k1\":%.2f,\"b\":%.2f,\"segments\":%zu,"
        "\"index_s\":%.3f,\"index_cpu_s\":%.3f,\"rss_mb_index\":%ld,",
        n_docs, (double)params->k1, (double)params->b[LEXICAL_BODY], n_segments,
        (double)(clock_mono_ns() - t0) * 1e-9, (double)(clock_cpu_ns() - c0) * 1e-9, peak_mb());
    open_segments(&e, sections);
    must(analyzer_create(&e.a, &error), "analyzer");
    time_queries(&e, q, n, 10, repeats);
    time_queries(&e, q, n, 1000, repeats);
    if (check) {
        wrong = check_queries(&e, q, n);
        printf("\"queries_unlike_exhaustive\":%zu,", wrong);
    }
    printf("\"rss_mb_query\":%ld}\n", peak_mb());
    if (ranks)
        write_ranks(&e, q, n, base, ranks);
    return wrong != 0;
}

/* ---- operators ---- */

typedef struct operator_case {
    const char *name;
    lexical_kind kind;
    uint32_t slop;
    unsigned edits;
} operator_case;

/* The clause of case c on words a and b; false: they don't suit. */
static bool make_clause(const operator_case *c, const char *a, const char *b, char text[256],
                        lexical_clause *out, lexical_clause part[2])
{
    size_t n = strlen(a), m = strlen(b);

    if (n < 4 || n > 60 || m < 4 || m > 60)
        return false;
    *out = (lexical_clause){.kind = c->kind, .slop = c->slop, .edits = c->edits, .text = text};
    snprintf(text, 256, "%s", a);
    if (!strcmp(c->name, "prefix"))
        snprintf(text, 256, "%.*s*", (int)n - 1, a);
    else if (!strcmp(c->name, "prefix of 2"))
        snprintf(text, 256, "%.2s*", a);
    else if (!strcmp(c->name, "suffix"))
        snprintf(text, 256, "*%s", a + 2);
    else if (!strcmp(c->name, "infix"))
        snprintf(text, 256, "%.2s*%s", a, a + n - 1);
    else if (!strcmp(c->name, "one letter"))
        snprintf(text, 256, "%.2s?%s", a, a + 3);
    else if (!strcmp(c->name, "expression"))
        snprintf(text, 256, "%.2s[a-z]%s(s|ed|ing)?", a, a + 3);
    else if (c->kind == LEXICAL_PHRASE)
        snprintf(text, 256, "%s %s", a, b);
    else if (c->kind == LEXICAL_NEAR) {
        part[0] = (lexical_clause){.text = a, .len = n};
        part[1] = (lexical_clause){.text = b, .len = m};
        out->parts = part;
        out->n_parts = 2;
    }
    out->len = strlen(text);
    return true;
}

static void time_operator(engine *e, const operator_case *c, char (*words)[64], size_t n_words,
                          size_t nq, size_t repeats)
{
    double *best = room(calloc(nq, sizeof *best));
    size_t n = 0, hits = 0;

    for (size_t i = 0; i + 1 < n_words && n < nq; i += 2) {
        char text[256];
        lexical_clause clause, part[2];
        lexical_query q = {.clauses = &clause, .n = 1, .lang_hint = ""};
        if (!make_clause(c, words[i], words[i + 1], text, &clause, part))
            continue;
        best[n] = 1e9;
        for (size_t r = 0; r < repeats; r++) {
            int64_t t0 = clock_cpu_ns();
            double us;
            must(lexical_search(e->a, e->seg, e->n, &q, &e->params, 10, e->hits, &e->n_hits,
                                &error),
                 "search");
            us = (double)(clock_cpu_ns() - t0) * 1e-3;
            best[n] = us < best[n] ? us : best[n];
        }
        hits += e->n_hits;
        n++;
    }
    qsort(best, n, sizeof *best, rising);
    printf("{\"bench\":\"lexical_operators\",\"operator\":\"%s\",\"queries\":%zu,\"p50_us\":%.1f,"
           "\"p99_us\":%.1f,\"max_us\":%.1f,\"hits\":%.1f}\n",
           c->name, n, percentile(best, n, 50), percentile(best, n, 99), best[n - 1],
           (double)hits / (double)n);
    fflush(stdout);
    free(best);
}

/* Words of the questions, two by two as they follow each other. */
static int operators(const char *dir, size_t repeats, size_t nq, const lexical_params *params)
{
    static const operator_case cases[] = {{"word", LEXICAL_WORDS, 0, 0},
                                          {"phrase", LEXICAL_PHRASE, 0, 0},
                                          {"phrase~3", LEXICAL_PHRASE, 3, 0},
                                          {"NEAR/10", LEXICAL_NEAR, 10, 0},
                                          {"prefix", LEXICAL_WILDCARD, 0, 0},
                                          {"prefix of 2", LEXICAL_WILDCARD, 0, 0},
                                          {"suffix", LEXICAL_WILDCARD, 0, 0},
                                          {"infix", LEXICAL_WILDCARD, 0, 0},
                                          {"one letter", LEXICAL_WILDCARD, 0, 0},
                                          {"word~1", LEXICAL_FUZZY, 0, 1},
                                          {"word~2", LEXICAL_FUZZY, 0, 2},
                                          {"expression", LEXICAL_REGEX, 0, 0}};
    static engine e;
    static memory_sections sections;
    section_sink sink = memory_sink(&sections);
    section_source source = memory_source(&sections);
    size_t n_docs, n_lines, n_words = 0;
    char **docs = read_lines(dir, "corpus.txt", SIZE_MAX, &n_docs);
    char **q = read_lines(dir, "queries.txt", 1000, &n_lines);
    char(*words)[64] = room(calloc(n_lines * 16, sizeof *words));
    lexical_writer *w;
    lexical_reader *r;

    e.params = *params;
    must(lexical_writer_create(&w, NULL, &error), "writer");
    for (size_t i = 0; i < n_docs; i++) {
        lexical_doc d = {.lang = ""};
        d.field[LEXICAL_BODY].text = docs[i];
        d.field[LEXICAL_BODY].len = strlen(docs[i]);
        must(lexical_writer_add(w, &d, NULL, &error), "add");
        free(docs[i]);
    }
    must(lexical_writer_finish(w, &sink, &error), "finish");
    lexical_writer_destroy(w);
    must(lexical_reader_open(&r, &source, &error), "open");
    e.seg[0] = (lexical_segment){r, NULL, NULL};
    e.n = 1;
    must(analyzer_create(&e.a, &error), "analyzer");
    for (size_t i = 0; i < n_lines; i++) {
        char *save, *a = strtok_r(q[i], " ", &save), *b = strtok_r(NULL, " ", &save);
        if (a && b && strlen(a) < 60 && strlen(b) < 60) {
            snprintf(words[n_words++], 64, "%s", a);
            snprintf(words[n_words++], 64, "%s", b);
        }
    }
    printf("{\"bench\":\"lexical_operators\",\"n\":%zu,\"terms\":%llu}\n", n_docs,
           (unsigned long long)lexical_reader_terms(r));
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        time_operator(&e, &cases[c], words, n_words, nq, repeats);
    return 0;
}

int main(int argc, char **argv)
{
    const char *dir = NULL, *data = NULL, *lang = NULL, *ranks = NULL;
    size_t repeats = 3, n_queries = 1000, n_segments = 1;
    bool by_operator = false, path = true, check = false;
    lexical_params params;

    lexical_params_default(&params);
    params.keep_stop_words = false;
    for (int i = 1; i < argc; i++) {
        const char *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--operators")) {
            by_operator = true;
            continue;
        }
        if (!strcmp(argv[i], "--no-path")) {
            path = false;
            continue;
        }
        if (!strcmp(argv[i], "--check")) {
            check = true;
            continue;
        }
        if (!strcmp(argv[i], "--beir"))
            dir = v;
        else if (!strcmp(argv[i], "--data"))
            data = v;
        else if (!strcmp(argv[i], "--lang"))
            lang = v;
        else if (!strcmp(argv[i], "--ranks"))
            ranks = v;
        else if (!strcmp(argv[i], "--repeats"))
            repeats = strtoul(v, NULL, 10);
        else if (!strcmp(argv[i], "--nq"))
            n_queries = strtoul(v, NULL, 10);
        else if (!strcmp(argv[i], "--segments"))
            n_segments = strtoul(v, NULL, 10);
        else if (!strcmp(argv[i], "--k1"))
            params.k1 = strtof(v, NULL);
        else if (!strcmp(argv[i], "--b"))
            params.b[LEXICAL_TITLE] = params.b[LEXICAL_HEADINGS] = params.b[LEXICAL_BODY] =
                strtof(v, NULL);
        else if (!strcmp(argv[i], "--title"))
            params.weight[LEXICAL_TITLE] = strtof(v, NULL);
        else if (!strcmp(argv[i], "--path"))
            params.weight[LEXICAL_PATH] = strtof(v, NULL);
        else if (!strcmp(argv[i], "--proximity"))
            params.proximity = strtof(v, NULL);
        else if (!strcmp(argv[i], "--proximity-depth"))
            params.proximity_depth = strtoul(v, NULL, 10);
        else if (!strcmp(argv[i], "--stop-words"))
            params.keep_stop_words = !strcmp(v, "keep");
        else if (!strcmp(argv[i], "--compounds"))
            params.compounds = !strcmp(v, "on");
        else {
            fprintf(stderr, "bench_lexical: unknown option %s\n", argv[i]);
            return 2;
        }
        i++;
    }
    if (repeats < 1 || repeats > 64 || n_segments < 1 || n_segments > 64 || (!dir && !data)) {
        fprintf(stderr, "usage: bench_lexical --beir DIR | --data DIR [options]\n");
        return 2;
    }
    if (data && by_operator)
        return operators(data, repeats, n_queries < 100 ? n_queries : 100, &params);
    return dir ? beir(dir, lang, path, &params)
               : speed(data, repeats, n_queries, n_segments, lang, ranks, check, &params);
}
