/* fold.c - NFKC, case folding and accents by ICU's normalisers. */
#include "index/text/fold.h"

#include <string.h>
#include <unicode/unorm2.h>

#include "base/utf8.h"

/* NFKC at most triples UTF-16 length for the words we meet; U+FDFA alone gives 18 units. */
#define UNITS (FOLD_MAX * 4)

static size_t to_units(const char *s, size_t n, UChar dst[FOLD_MAX])
{
    size_t out = 0;

    n = n > FOLD_MAX ? utf8_floor(s, FOLD_MAX) : n;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += utf8_decode(s + i, n - i, &cp, NULL);
        if (cp < 0x10000) {
            dst[out++] = (UChar)cp;
        } else {
            dst[out++] = (UChar)(0xD7C0 + (cp >> 10));
            dst[out++] = (UChar)(0xDC00 + (cp & 0x3FF));
        }
    }
    return out;
}

/* The code point at units[i]; *i steps over it. */
static uint32_t next_unit(const UChar *units, size_t n, size_t *i)
{
    uint32_t cp = units[(*i)++];
    if (cp >= 0xD800 && cp < 0xDC00 && *i < n && (units[*i] & 0xFC00) == 0xDC00)
        cp = 0x10000 + ((cp - 0xD800) << 10) + (units[(*i)++] - 0xDC00u);
    return cp;
}

/* Append cp; returns false when dst is full. */
static bool put(char dst[FOLD_MAX], size_t *n, uint32_t cp)
{
    char buf[4];
    size_t width = utf8_encode(cp, buf);
    if (*n + width > FOLD_MAX)
        return false;
    memcpy(dst + *n, buf, width);
    *n += width;
    return true;
}

size_t fold_case(const char *s, size_t n, char dst[FOLD_MAX])
{
    UErrorCode u = U_ZERO_ERROR;
    const UNormalizer2 *nf = unorm2_getNFKCCasefoldInstance(&u);
    UChar in[FOLD_MAX], folded[UNITS];
    size_t units = to_units(s, n, in), out = 0;
    int32_t len = U_FAILURE(u) ? 0 : unorm2_normalize(nf, in, (int32_t)units, folded, UNITS, &u);

    if (U_FAILURE(u))
        return 0;
    for (size_t i = 0; i < (size_t)len;) {
        uint32_t cp = next_unit(folded, (size_t)len, &i);
        if (!put(dst, &out, cp == 0x2019 || cp == 0x2BC ? '\'' : cp))
            break;
    }
    return out;
}

/* Letters that Unicode does not decompose though people write them plainly. */
static const char *plain_letters(uint32_t cp)
{
    switch (cp) {
    case 0xE6:
        return "ae";
    case 0xF0:
        return "d";
    case 0xF8:
        return "o";
    case 0xFE:
        return "th";
    case 0x111:
        return "d";
    case 0x127:
        return "h";
    case 0x131:
        return "i";
    case 0x142:
        return "l";
    case 0x14B:
        return "n";
    case 0x153:
        return "oe";
    case 0x167:
        return "t";
    default:
        return NULL;
    }
}

static bool folds_marks(uint32_t base)
{
    return base < 0x250 || (base >= 0x370 && base < 0x400) || (base >= 0x590 && base < 0x700) ||
           (base >= 0x1E00 && base < 0x2000);
}

static bool is_mark(uint32_t cp)
{
    return (cp >= 0x300 && cp < 0x370) || (cp >= 0x591 && cp < 0x5C8 && cp != 0x5BE) ||
           (cp >= 0x64B && cp < 0x660) || cp == 0x670 || cp == 0x640;
}

size_t fold_marks(const char *s, size_t n, char dst[FOLD_MAX])
{
    UErrorCode u = U_ZERO_ERROR;
    const UNormalizer2 *nfd = unorm2_getNFDInstance(&u), *nfc = unorm2_getNFCInstance(&u);
    UChar in[FOLD_MAX], apart[UNITS], kept[UNITS], joined[UNITS];
    size_t units = to_units(s, n, in), n_kept = 0, out = 0;
    uint32_t base = 0;
    int32_t len;

    if (U_FAILURE(u))
        return 0;
    len = unorm2_normalize(nfd, in, (int32_t)units, apart, UNITS, &u);
    if (U_FAILURE(u))
        return 0;
    for (size_t i = 0; i < (size_t)len;) {
        size_t from = i;
        uint32_t cp = next_unit(apart, (size_t)len, &i);
        if (is_mark(cp)) {
            if (folds_marks(base))
                continue;
        } else {
            base = cp;
        }
        while (from < i)
            kept[n_kept++] = apart[from++];
    }
    len = unorm2_normalize(nfc, kept, (int32_t)n_kept, joined, UNITS, &u);
    if (U_FAILURE(u))
        return 0;
    for (size_t i = 0; i < (size_t)len;) {
        uint32_t cp = next_unit(joined, (size_t)len, &i);
        const char *plain = plain_letters(cp);
        bool fits = true;
        if (!plain)
            fits = put(dst, &out, cp);
        for (; fits && plain && *plain; plain++)
            fits = put(dst, &out, (uint8_t)*plain);
        if (!fits)
            break;
    }
    return out;
}
