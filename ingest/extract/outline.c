/* outline.c - see outline.h. */
#include "ingest/extract/outline.h"

#include <string.h>

cairn_status outline_open(outline *o, emitter *e, const parse_input *in)
{
    cairn_status st;

    *o = (outline){.e = e};
    bytes_init(&o->text, SIZE_MAX / 4);
    st = encoding_decode(&o->d, in->data, in->len, in->charset);
    if (st)
        return emit_fail(e, st, "decoding %s: %s", o->d.name, cairn_status_name(st));
    if (o->d.in_place && !in->part)
        emit_from_source(e, in->data, in->len);
    if (!in->part && strcmp(o->d.name, "UTF-8") != 0)
        emit_meta(e, "encoding", o->d.name, strlen(o->d.name));
    o->s = o->d.text;
    o->len = o->d.len;
    o->base = e->source ? (size_t)(o->s - e->source) : 0;
    return e->status;
}

void outline_close(outline *o)
{
    outline_flush(o);
    bytes_clear(&o->text);
    encoding_clear(&o->d);
}

static bool line_at(const outline *o, size_t at, text_line *l)
{
    const char *nl;

    if (at >= o->len || o->e->status)
        return false;
    nl = memchr(o->s + at, '\n', o->len - at);
    *l = (text_line){.s = o->s + at, .start = at};
    l->len = nl ? (size_t)(nl - l->s) : o->len - at;
    l->next = nl ? at + l->len + 1 : o->len;
    if (l->len && l->s[l->len - 1] == '\r')
        l->len--;
    while (l->indent < l->len && (l->s[l->indent] == ' ' || l->s[l->indent] == '\t'))
        l->indent++;
    return true;
}

bool outline_line(outline *o, text_line *l)
{
    if (!line_at(o, o->at, l))
        return false;
    o->at = l->next;
    o->number++;
    return true;
}

bool outline_peek(const outline *o, text_line *l)
{
    return line_at(o, o->at, l);
}

bool line_is_empty(const text_line *l)
{
    return l->indent == l->len;
}

static void give(outline *o, ingest_block_kind kind, unsigned level, const char *s, size_t len,
                 size_t start, size_t end, uint32_t first, uint32_t last)
{
    if (o->e->source)
        emit_source_block(o->e, kind, level, s, len, o->base + start, o->base + end, first, last);
    else
        emit_block(o->e, kind, level, s, len);
}

void outline_flush(outline *o)
{
    if (o->text.len)
        give(o, o->kind, o->kind == INGEST_TABLE, o->text.data, o->text.len, o->start, o->end,
             o->first, o->last);
    bytes_reset(&o->text);
}

void outline_add(outline *o, ingest_block_kind kind, const text_line *l, const char *s, size_t len)
{
    if (o->text.len && (o->kind != kind || o->text.len > EMIT_BLOCK_BYTES / 2))
        outline_flush(o);
    if (!o->text.len) {
        o->kind = kind;
        o->start = l->start;
        o->first = o->number;
    } else if (bytes_append(&o->text, "\n", 1)) {
        emit_fail(o->e, CAIRN_ENOMEM, "a block");
    }
    if (bytes_append(&o->text, s, len))
        emit_fail(o->e, CAIRN_ENOMEM, "a block");
    o->end = l->start + l->len;
    o->last = o->number;
}

void outline_heading(outline *o, unsigned level, const text_line *l, const char *s, size_t len)
{
    outline_flush(o);
    give(o, INGEST_HEADING, level > 6 ? 6 : level, s, len, l->start, l->start + l->len, o->number,
         o->number);
}
