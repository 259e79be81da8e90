/* whynot_search.c - the way out: from a document's passages to the hits, and into an answer.
 *
 * Each list is asked for much deeper than a search does, so that a bad place is told from none.
 * Where the file is lost is decided over all of them: one list is enough, and reading again may
 * bring back what fusion lost. */
#include "engine/whynot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "engine/ask.h"

#define MAX_PARTS  32  /* words, phrases and patterns of a query that are looked for one by one */
#define PART_BYTES 100 /* of one of them, as it is shown */

/* What one list, or fusion, makes of the document. */
typedef struct listed {
    size_t place; /* of its best passage, from 1; 0: none of them is there */
    size_t n;     /* length of the list */
    bool searched;
} listed;

static uint64_t live_rows(const view *v)
{
    uint64_t n = v->index ? v->index->remote->rows(v->index->ctx) : 0;

    for (size_t i = 0; i < v->n_lexical; i++)
        n += v->lexical_of[i]->n_rows;
    return n;
}

/* As deep as a list is asked for. */
static size_t whole_depth(const view *v)
{
    uint64_t n = live_rows(v);

    return n < 10 ? 10 : n > 1000000 ? 1000000 : (size_t)n;
}

/* The document's best place among the hits, from 1; 0: none. */
static size_t place_of(const why_asking *a, retrieve_mode mode, size_t k, retrieve_result *result,
                       cairn_status *st, cairn_error *err)
{
    engine_query e = {.text = a->request->query,
                      .mode = mode,
                      .k = k,
                      .depth = k,
                      .budget_ms = -1,
                      .as_listed = true};
    retrieve_query query;

    *result = (retrieve_result){0};
    *st = engine_search_with(a->c, &a->v, &e, a->memory, &query, result, NULL, err);
    for (size_t i = 0; !*st && i < result->n_hits; i++)
        if (result->hits[i].doc == a->doc.id)
            return i + 1;
    return 0;
}

/* ---- conditions ---- */

/* Does the document pass what the query demands of its metadata? */
static cairn_status ask_the_filter(why_asking *a, const retrieve_query *query, cairn_error *err)
{
    retrieve_query only = {.text = "",
                           .filter = query->filter,
                           .predicates = query->predicates,
                           .n_predicates = query->n_predicates};
    retrieve_corpus corpus;
    retrieve_result result = {0};
    analyzer *an;
    bool there = false;
    cairn_status st = query->filter.n ? engine_corpus(&a->v, a->memory, &corpus, err) : CAIRN_OK;

    if (!query->filter.n)
        return CAIRN_OK;
    if (!st)
        st = engine_analyzer(a->c, &an, err);
    if (!st)
        st = retrieve_search(&corpus, &only, RETRIEVE_LEXICAL, whole_depth(&a->v), NULL, NULL, an,
                             NULL, a->memory, &result, err);
    for (size_t i = 0; !st && i < result.n_hits && !there; i++)
        there = result.hits[i].doc == a->doc.id;
    if (!st)
        why_say(a, "filter", there, "%s the conditions of the query, which %zu documents meet (%s)",
                there ? "it meets" : "it does not meet", result.n_hits,
                query->read_as ? query->read_as : "");
    return st;
}

/* ---- the passages ---- */

typedef struct parts {
    lexical_clause of[MAX_PARTS];
    bool excluded[MAX_PARTS], required[MAX_PARTS];
    bool has[MAX_PARTS];      /* some passage of the document has it */
    bool anywhere[MAX_PARTS]; /* some passage of the collection */
    size_t n;
    chunk_id *chunks; /* of the document, ascending */
    uint32_t *found;  /* a bit a part, for each chunk */
    size_t n_chunks;
} parts;

static int by_id(const void *x, const void *y)
{
    const chunk_id *a = x, *b = y;

    return (*a > *b) - (*a < *b);
}

