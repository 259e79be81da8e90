/* org.c - Org mode: headlines, keywords, source blocks, tables, lists; drawers and comments are left out. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "ingest/extract/dates.h"
#include "ingest/extract/outline.h"

static bool starts(const text_line *l, const char *word)
{
    size_t n = strlen(word);

    return l->len - l->indent >= n && !strncasecmp(l->s + l->indent, word, n);
}

/* "[[target][words]]" to the words, "[[target]]" to the target. */
static void put_links(bytes *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        const char *end = i + 4 < len && !strncmp(s + i, "[[", 2) ? memmem(s + i, len - i, "]]", 2)
                                                                  : NULL;
        if (end) {
            const char *from = s + i + 2,
                       *words = memmem(from, (size_t)(end - from), "][", 2);
            if (words)
                from = words + 2;
            bytes_append(out, from, (size_t)(end - from));
            i = (size_t)(end - s) + 2;
        } else {
            bytes_append(out, s + i, 1);
            i++;
        }
    }
}

/* ":work:hard:" as "work, hard". */
static void give_tags(emitter *e, const char *s, size_t len)
{
    bytes list;

    bytes_init(&list, 2 * len + 16);
    while (len) {
        const char *colon = memchr(s, ':', len);
        size_t n = colon ? (size_t)(colon - s) : len;
        if (n) {
            bytes_append(&list, ", ", list.len ? 2 : 0);
            bytes_append(&list, s, n);
        }
        s += n + (colon != NULL);
        len -= n + (colon != NULL);
    }
    emit_meta(e, "keywords", list.data ? list.data : "", list.len);
    bytes_clear(&list);
}

/* The stars are counted by the caller. A keyword of a task and tags at the end are no words of the title. */
static void headline(outline *o, const text_line *l, size_t stars)
{
    static const char *const states[] = {"TODO ", "DONE ", "NEXT ", "WAITING ", "CANCELLED "};
    const char *s = l->s + stars;
    size_t len = l->len - stars;
    bytes text;

    while (len && *s == ' ')
        s++, len--;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (len > strlen(states[i]) && !strncmp(s, states[i], strlen(states[i]))) {
            s += strlen(states[i]);
            len -= strlen(states[i]);
            break;
        }
    if (len > 2 && s[len - 1] == ':') {
        const char *tags = memrchr(s, ' ', len);
        if (tags && tags[1] == ':') {
            give_tags(o->e, tags + 1, len - (size_t)(tags + 1 - s));
            len = (size_t)(tags - s);
        }
    }
    bytes_init(&text, l->len + 1);
    put_links(&text, s, len);
    outline_heading(o, (unsigned)stars, l, text.data ? text.data : "", text.len);
    bytes_clear(&text);
}

static void keyword(outline *o, const text_line *l)
{
    static const struct {
        const char *name;
        document_field field;
    } known[] = {{"#+title:", FIELD_TITLE}, {"#+author:", FIELD_AUTHOR}, {"#+language:", FIELD_LANG}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (starts(l, known[i].name)) {
            size_t skip = l->indent + strlen(known[i].name);
            while (skip < l->len && l->s[skip] == ' ')
                skip++;
            emit_field(o->e, known[i].field, l->s + skip, l->len - skip);
        }
    if (starts(l, "#+date:")) {
        size_t skip = l->indent + 7;
        int64_t ns;
        if (date_parse(l->s + skip, l->len - skip, &ns))
            emit_number(o->e, FIELD_DATE, ns);
    }
    if (starts(l, "#+filetags:")) {
        size_t skip = l->indent + 11;
        while (skip < l->len && l->s[skip] == ' ')
            skip++;
        give_tags(o->e, l->s + skip, l->len - skip);
    }
    if (starts(l, "#+caption:"))
        outline_add(o, INGEST_PARAGRAPH, l, l->s + l->indent + 10, l->len - l->indent - 10);
}

static void table_row(outline *o, const text_line *l)
{
    bytes row;
    size_t i = l->indent + 1;

    if (i < l->len && l->s[i] == '-')
        return; /* a rule */
    bytes_init(&row, 4 * l->len + 16);
    while (i < l->len) {
        const char *bar = memchr(l->s + i, '|', l->len - i);
        size_t end = bar ? (size_t)(bar - l->s) : l->len, from = i, to = end;
        while (from < to && l->s[from] == ' ')
            from++;
        while (to > from && l->s[to - 1] == ' ')
            to--;
        if (i > l->indent + 1 && (bar || to > from))
            bytes_append_str(&row, " | ");
        put_links(&row, l->s + from, to - from);
        i = end + 1;
    }
    outline_add(o, INGEST_TABLE, l, row.data ? row.data : "", row.len);
    bytes_clear(&row);
}

static bool is_list_item(const text_line *l)
{
    size_t i = l->indent;

    if (i + 1 < l->len && strchr("-+", l->s[i]) && l->s[i + 1] == ' ')
        return true;
    while (i < l->len && isdigit((unsigned char)l->s[i]))
        i++;
    return i > l->indent && i + 1 < l->len && strchr(".)", l->s[i]) && l->s[i + 1] == ' ';
}

/* ":NAME:" alone on its line. */
static bool is_drawer(const text_line *l)
{
    size_t n = l->len - l->indent;
    const char *s = l->s + l->indent;

    while (n && s[n - 1] == ' ')
        n--;
    return n > 2 && s[0] == ':' && s[n - 1] == ':' && !memchr(s, ' ', n);
}

/* Until "#+end_..." : the lines as they stand. */
static void block(outline *o, ingest_block_kind kind)
{
    text_line l;

    outline_flush(o);
    while (outline_line(o, &l) && !starts(&l, "#+end_"))
        outline_add(o, kind, &l, l.s, l.len);
    outline_flush(o);
}

static void body_line(outline *o, const text_line *l)
{
    bool item = is_list_item(l);
    ingest_block_kind kind = item || (o->text.len && o->kind == INGEST_LIST && l->indent)
                                 ? INGEST_LIST
                                 : INGEST_PARAGRAPH;
    size_t from = kind == INGEST_LIST ? 0 : l->indent;
    bytes text;

    bytes_init(&text, l->len + 1);
    put_links(&text, l->s + from, l->len - from);
    outline_add(o, kind, l, text.data ? text.data : "", text.len);
    bytes_clear(&text);
}

cairn_status parse_org(emitter *e, const parse_input *in)
{
    outline o;
    text_line l;

    if (!outline_open(&o, e, in))
        while (outline_line(&o, &l)) {
            size_t stars = 0;
            while (stars < l.len && l.s[stars] == '*')
                stars++;
            if (stars && stars < l.len && l.s[stars] == ' ')
                headline(&o, &l, stars);
            else if (line_is_empty(&l))
                outline_flush(&o);
            else if (starts(&l, "#+begin_src") || starts(&l, "#+begin_example"))
                block(&o, INGEST_CODE);
            else if (starts(&l, "#+begin_quote"))
                block(&o, INGEST_QUOTE);
            else if (starts(&l, "#+begin_comment"))
                while (outline_line(&o, &l) && !starts(&l, "#+end_comment"))
                    ;
            else if (starts(&l, "#+"))
                keyword(&o, &l);
            else if (starts(&l, "# "))
                ; /* a comment */
            else if (is_drawer(&l))
                while (!starts(&l, ":end:") && outline_line(&o, &l))
                    ;
            else if (l.s[l.indent] == '|')
                table_row(&o, &l);
            else
                body_line(&o, &l);
        }
    outline_close(&o);
    return e->status;
}
