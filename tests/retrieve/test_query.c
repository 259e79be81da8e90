/* test_query.c - the query language: a table of texts and what they are read as, then noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "retrieve/query.h"

static const char *const names[FILTER_FIELDS] = {
    "uri",  "title", "ext",  "lang",  "mime",     "author", "tag",
    "place", "date", "size", "pages", "modified", "created"};

static void describe_predicate(const filter_predicate *p, bytes *out)
{
    static const char *const ops[] = {"=", "^", "~", "w", "*", "/", ".."};

    bytes_printf(out, "%s%s%s", p->negated ? "!" : "", names[p->field], ops[p->op]);
    for (size_t v = 0; v < p->n_values; v++)
        if (p->op == FILTER_RANGE) {
            bool day = p->field == FILTER_DATE || p->field == FILTER_MODIFIED || p->field == FILTER_CREATED;
            int64_t unit = day ? 86400000000000 : 1;
            bytes_printf(out, "%s%lld:%lld", v ? "," : "",
                         p->values[v].lo == INT64_MIN ? -1LL : (long long)(p->values[v].lo / unit),
                         p->values[v].hi == INT64_MAX ? -1LL : (long long)(p->values[v].hi / unit));
        }
        else
            bytes_printf(out, "%s%s", v ? "," : "", p->values[v].text);
}

static void describe_clause(const lexical_clause *c, bytes *out)
{
    static const char *const fields[] = {"title", "path", "heading", "body"};

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        if (c->field_mask == 1u << f)
            bytes_printf(out, "%s:", fields[f]);
    switch (c->kind) {
    case LEXICAL_PHRASE:
        bytes_printf(out, "\"%.*s\"", (int)c->len, c->text);
        if (c->slop)
            bytes_printf(out, "~%u", c->slop);
        break;
    case LEXICAL_NEAR:
        bytes_printf(out, "NEAR%u[", c->slop);
        for (size_t i = 0; i < c->n_parts; i++)
            describe_clause(&c->parts[i], out);
        bytes_printf(out, "]");
        break;
    case LEXICAL_WILDCARD:
        bytes_printf(out, "<%.*s>", (int)c->len, c->text);
        break;
    case LEXICAL_REGEX:
        bytes_printf(out, "/%.*s/", (int)c->len, c->text);
        break;
    case LEXICAL_FUZZY:
        bytes_printf(out, "<%.*s~%u>", (int)c->len, c->text, c->edits);
        break;
    default:
        bytes_printf(out, "(%.*s)", (int)c->len, c->text);
        break;
    }
    if (c->boost > 0)
        bytes_printf(out, "^%g", (double)c->boost);
}

static void describe_node(const retrieve_query *q, const lexical_node *n, bytes *out)
{
    static const char *const kinds[] = {"", "", "not", "and", "or"};

    if (n->kind == LEXICAL_NODE_CLAUSE) {
        assert_true(n->clause < q->n_clauses);
        bytes_printf(out, n->any ? "any" : "");
        describe_clause(&q->clauses[n->clause], out);
        return;
    }
    if (n->kind == LEXICAL_NODE_ROWS) {
        assert_true(n->clause < q->n_predicates);
        describe_predicate(&q->predicates[n->clause], out);
        return;
    }
    assert_true(n->n_parts > 0);
    bytes_printf(out, "%s{", kinds[n->kind]);
    for (size_t i = 0; i < n->n_parts; i++) {
        bytes_printf(out, i ? " " : "");
        describe_node(q, &n->parts[i], out);
    }
    bytes_printf(out, "}");
}

/* Everything a query was read as, on one line. */
static void describe(const retrieve_query *q, bytes *out)
{
    static const char *const occurs[] = {"?", "+", "-", "="};

    bytes_reset(out);
    for (size_t i = 0; i < q->n_clauses; i++) {
        const lexical_clause *c = &q->clauses[i];
        if (c->kind == LEXICAL_TREE) {
            describe_node(q, c->tree, out);
        } else {
            bytes_printf(out, "%s", occurs[c->occur]);
            describe_clause(c, out);
        }
        bytes_printf(out, " ");
    }
    bytes_printf(out, "|");
    for (size_t i = 0; i < q->filter.n; i++) {
        bytes_printf(out, " ");
        describe_predicate(&q->filter.predicates[i], out);
    }
    bytes_printf(out, " | %.*s", (int)q->text_len, q->text);
    if (q->note)
        bytes_printf(out, " #");
}

