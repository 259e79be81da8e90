/* xlsx.c - SpreadsheetML (ECMA-376 part 1, section 18): a sheet is a heading and its rows are
 * tables.
 *
 * Each table block has its range ("A1:F40") as a heading below the sheet's name, so that a citation
 * names the place, and begins with the sheet's first row. Numbers are given as they would be typed:
 * shortest form, dates by their format, percentages as such. Where a cell shows a number otherwise, grouped or rounded, the
 * shown form stands before it: "123,456.79 (123456.789)", with the currency of its format: "$12.50". Merged cells are said
 * again in the rows that they cover. Groups and decimals are written as in English: a file does
 * not say which marks its reader sees. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/checked.h"
#include "ingest/extract/office.h"
#include "ingest/extract/rows.h"

#define MAX_STRINGS 4000000
#define MAX_FORMATS 65536
#define MAX_COLUMNS 16384
#define MAX_SHEETS  4096
#define GAP_MAX     256    /* empty columns in a row; a wider gap is closed up */
#define MAX_MERGES  100000 /* of a sheet */
/* About one passage: a finer range in the citation. */
#define BLOCK_BYTES ((size_t)1200)

typedef enum cell_kind { PLAIN, DATE, TIME, DATE_TIME, NUMBER, PERCENT } cell_kind;

/* How a style shows a number. */
typedef struct cell_format {
    uint8_t kind;           /* a cell_kind */
    uint8_t decimals, most; /* always shown; at most */
    bool grouped;           /* in thousands */
    bool behind;            /* the currency stands behind the number */
    char currency[8];       /* "$", "EUR"; "" where none is shown */
} cell_format;

/* Cells that are shown as one: their first place and how far they reach. */
typedef struct merge {
    uint32_t row; /* from 1 */
    unsigned column, wide, down;
} merge;

typedef struct xlsx {
    office *o;
    bytes strings; /* shared strings, one behind the other */
    uint32_t *string_at;
    size_t n_strings, cap_strings;
    cell_format *formats; /* of each style */
    size_t n_formats;
    bool from_1904;
    cell_format custom[256]; /* the custom number formats 164 .. 419 */
    merge *merges; /* of the sheet in hand, by their first cell */
    size_t n_merges, next_merge;
    rows t;
} xlsx;

/* ---- shared strings ---- */

/* "_x000D_" stands for a character that XML cannot hold (ST_Xstring, 22.9.2.19); control characters end as
 * a space. */
static void unescape(bytes *out, size_t from)
{
    size_t n = from;

    for (size_t i = from; i < out->len;) {
        unsigned code;
        int used = 0;
        if (out->len - i >= 7 && out->data[i] == '_' && out->data[i + 1] == 'x' &&
            sscanf(out->data + i + 2, "%4x%n", &code, &used) == 1 && used == 4 &&
            out->data[i + 6] == '_' && (code < 0x20 || code == '_')) {
            out->data[n++] = code < 0x20 ? ' ' : '_';
            i += 7;
        } else {
            out->data[n++] = out->data[i++];
        }
    }
    if (out->data)
        out->data[out->len = n] = 0;
}

/* Text of a string item: its runs, without the phonetic ones. */
static void item_text(xmlNodePtr n, bytes *out)
{
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (xml_is(c, "t")) {
            size_t from = out->len;
            xml_text(c, out);
            unescape(out, from);
        } else if (xml_is(c, "r")) {
            item_text(c, out);
        }
    }
}

static bool keep_string(xlsx *x)
{
    if (x->n_strings == x->cap_strings) {
        size_t cap = x->cap_strings ? x->cap_strings * 2 : 1024;
        uint32_t *more =
            cap > MAX_STRINGS ? NULL : checked_realloc(x->string_at, cap, sizeof *more);
        if (!more)
            return false;
        x->string_at = more;
        x->cap_strings = cap;
    }
    x->string_at[x->n_strings++] = (uint32_t)x->strings.len;
    return x->strings.len < UINT32_MAX / 2;
}

