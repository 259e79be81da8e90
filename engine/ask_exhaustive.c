/* ask_exhaustive.c - questions about all documents: every match is read, and the answer says of how many
 * files it speaks and how many could not be read.
 *
 * A file matches when one of its passages holds all the words asked for (quoted words: in a row). No
 * model takes part. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/ask.h"
#include "retrieve/exhaustive.h"

#define LISTED_MAX 200 /* files that are named */

/* The topic as a query that demands every word of it. */
static cairn_status query_of(asking *a, const char *topic, size_t len, char **out, cairn_error *err)
{
    bytes q;
    cairn_status st = CAIRN_OK;
    bool quoted = len > 2 && memchr("\"'", topic[0], 2);

    bytes_init(&q, 1 << 16);
    if (quoted) { /* as it is, in a row */
        st = bytes_append_str(&q, "+\"");
        for (size_t i = 0; i < len && !st; i++)
            if (topic[i] != '"' && topic[i] != '\'')
                st = bytes_append_byte(&q, (uint8_t)topic[i]);
        if (!st)
            st = bytes_append_str(&q, "\"");
    }
    for (size_t i = 0; i < len && !quoted && !st;) {
        size_t end = i;
        while (end < len && topic[end] != ' ' && topic[end] != '"')
            end++;
        if (end > i) {
            st = bytes_append_str(&q, "+\"");
            if (!st)
                st = bytes_append(&q, topic + i, end - i);
            if (!st)
                st = bytes_append_str(&q, "\" ");
        }
        i = end + 1;
    }
    *out = st ? NULL : arena_strndup(&a->memory, q.data ? q.data : "", q.len);
    bytes_clear(&q);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "question");
}

static int by_id(const void *x, const void *y)
{
    doc_id a = *(const doc_id *)x, b = *(const doc_id *)y;

    return (a > b) - (a < b);
}

/* Distinct documents of the rows that matched. */
static cairn_status count_documents(const view *v, uint64_t *const *rows, size_t *out,
                                    cairn_error *err)
{
    doc_id *ids = NULL;
    size_t n = 0, cap = 0;

    *out = 0;
    for (size_t i = 0; i < v->n_lexical; i++) {
        size_t words = row_set_words(lexical_reader_rows(v->lexical[i].reader));
        for (size_t w = 0; w < words; w++)
            for (uint64_t left = rows[i][w]; left; left &= left - 1) {
                uint32_t row = (uint32_t)(64 * w + (unsigned)__builtin_ctzll(left));
                if (n == cap) {
                    cap = cap ? cap * 2 : 1024;
                    doc_id *more = checked_realloc(ids, cap, sizeof *more);
                    if (!more) {
                        free(ids);
                        return cairn_fail(err, CAIRN_ENOMEM, "documents");
                    }
                    ids = more;
                }
                ids[n++] = segment_row_doc(v->lexical_of[i]->file, row);
            }
    }
    if (n)
        qsort(ids, n, sizeof *ids, by_id);
    for (size_t i = 0; i < n; i++)
        *out += i == 0 || ids[i] != ids[i - 1];
    free(ids);
    return CAIRN_OK;
}

typedef struct tally {
    size_t found, read, unreadable;
} tally;

static cairn_status search_all(asking *a, const char *query, tally *t, cairn_error *err)
{
    engine_query all = {.text = "", .filter = a->request->filter, .mode = RETRIEVE_LEXICAL, .k = 1,
                        .matches = true, .budget_ms = -1};
    engine_query e = all;
    retrieve_query parsed;
    retrieve_result found;
    view v;
    cairn_status st = view_open(a->c, &v, err);

    if (st)
        return st;
    a->snapshot = store_snapshot_version(v.snapshot);
    t->unreadable = a->c->access ? 0 : (size_t)store_snapshot_counts(v.snapshot).failures;
    st = engine_search_with(a->c, &v, &all, &a->memory, &parsed, &found, NULL, err);
    t->read = st ? 0 : (size_t)found.matching_documents;
    if (!st && found.matches)
        st = count_documents(&v, found.matches, &t->read, err);
    e.text = query;
    e.k = LISTED_MAX;
    e.per_document = 1;
    if (!st)
        st = engine_search_with(a->c, &v, &e, &a->memory, &parsed, &found, NULL, err);
    t->found = st ? 0 : (size_t)found.matching_documents;
    if (!st && found.matches)
        st = count_documents(&v, found.matches, &t->found, err);
    if (!st)
        st = engine_present(a->c, &v, &parsed, &found, &a->hits, err);
    view_close(&v);
    return st;
}

