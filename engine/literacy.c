/* literacy.c - see literacy.h. */
#include "engine/literacy.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/catalogue.h"
#include "ingest/language.h"
#include "retrieve/rewrite.h"
#include "retrieve/script.h"

#define MEMORY_BYTES ((size_t)256 << 20) /* of bits a row */

static void read_list(const char *list, literacy *out)
{
    char *at = out->text;

    out->n = 0;
    snprintf(out->text, sizeof out->text, "%s", list);
    while (*(at += strspn(at, ", ")) && out->n < LITERACY_LANGUAGES) {
        size_t len = strcspn(at, ", ");
        bool last = !at[len];
        out->codes[out->n++] = at;
        at[len] = '\0';
        at += len + !last;
    }
}

void literacy_of_model(const char *model, literacy *out)
{
    read_list(catalogue_languages(model), out);
}

void literacy_of_embedder(const cairn *c, literacy *out)
{
    const char *set = c->settings.embedder_languages;

    if (strcmp(set, "auto") != 0)
        read_list(set, out);
    else
        literacy_of_model(c->settings.embedder, out);
}

bool literacy_lacks(const literacy *l, const char *text, size_t len)
{
    return l->n && script_foreign_to(text, len, l->codes, l->n);
}

bool literacy_is_foreign(const literacy *l, const char *code)
{
    const size_t len = strcspn(code, "-_");

    for (size_t i = 0; i < l->n; i++)
        if (!strncmp(l->codes[i], code, len) && !l->codes[i][len])
            return false;
    return l->n && len;
}

#define QUESTION_WORDS 3

static bool is_question(const char *text, size_t len)
{
    size_t words = 0;

    for (size_t i = 0; i < len; i++)
        words += text[i] != ' ' && (!i || text[i - 1] == ' ');
    return words >= QUESTION_WORDS && memchr(text, '?', len);
}

const char *literacy_detect(const char *text, size_t len, const char *const *codes, size_t n)
{
    char lang[8];

    if (!n || !is_question(text, len) || !utf8_valid(text, len) || !language_detect(text, len, lang))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!strncmp(codes[i], lang, strcspn(codes[i], "-_")) || retrieve_function_words(text, len, codes[i]))
            return NULL;
    return retrieve_common_language(lang);
}

/* That a row's language is none of those among codes[n] that the embedder cannot read. */
static cairn_status readable_among(const literacy *l, const char *const *codes, size_t n, arena *memory, filter_expr *out,
                                   cairn_error *err)
{
    filter_predicate *not = arena_calloc(memory, 1, sizeof *not);
    filter_value *values = arena_calloc(memory, n + 1, sizeof *values);
    size_t n_values = 0;

    *out = (filter_expr){0};
    if (!not || !values)
        return cairn_fail(err, CAIRN_ENOMEM, "languages of the embedder");
    for (size_t i = 0; i < n; i++)
        if (!script_is_shared(codes[i], l->codes, l->n))
            values[n_values++].text = codes[i];
    *not = (filter_predicate){FILTER_LANG, FILTER_EQ, true, values, n_values};
    if (n_values)
        *out = (filter_expr){not, 1};
    return CAIRN_OK;
}

cairn_status literacy_readable(const literacy *l, const view *v, arena *memory, filter_expr *out, cairn_error *err)
{
    const char **seen, *const *codes;
    size_t n = 0;

    *out = (filter_expr){0};
    if (!l->n)
        return CAIRN_OK;
    if (v->index) {
        n = v->index->remote->languages(v->index->ctx, &codes);
        return readable_among(l, codes, n, memory, out, err);
    }
    for (size_t i = 0; i < v->n_lexical; i++)
        n += lexical_reader_language_count(v->lexical[i].reader);
    seen = arena_calloc(memory, n + 1, sizeof *seen);
    if (!seen)
        return cairn_fail(err, CAIRN_ENOMEM, "languages of the passages");
    n = retrieve_languages(v->lexical, v->n_lexical, seen, n);
    return readable_among(l, seen, n, memory, out, err);
}

