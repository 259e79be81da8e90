/* markdown.c - CommonMark with GitHub's tables, by cmark-gfm.
 *
 * Positions are those of the file: cmark gives lines and columns for blocks, which become byte
 * ranges; inside a block the emitter aligns the plain text with its source. A list is one block,
 * one item a line, nested items indented. Front matter (--- key: value ---) gives metadata. HTML
 * blocks lose their tags. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include "base/checked.h"
#include "ingest/extract/dates.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/parsers.h"
#include "ingest/plain.h"

/* Nesting beyond this is taken as flat text. */
#define MARKDOWN_MAX_DEPTH 64

typedef struct markdown {
    emitter *e;
    const char *s; /* the text, in UTF-8 */
    size_t len;
    size_t base;   /* where s lies in the emitter's source */
    size_t *lines; /* start of each line */
    size_t n_lines;
    uint32_t line_base; /* lines of front matter before s */
} markdown;

static bool index_lines(markdown *m)
{
    size_t n = 1;

    for (size_t i = 0; i < m->len; i++)
        n += m->s[i] == '\n';
    m->lines = checked_malloc(n + 1, sizeof *m->lines);
    if (!m->lines)
        return false;
    m->n_lines = 0;
    m->lines[m->n_lines++] = 0;
    for (size_t i = 0; i < m->len; i++)
        if (m->s[i] == '\n')
            m->lines[m->n_lines++] = i + 1;
    m->lines[m->n_lines] = m->len;
    return true;
}

/* cmark counts from 1; 0 and nonsense become the edges of the text. */
static size_t line_start(const markdown *m, int line)
{
    if (line < 1)
        return 0;
    return (size_t)line > m->n_lines ? m->len : m->lines[line - 1];
}

static void give(markdown *m, cmark_node *node, ingest_block_kind kind, unsigned level,
                 const bytes *text)
{
    int first = cmark_node_get_start_line(node), last = cmark_node_get_end_line(node);
    size_t start, end;

    if (!text->len)
        return;
    if (!m->e->source) {
        emit_block(m->e, kind, level, text->data, text->len);
        return;
    }
    if (last < first)
        last = first;
    start = line_start(m, first);
    end = line_start(m, last + 1);
    while (end > start && (m->s[end - 1] == '\n' || m->s[end - 1] == '\r'))
        end--;
    emit_source_block(m->e, kind, level, text->data, text->len, m->base + start, m->base + end,
                      m->line_base + (uint32_t)(first > 0 ? first : 1),
                      m->line_base + (uint32_t)(last > 0 ? last : 1));
}

static void put(bytes *out, const char *s)
{
    if (s)
        bytes_append_str(out, s);
}

/* <...> out, the rest stays; for HTML inside Markdown. */
static void put_without_tags(bytes *out, const char *s)
{
    while (s && *s) {
        const char *open = strchr(s, '<'), *close;

        if (!open) {
            put(out, s);
            return;
        }
        bytes_append(out, s, (size_t)(open - s));
        if (!strncmp(open, "<!--", 4)) {
            close = strstr(open, "-->");
            s = close ? close + 3 : NULL;
        } else if (isalpha((unsigned char)open[1]) || open[1] == '/' || open[1] == '!') {
            close = strchr(open, '>');
            s = close ? close + 1 : NULL;
        } else {
            bytes_append(out, "<", 1);
            s = open + 1;
        }
    }
}

/* The words of all inlines below `node`. */
static void put_inlines(bytes *out, cmark_node *node, const char *soft_break)
{
    cmark_iter *it = cmark_iter_new(node);
    cmark_event_type ev;

    while ((ev = cmark_iter_next(it)) != CMARK_EVENT_DONE) {
        cmark_node *n = cmark_iter_get_node(it);
        cmark_node_type t = cmark_node_get_type(n);

        if (!strcmp(cmark_node_get_type_string(n), "strikethrough"))
            put(out, "~~"); /* what was struck no longer holds: docs/ingest.md */
        if (ev != CMARK_EVENT_ENTER)
            continue;
        if (t == CMARK_NODE_TEXT || t == CMARK_NODE_CODE)
            put(out, cmark_node_get_literal(n));
        else if (t == CMARK_NODE_SOFTBREAK || t == CMARK_NODE_LINEBREAK)
            put(out, soft_break);
        else if (t == CMARK_NODE_FOOTNOTE_REFERENCE)
            bytes_printf(out, "[%s]", cmark_node_get_literal(n) ? cmark_node_get_literal(n) : "");
    }
    cmark_iter_free(it);
}

