/* fuzz_lexical - any bytes as the sections of a lexical index (packed_sections.h): open, check,
 * search and merge. No crash, no endless loop; hits lie inside the segment, and what passes the
 * check merges. */
#include "index/lexical/lexical.h"
#include "tests/fuzz/fuzz_run.h"
#include "tests/index/lexical/packed_sections.h"

static cairn_status null_begin(void *ctx, const char *name, cairn_error *err)
{
    (void)ctx, (void)name, (void)err;
    return CAIRN_OK;
}

static cairn_status null_write(void *ctx, const void *data, size_t n, cairn_error *err)
{
    (void)ctx, (void)data, (void)n, (void)err;
    return CAIRN_OK;
}

static cairn_status null_end(void *ctx, cairn_error *err)
{
    (void)ctx, (void)err;
    return CAIRN_OK;
}

static void ask(analyzer *a, const lexical_reader *r, const lexical_clause *c, size_t n)
{
    lexical_segment seg = {r, NULL, NULL};
    lexical_query q = {.clauses = c, .n = n, .lang_hint = ""};
    static lexical_hit hits[100];
    size_t found;

    if (!lexical_search(a, &seg, 1, &q, NULL, 100, hits, &found, NULL))
        for (size_t i = 0; i < found; i++)
            if (hits[i].row >= lexical_reader_rows(r))
                abort();
}

/* Words of the golden files, common and rare. */
static void ask_all(analyzer *a, const lexical_reader *r)
{
    static const lexical_clause words[] = {
        {.text = "w0ing w1ing w2ing w200ing", .len = 25},
        {.text = "w1ing", .len = 5, .occur = LEXICAL_MUST},
        {.text = "w3ing w0ing", .len = 11, .kind = LEXICAL_PHRASE},
        {.text = "w7ing", .len = 5, .occur = LEXICAL_MUST_NOT},
        {.text = "w0ing w5ing", .len = 11, .field_mask = 1},
        {.text = "w1*", .len = 3, .kind = LEXICAL_WILDCARD},
        {.text = "*11ing", .len = 6, .kind = LEXICAL_WILDCARD},
        {.text = "*31", .len = 3, .kind = LEXICAL_WILDCARD},
        {.text = "w11ing", .len = 6, .kind = LEXICAL_FUZZY, .edits = 1},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ask(a, r, &words[i], 1);
    ask(a, r, words, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static analyzer *a;
    memory_sections m;
    section_source source = memory_source(&m);
    section_sink sink = {NULL, null_begin, null_write, null_end};
    uint32_t version = ANALYZER_VERSION;
    lexical_reader *r;

    if (!a && analyzer_create(&a, NULL))
        abort();
    packed_read(&m, data, size);
    for (size_t i = 0; i < m.n; i++) /* or most inputs would be refused for their terms alone */
        if (!strcmp(m.name[i], "lex.meta") && m.len[i] >= 12)
            memcpy(m.data[i] + 8, &version, 4);
    if (!lexical_reader_open(&r, &source, NULL)) {
        bool sound = !lexical_reader_verify(r, NULL);
        lexical_merge_input in = {.reader = r};
        ask_all(a, r);
        if (lexical_merge(&in, 1, &sink, NULL) == CAIRN_ECORRUPT && sound)
            abort();
        lexical_reader_close(r);
    }
    memory_clear(&m);
    return 0;
}
