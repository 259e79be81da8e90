/* present.c - see present.h. Positions are bytes of UTF-8, as everywhere in Cairn. */
#include "engine/care.h"
#include "server/present.h"

#include <string.h>

#include "engine/answer_json.h"
#include "engine/json_text.h"

static json_t *whole(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *or_null(uint32_t n)
{
    return n ? json_integer(n) : json_null();
}

static json_t *reasons(const cairn_hit *h)
{
    json_t *all = json_array();

    for (size_t i = 0; i < h->n_reasons; i++) {
        const cairn_reason *r = &h->reasons[i];
        json_array_append_new(
            all, json_pack("{s:o,s:o,s:f,s:f,s:f,s:f,s:{s:I,s:I,s:I,s:I}}", "term",
                           json_str(r->term), "passages", whole(r->passages), "idf", (double)r->idf,
                           "boost", (double)r->boost, "frequency", (double)r->frequency, "score",
                           (double)r->score, "in", "title", (json_int_t)r->in_title, "path",
                           (json_int_t)r->in_path, "heading", (json_int_t)r->in_heading, "text",
                           (json_int_t)r->in_text));
    }
    return all;
}

static json_t *scores(const cairn_hit *h, bool explain)
{
    json_t *j = json_pack("{s:f}", "fused", (double)h->score);

    if (h->lexical_rank)
        json_object_set_new(j, "lexical", json_real((double)h->lexical));
    if (h->vector_rank)
        json_object_set_new(j, "vector", json_real((double)h->vector));
    if (h->second_rank)
        json_object_set_new(j, "second", json_real((double)h->second));
    if (h->reread > 0)
        json_object_set_new(j, "reread", json_real((double)h->reread));
    if (!explain)
        return j;
    json_object_set_new(j, "lexical_rank", or_null(h->lexical_rank));
    json_object_set_new(j, "vector_rank", or_null(h->vector_rank));
    if (h->second_rank)
        json_object_set_new(j, "second_rank", whole(h->second_rank));
    json_object_set_new(j, "nearness", json_real((double)h->nearness));
    json_object_set_new(j, "words", reasons(h));
    return j;
}

static json_t *strings(const char *const *s, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_str(s[i]));
    return all;
}

static json_t *versions(const cairn_hit *h)
{
    json_t *all = json_array();

    for (size_t i = 0; i < h->n_versions; i++) {
        const cairn_copy *v = &h->versions[i];
        json_array_append_new(all, json_pack("{s:o,s:o,s:o,s:I,s:b,s:f}", "doc", whole(v->doc), "uri", json_str(v->uri),
                                             "title", json_str(v->title), "mtime_ns", (json_int_t)v->mtime_ns, "newer",
                                             v->mtime_ns > h->modified_ns, "likeness", v->likeness));
    }
    return all;
}

static json_t *hit(const cairn_hit *h, bool explain)
{
    json_t *marks = json_array(), *j;

    for (size_t i = 0; i < h->n_highlights; i++)
        json_array_append_new(marks, json_pack("[I,I]", (json_int_t)h->highlights[i].start,
                                               (json_int_t)h->highlights[i].end));
    j = json_pack("{s:o,s:f,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "rank", whole(h->rank), "score",
                  (double)h->score, "doc", whole(h->doc), "chunk", whole(h->chunk), "uri",
                  json_str(h->uri), "title", json_str(h->title), "heading", json_str(h->heading),
                  "text", json_text(h->text, h->text_len), "highlights", marks, "scores",
                  scores(h, explain));
    if (!j)
        return NULL;
    json_object_set_new(j, "lang", json_str(h->lang));
    json_object_set_new(j, "mime", json_str(h->mime));
    json_object_set_new(j, "page", or_null(h->page));
    json_object_set_new(j, "page_last", or_null(h->page_last));
    if (h->page_label)
        json_object_set_new(j, "page_label", json_str(h->page_label));
    json_object_set_new(j, "line", or_null(h->line));
    json_object_set_new(j, "line_last", or_null(h->line_last));
    json_object_set_new(j, "start", whole(h->byte_start));
    json_object_set_new(j, "end", whole(h->byte_end));
    json_object_set_new(j, "author", json_str(h->author));
    json_object_set_new(j, "date_ns", whole((uint64_t)(h->date_ns > 0 ? h->date_ns : 0)));
    json_object_set_new(j, "tags", strings(h->tags, h->n_tags));
    json_object_set_new(j, "places", strings(h->places, h->n_places));
    if (h->n_versions)
        json_object_set_new(j, "versions", versions(h));
    return j;
}

