/* refuse.c - see refuse.h. The signatures are those of the formats' own descriptions where there are some (MS-ONESTORE
 * 2.3.1, MS-CFB, MS-PST 2.2.2.6, PKWARE's APPNOTE 4.3, Hancom's description of HWP 5.0), else of the files themselves. */
#include "ingest/extract/refuse.h"

#include <string.h>
#include <strings.h>

#include "ingest/extract/ole.h"

/* What to do, for kinds of files. */
#define PDF_OR_WORD "export it as PDF or Word from its program, and index that"
#define AS_PDF      "save or print it as PDF, and index that"
#define AS_CSV      "export its tables as CSV or XLSX, and index that"
#define AS_ODT      "save it as ODT, DOCX or PDF (LibreOffice opens it), and index that"
#define AS_ODS      "save it as ODS, XLSX or CSV (LibreOffice opens it), and index that"
#define AS_EPUB     "convert it to EPUB (Calibre does), and index that"
#define UNPACK      "unpack it, and index what was in it"
#define DECRYPT     "decrypt it, and index what comes out"

#define HEADER_BYTES 256 /* of HWP's FileHeader */

typedef struct known_kind {
    size_t at, len;
    const char *bytes, *what, *cure;
} known_kind;

#define AT(at, bytes, what, cure)                                                                  \
    {                                                                                              \
        at, sizeof bytes - 1, bytes, what, cure                                                    \
    }

/* What would pass for text. */
static const known_kind of_text[] = {
    AT(0, "{\\pwi", "a document of Pocket Word", AS_ODT),
    AT(0, "WARC/", "an archive of web pages (WARC)", "save its pages as HTML, and index that"),
    AT(0, "age-encryption.org/v1\n", "an encrypted file (age)", DECRYPT),
    AT(0, "-----BEGIN AGE ENCRYPTED FILE-----", "an encrypted file (age)", DECRYPT),
    AT(0, "-----BEGIN PGP MESSAGE-----", "an encrypted message (PGP)", DECRYPT),
};

