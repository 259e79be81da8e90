/* picture.h - metadata of images; see picture.c. */
#ifndef CAIRN_INGEST_EXTRACT_PICTURE_H
#define CAIRN_INGEST_EXTRACT_PICTURE_H

#include "ingest/extract/parsers.h"

/* Once, before the sandbox closes. */
void picture_warm_up(void);
/* EXIF, XMP and IPTC into the emitter; false: it is
 * damaged, or of a kind that Exiv2 does not know. */
bool picture_metadata(emitter *e, const parse_input *in);

#endif
