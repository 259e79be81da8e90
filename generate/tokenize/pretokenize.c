/* pretokenize.c - see pretokenize.h.
 *
 * GPT-2, and SmolLM (also Granite's refact, starcoder) after each \p{N} has been set apart:
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * Llama 3 with {1,3}, Qwen 2 with one number; the contractions without regard to case:
 *     '(s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
 *     |\s*[\r\n]+|\s+(?!\S)|\s+
 *
 * Alternatives are tried in order, each greedy. \s+(?!\S) means: a run of white space in front of
 * something else leaves its last character to what follows. */
#include "generate/tokenize/pretokenize.h"

#include <stdint.h>
#include <string.h>
#include <unicode/uchar.h>

#include "base/utf8.h"

static const pretokenizer known[] = {
    { "gpt-2", true, false, 0, false, false },
    { "gpt2", true, false, 0, false, false },
    { "phi-2", true, false, 0, false, false },
    { "mpt", true, false, 0, false, false },
    { "olmo", true, false, 0, false, false },
    { "mellum", true, false, 0, false, false },
    { "smollm", true, true, 0, false, false },
    { "refact", true, true, 0, false, false },
    { "starcoder", true, true, 0, false, false },
    { "codeshell", true, true, 0, false, false },
    { "command-r", true, true, 0, false, false },
    { "exaone", true, true, 0, false, false },
    { "qwen2", false, false, 1, false, false },
    { "deepseek-r1-qwen", false, false, 1, false, false },
    { "megrez", false, false, 1, false, false },
    { "stablelm2", false, false, 1, false, false },
    { "llama3", false, false, 3, true, true },
    { "llama-v3", false, false, 3, true, true },
    { "llama-bpe", false, false, 3, true, true },
    { "falcon3", false, false, 3, true, true },
    { "pixtral", false, false, 3, true, true },
    { "dbrx", false, false, 3, false, false },
    { "smaug-bpe", false, false, 3, false, false },
};

const pretokenizer *pretokenizer_find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == len && !memcmp(known[i].name, name, len))
            return &known[i];
    return NULL;
}

#define WORDS_BEFORE_NUMBERS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
#define WORDS_AFTER_NUMBERS  "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* Names of the table above by what the expressions are there. */
static const struct {
    const char *steps[PRETOKENIZE_STEPS];
    bool ignore_merges;
    const char *name;
} by_steps[] = {
    { { PRETOKENIZE_GPT2 }, false, "gpt-2" },
    { { PRETOKENIZE_DIGIT, PRETOKENIZE_GPT2 }, false, "smollm" },
    { { WORDS_BEFORE_NUMBERS WORDS_AFTER_NUMBERS }, false, "qwen2" },
    { { WORDS_BEFORE_NUMBERS "{1,3}" WORDS_AFTER_NUMBERS }, false, "dbrx" },
    { { WORDS_BEFORE_NUMBERS "{1,3}" WORDS_AFTER_NUMBERS }, true, "llama-bpe" },
};

const pretokenizer *pretokenizer_by_steps(const char *const *steps, size_t n, bool ignore_merges)
{
    for (size_t i = 0; i < sizeof by_steps / sizeof *by_steps; i++) {
        size_t k = 0;
        while (k < n && by_steps[i].steps[k] && !strcmp(by_steps[i].steps[k], steps[k]))
            k++;
        if (k == n && (n == PRETOKENIZE_STEPS || !by_steps[i].steps[n]) && by_steps[i].ignore_merges == ignore_merges)
            return pretokenizer_find(by_steps[i].name, strlen(by_steps[i].name));
    }
    return NULL;
}

const char *pretokenizer_names(void)
{
    return "gpt-2 gpt2 phi-2 mpt olmo mellum smollm refact starcoder codeshell command-r exaone qwen2 "
           "deepseek-r1-qwen megrez stablelm2 llama3 llama-v3 llama-bpe falcon3 pixtral dbrx smaug-bpe";
}

typedef enum char_class { AT_END, LETTER, NUMBER, SPACE, NEWLINE, OTHER } char_class;

