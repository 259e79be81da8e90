/* mapping.c - the indexes of a collection: their settings and fields, version OPENSEARCH_MAPPING.
 * Strict: a field that Cairn does not know is refused, not guessed at.
 *
 * refresh_interval is -1: what is written becomes visible when a commit refreshes, all at once on
 * each shard, and not in between. */
#include "opensearch/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opensearch/row.h"

#define HNSW_M  16
#define HNSW_EF 100
#define ALLOCATIONS 10000 /* of a copy, until one holds */
#define GC_DELETES "15m" /* that a deleted id is remembered, against writes that come too late */
#define MAKE_MS 180000 /* a cluster under load takes its time to make an index */

static json_t *keyword(void)
{
    return json_pack("{s:s,s:i}", "type", "keyword", "ignore_above", 8191);
}

static json_t *number(void)
{
    return json_pack("{s:s}", "type", "long");
}

/* Kept and given back, not searched. */
static json_t *kept(const char *type)
{
    return json_pack("{s:s,s:b,s:b}", "type", type, "index", 0, "doc_values", 0);
}

static json_t *terms(void)
{
    return json_pack("{s:s,s:s,s:s,s:s}", "type", "text", "analyzer", "cairn_terms",
                     "search_analyzer", "cairn_term", "similarity", "cairn_bm25");
}

static json_t *analysis(void)
{
    return json_pack("{s:{s:{s:s,s:b,s:[s]}},s:{s:{s:s,s:s,s:[s]},s:{s:s,s:s},s:{s:s,s:s}}}",
                     "filter", "cairn_places", "type", "pattern_capture", "preserve_original", 0,
                     "patterns", "([^\x01]+)", "analyzer", "cairn_terms", "type", "custom",
                     "tokenizer", "whitespace", "filter", "cairn_places", "cairn_words", "type",
                     "custom", "tokenizer", "whitespace", "cairn_term", "type", "custom",
                     "tokenizer", "keyword");
}

/* A copy that could not be made on a node that comes back is tried again until it can: by default the cluster
 * gives up after five times, and somebody has to tell it to go on. */
static json_t *common_settings(const opensearch_options *o)
{
    return json_pack("{s:i,s:i,s:s,s:i,s:s}", "number_of_shards", (int)(o->shards ? o->shards : 1),
                     "number_of_replicas", (int)o->replicas, "refresh_interval", "-1",
                     "allocation.max_retries", ALLOCATIONS, "gc_deletes", GC_DELETES);
}

static json_t *mapping(const char *kind, json_t *properties)
{
    return json_pack("{s:s,s:{s:s,s:i},s:o}", "dynamic", "strict", "_meta", "cairn", kind,
                     "mapping", OPENSEARCH_MAPPING, "properties", properties);
}

static json_t *chunk_index(const opensearch_options *o)
{
    static const char *const keywords[] = {
        "uri",          "uri_folded", "title_folded", "ext",           "lang",       "mime",
        "author",       "tags",       "places",       "places_folded", "facet_type", "facet_ext",
        "facet_author", "facet_lang", "facet_tag",    "facet_folder",  "facet_year"};
    static const char *const texts[] = {"heading", "text", "title", "path_words"};
    static const char *const numbers[] = {"chunk", "doc",      "date",   "size",
                                          "pages", "modified", "created"};
    static const char *const counts[] = {"ordinal",   "byte_start", "byte_end",  "page_first",
                                         "page_last", "line_first", "line_last", "tokens"};
    json_t *properties = json_object(), *settings = common_settings(o);
    bool bad = !properties || !settings;

    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        bad |= json_object_set_new(properties, keywords[i], keyword()) != 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        bad |= json_object_set_new(properties, numbers[i], number()) != 0;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        bad |= json_object_set_new(properties, counts[i], kept("long")) != 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        bad |= json_object_set_new(properties, texts[i], kept("keyword")) != 0;
    for (size_t f = 0; f < LEXICAL_FIELDS; f++)
        bad |= json_object_set_new(properties, row_field[f], terms()) != 0;
    bad |= json_object_set_new(properties, ROW_FORMS,
                               json_pack("{s:s,s:s,s:s,s:b}", "type", "text", "analyzer",
                                         "cairn_words", "index_options", "docs", "norms", 0)) ||
           json_object_set_new(properties, "shown", json_pack("{s:s}", "type", "binary")) ||
           json_object_set_new(properties, "pending", json_pack("{s:s}", "type", "boolean")) ||
           json_object_set_new(settings, "knn", json_true()) ||
           json_object_set_new(settings, "max_result_window", json_integer(OPENSEARCH_DEPTH_MAX)) ||
           json_object_set_new(settings, "analysis", analysis()) ||
           json_object_set_new(settings, "similarity",
                               json_pack("{s:{s:s,s:f,s:f}}", "cairn_bm25", "type", "BM25", "k1",
                                         o->k1, "b", o->b));
    json_t *all = bad ? NULL
                      : json_pack("{s:{s:O},s:o}", "settings", "index", settings, "mappings",
                                  mapping("chunks", json_incref(properties)));
    json_decref(properties);
    json_decref(settings);
    return all;
}

static json_t *document_index(const opensearch_options *o)
{
    json_t *properties = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "doc", number(), "uri", keyword(),
                                   "uri_id", keyword(), "hash", keyword(), "text_bytes",
                                   kept("long"), "record", json_pack("{s:s}", "type", "binary"));

    return json_pack("{s:{s:o},s:o}", "settings", "index", common_settings(o), "mappings",
                     mapping("documents", properties));
}

