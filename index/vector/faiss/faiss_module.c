/* faiss_module.c - the table of faiss_module.h over FAISS's C interface: the inside of
 * cairn-faiss.so. */
#include "index/vector/faiss_module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <faiss/c_api/Clustering_c.h>
#include <faiss/c_api/IndexIVF_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <faiss/c_api/index_io_c.h>

/* Of libgomp and OpenBLAS, which have no header of their own for just this. */
void omp_set_num_threads(int n);
void openblas_set_num_threads(int n);

struct faiss_model {
    FaissIndex *index;
    FaissIndex *lists; /* the index over the centroids: `index` itself, or inside it */
    uint32_t dim, pq_bytes;
    size_t list_bytes; /* in front of each code that FAISS makes */
};

#define PQ_SAMPLE 16384u /* 64 for each of 256 centroids */

/* The number of OpenMP threads belongs to the calling thread. */
static void one_thread(void)
{
    omp_set_num_threads(1);
    openblas_set_num_threads(1);
}

static int failed(char *why)
{
    const char *text = faiss_get_last_error();

    snprintf(why, FAISS_WHY, "FAISS: %s", text && *text ? text : "unknown error");
    return -1;
}

static int no_memory(char *why)
{
    snprintf(why, FAISS_WHY, "memory ran out");
    return -1;
}

static void model_destroy(faiss_model *m)
{
    if (!m)
        return;
    if (m->index)
        faiss_Index_free(m->index);
    free(m);
}

static FaissMetricType metric_of(bool l2)
{
    return l2 ? METRIC_L2 : METRIC_INNER_PRODUCT;
}

static int model_create(faiss_model **out, uint32_t dim, bool l2, const char *factory, char *why)
{
    faiss_model *m = calloc(1, sizeof *m);

    *out = NULL;
    if (!m)
        return no_memory(why);
    one_thread();
    m->dim = dim;
    if (faiss_index_factory(&m->index, (int)dim, factory, metric_of(l2))) {
        failed(why);
        model_destroy(m);
        return -1;
    }
    *out = m;
    return 0;
}

/* k-means over the sample; the centroids go into `into`, which is empty. */
static int cluster(const faiss_training *t, FaissIndex *into, char *why)
{
    FaissClusteringParameters p;
    FaissClustering *c = NULL;
    FaissIndex *scratch = NULL;
    float *centroids;
    size_t n;
    int bad = 0;

    faiss_ClusteringParameters_init(&p);
    p.niter = (int)t->iterations;
    p.seed = (int)t->seed;
    p.spherical = !t->l2;
    p.max_points_per_centroid = 1 << 20; /* the caller has chosen the sample */
    if (faiss_index_factory(&scratch, (int)t->dim, "Flat", metric_of(t->l2)) ||
        faiss_Clustering_new_with_params(&c, (int)t->dim, (int)t->n_lists, &p) ||
        faiss_Clustering_train(c, (idx_t)t->n_sample, t->sample, scratch))
        bad = failed(why);
    if (!bad) {
        faiss_Clustering_centroids(c, &centroids, &n);
        if (n != (size_t)t->n_lists * t->dim || faiss_Index_add(into, t->n_lists, centroids))
            bad = failed(why);
    }
    if (c)
        faiss_Clustering_free(c);
    if (scratch)
        faiss_Index_free(scratch);
    return bad;
}

/* Find the centroids inside the index and the layout of its codes. */
static int settle(faiss_model *m, char *why)
{
    FaissIndexIVF *ivf = faiss_IndexIVF_cast(m->index);
    size_t size = 0;

    m->lists = ivf ? faiss_IndexIVF_quantizer(ivf) : m->index;
    if (!m->pq_bytes)
        return 0;
    if (!ivf || faiss_Index_sa_code_size(m->index, &size) || size < m->pq_bytes ||
        size - m->pq_bytes > sizeof(uint32_t)) {
        snprintf(why, FAISS_WHY, "FAISS: codes of an unexpected size");
        return -1;
    }
    m->list_bytes = size - m->pq_bytes;
    return 0;
}

