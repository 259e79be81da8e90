/* access_line.c - see access_line.h. */
#include "server/access_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/json_text.h"

#define HEX "0123456789abcdef"

bool access_trace_of(const char *v, char out[TRACE_ID_BYTES])
{
    static const char zeros[] = "00000000000000000000000000000000";

    out[0] = '\0';
    /* "00-<32 hex>-<16 hex>-<2 hex>"; later versions may have more behind a further '-'. */
    if (!v || strspn(v, HEX) != 2 || !strncmp(v, "ff", 2) || v[2] != '-' ||
        strspn(v + 3, HEX) != 32 || v[35] != '-' || strspn(v + 36, HEX) != 16 || v[52] != '-' ||
        strspn(v + 53, HEX) != 2 || (v[55] && (v[55] != '-' || !strncmp(v, "00", 2))) ||
        !strncmp(v + 3, zeros, 32) || !strncmp(v + 36, zeros, 16))
        return false;
    memcpy(out, v + 3, TRACE_ID_BYTES - 1);
    out[TRACE_ID_BYTES - 1] = '\0';
    return true;
}

void access_line_write(const access_line *l)
{
    char *text;
    json_t *j =
        json_pack("{s:s,s:s,s:o,s:i,s:f,s:s,s:s,s:s}", "request", l->request, "method", l->method,
                  "path", json_str(l->path), "status", l->status, "ms", l->seconds * 1000, "peer",
                  l->peer, "caller", l->caller, "end", l->broken_off ? "broken off" : "sent");

    if (j && l->trace[0])
        json_object_set_new(j, "trace", json_string(l->trace));
    text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    if (text) {
        text[strlen(text) - 1] = '\0'; /* the members without their braces */
        log_write_with(LOG_LEVEL_INFO, "server", text + 1, "request");
    }
    free(text);
    json_decref(j);
}
