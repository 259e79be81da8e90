/* labels.c - see labels.h. */
#include "engine/labels.h"
#include "ingest/page_labels.h"
#include "ingest/page_starts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <xxhash.h>

#include "base/utf8.h"
#include "index/text/fold.h"

#define XATTR_BYTES 4096

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* [*s, *s + *len) without white space around it; false when nothing is left. */
static bool trim(const char **s, size_t *len)
{
    while (*len && is_blank(**s)) {
        ++*s;
        --*len;
    }
    while (*len && is_blank((*s)[*len - 1]))
        --*len;
    return *len > 0;
}

bool labels_same(const char *a, const char *b)
{
    char x[FOLD_MAX], y[FOLD_MAX];
    size_t n = fold_case(a, strlen(a), x);

    return n == fold_case(b, strlen(b), y) && !memcmp(x, y, n);
}

static bool may_be_tag(const char *s, size_t len)
{
    if (!len || len > LABELS_TAG_BYTES || !utf8_valid(s, len))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f || s[i] == ',' || s[i] == '"')
            return false;
    return true;
}

cairn_status labels_tag(const char *typed, arena *memory, const char **out, cairn_error *err)
{
    size_t len = strlen(typed);

    if (!trim(&typed, &len) || !may_be_tag(typed, len))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a tag has 1 to %d bytes of text, without commas and quotes: \"%.*s\"",
                          LABELS_TAG_BYTES, (int)(len < 60 ? len : 60), typed);
    *out = arena_strndup(memory, typed, len);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a tag");
}

/* ---- reading ---- */

/* Add [s, s + len) unless it is there or cannot be a tag. */
static bool add_tag(doc_labels *l, arena *memory, const char *s, size_t len)
{
    char *copy;

    if (!trim(&s, &len) || !may_be_tag(s, len) || l->n_tags == LABELS_TAGS_MAX)
        return true;
    copy = arena_strndup(memory, s, len);
    if (!copy)
        return false;
    for (size_t i = 0; i < l->n_tags; i++)
        if (labels_same(l->tags[i], copy))
            return true;
    l->tags[l->n_tags++] = copy;
    return true;
}

static bool add_array(doc_labels *l, arena *memory, const json_t *array)
{
    size_t i;
    json_t *v;
    bool ok = true;

    json_array_foreach((json_t *)array, i, v)
        ok = ok && (!json_is_string(v) ||
                    add_tag(l, memory, json_string_value(v), json_string_length(v)));
    return ok;
}

/* "a; b", "a, b" or ":a:b:". */
static bool add_list(doc_labels *l, arena *memory, const json_t *text)
{
    const char *s = json_string_value(text), *sign;
    bool ok = true;

    if (!s)
        return true;
    sign = strchr(s, ';') ? ";" : s[0] == ':' ? ":" : ",";
    while (*s && ok) {
        size_t n = strcspn(s, sign);
        ok = add_tag(l, memory, s, n);
        s += n + (s[n] != 0);
    }
    return ok;
}

static bool take_places(doc_labels *l, arena *memory, const json_t *array)
{
    size_t i, n = json_array_size(array);
    json_t *v;

    if (!n)
        return true;
    l->places = arena_calloc(memory, n, sizeof *l->places);
    if (!l->places)
        return false;
    json_array_foreach((json_t *)array, i, v)
        if (json_is_string(v) &&
            !(l->places[l->n_places++] = arena_strdup(memory, json_string_value(v))))
            return false;
    return true;
}

json_t *labels_object(const store_doc *d)
{
    json_t *object = *d->meta_json ? json_loads(d->meta_json, 0, NULL) : NULL;

    if (json_is_object(object))
        return object;
    json_decref(object);
    return json_object();
}

const char *labels_text(const json_t *object, arena *memory)
{
    char *text = json_dumps(object, JSON_COMPACT), *copy;

    copy = text ? arena_strdup(memory, text) : NULL;
    free(text);
    return copy;
}

/* Most documents say nothing of all this: then nothing is parsed. */
static bool says_something(const char *meta)
{
    static const char *const keys[] = {"\"user_tags\"", "\"file_tags\"",  "\"keywords\"", "\"tags\"",
                                       "\"places\"",    "\"created_ns\"", "\"same_as\"",
                                       "\"" PAGE_LABELS_KEY "\"", "\"" PAGE_STARTS_KEY "\""};

    for (size_t i = 0; meta && i < sizeof keys / sizeof *keys; i++)
        if (strstr(meta, keys[i]))
            return true;
    return false;
}

