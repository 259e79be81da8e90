/* row.c - see row.h. */
#include "opensearch/row.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "opensearch/client.h"

#define TERMS_BYTES ((size_t)256 << 20)
#define WORD_MAX                                                                                   \
    8192 /* of a value that is compared; longer ones are cut in the index (ignore_above) */

const char *const row_field[LEXICAL_FIELDS] = {"title_terms", "path_terms", "heading_terms",
                                               "body_terms"};

/* ---- terms ---- */

/* No blank may stand in a term: a few characters of compatibility fold to several words. */
static cairn_status append_term(bytes *out, const char *term, size_t len)
{
    cairn_status st = bytes_reserve(out, len + 1);

    for (size_t i = 0; i < len && !st; i++)
        st = bytes_append_byte(out, (uint8_t)term[i] <= ' ' ? 2 : (uint8_t)term[i]);
    return st;
}

json_t *row_term(const char *term, size_t len)
{
    json_t *j = NULL;
    bytes b;

    bytes_init(&b, 2 * len + 16);
    if (!append_term(&b, term, len))
        j = client_text(b.data ? b.data : "", b.len);
    bytes_clear(&b);
    return j;
}

json_t *row_terms(const char *const *terms, size_t n)
{
    json_t *j = NULL;
    bytes b;
    bool good = true;

    bytes_init(&b, CLIENT_REPLY_BYTES);
    for (size_t i = 0; good && i < n; i++) {
        json_t *term = row_term(terms[i], strlen(terms[i]));
        good = term && (!i || !bytes_append_byte(&b, ' ')) &&
               !bytes_append_str(&b, json_string_value(term));
        json_decref(term);
    }
    if (good)
        j = json_stringn(b.data ? b.data : "", b.len);
    bytes_clear(&b);
    return j;
}

static cairn_status add_form(void *ctx, const char *form, size_t form_len, const char *term,
                             size_t term_len, uint32_t count, cairn_error *err)
{
    bytes *forms = ctx;
    cairn_status st = forms->len ? bytes_append_byte(forms, ' ') : CAIRN_OK;

    (void)term, (void)term_len, (void)count;
    if (!st)
        st = append_term(forms, form, form_len);
    return st ? cairn_fail(err, st, "words of a passage") : CAIRN_OK;
}

static cairn_status add_terms(analyzer *a, const char *lang, const char *text, size_t len,
                              bytes *out, bytes *forms, uint64_t *length, cairn_error *err)
{
    const analyzer_token *t;
    size_t n;
    cairn_status st = analyzer_run(a, lang, text, len, &t, &n, err);

    for (size_t i = 0; i < n && !st; i++) {
        if (t[i].guess)
            continue;
        if (out->len)
            st = bytes_append_byte(out, t[i].extra ? 1 : ' ');
        if (!st)
            st = append_term(out, t[i].term, t[i].len);
        if (!st && t[i].whole)
            st = add_form(forms, t[i].term, t[i].len, NULL, 0, 1, err);
        if (st)
            cairn_fail(err, st, "terms of a passage");
        *length += !t[i].extra;
    }
    return st;
}

static cairn_status set(json_t *doc, const char *key, const bytes *text, cairn_error *err)
{
    if (json_object_set_new(doc, key, client_text(text->data ? text->data : "", text->len)))
        return cairn_fail(err, CAIRN_ENOMEM, "terms of a passage");
    return CAIRN_OK;
}

static cairn_status keep_text(json_t *doc, const char *key, const char *text, size_t len,
                              cairn_error *err)
{
    return json_object_set_new(doc, key, client_text(len ? text : "", len))
               ? cairn_fail(err, CAIRN_ENOMEM, "texts of a passage")
               : CAIRN_OK;
}

