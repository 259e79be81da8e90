/* handle.c - opening and closing a collection, and the parts that open when first needed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "engine/access.h"
#include "base/checked.h"
#include "base/clock.h"
#include "engine/cluster.h"
#include "engine/engine.h"
#include "engine/shared_model.h"
#include "engine/user_data.h"
#include "engine/view.h"

const char *cairn_version(void)
{
    return CAIRN_VERSION_TEXT;
}

cairn_status engine_make_folders(const char *path, cairn_error *err)
{
    char *copy = strdup(path);
    cairn_status st = CAIRN_OK;

    if (!copy)
        return cairn_fail(err, CAIRN_ENOMEM, "path %s", path);
    for (char *p = copy + 1; !st; p++) {
        char c = *p;
        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(copy, 0700) && errno != EEXIST)
            st = cairn_fail_errno(err, errno, "make folder %s", copy);
        *p = c;
        if (!c)
            break;
    }
    free(copy);
    return st;
}

void engine_extension(const char *path, char *out, size_t cap)
{
    const char *base = strrchr(path, '/'), *dot;
    size_t n = 0;

    base = base ? base + 1 : path;
    dot = strrchr(base, '.');
    if (dot && dot != base)
        for (dot++; *dot && n + 1 < cap; dot++)
            out[n++] = (char)(*dot >= 'A' && *dot <= 'Z' ? *dot + 32 : *dot);
    out[n] = '\0';
}

/* $CAIRN_HOME, $XDG_DATA_HOME/cairn or ~/.local/share/cairn; malloced. */
static cairn_status default_home(char **out, cairn_error *err)
{
    const char *v = getenv("CAIRN_HOME"), *home = getenv("HOME");
    int n;

    if (v && *v)
        n = asprintf(out, "%s", v);
    else if ((v = getenv("XDG_DATA_HOME")) && *v)
        n = asprintf(out, "%s/cairn", v);
    else if (home && *home)
        n = asprintf(out, "%s/.local/share/cairn", home);
    else
        return cairn_fail(err, CAIRN_EUSAGE, "neither HOME nor CAIRN_HOME is set: name a folder "
                                             "with --home");
    return n < 0 ? cairn_fail(err, CAIRN_ENOMEM, "home folder") : CAIRN_OK;
}

cairn_status engine_home(const cairn_options *o, char **out, cairn_error *err)
{
    if (!o->home)
        return default_home(out, err);
    *out = strdup(o->home);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "home folder");
}

cairn_status engine_read_settings(settings *s, const char *config_file, cairn_error *err)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *path = NULL;
    cairn_status st = CAIRN_OK;

    settings_init(s);
    if (config_file)
        return settings_read(s, config_file, true, err);
    if (base && *base) {
        if (asprintf(&path, "%s/cairn/cairn.conf", base) < 0)
            return cairn_fail(err, CAIRN_ENOMEM, "configuration");
    } else if (home && *home) {
        if (asprintf(&path, "%s/.config/cairn/cairn.conf", home) < 0)
            return cairn_fail(err, CAIRN_ENOMEM, "configuration");
    }
    if (path)
        st = settings_read(s, path, false, err);
    free(path);
    return st;
}

/* collection.conf in the collection's folder says what is to be otherwise here than elsewhere. */
static cairn_status read_own_settings(cairn *c, cairn_error *err)
{
    char *path;
    cairn_status st;

    if (asprintf(&path, "%s/collection.conf", c->dir) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "configuration");
    st = settings_read(&c->settings, path, false, err);
    free(path);
    return st;
}

