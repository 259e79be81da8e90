/* tool_calls.h - functions that a model may call, written into its text the way that Hermes and Qwen models
 * are trained to:
 *
 *   <tool_call>
 *   {"name": "weather", "arguments": {"city": "Kiel"}}
 *   </tool_call>
 *
 * A grammar holds the model to that form, to the functions there are, and each call to its function's
 * JSON Schema; a reader takes the text apart again while it comes.
 *
 * A tool is {"type": "function", "function": {"name", "description", "parameters", "strict"}}, as in
 * OpenAI's interface. Keywords of a schema that json_schema.h does not know are left out where the tool is not
 * "strict": its arguments are then held to the rest.
 *
 * Owns     the reader its name and nothing else; zero-initialised it is ready, and needs no clearing.
 * Errors   CAIRN_EINPUT: not such a list, or no such function; CAIRN_EUNSUPPORTED: a keyword of a strict
 *          schema. */
#ifndef CAIRN_GENERATE_GRAMMAR_TOOL_CALLS_H
#define CAIRN_GENERATE_GRAMMAR_TOOL_CALLS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/bytes.h"

#define TOOL_NAME_BYTES 65 /* of a function, with its NUL */
#define TOOLS_MOST      128

typedef enum tool_choice {
    TOOL_CHOICE_AUTO,     /* text, then calls if any */
    TOOL_CHOICE_REQUIRED, /* one call at least and nothing else */
} tool_choice;

typedef struct tool_rules {
    const json_t *tools; /* the list */
    tool_choice choice;
    const char *only; /* the one function that may be called; NULL: any */
    bool single;      /* one call at most */
} tool_rules;

/* Append the grammar (grammar.h) of the texts that the rules allow. */
cairn_status tool_calls_grammar(const tool_rules *rules, bytes *out, cairn_error *err);

/* What a reader tells; false from either stops it. */
typedef struct tool_sink {
    bool (*text)(void *ctx, const char *text, size_t len);
    /* A call begins (name set, no arguments yet), or its arguments go on (name NULL). Calls count from 0. */
    bool (*call)(void *ctx, size_t index, const char *name, const char *arguments, size_t len);
    void *ctx;
} tool_sink;

typedef struct tool_reader {
    int phase;
    size_t at; /* bytes of the phase's fixed text that have come */
    size_t n_calls, name_len;
    int depth; /* of braces and brackets in the arguments */
    bool in_string, escaped;
    char name[TOOL_NAME_BYTES];
} tool_reader;

/* More of the text, cut anywhere. */
bool tool_reader_feed(tool_reader *r, const char *text, size_t len, const tool_sink *to);
/* The text is over: what was kept back as a possible beginning of a call is text after all. */
bool tool_reader_finish(tool_reader *r, const tool_sink *to);

#endif
