/* sentence_files.c - see sentence_files.h. */
#include "generate/encode/sentence_files.h"

#include <stdio.h>
#include <string.h>

/* `flags` are jansson's. */
static cairn_status load_json_as(const char *folder, const char *name, size_t flags, json_t **out,
                                 cairn_error *err)
{
    char path[4096];
    json_error_t je;
    FILE *f;

    *out = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    f = fopen(path, "rb");
    if (!f)
        return CAIRN_OK;
    *out = json_loadf(f, flags, &je);
    fclose(f);
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        return cairn_fail(err, CAIRN_EMODEL, "%s: no JSON object (line %d: %s)", path, je.line,
                          je.text);
    }
    return CAIRN_OK;
}

cairn_status sentence_json(const char *folder, const char *name, json_t **out, cairn_error *err)
{
    return load_json_as(folder, name, 0, out, err);
}

/* Pooling and norm are what we do ourselves; a module of another kind would change the vectors. */
static cairn_status check_modules(const char *folder, cairn_error *err)
{
    static const char *const known[] = {"Transformer", "Pooling", "Normalize"};
    json_t *j, *part;
    json_error_t je;
    char path[4096];
    size_t i;
    cairn_status st = CAIRN_OK;

    if ((size_t)snprintf(path, sizeof path, "%s/modules.json", folder) >= sizeof path)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    j = json_load_file(path, 0, &je); /* where it is no list, nothing can be checked */
    json_array_foreach(j, i, part)
    {
        const char *type = json_string_value(json_object_get(part, "type"));
        const char *last = type ? strrchr(type, '.') : NULL;
        bool fits = !type;
        for (size_t k = 0; last && k < sizeof known / sizeof *known; k++)
            fits = fits || !strcmp(last + 1, known[k]);
        if (!fits && !st)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                            "%s: module %s; Cairn knows Transformer, Pooling and Normalize", path,
                            type);
    }
    json_decref(j);
    return st;
}

/* The first of these prompts that is there, copied; else what *out was. */
static cairn_status read_prompt(arena *a, const json_t *prompts, const char *const names[],
                                const char **out, cairn_error *err)
{
    for (; *names; names++) {
        const json_t *text = json_object_get(prompts, *names);
        if (!json_is_string(text))
            continue;
        *out = arena_strdup(a, json_string_value(text));
        return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a prompt");
    }
    return CAIRN_OK;
}

static cairn_status read_prompts(sentence_files *f, const char *folder, arena *a, cairn_error *err)
{
    static const char *const of_query[] = {"query", NULL};
    static const char *const of_passage[] = {"document", "passage", "corpus", NULL};
    const char *query = NULL, *passage = NULL;
    json_t *j;
    cairn_status st = sentence_json(folder, "config_sentence_transformers.json", &j, err);

    if (!st)
        st = read_prompt(a, json_object_get(j, "prompts"), of_query, &query, err);
    if (!st)
        st = read_prompt(a, json_object_get(j, "prompts"), of_passage, &passage, err);
    json_decref(j);
    /* Empty ones are what the package writes where nobody gave any. */
    if (!st && ((query && *query) || (passage && *passage))) {
        f->query_prefix = query ? query : "";
        f->passage_prefix = passage ? passage : "";
    }
    return st;
}

static void lower(size_t *limit, double to)
{
    if (to >= 1 && to < 1e9 && (!*limit || to < (double)*limit))
        *limit = (size_t)to;
}

static cairn_status read_pooling(sentence_files *f, const char *folder, cairn_error *err)
{
    static const struct {
        const char *key;
        sentence_pooling pooling;
    } modes[] = {{"pooling_mode_cls_token", SENTENCE_POOL_FIRST},
                 {"pooling_mode_mean_tokens", SENTENCE_POOL_MEAN},
                 {"pooling_mode_lasttoken", SENTENCE_POOL_LAST}};
    json_t *j;
    cairn_status st = sentence_json(folder, "1_Pooling/config.json", &j, err);

    for (size_t i = 0; j && !f->pooling && i < sizeof modes / sizeof *modes; i++)
        if (json_is_true(json_object_get(j, modes[i].key)))
            f->pooling = modes[i].pooling;
    if (j && !f->pooling)
        st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                        "%s/1_Pooling/config.json: neither mean, first-token nor last-token pooling", folder);
    json_decref(j);
    return st;
}

cairn_status sentence_files_read(sentence_files *f, const char *folder, arena *a, cairn_error *err)
{
    json_t *j;
    cairn_status st = sentence_json(folder, "sentence_bert_config.json", &j, err);

    f->pooling = SENTENCE_POOL_NONE;
    f->query_prefix = f->passage_prefix = NULL;
    if (st)
        return st;
    if (json_integer_value(json_object_get(j, "max_seq_length")) > 0)
        f->max_tokens = (size_t)json_integer_value(json_object_get(j, "max_seq_length"));
    json_decref(j);
    /* 1e30, in digits, where there is no limit: more than an integer holds */
    st = load_json_as(folder, "tokenizer_config.json", JSON_DECODE_INT_AS_REAL, &j, err);
    if (st)
        return st;
    lower(&f->max_tokens, json_number_value(json_object_get(j, "model_max_length")));
    json_decref(j);
    st = read_pooling(f, folder, err);
    if (!st)
        st = check_modules(folder, err);
    return st ? st : read_prompts(f, folder, a, err);
}
