/* device_codes.h - a scan of int8 codes, as device.h's table and its kernels say it. Also for C++.
 */
#ifndef CAIRN_GENERATE_DECODE_DEVICE_CODES_H
#define CAIRN_GENERATE_DECODE_DEVICE_CODES_H

#include <stddef.h>
#include <stdint.h>

typedef struct device_codes device_codes; /* rows that lie on the device */

/* Rows of int8 codes, 128 + c for c in -127 .. 127. The score of a row for a query is
 *     query.scale * scale[row] * (sum of code * query.code - query.bias) + bias[row] + query.offset
 * in the order (float)sum * (scale[row] * query.scale), then + (bias[row] + query.offset). */
typedef struct device_code_rows {
    const uint8_t *code; /* [rows][stride], stride a multiple of 64 */
    const float *scale;  /* [rows] */
    const float *bias;   /* [rows] or NULL: none */
    size_t rows, stride; /* rows below 2^31 */
} device_code_rows;

typedef struct device_code_query {
    const int8_t *code; /* [stride] */
    float scale, offset;
    int32_t bias;
} device_code_query;

typedef struct device_code_scan {
    const device_code_query *queries;
    size_t n;
    const uint64_t *eligible; /* a bit a row, of the rows that may be returned; NULL: all */
    size_t keep;              /* 1 .. rows */
} device_code_scan;

typedef struct device_code_hit {
    uint32_t row;
    float score;
} device_code_hit;

#endif
