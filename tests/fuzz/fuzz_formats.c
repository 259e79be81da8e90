/* fuzz_formats - any bytes through the small parsers: the first byte chooses plain text, code, CSV,
 * manual page, mail, mailbox or gzip; what begins as a packet of Outlook is read as such. PDF
 * is left to Poppler's own fuzzing. */
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "ingest/extract/mail.h"
#include "ingest/extract/ole.h"
#include "tests/fuzz/fuzz_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static parse_fn *const parsers[] = {parse_text, parse_code, parse_csv, parse_man,
                                        parse_mail, parse_mbox, parse_gzip};
    static bool ready;

    if (!ready) {
        detect_warm_up();
        mail_warm_up();
        ready = true;
    }
    if (size && tnef_is((const char *)data + 1, size - 1))
        fuzz_parser(parse_tnef, data + 1, size - 1, "winmail.dat");
    else if (size)
        fuzz_parser(parsers[data[0] % 7], data + 1, size - 1, "input");
    return 0;
}
