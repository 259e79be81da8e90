/* test_unusual - what files of real people have and the plain examples of a format do not: texts beside the
 * text (headers, notes, remarks, charts), charsets that are not what they are called, tables whose cells span,
 * dialects. Each is one small file through the real worker. */
#include "tests/ingest/probe.h"

#include <zip.h>

#include "base/bytes.h"

static extractor *ex;

static int setup(void **state)
{
    ex = probe_extractor(WORKER, 120000);
    return probe_setup(state);
}

static int teardown(void **state)
{
    extractor_destroy(ex);
    return probe_teardown(state);
}

static void show(const ingest_document *doc)
{
    for (size_t i = 0; i < doc->n_blocks; i++)
        print_message("[%s %u] %s\n", ingest_block_kind_name(doc->blocks[i].kind),
                      doc->blocks[i].level, doc->blocks[i].text);
}

/* A block of this kind has the words; kind 0 with words: none has. */
typedef struct expected {
    ingest_block_kind kind;
    const char *words;
} expected;

static void compare(const ingest_document *doc, const expected *want)
{
    for (; want->words; want++) {
        bool has = probe_block(doc, want->kind, want->words) != NULL;
        if (has == (want->kind != 0))
            continue;
        show(doc);
        fail_msg("%s: %s \"%s\"", doc->title, want->kind ? "no" : "there is", want->words);
    }
}

static const char *meta(const ingest_document *doc, const char *key)
{
    for (size_t i = 0; i < doc->n_meta; i++)
        if (!strcmp(doc->meta[i].key, key))
            return doc->meta[i].value;
    return "";
}

#define DAY(n) ((int64_t)(n) * 86400 * 1000000000)

/* ---- texts ---- */

