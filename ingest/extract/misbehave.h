/* misbehave.h - a hook for tests. The shipped worker is built without CAIRN_EXTRACT_MISBEHAVE, and
 * the hook is nothing. */
#ifndef CAIRN_INGEST_EXTRACT_MISBEHAVE_H
#define CAIRN_INGEST_EXTRACT_MISBEHAVE_H

#include <stdbool.h>

#include "ingest/extract/parsers.h"

#ifdef CAIRN_EXTRACT_MISBEHAVE
/* tests/ingest/misbehave.c: do what the file's content asks for. False: it asks for nothing. */
bool misbehave(emitter *e, const parse_input *in);
#else
static inline bool misbehave(emitter *e, const parse_input *in)
{
    (void)e;
    (void)in;
    return false;
}
#endif

#endif
