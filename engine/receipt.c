/* receipt.c - what an answer was made with, and whether the same can be had again.
 *
 * A receipt is one JSON document: the question and how it was asked, the settings that bear on it, the
 * snapshot and the hash of every document that was read, the prompt's and the model's hash, the answer.
 * A replay compares all of it with what is there now, asks again with the receipt's settings, and
 * says whether the same bytes came.
 *
 * Greedy answers are the same on one kind of processor; another row of kernels (CAIRN_CPU) rounds
 * differently, so the row is in the receipt, too. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cpu.h"
#include "engine/ask.h"
#include "engine/entail.h"
#include "engine/model.h"
#include "engine/prompts.h"
#include "engine/shared_model.h"

#define RECEIPT_FORMAT 1
#define RECEIPT_BYTES  ((size_t)16 << 20)
#define DAY_SECONDS    86400

static void hex(const uint8_t *b, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", b[i]);
}

static void hash_text(const void *data, size_t len, char out[33])
{
    XXH128_canonical_t h;

    XXH128_canonicalFromHash(&h, XXH3_128bits(data, len));
    hex(h.digest, sizeof h.digest, out);
}

/* The hash of a whole file, mapped; "" when it is not there. */
static void hash_file(const char *path, char out[33])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    out[0] = '\0';
    if (fd < 0)
        return;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map != MAP_FAILED) {
            hash_text(map, (size_t)st.st_size, out);
            munmap(map, (size_t)st.st_size);
        }
    }
    close(fd);
}

/* ---- what is there now ---- */

static json_t *model_now(const cairn *c, bool extractive)
{
    char path[8192], hash[33] = "";

    if (extractive)
        return json_null();
    if (!cairn_model_path(c->settings.generator, path, sizeof path, NULL))
        hash_file(path, hash);
    return json_pack("{s:s,s:s}", "name", c->settings.generator, "xxh3", hash);
}

static cairn_status add_prompt(const settings *s, const char *name, bytes *all)
{
    char *file = NULL;
    cairn_status st = prompt_load(name, s->prompt_dir, &file, NULL);

    if (!st)
        st = bytes_append_str(all, file);
    free(file);
    return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
}

/* The prompt with its variants for families of models. */
static json_t *prompt_now(const cairn *c)
{
    const settings *s = &c->settings;
    char hash[33] = "", name[SETTINGS_TEXT + 32];
    bytes all;
    cairn_status st;

    bytes_init(&all, (size_t)1 << 20);
    st = add_prompt(s, s->prompt, &all);
    for (size_t i = 0; !st && prompt_families[i]; i++) {
        snprintf(name, sizeof name, "%s.%s", s->prompt, prompt_families[i]);
        st = add_prompt(s, name, &all);
    }
    if (!st)
        hash_text(all.data ? all.data : "", all.len, hash);
    bytes_clear(&all);
    return json_pack("{s:s,s:s}", "name", s->prompt, "xxh3", hash);
}

/* Whose vectors are searched: [the embedder's identity or null, the second's or null]. */
static json_t *embedders_now(const view *v)
{
    const uint8_t *data;
    size_t len;
    arena memory;
    json_t *j;

    arena_init(&memory, (size_t)1 << 16);
    if (store_meta_get(v->snapshot, META_EMBEDDER, &memory, &data, &len, NULL))
        data = NULL;
    j = json_pack("[s?,s?]", (const char *)data, v->second_identity);
    arena_clear(&memory);
    return j;
}

/* The model that tells whether sentences follow, by its identity; null: none, or it cannot be opened. `looked`: the
 * name that the answer found (NULL: it is looked for here). */
static json_t *entailer_now(cairn *c, bool extractive, const char *looked)
{
    char name[SETTINGS_TEXT];
    shared_model *m = NULL;
    entailment_head head;

    if (extractive || c->settings.ask_entailment <= 0)
        return json_null();
    if (!looked)
        entail_named(c, name, sizeof name);
    if (entail_open(c, looked ? looked : name, &m, &head, NULL) || !m)
        return json_null();
    return json_string(encoder_identity(shared_model_encoder(m)));
}

/* The hash of a document as it is in the store now: of its file's bytes; "" when it is gone. */
static void document_now(const view *v, const char *uri, char out[33])
{
    store_doc doc;
    arena a;

    out[0] = '\0';
    arena_init(&a, (size_t)64 << 20);
    if (!store_doc_find(v->snapshot, uri, &doc, &a, NULL))
        hex(doc.hash, sizeof doc.hash, out);
    arena_clear(&a);
}

static json_t *documents_read(const view *v, const cairn_search_result *r)
{
    json_t *list = json_array();

    for (size_t i = 0; r && i < r->n_hits; i++) {
        char hash[33];
        bool again = false;
        for (size_t j = 0; j < i; j++)
            again |= r->hits[j].doc == r->hits[i].doc;
        if (again)
            continue;
        document_now(v, r->hits[i].uri, hash);
        json_array_append_new(list, json_pack("{s:s,s:s}", "uri", r->hits[i].uri, "hash", hash));
    }
    return list;
}

