/* pretokenize.c - see pretokenize.h.
 *
 * GPT-2, and SmolLM (also Granite's refact, starcoder) after each \p{N} has been set apart:
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * Llama 3 with {1,3}, Qwen 2 with one number; the contractions without regard to case:
 *     '(s|t|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
 *     |\s*[\r\n]+|\s+(?!\S)|\s+
 *
 * Rules that came later are in pretokenize_cuts.c. Names that stand beside one another share llama.cpp's rule.
 *
 * Alternatives are tried in order, each greedy. \s+(?!\S) means: a run of white space in front of
 * something else leaves its last character to what follows. */
#include "generate/tokenize/cuts.h"

#include <stdint.h>
#include <string.h>
#include <unicode/uchar.h>

#include "base/utf8.h"

static const pretokenizer known[] = {
    { "gpt-2", &cut_gpt2, false, false },
    { "gpt2", &cut_gpt2, false, false },
    { "phi-2", &cut_gpt2, false, false },
    { "mpt", &cut_gpt2, false, false },
    { "olmo", &cut_gpt2, false, false },
    { "mellum", &cut_gpt2, false, false },
    { "jais", &cut_gpt2, false, false },
    { "trillion", &cut_gpt2, false, false },
    { "gigachat", &cut_gpt2, false, false },
    { "a.x-4.0", &cut_gpt2, false, false },
    { "exaone4", &cut_gpt2, false, false },
    { "granite-docling", &cut_gpt2, false, false },
    { "jina-es", &cut_gpt2, false, false },
    { "jina-de", &cut_gpt2, false, false },
    { "jina-v2-es", &cut_gpt2, false, false },
    { "jina-v2-de", &cut_gpt2, false, false },
    { "modern-bert", &cut_gpt2, false, false },
    { "smollm", &cut_smollm, false, false },
    { "refact", &cut_smollm, false, false },
    { "starcoder", &cut_smollm, false, false },
    { "codeshell", &cut_smollm, false, false },
    { "command-r", &cut_smollm, false, false },
    { "exaone", &cut_smollm, false, false },
    { "minerva-7b", &cut_smollm, false, false },
    { "mellum2", &cut_smollm, false, false },
    { "qwen2", &cut_qwen2, false, false },
    { "deepseek-r1-qwen", &cut_qwen2, false, false },
    { "megrez", &cut_qwen2, false, false },
    { "stablelm2", &cut_qwen2, false, false },
    { "kormo", &cut_qwen2, false, false },
    { "hunyuan", &cut_qwen2, false, false },
    { "solar-open", &cut_qwen2, false, false },
    { "grok-2", &cut_qwen2, false, false },
    { "bailingmoe", &cut_qwen2, false, false },
    { "bailingmoe2", &cut_qwen2, false, false },
    { "llada-moe", &cut_qwen2, false, false },
    { "f2llmv2", &cut_qwen2, false, false },
    { "llama3", &cut_llama3, true, true },
    { "llama-v3", &cut_llama3, true, true },
    { "llama-bpe", &cut_llama3, true, true },
    { "falcon3", &cut_llama3, true, true },
    { "falcon-h1", &cut_llama3, true, true },
    { "pixtral", &cut_llama3, true, true },
    { "midm-2.0", &cut_llama3, true, true },
    { "lfm2", &cut_llama3, true, true },
    { "glm4", &cut_llama3, true, false },
    { "dbrx", &cut_llama3, false, false },
    { "smaug-bpe", &cut_llama3, false, false },
    { "chatglm-bpe", &cut_llama3, false, false },
    { "tekken", &cut_tekken, true, true },
    { "gpt-4o", &cut_gpt4o, false, false },
    { "llama4", &cut_gpt4o, false, false },
    { "kanana2", &cut_gpt4o, false, false },
    { "talkie", &cut_gpt4o, false, false },
    { "minimax-m2", &cut_gpt4o, false, false },
    { "qwen35", &cut_qwen35, false, false },
    { "seed-coder", &cut_seed_coder, false, false },
    { "deepseek-llm", &cut_deepseek_llm, false, false },
    { "deepseek-coder", &cut_deepseek_coder, false, false },
    { "deepseek-v3", &cut_deepseek3, false, false },
    { "hunyuan-dense", &cut_deepseek3, false, false },
    { "joyai-llm", &cut_deepseek3, false, false },
    { "hy_v4", &cut_deepseek3, false, false },
    { "bloom", &cut_bloom, false, false },
    { "poro-chat", &cut_bloom, false, false },
    { "gpt3-finnish", &cut_bloom, false, false },
    { "viking", &cut_viking, false, false },
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
    return "gpt-2 gpt2 phi-2 mpt olmo mellum jais trillion gigachat a.x-4.0 exaone4 granite-docling jina-es "
           "jina-de jina-v2-es jina-v2-de modern-bert smollm refact starcoder codeshell command-r exaone "
           "minerva-7b mellum2 qwen2 deepseek-r1-qwen megrez stablelm2 kormo hunyuan solar-open grok-2 "
           "bailingmoe bailingmoe2 llada-moe f2llmv2 llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral "
           "midm-2.0 lfm2 glm4 dbrx smaug-bpe chatglm-bpe tekken gpt-4o llama4 kanana2 talkie minimax-m2 "
           "qwen35 seed-coder deepseek-llm deepseek-coder deepseek-v3 hunyuan-dense joyai-llm hy_v4 bloom "
           "poro-chat gpt3-finnish viking";
}