static void read_strings(xlsx *x, const char *main_part)
{
    char part[OFFICE_PATH];
    bytes xml;
    xml_stream s;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (office_relation(x->o, main_part, NULL, "sharedStrings", part) &&
        package_read(x->o->p, part, &xml) && xml_open(&s, &xml)) {
        while (xml_next(&s)) {
            xmlNodePtr n = xml_at(&s, "si") ? xml_subtree(&s) : NULL;
            if (!n)
                continue;
            if (!keep_string(x)) {
                emit_fail(x->o->e, CAIRN_ELIMIT, "holds more than %d different texts", MAX_STRINGS);
                break;
            }
            item_text(n, &x->strings);
            bytes_append(&x->strings, "", 1);
        }
        xml_close(&s);
    }
    bytes_clear(&xml);
}

/* ---- number formats (18.8.30) ---- */

#define MAX_DECIMALS 15

/* Behind a part of a code that stands for itself or says no more than a colour; NULL: `code` begins none. */
static const char *literal_end(const char *code)
{
    char end = *code == '"' ? '"' : ']';

    if (*code == '\\' || *code == '_' || *code == '*')
        return code + 1 + (code[1] != 0);
    if (*code != '"' && *code != '[')
        return NULL;
    while (*++code && *code != end) {
    }
    return code + (*code != 0);
}

/* "#,##0.00": digits, groups and decimals of the first section. Scaled, fractional and scientific ones are plain. */
static cell_format number_of_code(const char *code, bool percent)
{
    cell_format f = {.kind = percent ? PERCENT : NUMBER};
    bool digits = false, point = false, comma = false;

    for (const char *end; *code && *code != ';'; code++) {
        if ((end = literal_end(code)) != NULL) {
            code = end - 1;
        } else if (strchr("0#?", *code)) {
            f.grouped |= comma && !point;
            digits = true;
            f.most += point && f.most < MAX_DECIMALS;
            f.decimals += point && *code == '0' && f.decimals < MAX_DECIMALS;
        } else if (*code == '.') {
            point = true;
        } else if (*code == ',') {
            if (point)
                return (cell_format){.kind = percent ? PERCENT : PLAIN, .most = MAX_DECIMALS};
            comma = digits;
        } else if (strchr("eE/", *code)) {
            return (cell_format){.kind = PLAIN};
        }
    }
    /* A comma behind the last digit divides by a thousand. */
    if (!digits || (comma && !f.grouped))
        return (cell_format){.kind = percent ? PERCENT : PLAIN, .most = MAX_DECIMALS};
    return f;
}

/* The currency that a code shows, as it writes it: "$", [$\xe2\x82\xac-407], EUR between quotation marks. */
static void currency_of_code(const char *code, cell_format *f)
{
    static const char *const signs[] = {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN"};
    const char *section = strchrnul(code, ';'), *digit = strpbrk(code, "0#?"), *best = NULL, *at;

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        at = memmem(code, (size_t)(section - code), signs[i], strlen(signs[i]));
        if (at && !strcmp(signs[i], "$") && at > code && at[-1] == '[' && at[1] != '-' && at[1] != ']') /* "[$" opens another's name */
            at = NULL;
        if (!at || best)
            continue;
        best = at;
        snprintf(f->currency, sizeof f->currency, "%s", signs[i]);
    }
    f->behind = best && digit && best > digit;
}

static cell_format format_of_code(const char *all)
{
    bool date = false, time = false, percent = false;

    for (const char *code = all, *end; *code && *code != ';'; code++) {
        if (*code == '[' && (code[1] == 'h' || code[1] == 'm' || code[1] == 's'))
            time = true; /* [h]:mm: hours past a day */
        if ((end = literal_end(code)) != NULL) {
            code = end - 1;
        } else if (strchr("yYdD", *code)) {
            date = true;
        } else if (strchr("hHsS", *code)) {
            time = true;
        } else if (*code == '%') {
            percent = true;
        } else if (*code == 'm' && code[1] == 'm' && code[2] == 'm') {
            date = true;
        }
    }
    if (date || time)
        return (cell_format){.kind = date && time ? DATE_TIME : date ? DATE : TIME};
    cell_format f = number_of_code(all, percent);
    currency_of_code(all, &f);
    return f;
}