static void texts(void **state)
{
    static const struct {
        const char *name, *text;
        expected want[8];
        int64_t date_ns;
        const char *keywords, *author;
    } files[] = {
        {"called-latin1.html",
         "<meta charset=\"iso-8859-1\"><title>T</title><p>It\x92s \x80 50 \x96 fine",
         {{INGEST_PARAGRAPH, "It’s € 50 – fine"}}, 0, "", ""},
        {"called-gb2312.html", "<meta charset=gb2312><p>\xD6\xEC\xE9\x46\xBB\xF9</p>",
         {{INGEST_PARAGRAPH, "朱镕基"}}, 0, "", ""}, /* the second is of GBK alone */
        {"spans.html",
         "<table><tr><th>City<th>Year<th>People<tr><td rowspan=2>Bonn<td>1900<td>7<tr><td>2000<td>8"
         "<tr><td colspan=2>Both<td>15</table>",
         {{INGEST_TABLE, "City | Year | People\nBonn | 1900 | 7\nBonn | 2000 | 8\nBoth |  | 15"}}, 0, "", ""},
        {"backup.cmd", "@echo off\r\nrem Backup of the accounts\r\nxcopy C:\\accounts E:\\ /s\r\n",
         {{INGEST_CODE, "rem Backup of the accounts"}}, 0, "", ""},
        {"poster", /* libmagic: news; there is no header that begins as one does */
         "Article 2846 of alt.sources:\nPath: a!b!greg\nFrom: greg@otc.example (Greg)\nNewsgroups: alt.sources\n"
         "Subject: a maze\n\nSubmitted by greg\n",
         {{INGEST_PARAGRAPH, "Submitted by greg"}}, 0, "", ""},
        {"mac.txt", "first line\rsecond line\r\ranother paragraph\r",
         {{INGEST_PARAGRAPH, "first line\nsecond line"}, {INGEST_PARAGRAPH, "another paragraph"}}, 0, "", ""},
        {"a.mbox",
         "From a@b Mon Jan  1 00:00:00 2024\nFrom: a@b\nSubject: first\n\n>From here on\n>>From twice\n\n"
         "From a@b Mon Jan  1 00:00:00 2024\nSubject: second\n\nmore\n",
         {{INGEST_PARAGRAPH, "From here on\n>From twice"}, {INGEST_HEADING, "second"}, {0, ">From here"}}, 0, "", ""},
        {"saved.mhtml",
         "From: <Saved by Blink>\r\nSubject: Saved\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; "
         "type=\"text/html\"; boundary=M\r\n\r\n--M\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: "
         "quoted-printable\r\nContent-Location: https://x.org/\r\n\r\n<meta charset=3Dutf-8><p>B=C3=B6den saved "
         "wo=\r\nrds</p>\r\n--M\r\nContent-Type: text/css\r\nContent-Location: https://x.org/a.css\r\n\r\n.a { "
         "color: red }\r\n--M--\r\n",
         {{INGEST_PARAGRAPH, "Böden saved words"}, {0, "color"}}, 0, "", ""},
        {"invitation.eml",
         "Subject: Come\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=M\n\n--M\nContent-Type: "
         "text/plain\n\nplease\n--M\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nBEGIN:"
         "VEVENT\nSUMMARY:Harvest\nDTSTART:20240305T100000Z\nLOCATION:Barn\nEND:VEVENT\nEND:VCALENDAR\n--M\n"
         "Content-Type: text/csv; name=p.csv\n\ntree,price\nquince,44\n--M--\n",
         {{INGEST_HEADING, "Harvest"}, {INGEST_PARAGRAPH, "Where: Barn"}, {INGEST_TABLE, "quince | 44"},
          {0, "BEGIN:VEVENT"}}, 0, "", ""},
        {"notes.rtf",
         "{\\rtf1\\ansi A stone{\\footnote {\\chftn} of the note\\par and more} in the wall.\\par "
         "{\\deleted gone}kept\\par {\\header Letterhead Ltd\\par}{\\headerf Letterhead Ltd\\par}"
         "{\\footer \\chpgn 12\\par}\\par}",
         {{INGEST_PARAGRAPH, "A stone in the wall."}, {INGEST_PARAGRAPH, "of the note\nand more"},
          {INGEST_PARAGRAPH, "kept"}, {INGEST_PARAGRAPH, "Letterhead Ltd"}, {0, "gone"},
          {0, "Letterhead Ltd\nLetterhead"}, {0, "12"}}, 0, "", ""},
        {"tables.rst",
         "Tables\n======\n:date: 2024-02-03\n\n+------+-----+\n| Tree | No. |\n+======+=====+\n| long | 1   |\n| name |     "
         "|\n+------+-----+\n\n=====  ===\nName   Age\n=====  ===\nEva    40\nMarie\n  Ann  2\n=====  ===\n\nAfter "
         "it [1]_.\n\n.. [1] The footnote.\n\n.. image:: x.png\n   :alt: a quarry\n",
         {{INGEST_TABLE, "Tree | No.\nlong name | 1"}, {INGEST_TABLE, "Name | Age\nEva | 40"},
          {INGEST_PARAGRAPH, "The footnote."}, {INGEST_PARAGRAPH, "a quarry"}, {INGEST_PARAGRAPH, "After it"},
          {0, "+---"}, {0, "===="}}, DAY(19756), "", ""},
        {"days.org", "#+TITLE: T\n#+DATE: <2024-03-01 Fri>\n#+FILETAGS: :quarry:\n* Head :work:hard:\nx\n",
         {{INGEST_HEADING, "Head"}, {0, "work"}}, DAY(19783), "quarry, work, hard", ""},
        {"paper.tex",
         "\\documentclass{article}\\title{T}\\author{A. Mason \\and B. Smith}\\date{March 1, 2024}\\begin{document}\n"
         "A wall\\footnote{Of slate.} stands.\n\\begin{equation}E=mc^2\\end{equation}\n\\begin{figure}\\caption{The "
         "wall}\\end{figure}\n\\end{document}\n",
         {{INGEST_PARAGRAPH, "A wall stands."}, {INGEST_PARAGRAPH, "Of slate."}, {INGEST_PARAGRAPH, "The wall"},
          {0, "mc^2 The"}, {0, "wallOf"}}, DAY(19783), "", "A. Mason, B. Smith"},
        {"names.md", "# Install    {#install}\n\nwords\n\n## Use {.b #c}\n\n## A set {1, 2}\n",
         {{INGEST_HEADING, "Install"}, {INGEST_HEADING, "Use"}, {INGEST_HEADING, "A set {1, 2}"}, {0, "{#"}, {0, "{."}}, 0, "", ""},
        {"hugo.md", "+++\ntitle = \"T\"\ndate = 2024-03-01\ntags = [\"a\", \"b\"]\n+++\n# H\nwords[^1]\n\n[^1]: below\n",
         {{INGEST_HEADING, "H"}, {INGEST_PARAGRAPH, "below"}, {0, "+++"}}, DAY(19783), "a\", \"b", ""},
        {"talk.ass",
         "[Script Info]\nTitle: x\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, "
         "Text\nDialogue: 0,0:01:01.00,0:01:02.00,Default,,0,0,0,,{\\i1}Spoken, words\\Nand more\n",
         {{INGEST_PARAGRAPH, "[00:01:01] \nSpoken, words and more"}, {0, "Format"}, {0, "Dialogue"}}, 0, "", ""},
        {"book.fb2",
         "<FictionBook><description><title-info><book-title>T</book-title><keywords>k1, k2</keywords><date "
         "value=\"2024-03-01\">spring</date></title-info></description><body><section><p>x</p><table><tr><th>Tree"
         "</th><th>No.</th></tr><tr><td>Quince</td><td>44</td></tr></table></section></body></FictionBook>",
         {{INGEST_TABLE, "Tree | No.\nQuince | 44"}}, DAY(19783), "k1, k2", ""},
        {"run.ipynb",
         "{\"cells\":[{\"cell_type\":\"code\",\"source\":\"f()\",\"outputs\":[{\"output_type\":\"error\",\"ename\":"
         "\"ValueError\",\"evalue\":\"no such wall\",\"traceback\":[]}]}],\"nbformat\":4}",
         {{INGEST_CODE, "ValueError: no such wall"}}, 0, "", ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        ingest_document *doc = probe_read(ex, probe_file(files[i].name, files[i].text, strlen(files[i].text)));
        compare(doc, files[i].want);
        if (doc->date_ns != files[i].date_ns)
            fail_msg("%s: date %lld", files[i].name, (long long)doc->date_ns / 86400000000000);
        if (strcmp(meta(doc, "keywords"), files[i].keywords) || strcmp(doc->author, files[i].author))
            fail_msg("%s: keywords %s, author %s", files[i].name, meta(doc, "keywords"), doc->author);
        ingest_document_free(doc);
    }
}

/* ---- packages ---- */

typedef struct part {
    const char *name, *data;
} part;

static const char *package(const char *name, const part *parts)
{
    const char *path = probe_path(name);
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

    assert_non_null(z);
    for (; parts->name; parts++) {
        zip_source_t *s = zip_source_buffer(z, parts->data, strlen(parts->data), 0);
        assert_non_null(s);
        assert_true(zip_file_add(z, parts->name, s, ZIP_FL_OVERWRITE) >= 0);
    }
    assert_int_equal(zip_close(z), 0);
    return path;
}

#define MAIN(part)       "<R><Relationship Id='r1' Type='x/officeDocument' Target='" part "'/></R>"
#define REL(id, type, to) "<Relationship Id='" id "' Type='x/" type "' Target='" to "'/>"
#define P(words)          "<p><r><t>" words "</t></r></p>"
#define CHART                                                                                      \
    "<c:chartSpace xmlns:c='c' xmlns:a='a'><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Harvest " \
    "by year</a:t></a:r></a:p></c:rich></c:tx></c:title><c:ser><c:tx><c:strRef><c:strCache><c:pt>"  \
    "<c:v>Plums</c:v></c:pt></c:strCache></c:strRef></c:tx></c:ser></c:chart></c:chartSpace>"

static void packages(void **state)
{
    static const struct {
        const char *name;
        part parts[9];
        expected want[9];
    } files[] = {
        {"letter.docx",
         {{"_rels/.rels", MAIN("word/document.xml")},
          {"word/_rels/document.xml.rels", "<R>" REL("r7", "chart", "charts/chart1.xml") "</R>"},
          {"word/document.xml", "<document><body>" P("the body") "<p><r><drawing><c:chart xmlns:c='c' xmlns:r='r' "
                                "r:id='r7'/></drawing></r></p></body></document>"},
          {"word/charts/chart1.xml", CHART},
          {"word/header1.xml", "<hdr>" P("Letterhead Ltd") "</hdr>"},
          {"word/header2.xml", "<hdr>" P("Letterhead Ltd") "</hdr>"},
          {"word/footer1.xml", "<ftr>" P("12") "</ftr>"},
          {"word/footer2.xml", "<ftr>" P("Bank 4711") "</ftr>"}},
         {{INGEST_PARAGRAPH, "the body"}, {INGEST_PARAGRAPH, "Letterhead Ltd"}, {INGEST_PARAGRAPH, "Bank 4711"},
          {INGEST_PARAGRAPH, "Harvest by year\nPlums"}, {0, "12"}}},
        {"remarks.xlsx",
         {{"_rels/.rels", MAIN("xl/workbook.xml")},
          {"xl/workbook.xml", "<workbook xmlns:r='r'><sheets><sheet name='S' r:id='r1'/></sheets></workbook>"},
          {"xl/_rels/workbook.xml.rels", "<R>" REL("r1", "worksheet", "worksheets/sheet1.xml") "</R>"},
          {"xl/worksheets/sheet1.xml", "<worksheet><sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>one_x000D_"
                                       "_x000A_two_x005F_x</t></is></c><c r='B1'><v>2</v></c></row></sheetData>"
                                       "</worksheet>"},
          {"xl/worksheets/_rels/sheet1.xml.rels", "<R>" REL("r1", "comments", "../comments1.xml")
                                                  REL("r2", "drawing", "../drawings/drawing1.xml") "</R>"},
          {"xl/comments1.xml", "<comments><commentList><comment ref='B1'><text><r><t>too dear</t></r></text></comment>"
                               "</commentList></comments>"},
          {"xl/drawings/drawing1.xml", "<d xmlns:c='c' xmlns:r='r'><sp><txBody>" P("in a box") "</txBody></sp><c:chart "
                                       "r:id='r1'/></d>"},
          {"xl/drawings/_rels/drawing1.xml.rels", "<R>" REL("r1", "chart", "../charts/c.xml") "</R>"},
          {"xl/charts/c.xml", CHART}},
         {{INGEST_TABLE, "one two_x | 2"}, {INGEST_PARAGRAPH, "B1: too dear"}, {INGEST_PARAGRAPH, "in a box"},
          {INGEST_PARAGRAPH, "Harvest by year\nPlums"}, {0, "_x000"}}},
        {"numbers.xlsx",
         {{"_rels/.rels", MAIN("xl/workbook.xml")},
          {"xl/workbook.xml", "<workbook xmlns:r='r'><sheets><sheet name='S' r:id='r1'/></sheets></workbook>"},
          {"xl/_rels/workbook.xml.rels", "<R>" REL("r1", "worksheet", "worksheets/sheet1.xml")
                                         REL("r2", "styles", "styles.xml") "</R>"},
          {"xl/styles.xml", "<styleSheet><numFmts><numFmt numFmtId='164' formatCode='&quot;EUR&quot; #,##0.0#;[Red]-#,##0'/>"
                            "<numFmt numFmtId='165' formatCode='0.0,,'/><numFmt numFmtId='166' formatCode='0.00E+00'/>"
                            "</numFmts><cellXfs><xf numFmtId='0'/><xf numFmtId='4'/><xf numFmtId='164'/><xf numFmtId='10'/>"
                            "<xf numFmtId='165'/><xf numFmtId='166'/><xf numFmtId='3'/></cellXfs></styleSheet>"},
          {"xl/worksheets/sheet1.xml", "<worksheet><sheetData><row r='1'><c s='1'><v>123456.789</v></c><c s='2'><v>-1234567.5"
                                       "</v></c><c s='3'><v>0.123456</v></c><c s='0'><v>0.30000000000000004</v></c></row>"
                                       "<row r='2'><c s='4'><v>2500000</v></c><c s='5'><v>2500000</v></c><c s='6'><v>999"
                                       "</v></c><c s='6'><v>1000</v></c></row></sheetData></worksheet>"}},
         {{INGEST_TABLE, "123,456.79 (123456.789) | EUR -1,234,567.5 (-1234567.5) | 12.35% (12.3456) | 0.3\n"
                         "2500000 | 2500000 | 999 | 1,000 (1000)"}}},
        {"merged.xlsx",
         {{"_rels/.rels", MAIN("xl/workbook.xml")},
          {"xl/workbook.xml", "<workbook xmlns:r='r'><sheets><sheet name='S' r:id='r1'/></sheets></workbook>"},
          {"xl/_rels/workbook.xml.rels", "<R>" REL("r1", "worksheet", "worksheets/sheet1.xml") "</R>"},
          {"xl/worksheets/sheet1.xml",
           "<worksheet><sheetData><row r='1'><c r='A1'><is><t>Lamps of 2025</t></is></c></row><row r='3'><c r='A3'><is><t>Shop</t></is></c>"
           "<c r='B3'><is><t>Sold</t></is></c></row><row r='4'><c r='B4'><is><t>Q1</t></is></c><c r='C4'><is><t>Q2</t></is></c></row>"
           "<row r='5'><c r='A5'><is><t>Bath</t></is></c><c r='B5'><v>3</v></c><c r='C5'><v>4</v></c></row>"
           "<row r='6'><c r='A6'/><c r='B6'><v>5</v></c><c r='C6'><v>6</v></c></row>"
           "<row r='9'><c r='A9'><is><t>Colour</t></is></c><c r='B9'><is><t>Price</t></is></c></row>"
           "<row r='10'><c r='A10'><is><t>red</t></is></c><c r='B10'><v>7</v></c></row></sheetData>"
           "<mergeCells><mergeCell ref=\"A3:A4\"/><mergeCell ref=\"B3:C3\"/><mergeCell ref=\"A5:A6\"/><mergeCell ref=\"Z9:A1\"/>"
           "<mergeCell ref=\"A99999999999:ZZZZZZZZZ9\"/></mergeCells></worksheet>"}},
         {{INGEST_HEADING, "Lamps of 2025"}, {INGEST_HEADING, "A3:C6"}, {INGEST_TABLE, "Shop | Sold Q1 | Sold Q2\nBath | 3 | 4\nBath | 5 | 6"},
          {INGEST_HEADING, "A9:B10"}, {INGEST_TABLE, "Colour | Price\nred | 7"}}},
        {"merged.docx",
         {{"_rels/.rels", MAIN("word/document.xml")},
          {"word/document.xml",
           "<document><body><tbl><tr><tc><tcPr><vMerge val='restart'/></tcPr><p><r><t>Flat</t></r></p></tc><tc><tcPr><gridSpan val='2'/></tcPr>"
           "<p><r><t>Rent</t></r></p></tc></tr><tr><tc><tcPr><vMerge/></tcPr><p/></tc><tc><p><r><t>2024</t></r></p></tc><tc><p><r><t>2025</t>"
           "</r></p></tc></tr><tr><tc><p><r><t>One</t></r></p></tc><tc><p><r><t>500</t></r></p></tc><tc><p><r><t>510</t></r></p></tc></tr>"
           "</tbl></body></document>"}},
         {{INGEST_TABLE, "Flat | Rent 2024 | Rent 2025\nOne | 500 | 510"}}},
        {"numbers.ods",
         {{"mimetype", "application/vnd.oasis.opendocument.spreadsheet"},
          {"content.xml", "<d><body><spreadsheet><table><table-row><table-cell value-type='currency' value='123456.789'><p>"
                          "123.456,79 EUR</p></table-cell><table-cell value-type='percentage' value='0.123456'><p>12,35 %</p>"
                          "</table-cell><table-cell value-type='float' value='12.5'><p>12.5</p></table-cell><table-cell "
                          "value-type='string' value='7'><p>seven</p></table-cell></table-row></table></spreadsheet></body>"
                          "</d>"}},
         {{INGEST_TABLE, "123.456,79 EUR (123456.789) | 12,35 % (12.3456) | 12.5 | seven"}}},
        {"remarks.pptx",
         {{"_rels/.rels", MAIN("ppt/presentation.xml")},
          {"ppt/presentation.xml", "<p xmlns:r='r'><sldIdLst><sldId r:id='r1'/></sldIdLst></p>"},
          {"ppt/_rels/presentation.xml.rels", "<R>" REL("r1", "slide", "slides/s.xml") "</R>"},
          {"ppt/slides/s.xml", "<sld xmlns:c='c' xmlns:r='r'><cSld><spTree><sp><txBody>" P("on the slide")
                               "</txBody></sp><graphicFrame><c:chart r:id='r2'/></graphicFrame></spTree></cSld></sld>"},
          {"ppt/slides/_rels/s.xml.rels", "<R>" REL("r1", "comments", "../c.xml") REL("r2", "chart", "../ch.xml") "</R>"},
          {"ppt/c.xml", "<cmLst><cm><text>say it louder</text></cm></cmLst>"},
          {"ppt/ch.xml", CHART}},
         {{INGEST_PARAGRAPH, "on the slide"}, {INGEST_PARAGRAPH, "say it louder"},
          {INGEST_PARAGRAPH, "Harvest by year\nPlums"}}},
        {"letter.odt",
         {{"mimetype", "application/vnd.oasis.opendocument.text"},
          {"content.xml", "<d><body><text><p>a wall<frame><text-box><p>in a box</p></text-box></frame> of slate</p>"
                          "<section display='none'><p>gone</p></section></text></body></d>"},
          {"styles.xml", "<s><master-styles><master-page><header><p>Letterhead Ltd</p></header><footer><p>page</p><p>1"
                         "</p></footer></master-page></master-styles></s>"}},
         {{INGEST_PARAGRAPH, "a wall of slate"}, {INGEST_PARAGRAPH, "in a box"}, {INGEST_PARAGRAPH, "Letterhead Ltd"},
          {0, "gone"}}},
        {"talk.odp",
         {{"mimetype", "application/vnd.oasis.opendocument.presentation"},
          {"content.xml", "<d><body><presentation><page><frame><text-box><p>words</p></text-box></frame><frame class="
                          "'title'><text-box><p>The title</p></text-box></frame></page></presentation></body></d>"}},
         {{INGEST_HEADING, "The title"}, {INGEST_PARAGRAPH, "words"}}},
        {"notes.epub",
         {{"mimetype", "application/epub+zip"},
          {"META-INF/container.xml", "<c><rootfile full-path='a b.opf'/></c>"},
          {"a b.opf", "<package><metadata/><manifest><item id='x' href='one%20page.html' media-type='text/html'/>"
                      "</manifest><spine><itemref idref='x'/></spine></package>"},
          {"one page.html", "<body><div class='toc-sidebar'>kept by class</div><aside epub:type='footnote'>a "
                            "footnote</aside><footer>the end</footer><p hidden>gone</p></body>"}},
         {{INGEST_PARAGRAPH, "kept by class"}, {INGEST_PARAGRAPH, "a footnote"}, {INGEST_PARAGRAPH, "the end"},
          {0, "gone"}}},
    };
    (void)state;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        part parts[10] = {{NULL, NULL}};
        expected want[10] = {{0, NULL}};
        ingest_document *doc;

        memcpy(parts, files[i].parts, sizeof files[i].parts);
        memcpy(want, files[i].want, sizeof files[i].want);
        doc = probe_read(ex, package(files[i].name, parts));
        compare(doc, want);
        ingest_document_free(doc);
    }
}

