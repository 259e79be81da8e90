/* detect.c - which parser a file gets.
 *
 * In this order: signatures that are beyond doubt; binary or text by its bytes; for text, the
 * extension where it is telling (libmagic cannot know Markdown, and guesses code badly), else
 * libmagic. Names never make a parser of text out of binary bytes. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <magic.h>

#include "ingest/extract/encoding.h"
#include "ingest/extract/ocr.h"
#include "ingest/extract/ole.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/refuse.h"

/* Containers (OOXML, ODF) show their kind late; texts show it in their first lines, and libmagic's
 * patterns for texts are slow on more. */
#define MAGIC_BYTES      ((size_t)64 << 10)
#define MAGIC_TEXT_BYTES ((size_t)4 << 10)

static magic_t magic;

bool detect_warm_up(void)
{
    if (!magic) {
        magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_ERROR);
        if (magic && magic_load(magic, NULL)) {
            magic_close(magic);
            magic = NULL;
        }
    }
    return magic != NULL;
}

static const struct {
    const char *ext, *mime;
    parse_fn *parse;
} by_extension[] = {
    {"txt", "text/plain", parse_text},
    {"text", "text/plain", parse_text},
    {"log", "text/plain", parse_text},
    {"rst", "text/x-rst", parse_rst},
    {"adoc", "text/asciidoc", parse_text},
    {"org", "text/org", parse_org},
    {"tex", "text/x-tex", parse_latex},
    {"ltx", "text/x-tex", parse_latex},
    {"bib", "text/x-bibtex", parse_text},
    {"srt", "application/x-subrip", parse_subtitles},
    {"vtt", "text/vtt", parse_subtitles},
    {"ass", "text/x-ssa", parse_subtitles},
    {"ssa", "text/x-ssa", parse_subtitles},
    {"ics", "text/calendar", parse_calendar},
    {"ifb", "text/calendar", parse_calendar},
    {"vim", "text/x-vim", parse_source},
    {"ada", "text/x-ada", parse_source},
    {"adb", "text/x-ada", parse_source},
    {"ads", "text/x-ada", parse_source},
    {"v", "text/x-verilog", parse_source},
    {"sv", "text/x-verilog", parse_source},
    {"vhd", "text/x-vhdl", parse_source},
    {"vcf", "text/vcard", parse_cards},
    {"vcard", "text/vcard", parse_cards},
    {"ipynb", "application/x-ipynb+json", parse_notebook},
    {"po", "text/x-gettext-translation", parse_text},
    {"md", "text/markdown", parse_markdown},
    {"markdown", "text/markdown", parse_markdown},
    {"mdown", "text/markdown", parse_markdown},
    {"mkd", "text/markdown", parse_markdown},
    {"html", "text/html", parse_html},
    {"htm", "text/html", parse_html},
    {"xhtml", "application/xhtml+xml", parse_html},
    {"csv", "text/csv", parse_csv},
    {"tsv", "text/tab-separated-values", parse_csv},
    {"tab", "text/tab-separated-values", parse_csv},
    {"fb2", "application/x-fictionbook+xml", parse_fb2},
    {"eml", "message/rfc822", parse_mail},
    {"mht", "message/rfc822", parse_mail},
    {"mhtml", "message/rfc822", parse_mail},
    {"mbox", "application/mbox", parse_mbox},
    {"c", "text/x-c", parse_source},
    {"h", "text/x-c", parse_source},
    {"cc", "text/x-c++", parse_source},
    {"cpp", "text/x-c++", parse_source},
    {"cxx", "text/x-c++", parse_source},
    {"hh", "text/x-c++", parse_source},
    {"hpp", "text/x-c++", parse_source},
    {"hxx", "text/x-c++", parse_source},
    {"cu", "text/x-cuda", parse_source},
    {"cs", "text/x-csharp", parse_source},
    {"py", "text/x-python", parse_source},
    {"pyi", "text/x-python", parse_source},
    {"rb", "text/x-ruby", parse_source},
    {"pl", "text/x-perl", parse_source},
    {"pm", "text/x-perl", parse_source},
    {"php", "text/x-php", parse_source},
    {"js", "text/javascript", parse_source},
    {"mjs", "text/javascript", parse_source},
    {"jsx", "text/javascript", parse_source},
    {"ts", "text/x-typescript", parse_source},
    {"tsx", "text/x-typescript", parse_source},
    {"java", "text/x-java", parse_source},
    {"kt", "text/x-kotlin", parse_source},
    {"scala", "text/x-scala", parse_source},
    {"sc", "text/x-scala", parse_source},
    {"hx", "text/x-haxe", parse_source},
    {"go", "text/x-go", parse_source},
    {"rs", "text/x-rust", parse_source},
    {"swift", "text/x-swift", parse_source},
    {"m", "text/x-objc", parse_source},
    {"mm", "text/x-objc", parse_source},
    {"zig", "text/x-zig", parse_source},
    {"d", "text/x-d", parse_source},
    {"dart", "text/x-dart", parse_source},
    {"hs", "text/x-haskell", parse_source},
    {"ml", "text/x-ocaml", parse_source},
    {"mli", "text/x-ocaml", parse_source},
    {"erl", "text/x-erlang", parse_source},
    {"ex", "text/x-elixir", parse_source},
    {"exs", "text/x-elixir", parse_source},
    {"clj", "text/x-clojure", parse_source},
    {"el", "text/x-lisp", parse_source},
    {"lisp", "text/x-lisp", parse_source},
    {"scm", "text/x-scheme", parse_source},
    {"lua", "text/x-lua", parse_source},
    {"r", "text/x-r", parse_source},
    {"jl", "text/x-julia", parse_source},
    {"f", "text/x-fortran", parse_source},
    {"f90", "text/x-fortran", parse_source},
    {"pas", "text/x-pascal", parse_source},
    {"s", "text/x-asm", parse_source},
    {"asm", "text/x-asm", parse_source},
    {"sh", "text/x-shellscript", parse_source},
    {"bash", "text/x-shellscript", parse_source},
    {"zsh", "text/x-shellscript", parse_source},
    {"fish", "text/x-shellscript", parse_code},
    {"awk", "text/x-awk", parse_source},
    {"tcl", "text/x-tcl", parse_source},
    {"ps1", "text/x-powershell", parse_source},
    {"bat", "text/x-msdos-batch", parse_source},
    {"sql", "text/x-sql", parse_source},
    {"proto", "text/x-protobuf", parse_source},
    {"cmake", "text/x-cmake", parse_source},
    {"mk", "text/x-makefile", parse_code},
    {"css", "text/css", parse_code},
    {"scss", "text/x-scss", parse_code},
    {"json", "application/json", parse_json},
    {"jsonl", "application/jsonl", parse_json},
    {"ndjson", "application/jsonl", parse_json},
    {"geojson", "application/geo+json", parse_json},
    {"yaml", "application/yaml", parse_code},
    {"yml", "application/yaml", parse_code},
    {"toml", "application/toml", parse_code},
    {"ini", "text/x-ini", parse_code},
    {"cfg", "text/x-ini", parse_code},
    {"conf", "text/x-ini", parse_code},
    {"properties", "text/x-ini", parse_code},
    {"xml", "application/xml", parse_xml},
    {"xsd", "application/xml", parse_xml},
    {"xsl", "application/xslt+xml", parse_xml},
    {"svg", "image/svg+xml", parse_xml},
    {"rss", "application/rss+xml", parse_xml},
    {"atom", "application/atom+xml", parse_xml},
    {"diff", "text/x-diff", parse_code},
    {"patch", "text/x-diff", parse_code},
};