/* Which passages of the document the index finds by this part alone. */
static cairn_status find_part(why_asking *a, parts *p, size_t i, cairn_error *err)
{
    lexical_clause alone = p->of[i];
    retrieve_query query = {.text = alone.text,
                            .text_len = alone.len,
                            .clauses = &alone,
                            .n_clauses = 1,
                            .has_words = true};
    retrieve_params params;
    retrieve_corpus corpus;
    retrieve_result result;
    analyzer *an;
    size_t depth = whole_depth(&a->v);
    cairn_status st = engine_corpus(&a->v, a->memory, &corpus, err);

    alone.occur = LEXICAL_SHOULD;
    if (!st)
        st = engine_analyzer(a->c, &an, err);
    if (st)
        return st;
    engine_params(a->c, &a->v, depth, &params);
    st = retrieve_search(&corpus, &query, RETRIEVE_LEXICAL, depth, NULL, &params, an, NULL,
                         a->memory, &result, err);
    for (size_t h = 0; !st && h < result.n_hits; h++) {
        const chunk_id *at =
            result.hits[h].doc == a->doc.id
                ? bsearch(&result.hits[h].chunk, p->chunks, p->n_chunks, sizeof *at, by_id)
                : NULL;
        if (at) {
            p->found[at - p->chunks] |= UINT32_C(1) << i;
            p->has[i] = true;
        }
        p->anywhere[i] = true;
    }
    return st;
}

/* A clause of several words is looked for word by word. */
static void add_parts(const lexical_clause *k, parts *p)
{
    static const char blanks[] = " \t\n";
    size_t at = 0, n;

    while (at < k->len && p->n < MAX_PARTS) {
        lexical_clause *one = &p->of[p->n];
        for (; at < k->len && strchr(blanks, k->text[at]); at++)
            ;
        for (n = 0;
             at + n < k->len && (k->kind != LEXICAL_WORDS || !strchr(blanks, k->text[at + n])); n++)
            ;
        if (!n)
            continue;
        *one = *k;
        one->text = k->text + at;
        one->len = n;
        p->excluded[p->n] = k->occur == LEXICAL_MUST_NOT;
        p->required[p->n++] = k->occur == LEXICAL_MUST;
        at += n;
    }
}

static cairn_status find_parts(why_asking *a, const retrieve_query *query, parts *p,
                               cairn_error *err)
{
    cairn_status st =
        store_doc_chunks(a->v.snapshot, a->doc.id, &p->chunks, &p->n_chunks, a->memory, err);

    if (st)
        return st;
    p->found = arena_calloc(a->memory, p->n_chunks + 1, sizeof *p->found);
    if (!p->found)
        return cairn_fail(err, CAIRN_ENOMEM, "an explanation");
    qsort(p->chunks, p->n_chunks, sizeof *p->chunks, by_id);
    for (size_t i = 0; i < query->n_clauses; i++)
        if (query->clauses[i].kind != LEXICAL_TREE && query->clauses[i].occur != LEXICAL_TEST)
            add_parts(&query->clauses[i], p);
    for (size_t i = 0; !st && i < p->n; i++)
        st = find_part(a, p, i, err);
    return st;
}

/* "basalt, columns" of the parts that `which` says; true: some. */
static bool name_parts(const parts *p, bool (*which)(const parts *p, size_t i), bytes *out)
{
    bytes_reset(out);
    for (size_t i = 0; i < p->n; i++) {
        const lexical_clause *k = &p->of[i];
        const char *quote = k->kind == LEXICAL_PHRASE ? "\"" : "";
        size_t len = k->len < PART_BYTES ? k->len : utf8_floor(k->text, PART_BYTES);
        if (which(p, i) &&
            bytes_printf(out, "%s%s%.*s%s", out->len ? ", " : "", quote, (int)len, k->text, quote))
            break;
    }
    return out->len > 0;
}

static bool is_there(const parts *p, size_t i)
{
    return !p->excluded[i] && p->has[i];
}

static bool is_lacking(const parts *p, size_t i)
{
    return !p->excluded[i] && !p->has[i];
}

static bool is_shut_out(const parts *p, size_t i)
{
    return p->excluded[i] && p->has[i];
}

static bool is_demanded_and_lacking(const parts *p, size_t i)
{
    return p->required[i] && !p->has[i];
}

