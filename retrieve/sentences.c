/* sentences.c - see sentences.h. */
#include "retrieve/sentences.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"

#define MAX_NUMBER   9999
#define IMAGE_NAME 200 /* bytes in which the name of an image ends */
#define COLUMN_BYTES 24
#define WRAPPED_LINE 48 /* bytes of a line that may have been wrapped */

static bool is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

/* ---- markers ---- */

static bool read_number(const char *s, size_t len, size_t *at, uint32_t *out)
{
    size_t start = *at;

    *out = 0;
    while (*at < len && isdigit((unsigned char)s[*at]) && *at - start < 4)
        *out = *out * 10 + (uint32_t)(s[(*at)++] - '0');
    return *at > start && *out <= MAX_NUMBER;
}

bool marker_read(const char *s, size_t len, size_t at, text_marker *m)
{
    static const char *const words[] = {"passage", "source", "document"};
    size_t p = at + 1;

    if (at >= len || s[at] != '[')
        return false;
    m->count = 0;
    for (size_t w = 0; w < 3; w++)
        if (p + strlen(words[w]) < len && !strncasecmp(s + p, words[w], strlen(words[w]))) {
            p += strlen(words[w]);
            break;
        }
    for (;;) {
        uint32_t from, to;
        while (p < len && s[p] == ' ')
            p++;
        if (!read_number(s, len, &p, &from))
            return false;
        to = from;
        if (p < len && s[p] == '-') {
            p++;
            if (!read_number(s, len, &p, &to) || to < from || to - from >= MARKER_NUMBERS)
                return false;
        }
        for (uint32_t n = from; n <= to && m->count < MARKER_NUMBERS; n++)
            m->n[m->count++] = n;
        while (p < len && s[p] == ' ')
            p++;
        if (p < len && (s[p] == ',' || s[p] == ';'))
            p++;
        else
            break;
    }
    if (p >= len || s[p] != ']')
        return false;
    m->start = at;
    m->end = p + 1;
    return true;
}

/* ---- stops ---- */

bool sentences_dotted_ordinals(const char *lang)
{
    static const char all[] = " de da no nb nn fi cs sk pl hu hr sl et lv tr is ";
    const char *at = lang && strlen(lang) == 2 ? strstr(all, lang) : NULL;

    return at && at[-1] == ' ' && at[2] == ' ';
}

/* The word before the stop, compared without case. */
static bool is_abbreviation(const char *word, size_t len)
{
    static const char *const known[] = {
        "dr",   "mr",  "mrs", "ms",   "prof", "st",   "no",   "nr",  "vs",   "sr",  "jr",  "e.g",
        "i.e",  "z.b", "bzw", "ca",   "vgl",  "d.h",  "u.a",  "inkl", "evtl", "str", "tel", "abb",
        "fig",  "approx", "dept", "pp", "sra", "ud", "uds", "art", "p.ej", "núm", "mme", "mlle", "cf"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == len && !strncasecmp(known[i], word, len))
            return true;
    return false;
}

/* The stop at s[i] is that of a day before its month, "30. November 2012", whatever language the document is in. A month that English
 * writes alike wants a year behind it: "We sold 30. April was bad." */
static bool is_day_of_month(const char *s, size_t len, size_t i)
{
    static const char *const own[] = {"Januar", "Jänner", "Februar", "März", "Mai", "Juni", "Juli", "Oktober", "Dezember", "januar", "februar", "marts", "maj",
                                      "juni", "juli", "oktober", "desember"},
                             *const shared[] = {"April", "August", "September", "November", "april", "august", "september", "november", "december"};
    size_t b = i, at = i + 2;

    while (b > 0 && isdigit((unsigned char)s[b - 1]))
        b--;
    if (i == b || i - b > 2 || (b && isalnum((unsigned char)s[b - 1])) || at >= len || s[i + 1] != ' ')
        return false;
    for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
        size_t n = strlen(own[k]);
        if (len - at >= n && !memcmp(s + at, own[k], n) && (at + n == len || (!isalnum((unsigned char)s[at + n]) && (unsigned char)s[at + n] < 0x80)))
            return true;
    }
    for (size_t k = 0; k < sizeof shared / sizeof *shared; k++) {
        size_t n = strlen(shared[k]), year = at + n + 1;
        if (len - at >= n + 5 && !memcmp(s + at, shared[k], n) && s[at + n] == ' ' && isdigit((unsigned char)s[year]) && isdigit((unsigned char)s[year + 1]) &&
            isdigit((unsigned char)s[year + 2]) && isdigit((unsigned char)s[year + 3]))
            return true;
    }
    return false;
}

