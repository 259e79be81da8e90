/* test_search.c - a small corpus in memory, three lexical and two vector segments, searched in
 * every mode, with filters, phrases, exclusions and parts that are missing. */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/search.h"
#include "tests/index/vector/memory_sections.h"

#define DIM 64
#define N_LEXICAL 3
#define N_VECTOR 2

static const struct passage {
    doc_id doc;
    const char *uri, *ext, *title, *text;
} corpus_text[] = {
    {1, "/a/lease.txt", "txt", "Lease", "the lease of the flat ends in march"},
    {1, "/a/lease.txt", "txt", "Lease", "the rent is due on the third day of the month"},
    {2, "/a/heating.md", "md", "Heating", "the boiler heats the flat and the radiators are bled"},
    {3, "/b/garden.md", "md", "Garden", "roses are cut in march and the lawn is sown in april"},
    {3, "/b/garden.md", "md", "Garden", "the boiler of the greenhouse is old"},
    {4, "/b/trip.txt", "txt", "Trip", "train to bonn in march then a boat on the rhine"},
    {5, "/b/draft.txt", "txt", "Draft", "a draft of the lease of the flat in bonn"},
    {6, "/c/soup.md", "md", "Soup", "carrots onions and a bay leaf boiled for an hour"},
};
#define N_CHUNKS (sizeof corpus_text / sizeof *corpus_text)

typedef struct part {
    memory_sections mem;
    section_source src;
    chunk_id chunks[N_CHUNKS];
    doc_id docs[N_CHUNKS];
    uint32_t n;
    filter_reader *filter;
    lexical_reader *lexical;
    vector_reader *vector;
    uint64_t deleted[1];
} part;

static part lex[N_LEXICAL], vec[N_VECTOR];
static retrieve_lexical_segment lexical_segments[N_LEXICAL];
static retrieve_vector_segment vector_segments[N_VECTOR];
static retrieve_corpus corpus;
static analyzer *an;
static bool embedder_fails;
static const retrieve_params *params; /* NULL: the defaults */

static chunk_id part_chunk(const void *ctx, uint32_t row)
{
    return ((const part *)ctx)->chunks[row];
}

static doc_id part_doc(const void *ctx, uint32_t row)
{
    return ((const part *)ctx)->docs[row];
}

static bool part_row(const void *ctx, chunk_id chunk, uint32_t *row)
{
    const part *p = ctx;

    for (*row = 0; *row < p->n; ++*row)
        if (p->chunks[*row] == chunk)
            return true;
    return false;
}

/* Words hashed to directions, with weak neighbours: enough for nearness to follow shared words. */
static void embed_text(const char *text, size_t len, float *out)
{
    memset(out, 0, DIM * sizeof *out);
    for (size_t i = 0; i < len;) {
        uint64_t h = 1469598103934665603u;
        size_t start = i;
        for (; i < len && isalnum((unsigned char)text[i]); i++)
            h = (h ^ (uint64_t)tolower((unsigned char)text[i])) * 1099511628211u;
        if (i - start > 3)
            out[(h >> 20) % DIM] += 1;
        i += i == start || i < len;
    }
    out[0] += 0.01f;
}

static cairn_status embed(void *ctx, const char *text, size_t len, float *out, cairn_error *err)
{
    (void)ctx;
    if (embedder_fails)
        return cairn_fail(err, CAIRN_EMODEL, "the model is on holiday");
    embed_text(text, len, out);
    return CAIRN_OK;
}

static void add_row(part *p, size_t i)
{
    p->chunks[p->n] = 100 + i;
    p->docs[p->n++] = corpus_text[i].doc;
}

