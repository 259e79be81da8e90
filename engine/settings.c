/* settings.c - one table says every key, its place, its default and its bounds. */
#include "engine/settings.h"

#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/augment.h"
#include "engine/model_caches.h"
#include "retrieve/pii.h"
#include "retrieve/priors.h"
#include "ingest/chunk.h"

typedef struct setting {
    const char *section, *key;
    bool file; /* a text that names a file */
    size_t offset;
    const char *text;           /* default of a text; NULL for a number */
    double number, least, most; /* default and bounds of a number */
} setting;

#define TEXT(section, key, field, value)                                                           \
    {                                                                                              \
        section, key, false, offsetof(settings, field), value, 0, 0, 0                             \
    }
#define FILE_NAME(section, key, field)                                                             \
    {                                                                                              \
        section, key, true, offsetof(settings, field), "", 0, 0, 0                                 \
    }
#define NUMBER(section, key, field, value, least, most)                                            \
    {                                                                                              \
        section, key, false, offsetof(settings, field), NULL, value, least, most                          \
    }

static const setting table[] = {
    TEXT("models", "embedder", embedder, "multilingual-e5-small"),
    TEXT("models", "embedder_languages", embedder_languages, "auto"),
    TEXT("models", "second_embedder", second_embedder, "auto"),
    TEXT("models", "generator", generator, "qwen2.5-coder-0.5b"),
    TEXT("models", "large", large, ""),
    NUMBER("models", "context_memory_mb", context_memory_mb, 0, 0, 1e6),
    NUMBER("models", "weights_cache_mb", weights_cache_mb, 4096, 0, 1e6),
    NUMBER("models", "prefix_cache_mb", prefix_cache_mb, 64, 0, 1e6),
    TEXT("models", "stored_passages", stored_passages, "off"),
    NUMBER("models", "passage_cache_mb", passage_cache_mb, 2048, 0, 1e6),
    TEXT("models", "kv", kv, "f16"),
    TEXT("models", "adapters", adapters, ""),
    TEXT("models", "draft", draft, ""),
    TEXT("models", "reranker", reranker, "splade-tiny"),
    TEXT("models", "reranker_languages", reranker_languages, "en"),
    TEXT("models", "entailment", entailment, "auto"),
    TEXT("models", "entailment_languages", entailment_languages, "en"),
    NUMBER("index", "chunk_tokens", chunk_tokens, 256, 16, 8192),
    NUMBER("index", "chunk_overlap", chunk_overlap, 32, 0, 4096),
    TEXT("index", "chunker", chunker, "structure"),
    NUMBER("index", "import_tokens", import_tokens, 512, 16, 8192),
    NUMBER("index", "max_file_mb", max_file_mb, 256, 0.001, 4096),
    FILE_NAME("index", "ignore_file", ignore_file),
    TEXT("index", "hidden", hidden, "off"),
    TEXT("index", "ignore_files", ignore_files, "on"),
    NUMBER("index", "flush_chunks", flush_chunks, 20000, 1, 1e6),
    NUMBER("index", "flush_seconds", flush_seconds, 10, 0.1, 3600),
    TEXT("index", "ocr", ocr, "pdf"),
    TEXT("index", "ocr_languages", ocr_languages, "auto"),
    TEXT("index", "language", language, ""),
    TEXT("index", "augment", augment, "title headings"),
    NUMBER("index", "extract_seconds", extract_seconds, 60, 0.1, 3600),
    NUMBER("index", "memory_mb", memory_mb, 64, 1, 1e6),
    NUMBER("index", "merge_mb_per_second", merge_mb_per_second, 0, 0, 1e6),
    TEXT("index", "vector_index", vector_index, "auto"),
    TEXT("index", "vector_storage", vector_storage, "f32"),
    TEXT("index", "vector_codes", vector_codes, "auto"),
    NUMBER("index", "vector_dims", vector_dims, 0, 0, VECTOR_MAX_DIM),
    NUMBER("index", "audit_samples", audit_samples, 200, 0, 100000),
    NUMBER("index", "audit_seconds", audit_seconds, 5, 0.01, 3600),
    NUMBER("index", "audit_recall", audit_recall, 0.95, 0, 1),
    NUMBER("index", "audit_share", audit_share, 0.2, 0, 1),
    TEXT("index", "reorder", reorder, "off"),
    TEXT("search", "fusion", fusion, "convex"),
    NUMBER("search", "rrf_k", rrf_k, 60, 1, 1000),
    NUMBER("search", "zero_share", zero_share, 0.17, 0, 1),
    NUMBER("search", "vector_weight", vector_weight, 0.6, 0, 1),
    NUMBER("search", "second_vector_weight", second_vector_weight, 0.7, 0, 1),
    NUMBER("search", "second_weight", second_weight, 0.6, 0, 1),
    NUMBER("search", "feedback", feedback, 0.2, 0, 1),
    NUMBER("search", "foreign_vectors", foreign_vectors, 0.3, 0, 1),
    NUMBER("search", "foreign_words", foreign_words, 0.3, 0, 1),
    NUMBER("search", "k1", k1, 1.2, 0, 100),
    NUMBER("search", "b", b, 0.75, 0, 1),
    NUMBER("search", "title_weight", title_weight, 1.5, 0, 1000),
    NUMBER("search", "path_weight", path_weight, 0.1, 0, 1000),
    NUMBER("search", "heading_weight", heading_weight, 1, 0, 1000),
    NUMBER("search", "text_weight", text_weight, 1, 0, 1000),
    FILE_NAME("search", "stop_words_file", stop_words_file),
    FILE_NAME("search", "synonyms_file", synonyms_file),
    TEXT("search", "compounds", compounds, "off"),
    NUMBER("search", "neighbours", neighbours, 0.15, 0, 0.5),
    NUMBER("search", "second_neighbours", second_neighbours, 0.25, 0, 0.5),
    NUMBER("search", "centre", centre, 0.1, 0, 0.5),
    NUMBER("search", "acronyms", acronyms, 0.2, 0, 1),
    NUMBER("search", "other_names", other_names, 0.1, 0, 1),
    TEXT("search", "expand", expand, "off"),
    NUMBER("search", "expand_words", expand_words, 0.3, 0, 1),
    NUMBER("search", "expand_vectors", expand_vectors, 0.4, 0, 1),
    NUMBER("search", "hops", hops, 1, 1, 2),
    NUMBER("search", "hop_words", hop_words, 0.2, 0, 1),
    TEXT("search", "vector_device", vector_device, "auto"),
    TEXT("search", "rerank", rerank, "sparse"),
    NUMBER("search", "rerank_weight", rerank_weight, 0.17, 0, 1),
    NUMBER("search", "rerank_depth", rerank_depth, 20, 0, 1000),
    NUMBER("search", "rerank_ms", rerank_ms, 0, 0, 1e6),
    NUMBER("search", "recency", recency, 0, 0, 1),
    NUMBER("search", "recency_asked", recency_asked, 0.5, 0, 1),
    NUMBER("search", "recency_days", recency_days, 0, 0, 1e6),
    NUMBER("search", "quality", quality, 0.2, 0, 1),
    TEXT("search", "folder_weights", folder_weights, ""),
    NUMBER("search", "boilerplate", boilerplate, 0.5, 0, 1),
    NUMBER("search", "history_question", history_question, 0.2, 0, 1),
    NUMBER("search", "history_reply", history_reply, 0.1, 0, 1),
    NUMBER("search", "history_words", history_words, 8, 0, 32),
    NUMBER("search", "history_typed", history_typed, 0.3, 0, 1),
    NUMBER("search", "history_told", history_told, 0.5, 0, 1),
    NUMBER("search", "candidates", candidates, 1000, 10, 100000),
    NUMBER("search", "proximity", proximity, 0.25, 0, 1000),
    NUMBER("search", "proximity_depth", proximity_depth, 20, 0, 100000),
    NUMBER("ask", "passages", ask_passages, 10, 1, 100),
    NUMBER("ask", "sentence_cosines", ask_sentence_cosines, 12, 0, 64),
    NUMBER("ask", "context_tokens", ask_context_tokens, 360, 50, 100000),
    NUMBER("ask", "history_tokens", ask_history_tokens, 400, 0, 100000),
    NUMBER("ask", "summary_tokens", ask_summary_tokens, 120, 0, 100000),
    NUMBER("ask", "max_tokens", ask_max_tokens, 160, 1, 100000),
    NUMBER("ask", "min_answerable", ask_min_answerable, 0.35, 0, 1),
    NUMBER("ask", "taught", ask_taught, 1, 0, 1),
    NUMBER("ask", "min_support", ask_min_support, 0.6, 0, 1),
    TEXT("ask", "unsupported", ask_unsupported, "withhold"),
    NUMBER("ask", "entailment", ask_entailment, 0.5, 0, 1),
    NUMBER("ask", "entailment_ms", ask_entailment_ms, 0, 0, 1e6),
    TEXT("ask", "cache", ask_cache, "exact"),
    TEXT("ask", "answers", ask_answers, "generate"),
    TEXT("ask", "redact", ask_redact, "off"),
    TEXT("ask", "route", ask_route, "fixed"),
    TEXT("ask", "decompose", ask_decompose, "on"),
    TEXT("ask", "tables", ask_tables, "on"),
    NUMBER("ask", "hop_ms", ask_hop_ms, 200, 0, 1e6),
    TEXT("ask", "prompt", prompt, "answer.v2"),
    TEXT("ask", "prompt_dir", prompt_dir, ""),
    FILE_NAME("filter", "words", filter_words),
    TEXT("backend", "kind", backend, "embedded"),
    TEXT("backend", "url", backend_url, ""),
    TEXT("backend", "index", backend_index, ""),
    NUMBER("backend", "shards", backend_shards, 1, 1, 1024),
    NUMBER("backend", "replicas", backend_replicas, 1, 0, 100),
    TEXT("backend", "user", backend_user, ""),
    FILE_NAME("backend", "password_file", backend_password_file),
    FILE_NAME("backend", "api_key_file", backend_api_key_file),
    FILE_NAME("backend", "ca_file", backend_ca_file),
    NUMBER("backend", "lease_seconds", backend_lease_seconds, 60, 5, 3600),
    NUMBER("backend", "timeout_seconds", backend_timeout_seconds, 30, 0.1, 3600),
    NUMBER("backend", "retry_seconds", backend_retry_seconds, 60, 0.1, 3600),
    NUMBER("limits", "disk_mb", limit_disk_mb, 0, 0, 1e9),
    NUMBER("limits", "memory_mb", limit_memory_mb, 0, 0, 1e6),
    TEXT("gateway", "url", gateway_url, ""),
    TEXT("gateway", "model", gateway_model, ""),
    TEXT("gateway", "use", gateway_use, "off"),
    FILE_NAME("gateway", "key_file", gateway_key_file),
    TEXT("gateway", "redact", gateway_redact, "secret"),
    NUMBER("gateway", "timeout_seconds", gateway_timeout_seconds, 60, 0.1, 3600),
    NUMBER("gateway", "tokens_per_day", gateway_tokens_per_day, 100000, 0, 1e12),
};