/* Class and width of the character at s[at]; AT_END with width 0 behind the last one. */
static char_class class_at(const char *s, size_t len, size_t at, size_t *width)
{
    if (at >= len) {
        *width = 0;
        return AT_END;
    }
    uint32_t c = (uint8_t)s[at];
    *width = 1;
    if (c < 0x80) {
        if ((c | 32) - 'a' < 26)
            return LETTER;
        if (c - '0' < 10)
            return NUMBER;
        if (c == '\n' || c == '\r')
            return NEWLINE;
        return c == ' ' || (c >= 9 && c <= 12) ? SPACE : OTHER;
    }
    *width = utf8_decode(s + at, len - at, &c, NULL);
    uint32_t mask = U_GET_GC_MASK((UChar32)c);
    if (mask & U_GC_L_MASK)
        return LETTER;
    if (mask & U_GC_N_MASK)
        return NUMBER;
    return u_isUWhiteSpace((UChar32)c) ? SPACE : OTHER;
}

/* The end of the run of `want` from `at`. */
static size_t run(const char *s, size_t len, size_t at, char_class want)
{
    size_t width;
    while (class_at(s, len, at, &width) == want)
        at += width;
    return at;
}

/* Bytes of the contraction at s[at] = ', or 0. */
static size_t contraction(const char *s, size_t len, size_t at, bool any_case)
{
    if (len - at < 2)
        return 0;
    char a = s[at + 1], b = len - at > 2 ? s[at + 2] : 0;
    if (any_case) {
        a = (char)(a >= 'A' && a <= 'Z' ? a + 32 : a);
        b = (char)(b >= 'A' && b <= 'Z' ? b + 32 : b);
    }
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l'))
        return 3;
    return 0;
}

/* White space from `at` on, by the last alternatives. `newlines`: \s*[\r\n]+ comes first.
 * `stop_at_number`: a number ends the stretch, so white space before it is followed by nothing. */
static size_t white_space(const char *s, size_t len, size_t at, bool newlines, bool stop_at_number)
{
    size_t end = at, before_last = at, after_newline = 0, width;
    char_class c;
    while ((c = class_at(s, len, end, &width)) == SPACE || c == NEWLINE) {
        before_last = end;
        end += width;
        if (c == NEWLINE)
            after_newline = end;
    }
    if (newlines && after_newline)
        return after_newline;
    if (c == AT_END || (stop_at_number && c == NUMBER) || before_last == at)
        return end;
    return before_last;
}

static size_t next_gpt2(const pretokenizer *p, const char *s, size_t len, size_t at)
{
    size_t width, width2 = 0, from = at;
    char_class c = class_at(s, len, at, &width);

    if (c == NUMBER && p->lone_digits)
        return at + width;
    if (s[at] == '\'') {
        size_t n = contraction(s, len, at, false);
        if (n)
            return at + n;
    }
    if (s[at] == ' ') {
        char_class c2 = class_at(s, len, at + 1, &width2);
        if (c2 == LETTER || c2 == OTHER || (c2 == NUMBER && !p->lone_digits)) {
            c = c2;
            from = at + 1;
        }
    }
    if (c == LETTER || c == NUMBER || c == OTHER)
        return run(s, len, from, c);
    return white_space(s, len, at, false, p->lone_digits);
}

static size_t next_llama3(const pretokenizer *p, const char *s, size_t len, size_t at)
{
    size_t width, width2;
    char_class c = class_at(s, len, at, &width);

    if (s[at] == '\'') {
        size_t n = contraction(s, len, at, true);
        if (n)
            return at + n;
    }
    if (c == LETTER)
        return run(s, len, at, LETTER);
    if (c == NUMBER) {
        size_t end = at;
        for (unsigned i = 0; i < p->max_digits; i++) {
            if (class_at(s, len, end, &width) != NUMBER)
                break;
            end += width;
        }
        return end;
    }
    char_class c2 = class_at(s, len, at + width, &width2);
    if (c != NEWLINE && c2 == LETTER)
        return run(s, len, at + width, LETTER);
    if (c == OTHER || (s[at] == ' ' && c2 == OTHER)) {
        size_t end = run(s, len, c == OTHER ? at : at + 1, OTHER);
        return run(s, len, end, NEWLINE);
    }
    return white_space(s, len, at, true, false);
}

size_t pretokenize_next(const pretokenizer *p, const char *s, size_t len, size_t at)
{
    return p->gpt2 ? next_gpt2(p, s, len, at) : next_llama3(p, s, len, at);
}
