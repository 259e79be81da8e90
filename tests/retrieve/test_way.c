/* test_way.c - which way and which end of a journey questions ask for, and bookings tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/way.h"

static void questions(void **state)
{
    static const struct {
        const char *question, *to, *from;
        bool travel;
        way_direction direction;
        way_end end;
    } cases[] = {
        {"When is our flight home?", "", "", true, WAY_BACK, WAY_DEPARTS},
        {"what time do we get home?", "", "", true, WAY_BACK, WAY_ARRIVES},
        {"when does our flight to lisbon leave?", "lisbon", "", true, WAY_ANY, WAY_DEPARTS},
        {"When does the train from Porto arrive?", "", "Porto", true, WAY_ANY, WAY_ARRIVES},
        {"What time is the flight out?", "", "", true, WAY_OUT, WAY_DEPARTS},
        {"Wann geht unser Rückflug?", "", "", true, WAY_BACK, WAY_DEPARTS},
        {"How long is the warranty?", "", "", false, WAY_ANY, WAY_WHOLE},
        {"When do I get my money back?", "", "", false, WAY_ANY, WAY_WHOLE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *q = cases[i].question;
        way_asked w;
        way_read(q, strlen(q), &w);
        if (w.travel != cases[i].travel || w.direction != cases[i].direction || w.end != cases[i].end || w.to.end - w.to.start != strlen(cases[i].to) ||
            memcmp(q + w.to.start, cases[i].to, strlen(cases[i].to)) != 0 || w.from.end - w.from.start != strlen(cases[i].from))
            fail_msg("\"%s\": %d %d %d", q, w.travel, (int)w.direction, (int)w.end);
    }
}

static void rows_and_sentences_go_a_way(void **state)
{
    static const char head[] = "Flight | Date | From | To | Departs Arrives";
    static const struct {
        const char *question, *head, *text;
        int is;
    } cases[] = {
        {"flight to lisbon", head, "SK 1467 Sat 4 July 2026 Oslo OSL Lisbon LIS 09:35 | 12:50", 1},
        {"flight to lisbon", head, "SK 1468 Sun 19 July 2026 Lisbon LIS Oslo OSL 13:40 | 18:55", -1},
        {"flight from Lisbon", head, "SK 1468 Sun 19 July 2026 Lisbon LIS Oslo OSL 13:40 | 18:55", 1},
        {"flight to Lisbon", NULL, "Your flight SK 1467 from Oslo to Lisbon has changed.", 1},
        {"flight to Lisbon", NULL, "The flight from Lisbon is not affected.", -1},
        {"flight to Lisbon", NULL, "We met in Lisbon.", 0},
        {"train to Porto", NULL, "It is a good port.", 0},
        {"Zug nach Wien", NULL, "Der Zug von Wien hat Verspätung.", -1},
    };
    way_asked w;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        way_read(cases[i].question, strlen(cases[i].question), &w);
        int is = way_agrees(&w, cases[i].question, cases[i].head, cases[i].head ? strlen(cases[i].head) : 0, cases[i].text, strlen(cases[i].text));
        if (is != cases[i].is)
            fail_msg("%s: \"%s\": %d", cases[i].question, cases[i].text, is);
    }
}

static way_end end_of(const char *head, const char *text, const char *time)
{
    size_t at = (size_t)(strstr(text, time) - text);

    return way_end_of(head, head ? strlen(head) : 0, text, strlen(text), (text_span){at, at + strlen(time)});
}

static void times_are_of_an_end(void **state)
{
    static const char text[] = "Outbound\nA | From | To\nx | Oslo | Lisbon\n\nReturn\nA | From | To\ny | Lisbon | Oslo";
    size_t y = (size_t)(strstr(text, "y |") - text), x = (size_t)(strstr(text, "x |") - text);

    (void)state;
    assert_int_equal(end_of("Train | Departs | Arrives", "IC 5 | 12:52 | 14:05", "12:52"), WAY_DEPARTS);
    assert_int_equal(end_of("Train | Departs | Arrives", "IC 5 | 12:52 | 14:05", "14:05"), WAY_ARRIVES);
    assert_int_equal(end_of("Train | Day | Time", "IC 5 | Monday | 14:05", "14:05"), WAY_WHOLE);
    assert_int_equal(end_of(NULL, "New arrival: 13:35.", "13:35"), WAY_ARRIVES);
    assert_int_equal(end_of(NULL, "It leaves at 09:10 and arrives in Porto at 12:20.", "09:10"), WAY_DEPARTS);
    assert_int_equal(end_of(NULL, "It leaves at 09:10 and arrives in Porto at 12:20.", "12:20"), WAY_ARRIVES);
    assert_int_equal(way_of_place(text, y, sizeof text - 1, "Your booking, Outbound, Return"), WAY_BACK);
    assert_int_equal(way_of_place(text, x, x + 17, ""), WAY_OUT);
    assert_int_equal(way_of_place("The bus leaves at 8.", 0, 20, "Return"), WAY_BACK);
    assert_int_equal(way_of_place("The bus leaves at 8.", 0, 20, "Tickets"), WAY_ANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(questions), cmocka_unit_test(rows_and_sentences_go_a_way), cmocka_unit_test(times_are_of_an_end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
