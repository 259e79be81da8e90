/* test_segments.c - the life of segments: an index is the same bytes whatever memory and threads
 * built it and however it was merged together; deletions leave no trace behind a merge. */
#include "tests/index/lexical/corpus.h"
#include "tests/index/watched_merge.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* Passages that can be indexed again and again. */
typedef struct passages {
    lexical_doc *doc;
    size_t n;
} passages;

static passages passages_random(random_state *r, size_t n, size_t vocabulary)
{
    static const char *const langs[] = {"en", "de", "", "fr", "pt-BR"};
    static const size_t most[LEXICAL_FIELDS] = {8, 3, 6, 60};
    static char text[16384];
    passages p = {calloc(n + 1, sizeof *p.doc), n};

    for (size_t i = 0; i < n; i++) {
        p.doc[i].lang = langs[random_below(r, 5)];
        for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
            size_t words = random_below(r, 3) || f == LEXICAL_BODY ? random_below(r, most[f]) : 0;
            if (f == LEXICAL_BODY && !random_below(r, 300))
                words *= 20;
            p.doc[i].field[f].len = put_words(r, text, sizeof text, words, vocabulary);
            p.doc[i].field[f].text = strdup(text);
        }
    }
    return p;
}

static void passages_clear(passages *p)
{
    for (size_t i = 0; i < p->n; i++)
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            free((char *)p->doc[i].field[f].text);
    free(p->doc);
}

/* Index rows [from, to) without those of `deleted`, a set over all passages. */
static void build(memory_sections *out, const passages *p, size_t from, size_t to,
                  const uint64_t *deleted, const lexical_writer_options *o)
{
    lexical_writer *w;
    section_sink sink = memory_sink(out);
    cairn_error err = {0};

    memset(out, 0, sizeof *out);
    assert_int_equal(lexical_writer_create(&w, o, &err), CAIRN_OK);
    for (size_t i = from; i < to; i++)
        if (!deleted || !row_set_has(deleted, (uint32_t)i))
            if (lexical_writer_add(w, &p->doc[i], NULL, &err))
                fail_msg("add: %s", err.text);
    if (lexical_writer_finish(w, &sink, &err))
        fail_msg("finish: %s", err.text);
    lexical_writer_destroy(w);
}

static void same_sections(const memory_sections *a, const memory_sections *b, const char *what)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->name[i], b->name[i]);
        if (a->len[i] != b->len[i] || memcmp(a->data[i], b->data[i], a->len[i]))
            fail_msg("%s: section %s differs", what, a->name[i]);
    }
}

static void budget_and_threads_change_no_byte(void **state)
{
    static const lexical_writer_options ways[] = {
        {.memory_budget = 1u << 20},
        {.memory_budget = 3u << 20},
        {.memory_budget = 2u << 20, .n_threads = 2},
        {.memory_budget = 4u << 20, .n_threads = 7},
        {.memory_budget = 64u << 20, .n_threads = 3},
        {.memory_budget = 64u << 20, .n_threads = 32},
    };
    random_state r = random_seeded();
    (void)state;

    for (size_t round = 0; round < 3; round++) {
        size_t vocabulary = round == 1 ? 50 : 60000;
        passages p = passages_random(&r, round == 2 ? random_below(&r, 300) : 12000, vocabulary);
        memory_sections plain;
        lexical_writer_options roomy = {.memory_budget = (size_t)1 << 30};
        build(&plain, &p, 0, p.n, NULL, &roomy);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            char what[64];
            memory_sections other;
            snprintf(what, sizeof what, "round %zu, %zu MiB, %zu threads", round,
                     ways[i].memory_budget >> 20, ways[i].n_threads);
            build(&other, &p, 0, p.n, NULL, &ways[i]);
            same_sections(&plain, &other, what);
            memory_clear(&other);
        }
        memory_clear(&plain);
        passages_clear(&p);
    }
}

