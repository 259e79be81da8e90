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

/* A PNG of 3 x 2 pixels as cairo writes one; its pixels do not matter here. */
static size_t small_png(uint8_t out[128])
{
    static const uint8_t head[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R',
                                   0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0, 1, 2, 3, 4};
    static const uint8_t rest[] = {0, 0, 0, 6, 'b', 'K', 'G', 'D', 0, 1, 0, 1, 0, 1, 9, 9, 9, 9,
                                   0, 0, 0, 2, 'I', 'D', 'A', 'T', 7, 7, 9, 9, 9, 9,
                                   0, 0, 0, 0, 'I', 'E', 'N', 'D', 9, 9, 9, 9};

    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, rest, sizeof rest);
    return sizeof head + sizeof rest;
}

/* What the parent makes of an image that a worker sends. */
static cairn_status send_image(const page_image *image, page_image *out, bool *failed)
{
    wire_frame f;
    size_t used;
    uint8_t *copy;
    bytes b;
    cairn_error err = {0};
    cairn_status st;

    bytes_init(&b, 1 << 20);
    assert_int_equal(wire_put_image(&b, image), CAIRN_OK);
    copy = malloc(b.len);
    assert_non_null(copy);
    memcpy(copy, b.data, b.len);
    assert_int_equal(wire_take(copy, b.len, &f, &used, &err), CAIRN_OK);
    assert_int_equal(used, b.len);
    st = wire_get_image(&f, out, failed, &err);
    free(copy);
    bytes_clear(&b);
    return st;
}

static void images_are_checked(void **state)
{
    /* byte of the PNG, and what is written there: each makes it one that we do not pass on */
    static const struct {
        size_t at;
        uint8_t value;
    } broken[] = {{1, 'p'}, {19, 4}, {23, 9}, {24, 16}, {25, 3}, {28, 1}, {11, 14}, {37, 't'}, {55, 'i'},
                  {54, 200}, {72, 'F'}, {68, 1}};
    uint8_t png[128];
    page_mark marks[] = {{1, 2, 3, 4}, {0, 0, 65535, 65535}};
    page_image image = {.width = 3, .height = 2, .n_pages = 7, .marks = marks, .n_marks = 2, .png = (char *)png}, got;
    bool failed;
    (void)state;

    image.png_len = small_png(png);
    assert_int_equal(send_image(&image, &got, &failed), CAIRN_OK);
    assert_int_equal(got.n_pages, 7);
    assert_int_equal(got.marks[1].y1, 65535);
    assert_memory_equal(got.png, png, image.png_len);
    page_image_clear(&got);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        small_png(png);
        png[broken[i].at] = broken[i].value;
        if (send_image(&image, &got, &failed) != CAIRN_EINPUT || failed || got.png)
            fail_msg("row %zu was accepted", i);
    }
    for (size_t cut = image.png_len; cut-- > 0;) {
        page_image less = image;
        small_png(png);
        less.png_len = cut;
        assert_int_equal(send_image(&less, &got, &failed), CAIRN_EINPUT);
    }
    small_png(png);
    marks[0].x0 = 9; /* right of its right side */
    assert_int_equal(send_image(&image, &got, &failed), CAIRN_EINPUT);
}

static void page_requests_travel(void **state)
{
    wire_render r = {.file_size = 5, .deadline_ms = 6,
                     .page = {.page = 3, .width = 800, .passage = "abc", .passage_len = 3, .words = "a\nb", .words_len = 3}};
    wire_render got;
    wire_frame f;
    size_t used;
    bytes b;
    (void)state;

    bytes_init(&b, 1 << 20);
    assert_int_equal(wire_put_render(&b, &r), CAIRN_OK);
    assert_int_equal(wire_take(b.data, b.len, &f, &used, NULL), CAIRN_OK);
    assert_int_equal(wire_get_render(&f, &got, NULL), CAIRN_OK);
    assert_int_equal(got.page.width, 800);
    assert_memory_equal(got.page.words, "a\nb", 3);
    f.len--;
    assert_int_equal(wire_get_render(&f, &got, NULL), CAIRN_EINPUT);
    bytes_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(images_are_checked),
        cmocka_unit_test(page_requests_travel),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(broken_headers),
        cmocka_unit_test(every_byte_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
