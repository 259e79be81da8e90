/* limit.h - how many requests a second one caller may begin, whichever way they come in: a bucket
 * of tokens for each. Callers beyond the table's size take the place of the one that was quiet for
 * longest.
 *
 * Threads  any. */
#ifndef CAIRN_SERVER_LIMIT_H
#define CAIRN_SERVER_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct limit limit;

cairn_status limit_create(limit **out, cairn_error *err);
void limit_destroy(limit *l); /* NULL is fine */
/* True, and one request is booked, while `caller` is within its bound; one may be two seconds'
 * worth ahead. `per_second` > 0. */
bool limit_take(limit *l, const char *caller, double per_second, int64_t now_ns);

#endif
