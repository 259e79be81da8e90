/* passages.c - see passages.h. */
#include "opensearch/passages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sections.h"

#define SECTIONS_MAX  32
#define SECTION_BYTES ((size_t)256 << 20)
#define WRITER_BYTES  ((size_t)4 << 20)

/* ---- an index in memory ---- */

struct os_passages {
    struct {
        char name[SECTION_NAME_MAX + 1];
        bytes data;
        uint8_t *aligned;
    } at[SECTIONS_MAX];
    size_t n;
};

static cairn_status begin_section(void *ctx, const char *name, cairn_error *err)
{
    os_passages *m = ctx;

    if (m->n == SECTIONS_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "too many sections");
    snprintf(m->at[m->n].name, sizeof m->at[m->n].name, "%s", name);
    bytes_init(&m->at[m->n].data, SECTION_BYTES);
    m->n++;
    return CAIRN_OK;
}

static cairn_status write_section(void *ctx, const void *data, size_t n, cairn_error *err)
{
    os_passages *m = ctx;

    return bytes_append(&m->at[m->n - 1].data, data, n)
               ? cairn_fail(err, CAIRN_ENOMEM, "an index in memory")
               : CAIRN_OK;
}

/* Sections begin at multiples of 64, as those of a file do. */
static cairn_status end_section(void *ctx, cairn_error *err)
{
    os_passages *m = ctx;
    size_t len = m->at[m->n - 1].data.len;
    uint8_t *p = aligned_alloc(64, (len + 64) / 64 * 64);

    if (!p)
        return cairn_fail(err, CAIRN_ENOMEM, "an index in memory");
    if (len)
        memcpy(p, m->at[m->n - 1].data.data, len);
    m->at[m->n - 1].aligned = p;
    return CAIRN_OK;
}

static bool find_section(void *ctx, const char *name, const uint8_t **data, size_t *len)
{
    os_passages *m = ctx;

    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->at[i].name, name) && m->at[i].aligned) {
            *data = m->at[i].aligned;
            *len = m->at[i].data.len;
            return true;
        }
    return false;
}

void os_passages_free(os_passages *m)
{
    for (size_t i = 0; m && i < m->n; i++) {
        bytes_clear(&m->at[i].data);
        free(m->at[i].aligned);
    }
    free(m);
}

/* ---- passages as rows ---- */

static void take_field(lexical_doc *doc, lexical_field f, const json_t *source, const char *key)
{
    const json_t *text = json_object_get(source, key);

    doc->field[f].text = json_string_value(text);
    doc->field[f].len = json_string_length(text);
}

lexical_doc os_passage_words(const json_t *source)
{
    const char *lang = json_string_value(json_object_get(source, "lang"));
    lexical_doc doc = {.lang = lang ? lang : ""};

    take_field(&doc, LEXICAL_TITLE, source, "title");
    take_field(&doc, LEXICAL_PATH, source, "path_words");
    take_field(&doc, LEXICAL_HEADINGS, source, "heading");
    take_field(&doc, LEXICAL_BODY, source, "text");
    return doc;
}

cairn_status os_passages_open(const os_passage *list, size_t n, const char *const *terms, size_t n_terms, analyzer *an,
                              lexical_reader **out, os_passages **held, cairn_error *err)
{
    lexical_writer_options options = {.memory_budget = WRITER_BYTES, .wanted = terms, .n_wanted = n_terms, .analyzer = an};
    os_passages *m = calloc(1, sizeof *m);
    section_sink sink = {m, begin_section, write_section, end_section};
    section_source source = {m, find_section};
    lexical_writer *w = NULL;
    cairn_status st = m ? lexical_writer_create(&w, &options, err)
                        : cairn_fail(err, CAIRN_ENOMEM, "an index in memory");

    *out = NULL;
    for (size_t i = 0; !st && i < n; i++) {
        lexical_doc doc = os_passage_words(list[i].source);
        doc.taken = list[i].taken;
        st = lexical_writer_add(w, &doc, NULL, err);
    }
    if (!st)
        st = lexical_writer_finish(w, &sink, err);
    lexical_writer_destroy(w);
    if (!st)
        st = lexical_reader_open(out, &source, err);
    if (st) {
        os_passages_free(m);
        m = NULL;
    }
    *held = m;
    return st;
}
