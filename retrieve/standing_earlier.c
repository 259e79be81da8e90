/* standing_earlier.c - what was before: questions for it, and values that a sentence tells as no longer so: struck out, "(before: 15 euros)",
 * "instead of 14", "until now it was 164 euros". See standing.h. */
#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "retrieve/standing_inside.h"
#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define BEFORE_BYTES  48
#define BEHIND_BYTES  24
#define PHRASE_WORDS  6
#define CHANGE_WORDS  6 /* behind "before" */

static size_t trimmed(const char *text)
{
    size_t len = strlen(text);

    while (len && !is_word_byte(text[len - 1]))
        len--;
    return len;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);

    return len >= n && !memcmp(text + len - n, end, n) && (len == n || !is_word_byte(text[len - n - 1]));
}

/* "before the rent went up", "before the change", "before 2.4", "before version 3". */
static bool before_a_change(const char *text)
{
    static const char changes[] = " change changes changed changing increase increased rise rises rose raise raised went goes go update updated move moved reform "
                                  "amendment correction version release ";

    for (const char *at = text; (at = strstr(at, "before ")); at++) {
        const char *p = at + 7;
        if (at > text && is_word_byte(at[-1]))
            continue;
        if (isdigit((unsigned char)*p) && p[strspn(p, "0123456789")] == '.' && isdigit((unsigned char)p[strspn(p, "0123456789") + 1]))
            return true;
        for (size_t k = 0; k < CHANGE_WORDS && *p; k++) {
            size_t n = 0;
            while (is_word_byte(p[n]))
                n++;
            if (word_list_has(changes, p, n))
                return true;
            p += n;
            if (*p != ' ') /* the clause ends */
                break;
            p++;
        }
    }
    return false;
}

bool standing_asks_before(const char *question)
{
    static const char *const ends[] = {"before", "previously", "in the past", "vorher", "davor", "zuvor", "früher", "bisher", "antes", "avant", "auparavant"};
    static const char *const used[] = {"used to"};
    char text[STANDING_FOLDED + 1];
    size_t len;

    standing_fold(question, strlen(question), text);
    len = trimmed(text);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(text, len, ends[i]) && len > strlen(ends[i]))
            return true;
    return before_a_change(text) || standing_has_entry(text, used, 1);
}

/* Words and signs between a sign of what was and the value: "until now it was", "before: about". */
static bool is_filler(const char *word, size_t len)
{
    return word_list_has(" it they this that the a an of was were is are at on for only about around just cost costs been be had price fee rent rate to s "
                         "es sie er war waren der die das den dem um am nur etwa kostete betrug lag noch "
                         "era eran fue el la los las de del a le les il était étaient coûtait du ", word, len);
}

static bool tells_earlier(const char *text, size_t len, bool timed)
{
    static const char *const signs[] = {"until now", "till now", "up to now", "so far", "previously", "formerly", "originally", "used to", "last year", "in the past",
                                        "old price", "old fee", "old rate", "instead of", "rather than", "no longer", "bisher", "vorher", "früher", "zuvor", "bislang", "bis jetzt", "statt", "anstatt",
                                        "nicht mehr", "hasta ahora", "anteriormente", "antes", "ya no", "auparavant", "jusqu'ici", "jusqu'à présent", "précédemment", "au lieu"};
    static const char *const bare[] = {"before", "avant", "vor"}; /* of a day or a time they say by when */

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (ends_with(text, len, signs[i]))
            return true;
    for (size_t i = 0; !timed && i < sizeof bare / sizeof *bare; i++)
        if (ends_with(text, len, bare[i]))
            return true;
    return false;
}

/* "(before: 09:35)": with the colon it says so of a time, too. */
static bool labelled_before(const char *text, size_t len)
{
    static const char *const labels[] = {"before", "was", "avant", "vorher", "antes", "previously"};

    if (!len || text[len - 1] != ':')
        return false;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (ends_with(text, len - 1, labels[i]))
            return true;
    return false;
}

static bool sign_in_front(const char *text, text_span at, bool timed)
{
    char folded[STANDING_FOLDED + 1];
    size_t from = at.start > BEFORE_BYTES ? at.start - BEFORE_BYTES : 0, end;

    while (from < at.start && ((unsigned char)text[from] & 0xC0) == 0x80)
        from++;
    standing_fold(text + from, at.start - from, folded);
    end = strlen(folded);
    for (;;) {
        size_t begin;
        while (end && strchr(" (~\"'", folded[end - 1]))
            end--;
        if (labelled_before(folded, end) || tells_earlier(folded, end - (end && folded[end - 1] == ':'), timed))
            return true;
        if (end && folded[end - 1] == ':')
            end--;
        for (begin = end; begin && is_word_byte(folded[begin - 1]);)
            begin--;
        if (begin == end || !is_filler(folded + begin, end - begin))
            return false;
        end = begin;
    }
}