static void table(markdown *m, cmark_node *node)
{
    bytes text;
    unsigned header = 0;
    size_t n = 0;

    bytes_init(&text, SIZE_MAX / 4);
    for (cmark_node *row = cmark_node_first_child(node); row; row = cmark_node_next(row)) {
        if (cmark_gfm_extensions_get_table_row_is_header(row))
            header = 1;
        if (n++)
            put(&text, "\n");
        for (cmark_node *cell = cmark_node_first_child(row); cell; cell = cmark_node_next(cell)) {
            put_inlines(&text, cell, " ");
            if (cmark_node_next(cell))
                put(&text, " | ");
        }
    }
    give(m, node, INGEST_TABLE, header, &text);
    bytes_clear(&text);
}

static void list_items(cmark_node *list, bytes *out, unsigned depth);

/* What stands in an item or a quote, as lines. */
static void flat_children(cmark_node *node, bytes *out, unsigned depth)
{
    for (cmark_node *c = cmark_node_first_child(node); c; c = cmark_node_next(c)) {
        cmark_node_type t = cmark_node_get_type(c);

        if (out->len && out->data[out->len - 1] != '\n' && cmark_node_previous(c))
            put(out, "\n");
        if (t == CMARK_NODE_LIST && depth < MARKDOWN_MAX_DEPTH)
            list_items(c, out, depth + 1);
        else if (t == CMARK_NODE_CODE_BLOCK)
            put(out, cmark_node_get_literal(c));
        else if (t == CMARK_NODE_HTML_BLOCK)
            put_without_tags(out, cmark_node_get_literal(c));
        else if (t == CMARK_NODE_BLOCK_QUOTE && depth < MARKDOWN_MAX_DEPTH)
            flat_children(c, out, depth + 1);
        else
            put_inlines(out, c, "\n");
    }
}

static void list_items(cmark_node *list, bytes *out, unsigned depth)
{
    int number = cmark_node_get_list_start(list);

    for (cmark_node *item = cmark_node_first_child(list); item; item = cmark_node_next(item)) {
        if (out->len && out->data[out->len - 1] != '\n')
            put(out, "\n");
        for (unsigned i = 0; i < depth && i < 8; i++)
            put(out, "  ");
        if (cmark_node_get_list_type(list) == CMARK_ORDERED_LIST)
            bytes_printf(out, "%d. ", number++);
        else
            put(out, "- ");
        flat_children(item, out, depth);
    }
}

/* "Install {#install .unnumbered}": the name and class of a heading, as Pandoc and Doxygen write them, are no text. */
static void drop_attributes(bytes *text)
{
    size_t n = text->len;

    if (!n || text->data[n - 1] != '}')
        return;
    while (n && text->data[n - 1] != '{')
        n--;
    if (!n || !strchr("#.", text->data[n]))
        return;
    for (n--; n && text->data[n - 1] == ' ';)
        n--;
    if (n)
        text->data[text->len = n] = 0;
}

static void blocks(markdown *m, cmark_node *parent, unsigned depth)
{
    bytes text;

    bytes_init(&text, SIZE_MAX / 4);
    for (cmark_node *n = cmark_node_first_child(parent); n && !m->e->status;
         n = cmark_node_next(n)) {
        cmark_node_type t = cmark_node_get_type(n);

        bytes_reset(&text);
        if (t == CMARK_NODE_HEADING) {
            put_inlines(&text, n, " ");
            drop_attributes(&text);
            give(m, n, INGEST_HEADING, (unsigned)cmark_node_get_heading_level(n), &text);
        } else if (t == CMARK_NODE_PARAGRAPH) {
            put_inlines(&text, n, "\n");
            give(m, n, INGEST_PARAGRAPH, 0, &text);
        } else if (t == CMARK_NODE_CODE_BLOCK) {
            put(&text, cmark_node_get_literal(n));
            give(m, n, INGEST_CODE, 0, &text);
        } else if (t == CMARK_NODE_LIST) {
            list_items(n, &text, 0);
            give(m, n, INGEST_LIST, 0, &text);
        } else if (t == CMARK_NODE_HTML_BLOCK) {
            put_without_tags(&text, cmark_node_get_literal(n));
            give(m, n, INGEST_PARAGRAPH, 0, &text);
        } else if (t == CMARK_NODE_BLOCK_QUOTE) {
            flat_children(n, &text, 0);
            give(m, n, INGEST_QUOTE, 0, &text);
        } else if (!strcmp(cmark_node_get_type_string(n), "table")) {
            table(m, n);
        } else if (depth < MARKDOWN_MAX_DEPTH && cmark_node_first_child(n)) {
            if (t == CMARK_NODE_FOOTNOTE_DEFINITION)
                blocks(m, n, depth + 1);
            else {
                put_inlines(&text, n, "\n");
                give(m, n, INGEST_PARAGRAPH, 0, &text);
            }
        }
    }
    bytes_clear(&text);
}

