/* normaliser.c - see normaliser.h. */
#include "generate/tokenize/normaliser.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/checked.h"
#include "base/utf8.h"

#define SHORT_CLUSTER 6 /* bytes: clusters below it are looked up whole */

void normaliser_clear(normaliser *n)
{
    for (size_t i = 0; i < n->n; i++) {
        bytes_clear(&n->steps[i].from);
        bytes_clear(&n->steps[i].to);
    }
    n->n = 0;
}

/* ---- grapheme clusters (Unicode Standard Annex 29, rules GB3 to GB11) ---- */

typedef struct cluster {
    int last;          /* class of its last character */
    bool pictographic; /* it is a pictograph and what extends it */
} cluster;

static int class_of(uint32_t cp)
{
    return u_getIntPropertyValue((UChar32)cp, UCHAR_GRAPHEME_CLUSTER_BREAK);
}

static bool is_pictograph(uint32_t cp)
{
    return u_hasBinaryProperty((UChar32)cp, UCHAR_EXTENDED_PICTOGRAPHIC);
}

static bool is_break(int class)
{
    return class == U_GCB_CONTROL || class == U_GCB_CR || class == U_GCB_LF;
}

/* Whether cp, of class `next`, goes on with the cluster. Pairs of regional indicators and conjuncts
 * of Indic scripts are left out: either half is too long to be looked up whole. */
static bool goes_on(const cluster *c, uint32_t cp, int next)
{
    if (c->last == U_GCB_CR)
        return next == U_GCB_LF;
    if (is_break(c->last) || is_break(next))
        return false;
    if (next == U_GCB_EXTEND || next == U_GCB_ZWJ || next == U_GCB_SPACING_MARK ||
        c->last == U_GCB_PREPEND)
        return true;
    if (c->last == U_GCB_L)
        return next == U_GCB_L || next == U_GCB_V || next == U_GCB_LV || next == U_GCB_LVT;
    if (c->last == U_GCB_LV || c->last == U_GCB_V)
        return next == U_GCB_V || next == U_GCB_T;
    if (c->last == U_GCB_LVT || c->last == U_GCB_T)
        return next == U_GCB_T;
    return c->last == U_GCB_ZWJ && c->pictographic && is_pictograph(cp);
}

/* Bytes of the cluster at the front of well-formed s[0, len), len >= 1. */
static size_t cluster_bytes(const char *s, size_t len)
{
    uint32_t cp;
    size_t end = utf8_decode(s, len, &cp, NULL);
    cluster c;

    if ((uint8_t)s[0] < 0x80 && s[0] != '\r' && (end == len || (uint8_t)s[end] < 0x80))
        return end;
    c = (cluster){class_of(cp), is_pictograph(cp)};
    while (end < len) {
        size_t n = utf8_decode(s + end, len - end, &cp, NULL);
        int next = class_of(cp);
        if (!goes_on(&c, cp, next))
            break;
        c.pictographic =
            (c.pictographic && (next == U_GCB_EXTEND || next == U_GCB_ZWJ)) || is_pictograph(cp);
        c.last = next;
        end += n;
    }
    return end;
}

/* ---- the steps ---- */

/* Appends what the map makes of s[0, len), or nothing and false. */
static bool put_mapped(const charsmap *m, const char *s, size_t len, bytes *out, cairn_status *st)
{
    const char *to;
    size_t to_len;

    if (!charsmap_shortest(m, s, len, &to, &to_len))
        return false;
    *st = utf8_valid(to, to_len) ? bytes_append(out, to, to_len)
                                 : bytes_append_str(out, "\xEF\xBF\xBD");
    return true;
}

static cairn_status run_map(const charsmap *m, const char *s, size_t len, bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < len && !st;) {
        const size_t n = cluster_bytes(s + i, len - i), end = i + n;
        if (n < SHORT_CLUSTER && put_mapped(m, s + i, n, out, &st)) {
            i = end;
            continue;
        }
        while (i < end && !st) {
            uint32_t cp;
            size_t one = utf8_decode(s + i, end - i, &cp, NULL);
            if (!put_mapped(m, s + i, one, out, &st))
                st = bytes_append(out, s + i, one);
            i += one;
        }
    }
    return st;
}

