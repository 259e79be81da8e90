/* eval_dump.c - see eval_dump.h. */
#include "engine/eval_dump.h"

#include <stdio.h>
#include <stdlib.h>

#define LINES_MAX 1000000

cairn_status eval_dump_read(const char *path, json_t **out, cairn_error *err)
{
    json_t *all = json_object();
    char *line = NULL;
    size_t cap = 0, n = 0;
    cairn_status st = CAIRN_OK;
    FILE *f = fopen(path, "re");

    if (!f)
        st = cairn_fail(err, CAIRN_EIO, "%s cannot be read", path);
    while (!st && getline(&line, &cap, f) > 0) {
        json_t *j = json_loads(line, 0, NULL);
        const char *question = json_string_value(json_object_get(j, "question"));
        if (++n > LINES_MAX || !question || !json_is_boolean(json_object_get(j, "right"))) {
            st = cairn_fail(err, CAIRN_EINPUT, "%s, line %zu: not what cairn eval answers --dump writes", path, n);
            json_decref(j);
            break;
        }
        json_object_set_new(all, question, j);
    }
    if (f)
        fclose(f);
    free(line);
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