static void merge_parts(memory_sections *out, const passages *p, size_t n_parts,
                        const uint64_t *deleted)
{
    test_index part[16];
    uint64_t *dead[16];
    lexical_merge_input in[16] = {{NULL, NULL}};
    section_sink sink = memory_sink(out);
    cairn_error err = {0};

    memset(out, 0, sizeof *out);
    for (size_t s = 0; s < n_parts; s++) {
        size_t from = p->n * s / n_parts, to = p->n * (s + 1) / n_parts;
        dead[s] = calloc(row_set_words((uint32_t)(to - from)) + 1, 8);
        for (size_t i = from; i < to; i++)
            if (deleted && row_set_has(deleted, (uint32_t)i))
                dead[s][(i - from) >> 6] |= 1ull << ((i - from) & 63);
        build(&part[s].sections, p, from, to, NULL, NULL);
        index_open(&part[s]);
        in[s] = (lexical_merge_input){part[s].reader, deleted ? dead[s] : NULL};
    }
    if (lexical_merge(in, n_parts, &sink, &err))
        fail_msg("merge: %s", err.text);
    for (size_t s = 0; s < n_parts; s++) {
        index_close(&part[s]);
        free(dead[s]);
    }
}

static void merged_is_built_at_once(void **state)
{
    random_state r = random_seeded();
    (void)state;

    for (size_t round = 0; round < 4; round++) {
        passages p = passages_random(&r, 200 + random_below(&r, 4000), round % 2 ? 100 : 5000);
        memory_sections once, merged;
        build(&once, &p, 0, p.n, NULL, NULL);
        merge_parts(&merged, &p, 1 + random_below(&r, 15), NULL);
        same_sections(&once, &merged, "merged");
        memory_clear(&once);
        memory_clear(&merged);
        passages_clear(&p);
    }
}

/* After a merge that dropped rows, every score is that of an index that never had them. */
static void dropped_rows_leave_no_trace(void **state)
{
    random_state r = random_seeded();
    cairn_error err = {0};
    (void)state;

    for (size_t round = 0; round < 4; round++) {
        passages p = passages_random(&r, 500 + random_below(&r, 3000), 400);
        uint64_t *deleted = calloc(row_set_words((uint32_t)p.n) + 1, 8);
        test_index fresh = {0}, merged = {0};
        for (size_t i = 0; i < p.n; i++)
            if (random_below(&r, 10) < 3 + round)
                deleted[i >> 6] |= 1ull << (i & 63);
        build(&fresh.sections, &p, 0, p.n, deleted, NULL);
        merge_parts(&merged.sections, &p, 5, deleted);
        index_open(&fresh);
        index_open(&merged);
        assert_int_equal(lexical_reader_rows(fresh.reader), lexical_reader_rows(merged.reader));
        assert_int_equal(lexical_reader_terms(fresh.reader), lexical_reader_terms(merged.reader));
        for (size_t i = 0; i < 100; i++) {
            static lexical_hit a[500], b[500];
            lexical_segment x = {fresh.reader, NULL, NULL}, y = {merged.reader, NULL, NULL};
            size_t n, m;
            question q;
            question_random(&q, &r, 400, i % 2);
            assert_int_equal(lexical_search(NULL, &x, 1, &q.query, NULL, 500, a, &n, &err),
                             CAIRN_OK);
            assert_int_equal(lexical_search(NULL, &y, 1, &q.query, NULL, 500, b, &m, &err),
                             CAIRN_OK);
            assert_int_equal(n, m);
            for (size_t j = 0; j < n; j++)
                if (a[j].row != b[j].row || a[j].score != b[j].score)
                    fail_msg("hit %zu: row %u %.9g against %u %.9g", j, a[j].row,
                             (double)a[j].score, b[j].row, (double)b[j].score);
        }
        index_close(&fresh);
        index_close(&merged);
        free(deleted);
        passages_clear(&p);
    }
}

