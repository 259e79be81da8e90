/* test_forms.c - the written forms of words, against a plain list of every word of the texts. */
#include "index/lexical/forms.h"
#include "index/lexical/reader.h"
#include "tests/index/lexical/corpus.h"

static const char *const roots[] = {"organ",  "walk",   "relat",  "nation", "happi", "connect",
                                    "govern", "caf\xC3\xA9", "Haus",   "print",  "x"};
static const char *const endings[] = {"",     "s",     "ed",    "ing",   "ize", "ization", "ational",
                                   "ment", "ments", "iness", "\xC3\xA9", "en",  "er",      "ABLE"};

#define WORDS 4000
typedef struct listed {
    char form[FORM_MAX + 1], term[FORM_MAX + 1];
    uint64_t count;
} listed;

typedef struct model {
    listed at[WORDS];
    size_t n;
} model;

static void count_word(model *m, const char *form, size_t n, const char *term, size_t len)
{
    listed w = {.count = 1};
    memcpy(w.form, form, n);
    memcpy(w.term, term, len);
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->at[i].form, w.form) && !strcmp(m->at[i].term, w.term)) {
            m->at[i].count++;
            return;
        }
    assert_true(m->n < WORDS);
    m->at[m->n++] = w;
}

static int by_form(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    int c = strcmp(x->form, y->form);
    return c ? c : strcmp(x->term, y->term);
}

/* Keep what the index lists: the forms of terms that have one other than themselves. */
static void keep_listed(model *m)
{
    static bool keep[WORDS];
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        keep[i] = false;
        for (size_t j = 0; j < m->n && !keep[i]; j++)
            keep[i] = !strcmp(m->at[i].term, m->at[j].term) &&
                      strcmp(m->at[j].form, m->at[j].term) != 0;
    }
    for (size_t i = 0; i < m->n; i++)
        if (keep[i])
            m->at[kept++] = m->at[i];
    m->n = kept;
    qsort(m->at, m->n, sizeof *m->at, by_form);
}

static void make_index(test_index *ix, random_state *r, model *m, size_t rows)
{
    static const char *const langs[] = {"en", "de", "fr", ""};
    lexical_writer *w;
    section_sink sink;
    analyzer *a;

    memset(ix, 0, sizeof *ix);
    assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t i = 0; i < rows; i++) {
        char text[2048];
        size_t len = 0, n;
        const char *lang = langs[random_below(r, 4)];
        const analyzer_token *t;
        for (size_t k = random_below(r, 30); k; k--)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s ",
                                    roots[random_below(r, sizeof roots / sizeof *roots)],
                                    endings[random_below(r, sizeof endings / sizeof *endings)]);
        lexical_doc d = {.lang = lang};
        d.field[LEXICAL_BODY].text = text;
        d.field[LEXICAL_BODY].len = len;
        assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
        assert_int_equal(analyzer_run(a, lang, text, len, &t, &n, NULL), CAIRN_OK);
        for (size_t j = 0; j < n; j++) {
            char form[ANALYZER_FORM_MAX];
            size_t form_len = analyzer_form(text + t[j].start, t[j].end - t[j].start, form);
            assert_int_equal(t[j].itself,
                             form_len == t[j].len && !memcmp(form, t[j].term, form_len));
            if (!t[j].guess)
                count_word(m, form, form_len, t[j].term, t[j].len);
        }
    }
    sink = memory_sink(&ix->sections);
    assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
    lexical_writer_destroy(w);
    analyzer_destroy(a);
    index_open(ix); /* verifies */
}

/* `exact`: counts too; otherwise words that were their own term alone are counted in rows. */
static void expect_forms(const lexical_reader *r, const model *m, bool exact)
{
    forms_iter it;
    bool more = true;
    assert_int_equal(forms_iter_seek(&it, &r->forms, "", 0, NULL), CAIRN_OK);
    for (size_t i = 0; i < m->n; i++) {
        assert_int_equal(forms_iter_next(&it, &more, NULL), CAIRN_OK);
        assert_true(more);
        if (it.form_len != strlen(m->at[i].form))
            fail_msg("%.*s (%.*s), not %s (%s)", (int)it.form_len, it.form, (int)it.term_len,
                     it.term, m->at[i].form, m->at[i].term);
        assert_memory_equal(it.form, m->at[i].form, it.form_len);
        assert_int_equal(it.term_len, strlen(m->at[i].term));
        assert_memory_equal(it.term, m->at[i].term, it.term_len);
        if (exact || strcmp(m->at[i].form, m->at[i].term))
            assert_int_equal(it.count, m->at[i].count);
        else
            assert_true(it.count >= 1 && it.count <= m->at[i].count);
    }
    assert_int_equal(forms_iter_next(&it, &more, NULL), CAIRN_OK);
    assert_false(more);
}

