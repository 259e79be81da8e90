/* test_vector_file.c - vectors in the files of others: .npy as NumPy writes it and as nobody
 * should, .fvecs, .bvecs, and the index files that the Python package of FAISS made
 * (golden/faiss/make.py); cut short at every byte and changed at random. What our FAISS module
 * writes is read back as well. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/vector/faiss_file.h"
#include "index/vector/faiss_module.h"
#include "index/vector/vector.h"
#include "index/vector/vector_file.h"
#include "tests/index/vector/memory_sections.h"

#define GOLDEN CAIRN_SOURCE_DIR "/tests/index/vector/golden/faiss/"

static cairn_error error;

static void ok(cairn_status st)
{
    if (st)
        fail_msg("%s", error.text);
}

typedef struct blob {
    uint8_t *data; /* exactly len bytes, so that a sanitizer sees one too many */
    size_t len;
} blob;

static blob read_blob(const char *path)
{
    blob b = {malloc(1 << 20), 0};
    FILE *f = fopen(path, "rb");

    if (!f)
        fail_msg("%s is missing", path);
    b.len = fread(b.data, 1, 1 << 20, f);
    fclose(f);
    b.data = realloc(b.data, b.len);
    return b;
}

/* "\x93NUMPY" version, header length, header, data */
static blob npy(const char *header, int version, const void *data, size_t len)
{
    size_t n = strlen(header), at = version == 1 ? 10 : 12;
    blob b = {malloc(at + n + len), at + n + len};

    memcpy(b.data, "\x93NUMPY", 6);
    b.data[6] = (uint8_t)version;
    b.data[7] = 0;
    for (size_t i = 0; i < at - 8; i++)
        b.data[8 + i] = (uint8_t)(n >> (8 * i));
    memcpy(b.data + at, header, n);
    memcpy(b.data + at + n, data, len);
    return b;
}

/* Open, read everything, and give the status; the rows go to out where it is not NULL. */
static cairn_status read_rows(const blob *b, vector_file_kind kind, float *out, int64_t *ids,
                              size_t *n, uint32_t *dim)
{
    vector_file *f;
    cairn_status st = vector_file_open(&f, b->data, b->len, kind, &error);
    size_t rows = 0;
    int64_t id;

    if (st)
        return st;
    float *v = malloc(vector_file_dim(f) * sizeof *v);
    while (!(st = vector_file_next(f, v, &id, &error))) {
        if (out)
            memcpy(out + rows * vector_file_dim(f), v, vector_file_dim(f) * sizeof *v);
        if (ids)
            ids[rows] = id;
        rows++;
    }
    if (st == CAIRN_ENOTFOUND) {
        st = CAIRN_OK;
        assert_int_equal(rows, vector_file_rows(f));
    }
    if (n)
        *n = rows;
    if (dim)
        *dim = vector_file_dim(f);
    free(v);
    vector_file_close(f);
    return st;
}

static const float six[6] = {1, -2.5f, 3e-8f, 4, 65504, -6};

static void test_npy_types(void **state)
{
    (void)state;
    static const uint8_t f4be[] = {0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0};
    static const uint8_t f2[] = {0x00, 0x3c, 0x00, 0xc1}, f2be[] = {0x3c, 0x00, 0xc1, 0x00};
    static const double f8[] = {1, -2.5};
    static const uint8_t u1[] = {1, 254};
    static const struct {
        const char *header;
        const void *data;
        size_t len;
        float want[2];
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }     \n", six, 8, {1, -2.5f}},
        {"{'shape': (1, 2), 'fortran_order': False, 'descr': '<f4'}", six, 8, {1, -2.5f}},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", six, 8, {1, -2.5f}},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }\n", six, 8, {1, -2.5f}},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (1, 2), }\n", f4be, 8, {1, -2.5f}},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (1, 2), }\n", f2, 4, {1, -2.5f}},
        {"{'descr': '>f2', 'fortran_order': False, 'shape': (1, 2), }\n", f2be, 4, {1, -2.5f}},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }\n", f8, 16, {1, -2.5f}},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }\n", u1, 2, {1, 254}},
        {"{'descr': '|i1', 'fortran_order': False, 'shape': (1, 2), }\n", u1, 2, {1, -2}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int version = 1; version <= 3; version++) {
            blob b = npy(cases[i].header, version, cases[i].data, cases[i].len);
            float got[2];
            size_t n;
            uint32_t dim;
            ok(read_rows(&b, VECTOR_FILE_NPY, got, NULL, &n, &dim));
            assert_int_equal(n, 1);
            assert_int_equal(dim, 2);
            assert_memory_equal(got, cases[i].want, sizeof got);
            free(b.data);
        }
}

