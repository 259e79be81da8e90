/* library.c - the filters, tests and methods that chat templates use, by name. What is not in these
 * tables is refused: filters and tests when the template is compiled, methods when they are called. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "generate/template/eval.h"

enum filter_kind {
    FILTER_TOJSON,
    FILTER_TRIM,
    FILTER_LENGTH,
    FILTER_UPPER,
    FILTER_LOWER,
    FILTER_CAPITALIZE,
    FILTER_DEFAULT,
    FILTER_JOIN,
    FILTER_FIRST,
    FILTER_LAST,
    FILTER_STRING,
    FILTER_INT,
    FILTER_LIST,
    FILTER_ITEMS,
    FILTER_REPLACE,
    FILTER_SELECTATTR,
    FILTER_REJECTATTR,
    FILTER_MAP,
    FILTER_REVERSE,
    FILTER_SAFE,
    FILTER_INDENT,
};

static const struct {
    const char *name;
    int kind;
} filters[] = {
    {"tojson", FILTER_TOJSON},         {"trim", FILTER_TRIM},
    {"length", FILTER_LENGTH},         {"count", FILTER_LENGTH},
    {"upper", FILTER_UPPER},           {"lower", FILTER_LOWER},
    {"capitalize", FILTER_CAPITALIZE}, {"default", FILTER_DEFAULT},
    {"d", FILTER_DEFAULT},             {"join", FILTER_JOIN},
    {"first", FILTER_FIRST},           {"last", FILTER_LAST},
    {"string", FILTER_STRING},         {"int", FILTER_INT},
    {"list", FILTER_LIST},             {"items", FILTER_ITEMS},
    {"dictsort", FILTER_ITEMS},        {"replace", FILTER_REPLACE},
    {"selectattr", FILTER_SELECTATTR}, {"rejectattr", FILTER_REJECTATTR},
    {"map", FILTER_MAP},               {"reverse", FILTER_REVERSE},
    {"safe", FILTER_SAFE},             {"indent", FILTER_INDENT},
};

static const char *const tests[] = {"defined", "undefined", "none",    "string",   "mapping",
                                    "number",  "integer",   "float",   "boolean",  "iterable",
                                    "sequence", "true",     "false",   "equalto",  "eq",
                                    "==",      "ne",        "in",      "odd",      "even"};
enum test_kind {
    TEST_DEFINED,
    TEST_UNDEFINED,
    TEST_NONE,
    TEST_STRING,
    TEST_MAPPING,
    TEST_NUMBER,
    TEST_INTEGER,
    TEST_FLOAT,
    TEST_BOOLEAN,
    TEST_ITERABLE,
    TEST_SEQUENCE,
    TEST_TRUE,
    TEST_FALSE,
    TEST_EQUALTO,
    TEST_EQ,
    TEST_EQUALS,
    TEST_NE,
    TEST_IN,
    TEST_ODD,
    TEST_EVEN,
};

int template_find_filter(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (strlen(filters[i].name) == len && !memcmp(filters[i].name, name, len))
            return (int)i;
    return -1;
}

int template_find_test(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (strlen(tests[i]) == len && !memcmp(tests[i], name, len))
            return (int)i;
    return -1;
}

/* ---- texts ---- */

static bool in_set(char c, const json_t *set)
{
    if (json_is_string(set))
        return memchr(json_string_value(set), c, json_string_length(set)) != NULL;
    return isspace((unsigned char)c);
}

/* Python's strip, lstrip and rstrip; a set of ASCII characters, or white space. */
static json_t *strip(evaluation *e, const json_t *v, const json_t *set, bool left, bool right)
{
    const char *s = json_string_value(v);
    size_t a = 0, b = json_string_length(v);

    while (left && a < b && in_set(s[a], set))
        a++;
    while (right && b > a && in_set(s[b - 1], set))
        b--;
    return eval_string(e, s + a, b - a);
}

typedef enum letters { LETTERS_UPPER, LETTERS_LOWER, LETTERS_CAPITALIZE, LETTERS_TITLE } letters;

