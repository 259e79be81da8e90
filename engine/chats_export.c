/* chats_export.c - a conversation as JSON or as Markdown. Names that are not UTF-8 get U+FFFD for what is
 * broken. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "engine/chats.h"
#include "engine/json_text.h"

#define EXPORT_BYTES ((size_t)1 << 30)

static json_t *turn_json(const cairn_chat_turn *t)
{
    json_t *citations = json_array();

    for (size_t i = 0; i < t->n_citations; i++) {
        const cairn_citation *x = &t->citations[i];
        json_array_append_new(
            citations, json_pack("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o*,s:I,s:I,s:b}", "n", (json_int_t)x->n, "doc",
                                 (json_int_t)x->doc, "chunk", (json_int_t)x->chunk, "uri", json_str(x->uri),
                                 "title", json_str(x->title), "text", json_str(x->text), "page",
                                 x->page ? json_integer(x->page) : json_null(), "page_label",
                                 x->page_label ? json_str(x->page_label) : NULL, "start", (json_int_t)x->start,
                                 "end", (json_int_t)x->end, "supported", x->supported));
    }
    return json_pack("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:b,s:b,s:I,s:o}", "n", (json_int_t)t->n, "answer_id",
                     (json_int_t)t->answer_id, "asked_ns", (json_int_t)t->asked_ns, "question",
                     json_str(t->question), "filter", json_str(t->filter), "answer", json_str(t->text),
                     "model", json_str(t->model), "refused", t->refused, "extractive", t->extractive, "snapshot",
                     (json_int_t)t->snapshot, "citations", citations);
}

static cairn_status as_json(const cairn_conversation *v, char **out, cairn_error *err)
{
    json_t *turns = json_array(), *all;

    for (size_t i = 0; i < v->chat.n_turns; i++)
        json_array_append_new(turns, turn_json(&v->turns[i]));
    all = json_pack("{s:s,s:o,s:I,s:I,s:o}", "id", v->chat.id, "title", json_str(v->chat.title), "created_ns",
                    (json_int_t)v->chat.created_ns, "changed_ns", (json_int_t)v->chat.changed_ns, "turns", turns);
    *out = all && json_array_size(turns) == v->chat.n_turns ? json_dumps(all, JSON_INDENT(1)) : NULL;
    json_decref(all);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "conversation %s", v->chat.id);
}

static cairn_status put_date(bytes *b, int64_t ns)
{
    time_t seconds = (time_t)(ns / 1000000000);
    struct tm tm;
    char text[32] = "";

    if (gmtime_r(&seconds, &tm))
        strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &tm);
    return bytes_append_str(b, text);
}

static cairn_status put_turn(bytes *b, const cairn_chat_turn *t)
{
    cairn_status st = bytes_append_str(b, "\n## ");

    if (!st)
        st = utf8_sanitize(b, t->question, strlen(t->question));
    if (!st)
        st = bytes_append_str(b, "\n\n");
    if (!st)
        st = utf8_sanitize(b, t->text, strlen(t->text));
    if (!st)
        st = bytes_append_str(b, "\n\n*");
    if (!st)
        st = put_date(b, t->asked_ns);
    if (!st && *t->model)
        st = bytes_printf(b, ", %s", t->model);
    if (!st)
        st = bytes_append_str(b, "*\n");
    for (size_t i = 0; !st && i < t->n_citations; i++) {
        const cairn_citation *x = &t->citations[i];
        st = bytes_printf(b, "\n[%zu] ", x->n);
        if (!st)
            st = utf8_sanitize(b, x->uri, strlen(x->uri));
        if (!st && x->page_label) {
            st = bytes_append_str(b, ", page ");
            st = st ? st : utf8_sanitize(b, x->page_label, strlen(x->page_label));
        } else if (!st && x->page) {
            st = bytes_printf(b, ", page %u", x->page);
        }
        if (!st)
            st = bytes_append_str(b, "\n\n> ");
        for (const char *p = x->text; !st && *p;) { /* every line of a quotation is marked as one */
            size_t n = strcspn(p, "\n");
            st = utf8_sanitize(b, p, n);
            p += n;
            if (!st && *p == '\n' && *++p)
                st = bytes_append_str(b, "\n> ");
        }
        if (!st)
            st = bytes_append_byte(b, '\n');
    }
    return st;
}

static cairn_status as_markdown(const cairn_conversation *v, char **out, cairn_error *err)
{
    bytes b;
    cairn_status st;

    bytes_init(&b, EXPORT_BYTES);
    st = bytes_append_str(&b, "# ");
    if (!st)
        st = utf8_sanitize(&b, v->chat.title, strlen(v->chat.title));
    if (!st)
        st = bytes_append_byte(&b, '\n');
    for (size_t i = 0; !st && i < v->chat.n_turns; i++)
        st = put_turn(&b, &v->turns[i]);
    *out = st ? NULL : bytes_detach(&b, NULL);
    bytes_clear(&b);
    return *out ? CAIRN_OK : cairn_fail(err, st ? st : CAIRN_ENOMEM, "conversation %s", v->chat.id);
}

cairn_status cairn_chat_export(cairn *c, const char *id, cairn_chat_format format, char **out, size_t *len,
                               cairn_error *err)
{
    cairn_conversation *v;
    cairn_status st;

    *out = NULL;
    st = cairn_chat_get(c, id, &v, err);
    if (!st)
        st = format == CAIRN_CHAT_JSON ? as_json(v, out, err) : as_markdown(v, out, err);
    if (!st && len)
        *len = strlen(*out);
    cairn_chat_free(v);
    return st;
}