static json_t *facets(const cairn_search_result *r)
{
    json_t *all = json_object();

    for (size_t i = 0; i < r->n_facets; i++) {
        const cairn_facet *f = &r->facets[i];
        json_t *values = json_array();
        for (size_t v = 0; v < f->n_values; v++)
            json_array_append_new(values,
                                  json_pack("{s:o,s:o}", "value", json_str(f->values[v].value),
                                            "documents", whole(f->values[v].documents)));
        json_object_set_new(all, f->name,
                            json_pack("{s:o,s:o}", "values", values, "distinct",
                                      whole(f->n_distinct)));
    }
    return all;
}

static json_t *patterns(const cairn_search_result *r)
{
    json_t *all = json_array();

    for (size_t i = 0; i < r->n_patterns; i++) {
        const cairn_pattern *p = &r->patterns[i];
        json_array_append_new(
            all, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "pattern", json_str(p->text), "words",
                           whole(p->words), "left_out", whole(p->left_out), "passages",
                           whole(p->passages), "most_frequent", json_str(p->shown), "problem",
                           json_str(p->problem)));
    }
    return all;
}

json_t *present_search(const char *query, const cairn_search_result *r, bool explain)
{
    static const char *const modes[] = {"hybrid", "lexical", "vector"};
    json_t *hits = json_array(), *j;

    for (size_t i = 0; i < r->n_hits; i++)
        json_array_append_new(hits, hit(&r->hits[i], explain));
    j = json_pack("{s:o,s:f,s:s,s:o,s:o,s:o}", "query", json_str(query), "took_ms", r->took_ms,
                  "mode", modes[r->mode], "hits", hits, "note", json_str(r->note), "suggestion",
                  json_str(r->suggestion));
    if (!j)
        return NULL;
    if (r->facets)
        json_object_set_new(j, "facets", facets(r));
    if (!explain)
        return j;
    json_object_set_new(j, "read_as", json_str(r->read_as));
    json_object_set_new(j, "rewritten", json_str(r->rewritten));
    json_object_set_new(j, "expanded", json_str(r->expanded));
    json_object_set_new(j, "own_words", json_str(r->own_words));
    json_object_set_new(j, "patterns", patterns(r));
    json_object_set_new(j, "stages_ms",
                        json_pack("{s:f,s:f,s:f}", "lexical", r->lexical_ms, "embed", r->embed_ms,
                                  "vector", r->vector_ms));
    return j;
}

json_t *present_suggestions(const cairn_suggestions *s)
{
    json_t *all = json_array();

    for (size_t i = 0; i < s->n_completions; i++) {
        const cairn_completion *c = &s->completions[i];
        json_array_append_new(all, json_pack("{s:o,s:o,s:o}", "text", json_str(c->text), "word",
                                             json_str(c->word), "occurrences",
                                             whole(c->occurrences)));
    }
    return json_pack("{s:o,s:o,s:f}", "completions", all, "correction", json_str(s->correction),
                     "took_ms", s->took_ms);
}

json_t *present_citations(const cairn_answer *a)
{
    json_t *all = json_array();

    for (size_t i = 0; i < a->n_citations; i++) {
        const cairn_citation *x = &a->citations[i];
        json_t *j = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b}", "n", whole(x->n), "doc",
                              whole(x->doc), "chunk", whole(x->chunk), "uri", json_str(x->uri), "title",
                              json_str(x->title), "page", or_null(x->page), "start", whole(x->start),
                              "end", whole(x->end), "text", json_str(x->text), "supported",
                              x->supported);
        if (j && x->page_label)
            json_object_set_new(j, "page_label", json_str(x->page_label));
        json_array_append_new(all, j);
    }
    return all;
}

json_t *present_evidence(const cairn_answer *a)
{
    json_t *all = json_array();

    for (size_t i = 0; a->evidence && i < a->evidence->n_hits; i++)
        json_array_append_new(all, hit(&a->evidence->hits[i], false));
    return all;
}

void present_origin(json_t *j, const cairn_answer *a)
{
    if (a->entailer)
        json_object_set_new(j, "entailment", answer_entailment_json(a));
    json_object_set_new(j, "extractive", json_boolean(a->extractive));
    json_object_set_new(j, "short_answer", json_str(a->short_answer));
    json_object_set_new(j, "confidence", json_real((double)a->confidence));
    json_object_set_new(j, "withheld", whole(a->withheld));
    json_object_set_new(j, "note", json_str(a->note));
    json_object_set_new(j, "understood", json_str(a->understood));
    json_object_set_new(j, "parts", json_str(a->parts));
    json_object_set_new(j, "cached", json_str(a->cached));
    json_object_set_new(j, "cached_question", json_str(a->cached_question));
    json_object_set_new(j, "route", json_str(a->route));
    json_object_set_new(j, "sent_to", json_str(a->sent_to));
}

