/* parsers.h - the parsers of the extractor worker: bytes in, blocks out.
 *
 * All have one shape. `in` is the whole file (or the part of a mail, or what a .gz held); blocks,
 * metadata and failures go to the emitter, whose status is returned. `in->utf8` tells whether the
 * bytes are the file's own and valid UTF-8, so that positions can be given in the file. */
#ifndef CAIRN_INGEST_EXTRACT_PARSERS_H
#define CAIRN_INGEST_EXTRACT_PARSERS_H

#include <stdbool.h>
#include <stddef.h>

#include "ingest/emit.h"

typedef struct parse_input {
    const char *data;
    size_t len;
    const char *name;    /* file name without folders, as far as known; "" else */
    const char *charset; /* said by the envelope (a mail's header), NULL = find out */
    bool book;           /* a page of a book: all of it is content */
    bool titled;         /* a page among many: its title is a heading, unless it has one of its own */
    bool part;           /* a part of something: no metadata, positions are the whole's business */
    unsigned depth;      /* of containers around it */
    struct unpack_budget *budget; /* of the outermost container; NULL: this may become it */
} parse_input;

/* What one file may unpack to in all, however its archives nest. */
typedef struct unpack_budget {
    size_t packed;   /* bytes of the outermost file */
    size_t unpacked; /* so far */
    size_t files;
} unpack_budget;

#define UNPACK_MAX_TOTAL ((size_t)2 << 30)
#define UNPACK_MAX_FILE  ((size_t)256 << 20)
#define UNPACK_MAX_FILES 20000
/* More than this is a bomb: honest text packs to a fiftieth at best, and long runs of zeros are
 * allowed UNPACK_FREE bytes. */
#define UNPACK_MAX_RATIO 200
#define UNPACK_FREE      ((size_t)64 << 20)

typedef cairn_status parse_fn(emitter *e, const parse_input *in);

parse_fn parse_text, parse_code, parse_markdown, parse_html, parse_csv, parse_man, parse_mail,
    parse_mbox, parse_gzip, parse_archive, parse_pdf, parse_package, parse_fb2, parse_rtf,
    parse_org, parse_rst, parse_latex, parse_subtitles, parse_notebook, parse_calendar, parse_cards,
    parse_ole, parse_old_word, parse_source, parse_json, parse_xml, parse_picture, parse_audio, parse_chm,
    parse_tnef;

#define PARSE_MAX_DEPTH 4

/* A file inside this one, with its own document. `data` need not outlive the call. */
void parse_member(emitter *e, const parse_input *around, const char *name, const char *data,
                  size_t len, int64_t mtime_ns);

/* Find the type and run its parser. CAIRN_EUNSUPPORTED names the type. */
cairn_status parse_any(emitter *e, const parse_input *in);

/* Load what detection needs (libmagic's tables). Call before the sandbox closes. False: missing. */
bool detect_warm_up(void);

typedef struct detected {
    const char *mime; /* static, or lives until the next call */
    parse_fn *parse;  /* NULL = unsupported */
} detected;

detected detect(const char *data, size_t len, const char *name);

#endif
