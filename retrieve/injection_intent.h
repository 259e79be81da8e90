/* injection_intent.h - what a sentence wants, and of whom: signs of several kinds that honest texts
 * seldom have together.
 *
 * The rules of injection_rules.c tell wordings. Here a sentence is read for kinds of signs: is a machine
 * spoken to or told what it must do, is there an order, is what was said before to be dropped, is it about an answer or about what nobody
 * should see (prompts, the chat), is somebody to be kept in the dark, does it hold for every
 * question, does it speak with a system's voice, has it a link that would carry text away. No kind
 * is held against a text by itself; `wishes` in injection_intent.c lists which of them together
 * are.
 *
 * Threads  any. */
#ifndef CAIRN_RETRIEVE_INJECTION_INTENT_H
#define CAIRN_RETRIEVE_INJECTION_INTENT_H

#include <stdbool.h>
#include <stddef.h>

/* 0 .. 1 for a text folded as injection.c does it (small letters, single blanks), ended by '\0'.
 * *drops: it sets aside what was said before and says nothing more, so that what is to stand in
 * its place comes behind it. */
float injection_intent(const char *folded, size_t len, bool *drops);

#endif