static const struct {
    const char *name, *mime;
} code_names[] = {
    {"Makefile", "text/x-makefile"},     {"GNUmakefile", "text/x-makefile"},
    {"makefile", "text/x-makefile"},     {"CMakeLists.txt", "text/x-cmake"},
    {"Dockerfile", "text/x-dockerfile"}, {"Jenkinsfile", "text/x-groovy"},
    {"Rakefile", "text/x-ruby"},         {"Gemfile", "text/x-ruby"},
};

/* Files that people write for people, named so whatever follows the first dot. libmagic takes a
 * millisecond to say "text" about each. */
static const char *const prose_names[] = {
    "readme",  "changelog", "changes",      "news",    "copyright", "copying", "license",
    "licence", "authors",   "contributors", "credits", "thanks",    "todo",    "install",
    "faq",     "history",   "maintainers",  "notice",  "bugs",      "hacking",
};

static bool is_prose_name(const char *name, const char *data, size_t len)
{
    size_t n = strcspn(name, ".");

    for (size_t i = 0; i < sizeof prose_names / sizeof *prose_names; i++)
        if (strlen(prose_names[i]) == n && !strncasecmp(prose_names[i], name, n))
            return len && data[0] != '<' && data[0] != '#' && data[0] != '.';
    return false;
}

