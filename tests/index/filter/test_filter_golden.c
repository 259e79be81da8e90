/* test_filter_golden.c - filter columns as each format version wrote them, kept for ever in
 * golden/vN.bin: they must open and answer, and merge with columns of the present version. The rows
 * are made anew here, so the files are checked against the rows, not against themselves.
 *
 * CAIRN_GOLDEN_WRITE=1 writes the file of the present version first (a new format number: do it
 * once). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "index/filter/filter_format.h"
#include "tests/index/vector/memory_sections.h"
#include "tests/index/vector/packed_sections.h"

#define ROWS 1100u /* uris enough for a column of codes */
#define DAY  (86400 * INT64_C(1000000000))

typedef struct golden_row {
    filter_row row;
    char uri[64], title[32], place[2][64];
    const char *places[2];
} golden_row;

static void make_row(uint32_t i, golden_row *out)
{
    static const char *const exts[] = {"pdf", "md", "", "txt"};
    static const char *const tags[] = {"work", "Late", "\xC3\x84rger"};

    snprintf(out->uri, sizeof out->uri, "/d%u/e%u/file %u.txt", i % 7, i % 3, i);
    snprintf(out->title, sizeof out->title, "Title %u", i / 11);
    out->row = (filter_row){.uri = out->uri,
                            .title = i % 5 ? out->title : NULL,
                            .ext = exts[i % 4],
                            .lang = i % 2 ? "en" : "de",
                            .mime = "text/plain",
                            .author = i % 9 ? "Eva" : "",
                            .date_ns = (int64_t)(i % 13) * DAY,
                            .size = i % 17 ? (int64_t)(i % 31) * 1000 : -1,
                            .pages = i % 6,
                            .tags = tags + i % 2,
                            .n_tags = i % 3,
                            .places = out->places,
                            .n_places = i % 8 ? 0 : 1 + i % 16 / 8,
                            .modified_ns = (int64_t)(i % 11) * DAY,
                            .created_ns = (int64_t)(i % 3) * DAY};
    for (uint32_t p = 0; p < 2; p++) {
        snprintf(out->place[p], sizeof out->place[p], "/d3/copies/file %u-%u.txt", i, p);
        out->places[p] = out->place[p];
    }
}

static void add_rows(filter_writer *w)
{
    cairn_error err = {0};
    golden_row g;

    for (uint32_t i = 0; i < ROWS; i++) {
        make_row(i, &g);
        assert_int_equal(filter_writer_add(w, &g.row, &err), 0);
    }
}

static void write_rows(memory_sections *mem)
{
    section_sink sink = memory_sink(mem);
    cairn_error err = {0};
    filter_writer *w;

    assert_int_equal(filter_writer_create(&w, &err), 0);
    add_rows(w);
    assert_int_equal(filter_writer_finish(w, &sink, &err), 0);
    filter_writer_destroy(w);
}

static void golden_path(char *out, size_t n, unsigned version)
{
    snprintf(out, n, "%s/tests/index/filter/golden/v%u.bin", CAIRN_SOURCE_DIR, version);
}

static void read_golden(memory_sections *mem, unsigned version)
{
    char path[1024];
    uint8_t *data = malloc(1 << 20);

    golden_path(path, sizeof path, version);
    FILE *f = fopen(path, "rb");
    if (!f || !data)
        fail_msg("%s is missing", path);
    size_t n = fread(data, 1, 1 << 20, f);
    fclose(f);
    packed_read(mem, data, n);
    free(data);
}

static void write_present(void)
{
    memory_sections mem = {0};
    char path[1024];

    golden_path(path, sizeof path, FILTER_FORMAT_VERSION);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    write_rows(&mem);
    assert_int_equal(packed_write(&mem, f), 0);
    assert_int_equal(fclose(f), 0);
    memory_clear(&mem);
}

/* Rows as a reader of this version knows them. A merge may fill in what `filled` counts: 1 size and
 * pages, 2 the times, too. Places cannot be filled in. */
typedef struct known {
    bool numbers, times, places;
} known;

static known known_in(unsigned version)
{
    return (known){version >= 2, version >= 3, version >= 3};
}

static void as_known(uint32_t i, known k, golden_row *out)
{
    make_row(i, out);
    if (!k.numbers) {
        out->row.size = -1;
        out->row.pages = 0;
    }
    if (!k.times)
        out->row.modified_ns = out->row.created_ns = 0;
    if (!k.places)
        out->row.n_places = 0;
}

