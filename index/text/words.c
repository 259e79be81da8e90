/* words.c - word boundaries: ASCII by hand, the rest by ICU's break iterator.
 *
 * The text is cut at ASCII white space, which is always a boundary. Stretches of pure ASCII go
 * through ascii_words(); stretches with other bytes are first freed of their CJK runs and then
 * given to ICU, several at once, since setting an iterator up costs more than a word. */
#include "index/text/words.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ubrk.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "index/text/wholes.h"

struct words {
    UBreakIterator *breaks; /* NULL until the first text that needs it */
    word_span *spans;
    size_t n, cap;
    whole *wholes; /* of the stretch */
    size_t n_wholes, cap_wholes;
    UChar *units;      /* the stretch as UTF-16 */
    uint32_t *offsets; /* byte offset of each unit, and of the end */
    size_t units_cap;
};

/* Character classes of ASCII. */
enum { OTHER = 0, LOWER = 1, UPPER = 2, DIGIT = 4, LETTER = LOWER | UPPER };
static const uint8_t class_of[256] = {
    ['0'] = DIGIT, ['1'] = DIGIT, ['2'] = DIGIT, ['3'] = DIGIT, ['4'] = DIGIT, ['5'] = DIGIT,
    ['6'] = DIGIT, ['7'] = DIGIT, ['8'] = DIGIT, ['9'] = DIGIT, ['a'] = LOWER, ['b'] = LOWER,
    ['c'] = LOWER, ['d'] = LOWER, ['e'] = LOWER, ['f'] = LOWER, ['g'] = LOWER, ['h'] = LOWER,
    ['i'] = LOWER, ['j'] = LOWER, ['k'] = LOWER, ['l'] = LOWER, ['m'] = LOWER, ['n'] = LOWER,
    ['o'] = LOWER, ['p'] = LOWER, ['q'] = LOWER, ['r'] = LOWER, ['s'] = LOWER, ['t'] = LOWER,
    ['u'] = LOWER, ['v'] = LOWER, ['w'] = LOWER, ['x'] = LOWER, ['y'] = LOWER, ['z'] = LOWER,
    ['A'] = UPPER, ['B'] = UPPER, ['C'] = UPPER, ['D'] = UPPER, ['E'] = UPPER, ['F'] = UPPER,
    ['G'] = UPPER, ['H'] = UPPER, ['I'] = UPPER, ['J'] = UPPER, ['K'] = UPPER, ['L'] = UPPER,
    ['M'] = UPPER, ['N'] = UPPER, ['O'] = UPPER, ['P'] = UPPER, ['Q'] = UPPER, ['R'] = UPPER,
    ['S'] = UPPER, ['T'] = UPPER, ['U'] = UPPER, ['V'] = UPPER, ['W'] = UPPER, ['X'] = UPPER,
    ['Y'] = UPPER, ['Z'] = UPPER,
};

/* Longest word that is looked at for capitals inside, and how many parts it may give. */
#define CAMEL_BYTES 64
#define CAMEL_PARTS 8
#define NAME_PART   4
/* Longest word before ++ (C++, Notepad++). */
#define PLUS_BYTES 12

static inline bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

cairn_status words_create(words **out, cairn_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "no memory for the word splitter");
}

void words_destroy(words *w)
{
    if (!w)
        return;
    if (w->breaks)
        ubrk_close(w->breaks);
    free(w->spans);
    free(w->wholes);
    free(w->units);
    free(w->offsets);
    free(w);
}

static cairn_status grow(words *w, cairn_error *err)
{
    size_t cap = w->cap ? w->cap * 2 : 256;
    word_span *more = checked_realloc(w->spans, cap, sizeof *more);
    if (!more)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for %zu words", cap);
    w->spans = more;
    w->cap = cap;
    return CAIRN_OK;
}

enum { MAIN, EXTRA, GUESS };

static inline cairn_status put(words *w, size_t start, size_t end, word_kind kind, unsigned role,
                               cairn_error *err)
{
    if (w->n == w->cap) {
        cairn_status st = grow(w, err);
        if (st)
            return st;
    }
    w->spans[w->n++] = (word_span){(uint32_t)start, (uint32_t)end, (uint8_t)kind,
                                   role != MAIN, role == GUESS, false};
    return CAIRN_OK;
}

