/* test_wire - frames: what is written is read back, and what no honest worker writes is refused. */
#include "tests/ingest/probe.h"

#include "ingest/build.h"
#include "ingest/wire.h"

/* Feed frames to a fresh document; returns the first failure and says whether it was finished. */
static cairn_status feed(const bytes *in, ingest_document **out, wire_state *state)
{
    document_builder b;
    block_sink sink;
    uint64_t blocks = 0;
    size_t at = 0;
    cairn_error err = {0};
    cairn_status st;

    *out = NULL;
    *state = WIRE_MORE;
    assert_int_equal(builder_init(&b, 1 << 20, &err), CAIRN_OK);
    sink = builder_sink(&b);
    for (;;) {
        wire_frame f;
        size_t used;
        /* A heap copy of exactly the rest lets a sanitizer see a read past the end. */
        size_t left = in->len - at;
        char *copy = malloc(left ? left : 1);

        assert_non_null(copy);
        memcpy(copy, in->data ? in->data + at : "", left);
        st = wire_take(copy, left, &f, &used, &err);
        if (!st && used)
            st = wire_answer(&f, &sink, &blocks, state, &err);
        free(copy);
        if (st || !used || *state == WIRE_FINISHED)
            break;
        at += used;
    }
    if (!st && *state == WIRE_FINISHED)
        st = builder_finish(&b, out, &err);
    builder_clear(&b);
    return st;
}

static void round_trip(void **state)
{
    static const ingest_span spans[] = {{0, 10}, {3, 20}};
    ingest_block b = {.kind = INGEST_PARAGRAPH,
                      .page = 3,
                      .line_first = 4,
                      .line_last = 5,
                      .byte_start = 10,
                      .byte_end = 40,
                      .text = "abc def",
                      .len = 7,
                      .spans = spans,
                      .n_spans = 2};
    ingest_document *doc;
    wire_state end;
    bytes out;
    (void)state;

    bytes_init(&out, 1 << 20);
    assert_int_equal(wire_put_text(&out, FIELD_TITLE, "", "Title", 5), CAIRN_OK);
    assert_int_equal(wire_put_text(&out, FIELD_META, "to", "someone", 7), CAIRN_OK);
    assert_int_equal(wire_put_number(&out, FIELD_DATE, -5), CAIRN_OK);
    assert_int_equal(wire_put_block(&out, &b), CAIRN_OK);
    assert_int_equal(wire_put_done(&out, 1), CAIRN_OK);
    assert_int_equal(feed(&out, &doc, &end), CAIRN_OK);
    assert_string_equal(doc->title, "Title");
    assert_string_equal(doc->meta[0].key, "to");
    assert_int_equal(doc->date_ns, -5);
    assert_int_equal(doc->n_pages, 3);
    assert_string_equal(doc->blocks[0].text, "abc def");
    assert_int_equal(ingest_block_position(&doc->blocks[0], 2), 12);
    assert_int_equal(ingest_block_position(&doc->blocks[0], 5), 22);
    assert_int_equal(ingest_block_position(&doc->blocks[0], 7), 40);
    ingest_document_free(doc);
    /* Every shorter input is unfinished, never a crash. */
    for (size_t n = 0; n + 1 < out.len; n++) {
        bytes cut = out;
        cut.len = n;
        assert_int_equal(feed(&cut, &doc, &end), CAIRN_OK);
        assert_null(doc);
        assert_int_equal(end, WIRE_MORE);
    }
    bytes_clear(&out);
}

static void lies_are_refused(void **state)
{
    static const ingest_span backwards[] = {{3, 20}, {1, 22}};
    static const ingest_span outside[] = {{0, 99}};
    const ingest_block good = {.kind = INGEST_PARAGRAPH, .byte_end = 5, .text = "words", .len = 5};
    ingest_block rows[10];
    ingest_document *doc;
    wire_state end;
    bytes out;
    (void)state;

    for (size_t i = 0; i < 10; i++)
        rows[i] = good;
    rows[0].kind = 0;
    rows[1].kind = 77;
    rows[2].level = 7;
    rows[3].kind = INGEST_HEADING; /* level 0 */
    rows[4].len = 0;
    rows[5].text = "w\xC3rds";
    rows[6].text = "wo\0ds";
    rows[7].byte_start = 9;
    rows[8].spans = backwards, rows[8].n_spans = 2, rows[8].byte_end = 40;
    rows[9].spans = outside, rows[9].n_spans = 1;
    for (size_t i = 0; i < 10; i++) {
        bytes_init(&out, 1 << 20);
        assert_int_equal(wire_put_block(&out, &rows[i]), CAIRN_OK);
        if (feed(&out, &doc, &end) != CAIRN_EINPUT || end != WIRE_MORE)
            fail_msg("row %zu was accepted", i);
        bytes_clear(&out);
    }
    bytes_init(&out, 1 << 20);
    wire_put_done(&out, 1); /* counted one, gave none */
    assert_int_equal(feed(&out, &doc, &end), CAIRN_EINPUT);
    bytes_reset(&out);
    wire_put_fail(&out, CAIRN_ECORRUPT, "x"); /* not for a worker to say */
    assert_int_equal(feed(&out, &doc, &end), CAIRN_EINPUT);
    assert_int_equal(end, WIRE_MORE);
    bytes_reset(&out);
    wire_put_fail(&out, CAIRN_EUNSUPPORTED, "no parser");
    assert_int_equal(feed(&out, &doc, &end), CAIRN_EUNSUPPORTED);
    assert_int_equal(end, WIRE_FINISHED);
    bytes_clear(&out);
}

static void broken_headers(void **state)
{
    static const uint8_t rows[][8] = {
        {0xFF, 0xFF, 0xFF, 0xFF, WIRE_BLOCK, 0, 0, 0}, /* 4 GiB */
        {1, 0, 0, 0, 0, 0, 0, 0},                      /* type 0 */
        {1, 0, 0, 0, 99, 0, 0, 0},
        {1, 0, 0, 0, WIRE_DONE, 0, 1, 0}, /* a bit that must be zero */
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wire_frame f;
        size_t used;
        cairn_error err = {0};
        assert_int_equal(wire_take(rows[i], 8, &f, &used, &err), CAIRN_EINPUT);
    }
}

/* Any single byte of a good answer changed: an answer or a refusal. */
static void every_byte_changed(void **state)
{
    ingest_block b = {.kind = INGEST_LIST, .byte_end = 9, .text = "- a\n- b\n-", .len = 9};
    bytes out;
    (void)state;

    bytes_init(&out, 1 << 20);
    wire_put_text(&out, FIELD_META, "key", "value", 5);
    wire_put_block(&out, &b);
    wire_put_done(&out, 1);
    for (size_t i = 0; i < out.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            ingest_document *doc;
            wire_state end;
            out.data[i] ^= (char)(1u << bit);
            feed(&out, &doc, &end);
            ingest_document_free(doc);
            out.data[i] ^= (char)(1u << bit);
        }
    bytes_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(broken_headers),
        cmocka_unit_test(every_byte_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
