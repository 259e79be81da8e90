/* injection.c - see injection.h.
 *
 * The text is folded first: small letters, no characters of no width, runs of blanks as one,
 * quotation marks as blanks. Then it is held against the rules and signs of injection_rules.c,
 * against what sentences want (injection_intent.c), and weighed by the parts that its words play
 * (injection_learned.c). What an encoded sentence says is read in the same way
 * (injection_decode.c). A sentence that reports an order in quotation marks, with words that speak
 * of attacks or examples, is no order; it is not shown beside evidence either. */
#include "retrieve/injection.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "retrieve/injection_decode.h"
#include "retrieve/injection_intent.h"
#include "retrieve/injection_learned.h"
#include "retrieve/injection_rules.h"
#include "retrieve/word_byte.h"

#define TEXT_MAX  4096
#define LABEL_MAX 20

/* Fold into out[TEXT_MAX * 2]; *hidden counts characters that cannot be seen, *tags those of the
 * block that only spells text invisibly (U+E0000). */
static size_t fold(const char *s, size_t len, char *out, size_t *hidden, size_t *tags)
{
    size_t n = 0;

    *hidden = *tags = 0;
    for (size_t i = 0; i < len && n + 8 < TEXT_MAX * 2;) {
        uint32_t cp;
        size_t step = utf8_decode(s + i, len - i, &cp, NULL);
        if (cp >= 0xE0000 && cp <= 0xE007F) {
            ++*tags;
        } else if ((cp >= 0x200B && cp <= 0x200F) || cp == 0xFEFF ||
                   (cp >= 0x2060 && cp <= 0x2064) || cp == 0xAD || (cp >= 0x202A && cp <= 0x202E)) {
            ++*hidden;
        } else if (cp == '\n') {
            out[n++] = '\n';
        } else if (cp <= 0x20 || cp == 0xA0 || cp == '"' || cp == '*' || cp == '_' || cp == '`' ||
                   cp == 0x201C || cp == 0x201D || cp == 0x201E) {
            if (n && out[n - 1] != ' ' && out[n - 1] != '\n')
                out[n++] = ' ';
        } else if (cp == 0x2019 || cp == 0x2018) {
            out[n++] = '\'';
        } else if (cp < 0x80) {
            out[n++] = (char)tolower((int)cp);
        } else if (cp >= 0xC0 && cp <= 0xDE && cp != 0xD7) {
            out[n++] = (char)0xC3;
            out[n++] = (char)(cp - 0xC0 + 0xA0);
        } else if (cp >= 0x410 && cp <= 0x42F) {
            cp += 0x20;
            out[n++] = (char)(0xC0 | cp >> 6);
            out[n++] = (char)(0x80 | (cp & 0x3F));
        } else if (cp >= 0xFF01 && cp <= 0xFF5E) { /* full width */
            out[n++] = (char)tolower((int)(cp - 0xFF01 + 0x21));
        } else {
            memcpy(out + n, s + i, step);
            n += step;
        }
        i += step;
    }
    out[n] = '\0';
    return n;
}

/* The groups taken apart, once: every sentence of every passage is held against all of them. */
typedef struct alternative {
    const char *text;
    size_t len;
} alternative;

typedef struct group {
    uint64_t begins[4]; /* the bytes that an alternative begins with, a bit each */
    size_t first, n;    /* of `alternatives` */
} group;

#define RULES_MAX        256
#define ALTERNATIVES_MAX 4096

static group groups[RULES_MAX][INJECTION_GROUPS];
static alternative alternatives[ALTERNATIVES_MAX];
static pthread_once_t apart = PTHREAD_ONCE_INIT;

static void take_apart(void)
{
    size_t n = 0;

    assert(injection_n_rules <= RULES_MAX);
    for (size_t i = 0; i < injection_n_rules * INJECTION_GROUPS; i++) {
        group *g = &groups[i / INJECTION_GROUPS][i % INJECTION_GROUPS];
        g->first = n;
        for (const char *alt = injection_rules[i / INJECTION_GROUPS].group[i % INJECTION_GROUPS];
             alt && *alt && n < ALTERNATIVES_MAX; g->n++) {
            size_t len = strcspn(alt, "|");
            alternatives[n++] = (alternative){alt, len};
            g->begins[(uint8_t)*alt >> 6] |= UINT64_C(1) << (*alt & 63);
            alt += len + (alt[len] == '|');
        }
    }
    assert(n < ALTERNATIVES_MAX); /* test_guard.c asks the last rule, too */
}

