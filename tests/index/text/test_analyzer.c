/* test_analyzer.c - the words and terms a text gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "index/text/analyzer.h"
#include "index/text/stopwords.h"
#include "index/text/words.h"

/* The terms of a text, joined by blanks. */
static const char *terms(analyzer *a, const char *lang, const char *text)
{
    static char out[4096];
    const analyzer_token *t;
    size_t n, len = 0;

    assert_int_equal(analyzer_run(a, lang, text, strlen(text), &t, &n, NULL), CAIRN_OK);
    out[0] = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%.*s", i ? " " : "", (int)t[i].len,
                                t[i].term);
    return out;
}

static const struct {
    const char *lang, *text, *want;
} rows[] = {
    {"", "", ""},
    {"", "  \t\n ... !? --", ""},
    {"", "Hello, World", "hello world"},
    {"en", "Running runners' cities", "run runner citi"},
    {"en", "The dog's bone; don't", "the dog bone don't"},
    {"en", "don\xE2\x80\x99t", "don't"},
    {"en-GB", "libraries", "librari"},
    {"", "libraries", "libraries"},
    {"", "snake_case report.pdf a:b 3.14 10,000 1,5 v2.0.1",
     "snake snake_case case report report.pdf pdf a b 3.14 10000 1.5 v2.0.1 2.0.1"},
    {"en", "U.S.A. and e.g. this", "usa and eg this"},
    {"", "parseHTTPRequest2", "parsehttprequest2 parse http request"},
    {"", "getUser_name kebab-case fooFoo", "getuser get user getuser_name name kebab case foofoo foo foo"},
    {"", "iPhone PhD PDFs mRNA HTTP Hello", "iphone phone phd pdfs mrna rna http hello"},
    {"", "HttpClient CrossFit `HashMap`", "httpclient http client crossfit cross fit hashmap hash map"},
    {"", "C++ c# C+ i++ a++b F#x", "c++ c c# c c i++ i a b f x"},
    {"", "ASP.NET .NET x.net #budget (#tag) a#b #1", "asp asp.net net net .net x x.net net budget #budget tag #tag "
                                                    "a b 1"},
    {"", "V2.0.1 2.0.1 report_final.v2.pdf", "v2.0.1 2.0.1 2.0.1 report report_final.v2.pdf final v2 pdf"},
    {"en", "an.b@C.org, <Libraries@running.org>",
     "an an.b@c.org b c c.org org librari libraries@running.org run running.org org"},
    {"", "mailto:a+x@b@c d@host", "mailto a a+x@b x b c d d@host host"},
    {"", "\xE2\x80\x9C" "b\xC3\xA4r@ex.de\xE2\x80\x9D", "bar bar@ex.de ex ex.de de"},
    {"", "see https://www.a.org/x-y/z?q=1#t. (http://b.org/), ftp://c",
     "see https www a a.org a.org/x-y/z?q=1#t org x y z q 1 t http b b.org org ftp c"},
    {"", "www.a.org/x, (http://e.org/f_(g))", "www a a.org a.org/x org x http e e.org e.org/f_(g org f g"},
    {"", "MAX_OPEN__files _private_x __init__ std::map a::b::c 1_000",
     "max max_open__files open files private private_x x init std std::map map a a::b::c b c 1 000"},
    {"", "my-notes_v2.pdf foo-bar_baz a.out U.S.A. p.m. and/or src/ab.c 3.14.x and.",
     "my my-notes_v2.pdf notes v2 pdf foo bar bar_baz baz a a.out out usa pm and or src ab ab.c c 3.14 "
     "3.14.x x and"},
    {"", "\xE4\xB8\xAD_ax.b", "\xE4\xB8\xAD ax ax.b b"},
    {"", "1,234.56 1.234,56 1,234,567 0,123 192.168.1.1 1.234", "1234.56 1234.56 1234567 0,123 "
                                                                "192.168.1.1 1.234"},
    {"de", "1.234 1.234.567 3,14 10,000 2.0.1 30.9.2025", "1234 1234567 3.14 10.000 2.0.1 30.9.2025"},
    {"hr", "knjigama", "knjig"},
    {"", "x86 CO2 mp3", "x86 co2 mp3"},
    {"", "_ __ _a_ '' ' a' 'b", "a a b"},
    {"de",
     "H\xC3\xA4user gr\xC3\xB6\xC3\x9F"
     "er Stra\xC3\x9F"
     "e STRASSE",
     "haus gross strass strass"},
    {"fr", "l'homme d\xE2\x80\x99\xC3\xA9t\xC3\xA9", "l homm d ete"},
    {"en", "caf\xC3\xA9 na\xC3\xAFve cafe\xCC\x81", "cafe naiv cafe"},
    {"", "\xEF\xBC\xB7\xEF\xBD\x89\xEF\xBD\x84\xEF\xBD\x85 \xE2\x91\xA0 \xEF\xAC\x81sh",
     "wide fish"},
    {"ru", "\xD0\xBA\xD0\xBD\xD0\xB8\xD0\xB3\xD0\xB8", "\xD0\xBA\xD0\xBD\xD0\xB8\xD0\xB3"},
    {"", "\xD0\xBA\xD0\xBD\xD0\xB8\xD0\xB3\xD0\xB8", "\xD0\xBA\xD0\xBD\xD0\xB8\xD0\xB3"},
    {"zh", "\xE9\xBB\x91\xE8\xB1\xB9\xE9\x98\x9F 308 \xE5\x88\x86",
     "\xE9\xBB\x91 \xE9\xBB\x91\xE8\xB1\xB9 \xE8\xB1\xB9 \xE8\xB1\xB9\xE9\x98\x9F \xE9\x98\x9F 308 "
     "\xE5\x88\x86"},
    {"ko", "\xED\x95\x9C\xEA\xB5\xAD\xEC\x96\xB4",
     "\xED\x95\x9C \xED\x95\x9C\xEA\xB5\xAD \xEA\xB5\xAD \xEA\xB5\xAD\xEC\x96\xB4 \xEC\x96\xB4"},
    {"th",
     "\xE0\xB8\xAA\xE0\xB8\xA7\xE0\xB8\xB1\xE0\xB8\xAA\xE0\xB8\x94\xE0\xB8\xB5\xE0\xB8\x8A\xE0\xB8"
     "\xB2"
     "\xE0\xB8\xA7\xE0\xB9\x82\xE0\xB8\xA5\xE0\xB8\x81",
     "\xE0\xB8\xAA\xE0\xB8\xA7\xE0\xB8\xB1\xE0\xB8\xAA\xE0\xB8\x94\xE0\xB8\xB5 "
     "\xE0\xB8\x8A\xE0\xB8\xB2\xE0\xB8\xA7 \xE0\xB9\x82\xE0\xB8\xA5\xE0\xB8\x81"},
    {"en",
     "good\xFF"
     "bad \xC3",
     "good bad"},
};

