/* fuzz_wordlists - any bytes as a file of synonyms and as one of stop words, then asked for words that
 * stand in them. */
#include <stdlib.h>
#include <string.h>

#include "index/text/wordlists.h"
#include "tests/fuzz/fuzz_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *forms[4] = {"a", "b", "car", "x y"};
    synonym_match m;
    synonyms *s;
    stop_list *l;
    char word[9] = {0};

    memcpy(word, data, size < 8 ? size : 8);
    forms[3] = word;
    if (!synonyms_parse(&s, (const char *)data, size, "fuzz", NULL)) {
        for (size_t i = 0; i < 4; i++)
            if (synonyms_find(s, forms + i, 4 - i, &m)) {
                const char *p = m.phrases;
                if (!m.n_words || m.n_words > 4 - i)
                    abort();
                for (size_t j = 0; j < m.n; j++)
                    p += strlen(p) + 1;
            }
        synonyms_destroy(s);
    }
    if (!stop_list_parse(&l, (const char *)data, size, "fuzz", NULL)) {
        (void)stop_list_find(l, word, strlen(word));
        (void)stop_list_find(l, "", 0);
        stop_list_destroy(l);
    }
    return 0;
}