json_t *present_answer(const cairn_answer *a)
{
    json_t *j = json_pack("{s:o,s:b,s:o,s:o,s:{s:o,s:o},s:{s:f,s:f,s:f}}", "answer", json_str(a->text),
                          "refused", a->refused, "citations", present_citations(a), "model",
                          json_str(a->model), "usage", "prompt_tokens", whole(a->prompt_tokens),
                          "completion_tokens", whole(a->completion_tokens), "timings", "retrieve_ms",
                          a->retrieve_ms, "ttft_ms", a->ttft_ms, "tpot_ms", a->tpot_ms);

    if (!j)
        return NULL;
    present_origin(j, a);
    if (a->n_steps || a->out_of_steps) {
        json_object_set_new(j, "steps", answer_steps_json(a));
        json_object_set_new(j, "out_of_steps", json_boolean(a->out_of_steps));
    }
    return j;
}

json_t *present_document(const cairn_document *d)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:o,s:o}", "id", whole(d->id), "uri",
                     json_str(d->uri), "title", json_str(d->title), "author", json_str(d->author),
                     "lang", json_str(d->lang), "mime", json_str(d->mime), "size",
                     (json_int_t)d->size, "modified_ns", (json_int_t)d->mtime_ns, "date_ns",
                     (json_int_t)d->date_ns, "indexed_ns", (json_int_t)d->indexed_ns, "pages",
                     or_null(d->n_pages), "passages", whole(d->n_chunks));
}

json_t *present_status(const cairn_status_info *s)
{
    json_t *failed = json_array(), *j;

    for (size_t i = 0; i < s->n_failed; i++)
        json_array_append_new(failed, json_pack("{s:o,s:o}", "path", json_str(s->failed[i].path),
                                                "reason", json_str(s->failed[i].reason)));
    j = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "version", json_str(s->version),
                  "collection", json_str(s->collection), "documents", whole(s->documents),
                  "passages", whole(s->chunks), "vectors", whole(s->vectors), "pending_vectors",
                  whole(s->pending_vectors), "text_bytes", whole(s->text_bytes), "disk_bytes",
                  whole(s->disk_bytes), "failed", failed);
    if (!j)
        return NULL;
    json_object_set_new(j, "failures", whole(s->failures));
    json_object_set_new(j, "segments", whole(s->segments));
    json_object_set_new(j, "deleted_rows", whole(s->deleted_rows));
    json_object_set_new(j, "cpu", json_str(s->cpu));
    json_object_set_new(j, "embedder",
                        json_pack("{s:o,s:b,s:o}", "name", json_str(s->embedder_name), "here",
                                  s->embedder != NULL, "note", json_str(s->embedder_note)));
    json_object_set_new(j, "second_embedder",
                        s->second_name ? json_pack("{s:o,s:o,s:o,s:b}", "name", json_str(s->second_name), "vectors",
                                                   whole(s->second_vectors), "unread", whole(s->second_unread), "searched",
                                                   s->second_searched)
                                       : json_null());
    json_object_set_new(j, "generator",
                        json_pack("{s:o,s:b,s:o}", "name", json_str(s->generator_name), "here",
                                  s->generator != NULL, "note", json_str(s->generator_note)));
    json_object_set_new(j, "recall10",
                        s->audit.known ? json_real(s->audit.recall10) : json_null());
    return j;
}

json_t *present_job(const service_job *j)
{
    return json_pack("{s:o,s:s,s:s,s:s,s:s,s:o,s:o,s:{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o},s:o,s:I,s:I,s:I}",
                     "id", whole(j->id), "collection", j->collection, "kind", j->kind, "state",
                     service_job_state_name(j->state), "stage", j->stage, "done", whole(j->done),
                     "total", whole(j->total), "report", "seen", whole(j->seen), "indexed",
                     whole(j->indexed), "unchanged", whole(j->unchanged), "unread", whole(j->unread),
                     "not_reached", whole(j->not_reached), "removed",
                     whole(j->removed), "failed", whole(j->failed), "failed_inside",
                     whole(j->failed_inside), "passages", whole(j->chunks),
                     "vectors", whole(j->embedded), "problem",
                     json_str(j->problem[0] ? j->problem : NULL), "queued_ns",
                     (json_int_t)j->queued_ns, "started_ns", (json_int_t)j->started_ns, "ended_ns",
                     (json_int_t)j->ended_ns);
}
