/* chunk.c - the cutter.
 *
 * Blocks are placed one after the other into the passage in hand. place() tries a range of a block
 * whole; when it does not fit, it closes the passage (if that is full enough) or tries the range in
 * smaller units:
 *
 *   prose   whole block, sentences, words
 *   list    whole block, lines, sentences, words
 *   code    whole block, functions (an empty line before a line that is not indented), paragraphs
 *           (empty lines), lines, words
 *   table   rows, words; the header stands on top of each passage
 *
 * Tokens are counted for a range when it is tried, and passages sum what their ranges had, so a
 * text is counted once per level tried, nearly always once or twice.
 *
 * Headings. A passage carries the path of headings it starts under, and those are not repeated in
 * its text. A section that ends while the passage is small (a quarter of the budget) is followed by
 * the next section of the same or a deeper level in the same passage, if it begins on the same
 * page; that heading then is a line of the text, and named behind the first ("Manual > Install, Use"), so that a
 * citation does not say the wrong section. A heading that nothing follows becomes text too, so no heading is lost.
 *
 * Symbols (functions, classes) are headings whose text stands in the code that follows: they make paths and
 * ends of passages, and are never text. Small functions share a passage, whose path names them all.
 *
 * The other methods of chunk.h are the same cutter with other first steps: by paragraph, a passage is closed
 * behind each block; by sentence, prose is tried in sentences at once; a window is words from the start, and
 * headings are words like others.
 *
 * Overlap. When a passage is closed for its size in the middle of prose, the next one begins with
 * the last sentences of it, or the last words of a long sentence, up to the overlap budget. */
#include "ingest/chunk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/ubrk.h>
#include <unicode/utext.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/utf8.h"

#define HEADING_PART_BYTES   200 /* longer headings are text, and cut in the path */
#define BYTES_PER_TOKEN_MOST 12  /* a longer text is not worth counting whole */

typedef enum unit {
    UNIT_BLOCK,
    UNIT_FUNCTION,
    UNIT_STANZA,
    UNIT_LINE,
    UNIT_SENTENCE,
    UNIT_WORD
} unit;

typedef struct heading_entry {
    const ingest_block *block;
    bool used; /* stands in the path or the text of some chunk */
} heading_entry;

typedef struct cutter {
    const ingest_document *doc;
    chunk_method method;
    size_t max, overlap;
    size_t (*count)(void *ctx, const char *text, size_t len);
    void *count_ctx;
    arena *memory;
    ingest_chunk *out;
    size_t n, cap;

    /* the passage in hand */
    bytes text;
    size_t fresh, tokens, fresh_tokens;
    unsigned start_level; /* of the deepest heading of its path, 0 = none */
    const char *path;
    unsigned path_level; /* of its last name */
    bool path_open;      /* it leads to a section, and no name of one is in it yet */
    const ingest_block *first, *last; /* blocks of its first (overlap included) and last text */
    size_t first_at, last_end;        /* offsets there */
    uint32_t page_first, page_last;

    heading_entry stack[6];
    size_t depth;

    UBreakIterator *sentences;
    UText utext;
    const ingest_block *sentences_of; /* block the iterator stands on */
    cairn_status status;
} cutter;

/* Without a tokenizer: letters of scripts without spaces are a token each, else four bytes. */
static size_t guess_tokens(void *ctx, const char *text, size_t len)
{
    size_t wide = 0, narrow = 0;

    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        wide += c >= 0xE2;
        narrow += c < 0x80 || (c >= 0xC0 && c < 0xE2);
    }
    return wide + (narrow + 3) / 4;
}

static void fail(cutter *c, cairn_status st)
{
    if (!c->status)
        c->status = st;
}

static size_t count(cutter *c, const char *s, size_t len)
{
    return len ? c->count(c->count_ctx, s, len) : 0;
}

static bool is_white(char ch)
{
    return ch == ' ' || ch == '\n' || ch == '\t';
}

