/* tool_messages.c - see tool_messages.h. */
#include "engine/tool_messages.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/prompts.h"

#define TEXT_MOST ((size_t)64 << 20)

/* The prompt with {tools} replaced by the functions, a line each. */
static cairn_status tool_text(const json_t *tools, bytes *out, cairn_error *err)
{
    char *prompt = NULL, *place;
    cairn_status st = prompt_load("tools.v1", NULL, &prompt, err);

    place = st ? NULL : strstr(prompt, "{tools}");
    if (!st && !place)
        st = cairn_fail(err, CAIRN_EUSAGE, "the prompt tools.v1 has no place for {tools}");
    if (!st)
        st = bytes_append(out, prompt, (size_t)(place - prompt));
    for (size_t i = 0; !st && i < json_array_size(tools); i++) {
        char *one = json_dumps(json_object_get(json_array_get(tools, i), "function"), JSON_COMPACT);
        st = one ? bytes_printf(out, "%s%s", i ? "\n" : "", one) : CAIRN_ENOMEM;
        free(one);
    }
    if (!st)
        st = bytes_append_str(out, place + strlen("{tools}"));
    free(prompt);
    return st;
}

/* A message's content as text: a string, the texts of a list of parts, or nothing. */
static cairn_status put_content(const json_t *m, bytes *out)
{
    const json_t *content = json_object_get(m, "content");
    cairn_status st = CAIRN_OK;

    if (json_is_string(content))
        return bytes_append(out, json_string_value(content), json_string_length(content));
    for (size_t i = 0; !st && i < json_array_size(content); i++) {
        const json_t *text = json_object_get(json_array_get(content, i), "text");
        if (json_is_string(text))
            st = bytes_append(out, json_string_value(text), json_string_length(text));
    }
    return st;
}

/* The arguments of a call as a JSON value: the interface has them as text. */
static json_t *arguments_of(const json_t *call)
{
    json_t *given = json_object_get(json_object_get(call, "function"), "arguments"), *parsed = NULL;

    if (json_is_string(given))
        parsed = json_loadb(json_string_value(given), json_string_length(given), JSON_DECODE_ANY, NULL);
    return parsed ? parsed : json_incref(given);
}

/* A call as its text. */
static cairn_status put_call(const json_t *call, bytes *out)
{
    const char *name = json_string_value(json_object_get(json_object_get(call, "function"), "name"));
    json_t *arguments = arguments_of(call);
    char *text = json_dumps(arguments, JSON_ENCODE_ANY | JSON_COMPACT);
    cairn_status st = CAIRN_ENOMEM;

    if (text && name)
        st = bytes_printf(out, "%s<tool_call>\n{\"name\": \"%s\", \"arguments\": %s}\n</tool_call>",
                          out->len ? "\n" : "", name, text);
    free(text);
    json_decref(arguments);
    return st;
}

static json_t *made_message(const char *role, const bytes *content)
{
    return json_pack("{s:s,s:o}", "role", role, "content",
                     json_stringn(content->data ? content->data : "", content->len));
}

/* For a template that knows tools. */
static json_t *with_calls(const char *role, const bytes *content, const json_t *m)
{
    json_t *made = made_message(role, content), *calls = json_array();
    const json_t *given = json_object_get(m, "tool_calls");
    static const char *const kept[] = {"tool_call_id", "name"};

    for (size_t i = 0; i < json_array_size(given); i++) {
        const json_t *call = json_array_get(given, i);
        json_array_append_new(
            calls, json_pack("{s:s,s:O*,s:{s:O,s:o}}", "type", "function", "id",
                             json_object_get(call, "id"), "function", "name",
                             json_object_get(json_object_get(call, "function"), "name"), "arguments",
                             arguments_of(call)));
    }
    if (json_array_size(calls))
        json_object_set(made, "tool_calls", calls);
    json_decref(calls);
    for (size_t i = 0; i < 2; i++)
        if (json_object_get(m, kept[i]))
            json_object_set(made, kept[i], json_object_get(m, kept[i]));
    return made;
}

