/* model_add.c - cairn model add: a copy of a model under a name (model.h).
 *
 * A model of one file becomes FOLDER/NAME/model.gguf (one in the default embedder's own form is rewritten), one of
 * safetensors a folder of the files that its reader looks at. Each file is written beside its place, synced and renamed; the one by which a
 * model is known comes last. */
#include "engine/model_add.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "base/stop.h"
#include "engine/catalogue.h"
#include "engine/engine.h"
#include "engine/model_caches.h"
#include "generate/decode/cache_folder.h"
#include "generate/decode/generate.h"
#include "generate/encode/bert.h"
#include "generate/encode/encoder.h"
#include "generate/formats/e5s1_gguf.h"
#include "generate/formats/safetensors.h"

#define BLOCK ((size_t)1 << 20)

/* ---- names and hashes ---- */

cairn_status model_take_name(const cairn_model_source *s, char out[128], cairn_error *err)
{
    static const char *const suffixes[] = {".gguf", ".bin", ".safetensors"};
    const char *from = s->name ? s->name : s->from, *end = from + strlen(from), *start;
    int n;

    if (!s->name) {
        if (strstr(from, "://"))
            end = from + strcspn(from, "?#");
        while (end > from && end[-1] == '/')
            end--;
        for (start = end; start > from && start[-1] != '/'; start--)
            continue;
        from = start;
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
            size_t len = strlen(suffixes[i]);
            if ((size_t)(end - from) > len && !strncasecmp(end - len, suffixes[i], len))
                end -= len;
        }
    }
    n = snprintf(out, 128, "%.*s", (int)(end - from < 128 ? end - from : 128), from);
    if (n < 1 || n >= 128 || !catalogue_good_name(out))
        return cairn_fail(err, CAIRN_EUSAGE, "\"%s\" is no name for a model: letters, digits, '.', '_' and '-', at "
                                             "most 100%s", out, s->name ? "" : "; --name gives another");
    return CAIRN_OK;
}

cairn_status model_check_sha256(const char *sha256, cairn_error *err)
{
    if (!sha256 || (strlen(sha256) == 64 && strspn(sha256, "0123456789abcdefABCDEF") == 64))
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EUSAGE, "a SHA-256 has 64 hexadecimal digits, not \"%s\"", sha256);
}