static cell_format format_of_id(const xlsx *x, int id)
{
    if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || (id >= 50 && id <= 58))
        return (cell_format){.kind = DATE};
    if ((id >= 18 && id <= 21) || (id >= 45 && id <= 47) || (id >= 32 && id <= 35))
        return (cell_format){.kind = TIME};
    if (id == 22)
        return (cell_format){.kind = DATE_TIME};
    if (id == 9 || id == 10)
        return (cell_format){.kind = PERCENT, .decimals = id == 10 ? 2 : 0, .most = id == 10 ? 2 : 0};
    if (id == 1 || id == 3 || id == 37 || id == 38)
        return (cell_format){.kind = NUMBER, .grouped = id != 1};
    if (id == 2 || id == 4 || id == 39 || id == 40)
        return (cell_format){.kind = NUMBER, .decimals = 2, .most = 2, .grouped = id != 2};
    return id >= 164 && id < 164 + 256 ? x->custom[id - 164] : (cell_format){.kind = PLAIN};
}

static void read_formats(xlsx *x, const char *main_part)
{
    char part[OFFICE_PATH];
    bytes xml;
    xml_stream s;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (office_relation(x->o, main_part, NULL, "styles", part) &&
        package_read(x->o->p, part, &xml) && xml_open(&s, &xml)) {
        while (xml_next(&s)) {
            xmlNodePtr n = NULL;
            if (xml_at(&s, "numFmt") && (n = xml_subtree(&s)) != NULL) {
                int id = atoi(xml_attribute(n, "numFmtId")) - 164;
                if (id >= 0 && id < 256)
                    x->custom[id] = format_of_code(xml_attribute(n, "formatCode"));
            } else if (xml_at(&s, "cellXfs") && (n = xml_subtree(&s)) != NULL) {
                for (xmlNodePtr c = n->children; c && x->n_formats < MAX_FORMATS; c = c->next)
                    if (xml_is(c, "xf"))
                        x->formats[x->n_formats++] = format_of_id(x, atoi(xml_attribute(c, "numFmtId")));
            }
        }
        xml_close(&s);
    }
    bytes_clear(&xml);
}

/* ---- cells ---- */

/* Days since 1899-12-30 (1904-01-01 in old Mac files), with the time of day as fraction. */
static bool put_date(const xlsx *x, double days, cell_kind kind, bytes *out)
{
    const double epoch = x->from_1904 ? 24107 : 25569; /* 1970-01-01 */
    double seconds = round((days - epoch) * 86400);
    time_t at = (time_t)seconds;
    struct tm tm;
    char text[32];

    if (!(days >= 0 && days < 2958466) || !gmtime_r(&at, &tm)) /* to the end of 9999 */
        return false;
    if (kind == TIME || (kind != DATE && days < 1))
        strftime(text, sizeof text, tm.tm_sec ? "%H:%M:%S" : "%H:%M", &tm);
    else
        strftime(text, sizeof text, kind == DATE ? "%Y-%m-%d" : "%Y-%m-%d %H:%M", &tm);
    return !bytes_append_str(out, text);
}

