/* whynot.c - cairn_why_not: the stages that a file passes on its way to a hit, and the first one it does not.
 *
 * On the way in: is the file there, is it below a folder that was indexed, does a rule leave it out, could
 * it be read, does it say anything. On the way out: its place in the list of words, in the list of vectors
 * (as searched and exactly) and after fusion. Lists are asked for much deeper than a search does, so that
 * a bad place is told from none. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "engine/labels.h"
#include "engine/index.h"
#include "engine/search.h"
#include "ingest/walk.h"

#define WHY_BYTES  ((size_t)1 << 30)
#define MAX_STAGES 16
#define MAX_WORDS  32

typedef struct asking {
    cairn *c;
    cairn_why *why;
    arena *memory;
    const char *path; /* absolute where the file is there */
    view v;
    store_doc doc;
    bool known;
} asking;

static void say(asking *a, const char *stage, bool passed, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void say(asking *a, const char *stage, bool passed, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (a->why->n_stages == MAX_STAGES)
        return;
    a->why->stages[a->why->n_stages++] =
        (cairn_why_stage){.stage = stage, .passed = passed, .detail = arena_strdup(a->memory, text)};
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
static cairn_status ask_the_walk(asking *a, cairn_error *err)
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
            say(a, "crawl", true, "found below %s", root);
            return CAIRN_OK;
        }
    }
    if (!n)
        say(a, "crawl", false, "it lies below no folder that was indexed: cairn index %s", a->path);
    else
        say(a, "rules", false, "%s", *w.reason ? w.reason : "the walk does not come to it");
    return CAIRN_OK;
}

/* With what the extractor noted. */
static void no_text(asking *a)
{
    json_t *meta = json_loads(a->doc.meta_json, 0, NULL);
    const char *note = json_string_value(json_object_get(meta, "note"));

    say(a, "text", false, "no text was found in it%s%s", note ? ": " : "", note ? note : "");
    json_decref(meta);
}

/* Of a copy, go on with the document that holds the passages. */
static cairn_status follow_copy(asking *a, cairn_error *err)
{
    doc_labels labels;
    cairn_status st = labels_read(&a->doc, a->memory, &labels, err);

    if (st || !labels.same_as)
        return st;
    st = store_doc_get(a->v.snapshot, labels.same_as, &a->doc, a->memory, err);
    if (st == CAIRN_ENOTFOUND)
        return CAIRN_OK;
    if (!st)
        say(a, "copy", true, "the same bytes as %s, whose passages stand for it", a->doc.uri);
    return st;
}

static cairn_status ask_the_store(asking *a, const struct stat *sb, cairn_error *err)
{
    store_failure f;
    cairn_status st;
    int64_t mtime_ns = clock_stored_ns(sb->st_mtim);

    st = store_failure_find(a->v.snapshot, a->path, &f, a->memory, err);
    if (!st) {
        say(a, "read", false, "it could not be read: %s", f.reason);
    } else if (st != CAIRN_ENOTFOUND) {
        return st;
    } else if (!a->known) {
        say(a, "read", false, "no run has read it yet: cairn index %s", a->path);
    }
    if (a->known && sb->st_mtim.tv_sec && a->doc.mtime_ns != mtime_ns)
        say(a, "read", false, "it changed after it was read: cairn index %s", a->path);
    else if (a->known && st)
        say(a, "read", true, "%s, read as document %llu", a->doc.mime,
            (unsigned long long)a->doc.id);
    st = a->known ? follow_copy(a, err) : CAIRN_OK;
    if (st)
        return st;
    if (a->known && a->doc.n_chunks)
        say(a, "text", true, "%u passages", a->doc.n_chunks);
    else if (a->known)
        no_text(a);
    return CAIRN_OK;
}

/* ---- on the way out ---- */

static uint64_t live_rows(const view *v)
{
    uint64_t n = v->index ? v->index->remote->rows(v->index->ctx) : 0;

    for (size_t i = 0; i < v->n_lexical; i++)
        n += v->lexical_of[i]->n_rows;
    return n;
}

/* The document's best place among the hits, from 1; 0: none. */
static size_t place_of(const asking *a, const char *text, retrieve_mode mode, size_t k,
                       retrieve_result *result, cairn_status *st, cairn_error *err)
{
    engine_query e = {.text = text, .mode = mode, .k = k, .depth = k, .budget_ms = -1, .as_listed = true};
    retrieve_query query;

    *st = engine_search_with(a->c, &a->v, &e, a->memory, &query, result, NULL, err);
    for (size_t i = 0; !*st && i < result->n_hits; i++)
        if (result->hits[i].doc == a->doc.id)
            return i + 1;
    return 0;
}

