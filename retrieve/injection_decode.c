/* injection_decode.c - see injection_decode.h. */
#include "retrieve/injection_decode.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/utf8.h"

#define BASE64_MIN  24 /* characters of a run worth decoding */
#define ESCAPES_MIN 6
#define SPACED_MIN  8 /* letters in a row with a blank between each */
#define TURNED_MIN  2 /* common words of rot13 */

/* Letters that look like a Latin one. Small ones only where they do; capitals by their own shape. */
static char latin_twin(uint32_t cp)
{
    static const struct {
        uint16_t cp;
        char latin;
    } twins[] = {
        {0x430, 'a'}, {0x435, 'e'}, {0x43E, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'},
        {0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x501, 'd'}, {0x51B, 'q'},
        {0x51D, 'w'}, {0x4BB, 'h'}, {0x410, 'A'}, {0x412, 'B'}, {0x415, 'E'}, {0x41A, 'K'},
        {0x41C, 'M'}, {0x41D, 'H'}, {0x41E, 'O'}, {0x420, 'P'}, {0x421, 'C'}, {0x422, 'T'},
        {0x423, 'Y'}, {0x425, 'X'}, {0x405, 'S'}, {0x406, 'I'}, {0x408, 'J'}, {0x391, 'A'},
        {0x392, 'B'}, {0x395, 'E'}, {0x396, 'Z'}, {0x397, 'H'}, {0x399, 'I'}, {0x39A, 'K'},
        {0x39C, 'M'}, {0x39D, 'N'}, {0x39F, 'O'}, {0x3A1, 'P'}, {0x3A4, 'T'}, {0x3A5, 'Y'},
        {0x3A7, 'X'}, {0x3B1, 'a'}, {0x3BF, 'o'}, {0x3C1, 'p'}, {0x3BD, 'v'}, {0x3B9, 'i'},
        {0x131, 'i'}, {0x251, 'a'}, {0x261, 'g'}};

    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
        if (twins[i].cp == cp)
            return twins[i].latin;
    return 0;
}

/* Only where a word mixes them with letters of ASCII, which no honest word does. */
static size_t decode_lookalikes(const char *s, size_t len, char *out, size_t cap)
{
    bool mixed = false, latin = false, twin = false;
    size_t n = 0;

    for (size_t i = 0; i < len && n + 5 < cap;) {
        uint32_t cp;
        size_t step = utf8_decode(s + i, len - i, &cp, NULL);
        char c = latin_twin(cp);
        if (c || cp >= 0x80) {
            twin |= c != 0;
        } else if (isalpha((int)cp)) {
            latin = true;
        } else {
            latin = twin = false;
        }
        mixed |= latin && twin;
        if (c) {
            out[n++] = c;
        } else {
            memcpy(out + n, s + i, step);
            n += step;
        }
        i += step;
    }
    out[n] = '\0';
    return mixed ? n : 0;
}

/* Letters and blanks for the most part, with a blank between words. */
static bool is_text(const char *s, size_t n)
{
    size_t good = 0, blanks = 0;

    for (size_t i = 0; i < n; i++) {
        good += isalpha((unsigned char)s[i]) || (unsigned char)s[i] >= 0x80 || s[i] == ' ';
        blanks += s[i] == ' ';
        if ((unsigned char)s[i] < 0x20 && !isspace((unsigned char)s[i]))
            return false;
    }
    return n >= 8 && utf8_valid(s, n) && good * 5 >= n * 4 && (blanks || (unsigned char)*s >= 0xE0);
}

static bool is_base64(char c)
{
    return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '-' || c == '_';
}

/* One run, padded as the decoder wants it. */
static size_t decode_run(const char *s, size_t len, char *out, size_t cap)
{
    bytes text, plain;
    size_t n = 0;

    bytes_init(&text, cap * 2);
    bytes_init(&plain, cap - 1);
    bool fits = len % 4 != 1;
    for (size_t i = 0; i < len && fits; i++)
        fits = !bytes_append_byte(&text, (uint8_t)(s[i] == '-' ? '+' : s[i] == '_' ? '/' : s[i]));
    for (size_t i = len; i % 4 && fits; i++)
        fits = !bytes_append_byte(&text, '=');
    if (fits && !base64_decode(&plain, text.data, text.len) && is_text(plain.data, plain.len)) {
        n = plain.len;
        memcpy(out, plain.data, n);
    }
    bytes_clear(&text);
    bytes_clear(&plain);
    return n;
}

static size_t decode_base64(const char *s, size_t len, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < len;) {
        size_t from = i;
        while (i < len && is_base64(s[i]))
            i++;
        size_t run = i - from;
        if (run >= BASE64_MIN && n + run + 2 < cap) {
            size_t got = decode_run(s + from, run, out + n, cap - n);
            n += got;
            if (got)
                out[n++] = ' ';
        }
        i += i == from;
    }
    out[n] = '\0';
    return n;
}

