/* fuzz_archive - any bytes as an archive, and as a mail with attachments: no crash, no broken document,
 * and an answer within the bounds of unpack_budget. */
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "ingest/extract/mail.h"
#include "tests/fuzz/fuzz_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool warm;

    if (!warm) {
        detect_warm_up();
        mail_warm_up();
        warm = true;
    }
    fuzz_parser(parse_archive, data, size, "input.zip");
    if (size > 4 && memcmp(data, "PK\3\4", 4))
        fuzz_parser(parse_mail, data, size, "input.eml");
    return 0;
}
