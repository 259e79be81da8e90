/* acronyms.c - see acronyms.h. */
#include "retrieve/acronyms.h"

#include <string.h>

#define LEAST 2
#define MOST  8

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Letters beyond ASCII are letters. */
static bool is_letter(char c)
{
    return is_capital(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static char lower(char c)
{
    return is_capital(c) ? (char)(c + 'a' - 'A') : c;
}

bool acronym_like(const char *s, size_t len)
{
    size_t capitals = 0;

    if (len < LEAST || len > MOST)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_letter(s[i]) || (unsigned char)s[i] >= 0x80)
            return false;
        capitals += is_capital(s[i]);
    }
    return capitals >= 2;
}

/* Where in text[from, to) the words begin that the short form stands for; `to` when there are none. */
static size_t match_back(const char *text, size_t from, size_t to, const char *acronym, size_t n)
{
    size_t at = to;

    for (size_t s = n; s-- > 0;) {
        do {
            if (at == from)
                return to;
            at--;
        } while (lower(text[at]) != lower(acronym[s]) ||
                 (s == 0 && at > from && (is_letter(text[at - 1]) || text[at - 1] == '-')));
    }
    return at;
}

static size_t count_words(const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += is_letter(s[i]) && (!i || !is_letter(s[i - 1]));
    return n;
}

/* The meaning of text[from, to) for the short form; false: it has none there. */
static bool take_meaning(const char *text, size_t from, size_t to, const char *acronym, size_t n, acronym_pair *out)
{
    size_t most = n + 5 < 2 * n ? n + 5 : 2 * n, start = match_back(text, from, to, acronym, n);

    if (start == to || to - start <= n || count_words(text + start, to - start) > most ||
        count_words(text + start, to - start) < 2)
        return false;
    *out = (acronym_pair){acronym, text + start, n, to - start};
    return true;
}

/* Back from `to` to where a sentence or a clause ends, 160 bytes at most. */
static size_t clause_start(const char *text, size_t to)
{
    size_t at = to;

    while (at && to - at < 160 && !strchr(".;:!?()\n", text[at - 1]))
        at--;
    return at;
}

/* The word that ends at `to`. */
static size_t word_start(const char *text, size_t to)
{
    size_t at = to;

    while (at && to - at <= MOST && is_letter(text[at - 1]))
        at--;
    return at;
}

bool acronym_next(const char *text, size_t len, size_t *at, acronym_pair *out)
{
    while (*at < len) {
        const char *open = memchr(text + *at, '(', len - *at), *close;
        size_t inside, n, to, word;
        if (!open)
            break;
        inside = (size_t)(open - text) + 1;
        *at = inside;
        close = memchr(text + inside, ')', len - inside < 160 ? len - inside : 160);
        if (!close || inside < 3)
            continue;
        n = (size_t)(close - text) - inside;
        to = inside - 1;
        while (to && (text[to - 1] == ' ' || text[to - 1] == '\n'))
            to--;
        if (acronym_like(text + inside, n) &&
            take_meaning(text, clause_start(text, to), to, text + inside, n, out))
            return true;
        word = word_start(text, to);
        if (acronym_like(text + word, to - word) &&
            take_meaning(text, inside, inside + n, text + word, to - word, out) && out->meaning == text + inside)
            return true;
    }
    *at = len;
    return false;
}
