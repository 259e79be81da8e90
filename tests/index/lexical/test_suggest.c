/* test_suggest.c - completions and corrections against a plain list of every word written, with an
 * edit distance by the textbook's table. */
#include "index/lexical/reader.h"
#include "index/lexical/suggest.h"
#include "tests/index/lexical/corpus.h"

/* Optimal string alignment, ASCII. */
static size_t distance(const char *a, const char *b)
{
    static size_t d[64][64];
    size_t n = strlen(a), m = strlen(b);
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            size_t best = i ? d[i - 1][j] + 1 : j;
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (d[i - 1][j - 1] + (a[i - 1] != b[j - 1]) < best)
                best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

#define FORMS 600
static char forms_made[FORMS][24];

/* Random words of few letters with English endings, so that many share stems and lie near others. */
static void random_forms(random_state *r)
{
    static const char *const ends[] = {"", "s", "ed", "ing", "ation", "er", "ize", "ly"};
    for (size_t i = 0; i < FORMS; i++) {
        size_t n = 3 + random_below(r, 4), k;
        for (k = 0; k < n; k++)
            forms_made[i][k] = (char)("abcdeiost"[random_below(r, 9)]);
        snprintf(forms_made[i] + n, sizeof forms_made[i] - n, "%s", ends[random_below(r, 8)]);
    }
}

static bool was_made(const char *form)
{
    for (size_t i = 0; i < FORMS; i++)
        if (!strcmp(forms_made[i], form))
            return true;
    return false;
}

/* Among all words at hand, with how often each is written, the same are chosen as by walking the dictionary. */
static void ranked_alike(const lexical_segment *seg, const char *typed, const suggest_word *want, size_t n_want, arena *memory)
{
    static suggest_word all[FORMS];
    size_t n = 0;

    for (size_t i = 0; i < FORMS; i++) {
        bool again = false;
        for (size_t j = 0; j < i && !again; j++)
            again = !strcmp(forms_made[i], forms_made[j]);
        if (again)
            continue;
        all[n] = (suggest_word){.text = forms_made[i], .len = strlen(forms_made[i])};
        assert_int_equal(suggest_count(seg, 2, all[n].text, all[n].len, &all[n].count, NULL), CAIRN_OK);
        n++;
    }
    assert_int_equal(suggest_rank(typed, strlen(typed), FORMS, memory, all, &n, NULL), CAIRN_OK);
    assert_int_equal(n, n_want);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(all[i].text, want[i].text);
        assert_int_equal(all[i].count, want[i].count);
        assert_int_equal(all[i].edits, want[i].edits);
    }
}

static void suggestions_are_the_words_written(void **state)
{
    random_state r = random_seeded();
    static char text[2][FORMS * 24];
    (void)state;

    for (size_t round = 0; round < 4; round++) {
        test_index ix[2];
        lexical_segment seg[2];
        const char *texts[2] = {text[0], text[1]};
        size_t len[2] = {0, 0};
        random_forms(&r);
        text[0][0] = text[1][0] = 0;
        for (size_t i = 0; i < FORMS; i++) {
            size_t s = random_below(&r, 2);
            len[s] += (size_t)snprintf(text[s] + len[s], sizeof text[s] - len[s], "%s ",
                                       forms_made[i]);
        }
        for (size_t s = 0; s < 2; s++) {
            index_texts(&ix[s], &texts[s], 1, "en");
            seg[s] = (lexical_segment){ix[s].reader, NULL, NULL};
        }
        for (size_t q = 0; q < 120; q++) {
            static suggest_word words[4 * FORMS];
            arena memory;
            size_t n, want = 0;
            char typed[32];
            bool complete = q % 2;
            arena_init(&memory, 1 << 24);
            snprintf(typed, sizeof typed, "%s", forms_made[random_below(&r, FORMS)]);
            if (complete) {
                typed[random_below(&r, 4) + 1] = 0;
            } else {
                typed[random_below(&r, strlen(typed))] = (char)('a' + random_below(&r, 26));
            }
            cairn_status st = complete
                                  ? suggest_complete(seg, 2, typed, strlen(typed), 4 * FORMS,
                                                     &memory, words, &n, NULL)
                                  : suggest_correct(seg, 2, typed, strlen(typed), 4 * FORMS,
                                                    &memory, words, &n, NULL);
            assert_int_equal(st, CAIRN_OK);
            if (!complete)
                ranked_alike(seg, typed, words, n, &memory);
            for (size_t i = 0; i < n; i++) {
                size_t d = distance(typed, words[i].text);
                if (!was_made(words[i].text))
                    fail_msg("%s for %s was never written", words[i].text, typed);
                if (complete)
                    assert_memory_equal(words[i].text, typed, strlen(typed));
                else if (d != words[i].edits || d > 2)
                    fail_msg("%s is %zu edits from %s, not %u", words[i].text, d, typed,
                             words[i].edits);
                for (size_t j = 0; j < i; j++)
                    assert_string_not_equal(words[i].text, words[j].text);
            }
            for (size_t i = 0; i < FORMS; i++) {
                bool again = false;
                size_t d = distance(typed, forms_made[i]);
                for (size_t j = 0; j < i && !again; j++)
                    again = !strcmp(forms_made[i], forms_made[j]);
                if (!again)
                    want += complete ? !strncmp(forms_made[i], typed, strlen(typed))
                                     : strlen(typed) >= 3 && d > 0 &&
                                           d <= (strlen(typed) >= 5 ? 2 : 1);
            }
            if (n != want)
                fail_msg("%zu of %zu suggestions for %s", n, want, typed);
            arena_clear(&memory);
        }
        index_close(&ix[0]);
        index_close(&ix[1]);
    }
}

