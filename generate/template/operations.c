/* operations.c - what can be done with a value: elements, items, slices, operators.
 *
 * Each is what Jinja 3.1 or Python's str and dict do, restricted to values a message can hold.
 * What has no meaning (None + "x") is an error with a sentence, as there. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "generate/template/operations.h"

json_t *operation_fail(operation_error *e, cairn_status st, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    e->st = st;
    return NULL;
}

const char *operation_kind(const json_t *v)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "a mapping",    [JSON_ARRAY] = "a list",  [JSON_STRING] = "a text",
        [JSON_INTEGER] = "a number",    [JSON_REAL] = "a number", [JSON_TRUE] = "a truth value",
        [JSON_FALSE] = "a truth value", [JSON_NULL] = "none"};
    return v == TEMPLATE_UNDEFINED ? "undefined" : names[json_typeof(v)];
}

json_t *template_string(const char *s, size_t len)
{
    return json_stringn(s ? s : "", len);
}

json_t *operation_text(bytes *b, operation_error *e)
{
    json_t *v = template_string(b->data, b->len);
    bytes_clear(b);
    return v ? v : operation_fail(e, CAIRN_ENOMEM, "out of memory");
}

json_t *operation_as_text(const json_t *v, operation_error *e)
{
    bytes b;
    bytes_init(&b, MAX_STRING);
    if (!template_str(&b, v)) {
        bytes_clear(&b);
        return operation_fail(e, CAIRN_ELIMIT, "a text grew too large");
    }
    return operation_text(&b, e);
}

json_t *operation_argument(const call_args *a, size_t i, const char *name)
{
    size_t position = 0;
    for (size_t k = 0; k < a->n; k++) {
        if (a->names && a->names[k]) {
            if (name && !strcmp(a->names[k], name))
                return a->v[k];
        } else if (position++ == i) {
            return a->v[k];
        }
    }
    return NULL;
}

/* ---- elements, items, slices ---- */

json_t *template_elements(json_t *v, operation_error *e)
{
    json_t *out;
    if (json_is_array(v))
        return json_incref(v);
    out = json_array();
    if (!out)
        return operation_fail(e, CAIRN_ENOMEM, "out of memory");
    if (v == TEMPLATE_UNDEFINED)
        return out;
    if (json_is_string(v)) {
        const char *s = json_string_value(v);
        size_t len = json_string_length(v);
        for (size_t i = 0; i < len;) {
            uint32_t cp;
            size_t n = utf8_decode(s + i, len - i, &cp, NULL);
            if (json_array_append_new(out, template_string(s + i, n)) ||
                json_array_size(out) > MAX_ELEMENTS) {
                json_decref(out);
                return operation_fail(e, CAIRN_ELIMIT, "too many elements");
            }
            i += n;
        }
        return out;
    }
    if (json_is_object(v)) {
        const char *key;
        size_t len;
        json_t *x;
        json_object_keylen_foreach(v, key, len,
                                   x) if (json_array_append_new(out, template_string(key, len)))
        {
            json_decref(out);
            return operation_fail(e, CAIRN_ENOMEM, "out of memory");
        }
        return out;
    }
    json_decref(out);
    return operation_fail(e, CAIRN_EINPUT, "%s cannot be iterated over", operation_kind(v));
}

json_t *template_item(json_t *v, const json_t *key, operation_error *e)
{
    json_t *found = NULL;
    if (v == TEMPLATE_UNDEFINED)
        return operation_fail(e, CAIRN_EINPUT, "an undefined value has no items");
    if (json_is_object(v) && json_is_string(key)) {
        found = json_object_getn(v, json_string_value(key), json_string_length(key));
    } else if ((json_is_array(v) || json_is_string(v)) && json_is_integer(key)) {
        json_int_t i = json_integer_value(key);
        json_t *elements = template_elements(v, e), *x;
        if (!elements)
            return NULL;
        json_int_t n = (json_int_t)json_array_size(elements);
        i += i < 0 ? n : 0;
        x = i >= 0 && i < n ? json_incref(json_array_get(elements, (size_t)i)) : NULL;
        json_decref(elements);
        return x ? x : TEMPLATE_UNDEFINED;
    }
    return found ? json_incref(found) : TEMPLATE_UNDEFINED;
}

