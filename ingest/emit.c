/* emit.c - cleaning, cutting and placing of block texts.
 *
 * Placement in the file. A parser hands the source range a text came from; the text is that range
 * with markup taken out, so (nearly always) a subsequence of it. Walking both and taking the
 * earliest place for each character finds where a text offset lies: earliest matching always
 * succeeds on a subsequence, and it can only be early by the length of skipped markup, never past
 * the truth. Runs with one distance become one span. A character that is not found within
 * ALIGN_WINDOW (an entity, a composed accent) takes the place where the search stood. */
#include "ingest/emit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <xxhash.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "ingest/language.h"

#define ALIGN_WINDOW 2048

void emitter_init(emitter *e, const block_sink *sink, size_t max_text)
{
    memset(e, 0, sizeof *e);
    e->sink = *sink;
    e->max_text = max_text;
    /* Cleaning can grow a text: one broken byte becomes three. */
    bytes_init(&e->clean, SIZE_MAX / 4);
    bytes_init(&e->sample, EMIT_SAMPLE_BYTES + 1);
}

void emitter_clear(emitter *e)
{
    bytes_clear(&e->clean);
    bytes_clear(&e->sample);
}

void emit_from_source(emitter *e, const char *source, size_t len)
{
    e->source = source;
    e->source_len = len;
}

cairn_status emit_fail(emitter *e, cairn_status code, const char *fmt, ...)
{
    char text[400];
    va_list args;

    if (e->status)
        return e->status;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    e->status = cairn_fail(&e->error, code, "%s", text);
    return e->status;
}

static cairn_status stick(emitter *e, cairn_status st)
{
    if (st && !e->status) {
        e->status = st;
        if (e->error.code != st)
            cairn_fail(&e->error, st, "%s", cairn_status_name(st));
    }
    return e->status;
}

/* Printable ASCII, tab and newline only: the common case, nothing to clean. */
static bool is_plain_ascii(const char *s, size_t len)
{
    unsigned bad = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        bad |= (c >= 0x7F) | ((c < 0x20) & (c != '\n') & (c != '\t'));
    }
    return !bad;
}

/* Append `s`, valid UTF-8 without control characters, in normal form C. */
static cairn_status append_nfc(bytes *out, const char *s, size_t len)
{
    UErrorCode uerr = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&uerr);
    UChar *wide = NULL, *normal = NULL;
    int32_t n = 0, m = 0, back = 0;
    cairn_status st = CAIRN_ENOMEM;

    if (U_FAILURE(uerr) || len > INT32_MAX / 8)
        return bytes_append(out, s, len);
    wide = checked_malloc(len + 1, sizeof *wide);
    if (!wide)
        return CAIRN_ENOMEM;
    u_strFromUTF8(wide, (int32_t)(len + 1), &n, s, (int32_t)len, &uerr);
    if (U_SUCCESS(uerr) && unorm2_spanQuickCheckYes(nfc, wide, n, &uerr) == n) {
        st = bytes_append(out, s, len);
        goto done;
    }
    normal = checked_malloc((size_t)n * 3 + 16, sizeof *normal);
    if (!normal)
        goto done;
    m = unorm2_normalize(nfc, wide, n, normal, n * 3 + 16, &uerr);
    if (U_FAILURE(uerr)) {
        st = bytes_append(out, s, len);
        goto done;
    }
    st = bytes_reserve(out, (size_t)m * 3 + 1);
    if (st)
        goto done;
    u_strToUTF8(out->data + out->len, (int32_t)((size_t)m * 3 + 1), &back, normal, m, &uerr);
    if (U_SUCCESS(uerr))
        out->len += (size_t)back;
    out->data[out->len] = 0;
done:
    free(wide);
    free(normal);
    return st;
}

/* A member's path as a person may see it: valid, without leading, empty, "." and ".." parts. */
static cairn_status member_name(bytes *out, const char *name)
{
    bytes clean;
    cairn_status st;

    bytes_init(&clean, 16 * EMIT_FIELD_BYTES);
    st = emit_clean_text(&clean, name, strnlen(name, EMIT_FIELD_BYTES));
    for (size_t at = 0; !st && at < clean.len;) {
        const char *part = clean.data + at;
        size_t n = strcspn(part, "/\n\t");
        if (n && !(n == 1 && part[0] == '.') && !(n == 2 && part[0] == '.' && part[1] == '.')) {
            if (out->len)
                st = bytes_append(out, "/", 1);
            if (!st)
                st = bytes_append(out, part, n);
        }
        at += n + 1;
    }
    bytes_clear(&clean);
    return st;
}

