/* filters.c - what a template calls by name on a value: filters, tests and methods.
 *
 * Each is what Jinja 3.1 or Python's str and dict do, restricted to values a message can hold. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>

#include "base/utf8.h"
#include "generate/template/operations.h"

/* ---- texts ---- */

enum { STRIP_LEFT = 1, STRIP_RIGHT = 2 };

/* Whether the character (one code point of s) is stripped: white space, or one of `set`. */
static bool is_stripped(const char *s, size_t n, uint32_t cp, const json_t *set)
{
    if (!set || json_is_null(set)) /* str.strip() also takes the separators 1C..1F */
        return u_isUWhiteSpace((UChar32)cp) || (cp >= 0x1C && cp <= 0x1F);
    return memmem(json_string_value(set), json_string_length(set), s, n) != NULL;
}

static json_t *strip(const json_t *v, const json_t *set, int sides, operation_error *e)
{
    const char *s = json_string_value(v);
    size_t from = 0, to = json_string_length(v);
    json_t *r;
    if (set && !json_is_null(set) && !json_is_string(set))
        return operation_fail(e, CAIRN_EINPUT, "strip of %s", operation_kind(set));
    while ((sides & STRIP_LEFT) && from < to) {
        uint32_t cp;
        size_t n = utf8_decode(s + from, to - from, &cp, NULL);
        if (!is_stripped(s + from, n, cp, set))
            break;
        from += n;
    }
    while ((sides & STRIP_RIGHT) && from < to) {
        uint32_t cp;
        size_t at = to - 1;
        while (at > from && ((uint8_t)s[at] & 0xC0) == 0x80)
            at--;
        size_t n = utf8_decode(s + at, to - at, &cp, NULL);
        if (!is_stripped(s + at, n, cp, set))
            break;
        to = at;
    }
    r = template_string(s + from, to - from);
    return r ? r : operation_fail(e, CAIRN_ENOMEM, "out of memory");
}

typedef enum letter_case { CASE_UPPER, CASE_LOWER, CASE_CAPITAL, CASE_TITLE } letter_case;

static json_t *change_case(const json_t *v, letter_case how, operation_error *e)
{
    const char *s = json_string_value(v);
    size_t len = json_string_length(v);
    bool start = true;
    bytes b;
    bytes_init(&b, MAX_STRING);
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        char buf[4];
        i += utf8_decode(s + i, len - i, &cp, NULL);
        bool upper = how == CASE_UPPER || ((how == CASE_CAPITAL || how == CASE_TITLE) && start);
        start = how == CASE_TITLE ? !u_isalpha((UChar32)cp) : false;
        cp = (uint32_t)(upper ? u_toupper((UChar32)cp) : u_tolower((UChar32)cp));
        if (bytes_append(&b, buf, utf8_encode(cp, buf)))
            break;
    }
    return operation_text(&b, e);
}

static json_t *replace(const json_t *v, const json_t *old, const json_t *new_text,
                       const json_t *count, operation_error *e)
{
    if (!json_is_string(old) || !json_is_string(new_text))
        return operation_fail(e, CAIRN_EINPUT, "replace needs two texts");
    const char *s = json_string_value(v), *o = json_string_value(old);
    size_t len = json_string_length(v), n = json_string_length(old);
    json_int_t left = json_is_integer(count) ? json_integer_value(count) : -1;
    bytes b;
    bytes_init(&b, MAX_STRING);
    cairn_status st = CAIRN_OK;
    if (n == 0)
        return operation_fail(e, CAIRN_EINPUT, "replace of an empty text");
    while (!st) {
        const char *hit = left != 0 ? memmem(s, len, o, n) : NULL;
        size_t before = hit ? (size_t)(hit - s) : len;
        st = bytes_append(&b, s, before);
        if (!hit || st)
            break;
        st = bytes_append(&b, json_string_value(new_text), json_string_length(new_text));
        s = hit + n;
        len -= before + n;
        left--;
    }
    if (st) {
        bytes_clear(&b);
        return operation_fail(e, st, "a text grew too large");
    }
    return operation_text(&b, e);
}

