/* code_values.h - what a program says of a function: the values its parameters have where the caller gives none, and what a constant stands for.
 *
 *   def fetch(url, attempts=MAX_ATTEMPTS):      the parameter "attempts" of fetch is MAX_ATTEMPTS
 *   MAX_ATTEMPTS = 4                            which is 4
 *
 * Read line by line and without a grammar: Python, Go, C, JavaScript, Rust and what is written like them.
 *
 * Owns     nothing. Any thread. */
#ifndef CAIRN_RETRIEVE_CODE_VALUES_H
#define CAIRN_RETRIEVE_CODE_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "retrieve/sentences.h"

/* Is it a program's text, by the ending of its path? */
bool code_is_source(const char *uri);

/* The definition of a function: its parameters between the brackets, and its body; false: it is not defined in this text. */
bool code_function(const char *text, size_t len, const char *name, size_t n, text_span *parameters, text_span *body);

/* The value behind a name that has one of the words, as "max_attempts = 4" has "attempts", in parameters or, line by line, in a body. Words
 * are in small letters between blanks. */
bool code_named_value(const char *text, text_span in, bool parameters, const char *words, text_span *value);

/* The value that a constant is given in the text: "NAME = 4", "#define NAME 4", "const name = 4". */
bool code_constant(const char *text, size_t len, const char *name, size_t n, text_span *value);

/* Is the text one name, as programs have them? */
bool code_is_name(const char *text, size_t len);

#endif