#define N_SETTINGS (sizeof table / sizeof *table)

void settings_init(settings *s)
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        char *field = (char *)s + table[i].offset;
        if (table[i].text)
            snprintf(field, SETTINGS_TEXT, "%s", table[i].text);
        else
            memcpy(field, &table[i].number, sizeof table[i].number);
    }
}

void settings_each(void (*fn)(void *ctx, const settings_entry *e), void *ctx)
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const setting *t = &table[i];
        fn(ctx, &(settings_entry){t->section, t->key, t->text, t->file, t->number, t->least, t->most});
    }
}

typedef struct reading {
    settings *s;
    const char *path; /* of the file */
    bool folder;      /* it is a folder's own */
    cairn_error problem; /* of the line inih reports */
} reading;

static int take_number(reading *r, const setting *t, const char *value, char *field)
{
    char *end;
    double v;

    errno = 0;
    v = strtod(value, &end);
    if (errno || end == value || *end || isnan(v) || v < t->least || v > t->most) {
        cairn_fail(&r->problem, CAIRN_EUSAGE, "%s.%s takes a number from %g to %g, not \"%s\"",
                   t->section, t->key, t->least, t->most, value);
        return 0;
    }
    memcpy(field, &v, sizeof v);
    return 1;
}

static int take_text(reading *r, const setting *t, const char *value, char *field)
{
    const char *slash = strrchr(r->path, '/');
    int beside = t->file && *value && *value != '/' && slash ? (int)(slash - r->path) + 1 : 0;

    if ((size_t)beside + strlen(value) >= SETTINGS_TEXT) {
        cairn_fail(&r->problem, CAIRN_EUSAGE, "%s.%s is too long", t->section, t->key);
        return 0;
    }
    snprintf(field, SETTINGS_TEXT, "%.*s%s", beside, r->path, value);
    return 1;
}

