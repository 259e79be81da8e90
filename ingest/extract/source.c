/* source.c - source code with its functions: where each begins and ends says Universal Ctags (helper.h), and the
 * code goes out in pieces, each under the names it stands in (INGEST_SYMBOL: "shape", "area").
 *
 * The text is verbatim and complete: lines between two functions belong to what is around them. A comment, a
 * decorator or a type directly above a function belongs to it. Where ctags does not say where something ends, the
 * indentation does (source_end.h). Without ctags, or in a language it does not
 * know, the code is one piece and cut at its empty lines. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/helper.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/source_end.h"
#include "ingest/extract/text.h"
#include "ingest/plain.h"

#define SOURCE_BYTES  ((size_t)8 << 20) /* longer code is seldom written by a person */
#define MAX_SYMBOLS   100000
#define MAX_NESTING   5 /* levels of symbols; the sixth is for what lies deeper */
#define NAME_BYTES    160

typedef struct symbol {
    uint32_t first, last; /* lines, from 1; last 0: not known */
    bool holds;           /* others: a class, a module */
    char name[NAME_BYTES];
} symbol;

typedef struct source {
    emitter *e;
    const char *s;
    size_t len;
    size_t *line; /* [n_lines + 1] where each begins, the end behind the last */
    uint32_t n_lines;
    symbol *symbols;
    size_t n, cap;
    const char *file;
} source;

/* ---- what ctags says ---- */

static bool is_language(const json_t *tag, const char *name)
{
    const char *language = json_string_value(json_object_get(tag, "language"));

    return language && !strcmp(language, name);
}

/* What our own patterns for ctags (ingest/helpers.c), and its own for Erlang, may take for a function's name. */
static bool is_statement(const char *name)
{
    static const char *const words[] = {"if",       "for",   "while",  "switch", "catch", "return",
                                        "function", "super", "assert", "await", "when"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(name, words[i]))
            return true;
    return false;
}

/* A macro of C is seldom more than its line, one of Lisp or CMake is a function. */
static bool has_short_macros(const json_t *tag)
{
    static const char *const languages[] = {"C", "C++", "CPreProcessor", "CUDA", "ObjectiveC", "Asm", "Make"};
    const char *language = json_string_value(json_object_get(tag, "language"));

    for (size_t i = 0; language && i < sizeof languages / sizeof *languages; i++)
        if (!strcmp(language, languages[i]))
            return true;
    return !language;
}

/* Kinds of the languages' tables that have a body of code. */
static bool is_function(const char *kind, const json_t *tag)
{
    static const char *const kinds[] = {
        "function", "func", "method", "procedure", "subroutine", "singletonMethod", "constructor",
        "destructor", "macro", "task", "fn", "predicate", "subprogram", "generator", "getter", "setter", "def",
        "operator", "functor"};

    if (!strcmp(kind, "constructor") && is_language(tag, "Haskell"))
        return false; /* of data, a word in a line */
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kind, kinds[i]))
            return strcmp(kind, "macro") || !has_short_macros(tag) ||
                   json_integer_value(json_object_get(tag, "end")) >
                       json_integer_value(json_object_get(tag, "line"));
    /* Python calls its methods so, C the fields of a structure. */
    return !strcmp(kind, "member") && json_object_get(tag, "signature");
}

static bool is_holder(const char *kind)
{
    static const char *const kinds[] = {"class", "struct", "interface", "trait", "implementation",
                                        "module", "namespace", "object", "protocol", "enum", "union",
                                        "type", "record", "library", "category", "message", "service"};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kind, kinds[i]))
            return true;
    return false;
}

/* Does the line hold the name? A file of OCaml is a module, which is told as its first line. */
static bool is_named(const source *c, uint32_t line, const char *name)
{
    return memmem(c->s + c->line[line - 1], c->line[line] - c->line[line - 1], name, strlen(name)) != NULL;
}

