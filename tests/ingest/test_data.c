/* test_data - source code with its functions, JSON and XML by structure, what images and sound say of themselves. */
#include "tests/ingest/probe.h"

#include "base/bytes.h"
#include "ingest/helpers.h"

static ingest_document *read_text(extractor *ex, const char *name, const char *text)
{
    return probe_read(ex, probe_file(name, text, strlen(text)));
}

static const char *meta(const ingest_document *doc, const char *key)
{
    for (size_t i = 0; i < doc->n_meta; i++)
        if (!strcmp(doc->meta[i].key, key))
            return doc->meta[i].value;
    return "";
}

static bool has_ctags(void)
{
    const helper_program *p;

    for (size_t i = 0; (p = helper_program_at(i)); i++)
        if (p->task == HELPER_TAGS && helper_is_installed(p))
            return true;
    print_message("skipped: needs universal-ctags\n");
    return false;
}

/* In each language a function "harvest" of enough words to have a passage of its own, another behind it. */
static const struct {
    const char *name, *text;
} languages[] = {
    {"a.c", "int other(void)\n{\n    return 0;\n}\n\n/* why */\nint harvest(int n)\n{\n    return n + 1;\n}\n"},
    {"a.cpp", "class Farm {\npublic:\n    int harvest(int n) {\n        return n;\n    }\n};\n"},
    {"a.cs", "class Farm {\n    public int harvest(int n) {\n        return n;\n    }\n}\n"},
    {"a.java", "class Farm {\n    int harvest(int n) {\n        return n;\n    }\n}\n"},
    {"a.py", "import os\n\ndef other():\n    pass\n\ndef harvest(n):\n    return n\n"},
    {"a.rb", "class Farm\n  def harvest(n)\n    n\n  end\nend\n"},
    {"a.pl", "sub other {\n  return 0;\n}\n\nsub harvest {\n  return 1;\n}\n"},
    {"a.php", "<?php\nfunction harvest($n) {\n    return $n;\n}\n"},
    {"a.js", "function other() {\n  return 0;\n}\n\nfunction harvest(n) {\n  return n;\n}\n"},
    {"a.ts", "export function harvest(n: number): number {\n  return n;\n}\n"},
    {"a.go", "package farm\n\nfunc harvest(n int) int {\n\treturn n\n}\n"},
    {"a.rs", "struct Farm;\n\nimpl Farm {\n    fn harvest(n: i32) -> i32 {\n        n\n    }\n}\n"},
    {"a.lua", "function harvest(n)\n  return n\nend\n"},
    {"a.R", "harvest <- function(n) {\n  n + 1\n}\n"},
    {"a.jl", "function harvest(n)\n    n + 1\nend\n"},
    {"a.f90", "module farm\ncontains\nsubroutine harvest(n)\n  integer :: n\nend subroutine harvest\nend module farm\n"},
    {"a.pas", "program farm;\nfunction harvest(n: integer): integer;\nbegin\n  harvest := n;\nend;\nbegin\nend.\n"},
    {"a.sh", "other() {\n  true\n}\n\nharvest() {\n  echo \"$1\"\n}\n"},
    {"a.tcl", "proc harvest {n} {\n  return $n\n}\n"},
    {"a.erl", "-module(farm).\nharvest(N) ->\n  N + 1.\n"},
    {"a.ml", "let harvest n =\n  n + 1\n"},
    {"a.scm", "(define (harvest n)\n  (+ n 1))\n"},
    {"a.lisp", "(defun harvest (n)\n  (+ n 1))\n"},
    {"b.lisp", "(defvar *x* 1)\n\n(defmacro harvest (n)\n  `(+ ,n 1))\n"},
    {"a.el", "(defun harvest (n)\n  (+ n 1))\n"},
    {"a.clj", "(ns farm)\n(defn harvest [n]\n  (+ n 1))\n"},
    {"b.clj", "(ns farm)\n\n(defn- harvest\n  [n]\n  (+ n 1))\n"},
    {"c.clj", "(ns farm)\n\n(defmacro ^:private harvest [n]\n  `(inc ~n))\n"},
    {"a.cmake", "set(other 1)\n\nmacro(harvest n)\n  message(STATUS ${n})\nendmacro()\n"},
    {"a.proto", "syntax = \"proto3\";\n\nmessage Harvest {\n  int32 n = 1;\n}\n"},
    {"a.ex", "defmodule Farm do\n  def harvest(n) do\n    n + 1\n  end\nend\n"},
    {"a.d", "int harvest(int n) {\n    return n;\n}\n"},
    {"a.m", "@implementation Farm\n- (int)harvest:(int)n {\n    return n;\n}\n@end\n"},
    {"a.awk", "function harvest(n) {\n  return n\n}\n"},
    {"a.kt", "package farm\n\nclass Farm {\n    fun harvest(n: Int): Int {\n        return n\n    }\n}\n"},
    {"b.kt", "internal class Farm\n@Inject\nconstructor(\n    val n: Int,\n) : Base() {\n    suspend fun <T> List<T>.harvest(n: Int) =\n        n\n}\n"},
    {"b.c", "G_DEFINE_TYPE (Farm, farm, G_TYPE_OBJECT)\n\nstatic int\nharvest (int n)\n{\n  return n;\n}\n"},
    {"a.hx", "package farm;\n\nclass Farm {\n\n\tpublic function new() {\n\t}\n\n\tpublic function harvest(n : Int) : Int {\n\t\treturn n;\n\t}\n}\n"},
    {"a.scala", "package farm\n\nobject Farm {\n  override protected[this] def harvest(n: Int): Int = n match {\n    case _ => n\n  }\n}\n"},
    {"b.scala", "class Farm:\n  def harvest(n: Int): Int =\n    n + 1\n\n  def other = 2\n"},
    {"a.swift", "public final class Farm {\n    @discardableResult\n    public static func other() -> Int { 1 }\n\n    func harvest(\n"
                "        n: Int\n    ) -> Int {\n        return n\n    }\n}\n"},
    {"a.dart", "import 'dart:io';\n\nclass Farm extends Base {\n  final int m = other(3);\n\n  Future<int> harvest(int n) async {\n"
               "    if (n > 1) {\n      await other(n);\n    }\n    return n;\n  }\n}\n"},
    {"a.zig", "const std = @import(\"std\");\n\npub const Farm = struct {\n    pub fn harvest(n: u32) u32 {\n        return n;\n    }\n};\n"},
    {"b.zig", "test \"the harvest\" {\n    try std.testing.expect(true);\n}\n"},
    {"b.ts", "export class Farm {\n  private crop = 1;\n\n  async harvest(n: number): Promise<number> {\n    if (n) {\n      return n;\n    }\n"
             "    return 0;\n  }\n}\n"},
    {"a.hs", "module Farm where\n\nimport Data.List\n\nharvest :: Int -> Int\nharvest 0 = 1\nharvest n =\n  n + 1\n\nother :: Int\nother = 2\n"},
    {"a.vim", "function! Harvest(n)\n  return a:n\nendfunction\n"},
};

