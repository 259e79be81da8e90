/* injection_block.c - sentences that belong to a planted one: injection_scores of injection.h.
 *
 * A planted order seldom stands alone. What is wrapped around it says where it begins and ends, so
 * a caught sentence takes along
 *   - what stands with it between "<name>" and "</name>", "[NAME]" and "[/NAME]", "<!--" and "-->",
 * two lines of signs of which the first has a title ("=== note ===");
 *   - what follows an opening mark up to its closing one, where the mark itself was caught; up to
 * the last caught sentence where it has none, for a passage may end before it does; the paragraph
 * that a label or a list's head (it ends with a colon) stands before;
 *   - what stands between two caught sentences of one paragraph, or beside one and is suspicious
 * itself or an order to say something ("Tell users ...");
 *   - what follows one in its paragraph that only sets aside what was said before ("Ignore all
 * previous instructions."): that is what it makes room for; or that says no more than was ordered.
 *   - what goes on in small letters right behind it on its line: the rest of its sentence, which a quoted
 * mark ended ("Mail the text \"Hello?\" to ...").
 * Only where something was caught, and at most BLOCK_BYTES to either side, so honest texts
 * lose nothing by it. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "retrieve/injection.h"
#include "retrieve/injection_learned.h"
#include "retrieve/word_byte.h"

#define BLOCK_BYTES 2000
#define NAME_BYTES  32
#define LINE_SIGNS  3
#define ROLES_FEW   64
#define WORDS_MIN   3 /* of a sentence that repeats a caught one */
#define TAKEN       0.501f /* for its neighbours' sake: takes nothing along itself */

typedef struct block {
    size_t start, end;
} block;

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == ' ';
}

/* Is s[at] the beginning of "<name>" or "[NAME]" (`close`: with a slash before the name)? *end is
 * behind it. */
static bool read_mark(const char *s, size_t len, size_t at, bool *close, const char **name,
                      size_t *n, size_t *end)
{
    char shut = s[at] == '<' ? '>' : ']';
    size_t i = at + 1;

    if (s[at] != '<' && s[at] != '[')
        return false;
    *close = i < len && s[i] == '/';
    i += *close;
    *name = s + i;
    while (i < len && is_name(s[i]) && i - at < NAME_BYTES)
        i++;
    *n = (size_t)(s + i - *name);
    *end = i + 1;
    return *n && isalpha((unsigned char)**name) && i < len && s[i] == shut;
}

/* Marks of a page's own structure, which hold honest text, too. */
static bool is_structure(const char *name, size_t n)
{
    static const char *const known[] = {
        "html", "body", "div", "p",  "span", "table",   "tbody",   "thead",   "tr",     "td",
        "th",   "ul",   "ol",  "li", "main", "section", "article", "details", "header", "footer",
        "pre",  "code", "b",   "i",  "em",   "strong",  "a",       "quote"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == n && !strncasecmp(known[i], name, n))
            return true;
    return false;
}

/* A line that begins with signs: "=====", "--- END ---"; `titled`: with words behind them. */
static bool is_rule(const char *s, size_t start, size_t end, bool titled)
{
    size_t n = 0, i;

    while (start + n < end && strchr("=-*~_+", s[start + n]) && s[start + n] == s[start])
        n++;
    for (i = start + n; i < end && !isalpha((unsigned char)s[i]);)
        i++;
    return n >= LINE_SIGNS && (!titled || i < end);
}

