/* encode_backend.h - the encoder's part of the table of device.h, which says what each does. */
#ifndef CAIRN_GENERATE_CUDA_ENCODE_BACKEND_H
#define CAIRN_GENERATE_CUDA_ENCODE_BACKEND_H

#include "generate/decode/device.h"
#include "generate/encode/bert.h"
#include "generate/encode/encode_kernels.h"
#include "generate/encode/linear.h"

cairn_status encoder_backend_create(device_encoder **out, const bert *b, const linear *linears,
                                    const encode_kernels *kernels, cairn_error *err);
void encoder_backend_destroy(device_encoder *e);
cairn_status encoder_backend_run(device_encoder *e, const device_texts *t, cairn_error *err);

#endif