static cairn_status run_replace(const text_step *step, const char *s, size_t len, bytes *out)
{
    cairn_status st = CAIRN_OK;

    while (len && !st) {
        const char *p = memmem(s, len, step->from.data, step->from.len);
        size_t n = p ? (size_t)(p - s) : len;
        st = bytes_append(out, s, n);
        if (p && !st)
            st = bytes_append(out, step->to.data, step->to.len);
        n += p ? step->from.len : 0;
        s += n;
        len -= n;
    }
    return st;
}

static cairn_status run_squeeze(const text_step *step, const char *s, size_t len, bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < len && !st;) {
        size_t n = 0;
        while (i + n < len && s[i + n] == ' ')
            n++;
        if (n > 1) {
            st = bytes_append(out, step->to.data, step->to.len);
        } else {
            n += !n;
            st = bytes_append(out, s + i, n);
        }
        i += n;
    }
    return st;
}

static size_t white_space_at(const char *s, size_t len)
{
    uint32_t cp;
    size_t n = utf8_decode(s, len, &cp, NULL);

    return u_isUWhiteSpace((UChar32)cp) ? n : 0;
}

/* The expression \s{2,}|[\n\r\t]. */
static cairn_status run_blanks(const text_step *step, const char *s, size_t len, bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < len && !st;) {
        size_t n = 0, blanks = 0, one;
        while (i + n < len && (one = white_space_at(s + i + n, len - i - n))) {
            n += one;
            blanks++;
        }
        if (blanks > 1 || (blanks && (s[i] == '\n' || s[i] == '\r' || s[i] == '\t'))) {
            st = bytes_append(out, step->to.data, step->to.len);
        } else {
            uint32_t cp;
            n = utf8_decode(s + i, len - i, &cp, NULL);
            st = bytes_append(out, s + i, n);
        }
        i += n;
    }
    return st;
}

/* A piece of a text, at most as many code units as ICU counts in. */
static cairn_status compose(const UNormalizer2 *form, const char *s, size_t len, bytes *out)
{
    UErrorCode failed = U_ZERO_ERROR;
    UChar *wide, *composed = NULL;
    int32_t n = 0, m = 0, n_bytes = 0;
    char *narrow = NULL;
    cairn_status st = CAIRN_ENOMEM;

    wide = checked_malloc(len + 1, sizeof *wide);
    if (wide)
        u_strFromUTF8(wide, (int32_t)len + 1, &n, s, (int32_t)len, &failed);
    if (wide && U_SUCCESS(failed)) {
        m = unorm2_normalize(form, wide, n, NULL, 0, &failed);
        failed = U_ZERO_ERROR;
        composed = checked_malloc((size_t)m + 1, sizeof *composed);
        narrow = checked_malloc((size_t)m + 1, 3); /* of each unit at the most */
    }
    if (composed && narrow) {
        m = unorm2_normalize(form, wide, n, composed, m + 1, &failed);
        u_strToUTF8(narrow, 3 * m + 1, &n_bytes, composed, m, &failed);
        st = U_SUCCESS(failed) ? bytes_append(out, narrow, (size_t)n_bytes) : CAIRN_ELIMIT;
    }
    free(wide);
    free(composed);
    free(narrow);
    return st;
}

static cairn_status run_compose(const text_step *step, const char *s, size_t len, bytes *out)
{
    UErrorCode failed = U_ZERO_ERROR;
    const UNormalizer2 *form = step->compatible ? unorm2_getNFKCInstance(&failed) : unorm2_getNFCInstance(&failed);
    size_t plain = 0;

    while (plain < len && (uint8_t)s[plain] < 0x80)
        plain++;
    if (plain == len)
        return bytes_append(out, s, len);
    if (!U_SUCCESS(failed))
        return CAIRN_ENOMEM;
    return len < INT32_MAX / 64 ? compose(form, s, len, out) : CAIRN_ELIMIT; /* NFKC: 18 for one */
}

