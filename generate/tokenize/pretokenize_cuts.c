/* pretokenize_cuts.c - the cuts of families after Llama 3 and Qwen 2, and those of several steps.
 *
 * Tekken (Mistral Nemo) with one number and no contraction, GPT-4o (also Llama 4) with three and one:
 *     [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+CONTRACTION?
 *     |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*CONTRACTION?
 *     |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * These are the expressions of the tokenizer.json files; llama.cpp has others in their place that tell upper from lower
 * case in ASCII alone.
 *
 * Qwen 3.5: Qwen 2's with marks counted as letters. Seed-Coder: Qwen 2's without the line breaks behind other characters.
 *
 * DeepSeek's, in steps:
 *     V3      \p{N}{1,3}, then [CJK and kana]+, then
 *             [ASCII punctuation][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*
 *             |\s*[\r\n]+|\s+(?!\S)|\s+
 *     LLM     [\r\n], \s?[letters that have case]+, \s?[some punctuation]+, \s+$, [CJK and what lies around]+, \p{N}+
 *     Coder   [\r\n], \s?\p{L}+, \s?\p{P}+, [CJK and what lies around]+, \p{N}
 *
 * BLOOM  ?[^(\s|.,!?...)]+, and Viking, which sets each \p{N} apart afterwards. */
#include <stdint.h>
#include <unicode/uchar.h>

#include "base/utf8.h"
#include "generate/tokenize/cuts.h"

/* A character: width 0 behind the last one. */
typedef struct character {
    uint32_t code, mask; /* its category as one bit of U_GC_*_MASK */
    size_t width;
} character;

static character char_at(const char *s, size_t len, size_t at)
{
    character c = { 0 };

    if (at >= len)
        return c;
    c.width = utf8_decode(s + at, len - at, &c.code, NULL);
    c.mask = U_GET_GC_MASK((UChar32)c.code);
    return c;
}

static bool is_white(character c)
{
    return c.width && u_isUWhiteSpace((UChar32)c.code);
}

static size_t run_of(const char *s, size_t len, size_t at, uint32_t mask)
{
    for (character c; (c = char_at(s, len, at)).mask & mask;)
        at += c.width;
    return at;
}

/* The first place behind `at` where `match` gives an end, or len: what no alternative takes. */
static size_t up_to_match(const char *s, size_t len, size_t at, cut *match)
{
    do {
        at += char_at(s, len, at).width;
    } while (at < len && !match(s, len, at));
    return at;
}

/* ---- words by the case of their letters ---- */

#define LOWER (U_GC_LL_MASK | U_GC_LM_MASK | U_GC_LO_MASK | U_GC_M_MASK)
#define UPPER (U_GC_LU_MASK | U_GC_LT_MASK | U_GC_LM_MASK | U_GC_LO_MASK | U_GC_M_MASK)

/* UPPER*LOWER+ from `at`, or 0. What is both goes to the first part, which gives back as much as the second needs. */
static size_t lower_word(const char *s, size_t len, size_t at)
{
    size_t last = 0;
    character c;

    for (; (c = char_at(s, len, at)).mask & UPPER; at += c.width)
        if (c.mask & LOWER)
            last = at + c.width;
    return c.mask & LOWER ? run_of(s, len, at, LOWER) : last;
}

/* UPPER+LOWER*, or 0. */
static size_t upper_word(const char *s, size_t len, size_t at)
{
    size_t end = run_of(s, len, at, UPPER);

    return end > at ? run_of(s, len, end, LOWER) : 0;
}

static size_t cased_words(const char *s, size_t len, size_t at, unsigned max_digits, bool contractions)
{
    size_t width, width2, end = 0;
    char_class c = cut_class_at(s, len, at, &width), c2;
    const bool prefix = c != NEWLINE && c != LETTER && c != NUMBER;

    if (prefix)
        end = lower_word(s, len, at + width);
    if (!end)
        end = lower_word(s, len, at);
    if (!end && prefix)
        end = upper_word(s, len, at + width);
    if (!end)
        end = upper_word(s, len, at);
    if (end)
        return contractions && end < len && s[end] == '\'' ? end + cut_contraction(s, len, end, true) : end;
    if (c == NUMBER) {
        for (end = at; max_digits-- && cut_class_at(s, len, end, &width) == NUMBER;)
            end += width;
        return end;
    }
    c2 = cut_class_at(s, len, at + width, &width2);
    if (c == OTHER || (s[at] == ' ' && c2 == OTHER)) {
        end = cut_run(s, len, c == OTHER ? at : at + 1, OTHER);
        while (end < len && (s[end] == '\r' || s[end] == '\n' || s[end] == '/'))
            end++;
        return end;
    }
    return cut_white_space(s, len, at, true, false);
}

