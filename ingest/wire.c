/* wire.c - frames to and from bytes; the layout is in wire.h. */
#include "ingest/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "base/varint.h"

cairn_status wire_take(const void *data, size_t len, wire_frame *out, size_t *used,
                       cairn_error *err)
{
    cursor c;
    uint32_t n;
    uint8_t type;

    *used = 0;
    if (len < WIRE_HEADER)
        return CAIRN_OK;
    cursor_init(&c, data, len);
    n = cursor_u32(&c);
    type = cursor_u8(&c);
    if (cursor_u8(&c) | cursor_u8(&c) | cursor_u8(&c))
        return cairn_fail(err, CAIRN_EINPUT, "a frame header with bits that must be zero");
    if (type < WIRE_HELLO || type > WIRE_IMAGE)
        return cairn_fail(err, CAIRN_EINPUT, "a frame of unknown type %u", type);
    if (n > WIRE_MAX_PAYLOAD)
        return cairn_fail(err, CAIRN_EINPUT, "a frame of %u bytes, more than %zu", n,
                          WIRE_MAX_PAYLOAD);
    if (cursor_left(&c) < n)
        return CAIRN_OK;
    out->type = (wire_type)type;
    out->payload = cursor_take(&c, n);
    out->len = n;
    *used = WIRE_HEADER + (size_t)n;
    return CAIRN_OK;
}

/* begin_frame leaves room for the length; end_frame writes it, or takes the frame back. */
static cairn_status begin_frame(bytes *out, wire_type type, size_t *at)
{
    *at = out->len;
    cairn_status st = bytes_append_u32(out, 0);
    return st ? st : bytes_append_u32(out, (uint32_t)type);
}

static cairn_status end_frame(bytes *out, size_t at, cairn_status st)
{
    size_t n;

    if (!st && out->len - at - WIRE_HEADER > WIRE_MAX_PAYLOAD)
        st = CAIRN_ELIMIT;
    if (st) {
        if (out->len > at)
            out->data[out->len = at] = 0;
        return st;
    }
    n = out->len - at - WIRE_HEADER;
    for (int i = 0; i < 4; i++)
        out->data[at + i] = (char)(n >> (8 * i));
    return CAIRN_OK;
}

static cairn_status put_text(bytes *out, const char *s, size_t len)
{
    cairn_status st = len > WIRE_MAX_PAYLOAD ? CAIRN_ELIMIT : bytes_append_u32(out, (uint32_t)len);
    return st ? st : bytes_append(out, s, len);
}

cairn_status wire_put_hello(bytes *out, const wire_hello *h)
{
    size_t at;
    cairn_status st = begin_frame(out, WIRE_HELLO, &at);

    if (!st)
        st = bytes_append_u32(out, h->version);
    if (!st)
        st = bytes_append_u32(out, h->limits);
    if (!st)
        st = bytes_append_byte(out, h->seccomp);
    if (!st)
        st = bytes_append_byte(out, h->landlock_abi);
    return end_frame(out, at, st);
}

cairn_status wire_put_request(bytes *out, const wire_request *r)
{
    size_t at;
    cairn_status st = begin_frame(out, WIRE_REQUEST, &at);

    if (!st)
        st = bytes_append_u64(out, r->file_size);
    if (!st)
        st = bytes_append_u64(out, r->max_text);
    if (!st)
        st = bytes_append_u32(out, r->deadline_ms);
    if (!st)
        st = put_text(out, r->name, strlen(r->name));
    return end_frame(out, at, st);
}

cairn_status wire_put_text(bytes *out, document_field field, const char *key, const char *value,
                           size_t len)
{
    size_t at;
    cairn_status st = begin_frame(out, WIRE_TEXT, &at);

    if (!st)
        st = bytes_append_byte(out, (uint8_t)field);
    if (!st)
        st = put_text(out, key, strlen(key));
    if (!st)
        st = put_text(out, value, len);
    return end_frame(out, at, st);
}