bool emit_member_begin(emitter *e, emitter *inner, const char *name, const char *data, size_t len,
                       int64_t mtime_ns)
{
    emit_member_info m = {.size = len, .mtime_ns = mtime_ns};
    XXH128_canonical_t canon;
    bytes clean;
    cairn_status st;

    if (e->status || !e->sink.member)
        return false;
    bytes_init(&clean, 16 * EMIT_FIELD_BYTES);
    st = stick(e, member_name(&clean, name));
    if (!st && clean.len) {
        XXH128_canonicalFromHash(&canon, XXH3_128bits(data, len));
        memcpy(m.hash, canon.digest, sizeof m.hash);
        m.name = clean.data;
        st = stick(e, e->sink.member(e->sink.ctx, &m, &e->error));
        if (!st)
            emitter_init(inner, &e->sink, e->max_text - e->text_bytes);
    } else {
        st = CAIRN_EINPUT;
    }
    bytes_clear(&clean);
    return !st;
}

cairn_status emit_member_end(emitter *e, emitter *inner)
{
    cairn_status st = stick(e, e->sink.member_end(e->sink.ctx, inner->status,
                                                  inner->status ? inner->error.text : "",
                                                  &e->error));

    e->text_bytes += inner->text_bytes;
    e->n_blocks += inner->n_blocks;
    emitter_clear(inner);
    return st;
}

/* One pass of decoding into a scratch string, then normal form. */
cairn_status emit_clean_text(bytes *out, const char *text, size_t len)
{
    bytes plain;
    cairn_status st = CAIRN_OK;

    if (is_plain_ascii(text, len))
        return bytes_append(out, text, len);
    bytes_init(&plain, SIZE_MAX / 4);
    for (size_t i = 0; i < len && !st;) {
        uint32_t cp;
        size_t n = utf8_decode(text + i, len - i, &cp, NULL);

        if (cp == '\r') {
            if (i + 1 >= len || text[i + 1] != '\n')
                st = bytes_append(&plain, "\n", 1);
        } else if ((cp < 0x20 && cp != '\n' && cp != '\t') || cp == 0x7F ||
                   (cp >= 0x80 && cp < 0xA0)) {
            st = bytes_append(&plain, " ", 1);
        } else if (cp == 0x2028 || cp == 0x2029) {
            st = bytes_append(&plain, "\n", 1);
        } else if (cp == 0xAD || cp == 0xFEFF || cp == 0x200B) {
            /* soft hyphen, byte order mark, zero-width space */
        } else if (cp == UTF8_REPLACEMENT) {
            st = bytes_append(&plain, "\xEF\xBF\xBD", 3);
        } else {
            st = bytes_append(&plain, text + i, n);
        }
        i += n;
    }
    if (!st && plain.len)
        st = append_nfc(out, plain.data, plain.len);
    bytes_clear(&plain);
    return st;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

typedef struct span_list {
    ingest_span *at;
    size_t n, cap;
} span_list;

static bool span_add(span_list *l, size_t text, uint64_t file)
{
    if (l->n && l->at[l->n - 1].file + (text - l->at[l->n - 1].text) == file)
        return true;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        ingest_span *more = checked_realloc(l->at, cap, sizeof *more);
        if (!more)
            return false;
        l->at = more;
        l->cap = cap;
    }
    l->at[l->n].text = (uint32_t)text;
    l->at[l->n++].file = file;
    return true;
}

/* Where each character of text lies in source[at, end); see the top of this file. */
static bool align(span_list *spans, const char *text, size_t len, const char *source, size_t at,
                  size_t end)
{
    size_t i = 0;

    spans->n = 0;
    while (i < len) {
        uint32_t cp;
        size_t n = utf8_decode(text + i, len - i, &cp, NULL), p = at;
        size_t limit = end - at > ALIGN_WINDOW ? at + ALIGN_WINDOW : end;

        while (p + n <= limit && memcmp(source + p, text + i, n) != 0)
            p++;
        if (p + n <= limit) {
            if (!span_add(spans, i, p))
                return false;
            at = p + n;
        } else if (!span_add(spans, i, at)) {
            return false;
        }
        i += n;
    }
    return true;
}

