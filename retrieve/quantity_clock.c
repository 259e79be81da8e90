/* quantity_clock.c - times of the clock; see quantity_words.h.
 *
 * "14:30" and "2 pm" say themselves that they are times. A bare hour does only by what stands around it: "à 16 heures", "alle 18", "a las
 * seis", "в 7 часов", "zwischen 8 und 10 Uhr". One that may be before or after noon ("halb neun") has both values. */
#include "retrieve/quantity_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "retrieve/word_list.h"

#define TOKENS 7
#define NOON   720

typedef struct token {
    size_t start, end;
    char word[QUANTITY_WORD]; /* in small letters */
} token;

/* The words from s[at] on, with nothing but blanks and apostrophes between them. */
static size_t read_tokens(const char *s, size_t len, size_t at, token *out)
{
    size_t n = 0;

    while (n < TOKENS) {
        at = quantity_skip_blank(s, len, at);
        if (n && at < len && s[at] == '\'')
            at++;
        else if (n && len - at > 3 && !memcmp(s + at, "\xE2\x80\x99", 3))
            at += 3;
        size_t end = at;
        while (end < len && isdigit((unsigned char)s[end]))
            end++;
        if (end == at)
            end = quantity_word_end(s, len, at);
        if (end == at || !quantity_fold(s + at, end - at, out[n].word))
            break;
        out[n].start = at;
        out[n++].end = end;
        at = end;
    }
    return n;
}

/* The word before s[at], across one blank or apostrophe; *from: where it begins. */
static void word_before(const char *s, size_t at, char out[QUANTITY_WORD], size_t *from)
{
    size_t end = at, start;

    while (end && s[end - 1] == ' ')
        end--;
    if (end > 1 && !memcmp(s + end - 2, "\xC2\xA0", 2))
        end -= 2;
    start = end;
    while (start && (isalpha((unsigned char)s[start - 1]) || ((unsigned char)s[start - 1] >= 0x80 && (unsigned char)s[start - 1] < 0xE2 &&
                                                              (unsigned char)s[start - 1] != 0xC2)) &&
           end - start < QUANTITY_WORD - 1)
        start--;
    *from = start;
    *out = '\0';
    if (end > start)
        (void)quantity_fold(s + start, end - start, out);
}

static bool is(const char *list, const char *word)
{
    return *word && word_list_has(list, word, strlen(word));
}

static bool hour_of(const char *word, int *out)
{
    static const struct {
        const char *word;
        int hour;
    } more[] = {{"una", 1}, {"une", 1}, {"eins", 1}, {"ein", 1}, {"due", 2}, {"sei", 6}, {"otto", 8}, {"час", 1}};
    double value;
    size_t n = strlen(word);

    if (isdigit((unsigned char)*word)) {
        if (n > 2)
            return false;
        *out = word[0] - '0';
        if (n == 2)
            *out = *out * 10 + word[1] - '0';
        return *out <= 24;
    }
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (!strcmp(word, more[i].word)) {
            *out = more[i].hour;
            return true;
        }
    if (!quantity_numeral(word, &value) || value > 24)
        return false;
    *out = (int)value;
    return true;
}

static bool minute_of(const char *word, int *out)
{
    double value;

    if (isdigit((unsigned char)*word) && strlen(word) == 2)
        value = (word[0] - '0') * 10 + word[1] - '0';
    else if (!quantity_numeral(word, &value))
        return false;
    *out = (int)value;
    return value >= 1 && value < 60;
}

/* "in the morning", "de la tarde", "di sera", "утра": how many words from t[i] on; *part: 1 before noon, 2 after. */
static size_t part_of_day(const token *t, size_t n, size_t i, int *part)
{
    static const char am[] = " morning morgens vormittags mañana madrugada matin mattino mattina утра ";
    static const char pm[] = " afternoon evening night abends nachmittags tarde noche soir après-midi après pomeriggio sera notte дня вечера ";
    static const char leads[] = " in at the de la du l del di am i ";

    *part = 0;
    for (size_t k = i; k < n && k < i + 4; k++) {
        if (is(am, t[k].word) || is(pm, t[k].word)) {
            *part = is(am, t[k].word) ? 1 : 2;
            return k + 1 - i;
        }
        if (!is(leads, t[k].word))
            return 0;
    }
    return 0;
}

static void make_time(quantity *q, size_t start, size_t end, int hour, int minute, int part)
{
    double value = hour * 60 + minute;

    if (part == 2 && hour < 12)
        value += NOON;
    *q = (quantity){.kind = QUANTITY_TIME, .start = start, .end = end, .value = {value, part || hour > 12 || !hour ? value : value + NOON}};
}

