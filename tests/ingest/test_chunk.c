/* test_chunk - passages: rules on chosen documents, and properties on random ones. */
#include "tests/ingest/probe.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "ingest/build.h"

static uint64_t seed, rng_state;

static uint32_t rnd(uint32_t n)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)(rng_state >> 33) % n;
}

/* A token a word, and a token for each character of scripts without spaces. */
static size_t count_words(void *ctx, const char *s, size_t len)
{
    size_t n = 0;
    bool in = false;

    if (ctx)
        *(size_t *)ctx += len;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0xE3)
            n++, in = false;
        else if (c == ' ' || c == '\n' || c == '\t')
            in = false;
        else if (!in && c < 0x80)
            n++, in = true;
    }
    return n;
}

typedef struct made {
    document_builder builder;
    emitter e;
    block_sink sink;
    ingest_document *doc;
    arena memory;
    ingest_chunk *chunks;
    size_t n;
    size_t counted;
    chunk_method method;
    size_t overlap;
} made;

static void make_begin(made *m)
{
    cairn_error err;

    memset(m, 0, sizeof *m);
    assert_int_equal(builder_init(&m->builder, (size_t)1 << 30, &err), CAIRN_OK);
    m->sink = builder_sink(&m->builder);
    emitter_init(&m->e, &m->sink, (size_t)1 << 30);
    arena_init(&m->memory, (size_t)1 << 30);
}

static void put(made *m, ingest_block_kind kind, unsigned level, const char *text)
{
    assert_int_equal(emit_block(&m->e, kind, level, text, strlen(text)), CAIRN_OK);
}

static void make_chunks(made *m, size_t max, size_t overlap)
{
    chunk_options opt = {.method = m->method,
                         .max_tokens = max,
                         .overlap_tokens = overlap ? overlap : SIZE_MAX,
                         .count_tokens = count_words,
                         .ctx = &m->counted};
    cairn_error err = {0};

    m->overlap = overlap;
    if (!m->doc) {
        emit_finish(&m->e);
        assert_int_equal(builder_finish(&m->builder, &m->doc, &err), CAIRN_OK);
    }
    if (chunk_document(m->doc, &opt, &m->chunks, &m->n, &m->memory, &err))
        fail_msg("%s", err.text);
}

static void make_end(made *m)
{
    builder_clear(&m->builder);
    emitter_clear(&m->e);
    ingest_document_free(m->doc);
    arena_clear(&m->memory);
}

static void append_dense(bytes *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] != ' ' && s[i] != '\n' && s[i] != '\t')
            bytes_append(out, s + i, 1);
}