static unsigned bits(uint32_t x)
{
    unsigned n = 0;

    for (; x; x &= x - 1)
        n++;
    return n;
}

/* How the query's words fall into the passages: what must stand together may have been cut apart.
 */
static void ask_the_passages(why_asking *a, const parts *p)
{
    uint32_t demanded = 0, have = 0;
    size_t best = 0, whole = 0, n_demanded_whole = 0;
    unsigned most = 0;

    for (size_t i = 0; i < p->n; i++) {
        have |= is_there(p, i) ? UINT32_C(1) << i : 0;
        demanded |= p->required[i] && p->has[i] ? UINT32_C(1) << i : 0;
    }
    for (size_t i = 0; i < p->n_chunks; i++) {
        unsigned n = bits(p->found[i] & have);
        if (n > most) {
            most = n;
            best = i;
        }
        whole += have && (p->found[i] & have) == have;
        n_demanded_whole += (p->found[i] & demanded) == demanded;
    }
    if (!have)
        why_say(a, "chunk", true, "%zu passages, none of which has a word of the query",
                p->n_chunks);
    else if (!n_demanded_whole)
        why_say(a, "chunk", false,
                "what the query demands stands in different passages of it; the best, %zu of %zu, "
                "has %u of %u",
                best + 1, p->n_chunks, bits(p->found[best] & demanded), bits(demanded));
    else if (whole)
        why_say(a, "chunk", true, "%zu of its %zu passages have all of the query that it has",
                whole, p->n_chunks);
    else
        why_say(a, "chunk", true,
                "its words stand apart: the best passage, %zu of %zu, has %u of %u", best + 1,
                p->n_chunks, most, bits(have));
}

/* ---- the lists ---- */

static cairn_status ask_the_words(why_asking *a, const parts *p, size_t deep, listed *out,
                                  cairn_error *err)
{
    retrieve_result result;
    bytes has, lacks, other;
    cairn_status st;

    out->place = place_of(a, RETRIEVE_LEXICAL, deep, &result, &st, err);
    out->n = result.n_hits;
    out->searched = !st;
    bytes_init(&has, 8192);
    bytes_init(&lacks, 8192);
    bytes_init(&other, 8192);
    name_parts(p, is_there, &has);
    name_parts(p, is_lacking, &lacks);
    if (!st && out->place)
        why_say(a, "words", out->place <= a->k, "place %zu of %zu by words%s%s", out->place, out->n,
                lacks.len ? "; it lacks: " : "", lacks.len ? lacks.data : "");
    else if (!st && name_parts(p, is_shut_out, &other))
        why_say(a, "words", false, "it has what the query excludes: %s", other.data);
    else if (!st && name_parts(p, is_demanded_and_lacking, &other))
        why_say(a, "words", false, "it lacks what the query demands: %s", other.data);
    else if (!st)
        why_say(a, "words", false,
                "not among the %zu passages that the words find; it has: %s; it lacks: %s", out->n,
                has.len ? has.data : "none of them", lacks.len ? lacks.data : "none");
    bytes_clear(&has);
    bytes_clear(&lacks);
    bytes_clear(&other);
    return st;
}

/* Rows nearer to the question than the document's nearest, plus one; 0: it has no vector. */
static size_t place_in_segments(const why_asking *a, const float *query)
{
    float best = -INFINITY;
    size_t nearer = 0;

    for (int pass = 0; pass < 2; pass++)
        for (size_t s = 0; s < a->v.n_vector; s++) {
            const vector_segment *seg = &a->v.vector[s];
            retrieve_rows rows = retrieve_rows_of_file(a->v.vector_of[s]->file);
            for (uint32_t r = 0; r < vector_reader_rows(seg->reader); r++) {
                float score;
                bool mine = rows.doc(rows.ctx, r) == a->doc.id;
                if ((seg->deleted && seg->deleted[r / 64] >> (r % 64) & 1) || (!pass && !mine))
                    continue;
                score = vector_reader_score(seg->reader, r, query);
                if (!pass && score > best)
                    best = score;
                nearer += pass && score > best;
            }
            if (!pass && s + 1 == a->v.n_vector && best == -INFINITY)
                return 0;
        }
    return best == -INFINITY ? 0 : nearer + 1;
}