/* As the cell shows it, without what stands around the digits. */
static void show_number(double v, const cell_format *f, char out[96])
{
    char plain[64];
    int len = snprintf(plain, sizeof plain, "%.*f", f->most, v), whole, n = 0;
    char *point = memchr(plain, '.', (size_t)len);

    if (point)
        while (plain + len > point + 1 + f->decimals && plain[len - 1] == '0')
            len--;
    if (point == plain + len - 1)
        len--;
    whole = point ? (int)(point - plain) : len;
    for (int i = 0; i < len && n < 94; i++) {
        if (f->grouped && i < whole && i && plain[i - 1] != '-' && (whole - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = plain[i];
    }
    out[n] = 0;
}

/* A number with the currency or the sign that its cell shows. */
static void put_shown(const char *number, const cell_format *f, bytes *out)
{
    bool negative = *number == '-', words = isalpha((unsigned char)*f->currency);

    if (*f->currency && !f->behind && words)
        bytes_printf(out, "%s %s", f->currency, number);
    else if (*f->currency && !f->behind)
        bytes_printf(out, "%s%s%s", negative ? "-" : "", f->currency, number + negative);
    else
        bytes_printf(out, "%s%s%s%s", number, f->kind == PERCENT ? "%" : "", *f->currency ? " " : "", f->currency);
}

static void put_number(const xlsx *x, const char *value, size_t style, bytes *out)
{
    cell_format f = style < x->n_formats ? x->formats[style] : (cell_format){.kind = PLAIN};
    char *end, text[64], shown[96];
    double v = strtod(value, &end);

    if (end == value || *end || !isfinite(v)) {
        bytes_append_str(out, value);
        return;
    }
    if ((f.kind == DATE || f.kind == TIME || f.kind == DATE_TIME) && put_date(x, v, (cell_kind)f.kind, out))
        return;
    if (f.kind == PERCENT)
        v *= 100;
    /* 15 digits are what a spreadsheet keeps; the file may hold 17 with the rounding in view. */
    snprintf(text, sizeof text, "%.15g", v);
    if ((f.kind == NUMBER || f.kind == PERCENT) && f.most < MAX_DECIMALS && fabs(v) < 1e15) {
        show_number(v, &f, shown);
        if (strcmp(shown, text)) {
            put_shown(shown, &f, out);
            bytes_printf(out, " (%s)", text);
            return;
        }
    }
    put_shown(text, &f, out);
}

static void put_cell(xlsx *x, xmlNodePtr c)
{
    const char *type = xml_attribute(c, "t");
    xmlNodePtr value = xml_child(c, "v"), in_place = xml_child(c, "is");
    bytes v;

    if (in_place)
        item_text(in_place, &x->t.row);
    if (!value || !strcmp(type, "inlineStr"))
        return;
    bytes_init(&v, SIZE_MAX / 4);
    xml_text(value, &v);
    if (v.len && !strcmp(type, "s")) {
        size_t i = strtoul(v.data, NULL, 10);
        if (i < x->n_strings)
            bytes_append_str(&x->t.row, x->strings.data + x->string_at[i]);
    } else if (v.len && !strcmp(type, "b")) {
        bytes_append_str(&x->t.row, *v.data == '1' ? "TRUE" : "FALSE");
    } else if (v.len && (!*type || !strcmp(type, "n"))) {
        put_number(x, v.data, strtoul(xml_attribute(c, "s"), NULL, 10), &x->t.row);
    } else if (v.len) {
        bytes_append(&x->t.row, v.data, v.len); /* a formula's text, a date, an error */
    }
    bytes_clear(&v);
}

/* "BC12" is column 54, counted from 0; -1 when it is no reference. */
static int column_of(const char *ref)
{
    int n = 0;

    for (; isupper((unsigned char)*ref) && n < MAX_COLUMNS; ref++)
        n = n * 26 + (*ref - 'A' + 1);
    return n && n <= MAX_COLUMNS ? n - 1 : -1;
}

/* ---- sheets ---- */

static void name_range(void *ctx)
{
    xlsx *x = ctx;
    char range[64];

    rows_range(range, x->t.first_number, x->t.last_number, x->t.last_column);
    emit_block(x->o->e, INGEST_HEADING, x->t.titled ? 3 : 2, range, strlen(range));
}

static int by_place(const void *x, const void *y)
{
    const merge *a = x, *b = y;

    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

/* What is merged stands behind the rows, so it is looked for before them: ref="A2:C5". */
static void read_merges(xlsx *x, const bytes *xml)
{
    static const char name[] = "mergeCell ";
    const char *at = xml->data, *end = at + xml->len;
    size_t cap = 0;

    x->n_merges = x->next_merge = 0;
    while (at && at < end && x->n_merges < MAX_MERGES && (at = memmem(at, (size_t)(end - at), name, sizeof name - 1)) != NULL) {
        char ref[64] = "", from[8], to[8];
        unsigned first, last;
        const char *close = memchr(at, '>', (size_t)(end - at)), *value = close ? memmem(at, (size_t)(close - at), "ref=", 4) : NULL;
        if (value)
            snprintf(ref, sizeof ref, "%.*s", (int)(close - value - 5 < 63 ? close - value - 5 : 63), value + 5);
        at += sizeof name - 1;
        if (sscanf(ref, "%7[A-Z]%u:%7[A-Z]%u", from, &first, to, &last) != 4 || column_of(from) < 0 || column_of(to) < column_of(from) || last < first)
            continue;
        if (x->n_merges == cap) {
            merge *more = checked_realloc(x->merges, cap = cap ? 2 * cap : 64, sizeof *more);
            if (!more) {
                emit_fail(x->o->e, CAIRN_ENOMEM, "merged cells");
                return;
            }
            x->merges = more;
        }
        x->merges[x->n_merges++] = (merge){first, (unsigned)column_of(from), (unsigned)(column_of(to) - column_of(from)) + 1, last - first + 1};
    }
    if (x->n_merges)
        qsort(x->merges, x->n_merges, sizeof *x->merges, by_place);
}

/* The merge that begins at this cell; rows and columns come in order. */
static const merge *merge_at(xlsx *x, uint32_t row, unsigned column)
{
    while (x->next_merge < x->n_merges && (x->merges[x->next_merge].row < row ||
                                           (x->merges[x->next_merge].row == row && x->merges[x->next_merge].column < column)))
        x->next_merge++;
    if (x->next_merge < x->n_merges && x->merges[x->next_merge].row == row && x->merges[x->next_merge].column == column)
        return &x->merges[x->next_merge];
    return NULL;
}

static void row(xlsx *x, xmlNodePtr r, uint32_t number)
{
    int last = -1;

    if (x->t.number && number > x->t.number + 1)
        rows_gap(&x->t);
    x->t.number = number;
    for (xmlNodePtr c = r->children; c; c = c->next) {
        const merge *m;
        int column;
        if (!xml_is(c, "c"))
            continue;
        column = column_of(xml_attribute(c, "r"));
        if (column <= last)
            column = last + 1;
        last = column;
        if ((size_t)column > x->t.cells + GAP_MAX)
            column = (int)x->t.cells + GAP_MAX;
        if (!rows_cell_to(&x->t, (size_t)column) || x->t.cells > (size_t)column)
            continue; /* what covers it was said already */
        rows_cell_begin(&x->t);
        put_cell(x, c);
        if ((m = merge_at(x, number, (unsigned)column)) != NULL)
            rows_cell_spans(&x->t, m->wide, m->down);
    }
    if (!x->t.cells)
        rows_gap(&x->t);
    rows_end_row(&x->t);
}

/* Put what the element at s says into text. */
typedef void beside_fn(xlsx *x, const char *part, xml_stream *s, bytes *text);

/* A part that stands beside the cells of a sheet becomes a paragraph: fn for each of its elements. */
static void beside(xlsx *x, const char *sheet_part, const char *kind, beside_fn *fn)
{
    char part[OFFICE_PATH];
    bytes xml, text;
    xml_stream s;

    if (!office_relation(x->o, sheet_part, NULL, kind, part))
        return;
    bytes_init(&xml, PACKAGE_MAX_PART);
    bytes_init(&text, SIZE_MAX / 4);
    if (package_read(x->o->p, part, &xml) && xml_open(&s, &xml)) {
        while (xml_next(&s))
            fn(x, part, &s, &text);
        xml_close(&s);
    }
    if (text.len)
        emit_block(x->o->e, INGEST_PARAGRAPH, 0, text.data, text.len);
    bytes_clear(&text);
    bytes_clear(&xml);
}

/* "B7: words"; of threads (2018 on) the older copy says the same. */
static void comment(xlsx *x, const char *part, xml_stream *s, bytes *text)
{
    xmlNodePtr n = xml_at(s, "comment") ? xml_subtree(s) : NULL, words;

    if (!n || !(words = xml_child(n, "text")))
        return;
    bytes_printf(text, "%s%.16s: ", text->len ? "\n" : "", xml_attribute(n, "ref"));
    item_text(words, text);
}

/* Text boxes, shapes and charts that lie over the cells. */
static void drawing(xlsx *x, const char *part, xml_stream *s, bytes *text)
{
    xmlNodePtr n = xml_at(s, "txBody") || xml_at(s, "chart") ? xml_subtree(s) : NULL;

    if (!n)
        return;
    if (xml_is(n, "chart"))
        office_chart(x->o, part, xml_attribute(n, "id"), text);
    else
        office_drawing_words(n, text);
}

static void sheet(xlsx *x, const char *name, const char *part)
{
    bytes xml;
    xml_stream s;
    uint32_t number = 0;

    bytes_init(&xml, PACKAGE_MAX_PART);
    emit_block(x->o->e, INGEST_HEADING, 1, name, strlen(name));
    if (package_read(x->o->p, part, &xml) && xml_open(&s, &xml)) {
        rows_begin(&x->t, x->o->e, BLOCK_BYTES);
        x->t.before = name_range;
        x->t.ctx = x;
        x->t.title_level = 2;
        read_merges(x, &xml);
        while (!x->o->e->status && xml_next(&s)) {
            xmlNodePtr r = xml_at(&s, "row") ? xml_subtree(&s) : NULL;
            if (!r)
                continue;
            number++;
            if (*xml_attribute(r, "r"))
                number = (uint32_t)strtoul(xml_attribute(r, "r"), NULL, 10);
            row(x, r, number);
        }
        rows_end(&x->t);
        office_damage(x->o, &s);
        xml_close(&s);
        beside(x, part, "comments", comment);
        beside(x, part, "drawing", drawing);
    }
    bytes_clear(&xml);
}

void xlsx_parse(office *o, const char *main_part)
{
    xlsx x = {.o = o};
    char part[OFFICE_PATH];
    uint32_t n = 0;
    bytes xml;
    xml_stream s;

    bytes_init(&xml, PACKAGE_MAX_PART);
    bytes_init(&x.strings, SIZE_MAX / 4);
    x.formats = calloc(MAX_FORMATS, sizeof *x.formats);
    if (!x.formats)
        emit_fail(o->e, CAIRN_ENOMEM, "formats of a spreadsheet");
    read_strings(&x, main_part);
    read_formats(&x, main_part);
    if (!package_read(o->p, main_part, &xml) || !xml_open(&s, &xml)) {
        emit_fail(o->e, CAIRN_EINPUT, "broken: %s is missing or no XML", main_part);
    } else {
        while (!o->e->status && n < MAX_SHEETS && xml_next(&s)) {
            xmlNodePtr e = NULL;
            if (xml_at(&s, "workbookPr") && (e = xml_subtree(&s)) != NULL) {
                const char *mac = xml_attribute(e, "date1904");
                x.from_1904 = !strcmp(mac, "1") || !strcmp(mac, "true");
            } else if (xml_at(&s, "sheet") && (e = xml_subtree(&s)) != NULL) {
                o->e->page = ++n;
                if (office_relation(o, main_part, xml_attribute(e, "id"), NULL, part))
                    sheet(&x, xml_attribute(e, "name"), part);
            }
        }
        emit_number(o->e, FIELD_PAGES, n);
        office_damage(o, &s);
        xml_close(&s);
    }
    free(x.formats);
    free(x.merges);
    free(x.string_at);
    bytes_clear(&x.strings);
    bytes_clear(&xml);
}