static void functions_of_thirty_languages(void **state)
{
    extractor *ex;
    size_t named = 0;
    (void)state;

    if (!has_ctags())
        skip();
    ex = probe_extractor(WORKER, 60000);
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        ingest_document *doc = read_text(ex, languages[i].name, languages[i].text);
        const ingest_block *name = NULL;
        bytes all;

        bytes_init(&all, 1 << 16);
        for (size_t k = 0; k < doc->n_blocks; k++) {
            const ingest_block *b = &doc->blocks[k];
            if (b->kind == INGEST_SYMBOL && strcasestr(b->text, "harvest"))
                name = b;
            else if (b->kind == INGEST_CODE)
                bytes_append(&all, b->text, b->len);
        }
        if (!name)
            fail_msg("%s: the function is not told", languages[i].name);
        named++;
        /* Its line is where it stands, and what follows is its code. */
        const char *at = strcasestr(languages[i].text, "harvest");
        uint32_t line = 1;
        for (const char *p = languages[i].text; p < at; p++)
            line += *p == '\n';
        if (name->line_first != line)
            fail_msg("%s: line %u, not %u", languages[i].name, name->line_first, line);
        assert_true(name + 1 < doc->blocks + doc->n_blocks);
        assert_int_equal(name[1].kind, INGEST_CODE);
        assert_non_null(strcasestr(name[1].text, "harvest"));
        /* No letter of the file is lost. */
        size_t have = 0, want = 0;
        for (size_t k = 0; k < all.len; k++)
            have += !strchr(" \n\t", all.data[k]);
        for (const char *p = languages[i].text; *p; p++)
            want += !strchr(" \n\t", *p);
        assert_int_equal(have, want);
        bytes_clear(&all);
        ingest_document_free(doc);
    }
    assert_true(named >= 20);
    extractor_destroy(ex);
}