static const struct {
    const char *typed, *filter, *want;
} cases[] = {
    {"", NULL, "| | "},
    {"annual budget", NULL, "?(annual budget) | | annual budget"},
    {"  annual\t budget\n", NULL, "?(annual budget) | | annual budget"},
    {"\"annual report\" budget", NULL, "+\"annual report\" ?(budget) | | annual report budget"},
    {"budget -draft", NULL, "-(draft) ?(budget) | | budget"},
    {"budget -\"first draft\"", NULL, "-\"first draft\" ?(budget) | | budget"},
    {"-5 degrees co-op - x", NULL, "?(-5 degrees co-op - x) | | -5 degrees co-op - x"},
    {"what is C++ -- really?", NULL, "?(what is C++ -- really?) | | what is C++ -- really?"},
    {"plan ext:pdf", NULL, "?(plan) | ext=pdf | plan"},
    {"plan EXT:.pdf,md -lang:de", NULL, "?(plan) | ext=pdf,md !lang=de | plan"},
    {"dir:\"a b\" x", NULL, "?(x) | uri/a b | x"},
    {"dir:/home/eva/notes", NULL, "| uri//home/eva/notes | "},
    {"path:report path:*.txt", NULL, "| uri~report uri**.txt | "},
    {"from:x@y.org author:\"Eva M\" tag:t,\"u v\" type:text/", NULL,
     "| author~x@y.org author~Eva M tag=t,u v mime^text/ | "},
    {"title:plan costs", NULL, "+title:(plan) ?(costs) | | plan costs"},
    {"-title:plan costs", NULL, "-title:(plan) ?(costs) | | costs"},
    {"title:\"annual plan\"^3 heading:x body:costs*", NULL,
     "+title:\"annual plan\"^3 +heading:(x) +body:<costs*> | | annual plan x costs"},
    {"title:(a b)^2 c", NULL, "?title:(a b)^2 anytitle:(a b)^2 ?(c) | | a b c"},
    {"title:a,b", NULL, "?title:(a) ?title:(b) or{title:(a) title:(b)} | | a b"},
    {"date:>1970 date:>=1971-01 date:<1972 date:<=1970-01-02", NULL,
     "| date..365:-1 date..365:-1 date..-1:730 date..-1:2 | "},
    {"\"a b\"~3 x", NULL, "+\"a b\"~3 ?(x) | | a b x"},
    {"\"a b\"~3^2.5 \"c d\"^2 \"e\"~x", NULL,
     "+\"a b\"~3^2.5 +\"c d\"^2 +\"e\" ?(~x) | | a b c d e ~x"},
    {"x NEAR/3 y", NULL, "+NEAR3[(x)(y)] | | x y"},
    {"x NEAR y NEAR/20 \"a b\" z", NULL, "+NEAR20[(x)(y)\"a b\"] ?(z) | | x y a b z"},
    {"x NEAR", NULL, "?(x NEAR) | | x NEAR"},
    {"x NEAR (a b)", NULL, "+(x) ?(a b) any(a b) | | x a b #"},
    {"organis* *ation f?o b*r", NULL, "?<organis*> ?<*ation> ?<f?o> ?<b*r> | | organis"},
    {"what? why* *", NULL, "?<why*> ?(what?) | | what? why"},
    {"2*3 **bold** *.txt 20*", NULL, "?<*.txt> ?<20*> ?(2*3 **bold**) | | 2*3 **bold** #"},
    {"*@example.org max_op* my-n*.pdf a-b* ada@exmaple.org~1 x/y*", NULL,
     "?<*@example.org> ?<max_op*> ?<my-n*.pdf> ?<ada@exmaple.org~1> ?(a-b* x/y*) | | max_op a-b* ada@exmaple.org x/y* #"},
    {"word~ words~ word~1, word~2 word~9 a~b", NULL,
     "?<word~1> ?<words~1> ?<word~1> ?<word~2> ?<word~2> ?(a~b) | | word words word word word a~b #"},
    {"letters~ ~x x~0", NULL, "?<letters~2> ?(~x x) | | letters ~x x"},
    {"/colou?r/ x /usr/bin /a/b/", NULL, "?/colou?r/ ?(x /usr/bin /a/b/) | | x /usr/bin /a/b/"},
    {"/(a/ /a{9999}/ x", NULL, "?((a/ /a{9999}/ x) | | (a/ /a{9999}/ x #"},
    {"/a b/ /[ab]+/^2", NULL, "?/[ab]+/^2 ?(/a b/) | | /a b/"},
    {"word^2 a^b c^", NULL, "?(word)^2 ?(a^b c^) | | word a^b c^"},
    {"a AND b", NULL, "+(a) +(b) | | a b"},
    {"a AND b AND NOT c", NULL, "+(a) +(b) -(c) | | a b"},
    {"a OR b", NULL, "?(a b) | | a b"},
    {"a OR \"b c\" OR d*", NULL, "?\"b c\" ?<d*> ?(a) | | a b c"},
    {"a NOT b", NULL, "-(b) ?(a) | | a"},
    {"NOT NOT a", NULL, "+(a) | | "},
    {"+a b -c", NULL, "+(a) -(c) ?(b) | | a b"},
    {"a AND (b OR c)", NULL, "+(a) ?(b) ?(c) or{(b) (c)} | | a b c"},
    {"(a AND b) OR c", NULL, "?(a) ?(b) ?(c) or{and{(a) (b)} (c)} | | a b c"},
    {"a OR b AND c d", NULL, "?(a) ?(b) ?(c) ?(d) or{or{(a) and{(b) (c)}} (d)} | | a b c d"},
    {"+x (a AND b) OR c", NULL, "+(x) ?(a b c) | | x a b c"},
    {"a -(b c)", NULL, "-(b c) ?(a) | | a"},
    {"a -(b AND c)", NULL, "=(b) =(c) not{and{(b) (c)}} ?(a) | | a"},
    {"a NOT (b OR (c AND NOT d))", NULL,
     "-(b) =(c) ?(d) not{and{(c) not{any(d)}}} ?(a) | | a"},
    {"ext:pdf OR tag:x", NULL, "or{ext=pdf tag=x} | | "},
    {"(ext:pdf a) OR (NOT lang:de b)", NULL,
     "?(a) ?(b) or{and{ext=pdf (a)} and{not{lang=de} (b)}} | | a b"},
    {"a -ext:pdf NOT lang:de", NULL, "?(a) | !ext=pdf !lang=de | a"},
    {"a (b c) ((d))", NULL, "?(a b c d) | | a b c d"},
    {"(a b) (\"c d\" e)", NULL, "?(a b) ?\"c d\" or{any(a b) \"c d\"} ?(e) | | a b c d e"},
    {"a AND", NULL, "?(a AND) | | a AND #"},
    {"OR b", NULL, "?(OR b) | | OR b #"},
    {"(a b", NULL, "?((a b) | | (a b #"},
    {"a) b f(x) :( ok", NULL, "?(a) b f(x) ok) | | a) b f(x) ok"},
    {"() a (-)", NULL, "?(a) | | a"},
    {"salt and pepper or not", NULL, "?(salt and pepper or not) | | salt and pepper or not"},
    {"x", "ext:pdf OR tag:y", "or{ext=pdf tag=y} ?(x) | | x"},
    {"x", "(ext:pdf lang:de) OR NOT dir:a", "or{and{ext=pdf lang=de} not{uri/a}} ?(x) | | x"},
    {"date:1970", NULL, "| date..0:365 | "},
    {"date:1970-02", NULL, "| date..31:59 | "},
    {"date:2024-02-29", NULL, "| date..19782:19783 | "},
    {"date:1970-01-02/1970-01-05", NULL, "| date..1:5 | "},
    {"date:1970-01-02..1970-01", NULL, "| date..1:31 | "},
    {"date:1970-12", NULL, "| date..334:365 | "},
    {"date:1971/ -date:/1970-01-01", NULL, "| date..365:-1 !date..-1:1 | "},
    {"date:1969-12-31", NULL, "| date..-1:0 | "},
    {"date:2023-02-29 x", NULL, "?(date:2023-02-29 x) | | date:2023-02-29 x #"},
    {"date:1971/1970 date:/ date:tomorrow", NULL,
     "?(date:1971/1970 date:/ date:tomorrow) | | date:1971/1970 date:/ date:tomorrow #"},
    {"size:>10mb size:>=10MB size:<=500k size:<1kib", NULL,
     "| size..10000001:-1 size..10000000:-1 size..-1:500001 size..-1:1024 | "},
    {"size:1mb..5mb size:1mb-5mb size:1gib.. size:..2G", NULL,
     "| size..1000000:5000001 size..1000000:5000001 size..1073741824:-1 size..-1:2000000001 | "},
    {"size:0 size:1234 size:12b size:1.5kb size:.. size:1.3333kib", NULL,
     "?(size:..) | size..0:1 size..1234:1235 size..12:13 size..1500:1501 size..1365:1366 | size:.. #"},
    {"size:2t size:2TiB size:1.5mb..2.5mb", NULL,
     "| size..2000000000000:2000000000001 size..2199023255552:2199023255553 "
     "size..1500000:2500001 | "},
    {"size:1.000000001gb", NULL, "| size..1000000001:1000000002 | "},
    {"pages:>=10 pages:3..20 pages:3-20 pages:12 pages:<5", NULL,
     "| pages..10:-1 pages..3:21 pages..3:21 pages..12:13 pages..-1:5 | "},
    {"-pages:12 pages:1,3,7-9 x", NULL, "?(x) | !pages..12:13 pages..1:2,3:4,7:10 | x"},
    {"size:>1m OR (NOT pages:<3 x)", NULL,
     "?(x) or{size..1000001:-1 and{not{pages..-1:3} (x)}} | | x"},
    {"x", "size:<1k NOT pages:2", "?(x) | size..-1:1000 !pages..2:3 | x"},
    {"x", "size:big", "?(x) | | x #"},
    {"size:5xb size:10mb..1mb size:-5 size:5- size:1.5", NULL,
     "?(size:5xb size:10mb..1mb size:-5 size:5- size:1.5) | | "
     "size:5xb size:10mb..1mb size:-5 size:5- size:1.5 #"},
    {"size:1...2 size:> size:>=kb size:1.kb size:99999999999999999999", NULL,
     "?(size:1...2 size:> size:>=kb size:1.kb size:99999999999999999999) | | "
     "size:1...2 size:> size:>=kb size:1.kb size:99999999999999999999 #"},
    {"size:9999999tib", NULL, "?(size:9999999tib) | | size:9999999tib #"},
    {"pages:3k pages:1.5 pages:few", NULL, "?(pages:3k pages:1.5 pages:few) | | pages:3k pages:1.5 pages:few #"},
    {"ext: pdf", NULL, "?(ext: pdf) | | ext: pdf"},
    {"http://x.org/a note:b", NULL, "?(http://x.org/a note:b) | | http://x.org/a note:b"},
    {"\"never closed", NULL, "?(never closed) | | never closed #"},
    {"ext:\"pdf x", NULL, "?(ext:\"pdf x) | | ext:\"pdf x"},
    {"\"\" \"-\" x", NULL, "?(x) | | x"},
    {"\xE2\x80\x9Esehr gut\xE2\x80\x9C x", NULL, "+\"sehr gut\" ?(x) | | sehr gut x"},
    {"\xE6\x9D\xB1\xE4\xBA\xAC\xE3\x80\x80-\xE5\xA4\xA7\xE9\x98\xAA", NULL,
     "-(\xE5\xA4\xA7\xE9\x98\xAA) ?(\xE6\x9D\xB1\xE4\xBA\xAC) | | \xE6\x9D\xB1\xE4\xBA\xAC"},
    {"x", "ext:pdf -tag:old", "?(x) | ext=pdf !tag=old | x"},
    {"x", "", "?(x) | | x"},
    {"x", "stray \"words\" title:t", "?(x) | titlewt | x #"},
    {"a\xff\xfe b", NULL, "?(a\xEF\xBF\xBD\xEF\xBF\xBD b) | | a\xEF\xBF\xBD\xEF\xBF\xBD b"},
};

