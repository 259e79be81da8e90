/* snippet.c - what of a passage is shown for a hit: the part with most of the question's words, as
 * wide as the terminal.
 *
 * The words that matched are taken together as far as they fit; the group with most different words
 * wins, then that with most of them, then the closest one. A third of what is left stands before
 * it, the rest behind, and both ends move to a blank. A terminal gets lines of its width behind an
 * indent; anything else one line. Widths are counted in columns: two for East Asian wide
 * characters, none for marks that sit on the one before. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "cli/cli.h"

#define INDENT     4
#define LINES      4   /* of a terminal */
#define COLUMNS    320 /* of the line, elsewhere */
#define NARROWEST  24
#define MARKS_MAX  400 /* of a passage that are looked at */
#define SEEK_BLANK 24  /* bytes that an end moves to stand at a blank */
#define DOTS       3

/* Columns that the character takes; East Asian Width W and F of UAX #11, in runs. */
static size_t columns_of(uint32_t cp)
{
    static const struct {
        uint32_t from, to, columns;
    } ranges[] = {{0x300, 0x36f, 0},     {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},
                  {0x20d0, 0x20ff, 0},   {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},
                  {0xa960, 0xa97c, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
                  {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},   {0xff01, 0xff60, 2},
                  {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2},
                  {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}};

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && cp >= ranges[i].from; i++)
        if (cp <= ranges[i].to)
            return ranges[i].columns;
    return 1;
}

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

/* col[i]: columns before byte i, of the text and its end; bytes inside a character have those of
 * its beginning. */
static void count_columns(const char *s, size_t len, size_t *col)
{
    size_t at = 0;

    for (size_t i = 0; i < len;) {
        uint32_t cp;
        size_t n = utf8_decode(s + i, len - i, &cp, NULL);
        for (size_t k = 0; k < n; k++)
            col[i + k] = at;
        at += columns_of(cp);
        i += n;
    }
    col[len] = at;
}

/* ---- which part ---- */

typedef struct part {
    size_t start, end; /* bytes of the passage */
} part;

static bool same_word(const cairn_hit *h, size_t i, size_t j)
{
    const cairn_range *a = &h->highlights[i], *b = &h->highlights[j];

    return a->end - a->start == b->end - b->start &&
           !strncasecmp(h->text + a->start, h->text + b->start, a->end - a->start);
}

/* The marks from the i-th on that fit: how many, and how many different ones. */
static void weigh(const cairn_hit *h, size_t n, size_t i, const size_t *col, size_t columns,
                  size_t *count, size_t *different)
{
    *count = *different = 0;
    for (size_t j = i; j < n; j++) {
        bool met = false;
        if (col[h->highlights[j].end] - col[h->highlights[i].start] > columns)
            break;
        for (size_t k = i; k < j && !met; k++)
            met = same_word(h, k, j);
        *different += !met;
        ++*count;
    }
}

/* From the first byte of the best group of marks to its last; empty at 0 without marks. */
static part best_group(const cairn_hit *h, const size_t *col, size_t columns)
{
    size_t n = h->n_highlights < MARKS_MAX ? h->n_highlights : MARKS_MAX;
    size_t best_count = 0, best_different = 0, best_span = 0;
    part best = {0, 0};

    for (size_t i = 0; i < n; i++) {
        size_t count, different, span;
        weigh(h, n, i, col, columns, &count, &different);
        if (!count)
            continue;
        span = col[h->highlights[i + count - 1].end] - col[h->highlights[i].start];
        if (different < best_different ||
            (different == best_different &&
             (count < best_count || (count == best_count && span >= best_span))))
            continue;
        best_different = different;
        best_count = count;
        best_span = span;
        best = (part){h->highlights[i].start, h->highlights[i + count - 1].end};
    }
    return best;
}

