/* fuzz_office - any bytes as the parts of an office package: no crash, no broken document. The
 * first byte chooses the kind; the rest is the main part (and, behind a zero byte, a second one),
 * wrapped in an uncompressed zip, so that the fuzzer works on XML and not on checksums. Kind 7 is
 * the raw zip. */
#include <string.h>

#include <zip.h>

#include "tests/fuzz/fuzz_run.h"

#include "tests/fuzz/fuzz_parser.h"

static const struct {
    const char *main_part, *second;
} kinds[] = {
    {"word/document.xml", "word/styles.xml"},
    {"xl/workbook.xml", "xl/worksheets/sheet1.xml"},
    {"ppt/presentation.xml", "ppt/slides/slide1.xml"},
    {"content.xml", "meta.xml"},
    {"book/content.opf", "book/one.html"},
    {"xl/workbook.xml", "xl/sharedStrings.xml"},
    {"[Content_Types].xml", "_rels/.rels"},
};

static void put(zip_t *z, const char *name, const void *data, size_t len)
{
    zip_source_t *s = zip_source_buffer(z, data, len, 0);
    zip_int64_t at = s ? zip_file_add(z, name, s, ZIP_FL_OVERWRITE) : -1;

    if (at >= 0)
        zip_set_file_compression(z, (zip_uint64_t)at, ZIP_CM_STORE, 0);
    else
        zip_source_free(s);
}

static void put_text(zip_t *z, const char *name, const char *text)
{
    put(z, name, text, strlen(text));
}

/* Every relationship any kind asks for, by types and by the ids rId1, rId2. */
static void put_frame(zip_t *z, const char *main_part, const char *second)
{
    static char rels[4096], part_rels[4096], path[256];
    const char *slash = strchr(main_part, '/');

    snprintf(rels, sizeof rels,
             "<R><Relationship Id='rId1' Type='x/officeDocument' Target='%s'/></R>", main_part);
    put_text(z, "_rels/.rels", rels);
    snprintf(
        part_rels, sizeof part_rels,
        "<R><Relationship Id='rId1' Type='x/styles' Target='/%s'/><Relationship Id='rId2' "
        "Type='x/sharedStrings' Target='/%s'/><Relationship Type='x/footnotes' Target='/%s'/></R>",
        second, second, second);
    if (slash) {
        snprintf(path, sizeof path, "%.*s/_rels/%s.rels", (int)(slash - main_part), main_part,
                 slash + 1);
        put_text(z, path, part_rels);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned kind = size ? data[0] & 7 : 7;
    const uint8_t *split;
    zip_source_t *whole;
    zip_error_t why;
    zip_stat_t st;
    zip_t *z;
    uint8_t *file;
    zip_int64_t n = -1;

    if (kind == 7) {
        fuzz_parser(parse_package, data + (size ? 1 : 0), size ? size - 1 : 0, "input.docx");
        fuzz_parser(parse_rtf, data + (size ? 1 : 0), size ? size - 1 : 0, "input.rtf");
        fuzz_parser(parse_fb2, data + (size ? 1 : 0), size ? size - 1 : 0, "input.fb2");
        return 0;
    }
    data++, size--;
    zip_error_init(&why);
    whole = zip_source_buffer_create(NULL, 0, 0, &why);
    z = zip_open_from_source(whole, ZIP_CREATE, &why);
    if (!z)
        abort();
    zip_source_keep(whole);
    if (kind == 3)
        put_text(z, "mimetype", "application/vnd.oasis.opendocument.text");
    else if (kind == 4)
        put_text(z, "mimetype", "application/epub+zip");
    else if (kind < 6)
        put_frame(z, kinds[kind].main_part, kinds[kind].second);
    if (kind == 4)
        put_text(z, "META-INF/container.xml", "<c><rootfile full-path='book/content.opf'/></c>");
    split = memchr(data, 0, size);
    put(z, kinds[kind].main_part, data, split ? (size_t)(split - data) : size);
    if (split)
        put(z, kinds[kind].second, split + 1, size - (size_t)(split - data) - 1);
    if (zip_close(z))
        zip_discard(z);
    if (!zip_source_stat(whole, &st) && (st.valid & ZIP_STAT_SIZE) && !zip_source_open(whole)) {
        file = malloc(st.size ? st.size : 1);
        if (file)
            n = zip_source_read(whole, file, st.size);
        zip_source_close(whole);
        if (n > 0)
            fuzz_parser(parse_package, file, (size_t)n, "input.docx");
        free(file);
    }
    zip_source_free(whole);
    return 0;
}
