/* word_byte.h - does a byte of UTF-8 belong to a word, for rules that read questions and sentences as runs of letters?
 * Letters and digits of ASCII, and every byte of a sign beyond it: marks beyond ASCII are the caller's to leave out. */
#ifndef CAIRN_RETRIEVE_WORD_BYTE_H
#define CAIRN_RETRIEVE_WORD_BYTE_H

#include <ctype.h>
#include <stdbool.h>

static inline bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

#endif
