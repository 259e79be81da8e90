/* documents.c - cairn.v1.Documents: look at documents, page through them, take them out.
 *
 * A page token is the last uri of the page before, in hexadecimal because a uri may hold any bytes. Pages
 * of a collection that changes meanwhile miss nothing that stayed and repeat nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "cairn/v1/documents.pb-c.h"
#include "server/grpc/jobs_wait.h"
#include "server/grpc/services.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000
#define TOKEN_MAX    ((size_t)64 << 10)
/* What a document's other fields may take of a message beside its text. */
#define FIELDS_BYTES ((size_t)64 << 10)

static void fill(reply *r, Cairn__V1__Document *out, const cairn_document *d, bool copy)
{
#define TEXT(s) (copy ? reply_bytes_text(r, (s) ? (s) : "", (s) ? strlen(s) : 0) : reply_text(r, s))
    cairn__v1__document__init(out);
    out->id = d->id;
    out->uri = TEXT(d->uri);
    out->title = TEXT(d->title);
    out->author = TEXT(d->author);
    out->language = TEXT(d->lang);
    out->mime = TEXT(d->mime);
    out->size = d->size;
    out->modified_ns = d->mtime_ns;
    out->date_ns = d->date_ns;
    out->indexed_ns = d->indexed_ns;
    out->pages = d->n_pages;
    out->chunks = d->n_chunks;
#undef TEXT
}

/* The part of the text that was asked for and fits, in whole characters. */
static void fill_text(rpc_call *c, reply *r, Cairn__V1__Document *out, const cairn_document *d,
                      const Cairn__V1__GetDocumentRequest *q)
{
    size_t room = rpc_message_limit(rpc_server_of(c)) - FIELDS_BYTES;
    size_t start = q->text_offset < d->text_len ? (size_t)q->text_offset : d->text_len;
    size_t len;

    start = start < d->text_len ? utf8_floor(d->text, start) : start;
    len = d->text_len - start;
    if (q->text_limit && q->text_limit < len)
        len = utf8_floor(d->text + start, q->text_limit);
    if (len > room)
        len = utf8_floor(d->text + start, room);
    out->text = len ? reply_bytes_text(r, d->text + start, len) : (char *)protobuf_c_empty_string;
    out->text_offset = start;
    out->text_bytes = d->text_len;
}

static void get(rpc_call *c, const ProtobufCMessage *request)
{
    const Cairn__V1__GetDocumentRequest *q = (const Cairn__V1__GetDocumentRequest *)request;
    Cairn__V1__Document out;
    cairn_document *d = NULL;
    cairn_error err = {0};
    cairn *handle = lend(c, q->collection);
    reply r;

    if (!handle)
        return;
    if (give_back(c, handle, cairn_get(handle, q->document, &d, &err), &err)) {
        reply_init(&r);
        fill(&r, &out, d, false);
        fill_text(c, &r, &out, d, q);
        reply_end(c, &r, &out.base);
    }
    cairn_document_free(d);
}

typedef struct page {
    reply *r;
    const char *after; /* NULL: from the start */
    Cairn__V1__Document **list;
    size_t n, max, bytes, max_bytes;
    char *last; /* uri of the last one listed */
    bool more;
} page;

static bool add_document(void *ctx, const cairn_document *d)
{
    page *p = ctx;
    Cairn__V1__Document *out;
    size_t size;

    if (p->after && strcmp(d->uri, p->after) <= 0)
        return true;
    if (p->n == p->max) {
        p->more = true;
        return false;
    }
    out = reply_array(p->r, 1, sizeof *out);
    if (p->r->failed)
        return false;
    fill(p->r, out, d, true);
    size = cairn__v1__document__get_packed_size(out) + 16;
    if (p->n && p->bytes + size > p->max_bytes) {
        p->more = true;
        return false;
    }
    p->bytes += size;
    p->list[p->n++] = out;
    p->last = arena_strdup(&p->r->memory, d->uri);
    p->r->failed |= !p->last;
    return !p->r->failed;
}

