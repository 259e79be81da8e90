/* user_data.h - the SQLite file user.db of a collection: what its owner said and kept.
 *
 * Why not the store: its writer lock is held by an index run for as long as the run takes, and a turn of a
 * chat must be kept meanwhile. What is here cannot be made again from documents; what is in the store
 * mostly can.
 *
 * The schema grows by steps (user_data.c); PRAGMA user_version counts those a file has been through, and
 * a file that has been through more than this program knows is CAIRN_EUNSUPPORTED. Rollback journal,
 * synced before a commit returns, deleted text overwritten (secure_delete).
 *
 * Threads  a connection belongs to its handle: one thread at a time. */
#ifndef CAIRN_ENGINE_USER_DATA_H
#define CAIRN_ENGINE_USER_DATA_H

#include <sqlite3.h>

#include "engine/chats.h"
#include "engine/engine.h"

/* Open it, or give what this handle has opened. `create` false: CAIRN_ENOTFOUND where there is none yet. */
cairn_status user_data_open(cairn *c, bool create, sqlite3 **out, cairn_error *err);
void user_data_close(cairn *c);

/* Turn an outcome of SQLite on this connection into a status: CAIRN_OK for OK, ROW and DONE. */
cairn_status user_data_status(sqlite3 *db, int rc, cairn_error *err);
/* Run statements without parameters. */
cairn_status user_data_run(sqlite3 *db, const char *sql, cairn_error *err);
/* Prepare a statement and bind values by a format: 's' const char * (NULL: SQL's NULL), 'i' int64_t. The
 * texts must live until it is finalised (sqlite3_finalize). */
cairn_status user_data_prepare(sqlite3 *db, sqlite3_stmt **out, cairn_error *err, const char *sql,
                               const char *format, ...);
/* Step; *row says whether there is one. */
cairn_status user_data_step(sqlite3_stmt *s, bool *row, cairn_error *err);
/* The three in one, for statements without rows. */
cairn_status user_data_do(sqlite3 *db, cairn_error *err, const char *sql, const char *format, ...);

cairn_status user_data_begin(sqlite3 *db, cairn_error *err); /* as the writer, at once */
/* Commit where st is CAIRN_OK, else roll back; returns st or what committing said. */
cairn_status user_data_end(sqlite3 *db, cairn_status st, cairn_error *err);

/* A column's text in the arena, "" for NULL; NULL without memory. */
const char *user_data_text(sqlite3_stmt *s, int column, arena *memory);

/* ---- feedback.c ---- */

/* Note it where a question is nearly the one before: its answer was not what was wanted. */
cairn_status user_note_repeat(cairn *c, const cairn_chat_turn *before, const char *question, cairn_error *err);

/* ---- answers, which conversations and other things refer to (user_answers.c) ---- */

/* Refuse what is not UTF-8, empty where it must not be, or longer than the bounds of chats.h. */
cairn_status user_answer_check(const cairn_chat_turn *turn, cairn_error *err);
/* Store an answer with its citations, in an open transaction. */
cairn_status user_answer_put(sqlite3 *db, const cairn_chat_turn *turn, int64_t *id, cairn_error *err);
/* The columns that user_answer_read reads, of a query over "answer". */
#define USER_ANSWER_COLUMNS                                                                        \
    "answer.id, answer.made, question, filter, answer.text, model, refused, extractive, answer.snapshot"
/* An answer from these columns, which begin at `column`, and its citations, in the arena. */
cairn_status user_answer_read(sqlite3 *db, sqlite3_stmt *s, int column, arena *memory,
                              cairn_chat_turn *out, cairn_error *err);
/* CAIRN_EUSAGE, with `what` named, for a text that is empty where `least` is 1, longer than `most` bytes or not
 * UTF-8. */
cairn_status user_text_check(const char *what, const char *text, size_t least, size_t most,
                             cairn_error *err);
/* The answer's citations, in the arena. */
cairn_status user_answer_citations(sqlite3 *db, int64_t id, arena *memory, cairn_chat_turn *out,
                                   cairn_error *err);

#endif
