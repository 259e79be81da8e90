/* rescore.c - the best passages once more, by Cairn's own code: BM25F with lengths as they are, and
 * the bonus for words that stand close together, which OpenSearch does not know.
 *
 * The request for the list brings the first passages themselves and how many rows hold each word of
 * the question. They are made a lexical index in memory, and the same search that walks our own
 * segments goes over it, with the collection's frequencies and average lengths instead of its own.
 * Passages behind these keep the cluster's order, below them. */
#include "opensearch/rescore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTIONS_MAX  32
#define SECTION_BYTES ((size_t)256 << 20)
#define WRITER_BYTES  ((size_t)4 << 20)

/* ---- an index in memory ---- */

typedef struct memory_sections {
    struct {
        char name[SECTION_NAME_MAX + 1];
        bytes data;
        uint8_t *aligned;
    } at[SECTIONS_MAX];
    size_t n;
} memory_sections;

static cairn_status begin_section(void *ctx, const char *name, cairn_error *err)
{
    memory_sections *m = ctx;

    if (m->n == SECTIONS_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "too many sections");
    snprintf(m->at[m->n].name, sizeof m->at[m->n].name, "%s", name);
    bytes_init(&m->at[m->n].data, SECTION_BYTES);
    m->n++;
    return CAIRN_OK;
}

static cairn_status write_section(void *ctx, const void *data, size_t n, cairn_error *err)
{
    memory_sections *m = ctx;

    return bytes_append(&m->at[m->n - 1].data, data, n)
               ? cairn_fail(err, CAIRN_ENOMEM, "an index in memory")
               : CAIRN_OK;
}

/* Sections begin at multiples of 64, as those of a file do. */
static cairn_status end_section(void *ctx, cairn_error *err)
{
    memory_sections *m = ctx;
    size_t len = m->at[m->n - 1].data.len;
    uint8_t *p = aligned_alloc(64, (len + 64) / 64 * 64);

    if (!p)
        return cairn_fail(err, CAIRN_ENOMEM, "an index in memory");
    if (len)
        memcpy(p, m->at[m->n - 1].data.data, len);
    m->at[m->n - 1].aligned = p;
    return CAIRN_OK;
}

static bool find_section(void *ctx, const char *name, const uint8_t **data, size_t *len)
{
    memory_sections *m = ctx;

    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->at[i].name, name) && m->at[i].aligned) {
            *data = m->at[i].aligned;
            *len = m->at[i].data.len;
            return true;
        }
    return false;
}

static void sections_clear(memory_sections *m)
{
    for (size_t i = 0; i < m->n; i++) {
        bytes_clear(&m->at[i].data);
        free(m->at[i].aligned);
    }
}

/* ---- passages as rows ---- */

static void take_field(lexical_doc *doc, lexical_field f, const json_t *source, const char *key)
{
    const json_t *text = json_object_get(source, key);

    doc->field[f].text = json_string_value(text);
    doc->field[f].len = json_string_length(text);
}

static cairn_status add_passage(lexical_writer *w, const json_t *source, cairn_error *err)
{
    const char *lang = json_string_value(json_object_get(source, "lang"));
    lexical_doc doc = {.lang = lang ? lang : ""};

    take_field(&doc, LEXICAL_TITLE, source, "title");
    take_field(&doc, LEXICAL_PATH, source, "path_words");
    take_field(&doc, LEXICAL_HEADINGS, source, "heading");
    take_field(&doc, LEXICAL_BODY, source, "text");
    return lexical_writer_add(w, &doc, NULL, err);
}

/* ---- statistics ---- */

typedef struct known_counts {
    const json_t *index; /* term: its place in rows */
    const uint64_t *rows;
} known_counts;

static cairn_status rows_of(void *ctx, const char *term, size_t len, uint64_t *rows,
                            cairn_error *err)
{
    const known_counts *k = ctx;
    char text[ANALYZER_TERM_MAX + 1];
    const json_t *at;

    (void)err;
    *rows = 0;
    if (len > ANALYZER_TERM_MAX)
        return CAIRN_OK;
    memcpy(text, term, len);
    text[len] = '\0';
    at = json_object_get(k->index, text);
    if (at)
        *rows = k->rows[json_integer_value(at)];
    return CAIRN_OK;
}

