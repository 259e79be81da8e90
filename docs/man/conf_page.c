/* conf_page.c - writes cairn.conf(5) when Cairn is built: conf_page CONFIGURATION.MD > PAGE
 *
 * Which settings there are, their defaults and their bounds come from the program's own table
 * (engine/settings.h), what each does from the table in docs/configuration.md. A setting without a
 * row there ends the build, and so does a name in its row that no setting has. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "engine/settings.h"

#define ROWS_MAX 512
#define KEYS_MAX 8
#define PAGE_MAX ((size_t)4 << 20)

typedef struct row {
    char section[32];
    char keys[KEYS_MAX][64];
    size_t n_keys;
    const char *text; /* what it does, in Markdown */
    size_t len;
    bool used;
} row;

typedef struct page {
    row rows[ROWS_MAX];
    size_t n_rows;
    const settings_entry *of_row[KEYS_MAX];
    char section[32]; /* of the heading written last */
    bool failed;
} page;

/* ---- the table of configuration.md ---- */

/* The end of a cell: a bar that is not escaped and not in code, or the end of the line. */
static const char *cell_end(const char *s, const char *end)
{
    bool code = false;

    for (; s < end; s++) {
        code ^= *s == '`';
        if (*s == '|' && !code && s[-1] != '\\')
            return s;
    }
    return end;
}

static void read_keys(row *r, const char *s, const char *end)
{
    while (r->n_keys < KEYS_MAX && (s = memchr(s, '`', (size_t)(end - s)))) {
        const char *close = memchr(s + 1, '`', (size_t)(end - s - 1));
        size_t n = close ? (size_t)(close - s - 1) : 0;
        if (!close)
            return;
        if (n < sizeof r->keys[0]) {
            memcpy(r->keys[r->n_keys], s + 1, n);
            r->keys[r->n_keys++][n] = '\0';
        }
        s = close + 1;
    }
}

/* "| **[section]** `key`, `key` | default | text |"; the section holds until the next one. */
static void read_line(page *p, const char *s, const char *end, char section[32])
{
    const char *first = s + 1, *second, *third, *last, *name;
    row *r = &p->rows[p->n_rows];

    if (s >= end || *s != '|' || p->n_rows == ROWS_MAX)
        return;
    second = cell_end(first, end);
    third = second < end ? cell_end(second + 1, end) : end;
    last = third < end ? cell_end(third + 1, end) : end;
    name = memmem(first, (size_t)(second - first), "**[", 3);
    if (name) {
        size_t n = strcspn(name + 3, "]");
        snprintf(section, 32, "%.*s", (int)(n < 31 ? n : 31), name + 3);
    }
    *r = (row){.text = third + 1, .len = third < end ? (size_t)(last - third - 1) : 0};
    snprintf(r->section, sizeof r->section, "%s", section);
    read_keys(r, first, second);
    p->n_rows += r->n_keys && r->len;
}

static void read_rows(page *p, const char *text, size_t len)
{
    char section[32] = "";

    for (const char *s = text, *end = text + len; s < end;) {
        const char *nl = memchr(s, '\n', (size_t)(end - s));
        const char *stop = nl ? nl : end;
        read_line(p, s, stop, section);
        s = stop + 1;
    }
}

/* ---- roff ---- */

static void put_char(char c)
{
    if (c == '\\')
        fputs("\\e", stdout);
    else if (c == '-')
        fputs("\\-", stdout);
    else if (c == '\'')
        fputs("\\(aq", stdout);
    else if (c == '^')
        fputs("\\(ha", stdout);
    else if (c == '~')
        fputs("\\(ti", stdout);
    else
        putchar(c);
}

/* One character; what is no ASCII as groff and mandoc both read it. Returns its bytes. */
static size_t put_one(const char *s, size_t n)
{
    uint32_t cp;
    bool valid;
    size_t used;

    if ((unsigned char)*s < 0x80) {
        put_char(*s);
        return 1;
    }
    used = utf8_decode(s, n, &cp, &valid);
    printf("\\[u%04X]", (unsigned)cp);
    return used ? used : 1;
}

static void put_plain(const char *s, size_t n)
{
    for (size_t i = 0; i < n;)
        i += put_one(s + i, n - i);
}

/* A link is its words; where it is a page of the documentation, "see" says which. */
static const char *put_link(const char *s, const char *end)
{
    const char *close = memchr(s, ']', (size_t)(end - s));
    const bool link = close && close + 1 < end && close[1] == '(';
    const char *stop = link ? memchr(close, ')', (size_t)(end - close)) : NULL;

    if (!stop)
        return NULL;
    put_plain(s + 1, (size_t)(close - s - 1));
    return stop + 1;
}

/* Inline Markdown: code and what is strong in bold, links as their words. On one line, which no
 * sign of roff's begins. */
static void put_markdown(const char *s, size_t n)
{
    const char *end = s + n;
    bool bold = false;

    while (s < end && *s == ' ')
        s++;
    while (end > s && end[-1] == ' ')
        end--;
    fputs("\\&", stdout);
    while (s < end) {
        const char *after = *s == '[' ? put_link(s, end) : NULL;
        if (after) {
            s = after;
        } else if (*s == '`' || (end - s > 1 && s[0] == '*' && s[1] == '*')) {
            fputs((bold = !bold) ? "\\fB" : "\\fR", stdout);
            s += *s == '`' ? 1 : 2;
        } else if (*s == '\\' && end - s > 1 && s[1] == '|') {
            s++;
        } else {
            s += put_one(s, (size_t)(end - s));
        }
    }
    fputs(bold ? "\\fR\n" : "\n", stdout);
}