static bool add_part(json_t *out, const char *s, size_t len)
{
    return !json_array_append_new(out, template_string(s, len)) &&
           json_array_size(out) <= MAX_ELEMENTS;
}

static json_t *split(const json_t *v, const json_t *by, const json_t *max, operation_error *e)
{
    const char *s = json_string_value(v);
    size_t len = json_string_length(v);
    json_int_t left = json_is_integer(max) ? json_integer_value(max) : -1;
    json_t *out = json_array();
    bool good = out != NULL;

    if (by && !json_is_null(by) && (!json_is_string(by) || !json_string_length(by))) {
        json_decref(out);
        return operation_fail(e, CAIRN_EINPUT, "split needs a text that is not empty");
    }
    if (by && json_is_string(by)) {
        size_t n = json_string_length(by);
        while (good) {
            const char *hit = left != 0 ? memmem(s, len, json_string_value(by), n) : NULL;
            if (!hit) {
                good = add_part(out, s, len);
                break;
            }
            good = add_part(out, s, (size_t)(hit - s));
            len -= (size_t)(hit - s) + n;
            s = hit + n;
            left--;
        }
    } else {
        for (size_t i = 0; i < len && good;) {
            size_t start;
            while (i < len && isspace((unsigned char)s[i]))
                i++;
            for (start = i; i < len && (left == 0 || !isspace((unsigned char)s[i]));)
                i++;
            if (i > start)
                good = add_part(out, s + start, i - start);
            left--;
        }
    }
    if (good)
        return out;
    json_decref(out);
    return operation_fail(e, CAIRN_ELIMIT, "too many parts");
}

/* ---- methods ---- */

enum {
    METHOD_STRIP,
    METHOD_LSTRIP,
    METHOD_RSTRIP,
    METHOD_UPPER,
    METHOD_LOWER,
    METHOD_TITLE,
    METHOD_CAPITALIZE,
    METHOD_STARTSWITH,
    METHOD_ENDSWITH,
    METHOD_REPLACE,
    METHOD_SPLIT,
    METHOD_ITEMS,
    METHOD_KEYS,
    METHOD_VALUES,
    METHOD_GET
};

static int find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return (int)i;
    return -1;
}
#define FIND(names, name) find_name(names, sizeof names / sizeof *names, name)

int template_method_find(const char *name)
{
    static const char *const names[] = {"strip", "lstrip",     "rstrip",     "upper",    "lower",
                                        "title", "capitalize", "startswith", "endswith", "replace",
                                        "split", "items",      "keys",       "values",   "get"};
    return FIND(names, name);
}

static json_t *pairs(json_t *v, bool keys, bool values, operation_error *e)
{
    const char *key;
    size_t len;
    json_t *x, *out = json_array();
    json_object_keylen_foreach(v, key, len, x)
    {
        json_t *k = template_string(key, len), *item;
        if (keys && values) {
            item = json_array();
            json_array_append_new(item, k);
            json_array_append(item, x);
        } else if (keys) {
            item = k;
        } else {
            json_decref(k);
            item = json_incref(x);
        }
        if (json_array_append_new(out, item)) {
            json_decref(out);
            return operation_fail(e, CAIRN_ENOMEM, "out of memory");
        }
    }
    return out ? out : operation_fail(e, CAIRN_ENOMEM, "out of memory");
}

/* Does v begin or end with x, or with one of the texts in x? */
static json_t *has_end(const json_t *v, const json_t *x, bool front, operation_error *e)
{
    if (json_is_array(x)) {
        for (size_t i = 0; i < json_array_size(x); i++) {
            json_t *r = has_end(v, json_array_get(x, i), front, e);
            if (!r || json_is_true(r))
                return r;
        }
        return json_false();
    }
    if (!json_is_string(x))
        return operation_fail(e, CAIRN_EINPUT, "startswith and endswith need a text");
    size_t n = json_string_length(x), len = json_string_length(v);
    return json_boolean(
        n <= len && !memcmp(json_string_value(v) + (front ? 0 : len - n), json_string_value(x), n));
}

