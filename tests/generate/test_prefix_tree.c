/* test_prefix_tree.c - beginnings that sequences share: whatever was put, split, dropped or read from disk,
 * a sequence that begins in the tree gives the logits of a plain pass, the tree's laws hold, and no page is
 * lost or given twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generate/decode/prefix_tree.h"
#include "tests/generate/tiny_model.h"

#define VOCAB 100
#define LONG  300

typedef struct world {
    char top[64], path[96], folder[96];
    gguf *g;
    decoder_model *m;
    decoder *d, *alone; /* sequences of the tree; one that computes everything */
    kv_files *files;
} world;

static void make_files(world *w, uint64_t budget)
{
    kv_files_options o = {w->folder, budget};
    kv_files_close(w->files);
    w->files = kv_files_open(&o, KV_FILES_BEGINNINGS, w->g, false, DECODER_KV_F16, 0);
    assert_non_null(w->files);
}

static void make_world(world *w, size_t n_kv, decoder_kv kv)
{
    decoder_options o = {.n_ctx = LONG + 8, .n_kv = n_kv, .kv = kv}, plain = {.n_ctx = LONG + 8, .kv = kv};
    size_t len;
    uint8_t *data = tiny_model_bytes(&tiny_default, &len);
    int fd;

    *w = (world){0};
    strcpy(w->top, "/tmp/cairn-tree-XXXXXX");
    assert_non_null(mkdtemp(w->top));
    snprintf(w->path, sizeof w->path, "%s/m.gguf", w->top);
    snprintf(w->folder, sizeof w->folder, "%s/kept", w->top);
    fd = open(w->path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
    free(data);
    assert_int_equal(gguf_open(&w->g, w->path, NULL), CAIRN_OK);
    assert_int_equal(decoder_model_open(&w->m, w->g, NULL, NULL), CAIRN_OK);
    assert_int_equal(decoder_create(&w->d, w->m, &o, NULL), CAIRN_OK);
    assert_int_equal(decoder_create(&w->alone, w->m, &plain, NULL), CAIRN_OK);
}

static size_t each_file(world *w, char *path, size_t cap, bool remove)
{
    DIR *d = opendir(w->folder);
    struct dirent *e;
    size_t n = 0;
    char name[512];

    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.') {
            n++;
            snprintf(name, sizeof name, "%s/%s", w->folder, e->d_name);
            if (path)
                snprintf(path, cap, "%s", name);
            if (remove)
                unlink(name);
        }
    if (d)
        closedir(d);
    return n;
}

static void clear_world(world *w)
{
    kv_files_close(w->files);
    decoder_destroy(w->d);
    decoder_destroy(w->alone);
    decoder_model_close(w->m);
    gguf_close(w->g);
    each_file(w, NULL, 0, true);
    rmdir(w->folder);
    unlink(w->path);
    assert_int_equal(rmdir(w->top), 0);
}

/* Feed what s does not have of ids[0, n) yet, in pieces, and compare with a plain pass. */
static cairn_status finish(world *w, decoder_sequence *s, const token_id *ids, size_t n)
{
    float got[VOCAB], want[VOCAB];

    while (decoder_sequence_past(s) < n) {
        size_t past = decoder_sequence_past(s), part = n - past < 50 ? n - past : 50;
        decoder_item x = {s, ids + past, part, past + part == n ? DECODER_LAST : DECODER_NO_LOGITS, NULL};
        cairn_status st = decoder_eval_many(w->d, &x, 1, got, NULL);
        if (st)
            return st;
    }
    decoder_truncate(w->alone, 0);
    assert_int_equal(decoder_eval(w->alone, ids, n, DECODER_LAST, want, NULL), CAIRN_OK);
    assert_memory_equal(got, want, sizeof want);
    return CAIRN_OK;
}

static void must_be_whole(const prefix_tree *t, size_t most)
{
    const char *why = prefix_tree_broken(t);
    if (why)
        fail_msg("%s", why);
    assert_true(prefix_tree_tokens(t) <= most);
}

