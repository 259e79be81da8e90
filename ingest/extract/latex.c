/* latex.c - LaTeX read for its words: sections, lists, tables, code; commands go, their arguments stay.
 *
 * One pass over the characters. TeX is a programming language and nothing of it is run: a macro of the
 * document's own stands as its arguments, or, where it has none, as the words it was defined to be. Mathematics
 * stays as it is written. */
#include <ctype.h>
#include <string.h>

#include "ingest/extract/dates.h"
#include "ingest/extract/outline.h"

#define NAME_MAX_BYTES 40
#define ARGUMENT_BYTES ((size_t)64 << 10) /* a longer one is none: its brace is not closed */
#define ARGUMENT_DEPTH 16

#define MACROS         64
#define MACRO_BYTES    400 /* of a body; longer ones are layout */

/* \newcommand{\name}{words}: a short name for words. One with arguments stands as these. */
typedef struct macro {
    const char *name, *body;
    size_t name_len, body_len;
} macro;

typedef struct latex {
    outline o;
    size_t at;
    macro macros[MACROS];
    size_t n_macros;
    bool in_macro; /* a macro inside a macro stays out, so that no text grows without bound */
    bool body;      /* behind \begin{document}, or the file has none */
    unsigned lists; /* depth of itemize and its kin */
    unsigned depth; /* of arguments inside arguments */
    bool table;
    bytes text; /* of the block in hand */
    bytes notes; /* its footnotes, which follow it, from the place of the first */
    size_t note_start;
    uint32_t note_line;
    size_t start;
    uint32_t first, line;
    ingest_block_kind kind;
} latex;

static const struct {
    const char *name;
    unsigned level;
} sections[] = {{"part", 1},          {"chapter", 1},   {"section", 2},  {"subsection", 3},
                {"subsubsection", 4}, {"paragraph", 5}, {"subparagraph", 6}};

/* Commands whose arguments are no words. */
static const char *const wordless[] = {
    "label",      "ref",      "eqref",   "pageref", "cref",     "cite",       "citep",    "citet",
    "autocite",   "parencite", "usepackage", "documentclass", "bibliography", "bibliographystyle",
    "includegraphics", "vspace", "hspace", "input", "include", "setlength", "addtolength",
    "pagestyle",  "thispagestyle", "newenvironment",
    "setcounter", "color",    "textcolor", "hypersetup", "geometry", "graphicspath", "index", "nocite",
    "addbibresource", "RequirePackage", "fontsize", "selectlanguage", "newtheorem",
};

static const struct {
    char accent;
    const char *mark; /* combining, put behind its letter; normal form C joins them */
} accents[] = {{'\'', "\xCC\x81"}, {'`', "\xCC\x80"}, {'^', "\xCC\x82"}, {'"', "\xCC\x88"},
               {'~', "\xCC\x83"},  {'c', "\xCC\xA7"}, {'v', "\xCC\x8C"}, {'=', "\xCC\x84"},
               {'.', "\xCC\x87"},  {'r', "\xCC\x8A"}, {'H', "\xCC\x8B"}, {'u', "\xCC\x86"}};

static const struct {
    const char *name, *text;
} letters[] = {{"ss", "\xC3\x9F"}, {"ae", "\xC3\xA6"}, {"oe", "\xC5\x93"}, {"o", "\xC3\xB8"},
               {"l", "\xC5\x82"},  {"aa", "\xC3\xA5"}, {"AE", "\xC3\x86"}, {"O", "\xC3\x98"},
               {"LaTeX", "LaTeX"}, {"TeX", "TeX"},     {"ldots", "..."},   {"dots", "..."},
               {"textbackslash", "\\"}, {"S", "\xC2\xA7"}, {"euro", "\xE2\x82\xAC"}, {"quad", " "}};

static void give(latex *x)
{
    emitter *e = x->o.e;
    size_t n = x->text.len;

    while (n && isspace((unsigned char)x->text.data[n - 1]))
        n--;
    if (n && e->source)
        emit_source_block(e, x->kind, x->kind == INGEST_TABLE, x->text.data, n,
                          x->o.base + x->start, x->o.base + x->at, x->first, x->line);
    else if (n)
        emit_block(e, x->kind, x->kind == INGEST_TABLE, x->text.data, n);
    bytes_reset(&x->text);
    if (x->notes.len && e->source)
        emit_source_block(e, INGEST_PARAGRAPH, 0, x->notes.data, x->notes.len,
                          x->o.base + x->note_start, x->o.base + x->at, x->note_line, x->line);
    else if (x->notes.len)
        emit_block(e, INGEST_PARAGRAPH, 0, x->notes.data, x->notes.len);
    bytes_reset(&x->notes);
    x->kind = x->table ? INGEST_TABLE : x->lists ? INGEST_LIST : INGEST_PARAGRAPH;
}

