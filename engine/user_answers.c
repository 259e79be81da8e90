/* user_answers.c - answers and their citations in user.db: checked, put, read. */
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/user_data.h"

cairn_status user_text_check(const char *what, const char *text, size_t least, size_t most,
                             cairn_error *err)
{
    size_t len = text ? strnlen(text, most + 1) : 0;

    if (len < least)
        return cairn_fail(err, CAIRN_EUSAGE, "no %s", what);
    if (len > most)
        return cairn_fail(err, CAIRN_EUSAGE, "the %s is longer than %zu bytes", what, most);
    if (len && !utf8_valid(text, len))
        return cairn_fail(err, CAIRN_EUSAGE, "the %s is not valid UTF-8", what);
    return CAIRN_OK;
}

/* A name as the file system has it: of any bytes. */
static cairn_status check_name(const char *what, const char *text, cairn_error *err)
{
    if (text && strnlen(text, CAIRN_ANSWER_MAX + 1) > CAIRN_ANSWER_MAX)
        return cairn_fail(err, CAIRN_EUSAGE, "a citation's %s is longer than %u bytes", what,
                          CAIRN_ANSWER_MAX);
    return CAIRN_OK;
}

cairn_status user_answer_check(const cairn_chat_turn *turn, cairn_error *err)
{
    cairn_status st = user_text_check("question", turn->question, 1, CAIRN_QUESTION_MAX, err);

    if (!st)
        st = user_text_check("answer", turn->text, 1, CAIRN_ANSWER_MAX, err);
    if (!st)
        st = user_text_check("filter", turn->filter, 0, CAIRN_QUESTION_MAX, err);
    if (!st)
        st = user_text_check("name of the model", turn->model, 0, CAIRN_QUESTION_MAX, err);
    if (!st && turn->n_citations > CAIRN_CITATIONS_MAX)
        st = cairn_fail(err, CAIRN_EUSAGE, "more than %d citations", CAIRN_CITATIONS_MAX);
    for (size_t i = 0; !st && i < turn->n_citations; i++) {
        const cairn_citation *x = &turn->citations[i];
        st = check_name("address", x->uri, err);
        if (!st)
            st = check_name("title", x->title, err);
        if (!st)
            st = check_name("text", x->text, err);
        if (!st)
            st = check_name("page", x->page_label, err);
    }
    return st;
}

static cairn_status put_source(sqlite3 *db, int64_t answer, size_t i, const cairn_citation *x,
                               cairn_error *err)
{
    return user_data_do(db, err, "INSERT INTO source VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", "iiiiisssiiiis", answer,
                        (int64_t)i, (int64_t)x->n, (int64_t)x->doc, (int64_t)x->chunk,
                        x->uri ? x->uri : "", x->title ? x->title : "", x->text ? x->text : "",
                        (int64_t)x->page, (int64_t)x->start, (int64_t)x->end, (int64_t)x->supported,
                        x->page_label ? x->page_label : "");
}

cairn_status user_answer_put(sqlite3 *db, const cairn_chat_turn *t, int64_t *id, cairn_error *err)
{
    cairn_status st = user_data_do(
        db, err,
        "INSERT INTO answer (question, filter, text, model, refused, extractive, snapshot, made)"
        " VALUES (?,?,?,?,?,?,?,?)",
        "ssssiiii", t->question, t->filter ? t->filter : "", t->text, t->model ? t->model : "",
        (int64_t)t->refused, (int64_t)t->extractive, (int64_t)t->snapshot,
        t->asked_ns ? t->asked_ns : clock_wall_ns());

    if (!st)
        *id = sqlite3_last_insert_rowid(db);
    for (size_t i = 0; !st && i < t->n_citations; i++)
        st = put_source(db, *id, i, &t->citations[i], err);
    return st;
}

cairn_status user_answer_citations(sqlite3 *db, int64_t id, arena *memory, cairn_chat_turn *out,
                                   cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    cairn_citation *list = arena_calloc(memory, CAIRN_CITATIONS_MAX, sizeof *list);
    size_t n = 0;
    bool row = false;
    cairn_status st;

    if (!list)
        return cairn_fail(err, CAIRN_ENOMEM, "citations");
    st = user_data_prepare(db, &s, err,
                           "SELECT n, doc, chunk, uri, title, text, page, start, end, supported, page_label"
                           " FROM source"
                           " WHERE answer = ? ORDER BY i",
                           "i", id);
    while (!st && !(st = user_data_step(s, &row, err)) && row && n < CAIRN_CITATIONS_MAX) {
        cairn_citation *x = &list[n++];
        *x = (cairn_citation){.n = (size_t)sqlite3_column_int64(s, 0),
                              .doc = (uint64_t)sqlite3_column_int64(s, 1),
                              .chunk = (uint64_t)sqlite3_column_int64(s, 2),
                              .uri = user_data_text(s, 3, memory),
                              .title = user_data_text(s, 4, memory),
                              .text = user_data_text(s, 5, memory),
                              .page = (uint32_t)sqlite3_column_int64(s, 6),
                              .start = (uint64_t)sqlite3_column_int64(s, 7),
                              .end = (uint64_t)sqlite3_column_int64(s, 8),
                              .supported = sqlite3_column_int(s, 9) != 0};
        x->page_label = user_data_text(s, 10, memory);
        if (!x->uri || !x->title || !x->text || !x->page_label)
            st = cairn_fail(err, CAIRN_ENOMEM, "citations");
        else if (!*x->page_label)
            x->page_label = NULL;
    }
    sqlite3_finalize(s);
    out->citations = list;
    out->n_citations = n;
    return st;
}

cairn_status user_answer_read(sqlite3 *db, sqlite3_stmt *s, int at, arena *memory, cairn_chat_turn *out,
                              cairn_error *err)
{
    *out = (cairn_chat_turn){.answer_id = (uint64_t)sqlite3_column_int64(s, at),
                             .asked_ns = sqlite3_column_int64(s, at + 1),
                             .question = user_data_text(s, at + 2, memory),
                             .filter = user_data_text(s, at + 3, memory),
                             .text = user_data_text(s, at + 4, memory),
                             .model = user_data_text(s, at + 5, memory),
                             .refused = sqlite3_column_int(s, at + 6) != 0,
                             .extractive = sqlite3_column_int(s, at + 7) != 0,
                             .snapshot = (uint64_t)sqlite3_column_int64(s, at + 8)};
    if (!out->question || !out->filter || !out->text || !out->model)
        return cairn_fail(err, CAIRN_ENOMEM, "answer");
    return user_answer_citations(db, (int64_t)out->answer_id, memory, out, err);
}
