/* rtf.c - Rich Text Format (Microsoft, version 1.9.1): paragraphs, headings by outline level or
 * style, lists by the text of their markers, table rows, the information group.
 *
 * One pass over tokens: '{' saves the state, '}' brings it back, a control word changes it, the
 * rest is text in the code page of the font in use, or \uN with as many fallback characters as \uc
 * says. Destinations that are no text of the document (fonts, pictures, fields' instructions, all
 * those marked \* that are not known here) are skipped with all they hold. Footnotes and comments
 * follow the paragraph they stand in; headers and footers stand at the end, each text once. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/office.h"
#include "ingest/extract/rows.h"
#include "ingest/extract/struck.h"

#define MAX_GROUPS 512 /* deeper is refused: Word itself nests a few dozen */
#define MAX_FONTS  1024
#define MAX_STYLES 512
#define MAX_SKIP   255

typedef enum place {
    BODY,
    SKIPPED,
    FONTS,
    STYLES,
    INFO,
    TITLE,
    AUTHOR,
    SUBJECT,
    KEYWORDS,
    CREATED,
    REVISED
} place;

/* Text that stands in the middle of another. */
typedef enum aside { NO_ASIDE, NOTE, MARGIN } aside;

typedef struct state {
    place at;
    int font, uc, style;
    bool hidden, deleted, struck;
    aside aside;
} state;

typedef struct rtf {
    emitter *e;
    const char *s;
    size_t len, i;
    state now, saved[MAX_GROUPS];
    size_t depth;
    int code_page;             /* of the document */
    int charset_of[MAX_FONTS]; /* code page of a font; 0 = the document's */
    uint8_t level_of[MAX_STYLES];
    int skip;      /* fallback characters still to skip */
    uint32_t high; /* first half of a surrogate pair */
    bytes raw;     /* text in the code page in use, not decoded yet */
    bytes text;    /* of the paragraph (or field) in hand, UTF-8 */
    bool striking; /* text from struck_from on is struck out */
    size_t struck_from;
    bytes list;
    bytes held;           /* the paragraph around the aside in hand */
    bytes notes, margins; /* asides: of the paragraph in hand; of all pages */
    int raw_page;
    int outline, item; /* of the paragraph: level 1..9 or 0; it has a list marker */
    bool in_table, has_rows;
    rows t;
    int year, month, day, hour, minute;
} rtf;

/* ---- text ---- */

static void decode(rtf *r)
{
    char name[32];
    decoded d;

    if (!r->raw.len)
        return;
    snprintf(name, sizeof name, r->raw_page == 10000 ? "macintosh" : "windows-%d", r->raw_page);
    if (r->raw_page == 932 || r->raw_page == 936 || r->raw_page == 949 || r->raw_page == 950)
        snprintf(name, sizeof name, "ibm-%d",
                 r->raw_page == 936   ? 1386
                 : r->raw_page == 932 ? 943
                 : r->raw_page == 949 ? 1363
                                      : 1373);
    else if (r->raw_page == 437 || r->raw_page == 850 || r->raw_page == 866)
        snprintf(name, sizeof name, "ibm-%d", r->raw_page);
    if (!encoding_decode(&d, r->raw.data, r->raw.len, name))
        bytes_append(&r->text, d.text, d.len);
    encoding_clear(&d);
    bytes_reset(&r->raw);
}

static bool wanted(const rtf *r)
{
    return r->now.at != SKIPPED && r->now.at != FONTS && r->now.at != INFO &&
           r->now.at != CREATED && r->now.at != REVISED && !(r->now.at == BODY && (r->now.hidden || r->now.deleted));
}

static int page_in_use(const rtf *r)
{
    int page = r->now.font >= 0 && r->now.font < MAX_FONTS ? r->charset_of[r->now.font] : 0;

    return page ? page : r->code_page;
}

static void put_byte(rtf *r, char c)
{
    int page = page_in_use(r);

    if (r->skip > 0) {
        r->skip--;
        return;
    }
    if (!wanted(r))
        return;
    if (r->raw.len && page != r->raw_page)
        decode(r);
    r->raw_page = page;
    bytes_append(&r->raw, &c, 1);
}

static void put_code(rtf *r, uint32_t cp)
{
    char utf8[4];

    if (!wanted(r))
        return;
    decode(r);
    if (cp >= 0xD800 && cp < 0xDC00) {
        r->high = cp;
        return;
    }
    if (cp >= 0xDC00 && cp < 0xE000) {
        cp = r->high ? 0x10000 + ((r->high - 0xD800) << 10) + (cp - 0xDC00) : UTF8_REPLACEMENT;
        r->high = 0;
    }
    bytes_append(&r->text, utf8, utf8_encode(cp, utf8));
}

