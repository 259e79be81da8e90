/* ask_evidence.c - from a question to judged sentences, and from them to the excerpts of a prompt.
 *
 * An excerpt is a run of a passage: the sentence that counts as evidence with the one before and
 * behind it (for the best ones), or a row of a table below the table's first line. Runs of one passage
 * that touch become one; what lies between them is an ellipsis. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/ask.h"
#include "engine/cosine_scale.h"
#include "engine/literacy.h"

#define EXPANDED      2    /* of the best of them, how many get their neighbours */
#define READING_SPREAD 4.0f /* below the first sentence in `reading` that still helps */
#define HIT_CHARS     2000 /* of a similarity text */

/* ---- what evidence.h is handed ---- */

typedef struct rarity {
    asking *a;
    const view *v;
} rarity;

/* The inverse document frequency of a word of the question, from the index itself. */
static double word_idf(void *ctx, const char *word, size_t len)
{
    const rarity *r = ctx;
    lexical_clause clause = {.occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = word,
                             .len = len};
    lexical_query query = {.clauses = &clause, .n = 1};
    lexical_explanation why;
    lexical_hit hit;
    double rows = 1, idf = 0;
    size_t n = 0;

    if (r->v->index)
        return r->v->index->remote->idf(r->v->index->ctx, r->a->an, word, len, &idf, NULL) ? log(1 + (rows + 0.5) / 0.5) : idf;
    for (size_t i = 0; i < r->v->n_lexical; i++)
        rows += lexical_reader_rows(r->v->lexical[i].reader);
    if (lexical_search(r->a->an, r->v->lexical, r->v->n_lexical, &query, NULL, 1, &hit, &n, NULL) ||
        !n ||
        lexical_explain(r->a->an, r->v->lexical, r->v->n_lexical, &query, NULL, &hit, 1,
                        &r->a->memory, &why, NULL))
        return log(1 + (rows + 0.5) / 0.5); /* in no passage */
    for (size_t i = 0; i < why.reasons[0].n; i++)
        if (why.reasons[0].at[i].idf > idf)
            idf = (double)why.reasons[0].at[i].idf;
    return idf;
}

/* What the encoder is shown of a sentence: a table's row says little without its heading and the names of its
 * columns. */
static cairn_status similarity_text(asking *a, size_t hit, const evidence_sentence *s, encoder_text *out)
{
    const cairn_hit *h = &a->hits->hits[hit];
    bytes row;
    cairn_status st;

    *out = (encoder_text){h->text + s->start, s->end - s->start};
    if (s->head_end) {
        const char *about = *h->heading ? h->heading : h->title;
        bytes_init(&row, ASK_BYTES);
        st = bytes_printf(&row, "%s%s", about, *about ? ": " : "");
        if (!st)
            st = ask_spell_row(h->text, s->head_end, h->text + s->start, s->end - s->start, &row);
        if (!st)
            *out = (encoder_text){arena_strndup(&a->memory, row.data ? row.data : "", row.len), row.len};
        bytes_clear(&row);
        if (st || !out->text)
            return CAIRN_ENOMEM;
    }
    if (out->len > HIT_CHARS)
        out->len = HIT_CHARS;
    return CAIRN_OK;
}

/* What sentences are compared with, and which hit a passage is. */
typedef struct looking {
    asking *a;
    const char *question;
    const size_t *of;
} looking;

static cairn_status sentence_cosines(void *ctx, const evidence_sentence *const *sentences, size_t n,
                                     float *cosines, cairn_error *err)
{
    const looking *l = ctx;
    asking *a = l->a;
    encoder_text *texts = arena_calloc(&a->memory, n + 1, sizeof *texts);
    encoder_text question = {l->question, strlen(l->question)};
    literacy reads;
    encoder *e;
    float *q, *v;
    size_t dim;
    cairn_status st = engine_encoder(a->c, &e, err);

    if (st)
        return st;
    if (!ask_bridge_may_take(a, sentences, n, l->of)) { /* whatever they score */
        memset(cosines, 0, n * sizeof *cosines);
        return CAIRN_OK;
    }
    dim = encoder_dim(e);
    q = arena_calloc(&a->memory, dim, sizeof *q);
    v = arena_calloc(&a->memory, n * dim, sizeof *v);
    if (!texts || !q || !v)
        return cairn_fail(err, CAIRN_ENOMEM, "sentences");
    for (size_t i = 0; !st && i < n; i++)
        st = similarity_text(a, l->of ? l->of[sentences[i]->passage] : sentences[i]->passage, sentences[i], &texts[i]);
    if (st)
        return cairn_fail(err, st, "sentences");
    st = engine_embed(a->c, &question, 1, ENCODER_QUERY, a->request->cancel, q, err);
    if (!st)
        st = engine_embed_sentences(a->c, texts, n, a->request->cancel, v, err);
    literacy_of_embedder(a->c, &reads);
    for (size_t i = 0; !st && i < n; i++) {
        cosines[i] = 0;
        for (size_t d = 0; d < dim; d++)
            cosines[i] += q[d] * v[i * dim + d];
        if (literacy_lacks(&reads, question.text, question.len) || literacy_lacks(&reads, texts[i].text, texts[i].len))
            cosines[i] = NAN;
    }
    return st;
}