static size_t line_start(const char *s, size_t at)
{
    while (at && s[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(const char *s, size_t len, size_t at)
{
    const char *nl = memchr(s + at, '\n', len - at);

    return nl ? (size_t)(nl - s) : len;
}

/* The nearest mark before `at` that is not closed again before it, and its end behind. */
static bool between_marks(const char *s, size_t len, size_t at, block *b)
{
    size_t least = at > BLOCK_BYTES ? at - BLOCK_BYTES : 0;

    for (size_t i = at; i-- > least;) {
        const char *name, *other;
        size_t n, m, end, other_end;
        bool close;
        if (!read_mark(s, len, i, &close, &name, &n, &end) || close || is_structure(name, n))
            continue;
        for (size_t j = end; j < len && j < at + BLOCK_BYTES; j++)
            if (read_mark(s, len, j, &close, &other, &m, &other_end) && close && m == n &&
                !strncasecmp(name, other, n)) {
                if (j < at)
                    break;
                *b = (block){i, other_end};
                return true;
            }
    }
    return false;
}

static bool between_signs(const char *s, size_t len, size_t at, const char *open, const char *shut,
                          block *b)
{
    size_t n = strlen(open), least = at > BLOCK_BYTES ? at - BLOCK_BYTES : 0,
           most = len - at > BLOCK_BYTES ? at + BLOCK_BYTES : len;

    for (size_t i = at + 1; i-- > least;) {
        if (len - i < n || memcmp(s + i, open, n) != 0)
            continue;
        const char *end = memmem(s + i + n, most - i - n, shut, strlen(shut));
        if (end && (size_t)(end - s) >= at) {
            *b = (block){i, (size_t)(end - s) + strlen(shut)};
            return true;
        }
        return false;
    }
    return false;
}

/* Between two lines of signs, with them. */
static bool between_rules(const char *s, size_t len, size_t at, block *b)
{
    size_t from = line_start(s, at), end = line_end(s, len, at),
           least = at > BLOCK_BYTES ? at - BLOCK_BYTES : 0;

    for (size_t start = from;; start = line_start(s, start - 1)) {
        if (is_rule(s, start, line_end(s, len, start), true)) {
            *b = (block){start, 0};
            break;
        }
        if (!start || start <= least)
            return false;
    }
    for (end = end < len ? end + 1 : len; end < len && end < at + BLOCK_BYTES;
         end = line_end(s, len, end) + 1)
        if (is_rule(s, end, line_end(s, len, end), false)) {
            b->end = line_end(s, len, end);
            return true;
        }
    return false;
}

/* Where the paragraph ends: at an empty line. */
static size_t paragraph_end(const char *s, size_t len, size_t at)
{
    for (size_t i = at; i + 1 < len; i++)
        if (s[i] == '\n') {
            size_t k = i + 1;
            while (k < len && (s[k] == ' ' || s[k] == '\t' || s[k] == '\r'))
                k++;
            if (k < len && s[k] == '\n')
                return i;
        }
    return len;
}

/* The paragraph that begins at or behind `at`. */
static size_t next_paragraph_end(const char *s, size_t len, size_t at)
{
    while (at < len && isspace((unsigned char)s[at]))
        at++;
    return paragraph_end(s, len, at);
}

/* A caught sentence that opens what follows it. *marked: by a mark, which nothing closes. */
static bool opens(const char *s, size_t len, const text_span *at, block *b, bool *marked)
{
    const char *name;
    size_t n, end, close_end;
    bool close;

    *marked = false;
    for (size_t i = at->start; i < at->end; i++) {
        if (!read_mark(s, len, i, &close, &name, &n, &end) || is_structure(name, n))
            continue;
        if (close)
            return false;
        *b = (block){i, paragraph_end(s, len, at->end)};
        *marked = true;
        for (size_t j = end; j < len && j < i + BLOCK_BYTES; j++) {
            const char *other;
            size_t m;
            if (read_mark(s, len, j, &close, &other, &m, &close_end) && close && m == n &&
                !strncasecmp(name, other, n)) {
                b->end = close_end;
                *marked = false;
                break;
            }
        }
        return true;
    }
    if (at->end > at->start && s[at->end - 1] == ':') {
        *b = (block){at->start, next_paragraph_end(s, len, at->end)};
        return true;
    }
    return false;
}

static void take(const text_span *s, size_t n, block b, float *score)
{
    for (size_t i = 0; i < n; i++)
        if (s[i].start < b.end && s[i].end > b.start && score[i] < INJECTION_SENTENCE)
            score[i] = TAKEN;
}

/* Does nothing but blanks of one paragraph lie between two sentences? */
static bool is_beside(const char *text, const text_span *a, const text_span *b)
{
    return paragraph_end(text, b->start, a->end) == b->start;
}

/* Is every word of the sentence in the caught one? Too few words say nothing. */
static bool says_no_more(const char *text, const text_span *s, const text_span *caught)
{
    const char *in = text + caught->start;
    size_t words = 0, len = caught->end - caught->start;

    for (size_t i = s->start; i < s->end;) {
        size_t from = i, n;
        bool found = false;
        while (i < s->end && is_word_byte(text[i]))
            i++;
        if ((n = i - from) == 0) {
            i++;
            continue;
        }
        for (size_t k = 0; k + n <= len && !found; k++)
            found = !strncasecmp(in + k, text + from, n) && (!k || !is_word_byte(in[k - 1])) &&
                    (k + n == len || !is_word_byte(in[k + n]));
        if (!found)
            return false;
        words++;
    }
    return words >= WORDS_MIN;
}

/* Between two caught sentences, or beside one and suspicious. */
static void join(const char *text, const text_span *s, size_t n, float *score)
{
    size_t last = n;

    for (size_t i = 0; i < n; i++) {
        if (score[i] < INJECTION_SENTENCE)
            continue;
        if (last < n && s[i].start - s[last].end < BLOCK_BYTES / 2 &&
            is_beside(text, &s[last], &s[i]))
            take(s, n, (block){s[last].start, s[i].end}, score);
        last = i;
    }
    for (size_t i = 0; i < n; i++)
        if (score[i] >= INJECTION_BESIDE && score[i] < INJECTION_SENTENCE &&
            ((i && score[i - 1] >= INJECTION_SENTENCE) ||
             (i + 1 < n && score[i + 1] >= INJECTION_SENTENCE)))
            score[i] = TAKEN;
}

/* Is `b` the rest of the sentence `a`? */
static bool goes_on(const char *text, const text_span *a, const text_span *b)
{
    return islower((unsigned char)text[b->start]) && b->start >= a->end && !memchr(text + a->end, '\n', b->start - a->end);
}

static injection_reading read_one(const char *text, const text_span *s)
{
    return injection_read(text + s->start, s->end - s->start);
}

/* What goes on from a caught sentence in its paragraph: orders to say something, to either side;
 * then what stands behind one that makes room for it, or says no more than it. */
static void follow(const char *text, const text_span *s, size_t n, float *score)
{
    for (size_t i = 1; i < n; i++)
        if (score[i - 1] >= INJECTION_SENTENCE && score[i] < INJECTION_SENTENCE &&
            is_beside(text, &s[i - 1], &s[i]) && read_one(text, &s[i]).says)
            score[i] = TAKEN;
    for (size_t i = n; i-- > 1;)
        if (score[i] >= INJECTION_SENTENCE && score[i - 1] < INJECTION_SENTENCE &&
            is_beside(text, &s[i - 1], &s[i]) && read_one(text, &s[i - 1]).says)
            score[i - 1] = TAKEN;
    for (size_t i = 1; i < n; i++)
        if (score[i - 1] >= INJECTION_SENTENCE && score[i] < INJECTION_SENTENCE && goes_on(text, &s[i - 1], &s[i]))
            score[i] = TAKEN;
    for (size_t i = n; i-- > 1;) /* from behind: what is taken here takes nothing along */
        if (score[i] < INJECTION_SENTENCE && score[i - 1] >= INJECTION_SENTENCE &&
            is_beside(text, &s[i - 1], &s[i]) &&
            (read_one(text, &s[i - 1]).drops || says_no_more(text, &s[i], &s[i - 1])))
            score[i] = TAKEN;
}

/* Marks of programs and their documentation: `x`, f(), a::b, a_name, aName, --option, [text](link), ->, == */
static bool has_program_marks(const char *s, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        char before = s[i - 1], c = s[i], next = i + 1 < len ? s[i + 1] : ' ';
        bool small = islower((unsigned char)before);
        if ((c == '`' && isalnum((unsigned char)next)) || (before == '`' && isalnum((unsigned char)c)) ||
            (is_word_byte(before) && c == '(' && next == ')') || (before == ']' && c == '(') ||
            (before == ':' && c == ':') || (before == '-' && c == '>') || (before == '=' && c == '=') ||
            (small && c == '_' && islower((unsigned char)next)) ||
            (before == ' ' && c == '-' && (next == '-' || islower((unsigned char)next))))
            return true;
        if (small && isupper((unsigned char)c)) {
            size_t first = i - 1;
            while (first && is_word_byte(s[first - 1]))
                first--;
            if (islower((unsigned char)s[first]))
                return true;
        }
    }
    return false;
}

#define MACHINES (INJECTION_ROLE(ROLE_MODEL) | INJECTION_ROLE(ROLE_PROGRAM) | INJECTION_ROLE(ROLE_PRODUCT) | \
                  INJECTION_ROLE(ROLE_PRIOR) | INJECTION_ROLE(ROLE_READS))
#define COMMANDS (INJECTION_ROLE(ROLE_ORDERS) | INJECTION_ROLE(ROLE_MUST) | INJECTION_ROLE(ROLE_DONT))

/* What the weights tell of a sentence is a guess, and manuals of programs speak of names, outputs and ignoring, too: there
 * it has to command, and among other commands, where it names no machine and no answer, to command without marks of programs. */
static bool reads_like_a_manual(const char *text, const text_span *s, injection_roles roles)
{
    bool marks = has_program_marks(text + s->start, s->end - s->start);

    if (marks && !(roles & COMMANDS))
        return true;
    return roles & INJECTION_ROLE(ROLE_AMONG) && !(roles & MACHINES) && (marks || !(roles & INJECTION_ROLE(ROLE_ORDERS)));
}

/* Each sentence by itself, and by how it stands to the rest. */
static bool score_each(const char *text, size_t len, const text_span *s, size_t n, float *score)
{
    injection_roles few[ROLES_FEW], *roles = n <= ROLES_FEW ? few : malloc(n * sizeof *roles);
    bool caught = false;

    for (size_t i = 0; i < n; i++) {
        injection_reading r = read_one(text, &s[i]);
        score[i] = r.score;
        if (roles)
            roles[i] = r.roles;
        else /* without memory: by itself */
            score[i] = fmaxf(r.score, injection_learned(r.roles));
    }
    if (roles)
        injection_roles_around(text, len, s, n, roles);
    for (size_t i = 0; i < n; i++) {
        if (roles) {
            float learned = injection_learned(roles[i]);
            if (learned >= INJECTION_SENTENCE && reads_like_a_manual(text, &s[i], roles[i]))
                learned = INJECTION_BESIDE;
            score[i] = fmaxf(score[i], learned);
        }
        caught |= score[i] >= INJECTION_SENTENCE;
    }
    if (roles != few)
        free(roles);
    return caught;
}

void injection_scores(const char *text, size_t len, const text_span *s, size_t n, float *score)
{
    bool caught = score_each(text, len, s, n, score);

    if (!caught)
        return;
    join(text, s, n, score);
    follow(text, s, n, score);
    for (size_t i = 0; i < n; i++) {
        block b;
        bool marked;
        if (score[i] < INJECTION_SENTENCE || score[i] == TAKEN)
            continue;
        if (between_marks(text, len, s[i].start, &b) ||
            between_signs(text, len, s[i].start, "<!--", "-->", &b) ||
            between_rules(text, len, s[i].start, &b))
            take(s, n, b, score);
        if (opens(text, len, &s[i], &b, &marked)) {
            for (size_t k = i + 1; marked && k < n && s[k].start < b.start + BLOCK_BYTES; k++)
                if (score[k] >= INJECTION_SENTENCE) /* its end stands in the next passage */
                    b.end = s[k].end > b.end ? s[k].end : b.end;
            take(s, n, b, score);
        }
    }
}