/* libmagic's answers about text that have a parser. A trailing '*' matches any end. */
static const struct {
    const char *mime;
    parse_fn *parse;
} by_magic[] = {
    {"text/html", parse_html},        {"application/xhtml+xml", parse_html},
    {"message/rfc822", parse_mail},   {"message/news", parse_mail},
    {"application/mbox", parse_mbox}, {"text/troff", parse_man},
    {"text/csv", parse_csv},          {"text/x-tex", parse_latex},
    {"text/calendar", parse_calendar}, {"text/vcard", parse_cards},
    {"text/x-*", parse_code},         {"application/javascript", parse_code},
    {"application/json", parse_json}, {"application/x-ndjson", parse_json},
    {"text/xml", parse_xml},          {"application/xml", parse_xml},
    {"image/svg+xml", parse_xml},     {"text/*", parse_text},
};

/* Text by its bytes, but nothing a person would read as it stands. */
static const char *const unsupported_text[] = {
    "application/postscript",
    "application/pgp*",
    "image/*",
};

static bool mime_is(const char *pattern, const char *mime)
{
    size_t n = strlen(pattern);

    return pattern[n - 1] == '*' ? !strncmp(pattern, mime, n - 1) : !strcmp(pattern, mime);
}

static const char *ask_magic(const char *data, size_t len, size_t most)
{
    const char *mime = magic ? magic_buffer(magic, data, len < most ? len : most) : NULL;

    return mime ? mime : "application/octet-stream";
}

/* "NAME.1", "NAME.3pm": a manual page, when its first line looks like one. */
static bool is_man_page(const char *data, size_t len, const char *ext)
{
    if (!isdigit((unsigned char)ext[0]) || strlen(ext) > 6 || len < 3)
        return false;
    return (data[0] == '.' || data[0] == '\'') &&
           (data[1] == '\\' || isalpha((unsigned char)data[1]) || data[1] == '"');
}

static const struct {
    size_t at, len;
    const char *bytes, *mime;
} archives[] = {
    {257, 5, "ustar", "application/x-tar"},
    {0, 6, "7z\xBC\xAF\x27\x1C", "application/x-7z-compressed"},
    {0, 6, "Rar!\x1A\x07", "application/vnd.rar"},
    {0, 4, "PK\x05\x06", "application/zip"}, /* an empty one */
    {0, 6, "\xFD" "7zXZ\0", "application/x-xz"},
    {0, 4, "\x28\xB5\x2F\xFD", "application/zstd"},
    {0, 10, "BZh91AY&SY", "application/x-bzip2"},
};

static bool starts_pdf(const char *data, size_t len)
{
    return memmem(data, len < 1024 ? len : 1024, "%PDF-", 5) != NULL;
}