static void finish_part(part *p, bool vectors)
{
    section_sink sink = memory_sink(&p->mem);
    cairn_error err = {0};
    filter_writer *fw;
    lexical_writer *lw = NULL;
    vector_writer *vw = NULL;

    assert_int_equal(filter_writer_create(&fw, &err), 0);
    if (vectors)
        assert_int_equal(vector_writer_create(&vw, DIM, VECTOR_COSINE, NULL, &err), 0);
    else
        assert_int_equal(lexical_writer_create(&lw, NULL, &err), 0);
    for (uint32_t r = 0; r < p->n; r++) {
        const struct passage *t = &corpus_text[p->chunks[r] - 100];
        filter_row row = {.uri = t->uri, .ext = t->ext, .title = t->title};
        assert_int_equal(filter_writer_add(fw, &row, &err), 0);
        if (vectors) {
            float v[DIM];
            embed_text(t->text, strlen(t->text), v);
            assert_int_equal(vector_writer_add(vw, v, &err), 0);
        } else {
            lexical_doc d = {.lang = "en"};
            d.field[LEXICAL_TITLE].text = t->title;
            d.field[LEXICAL_TITLE].len = strlen(t->title);
            d.field[LEXICAL_BODY].text = t->text;
            d.field[LEXICAL_BODY].len = strlen(t->text);
            assert_int_equal(lexical_writer_add(lw, &d, NULL, &err), 0);
        }
    }
    assert_int_equal(filter_writer_finish(fw, &sink, &err), 0);
    filter_writer_destroy(fw);
    p->src = memory_source(&p->mem);
    if (vectors) {
        assert_int_equal(vector_writer_finish(vw, &sink, NULL, &err), 0);
        vector_writer_destroy(vw);
        assert_int_equal(vector_reader_open(&p->vector, &p->src, &err), 0);
    } else {
        assert_int_equal(lexical_writer_finish(lw, &sink, &err), 0);
        lexical_writer_destroy(lw);
        assert_int_equal(lexical_reader_open(&p->lexical, &p->src, &err), 0);
    }
    assert_int_equal(filter_reader_open(&p->filter, &p->src, &err), 0);
}

static int set_up(void **state)
{
    cairn_error err = {0};

    (void)state;
    assert_int_equal(analyzer_create(&an, &err), 0);
    for (size_t i = 0; i < N_CHUNKS; i++) {
        add_row(&lex[i % N_LEXICAL], i);
        add_row(&vec[i < 3 ? 0 : 1], N_CHUNKS - 1 - i);
    }
    for (int i = 0; i < N_LEXICAL; i++) {
        finish_part(&lex[i], false);
        lexical_segments[i] = (retrieve_lexical_segment){
            lex[i].lexical, lex[i].filter, lex[i].deleted, {&lex[i], part_chunk, part_doc, part_row}};
    }
    for (int i = 0; i < N_VECTOR; i++) {
        finish_part(&vec[i], true);
        vector_segments[i] = (retrieve_vector_segment){
            vec[i].vector, vec[i].filter, vec[i].deleted, {&vec[i], part_chunk, part_doc, part_row}};
    }
    corpus = (retrieve_corpus){.lexical = lexical_segments,
                               .n_lexical = N_LEXICAL,
                               .vector = vector_segments,
                               .n_vector = N_VECTOR,
                               .dim = DIM,
                               .embed = embed};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < N_LEXICAL; i++) {
        lexical_reader_close(lex[i].lexical);
        filter_reader_close(lex[i].filter);
        memory_clear(&lex[i].mem);
    }
    for (int i = 0; i < N_VECTOR; i++) {
        vector_reader_close(vec[i].vector);
        filter_reader_close(vec[i].filter);
        memory_clear(&vec[i].mem);
    }
    analyzer_destroy(an);
    return 0;
}

/* The chunks found as digits, "320" for chunks 103, 102, 100; sorted when `set`. */
static retrieve_result found;
static arena memory;
static pool *workers;