/* The reader's rows are ROWS a part, of each what is known there. */
static void check_rows(const filter_reader *r, const known *knows, size_t parts)
{
    static const struct {
        filter_field field;
        filter_op op;
        filter_value value;
    } asked[] = {
        {FILTER_URI, FILTER_DIR, {.text = "/d3"}},
        {FILTER_URI, FILTER_EQ, {.text = "/d1/e1/file 22.txt"}},
        {FILTER_TITLE, FILTER_EQ, {.text = "title 7"}},
        {FILTER_EXT, FILTER_EQ, {.text = "pdf"}},
        {FILTER_LANG, FILTER_EQ, {.text = "de"}},
        {FILTER_MIME, FILTER_PREFIX, {.text = "text"}},
        {FILTER_AUTHOR, FILTER_CONTAINS, {.text = "ev"}},
        {FILTER_TAG, FILTER_EQ, {.text = "\xC3\xA4rger"}},
        {FILTER_DATE, FILTER_RANGE, {.lo = 2 * DAY, .hi = 5 * DAY}},
        {FILTER_SIZE, FILTER_RANGE, {.lo = 0, .hi = 5000}},
        {FILTER_SIZE, FILTER_RANGE, {.lo = 5001, .hi = INT64_MAX}},
        {FILTER_PAGES, FILTER_RANGE, {.lo = 2, .hi = 4}},
        {FILTER_URI, FILTER_DIR, {.text = "copies"}},
        {FILTER_URI, FILTER_EQ, {.text = "/d3/copies/file 24-1.txt"}},
        {FILTER_MODIFIED, FILTER_RANGE, {.lo = 2 * DAY, .hi = 5 * DAY}},
        {FILTER_CREATED, FILTER_RANGE, {.lo = 2 * DAY, .hi = INT64_MAX}},
    };
    uint64_t *bits = calloc(row_set_words((uint32_t)parts * ROWS), sizeof *bits);
    cairn_error err = {0};
    golden_row g;

    assert_int_equal(filter_reader_rows(r), parts * ROWS);
    for (size_t a = 0; a < sizeof asked / sizeof *asked; a++)
        for (unsigned negated = 0; negated < 2; negated++) {
            filter_predicate p = {asked[a].field, asked[a].op, negated, &asked[a].value, 1};
            filter_expr e = {&p, 1};
            uint32_t n, bound, want = 0;
            assert_int_equal(filter_eval(r, &e, bits, &n, &err), 0);
            for (uint32_t i = 0; i < parts * ROWS; i++) {
                as_known(i % ROWS, knows[i / ROWS], &g);
                bool holds = filter_matches(&g.row, &e);
                want += holds;
                if (holds != row_set_has(bits, i))
                    fail_msg("question %zu, row %u: %d", a, i, !holds);
            }
            assert_int_equal(n, want);
            assert_int_equal(filter_estimate(r, &e, &bound, &err), 0);
            assert_true(bound >= n);
        }
    free(bits);
}

static void every_version_answers(void **state)
{
    (void)state;
    for (unsigned version = FILTER_FORMAT_OLDEST; version <= FILTER_FORMAT_VERSION; version++) {
        memory_sections mem = {0};
        section_source src;
        filter_reader *r;
        cairn_error err = {0};
        known knows = known_in(version);
        read_golden(&mem, version);
        src = memory_source(&mem);
        if (filter_reader_open(&r, &src, &err))
            fail_msg("version %u: %s", version, err.text);
        assert_int_equal(r->version, version);
        assert_int_equal(filter_is_outdated(&src), version < FILTER_FORMAT_VERSION);
        assert_int_equal(r->column[FILTER_URI].kind, FILTER_KIND_CODES);
        assert_int_equal(filter_reader_has_numbers(r), knows.numbers);
        assert_int_equal(filter_reader_has_times(r), knows.times);
        check_rows(r, &knows, 1);
        filter_reader_close(r);
        memory_clear(&mem);
    }
}

