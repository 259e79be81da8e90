/* words.c - the user's own stop words and synonyms: read once a handle, and what they did to a
 * question, for people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/search.h"

#define MOST_WORDS 64 /* of a question that are explained */

static cairn_status read_file(const char *path, bytes *out, cairn_error *err)
{
    char block[16384];
    FILE *f = fopen(path, "re");
    size_t n;
    cairn_status st = CAIRN_OK;

    if (!f)
        return cairn_fail_errno(err, errno, "read the list of words %s", path);
    while (!st && (n = fread(block, 1, sizeof block, f)) > 0)
        if (bytes_append(out, block, n))
            st = cairn_fail(err, CAIRN_ELIMIT, "%s: a list of more than %zu MiB of words", path,
                            WORDLIST_BYTES_MAX >> 20);
    if (!st && ferror(f))
        st = cairn_fail_errno(err, errno, "read the list of words %s", path);
    fclose(f);
    return st;
}

cairn_status engine_words(cairn *c, cairn_error *err)
{
    const char *stops = c->settings.stop_words_file, *rules = c->settings.synonyms_file;
    bytes text;
    cairn_status st = CAIRN_OK;

    if (c->words_read)
        return CAIRN_OK;
    bytes_init(&text, WORDLIST_BYTES_MAX);
    if (*stops && !c->stop_words) {
        st = read_file(stops, &text, err);
        if (!st)
            st = stop_list_parse(&c->stop_words, text.len ? text.data : "", text.len, stops, err);
    }
    bytes_reset(&text);
    if (!st && *rules && !c->synonyms) {
        st = read_file(rules, &text, err);
        if (!st)
            st = synonyms_parse(&c->synonyms, text.len ? text.data : "", text.len, rules, err);
    }
    bytes_clear(&text);
    c->words_read = !st;
    return st;
}

static cairn_status explain_rule(const cairn *c, const char *const *forms, const synonym_match *m,
                                 bytes *out)
{
    const char *p = m->phrases, *name = strrchr(c->settings.synonyms_file, '/');
    cairn_status st = CAIRN_OK;

    if (out->len)
        st = bytes_append_str(out, "; ");
    for (size_t i = 0; i < m->n_words && !st; i++)
        st = bytes_printf(out, "%s%s", i ? " " : "", forms[i]);
    if (!st)
        st = bytes_append_str(out, m->keep ? " also finds " : " is read as ");
    for (size_t i = 0; i < m->n && !st; i++, p += strlen(p) + 1)
        st = bytes_printf(out, "%s%s", i ? ", " : "", p);
    return st ? st
              : bytes_printf(out, " (%s, line %u)", name ? name + 1 : c->settings.synonyms_file,
                             m->line);
}

cairn_status engine_explain_words(cairn *c, const retrieve_query *query, arena *memory,
                                  const char **out, cairn_error *err)
{
    const char *forms[MOST_WORDS];
    const analyzer_token *t;
    analyzer *an;
    size_t n_tokens = 0, n = 0;
    bytes b;
    cairn_status st = engine_words(c, err);

    *out = NULL;
    if (st || (!c->synonyms && !c->stop_words))
        return st;
    bytes_init(&b, 1 << 20);
    st = engine_analyzer(c, &an, err);
    if (!st)
        st = analyzer_run(an, "", query->text, query->text_len, &t, &n_tokens, err);
    for (size_t i = 0; i < n_tokens && n < MOST_WORDS && !st; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t len = analyzer_form(query->text + t[i].start, t[i].end - t[i].start, form);
        if (t[i].extra)
            continue;
        forms[n] = arena_strndup(memory, form, len);
        if (!forms[n++])
            st = cairn_fail(err, CAIRN_ENOMEM, "explanation");
    }
    for (size_t i = 0; i < n && !st && c->stop_words; i++)
        if (stop_list_find(c->stop_words, forms[i], strlen(forms[i])) == STOP_YES)
            st = bytes_printf(&b, "%s%s does not score (stop words)", b.len ? "; " : "", forms[i]);
    for (size_t i = 0; i < n && !st && c->synonyms;) {
        synonym_match m;
        if (!synonyms_find(c->synonyms, forms + i, n - i, &m)) {
            i++;
            continue;
        }
        st = explain_rule(c, forms + i, &m, &b);
        i += m.n_words;
    }
    if (!st && b.len) {
        *out = arena_strndup(memory, b.data, b.len);
        if (!*out)
            st = cairn_fail(err, CAIRN_ENOMEM, "explanation");
    }
    bytes_clear(&b);
    return st;
}
