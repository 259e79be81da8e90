/* value.c - see value.h. Depth is bounded by CHAT_TEMPLATE_MAX_DEPTH: deeper data is cut with an
 * error, so that hostile messages cannot exhaust the stack. */
#include "generate/template/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate/template/chat_template.h"

bool value_is_true(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_TRUE:
        return true;
    case JSON_STRING:
        return json_string_length(v) > 0;
    case JSON_INTEGER:
        return json_integer_value(v) != 0;
    case JSON_REAL:
        return json_real_value(v) != 0;
    case JSON_ARRAY:
        return json_array_size(v) > 0;
    case JSON_OBJECT:
        return json_object_size(v) > 0;
    default:
        return false;
    }
}

/* Booleans are numbers in Python. */
static bool as_number(const json_t *v, double *out)
{
    if (json_is_number(v))
        *out = json_number_value(v);
    else if (json_is_boolean(v))
        *out = json_is_true(v);
    else
        return false;
    return true;
}

static bool equal_at(const json_t *a, const json_t *b, int depth)
{
    double x, y;
    size_t i;
    const char *key;
    json_t *item;

    if (!a || !b)
        return a == b;
    if (depth > CHAT_TEMPLATE_MAX_DEPTH)
        return false;
    if (as_number(a, &x) && as_number(b, &y))
        return json_is_integer(a) && json_is_integer(b)
                   ? json_integer_value(a) == json_integer_value(b)
                   : x == y;
    if (json_typeof(a) != json_typeof(b))
        return false;
    switch (json_typeof(a)) {
    case JSON_STRING:
        return json_string_length(a) == json_string_length(b) &&
               !memcmp(json_string_value(a), json_string_value(b), json_string_length(a));
    case JSON_ARRAY:
        if (json_array_size(a) != json_array_size(b))
            return false;
        json_array_foreach(a, i, item)
            if (!equal_at(item, json_array_get(b, i), depth + 1))
                return false;
        return true;
    case JSON_OBJECT:
        if (json_object_size(a) != json_object_size(b))
            return false;
        json_object_foreach((json_t *)a, key, item)
            if (!equal_at(item, json_object_get(b, key), depth + 1))
                return false;
        return true;
    default:
        return true; /* both null */
    }
}

bool value_equal(const json_t *a, const json_t *b)
{
    return equal_at(a, b, 0);
}

bool value_compare(const json_t *a, const json_t *b, int *out)
{
    double x, y;

    if (as_number(a, &x) && as_number(b, &y)) {
        *out = (x > y) - (x < y);
        return true;
    }
    if (json_is_string(a) && json_is_string(b)) {
        size_t la = json_string_length(a), lb = json_string_length(b);
        /* UTF-8 keeps the order of code points. */
        int c = memcmp(json_string_value(a), json_string_value(b), la < lb ? la : lb);
        *out = c ? (c > 0) - (c < 0) : (la > lb) - (la < lb);
        return true;
    }
    return false;
}

/* repr(float): the shortest digits that read back as the same number. */
static cairn_status print_real(double v, bytes *out)
{
    char text[64];

    if (isnan(v) || isinf(v))
        return bytes_append_str(out, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    /* Python writes 1e16 and above, and below 1e-4, with an exponent; %g begins where digits end. */
    if (strchr(text, 'e') && fabs(v) < 1e16 && fabs(v) >= 1e-4)
        snprintf(text, sizeof text, "%.1f", v);
    if (!strpbrk(text, ".e"))
        strcat(text, ".0");
    return bytes_append_str(out, text);
}

/* A string in quotes: JSON's escapes with double quotes, Python's with single ones. */
static cairn_status print_quoted(const json_t *v, char quote, bytes *out)
{
    const char *s = json_string_value(v);
    size_t len = json_string_length(v);
    cairn_status st;

    if (quote == '\'' && memchr(s, '\'', len) && !memchr(s, '"', len))
        quote = '"';
    st = bytes_append_byte(out, (uint8_t)quote);
    for (size_t i = 0; !st && i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        static const char from[] = "\n\r\t\b\f", to[] = "nrtbf";
        const char *named = c ? strchr(from, c) : NULL;
        if (c == (unsigned char)quote || c == '\\')
            st = bytes_printf(out, "\\%c", c);
        else if (named)
            st = bytes_printf(out, "\\%c", to[named - from]);
        else if (c < 0x20)
            st = bytes_printf(out, "\\u%04x", c);
        else
            st = bytes_append_byte(out, c);
    }
    return st ? st : bytes_append_byte(out, (uint8_t)quote);
}

static cairn_status new_line(int indent, int depth, bytes *out)
{
    cairn_status st = bytes_append_byte(out, '\n');

    for (int i = 0; !st && i < indent * depth; i++)
        st = bytes_append_byte(out, ' ');
    return st;
}

/* JSON (python = false) or Python's repr of lists and dicts. */
static cairn_status dump_at(const json_t *v, int indent, int depth, bool python, bytes *out)
{
    char open = json_is_array(v) ? '[' : '{', close = json_is_array(v) ? ']' : '}';
    size_t n = json_is_array(v) ? json_array_size(v) : json_object_size(v), i = 0;
    void *it = json_is_object(v) ? json_object_iter((json_t *)v) : NULL;
    cairn_status st;

    if (depth > CHAT_TEMPLATE_MAX_DEPTH)
        return CAIRN_ELIMIT;
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING:
        return print_quoted(v, python ? '\'' : '"', out);
    case JSON_INTEGER:
        return bytes_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    case JSON_REAL:
        return print_real(json_real_value(v), out);
    case JSON_TRUE:
        return bytes_append_str(out, python ? "True" : "true");
    case JSON_FALSE:
        return bytes_append_str(out, python ? "False" : "false");
    case JSON_NULL:
        return bytes_append_str(out, python ? "None" : "null");
    default:
        break;
    }
    st = bytes_append_byte(out, (uint8_t)open);
    for (; !st && i < n; i++) {
        if (i)
            st = bytes_append_str(out, indent >= 0 ? "," : ", ");
        if (!st && indent >= 0)
            st = new_line(indent, depth + 1, out);
        if (!st && it) {
            json_t *key = json_string(json_object_iter_key(it));
            st = key ? print_quoted(key, python ? '\'' : '"', out) : CAIRN_ENOMEM;
            json_decref(key);
            if (!st)
                st = bytes_append_str(out, ": ");
        }
        if (!st)
            st = dump_at(it ? json_object_iter_value(it) : json_array_get(v, i), indent, depth + 1,
                         python, out);
        if (it)
            it = json_object_iter_next((json_t *)v, it);
    }
    if (!st && n && indent >= 0)
        st = new_line(indent, depth, out);
    return st ? st : bytes_append_byte(out, (uint8_t)close);
}

cairn_status value_print(const json_t *v, bytes *out)
{
    if (!v)
        return CAIRN_OK;
    if (json_is_string(v))
        return bytes_append(out, json_string_value(v), json_string_length(v));
    return dump_at(v, -1, 0, true, out);
}

cairn_status value_dump(const json_t *v, int indent, bytes *out)
{
    return dump_at(v, indent, 0, false, out);
}

const char *value_type_name(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_STRING:
        return "str";
    case JSON_INTEGER:
        return "int";
    case JSON_REAL:
        return "float";
    case JSON_TRUE:
    case JSON_FALSE:
        return "bool";
    case JSON_ARRAY:
        return "list";
    case JSON_OBJECT:
        return "dict";
    default:
        return v ? "NoneType" : "undefined";
    }
}
