/* query.c - the parameters of an HTTP request: those of its query string and of its JSON body. */
#include <string.h>

#include "base/utf8.h"
#include "server/http/http.h"

#define MAX_MEMBERS 64 /* of a query string */

typedef struct gathering {
    json_t *args;
    cairn_status status;
    cairn_error *err;
} gathering;

static enum MHD_Result take_pair(void *ctx, enum MHD_ValueKind kind, const char *key,
                                 size_t key_len, const char *value, size_t value_len)
{
    gathering *g = ctx;

    (void)kind;
    if (!value) {
        value = "";
        value_len = 0;
    }
    if (!utf8_valid(key, key_len) || !utf8_valid(value, value_len))
        g->status = cairn_fail(g->err, CAIRN_EUSAGE, "the query string is not valid UTF-8");
    else if (memchr(key, 0, key_len) || memchr(value, 0, value_len))
        g->status = cairn_fail(g->err, CAIRN_EUSAGE, "the query string holds a NUL character");
    else if (json_object_get(g->args, key))
        g->status = cairn_fail(g->err, CAIRN_EUSAGE, "\"%s\" is given twice", key);
    else if (json_object_size(g->args) == MAX_MEMBERS)
        g->status = cairn_fail(g->err, CAIRN_EUSAGE, "more than %d parameters", MAX_MEMBERS);
    else if (json_object_set_new(g->args, key, json_string(value)))
        g->status = cairn_fail(g->err, CAIRN_ENOMEM, "parameters");
    return g->status ? MHD_NO : MHD_YES;
}

cairn_status args_collect(http_request *r, cairn_error *err)
{
    gathering g = {.err = err};
    cairn_status st = CAIRN_OK;

    if (r->body.len && !r->upload && r->route->lane != LANE_FORM)
        st = args_parse(r->body.data, r->body.len, &r->args, err);
    else if (!(r->args = json_object()))
        st = cairn_fail(err, CAIRN_ENOMEM, "parameters");
    if (st)
        return st;
    g.args = r->args;
    MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, take_pair, &g);
    return g.status;
}