static void take_tag(source *c, const json_t *tag)
{
    const char *name = json_string_value(json_object_get(tag, "name"));
    const char *kind = json_string_value(json_object_get(tag, "kind"));
    json_int_t first = json_integer_value(json_object_get(tag, "line"));
    json_int_t last = json_integer_value(json_object_get(tag, "end"));
    bool function, holder, said;
    symbol *y;
    size_t n;

    if (!name || !*name || !kind || first < 1 || first > c->n_lines || c->n == MAX_SYMBOLS ||
        !strncmp(name, "__anon", 6) || is_statement(name))
        return;
    said = last != 0;
    if (!last && source_end_knows(json_string_value(json_object_get(tag, "language"))))
        last = source_end(c->s, c->line, c->n_lines, (uint32_t)first, name);
    function = is_function(kind, tag);
    holder = !function && is_holder(kind) && last > first && (said || strcmp(kind, "module") || is_named(c, (uint32_t)first, name));
    if (!function && !holder)
        return;
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 64;
        symbol *more = checked_realloc(c->symbols, cap, sizeof *more);
        if (!more)
            return;
        c->symbols = more;
        c->cap = cap;
    }
    y = &c->symbols[c->n++];
    n = utf8_floor(name, strlen(name) < NAME_BYTES - 1 ? strlen(name) : NAME_BYTES - 1);
    *y = (symbol){.first = (uint32_t)first,
                  .last = last >= first && last <= c->n_lines ? (uint32_t)last : 0,
                  .holds = holder};
    memcpy(y->name, name, n);
    y->name[n] = 0;
}

static int by_place(const void *a, const void *b)
{
    const symbol *x = a, *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->holds != y->holds)
        return x->holds ? -1 : 1;
    return x->last > y->last ? -1 : x->last < y->last;
}

/* JSON lines to symbols in order, each with an end, each inside the one around it. */
static void read_tags(source *c, const bytes *tags)
{
    uint32_t around[MAX_NESTING + 1];
    size_t depth = 0, n = 0;

    for (size_t at = 0; at < tags->len;) {
        const char *nl = memchr(tags->data + at, '\n', tags->len - at);
        size_t end = nl ? (size_t)(nl - tags->data) : tags->len;
        json_t *tag = json_loadb(tags->data + at, end - at, 0, NULL);
        if (json_is_object(tag))
            take_tag(c, tag);
        json_decref(tag);
        at = end + 1;
    }
    if (c->n)
        qsort(c->symbols, c->n, sizeof *c->symbols, by_place);
    for (size_t i = 0; i < c->n; i++) { /* several of one line: the outermost */
        symbol y = c->symbols[i];
        uint32_t most;
        while (depth && around[depth - 1] < y.first)
            depth--;
        most = depth ? around[depth - 1] : c->n_lines;
        if (!y.last) { /* up to the next one */
            y.last = most;
            for (size_t k = i + 1; k < c->n; k++)
                if (c->symbols[k].first > y.first) {
                    if (c->symbols[k].first - 1 < y.last)
                        y.last = c->symbols[k].first - 1;
                    break;
                }
        }
        if (y.last > most)
            y.last = most;
        /* What is inside a function stays in it. */
        if ((n && c->symbols[n - 1].first == y.first) || depth > MAX_NESTING ||
            (n && !c->symbols[n - 1].holds && c->symbols[n - 1].last >= y.first))
            continue;
        c->symbols[n++] = y;
        if (y.holds && depth < MAX_NESTING)
            around[depth++] = y.last;
    }
    c->n = n;
}

/* ---- what goes out ---- */

static void give(source *c, ingest_block_kind kind, unsigned level, const char *text, uint32_t first,
                 uint32_t last)
{
    size_t start = c->line[first - 1], end = c->line[last], base;

    if (start >= end)
        return;
    if (!c->e->source) {
        emit_block(c->e, kind, level, text ? text : c->s + start, text ? strlen(text) : end - start);
        return;
    }
    base = (size_t)(c->s - c->e->source);
    emit_source_block(c->e, kind, level, text, text ? strlen(text) : 0, base + start, base + end, first,
                      last);
}

static bool is_blank(const source *c, uint32_t line)
{
    for (size_t i = c->line[line - 1]; i < c->line[line]; i++)
        if (!strchr(" \t\r\n\f", c->s[i]))
            return false;
    return true;
}

static size_t depth_of(const source *c, uint32_t line)
{
    size_t n = 0;

    for (size_t i = c->line[line - 1]; i < c->line[line] && (c->s[i] == ' ' || c->s[i] == '\t'); i++)
        n = c->s[i] == '\t' ? n / 8 * 8 + 8 : n + 1;
    return n;
}

