/* ole.h - compound files (MS-CFB), which old office documents and Outlook's messages are, by libgsf. */
#ifndef CAIRN_INGEST_EXTRACT_OLE_H
#define CAIRN_INGEST_EXTRACT_OLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gsf/gsf.h>

#include "base/bytes.h"
#include "ingest/extract/parsers.h"

/* Once, before the sandbox closes. */
void ole_warm_up(void);
bool ole_is(const char *data, size_t len);

/* The stream's or storage's child of this name, to be released; NULL. */
GsfInput *ole_child(GsfInfile *in, const char *name);
/* The whole stream, at most `most` bytes of it. Releases it. False: NULL, empty or damaged. */
bool ole_read(GsfInput *stream, bytes *out, size_t most);

/* Append little-endian UTF-16 as UTF-8; lone halves of pairs are left out. */
void ole_utf16(bytes *out, const void *p, size_t len);

/* ppt.c: the slides of a PowerPoint 97 to 2003 document. */
void ppt_parse(emitter *e, GsfInfile *ole);
/* msg.c: a message of Outlook in this storage. `outermost` gives metadata. */
void msg_parse(emitter *e, const parse_input *in, GsfInfile *storage, bool outermost, unsigned depth);

/* What Outlook's messages and TNEF packets have in common (msg.c). */
#define MSG_CHARSET_BYTES 32
/* The name of a Windows code page. */
void msg_charset(uint32_t page, char out[MSG_CHARSET_BYTES]);
/* FILETIME, 100 ns since 1601, as nanoseconds since 1970. 0: none, or no plausible one. */
int64_t msg_filetime(uint64_t t);
/* Compressed RTF (MS-OXRTFCP). False: it is none, or empty. */
bool msg_unpack_rtf(const bytes *in, bytes *out);

/* Is it a TNEF packet? (tnef.c) */
bool tnef_is(const char *data, size_t len);

#endif
