/* user_data.c - see user_data.h. */
#include "engine/user_data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS     10000
#define VALUE_BYTES (4 << 20) /* of any one value in the file: what is longer is damage */

/* Step i brings a file from user_version i to i + 1. A step that has been released is never changed. */
static const char *const steps[] = {
    /* 1: answers and where they stand, conversations of them */
    "CREATE TABLE answer (id INTEGER PRIMARY KEY AUTOINCREMENT, question TEXT NOT NULL, filter TEXT NOT NULL,"
    " text TEXT NOT NULL, model TEXT NOT NULL, refused INTEGER NOT NULL, extractive INTEGER NOT NULL,"
    " snapshot INTEGER NOT NULL, made INTEGER NOT NULL);"
    "CREATE TABLE source (answer INTEGER NOT NULL REFERENCES answer(id) ON DELETE CASCADE, i INTEGER NOT NULL,"
    " n INTEGER NOT NULL, doc INTEGER NOT NULL, chunk INTEGER NOT NULL, uri TEXT NOT NULL, title TEXT NOT NULL,"
    " text TEXT NOT NULL, page INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,"
    " supported INTEGER NOT NULL, PRIMARY KEY (answer, i)) WITHOUT ROWID;"
    "CREATE TABLE chat (id TEXT PRIMARY KEY, title TEXT NOT NULL, created INTEGER NOT NULL,"
    " changed INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX chat_changed ON chat (changed);"
    "CREATE TABLE turn (chat TEXT NOT NULL REFERENCES chat(id) ON DELETE CASCADE, n INTEGER NOT NULL,"
    " answer INTEGER NOT NULL REFERENCES answer(id) ON DELETE CASCADE, PRIMARY KEY (chat, n)) WITHOUT ROWID;"
    "CREATE INDEX turn_answer ON turn (answer);",
    /* 2: facts; saved answers and the files that they cite; what a user thought of an answer */
    "CREATE TABLE fact (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, created INTEGER NOT NULL,"
    " changed INTEGER NOT NULL);"
    "CREATE TABLE saved (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " answer INTEGER NOT NULL REFERENCES answer(id) ON DELETE CASCADE, saved INTEGER NOT NULL,"
    " checked INTEGER NOT NULL, snapshot INTEGER NOT NULL, state INTEGER NOT NULL, why TEXT NOT NULL);"
    "CREATE INDEX saved_answer ON saved (answer);"
    "CREATE TABLE feedback (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " answer INTEGER NOT NULL REFERENCES answer(id) ON DELETE CASCADE, kind TEXT NOT NULL, note TEXT NOT NULL,"
    " made INTEGER NOT NULL);"
    "CREATE INDEX feedback_answer ON feedback (answer);",
    /* 3: answers of the generator to give again (ask_cache.c) */
    "CREATE TABLE cached (scope TEXT NOT NULL, asked TEXT NOT NULL,"
    " answer INTEGER NOT NULL REFERENCES answer(id) ON DELETE CASCADE, prompt_tokens INTEGER NOT NULL,"
    " completion_tokens INTEGER NOT NULL, vector BLOB, PRIMARY KEY (scope, asked));"
    "CREATE INDEX cached_answer ON cached (answer);",
    /* 4: what was sent to an endpoint (gateway.c) */
    "CREATE TABLE sent (id INTEGER PRIMARY KEY AUTOINCREMENT, made INTEGER NOT NULL, url TEXT NOT NULL,"
    " model TEXT NOT NULL, ms INTEGER NOT NULL, tokens INTEGER NOT NULL, outcome TEXT NOT NULL);"
    "CREATE INDEX sent_made ON sent (made);",
    /* 5: what a document calls the page that is cited; '': by its number */
    "ALTER TABLE source ADD COLUMN page_label TEXT NOT NULL DEFAULT '';",
    /* 6: what a model of entailment said of an answer's sentences, as JSON; '': none was asked, or it was not kept */
    "ALTER TABLE cached ADD COLUMN entailed TEXT NOT NULL DEFAULT '';",
};

#define N_STEPS (sizeof steps / sizeof *steps)

cairn_status user_data_status(sqlite3 *db, int rc, cairn_error *err)
{
    const char *file = sqlite3_db_filename(db, "main");

    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return CAIRN_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return cairn_fail(err, CAIRN_EBUSY, "another process writes %s; try again", file);
    case SQLITE_NOMEM:
        return cairn_fail(err, CAIRN_ENOMEM, "%s", file);
    case SQLITE_FULL:
        return cairn_fail(err, CAIRN_EFULL, "%s: the disk is full: make room and do it again, nothing is lost", file);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "%s is damaged (%s): move it away to begin a new one; conversations that are "
                          "in it are lost, documents and their index are not touched",
                          file, sqlite3_errmsg(db));
    case SQLITE_TOOBIG:
        return cairn_fail(err, CAIRN_ELIMIT, "%s: a text is too long", file);
    case SQLITE_READONLY:
        return cairn_fail(err, CAIRN_EIO, "%s cannot be written", file);
    default:
        return cairn_fail(err, CAIRN_EIO, "%s: %s", file, sqlite3_errmsg(db));
    }
}

cairn_status user_data_run(sqlite3 *db, const char *sql, cairn_error *err)
{
    return user_data_status(db, sqlite3_exec(db, sql, NULL, NULL, NULL), err);
}

