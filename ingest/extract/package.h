/* package.h - the zip that office documents and e-books are: named parts, each read whole and
 * bounded.
 *
 * Against bombs: PACKAGE_MAX_PARTS names, PACKAGE_MAX_PART bytes a part, PACKAGE_MAX_TOTAL over all
 * parts read. Sizes are counted while unpacking; what the zip says about itself is not believed.
 *
 * Owns     a package borrows the file's bytes, which must outlive it.
 * Errors   every failure goes to the emitter, where it sticks. */
#ifndef CAIRN_INGEST_EXTRACT_PACKAGE_H
#define CAIRN_INGEST_EXTRACT_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "ingest/emit.h"

#define PACKAGE_MAX_PARTS 65536
#define PACKAGE_MAX_PART  ((size_t)256 << 20)
#define PACKAGE_MAX_TOTAL ((size_t)768 << 20)

typedef struct package package;

/* NULL on failure. */
package *package_open(emitter *e, const char *data, size_t len);
void package_close(package *p); /* NULL is fine */

/* The names of the parts, by number. NULL past the last one. */
const char *package_name(const package *p, size_t i);
/* Is part `i` encrypted, or packed in a way that is not known? */
bool package_is_locked(const package *p, size_t i);
bool package_has(const package *p, const char *name);
/* Part `name` (a leading '/' does not count) in place of what *out held. False: there is no such
 * part (no failure), or it could not be read (a failure). */
bool package_read(package *p, const char *name, bytes *out);

/* `href` as written inside part `base`, to a part's name: percent signs decoded, "..", "." and a
 * leading '/' resolved, what follows '#' left out. False: it leaves the package, or is no path. */
bool package_resolve(const char *base, const char *href, char *out, size_t cap);

#endif