/* Read on Wednesday, 2024-06-12. Days since 1970. */
static const struct {
    const char *typed, *want;
} dated[] = {
    {"date:today", "| date..19886:19887 | "},
    {"date:yesterday/", "| date..19885:-1 | "},
    {"date:last-week", "| date..19877:19884 | "},
    {"date:\"last week\"", "| date..19877:19884 | "},
    {"date:this-month", "| date..19875:19905 | "},
    {"date:last-month..this-month", "| date..19844:19905 | "},
    {"date:last-3-days", "| date..19884:19887 | "},
    {"date:last-quarter", "| date..19723:19814 | "},
    {"date:march-2024", "| date..19783:19814 | "},
    {"modified:last-year", "| modified..19358:19723 | "},
    {"created:>=2024-06", "| created..19875:-1 | "},
    {"budget last week", "?(budget) | date..19877:19884 | budget #"},
    {"budget from last week.", "?(budget) | date..19877:19884 | budget #"},
    {"past 2 weeks budget", "?(budget) | date..19873:19887 | budget #"},
    {"budget since yesterday", "?(budget) | date..19885:-1 | budget #"},
        {"budget since 1 June 2024", "?(budget) | date..19875:-1 | budget #"},
        {"budget since June 1, 2024", "?(budget) | date..19875:-1 | budget #"},
        {"budget seit dem 1. Juni 2024", "?(budget) | date..19875:-1 | budget #"},
        {"budget since 2024-06-01", "?(budget) | date..19875:-1 | budget #"},
        {"budget after 1 June 2024", "?(budget) | date..19876:-1 | budget #"},
        {"budget before 1 June 2024", "?(budget) | date..-1:19875 | budget #"},
        {"budget bis zum 1. Juni 2024", "?(budget) | date..-1:19876 | budget #"},
        {"kings before 1 May 1945", "?(kings before 1 May 1945) | | kings before 1 May 1945"},
        {"kings before 1900", "?(kings before 1900) | | kings before 1900"},
        {"dust on the table", "?(dust on the table) | | dust on the table"},
    {"letzten Monat Rechnung", "?(Rechnung) | date..19844:19875 | Rechnung #"},
    {"Rechnung im M\xC3\xA4rz 2024", "?\"M\xC3\xA4rz 2024\" or{date..19783:19814 \"M\xC3\xA4rz 2024\"} ?(Rechnung) | | Rechnung M\xC3\xA4rz 2024 #"},
    {"budget in 2023?", "?\"2023\" or{date..19358:19723 \"2023\"} ?(budget) | | budget 2023 #"},
    {"budget last March", "?(budget) | date..19783:19814 | budget #"},
    {"budget of last June", "?(budget) | date..19509:19539 | budget #"}, /* not of this one */
    {"letzten Dezember", "| date..19692:19723 |  #"},
    {"mail last Monday", "?(mail) | date..19884:19885 | mail #"},
    {"mail last Wednesday", "?(mail) | date..19879:19880 | mail #"},
    {"factures la semaine derni\xC3\xA8re", "?(factures la) | date..19877:19884 | factures la #"},
    {"factures de l'ann\xC3\xA9" "e derni\xC3\xA8re", "?(factures) | date..19358:19723 | factures #"},
    {"factures mars dernier", "?(factures) | date..19783:19814 | factures #"},
    {"factures en mars 2024", "?\"mars 2024\" or{date..19783:19814 \"mars 2024\"} ?(factures) | | factures mars 2024 #"},
    {"factures depuis le 1 juin 2024", "?(factures) | date..19875:-1 | factures #"},
    {"factures depuis la semaine derni\xC3\xA8re", "?(factures) | date..19877:-1 | factures #"},
    {"les 3 derniers jours", "?(les) | date..19884:19887 | les #"},
    {"facturas el mes pasado", "?(facturas el) | date..19844:19875 | facturas el #"},
    {"facturas desde mayo de 2024", "?(facturas) | date..19844:-1 | facturas #"},
    {"facturas de mayo de 2024",
     "?\"mayo de 2024\" or{date..19844:19875 \"mayo de 2024\"} ?(facturas) | | facturas mayo de 2024 #"},
    {"facturas antes del 1 de junio de 2024", "?(facturas) | date..-1:19875 | facturas #"},
    {"correo desde ayer", "?(correo) | date..19885:-1 | correo #"},
    {"los \xC3\xBAltimos 3 d\xC3\xAD" "as", "?(los) | date..19884:19887 | los #"},
    {"-budget last year", "-(budget) | date..19358:19723 |  #"},
    /* words */
    {"2000 of 2024", "?(2000 of 2024) | | 2000 of 2024"},
    {"the last, week by week", "?(the last, week by week) | | the last, week by week"},
    {"\"last week\"", "+\"last week\" | | last week"},
    {"today show", "?(today show) | | today show"},
    {"march 2024", "?(march 2024) | | march 2024"},
    {"last weekend", "?(last weekend) | | last weekend"},
    {"mes derni\xC3\xA8res factures", "?(mes derni\xC3\xA8res factures) | | mes derni\xC3\xA8res factures"},
    {"von hier", "?(von hier) | | von hier"},
    {"Mars 2020 rover", "?(Mars 2020 rover) | | Mars 2020 rover"},
    {"el lunes", "?(el lunes) | | el lunes"},
    {"in an hour", "?(in an hour) | | in an hour"},
    {"cr\xC3\xA8me de la mer", "?(cr\xC3\xA8me de la mer) | | cr\xC3\xA8me de la mer"},
    {"last march of the penguins", "?(of the penguins) | date..19783:19814 | of the penguins #"},
    {"l'", "?(l') | | l'"},
    {"in may", "?(in may) | | in may"},
    {"title:last week", "+title:(last) ?(week) | | last week"},
};