/* Where ctags does not say where a class or a function ends, its indentation does. */
static void ends_are_found_by_indentation(void **state)
{
    static const struct {
        const char *name, *text;
        const char *symbols[6]; /* by their levels: "1 Farm" */
        const char *code;       /* of the last of them, whole */
    } rows[] = {
        {"a.php", "<?php\nclass Farm\n{\n    function harvest($n)\n    {\n        return $n;\n    }\n}\n\necho 1;\n",
         {"1 Farm", "2 harvest"}, "    function harvest($n)\n    {\n        return $n;\n    }\n"},
        {"a.js", "class Farm {\n  harvest(n) {\n    return [\n      n,\n    ];\n  }\n}\n\nother();\n",
         {"1 Farm", "2 harvest"}, "  harvest(n) {\n    return [\n      n,\n    ];\n  }\n"},
        {"a.rs", "impl Farm {\n    fn harvest(\n        n: i32,\n    ) -> i32\n    where\n        i32: Copy,\n    {\n        n\n    }\n}\n",
         {"1 Farm", "2 harvest"}, "    fn harvest(\n        n: i32,\n    ) -> i32\n    where\n        i32: Copy,\n    {\n        n\n    }\n"},
        {"a.swift", "extension Farm {\n  init?(n: Int) {\n    self.n = n\n  }\n#if DEBUG\n  func harvest() {\n    grow()\n\n    cut()\n  }\n#endif\n}\n",
         {"1 Farm", "2 init?", "2 harvest"}, "  func harvest() {\n    grow()\n\n    cut()\n  }\n"},
        {"a.dart", "extension Farm on List<int> {\n  bool operator ==(Object o) => true;\n\n  int get harvest =>\n      length;\n}\n",
         {"1 Farm", "2 operator ==", "2 harvest"}, "  int get harvest =>\n      length;\n"},
        {"a.scala", "object Farm {\n  case class Crop(n: Int) {\n    def harvest =\n      n\n  }\n}\n",
         {"1 Farm", "2 Crop", "3 harvest"}, "    def harvest =\n      n\n"},
        {"a.zig", "const Farm = struct {\n    const Crop = enum(u8) {\n        rye,\n\n        fn harvest(c: Crop) void {\n            _ = c;\n        }\n    };\n};\n",
         {"1 Farm", "2 Crop", "3 harvest"}, "        fn harvest(c: Crop) void {\n            _ = c;\n        }\n"},
        {"a.ml", "class farm =\nobject\n  method harvest n =\n    n + 1\nend\n\nlet other = 1\n",
         {"1 farm", "2 harvest"}, "  method harvest n =\n    n + 1\n"},
        {"a.hs", "instance Show Farm where\n  show _ = \"farm\"\n\nharvest :: Int -> Int\nharvest 0 = 1\nharvest n = n\n",
         {"1 Show Farm", "1 harvest"}, "harvest :: Int -> Int\nharvest 0 = 1\nharvest n = n\n"},
    };
    extractor *ex;
    (void)state;

    if (!has_ctags())
        skip();
    ex = probe_extractor(WORKER, 60000);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ingest_document *doc = read_text(ex, rows[i].name, rows[i].text);
        const char *const *want = rows[i].symbols;
        bool whole = false;

        for (size_t k = 0; k < doc->n_blocks; k++) {
            const ingest_block *b = &doc->blocks[k];
            char have[64];
            if (b->kind != INGEST_SYMBOL)
                continue;
            snprintf(have, sizeof have, "%u %s", (unsigned)b->level, b->text);
            if (*want && !strcmp(have, *want) && !*++want)
                whole = k + 1 < doc->n_blocks && b[1].len + 1 == strlen(rows[i].code) && !strncmp(b[1].text, rows[i].code, b[1].len);
        }
        if (*want)
            fail_msg("%s: %s is not told", rows[i].name, *want);
        if (!whole)
            fail_msg("%s: not the whole function, and nothing else", rows[i].name);
        ingest_document_free(doc);
    }
    extractor_destroy(ex);
}