static void sample_text(emitter *e, ingest_block_kind kind, const char *text, size_t len)
{
    size_t room = EMIT_SAMPLE_BYTES - e->sample.len;

    if (kind == INGEST_CODE || e->unsampled || room < 64)
        return;
    len = utf8_floor(text, len < room - 1 ? len : room - 1);
    if (bytes_append(&e->sample, text, len) == CAIRN_OK)
        bytes_append(&e->sample, "\n", 1);
}

/* A cut at or before `max`: after a newline, else after a space, else between characters. */
static size_t cut_before(const char *s, size_t len, size_t max)
{
    if (len <= max)
        return len;
    for (size_t i = max; i > max / 2; i--)
        if (s[i - 1] == '\n')
            return i;
    for (size_t i = max; i > max / 2; i--)
        if (s[i - 1] == ' ')
            return i;
    return utf8_floor(s, max);
}

/* Hand one cleaned piece to the sink. With a source, its place is source[start, end). */
static cairn_status give(emitter *e, ingest_block *b, const char *text, size_t len, size_t start,
                         size_t end, span_list *spans)
{
    b->text = text;
    b->len = len;
    b->spans = NULL;
    b->n_spans = 0;
    b->page = e->page;
    if (e->source) {
        b->byte_start = start;
        b->byte_end = end;
        if (e->given) {
            b->spans = e->given;
            b->n_spans = e->n_given;
        } else if (len != end - start || memcmp(text, e->source + start, len) != 0) {
            if (!align(spans, text, len, e->source, start, end))
                return stick(e, CAIRN_ENOMEM);
            b->spans = spans->at;
            b->n_spans = spans->n;
        }
    } else {
        b->byte_start = e->next_position;
        b->byte_end = e->next_position + len;
        e->next_position += len + 2;
    }
    if (len > e->max_text - e->text_bytes)
        return emit_fail(e, CAIRN_ELIMIT,
                         "holds more than %zu MiB of text; raise max_file_mb to take it",
                         e->max_text >> 20);
    e->text_bytes += len;
    e->n_blocks++;
    if (b->kind == INGEST_HEADING && !e->heading[0] && e->n_blocks <= 4) {
        size_t keep = utf8_floor(text, len < sizeof e->heading ? len : sizeof e->heading - 1);
        memcpy(e->heading, text, keep);
        e->heading[keep] = 0;
    }
    sample_text(e, b->kind, text, len);
    return stick(e, e->sink.block(e->sink.ctx, b, &e->error));
}

static cairn_status emit_piece(emitter *e, ingest_block *b, const char *text, size_t len,
                               size_t start, size_t end)
{
    span_list spans = {0};
    const char *base = text, *s;
    size_t n = len;
    cairn_status st;

    if (!is_plain_ascii(text, len)) {
        bytes_reset(&e->clean);
        st = stick(e, emit_clean_text(&e->clean, text, len));
        if (st || !e->clean.len)
            return st;
        base = e->clean.data;
        n = e->clean.len;
    }
    s = base;
    while (n && is_space(s[n - 1]))
        n--;
    if (b->kind == INGEST_CODE) {
        while (n && s[0] == '\n') /* indentation stays */
            s++, n--;
    } else {
        while (n && is_space(s[0]))
            s++, n--;
    }
    if (!n)
        return e->status;
    if (e->source && n <= end - start) { /* narrow the range to the text where that is exact */
        size_t lead = (size_t)(s - base);
        if (end - start >= lead + n && memcmp(e->source + start + lead, s, n) == 0) {
            for (size_t i = 0; i < lead; i++)
                if (b->line_first && e->source[start + i] == '\n')
                    b->line_first++;
            start += lead;
            end = start + n;
        }
    }
    st = give(e, b, s, n, start, end, &spans);
    free(spans.at);
    return st;
}