/* ---- where a cut may be ---- */

static bool is_empty_line(const char *s, size_t at, size_t end)
{
    while (at < end && (s[at] == ' ' || s[at] == '\t'))
        at++;
    return at >= end || s[at] == '\n';
}

/* First position after `at` where a stanza (function = false) or a function begins. */
static size_t next_stanza(const char *s, size_t at, size_t end, bool function)
{
    bool empty = false;

    for (size_t i = at; i < end;) {
        const char *nl = memchr(s + i, '\n', end - i);
        size_t next = nl ? (size_t)(nl - s) + 1 : end;

        if (is_empty_line(s, i, end))
            empty = true;
        else if (empty && i > at && (!function || !strchr(" \t})]#", s[i])))
            return i;
        else
            empty = false;
        i = next;
    }
    return end;
}

static size_t next_sentence(cutter *c, const ingest_block *b, size_t at, size_t end)
{
    UErrorCode err = U_ZERO_ERROR;
    int32_t p;

    if (!c->sentences) {
        c->sentences = ubrk_open(UBRK_SENTENCE, c->doc->lang, NULL, 0, &err);
        if (U_FAILURE(err)) {
            fail(c, CAIRN_ENOMEM);
            return end;
        }
    }
    if (c->sentences_of != b) {
        utext_openUTF8(&c->utext, b->text, (int64_t)b->len, &err);
        ubrk_setUText(c->sentences, &c->utext, &err);
        if (U_FAILURE(err)) {
            fail(c, CAIRN_ENOMEM);
            return end;
        }
        c->sentences_of = b;
    }
    p = ubrk_following(c->sentences, (int32_t)at);
    return p == UBRK_DONE || (size_t)p > end || (size_t)p <= at ? end : (size_t)p;
}

/* The end of the unit that begins at `at`. */
static size_t next_cut(cutter *c, const ingest_block *b, size_t at, size_t end, unit u)
{
    const char *nl;

    switch (u) {
    case UNIT_FUNCTION:
        return next_stanza(b->text, at, end, true);
    case UNIT_STANZA:
        return next_stanza(b->text, at, end, false);
    case UNIT_LINE:
        nl = memchr(b->text + at, '\n', end - at);
        return nl ? (size_t)(nl - b->text) + 1 : end;
    case UNIT_SENTENCE:
        return next_sentence(c, b, at, end);
    default:
        return end;
    }
}

static unit smaller(const ingest_block *b, unit u)
{
    switch (b->kind) {
    case INGEST_CODE:
        return u < UNIT_LINE ? u + 1 : UNIT_WORD;
    case INGEST_LIST:
        return u < UNIT_LINE ? UNIT_LINE : u + 1;
    case INGEST_TABLE:
        return u < UNIT_LINE ? UNIT_LINE : UNIT_WORD;
    default:
        return u < UNIT_SENTENCE ? UNIT_SENTENCE : UNIT_WORD;
    }
}

/* ---- the passage in hand ---- */

static const char *heading_path(cutter *c)
{
    bytes path;
    const char *s;
    cairn_status st = CAIRN_OK;

    bytes_init(&path, 8 * (HEADING_PART_BYTES + 4));
    for (size_t i = 0; i < c->depth && !st; i++) {
        const ingest_block *b = c->stack[i].block;
        size_t n = utf8_floor(b->text, b->len < HEADING_PART_BYTES ? b->len : HEADING_PART_BYTES);

        if (path.len)
            st = bytes_append(&path, " > ", 3);
        for (size_t k = 0; k < n && !st; k++)
            st = bytes_append(&path, b->text[k] == '\n' ? " " : b->text + k, 1);
        if (b->len <= HEADING_PART_BYTES || b->kind == INGEST_SYMBOL)
            c->stack[i].used = true;
    }
    s = arena_strndup(c->memory, path.data ? path.data : "", path.len);
    bytes_clear(&path);
    if (!s)
        fail(c, CAIRN_ENOMEM);
    return s ? s : "";
}