/* The smaller of two bounds of which 0 is none. */
static uint64_t room_bound(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* A collection is a folder name: no separators, nothing hidden. */
static bool good_collection(const char *name)
{
    size_t n = strlen(name);

    return n > 0 && n <= 100 && name[0] != '.' && !strchr(name, '/');
}

static cairn_status copy_options(cairn *c, const cairn_options *o, cairn_error *err)
{
    const char *name = o->collection ? o->collection : "default";
    cairn_status st = engine_read_settings(&c->settings, o->config_file, err);

    if (st)
        return st;
    if (!good_collection(name))
        return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" cannot be a collection's name: use 1 to 100 "
                                             "bytes without / and not beginning with a dot", name);
    st = engine_home(o, &c->home, err);
    if (st)
        return st;
    c->collection = strdup(name);
    if (!c->collection || asprintf(&c->collections, "%s/collections", c->home) < 0 ||
        asprintf(&c->dir, "%s/%s", c->collections, c->collection) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "collection %s", name);
    st = read_own_settings(c, err);
    if (st)
        return st;
    c->cancel = o->cancel;
    c->embedder_named = o->embedder != NULL;
    if (o->embedder)
        snprintf(c->settings.embedder, SETTINGS_TEXT, "%s", o->embedder);
    c->embedder_set = strdup(c->settings.embedder);
    if (!c->embedder_set)
        return cairn_fail(err, CAIRN_ENOMEM, "configuration");
    c->generator_named = o->generator != NULL;
    if (o->generator)
        snprintf(c->settings.generator, SETTINGS_TEXT, "%s", o->generator);
    c->n_threads = o->n_threads ? o->n_threads : pool_online_cpus();
    c->read_only = o->read_only;
    c->wait_ns = o->wait_ns;
    c->max_disk_bytes = room_bound((uint64_t)(c->settings.limit_disk_mb * (1 << 20)), o->max_disk_bytes);
    c->models = o->models;
    return CAIRN_OK;
}

cairn_status engine_describe(cairn **out, const cairn_options *o, cairn_error *err)
{
    cairn_status st;

    *out = calloc(1, sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "handle");
    st = copy_options(*out, o, err);
    if (st) {
        cairn_close(*out);
        *out = NULL;
    }
    return st;
}

cairn_status cairn_open(cairn **out, const cairn_options *options, cairn_error *err)
{
    static const cairn_options nothing;
    const cairn_options *o = options ? options : &nothing;
    bool create = !o->read_only && !o->must_exist;
    store_options so = {.read_only = o->read_only, .create = create, .wait_ns = o->wait_ns};
    cairn *c = calloc(1, sizeof *c);
    cairn_status st;

    *out = NULL;
    if (!c)
        return cairn_fail(err, CAIRN_ENOMEM, "handle");
    st = copy_options(c, o, err);
    if (!st && o->principals)
        st = engine_open_access(c, o->principals, err);
    if (!st && create)
        st = engine_make_folders(c->dir, err);
    if (!st && cluster_is_chosen(&c->settings))
        st = cluster_open(c, &so, err);
    else if (!st)
        st = store_open(&c->store, c->dir, &so, err);
    if (st == CAIRN_ENOTFOUND && !create && !cluster_is_chosen(&c->settings))
        cairn_fail(err, st, "there is no collection \"%s\" in %s yet: cairn index PATH makes it",
                   c->collection, c->home);
    if (st) {
        cairn_close(c);
        return st;
    }
    *out = c;
    return CAIRN_OK;
}

cairn_status cairn_ready(cairn *c, int64_t within_ns, cairn_error *err)
{
    store_snapshot *s;
    cairn_status st;

    cluster_limit(c, NULL, clock_mono_ns() + within_ns);
    st = store_snapshot_open(c->store, &s, err);
    if (!st)
        store_snapshot_close(s);
    cluster_limit(c, NULL, 0);
    return st;
}

static void forget_question(kept_question *k)
{
    free(k->text);
    free(k->vector);
    *k = (kept_question){0};
}

void cairn_close(cairn *c)
{
    if (!c)
        return;
    view_cache_destroy(c->views);
    access_destroy(c->access);
    stop_list_destroy(c->stop_words);
    synonyms_destroy(c->synonyms);
    analyzer_destroy(c->analyzer);
    if (c->own_models)
        cairn_models_destroy(c->models);
    pool_destroy(c->pool);
    user_data_close(c);
    free(c->embedder_set);
    forget_question(&c->asked);
    forget_question(&c->asked_second);
    free(c->second_name);
    free(c->entailer_name);
    store_close(c->store);
    free(c->home);
    free(c->collection);
    free(c->collections);
    free(c->dir);
    free(c);
}