static const char *search(const char *typed, const char *filter, retrieve_mode mode, bool set)
{
    static char out[N_CHUNKS + 1];
    retrieve_query q;
    cairn_error err = {0};
    size_t n = 0;

    arena_clear(&memory);
    arena_init(&memory, 16 << 20);
    assert_int_equal(retrieve_query_parse(&q, typed, filter, &memory, &err), 0);
    if (retrieve_search(&corpus, &q, mode, N_CHUNKS, "en", params, an, workers, &memory, &found, &err))
        fail_msg("%s: %s", typed, err.text);
    for (size_t i = 0; i < found.n_hits; i++) {
        const retrieve_hit *h = &found.hits[i];
        assert_int_equal(h->doc, corpus_text[h->chunk - 100].doc);
        assert_true(i == 0 || found.hits[i - 1].score >= h->score);
        out[n++] = (char)('0' + h->chunk - 100);
    }
    out[n] = '\0';
    for (size_t i = 0; set && i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (out[j] < out[i]) {
                char t = out[i];
                out[i] = out[j];
                out[j] = t;
            }
    return out;
}

static void each_mode_answers(void **state)
{
    const char *order;

    (void)state;
    assert_string_equal(search("boiler", NULL, RETRIEVE_LEXICAL, true), "24");
    assert_int_equal(found.mode, RETRIEVE_LEXICAL);
    assert_int_equal(found.n_lexical, 2);
    assert_int_equal(found.n_vector, 0);
    assert_int_equal(found.hits[0].lexical_rank, 1);
    assert_true(found.hits[0].score == found.hits[0].lexical_score);

    order = search("lease flat", NULL, RETRIEVE_VECTOR, false);
    assert_int_equal(found.mode, RETRIEVE_VECTOR);
    assert_int_equal(found.n_hits, N_CHUNKS); /* every row has some distance */
    assert_true(order[0] == '0' || order[0] == '6');
    assert_true(found.hits[0].score == found.hits[0].vector_score);

    order = search("lease flat", NULL, RETRIEVE_HYBRID, false);
    assert_int_equal(found.mode, RETRIEVE_HYBRID);
    assert_true((order[0] == '0' && order[1] == '6') || (order[0] == '6' && order[1] == '0'));
    assert_true(found.hits[0].lexical_rank && found.hits[0].vector_rank);
    assert_null(found.note);
    assert_true(found.total_ns > 0);
}

static void filters_bind_both_lists(void **state)
{
    (void)state;
    assert_string_equal(search("march ext:txt", NULL, RETRIEVE_HYBRID, true), "0156");
    assert_string_equal(search("march", "ext:txt", RETRIEVE_HYBRID, true), "0156");
    assert_int_equal(found.n_allowed, 4);
    assert_int_equal(found.n_rows, N_CHUNKS);
    assert_string_equal(search("march", "dir:/b -ext:txt", RETRIEVE_VECTOR, true), "34");
    assert_string_equal(search("march ext:pdf", NULL, RETRIEVE_HYBRID, true), "");
    /* No words: the first chunk of each document, in the order of indexing; chunks 3 and 4 are of
     * one document, in two segments. */
    assert_string_equal(search("ext:md", NULL, RETRIEVE_HYBRID, true), "237");
    assert_string_equal(search("title:garden", NULL, RETRIEVE_LEXICAL, true), "34");
}

/* What a model cannot read is in no list of its vectors; words find it. */
static void what_is_not_readable_has_no_vector(void **state)
{
    const filter_value values[] = {{.text = "md"}};
    const filter_predicate not = {FILTER_EXT, FILTER_EQ, true, values, 1};

    (void)state;
    corpus.readable = (filter_expr){&not, 1};
    assert_string_equal(search("march", NULL, RETRIEVE_VECTOR, true), "0156");
    assert_string_equal(search("march", "dir:/b", RETRIEVE_VECTOR, true), "56");
    assert_string_equal(search("march", NULL, RETRIEVE_HYBRID, true), "01356");
    for (size_t i = 0; i < found.n_hits; i++)
        assert_int_equal(found.hits[i].vector_rank != 0, strchr("0156", (int)('0' + found.hits[i].chunk - 100)) != NULL);
    assert_int_equal(found.n_allowed, N_CHUNKS);
    corpus.readable = (filter_expr){0};
}

static void phrases_and_exclusions_bind_both_lists(void **state)
{
    (void)state;
    assert_string_equal(search("\"lease of the flat\"", NULL, RETRIEVE_HYBRID, true), "06");
    assert_string_equal(search("\"flat of the lease\"", NULL, RETRIEVE_HYBRID, true), "");
    assert_string_equal(search("\"lease of the flat\"", NULL, RETRIEVE_VECTOR, true), "06");
    assert_string_equal(search("lease -bonn", NULL, RETRIEVE_HYBRID, true), "012347");
    assert_string_equal(search("lease -\"in bonn\"", NULL, RETRIEVE_VECTOR, true), "0123457");
    assert_string_equal(search("-bonn", NULL, RETRIEVE_HYBRID, true), "0237"); /* documents without it */
    assert_non_null(strstr(found.note, "without what is excluded"));
    assert_string_equal(search("", NULL, RETRIEVE_HYBRID, true), "");
}

/* Emoji and signs say nothing; filters and patterns go on without words. */
static void signs_alone_find_nothing(void **state)
{
    static const char *const signs[] = {"\xF0\x9F\x90\x98", "\"\xF0\x9F\x90\x98\"", "\xE2\x82\xAC", "?!", "\xE2\x80\x94 \xE2\x80\xA6",
                                        "\xF0\x9F\x90\x98 OR \xF0\x9F\x90\xAA"};
    static const retrieve_mode modes[] = {RETRIEVE_LEXICAL, RETRIEVE_VECTOR, RETRIEVE_HYBRID};

    (void)state;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
            assert_string_equal(search(signs[i], NULL, modes[m], true), "");
            assert_non_null(found.note);
            assert_non_null(strstr(found.note, "nothing to search for"));
        }
    assert_string_equal(search("ext:md", NULL, RETRIEVE_HYBRID, true), "237");
    assert_null(found.note);
    search("\xF0\x9F\x90\x98 boiler", NULL, RETRIEVE_HYBRID, true);
    assert_int_equal(found.mode, RETRIEVE_HYBRID);
    assert_true(found.n_hits > 2); /* by vectors, too */
    assert_null(found.note);
    search("\xE6\xBC\xA2", NULL, RETRIEVE_VECTOR, true); /* a letter of another script */
    assert_int_equal(found.mode, RETRIEVE_VECTOR);
}