/* What may stand behind an hour that is told by a preposition alone: the end, or a word that begins something else. */
static bool ends_hour(const char *s, size_t len, const token *t, size_t n, size_t i)
{
    static const char goes_on[] = " and y e et und и till until to bis hasta a à alle fino jusqu до on in at el los am en every each jeden cada ogni chaque for für para "
                                  "per pour with mit con avec devant vor du de des le al ";

    if (i >= n)
        return t[n - 1].end >= len || !isalnum((unsigned char)s[t[n - 1].end]);
    return is(goes_on, t[i].word) || isdigit((unsigned char)*t[i].word);
}

/* "y media", "e un quarto", "et demie", "menos cuarto", "y veinte" from t[i] on: how many words. */
static size_t read_minutes(const token *t, size_t n, size_t i, int *minutes)
{
    bool less = i < n && is(" menos meno moins ", t[i].word);
    size_t k = i + 1;
    int m;

    *minutes = 0;
    if (i + 1 >= n || !(less || is(" y e et ", t[i].word)))
        return 0;
    if (is(" un le une ", t[k].word) && k + 1 < n)
        k++;
    if (is(" media mezza mezzo demie demi ", t[k].word))
        m = 30;
    else if (is(" cuarto quarto quart ", t[k].word))
        m = 15;
    else if (!minute_of(t[k].word, &m))
        return 0;
    *minutes = less ? -m : m;
    return k + 1 - i;
}

/* "8 und 10 Uhr", "13 bis 15 Uhr": the first of two hours. */
static bool first_of_two(const token *t, size_t n)
{
    int hour;

    return n > 3 && is(" und bis oder ", t[1].word) && hour_of(t[2].word, &hour) && !strcmp(t[3].word, "uhr");
}

/* The hour t[0], in digits or as a word, with what stands around it. */
static bool hour_phrase(const char *s, size_t len, const token *t, size_t n, quantity *q)
{
    char before[QUANTITY_WORD], more[QUANTITY_WORD];
    size_t from, from2, used, i = 1;
    int hour, minutes = 0, part = 0;
    bool told = false, bare;

    if (!n || !hour_of(t[0].word, &hour))
        return false;
    word_before(s, t[0].start, before, &from);
    word_before(s, from, more, &from2);
    bool romance = is(" las la alle dalle ore ", before);
    bool at = is(" las alle dalle ore ", before) ? (strcmp(before, "las") != 0 || is(" a desde hasta de sobre antes ", more))
                                                 : is(" at um к ", before);
    if (i < n && !strcmp(t[i].word, "uhr")) {
        told = true;
        if (++i < n && minute_of(t[i].word, &minutes))
            i++;
    } else if (i < n && is(" heures heure h ", t[i].word) && (is(" à vers dès avant entre ", before) || (is(" de et ", before) && n > 2 && is(" à et ", t[2].word)))) {
        told = true;
        i++;
        used = read_minutes(t, n, i, &minutes);
        i += used;
        if (!used && i < n && minute_of(t[i].word, &minutes))
            i++;
    } else if (i + 1 < n && !strcmp(t[i].word, "o") && !strcmp(t[i + 1].word, "clock")) {
        told = true;
        i += 2;
    } else if (i < n && is(" час часа часов ", t[i].word) && is(" в к до с после около ", before)) {
        size_t day = part_of_day(t, n, i + 1, &part);
        told = strcmp(before, "в") != 0 || day || i + 1 == n || !is(" день неделю ", t[i + 1].word);
        i++;
    } else if (romance && (used = read_minutes(t, n, i, &minutes)) > 0) {
        told = true;
        i += used;
    } else if (first_of_two(t, n)) {
        told = true;
    }
    used = part_of_day(t, n, i, &part);
    bare = at && ends_hour(s, len, t, n, i);
    if (!told && !bare && !(used && (romance || at || is(" в a ", before) || part)))
        return false;
    if (used && !told && !romance && !at && !isdigit((unsigned char)*t[0].word)) /* "two afternoons" */
        return false;
    i += used;
    if (minutes < 0) {
        hour--;
        minutes += 60;
    }
    if (hour < 0)
        return false;
    make_time(q, t[0].start, t[i - 1].end, hour, minutes, part);
    return true;
}

/* Russian ordinals behind "половина": half of the eighth hour is half past seven. */
static bool half_of(const char *word, int *hour)
{
    static const char *const hours[] = {"первого", "второго", "третьего", "четвертого", "пятого", "шестого",
                                        "седьмого", "восьмого", "девятого", "десятого", "одиннадцатого", "двенадцатого"};

    for (size_t i = 0; i < sizeof hours / sizeof *hours; i++)
        if (!strcmp(word, hours[i])) {
            *hour = (int)i + 1;
            return true;
        }
    return false;
}

