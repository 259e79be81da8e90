/* reader.c - open a lexical index, and the two small sections that describe it.
 *
 * lex.meta, format 2:
 *   4       magic "CLEX"
 *   4       version, 2
 *   4       ANALYZER_VERSION of the terms
 *   4       rows
 *   8 x 4   terms, postings, bytes of lex.post and of lex.pos without padding
 *   8 x 4   words in title, path, headings, body over all rows
 *   4 x 8   weight of each field and b of each field, float, in force for the block maxima
 *   4       average weighted length of a row, float, likewise
 *   4       languages, then for each: 4 bytes code (zeros behind), 4 bytes rows
 *
 * lex.rows: five columns, the length codes (format.h) of title, path, headings and body, and the
 * language as an index into lex.meta's list. First two bytes for each column: 1 and 0, or 0 and the
 * value that all rows have; then a byte a row for each column with a 1. The body's column is always
 * written out beyond 65,536 rows, so that a small file cannot claim many rows.
 *
 * Format 1 (up to 0.1) had no columns of one value, four (frequency, length) pairs a block as
 * bounds, one width for the gaps of a block and one for its positions. It is refused. */
#include "index/lexical/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/cursor.h"
#include "index/lexical/encode.h"

#define CONSTANT_ROWS_MAX 65536u

cairn_status meta_emit(const lexical_meta *m, const section_sink *sink, cairn_error *err)
{
    bytes b;
    cairn_status st;

    bytes_init(&b, 1 << 16);
    st = bytes_reserve(&b, 256 + 8 * m->n_langs);
    if (!st) { /* room is reserved: the appends cannot fail */
        bytes_append_u32(&b, LEX_MAGIC);
        bytes_append_u32(&b, LEX_VERSION);
        bytes_append_u32(&b, ANALYZER_VERSION);
        bytes_append_u32(&b, m->n_rows);
        bytes_append_u64(&b, m->n_terms);
        bytes_append_u64(&b, m->n_postings);
        bytes_append_u64(&b, m->post_len);
        bytes_append_u64(&b, m->pos_len);
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            bytes_append_u64(&b, m->total[f]);
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            bytes_append_f32(&b, m->weight[f]);
        for (size_t f = 0; f < LEXICAL_FIELDS; f++)
            bytes_append_f32(&b, m->b[f]);
        bytes_append_f32(&b, m->typical);
        bytes_append_u32(&b, (uint32_t)m->n_langs);
        for (size_t i = 0; i < m->n_langs; i++) {
            bytes_append(&b, m->langs[i].code, 4);
            bytes_append_u32(&b, m->langs[i].rows);
        }
        st = sink->begin(sink->ctx, "lex.meta", err);
        if (!st)
            st = sink->write(sink->ctx, b.data, b.len, err);
        if (!st)
            st = sink->end(sink->ctx, err);
    } else {
        cairn_fail(err, st, "no memory for lex.meta");
    }
    bytes_clear(&b);
    return st;
}

cairn_status rows_emit(const uint8_t *columns, uint32_t n_rows, const section_sink *sink,
                       cairn_error *err)
{
    uint8_t head[2 * (LEXICAL_FIELDS + 1)] = {0};
    cairn_status st = sink->begin(sink->ctx, "lex.rows", err);

    for (size_t i = 0; i <= LEXICAL_FIELDS && n_rows; i++) {
        const uint8_t *c = columns + i * n_rows;
        head[2 * i] = (i == LEXICAL_BODY && n_rows > CONSTANT_ROWS_MAX) ||
                      (n_rows > 1 && memcmp(c, c + 1, n_rows - 1) != 0);
        head[2 * i + 1] = head[2 * i] ? 0 : *c;
    }
    if (!st)
        st = sink->write(sink->ctx, head, sizeof head, err);
    for (size_t i = 0; i <= LEXICAL_FIELDS && !st; i++)
        if (head[2 * i])
            st = sink->write(sink->ctx, columns + i * n_rows, n_rows, err);
    return st ? st : sink->end(sink->ctx, err);
}

static cairn_status broken(cairn_error *err, const char *section, const char *what)
{
    return cairn_fail(err, CAIRN_ECORRUPT, "%s: %s; rebuild the index", section, what);
}

