/* access_line.h - the line that the server's log has for each request, the same for every way in.
 * What was asked is the owner's business: it stands in the audit log (audit.h) alone, under the
 * same request id. */
#ifndef CAIRN_SERVER_ACCESS_LINE_H
#define CAIRN_SERVER_ACCESS_LINE_H

#include <stdbool.h>

#define TRACE_ID_BYTES 33 /* 32 hexadecimal digits and a NUL */

typedef struct access_line {
    const char *request; /* its id */
    const char *trace;   /* W3C trace id; "": none */
    const char *method, *path;
    int status; /* of HTTP, or gRPC's code */
    double seconds;
    const char *peer, *caller;
    bool broken_off; /* the answer was not sent to its end */
} access_line;

void access_line_write(const access_line *line);

/* The trace id of a `traceparent` header (W3C Trace Context, section 3.2); "" and false where there
 * is none, or it is not well formed. NULL is fine. */
bool access_trace_of(const char *traceparent, char out[TRACE_ID_BYTES]);

#endif