cairn_status engine_need_writer(const cairn *c, cairn_error *err)
{
    if (c->read_only)
        return cairn_fail(err, CAIRN_EUSAGE, "collection %s was opened for reading", c->collection);
    return CAIRN_OK;
}

vector_options engine_vector_options(const cairn *c)
{
    vector_options o;

    (void)settings_vector_options(&c->settings, &o, NULL); /* checked when they were read */
    return o;
}

cairn_status engine_pool(cairn *c, pool **out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!c->pool)
        st = pool_create(&c->pool, c->n_threads, err);
    *out = c->pool;
    return st;
}

cairn_status engine_analyzer(cairn *c, analyzer **out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!c->analyzer)
        st = analyzer_create(&c->analyzer, err);
    *out = c->analyzer;
    return st;
}

cairn_status engine_model_status(cairn_status st, cairn_error *err)
{
    if (st != CAIRN_EINPUT && st != CAIRN_EUNSUPPORTED)
        return st;
    if (err)
        err->code = CAIRN_EMODEL;
    return CAIRN_EMODEL;
}

/* The handle's own models, where it was given none, compute in its own pool. */
static cairn_status get_model(cairn *c, model_kind kind, const char *name, shared_model **out,
                              cairn_error *err)
{
    pool *workers;
    cairn_status st = CAIRN_OK;

    if (*out)
        return CAIRN_OK;
    if (!c->models) {
        st = engine_pool(c, &workers, err);
        if (!st)
            st = models_create_private(&c->models, &c->settings, workers, err);
        c->own_models = !st;
    }
    return st ? st : models_get(c->models, kind, name, NULL, out, err);
}

cairn_status engine_encoder(cairn *c, encoder **out, cairn_error *err)
{
    cairn_status st = get_model(c, MODEL_ENCODER, c->settings.embedder, &c->encoder, err);

    *out = st ? NULL : shared_model_encoder(c->encoder);
    return st;
}

cairn_status engine_use_embedder(cairn *c, const char *model, cairn_error *err)
{
    if (!strcmp(model, c->settings.embedder))
        return CAIRN_OK;
    if (strlen(model) >= SETTINGS_TEXT)
        return cairn_fail(err, CAIRN_EUSAGE, "an embedder's name has at most %d bytes", SETTINGS_TEXT - 1);
    snprintf(c->settings.embedder, SETTINGS_TEXT, "%s", model);
    c->encoder = NULL; /* the models keep the other one */
    forget_question(&c->asked);
    return CAIRN_OK;
}

cairn_status engine_second_encoder(cairn *c, const char *model, encoder **out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!c->second_name || strcmp(model, c->second_name) != 0) {
        free(c->second_name);
        c->second = NULL; /* the models keep it */
        forget_question(&c->asked_second);
        if (!(c->second_name = strdup(model)))
            return cairn_fail(err, CAIRN_ENOMEM, "second embedder");
    }
    st = get_model(c, MODEL_ENCODER, model, &c->second, err);
    if (!st)
        *out = shared_model_encoder(c->second);
    return st;
}

cairn_status engine_follow_embedder(cairn *c, const store_snapshot *s, cairn_error *err)
{
    const uint8_t *name;
    size_t len;
    arena memory;
    cairn_status st;

    if (c->embedder_named)
        return CAIRN_OK;
    arena_init(&memory, 1 << 16);
    st = store_meta_get(s, META_EMBEDDER_MODEL, &memory, &name, &len, err);
    if (!st)
        st = engine_use_embedder(c, (const char *)name, err);
    else if (st == CAIRN_ENOTFOUND)
        st = engine_use_embedder(c, c->embedder_set, err);
    arena_clear(&memory);
    return st;
}

