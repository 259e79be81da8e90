/* whynot.c - cairn_why_not: the stages that a file passes on its way to a hit, and the first one it
 * does not.
 *
 * On the way in: is the file there, is it below a folder that was indexed, does a rule leave it
 * out, can it be opened, did its parser get through, does it say anything. The way out is
 * whynot_search.c. */
#include "engine/care.h"
#include "engine/whynot.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/index.h"
#include "engine/labels.h"
#include "ingest/walk.h"

#define WHY_BYTES  ((size_t)1 << 30)
#define MAX_STAGES 20

void why_say(why_asking *a, const char *stage, bool passed, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (a->why->n_stages == MAX_STAGES)
        return;
    a->why->stages[a->why->n_stages++] = (cairn_why_stage){
        .stage = stage, .passed = passed, .reached = true, .detail = arena_strdup(a->memory, text)};
    if (!passed && !a->why->lost_at)
        a->why->lost_at = stage;
}

/* ---- on the way in ---- */

typedef struct crawl {
    const char *path;
    bool found;
    char reason[1200];
} crawl;

static bool crawl_found(void *ctx, const walk_entry *e)
{
    crawl *w = ctx;

    w->found |= !strcmp(e->path, w->path);
    return !w->found;
}

static void crawl_failed(void *ctx, const char *path, cairn_status code, const char *reason)
{
    crawl *w = ctx;

    (void)code;
    snprintf(w->reason, sizeof w->reason, "%.600s: %.500s", path, reason);
}

static void crawl_skipped(void *ctx, const char *path, bool folder, const char *reason)
{
    (void)folder;
    crawl_failed(ctx, path, CAIRN_OK, reason);
}

static bool below(const char *path, const char *root)
{
    size_t n = strlen(root);

    return !strncmp(path, root, n) && (!path[n] || path[n] == '/' || (n && root[n - 1] == '/'));
}

/* The roots of past runs, each ended by a NUL. */
static cairn_status ask_the_walk(why_asking *a, cairn_error *err)
{
    const uint8_t *roots;
    size_t len, n = 0;
    crawl w = {.path = a->path};
    cairn_status st = store_meta_get(a->v.snapshot, META_ROOTS, a->memory, &roots, &len, err);

    if (st && st != CAIRN_ENOTFOUND)
        return st;
    for (const char *root = (const char *)roots; !st && root < (const char *)roots + len;
         root += strlen(root) + 1) {
        walk_options o = index_walk_options(a->c, NULL);
        if (!below(a->path, root))
            continue;
        n++;
        o.only = &a->path;
        o.n_only = 1;
        o.skipped = crawl_skipped;
        ingest_walk(&root, 1, &o, crawl_found, crawl_failed, &w, NULL);
        if (w.found) {
            why_say(a, "crawl", true, "found below %s", root);
            return CAIRN_OK;
        }
    }
    if (!n)
        why_say(a, "crawl", false, "it lies below no folder that was indexed: cairn index %s",
                a->path);
    else
        why_say(a, "rules", false, "%s", *w.reason ? w.reason : "the walk does not come to it");
    return CAIRN_OK;
}

/* Can it be opened now? What a run said of it may be of yesterday. */
static bool can_be_read(why_asking *a)
{
    if (access(a->path, R_OK) == 0)
        return true;
    why_say(a, "read", false, "it cannot be read: %s", strerror(errno));
    return false;
}

/* With what the extractor noted. */
static void no_text(why_asking *a)
{
    json_t *meta = json_loads(a->doc.meta_json, 0, NULL);
    const char *note = json_string_value(json_object_get(meta, "note"));

    why_say(a, "text", false, "no text was found in it%s%s", note ? ": " : "", note ? note : "");
    json_decref(meta);
}

/* Of a copy, go on with the document that holds the passages. */
static cairn_status follow_copy(why_asking *a, cairn_error *err)
{
    doc_labels labels;
    cairn_status st = labels_read(&a->doc, a->memory, &labels, err);

    if (st || !labels.same_as)
        return st;
    st = store_doc_get(a->v.snapshot, labels.same_as, &a->doc, a->memory, err);
    if (st == CAIRN_ENOTFOUND)
        return CAIRN_OK;
    if (!st)
        why_say(a, "copy", true, "the same bytes as %s, whose passages stand for it", a->doc.uri);
    return st;
}

static cairn_status ask_the_reading(why_asking *a, const struct stat *sb, cairn_error *err)
{
    store_failure f;
    cairn_status st = store_failure_find(a->v.snapshot, a->path, &f, a->memory, err);

    if (!st)
        why_say(a, "parse", false, "it could not be read: %s", f.reason);
    else if (st != CAIRN_ENOTFOUND)
        return st;
    else if (!a->known)
        why_say(a, "read", false, "no run has read it yet: cairn index %s", a->path);
    else if (sb->st_mtim.tv_sec && a->doc.mtime_ns != clock_stored_ns(sb->st_mtim))
        why_say(a, "read", false, "it changed after it was read: cairn index %s", a->path);
    else
        why_say(a, "parse", true, "%s, read as document %llu", a->doc.mime,
                (unsigned long long)a->doc.id);
    return CAIRN_OK;
}

static cairn_status ask_the_text(why_asking *a, cairn_error *err)
{
    cairn_status st = follow_copy(a, err);

    if (!st && a->doc.n_chunks)
        why_say(a, "text", true, a->doc.n_chunks == 1 ? "%u passage" : "%u passages", a->doc.n_chunks);
    else if (!st)
        no_text(a);
    return st;
}

