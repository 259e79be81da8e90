/* json_schema.c - see json_schema.h. Each schema becomes a rule s0, s1, ...; a reference names the rule of
 * the definition it points to, which is written once. */
#include "generate/grammar/json_schema.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RULES 4096
#define MAX_DEPTH 100
#define MAX_COUNT 1000

typedef struct builder {
    const json_t *whole;
    bytes *out;
    size_t n_rules;
    struct {
        const json_t *schema;
        size_t rule;
    } refs[256];
    size_t n_refs;
    cairn_error *err;
} builder;

static const char common[] =
    "ws ::= (\" \" | \"\\n\" [ ]{0,20})?\n"
    "string ::= \"\\\"\" char* \"\\\"\"\n"
    "char ::= [^\"\\\\\\x00-\\x1f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" [0-9a-fA-F]{4})\n"
    "integer ::= \"-\"? (\"0\" | [1-9] [0-9]{0,15})\n"
    "number ::= integer (\".\" [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?\n"
    "boolean ::= \"true\" | \"false\"\n"
    "null ::= \"null\"\n"
    "any ::= string | number | boolean | null | anyobject | anyarray\n"
    "anyobject ::= \"{\" ws (string ws \":\" ws any (ws \",\" ws string ws \":\" ws any)*)? ws \"}\"\n"
    "anyarray ::= \"[\" ws (any (ws \",\" ws any)*)? ws \"]\"\n";

static cairn_status schema_rule(builder *b, const json_t *s, int depth, size_t *rule);

static cairn_status no_memory(builder *b, cairn_status st)
{
    return st ? cairn_fail(b->err, st, "grammar of a JSON schema") : CAIRN_OK;
}

/* `text` as a literal of the grammar. */
static cairn_status put_literal(bytes *to, const char *text, size_t len)
{
    cairn_status st = bytes_append_byte(to, '"');

    for (size_t i = 0; !st && i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            st = bytes_printf(to, "\\%c", c);
        else if (c < 0x20)
            st = bytes_printf(to, "\\x%02x", c);
        else
            st = bytes_append_byte(to, c);
    }
    return st ? st : bytes_append_byte(to, '"');
}

/* A JSON value as a literal. */
static cairn_status put_value(builder *b, bytes *to, const json_t *v)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    cairn_status st = text ? put_literal(to, text, strlen(text)) : CAIRN_ENOMEM;

    free(text);
    return no_memory(b, st);
}

static cairn_status read_count(builder *b, const json_t *s, const char *key, size_t absent,
                               size_t *out)
{
    const json_t *v = json_object_get(s, key);

    *out = absent;
    if (!v)
        return CAIRN_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > MAX_COUNT)
        return cairn_fail(b->err, CAIRN_EUNSUPPORTED, "JSON schema: %s is from 0 to %d here", key,
                          MAX_COUNT);
    *out = (size_t)json_integer_value(v);
    return CAIRN_OK;
}

bool json_schema_knows(const char *keyword)
{
    static const char *const known[] = {
        "type",        "properties", "required",    "additionalProperties", "items",
        "prefixItems", "minItems",   "maxItems",    "minLength",            "maxLength",
        "enum",        "const",      "anyOf",       "oneOf",                "$ref",
        "$defs",       "definitions", "title",      "description",          "default",
        "examples",    "$schema",    "$id",         "$comment",             "deprecated",
        "readOnly",    "writeOnly",  NULL};
    size_t i = 0;

    while (known[i] && strcmp(known[i], keyword))
        i++;
    return known[i] != NULL;
}

static cairn_status check_keys(builder *b, const json_t *s)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)s, key, v)
    {
        if (!json_schema_knows(key))
            return cairn_fail(b->err, CAIRN_EUNSUPPORTED,
                              "JSON schema: the keyword \"%s\" is not supported", key);
    }
    return CAIRN_OK;
}

/* Alternatives a | b | ... of value literals. */
static cairn_status put_enum(builder *b, bytes *to, const json_t *values)
{
    cairn_status st = json_array_size(values)
                          ? CAIRN_OK
                          : cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: an empty enum");

    for (size_t i = 0; !st && i < json_array_size(values); i++) {
        st = no_memory(b, bytes_append_str(to, i ? " | " : ""));
        if (!st)
            st = put_value(b, to, json_array_get(values, i));
    }
    return st;
}