/* For one that does not. */
static cairn_status as_text(const char *role, bytes *content, const json_t *m, json_t **out)
{
    const json_t *calls = json_object_get(m, "tool_calls");
    bool result = !strcmp(role, "tool");
    bytes text;
    cairn_status st = CAIRN_OK;

    bytes_init(&text, TEXT_MOST);
    if (result)
        st = bytes_append_str(&text, "<tool_response>\n");
    if (!st && content->len)
        st = bytes_append(&text, content->data, content->len);
    for (size_t i = 0; !st && i < json_array_size(calls); i++)
        st = put_call(json_array_get(calls, i), &text);
    if (!st && result)
        st = bytes_append_str(&text, "\n</tool_response>");
    *out = st ? NULL : made_message(result ? "user" : role, &text);
    bytes_clear(&text);
    return st;
}

static cairn_status check_calls(const json_t *m, size_t i, cairn_error *err)
{
    const json_t *calls = json_object_get(m, "tool_calls");

    if (calls && !json_is_null(calls) && !json_is_array(calls))
        return cairn_fail(err, CAIRN_EUSAGE, "the \"tool_calls\" of message %zu are no list", i);
    for (size_t j = 0; j < json_array_size(calls); j++) {
        const json_t *f = json_object_get(json_array_get(calls, j), "function");
        if (!json_is_string(json_object_get(f, "name")) || !json_object_get(f, "arguments"))
            return cairn_fail(err, CAIRN_EUSAGE,
                              "call %zu of message %zu needs a \"function\" with \"name\" and "
                              "\"arguments\"", j, i);
    }
    return CAIRN_OK;
}

static cairn_status add_message(const json_t *m, size_t i, bool knows, json_t *list, cairn_error *err)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool"};
    const char *role = json_string_value(json_object_get(m, "role")), *known = NULL;
    json_t *made = NULL;
    bytes content;
    cairn_status st;

    if (role && !strcmp(role, "developer"))
        role = "system";
    for (size_t j = 0; role && j < 4; j++)
        if (!strcmp(role, roles[j]))
            known = roles[j];
    if (!known)
        return cairn_fail(err, CAIRN_EUSAGE, "the role of message %zu is none of system, user, assistant "
                                             "and tool", i);
    st = check_calls(m, i, err);
    if (st)
        return st;
    bytes_init(&content, TEXT_MOST);
    st = put_content(m, &content);
    if (!st && knows)
        made = with_calls(known, &content, m);
    else if (!st)
        st = as_text(known, &content, m, &made);
    bytes_clear(&content);
    if (!st && (!made || json_array_append_new(list, made)))
        st = CAIRN_ENOMEM;
    return st ? cairn_fail(err, st, "message %zu", i) : CAIRN_OK;
}

/* The tools into the system message in front, which is made where there is none. */
static cairn_status add_tools(json_t *list, const json_t *tools, cairn_error *err)
{
    json_t *first = json_array_get(list, 0), *made;
    const char *role = json_string_value(json_object_get(first, "role"));
    bool has_system = role && !strcmp(role, "system");
    bytes text;
    cairn_status st = CAIRN_OK;

    bytes_init(&text, TEXT_MOST);
    if (has_system)
        st = put_content(first, &text);
    if (!st && text.len)
        st = bytes_append_str(&text, "\n\n");
    if (!st)
        st = tool_text(tools, &text, err);
    made = st ? NULL : made_message("system", &text);
    bytes_clear(&text);
    if (!st && (!made || (has_system ? json_array_set_new(list, 0, made)
                                     : json_array_insert_new(list, 0, made))))
        st = CAIRN_ENOMEM;
    return st ? cairn_fail(err, st, "tools") : CAIRN_OK;
}

cairn_status tool_messages(const json_t *messages, const json_t *tools, bool template_knows,
                           json_t **out, cairn_error *err)
{
    json_t *list = json_array();
    cairn_status st = list ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "messages");

    *out = NULL;
    if (!st && !json_array_size(messages))
        st = cairn_fail(err, CAIRN_EUSAGE, "there are no messages");
    for (size_t i = 0; !st && i < json_array_size(messages); i++)
        st = add_message(json_array_get(messages, i), i, template_knows, list, err);
    if (!st && tools && !template_knows)
        st = add_tools(list, tools, err);
    if (st)
        json_decref(list);
    else
        *out = list;
    return st;
}