json_t *template_method(int op, json_t *v, const call_args *a, operation_error *e)
{
    json_t *x = operation_argument(a, 0, NULL), *y = operation_argument(a, 1, NULL);
    if (op >= METHOD_ITEMS) {
        if (!json_is_object(v))
            return operation_fail(e, CAIRN_EINPUT, "%s is no mapping", operation_kind(v));
        if (op == METHOD_GET) {
            json_t *found =
                x ? template_item(v, x, e) : operation_fail(e, CAIRN_EINPUT, "get of nothing");
            if (found != TEMPLATE_UNDEFINED)
                return found;
            return y ? json_incref(y) : json_null();
        }
        return pairs(v, op != METHOD_VALUES, op != METHOD_KEYS, e);
    }
    if (!json_is_string(v))
        return operation_fail(e, CAIRN_EINPUT, "%s is no text", operation_kind(v));
    switch (op) {
    case METHOD_STRIP:
        return strip(v, x, STRIP_LEFT | STRIP_RIGHT, e);
    case METHOD_LSTRIP:
        return strip(v, x, STRIP_LEFT, e);
    case METHOD_RSTRIP:
        return strip(v, x, STRIP_RIGHT, e);
    case METHOD_UPPER:
        return change_case(v, CASE_UPPER, e);
    case METHOD_LOWER:
        return change_case(v, CASE_LOWER, e);
    case METHOD_TITLE:
        return change_case(v, CASE_TITLE, e);
    case METHOD_CAPITALIZE:
        return change_case(v, CASE_CAPITAL, e);
    case METHOD_STARTSWITH:
        return has_end(v, x, true, e);
    case METHOD_ENDSWITH:
        return has_end(v, x, false, e);
    case METHOD_REPLACE:
        return replace(v, x, y, operation_argument(a, 2, "count"), e);
    default:
        return split(v, operation_argument(a, 0, "sep"), operation_argument(a, 1, "maxsplit"), e);
    }
}

/* ---- tests ---- */

enum {
    TEST_DEFINED,
    TEST_UNDEFINED,
    TEST_NONE,
    TEST_STRING,
    TEST_NUMBER,
    TEST_INTEGER,
    TEST_FLOAT,
    TEST_BOOLEAN,
    TEST_TRUE,
    TEST_FALSE,
    TEST_MAPPING,
    TEST_SEQUENCE,
    TEST_ITERABLE,
    TEST_ODD,
    TEST_EVEN,
    TEST_DIVISIBLEBY,
    TEST_EQUALTO,
    TEST_EQ,
    TEST_NE,
    TEST_IN
};

int template_test_find(const char *name)
{
    static const char *const names[] = {"defined",     "undefined", "none",     "string", "number",
                                        "integer",     "float",     "boolean",  "true",   "false",
                                        "mapping",     "sequence",  "iterable", "odd",    "even",
                                        "divisibleby", "equalto",   "eq",       "ne",     "in"};
    return FIND(names, name);
}

