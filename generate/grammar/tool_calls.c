/* tool_calls.c - see tool_calls.h.
 *
 * Text that is no call must not hold the opening mark, or the reader and the model would disagree on where a
 * call begins. The rule for it follows the mark's letters: it has one '<', in front, so a text without it
 * is pieces of
 *
 *   any character but '<', or "<" + the first letters of the mark + a character that does not go on with it
 *
 * where any number of broken-off beginnings ("<", "<to") may stand before a '<'. */
#include "generate/grammar/tool_calls.h"

#include <string.h>

#include "generate/grammar/json_schema.h"

#define OPEN      "<tool_call>"
#define HEAD      "\n{\"name\": \""
#define ARGUMENTS "\", \"arguments\": "
#define CLOSE     "}\n</tool_call>"
#define DEPTH_MOST 64

/* ---- the grammar ---- */

static bool good_name(const char *name)
{
    size_t n = name ? strlen(name) : 0;

    return n && n < TOOL_NAME_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == n;
}

static json_t *loosened(const json_t *schema, int depth);

/* A keyword's value, with the schemas inside it loosened. */
static json_t *loosened_value(const char *key, json_t *value, int depth)
{
    static const char *const maps[] = {"properties", "$defs", "definitions", NULL};
    static const char *const schemas[] = {"items", "additionalProperties", NULL};
    static const char *const lists[] = {"anyOf", "oneOf", "prefixItems", NULL};
    json_t *made, *v;
    const char *name;
    size_t i;

    for (i = 0; maps[i]; i++)
        if (!strcmp(key, maps[i]) && json_is_object(value)) {
            made = json_object();
            json_object_foreach(value, name, v)
                json_object_set_new_nocheck(made, name, loosened(v, depth + 1));
            return made;
        }
    for (i = 0; schemas[i]; i++)
        if (!strcmp(key, schemas[i]))
            return loosened(value, depth + 1);
    for (i = 0; lists[i]; i++)
        if (!strcmp(key, lists[i]) && json_is_array(value)) {
            size_t j;
            made = json_array();
            json_array_foreach(value, j, v)
                json_array_append_new(made, loosened(v, depth + 1));
            return made;
        }
    return json_incref(value);
}

/* The schema without the keywords that the grammar cannot hold; a new reference. */
static json_t *loosened(const json_t *schema, int depth)
{
    json_t *made, *v;
    const char *key;

    if (!json_is_object(schema) || depth > DEPTH_MOST)
        return json_incref((json_t *)schema);
    made = json_object();
    json_object_foreach((json_t *)schema, key, v)
        if (json_schema_knows(key))
            json_object_set_new_nocheck(made, key, loosened_value(key, v, depth));
    return made;
}

typedef struct tool_list {
    const char *names[TOOLS_MOST];
    json_t *schemas[TOOLS_MOST]; /* owned */
    size_t rules[TOOLS_MOST], n;
} tool_list;

static cairn_status read_tool(const json_t *tool, const char *only, size_t at, tool_list *list,
                              cairn_error *err)
{
    const json_t *f = json_object_get(tool, "function"), *schema = json_object_get(f, "parameters");
    const char *name = json_string_value(json_object_get(f, "name"));
    const char *type;

    if (!good_name(name))
        return cairn_fail(err, CAIRN_EINPUT,
                          "tool %zu needs a \"function\" with a \"name\" of letters, digits, - _ and .,"
                          " at most %d", at, TOOL_NAME_BYTES - 1);
    if (only && strcmp(only, name))
        return CAIRN_OK;
    if (!schema || json_is_null(schema))
        schema = NULL;
    type = json_string_value(json_object_get(schema, "type"));
    if (schema && (!json_is_object(schema) || (type && strcmp(type, "object"))))
        return cairn_fail(err, CAIRN_EINPUT, "the \"parameters\" of %s are no schema of an object", name);
    list->names[list->n] = name;
    if (!schema)
        list->schemas[list->n] = json_object();
    else if (json_is_true(json_object_get(f, "strict")))
        list->schemas[list->n] = json_copy((json_t *)schema);
    else
        list->schemas[list->n] = loosened(schema, 0);
    if (!list->schemas[list->n])
        return cairn_fail(err, CAIRN_ENOMEM, "tools");
    if (!json_object_get(list->schemas[list->n], "$ref"))
        json_object_set_new(list->schemas[list->n], "type", json_string("object"));
    list->n++;
    return CAIRN_OK;
}