static void deleted_rows_are_never_found(void **state)
{
    uint32_t row;

    (void)state;
    for (int i = 0; i < N_LEXICAL; i++)
        if (part_row(&lex[i], 106, &row))
            lex[i].deleted[0] |= (uint64_t)1 << row;
    for (int i = 0; i < N_VECTOR; i++)
        if (part_row(&vec[i], 106, &row))
            vec[i].deleted[0] |= (uint64_t)1 << row;
    assert_string_equal(search("lease flat", NULL, RETRIEVE_HYBRID, true), "0123457");
    assert_string_equal(search("\"lease of the flat\"", NULL, RETRIEVE_VECTOR, true), "0");
    assert_string_equal(search("title:draft", NULL, RETRIEVE_HYBRID, true), "");
    for (int i = 0; i < N_LEXICAL; i++)
        lex[i].deleted[0] = 0;
    for (int i = 0; i < N_VECTOR; i++)
        vec[i].deleted[0] = 0;
}

static bool second_fails;

static cairn_status embed_second(void *ctx, const char *text, size_t len, float *out, cairn_error *err)
{
    (void)ctx;
    if (second_fails)
        return cairn_fail(err, CAIRN_EMODEL, "the second is ill");
    embed_text(text, len, out);
    return CAIRN_OK;
}