/* ASCII letters alone: no template in use changes the case of anything else. */
static json_t *change_case(evaluation *e, const json_t *v, letters how)
{
    const char *s = json_string_value(v);
    size_t len = json_string_length(v);
    bool start = true;
    bytes text;

    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    for (size_t i = 0; i < len; i++) {
        bool upper = how == LETTERS_UPPER || (start && how >= LETTERS_CAPITALIZE);
        int c = (unsigned char)s[i];
        if (bytes_append_byte(&text, (uint8_t)(c >= 0x80 ? c : upper ? toupper(c) : tolower(c)))) {
            bytes_clear(&text);
            return eval_fail(e, CAIRN_ENOMEM, "memory ran out");
        }
        start = how == LETTERS_TITLE && !isalpha(c);
    }
    return eval_take(e, &text);
}

static json_t *replace_all(evaluation *e, const json_t *v, const json_t *from, const json_t *to)
{
    const char *s = json_string_value(v), *end = s + json_string_length(v);
    size_t n = json_string_length(from);
    cairn_status st = CAIRN_OK;
    bytes text;

    if (!json_is_string(from) || !json_is_string(to) || !n)
        return eval_fail(e, CAIRN_EINPUT, "replace takes two strings, the first not empty");
    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    while (!st && s < end) {
        const char *hit = memmem(s, (size_t)(end - s), json_string_value(from), n);
        st = bytes_append(&text, s, (size_t)((hit ? hit : end) - s));
        if (!st && hit)
            st = bytes_append(&text, json_string_value(to), json_string_length(to));
        s = hit ? hit + n : end;
    }
    if (st) {
        bytes_clear(&text);
        return eval_fail(e, CAIRN_ELIMIT, "a text became too long");
    }
    return eval_take(e, &text);
}

static json_t *split(evaluation *e, const json_t *v, const json_t *separator, const json_t *most)
{
    const char *s = json_string_value(v), *end = s + json_string_length(v);
    json_int_t left = json_is_integer(most) ? json_integer_value(most) : -1;
    json_t *list = eval_keep(e, json_array());
    size_t n = json_string_length(separator);

    if (!json_is_string(separator)) {
        /* By runs of white space, without empty pieces. */
        while (list && s < end) {
            const char *a;
            while (s < end && isspace((unsigned char)*s))
                s++;
            a = s;
            while (s < end && !isspace((unsigned char)*s))
                s++;
            if (s > a)
                json_array_append_new(list, json_stringn(a, (size_t)(s - a)));
        }
        return list;
    }
    if (!n)
        return eval_fail(e, CAIRN_EINPUT, "an empty separator");
    for (;;) {
        const char *hit = left ? memmem(s, (size_t)(end - s), json_string_value(separator), n) : NULL;
        json_array_append_new(list, json_stringn(s, (size_t)((hit ? hit : end) - s)));
        if (!hit)
            return list;
        s = hit + n;
        left--;
    }
}

static bool has_affix(const json_t *v, const json_t *part, bool front)
{
    size_t len = json_string_length(v), n = json_string_length(part), i;
    const json_t *one;

    if (json_is_array(part)) {
        json_array_foreach(part, i, one)
            if (has_affix(v, one, front))
                return true;
        return false;
    }
    return json_is_string(part) && n <= len &&
           !memcmp(json_string_value(v) + (front ? 0 : len - n), json_string_value(part), n);
}

static json_t *join(evaluation *e, const json_t *list, const json_t *separator)
{
    cairn_status st = CAIRN_OK;
    size_t i;
    const json_t *item;
    bytes text;

    if (!json_is_array(list))
        return eval_fail(e, CAIRN_EINPUT, "only a list can be joined, not %s", value_type_name(list));
    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    json_array_foreach(list, i, item) {
        if (!st && i && separator)
            st = value_print(separator, &text);
        if (!st)
            st = value_print(item, &text);
    }
    if (st) {
        bytes_clear(&text);
        return eval_fail(e, CAIRN_ELIMIT, "a text became too long");
    }
    return eval_take(e, &text);
}

static json_t *dump(evaluation *e, const json_t *v, const json_t *indent)
{
    bytes text;
    cairn_status st;

    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    st = value_dump(v, json_is_integer(indent) ? (int)json_integer_value(indent) % 64 : -1, &text);
    if (st) {
        bytes_clear(&text);
        return eval_fail(e, CAIRN_ELIMIT, "a value is too large or too deep for tojson");
    }
    return eval_take(e, &text);
}