static cairn_status read_tools(const tool_rules *rules, tool_list *list, cairn_error *err)
{
    size_t n = json_array_size(rules->tools);
    cairn_status st = CAIRN_OK;

    if (!n || n > TOOLS_MOST)
        return cairn_fail(err, CAIRN_EINPUT, "tools are a list of 1 to %d functions", TOOLS_MOST);
    for (size_t i = 0; !st && i < n; i++)
        st = read_tool(json_array_get(rules->tools, i), rules->only, i, list, err);
    if (!st && !list->n)
        st = cairn_fail(err, CAIRN_EINPUT, "there is no function \"%s\" among the tools", rules->only);
    return st;
}

/* What may follow the first i letters of the mark, when they do not become it. */
static cairn_status put_tail(bytes *out)
{
    size_t n = strlen(OPEN);
    cairn_status st = bytes_append_str(out, "tail ::= ");

    for (size_t i = 1; !st && i < n; i++)
        st = i + 1 < n ? bytes_printf(out, "[^<%c] | \"%c\" (", OPEN[i], OPEN[i])
                       : bytes_printf(out, "[^<%c]", OPEN[i]);
    for (size_t i = 2; !st && i < n; i++)
        st = bytes_append_byte(out, ')');
    if (!st)
        st = bytes_append_str(out, "\nbroken ::= \"<\" ");
    for (size_t i = 1; !st && i + 1 < n; i++)
        st = bytes_printf(out, "(\"%c\" ", OPEN[i]);
    for (size_t i = 1; !st && i + 1 < n; i++)
        st = bytes_append_str(out, ")?");
    return st ? st
              : bytes_append_str(out, "\nsaid ::= ([^<] | broken* \"<\" tail)* broken*\n");
}

static cairn_status put_calls(const tool_rules *rules, const tool_list *list, bytes *out)
{
    cairn_status st = bytes_append_str(out, "call ::= \"" OPEN "\\n{\\\"name\\\": \\\"\" (");

    for (size_t i = 0; !st && i < list->n; i++)
        st = bytes_printf(out, "%s\"%s\\\", \\\"arguments\\\": \" s%zu", i ? " | " : "",
                          list->names[i], list->rules[i]);
    if (!st)
        st = bytes_append_str(out, ") \"}\\n</tool_call>\"\n");
    if (!st)
        st = bytes_append_str(out, rules->single ? "calls ::= call\n"
                                                 : "calls ::= call (\"\\n\" call)*\n");
    if (!st && rules->choice == TOOL_CHOICE_AUTO)
        st = put_tail(out);
    return st ? st
              : bytes_append_str(out, rules->choice == TOOL_CHOICE_AUTO ? "root ::= said calls?\n"
                                                                        : "root ::= calls\n");
}

cairn_status tool_calls_grammar(const tool_rules *rules, bytes *out, cairn_error *err)
{
    tool_list list = {0};
    cairn_status st = read_tools(rules, &list, err);

    if (!st)
        st = json_schema_rules((const json_t *const *)list.schemas, list.n, list.rules, out, err);
    if (!st && (st = put_calls(rules, &list, out)))
        cairn_fail(err, st, "grammar of the tools");
    for (size_t i = 0; i < list.n; i++)
        json_decref(list.schemas[i]);
    return st;
}

/* ---- the reader ---- */

enum { SAYING, IN_HEAD, IN_NAME, BEFORE_ARGUMENTS, IN_ARGUMENTS, IN_CLOSE };

