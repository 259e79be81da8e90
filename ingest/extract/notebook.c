/* notebook.c - Jupyter notebooks (nbformat 3 and 4), read by jansson: the words of the cells as Markdown, code
 * as code, and of what it printed the text, cut where it is long. */
#include <string.h>

#include <jansson.h>

#include "ingest/extract/parsers.h"

#define OUTPUT_BYTES ((size_t)16 << 10) /* of one output */

/* A string, or an array of strings one after the other. */
static void put_text(bytes *out, const json_t *j, size_t most)
{
    size_t n = json_is_array(j) ? json_array_size(j) : 1;

    for (size_t i = 0; i < n && out->len < most; i++) {
        const json_t *s = json_is_array(j) ? json_array_get(j, i) : j;
        size_t len = json_string_length(s);
        if (json_is_string(s))
            bytes_append(out, json_string_value(s), len < most - out->len ? len : most - out->len);
    }
}

static void give_outputs(emitter *e, const json_t *outputs)
{
    size_t i;
    json_t *o;
    bytes text;

    bytes_init(&text, OUTPUT_BYTES + 1);
    json_array_foreach(outputs, i, o)
    {
        json_t *plain = json_object_get(json_object_get(o, "data"), "text/plain");
        bytes_reset(&text);
        put_text(&text, plain ? plain : json_object_get(o, "text"), OUTPUT_BYTES);
        if (json_is_string(json_object_get(o, "ename"))) { /* an error; its trace is coloured code */
            put_text(&text, json_object_get(o, "ename"), OUTPUT_BYTES);
            bytes_append(&text, ": ", text.len + 2 < OUTPUT_BYTES ? 2 : 0);
            put_text(&text, json_object_get(o, "evalue"), OUTPUT_BYTES);
        }
        if (text.len)
            emit_block(e, INGEST_CODE, 0, text.data, text.len);
    }
    bytes_clear(&text);
}

static void give_cell(emitter *e, const parse_input *in, const json_t *cell)
{
    const char *type = json_string_value(json_object_get(cell, "cell_type"));
    const json_t *source = json_object_get(cell, "source");
    parse_input inner = {.name = "cell.md", .part = true, .depth = in->depth + 1};
    bytes text;

    bytes_init(&text, e->max_text + 1);
    put_text(&text, source ? source : json_object_get(cell, "input"), e->max_text);
    if (type && text.len && !strcmp(type, "heading")) { /* nbformat 3 */
        json_int_t level = json_integer_value(json_object_get(cell, "level"));
        emit_block(e, INGEST_HEADING, level < 1 || level > 6 ? 1 : (unsigned)level, text.data,
                   text.len);
    } else if (type && text.len && !strcmp(type, "markdown")) {
        inner.data = text.data;
        inner.len = text.len;
        parse_markdown(e, &inner);
    } else if (text.len) {
        emit_block(e, INGEST_CODE, 0, text.data, text.len);
    }
    give_outputs(e, json_object_get(cell, "outputs"));
    bytes_clear(&text);
}

static void give_cells(emitter *e, const parse_input *in, const json_t *cells)
{
    size_t i;
    json_t *cell;

    json_array_foreach(cells, i, cell)
    {
        if (e->status)
            return;
        give_cell(e, in, cell);
    }
}

cairn_status parse_notebook(emitter *e, const parse_input *in)
{
    json_error_t why;
    json_t *root = json_loadb(in->data, in->len, JSON_REJECT_DUPLICATES, &why), *meta, *sheet;
    const char *language;
    size_t i;

    if (!json_is_object(root)) {
        json_decref(root);
        return parse_code(e, in); /* no notebook, but a text that can be found */
    }
    meta = json_object_get(root, "metadata");
    language = json_string_value(json_object_get(json_object_get(meta, "kernelspec"), "language"));
    if (language)
        emit_meta(e, "code-language", language, strlen(language));
    give_cells(e, in, json_object_get(root, "cells"));
    json_array_foreach(json_object_get(root, "worksheets"), i, sheet)
        give_cells(e, in, json_object_get(sheet, "cells"));
    json_decref(root);
    return e->status;
}