static void test_npy_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        cairn_status want;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }\n", CAIRN_EUNSUPPORTED},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (3, 2), }\n", CAIRN_EUNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }\n", CAIRN_EUNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 2), }\n", CAIRN_EUNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", CAIRN_EUNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }\n", CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n", CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0), }\n", CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 16385), }\n", CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 2), }\n",
         CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }\n",
         CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2), }\n", CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': 'no', 'shape': (3, 2), }\n", CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': False, }\n", CAIRN_EINPUT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'x': 1}\n", CAIRN_EINPUT},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3, 2), }\n", CAIRN_EINPUT},
        {"{'descr': '<f4", CAIRN_EINPUT},
        {"", CAIRN_EINPUT},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        blob b = npy(cases[i].header, 1, six, sizeof six);
        assert_int_equal(read_rows(&b, VECTOR_FILE_NPY, NULL, NULL, NULL, NULL), cases[i].want);
        free(b.data);
    }
    blob b =
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n", 1, six, sizeof six);
    b.data[6] = 4;
    assert_int_equal(read_rows(&b, VECTOR_FILE_NPY, NULL, NULL, NULL, NULL), CAIRN_EUNSUPPORTED);
    b.data[6] = 1;
    ok(read_rows(&b, VECTOR_FILE_NPY, NULL, NULL, NULL, NULL));
    for (size_t len = 0; len < b.len; len++) {
        blob cut = {malloc(len ? len : 1), len};
        memcpy(cut.data, b.data, len);
        assert_int_equal(read_rows(&cut, VECTOR_FILE_NPY, NULL, NULL, NULL, NULL), CAIRN_EINPUT);
        free(cut.data);
    }
    free(b.data);
}

static void test_npy_header(void **state)
{
    (void)state;
    static const uint64_t rows[] = {0, 1, 3, VECTOR_MAX_ROWS};

    for (size_t i = 0; i < 4; i++) {
        char out[VECTOR_NPY_HEADER];
        size_t n = vector_npy_header(out, rows[i], 2);
        assert_int_equal(n, VECTOR_NPY_HEADER);
        assert_int_equal(out[n - 1], '\n');
        if (rows[i] > 3)
            continue;
        blob b = {malloc(n + (size_t)rows[i] * 8), n + (size_t)rows[i] * 8};
        float got[6];
        size_t got_n;
        memcpy(b.data, out, n);
        memcpy(b.data + n, six, (size_t)rows[i] * 8);
        ok(read_rows(&b, VECTOR_FILE_NPY, got, NULL, &got_n, NULL));
        assert_int_equal(got_n, rows[i]);
        assert_memory_equal(got, six, (size_t)rows[i] * 8);
        free(b.data);
    }
}

