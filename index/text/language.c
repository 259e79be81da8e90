/* language.c - codes, stemmers, and the script a stemmer belongs to. */
#include "index/text/language.h"

#include <string.h>

/* Row 0 is the unknown language. The order is part of nothing stored: segments keep codes. */
static const language languages[] = {
    {"", NULL, false, true, false},
    {"en", "english", false, true, false},
    {"de", "german", false, false, true},
    {"es", "spanish", false, false, true},
    {"fr", "french", true, false, true},
    {"it", "italian", true, false, true},
    {"pt", "portuguese", false, false, true},
    {"nl", "dutch", false, false, true},
    {"sv", "swedish", false, false, true},
    {"da", "danish", false, false, true},
    {"no", "norwegian", false, false, true},
    {"nb", "norwegian", false, false, true},
    {"nn", "norwegian", false, false, true},
    {"fi", "finnish", false, false, true},
    {"ru", "russian", false, false, true},
    {"ar", "arabic", false, false, false},
    {"tr", "turkish", false, false, true},
    {"hu", "hungarian", false, false, true},
    {"ro", "romanian", false, false, true},
    {"ca", "catalan", true, false, true},
    {"el", "greek", false, false, true},
    {"id", "indonesian", false, true, true},
    {"ga", "irish", false, false, false},
    {"lt", "lithuanian", false, false, true},
    {"eu", "basque", false, false, true},
    {"hy", "armenian", false, false, true},
    {"hi", "hindi", false, false, false},
    {"ne", "nepali", false, false, false},
    {"ta", "tamil", false, false, false},
    {"sr", "serbian", false, false, true},
    {"yi", "yiddish", false, false, false},
    {"zh", NULL, false, true, false},
    {"ja", NULL, false, true, false},
    {"ko", NULL, false, true, false},
    {"th", NULL, false, true, false},
    {"pl", NULL, false, false, true},
    {"cs", NULL, false, false, true},
    {"uk", NULL, false, false, true},
    {"he", NULL, false, false, false},
    {"vi", NULL, false, false, true},
};

/* Codes that detectors and documents use for a language of the list, or for one so near that its
 * stemmer serves: Croatian and Bosnian are cut as Serbian (which writes Cyrillic in Latin letters
 * first), Malay as Indonesian, Moldavian as Romanian. */
static const struct {
    char code[4], as[4];
} aliases[] = {
    {"iw", "he"},  {"in", "id"},  {"ji", "yi"},  {"mo", "ro"},  {"sh", "sr"},  {"hr", "sr"},
    {"bs", "sr"},  {"ms", "id"},  {"eng", "en"}, {"deu", "de"}, {"ger", "de"},
    {"fra", "fr"}, {"fre", "fr"}, {"spa", "es"}, {"ita", "it"}, {"por", "pt"}, {"nld", "nl"},
    {"dut", "nl"}, {"rus", "ru"}, {"nor", "no"}, {"nob", "nb"}, {"nno", "nn"},
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
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (!strcmp(aliases[i].code, want))
            memcpy(want, aliases[i].as, sizeof want);
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
