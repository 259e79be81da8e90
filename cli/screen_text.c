/* screen_text.c - see screen_text.h. */
#include "cli/screen_text.h"

#include <string.h>
#include <wchar.h>

#include "base/utf8.h"

/* The character at s + i as it is shown, its cells, and the bytes it takes. */
static size_t next_shown(const char *s, size_t i, size_t len, wchar_t *shown, int *cells)
{
    uint32_t cp;
    size_t n = utf8_decode(s + i, len - i, &cp, NULL);

    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
        cp = ' ';
    *cells = wcwidth((wchar_t)cp);
    if (*cells < 0) { /* not printable here: formatting characters, unassigned ones */
        cp = 0xfffd;
        *cells = 1;
    }
    *shown = (wchar_t)cp;
    return n;
}

/* The end of the line that begins at `from`, and in *next where the following one begins. */
static size_t line_end(const char *s, size_t from, size_t len, int width, size_t *next)
{
    size_t i = from, space = 0, behind = 0;
    int used = 0;

    while (i < len && s[i] != '\n') {
        wchar_t c;
        int cells;
        size_t n = next_shown(s, i, len, &c, &cells);
        if (used + cells > width) {
            if (c == ' ') { /* the space itself may hang over */
                *next = i + n;
                return i;
            }
            if (space > from) {
                *next = behind;
                return space;
            }
            if (i == from)
                i += n; /* a line has at least one character */
            *next = i;
            return i;
        }
        if (c == ' ') {
            space = i;
            behind = i + n;
        }
        used += cells;
        i += n;
    }
    *next = i < len ? i + 1 : len;
    return i;
}

size_t screen_wrap(const char *s, size_t len, int width, screen_line *lines, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0, next; i < len && n < cap; i = next) {
        size_t end = line_end(s, i, len, width, &next);
        lines[n++] = (screen_line){i, end};
    }
    return n;
}

static void put_char(WINDOW *w, wchar_t c, attr_t attr)
{
    wchar_t text[2] = {c, L'\0'};

    wattron(w, attr);
    waddnwstr(w, text, 1);
    wattroff(w, attr);
}

void screen_put(WINDOW *w, int y, int x, const char *s, const screen_line *line,
                const cairn_range *marks, size_t n_marks, attr_t marked)
{
    wmove(w, y, x);
    for (size_t i = line->start; i < line->end;) {
        wchar_t c;
        int cells;
        size_t at = i;
        i += next_shown(s, i, line->end, &c, &cells);
        while (n_marks && marks->end <= at) {
            marks++;
            n_marks--;
        }
        put_char(w, c, n_marks && at >= marks->start ? marked : A_NORMAL);
    }
}

void screen_put_cut(WINDOW *w, int y, int x, const char *s, int width)
{
    size_t len = strlen(s);
    int used = 0, all = 0;
    wchar_t c;
    int cells;

    for (size_t i = 0; i < len; all += cells)
        i += next_shown(s, i, len, &c, &cells);
    wmove(w, y, x);
    for (size_t i = 0; i < len;) {
        i += next_shown(s, i, len, &c, &cells);
        if (used + cells > (all > width ? width - 1 : width))
            break;
        used += cells;
        put_char(w, c, A_NORMAL);
    }
    if (all > width && width > 0)
        put_char(w, L'\x2026', A_NORMAL);
}