static size_t tekken_words(const char *s, size_t len, size_t at)
{
    return cased_words(s, len, at, 1, false);
}

static size_t gpt4o_words(const char *s, size_t len, size_t at)
{
    return cased_words(s, len, at, 3, true);
}

/* ---- near Qwen 2's ---- */

#define LETTERS (U_GC_L_MASK | U_GC_M_MASK)

static size_t qwen35_words(const char *s, size_t len, size_t at)
{
    character c = char_at(s, len, at), c2 = char_at(s, len, at + c.width);
    const uint32_t none = LETTERS | U_GC_N_MASK;
    size_t n = s[at] == '\'' ? cut_contraction(s, len, at, true) : 0, end;

    if (n)
        return at + n;
    if (c.code != '\r' && c.code != '\n' && !(c.mask & (U_GC_L_MASK | U_GC_N_MASK)) && c2.mask & LETTERS)
        return run_of(s, len, at + c.width, LETTERS);
    if (c.mask & LETTERS)
        return run_of(s, len, at, LETTERS);
    if (c.mask & U_GC_N_MASK)
        return at + c.width;
    end = c.code == ' ' ? at + 1 : at;
    for (character x; (x = char_at(s, len, end)).width && !(x.mask & none) && !is_white(x);)
        end += x.width;
    if (end > at + (c.code == ' '))
        return cut_run(s, len, end, NEWLINE);
    return cut_white_space(s, len, at, true, false);
}

static size_t seed_coder_words(const char *s, size_t len, size_t at)
{
    size_t width, width2, n = s[at] == '\'' ? cut_contraction(s, len, at, true) : 0;
    char_class c = cut_class_at(s, len, at, &width), c2 = cut_class_at(s, len, at + width, &width2);

    if (n)
        return at + n;
    if (c == LETTER)
        return cut_run(s, len, at, LETTER);
    if (c != NEWLINE && c != NUMBER && c2 == LETTER)
        return cut_run(s, len, at + width, LETTER);
    if (c == NUMBER)
        return at + width;
    if (c == OTHER || (s[at] == ' ' && c2 == OTHER))
        return cut_run(s, len, c == OTHER ? at : at + 1, OTHER);
    return cut_white_space(s, len, at, true, false);
}

/* ---- sets ---- */

typedef bool set(character c);

static bool is_number(character c)
{
    return c.mask & U_GC_N_MASK;
}

static bool is_break(character c)
{
    return c.code == '\r' || c.code == '\n';
}

static bool is_letter(character c)
{
    return c.mask & U_GC_L_MASK;
}

static bool is_punctuation(character c)
{
    return c.mask & U_GC_P_MASK;
}

static bool is_east_asian(character c)
{
    return (c.code >= 0x800 && c.code <= 0x9FA5) || (c.code >= 0xAC00 && c.code <= 0xD7FF);
}

static bool is_cjk_or_kana(character c)
{
    return (c.code >= 0x4E00 && c.code <= 0x9FA5) || (c.code >= 0x3040 && c.code <= 0x30FF);
}

/* Two ranges of it hold the ASCII letters, too. */
static bool is_llm_punctuation(character c)
{
    return (c.code >= '!' && c.code <= '/') || (c.code >= ':' && c.code <= '~') || (c.code >= 0xFF01 && c.code <= 0xFF0F) ||
           (c.code >= 0xFF1A && c.code <= 0xFF5E) || (c.code >= 0x2018 && c.code <= 0x201F) ||
           (c.code >= 0x3000 && c.code <= 0x3002);
}

