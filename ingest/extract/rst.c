/* rst.c - reStructuredText (docutils' specification): titles by their underlines, whose characters get levels
 * in the order in which they appear, literal blocks, directives, fields, lists, tables, footnotes. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "ingest/extract/csv.h"
#include "ingest/extract/dates.h"
#include "ingest/extract/outline.h"

#define RST_STYLES 8

#define RST_NAMES  64

/* ".. |name| replace:: words" */
typedef struct replaced {
    const char *name, *words;
    size_t name_len, words_len;
} replaced;

typedef struct rst {
    outline o;
    replaced names[RST_NAMES];
    size_t n_names;
    char style[RST_STYLES]; /* of title level i + 1; the high bit: with an overline */
    size_t n_styles;
    bool seen_text;
} rst;

/* A line of one repeated punctuation character; the character, or 0. */
static char rule_of(const text_line *l)
{
    size_t n = l->len;

    while (n && l->s[n - 1] == ' ')
        n--;
    if (n < 3 || l->indent || !ispunct((unsigned char)l->s[0]))
        return 0;
    for (size_t i = 1; i < n; i++)
        if (l->s[i] != l->s[0])
            return 0;
    return l->s[0];
}

static unsigned level_of(rst *r, char style)
{
    for (size_t i = 0; i < r->n_styles; i++)
        if (r->style[i] == style)
            return (unsigned)i + 1;
    if (r->n_styles < RST_STYLES)
        r->style[r->n_styles++] = style;
    return (unsigned)r->n_styles;
}

/* A star that opens or closes "*emphasis*" or "**strong**" words: how many; 0: it is a star. */
static size_t stars(const char *s, size_t len, size_t i, size_t *open)
{
    size_t n = i + 1 < len && s[i + 1] == '*' ? 2 : 1;
    bool before = i && !isspace((unsigned char)s[i - 1]), after = i + n < len && !isspace((unsigned char)s[i + n]);

    if (!*open && after && (!before || strchr("([{<\"'-/:", s[i - 1]))) {
        for (size_t k = i + n; k + n <= len; k++) /* it must close on this line */
            if (s[k] == '*' && s[k + n - 1] == '*' && !isspace((unsigned char)s[k - 1])) {
                *open = n;
                return n;
            }
        return 0;
    }
    if (*open == n && before && (!after || ispunct((unsigned char)s[i + n]))) {
        *open = 0;
        return n;
    }
    return 0;
}

/* "|name|" that stands for words: its length with the bars, or 0. */
static size_t put_name(const rst *r, bytes *out, const char *s, size_t len)
{
    for (size_t i = 0; i < r->n_names; i++) {
        const replaced *x = &r->names[i];
        if (len >= x->name_len + 2 && s[x->name_len + 1] == '|' && !strncasecmp(s + 1, x->name, x->name_len)) {
            bytes_append(out, x->words, x->words_len);
            return x->name_len + 2;
        }
    }
    return 0;
}

/* Roles and backquotes: ":ref:`words <target>`" and "`words <target>`_" are the words; so are those between stars,
 * and those that a name between bars stands for. */
static void put_inline(const rst *r, bytes *out, const char *s, size_t len)
{
    size_t open = 0, done;

    for (size_t i = 0; i < len;) {
        size_t role = i;
        if ((s[i] == '*' && (done = stars(s, len, i, &open))) ||
            (s[i] == '|' && (done = put_name(r, out, s + i, len - i)))) {
            i += done;
            continue;
        }
        if (s[i] == ':') {
            role++;
            while (role < len && (isalnum((unsigned char)s[role]) || strchr(":-_", s[role])))
                role++;
        }
        if (role < len && s[role] == '`' && !(role + 1 < len && s[role + 1] == '`') &&
            (role == i || s[role - 1] == ':')) {
            const char *end = memchr(s + role + 1, '`', len - role - 1);
            if (end) {
                const char *from = s + role + 1, *angle = memchr(from, '<', (size_t)(end - from));
                size_t n = (size_t)((angle && angle > from ? angle : end) - from);
                while (n && from[n - 1] == ' ')
                    n--;
                bytes_append(out, from, n);
                i = (size_t)(end - s) + 1;
                while (i < len && s[i] == '_')
                    i++;
                continue;
            }
        }
        if (s[i] == '`' && i + 1 < len && s[i + 1] == '`') { /* literal text */
            i += 2;
            continue;
        }
        bytes_append(out, s + i, 1);
        i++;
    }
}

