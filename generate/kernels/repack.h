/* repack.h - what a tensor becomes when it is packed; matrix_pack itself is declared in matrix.h. */
#ifndef CAIRN_GENERATE_KERNELS_REPACK_H
#define CAIRN_GENERATE_KERNELS_REPACK_H

#include "generate/kernels/matrix.h"

/* The type that a tensor of type t is held as. */
tensor_type packed_type(tensor_type t);
/* Bytes of a strip of m (its type and cols are set); false on overflow. */
bool packed_strip_bytes(const matrix *m, size_t *out);

#endif
