/* pii_text.c - see pii_text.h. */
#include "retrieve/pii_text.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"

#define LETTER_BYTES 4

static bool word_byte(unsigned char c)
{
    return isalnum(c) || c >= 0x80 || c == '_';
}

bool pii_is_letter(uint32_t cp)
{
    return cp >= 0xC0 && cp < 0x2000 && cp != 0x60C && cp != 0x61B && cp != 0x61F;
}

bool pii_begins_word(const char *s, size_t at)
{
    size_t from = at;
    uint32_t cp;

    if (at == 0 || (unsigned char)s[at - 1] < 0x80)
        return at == 0 || !word_byte((unsigned char)s[at - 1]);
    while (from && at - from < LETTER_BYTES && ((unsigned char)s[--from] & 0xC0) == 0x80)
        ;
    utf8_decode(s + from, at - from, &cp, NULL);
    return !pii_is_letter(cp);
}

bool pii_ends_word(const char *s, size_t len, size_t end)
{
    uint32_t cp;

    if (end >= len || (unsigned char)s[end] < 0x80)
        return end >= len || !word_byte((unsigned char)s[end]);
    utf8_decode(s + end, len - end, &cp, NULL);
    return !pii_is_letter(cp);
}

static const char *const wide_blanks[] = {"\xC2\xA0", "\xE2\x80\xAF", "\xE2\x80\x89", "\xE3\x80\x80"};

size_t pii_gap(const char *s, size_t len, size_t p, const char *seps)
{
    if (p >= len || !s[p])
        return 0;
    if (strchr(seps, s[p]))
        return 1;
    for (size_t i = 0; strchr(seps, ' ') && i < sizeof wide_blanks / sizeof *wide_blanks; i++) {
        size_t n = strlen(wide_blanks[i]);
        if (len - p >= n && !memcmp(s + p, wide_blanks[i], n))
            return n;
    }
    return 0;
}

bool pii_goes_on(const char *s, size_t at)
{
    if (at > 1 && strchr(" -", s[at - 1]))
        return isdigit((unsigned char)s[at - 2]);
    for (size_t i = 0; i < sizeof wide_blanks / sizeof *wide_blanks; i++) {
        size_t n = strlen(wide_blanks[i]);
        if (at > n && !memcmp(s + at - n, wide_blanks[i], n))
            return isdigit((unsigned char)s[at - n - 1]);
    }
    return false;
}

bool pii_named_before(const char *s, size_t at, size_t reach, const char *words)
{
    char near[PII_NEAR_BEFORE * 2 + 1];
    size_t from = at > reach ? at - reach : 0, n = 0;

    for (size_t i = from; i < at; i++)
        near[n++] = (char)tolower((unsigned char)s[i]);
    near[n] = '\0';
    for (const char *w = words; *w;) {
        size_t whole = strcspn(w, "|");
        bool ends = whole && w[whole - 1] == '$';
        size_t k = whole - ends;
        for (size_t i = 0; i + k <= n; i++)
            if (!memcmp(near + i, w, k) && (i == 0 || !isalpha((unsigned char)near[i - 1])) &&
                (!ends || i + k == n || !isalpha((unsigned char)near[i + k])))
                return true;
        w += whole + (w[whole] == '|');
    }
    return false;
}

bool pii_luhn(const char *d, size_t n)
{
    int sum = 0;

    for (size_t i = 0; i < n; i++) {
        int x = d[n - 1 - i] - '0';
        if (i % 2)
            x = x > 4 ? x * 2 - 9 : x * 2;
        sum += x;
    }
    return sum % 10 == 0;
}
