/* eval_judge.h - the forms of cairn eval that say how far something can be trusted: two runs before a judge, and the
 * guards before attacks. Each prints and gives the exit code. */
#ifndef CAIRN_CLI_EVAL_JUDGE_H
#define CAIRN_CLI_EVAL_JUDGE_H

#include "cli/cli.h"

int cli_eval_judge(cli *c, const char *dump_a, const char *dump_b);
/* Each file may be NULL. */
int cli_eval_guardrails(cli *c, const char *attacks, const char *clean, const char *pii);

#endif