static void put_word(rtf *r, const char *s)
{
    if (wanted(r)) {
        decode(r);
        bytes_append_str(&r->text, s);
    }
}

/* What comes is struck out from here on, or no longer. */
static void strike(rtf *r, bool on)
{
    if (on == r->striking)
        return;
    decode(r);
    if (!on)
        struck_mark(&r->text, r->struck_from);
    r->struck_from = r->text.len;
    r->striking = on;
}

static void strike_as_said(rtf *r)
{
    strike(r, r->now.struck && r->now.at == BODY);
}

/* ---- blocks ---- */

static void flush_list(rtf *r)
{
    if (r->list.len)
        emit_block(r->e, INGEST_LIST, 0, r->list.data, r->list.len);
    bytes_reset(&r->list);
}

static void end_table(rtf *r)
{
    if (r->has_rows)
        rows_end(&r->t);
    r->has_rows = false;
}

/* Header and footer of each section say mostly the same: lines once. */
static bool says_already(const bytes *all, const char *line, size_t n)
{
    const char *at = all->data ? all->data : "", *end = at + all->len;

    while (at < end) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((nl ? nl : end) - at);
        if (len == n && !memcmp(at, line, n))
            return true;
        at += len + 1;
    }
    return false;
}

static void begin_aside(rtf *r, aside kind)
{
    strike(r, false);
    decode(r);
    r->now.aside = kind;
    bytes_reset(&r->held);
    bytes_append(&r->held, r->text.data ? r->text.data : "", r->text.len);
    bytes_reset(&r->text);
}

static void end_aside(rtf *r, aside kind)
{
    bytes *to = kind == NOTE ? &r->notes : &r->margins;
    const char *at;

    strike(r, false);
    at = r->text.data ? r->text.data : "";
    while (*at) {
        size_t n = strcspn(at, "\n");
        if (strspn(at, " 0123456789/-") < n && !(kind == MARGIN && says_already(to, at, n))) {
            bytes_append(to, "\n", to->len ? 1 : 0);
            bytes_append(to, at, n);
        }
        at += n + (at[n] != 0);
    }
    bytes_reset(&r->text);
    bytes_append(&r->text, r->held.data ? r->held.data : "", r->held.len);
}

static void end_paragraph(rtf *r)
{
    int level = r->outline;

    strike(r, false);
    decode(r);
    if (!level && r->now.style >= 0 && r->now.style < MAX_STYLES)
        level = r->level_of[r->now.style];
    if (r->text.len) {
        end_table(r);
        if (r->item && !level) {
            bytes_append(&r->list, "\n", r->list.len ? 1 : 0);
            bytes_append(&r->list, r->text.data, r->text.len);
        } else {
            flush_list(r);
            emit_block(r->e, level ? INGEST_HEADING : INGEST_PARAGRAPH,
                       (unsigned)(level > 6 ? 6 : level), r->text.data, r->text.len);
        }
    }
    if (r->notes.len && !r->in_table) {
        flush_list(r);
        end_table(r);
        emit_block(r->e, INGEST_PARAGRAPH, 0, r->notes.data, r->notes.len);
        bytes_reset(&r->notes);
    }
    bytes_reset(&r->text);
    r->item = 0;
    strike_as_said(r);
}

static void end_cell(rtf *r)
{
    strike(r, false);
    decode(r);
    flush_list(r);
    if (!r->has_rows)
        rows_begin(&r->t, r->e, OFFICE_BLOCK_ROWS);
    r->has_rows = true;
    rows_cell_begin(&r->t);
    bytes_append(&r->t.row, r->text.data ? r->text.data : "", r->text.len);
    bytes_reset(&r->text);
    strike_as_said(r);
}

/* ---- the information group ---- */

static void end_field(rtf *r, place was)
{
    static const char *const keys[] = {[SUBJECT] = "subject", [KEYWORDS] = "keywords"};
    int64_t days, y = r->year - (r->month <= 2), era, yoe, doy;

    if (was == CREATED || was == REVISED) { /* nanoseconds end in 2262 */
        /* Days since 1970 of a civil date (Hinnant, chrono-compatible low-level date algorithms).
         */
        if (r->year < 1700 || r->year > 2261 || r->month < 1 || r->month > 12 || r->day < 1 ||
            r->day > 31 || r->hour > 23 || r->minute > 59)
            return;
        era = y / 400;
        yoe = y - era * 400;
        doy = (153 * (r->month + (r->month > 2 ? -3 : 9)) + 2) / 5 + r->day - 1;
        days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
        emit_number(r->e, was == CREATED ? FIELD_CREATED : FIELD_DATE,
                    ((days * 24 + r->hour) * 60 + r->minute) * 60 * 1000000000);
        return;
    }
    decode(r);
    if (r->text.len && was == TITLE)
        emit_field(r->e, FIELD_TITLE, r->text.data, r->text.len);
    else if (r->text.len && was == AUTHOR)
        emit_field(r->e, FIELD_AUTHOR, r->text.data, r->text.len);
    else if (r->text.len && (was == SUBJECT || was == KEYWORDS))
        emit_meta(r->e, keys[was], r->text.data, r->text.len);
    bytes_reset(&r->text);
}

