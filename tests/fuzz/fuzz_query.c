/* fuzz_query - any bytes as a query: it is read within its bounds, every clause and condition is sound,
 * and it searches a small collection, fast and exhaustively alike. The same bytes are a wildcard, a
 * fuzzy word and a regular expression held against words. */
#include <stdlib.h>
#include <string.h>

#include "index/lexical/automaton.h"
#include "retrieve/query.h"
#include "tests/fuzz/fuzz_run.h"
#include "tests/index/lexical/memory_sections.h"

static lexical_segment segment;

static void make_collection(void)
{
    static const char *const texts[] = {"annual budget report draft", "the plan of the plans",
                                        "abba aab bab baba", "organisation organised organise",
                                        "caf\xC3\xA9 \xD0\xB6\xD0\xB2 42 2024", "a b c d e f g",
                                        "to ada@example.org of www.b.org/c_d.e, max_open_files"};
    static memory_sections sections;
    section_sink sink = memory_sink(&sections);
    section_source source = memory_source(&sections);
    lexical_writer *w;
    lexical_reader *r;

    if (lexical_writer_create(&w, NULL, NULL))
        abort();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        lexical_doc d = {.lang = i % 2 ? "en" : ""};
        d.field[LEXICAL_BODY].text = texts[i];
        d.field[LEXICAL_BODY].len = strlen(texts[i]);
        d.field[LEXICAL_TITLE] = d.field[LEXICAL_BODY];
        if (lexical_writer_add(w, &d, NULL, NULL))
            abort();
    }
    if (lexical_writer_finish(w, &sink, NULL) || lexical_reader_open(&r, &source, NULL))
        abort();
    lexical_writer_destroy(w);
    segment.reader = r;
}

static void try_automata(const char *text, size_t len)
{
    for (unsigned kind = 0; kind < 4; kind++) {
        arena memory;
        automaton a = {0};
        cairn_status st;
        arena_init(&memory, (size_t)16 << 20);
        st = kind == 0   ? automaton_regex(&a, &memory, text, len, NULL)
             : kind == 1 ? automaton_wildcard(&a, &memory, text, len, NULL)
                         : automaton_fuzzy(&a, &memory, text, len, kind - 1, NULL);
        if (!st) {
            if (kind > 1 && len < 60 && automaton_accepts(&a, "", 0) > 1 + kind)
                abort();
            automaton_accepts(&a, text, len < 200 ? len : 200);
            automaton_accepts(&a, "organisation", 12);
        } else if (st != CAIRN_EUSAGE && st != CAIRN_ELIMIT) {
            abort();
        }
        automaton_clear(&a);
        arena_clear(&memory);
    }
}

/* Filters inside conditions become empty sets here. */
static void search(analyzer *an, const retrieve_query *q)
{
    lexical_query query = {.clauses = q->clauses, .n = q->n_clauses, .lang_hint = ""};
    lexical_hit a[8], b[8];
    lexical_range range[64];
    uint64_t set[1], *sets[1] = {set};
    size_t n, m, marks;
    cairn_status st = lexical_search(an, &segment, 1, &query, NULL, 8, a, &n, NULL);

    if (st == CAIRN_ELIMIT)
        return;
    if (st || lexical_search_exhaustive(an, &segment, 1, &query, NULL, 8, b, &m, NULL) || n != m)
        abort();
    for (size_t i = 0; i < n; i++)
        if (a[i].row != b[i].row || a[i].score != b[i].score)
            abort();
    if (lexical_match(an, &segment, 1, &query, NULL, sets, NULL))
        abort();
    for (size_t i = 0; i < n; i++)
        if (!(set[0] >> a[i].row & 1))
            abort();
    if (lexical_highlight(an, &query, NULL, "en", "annual plan of caf\xC3\xA9 abba", 24, range, 64, &marks,
                          NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static analyzer *an;
    retrieve_query q;
    arena memory;
    char *text;

    if (!an) {
        make_collection();
        if (analyzer_create(&an, NULL))
            abort();
    }
    text = malloc(size + 1);
    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    arena_init(&memory, (size_t)64 << 20);
    if (retrieve_query_parse(&q, text, size % 3 ? NULL : text, &memory, NULL) || !q.read_as)
        abort();
    if (size < 2000)
        search(an, &q);
    arena_clear(&memory);
    try_automata((const char *)data, size);
    free(text);
    return 0;
}
