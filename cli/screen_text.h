/* screen_text.h - text of documents on a terminal's cells: wrapped at words, marked, harmless.
 *
 * A character takes the cells that wcwidth says (two for most East Asian ones, none for combining
 * marks); control characters are shown as spaces and broken bytes as replacement characters, so a
 * document cannot drive the terminal. */
#ifndef CAIRN_CLI_SCREEN_TEXT_H
#define CAIRN_CLI_SCREEN_TEXT_H

#include <ncurses.h>
#include <stddef.h>

#include "engine/cairn.h"

typedef struct screen_line {
    size_t start, end; /* bytes of the text, without the spaces or the newline it was broken at */
} screen_line;

/* Break s[0, len) into lines of at most `width` cells, width >= 2; at newlines, at spaces, and
 * within a word that is longer than a line. Returns how many lines, at most cap; the rest is left
 * out. */
size_t screen_wrap(const char *s, size_t len, int width, screen_line *lines, size_t cap);
/* Write line at (y, x) of w, the bytes in marks (sorted, or NULL) with attribute `marked` on top.
 */
void screen_put(WINDOW *w, int y, int x, const char *s, const screen_line *line,
                const cairn_range *marks, size_t n_marks, attr_t marked);
/* As much of s as fits into `width` cells, with an ellipsis where something is left out. */
void screen_put_cut(WINDOW *w, int y, int x, const char *s, int width);

#endif
