/* e5s1_gguf.h - the default embedder's file rewritten as GGUF: architecture bert, a unigram vocabulary (t5) with a
 * precompiled character map, the same blocks. So other programs read it, too. */
#ifndef CAIRN_GENERATE_FORMATS_E5S1_GGUF_H
#define CAIRN_GENERATE_FORMATS_E5S1_GGUF_H

#include "base/bytes.h"
#include "generate/formats/e5s1.h"

/* The whole file, appended to *out. CAIRN_EMODEL: a tensor has a name that is not of this layout; CAIRN_ELIMIT: a
 * normalisation table that the map cannot hold; CAIRN_ENOMEM. */
cairn_status e5s1_to_gguf(const e5s1 *e, const char *name, bytes *out, cairn_error *err);

#endif
