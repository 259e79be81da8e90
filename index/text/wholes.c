/* wholes.c - names of several words, told by the signs between these.
 *
 * A chain is a run of main words with one of a few signs between each and the next. What it holds
 * follows from the signs: behind "://" or www everything up to white space is a URL, an at sign
 * makes an address, a dot joins all that a file name may have, an underscore or two colons an
 * identifier. */
#include "index/text/wholes.h"

#include <string.h>

#include "index/text/analyzer.h"

typedef enum sign { NONE, UNDERSCORE, DOT, AT, HYPHEN, COLONS, PLUS, SCHEME } sign;

/* Words of a chain that are looked at; what is longer goes on as another one. */
#define CHAIN_WORDS 64
#define UNDERSCORES 3 /* in a row between two words of an identifier */

/* The main words of a text from one on. */
typedef struct chain {
    const uint8_t *text;
    const word_span *spans;
    size_t at[CHAIN_WORDS]; /* indexes of its words */
    sign after[CHAIN_WORDS];
    size_t n;
    size_t next; /* the main span behind at[n - 1] */
    size_t n_spans;
    whole *out;
    size_t *n_out;
} chain;

static size_t next_main(const word_span *spans, size_t i, size_t n)
{
    for (i++; i < n && spans[i].extra; i++)
        ;
    return i;
}

static sign between(const uint8_t *text, size_t from, size_t to)
{
    size_t len = to - from, i = from;

    while (i < to && text[i] == '_')
        i++;
    if (i == to)
        return len && len <= UNDERSCORES ? UNDERSCORE : NONE;
    if (len == 1)
        return text[from] == '.'   ? DOT
               : text[from] == '@' ? AT
               : text[from] == '-' ? HYPHEN
               : text[from] == '+' ? PLUS
                                   : NONE;
    if (len == 2 && text[from] == ':' && text[from + 1] == ':')
        return COLONS;
    return len == 3 && !memcmp(text + from, "://", 3) ? SCHEME : NONE;
}

static bool is_letter(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26 || c >= 0x80;
}

/* Words a .. b of the chain are one name. */
static void found(chain *c, size_t a, size_t b)
{
    uint32_t start = c->spans[c->at[a]].start, end = c->spans[c->at[b]].end;
    bool letter = false;

    if (a == b || end - start > ANALYZER_TERM_MAX || *c->n_out == WHOLES_AT)
        return;
    for (uint32_t i = start; i < end && !letter; i++)
        letter = is_letter(c->text[i]);
    if (letter)
        c->out[(*c->n_out)++] = (whole){(uint32_t)c->at[a], start, end};
}

static bool is_www(const chain *c, size_t i)
{
    const word_span *s = &c->spans[c->at[i]];
    const uint8_t *t = c->text + s->start;
    return s->end - s->start == 3 && (t[0] | 0x20) == 'w' && (t[1] | 0x20) == 'w' &&
           (t[2] | 0x20) == 'w' && c->after[i] == DOT && i + 1 < c->n;
}

/* The last word of the host that begins at word i. */
static size_t host_end(const chain *c, size_t i)
{
    while (i + 1 < c->n && (c->after[i] == DOT || c->after[i] == HYPHEN))
        i++;
    return i;
}

/* Whether a URL goes on over the signs text[from, to). */
static bool is_url(const uint8_t *text, size_t from, size_t to, unsigned *open)
{
    for (size_t i = from; i < to; i++) {
        if (text[i] == '(')
            (*open)++;
        else if (text[i] == ')' && *open)
            (*open)--;
        else if (!text[i] || !strchr("-._~:/?#@!$&*+=%", text[i]))
            return false;
    }
    return true;
}

/* The host that begins the chain, and its URL, which may go on far behind the chain; returns the
 * first span behind. */
static size_t take_url(chain *c)
{
    size_t i = is_www(c, 0), last = host_end(c, i), span, next;
    uint32_t start, end;
    unsigned open = 0;

    found(c, i, last);
    span = c->at[last];
    start = c->spans[c->at[i]].start;
    for (;;) {
        end = c->spans[span].end;
        next = next_main(c->spans, span, c->n_spans);
        if (next == c->n_spans || c->spans[next].kind == WORD_CJK ||
            !is_url(c->text, end, c->spans[next].start, &open))
            break;
        span = next;
    }
    if (span != c->at[last] && end - start <= ANALYZER_TERM_MAX && *c->n_out < WHOLES_AT)
        c->out[(*c->n_out)++] = (whole){(uint32_t)c->at[i], start, end};
    return next;
}

/* Names without an at sign in words a .. b. */
static void take_names(chain *c, size_t a, size_t b)
{
    bool dot = false;
    size_t from = a;

    for (size_t i = a; i < b; i++)
        dot = dot || c->after[i] == DOT;
    for (size_t i = a; i <= b; i++)
        if (i == b || c->after[i] == PLUS || (c->after[i] == HYPHEN && !dot)) {
            found(c, from, i);
            from = i + 1;
        }
}

/* Addresses with their hosts, and names. */
static void take_chain(chain *c)
{
    size_t a = 0, at, b;

    while (a < c->n) {
        for (at = a; at + 1 < c->n && c->after[at] != AT; at++)
            ;
        if (at + 1 >= c->n) {
            take_names(c, a, c->n - 1);
            return;
        }
        b = host_end(c, at + 1);
        found(c, a, b);
        found(c, at + 1, b);
        a = b + 1;
    }
}

/* The chain of words from spans[i] on, to the first two with none of the signs between. */
static void read_chain(chain *c, size_t i)
{
    sign s = UNDERSCORE;

    for (c->n = 0; s != NONE && s != SCHEME && c->n < CHAIN_WORDS; i = c->next) {
        const word_span *here = &c->spans[i], *then;
        c->next = next_main(c->spans, i, c->n_spans);
        then = &c->spans[c->next];
        s = c->next < c->n_spans && here->kind != WORD_CJK && then->kind != WORD_CJK &&
                    then->start > here->end
                ? between(c->text, here->end, then->start)
                : NONE;
        c->at[c->n] = i;
        c->after[c->n++] = s;
    }
}

size_t wholes_at(const uint8_t *text, const word_span *spans, size_t i, size_t n,
                 whole out[WHOLES_AT], size_t *n_out)
{
    chain c = {.text = text, .spans = spans, .n_spans = n, .out = out, .n_out = n_out};
    bool scheme;

    *n_out = 0;
    read_chain(&c, i);
    scheme = c.after[c.n - 1] == SCHEME;
    if (!scheme && is_www(&c, 0))
        return take_url(&c);
    take_chain(&c);
    if (!scheme)
        return c.next;
    read_chain(&c, c.next);
    return take_url(&c);
}