static cairn_status exact_place(const why_asking *a, const float *query, size_t *out,
                                cairn_error *err)
{
    const retrieve_index *index = a->v.index;
    uint64_t place = 0;
    cairn_status st = CAIRN_OK;

    if (index)
        st = index->remote->place(index->ctx, a->doc.id, query, engine_dim(&a->v), &place, err);
    else
        place = place_in_segments(a, query);
    *out = (size_t)place;
    return st;
}

static cairn_status ask_the_vectors(why_asking *a, listed *out, cairn_error *err)
{
    size_t depth = (size_t)a->c->settings.candidates, exact;
    retrieve_result result;
    cairn_error why = {0};
    encoder_text question = {.text = a->request->query, .len = strlen(a->request->query)};
    float *query;
    cairn_status st;

    if (!engine_dim(&a->v)) {
        why_say(a, "vectors", false, "the collection has no vectors");
        return CAIRN_OK;
    }
    query = arena_calloc(a->memory, engine_dim(&a->v), sizeof *query);
    if (!query)
        return cairn_fail(err, CAIRN_ENOMEM, "vector of a question");
    depth = depth < a->k ? a->k : depth;
    out->place = place_of(a, RETRIEVE_VECTOR, depth, &result, &st, &why);
    out->n = result.n_hits;
    if (!st && result.mode != RETRIEVE_VECTOR)
        st = cairn_fail(&why, CAIRN_EMODEL, "%s",
                        result.note ? result.note : "the query has no words for them");
    if (!st)
        st = engine_embed(a->c, &question, 1, ENCODER_QUERY, NULL, query, &why);
    if (st) {
        out->place = 0;
        why_say(a, "vectors", false, "not searched: %s", why.text);
        return CAIRN_OK;
    }
    out->searched = true;
    st = exact_place(a, query, &exact, err);
    if (st)
        return st;
    if (!exact)
        why_say(a, "vectors", false,
                "its passages have no vectors yet: cairn index goes on with them");
    else if (out->place)
        why_say(a, "vectors", out->place <= a->k, "place %zu by vectors, %zu exactly", out->place,
                exact);
    else
        why_say(a, "vectors", false, "not among the nearest %zu; exactly, place %zu", out->n,
                exact);
    return CAIRN_OK;
}

/* The second embedder's list has no mode of its own: its places are those of a hybrid search. */
static void ask_the_second(why_asking *a, const retrieve_result *fused)
{
    uint32_t best = 0;

    if (!a->v.n_second)
        return;
    for (size_t i = 0; i < fused->n_hits; i++) {
        const retrieve_hit *h = &fused->hits[i];
        if (h->doc == a->doc.id && h->second_rank && (!best || h->second_rank < best))
            best = h->second_rank;
    }
    if (!fused->n_second)
        why_say(a, "second", true, "the vectors of %s were not searched%s%s", a->v.second_model,
                fused->note ? ": " : "", fused->note ? fused->note : "");
    else if (best)
        why_say(a, "second", best <= a->k, "place %u by the vectors of %s", best, a->v.second_model);
    else
        why_say(a, "second", false, "not among the nearest %zu by the vectors of %s", fused->n_second,
                a->v.second_model);
}

static cairn_status ask_the_fusion(why_asking *a, listed *out, cairn_error *err)
{
    size_t depth = (size_t)a->c->settings.candidates;
    retrieve_result result;
    cairn_status st;

    depth = depth < a->k ? a->k : depth;
    out->place = place_of(a, RETRIEVE_HYBRID, depth, &result, &st, err);
    out->n = result.n_hits;
    out->searched = !st;
    if (!st)
        ask_the_second(a, &result);
    if (!st && out->place)
        why_say(a, "fusion", out->place <= a->k, "place %zu after fusion, %zu are shown",
                out->place, a->k);
    else if (!st)
        why_say(a, "fusion", false, "it is not among the best %zu of either list; %zu are shown",
                depth, a->k);
    return st;
}

