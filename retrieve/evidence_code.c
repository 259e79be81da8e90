/* evidence_code.c - "How many attempts does fetch make?": the value that a program gives what is asked for of a function.
 *
 * A function that the question names is looked up in the passages of programs; of its parameters, else of what its body sets, the one that is
 * called by a word of the question has a value, or the name of a constant, whose line has it then (code_values.h). The sentence in
 * which the value stands is about all that the line of the function is about. */
#include <ctype.h>
#include <string.h>

#include "retrieve/code_values.h"
#include "retrieve/evidence_reading.h"
#include "retrieve/word_list.h"

#define WORDS_BYTES 256
#define NAME_LEAST  3 /* bytes of a function's name */

/* The question's words but for the function's name and what only asks, in small letters between blanks. What is counted comes alone. */
static void words_of(const asked *q, text_span function, char out[WORDS_BYTES])
{
    static const char idle[] = " make makes made do does did use uses used take takes have has default defaults value function method many much called set ";
    size_t n = 0;

    for (size_t i = q->counted ? q->thing : 0; i < (q->counted ? q->thing_end : q->n); i++) {
        const asked_word *w = &q->words[i];
        size_t len = w->end - w->start, from = n;
        if (w->start >= function.start && w->end <= function.end)
            continue;
        if (len < 3 || n + len + 2 > WORDS_BYTES)
            continue;
        for (size_t k = 0; k < len; k++)
            out[n++] = (char)tolower((unsigned char)q->text[w->start + k]);
        out[n] = '\0';
        if (word_list_has(idle, out + from, len))
            n = from;
        else
            out[n++] = ' ';
    }
    out[n] = '\0';
}

/* Is what is asked for called otherwise in programs? "How long does it wait?" is a timeout, "how many times does it try?" are attempts. */
static const char *other_words(const asked *q, const char *words)
{
    static const char waits[] = " wait waits waiting ", tries[] = " times try tries trying retry often ";
    const char *p = words;

    while (*p) {
        size_t n = strcspn(p, " ");
        if (q->type == ANSWER_MEASURE && word_list_has(waits, p, n))
            return "timeout ";
        if (q->type != ANSWER_MEASURE && word_list_has(tries, p, n))
            return "attempts retries tries ";
        p += n + (p[n] == ' ');
    }
    return NULL;
}

/* Of the parameters, then of what is given in the body. */
static bool find_value(const evidence_passage *p, text_span parameters, text_span body, const char *words, bool calls, text_span *value)
{
    return code_named_value(p->text.text, parameters, true, words, value) || code_named_value(p->text.text, body, calls, words, value);
}

/* Where a constant of that name gets its value: in the passages of the document first. */
static bool find_constant(const reading *all, size_t n, size_t home, const char *name, size_t len, size_t *passage, text_span *value)
{
    for (int other = 0; other < 2; other++)
        for (size_t i = 0; i < n; i++) {
            const evidence_passage *p = all[i].p;
            bool same = p->doc && p->doc == all[home].p->doc;
            if (same == !other && code_is_source(p->uri) && code_constant(p->text.text, p->text.len, name, len, value)) {
                *passage = i;
                return true;
            }
        }
    return false;
}

bool evidence_find_code_value(const asked *q, const reading *all, size_t n, size_t *function, text_span *defined, size_t *passage, text_span *value)
{
    char words[WORDS_BYTES];

    for (size_t at = 0, len; at < q->len; at += len ? len : 1) {
        const char *name = q->text + at;
        for (len = 0; at + len < q->len && (isalnum((unsigned char)name[len]) || name[len] == '_');)
            len++;
        if (len < NAME_LEAST)
            continue;
        for (size_t i = 0; i < n; i++) {
            const evidence_passage *p = all[i].p;
            const char *other;
            text_span parameters, body;
            size_t last;
            if (!code_is_source(p->uri) || !code_function(p->text.text, p->text.len, name, len, &parameters, &body))
                continue;
            words_of(q, (text_span){at, at + len}, words);
            other = other_words(q, words);
            if (!*words || ((!other || !find_value(p, parameters, body, other, true, value)) && !find_value(p, parameters, body, words, false, value)))
                return false;
            *function = *passage = i;
            *defined = (text_span){parameters.start, parameters.end};
            for (last = value->start; last < value->end && (isalnum((unsigned char)p->text.text[last]) || p->text.text[last] == '_');)
                last++;
            if (last == value->end && !isdigit((unsigned char)p->text.text[value->start]))
                (void)find_constant(all, n, i, p->text.text + value->start, value->end - value->start, passage, value);
            return true;
        }
    }
    return false;
}