/* The first byte at or behind the column. */
static size_t byte_at(const size_t *col, size_t len, size_t column)
{
    size_t low = 0, high = len;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (col[mid] < column)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The part to show, at most so many columns wide. */
static part choose(const cairn_hit *h, const size_t *col, size_t columns)
{
    const char *s = h->text;
    size_t len = h->text_len, from, spare;
    part group, show = {0, len};

    if (col[len] <= columns)
        return show;
    columns -= 2 * DOTS;
    group = best_group(h, col, columns);
    spare = columns - (col[group.end] - col[group.start]);
    from = col[group.start] > spare / 3 ? col[group.start] - spare / 3 : 0;
    if (from + columns > col[len])
        from = col[len] - columns;
    show.start = byte_at(col, len, from);
    show.end = byte_at(col, len, from + columns);
    if (col[show.end] > from + columns)
        show.end = byte_at(col, len, col[show.end - 1]); /* a wide character does not fit */
    for (size_t i = show.start; show.start && i < group.start && i < show.start + SEEK_BLANK; i++)
        if (is_blank(s[i])) {
            show.start = i + 1;
            break;
        }
    for (size_t i = show.end; show.end < len && i > group.end && i + SEEK_BLANK > show.end; i--)
        if (is_blank(s[i - 1])) {
            show.end = i - 1;
            break;
        }
    while (show.start < show.end && is_blank(s[show.start]))
        show.start++;
    return show;
}

/* ---- writing it ---- */

typedef struct writing {
    cli *c;
    const cairn_hit *h;
    const size_t *col;
    size_t width, at; /* of a line, and where it is */
    size_t mark;      /* the next or the open one */
    bool open;
} writing;

static void new_line(writing *w)
{
    printf("\n%*s", INDENT, "");
    w->at = INDENT;
}

/* The bytes [from, to), which hold no blank; those that do not fit on a line are broken anywhere.
 */
static void put_word(writing *w, size_t from, size_t to)
{
    const cairn_hit *h = w->h;

    for (size_t i = from, n; i < to; i += n) {
        uint32_t cp;
        n = utf8_decode(h->text + i, to - i, &cp, NULL);
        while (!w->open && w->mark < h->n_highlights && h->highlights[w->mark].start < i)
            w->mark++;
        if (!w->open && w->mark < h->n_highlights && h->highlights[w->mark].start == i) {
            fputs(cli_accent(w->c), stdout);
            w->open = true;
        }
        if (w->at + columns_of(cp) > w->width)
            new_line(w);
        cli_put_text(stdout, h->text + i, n);
        w->at += columns_of(cp);
        if (w->open && i + n >= h->highlights[w->mark].end) {
            fputs(cli_plain(w->c), stdout);
            w->open = false;
            w->mark++;
        }
    }
}

static void put_part(writing *w, part show)
{
    const char *s = w->h->text;
    size_t dots = show.start ? DOTS : 0;
    bool first = true;

    printf("%*s%s", INDENT, "", show.start ? "..." : "");
    w->at = INDENT + dots;
    for (size_t i = show.start, end; i < show.end; i = end) {
        size_t columns;
        while (i < show.end && is_blank(s[i]))
            i++;
        for (end = i; end < show.end && !is_blank(s[end]); end++)
            ;
        if (end == i)
            break;
        columns = w->col[end] - w->col[i];
        if (!first && w->at + 1 + columns > w->width) {
            new_line(w);
        } else if (!first) {
            putchar(' ');
            w->at++;
        }
        put_word(w, i, end);
        first = false;
    }
    if (w->open)
        fputs(cli_plain(w->c), stdout);
    if (show.end < w->h->text_len) {
        if (w->at + DOTS > w->width)
            new_line(w);
        fputs("...", stdout);
    }
    putchar('\n');
}

void cli_print_snippet(cli *c, const cairn_hit *h)
{
    struct winsize ws;
    bool terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0;
    size_t width = terminal ? ws.ws_col : SIZE_MAX, columns = COLUMNS;
    size_t *col = checked_malloc(h->text_len + 1, sizeof *col);

    if (!col)
        return;
    if (terminal) {
        width = width > NARROWEST ? width : NARROWEST;
        columns = LINES * (width - INDENT) < COLUMNS ? LINES * (width - INDENT) : COLUMNS;
    }
    count_columns(h->text, h->text_len, col);
    put_part(&(writing){.c = c, .h = h, .col = col, .width = width}, choose(h, col, columns));
    free(col);
}