/* ---- fonts and styles ---- */

static int page_of_charset(int charset)
{
    static const struct {
        int charset, page;
    } known[] = {
        {0, 1252},   {77, 10000}, {128, 932},  {129, 949},  {134, 936},  {136, 950},
        {161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256}, {186, 1257},
        {204, 1251}, {222, 874},  {238, 1250}, {255, 850},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].charset == charset)
            return known[i].page;
    return 0;
}

/* A style's name ends at ';': "heading 2" makes its paragraphs headings. */
static void end_style_name(rtf *r)
{
    const char *name;

    decode(r);
    name = r->text.data ? r->text.data : "";
    if (r->now.style >= 0 && r->now.style < MAX_STYLES) {
        if (!strncasecmp(name, "heading ", 8) && name[8] >= '1' && name[8] <= '9')
            r->level_of[r->now.style] = (uint8_t)(name[8] - '0');
        else if (!strcasecmp(name, "title"))
            r->level_of[r->now.style] = 1;
    }
    bytes_reset(&r->text);
}

/* ---- control words ---- */

static const char *const skipped_words[] = {
    "colortbl",          "pict",      "object",
    "fldinst",           "listtable", "nonshppict",   "revtbl",
    "listoverridetable", "rsidtbl",   "generator",    "xe",         "tc",
    "themedata",         "datastore", "latentstyles", "filetbl",    "ftnsep",
    "ftnsepc",           "aftnsep",   "aftnsepc",     "bkmkstart",  "bkmkend",
};

static const struct {
    const char *word;
    place at;
} destinations[] = {
    {"fonttbl", FONTS},     {"stylesheet", STYLES}, {"info", INFO},
    {"title", TITLE},       {"author", AUTHOR},     {"subject", SUBJECT},
    {"keywords", KEYWORDS}, {"creatim", CREATED},   {"revtim", REVISED},
};

static const struct {
    const char *word, *text;
} symbols[] = {
    {"tab", " "},         {"line", "\n"},       {"emdash", "\u2014"},    {"endash", "\u2013"},
    {"lquote", "\u2018"}, {"rquote", "\u2019"}, {"ldblquote", "\u201C"}, {"rdblquote", "\u201D"},
    {"bullet", "\u2022"}, {"emspace", " "},     {"enspace", " "},
};

/* \* before this destination does not make it unknown. */
static bool known_star(const char *word)
{
    return !strcmp(word, "shppict") || !strcmp(word, "shptxt") || !strcmp(word, "listtext") ||
           !strcmp(word, "footnote") || !strcmp(word, "annotation") || !strcmp(word, "cs");
}

static bool destination(rtf *r, const char *word, bool star)
{
    for (size_t i = 0; i < sizeof destinations / sizeof *destinations; i++)
        if (!strcmp(word, destinations[i].word)) {
            bool inside = destinations[i].at >= TITLE;
            if (r->now.at == BODY ? inside : r->now.at != INFO)
                return false; /* \title outside the information group is none */
            r->now.at = destinations[i].at;
            r->year = r->month = r->day = r->hour = r->minute = 0;
            return true;
        }
    for (size_t i = 0; i < sizeof skipped_words / sizeof *skipped_words; i++)
        if (!strcmp(word, skipped_words[i])) {
            r->now.at = SKIPPED;
            return true;
        }
    if (star && !known_star(word)) {
        r->now.at = SKIPPED;
        return true;
    }
    return false;
}

static void date_word(rtf *r, const char *word, int value)
{
    int *field = !strcmp(word, "yr")    ? &r->year
                 : !strcmp(word, "mo")  ? &r->month
                 : !strcmp(word, "dy")  ? &r->day
                 : !strcmp(word, "hr")  ? &r->hour
                 : !strcmp(word, "min") ? &r->minute
                                        : NULL;

    if (field && value >= 0 && value < 10000)
        *field = value;
}