/* The sentence of a hit with most of the words that were looked for. */
static text_span telling_sentence(const cairn_hit *h)
{
    text_span *s = NULL, best = {0, h->text_len};
    size_t n = 0, most = 0;

    if (sentences_split(h->text, h->text_len, false, sentences_dotted_ordinals(h->lang), &s, &n, NULL))
        return best;
    for (size_t i = 0; i < n; i++) {
        size_t here = 0;
        for (size_t j = 0; j < h->n_highlights; j++)
            here += h->highlights[j].start >= s[i].start && h->highlights[j].end <= s[i].end;
        if (here > most) {
            most = here;
            best = s[i];
        }
    }
    free(s);
    return best;
}

/* "12 of 58 files mention ...", in the question's language. */
static cairn_status headline(asking *a, const exhaustive *x, const tally *t, cairn_error *err)
{
    static const struct {
        const char *lang, *one, *many, *unread;
    } says[] = {
        {"en", "%zu of %zu files mentions %.*s", "%zu of %zu files mention %.*s",
         "; %zu more could not be read"},
        {"de", "%zu von %zu Dateien erwähnt %.*s", "%zu von %zu Dateien erwähnen %.*s",
         "; %zu weitere waren nicht lesbar"},
        {"es", "%zu de %zu archivos menciona %.*s", "%zu de %zu archivos mencionan %.*s",
         "; otros %zu no se pudieron leer"},
        {"fr", "%zu fichier sur %zu mentionne %.*s", "%zu fichiers sur %zu mentionnent %.*s",
         " ; %zu autres n'ont pas pu être lus"},
    };
    int len = (int)(x->end - x->start);
    const char *topic = a->request->question + x->start;
    cairn_status st = CAIRN_ENOTFOUND;

    for (size_t i = 0; i < sizeof says / sizeof *says && st == CAIRN_ENOTFOUND; i++) {
        if (strcmp(says[i].lang, x->lang))
            continue;
        st = bytes_printf(&a->text, t->found == 1 ? says[i].one : says[i].many, t->found, t->read, len,
                          topic);
        if (!st && t->unreadable)
            st = bytes_printf(&a->text, says[i].unread, t->unreadable);
        if (!st)
            st = bytes_append_str(&a->text, t->found && x->kind == EXHAUSTIVE_LIST ? ":" : ".");
    }
    return st ? cairn_fail(err, st, "answer") : CAIRN_OK;
}

cairn_status ask_exhaustive(asking *a, const exhaustive *x, cairn_answer *out, arena *memory,
                            cairn_error *err)
{
    tally t = {0};
    char *query;
    int64_t start = clock_mono_ns();
    cairn_status st = query_of(a, a->request->question + x->start, x->end - x->start, &query, err);

    if (!st)
        st = search_all(a, query, &t, err);
    if (!st)
        st = headline(a, x, &t, err);
    if (st)
        return st;
    out->evidence = a->hits;
    out->retrieve_ms = a->hits->took_ms = (double)(clock_mono_ns() - start) / 1e6;
    out->exhaustive = true;
    out->confidence = 1;
    out->files_found = t.found;
    out->files_read = t.read;
    out->files_unreadable = t.unreadable;
    out->citations = arena_calloc(memory, a->hits->n_hits + 1, sizeof *out->citations);
    if (!out->citations)
        return cairn_fail(err, CAIRN_ENOMEM, "citations");
    for (size_t i = 0; i < a->hits->n_hits && !st; i++) {
        const cairn_hit *h = &a->hits->hits[i];
        text_span s = telling_sentence(h);
        cairn_citation *c = &out->citations[out->n_citations++];
        *c = (cairn_citation){.n = i + 1, .doc = h->doc, .chunk = h->chunk, .uri = h->uri,
                              .title = h->title, .page = h->page, .page_label = h->page_label, .supported = true,
                              .text = ask_redacted(a, h->text + s.start, s.end - s.start, memory)};
        ask_document_range(h, s.start, s.end, c);
        if (!c->text)
            return cairn_fail(err, CAIRN_ENOMEM, "citations");
        if (x->kind == EXHAUSTIVE_LIST)
            st = bytes_printf(&a->text, "\n- %s [%zu]", h->title && *h->title ? h->title : h->uri, i + 1);
    }
    if (!st && x->kind == EXHAUSTIVE_LIST && t.found > a->hits->n_hits)
        st = bytes_printf(&a->text, "\n- ... (%zu)", t.found - a->hits->n_hits);
    out->text = st ? NULL : ask_redacted(a, a->text.data, a->text.len, memory);
    if (!out->text)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    ask_release(a, a->text.data, a->text.len);
    return CAIRN_OK;
}
