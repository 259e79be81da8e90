/* test_identifiers.c - part numbers and the like in any spelling (plan_identifiers.c). */
#include "index/lexical/reader.h"
#include "tests/index/lexical/corpus.h"

static const char *const parts[] = {
    "The part AB-1234/7 is the seal of the pump.", /* 0 */
    "The valve XY 5678 fits it.",                  /* 1 */
    "The ring AB-1299/7 is of brass.",             /* 2 */
    "The hose QZ4711 is black.",                   /* 3 */
    "Made after ISO9001 in 5 steps of 10.",        /* 4 */
    "Call 0351-4455667 before 1996.",              /* 5 */
    "It weighs 510 grams, 12 of these copper.",    /* 6 */
    "K2-BU-64T is the burr set of the grinder.",   /* 7 */
};

/* Rows found, a digit each. */
static void found_by(analyzer *a, const lexical_segment *seg, lexical_clause c, char *out)
{
    lexical_query q = {.clauses = &c, .n = 1};
    uint64_t bits[1] = {0};
    uint64_t *rows[] = {bits};
    size_t n = 0;

    if (c.occur == LEXICAL_SHOULD) {
        lexical_hit hits[16];
        size_t n_hits;
        assert_int_equal(lexical_search(a, seg, 1, &q, NULL, 16, hits, &n_hits, NULL), CAIRN_OK);
        for (size_t i = 0; i < n_hits; i++)
            bits[0] |= (uint64_t)1 << hits[i].row;
    } else {
        assert_int_equal(lexical_match(a, seg, 1, &q, NULL, rows, NULL), CAIRN_OK);
    }
    for (unsigned row = 0; row < 64; row++)
        if (bits[0] >> row & 1)
            out[n++] = (char)('0' + row);
    out[n] = '\0';
}

static const struct {
    lexical_kind kind;
    lexical_occur occur;
    const char *typed, *rows;
} asked[] = {
    {LEXICAL_WORDS, LEXICAL_SHOULD, "AB1234", "0"},
    {LEXICAL_WORDS, LEXICAL_MUST, "ab1234", "0"},
    {LEXICAL_WORDS, LEXICAL_MUST, "ab12347", "0"}, /* two signs at once */
    {LEXICAL_WORDS, LEXICAL_MUST, "AB1235", ""},
    {LEXICAL_WORDS, LEXICAL_MUST, "AB-12347", "0"},
    {LEXICAL_WORDS, LEXICAL_MUST, "AB1234/7", "0"},
    {LEXICAL_PHRASE, LEXICAL_MUST, "AB1234", "0"},
    {LEXICAL_WORDS, LEXICAL_MUST_NOT, "AB1234", "1234567"},
    {LEXICAL_WORDS, LEXICAL_MUST, "xy5678", "1"},
    {LEXICAL_WORDS, LEXICAL_MUST, "XY-5678", "1"},
    {LEXICAL_WORDS, LEXICAL_MUST, "QZ-4711", "3"},
    {LEXICAL_WORDS, LEXICAL_SHOULD, "QZ/47-11", "3"},
    {LEXICAL_PHRASE, LEXICAL_MUST, "qz.4711", "3"},
    {LEXICAL_WORDS, LEXICAL_SHOULD, "the norm ISO 9001", "4"},
    {LEXICAL_WORDS, LEXICAL_SHOULD, "the norm ISO-9001", "4"},
    {LEXICAL_WORDS, LEXICAL_SHOULD, "03514455667", ""}, /* digits alone are not parted, */
    {LEXICAL_WORDS, LEXICAL_SHOULD, "5-10", "4"},       /* nor joined where they are few */
    {LEXICAL_WORDS, LEXICAL_SHOULD, "in 1996", "5"},
    {LEXICAL_WORDS, LEXICAL_MUST, "K2BU64T", "7"}, /* signs between some of its runs */
    {LEXICAL_WORDS, LEXICAL_SHOULD, "k2bu-64t", "7"},
    {LEXICAL_WORDS, LEXICAL_MUST, "K2BU65T", ""},
};

static void any_spelling_finds_any_other(void **state)
{
    test_index ix;
    analyzer *a;
    (void)state;

    index_texts(&ix, parts, sizeof parts / sizeof *parts, "en");
    lexical_segment seg = {ix.reader, NULL, NULL};
    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        char rows[65];
        found_by(a, &seg, (lexical_clause){.kind = asked[i].kind, .occur = asked[i].occur, .text = asked[i].typed, .len = strlen(asked[i].typed)},
                 rows);
        if (strcmp(rows, asked[i].rows) != 0)
            fail_msg("\"%s\" finds %s, not %s", asked[i].typed, rows, asked[i].rows);
    }
    analyzer_destroy(a);
    index_close(&ix);
}

/* What is read as an identifier ends where its bytes do, however long and odd it is. */
static void odd_ones_are_words(void **state)
{
    static const char *const odd[] = {"1-", "-1a", "a1--b2", "a1b2c3d4e5f6g7h8", "1a", "\xc3\xa4" "1-2", "a-1/", "..1a..",
                                      "a1234567890123456789012345678901234567890123456789", "a 1 b 2 c 3 d 4 e 5 f 6 g 7", "1.5-a", "1,000-a"};
    test_index ix;
    analyzer *a;
    (void)state;

    index_texts(&ix, parts, sizeof parts / sizeof *parts, "en");
    lexical_segment seg = {ix.reader, NULL, NULL};
    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        for (size_t len = 1; len <= strlen(odd[i]); len++) {
            char *exact = malloc(len), rows[65]; /* so that a sanitizer sees a byte too far */
            assert_non_null(exact);
            memcpy(exact, odd[i], len);
            found_by(a, &seg, (lexical_clause){.occur = LEXICAL_SHOULD, .text = exact, .len = len}, rows);
            found_by(a, &seg, (lexical_clause){.kind = LEXICAL_PHRASE, .occur = LEXICAL_MUST, .text = exact, .len = len}, rows);
            free(exact);
        }
    analyzer_destroy(a);
    index_close(&ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_spelling_finds_any_other),
        cmocka_unit_test(odd_ones_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
