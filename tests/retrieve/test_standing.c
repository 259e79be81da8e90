/* test_standing.c - which of two statements was written later, whether they are about one matter, and what says that something changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/quantity.h"
#include "retrieve/standing.h"
#include "retrieve/standing_inside.h"

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
        {"Die Wartung beginnt um 15 Uhr statt 14 Uhr.", "", STANDING_CHANGED},
        {"Das Fest findet am Samstag, dem 11. Juli, auf dem Platz statt.", "", STANDING_NONE}, /* "takes place" */
        {"Das Fest fand 2024 im Saal statt und war voll.", "", STANDING_NONE},
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

/* "What was the fee before?": the value that is told as what was, in brackets here; "" where none is. */
static void what_was_before(void **state)
{
    static const struct {
        const char *text, *value;
        bool timed, is;
    } cases[] = {
        {"The fee is ~~60 euros~~ 75 euros.", "60", false, true},
        {"The fee is ~~60 euros~~ 75 euros.", "75", false, false},
        {"The guest room is now 18 euros a night (before: 15 euros).", "15", false, true},
        {"The guest room is now 18 euros a night (before: 15 euros).", "18", false, false},
        {"New departure: 10:20 (before: 09:35).", "09:35", true, true},
        {"Please be there before 09:35.", "09:35", true, false},
        {"Until now it was 164 euros.", "164", false, true},
        {"It costs 9 euros instead of 14.", "14", false, true},
        {"It costs 9 euros instead of 14.", "9", false, false},
        {"A month costs 118 pounds, 110 pounds until now.", "110 pounds", false, true},
        {"1,284 pounds a year (last year 1,190 pounds).", "1,190", false, true},
        {"Der Beitrag beträgt 75 Euro (bisher 60 Euro).", "60", false, true},
        {"La cuota es de 40 euros (antes 30 euros).", "30", false, true},
        {"Le loyer est de 800 euros au lieu de 760 euros.", "760", false, true},
        {"The fee is 75 euros.", "75", false, false},
    };
    static const char *const before[] = {"What was the fee before?", "how much could we spend before the change", "what did we pay before the rent went up?",
                                         "How long was the cache kept before 2.4?", "How much did it use to cost, what did it used to be?", "Wie hoch war der Beitrag vorher?",
                                         "\xC2\xBF""Cuánto costaba antes?"};
    static const char *const not_before[] = {"Who spoke before the mayor?", "What must be done before winter?", "Before which date do I pay?", "What is due before 4 pm?"};
    text_span at;
    const char *text = "- The default unit is metres; it was feet.";

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *v = strstr(cases[i].text, cases[i].value);
        size_t start = (size_t)(v - cases[i].text), end = start + strlen(cases[i].value);
        if (standing_is_earlier(cases[i].text, strlen(cases[i].text), (text_span){start, end}, true, cases[i].timed) != cases[i].is)
            fail_msg("\"%s\": %s", cases[i].text, cases[i].value);
    }
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (!standing_asks_before(before[i]))
            fail_msg("\"%s\"", before[i]);
    for (size_t i = 0; i < sizeof not_before / sizeof *not_before; i++)
        if (standing_asks_before(not_before[i]))
            fail_msg("\"%s\"", not_before[i]);
    assert_true(standing_is_instead("It cost 4,180 euros instead of the 3,900 that were planned.", (text_span){35, 40}));
    assert_false(standing_is_instead("It cost 4,180 euros instead of the 3,900 that were planned.", (text_span){8, 19}));
    assert_true(standing_earlier_phrase(text, strlen(text), &at));
    assert_int_equal(at.end - at.start, 4);
    assert_memory_equal(text + at.start, "feet", 4);
    text = "The key is with Mrs Petersen now, no longer in the drawer.";
    assert_true(standing_earlier_phrase(text, strlen(text), &at));
    assert_memory_equal(text + at.start, "in the drawer", at.end - at.start);
    text = "The default unit is metres.";
    assert_false(standing_earlier_phrase(text, strlen(text), &at));
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
        standing_match m;
        assert_int_equal(standing_same_matter(an, cases[i].question, &x, &y, false, &m, NULL), CAIRN_OK);
        if (m.same != cases[i].same || (m.same && m.alike != cases[i].alike))
            fail_msg("%s: %d %d", cases[i].question, m.same, m.alike);
        y.lang = "it"; /* of another language: not known */
        assert_int_equal(standing_same_matter(an, cases[i].question, &x, &y, false, &m, NULL), CAIRN_OK);
        assert_false(m.same);
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