/* What reading the best again and recurring lines make of its place. */
static cairn_status ask_the_refined(why_asking *a, retrieve_mode mode, size_t before, listed *out,
                                    cairn_error *err)
{
    engine_query e = {.text = a->request->query,
                      .mode = mode,
                      .k = before > a->k ? before : a->k,
                      .depth = (size_t)a->c->settings.candidates,
                      .unhurried = true};
    retrieve_query query;
    retrieve_result result = {0};
    engine_stages stages = {0};
    const refine_report *r = &stages.refined;
    cairn_status st = engine_search_with(a->c, &a->v, &e, a->memory, &query, &result, &stages, err);

    for (size_t i = 0; !st && i < result.n_hits && !out->place; i++)
        if (result.hits[i].doc == a->doc.id)
            out->place = i + 1;
    out->n = result.n_hits;
    out->searched = !st;
    if (!st && out->place)
        why_say(a, "rerank", out->place <= a->k,
                "place %zu after %zu passages were compared, %zu read again, %zu weighed by date, folder or quality and "
                "%zu stepped back for lines that many documents share",
                out->place, r->likened, r->reranked, r->weighed, r->recurring);
    else if (!st)
        why_say(a, "rerank", false,
                "behind place %zu after %zu passages were read again, %zu weighed by date, folder or quality and %zu stepped "
                "back", out->n, r->reranked, r->weighed, r->recurring);
    return st;
}

/* ---- an answer ---- */

typedef struct looked_at {
    why_asking *a;
    bool asked, read, weighed, quoted, held_back;
    size_t place, n_hits, n_quoted, tokens;
    float answerable;
} looked_at;

static void look(void *ctx, const struct asking *q)
{
    looked_at *l = ctx;
    doc_id mine = l->a->doc.id;

    l->asked = true;
    l->n_hits = q->hits->n_hits;
    l->answerable = q->evidence.answerable;
    l->tokens = q->context.tokens;
    l->n_quoted = q->context.n_passages;
    for (size_t i = 0; i < q->hits->n_hits && !l->place; i++)
        if (q->hits->hits[i].doc == mine)
            l->place = i + 1;
    l->read = l->place > 0;
    for (size_t i = 0; i < q->evidence.n; i++)
        l->held_back |= q->evidence.sentences[i].planted &&
                        q->hits->hits[q->evidence.sentences[i].passage].doc == mine;
    for (size_t i = 0; i < q->n_sources; i++)
        for (size_t h = 0; h < q->hits->n_hits; h++)
            l->weighed |=
                q->hits->hits[h].text == q->sources[i].text && q->hits->hits[h].doc == mine;
    for (size_t i = 0; i < q->context.n_passages; i++)
        for (size_t h = 0; h < q->hits->n_hits; h++)
            l->quoted |=
                q->hits->hits[h].text == q->sources[q->context.passages[i].candidate].text &&
                q->hits->hits[h].doc == mine;
}

/* Is it before the model when the query is asked as a question? */
static cairn_status ask_the_budget(why_asking *a, bool *kept, cairn_error *err)
{
    cairn_ask_request request = {.question = a->request->query, .mode = a->request->mode};
    looked_at l = {.a = a};
    size_t budget = (size_t)a->c->settings.ask_context_tokens;
    cairn_status st = ask_consider(a->c, &request, look, &l, err);

    *kept = !st && (!l.asked || l.quoted);
    if (st)
        return st;
    if (!l.asked)
        why_say(a, "budget", true,
                "a question about all documents: it is answered by counting them");
    else if (!l.read)
        why_say(a, "budget", false,
                "an answer reads the best %zu passages, and it has none of them", l.n_hits);
    else if (!l.weighed)
        why_say(a, "budget", false, "an answer reads it at place %zu, but %s", l.place,
                l.held_back ? "holds back its sentences, which speak to the model"
                            : "the sentences of others are better evidence");
    else if (!l.quoted)
        why_say(a, "budget", false,
                "no room: the %zu passages before it fill %zu of the %zu tokens that "
                "ask.context_tokens allows",
                l.n_quoted, l.tokens, budget);
    else
        why_say(a, "budget", true,
                "an answer reads it at place %zu and quotes it; the quotations take about %zu of "
                "%zu tokens%s",
                l.place, l.tokens, budget,
                l.answerable < (float)a->c->settings.ask_min_answerable
                    ? "; but nothing that was found answers the question well enough"
                    : "");
    return CAIRN_OK;
}

