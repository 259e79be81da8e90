/* routes_look.c - /api/v1: a closer look at one document: its page as an image, why a query does
 * not find it, opening it in its own program, reading again what could not be read. */
#include <stdlib.h>
#include <string.h>

#include "engine/care.h"
#include "server/desktop/opener.h"
#include "server/http/lend.h"
#include "server/http/look.h"
#include "server/present.h"

#define QUERY_BYTES   8192
#define MARKS_SHOWN   32 /* in a header */
#define DEFAULT_WIDTH 1000

/* ---- a page as an image ---- */

typedef struct page_args {
    const char *uri, *collection, *passage, *words;
    size_t page, width;
} page_args;

static const arg_field page_fields[] = {
    ARG_FIELD(page_args, "uri", uri, ARG_TEXT, true, 1, QUERY_BYTES),
    ARG_FIELD(page_args, "collection", collection, ARG_TEXT, false, 0, 100),
    ARG_FIELD(page_args, "page", page, ARG_SIZE, true, 1, 1000000),
    ARG_FIELD(page_args, "width", width, ARG_SIZE, false, 64, 2400),
    ARG_FIELD(page_args, "passage", passage, ARG_TEXT, false, 0, QUERY_BYTES),
    ARG_FIELD(page_args, "words", words, ARG_TEXT, false, 0, QUERY_BYTES),
};

/* "x0,y0,x1,y1;..." in shares of the page, so that a client can scroll to the first. */
static void put_marks(http_request *r, const cairn_page_image *image)
{
    char number[24];
    bytes text;

    bytes_init(&text, 4096);
    for (size_t i = 0; i < image->n_marks && i < MARKS_SHOWN; i++)
        bytes_printf(&text, "%s%.4f,%.4f,%.4f,%.4f", i ? ";" : "", (double)image->marks[i].x0,
                     (double)image->marks[i].y0, (double)image->marks[i].x1,
                     (double)image->marks[i].y1);
    if (text.len)
        respond_header(r, "X-Cairn-Marks", text.data);
    bytes_clear(&text);
    snprintf(number, sizeof number, "%zu", image->n_marks);
    respond_header(r, "X-Cairn-Marked-Lines", number);
    snprintf(number, sizeof number, "%u", image->n_pages);
    respond_header(r, "X-Cairn-Pages", number);
}

static void observe_page(http_request *r, const cairn_page_image *image)
{
    metrics_add(service_metrics(r->h->s), "cairn_pages_total",
                "Pages shown as images, drawn or kept from before.",
                image->kept ? "from=\"kept\"" : "from=\"drawn\"", 1);
}

static void show_page(http_request *r)
{
    page_args a = {.width = DEFAULT_WIDTH};
    cairn_page_image image;
    cairn_error err = {0};
    cairn_status st;
    cairn *c;

    if (!request_args(r, page_fields, ARG_COUNT(page_fields), &a) ||
        !(c = lend_handle(r, a.collection, SERVICE_READ)))
        return;
    st = cairn_pages_draw(service_pages(r->h->s), c,
                          &(cairn_page_request){.document = a.uri,
                                                .page = (uint32_t)a.page,
                                                .width = (uint32_t)a.width,
                                                .passage = a.passage,
                                                .words = a.words},
                          &image, &err);
    if (st == CAIRN_EUNSUPPORTED) { /* the document's doing, not a lack of the server */
        respond_refusal(r, MHD_HTTP_UNPROCESSABLE_CONTENT, err.text);
    } else if (st) {
        respond_error(r, st, &err);
    } else {
        observe_page(r, &image);
        respond_text(r, MHD_HTTP_OK, "image/png", image.png, image.png_len);
        respond_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "private, no-cache");
        put_marks(r, &image);
    }
    cairn_page_image_clear(&image);
    lend_back(r, c, st);
}

/* ---- why not ---- */

typedef struct why_args {
    const char *file, *q, *collection;
    size_t k;
    cairn_mode mode;
    bool answer;
} why_args;

static json_t *present_why(const why_args *a, const cairn_why *w)
{
    json_t *stages = json_array();

    for (size_t i = 0; i < w->n_stages; i++)
        json_array_append_new(
            stages, json_pack("{s:o,s:b,s:b,s:o}", "stage", json_str(w->stages[i].stage), "passed",
                              (int)w->stages[i].passed, "reached", (int)w->stages[i].reached, "detail", json_str(w->stages[i].detail)));
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "file", json_str(a->file), "query", json_str(a->q),
                     "lost_at", json_str(w->lost_at), "rank",
                     w->rank ? json_integer((json_int_t)w->rank) : json_null(), "stages", stages);
}

/* What is not in the collection is a file of the server's disk: to say anything of it is for its
 * admin. */
