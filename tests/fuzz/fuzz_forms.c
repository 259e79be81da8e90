/* fuzz_forms - any bytes as the two sections of written forms: the first two bytes say where one
 * ends and how many terms the dictionary has. No crash; what is given has its bounds. */
#include <stdlib.h>
#include <string.h>

#include "index/lexical/forms.h"
#include "tests/fuzz/fuzz_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    forms f;
    forms_iter it;
    bool more = true;
    size_t head, n;
    uint8_t *a, *b;

    if (size < 2)
        return 0;
    head = data[0] < size - 2 ? data[0] : size - 2;
    n = data[1];
    data += 2;
    size -= 2;
    a = malloc(head + 1); /* of their own size, so that a read too far is met */
    b = malloc(size - head + 1);
    if (!a || !b)
        abort();
    memcpy(a, data, head);
    memcpy(b, data + head, size - head);
    if (!forms_open(&f, a, head, b, size - head, n, NULL)) {
        for (uint64_t i = 0; i < n + 10; i++)
            (void)forms_listed(&f, i);
        for (size_t i = 0; i < 2; i++) {
            if (forms_iter_seek(&it, &f, i ? "run" : "", i ? 3 : 0, NULL))
                continue;
            while (!forms_iter_next(&it, &more, NULL) && more)
                if (it.form_len > FORM_MAX || it.term_len > FORM_MAX || !it.count)
                    abort();
        }
    }
    free(a);
    free(b);
    return 0;
}