cairn_status row_set_terms(analyzer *a, const lexical_doc *words, json_t *doc,
                           uint64_t lengths[LEXICAL_FIELDS], cairn_error *err)
{
    const char *lang = words->lang ? words->lang : "";
    bytes terms, forms;
    cairn_status st = CAIRN_OK;

    bytes_init(&terms, TERMS_BYTES);
    bytes_init(&forms, TERMS_BYTES);
    analyzer_on_form(a, add_form, &forms);
    for (size_t f = 0; f < LEXICAL_FIELDS && !st; f++) {
        bytes_reset(&terms);
        lengths[f] = 0;
        if (words->field[f].len)
            st = add_terms(a, lang, words->field[f].text, words->field[f].len, &terms, &forms,
                           &lengths[f], err);
        if (!st)
            st = set(doc, row_field[f], &terms, err);
    }
    if (!st)
        st = analyzer_flush_forms(a, err);
    analyzer_on_form(a, NULL, NULL);
    if (!st)
        st = set(doc, ROW_FORMS, &forms, err);
    if (!st)
        st = keep_text(doc, "title", words->field[LEXICAL_TITLE].text,
                       words->field[LEXICAL_TITLE].len, err);
    if (!st)
        st = keep_text(doc, "path_words", words->field[LEXICAL_PATH].text,
                       words->field[LEXICAL_PATH].len, err);
    bytes_clear(&terms);
    bytes_clear(&forms);
    return st;
}

/* ---- metadata ---- */

static const char *const column[FILTER_FIELDS] = {
    [FILTER_URI] = "uri_folded",  [FILTER_TITLE] = "title_folded",  [FILTER_EXT] = "ext",
    [FILTER_LANG] = "lang",       [FILTER_MIME] = "mime",           [FILTER_AUTHOR] = "author",
    [FILTER_TAG] = "tags",        [FILTER_PLACE] = "places_folded", [FILTER_DATE] = "date",
    [FILTER_SIZE] = "size",       [FILTER_PAGES] = "pages",         [FILTER_MODIFIED] = "modified",
    [FILTER_CREATED] = "created",
};

static json_t *folded(const char *s, bool fold)
{
    json_t *j = NULL;
    bytes b;

    s = s ? s : "";
    if (!fold)
        return client_text(s, strlen(s));
    bytes_init(&b, 8 * strlen(s) + 16);
    if (!filter_fold(&b, s, strlen(s)))
        j = client_text(b.data ? b.data : "", b.len);
    bytes_clear(&b);
    return j;
}

static json_t *list_of(const char *const *s, size_t n, bool fold)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, folded(s[i], fold))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *number(int64_t v, bool known)
{
    return known ? json_integer(v) : json_null();
}

/* The folder above a file as facet.h has it; NULL: none. */
static json_t *folder_of(const char *uri)
{
    const char *slash = strrchr(uri, '/');
    size_t n = slash ? (size_t)(slash - uri) : 0;

    if (slash && !n)
        n = 1;
    return n ? client_text(uri, n) : NULL;
}

static bool add_value(json_t *list, const char *s)
{
    return !s || !*s || !json_array_append_new(list, client_text(s, strlen(s)));
}

/* A list of the values of each facet, as they are shown; without a value it is empty. */
static bool set_facets(const filter_row *r, json_t *doc)
{
    json_t *type = json_array(), *ext = json_array(), *author = json_array(), *lang = json_array(),
           *tag = json_array(), *folder = json_array(), *year = json_array(), *one;
    time_t when = (time_t)(r->date_ns / 1000000000);
    struct tm tm;
    char text[24];
    bool good = type && ext && author && lang && tag && folder && year &&
                add_value(type, r->mime) && add_value(ext, r->ext) &&
                add_value(author, r->author) && add_value(lang, r->lang);

    for (size_t i = 0; good && i < r->n_tags; i++)
        good = add_value(tag, r->tags[i]);
    if (good && (one = folder_of(r->uri)))
        good = !json_array_append_new(folder, one);
    for (size_t i = 0; good && i < r->n_places; i++)
        if ((one = folder_of(r->places[i])))
            good = !json_array_append_new(folder, one);
    if (good && r->date_ns && gmtime_r(&when, &tm)) {
        snprintf(text, sizeof text, "%d", tm.tm_year + 1900);
        good = add_value(year, text);
    }
    /* Each set takes its list over, also where it fails. */
    good &= !json_object_set_new(doc, "facet_type", type);
    good &= !json_object_set_new(doc, "facet_ext", ext);
    good &= !json_object_set_new(doc, "facet_author", author);
    good &= !json_object_set_new(doc, "facet_lang", lang);
    good &= !json_object_set_new(doc, "facet_tag", tag);
    good &= !json_object_set_new(doc, "facet_folder", folder);
    good &= !json_object_set_new(doc, "facet_year", year);
    return good;
}