/* Of binary files that no parser takes: short ones, too. */
static const known_kind of_bytes[] = {
    AT(0, "\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3", "a section of OneNote (.one)", PDF_OR_WORD),
    AT(0, "\xA1\x2F\xFF\x43\xD9\xEF\x76\x4C\x9E\xE2\x10\xEA\x57\x22\x76\x5F", "a OneNote notebook's table of contents",
       PDF_OR_WORD),
    AT(0, "HWP Document File", "a Hangul document of before 2000 (HWP 3)", AS_ODT),
    AT(0, "AC10", "an AutoCAD drawing (DWG)", "plot it to PDF, and index that"),
    AT(0, "AC1.", "an AutoCAD drawing (DWG)", "plot it to PDF, and index that"),
    AT(0, "AC2.", "an AutoCAD drawing (DWG)", "plot it to PDF, and index that"),
    AT(0, "AutoCAD Binary DXF", "an AutoCAD drawing (binary DXF)", "plot it to PDF, and index that"),
    AT(4, "Standard Jet DB", "a database of Access (.mdb)", AS_CSV),
    AT(4, "Standard ACE DB", "a database of Access (.accdb)", AS_CSV),
    AT(4, "MSISAM Database", "a file of Money", AS_CSV),
    AT(0, "SQLite format 3\0", "a database of SQLite", AS_CSV),
    AT(0, "PAR1", "a table in Parquet", AS_CSV),
    AT(0, "!BDN", "a data file of Outlook (.pst, .ost)", "export its folders as mail (readpst does), and index that"),
    AT(0, "\xFFWPC", "a document of WordPerfect", AS_ODT),
    AT(0, "\xCB\x0A\x01", "a document of WordPerfect 4", AS_ODT),
    AT(0, "\x31\xBE\x00\x00", "a document of Windows Write", AS_ODT),
    AT(0, "\x09\x00\x04\x00", "a sheet of Excel 2", AS_ODS),
    AT(0, "\x09\x02\x06\x00", "a sheet of Excel 3", AS_ODS),
    AT(0, "\x09\x04\x06\x00", "a sheet of Excel 4", AS_ODS),
    AT(0, "\x00\x00\x02\x00\x06\x04\x06\x00", "a sheet of Lotus 1-2-3 (.wk1)", AS_ODS),
    AT(0, "\x00\x00\x1A\x00\x00\x10\x04\x00", "a sheet of Lotus 1-2-3 (.wk3)", AS_ODS),
    AT(0, "\x00\x00\x1A\x00\x02\x10\x04\x00", "a sheet of Lotus 1-2-3 (.wk4)", AS_ODS),
    AT(0, "\x00\x00\x1A\x00\x05\x10\x04\x00", "a sheet of Lotus 1-2-3 (.123)", AS_ODS),
    AT(0, "\x06\x06\xED\xF5\xD8\x1D\x46\xE5\xBD\x31\xEF\xE7\xFE\x74\xB7\x1D", "a document of InDesign", AS_PDF),
    AT(2, "IIXPR", "a document of QuarkXPress", AS_PDF),
    AT(2, "MMXPR", "a document of QuarkXPress", AS_PDF),
    AT(0, "<MakerFile", "a document of FrameMaker", AS_PDF),
    AT(0, "AT&TFORM", "a scan in DjVu", "convert it to PDF (ddjvu does), and index that"),
    AT(60, "BOOKMOBI", "a book for Kindle (MOBI)", AS_EPUB),
    AT(60, "TEXtREAd", "a book for Palm", AS_EPUB),
    AT(0, "ITOLITLS", "a book for Microsoft Reader (LIT)", AS_EPUB),
    AT(0, "\xEA" "DRMION", "a book for Kindle under a rights manager (KFX)", "it can be read by its own program alone"),
    AT(0, "PK\x07\x08", "one part of an archive in several (zip)", "join the parts (zip -s 0), " UNPACK),
    AT(0, "MSCF", "a cabinet archive (CAB; packages of OneNote are such)", UNPACK),
    AT(0, "\x60\xEA", "an archive (ARJ)", UNPACK),
    AT(7, "**ACE**", "an archive (ACE)", UNPACK),
    AT(2, "-lh5-", "an archive (LHA)", UNPACK),
    AT(2, "-lh7-", "an archive (LHA)", UNPACK),
    AT(0, "StuffIt", "an archive (StuffIt)", UNPACK),
    AT(0, "SIT!", "an archive (StuffIt)", UNPACK),
    AT(0, "\x78\x61\x72\x21", "an archive (xar)", UNPACK),
    AT(32769, "CD001", "an image of a disc (ISO 9660)", UNPACK),
    AT(0, "Salted__", "an encrypted file (OpenSSL)", DECRYPT),
    AT(0, "LUKS\xBA\xBE", "an encrypted disk (LUKS)", "open it, and index what is on it"),
    AT(0, "\x03\xD9\xA2\x9A\x67\xFB\x4B\xB5", "a password database of KeePass", "it is meant to be read by its program alone"),
};

static cairn_status refuse(emitter *e, const char *what, const char *cure)
{
    return emit_fail(e, CAIRN_EUNSUPPORTED, "no parser for %s: %s", what, cure);
}

static bool refuse_known(emitter *e, const parse_input *in, const known_kind *kinds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const known_kind *k = &kinds[i];
        if (in->len >= k->at + k->len && !memcmp(in->data + k->at, k->bytes, k->len)) {
            refuse(e, k->what, k->cure);
            return true;
        }
    }
    return false;
}

bool refuse_text(emitter *e, const parse_input *in)
{
    return refuse_known(e, in, of_text, sizeof of_text / sizeof *of_text);
}

bool refuse_bytes(emitter *e, const parse_input *in)
{
    return refuse_known(e, in, of_bytes, sizeof of_bytes / sizeof *of_bytes);
}

