/* handle_access.c - a handle that sees what some principals may read (access.h), and the rules themselves. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/access.h"
#include "engine/care.h"
#include "engine/cluster.h"
#include "engine/labels.h"
#include "engine/view.h"

#define RULES_BYTES   ((size_t)4 << 20)
#define LOOKED_AT     20 /* passages in which a suggested word is looked for */
#define MEMORY_BYTES  ((size_t)256 << 20)
#define RULES_MEMORY  ((size_t)64 << 20)

/* The file of rules; malloced. */
static char *rules_path(const cairn *c)
{
    char *path;

    return asprintf(&path, "%s/access", c->dir) < 0 ? NULL : path;
}

cairn_status engine_open_access(cairn *c, const char *principals, cairn_error *err)
{
    char *path;
    cairn_status st;

    if (!c->read_only)
        return cairn_fail(err, CAIRN_EUSAGE, "a handle for principals only reads");
    path = rules_path(c);
    st = path ? access_create(&c->access, principals, path, err)
              : cairn_fail(err, CAIRN_ENOMEM, "rules");
    free(path);
    return st;
}

cairn_status engine_need_whole(const cairn *c, cairn_error *err)
{
    return c->access ? cairn_fail(err, CAIRN_EUSAGE, "this shows the whole collection, of which you may "
                                                     "see a part")
                     : CAIRN_OK;
}

/* The rules of a collection elsewhere lie with it: a file here would bind this machine alone. */
static cairn_status take_rules(cairn *c, const retrieve_index *index, cairn_error *err)
{
    const char *rules = index->remote->rules(index->ctx);
    char *path = rules_path(c);
    cairn_status st = path ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "rules");

    if (!st && !access(path, F_OK))
        st = cairn_fail(err, CAIRN_EUSAGE,
                        "%s: the rules of a collection on a cluster are kept there: give its text to PUT /api/v1/access, then remove it",
                        path);
    free(path);
    return st ? st : access_take(c->access, rules, strlen(rules), err);
}

cairn_status engine_hide(cairn *c, const retrieve_index *index, cairn_error *err)
{
    retrieve_rule *rules;
    size_t n;
    arena memory;
    cairn_status st;

    if (!c->access)
        return CAIRN_OK;
    arena_init(&memory, RULES_MEMORY);
    st = take_rules(c, index, err);
    if (!st)
        st = access_list(c->access, &memory, &rules, &n, err);
    if (!st)
        st = index->remote->hide(index->ctx, rules, n, err);
    arena_clear(&memory);
    return st;
}

cairn_status engine_refresh_access(cairn *c, cairn_error *err)
{
    store_snapshot *s;
    retrieve_index index;
    cairn_status st;

    if (!c->access || !c->remote)
        return c->access ? access_refresh(c->access, err) : CAIRN_OK;
    st = store_snapshot_open(c->store, &s, err);
    if (st)
        return st;
    index = cluster_index(s);
    st = take_rules(c, &index, err);
    store_snapshot_close(s);
    return st;
}

bool engine_shows(const cairn *c, const char *uri)
{
    return !c->access || access_allows(c->access, uri);
}

bool engine_shows_document(const cairn *c, store_doc *doc, arena *memory)
{
    doc_labels l;

    if (!c->access || access_allows(c->access, doc->uri))
        return true;
    if (labels_read(doc, memory, &l, NULL))
        return false;
    for (size_t i = 0; i < l.n_places; i++)
        if (access_allows(c->access, l.places[i])) {
            doc->uri = l.places[i];
            return true;
        }
    return false;
}

void engine_keep_places(const cairn *c, const char *uri, const char **places, size_t *n)
{
    size_t kept = 0;

    for (size_t i = 0; c->access && i < *n; i++)
        if (access_allows(c->access, places[i]) && strcmp(places[i], uri))
            places[kept++] = places[i];
    *n = c->access ? kept : *n;
}

cairn_status cairn_access_allows(cairn *c, const char *uri, bool *out, cairn_error *err)
{
    cairn_status st = engine_refresh_access(c, err);

    *out = !st && engine_shows(c, uri);
    return st;
}