/* ---- writing ---- */

static json_t *history_json(const cairn_ask_request *q)
{
    json_t *list = json_array();

    for (size_t i = 0; i < q->n_history; i++)
        json_array_append_new(list, json_pack("{s:s,s:s}", "role", q->history[i].role, "content",
                                              q->history[i].content));
    return list;
}

/* A day as "2026-11-27"; the year may have more digits, or a sign. */
static const char *spell_day(int64_t day, char out[32])
{
    time_t t = (time_t)(day * DAY_SECONDS);
    struct tm tm = {0};

    gmtime_r(&t, &tm);
    snprintf(out, 32, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    return out;
}

/* The same read; 0: it is none, or of before this program's time. */
static int64_t read_day(const char *s)
{
    struct tm tm = {0};
    int end = 0;

    if (sscanf(s, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &end) != 3 || s[end] || tm.tm_year <= 1970 || tm.tm_mon < 1 ||
        tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return timegm(&tm) / DAY_SECONDS;
}

static cairn_status write_json(const json_t *j, const char *path, cairn_error *err)
{
    FILE *f = fopen(path, "we");
    bool bad;

    if (!f)
        return cairn_fail_errno(err, errno, "receipt %s", path);
    bad = json_dumpf(j, f, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) < 0 || fputc('\n', f) < 0;
    bad |= fclose(f) != 0;
    return bad ? cairn_fail_errno(err, errno, "receipt %s", path) : CAIRN_OK;
}

cairn_status cairn_receipt_write(cairn *c, const cairn_ask_request *q, const cairn_answer *a,
                                 const char *path, cairn_error *err)
{
    json_t *j, *settings = NULL, *citations = json_array();
    char day[32];
    view v;
    cairn_status st = engine_need_whole(c, err);

    if (!st)
        st = view_open(c, &v, err);
    if (st)
        return st;
    st = settings_to_json(&c->settings, &settings, err);
    for (size_t i = 0; i < a->n_citations; i++)
        json_array_append_new(citations,
                              json_pack("{s:I,s:s,s:I,s:I,s:s}", "n", (json_int_t)a->citations[i].n,
                                        "uri", a->citations[i].uri, "start",
                                        (json_int_t)a->citations[i].start, "end",
                                        (json_int_t)a->citations[i].end, "text",
                                        a->citations[i].text));
    j = st ? NULL
           : json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:o,s:i,s:f,s:I,s:I,s:b,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:b,s:o}",
                       "receipt", RECEIPT_FORMAT, "version", cairn_version(), "cpu",
                       cpu_level_name(cpu_level_get()), "asked_on", spell_day(a->day, day), "question", q->question, "filter", q->filter ? q->filter : "",
                       "history", history_json(q), "mode", (int)q->mode, "temperature",
                       (double)q->temperature, "seed", (json_int_t)q->seed, "max_tokens",
                       (json_int_t)q->max_tokens, "extractive", q->extractive, "snapshot",
                       (json_int_t)store_snapshot_version(v.snapshot), "documents",
                       documents_read(&v, a->evidence), "prompt", prompt_now(c), "model",
                       model_now(c, q->extractive), "embedders", embedders_now(&v), "entailment", entailer_now(c, q->extractive, a->entail_model),
                       "settings", settings, "answer", a->text,
                       "refused", a->refused, "citations", citations);
    if (!st && !j)
        st = cairn_fail(err, CAIRN_EINPUT, "the receipt cannot be written as JSON: some text is no UTF-8");
    if (!st)
        st = write_json(j, path, err);
    json_decref(j);
    view_close(&v);
    return st;
}

/* ---- replaying ---- */

typedef struct replaying {
    void (*report)(void *ctx, const char *finding);
    void *ctx;
    size_t changes;
} replaying;

static void changed(replaying *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void changed(replaying *r, const char *fmt, ...)
{
    char line[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    r->changes++;
    r->report(r->ctx, line);
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));

    return s ? s : "";
}

static void compare_documents(replaying *r, const view *v, const json_t *documents)
{
    size_t i;
    const json_t *d;

    json_array_foreach(documents, i, d) {
        char now[33];
        document_now(v, text_of(d, "uri"), now);
        if (!*now)
            changed(r, "document gone: %s", text_of(d, "uri"));
        else if (strcmp(now, text_of(d, "hash")))
            changed(r, "document changed: %s", text_of(d, "uri"));
    }
}

static void compare_settings(replaying *r, json_t *then, json_t *now)
{
    const char *key;
    json_t *value;

    json_object_foreach(then, key, value)
        if (!json_equal(value, json_object_get(now, key)))
            changed(r, "setting %s was another; the receipt's is used", key);
}