/* One byte of fixed text; the phase after it when it is whole. */
static void step(tool_reader *r, size_t len, int next)
{
    if (++r->at < len)
        return;
    r->at = 0;
    r->phase = next;
}

/* One byte of text; false when the mark does not go on with it. The beginning of a mark is held back. */
static bool said(tool_reader *r, char c)
{
    if (c != OPEN[r->at])
        return false;
    step(r, strlen(OPEN), IN_HEAD);
    return true;
}

/* One byte of the arguments; true when it ends them. */
static bool argument(tool_reader *r, char c)
{
    if (r->in_string) {
        if (r->escaped)
            r->escaped = false;
        else if (c == '\\')
            r->escaped = true;
        else if (c == '"')
            r->in_string = false;
        return false;
    }
    r->in_string = c == '"';
    r->depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    return r->depth <= 0 && (c == '}' || c == ']');
}

static bool tell_text(const tool_reader *r, const tool_sink *to, const char *text, size_t len)
{
    /* Between calls there is nothing but a line break. */
    return !len || r->n_calls || to->text(to->ctx, text, len);
}

static bool tell_arguments(const tool_reader *r, const tool_sink *to, const char *text, size_t len)
{
    return !len || to->call(to->ctx, r->n_calls - 1, NULL, text, len);
}

/* text[*i] and on, up to where a call may begin. */
static bool feed_text(tool_reader *r, const char *text, size_t len, size_t *i, const tool_sink *to)
{
    size_t from = *i;

    while (*i < len && r->phase == SAYING) {
        size_t held = r->at;
        if (said(r, text[*i])) {
            if (r->at == 1 && !tell_text(r, to, text + from, *i - from))
                return false;
            from = ++*i;
            continue;
        }
        r->at = 0;
        if (held && !tell_text(r, to, OPEN, held))
            return false;
        if (held)
            from = *i;
        else
            ++*i;
    }
    return tell_text(r, to, text + from, *i - from);
}

static bool feed_arguments(tool_reader *r, const char *text, size_t len, size_t *i,
                           const tool_sink *to)
{
    size_t from = *i;
    bool over = false;

    while (*i < len && !over)
        over = argument(r, text[(*i)++]);
    if (over)
        r->phase = IN_CLOSE;
    return tell_arguments(r, to, text + from, *i - from);
}

static bool feed_name(tool_reader *r, char c, const tool_sink *to)
{
    if (c != '"') {
        if (r->name_len + 1 < sizeof r->name)
            r->name[r->name_len++] = c;
        return true;
    }
    r->name[r->name_len] = '\0';
    r->name_len = 0;
    r->phase = BEFORE_ARGUMENTS;
    r->at = 1; /* the quotation mark */
    r->depth = 0;
    r->in_string = r->escaped = false;
    return to->call(to->ctx, r->n_calls++, r->name, "", 0);
}

bool tool_reader_feed(tool_reader *r, const char *text, size_t len, const tool_sink *to)
{
    bool go_on = true;

    for (size_t i = 0; go_on && i < len;)
        switch (r->phase) {
        case SAYING:
            go_on = feed_text(r, text, len, &i, to);
            break;
        case IN_HEAD:
            step(r, strlen(HEAD), IN_NAME);
            i++;
            break;
        case IN_NAME:
            go_on = feed_name(r, text[i++], to);
            break;
        case BEFORE_ARGUMENTS:
            step(r, strlen(ARGUMENTS), IN_ARGUMENTS);
            i++;
            break;
        case IN_ARGUMENTS:
            go_on = feed_arguments(r, text, len, &i, to);
            break;
        default:
            step(r, strlen(CLOSE), SAYING);
            i++;
        }
    return go_on;
}

bool tool_reader_finish(tool_reader *r, const tool_sink *to)
{
    size_t held = r->phase == SAYING ? r->at : 0;

    r->at = 0;
    return tell_text(r, to, OPEN, held);
}
