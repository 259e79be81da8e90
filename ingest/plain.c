/* plain.c - plain text and code, line by line. Everything is given verbatim, so positions are
 * exact; long texts go out block by block and nothing is copied here. */
#include "ingest/plain.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define PLAIN_CODE_BYTES    ((size_t)32 << 10)
#define PLAIN_HEADING_BYTES 120

typedef struct line {
    size_t start, end, next; /* end is without the line break */
} line;

static line line_at(const char *s, size_t len, size_t at)
{
    const char *nl = memchr(s + at, '\n', len - at);
    line l = {.start = at, .end = nl ? (size_t)(nl - s) : len};

    l.next = nl ? l.end + 1 : len;
    if (l.end > l.start && s[l.end - 1] == '\r')
        l.end--;
    return l;
}

static bool is_empty(const char *s, line l)
{
    for (size_t i = l.start; i < l.end; i++)
        if (s[i] != ' ' && s[i] != '\t' && s[i] != '\f' && s[i] != '\r')
            return false;
    return true;
}

/* Level 1 for ===, ***; 2 for ---, ~~~; 0 when the line is no underline for `above`. */
static unsigned underline_level(const char *s, line above, line l)
{
    size_t n = l.end - l.start, width;
    char c;

    if (n < 3 || above.end == above.start || above.end - above.start > PLAIN_HEADING_BYTES)
        return 0;
    c = s[l.start];
    if (!strchr("=-~*", c))
        return 0;
    for (size_t i = l.start; i < l.end; i++)
        if (s[i] != c)
            return 0;
    for (size_t i = above.start; i < above.end; i++)
        if (strchr("|+", s[i])) /* the head of a drawn table */
            return 0;
    width = utf8_length(s + above.start, above.end - above.start);
    if (n + 3 < width || n > width + 8)
        return 0;
    return c == '=' || c == '*' ? 1 : 2;
}

static cairn_status give(emitter *e, ingest_block_kind kind, unsigned level, const char *s,
                         size_t start, size_t end, uint32_t first, uint32_t last)
{
    size_t base;

    if (!e->source)
        return emit_block(e, kind, level, s + start, end - start);
    base = (size_t)(s - e->source);
    return emit_source_block(e, kind, level, NULL, 0, base + start, base + end, first, last);
}

cairn_status plain_blocks(emitter *e, const char *s, size_t len)
{
    size_t at = 0, start = 0;
    uint32_t no = 1, first = 1;
    bool open = false;
    line above = {0};

    while (at < len && !e->status) {
        line l = line_at(s, len, at);
        unsigned level;

        if (is_empty(s, l)) {
            if (open)
                give(e, INGEST_PARAGRAPH, 0, s, start, above.end, first, no - 1);
            open = false;
        } else if (open && (level = underline_level(s, above, l)) != 0) {
            if (above.start > start)
                give(e, INGEST_PARAGRAPH, 0, s, start, above.start, first, no - 2);
            give(e, INGEST_HEADING, level, s, above.start, above.end, no - 1, no - 1);
            open = false;
        } else if (!open) {
            open = true;
            start = l.start;
            first = no;
        }
        above = l;
        at = l.next;
        no++;
    }
    if (open)
        give(e, INGEST_PARAGRAPH, 0, s, start, above.end, first, no - 1);
    return e->status;
}

cairn_status plain_code(emitter *e, const char *s, size_t len)
{
    size_t at = 0, start = 0;
    uint32_t no = 1, first = 1;

    while (at < len && !e->status) {
        line l = line_at(s, len, at);

        if (is_empty(s, l) && l.next - start >= PLAIN_CODE_BYTES) {
            give(e, INGEST_CODE, 0, s, start, l.next, first, no);
            start = l.next;
            first = no + 1;
        }
        at = l.next;
        no++;
    }
    if (len > start)
        give(e, INGEST_CODE, 0, s, start, len, first, no > first ? no - 1 : first);
    return e->status;
}