static void entries_of_one_document(void **state)
{
    static const struct {
        const char *passage, *heading, *x, *y;
        bool known;
        int order;
        standing_change within; /* of y */
    } cases[] = {
        {"The fair is on 14 June.\n\n8 April 2025\nThe fair is on 21 June.", "Club > 4 March 2025, 8 April 2025", "The fair is on 14", "The fair is on 21", true, -1, STANDING_NONE},
        {"2.10\n- The limit is 20 MB.\n\n2.9\n- The limit is 5 MB.", "Changes", "- The limit is 5", "- The limit is 20", true, -1, STANDING_NONE},
        {"[1.3] - 2025-03-01\nAdded\n\nThe limit is 20 MB.\n\n[1.2] - 2025-01-01\nThe limit is 5 MB.", "", "The limit is 5", "The limit is 20", true, -1, STANDING_NONE},
        {"2025-03-02: Led by A.\n\n2025-09-01: Led by B.", "", "Led by A", "Led by B", true, -1, STANDING_NONE},
        {"Rules begin at 22 h.\n\nCorrections\n- Rules begin at 21 h.", "Rules", "Rules begin at 22", "- Rules begin at 21", false, 0, STANDING_CHANGED},
        {"The bus leaves at 7:30.\n\nCorrection: it leaves at 8:15.", "", "The bus", "Correction", false, 0, STANDING_CHANGED},
        {"4.2 Notice\nThe notice is 3 months.\n\n4.3 Rent\nThe rent is 640 euros. The rent was 600 euros.", "Lease", "The notice", "The rent is", false, 0, STANDING_NONE}, /* no versions */
        {"On 3 May 2025 the fair of the club was held in the old mill and\n\nthe rain stopped. It rained on 4 May.", "", "the rain", "It rained", false, 0, STANDING_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        standing_text x = of(cases[i].passage, "", "", "en", 0), y = x;
        int order, back;
        x.heading = y.heading = cases[i].heading;
        x.start = (size_t)(strstr(cases[i].passage, cases[i].x) - cases[i].passage);
        x.end = x.start + strlen(cases[i].x);
        y.start = (size_t)(strstr(cases[i].passage, cases[i].y) - cases[i].passage);
        y.end = y.start + strlen(cases[i].y);
        if (standing_order_within(&x, &y, &order) != cases[i].known || order != cases[i].order || standing_order_within(&y, &x, &back) != cases[i].known ||
            back != -order || standing_change_within(&y) != cases[i].within)
            fail_msg("%zu: %d %d", i, order, (int)standing_change_within(&y));
    }
}

static void days_of_a_statement(void **state)
{
    const int64_t written = standing_day_number(2026, 2, 10), open[2] = {INT64_MIN, INT64_MAX};
    const struct {
        const char *text, *value;
        int64_t from, until;
        bool limited;
    } cases[] = {
        {"From 1 May 2026 it costs 14 euros.", "14 euros", standing_day_number(2026, 5, 1), open[1], true},
        {"From 1 May it costs 14 euros.", "14 euros", standing_day_number(2026, 5, 1), open[1], true},
        {"Since 1 May it costs 14 euros.", "14 euros", standing_day_number(2025, 5, 1), open[1], true},
        {"From 1 January it costs 14 euros.", "14 euros", standing_day_number(2026, 1, 1), open[1], true}, /* six weeks ago */
        {"With effect from March 2027 it costs 14 euros.", "14 euros", standing_day_number(2027, 3, 1), open[1], true},
        {"It costs 12 euros until the end of March 2026.", "12 euros", open[0], standing_day_number(2026, 3, 31), true},
        {"It costs 12 euros until 30 June 2026 and 14 euros from 1 July 2026.", "12 euros", open[0], standing_day_number(2026, 6, 30), true},
        {"It costs 12 euros until 30 June 2026 and 14 euros from 1 July 2026.", "14 euros", standing_day_number(2026, 7, 1), open[1], true},
        {"It costs 12 euros, and 14 euros from 1 July 2026.", "12 euros", open[0], standing_day_number(2026, 6, 30), true},
        {"Until 30 June 2026 it costs 12 euros, then 14 euros.", "14 euros", standing_day_number(2026, 7, 1), open[1], true},
        {"From 1 July 2026 it costs 14 euros, before that 12 euros.", "12 euros", open[0], standing_day_number(2026, 6, 30), true},
        {"From 1 July 2026 adults pay 14 euros and children 7 euros.", "7 euros", standing_day_number(2026, 7, 1), open[1], true},
        {"From 1 March to 31 May 2026 it costs 9 euros.", "9 euros", standing_day_number(2026, 3, 1), standing_day_number(2026, 5, 31), true},
        {"Ab dem 1. Mai 2026 kostet es 14 Euro.", "14 Euro", standing_day_number(2026, 5, 1), open[1], true},
        {"Bis zum 31. Dezember 2026 kostet es 14 Euro.", "14 Euro", open[0], standing_day_number(2026, 12, 31), true},
        {"Vom 1. März bis 31. Mai 2026 kostet es 9 Euro.", "9 Euro", standing_day_number(2026, 3, 1), standing_day_number(2026, 5, 31), true},
        {"A partir del 1 de mayo de 2026 cuesta 14 euros.", "14 euros", standing_day_number(2026, 5, 1), open[1], true},
        {"Hasta el 31 de agosto de 2026 cuesta 12 euros.", "12 euros", open[0], standing_day_number(2026, 8, 31), true},
        {"À compter du 1er avril 2026, il coûte 14 euros.", "14 euros", standing_day_number(2026, 4, 1), open[1], true},
        {"Il coûte 6 euros jusqu'au 30 juin 2027.", "6 euros", open[0], standing_day_number(2027, 6, 30), true},
        {"On 1 May 2026 we paid 14 euros.", "14 euros", 0, 0, false},
        {"It was moved from 12 March to 19 March 2026, for 9 euros.", "9 euros", 0, 0, false},
        {"It is postponed until 19 July 2026, for 9 euros.", "9 euros", 0, 0, false},
        {"From Ann, 1 May 2026: 9 euros.", "9 euros", 0, 0, false},
    };
    arena a;

    (void)state;
    arena_init(&a, (size_t)1 << 24);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        text_span values[8];
        standing_limit *limits;
        standing_days days = {0, 0};
        quantity *q;
        size_t n_limits, n_q, n = 0, which = SIZE_MAX;
        assert_int_equal(standing_limits(text, strlen(text), written, &a, &limits, &n_limits, NULL), CAIRN_OK);
        assert_int_equal(quantities_find(text, strlen(text), &a, &q, &n_q, NULL), CAIRN_OK);
        for (size_t j = 0; j < n_q; j++)
            if (q[j].class == UNIT_MONEY) {
                if (text + q[j].start == strstr(text, cases[i].value))
                    which = n;
                values[n++] = (text_span){q[j].start, q[j].end};
            }
        if (standing_days_of(text, strlen(text), values, n, which, limits, n_limits, &days) != cases[i].limited ||
            (cases[i].limited && (days.from != cases[i].from || days.until != cases[i].until)))
            fail_msg("%s: %lld %lld", text, (long long)days.from, (long long)days.until);
    }
    arena_clear(&a);
}

