/* http_adapter.h - HTTP as an adapter: REST, OpenAI-compatible, web page, MCP. */
#ifndef CAIRN_SERVER_HTTP_HTTP_ADAPTER_H
#define CAIRN_SERVER_HTTP_HTTP_ADAPTER_H

#include "server/adapter.h"

extern const adapter http_adapter;

#endif
