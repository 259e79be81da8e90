/* eval_make.c - a private test set from the user's own documents: known items, drawn by chance.
 *
 * Somebody remembers a few words of a passage and looks for its document. So for each document drawn, a
 * passage is drawn, and of its words two to six, each with a chance proportional to how often the passage has
 * it times how rare it is (the mixed model of Azzopardi, de Rijke and Balog, SIGIR 2007). The one document
 * is what a search should find. The same collection and seed give the same set.
 *
 * Documents come in reservoir order (Vitter's algorithm R), so one pass and the sample's memory suffice. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "engine/engine.h"
#include "engine/eval.h"
#include "engine/view.h"
#include "index/lexical/suggest.h"

#define QUERIES       100
#define LEAST_WORDS   2
#define MOST_WORDS    6
#define PASSAGE_WORDS 512 /* of which words are drawn */
#define LEAST_LENGTH  3   /* bytes of a word */
#define MAKE_BYTES    ((size_t)1 << 30)

typedef struct making {
    cairn *c;
    view v;
    analyzer *an;
    uint64_t seed;
    double rows;
    FILE *queries, *qrels;
    size_t made;
} making;

typedef struct known_word {
    const char *text;
    size_t len, position;
    double chance; /* 0: drawn already */
} known_word;

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double next_share(uint64_t *state)
{
    return (double)(next_random(state) >> 11) / (double)((uint64_t)1 << 53);
}

/* ---- documents ---- */

