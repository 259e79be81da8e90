/* mcp.h - the Model Context Protocol over a service: messages in, messages out. The ways they travel are
 * elsewhere: standard input and output (mcp_stdio.c) and HTTP (routes_mcp.c).
 *
 * JSON-RPC 2.0; protocol versions 2025-06-18, 2025-03-26 and 2024-11-05. Tools: search, get, multi_get,
 * ask, status. Documents are resources, cairn://COLLECTION/NUMBER. There is no session state: every
 * message can be answered by itself.
 *
 * Threads  any. */
#ifndef CAIRN_SERVER_MCP_MCP_H
#define CAIRN_SERVER_MCP_MCP_H

#include <jansson.h>

#include "server/service.h"

#define MCP_MESSAGE_BYTES ((size_t)4 << 20)

typedef struct mcp_call {
    service *s;
    const service_caller *caller;
    const volatile sig_atomic_t *cancel; /* may be NULL */
} mcp_call;

/* The answer to one message, or NULL where none is due (a notification, an answer to us). A text that is
 * no JSON gets an answer, too. */
json_t *mcp_answer(const mcp_call *call, const char *message, size_t len);
/* Is this a version of the protocol that we speak? */
bool mcp_knows_version(const char *version);

/* ---- mcp_tools.c ---- */

/* The list for tools/list. */
json_t *mcp_tools_list(void);
/* Call a tool. CAIRN_ENOTFOUND: there is none of that name. What goes wrong inside it is a result with
 * isError, for the model to read. */
cairn_status mcp_tool_call(const mcp_call *call, const char *name, const json_t *arguments,
                           json_t **result, cairn_error *err);
/* A handle of the collection (NULL: the default one) for this caller, by service_acquire. */
cairn_status mcp_acquire(const mcp_call *call, const char *collection, cairn **out,
                         cairn_error *err);

/* ---- mcp_stdio.c ---- */

/* Serve standard input until it ends or *stop is set; answers go to standard output, a line each. A
 * client may cancel a call while it runs. */
cairn_status mcp_stdio(service *s, const volatile sig_atomic_t *stop, cairn_error *err);

#endif