/* ---- compiled HTML help ---- */

/* A number of `n` bytes, the low one first. */
static void put_number(bytes *out, uint64_t v, size_t n)
{
    for (; n; n--, v >>= 8)
        bytes_append_byte(out, (char)v);
}

/* Seven bits a byte, the high ones first. */
static void put_encint(bytes *out, size_t v)
{
    if (v > 127)
        bytes_append_byte(out, (char)(v >> 7 | 128));
    bytes_append_byte(out, (char)(v & 127));
}

/* A help file whose files are stored as they are: ITSF header, one directory chunk, contents. */
static void make_help(bytes *out, const part *files, const size_t *lens)
{
    static const uint8_t ids[] = {0x10, 0xFD, 0x01, 0x7C, 0xAA, 0x7B, 0xD0, 0x11, 0x9E, 0x0C, 0x00,
                                  0xA0, 0xC9, 0x22, 0xE6, 0xEC};
    size_t n, at = 0, start, content = 96 + 24 + 84 + 4096;

    bytes_append(out, "ITSF", 4);
    put_number(out, 3, 4), put_number(out, 96, 4), put_number(out, 1, 4), put_number(out, 0, 4);
    put_number(out, 0x409, 4);
    bytes_append(out, (const char *)ids, 16);
    bytes_append_byte(out, 0x11);
    bytes_append(out, (const char *)ids + 1, 15);
    put_number(out, 96, 8), put_number(out, 24, 8), put_number(out, 120, 8), put_number(out, 84 + 4096, 8);
    put_number(out, content, 8);
    put_number(out, 0x1FE, 8), put_number(out, 1 << 20, 8), put_number(out, 0, 8);
    bytes_append(out, "ITSP", 4);
    put_number(out, 1, 4), put_number(out, 84, 4), put_number(out, 10, 4), put_number(out, 4096, 4);
    put_number(out, 2, 4), put_number(out, 1, 4), put_number(out, UINT32_MAX, 4), put_number(out, 0, 4);
    put_number(out, 0, 4), put_number(out, UINT32_MAX, 4), put_number(out, 1, 4), put_number(out, 0x409, 4);
    bytes_append(out, (const char *)ids, 16);
    put_number(out, 84, 4), put_number(out, UINT32_MAX, 4), put_number(out, UINT32_MAX, 4);
    put_number(out, UINT32_MAX, 4);
    start = out->len;
    bytes_append(out, "PMGL", 4);
    put_number(out, 2, 4), put_number(out, 0, 4), put_number(out, UINT32_MAX, 4), put_number(out, UINT32_MAX, 4);
    for (n = 0; files[n].name; n++) {
        put_encint(out, strlen(files[n].name));
        bytes_append_str(out, files[n].name);
        put_encint(out, 0), put_encint(out, at), put_encint(out, lens[n]);
        at += lens[n];
    }
    while (out->len < start + 4094)
        bytes_append_byte(out, 0);
    put_number(out, n, 2);
    assert_int_equal(out->len, content);
    for (n = 0; files[n].name; n++)
        bytes_append(out, files[n].data, lens[n]);
}

