/* search.c - cairn.v1.Search: passages for a question, whole or list by list. */
#include <stdio.h>
#include <string.h>

#include "cairn/v1/search.pb-c.h"
#include "server/grpc/services.h"

#define K_MAX      1000
#define FACETS_MAX 256 /* bytes of all names asked for */

typedef Cairn__V1__QueryRequest query_request;
typedef Cairn__V1__QueryResponse query_response;

bool read_mode(rpc_call *c, int mode, cairn_mode *out)
{
    switch (mode) {
    case CAIRN__V1__MODE__MODE_UNSPECIFIED:
    case CAIRN__V1__MODE__MODE_HYBRID:
        *out = CAIRN_HYBRID;
        return true;
    case CAIRN__V1__MODE__MODE_LEXICAL:
        *out = CAIRN_LEXICAL;
        return true;
    case CAIRN__V1__MODE__MODE_VECTOR:
        *out = CAIRN_VECTOR;
        return true;
    }
    rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", "there is no mode %d", mode);
    return false;
}

static Cairn__V1__Mode write_mode(cairn_mode mode)
{
    return mode == CAIRN_LEXICAL  ? CAIRN__V1__MODE__MODE_LEXICAL
           : mode == CAIRN_VECTOR ? CAIRN__V1__MODE__MODE_VECTOR
                                  : CAIRN__V1__MODE__MODE_HYBRID;
}

static void fill_highlights(reply *r, Cairn__V1__Hit *out, const cairn_hit *h)
{
    Cairn__V1__Range *ranges = reply_array(r, h->n_highlights, sizeof *ranges);
    Cairn__V1__Range **list = reply_array(r, h->n_highlights, sizeof *list);

    if (r->failed)
        return;
    for (size_t i = 0; i < h->n_highlights; i++) {
        cairn__v1__range__init(&ranges[i]);
        ranges[i].start = h->highlights[i].start;
        ranges[i].end = h->highlights[i].end;
        list[i] = &ranges[i];
    }
    out->n_highlights = h->n_highlights;
    out->highlights = list;
}

static void fill_versions(reply *r, Cairn__V1__Hit *out, const cairn_hit *h)
{
    Cairn__V1__Version *versions = reply_array(r, h->n_versions, sizeof *versions);
    Cairn__V1__Version **list = reply_array(r, h->n_versions, sizeof *list);

    if (r->failed)
        return;
    for (size_t i = 0; i < h->n_versions; i++) {
        const cairn_copy *v = &h->versions[i];
        cairn__v1__version__init(&versions[i]);
        versions[i].document = v->doc;
        versions[i].uri = reply_text(r, v->uri);
        versions[i].title = reply_text(r, v->title);
        versions[i].modified_ns = v->mtime_ns;
        versions[i].newer = v->mtime_ns > h->modified_ns;
        versions[i].likeness = v->likeness;
        list[i] = &versions[i];
    }
    out->n_versions = h->n_versions;
    out->versions = list;
}

static void fill_hit(reply *r, Cairn__V1__Hit *out, const cairn_hit *h)
{
    cairn__v1__hit__init(out);
    out->rank = (uint32_t)h->rank;
    out->score = h->score;
    out->uri = reply_text(r, h->uri);
    out->title = reply_text(r, h->title);
    out->page = h->page;
    out->heading = reply_text(r, h->heading);
    out->text = reply_text(r, h->text);
    out->document = h->doc;
    out->chunk = h->chunk;
    out->page_last = h->page_last;
    out->line = h->line;
    out->line_last = h->line_last;
    out->byte_start = h->byte_start;
    out->byte_end = h->byte_end;
    out->language = reply_text(r, h->lang);
    out->mime = reply_text(r, h->mime);
    out->lexical = h->lexical;
    out->vector = h->vector;
    out->lexical_rank = h->lexical_rank;
    out->vector_rank = h->vector_rank;
    out->second = h->second;
    out->second_rank = h->second_rank;
    out->reread = h->reread;
    out->page_label = reply_text(r, h->page_label ? h->page_label : "");
    fill_highlights(r, out, h);
    fill_versions(r, out, h);
}

Cairn__V1__Hit **reply_hits(reply *r, const cairn_search_result *result, size_t *n)
{
    size_t count = result ? result->n_hits : 0;
    Cairn__V1__Hit *hits = reply_array(r, count, sizeof *hits);
    Cairn__V1__Hit **list = reply_array(r, count, sizeof *list);

    *n = 0;
    if (r->failed)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        fill_hit(r, &hits[i], &result->hits[i]);
        list[i] = &hits[i];
    }
    *n = count;
    return list;
}

static Cairn__V1__Facet *make_facet(reply *r, const cairn_facet *f)
{
    Cairn__V1__Facet *out = reply_array(r, 1, sizeof *out);
    Cairn__V1__Facet__Value *values = reply_array(r, f->n_values, sizeof *values);
    Cairn__V1__Facet__Value **list = reply_array(r, f->n_values, sizeof *list);

    if (r->failed)
        return NULL;
    cairn__v1__facet__init(out);
    out->name = reply_text(r, f->name);
    out->distinct = f->n_distinct;
    for (size_t i = 0; i < f->n_values; i++) {
        cairn__v1__facet__value__init(&values[i]);
        values[i].value = reply_text(r, f->values[i].value);
        values[i].documents = f->values[i].documents;
        list[i] = &values[i];
    }
    out->n_values = f->n_values;
    out->values = list;
    return out;
}

