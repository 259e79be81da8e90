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

struct words {
    UBreakIterator *breaks; /* NULL until the first text that needs it */
    word_span *spans;
    size_t n, cap;
    UChar *units;      /* the stretch as UTF-16 */
    uint32_t *offsets; /* byte offset of each unit, and of the end */
    size_t units_cap;
};

/* Character classes of ASCII. */
enum { OTHER, LETTER, DIGIT };
static const uint8_t class_of[256] = {
    ['0'] = DIGIT,  ['1'] = DIGIT,  ['2'] = DIGIT,  ['3'] = DIGIT,  ['4'] = DIGIT,  ['5'] = DIGIT,
    ['6'] = DIGIT,  ['7'] = DIGIT,  ['8'] = DIGIT,  ['9'] = DIGIT,  ['a'] = LETTER, ['b'] = LETTER,
    ['c'] = LETTER, ['d'] = LETTER, ['e'] = LETTER, ['f'] = LETTER, ['g'] = LETTER, ['h'] = LETTER,
    ['i'] = LETTER, ['j'] = LETTER, ['k'] = LETTER, ['l'] = LETTER, ['m'] = LETTER, ['n'] = LETTER,
    ['o'] = LETTER, ['p'] = LETTER, ['q'] = LETTER, ['r'] = LETTER, ['s'] = LETTER, ['t'] = LETTER,
    ['u'] = LETTER, ['v'] = LETTER, ['w'] = LETTER, ['x'] = LETTER, ['y'] = LETTER, ['z'] = LETTER,
    ['A'] = LETTER, ['B'] = LETTER, ['C'] = LETTER, ['D'] = LETTER, ['E'] = LETTER, ['F'] = LETTER,
    ['G'] = LETTER, ['H'] = LETTER, ['I'] = LETTER, ['J'] = LETTER, ['K'] = LETTER, ['L'] = LETTER,
    ['M'] = LETTER, ['N'] = LETTER, ['O'] = LETTER, ['P'] = LETTER, ['Q'] = LETTER, ['R'] = LETTER,
    ['S'] = LETTER, ['T'] = LETTER, ['U'] = LETTER, ['V'] = LETTER, ['W'] = LETTER, ['X'] = LETTER,
    ['Y'] = LETTER, ['Z'] = LETTER,
};

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

static inline cairn_status emit(words *w, size_t start, size_t end, word_kind kind,
                                cairn_error *err)
{
    if (w->n == w->cap) {
        cairn_status st = grow(w, err);
        if (st)
            return st;
    }
    w->spans[w->n++] = (word_span){(uint32_t)start, (uint32_t)end, kind};
    return CAIRN_OK;
}

/* True when s[0, n) is single letters with a dot between each: U.S.A, e.g */
static bool is_acronym(const uint8_t *s, size_t n)
{
    if (n < 3 || n % 2 == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (i % 2 ? s[i] != '.' : class_of[s[i]] != LETTER)
            return false;
    return true;
}

/* Give out the UAX #29 word s[start, end), parted where people would part it. */
static cairn_status emit_parts(words *w, const uint8_t *s, size_t start, size_t end, bool ascii,
                               bool elision, cairn_error *err)
{
    word_kind kind = ascii ? WORD_ASCII : WORD_OTHER;
    size_t from = start;
    cairn_status st;

    if (is_acronym(s + start, end - start))
        return emit(w, start, end, kind, err);
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
        if (i > from && (st = emit(w, from, i, kind, err)))
            return st;
        from = i + width;
        i += width - 1;
    }
    return end > from ? emit(w, from, end, kind, err) : CAIRN_OK;
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
        bool plain = true, wordy = false;
        while (i < end && class_of[s[i]] == OTHER && s[i] != '_')
            i++;
        if (i == end)
            break;
        from = i;
        for (;;) {
            uint8_t before, after;
            while (i < end && class_of[s[i]] != OTHER) {
                wordy = true;
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
            after = class_of[s[i + 1]];
            if (!((s[i] == '.' || s[i] == '\'') && before == after && before != OTHER) &&
                !((s[i] == ',' || s[i] == ';') && before == DIGIT && after == DIGIT))
                break;
            plain = false;
            i++;
        }
        if (!wordy)
            continue; /* underscores alone */
        st = plain ? emit(w, from, i, WORD_ASCII, err)
                   : emit_parts(w, s, from, i, true, elision, err);
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
            if ((st = emit_parts(w, s, a, b, ascii, elision, err)))
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
        if (count++ && (st = emit(w, before, here + width, WORD_CJK, err)))
            return st;
        if ((st = emit(w, here, here + width, WORD_CJK, err)))
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
        size_t from, end;
        uint8_t high = 0;
        while (i < len && is_space(s[i]))
            i++;
        if (i == len)
            break;
        from = i;
        while (i < len && !is_space(s[i]))
            high |= s[i++];
        end = i;
        if (high < 0x80) {
            st = ascii_words(w, s, from, end, elision, err);
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
    *spans = w->spans;
    *n = w->n;
    return st;
}