/* May a folder's own file say it? */
static bool concerns_files(const setting *t)
{
    static const char *const keys[] = {"chunk_tokens", "chunk_overlap", "chunker", "ocr",
                                       "ocr_languages", "language", "extract_seconds"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(t->section, "index") && !strcmp(t->key, keys[i]))
            return true;
    return false;
}

static int take_line(void *ctx, const char *section, const char *key, const char *value)
{
    reading *r = ctx;

    if (r->problem.code)
        return 0;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const setting *t = &table[i];
        char *field = (char *)r->s + t->offset;
        if (strcmp(t->section, section) || strcmp(t->key, key))
            continue;
        if (r->folder && !concerns_files(t))
            break;
        if (!t->text)
            return take_number(r, t, value, field);
        return take_text(r, t, value, field);
    }
    cairn_fail(&r->problem, CAIRN_EUSAGE, "there is no setting \"%s\" in section [%s]%s", key,
               section, r->folder ? " of a folder" : "");
    return 0;
}

static bool named(const char *text, const char *const *names, size_t n, int *out)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(text, names[i])) {
            *out = (int)i;
            return true;
        }
    return false;
}

cairn_status settings_vector_options(const settings *s, vector_options *out, cairn_error *err)
{
    static const char *const indexes[] = {"auto", "scan", "hnsw", "ivf-flat", "ivf-sq8", "ivf-pq"},
                             *const storages[] = {"f32", "f16", "bf16", "int8"},
                             *const codes[] = {"auto", "int8", "4bit", "1bit"};
    int index, storage, code;

    *out = (vector_options){0};
    if (!named(s->vector_index, indexes, sizeof indexes / sizeof *indexes, &index))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "index.vector_index is auto, scan, hnsw, ivf-flat, ivf-sq8 or ivf-pq, "
                          "not \"%s\"",
                          s->vector_index);
    if (!named(s->vector_storage, storages, sizeof storages / sizeof *storages, &storage))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "index.vector_storage is f32, f16, bf16 or int8, not \"%s\"",
                          s->vector_storage);
    if (!named(s->vector_codes, codes, sizeof codes / sizeof *codes, &code))
        return cairn_fail(err, CAIRN_EUSAGE, "index.vector_codes is auto, int8, 4bit or 1bit, not \"%s\"",
                          s->vector_codes);
    out->index = (vector_choice)index;
    out->storage = (vector_storage)storage;
    out->codes = code ? (vector_code_kind)(code - 1) : VECTOR_CODE_I8;
    out->short_codes = !code;
    out->code_dim = (uint32_t)s->vector_dims;
    return CAIRN_OK;
}

