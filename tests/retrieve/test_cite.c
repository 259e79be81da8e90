/* test_cite.c - markers, support, numbers and names, languages, evidence and refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/cite.h"
#include "retrieve/sentences.h"

static analyzer *an;

static const char lease[] =
    "The lease was signed in Bonn by Eva Adler. It ends on 31 March 2027, unless one side gives "
    "notice. The monthly rent is 1,200 euros and is due on the third day. Pets need a written "
    "permission of the owner.";
static const char heating[] =
    "The boiler is serviced every two years by Adler & Sons. The last service was in 2024. "
    "Radiators are bled in October.";
static const char german[] =
    "Der Mietvertrag endet am 31. März 2027. Die Kündigungsfrist beträgt drei Monate. Haustiere "
    "brauchen eine Genehmigung.";
static const char chinese[] =
    "\xE5\x90\x88\xE5\x90\x8C\xE4\xBA\x8E""2027\xE5\xB9\xB4\xE7\xBB\x93\xE6\x9D\x9F\xE3\x80\x82"
    "\xE6\x88\xBF\xE7\xA7\x9F\xE6\xAF\x8F\xE6\x9C\x88\xE4\xB8\x80\xE5\x8D\x83\xE4\xBA\x8C\xE7\x99\xBE"
    "\xE6\xAC\xA7\xE5\x85\x83\xE3\x80\x82"; /* The contract ends in 2027. The rent is ... */

static const char statutes[] =
    "4. The treasurer may spend up to 250 pounds.\n5. Membership ends with a notice of four weeks.";

static const cite_passage passages[] = {
    {lease, sizeof lease - 1, "Lease of flat 7", "Terms", "en"},
    {heating, sizeof heating - 1, "House book 2025", "", "en"},
    {german, sizeof german - 1, "Mietvertrag", NULL, "de"},
    {chinese, sizeof chinese - 1, NULL, NULL, "zh"},
    {statutes, sizeof statutes - 1, "Statutes", NULL, "en"},
};

static citation *check(const char *answer, arena *a, size_t *n)
{
    citation *out;
    cairn_error err = {0};

    if (cite_check(an, "en", answer, strlen(answer), passages, sizeof passages / sizeof *passages, NULL, NULL, a, &out, n, &err))
        fail_msg("%s", err.text);
    return out;
}

/* One claim each, its first citation, and whether it holds; `from` begins the supporting part. */
static const struct {
    const char *answer;
    uint32_t n;
    bool supported, numbers;
    const char *from;
} claims[] = {
    {"The lease ends on 31 March 2027 [1].", 1, true, true, "It ends on"},
    {"The lease ends on 31 March 2027. [1]", 1, true, true, "It ends on"},
    {"The lease ended on 30 March 2027 [1].", 1, false, false, NULL},
    {"The rent is 1200 euros a month [1].", 1, true, true, "The monthly rent"},
    {"The rent is 1300 euros a month [1].", 1, false, false, NULL},
    {"The rent is EUR 1.200,00 a month [1].", 1, true, true, "The monthly rent"},
    {"The rent is 1200 dollars a month [1].", 1, false, false, NULL},
    {"The lease ends on 31.03.2027 [1].", 1, true, true, "It ends on"},
    {"The lease ends in 2027 [1].", 1, true, true, "It ends on"},
    {"The boiler is serviced every 2 years [2].", 2, true, true, "The boiler is"},
    {"The lease was signed by Eva Adler [1].", 1, true, true, "The lease was"},
    {"The lease was signed by Max Adler [1].", 1, false, false, NULL},
    {"Radiators are bled in October [passage 2].", 2, true, true, "Radiators are"},
    {"Radiators are bled in October [1].", 1, false, false, NULL},
    {"The last service was in 2025 [2].", 2, false, false, NULL}, /* a title is no number */
    {"four weeks [5]", 5, true, true, "5. Membership"},
    {"Bananas grow on tall herbs [2].", 2, false, true, NULL},
    {"Pets need permission [7].", 7, false, false, NULL},
    {"Der Vertrag endet am 31. März 2027 [3].", 3, true, true, "Der Mietvertrag endet"},
    {"Der Mietvertrag endete am 31. März 2027 [3].", 3, true, true, "Der Mietvertrag endet"},
    {"\xE5\x90\x88\xE5\x90\x8C\xE4\xBA\x8E""2027\xE5\xB9\xB4\xE7\xBB\x93\xE6\x9D\x9F[4]\xE3\x80\x82", 4, true,
     true, "\xE5\x90\x88\xE5\x90\x8C"},
};

