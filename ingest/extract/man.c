/* man.c - manual pages: the man(7) macros, the common mdoc(7) ones, and roff's escapes, as text.
 *
 * Not a formatter: fonts and spacing are dropped, macros that print are reduced to their words. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/parsers.h"

typedef struct man {
    emitter *e;
    bytes text;        /* the paragraph in hand */
    bool verbatim;     /* between .nf and .fi */
    bool skipping;     /* in a macro definition */
    bool heading_next; /* .SH with its words on the next line */
    unsigned heading_level;
    bool tag_next; /* .TP: the next line is a tag, to stand before its text */
    char name[64]; /* mdoc(7): what .Nm without words stands for */
} man;

static void flush(man *m)
{
    if (m->text.len)
        emit_block(m->e, m->verbatim ? INGEST_CODE : INGEST_PARAGRAPH, 0, m->text.data,
                   m->text.len);
    bytes_reset(&m->text);
}

static void put(bytes *out, const char *s, size_t n)
{
    bytes_append(out, s, n); /* the source bounds the text, so memory is the only failure */
}

static void special_character(bytes *out, const char *name, size_t n)
{
    static const char *const table[][2] = {
        {"bu", "•"}, {"em", "—"},  {"en", "–"}, {"hy", "-"}, {"aq", "'"}, {"dq", "\""}, {"lq", "“"},
        {"rq", "”"}, {"oq", "‘"},  {"cq", "’"}, {"co", "©"}, {"rg", "®"}, {"ti", "~"},  {"ha", "^"},
        {"ga", "`"}, {"rs", "\\"}, {"->", "→"}, {"<-", "←"}, {"mu", "×"}, {"de", "°"},  {"+-", "±"},
        {"<=", "≤"}, {">=", "≥"},  {"ss", "ß"}, {"R", "®"},  {"Tm", "™"}, {"at", "@"},  {"sh", "#"},
        {"Do", "$"}, {"sc", "§"},  {"ul", "_"}, {"ba", "|"}, {"br", "|"}, {"sl", "/"},  {"Eu", "€"},
        {"la", "⟨"}, {"ra", "⟩"},  {"fo", "‹"}, {"fc", "›"}, {"Fo", "«"}, {"Fc", "»"},
    };
    static const char accents[] = "'`^:~,";
    static const char *const combining[] = {"\u0301", "\u0300", "\u0302",
                                            "\u0308", "\u0303", "\u0327"};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strlen(table[i][0]) == n && !memcmp(table[i][0], name, n)) {
            put(out, table[i][1], strlen(table[i][1]));
            return;
        }
    if (n >= 5 && name[0] == 'u') { /* uXXXX */
        char hex[9] = {0}, utf8[4];
        memcpy(hex, name + 1, n - 1 < 8 ? n - 1 : 8);
        put(out, utf8, utf8_encode((uint32_t)strtoul(hex, NULL, 16), utf8));
    } else if (n == 2 && strchr(accents, name[0]) && isalpha((unsigned char)name[1])) {
        const char *c = combining[strchr(accents, name[0]) - accents];
        put(out, name + 1, 1);
        put(out, c, strlen(c)); /* normal form C joins them */
    }
}

/* The name after an escape letter: X, (XX or [XXX]. Moves *i behind it. */
static const char *escape_name(const char *s, size_t len, size_t *i, size_t *n)
{
    const char *name = s + *i;

    if (*i < len && s[*i] == '(') {
        name++;
        *n = len - *i - 1 < 2 ? len - *i - 1 : 2;
        *i += 1 + *n;
    } else if (*i < len && s[*i] == '[') {
        const char *end = memchr(name, ']', len - *i);
        name++;
        *n = end ? (size_t)(end - name) : len - *i - 1;
        *i += *n + (end ? 2 : 1);
    } else {
        *n = *i < len;
        *i += *n;
    }
    return name;
}