/* Prompts of few kinds of tokens in long runs: they part early, late, within pages and at their ends. */
static size_t random_prompt(token_id *ids, uint64_t *seed)
{
    size_t n = 2 + tiny_random(seed) % (LONG - 2);
    token_id now = (token_id)(tiny_random(seed) % 2);

    for (size_t i = 0; i < n; i++) {
        if (i % 37 == 0 && tiny_random(seed) % 3 == 0)
            now = (token_id)(tiny_random(seed) % 3);
        ids[i] = (token_id)((size_t)now * 7 + i % 50);
    }
    return n;
}

static void any_history(size_t n_kv, size_t most, decoder_kv kv)
{
    const char *given = getenv("CAIRN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 271828;
    size_t total, found = 0;
    prefix_tree *t;
    world w;

    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    make_world(&w, n_kv, kv);
    total = decoder_free_tokens(w.d);
    assert_int_equal(prefix_tree_create(&t, w.d, most, NULL, NULL), CAIRN_OK);
    for (int i = 0; i < 150; i++) {
        token_id ids[LONG];
        size_t n = random_prompt(ids, &seed), past;
        decoder_sequence *s;
        cairn_status st;
        assert_int_equal(prefix_tree_begin(t, ids, n - 1, &s, NULL), CAIRN_OK);
        past = decoder_sequence_past(s);
        assert_true(past < n);
        found += past;
        must_be_whole(t, most);
        if (tiny_random(&seed) % 2) /* others may go on from what is read so far */
            prefix_tree_put(t, s, ids, past);
        while ((st = finish(&w, s, ids, n)) == CAIRN_ELIMIT && prefix_tree_drop(t))
            must_be_whole(t, most);
        assert_int_equal(st, CAIRN_OK);
        prefix_tree_put(t, s, ids, tiny_random(&seed) % 2 ? n : n / 2);
        must_be_whole(t, most);
        decoder_sequence_destroy(w.d, s);
        must_be_whole(t, most);
    }
    assert_true(found > 150 * 20);
    prefix_tree_destroy(t);
    assert_int_equal(decoder_free_tokens(w.d), total);
    clear_world(&w);
}

static void any_history_gives_the_bytes_of_a_plain_pass(void **state)
{
    (void)state;
    any_history(4000, 4000, DECODER_KV_F16);
    any_history(640, 4000, DECODER_KV_F16); /* memory runs out */
    any_history(4000, 500, DECODER_KV_INT8); /* the tree's own bound */
}

static void fill(token_id *ids, size_t n, int kind)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = (token_id)((i * 13 + (size_t)kind * 31 + i / 17) % VOCAB);
}

/* A system prompt, a passage behind it, two questions. */
#define SYSTEM   100
#define PASSAGE  70
#define QUESTION 20
#define WHOLE    (SYSTEM + PASSAGE + QUESTION)

static void make_prompt(token_id *ids, int passage, int question)
{
    fill(ids, SYSTEM, 0);
    fill(ids + SYSTEM, PASSAGE, 1 + passage);
    fill(ids + SYSTEM + PASSAGE, QUESTION, 5 + question);
}

static size_t answer(world *w, prefix_tree *t, int passage, int question)
{
    token_id ids[WHOLE];
    decoder_sequence *s;
    size_t past;

    make_prompt(ids, passage, question);
    assert_int_equal(prefix_tree_begin(t, ids, WHOLE - 1, &s, NULL), CAIRN_OK);
    past = decoder_sequence_past(s);
    assert_int_equal(finish(w, s, ids, WHOLE), CAIRN_OK);
    prefix_tree_put(t, s, ids, WHOLE);
    decoder_sequence_destroy(w->d, s);
    must_be_whole(t, 4000);
    return past;
}

