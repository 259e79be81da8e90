/* search_present.c - hits made presentable: what a caller is shown of each, read on the snapshot that was searched. */
#include <stdlib.h>
#include <string.h>

#include "engine/labels.h"
#include "engine/search.h"
#include "engine/view.h"

#define RESULT_BYTES   ((size_t)1 << 30)
#define MAX_HIGHLIGHTS 64

static cairn_mode public_mode(retrieve_mode mode)
{
    switch (mode) {
    case RETRIEVE_LEXICAL:
        return CAIRN_LEXICAL;
    case RETRIEVE_VECTOR:
        return CAIRN_VECTOR;
    default:
        return CAIRN_HYBRID;
    }
}

static cairn_status mark_words(cairn *c, const view *v, analyzer *an, const retrieve_query *query, arena *memory,
                               cairn_hit *h, cairn_error *err)
{
    lexical_query words = {.clauses = query->clauses, .n = query->n_clauses};
    lexical_range ranges[MAX_HIGHLIGHTS];
    size_t n = 0;
    lexical_params params;
    cairn_status st;

    lexical_params_default(&params);
    params.synonyms = c->synonyms;
    params.compounds = !strcmp(c->settings.compounds, "on");
    params.known = v->lexical;
    params.n_known = v->n_lexical;
    st = lexical_highlight(an, &words, &params, h->lang, h->text, h->text_len, ranges,
                           MAX_HIGHLIGHTS, &n, err);
    if (st || !n)
        return st;
    h->highlights = arena_calloc(memory, n, sizeof *h->highlights);
    if (!h->highlights)
        return cairn_fail(err, CAIRN_ENOMEM, "highlights");
    for (size_t i = 0; i < n; i++)
        h->highlights[i] = (cairn_range){ranges[i].start, ranges[i].end};
    h->n_highlights = n;
    return CAIRN_OK;
}

static cairn_status present_hit(cairn *c, const view *v, const retrieve_query *query,
                                const retrieve_hit *found, arena *memory, cairn_hit *h,
                                cairn_error *err)
{
    store_chunk chunk;
    store_doc doc;
    doc_labels labels;
    analyzer *an;
    cairn_status st = store_chunk_get(v->snapshot, found->chunk, &chunk, memory, err);

    if (!st)
        st = store_doc_shown(v->snapshot, &chunk, &doc, memory, err);
    if (!st)
        st = labels_read(&doc, memory, &labels, err);
    if (!st && !engine_shows_document(c, &doc, memory)) /* it moved where it must not be seen */
        st = CAIRN_ENOTFOUND;
    if (!st)
        st = engine_analyzer(c, &an, err);
    if (st)
        return st;
    engine_keep_places(c, doc.uri, labels.places, &labels.n_places);
    *h = (cairn_hit){.rank = h->rank,
                     .score = found->score,
                     .doc = chunk.doc,
                     .chunk = chunk.id,
                     .uri = doc.uri,
                     .title = doc.title,
                     .heading = chunk.heading,
                     .lang = doc.lang,
                     .mime = doc.mime,
                     .text = chunk.text,
                     .text_len = chunk.text_len,
                     .page = chunk.page_first,
                     .page_last = chunk.page_last,
                     .page_starts = chunk.page_last > chunk.page_first ? labels.page_starts : NULL,
                     .page_labels = labels.page_labels,
                     .line = chunk.line_first,
                     .line_last = chunk.line_last,
                     .byte_start = chunk.byte_start,
                     .byte_end = chunk.byte_end,
                     .lexical = found->lexical_score,
                     .vector = found->vector_score,
                     .lexical_rank = found->lexical_rank,
                     .vector_rank = found->vector_rank,
                     .second = found->second_score,
                     .second_rank = found->second_rank,
                     .reread = found->rerank_score,
                     .author = doc.author,
                     .date_ns = doc.date_ns,
                     .modified_ns = doc.mtime_ns,
                     .created_ns = labels.created_ns,
                     .tags = labels.tags,
                     .n_tags = labels.n_tags,
                     .places = labels.places,
                     .n_places = labels.n_places};
    st = labels_page(&labels, h->page, memory, &h->page_label, err);
    return st ? st : mark_words(c, v, an, query, memory, h, err);
}

cairn_status engine_present(cairn *c, const view *v, const retrieve_query *query,
                            const retrieve_result *found, cairn_search_result **out,
                            cairn_error *err)
{
    arena *memory = malloc(sizeof *memory);
    cairn_search_result *r;
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "search result");
    arena_init(memory, RESULT_BYTES);
    r = arena_calloc(memory, 1, sizeof *r);
    if (r)
        r->hits = arena_calloc(memory, found->n_hits + 1, sizeof *r->hits);
    if (!r || !r->hits)
        st = cairn_fail(err, CAIRN_ENOMEM, "search result");
    if (!st)
        st = engine_fetch_hits(v, found, found->n_hits, memory, err);
    for (size_t i = 0; !st && i < found->n_hits; i++) {
        r->hits[r->n_hits].rank = r->n_hits + 1;
        st = present_hit(c, v, query, &found->hits[i], memory, &r->hits[r->n_hits], err);
        if ((c->access || v->index) && st == CAIRN_ENOTFOUND) /* not for these eyes; or deleted meanwhile */
            st = CAIRN_OK;
        else
            r->n_hits++;
    }
    if (st) {
        arena_clear(memory);
        free(memory);
        return st;
    }
    r->mode = public_mode(found->mode);
    r->note = found->note ? arena_strdup(memory, found->note) : NULL;
    r->lexical_ms = (double)found->lexical_ns / 1e6;
    r->embed_ms = (double)found->embed_ns / 1e6;
    r->vector_ms = (double)found->vector_ns / 1e6;
    r->memory = memory;
    *out = r;
    return CAIRN_OK;
}
