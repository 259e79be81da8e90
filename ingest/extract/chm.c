/* chm.c - compiled HTML help: the pages in the order of its table of contents, each by the parser of web pages.
 *
 * libmspack unpacks; it reads the file from memory and writes to memory, so the sandbox need not open anything.
 * "/#SYSTEM" names the help and its table of contents (code 3 and 0 of { u16 code, u16 n, n bytes } behind a
 * u32 version), which lists its pages as <param name="Local" value="page.htm">. Pages that it does not list
 * follow in the order in which they are packed. */
#include <mspack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "ingest/extract/package.h"
#include "ingest/extract/parsers.h"

#define MAX_PAGES   20000
#define MAX_SYSTEM  ((size_t)1 << 20)
#define SYSTEM_TOC   0
#define SYSTEM_TITLE 3

/* ---- files in memory, as libmspack asks for them ---- */

typedef struct memory_system {
    struct mspack_system calls; /* first: libmspack hands it back */
    const char *data;
    size_t len;
    bytes *out; /* where the file in hand is unpacked to */
    size_t most;
} memory_system;

typedef struct memory_file {
    memory_system *of;
    bool writing;
    size_t at;
} memory_file;

static struct mspack_file *memory_open(struct mspack_system *self, const char *name, int mode)
{
    memory_file *f = calloc(1, sizeof *f);

    (void)name;
    if (f)
        *f = (memory_file){.of = (memory_system *)self, .writing = mode != MSPACK_SYS_OPEN_READ};
    return (struct mspack_file *)f;
}

static void memory_close(struct mspack_file *file)
{
    free(file);
}

static int memory_read(struct mspack_file *file, void *to, int n)
{
    memory_file *f = (memory_file *)file;
    size_t left = f->at < f->of->len ? f->of->len - f->at : 0;

    if (n < 0 || f->writing)
        return -1;
    if ((size_t)n < left)
        left = (size_t)n;
    memcpy(to, f->of->data + (left ? f->at : 0), left);
    f->at += left;
    return (int)left;
}

static int memory_write(struct mspack_file *file, void *from, int n)
{
    memory_file *f = (memory_file *)file;

    if (n < 0 || !f->writing || !f->of->out || f->of->out->len + (size_t)n > f->of->most ||
        bytes_append(f->of->out, from, (size_t)n))
        return -1;
    return n;
}

static int memory_seek(struct mspack_file *file, off_t offset, int mode)
{
    memory_file *f = (memory_file *)file;
    off_t from = mode == MSPACK_SYS_SEEK_START ? 0
                 : mode == MSPACK_SYS_SEEK_CUR ? (off_t)f->at
                                               : (off_t)f->of->len;

    if ((offset < 0 && from + offset < 0) || offset > (off_t)f->of->len - from)
        return -1;
    f->at = (size_t)(from + offset);
    return 0;
}

static off_t memory_tell(struct mspack_file *file)
{
    return (off_t)((memory_file *)file)->at;
}

static void no_message(struct mspack_file *file, const char *format, ...)
{
    (void)file;
    (void)format;
}

static void *memory_alloc(struct mspack_system *self, size_t n)
{
    (void)self;
    return malloc(n);
}

static void memory_copy(void *from, void *to, size_t n)
{
    memcpy(to, from, n);
}

/* ---- the help ---- */

typedef struct chm {
    emitter *e;
    const parse_input *in;
    memory_system system;
    struct mschm_decompressor *unpacker;
    struct mschmd_file **pages;
    size_t n_pages;
    bool *given;
    size_t unpacked;
    bool damaged;
} chm;

/* The file's bytes, with a NUL behind them. */
static bool unpack(chm *c, struct mschmd_file *f, size_t most, bytes *out)
{
    static const char nowhere[] = "";
    size_t left = PACKAGE_MAX_TOTAL - c->unpacked;

    bytes_reset(out);
    c->system.out = out;
    c->system.most = most < left ? most : left;
    if (c->unpacker->extract(c->unpacker, f, nowhere) != MSPACK_ERR_OK) {
        c->damaged = true;
        return false;
    }
    c->unpacked += out->len;
    return out->len > 0;
}

static struct mschmd_file *find(struct mschmd_header *h, const char *name)
{
    for (struct mschmd_file *f = h->files; f; f = f->next)
        if (!strcasecmp(f->filename, name))
            return f;
    return NULL;
}

static bool ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && !strcasecmp(name + n - m, end);
}

static bool is_page(const struct mschmd_file *f)
{
    return ends(f->filename, ".htm") || ends(f->filename, ".html") || ends(f->filename, ".xhtml");
}