static cairn_status draw_documents(making *m, size_t want, doc_id *ids, size_t *n, cairn_error *err)
{
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    size_t seen = 0;
    cairn_status st = store_doc_iter_open(m->v.snapshot, "", &it, err);

    *n = 0;
    if (st)
        return st;
    arena_init(&memory, MAKE_BYTES);
    while (!(st = store_doc_iter_next(it, &doc, &memory, err))) {
        size_t at = seen++ < want ? *n : next_random(&m->seed) % seen;
        if (at < want)
            ids[at] = doc.id;
        *n += seen <= want;
        arena_reset(&memory);
    }
    store_doc_iter_close(it);
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* ---- words ---- */

static size_t form_of(const known_word *w, char form[ANALYZER_FORM_MAX])
{
    return w->len < ANALYZER_FORM_MAX / 4 ? analyzer_form(w->text, w->len, form) : 0;
}

/* How many passages each word is in; in a collection elsewhere of all at once. */
static cairn_status count_words(const making *m, const known_word *words, size_t n, uint64_t *counts, cairn_error *err)
{
    const char *forms[PASSAGE_WORDS];
    char form[ANALYZER_FORM_MAX];
    arena memory;
    cairn_status st = CAIRN_OK;

    memset(counts, 0, n * sizeof *counts);
    arena_init(&memory, MAKE_BYTES);
    for (size_t i = 0; i < n && !st; i++) {
        size_t len = form_of(&words[i], form);
        if (len && !m->v.index)
            st = suggest_count(m->v.lexical, m->v.n_lexical, form, len, &counts[i], err);
        else if (!(forms[i] = arena_strndup(&memory, form, len)))
            st = cairn_fail(err, CAIRN_ENOMEM, "test set");
    }
    if (!st && m->v.index)
        st = m->v.index->remote->rows_with(m->v.index->ctx, forms, n, true, counts, err);
    arena_clear(&memory);
    return st;
}

static double idf(const making *m, uint64_t count)
{
    double held = (double)count < m->rows ? (double)count : m->rows;

    return count ? log(1 + (m->rows - held + 0.5) / (held + 0.5)) : 0;
}

/* The words of a passage with their chances; *n of them. */
static cairn_status weigh_words(making *m, const char *lang, const store_chunk *chunk,
                                known_word words[PASSAGE_WORDS], size_t *n, cairn_error *err)
{
    const analyzer_token *t;
    size_t n_tokens;
    uint64_t counts[PASSAGE_WORDS];
    cairn_status st = analyzer_run(m->an, lang, chunk->text, chunk->text_len, &t, &n_tokens, err);

    *n = 0;
    for (size_t i = 0; !st && i < n_tokens && *n < PASSAGE_WORDS; i++) {
        known_word w = {chunk->text + t[i].start, t[i].end - t[i].start, t[i].position, 1};
        size_t j = 0;
        if (t[i].stop || t[i].extra || t[i].guess || w.len < LEAST_LENGTH)
            continue;
        while (j < *n && (words[j].len != w.len || memcmp(words[j].text, w.text, w.len) != 0))
            j++;
        if (j < *n)
            words[j].chance++;
        else
            words[(*n)++] = w;
    }
    if (!st && *n)
        st = count_words(m, words, *n, counts, err);
    for (size_t i = 0; !st && i < *n; i++)
        words[i].chance *= idf(m, counts[i]);
    return st;
}

static int by_position(const void *a, const void *b)
{
    const known_word *x = a, *y = b;

    return (x->position > y->position) - (x->position < y->position);
}

/* Move `want` words drawn without putting back to the front, in the order of the passage; false where there
 * are not so many. */
static bool draw_words(making *m, known_word *words, size_t n, size_t want)
{
    for (size_t k = 0; k < want; k++) {
        double sum = 0, at;
        size_t i = k;
        known_word drawn;
        for (size_t j = k; j < n; j++)
            sum += words[j].chance;
        if (!(sum > 0))
            return false;
        at = next_share(&m->seed) * sum;
        while (i + 1 < n && (at -= words[i].chance) >= 0)
            i++;
        while (!(words[i].chance > 0)) /* rounding may end on a word without a chance */
            i = i > k ? i - 1 : n - 1;
        drawn = words[i];
        words[i] = words[k];
        words[k] = drawn;
    }
    qsort(words, want, sizeof *words, by_position);
    return true;
}

/* ---- writing ---- */

static cairn_status write_query(making *m, const store_doc *doc, const known_word *words, size_t n,
                                cairn_error *err)
{
    char id[32];
    bytes text;
    json_t *line = NULL;
    cairn_status st = CAIRN_OK;

    bytes_init(&text, MAKE_BYTES);
    for (size_t i = 0; !st && i < n; i++) {
        st = i ? bytes_append_str(&text, " ") : CAIRN_OK;
        if (!st)
            st = bytes_append(&text, words[i].text, words[i].len);
    }
    snprintf(id, sizeof id, "q%zu", m->made + 1);
    if (!st)
        line = json_pack("{s:s,s:s%,s:s,s:s}", "_id", id, "text", (const char *)text.data, text.len, "lang",
                         doc->lang, "type", doc->mime);
    bytes_clear(&text);
    if (st || !line)
        return st ? cairn_fail(err, st, "test set") : CAIRN_OK; /* no valid UTF-8: another document's turn */
    m->made++;
    if (json_dumpf(line, m->queries, JSON_COMPACT | JSON_ENSURE_ASCII) || fputc('\n', m->queries) == EOF ||
        fprintf(m->qrels, "%s\t%s\t1\n", id, doc->uri) < 0)
        st = cairn_fail_errno(err, errno, "write the test set");
    json_decref(line);
    return st;
}

static cairn_status make_query(making *m, doc_id id, cairn_error *err)
{
    known_word words[PASSAGE_WORDS];
    store_doc doc;
    store_chunk chunk;
    chunk_id *chunks;
    arena memory;
    size_t n_chunks = 0, n = 0, want;
    cairn_status st;

    arena_init(&memory, MAKE_BYTES);
    st = store_doc_get(m->v.snapshot, id, &doc, &memory, err);
    if (!st)
        st = store_doc_chunks(m->v.snapshot, id, &chunks, &n_chunks, &memory, err);
    if (!st && n_chunks && !strpbrk(doc.uri, "\t\n\r")) {
        st = store_chunk_get(m->v.snapshot, chunks[next_random(&m->seed) % n_chunks], &chunk, &memory, err);
        if (!st)
            st = weigh_words(m, doc.lang, &chunk, words, &n, err);
        want = LEAST_WORDS + next_random(&m->seed) % (MOST_WORDS - LEAST_WORDS + 1);
        if (!st && draw_words(m, words, n, want))
            st = write_query(m, &doc, words, want, err);
    }
    arena_clear(&memory);
    return st;
}

static cairn_status open_files(making *m, const char *folder, cairn_error *err)
{
    char path[4096];

    if (mkdir(folder, 0700) && errno != EEXIST)
        return cairn_fail_errno(err, errno, "make %s", folder);
    if ((size_t)snprintf(path, sizeof path, "%s/queries.jsonl", folder) >= sizeof path)
        return cairn_fail(err, CAIRN_EUSAGE, "%s: the name is too long", folder);
    if (!(m->queries = fopen(path, "we")))
        return cairn_fail_errno(err, errno, "write %s", path);
    snprintf(path, sizeof path, "%s/qrels.tsv", folder);
    if (!(m->qrels = fopen(path, "we")))
        return cairn_fail_errno(err, errno, "write %s", path);
    fputs("query-id\tcorpus-id\tscore\n", m->qrels);
    return CAIRN_OK;
}

cairn_status cairn_eval_make(cairn *c, const char *folder, size_t queries, uint64_t seed, size_t *n_made,
                             cairn_error *err)
{
    size_t want = queries ? queries : QUERIES, n = 0;
    doc_id *ids = checked_malloc(want, sizeof *ids);
    making m = {.c = c, .seed = seed};
    cairn_status st = ids ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "%zu documents", want);

    *n_made = 0;
    if (!st)
        st = view_open(c, &m.v, err);
    if (!st)
        st = engine_analyzer(c, &m.an, err);
    if (!st && m.v.index)
        m.rows = (double)m.v.index->remote->rows(m.v.index->ctx);
    for (size_t i = 0; i < m.v.n_lexical; i++)
        m.rows += lexical_reader_rows(m.v.lexical[i].reader);
    if (!st)
        st = draw_documents(&m, want, ids, &n, err);
    if (!st && !n)
        st = cairn_fail(err, CAIRN_ENOTFOUND, "there are no documents to make questions from");
    if (!st)
        st = open_files(&m, folder, err);
    for (size_t i = 0; !st && i < n; i++)
        st = make_query(&m, ids[i], err);
    if (m.queries && fclose(m.queries) && !st)
        st = cairn_fail_errno(err, errno, "write the test set");
    if (m.qrels && fclose(m.qrels) && !st)
        st = cairn_fail_errno(err, errno, "write the test set");
    *n_made = m.made;
    view_close(&m.v);
    free(ids);
    return st;
}
