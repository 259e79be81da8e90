/* ask_prompt.c - the prompt file (sections that begin with "=== name") and the messages made of it. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/ask.h"
#include "engine/prompts.h"

#define HISTORY_TURNS 6
#define HISTORY_BYTES 1500 /* of one turn */

/* The text of a section without the line break that ends it; NULL when it is missing. */
static char *section(const char *file, const char *name, arena *memory)
{
    size_t name_len = strlen(name);

    for (const char *p = file; p && *p;) {
        const char *line_end = strchr(p, '\n'), *body, *end;
        if (strncmp(p, "=== ", 4) || strncmp(p + 4, name, name_len) ||
            (p[4 + name_len] != '\n' && p[4 + name_len] != '\0')) {
            p = line_end ? line_end + 1 : NULL;
            continue;
        }
        body = line_end ? line_end + 1 : p + strlen(p);
        end = !strncmp(body, "=== ", 4) ? body : strstr(body, "\n=== ");
        if (!end) {
            end = body + strlen(body);
            if (end > body && end[-1] == '\n')
                end--;
        }
        return arena_strndup(memory, body, (size_t)(end - body));
    }
    return NULL;
}

cairn_status ask_load_prompt(asking *a, cairn_error *err)
{
    static const char *const names[] = {"system", "passage-open", "passage-close",
                                        "user",   "refusal",      "refusal-marker"};
    prompt_parts *p = &a->prompt;
    const char **parts[] = {&p->system, &p->open, &p->close, &p->user, &p->refusal, &p->marker};
    const settings *s = &a->c->settings;
    char *file;
    cairn_status st = prompt_load(s->prompt, s->prompt_dir, &file, err);

    for (size_t i = 0; !st && i < sizeof names / sizeof *names; i++) {
        *parts[i] = section(file, names[i], &a->memory);
        if (!*parts[i])
            st = cairn_fail(err, CAIRN_EUSAGE, "the prompt %s has no section \"%s\"", s->prompt,
                            names[i]);
    }
    free(file);
    return st;
}

/* `text` with {passages} and {question} filled in. */
static cairn_status fill_in(asking *a, const char *text, bytes *out)
{
    cairn_status st = CAIRN_OK;

    while (!st && *text) {
        size_t plain = strcspn(text, "{");
        st = bytes_append(out, text, plain);
        text += plain;
        if (st || !*text)
            break;
        if (!strncmp(text, "{passages}", 10)) {
            st = bytes_append(out, a->context.text, a->context.len);
            text += 10;
        } else if (!strncmp(text, "{question}", 10)) {
            st = bytes_append_str(out, a->request->question);
            text += 10;
        } else {
            st = bytes_append_byte(out, (uint8_t)*text++);
        }
    }
    return st;
}

static void append_message(json_t *list, const char *role, const char *text, size_t len)
{
    json_array_append_new(list, json_pack("{s:s,s:o}", "role", role, "content",
                                          json_stringn(text, len)));
}

cairn_status ask_messages(asking *a, json_t **out, cairn_error *err)
{
    const cairn_ask_request *q = a->request;
    size_t first = q->n_history > HISTORY_TURNS ? q->n_history - HISTORY_TURNS : 0;
    json_t *list = json_array();
    bytes user;
    cairn_status st;

    bytes_init(&user, (size_t)64 << 20);
    st = fill_in(a, a->prompt.user, &user);
    append_message(list, "system", a->prompt.system, strlen(a->prompt.system));
    for (size_t i = first; i < q->n_history; i++) {
        size_t len = strlen(q->history[i].content);
        if (len > HISTORY_BYTES)
            len = utf8_floor(q->history[i].content, HISTORY_BYTES);
        append_message(list, q->history[i].role, q->history[i].content, len);
    }
    if (!st)
        append_message(list, "user", user.data ? user.data : "", user.len);
    bytes_clear(&user);
    if (st || json_array_size(list) != q->n_history - first + 2) {
        json_decref(list);
        return cairn_fail(err, st ? st : CAIRN_EUSAGE,
                          "the question or its history is not valid UTF-8 or too long");
    }
    *out = list;
    return CAIRN_OK;
}