static uint32_t line_of(const ingest_block *b, size_t offset)
{
    uint32_t line = b->line_first;

    if (!line)
        return 0;
    for (const char *p = b->text, *end = b->text + offset; (p = memchr(p, '\n', (size_t)(end - p)));
         p++)
        line++;
    return line < b->line_last ? line : b->line_last;
}

/* Byte position just behind offset `end` (> 0) of a block. */
static uint64_t end_position(const ingest_block *b, size_t end)
{
    size_t start = end - 1;

    if (end >= b->len)
        return b->byte_end;
    while (start > 0 && ((unsigned char)b->text[start] & 0xC0) == 0x80)
        start--;
    return ingest_block_position(b, start) + (end - start);
}

static bool has_fresh(const cutter *c)
{
    return c->text.len > c->fresh;
}

static void begin_passage(cutter *c)
{
    bytes_reset(&c->text);
    c->fresh = c->tokens = c->fresh_tokens = 0;
    c->first = c->last = NULL;
    c->path = NULL;
    c->path_open = false;
}

static void close_passage(cutter *c)
{
    ingest_chunk *k;
    size_t end;

    while (has_fresh(c) && is_white(c->text.data[c->text.len - 1]))
        c->text.len--;
    if (!has_fresh(c) || c->status) { /* white space behind an overlap is nothing new either */
        begin_passage(c);
        return;
    }
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 16;
        ingest_chunk *more = checked_realloc(c->out, cap, sizeof *more);
        if (!more) {
            fail(c, CAIRN_ENOMEM);
            return;
        }
        c->out = more;
        c->cap = cap;
    }
    end = c->last_end;
    while (end > 0 && is_white(c->last->text[end - 1]))
        end--;
    k = &c->out[c->n];
    *k = (ingest_chunk){
        .len = c->text.len,
        .fresh = c->fresh,
        .heading = c->path,
        .byte_start = ingest_block_position(c->first, c->first_at),
        .byte_end = end ? end_position(c->last, end) : c->last->byte_start,
        .page_first = c->page_first,
        .page_last = c->page_last,
        .line_first = line_of(c->first, c->first_at),
        .line_last = end ? line_of(c->last, end - 1) : c->last->line_first,
        .n_tokens = c->tokens,
    };
    if (k->byte_end < k->byte_start)
        k->byte_end = k->byte_start;
    if (k->line_last < k->line_first)
        k->line_last = k->line_first;
    k->text = arena_strndup(c->memory, c->text.data, c->text.len);
    if (!k->text)
        fail(c, CAIRN_ENOMEM);
    else
        c->n++;
    begin_passage(c);
}

/* Append text [start, end) of a block. The gap to the text before is that of the block, when it is
 * the same block, else an empty line. */
static void append(cutter *c, const ingest_block *b, size_t start, size_t end, size_t tokens)
{
    cairn_status st = CAIRN_OK;

    if (c->last == b && start >= c->last_end)
        st = bytes_append(&c->text, b->text + c->last_end, start - c->last_end);
    else if (c->text.len)
        st = bytes_append(&c->text, "\n\n", c->last && c->last->kind == INGEST_HEADING ? 1 : 2);
    if (!c->path) { /* the first text of the passage, overlap or not */
        c->start_level = c->depth ? c->stack[c->depth - 1].block->level : 0;
        c->path = heading_path(c);
        c->path_level = c->start_level;
    }
    if (!c->first) {
        c->first = b;
        c->first_at = start;
        c->page_first = b->page;
    }
    if (!st)
        st = bytes_append(&c->text, b->text + start, end - start);
    c->last = b;
    c->last_end = end;
    c->page_last = b->page;
    c->tokens += tokens;
    if (st)
        fail(c, CAIRN_ENOMEM);
}