static void test_vecs(void **state)
{
    (void)state;
    uint8_t data[24];
    static const uint32_t two = 2, three = 3;
    blob b = {data, sizeof data};
    float got[4];
    size_t n;

    memcpy(data, &two, 4);
    memcpy(data + 4, six, 8);
    memcpy(data + 12, &two, 4);
    memcpy(data + 16, six + 2, 8);
    ok(read_rows(&b, VECTOR_FILE_FVECS, got, NULL, &n, NULL));
    assert_int_equal(n, 2);
    assert_memory_equal(got, six, sizeof got);
    b.len = 23;
    assert_int_equal(read_rows(&b, VECTOR_FILE_FVECS, NULL, NULL, NULL, NULL), CAIRN_EINPUT);
    b.len = 24;
    memcpy(data + 12, &three, 4);
    assert_int_equal(read_rows(&b, VECTOR_FILE_FVECS, NULL, NULL, NULL, NULL), CAIRN_EINPUT);
    memset(data, 0, 4);
    assert_int_equal(read_rows(&b, VECTOR_FILE_FVECS, NULL, NULL, NULL, NULL), CAIRN_EINPUT);
    b.len = 0;
    assert_int_equal(read_rows(&b, VECTOR_FILE_FVECS, NULL, NULL, NULL, NULL), CAIRN_EINPUT);
    uint8_t bytes[] = {2, 0, 0, 0, 7, 255, 2, 0, 0, 0, 0, 9};
    static const float want[] = {7, 255, 0, 9};
    blob c = {bytes, sizeof bytes};
    ok(read_rows(&c, VECTOR_FILE_BVECS, got, NULL, &n, NULL));
    assert_memory_equal(got, want, sizeof want);
}

static const char *const golden[] = {"flat_ip",  "flat_l2",  "idmap_flat", "ivf_flat",  "ivf_sq8",
                                     "ivf_sq4",  "ivf_fp16", "ivf_pq8",    "ivf_pq4",   "hnsw_flat",
                                     "hnsw_sq8", "sq8",      "idmap2_ivf", "sparse_ivf"};

#define N_GOLDEN (sizeof golden / sizeof *golden)

static blob golden_blob(size_t i, const char *suffix)
{
    char path[512];

    snprintf(path, sizeof path, GOLDEN "%s%s", golden[i], suffix);
    return read_blob(path);
}

/* What the package wrote is what it reconstructs itself. */
static void test_faiss_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_GOLDEN; i++) {
        blob index = golden_blob(i, ".faiss"), rows = golden_blob(i, ".npy"),
             names = golden_blob(i, ".ids.npy");
        float got[40 * 8], want[40 * 8], ids[40];
        int64_t got_ids[40];
        size_t n;
        uint32_t dim;
        ok(read_rows(&index, VECTOR_FILE_FAISS, got, got_ids, &n, &dim));
        assert_int_equal(n, 40);
        assert_int_equal(dim, 8);
        ok(read_rows(&rows, VECTOR_FILE_NPY, want, NULL, &n, &dim));
        ok(read_rows(&names, VECTOR_FILE_NPY, ids, NULL, &n, &dim));
        assert_int_equal(dim, 40);
        for (size_t r = 0; r < 40; r++) {
            size_t at = 0;
            while (at < 40 && (int64_t)ids[at] != got_ids[r])
                at++;
            assert_true(at < 40);
            for (size_t d = 0; d < 8; d++)
                if (fabsf(got[r * 8 + d] - want[at * 8 + d]) > 1e-6f)
                    fail_msg("%s: row %zu (id %lld), component %zu: %g where FAISS says %g",
                             golden[i], r, (long long)got_ids[r], d, (double)got[r * 8 + d],
                             (double)want[at * 8 + d]);
        }
        free(index.data);
        free(rows.data);
        free(names.data);
    }
}

static void test_faiss_damage(void **state)
{
    (void)state;
    uint64_t seed = test_seed();

    print_message("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < N_GOLDEN; i++) {
        blob index = golden_blob(i, ".faiss");
        for (size_t len = 0; len < index.len; len++) {
            blob cut = {malloc(len ? len : 1), len};
            memcpy(cut.data, index.data, len);
            cairn_status st = read_rows(&cut, VECTOR_FILE_FAISS, NULL, NULL, NULL, NULL);
            assert_true(st == CAIRN_EINPUT || st == CAIRN_EUNSUPPORTED);
            free(cut.data);
        }
        for (int round = 0; round < 1500; round++) {
            blob copy = {malloc(index.len), index.len};
            memcpy(copy.data, index.data, index.len);
            for (uint64_t k = 1 + test_random(&seed) % 4; k; k--)
                copy.data[test_random(&seed) % (round % 2 ? 200 : index.len)] =
                    (uint8_t)test_random(&seed);
            read_rows(&copy, VECTOR_FILE_FAISS, NULL, NULL, NULL, NULL);
            free(copy.data);
        }
        free(index.data);
    }
}