static cairn_status put_any_of(builder *b, bytes *to, const json_t *list, int depth)
{
    cairn_status st = json_array_size(list)
                          ? CAIRN_OK
                          : cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: an empty anyOf");

    for (size_t i = 0; !st && i < json_array_size(list); i++) {
        size_t r;
        st = schema_rule(b, json_array_get(list, i), depth + 1, &r);
        if (!st)
            st = no_memory(b, bytes_printf(to, "%ss%zu", i ? " | " : "", r));
    }
    return st;
}

static cairn_status put_string(builder *b, bytes *to, const json_t *s)
{
    size_t least = 0, most = SIZE_MAX;
    cairn_status st = read_count(b, s, "minLength", 0, &least);

    if (!st)
        st = read_count(b, s, "maxLength", SIZE_MAX, &most);
    if (st)
        return st;
    if (most < least)
        return cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: maxLength below minLength");
    if (!least && most == SIZE_MAX)
        return no_memory(b, bytes_append_str(to, "string"));
    if (most == SIZE_MAX)
        return no_memory(b, bytes_printf(to, "\"\\\"\" char{%zu,} \"\\\"\"", least));
    return no_memory(b, bytes_printf(to, "\"\\\"\" char{%zu,%zu} \"\\\"\"", least, most));
}

static cairn_status put_array(builder *b, bytes *to, const json_t *s, int depth)
{
    const json_t *first = json_object_get(s, "prefixItems"), *items = json_object_get(s, "items");
    size_t least = 0, most = SIZE_MAX, n = json_array_size(first), r = 0;
    bool more = !items || !json_is_false(items);
    cairn_status st = read_count(b, s, "minItems", 0, &least);

    if (!st)
        st = read_count(b, s, "maxItems", SIZE_MAX, &most);
    if (!st && (most < least || (n && (most < n || least > n))))
        st = cairn_fail(b->err, CAIRN_EUNSUPPORTED,
                        "JSON schema: minItems and maxItems do not fit, or meet prefixItems");
    if (!st)
        st = no_memory(b, bytes_append_str(to, "\"[\" ws "));
    for (size_t i = 0; !st && i < n; i++) {
        st = schema_rule(b, json_array_get(first, i), depth + 1, &r);
        if (!st)
            st = no_memory(b, bytes_printf(to, "%ss%zu ", i ? "ws \",\" ws " : "", r));
    }
    if (!st && n) /* a tuple: just those */
        return no_memory(b, bytes_append_str(to, "ws \"]\""));
    if (!st && !more)
        return least ? cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: items is false")
                     : no_memory(b, bytes_append_str(to, "\"]\""));
    if (!st && items)
        st = schema_rule(b, items, depth + 1, &r);
    if (st)
        return st;
    char item[32], range[48];
    snprintf(item, sizeof item, items ? "s%zu" : "any", r);
    if (!most)
        return no_memory(b, bytes_append_str(to, "\"]\""));
    if (most == SIZE_MAX)
        snprintf(range, sizeof range, "{%zu,}", least ? least - 1 : 0);
    else
        snprintf(range, sizeof range, "{%zu,%zu}", least ? least - 1 : 0, most - 1);
    return no_memory(b, bytes_printf(to, "(%s (ws \",\" ws %s)%s)%s ws \"]\"", item, item, range,
                                     least ? "" : "?"));
}

static bool is_required(const json_t *s, const char *key)
{
    const json_t *list = json_object_get(s, "required");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name && !strcmp(name, key))
            return true;
    }
    return false;
}

/* "key" : value, as a rule of its own. */
static cairn_status member_rule(builder *b, const char *key, const json_t *s, int depth, size_t *out)
{
    bytes line;
    size_t value;
    json_t *name = json_string(key);
    cairn_status st = schema_rule(b, s, depth + 1, &value);

    bytes_init(&line, (size_t)1 << 20);
    *out = b->n_rules++;
    if (!st)
        st = no_memory(b, bytes_printf(&line, "s%zu ::= ", *out));
    if (!st)
        st = name ? put_value(b, &line, name) : cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: a key "
                                                           "that is not UTF-8");
    if (!st)
        st = no_memory(b, bytes_printf(&line, " ws \":\" ws s%zu\n", value));
    if (!st)
        st = no_memory(b, bytes_append(b->out, line.data, line.len));
    bytes_clear(&line);
    json_decref(name);
    return st;
}