static char *to_hex(reply *r, const char *s)
{
    static const char digit[] = "0123456789abcdef";
    size_t n = strlen(s);
    char *out = reply_array(r, 2 * n + 1, 1);

    if (r->failed)
        return (char *)protobuf_c_empty_string;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[(unsigned char)s[i] >> 4];
        out[2 * i + 1] = digit[(unsigned char)s[i] & 15];
    }
    return out;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False for what is no page token. */
static bool from_hex(reply *r, const char *token, const char **out)
{
    size_t n = strlen(token);
    char *s;

    *out = NULL;
    if (!n)
        return true;
    if (n % 2 || n > TOKEN_MAX)
        return false;
    s = reply_array(r, n / 2 + 1, 1);
    for (size_t i = 0; !r->failed && i < n; i += 2) {
        int high = hex_value(token[i]), low = hex_value(token[i + 1]);
        if (high < 0 || low < 0 || !(high | low))
            return false;
        s[i / 2] = (char)(high << 4 | low);
    }
    *out = s;
    return true;
}

static void list(rpc_call *c, const ProtobufCMessage *request)
{
    const Cairn__V1__ListDocumentsRequest *q = (const Cairn__V1__ListDocumentsRequest *)request;
    Cairn__V1__ListDocumentsResponse out = CAIRN__V1__LIST_DOCUMENTS_RESPONSE__INIT;
    cairn_error err = {0};
    cairn *handle;
    reply r;
    page p = {.r = &r,
              .max = q->page_size ? q->page_size : PAGE_DEFAULT,
              .max_bytes = rpc_message_limit(rpc_server_of(c)) - FIELDS_BYTES - 2 * TOKEN_MAX};

    reply_init(&r);
    if (p.max > PAGE_MAX || !from_hex(&r, q->page_token, &p.after)) {
        rpc_finish_code(c, RPC_INVALID_ARGUMENT, "USAGE", p.max > PAGE_MAX
                        ? "a page has 1000 documents at most"
                        : "this is no page token of an answer");
        reply_clear(&r);
        return;
    }
    p.list = reply_array(&r, p.max, sizeof *p.list);
    handle = r.failed ? NULL : lend(c, q->collection);
    if (handle && give_back(c, handle,
                            cairn_list(handle, *q->prefix ? q->prefix : NULL, add_document, &p, &err),
                            &err)) {
        out.documents = p.list;
        out.n_documents = p.n;
        if (p.more && p.last)
            out.next_page_token = to_hex(&r, p.last);
        reply_end(c, &r, &out.base);
        return;
    }
    if (r.failed)
        rpc_finish(c, CAIRN_ENOMEM, NULL);
    reply_clear(&r);
}

static void delete(rpc_call *c, const ProtobufCMessage *request)
{
    const Cairn__V1__DeleteDocumentsRequest *q = (const Cairn__V1__DeleteDocumentsRequest *)request;
    Cairn__V1__DeleteDocumentsResponse out = CAIRN__V1__DELETE_DOCUMENTS_RESPONSE__INIT;
    cairn_error err = {0};
    cairn_status st;
    service_job job;
    uint64_t id;
    reply r;

    if (!need(c, q->collection, SERVICE_WRITE))
        return;
    st = service_delete(service_of(c), caller_of(c), q->collection, q->document, &id, &err);
    if (!st)
        st = wait_for_job(c, id, NULL, NULL, &job, &err);
    if (st) {
        rpc_finish(c, st, &err);
        return;
    }
    out.removed = job.removed;
    reply_init(&r);
    reply_end(c, &r, &out.base);
}

static const rpc_method methods[] = {
    {.path = "/cairn.v1.Documents/Get",
     .request = &cairn__v1__get_document_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_QUICK,
     .message = get},
    {.path = "/cairn.v1.Documents/List",
     .request = &cairn__v1__list_documents_request__descriptor,
     .role = SERVICE_READ,
     .lane = RPC_QUICK,
     .message = list},
    {.path = "/cairn.v1.Documents/Delete",
     .request = &cairn__v1__delete_documents_request__descriptor,
     .role = SERVICE_WRITE,
     .lane = RPC_WRITER,
     .message = delete},
};

const method_table documents_methods = METHODS(methods);
