/* guard_roles.c - what learn_guard.py learns from: JSON lines with "text" on the standard input;
 * for each a line {"sentences": [[start, end, roles, score], ...]}, with the parts that
 * injection_roles.h tells (as a number) and what the rules and the weights of now give. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "retrieve/injection.h"
#include "retrieve/injection_learned.h"

static int one(const char *text, size_t len)
{
    text_span *s = NULL;
    size_t n = 0;
    cairn_error err;

    if (sentences_split(text, len, false, true, &s, &n, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    float *score = calloc(n + 1, sizeof *score);
    injection_roles *roles = calloc(n + 1, sizeof *roles);
    if (!score || !roles)
        return 1;
    injection_scores(text, len, s, n, score);
    for (size_t i = 0; i < n; i++)
        roles[i] = injection_read(text + s[i].start, s[i].end - s[i].start).roles;
    injection_roles_around(text, len, s, n, roles);
    fputs("{\"sentences\":[", stdout);
    for (size_t i = 0; i < n; i++)
        printf("%s[%zu,%zu,%llu,%.3f]", i ? "," : "", s[i].start, s[i].end,
               (unsigned long long)roles[i], (double)score[i]);
    puts("]}");
    free(s);
    free(score);
    free(roles);
    return 0;
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int code = 0;

    while (!code && (n = getline(&line, &cap, stdin)) > 0) {
        json_error_t e;
        json_t *v = json_loadb(line, (size_t)n, JSON_ALLOW_NUL, &e);
        const json_t *text = json_object_get(v, "text");
        if (!json_is_string(text)) {
            fprintf(stderr, "guard_roles: %s\n", v ? "needs \"text\"" : e.text);
            code = 3;
        } else {
            code = one(json_string_value(text), json_string_length(text));
        }
        json_decref(v);
    }
    free(line);
    return code;
}