static inline bool same_class(uint8_t a, uint8_t b)
{
    return ((a & LETTER) && (b & LETTER)) || (a & b & DIGIT);
}

/* Does a part of a camelCase word begin at s[i]? lowerUpper, HTTPRequest before the R (a lone small
 * letter behind capitals is a plural: PDFs). */
static bool is_hump(const uint8_t *s, size_t i, size_t n)
{
    uint8_t before = class_of[s[i - 1]], here = class_of[s[i]];
    if (here != UPPER)
        return false;
    return before == LOWER || (before == UPPER && i + 2 < n && class_of[s[i + 1]] == LOWER &&
                               class_of[s[i + 2]] == LOWER);
}

/* Does the word s[start, end) touch a sign that programs put there? */
static bool in_code(const uint8_t *s, size_t lo, size_t hi, size_t start, size_t end)
{
    if (end < hi && s[end] && strchr("(<[{:`*", s[end]))
        return true;
    if (end + 1 < hi && s[end] == '.' && class_of[s[end + 1]] != OTHER)
        return true;
    return start > lo && s[start - 1] && strchr("<.:`@$&*", s[start - 1]);
}

/* The parts of s[start, end) as extra words, when it is one word of several humps. Parts of one
 * character say nothing, and a single part is one only from three characters on (iPhone, not PhD).
 * Two humps with a short one are rather a name (CrossFit, YouTube) than a compound, unless they stand
 * in code. */
static cairn_status put_humps(words *w, const uint8_t *s, size_t lo, size_t hi, size_t start,
                              size_t end, cairn_error *err)
{
    size_t bound[CAMEL_PARTS + 1], n = 0, useful = 0, len = end - start;
    unsigned role = EXTRA;
    bool humps = false;

    if (len > CAMEL_BYTES)
        return CAIRN_OK;
    for (size_t i = 1; i < len && !humps; i++)
        humps = is_hump(s + start, i, len);
    for (size_t i = 0; i < len; i++)
        if (class_of[s[start + i]] == OTHER)
            humps = false;
    if (!humps)
        return CAIRN_OK;
    bound[n++] = 0;
    for (size_t i = 1; i < len && n < CAMEL_PARTS; i++)
        if (is_hump(s + start, i, len) ||
            !same_class(class_of[s[start + i - 1]], class_of[s[start + i]]))
            bound[n++] = i;
    bound[n] = len;
    if (n == 2 && class_of[s[start]] == UPPER && class_of[s[start + 1]] == LOWER &&
        (bound[1] < NAME_PART || len - bound[1] < NAME_PART) && !in_code(s, lo, hi, start, end))
        role = GUESS;
    for (size_t i = 0; i < n; i++)
        useful += bound[i + 1] - bound[i] >= 2;
    for (size_t i = 0; i < n; i++)
        if (bound[i + 1] - bound[i] >= (useful > 1 ? 2 : 3)) {
            cairn_status st =
                put(w, start + bound[i], start + bound[i + 1], WORD_ASCII, role, err);
            if (st)
                return st;
        }
    return CAIRN_OK;
}

/* Is s[i] something a word may lean on: the end of the stretch or no letter, digit or `sign`? */
static inline bool ends_sign(const uint8_t *s, size_t i, size_t end, uint8_t sign)
{
    return i >= end || (class_of[s[i]] == OTHER && s[i] != sign);
}

/* The word s[start, end) with a sign that belongs to it: C++, C#, .NET, #budget. *done tells whether
 * it was one. [lo, hi) is the stretch around it. */