/* Of characters: hidden, deleted, struck out. False: it is another word. */
static bool character_word(rtf *r, const char *word, bool on)
{
    if (!strcmp(word, "plain"))
        r->now.hidden = r->now.deleted = r->now.struck = false;
    else if (!strcmp(word, "v"))
        r->now.hidden = on;
    else if (!strcmp(word, "deleted"))
        r->now.deleted = on;
    else if (!strcmp(word, "strike") || !strcmp(word, "striked"))
        r->now.struck = on;
    else
        return false;
    strike_as_said(r);
    return true;
}

/* Words inside a footnote or a header, which are lines and no paragraphs of the body. */
static void aside_word(rtf *r, const char *word)
{
    if (!strcmp(word, "par") || !strcmp(word, "row"))
        put_word(r, "\n");
    else if (!strcmp(word, "cell") || !strcmp(word, "nestcell"))
        put_word(r, " ");
}

static aside aside_of(const char *word)
{
    static const char *const margins[] = {"header",  "headerl", "headerr", "headerf",
                                          "footer",  "footerl", "footerr", "footerf"};

    if (!strcmp(word, "footnote") || !strcmp(word, "annotation"))
        return NOTE;
    for (size_t i = 0; i < sizeof margins / sizeof *margins; i++)
        if (!strcmp(word, margins[i]))
            return MARGIN;
    return NO_ASIDE;
}

static void paragraph_word(rtf *r, const char *word, int value, bool has_value)
{
    aside begins = r->now.aside ? NO_ASIDE : aside_of(word);

    if (character_word(r, word, !has_value || value != 0))
        return;
    if (r->now.aside) {
        aside_word(r, word);
        return;
    }
    if (begins) {
        if (r->depth > 1) { /* in a group of its own, whose end is its end */
            begin_aside(r, begins);
            strike_as_said(r);
        }
        return;
    }
    if (!strcmp(word, "par") || !strcmp(word, "sect") || !strcmp(word, "page")) {
        if (r->in_table && strcmp(word, "par") == 0)
            put_word(r, " ");
        else
            end_paragraph(r);
    } else if (!strcmp(word, "pard")) {
        r->in_table = false;
        r->outline = 0;
        r->now.style = -1;
    } else if (!strcmp(word, "intbl")) {
        r->in_table = true;
    } else if (!strcmp(word, "outlinelevel")) {
        r->outline = value >= 0 && value < 9 ? value + 1 : 0;
    } else if (!strcmp(word, "s")) {
        r->now.style = value;
    } else if (!strcmp(word, "listtext") || !strcmp(word, "pntext")) {
        r->item = 1;
    } else if (!strcmp(word, "cell") || !strcmp(word, "nestcell")) {
        end_cell(r);
    } else if ((!strcmp(word, "row") || !strcmp(word, "nestrow")) && r->has_rows) {
        rows_end_row(&r->t);
    }
}

static void control_word(rtf *r, const char *word, int value, bool has_value, bool star)
{
    if (!strcmp(word, "bin")) {
        size_t n = value > 0 ? (size_t)value : 0;
        r->i += n < r->len - r->i ? n : r->len - r->i;
        return;
    }
    if (r->now.at == SKIPPED || destination(r, word, star))
        return;
    if (!strcmp(word, "ansicpg")) {
        r->code_page = value > 0 && value < 65536 ? value : 1252;
    } else if (!strcmp(word, "mac")) {
        r->code_page = 10000;
    } else if (!strcmp(word, "pc") || !strcmp(word, "pca")) {
        r->code_page = word[2] ? 850 : 437;
    } else if (!strcmp(word, "f") || !strcmp(word, "deff")) {
        if (r->now.at != BODY || strcmp(word, "f") == 0)
            r->now.font = value;
    } else if (!strcmp(word, "fcharset")) {
        if (r->now.at == FONTS && r->now.font >= 0 && r->now.font < MAX_FONTS)
            r->charset_of[r->now.font] = page_of_charset(value);
    } else if (!strcmp(word, "uc")) {
        r->now.uc = value >= 0 && value <= MAX_SKIP ? value : 1;
    } else if (!strcmp(word, "u")) {
        if (r->skip > 0) {
            r->skip--;
        } else {
            put_code(r, (uint32_t)(value < 0 ? value + 65536 : value) & 0xFFFF);
            r->skip = r->now.uc;
        }
    } else if (r->now.at == CREATED || r->now.at == REVISED) {
        date_word(r, word, value);
    } else if (r->now.at == STYLES) {
        if (!strcmp(word, "s"))
            r->now.style = value;
    } else {
        for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
            if (!strcmp(word, symbols[i].word)) {
                put_word(r, symbols[i].text);
                return;
            }
        if (r->now.at == BODY)
            paragraph_word(r, word, value, has_value);
    }
}

