/* second.c - see second.h. */
#include "engine/second.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/augment.h"
#include "engine/embedder.h"
#include "engine/literacy.h"
#include "engine/model.h"
#include "engine/rebuild.h"
#include "engine/vectors.h"

#define MEMORY_BYTES ((size_t)1 << 20)

/* Of the passages that have a vector, the share that may lack the second one. */
#define LACKS_ONE_OF 20

/* A model of many languages, and one that knows more of English. */
#define AUTO_FIRST  "multilingual-e5-small"
#define AUTO_SECOND "bge-small-en-v1.5"

static bool is_auto(const cairn *c)
{
    return !strcmp(c->settings.second_embedder, "auto");
}

static bool is_here(const char *model)
{
    char path[PATH_MAX];

    return !cairn_model_path(model, path, sizeof path, NULL);
}

/* May there be one beside the embedder of this moment without being asked for? */
static bool may_have_auto(const cairn *c)
{
    return is_auto(c) && !c->remote && !strcmp(c->settings.embedder, AUTO_FIRST);
}

const char *second_named(const cairn *c)
{
    if (is_auto(c))
        return may_have_auto(c) && is_here(AUTO_SECOND) ? AUTO_SECOND : NULL;
    return *c->settings.second_embedder && !c->remote ? c->settings.second_embedder : NULL;
}

bool second_is_set(const cairn *c)
{
    return second_named(c) != NULL;
}

const char *second_lacking(const cairn *c)
{
    return may_have_auto(c) && !is_here(AUTO_SECOND) ? AUTO_SECOND : NULL;
}

bool second_gives_way(const cairn *c, const char *model)
{
    return is_auto(c) && !strcmp(model, AUTO_SECOND);
}

/* The name as it is noted: a path as later processes find it, too. */
static const char *noted_name(const char *name, char path[PATH_MAX])
{
    return strchr(name, '/') && realpath(name, path) ? path : name;
}

/* Is `named`, the second by the settings (NULL: none), the one aside, or, after the two were exchanged, the one that is
 * searched? */
static bool is_pair(const cairn *c, const char *named, const embedder_aside *a)
{
    char second[PATH_MAX], first[PATH_MAX];
    const char *name = named ? noted_name(named, second) : NULL;

    return name && (!strcmp(name, a->model) || !strcmp(name, noted_name(c->settings.embedder, first)));
}

cairn_status second_find(const cairn *c, const store_snapshot *s, char **model, char **identity, cairn_error *err)
{
    embedder_aside a;
    const char *named;
    arena memory;
    cairn_status st;

    *model = *identity = NULL;
    if (!(c->settings.second_weight > 0) || !embedder_count_vectors(s, SEGMENT_ASIDE) || !(named = second_named(c)))
        return CAIRN_OK;
    arena_init(&memory, MEMORY_BYTES);
    st = embedder_aside_get(s, &memory, &a, err);
    if (!st && a.identity && is_pair(c, named, &a)) {
        *model = strdup(a.model);
        *identity = strdup(a.identity);
        if (!*model || !*identity)
            st = cairn_fail(err, CAIRN_ENOMEM, "second embedder");
    }
    arena_clear(&memory);
    return st;
}

cairn_status second_is_enough(const view *v, bool *enough, cairn_error *err)
{
    uint64_t first = embedder_count_vectors(v->snapshot, SEGMENT_VECTOR);
    uint64_t second = embedder_count_vectors(v->snapshot, SEGMENT_ASIDE);
    literacy reads;
    cairn_status st = CAIRN_OK;

    literacy_of_model(v->second_model, &reads);
    if (second < first - first / LACKS_ONE_OF && reads.n) {
        st = literacy_count_read(&reads, v, v->vector_of, v->vector_filter, v->n_vector, &first, err);
        if (!st)
            st = literacy_count_read(&reads, v, v->second_of, v->second_filter, v->n_second, &second, err);
    }
    *enough = !st && second >= first - first / LACKS_ONE_OF;
    return st;
}

/* Of a second whose vectors are made (a->identity), or are to be made. */
static cairn_status describe_pair(const cairn *c, const view *v, const char *named, const embedder_aside *a,
                                  second_state *out, cairn_error *err)
{
    const bool there = a->identity != NULL;
    char path[PATH_MAX];
    const char *model = there ? a->model : noted_name(named, path);
    uint64_t read, read_here = 0;
    literacy reads;
    cairn_status st;

    literacy_of_model(model, &reads);
    st = literacy_count_read(&reads, v, v->lexical_of, v->lexical_filter, v->n_lexical, &read, err);
    if (!st && v->second_model)
        st = literacy_count_read(&reads, v, v->second_of, v->second_filter, v->n_second, &read_here, err);
    if (st)
        return st;
    if (there)
        out->unread = store_snapshot_counts(v->snapshot).chunks - read;
    if (v->second_model) /* those of before, when vectors were made of all */
        out->unread -= embedder_count_vectors(v->snapshot, SEGMENT_ASIDE) - read_here;
    else if (strcmp(model, c->settings.embedder) != 0)
        *out = (second_state){.unread = out->unread, .coming = there ? model : named,
                              .made = there ? embedder_count_vectors(v->snapshot, SEGMENT_ASIDE) : 0, .wanted = read};
    return CAIRN_OK;
}