/* One "key: value" of the front matter; quotes and list brackets off. */
static void front_matter_field(emitter *e, const char *key, size_t key_len, const char *v, size_t n)
{
    int64_t ns;

    while (n && strchr(" \t\"'[", *v))
        v++, n--;
    while (n && strchr(" \t\r\"']", v[n - 1]))
        n--;
    if (!n)
        return;
    if (key_len == 5 && !strncasecmp(key, "title", 5))
        emit_field(e, FIELD_TITLE, v, n);
    else if ((key_len == 6 && !strncasecmp(key, "author", 6)) ||
             (key_len == 7 && !strncasecmp(key, "authors", 7)))
        emit_field(e, FIELD_AUTHOR, v, n);
    else if (key_len == 4 && !strncasecmp(key, "lang", 4) && n == 2)
        emit_field(e, FIELD_LANG, v, n);
    else if (key_len == 4 && !strncasecmp(key, "date", 4) && date_parse(v, n, &ns))
        emit_number(e, FIELD_DATE, ns);
    else if ((key_len == 4 && !strncasecmp(key, "tags", 4)) ||
             (key_len == 8 && !strncasecmp(key, "keywords", 8)))
        emit_meta(e, "keywords", v, n);
}

/* Bytes of front matter at the start of s, 0 when there is none. */
static size_t front_matter(emitter *e, const char *s, size_t len, bool metadata, uint32_t *lines)
{
    size_t at = 4;
    uint32_t count = 1;
    const char *fence = len && *s == '+' ? "+++" : "---"; /* TOML between pluses: "key = value" */

    *lines = 0;
    if (len < 8 || memcmp(s, fence, 3) != 0 || (s[3] != '\n' && memcmp(s + 3, "\r\n", 2) != 0))
        return 0;
    for (int pass = 0; pass < 2; pass++) { /* look for the end first, then read */
        bool closed = false;

        at = (size_t)((const char *)memchr(s, '\n', len) - s) + 1;
        count = 1;
        while (at < len && count < 200 && !closed) {
            const char *nl = memchr(s + at, '\n', len - at), *colon;
            size_t n = nl ? (size_t)(nl - s) - at : len - at;

            count++;
            closed =
                n >= 3 && !memcmp(s + at, fence, 3) && (n == 3 || (n == 4 && s[at + 3] == '\r'));
            colon = memchr(s + at, *fence == '+' ? '=' : ':', n);
            if (pass && metadata && !closed && colon) {
                size_t key = (size_t)(colon - s) - at;
                while (key && s[at + key - 1] == ' ')
                    key--;
                front_matter_field(e, s + at, key, colon + 1, n - ((size_t)(colon - s) - at) - 1);
            }
            at += n + (nl != NULL);
        }
        if (!closed)
            return 0;
    }
    *lines = count;
    return at;
}

cairn_status parse_markdown(emitter *e, const parse_input *in)
{
    static const char *const extensions[] = {"table", "strikethrough", "autolink", "tasklist"};
    markdown m = {.e = e};
    cmark_parser *parser = NULL;
    cmark_node *root = NULL;
    decoded d;
    size_t skip;
    cairn_status st = encoding_decode(&d, in->data, in->len, in->charset);

    if (st) {
        emit_fail(e, st, "decoding %s", d.name);
        goto done;
    }
    if (d.in_place && !in->part)
        emit_from_source(e, in->data, in->len);
    skip = front_matter(e, d.text, d.len, !in->part, &m.line_base);
    m.s = d.text + skip;
    m.len = d.len - skip;
    m.base = e->source ? (size_t)(m.s - e->source) : 0;
    cmark_gfm_core_extensions_ensure_registered();
    parser = cmark_parser_new(CMARK_OPT_DEFAULT | CMARK_OPT_FOOTNOTES);
    if (!parser || !index_lines(&m)) {
        emit_fail(e, CAIRN_ENOMEM, "parsing Markdown");
        goto done;
    }
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        cmark_syntax_extension *ext = cmark_find_syntax_extension(extensions[i]);
        if (ext)
            cmark_parser_attach_syntax_extension(parser, ext);
    }
    cmark_parser_feed(parser, m.s, m.len);
    root = cmark_parser_finish(parser);
    if (root)
        blocks(&m, root, 0);
done:
    if (root)
        cmark_node_free(root);
    if (parser)
        cmark_parser_free(parser);
    free(m.lines);
    encoding_clear(&d);
    return e->status;
}