static void claims_are_supported_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        arena a;
        size_t n;
        arena_init(&a, 1 << 20);
        citation *c = check(claims[i].answer, &a, &n);
        if (n != 1)
            fail_msg("'%s': %zu citations", claims[i].answer, n);
        if (c->n != claims[i].n || c->supported != claims[i].supported || c->guessed ||
            (claims[i].numbers != c->numbers_match && claims[i].supported))
            fail_msg("'%s': n %u supported %d exact %d support %.2f", claims[i].answer, c->n,
                     c->supported, c->numbers_match, (double)c->support);
        assert_true(claims[i].answer[c->marker_start] == '[');
        assert_true(claims[i].answer[c->marker_end - 1] == ']');
        if (claims[i].from) {
            const char *text = passages[c->n - 1].text;
            assert_true(c->end > c->start && c->end <= passages[c->n - 1].len);
            if (strncmp(text + c->start, claims[i].from, strlen(claims[i].from)))
                fail_msg("'%s': supported by '%.*s'", claims[i].answer, (int)(c->end - c->start),
                         text + c->start);
        }
        arena_clear(&a);
    }
}

/* Claims against one passage: whether they hold, by the names in them. */
static const struct {
    const char *lang, *claim, *passage;
    bool supported;
} names[] = {
    {"en", "Fieldmann, Anna", "The form was filled in by Anna at noon.", false},
    {"en", "Fieldmann signed it.", "Feldmann signed it.", false},
    {"en", "Feldmann signed it.", "Feldmann signed it.", true},
    {"en", "Max Adler signed the lease.", "The lease was signed in Bonn by Eva Adler.", false},
    {"en", "Eva Adler signed the lease.", "The lease was signed in Bonn by Eva Adler.", true},
    {"en", "Adler, Eva", "The lease was signed in Bonn by Eva Adler.", true},
    {"en", "Grinding was slower in the cold.", "It was slower in the cold, for grinding takes heat.", true},
    {"en", "Customers must register within two weeks.", "Clients must register within two weeks.", true},
    {"en", "Austria and Australia sent guests.", "Guests were sent by Austria and Australia.", true},
    {"de", "Max Adler unterschrieb den Vertrag.", "Der Vertrag wurde in Bonn von Eva Adler unterschrieben.", false},
    {"de", "Eva Adler unterschrieb den Vertrag.", "Der Vertrag wurde in Bonn von Eva Adler unterschrieben.", true},
    {"de", "Der Vertrag wurde von Fieldmann unterschrieben.", "Feldmann unterschrieb den Vertrag.", false},
    {"de", "Die Mitarbeiterin unterschrieb den Vertrag.", "Die Mitarbeiterinnen unterschrieben den Vertrag.", true},
    {"de", "Die Häuser gehören der Gemeinde.", "Das Haus gehört der Gemeinde.", true},
    {"de", "Die Schlüssel liegen im Büro der Verwaltung.", "Die Schlüssel liegen im Büro der Hausverwaltung.", true},
    {"fr", "Monsieur Dupond a signé le bail.", "Monsieur Dupont a signé le bail.", false},
};

static void another_name_is_not_confirmed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cite_passage p = {names[i].passage, strlen(names[i].passage), NULL, NULL, names[i].lang};
        cairn_error err = {0};
        arena a;
        citation *c;
        size_t n;
        arena_init(&a, 1 << 20);
        assert_int_equal(cite_check(an, NULL, names[i].claim, strlen(names[i].claim), &p, 1, NULL, NULL, &a, &c, &n, &err), 0);
        if ((n == 1 && c->supported) != names[i].supported)
            fail_msg("'%s' by '%s': %zu, support %.2f", names[i].claim, names[i].passage, n, n ? (double)c->support : 0);
        arena_clear(&a);
    }
}

