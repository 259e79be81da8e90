/* test_merge.c - merges in the background of a run, through the public interface: built with the
 * thread sanitizer it shows that run and merger share nothing unguarded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "engine/cairn.h"
#include "engine/care.h"

#define DOCUMENTS 900

typedef struct place {
    char folder[64], home[80], corpus[80], config[80];
} place;

static void write_files(place *p, const char *settings)
{
    FILE *f;

    strcpy(p->folder, "/tmp/cairn-merge-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->home, sizeof p->home, "%s/home", p->folder);
    snprintf(p->corpus, sizeof p->corpus, "%s/corpus.jsonl", p->folder);
    snprintf(p->config, sizeof p->config, "%s/cairn.conf", p->folder);
    f = fopen(p->corpus, "w");
    assert_non_null(f);
    for (int i = 0; i < DOCUMENTS; i++)
        fprintf(f, "{\"_id\":\"n%d\",\"title\":\"\",\"text\":\"note%dx on basalt %d\"}\n", i, i, i % 9);
    fclose(f);
    f = fopen(p->config, "w");
    assert_non_null(f);
    fprintf(f, "[index]\n%s\n", settings);
    fclose(f);
}

static void remove_files(const place *p)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
    assert_int_equal(system(command), 0);
}

static size_t count_hits(cairn *c, const char *query)
{
    cairn_search_request q = {.query = query, .k = 2000, .mode = CAIRN_LEXICAL};
    cairn_search_result *found;
    cairn_error err = {0};
    size_t n;

    if (cairn_search(c, &q, &found, &err))
        fail_msg("%s", err.text);
    n = found->n_hits;
    cairn_search_result_free(found);
    return n;
}

typedef struct seen {
    size_t merges; /* times that progress told of one */
} seen;

static void look(void *ctx, const cairn_progress *p)
{
    seen *s = ctx;

    s->merges += !strcmp(p->stage, "merge");
}

/* Others wait now and then. */
static bool now_and_then(void *ctx)
{
    atomic_uint *asks = ctx;

    return atomic_fetch_add(asks, 1) % 64 < 2;
}

static void run_with(const char *settings, bool many)
{
    place p;
    seen s = {0};
    cairn *c;
    cairn_error err = {0};
    cairn_index_report report;
    atomic_uint asks = 0;
    cairn_index_options o = {.no_vectors = true, .progress = look, .progress_ctx = &s, .give_way = now_and_then, .give_way_ctx = &asks};
    cairn_status_info info;
    uint64_t before, after;

    write_files(&p, settings);
    cairn_options opt = {.home = p.home, .config_file = p.config, .n_threads = 2};
    if (cairn_open(&c, &opt, &err))
        fail_msg("%s", err.text);
    if (cairn_import_jsonl(c, p.corpus, &o, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.indexed, DOCUMENTS);
    cairn_index_report_clear(&report);
    assert_int_equal(cairn_status_get(c, &info, &err), CAIRN_OK);
    assert_int_equal(info.documents, DOCUMENTS);
    assert_false(info.merge_due);
    /* of 90 flushes; where the last merge of all came in time, one is left */
    assert_in_range(info.segments, 1, many ? 19 : 1);
    cairn_status_clear(&info);
    assert_int_equal(count_hits(c, "basalt"), DOCUMENTS);
    assert_int_equal(count_hits(c, "note123x"), 1);
    size_t removed;
    assert_int_equal(cairn_delete(c, "n123", &removed, &err), CAIRN_OK);
    assert_int_equal(removed, 1);
    if (cairn_compact(c, &o, &before, &after, &err))
        fail_msg("%s", err.text);
    assert_true(s.merges > 0);
    assert_true(atomic_load(&asks) > 0);
    assert_int_equal(count_hits(c, "basalt"), DOCUMENTS - 1);
    assert_int_equal(count_hits(c, "note123x"), 0);
    assert_int_equal(count_hits(c, "note124x"), 1);
    assert_int_equal(cairn_status_get(c, &info, &err), CAIRN_OK);
    assert_int_equal(info.segments, 1);
    assert_int_equal(info.deleted_rows, 0);
    cairn_status_clear(&info);
    assert_int_equal(cairn_check(c, false, NULL, NULL, &err), CAIRN_OK);
    cairn_close(c);
    remove_files(&p);
}

static void merges_beside_a_run(void **state)
{
    (void)state;
    run_with("flush_chunks = 10\nreorder = on\nmemory_mb = 1", true);
    run_with("flush_chunks = 10\nmerge_mb_per_second = 2", true);
    run_with("flush_seconds = 3600", false); /* or a slow machine flushes more than once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(merges_beside_a_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
