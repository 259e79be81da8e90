/* test_rewrite.c - what a follow-up question is given from the chat, and what it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/rewrite.h"
#include "tests/index/vector/memory_sections.h"

static const char *const texts[] = {
    "lobular carcinoma begins in the lobules of the breast",
    "steroids are banned in sports because they are dangerous",
    "the breast biopsy takes an hour in the clinic",
    "a driveway of concrete is cheaper than one of asphalt",
    "treatment of lobular carcinoma is surgery or observation",
    "the clinic opens at nine and closes at five",
};

static memory_sections mem;
static section_source src;
static lexical_reader *reader;
static lexical_segment segment;
static analyzer *an;
static arena memory;

static int set_up(void **state)
{
    lexical_writer *w;
    section_sink sink = memory_sink(&mem);
    cairn_error err = {0};

    (void)state;
    assert_int_equal(analyzer_create(&an, &err), 0);
    assert_int_equal(lexical_writer_create(&w, NULL, &err), 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        lexical_doc d = {.lang = "en"};
        d.field[LEXICAL_BODY].text = texts[i];
        d.field[LEXICAL_BODY].len = strlen(texts[i]);
        assert_int_equal(lexical_writer_add(w, &d, NULL, &err), 0);
    }
    assert_int_equal(lexical_writer_finish(w, &sink, &err), 0);
    lexical_writer_destroy(w);
    src = memory_source(&mem);
    assert_int_equal(lexical_reader_open(&reader, &src, &err), 0);
    segment = (lexical_segment){.reader = reader};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_clear(&memory);
    lexical_reader_close(reader);
    memory_clear(&mem);
    analyzer_destroy(an);
    return 0;
}

static retrieve_rewrite rewrite(const char *question, const retrieve_turn *turns, size_t n)
{
    retrieve_rewrite out;
    cairn_error err = {0};

    arena_clear(&memory);
    arena_init(&memory, 16 << 20);
    if (retrieve_rewrite_question(question, turns, n, &segment, 1, NULL, NULL, an, &memory, &out, &err))
        fail_msg("%s: %s", question, err.text);
    return out;
}

/* The weight of a carried word; 0 when it was not. */
static float weight_of(const retrieve_rewrite *r, const char *word)
{
    for (size_t i = 0; i < r->n_clauses; i++)
        if (r->clauses[i].len == strlen(word) && !memcmp(r->clauses[i].text, word, strlen(word)))
            return r->clauses[i].boost;
    return 0;
}

static void a_question_alone_stays_as_it_is(void **state)
{
    (void)state;
    retrieve_rewrite r = rewrite("How deadly is it?", NULL, 0);

    assert_string_equal(r.text, "How deadly is it?");
    assert_int_equal(r.n_clauses, 0);
}

static void a_pronoun_gets_what_was_spoken_of(void **state)
{
    static const retrieve_turn turns[] = {
        {true, "What is lobular carcinoma?"},
        {false, "It begins in the lobules of the breast."},
    };
    retrieve_rewrite r = rewrite("How deadly is it?", turns, 2);

    (void)state;
    assert_true(r.points_back);
    assert_true(weight_of(&r, "lobular") > 0);
    assert_true(weight_of(&r, "carcinoma") > 0);
    assert_true(weight_of(&r, "lobules") > 0);
    /* what was asked leads, what was answered follows */
    assert_true(weight_of(&r, "lobular") > weight_of(&r, "breast"));
    assert_true(weight_of(&r, "lobular") < 1);
    assert_true(weight_of(&r, "the") == 0 && weight_of(&r, "is") == 0);
    assert_int_equal(strncmp(r.text, "How deadly is it? ", 18), 0);
    assert_non_null(strstr(r.text, "carcinoma"));
}

static void later_questions_weigh_more(void **state)
{
    static const retrieve_turn turns[] = {
        {true, "Why are steroids banned?"},
        {false, "They are dangerous."},
        {true, "What does a driveway cost?"},
    };
    retrieve_rewrite r = rewrite("And which one is cheaper?", turns, 3);

    (void)state;
    assert_true(weight_of(&r, "driveway") > weight_of(&r, "steroids"));
    assert_true(weight_of(&r, "steroids") > 0);
    assert_true(weight_of(&r, "cheaper") == 0); /* its own */
}

static void a_complete_question_gets_less(void **state)
{
    static const retrieve_turn turns[] = {{true, "What is lobular carcinoma?"}};
    retrieve_rewrite whole = rewrite("When does the breast clinic open before surgery hours?", turns, 1);
    float of_whole = weight_of(&whole, "lobular");
    retrieve_rewrite brief = rewrite("And treatment?", turns, 1);

    (void)state;
    assert_false(whole.points_back);
    assert_true(of_whole > 0 && of_whole < weight_of(&brief, "lobular"));
}