/* Everything that may explain another answer. */
static cairn_status compare_world(replaying *r, cairn *c, const json_t *j, cairn_error *err)
{
    json_t *now, *settings;
    view v;
    cairn_status st = view_open(c, &v, err);

    if (st)
        return st;
    if (strcmp(text_of(j, "version"), cairn_version()))
        changed(r, "program: version %s then, %s now", text_of(j, "version"), cairn_version());
    if (strcmp(text_of(j, "cpu"), cpu_level_name(cpu_level_get())))
        changed(r, "processor: kernels %s then, %s now", text_of(j, "cpu"), cpu_level_name(cpu_level_get()));
    if (json_integer_value(json_object_get(j, "snapshot")) !=
        (json_int_t)store_snapshot_version(v.snapshot))
        changed(r, "collection: changed since");
    compare_documents(r, &v, json_object_get(j, "documents"));
    if (json_object_get(j, "embedders")) { /* receipts of before had none */
        now = embedders_now(&v);
        if (!json_equal(now, json_object_get(j, "embedders")))
            changed(r, "embedders: the vectors that are searched are of others");
        json_decref(now);
    }
    st = settings_to_json(&c->settings, &settings, err);
    if (!st) {
        compare_settings(r, json_object_get(j, "settings"), settings);
        json_decref(settings);
        st = settings_from_json(&c->settings, json_object_get(j, "settings"), err);
    }
    if (!st) {
        now = prompt_now(c);
        if (!json_equal(now, json_object_get(j, "prompt")))
            changed(r, "prompt: %s has another text", text_of(json_object_get(j, "prompt"), "name"));
        json_decref(now);
        now = entailer_now(c, json_is_true(json_object_get(j, "extractive")), NULL);
        if (json_object_get(j, "entailment") && !json_equal(now, json_object_get(j, "entailment")))
            changed(r, "entailment: %s then, %s now",
                    json_is_string(json_object_get(j, "entailment")) ? text_of(j, "entailment") : "no model",
                    json_is_string(now) ? json_string_value(now) : "no model");
        json_decref(now);
        now = model_now(c, json_is_true(json_object_get(j, "extractive")));
        if (!json_equal(now, json_object_get(j, "model")))
            changed(r, "model: %s has other bytes or is missing",
                    text_of(json_object_get(j, "model"), "name"));
        json_decref(now);
    }
    view_close(&v);
    return st;
}

static cairn_status request_of(const json_t *j, cairn_ask_request *q, cairn_error *err)
{
    const json_t *history = json_object_get(j, "history");

    *q = (cairn_ask_request){
        .question = text_of(j, "question"),
        .filter = *text_of(j, "filter") ? text_of(j, "filter") : NULL,
        .mode = (cairn_mode)json_integer_value(json_object_get(j, "mode")),
        .temperature = (float)json_number_value(json_object_get(j, "temperature")),
        .seed = (uint64_t)json_integer_value(json_object_get(j, "seed")),
        .max_tokens = (size_t)json_integer_value(json_object_get(j, "max_tokens")),
        .extractive = json_is_true(json_object_get(j, "extractive")),
        .no_cache = true,
        .day = read_day(text_of(j, "asked_on"))}; /* receipts of before had none: then it is today */
    q->history = calloc(json_array_size(history) + 1, sizeof *q->history);
    if (!q->history)
        return cairn_fail(err, CAIRN_ENOMEM, "history");
    for (; q->n_history < json_array_size(history); q->n_history++) {
        const json_t *turn = json_array_get(history, q->n_history);
        q->history[q->n_history] = (cairn_turn){text_of(turn, "role"), text_of(turn, "content")};
    }
    if ((unsigned)q->mode > CAIRN_VECTOR || !*q->question)
        return cairn_fail(err, CAIRN_EINPUT, "the receipt holds no question");
    if (json_object_get(j, "asked_on") && !q->day)
        return cairn_fail(err, CAIRN_EINPUT, "the receipt was asked on \"%s\", which is no day", text_of(j, "asked_on"));
    return CAIRN_OK;
}

cairn_status cairn_replay(cairn *c, const char *path, void (*report)(void *ctx, const char *finding),
                          void *ctx, bool *same, cairn_answer **out, cairn_error *err)
{
    replaying r = {report, ctx, 0};
    cairn_ask_request q = {0};
    json_error_t je;
    settings kept = c->settings;
    json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
    cairn_status st;

    *same = false;
    *out = NULL;
    if (!json_is_object(j) ||
        json_integer_value(json_object_get(j, "receipt")) != RECEIPT_FORMAT) {
        st = cairn_fail(err, CAIRN_EINPUT, "%s is no receipt: %s", path,
                        j ? "\"receipt\": 1 is missing" : je.text);
        json_decref(j);
        return st;
    }
    st = compare_world(&r, c, j, err);
    if (!st)
        st = request_of(j, &q, err);
    if (!st)
        st = cairn_ask(c, &q, NULL, NULL, out, err);
    if (!st)
        *same = !strcmp((*out)->text, text_of(j, "answer"));
    c->settings = kept;
    free(q.history);
    json_decref(j);
    return st;
}
