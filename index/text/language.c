/* language.c - codes, stemmers, and the script a stemmer belongs to. */
#include "index/text/language.h"

#include <string.h>

/* Row 0 is the unknown language. The order is part of nothing stored: segments keep codes. */
static const language languages[] = {
    {"", NULL, false, true},
    {"en", "english", false, true},
    {"de", "german", false, false},
    {"es", "spanish", false, false},
    {"fr", "french", true, false},
    {"it", "italian", true, false},
    {"pt", "portuguese", false, false},
    {"nl", "dutch", false, false},
    {"sv", "swedish", false, false},
    {"da", "danish", false, false},
    {"no", "norwegian", false, false},
    {"nb", "norwegian", false, false},
    {"nn", "norwegian", false, false},
    {"fi", "finnish", false, false},
    {"ru", "russian", false, false},
    {"ar", "arabic", false, false},
    {"tr", "turkish", false, false},
    {"hu", "hungarian", false, false},
    {"ro", "romanian", false, false},
    {"ca", "catalan", true, false},
    {"el", "greek", false, false},
    {"id", "indonesian", false, true},
    {"ga", "irish", false, false},
    {"lt", "lithuanian", false, false},
    {"eu", "basque", false, false},
    {"hy", "armenian", false, false},
    {"hi", "hindi", false, false},
    {"ne", "nepali", false, false},
    {"ta", "tamil", false, false},
    {"sr", "serbian", false, false},
    {"yi", "yiddish", false, false},
    {"zh", NULL, false, true},
    {"ja", NULL, false, true},
    {"ko", NULL, false, true},
    {"th", NULL, false, true},
    {"pl", NULL, false, false},
    {"cs", NULL, false, false},
    {"uk", NULL, false, false},
    {"he", NULL, false, false},
    {"vi", NULL, false, false},
};

size_t language_count(void)
{
    return sizeof languages / sizeof *languages;
}

const language *language_at(size_t i)
{
    return &languages[i];
}

size_t language_find(const char *code)
{
    char want[4] = {0};
    size_t n = 0;

    if (!code)
        return LANGUAGE_UNKNOWN;
    while (n < 4 && code[n] && code[n] != '-' && code[n] != '_') {
        if (n == 3)
            return LANGUAGE_UNKNOWN;
        want[n] = (char)(code[n] | 0x20);
        n++;
    }
    if (!n)
        return LANGUAGE_UNKNOWN;
    for (size_t i = 1; i < language_count(); i++)
        if (!strcmp(languages[i].code, want))
            return i;
    return LANGUAGE_UNKNOWN;
}

size_t language_of_script(uint32_t cp)
{
    if (cp < 0x370)
        return LANGUAGE_UNKNOWN;
    if (cp < 0x400 || (cp >= 0x1F00 && cp < 0x2000))
        return language_find("el");
    if (cp < 0x530)
        return language_find("ru");
    if (cp < 0x590)
        return language_find("hy");
    if (cp >= 0x600 && cp < 0x700)
        return language_find("ar");
    if (cp >= 0x900 && cp < 0x980)
        return language_find("hi");
    if (cp >= 0xB80 && cp < 0xC00)
        return language_find("ta");
    return LANGUAGE_UNKNOWN;
}