static cairn_status count_shown(cairn *c, const store_snapshot *s, cairn_error *err)
{
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    cairn_status st = store_doc_iter_open(s, "", &it, err);

    if (st)
        return st;
    arena_init(&memory, MEMORY_BYTES);
    c->shown.documents = c->shown.chunks = 0;
    while (!(st = store_doc_iter_next(it, &doc, &memory, err))) {
        if (engine_shows(c, doc.uri)) {
            c->shown.documents++;
            c->shown.chunks += doc.n_chunks;
        }
        arena_reset(&memory);
    }
    store_doc_iter_close(it);
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

cairn_status engine_count_shown(cairn *c, const store_snapshot *s, cairn_status_info *out,
                                cairn_error *err)
{
    uint64_t commit = store_snapshot_version(s), rules = access_version(c->access);
    cairn_status st = CAIRN_OK;

    if (c->shown.commit != commit || c->shown.rules != rules)
        st = count_shown(c, s, err);
    if (st)
        return st;
    c->shown.commit = commit;
    c->shown.rules = rules;
    out->documents = c->shown.documents;
    out->chunks = c->shown.chunks;
    out->vectors = out->pending_vectors = out->failures = out->deleted_rows = out->text_bytes = 0;
    out->n_failed = 0;
    out->n_tiers = 0;
    out->segments = 0;
    out->audit = (cairn_audit){0};
    return CAIRN_OK;
}

/* ---- the rules as text ---- */

static cairn_status read_elsewhere(cairn *c, char **text, cairn_error *err)
{
    store_snapshot *s;
    retrieve_index index;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    if (st)
        return st;
    index = cluster_index(s);
    *text = strdup(index.remote->rules(index.ctx));
    store_snapshot_close(s);
    return *text ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "rules");
}

cairn_status cairn_access_read(cairn *c, char **text, cairn_error *err)
{
    char *path = rules_path(c), buf[65536];
    FILE *f = path && !c->remote ? fopen(path, "re") : NULL;
    cairn_status st = engine_need_whole(c, err);
    bytes all;
    size_t n;

    *text = NULL;
    if (!st && c->remote) {
        free(path);
        return read_elsewhere(c, text, err);
    }
    bytes_init(&all, RULES_BYTES);
    if (!st && !path)
        st = cairn_fail(err, CAIRN_ENOMEM, "rules");
    else if (!st && !f && errno != ENOENT)
        st = cairn_fail_errno(err, errno, "open %s", path);
    while (!st && f && (n = fread(buf, 1, sizeof buf, f)) > 0)
        if ((st = bytes_append(&all, buf, n)))
            cairn_fail(err, st, "read %s", path);
    if (!st && f && ferror(f))
        st = cairn_fail_errno(err, errno, "read %s", path);
    if (!st && (bytes_append_byte(&all, 0) || !(*text = bytes_detach(&all, NULL))))
        st = cairn_fail(err, CAIRN_ENOMEM, "rules");
    if (f)
        fclose(f);
    bytes_clear(&all);
    free(path);
    return st;
}

/* Whole or not at all, and on the disk when it returns. */
static cairn_status put_file(const char *dir, const char *path, const char *text, size_t len,
                             cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    char *temporary;
    int fd, folder;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "rules");
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        st = cairn_fail_errno(err, errno, "create %s", temporary);
    } else {
        for (size_t at = 0; !st && at < len;) {
            ssize_t n = write(fd, text + at, len - at);
            if (n < 0 && errno != EINTR)
                st = cairn_fail_errno(err, errno, "write %s", temporary);
            at += n > 0 ? (size_t)n : 0;
        }
        if (!st && fsync(fd))
            st = cairn_fail_errno(err, errno, "write %s", temporary);
        if (close(fd) && !st)
            st = cairn_fail_errno(err, errno, "write %s", temporary);
        if (!st && rename(temporary, path))
            st = cairn_fail_errno(err, errno, "replace %s", path);
        if (st)
            unlink(temporary);
    }
    folder = st ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    free(temporary);
    return st;
}

cairn_status cairn_access_write(cairn *c, const char *text, size_t len, cairn_error *err)
{
    char *path = rules_path(c);
    cairn_status st = engine_need_whole(c, err);

    if (!st && !path)
        st = cairn_fail(err, CAIRN_ENOMEM, "rules");
    if (!st)
        st = access_check(text, len, err);
    if (!st && c->remote)
        st = c->remote->rules_put(c->store, text, len, err);
    else if (!st)
        st = put_file(c->dir, path, text, len, err);
    free(path);
    return st;
}

/* ---- deletions ---- */