static void put_entry(const settings_entry *e, bool first)
{
    printf(first ? ".TP\n" : ".TQ\n");
    fputs("\\fB", stdout);
    put_plain(e->key, strlen(e->key));
    fputs("\\fR = ", stdout);
    if (e->text) {
        put_plain(e->text, strlen(e->text));
        fputs(e->file ? "\\fIFILE\\fR" : *e->text ? "" : "(empty)", stdout);
    } else {
        char number[64];
        snprintf(number, sizeof number, "%g", e->number);
        put_plain(number, strlen(number));
        printf(" (%.15g to %.15g)", e->least, e->most);
    }
    putchar('\n');
}

static row *row_of(page *p, const char *section, const char *key)
{
    for (size_t i = 0; i < p->n_rows; i++)
        for (size_t k = 0; k < p->rows[i].n_keys; k++)
            if (!strcmp(p->rows[i].section, section) && !strcmp(p->rows[i].keys[k], key))
                return &p->rows[i];
    return NULL;
}

typedef struct finding {
    const char *section, *key;
    const settings_entry *entry;
    settings_entry found;
} finding;

static void find_entry(void *ctx, const settings_entry *e)
{
    finding *f = ctx;

    if (!strcmp(e->section, f->section) && !strcmp(e->key, f->key)) {
        f->found = *e;
        f->entry = &f->found;
    }
}

/* Each setting in the order of the program's table, with those that share its row. */
static void put_setting(void *ctx, const settings_entry *e)
{
    page *p = ctx;
    row *r = row_of(p, e->section, e->key);

    if (!r) {
        fprintf(stderr, "conf_page: configuration.md does not say what %s.%s does\n", e->section,
                e->key);
        p->failed = true;
        return;
    }
    if (r->used)
        return;
    r->used = true;
    if (strcmp(p->section, e->section) != 0) {
        printf(".SS [%s]\n", e->section);
        snprintf(p->section, sizeof p->section, "%s", e->section);
    }
    for (size_t k = 0; k < r->n_keys; k++) {
        finding f = {e->section, r->keys[k], NULL, {0}};
        settings_each(find_entry, &f);
        if (f.entry) {
            put_entry(f.entry, k == 0);
        } else {
            fprintf(stderr, "conf_page: there is no setting %s.%s\n", e->section, r->keys[k]);
            p->failed = true;
        }
    }
    put_markdown(r->text, r->len);
}

static void put_head(void)
{
    printf(".\\\" Made by docs/man/conf_page.c of engine/settings.c and docs/configuration.md.\n"
           ".TH CAIRN.CONF 5 \"\" \"cairn %s\" \"File Formats\"\n"
           ".SH NAME\ncairn.conf \\- settings of cairn(1)\n"
           ".SH SYNOPSIS\n.I $XDG_CONFIG_HOME/cairn/cairn.conf\n.br\n"
           ".I HOME/collections/NAME/collection.conf\n.br\n"
           ".I FOLDER/.cairn.conf\n"
           ".SH DESCRIPTION\n"
           "Sections in brackets and lines \\fIkey\\fR = \\fIvalue\\fR;\n"
           "#\nand\n;\nbegin a line of comment.\n"
           "An unknown key or a value out of range is an error that names the line.\n"
           "Options of the command line win.\n"
           ".PP\nThe first file (usually \\(ti/.config/cairn/cairn.conf, or the one that\n"
           ".B \\-\\-config\nnames) is for all collections, the second, read over it, for one.\n"
           "A folder's own file may hold the keys of [index] that say how its files are read:\n"
           "chunk_tokens, chunk_overlap, chunker, ocr, ocr_languages, language, extract_seconds.\n"
           "The name of a file is relative to the file that it stands in.\n"
           ".SH SETTINGS\nEach with its default and, of numbers, the bounds.\n"
           "Documents named there (retrieval.md) are in docs/ of the source.\n",
           CAIRN_VERSION_TEXT);
}

static void put_foot(void)
{
    printf(".SH EXAMPLES\n.nf\n[models]\ngenerator = /srv/models/big.gguf\n\n"
           "[index]\nocr = all\n\n[ask]\nredact = email, iban\n.fi\n"
           ".SH SEE ALSO\n.BR cairn (1)\n");
}

int main(int argc, char **argv)
{
    static page p;
    bytes text;
    FILE *f = argc == 2 ? fopen(argv[1], "re") : NULL;
    size_t n;

    if (!f) {
        fprintf(stderr, "usage: conf_page CONFIGURATION.MD > cairn.conf.5\n");
        return 2;
    }
    bytes_init(&text, PAGE_MAX);
    if (bytes_reserve(&text, PAGE_MAX - 1)) {
        fprintf(stderr, "conf_page: no memory\n");
        return 1;
    }
    n = fread(text.data, 1, PAGE_MAX - 1, f);
    fclose(f);
    read_rows(&p, text.data, n);
    put_head();
    settings_each(put_setting, &p);
    put_foot();
    bytes_clear(&text);
    return p.failed || fflush(stdout) ? 1 : 0;
}