static const char *const library[] = {
    "The organisation of the organisations was organised by organisers.",
    "An organisation chart hangs beside the quarterly report.",
    "The quarterly report names the tenants and their landlords.",
    "Tenants report leaks to the landlord. The landlord repairs the roof.",
    "Caf\xC3\xA9 owners and the tenants of the caf\xC3\xA9 met.",
    "The form of a loan is a form of trust; the from field is empty.",
    "Trust the loan form.",
    "No hand and no ore is here. No hand, no ore.",
};

static const struct {
    const char *typed, *want;
} rows[] = {
    {"organisaton", "organisation"}, /* never the stem "organis" */
    {"organisation", NULL},
    {"quaterly reprot", "quarterly report"},
    {"the landlrod", "the landlord"},
    {"landlorrd xqzvwk", "landlord xqzvwk"}, /* a slip of the hand stands by itself */
    {"landlort xqzvwk", NULL},
    {"ext:txt tenents", "ext:txt tenants"},
    {"tenents*", NULL},
    {"\"quarterly reprot\"", "\"quarterly report\""},
    {"organising", NULL}, /* nobody wrote it, but its stem finds what it means */
    {"xqzvwk", NULL},
    {"", NULL},
    {"cafe", NULL},
    {"TENENTS", "tenants"},
    {"tenants AND NOT report", NULL}, /* operators, not words that nobody wrote */
    {"(tenants OR landlord) AND (NOT quaterly)", "(tenants OR landlord) AND (NOT quarterly)"},
};

static void questions_are_corrected(void **state)
{
    test_index ix;
    analyzer *a;
    (void)state;

    index_texts(&ix, library, sizeof library / sizeof *library, "en");
    lexical_segment seg = {ix.reader, NULL, NULL};
    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        arena memory;
        const char *got;
        arena_init(&memory, 1 << 24);
        assert_int_equal(suggest_query(a, &seg, 1, rows[i].typed, strlen(rows[i].typed), NULL, 0,
                                       &memory, &got, NULL),
                         CAIRN_OK);
        if (!got != !rows[i].want || (got && strcmp(got, rows[i].want)))
            fail_msg("\"%s\" became \"%s\", not \"%s\"", rows[i].typed, got ? got : "(nothing)",
                     rows[i].want ? rows[i].want : "(nothing)");
        arena_clear(&memory);
    }
    analyzer_destroy(a);
    index_close(&ix);
}

/* Questions whose words are right, in languages and about things that the library has little of, are left as they are:
 * seen while the rules were made, and held out until they were. */
static void right_words_are_left_alone(void **state)
{
    static const char *const texts[] = {
        "We may order the water pump today. We put the muss into the machine room.",
        "The quarry sells granite, and we must die trying to lift it. That is a new lathe.",
        "The filter of the water pump is changed each year by our team.",
        "An adverse ruling of the court was read to the landlord.",
        "Each tenant had a school of thought about the code of the door.",
        "The later season brought a stacked order; the grade was cut.",
        "The file of the motor was saved. Take care of the music and the price.",
        "Our tonnes of stone are under the shed, and the work is due for the union.",
    };
    static const char *const left[] = {
        "Muss man die Maschine vor dem Reinigen abschalten?", "Wie weit ist die Grube?", "Was kostet die Wartung?",
        "Est-ce que le chien peut entrer dans le jardin ?", "Quel est le prix de la machine ?",
        "¿Dónde está la llave de la bomba?", "¿Quién firmó el contrato?", "How many visitors did the museum have?",
        "Which tunnels lead to the quarry?", "Where is the Gorge with granite?",
        /* held out */
        "Darf der Hund in den Garten?", "Welche Schule liegt an der Mauer?", "Qui a signé le contrat de location ?",
        "Combien de tonnes sont dans la remise ?", "¿Cuánto cuesta reparar la bomba?", "¿Hay que apagar el motor?",
        "Waar ligt de sleutel van de kelder?", "Chi ha firmato il contratto di affitto?", "Onde fica a chave da bomba?",
        "Who composed the prize of the lathe?", "Did the Manning court rule on granite?", "Var finns nyckeln till pumpen?",
    };
    test_index ix;
    analyzer *a;
    (void)state;

    index_texts(&ix, texts, sizeof texts / sizeof *texts, "en");
    lexical_segment seg = {ix.reader, NULL, NULL};
    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        arena memory;
        const char *got;
        arena_init(&memory, 1 << 24);
        assert_int_equal(suggest_query(a, &seg, 1, left[i], strlen(left[i]), NULL, 0, &memory, &got, NULL), CAIRN_OK);
        if (got)
            fail_msg("\"%s\" became \"%s\"", left[i], got);
        arena_clear(&memory);
    }
    analyzer_destroy(a);
    index_close(&ix);
}

