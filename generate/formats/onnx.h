/* onnx.h - the weights of an ONNX file through a read-only mapping.
 *
 * An ONNX file holds a graph and the values that it starts from. Only those values are looked at here, with
 * the names that they had in the model that was exported: an exporter keeps the names of biases, norms and
 * tables, but writes the matrix of a linear layer turned, [in][out], under a number ("onnx::MatMul_1234").
 * Such a matrix gets its name back from the graph: what is multiplied by it and then added to "STEM.bias" is
 * "STEM.weight". Nothing of the graph is run. Format: onnx/onnx.proto, IR versions 3 to 13; the encoding is
 * that of Protocol Buffers.
 *
 * Refused are weights in a file beside this one, and models whose layers were quantised or fused by an optimiser,
 * which have other weights.
 *
 * Owns     the mapping and the names; tensor data is BORROWED from it until onnx_close.
 * Threads  immutable after open.
 * Errors   CAIRN_EMODEL (also: no such file) with path and place; CAIRN_EUNSUPPORTED; CAIRN_EIO. */
#ifndef CAIRN_GENERATE_FORMATS_ONNX_H
#define CAIRN_GENERATE_FORMATS_ONNX_H

#include <stdbool.h>

#include "base/status.h"
#include "generate/formats/tensor.h"

typedef struct onnx onnx;

cairn_status onnx_open(onnx **out, const char *path, cairn_error *err);
/* The same over bytes that the caller keeps alive. */
cairn_status onnx_open_memory(onnx **out, const void *data, size_t len, const char *name, cairn_error *err);
void onnx_close(onnx *o); /* NULL is fine */

/* Values of F32, F16, BF16, F64 and of whole numbers that have one to four dimensions; others are left out. */
size_t onnx_count(const onnx *o);
const tensor *onnx_find(const onnx *o, const char *name); /* NULL when absent */
/* A tensor of this file: is it a matrix stored [in][out], so that a row of it has one weight of each output? */
bool onnx_is_turned(const onnx *o, const tensor *t);

#endif