/* The first place at or behind s[from] where an alternative begins, at most at s[upto]; *end is its
 * end. SIZE_MAX when there is none. */
static size_t find_group(const char *s, size_t len, size_t from, size_t upto, const group *g,
                         size_t *end)
{
    for (size_t at = from; at < len && at <= upto; at++) {
        if (!(g->begins[(uint8_t)s[at] >> 6] >> (s[at] & 63) & 1))
            continue;
        if (at && is_word_byte(s[at]) && is_word_byte(s[at - 1]) && (unsigned char)s[at] < 0xE0 &&
            (unsigned char)s[at - 1] < 0xE0)
            continue; /* inside a word */
        for (const alternative *alt = alternatives + g->first; alt < alternatives + g->first + g->n;
             alt++)
            if (*alt->text == s[at] && alt->len <= len - at &&
                !memcmp(s + at, alt->text, alt->len)) {
                *end = at + alt->len;
                return at;
            }
    }
    return SIZE_MAX;
}

/* The end of a label in front of a sentence ("text: ", "subject: "), or `at`. */
static size_t behind_label(const char *s, size_t len, size_t at)
{
    size_t end = at;

    while (end < len && end - at < LABEL_MAX && (isalpha((unsigned char)s[end]) || s[end] == '-'))
        end++;
    return end > at && end + 1 < len && s[end] == ':' && s[end + 1] == ' ' ? end + 2 : at;
}

/* Where the sentence's own first word stands: behind a label, a list's sign and words of
 * politeness. */
static size_t first_word(const char *s, size_t len)
{
    static const char *const polite[] = {
        "please ",       "also ",          "and ",          "then ",       "now ",
        "additionally ", "additionally, ", "finally, ",     "first, ",     "you must ",
        "you should ",   "you have to ",   "make sure to ", "be sure to ", "kindly ",
        "bitte ",        "por favor ",     "remember to ",  "just ",       "don't hesitate to ",
        "you need to "};
    size_t at = behind_label(s, len, 0);

    for (bool again = true; again;) {
        again = false;
        while (at < len && !is_word_byte(s[at]))
            at++;
        for (size_t i = 0; i < sizeof polite / sizeof *polite; i++)
            if (len - at > strlen(polite[i]) && !memcmp(s + at, polite[i], strlen(polite[i]))) {
                at += strlen(polite[i]);
                again = true;
            }
    }
    return at;
}

static bool holds_rule(size_t rule, const char *s, size_t len, size_t first)
{
    const injection_rule *r = &injection_rules[rule];
    const group *of = groups[rule];
    size_t from = r->first ? first : 0, upto = r->first ? first : len, end;

    for (size_t start = from; start <= upto;) {
        size_t at = find_group(s, len, start, upto, &of[0], &end), e = 0;
        bool all = at != SIZE_MAX;
        if (!all)
            return false;
        for (size_t g = 1; g < INJECTION_GROUPS && of[g].n && all; g++) {
            all = find_group(s, len, end, end + r->window, &of[g], &e) != SIZE_MAX;
            end = e;
        }
        if (all)
            return true;
        start = at + 1;
    }
    return false;
}

static bool begins_with(const char *s, const char *alternatives)
{
    for (const char *alt = alternatives; *alt;) {
        size_t len = strcspn(alt, "|");
        if (!strncmp(s, alt, len))
            return true;
        alt += len + (alt[len] == '|');
    }
    return false;
}

#define HIDDEN_SCORE 0.6f
#define QUOTED_SCORE 0.45f

/* By the rules, the signs and what it wants; no more. */
static float read_rules(const char *folded, size_t n, size_t first, bool *drops)
{
    float score = 0;

    pthread_once(&apart, take_apart);
    for (size_t i = 0; i < injection_n_rules; i++)
        if (injection_rules[i].score > score && holds_rule(i, folded, n, first))
            score = injection_rules[i].score;
    for (size_t i = 0; i < injection_n_signs; i++)
        if (injection_signs[i].score > score && strstr(folded, injection_signs[i].text))
            score = injection_signs[i].score;
    float intent = injection_intent(folded, n, drops);
    return intent > score ? intent : score;
}