static bool bound(const json_t *v, json_int_t absent, json_int_t n, json_int_t *out)
{
    if (!v || json_is_null(v)) {
        *out = absent;
        return true;
    }
    if (!json_is_integer(v))
        return false;
    *out = json_integer_value(v);
    if (*out < 0)
        *out = *out < -n ? -1 : *out + n;
    if (*out > n)
        *out = n;
    return true;
}

json_t *template_slice(json_t *v, json_t *from, json_t *to, json_t *step, operation_error *e)
{
    json_int_t by = step && !json_is_null(step) ? json_integer_value(step) : 1, a, b;
    bytes text;
    if (v == TEMPLATE_UNDEFINED)
        return operation_fail(e, CAIRN_EINPUT, "an undefined value has no items");
    if (!json_is_array(v) && !json_is_string(v))
        return TEMPLATE_UNDEFINED;
    json_t *all = template_elements(v, e), *out = json_array();
    if (!all || !out) {
        json_decref(all);
        json_decref(out);
        return all ? operation_fail(e, CAIRN_ENOMEM, "out of memory") : NULL;
    }
    json_int_t n = (json_int_t)json_array_size(all);
    if (by == 0 || by > INT32_MAX || by < -INT32_MAX || !bound(from, by > 0 ? 0 : n - 1, n, &a) ||
        !bound(to, by > 0 ? n : -1, n, &b)) {
        json_decref(all);
        json_decref(out);
        return operation_fail(e, CAIRN_EINPUT, "a slice needs whole numbers");
    }
    if (by > 0 && a < 0)
        a = 0;
    if (by < 0 && a >= n)
        a = n - 1;
    for (json_int_t i = a; by > 0 ? i < b : i > b; i += by)
        if (i >= 0 && i < n)
            json_array_append(out, json_array_get(all, (size_t)i));
    json_decref(all);
    if (json_is_array(v))
        return out;
    bytes_init(&text, MAX_STRING);
    for (size_t i = 0; i < json_array_size(out); i++) {
        const json_t *c = json_array_get(out, i);
        if (bytes_append(&text, json_string_value(c), json_string_length(c)))
            break;
    }
    json_decref(out);
    return operation_text(&text, e);
}

/* ---- operators ---- */

static json_t *joined(const json_t *a, const json_t *b, operation_error *e)
{
    bytes out;
    bytes_init(&out, MAX_STRING);
    if (!template_str(&out, a) || !template_str(&out, b)) {
        bytes_clear(&out);
        return operation_fail(e, CAIRN_ELIMIT, "a text grew too large");
    }
    return operation_text(&out, e);
}

static json_t *arithmetic(int op, const json_t *a, const json_t *b, operation_error *e)
{
    bool whole = !json_is_real(a) && !json_is_real(b) && op != '/';
    if (whole) {
        json_int_t x = (json_int_t)template_number(a), y = (json_int_t)template_number(b), r = 0;
        if (json_is_integer(a))
            x = json_integer_value(a);
        if (json_is_integer(b))
            y = json_integer_value(b);
        bool over = false;
        switch (op) {
        case '+':
            over = __builtin_add_overflow(x, y, &r);
            break;
        case '-':
            over = __builtin_sub_overflow(x, y, &r);
            break;
        case '*':
            over = __builtin_mul_overflow(x, y, &r);
            break;
        default: /* // and % round towards minus infinity */
            if (y == 0)
                return operation_fail(e, CAIRN_EINPUT, "division by zero");
            if (y == -1) {
                over = op == 'f' && __builtin_sub_overflow((json_int_t)0, x, &r);
                break;
            }
            r = x / y - ((x % y != 0) && ((x < 0) != (y < 0)));
            if (op == '%')
                r = x - r * y;
        }
        return over ? operation_fail(e, CAIRN_ELIMIT, "a number grew too large") : json_integer(r);
    }
    double x = template_number(a), y = template_number(b);
    if ((op == '/' || op == 'f' || op == '%') && y == 0)
        return operation_fail(e, CAIRN_EINPUT, "division by zero");
    double r = op == '+'   ? x + y
               : op == '-' ? x - y
               : op == '*' ? x * y
               : op == '/' ? x / y
               : op == 'f' ? floor(x / y)
                           : x - y * floor(x / y);
    if (!isfinite(r))
        return operation_fail(e, CAIRN_ELIMIT, "a number grew too large");
    return json_real(r);
}