/* s[0, len) without roff's escapes. */
static void put_line(bytes *out, const char *s, size_t len)
{
    size_t i = 0, n;
    const char *name;

    while (i < len) {
        const char *slash = memchr(s + i, '\\', len - i);
        size_t plain = slash ? (size_t)(slash - s) - i : len - i;
        char c;

        put(out, s + i, plain);
        i += plain;
        if (!slash || ++i >= len)
            return;
        c = s[i++];
        switch (c) {
        case '"':
        case '#':
            return; /* comment */
        case 'e':
        case '\\':
            put(out, "\\", 1);
            break;
        case '-':
            put(out, "-", 1);
            break;
        case ' ':
        case '~':
        case '0':
            put(out, " ", 1);
            break;
        case '\'':
            put(out, "'", 1);
            break;
        case '`':
            put(out, "`", 1);
            break;
        case '.':
            put(out, ".", 1);
            break;
        case '(':
        case '[':
            i--;
            name = escape_name(s, len, &i, &n);
            special_character(out, name, n);
            break;
        case 'f':
        case 'F':
        case 'm':
        case 'M':
        case 'n':
        case 'k':
        case 'g':
            escape_name(s, len, &i, &n);
            break;
        case '*':
            name = escape_name(s, len, &i, &n);
            special_character(out, name, n);
            break;
        case 's': /* \s+1 \s-2 \s10 \s(12 */
            if (i < len && (s[i] == '+' || s[i] == '-'))
                i++;
            if (i < len && (s[i] == '(' || s[i] == '['))
                escape_name(s, len, &i, &n);
            else if (i < len && isdigit((unsigned char)s[i]))
                i++;
            break;
        case 'h':
        case 'v':
        case 'w':
        case 'o':
        case 'z':
        case 'X':
        case 'l':
        case 'L':
        case 'b':
        case 'D':
        case 'N':
        case 'x':
        case 'Z':
        case 'A':
        case 'B':
        case 'C':
            if (i < len) { /* a quoted argument */
                const char *end = memchr(s + i + 1, s[i], len - i - 1);
                if (end)
                    i = (size_t)(end - s) + 1;
            }
            break;
        default:
            break; /* \& \% \c \/ \, \| \^ \d \u: nothing to see */
        }
    }
}

/* Next macro argument: a word or "quoted words". False at the end. */
static bool next_argument(const char *s, size_t len, size_t *i, const char **arg, size_t *n)
{
    while (*i < len && (s[*i] == ' ' || s[*i] == '\t'))
        ++*i;
    if (*i >= len)
        return false;
    if (s[*i] == '"') {
        const char *end = memchr(s + *i + 1, '"', len - *i - 1);
        *arg = s + *i + 1;
        *n = end ? (size_t)(end - *arg) : len - *i - 1;
        *i += *n + 2;
    } else {
        *arg = s + *i;
        while (*i < len && s[*i] != ' ' && s[*i] != '\t')
            *i += s[*i] == '\\' && *i + 1 < len ? 2 : 1;
        if (*i > len)
            *i = len;
        *n = (size_t)(s + *i - *arg);
    }
    return true;
}

static void put_arguments(bytes *out, const char *s, size_t len, const char *between)
{
    const char *arg;
    size_t i = 0, n, count = 0;

    while (next_argument(s, len, &i, &arg, &n)) {
        if (count++)
            put(out, between, strlen(between));
        put_line(out, arg, n);
    }
}

static bool one_of(const char *name, const char *list)
{
    size_t n = strlen(name);

    for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ')
        if (strcspn(p, " ") == n && !memcmp(p, name, n))
            return true;
    return false;
}

/* ---- mdoc(7): macros are called from within the arguments of others ---- */

#define MDOC_OPEN 16

static const char *const mdoc_enclosures[][3] = {
    {"Op", "[", "]"}, {"Oo", "[", NULL}, {"Dq", "“", "”"}, {"Do", "“", NULL}, {"Sq", "'", "'"}, {"So", "'", NULL},
    {"Qq", "\"", "\""}, {"Qo", "\"", NULL}, {"Pq", "(", ")"}, {"Po", "(", NULL}, {"Bq", "[", "]"}, {"Bo", "[", NULL},
    {"Aq", "<", ">"}, {"Ao", "<", NULL}, {"Brq", "{", "}"}, {"Ql", "'", "'"}, {"Oc", NULL, "]"}, {"Dc", NULL, "”"},
    {"Sc", NULL, "'"}, {"Qc", NULL, "\""}, {"Pc", NULL, ")"}, {"Bc", NULL, "]"}, {"Ac", NULL, ">"},
};
static const char mdoc_called[] =
    "Nm Nd Ar Xr Pa Ev Dv Va Vt Fn Ft Fa Cm Ic Li Em Sy No Ns Pf Lk Mt An At Bx Ox Nx Fx St Tn Er In Fd Cd Xo Xc Sx "
    "Fl Tg Ad Ms Ta";

typedef struct mdoc {
    bytes *out;
    bool glued; /* no blank before the next word */
    const char *close[MDOC_OPEN];
    size_t n_open;
} mdoc;