cairn_status wire_put_number(bytes *out, document_field field, int64_t value)
{
    size_t at;
    cairn_status st = begin_frame(out, WIRE_NUMBER, &at);

    if (!st)
        st = bytes_append_byte(out, (uint8_t)field);
    if (!st)
        st = bytes_append_u64(out, (uint64_t)value);
    return end_frame(out, at, st);
}

cairn_status wire_put_block(bytes *out, const ingest_block *b)
{
    size_t at, text = 0;
    uint64_t file = 0;
    cairn_status st = begin_frame(out, WIRE_BLOCK, &at);

    if (!st)
        st = bytes_append_byte(out, (uint8_t)b->kind);
    if (!st)
        st = bytes_append_byte(out, b->level);
    if (!st)
        st = bytes_append_u32(out, b->page);
    if (!st)
        st = bytes_append_u32(out, b->line_first);
    if (!st)
        st = bytes_append_u32(out, b->line_last);
    if (!st)
        st = bytes_append_u64(out, b->byte_start);
    if (!st)
        st = bytes_append_u64(out, b->byte_end);
    if (!st)
        st = bytes_append_u32(out, (uint32_t)b->n_spans);
    for (size_t i = 0; i < b->n_spans && !st; i++) {
        st = bytes_append_varint(out, b->spans[i].text - text);
        if (!st)
            st = bytes_append_varint(out, b->spans[i].file - file);
        text = b->spans[i].text;
        file = b->spans[i].file;
    }
    if (!st)
        st = put_text(out, b->text, b->len);
    return end_frame(out, at, st);
}

cairn_status wire_put_done(bytes *out, uint64_t blocks)
{
    size_t at;
    cairn_status st = begin_frame(out, WIRE_DONE, &at);

    if (!st)
        st = bytes_append_u64(out, blocks);
    return end_frame(out, at, st);
}

/* How something ended: a status and a sentence. */
static cairn_status put_outcome(bytes *out, wire_type type, cairn_status code,
                                const char *text)
{
    size_t at;
    cairn_status st = begin_frame(out, type, &at);

    if (!st)
        st = bytes_append_byte(out, (uint8_t)code);
    if (!st)
        st = put_text(out, text, strlen(text));
    return end_frame(out, at, st);
}

cairn_status wire_put_fail(bytes *out, cairn_status code, const char *text)
{
    return put_outcome(out, WIRE_FAIL, code, text);
}

cairn_status wire_put_member(bytes *out, const emit_member_info *m)
{
    size_t at;
    cairn_status st = begin_frame(out, WIRE_MEMBER, &at);

    if (!st)
        st = bytes_append_u64(out, m->size);
    if (!st)
        st = bytes_append_u64(out, (uint64_t)m->mtime_ns);
    if (!st)
        st = bytes_append(out, m->hash, sizeof m->hash);
    if (!st)
        st = put_text(out, m->name, strlen(m->name));
    return end_frame(out, at, st);
}

cairn_status wire_put_member_end(bytes *out, cairn_status code, const char *text)
{
    return put_outcome(out, WIRE_MEMBER_END, code, text);
}

cairn_status wire_put_render(bytes *out, const wire_render *r)
{
    size_t at;
    cairn_status st = begin_frame(out, WIRE_RENDER, &at);

    if (!st)
        st = bytes_append_u64(out, r->file_size);
    if (!st)
        st = bytes_append_u32(out, r->deadline_ms);
    if (!st)
        st = bytes_append_u32(out, r->page.page);
    if (!st)
        st = bytes_append_u32(out, r->page.width);
    if (!st)
        st = put_text(out, r->page.passage, r->page.passage_len);
    if (!st)
        st = put_text(out, r->page.words, r->page.words_len);
    return end_frame(out, at, st);
}