static void hot_paths_go_to_disk(void **state)
{
    char path[512];
    struct stat sb;
    prefix_tree *t;
    world w;
    (void)state;
    make_world(&w, 4000, DECODER_KV_F16);
    make_files(&w, 1 << 20);
    assert_int_equal(prefix_tree_create(&t, w.d, 4000, w.files, NULL), CAIRN_OK);
    assert_int_equal(answer(&w, t, 0, 0), 0);
    assert_false(prefix_tree_save(t)); /* nobody shared it */
    assert_int_equal(answer(&w, t, 1, 0), SYSTEM);
    assert_int_equal(answer(&w, t, 1, 1), SYSTEM + PASSAGE);
    assert_int_equal(prefix_tree_nodes(t), 5); /* the system prompt, two passages, two questions */
    assert_true(prefix_tree_save(t));
    assert_true(prefix_tree_save(t));
    assert_false(prefix_tree_save(t));
    assert_int_equal(each_file(&w, NULL, 0, false), 2); /* the system prompt, and passage 1 behind it */
    prefix_tree_destroy(t);

    /* Another process: whole multiples of 16. */
    assert_int_equal(prefix_tree_create(&t, w.d, 4000, w.files, NULL), CAIRN_OK);
    assert_int_equal(answer(&w, t, 2, 0), 96);
    assert_int_equal(answer(&w, t, 1, 2), 160);
    assert_int_equal(answer(&w, t, 1, 3), SYSTEM + PASSAGE);
    while (prefix_tree_save(t))
        continue;
    assert_int_equal(each_file(&w, NULL, 0, false), 2); /* they are there already */
    prefix_tree_destroy(t);

    /* Without the system prompt's file what goes on behind it is of no use; damaged ones are none. */
    assert_int_equal(prefix_tree_create(&t, w.d, 4000, w.files, NULL), CAIRN_OK);
    each_file(&w, path, sizeof path, false);
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(truncate(path, sb.st_size - 1), 0);
    assert_in_range(answer(&w, t, 1, 4), 0, 96);
    prefix_tree_destroy(t);
    each_file(&w, NULL, 0, true);
    assert_int_equal(prefix_tree_create(&t, w.d, 4000, w.files, NULL), CAIRN_OK);
    assert_int_equal(answer(&w, t, 1, 5), 0);
    prefix_tree_destroy(t);
    clear_world(&w);
}

/* The tree has a beginning that ends within a file: what the file has is taken from its start. */
static void a_file_goes_on_from_the_tree(void **state)
{
    token_id ids[WHOLE], other[WHOLE];
    decoder_sequence *s;
    prefix_tree *t;
    world w;
    (void)state;
    make_world(&w, 4000, DECODER_KV_F16);
    make_files(&w, 1 << 20);
    make_prompt(ids, 0, 0);
    assert_int_equal(decoder_sequence_create(&s, w.d, NULL), CAIRN_OK);
    assert_int_equal(finish(&w, s, ids, WHOLE), CAIRN_OK);
    assert_true(kv_files_keep(w.files, w.d, s, ids, 48));
    assert_true(kv_files_keep(w.files, w.d, s, ids, WHOLE));
    assert_false(kv_files_keep(w.files, w.d, s, ids, WHOLE));
    decoder_sequence_destroy(w.d, s);
    assert_int_equal(each_file(&w, NULL, 0, false), 2); /* 0 .. 47, 48 .. 175 */

    assert_int_equal(prefix_tree_create(&t, w.d, 4000, w.files, NULL), CAIRN_OK);
    memcpy(other, ids, sizeof ids);
    fill(other + 70, WHOLE - 70, 9); /* parts from it at 70, in a page that goes on to 128 */
    assert_int_equal(decoder_sequence_create(&s, w.d, NULL), CAIRN_OK);
    assert_int_equal(finish(&w, s, other, WHOLE), CAIRN_OK);
    prefix_tree_put(t, s, other, WHOLE);
    decoder_sequence_destroy(w.d, s);
    assert_int_equal(answer(&w, t, 0, 0), 176);
    /* The other one's keys and values in that page are as they were. */
    assert_int_equal(prefix_tree_begin(t, other, WHOLE - 1, &s, NULL), CAIRN_OK);
    assert_int_equal(decoder_sequence_past(s), WHOLE - 1);
    assert_int_equal(finish(&w, s, other, WHOLE), CAIRN_OK);
    decoder_sequence_destroy(w.d, s);
    prefix_tree_destroy(t);
    clear_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_gives_the_bytes_of_a_plain_pass),
        cmocka_unit_test(hot_paths_go_to_disk),
        cmocka_unit_test(a_file_goes_on_from_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
