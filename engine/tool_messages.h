/* tool_messages.h - conversations with calls of functions, in the shape of OpenAI's interface, made ready for
 * a model's template.
 *
 * A template that knows tools gets the messages as they are, but arguments as objects. For one that does not,
 * the tools go into the system message by the prompt tools.v1, calls become text in the form of
 * generate/grammar/tool_calls.h, and results messages of the user. */
#ifndef CAIRN_ENGINE_TOOL_MESSAGES_H
#define CAIRN_ENGINE_TOOL_MESSAGES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"

/* A new list in *out, to be freed with json_decref. `tools` NULL: none are offered. CAIRN_EUSAGE: not such a
 * list of messages. */
cairn_status tool_messages(const json_t *messages, const json_t *tools, bool template_knows,
                           json_t **out, cairn_error *err);

#endif