static void hex_digest(struct sha256_ctx *h, char out[MODEL_SHA256_TEXT])
{
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_digest(h, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* Read all of `in`, write it to `out_fd` (-1: nowhere). */
static cairn_status pump(const cairn_model_source *s, int in, int out_fd, const char *path,
                         char sha256[MODEL_SHA256_TEXT], uint64_t *bytes, cairn_error *err)
{
    uint8_t *block = malloc(BLOCK);
    struct sha256_ctx hash;
    struct stat sb = {0};
    cairn_status st = block ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "copying %s", path);
    ssize_t n = 1;

    *bytes = 0;
    sha256_init(&hash);
    if (!st && fstat(in, &sb))
        st = cairn_fail_errno(err, errno, "%s", path);
    while (!st && n) {
        n = read(in, block, BLOCK);
        if (stop_raised(s->cancel))
            st = cairn_fail(err, CAIRN_ECANCELLED, "interrupted");
        else if (n < 0)
            st = cairn_fail_errno(err, errno, "reading %s", path);
        else if (out_fd >= 0 && !cache_write_all(out_fd, block, (size_t)n, *bytes))
            st = cairn_fail_errno(err, errno, "writing a copy of %s", path);
        if (st || !n)
            break;
        sha256_update(&hash, (size_t)n, block);
        *bytes += (uint64_t)n;
        if (s->progress)
            s->progress(s->progress_ctx, *bytes, (uint64_t)sb.st_size);
    }
    hex_digest(&hash, sha256);
    free(block);
    return st;
}

cairn_status model_sha256(const cairn_model_source *s, const char *path, char out[MODEL_SHA256_TEXT], uint64_t *bytes,
                          cairn_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cairn_status st;

    if (fd < 0)
        return cairn_fail_errno(err, errno, "%s", path);
    st = pump(s, fd, -1, path, out, bytes, err);
    close(fd);
    return st;
}

/* ---- can it be used? ---- */

/* A file that encodes is no generator. */
static cairn_status what_it_does(const char *path, bool *encodes, cairn_error *err)
{
    gguf_string arch;
    gguf *g;
    cairn_status st = gguf_open(&g, path, err);

    if (st)
        return st;
    arch = gguf_get_string(g, "general.architecture");
    *encodes = gguf_string_is(arch, "bert") || gguf_find_kv(g, "qwen3.pooling_type");
    gguf_close(g);
    return CAIRN_OK;
}

static cairn_status try_gguf(const char *path, cairn_error *err)
{
    generator *made;
    encoder *e;
    bool encodes;
    cairn_status st = what_it_does(path, &encodes, err);

    if (st)
        return st;
    if (encodes) {
        st = encoder_open(&e, path, NULL, err);
        if (!st)
            encoder_close(e);
        return st;
    }
    st = generator_open(&made, path, &(generator_options){.n_ctx = 64}, err);
    if (!st)
        generator_close(made);
    return st;
}

void model_keep_packed(const char *path, const char *config_file)
{
    generator_options o = {.n_ctx = 64};
    settings settings;
    model_caches caches;
    generator *made;
    bool encodes;

    if (what_it_does(path, &encodes, NULL) || encodes ||
        engine_read_settings(&settings, config_file, NULL))
        return;
    engine_model_caches(&settings, &caches, &o);
    o.n_adapters = 0;
    if (o.weights.folder && o.weights.budget_bytes && !generator_open(&made, path, &o, NULL))
        generator_close(made); /* once they are on disk */
}

cairn_status model_try(const char *path, const char **file_name, cairn_error *err)
{
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    encoder *e;
    struct stat sb;
    cairn_status st;

    if (fd < 0 || fstat(fd, &sb)) {
        st = cairn_fail_errno(err, errno, "%s", path);
        if (fd >= 0)
            close(fd);
        return st;
    }
    if (S_ISREG(sb.st_mode) && read(fd, magic, 4) != 4)
        magic[0] = '\0';
    close(fd);
    if (!memcmp(magic, "GGUF", 4)) {
        *file_name = "model.gguf";
        return engine_model_status(try_gguf(path, err), err);
    }
    *file_name = S_ISDIR(sb.st_mode) ? "" : "model.gguf";
    if (!S_ISDIR(sb.st_mode) && memcmp(magic, "E5S1", 4))
        return cairn_fail(err, CAIRN_EMODEL, "%s is neither GGUF nor E5S1; a model of safetensors or ONNX is added as its folder, "
                                             "with config.json and its tokenizer", path);
    st = encoder_open(&e, path, NULL, err);
    if (!st)
        encoder_close(e);
    return engine_model_status(st, err);
}

/* ---- the copy ---- */

static cairn_status name_is_taken(const char *name, const char *path, cairn_error *err)
{
    return cairn_fail(err, CAIRN_EUSAGE, "there is another model called %s already (%s); --name gives this one a name of "
                                         "its own", name, path);
}

bool model_is_e5s1(const char *from)
{
    char magic[4] = "";
    FILE *f = fopen(from, "re");
    bool is = f && fread(magic, 1, 4, f) == 4 && !memcmp(magic, "E5S1", 4);

    if (f)
        fclose(f);
    return is;
}

static cairn_status write_whole(const bytes *data, const char *folder, const char *path, cairn_error *err)
{
    char temporary[PATH_MAX + 8];
    int fd;

    snprintf(temporary, sizeof temporary, "%s" CACHE_TEMPORARY, path);
    fd = cache_open_temporary(temporary);
    if (fd < 0)
        return cairn_fail_errno(err, errno, "writing %s", temporary);
    if (!cache_write_all(fd, data->data, data->len, 0)) {
        cairn_status st = cairn_fail_errno(err, errno, "writing %s", temporary);
        unlink(temporary);
        close(fd);
        return st;
    }
    return cache_publish(fd, folder, temporary, path) ? CAIRN_OK : cairn_fail_errno(err, errno, "writing %s", path);
}

cairn_status model_convert_e5s1(const char *from, const char *folder, const char *name, uint64_t *n_bytes, cairn_error *err)
{
    char path[PATH_MAX], there[MODEL_SHA256_TEXT], made[MODEL_SHA256_TEXT];
    struct sha256_ctx hash;
    uint64_t size;
    bytes out;
    e5s1 *e;
    cairn_status st = e5s1_open(&e, from, err);

    if (st)
        return engine_model_status(st, err);
    bytes_init(&out, (size_t)1 << 31);
    if (snprintf(path, sizeof path, "%s/model.gguf", folder) >= (int)sizeof path)
        st = cairn_fail(err, CAIRN_EUSAGE, "%s: too long a path", folder);
    if (!st) /* by this name the question's prefixes are known */
        st = engine_model_status(e5s1_to_gguf(e, "multilingual-e5-small", &out, err), err);
    *n_bytes = out.len;
    if (!st && !access(path, F_OK)) {
        sha256_init(&hash);
        sha256_update(&hash, out.len, (const uint8_t *)out.data);
        hex_digest(&hash, made);
        st = model_sha256(&(cairn_model_source){0}, path, there, &size, err);
        if (!st && strcmp(made, there))
            st = name_is_taken(name, path, err);
    } else if (!st) {
        st = write_whole(&out, folder, path, err);
    }
    bytes_clear(&out);
    e5s1_close(e);
    return st;
}

/* A copy of it in another form: what it was is compared and said. */
static cairn_status add_e5s1(const cairn_model_source *s, const char *folder, const char *name, char sha256[MODEL_SHA256_TEXT],
                             uint64_t *n_bytes, cairn_error *err)
{
    cairn_status st = model_sha256(s, s->from, sha256, n_bytes, err);

    if (!st && s->sha256 && strcasecmp(sha256, s->sha256))
        st = cairn_fail(err, CAIRN_EINPUT, "%s has the SHA-256 %s, not %s: it is damaged, or another file", s->from, sha256,
                        s->sha256);
    return st ? st : model_convert_e5s1(s->from, folder, name, n_bytes, err);
}

/* The files of a model in a folder; the first one, or for weights in several files their index, or an ONNX file, must
 * be there, and is written last. */
static const char *const folder_files[] = {"model.safetensors",        "config.json",          "tokenizer.json",
                                           "vocab.txt",                "tokenizer_config.json", "modules.json",
                                           "sentence_bert_config.json", "config_sentence_transformers.json",
                                           "1_Pooling/config.json"};

static cairn_status copy_file(const cairn_model_source *s, const char *from, const char *folder, const char *name,
                              char sha256[MODEL_SHA256_TEXT], uint64_t *bytes, cairn_error *err)
{
    char to[PATH_MAX], temporary[PATH_MAX + 8];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    cairn_status st = in < 0 ? cairn_fail_errno(err, errno, "%s", from) : CAIRN_OK;

    if (!st && snprintf(to, sizeof to, "%s/%s", folder, name) >= (int)sizeof to)
        st = cairn_fail(err, CAIRN_EUSAGE, "%s: too long a path", folder);
    if (!st) {
        snprintf(temporary, sizeof temporary, "%s" CACHE_TEMPORARY, to);
        out = cache_open_temporary(temporary);
        if (out < 0)
            st = cairn_fail_errno(err, errno, "writing %s", temporary);
    }
    if (!st)
        st = pump(s, in, out, from, sha256, bytes, err);
    if (!st && s->sha256 && strcasecmp(sha256, s->sha256))
        st = cairn_fail(err, CAIRN_EINPUT, "%s has the SHA-256 %s, not %s: it is damaged, or another file", from, sha256,
                        s->sha256);
    if (!st && !cache_publish(out, folder, temporary, to)) {
        st = cairn_fail_errno(err, errno, "writing %s", to);
    } else if (st && out >= 0) {
        unlink(temporary);
        close(out);
    }
    if (in >= 0)
        close(in);
    return st;
}

/* Where an ONNX file comes to lie, wherever it was in the folder. */
#define ONNX_THERE "model.onnx"

/* Whether the weights of the folder are in several files. */
static bool has_shards(const char *folder)
{
    char one[PATH_MAX], index[PATH_MAX];

    return snprintf(one, sizeof one, "%s/%s", folder, folder_files[0]) < (int)sizeof one && access(one, F_OK) &&
           snprintf(index, sizeof index, "%s/" SAFETENSORS_INDEX, folder) < (int)sizeof index && !access(index, F_OK);
}

/* The files that the index names, then the index. */
static cairn_status copy_shards(const cairn_model_source *s, const char *folder, char sha256[MODEL_SHA256_TEXT],
                                uint64_t *bytes, cairn_error *err)
{
    cairn_model_source each = *s;
    char index[PATH_MAX], unused[MODEL_SHA256_TEXT];
    safetensors *w;
    uint64_t n = 0;
    cairn_status st = safetensors_open_folder(&w, s->from, err);

    if (st)
        return engine_model_status(st, err);
    each.sha256 = NULL;
    for (size_t i = 0; !st && i < safetensors_files(w); i++) {
        st = copy_file(&each, safetensors_file(w, i), folder, strrchr(safetensors_file(w, i), '/') + 1, unused, &n, err);
        *bytes += st ? 0 : n;
    }
    safetensors_close(w);
    if (!st && snprintf(index, sizeof index, "%s/" SAFETENSORS_INDEX, s->from) >= (int)sizeof index)
        st = cairn_fail(err, CAIRN_EUSAGE, "%s: too long a path", s->from);
    if (!st)
        st = copy_file(s, index, folder, SAFETENSORS_INDEX, sha256, &n, err);
    *bytes += st ? 0 : n;
    return st;
}

/* `onnx`: the name of the ONNX file that holds the weights; NULL: safetensors do. */
static cairn_status copy_folder(const cairn_model_source *s, const char *onnx, const char *folder, char sha256[MODEL_SHA256_TEXT],
                                uint64_t *bytes, cairn_error *err)
{
    const size_t first = has_shards(s->from) ? 1 : 0;
    cairn_model_source each = *s;
    char from[PATH_MAX], below[PATH_MAX];
    cairn_status st = CAIRN_OK;
    uint64_t n;

    for (size_t i = sizeof folder_files / sizeof *folder_files; !st && i-- > first;) {
        const char *file = i || !onnx ? folder_files[i] : onnx;
        if (snprintf(from, sizeof from, "%s/%s", s->from, file) >= (int)sizeof from ||
            snprintf(below, sizeof below, "%s/1_Pooling", folder) >= (int)sizeof below)
            return cairn_fail(err, CAIRN_EUSAGE, "%s: too long a path", s->from);
        if (i && access(from, F_OK))
            continue;
        if (i && strchr(file, '/') && !cache_folder_make(below))
            return cairn_fail_errno(err, errno, "%s", below);
        each.sha256 = i ? NULL : s->sha256;
        st = copy_file(&each, from, folder, i || !onnx ? file : ONNX_THERE, sha256, &n, err);
        *bytes += st ? 0 : n;
    }
    return st || !first ? st : copy_shards(s, folder, sha256, bytes, err);
}

cairn_status model_say(FILE *out, const char *name, const char *path, uint64_t bytes, const char *sha256,
                       int64_t resumed_from, cairn_error *err)
{
    json_t *j = json_pack("{s:s,s:s,s:I,s:s}", "name", name, "path", path, "bytes", (json_int_t)bytes, "sha256", sha256);

    if (j && resumed_from >= 0)
        json_object_set_new(j, "resumed_from", json_integer(resumed_from));
    if (!j || json_dumpf(j, out, JSON_COMPACT) || fputc('\n', out) == EOF) {
        json_decref(j);
        return cairn_fail(err, CAIRN_EIO, "writing the answer failed");
    }
    json_decref(j);
    return CAIRN_OK;
}

/* A model of this name is there: fine if it is this very one. */
static cairn_status compare_with(const cairn_model_source *s, const char *name, const char *from, const char *there,
                                 char sha256[MODEL_SHA256_TEXT], uint64_t *bytes, cairn_error *err)
{
    char other[MODEL_SHA256_TEXT];
    cairn_status st = model_sha256(s, from, sha256, bytes, err);

    if (!st)
        st = model_sha256(s, there, other, bytes, err);
    return !st && strcmp(sha256, other) ? name_is_taken(name, there, err) : st;
}

/* The same of weights in several files: an index alone says little, so all are compared. */
static cairn_status compare_shards(const cairn_model_source *s, const char *name, const char *target,
                                   char sha256[MODEL_SHA256_TEXT], uint64_t *bytes, cairn_error *err)
{
    char from[PATH_MAX], there[PATH_MAX], unused[MODEL_SHA256_TEXT];
    uint64_t n = 0;
    safetensors *w;
    cairn_status st = safetensors_open_folder(&w, s->from, err);

    if (st)
        return engine_model_status(st, err);
    for (size_t i = 0; !st && i <= safetensors_files(w); i++) {
        const bool last = i == safetensors_files(w); /* the index */
        const char *file = last ? SAFETENSORS_INDEX : strrchr(safetensors_file(w, i), '/') + 1;
        if (snprintf(from, sizeof from, "%s/%s", s->from, file) >= (int)sizeof from ||
            snprintf(there, sizeof there, "%s/%s", target, file) >= (int)sizeof there)
            st = cairn_fail(err, CAIRN_EUSAGE, "%s: too long a path", s->from);
        else
            st = access(there, F_OK) ? name_is_taken(name, target, err)
                                     : compare_with(s, name, from, there, last ? sha256 : unused, &n, err);
        *bytes += n;
    }
    safetensors_close(w);
    return st;
}

cairn_status cairn_model_add(const cairn_model_source *s, FILE *out, cairn_error *err)
{
    char name[128], folder[PATH_MAX - 256], target[PATH_MAX], path[PATH_MAX + 256], from[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    const char *file, *known, *onnx;
    bool shards;
    uint64_t bytes = 0;
    cairn_status st = model_take_name(s, name, err);

    if (!st)
        st = model_check_sha256(s->sha256, err);
    if (!st)
        st = catalogue_own_folder(folder, sizeof folder, err);
    if (!st)
        st = model_try(s->from, &file, err);
    if (st)
        return st;
    shards = !*file && has_shards(s->from);
    onnx = *file ? NULL : bert_onnx_file(s->from);
    known = *file ? file : shards ? SAFETENSORS_INDEX : onnx ? ONNX_THERE : folder_files[0];
    snprintf(target, sizeof target, "%s/%s", folder, name);
    snprintf(path, sizeof path, "%s/%s", target, known);
    if (snprintf(from, sizeof from, "%s%s%s", s->from, *file ? "" : "/", *file ? "" : onnx ? onnx : known) >= (int)sizeof from)
        return cairn_fail(err, CAIRN_EUSAGE, "%s: too long a path", s->from);
    if (catalogue_file_in(target) && access(path, F_OK))
        return name_is_taken(name, target, err);
    if (*file && model_is_e5s1(s->from))
        st = cache_folder_make(target) ? add_e5s1(s, target, name, sha256, &bytes, err)
                                       : cairn_fail_errno(err, errno, "%s", target);
    else if (!access(path, F_OK))
        st = shards ? compare_shards(s, name, target, sha256, &bytes, err)
                    : compare_with(s, name, from, path, sha256, &bytes, err);
    else if (!cache_folder_make(target))
        st = cairn_fail_errno(err, errno, "%s", target);
    else if (*file)
        st = copy_file(s, s->from, target, file, sha256, &bytes, err);
    else
        st = copy_folder(s, onnx, target, sha256, &bytes, err);
    if (st) {
        rmdir(target); /* where nothing is in it */
        return st;
    }
    if (*file)
        model_keep_packed(path, s->config_file);
    return model_say(out, name, *file ? path : target, bytes, sha256, -1, err);
}
