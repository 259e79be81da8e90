/* code_values.c - see code_values.h. */
#include "retrieve/code_values.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "retrieve/word_list.h"

#define PART_BYTES  24
#define STEM_LEAST  4
#define VALUE_BYTES 60
#define BODY_LINES  60

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

bool code_is_source(const char *uri)
{
    static const char endings[] = " py c h go js ts rs java rb sh cc cpp hpp cs php kt swift lua pl jl r ";
    const char *dot = uri ? strrchr(uri, '.') : NULL;
    char low[8] = {0};
    size_t n = dot ? strlen(dot + 1) : 0;

    if (!n || n >= sizeof low)
        return false;
    for (size_t i = 0; i < n; i++)
        low[i] = (char)tolower((unsigned char)dot[1 + i]);
    return word_list_has(endings, low, n);
}

bool code_is_name(const char *text, size_t len)
{
    bool inner = false;

    if (!len || isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!in_name(text[i]))
            return false;
        inner |= text[i] == '_' || (i && isupper((unsigned char)text[i]));
    }
    return inner;
}

static size_t line_start(const char *text, size_t at)
{
    while (at && text[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_end(const char *text, size_t len, size_t at)
{
    const char *nl = at < len ? memchr(text + at, '\n', len - at) : NULL;

    return nl ? (size_t)(nl - text) : len;
}

static size_t indent(const char *text, size_t from, size_t end)
{
    size_t n = 0;

    while (from + n < end && (text[from + n] == ' ' || text[from + n] == '\t'))
        n++;
    return n;
}

/* Does the name at `at` begin a definition: behind a word for one, or at the beginning of a line that is no call or assignment? */
static bool defines(const char *text, size_t at)
{
    static const char words[] = " def func fn function fun sub ";
    size_t from = line_start(text, at), end = at, begin;

    while (end > from && text[end - 1] == ' ')
        end--;
    if (end > from && text[end - 1] == ')') /* "func (c *Cache) Get(" */
        return !strncmp(text + from, "func ", 5);
    for (begin = end; begin > from && in_name(text[begin - 1]);)
        begin--;
    if (word_list_has(words, text + begin, end - begin))
        return true;
    return at > from && !isspace((unsigned char)text[from]) && !memchr(text + from, '=', at - from) && !memchr(text + from, '(', at - from) &&
           strncmp(text + from, "return", 6) != 0 && text[from] != '#' && text[from] != '/' && text[from] != '*';
}

bool code_function(const char *text, size_t len, const char *name, size_t n, text_span *parameters, text_span *body)
{
    for (size_t at = 0; at + n < len; at++) {
        size_t depth = 1, end = at + n + 1, next, own;
        if (memcmp(text + at, name, n) != 0 || text[at + n] != '(' || (at && in_name(text[at - 1])) || !defines(text, at))
            continue;
        for (; end < len && depth; end++)
            depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
        if (depth)
            return false;
        *parameters = (text_span){at + n + 1, end - 1};
        own = indent(text, line_start(text, at), at);
        next = line_end(text, len, end);
        for (size_t lines = 0; next < len && lines < BODY_LINES; lines++) {
            size_t from = next + 1, stop = line_end(text, len, from), deep = indent(text, from, stop);
            if (from + deep < stop && deep <= own && !strchr("{})]", text[from + deep]))
                break;
            next = stop;
        }
        *body = (text_span){end, next};
        return true;
    }
    return false;
}

/* Are both the same word but for an ending? */
static bool like(const char *a, size_t n, const char *b, size_t m)
{
    size_t most = n > m ? n : m, same = 0;

    while (same < n && same < m && tolower((unsigned char)a[same]) == b[same])
        same++;
    return (same == n && n == m) || (same >= STEM_LEAST && most - same <= 3 && same + 2 >= (n < m ? n : m)) ||
           (same >= 3 && most - same == 1 && (n > m ? a[same] : b[same]) == 's');
}

/* Has a name, cut at "_" and at capitals, a part that is one of the words? */
static bool has_part(const char *name, size_t n, const char *words)
{
    for (size_t at = 0; at < n;) {
        size_t end = at + 1;
        while (end < n && name[end] != '_' && !(isupper((unsigned char)name[end]) && islower((unsigned char)name[end - 1])))
            end++;
        for (const char *w = words; *w;) {
            size_t m = strcspn(w, " ");
            if (m && end - at < PART_BYTES && like(name + at, end - at, w, m))
                return true;
            w += m + (w[m] == ' ');
        }
        at = end;
        while (at < n && name[at] == '_')
            at++;
    }
    return false;
}

/* The value at text[at], up to the sign that ends it; false: none that says anything by itself. */
static bool read_value(const char *text, size_t end, size_t at, text_span *out)
{
    size_t stop;

    while (at < end && (text[at] == ' ' || text[at] == '\t'))
        at++;
    stop = at;
    if (at < end && strchr("\"'", text[at])) {
        for (stop = at + 1; stop < end && text[stop] != text[at];)
            stop++;
        stop += stop < end;
    } else {
        while (stop < end && !strchr(",;)\n#", text[stop]) && strncmp(text + stop, "//", 2) != 0 && strncmp(text + stop, "/*", 2) != 0)
            stop++;
        while (stop > at && (isspace((unsigned char)text[stop - 1]) || text[stop - 1] == ':'))
            stop--;
    }
    *out = (text_span){at, stop};
    return stop > at && stop - at <= VALUE_BYTES && (isalnum((unsigned char)text[at]) || strchr("\"'-._", text[at]));
}

/* Behind a name: "= v", ":= v", ": type = v"; where the value begins, 0: it is given none. */
static size_t given(const char *text, size_t end, size_t at, bool typed)
{
    size_t from = at;

    while (at < end && text[at] == ' ')
        at++;
    if (at + 1 < end && text[at] == ':' && text[at + 1] == '=')
        return at + 2;
    if (typed)
        while (at < end && !strchr("=,)(\n;{", text[at]))
            at++;
    return at < end && at >= from && text[at] == '=' && at + 1 < end && text[at + 1] != '=' ? at + 1 : 0;
}

bool code_named_value(const char *text, text_span in, bool parameters, const char *words, text_span *value)
{
    for (size_t at = in.start; at < in.end;) {
        size_t end = at, from;
        while (end < in.end && in_name(text[end]))
            end++;
        if (end == at) {
            at++;
            continue;
        }
        bool first = parameters || line_start(text, at) + indent(text, line_start(text, at), at) == at ||
                     !strncmp(text + at - (at >= 4 ? 4 : 0), "let ", 4) || !strncmp(text + at - (at >= 4 ? 4 : 0), "int ", 4);
        if (first && !isdigit((unsigned char)text[at]) && has_part(text + at, end - at, words) && (from = given(text, in.end, end, parameters)) &&
            read_value(text, in.end, from, value))
            return true;
        at = end;
    }
    return false;
}

bool code_constant(const char *text, size_t len, const char *name, size_t n, text_span *value)
{
    static const char leads[] = " const static final var let public export pub constexpr int long double float unsigned size_t val define ";

    for (size_t at = 0; at + n < len; at++) {
        size_t from, end, to;
        bool plain = true;
        if (memcmp(text + at, name, n) != 0 || in_name(text[at + n]) || (at && in_name(text[at - 1])))
            continue;
        from = line_start(text, at);
        end = line_end(text, len, at);
        bool define = !strncmp(text + from, "#define ", 8);
        for (size_t w = from; w < at && plain;) {
            size_t stop = w;
            while (stop < at && in_name(text[stop]))
                stop++;
            plain = stop == w ? strchr(" \t#*", text[w]) != NULL : word_list_has(leads, text + w, stop - w);
            w = stop > w ? stop : w + 1;
        }
        to = !plain ? 0 : define ? at + n : given(text, end, at + n, true);
        if (to && read_value(text, end, to, value))
            return true;
    }
    return false;
}
