/* memory_saved.c - saved answers, and whether their sources still say what was cited.
 *
 * A citation holds while the text cited stands in its document, wherever there (blanks and line breaks do not
 * count: another version of a format may break lines elsewhere). An answer about all documents is counted
 * again. What held is not said to hold for good: each state of the collection is looked at once. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/ask.h"
#include "engine/memory.h"
#include "engine/user_data.h"
#include "engine/view.h"

#define SAVED_BYTES ((size_t)1 << 30)

cairn_status cairn_saved_add(cairn *c, const cairn_chat_turn *turn, uint64_t *id, cairn_error *err)
{
    int64_t now = clock_wall_ns(), answer;
    sqlite3 *db;
    cairn_status st = user_answer_check(turn, err);

    if (!st && turn->refused)
        st = cairn_fail(err, CAIRN_EUSAGE, "a refusal cites nothing that could be checked later: it is not saved");
    if (!st)
        st = user_data_open(c, true, &db, err);
    if (!st)
        st = user_data_begin(db, err);
    if (st)
        return st;
    st = user_answer_put(db, turn, &answer, err);
    if (!st)
        st = user_data_do(db, err,
                          "INSERT INTO saved (answer, saved, checked, snapshot, state, why) VALUES (?,?,?,?,0,'')",
                          "iiii", answer, now, now, (int64_t)turn->snapshot);
    if (!st && id)
        *id = (uint64_t)sqlite3_last_insert_rowid(db);
    return user_data_end(db, st, err);
}

/* ---- checking ---- */

/* Text with every run of blanks as one, in the arena. */
static char *squeezed(const char *text, size_t len, arena *memory)
{
    char *out = arena_alloc(memory, len + 1);
    size_t n = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        bool blank = strchr(" \t\r\n\f\v", text[i]) && text[i];
        if (!blank)
            out[n++] = text[i];
        else if (n && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return out;
}

/* Whether the document still says it; *state and *why where not. */
static cairn_status check_citation(const view *v, const cairn_citation *x, arena *memory,
                                   cairn_saved_state *state, const char **why, cairn_error *err)
{
    store_doc doc;
    bytes text;
    const char *now, *then;
    cairn_status st = store_doc_find(v->snapshot, x->uri, &doc, memory, err);

    if (st == CAIRN_ENOTFOUND) {
        *state = CAIRN_SAVED_GONE;
        *why = arena_printf(memory, "no longer in the collection: %s", x->uri);
        return *why ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "saved answer");
    }
    if (st)
        return st;
    bytes_init(&text, SAVED_BYTES);
    st = engine_document_text(v->snapshot, &doc, &text, memory, err);
    now = st ? NULL : squeezed(text.data ? text.data : "", text.len, memory);
    then = squeezed(x->text, strlen(x->text), memory);
    bytes_clear(&text);
    if (!st && (!now || !then))
        st = cairn_fail(err, CAIRN_ENOMEM, "saved answer");
    if (st || strstr(now, then))
        return st;
    *state = CAIRN_SAVED_CHANGED;
    *why = arena_printf(memory, "%s no longer says: %s", x->uri, then);
    return *why ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "saved answer");
}

/* An answer that every match was read for: is it the same now? No model takes part. */
static cairn_status check_count(cairn *c, const cairn_chat_turn *t, arena *memory, cairn_saved_state *state,
                                const char **why, cairn_error *err)
{
    cairn_ask_request q = {.question = t->question, .filter = *t->filter ? t->filter : NULL, .extractive = true};
    cairn_answer *now;
    cairn_status st = cairn_ask(c, &q, NULL, NULL, &now, err);

    if (st)
        return st;
    if (strcmp(now->text, t->text)) {
        *state = CAIRN_SAVED_CHANGED;
        *why = arena_printf(memory, "now: %s", now->text);
        if (!*why)
            st = cairn_fail(err, CAIRN_ENOMEM, "saved answer");
    }
    cairn_answer_free(now);
    return st;
}

static cairn_status check_one(cairn *c, const view *v, const cairn_chat_turn *t, arena *memory,
                              cairn_saved_state *state, const char **why, cairn_error *err)
{
    exhaustive every;
    cairn_status st = CAIRN_OK;

    *state = CAIRN_SAVED_HOLDS;
    *why = "";
    if (exhaustive_parse(t->question, strlen(t->question), &every))
        return check_count(c, t, memory, state, why, err);
    for (size_t i = 0; !st && *state == CAIRN_SAVED_HOLDS && i < t->n_citations; i++)
        st = check_citation(v, &t->citations[i], memory, state, why, err);
    return st;
}