static void mdoc_put(mdoc *d, const char *s, size_t len, bool blank)
{
    if (blank && !d->glued && d->out->len && !strchr(" \n", d->out->data[d->out->len - 1]))
        put(d->out, " ", 1);
    put_line(d->out, s, len);
    d->glued = false;
}

static bool mdoc_is_end(const char *s, size_t n)
{
    return n == 1 && strchr(".,;:!?)]", *s);
}

/* Opens or closes quotes and brackets; false: the macro is no such one. */
static bool mdoc_enclose(mdoc *d, const char *name)
{
    for (size_t i = 0; i < sizeof mdoc_enclosures / sizeof *mdoc_enclosures; i++) {
        const char *const *e = mdoc_enclosures[i];
        if (strcmp(e[0], name) != 0)
            continue;
        if (e[1])
            mdoc_put(d, e[1], strlen(e[1]), true);
        else
            mdoc_put(d, e[2], strlen(e[2]), false);
        d->glued = e[1] != NULL;
        if (e[1] && e[2] && d->n_open < MDOC_OPEN)
            d->close[d->n_open++] = e[2];
        return true;
    }
    return false;
}

static bool mdoc_is_enclosure(const char *name)
{
    for (size_t i = 0; i < sizeof mdoc_enclosures / sizeof *mdoc_enclosures; i++)
        if (!strcmp(mdoc_enclosures[i][0], name))
            return true;
    return false;
}

static void mdoc_close(mdoc *d)
{
    while (d->n_open) {
        const char *c = d->close[--d->n_open];
        mdoc_put(d, c, strlen(c), false);
    }
}

/* The macro's name in `name`; args[0, len) from `i` on tells whether words follow. */
static void mdoc_macro(man *m, mdoc *d, const char *name, const char *args, size_t len, size_t i)
{
    const char *next;
    size_t n = 0;
    bool words = next_argument(args, len, &i, &next, &n) && !mdoc_is_end(next, n);

    if (mdoc_enclose(d, name))
        return;
    if (!strcmp(name, "Fl")) {
        mdoc_put(d, "-", 1, true);
        d->glued = words;
    } else if (!strcmp(name, "Nd")) {
        mdoc_put(d, "\xE2\x80\x93", 3, true);
    } else if (!strcmp(name, "Ns")) {
        d->glued = true;
    } else if (!strcmp(name, "Nm") && !words) {
        mdoc_put(d, m->name, strlen(m->name), true);
    } else if (!strcmp(name, "Nm") && !*m->name) {
        snprintf(m->name, sizeof m->name, "%.*s", (int)(n < sizeof m->name ? n : sizeof m->name - 1), next);
    } else if (!strcmp(name, "Ar") && !words) {
        mdoc_put(d, "file ...", 8, true);
    }
}

/* `name` and what it is followed by, into the text in hand; name "": words, perhaps with macros in them. */
static void mdoc_line(man *m, const char *name, const char *args, size_t len)
{
    mdoc d = {.out = &m->text};
    const char *arg;
    char called[8];
    size_t i = 0, n, reference = strcmp(name, "Xr") ? 0 : 2;
    bool prefix = !strcmp(name, "Pf");

    if (*name)
        mdoc_macro(m, &d, name, args, len, 0);
    while (next_argument(args, len, &i, &arg, &n)) {
        bool quoted = arg > args && arg[-1] == '"';
        snprintf(called, sizeof called, "%.*s", (int)(n < 4 ? n : 4), arg);
        if (!quoted && n >= 2 && n <= 3 && mdoc_enclose(&d, called))
            continue;
        if (!quoted && n == 2 && one_of(called, mdoc_called)) {
            mdoc_macro(m, &d, called, args, len, i);
            reference = strcmp(called, "Xr") ? 0 : 2;
            prefix = !strcmp(called, "Pf");
        } else if (mdoc_is_end(arg, n)) {
            mdoc_close(&d);
            mdoc_put(&d, arg, n, false);
        } else if (reference == 1) { /* "Xr ls 1": ls(1) */
            bytes_printf(d.out, "(%.*s)", (int)(n < 16 ? n : 16), arg);
            reference = 0;
        } else {
            mdoc_put(&d, arg, n, true);
            d.glued = prefix || (n == 1 && strchr("([", *arg));
            prefix = false;
            reference -= reference > 0;
        }
    }
    mdoc_close(&d);
}

static void begin_line(man *m)
{
    if (m->text.len)
        put(&m->text, m->verbatim ? "\n" : m->tag_next ? " " : "\n", 1);
}