/* Where at least two common words of English, turned by 13, stand in it. */
static size_t decode_rot13(const char *s, size_t len, char *out, size_t cap)
{
    static const char *const common[] = {"gur", "naq", "lbh", "lbhe", "gb",   "vf",  "gung", "nyy",
                                         "zhfg", "sbe", "gryy", "jvgu", "abg", "guvf", "ner", "sebz"};
    size_t n = 0, known = 0;

    for (size_t i = 0; i < len;) {
        size_t from = i;
        while (i < len && isalpha((unsigned char)s[i]))
            i++;
        for (size_t k = 0; k < sizeof common / sizeof *common; k++)
            known += strlen(common[k]) == i - from && !strncmp(s + from, common[k], i - from);
        i += i == from;
    }
    if (known < TURNED_MIN)
        return 0;
    for (size_t i = 0; i < len && n + 1 < cap; i++) {
        char c = s[i];
        if (isalpha((unsigned char)c)) {
            char a = islower((unsigned char)c) ? 'a' : 'A';
            c = (char)(a + (c - a + 13) % 26);
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return n;
}

static size_t decode_spaced(const char *s, size_t len, char *out, size_t cap)
{
    size_t n = 0, most = 0;

    for (size_t i = 0; i < len && n + 1 < cap;) {
        size_t at = i, letters = 0;
        while (at + 1 < len && isalpha((unsigned char)s[at]) && s[at + 1] == ' ') {
            at += 2;
            letters++;
        }
        if (letters >= SPACED_MIN / 2 && (!i || !isalpha((unsigned char)s[i - 1]))) {
            for (; i < at && n + 1 < cap; i += 2)
                out[n++] = s[i];
            if (i < len && isalpha((unsigned char)s[i]) &&
                (i + 1 == len || !isalpha((unsigned char)s[i + 1])) && n + 1 < cap)
                out[n++] = s[i++];
            most += letters;
            if (n + 1 < cap)
                out[n++] = ' ';
        } else {
            out[n++] = s[i++];
        }
    }
    out[n] = '\0';
    return most >= SPACED_MIN ? n : 0;
}

/* The character of an escape at s[0, len) and its length; 0 when there is none. */
static size_t read_escape(const char *s, size_t len, uint32_t *cp)
{
    static const struct {
        const char *open;
        size_t most; /* digits; 0: up to a semicolon */
        int base;
    } forms[] = {{"%", 2, 16}, {"\\x", 2, 16}, {"\\u", 4, 16}, {"&#x", 0, 16}, {"&#", 0, 10}};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t n = strlen(forms[i].open), d = 0, most = forms[i].most ? forms[i].most : 6;
        char digits[8] = "";
        if (len < n || memcmp(s, forms[i].open, n) != 0)
            continue;
        while (d < most && n + d < len &&
               (forms[i].base == 16 ? isxdigit((unsigned char)s[n + d])
                                    : isdigit((unsigned char)s[n + d]))) {
            digits[d] = s[n + d];
            d++;
        }
        if (!d || (forms[i].most ? d < most : n + d >= len || s[n + d] != ';'))
            continue;
        *cp = (uint32_t)strtoul(digits, NULL, forms[i].base);
        return n + d + !forms[i].most;
    }
    return 0;
}

static size_t decode_escapes(const char *s, size_t len, char *out, size_t cap)
{
    size_t n = 0, escapes = 0;

    for (size_t i = 0; i < len && n + 5 < cap;) {
        uint32_t cp;
        size_t step = read_escape(s + i, len - i, &cp);
        if (step && cp < 0x80 && (isalpha((int)cp) || cp == ' ')) {
            out[n++] = (char)cp;
            escapes++;
            i += step;
        } else {
            out[n++] = s[i++];
        }
    }
    out[n] = '\0';
    return escapes >= ESCAPES_MIN ? n : 0;
}

size_t injection_decode(injection_code code, const char *s, size_t len, char *out, size_t cap)
{
    static size_t (*const decode[INJECTION_CODES])(const char *, size_t, char *, size_t) = {
        [INJECTION_LOOKALIKES] = decode_lookalikes, [INJECTION_BASE64] = decode_base64,
        [INJECTION_ROT13] = decode_rot13,           [INJECTION_SPACED] = decode_spaced,
        [INJECTION_ESCAPES] = decode_escapes,
    };

    return cap > 1 ? decode[code](s, len, out, cap) : 0;
}
