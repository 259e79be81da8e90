/* text.c - plain text, code, tables of values, and what gzip holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <zlib.h>

#include "base/checked.h"
#include "ingest/extract/csv.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/text.h"
#include "ingest/plain.h"

/* Rows of one table block; the header stands on top of each. */
#define TABLE_BLOCK_BYTES ((size_t)32 << 10)
#define TABLE_MAX_CELLS   4096

cairn_status text_open(emitter *e, const parse_input *in, decoded *d)
{
    cairn_status st = encoding_decode(d, in->data, in->len, in->charset);

    if (st)
        return emit_fail(e, st, "decoding %s: %s", d->name, cairn_status_name(st));
    if (d->in_place && !in->part)
        emit_from_source(e, in->data, in->len);
    if (!in->part && strcmp(d->name, "UTF-8") != 0)
        emit_meta(e, "encoding", d->name, strlen(d->name));
    return CAIRN_OK;
}

cairn_status parse_text(emitter *e, const parse_input *in)
{
    decoded d;

    if (!text_open(e, in, &d))
        plain_blocks(e, d.text, d.len);
    encoding_clear(&d);
    return e->status;
}

cairn_status parse_code(emitter *e, const parse_input *in)
{
    decoded d;

    if (!text_open(e, in, &d)) {
        if (!in->part) /* main.c is called main.c, not main */
            emit_field(e, FIELD_TITLE, in->name, strlen(in->name));
        plain_code(e, d.text, d.len);
    }
    encoding_clear(&d);
    return e->status;
}

/* ---- CSV (RFC 4180, with the separators people use) ---- */

typedef struct table {
    emitter *e;
    csv text;
    bytes rows, header;
    ingest_span *spans; /* one a row of the block in hand */
    size_t n_spans, cap;
    size_t block_start;
    uint32_t block_line;
    size_t n_rows;
} table;

static char find_separator(const char *s, size_t len, const char *name)
{
    static const char candidates[] = ",;\t|";
    const char *dot = strrchr(name, '.');
    size_t best = 0, count[4] = {0};
    bool quoted = false;

    if (dot && (!strcasecmp(dot, ".tsv") || !strcasecmp(dot, ".tab")))
        return '\t';
    for (size_t i = 0; i < len && i < 4096; i++) {
        const char *c = s[i] ? strchr(candidates, s[i]) : NULL;
        if (s[i] == '"')
            quoted = !quoted;
        else if (c && !quoted)
            count[c - candidates]++;
    }
    for (size_t i = 1; i < 4; i++)
        if (count[i] > count[best])
            best = i;
    return candidates[best];
}

/* One row into out, cells joined by " | ". */
static cairn_status take_row(csv *c, bytes *out)
{
    size_t cells = 0;
    bool last = false;
    cairn_status st = CAIRN_OK;

    while (!last && !st) {
        if (cells++)
            st = bytes_append(out, " | ", 3);
        if (!st)
            st = csv_cell(c, out, &last, cells > TABLE_MAX_CELLS);
    }
    return st;
}

static void flush_rows(table *t, size_t end, uint32_t line_last)
{
    emitter *e = t->e;

    if (t->rows.len && t->n_rows) {
        /* One row longer than a block is cut there, and spans would not fit the pieces. */
        e->given = e->source && t->rows.len <= EMIT_BLOCK_BYTES ? t->spans : NULL;
        e->n_given = t->n_spans;
        if (e->source)
            emit_source_block(e, INGEST_TABLE, 1, t->rows.data, t->rows.len, t->block_start, end,
                              t->block_line, line_last);
        else
            emit_block(e, INGEST_TABLE, 1, t->rows.data, t->rows.len);
        e->given = NULL;
    }
    bytes_reset(&t->rows);
    t->n_spans = 0;
    t->n_rows = 0;
}

static bool add_span(table *t, size_t text, size_t file)
{
    if (t->n_spans == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        ingest_span *more = checked_realloc(t->spans, cap, sizeof *more);
        if (!more)
            return false;
        t->spans = more;
        t->cap = cap;
    }
    t->spans[t->n_spans].text = (uint32_t)text;
    t->spans[t->n_spans++].file = file;
    return true;
}

/* Control characters and broken UTF-8 would be changed by cleaning, and spans would be wrong:
 * clean the whole first, where it is needed. */
