/* wire.h - what the extractor and its worker say to each other.
 *
 * Both ends of a stream socket write frames. Integers are little-endian.
 *
 *   at  size  field
 *   0   4     n, length of the payload, at most WIRE_MAX_PAYLOAD
 *   4   1     type, a wire_type
 *   5   3     zero
 *   8   n     payload
 *
 *   type           from     payload
 *   WIRE_HELLO     worker   u32 version, u32 limits set, u8 seccomp, u8 Landlock ABI
 *   WIRE_REQUEST   parent   u64 file size, u64 text limit, u32 deadline in ms, text file name;
 *                           the file's descriptor travels with the frame's first byte (SCM_RIGHTS)
 *   WIRE_TEXT      worker   u8 document_field, text key, text value
 *   WIRE_NUMBER    worker   u8 document_field, i64 value
 *   WIRE_BLOCK     worker   u8 kind, u8 level, u32 page, u32 line_first, u32 line_last,
 *                           u64 byte_start, u64 byte_end, u32 n_spans,
 *                           n_spans x { varint text gap, varint file gap }, text
 *   WIRE_DONE      worker   u64 blocks given
 *   WIRE_FAIL      worker   u8 cairn_status, text sentence
 *   WIRE_MEMBER    worker   u64 size, i64 time in ns, 16 bytes hash, text name: what follows belongs to
 *                           a file inside the one in hand
 *   WIRE_MEMBER_END worker  u8 cairn_status (0 = read), text sentence: back to the one around it
 *   WIRE_RENDER    parent   u64 file size, u32 deadline in ms, u32 page, u32 width in pixels, text passage,
 *                           text words; the file's descriptor as with WIRE_REQUEST
 *   WIRE_IMAGE     worker   u32 width, u32 height, u32 pages of the document, u32 n_marks,
 *                           n_marks x { u16 x0, u16 y0, u16 x1, u16 y1 }, text PNG
 *
 * text = u32 length, bytes. Trailing bytes in a payload are a violation. An answer is any number
 * of TEXT, NUMBER, BLOCK and members, then one DONE or FAIL; to a WIRE_RENDER, one IMAGE or FAIL. The parent believes nothing: document rules
 * are checked by build.h, sizes here. */
#ifndef CAIRN_INGEST_WIRE_H
#define CAIRN_INGEST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "ingest/emit.h"
#include "ingest/page_image.h"

#define WIRE_VERSION 3
#define WIRE_HEADER  8
/* A block's text (tripled by replacement characters at worst) and its spans. */
#define WIRE_MAX_PAYLOAD ((size_t)8 << 20)
#define WIRE_MAX_NAME    1024
/* The longest frame a parent sends. */
#define WIRE_MAX_REQUEST (2 * PAGE_IMAGE_TEXT_MAX + 256)

typedef enum wire_type {
    WIRE_HELLO = 1,
    WIRE_REQUEST,
    WIRE_TEXT,
    WIRE_NUMBER,
    WIRE_BLOCK,
    WIRE_DONE,
    WIRE_FAIL,
    WIRE_MEMBER,
    WIRE_MEMBER_END,
    WIRE_RENDER,
    WIRE_IMAGE,
} wire_type;

typedef struct wire_frame {
    wire_type type;
    const uint8_t *payload; /* borrowed */
    size_t len;
} wire_frame;

typedef struct wire_hello {
    uint32_t version, limits;
    uint8_t seccomp, landlock_abi;
} wire_hello;

typedef struct wire_request {
    uint64_t file_size, max_text;
    uint32_t deadline_ms;
    char name[WIRE_MAX_NAME + 1];
} wire_request;

typedef struct wire_render {
    uint64_t file_size;
    uint32_t deadline_ms;
    page_request page; /* its texts are borrowed */
} wire_render;

/* Take one frame from data[0, len). *used = 0 when more bytes are needed. CAIRN_EINPUT when the
 * header breaks the rules. */
cairn_status wire_take(const void *data, size_t len, wire_frame *out, size_t *used,
                       cairn_error *err);

/* Append one frame. */
cairn_status wire_put_hello(bytes *out, const wire_hello *h);
cairn_status wire_put_request(bytes *out, const wire_request *r);
cairn_status wire_put_text(bytes *out, document_field field, const char *key, const char *value,
                           size_t len);
cairn_status wire_put_number(bytes *out, document_field field, int64_t value);
cairn_status wire_put_block(bytes *out, const ingest_block *b);
cairn_status wire_put_done(bytes *out, uint64_t blocks);
cairn_status wire_put_fail(bytes *out, cairn_status code, const char *text);

cairn_status wire_put_member(bytes *out, const emit_member_info *m);
cairn_status wire_put_member_end(bytes *out, cairn_status code, const char *text);
cairn_status wire_put_render(bytes *out, const wire_render *r);
/* CAIRN_ELIMIT: the image is larger than a frame. */
cairn_status wire_put_image(bytes *out, const page_image *image);

/* Read a payload. CAIRN_EINPUT when it does not have exactly the shape of its type. */
cairn_status wire_get_hello(const wire_frame *f, wire_hello *out, cairn_error *err);
cairn_status wire_get_request(const wire_frame *f, wire_request *out, cairn_error *err);
cairn_status wire_get_render(const wire_frame *f, wire_render *out, cairn_error *err);
/* An IMAGE, checked (page_image_check) and copied: the caller's to clear. A FAIL gives its own status and
 * sentence, with *failed = true, so that it differs from a violation. */
cairn_status wire_get_image(const wire_frame *f, page_image *out, bool *failed, cairn_error *err);

typedef enum wire_state { WIRE_MORE, WIRE_FINISHED } wire_state;

/* One frame of an answer: pass TEXT, NUMBER, BLOCK and members on to the sink. *state becomes WIRE_FINISHED
 * at DONE. A FAIL frame gives its own status and sentence, with *state = WIRE_FINISHED, so that it
 * differs from a violation (CAIRN_EINPUT with WIRE_MORE). `blocks` counts the blocks so far. */
cairn_status wire_answer(const wire_frame *f, const block_sink *sink, uint64_t *blocks,
                         wire_state *state, cairn_error *err);

#endif
