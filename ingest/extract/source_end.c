/* source_end.c - see source_end.h.
 *
 * What is indented deeper belongs to it, and so does what closes or continues it at its own depth: "}", ") -> Int {",
 * a brace on a line of its own, "end", "where", "| Some x ->", the next clause of a function in Haskell, which repeats its
 * name, and annotations between the name of a class and its body. Blank lines and those of a preprocessor belong to it
 * when something after them does. A text over several lines that begins at the margin ends it too early: the rest goes
 * to what is around it, and nothing is lost. */
#include "ingest/extract/source_end.h"

#include <string.h>

bool source_end_knows(const char *language)
{
    static const char *const languages[] = {"PHP",    "Haxe",  "JavaScript", "TypeScript", "Rust", "Lua", "OCaml", "Kotlin",
                                            "Scala",  "Swift", "Dart",       "Zig",        "Flex", "Elixir", "R", "Haskell"};

    for (size_t i = 0; language && i < sizeof languages / sizeof *languages; i++)
        if (!strcmp(language, languages[i]))
            return true;
    return false;
}

typedef struct text_line {
    const char *at; /* behind its blanks */
    size_t len;     /* without blanks at its end */
    unsigned depth; /* columns */
} text_line;

static text_line look(const char *s, const size_t *line, uint32_t n)
{
    size_t at = line[n - 1], end = line[n];
    text_line l = {.depth = 0};

    for (; at < end && (s[at] == ' ' || s[at] == '\t'); at++)
        l.depth = s[at] == '\t' ? l.depth / 8 * 8 + 8 : l.depth + 1;
    while (end > at && strchr(" \t\r\n\f", s[end - 1]))
        end--;
    l.at = s + at;
    l.len = end - at;
    return l;
}

static bool is_word(const text_line *l, const char *word)
{
    size_t n = strlen(word);

    return l->len >= n && !memcmp(l->at, word, n) &&
           (l->len == n || !strchr("_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", l->at[n]));
}

/* "}", and nothing is opened again behind it. */
static bool is_last(const text_line *l)
{
    return is_word(l, "end") || (*l->at == '}' && !strchr("{([,=:>", l->at[l->len - 1]));
}

/* A line at the depth of the first one that goes on with it. */
static bool goes_on(const text_line *l)
{
    static const char *const words[] = {"where", "else",   "with",    "do",     "then", "in",
                                        "rescue", "after", "catch",  "finally", "object", "struct", "sig"};

    if (strchr(")]}{|:", *l->at))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(l, words[i]))
            return true;
    return false;
}

/* It may stand between a name and what it is the name of. */
static bool is_head(const text_line *l)
{
    return *l->at == '@' || is_word(l, "constructor");
}

uint32_t source_end(const char *s, const size_t *line, uint32_t n_lines, uint32_t first, const char *name)
{
    unsigned depth = look(s, line, first).depth;
    uint32_t last = first;
    bool inside = false; /* of its body, or of its parameters */

    for (uint32_t n = first + 1; n <= n_lines; n++) {
        text_line l = look(s, line, n);
        if (!l.len || (*l.at == '#' && !l.depth))
            continue;
        if (l.depth > depth) {
            inside = true;
            last = n;
        } else if (l.depth == depth && is_last(&l)) {
            return n;
        } else if (l.depth == depth && (goes_on(&l) || is_word(&l, name) || (!inside && is_head(&l)))) {
            last = n;
        } else {
            break;
        }
    }
    return last;
}