static void a_class_and_what_is_around(void **state)
{
    static const char text[] = "import os\n"          /* 1 */
                               "\n"                   /* 2 */
                               "# a plot\n"           /* 3 */
                               "class Plot:\n"        /* 4 */
                               "    size = 3\n"       /* 5 */
                               "\n"                   /* 6 */
                               "    @property\n"      /* 7 */
                               "    def area(self):\n" /* 8 */
                               "        return 9\n"   /* 9 */
                               "\n"                   /* 10 */
                               "print(Plot().area)\n"; /* 11 */
    static const struct {
        ingest_block_kind kind;
        uint32_t first, last;
        const char *text;
    } want[] = {
        {INGEST_CODE, 1, 2, "import os"},        {INGEST_SYMBOL, 4, 4, "Plot"},
        {INGEST_CODE, 3, 3, "# a plot"},         {INGEST_CODE, 4, 6, "class Plot:"},
        {INGEST_SYMBOL, 8, 8, "area"},           {INGEST_CODE, 7, 9, "    @property"},
        {INGEST_SYMBOL, 11, 11, "plot.py"},      {INGEST_CODE, 11, 11, "print(Plot().area)"},
    };
    ingest_document *doc;
    ingest_chunk *chunks;
    chunk_options opt = {.max_tokens = 8, .overlap_tokens = SIZE_MAX};
    extractor *ex;
    arena a;
    size_t n, found = 0;
    (void)state;

    if (!has_ctags())
        skip();
    ex = probe_extractor(WORKER, 60000);
    doc = read_text(ex, "plot.py", text);
    for (size_t i = 0; i < doc->n_blocks; i++) {
        const ingest_block *b = &doc->blocks[i];
        if (i >= sizeof want / sizeof *want || b->kind != want[i].kind || b->line_first != want[i].first ||
            strncmp(b->text, want[i].text, strlen(want[i].text)) != 0)
            fail_msg("block %zu: %s, line %u: %s", i, ingest_block_kind_name(b->kind), b->line_first,
                     b->text);
    }
    assert_int_equal(doc->n_blocks, sizeof want / sizeof *want);
    arena_init(&a, 1 << 24);
    assert_int_equal(chunk_document(doc, &opt, &chunks, &n, &a, NULL), CAIRN_OK);
    for (size_t i = 0; i < n; i++)
        if (strstr(chunks[i].text, "def area")) {
            assert_string_equal(chunks[i].heading, "Plot > area");
            assert_true(chunks[i].line_first >= 7 && chunks[i].line_last <= 9);
            found++;
        }
    assert_int_equal(found, 1);
    arena_clear(&a);
    ingest_document_free(doc);
    extractor_destroy(ex);
}

