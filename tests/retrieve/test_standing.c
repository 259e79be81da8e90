/* test_standing.c - which of two statements was written later, whether they are about one matter, and what says that something changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/standing.h"

#define DAY ((int64_t)86400 * 1000000000)

static standing_text of(const char *text, const char *title, const char *uri, const char *lang, int64_t date_ns)
{
    size_t len = strlen(text);

    return (standing_text){.passage = text, .end = len, .after = len, .title = title, .heading = "", .uri = uri, .lang = lang, .date_ns = date_ns};
}

static void words_of_change(void **state)
{
    static const struct {
        const char *text, *title;
        standing_change is;
    } cases[] = {
        {"The roof inspection moves to 19 March.", "", STANDING_CHANGED},
        {"The roof inspection is on 19 March.", "Correction", STANDING_CHANGED},
        {"The roof inspection is on 19 March.", "Roof", STANDING_NONE},
        {"The fee is now 80 euros.", "", STANDING_NOW},
        {"We know the fee.", "", STANDING_NONE}, /* a word, and not its letters */
        {"The regatta has been called off.", "", STANDING_CANCELLED},
        {"The regatta is on 6 May.", "Regatta called off", STANDING_NONE}, /* which one, a title does not tell */
        {"Die Wartung wird auf den 20. Mai verschoben.", "", STANDING_CHANGED},
        {"Ab sofort kostet es 3 Euro.", "", STANDING_NOW},
        {"Der Lauf fällt wegen Sturm aus.", "", STANDING_CANCELLED},
        {"Der Baum fällt.", "", STANDING_NONE},
        {"La visita cambia al 20 de marzo.", "", STANDING_CHANGED},
        {"La réunion est reportée au 3 mai.", "", STANDING_CHANGED},
        {"L'examen est annulé.", "", STANDING_CANCELLED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        standing_text t = of(cases[i].text, cases[i].title, "", "en", 0);
        if (standing_change_of(&t) != cases[i].is)
            fail_msg("\"%s\": %d", cases[i].text, (int)standing_change_of(&t));
    }
    assert_true(standing_asks_earlier("When was it originally planned?"));
    assert_true(standing_asks_earlier("Wie hoch war der alte Beitrag?"));
    assert_false(standing_asks_earlier("Where is the gold kept?"));
}

static void what_was_written_later(void **state)
{
    static const struct {
        const char *title[2], *uri[2];
        int64_t date[2], file[2];
        standing_time known;
        int order;
    } cases[] = {
        {{"Minutes of 11 March 2025", "Minutes of 8 April 2025"}, {"/a", "/b"}, {0, 0}, {9 * DAY, 0}, STANDING_BY_DATE, -1},
        {{"", ""}, {"/x/minutes-2025-04.md", "/x/minutes-2025-03.md"}, {0, 0}, {0, 0}, STANDING_BY_DATE, 1},
        {{"Prices v2", "Prices v1.5"}, {"/a", "/b"}, {1 * DAY, 2 * DAY}, {0, 0}, STANDING_BY_DATE, 1}, /* versions before dates */
        {{"", ""}, {"/a", "/b"}, {100 * DAY, 101 * DAY}, {9 * DAY, 0}, STANDING_BY_DATE, -1},
        {{"Report 2023", "Report"}, {"/a", "/b"}, {0, 19800 * DAY}, {0, 0}, STANDING_BY_DATE, -1},
        {{"Report 2024", "Report"}, {"/a", "/b"}, {0, 19800 * DAY}, {1, 2}, STANDING_UNKNOWN, 0}, /* some day of that year */
        {{"", ""}, {"/a", "/b"}, {0, 0}, {100 * DAY, 101 * DAY}, STANDING_BY_FILE, -1},
        {{"", ""}, {"/a", "/b"}, {0, 0}, {100 * DAY, 100 * DAY + 1}, STANDING_UNKNOWN, 0},
        {{"", ""}, {"/a", "/b"}, {0, 0}, {0, 0}, STANDING_UNKNOWN, 0},
        {{"", ""}, {"/order-120255.md", "/order-120244.md"}, {0, 0}, {0, 0}, STANDING_UNKNOWN, 0}, /* no years */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        standing_text x = of("", cases[i].title[0], cases[i].uri[0], "en", cases[i].date[0]);
        standing_text y = of("", cases[i].title[1], cases[i].uri[1], "en", cases[i].date[1]);
        int order, back;
        x.modified_ns = cases[i].file[0];
        y.modified_ns = cases[i].file[1];
        if (standing_order(&x, &y, &order) != cases[i].known || order != cases[i].order || standing_order(&y, &x, &back) != cases[i].known ||
            back != -order)
            fail_msg("%zu: %d", i, order);
    }
}

