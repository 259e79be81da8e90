/* table_speech.c - see table_speech.h. */
#include "engine/table_speech.h"

#include <string.h>

enum { ENGLISH, GERMAN, FRENCH, SPANISH, SPEECHES };

static const char *const codes[SPEECHES] = {"en", "de", "fr", "es"};

static const char *const phrases[SPEECHES][SAY_PHRASES] = {
    [ENGLISH] = {"count", "sum", "mean", "different values", "of", "share:", "of", "times", "by", "None", "more", "without an entry"},
    [GERMAN] = {"Anzahl", "Summe", "Mittelwert", "verschiedene Werte", "von", "Anteil:", "von", "mal", "nach", "Keine", "weitere", "ohne Eintrag"},
    [FRENCH] = {"nombre", "somme", "moyenne", "valeurs différentes", "de", "part :", "sur", "fois", "par", "Aucun", "de plus", "sans indication"},
    [SPANISH] = {"número", "suma", "media", "valores distintos", "de", "proporción:", "de", "veces", "por", "Ninguno", "más", "sin indicación"},
};

static size_t speech_of(const char *lang)
{
    for (size_t i = 0; lang && i < SPEECHES; i++)
        if (!strcmp(lang, codes[i]))
            return i;
    return ENGLISH;
}

const char *table_phrase_in(const char *lang, table_phrase what)
{
    return phrases[speech_of(lang)][what];
}

cairn_status table_say_rows(const char *lang, size_t n, size_t of, bytes *out)
{
    switch (speech_of(lang)) {
    case GERMAN:
        return bytes_printf(out, "%zu von %zu Zeilen", n, of);
    case FRENCH:
        return bytes_printf(out, "%zu ligne%s sur %zu", n, n == 1 ? "" : "s", of);
    case SPANISH:
        return bytes_printf(out, "%zu de %zu filas", n, of);
    default:
        return bytes_printf(out, "%zu of %zu rows", n, of);
    }
}

void table_say_decimals(const char *lang, char *number)
{
    char *point = speech_of(lang) == ENGLISH ? NULL : strchr(number, '.');

    if (point)
        *point = ',';
}