/* Rows in another order: the same rows with the same scores, and the lists no larger. */
static int better_first(const void *a, const void *b)
{
    const lexical_hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static cairn_status stop_at_third(void *ctx, uint64_t bytes, cairn_error *err)
{
    _Atomic int *left = ctx;
    (void)bytes;
    return --*left <= 0 ? cairn_fail(err, CAIRN_ECANCELLED, "enough") : CAIRN_OK;
}

/* Passages on one of 40 topics each, with words of their own, in no order. */
static passages passages_of_topics(random_state *r, size_t n)
{
    passages p = {calloc(n + 1, sizeof *p.doc), n};
    char text[4096];

    for (size_t i = 0; i < n; i++) {
        size_t topic = random_below(r, 40), len = 0;
        for (size_t w = 0; w < 30; w++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%c%zux%zuing ",
                                    random_below(r, 3) ? 't' : 'c',
                                    random_below(r, 3) ? topic : 99, random_word(r, 60));
        for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
            p.doc[i].field[f].text = strdup(f == LEXICAL_BODY ? text : "");
            p.doc[i].field[f].len = f == LEXICAL_BODY ? len : 0;
        }
        p.doc[i].lang = "en";
    }
    return p;
}

static size_t section_length(const memory_sections *m, const char *name)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->name[i], name))
            return m->len[i];
    fail_msg("no section %s", name);
    return 0;
}

static void reordered_finds_the_same(void **state)
{
    static lexical_hit a[9000], b[9000];
    random_state r = random_seeded();
    cairn_error err = {0};
    pool *workers;
    (void)state;

    assert_int_equal(pool_create(&workers, 3, &err), CAIRN_OK);
    for (size_t round = 0; round < 4; round++) {
        bool topics = round % 2;
        passages p = topics ? passages_of_topics(&r, 8000)
                            : passages_random(&r, random_below(&r, 4000), 300);
        size_t rows[3] = {p.n / 5, p.n / 2, p.n}, from = 0;
        test_index part[3], plain = {0}, other = {0};
        lexical_merge_input in[3];
        lexical_merge_options how = {0};
        section_sink sink;
        uint32_t live = 0, *order, *again;
        uint64_t *seen;
        for (size_t s = 0; s < 3; from = rows[s++]) {
            uint64_t *dead = calloc(row_set_words((uint32_t)(rows[s] - from)) + 1, 8);
            build(&part[s].sections, &p, from, rows[s], NULL, NULL);
            index_open(&part[s]);
            live += (uint32_t)(rows[s] - from);
            for (size_t i = 0; round >= 2 && i < rows[s] - from; i++)
                if (!random_below(&r, 4)) {
                    dead[i >> 6] |= 1ull << (i & 63);
                    live--;
                }
            in[s] = (lexical_merge_input){part[s].reader, dead};
        }
        order = calloc(live + 1, sizeof *order);
        again = calloc(live + 1, sizeof *again);
        seen = calloc(row_set_words(live) + 1, 8);
        assert_int_equal(lexical_reorder(in, 3, NULL, NULL, order, &err), CAIRN_OK);
        assert_int_equal(lexical_reorder(in, 3, NULL, workers, again, &err), CAIRN_OK);
        assert_memory_equal(order, again, live * sizeof *order);
        for (uint32_t i = 0; i < live; i++) {
            assert_true(order[i] < live && !row_set_has(seen, order[i]));
            seen[order[i] >> 6] |= 1ull << (order[i] & 63);
        }
        sink = memory_sink(&plain.sections);
        assert_int_equal(lexical_merge(in, 3, &sink, &err), CAIRN_OK);
        how.order = order;
        sink = memory_sink(&other.sections);
        if (lexical_merge_with(in, 3, &how, &sink, &err))
            fail_msg("merge: %s", err.text);
        index_open(&plain);
        index_open(&other);
        if (topics)
            assert_true(section_length(&other.sections, "lex.post") <
                        section_length(&plain.sections, "lex.post") * 95 / 100);
        for (size_t i = 0; i < 60; i++) {
            lexical_segment x = {plain.reader, NULL, NULL}, y = {other.reader, NULL, NULL};
            size_t n, m;
            question q;
            question_random(&q, &r, 300, i % 2);
            assert_int_equal(lexical_search(NULL, &x, 1, &q.query, NULL, 9000, a, &n, &err),
                             CAIRN_OK);
            assert_int_equal(lexical_search(NULL, &y, 1, &q.query, NULL, 9000, b, &m, &err),
                             CAIRN_OK);
            assert_int_equal(n, m);
            for (size_t j = 0; j < m; j++)
                b[j].row = order[b[j].row];
            /* Sums that differ may be the same score when they are rounded to a float. */
            qsort(a, n, sizeof *a, better_first);
            qsort(b, m, sizeof *b, better_first);
            for (size_t j = 0; j < n; j++)
                if (a[j].row != b[j].row || a[j].score != b[j].score)
                    fail_msg("hit %zu: row %u %.9g against %u %.9g", j, a[j].row,
                             (double)a[j].score, b[j].row, (double)b[j].score);
        }
        /* An order that is none, and a merge that is told to stop. */
        if (live > 1) {
            memory_sections none = {0};
            sink = memory_sink(&none);
            again[0] = again[1];
            how.order = again;
            assert_int_equal(lexical_merge_with(in, 3, &how, &sink, &err), CAIRN_EUSAGE);
            memory_clear(&none);
        }
        if (topics) {
            _Atomic int left = 3;
            lexical_merge_options stop = {.step = stop_at_third, .step_ctx = &left};
            memory_sections none = {0};
            sink = memory_sink(&none);
            assert_int_equal(lexical_reorder(in, 3, &stop, workers, again, &err),
                             CAIRN_ECANCELLED);
            left = 3;
            assert_int_equal(lexical_merge_with(in, 3, &stop, &sink, &err), CAIRN_ECANCELLED);
            memory_clear(&none);
        }
        for (size_t s = 0; s < 3; s++) {
            index_close(&part[s]);
            free((void *)in[s].deleted);
        }
        index_close(&plain);
        index_close(&other);
        free(order);
        free(again);
        free(seen);
        passages_clear(&p);
    }
    pool_destroy(workers);
}

