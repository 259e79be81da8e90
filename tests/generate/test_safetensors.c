/* test_safetensors.c - the container of the English embedder: right, wrong by name, cut, changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "generate/formats/safetensors.h"
#include "tests/generate/toy_folder.h"

static const char good[] =
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"b\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[24,28]},"
    "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
    "\"c\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[28,36]}}   ";
#define GOOD_DATA 36

static void make_file(bytes *b, const char *header, size_t data)
{
    bytes_append_u64(b, strlen(header));
    bytes_append_str(b, header);
    for (size_t i = 0; i < data; i++)
        bytes_append_byte(b, (uint8_t)i);
}

static cairn_status open_copy(const bytes *b, safetensors **s, uint8_t **copy, cairn_error *err)
{
    *copy = malloc(b->len ? b->len : 1);
    assert_non_null(*copy);
    if (b->len)
        memcpy(*copy, b->data, b->len);
    return safetensors_open_memory(s, *copy, b->len, "test.safetensors", err);
}

static void reads_what_is_there(void **state)
{
    (void)state;
    bytes b;
    safetensors *s;
    uint8_t *copy;
    const tensor *t;
    cairn_error err = { 0 };

    bytes_init(&b, 1 << 16);
    make_file(&b, good, GOOD_DATA);
    if (open_copy(&b, &s, &copy, &err))
        fail_msg("%s", err.text);
    assert_int_equal(safetensors_count(s), 3);
    assert_string_equal(safetensors_at(s, 0)->name, "a"); /* by offset */
    assert_int_equal(safetensors_need(s, "a", &t, &err), 0);
    assert_int_equal(t->dims[0], 3); /* the row length: fastest first */
    assert_int_equal(t->dims[1], 2);
    assert_int_equal(t->n_dims, 2);
    assert_int_equal(t->bytes, 24);
    t = safetensors_find(s, "c");
    assert_int_equal(t->n_dims, 1);
    assert_int_equal(t->data[0], 28);
    assert_int_equal(safetensors_need(s, "d", &t, &err), CAIRN_EMODEL);
    safetensors_close(s);
    free(copy);
    bytes_clear(&b);
}

#define ONE(dtype, shape, offsets) \
    "{\"x\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static const struct {
    const char *name, *header;
    size_t data;
    const char *word;
} refused[] = {
    { "not JSON", "{\"a\":", 0, "JSON" },
    { "a list", "[]", 0, "JSON" },
    { "name twice", "{\"a\":{},\"a\":{}}", 0, "JSON" },
    { "no dtype", "{\"x\":{}}", 0, "dtype" },
    { "unknown dtype", ONE("\"F8_E4M3\"", "[4]", "[0,4]"), 4, "F8_E4M3" },
    { "shape of text", ONE("\"F32\"", "[\"1\"]", "[0,4]"), 4, "shape" },
    { "shape of 0", ONE("\"F32\"", "[0]", "[0,0]"), 0, "shape" },
    { "negative shape", ONE("\"F32\"", "[-1]", "[0,4]"), 4, "shape" },
    { "five dimensions", ONE("\"F32\"", "[1,1,1,1,1]", "[0,4]"), 4, "shape" },
    { "product wraps", ONE("\"F32\"", "[4611686018427387904,4,1]", "[0,4]"), 4, "shape" },
    { "no offsets", "{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets" },
    { "three offsets", ONE("\"F32\"", "[1]", "[0,4,8]"), 8, "data_offsets" },
    { "offsets backwards", ONE("\"F32\"", "[1]", "[4,0]"), 4, "outside" },
    { "offsets outside", ONE("\"F32\"", "[1]", "[4,8]"), 4, "outside" },
    { "length does not fit", ONE("\"F32\"", "[2]", "[0,4]"), 4, "needs 8" },
    { "hole in front", ONE("\"F32\"", "[1]", "[4,8]"), 8, "hole" },
    { "bytes behind", ONE("\"F32\"", "[1]", "[0,4]"), 8, "behind" },
    { "overlap",
      "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
      "\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
      12, "overlaps" },
};