static void help_follows_its_contents(void **state)
{
    static const char system[] = "\3\0\0\0\0\0\10\0toc.hhc\0\3\0\6\0Walls\0";
    static const part files[] = {
        {"/#SYSTEM", system},
        {"/a.htm", "<title>Mortar</title><body><p>comes second</body>"},
        {"/b.htm", "<title>x</title><h1>Stone</h1><p>comes first"},
        {"/c.htm", "<p>in no list"},
        {"/toc.hhc", "<ul><li><object><param name=\"Name\" value=\"S\"><param name=\"Local\" value=\"b.htm#top\">"
                     "</object><li><object><param name=\"Local\" value=\"A.htm\"></object></ul>"},
        {NULL, NULL}};
    size_t lens[6], cut;
    cairn_error err = {0};
    ingest_document *doc;
    bytes help;
    (void)state;

    for (size_t i = 0; files[i].name; i++)
        lens[i] = i ? strlen(files[i].data) : sizeof system - 1;
    bytes_init(&help, 64 << 10);
    make_help(&help, files, lens);
    doc = probe_read(ex, probe_file("walls.chm", help.data, help.len));
    assert_string_equal(doc->mime, "application/vnd.ms-htmlhelp");
    assert_string_equal(doc->title, "Walls");
    compare(doc, (const expected[]){{INGEST_HEADING, "Stone"}, {INGEST_HEADING, "Mortar"},
                                    {INGEST_PARAGRAPH, "in no list"}, {0, NULL}});
    assert_true(probe_block(doc, 0, "comes first") < probe_block(doc, 0, "comes second"));
    assert_true(probe_block(doc, 0, "comes second") < probe_block(doc, 0, "in no list"));
    ingest_document_free(doc);
    for (cut = 4; cut < help.len; cut += 97) { /* a cut file is told of, or read in part */
        if (!extractor_run(ex, probe_file("cut.chm", help.data, cut), &doc, &err))
            ingest_document_free(doc);
        else
            assert_int_equal(err.code, CAIRN_EINPUT);
    }
    bytes_clear(&help);
}

