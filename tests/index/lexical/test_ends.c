/* test_ends.c - words by their endings: every word that ends so is in the blocks that are told, a search
 * finds the same with the list and without, and damage is met. */
#include "index/lexical/reader.h"
#include "index/text/fold.h"
#include "tests/index/lexical/corpus.h"

static const char *const roots[] = {"organ",    "walk", "relat", "nation", "haus",      "schul",
                                    "caf\xC3\xA9", "zeit", "x",     "print",  "k\xC3\xBCndig", "arbeit"};
static const char *const endings[] = {"",       "s",    "ed",    "ing",   "ization", "ational", "ung",
                                      "ungen",  "zeit", "iness", "\xC3\xA9", "en",      "er",      "t\xC3\xBCr"};
static const char *const langs[] = {"en", "de", "fr", ""};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static void put_word(char dst[96], random_state *r)
{
    char number[16] = "";

    for (size_t n = random_below(r, 3000), i = 0; n; n /= 10, i++) /* letters, so that it is stemmed */
        number[i] = (char)('a' + n % 10);
    snprintf(dst, 96, "%s%s%s", number, roots[random_below(r, COUNT(roots))],
             endings[random_below(r, COUNT(endings))]);
}

static void index_words(test_index *ix, random_state *r, size_t rows, const char *lang)
{
    lexical_writer *w;
    section_sink sink = memory_sink(&ix->sections);

    memset(ix, 0, sizeof *ix);
    assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
    for (size_t i = 0; i < rows; i++) {
        char text[20 * 96] = "", word[96];
        lexical_doc d = {.lang = lang ? lang : langs[random_below(r, COUNT(langs))]};
        for (size_t k = 0; k < 19; k++) {
            put_word(word, r);
            strcat(strcat(text, word), " ");
        }
        d.field[LEXICAL_BODY].text = text;
        d.field[LEXICAL_BODY].len = strlen(text);
        assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
    }
    assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
    lexical_writer_destroy(w);
    index_open(ix);
}

static bool ends_in(const char *word, size_t len, const char *suffix, size_t n)
{
    return len >= n && !memcmp(word + len - n, suffix, n);
}

/* The last letters of some word, cut at any byte. */
static size_t random_suffix(char dst[96], random_state *r)
{
    char word[96];
    size_t len, n;

    put_word(word, r);
    len = strlen(word);
    n = 1 + random_below(r, len < 12 ? len : 12);
    memmove(dst, word + len - n, n);
    return n;
}

static void every_word_is_in_its_blocks(void **state)
{
    random_state r = random_seeded();
    size_t asked = 0, told = 0, some = 0, all = 0;
    (void)state;

    for (size_t round = 0; round < 6; round++) {
        test_index ix;
        index_words(&ix, &r, round ? 10 + random_below(&r, 900) : 0, NULL);
        const lexical_reader *rd = ix.reader;
        for (size_t i = 0; i < 60; i++) {
            char suffix[96];
            size_t len = random_suffix(suffix, &r);
            uint64_t *terms, *forms, *form_terms;
            dict_iter d;
            forms_iter f;
            bool more = true;
            assert_int_equal(ends_find(&rd->ends, ENDS_TERMS, suffix, len, &terms, NULL), CAIRN_OK);
            assert_int_equal(ends_find(&rd->ends, ENDS_FORMS, suffix, len, &forms, NULL), CAIRN_OK);
            assert_int_equal(ends_find(&rd->ends, ENDS_FORM_TERMS, suffix, len, &form_terms, NULL),
                             CAIRN_OK);
            asked++;
            told += terms != NULL;
            for (size_t b = 0; terms && b < rd->dict.n_blocks; b++)
                some += row_set_has(terms, (uint32_t)b);
            all += terms ? rd->dict.n_blocks : 0;
            dict_iter_init(&d, &rd->dict);
            while (!dict_iter_next(&d, &more, NULL) && more)
                if (terms && ends_in(d.term.text, d.term.len, suffix, len))
                    assert_true(row_set_has(terms, (uint32_t)(d.term.ordinal / DICT_BLOCK)));
            more = true;
            forms_iter_enter(&f, &rd->forms, 0);
            while (!forms_iter_next(&f, &more, NULL) && more) {
                char plain[FOLD_MAX];
                size_t n = fold_marks(f.form, f.form_len, plain);
                if (forms && ends_in(plain, n, suffix, len))
                    assert_true(row_set_has(forms, (uint32_t)((f.i - 1) / FORMS_BLOCK)));
                if (form_terms && ends_in(f.term, f.term_len, suffix, len))
                    assert_true(row_set_has(form_terms, (uint32_t)((f.i - 1) / FORMS_BLOCK)));
            }
            free(terms);
            free(forms);
            free(form_terms);
        }
        index_close(&ix);
    }
    print_message("%zu of %zu endings: %zu of %zu blocks\n", told, asked, some, all);
    assert_true(told * 5 > asked && some * 2 < all);
}