/* ---- JSON, XML ---- */

static void json_by_its_keys(void **state)
{
    extractor *ex = probe_extractor(WORKER, 60000);
    ingest_document *doc;
    bytes b;
    (void)state;

    doc = read_text(ex, "a.json",
                    "{\"name\":\"garden\",\"size\":3.5,\"ok\":true,\"gone\":null,"
                    "\"beds\":[{\"plant\":\"rose\",\"row\":1},{\"plant\":\"leek\",\"row\":2,\"note\":\"late\"}],"
                    "\"water\":{\"barrel\":{\"litres\":200}},\"tags\":[\"a\",\"b\"],"
                    "\"mixed\":[{\"x\":[{\"y\":1}]},2]}");
    assert_string_equal(doc->mime, "application/json");
    assert_string_equal(doc->title, "garden");
    assert_non_null(probe_block(doc, INGEST_LIST, "name: garden\nsize: 3.5\nok: true\ngone: null"));
    assert_non_null(probe_block(doc, INGEST_HEADING, "beds"));
    assert_non_null(probe_block(doc, INGEST_TABLE, "plant | row | note\nrose | 1\nleek | 2 | late"));
    assert_int_equal(probe_block(doc, INGEST_HEADING, "barrel")->level, 2);
    assert_non_null(probe_block(doc, INGEST_LIST, "litres: 200"));
    assert_non_null(probe_block(doc, INGEST_LIST, "tags: a, b"));
    assert_non_null(probe_block(doc, INGEST_HEADING, "mixed[0]"));
    assert_non_null(probe_block(doc, INGEST_LIST, "mixed[1]: 2"));
    ingest_document_free(doc);
    doc = read_text(ex, "a.jsonl", "{\"q\":\"one\",\"a\":1}\n\n{\"q\":\"two\",\"a\":2}\n");
    assert_non_null(probe_block(doc, INGEST_TABLE, "q | a\none | 1\ntwo | 2"));
    ingest_document_free(doc);
    doc = read_text(ex, "broken.json", "{\"name\": \"gar"); /* verbatim */
    assert_non_null(probe_block(doc, INGEST_CODE, "{\"name\": \"gar"));
    ingest_document_free(doc);
    bytes_init(&b, 1 << 24); /* a long array in pieces */
    bytes_append_str(&b, "{\"n\":[0");
    for (int i = 1; i < 20000; i++)
        bytes_printf(&b, ",%d", i);
    bytes_append_str(&b, "]}");
    doc = probe_read(ex, probe_file("long.json", b.data, b.len));
    assert_true(doc->n_blocks > 20);
    assert_non_null(probe_block(doc, 0, "19999"));
    ingest_document_free(doc);
    bytes_reset(&b); /* deep, as deep as jansson goes */
    for (int i = 0; i < 1000; i++)
        bytes_append_str(&b, "{\"k\":[");
    bytes_append_str(&b, "\"bottom\"");
    for (int i = 0; i < 1000; i++)
        bytes_append_str(&b, "]}");
    doc = probe_read(ex, probe_file("deep.json", b.data, b.len));
    assert_non_null(probe_block(doc, 0, "bottom"));
    ingest_document_free(doc);
    bytes_clear(&b);
    extractor_destroy(ex);
}