/* ---- overlap ---- */

/* Start of the last sentences or words of b->text[start, end) within the overlap budget. */
static size_t overlap_start(cutter *c, const ingest_block *b, size_t start, size_t end,
                            size_t *tokens)
{
    size_t cuts[64], n = 0, best = end;

    *tokens = 0;
    while (end > start && is_white(b->text[end - 1]))
        end--;
    if (end - start > 4096) /* enough for any overlap */
        start = end - 4096;
    while (start < end && ((unsigned char)b->text[start] & 0xC0) == 0x80)
        start++;
    for (size_t at = start; at < end;) { /* sentence starts, the last 64 of them */
        if (n == 64) {
            memmove(cuts, cuts + 32, 32 * sizeof *cuts);
            n = 32;
        }
        cuts[n++] = at;
        at = next_sentence(c, b, at, end);
    }
    best = end;
    for (size_t i = n; i-- > 0;) {
        size_t t = count(c, b->text + cuts[i], best - cuts[i]);
        if (*tokens + t > c->overlap)
            break;
        *tokens += t;
        best = cuts[i];
    }
    if (best < end || !n)
        return best;
    for (size_t want = c->overlap; want >= 4; want /= 2) { /* words of one long sentence */
        size_t all = count(c, b->text + cuts[n - 1], end - cuts[n - 1]);
        size_t at = end - (end - cuts[n - 1]) * want / (all ? all : 1);

        while (at < end && !is_white(b->text[at]))
            at++;
        while (at < end && is_white(b->text[at]))
            at++;
        if (at >= end)
            return end; /* no words: Chinese, or one long code */
        *tokens = count(c, b->text + at, end - at);
        if (*tokens <= c->overlap)
            return at;
    }
    *tokens = 0;
    return end;
}

/* Start of the last words of b->text[start, end) that have at most `most` tokens. */
static size_t last_words(cutter *c, const ingest_block *b, size_t start, size_t end, size_t most,
                         size_t *tokens)
{
    size_t best = end, low = start;

    *tokens = 0;
    while (end > start && is_white(b->text[end - 1]))
        end--;
    if (end - start > most * 2 * BYTES_PER_TOKEN_MOST)
        low = end - most * 2 * BYTES_PER_TOKEN_MOST;
    for (size_t at = end; at > low;) { /* a word further back each time */
        size_t t;
        while (at > low && is_white(b->text[at - 1]))
            at--;
        while (at > low && !is_white(b->text[at - 1]))
            at--;
        if (at == low && low > start)
            break; /* may be inside a word */
        t = count(c, b->text + at, end - at);
        if (t > most)
            break;
        *tokens = t;
        best = at;
    }
    return best;
}

#define OVERLAP_BLOCKS 64

/* The next window begins with the last words of this one, of however many blocks they are. */
static void next_window(cutter *c)
{
    struct {
        const ingest_block *block;
        size_t at, end, tokens;
    } piece[OVERLAP_BLOCKS];
    const ingest_block *b = c->last, *first = c->first;
    size_t n = 0, left = c->overlap, end = c->last_end, first_at = c->first_at;

    while (left && n < OVERLAP_BLOCKS) {
        size_t low = b == first ? first_at : 0, t, at;
        if (b->kind != INGEST_SYMBOL) {
            at = last_words(c, b, low, end, left, &t);
            piece[n].block = b;
            piece[n].at = at;
            piece[n].end = end;
            piece[n++].tokens = t;
            left -= t;
            if (at > low)
                break;
        }
        if (b == first)
            break;
        b--;
        end = b->len;
    }
    close_passage(c);
    while (n-- && !c->status) {
        while (piece[n].end > piece[n].at && is_white(piece[n].block->text[piece[n].end - 1]))
            piece[n].end--;
        if (piece[n].at < piece[n].end)
            append(c, piece[n].block, piece[n].at, piece[n].end, piece[n].tokens);
    }
    c->fresh = c->text.len;
    c->fresh_tokens = c->tokens;
}