static int more_rows(const void *a, const void *b, void *ctx)
{
    const lexical_lang *langs = ctx;
    uint8_t i = *(const uint8_t *)a, j = *(const uint8_t *)b;
    if (langs[i].rows != langs[j].rows)
        return langs[i].rows < langs[j].rows ? 1 : -1;
    return i - j;
}

static cairn_status read_meta(lexical_reader *r, const uint8_t *data, size_t len, uint64_t *n_terms,
                              uint64_t *post_len, uint64_t *pos_len, cairn_error *err)
{
    cursor c;
    uint32_t version, terms_version;

    cursor_init(&c, data, len);
    if (cursor_u32(&c) != LEX_MAGIC)
        return broken(err, "lex.meta", "not a lexical index");
    version = cursor_u32(&c);
    terms_version = cursor_u32(&c);
    if (c.failed)
        return broken(err, "lex.meta", "cut short");
    if (version != LEX_VERSION)
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "lex.meta: format %u, this program reads %u; cairn index rebuilds it from the store",
            version, LEX_VERSION);
    if (terms_version != ANALYZER_VERSION)
        return cairn_fail(
            err, CAIRN_EUNSUPPORTED,
            "lex.meta: terms of analyzer %u, this program makes %u; cairn index rebuilds them "
            "from the store",
            terms_version, ANALYZER_VERSION);
    r->n_rows = cursor_u32(&c);
    *n_terms = cursor_u64(&c);
    r->n_postings = cursor_u64(&c);
    *post_len = cursor_u64(&c);
    *pos_len = cursor_u64(&c);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        r->total[f] = cursor_u64(&c);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        r->weight[f] = cursor_f32(&c);
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        r->b[f] = cursor_f32(&c);
    r->typical = cursor_f32(&c);
    r->n_langs = cursor_u32(&c);
    if (c.failed || r->n_rows > ROWS_MAX || r->n_langs > LANGS_MAX || !(r->typical >= 0))
        return broken(err, "lex.meta", "counts out of range");
    for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
        if (!(r->weight[f] >= 0 && r->weight[f] < 1e6f && r->b[f] >= 0 && r->b[f] <= 1))
            return broken(err, "lex.meta", "weights out of range");
        if (r->total[f] >> 56)
            return broken(err, "lex.meta", "lengths out of range");
    }
    for (size_t i = 0; i < r->n_langs; i++) {
        const uint8_t *code = cursor_take(&c, 4);
        r->langs[i].rows = cursor_u32(&c);
        if (c.failed || code[3])
            return broken(err, "lex.meta", "a bad language");
        memcpy(r->langs[i].code, code, 4);
        r->by_rows[i] = (uint8_t)i;
    }
    if (c.failed || cursor_left(&c))
        return broken(err, "lex.meta", "a length that does not fit its counts");
    qsort_r(r->by_rows, r->n_langs, 1, more_rows, r->langs);
    return CAIRN_OK;
}

static cairn_status open_forms(lexical_reader *r, const section_source *source, cairn_error *err)
{
    const uint8_t *head, *entries;
    size_t head_len, entries_len;

    if (!source->find(source->ctx, "lex.fidx", &head, &head_len))
        return broken(err, "lex.fidx", "missing");
    if (!source->find(source->ctx, "lex.forms", &entries, &entries_len))
        return broken(err, "lex.forms", "missing");
    return forms_open(&r->forms, head, head_len, entries, entries_len, r->dict.n, err);
}

static cairn_status open_ends(lexical_reader *r, const section_source *source, cairn_error *err)
{
    const uint8_t *data;
    size_t len;

    if (!source->find(source->ctx, "lex.ends", &data, &len))
        return CAIRN_OK;
    return ends_open(&r->ends, data, len, r->dict.n, r->forms.n, err);
}