bool quantity_clock_words(const char *s, size_t len, size_t at, quantity *q)
{
    static const char noons[] = " noon midi mezzogiorno mediodía ", midnights[] = " midnight minuit mezzanotte medianoche ";
    token t[TOKENS];
    size_t n = read_tokens(s, len, at, t), used;
    int hour, part;

    if (!n)
        return false;
    if (n > 1 && !strcmp(t[0].word, "halb") && hour_of(t[1].word, &hour) && hour >= 1 && hour <= 12) {
        used = part_of_day(t, n, 2, &part);
        make_time(q, at, t[1 + used].end, hour == 1 ? 12 : hour - 1, 30, part);
        return true;
    }
    if (n > 1 && is(" половина половине ", t[0].word) && half_of(t[1].word, &hour)) {
        make_time(q, at, t[1].end, hour == 1 ? 12 : hour - 1, 30, 0);
        return true;
    }
    if (n > 2 && is(" half quarter viertel ", t[0].word) && is(" past to nach vor ", t[1].word) && hour_of(t[2].word, &hour) && hour >= 1) {
        bool to = is(" to vor ", t[1].word);
        int minutes = !strcmp(t[0].word, "half") ? 30 : to ? 45 : 15;
        if (!strcmp(t[0].word, "half") && to)
            return false;
        used = part_of_day(t, n, 3, &part);
        make_time(q, at, t[2 + used].end, to ? (hour == 1 ? 12 : hour - 1) : hour, minutes, part);
        return true;
    }
    if (is(noons, t[0].word) || is(midnights, t[0].word)) {
        char before[QUANTITY_WORD];
        size_t from;
        word_before(s, at, before, &from);
        if ((at && s[at - 1] == '-') || is(" après mezzo ", before))
            return false;
        make_time(q, at, t[0].end, is(noons, t[0].word) ? 12 : 0, 0, 1);
        return true;
    }
    return !isdigit((unsigned char)s[at]) && hour_phrase(s, len, t, n, q);
}

/* "20.30" behind "ore", "at" or "um". */
static bool dotted(const char *s, size_t at)
{
    char before[QUANTITY_WORD];
    size_t from;

    word_before(s, at, before, &from);
    return is(" ore alle dalle at um las ", before);
}

bool quantity_clock(const char *s, size_t len, size_t at, quantity *q)
{
    size_t p = at, r;
    int h, m = 0, part;
    bool colon = false, said = false, hours = false;
    token t[TOKENS];

    if (!quantity_digits(s, len, &p, 1, 2, &h) || h > 24)
        return false;
    r = p + 1;
    if (p < len && (s[p] == ':' || s[p] == '.') && quantity_digits(s, len, &r, 2, 2, &m) && m < 60) {
        colon = s[p] == ':' || (dotted(s, at) && (r >= len || s[r] != '.'));
        p = r;
    } else {
        m = 0;
        hours = true;
    }
    r = quantity_skip_blank(s, len, p);
    size_t minutes = hours && r < len && s[r] == 'h' ? quantity_skip_blank(s, len, r + 1) : len;
    if (quantity_digits(s, len, &minutes, 2, 2, hours ? &m : &(int){0}) && m < 60 && (minutes >= len || !isalnum((unsigned char)s[minutes]))) {
        said = true; /* 14 h 30, 14h30 */
        p = minutes;
    } else if (len - r >= 3 && !memcmp(s + r, "Uhr", 3)) {
        said = true;
        p = r + 3;
    } else if (len - r >= 2 && (tolower((unsigned char)s[r]) == 'a' || tolower((unsigned char)s[r]) == 'p')) {
        size_t e = r + 1;
        if (s[e] == '.' && e + 1 < len)
            e++;
        if (tolower((unsigned char)s[e]) == 'm' &&
            (e + 1 >= len || !isalnum((unsigned char)s[e + 1]))) {
            said = true;
            if (tolower((unsigned char)s[r]) == 'p' && h < 12)
                h += 12;
            p = e + 1;
        }
    }
    if (!colon && !said)
        return hours && hour_phrase(s, len, t, read_tokens(s, len, at, t), q);
    if (p < len && s[p] == ':') /* 1:2:3 */
        return false;
    *q = (quantity){.kind = QUANTITY_TIME, .start = at, .end = p, .value = {h * 60 + m, h * 60 + m}};
    size_t n = read_tokens(s, len, p, t), used = part_of_day(t, n, 0, &part);
    if (used && (p >= len || s[p] == ' ')) {
        q->end = t[used - 1].end;
        if (part == 2 && h < 12)
            q->value[0] = q->value[1] = (h + 12) * 60 + m;
    }
    return true;
}