static void put(latex *x, const char *s, size_t n)
{
    if (!x->text.len) {
        x->start = x->at;
        x->first = x->line;
    }
    if (bytes_append(&x->text, s, n))
        emit_fail(x->o.e, CAIRN_ENOMEM, "a block");
}

static void put_space(latex *x, char c)
{
    if (x->text.len && !isspace((unsigned char)x->text.data[x->text.len - 1]))
        put(x, &c, 1);
}

/* A line, an item or a cell ends: no white space before what divides it from the next. */
static void put_break(latex *x, const char *s)
{
    while (x->text.len && isspace((unsigned char)x->text.data[x->text.len - 1]))
        x->text.data[--x->text.len] = 0;
    if (x->text.len)
        put(x, s, strlen(s));
}

/* The argument in braces at x->at (or NULL), stepped over, its lines counted. */
static const char *argument(latex *x, size_t *len, char open, char close)
{
    size_t at = x->at, depth = 0, from;
    size_t end = x->o.len - at > ARGUMENT_BYTES ? at + ARGUMENT_BYTES : x->o.len;
    uint32_t lines = 0;

    while (at < end && (x->o.s[at] == ' ' || x->o.s[at] == '*'))
        at++;
    if (at >= end || x->o.s[at] != open)
        return NULL;
    for (from = at + 1; at < end; at++) {
        if (x->o.s[at] == '\\' && at + 1 < end) {
            lines += x->o.s[++at] == '\n';
            continue;
        }
        lines += x->o.s[at] == '\n';
        depth += x->o.s[at] == open;
        if (x->o.s[at] == close && !--depth)
            break;
    }
    if (at >= end)
        return NULL;
    *len = at - from;
    x->at = at + 1;
    x->line += lines;
    return x->o.s + from;
}

static void skip_options(latex *x)
{
    size_t n;

    while (argument(x, &n, '[', ']'))
        ;
}

static void run_until(latex *x, size_t end);

/* The line on which an argument that was just stepped over begins. */
static uint32_t line_of(const latex *x, const char *arg, size_t len)
{
    uint32_t line = x->line;

    for (size_t i = 0; i < len; i++)
        line -= arg[i] == '\n';
    return line;
}

/* The words of an argument, as text of its own in *out. */
static void words_of(latex *x, const char *arg, size_t len, bytes *out)
{
    latex inner = *x;

    bytes_init(&inner.text, x->o.len + 16);
    bytes_init(&inner.notes, x->o.len + 16);
    inner.at = (size_t)(arg - x->o.s);
    inner.line = line_of(x, arg, len);
    inner.body = true;
    inner.lists = 0;
    inner.table = false;
    if (++inner.depth <= ARGUMENT_DEPTH)
        run_until(&inner, inner.at + len);
    if (inner.notes.len) { /* of a heading: behind what comes */
        if (!x->notes.len) {
            x->note_start = inner.note_start;
            x->note_line = inner.note_line;
        }
        bytes_append(&x->notes, "\n", x->notes.len ? 1 : 0);
        bytes_append(&x->notes, inner.notes.data, inner.notes.len);
    }
    bytes_clear(&inner.notes);
    *out = inner.text;
}

static void section(latex *x, unsigned level)
{
    const char *arg;
    size_t len, start = x->at;
    uint32_t line = x->line;
    bytes words;

    skip_options(x);
    arg = argument(x, &len, '{', '}');
    if (!arg)
        return;
    give(x);
    words_of(x, arg, len, &words);
    if (words.len && x->o.e->source)
        emit_source_block(x->o.e, INGEST_HEADING, level, words.data, words.len, x->o.base + start,
                          x->o.base + x->at, line, x->line);
    else if (words.len)
        emit_block(x->o.e, INGEST_HEADING, level, words.data, words.len);
    bytes_clear(&words);
}

static void metadata(latex *x, document_field field)
{
    const char *arg;
    size_t len;
    bytes words;

    skip_options(x);
    arg = argument(x, &len, '{', '}');
    if (!arg)
        return;
    words_of(x, arg, len, &words);
    if (words.len && field == FIELD_DATE) {
        int64_t ns;
        if (date_parse(words.data, words.len, &ns))
            emit_number(x->o.e, FIELD_DATE, ns);
    } else if (words.len) {
        emit_field(x->o.e, field, words.data, words.len);
    }
    bytes_clear(&words);
}

static void footnote(latex *x)
{
    const char *arg;
    size_t len;
    bytes words;
    bool first;

    skip_options(x);
    arg = argument(x, &len, '{', '}');
    if (!arg || !x->body)
        return;
    first = !x->notes.len;
    words_of(x, arg, len, &words);
    if (first) { /* also before a note in this one, whose words come first */
        x->note_start = (size_t)(arg - x->o.s);
        x->note_line = line_of(x, arg, len);
    }
    bytes_append(&x->notes, "\n", x->notes.len && words.len ? 1 : 0);
    bytes_append(&x->notes, words.data ? words.data : "", words.len);
    bytes_clear(&words);
}