cairn_status second_describe(cairn *c, arena *memory, second_state *out, cairn_error *err)
{
    const char *named = second_named(c);
    embedder_aside a;
    bool own, any;
    view v;
    cairn_status st;

    *out = (second_state){0};
    if (!named)
        return CAIRN_OK;
    if (view_open(c, &v, NULL)) /* damaged: nothing of it is searched, and others say so */
        return CAIRN_OK;
    out->searched = v.second_model != NULL;
    st = vectors_identity_get(v.snapshot, NULL, &own, &any, err);
    if (!st)
        st = embedder_aside_get(v.snapshot, memory, &a, err);
    if (!st && !own && (!a.identity || is_pair(c, named, &a)))
        st = describe_pair(c, &v, named, &a, out, err);
    view_close(&v);
    return st;
}

/* Whose vectors are to be made; NULL: nobody's. */
static cairn_status choose(run *r, arena *memory, embedder_aside *noted, const char **model, cairn_error *err)
{
    cairn *c = r->c;
    const char *named = second_named(c);
    char path[PATH_MAX];
    store_snapshot *s;
    bool own, any;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    *model = NULL;
    if (st)
        return st;
    st = vectors_identity_get(s, NULL, &own, &any, err);
    if (!st)
        st = embedder_aside_get(s, memory, noted, err);
    if (st || own || !any || !named)
        goto done;
    if (noted->identity && !is_pair(c, named, noted)) {
        if (!is_auto(c)) /* beside "auto", who made those asked for them */
            st = cairn_fail(err, CAIRN_EUSAGE,
                            "vectors of %s stand aside, so that those of the second embedder, %s, cannot: cairn embedder "
                            "drop removes them",
                            noted->model, c->settings.second_embedder);
    } else if (noted->identity) {
        *model = noted->model;
    } else {
        const char *name = noted_name(named, path);
        if (strcmp(name, c->settings.embedder) != 0 && !(*model = arena_strdup(memory, name)))
            st = cairn_fail(err, CAIRN_ENOMEM, "second embedder");
    }
done:
    store_snapshot_close(s);
    return st;
}

/* Has every passage its vector aside? */
static cairn_status is_whole(cairn *c, bool *whole, cairn_error *err)
{
    store_snapshot *s;
    cairn_status st = store_snapshot_open(c->store, &s, err);

    if (st)
        return st;
    *whole = embedder_count_vectors(s, SEGMENT_ASIDE) == store_snapshot_counts(s).chunks;
    store_snapshot_close(s);
    return CAIRN_OK;
}

/* With the second embedder as the handle's. */
static cairn_status make(run *r, const char *model, const embedder_aside *noted, cairn_error *err)
{
    char identity[AUGMENT_IDENTITY_BYTES];
    run_aside how = {.stage = "embed-second"};
    literacy reads;
    encoder *e;
    bool whole = false, foreign;
    uint64_t dropped;
    size_t left = 1;
    cairn_status st = engine_encoder(r->c, &e, err);

    if (st)
        return st;
    /* Those of another state of the model, or of other texts, are worthless beside the new ones. */
    foreign = noted->identity && strcmp(noted->identity, augment_identity(e, &r->c->settings, identity)) != 0;
    if (foreign)
        st = embedder_drop_aside(r->c, &dropped, err);
    if (!st && (foreign || !noted->identity))
        st = embedder_claim(r->c, model, err);
    if (!st)
        st = is_whole(r->c, &whole, err);
    literacy_of_model(model, &reads);
    how.reads = &reads;
    r->start_ns = clock_mono_ns(); /* a stage of its own, with its own rate */
    while (!st && !whole && left)
        st = run_embed_aside(r, &how, &left, err);
    return st;
}

cairn_status run_second(run *r, cairn_error *err)
{
    embedder_aside noted;
    const char *model;
    char *before = NULL;
    arena memory;
    cairn_status st;

    if (!second_is_set(r->c))
        return CAIRN_OK;
    arena_init(&memory, MEMORY_BYTES);
    st = choose(r, &memory, &noted, &model, err);
    if (!st && model && !(before = strdup(r->c->settings.embedder)))
        st = cairn_fail(err, CAIRN_ENOMEM, "second embedder");
    if (!st && model) {
        st = engine_use_embedder(r->c, model, err);
        if (!st)
            st = make(r, model, &noted, err);
        (void)engine_use_embedder(r->c, before, NULL); /* it was short enough */
        if (st == CAIRN_EFULL)
            cairn_error_prefix(err, "the first embedder's vectors are made and searched, but not all of the second's: with more "
                                    "room the same command goes on, or models.second_embedder = (nothing) does without");
        if (st == CAIRN_EMODEL)
            cairn_error_prefix(err, "the embedder's vectors are made, but none of the second embedder's");
    }
    free(before);
    arena_clear(&memory);
    return st;
}