static void count_call(void *ctx)
{
    ++*(int *)ctx;
}

/* The two embedders and the three lists one after the other, or side by side. */
static void join_a_third_list(bool together)
{
    retrieve_params p;
    char plain[N_CHUNKS + 1];
    float without[N_CHUNKS];
    int beside = 0;

    corpus.embed_together = together;
    corpus.beside = count_call;
    corpus.beside_ctx = &beside;
    strcpy(plain, search("lease flat", NULL, RETRIEVE_HYBRID, false));
    for (size_t i = 0; i < found.n_hits; i++)
        without[i] = found.hits[i].score;
    /* The same vectors as a second model's: what it is given of the vectors' weight changes nothing. */
    corpus.second = vector_segments;
    corpus.n_second = N_VECTOR;
    corpus.second_dim = DIM;
    corpus.embed_second = embed_second;
    retrieve_params_default(&p);
    p.fusion.weight[1] = 0.4;
    p.fusion.weight[2] = 0.2;
    params = &p;
    assert_int_equal(beside, 0); /* there was one embedder */
    assert_string_equal(search("lease flat", NULL, RETRIEVE_HYBRID, false), plain);
    assert_int_equal(beside, together && workers);
    assert_int_equal(found.n_second, N_CHUNKS);
    assert_null(found.note);
    for (size_t i = 0; i < found.n_hits; i++) {
        assert_true(fabsf(found.hits[i].score - without[i]) < 1e-6f);
        assert_int_equal(found.hits[i].second_rank, found.hits[i].vector_rank);
        assert_true(found.hits[i].second_score == found.hits[i].vector_score);
    }
    /* Passages that one of the two cannot read are scored by the other for both: the same vectors, the same scores. */
    const filter_value heating = {.text = "Heating"};
    const filter_predicate no_heating = {FILTER_TITLE, FILTER_EQ, true, &heating, 1};
    for (int second = 0; second < 2; second++) {
        *(second ? &corpus.second_readable : &corpus.readable) = (filter_expr){&no_heating, 1};
        assert_string_equal(search("lease flat", NULL, RETRIEVE_HYBRID, false), plain);
        assert_int_equal(second ? found.n_second : found.n_vector, N_CHUNKS - 1);
        for (size_t i = 0; i < found.n_hits; i++) {
            assert_true(fabsf(found.hits[i].score - without[i]) < 1e-5f); /* ranks count below FUSE_TAIL */
            assert_int_equal(found.hits[i].sole, found.hits[i].doc == 2);
        }
        p.feedback = 0.2; /* scores them again, and still knows which they are */
        search("lease flat", NULL, RETRIEVE_HYBRID, false);
        for (size_t i = 0; i < found.n_hits; i++)
            assert_int_equal(found.hits[i].sole, found.hits[i].doc == 2);
        p.feedback = 0;
        corpus.readable = corpus.second_readable = (filter_expr){0};
    }
    /* It is bound as they are. */
    assert_string_equal(search("march ext:txt", NULL, RETRIEVE_HYBRID, true), "0156");
    assert_string_equal(search("\"lease of the flat\"", NULL, RETRIEVE_HYBRID, true), "06");
    assert_int_equal(found.n_second, 2);
    /* Where it fails, has no weight or was not asked for, the two answer as before. */
    second_fails = true;
    assert_string_equal(search("lease flat", NULL, RETRIEVE_HYBRID, false), plain);
    assert_non_null(strstr(found.note, "without the second embedder: the second is ill"));
    assert_int_equal(found.mode, RETRIEVE_HYBRID);
    for (size_t i = 0; i < found.n_hits; i++)
        assert_true(fabsf(found.hits[i].score - without[i]) < 1e-6f && !found.hits[i].second_rank);
    p.fusion.weight[1] = 0.6;
    p.fusion.weight[2] = 0;
    assert_string_equal(search("lease flat", NULL, RETRIEVE_HYBRID, false), plain);
    assert_null(found.note);
    second_fails = false;
    /* Where the first one fails, the second has its weight. */
    p.fusion.weight[2] = 0.6;
    embedder_fails = true;
    search("lease flat", NULL, RETRIEVE_HYBRID, false);
    assert_int_equal(found.mode, RETRIEVE_HYBRID);
    assert_string_equal(found.note, "searched without the first embedder: the model is on holiday");
    assert_int_equal(found.n_vector, 0);
    assert_int_equal(found.n_second, N_CHUNKS);
    assert_true(found.hits[0].lexical_rank && found.hits[0].second_rank && !found.hits[0].vector_rank);
    second_fails = true;
    search("lease flat", NULL, RETRIEVE_HYBRID, false);
    assert_int_equal(found.mode, RETRIEVE_LEXICAL);
    second_fails = embedder_fails = false;
    search("lease flat", NULL, RETRIEVE_VECTOR, false);
    assert_int_equal(found.n_second, 0);
    search("lease flat", NULL, RETRIEVE_LEXICAL, false);
    assert_int_equal(found.n_second, 0);
    /* A list of its own order decides where it has all the weight. */
    corpus.n_second = 1; /* chunks 105 to 107 */
    p.fusion.weight[0] = p.fusion.weight[1] = 0;
    p.fusion.weight[2] = 1;
    assert_true(search("lease flat", NULL, RETRIEVE_HYBRID, false)[0] == '6');
    assert_int_equal(found.n_second, 3);
    corpus.n_second = 0;
    corpus.embed_second = NULL;
    params = NULL;
    corpus.embed_together = false;
    corpus.beside = NULL;
}

