/* fuzz_markdown - any bytes as Markdown: no crash, no broken document, positions inside the file.
 */
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "tests/fuzz/fuzz_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_parser(parse_markdown, data, size, "input.md");
    return 0;
}
