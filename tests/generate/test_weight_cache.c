/* test_weight_cache.c - packed weights on disk: the same logits as without, a damaged or foreign file
 * is never used and always replaced, the folder stays within its budget, and a cache that cannot be
 * had changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generate/decode/decoder.h"
#include "tests/generate/cache_place.h"

#define VOCAB 100
#define N     9

typedef struct place {
    cache_place at;
    weight_cache_options cache;
} place;

static tiny_model model(uint64_t seed)
{
    tiny_model t = tiny_default;

    t.seed = seed;
    return t;
}

static void begin(place *p)
{
    tiny_model t = model(1);

    make_place(&p->at, &t);
    p->cache = (weight_cache_options){p->at.folder, 1 << 30};
}

/* Logits of the model at `path`; whether the weights came from the cache. */
static bool run(const char *path, const weight_cache_options *cache, pool *workers, float *out)
{
    decoder_model_options o = {.mapped = true, .cache = cache, .pool = workers};
    decoder_options d_options = {.n_ctx = 64};
    token_id ids[N];
    gguf *g;
    decoder_model *m;
    decoder *d;
    bool cached;

    for (int i = 0; i < N; i++)
        ids[i] = 3 + 7 * i;
    assert_int_equal(gguf_open(&g, path, NULL), CAIRN_OK);
    assert_int_equal(decoder_model_open(&m, g, &o, NULL), CAIRN_OK);
    cached = decoder_model_was_cached(m);
    assert_int_equal(decoder_create(&d, m, &d_options, NULL), CAIRN_OK);
    assert_int_equal(decoder_eval(d, ids, N, DECODER_ALL, out, NULL), CAIRN_OK);
    decoder_destroy(d);
    decoder_model_close(m);
    gguf_close(g);
    return cached;
}

static void cached_weights_change_no_byte(void **state)
{
    float want[N * VOCAB], got[N * VOCAB];
    place p;
    pool *workers;
    (void)state;
    begin(&p);
    assert_int_equal(pool_create(&workers, 3, NULL), CAIRN_OK);
    assert_false(run(p.at.model, NULL, NULL, want));
    assert_false(run(p.at.model, &p.cache, workers, got)); /* writes */
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(count_files(&p.at, NULL, 0), 1);
    assert_true(run(p.at.model, &p.cache, workers, got));
    assert_memory_equal(got, want, sizeof want);
    assert_true(run(p.at.model, &p.cache, NULL, got));
    assert_memory_equal(got, want, sizeof want);
    pool_destroy(workers);
    remove_place(&p.at);
}

/* Each byte of the header changed in turn, and every 1,999th behind it. */
static void damaged_files_are_replaced(void **state)
{
    float want[N * VOCAB], got[N * VOCAB];
    char path[512];
    uint8_t *good;
    struct stat sb;
    place p;
    int fd;
    (void)state;
    begin(&p);
    assert_false(run(p.at.model, &p.cache, NULL, want));
    assert_int_equal(count_files(&p.at, path, sizeof path), 1);
    assert_int_equal(stat(path, &sb), 0);
    good = malloc((size_t)sb.st_size);
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, good, (size_t)sb.st_size), sb.st_size);
    close(fd);
    for (size_t at = 0; at < (size_t)sb.st_size; at += at < 72 ? 1 : 1999) {
        size_t data_at;
        memcpy(&data_at, good + 56, sizeof data_at);
        if (at >= data_at - 4096 && at < data_at && !good[at])
            continue; /* padding between front and data is nobody's */
        good[at] ^= 0x40;
        write_file(path, good, (size_t)sb.st_size);
        good[at] ^= 0x40;
        if (run(p.at.model, &p.cache, NULL, got))
            fail_msg("a change at byte %zu of %zu was not seen", at, (size_t)sb.st_size);
        assert_memory_equal(got, want, sizeof want);
        assert_true(run(p.at.model, &p.cache, NULL, got)); /* replaced */
    }
    static const int lengths[] = {0, 1, 71, 4096, -1, -64};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t len = lengths[i] < 0 ? (size_t)(sb.st_size + lengths[i]) : (size_t)lengths[i];
        write_file(path, good, len);
        assert_false(run(p.at.model, &p.cache, NULL, got));
        assert_memory_equal(got, want, sizeof want);
        assert_true(run(p.at.model, &p.cache, NULL, got));
    }
    /* Others could write it: not ours to trust. */
    assert_int_equal(chmod(path, 0666), 0);
    assert_false(run(p.at.model, &p.cache, NULL, got));
    assert_memory_equal(got, want, sizeof want);
    /* A symbolic link is not followed. */
    char elsewhere[512];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", p.at.top);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_false(run(p.at.model, &p.cache, NULL, got));
    assert_memory_equal(got, want, sizeof want);
    unlink(elsewhere);
    free(good);
    remove_place(&p.at);
}

