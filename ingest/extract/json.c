/* json.c - JSON by its structure, read by jansson: the keys on the way to a value are its headings, so that a
 * passage says where it stands ("services > web > ports"); values are lines "key: value". An array of
 * records is a table with the keys as its header; other arrays are one item after the other, "items[3]".
 *
 * JSON lines are taken as one array. What jansson refuses (comments, broken) is read as code, verbatim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/rows.h"

#define JSON_BYTES    ((size_t)64 << 20)
#define MAX_LEVEL     6
#define MAX_DEPTH     64
#define MAX_COLUMNS   40
#define LINE_BYTES    ((size_t)400) /* a longer text is a paragraph under its key */
#define PIECE_BYTES   ((size_t)1200) /* of lines, about a passage */
#define KEY_BYTES     200

typedef struct walker {
    emitter *e;
    bytes lines; /* "key: value" not given yet */
} walker;

static void flush(walker *w)
{
    if (w->lines.len)
        emit_block(w->e, INGEST_LIST, 0, w->lines.data, w->lines.len);
    bytes_reset(&w->lines);
}

static bool is_scalar(const json_t *j)
{
    return !json_is_object(j) && !json_is_array(j);
}

static void put_scalar(bytes *out, const json_t *j)
{
    char number[64];

    if (json_is_string(j)) {
        bytes_append(out, json_string_value(j), json_string_length(j));
    } else if (json_is_integer(j)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(j));
        bytes_append_str(out, number);
    } else if (json_is_real(j)) {
        snprintf(number, sizeof number, "%.15g", json_real_value(j));
        bytes_append_str(out, number);
    } else {
        bytes_append_str(out, json_is_true(j) ? "true" : json_is_false(j) ? "false" : "null");
    }
}

static void give_heading(walker *w, unsigned level, const char *key)
{
    size_t n = strlen(key);

    emit_block(w->e, INGEST_HEADING, level < MAX_LEVEL ? level : MAX_LEVEL, key,
               utf8_floor(key, n < KEY_BYTES ? n : KEY_BYTES));
}

static void walk(walker *w, const json_t *j, const char *key, unsigned level, unsigned depth);

/* A value of an object that has no members of its own. */
static void give_scalar(walker *w, const char *key, const json_t *j, unsigned level)
{
    bool text = json_is_string(j) && (json_string_length(j) > LINE_BYTES ||
                                      memchr(json_string_value(j), '\n', json_string_length(j)));

    if (json_is_string(j) && !json_string_length(j))
        return;
    if (text) {
        flush(w);
        if (*key)
            give_heading(w, level, key);
        emit_block(w->e, INGEST_PARAGRAPH, 0, json_string_value(j), json_string_length(j));
        return;
    }
    if (w->lines.len > PIECE_BYTES)
        flush(w);
    if (w->lines.len)
        bytes_append(&w->lines, "\n", 1);
    if (*key)
        bytes_printf(&w->lines, "%.*s: ", (int)utf8_floor(key, strlen(key) < KEY_BYTES ? strlen(key) : KEY_BYTES), key);
    put_scalar(&w->lines, j);
}

/* "tags: a, b, c", in pieces. */
static void give_scalars(walker *w, const char *key, const json_t *array)
{
    size_t i, n = 0;
    json_t *j;

    json_array_foreach(array, i, j)
    {
        if (w->lines.len > PIECE_BYTES) {
            flush(w);
            n = 0;
        }
        if (!n && w->lines.len)
            bytes_append(&w->lines, "\n", 1);
        if (!n && *key)
            bytes_printf(&w->lines, "%.*s: ", (int)utf8_floor(key, strlen(key) < KEY_BYTES ? strlen(key) : KEY_BYTES), key);
        else if (n)
            bytes_append(&w->lines, ", ", 2);
        put_scalar(&w->lines, j);
        n++;
    }
}

/* ---- arrays of records ---- */

/* The keys of all, in the order in which they come; 0 when it is no table. */
static size_t find_columns(const json_t *array, const char *columns[MAX_COLUMNS])
{
    size_t n = 0, i, longest = 0;
    json_t *row, *cell;
    const char *key;

    if (json_array_size(array) < 2)
        return 0;
    json_array_foreach(array, i, row)
    {
        if (!json_is_object(row))
            return 0;
        json_object_foreach(row, key, cell)
        {
            size_t k = 0;
            if (!is_scalar(cell))
                return 0;
            if (json_is_string(cell) && json_string_length(cell) > longest)
                longest = json_string_length(cell);
            while (k < n && strcmp(columns[k], key) != 0)
                k++;
            if (k == n && n == MAX_COLUMNS)
                return 0;
            if (k == n)
                columns[n++] = key;
        }
    }
    return longest > LINE_BYTES ? 0 : n; /* long texts are no cells */
}