/* Members in order. f<i> is what may follow once a member was written: from the last one on
 * backwards, f<i> ::= ("," member<i> f<i+1>) | f<i+1>, without the second way where it is required;
 * n<i> the same while none was written. */
static cairn_status put_object(builder *b, bytes *to, const json_t *s, int depth)
{
    const json_t *properties = json_object_get(s, "properties");
    const json_t *other = json_object_get(s, "additionalProperties");
    size_t members[512], n = 0, after, none, r;
    bool required[512], others = other && !json_is_false(other);
    const char *key;
    json_t *v;
    cairn_status st = CAIRN_OK;

    json_object_foreach((json_t *)properties, key, v)
    {
        if (n == sizeof members / sizeof *members)
            return cairn_fail(b->err, CAIRN_ELIMIT, "JSON schema: more than 512 properties");
        required[n] = is_required(s, key);
        st = member_rule(b, key, v, depth, &members[n++]);
        if (st)
            return st;
    }
    for (size_t i = 0; i < json_array_size(json_object_get(s, "required")); i++) {
        key = json_string_value(json_array_get(json_object_get(s, "required"), i));
        if (!key || !json_object_get(properties, key))
            return cairn_fail(b->err, CAIRN_EUNSUPPORTED,
                              "JSON schema: the required \"%s\" is no property", key ? key : "?");
    }
    after = b->n_rules++;
    none = b->n_rules++;
    if (others) {
        r = 0;
        if (json_is_object(other))
            st = schema_rule(b, other, depth + 1, &r);
        char value[32];
        snprintf(value, sizeof value, json_is_object(other) ? "s%zu" : "any", r);
        if (!st)
            st = no_memory(b, bytes_printf(b->out,
                                           "s%zu ::= (ws \",\" ws string ws \":\" ws %s)*\n"
                                           "s%zu ::= (string ws \":\" ws %s s%zu)?\n",
                                           after, value, none, value, after));
    } else {
        st = no_memory(b, bytes_printf(b->out, "s%zu ::= \"\"\ns%zu ::= \"\"\n", after, none));
    }
    for (size_t i = n; !st && i-- > 0;) {
        size_t next_after = b->n_rules++, next_none = b->n_rules++;
        st = no_memory(b, bytes_printf(b->out, "s%zu ::= ws \",\" ws s%zu s%zu", next_after,
                                       members[i], after));
        if (!st && !required[i])
            st = no_memory(b, bytes_printf(b->out, " | s%zu", after));
        if (!st)
            st = no_memory(b, bytes_printf(b->out, "\ns%zu ::= s%zu s%zu", next_none, members[i],
                                           after));
        if (!st && !required[i])
            st = no_memory(b, bytes_printf(b->out, " | s%zu", none));
        if (!st)
            st = no_memory(b, bytes_append_byte(b->out, '\n'));
        after = next_after;
        none = next_none;
    }
    return st ? st : no_memory(b, bytes_printf(to, "\"{\" ws s%zu ws \"}\"", none));
}

static cairn_status put_type(builder *b, bytes *to, const json_t *s, const char *type, int depth)
{
    static const char *const simple[] = {"integer", "number", "boolean", "null"};

    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
        if (!strcmp(type, simple[i]))
            return no_memory(b, bytes_append_str(to, type));
    if (!strcmp(type, "string"))
        return put_string(b, to, s);
    if (!strcmp(type, "array"))
        return put_array(b, to, s, depth);
    if (!strcmp(type, "object"))
        return json_object_get(s, "properties") || json_object_get(s, "additionalProperties") ||
                       json_object_get(s, "required")
                   ? put_object(b, to, s, depth)
                   : no_memory(b, bytes_append_str(to, "anyobject"));
    return cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: there is no type \"%s\"", type);
}

/* The rule of what a reference points to; written when first met, and known before, so that a schema
 * may hold itself. */
