/* fuzz_markup - any bytes through the parsers of marked-up texts: the first byte chooses Org,
 * reStructuredText, LaTeX, subtitles, notebook, calendar or cards. */
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "ingest/extract/mail.h"
#include "tests/fuzz/fuzz_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static parse_fn *const parsers[] = {parse_org,      parse_rst,      parse_latex, parse_subtitles,
                                        parse_notebook, parse_calendar, parse_cards};
    static bool ready;

    if (!ready) {
        detect_warm_up();
        mail_warm_up();
        ready = true;
    }
    if (size)
        fuzz_parser(parsers[data[0] % 7], data + 1, size - 1, "input");
    return 0;
}