static void a_third_list_joins_the_two(void **state)
{
    cairn_error err = {0};

    (void)state;
    join_a_third_list(false);
    join_a_third_list(true); /* without threads: as before */
    assert_int_equal(pool_create(&workers, 2, &err), CAIRN_OK);
    join_a_third_list(false);
    join_a_third_list(true);
    pool_destroy(workers);
    workers = NULL;

}

static void unit(const char *text, double out[DIM])
{
    float v[DIM];
    double length = 0;

    embed_text(text, strlen(text), v);
    for (size_t d = 0; d < DIM; d++)
        length += (double)v[d] * (double)v[d];
    for (size_t d = 0; d < DIM; d++)
        out[d] = (double)v[d] / sqrt(length);
}

/* The chunks by a direction between the question's and that of the mean of the first five hits of the last search, each weighed
 * by its share of the best score: the plain twin. */
static const char *turned_order(const char *question, double share)
{
    static char order[N_CHUNKS + 1];
    double mean[DIM] = {0}, q[DIM], x[DIM], score[N_CHUNKS] = {0}, length = 0;

    for (size_t i = 0; i < 5; i++) {
        unit(corpus_text[found.hits[i].chunk - 100].text, x);
        for (size_t d = 0; d < DIM; d++)
            mean[d] += exp(10 * ((double)found.hits[i].score / (double)found.hits[0].score - 1)) * x[d];
    }
    for (size_t d = 0; d < DIM; d++)
        length += mean[d] * mean[d];
    unit(question, q);
    for (size_t i = 0; i < N_CHUNKS; i++) {
        unit(corpus_text[i].text, x);
        for (size_t d = 0; d < DIM; d++)
            score[i] += ((1 - share) * q[d] + share * mean[d] / sqrt(length)) * x[d];
    }
    for (size_t n = 0; n < N_CHUNKS; n++) {
        size_t best = 0;
        for (size_t i = 1; i < N_CHUNKS; i++)
            best = score[i] > score[best] ? i : best;
        order[n] = (char)('0' + best);
        score[best] = -INFINITY;
    }
    order[N_CHUNKS] = '\0';
    return order;
}