static cairn_status put_with_sign(words *w, const uint8_t *s, size_t lo, size_t hi, size_t start,
                                  size_t end, word_kind kind, bool *done, cairn_error *err)
{
    size_t from = start, to = end;
    cairn_status st;

    *done = true;
    if (kind == WORD_ASCII && (class_of[s[start]] & LETTER)) {
        if (end + 1 < hi && s[end] == '+' && s[end + 1] == '+' && end - start <= PLUS_BYTES &&
            ends_sign(s, end + 2, hi, '+'))
            to = end + 2;
        else if (end < hi && s[end] == '#' && end - start <= 2 && ends_sign(s, end + 1, hi, '#'))
            to = end + 1;
        if (to > end) {
            st = put(w, start, to, kind, MAIN, err);
            return st ? st : put(w, start, end, kind, EXTRA, err);
        }
    }
    if (start > lo && s[start - 1] == '.')
        from -= end - start == 3 && (s[start] | 0x20) == 'n' && (s[start + 1] | 0x20) == 'e' &&
                (s[start + 2] | 0x20) == 't' &&
                (start - 1 == lo || (class_of[s[start - 2]] == OTHER && s[start - 2] != '.' &&
                                     s[start - 2] < 0x80));
    else if (start > lo && s[start - 1] == '#')
        from -= class_of[s[start]] != DIGIT &&
                (start - 1 == lo || is_space(s[start - 2]) || s[start - 2] == '(');
    if (from < start) {
        st = put(w, start, end, kind, MAIN, err);
        return st ? st : put(w, from, end, kind, EXTRA, err);
    }
    *done = false;
    return CAIRN_OK;
}

/* Give out one word, and its extra ones. `humps`: it has a capital behind its first letter. */
static inline cairn_status emit(words *w, const uint8_t *s, size_t lo, size_t hi, size_t start,
                                size_t end, word_kind kind, bool humps, cairn_error *err)
{
    bool sign = (end < hi && (s[end] == '+' || s[end] == '#')) ||
                (start > lo && (s[start - 1] == '.' || s[start - 1] == '#'));
    bool done = false;
    cairn_status st = CAIRN_OK;

    if (sign)
        st = put_with_sign(w, s, lo, hi, start, end, kind, &done, err);
    if (!done && !st)
        st = put(w, start, end, kind, MAIN, err);
    if (!st && humps && kind == WORD_ASCII)
        st = put_humps(w, s, lo, hi, start, end, err);
    return st;
}

/* v2.0.1 is searched as 2.0.1, too. */
static bool is_version(const uint8_t *s, size_t n)
{
    return n >= 4 && (s[0] | 0x20) == 'v' && class_of[s[1]] == DIGIT && memchr(s, '.', n);
}