static cairn_status read_hits(asking *a, cairn_error *err)
{
    size_t n = a->hits->n_hits;

    a->read = arena_calloc(&a->memory, n + 1, sizeof *a->read);
    if (!a->read)
        return cairn_fail(err, CAIRN_ENOMEM, "evidence");
    for (size_t i = 0; i < n; i++) {
        const cairn_hit *h = &a->hits->hits[i];
        a->read[i] = (evidence_passage){.text = {.text = h->text,
                                                 .len = h->text_len,
                                                 .title = h->title,
                                                 .heading = h->heading,
                                                 .lang = h->lang},
                                        .doc = h->doc,
                                        .uri = h->uri,
                                        .lexical = h->lexical,
                                        .vector = h->vector};
    }
    return CAIRN_OK;
}

cairn_status ask_present(asking *a, const view *v, const retrieve_query *query, const retrieve_result *found, cairn_error *err)
{
    cairn_search_result *more;
    bool same;
    cairn_status st = engine_present(a->c, v, query, found, &more, err);

    if (st)
        return st;
    same = more->n_hits >= a->hits->n_hits;
    for (size_t i = 0; same && i < a->hits->n_hits; i++) /* sentences know their passages by place */
        same = more->hits[i].chunk == a->hits->hits[i].chunk;
    if (!same) { /* some have gone: what was read stays */
        cairn_search_result_free(more);
        return CAIRN_OK;
    }
    cairn_search_result_free(a->hits);
    a->hits = more;
    return read_hits(a, err);
}

cairn_status ask_find_evidence(asking *a, const view *v, const char *question, size_t typed_len, const size_t *of, const retrieve_hit *scores,
                               size_t n, evidence *out, cairn_error *err)
{
    evidence_params p;
    rarity r = {a, v};
    looking l = {a, question, of};
    evidence_passage *read = a->read;
    cairn_status st = CAIRN_OK;

    if (of && !(read = arena_calloc(&a->memory, n + 1, sizeof *read)))
        return cairn_fail(err, CAIRN_ENOMEM, "evidence");
    for (size_t i = 0; of && i < n; i++) {
        read[i] = a->read[of[i]];
        read[i].lexical = scores[i].lexical_score;
        read[i].vector = scores[i].vector_score;
    }
    evidence_params_default(&p);
    p.idf = word_idf;
    p.idf_ctx = &r;
    p.max_similar = (size_t)a->c->settings.ask_sentence_cosines;
    p.similarity = a->hits->mode == CAIRN_LEXICAL || !p.max_similar ? NULL : sentence_cosines;
    p.similarity_ctx = &l;
    p.typed_len = typed_len;
    p.known = a->known;
    if (a->hits->mode != CAIRN_LEXICAL)
        st = engine_cosine_scale(a->c, &p.scale, err);
    if (!st)
        st = evidence_find(a->an, question, read, n, &p, &a->memory, out, err);
    if (!st && !(out->lang = arena_strdup(&a->memory, out->lang))) /* it may be a passage's, which are presented anew (ask_present) */
        st = cairn_fail(err, CAIRN_ENOMEM, "evidence");
    for (size_t i = 0; !st && of && i < out->n; i++)
        out->sentences[i].passage = of[out->sentences[i].passage];
    return st;
}

float ask_best_score(const asking *a)
{
    const evidence *e = a->n_promoted ? &a->whole : &a->evidence;

    return e->n ? e->sentences[0].score : 0;
}