static void dates_in_words_are_conditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dated / sizeof *dated; i++) {
        arena a;
        retrieve_query q;
        cairn_error err = {0};
        bytes got;
        arena_init(&a, 1 << 20);
        bytes_init(&got, 1 << 16);
        assert_int_equal(retrieve_query_parse_on(&q, dated[i].typed, NULL, 19886, &a, &err), 0);
        describe(&q, &got);
        if (strcmp(got.data, dated[i].want))
            fail_msg("'%s': got  %s\n want %s", dated[i].typed, got.data, dated[i].want);
        bytes_clear(&got);
        arena_clear(&a);
    }
}

static void texts_are_read_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a;
        retrieve_query q;
        cairn_error err = {0};
        bytes got;
        arena_init(&a, 1 << 20);
        bytes_init(&got, 1 << 16);
        assert_int_equal(retrieve_query_parse(&q, cases[i].typed, cases[i].filter, &a, &err), 0);
        describe(&q, &got);
        if (strcmp(got.data, cases[i].want))
            fail_msg("'%s': got  %s\n want %s", cases[i].typed, got.data, cases[i].want);
        bool required = false, excluded = false;
        for (size_t c = 0; c < q.n_clauses; c++) {
            required |= q.clauses[c].occur == LEXICAL_MUST || q.clauses[c].kind == LEXICAL_TREE;
            excluded |= q.clauses[c].occur == LEXICAL_MUST_NOT;
        }
        assert_int_equal(q.has_required, required);
        assert_int_equal(q.has_excluded, excluded);
        bytes_clear(&got);
        arena_clear(&a);
    }
}