/* Close for size; begin the next passage with the end of this one, or with a table's header. */
static void close_full(cutter *c, const ingest_block *next)
{
    const ingest_block *b = c->last;
    size_t end = c->last_end, tokens = 0, at = end;
    /* Overlap comes from one block: what this passage holds of it. */
    size_t start = c->first == b ? c->first_at : 0;
    bool prose =
        b && (b->kind == INGEST_PARAGRAPH || b->kind == INGEST_QUOTE || b->kind == INGEST_LIST);

    if (!has_fresh(c))
        return;
    if (c->method == CHUNK_WINDOW && c->overlap) {
        next_window(c);
        return;
    }
    if (prose && c->overlap)
        at = overlap_start(c, b, start, end, &tokens);
    close_passage(c);
    if (c->status)
        return;
    if (next->kind == INGEST_TABLE && next == b && next->level && c->method != CHUNK_WINDOW) {
        const char *nl = memchr(next->text, '\n', next->len);
        size_t n = nl ? (size_t)(nl - next->text) : 0, header = count(c, next->text, n);

        if (n && header && header < c->max / 2) {
            /* Not counted as a place: the passage begins at its first new row. */
            c->path = heading_path(c);
            c->start_level = c->depth ? c->stack[c->depth - 1].block->level : 0;
            c->path_level = c->start_level;
            if (bytes_append(&c->text, next->text, n) || bytes_append(&c->text, "\n", 1))
                fail(c, CAIRN_ENOMEM);
            c->tokens = c->fresh_tokens = header;
            c->fresh = c->text.len;
            c->last = next;
            c->last_end = SIZE_MAX; /* no gap text is taken from the block */
        }
    } else if (at < end && tokens) {
        append(c, b, at, end, tokens);
        c->fresh = c->text.len;
        c->fresh_tokens = tokens;
    }
}

static void drop_overlap(cutter *c)
{
    if (!has_fresh(c) && c->fresh)
        begin_passage(c);
}

/* ---- placing ---- */

/* The largest cut at or below `most` bytes: behind white space in the second half, else between
 * characters. 0 when not even one character fits. */
static size_t cut_at_space(const char *s, size_t most)
{
    size_t cut = utf8_floor(s, most);

    for (size_t i = cut; i > cut / 2; i--)
        if (is_white(s[i - 1]))
            return i;
    return cut;
}

static void add(cutter *c, const ingest_block *b, size_t start, size_t end, size_t tokens)
{
    if (c->last == b && c->last_end == SIZE_MAX) { /* under a repeated header */
        c->last = NULL;
        if (bytes_append(&c->text, b->text + start, end - start))
            fail(c, CAIRN_ENOMEM);
        c->first = c->last = b;
        c->first_at = start;
        c->last_end = end;
        c->page_first = c->page_last = b->page;
        c->tokens += tokens;
        return;
    }
    append(c, b, start, end, tokens);
}

/* A run without usable cuts: as many bytes as fit, at white space when there is some. How many
 * bytes a token has is learnt on the way, so that each piece is counted about once. */
static void place_words(cutter *c, const ingest_block *b, size_t start, size_t end)
{
    double per_token = 4;

    while (start < end && !c->status) {
        size_t room, n, t;

        if (c->tokens >= c->max || (has_fresh(c) && c->max - c->tokens < c->max / 8))
            close_full(c, b);
        room = c->max - c->tokens;
        n = (size_t)((double)room * per_token * 1.1) + 8;
        n = end - start <= n ? end - start : cut_at_space(b->text + start, n);
        t = count(c, b->text + start, n);
        while (t > room) {
            size_t want = n * room / t;
            n = cut_at_space(b->text + start, want < n ? want : n - 1);
            if (!n) { /* one character always goes in */
                uint32_t cp;
                n = utf8_decode(b->text + start, end - start, &cp, NULL);
                t = room;
                break;
            }
            t = count(c, b->text + start, n);
        }
        if (t)
            per_token = (double)n / (double)t;
        add(c, b, start, start + n, t);
        start += n;
    }
}