/* What was said before, and before that the facts as if the user had just said them. */
static cairn_status said_before(asking *a, const cairn_turn **out, size_t *n, cairn_error *err)
{
    const cairn_ask_request *q = a->request;
    cairn_turn *all = arena_calloc(&a->memory, a->n_facts + q->n_history + 1, sizeof *all);

    if (!all)
        return cairn_fail(err, CAIRN_ENOMEM, "history");
    for (size_t i = 0; i < a->n_facts; i++)
        all[i] = (cairn_turn){"user", a->facts[i]};
    if (q->n_history)
        memcpy(all + a->n_facts, q->history, q->n_history * sizeof *all);
    *out = all;
    *n = a->n_facts + q->n_history;
    return CAIRN_OK;
}

cairn_status ask_retrieve(asking *a, cairn_error *err)
{
    retrieve_query query;
    retrieve_result found;
    engine_query e = {.text = a->request->question,
                      .plain = true,
                      .filter = a->request->filter,
                      .mode = engine_mode(a->request->mode),
                      .k = (size_t)a->c->settings.ask_passages,
                      .depth = (size_t)a->c->settings.candidates,
                      .day = a->request->day,
                      .budget_ms = -1}; /* what time allows would not be the same twice */
    engine_stages stages = {0};
    view v;
    size_t n_whole = 0, n_parts = 0; /* hits of the whole question, and those that only its parts found */
    int64_t start = clock_mono_ns();
    cairn_status st = ask_choose_facts(a, err);

    if (!st)
        st = said_before(a, &e.history, &e.n_history, err);
    if (!st)
        st = view_open(a->c, &v, err);
    if (st)
        return st;
    a->snapshot = store_snapshot_version(v.snapshot);
    st = engine_search_with(a->c, &v, &e, &a->memory, &query, &found, &stages, err);
    a->question = stages.rewritten ? stages.rewritten : a->request->question;
    a->asked = a->cite.question = stages.whole ? stages.whole : a->request->question;
    a->known = stages.known;
    a->alone = stages.alone;
    a->points_back = stages.points_back;
    n_whole = st ? 0 : found.n_hits;
    if (!st)
        st = ask_parts_search(a, &v, &e, &found, err);
    a->besides = a->apart.n_parts ? NULL : stages.besides;
    if (!st)
        st = engine_present(a->c, &v, &query, &found, &a->hits, err);
    if (!st)
        st = read_hits(a, err);
    for (size_t i = 0; !st && i < a->hits->n_hits && a->hits->n_hits > n_whole; i++)
        for (size_t j = n_whole; j < found.n_hits; j++)
            n_parts += found.hits[j].chunk == a->hits->hits[i].chunk;
    if (!st)
        st = ask_find_evidence(a, &v, a->question, strlen(a->asked), NULL, NULL, a->hits->n_hits - n_parts, &a->evidence, err);
    if (!st)
        st = ask_parts_judge(a, &v, err);
    if (!st)
        st = ask_bridge(a, &v, &e, &query, &found, err);
    if (!st)
        st = ask_standing_find(a, err);
    if (!st)
        a->hits->took_ms = (double)(clock_mono_ns() - start) / 1e6;
    view_close(&v);
    if (!st)
        log_write(LOG_LEVEL_DEBUG, "engine", "evidence: %zu sentences, %s, answerable %.2f",
                  a->evidence.n, answer_type_name(a->evidence.type),
                  (double)a->evidence.answerable);
    return st;
}

/* ---- excerpts ---- */

typedef struct piece {
    size_t start, end;
} piece;

static int by_start(const void *x, const void *y)
{
    const piece *a = x, *b = y;

    return (a->start > b->start) - (a->start < b->start);
}

/* Text between the runs that touches them anyhow is blanks alone. */
static bool touch(const char *s, size_t end, size_t start)
{
    while (end < start && strchr(" \t\r\n", s[end]))
        end++;
    return end >= start;
}

/* The runs of one passage as one text, in its own order. */
static cairn_status join(const cairn_hit *h, piece *p, size_t n, arena *memory, const char **out,
                         size_t *len)
{
    bytes text;
    cairn_status st = CAIRN_OK;
    size_t last = 0;

    qsort(p, n, sizeof *p, by_start);
    bytes_init(&text, ASK_BYTES);
    for (size_t i = 0; !st && i < n; i++) {
        size_t start = p[i].start;
        if (i && p[i].end <= last)
            continue;
        if (i && start <= last)
            start = last;
        else if (i && touch(h->text, last, start))
            start = last; /* with the blanks between them */
        else if (i)
            st = bytes_append_str(&text, memchr(h->text + last, '\n', start - last) ? "\n...\n"
                                                                                    : " ... ");
        if (!st)
            st = bytes_append(&text, h->text + start, p[i].end - start);
        last = p[i].end;
    }
    *len = text.len;
    *out = st ? NULL : arena_strndup(memory, text.data ? text.data : "", text.len);
    bytes_clear(&text);
    return *out ? CAIRN_OK : CAIRN_ENOMEM;
}