/* The laws of chunk.h, for any document and budget. */
static void check_laws(made *m, size_t max)
{
    bytes want, got;
    size_t at = 0;

    bytes_init(&want, (size_t)1 << 30);
    bytes_init(&got, (size_t)1 << 30);
    for (size_t i = 0; i < m->n; i++) {
        const ingest_chunk *c = &m->chunks[i];
        assert_true(c->len > c->fresh);
        assert_true(c->n_tokens <= max);
        assert_true(count_words(NULL, c->text, c->len) <= max);
        assert_true(utf8_valid(c->text, c->len));
        assert_int_equal(c->text[c->len], 0);
        assert_true(c->byte_start <= c->byte_end);
        assert_true(c->line_first <= c->line_last && c->page_first <= c->page_last);
        append_dense(&got, c->text + c->fresh, c->len - c->fresh);
        if (!i || m->doc->n_blocks == 0)
            continue;
        /* What a window repeats is the end of the one before. */
        if (c->fresh && m->method == CHUNK_WINDOW) {
            bytes before, again;
            bytes_init(&before, 1 << 24);
            bytes_init(&again, 1 << 24);
            append_dense(&before, m->chunks[i - 1].text, m->chunks[i - 1].len);
            append_dense(&again, c->text, c->fresh);
            if (again.len > before.len ||
                memcmp(before.data + before.len - again.len, again.data, again.len) != 0)
                fail_msg("seed %llu: passage %zu does not begin with the end of the one before",
                         (unsigned long long)seed, i);
            bytes_clear(&before);
            bytes_clear(&again);
        }
        if (count_words(NULL, c->text, c->fresh) > (m->method == CHUNK_WINDOW ? m->overlap : max))
            fail_msg("seed %llu: the overlap of passage %zu is too long", (unsigned long long)seed, i);
        /* And it is as long as it was set, less one word of the text, where there was as much. */
        if (m->method == CHUNK_WINDOW && m->overlap && m->overlap < max / 2 &&
            m->chunks[i - 1].n_tokens > m->overlap + 2 &&
            count_words(NULL, c->text, c->fresh) + 2 < m->overlap)
            fail_msg("seed %llu: the overlap of passage %zu has %zu tokens of %zu",
                     (unsigned long long)seed, i, count_words(NULL, c->text, c->fresh), m->overlap);
    }
    /* Every block in order; a heading may stand in a path instead of a text. */
    for (size_t i = 0; i < m->doc->n_blocks; i++) {
        const ingest_block *b = &m->doc->blocks[i];
        if (b->kind == INGEST_SYMBOL) /* its text stands in code */
            continue;
        bytes_reset(&want);
        append_dense(&want, b->text, b->len);
        if (at + want.len <= got.len && !memcmp(got.data + at, want.data, want.len)) {
            at += want.len;
        } else if (b->kind == INGEST_HEADING) {
            bool in_path = false;
            for (size_t k = 0; k < m->n && !in_path; k++)
                in_path = strstr(m->chunks[k].heading, b->text) != NULL;
            if (!in_path)
                fail_msg("seed %llu: heading %zu is lost", (unsigned long long)seed, i);
        } else {
            fail_msg("seed %llu: block %zu is lost or out of order", (unsigned long long)seed, i);
        }
    }
    if (at != got.len)
        fail_msg("seed %llu: %zu bytes too many", (unsigned long long)seed, got.len - at);
    bytes_clear(&want);
    bytes_clear(&got);
}

static void random_text(bytes *t, size_t words)
{
    static const char *const pool[] = {"harbour", "a",    "Öl",
                                       "straße",  "x",    "conformance",
                                       "вода",    "漢字", "antidisestablishmentarianism",
                                       "10.5"};
    for (size_t i = 0; i < words; i++) {
        if (i)
            bytes_append_str(t, rnd(12) ? " " : rnd(3) ? ". " : "\n");
        bytes_append_str(t, pool[rnd(10)]);
    }
}

static void check_random(int rounds, chunk_method method, uint32_t kinds)
{
    for (int round = 0; round < rounds; round++) {
        made m;
        bytes t;
        size_t max = 8 + rnd(120), overlap = rnd(3) ? rnd(40) : 0;
        unsigned number = 0;

        make_begin(&m);
        m.method = method;
        bytes_init(&t, 1 << 24);
        for (uint32_t i = 0, n = 1 + rnd(20); i < n; i++) {
            ingest_block_kind kind = (ingest_block_kind)(1 + rnd(kinds));
            bytes_reset(&t);
            if (kind == INGEST_HEADING || kind == INGEST_SYMBOL) {
                bytes_printf(&t, "heading %u %llu", number++, (unsigned long long)rnd(1000000));
            } else if (kind == INGEST_TABLE || kind == INGEST_LIST || kind == INGEST_CODE) {
                for (uint32_t k = 0, rows = 1 + rnd(30); k < rows; k++) {
                    if (k)
                        bytes_append_str(&t, kind == INGEST_CODE && !rnd(4) ? "\n\n" : "\n");
                    random_text(&t, 1 + rnd(20));
                }
            } else {
                random_text(&t, 1 + rnd(rnd(8) ? 60 : 900));
            }
            put(&m, kind,
                kind == INGEST_HEADING || kind == INGEST_SYMBOL ? 1 + rnd(4)
                : kind == INGEST_TABLE ? rnd(2)
                                       : 0,
                t.data);
        }
        make_chunks(&m, max, overlap);
        check_laws(&m, max);
        /* The same again. */
        ingest_chunk *first = m.chunks;
        size_t n = m.n;
        make_chunks(&m, max, overlap);
        assert_int_equal(m.n, n);
        for (size_t i = 0; i < n; i++) {
            assert_string_equal(m.chunks[i].text, first[i].text);
            assert_string_equal(m.chunks[i].heading, first[i].heading);
            assert_int_equal(m.chunks[i].byte_start, first[i].byte_start);
        }
        bytes_clear(&t);
        make_end(&m);
    }
}