static void place(cutter *c, const ingest_block *b, size_t start, size_t end, unit u)
{
    size_t len = end - start, tokens;
    bool coarse = u <= UNIT_STANZA; /* finer cuts inside it are still good ones */

    if (c->method == CHUNK_WINDOW) {
        place_words(c, b, start, end);
        return;
    }
    if (c->method == CHUNK_SENTENCE && u == UNIT_BLOCK && b->kind != INGEST_HEADING &&
        smaller(b, u) == UNIT_SENTENCE) {
        while (start < end && !c->status) {
            size_t next = next_sentence(c, b, start, end);
            place(c, b, start, next, UNIT_SENTENCE);
            start = next;
        }
        return;
    }

    if (!len || c->status)
        return;
    if (len <= c->max * BYTES_PER_TOKEN_MOST || !coarse) {
        tokens = count(c, b->text + start, len);
        if (c->tokens + tokens <= c->max) {
            add(c, b, start, end, tokens);
            return;
        }
        if (tokens <= c->max && has_fresh(c) && (!coarse || c->tokens >= c->max / 2)) {
            close_full(c, b);
            if (c->tokens + tokens > c->max && c->last_end != SIZE_MAX)
                drop_overlap(c);
            if (c->tokens + tokens <= c->max) {
                add(c, b, start, end, tokens);
                return;
            }
        } else if (tokens <= c->max && !has_fresh(c) && c->last_end != SIZE_MAX) {
            drop_overlap(c);
            add(c, b, start, end, tokens);
            return;
        }
    }
    u = smaller(b, u);
    if (u >= UNIT_WORD) {
        place_words(c, b, start, end);
        return;
    }
    while (start < end && !c->status) {
        size_t next = next_cut(c, b, start, end, u);
        place(c, b, start, next, u);
        start = next;
    }
}

/* ---- headings ---- */

static void pop_headings(cutter *c, unsigned level)
{
    while (c->depth && c->stack[c->depth - 1].block->level >= level) {
        heading_entry h = c->stack[--c->depth];
        bool begins = !c->path;
        if (!h.used && h.block->kind != INGEST_SYMBOL)
            place(c, h.block, 0, h.block->len, UNIT_BLOCK);
        c->path_open |= begins && c->path; /* its path leads to where it stands, and names no section yet */
    }
}

/* What stands between the path and the name of one more section of the passage in hand. */
static const char *joint(const cutter *c, const ingest_block *b)
{
    const ingest_block *before = c->depth ? c->stack[c->depth - 1].block : NULL;
    bool below = before && before->level < b->level && before->kind == INGEST_SYMBOL && c->path_level < b->level;

    return !*c->path ? "" : below || c->path_open ? " > " : ", ";
}

/* A section that goes on in the passage in hand: "area, circumference"; below a class "shape > area". */
static void add_to_path(cutter *c, const ingest_block *b)
{
    size_t len = utf8_floor(b->text, b->len < HEADING_PART_BYTES ? b->len : HEADING_PART_BYTES);
    bytes path;

    if (!c->path || strlen(c->path) > 2 * HEADING_PART_BYTES || (!*c->path && b->kind == INGEST_SYMBOL))
        return;
    bytes_init(&path, 8 * HEADING_PART_BYTES);
    if (!bytes_append_str(&path, c->path) && !bytes_append_str(&path, joint(c, b)) &&
        !bytes_append(&path, b->text, len)) {
        const char *s;
        for (size_t i = path.len - len; i < path.len; i++)
            if (path.data[i] == '\n')
                path.data[i] = ' ';
        s = arena_strndup(c->memory, path.data, path.len);
        c->path_open = false;
        if (s) {
            c->path = s;
            c->path_level = b->level;
        } else {
            fail(c, CAIRN_ENOMEM);
        }
    }
    bytes_clear(&path);
}