static void xml_by_its_elements(void **state)
{
    extractor *ex = probe_extractor(WORKER, 60000);
    ingest_document *doc;
    (void)state;

    doc = read_text(ex, "a.xml",
                    "<?xml version='1.0'?>\n<!-- made by hand -->\n<garden owner='Ida'><title>The plot</title>"
                    "<bed id='7'><plant>rose</plant><note>cut in <b>March</b>, not later</note></bed>"
                    "<empty/></garden>");
    assert_string_equal(doc->title, "The plot");
    assert_non_null(probe_block(doc, 0, "made by hand"));
    assert_non_null(probe_block(doc, INGEST_LIST, "@owner: Ida"));
    assert_non_null(probe_block(doc, INGEST_HEADING, "bed: 7"));
    assert_non_null(probe_block(doc, INGEST_LIST, "plant: rose"));
    assert_non_null(probe_block(doc, INGEST_PARAGRAPH, "cut in March, not later"));
    ingest_document_free(doc);
    doc = read_text(ex, "feed.rss",
                    "<rss version='2.0'><channel><title>News of the shed</title><item><title>Roof</title>"
                    "<description>&lt;p&gt;The &lt;b&gt;roof&lt;/b&gt; leaks.&lt;/p&gt;</description>"
                    "</item></channel></rss>");
    assert_string_equal(doc->title, "News of the shed");
    assert_non_null(probe_block(doc, INGEST_HEADING, "item: Roof"));
    assert_non_null(probe_block(doc, INGEST_PARAGRAPH, "The roof leaks."));
    ingest_document_free(doc);
    doc = read_text(ex, "a.svg",
                    "<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0L9 9'/><g><text>Plan of the "
                    "well</text></g></svg>");
    assert_non_null(probe_block(doc, 0, "Plan of the well"));
    assert_null(probe_block(doc, 0, "M0 0"));
    ingest_document_free(doc);
    doc = read_text(ex, "cut.xml", "<a><b>kept words</b><c>and th");
    assert_non_null(probe_block(doc, 0, "kept words"));
    assert_non_null(strstr(doc->note, "damaged"));
    ingest_document_free(doc);
    doc = read_text(ex, "bomb.xml",
                    "<!DOCTYPE a [<!ENTITY x 'boom'><!ENTITY y '&x;&x;&x;'><!ENTITY f SYSTEM "
                    "'file:///etc/passwd'>]><a><b>&y;</b><c>&f;</c><d>calm</d></a>");
    assert_non_null(probe_block(doc, 0, "calm"));
    assert_null(probe_block(doc, 0, "boom"));
    assert_null(probe_block(doc, 0, "root:"));
    ingest_document_free(doc);
    extractor_destroy(ex);
}

/* ---- images, sound ---- */

static void big_u16(bytes *b, unsigned v)
{
    bytes_append_byte(b, (uint8_t)(v >> 8));
    bytes_append_byte(b, (uint8_t)v);
}

/* A JPEG of 64 x 48 pixels with an XMP packet and no picture worth seeing. */
static void make_jpeg(bytes *b)
{
    static const char xmp[] =
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
        "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' "
        "xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title><rdf:Alt><rdf:li xml:lang='x-default'>The "
        "old well</rdf:li></rdf:Alt></dc:title><dc:description><rdf:Alt><rdf:li "
        "xml:lang='x-default'>Behind the orchard</rdf:li></rdf:Alt></dc:description>"
        "<dc:subject><rdf:Bag><rdf:li>well</rdf:li><rdf:li>stone</rdf:li></rdf:Bag></dc:subject>"
        "<dc:creator><rdf:Seq><rdf:li>Paula Berg</rdf:li></rdf:Seq></dc:creator>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>";
    static const char id[] = "http://ns.adobe.com/xap/1.0/";

    bytes_append(b, "\xFF\xD8\xFF\xE1", 4);
    big_u16(b, (unsigned)(2 + sizeof id + sizeof xmp - 1));
    bytes_append(b, id, sizeof id);
    bytes_append(b, xmp, sizeof xmp - 1);
    bytes_append(b, "\xFF\xC0", 2);
    big_u16(b, 11);
    bytes_append(b, "\x08\x00\x30\x00\x40\x01\x01\x11\x00", 9);
    bytes_append(b, "\xFF\xD9", 2);
}