detected detect(const char *data, size_t len, const char *name)
{
    const char *dot = strrchr(name, '.'), *ext = dot ? dot + 1 : "", *mime;

    if (!len)
        return (detected){"inode/x-empty", parse_text};
    if (starts_pdf(data, len))
        return (detected){"application/pdf", parse_pdf};
    if (len > 2 && !memcmp(data, "\x1F\x8B\x08", 3))
        return (detected){"application/gzip", parse_gzip};
    if (len > 4 && !memcmp(data, "PK\x03\x04", 4))
        return (detected){"application/zip", parse_package};
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++)
        if (len >= archives[i].at + archives[i].len &&
            !memcmp(data + archives[i].at, archives[i].bytes, archives[i].len))
            return (detected){archives[i].mime, parse_archive};
    if (len > 5 && !memcmp(data, "{\\rtf", 5))
        return (detected){"application/rtf", parse_rtf};
    if (len > 4 && !memcmp(data, "ITSF", 4))
        return (detected){"application/vnd.ms-htmlhelp", parse_chm};
    if (tnef_is(data, len))
        return (detected){"application/ms-tnef", parse_tnef};
    if (ole_is(data, len))
        return (detected){ask_magic(data, len, MAGIC_BYTES), parse_ole};
    if (encoding_looks_binary(data, len)) {
        mime = ask_magic(data, len, MAGIC_BYTES);
        if (!strcmp(mime, "application/x-tar")) /* of before POSIX, known by its checksum alone */
            return (detected){"application/x-tar", parse_archive};
        return (detected){mime, strcmp(mime, "application/msword") ? NULL : parse_old_word};
    }
    for (size_t i = 0; i < sizeof code_names / sizeof *code_names; i++)
        if (!strcmp(name, code_names[i].name))
            return (detected){code_names[i].mime, parse_code};
    if (is_man_page(data, len, ext))
        return (detected){"text/troff", parse_man};
    for (size_t i = 0; i < sizeof by_extension / sizeof *by_extension; i++)
        if (!strcasecmp(ext, by_extension[i].ext))
            return (detected){by_extension[i].mime, by_extension[i].parse};
    if (is_prose_name(name, data, len))
        return (detected){"text/plain", parse_text};
    mime = ask_magic(data, len, MAGIC_TEXT_BYTES);
    for (size_t i = 0; i < sizeof unsupported_text / sizeof *unsupported_text; i++)
        if (mime_is(unsupported_text[i], mime) && strcmp(mime, "image/svg+xml") != 0)
            return (detected){mime, NULL};
    for (size_t i = 0; i < sizeof by_magic / sizeof *by_magic; i++)
        if (mime_is(by_magic[i].mime, mime))
            return (detected){mime, by_magic[i].parse};
    return (detected){"text/plain", parse_text}; /* text by its bytes */
}

/* What TagLib knows. */
static bool is_sound(const char *mime)
{
    return !strncmp(mime, "audio/", 6) || !strcmp(mime, "application/ogg") ||
           !strcmp(mime, "video/mp4") || !strcmp(mime, "video/x-ms-asf");
}

/* These find out what they hold, and say it. */
static bool says_itself(parse_fn *parse)
{
    return parse == parse_gzip || parse == parse_package || parse == parse_archive ||
           parse == parse_ole;
}

cairn_status parse_any(emitter *e, const parse_input *in)
{
    detected d;

    if (in->depth > PARSE_MAX_DEPTH)
        return emit_fail(e, CAIRN_ELIMIT, "containers nested more than %d deep", PARSE_MAX_DEPTH);
    if (refuse_text(e, in))
        return e->status;
    d = detect(in->data, in->len, in->name);
    if (!d.parse && refuse_bytes(e, in))
        return e->status;
    if (!d.parse && !strncmp(d.mime, "image/", 6) && strcmp(d.mime, "image/x-xcf"))
        d.parse = parse_picture;
    if (!d.parse && is_sound(d.mime))
        d.parse = parse_audio;
    if (!d.parse)
        return refuse_type(e, d.mime);
    if (!says_itself(d.parse))
        emit_field(e, FIELD_MIME, d.mime, strlen(d.mime));
    if (!in->len) {
        emit_field(e, FIELD_NOTE, "empty file", 10);
        return e->status;
    }
    return d.parse(e, in);
}