static cairn_status run_strip(const text_step *step, const char *s, size_t len, bytes *out)
{
    size_t from = 0, to = len, n;

    while (step->left && from < to && (n = white_space_at(s + from, to - from)))
        from += n;
    while (step->right && to > from) {
        for (n = 1; n < to - from && (s[to - n] & 0xC0) == 0x80;)
            n++;
        if (!white_space_at(s + to - n, n))
            break;
        to -= n;
    }
    return bytes_append(out, s + from, to - from);
}

/* No context: a final sigma is one like others. U+0130 alone becomes two characters. */
static cairn_status run_lowercase(const char *s, size_t len, bytes *out)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < len && !st;) {
        char buf[4];
        uint32_t cp;
        i += utf8_decode(s + i, len - i, &cp, NULL);
        st = cp == 0x130
                 ? bytes_append_str(out, "i\xCC\x87")
                 : bytes_append(out, buf, utf8_encode((uint32_t)u_tolower((UChar32)cp), buf));
    }
    return st;
}

static cairn_status run_step(const text_step *step, const char *s, size_t len, bytes *out)
{
    switch (step->kind) {
    case TEXT_MAP:
        return run_map(&step->map, s, len, out);
    case TEXT_REPLACE:
        return run_replace(step, s, len, out);
    case TEXT_SQUEEZE:
        return run_squeeze(step, s, len, out);
    case TEXT_BLANKS:
        return run_blanks(step, s, len, out);
    case TEXT_COMPOSE:
        return run_compose(step, s, len, out);
    case TEXT_STRIP:
        return run_strip(step, s, len, out);
    case TEXT_LOWERCASE:
        return run_lowercase(s, len, out);
    }
    return CAIRN_EUSAGE;
}

cairn_status normaliser_run(const normaliser *n, const char *s, size_t len, bytes *out,
                            bytes *spare)
{
    cairn_status st;

    bytes_reset(out);
    st = utf8_sanitize(out, s, len);
    for (size_t i = 0; i < n->n && !st; i++) {
        bytes swap = *spare;
        *spare = *out;
        *out = swap;
        bytes_reset(out);
        st = run_step(&n->steps[i], spare->data, spare->len, out);
    }
    return st;
}

/* ---- words ---- */

/* One stretch between white space, or the whole text. */
static cairn_status cut_stretch(const normaliser *n, const char *s, size_t len, bool first,
                                bytes *spare, word_fn *fn, void *ctx)
{
    const bool signed_already = len >= 3 && !memcmp(s, WORD_SIGN, 3);
    cairn_status st = CAIRN_OK;

    bytes_reset(spare);
    if (!len)
        return CAIRN_OK;
    if ((n->sign == SIGN_ALWAYS || (n->sign == SIGN_FIRST && first)) && *s != ' ' &&
        !signed_already)
        st = bytes_append_str(spare, WORD_SIGN);
    for (size_t i = 0; i < len && !st; i++) {
        const char *space = memchr(s + i, ' ', len - i);
        size_t run = space ? (size_t)(space - s) - i : len - i;
        st = bytes_append(spare, s + i, run);
        if (space && !st)
            st = bytes_append_str(spare, WORD_SIGN);
        i += run;
    }
    for (size_t i = 0; i < spare->len && !st;) {
        const char *w = spare->data + i, *p = NULL;
        size_t left = spare->len - i;
        if (n->cut_at_sign && left > 3)
            p = memmem(w + 1, left - 1, WORD_SIGN, 3);
        left = p ? (size_t)(p - w) : left;
        st = fn(ctx, w, left);
        i += left;
    }
    return st;
}

cairn_status normaliser_words(const normaliser *n, const char *s, size_t len, bool first,
                              bytes *spare, word_fn *fn, void *ctx)
{
    cairn_status st = CAIRN_OK;

    if (!n->cut_at_white_space)
        return cut_stretch(n, s, len, first, spare, fn, ctx);
    for (size_t i = 0; i < len && !st;) {
        size_t end = i, space = white_space_at(s + i, len - i);
        if (space) {
            i += space;
            continue;
        }
        while (end < len && !white_space_at(s + end, len - end)) {
            uint32_t cp;
            end += utf8_decode(s + end, len - end, &cp, NULL);
        }
        st = cut_stretch(n, s + i, end - i, first && i == 0, spare, fn, ctx);
        i = end;
    }
    return st;
}