static void take_heading(cutter *c, const ingest_block *b)
{
    bool merge = has_fresh(c) && c->start_level && b->level >= c->start_level &&
                 c->tokens < c->max / 4 && b->page == c->page_last;

    if (c->method == CHUNK_WINDOW) /* one text from the first word to the last */
        merge = true;
    else if (c->method == CHUNK_PARAGRAPH)
        merge = false;

    if (!merge)
        close_passage(c);
    pop_headings(c, b->level);
    /* A heading nothing followed may have opened a passage just now: stay in it. */
    merge = has_fresh(c) || c->method == CHUNK_WINDOW;
    if (merge && c->method != CHUNK_WINDOW)
        add_to_path(c, b);
    if (c->depth == 6)
        c->depth--; /* cannot happen with levels 1..6 and strict order; keeps the array safe */
    c->stack[c->depth++] = (heading_entry){.block = b, .used = merge};
    if (merge && b->kind != INGEST_SYMBOL)
        place(c, b, 0, b->len, UNIT_BLOCK);
}

cairn_status chunk_document(const ingest_document *doc, const chunk_options *options,
                            ingest_chunk **out, size_t *n, arena *memory, cairn_error *err)
{
    static const chunk_options none;
    cutter c = {.doc = doc, .memory = memory, .utext = UTEXT_INITIALIZER};

    *out = NULL;
    *n = 0;
    if (!options)
        options = &none;
    c.method = (unsigned)options->method < CHUNK_METHODS ? options->method : CHUNK_STRUCTURE;
    c.max = options->max_tokens ? options->max_tokens : CHUNK_MAX_TOKENS;
    c.overlap = options->overlap_tokens == SIZE_MAX ? 0
                : options->overlap_tokens           ? options->overlap_tokens
                                                    : CHUNK_OVERLAP_TOKENS;
    if (c.max < 8)
        return cairn_fail(err, CAIRN_EUSAGE, "a passage needs at least 8 tokens, not %zu", c.max);
    if (c.overlap >= c.max / 2)
        c.overlap = c.max / 2 - 1;
    c.count = options->count_tokens ? options->count_tokens : guess_tokens;
    c.count_ctx = options->ctx;
    bytes_init(&c.text, SIZE_MAX / 4);
    for (size_t i = 0; i < doc->n_blocks && !c.status; i++) {
        const ingest_block *b = &doc->blocks[i];
        if (b->kind == INGEST_HEADING || b->kind == INGEST_SYMBOL)
            take_heading(&c, b);
        else
            place(&c, b, 0, b->len, UNIT_BLOCK);
        if (c.method == CHUNK_PARAGRAPH && b->kind != INGEST_HEADING && b->kind != INGEST_SYMBOL)
            close_passage(&c);
    }
    if (!has_fresh(&c))
        begin_passage(&c);
    if (c.depth) { /* headings at the very end */
        size_t unused = 0;
        for (size_t i = 0; i < c.depth; i++)
            unused += !c.stack[i].used;
        if (unused)
            pop_headings(&c, 1);
    }
    close_passage(&c);
    if (!c.status && c.n) {
        *out = arena_calloc(memory, c.n, sizeof **out);
        if (*out) {
            memcpy(*out, c.out, c.n * sizeof **out);
            *n = c.n;
        } else {
            c.status = CAIRN_ENOMEM;
        }
    }
    if (c.sentences)
        ubrk_close(c.sentences);
    utext_close(&c.utext);
    bytes_clear(&c.text);
    free(c.out);
    return c.status ? cairn_fail(err, c.status, "cutting a document of %zu blocks into passages",
                                 doc->n_blocks)
                    : CAIRN_OK;
}