/* The stop at s[i] belongs to an initial, a list's number, an ordinal or an abbreviation. */
static bool ends_nothing(const char *s, size_t len, size_t i, bool ordinals)
{
    size_t b = i, w;

    while (b > 0 && isalnum((unsigned char)s[b - 1]))
        b--;
    for (w = i; w > 0 && (isalnum((unsigned char)s[w - 1]) || s[w - 1] == '.' ||
                          (unsigned char)s[w - 1] >= 0x80);)
        w--;
    bool initial = i - b == 1 && isupper((unsigned char)s[b]) &&
                   (b == 0 || (unsigned char)s[b - 1] < 0x80);
    bool item = i > b && i - b <= 2 && isdigit((unsigned char)s[b]) &&
                (ordinals || b == 0 || s[b - 1] == '\n');
    return initial || item || is_day_of_month(s, len, i) || is_abbreviation(s + w, i - w);
}

/* A date or a time begins the line, as in the log of a chat: "12/03/2025, 18:02 - Mum: ...", "18:05 Leo: ...". */
static bool begins_with_stamp(const char *s, size_t len)
{
    size_t at = 0, parts = 0, n = 0;
    char sign = 0;

    for (;; at++) {
        for (n = 0; at < len && isdigit((unsigned char)s[at]); at++)
            n++;
        if (!n || n > 4)
            return false;
        parts++;
        if (at == len || !strchr("/.-:", s[at]) || (sign && s[at] != sign))
            break;
        sign = s[at];
    }
    return (parts == 3 || (parts == 2 && sign == ':' && n == 2)) && at < len && (is_space(s[at]) || strchr(",)T", s[at]));
}

/* Two columns of text, "4 Jul   fly to Lisbon": blanks or a tab near the beginning of the line that end no sentence. */
static bool has_column(const char *s, size_t len)
{
    for (size_t i = 1; i + 2 < len && i < COLUMN_BYTES; i++)
        if (s[i] == '\t' || (s[i] == ' ' && s[i + 1] == ' '))
            return !is_space(s[i - 1]) && !strchr(".!?:", s[i - 1]);
    return false;
}

/* Whether the line break at s[i] lies inside a sentence of wrapped text: behind a line of some length that
 * ends in a word or a comma, before a line that begins with a letter or a digit and is no row of a table. */
static bool wraps(const char *s, size_t len, size_t i)
{
    size_t start = i, next = i + 1, end;

    while (start > 0 && s[start - 1] != '\n')
        start--;
    if (i - start < WRAPPED_LINE || next >= len)
        return false;
    unsigned char last = (unsigned char)s[i - 1], first = (unsigned char)s[next];
    if (!(isalnum(last) || last == ',' || last == '-' || last == ')') ||
        !(isalnum(first) || first == '(' || first == 0xC3))
        return false;
    for (end = next; end < len && s[end] != '\n';)
        end++;
    if (memmem(s + start, end - start, " | ", 3))
        return false;
    if (has_column(s + start, i - start) && has_column(s + next, end - next))
        return false;
    if (begins_with_stamp(s + next + (first == '('), end - next - (first == '(')))
        return false;
    if (isdigit(first)) { /* "2. Next item" is a list, "0.5 per cent" goes on */
        size_t d = next;
        while (d < end && isdigit((unsigned char)s[d]))
            d++;
        if (d + 1 < end && (s[d] == '.' || s[d] == ')') && s[d + 1] == ' ')
            return false;
    }
    return true;
}

/* An image in Markdown, "![name](address)". */
static bool is_image(const char *s, size_t len, size_t i)
{
    size_t end = i + 2 < len && len - i > IMAGE_NAME ? i + IMAGE_NAME : len;

    return i + 1 < len && s[i] == '!' && s[i + 1] == '[' && memmem(s + i, end - i, "](", 2);
}

/* Length of a full stop at s[i], 0 when there is none: an ASCII one counts before a blank. */
static size_t stop_length(const char *s, size_t len, size_t i, bool ordinals)
{
    size_t n = 1;

    if (len - i >= 3 &&
        (!memcmp(s + i, "\xE3\x80\x82", 3) || !memcmp(s + i, "\xEF\xBC\x81", 3) ||
         !memcmp(s + i, "\xEF\xBC\x9F", 3) || !memcmp(s + i, "\xE0\xA5\xA4", 3)))
        return 3;
    if (s[i] == '\n')
        return wraps(s, len, i) ? 0 : 1;
    if (len - i >= 2 && (!memcmp(s + i, "\xD8\x9F", 2) || !memcmp(s + i, "\xDB\x94", 2)))
        return 2; /* the Arabic question mark and full stop */
    if (!strchr(".!?", s[i]) || s[i] == '\0' || is_image(s, len, i))
        return 0;
    while (i + n < len && strchr(".!?\"')", s[i + n]) && s[i + n])
        n++;
    if (i + n < len && !is_space(s[i + n]) && s[i + n] != '[')
        return 0;
    return s[i] == '.' && i >= 1 && ends_nothing(s, len, i, ordinals) ? 0 : n;
}

