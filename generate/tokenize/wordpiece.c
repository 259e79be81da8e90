/* wordpiece.c - BERT's tokenizer: basic tokenisation, then the longest pieces from the left.
 *
 * The steps and their order are those of the library tokenizers (BertNormalizer, BertPreTokenizer,
 * WordPiece), which the sentence-embedding models were published with:
 *   1. control characters, U+0000 and U+FFFD go; white space becomes a space
 *   2. ideographs (the blocks of is_chinese) get a space on either side
 *   3. accents: canonical decomposition, then nonspacing marks (Mn) go
 *   4. lower case, character by character and without context, as Unicode's SpecialCasing
 *   5. words are cut at white space; each punctuation character is a word of its own
 *   6. of each word the longest piece that begins it is taken, then the longest "##" piece that
 *      goes on, and so forth; a word that does not work out, or of more than 100 characters, is one
 *      unknown token
 *
 * Text of ASCII takes steps 1 to 5 in one pass; other text goes through ICU. The library's own
 * tables of punctuation, marks and controls are those of Unicode 8.0 (compared code point by code
 * point), so characters that came later are taken as plain letters here too. */
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "generate/tokenize/model.h"

struct wordpiece {
    bool lowercase, strip_accents, chinese;
    char *prefix; /* "##" */
    size_t prefix_len;
    uint64_t prefix_hash;
    uint32_t max_chars;
    const UNormalizer2 *nfd;
};

void wordpiece_destroy(wordpiece *w)
{
    if (!w)
        return;
    free(w->prefix);
    free(w);
}

cairn_status wordpiece_load(tokenizer *t, bool lowercase, bool strip_accents, bool chinese,
                            const char *prefix, uint32_t max_chars, cairn_error *err)
{
    UErrorCode uerr = U_ZERO_ERROR;
    size_t chars = 0;
    wordpiece *w = t->wordpiece = calloc(1, sizeof *w);

    if (!w || !(w->prefix = strdup(prefix)))
        return cairn_fail(err, CAIRN_ENOMEM, "word pieces");
    w->lowercase = lowercase;
    w->strip_accents = strip_accents;
    w->chinese = chinese;
    w->prefix_len = strlen(prefix);
    w->prefix_hash = piece_hash(prefix, w->prefix_len);
    w->max_chars = max_chars;
    w->nfd = unorm2_getNFDInstance(&uerr);
    if (U_FAILURE(uerr))
        return cairn_fail(err, CAIRN_EIO, "ICU has no normalisation data: %s", u_errorName(uerr));
    for (uint32_t i = 0; i < t->n_vocab; i++)
        chars += t->text[i].len;
    if (!piece_table_init(&t->table, t->n_vocab, t->n_vocab, chars + 1, tokenizer_text, t))
        return cairn_fail(err, CAIRN_ENOMEM, "word pieces");
    piece_table_add_all(&t->table, (uint32_t)t->n_vocab);
    return CAIRN_OK;
}

/* CJK ideographs as BERT has them: not Hangul, not kana. */
static bool is_chinese(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/* Assigned in Unicode 8.0. */
static bool is_known(uint32_t c)
{
    UVersionInfo age;
    u_charAge((UChar32)c, age);
    return age[0] <= 8;
}

/* Mn as of Unicode 8.0: four characters joined the category later and one left it. */
static bool is_nonspacing(uint32_t c)
{
    if (c < 0x300)
        return false;
    if (c == 0x1734)
        return true;
    if (c == 0x1885 || c == 0x1886 || c == 0xA9BD || c == 0x111C9)
        return false;
    return u_charType((UChar32)c) == U_NON_SPACING_MARK && is_known(c);
}

static bool is_removed(uint32_t c)
{
    if (c == 0 || c == 0xFFFD)
        return true;
    if (c == '\t' || c == '\n' || c == '\r')
        return false;
    switch (u_charType((UChar32)c)) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_PRIVATE_USE_CHAR:
        return is_known(c);
    default:
        return false;
    }
}

static bool is_ascii_punctuation(uint32_t c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

static bool is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return is_ascii_punctuation(c);
    if (c == 0x166D || c == 0x111C9) /* punctuation until Unicode 12 and 11 */
        return true;
    return (U_GET_GC_MASK((UChar32)c) & U_GC_P_MASK) != 0 && is_known(c);
}

/* Where the words of a text go: their pieces' ids. */
typedef struct words {
    const tokenizer *t;
    token_list *out;
    cairn_status st;
} words;

/* Longest-first pieces of one word. */
static cairn_status encode_word(const tokenizer *t, const char *w, size_t len, token_list *out)
{
    const wordpiece *wp = t->wordpiece;
    const size_t first = out->n;

    if (utf8_length(w, len) > wp->max_chars)
        return token_list_push(out, t->unk);
    for (size_t at = 0; at < len;) {
        uint64_t h = at ? wp->prefix_hash : PIECE_HASH_START;
        char with_prefix[512];
        const char *p = w + at;
        uint32_t found = PIECE_NONE;
        size_t found_end = at, lead = 0;
        if (at) {
            /* max_chars bounds the word to 400 bytes, the prefix to 16: see the loaders. */
            lead = wp->prefix_len;
            memcpy(with_prefix, wp->prefix, lead);
            memcpy(with_prefix + lead, w + at, len - at);
            p = with_prefix;
        }
        for (size_t e = at; e < len;) {
            size_t n = piece_char_bytes((uint8_t)w[e]);
            h = piece_hash_char(h, w + e, n, len - e);
            e += n;
            if (!piece_table_may_begin(&t->table, h))
                break;
            uint32_t id = piece_table_find_hashed(&t->table, h, p, lead + e - at);
            if (id != PIECE_NONE) {
                found = id;
                found_end = e;
            }
        }
        if (found == PIECE_NONE) {
            out->n = first;
            return token_list_push(out, t->unk);
        }
        if (token_list_push(out, (token_id)found))
            return CAIRN_ENOMEM;
        at = found_end;
    }
    return CAIRN_OK;
}