/* Copy the text without what stands in quotation marks; false when nothing does. */
static bool without_quotes(const char *text, size_t len, char *out, size_t *n)
{
    static const struct {
        const char *open, *shut;
    } marks[] = {{"\"", "\""}, {"\xE2\x80\x9E", "\xE2\x80\x9C"}, {"\xE2\x80\x9C", "\xE2\x80\x9D"},
                 {"\xC2\xAB", "\xC2\xBB"}};
    bool any = false;

    *n = 0;
    for (size_t i = 0; i < len;) {
        size_t step = 0;
        for (size_t k = 0; k < sizeof marks / sizeof *marks && !step; k++) {
            size_t open = strlen(marks[k].open);
            if (len - i < open || memcmp(text + i, marks[k].open, open) != 0)
                continue;
            const char *end = memmem(text + i + open, len - i - open, marks[k].shut,
                                     strlen(marks[k].shut));
            if (end)
                step = (size_t)(end - text) + strlen(marks[k].shut) - i;
        }
        any |= step > 0;
        if (step)
            out[(*n)++] = ' ';
        else
            out[(*n)++] = text[i];
        i += step ? step : 1;
    }
    return any;
}

/* Does the sentence only report what another text says, in quotation marks? Without them it is no
 * order, and it speaks of attacks or examples. */
static bool reports(const char *text, size_t len)
{
    char rest[TEXT_MAX], folded[TEXT_MAX * 2 + 8];
    size_t n, hidden, tags;
    bool drops;

    if (len > TEXT_MAX || !without_quotes(text, len, rest, &n))
        return false;
    n = fold(rest, n, folded, &hidden, &tags);
    injection_roles roles = injection_roles_of(rest, n, folded, n);
    return roles & INJECTION_ROLE(ROLE_ABOUT) && !(roles & INJECTION_ROLE(ROLE_ORDERS)) &&
           injection_learned(roles) < INJECTION_SENTENCE &&
           read_rules(folded, n, first_word(folded, n), &drops) < INJECTION_SENTENCE;
}

static injection_reading read_plain(const char *text, size_t len)
{
    char folded[TEXT_MAX * 2 + 8];
    size_t hidden, tags, n, first;
    injection_reading r = {0};

    n = fold(text, len, folded, &hidden, &tags);
    first = first_word(folded, n);
    r.score = read_rules(folded, n, first, &r.drops);
    r.roles = injection_roles_of(text, len, folded, n);
    if (r.score >= INJECTION_SENTENCE && !hidden && tags <= 2 && reports(text, len))
        r.score = QUOTED_SCORE;
    if (tags > 2 && r.score < 0.9f)
        r.score = 0.9f;
    if (hidden > 3) { /* something to hide */
        r.score += r.score > 0 ? (1 - r.score) * 0.5f : 0;
        if (r.score < HIDDEN_SCORE && injection_learned(r.roles) > 0)
            r.score = HIDDEN_SCORE;
    }
    r.says = begins_with(folded + first, injection_says);
    return r;
}

injection_reading injection_read(const char *text, size_t len)
{
    char plain[TEXT_MAX + 8];
    injection_reading r;

    len = len < TEXT_MAX ? len : TEXT_MAX;
    r = read_plain(text, len);
    for (int code = 0; code < INJECTION_CODES; code++) {
        size_t n = injection_decode((injection_code)code, text, len, plain, sizeof plain);
        if (!n)
            continue;
        injection_reading behind = read_plain(plain, n < TEXT_MAX ? n : TEXT_MAX);
        float learned = injection_learned(behind.roles);
        float score = behind.score > learned ? behind.score : learned;
        bool orders = code != INJECTION_LOOKALIKES && behind.roles & INJECTION_ROLE(ROLE_ORDERS);
        if ((score >= INJECTION_BESIDE || orders) && score < HIDDEN_SCORE) /* why is it hidden? */
            score = HIDDEN_SCORE;
        if (score > r.score)
            r.score = score;
    }
    return r;
}

float injection_score(const char *text, size_t len)
{
    injection_reading r = injection_read(text, len);
    float learned = injection_learned(r.roles);

    return learned > r.score ? learned : r.score;
}
