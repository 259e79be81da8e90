/* refuse.h - formats that are known and not read: what such a file is, and what to do about it.
 *
 * A reader of "no parser for application/octet-stream" cannot help himself. Whoever is told "a OneNote section, export
 * it as PDF" can. Only signs that are beyond doubt count; any other file goes on to detect.c. */
#ifndef CAIRN_INGEST_EXTRACT_REFUSE_H
#define CAIRN_INGEST_EXTRACT_REFUSE_H

#include <stdbool.h>

#include <gsf/gsf.h>

#include "ingest/extract/package.h"
#include "ingest/extract/parsers.h"

/* By its first bytes: what would pass for text, and what no parser takes. True: it was refused. */
bool refuse_text(emitter *e, const parse_input *in);
bool refuse_bytes(emitter *e, const parse_input *in);
/* A compound file, by the names of its streams. */
bool refuse_compound(emitter *e, GsfInfile *ole);
/* A zip that is no office document and no book, by the names of its parts. */
bool refuse_package(emitter *e, const parse_input *in, package *p);
/* What libmagic calls `mime`, without a parser. */
cairn_status refuse_type(emitter *e, const char *mime);

/* What is locked: an office document or the like, that its program unlocks; an archive, or a file in it. */
cairn_status refuse_locked(emitter *e);
cairn_status refuse_locked_archive(emitter *e);
/* What stands in an error of libarchive, said so that it helps. False: nothing better is known than `why`. */
bool refuse_member(emitter *e, const char *why);

#endif