static void properties(void **state)
{
    (void)state;
    for (int method = 0; method < CHUNK_METHODS; method++)
        check_random(method ? 150 : 300, (chunk_method)method, INGEST_SYMBOL);
}

static void methods(void **state)
{
    chunk_method m;
    made d;
    (void)state;

    for (int i = 0; i < CHUNK_METHODS; i++) {
        assert_true(chunk_method_parse(chunk_method_name((chunk_method)i), &m));
        assert_int_equal(m, i);
    }
    assert_false(chunk_method_parse("semantic", &m));
    make_begin(&d);
    put(&d, INGEST_HEADING, 1, "Garden");
    put(&d, INGEST_PARAGRAPH, 0, "One two three. Four five six.");
    put(&d, INGEST_PARAGRAPH, 0, "Seven eight nine. Ten eleven twelve.");
    d.method = CHUNK_STRUCTURE;
    make_chunks(&d, 9, 0);
    assert_int_equal(d.n, 2); /* between blocks */
    assert_string_equal(d.chunks[0].text, "One two three. Four five six.");
    d.method = CHUNK_SENTENCE;
    make_chunks(&d, 9, 0);
    assert_int_equal(d.n, 2); /* as many sentences as fit */
    assert_string_equal(d.chunks[0].text, "One two three. Four five six.\n\nSeven eight nine.");
    assert_string_equal(d.chunks[1].heading, "Garden");
    d.method = CHUNK_PARAGRAPH;
    make_chunks(&d, 100, 0);
    assert_int_equal(d.n, 2); /* however much room there is */
    d.method = CHUNK_WINDOW;
    make_chunks(&d, 8, 3);
    assert_string_equal(d.chunks[0].text, "Garden\nOne two three. Four five six.\n\nSeven");
    assert_string_equal(d.chunks[1].text, "five six.\n\nSeven eight nine. Ten eleven twelve.");
    assert_int_equal(d.n, 2);
    make_end(&d);
}

/* Functions have passages of their own; small ones share one that names them all; names are no text. */
static void symbols_name_passages(void **state)
{
    made m;
    (void)state;

    make_begin(&m);
    put(&m, INGEST_CODE, 0, "#include <a.h>");
    put(&m, INGEST_SYMBOL, 1, "shape");
    put(&m, INGEST_CODE, 0, "class shape {");
    put(&m, INGEST_SYMBOL, 2, "area");
    put(&m, INGEST_CODE, 0, "a b c d e f g h i j k l m n o p");
    put(&m, INGEST_SYMBOL, 2, "edge");
    put(&m, INGEST_CODE, 0, "q r");
    put(&m, INGEST_SYMBOL, 2, "corner");
    put(&m, INGEST_CODE, 0, "s t u v w x y z a b c d e f g h i j k l m n");
    put(&m, INGEST_SYMBOL, 1, "main");
    put(&m, INGEST_CODE, 0, "a b c d e f g h i j k l m n o");
    make_chunks(&m, 24, 0);
    check_laws(&m, 24);
    assert_int_equal(m.n, 4);
    assert_string_equal(m.chunks[0].heading, "");
    assert_string_equal(m.chunks[1].heading, "shape > area");
    assert_string_equal(m.chunks[1].text, "class shape {\n\na b c d e f g h i j k l m n o p");
    assert_string_equal(m.chunks[2].heading, "shape > edge, corner");
    assert_string_equal(m.chunks[3].heading, "main");
    make_end(&m);
}