/* Lines first..last under the names in hand; nothing where they are empty. */
static void give_code(source *c, uint32_t first, uint32_t last)
{
    while (first <= last && is_blank(c, first))
        first++;
    if (first <= last)
        give(c, INGEST_CODE, 0, NULL, first, last);
}

/* Code of what is around: its name again, so that it is not taken for part of the symbol before. */
static void give_rest(source *c, const symbol *around, unsigned level, uint32_t first, uint32_t last,
                      bool said)
{
    while (first <= last && is_blank(c, first))
        first++;
    if (first > last)
        return;
    if (!said)
        give(c, INGEST_SYMBOL, level ? level : 1, around ? around->name : c->file, first, first);
    give_code(c, first, last);
}

/* The symbols from *i on that lie in lines first..last, with what is between them. Recursion is bounded by
 * MAX_NESTING. */
static void give_range(source *c, size_t *i, const symbol *around, unsigned level, uint32_t first,
                       uint32_t last)
{
    bool said = true; /* the name of what is around stands over the code in hand */

    while (*i < c->n && c->symbols[*i].first <= last && !c->e->status) {
        const symbol *y = &c->symbols[(*i)++];
        uint32_t from = y->first, end = y->last < last ? y->last : last;
        size_t depth = depth_of(c, y->first);

        if (y->first < first)
            continue;
        while (from > first && !is_blank(c, from - 1) && (from - 1 > first || !around) &&
               depth_of(c, from - 1) >= depth)
            from--;
        give_rest(c, around, level, first, from - 1, said);
        give(c, INGEST_SYMBOL, level + 1, y->name, y->first, y->first);
        if (y->holds && level + 1 <= MAX_NESTING) {
            if (y->first > from)
                give_code(c, from, y->first - 1);
            give_range(c, i, y, level + 1, y->first, end);
        } else {
            give_code(c, from, end);
        }
        said = false;
        first = end + 1;
    }
    give_rest(c, around, level, first, last, said);
}

static bool find_lines(source *c)
{
    uint32_t n = 0;

    for (size_t i = 0; i < c->len; i++)
        n += c->s[i] == '\n';
    c->n_lines = n + (c->len && c->s[c->len - 1] != '\n');
    c->line = checked_malloc((size_t)c->n_lines + 1, sizeof *c->line);
    if (!c->line)
        return false;
    c->line[0] = 0;
    n = 0;
    for (size_t i = 0; i < c->len; i++)
        if (c->s[i] == '\n')
            c->line[++n] = i + 1;
    c->line[c->n_lines] = c->len;
    return true;
}

cairn_status source_blocks(emitter *e, const char *name, const char *text, size_t len, const char *tags,
                           size_t tags_len)
{
    source c = {.e = e, .s = text, .len = len, .file = *name ? name : "code"};
    bytes b = {.data = (char *)(uintptr_t)tags, .len = tags_len};
    size_t i = 0;

    if (!find_lines(&c)) {
        emit_fail(e, CAIRN_ENOMEM, "the lines of a file");
    } else {
        read_tags(&c, &b);
        e->unsampled = true; /* names and code are in no language of people */
        if (c.n)
            give_range(&c, &i, NULL, 0, 1, c.n_lines);
        else
            plain_code(e, text, len);
        e->unsampled = false;
    }
    free(c.line);
    free(c.symbols);
    return e->status;
}

cairn_status parse_source(emitter *e, const parse_input *in)
{
    decoded d;
    bytes tags;

    bytes_init(&tags, CONVERT_MAX_OUTPUT + (4u << 20));
    if (!text_open(e, in, &d)) {
        if (!in->part) /* main.c is called main.c, not main */
            emit_field(e, FIELD_TITLE, in->name, strlen(in->name));
        if (d.len > SOURCE_BYTES || helper_run(HELPER_TAGS, in->name, d.text, d.len, &tags, NULL))
            plain_code(e, d.text, d.len);
        else
            source_blocks(e, in->name, d.text, d.len, tags.data ? tags.data : "", tags.len);
    }
    bytes_clear(&tags);
    encoding_clear(&d);
    return e->status;
}