static void add(rst *r, ingest_block_kind kind, const text_line *l, size_t from, size_t to)
{
    bytes text;

    bytes_init(&text, l->len + 1);
    put_inline(r, &text, l->s + from, to - from);
    outline_add(&r->o, kind, l, text.data ? text.data : "", text.len);
    bytes_clear(&text);
    r->seen_text = true;
}

/* ---- tables ---- */

#define RST_COLUMNS 64

typedef struct cells {
    bytes text[RST_COLUMNS];
    size_t n;
} cells;

static void put_cell(const rst *r, cells *c, size_t i, const char *s, size_t len)
{
    while (len && *s == ' ')
        s++, len--;
    while (len && s[len - 1] == ' ')
        len--;
    if (i >= RST_COLUMNS)
        return;
    while (c->n <= i)
        bytes_init(&c->text[c->n++], SIZE_MAX / 4);
    if (len && c->text[i].len)
        bytes_append(&c->text[i], " ", 1);
    put_inline(r, &c->text[i], s, len);
}

/* The row in hand as a line of the table. */
static void end_row(rst *r, cells *c, const text_line *l)
{
    bytes row;
    bool says = false;

    bytes_init(&row, SIZE_MAX / 4);
    for (size_t i = 0; i < c->n; i++) {
        bytes_append(&row, " | ", i ? 3 : 0);
        bytes_append(&row, c->text[i].data ? c->text[i].data : "", c->text[i].len);
        says = says || c->text[i].len;
        bytes_clear(&c->text[i]);
    }
    if (says) {
        outline_add(&r->o, INGEST_TABLE, l, row.data, row.len);
        r->seen_text = true;
    }
    bytes_clear(&row);
    c->n = 0;
}

/* "+-----+----+" and "|" lines. A cell that reaches over columns is one cell. */
static bool grid_table(rst *r, const text_line *first)
{
    text_line l = *first, next;
    cells c = {.n = 0};
    size_t skip = l.indent;

    if (l.len - skip < 3 || l.s[skip] != '+' || !strchr("-=", l.s[skip + 1]) || l.s[l.len - 1] != '+' ||
        !outline_peek(&r->o, &next) || next.indent >= next.len || next.s[next.indent] != '|')
        return false;
    outline_flush(&r->o);
    while (outline_peek(&r->o, &next) && next.indent < next.len && strchr("+|", next.s[next.indent])) {
        const char *at, *end;
        outline_line(&r->o, &l);
        if (l.s[l.indent] == '+') {
            end_row(r, &c, &l);
            continue;
        }
        at = l.s + l.indent + 1;
        end = l.s + l.len;
        for (size_t i = 0; at < end; i++) {
            const char *bar = memchr(at, '|', (size_t)(end - at));
            put_cell(r, &c, i, at, (size_t)((bar ? bar : end) - at));
            at = bar ? bar + 1 : end;
        }
    }
    end_row(r, &c, &l);
    outline_flush(&r->o);
    return true;
}

/* "=====  ===": where its columns begin, into at[RST_COLUMNS]; how many, 0: no such line. */
static size_t simple_columns(const text_line *l, size_t *at)
{
    size_t n = 0;

    for (size_t i = l->indent; i < l->len; i++) {
        if (l->s[i] != '=' && l->s[i] != ' ')
            return 0;
        if (l->s[i] == '=' && (i == l->indent || l->s[i - 1] == ' ') && n < RST_COLUMNS)
            at[n++] = i;
    }
    return n > 1 ? n : 0;
}