cairn_status wire_put_image(bytes *out, const page_image *image)
{
    size_t at;
    cairn_status st = begin_frame(out, WIRE_IMAGE, &at);

    if (!st)
        st = bytes_append_u32(out, image->width);
    if (!st)
        st = bytes_append_u32(out, image->height);
    if (!st)
        st = bytes_append_u32(out, image->n_pages);
    if (!st)
        st = bytes_append_u32(out, (uint32_t)image->n_marks);
    for (size_t i = 0; !st && i < image->n_marks; i++) {
        const uint16_t box[] = {image->marks[i].x0, image->marks[i].y0, image->marks[i].x1,
                                image->marks[i].y1};
        for (size_t k = 0; !st && k < 4; k++)
            st = bytes_append_u16(out, box[k]);
    }
    if (!st)
        st = put_text(out, image->png, image->png_len);
    return end_frame(out, at, st);
}

static const char *get_text(cursor *c, size_t *len)
{
    *len = cursor_u32(c);
    return (const char *)cursor_take(c, *len);
}

static cairn_status whole(const cursor *c, const wire_frame *f, cairn_error *err)
{
    if (c->failed || cursor_left(c))
        return cairn_fail(err, CAIRN_EINPUT, "a frame of type %d with a broken payload",
                          (int)f->type);
    return CAIRN_OK;
}

cairn_status wire_get_hello(const wire_frame *f, wire_hello *out, cairn_error *err)
{
    cursor c;

    cursor_init(&c, f->payload, f->len);
    out->version = cursor_u32(&c);
    out->limits = cursor_u32(&c);
    out->seccomp = cursor_u8(&c);
    out->landlock_abi = cursor_u8(&c);
    if (f->type != WIRE_HELLO)
        return cairn_fail(err, CAIRN_EINPUT, "the worker did not say hello");
    return whole(&c, f, err);
}

cairn_status wire_get_request(const wire_frame *f, wire_request *out, cairn_error *err)
{
    cursor c;
    const char *name;
    size_t len;

    cursor_init(&c, f->payload, f->len);
    out->file_size = cursor_u64(&c);
    out->max_text = cursor_u64(&c);
    out->deadline_ms = cursor_u32(&c);
    name = get_text(&c, &len);
    if (f->type != WIRE_REQUEST || (name && len > WIRE_MAX_NAME))
        return cairn_fail(err, CAIRN_EINPUT, "not a request");
    if (name)
        memcpy(out->name, name, len);
    out->name[name ? len : 0] = 0;
    return whole(&c, f, err);
}

cairn_status wire_get_render(const wire_frame *f, wire_render *out, cairn_error *err)
{
    page_request *p = &out->page;
    cursor c;

    cursor_init(&c, f->payload, f->len);
    out->file_size = cursor_u64(&c);
    out->deadline_ms = cursor_u32(&c);
    p->page = cursor_u32(&c);
    p->width = cursor_u32(&c);
    p->passage = get_text(&c, &p->passage_len);
    p->words = get_text(&c, &p->words_len);
    if (f->type != WIRE_RENDER)
        return cairn_fail(err, CAIRN_EINPUT, "not a request for a page");
    return whole(&c, f, err);
}

/* Statuses that a worker may give for a file. */
static bool is_failure(uint8_t code)
{
    return code == CAIRN_EINPUT || code == CAIRN_ELIMIT || code == CAIRN_EUNSUPPORTED ||
           code == CAIRN_ENOMEM;
}

static cairn_status get_fail(const wire_frame *f, bool *failed, cairn_error *err)
{
    uint8_t code;
    const char *text;
    size_t len;
    cairn_status st;
    cursor c;

    cursor_init(&c, f->payload, f->len);
    code = cursor_u8(&c);
    text = get_text(&c, &len);
    st = whole(&c, f, err);
    if (st)
        return st;
    if (!is_failure(code))
        return cairn_fail(err, CAIRN_EINPUT, "the worker failed with a strange code %u", code);
    *failed = true;
    return cairn_fail(err, (cairn_status)code, "%.*s", (int)(len < 400 ? len : 400), text);
}

