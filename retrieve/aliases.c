/* aliases.c - see aliases.h. */
#include "retrieve/aliases.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

#define CLAUSE 160 /* bytes looked back */

/* What announces a name that follows. In small letters, longest first where one begins another. */
static const char *const announcements[] = {
    "also known as", "also called", "also referred to as", "better known as", "formerly known as", "formerly called",
    "commonly known as", "commonly called", "sometimes called", "otherwise known as", "known locally as", "a.k.a.", "aka",
    "auch bekannt als", "auch bezeichnet als", "früher bekannt als", "besser bekannt als", "auch genannt",
    "aussi connu sous le nom de", "aussi connue sous le nom de", "aussi appelé", "aussi appelée", "également appelé", "également appelée",
    "también conocido como", "también conocida como", "también llamado", "también llamada", "anche conosciuto come", "anche conosciuta come",
    "anche chiamato", "anche chiamata", "ook bekend als", "ook wel",
};

static const char *const articles[] = {
    "a", "an", "the", "this", "that", "its", "their", "our", "your", "his", "her", "der", "die", "das", "den", "dem", "des", "ein", "eine",
    "einen", "einem", "einer", "le", "la", "les", "un", "une", "du", "el", "los", "las", "una", "il", "lo", "gli", "i", "de", "het", "een",
    "of", "in", "on", "for", "with", "by", "and", "or", "is", "are", "was", "were", "von", "mit", "und", "ist", "y", "es", "et", "est",
};

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* A word goes on over a hyphen, an apostrophe and an ampersand inside it. */
static bool joins(char c)
{
    return c == '-' || c == '\'' || c == '&';
}

static bool is_article(const char *s, size_t len)
{
    for (size_t i = 0; i < sizeof articles / sizeof *articles; i++)
        if (strlen(articles[i]) == len && !strncasecmp(articles[i], s, len))
            return true;
    return false;
}

/* Back over the word that ends at `to`; `to` itself where none ends there. */
static size_t word_back(const char *s, size_t from, size_t to)
{
    size_t at = to;

    while (at > from && (is_word_byte(s[at - 1]) || (at < to && joins(s[at - 1]) && at - 1 > from && is_word_byte(s[at - 2]))))
        at--;
    return at;
}

const char *alias_last_words(const char *s, size_t len, size_t n, size_t *out_len)
{
    size_t at = len;

    while (n--) {
        size_t end = at, start;
        while (end && s[end - 1] == ' ')
            end--;
        start = word_back(s, 0, end);
        if (start == end)
            return NULL;
        at = start;
    }
    *out_len = len - at;
    return s + at;
}

const char *alias_name_at_end(const char *s, size_t len, size_t *out_len)
{
    const char *name = NULL;

    for (size_t n = 1; n <= ALIAS_WORDS + 1; n++) {
        size_t word_len, span;
        const char *at = alias_last_words(s, len, n, &span);
        if (!at)
            break;
        for (word_len = 0; word_len < span && at[word_len] != ' '; word_len++)
            ;
        if (is_article(at, word_len))
            return name;
        if (n > ALIAS_WORDS)
            break;
        name = at;
        *out_len = span;
    }
    /* No article: the whole of a clause that is nothing but the name, or else its capitals. */
    name = NULL;
    for (size_t n = 1; n <= ALIAS_WORDS; n++) {
        size_t span;
        const char *at = alias_last_words(s, len, n, &span);
        if (!at || !((*at >= 'A' && *at <= 'Z') || (unsigned char)*at >= 0xC3))
            break;
        name = at;
        *out_len = span;
    }
    return name;
}

/* The pairs of bytes that announcements begin with, the first in small letters: nearly no word does. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool begins[256][256];

static void note_beginnings(void)
{
    for (size_t i = 0; i < sizeof announcements / sizeof *announcements; i++)
        begins[(unsigned char)announcements[i][0] | 0x20][(unsigned char)announcements[i][1]] = true;
}

/* What announces a name at text[at], its length; 0: nothing does. One word alone must be in small letters: AKA is
 * more often something else. */
static size_t announced(const char *text, size_t len, size_t at)
{
    if (len - at < 3 || !begins[(unsigned char)text[at] | 0x20][(unsigned char)text[at + 1]])
        return 0;
    for (size_t i = 0; i < sizeof announcements / sizeof *announcements; i++) {
        size_t n;
        bool alone;
        if ((text[at] | 0x20) != (announcements[i][0] | 0x20) || text[at + 1] != announcements[i][1])
            continue;
        n = strlen(announcements[i]);
        alone = !strchr(announcements[i], ' ');
        if (n <= len - at && !(alone ? strncmp : strncasecmp)(text + at, announcements[i], n) && (at + n == len || !is_word_byte(text[at + n])))
            return n;
    }
    return 0;
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
    while (at < len && (strchr(" \n\"'", text[at]) || !strncmp(text + at, "\xC2\xBB", len - at < 2 ? len - at : 2)))
        at++;
    return at;
}

/* The name behind the announcement that ends at `at`. */
static bool take_after(const char *text, size_t len, size_t at, alias_pair *out)
{
    size_t end, words = 0, first;

    at = skip_blanks(text, len, at);
    for (first = at; first < len && is_word_byte(text[first]); first++)
        ;
    if (is_article(text + at, first - at))
        at = skip_blanks(text, len, first);
    for (end = at; end < len && words <= ALIAS_WORDS; end++) {
        if (is_word_byte(text[end]))
            words += end == at || text[end - 1] == ' ';
        else if (text[end] != ' ' && !joins(text[end]))
            break;
    }
    if (end == at || end >= len || words > ALIAS_WORDS || !strchr(",.;:)(\"\n", text[end]))
        return false;
    while (end > at && !is_word_byte(text[end - 1]))
        end--;
    out->after = text + at;
    out->after_len = end - at;
    return end > at;
}

/* The clause before the announcement that begins at `at`. */
static bool take_before(const char *text, size_t at, alias_pair *out)
{
    size_t start, end = at;

    while (end && strchr(" ,(\"'\n", text[end - 1]))
        end--;
    for (start = end; start && end - start < CLAUSE && !strchr(",.;:!?()\n\"", text[start - 1]); start--)
        ;
    while (start < end && text[start] == ' ')
        start++;
    out->before = text + start;
    out->before_len = end - start;
    return end > start && is_word_byte(text[end - 1]);
}

bool alias_next(const char *text, size_t len, size_t *at, alias_pair *out)
{
    size_t here = *at;
    bool inside = here && is_word_byte(text[here - 1]);

    pthread_once(&once, note_beginnings);
    while (here < len) {
        bool word = is_word_byte(text[here]);
        size_t n = word && !inside ? announced(text, len, here) : 0;
        inside = word;
        if (!n) {
            here++;
            continue;
        }
        bool found = take_before(text, here, out) && take_after(text, len, here + n, out);
        here += n;
        inside = is_word_byte(text[here - 1]);
        if (found) {
            *at = here;
            return true;
        }
    }
    *at = here;
    return false;
}