static const uint32_t cased[][2] = {
    { 0x41, 0x5A }, { 0x61, 0x7A }, { 0xB5, 0xB5 }, { 0xC0, 0xD6 }, { 0xD8, 0xF6 }, { 0xF8, 0x1BA }, { 0x1BC, 0x1BF
    }, { 0x1C4, 0x293 }, { 0x295, 0x2AF }, { 0x370, 0x373 }, { 0x376, 0x377 }, { 0x37B, 0x37D }, { 0x37F, 0x37F }, {
    0x386, 0x386 }, { 0x388, 0x38A }, { 0x38C, 0x38C }, { 0x38E, 0x3A1 }, { 0x3A3, 0x3F5 }, { 0x3F7, 0x481 }, {
    0x48A, 0x52F }, { 0x531, 0x556 }, { 0x10A0, 0x10C5 }, { 0x13A0, 0x13F5 }, { 0x13F8, 0x13FD }, { 0x1C90, 0x1CBA
    }, { 0x1CBD, 0x1CBF }, { 0x1D00, 0x1D2B }, { 0x1D6B, 0x1D77 }, { 0x1D79, 0x1D9A }, { 0x1E00, 0x1F15 }, { 0x1F18,
    0x1F1D }, { 0x1F20, 0x1F45 }, { 0x1F48, 0x1F4D }, { 0x1F50, 0x1F57 }, { 0x1F59, 0x1F59 }, { 0x1F5B, 0x1F5B }, {
    0x1F5D, 0x1F5D }, { 0x1F5F, 0x1F7D }, { 0x1F80, 0x1FB4 }, { 0x1FB6, 0x1FBC }, { 0x1FBE, 0x1FBE }, { 0x1FC2,
    0x1FC4 }, { 0x1FC6, 0x1FCC }, { 0x1FD0, 0x1FD3 }, { 0x1FD6, 0x1FDB }, { 0x1FE0, 0x1FEC }, { 0x1FF2, 0x1FF4 }, {
    0x1FF6, 0x1FFC }, { 0x2102, 0x2102 }, { 0x2107, 0x2107 }, { 0x210A, 0x2113 }, { 0x2115, 0x2115 }, { 0x2119,
    0x211D }, { 0x2124, 0x2124 }, { 0x2126, 0x2126 }, { 0x2128, 0x2128 }, { 0x212A, 0x212D }, { 0x212F, 0x2134 }, {
    0x2139, 0x2139 }, { 0x213C, 0x213F }, { 0x2145, 0x2149 }, { 0x214E, 0x214E }, { 0x2183, 0x2184 }, { 0x2C00,
    0x2C7B }, { 0x2C7E, 0x2CE4 }, { 0x2CEB, 0x2CEE }, { 0x2CF2, 0x2CF3 }, { 0xA640, 0xA66D }, { 0xA680, 0xA69B }, {
    0xA722, 0xA76F }, { 0xA771, 0xA787 }, { 0xA78B, 0xA78E }, { 0xAB70, 0xABBF }, { 0xFB00, 0xFB06 }, { 0xFB13,
    0xFB17 }, { 0xFF21, 0xFF3A }, { 0xFF41, 0xFF5A }, { 0x10400, 0x1044F }, { 0x104B0, 0x104D3 }, { 0x104D8, 0x104FB
    }, { 0x10C80, 0x10CB2 }, { 0x10CC0, 0x10CF2 }, { 0x118A0, 0x118DF }, { 0x1E900, 0x1E943 }
};

static bool is_cased(character c)
{
    size_t low = 0, high = sizeof cased / sizeof *cased;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (cased[middle][1] < c.code)
            low = middle + 1;
        else
            high = middle;
    }
    return c.width && low < sizeof cased / sizeof *cased && c.code >= cased[low][0];
}

/* What BLOOM's words are made of. */
static bool is_plain(character c)
{
    static const uint32_t apart[] = { '(', '|', '.', ',', '!', '?', ')', 0x2026, 0x3002, 0xFF0C, 0x3001, 0x964, 0x6D4, 0x60C };

    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        if (c.code == apart[i])
            return false;
    return c.width && !is_white(c);
}

/* [set]+ and what lies between. */
static size_t by_set(const char *s, size_t len, size_t at, set *is)
{
    character c = char_at(s, len, at);
    const bool first = is(c);

    do {
        at += c.width;
        c = char_at(s, len, at);
    } while (c.width && is(c) == first);
    return at;
}

/* One of the set, and what lies between. */
static size_t by_one(const char *s, size_t len, size_t at, set *is)
{
    character c = char_at(s, len, at);

    if (is(c))
        return at + c.width;
    return by_set(s, len, at, is);
}

/* \s?[set]+ (`any`) or  ?[set]+ at this very place, or 0. */
static size_t match_spaced(const char *s, size_t len, size_t at, set *is, bool any)
{
    character c = char_at(s, len, at), c2 = char_at(s, len, at + c.width);

    if ((any ? is_white(c) : c.code == ' ') && c2.width && is(c2))
        return by_set(s, len, at + c.width, is);
    return c.width && is(c) ? by_set(s, len, at, is) : 0;
}