static cairn_status may_ask_about(const http_request *r, cairn *c, const why_args *a,
                                  cairn_error *err)
{
    const char *collection =
        a->collection && *a->collection ? a->collection : service_default_collection(r->h->s);
    cairn_document *d = NULL;
    cairn_status st;

    if (!service_need(&r->caller, collection, SERVICE_ADMIN, NULL))
        return CAIRN_OK;
    st = cairn_get(c, a->file, &d, err);
    cairn_document_free(d);
    return st;
}

static void why_not(http_request *r)
{
    why_args a = {.k = 10};
    cairn_why *w = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *c;
    static const arg_field fields[] = {
        ARG_FIELD(why_args, "file", file, ARG_TEXT, true, 1, QUERY_BYTES),
        ARG_FIELD(why_args, "q", q, ARG_TEXT, true, 1, QUERY_BYTES),
        ARG_FIELD(why_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(why_args, "k", k, ARG_SIZE, false, 1, 1000),
        ARG_FIELD(why_args, "mode", mode, ARG_MODE, false, 0, 0),
        ARG_FIELD(why_args, "answer", answer, ARG_BOOL, false, 0, 0),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) ||
        !(c = lend_handle(r, a.collection, SERVICE_READ)))
        return;
    st = may_ask_about(r, c, &a, &err);
    if (!st)
        st = cairn_why_not(c, &(cairn_why_request){.file = a.file, .query = a.q, .k = a.k, .mode = a.mode, .answer = a.answer},
                           &w, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK, present_why(&a, w));
    cairn_why_free(w);
    lend_back(r, c, st);
}

/* ---- opening ---- */

bool look_can_open(const http_request *r)
{
    const adapter_address *at = &r->h->options.address;

    return at->is_unix || at->is_loopback;
}

/* In the program that the desktop of this machine has for it: only where the caller sits there,
 * too. */
static void open_document(http_request *r)
{
    page_args a = {0};
    cairn_document *d = NULL;
    cairn_error err = {0};
    cairn_status st;
    cairn *c;
    static const arg_field fields[] = {
        ARG_FIELD(page_args, "uri", uri, ARG_TEXT, true, 1, QUERY_BYTES),
        ARG_FIELD(page_args, "collection", collection, ARG_TEXT, false, 0, 100),
        ARG_FIELD(page_args, "page", page, ARG_SIZE, false, 0, 1000000),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a))
        return;
    if (!look_can_open(r)) {
        respond_refusal(r, MHD_HTTP_FORBIDDEN,
                        "documents are opened only by a server that this machine alone can reach");
        return;
    }
    if (!(c = lend_handle(r, a.collection, SERVICE_READ)))
        return;
    st = cairn_get(c, a.uri, &d, &err);
    if (!st)
        st = opener_start(getenv("CAIRN_OPENER"), d->uri, (uint32_t)a.page, &err);
    if (st)
        respond_error(r, st, &err);
    else
        respond_json(r, MHD_HTTP_OK, json_pack("{s:o}", "opened", json_str(d->uri)));
    cairn_document_free(d);
    lend_back(r, c, st);
}

/* ---- reading again ---- */

static void retry(http_request *r)
{
    page_args a = {0};
    service_job job;
    uint64_t id = 0;
    char where[64];
    cairn_error err = {0};
    cairn_status st;
    static const arg_field fields[] = {
        ARG_FIELD(page_args, "collection", collection, ARG_TEXT, false, 0, 100),
    };

    if (!request_args(r, fields, ARG_COUNT(fields), &a) ||
        !lend_allowed(r, a.collection, SERVICE_WRITE))
        return;
    st = service_retry(r->h->s, &r->caller, a.collection, &id, &err);
    if (!st)
        st = service_job_get(r->h->s, id, &job, &err);
    if (st) {
        respond_error(r, st, &err);
        return;
    }
    snprintf(where, sizeof where, "/api/v1/jobs/%llu", (unsigned long long)id);
    service_job_hide(&r->caller, &job);
    respond_json(r, MHD_HTTP_ACCEPTED, present_job(&job));
    respond_header(r, MHD_HTTP_HEADER_LOCATION, where);
}

const http_route routes_look[] = {
    {"GET", "/api/v1/document/page", LANE_SLOW, SERVICE_READ, 0, SHAPE_API, show_page},
    {"POST", "/api/v1/document/page", LANE_SLOW, SERVICE_READ, SMALL_BODY, SHAPE_API, show_page},
    {"GET", "/api/v1/why-not", LANE_QUICK, SERVICE_READ, 0, SHAPE_API, why_not},
    {"POST", "/api/v1/open", LANE_QUICK, SERVICE_READ, SMALL_BODY, SHAPE_API, open_document},
    {"POST", "/api/v1/retry", LANE_QUICK, SERVICE_WRITE, SMALL_BODY, SHAPE_API, retry},
    {0},
};