static void drop_ends(memory_sections *m)
{
    size_t last = m->n - 1;

    assert_string_equal(m->name[last], "lex.ends");
    free(m->data[last]);
    m->n--;
}

/* One segment with the list, one without: the same hits for suffixes and for compounds. */
static void a_search_finds_the_same_without(void **state)
{
    random_state r = random_seeded();
    analyzer *a;
    (void)state;

    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t round = 0; round < 4; round++) {
        random_state same = r;
        test_index with, without;
        const char *lang = round % 2 ? "de" : NULL;
        index_words(&with, &r, 600, lang);
        index_words(&without, &same, 600, lang);
        lexical_reader_close(without.reader);
        drop_ends(&without.sections);
        index_open(&without);
        for (size_t i = 0; i < 80; i++) {
            lexical_segment x = {with.reader, NULL, NULL}, y = {without.reader, NULL, NULL};
            lexical_params params;
            lexical_hit hit[2][100];
            lexical_clause c = {.kind = i % 4 ? LEXICAL_WILDCARD : LEXICAL_WORDS};
            lexical_query q = {&c, 1, i % 4 ? "" : "de"};
            char suffix[96], typed[128];
            size_t n, m, len = random_suffix(suffix, &r);
            static const char *const before[] = {"*", "?*", "*a?", "*U*"};
            if (i % 4)
                snprintf(typed, sizeof typed, "%s%.*s", before[random_below(&r, 4)], (int)len, suffix);
            else
                put_word(typed, &r);
            c.text = typed;
            c.len = strlen(typed);
            lexical_params_default(&params);
            params.compounds = true;
            assert_int_equal(lexical_search(a, &x, 1, &q, &params, 100, hit[0], &n, NULL), CAIRN_OK);
            assert_int_equal(lexical_search(a, &y, 1, &q, &params, 100, hit[1], &m, NULL), CAIRN_OK);
            if (n != m || (n && memcmp(hit[0], hit[1], n * sizeof *hit[0])))
                fail_msg("%s: %zu hits with the list, %zu without", typed, n, m);
        }
        index_close(&with);
        index_close(&without);
    }
    analyzer_destroy(a);
}

/* Every flipped bit of the section is met by the check, and none harms a search. */
static void damage_is_met(void **state)
{
    random_state r = random_seeded();
    test_index ix;
    section_source source;
    size_t s;
    (void)state;

    index_words(&ix, &r, 25, "de");
    s = ix.sections.n - 1;
    source = memory_source(&ix.sections);
    for (size_t bit = 0; bit < 8 * ix.sections.len[s]; bit++) {
        uint8_t *b = &ix.sections.data[s][bit / 8];
        lexical_reader *reader;
        cairn_status st;
        *b ^= (uint8_t)(1u << bit % 8);
        st = lexical_reader_open(&reader, &source, NULL);
        if (!st) {
            for (size_t i = 0; i < 4; i++) {
                char suffix[96];
                size_t len = random_suffix(suffix, &r);
                uint64_t *blocks;
                cairn_error err = {0};
                if (ends_find(&reader->ends, (ends_kind)(i % ENDS_KINDS), suffix, len, &blocks, &err))
                    assert_non_null(strstr(err.text, "lex.ends"));
                free(blocks);
            }
            st = lexical_reader_verify(reader, NULL);
            lexical_reader_close(reader);
        }
        assert_true(st == CAIRN_ECORRUPT || st == CAIRN_EUNSUPPORTED);
        *b ^= (uint8_t)(1u << bit % 8);
    }
    index_close(&ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_is_in_its_blocks),
        cmocka_unit_test(a_search_finds_the_same_without),
        cmocka_unit_test(damage_is_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