static void terms_are_as_expected(void **state)
{
    analyzer *a = *state;
    for (size_t round = 0; round < 2; round++) /* the second answers from memory */
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            assert_string_equal(terms(a, rows[i].lang, rows[i].text), rows[i].want);
}

static void offsets_and_positions_hold(void **state)
{
    static const char text[] = "One tw\xC3\xB6, \xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97 end";
    const analyzer_token *t;
    size_t n;

    assert_int_equal(analyzer_run(*state, "en", text, strlen(text), &t, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 8); /* the run of three gives five */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(t[i].position, i);
    assert_memory_equal(text + t[1].start, "tw\xC3\xB6", t[1].end - t[1].start);
    assert_int_equal(t[6].end - t[2].start, 9);
    assert_memory_equal(text + t[7].start, "end", 3);
}

static bool is_stop(const char *lang, const char *s)
{
    return stopwords_has(lang, s, strlen(s));
}

static void whole_words_are_stop_words(void **state)
{
    (void)state;
    assert_true(is_stop("en", "a") && is_stop("en", "about") && is_stop("en", "yourselves") && is_stop("en", "can't"));
    assert_false(is_stop("en", "") || is_stop("en", "abou") || is_stop("en", "abouts") || is_stop("en", "yourselve") ||
                 is_stop("en", "lease") || is_stop("en", "\xff"));
    assert_true(is_stop("de", "aber") && is_stop("de", "für") && is_stop("ar", "هذا") && is_stop("ru", "ещё"));
    assert_false(is_stop("de", "a") || is_stop("xx", "a") || is_stop("", "a"));
}

static void stop_words_are_marked_not_dropped(void **state)
{
    const analyzer_token *t;
    size_t n;

    assert_int_equal(analyzer_run(*state, "de", "die Bank", 8, &t, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 2);
    assert_true(t[0].stop);
    assert_false(t[1].stop);
    assert_int_equal(analyzer_run(*state, "en", "die bank", 8, &t, &n, NULL), CAIRN_OK);
    assert_false(t[0].stop);
}

static void long_words_are_cut(void **state)
{
    char text[4000];
    const analyzer_token *t;
    size_t n;

    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xB1", 2);
    assert_int_equal(analyzer_run(*state, "sv", text, sizeof text, &t, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 1);
    assert_true(t[0].len <= ANALYZER_TERM_MAX);
    assert_int_equal(t[0].end, sizeof text);
}

static uint64_t seed_of(void)
{
    const char *s = getenv("CAIRN_SEED");
    uint64_t seed = s ? strtoull(s, NULL, 10) : (uint64_t)time(NULL);
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x * 0x2545F4914F6CDD1Du >> 16;
}

/* The hand-written path for ASCII gives what ICU gives. */
static void ascii_agrees_with_icu(void **state)
{
    static const char letters[] = "abZY09._',:;- \n@/\"e1#+vNET", plain[] = "abcdefgnz0189ABZ  \t.";
    uint64_t x = seed_of() | 1;
    words *fast, *slow;

    assert_int_equal(words_create(&fast, NULL), CAIRN_OK);
    assert_int_equal(words_create(&slow, NULL), CAIRN_OK);
    for (size_t round = 0; round < 20000; round++) {
        char text[41];
        size_t len = next_random(&x) % 40, n, m;
        bool elision = next_random(&x) & 1;
        unsigned kind = next_random(&x) % 4; /* any bytes, long words, or many signs */
        const word_span *a, *b;
        for (size_t i = 0; i < len; i++)
            text[i] = kind == 0   ? (char)(next_random(&x) % 128)
                      : kind == 1 ? plain[next_random(&x) % (sizeof plain - 1)]
                                  : letters[next_random(&x) % (sizeof letters - 1)];
        text[len] = 0;
        assert_int_equal(words_split(fast, text, len, elision, &a, &n, NULL), CAIRN_OK);
        assert_int_equal(words_split_icu(slow, text, len, elision, &b, &m, NULL), CAIRN_OK);
        bool same = n == m;
        for (size_t i = 0; i < n && same; i++)
            same = a[i].start == b[i].start && a[i].end == b[i].end && a[i].extra == b[i].extra;
        for (size_t i = 0; i < m && !same; i++)
            print_message("ICU: %.*s\n", (int)(b[i].end - b[i].start), text + b[i].start);
        if (!same)
            fail_msg("'%s' gives %zu words by hand, %zu by ICU", text, n, m);
    }
    words_destroy(fast);
    words_destroy(slow);
}

/* Whatever the bytes are: no crash, and every token is sane. */
static void any_bytes_are_survived(void **state)
{
    static const char *const langs[] = {"", "en", "fr", "de", "ar", "zh", "th", "tr", "el"};
    uint64_t x = seed_of() | 1;

    for (size_t round = 0; round < 3000; round++) {
        size_t len = next_random(&x) % 120, n;
        char *text = malloc(len ? len : 1);
        const analyzer_token *t;
        for (size_t i = 0; i < len; i++) {
            uint64_t r = next_random(&x);
            text[i] = (char)(r % 3 ? 0x80 | r >> 8 : 0x20 + (r >> 8) % 0x60);
        }
        assert_int_equal(analyzer_run(*state, langs[next_random(&x) % 9], text, len, &t, &n, NULL),
                         CAIRN_OK);
        for (size_t i = 0; i < n; i++) {
            assert_true(t[i].len >= 1 && t[i].len <= ANALYZER_TERM_MAX);
            assert_true(t[i].start < t[i].end && t[i].end <= len);
            assert_true(i == 0 || t[i].position + t[i].extra > t[i - 1].position);
        }
        free(text);
    }
}

/* Tokens at one place have the term of the last fresh one there, through many more words than there
 * are places. */
static void places_keep_their_terms(void **state)
{
    static char held[ANALYZER_PLACES + 1][ANALYZER_TERM_MAX + 1];
    static const char *const langs[] = {"", "en", "de"};
    uint64_t x = seed_of() | 1;
    size_t again = 0, replaced = 0;

    memset(held, 0, sizeof held);
    for (size_t round = 0; round < 1500; round++) {
        char text[4096];
        size_t len = 0, n;
        const analyzer_token *t;
        while (len < sizeof text - 64) {
            uint64_t r = next_random(&x);
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    r % 7 ? "w%dings " : "Caf\xC3\xA9%d ",
                                    (int)(r / 7 % (r % 3 ? 500 : 40000)));
        }
        assert_int_equal(analyzer_run(*state, langs[round % 3], text, len, &t, &n, NULL), CAIRN_OK);
        for (size_t i = 0; i < n; i++) {
            char *had = held[t[i].place];
            assert_true(t[i].place <= ANALYZER_PLACES);
            assert_true(t[i].place || !t[i].fresh);
            if (!t[i].place)
                continue;
            if (t[i].fresh) {
                replaced += had[0] != 0;
                memcpy(had, t[i].term, t[i].len);
                had[t[i].len] = 0;
            }
            again += !t[i].fresh;
            assert_int_equal(strlen(had), t[i].len);
            assert_memory_equal(had, t[i].term, t[i].len);
        }
    }
    assert_true(again > 10000 && replaced > 10000);
}

static int make(void **state)
{
    return analyzer_create((analyzer **)state, NULL);
}

static int drop(void **state)
{
    analyzer_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(terms_are_as_expected, make, drop),
        cmocka_unit_test_setup_teardown(offsets_and_positions_hold, make, drop),
        cmocka_unit_test(whole_words_are_stop_words),
        cmocka_unit_test_setup_teardown(stop_words_are_marked_not_dropped, make, drop),
        cmocka_unit_test_setup_teardown(long_words_are_cut, make, drop),
        cmocka_unit_test_setup_teardown(ascii_agrees_with_icu, make, drop),
        cmocka_unit_test_setup_teardown(any_bytes_are_survived, make, drop),
        cmocka_unit_test_setup_teardown(places_keep_their_terms, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