/* True when s[0, n) is single letters with a dot between each: U.S.A, e.g */
static bool is_acronym(const uint8_t *s, size_t n)
{
    if (n < 3 || n % 2 == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (i % 2 ? s[i] != '.' : !(class_of[s[i]] & LETTER))
            return false;
    return true;
}

/* Give out the UAX #29 word s[start, end) of the stretch [lo, hi), parted where people would part
 * it. */
static cairn_status emit_parts(words *w, const uint8_t *s, size_t lo, size_t hi, size_t start,
                               size_t end, bool ascii, bool elision, cairn_error *err)
{
    word_kind kind = ascii ? WORD_ASCII : WORD_OTHER;
    size_t from = start;
    cairn_status st;

    if (is_acronym(s + start, end - start))
        return put(w, start, end, kind, MAIN, err);
    for (size_t i = start; i < end; i++) {
        size_t width = 0;
        if (s[i] == '_' || s[i] == ':' || s[i] == ';')
            width = 1;
        else if (s[i] == '.')
            width = i > start && i + 1 < end && class_of[s[i - 1]] == DIGIT &&
                            class_of[s[i + 1]] == DIGIT
                        ? 0
                        : 1;
        else if (elision && s[i] == '\'')
            width = 1;
        else if (elision && s[i] == 0xE2 && i + 2 < end && s[i + 1] == 0x80 && s[i + 2] == 0x99)
            width = 3; /* U+2019, the typographic apostrophe */
        if (!width)
            continue;
        if (i > from && (st = emit(w, s, lo, hi, from, i, kind, true, err)))
            return st;
        from = i + width;
        i += width - 1;
    }
    if (end <= from)
        return CAIRN_OK;
    st = emit(w, s, lo, hi, from, end, kind, true, err);
    if (!st && ascii && is_version(s + from, end - from))
        st = put(w, from + 1, end, kind, EXTRA, err);
    return st;
}

/* UAX #29 for ASCII: rules WB5-WB13b with the letters, digits and connectors that ASCII has (a
 * colon is none, as in ICU's rules for English). The stretch has no white space. */
static cairn_status ascii_words(words *w, const uint8_t *s, size_t start, size_t end, bool elision,
                                cairn_error *err)
{
    size_t i = start;
    cairn_status st;

    while (i < end) {
        size_t from;
        bool plain = true;
        unsigned seen = 0, inner = 0; /* classes of all characters, and behind the first */
        while (i < end && class_of[s[i]] == OTHER && s[i] != '_')
            i++;
        if (i == end)
            break;
        from = i;
        seen = class_of[s[i]];
        i += seen != 0;
        for (;;) {
            uint8_t before, c;
            while (i < end && (c = class_of[s[i]]) != OTHER) {
                inner |= c;
                i++;
            }
            if (i == end)
                break;
            if (s[i] == '_') {
                plain = false;
                i++;
                continue;
            }
            if (i == from || i + 1 == end)
                break;
            before = class_of[s[i - 1]];
            c = class_of[s[i + 1]];
            if (!((s[i] == '.' || s[i] == '\'') && same_class(before, c)) &&
                !((s[i] == ',' || s[i] == ';') && before == DIGIT && c == DIGIT))
                break;
            plain = false;
            i++;
        }
        if (!(seen | inner))
            continue; /* underscores alone */
        st = plain ? emit(w, s, start, end, from, i, WORD_ASCII,
                          (inner & UPPER) && ((seen | inner) & LOWER), err)
                   : emit_parts(w, s, start, end, from, i, true, elision, err);
        if (st)
            return st;
    }
    return CAIRN_OK;
}

/* Characters of scripts written without spaces, or with suffixes glued on (Korean), that are
 * searched by pairs and singly. */
static bool is_cjk(uint32_t cp)
{
    if (cp < 0x1100)
        return false;
    return (cp <= 0x11FF) || cp == 0x3005 || cp == 0x3007 || (cp >= 0x3041 && cp <= 0x309F) ||
           (cp >= 0x30A1 && cp <= 0x30FF && cp != 0x30FB) || (cp >= 0x3105 && cp <= 0x318F) ||
           (cp >= 0x31F0 && cp <= 0x31FF) || (cp >= 0x3400 && cp <= 0x4DBF) ||
           (cp >= 0x4E00 && cp <= 0x9FFF) || (cp >= 0xAC00 && cp <= 0xD7A3) ||
           (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0xFF66 && cp <= 0xFFDC) ||
           (cp >= 0x20000 && cp <= 0x3FFFD);
}

static cairn_status reserve_units(words *w, size_t n, cairn_error *err)
{
    UChar *units;
    uint32_t *offsets;

    if (n < w->units_cap)
        return CAIRN_OK;
    n = n + n / 2 + 256;
    units = checked_realloc(w->units, n, sizeof *units);
    if (units)
        w->units = units;
    offsets = checked_realloc(w->offsets, n, sizeof *offsets);
    if (offsets)
        w->offsets = offsets;
    if (!units || !offsets)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for a text of %zu characters", n);
    w->units_cap = n;
    return CAIRN_OK;
}

/* Words of s[start, end) by ICU; no CJK in it. */
static cairn_status icu_words(words *w, const uint8_t *s, size_t start, size_t end, bool elision,
                              cairn_error *err)
{
    UErrorCode u = U_ZERO_ERROR;
    size_t n = 0, i = start;
    int32_t from, to;
    cairn_status st = reserve_units(w, end - start + 1, err);

    if (st)
        return st;
    while (i < end) {
        uint32_t cp;
        size_t width = utf8_decode((const char *)s + i, end - i, &cp, NULL);
        w->offsets[n] = (uint32_t)i;
        if (cp < 0x10000) {
            /* Some releases of ICU take the at sign for a letter. */
            w->units[n++] = cp == '@' ? ' ' : (UChar)cp;
        } else {
            w->units[n++] = (UChar)(0xD7C0 + (cp >> 10));
            w->offsets[n] = (uint32_t)i;
            w->units[n++] = (UChar)(0xDC00 + (cp & 0x3FF));
        }
        i += width;
    }
    w->offsets[n] = (uint32_t)end;
    if (!w->breaks) {
        w->breaks = ubrk_open(UBRK_WORD, "en", NULL, 0, &u);
        if (U_FAILURE(u)) {
            w->breaks = NULL;
            return cairn_fail(err, CAIRN_ENOMEM, "ICU word breaks: %s", u_errorName(u));
        }
    }
    ubrk_setText(w->breaks, w->units, (int32_t)n, &u);
    if (U_FAILURE(u))
        return cairn_fail(err, CAIRN_ENOMEM, "ICU word breaks: %s", u_errorName(u));
    from = ubrk_first(w->breaks);
    while ((to = ubrk_next(w->breaks)) != UBRK_DONE) {
        if (ubrk_getRuleStatus(w->breaks) >= UBRK_WORD_NONE_LIMIT) {
            size_t a = w->offsets[from], b = w->offsets[to];
            bool ascii = true;
            for (size_t j = a; j < b && ascii; j++)
                ascii = s[j] < 0x80;
            if ((st = emit_parts(w, s, start, end, a, b, ascii, elision, err)))
                return st;
        }
        from = to;
    }
    return CAIRN_OK;
}

/* The CJK run that starts at s[start]: its characters, and between two of them the pair, so that a
 * part of the run gives a part of the words. *stop gets its end. */
static cairn_status cjk_run(words *w, const uint8_t *s, size_t start, size_t end, size_t *stop,
                            cairn_error *err)
{
    size_t before = start, here = start, count = 0;
    cairn_status st;

    while (here < end) {
        uint32_t cp;
        size_t width = utf8_decode((const char *)s + here, end - here, &cp, NULL);
        if (!is_cjk(cp))
            break;
        if (count++ && (st = put(w, before, here + width, WORD_CJK, MAIN, err)))
            return st;
        if ((st = put(w, here, here + width, WORD_CJK, MAIN, err)))
            return st;
        before = here;
        here += width;
    }
    *stop = here;
    return CAIRN_OK;
}

/* s[start, end) holds bytes above 127. */
static cairn_status other_words(words *w, const uint8_t *s, size_t start, size_t end, bool elision,
                                cairn_error *err)
{
    size_t from = start, i = start;
    cairn_status st;

    while (i < end) {
        uint32_t cp = s[i];
        size_t width = cp < 0x80 ? 1 : utf8_decode((const char *)s + i, end - i, &cp, NULL);
        if (!is_cjk(cp)) {
            i += width;
            continue;
        }
        if (i > from && (st = icu_words(w, s, from, i, elision, err)))
            return st;
        if ((st = cjk_run(w, s, i, end, &i, err)))
            return st;
        from = i;
    }
    return end > from ? icu_words(w, s, from, end, elision, err) : CAIRN_OK;
}

/* The end of the letters and digits of ASCII from s[i] on, eight bytes at a time; *inner_upper:
 * there is a capital behind the first of them. */
static inline size_t plain_end(const uint8_t *s, size_t i, size_t len, bool *inner_upper)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x80 * ones;
    uint64_t capitals = 0, first = 0xFF;

    for (; len - i >= 8; i += 8, first = 0) {
        uint64_t v, low, small, letter, digit, stop;
        memcpy(&v, s + i, 8);
        low = v & 0x7F * ones;
        small = low | 0x20 * ones;
        letter = (small + (0x80 - 'a') * ones) ^ (small + (0x7F - 'z') * ones);
        digit = (low + (0x80 - '0') * ones) ^ (low + (0x7F - '9') * ones);
        stop = ~((letter | digit) & ~v) & tops;
        capitals |= letter & ~(v << 2) & (stop ? (stop & -stop) - 1 : UINT64_MAX) & tops & ~first;
        if (stop) {
            *inner_upper = capitals;
            return i + (size_t)__builtin_ctzll(stop) / 8;
        }
    }
    for (; i < len && class_of[s[i]]; i++, first = 0)
        capitals |= !first && class_of[s[i]] == UPPER;
    *inner_upper = capitals;
    return i;
}

