/* test_rescore - passages that a cluster brings, scored again, beside the same search over all of them: an index of the
 * asked terms alone, made with the caller's analyzer, gives the scores that the whole one gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/lexical/outline.h"
#include "opensearch/passages.h"
#include "opensearch/rescore.h"
#include "opensearch/room.h"

#define PASSAGES 17

/* Passages of words that the question has, in other distances, among others. */
static json_t *make_hits(void)
{
    static const char *const words[] = {"red", "granite", "old", "stones", "walking", "rivers", "RequestParser", "of", "the", "quartz"};
    json_t *hits = json_array();
    char text[512];
    uint32_t x = 12345;

    for (int i = 0; i < PASSAGES; i++) {
        size_t n = 0;
        for (int k = 0; k < 8 + i; k++) {
            x = x * 1664525 + 1013904223;
            n += (size_t)snprintf(text + n, sizeof text - n, "%s ", words[(x >> 16) % 10]);
        }
        snprintf(text + n, sizeof text - n, "granite");
        json_array_append_new(hits, json_pack("{s:{s:i,s:s,s:s,s:s,s:s,s:s}}", "_source", "chunk", 1000 + i, "lang", i % 3 ? "en" : "", "title",
                                              i % 2 ? "Red stones" : "Notes", "path_words", "a b", "heading", "On walks", "text", text));
    }
    return hits;
}

typedef struct asked {
    analyzer *an;
    lexical_clause clauses[3];
    retrieve_query query;
    retrieve_params params;
    lexical_outline outline;
    struct os_store s;
    struct os_snapshot snap;
    retrieve_ask ask;
    os_question q;
    json_t *index; /* of the outline's terms */
    const char *terms[32];
    chunk_id ids[PASSAGES];
    bool again[PASSAGES];
    arena a;
} asked;

/* Every term of the outline, at a place of its own. */
static json_t *index_terms(const lexical_outline *o)
{
    json_t *index = json_object();

    for (size_t g = 0; g < o->n_groups; g++)
        for (size_t i = 0; i < o->groups[g].n_alts; i++)
            for (size_t r = 0; r < o->groups[g].alts[i].n_runs; r++)
                for (size_t t = 0; t < o->groups[g].alts[i].runs[r].n; t++)
                    if (!json_object_get(index, o->groups[g].alts[i].runs[r].terms[t]))
                        json_object_set_new(index, o->groups[g].alts[i].runs[r].terms[t], json_integer((json_int_t)json_object_size(index)));
    return index;
}

static void asked_init(asked *k, const lexical_clause *clauses, size_t n, const json_t *hits)
{
    cairn_error err = {0};
    const char *term;
    json_t *at;

    memset(k, 0, sizeof *k);
    arena_init(&k->a, 1 << 24);
    assert_int_equal(analyzer_create(&k->an, NULL), CAIRN_OK);
    retrieve_params_default(&k->params);
    k->params.lexical.proximity = 2;
    k->query = (retrieve_query){.clauses = (lexical_clause *)clauses, .n_clauses = n};
    k->snap.s = &k->s;
    k->snap.state = (os_state){.counts = {.chunks = PASSAGES}, .n_languages = 2};
    strcpy(k->snap.state.language[0].code, "en");
    k->snap.codes[0] = "en";
    k->snap.codes[1] = "";
    k->ask = (retrieve_ask){.query = &k->query, .params = &k->params, .an = k->an, .a = &k->a, .words = true};
    k->q = (os_question){.ask = &k->ask, .snap = &k->snap, .clauses = clauses, .n_clauses = n, .known = json_object(), .outline = &k->outline};
    lexical_params p = k->params.lexical;
    p.languages = k->snap.codes;
    p.n_languages = 2;
    if (lexical_outline_make(k->an, &(lexical_query){clauses, n, NULL}, &p, &k->a, &k->outline, &err))
        fail_msg("%s", err.text);
    k->index = index_terms(&k->outline);
    assert_true(json_object_size(k->index) <= 32);
    json_object_foreach(k->index, term, at) k->terms[json_integer_value(at)] = term;
    k->snap.fetched_chunks = json_object();
    for (size_t i = 0; i < PASSAGES; i++) {
        char id[24];
        k->ids[i] = 1000 + i;
        snprintf(id, sizeof id, "%zu", 1000 + i);
        json_object_set(k->snap.fetched_chunks, id, json_object_get(json_array_get(hits, i), "_source"));
    }
}

static void asked_clear(asked *k)
{
    os_at_hand_forget(&k->s);
    json_decref(k->snap.fetched_chunks);
    json_decref(k->q.known);
    json_decref(k->index);
    analyzer_destroy(k->an);
    arena_clear(&k->a);
}

/* The passages as the index in memory takes them. */
static size_t list_passages(const json_t *hits, os_passage *out)
{
    for (size_t i = 0; i < json_array_size(hits); i++)
        out[i] = (os_passage){.source = json_object_get(json_array_get(hits, i), "_source")};
    return json_array_size(hits);
}