static bool is_language_code(const char *s)
{
    return !*s || (s[0] >= 'a' && s[0] <= 'z' && s[1] >= 'a' && s[1] <= 'z' &&
                   (!s[2] || (s[2] >= 'a' && s[2] <= 'z' && !s[3])));
}

/* ---- what no bound of the table says ---- */

static cairn_status check_ranking(const settings *s, const char *path, cairn_error *err)
{
    vector_options vectors;
    cairn_status st;

    if (strcmp(s->fusion, "convex") && strcmp(s->fusion, "rrf"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: search.fusion is convex or rrf, not \"%s\"", path,
                          s->fusion);
    st = prior_folders_check(s->folder_weights, err);
    if (st) {
        cairn_error_prefix(err, "%s: search.folder_weights: ", path);
        return st;
    }
    st = settings_vector_options(s, &vectors, err);
    if (st) {
        cairn_error_prefix(err, "%s: ", path);
        return st;
    }
    return CAIRN_OK;
}

static cairn_status check_models(const settings *s, const char *path, cairn_error *err)
{
    model_adapters adapters;
    decoder_kv kv;
    cairn_status st;

    st = engine_parse_adapters(s->adapters, &adapters, err);
    if (st) {
        cairn_error_prefix(err, "%s: models.adapters: ", path);
        return st;
    }
    if (strcmp(s->stored_passages, "on") && strcmp(s->stored_passages, "off"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: models.stored_passages is on or off, not \"%s\"",
                          path, s->stored_passages);
    if (!decoder_kv_named(s->kv, &kv))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: models.kv is f16 or int8, not \"%s\"", path, s->kv);
    return CAIRN_OK;
}

static cairn_status check_index(const settings *s, const char *path, cairn_error *err)
{
    chunk_method method;
    unsigned parts;
    cairn_status st;

    if (!chunk_method_for(s->chunker, "", &method))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: index.chunker is structure, paragraph, sentence or window, and for some files "
                          "another (\"sentence, log:window\"), not \"%s\"",
                          path, s->chunker);
    if (strcmp(s->ocr, "off") && strcmp(s->ocr, "pdf") && strcmp(s->ocr, "all"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: index.ocr is off, pdf or all, not \"%s\"", path,
                          s->ocr);
    if (!is_language_code(s->language))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: index.language is a code such as de (ISO 639), not \"%s\"", path,
                          s->language);
    st = augment_parse(s->augment, &parts, err);
    if (st) {
        cairn_error_prefix(err, "%s: ", path);
        return st;
    }
    if (strcmp(s->hidden, "on") && strcmp(s->hidden, "off"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: index.hidden is on or off, not \"%s\"", path,
                          s->hidden);
    if (strcmp(s->ignore_files, "on") && strcmp(s->ignore_files, "off"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: index.ignore_files is on or off, not \"%s\"", path,
                          s->ignore_files);
    if (strcmp(s->reorder, "on") && strcmp(s->reorder, "off"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: index.reorder is on or off, not \"%s\"", path,
                          s->reorder);
    return CAIRN_OK;
}

static cairn_status check_answers(const settings *s, const char *path, cairn_error *err)
{
    unsigned kinds;

    if (strcmp(s->ask_unsupported, "withhold") && strcmp(s->ask_unsupported, "mark"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: ask.unsupported is withhold or mark, not \"%s\"",
                          path, s->ask_unsupported);
    if (!pii_parse(s->ask_redact, &kinds))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: ask.redact is off, all or a list of email, phone, iban, card, "
                          "national-id, ip, url, secret, not \"%s\"",
                          path, s->ask_redact);
    if (strcmp(s->ask_answers, "generate") && strcmp(s->ask_answers, "extractive"))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: ask.answers is generate or extractive, not \"%s\"", path,
                          s->ask_answers);
    if (strcmp(s->ask_cache, "off") && strcmp(s->ask_cache, "exact") && strcmp(s->ask_cache, "semantic"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: ask.cache is off, exact or semantic, not \"%s\"", path,
                          s->ask_cache);
    if (strcmp(s->ask_route, "fixed") && strcmp(s->ask_route, "auto"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: ask.route is fixed or auto, not \"%s\"", path, s->ask_route);
    if (strcmp(s->gateway_use, "off") && strcmp(s->gateway_use, "fallback") && strcmp(s->gateway_use, "hard") &&
        strcmp(s->gateway_use, "always"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: gateway.use is off, fallback, hard or always, not \"%s\"", path,
                          s->gateway_use);
    if (!pii_parse(s->gateway_redact, &kinds))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: gateway.redact takes what ask.redact takes, not \"%s\"", path,
                          s->gateway_redact);
    return CAIRN_OK;
}

static cairn_status check_search(const settings *s, const char *path, cairn_error *err)
{
    if (strcmp(s->expand, "off") && strcmp(s->expand, "multi-query") && strcmp(s->expand, "hyde"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: search.expand is off, multi-query or hyde, not \"%s\"", path,
                          s->expand);
    if (strcmp(s->vector_device, "auto") && strcmp(s->vector_device, "always") &&
        strcmp(s->vector_device, "off"))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: search.vector_device is auto, always or off, not \"%s\"", path,
                          s->vector_device);
    if (!rerank_kind_of(s->rerank, NULL))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "%s: search.rerank is sparse, cross-encoder, late-interaction, generator or off, not \"%s\"",
                          path, s->rerank);
    if (strcmp(s->backend, "embedded") && strcmp(s->backend, "opensearch"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: backend.kind is embedded or opensearch, not \"%s\"", path,
                          s->backend);
    if (strcmp(s->compounds, "on") && strcmp(s->compounds, "off"))
        return cairn_fail(err, CAIRN_EUSAGE, "%s: search.compounds is on or off, not \"%s\"", path,
                          s->compounds);
    return CAIRN_OK;
}

static cairn_status read_file(settings *s, const char *path, bool must_exist, bool folder,
                              cairn_error *err)
{
    reading r = {.s = s, .path = path, .folder = folder};
    FILE *f = fopen(path, "re");
    cairn_status st;
    int line;

    if (!f) {
        if (errno == ENOENT && !must_exist)
            return CAIRN_OK;
        return cairn_fail_errno(err, errno, "configuration %s", path);
    }
    line = ini_parse_file(f, take_line, &r);
    fclose(f);
    if (line > 0)
        return cairn_fail(err, CAIRN_EUSAGE, "%s, line %d: %s", path, line,
                          r.problem.code ? r.problem.text : "not a section or key = value");
    if (line < 0)
        return cairn_fail(err, CAIRN_EIO, "configuration %s could not be read", path);
    st = check_ranking(s, path, err);
    if (!st)
        st = check_models(s, path, err);
    if (!st)
        st = check_index(s, path, err);
    if (!st)
        st = check_answers(s, path, err);
    return st ? st : check_search(s, path, err);
}

cairn_status settings_read(settings *s, const char *path, int must_exist, cairn_error *err)
{
    return read_file(s, path, must_exist, false, err);
}

cairn_status settings_read_folder(settings *s, const char *path, cairn_error *err)
{
    return read_file(s, path, true, true, err);
}

static bool bears_on_answers(const setting *t)
{
    return !strcmp(t->section, "search") || !strcmp(t->section, "ask");
}

cairn_status settings_to_json(const settings *s, json_t **out, cairn_error *err)
{
    *out = json_object();
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const char *field = (const char *)s + table[i].offset;
        char key[128];
        double v;
        if (!bears_on_answers(&table[i]))
            continue;
        snprintf(key, sizeof key, "%s.%s", table[i].section, table[i].key);
        memcpy(&v, field, sizeof v);
        if (json_object_set_new(*out, key, table[i].text ? json_string(field) : json_real(v))) {
            json_decref(*out);
            *out = NULL;
            return cairn_fail(err, CAIRN_EINPUT, "setting %s is not valid UTF-8", key);
        }
    }
    return CAIRN_OK;
}

cairn_status settings_from_json(settings *s, const json_t *in, cairn_error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)in, key, value) {
        const setting *t = NULL;
        for (size_t i = 0; i < N_SETTINGS && !t; i++) {
            size_t n = strlen(table[i].section);
            if (bears_on_answers(&table[i]) && !strncmp(key, table[i].section, n) && key[n] == '.' &&
                !strcmp(key + n + 1, table[i].key))
                t = &table[i];
        }
        if (!t)
            return cairn_fail(err, CAIRN_EINPUT, "there is no setting \"%s\"", key);
        char *field = (char *)s + t->offset;
        double v = json_number_value(value);
        if (t->text ? !json_is_string(value) || strlen(json_string_value(value)) >= SETTINGS_TEXT
                    : !json_is_number(value) || v < t->least || v > t->most)
            return cairn_fail(err, CAIRN_EINPUT, "setting \"%s\" has a value that it cannot have", key);
        if (t->text)
            snprintf(field, SETTINGS_TEXT, "%s", json_string_value(value));
        else
            memcpy(field, &v, sizeof v);
    }
    return CAIRN_OK;
}

bool rerank_kind_of(const char *name, rerank_kind *out)
{
    static const char *const names[] = {"off", "sparse", "cross-encoder", "late-interaction", "generator"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) {
            if (out)
                *out = (rerank_kind)i;
            return true;
        }
    return false;
}