/* ---- the verdict ---- */

static bool within(const listed *l, size_t k)
{
    return l->place && l->place <= k;
}

/* Of the lists, the one to look at: words that stand nowhere explain nothing where vectors were
 * searched. */
static const char *lost_list(const parts *p, const listed *words, const listed *vectors)
{
    bool known = false;

    for (size_t i = 0; i < p->n; i++)
        known |= p->anywhere[i] && !p->excluded[i];
    if (!words->searched || (!known && vectors->searched))
        return "vectors";
    return "words";
}

/* The lists are searched side by side, so that one does not keep the file from the other. */
static bool is_list(const char *stage)
{
    return !strcmp(stage, "words") || !strcmp(stage, "vectors") || !strcmp(stage, "second");
}

/* What lies behind the stage that lost the file and did not lose it as well was not reached. */
static void pass_over_the_rest(why_asking *a)
{
    const char *lost = a->why->lost_at;
    bool behind = false;

    for (size_t i = 0; lost && i < a->why->n_stages; i++) {
        cairn_why_stage *s = &a->why->stages[i];
        if (behind && s->passed && !(is_list(s->stage) && is_list(lost))) {
            s->passed = s->reached = false;
            s->detail = arena_printf(a->memory, "not reached: it is lost at %s", lost);
            s->detail = s->detail ? s->detail : "not reached";
        }
        behind |= !strcmp(s->stage, lost);
    }
}

cairn_status why_ask_the_search(why_asking *a, cairn_error *err)
{
    cairn_mode mode = a->request->mode;
    retrieve_query query;
    listed words = {0}, vectors = {0}, fused = {0}, refined = {0}, *last;
    parts p = {0};
    const char *earlier;
    bool kept = true;
    cairn_status st = engine_words(a->c, err);

    if (!st)
        st = retrieve_query_parse(&query, a->request->query, NULL, a->memory, err);

    if (!st)
        st = ask_the_filter(a, &query, err);
    if (!st)
        st = find_parts(a, &query, &p, err);
    if (!st && query.n_clauses)
        ask_the_passages(a, &p);
    earlier = a->why->lost_at;
    if (!st && mode != CAIRN_VECTOR)
        st = ask_the_words(a, &p, whole_depth(&a->v), &words, err);
    if (!st && mode != CAIRN_LEXICAL && query.has_words)
        st = ask_the_vectors(a, &vectors, err);
    if (!st && mode == CAIRN_HYBRID)
        st = ask_the_fusion(a, &fused, err);
    last = mode == CAIRN_HYBRID ? &fused : mode == CAIRN_VECTOR ? &vectors : &words;
    if (!st && last->place)
        st = ask_the_refined(a, engine_mode(mode), last->place, &refined, err);
    if (st)
        return st;
    a->why->rank = refined.place ? refined.place : last->place;
    if (within(&refined, a->k))
        a->why->lost_at = NULL;
    else if (earlier)
        a->why->lost_at = earlier;
    else if (within(last, a->k))
        a->why->lost_at = "rerank";
    else if (mode == CAIRN_HYBRID && (within(&words, a->k) || within(&vectors, a->k)))
        a->why->lost_at = "fusion";
    else
        a->why->lost_at = lost_list(&p, &words, &vectors);
    earlier = a->why->lost_at;
    if (earlier && !a->request->answer) {
        if (query.has_words)
            why_say(a, "budget", true, "not asked");
        pass_over_the_rest(a);
        return CAIRN_OK;
    }
    if (query.has_words)
        st = ask_the_budget(a, &kept, err);
    if (a->request->answer) /* which is judged by itself: it reads fewer, and some that a list shows
                               below N */
        a->why->lost_at = kept ? NULL : earlier ? earlier : "budget";
    else
        a->why->lost_at = earlier;
    return st;
}