static void markers_are_read_in_every_form(void **state)
{
    arena a;
    size_t n;
    const char *answer =
        "Adler signed the lease in Bonn [1, 2]. Radiators are bled in October [1-3][2]. "
        "An array a[1x] and [note] are no markers [ 2 ; 1 ].";
    static const uint32_t want[] = {1, 2, 1, 2, 3, 2, 1};

    (void)state;
    arena_init(&a, 1 << 20);
    citation *c = check(answer, &a, &n);
    assert_int_equal(n, 7);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(c[i].n, want[i]);
        assert_true(i == 0 || c[i].claim_start >= c[i - 1].claim_start);
    }
    assert_true(c[0].supported);
    assert_false(c[2].supported);
    assert_true(c[3].supported);

    char *bare;
    cairn_error err = {0};
    assert_int_equal(cite_strip_markers(answer, strlen(answer), &a, &bare, &err), 0);
    assert_string_equal(bare, "Adler signed the lease in Bonn. Radiators are bled in October. An "
                              "array a[1x] and [note] are no markers.");
    assert_null(check("", &a, &n));
    assert_int_equal(n, 0);
    arena_clear(&a);
}

static void a_missing_marker_is_found_by_itself(void **state)
{
    arena a;
    size_t n;
    const char *answer = "The monthly rent is 1,200 euros. Nobody knows the colour of the door.";

    (void)state;
    arena_init(&a, 1 << 20);
    citation *c = check(answer, &a, &n);
    assert_int_equal(n, 1);
    assert_true(c->guessed && c->supported);
    assert_int_equal(c->n, 1);
    assert_int_equal(c->claim_start, 0);
    assert_true(strncmp(lease + c->start, "The monthly rent", 16) == 0);
    assert_int_equal(c->marker_start, c->marker_end);
    arena_clear(&a);
}

static void sentences_end_where_they_end(void **state)
{
    arena a;
    size_t n;
    const char *answer = "1. J. Adler serviced the boiler in 2024 [2].\n2. Pets need a written "
                         "permission [1]. Version 3.5 is unknown [1]";

    (void)state;
    arena_init(&a, 1 << 20);
    citation *c = check(answer, &a, &n);
    assert_int_equal(n, 3);
    assert_int_equal(c[0].claim_start, 0);
    assert_true(strncmp(answer + c[1].claim_start, "2. Pets", 7) == 0);
    assert_true(strncmp(answer + c[2].claim_start, "Version 3.5", 11) == 0);
    assert_false(c[2].supported);
    arena_clear(&a);

    const char *image = "See ![the pump](https://a.example/p.png?x=1) here. Stop![1] It ends.";
    text_span *s;
    cairn_error err = {0};
    assert_int_equal(sentences_split(image, strlen(image), true, false, &s, &n, &err), 0);
    assert_int_equal(n, 3);
    assert_int_equal(s[0].end, strstr(image, " Stop") - image);
    free(s);

    static const struct {
        const char *text;
        size_t n;
    } days[] = {{"Paul | 30. November 2012", 1}, {"Paul | 3. Juni", 1}, {"Fällig am 14. August 2025. Danach nicht.", 2}, {"We sold 30. April was bad.", 2}, {"Room 12. Mainly wood.", 2}};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) { /* of a document that was taken for an English one */
        assert_int_equal(sentences_split(days[i].text, strlen(days[i].text), false, false, &s, &n, &err), 0);
        if (n != days[i].n)
            fail_msg("%s: %zu", days[i].text, n);
        free(s);
    }
}

/* A message of a chat begins with its time, however long the line before it is; a number at a line's start may be wrapped text. */
static void messages_of_a_chat_are_sentences(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } logs[] = {
        {"02/04/2025, 07:31 - Mum: the operation went well, she is in ward 6, visiting 2 to 5\n02/04/2025, 07:35 - Gwen: which hip was it\n"
         "02/04/2025, 07:36 - Mum: the left one", 3},
        {"20:14 Vega: has anybody seen the comet that they all speak of yet, or not\n20:15 Rigel: low in the southwest", 2},
        {"2025-01-11T20:14:02 the pump was started by hand because the relay was stuck\n2025-01-11T20:15:02 it runs", 2},
        {"the budget was raised by the council in the spring of this year to about\n2025 euros, and to", 1},
        {"the rate that was paid by the bank to all of its customers then was about\n0.5 per cent", 1},
        {"of the goals that were shot in the first half of the last season about\n3:2 is the mean", 1},
        {"5 Jul   Oceanarium, tickets at 10:00 (Paulo has booked, 67 euros for all of us)\n6 Jul   Sintra with the family", 2},
        {"Oil\tto be changed by the garage once a year, in the spring, before the tour\nTyres\tin November", 2},
        {"He left.  She stayed on for another year and was then called to the court of\nthe king.  He", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        text_span *s;
        size_t n;
        assert_int_equal(sentences_split(logs[i].text, strlen(logs[i].text), false, false, &s, &n, NULL), CAIRN_OK);
        if (n != logs[i].n)
            fail_msg("%s: %zu", logs[i].text, n);
        free(s);
    }
}

