/* whynot.h - the two files of cairn_why_not: whynot.c asks what became of a file on its way into
 * the index, whynot_search.c on its way out, to a hit and into an answer.
 *
 * Everything of a `why_asking` lives in its arena, which becomes the result's. */
#ifndef CAIRN_ENGINE_WHYNOT_H
#define CAIRN_ENGINE_WHYNOT_H

#include "engine/care.h"
#include "engine/search.h"

typedef struct why_asking {
    cairn *c;
    const cairn_why_request *request;
    size_t k; /* request->k, or the default */
    cairn_why *why;
    arena *memory;
    const char *path; /* absolute where the file is there */
    view v;
    store_doc doc;
    bool known; /* there is a document, and it is `doc` */
} why_asking;

/* One more stage. The first that is not passed is where the file is lost, until a later one says
 * otherwise. */
void why_say(why_asking *a, const char *stage, bool passed, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* From the document's passages to the hits, and into an answer where that is asked. */
cairn_status why_ask_the_search(why_asking *a, cairn_error *err);

#endif