static void refuses_broken_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        bytes b;
        safetensors *s;
        uint8_t *copy;
        cairn_error err = { 0 };
        bytes_init(&b, 1 << 16);
        make_file(&b, refused[i].header, refused[i].data);
        cairn_status st = open_copy(&b, &s, &copy, &err);
        if (st != CAIRN_EMODEL || !strstr(err.text, refused[i].word))
            fail_msg("%s: status %d: %s", refused[i].name, st, err.text);
        free(copy);
        bytes_clear(&b);
    }
}

static void refuses_cuts_and_survives_changes(void **state)
{
    (void)state;
    const char *given = getenv("CAIRN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)getpid() * 2654435761u;
    uint64_t x = seed * 2 + 1;
    safetensors *s;
    uint8_t *copy;
    bytes b;

    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    bytes_init(&b, 1 << 16);
    make_file(&b, good, GOOD_DATA);
    size_t whole = b.len;
    for (b.len = 0; b.len < whole; b.len++) {
        assert_int_equal(open_copy(&b, &s, &copy, NULL), CAIRN_EMODEL);
        free(copy);
    }
    for (int r = 0; r < 20000; r++) {
        bytes_reset(&b);
        make_file(&b, good, GOOD_DATA);
        for (int k = 0; k < 2; k++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            b.data[(x >> 8) % b.len] = x & 1 ? "0123456789[]{},\""[x >> 60] : (char)(x >> 48);
        }
        if (!open_copy(&b, &s, &copy, NULL)) {
            volatile unsigned sum = 0;
            for (size_t i = 0; i < safetensors_count(s); i++)
                sum += safetensors_at(s, i)->data[safetensors_at(s, i)->bytes - 1];
            safetensors_close(s);
        }
        free(copy);
    }
    bytes_clear(&b);
}

/* ---- a model in several files ---- */

static void put_file(const char *name, const char *header, size_t data)
{
    char path[400];
    bytes b;
    FILE *f;

    bytes_init(&b, 16 << 20);
    make_file(&b, header, data);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
    assert_int_equal(fclose(f), 0);
    bytes_clear(&b);
}

static void put_index(const char *text)
{
    char path[400];
    FILE *f;

    snprintf(path, sizeof path, "%s/" SAFETENSORS_INDEX, folder);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

#define SHARD_X "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"
#define SHARD_Y                                                                      \
    "{\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"             \
    "\"z\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}"
#define MAP(x) "{\"weight_map\":{" x "}}"

static void several_files_are_one_model(void **state)
{
    safetensors *s;
    cairn_error err = { 0 };

    (void)state;
    put_file("a.safetensors", SHARD_X, 8);
    put_file("b.safetensors", SHARD_Y, 12);
    put_index("{\"metadata\":{},\"weight_map\":{\"z\":\"b.safetensors\",\"x\":\"a.safetensors\",\"y\":\"b.safetensors\"}}");
    if (safetensors_open_folder(&s, folder, &err))
        fail_msg("%s", err.text);
    assert_int_equal(safetensors_count(s), 3);
    assert_int_equal(safetensors_files(s), 2);
    assert_int_equal(safetensors_find(s, "x")->data[1], 1);
    assert_int_equal(safetensors_find(s, "z")->data[0], 8);
    safetensors_close(s);
    put_file("model.safetensors", SHARD_X, 8); /* the whole model, where it is there */
    assert_int_equal(safetensors_open_folder(&s, folder, &err), CAIRN_OK);
    assert_int_equal(safetensors_count(s), 1);
    safetensors_close(s);
}

/* Pages of this process that are in memory. */
static size_t resident(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    size_t size, pages = 0;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%zu %zu", &size, &pages), 2);
    fclose(f);
    return pages;
}

static uint64_t sum_of(const tensor *t)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < t->bytes; i++)
        sum = sum * 31 + t->data[i];
    return sum;
}

