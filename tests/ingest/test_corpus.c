/* test_corpus - every file of the parser collection, where it is at hand: the parent survives, no
 * file takes longer than its deadline, and the counts are printed. A few seconds. */
#include "tests/ingest/probe.h"

#include "base/clock.h"

#define CORPUS      CAIRN_SHARED_DIR "/parse-docs"
#define DEADLINE_MS 20000

typedef struct tally {
    extractor *ex;
    size_t files, ok, empty, unsupported, broken, limit, other;
    int64_t slowest_ns;
} tally;

static bool found(void *ctx, const walk_entry *e)
{
    tally *t = ctx;
    ingest_document *doc;
    cairn_error err = {0};
    int64_t start = clock_mono_ns(), took;
    cairn_status st = extractor_run(t->ex, e->path, &doc, &err);

    took = clock_mono_ns() - start;
    t->files++;
    if (took > t->slowest_ns)
        t->slowest_ns = took;
    if (took > (int64_t)(DEADLINE_MS * SLOWER + 60000) * 1000000)
        fail_msg("%s took %lld ms", e->path, (long long)(took / 1000000));
    if (st == CAIRN_OK) {
        arena a;
        ingest_chunk *chunks;
        size_t n;

        arena_init(&a, (size_t)1 << 30);
        assert_int_equal(chunk_document(doc, NULL, &chunks, &n, &a, &err), CAIRN_OK);
        assert_true(doc->n_blocks == 0 || n > 0);
        t->empty += doc->n_blocks == 0;
        arena_clear(&a);
        ingest_document_free(doc);
        t->ok++;
    } else {
        assert_null(doc);
        assert_true(err.text[0]);
        t->unsupported += st == CAIRN_EUNSUPPORTED;
        t->broken += st == CAIRN_EINPUT;
        t->limit += st == CAIRN_ELIMIT;
        t->other += st != CAIRN_EUNSUPPORTED && st != CAIRN_EINPUT && st != CAIRN_ELIMIT;
    }
    return true;
}

static void every_file_gets_an_answer(void **state)
{
    const char *path = CORPUS;
    tally t = {.files = 0};
    extractor_cage cage;
    cairn_error err = {0};
    (void)state;

    if (access(CORPUS, R_OK)) {
        print_message("skipped: no parser collection at %s\n", CORPUS);
        skip();
    }
    t.ex = probe_extractor(WORKER, DEADLINE_MS);
    assert_int_equal(ingest_walk(&path, 1, NULL, found, NULL, &t, &err), CAIRN_OK);
    assert_int_equal(extractor_describe(t.ex, &cage, &err), CAIRN_OK);
    print_message("%zu files: %zu read (%zu of them without text), %zu of unsupported types, %zu "
                  "broken or encrypted, %zu over a limit; %u workers, %u killed; slowest %lld ms\n",
                  t.files, t.ok, t.empty, t.unsupported, t.broken, t.limit, cage.workers_started,
                  cage.workers_killed, (long long)(t.slowest_ns / 1000000));
    assert_int_equal(t.other, 0);
    assert_true(t.files > 900 && t.ok > 500);
    extractor_destroy(t.ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_file_gets_an_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