cairn_status row_set_columns(const filter_row *r, json_t *doc, cairn_error *err)
{
    bool bad =
        json_object_set_new(doc, "uri", folded(r->uri, false)) ||
        json_object_set_new(doc, "places", list_of(r->places, r->n_places, false)) ||
        json_object_set_new(doc, column[FILTER_PLACE], list_of(r->places, r->n_places, true)) ||
        json_object_set_new(doc, column[FILTER_TAG], list_of(r->tags, r->n_tags, true)) ||
        json_object_set_new(doc, column[FILTER_URI], folded(r->uri, true)) ||
        json_object_set_new(doc, column[FILTER_TITLE], folded(r->title, true)) ||
        json_object_set_new(doc, column[FILTER_EXT], folded(r->ext, true)) ||
        json_object_set_new(doc, column[FILTER_LANG], folded(r->lang, true)) ||
        json_object_set_new(doc, column[FILTER_MIME], folded(r->mime, true)) ||
        json_object_set_new(doc, column[FILTER_AUTHOR], folded(r->author, true)) ||
        json_object_set_new(doc, column[FILTER_DATE], number(r->date_ns, r->date_ns != 0)) ||
        json_object_set_new(doc, column[FILTER_SIZE], number(r->size, r->size >= 0)) ||
        json_object_set_new(doc, column[FILTER_PAGES], number(r->pages, r->pages != 0)) ||
        json_object_set_new(doc, column[FILTER_MODIFIED],
                            number(r->modified_ns, r->modified_ns != 0)) ||
        json_object_set_new(doc, column[FILTER_CREATED], number(r->created_ns, r->created_ns != 0));

    return bad || !set_facets(r, doc) ? cairn_fail(err, CAIRN_ENOMEM, "metadata of a passage")
                                      : CAIRN_OK;
}

/* ---- filters ---- */

/* A pattern of OpenSearch's wildcard query: `before`, the text with its own signs taken literally
 * unless it is a glob itself, `behind`. */
static json_t *pattern(const char *field, const char *before, const char *text, size_t len,
                       const char *behind, bool glob)
{
    json_t *j = NULL, *value = NULL;
    bytes b;
    cairn_status st;

    bytes_init(&b, 2 * len + 64);
    st = bytes_append_str(&b, before);
    for (size_t i = 0; i < len && !st; i++) {
        if (text[i] == '\\' || (!glob && (text[i] == '*' || text[i] == '?')))
            st = bytes_append_byte(&b, '\\');
        if (!st)
            st = bytes_append_byte(&b, (uint8_t)text[i]);
    }
    if (!st)
        st = bytes_append_str(&b, behind);
    if (!st && (value = client_text(b.data ? b.data : "", b.len)))
        j = json_pack("{s:{s:{s:o}}}", "wildcard", field, "value", value);
    bytes_clear(&b);
    return j;
}

/* Letters and digits next to the word are no boundary (in Lucene's expressions a class knows no
 * properties, so these are the Latin and Cyrillic ones; letters of scripts without spaces always
 * have a boundary). */
static json_t *word(const char *field, const char *text, size_t len)
{
    static const char part[] = "[^a-z0-9\u00df-\u024f\u0400-\u04ff]";
    json_t *j = NULL, *value = NULL;
    bytes b;
    cairn_status st;

    bytes_init(&b, 4 * len + 256);
    st = bytes_printf(&b, "(.*%s)?", part);
    for (size_t i = 0; i < len && !st; i++) {
        if ((uint8_t)text[i] < 0x80 && strchr(".?+*|{}[]()\"\\#@&<>~^-", text[i]))
            st = bytes_append_byte(&b, '\\');
        if (!st)
            st = bytes_append_byte(&b, (uint8_t)text[i]);
    }
    if (!st)
        st = bytes_printf(&b, "(%s.*)?", part);
    if (!st && (value = client_text(b.data, b.len)))
        j = json_pack("{s:{s:{s:o,s:s}}}", "regexp", field, "value", value, "flags", "NONE");
    bytes_clear(&b);
    return j;
}

