/* test_page_labels - what goes in comes out, page by page; and hostile runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ingest/page_labels.h"

/* The label of each page after all were added; a page called by its number has none. */
static void check(const char *const *labels, uint32_t n, const char *want_runs)
{
    char out[PAGE_LABEL_MAX], number[16];
    bytes runs;

    bytes_init(&runs, 1 << 16);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(page_labels_add(&runs, i + 1, labels[i]), CAIRN_OK);
    if (want_runs)
        assert_string_equal(runs.data ? runs.data : "", want_runs);
    for (uint32_t i = 0; i < n; i++) {
        bool has = page_label_at(runs.data, i + 1, out);
        snprintf(number, sizeof number, "%u", i + 1);
        if (has != (strcmp(labels[i], number) != 0) || (has && strcmp(out, labels[i])))
            fail_msg("page %u is %s, not %s, by %s", i + 1, has ? out : number, labels[i], runs.data);
    }
    bytes_clear(&runs);
}

static void books(void **state)
{
    static const char *const plain[] = {"1", "2", "3"};
    static const char *const book[] = {"Cover", "i", "ii", "iii", "iv", "v", "1", "2", "3", "A-1", "A-2", "B-1"};
    static const char *const odd[] = {"A", "B", "C", "D", "007", "008", "009", "010", "XLIX", "L", "LI", "12", "13"};
    static const char *const from_five[] = {"5", "6", "7"};
    (void)state;

    check(plain, 3, "");
    check(book, 12, "1=Cover;2=i;7=1;10=A-1;12=B-1");
    check(odd, 13, NULL);
    check(from_five, 3, "1=5");
}

/* Labels of chance, some of them hostile: those that cannot be kept are the page's number. */
static void any_labels(void **state)
{
    const char *env = getenv("CAIRN_SEED");
    unsigned seed = env ? (unsigned)atol(env) : (unsigned)time(NULL);
    (void)state;

    printf("CAIRN_SEED=%u\n", seed);
    srand(seed);
    for (int round = 0; round < 300; round++) {
        static char text[60][PAGE_LABEL_MAX];
        const char *labels[60];
        uint32_t n = 1 + (uint32_t)rand() % 60;
        for (uint32_t i = 0; i < n; i++) {
            size_t len = 1 + (size_t)rand() % 4;
            if (i && rand() % 3)
                snprintf(text[i], sizeof *text, "%d", rand() % 4 + (int)i);
            else {
                for (size_t k = 0; k < len; k++)
                    text[i][k] = "ivxlcIVX019-A="[rand() % 14];
                text[i][len] = 0;
            }
            labels[i] = text[i];
        }
        check(labels, n, NULL);
    }
}

static void hostile(void **state)
{
    static const char *const broken[] = {"", ";", "=", "1", "1=", "x=y", "1=a;=", "99999999999999=i", "1=;2=i",
                                         "3=mmmcmxcix;1=i", "1=MMMM", "1=999999999999"};
    char out[PAGE_LABEL_MAX], longer[400];
    bytes runs;
    (void)state;

    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        for (uint32_t page = 0; page < 5000; page += 7)
            page_label_at(broken[i], page, out);
    assert_false(page_label_at(NULL, 1, out));
    bytes_init(&runs, 1 << 16);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(page_labels_add(&runs, 1, longer), CAIRN_OK);
    assert_int_equal(page_labels_add(&runs, 2, "a;b"), CAIRN_OK);
    assert_int_equal(runs.len, 0);
    for (uint32_t page = 3;; page++) {
        cairn_status st = page_labels_add(&runs, page, page % 2 ? "odd-one" : "even-one");
        if (st) {
            assert_int_equal(st, CAIRN_ELIMIT);
            break;
        }
        assert_true(page < 5000);
    }
    assert_true(runs.len <= PAGE_LABELS_MAX);
    bytes_clear(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books),
        cmocka_unit_test(any_labels),
        cmocka_unit_test(hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
