/* test_tally.c - the count of a vote in a text, and questions for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/tally.h"

static void check_span(const char *text, text_span at, const char *want)
{
    if (at.end - at.start != strlen(want) || memcmp(text + at.start, want, strlen(want)) != 0)
        fail_msg("\"%s\": \"%.*s\" for \"%s\"", text, (int)(at.end - at.start), text + at.start, want);
}

static void counts_are_found(void **state)
{
    static const struct {
        const char *text, *whole, *side[TALLY_SIDES];
    } cases[] = {
        {"The proposal was adopted with 16 for, 4 against and 1 abstention.", "16 for, 4 against and 1 abstention", {"16", "4", "1"}},
        {"13 for, 8 against.", "13 for, 8 against", {"13", "8", ""}},
        {"We voted: 7 for, 2 against, nobody abstained.", "7 for, 2 against, nobody abstained", {"7", "2", "nobody"}},
        {"Approved, 20 in favour, none against.", "20 in favour, none against", {"20", "none", ""}},
        {"Carried by 12 votes to 3.", "12 votes to 3", {"12", "3", ""}},
        {"In favour: 9; against: 2; abstentions: 0.", "In favour: 9; against: 2; abstentions: 0", {"9", "2", "0"}},
        {"Five members voted against, six for.", "Five members voted against, six for", {"six", "Five", ""}},
        {"Der Antrag wurde mit 12 zu 3 Stimmen angenommen.", "12 zu 3 Stimmen", {"12", "3", ""}},
        {"11 dafür, 2 dagegen, 1 Enthaltung", "11 dafür, 2 dagegen, 1 Enthaltung", {"11", "2", "1"}},
        {"Se aprueba: 8 votos a favor, 3 en contra.", "8 votos a favor, 3 en contra", {"8", "3", ""}},
        {"Adopté : 10 voix pour, 4 contre.", "10 voix pour, 4 contre", {"10", "4", ""}},
        {"Le ravalement a été voté par 14 voix contre 5, avec 2 abstentions.", "14 voix contre 5", {"14", "5", ""}},
        {"È approvata con 13 voti favorevoli, 4 contrari e 2 astenuti.", "13 voti favorevoli, 4 contrari e 2 astenuti", {"13", "4", "2"}},
        {"За ремонт проголосовали 31, против 9, воздержались 6.", "против 9, воздержались 6", {"", "9", "6"}},
        {"会议以九票赞成、两票反对、一票弃权通过了方案。", "九票赞成、两票反对、一票", {"九票", "两票", "一票"}},
        {"表决结果：赞成 12 票，反对 3 票。", "12 票，反对 3 票", {"12 票", "3 票", ""}},
        {"The accounts were approved unanimously.", "unanimously", {"", "", ""}},
    };
    static const char *const none[] = {"The flat costs 400 euros for 2 nights.", "Two for the road.", "Twelve against the sea.", "From 12 to 3 on Sundays.",
                                       "Press yes or no.", "5 for the pump, and the price of the filter", ""};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tally t;
        if (!tally_find(cases[i].text, strlen(cases[i].text), &t))
            fail_msg("\"%s\": none", cases[i].text);
        check_span(cases[i].text, t.whole, cases[i].whole);
        for (size_t s = 0; s < TALLY_SIDES; s++)
            check_span(cases[i].text, t.side[s], cases[i].side[s]);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        tally t;
        if (tally_find(none[i], strlen(none[i]), &t))
            fail_msg("\"%s\": found", none[i]);
    }
}

static void questions_are_read(void **state)
{
    static const struct {
        const char *question;
        bool vote;
        tally_side side;
    } cases[] = {
        {"How did the vote on the dogs go?", true, TALLY_SIDES},
        {"how many votes were against the heat pump", true, TALLY_AGAINST},
        {"How many voted for the new fee?", true, TALLY_FOR},
        {"How many members abstained?", true, TALLY_ABSTAINED},
        {"Wie ging die Abstimmung aus?", true, TALLY_SIDES},
        {"Wie viele waren dagegen?", true, TALLY_AGAINST},
        {"How much is it for children?", false, TALLY_SIDES},
        {"Quanti hanno votato contro?", true, TALLY_AGAINST},
        {"Сколько человек проголосовало против?", true, TALLY_AGAINST},
        {"搬迁方案有几票反对？", true, TALLY_AGAINST},
        {"有几张票？", false, TALLY_SIDES},
        {"How many were for sale?", false, TALLY_SIDES},
        {"How many tickets are for adults?", false, TALLY_SIDES},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tally_side side;
        bool vote = tally_asked(cases[i].question, strlen(cases[i].question), &side);
        if (vote != cases[i].vote || side != cases[i].side)
            fail_msg("\"%s\": %d, %d", cases[i].question, vote, (int)side);
    }
}

static void a_part_is_not_the_whole(void **state)
{
    const char *text = "Rejected: 5 for, 14 against, 2 abstentions.";

    (void)state;
    assert_true(tally_is_cut("2 abstentions", 13, text, strlen(text)));
    assert_true(tally_is_cut("abstentions.", 12, text, strlen(text)));
    assert_true(tally_gives_side("14", 2, text, strlen(text), TALLY_AGAINST));
    assert_false(tally_gives_side("2", 1, text, strlen(text), TALLY_AGAINST));
    assert_false(tally_gives_side("2", 1, "Two offers were read.", 21, TALLY_AGAINST));
    assert_true(tally_is_cut("5 for", 5, text, strlen(text)));
    assert_false(tally_is_cut("5 for, 14 against, 2 abstentions", 32, text, strlen(text)));
    assert_false(tally_is_cut("rejected", 8, text, strlen(text)));
    assert_true(tally_has_side("8 members voted against it.", 27, TALLY_AGAINST));
    assert_false(tally_has_side("Item 3: an increase to 60 euros.", 32, TALLY_AGAINST));
    assert_false(tally_is_cut("5 euros", 7, "It costs 5 euros.", 17));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_found),
        cmocka_unit_test(questions_are_read),
        cmocka_unit_test(a_part_is_not_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