/* Seeds with which a law was broken once: an overlap with nothing but white space behind it. */
static void old_faults(void **state)
{
    static const uint64_t seeds[] = {1795661402330316707u};
    uint64_t before = seed;
    (void)state;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        rng_state = seed = seeds[i];
        check_random(300, CHUNK_STRUCTURE, INGEST_QUOTE); /* the kinds of then */
    }
    rng_state = seed = before;
}

static void overlap_is_the_last_sentences(void **state)
{
    made m;
    (void)state;

    make_begin(&m);
    put(&m, INGEST_PARAGRAPH, 0,
        "One two three four five six. Seven eight nine ten eleven twelve. Short end here. "
        "And then a new sentence comes along. It goes on.");
    make_chunks(&m, 16, 4);
    check_laws(&m, 16);
    assert_string_equal(m.chunks[0].text, "One two three four five six. Seven eight nine ten "
                                          "eleven twelve. Short end here.");
    assert_string_equal(m.chunks[1].text, "Short end here. And then a new sentence comes along. It "
                                          "goes on.");
    assert_int_equal(m.chunks[1].fresh, 16);
    assert_int_equal(m.chunks[1].byte_start, 65);
    make_end(&m);
}

static void tables_repeat_their_header(void **state)
{
    made m;
    (void)state;

    make_begin(&m);
    put(&m, INGEST_TABLE, 1,
        "name | town\nanna | kiel\nbo | lund\ncai | bern\ndora | rom\ned | york");
    make_chunks(&m, 9, 0);
    check_laws(&m, 9);
    assert_string_equal(m.chunks[0].text, "name | town\nanna | kiel\nbo | lund");
    assert_string_equal(m.chunks[1].text, "name | town\ncai | bern\ndora | rom");
    assert_string_equal(m.chunks[2].text, "name | town\ned | york");
    assert_int_equal(m.chunks[1].fresh, 12);
    make_end(&m);
}

static void code_is_cut_at_functions(void **state)
{
    made m;
    (void)state;

    make_begin(&m);
    put(&m, INGEST_CODE, 0,
        "int one(void)\n{\n    first();\n\n    return 1;\n}\n\nint two(void)\n{\n    return "
        "2;\n}\n");
    make_chunks(&m, 12, 4);
    check_laws(&m, 12);
    assert_int_equal(m.n, 2);
    assert_true(!strncmp(m.chunks[1].text, "int two(void)", 13));
    assert_int_equal(m.chunks[1].fresh, 0);
    make_end(&m);
}

static void headings_make_paths(void **state)
{
    made m;
    (void)state;

    make_begin(&m);
    put(&m, INGEST_HEADING, 1, "Manual");
    put(&m, INGEST_HEADING, 2, "Install");
    put(&m, INGEST_PARAGRAPH, 0, "a b c d e f g h i j k l m n o p");
    put(&m, INGEST_HEADING, 3, "Small");
    put(&m, INGEST_PARAGRAPH, 0, "a b");
    put(&m, INGEST_HEADING, 3, "Smaller");
    put(&m, INGEST_PARAGRAPH, 0, "c d");
    put(&m, INGEST_HEADING, 2, "Use");
    put(&m, INGEST_PARAGRAPH, 0, "e f");
    put(&m, INGEST_HEADING, 2, "Nothing here");
    put(&m, INGEST_HEADING, 1, "Index");
    make_chunks(&m, 40, 0);
    check_laws(&m, 40);
    assert_string_equal(m.chunks[0].heading, "Manual > Install");
    assert_string_equal(m.chunks[0].text, "a b c d e f g h i j k l m n o p");
    assert_string_equal(m.chunks[1].heading, "Manual > Install > Small, Smaller");
    assert_string_equal(m.chunks[1].text, "a b\n\nSmaller\nc d");
    assert_string_equal(m.chunks[2].heading, "Manual > Use, Nothing here");
    assert_string_equal(m.chunks[2].text, "e f\n\nNothing here");
    assert_string_equal(m.chunks[3].text, "Index");
    assert_int_equal(m.n, 4);
    make_end(&m);
}

