/* script.c - see script.h. */
#include "retrieve/script.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* Scripts that tell a language, or a group of them, from all that are written otherwise. */
static const struct script {
    uint32_t from, to;
    const char *codes; /* of the languages written in it, the commonest first */
} scripts[] = {
    {0x3040, 0x30FF, "ja"},        {0x3400, 0x4DBF, "zh ja"}, {0x4E00, 0x9FFF, "zh ja"}, {0xAC00, 0xD7AF, "ko"},
    {0x0600, 0x06FF, "ar fa ur"},  {0x0400, 0x052F, "ru uk bg sr mk be"},                {0x0370, 0x03FF, "el"},
    {0x0590, 0x05FF, "he iw yi"},  {0x0900, 0x097F, "hi mr ne"},                         {0x0E00, 0x0E7F, "th"},
};

#define N_SCRIPTS (sizeof scripts / sizeof *scripts)

static bool is_of(const char *codes, const char *code)
{
    size_t n = strcspn(code, "-_");

    for (const char *at = codes; n && *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == n && !memcmp(at, code, n))
            return true;
    return false;
}

/* The group of the table that a language belongs to; "": none of them. */
static const char *group_of(const char *code)
{
    for (size_t s = 0; s < N_SCRIPTS; s++)
        if (is_of(scripts[s].codes, code))
            return scripts[s].codes;
    return "";
}

const char *script_foreign_to(const char *text, size_t len, const char *const *codes, size_t n)
{
    static const char *const first[N_SCRIPTS] = {"ja", "zh", "zh", "ko", "ar", "ru", "el", "he", "hi", "th"};
    size_t count[N_SCRIPTS] = {0}, letters = 0, most = 0;

    for (size_t i = 0; i < len;) {
        uint32_t cp;
        i += utf8_decode(text + i, len - i, &cp, NULL);
        letters += cp >= 0x80 || isalpha((int)cp);
        for (size_t s = 0; s < N_SCRIPTS; s++)
            count[s] += cp >= scripts[s].from && cp <= scripts[s].to;
    }
    for (size_t s = 1; s < N_SCRIPTS; s++)
        most = count[s] > count[most] ? s : most;
    if (count[most] < 2 || count[most] * 2 < letters)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (is_of(scripts[most].codes, codes[i]))
            return NULL;
    return first[most];
}

bool script_is_shared(const char *code, const char *const *codes, size_t n)
{
    const char *group = group_of(code);

    if (!*code)
        return true;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(group_of(codes[i]), group) || (*group && is_of(group, codes[i])))
            return true;
    return false;
}
