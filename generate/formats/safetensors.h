/* safetensors.h - read a .safetensors weight file through a read-only mapping.
 *
 * A file is a u64 header length, a JSON header that maps names to {dtype, shape, data_offsets}, and
 * the tensors' bytes. Format: the safetensors README, "Format". Checked at open: the header's
 * size, its JSON, duplicate names, dtypes, shapes against byte ranges, overlaps and gaps.
 *
 * Shapes in the file are row-major, slowest first; `tensor.dims` is fastest first, as in GGUF, so
 * dims[0] is the row length. A scalar (shape []) has n_dims 1 and dims[0] 1. Shapes of more than
 * four dimensions and dtypes without a tensor_type are refused.
 *
 * Owns     the mapping and the names; tensor data is BORROWED from it until safetensors_close.
 * Threads  immutable after open.
 * Errors   CAIRN_EMODEL (also: no such file) with path and the field; CAIRN_EIO. */
#ifndef CAIRN_GENERATE_FORMATS_SAFETENSORS_H
#define CAIRN_GENERATE_FORMATS_SAFETENSORS_H

#include "base/status.h"
#include "generate/formats/tensor.h"

typedef struct safetensors safetensors;

cairn_status safetensors_open(safetensors **out, const char *path, cairn_error *err);
/* The same over bytes that the caller keeps alive. */
cairn_status safetensors_open_memory(safetensors **out, const void *data, size_t len,
                                     const char *name, cairn_error *err);
/* A model's folder: model.safetensors or, where that is not there, all files that
 * model.safetensors.index.json names. They must lie in the folder itself and hold the tensors of the
 * index, each once. */
cairn_status safetensors_open_folder(safetensors **out, const char *folder, cairn_error *err);
#define SAFETENSORS_INDEX "model.safetensors.index.json"
/* What such an index may call a file: a plain name that ends with ".safetensors". */
bool safetensors_is_shard_name(const char *name);
void safetensors_close(safetensors *s); /* NULL is fine */

const char *safetensors_path(const safetensors *s); /* of several files the first */
size_t safetensors_files(const safetensors *s);
const char *safetensors_file(const safetensors *s, size_t i); /* the path of file i < safetensors_files */
size_t safetensors_count(const safetensors *s);
const tensor *safetensors_at(const safetensors *s, size_t i); /* by file, then by offset in it */
const tensor *safetensors_find(const safetensors *s, const char *name); /* NULL when absent */
cairn_status safetensors_need(const safetensors *s, const char *name, const tensor **out,
                              cairn_error *err);

#endif
