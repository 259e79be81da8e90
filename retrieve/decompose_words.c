/* decompose_words.c - see decompose_words.h. */
#include "retrieve/decompose_words.h"

#include <ctype.h>
#include <string.h>

#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

const char auxiliaries[] = " is are was were do does did has have had can could will would "
                           "should must may ist sind war waren hat haben hatte hatten "
                           "wurde wurden kann können wird liegt es son era fue fueron ha "
                           "han tiene tienen cuesta est sont était a ont ";

const char wh_words[] = " which who whom whose what when where why how welche welcher "
                        "welches wer wen wem was wann wo wohin woher warum wie qué quién "
                        "quiénes cuál cuáles cuándo dónde cómo cuánto cuánta cuántos "
                        "cuántas qui que quel quelle quels quelles lequel laquelle quand où "
                        "comment combien pourquoi ";

const char little_words[] =
    " the a an der die das den dem des el la los las un una le les une l of in at on ";

bool word_is(const reading *r, size_t i, const char *list)
{
    return i < r->n && word_list_has(list, r->at[i].low, strlen(r->at[i].low));
}

/* Signs of UTF-8 that stand around words and are none: the Spanish marks, typographic quotes. */
static size_t mark_at(const char *s)
{
    if (!strncmp(s, "\xC2\xBF", 2) || !strncmp(s, "\xC2\xA1", 2) || !strncmp(s, "\xC2\xAB", 2) ||
        !strncmp(s, "\xC2\xBB", 2) || !strncmp(s, "\xC2\xA0", 2))
        return 2;
    if (!strncmp(s, "\xE2\x80\x9C", 3) || !strncmp(s, "\xE2\x80\x9D", 3) ||
        !strncmp(s, "\xE2\x80\x9E", 3) || !strncmp(s, "\xE2\x80\x9F", 3))
        return 3;
    return 0;
}

/* Words go on over hyphens, apostrophes and points between letters. False: too many. */
bool words_read(reading *r)
{
    const char *s = r->text;
    size_t len = strlen(s);

    for (size_t i = 0, skip; i < len;) {
        word *w = &r->at[r->n];
        if ((skip = mark_at(s + i)) > 0 || !is_word_byte(s[i])) {
            if (r->n && (s[i] == ',' || s[i] == ':' || s[i] == ';'))
                r->at[r->n - 1].comma = true;
            i += skip ? skip : 1;
            continue;
        }
        if (r->n == WORDS_MAX)
            return false;
        *w = (word){.start = i};
        while (i < len && !mark_at(s + i) &&
               (is_word_byte(s[i]) ||
                (strchr("-'.&/", s[i]) && i + 1 < len && is_word_byte(s[i + 1]))))
            i++;
        w->end = i;
        for (size_t k = w->start; k < i; k++) {
            w->capital |= isdigit((unsigned char)s[k]) != 0;
            if (i - w->start < WORD_BYTES)
                w->low[k - w->start] = (char)tolower((unsigned char)s[k]);
        }
        w->capital |= is_latin_capital(s + w->start, i - w->start);
        r->n++;
    }
    return true;
}

const char *words_run(const reading *r, size_t from, size_t to)
{
    if (from >= to)
        return arena_strdup(r->a, "");
    return arena_strndup(r->a, r->text + r->at[from].start, r->at[to - 1].end - r->at[from].start);
}

bool words_have_letters(const reading *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        for (size_t k = r->at[i].start; k < r->at[i].end; k++)
            if ((isalpha((unsigned char)r->text[k]) || (unsigned char)r->text[k] >= 0x80) &&
                !word_is(r, i, little_words))
                return true;
    return false;
}

bool words_have_name(const reading *r, size_t from, size_t to)
{
    bool name = false;

    for (size_t i = from; i < to && !name; i++)
        name = r->at[i].capital;
    return name;
}