/* Columns by the rule above; a line whose first column is empty goes on with the row before. */
static bool simple_table(rst *r, const text_line *first)
{
    size_t at[RST_COLUMNS], again[RST_COLUMNS], n = simple_columns(first, at), rules = 1;
    text_line l = *first, next;
    cells c = {.n = 0};

    if (!n || !outline_peek(&r->o, &next) || line_is_empty(&next))
        return false;
    outline_flush(&r->o);
    while (rules < 3 && outline_peek(&r->o, &next)) {
        if (simple_columns(&next, again)) {
            outline ahead = r->o;
            rules++;
            outline_line(&r->o, &l);
            ahead.at = l.next;
            if (rules == 2 && (!outline_peek(&ahead, &next) || line_is_empty(&next)))
                break; /* a table without a head ends with its second rule */
            continue;
        }
        outline_line(&r->o, &l);
        if (line_is_empty(&l) || l.s[l.indent] == '-')
            continue;
        if (l.indent < at[1])
            end_row(r, &c, &l);
        for (size_t i = 0; i < n; i++) {
            size_t from = at[i], to = i + 1 < n ? at[i + 1] : l.len;
            if (from < l.len)
                put_cell(r, &c, i, l.s + from, (to < l.len ? to : l.len) - from);
        }
    }
    end_row(r, &c, &l);
    outline_flush(&r->o);
    return true;
}

/* "* - cell" begins a row, "- cell" below it the next cell; what is deeper goes on with it. */
static void list_table(rst *r, unsigned deeper_than)
{
    text_line l, last = {.s = ""};
    cells c = {.n = 0};
    size_t cell = 0;
    bool row = false;

    while (outline_peek(&r->o, &l) && (line_is_empty(&l) || l.indent > deeper_than)) {
        const char *s = l.s + l.indent;
        size_t len = l.len - l.indent;
        outline_line(&r->o, &l);
        if (line_is_empty(&l) || (!row && *s == ':'))
            continue;
        if (len >= 3 && !strncmp(s, "* -", 3)) {
            end_row(r, &c, &last);
            row = true;
            cell = 0;
            s += 3, len -= 3;
        } else if (row && *s == '-' && (len == 1 || s[1] == ' ')) {
            cell++;
            s++, len--;
        } else if (!row) {
            continue;
        }
        put_cell(r, &c, cell, s, len);
        last = l;
    }
    end_row(r, &c, &last);
    outline_flush(&r->o);
}

static void csv_row(rst *r, const text_line *l, size_t from)
{
    csv line = {.s = l->s + from, .len = l->len - from, .line = 1, .separator = ','};
    cells c = {.n = 0};
    bool last = false;
    bytes cell;

    bytes_init(&cell, SIZE_MAX / 4);
    for (size_t i = 0; !last && i < RST_COLUMNS; i++) {
        bytes_reset(&cell);
        while (line.at < line.len && line.s[line.at] == ' ')
            line.at++;
        if (csv_cell(&line, &cell, &last, false))
            break;
        put_cell(r, &c, i, cell.data ? cell.data : "", cell.len);
    }
    bytes_clear(&cell);
    end_row(r, &c, l);
}

/* Options (":header: a, b" is a row), an empty line, rows. */
static void csv_table(rst *r, unsigned deeper_than)
{
    text_line l;
    bool options = true;

    while (outline_peek(&r->o, &l) && (line_is_empty(&l) || l.indent > deeper_than)) {
        outline_line(&r->o, &l);
        if (line_is_empty(&l))
            options = false;
        else if (!options || l.s[l.indent] != ':')
            csv_row(r, &l, l.indent);
        else if (l.len - l.indent > 8 && !strncmp(l.s + l.indent, ":header:", 8))
            csv_row(r, &l, l.indent + 8);
    }
    outline_flush(&r->o);
}

