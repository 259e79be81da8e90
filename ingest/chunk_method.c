/* chunk_method.c - how documents are cut, by name: "structure", or "structure, srt:paragraph, log:window". */
#include <string.h>
#include <strings.h>

#include "ingest/chunk.h"

static const char *const method_names[CHUNK_METHODS] = {"structure", "paragraph", "sentence",
                                                        "window"};

const char *chunk_method_name(chunk_method m)
{
    return (unsigned)m < CHUNK_METHODS ? method_names[m] : "?";
}

bool chunk_method_parse(const char *name, chunk_method *out)
{
    for (int i = 0; i < CHUNK_METHODS; i++)
        if (!strcmp(name, method_names[i])) {
            *out = (chunk_method)i;
            return true;
        }
    return false;
}

bool chunk_method_for(const char *list, const char *file_name, chunk_method *out)
{
    const char *dot = strrchr(file_name, '.'), *ext = dot ? dot + 1 : "";
    chunk_method all = CHUNK_STRUCTURE, mine = CHUNK_STRUCTURE;
    bool special = false;

    *out = CHUNK_STRUCTURE;
    while (*(list += strspn(list, ", "))) {
        size_t n = strcspn(list, ", ");
        const char *colon = memchr(list, ':', n), *name = colon ? colon + 1 : list;
        size_t len = n - (size_t)(name - list);
        char word[16];
        chunk_method m;

        if (len >= sizeof word)
            return false;
        memcpy(word, name, len);
        word[len] = 0;
        if (!chunk_method_parse(word, &m) || colon == list)
            return false;
        if (!colon) {
            all = m;
        } else if (strlen(ext) == (size_t)(colon - list) && !strncasecmp(ext, list, strlen(ext))) {
            mine = m;
            special = true;
        }
        list += n;
    }
    *out = special ? mine : all;
    return true;
}