static void forms_are_what_was_written(void **state)
{
    static model m[3];
    random_state r = random_seeded();
    (void)state;

    for (size_t round = 0; round < 8; round++) {
        test_index ix[2], merged = {0};
        section_sink sink = memory_sink(&merged.sections);
        lexical_merge_input in[2];
        memset(m, 0, sizeof m);
        for (size_t i = 0; i < 2; i++) {
            make_index(&ix[i], &r, &m[i], 1 + random_below(&r, i ? 30 : 200));
            for (size_t j = 0; j < m[i].n; j++)
                for (uint64_t k = 0; k < m[i].at[j].count; k++)
                    count_word(&m[2], m[i].at[j].form, strlen(m[i].at[j].form), m[i].at[j].term,
                               strlen(m[i].at[j].term));
            keep_listed(&m[i]);
            expect_forms(ix[i].reader, &m[i], true);
            in[i] = (lexical_merge_input){ix[i].reader, NULL};
        }
        keep_listed(&m[2]);
        assert_int_equal(lexical_merge(in, 2, &sink, NULL), CAIRN_OK);
        index_open(&merged);
        expect_forms(merged.reader, &m[2], false);
        for (size_t i = 0; i < 2; i++)
            index_close(&ix[i]);
        index_close(&merged);
    }
}

static void deleted_words_take_their_forms_along(void **state)
{
    static model m;
    random_state r = random_seeded();
    test_index ix, merged = {0};
    section_sink sink = memory_sink(&merged.sections);
    uint64_t all[4] = {~0ull, ~0ull, ~0ull, ~0ull};
    forms_iter it;
    bool more;
    (void)state;

    make_index(&ix, &r, &m, 200);
    lexical_merge_input in = {ix.reader, all};
    assert_int_equal(lexical_merge(&in, 1, &sink, NULL), CAIRN_OK);
    index_open(&merged);
    assert_int_equal(forms_iter_seek(&it, &merged.reader->forms, "", 0, NULL), CAIRN_OK);
    assert_int_equal(forms_iter_next(&it, &more, NULL), CAIRN_OK);
    assert_false(more);
    index_close(&ix);
    index_close(&merged);
}

static void seeking_stands_before_the_first_at_or_behind(void **state)
{
    static model m;
    random_state r = random_seeded();
    test_index ix;
    (void)state;

    make_index(&ix, &r, &m, 300);
    keep_listed(&m);
    for (size_t round = 0; round < 2000; round++) {
        char want[16];
        size_t len = 0, i = 0;
        forms_iter it;
        bool more;
        if (round % 2)
            len = (size_t)snprintf(want, sizeof want, "%.*s", (int)random_below(&r, 9),
                                   m.at[random_below(&r, m.n)].form);
        else
            for (len = random_below(&r, 5); i < len; i++)
                want[i] = (char)('a' + random_below(&r, 26));
        want[len] = 0;
        for (i = 0; i < m.n && strcmp(m.at[i].form, want) < 0;)
            i++;
        assert_int_equal(forms_iter_seek(&it, &ix.reader->forms, want, len, NULL), CAIRN_OK);
        assert_int_equal(forms_iter_next(&it, &more, NULL), CAIRN_OK);
        assert_int_equal(more, i < m.n);
        if (more) {
            assert_int_equal(it.form_len, strlen(m.at[i].form));
            assert_memory_equal(it.form, m.at[i].form, it.form_len);
        }
    }
    index_close(&ix);
}

/* Every single flipped bit is either met by the check or harmless to a walk. */
static void damage_is_met(void **state)
{
    static model m;
    random_state r = random_seeded();
    test_index ix;
    size_t noticed = 0, rounds = 0;
    (void)state;

    make_index(&ix, &r, &m, 60);
    for (size_t s = 0; s < ix.sections.n; s++) {
        if (strcmp(ix.sections.name[s], "lex.forms") && strcmp(ix.sections.name[s], "lex.fidx"))
            continue;
        for (size_t bit = 0; bit < 8 * ix.sections.len[s]; bit++) {
            section_source source = memory_source(&ix.sections);
            uint8_t *b = &ix.sections.data[s][bit / 8];
            lexical_reader *reader;
            cairn_status st;
            *b ^= (uint8_t)(1u << bit % 8);
            st = lexical_reader_open(&reader, &source, NULL);
            if (!st) {
                forms_iter it;
                bool more = true;
                st = lexical_reader_verify(reader, NULL);
                if (!forms_iter_seek(&it, &reader->forms, "org", 3, NULL))
                    while (more && !forms_iter_next(&it, &more, NULL))
                        assert_true(it.form_len <= FORM_MAX && it.term_len <= FORM_MAX);
                lexical_reader_close(reader);
            }
            assert_true(!st || st == CAIRN_ECORRUPT || st == CAIRN_EUNSUPPORTED);
            noticed += st != CAIRN_OK;
            rounds++;
            *b ^= (uint8_t)(1u << bit % 8);
        }
    }
    print_message("%zu of %zu flipped bits were noticed\n", noticed, rounds);
    assert_true(noticed * 3 > rounds * 2); /* a count may be any number: checksums meet that */
    index_close(&ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_are_what_was_written),
        cmocka_unit_test(deleted_words_take_their_forms_along),
        cmocka_unit_test(seeking_stands_before_the_first_at_or_behind),
        cmocka_unit_test(damage_is_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
