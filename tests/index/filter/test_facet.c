/* test_facet.c - facet counts against a plain count over the rows' metadata, and their speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "index/filter/facet.h"
#include "index/filter/filter_format.h"
#include "tests/index/vector/memory_sections.h"

static uint64_t rng;

static size_t below(size_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (size_t)((rng * 0x2545F4914F6CDD1Du >> 16) % n);
}

#define VALUES 4096
typedef struct plain_counts {
    char text[VALUES][64];
    uint64_t count[VALUES];
    size_t n;
} plain_counts;

static void plain_add(plain_counts *p, const char *s)
{
    size_t i = 0;
    if (!s || !*s)
        return;
    while (i < p->n && strcmp(p->text[i], s))
        i++;
    assert_true(i < VALUES);
    if (i == p->n)
        snprintf(p->text[p->n++], sizeof p->text[0], "%s", s);
    p->count[i]++;
}

/* The value of a row as facet.h words it, by other means: gmtime for the year. */
static void plain_row(plain_counts *p, facet_kind kind, const filter_row *row)
{
    char text[64];
    const char *slash;
    switch (kind) {
    case FACET_TYPE:
        plain_add(p, row->mime);
        break;
    case FACET_EXT:
        plain_add(p, row->ext);
        break;
    case FACET_FOLDER:
        slash = row->uri ? strrchr(row->uri, '/') : NULL;
        if (!slash)
            break;
        snprintf(text, sizeof text, "%.*s", (int)(slash == row->uri ? 1 : slash - row->uri),
                 row->uri);
        plain_add(p, text);
        break;
    case FACET_AUTHOR:
        plain_add(p, row->author);
        break;
    case FACET_LANG:
        plain_add(p, row->lang);
        break;
    case FACET_TAG:
        for (size_t i = 0; i < row->n_tags; i++)
            plain_add(p, row->tags[i]);
        break;
    case FACET_YEAR:
        if (row->date_ns) {
            time_t t = (time_t)(row->date_ns / 1000000000 - (row->date_ns % 1000000000 < 0));
            struct tm tm;
            gmtime_r(&t, &tm);
            snprintf(text, sizeof text, "%d", tm.tm_year + 1900);
            plain_add(p, text);
        }
        break;
    case FACET_KINDS:
        break;
    }
}

static const char *const tags[] = {"a", "b", "c", "d"};

static void make_rows(filter_row *rows, char (*uri)[64], char (*author)[32], size_t n, size_t many)
{
    static const char *const langs[] = {"de", "en", "fr", ""}, *const exts[] = {"txt", "pdf", ""};
    static const int64_t far[] = {INT64_MIN, INT64_MIN + 1, INT64_C(-9214560000) * 1000000000, /* 1678 */
                                  INT64_C(9214646400) * 1000000000, /* 2262 */ INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < n; i++) {
        snprintf(uri[i], sizeof uri[i], below(20) ? "/home/f%zu/g%zu/n%zu" : "id%zu", below(30),
                 below(3), below(many));
        if (!below(40))
            snprintf(uri[i], sizeof uri[i], "/top%zu", below(9));
        snprintf(author[i], sizeof author[i], "Author %zu", below(many));
        rows[i] = (filter_row){.uri = uri[i],
                               .ext = exts[below(3)],
                               .lang = langs[below(4)],
                               .mime = below(2) ? "text/plain" : "application/pdf",
                               .author = below(5) ? author[i] : NULL,
                               .date_ns = below(6) ? (int64_t)(below(6000000000u)) * 1000000000 -
                                                         INT64_C(2000000000) * 1000000000
                                                   : 0,
                               .tags = tags + below(2),
                               .n_tags = below(3)};
        if (!below(50))
            rows[i].date_ns = far[below(sizeof far / sizeof *far)];
    }
}

