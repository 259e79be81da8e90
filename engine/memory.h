/* memory.h - what a user asked to keep: facts for later conversations, and answers that are compared with
 * their sources whenever the collection has changed.
 *
 * Everything lies in the file that chats.h speaks of, and what is said there of owners, threads, crashes
 * and errors holds here. */
#ifndef CAIRN_MEMORY_H
#define CAIRN_MEMORY_H

#include "engine/chats.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- facts: "my grinder is the K2 Pro" -------------------------------------------------------- */

#define CAIRN_FACT_MAX  500 /* bytes of one */
#define CAIRN_FACTS_MAX 500 /* of them */

typedef struct cairn_fact {
    uint64_t id;
    const char *text;
    int64_t created_ns, changed_ns; /* since 1970 */
} cairn_fact;

cairn_status cairn_fact_add(cairn *c, const char *text, uint64_t *id, cairn_error *err);
/* Oldest first; false from fn stops. The text lives until fn returns. */
cairn_status cairn_fact_list(cairn *c, bool (*fn)(void *ctx, const cairn_fact *fact), void *ctx,
                             cairn_error *err);
cairn_status cairn_fact_edit(cairn *c, uint64_t id, const char *text, cairn_error *err);
cairn_status cairn_fact_delete(cairn *c, uint64_t id, cairn_error *err);

/* ---- saved answers ---------------------------------------------------------------------------- */

typedef enum cairn_saved_state {
    CAIRN_SAVED_HOLDS,   /* every passage cited still stands in its document */
    CAIRN_SAVED_CHANGED, /* a document no longer says what was cited, or an answer about all documents is
                            another now */
    CAIRN_SAVED_GONE     /* a document cited is no longer in the collection */
} cairn_saved_state;

typedef struct cairn_saved {
    uint64_t id;
    int64_t saved_ns, checked_ns; /* since 1970 */
    cairn_saved_state state;
    const char *why;        /* it does not hold, in a sentence; "" when it does */
    cairn_chat_turn answer; /* as it was saved; its n is 0 */
} cairn_saved;

/* A copy of the turn; a conversation that it came from may be deleted. CAIRN_EUSAGE for a refusal, which cites
 * nothing. */
cairn_status cairn_saved_add(cairn *c, const cairn_chat_turn *turn, uint64_t *id, cairn_error *err);
/* Compare the answers with the collection as it is now; one that was compared with this state is not again.
 * *n_failing (may be NULL): how many do not hold. */
cairn_status cairn_saved_check(cairn *c, size_t *n_failing, cairn_error *err);
/* Oldest first, after cairn_saved_check; false from fn stops. The strings live until fn returns. */
cairn_status cairn_saved_list(cairn *c, bool (*fn)(void *ctx, const cairn_saved *saved), void *ctx,
                              cairn_error *err);
cairn_status cairn_saved_delete(cairn *c, uint64_t id, cairn_error *err);

#ifdef __cplusplus
}
#endif
#endif