static void an_ellipsis_is_completed(void **state)
{
    static const retrieve_turn turns[] = {{true, "What is lobular carcinoma?"}, {false, "A disease."}, {true, "How often does it come in 2021?"}};
    static const retrieve_turn plain[] = {{true, "How dangerous are steroids in surgery?"}};
    retrieve_rewrite r = rewrite("And in breast?", plain, 1);

    (void)state;
    assert_true(r.whole && !r.points_back);
    assert_string_equal(r.text, r.whole);
    assert_string_equal(r.text, "How dangerous are steroids in breast?");
    assert_true(weight_of(&r, "steroids") > 0.7f); /* nearly as if it had been asked */
    assert_true(weight_of(&r, "surgery") == 0);    /* what was replaced is not carried */
    r = rewrite("And in 2022?", turns, 3);         /* "it" is still open */
    assert_true(r.points_back);
    assert_string_equal(r.whole, "How often does it come in 2022?");
    assert_int_equal(strncmp(r.text, "How often does it come in 2022? ", 32), 0);
    assert_non_null(strstr(r.text, "carcinoma"));
}

/* The question before is too long to be read: one is not completed from what was asked before it. */
static void a_long_question_is_not_skipped(void **state)
{
    static char flood[4096];
    const retrieve_turn turns[] = {{true, "How dangerous is the biopsy in the clinic?"}, {false, "Little. [1]"}, {true, flood}, {false, "Surgery. [1]"}};
    retrieve_rewrite r;

    (void)state;
    memset(flood, 'a', sizeof flood - 1);
    memcpy(flood, "What is lobular carcinoma? ", 27);
    r = rewrite("And in the breast?", turns, 4);
    assert_null(r.whole);
    assert_true(weight_of(&r, "carcinoma") > 0); /* its words are carried, as ever */
    r = rewrite("And in the breast?", turns, 2);
    assert_string_equal(r.whole, "How dangerous is the biopsy in the breast?");
}

static void a_question_word_gets_the_names_of_the_reply(void **state)
{
    static const retrieve_turn turns[] = {{true, "What is Lobular Carcinoma?"}, {false, "It begins in the Lobules of the breast in 2021. [1]"}};
    retrieve_rewrite r = rewrite("Why?", turns, 2);

    (void)state;
    assert_string_equal(r.whole, "Why is Lobular Carcinoma?");
    assert_int_equal(strncmp(r.text, r.whole, strlen(r.whole)), 0);
    assert_null(strstr(r.text, "2021"));
    assert_string_equal(r.known.reply, turns[1].text);
    assert_false(r.known.others);
    r = rewrite("What else?", turns, 2);
    assert_true(r.known.others);
    assert_string_equal(r.whole, turns[0].text);
    r = rewrite("How deadly is it?", turns, 2);
    assert_null(r.known.reply);
}

static void words_that_no_passage_holds_are_left_out(void **state)
{
    static const retrieve_turn turns[] = {{true, "What is a zyxwv of lobular kind?"}};
    retrieve_rewrite r = rewrite("How big is it?", turns, 1);

    (void)state;
    assert_true(weight_of(&r, "zyxwv") == 0);
    assert_true(weight_of(&r, "lobular") > 0);
    assert_null(strstr(r.text, "zyxwv"));
}

/* Whatever a chat holds, nothing is read outside of it and the bounds hold. */
static void anything_is_a_history(void **state)
{
    size_t len = 100000;
    char *flood = malloc(len + 1), *broken = malloc(64);
    retrieve_turn turns[40];
    retrieve_rewrite r;

    (void)state;
    assert_non_null(flood);
    assert_non_null(broken);
    for (size_t i = 0; i < len; i++)
        flood[i] = (char)(i % 7 ? 'a' + (i * 31 + i / 7) % 26 : ' ');
    memcpy(flood, "lobular ", 8);
    flood[len] = '\0';
    memset(broken, 0xe2, 63);
    broken[63] = '\0';
    for (size_t i = 0; i < 40; i++)
        turns[i] = (retrieve_turn){i % 2 == 0, i % 3 ? flood : broken};
    r = rewrite(flood, turns, 40);
    assert_true(r.n_clauses <= 32);
    r = rewrite(broken, turns, 40);
    assert_true(r.n_clauses <= 32);
    r = rewrite("", turns, 40);
    assert_true(r.n_clauses <= 32);
    free(flood);
    free(broken);
}

