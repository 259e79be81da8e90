/* fuzz_html - any bytes as HTML: no crash, no broken document, positions inside the file. */
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "tests/fuzz/fuzz_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_parser(parse_html, data, size, "input.html");
    return 0;
}
