/* test_compound.c - compounds of German and Dutch: how words are parted, what a search finds and
 * marks beside the words asked for, and the fast search against the plain one. */
#include "index/lexical/compound.h"
#include "tests/index/lexical/corpus.h"

static const char *const german[] = {
    "Die Haust\xC3\xBCr war offen.",                                  /* 0 */
    "Eine T\xC3\xBCr f\xC3\xBCr jedes Haus, und das Haus hat viele.", /* 1 */
    "Die K\xC3\xBCndigungsfrist endet.",                              /* 2 */
    "Eine Frist f\xC3\xBCr die ordentliche K\xC3\xBCndigung, die "
    "K\xC3\xBCndigung des Mieters, eine Frist.", /* 3 */
    "Arbeitszeit und Freizeit",                  /* 4 */
    "Die Zeit der Arbeit: Arbeit braucht Zeit.", /* 5 */
    "Natur und Kultur, Literatur und Struktur",  /* 6 */
    "Der Schulhof",                              /* 7 */
    "Die Schule am Hof; der Hof der Schule",     /* 8 */
    "Zwei Hauptst\xC3\xA4"
    "dte in einem Land", /* 9 */
    "Eine Stadt, ein Haupt, viele St\xC3\xA4"
    "dte",                                            /* a */
    "Kinder im Garten; ein Garten f\xC3\xBCr Kinder", /* b */
    "Der Kindergarten des Dorfes",                    /* c */
    "Ein Arbeitszeitkonto der Firma",                 /* d */
    "Das Konto der Bank und die Bank",                /* e */
    "Freitag, ein Tag; frei von allem",               /* f */
};
static const char *const dutch[] = {
    "De arbeidstijd van vandaag",  /* 0 */
    "De tijd van de arbeid",       /* 1 */
    "Een boekenkast in de kamer",  /* 2 */
    "De boeken staan in een kast", /* 3 */
    "De stadsmuur is oud",         /* 4 */
    "Een muur om de stad",         /* 5 */
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
    const char *lang, *word, *parts; /* joined by | */
} parted[] = {
    {"de", "haust\xC3\xBCr", "haus|t\xC3\xBCr"},
    {"de", "k\xC3\xBCndigungsfrist", "k\xC3\xBCndigung|frist"},
    {"de", "k\xC3\xBCndigungsfristen", "k\xC3\xBCndigung|fristen"}, /* a form nobody wrote */
    {"de", "arbeitszeit", "arbeit|zeit"},
    {"de", "arbeitszeitkonto", "arbeit|zeit|konto"},
    {"de", "schulhof", "schule|hof"},
    {"de",
     "hauptst\xC3\xA4"
     "dte",
     "haupt|st\xC3\xA4"
     "dte"},
    {"de", "kindergarten", "kinder|garten"},
    {"de", "arbeitstag", "arbeit|tag"},
    {"de", "kontobank", "konto|bank"},
    {"de", "natur", ""},
    {"de", "literatur", ""},
    {"de", "haus", ""},
    {"de", "arbeitsxyz", ""},
    {"nl", "arbeidstijd", "arbeid|tijd"},
    {"nl", "boekenkast", "boeken|kast"},
    {"nl", "stadsmuur", "stad|muur"},
    {"nl", "kamers", ""},
    {"en", "haust\xC3\xBCr", ""},
};

static void words_are_parted(void **state)
{
    test_index de, nl;
    analyzer *a;
    (void)state;

    index_texts(&de, german, COUNT(german), "de");
    index_texts(&nl, dutch, COUNT(dutch), "nl");
    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t i = 0; i < COUNT(parted); i++) {
        lexical_segment seg = {strcmp(parted[i].lang, "nl") ? de.reader : nl.reader, NULL, NULL};
        compound_words w = {&seg, 1, parted[i].lang, a};
        compound_split parts;
        char got[256] = "";
        assert_int_equal(compound_part(&w, parted[i].word, strlen(parted[i].word), &parts, NULL),
                         CAIRN_OK);
        for (size_t j = 0; j < parts.n; j++) {
            strcat(got, j ? "|" : "");
            strncat(got, parts.part[j], parts.len[j]);
        }
        if (strcmp(got, parted[i].parts))
            fail_msg("%s: parts %s, not %s", parted[i].word, got, parted[i].parts);
    }
    analyzer_destroy(a);
    index_close(&de);
    index_close(&nl);
}