static void an_image_says_what_it_is(void **state)
{
    extractor *ex = probe_extractor(WORKER, 60000);
    ingest_document *doc = NULL;
    extractor_cage cage;
    cairn_error err = {0};
    bytes b;
    (void)state;

    bytes_init(&b, 1 << 20);
    make_jpeg(&b);
    doc = probe_read(ex, probe_file("well.jpg", b.data, b.len));
    assert_string_equal(doc->mime, "image/jpeg");
    assert_string_equal(doc->title, "The old well");
    assert_string_equal(doc->author, "Paula Berg");
    assert_string_equal(meta(doc, "keywords"), "well; stone");
    assert_string_equal(meta(doc, "pixels"), "64 x 48");
    assert_non_null(probe_block(doc, INGEST_PARAGRAPH, "Behind the orchard"));
    ingest_document_free(doc);
    for (size_t cut = 3; cut < b.len; cut += 37) { /* damage: a reason or a document */
        doc = NULL;
        (void)extractor_run(ex, probe_file("cut.jpg", b.data, cut), &doc, &err);
        ingest_document_free(doc);
    }
    assert_int_equal(extractor_describe(ex, &cage, &err), CAIRN_OK);
    assert_int_equal(cage.workers_killed, 0);
    bytes_clear(&b);
    extractor_destroy(ex);
}

static void frame(bytes *b, const char *id, const char *text)
{
    bytes_append(b, id, 4);
    big_u16(b, 0);
    big_u16(b, (unsigned)strlen(text) + 1);
    bytes_append_zeros(b, 3); /* flags, Latin-1 */
    bytes_append_str(b, text);
}

static void sound_says_what_it_is(void **state)
{
    extractor *ex = probe_extractor(WORKER, 60000);
    ingest_document *doc = NULL;
    extractor_cage cage;
    cairn_error err = {0};
    bytes b, tag;
    (void)state;

    bytes_init(&b, 1 << 20);
    bytes_init(&tag, 1 << 16);
    frame(&tag, "TIT2", "Song of the spade");
    frame(&tag, "TPE1", "The Diggers");
    frame(&tag, "TALB", "Earth");
    bytes_append(&b, "ID3\x03\0\0\0\0", 8); /* its size in groups of 7 bits */
    bytes_append_byte(&b, (uint8_t)(tag.len >> 7));
    bytes_append_byte(&b, (uint8_t)(tag.len & 127));
    bytes_append(&b, tag.data, tag.len);
    for (int i = 0; i < 8; i++) { /* frames of silence, 128 kbit/s at 44.1 kHz */
        bytes_append(&b, "\xFF\xFB\x90\x00", 4);
        bytes_append_zeros(&b, 413);
    }
    doc = probe_read(ex, probe_file("song.mp3", b.data, b.len));
    assert_string_equal(doc->mime, "audio/mpeg");
    assert_string_equal(doc->title, "Song of the spade");
    assert_string_equal(doc->author, "The Diggers");
    assert_string_equal(meta(doc, "album"), "Earth");
    assert_non_null(probe_block(doc, INGEST_LIST, "Album: Earth"));
    ingest_document_free(doc);
    for (size_t cut = 11; cut < b.len; cut += 131) {
        doc = NULL;
        (void)extractor_run(ex, probe_file("cut.mp3", b.data, cut), &doc, &err);
        ingest_document_free(doc);
    }
    assert_int_equal(extractor_describe(ex, &cage, &err), CAIRN_OK);
    assert_int_equal(cage.workers_killed, 0);
    bytes_clear(&b);
    bytes_clear(&tag);
    extractor_destroy(ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_thirty_languages), cmocka_unit_test(ends_are_found_by_indentation),
        cmocka_unit_test(a_class_and_what_is_around),
        cmocka_unit_test(json_by_its_keys),              cmocka_unit_test(xml_by_its_elements),
        cmocka_unit_test(an_image_says_what_it_is),      cmocka_unit_test(sound_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, probe_setup, probe_teardown);
}