static void capitals_are_lowered_where_all_is_capitals(void **state)
{
    static const struct {
        const char *typed, *out;
    } cases[] = {
        {"DESIGN OF BAND PASS FILTERS, 3 STAGES", "design of band pass filters, 3 stages"},
        {"WHAT IS NASA?", "what is nasa?"},
        {"NASA GDP", "NASA GDP"}, /* names rather */
        {"What is NASA", "What is NASA"},
        {"WHERE IS iPhone MADE", "WHERE IS iPhone MADE"},
        {"\xc3\x9c" "BER DIE T\xc3\x9cREN", "\xc3\xbc" "ber die t\xc3\xbcren"},
        {"\xe6\xb0\xb4 A B C", "\xe6\xb0\xb4 A B C"}, /* with a script that has no capitals */
        {"", ""},
        {"   ", "   "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *out;
        size_t n;
        cairn_error err = {0};
        arena_clear(&memory);
        arena_init(&memory, 1 << 20);
        assert_int_equal(retrieve_unshout(cases[i].typed, strlen(cases[i].typed), &memory, &out, &n, &err), 0);
        if (n != strlen(cases[i].out) || memcmp(out, cases[i].out, n) != 0)
            fail_msg("%s: %.*s", cases[i].typed, (int)n, out);
    }
}

static void a_question_is_foreign_where_no_passage_has_its_language(void **state)
{
    static const char *const english[] = {"en"}, *const both[] = {"en", "de"}, *const unknown[] = {""};
    static const struct {
        const char *question, *lang; /* over English passages; NULL: not foreign */
    } cases[] = {
        {"Wie viele Punkte gab die Verteidigung der Panthers ab?", "de"},
        {"\xc2\xbf" "Qui\xc3\xa9n gan\xc3\xb3 la copa en el a\xc3\xb1o de 1954?", "es"},
        {"How many points did the Panthers defense surrender?", NULL},
        {"die casting", NULL}, /* one word of another language's is a word of this one, too */
        {"What's Thomas Piketty's job?", NULL},
        {"Panthers 308", NULL},
        {"黑豹队的防守丢了多少分？", "zh"},
        {"Panthers 的防守丢了多少分？", NULL}, /* as many letters of the one as of the other: it is read as before */
        {"パンサーズの守備は何点を許しましたか？", "ja"},
        {"كم عدد النقاط التي تخلى عنها دفاع الفهود؟", "ar"},
        {"Сколько очков пропустила защита Пантер?", "ru"},
        {"음악은 언제 시작합니까?", "ko"},
        {"What does 豹 mean in English?", NULL},
        {"", NULL},
    };

    static const struct {
        const char *question, *codes[2];
    } written[] = {{"黑豹队的防守丢了多少分？", {"en", "zh-Hant"}},
                   {"黑豹隊", {"en", "ja"}},
                   {"Сколько очков?", {"en", "uk"}},
                   {"كم عدد النقاط؟", {"fa", "en"}}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *q = cases[i].question, *got = retrieve_foreign_language(q, strlen(q), english, 1);
        if ((got != NULL) != (cases[i].lang != NULL) || (got && strcmp(got, cases[i].lang) != 0))
            fail_msg("%s: %s", q, got ? got : "not foreign");
    }
    assert_null(retrieve_foreign_language(cases[0].question, strlen(cases[0].question), both, 2));
    assert_null(retrieve_foreign_language(cases[0].question, strlen(cases[0].question), unknown, 1));
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) /* a language of the same script is enough */
        assert_null(retrieve_foreign_language(written[i].question, strlen(written[i].question), written[i].codes, 2));
    assert_null(retrieve_foreign_language(cases[0].question, strlen(cases[0].question), NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_alone_stays_as_it_is),
        cmocka_unit_test(a_pronoun_gets_what_was_spoken_of),
        cmocka_unit_test(later_questions_weigh_more),
        cmocka_unit_test(a_complete_question_gets_less),
        cmocka_unit_test(an_ellipsis_is_completed),
        cmocka_unit_test(a_long_question_is_not_skipped),
        cmocka_unit_test(a_question_word_gets_the_names_of_the_reply),
        cmocka_unit_test(words_that_no_passage_holds_are_left_out),
        cmocka_unit_test(anything_is_a_history),
        cmocka_unit_test(capitals_are_lowered_where_all_is_capitals),
        cmocka_unit_test(a_question_is_foreign_where_no_passage_has_its_language),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