static void what_was_found_first_turns_the_question(void **state)
{
    static const char *const questions[] = {"lease", "boiler flat", "roses and the boat"};
    retrieve_params p;
    char plain[N_CHUNKS + 1], expected[N_CHUNKS + 1];
    float cosine[N_CHUNKS];
    uint32_t rank[N_CHUNKS];
    size_t moved = 0;

    (void)state;
    for (size_t t = 0; t < sizeof questions / sizeof *questions; t++) {
        retrieve_params_default(&p);
        p.fusion.weight[0] = 0; /* so that the order is that of the vectors */
        params = &p;
        strcpy(plain, search(questions[t], NULL, RETRIEVE_HYBRID, false));
        assert_int_equal(found.n_hits, N_CHUNKS);
        for (size_t i = 0; i < N_CHUNKS; i++) {
            cosine[found.hits[i].chunk - 100] = found.hits[i].vector_score;
            rank[found.hits[i].chunk - 100] = found.hits[i].vector_rank;
        }
        strcpy(expected, turned_order(questions[t], 0.5));
        moved += strcmp(expected, plain) != 0;
        p.feedback = 0.5;
        assert_string_equal(search(questions[t], NULL, RETRIEVE_HYBRID, false), expected);
        for (size_t i = 0; i < N_CHUNKS; i++) { /* what a hit is reported with stays the question's own */
            const retrieve_hit *h = &found.hits[i];
            assert_true(h->vector_score == cosine[h->chunk - 100]);
            assert_int_equal(h->vector_rank, rank[h->chunk - 100]);
            assert_int_equal(h->doc, corpus_text[h->chunk - 100].doc);
        }
        assert_string_equal(search(questions[t], NULL, RETRIEVE_VECTOR, false), plain); /* a list alone is left alone */
    }
    assert_true(moved);
    /* A question of whose words no passage has any is still answered. */
    assert_int_equal(strlen(search("zeppelin", NULL, RETRIEVE_HYBRID, false)), N_CHUNKS);
    params = NULL;
}

static void missing_parts_are_said(void **state)
{
    (void)state;
    embedder_fails = true;
    assert_string_equal(search("boiler", NULL, RETRIEVE_HYBRID, true), "24");
    assert_int_equal(found.mode, RETRIEVE_LEXICAL);
    assert_non_null(strstr(found.note, "on holiday"));
    assert_string_equal(search("boiler", NULL, RETRIEVE_VECTOR, true), "24");
    embedder_fails = false;
    corpus.n_vector = 0;
    assert_string_equal(search("boiler", NULL, RETRIEVE_HYBRID, true), "24");
    assert_non_null(found.note);
    corpus.n_vector = N_VECTOR;
    lexical_segments[0].filter = NULL; /* a filter matches nothing there */
    search("march ext:txt", NULL, RETRIEVE_LEXICAL, true);
    for (size_t i = 0; i < found.n_hits; i++)
        assert_true((found.hits[i].chunk - 100) % N_LEXICAL != 0);
    lexical_segments[0].filter = lex[0].filter;
    corpus.n_lexical = 0;
    corpus.n_vector = 0;
    assert_string_equal(search("boiler", NULL, RETRIEVE_HYBRID, true), "");
    corpus.n_lexical = N_LEXICAL;
    corpus.n_vector = N_VECTOR;
    arena_clear(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mode_answers),
        cmocka_unit_test(filters_bind_both_lists),
        cmocka_unit_test(what_is_not_readable_has_no_vector),
        cmocka_unit_test(phrases_and_exclusions_bind_both_lists),
        cmocka_unit_test(signs_alone_find_nothing),
        cmocka_unit_test(deleted_rows_are_never_found),
        cmocka_unit_test(a_third_list_joins_the_two),
        cmocka_unit_test(what_was_found_first_turns_the_question),
        cmocka_unit_test(missing_parts_are_said),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