cairn_status engine_generator(cairn *c, generator **out, cairn_error *err)
{
    cairn_status st = get_model(c, MODEL_GENERATOR, c->settings.generator, &c->generator, err);

    *out = st ? NULL : shared_model_generator(c->generator);
    return st;
}

bool engine_answerer(cairn *c, generator **out, taught_adapter *adapter)
{
    *out = NULL;
    if (!taught_wanted(&c->settings, c->settings.generator, adapter) ||
        get_model(c, MODEL_ANSWERER, c->settings.generator, &c->answerer, NULL))
        return false;
    *out = shared_model_generator(c->answerer);
    return decoder_model_variant(generator_model(*out)) != 0;
}

cairn_status engine_large(cairn *c, generator **out, cairn_error *err)
{
    cairn_status st = *c->settings.large
                          ? get_model(c, MODEL_GENERATOR, c->settings.large, &c->large, err)
                          : cairn_fail(err, CAIRN_EMODEL, "models.large names no model");

    *out = st ? NULL : shared_model_generator(c->large);
    return st;
}

cairn_status engine_reranker(cairn *c, shared_model **out, cairn_error *err)
{
    cairn_status st = *c->settings.reranker
                          ? get_model(c, MODEL_SPARSE, c->settings.reranker, &c->reranker, err)
                          : cairn_fail(err, CAIRN_EMODEL, "models.reranker names no model");

    *out = c->reranker;
    return st;
}

cairn_status engine_cross_encoder(cairn *c, shared_model **out, cairn_error *err)
{
    cairn_status st = *c->settings.reranker
                          ? get_model(c, MODEL_ENCODER, c->settings.reranker, &c->reranker, err)
                          : cairn_fail(err, CAIRN_EMODEL, "models.reranker names no model");

    *out = c->reranker;
    return st;
}

cairn_status engine_entailer(cairn *c, const char *model, shared_model **out, cairn_error *err)
{
    cairn_status st;

    *out = NULL;
    if (!c->entailer_name || strcmp(model, c->entailer_name) != 0) {
        free(c->entailer_name);
        c->entailer = NULL; /* the models keep it */
        if (!(c->entailer_name = strdup(model)))
            return cairn_fail(err, CAIRN_ENOMEM, "model of entailment");
    }
    st = get_model(c, MODEL_ENCODER, model, &c->entailer, err);
    if (!st)
        *out = c->entailer;
    return st;
}

/* Keep the vector of a question. Without memory nothing is kept. */
static void keep_question(kept_question *k, const encoder_text *text, const float *vector, size_t dim)
{
    forget_question(k);
    k->text = strndup(text->text, text->len);
    k->vector = malloc(dim * sizeof *vector);
    if (k->vector)
        memcpy(k->vector, vector, dim * sizeof *vector);
}

static bool is_kept(const kept_question *k, const encoder_text *text)
{
    return k->text && k->vector && strlen(k->text) == text->len && !memcmp(k->text, text->text, text->len);
}

/* Texts by the encoder of `m` in its turn; `k` remembers its last question. */
static cairn_status embed_with(shared_model *m, kept_question *k, const encoder_text *texts, size_t n,
                               encoder_role role, const volatile sig_atomic_t *cancel, float *out, cairn_error *err)
{
    encoder *e = shared_model_encoder(m);
    size_t dim = encoder_dim(e);
    cairn_status st;

    if (role == ENCODER_QUERY && n == 1 && is_kept(k, texts)) {
        memcpy(out, k->vector, dim * sizeof *out);
        return CAIRN_OK;
    }
    st = shared_model_enter(m, cancel, 0, err);
    if (st)
        return st;
    st = encoder_embed(e, texts, n, role, out, err);
    shared_model_leave(m);
    if (!st && role == ENCODER_QUERY && n)
        keep_question(k, &texts[n - 1], out + (n - 1) * dim, dim);
    return st;
}