static void the_day_that_is_asked_for(void **state)
{
    const int64_t today = standing_day_number(2026, 11, 27);
    const struct {
        const char *question;
        standing_asked asked;
        int64_t day;
    } cases[] = {
        {"How much is a ticket?", STANDING_TODAY, today},
        {"Was kostet der Eintritt?", STANDING_TODAY, today},
        {"How much was a ticket?", STANDING_ANY, today},
        {"How much was a ticket on 3 March 2025?", STANDING_ON, standing_day_number(2025, 3, 3)},
        {"Was kostet es am 3. März 2027?", STANDING_ON, standing_day_number(2027, 3, 3)},
        {"How much will it be in August 2027?", STANDING_ON, standing_day_number(2027, 8, 16)},
        {"What is the fee in 2026?", STANDING_ON, today},
        {"From when does it cost 14 euros?", STANDING_ANY, today},
        {"Ab wann kostet es 14 Euro?", STANDING_ANY, today},
        {"What will the fee be?", STANDING_ANY, today},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t day;
        if (standing_day_asked(cases[i].question, today, &day) != cases[i].asked || day != cases[i].day)
            fail_msg("%s: %lld", cases[i].question, (long long)day);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_change),
        cmocka_unit_test(what_was_before),
        cmocka_unit_test(what_was_written_later),
        cmocka_unit_test(one_matter_or_two),
        cmocka_unit_test(which_value_is_the_old_one),
        cmocka_unit_test(entries_of_one_document),
        cmocka_unit_test(days_of_a_statement),
        cmocka_unit_test(the_day_that_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