int template_test(int op, json_t *v, const call_args *a, operation_error *e)
{
    json_t *x = operation_argument(a, 0, NULL);
    json_int_t by = 2;
    switch (op) {
    case TEST_DEFINED:
        return v != TEMPLATE_UNDEFINED;
    case TEST_UNDEFINED:
        return v == TEMPLATE_UNDEFINED;
    case TEST_NONE:
        return json_is_null(v) && v != TEMPLATE_UNDEFINED;
    case TEST_STRING:
        return json_is_string(v);
    case TEST_NUMBER:
        return template_is_number(v);
    case TEST_INTEGER:
        return json_is_integer(v);
    case TEST_FLOAT:
        return json_is_real(v);
    case TEST_BOOLEAN:
        return json_is_boolean(v);
    case TEST_TRUE:
        return json_is_true(v);
    case TEST_FALSE:
        return json_is_false(v);
    case TEST_MAPPING:
        return json_is_object(v);
    case TEST_SEQUENCE:
        return json_is_object(v) || json_is_array(v) || json_is_string(v) ||
               v == TEMPLATE_UNDEFINED;
    case TEST_ITERABLE:
        return json_is_object(v) || json_is_array(v) || json_is_string(v) ||
               v == TEMPLATE_UNDEFINED;
    case TEST_DIVISIBLEBY:
        by = json_is_integer(x) ? json_integer_value(x) : 0;
        /* fall through */
    case TEST_ODD:
    case TEST_EVEN:
        if (!json_is_integer(v) || by == 0) {
            operation_fail(e, CAIRN_EINPUT, "%s is no whole number to divide", operation_kind(v));
            return -1;
        }
        if (by == -1)
            return 1;
        return op == TEST_ODD ? json_integer_value(v) % 2 != 0 : json_integer_value(v) % by == 0;
    default:
        if (!x) {
            operation_fail(e, CAIRN_EINPUT, "a test lacks its value");
            return -1;
        }
        return template_compare(op == TEST_NE ? '!' : op == TEST_IN ? 'i' : '=', v, x, e);
    }
}

/* ---- filters ---- */

enum {
    FILTER_TOJSON,
    FILTER_TRIM,
    FILTER_LENGTH,
    FILTER_COUNT,
    FILTER_UPPER,
    FILTER_LOWER,
    FILTER_CAPITALIZE,
    FILTER_TITLE,
    FILTER_JOIN,
    FILTER_DEFAULT,
    FILTER_D,
    FILTER_FIRST,
    FILTER_LAST,
    FILTER_REPLACE,
    FILTER_STRING,
    FILTER_INT,
    FILTER_LIST,
    FILTER_ITEMS,
    FILTER_SAFE,
    FILTER_SELECTATTR,
    FILTER_REJECTATTR,
    FILTER_MAP,
    FILTER_REVERSE,
    FILTER_INDENT,
    FILTER_ABS
};

int template_filter_find(const char *name)
{
    static const char *const names[] = {
        "tojson", "trim",    "length",  "count", "upper", "lower",      "capitalize",
        "title",  "join",    "default", "d",     "first", "last",       "replace",
        "string", "int",     "list",    "items", "safe",  "selectattr", "rejectattr",
        "map",    "reverse", "indent",  "abs"};
    return FIND(names, name);
}

static json_t *to_json(const json_t *v, const json_t *indent, operation_error *e)
{
    bytes b;
    json_int_t n = json_is_integer(indent) ? json_integer_value(indent) : -1;
    bytes_init(&b, MAX_STRING);
    if (!template_dumps(&b, v, n > 16 ? 16 : (int)n, 0)) {
        bytes_clear(&b);
        return operation_fail(e, CAIRN_EINPUT,
                              "an undefined value, or one nested too deeply, has no JSON");
    }
    return operation_text(&b, e);
}

static json_t *length(const json_t *v, operation_error *e)
{
    size_t n;
    if (json_is_string(v))
        n = utf8_length(json_string_value(v), json_string_length(v));
    else if (json_is_array(v))
        n = json_array_size(v);
    else if (json_is_object(v))
        n = json_object_size(v);
    else if (v == TEMPLATE_UNDEFINED)
        n = 0;
    else
        return operation_fail(e, CAIRN_EINPUT, "%s has no length", operation_kind(v));
    return json_integer((json_int_t)n);
}

static json_t *join(json_t *v, const json_t *by, const json_t *attribute, operation_error *e)
{
    json_t *all = template_elements(v, e);
    bytes b;
    bool good = all != NULL;
    bytes_init(&b, MAX_STRING);
    for (size_t i = 0; good && i < json_array_size(all); i++) {
        json_t *x = json_incref(json_array_get(all, i));
        if (attribute) {
            json_t *item = template_item(x, attribute, e);
            json_decref(x);
            x = item;
        }
        good = x && (i == 0 || !by || template_str(&b, by)) && template_str(&b, x);
        json_decref(x);
    }
    json_decref(all);
    if (good)
        return operation_text(&b, e);
    bytes_clear(&b);
    return e->text[0] ? NULL : operation_fail(e, CAIRN_ELIMIT, "a text grew too large");
}