static void emit(words *w, const char *s, size_t len)
{
    if (len && !w->st)
        w->st = encode_word(w->t, s, len, w->out);
}

/* Step 5 over cleaned UTF-8. */
static void split(words *w, const char *s, size_t len)
{
    size_t start = 0;
    for (size_t i = 0; i < len && !w->st;) {
        uint32_t cp = (uint8_t)s[i];
        size_t n = 1;
        if (cp >= 0x80)
            n = utf8_decode(s + i, len - i, &cp, NULL);
        bool space = cp < 0x80 ? cp == ' ' || (cp >= 9 && cp <= 13) : u_isUWhiteSpace((UChar32)cp);
        if (space || is_punctuation(cp)) {
            emit(w, s + start, i - start);
            if (!space)
                emit(w, s + i, n);
            start = i + n;
        }
        i += n;
    }
    emit(w, s + start, len - start);
}

static bool is_ascii(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)s[i] >= 0x80)
            return false;
    return true;
}

static cairn_status clean_ascii(const wordpiece *wp, const char *s, size_t len, bytes *out)
{
    cairn_status st = bytes_reserve(out, len);
    if (st)
        return st;
    char *q = out->data + out->len;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '\t' || c == '\n' || c == '\r')
            c = ' ';
        else if ((uint8_t)c < 0x20 || c == 0x7F)
            continue;
        else if (wp->lowercase && c >= 'A' && c <= 'Z')
            c += 'a' - 'A';
        *q++ = c;
    }
    out->len = (size_t)(q - out->data);
    *q = '\0';
    return CAIRN_OK;
}

/* Steps 1 and 2, to UTF-16 for ICU. `to` has room for 4 units a byte of input. */
static size_t clean_to_utf16(const wordpiece *wp, const char *s, size_t len, UChar *to)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        i += utf8_decode(s + i, len - i, &cp, NULL);
        if (is_removed(cp))
            continue;
        if (u_isUWhiteSpace((UChar32)cp))
            cp = ' ';
        bool around = wp->chinese && is_chinese(cp);
        if (around)
            to[n++] = ' ';
        if (cp > 0xFFFF) {
            to[n++] = U16_LEAD(cp);
            to[n++] = U16_TRAIL(cp);
        } else {
            to[n++] = (UChar)cp;
        }
        if (around)
            to[n++] = ' ';
    }
    return n;
}

/* Step 4 for one code point; Unicode's only unconditional one-to-many lower case is U+0130. */
static cairn_status put_lower(bytes *out, uint32_t cp, bool lowercase)
{
    char buf[8];
    if (lowercase && cp == 0x130)
        return bytes_append(out, "i\xCC\x87", 3);
    if (lowercase)
        cp = (uint32_t)u_tolower((UChar32)cp);
    return bytes_append(out, buf, utf8_encode(cp, buf));
}

static cairn_status clean_unicode(const wordpiece *wp, const char *s, size_t len, bytes *out)
{
    cairn_status st = CAIRN_OK;
    UErrorCode uerr = U_ZERO_ERROR;
    UChar *a = checked_malloc(len + 1, 4 * sizeof *a), *b = NULL;

    if (!a)
        return CAIRN_ENOMEM;
    size_t n = clean_to_utf16(wp, s, len, a);
    UChar *text = a;
    if (wp->strip_accents) {
        /* No code point decomposes canonically into more than 4 units a unit of its own. */
        size_t cap = 4 * n + 16;
        b = cap > INT32_MAX ? NULL : checked_malloc(cap, sizeof *b);
        int32_t m = b ? unorm2_normalize(wp->nfd, a, (int32_t)n, b, (int32_t)cap, &uerr) : 0;
        if (!b || U_FAILURE(uerr))
            st = n > INT32_MAX / 4 - 16 ? CAIRN_ELIMIT : CAIRN_ENOMEM;
        text = b;
        n = (size_t)m;
    }
    for (size_t i = 0; i < n && !st;) {
        UChar32 cp;
        U16_NEXT(text, i, n, cp);
        if (wp->strip_accents && is_nonspacing((uint32_t)cp))
            continue;
        st = put_lower(out, (uint32_t)cp, wp->lowercase);
    }
    free(a);
    free(b);
    return st;
}

cairn_status wordpiece_encode(const tokenizer *t, const char *s, size_t len, token_list *out)
{
    words w = { .t = t, .out = out };
    bytes text;

    bytes_init(&text, 16 * TOKENIZER_MAX_TEXT);
    w.st = is_ascii(s, len) ? clean_ascii(t->wordpiece, s, len, &text)
                            : clean_unicode(t->wordpiece, s, len, &text);
    if (!w.st)
        split(&w, text.data ? text.data : "", text.len);
    bytes_clear(&text);
    return w.st;
}