static void the_present_version_is_written_to_the_byte(void **state)
{
    memory_sections golden = {0}, now = {0};

    (void)state;
    read_golden(&golden, FILTER_FORMAT_VERSION);
    write_rows(&now);
    assert_int_equal(golden.n, now.n);
    for (size_t i = 0; i < now.n; i++) {
        assert_string_equal(golden.at[i].name, now.at[i].name);
        assert_int_equal(golden.at[i].len, now.at[i].len);
        assert_memory_equal(golden.at[i].data, now.at[i].data, now.at[i].len);
    }
    memory_clear(&golden);
    memory_clear(&now);
}

/* An older version (filled in or not) and the present one into one. */
static void versions_merge(void **state)
{
    (void)state;
    for (unsigned version = FILTER_FORMAT_OLDEST; version < FILTER_FORMAT_VERSION; version++)
        for (int filled = 0; filled < 2; filled++) {
            memory_sections old = {0}, now = {0}, out = {0};
            section_source src[2], merged_src;
            section_sink sink = memory_sink(&out);
            filter_merge_input in[2] = {{0}};
            filter_reader *r[2], *merged;
            cairn_error err = {0};
            known knows[2] = {known_in(version), known_in(FILTER_FORMAT_VERSION)};
            golden_row g;
            knows[0].numbers |= filled != 0;
            knows[0].times |= filled != 0;
            read_golden(&old, version);
            write_rows(&now);
            src[0] = memory_source(&old);
            src[1] = memory_source(&now);
            for (int i = 0; i < 2; i++) {
                assert_int_equal(filter_reader_open(&r[i], &src[i], &err), 0);
                in[i].reader = r[i];
            }
            for (int i = 0; i < 2 && filled; i++) { /* ignored for in[1]: it has its own */
                in[i].fill.size = calloc(ROWS, sizeof *in[i].fill.size);
                in[i].fill.pages = calloc(ROWS, sizeof *in[i].fill.pages);
                in[i].fill.modified = calloc(ROWS, sizeof *in[i].fill.modified);
                in[i].fill.created = calloc(ROWS, sizeof *in[i].fill.created);
                for (uint32_t row = 0; row < ROWS; row++) {
                    make_row(row, &g);
                    in[i].fill.size[row] = i ? 77 : g.row.size;
                    in[i].fill.pages[row] = i ? 77 : g.row.pages;
                    in[i].fill.modified[row] = i ? 77 : g.row.modified_ns;
                    in[i].fill.created[row] = i ? 77 : g.row.created_ns;
                }
            }
            assert_int_equal(filter_merge(in, 2, &sink, &err), 0);
            merged_src = memory_source(&out);
            assert_int_equal(filter_reader_open(&merged, &merged_src, &err), 0);
            assert_true(filter_reader_has_numbers(merged));
            check_rows(merged, knows, 2);
            filter_reader_close(merged);
            for (int i = 0; i < 2; i++) {
                filter_reader_close(r[i]);
                filter_merge_fill_clear(&in[i].fill);
            }
            memory_clear(&old);
            memory_clear(&now);
            memory_clear(&out);
        }
}

/* A version nobody wrote, one that a newer program wrote, whose "flt.meta" may be longer, and
 * sections of two versions in one segment. */
static void other_versions_are_refused(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 5; version++)
        for (int section = 0; section < 2; section++) {
            memory_sections mem = {0};
            section_source src;
            filter_reader *r;
            cairn_error err = {0};
            if (version == FILTER_FORMAT_VERSION)
                continue;
            read_golden(&mem, FILTER_FORMAT_VERSION);
            for (size_t i = 0; i < mem.n; i++)
                if (!strcmp(mem.at[i].name, section ? "flt.pages" : "flt.meta"))
                    memcpy(mem.at[i].data, &version, sizeof version);
            src = memory_source(&mem);
            bool newer = version > FILTER_FORMAT_VERSION && !section;
            for (int longer = 0; longer <= newer; longer++) {
                memory_get(&mem, "flt.meta")->len += longer ? 8 : 0;
                assert_int_equal(filter_reader_open(&r, &src, &err),
                                 newer ? CAIRN_EUNSUPPORTED : CAIRN_ECORRUPT);
                assert_null(r);
                if (newer)
                    assert_non_null(strstr(err.text, "cairn index"));
            }
            memory_clear(&mem);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_answers),
        cmocka_unit_test(the_present_version_is_written_to_the_byte),
        cmocka_unit_test(versions_merge),
        cmocka_unit_test(other_versions_are_refused),
    };

    if (getenv("CAIRN_GOLDEN_WRITE"))
        write_present();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
