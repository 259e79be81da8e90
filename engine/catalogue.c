/* catalogue.c - see catalogue.h. */
#include "engine/catalogue.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/model.h"
#include "generate/encode/entailment.h"
#include "generate/formats/safetensors.h"

const catalogue_model catalogue_models[] = {
    {"qwen2.5-coder-0.5b", "generator, default", "model.gguf", "model.gguf", ""},
    {"qwen2.5-coder-1.5b", "generator, quality", "model.gguf", "model.gguf", ""},
    {"smollm2-135m", "generator, small", "model.gguf", "model.gguf", ""},
    {"gemma3-270m", "generator, base model", "model.gguf", "model.gguf", ""},
    {"multilingual-e5-small", "embedder, default", "e5-small-q4.bin", "e5-small-q4.bin", ""},
    {"all-minilm-l6-v2", "embedder, English", "", "model.safetensors", "en"},
    {"bge-small-en-v1.5", "embedder, English", "", "model.onnx", "en"},
    {"splade-tiny", "reranker, English", "", "model.safetensors", "en"},
    {"static-64", "static embedder", "", "model.safetensors", ""},
    {NULL, NULL, NULL, NULL, NULL},
};

#define N_FOLDERS 5

/* Folder i of the search path; false when the environment does not give it. */
static bool model_folder(int i, char *out, size_t cap)
{
    static const char *const variables[] = {"CAIRN_MODELS", "XDG_CACHE_HOME", "XDG_DATA_HOME"};
    static const char *const fallbacks[] = {NULL, ".cache", ".local/share"};
    static const char *const fixed[] = {"/usr/local/share/cairn/models", "/usr/share/cairn/models"};
    const char *value, *home = getenv("HOME");
    int n = -1;

    if (i >= 3) {
        n = snprintf(out, cap, "%s", fixed[i - 3]);
    } else {
        value = getenv(variables[i]);
        if (value && *value)
            n = snprintf(out, cap, i ? "%s/cairn/models" : "%s", value);
        else if (fallbacks[i] && home && *home)
            n = snprintf(out, cap, "%s/%s/cairn/models", home, fallbacks[i]);
    }
    return n > 0 && (size_t)n < cap;
}

/* The model's path in the first folder that has it. */
static bool find_model(const catalogue_model *m, char *out, size_t cap)
{
    for (int i = 0; i < N_FOLDERS; i++) {
        char folder[4096], need[8192];
        int n;
        if (!model_folder(i, folder, sizeof folder))
            continue;
        snprintf(need, sizeof need, "%s/%s/%s", folder, m->name, m->need);
        if (access(need, R_OK))
            continue;
        n = snprintf(out, cap, "%s/%s%s%s", folder, m->name, *m->file ? "/" : "", m->file);
        return n > 0 && (size_t)n < cap;
    }
    return false;
}

const char *catalogue_languages(const char *name)
{
    size_t len = strlen(name), start;

    while (len && name[len - 1] == '/')
        len--;
    for (start = len; start && name[start - 1] != '/'; start--)
        ;
    for (const catalogue_model *m = catalogue_models; m->name; m++)
        if (strlen(m->name) == len - start && !memcmp(m->name, name + start, len - start))
            return m->languages;
    return "";
}

/* ---- models of one's own (cairn model add, pull) ---- */

cairn_status catalogue_own_folder(char *out, size_t cap, cairn_error *err)
{
    if (model_folder(0, out, cap) || model_folder(2, out, cap))
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EUSAGE, "where do models go? Neither CAIRN_MODELS, XDG_DATA_HOME nor HOME is set");
}

bool catalogue_good_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);

    return n && n <= 100 && strspn(name, letters) == n && strcspn(name, "._-");
}

const char *catalogue_file_in(const char *folder)
{
    static const struct {
        const char *need, *file;
    } kinds[] = {{"model.gguf", "model.gguf"}, {"e5-small-q4.bin", "e5-small-q4.bin"}, {"model.safetensors", ""},
                 {SAFETENSORS_INDEX, ""}, {"model.onnx", ""}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char need[8192];
        int n = snprintf(need, sizeof need, "%s/%s", folder, kinds[i].need);
        if (n > 0 && (size_t)n < sizeof need && !access(need, R_OK))
            return kinds[i].file;
    }
    return NULL;
}

static bool in_catalogue(const char *name)
{
    for (const catalogue_model *m = catalogue_models; m->name; m++)
        if (!strcmp(m->name, name))
            return true;
    return false;
}

/* Its path in folder i of the search path. */
static bool find_own_in(int i, const char *name, char *out, size_t cap)
{
    char folder[4096];
    const char *file;
    int n;

    if (!model_folder(i, folder, sizeof folder))
        return false;
    n = snprintf(out, cap, "%s/%s", folder, name);
    file = n > 0 && (size_t)n < cap ? catalogue_file_in(out) : NULL;
    if (!file)
        return false;
    if (*file)
        n = snprintf(out, cap, "%s/%s/%s", folder, name, file);
    return n > 0 && (size_t)n < cap;
}

static bool find_own(const char *name, char *out, size_t cap)
{
    for (int i = 0; i < N_FOLDERS && catalogue_good_name(name); i++)
        if (find_own_in(i, name, out, cap))
            return true;
    return false;
}

static void list_own(void (*fn)(void *ctx, const char *name, const char *use, const char *path), void *ctx)
{
    for (int i = 0; i < N_FOLDERS; i++) {
        char folder[4096], path[8192], first[8192];
        DIR *d = model_folder(i, folder, sizeof folder) ? opendir(folder) : NULL;
        struct dirent *e;
        while (d && (e = readdir(d)))
            if (catalogue_good_name(e->d_name) && !in_catalogue(e->d_name) &&
                find_own_in(i, e->d_name, path, sizeof path) && find_own(e->d_name, first, sizeof first) &&
                !strcmp(path, first)) /* of one name the first counts */
                fn(ctx, e->d_name, entailment_is_folder(path) ? CATALOGUE_ENTAILS : "added", path);
        if (d)
            closedir(d);
    }
}

cairn_status cairn_model_path(const char *name, char *out, size_t cap, cairn_error *err)
{
    for (const catalogue_model *m = catalogue_models; m->name; m++) {
        if (strcmp(m->name, name))
            continue;
        if (find_model(m, out, cap))
            return CAIRN_OK;
        return cairn_fail(err, CAIRN_EMODEL,
                          "the model %s is not on this machine; scripts/setup fetches it, or put "
                          "its file into ~/.cache/cairn/models/%s/%s",
                          name, name, m->need);
    }
    if (find_own(name, out, cap))
        return CAIRN_OK;
    if (!access(name, R_OK) && strlen(name) < cap) {
        snprintf(out, cap, "%s", name);
        return CAIRN_OK;
    }
    return cairn_fail(err, CAIRN_EMODEL,
                      "there is no model \"%s\": neither a name (cairn model list) nor a readable "
                      "file", name);
}

void cairn_model_catalogue(void (*fn)(void *ctx, const char *name, const char *use,
                                      const char *path), void *ctx)
{
    for (const catalogue_model *m = catalogue_models; m->name; m++) {
        char path[8192];
        fn(ctx, m->name, m->use, find_model(m, path, sizeof path) ? path : NULL);
    }
    list_own(fn, ctx);
}