size_t ask_count_tokens(void *ctx, const char *text, size_t len)
{
    size_t n = 0;

    if (!ctx)
        return len / 4 + 1;
    if (tokenizer_count(generator_tokenizer(ctx), text, len, 0, &n, NULL))
        return len;
    return n;
}

/* The sentences that a reader is shown, first those that help most; of equal ones the better evidence. The best evidence, which may
 * have to stand for an answer, is always among them. Returns how many. */
static size_t choose_for_reader(asking *a)
{
    const evidence *e = &a->evidence;
    const evidence_sentence **at = a->reads;
    size_t n = 0, kept = 0, promoted;
    float most = -INFINITY;
    bool best = false;

    while (n < a->n_promoted && n < ASK_READS_MAX && n < e->n && !e->sentences[n].planted) {
        at[n] = &e->sentences[n];
        n++;
    }
    promoted = n;
    for (size_t i = promoted; i < e->n && !e->sentences[i].planted; i++) {
        size_t place = n;
        while (place > promoted && at[place - 1]->reading < e->sentences[i].reading)
            place--;
        if (place == ASK_READS_MAX)
            continue;
        n += n < ASK_READS_MAX;
        memmove(at + place + 1, at + place, (n - place - 1) * sizeof *at);
        at[place] = &e->sentences[i];
    }
    for (size_t i = promoted; i < n; i++)
        most = fmaxf(most, at[i]->reading);
    while (kept < n && (kept < promoted || at[kept]->reading > most - READING_SPREAD)) {
        best |= at[kept] == e->sentences;
        kept++;
    }
    if (kept && !best) {
        kept += kept < ASK_READS_MAX;
        at[kept - 1] = e->sentences;
    }
    return a->n_reads = kept;
}

cairn_status ask_assemble(asking *a, cairn_error *err)
{
    size_t n = choose_for_reader(a), n_docs = 0, hit_of[ASK_READS_MAX];
    context_candidate candidates[ASK_READS_MAX];
    context_params p;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n; i++) { /* one candidate a passage, where its best sentence stands */
        size_t hit = a->reads[i]->passage, n_pieces = 0;
        const cairn_hit *h = &a->hits->hits[hit];
        piece pieces[ASK_READS_MAX * 2];
        bool known = false;
        for (size_t j = 0; j < n_docs; j++)
            known |= hit_of[j] == hit;
        if (known)
            continue;
        for (size_t j = i; j < n; j++) {
            const evidence_sentence *s = a->reads[j];
            if (s->passage != hit)
                continue;
            pieces[n_pieces++] = j < EXPANDED ? (piece){s->before, s->after} : (piece){s->start, s->end};
            if (s->head_end)
                pieces[n_pieces++] = (piece){0, s->head_end};
        }
        candidates[n_docs] = (context_candidate){.chunk = h->chunk,
                                                 .doc = h->doc,
                                                 .uri = h->uri,
                                                 .title = h->title,
                                                 .heading = h->heading,
                                                 .page = h->page,
                                                 .byte_start = h->byte_start,
                                                 .byte_end = h->byte_end,
                                                 .score = a->reads[i]->reading};
        st = join(h, pieces, n_pieces, &a->memory, &candidates[n_docs].text,
                  &candidates[n_docs].text_len);
        hit_of[n_docs++] = hit;
    }
    a->sources = arena_calloc(&a->memory, n_docs + 1, sizeof *a->sources);
    if (st || !a->sources)
        return cairn_fail(err, st ? st : CAIRN_ENOMEM, "context");
    for (size_t i = 0; i < n_docs; i++)
        a->sources[a->n_sources++] = (generate_text){a->hits->hits[hit_of[i]].text,
                                                     a->hits->hits[hit_of[i]].text_len};
    context_params_default(&p);
    p.max_tokens = (size_t)a->c->settings.ask_context_tokens;
    p.max_passages = ASK_READS_MAX;
    p.overlap = 2; /* sentences are chosen already: two parts of a range may both count */
    p.open = a->prompt.open;
    p.close = a->prompt.close;
    p.count_tokens = ask_count_tokens;
    p.count_ctx = a->g;
    return context_assemble(candidates, n_docs, &p, &a->memory, &a->context, err);
}