/* Folder `dir` above the file, as filter_eval.c has it. */
static json_t *in_dir(const char *field, const char *dir, size_t n)
{
    while (n > 1 && dir[0] == '.' && dir[1] == '/')
        dir += 2, n -= 2;
    while (n && dir[n - 1] == '/')
        n--;
    if (!n)
        return pattern(field, "*", "/", 1, "*", false);
    if (dir[0] == '/')
        return pattern(field, "", dir, n, "/*", false);
    return json_pack("{s:{s:[o,o]}}", "bool", "should", pattern(field, "", dir, n, "/*", false),
                     pattern(field, "*/", dir, n, "/*", false));
}

static json_t *one_value(const filter_predicate *p, const char *field, const filter_value *v,
                         const bytes *want)
{
    const char *s = want->data ? want->data : "";
    size_t n = want->len;

    switch (p->op) {
    case FILTER_RANGE:
        return json_pack("{s:{s:{s:I,s:I}}}", "range", field, "gte", (json_int_t)v->lo, "lt",
                         (json_int_t)v->hi);
    case FILTER_PREFIX:
        return json_pack("{s:{s:{s:o}}}", "prefix", field, "value", client_text(s, n));
    case FILTER_CONTAINS:
        return pattern(field, "*", s, n, "*", false);
    case FILTER_WORD:
        return word(field, s, n);
    case FILTER_GLOB:
        return pattern(field, "", s, n, "", true);
    case FILTER_DIR:
        return in_dir(field, s, n);
    default:
        return json_pack("{s:{s:{s:o}}}", "term", field, "value", client_text(s, n));
    }
}

cairn_status row_predicate(const filter_predicate *p, json_t **out, cairn_error *err)
{
    bool fold = filter_folds(p), any = true, uri = p->field == FILTER_URI;
    const char *fields[2] = {uri && !fold ? "uri" : column[p->field],
                             uri ? (fold ? column[FILTER_PLACE] : "places") : NULL};
    json_t *should = json_array();
    bytes want;

    *out = NULL;
    bytes_init(&want, 8 * WORD_MAX + 64);
    for (size_t i = 0; should && any && i < p->n_values; i++) {
        const filter_value *v = &p->values[i];
        const char *text = v->text && p->op != FILTER_RANGE ? v->text : "";
        bytes_reset(&want);
        if (strlen(text) > WORD_MAX) {
            bytes_clear(&want);
            json_decref(should);
            return cairn_fail(err, CAIRN_ELIMIT, "a filter's value of more than %d bytes",
                              WORD_MAX);
        }
        any = !(fold ? filter_fold(&want, text, strlen(text)) : bytes_append_str(&want, text));
        for (size_t f = 0; any && f < 2 && fields[f]; f++)
            any = !json_array_append_new(should, one_value(p, fields[f], v, &want));
    }
    bytes_clear(&want);
    if (should && any)
        *out = p->negated ? json_pack("{s:{s:o}}", "bool", "must_not", should)
                          : json_pack("{s:{s:o,s:i}}", "bool", "should", should,
                                      "minimum_should_match", 1);
    else
        json_decref(should);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a filter");
}

cairn_status row_filter(const filter_expr *expr, json_t **out, cairn_error *err)
{
    json_t *all = json_array();
    cairn_status st = all ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a filter");

    *out = NULL;
    for (size_t i = 0; i < expr->n && !st; i++) {
        json_t *one;
        st = row_predicate(&expr->predicates[i], &one, err);
        if (!st && json_array_append_new(all, one))
            st = cairn_fail(err, CAIRN_ENOMEM, "a filter");
    }
    if (!st && !expr->n)
        *out = json_pack("{s:{}}", "match_all");
    else if (!st)
        *out = json_pack("{s:{s:O}}", "bool", "filter", all);
    json_decref(all);
    return st ? st : *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a filter");
}