/* Words that are analysed into several, which do not count in lengths, and words that are nothing. */
static void parts_of_words_leave_no_trace(void **state)
{
    static const char *const words[] = {"fooBarBaz", "snake_case_name", "C++",  "v2.0.1",  "mail@example.org",
                                        "plain",     "Donaudampfschiff", "\u0640\u0640", "\u5317\u4eac\u5e02", "10,000"};
    random_state r = random_seeded();
    passages p = {calloc(800, sizeof *p.doc), 800};
    uint64_t *deleted = calloc(row_set_words(800) + 1, 8);
    memory_sections fresh, merged;
    test_index a = {0}, b = {0};
    (void)state;

    for (size_t i = 0; i < p.n; i++) {
        char text[4096] = "";
        size_t len = 0;
        for (size_t w = random_below(&r, 60); w > 0; w--)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s ", words[random_below(&r, 10)]);
        for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
            p.doc[i].field[f].text = strdup(text);
            p.doc[i].field[f].len = f % 2 ? len : len / 2;
        }
        p.doc[i].lang = i % 3 ? "de" : "en";
        if (!random_below(&r, 3))
            deleted[i >> 6] |= 1ull << (i & 63);
    }
    build(&fresh, &p, 0, p.n, deleted, NULL);
    merge_parts(&merged, &p, 4, deleted);
    a.sections = fresh;
    b.sections = merged;
    index_open(&a);
    index_open(&b);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        assert_int_equal(lexical_reader_total_length(a.reader, (lexical_field)f),
                         lexical_reader_total_length(b.reader, (lexical_field)f));
    index_close(&a);
    index_close(&b);
    free(deleted);
    passages_clear(&p);
}

/* The n-th of words that end in "ing" and are stemmed. */
static size_t put_form(char *dst, size_t n)
{
    char *p = dst;

    for (*p++ = 'z'; n; n /= 20)
        *p++ = "abcdefhiklmopqrsuvwx"[n % 20];
    memcpy(p, "oking ", 7);
    return (size_t)(p - dst) + 6;
}

/* An index of rows whose every word is another, and has another form than its term. */
static void index_of_forms(test_index *ix, size_t from, size_t rows, size_t words)
{
    lexical_writer *w;
    section_sink sink = memory_sink(&ix->sections);
    cairn_error err = {0};

    assert_int_equal(lexical_writer_create(&w, NULL, &err), CAIRN_OK);
    for (size_t i = 0; i < rows; i++) {
        char text[4096];
        lexical_doc d = {.lang = "en"};
        size_t len = 0;
        for (size_t k = 0; k < words; k++)
            len += put_form(text + len, from + i * words + k);
        d.field[LEXICAL_BODY].text = text;
        d.field[LEXICAL_BODY].len = len;
        assert_int_equal(lexical_writer_add(w, &d, NULL, &err), CAIRN_OK);
    }
    assert_int_equal(lexical_writer_finish(w, &sink, &err), CAIRN_OK);
    lexical_writer_destroy(w);
    index_open(ix);
}