static void heading(man *m, unsigned level, const char *args, size_t len)
{
    bytes words;

    flush(m);
    bytes_init(&words, 1 << 20);
    put_arguments(&words, args, len, " ");
    m->heading_next = !words.len;
    m->heading_level = level;
    if (words.len)
        emit_block(m->e, INGEST_HEADING, level, words.data, words.len);
    bytes_clear(&words);
}

static void title_line(man *m, const char *args, size_t len)
{
    const char *name, *section;
    size_t i = 0, n = 0, k = 0;
    bytes title;

    bytes_init(&title, 4096);
    if (next_argument(args, len, &i, &name, &n)) {
        put_line(&title, name, n);
        if (next_argument(args, len, &i, &section, &k))
            bytes_printf(&title, "(%.*s)", (int)(k < 16 ? k : 16), section);
        emit_field(m->e, FIELD_TITLE, title.data ? title.data : "", title.len);
    }
    bytes_clear(&title);
}

static void macro(man *m, const char *name, const char *args, size_t len)
{
    if (one_of(name, "de de1 am ig")) {
        m->skipping = true;
    } else if (one_of(name, "TH Dt")) {
        title_line(m, args, len);
    } else if (one_of(name, "SH Sh")) {
        heading(m, 1, args, len);
    } else if (one_of(name, "SS Ss")) {
        heading(m, 2, args, len);
    } else if (one_of(name, "PP P LP sp Pp RS RE UR ME Bl El Bd Ed HP")) {
        flush(m);
    } else if (one_of(name, "nf EX")) {
        flush(m);
        m->verbatim = true;
    } else if (one_of(name, "fi EE")) {
        flush(m);
        m->verbatim = false;
    } else if (one_of(name, "It")) {
        flush(m);
        mdoc_line(m, "", args, len);
        m->tag_next = m->text.len > 0;
    } else if (one_of(name, "TP TQ IP")) {
        if (strcmp(name, "TQ") != 0)
            flush(m);
        put_arguments(&m->text, args, strcmp(name, "TP") ? len : 0, " ");
        m->tag_next = true;
    } else if (one_of(name, "BR RB IR RI BI IB")) {
        begin_line(m);
        put_arguments(&m->text, args, len, "");
    } else if (one_of(name, "B I SM SB R MT UE OP SY")) {
        begin_line(m);
        put_arguments(&m->text, args, len, " ");
    } else if (one_of(name, mdoc_called) || mdoc_is_enclosure(name) || one_of(name, "Dl D1")) {
        begin_line(m);
        m->tag_next = false;
        mdoc_line(m, one_of(name, "Dl D1") ? "" : name, args, len);
    } else if (one_of(name, "so")) {
        begin_line(m);
        put(&m->text, "See ", 4);
        put_arguments(&m->text, args, len, " ");
    }
    /* The rest sets fonts, registers and distances. */
}

static void one_line(man *m, const char *s, size_t len)
{
    if (m->skipping) {
        if (len >= 2 && !memcmp(s, "..", 2))
            m->skipping = false;
        return;
    }
    if (len && (s[0] == '.' || s[0] == '\'')) {
        char name[8];
        size_t i = 1, n = 0;

        while (i < len && (s[i] == ' ' || s[i] == '\t'))
            i++;
        while (i < len && n < sizeof name - 1 && isalnum((unsigned char)s[i]))
            name[n++] = s[i++];
        name[n] = 0;
        if (n)
            macro(m, name, s + i, len - i);
        return;
    }
    if (m->heading_next) {
        m->heading_next = false;
        heading(m, m->heading_level, s, len);
        return;
    }
    if (!len && !m->verbatim) {
        flush(m);
        return;
    }
    begin_line(m);
    m->tag_next = false;
    put_line(&m->text, s, len);
}

cairn_status parse_man(emitter *e, const parse_input *in)
{
    man m = {.e = e};
    decoded d;
    cairn_status st = encoding_decode(&d, in->data, in->len, in->charset);

    if (st)
        emit_fail(e, st, "decoding %s", d.name);
    bytes_init(&m.text, SIZE_MAX / 4);
    for (size_t at = 0; at < d.len && !e->status;) {
        const char *nl = memchr(d.text + at, '\n', d.len - at);
        size_t n = nl ? (size_t)(nl - d.text) - at : d.len - at;

        one_line(&m, d.text + at, n && d.text[at + n - 1] == '\r' ? n - 1 : n);
        at += n + 1;
    }
    flush(&m);
    bytes_clear(&m.text);
    encoding_clear(&d);
    return e->status;
}