/* Verbatim text up to \end{name}. */
static void code(latex *x, const char *name, size_t n, bool keep)
{
    char end[NAME_MAX_BYTES + 8];
    const char *stop;
    size_t end_len = 0;

    memcpy(end, "\\end{", 5);
    memcpy(end + 5, name, n);
    end_len = n + 5;
    end[end_len++] = '}';
    give(x);
    stop = memmem(x->o.s + x->at, x->o.len - x->at, end, end_len);
    x->kind = INGEST_CODE;
    put(x, x->o.s + x->at, stop ? (size_t)(stop - x->o.s) - x->at : x->o.len - x->at);
    for (size_t i = 0; i < x->text.len; i++)
        x->line += x->text.data[i] == '\n';
    x->at = stop ? (size_t)(stop - x->o.s) + end_len : x->o.len;
    if (!keep)
        bytes_reset(&x->text);
    give(x);
}

static bool is(const char *name, size_t n, const char *word)
{
    return strlen(word) == n && !memcmp(name, word, n);
}

static void environment(latex *x, bool begin)
{
    size_t n;
    const char *name = argument(x, &n, '{', '}');

    if (!name || n > NAME_MAX_BYTES)
        return;
    if (is(name, n, "document")) {
        x->body = begin;
    } else if (is(name, n, "itemize") || is(name, n, "enumerate") || is(name, n, "description")) {
        give(x);
        x->lists = begin ? x->lists + 1 : x->lists ? x->lists - 1 : 0;
        give(x);
    } else if (is(name, n, "tabular") || is(name, n, "longtable") || is(name, n, "tabularx")) {
        give(x);
        x->table = begin;
        give(x);
        skip_options(x);
        while (begin && argument(x, &n, '{', '}')) /* columns, widths */
            ;
    } else if (begin && (is(name, n, "verbatim") || is(name, n, "lstlisting") ||
                         is(name, n, "minted") || is(name, n, "Verbatim"))) {
        skip_options(x);
        code(x, name, n, true);
    } else if (begin && is(name, n, "comment")) {
        code(x, name, n, false);
    } else {
        if (x->lists || x->table)
            put_space(x, ' ');
        else
            give(x); /* an equation, a figure, a theorem */
        if (begin)
            skip_options(x);
    }
}

/* \newcommand{\name}[n]{body}, \newcommand\name{body}, \def\name{body}. */
static void define(latex *x, bool def)
{
    const char *name, *body;
    size_t n = 0, body_len, options_len;
    bool arguments = false;

    while (x->at < x->o.len && (x->o.s[x->at] == ' ' || x->o.s[x->at] == '*'))
        x->at++;
    name = x->at < x->o.len && x->o.s[x->at] == '\\' ? NULL : argument(x, &n, '{', '}');
    if (!name) {
        if (x->at >= x->o.len || x->o.s[x->at] != '\\')
            return;
        name = x->o.s + x->at;
        for (n = 1; x->at + n < x->o.len && isalpha((unsigned char)name[n]);)
            n++;
        x->at += n;
    }
    for (; def && x->at < x->o.len && x->o.s[x->at] != '{' && x->o.s[x->at] != '\n'; x->at++)
        arguments = true; /* "#1#2" */
    while (argument(x, &options_len, '[', ']'))
        arguments = true;
    body = argument(x, &body_len, '{', '}');
    if (!body || arguments || n < 2 || n > NAME_MAX_BYTES || *name != '\\' || body_len > MACRO_BYTES ||
        x->n_macros == MACROS)
        return;
    x->macros[x->n_macros++] = (macro){name + 1, body, n - 1, body_len};
}

/* False: it is no macro of the document's own. */
static bool expand(latex *x, const char *name, size_t n)
{
    for (size_t i = x->n_macros; i-- > 0 && !x->in_macro;)
        if (x->macros[i].name_len == n && !memcmp(x->macros[i].name, name, n)) {
            bytes words;
            x->in_macro = true;
            words_of(x, x->macros[i].body, x->macros[i].body_len, &words);
            x->in_macro = false;
            if (words.len && x->body)
                put(x, words.data, words.len);
            bytes_clear(&words);
            return true;
        }
    return false;
}

