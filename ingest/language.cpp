/* language.cpp - the one file that speaks C++ in this room, because CLD2 does.
 *
 * CLD2 calls a result unreliable when the text is short. For a search index a likely answer is
 * better than none, since a wrong stemmer costs less than no stemmer: an unreliable answer is
 * taken when one language holds at least MIN_PERCENT of a text of at least MIN_BYTES, or when the
 * script leaves little choice (any text outside ASCII). */
#include "ingest/language.h"

#include <climits>
#include <cstdint>
#include <cstdio> /* CLD2 uses FILE without including it */
#include <cstring>

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

static const int MIN_PERCENT = 70;
static const size_t MIN_BYTES = 24;

extern "C" bool language_detect(const char *text, size_t len, char lang[8])
{
    CLD2::Language top[3];
    int percent[3], text_bytes = 0;
    double score[3];
    bool reliable = false, ascii = true;
    const CLD2::CLDHints no_hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING,
                                     CLD2::UNKNOWN_LANGUAGE};
    const char *code;

    lang[0] = 0;
    if (!len || len > INT_MAX / 2)
        return false;
    CLD2::ExtDetectLanguageSummary(text, (int)len, true, &no_hints, CLD2::kCLDFlagBestEffort, top,
                                   percent, score, nullptr, &text_bytes, &reliable);
    for (size_t i = 0; i < len && ascii; i++)
        ascii = (unsigned char)text[i] < 0x80;
    if (top[0] == CLD2::UNKNOWN_LANGUAGE)
        return false;
    if (!reliable && (percent[0] < MIN_PERCENT || (ascii && len < MIN_BYTES)))
        return false;
    code = CLD2::LanguageCode(top[0]);
    if (!std::strncmp(code, "zh", 2))
        code = "zh";
    else if (!std::strcmp(code, "iw"))
        code = "he"; /* the old code, still in the tables */
    else if (!std::strcmp(code, "jw"))
        code = "jv";
    if (std::strlen(code) > 3)
        return false;
    std::strcpy(lang, code);
    return true;
}
