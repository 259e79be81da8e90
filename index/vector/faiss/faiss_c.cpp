/* faiss_c.cpp - the functions of FAISS's C interface that Cairn calls, with the signatures of its
 * own headers (faiss/c_api). Debian's libfaiss-dev ships those headers and the C++ library, but no
 * object that defines them; where a system has libfaiss_c, CMake links that one and leaves this
 * file out.
 *
 * No exception leaves a function: each is caught, its sentence kept for faiss_get_last_error, and
 * turned into a negative result. */
#include <faiss/Clustering.h>
#include <faiss/Index.h>
#include <faiss/IndexIVF.h>
#include <faiss/c_api/Clustering_c.h>
#include <faiss/c_api/IndexIVF_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/index_factory_c.h>
#include <faiss/c_api/index_io_c.h>
#include <faiss/impl/FaissException.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>

#include <cstdio>
#include <cstring>
#include <exception>

namespace
{

thread_local char last_error[512] = "";

void remember(const char *what)
{
    std::snprintf(last_error, sizeof last_error, "%s", what);
}

template <typename Call> int guarded(Call call)
{
    try {
        call();
        return 0;
    } catch (const faiss::FaissException &e) {
        remember(e.what());
        return -2;
    } catch (const std::exception &e) {
        remember(e.what());
        return -4;
    } catch (...) {
        remember("unknown error");
        return -1;
    }
}

faiss::Index *cpp(FaissIndex *index)
{
    return reinterpret_cast<faiss::Index *>(index);
}

const faiss::Index *cpp(const FaissIndex *index)
{
    return reinterpret_cast<const faiss::Index *>(index);
}

} // namespace

extern "C" {

const char *faiss_get_last_error()
{
    return last_error;
}

/* ---- Index_c.h ---- */

void faiss_Index_free(FaissIndex *obj)
{
    guarded([=] { delete cpp(obj); });
}

int faiss_Index_train(FaissIndex *index, idx_t n, const float *x)
{
    return guarded([=] { cpp(index)->train(n, x); });
}

int faiss_Index_add(FaissIndex *index, idx_t n, const float *x)
{
    return guarded([=] { cpp(index)->add(n, x); });
}

int faiss_Index_add_with_ids(FaissIndex *index, idx_t n, const float *x, const idx_t *xids)
{
    return guarded([=] { cpp(index)->add_with_ids(n, x, xids); });
}

int faiss_Index_assign(FaissIndex *index, idx_t n, const float *x, idx_t *labels, idx_t k)
{
    return guarded([=] { cpp(index)->assign(n, x, labels, k); });
}

int faiss_Index_sa_code_size(const FaissIndex *index, size_t *size)
{
    return guarded([=] { *size = cpp(index)->sa_code_size(); });
}

int faiss_Index_sa_encode(const FaissIndex *index, idx_t n, const float *x, uint8_t *bytes)
{
    return guarded([=] { cpp(index)->sa_encode(n, x, bytes); });
}

/* ---- IndexIVF_c.h ---- */

FaissIndexIVF *faiss_IndexIVF_cast(FaissIndex *index)
{
    return reinterpret_cast<FaissIndexIVF *>(dynamic_cast<faiss::IndexIVF *>(cpp(index)));
}

FaissIndex *faiss_IndexIVF_quantizer(const FaissIndexIVF *obj)
{
    return reinterpret_cast<FaissIndex *>(
        reinterpret_cast<const faiss::IndexIVF *>(obj)->quantizer);
}

/* ---- Clustering_c.h ---- */

void faiss_ClusteringParameters_init(FaissClusteringParameters *params)
{
    const faiss::ClusteringParameters d;

    std::memset(params, 0, sizeof *params);
    params->niter = d.niter;
    params->nredo = d.nredo;
    params->verbose = d.verbose;
    params->spherical = d.spherical;
    params->int_centroids = d.int_centroids;
    params->update_index = d.update_index;
    params->frozen_centroids = d.frozen_centroids;
    params->min_points_per_centroid = d.min_points_per_centroid;
    params->max_points_per_centroid = d.max_points_per_centroid;
    params->seed = d.seed;
    params->decode_block_size = d.decode_block_size;
}

int faiss_Clustering_new_with_params(FaissClustering **p_clustering, int d, int k,
                                     const FaissClusteringParameters *cp)
{
    return guarded([=] {
        faiss::ClusteringParameters p;
        p.niter = cp->niter;
        p.nredo = cp->nredo;
        p.verbose = cp->verbose != 0;
        p.spherical = cp->spherical != 0;
        p.int_centroids = cp->int_centroids != 0;
        p.update_index = cp->update_index != 0;
        p.frozen_centroids = cp->frozen_centroids != 0;
        p.min_points_per_centroid = cp->min_points_per_centroid;
        p.max_points_per_centroid = cp->max_points_per_centroid;
        p.seed = cp->seed;
        p.decode_block_size = cp->decode_block_size;
        *p_clustering = reinterpret_cast<FaissClustering *>(new faiss::Clustering(d, k, p));
    });
}

int faiss_Clustering_train(FaissClustering *clustering, idx_t n, const float *x, FaissIndex *index)
{
    return guarded(
        [=] { reinterpret_cast<faiss::Clustering *>(clustering)->train(n, x, *cpp(index)); });
}

void faiss_Clustering_centroids(FaissClustering *clustering, float **centroids, size_t *size)
{
    auto &all = reinterpret_cast<faiss::Clustering *>(clustering)->centroids;

    *centroids = all.data();
    if (size)
        *size = all.size();
}

void faiss_Clustering_free(FaissClustering *clustering)
{
    guarded([=] { delete reinterpret_cast<faiss::Clustering *>(clustering); });
}

/* ---- index_factory_c.h, index_io_c.h ---- */

int faiss_index_factory(FaissIndex **p_index, int d, const char *description,
                        FaissMetricType metric)
{
    return guarded([=] {
        *p_index = reinterpret_cast<FaissIndex *>(
            faiss::index_factory(d, description, static_cast<faiss::MetricType>(metric)));
    });
}

int faiss_write_index(const FaissIndex *idx, FILE *f)
{
    return guarded([=] { faiss::write_index(cpp(idx), f); });
}

int faiss_read_index(FILE *f, int io_flags, FaissIndex **p_out)
{
    return guarded(
        [=] { *p_out = reinterpret_cast<FaissIndex *>(faiss::read_index(f, io_flags)); });
}

} // extern "C"
