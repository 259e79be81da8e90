/* eval_lines.c - see eval_lines.h. */
#include "engine/eval_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUMP_MAX 1000000 /* lines of a dump */

/* A line of TREC topics, the number and the text with a tab between, as one of BEIR's queries; NULL: it is none. */
static json_t *topic_of(const char *line, size_t len)
{
    const char *tab = memchr(line, '\t', len);
    size_t id = tab ? (size_t)(tab - line) : 0;

    while (len && strchr("\r\n", line[len - 1]))
        len--;
    return id && *line != '{' && len > id + 1 ? json_pack("{s:s%,s:s%}", "_id", line, id, "text", tab + 1, len - id - 1) : NULL;
}

cairn_status eval_each_line(const char *path, eval_line_fn *fn, void *ctx, cairn_error *err)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t cap = 0, number = 0;
    ssize_t len;
    cairn_status st = CAIRN_OK;

    if (!f)
        return cairn_fail(err, CAIRN_EINPUT, "open %s: %s", path, strerror(errno));
    while (!st && (len = getline(&text, &cap, f)) >= 0) {
        json_t *line;
        number++;
        if (len <= 1)
            continue;
        line = json_loadb(text, (size_t)len, 0, NULL);
        if (!line)
            line = topic_of(text, (size_t)len);
        st = fn(ctx, line, err);
        if (st == CAIRN_EINPUT)
            cairn_error_prefix(err, "%s, line %zu: ", path, number);
        json_decref(line);
    }
    free(text);
    fclose(f);
    return st;
}

static cairn_status take_answered(void *ctx, json_t *line, cairn_error *err)
{
    json_t *all = ctx;
    const char *question = json_string_value(json_object_get(line, "question"));

    if (!question || !json_is_boolean(json_object_get(line, "right")) || json_object_size(all) >= DUMP_MAX)
        return cairn_fail(err, CAIRN_EINPUT, "not what cairn eval answers --dump writes");
    return json_object_set(all, question, line) ? cairn_fail(err, CAIRN_ENOMEM, "answers") : CAIRN_OK;
}

cairn_status eval_dump_read(const char *path, json_t **out, cairn_error *err)
{
    json_t *all = json_object();
    cairn_status st = all ? eval_each_line(path, take_answered, all, err) : cairn_fail(err, CAIRN_ENOMEM, "answers");

    if (st)
        json_decref(all);
    else
        *out = all;
    return st;
}

bool eval_dump_answerable(const json_t *line)
{
    return json_array_size(json_object_get(line, "answers")) > 0;
}

cairn_status eval_slice_of(const json_t *line, const char *slice, const char *text, arena *names, const char **out,
                           cairn_error *err)
{
    const json_t *v = json_object_get(line, slice ? slice : "");
    size_t words = 0;

    *out = NULL;
    if (!slice)
        return CAIRN_OK;
    if (json_is_string(v)) {
        *out = arena_strdup(names, json_string_value(v));
    } else if (v) {
        char *dumped = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
        *out = dumped ? arena_strdup(names, dumped) : NULL;
        free(dumped);
    } else if (!strcmp(slice, "words")) {
        for (const char *at = text; *at; at++)
            words += *at != ' ' && (at == text || at[-1] == ' ');
        *out = words < 4 ? "1 to 3 words" : words < 8 ? "4 to 7 words" : words < 16 ? "8 to 15 words" : "16 words or more";
    } else {
        *out = "";
    }
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "slices");
}