static json_t *indent_lines(evaluation *e, const json_t *v, const call_args *a)
{
    const json_t *width = eval_argument(a, 0, "width"), *first = eval_argument(a, 1, "first");
    json_int_t n = json_is_integer(width) ? json_integer_value(width) : 4;
    const char *s = json_string_value(v);
    size_t len = json_string_length(v);
    cairn_status st = CAIRN_OK;
    bytes text;

    if (!json_is_string(v) || n < 0 || n > 200)
        return eval_fail(e, CAIRN_EINPUT, "indent takes a text and a width");
    bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
    for (size_t i = 0; !st && i < len; i++) {
        bool line_start = i ? s[i - 1] == '\n' : value_is_true(first);
        for (json_int_t k = 0; !st && line_start && s[i] != '\n' && k < n; k++)
            st = bytes_append_byte(&text, ' ');
        if (!st)
            st = bytes_append_byte(&text, (uint8_t)s[i]);
    }
    if (st) {
        bytes_clear(&text);
        return eval_fail(e, CAIRN_ELIMIT, "a text became too long");
    }
    return eval_take(e, &text);
}

/* ---- lists and dicts ---- */

static json_t *length(evaluation *e, const json_t *v)
{
    if (json_is_string(v))
        return eval_keep(
            e, json_integer((json_int_t)utf8_length(json_string_value(v), json_string_length(v))));
    if (json_is_array(v))
        return eval_keep(e, json_integer((json_int_t)json_array_size(v)));
    if (json_is_object(v))
        return eval_keep(e, json_integer((json_int_t)json_object_size(v)));
    if (!v)
        return eval_keep(e, json_integer(0));
    return eval_fail(e, CAIRN_EINPUT, "%s has no length", value_type_name(v));
}

typedef enum dict_part { DICT_ITEMS, DICT_KEYS, DICT_VALUES } dict_part;

static json_t *dict_list(evaluation *e, json_t *v, dict_part part)
{
    json_t *list = eval_keep(e, json_array()), *value;
    const char *key;

    if (!json_is_object(v))
        return eval_fail(e, CAIRN_EINPUT, "%s has no items", value_type_name(v));
    json_object_foreach(v, key, value) {
        if (part == DICT_ITEMS)
            json_array_append_new(list, json_pack("[s,O]", key, value));
        else if (part == DICT_KEYS)
            json_array_append_new(list, json_string(key));
        else
            json_array_append(list, value);
    }
    return list;
}

/* A list of anything that can be walked: characters, items or keys. */
static json_t *to_list(evaluation *e, json_t *v)
{
    json_t *list;

    if (json_is_array(v))
        return v;
    if (json_is_object(v))
        return dict_list(e, v, DICT_KEYS);
    list = eval_keep(e, json_array());
    if (!json_is_string(v))
        return v ? eval_fail(e, CAIRN_EINPUT, "%s is no list", value_type_name(v)) : list;
    for (size_t i = 0, len = json_string_length(v); i < len;) {
        uint32_t cp;
        size_t n = utf8_decode(json_string_value(v) + i, len - i, &cp, NULL);
        json_array_append_new(list, json_stringn(json_string_value(v) + i, n));
        i += n;
    }
    return list;
}

static json_t *select_by(evaluation *e, json_t *v, const call_args *a, bool keep)
{
    const json_t *name = eval_argument(a, 0, NULL), *test = eval_argument(a, 1, NULL);
    json_t *list = eval_keep(e, json_array()), *item;
    int kind = -1;
    size_t i;

    if (!json_is_array(v) || !json_is_string(name))
        return eval_fail(e, CAIRN_EINPUT, "selectattr takes a list and an attribute");
    if (test) {
        if (json_is_string(test))
            kind = template_find_test(json_string_value(test), json_string_length(test));
        if (kind < 0)
            return eval_fail(e, CAIRN_EMODEL, "unknown test in selectattr");
    }
    json_array_foreach(v, i, item) {
        json_t *attribute = json_object_getn(item, json_string_value(name), json_string_length(name));
        call_args rest = *a;
        bool holds;
        rest.n = a->n > 2 ? a->n - 2 : 0;
        for (size_t k = 0; k < rest.n; k++)
            rest.positional[k] = a->positional[k + 2];
        holds = kind < 0 ? value_is_true(attribute) : eval_test(e, kind, attribute, &rest);
        if (holds == keep)
            json_array_append(list, item);
    }
    return list;
}