/* Rows of each term, and words in each field, as the collection would tell them: by an index of all passages. */
static void count_all(asked *k, const json_t *hits, const lexical_reader *reader, uint64_t *rows)
{
    const char *term;
    json_t *at;

    k->snap.state.rows_ever = json_array_size(hits);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        k->snap.state.words_ever[f] = lexical_reader_total_length(reader, f);
    json_object_foreach(k->index, term, at)
    {
        os_passage list[PASSAGES];
        os_passages *held;
        lexical_reader *with;
        assert_int_equal(os_passages_open(list, list_passages(hits, list), &term, 1, NULL, &with, &held, NULL), CAIRN_OK);
        rows[json_integer_value(at)] = lexical_reader_postings(with);
        lexical_reader_close(with);
        os_passages_free(held);
    }
}

static void scores_are_those_of_the_whole(void **state)
{
    static const lexical_clause clauses[] = {
        {.occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = "red stone granite", .len = 17},
        {.occur = LEXICAL_SHOULD, .kind = LEXICAL_PHRASE, .text = "old stones", .len = 10},
        {.occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = "request", .len = 7, .boost = 0.5f},
    };
    json_t *hits = make_hits();
    uint64_t rows[32] = {0};
    lexical_hit want[PASSAGES];
    os_passage passages[PASSAGES];
    os_passages *held;
    lexical_reader *reader;
    retrieve_list list = {0};
    cairn_error err = {0};
    asked k;
    size_t n;

    (void)state;
    asked_init(&k, clauses, 3, hits);
    if (os_passages_open(passages, list_passages(hits, passages), NULL, 0, NULL, &reader, &held, &err))
        fail_msg("%s", err.text);
    count_all(&k, hits, reader, rows);
    lexical_params p = k.params.lexical;
    p.languages = k.snap.codes;
    p.n_languages = 2;
    assert_int_equal(lexical_search(k.an, &(lexical_segment){.reader = reader}, 1, &(lexical_query){clauses, 3, NULL}, &p, PASSAGES, want, &n, NULL),
                     CAIRN_OK);
    assert_int_equal(n, PASSAGES);
    list.items = arena_calloc(&k.a, PASSAGES, sizeof *list.items);
    /* Analysed; taken apart, as the store keeps what it met again; and from what is kept. */
    for (int round = 0; round < 3; round++) {
        if (round == 1)
            k.s.kept_chunks = k.snap.fetched_chunks;
        for (size_t i = 0; i < PASSAGES; i++) {
            list.items[i] = (fuse_item){1000 + (i * 5) % PASSAGES, (float)(PASSAGES - i)}; /* the cluster's order: any */
            k.again[i] = round == 1;
        }
        list.n = PASSAGES;
        if (os_rescore(&k.q, k.ids, k.again, PASSAGES, k.terms, rows, json_object_size(k.index), &list, &err))
            fail_msg("%s", err.text);
        assert_int_equal(list.n, PASSAGES);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(list.items[i].id, 1000 + want[i].row);
            assert_float_equal(list.items[i].score, want[i].score, 1e-5);
            assert_int_equal(os_at_hand_take(&k.snap, k.an, k.ids[i], NULL, false) != NULL, round > 0);
        }
    }
    lexical_reader_close(reader);
    os_passages_free(held);
    json_decref(hits);
    asked_clear(&k);
}

/* What lies behind the passages keeps its order, below them; where one of them is not in the list, nothing is changed. */
static void the_others_stay_below(void **state)
{
    static const lexical_clause clauses[] = {{.occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = "red granite", .len = 11}};
    json_t *hits = make_hits();
    uint64_t rows[32] = {5, 17, 3, 3, 3, 3, 3, 3};
    retrieve_list list = {0};
    fuse_item before[PASSAGES + 3];
    asked k;

    (void)state;
    asked_init(&k, clauses, 1, hits);
    k.snap.state.rows_ever = 100;
    k.snap.state.counts.chunks = 100;
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        k.snap.state.words_ever[f] = 1000;
    list.items = arena_calloc(&k.a, PASSAGES + 3, sizeof *list.items);
    for (size_t i = 0; i < PASSAGES + 3; i++)
        list.items[list.n++] = (fuse_item){1000 + i, (float)(200 - i)};
    assert_int_equal(os_rescore(&k.q, k.ids, k.again, PASSAGES, k.terms, rows, json_object_size(k.index), &list, NULL), CAIRN_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(list.items[PASSAGES + i].id, 1000 + PASSAGES + i);
        assert_true(list.items[PASSAGES + i].score <= list.items[PASSAGES - 1].score);
    }
    list.n = PASSAGES + 2;
    for (size_t i = 0; i < list.n; i++)
        list.items[i] = (fuse_item){1001 + i, (float)(200 - i)}; /* without the first */
    memcpy(before, list.items, list.n * sizeof *before);
    assert_int_equal(os_rescore(&k.q, k.ids, k.again, PASSAGES, k.terms, rows, json_object_size(k.index), &list, NULL), CAIRN_OK);
    for (size_t i = 0; i < list.n; i++)
        assert_int_equal(list.items[i].id, before[i].id);
    json_decref(hits);
    asked_clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_the_whole),
        cmocka_unit_test(the_others_stay_below),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