static void pages_of_a_tensor_are_given_back(void **state)
{
    enum { BYTES = 8 << 20 };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    safetensors *s;
    const tensor *t;
    uint64_t sum;
    size_t before;
    cairn_error err = { 0 };

    (void)state;
    put_file("model.safetensors", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,1048576],\"data_offsets\":[0,8388608]}}", BYTES);
    if (safetensors_open_folder(&s, folder, &err))
        fail_msg("%s", err.text);
    t = safetensors_find(s, "a");
    assert_int_equal(t->bytes, BYTES);
    sum = sum_of(t);
    before = resident();
    tensor_forget(t, 0, t->bytes);
    assert_true(resident() + BYTES / page * 9 / 10 < before);
    assert_true(sum_of(t) == sum); /* read again */
    for (size_t i = 0; i < 200; i++) {
        size_t from = i * 7919 % BYTES, end = from + i * i * 41; /* past the end as well */
        tensor_forget(t, from, end);
    }
    tensor_forget(t, 5, 5);
    tensor_forget(t, 9, 4);
    assert_true(sum_of(t) == sum);
    safetensors_close(s);
}

static void hostile_indexes_are_refused(void **state)
{
    static const struct {
        const char *index, *word;
    } rows[] = {
        { "{", "JSON" },
        { "[]", "weight_map" },
        { "{}", "weight_map" },
        { MAP(""), "weight_map" },
        { "{\"weight_map\":7}", "weight_map" },
        { MAP("\"x\":\"a.safetensors\",\"x\":\"b.safetensors\""), "JSON" },
        { MAP("\"x\":7"), "no name" },
        { MAP("\"x\":\"\""), "no name" },
        { MAP("\"x\":\"../a.safetensors\""), "no name" },
        { MAP("\"x\":\"/etc/a.safetensors\""), "no name" },
        { MAP("\"x\":\"below/a.safetensors\""), "no name" },
        { MAP("\"x\":\"..safetensors\""), "no name" },
        { MAP("\"x\":\".safetensors\""), "no name" },
        { MAP("\"x\":\"a.bin\""), "no name" },
        { MAP("\"x\":\"c.safetensors\""), "not there" },
        { MAP("\"x\":\"folder.safetensors\""), "folder.safetensors" },
        { MAP("\"x\":\"b.safetensors\""), "tensor x is not in" },
        { MAP("\"x\":\"a.safetensors\",\"y\":\"b.safetensors\""), "z of" },
        { MAP("\"x\":\"a.safetensors\",\"y\":\"b.safetensors\",\"z\":\"a.safetensors\""), "tensor z is not in" },
        { MAP("\"x\":\"a.safetensors\",\"y\":\"a.safetensors\""), "tensor y is not in" },
        { MAP("\"x\":\"a.safetensors\",\"w\":\"a.safetensors\""), "tensor w is not in" },
        { MAP("\"x\":\"a.safetensors\",\"y\":\"again.safetensors\""), "tensor x is in" },
        { MAP("\"x\":\"a.safetensors\",\"y\":\"cut.safetensors\""), "cut.safetensors" },
    };
    char path[400];

    (void)state;
    put_file("a.safetensors", SHARD_X, 8);
    put_file("again.safetensors", SHARD_X, 8);
    put_file("b.safetensors", SHARD_Y, 12);
    put_file("cut.safetensors", SHARD_Y, 11);
    snprintf(path, sizeof path, "%s/folder.safetensors", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cairn_error err = { 0 };
        safetensors *s;
        cairn_status st;
        put_index(rows[i].index);
        st = safetensors_open_folder(&s, folder, &err);
        if (st != CAIRN_EMODEL || !strstr(err.text, rows[i].word))
            fail_msg("%s: status %d: %s", rows[i].index, st, err.text);
        assert_null(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_there),
        cmocka_unit_test(refuses_broken_files),
        cmocka_unit_test(refuses_cuts_and_survives_changes),
        cmocka_unit_test_setup_teardown(several_files_are_one_model, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(pages_of_a_tensor_are_given_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(hostile_indexes_are_refused, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