cairn_status wire_get_image(const wire_frame *f, page_image *out, bool *failed, cairn_error *err)
{
    const char *png;
    cairn_status st;
    cursor c;

    *out = (page_image){0};
    *failed = false;
    if (f->type == WIRE_FAIL)
        return get_fail(f, failed, err);
    cursor_init(&c, f->payload, f->len);
    out->width = cursor_u32(&c);
    out->height = cursor_u32(&c);
    out->n_pages = cursor_u32(&c);
    out->n_marks = cursor_u32(&c);
    if (f->type != WIRE_IMAGE || out->n_marks > PAGE_IMAGE_MARKS_MAX) {
        *out = (page_image){0};
        return cairn_fail(err, CAIRN_EINPUT, "not an image");
    }
    out->marks = checked_malloc(out->n_marks ? out->n_marks : 1, sizeof *out->marks);
    st = out->marks ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "an image");
    for (size_t i = 0; !st && i < out->n_marks; i++) {
        page_mark *m = &out->marks[i];

        m->x0 = cursor_u16(&c);
        m->y0 = cursor_u16(&c);
        m->x1 = cursor_u16(&c);
        m->y1 = cursor_u16(&c);
        if (m->x0 > m->x1 || m->y0 > m->y1)
            st = cairn_fail(err, CAIRN_EINPUT, "an image with a mark turned inside out");
    }
    png = get_text(&c, &out->png_len);
    if (!st)
        st = whole(&c, f, err);
    if (!st)
        st = page_image_check(png, out->png_len, out->width, out->height, err);
    if (!st && !(out->png = malloc(out->png_len)))
        st = cairn_fail(err, CAIRN_ENOMEM, "an image");
    if (st)
        page_image_clear(out);
    else
        memcpy(out->png, png, out->png_len);
    return st;
}

static cairn_status answer_block(const wire_frame *f, const block_sink *sink, cairn_error *err)
{
    ingest_block b = {0};
    ingest_span *spans = NULL;
    uint64_t file = 0, text = 0;
    cairn_status st;
    cursor c;

    cursor_init(&c, f->payload, f->len);
    b.kind = (ingest_block_kind)cursor_u8(&c);
    b.level = cursor_u8(&c);
    b.page = cursor_u32(&c);
    b.line_first = cursor_u32(&c);
    b.line_last = cursor_u32(&c);
    b.byte_start = cursor_u64(&c);
    b.byte_end = cursor_u64(&c);
    b.n_spans = cursor_u32(&c);
    if (b.n_spans > cursor_left(&c) / 2) /* two bytes a span at least */
        return cairn_fail(err, CAIRN_EINPUT, "a block that claims %zu spans", b.n_spans);
    if (b.n_spans) {
        spans = checked_malloc(b.n_spans, sizeof *spans);
        if (!spans)
            return cairn_fail(err, CAIRN_ENOMEM, "%zu spans", b.n_spans);
    }
    for (size_t i = 0; i < b.n_spans && !c.failed; i++) {
        text += cursor_varint32(&c);
        file += cursor_varint(&c);
        if (text > UINT32_MAX)
            c.failed = true;
        spans[i].text = (uint32_t)text;
        spans[i].file = file;
    }
    b.text = get_text(&c, &b.len);
    b.spans = spans;
    st = whole(&c, f, err);
    if (!st)
        st = sink->block(sink->ctx, &b, err);
    free(spans);
    return st;
}