static void one_matter_or_two(void **state)
{
    static const struct {
        const char *question, *lang, *title[2], *text[2];
        bool same, alike;
    } cases[] = {
        {"When is the roof inspection?", "en", {"Roof", "Re: Roof"}, {"The roof inspection is on 12 March.", "The roof inspection moves to 19 March."}, true, true},
        {"When is the roof inspection?", "en", {"Roof inspection", "Re: Roof inspection"}, {"It is on 12 March.", "It moves to 19 March."}, true, false},
        {"When is the inspection?", "en", {"", ""}, {"The roof inspection is on 12 March.", "The lift inspection moves to 19 March."}, false, false},
        {"When is the survey of the north orchard?", "en", {"", ""}, {"The survey of the north orchard is on 12 March.", "The survey of the south orchard moves to 19 March."}, false, false},
        {"When is the survey?", "en", {"", ""}, {"The survey of the north orchard is on 12 March.", "The survey of the south orchard moves to 19 March."}, false, false},
        {"When is the reading?", "en", {"", ""}, {"The reading in flat 3 is on 12 March.", "The reading in flat 5 moves to 19 March."}, false, false},
        {"In which room is the course held?", "en", {"Course", "Re: Course"}, {"The course is held in room 14.", "The course moves to room 22."}, true, true},
        {"How long is the line of the K31?", "en", {"", ""}, {"The K31 has a line of 40 m.", "The K32 has a line of 55 m."}, false, false},
        {"What is the rent?", "en", {"Elm Street", "Oak Road"}, {"The rent is 840 euros.", "The rent is now 900 euros."}, false, false},
        {"What is the rent?", "en", {"Lease of Elm Street", "Elm Street, amendment"}, {"The rent is 840 euros.", "The rent is now 900 euros."}, true, true},
        {"Wann beginnt der Kurs?", "de", {"Kurse", "Kurse"}, {"Der Kurs für Anfänger beginnt am 1. Juli.", "Der Kurs für Könner beginnt am 8. Juli."}, false, false},
        {"Quand est le départ du bateau ?", "fr", {"", ""}, {"Le départ du bateau bleu est le 4 juillet.", "Le départ du bateau rouge est reporté au 11 juillet."}, false, false},
        {"¿Cuándo es la visita del tasador?", "es", {"", ""}, {"La visita del tasador es el 12 de marzo.", "La visita del tasador cambia al 20 de marzo."}, true, true},
    };
    analyzer *an;

    (void)state;
    assert_int_equal(analyzer_create(&an, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        standing_text x = of(cases[i].text[0], cases[i].title[0], "/a", cases[i].lang, 0), y = of(cases[i].text[1], cases[i].title[1], "/b", cases[i].lang, 0);
        bool same, alike;
        assert_int_equal(standing_same_matter(an, cases[i].question, &x, &y, &same, &alike, NULL), CAIRN_OK);
        if (same != cases[i].same || (same && alike != cases[i].alike))
            fail_msg("%s: %d %d", cases[i].question, same, alike);
        y.lang = "it"; /* of another language: not known */
        assert_int_equal(standing_same_matter(an, cases[i].question, &x, &y, &same, &alike, NULL), CAIRN_OK);
        assert_false(same);
    }
    analyzer_destroy(an);
}

static void which_value_is_the_old_one(void **state)
{
    static const struct {
        const char *text, *value;
        bool last, replaced;
    } cases[] = {
        {"It moves from 12 March to 19 March.", "12 March", false, true}, {"It moves from 12 March to 19 March.", "19 March", true, false},
        {"On 21 May instead of 14 May.", "14 May", true, true},           {"It is on 21 May instead of 14 May.", "21 May", false, false},
        {"It is not on 20 May but on 27 May.", "20 May", false, true},    {"am 27. Mai statt am 13. Mai", "13. Mai", true, true},
        {"se traslada del 14 de junio al 21 de junio", "14 de junio", false, true}, {"est le 3 mai au lieu du 1 mai", "1 mai", true, true},
        {"as of 3 May", "3 May", true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t at = (size_t)(strstr(cases[i].text, cases[i].value) - cases[i].text);
        if (standing_is_replaced(cases[i].text, (text_span){at, at + strlen(cases[i].value)}, cases[i].last) != cases[i].replaced)
            fail_msg("%s: %s", cases[i].text, cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_change),
        cmocka_unit_test(what_was_written_later),
        cmocka_unit_test(one_matter_or_two),
        cmocka_unit_test(which_value_is_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