json_t *template_binary(int op, json_t *a, json_t *b, operation_error *e)
{
    json_t *r;
    if (op == '~')
        return joined(a, b, e);
    if (template_is_number(a) && template_is_number(b)) {
        r = arithmetic(op, a, b, e);
        return r || e->text[0] ? r : operation_fail(e, CAIRN_ENOMEM, "out of memory");
    }
    if (op == '+' && json_is_string(a) && json_is_string(b))
        return joined(a, b, e);
    if (op == '+' && json_is_array(a) && json_is_array(b)) {
        if (json_array_size(a) + json_array_size(b) > MAX_ELEMENTS)
            return operation_fail(e, CAIRN_ELIMIT, "a list grew too large");
        r = json_copy(a);
        if (!r || json_array_extend(r, b)) {
            json_decref(r);
            return operation_fail(e, CAIRN_ENOMEM, "out of memory");
        }
        return r;
    }
    char sign[3] = {(char)(op == 'f' ? '/' : op), op == 'f' ? '/' : 0, 0};
    return operation_fail(e, CAIRN_EINPUT, "%s %s %s has no meaning", operation_kind(a), sign,
                          operation_kind(b));
}

static int contains(const json_t *all, const json_t *x, operation_error *e)
{
    if (json_is_string(all) && json_is_string(x))
        return json_string_length(x) == 0 ||
               memmem(json_string_value(all), json_string_length(all), json_string_value(x),
                      json_string_length(x)) != NULL;
    if (json_is_object(all) && json_is_string(x))
        return json_object_getn(all, json_string_value(x), json_string_length(x)) != NULL;
    if (json_is_array(all)) {
        for (size_t i = 0; i < json_array_size(all); i++)
            if (template_equal(json_array_get(all, i), x))
                return 1;
        return 0;
    }
    if (all == TEMPLATE_UNDEFINED || json_is_object(all))
        return 0;
    operation_fail(e, CAIRN_EINPUT, "%s in %s has no meaning", operation_kind(x),
                   operation_kind(all));
    return -1;
}

static int order(const json_t *a, const json_t *b, operation_error *e, int *cmp)
{
    if (template_is_number(a) && template_is_number(b)) {
        double x = template_number(a), y = template_number(b);
        *cmp = x < y ? -1 : x > y;
        return 0;
    }
    if (json_is_string(a) && json_is_string(b)) {
        size_t n = json_string_length(a), m = json_string_length(b);
        int c = memcmp(json_string_value(a), json_string_value(b), n < m ? n : m);
        *cmp = c ? c : n < m ? -1 : n > m;
        return 0;
    }
    operation_fail(e, CAIRN_EINPUT, "%s and %s have no order", operation_kind(a),
                   operation_kind(b));
    return -1;
}

int template_compare(int op, json_t *a, json_t *b, operation_error *e)
{
    int cmp;
    switch (op) {
    case '=':
        return template_equal(a, b);
    case '!':
        return !template_equal(a, b);
    case 'i':
        return contains(b, a, e);
    case 'n':
        cmp = contains(b, a, e);
        return cmp < 0 ? cmp : !cmp;
    default:
        if (order(a, b, e, &cmp))
            return -1;
        return op == '<' ? cmp < 0 : op == '>' ? cmp > 0 : op == 'l' ? cmp <= 0 : cmp >= 0;
    }
}