static int by_place(const void *a, const void *b)
{
    const struct mschmd_file *x = *(struct mschmd_file *const *)a, *y = *(struct mschmd_file *const *)b;

    if (x->section->id != y->section->id)
        return x->section->id < y->section->id ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Title and name of the table of contents, "" where the help does not say. */
static void read_system(chm *c, struct mschmd_header *h, char toc[512])
{
    struct mschmd_file *f = find(h, "/#SYSTEM");
    bytes s;

    *toc = 0;
    bytes_init(&s, MAX_SYSTEM + 1);
    if (f && unpack(c, f, MAX_SYSTEM, &s)) {
        const unsigned char *p = (const unsigned char *)s.data;
        for (size_t at = 4; at + 4 <= s.len;) {
            size_t code = p[at] | (size_t)p[at + 1] << 8, n = p[at + 2] | (size_t)p[at + 3] << 8;
            size_t len;
            at += 4;
            if (n > s.len - at)
                break;
            len = strnlen(s.data + at, n);
            if (code == SYSTEM_TITLE)
                emit_field(c->e, FIELD_TITLE, s.data + at, len);
            else if (code == SYSTEM_TOC && len < 500)
                snprintf(toc, 512, "/%.*s", (int)len, s.data + at);
            at += n;
        }
    }
    bytes_clear(&s);
}

static void give_page(chm *c, size_t i)
{
    bytes html;

    if (c->given[i] || c->e->status)
        return;
    c->given[i] = true;
    bytes_init(&html, SIZE_MAX / 4);
    if (unpack(c, c->pages[i], PACKAGE_MAX_PART, &html)) {
        parse_input in = {.data = html.data,
                          .len = html.len,
                          .name = c->pages[i]->filename,
                          .part = true,
                          .titled = true,
                          .depth = c->in->depth + 1};
        parse_html(c->e, &in);
    }
    bytes_clear(&html);
}

/* Pages in the order of the table of contents. Addresses are relative to the help's root. */
static void follow_contents(chm *c, struct mschmd_header *h, const char *toc)
{
    struct mschmd_file *f = *toc ? find(h, toc) : NULL;
    bytes s;

    for (struct mschmd_file *k = h->files; k && !f; k = k->next)
        if (ends(k->filename, ".hhc"))
            f = k;
    bytes_init(&s, SIZE_MAX / 4);
    if (f && unpack(c, f, PACKAGE_MAX_PART, &s)) {
        const char *at = s.data;
        while (!c->e->status && (at = strcasestr(at, "\"Local\"")) != NULL) {
            const char *tag = strchr(at, '>'), *value = strcasestr(at, "value=\"");
            char name[512];
            size_t n;
            at += 7;
            if (!value || (tag && value > tag))
                continue;
            value += 7;
            value += *value == '/';
            n = strcspn(value, "\"#>");
            if (n + 2 > sizeof name)
                continue;
            snprintf(name, sizeof name, "/%.*s", (int)n, value);
            for (size_t i = 0; i < c->n_pages; i++)
                if (!strcasecmp(c->pages[i]->filename, name))
                    give_page(c, i);
        }
    }
    bytes_clear(&s);
}

static void walk(chm *c, struct mschmd_header *h)
{
    char toc[512];

    for (struct mschmd_file *f = h->files; f && c->n_pages < MAX_PAGES; f = f->next)
        c->n_pages += is_page(f);
    c->pages = checked_malloc(c->n_pages + 1, sizeof *c->pages);
    c->given = calloc(c->n_pages + 1, sizeof *c->given);
    if (!c->pages || !c->given) {
        emit_fail(c->e, CAIRN_ENOMEM, "the pages of a help file");
        return;
    }
    c->n_pages = 0;
    for (struct mschmd_file *f = h->files; f && c->n_pages < MAX_PAGES; f = f->next)
        if (is_page(f))
            c->pages[c->n_pages++] = f;
    qsort(c->pages, c->n_pages, sizeof *c->pages, by_place);
    read_system(c, h, toc);
    follow_contents(c, h, toc);
    for (size_t i = 0; i < c->n_pages; i++)
        give_page(c, i);
    if (!c->e->status && c->damaged && !c->e->n_blocks)
        emit_fail(c->e, CAIRN_EINPUT, "broken: its pages cannot be unpacked");
    else if (c->damaged)
        emit_field(c->e, FIELD_NOTE, "damaged; some of its pages are missing", 38);
}

cairn_status parse_chm(emitter *e, const parse_input *in)
{
    chm c = {.e = e,
             .in = in,
             .system = {.calls = {.open = memory_open,
                                  .close = memory_close,
                                  .read = memory_read,
                                  .write = memory_write,
                                  .seek = memory_seek,
                                  .tell = memory_tell,
                                  .message = no_message,
                                  .alloc = memory_alloc,
                                  .free = free,
                                  .copy = memory_copy},
                        .data = in->data,
                        .len = in->len}};
    struct mschmd_header *h = NULL;

    c.unpacker = mspack_create_chm_decompressor(&c.system.calls);
    if (!c.unpacker)
        return emit_fail(e, CAIRN_ENOMEM, "reading a help file");
    h = c.unpacker->open(c.unpacker, "");
    if (h) {
        walk(&c, h);
        c.unpacker->close(c.unpacker, h);
    } else {
        emit_fail(e, CAIRN_EINPUT, "broken: no help file that can be unpacked");
    }
    mspack_destroy_chm_decompressor(c.unpacker);
    free(c.pages);
    free(c.given);
    return e->status;
}