/* A title that nothing follows but the first section: the passage is that section's. */
static void a_heading_that_only_opens(void **state)
{
    made m;
    (void)state;

    make_begin(&m);
    put(&m, INGEST_HEADING, 1, "Charter");
    put(&m, INGEST_HEADING, 1, "Hire\nand fees");
    put(&m, INGEST_PARAGRAPH, 0, "a b c");
    put(&m, INGEST_HEADING, 1, "Book");
    put(&m, INGEST_HEADING, 2, "Preface");
    put(&m, INGEST_HEADING, 2, "One");
    put(&m, INGEST_PARAGRAPH, 0, "d e f");
    put(&m, INGEST_HEADING, 2, "Two");
    put(&m, INGEST_PARAGRAPH, 0, "g h i");
    make_chunks(&m, 60, 0);
    check_laws(&m, 60);
    assert_int_equal(m.n, 2);
    assert_string_equal(m.chunks[0].heading, "Hire and fees");
    assert_string_equal(m.chunks[0].text, "Charter\nHire\nand fees\na b c");
    assert_string_equal(m.chunks[1].heading, "Book > One, Two");
    assert_string_equal(m.chunks[1].text, "Preface\nOne\nd e f\n\nTwo\ng h i");
    make_end(&m);
}

/* Counting is asked about each byte a few times at most, however long the document. */
static void counting_is_cheap(void **state)
{
    made m;
    bytes t;
    size_t all = 0;
    (void)state;

    make_begin(&m);
    bytes_init(&t, 1 << 24);
    for (int i = 0; i < 40; i++) {
        bytes_reset(&t);
        random_text(&t, 100 + rnd(4000));
        put(&m, INGEST_PARAGRAPH, 0, t.data);
        all += t.len;
    }
    make_chunks(&m, 256, 32);
    check_laws(&m, 256);
    if (m.counted > all * 3)
        fail_msg("%zu bytes counted for %zu", m.counted, all);
    bytes_clear(&t);
    make_end(&m);
}

static void small_budgets_are_refused(void **state)
{
    made m;
    cairn_error err = {0};
    chunk_options opt = {.max_tokens = 7};
    (void)state;

    make_begin(&m);
    make_chunks(&m, 256, 32);
    assert_int_equal(m.n, 0);
    assert_int_equal(chunk_document(m.doc, &opt, &m.chunks, &m.n, &m.memory, &err), CAIRN_EUSAGE);
    make_end(&m);
}

int main(void)
{
    const char *env = getenv("CAIRN_SEED");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties),
        cmocka_unit_test(methods),
        cmocka_unit_test(symbols_name_passages),
        cmocka_unit_test(old_faults),
        cmocka_unit_test(overlap_is_the_last_sentences),
        cmocka_unit_test(tables_repeat_their_header),
        cmocka_unit_test(code_is_cut_at_functions),
        cmocka_unit_test(headings_make_paths),
        cmocka_unit_test(a_heading_that_only_opens),
        cmocka_unit_test(counting_is_cheap),
        cmocka_unit_test(small_budgets_are_refused),
    };
    seed = env ? strtoull(env, NULL, 10) : (uint64_t)clock_wall_ns() | 1;
    rng_state = seed ? seed : 1;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
