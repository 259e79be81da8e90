/* args.c - parameters of a request, read by a table into a struct. Everything a client can name passes
 * here, so every bound is here. */
#include "server/args.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

cairn_status args_parse(const char *text, size_t len, json_t **out, cairn_error *err)
{
    json_error_t je;

    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (!*out)
        return cairn_fail(err, CAIRN_EUSAGE, "the body is no JSON: line %d, column %d: %s", je.line,
                          je.column, je.text);
    if (json_is_object(*out))
        return CAIRN_OK;
    json_decref(*out);
    *out = NULL;
    return cairn_fail(err, CAIRN_EUSAGE, "the body is JSON but no object");
}

/* ---- reading by a table ---- */

static cairn_status wrong(const arg_field *f, cairn_error *err, const char *what)
{
    return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" takes %s", f->name, what);
}

static cairn_status out_of_range(const arg_field *f, cairn_error *err)
{
    return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" takes a number from %.17g to %.17g", f->name,
                      f->least, f->most);
}

/* A number, or a text that is one. */
static bool number_of(const json_t *v, double *out)
{
    const char *text = json_string_value(v);
    char *end;

    if (json_is_number(v)) {
        *out = json_number_value(v);
        return isfinite(*out);
    }
    if (!text || !*text || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    errno = 0;
    *out = strtod(text, &end);
    return !errno && !*end && isfinite(*out);
}

static cairn_status read_number(const arg_field *f, const json_t *v, char *field, cairn_error *err)
{
    double x;

    if (!number_of(v, &x))
        return wrong(f, err, "a number");
    if (x < f->least || x > f->most)
        return out_of_range(f, err);
    if (f->kind == ARG_NUMBER) {
        memcpy(field, &x, sizeof x);
    } else {
        size_t n = (size_t)x;
        if (fabs(x - (double)n) > 0)
            return wrong(f, err, "a whole number");
        memcpy(field, &n, sizeof n);
    }
    return CAIRN_OK;
}

static cairn_status read_bool(const arg_field *f, const json_t *v, char *field, cairn_error *err)
{
    const char *text = json_string_value(v);
    bool on;

    if (json_is_boolean(v))
        on = json_is_true(v);
    else if (text && (!strcmp(text, "true") || !strcmp(text, "1")))
        on = true;
    else if (text && (!strcmp(text, "false") || !strcmp(text, "0")))
        on = false;
    else
        return wrong(f, err, "true or false");
    memcpy(field, &on, sizeof on);
    return CAIRN_OK;
}

static cairn_status read_mode(const arg_field *f, const json_t *v, char *field, cairn_error *err)
{
    static const char *const names[] = {"hybrid", "lexical", "vector"};
    const char *text = json_string_value(v);

    for (int i = 0; text && i < 3; i++)
        if (!strcmp(text, names[i])) {
            cairn_mode mode = (cairn_mode)i;
            memcpy(field, &mode, sizeof mode);
            return CAIRN_OK;
        }
    return wrong(f, err, "hybrid, lexical or vector");
}

static cairn_status read_text(const arg_field *f, const json_t *v, char *field, cairn_error *err)
{
    const char *text = json_string_value(v);

    if (!text)
        return wrong(f, err, "a text");
    if ((double)json_string_length(v) < f->least || (double)json_string_length(v) > f->most)
        return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" takes a text of %g to %g bytes", f->name,
                          f->least, f->most);
    memcpy(field, &text, sizeof text);
    return CAIRN_OK;
}

static cairn_status read_list(const arg_field *f, const json_t *v, char *field, cairn_error *err)
{
    if (f->kind == ARG_LIST && !json_is_array(v))
        return wrong(f, err, "a list");
    if (f->kind == ARG_LIST && ((double)json_array_size(v) < f->least ||
                                (double)json_array_size(v) > f->most))
        return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" takes a list of %g to %g", f->name, f->least,
                          f->most);
    memcpy(field, &v, sizeof v);
    return CAIRN_OK;
}

static cairn_status read_field(const arg_field *f, const json_t *v, char *field, cairn_error *err)
{
    switch (f->kind) {
    case ARG_TEXT:
        return read_text(f, v, field, err);
    case ARG_SIZE:
    case ARG_NUMBER:
        return read_number(f, v, field, err);
    case ARG_BOOL:
        return read_bool(f, v, field, err);
    case ARG_MODE:
        return read_mode(f, v, field, err);
    default:
        return read_list(f, v, field, err);
    }
}

static const arg_field *find_field(const arg_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(fields[i].name, name))
            return &fields[i];
    return NULL;
}

cairn_status args_read(const json_t *args, const arg_field *fields, size_t n, bool strict, void *out,
                       cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)args, key, v) {
        const arg_field *f = find_field(fields, n, key);
        if (!f && strict)
            return cairn_fail(err, CAIRN_EUSAGE, "there is no parameter \"%s\" here", key);
        if (!f || json_is_null(v))
            continue;
        st = read_field(f, v, (char *)out + f->offset, err);
        if (st)
            return st;
    }
    for (size_t i = 0; i < n; i++) {
        v = json_object_get(args, fields[i].name);
        if (fields[i].required && (!v || json_is_null(v)))
            return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" is missing", fields[i].name);
    }
    return CAIRN_OK;
}