/* ---- compound files ---- */

static const struct {
    const char *child, *what, *cure;
} by_child[] = {
    {"Quill", "a publication of Publisher (.pub)", AS_PDF},
    {"VisioDocument", "a drawing of Visio (.vsd)", "save it as VSDX or PDF, and index that"},
    {"MatOST", "a document of Microsoft Works", AS_ODT},
    {"Props14", "a plan of Project (.mpp)", AS_PDF},
    {"Props12", "a plan of Project (.mpp)", AS_PDF},
    {"Props9", "a plan of Project (.mpp)", AS_PDF},
    {"PerfectOffice_MAIN", "a document of WordPerfect", AS_ODT},
    {"PerfectOffice_OBJECTS", "a document of WordPerfect or Quattro Pro", AS_ODT},
    {"StarWriterDocument", "a document of StarOffice", AS_ODT},
    {"StarCalcDocument", "a sheet of StarOffice", AS_ODS},
    {"StarDrawDocument3", "a drawing of StarOffice", AS_PDF},
    {"SwDocContentMgr", "a drawing of SolidWorks", AS_PDF},
    {"RSeStorageInfo", "a drawing of Inventor", AS_PDF},
    {"BasicFileInfo", "a model of Revit", AS_PDF},
};

static bool has(GsfInfile *ole, const char *name)
{
    GsfInput *child = ole_child(ole, name);

    if (child)
        g_object_unref(child);
    return child != NULL;
}

/* A header of 256 bytes: its name, then at 36 flags of which the second says that a password locks it. */
static bool refuse_hangul(emitter *e, GsfInfile *ole)
{
    bytes head;
    bool is;

    bytes_init(&head, HEADER_BYTES + 1);
    is = ole_read(ole_child(ole, "FileHeader"), &head, HEADER_BYTES) && head.len >= 40 &&
         !memcmp(head.data, "HWP Document File", 17);
    if (is && head.data[36] & 2)
        refuse_locked(e);
    else if (is)
        refuse(e, "a Hangul document (HWP)", "save it as PDF or DOCX in its program, and index that");
    bytes_clear(&head);
    return is;
}

/* The program that wrote it, as the root storage names it (a GUID, its first three parts little-endian). */
static bool refuse_class(emitter *e, GsfInfile *ole)
{
    static const struct {
        uint8_t id[16];
        const char *what, *cure;
    } by_class[] = {
        {{0xB2, 0x5A, 0xA4, 0x0E, 0x0A, 0x9E, 0xD1, 0x11, 0xA4, 0x07, 0x00, 0xC0, 0x4F, 0xB9, 0x32, 0xBA},
         "a document of Microsoft Works", AS_ODT},
        {{0xC3, 0xDB, 0xCD, 0x28, 0xE2, 0x0A, 0xCE, 0x11, 0xA2, 0x9A, 0x00, 0xAA, 0x00, 0x4A, 0x1A, 0x72},
         "a sheet of Microsoft Works", AS_ODS},
        {{0x01, 0x12, 0x02, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46}, "a publication of Publisher (.pub)", AS_PDF},
        {{0x3A, 0x8F, 0xB7, 0x74, 0xC8, 0xC8, 0xD1, 0x11, 0xBE, 0x11, 0x00, 0xC0, 0x4F, 0xB6, 0xFA, 0xF1},
         "a plan of Project (.mpp)", AS_PDF},
        {{0x84, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46}, "an installer of Windows (.msi)", UNPACK},
    };
    guint8 id[16] = {0};

    gsf_infile_msole_get_class_id(GSF_INFILE_MSOLE(ole), id);
    for (size_t i = 0; i < sizeof by_class / sizeof *by_class; i++)
        if (!memcmp(id, by_class[i].id, sizeof id)) {
            refuse(e, by_class[i].what, by_class[i].cure);
            return true;
        }
    return false;
}

