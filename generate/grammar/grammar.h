/* grammar.h - a context-free grammar in the notation of llama.cpp's GBNF, as an automaton.
 *
 *   root  ::= "yes" | "no" (" because " words)?
 *   words ::= [a-z]+ | "\"" [^"\n]{1,40} "\""      # a comment
 *
 * Literals and classes with the escapes \n \r \t \" \\ \[ \] \- \xHH \uHHHH \UHHHHHHHH; . is any
 * character but a line break; groups, |, * + ? {n} {n,} {n,m}. A rule goes on over line breaks inside
 * parentheses and behind ::= and |. Rules must not begin with themselves (left recursion), not even
 * by way of others or behind something empty.
 *
 * Errors   CAIRN_EINPUT with line and what is wrong; CAIRN_ELIMIT: too large. */
#ifndef CAIRN_GENERATE_GRAMMAR_GRAMMAR_H
#define CAIRN_GENERATE_GRAMMAR_GRAMMAR_H

#include <stddef.h>

#include "base/status.h"
#include "generate/grammar/automaton.h"

#define GRAMMAR_MAX_TEXT  ((size_t)1 << 20)
#define GRAMMAR_MAX_DEPTH 500 /* rules inside one another while matching: then the text is refused */

/* The rule named "root" is what a whole text must match. */
cairn_status grammar_compile(automaton *out, const char *text, size_t len, cairn_error *err);

#endif
