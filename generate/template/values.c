/* values.c - values as Python writes them: str(), repr(), json.dumps(ensure_ascii=False). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "generate/template/ast.h"

json_t template_undefined = { JSON_NULL, (size_t)-1 }; /* immortal, as jansson's own constants */

/* The shortest digits that read back as the same double, laid out as Python's repr does. */
static cairn_status put_float(bytes *out, double v)
{
    char digits[32], *e;
    int precision = 0, exponent;

    if (isnan(v))
        return bytes_append_str(out, "nan");
    if (isinf(v))
        return bytes_append_str(out, v < 0 ? "-inf" : "inf");
    do
        snprintf(digits, sizeof digits, "%.*e", precision, v);
    while (strtod(digits, NULL) != v && ++precision < 17);
    e = strchr(digits, 'e');
    exponent = atoi(e + 1);
    if (exponent < -4 || exponent >= 16) {
        *e = 0;
        return bytes_printf(out, "%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
    }
    return precision > exponent ? bytes_printf(out, "%.*f", precision - exponent, v)
                                : bytes_printf(out, "%.1f", v);
}

static cairn_status put_scalar(bytes *out, const json_t *v, bool json)
{
    switch (json_typeof(v)) {
    case JSON_TRUE:
        return bytes_append_str(out, json ? "true" : "True");
    case JSON_FALSE:
        return bytes_append_str(out, json ? "false" : "False");
    case JSON_INTEGER:
        return bytes_printf(out, "%lld", (long long)json_integer_value(v));
    case JSON_REAL:
        return put_float(out, json_real_value(v));
    default:
        return bytes_append_str(out, json ? "null" : "None");
    }
}

static cairn_status put_json_string(bytes *out, const char *s, size_t len)
{
    cairn_status st = bytes_append_byte(out, '"');
    for (size_t i = 0; i < len && !st; i++) {
        uint8_t c = (uint8_t)s[i];
        static const char escapes[] = "\bb\tt\nn\ff\rr\"\"\\\\";
        const char *e = NULL;
        for (size_t k = 0; k + 1 < sizeof escapes; k += 2)
            if ((uint8_t)escapes[k] == c)
                e = &escapes[k + 1];
        if (e)
            st = bytes_printf(out, "\\%c", *e);
        else if (c < 0x20)
            st = bytes_printf(out, "\\u%04x", c);
        else
            st = bytes_append_byte(out, c);
    }
    return st ? st : bytes_append_byte(out, '"');
}

static bool new_line(bytes *out, int indent, int level)
{
    if (indent < 0)
        return true;
    if (bytes_append_byte(out, '\n'))
        return false;
    for (int i = 0; i < indent * level; i++)
        if (bytes_append_byte(out, ' '))
            return false;
    return true;
}

bool template_dumps(bytes *out, const json_t *v, int indent, int level)
{
    const char *comma = indent < 0 ? ", " : ",";
    bool first = true;

    if (v == TEMPLATE_UNDEFINED || level > CHAT_TEMPLATE_MAX_DEPTH)
        return false;
    if (json_is_string(v))
        return !put_json_string(out, json_string_value(v), json_string_length(v));
    if (json_is_array(v)) {
        size_t i;
        json_t *x;
        if (bytes_append_byte(out, '['))
            return false;
        json_array_foreach((json_t *)v, i, x)
            if ((i && bytes_append_str(out, comma)) || !new_line(out, indent, level + 1) ||
                !template_dumps(out, x, indent, level + 1))
                return false;
        return (!json_array_size(v) || new_line(out, indent, level)) && !bytes_append_byte(out, ']');
    }
    if (json_is_object(v)) {
        const char *key;
        size_t key_len;
        json_t *x;
        if (bytes_append_byte(out, '{'))
            return false;
        json_object_keylen_foreach((json_t *)v, key, key_len, x)
        {
            if ((!first && bytes_append_str(out, comma)) || !new_line(out, indent, level + 1) ||
                put_json_string(out, key, key_len) || bytes_append_str(out, ": ") ||
                !template_dumps(out, x, indent, level + 1))
                return false;
            first = false;
        }
        return (first || new_line(out, indent, level)) && !bytes_append_byte(out, '}');
    }
    return !put_scalar(out, v, true);
}

/* A string as Python writes it in a list: single quotes unless it holds one and no double quote. */
static cairn_status put_repr_string(bytes *out, const char *s, size_t len)
{
    char quote = memchr(s, '\'', len) && !memchr(s, '"', len) ? '"' : '\'';
    cairn_status st = bytes_append_byte(out, (uint8_t)quote);
    for (size_t i = 0; i < len && !st; i++) {
        uint8_t c = (uint8_t)s[i];
        if (c == (uint8_t)quote || c == '\\')
            st = bytes_printf(out, "\\%c", c);
        else if (c == '\n' || c == '\r' || c == '\t')
            st = bytes_append_str(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        else if (c < 0x20 || c == 0x7F)
            st = bytes_printf(out, "\\x%02x", c);
        else
            st = bytes_append_byte(out, c);
    }
    return st ? st : bytes_append_byte(out, (uint8_t)quote);
}

static bool repr_at(bytes *out, const json_t *v, int level)
{
    bool first = true;
    if (level > CHAT_TEMPLATE_MAX_DEPTH)
        return false;
    if (v == TEMPLATE_UNDEFINED)
        return !bytes_append_str(out, "Undefined");
    if (json_is_string(v))
        return !put_repr_string(out, json_string_value(v), json_string_length(v));
    if (json_is_array(v)) {
        size_t i;
        json_t *x;
        if (bytes_append_byte(out, '['))
            return false;
        json_array_foreach((json_t *)v, i, x)
            if ((i && bytes_append_str(out, ", ")) || !repr_at(out, x, level + 1))
                return false;
        return !bytes_append_byte(out, ']');
    }
    if (json_is_object(v)) {
        const char *key;
        size_t key_len;
        json_t *x;
        if (bytes_append_byte(out, '{'))
            return false;
        json_object_keylen_foreach((json_t *)v, key, key_len, x)
        {
            if ((!first && bytes_append_str(out, ", ")) || put_repr_string(out, key, key_len) ||
                bytes_append_str(out, ": ") || !repr_at(out, x, level + 1))
                return false;
            first = false;
        }
        return !bytes_append_byte(out, '}');
    }
    return !put_scalar(out, v, false);
}

bool template_repr(bytes *out, const json_t *v)
{
    return repr_at(out, v, 0);
}

bool template_str(bytes *out, const json_t *v)
{
    if (v == TEMPLATE_UNDEFINED)
        return true;
    if (json_is_string(v))
        return !bytes_append(out, json_string_value(v), json_string_length(v));
    return repr_at(out, v, 0);
}

bool template_is_number(const json_t *v)
{
    return json_is_number(v) || json_is_boolean(v);
}

double template_number(const json_t *v)
{
    return json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
}

bool template_truth(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return json_object_size(v) > 0;
    case JSON_ARRAY:
        return json_array_size(v) > 0;
    case JSON_STRING:
        return json_string_length(v) > 0;
    case JSON_NULL:
        return false;
    default:
        return template_number(v) != 0;
    }
}

bool template_equal(const json_t *a, const json_t *b)
{
    if (a == TEMPLATE_UNDEFINED || b == TEMPLATE_UNDEFINED)
        return a == b;
    if (template_is_number(a) && template_is_number(b))
        return template_number(a) == template_number(b);
    return json_equal(a, b);
}
