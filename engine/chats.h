/* chats.h - conversations that a collection keeps: questions, answers and where these stand.
 *
 * A conversation is a list of turns; a turn is a question with the answer that was given and its
 * citations. They lie in the file user.db of the collection's folder, which is the owner's alone
 * (0600), beside the index: a turn is kept while an index run holds the collection, and a handle
 * that is open for reading keeps turns, too.
 *
 *     char id[CAIRN_CHAT_ID];
 *     cairn_chat_create(c, NULL, id, &err);
 *     cairn_chat_ask(c, id, &(cairn_ask_request){.question = "When does the lease end?"}, print,
 *                    NULL, &answer, &err);
 *
 * Owns     cairn_chat_free and free() give results back. Strings handed in are copied.
 * Threads  as cairn.h: one handle, one thread at a time; several handles and processes may keep turns
 *          of one collection at once.
 * Crashes  what a function has returned CAIRN_OK for survives a power cut; a turn is kept whole or not
 *          at all.
 * Errors   CAIRN_ENOTFOUND: no such conversation. CAIRN_EUSAGE: a text is empty, too long or not
 *          UTF-8. CAIRN_ECORRUPT names the file. CAIRN_EBUSY: another process writes for longer than
 *          ten seconds. */
#ifndef CAIRN_CHATS_H
#define CAIRN_CHATS_H

#include "engine/cairn.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_CHAT_ID        17           /* bytes: 16 small hexadecimal digits and a NUL */
#define CAIRN_CHAT_TITLE_MAX 200          /* bytes of a title */
#define CAIRN_QUESTION_MAX   (64u << 10)  /* bytes of a question */
#define CAIRN_ANSWER_MAX     (1u << 20)   /* bytes of an answer, and of one citation's strings */
#define CAIRN_TURNS_MAX      10000        /* turns of one conversation */
#define CAIRN_CITATIONS_MAX  256          /* citations of one answer */

typedef struct cairn_chat {
    const char *id, *title;
    int64_t created_ns, changed_ns; /* since 1970 */
    size_t n_turns;
} cairn_chat;

typedef struct cairn_chat_turn {
    size_t n;         /* from 1; ignored when appended */
    uint64_t answer_id; /* of the stored answer, for feedback; ignored when appended */
    int64_t asked_ns; /* since 1970; 0 when appended: now */
    const char *question, *filter, *text, *model; /* filter and model: NULL is "" */
    bool refused, extractive;
    uint64_t snapshot; /* state of the collection that it was answered from; grows with every commit */
    const cairn_citation *citations;
    size_t n_citations;
} cairn_chat_turn;

typedef struct cairn_conversation {
    cairn_chat chat;
    cairn_chat_turn *turns; /* oldest first */
    void *memory;
} cairn_conversation;

/* Begin a conversation. title NULL or "": the first question will be it. */
cairn_status cairn_chat_create(cairn *c, const char *title, char id[CAIRN_CHAT_ID], cairn_error *err);
/* All of them, the last changed first; false from fn stops. The strings live until fn returns. */
cairn_status cairn_chat_list(cairn *c, bool (*fn)(void *ctx, const cairn_chat *chat), void *ctx,
                             cairn_error *err);
/* A turn that a search found: which conversation, and the beginning of the answer. */
typedef struct cairn_chat_found {
    const char *id, *title; /* of the conversation */
    size_t n;               /* the turn, from 1 */
    int64_t asked_ns;
    const char *question, *text;
} cairn_chat_found;

/* The turns whose question and answer hold all the words (parts of words, too; the case of A to Z does not count; eight words
 * at most, CAIRN_EUSAGE for none or more), the last asked first; false from fn stops. The strings live until fn returns. */
cairn_status cairn_chat_search(cairn *c, const char *words, bool (*fn)(void *ctx, const cairn_chat_found *found), void *ctx,
                               cairn_error *err);
/* `id` whole, or its beginning where only one conversation begins so (CAIRN_EUSAGE for several), or "last":
 * the one changed last. Here and below. */
cairn_status cairn_chat_get(cairn *c, const char *id, cairn_conversation **out, cairn_error *err);
void cairn_chat_free(cairn_conversation *conversation);
/* *n (may be NULL) gets the turn's number, *answer_id (may be NULL) that of its answer. */
cairn_status cairn_chat_append(cairn *c, const char *id, const cairn_chat_turn *turn, size_t *n,
                               uint64_t *answer_id, cairn_error *err);
cairn_status cairn_chat_rename(cairn *c, const char *id, const char *title, cairn_error *err);
/* The conversation with all its turns; the file keeps no trace of their text. */
cairn_status cairn_chat_delete(cairn *c, const char *id, cairn_error *err);

typedef enum cairn_chat_format { CAIRN_CHAT_JSON, CAIRN_CHAT_MARKDOWN } cairn_chat_format;

/* The conversation as a text for the caller to free(); *len (may be NULL) is its length. */
cairn_status cairn_chat_export(cairn *c, const char *id, cairn_chat_format format, char **out, size_t *len,
                               cairn_error *err);

/* cairn_ask with what was said in the conversation before (as much of it as [ask] history_tokens holds, the
 * rest in short) and the facts of memory.h, and the turn appended. request->history and facts must be empty. An answer that was cancelled is not appended. */
cairn_status cairn_chat_ask(cairn *c, const char *id, const cairn_ask_request *request,
                            cairn_stream_fn *stream, void *stream_ctx, cairn_answer **out,
                            cairn_error *err);

#ifdef __cplusplus
}
#endif
#endif