static int model_train(faiss_model **out, const faiss_training *t, char *why)
{
    char factory[64] = "Flat";
    faiss_model *m;

    if (t->pq_bytes)
        /* np: without the training for a search by Hamming distance, which is most of the time */
        snprintf(factory, sizeof factory, "IVF%u,PQ%unp", t->n_lists, t->pq_bytes);
    if (model_create(&m, t->dim, t->l2, factory, why))
        return -1;
    m->pq_bytes = t->pq_bytes;
    if (settle(m, why) || cluster(t, m->lists, why)) {
        model_destroy(m);
        return -1;
    }
    if (t->pq_bytes) {
        size_t n = t->n_sample < PQ_SAMPLE ? t->n_sample : PQ_SAMPLE;
        if (faiss_Index_train(m->index, (idx_t)n, t->sample)) {
            failed(why);
            model_destroy(m);
            return -1;
        }
    }
    *out = m;
    return 0;
}

static int model_save(const faiss_model *m, char **bytes, size_t *len, char *why)
{
    FILE *f = open_memstream(bytes, len);
    int bad;

    if (!f)
        return no_memory(why);
    bad = faiss_write_index(m->index, f);
    if (fclose(f) || bad) {
        free(*bytes);
        *bytes = NULL;
        return bad ? failed(why) : no_memory(why);
    }
    return 0;
}

static int model_load(faiss_model **out, const void *bytes, size_t len, uint32_t pq_bytes,
                      char *why)
{
    faiss_model *m = calloc(1, sizeof *m);
    FILE *f = m && len ? fmemopen((void *)(uintptr_t)bytes, len, "rb") : NULL;
    int bad;

    *out = NULL;
    if (!f) {
        free(m);
        return no_memory(why);
    }
    one_thread();
    bad = faiss_read_index(f, 0, &m->index) ? failed(why) : 0;
    fclose(f);
    m->pq_bytes = pq_bytes;
    if (bad || settle(m, why)) {
        model_destroy(m);
        return -1;
    }
    *out = m;
    return 0;
}

static int encode_codes(const faiss_model *m, const float *x, size_t n, uint32_t *list,
                        uint8_t *code, char *why)
{
    size_t size = m->list_bytes + m->pq_bytes;
    uint8_t *both = malloc(n * size + 1);

    if (!both)
        return no_memory(why);
    if (faiss_Index_sa_encode(m->index, (idx_t)n, x, both)) {
        free(both);
        return failed(why);
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *at = both + i * size;
        list[i] = 0;
        for (size_t b = 0; b < m->list_bytes; b++)
            list[i] |= (uint32_t)at[b] << (8 * b);
        memcpy(code + i * m->pq_bytes, at + m->list_bytes, m->pq_bytes);
    }
    free(both);
    return 0;
}

static int model_encode(const faiss_model *m, const float *x, size_t n, uint32_t *list,
                        uint8_t *code, char *why)
{
    idx_t *labels;

    one_thread();
    if (m->pq_bytes)
        return encode_codes(m, x, n, list, code, why);
    labels = malloc(n * sizeof *labels + 1);
    if (!labels)
        return no_memory(why);
    if (faiss_Index_assign(m->lists, (idx_t)n, x, labels, 1)) {
        free(labels);
        return failed(why);
    }
    for (size_t i = 0; i < n; i++)
        list[i] = labels[i] < 0 ? 0 : (uint32_t)labels[i];
    free(labels);
    return 0;
}

static int model_learn(faiss_model *m, const float *x, size_t n, char *why)
{
    one_thread();
    return faiss_Index_train(m->index, (idx_t)n, x) ? failed(why) : 0;
}

static int model_add(faiss_model *m, const float *x, const int64_t *ids, size_t n, char *why)
{
    one_thread();
    return (ids ? faiss_Index_add_with_ids(m->index, (idx_t)n, x, ids)
                : faiss_Index_add(m->index, (idx_t)n, x))
               ? failed(why)
               : 0;
}

static int model_write(const faiss_model *m, const char *path, char *why)
{
    FILE *f = fopen(path, "wbe");
    int bad;

    if (!f) {
        snprintf(why, FAISS_WHY, "%s cannot be written", path);
        return -1;
    }
    bad = faiss_write_index(m->index, f) ? failed(why) : 0;
    if (fclose(f) && !bad) {
        snprintf(why, FAISS_WHY, "%s could not be written whole", path);
        bad = -1;
    }
    return bad;
}

extern const faiss_module cairn_faiss_module __attribute__((visibility("default")));
const faiss_module cairn_faiss_module = {
    FAISS_MODULE_VERSION, model_train, model_save, model_load,  model_encode,
    model_create,         model_learn, model_add,  model_write, model_destroy,
};