cairn_status labels_read(const store_doc *d, arena *memory, doc_labels *out, cairn_error *err)
{
    json_t *o;
    bool ok;

    *out = (doc_labels){0};
    if (!says_something(d->meta_json))
        return CAIRN_OK;
    out->tags = arena_calloc(memory, LABELS_TAGS_MAX, sizeof *out->tags);
    o = out->tags ? labels_object(d) : NULL;
    if (!o)
        return cairn_fail(err, CAIRN_ENOMEM, "tags of a document");
    ok = add_array(out, memory, json_object_get(o, "user_tags"));
    out->n_user = out->n_tags;
    ok = ok && add_array(out, memory, json_object_get(o, "file_tags")) &&
         add_list(out, memory, json_object_get(o, "keywords")) &&
         add_list(out, memory, json_object_get(o, "tags")) &&
         take_places(out, memory, json_object_get(o, "places"));
    out->created_ns = json_integer_value(json_object_get(o, "created_ns"));
    if (json_integer_value(json_object_get(o, "same_as")) > 0)
        out->same_as = (doc_id)json_integer_value(json_object_get(o, "same_as"));
    if (json_is_string(json_object_get(o, PAGE_LABELS_KEY)))
        ok = ok && (out->page_labels =
                        arena_strdup(memory, json_string_value(json_object_get(o, PAGE_LABELS_KEY))));
    if (json_is_string(json_object_get(o, PAGE_STARTS_KEY)))
        ok = ok && (out->page_starts =
                        arena_strdup(memory, json_string_value(json_object_get(o, PAGE_STARTS_KEY))));
    json_decref(o);
    return ok ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "tags of a document");
}

cairn_status labels_page(const doc_labels *l, uint32_t page, arena *memory, const char **out,
                         cairn_error *err)
{
    char label[PAGE_LABEL_MAX];

    *out = NULL;
    if (page && l->page_labels && page_label_at(l->page_labels, page, label) &&
        !(*out = arena_strdup(memory, label)))
        return cairn_fail(err, CAIRN_ENOMEM, "the label of a page");
    return CAIRN_OK;
}

cairn_status labels_page_of(const cairn_hit *h, uint64_t start, uint64_t end, arena *memory, uint32_t *page, const char **label,
                            cairn_error *err)
{
    const doc_labels l = {.page_labels = h->page_labels};

    *page = page_at(h->page_starts, h->page, h->page_last, start + (end - start) / 2);
    *label = h->page_label;
    return *page == h->page ? CAIRN_OK : labels_page(&l, *page, memory, label, err);
}

/* ---- what is remembered of a uri ---- */

void labels_key(const char *uri, char key[48])
{
    static const char hex[] = "0123456789abcdef";
    XXH128_canonical_t c;
    size_t at = strlen(META_TAGS);

    XXH128_canonicalFromHash(&c, XXH3_128bits(uri, strlen(uri)));
    memcpy(key, META_TAGS, at);
    for (size_t i = 0; i < sizeof c.digest; i++) {
        key[at++] = hex[c.digest[i] >> 4];
        key[at++] = hex[c.digest[i] & 15];
    }
    key[at] = 0;
}

cairn_status labels_remembered(const store_snapshot *s, const char *uri, json_t **out,
                               cairn_error *err)
{
    char key[48];
    const uint8_t *data;
    size_t len;
    arena memory;
    cairn_status st;

    *out = NULL;
    labels_key(uri, key);
    arena_init(&memory, (size_t)1 << 20);
    st = store_meta_get(s, key, &memory, &data, &len, err);
    if (!st)
        *out = json_loadb((const char *)data, len, 0, NULL);
    if (*out && (!json_is_array(*out) || !json_array_size(*out))) {
        json_decref(*out);
        *out = NULL;
    }
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

json_t *labels_of_file(const char *path)
{
    char text[XATTR_BYTES];
    ssize_t n = getxattr(path, "user.xdg.tags", text, sizeof text);
    json_t *array = NULL;

    for (size_t at = 0, end; n > 0 && at < (size_t)n; at = end + 1) {
        const char *s = text + at;
        size_t len;
        for (end = at; end < (size_t)n && text[end] != ','; end++)
            ;
        len = end - at;
        if (!trim(&s, &len) || !may_be_tag(s, len))
            continue;
        if (!array)
            array = json_array();
        if (!array || json_array_append_new(array, json_stringn(s, len)))
            break;
    }
    return array;
}

bool labels_file_changed(const store_doc *d, const char *path)
{
    bool had = strstr(d->meta_json, "\"file_tags\"") != NULL;
    json_t *now = labels_of_file(path), *object;
    bool changed;

    if (!had && !now)
        return false;
    object = labels_object(d);
    had = json_array_size(json_object_get(object, "file_tags")) > 0;
    changed = had || now ? !json_equal(json_object_get(object, "file_tags"), now) : false;
    json_decref(object);
    json_decref(now);
    return changed;
}

bool labels_has_mark(const store_doc *d, const char *mark)
{
    static const char key[] = "\"settings\":\"";
    const char *have = strstr(d->meta_json, key);

    if (!have)
        return !*mark;
    have += sizeof key - 1;
    return !strncmp(have, mark, strlen(mark)) && have[strlen(mark)] == '"';
}
