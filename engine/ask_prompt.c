/* ask_prompt.c - the prompt file (sections that begin with "=== name") and the messages made of it. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/ask.h"
#include "engine/prompts.h"

#define TURN_BYTES    1500 /* of one turn, in whatever budget */
#define SUMMARY_BYTES 160  /* of a question or an answer in a summary */

cairn_status ask_load_prompt(asking *a, cairn_error *err)
{
    static const char *const names[] = {"system", "passage-open", "passage-close",
                                        "user",   "refusal",      "refusal-marker"};
    prompt_parts *p = &a->prompt;
    const char **parts[] = {&p->system, &p->open, &p->close, &p->user, &p->refusal, &p->marker};
    const settings *s = &a->c->settings;
    const char *family = a->g && !a->remote ? decoder_model_shape(generator_model(a->g))->arch_name : NULL;
    char *file;
    cairn_status st = prompt_load_for(s->prompt, family, s->prompt_dir, &file, err);

    if (st == CAIRN_ENOTFOUND) /* not that nothing was found */
        st = cairn_fail(err, CAIRN_EUSAGE, "ask.prompt: there is no prompt \"%s\", in ask.prompt_dir or among Cairn's own", s->prompt);
    for (size_t i = 0; !st && i < sizeof names / sizeof *names; i++) {
        *parts[i] = prompt_section(file, names[i], &a->memory);
        if (!*parts[i])
            st = cairn_fail(err, CAIRN_EUSAGE, "the prompt %s%s%s has no section \"%s\"", s->prompt, *s->prompt_dir ? " of ask.prompt_dir " : "",
                            s->prompt_dir, names[i]);
    }
    p->earlier = st ? NULL : prompt_section(file, "earlier", &a->memory);
    p->facts = st ? NULL : prompt_section(file, "facts", &a->memory);
    free(file);
    return st;
}

/* ---- what was said before ---- */

static size_t bounded(const char *text, size_t most)
{
    size_t len = strlen(text);

    return len > most ? utf8_floor(text, most) : len;
}

/* The first of the last turns that fit into the budget; it is one of the user's. */
static size_t first_turn(const asking *a)
{
    const cairn_ask_request *q = a->request;
    size_t left = (size_t)a->c->settings.ask_history_tokens, first = q->n_history;

    if (a->alone)
        return first;
    for (size_t i = q->n_history; i-- > 0;) {
        const char *text = q->history[i].content;
        size_t n = ask_count_tokens(a->g, text, bounded(text, TURN_BYTES));
        if (n > left)
            break;
        left -= n;
        if (!strcmp(q->history[i].role, "user"))
            first = i;
    }
    return first;
}

/* "- question -> answer" of the question at `i`, on one line, both cut; nothing where no question is. */
static cairn_status summary_line(const cairn_ask_request *q, size_t i, size_t end, bytes *out)
{
    const cairn_turn *question = &q->history[i], *answer = i + 1 < end ? question + 1 : NULL;
    const char *both[] = {question->content,
                          answer && strcmp(answer->role, "user") ? answer->content : NULL};
    cairn_status st;

    bytes_reset(out);
    if (strcmp(question->role, "user"))
        return CAIRN_OK;
    st = bytes_append_str(out, "- ");
    for (size_t k = 0; !st && k < 2 && both[k]; k++) {
        size_t len = bounded(both[k], SUMMARY_BYTES);
        if (k)
            st = bytes_append_str(out, " -> ");
        for (size_t j = 0; !st && j < len; j++)
            st = bytes_append_byte(out, strchr("\r\n", both[k][j]) ? ' ' : (uint8_t)both[k][j]);
        if (!st && both[k][len])
            st = bytes_append_str(out, "...");
    }
    return st ? st : bytes_append_byte(out, '\n');
}

/* The turns before `first` in short, oldest first: the last ones that fit into the budget. */
static cairn_status summarise(const asking *a, size_t first, bytes *out)
{
    size_t left = a->alone ? 0 : (size_t)a->c->settings.ask_summary_tokens, begin = first;
    cairn_status st = CAIRN_OK;
    bytes line;

    bytes_init(&line, (size_t)16 << 10);
    for (size_t i = first; !st && i-- > 0;) {
        size_t n;
        st = summary_line(a->request, i, first, &line);
        n = st || !line.len ? 0 : ask_count_tokens(a->g, line.data, line.len);
        if (n > left)
            break;
        left -= n;
        begin = i;
    }
    for (size_t i = begin; !st && i < first; i++) {
        st = summary_line(a->request, i, first, &line);
        if (!st)
            st = bytes_append(out, line.data, line.len);
    }
    bytes_clear(&line);
    return st;
}

static cairn_status list_facts(const asking *a, bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < a->n_facts; i++)
        st = bytes_printf(out, "- %s\n", a->facts[i]);
    return st;
}

/* `text` with {passages}, {question} and {list} filled in. */
static cairn_status fill_in(asking *a, const char *text, const bytes *list, bytes *out)
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
            st = bytes_append_str(out, a->besides ? a->besides : a->asked);
            text += 10;
        } else if (list && !strncmp(text, "{list}", 6)) {
            st = bytes_append(out, list->data, list->len);
            text += 6;
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

/* The section `text` with a list in it, where there is a list. */
static cairn_status put_list(asking *a, const char *text, const bytes *list, bytes *out)
{
    cairn_status st;

    if (!text || !list->len)
        return CAIRN_OK;
    st = fill_in(a, text, list, out);
    return st ? st : bytes_append_byte(out, '\n');
}

static cairn_status user_message(asking *a, size_t first, bytes *out)
{
    bytes facts, earlier;
    cairn_status st;

    bytes_init(&facts, ASK_BYTES);
    bytes_init(&earlier, ASK_BYTES);
    st = list_facts(a, &facts);
    if (!st)
        st = summarise(a, first, &earlier);
    if (!st)
        st = put_list(a, a->prompt.facts, &facts, out);
    if (!st)
        st = put_list(a, a->prompt.earlier, &earlier, out);
    if (!st)
        st = fill_in(a, a->prompt.user, NULL, out);
    bytes_clear(&facts);
    bytes_clear(&earlier);
    return st;
}

cairn_status ask_messages(asking *a, json_t **out, cairn_error *err)
{
    const cairn_ask_request *q = a->request;
    size_t first = first_turn(a);
    json_t *list = json_array();
    bytes user;
    cairn_status st;

    bytes_init(&user, (size_t)64 << 20);
    st = user_message(a, first, &user);
    append_message(list, "system", a->prompt.system, strlen(a->prompt.system));
    for (size_t i = first; i < q->n_history; i++)
        append_message(list, q->history[i].role, q->history[i].content,
                       bounded(q->history[i].content, TURN_BYTES));
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