/* selectattr(name[, test[, value]]), rejectattr, map(attribute=name). */
static json_t *by_attribute(int op, json_t *v, const call_args *a, operation_error *e)
{
    json_t *name = operation_argument(a, 0, op == FILTER_MAP ? "attribute" : NULL);
    json_t *test_name = operation_argument(a, 1, NULL), *value = operation_argument(a, 2, NULL);
    int test = -1;
    if (op == FILTER_MAP) {
        name = NULL;
        for (size_t i = 0; i < a->n; i++)
            if (a->names[i] && !strcmp(a->names[i], "attribute"))
                name = a->v[i];
    }
    if (!json_is_string(name))
        return operation_fail(e, CAIRN_EUNSUPPORTED,
                              "this filter is known with the name of an attribute only");
    if (test_name && op != FILTER_MAP) {
        test = json_is_string(test_name) ? template_test_find(json_string_value(test_name)) : -1;
        if (test < 0)
            return operation_fail(e, CAIRN_EUNSUPPORTED,
                                  "unknown test in selectattr or rejectattr");
    }
    json_t *all = template_elements(v, e), *out = json_array();
    call_args one = {&value, NULL, value ? 1 : 0};
    for (size_t i = 0; all && out && i < json_array_size(all); i++) {
        json_t *x = json_array_get(all, i), *field = template_item(x, name, e);
        int keep = !field     ? -1
                   : test < 0 ? template_truth(field)
                              : template_test(test, field, &one, e);
        if (field && op == FILTER_MAP)
            json_array_append(out, field);
        else if (keep >= 0 && keep == (op == FILTER_SELECTATTR))
            json_array_append(out, x);
        json_decref(field);
        if (keep < 0 && op != FILTER_MAP) {
            json_decref(out);
            out = NULL;
        }
    }
    json_decref(all);
    if (!out && !e->text[0])
        return operation_fail(e, CAIRN_ENOMEM, "out of memory");
    return out;
}

static json_t *reverse(json_t *v, operation_error *e)
{
    json_t *all = template_elements(v, e), *out = json_array();
    bytes b;
    if (!all || !out) {
        json_decref(all);
        json_decref(out);
        return NULL;
    }
    for (size_t i = json_array_size(all); i-- > 0;)
        json_array_append(out, json_array_get(all, i));
    json_decref(all);
    if (!json_is_string(v))
        return out;
    bytes_init(&b, MAX_STRING);
    for (size_t i = 0; i < json_array_size(out); i++)
        template_str(&b, json_array_get(out, i));
    json_decref(out);
    return operation_text(&b, e);
}

/* indent(width=4, first=false, blank=false) */
static json_t *indent(const json_t *v, const call_args *a, operation_error *e)
{
    const json_t *width = operation_argument(a, 0, "width"),
                 *first = operation_argument(a, 1, "first");
    const json_t *blank = operation_argument(a, 2, "blank");
    json_int_t n = json_is_integer(width) ? json_integer_value(width) : 4;
    const char *s = json_string_value(v);
    size_t len = json_string_length(v);
    bytes b;
    bool good = true, at_first = true;
    bytes_init(&b, MAX_STRING);
    n = n < 0 ? 0 : n > 64 ? 64 : n;
    for (size_t i = 0; i < len && good;) {
        const char *nl = memchr(s + i, '\n', len - i);
        size_t end = nl ? (size_t)(nl - s) + 1 : len;
        bool empty = s[i] == '\n';
        if (at_first ? first && template_truth(first) : !empty || (blank && template_truth(blank)))
            for (json_int_t k = 0; k < n && good; k++)
                good = !bytes_append_byte(&b, ' ');
        good = good && !bytes_append(&b, s + i, end - i);
        i = end;
        at_first = false;
    }
    if (good)
        return operation_text(&b, e);
    bytes_clear(&b);
    return operation_fail(e, CAIRN_ELIMIT, "a text grew too large");
}