static cairn_status table_rows(table *t, size_t base)
{
    emitter *e = t->e;
    csv *c = &t->text;
    bytes row, clean;
    cairn_status st = CAIRN_OK;

    bytes_init(&row, SIZE_MAX / 4);
    bytes_init(&clean, SIZE_MAX / 4);
    while (c->at < c->len && !st && !e->status) {
        size_t start = c->at;
        uint32_t first = c->line;

        bytes_reset(&row);
        bytes_reset(&clean);
        st = take_row(c, &row);
        if (!st && row.len)
            st = emit_clean_text(&clean, row.data, row.len);
        for (size_t i = 0; i < clean.len; i++)
            if (clean.data[i] == '\n')
                clean.data[i] = ' ';
        while (clean.len && clean.data[clean.len - 1] == ' ')
            clean.len--;
        /* The emitter trims a block's start; done here, spans keep pointing at their rows. */
        for (size_t lead = 0; lead < clean.len; lead++)
            if (clean.data[lead] != ' ' && clean.data[lead] != '\t') {
                memmove(clean.data, clean.data + lead, clean.len -= lead);
                break;
            }
        if (st || !clean.len)
            continue;
        if (t->rows.len + clean.len > TABLE_BLOCK_BYTES && t->n_rows) {
            flush_rows(t, base + start, first > 1 ? first - 1 : 1);
        }
        if (!t->rows.len) {
            t->block_start = base + start;
            t->block_line = first;
            if (t->header.len) {
                st = bytes_append(&t->rows, t->header.data, t->header.len);
                if (!st && !add_span(t, 0, base + start))
                    st = CAIRN_ENOMEM;
            }
        }
        if (!st && t->rows.len)
            st = bytes_append(&t->rows, "\n", 1);
        if (!st && !add_span(t, t->rows.len, base + start))
            st = CAIRN_ENOMEM;
        if (!st)
            st = bytes_append(&t->rows, clean.data, clean.len);
        if (!st && !t->header.len && clean.len < TABLE_BLOCK_BYTES / 4)
            st = bytes_append(&t->header, clean.data, clean.len);
        t->n_rows++;
    }
    if (!st)
        flush_rows(t, base + c->len,
                   c->line > 1 && c->len && c->s[c->len - 1] == '\n' ? c->line - 1 : c->line);
    bytes_clear(&row);
    bytes_clear(&clean);
    return st ? emit_fail(e, st, "the rows of a table") : e->status;
}

cairn_status parse_csv(emitter *e, const parse_input *in)
{
    decoded d;
    table t = {.e = e};

    bytes_init(&t.rows, SIZE_MAX / 4);
    bytes_init(&t.header, TABLE_BLOCK_BYTES);
    if (!text_open(e, in, &d)) {
        t.text = (csv){.s = d.text,
                       .len = d.len,
                       .line = 1,
                       .separator = find_separator(d.text, d.len, in->name)};
        table_rows(&t, e->source ? (size_t)(d.text - e->source) : 0);
    }
    bytes_clear(&t.rows);
    bytes_clear(&t.header);
    free(t.spans);
    encoding_clear(&d);
    return e->status;
}

/* ---- gzip (RFC 1952) ---- */

cairn_status parse_gzip(emitter *e, const parse_input *in)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in->data};
    parse_input inner = {.part = true, .depth = in->depth + 1, .budget = in->budget};
    size_t left = in->len, name_len = strlen(in->name);
    char name[1024];
    bytes out;
    int rc = Z_OK;
    cairn_status st = CAIRN_OK;

    bytes_init(&out, e->max_text + ((size_t)1 << 20));
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return emit_fail(e, CAIRN_ENOMEM, "unpacking gzip");
    while (!st && rc != Z_STREAM_END) {
        if (!z.avail_in && left) {
            z.avail_in = left > 1u << 30 ? 1u << 30 : (uInt)left;
            left -= z.avail_in;
        }
        st = bytes_reserve(&out, (size_t)64 << 10);
        if (st)
            break;
        z.next_out = (Bytef *)out.data + out.len;
        z.avail_out = 64 << 10;
        rc = inflate(&z, Z_NO_FLUSH);
        out.len += (64u << 10) - z.avail_out;
        if (out.len > 262 && out.len <= 64u << 10 && !memcmp(out.data + 257, "ustar", 5)) {
            inflateEnd(&z); /* an archive is not unpacked whole */
            bytes_clear(&out);
            return parse_archive(e, in);
        }
        if (rc == Z_STREAM_END && (z.avail_in || left) && z.avail_in > 1 && z.next_in[0] == 0x1F)
            rc = inflateReset(&z); /* several members one after the other */
        else if (rc != Z_OK && rc != Z_STREAM_END)
            break;
    }
    inflateEnd(&z);
    if (st) {
        emit_fail(e, CAIRN_ELIMIT, "unpacks to more than %zu MiB", e->max_text >> 20);
    } else if (rc != Z_STREAM_END && !out.len) {
        emit_fail(e, CAIRN_EINPUT, "broken gzip data");
    } else {
        if (rc != Z_STREAM_END)
            emit_field(e, FIELD_NOTE, "gzip data is damaged or cut short; the end is missing", 52);
        if (name_len > 3 && !strcasecmp(in->name + name_len - 3, ".gz"))
            name_len -= 3;
        snprintf(name, sizeof name, "%.*s", (int)name_len, in->name);
        inner.name = name;
        inner.data = out.data ? out.data : "";
        inner.len = out.len;
        parse_any(e, &inner);
    }
    bytes_clear(&out);
    return e->status;
}