static int hex(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10
                                        : -1;
}

/* What follows a backslash. */
static void control(rtf *r, bool *star)
{
    char word[40], c = r->i < r->len ? r->s[r->i] : 0;
    size_t n = 0;
    long value = 0;
    bool negative = false, has_value = false;

    if (!isalpha((unsigned char)c)) { /* a control symbol */
        r->i++;
        if (c == '\'' && r->i + 1 < r->len) {
            int high = hex(r->s[r->i]), low = hex(r->s[r->i + 1]);
            if (high >= 0 && low >= 0) {
                put_byte(r, (char)(high << 4 | low));
                r->i += 2;
            }
        } else if (c == '\\' || c == '{' || c == '}') {
            put_byte(r, c);
        } else if (c == '~') {
            put_word(r, " ");
        } else if (c == '_') {
            put_word(r, "-");
        } else if ((c == '\n' || c == '\r') && r->now.at == BODY) {
            paragraph_word(r, "par", 0, false);
        }
        *star = c == '*';
        return;
    }
    while (r->i < r->len && isalpha((unsigned char)r->s[r->i])) {
        if (n + 1 < sizeof word)
            word[n++] = r->s[r->i];
        r->i++;
    }
    word[n] = 0;
    if (r->i < r->len && r->s[r->i] == '-') {
        negative = true;
        r->i++;
    }
    while (r->i < r->len && isdigit((unsigned char)r->s[r->i])) {
        has_value = true;
        if (value < 1000000000)
            value = value * 10 + (r->s[r->i] - '0');
        r->i++;
    }
    if (r->i < r->len && r->s[r->i] == ' ')
        r->i++;
    control_word(r, word, (int)(negative ? -value : value), has_value, *star);
    *star = false;
}

static void close_group(rtf *r)
{
    place was = r->now.at;
    aside beside = r->now.aside;

    if (!r->depth)
        return;
    decode(r); /* before the switch: end_aside needs it in its own text */
    r->now = r->saved[--r->depth];
    r->skip = 0;
    if (beside && !r->now.aside)
        end_aside(r, beside);
    strike_as_said(r);
    if (was >= TITLE && r->now.at != was)
        end_field(r, was);
}

static void walk(rtf *r)
{
    bool star = false;

    while (r->i < r->len && !r->e->status) {
        char c = r->s[r->i++];
        if (c == '{') {
            if (r->depth == MAX_GROUPS) {
                emit_fail(r->e, CAIRN_ELIMIT, "groups nested more than %d deep", MAX_GROUPS);
                return;
            }
            r->saved[r->depth++] = r->now;
            r->skip = 0;
        } else if (c == '}') {
            close_group(r);
            if (!r->depth)
                return; /* what follows the document's own group is none of it */
        } else if (c == '\\') {
            control(r, &star);
        } else if (c == ';' && r->now.at == STYLES) {
            end_style_name(r);
        } else if (c != '\r' && c != '\n' && c != 0) {
            put_byte(r, c);
        }
    }
}

cairn_status parse_rtf(emitter *e, const parse_input *in)
{
    rtf *r = calloc(1, sizeof *r);

    if (!r)
        return emit_fail(e, CAIRN_ENOMEM, "reading RTF");
    r->e = e;
    r->s = in->data;
    r->len = in->len;
    r->code_page = 1252;
    r->now = (state){.at = BODY, .uc = 1, .style = -1, .font = -1};
    bytes_init(&r->raw, SIZE_MAX / 4);
    bytes_init(&r->text, SIZE_MAX / 4);
    bytes_init(&r->list, SIZE_MAX / 4);
    bytes_init(&r->held, SIZE_MAX / 4);
    bytes_init(&r->notes, SIZE_MAX / 4);
    bytes_init(&r->margins, SIZE_MAX / 4);
    walk(r);
    if (r->now.at == BODY)
        end_paragraph(r);
    flush_list(r);
    end_table(r);
    if (r->notes.len) /* of a table at the end */
        emit_block(e, INGEST_PARAGRAPH, 0, r->notes.data, r->notes.len);
    if (r->margins.len)
        emit_block(e, INGEST_PARAGRAPH, 0, r->margins.data, r->margins.len);
    if (r->depth && !e->status)
        emit_field(e, FIELD_NOTE, "cut short; the end is missing", 29);
    bytes_clear(&r->raw);
    bytes_clear(&r->text);
    bytes_clear(&r->list);
    bytes_clear(&r->held);
    bytes_clear(&r->notes);
    bytes_clear(&r->margins);
    free(r);
    return e->status;
}
