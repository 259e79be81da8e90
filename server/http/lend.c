/* lend.c - see lend.h. */
#include "server/http/lend.h"

bool lend_allowed(http_request *r, const char *collection, service_role role)
{
    cairn_error err = {0};

    if (!collection || !*collection)
        collection = service_default_collection(r->h->s);
    if (!service_need(&r->caller, collection, role, &err))
        return true;
    respond_refusal(r, MHD_HTTP_FORBIDDEN, err.text);
    return false;
}

cairn *lend_handle(http_request *r, const char *collection, service_role role)
{
    cairn_error err = {0};
    cairn *c = NULL;
    cairn_status st;

    if (!lend_allowed(r, collection, role))
        return NULL;
    st = service_acquire(r->h->s, &r->caller, collection, &c, &err);
    if (st)
        respond_error(r, st, &err);
    return c;
}

void lend_back(http_request *r, cairn *c, cairn_status st)
{
    if (st == CAIRN_ECORRUPT || st == CAIRN_EIO || st == CAIRN_EUNSUPPORTED)
        service_discard(r->h->s, c);
    else
        service_release(r->h->s, c);
}