/* The indented lines that follow, verbatim or not at all. */
static void indented(rst *r, unsigned deeper_than, bool give)
{
    text_line l;

    while (outline_peek(&r->o, &l) && (line_is_empty(&l) || l.indent > deeper_than)) {
        outline_line(&r->o, &l);
        if (give)
            outline_add(&r->o, INGEST_CODE, &l, l.s, l.len);
    }
    outline_flush(&r->o);
}

/* Of a picture, what it is said to show: ":alt: words" below it. */
static void picture(rst *r, unsigned deeper_than)
{
    text_line l;

    while (outline_peek(&r->o, &l) && !line_is_empty(&l) && l.indent > deeper_than) {
        outline_line(&r->o, &l);
        if (l.len - l.indent > 6 && !strncmp(l.s + l.indent, ":alt: ", 6))
            add(r, INGEST_PARAGRAPH, &l, l.indent + 6, l.len);
    }
    outline_flush(&r->o);
}

/* A line that begins with "..": a directive with words, with code, or something to leave out. */
static void explicit_markup(rst *r, const text_line *l)
{
    static const char *const shown[] = {"note",    "warning", "tip",       "important", "caution",
                                        "attention", "hint",  "admonition", "topic",    "deprecated",
                                        "versionadded", "versionchanged", "seealso", "figure"};
    const char *s = l->s + l->indent + 2, *colons;
    size_t len = l->len - l->indent - 2, n;

    while (len && *s == ' ')
        s++, len--;
    outline_flush(&r->o);
    if (len && *s == '[' && memchr(s, ']', len)) { /* a footnote, a citation */
        const char *words = (const char *)memchr(s, ']', len) + 1;
        size_t from = (size_t)(words - l->s);
        while (from < l->len && l->s[from] == ' ')
            from++;
        if (from < l->len)
            add(r, INGEST_PARAGRAPH, l, from, l->len);
        return; /* what is indented below goes on with it */
    }
    colons = memmem(s, len, "::", 2);
    n = colons ? (size_t)(colons - s) : 0;
    for (size_t i = 0; n && i < sizeof shown / sizeof *shown; i++)
        if (strlen(shown[i]) == n && !strncmp(shown[i], s, n)) {
            size_t from = (size_t)(colons + 2 - l->s);
            if (from < l->len && n != 6) /* a figure's argument is a file */
                add(r, INGEST_PARAGRAPH, l, from, l->len);
            return; /* its body is read as text */
        }
    if ((n == 10 && !strncmp(s, "list-table", 10)) || (n == 9 && !strncmp(s, "csv-table", 9)) ||
        (n == 5 && !strncmp(s, "table", 5))) {
        size_t from = (size_t)(colons + 2 - l->s);
        while (from < l->len && l->s[from] == ' ')
            from++;
        if (from < l->len)
            add(r, INGEST_PARAGRAPH, l, from, l->len);
        outline_flush(&r->o);
        if (n == 10)
            list_table(r, l->indent);
        else if (n == 9)
            csv_table(r, l->indent);
        return; /* a table's body is read as such */
    }
    if (n == 5 && !strncmp(s, "image", 5)) {
        picture(r, l->indent);
        return;
    }
    indented(r, l->indent, n && (!strncmp(s, "code", 4) || !strncmp(s, "sourcecode", 10) ||
                                 !strncmp(s, "parsed-literal", 14)));
}

static bool is_item(const text_line *l)
{
    size_t i = l->indent;

    if (i + 1 < l->len && strchr("-*+", l->s[i]) && l->s[i + 1] == ' ')
        return true;
    while (i < l->len && isdigit((unsigned char)l->s[i]))
        i++;
    if (i == l->indent && i < l->len && l->s[i] == '#')
        i++;
    return i > l->indent && i + 1 < l->len && strchr(".)", l->s[i]) && l->s[i + 1] == ' ';
}