cairn_status emit_source_block(emitter *e, ingest_block_kind kind, unsigned level, const char *text,
                               size_t len, size_t start, size_t end, uint32_t line_first,
                               uint32_t line_last)
{
    ingest_block b = {.kind = kind, .level = (uint8_t)level, .line_first = line_first};
    bool verbatim = text == NULL;
    cairn_status st = e->status;

    if (verbatim) {
        text = e->source + start;
        len = end - start;
    }
    while (len && !st) {
        size_t n = cut_before(text, len, EMIT_BLOCK_BYTES);
        /* A text that is not the source keeps the whole range for each of its pieces. */
        size_t stop = verbatim ? start + n : end;
        uint32_t lines = 0;

        for (size_t i = 0; i < n; i++)
            lines += text[i] == '\n';
        b.line_last = n == len ? line_last : b.line_first + lines;
        st = emit_piece(e, &b, text, n, start, stop);
        b.line_first = line_first ? b.line_last : 0;
        text += n;
        len -= n;
        if (verbatim)
            start += n;
    }
    return st;
}

cairn_status emit_block(emitter *e, ingest_block_kind kind, unsigned level, const char *text,
                        size_t len)
{
    ingest_block b = {.kind = kind, .level = (uint8_t)level};
    cairn_status st = e->status;

    while (len && !st) {
        size_t n = cut_before(text, len, EMIT_BLOCK_BYTES);

        st = emit_piece(e, &b, text, n, 0, e->source_len);
        text += n;
        len -= n;
    }
    return st;
}

static cairn_status put_field(emitter *e, document_field field, const char *value, size_t len)
{
    bytes flat;
    cairn_status st;
    size_t n = 0;

    if (len > EMIT_FIELD_BYTES)
        len = utf8_floor(value, EMIT_FIELD_BYTES);
    bytes_init(&flat, EMIT_FIELD_BYTES * 4);
    st = emit_clean_text(&flat, value, len);
    for (size_t i = 0; i < flat.len; i++) { /* one line, single spaces, trimmed */
        char c = is_space(flat.data[i]) ? ' ' : flat.data[i];
        if (c != ' ' || (n && flat.data[n - 1] != ' '))
            flat.data[n++] = c;
    }
    while (n && flat.data[n - 1] == ' ')
        n--;
    if (!st && n) {
        e->seen |= 1u << field;
        st = e->sink.text(e->sink.ctx, field, "", flat.data, n, &e->error);
    }
    bytes_clear(&flat);
    return stick(e, st);
}

cairn_status emit_field(emitter *e, document_field field, const char *value, size_t len)
{
    if (e->status || field >= FIELD_META || (e->seen & 1u << field))
        return e->status;
    if (field == FIELD_LANG) {
        if (len < sizeof e->declared_lang) {
            memcpy(e->declared_lang, value, len);
            e->declared_lang[len] = 0;
        }
        return CAIRN_OK;
    }
    return put_field(e, field, value, len);
}

cairn_status emit_meta(emitter *e, const char *key, const char *value, size_t len)
{
    bytes clean;
    cairn_status st;

    if (e->status || !len)
        return e->status;
    if (len > EMIT_FIELD_BYTES)
        len = utf8_floor(value, EMIT_FIELD_BYTES);
    bytes_init(&clean, EMIT_FIELD_BYTES * 4);
    st = emit_clean_text(&clean, value, len);
    if (!st && clean.len)
        st = e->sink.text(e->sink.ctx, FIELD_META, key, clean.data, clean.len, &e->error);
    bytes_clear(&clean);
    return stick(e, st);
}

cairn_status emit_number(emitter *e, document_field field, int64_t value)
{
    if (e->status || (e->seen & 1u << field))
        return e->status;
    e->seen |= 1u << field;
    return stick(e, e->sink.number(e->sink.ctx, field, value, &e->error));
}

cairn_status emit_finish(emitter *e)
{
    char found[8] = "";
    const char *lang = e->declared_lang;

    if (e->heading[0])
        emit_field(e, FIELD_TITLE, e->heading, strlen(e->heading));
    if ((!*lang || e->sample.len >= EMIT_LANG_BYTES) && e->sample.len &&
        language_detect(e->sample.data, e->sample.len, found))
        lang = found;
    if (*lang && !e->status)
        put_field(e, FIELD_LANG, lang, strlen(lang));
    return emit_number(e, FIELD_POSITIONS,
                       e->source ? INGEST_POSITIONS_FILE : INGEST_POSITIONS_TEXT);
}
