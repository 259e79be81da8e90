/* test_give_way.c - an index run that lets others go first: it ends all the same, and it stops at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "base/stop.h"
#include "engine/cairn.h"

#define FILES 12

typedef struct place {
    char top[64], home[80], config[80], folder[80];
    cairn *c;
} place;

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    place *p = calloc(1, sizeof *p);
    char path[96], text[64];
    cairn_error err = {0};

    assert_non_null(p);
    strcpy(p->top, "/tmp/cairn-give-way-XXXXXX");
    assert_non_null(mkdtemp(p->top));
    snprintf(p->home, sizeof p->home, "%s/home", p->top);
    snprintf(p->config, sizeof p->config, "%s/cairn.conf", p->top);
    snprintf(p->folder, sizeof p->folder, "%s/notes", p->top);
    assert_int_equal(mkdir(p->folder, 0755), 0);
    write_text(p->config, "[index]\nflush_chunks = 1\n");
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%d.txt", p->folder, i);
        snprintf(text, sizeof text, "note%dx on basalt\n", i);
        write_text(path, text);
    }
    if (cairn_open(&p->c, &(cairn_options){.home = p->home, .config_file = p->config, .n_threads = 2}, &err))
        fail_msg("%s", err.text);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    char command[128];

    cairn_close(p->c);
    snprintf(command, sizeof command, "rm -rf '%s'", p->top);
    assert_int_equal(system(command), 0);
    free(p);
    return 0;
}

static size_t count_hits(place *p)
{
    cairn_search_request q = {.query = "basalt", .k = 100, .mode = CAIRN_LEXICAL};
    cairn_search_result *found;
    cairn_error err = {0};
    size_t n;

    if (cairn_search(p->c, &q, &found, &err))
        fail_msg("%s", err.text);
    n = found->n_hits;
    cairn_search_result_free(found);
    return n;
}

static bool for_a_while(void *ctx)
{
    atomic_int *asks = ctx;

    return atomic_fetch_add(asks, 1) < 20; /* each of the steps of a scan and of an index asks at least once */
}

static void a_run_ends_all_the_same(void **state)
{
    place *p = *state;
    atomic_int asks = 0;
    cairn_index_options o = {.no_vectors = true, .give_way = for_a_while, .give_way_ctx = &asks};
    const char *paths[] = {p->folder};
    cairn_index_report report;
    cairn_error err = {0};

    if (cairn_index(p->c, paths, 1, &o, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.indexed, FILES);
    cairn_index_report_clear(&report);
    assert_true(atomic_load(&asks) > 20);
    assert_int_equal(count_hits(p), FILES);
}

typedef struct stopper {
    atomic_int asks;
    volatile sig_atomic_t cancel;
} stopper;

static bool stop_it(void *ctx)
{
    stopper *s = ctx;

    atomic_fetch_add(&s->asks, 1);
    stop_raise(&s->cancel);
    return true;
}

/* Who waits for ever does not keep a run from being stopped, and nothing is lost. */
static void a_resting_run_can_be_stopped(void **state)
{
    place *p = *state;
    stopper s = {0};
    cairn_index_options o = {.no_vectors = true, .give_way = stop_it, .give_way_ctx = &s, .cancel = &s.cancel};
    const char *paths[] = {p->folder};
    cairn_index_report report;
    cairn_error err = {0};

    assert_int_equal(cairn_index(p->c, paths, 1, &o, &report, &err), CAIRN_ECANCELLED);
    cairn_index_report_clear(&report);
    assert_true(atomic_load(&s.asks) > 0);
    o = (cairn_index_options){.no_vectors = true};
    if (cairn_index(p->c, paths, 1, &o, &report, &err))
        fail_msg("%s", err.text);
    cairn_index_report_clear(&report);
    assert_int_equal(count_hits(p), FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_ends_all_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_resting_run_can_be_stopped, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