static filter_reader *write_rows(memory_sections *mem, section_source *src, const filter_row *rows,
                                 size_t n)
{
    filter_writer *w;
    filter_reader *r;
    section_sink sink = memory_sink(mem);
    assert_int_equal(filter_writer_create(&w, NULL), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(filter_writer_add(w, &rows[i], NULL), 0);
    assert_int_equal(filter_writer_finish(w, &sink, NULL), 0);
    filter_writer_destroy(w);
    *src = memory_source(mem);
    assert_int_equal(filter_reader_open(&r, src, NULL), 0);
    return r;
}

#define ROWS 3000

/* Two segments, random sets of rows, every kind of facet. `many` values pass the bound from which a
 * column keeps codes. */
static void counts_equal_a_plain_count(void **state)
{
    static filter_row rows[2][ROWS];
    static char uri[2][ROWS][64], author[2][ROWS][32];
    static plain_counts plain;
    const char *seed = getenv("CAIRN_SEED");
    (void)state;

    rng = (seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL)) * 2 + 1;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)(rng / 2));
    for (size_t round = 0; round < 6; round++) {
        memory_sections mem[2];
        section_source src[2];
        filter_reader *r[2];
        uint64_t *bits[2];
        size_t n[2] = {1 + below(ROWS - 1), 1 + below(ROWS - 1)};
        memset(mem, 0, sizeof mem);
        for (size_t s = 0; s < 2; s++) {
            make_rows(rows[s], uri[s], author[s], n[s], round % 2 ? 2000 : 50);
            r[s] = write_rows(&mem[s], &src[s], rows[s], n[s]);
            bits[s] = calloc(row_set_words(n[s]), sizeof **bits);
            for (size_t i = 0; i < n[s]; i++)
                if (below(3))
                    bits[s][i >> 6] |= (uint64_t)1 << (i & 63);
        }
        for (facet_kind kind = 0; kind < FACET_KINDS; kind++) {
            static facet_value best[VALUES];
            facet_counts *f;
            size_t got, distinct;
            memset(&plain, 0, sizeof plain);
            assert_int_equal(facet_counts_create(&f, kind, NULL), 0);
            for (size_t s = 0; s < 2; s++) {
                assert_int_equal(facet_counts_add(f, r[s], bits[s], NULL), 0);
                for (size_t i = 0; i < n[s]; i++)
                    if (bits[s][i >> 6] >> (i & 63) & 1)
                        plain_row(&plain, kind, &rows[s][i]);
            }
            assert_int_equal(facet_counts_best(f, VALUES, best, &got, &distinct, NULL), 0);
            assert_int_equal(got, plain.n);
            assert_int_equal(distinct, plain.n);
            for (size_t i = 0; i < got; i++) {
                size_t j = 0;
                while (j < plain.n && strcmp(plain.text[j], best[i].text))
                    j++;
                if (j == plain.n || plain.count[j] != best[i].count)
                    fail_msg("%s %s: %llu", facet_kind_name(kind), best[i].text,
                             (unsigned long long)best[i].count);
                if (i && kind != FACET_YEAR)
                    assert_true(best[i - 1].count > best[i].count ||
                                (best[i - 1].count == best[i].count &&
                                 strcmp(best[i - 1].text, best[i].text) < 0));
                if (i && kind == FACET_YEAR)
                    assert_true(atoi(best[i - 1].text) > atoi(best[i].text));
            }
            assert_int_equal(facet_counts_best(f, 1, best, &got, NULL, NULL), 0);
            assert_true(got <= 1);
            facet_counts_destroy(f);
        }
        for (size_t s = 0; s < 2; s++) {
            filter_reader_close(r[s]);
            memory_clear(&mem[s]);
            free(bits[s]);
        }
    }
}

static void names_are_found(void **state)
{
    (void)state;
    for (facet_kind k = 0; k < FACET_KINDS; k++)
        assert_int_equal(facet_kind_find(facet_kind_name(k), strlen(facet_kind_name(k))), k);
    assert_int_equal(facet_kind_find("yea", 3), FACET_KINDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_equal_a_plain_count),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