#define SPACED(name, is, any)                                                \
    static size_t match_##name(const char *s, size_t len, size_t at)         \
    {                                                                        \
        return match_spaced(s, len, at, is, any);                            \
    }                                                                        \
    static size_t name(const char *s, size_t len, size_t at)                 \
    {                                                                        \
        size_t end = match_##name(s, len, at);                               \
        return end ? end : up_to_match(s, len, at, match_##name);            \
    }
SPACED(spaced_letters, is_letter, true)
SPACED(spaced_cased, is_cased, true)
SPACED(spaced_punctuation, is_punctuation, true)
SPACED(spaced_llm_punctuation, is_llm_punctuation, true)
SPACED(bloom_words, is_plain, false)

static size_t lone_breaks(const char *s, size_t len, size_t at)
{
    return by_one(s, len, at, is_break);
}

static size_t lone_numbers(const char *s, size_t len, size_t at)
{
    return by_one(s, len, at, is_number);
}

static size_t numbers(const char *s, size_t len, size_t at)
{
    return by_set(s, len, at, is_number);
}

static size_t east_asian(const char *s, size_t len, size_t at)
{
    return by_set(s, len, at, is_east_asian);
}

static size_t cjk_and_kana(const char *s, size_t len, size_t at)
{
    return by_set(s, len, at, is_cjk_or_kana);
}

static size_t three_numbers(const char *s, size_t len, size_t at)
{
    character c = char_at(s, len, at);

    if (!is_number(c))
        return by_set(s, len, at, is_number);
    for (int i = 0; i < 3 && is_number(c); i++) {
        at += c.width;
        c = char_at(s, len, at);
    }
    return at;
}

/* \s+$ of a piece, and what lies before. */
static size_t white_end(const char *s, size_t len, size_t at)
{
    size_t begin = at;

    for (size_t i = at; i < len;) {
        character c = char_at(s, len, i);
        i += c.width;
        if (!is_white(c))
            begin = i;
    }
    return begin > at ? begin : len;
}

/* ---- DeepSeek V3's words ---- */

static bool is_ascii_letter(const char *s, size_t len, size_t at)
{
    return at < len && (uint8_t)((s[at] | 32) - 'a') < 26;
}

/* At this very place, or 0. */
static size_t match_deepseek3(const char *s, size_t len, size_t at)
{
    character c = char_at(s, len, at), c2 = char_at(s, len, at + c.width);
    const uint32_t marks = U_GC_P_MASK | U_GC_S_MASK;
    size_t end = at + c.width;

    if (c.code < 0x80 && c.mask & marks && is_ascii_letter(s, len, end)) {
        while (is_ascii_letter(s, len, end))
            end++;
        return end;
    }
    if (!is_break(c) && !(c.mask & (U_GC_L_MASK | marks)) && c2.mask & LETTERS)
        return run_of(s, len, end, LETTERS);
    if (c.mask & LETTERS)
        return run_of(s, len, at, LETTERS);
    if (c.mask & marks || (c.code == ' ' && c2.mask & marks))
        return cut_run(s, len, run_of(s, len, c.mask & marks ? at : end, marks), NEWLINE);
    return is_white(c) ? cut_white_space(s, len, at, true, false) : 0;
}

static size_t deepseek3_words(const char *s, size_t len, size_t at)
{
    size_t end = match_deepseek3(s, len, at);

    return end ? end : up_to_match(s, len, at, match_deepseek3);
}

const cut_rule cut_tekken = { { tekken_words } };
const cut_rule cut_gpt4o = { { gpt4o_words } };
const cut_rule cut_qwen35 = { { qwen35_words } };
const cut_rule cut_seed_coder = { { seed_coder_words } };
const cut_rule cut_deepseek_llm = { { lone_breaks, spaced_cased, spaced_llm_punctuation, white_end, east_asian, numbers } };
const cut_rule cut_deepseek_coder = { { lone_breaks, spaced_letters, spaced_punctuation, east_asian, lone_numbers } };
const cut_rule cut_deepseek3 = { { three_numbers, cjk_and_kana, deepseek3_words } };
const cut_rule cut_bloom = { { bloom_words } };
const cut_rule cut_viking = { { bloom_words, lone_numbers } };