static void fill_response(reply *r, query_response *out, const cairn_search_result *result)
{
    cairn__v1__query_response__init(out);
    out->hits = reply_hits(r, result, &out->n_hits);
    out->took_ms = result->took_ms;
    out->mode = write_mode(result->mode);
    out->note = reply_text(r, result->note);
    out->suggestion = reply_text(r, result->suggestion);
    out->lexical_ms = result->lexical_ms;
    out->embed_ms = result->embed_ms;
    out->vector_ms = result->vector_ms;
    out->facets = reply_array(r, result->n_facets, sizeof *out->facets);
    for (size_t i = 0; !r->failed && i < result->n_facets; i++)
        out->facets[out->n_facets++] = make_facet(r, &result->facets[i]);
}

/* The names joined by commas; NULL for none; false, and the call finished, when there are too many. */
static bool join_facets(rpc_call *c, const query_request *q, char *out, const char **facets)
{
    size_t at = 0;

    *facets = NULL;
    for (size_t i = 0; i < q->n_facets; i++) {
        int n = snprintf(out + at, FACETS_MAX - at, "%s%s", i ? "," : "", q->facets[i]);
        if (n < 0 || (size_t)n >= FACETS_MAX - at) {
            rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", "too many facets are asked for");
            return false;
        }
        at += (size_t)n;
        *facets = out;
    }
    return true;
}

/* What the message asks, as the engine takes it; facets[FACETS_MAX] is room for the names. */
static bool read_request(rpc_call *c, const query_request *q, char *facets, cairn_search_request *out)
{
    *out = (cairn_search_request){.query = q->query,
                                  .filter = *q->filter ? q->filter : NULL,
                                  .k = q->k,
                                  .as_you_type = q->as_you_type,
                                  .facet_values = q->facet_values,
                                  .versions = q->versions ? VERSIONS_COMPARED : 0,
                                  .cancel = rpc_cancel_flag(c)};
    if (q->k > K_MAX || q->facet_values > K_MAX) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", "k and facet_values are at most %d", K_MAX);
        return false;
    }
    return read_mode(c, q->mode, &out->mode) && join_facets(c, q, facets, &out->facets);
}

static void query(rpc_call *c, const ProtobufCMessage *request)
{
    const query_request *q = (const query_request *)request;
    cairn_search_request search;
    cairn_search_result *result = NULL;
    cairn_error err = {0};
    query_response out;
    char facets[FACETS_MAX];
    cairn *handle;
    reply r;

    if (!read_request(c, q, facets, &search) || !(handle = lend(c, q->collection)))
        return;
    if (!give_back(c, handle, cairn_search(handle, &search, &result, &err), &err))
        return;
    reply_init(&r);
    fill_response(&r, &out, result);
    reply_end(c, &r, &out.base);
    cairn_search_result_free(result);
}

/* Search in this mode and send the list as a stage; false when the call is at its end. */
static bool stage(rpc_call *c, cairn *handle, cairn_search_request *search, cairn_mode mode,
                  const char *name, bool last, cairn_status *st, cairn_error *err)
{
    Cairn__V1__QueryStage out = CAIRN__V1__QUERY_STAGE__INIT;
    query_response response;
    cairn_search_result *result = NULL;
    bool sent;
    reply r;

    search->mode = mode;
    *st = cairn_search(handle, search, &result, err);
    if (*st)
        return false;
    reply_init(&r);
    fill_response(&r, &response, result);
    out.stage = (char *)name;
    out.last = last;
    out.result = &response;
    sent = reply_send(c, &r, &out.base);
    reply_clear(&r);
    cairn_search_result_free(result);
    return sent;
}

static void query_stream(rpc_call *c, const ProtobufCMessage *request)
{
    const query_request *q = (const query_request *)request;
    cairn_search_request search;
    cairn_status st = CAIRN_OK;
    cairn_error err = {0};
    char facets[FACETS_MAX];
    cairn_mode mode;
    cairn *handle;
    bool more = true;

    if (!read_request(c, q, facets, &search) || !(handle = lend(c, q->collection)))
        return;
    mode = search.mode;
    if (mode == CAIRN_HYBRID)
        more = stage(c, handle, &search, CAIRN_LEXICAL, "lexical", false, &st, &err);
    if (more)
        stage(c, handle, &search, mode,
              mode == CAIRN_HYBRID    ? "hybrid"
              : mode == CAIRN_LEXICAL ? "lexical"
                                      : "vector",
              true, &st, &err);
    if (give_back(c, handle, st, &err))
        rpc_finish(c, CAIRN_OK, NULL);
}

static const rpc_method methods[] = {
    {.path = "/cairn.v1.Search/Query",
     .request = &cairn__v1__query_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_QUICK,
     .message = query},
    {.path = "/cairn.v1.Search/QueryStream",
     .request = &cairn__v1__query_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_QUICK,
     .streams_out = true,
     .message = query_stream},
};

const method_table search_methods = METHODS(methods);