static void another_model_at_the_same_path(void **state)
{
    float first[N * VOCAB], want[N * VOCAB], got[N * VOCAB];
    struct timespec times[2] = {{1000, 0}, {1000, 0}};
    place p;
    (void)state;
    begin(&p);
    assert_int_equal(utimensat(AT_FDCWD, p.at.model, times, 0), 0);
    assert_false(run(p.at.model, &p.cache, NULL, first));
    tiny_model second = model(2);
    write_model(p.at.model, &second); /* of the same size, but of another time */
    times[1].tv_nsec = 1;
    assert_int_equal(utimensat(AT_FDCWD, p.at.model, times, 0), 0);
    assert_false(run(p.at.model, NULL, NULL, want));
    assert_memory_not_equal(first, want, sizeof want);
    assert_false(run(p.at.model, &p.cache, NULL, got));
    assert_memory_equal(got, want, sizeof want);
    assert_true(run(p.at.model, &p.cache, NULL, got));
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(count_files(&p.at, NULL, 0), 1);
    remove_place(&p.at);
}

static void the_folder_stays_within_its_budget(void **state)
{
    float got[N * VOCAB];
    char path[512], models[4][128];
    struct stat sb;
    place p;
    (void)state;
    begin(&p);
    run(p.at.model, &p.cache, NULL, got);
    assert_int_equal(count_files(&p.at, path, sizeof path), 1);
    assert_int_equal(stat(path, &sb), 0);
    /* Room for two and a half. */
    p.cache.budget_bytes = (uint64_t)sb.st_size * 5 / 2;
    for (int i = 0; i < 4; i++) {
        snprintf(models[i], sizeof models[i], "%s/m%d.gguf", p.at.top, i);
        tiny_model m = model((uint64_t)i + 5);
        write_model(models[i], &m);
        assert_false(run(models[i], &p.cache, NULL, got));
        assert_in_range(count_files(&p.at, NULL, 0), 1, 2);
    }
    assert_true(run(models[3], &p.cache, NULL, got));
    /* What belongs to a model that is gone goes with the next write, whatever the budget. */
    p.cache.budget_bytes = 1 << 30;
    for (int i = 0; i < 4; i++)
        unlink(models[i]);
    assert_false(run(p.at.model, &p.cache, NULL, got));
    assert_int_equal(count_files(&p.at, NULL, 0), 1);
    /* A budget below one file: no cache, nothing written. */
    assert_int_equal(count_files(&p.at, path, sizeof path), 1);
    unlink(path);
    p.cache.budget_bytes = 1000;
    assert_false(run(p.at.model, &p.cache, NULL, got));
    assert_int_equal(count_files(&p.at, NULL, 0), 0);
    p.cache.budget_bytes = 0;
    assert_false(run(p.at.model, &p.cache, NULL, got));
    assert_int_equal(count_files(&p.at, NULL, 0), 0);
    remove_place(&p.at);
}

static void temporary_files(void **state)
{
    float want[N * VOCAB], got[N * VOCAB];
    char path[512], temporary[600], other[600];
    place p;
    int fd;
    (void)state;
    begin(&p);
    run(p.at.model, &p.cache, NULL, want);
    assert_int_equal(count_files(&p.at, path, sizeof path), 1);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    snprintf(other, sizeof other, "%s/0123.weights.tmp", p.at.folder);
    /* Another process is writing: this one does without. */
    assert_int_equal(unlink(path), 0);
    fd = open(temporary, O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_false(run(p.at.model, &p.cache, NULL, got));
    assert_memory_equal(got, want, sizeof want);
    assert_int_not_equal(access(path, F_OK), 0);
    close(fd);
    /* It died: its file is taken over, and so are those of other models removed. */
    write_file(temporary, "half", 4);
    write_file(other, "half", 4);
    assert_false(run(p.at.model, &p.cache, NULL, got));
    assert_int_equal(count_files(&p.at, NULL, 0), 1);
    assert_true(run(p.at.model, &p.cache, NULL, got));
    assert_memory_equal(got, want, sizeof want);
    /* The folder's name belongs to a file. */
    weight_cache_options odd = {p.at.model, 1 << 30};
    assert_false(run(p.at.model, &odd, NULL, got));
    assert_memory_equal(got, want, sizeof want);
    remove_place(&p.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cached_weights_change_no_byte),
        cmocka_unit_test(damaged_files_are_replaced),
        cmocka_unit_test(another_model_at_the_same_path),
        cmocka_unit_test(the_folder_stays_within_its_budget),
        cmocka_unit_test(temporary_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
