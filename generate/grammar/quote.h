/* quote.h - text in which whatever stands between quotation marks (") was said in the passages: inside
 * them only runs of the given text can follow. Typographic quotation marks are kept out of the rest,
 * so that there is no way around. */
#ifndef CAIRN_GENERATE_GRAMMAR_QUOTE_H
#define CAIRN_GENERATE_GRAMMAR_QUOTE_H

#include <stddef.h>

#include "base/status.h"
#include "generate/grammar/automaton.h"

#define QUOTE_MAX_TEXT ((size_t)16 << 20)

/* The text is copied. */
cairn_status quote_compile(automaton *out, const char *text, size_t len, cairn_error *err);

#endif