static cairn_status follow(builder *b, const char *ref, int depth, size_t *rule)
{
    const json_t *at = b->whole;
    const char *name = NULL;

    if (!strncmp(ref, "#/$defs/", 8)) {
        at = json_object_get(b->whole, "$defs");
        name = ref + 8;
    } else if (!strncmp(ref, "#/definitions/", 14)) {
        at = json_object_get(b->whole, "definitions");
        name = ref + 14;
    } else if (strcmp(ref, "#")) {
        return cairn_fail(b->err, CAIRN_EUNSUPPORTED, "JSON schema: $ref \"%s\" is not supported",
                          ref);
    }
    if (name)
        at = json_object_get(at, name);
    if (!at)
        return cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: there is no %s", ref);
    for (size_t i = 0; i < b->n_refs; i++)
        if (b->refs[i].schema == at) {
            *rule = b->refs[i].rule;
            return CAIRN_OK;
        }
    return schema_rule(b, at, depth + 1, rule);
}

/* The right side of a schema's rule. */
static cairn_status put_schema(builder *b, bytes *to, const json_t *s, int depth)
{
    const json_t *type = json_object_get(s, "type"), *v;
    cairn_status st = check_keys(b, s);
    size_t r;

    if (st)
        return st;
    if ((v = json_object_get(s, "$ref"))) {
        st = json_is_string(v) ? follow(b, json_string_value(v), depth, &r)
                               : cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: $ref is no text");
        return st ? st : no_memory(b, bytes_printf(to, "s%zu", r));
    }
    if ((v = json_object_get(s, "const")))
        return put_value(b, to, v);
    if ((v = json_object_get(s, "enum")))
        return put_enum(b, to, v);
    if ((v = json_object_get(s, "anyOf")) || (v = json_object_get(s, "oneOf")))
        return put_any_of(b, to, v, depth);
    if (json_is_string(type))
        return put_type(b, to, s, json_string_value(type), depth);
    for (size_t i = 0; !st && i < json_array_size(type); i++) {
        const char *name = json_string_value(json_array_get(type, i));
        st = no_memory(b, bytes_append_str(to, i ? " | " : ""));
        if (!st)
            st = put_type(b, to, s, name ? name : "?", depth);
    }
    if (json_array_size(type) || st)
        return st;
    if (json_object_get(s, "properties"))
        return put_object(b, to, s, depth);
    if (json_object_get(s, "items") || json_object_get(s, "prefixItems"))
        return put_array(b, to, s, depth);
    return no_memory(b, bytes_append_str(to, "any"));
}

static cairn_status schema_rule(builder *b, const json_t *s, int depth, size_t *rule)
{
    bytes line;
    cairn_status st;

    if (json_is_boolean(s) && json_is_false(s))
        return cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: false allows nothing");
    if (!json_is_object(s) && !json_is_true(s))
        return cairn_fail(b->err, CAIRN_EINPUT, "JSON schema: a schema is an object");
    if (depth > MAX_DEPTH || b->n_rules > MAX_RULES)
        return cairn_fail(b->err, CAIRN_ELIMIT, "JSON schema: too deep or too large");
    *rule = b->n_rules++;
    if (json_is_object(s) && b->n_refs < sizeof b->refs / sizeof *b->refs) {
        b->refs[b->n_refs].schema = s;
        b->refs[b->n_refs++].rule = *rule;
    }
    bytes_init(&line, (size_t)4 << 20);
    st = no_memory(b, bytes_printf(&line, "s%zu ::= ", *rule));
    if (!st)
        st = json_is_true(s) ? no_memory(b, bytes_append_str(&line, "any"))
                             : put_schema(b, &line, s, depth);
    if (!st)
        st = no_memory(b, bytes_append_byte(&line, '\n'));
    if (!st)
        st = no_memory(b, bytes_append(b->out, line.data, line.len));
    bytes_clear(&line);
    return st;
}

cairn_status json_schema_rules(const json_t *const *schemas, size_t n, size_t *rules, bytes *out,
                               cairn_error *err)
{
    builder b = {.out = out, .err = err};
    cairn_status st = no_memory(&b, bytes_append_str(out, common));

    for (size_t i = 0; !st && i < n; i++) {
        b.whole = schemas[i];
        st = schema_rule(&b, schemas[i], 0, &rules[i]);
    }
    return st;
}

cairn_status json_schema_grammar(const json_t *schema, bytes *out, cairn_error *err)
{
    size_t root = 0;
    cairn_status st = json_schema_rules(&schema, 1, &root, out, err);

    if (!st && (st = bytes_printf(out, "root ::= s%zu\n", root)))
        cairn_fail(err, st, "grammar of a JSON schema");
    return st;
}