static void any_bytes_can_be_checked(void **state)
{
    static const char *const parts[] = {"[1]", "[", "]", "[2,", "1-", "\xff", " ", ".", "lease",
                                        "2027", "\n", "\xE3\x80\x82", "Eva", "[99999]", "[1-900]"};

    (void)state;
    srand(7);
    for (int round = 0; round < 2000; round++) {
        char text[256] = "";
        arena a;
        size_t n;
        citation *out;
        cairn_error err = {0};
        for (int k = rand() % 25; k > 0; k--)
            strcat(text, parts[(size_t)rand() % (sizeof parts / sizeof *parts)]);
        size_t len = strlen(text);
        char *exact = malloc(len ? len : 1); /* no byte behind the text */
        memcpy(exact, text, len);
        cite_passage p = {exact, len, NULL, NULL, NULL};
        arena_init(&a, 1 << 20);
        assert_int_equal(cite_check(an, NULL, exact, len, &p, 1, NULL, NULL, &a, &out, &n, &err), 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(out[i].claim_end <= len && out[i].marker_end <= len);
            assert_true(out[i].start <= out[i].end && out[i].end <= len);
        }
        arena_clear(&a);
        free(exact);
    }
}

/* A name that only the question used need not be in the passage; a number of the answer must. */
/* The title may help a sentence, but one that says it itself is where it stands. */
static void what_the_title_alone_says_is_known(void **state)
{
    static const char river[] = "It saw two cold phases. Much of the water was led to the Rhine. The gates were shut.";
    const cite_passage p = {river, sizeof river - 1, "The Rhine and Drusus", NULL, "en"};
    static const struct {
        const char *claim, *from;
        bool by_head;
    } rows[] = {{"the Rhine [1]", "Much of", false}, {"Drusus [1]", "It saw", true}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        citation *out;
        size_t n;
        arena a;
        arena_init(&a, 1 << 20);
        assert_int_equal(cite_check(an, "en", rows[i].claim, strlen(rows[i].claim), &p, 1, NULL, NULL, &a, &out, &n, NULL), CAIRN_OK);
        assert_int_equal(n, 1);
        assert_true(out[0].supported);
        assert_int_equal(out[0].by_head, rows[i].by_head);
        assert_memory_equal(river + out[0].start, rows[i].from, strlen(rows[i].from));
        arena_clear(&a);
    }
}

static void words_of_the_question_count_little(void **state)
{
    static const char text[] = "The mill weighs 7.8 kg without its hopper. It is 41 cm high.";
    cite_passage p = {.text = text, .len = sizeof text - 1, .title = "K2 manual", .lang = "en"};
    static const char good[] = "The weight of the Muehle K2 is 7.8 kg.", bad[] = "The Muehle K2 weighs 9.8 kg.";
    cite_params params;
    citation *out;
    size_t n;
    arena a;

    arena_init(&a, 1 << 20);
    cite_params_default(&params);
    assert_int_equal(cite_check(NULL, "en", good, sizeof good - 1, &p, 1, NULL, &params, &a, &out, &n, NULL), 0);
    assert_int_equal(n, 0);
    params.question = "Was wiegt die Muehle K2?";
    assert_int_equal(cite_check(NULL, "en", good, sizeof good - 1, &p, 1, NULL, &params, &a, &out, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_true(out[0].supported);
    assert_memory_equal(text + out[0].start, "The mill weighs 7.8 kg", 22);
    assert_int_equal(cite_check(NULL, "en", bad, sizeof bad - 1, &p, 1, NULL, &params, &a, &out, &n, NULL), 0);
    assert_int_equal(n, 0);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_are_supported_or_not),
        cmocka_unit_test(another_name_is_not_confirmed),
        cmocka_unit_test(markers_are_read_in_every_form),
        cmocka_unit_test(a_missing_marker_is_found_by_itself),
        cmocka_unit_test(sentences_end_where_they_end),
        cmocka_unit_test(messages_of_a_chat_are_sentences),
        cmocka_unit_test(any_bytes_can_be_checked),
        cmocka_unit_test(what_the_title_alone_says_is_known),
        cmocka_unit_test(words_of_the_question_count_little),
    };
    cairn_error err = {0};

    if (analyzer_create(&an, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    analyzer_destroy(an);
    return failed;
}