/* A PDF of one page, written by hand; without a table of its objects, which Poppler makes by itself. */
static ingest_document *read_pdf(const char *name, const char *info, const char *xmp)
{
    char *text = malloc(16384);
    ingest_document *doc;

    assert_non_null(text);
    int n = snprintf(
        text, 16384,
        "%%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R/Metadata 9 0 R>>\nendobj\n"
        "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
        "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 4 0 R/Annots[6 0 R 7 0 R 8 0 R 10 0 R]"
        "/Resources<</Font<</F1 5 0 R>>>>>>\nendobj\n"
        "4 0 obj\n<</Length 157>>\nstream\nBT /F1 12 Tf 50 350 Td (The tide tables are kept by the harbour.) Tj 0 -40 Td "
        "(See also https://example.org/printed for the old ones, next year.) Tj ET\nendstream\nendobj\n"
        "5 0 obj\n<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n"
        "6 0 obj\n<</Type/Annot/Subtype/Link/Rect[48 346 132 362]/A<</S/URI/URI(https://tides.example.org/tables?y=2025)>>>>\nendobj\n"
        "7 0 obj\n<</Type/Annot/Subtype/Link/Rect[48 306 340 322]/A<</S/URI/URI(https://example.org/printed)>>>>\nendobj\n"
        "8 0 obj\n<</Type/Annot/Subtype/Link/Rect[48 306 340 322]/A<</S/URI/URI(javascript:alert)>>>>\nendobj\n"
        "10 0 obj\n<</Type/Annot/Subtype/Link/Rect[0 0 4 4]/A<</S/URI/URI(mailto:pilot@example.org)>>>>\nendobj\n"
        "9 0 obj\n<</Type/Metadata/Subtype/XML/Length %zu>>\nstream\n%s\nendstream\nendobj\n"
        "11 0 obj\n<<%s>>\nendobj\ntrailer\n<</Root 1 0 R/Info 11 0 R/Size 12>>\n%%%%EOF\n",
        strlen(xmp), xmp, info);
    doc = probe_read(ex, probe_file(name, text, (size_t)n));
    free(text);
    return doc;
}