/* The live rows of a segment for which `expr` holds, in `memory`. */
static cairn_status live_rows(const store_segment *seg, const filter_reader *filter, const filter_expr *expr, arena *memory,
                              uint64_t **out, cairn_error *err)
{
    const size_t words = row_set_words(seg->n_rows);
    cairn_status st;

    *out = arena_calloc(memory, words + 1, sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "rows of a segment");
    if (filter_reader_rows(filter) != seg->n_rows)
        return cairn_fail(err, CAIRN_ECORRUPT, "%s: columns of %u rows beside %u rows", segment_file_path(seg->file),
                          filter_reader_rows(filter), seg->n_rows);
    st = filter_eval(filter, expr, *out, NULL, err);
    for (size_t w = 0; !st && seg->deleted && w < words; w++)
        (*out)[w] &= ~seg->deleted[w];
    return st;
}

/* Of one segment of words. */
static cairn_status mark_segment(const literacy *l, const store_segment *seg, uint8_t bit, uint8_t *seen, size_t n_ids,
                                 arena *memory, cairn_error *err)
{
    section_source source = segment_source(seg->file);
    lexical_reader *words = NULL;
    filter_reader *columns = NULL;
    const char **codes = NULL;
    uint64_t *read = NULL;
    filter_expr expr = {0};
    cairn_status st = lexical_reader_open(&words, &source, err);

    if (!st && !(codes = arena_calloc(memory, lexical_reader_language_count(words) + 1, sizeof *codes)))
        st = cairn_fail(err, CAIRN_ENOMEM, "languages of the passages");
    for (size_t i = 0; !st && i < lexical_reader_language_count(words); i++)
        codes[i] = lexical_reader_language(words, i, NULL);
    if (!st)
        st = readable_among(l, codes, lexical_reader_language_count(words), memory, &expr, err);
    if (!st && expr.n)
        st = filter_reader_open(&columns, &source, err);
    if (!st && expr.n)
        st = live_rows(seg, columns, &expr, memory, &read, err);
    for (uint32_t row = 0; !st && expr.n && row < seg->n_rows; row++) {
        chunk_id id = segment_row_chunk(seg->file, row);
        if (!row_set_has(read, row) && !(seg->deleted && row_set_has(seg->deleted, row)) && id < n_ids)
            seen[id] |= bit;
    }
    filter_reader_close(columns);
    lexical_reader_close(words);
    return st;
}

cairn_status literacy_mark_unread(const literacy *l, const store_snapshot *s, uint8_t bit, uint8_t *seen, size_t n_ids,
                                  cairn_error *err)
{
    arena memory;
    cairn_status st = CAIRN_OK;

    arena_init(&memory, MEMORY_BYTES);
    for (size_t i = 0; !st && l->n && i < store_segment_count(s); i++) {
        const store_segment *seg = store_segment_at(s, i);
        if (seg->kind == SEGMENT_LEXICAL && seg->file)
            st = mark_segment(l, seg, bit, seen, n_ids, &memory, err);
        arena_reset(&memory);
    }
    arena_clear(&memory);
    return st;
}

cairn_status literacy_count_read(const literacy *l, const view *v, const store_segment *const *of,
                                 const filter_reader *const *filters, size_t n, uint64_t *count, cairn_error *err)
{
    filter_expr expr;
    arena memory;
    cairn_status st;

    *count = 0;
    arena_init(&memory, MEMORY_BYTES);
    st = literacy_readable(l, v, &memory, &expr, err);
    for (size_t i = 0; !st && i < n; i++) {
        uint64_t *bits;
        if (!expr.n) {
            *count += of[i]->n_rows - of[i]->n_deleted;
            continue;
        }
        st = live_rows(of[i], filters[i], &expr, &memory, &bits, err);
        for (size_t w = 0; !st && w < row_set_words(of[i]->n_rows); w++)
            *count += (uint64_t)__builtin_popcountll(bits[w]);
    }
    arena_clear(&memory);
    return st;
}