static json_t *map_attribute(evaluation *e, json_t *v, const call_args *a)
{
    json_t *name = eval_argument(a, 16, "attribute"), *list = eval_keep(e, json_array()), *item;
    const json_t *filter = eval_argument(a, 0, NULL);
    call_args none = {.of = a->of};
    size_t i;
    int kind = json_is_string(filter) ? template_find_filter(json_string_value(filter),
                                                             json_string_length(filter)) : -1;

    if (!json_is_array(v) || (!json_is_string(name) && kind < 0))
        return eval_fail(e, CAIRN_EINPUT, "map takes a list and attribute= or a filter's name");
    json_array_foreach(v, i, item) {
        json_t *out = json_is_string(name)
                          ? json_object_getn(item, json_string_value(name), json_string_length(name))
                          : eval_filter(e, kind, item, &none);
        json_array_append(list, out ? out : json_null());
    }
    return list;
}

static json_t *reversed(evaluation *e, json_t *v)
{
    json_t *from = to_list(e, v), *list = eval_keep(e, json_array());

    for (size_t i = json_array_size(from); list && i-- > 0;)
        json_array_append(list, json_array_get(from, i));
    return json_is_string(v) ? join(e, list, NULL) : list;
}

static json_t *to_int(evaluation *e, const json_t *v, const call_args *a)
{
    json_t *absent = eval_argument(a, 0, "default");
    char *end;
    long long i;

    if (json_is_number(v))
        return eval_keep(e, json_integer((json_int_t)json_number_value(v)));
    if (json_is_string(v)) {
        i = strtoll(json_string_value(v), &end, 10);
        if (end != json_string_value(v) && !*end)
            return eval_keep(e, json_integer(i));
    }
    return absent ? absent : eval_keep(e, json_integer(0));
}

/* ---- the tables' meaning ---- */

static json_t *text_filter(evaluation *e, int kind, json_t *v, const call_args *a)
{
    if (!json_is_string(v)) {
        /* Text filters print what they are given first. */
        bytes text;
        bytes_init(&text, CHAT_TEMPLATE_MAX_OUTPUT);
        if (value_print(v, &text))
            return eval_fail(e, CAIRN_ELIMIT, "a text became too long");
        v = eval_take(e, &text);
        if (!v)
            return NULL;
    }
    switch (kind) {
    case FILTER_TRIM:
        return strip(e, v, eval_argument(a, 0, "chars"), true, true);
    case FILTER_UPPER:
        return change_case(e, v, LETTERS_UPPER);
    case FILTER_LOWER:
        return change_case(e, v, LETTERS_LOWER);
    case FILTER_CAPITALIZE:
        return change_case(e, v, LETTERS_CAPITALIZE);
    case FILTER_REPLACE:
        return replace_all(e, v, eval_argument(a, 0, "old"), eval_argument(a, 1, "new"));
    case FILTER_INDENT:
        return indent_lines(e, v, a);
    default:
        return v; /* string, safe */
    }
}

json_t *eval_filter(evaluation *e, int filter, json_t *v, const call_args *a)
{
    json_t *list, *absent;

    switch (filters[filter].kind) {
    case FILTER_TOJSON:
        return dump(e, v, eval_argument(a, 16, "indent") ? eval_argument(a, 16, "indent")
                                                         : eval_argument(a, 0, NULL));
    case FILTER_LENGTH:
        return length(e, v);
    case FILTER_DEFAULT:
        absent = eval_argument(a, 0, "default_value");
        if (!v || (value_is_true(eval_argument(a, 1, "boolean")) && !value_is_true(v)))
            return absent ? absent : eval_string(e, "", 0);
        return v;
    case FILTER_JOIN:
        list = to_list(e, v);
        return e->st ? NULL : join(e, list, eval_argument(a, 0, "d"));
    case FILTER_FIRST:
        list = to_list(e, v);
        return json_array_get(list, 0);
    case FILTER_LAST:
        list = to_list(e, v);
        return json_array_size(list) ? json_array_get(list, json_array_size(list) - 1) : NULL;
    case FILTER_INT:
        return to_int(e, v, a);
    case FILTER_LIST:
        return to_list(e, v);
    case FILTER_ITEMS:
        return dict_list(e, v, DICT_ITEMS);
    case FILTER_SELECTATTR:
        return select_by(e, v, a, true);
    case FILTER_REJECTATTR:
        return select_by(e, v, a, false);
    case FILTER_MAP:
        return map_attribute(e, v, a);
    case FILTER_REVERSE:
        return reversed(e, v);
    default:
        return text_filter(e, filters[filter].kind, v, a);
    }
}