static const struct {
    const char *lang, *typed;
    lexical_occur occur;
    const char *rows, *first; /* found, ascending; those that a plain search finds come first */
} found[] = {
    {"de", "T\xC3\xBCr", LEXICAL_SHOULD, "01", "1"},
    {"de", "T\xC3\xBCr", LEXICAL_MUST, "1", "1"},
    {"de", "Haust\xC3\xBCr", LEXICAL_SHOULD, "01", "0"},
    {"de", "Haust\xC3\xBCr", LEXICAL_MUST, "0", "0"},
    {"de", "Frist", LEXICAL_SHOULD, "23", "3"},
    {"de", "K\xC3\xBCndigungsfristen", LEXICAL_SHOULD, "23", "2"},
    {"de", "Zeit", LEXICAL_SHOULD, "45", "5"},
    {"de", "Arbeit", LEXICAL_SHOULD, "45", "5"},
    {"de", "Hof", LEXICAL_SHOULD, "78", "8"},
    {"de", "Stadt", LEXICAL_SHOULD, "9a", "a"},
    {"de", "Garten", LEXICAL_SHOULD, "bc", "b"},
    {"de", "Konto", LEXICAL_SHOULD, "de", "e"},
    {"de", "Bankkonto", LEXICAL_SHOULD, "e", "e"}, /* nobody wrote the whole */
    {"de", "Firma", LEXICAL_SHOULD, "d", "d"},
    {"nl", "tijd", LEXICAL_SHOULD, "01", "1"},
    {"nl", "boekenkast", LEXICAL_SHOULD, "23", "2"},
    {"nl", "muur", LEXICAL_SHOULD, "45", "5"},
};

static void compounds_are_found(void **state)
{
    test_index de, nl;
    (void)state;

    index_texts(&de, german, COUNT(german), "de");
    index_texts(&nl, dutch, COUNT(dutch), "nl");
    for (size_t i = 0; i < COUNT(found); i++) {
        lexical_segment seg = {strcmp(found[i].lang, "nl") ? de.reader : nl.reader, NULL, NULL};
        lexical_clause c = {
            .occur = found[i].occur, .text = found[i].typed, .len = strlen(found[i].typed)};
        lexical_query q = {.clauses = &c, .n = 1};
        lexical_params params;
        lexical_hit hits[COUNT(german)];
        char got[COUNT(german) + 1] = "";
        size_t n, len = 0;
        lexical_params_default(&params);
        params.compounds = true;
        assert_int_equal(lexical_search(NULL, &seg, 1, &q, &params, COUNT(german), hits, &n, NULL),
                         CAIRN_OK);
        for (uint32_t row = 0; row < COUNT(german); row++)
            for (size_t j = 0; j < n; j++)
                if (hits[j].row == row)
                    got[len++] = "0123456789abcdef"[row];
        if (strcmp(got, found[i].rows))
            fail_msg("%s: rows %s, not %s", found[i].typed, got, found[i].rows);
        if ("0123456789abcdef"[hits[0].row] != *found[i].first)
            fail_msg("%s: row %u comes first, not %s", found[i].typed, hits[0].row, found[i].first);
    }
    index_close(&de);
    index_close(&nl);
}

static void other_languages_have_none(void **state)
{
    static const char *const english[] = {"the doorbell rang", "a door and a bell", "bell"};
    test_index ix;
    (void)state;

    index_texts(&ix, english, COUNT(english), "en");
    lexical_segment seg = {ix.reader, NULL, NULL};
    lexical_clause c = {.text = "bell", .len = 4};
    lexical_query q = {.clauses = &c, .n = 1};
    lexical_params params;
    lexical_hit hits[3];
    size_t n;
    lexical_params_default(&params);
    params.compounds = true;
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, &params, 3, hits, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 2);
    q.lang_hint = "de"; /* no passage is German */
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, &params, 3, hits, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 2);
    index_close(&ix);
}

static void an_explanation_names_them(void **state)
{
    test_index ix;
    arena memory;
    lexical_explanation why;
    (void)state;

    index_texts(&ix, german, COUNT(german), "de");
    lexical_segment seg = {ix.reader, NULL, NULL};
    lexical_clause c = {.text = "K\xC3\xBCndigungsfrist Zeit", .len = 21};
    lexical_query q = {.clauses = &c, .n = 1};
    lexical_params params;
    lexical_hit hits[2] = {{0, 3, 1}, {0, 4, 1}};
    lexical_params_default(&params);
    params.compounds = true;
    arena_init(&memory, 1 << 24);
    assert_int_equal(lexical_explain(NULL, &seg, 1, &q, &params, hits, 2, &memory, &why, NULL),
                     CAIRN_OK);
    assert_int_equal(why.n_patterns, 1);
    assert_string_equal(why.patterns[0].name, "compounds of zeit");
    assert_int_equal(why.patterns[0].words, 2);
    assert_string_equal(why.patterns[0].shown[0].name, "arbeitszeit");
    assert_int_equal(why.reasons[0].n, 1);
    assert_string_equal(why.reasons[0].at[0].name, "kundig frist");
    assert_int_equal(why.reasons[1].n, 1);
    assert_string_equal(why.reasons[1].at[0].name, "compounds of zeit");
    arena_clear(&memory);
    index_close(&ix);
}

static const struct {
    const char *typed, *text, *marks; /* joined by | */
} marked[] = {
    {"T\xC3\xBCr", "Haust\xC3\xBCren, eine T\xC3\xBCr, Natur, Literatur",
     "Haust\xC3\xBCren|T\xC3\xBCr"},
    {"Haust\xC3\xBCr", "Die T\xC3\xBCr am Haus, die Haust\xC3\xBCr",
     "T\xC3\xBCr|Haus|Haust\xC3\xBCr"},
    {"Zeit", "Arbeitszeit braucht Zeit, keine Arbeit", "Arbeitszeit|Zeit"},
    {"Arbeit", "Arbeitszeit braucht Arbeit", "Arbeitszeit|Arbeit"},
};