bool refuse_compound(emitter *e, GsfInfile *ole)
{
    if (has(ole, "\tDRMContent")) {
        emit_fail(e, CAIRN_EINPUT, "encrypted: a rights manager locks it; who may, saves it without protection");
        return true;
    }
    if (refuse_hangul(e, ole) || refuse_class(e, ole))
        return true;
    for (size_t i = 0; i < sizeof by_child / sizeof *by_child; i++)
        if (has(ole, by_child[i].child)) {
            refuse(e, by_child[i].what, by_child[i].cure);
            return true;
        }
    return false;
}

/* ---- zips ---- */

static const char *extension(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot ? dot + 1 : "";
}

/* What the program of Apple that writes such a file calls it; NULL: none does. */
static const char *apple_document(const char *name)
{
    static const struct {
        const char *ext, *what;
    } kinds[] = {{"pages", "a document of Pages"}, {"numbers", "a sheet of Numbers"}, {"key", "a presentation of Keynote"}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcasecmp(extension(name), kinds[i].ext))
            return kinds[i].what;
    return NULL;
}

/* A document in XML whose list of parts says that they are encrypted (OpenDocument 1.3 part 2, 3.4; HWPX alike). */
static bool says_encrypted(package *p)
{
    bytes manifest;
    bool says;

    bytes_init(&manifest, PACKAGE_MAX_PART);
    says = package_read(p, "META-INF/manifest.xml", &manifest) && strstr(manifest.data, "encryption-data");
    bytes_clear(&manifest);
    return says;
}

bool refuse_package(emitter *e, const parse_input *in, package *p)
{
    const char *apple = apple_document(in->name), *name;
    bool packed = false, readable = false, locked = false;

    for (size_t i = 0; (name = package_name(p, i)); i++) {
        const char *last = strrchr(name, '/');
        last = last ? last + 1 : name;
        packed |= !strcmp(extension(last), "iwa") || (apple && !strcmp(last, "Index.zip"));
        locked |= !strcmp(last, ".iwpv2") || !strcmp(last, ".iwph") || (apple && package_is_locked(p, i));
        readable |= !strcmp(last, "index.xml") || !strcmp(last, "index.apxl") || !strcmp(last, "Preview.pdf");
    }
    if ((locked && (apple || packed)) || says_encrypted(p))
        refuse_locked(e);
    else if (packed && !readable && !e->status)
        refuse(e, apple ? apple : "a document of Pages, Numbers or Keynote", PDF_OR_WORD);
    return e->status != CAIRN_OK;
}

/* ---- what is locked, or of an unknown kind ---- */

cairn_status refuse_type(emitter *e, const char *mime)
{
    if (!strcmp(mime, "application/octet-stream"))
        return emit_fail(e, CAIRN_EUNSUPPORTED, "no parser for it: binary data of a kind that is not known");
    if (!strcmp(mime, "application/x-ole-storage") || !strcmp(mime, "application/vnd.ms-office"))
        return emit_fail(e, CAIRN_EUNSUPPORTED, "no parser for it: a compound file of a program that is not known; " AS_PDF);
    return emit_fail(e, CAIRN_EUNSUPPORTED, "no parser for %s", mime);
}

cairn_status refuse_locked(emitter *e)
{
    return emit_fail(e, CAIRN_EINPUT, "encrypted: it needs a password; save it without one in its program, and index that");
}

cairn_status refuse_locked_archive(emitter *e)
{
    return emit_fail(e, CAIRN_EINPUT, "encrypted: a password is needed; " UNPACK);
}

bool refuse_member(emitter *e, const char *why)
{
    if (strcasestr(why, "encrypt") || strcasestr(why, "passphrase") || strcasestr(why, "password"))
        refuse_locked_archive(e);
    else if (strcasestr(why, "unsupported") && strcasestr(why, "compression method"))
        emit_fail(e, CAIRN_EINPUT, "cannot be unpacked: it is locked, or packed in a way that is not known here; " UNPACK);
    else
        return false;
    return true;
}
