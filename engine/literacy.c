/* literacy.c - see literacy.h. */
#include "engine/literacy.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/catalogue.h"
#include "ingest/language.h"
#include "retrieve/rewrite.h"
#include "retrieve/script.h"

static void read_list(const char *list, literacy *out)
{
    char *at = out->text;

    out->n = 0;
    snprintf(out->text, sizeof out->text, "%s", list);
    while (*(at += strspn(at, ", ")) && out->n < LITERACY_LANGUAGES) {
        size_t len = strcspn(at, ", ");
        bool last = !at[len];
        out->codes[out->n++] = at;
        at[len] = '\0';
        at += len + !last;
    }
}

void literacy_of_model(const char *model, literacy *out)
{
    read_list(catalogue_languages(model), out);
}

void literacy_of_embedder(const cairn *c, literacy *out)
{
    const char *set = c->settings.embedder_languages;

    if (strcmp(set, "auto") != 0)
        read_list(set, out);
    else
        literacy_of_model(c->settings.embedder, out);
}

bool literacy_lacks(const literacy *l, const char *text, size_t len)
{
    return l->n && script_foreign_to(text, len, l->codes, l->n);
}

bool literacy_is_foreign(const literacy *l, const char *code)
{
    const size_t len = strcspn(code, "-_");

    for (size_t i = 0; i < l->n; i++)
        if (!strncmp(l->codes[i], code, len) && !l->codes[i][len])
            return false;
    return l->n && len;
}

#define QUESTION_WORDS 3

static bool is_question(const char *text, size_t len)
{
    size_t words = 0;

    for (size_t i = 0; i < len; i++)
        words += text[i] != ' ' && (!i || text[i - 1] == ' ');
    return words >= QUESTION_WORDS && memchr(text, '?', len);
}

const char *literacy_detect(const char *text, size_t len, const char *const *codes, size_t n)
{
    char lang[8];

    if (!n || !is_question(text, len) || !utf8_valid(text, len) || !language_detect(text, len, lang))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!strncmp(codes[i], lang, strcspn(codes[i], "-_")) || retrieve_function_words(text, len, codes[i]))
            return NULL;
    return retrieve_common_language(lang);
}

cairn_status literacy_readable(const literacy *l, const view *v, arena *memory, filter_expr *out, cairn_error *err)
{
    const char *seen[RETRIEVE_LANGUAGES], *const *codes = seen;
    filter_predicate *not;
    filter_value *values;
    size_t n = 0, n_values = 0;

    *out = (filter_expr){0};
    if (!l->n)
        return CAIRN_OK;
    if (v->index)
        n = v->index->remote->languages(v->index->ctx, &codes);
    else
        n = retrieve_languages(v->lexical, v->n_lexical, seen, RETRIEVE_LANGUAGES);
    not = arena_calloc(memory, 1, sizeof *not);
    values = arena_calloc(memory, n + 1, sizeof *values);
    if (!not || !values)
        return cairn_fail(err, CAIRN_ENOMEM, "languages of the embedder");
    for (size_t i = 0; i < n; i++)
        if (!script_is_shared(codes[i], l->codes, l->n))
            values[n_values++].text = codes[i];
    *not = (filter_predicate){FILTER_LANG, FILTER_EQ, true, values, n_values};
    if (n_values)
        *out = (filter_expr){not, 1};
    return CAIRN_OK;
}