static void what_was_found_is_marked(void **state)
{
    test_index ix;
    lexical_params params;
    (void)state;

    index_texts(&ix, german, COUNT(german), "de");
    lexical_segment seg = {ix.reader, NULL, NULL};
    lexical_params_default(&params);
    params.compounds = true;
    params.known = &seg;
    params.n_known = 1;
    for (size_t i = 0; i < COUNT(marked); i++) {
        lexical_clause c = {.text = marked[i].typed, .len = strlen(marked[i].typed)};
        lexical_query q = {.clauses = &c, .n = 1};
        lexical_range r[16];
        char got[256] = "";
        size_t n;
        assert_int_equal(lexical_highlight(NULL, &q, &params, "de", marked[i].text,
                                           strlen(marked[i].text), r, 16, &n, NULL),
                         CAIRN_OK);
        for (size_t j = 0; j < n; j++) {
            strcat(got, j ? "|" : "");
            strncat(got, marked[i].text + r[j].start, r[j].end - r[j].start);
        }
        if (strcmp(got, marked[i].marks))
            fail_msg("%s marks %s, not %s", marked[i].typed, got, marked[i].marks);
    }
    index_close(&ix);
}

/* Words of one to three roots, joined as German joins them. */
static size_t put_word(random_state *r, char *dst, size_t cap)
{
    static const char *const roots[] = {"haus",  "t\xC3\xBCr",      "arbeit", "zeit",
                                        "frist", "schul",           "garten", "stadt",
                                        "konto", "k\xC3\xBCndigung"};
    static const char *const links[] = {"", "", "s", "es", "en", "e"};
    static const char *const ends[] = {"", "", "en", "e", "s"};
    size_t len = 0;

    for (size_t n = 1 + (random_below(r, 2) ? random_below(r, 3) : 0); n; n--)
        len += (size_t)snprintf(dst + len, cap - len, "%s%s", roots[random_below(r, COUNT(roots))],
                                n > 1 ? links[random_below(r, COUNT(links))]
                                      : ends[random_below(r, COUNT(ends))]);
    return len + (size_t)snprintf(dst + len, cap - len, " ");
}

static void random_compounds_agree_with_the_plain_search(void **state)
{
    random_state r = random_seeded();
    static char text[300][1024];
    const char *texts[300];
    static lexical_hit fast[100], plain[100];
    analyzer *a;
    size_t some = 0;
    (void)state;

    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t round = 0; round < 4; round++) {
        test_index ix[2];
        lexical_segment seg[2];
        lexical_params params;
        lexical_params_default(&params);
        params.compounds = true;
        params.proximity = round & 1 ? 0.25f : 0;
        for (size_t s = 0; s < 2; s++) {
            for (size_t i = 0; i < COUNT(texts); i++) {
                size_t len = 0;
                for (size_t n = 1 + random_below(&r, 20); n; n--)
                    len += put_word(&r, text[i] + len, sizeof text[i] - len);
                texts[i] = text[i];
            }
            index_texts(&ix[s], texts, COUNT(texts), random_below(&r, 4) ? "de" : "nl");
            seg[s] = (lexical_segment){ix[s].reader, NULL, NULL};
        }
        for (size_t i = 0; i < 40; i++) {
            char typed[2][256];
            lexical_clause c[2] = {{.text = typed[0]}, {.text = typed[1]}};
            lexical_query q = {c, 1 + random_below(&r, 2), random_below(&r, 2) ? "" : "de"};
            size_t n, m, k = 1 + random_below(&r, 100);
            for (size_t j = 0; j < 2; j++) {
                for (size_t w = 1 + random_below(&r, 3); w; w--)
                    c[j].len += put_word(&r, typed[j] + c[j].len, sizeof typed[j] - c[j].len);
                c[j].occur = j ? (lexical_occur)random_below(&r, 3) : LEXICAL_SHOULD;
                c[j].boost = random_below(&r, 3) ? 0 : 2.5f;
            }
            assert_int_equal(lexical_search(a, seg, 2, &q, &params, k, fast, &n, NULL), CAIRN_OK);
            assert_int_equal(lexical_search_exhaustive(a, seg, 2, &q, &params, k, plain, &m, NULL),
                             CAIRN_OK);
            assert_int_equal(n, m);
            some += n;
            for (size_t j = 0; j < n; j++)
                if (fast[j].row != plain[j].row || fast[j].segment != plain[j].segment ||
                    memcmp(&fast[j].score, &plain[j].score, sizeof fast[j].score))
                    fail_msg("hit %zu of round %zu differs", j, round);
        }
        for (size_t s = 0; s < 2; s++)
            index_close(&ix[s]);
    }
    assert_true(some > 0);
    analyzer_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_parted),
        cmocka_unit_test(compounds_are_found),
        cmocka_unit_test(other_languages_have_none),
        cmocka_unit_test(an_explanation_names_them),
        cmocka_unit_test(what_was_found_is_marked),
        cmocka_unit_test(random_compounds_agree_with_the_plain_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
