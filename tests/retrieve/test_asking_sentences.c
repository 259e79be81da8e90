/* test_asking_sentences.c - sentences of documents that ask: what they say answers nothing and supports nothing, but for who asks for questions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/cite.h"
#include "retrieve/evidence.h"
#include "retrieve/sentences.h"

static const char quiz[] = "Questions for the staff\n\n1. Are cats allowed in the hostel?\n\n2. How many beds does the Red Room have?\n\n"
                           "3. Who built the boat house?";
static const char faq[] = "Are dogs allowed in the hostel?\nNo, only guide dogs are.\n\nIs there a lift?\nThere is none.";

static analyzer *an;

static int make_analyzer(void **state)
{
    (void)state;
    return analyzer_create(&an, NULL);
}

static int free_analyzer(void **state)
{
    (void)state;
    analyzer_destroy(an);
    return 0;
}

static void signs_of_questions(void **state)
{
    static const struct {
        const char *text;
        bool asks;
    } cases[] = {
        {"Are cats allowed?", true},
        {"**Are cats allowed?** ", true},
        {"She said: \"Are cats allowed?\"", true},
        {"可以带猫吗？", true},
        {"هل القطط مسموحة؟", true},
        {"Cats are allowed.", false},
        {"Cats?! Never.", false},
        {"?", true},
        {"", false},
        {"\"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (sentence_asks(cases[i].text, 0, strlen(cases[i].text)) != cases[i].asks)
            fail_msg("\"%s\"", cases[i].text);
}

static size_t sentences_that_answer(const char *question, const char *text)
{
    evidence_passage p = {.text = {text, strlen(text), "", "", "en"}, .doc = 1, .uri = "/a", .lexical = 1, .vector = 0.9f};
    evidence e;
    arena a;
    size_t n;

    arena_init(&a, 1 << 24);
    assert_int_equal(evidence_find(an, question, &p, 1, NULL, &a, &e, NULL), CAIRN_OK);
    n = e.n;
    for (size_t i = 0; i < e.n; i++)
        print_message("%s: %.*s\n", question, (int)(e.sentences[i].end - e.sentences[i].start), text + e.sentences[i].start);
    arena_clear(&a);
    return n;
}

static void a_list_of_questions_answers_none(void **state)
{
    (void)state;
    assert_int_equal(sentences_that_answer("Are cats allowed in the hostel?", quiz), 1);       /* its title */
    assert_int_equal(sentences_that_answer("Which questions are there for the staff?", quiz), 4);
    assert_int_equal(sentences_that_answer("Are dogs allowed in the hostel?", faq), 4); /* what is asked is quoted with its answer */
}

static void a_question_supports_no_claim(void **state)
{
    static const cite_passage passages[] = {{quiz, sizeof quiz - 1, "", "", "en"}, {faq, sizeof faq - 1, "", "", "en"}};
    static const struct {
        const char *answer;
        bool supported;
    } cases[] = {
        {"Cats are allowed in the hostel [1].", false},
        {"Are cats allowed in the hostel? [1]", true},
        {"Only guide dogs are allowed in the hostel [2].", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        citation *out;
        arena a;
        size_t n;
        arena_init(&a, 1 << 24);
        assert_int_equal(cite_check(an, "en", cases[i].answer, strlen(cases[i].answer), passages, 2, NULL, NULL, &a, &out, &n, NULL), CAIRN_OK);
        assert_int_equal(n, 1);
        if (out[0].supported != cases[i].supported)
            fail_msg("%s: %.2f", cases[i].answer, (double)out[0].support);
        arena_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_of_questions),
        cmocka_unit_test(a_list_of_questions_answers_none),
        cmocka_unit_test(a_question_supports_no_claim),
    };

    return cmocka_run_group_tests(tests, make_analyzer, free_analyzer);
}