/* ---- all of it ---- */

/* "old.zip!/inner/lease.pdf" is asked for by its container where no document has the name. */
static cairn_status find_it(why_asking *a, cairn_error *err)
{
    const char *file = a->request->file, *inner = strstr(file, "!/");
    char *outer, *real;
    cairn_status st = engine_find_document(a->c, a->v.snapshot, file, &a->doc, a->memory, NULL);

    a->known = !st;
    if (st && st != CAIRN_ENOTFOUND)
        return st;
    outer = arena_strndup(a->memory, file, inner ? (size_t)(inner - file) : strlen(file));
    if (!outer)
        return cairn_fail(err, CAIRN_ENOMEM, "a path");
    real = realpath(outer, NULL);
    a->path = a->known ? a->doc.uri
              : real   ? arena_printf(a->memory, "%s%s", real, inner ? inner : "")
                       : file;
    free(real);
    if (!a->path)
        return cairn_fail(err, CAIRN_ENOMEM, "a path");
    if (!a->known && inner) { /* named from where one stands */
        st = engine_find_document(a->c, a->v.snapshot, a->path, &a->doc, a->memory, NULL);
        a->known = !st;
    }
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* A file on the disk: there, crawled, readable. */
static cairn_status ask_the_disk(why_asking *a, struct stat *sb, cairn_error *err)
{
    cairn_status st;

    if (stat(a->path, sb)) {
        why_say(a, "file", false, "%s: %s", a->path, strerror(errno));
        return CAIRN_OK;
    }
    why_say(a, "file", true, "%s", a->path);
    st = ask_the_walk(a, err);
    if (!st && S_ISREG(sb->st_mode))
        can_be_read(a);
    return st;
}

/* A file in a file: what became of the one that holds it. */
static cairn_status ask_the_container(why_asking *a, const char *inner, cairn_error *err)
{
    const char *member = a->path;
    struct stat sb = {0};
    store_doc outer;
    cairn_status st;

    a->path = arena_strndup(a->memory, a->path, (size_t)(inner - a->path));
    if (!a->path)
        return cairn_fail(err, CAIRN_ENOMEM, "a path");
    st = ask_the_disk(a, &sb, err);
    if (st || a->known || a->why->lost_at) {
        a->path = member;
        return st;
    }
    st = engine_find_document(a->c, a->v.snapshot, a->path, &outer, a->memory, NULL);
    if (st == CAIRN_ENOTFOUND) {
        st = ask_the_reading(a, &sb,
                             err); /* as a file that has not been read, or not for this reason */
    } else if (!st) {
        a->path = member;
        st = store_failure_find(a->v.snapshot, member, &(store_failure){0}, a->memory, err);
        if (st == CAIRN_ENOTFOUND)
            why_say(a, "member", false,
                    "%s was read, and no file of this name with a text was found in it", outer.uri);
        else if (!st)
            st = ask_the_reading(a, &sb, err);
        st = st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    }
    a->path = member;
    return st;
}

static cairn_status ask_all(why_asking *a, cairn_error *err)
{
    struct stat sb = {0};
    const char *inner = strstr(a->path, "!/");
    cairn_status st = CAIRN_OK;

    if (!a->known && a->path[0] != '/') {
        why_say(a, "file", false, "%s: there is no such file, and no such document", a->path);
        return CAIRN_OK;
    }
    if (a->path[0] == '/')
        st = inner ? ask_the_container(a, inner, err) : ask_the_disk(a, &sb, err);
    if (st || (!a->known && a->why->lost_at))
        return st; /* what left it out is why it was not read */
    st = ask_the_reading(a, inner ? &(struct stat){0} : &sb, err);
    if (!st && a->known)
        st = ask_the_text(a, err);
    if (!st && a->known && a->doc.n_chunks)
        st = why_ask_the_search(a, err);
    return st;
}

cairn_status cairn_why_not(cairn *c, const cairn_why_request *request, cairn_why **out,
                           cairn_error *err)
{
    arena *memory = malloc(sizeof *memory);
    why_asking a = {
        .c = c, .request = request, .k = request->k ? request->k : 10, .memory = memory};
    cairn_status st;

    *out = NULL;
    if (c->access) { /* of a file that it may not see, not even whether it is there */
        cairn_document *d;
        st = cairn_get(c, request->file, &d, err);
        if (st) {
            free(memory);
            return st;
        }
        cairn_document_free(d);
    }
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "an explanation");
    arena_init(memory, WHY_BYTES);
    a.why = arena_calloc(memory, 1, sizeof *a.why);
    if (a.why)
        a.why->stages = arena_calloc(memory, MAX_STAGES, sizeof *a.why->stages);
    st = a.why && a.why->stages ? view_open(c, &a.v, err)
                                : cairn_fail(err, CAIRN_ENOMEM, "an explanation");
    if (!st)
        st = find_it(&a, err);
    if (!st)
        st = ask_all(&a, err);
    view_close(&a.v);
    if (st) {
        arena_clear(memory);
        free(memory);
        return st;
    }
    a.why->memory = memory;
    *out = a.why;
    return CAIRN_OK;
}

void cairn_why_free(cairn_why *w)
{
    arena *memory;

    if (!w)
        return;
    memory = w->memory; /* *w lives in it */
    arena_clear(memory);
    free(memory);
}