/* In a library of two languages slips of both are mended; of the one that hardly a row is in, none. */
static void a_language_is_mended_where_it_is_held(void **state)
{
    static const char *const english = "The water pump was repaired in the machine room by the landlord.";
    static const char *const german = "Die Wasserpumpe wurde vom Vermieter im Maschinenraum repariert, und die Rechnung kam im Mai.";
    static const char *typed = "Wann kam die Rechnugn vom Vermieter für die Wasserpumpe?";
    const char *texts[64];
    (void)state;

    for (size_t n_german = 1; n_german <= 10; n_german += 9) {
        test_index ix[2];
        lexical_segment seg[2];
        analyzer *a;
        arena memory;
        const char *got;
        for (size_t i = 0; i < 50; i++)
            texts[i] = english;
        index_texts(&ix[0], texts, 50, "en");
        for (size_t i = 0; i < n_german; i++)
            texts[i] = german;
        index_texts(&ix[1], texts, n_german, "de");
        for (size_t s = 0; s < 2; s++)
            seg[s] = (lexical_segment){ix[s].reader, NULL, NULL};
        assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
        arena_init(&memory, 1 << 24);
        assert_int_equal(suggest_query(a, seg, 2, typed, strlen(typed), NULL, 0, &memory, &got, NULL), CAIRN_OK);
        if (n_german == 1)
            assert_null(got);
        else
            assert_string_equal(got, "Wann kam die rechnung vom Vermieter für die Wasserpumpe?");
        arena_clear(&memory);
        analyzer_destroy(a);
        index_close(&ix[0]);
        index_close(&ix[1]);
    }
}

/* What stands behind a field's name is corrected to what the field holds. */
static void words_of_fields_are_corrected(void **state)
{
    static const struct {
        const char *typed, *want;
        size_t start, end;
        uint32_t mask;
    } in_fields[] = {
        {"body:quaterly", "body:quarterly", 5, 13, 1u << LEXICAL_BODY},
        {"body:quarterly", NULL, 5, 14, 1u << LEXICAL_BODY},
        {"title:quarterly", NULL, 6, 15, 1u << LEXICAL_TITLE}, /* no title has anything like it */
        {"title:quaterly", NULL, 6, 14, 1u << LEXICAL_TITLE},
        {"body:(quaterly reprot)", "body:(quarterly report)", 5, 22, 1u << LEXICAL_BODY},
        {"body:quater*", NULL, 5, 12, 1u << LEXICAL_BODY},
    };
    test_index ix;
    analyzer *a;
    (void)state;

    index_texts(&ix, library, sizeof library / sizeof *library, "en");
    lexical_segment seg = {ix.reader, NULL, NULL};
    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof in_fields / sizeof *in_fields; i++) {
        const suggest_range range = {in_fields[i].start, in_fields[i].end, in_fields[i].mask};
        const char *want = in_fields[i].want, *got;
        arena memory;
        arena_init(&memory, 1 << 24);
        assert_int_equal(suggest_query(a, &seg, 1, in_fields[i].typed, strlen(in_fields[i].typed), &range, 1,
                                       &memory, &got, NULL),
                         CAIRN_OK);
        if (!got != !want || (got && strcmp(got, want)))
            fail_msg("\"%s\" became \"%s\", not \"%s\"", in_fields[i].typed, got ? got : "(nothing)", want ? want : "(nothing)");
        arena_clear(&memory);
    }
    analyzer_destroy(a);
    index_close(&ix);
}

static void the_last_word_is_known(void **state)
{
    size_t at = 99;
    (void)state;

    assert_true(suggest_last_word("the quar", 8, &at));
    assert_int_equal(at, 4);
    assert_true(suggest_last_word("quar", 4, &at));
    assert_int_equal(at, 0);
    assert_false(suggest_last_word("the ", 4, &at));
    assert_false(suggest_last_word("ext:pd", 6, &at));
    assert_false(suggest_last_word("\"the qu", 7, &at) && at == 0);
    assert_false(suggest_last_word("", 0, &at));
    assert_false(suggest_last_word("a -qu", 5, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suggestions_are_the_words_written),
        cmocka_unit_test(questions_are_corrected),
        cmocka_unit_test(right_words_are_left_alone),
        cmocka_unit_test(a_language_is_mended_where_it_is_held),
        cmocka_unit_test(words_of_fields_are_corrected),
        cmocka_unit_test(the_last_word_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