static json_t *to_int(const json_t *v, const json_t *absent)
{
    if (json_is_integer(v))
        return json_incref((json_t *)v);
    if (json_is_boolean(v))
        return json_integer(json_is_true(v));
    if (json_is_real(v) && fabs(json_real_value(v)) < 9e15)
        return json_integer((json_int_t)json_real_value(v));
    if (json_is_string(v)) {
        char *end;
        const char *s = json_string_value(v);
        long long n = strtoll(s, &end, 10);
        if (end != s && !*end)
            return json_integer(n);
    }
    return absent ? json_incref((json_t *)absent) : json_integer(0);
}

json_t *template_filter(int op, json_t *v, const call_args *a, operation_error *e)
{
    json_t *x = operation_argument(a, 0, NULL), *text, *r;
    switch (op) {
    case FILTER_TOJSON:
        return to_json(v, operation_argument(a, 0, "indent"), e);
    case FILTER_LENGTH:
    case FILTER_COUNT:
        return length(v, e);
    case FILTER_DEFAULT:
    case FILTER_D: {
        const json_t *falsy = operation_argument(a, 1, "boolean");
        bool use =
            v == TEMPLATE_UNDEFINED || (falsy && template_truth(falsy) && !template_truth(v));
        x = operation_argument(a, 0, "default_value");
        return use ? x ? json_incref(x) : template_string("", 0) : json_incref(v);
    }
    case FILTER_JOIN:
        return join(v, operation_argument(a, 0, "d"), operation_argument(a, 1, "attribute"), e);
    case FILTER_FIRST:
    case FILTER_LAST:
        r = template_elements(v, e);
        if (!r)
            return NULL;
        x = json_array_get(r, op == FILTER_FIRST ? 0 : json_array_size(r) - 1);
        x = x ? json_incref(x) : TEMPLATE_UNDEFINED;
        json_decref(r);
        return x;
    case FILTER_INT:
        return to_int(v, operation_argument(a, 0, "default"));
    case FILTER_ABS:
        if (!template_is_number(v))
            return operation_fail(e, CAIRN_EINPUT, "abs of %s", operation_kind(v));
        if (json_is_real(v))
            return json_real(fabs(json_real_value(v)));
        return json_integer(llabs((json_int_t)template_number(v)));
    case FILTER_LIST:
        return template_elements(v, e);
    case FILTER_ITEMS:
        if (v == TEMPLATE_UNDEFINED)
            return json_array();
        return json_is_object(v)
                   ? pairs(v, true, true, e)
                   : operation_fail(e, CAIRN_EINPUT, "items of %s", operation_kind(v));
    case FILTER_SAFE:
        return json_incref(v);
    case FILTER_SELECTATTR:
    case FILTER_REJECTATTR:
    case FILTER_MAP:
        return by_attribute(op, v, a, e);
    case FILTER_REVERSE:
        return reverse(v, e);
    default:
        break;
    }
    text = operation_as_text(v, e); /* the rest works on str(v) */
    if (!text)
        return NULL;
    r = op == FILTER_TRIM
            ? strip(text, operation_argument(a, 0, "chars"), STRIP_LEFT | STRIP_RIGHT, e)
        : op == FILTER_UPPER      ? change_case(text, CASE_UPPER, e)
        : op == FILTER_LOWER      ? change_case(text, CASE_LOWER, e)
        : op == FILTER_CAPITALIZE ? change_case(text, CASE_CAPITAL, e)
        : op == FILTER_TITLE      ? change_case(text, CASE_TITLE, e)
        : op == FILTER_REPLACE
            ? replace(text, x, operation_argument(a, 1, NULL), operation_argument(a, 2, "count"), e)
        : op == FILTER_INDENT ? indent(text, a, e)
                              : json_incref(text);
    json_decref(text);
    return r;
}