/* "15 euros before", "14 statt": the clause ends there. */
static bool sign_behind(const char *text, size_t len, text_span at)
{
    static const char *const signs[] = {"before", "until now", "previously", "so far", "in the past", "last year", "bisher", "vorher", "zuvor", "früher", "antes", "auparavant", "avant",
                                        "hasta ahora", "jusqu'ici"};
    char folded[STANDING_FOLDED + 1];
    size_t n = len - at.end < BEHIND_BYTES ? len - at.end : BEHIND_BYTES;

    standing_fold(text + at.end, n, folded);
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t w = strlen(signs[i]), blank = strspn(folded, " ");
        if (blank && !strncmp(folded + blank, signs[i], w) && (!folded[blank + w] || strchr(".,;)!", folded[blank + w])))
            return true;
    }
    return false;
}

bool standing_is_instead(const char *text, text_span at)
{
    static const char *const signs[] = {"instead of", "rather than", "statt", "anstatt", "en lugar de", "en vez de", "au lieu de"};
    static const char fillers[] = " the a an der die das den dem el la los las le les ";
    char folded[STANDING_FOLDED + 1];
    size_t from = at.start > BEFORE_BYTES ? at.start - BEFORE_BYTES : 0, end, begin;

    while (from < at.start && ((unsigned char)text[from] & 0xC0) == 0x80)
        from++;
    standing_fold(text + from, at.start - from, folded);
    for (end = trimmed(folded);; end = begin) {
        for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
            if (ends_with(folded, end, signs[i]))
                return true;
        for (begin = end; begin && is_word_byte(folded[begin - 1]);)
            begin--;
        if (begin == end || !word_list_has(fillers, folded + begin, end - begin))
            return false;
        while (begin && !is_word_byte(folded[begin - 1]))
            begin--;
    }
}

bool standing_is_earlier(const char *text, size_t len, text_span at, bool last, bool timed)
{
    return text_is_struck(text, len, at.start) || sign_in_front(text, at, timed) || sign_behind(text, len, at) || standing_is_replaced(text, at, last);
}

/* The words behind a sign up to the end of the clause, without a filler at their beginning. */
static bool phrase_from(const char *text, size_t len, size_t at, text_span *out)
{
    size_t words = 0, end, first;

    while (at < len) { /* "it was" */
        size_t n = 0;
        while (at < len && (text[at] == ' ' || text[at] == ':'))
            at++;
        while (at + n < len && is_word_byte(text[at + n]))
            n++;
        if (!n || !word_list_has(" it was were is they the a an of to es war der die das era el la était le ", text + at, n))
            break;
        at += n;
    }
    for (first = end = at; at < len && !strchr(".;,()\n", text[at]);) {
        while (at < len && is_word_byte(text[at]))
            at++;
        end = at;
        words++;
        while (at < len && !is_word_byte(text[at]) && !strchr(".;,()\n", text[at]))
            at++;
    }
    *out = (text_span){first, end};
    return words && words <= PHRASE_WORDS && end > first;
}

bool standing_earlier_phrase(const char *text, size_t len, text_span *out)
{
    static const char *const signs[] = {"until now", "till now", "up to now", "so far", "before:", "(before", "previously", "formerly", "used to be", "instead of", "no longer", "it was", "they were",
                                        "bisher", "vorher", "früher", "statt", "nicht mehr", "hasta ahora", "antes", "en lugar de", "en vez de", "ya no", "auparavant", "jusqu'ici", "au lieu de"};
    const char *open = memmem(text, len, "~~", 2), *close;
    char folded[STANDING_FOLDED + 1];
    size_t best = SIZE_MAX;

    if (open && (close = memmem(open + 2, len - (size_t)(open + 2 - text), "~~", 2)) && close > open + 2) {
        *out = (text_span){(size_t)(open + 2 - text), (size_t)(close - text)};
        return true;
    }
    standing_fold(text, len, folded);
    if (strlen(folded) != len) /* its letters are as long as the text's: places are the same */
        return false;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        const char *at = strstr(folded, signs[i]);
        size_t n = strlen(signs[i]), from = at ? (size_t)(at - folded) : 0;
        text_span found;
        if (at && (!from || !is_word_byte(folded[from - 1])) && !is_word_byte(folded[from + n]) && from < best && phrase_from(text, len, from + n, &found)) {
            best = from;
            *out = found;
        }
    }
    return best != SIZE_MAX;
}
