/* word_byte.h - bytes of UTF-8 for rules that read questions and sentences as runs of letters: does one belong to a word,
 * and does a word begin with a capital? */
#ifndef CAIRN_RETRIEVE_WORD_BYTE_H
#define CAIRN_RETRIEVE_WORD_BYTE_H

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

/* Letters and digits of ASCII, and every byte of a sign beyond it: marks beyond ASCII are the caller's to leave out. */
static inline bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* Of A to Z or Latin-1 (É, Ü), where s[0, left) begins; `left` > 0. */
static inline bool is_latin_capital(const char *s, size_t left)
{
    unsigned char c = (unsigned char)s[0], next = left > 1 ? (unsigned char)s[1] : 0;

    return isupper(c) || (c == 0xC3 && next >= 0x80 && next <= 0x9E);
}

/* The same, or of Cyrillic. */
static inline bool is_capital(const char *s, size_t left)
{
    unsigned char c = (unsigned char)s[0], next = left > 1 ? (unsigned char)s[1] : 0;

    return is_latin_capital(s, left) || (c == 0xD0 && next >= 0x90 && next <= 0xAF);
}

#endif