/* Where the sentence ends whose stop ends at `end`: behind the markers that follow. */
static size_t behind_markers(const char *s, size_t len, size_t end)
{
    text_marker m;

    for (size_t p = end; p < len; p++) {
        if (marker_read(s, len, p, &m)) {
            end = m.end;
            p = m.end - 1;
            if (p + 1 < len && strchr(".,", s[p + 1]))
                end = ++p + 1;
        } else if (!is_space(s[p]) || s[p] == '\n') {
            break;
        }
    }
    return end;
}

static cairn_status add_span(text_span **list, size_t *n, size_t *cap, const char *s, size_t a,
                             size_t b, cairn_error *err)
{
    while (a < b && is_space(s[a]))
        a++;
    while (b > a && is_space(s[b - 1]))
        b--;
    if (b == a)
        return CAIRN_OK;
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 16;
        text_span *more = checked_realloc(*list, *cap, sizeof *more);
        if (!more) {
            free(*list);
            *list = NULL;
            return cairn_fail(err, CAIRN_ENOMEM, "sentences");
        }
        *list = more;
    }
    (*list)[(*n)++] = (text_span){a, b};
    return CAIRN_OK;
}

cairn_status sentences_split(const char *s, size_t len, bool markers, bool ordinals,
                             text_span **out, size_t *n, cairn_error *err)
{
    size_t cap = 0, start = 0;

    *out = NULL;
    *n = 0;
    for (size_t i = 0; i <= len; i++) {
        size_t stop = i < len ? stop_length(s, len, i, ordinals) : 0;
        if (i < len && !stop)
            continue;
        size_t end = markers ? behind_markers(s, len, i + stop) : i + stop;
        cairn_status st = add_span(out, n, &cap, s, start, end, err);
        if (st)
            return st;
        start = end;
        i = end > i ? end - 1 : i;
    }
    return CAIRN_OK;
}

static bool is_row(const char *line, size_t len)
{
    return memmem(line, len, " | ", 3) != NULL;
}

/* The sentences of a block of lines that are no rows, at `from` in the text. */
static cairn_status add_prose(text_span **list, size_t *n, size_t *cap, const char *s, size_t from, size_t to,
                              bool ordinals, cairn_error *err)
{
    text_span *found;
    size_t n_found;
    cairn_status st = sentences_split(s + from, to - from, false, ordinals, &found, &n_found, err);

    for (size_t i = 0; i < n_found && !st; i++)
        st = add_span(list, n, cap, s, from + found[i].start, from + found[i].end, err);
    free(found);
    return st;
}

cairn_status sentences_rows(const char *s, size_t len, bool ordinals, text_span **out, size_t *n, cairn_error *err)
{
    size_t cap = 0, prose = 0; /* prose: where the lines begin that no row has interrupted */
    cairn_status st = CAIRN_OK;

    *out = NULL;
    *n = 0;
    for (size_t at = 0; at < len && !st;) {
        const char *nl = memchr(s + at, '\n', len - at);
        size_t end = nl ? (size_t)(nl - s) : len;
        if (is_row(s + at, end - at)) {
            st = add_prose(out, n, &cap, s, prose, at, ordinals, err);
            if (!st)
                st = add_span(out, n, &cap, s, at, end, err);
            prose = end < len ? end + 1 : len;
        }
        at = end + 1;
    }
    return st ? st : add_prose(out, n, &cap, s, prose, len, ordinals, err);
}

bool text_is_struck(const char *text, size_t len, size_t at)
{
    size_t start = at, end;
    bool open = false;

    while (start && !(text[start - 1] == '\n' && (start < 2 || text[start - 2] == '\n')))
        start--;
    const char *stop = memmem(text + at, len - at, "\n\n", 2);
    end = stop ? (size_t)(stop - text) : len;
    for (size_t i = start; i < at && i + 1 < end; i++)
        if (text[i] == '~' && text[i + 1] == '~') {
            open = !open;
            i++;
        }
    return open && memmem(text + at, end - at, "~~", 2);
}

bool sentence_asks(const char *text, size_t start, size_t end)
{
    static const char *const signs[] = {"?", "\xEF\xBC\x9F", "\xD8\x9F"}; /* of Chinese and of Arabic */
    static const char *const closing[] = {"\"", "'", ")", "*", " ", "\n", "\xE2\x80\x9C", "\xE2\x80\x9D", "\xC2\xBB", "\xE3\x80\x8D"};
    size_t n;

    for (bool cut = true; cut;) {
        cut = false;
        for (size_t i = 0; !cut && i < sizeof closing / sizeof *closing; i++) {
            n = strlen(closing[i]);
            cut = end - start > n && !memcmp(text + end - n, closing[i], n);
            end -= cut ? n : 0;
        }
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        n = strlen(signs[i]);
        if (end - start >= n && !memcmp(text + end - n, signs[i], n))
            return true;
    }
    return false;
}