/* Which of the question's words the document holds, one by one. */
static cairn_status ask_each_word(asking *a, const char *text, size_t k, bytes *has, bytes *lacks,
                                  cairn_error *err)
{
    char *copy = arena_strdup(a->memory, text), *save = NULL;
    cairn_status st = copy ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a question");
    size_t n = 0;

    for (char *w = copy ? strtok_r(copy, " \t\n\"()", &save) : NULL; w && !st && n++ < MAX_WORDS;
         w = strtok_r(NULL, " \t\n\"()", &save)) {
        retrieve_result result;
        bool there = place_of(a, w, RETRIEVE_LEXICAL, k, &result, &st, err) > 0;
        bytes *out = there ? has : lacks;
        if (out->len)
            bytes_append_str(out, ", ");
        bytes_append_str(out, w);
    }
    return st;
}

static cairn_status ask_the_words(asking *a, const char *text, size_t k, size_t deep,
                                  cairn_error *err)
{
    retrieve_result result = {0};
    bytes has, lacks;
    cairn_status st;
    size_t place = place_of(a, text, RETRIEVE_LEXICAL, deep, &result, &st, err);

    bytes_init(&has, 8192);
    bytes_init(&lacks, 8192);
    if (!st)
        st = ask_each_word(a, text, deep, &has, &lacks, err);
    if (!st && place)
        say(a, "words", place <= k, "place %zu of %zu by words%s%s", place, result.n_hits,
            lacks.len ? "; it lacks: " : "", lacks.len ? lacks.data : "");
    else if (!st)
        say(a, "words", false, "not among the %zu passages that the words find; it has: %s; it lacks: %s",
            result.n_hits, has.len ? has.data : "none of them", lacks.len ? lacks.data : "none");
    bytes_clear(&has);
    bytes_clear(&lacks);
    return st;
}

/* Rows nearer to the question than the document's nearest, plus one; 0: it has no vector. */
static size_t place_in_segments(const asking *a, const float *query)
{
    float best = -INFINITY;
    size_t nearer = 0;

    for (int pass = 0; pass < 2; pass++)
        for (size_t s = 0; s < a->v.n_vector; s++) {
            const vector_segment *seg = &a->v.vector[s];
            retrieve_rows rows = retrieve_rows_of_file(a->v.vector_of[s]->file);
            for (uint32_t r = 0; r < vector_reader_rows(seg->reader); r++) {
                float score;
                bool mine = rows.doc(rows.ctx, r) == a->doc.id;
                if ((seg->deleted && seg->deleted[r / 64] >> (r % 64) & 1) || (!pass && !mine))
                    continue;
                score = vector_reader_score(seg->reader, r, query);
                if (!pass && score > best)
                    best = score;
                nearer += pass && score > best;
            }
            if (!pass && s + 1 == a->v.n_vector && best == -INFINITY)
                return 0;
        }
    return best == -INFINITY ? 0 : nearer + 1;
}

static cairn_status exact_place(const asking *a, const float *query, size_t *out, cairn_error *err)
{
    const retrieve_index *index = a->v.index;
    uint64_t place = 0;
    cairn_status st = CAIRN_OK;

    if (index)
        st = index->remote->place(index->ctx, a->doc.id, query, engine_dim(&a->v), &place, err);
    else
        place = place_in_segments(a, query);
    *out = (size_t)place;
    return st;
}

static cairn_status ask_the_vectors(asking *a, const char *text, size_t k, cairn_error *err)
{
    size_t depth = (size_t)a->c->settings.candidates, place, exact;
    retrieve_result result = {0};
    cairn_error why = {0};
    encoder_text question = {.text = text, .len = strlen(text)};
    float *query;
    cairn_status st;

    if (!engine_dim(&a->v)) {
        say(a, "vectors", false, "the collection has no vectors");
        return CAIRN_OK;
    }
    query = arena_calloc(a->memory, engine_dim(&a->v), sizeof *query);
    if (!query)
        return cairn_fail(err, CAIRN_ENOMEM, "vector of a question");
    place = place_of(a, text, RETRIEVE_VECTOR, depth, &result, &st, &why);
    if (!st && result.mode != RETRIEVE_VECTOR)
        st = cairn_fail(&why, CAIRN_EMODEL, "%s", result.note ? result.note : "no embedder");
    if (!st)
        st = engine_embed(a->c, &question, 1, ENCODER_QUERY, NULL, query, &why);
    if (st) {
        say(a, "vectors", false, "not searched: %s", why.text);
        return CAIRN_OK;
    }
    st = exact_place(a, query, &exact, err);
    if (st)
        return st;
    if (!exact)
        say(a, "vectors", false, "its passages have no vectors yet: cairn index goes on with them");
    else if (place)
        say(a, "vectors", place <= k, "place %zu by vectors, %zu exactly", place, exact);
    else
        say(a, "vectors", false, "not among the nearest %zu; exactly, place %zu", depth, exact);
    return CAIRN_OK;
}

