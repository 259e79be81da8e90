/* embed.h - what of a chunk is embedded: its document's title, its heading path and its text. */
#ifndef CAIRN_ENGINE_EMBED_H
#define CAIRN_ENGINE_EMBED_H

#include "base/bytes.h"

/* Replace *out by the title and headings that stand above a chunk, with a line break, and by those and its
 * text. A heading path that begins with the title does not repeat it. */
cairn_status embed_prefix(bytes *out, const char *title, const char *heading);
cairn_status embed_text(bytes *out, const char *title, const char *heading, const char *text,
                        size_t len);

#endif
