/* routes_mcp.c - MCP over HTTP ("streamable HTTP" without streams of its own and without sessions): a
 * message is posted to /mcp and answered in the same exchange. */
#include <string.h>

#include "server/http/http.h"
#include "server/mcp/mcp.h"

static void take_message(http_request *r)
{
    const char *version = request_header(r, "MCP-Protocol-Version");
    json_t *answer;

    if (version && !mcp_knows_version(version)) {
        respond_refusal(r, MHD_HTTP_BAD_REQUEST, "this version of the protocol is not spoken here");
        return;
    }
    answer = mcp_answer(&(mcp_call){r->h->s, &r->caller, &r->cancel},
                        r->body.data ? r->body.data : "", r->body.len);
    if (answer)
        respond_json(r, MHD_HTTP_OK, answer);
    else
        respond_empty(r, MHD_HTTP_ACCEPTED);
}

const http_route routes_mcp[] = {
    {"POST", "/mcp", LANE_SLOW, SERVICE_READ, MCP_MESSAGE_BYTES, SHAPE_MCP, take_message},
    {0},
};
