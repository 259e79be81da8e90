/* encoding.c - decoding by ICU, in pieces so that memory stays near the size of the text. */
#include "ingest/extract/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>

#include "base/utf8.h"

#define DETECT_BYTES ((size_t)64 << 10)
#define PIECE        ((size_t)64 << 10)

void encoding_clear(decoded *d)
{
    bytes_clear(&d->own);
}

static bool has_utf16_shape(const unsigned char *p, size_t len)
{
    size_t zeros[2] = {0, 0};

    if (len < 16 || len % 2)
        len &= ~(size_t)1;
    if (len > 4096)
        len = 4096;
    for (size_t i = 0; i < len; i++)
        zeros[i & 1] += p[i] == 0;
    return len >= 16 && (zeros[0] * 5 > len * 2 || zeros[1] * 5 > len * 2) &&
           (zeros[0] == 0 || zeros[1] == 0);
}

bool encoding_looks_binary(const char *data, size_t len)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t n = len < DETECT_BYTES ? len : DETECT_BYTES, control = 0, zero = 0;

    if (n >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF)))
        return false;
    if (has_utf16_shape(p, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        zero += p[i] == 0;
        control += p[i] < 0x20 && !(p[i] >= 8 && p[i] <= 13) && p[i] != 0x1B;
    }
    return zero > n / 1000 || control > n / 50 + 2; /* a stray bell or two makes no program */
}

static cairn_status convert(decoded *out, const char *data, size_t len, const char *charset)
{
    UErrorCode err = U_ZERO_ERROR;
    UConverter *from = ucnv_open(charset, &err), *to = ucnv_open("UTF-8", &err);
    const char *src = data, *end = data + len;
    UChar pivot[2048], *pivot_source = pivot, *pivot_target = pivot;
    cairn_status st = CAIRN_OK;
    bool first = true;

    if (U_FAILURE(err)) {
        ucnv_close(from);
        ucnv_close(to);
        return CAIRN_EUNSUPPORTED;
    }
    do {
        char *dst;

        st = bytes_reserve(&out->own, PIECE);
        if (st)
            break;
        dst = out->own.data + out->own.len;
        err = U_ZERO_ERROR;
        ucnv_convertEx(to, from, &dst, dst + PIECE, &src, end, pivot, &pivot_source, &pivot_target,
                       pivot + 2048, first, true, &err);
        first = false;
        out->own.len = (size_t)(dst - out->own.data);
        if (U_FAILURE(err) && err != U_BUFFER_OVERFLOW_ERROR)
            break; /* cut inside a character at the end of the input */
    } while (err == U_BUFFER_OVERFLOW_ERROR);
    if (out->own.data)
        out->own.data[out->own.len] = 0;
    ucnv_close(from);
    ucnv_close(to);
    out->text = out->own.data ? out->own.data : "";
    out->len = out->own.len;
    out->in_place = false;
    snprintf(out->name, sizeof out->name, "%s", charset);
    return st;
}

static bool guess(const char *data, size_t len, char name[48])
{
    UErrorCode err = U_ZERO_ERROR;
    UCharsetDetector *det = ucsdet_open(&err);
    const UCharsetMatch *match;
    bool ok = false;

    if (U_SUCCESS(err)) {
        ucsdet_setText(det, data, (int32_t)(len < DETECT_BYTES ? len : DETECT_BYTES), &err);
        match = ucsdet_detect(det, &err);
        if (U_SUCCESS(err) && match) {
            const char *found = ucsdet_getName(match, &err);
            if (U_SUCCESS(err)) {
                /* What calls itself Latin-1 is nearly always its Windows superset. */
                snprintf(name, 48, "%s", !strcmp(found, "ISO-8859-1") ? "windows-1252" : found);
                ok = true;
            }
        }
    }
    ucsdet_close(det);
    return ok;
}

/* What pages and mails declare and what they mean: each is sent for a larger set that has it inside (WHATWG,
 * Encoding Standard, names and labels). "US-ASCII" that is none says nothing. */
