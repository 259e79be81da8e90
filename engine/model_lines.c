/* model_lines.c - see model_lines.h. */
#include "engine/model_lines.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/stop.h"

cairn_status model_write_line(FILE *out, json_t *line, cairn_error *err)
{
    int rc = line ? json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) : -1;

    json_decref(line);
    if (rc || fputc('\n', out) == EOF || fflush(out))
        return cairn_fail(err, CAIRN_EIO, "writing the answer failed");
    return CAIRN_OK;
}

static cairn_status decode_b64(const json_t *text, bytes *out, cairn_error *err)
{
    cairn_status st = base64_decode(out, json_string_value(text), json_string_length(text));

    if (st == CAIRN_EINPUT)
        return cairn_fail(err, st, "\"b64\" is not base64");
    return st ? cairn_fail(err, st, "\"b64\" is too long") : CAIRN_OK;
}

cairn_status model_line_text(const json_t *in, bytes *out, cairn_error *err)
{
    const json_t *text = json_object_get(in, "text"), *b64 = json_object_get(in, "b64");

    if (json_is_string(text)) {
        if (bytes_append(out, json_string_value(text), json_string_length(text)))
            return cairn_fail(err, CAIRN_ELIMIT, "\"text\" is too long");
        return CAIRN_OK;
    }
    if (json_is_string(b64))
        return decode_b64(b64, out, err);
    return cairn_fail(err, CAIRN_EINPUT, "needs \"text\" or \"b64\"");
}

static bool ends_loop(cairn_status st)
{
    return st == CAIRN_EMODEL || st == CAIRN_ENOMEM || st == CAIRN_ECANCELLED;
}

static cairn_status one_line(const char *text, size_t len, size_t number, FILE *out,
                             model_line_fn *fn, void *ctx, cairn_error *err)
{
    json_error_t je;
    /* NUL may stand in a text that is to be tokenized. */
    json_t *in = json_loadb(text, len, JSON_ALLOW_NUL, &je);
    json_t *id = json_object_get(in, "id"), *answer = json_object();
    cairn_error why = {0};
    cairn_status st;

    json_object_set(answer, "id", id ? id : json_null());
    if (json_is_object(in))
        st = fn(ctx, in, answer, &why);
    else
        st = cairn_fail(&why, CAIRN_EINPUT, "line %zu is no JSON object: %s", number,
                        in ? "another value" : je.text);
    if (st && ends_loop(st)) {
        if (err)
            *err = why;
        json_decref(answer);
    } else {
        if (st)
            json_object_set_new(answer, "error", json_string(why.text));
        st = model_write_line(out, answer, err);
    }
    json_decref(in);
    return st;
}

cairn_status model_each_line(FILE *in, FILE *out, const volatile sig_atomic_t *cancel,
                             model_line_fn *fn, void *ctx, cairn_error *err)
{
    char *line = NULL;
    size_t cap = 0, number = 0;
    ssize_t len;
    cairn_status st = CAIRN_OK;

    while (!st && (len = getline(&line, &cap, in)) >= 0) {
        number++;
        if (strspn(line, " \t\r\n") == (size_t)len)
            continue;
        st = one_line(line, (size_t)len, number, out, fn, ctx, err);
        if (!st && stop_raised(cancel))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after line %zu", number);
    }
    if (!st && stop_raised(cancel))
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after line %zu", number);
    free(line);
    return st;
}
