/* limit.h - how many calls a second one caller may begin: a bucket of tokens for each, in a table of fixed
 * size. Callers that fall on the same place share a bucket, so the bound is never exceeded, only met early.
 *
 * Threads  any. */
#ifndef CAIRN_SERVER_GRPC_LIMIT_H
#define CAIRN_SERVER_GRPC_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct limit limit;

/* `per_second` > 0; a caller may be two seconds' worth ahead. */
cairn_status limit_create(limit **out, double per_second, cairn_error *err);
void limit_destroy(limit *l); /* NULL is fine */
/* True, and one call is booked, while `caller` is within its bound. */
bool limit_take(limit *l, const char *caller, int64_t now_ns);

#endif