static cairn_status prepare(sqlite3 *db, sqlite3_stmt **out, cairn_error *err, const char *sql,
                            const char *format, va_list args)
{
    int rc = sqlite3_prepare_v2(db, sql, -1, out, NULL);

    for (int i = 0; rc == SQLITE_OK && format[i]; i++) {
        if (format[i] == 's')
            rc = sqlite3_bind_text(*out, i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
        else
            rc = sqlite3_bind_int64(*out, i + 1, va_arg(args, int64_t));
    }
    if (rc != SQLITE_OK) {
        cairn_status st = user_data_status(db, rc, err);
        sqlite3_finalize(*out);
        *out = NULL;
        return st;
    }
    return CAIRN_OK;
}

cairn_status user_data_prepare(sqlite3 *db, sqlite3_stmt **out, cairn_error *err, const char *sql,
                               const char *format, ...)
{
    va_list args;
    cairn_status st;

    va_start(args, format);
    st = prepare(db, out, err, sql, format, args);
    va_end(args);
    return st;
}

cairn_status user_data_step(sqlite3_stmt *s, bool *row, cairn_error *err)
{
    int rc = sqlite3_step(s);

    *row = rc == SQLITE_ROW;
    return user_data_status(sqlite3_db_handle(s), rc, err);
}

cairn_status user_data_do(sqlite3 *db, cairn_error *err, const char *sql, const char *format, ...)
{
    sqlite3_stmt *s = NULL;
    va_list args;
    cairn_status st;
    bool row = true;

    va_start(args, format);
    st = prepare(db, &s, err, sql, format, args);
    va_end(args);
    while (!st && row)
        st = user_data_step(s, &row, err);
    sqlite3_finalize(s);
    return st;
}

cairn_status user_data_begin(sqlite3 *db, cairn_error *err)
{
    return user_data_run(db, "BEGIN IMMEDIATE", err);
}

cairn_status user_data_end(sqlite3 *db, cairn_status st, cairn_error *err)
{
    if (!st)
        st = user_data_run(db, "COMMIT", err);
    if (st && !sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return st;
}

const char *user_data_text(sqlite3_stmt *s, int column, arena *memory)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    return text ? arena_strndup(memory, text, (size_t)sqlite3_column_bytes(s, column)) : "";
}

/* ---- opening ---- */

static cairn_status version_of(sqlite3 *db, size_t *out, cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    cairn_status st = user_data_prepare(db, &s, err, "PRAGMA user_version", "");

    if (!st)
        st = user_data_step(s, &row, err);
    *out = row && sqlite3_column_int64(s, 0) > 0 ? (size_t)sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return st;
}

/* Through the steps that this file has not been through, all or none. */
static cairn_status bring_up(sqlite3 *db, cairn_error *err)
{
    char sql[64];
    size_t version;
    cairn_status st = version_of(db, &version, err);

    if (st || version == N_STEPS)
        return st;
    st = user_data_begin(db, err);
    if (st)
        return st;
    st = version_of(db, &version, err); /* another process may have been faster */
    if (!st && version > N_STEPS)
        st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                        "%s was written by a newer version of this program (format %zu, known here: %zu): "
                        "use that version",
                        sqlite3_db_filename(db, "main"), version, N_STEPS);
    for (; !st && version < N_STEPS; version++)
        st = user_data_run(db, steps[version], err);
    snprintf(sql, sizeof sql, "PRAGMA user_version = %zu", N_STEPS);
    if (!st)
        st = user_data_run(db, sql, err);
    return user_data_end(db, st, err);
}

/* Make the file itself, so that it is never anybody else's, not even for a moment. SQLite gives the
 * journal the same mode. */
static cairn_status make_file(const char *path, bool create, cairn_error *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
    struct stat st;
    cairn_status bad = CAIRN_OK;

    if (fd < 0 && errno == ENOENT && !create)
        return CAIRN_ENOTFOUND;
    if (fd < 0)
        return cairn_fail_errno(err, errno, "open %s", path);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        bad = cairn_fail(err, CAIRN_EIO, "%s is no file", path);
    else if ((st.st_mode & 077) && fchmod(fd, 0600))
        bad = cairn_fail_errno(err, errno, "%s can be read by others", path);
    close(fd);
    return bad;
}

cairn_status user_data_open(cairn *c, bool create, sqlite3 **out, cairn_error *err)
{
    static const char pragmas[] = "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                                  "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;"
                                  "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                                  "PRAGMA temp_store = MEMORY;";
    char *path = NULL;
    sqlite3 *db = NULL;
    cairn_status st;

    *out = c->user_data;
    if (c->user_data)
        return CAIRN_OK;
    st = engine_need_whole(c, err); /* conversations cite what others may read */
    if (st)
        return st;
    if (asprintf(&path, "%s/user.db", c->dir) < 0)
        return cairn_fail(err, CAIRN_ENOMEM, "user.db");
    st = make_file(path, create, err);
    if (!st) {
        int rc = sqlite3_open_v2(path, &db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
        if (!db)
            st = cairn_fail(err, CAIRN_ENOMEM, "%s", path);
        else
            st = user_data_status(db, rc, err);
    }
    if (!st) {
        sqlite3_busy_timeout(db, BUSY_MS);
        sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES);
        sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        st = user_data_run(db, pragmas, err);
    }
    if (!st)
        st = bring_up(db, err);
    free(path);
    if (st) {
        sqlite3_close(db);
        return st;
    }
    *out = c->user_data = db;
    return CAIRN_OK;
}

void user_data_close(cairn *c)
{
    sqlite3_close(c->user_data);
    c->user_data = NULL;
}