/* All documents below the name: does the handle show some, and all? */
static cairn_status look_below(const cairn *c, const store_snapshot *s, const char *folder,
                               bool *some, bool *all, cairn_error *err)
{
    store_doc_iter *it;
    store_doc doc;
    arena memory;
    cairn_status st = store_doc_iter_open(s, folder, &it, err);

    if (st)
        return st;
    arena_init(&memory, MEMORY_BYTES);
    while (!(st = store_doc_iter_next(it, &doc, &memory, err))) {
        if (engine_is_below(doc.uri, folder)) {
            bool shown = engine_shows(c, doc.uri);
            *some |= shown;
            *all &= shown;
        }
        arena_reset(&memory);
    }
    store_doc_iter_close(it);
    arena_clear(&memory);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* The same documents as cairn_delete takes: the one of this name, by whatever it is called, and what is below. */
static cairn_status look_at_all(const cairn *c, const store_snapshot *s, const char *name, bool *some,
                                bool *all, cairn_error *err)
{
    store_doc doc = {0};
    char *real = NULL;
    arena memory;
    cairn_status st;

    arena_init(&memory, MEMORY_BYTES);
    st = engine_find_any(s, name, &doc, &memory, err);
    if (!st) {
        store_doc seen = doc; /* perhaps under another of its places, which does not make it theirs to remove */
        *all = engine_shows(c, doc.uri);
        *some = engine_shows_document(c, &seen, &memory);
        st = look_below(c, s, doc.uri, some, all, err);
    } else if (st == CAIRN_ENOTFOUND) {
        real = realpath(name, NULL);
        st = look_below(c, s, real ? real : name, some, all, err);
    }
    free(real);
    arena_clear(&memory);
    return st;
}

cairn_status cairn_access_covers(cairn *c, const char *uri_or_id, cairn_error *err)
{
    bool some = false, all = true;
    store_snapshot *s = NULL;
    cairn_status st = engine_refresh_access(c, err);

    if (st || !c->access)
        return st;
    st = store_snapshot_open(c->store, &s, err);
    if (!st)
        st = look_at_all(c, s, uri_or_id, &some, &all, err);
    store_snapshot_close(s);
    if (!st && !some)
        st = cairn_fail(err, CAIRN_ENOTFOUND, "\"%s\" is not in the index", uri_or_id);
    else if (!st && !all)
        st = cairn_fail(err, CAIRN_EUSAGE, "\"%s\" can't be removed as a whole by you: name what is in it",
                        uri_or_id);
    return st;
}

/* ---- words ---- */

typedef struct word_search {
    const char *word;
    size_t len;
    bool found;
} word_search;

static cairn_status look_at_form(void *ctx, const char *form, size_t form_len, const char *term,
                                 size_t term_len, uint32_t count, cairn_error *err)
{
    word_search *w = ctx;

    (void)term, (void)term_len, (void)count, (void)err;
    w->found |= form_len == w->len && !memcmp(form, w->word, w->len);
    return CAIRN_OK;
}

/* Is the word in the passage, its headings, or the document's title or path? */
static cairn_status look_at_row(const view *v, const lexical_hit *hit, analyzer *an, arena *memory,
                                cairn_error *err)
{
    const segment_file *file = v->lexical_of[hit->segment]->file;
    const analyzer_token *tokens;
    store_chunk chunk;
    store_doc doc;
    size_t n;
    cairn_status st = store_chunk_get(v->snapshot, segment_row_chunk(file, hit->row), &chunk, memory,
                                      err);

    if (!st)
        st = store_doc_get(v->snapshot, chunk.doc, &doc, memory, err);
    if (st)
        return st;
    st = analyzer_run(an, doc.lang, chunk.text, chunk.text_len, &tokens, &n, err);
    if (!st)
        st = analyzer_run(an, doc.lang, chunk.heading, strlen(chunk.heading), &tokens, &n, err);
    if (!st)
        st = analyzer_run(an, doc.lang, doc.title, strlen(doc.title), &tokens, &n, err);
    if (!st)
        st = analyzer_run(an, doc.lang, doc.uri, strlen(doc.uri), &tokens, &n, err);
    return st ? st : analyzer_flush_forms(an, err);
}

cairn_status engine_shows_word(cairn *c, const view *v, const char *word, size_t len, bool *out,
                               cairn_error *err)
{
    word_search w = {word, len, false};
    lexical_clause clause = {.occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = word, .len = len};
    lexical_query q = {.clauses = &clause, .n = 1};
    lexical_hit hits[LOOKED_AT];
    analyzer *an = NULL;
    arena memory;
    size_t n = 0;
    cairn_status st;

    *out = !c->access;
    if (*out)
        return CAIRN_OK;
    arena_init(&memory, MEMORY_BYTES);
    st = analyzer_create(&an, err); /* a fresh one: it counts the words that it has not met before */
    if (!st)
        st = lexical_search(NULL, v->lexical, v->n_lexical, &q, NULL, LOOKED_AT, hits, &n, err);
    if (!st)
        analyzer_on_form(an, look_at_form, &w);
    for (size_t i = 0; !st && !w.found && i < n; i++) {
        st = look_at_row(v, &hits[i], an, &memory, err);
        arena_reset(&memory);
    }
    *out = !st && w.found;
    analyzer_destroy(an);
    arena_clear(&memory);
    return st;
}