cairn_status engine_embed(cairn *c, const encoder_text *texts, size_t n, encoder_role role,
                          const volatile sig_atomic_t *cancel, float *out, cairn_error *err)
{
    encoder *e;
    cairn_status st = engine_encoder(c, &e, err);

    return st ? st : embed_with(c->encoder, &c->asked, texts, n, role, cancel, out, err);
}

/* In the encoder's turn: of the texts those that it does not remember. Room for n in `others` and `of`, for n vectors in `made`. */
static cairn_status embed_unknown(shared_model *m, const encoder_text *texts, size_t n, encoder_text *others,
                                  size_t *of, float *made, float *out, cairn_error *err)
{
    encoder *e = shared_model_encoder(m);
    text_memo *memo = shared_model_memo(m);
    size_t dim = encoder_dim(e), left = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n; i++) {
        const float *known = memo ? text_memo_find(memo, texts[i].text, texts[i].len) : NULL;
        if (known) {
            memcpy(out + i * dim, known, dim * sizeof *out);
            continue;
        }
        of[left] = i;
        others[left++] = texts[i];
    }
    if (left)
        st = encoder_embed(e, others, left, ENCODER_PASSAGE, made, err);
    for (size_t i = 0; !st && i < left; i++) {
        memcpy(out + of[i] * dim, made + i * dim, dim * sizeof *out);
        if (memo)
            text_memo_put(memo, others[i].text, others[i].len, made + i * dim);
    }
    return st;
}

cairn_status engine_embed_sentences(cairn *c, const encoder_text *texts, size_t n, const volatile sig_atomic_t *cancel,
                                    float *out, cairn_error *err)
{
    encoder *e;
    encoder_text *others = checked_malloc(n + 1, sizeof *others);
    size_t *of = checked_malloc(n + 1, sizeof *of);
    float *made = NULL;
    cairn_status st = engine_encoder(c, &e, err);

    if (!st)
        made = checked_malloc((n + 1) * encoder_dim(e), sizeof *made);
    if (!st && (!others || !of || !made))
        st = cairn_fail(err, CAIRN_ENOMEM, "sentences");
    if (!st && !(st = shared_model_enter(c->encoder, cancel, 0, err))) {
        st = embed_unknown(c->encoder, texts, n, others, of, made, out, err);
        shared_model_leave(c->encoder);
    }
    free(others);
    free(of);
    free(made);
    return st;
}

bool engine_embeds_together(const cairn *c, const char *second)
{
    return c->encoder && c->second && c->encoder != c->second && c->second_name &&
           !strcmp(c->second_name, second);
}

cairn_status engine_embed_second(cairn *c, const char *model, const encoder_text *texts, size_t n, encoder_role role,
                                 float *out, cairn_error *err)
{
    encoder *e;
    cairn_status st = engine_second_encoder(c, model, &e, err);

    return st ? st : embed_with(c->second, &c->asked_second, texts, n, role, NULL, out, err);
}

/* Answer with a model that is open; what the collection may take of the memory counts. */
static cairn_status answer_by(cairn *c, shared_model *m, const json_t *messages, const generate_params *params,
                              const volatile sig_atomic_t *cancel, generate_result *out, cairn_error *err)
{
    memory_share share = {c->collection, (size_t)(c->settings.limit_memory_mb * (1 << 20))};

    return shared_model_answer(m, messages, params, &share, cancel, 0, out, err);
}

cairn_status engine_chat(cairn *c, bool large, const json_t *messages, const generate_params *params,
                         const volatile sig_atomic_t *cancel, generate_result *out,
                         cairn_error *err)
{
    generator *g;
    cairn_status st = large ? engine_large(c, &g, err) : engine_generator(c, &g, err);

    return st ? st : answer_by(c, large ? c->large : c->generator, messages, params, cancel, out, err);
}

cairn_status engine_answer(cairn *c, const json_t *messages, const generate_params *params,
                           const volatile sig_atomic_t *cancel, generate_result *out, cairn_error *err)
{
    return answer_by(c, c->answerer, messages, params, cancel, out, err);
}
