/* fuzz_rules - an ignore file from a stranger, asked about a path from a stranger: what stands before
 * the first NUL is the file, what follows is the path. Never a read out of bounds, and the verdict of
 * the same question is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/rules.h"
#include "tests/fuzz/fuzz_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size, len = nul ? size - n - 1 : 0;
    char *path = malloc(len + 1);
    rules r;

    if (!path)
        return 0;
    memcpy(path, nul ? (const char *)nul + 1 : "", len);
    path[len] = 0;
    rules_init(&r);
    if (!rules_push(&r, "fuzz", 0, (const char *)data, n, NULL)) {
        rules_reason why = {0};
        rules_verdict v = rules_check(&r, path, true, &why);
        if (v != rules_check(&r, path, true, NULL) || (v != RULES_SILENT && !*why.pattern))
            abort();
    }
    rules_clear(&r);
    free(path);
    return 0;
}
