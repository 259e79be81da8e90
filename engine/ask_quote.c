/* ask_quote.c - what is quoted with a sentence that answers: the one before it, the list behind it, what is said to a question, who
 * wrote it. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "engine/ask.h"

#define LIST_LINES   8    /* that a sentence with a colon at its end takes along */
#define LIST_BYTES   500
#define RUN_IN_WORDS 5
#define STEM_BYTES   5
#define NAME_BYTES   40   /* of who speaks in a chat */

/* "It ends in May.": a sentence that begins so needs the one before it. */
static bool leans_back(const char *s, size_t len)
{
    static const char *const words[] = {"it ",   "he ",  "she ", "they ", "this ", "these ", "that ",
                                        "those ", "its ", "his ", "her ",  "their ", "es ",   "er ",
                                        "sie ",  "dies ", "diese ", "dieser ", "dieses ", "él ",
                                        "ella ", "este ", "esta ", "esto ", "il ", "elle ", "ils ",
                                        "ihre ", "ihr ", "seine ", "sein ", "su ", "sus ", "sa ", "leur ", "leurs "};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (len > strlen(words[i]) && !strncasecmp(s, words[i], strlen(words[i])))
            return true;
    return false;
}

/* Behind what is written before a message of a chat: "[2025-01-11 20:14] <vega> ", "12/03/2025, 18:02 - Mum: ". `start` where
 * there is nothing of that kind. *name: who speaks. */
static size_t behind_stamp(const char *s, size_t start, size_t end, text_span *name)
{
    size_t at = start, digits = 0, colons = 0, from;

    *name = (text_span){start, start};
    at += at < end && s[at] == '[';
    while (at < end && (isdigit((unsigned char)s[at]) || strchr(" ,/.:-T", s[at]))) {
        digits += isdigit((unsigned char)s[at]) != 0;
        colons += s[at++] == ':';
    }
    if (digits < 3 || !colons || at >= end)
        return start;
    while (at < end && strchr("] -", s[at]))
        at++;
    if (s[at] == '<') {
        from = ++at;
        while (at < end && s[at] != '>' && at - from < NAME_BYTES)
            at++;
        if (at >= end || s[at] != '>')
            return start;
        *name = (text_span){from, at++};
    } else {
        from = at;
        while (at < end && s[at] != ':' && at - from < NAME_BYTES)
            at++;
        if (at + 1 >= end || s[at] != ':' || s[at + 1] != ' ')
            return start;
        *name = (text_span){from, at++};
    }
    while (at < end && s[at] == ' ')
        at++;
    return at;
}

/* A sentence that asks: with a question mark, or a message of a chat that begins with the word of a question. */
static bool asks(const char *s, size_t start, size_t end)
{
    static const char *const words[] = {"who ", "what ", "when ", "where ", "which ", "how ", "why ", "anyone ", "anybody ", "does anyone ",
                                        "wer ", "was ", "wann ", "wo ", "wie ", "warum ", "hat jemand ", "weiß jemand ", "quién ", "qué ",
                                        "cuándo ", "dónde ", "cómo ", "alguien ", "qui ", "quand ", "où ", "comment ", "quelqu'un "};
    text_span name;
    size_t at = behind_stamp(s, start, end, &name);

    if (end > start && s[end - 1] == '?')
        return true;
    for (size_t i = 0; at > start && i < sizeof words / sizeof *words; i++)
        if (end - at > strlen(words[i]) && !strncasecmp(s + at, words[i], strlen(words[i])))
            return true;
    return false;
}

/* The end of the list behind a line that ends with a colon. */
static size_t end_of_list(const char *s, size_t len, size_t from)
{
    size_t end = from, at = from, lines = 0;

    while (at < len && lines < LIST_LINES) {
        const char *nl;
        size_t next, begin;
        while (at < len && (s[at] == '\n' || s[at] == ' ') && at - from < LIST_BYTES)
            at++;
        begin = at;
        nl = memchr(s + at, '\n', len - at);
        next = nl ? (size_t)(nl - s) : len;
        if (next == begin || next - from > LIST_BYTES)
            break;
        end = next;
        lines++;
        at = next;
        if (next + 1 < len && s[next + 1] == '\n' && lines) /* a blank line: what the list was, ends */
            break;
    }
    return end;
}