/* However a merge spends its time, it asks after some thousands of units of work whether to go on, and a
 * no ends it there and then: whichever of its steps says it, nothing is done or written after. */
static void a_merge_steps_in_every_stage(void **state)
{
    enum { ROWS = 300, WORDS = 100, FORMS = 2 * ROWS * WORDS };
    test_index part[2] = {0};
    lexical_merge_input in[2];
    uint32_t order[2 * ROWS];
    (void)state;

    for (size_t s = 0; s < 2; s++) {
        index_of_forms(&part[s], s * ROWS * WORDS, ROWS, WORDS);
        in[s] = (lexical_merge_input){part[s].reader, NULL};
    }
    for (uint32_t i = 0; i < 2 * ROWS; i++)
        order[i] = 2 * ROWS - 1 - i;
    for (int ordered = 0; ordered < 2; ordered++) {
        watched_merge all = {0};
        lexical_merge_options o = {
            .step = watched_step, .step_ctx = &all, .order = ordered ? order : NULL};
        section_sink sink = watched_sink(&all);
        cairn_error err = {0};
        if (lexical_merge_with(in, 2, &o, &sink, &err))
            fail_msg("%s", err.text);
        assert_int_equal(all.late, 0);
        /* Forms are gathered and sorted by their terms before any list is made, */
        assert_true(all.quiet >= 8 * FORMS / (long)PACE_UNITS);
        /* lists of one posting each are made, */
        assert_true(all.section[0].begun - all.quiet >= FORMS / (long)PACE_UNITS);
        /* and forms are sorted anew before they are written. */
        assert_true(watched_before(&all, "lex.fidx") >= 8 * FORMS / (long)PACE_UNITS);
        for (long at = 1; at <= all.steps; at += 1 + all.steps / 15) {
            watched_merge w = {.stop_at = at};
            o.step_ctx = &w;
            sink = watched_sink(&w);
            assert_int_equal(lexical_merge_with(in, 2, &o, &sink, &err), CAIRN_ECANCELLED);
            assert_int_equal(w.steps, at);
            assert_int_equal(w.late, 0);
        }
    }
    index_close(&part[0]);
    index_close(&part[1]);
}

/* A disk without room for the temporary files: a clear error, with and without threads. */
static void a_full_disk_while_spilling_is_told(void **state)
{
    random_state r = random_seeded();
    passages p = passages_random(&r, 12000, 60000);
    struct rlimit was, small;
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 1u << 20;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t threads = 1; threads <= 2; threads++) {
        lexical_writer_options o = {.memory_budget = 2u << 20, .n_threads = threads};
        memory_sections sections = {0};
        section_sink sink = memory_sink(&sections);
        lexical_writer *w;
        cairn_error err = {0};
        cairn_status st = CAIRN_OK;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        assert_int_equal(lexical_writer_create(&w, &o, &err), CAIRN_OK);
        for (size_t i = 0; i < p.n && !st; i++)
            st = lexical_writer_add(w, &p.doc[i], NULL, &err);
        if (!st)
            st = lexical_writer_finish(w, &sink, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
        assert_int_not_equal(st, CAIRN_OK);
        assert_non_null(strstr(err.text, "TMPDIR"));
        assert_int_equal(lexical_writer_finish(w, &sink, &err), CAIRN_EUSAGE);
        lexical_writer_destroy(w);
        memory_clear(&sections);
    }
    passages_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget_and_threads_change_no_byte),
        cmocka_unit_test(merged_is_built_at_once),
        cmocka_unit_test(dropped_rows_leave_no_trace),
        cmocka_unit_test(parts_of_words_leave_no_trace),
        cmocka_unit_test(reordered_finds_the_same),
        cmocka_unit_test(a_merge_steps_in_every_stage),
        cmocka_unit_test(a_full_disk_while_spilling_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