static const char *meant_by(const char *charset)
{
    static const struct {
        const char *name, *larger;
    } known[] = {{"ISO-8859-1", "windows-1252"}, {"ISO-8859-9", "windows-1254"},
                 {"GB2312", "GB18030"},          {"GBK", "GB18030"},
                 {"Shift_JIS", "ibm-943_P15A-2003"}, {"EUC-KR", "windows-949"},
                 {"KS_C_5601-1987", "windows-949"},  {"TIS-620", "windows-874"},
                 {"US-ASCII", ""}};
    UErrorCode err = U_ZERO_ERROR;
    const char *mime = ucnv_getStandardName(charset, "MIME", &err);

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!ucnv_compareNames(charset, known[i].name) ||
            (U_SUCCESS(err) && mime && !ucnv_compareNames(mime, known[i].name)))
            return known[i].larger;
    return charset;
}

static void keep(decoded *out, const char *text, size_t len)
{
    out->text = text;
    out->len = len;
    out->in_place = true;
    strcpy(out->name, "UTF-8");
}

/* Lines that end with a carriage return alone, as on old Macs, end with a line feed from here on. */
static cairn_status unify_breaks(decoded *d)
{
    cairn_status st;

    if (!d->len || memchr(d->text, '\n', d->len) || !memchr(d->text, '\r', d->len))
        return CAIRN_OK;
    if (d->text != d->own.data) {
        st = bytes_append(&d->own, d->text, d->len);
        if (st)
            return st;
        d->text = d->own.data;
        d->in_place = false;
    }
    for (size_t i = 0; i < d->len; i++)
        if (d->own.data[i] == '\r')
            d->own.data[i] = '\n';
    return CAIRN_OK;
}

static cairn_status decode(decoded *out, const char *data, size_t len, const char *charset)
{
    const unsigned char *p = (const unsigned char *)data;
    char name[48];
    cairn_status st;

    memset(out, 0, sizeof *out);
    bytes_init(&out->own, SIZE_MAX / 4);
    if (len >= 3 && p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF) {
        data += 3;
        len -= 3;
        charset = "UTF-8";
    } else if (len >= 4 && ((!memcmp(p, "\xFF\xFE\0\0", 4)) || !memcmp(p, "\0\0\xFE\xFF", 4))) {
        return convert(out, data, len, "UTF-32");
    } else if (len >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF))) {
        return convert(out, data, len, "UTF-16");
    } else if (has_utf16_shape(p, len)) {
        return convert(out, data, len, p[0] == 0 ? "UTF-16BE" : "UTF-16LE");
    }
    if (utf8_valid(data, len)) {
        keep(out, data, len);
        return CAIRN_OK;
    }
    if (charset)
        charset = meant_by(charset);
    if (charset && *charset && ucnv_compareNames(charset, "UTF-8") != 0) {
        st = convert(out, data, len, charset);
        if (st != CAIRN_EUNSUPPORTED)
            return st;
    }
    /* A few broken bytes in UTF-8 are likelier than another encoding that looks like it. */
    if (len > 4) {
        size_t good = 0, bad = 0, n = len < DETECT_BYTES ? len : DETECT_BYTES;
        for (size_t i = 0; i < n;) {
            uint32_t cp;
            bool valid;
            i += utf8_decode(data + i, n - i, &cp, &valid);
            good += valid && cp >= 0x80;
            bad += !valid;
        }
        if (good > bad) { /* characters by chance are rare in other encodings */
            keep(out, data, len);
            out->in_place = false; /* positions would need the broken bytes repaired */
            st = utf8_sanitize(&out->own, data, len);
            out->text = out->own.data;
            out->len = out->own.len;
            return st;
        }
    }
    if (guess(data, len, name) && strcmp(name, "UTF-8") != 0) {
        st = convert(out, data, len, name);
        if (st != CAIRN_EUNSUPPORTED)
            return st;
    }
    return convert(out, data, len, "windows-1252");
}

cairn_status encoding_decode(decoded *out, const char *data, size_t len, const char *charset)
{
    cairn_status st = decode(out, data, len, charset);

    return st ? st : unify_breaks(out);
}