static void any_bytes_are_a_query(void **state)
{
    static const char *const parts[] = {"\"", "-", "ext:", "date:", "2025-09", "/", ",", " ", "x",
                                        "title:", "\xff", "..", "size:", "pages:", "1.5mb", ">=", "\xE2\x80\x9C", "dir:", "word", ":",
                                        "(", ")", " AND ", " OR ", " NOT ", " NEAR/2 ", "*", "?", "~",
                                        "^2", "+", "/", " (", ") "};
    const char *seed_text = getenv("CAIRN_SEED");
    bytes seen;
    unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 10) : 4711;

    (void)state;
    print_message("CAIRN_SEED=%u\n", seed);
    srand(seed);
    bytes_init(&seen, 1 << 20);
    for (int round = 0; round < 20000; round++) {
        char text[256] = "";
        arena a;
        retrieve_query q;
        cairn_error err = {0};
        for (int n = rand() % 24; n > 0; n--)
            strcat(text, parts[(size_t)rand() % (sizeof parts / sizeof *parts)]);
        arena_init(&a, 1 << 20);
        assert_int_equal(retrieve_query_parse(&q, text, round % 2 ? text : NULL, &a, &err), 0);
        for (size_t i = 0; i < q.n_clauses; i++)
            if (q.clauses[i].kind != LEXICAL_TREE)
                assert_true(q.clauses[i].len > 0);
        bytes_reset(&seen);
        describe(&q, &seen); /* looks at every node */
        assert_non_null(q.read_as);
        for (size_t i = 0; i < q.filter.n; i++)
            assert_true(q.filter.predicates[i].n_values > 0);
        arena_clear(&a);
    }
    bytes_clear(&seen);
}

