/* scan_backend.h - the vector scan's part of the table of device.h, which says what each does. */
#ifndef CAIRN_GENERATE_CUDA_SCAN_BACKEND_H
#define CAIRN_GENERATE_CUDA_SCAN_BACKEND_H

#include "generate/decode/device.h"

cairn_status scan_backend_create(device_codes **out, const device_code_rows *rows,
                                 cairn_error *err);
void scan_backend_destroy(device_codes *c);
cairn_status scan_backend_run(device_codes *c, const device_code_scan *s, device_code_hit *hits,
                              size_t *n_hits, cairn_error *err);

#endif