static const char *meta_of(const ingest_document *doc, const char *key)
{
    for (size_t i = 0; i < doc->n_meta; i++)
        if (!strcmp(doc->meta[i].key, key))
            return doc->meta[i].value;
    return "";
}

#define XMP                                                                                                        \
    "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>"                        \
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"                                             \
    "<rdf:Description xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:other='http://example.org/'>"               \
    "<other:subject>not this</other:subject>"                                                                       \
    "<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>Tides &amp; currents</rdf:li><rdf:li>Gezeiten</rdf:li>"         \
    "</rdf:Alt></dc:title><dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator>"       \
    "<dc:subject><rdf:Bag><rdf:li>harbour</rdf:li><rdf:li>spring tide</rdf:li></rdf:Bag></dc:subject>"               \
    "</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"

static void pdf_says_where_links_lead(void **state)
{
    (void)state;
    ingest_document *doc = read_pdf("links.pdf", "/Title(Tables)", "");
    const ingest_block *b = probe_block(doc, INGEST_PARAGRAPH, "https://tides.example.org/tables?y=2025");

    assert_non_null(b);
    assert_int_equal(b->page, 1);
    assert_string_equal(b->text, "The tide tables: https://tides.example.org/tables?y=2025\nmailto:pilot@example.org");
    assert_null(probe_block(doc, 0, "javascript"));
    ingest_document_free(doc);
}