static json_t *state_index(const opensearch_options *o)
{
    opensearch_options one = *o;
    json_t *properties = json_pack(
        "{s:o,s:o,s:o,s:o,s:{s:s,s:b}}", "kind", keyword(), "path", keyword(), "path_id", keyword(),
        "data", json_pack("{s:s}", "type", "binary"), "state", "type", "object", "enabled", 0);

    one.shards = 1;
    return json_pack("{s:{s:o},s:o}", "settings", "index", common_settings(&one), "mappings",
                     mapping("state", properties));
}

/* One that is there already may be what an attempt made whose answer was lost: whether there is a
 * collection, the state record says, which only one can create. */
static cairn_status make(struct os_store *s, const char *name, json_t *body, cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL;
    long status;
    cairn_status st;
    client_request r = {.method = "PUT", .path = path, .timeout_ms = MAKE_MS, .limits = s->limits};
    cairn_error why = {0};
    bytes b;

    snprintf(path, sizeof path, "/%s?timeout=120s", name);
    bytes_init(&b, 1 << 20);
    st = client_dump(&b, body, err);
    json_decref(body);
    r.body = b.data;
    r.len = b.len;
    if (!st)
        st = client_call(s->client, &r, &status, &reply, &why);
    bytes_clear(&b);
    json_decref(reply);
    if (st && strstr(why.text, "resource_already_exists"))
        return CAIRN_OK;
    if (st && why.code && err)
        *err = why;
    return st;
}

cairn_status os_make_indexes(struct os_store *s, const opensearch_options *o, cairn_error *err)
{
    cairn_status st = make(s, s->chunks, chunk_index(o), err);

    if (!st)
        st = make(s, s->documents, document_index(o), err);
    return st ? st : make(s, s->state, state_index(o), err);
}

/* A collection of an earlier program has passages without their document's record: those that are
 * written from now on have it. */
static cairn_status add_shown(struct os_store *s, cairn_error *err)
{
    char path[PATH_BYTES];
    cairn_status st;

    snprintf(path, sizeof path, "/%s,%s,%s/_settings", s->chunks, s->documents, s->state);
    st = os_ask(s, "have deleted ids remembered", "PUT", path, json_pack("{s:s}", "index.gc_deletes", GC_DELETES), NULL,
                err);
    snprintf(path, sizeof path, "/%s/_mapping", s->chunks);
    return st ? st
              : os_ask(s, "add a field", "PUT", path,
                       json_pack("{s:{s:{s:s}}}", "properties", "shown", "type", "binary"), NULL, err);
}

cairn_status os_check_mapping(struct os_store *s, cairn_error *err)
{
    char path[PATH_BYTES];
    json_t *reply = NULL;
    long status;
    cairn_status st;

    snprintf(path, sizeof path, "/%s/_mapping?filter_path=*.mappings._meta,*.mappings.properties.shown", s->chunks);
    st = os_call(s, "GET", path, NULL, &status, &reply, err);
    if (!st && status == 404)
        st = cairn_fail(err, CAIRN_ENOTFOUND,
                        "the cluster has no indexes \"%s-...\" of mapping %d: cairn collection "
                        "create makes them",
                        s->prefix, OPENSEARCH_MAPPING);
    if (!st) {
        const json_t *mappings = json_object_get(json_object_get(reply, s->chunks), "mappings");
        json_int_t version =
            json_integer_value(json_object_get(json_object_get(mappings, "_meta"), "mapping"));
        s->shows = json_object_get(json_object_get(mappings, "properties"), "shown");
        if (version != OPENSEARCH_MAPPING)
            st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                            "%s has mapping %lld, this program knows %d: cairn collection copy "
                            "makes one of its own from it "
                            "with the program that wrote it",
                            s->chunks, (long long)version, OPENSEARCH_MAPPING);
    }
    json_decref(reply);
    if (!st && !s->shows && !s->read_only)
        st = add_shown(s, err);
    return st;
}

void os_vector_field(const os_state *state, char out[FIELD_BYTES])
{
    snprintf(out, FIELD_BYTES, "vector_%u_%u", state->dim, state->generation);
}

void os_bytes_field(const os_state *state, char out[FIELD_BYTES])
{
    snprintf(out, FIELD_BYTES, "bytes_%u_%u", state->dim, state->generation);
}

cairn_status os_add_bytes_field(struct os_store *s, const os_state *state, cairn_error *err)
{
    char path[PATH_BYTES], field[FIELD_BYTES];

    os_bytes_field(state, field);
    snprintf(path, sizeof path, "/%s/_mapping", s->chunks);
    return os_ask(s, "add a field of vectors", "PUT", path,
                  json_pack("{s:{s:{s:s}}}", "properties", field, "type", "binary"), NULL, err);
}

cairn_status os_add_vector_field(struct os_store *s, const os_state *state, cairn_error *err)
{
    char path[PATH_BYTES], field[FIELD_BYTES];

    os_vector_field(state, field);
    snprintf(path, sizeof path, "/%s/_mapping", s->chunks);
    return os_ask(s, "add a field of vectors", "PUT", path,
                  json_pack("{s:{s:{s:s,s:i,s:s,s:{s:s,s:s,s:{s:i,s:i}}}}}", "properties", field,
                            "type", "knn_vector", "dimension", (int)state->dim, "space_type",
                            "cosinesimil", "method", "name", "hnsw", "engine", "lucene",
                            "parameters", "m", HNSW_M, "ef_construction", HNSW_EF),
                  NULL, err);
}
