/* feedback.h - what a user thought of answers, kept in the collection and nowhere else.
 *
 * It lies in the file that chats.h speaks of, goes with the conversation that the answer belongs to, and is
 * sent to nobody. Exported, what was good is a test set of the user's own. */
#ifndef CAIRN_FEEDBACK_H
#define CAIRN_FEEDBACK_H

#include "engine/chats.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_FEEDBACK_NOTE_MAX 2000 /* bytes */

typedef struct cairn_feedback {
    uint64_t id;
    const char *kind; /* "good", "bad", "copied" (text of it) or "asked-again" (nearly the same question next) */
    const char *note; /* the user's words; "" */
    int64_t made_ns;  /* since 1970 */
    cairn_chat_turn answer;
} cairn_feedback;

/* `answer_id` as cairn_chat_get and cairn_chat_append give it. note may be NULL. "good" and "bad" of one answer
 * replace each other. CAIRN_ENOTFOUND: no such answer; CAIRN_EUSAGE: another kind, or a note that is too long. */
cairn_status cairn_feedback_add(cairn *c, uint64_t answer_id, const char *kind, const char *note,
                                cairn_error *err);
/* Oldest first; kind NULL: all. The strings live until fn returns; false stops. */
cairn_status cairn_feedback_list(cairn *c, const char *kind, bool (*fn)(void *ctx, const cairn_feedback *f),
                                 void *ctx, cairn_error *err);
/* id 0: all of it. */
cairn_status cairn_feedback_delete(cairn *c, uint64_t id, cairn_error *err);
/* JSON lines for cairn_eval_answers: of what was good, the question with the answer as an accepted one and the
 * document that it cites; of what was bad, with `all`, the question with "feedback": "bad" and the answer as
 * "not". *text is for the caller to free(). */
cairn_status cairn_feedback_export(cairn *c, bool all, char **text, size_t *n_lines, cairn_error *err);

#ifdef __cplusplus
}
#endif
#endif