/* A letter with an accent; false: the command is none. */
static bool accent(latex *x, const char *name, size_t n)
{
    for (size_t i = 0; n == 1 && i < sizeof accents / sizeof *accents; i++)
        if (accents[i].accent == name[0]) {
            const char *arg;
            size_t len;
            while (isalpha((unsigned char)name[0]) && x->at < x->o.len && x->o.s[x->at] == ' ')
                x->at++;
            arg = argument(x, &len, '{', '}');
            if (!arg && x->at < x->o.len && isalpha((unsigned char)x->o.s[x->at])) {
                arg = x->o.s + x->at++;
                len = 1;
            }
            if (!arg || !len)
                return true;
            if (len > 1 && arg[0] == '\\') /* \'{\i} */
                arg++, len--;
            put(x, arg, 1);
            put(x, accents[i].mark, 2);
            if (len > 1)
                put(x, arg + 1, len - 1);
            return true;
        }
    return false;
}

static void command(latex *x)
{
    const char *name = x->o.s + ++x->at;
    size_t n = 0, left = x->o.len - x->at, len;

    if (!left)
        return;
    while (n < left && n < NAME_MAX_BYTES && isalpha((unsigned char)name[n]))
        n++;
    x->at += n ? n : 1;
    if (!n && (name[0] == '\\' || name[0] == '\n')) {
        skip_options(x);
        x->line += name[0] == '\n';
        put_break(x, "\n");
        return;
    }
    if (accent(x, name, n ? n : 1))
        return;
    if (!n) {
        if (strchr("%&_#${}", name[0]))
            put(x, name, 1);
        else if (strchr(" ,;:", name[0]))
            put_space(x, ' ');
        return;
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (is(name, n, sections[i].name)) {
            section(x, sections[i].level);
            return;
        }
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (is(name, n, letters[i].name)) {
            put(x, letters[i].text, strlen(letters[i].text));
            if (x->at < x->o.len && x->o.s[x->at] == ' ')
                x->at++;
            return;
        }
    for (size_t i = 0; i < sizeof wordless / sizeof *wordless; i++)
        if (is(name, n, wordless[i])) {
            skip_options(x);
            while (argument(x, &len, '{', '}'))
                skip_options(x);
            return;
        }
    if (is(name, n, "newcommand") || is(name, n, "renewcommand") || is(name, n, "providecommand") || is(name, n, "def")) {
        define(x, name[0] == 'd');
    } else if (is(name, n, "begin") || is(name, n, "end")) {
        environment(x, name[0] == 'b');
    } else if (is(name, n, "item")) {
        put_break(x, "\n");
        put(x, "- ", 2);
    } else if (is(name, n, "title")) {
        metadata(x, FIELD_TITLE);
    } else if (is(name, n, "author")) {
        metadata(x, FIELD_AUTHOR);
    } else if (is(name, n, "date")) {
        metadata(x, FIELD_DATE);
    } else if (is(name, n, "and")) {
        put_break(x, ", ");
    } else if (is(name, n, "footnote") || is(name, n, "thanks")) {
        footnote(x);
    } else if (is(name, n, "caption") && !x->lists && !x->table) {
        give(x);
        skip_options(x);
    } else if (is(name, n, "href")) {
        argument(x, &len, '{', '}');
    } else if (is(name, n, "par")) {
        give(x);
    } else if (!expand(x, name, n)) {
        skip_options(x);
    }
}

static void run_until(latex *x, size_t end)
{
    while (x->at < end && !x->o.e->status) {
        char c = x->o.s[x->at];

        if (c == '\\') {
            command(x);
            continue;
        }
        if (c == '%') {
            while (x->at < end && x->o.s[x->at] != '\n')
                x->at++;
            x->line += x->at < end;
            x->at += x->at < end;
            continue;
        }
        if (c == '\n') {
            size_t next = x->at + 1;
            while (next < end && (x->o.s[next] == ' ' || x->o.s[next] == '\t' || x->o.s[next] == '\r'))
                next++;
            if (next < end && x->o.s[next] == '\n' && !x->table && !x->lists)
                give(x);
            else
                put_space(x, x->lists || x->table ? ' ' : '\n');
            x->line++;
        } else if (!x->body) {
            ; /* the preamble says nothing */
        } else if (c == '&' && x->table) {
            put_break(x, " | ");
        } else if (c == '~' || c == ' ' || c == '\t' || c == '\r') {
            put_space(x, ' ');
        } else if (c != '{' && c != '}') {
            put(x, &c, 1);
        }
        x->at++;
    }
}

cairn_status parse_latex(emitter *e, const parse_input *in)
{
    latex x = {.line = 1, .kind = INGEST_PARAGRAPH};

    bytes_init(&x.text, SIZE_MAX / 4);
    bytes_init(&x.notes, SIZE_MAX / 4);
    if (!outline_open(&x.o, e, in)) {
        x.body = !memmem(x.o.s, x.o.len, "\\begin{document}", 16);
        run_until(&x, x.o.len);
        give(&x);
    }
    outline_close(&x.o);
    bytes_clear(&x.text);
    bytes_clear(&x.notes);
    return e->status;
}
