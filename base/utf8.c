/* utf8.c - a decoder by first-byte class; table 3-7 of the Unicode Standard gives the ranges. */
#include "base/utf8.h"

#include <string.h>

size_t utf8_decode(const char *s, size_t len, uint32_t *cp, bool *valid)
{
    const unsigned char *p = (const unsigned char *)s;
    unsigned char b0 = p[0];
    /* Range allowed for the second byte; only four first bytes narrow it. */
    unsigned lo = 0x80, hi = 0xBF;
    size_t need, i;
    uint32_t c;

    if (valid)
        *valid = true;
    if (b0 < 0x80) {
        *cp = b0;
        return 1;
    }
    if (b0 >= 0xC2 && b0 <= 0xDF) {
        need = 2;
        c = b0 & 0x1F;
    } else if (b0 >= 0xE0 && b0 <= 0xEF) {
        need = 3;
        c = b0 & 0x0F;
        if (b0 == 0xE0)
            lo = 0xA0;
        else if (b0 == 0xED)
            hi = 0x9F;
    } else if (b0 >= 0xF0 && b0 <= 0xF4) {
        need = 4;
        c = b0 & 0x07;
        if (b0 == 0xF0)
            lo = 0x90;
        else if (b0 == 0xF4)
            hi = 0x8F;
    } else {
        i = 1;
        goto broken;
    }
    for (i = 1; i < need; i++) {
        if (i >= len || p[i] < lo || p[i] > hi)
            goto broken;
        c = c << 6 | (p[i] & 0x3F);
        lo = 0x80;
        hi = 0xBF;
    }
    *cp = c;
    return need;
broken:
    *cp = UTF8_REPLACEMENT;
    if (valid)
        *valid = false;
    return i;
}

size_t utf8_encode(uint32_t cp, char dst[4])
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        cp = UTF8_REPLACEMENT;
    if (cp < 0x80) {
        dst[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        dst[0] = (char)(0xC0 | cp >> 6);
        dst[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        dst[0] = (char)(0xE0 | cp >> 12);
        dst[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        dst[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    dst[0] = (char)(0xF0 | cp >> 18);
    dst[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    dst[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    dst[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

/* Bytes of s[0, len) that are plain ASCII from the start, eight at a time. */
static size_t ascii_run(const char *s, size_t len)
{
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        uint64_t w;
        memcpy(&w, s + i, 8);
        if (w & 0x8080808080808080u)
            break;
    }
    while (i < len && (unsigned char)s[i] < 0x80)
        i++;
    return i;
}

/* The first byte of s[0, len) at or after `i` that starts a broken sequence; len if none. */
static size_t find_broken(const char *s, size_t len, size_t i)
{
    while (i < len) {
        uint32_t cp;
        bool ok;
        size_t n;
        i += ascii_run(s + i, len - i);
        if (i >= len)
            break;
        n = utf8_decode(s + i, len - i, &cp, &ok);
        if (!ok)
            return i;
        i += n;
    }
    return len;
}

bool utf8_valid(const char *s, size_t len)
{
    return find_broken(s, len, 0) == len;
}

cairn_status utf8_sanitize(bytes *out, const char *s, size_t len)
{
    size_t i = 0;

    while (i < len) {
        size_t bad = find_broken(s, len, i);
        uint32_t cp;
        cairn_status st = bytes_append(out, s + i, bad - i);
        if (st)
            return st;
        i = bad;
        if (i < len) {
            i += utf8_decode(s + i, len - i, &cp, NULL);
            st = bytes_append(out, "\xEF\xBF\xBD", 3);
            if (st)
                return st;
        }
    }
    return CAIRN_OK;
}

size_t utf8_floor(const char *s, size_t len)
{
    /* Look back over at most three continuation bytes for the lead byte of a cut character. */
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char b = (unsigned char)s[len - back];
        size_t need;
        if ((b & 0xC0) == 0x80)
            continue;
        need = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : b >= 0xC0 ? 2 : 1;
        return need > back ? len - back : len;
    }
    return len;
}

size_t utf8_length(const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; n++) {
        uint32_t cp;
        i += utf8_decode(s + i, len - i, &cp, NULL);
    }
    return n;
}

void utf8_fold_latin(const char *s, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 'A' && c <= 'Z')
            c += 0x20;
        else if (i && (unsigned char)s[i - 1] == 0xC3 && c >= 0x80 && c <= 0x9E)
            c += 0x20;
        out[i] = (char)c;
    }
    out[len] = '\0';
}
