/* fuzz_template - any bytes as a chat template over fixed messages: it compiles or is refused, and
 * rendering ends within its bounds. */
#include <stdlib.h>

#include "generate/template/chat_template.h"
#include "tests/fuzz/fuzz_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *messages;
    chat_template *t;
    bytes out;

    if (!messages)
        messages = json_loads("[{\"role\":\"system\",\"content\":\"S\"},"
                              "{\"role\":\"user\",\"content\":\"\\u00e9 x\",\"n\":[1,2.5,null]}]",
                              0, NULL);
    if (chat_template_compile(&t, (const char *)data, size, NULL))
        return 0;
    bytes_init(&out, (size_t)1 << 22);
    bytes_append_str(&out, "kept");
    if (chat_template_render(t, messages, NULL, true, "<s>", "</s>", &out, NULL) && out.len != 4)
        abort();
    bytes_clear(&out);
    chat_template_destroy(t);
    return 0;
}