static cairn_status answer_field(const wire_frame *f, const block_sink *sink, cairn_error *err)
{
    char key[64];
    const char *k, *value;
    size_t key_len, len;
    uint8_t field;
    cairn_status st;
    cursor c;

    cursor_init(&c, f->payload, f->len);
    field = cursor_u8(&c);
    if (f->type == WIRE_NUMBER) {
        int64_t number = cursor_i64(&c);
        st = whole(&c, f, err);
        return st ? st : sink->number(sink->ctx, (document_field)field, number, err);
    }
    k = get_text(&c, &key_len);
    value = get_text(&c, &len);
    st = whole(&c, f, err);
    if (st)
        return st;
    if (key_len >= sizeof key)
        return cairn_fail(err, CAIRN_EINPUT, "a metadata key of %zu bytes", key_len);
    for (size_t i = 0; i < key_len; i++)
        if (k[i] < 0x21 || k[i] > 0x7E)
            return cairn_fail(err, CAIRN_EINPUT, "a metadata key that is not printable ASCII");
    memcpy(key, k, key_len);
    key[key_len] = 0;
    return sink->text(sink->ctx, (document_field)field, key, value, len, err);
}

static cairn_status answer_member(const wire_frame *f, const block_sink *sink, cairn_error *err)
{
    emit_member_info m = {0};
    char name[EMIT_FIELD_BYTES * 4 + 1];
    const uint8_t *hash;
    const char *s;
    size_t len;
    cairn_status st;
    cursor c;

    cursor_init(&c, f->payload, f->len);
    m.size = cursor_u64(&c);
    m.mtime_ns = cursor_i64(&c);
    hash = cursor_take(&c, sizeof m.hash);
    s = get_text(&c, &len);
    st = whole(&c, f, err);
    if (st)
        return st;
    if (len >= sizeof name || memchr(s, 0, len))
        return cairn_fail(err, CAIRN_EINPUT, "a member with a name of %zu bytes", len);
    memcpy(m.hash, hash, sizeof m.hash);
    memcpy(name, s, len);
    name[len] = 0;
    m.name = name;
    return sink->member(sink->ctx, &m, err);
}

static cairn_status answer_member_end(const wire_frame *f, const block_sink *sink,
                                      cairn_error *err)
{
    char reason[401];
    const char *text;
    uint8_t code;
    size_t len;
    cairn_status st;
    cursor c;

    cursor_init(&c, f->payload, f->len);
    code = cursor_u8(&c);
    text = get_text(&c, &len);
    st = whole(&c, f, err);
    if (!st && code != CAIRN_OK && !is_failure(code))
        st = cairn_fail(err, CAIRN_EINPUT, "a member failed with a strange code %u", code);
    if (st)
        return st;
    snprintf(reason, sizeof reason, "%.*s", (int)(len < 400 ? len : 400), text);
    return sink->member_end(sink->ctx, (cairn_status)code, reason, err);
}

cairn_status wire_answer(const wire_frame *f, const block_sink *sink, uint64_t *blocks,
                         wire_state *state, cairn_error *err)
{
    cairn_status st;
    cursor c;

    *state = WIRE_MORE;
    cursor_init(&c, f->payload, f->len);
    switch (f->type) {
    case WIRE_TEXT:
    case WIRE_NUMBER:
        return answer_field(f, sink, err);
    case WIRE_BLOCK:
        ++*blocks;
        return answer_block(f, sink, err);
    case WIRE_MEMBER:
        return answer_member(f, sink, err);
    case WIRE_MEMBER_END:
        return answer_member_end(f, sink, err);
    case WIRE_DONE: {
        uint64_t n = cursor_u64(&c);
        st = whole(&c, f, err);
        if (!st && n != *blocks)
            st = cairn_fail(err, CAIRN_EINPUT, "the worker gave %llu blocks and counted %llu",
                            (unsigned long long)*blocks, (unsigned long long)n);
        if (!st)
            *state = WIRE_FINISHED;
        return st;
    }
    case WIRE_FAIL: {
        bool failed = false;
        st = get_fail(f, &failed, err);
        if (failed)
            *state = WIRE_FINISHED;
        return st;
    }
    default:
        return cairn_fail(err, CAIRN_EINPUT, "a frame of type %d out of place", (int)f->type);
    }
}
