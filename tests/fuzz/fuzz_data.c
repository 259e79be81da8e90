/* fuzz_data - any bytes through the readers of data and of compound files: the first byte chooses JSON, XML, a
 * compound file (old office documents, Outlook), a help file (chm), or source code with what ctags is to have said about it: the
 * text up to the first NUL, JSON lines behind it. */
#include <string.h>

#include "tests/fuzz/fuzz_run.h"

#include "ingest/extract/mail.h"
#include "ingest/extract/ole.h"
#include "ingest/extract/text.h"
#include "tests/fuzz/fuzz_parser.h"

static cairn_status parse_told_source(emitter *e, const parse_input *in)
{
    const char *nul = memchr(in->data, 0, in->len);
    size_t n = nul ? (size_t)(nul - in->data) : in->len;
    parse_input code = {.data = in->data, .len = n, .name = "a.c"};
    decoded d;

    if (!text_open(e, &code, &d))
        source_blocks(e, "a.c", d.text, d.len, nul ? nul + 1 : "", nul ? in->len - n - 1 : 0);
    encoding_clear(&d);
    return e->status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static parse_fn *const parsers[] = {parse_json, parse_xml, parse_ole, parse_told_source, parse_chm};
    static bool ready;

    if (!ready) {
        detect_warm_up();
        mail_warm_up();
        ole_warm_up();
        ready = true;
    }
    if (size)
        fuzz_parser(parsers[data[0] % 5], data + 1, size - 1, "input");
    return 0;
}