/* Put the wholes of the words from spans[from] on behind the first of their words and its parts. */
static cairn_status put_wholes(words *w, const uint8_t *s, size_t from, cairn_error *err)
{
    size_t old = w->n, to;

    w->n_wholes = 0;
    for (size_t i = from; i < w->n;) {
        whole *more = w->wholes;
        size_t n;
        if (w->n_wholes + WHOLES_AT > w->cap_wholes) {
            more = checked_realloc(more, w->cap_wholes * 2 + WHOLES_AT, sizeof *more);
            if (!more)
                return cairn_fail(err, CAIRN_ENOMEM, "no memory for %zu words", w->n);
            w->wholes = more;
            w->cap_wholes = w->cap_wholes * 2 + WHOLES_AT;
        }
        i = wholes_at(s, w->spans, i, w->n, more + w->n_wholes, &n);
        w->n_wholes += n;
    }
    if (!w->n_wholes)
        return CAIRN_OK;
    while (w->n + w->n_wholes > w->cap) {
        cairn_status st = grow(w, err);
        if (st)
            return st;
    }
    /* From behind, each span moves as far as wholes stand before it. */
    w->n = to = w->n + w->n_wholes;
    for (size_t k = w->n_wholes, i = old; k--;) {
        size_t behind = w->wholes[k].first + 1;
        while (behind < old && w->spans[behind].extra)
            behind++;
        while (i > behind)
            w->spans[--to] = w->spans[--i];
        w->spans[--to] = (word_span){w->wholes[k].start, w->wholes[k].end, WORD_OTHER, true, false,
                                     true};
    }
    return CAIRN_OK;
}