/* ":author: A. N. Other" before any text. */
static bool field(rst *r, const text_line *l)
{
    const char *end;
    size_t n, from;

    if (r->seen_text || l->indent || l->len < 3 || l->s[0] != ':')
        return false;
    end = memchr(l->s + 1, ':', l->len - 1);
    if (!end)
        return false;
    n = (size_t)(end - l->s) - 1;
    for (from = n + 2; from < l->len && l->s[from] == ' ';)
        from++;
    if (n == 6 && !strncasecmp(l->s + 1, "author", 6))
        emit_field(r->o.e, FIELD_AUTHOR, l->s + from, l->len - from);
    if (n == 4 && !strncasecmp(l->s + 1, "date", 4)) {
        int64_t ns;
        if (date_parse(l->s + from, l->len - from, &ns))
            emit_number(r->o.e, FIELD_DATE, ns);
    }
    return true;
}

/* A title with its underline (and overline). False: the line is none. */
static bool title(rst *r, const text_line *l)
{
    text_line next, under;
    char rule = rule_of(l);

    if (!outline_peek(&r->o, &next))
        return false;
    if (rule && !line_is_empty(&next) && !rule_of(&next)) { /* an overline, perhaps */
        outline ahead = r->o;
        ahead.at = next.next;
        if (outline_peek(&ahead, &under) && rule_of(&under) == rule) {
            outline_line(&r->o, &next);
            outline_heading(&r->o, level_of(r, (char)(rule | 0x80)), &next, next.s + next.indent,
                            next.len - next.indent);
            outline_line(&r->o, &under);
            return true;
        }
    }
    if (!rule && !l->indent && rule_of(&next) && next.len + 2 >= l->len && !strchr("+|", next.s[0])) {
        outline_heading(&r->o, level_of(r, rule_of(&next)), l, l->s, l->len);
        outline_line(&r->o, &next);
        return true;
    }
    return false;
}

static void body_line(rst *r, const text_line *l)
{
    size_t to = l->len;
    bool item = is_item(l), literal;

    while (to && l->s[to - 1] == ' ')
        to--;
    literal = to >= 2 && !strncmp(l->s + to - 2, "::", 2);
    if (literal)
        to -= to == l->indent + 2 ? 2 : 1;
    if (item || (r->o.text.len && r->o.kind == INGEST_LIST && l->indent))
        add(r, INGEST_LIST, l, 0, to);
    else if (to > l->indent)
        add(r, INGEST_PARAGRAPH, l, l->indent, to);
    if (literal) {
        outline_flush(&r->o);
        indented(r, l->indent, true);
    }
}

/* What names between bars stand for; they may be used before they are said. */
static void find_names(rst *r)
{
    static const char word[] = "replace::";
    outline o = r->o;
    text_line l;

    while (r->n_names < RST_NAMES && outline_line(&o, &l)) {
        const char *s = l.s + l.indent, *end = l.s + l.len, *bar, *at;
        if (end - s < 6 || strncmp(s, ".. |", 4) != 0 || !(bar = memchr(s + 4, '|', (size_t)(end - s) - 4)) ||
            !(at = memmem(bar, (size_t)(end - bar), word, sizeof word - 1)))
            continue;
        for (at += sizeof word - 1; at < end && *at == ' ';)
            at++;
        r->names[r->n_names++] = (replaced){s + 4, at, (size_t)(bar - s) - 4, (size_t)(end - at)};
    }
}

cairn_status parse_rst(emitter *e, const parse_input *in)
{
    rst r = {.n_styles = 0};
    text_line l;

    if (!outline_open(&r.o, e, in)) {
        find_names(&r);
        while (outline_line(&r.o, &l)) {
            if (line_is_empty(&l))
                outline_flush(&r.o);
            else if (l.len - l.indent >= 2 && !strncmp(l.s + l.indent, "..", 2) &&
                     (l.len - l.indent == 2 || l.s[l.indent + 2] == ' '))
                explicit_markup(&r, &l);
            else if (grid_table(&r, &l) || simple_table(&r, &l) || title(&r, &l) || rule_of(&l) ||
                     field(&r, &l))
                ;
            else
                body_line(&r, &l);
        }
    }
    outline_close(&r.o);
    return e->status;
}
