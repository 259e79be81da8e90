/* terms.c - see terms.h. */
#include "retrieve/terms.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "retrieve/word_byte.h"

static uint64_t hash_bytes(const char *s, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)s[i]) * 0x100000001b3u;
    return h;
}

/* What a word is made of. */
static void digits_and_letters(const char *s, size_t len, bool *digits, bool *letters)
{
    *digits = *letters = false;
    for (size_t i = 0; i < len; i++) {
        *digits |= isdigit((unsigned char)s[i]) != 0;
        *letters |= isalpha((unsigned char)s[i]) || (uint8_t)s[i] >= 0x80;
    }
}

const char *terms_language(const char *of_passage, const char *of_caller, const char *text,
                           size_t len)
{
    size_t letters = 0, plain = 0;

    if (of_passage && *of_passage)
        return of_passage;
    if (of_caller && *of_caller)
        return of_caller;
    for (size_t i = 0; i < len; i++) {
        letters += isalpha((unsigned char)text[i]) || (uint8_t)text[i] >= 0x80;
        plain += isalpha((unsigned char)text[i]) != 0;
    }
    return plain * 10 >= letters * 9 ? "en" : "";
}

/* Whether the word at s[start] begins a sentence: a stop, a line break or nothing stands before it. */
static bool begins_sentence(const char *s, uint32_t start)
{
    for (uint32_t p = start; p > 0; p--) {
        char ch = s[p - 1];
        if (strchr(".!?:\n", ch))
            return true;
        if (isalnum((unsigned char)ch) || (uint8_t)ch >= 0x80 || ch == ',' || ch == ';')
            return false;
    }
    return true;
}

cairn_status terms_read(analyzer *an, const char *lang, const char *text, size_t len,
                        term_list *out, cairn_error *err)
{
    const analyzer_token *t;
    bool digits, letters;
    size_t n;
    cairn_status st = analyzer_run(an, lang, text, len, &t, &n, err);

    *out = (term_list){0};
    if (st)
        return st;
    out->at = checked_malloc(n + 1, sizeof *out->at);
    if (!out->at)
        return cairn_fail(err, CAIRN_ENOMEM, "terms of a text");
    for (size_t i = 0; i < n; i++) {
        if (t[i].extra)
            continue;
        digits_and_letters(text + t[i].start, t[i].end - t[i].start, &digits, &letters);
        out->at[out->n++] = (text_term){
            .key = hash_bytes(t[i].term, t[i].len),
            .start = t[i].start,
            .end = t[i].end,
            .weight = t[i].stop && !digits ? 0 : 1,
            .number = digits && !letters,
            .identifier = digits && letters,
            .name = !digits && strcmp(lang, "de") != 0 && is_latin_capital(text + t[i].start, len - t[i].start) &&
                    !begins_sentence(text, t[i].start),
            .capital = !digits && is_latin_capital(text + t[i].start, len - t[i].start)};
    }
    return CAIRN_OK;
}

void term_list_clear(term_list *l)
{
    free(l->at);
    *l = (term_list){0};
}

bool terms_have(const text_term *at, size_t n, uint64_t key)
{
    for (size_t i = 0; i < n; i++)
        if (at[i].key == key)
            return true;
    return false;
}

void terms_distinct(term_list *l)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->n; i++) {
        size_t j = 0;
        if (l->at[i].weight <= 0)
            continue;
        while (j < kept && l->at[j].key != l->at[i].key)
            j++;
        if (j < kept)
            l->at[j].name |= l->at[i].name; /* its place stays that of the first */
        else
            l->at[kept++] = l->at[i];
    }
    l->n = kept;
}

double terms_weight(const term_list *l)
{
    double sum = 0;

    for (size_t i = 0; i < l->n; i++)
        sum += l->at[i].weight;
    return sum;
}