/* What reading the best again, recurring lines and, for an answer, the room for passages make of its place. */
static cairn_status ask_the_end(asking *a, const char *text, size_t k, size_t fused, cairn_error *err)
{
    engine_query e = {.text = text, .mode = RETRIEVE_HYBRID, .k = fused > k ? fused : k, .unhurried = true};
    retrieve_query query;
    retrieve_result result = {0};
    engine_stages stages = {0};
    size_t place = 0, rooms = (size_t)a->c->settings.ask_passages, tokens;
    cairn_status st = engine_search_with(a->c, &a->v, &e, a->memory, &query, &result, &stages, err);

    for (size_t i = 0; !st && i < result.n_hits && !place; i++)
        if (result.hits[i].doc == a->doc.id)
            place = i + 1;
    if (st)
        return st;
    if (place)
        a->why->rank = place;
    if (place && place <= k)
        a->why->lost_at = NULL; /* it came back */
    say(a, "rerank", place && place <= k,
        "place %zu after %zu passages were read again and %zu stepped back for lines that many documents share", place,
        stages.refined.reranked, stages.refined.recurring);
    tokens = (size_t)a->c->settings.ask_context_tokens;
    say(a, "budget", place && place <= rooms,
        "an answer looks at %zu passages and puts at most %zu tokens of them before the model", rooms, tokens);
    if (place && place <= k)
        a->why->lost_at = NULL; /* for a search it is not lost */
    return CAIRN_OK;
}

static cairn_status ask_the_search(asking *a, const char *text, size_t k, cairn_error *err)
{
    size_t deep = (size_t)live_rows(&a->v), depth = (size_t)a->c->settings.candidates, place;
    retrieve_result result = {0};
    cairn_status st;

    deep = deep < 10 ? 10 : deep > 1000000 ? 1000000 : deep;
    st = ask_the_words(a, text, k, deep, err);
    if (!st)
        st = ask_the_vectors(a, text, k, err);
    if (st)
        return st;
    place = place_of(a, text, RETRIEVE_HYBRID, depth, &result, &st, err);
    if (st)
        return st;
    a->why->rank = place;
    if (place && place <= k)
        a->why->lost_at = NULL; /* one list was enough */
    say(a, "fusion", place && place <= k, place ? "place %zu after fusion, %zu are shown"
                                               : "place %zu: in neither list's best; %zu are shown",
        place, k);
    return place ? ask_the_end(a, text, k, place, err) : CAIRN_OK;
}

/* ---- all of it ---- */

static cairn_status find_it(asking *a, const char *file, cairn_error *err)
{
    char *real = realpath(file, NULL);
    cairn_status st;

    a->path = arena_strdup(a->memory, real ? real : file);
    free(real);
    if (!a->path)
        return cairn_fail(err, CAIRN_ENOMEM, "a path");
    st = engine_find_document(a->c, a->v.snapshot, file, &a->doc, a->memory, NULL);
    a->known = !st;
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

static cairn_status ask_all(asking *a, const char *query, size_t k, cairn_error *err)
{
    struct stat sb = {0};
    cairn_status st = CAIRN_OK;
    bool inside = a->known && strstr(a->doc.uri, "!/");

    if (a->known)
        a->path = a->doc.uri;
    if (!a->known && a->path[0] != '/') {
        say(a, "file", false, "%s: there is no such file, and no such document", a->path);
        return CAIRN_OK;
    }
    if (a->path[0] == '/' && !inside) {
        if (stat(a->path, &sb)) {
            say(a, "file", false, "%s: %s", a->path, strerror(errno));
        } else {
            say(a, "file", true, "%s", a->path);
            st = ask_the_walk(a, err);
        }
    }
    if (!st && !a->known && a->why->lost_at && strcmp(a->why->lost_at, "read"))
        return CAIRN_OK; /* what left it out is why it was not read */
    if (!st)
        st = ask_the_store(a, &sb, err);
    if (!st && a->known && a->doc.n_chunks)
        st = ask_the_search(a, query, k ? k : 10, err);
    return st;
}

cairn_status cairn_why_not(cairn *c, const char *file, const char *query, size_t k, cairn_why **out,
                           cairn_error *err)
{
    arena *memory = malloc(sizeof *memory);
    asking a = {.c = c, .memory = memory};
    cairn_status st;

    *out = NULL;
    if (c->access) { /* of a file that it may not see, not even whether it is there */
        cairn_document *d;
        st = cairn_get(c, file, &d, err);
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
        st = find_it(&a, file, err);
    if (!st)
        st = ask_all(&a, query, k, err);
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