/* The end of the line where the sentence is a heading that its line goes on behind: "4. Hall roof. The survey found ...". */
static size_t behind_run_in(const char *s, size_t len, size_t start, size_t end)
{
    const char *nl = memchr(s + end, '\n', len - end);
    size_t at = start, words = 0, line = nl ? (size_t)(nl - s) : len;

    while (at < end && (isdigit((unsigned char)s[at]) || (at > start && s[at] == '.')))
        at++;
    if (at == start || at >= end || s[at] != ' ' || (start && s[start - 1] != '\n') || s[end - 1] != '.' || line - start > LIST_BYTES)
        return end;
    for (; at < end; at++)
        words += s[at] == ' ';
    while (line > end && isspace((unsigned char)s[line - 1]))
        line--;
    return words <= RUN_IN_WORDS ? line : end;
}

/* Has bytes [from, to) a word of the question, of five letters or more, that bytes [start, end) lack? Compared by how it begins, for
 * endings differ. */
static bool says_more(const char *question, const char *s, size_t start, size_t end, size_t from, size_t to)
{
    for (const char *q = question; *q;) {
        size_t n = 0, same = 0;
        bool here = false, there = false;
        while (isalnum((unsigned char)q[n]) || q[n] & 0x80)
            n++;
        same = n > STEM_BYTES ? STEM_BYTES : n;
        for (size_t i = start; n >= STEM_BYTES && i + same <= to; i++) {
            if (strncasecmp(s + i, q, same) != 0 || (i && (isalnum((unsigned char)s[i - 1]) || s[i - 1] & 0x80)))
                continue;
            here |= i + same <= end;
            there |= i >= from;
        }
        if (there && !here)
            return true;
        q += n ? n : 1;
    }
    return false;
}

void ask_whole_span(const asking *a, const evidence_sentence *s, size_t *start, size_t *end)
{
    const cite_passage *p = &a->read[s->passage].text;

    *start = s->start;
    *end = s->end;
    if (s->head_end)
        return;
    if (s->before < s->start && leans_back(p->text + s->start, s->end - s->start))
        *start = s->before;
    if (asks(p->text, s->start, s->end) && s->after > s->end)
        *end = s->after; /* what is said to it */
    else if (p->text[s->end - 1] == ':' && s->after > s->end)
        *end = end_of_list(p->text, p->len, s->end);
    else if ((*end = behind_run_in(p->text, p->len, s->start, s->end)) == s->end && s->after > s->end) {
        size_t next = s->end;
        while (next < s->after && isspace((unsigned char)p->text[next]))
            next++;
        if (leans_back(p->text + next, s->after - next) && says_more(a->asked, p->text, s->start, s->end, next, s->after))
            *end = s->after;
    }
}

/* Does the text say "I" or "we"? */
static bool in_first_person(const char *s, size_t len)
{
    static const char *const words[] = {"I", "I'll", "I'm", "I've", "I'd", "me", "we", "We", "we'll", "We'll", "my", "My", "ich", "Ich", "wir", "Wir",
                                        "mich", "mir", "yo", "Yo", "nosotros", "je", "Je", "nous", "Nous"};

    for (size_t at = 0; at < len;) {
        size_t end = at;
        while (end < len && (isalpha((unsigned char)s[end]) || s[end] == '\'' || s[end] & 0x80))
            end++;
        for (size_t i = 0; end > at && i < sizeof words / sizeof *words; i++)
            if (strlen(words[i]) == end - at && !memcmp(words[i], s + at, end - at))
                return true;
        at = end > at ? end : at + 1;
    }
    return false;
}

/* "Who drives?" is not answered by "I can drive the van": who wrote the mail stands at its top. */
cairn_status ask_put_speaker(asking *a, const evidence_sentence *s, size_t start, size_t end)
{
    const cite_passage *p = &a->read[s->passage].text;
    const char *nl = memchr(p->text, '\n', p->len), *close;
    size_t len = nl ? (size_t)(nl - p->text) : 0, from = strlen("From: ");

    if (a->evidence.type != ANSWER_WHO || start < len || len <= from || memcmp(p->text, "From: ", from) ||
        !in_first_person(p->text + start, end - start))
        return CAIRN_OK;
    close = memchr(p->text + from, '<', len - from);
    len = close && close > p->text + from ? (size_t)(close - p->text) : len;
    while (len > from && (p->text[len - 1] == ' ' || p->text[len - 1] == '"'))
        len--;
    from += len > from && p->text[from] == '"';
    return bytes_printf(&a->text, "%.*s: ", (int)(len - from), p->text + from);
}

cairn_status ask_put_quoted(asking *a, const evidence_sentence *s, size_t start, size_t end)
{
    const char *text = a->hits->hits[s->passage].text;
    cairn_status st = CAIRN_OK;

    if (s->head_end)
        return ask_spell_row(text, s->head_end, text + s->start, s->end - s->start, &a->text);
    for (size_t at = start; !st && at < end; at++)
        st = bytes_append_byte(&a->text, text[at] == '\n' ? ' ' : (uint8_t)text[at]);
    return st;
}
