"""Make the index files of this folder with the Python package faiss-cpu (1.15.1 made the ones here).

Run beside them: python make.py. Each NAME.faiss has 40 rows of 8 dimensions; NAME.npy holds what the
package itself reconstructs, row for row in the order of rising ids, and NAME.ids.npy those ids.
"""
import faiss
import numpy as np

rng = np.random.default_rng(2026)
x = rng.standard_normal((40, 8)).astype("<f4")
many = rng.standard_normal((2000, 8)).astype("<f4")
IP, L2 = faiss.METRIC_INNER_PRODUCT, faiss.METRIC_L2
for name, factory, metric in [
        ("flat_ip", "Flat", IP), ("flat_l2", "Flat", L2), ("idmap_flat", "IDMap,Flat", IP),
        ("ivf_flat", "IVF4,Flat", L2), ("ivf_sq8", "IVF4,SQ8", IP), ("ivf_sq4", "IVF4,SQ4", L2),
        ("ivf_fp16", "IVF4,SQfp16", IP), ("ivf_pq8", "IVF4,PQ4x8np", L2), ("ivf_pq4", "IVF4,PQ4x4np", IP),
        ("hnsw_flat", "HNSW8,Flat", L2), ("hnsw_sq8", "HNSW8,SQ8", L2), ("sq8", "SQ8", L2),
        ("idmap2_ivf", "IDMap2,IVF4,Flat", IP), ("sparse_ivf", "IVF30,Flat", L2)]:
    index = faiss.index_factory(8, factory, metric)
    index.train(many)
    ids = np.arange(40, dtype="<i8")
    if "IDMap" in factory or name == "ivf_flat":
        ids = ids * 7 + 100
        index.add_with_ids(x, ids)
    else:
        index.add(x)
    faiss.write_index(index, name + ".faiss")
    inner = faiss.downcast_index(index.index) if "IDMap" in factory else index
    if hasattr(inner, "make_direct_map"):
        inner.set_direct_map_type(faiss.DirectMap.Hashtable)
    key = ids if name == "ivf_flat" else np.arange(40)
    rows = np.stack([inner.reconstruct(int(i)) for i in key]).astype("<f4")
    np.save(name + ".npy", rows)
    np.save(name + ".ids.npy", ids.astype("<f8"))