static inline char_class class_at(const char *s, size_t len, size_t at, size_t *width)
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

static inline size_t run(const char *s, size_t len, size_t at, char_class want)
{
    size_t width;
    while (class_at(s, len, at, &width) == want)
        at += width;
    return at;
}

static inline size_t contraction(const char *s, size_t len, size_t at, bool any_case)
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

/* The same for pretokenize_cuts.c; here they are worked into the loops. */
char_class cut_class_at(const char *s, size_t len, size_t at, size_t *width)
{
    return class_at(s, len, at, width);
}

size_t cut_run(const char *s, size_t len, size_t at, char_class want)
{
    return run(s, len, at, want);
}

size_t cut_contraction(const char *s, size_t len, size_t at, bool any_case)
{
    return contraction(s, len, at, any_case);
}

size_t cut_white_space(const char *s, size_t len, size_t at, bool newlines, bool stop_at_number)
{
    return white_space(s, len, at, newlines, stop_at_number);
}

static inline size_t next_gpt2(bool lone_digits, const char *s, size_t len, size_t at)
{
    size_t width, width2 = 0, from = at;
    char_class c = class_at(s, len, at, &width);

    if (c == NUMBER && lone_digits)
        return at + width;
    if (s[at] == '\'') {
        size_t n = contraction(s, len, at, false);
        if (n)
            return at + n;
    }
    if (s[at] == ' ') {
        char_class c2 = class_at(s, len, at + 1, &width2);
        if (c2 == LETTER || c2 == OTHER || (c2 == NUMBER && !lone_digits)) {
            c = c2;
            from = at + 1;
        }
    }
    if (c == LETTER || c == NUMBER || c == OTHER)
        return run(s, len, from, c);
    return white_space(s, len, at, false, lone_digits);
}

static inline size_t next_llama3(unsigned max_digits, const char *s, size_t len, size_t at)
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
        for (unsigned i = 0; i < max_digits; i++) {
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

static size_t gpt2_words(const char *s, size_t len, size_t at)
{
    return next_gpt2(false, s, len, at);
}

static size_t smollm_words(const char *s, size_t len, size_t at)
{
    return next_gpt2(true, s, len, at);
}

static size_t qwen2_words(const char *s, size_t len, size_t at)
{
    return next_llama3(1, s, len, at);
}

static size_t llama3_words(const char *s, size_t len, size_t at)
{
    return next_llama3(3, s, len, at);
}

const cut_rule cut_gpt2 = { { gpt2_words } }, cut_smollm = { { smollm_words } }, cut_qwen2 = { { qwen2_words } },
               cut_llama3 = { { llama3_words } };

size_t pretokenize_next(const pretokenizer *p, pretokenize_state *state, const char *s, size_t len, size_t at)
{
    for (size_t i = 0; i < PRETOKENIZE_STEPS && p->rule->steps[i]; i++) {
        if (state->ends[i] <= at)
            state->ends[i] = p->rule->steps[i](s, len, at);
        len = state->ends[i];
    }
    return len;
}
