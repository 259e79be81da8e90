/* priority.h - work that lets everyone else go first.
 *
 * Both functions are about the calling thread and whatever threads and processes it starts from then
 * on: these inherit it. Where the system does not know such priorities nothing changes. */
#ifndef CAIRN_BASE_PRIORITY_H
#define CAIRN_BASE_PRIORITY_H

#define PRIORITY_LEAST 19 /* a step that is always enough */

/* `steps` less than now, in the units of nice(1); each step is worth a fifth of the processor. */
void priority_lower(int steps);
/* The disk is for others, until none of them wants it. */
void priority_idle_disk(void);

#endif
