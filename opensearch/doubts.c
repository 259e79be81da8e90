/* doubts.c - which words of a question may be slips. The request of a search asks, beside its lists, how many rows hold each
 * word as it is written, and which words like it the cluster's dictionary has (its term suggester). Passages to
 * correct a question by are fetched (remote.c) only where a word in few rows has a frequent neighbour, by the bounds
 * of index/lexical/suggest.c. */
#include <stdio.h>
#include <string.h>

#include "opensearch/room.h"
#include "opensearch/row.h"

#define RARE          2  /* rows: a word of no more may be a slip */
#define MUCH_MORE     50 /* times as frequent what a word that is there was meant to be */
#define LEAST_LETTERS 3  /* of a word that is corrected */

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "a question to the cluster");
}

cairn_status os_list_forms(analyzer *an, const char *text, size_t len, os_forms *out,
                           cairn_error *err)
{
    const analyzer_token *t;
    size_t n_tokens;
    cairn_status st = analyzer_run(an, "", text, len, &t, &n_tokens, err);

    out->n = 0;
    for (size_t i = 0; !st && i < n_tokens && out->n < FORMS_MOST; i++) {
        size_t length = t[i].end - t[i].start, form = 0;
        if (!t[i].extra && length < ANALYZER_FORM_MAX / 4)
            form = analyzer_form(text + t[i].start, length, out->form[out->n]);
        out->form[out->n][form] = '\0';
        out->n += form > 0;
    }
    return st;
}

json_t *os_doubting(const os_forms *forms)
{
    const char *texts[FORMS_MOST];
    json_t *body, *like;

    for (size_t i = 0; i < forms->n; i++)
        texts[i] = forms->form[i];
    body = os_counting(texts, forms->n, true);
    like = json_pack("{s:{s:o,s:{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:s}}}", "like", "text",
                     row_terms(texts, forms->n), "term", "field", ROW_FORMS, "analyzer", "cairn_words",
                     "suggest_mode", "always", "max_edits", 2, "prefix_length", 0,
                     "min_word_length", LEAST_LETTERS, "max_term_freq", RARE, "size", 1, "sort",
                     "frequency");
    if (!body || !like || json_object_set_new(body, "suggest", like)) {
        json_decref(body);
        return NULL;
    }
    return body;
}

/* Rows of the most frequent word like the form; 0: there is none. */
static uint64_t rows_like(const json_t *response, const char *form)
{
    const json_t *like = json_object_get(json_object_get(response, "suggest"), "like"), *one;
    json_t *term = row_term(form, strlen(form));
    uint64_t rows = 0;
    size_t i;

    json_array_foreach(like, i, one)
    {
        json_int_t freq = json_integer_value(
            json_object_get(json_array_get(json_object_get(one, "options"), 0), "freq"));
        if (term && json_equal(json_object_get(one, "text"), term) && freq > 0)
            rows = (uint64_t)freq;
    }
    json_decref(term);
    return rows;
}

cairn_status os_take_doubts(struct os_snapshot *snap, const json_t *response, const os_forms *forms,
                            cairn_error *err)
{
    uint64_t rows[FORMS_MOST];
    cairn_status st = os_check_response(response, err);

    if (st)
        return st;
    json_decref(snap->doubts);
    snap->doubts = json_object();
    os_take_counts(response, forms->n, rows);
    for (size_t i = 0; i < forms->n; i++) {
        uint64_t like = rows[i] > RARE ? 0 : rows_like(response, forms->form[i]);
        bool doubtful = like >= (rows[i] ? MUCH_MORE * rows[i] : 1);
        if (json_object_set_new(snap->doubts, forms->form[i], json_boolean(doubtful)))
            return no_memory(err);
    }
    return CAIRN_OK;
}

bool os_is_doubtful(const struct os_snapshot *snap, const char *form)
{
    return !json_is_false(json_object_get(snap->doubts, form));
}