static void long_queries_are_bounded(void **state)
{
    size_t n = 300000;
    char *text = malloc(n + 1);
    arena a;
    retrieve_query q;
    cairn_error err = {0};

    (void)state;
    for (size_t i = 0; i < n; i++)
        text[i] = "-a "[i % 3];
    text[n] = '\0';
    arena_init(&a, 4 << 20);
    assert_int_equal(retrieve_query_parse(&q, text, NULL, &a, &err), 0);
    assert_true(q.n_clauses <= RETRIEVE_QUERY_MAX_TERMS + 1);
    assert_true(q.text_len <= RETRIEVE_QUERY_MAX_BYTES);
    assert_non_null(q.note);
    arena_clear(&a);
    arena_init(&a, 1000); /* too small an arena is an error, not a crash */
    assert_int_equal(retrieve_query_parse(&q, text, NULL, &a, &err), CAIRN_ENOMEM);
    arena_clear(&a);
    free(text);
}

static void plain_text_has_no_operators(void **state)
{
    static const char text[] = "What of \"exact phrases\", ext:pdf and -minus?";
    retrieve_query q;
    arena a;

    arena_init(&a, 1 << 20);
    assert_int_equal(retrieve_query_plain(&q, text, "lang:en", &a, NULL), CAIRN_OK);
    assert_int_equal(q.n_clauses, 1);
    assert_int_equal(q.clauses[0].occur, LEXICAL_SHOULD);
    assert_int_equal(q.clauses[0].kind, LEXICAL_WORDS);
    assert_false(q.has_required || q.has_excluded);
    assert_string_equal(q.text, text);
    assert_int_equal(q.filter.n, 1); /* the filter is still one */
    assert_int_equal(retrieve_query_plain(&q, "", NULL, &a, NULL), CAIRN_OK);
    assert_int_equal(q.n_clauses, 0);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_as_the_table_says),
        cmocka_unit_test(dates_in_words_are_conditions),
        cmocka_unit_test(any_bytes_are_a_query),
        cmocka_unit_test(long_queries_are_bounded),
        cmocka_unit_test(plain_text_has_no_operators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