/* The saved answers not yet compared with this state. */
static cairn_status due(sqlite3 *db, int64_t snapshot, int64_t *after, cairn_chat_turn *out, bool *any,
                        arena *memory, cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    cairn_status st = user_data_prepare(db, &s, err,
                                        "SELECT saved.id, " USER_ANSWER_COLUMNS
                                        " FROM saved JOIN answer ON answer.id = saved.answer"
                                        " WHERE saved.id > ? AND saved.snapshot <> ? ORDER BY saved.id LIMIT 1",
                                        "ii", *after, snapshot);

    *any = false;
    if (!st)
        st = user_data_step(s, any, err);
    if (!st && *any) {
        *after = sqlite3_column_int64(s, 0);
        st = user_answer_read(db, s, 1, memory, out, err);
    }
    sqlite3_finalize(s);
    return st;
}

static cairn_status count_failing(sqlite3 *db, size_t *out, cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    cairn_status st = user_data_prepare(db, &s, err, "SELECT count(*) FROM saved WHERE state <> 0", "");

    if (!st)
        st = user_data_step(s, &row, err);
    if (!st && row)
        *out = (size_t)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return st;
}

static cairn_status check_all(cairn *c, sqlite3 *db, const view *v, cairn_error *err)
{
    int64_t snapshot = (int64_t)store_snapshot_version(v->snapshot), at = 0;
    bool any = true;
    arena memory;
    cairn_status st = CAIRN_OK;

    arena_init(&memory, SAVED_BYTES);
    while (!st && any) {
        cairn_saved_state state;
        cairn_chat_turn t;
        const char *why;
        arena_reset(&memory);
        st = due(db, snapshot, &at, &t, &any, &memory, err);
        if (st || !any)
            break;
        st = check_one(c, v, &t, &memory, &state, &why, err);
        if (!st)
            st = user_data_do(db, err,
                              "UPDATE saved SET checked = ?, snapshot = ?, state = ?, why = ? WHERE id = ?",
                              "iiisi", clock_wall_ns(), snapshot, (int64_t)state, why, at);
    }
    arena_clear(&memory);
    return st;
}

cairn_status cairn_saved_check(cairn *c, size_t *n_failing, cairn_error *err)
{
    sqlite3 *db;
    view v;
    cairn_status st = user_data_open(c, false, &db, err);

    if (n_failing)
        *n_failing = 0;
    if (st)
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    st = view_open(c, &v, err);
    if (st)
        return st;
    st = check_all(c, db, &v, err);
    view_close(&v);
    if (!st && n_failing)
        st = count_failing(db, n_failing, err);
    return st;
}

cairn_status cairn_saved_list(cairn *c, bool (*fn)(void *ctx, const cairn_saved *saved), void *ctx,
                              cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db;
    arena memory;
    bool row = true;
    cairn_status st = user_data_open(c, false, &db, err);

    if (st)
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    st = cairn_saved_check(c, NULL, err);
    arena_init(&memory, SAVED_BYTES);
    if (!st)
        st = user_data_prepare(db, &s, err,
                               "SELECT saved.id, saved, checked, state, why, " USER_ANSWER_COLUMNS
                               " FROM saved JOIN answer ON answer.id = saved.answer ORDER BY saved.id",
                               "");
    while (!st && !(st = user_data_step(s, &row, err)) && row) {
        cairn_saved x;
        arena_reset(&memory);
        x = (cairn_saved){.id = (uint64_t)sqlite3_column_int64(s, 0),
                          .saved_ns = sqlite3_column_int64(s, 1),
                          .checked_ns = sqlite3_column_int64(s, 2),
                          .state = (cairn_saved_state)sqlite3_column_int(s, 3),
                          .why = user_data_text(s, 4, &memory)};
        st = x.why ? user_answer_read(db, s, 5, &memory, &x.answer, err)
                   : cairn_fail(err, CAIRN_ENOMEM, "saved answer");
        if (!st && !fn(ctx, &x))
            break;
    }
    sqlite3_finalize(s);
    arena_clear(&memory);
    return st;
}

cairn_status cairn_saved_delete(cairn *c, uint64_t id, cairn_error *err)
{
    sqlite3 *db;
    cairn_status st = user_data_open(c, false, &db, err);

    if (!st)
        st = user_data_do(db, err, "DELETE FROM answer WHERE id = (SELECT answer FROM saved WHERE id = ?)", "i",
                          (int64_t)id);
    if (st == CAIRN_ENOTFOUND || (!st && !sqlite3_changes(db)))
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no saved answer %llu; cairn saved list shows them",
                          (unsigned long long)id);
    return st;
}