static cairn_status check_length(size_t len, cairn_error *err)
{
    return len < INT32_MAX ? CAIRN_OK
                           : cairn_fail(err, CAIRN_ELIMIT, "a text of %zu bytes is too long", len);
}

cairn_status words_split(words *w, const char *text, size_t len, bool elision,
                         const word_span **spans, size_t *n, cairn_error *err)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t i = 0;
    cairn_status st = check_length(len, err);

    w->n = 0;
    while (!st && i < len) {
        size_t from, end, first = w->n;
        uint8_t high = 0;
        bool inner_upper;
        while (i < len && is_space(s[i]))
            i++;
        if (i == len)
            break;
        from = i;
        /* Most words are nothing but a word between two spaces. */
        end = plain_end(s, i, len, &inner_upper);
        if (end > i && !inner_upper && (end == len || is_space(s[end]))) {
            st = put(w, from, end, WORD_ASCII, MAIN, err);
            i = end;
            continue;
        }
        while (i < len && !is_space(s[i]))
            high |= s[i++];
        end = i;
        if (high < 0x80) {
            st = ascii_words(w, s, from, end, elision, err);
            if (!st && w->n > first + 1)
                st = put_wholes(w, s, first, err);
            continue;
        }
        /* Take the neighbours along that need ICU too. */
        while (i < len) {
            high = 0;
            while (i < len && is_space(s[i]))
                i++;
            size_t next = i;
            while (i < len && !is_space(s[i]))
                high |= s[i++];
            if (high < 0x80) {
                i = next;
                break;
            }
            end = i;
        }
        st = other_words(w, s, from, end, elision, err);
        if (!st)
            st = put_wholes(w, s, first, err);
    }
    *spans = w->spans;
    *n = w->n;
    return st;
}

cairn_status words_split_icu(words *w, const char *text, size_t len, bool elision,
                             const word_span **spans, size_t *n, cairn_error *err)
{
    cairn_status st = check_length(len, err);

    w->n = 0;
    if (!st && len)
        st = other_words(w, (const uint8_t *)text, 0, len, elision, err);
    if (!st)
        st = put_wholes(w, (const uint8_t *)text, 0, err);
    *spans = w->spans;
    *n = w->n;
    return st;
}