static void fill_statistics(const os_question *q, lexical_statistics *s)
{
    const os_state *state = &q->snap->state;

    s->rows = (double)state->counts.chunks;
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        s->total[f] = state->rows_ever
                          ? (double)state->words_ever[f] * s->rows / (double)state->rows_ever
                          : 0;
}

/* ---- the list ---- */

static int by_score(const void *a, const void *b)
{
    const fuse_item *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Passages that were scored anew go first, by what they score now; none behind them keeps more than
 * the last of them has. */
static void put_first(retrieve_list *list, const fuse_item *again, size_t n)
{
    size_t kept = 0, at;
    float least = n ? again[n - 1].score : 0;

    for (size_t i = list->n; i-- > 0;) {
        bool there = false;
        for (size_t k = 0; k < n && !there; k++)
            there = again[k].id == list->items[i].id;
        if (!there)
            list->items[list->n - 1 - kept++] = list->items[i];
    }
    at = list->n - kept;
    if (at != n) /* one of them is not in the list: leave it as it is */
        return;
    memcpy(list->items, again, n * sizeof *again);
    for (size_t i = n; i < list->n; i++)
        if (list->items[i].score > least)
            list->items[i].score = least;
}

static cairn_status score_again(const os_question *q, lexical_reader *reader, const json_t *index,
                                const uint64_t *rows, const chunk_id *ids, retrieve_list *list,
                                cairn_error *err)
{
    const retrieve_ask *ask = q->ask;
    known_counts known = {index, rows};
    lexical_statistics statistics = {.rows_of = rows_of, .ctx = &known};
    lexical_segment segment = {.reader = reader};
    lexical_query words = {q->clauses, q->n_clauses, ask->lang};
    lexical_params params = ask->params->lexical;
    uint32_t n_rows = lexical_reader_rows(reader);
    lexical_hit *hits = arena_calloc(ask->a, n_rows + 1, sizeof *hits);
    fuse_item *again = arena_calloc(ask->a, n_rows + 1, sizeof *again);
    size_t n = 0;
    cairn_status st;

    if (!hits || !again)
        return cairn_fail(err, CAIRN_ENOMEM, "search");
    fill_statistics(q, &statistics);
    params.statistics = &statistics;
    params.n_languages = opensearch_languages((const store_snapshot *)q->snap, &params.languages);
    params.is_known = os_is_known;
    params.is_known_ctx = (void *)q;
    params.compounds = false;
    st = lexical_search(ask->an, &segment, 1, &words, &params, n_rows, hits, &n, err);
    if (st ||
        n != n_rows) /* it sees fewer than the cluster does: a pattern, or a rule of its own */
        return st;
    for (size_t i = 0; i < n; i++)
        again[i] = (fuse_item){ids[hits[i].row], hits[i].score};
    qsort(again, n, sizeof *again, by_score);
    put_first(list, again, n);
    return CAIRN_OK;
}

cairn_status os_rescore(const os_question *q, const json_t *hits, const json_t *index,
                        const uint64_t *rows, retrieve_list *list, cairn_error *err)
{
    lexical_writer_options options = {.memory_budget = WRITER_BYTES};
    size_t n = json_array_size(hits);
    chunk_id *ids = arena_calloc(q->ask->a, n + 1, sizeof *ids);
    memory_sections sections = {0};
    section_sink sink = {&sections, begin_section, write_section, end_section};
    section_source source = {&sections, find_section};
    lexical_writer *w = NULL;
    lexical_reader *reader = NULL;
    cairn_status st =
        ids ? lexical_writer_create(&w, &options, err) : cairn_fail(err, CAIRN_ENOMEM, "search");

    for (size_t i = 0; !st && i < n; i++) {
        const json_t *passage = json_object_get(json_array_get(hits, i), "_source");
        ids[i] = (chunk_id)json_integer_value(json_object_get(passage, "chunk"));
        st = add_passage(w, passage, err);
    }
    if (!st)
        st = lexical_writer_finish(w, &sink, err);
    lexical_writer_destroy(w);
    if (!st)
        st = lexical_reader_open(&reader, &source, err);
    if (!st)
        st = score_again(q, reader, index, rows, ids, list, err);
    lexical_reader_close(reader);
    sections_clear(&sections);
    return st;
}