bool eval_test(evaluation *e, int test, json_t *v, const call_args *a)
{
    json_t *other = eval_argument(a, 0, NULL);
    size_t i;
    json_t *item;

    switch (test) {
    case TEST_DEFINED:
        return v != NULL;
    case TEST_UNDEFINED:
        return v == NULL;
    case TEST_NONE:
        return json_is_null(v);
    case TEST_STRING:
        return json_is_string(v);
    case TEST_MAPPING:
        return json_is_object(v);
    case TEST_NUMBER:
        return json_is_number(v) || json_is_boolean(v);
    case TEST_INTEGER:
        return json_is_integer(v);
    case TEST_FLOAT:
        return json_is_real(v);
    case TEST_BOOLEAN:
        return json_is_boolean(v);
    case TEST_ITERABLE:
    case TEST_SEQUENCE:
        return json_is_array(v) || json_is_string(v) || json_is_object(v);
    case TEST_TRUE:
        return json_is_true(v);
    case TEST_FALSE:
        return json_is_false(v);
    case TEST_EQUALTO:
    case TEST_EQ:
    case TEST_EQUALS:
        return value_equal(v, other);
    case TEST_NE:
        return !value_equal(v, other);
    case TEST_IN:
        json_array_foreach(other, i, item)
            if (value_equal(item, v))
                return true;
        return false;
    case TEST_ODD:
    case TEST_EVEN:
        if (!json_is_integer(v)) {
            eval_fail(e, CAIRN_EINPUT, "odd and even take whole numbers");
            return false;
        }
        return (json_integer_value(v) % 2 != 0) == (test == TEST_ODD);
    default:
        return false;
    }
}

static json_t *string_method(evaluation *e, json_t *of, const char *name, const call_args *a)
{
    json_t *x = eval_argument(a, 0, NULL), *y = eval_argument(a, 1, NULL);

    if (!strcmp(name, "strip"))
        return strip(e, of, x, true, true);
    if (!strcmp(name, "lstrip"))
        return strip(e, of, x, true, false);
    if (!strcmp(name, "rstrip"))
        return strip(e, of, x, false, true);
    if (!strcmp(name, "upper"))
        return change_case(e, of, LETTERS_UPPER);
    if (!strcmp(name, "lower"))
        return change_case(e, of, LETTERS_LOWER);
    if (!strcmp(name, "capitalize"))
        return change_case(e, of, LETTERS_CAPITALIZE);
    if (!strcmp(name, "title"))
        return change_case(e, of, LETTERS_TITLE);
    if (!strcmp(name, "startswith"))
        return json_boolean(has_affix(of, x, true));
    if (!strcmp(name, "endswith"))
        return json_boolean(has_affix(of, x, false));
    if (!strcmp(name, "split"))
        return split(e, of, x, y ? y : eval_argument(a, 16, "maxsplit"));
    if (!strcmp(name, "replace"))
        return replace_all(e, of, x, y);
    if (!strcmp(name, "join"))
        return join(e, x, of);
    return eval_fail(e, CAIRN_EMODEL, "unknown method \"%s\" of a string", name);
}

json_t *eval_method(evaluation *e, json_t *of, const char *name, const call_args *a)
{
    json_t *x = eval_argument(a, 0, NULL), *hit;

    if (json_is_string(of))
        return string_method(e, of, name, a);
    if (json_is_object(of)) {
        if (!strcmp(name, "items"))
            return dict_list(e, of, DICT_ITEMS);
        if (!strcmp(name, "keys"))
            return dict_list(e, of, DICT_KEYS);
        if (!strcmp(name, "values"))
            return dict_list(e, of, DICT_VALUES);
        if (!strcmp(name, "get") && json_is_string(x)) {
            hit = json_object_getn(of, json_string_value(x), json_string_length(x));
            x = eval_argument(a, 1, NULL);
            return hit ? hit : x ? x : json_null();
        }
    }
    if (json_is_array(of) && !strcmp(name, "append") && x && x != of) {
        if (json_array_append(of, x))
            return eval_fail(e, CAIRN_ENOMEM, "memory ran out");
        return json_null();
    }
    return eval_fail(e, CAIRN_EMODEL, "unknown method \"%s\" of %s", name, value_type_name(of));
}
