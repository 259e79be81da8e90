/* facets.c - how many documents with a match carry each value of a field. A document counts once, by
 * the first of its rows that matches, wherever its rows lie. */
#include "index/filter/facet.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "engine/search.h"

#define DOC_MAX ((uint64_t)1 << 33)

typedef struct seen_docs {
    uint64_t *bits;
    size_t words;
} seen_docs;

/* Marks the document; *was tells whether it was marked before. */
static cairn_status mark_doc(seen_docs *seen, doc_id doc, bool *was, cairn_error *err)
{
    size_t word = (size_t)(doc >> 6);

    if (doc >= DOC_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "too many documents for facets");
    if (word >= seen->words) {
        size_t words = word * 2 + 64;
        uint64_t *bits = checked_realloc(seen->bits, words, sizeof *bits);
        if (!bits)
            return cairn_fail(err, CAIRN_ENOMEM, "facets");
        memset(bits + seen->words, 0, (words - seen->words) * sizeof *bits);
        seen->bits = bits;
        seen->words = words;
    }
    *was = seen->bits[word] >> (doc & 63) & 1;
    seen->bits[word] |= (uint64_t)1 << (doc & 63);
    return CAIRN_OK;
}

/* Leave one row of each document in the sets. */
static cairn_status keep_first_rows(const view *v, uint64_t *const *rows, cairn_error *err)
{
    seen_docs seen = {0};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < v->n_lexical && !st; i++) {
        const segment_file *file = v->lexical_of[i]->file;
        size_t words = row_set_words(lexical_reader_rows(v->lexical[i].reader));
        for (size_t w = 0; w < words && !st; w++)
            for (uint64_t left = rows[i][w]; left && !st; left &= left - 1) {
                unsigned bit = (unsigned)__builtin_ctzll(left);
                bool was = false;
                st = mark_doc(&seen, segment_row_doc(file, (uint32_t)(64 * w + bit)), &was, err);
                if (was)
                    rows[i][w] &= ~((uint64_t)1 << bit);
            }
    }
    free(seen.bits);
    return st;
}

static cairn_status facet_elsewhere(const view *v, facet_kind kind, size_t values, arena *memory, cairn_facet *out,
                                     cairn_error *err)
{
    retrieve_value *best = arena_calloc(memory, values + 1, sizeof *best);
    cairn_status st;

    out->name = facet_kind_name(kind);
    out->values = arena_calloc(memory, values + 1, sizeof *out->values);
    if (!best || !out->values)
        return cairn_fail(err, CAIRN_ENOMEM, "facets");
    st = v->index->remote->facet(v->index->ctx, out->name, values, memory, best, &out->n_values, &out->n_distinct, err);
    for (size_t i = 0; !st && i < out->n_values; i++)
        out->values[i] = (cairn_facet_value){best[i].text, best[i].count};
    return st;
}

static cairn_status one_facet(const view *v, const retrieve_result *found, facet_kind kind,
                              size_t values, arena *memory, cairn_facet *out, cairn_error *err)
{
    facet_value *best = arena_calloc(memory, values + 1, sizeof *best);
    facet_counts *counts = NULL;
    size_t n = 0;
    cairn_status st;

    if (v->index)
        return facet_elsewhere(v, kind, values, memory, out, err);
    st = facet_counts_create(&counts, kind, err);
    out->name = facet_kind_name(kind);
    out->values = arena_calloc(memory, values + 1, sizeof *out->values);
    if (!st && (!best || !out->values))
        st = cairn_fail(err, CAIRN_ENOMEM, "facets");
    for (size_t i = 0; i < v->n_lexical && !st; i++)
        st = facet_counts_add(counts, v->lexical_filter[i], found->matches[i], err);
    if (!st)
        st = facet_counts_best(counts, values, best, &n, &out->n_distinct, err);
    for (size_t i = 0; i < n && !st; i++) {
        out->values[i] = (cairn_facet_value){arena_strdup(memory, best[i].text), best[i].count};
        if (!out->values[i].value)
            st = cairn_fail(err, CAIRN_ENOMEM, "facets");
    }
    out->n_values = n;
    facet_counts_destroy(counts);
    return st;
}

/* A file with copies is found in each folder that it is in: those that the handle may not see are left out. */
static void hide_folders(const cairn *c, cairn_facet *f)
{
    size_t kept = 0;

    for (size_t i = 0; c->access && i < f->n_values; i++)
        if (engine_shows(c, f->values[i].value))
            f->values[kept++] = f->values[i];
    if (c->access)
        f->n_values = f->n_distinct = kept;
}

cairn_status engine_facets(cairn *c, const view *v, const retrieve_result *found, const char *names,
                           size_t values, cairn_search_result *out, cairn_error *err)
{
    arena *memory = out->memory;
    facet_kind kinds[FACET_KINDS];
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    for (const char *p = names; *p;) {
        size_t len = strcspn(p, ", ");
        facet_kind kind = facet_kind_find(p, len);
        bool again = false;
        if (len && kind == FACET_KINDS)
            return cairn_fail(err, CAIRN_EUSAGE,
                              "\"%.*s\" is no facet: type, ext, folder, author, lang, tag, year",
                              (int)(len < 40 ? len : 40), p);
        for (size_t i = 0; i < n; i++)
            again |= kinds[i] == kind;
        if (len && !again)
            kinds[n++] = kind;
        p += len + (p[len] != 0);
    }
    out->facets = arena_calloc(memory, n + 1, sizeof *out->facets);
    if (!out->facets)
        return cairn_fail(err, CAIRN_ENOMEM, "facets");
    if (found->matches)
        st = keep_first_rows(v, found->matches, err);
    for (size_t i = 0; i < n && !st; i++) {
        st = one_facet(v, found, kinds[i], values, memory, &out->facets[i], err);
        if (!strcmp(facet_kind_name(kinds[i]), "folder"))
            hide_folders(c, &out->facets[i]);
        out->n_facets++;
    }
    return st;
}
