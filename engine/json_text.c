/* json_text.c - see json_text.h. */
#include "engine/json_text.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

json_t *json_text(const char *s, size_t len)
{
    bytes clean;
    json_t *j = NULL;

    if (!s)
        return json_null();
    if (utf8_valid(s, len))
        return json_stringn_nocheck(s, len);
    bytes_init(&clean, SIZE_MAX);
    if (!utf8_sanitize(&clean, s, len))
        j = json_stringn_nocheck(clean.data, clean.len);
    bytes_clear(&clean);
    return j;
}

json_t *json_str(const char *s)
{
    return s ? json_text(s, strlen(s)) : json_null();
}