static void test_faiss_others_refused(void **state)
{
    (void)state;
    static const char *const kinds[] = {"IxHE", "IxPT", "IBxF", "IwQR", "IwPf"};
    blob b = golden_blob(0, ".faiss");

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        memcpy(b.data, kinds[i], 4);
        assert_int_not_equal(read_rows(&b, VECTOR_FILE_FAISS, NULL, NULL, NULL, NULL), CAIRN_OK);
        assert_non_null(strstr(error.text, kinds[i]));
    }
    free(b.data);
}

/* Our module's files, read back: the same rows under the same ids. */
static void test_faiss_written(void **state)
{
    (void)state;
    enum { N = 500, DIM = 6 };
    static const struct {
        const char *factory;
        bool ids, learns;
        double error;
    } cases[] = {{"Flat", false, false, 0},       {"IDMap,Flat", true, false, 0},
                 {"HNSW8,Flat", false, false, 0}, {"IDMap,HNSW8,Flat", true, false, 0},
                 {"IVF5,Flat", true, true, 0},    {"IVF5,SQ8", true, true, 0.02},
                 {"IVF5,Flat", false, true, 0}};
    const faiss_module *faiss;
    float *x = malloc(N * DIM * sizeof *x), *got = malloc(N * DIM * sizeof *got);
    int64_t *ids = malloc(N * sizeof *ids), *got_ids = malloc(N * sizeof *ids);
    char path[] = "/tmp/cairn-faiss-XXXXXX", why[FAISS_WHY];
    uint64_t seed = 5;

    ok(faiss_module_get(&faiss, &error));
    close(mkstemp(path));
    for (size_t i = 0; i < N * DIM; i++)
        x[i] = (float)(test_uniform(&seed) - 0.5);
    for (size_t i = 0; i < N; i++)
        ids[i] = (int64_t)(i * 3 + ((uint64_t)1 << 40));
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int l2 = 0; l2 < 2; l2++) {
            faiss_model *m;
            size_t n;
            bool is_l2;
            assert_int_equal(faiss->create(&m, DIM, l2, cases[c].factory, why), 0);
            if (cases[c].learns)
                assert_int_equal(faiss->learn(m, x, N, why), 0);
            assert_int_equal(faiss->add(m, x, cases[c].ids ? ids : NULL, N, why), 0);
            assert_int_equal(faiss->write(m, path, why), 0);
            faiss->destroy(m);
            blob b = read_blob(path);
            vector_file *f;
            ok(vector_file_open(&f, b.data, b.len, VECTOR_FILE_FAISS, &error));
            assert_true(vector_file_metric(f, &is_l2));
            assert_int_equal(is_l2, l2);
            vector_file_close(f);
            ok(read_rows(&b, VECTOR_FILE_FAISS, got, got_ids, &n, NULL));
            assert_int_equal(n, N);
            for (size_t r = 0; r < N; r++) {
                size_t at = cases[c].ids ? (size_t)((got_ids[r] - ((int64_t)1 << 40)) / 3)
                                         : (size_t)got_ids[r];
                assert_true(at < N && (!cases[c].ids || ids[at] == got_ids[r]));
                for (size_t d = 0; d < DIM; d++)
                    assert_true(fabs((double)got[r * DIM + d] - (double)x[at * DIM + d]) <=
                                cases[c].error);
            }
            free(b.data);
        }
    faiss_model *m;
    assert_int_not_equal(faiss->create(&m, DIM, true, "No such index", why), 0);
    assert_null(m);
    assert_true(strlen(why) > 0);
    unlink(path);
    free(x);
    free(got);
    free(ids);
    free(got_ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npy_types),
        cmocka_unit_test(test_npy_refused),
        cmocka_unit_test(test_npy_header),
        cmocka_unit_test(test_vecs),
        cmocka_unit_test(test_faiss_golden),
        cmocka_unit_test(test_faiss_damage),
        cmocka_unit_test(test_faiss_others_refused),
        cmocka_unit_test(test_faiss_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