static void pdf_tags_of_its_packet(void **state)
{
    (void)state;
    ingest_document *doc = read_pdf("xmp.pdf", "/Title(Microsoft Word - a.doc)", XMP);

    assert_string_equal(doc->title, "Tides & currents");
    assert_string_equal(doc->author, "Ada; Bo");
    assert_string_equal(meta_of(doc, "keywords"), "harbour; spring tide");
    ingest_document_free(doc);
    /* What the dictionary says stands. */
    doc = read_pdf("both.pdf", "/Title(Tables)/Author(Cy)/Keywords(dock)", XMP);
    assert_string_equal(doc->title, "Tables");
    assert_string_equal(doc->author, "Cy");
    assert_string_equal(meta_of(doc, "keywords"), "dock");
    ingest_document_free(doc);
    /* A packet cut short gives what stands before the damage, one with entities nothing of them. */
    doc = read_pdf("cut.pdf", "", "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' "
                                  "xmlns:dc='http://purl.org/dc/elements/1.1/'><rdf:Description><dc:subject>one"
                                  "</dc:subject><dc:title>T");
    assert_string_equal(meta_of(doc, "keywords"), "one");
    ingest_document_free(doc);
    doc = read_pdf("bomb.pdf", "", "<!DOCTYPE r [<!ENTITY a 'ha ha ha'><!ENTITY b '&a;&a;&a;'>]>"
                                   "<r xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:subject>&b;</dc:subject></r>");
    assert_string_equal(meta_of(doc, "keywords"), "");
    ingest_document_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(pdf_says_where_links_lead),
        cmocka_unit_test(pdf_tags_of_its_packet),
        cmocka_unit_test(packages),
        cmocka_unit_test(help_follows_its_contents),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
