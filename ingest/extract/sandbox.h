/* sandbox.h - the cage of the extractor worker. */
#ifndef CAIRN_INGEST_EXTRACT_SANDBOX_H
#define CAIRN_INGEST_EXTRACT_SANDBOX_H

#include <stddef.h>

#include "ingest/wire.h"

/* Close every door, for good: resource limits (`max_memory` bytes of address space), Landlock,
 * seccomp. To be called once, after the libraries are loaded and warm and before the first byte of
 * a document is read. What the kernel lacks is left out and told in *out. */
void sandbox_enter(size_t max_memory, wire_hello *out);

#endif