static bool give_table(walker *w, const json_t *array)
{
    const char *columns[MAX_COLUMNS];
    size_t n = find_columns(array, columns), i;
    json_t *row;
    rows t;

    if (n < 2)
        return false;
    flush(w);
    rows_begin(&t, w->e, (size_t)32 << 10);
    for (size_t k = 0; k < n; k++) {
        rows_cell_begin(&t);
        bytes_append_str(&t.row, columns[k]);
    }
    rows_end_row(&t);
    json_array_foreach(array, i, row)
    {
        if (w->e->status)
            break;
        for (size_t k = 0; k < n; k++) {
            json_t *cell = json_object_get(row, columns[k]);
            rows_cell_begin(&t);
            if (cell && !json_is_null(cell))
                put_scalar(&t.row, cell);
        }
        rows_end_row(&t);
    }
    rows_end(&t);
    return true;
}

/* ---- the walk ---- */

static void walk_array(walker *w, const json_t *array, const char *key, unsigned level, unsigned depth)
{
    bool scalars = true;
    size_t i;
    json_t *j;

    json_array_foreach(array, i, j) scalars = scalars && is_scalar(j);
    if (scalars) {
        give_scalars(w, key, array);
        return;
    }
    if (*key) {
        flush(w);
        give_heading(w, level++, key);
    }
    if (give_table(w, array))
        return;
    json_array_foreach(array, i, j)
    {
        char name[KEY_BYTES + 32];
        if (w->e->status)
            return;
        snprintf(name, sizeof name, "%.*s[%zu]", (int)utf8_floor(key, strlen(key) < KEY_BYTES ? strlen(key) : KEY_BYTES), key, i);
        walk(w, j, name, level, depth + 1);
    }
}

static void walk(walker *w, const json_t *j, const char *key, unsigned level, unsigned depth)
{
    const char *inner;
    json_t *value;

    if (w->e->status)
        return;
    if (is_scalar(j)) {
        give_scalar(w, key, j, level);
    } else if (depth > MAX_DEPTH) {
        char *rest = json_dumps(j, JSON_COMPACT);
        if (rest)
            emit_block(w->e, INGEST_CODE, 0, rest, strlen(rest));
        free(rest);
    } else if (json_is_array(j)) {
        walk_array(w, j, key, level, depth);
    } else if (json_object_size(j)) {
        flush(w);
        if (*key)
            give_heading(w, level++, key);
        /* Values first: a value behind a deeper object would stand under its heading. */
        json_object_foreach((json_t *)(uintptr_t)j, inner, value)
        {
            if (is_scalar(value))
                give_scalar(w, inner, value, level);
        }
        json_object_foreach((json_t *)(uintptr_t)j, inner, value)
        {
            if (!is_scalar(value)) {
                walk(w, value, inner, level, depth + 1);
                if (json_is_object(value))
                    flush(w);
            }
        }
        flush(w);
    }
}

/* One value a line; NULL when a line is none. */
static json_t *load_lines(const char *s, size_t len)
{
    json_t *all = json_array();

    for (size_t at = 0; all && at < len;) {
        const char *nl = memchr(s + at, '\n', len - at);
        size_t end = nl ? (size_t)(nl - s) : len, blank = at;
        while (blank < end && strchr(" \t\r", s[blank]))
            blank++;
        if (blank < end) {
            json_t *j = json_loadb(s + at, end - at, JSON_DECODE_ANY, NULL);
            if (!j || json_array_append_new(all, j)) {
                json_decref(all);
                return NULL;
            }
        }
        at = end + 1;
    }
    return all;
}

static void take_title(emitter *e, const json_t *root)
{
    static const char *const keys[] = {"title", "name"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *j = json_object_get(root, keys[i]);
        if (json_is_string(j) && json_string_length(j) < KEY_BYTES)
            emit_field(e, FIELD_TITLE, json_string_value(j), json_string_length(j));
    }
}

cairn_status parse_json(emitter *e, const parse_input *in)
{
    walker w = {.e = e};
    json_t *root = NULL;
    decoded d;
    cairn_status st = encoding_decode(&d, in->data, in->len, in->charset);

    if (!st && d.len <= JSON_BYTES) {
        root = json_loadb(d.text, d.len, JSON_DECODE_ANY, NULL);
        if (!root)
            root = load_lines(d.text, d.len);
    }
    encoding_clear(&d);
    if (!root)
        return parse_code(e, in);
    bytes_init(&w.lines, JSON_BYTES * 2);
    if (!in->part) {
        take_title(e, root);
        emit_field(e, FIELD_TITLE, in->name, strlen(in->name)); /* where it has none */
    }
    walk(&w, root, "", 1, 0);
    flush(&w);
    bytes_clear(&w.lines);
    json_decref(root);
    return e->status;
}
