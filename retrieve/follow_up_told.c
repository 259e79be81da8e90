/* follow_up_told.c - what was replied, and when it is no answer to the next question. Words are compared as they are written,
 * but for the case of A to Z. */
#include "retrieve/follow_up.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "retrieve/sentences.h"
#include "retrieve/word_byte.h"

#define TOLD_SHARE 0.8
#define STEM_BYTES 5 /* of a word, by which it is found with another ending */

static bool is_told(const char *text, size_t len, const char *reply)
{
    size_t words = 0, told = 0;

    for (size_t i = 0; i < len;) {
        size_t end = i;
        text_marker m;
        if (marker_read(text, len, i, &m)) {
            i = m.end;
            continue;
        }
        while (end < len && is_word_byte(text[end]))
            end++;
        if (end == i) {
            i++;
            continue;
        }
        words++;
        for (const char *at = reply; *at; at++)
            if ((at == reply || !is_word_byte(at[-1])) && !strncasecmp(at, text + i, end - i) && !is_word_byte(at[end - i])) {
                told++;
                break;
            }
        i = end;
    }
    return (double)told >= TOLD_SHARE * (double)words;
}

static bool gives_reason(const char *text, size_t len)
{
    static const char *const reasons[] = {"because", "since ", "due to", "owing to", "so that", "in order to", "reason", "weil", "wegen", "denn ", "damit ",
                                          "aufgrund", " da ", "grund", "parce", " car ", "puisque", "afin", "en raison", "à cause", "raison", "porque",
                                          "ya que", "debido", "a causa", "para que", "razón"};

    for (size_t i = 0; i < len; i++)
        for (size_t k = 0; k < sizeof reasons / sizeof *reasons; k++) {
            size_t n = strlen(reasons[k]);
            if (n <= len - i && !strncasecmp(text + i, reasons[k], n))
                return true;
        }
    return false;
}

/* Does a word of the text begin as one of the thing does? Short words count where it has no others. */
static bool speaks_of(const char *text, size_t len, const char *thing)
{
    size_t longest = 0;

    for (size_t i = 0, n; thing[i]; i += n ? n : 1) {
        for (n = 0; is_word_byte(thing[i + n]); n++) {}
        longest = n > longest ? n : longest;
    }
    longest = longest > 2 ? 3 : 1;
    for (size_t i = 0, n; thing[i]; i += n ? n : 1) {
        for (n = 0; is_word_byte(thing[i + n]); n++) {}
        size_t stem = n > STEM_BYTES ? STEM_BYTES : n;
        for (size_t at = 0; n >= longest && at + stem <= len; at++)
            if ((!at || !is_word_byte(text[at - 1])) && !strncasecmp(text + at, thing + i, stem) &&
                (n > STEM_BYTES || at + n == len || !isdigit((unsigned char)thing[i + n - 1]) || !is_word_byte(text[at + n])))
                return true;
    }
    return !longest;
}

bool follow_up_repeats(const char *text, size_t len, const follow_up_known *known, bool why)
{
    if (!known->reply || (!known->others && !known->instead && !why) || !is_told(text, len, known->reply))
        return false;
    if (known->others)
        return true;
    return known->instead ? !speaks_of(text, len, known->instead) : !gives_reason(text, len);
}
