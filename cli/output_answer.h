/* output_answer.h - answers on the screen and as JSON, for the verbs that give some. */
#ifndef CAIRN_CLI_OUTPUT_ANSWER_H
#define CAIRN_CLI_OUTPUT_ANSWER_H

#include "cli/cli.h"
#include "engine/chats.h"

/* Text as it comes; has the type of a stream function. `ctx` (a bool, may be NULL) becomes true: something was printed.
 * False once the user has had enough. */
bool cli_stream_answer(void *ctx, const char *text, size_t len);
json_t *cli_answer_json(const cairn_answer *a);
/* "Sources" and the texts cited; nothing without any. */
void cli_print_sources(cli *c, const cairn_answer *a);
void cli_print_citations(cli *c, const cairn_citation *list, size_t n);
/* A turn that was kept: the question, the answer, its sources. */
void cli_print_turn(cli *c, const cairn_chat_turn *t);

#endif