static cairn_status read_rows(lexical_reader *r, const uint8_t *data, size_t len, cairn_error *err)
{
    size_t at = 2 * (LEXICAL_FIELDS + 1);

    for (size_t i = 0; i <= LEXICAL_FIELDS; i++) {
        if (len < at || data[2 * i] > 1 ||
            (i == LEXICAL_BODY && !data[2 * i] && r->n_rows > CONSTANT_ROWS_MAX))
            return broken(err, "lex.rows", "a bad head");
        r->stride[i] = data[2 * i];
        r->column[i] = r->stride[i] ? data + at : data + 2 * i + 1;
        at += r->stride[i] * r->n_rows;
    }
    if (len != at)
        return broken(err, "lex.rows", "another length than its head says");
    return CAIRN_OK;
}

cairn_status lexical_reader_open(lexical_reader **out, const section_source *source,
                                 cairn_error *err)
{
    static const char *const names[] = {"lex.meta", "lex.dict", "lex.index",
                                        "lex.post", "lex.pos",  "lex.rows"};
    const uint8_t *data[6];
    size_t len[6];
    uint64_t n_terms = 0, post_len = 0, pos_len = 0;
    lexical_reader *r = calloc(1, sizeof *r);
    cairn_status st;

    *out = NULL;
    if (!r)
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for a lexical reader");
    pthread_mutex_init(&r->lock, NULL);
    for (size_t i = 0; i < 6; i++)
        if (!source->find(source->ctx, names[i], &data[i], &len[i])) {
            st = broken(err, names[i], "missing");
            goto done;
        }
    st = read_meta(r, data[0], len[0], &n_terms, &post_len, &pos_len, err);
    if (st)
        goto done;
    if (len[3] < SECTION_PAD || post_len != len[3] - SECTION_PAD)
        st = broken(err, "lex.post", "another length than lex.meta says");
    else if (len[4] < SECTION_PAD || pos_len != len[4] - SECTION_PAD)
        st = broken(err, "lex.pos", "another length than lex.meta says");
    else
        st = read_rows(r, data[5], len[5], err);
    if (!st)
        st = dict_open(&r->dict, data[1], len[1], data[2], len[2], n_terms, (size_t)post_len,
                       (size_t)pos_len, err);
    if (!st)
        st = open_forms(r, source, err);
    if (!st)
        st = open_ends(r, source, err);
    if (st)
        goto done;
    r->post = data[3];
    r->post_len = (size_t)post_len;
    r->pos = data[4];
    r->pos_len = (size_t)pos_len;
    *out = r;
    r = NULL;
done:
    lexical_reader_close(r);
    return st;
}

void lexical_reader_close(lexical_reader *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(atomic_load(&r->codes));
    free(r);
}

void reader_fill_codes(const lexical_reader *r, const row_lengths *l, uint8_t *out)
{
    fill_row_codes(r->column, r->stride, r->n_rows, l, out);
    memset(out + r->n_rows, 0, 3);
}

const uint8_t *reader_codes(const lexical_reader *reader)
{
    lexical_reader *r = (lexical_reader *)reader; /* the cache is the only thing that changes */
    uint8_t *made = atomic_load_explicit(&r->codes, memory_order_acquire);

    if (made)
        return made;
    pthread_mutex_lock(&r->lock);
    made = atomic_load_explicit(&r->codes, memory_order_acquire);
    if (!made) {
        row_lengths l = row_lengths_of(r->weight, r->b);
        made = checked_aligned((size_t)r->n_rows + 3, 1);
        if (made) {
            reader_fill_codes(r, &l, made);
            atomic_store_explicit(&r->codes, made, memory_order_release);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return made;
}

uint32_t lexical_reader_rows(const lexical_reader *r)
{
    return r->n_rows;
}

uint64_t lexical_reader_terms(const lexical_reader *r)
{
    return r->dict.n;
}

uint64_t lexical_reader_postings(const lexical_reader *r)
{
    return r->n_postings;
}

uint64_t lexical_reader_total_length(const lexical_reader *r, lexical_field f)
{
    return f < LEXICAL_FIELDS ? r->total[f] : 0;
}

size_t lexical_reader_language_count(const lexical_reader *r)
{
    return r->n_langs;
}

const char *lexical_reader_language(const lexical_reader *r, size_t i, uint32_t *rows)
{
    const lexical_lang *l;
    if (i >= r->n_langs)
        return "";
    l = &r->langs[r->by_rows[i]];
    if (rows)
        *rows = l->rows;
    return l->code;
}
