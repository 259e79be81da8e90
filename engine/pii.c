/* pii.c - personal data and secrets in documents of the collection, or in a text. */
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "retrieve/pii.h"

#define SCRATCH_BYTES ((size_t)1 << 30)

typedef struct pii_scan {
    const char *uri;
    unsigned set;
    bool (*fn)(void *ctx, const cairn_pii_finding *f);
    void *ctx;
    bool stopped;
} pii_scan;

static cairn_status scan(pii_scan *s, const char *text, size_t len, cairn_error *err)
{
    size_t n, line = 1, at = 0;
    pii_match *m;
    arena a;
    cairn_status st;

    arena_init(&a, SCRATCH_BYTES);
    st = pii_find(text, len, s->set, &a, &m, &n, err);
    for (size_t i = 0; i < n && !st && !s->stopped; i++) {
        cairn_pii_finding f = {.uri = s->uri, .type = pii_name(m[i].type), .text = text + m[i].start,
                               .len = m[i].end - m[i].start, .start = m[i].start};
        for (; at < m[i].start; at++)
            line += text[at] == '\n';
        f.line = line;
        s->stopped = !s->fn(s->ctx, &f);
    }
    arena_clear(&a);
    return st;
}

static cairn_status parse_types(const char *types, unsigned *set, cairn_error *err)
{
    if (!types || !*types)
        types = "all";
    if (!pii_parse(types, set))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "\"%s\" is no list of email, phone, iban, card, national-id, ip, url, "
                          "secret, or all",
                          types);
    return CAIRN_OK;
}

cairn_status cairn_pii_text(const char *text, size_t len, const char *types,
                            bool (*fn)(void *ctx, const cairn_pii_finding *f), void *ctx,
                            cairn_error *err)
{
    pii_scan s = {.uri = "", .fn = fn, .ctx = ctx};
    cairn_status st = parse_types(types, &s.set, err);

    return st ? st : scan(&s, text, len, err);
}

cairn_status cairn_pii_redact(const char *text, size_t len, const char *types, char **out, size_t *out_len,
                              cairn_error *err)
{
    unsigned set = 0;
    bytes redacted;
    cairn_status st = parse_types(types, &set, err);

    *out = NULL;
    bytes_init(&redacted, SCRATCH_BYTES);
    if (!st)
        st = pii_redact(text, len, set, &redacted, err);
    if (!st && !(*out = bytes_detach(&redacted, out_len)))
        st = cairn_fail(err, CAIRN_ENOMEM, "a redacted text");
    bytes_clear(&redacted);
    return st;
}

typedef struct uri_list {
    char **at;
    size_t n, cap;
    bool full;
} uri_list;

static bool take_uri(void *ctx, const cairn_document *d)
{
    uri_list *l = ctx;

    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        char **at = realloc(l->at, cap * sizeof *at);
        if (!at) {
            l->full = true;
            return false;
        }
        l->at = at;
        l->cap = cap;
    }
    if (!(l->at[l->n] = strdup(d->uri))) {
        l->full = true;
        return false;
    }
    l->n++;
    return true;
}

cairn_status cairn_pii(cairn *c, const char *prefix, const char *types,
                       bool (*fn)(void *ctx, const cairn_pii_finding *f), void *ctx,
                       size_t *n_documents, cairn_error *err)
{
    pii_scan s = {.fn = fn, .ctx = ctx};
    uri_list uris = {0};
    cairn_status st = parse_types(types, &s.set, err);

    *n_documents = 0;
    if (!st)
        st = cairn_list(c, prefix, take_uri, &uris, err);
    if (!st && uris.full)
        st = cairn_fail(err, CAIRN_ENOMEM, "a list of documents");
    for (size_t i = 0; i < uris.n && !st && !s.stopped; i++) {
        cairn_document *d;
        st = cairn_get(c, uris.at[i], &d, err);
        if (st == CAIRN_ENOTFOUND) { /* gone since it was listed */
            st = CAIRN_OK;
            continue;
        }
        if (st)
            break;
        s.uri = d->uri;
        st = scan(&s, d->text, d->text_len, err);
        ++*n_documents;
        cairn_document_free(d);
    }
    for (size_t i = 0; i < uris.n; i++)
        free(uris.at[i]);
    free(uris.at);
    return st;
}
