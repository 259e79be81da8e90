/* feedback.c - see feedback.h. */
#include "engine/feedback.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/json_text.h"
#include "engine/user_data.h"
#include "retrieve/cite.h"
#include "retrieve/terms.h"

#define FEEDBACK_BYTES ((size_t)1 << 30)

static bool known_kind(const char *kind)
{
    static const char *const kinds[] = {"good", "bad", "copied", "asked-again"};

    for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i], kind))
            return true;
    return false;
}

static cairn_status no_answer(uint64_t id, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOTFOUND, "there is no answer %llu", (unsigned long long)id);
}

static cairn_status put(sqlite3 *db, uint64_t answer, const char *kind, const char *note, cairn_error *err)
{
    bool judged = !strcmp(kind, "good") || !strcmp(kind, "bad");
    cairn_status st = CAIRN_OK;

    if (judged)
        st = user_data_do(db, err, "DELETE FROM feedback WHERE answer = ? AND kind IN ('good', 'bad')", "i",
                          (int64_t)answer);
    if (!st)
        st = user_data_do(db, err,
                          "INSERT INTO feedback (answer, kind, note, made) SELECT id, ?, ?, ? FROM answer"
                          " WHERE id = ?",
                          "ssii", kind, note ? note : "", clock_wall_ns(), (int64_t)answer);
    return !st && !sqlite3_changes(db) ? no_answer(answer, err) : st;
}

cairn_status cairn_feedback_add(cairn *c, uint64_t answer_id, const char *kind, const char *note,
                                cairn_error *err)
{
    sqlite3 *db;
    cairn_status st = user_text_check("note", note, 0, CAIRN_FEEDBACK_NOTE_MAX, err);

    if (!st && !known_kind(kind))
        st = cairn_fail(err, CAIRN_EUSAGE, "feedback is good, bad, copied or asked-again, not \"%s\"",
                        kind ? kind : "");
    if (st)
        return st;
    st = user_data_open(c, false, &db, err);
    if (st)
        return st == CAIRN_ENOTFOUND ? no_answer(answer_id, err) : st;
    st = user_data_begin(db, err);
    return st ? st : user_data_end(db, put(db, answer_id, kind, note, err), err);
}

cairn_status cairn_feedback_list(cairn *c, const char *kind, bool (*fn)(void *ctx, const cairn_feedback *f),
                                 void *ctx, cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db;
    arena memory;
    bool row = true;
    cairn_status st = user_data_open(c, false, &db, err);

    if (st)
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    arena_init(&memory, FEEDBACK_BYTES);
    st = user_data_prepare(db, &s, err,
                           "SELECT feedback.id, kind, note, feedback.made, " USER_ANSWER_COLUMNS
                           " FROM feedback JOIN answer ON answer.id = feedback.answer"
                           " WHERE ?1 IS NULL OR kind = ?1 ORDER BY feedback.id",
                           "s", kind);
    while (!st && !(st = user_data_step(s, &row, err)) && row) {
        cairn_feedback f;
        arena_reset(&memory);
        f = (cairn_feedback){.id = (uint64_t)sqlite3_column_int64(s, 0),
                             .kind = user_data_text(s, 1, &memory),
                             .note = user_data_text(s, 2, &memory),
                             .made_ns = sqlite3_column_int64(s, 3)};
        st = f.kind && f.note ? user_answer_read(db, s, 4, &memory, &f.answer, err)
                              : cairn_fail(err, CAIRN_ENOMEM, "feedback");
        if (!st && !fn(ctx, &f))
            break;
    }
    sqlite3_finalize(s);
    arena_clear(&memory);
    return st;
}

cairn_status cairn_feedback_delete(cairn *c, uint64_t id, cairn_error *err)
{
    sqlite3 *db;
    cairn_status st = user_data_open(c, false, &db, err);

    if (!st && !id)
        return user_data_run(db, "DELETE FROM feedback", err);
    if (!st)
        st = user_data_do(db, err, "DELETE FROM feedback WHERE id = ?", "i", (int64_t)id);
    if (!st && sqlite3_changes(db))
        return CAIRN_OK;
    if (st == CAIRN_ENOTFOUND && !id)
        return CAIRN_OK;
    if (!st || st == CAIRN_ENOTFOUND)
        return cairn_fail(err, CAIRN_ENOTFOUND, "there is no feedback %llu; cairn feedback lists it",
                          (unsigned long long)id);
    return st;
}

/* ---- asked again ---- */

#define AGAIN_SHARE 0.8 /* of the words of both */
#define AGAIN_WORDS 2   /* in common, at least */

cairn_status user_note_repeat(cairn *c, const cairn_chat_turn *before, const char *question, cairn_error *err)
{
    const char *texts[2] = {before->question, question};
    term_list words[2] = {{0}};
    size_t common = 0, all;
    analyzer *an;
    cairn_status st = engine_analyzer(c, &an, err);

    for (int i = 0; !st && i < 2; i++) {
        size_t len = strlen(texts[i]);
        st = terms_read(an, terms_language(NULL, NULL, texts[i], len), texts[i], len, &words[i], err);
        if (!st)
            terms_distinct(&words[i]);
    }
    for (size_t i = 0; !st && i < words[0].n; i++)
        common += terms_have(words[1].at, words[1].n, words[0].at[i].key);
    all = words[0].n + words[1].n - common;
    term_list_clear(&words[0]);
    term_list_clear(&words[1]);
    if (!st && common >= AGAIN_WORDS && (double)common >= AGAIN_SHARE * (double)all)
        st = cairn_feedback_add(c, before->answer_id, "asked-again", strlen(question) <= CAIRN_FEEDBACK_NOTE_MAX ? question : "", err);
    return st;
}

/* ---- export ---- */

#define EXPORTED_TURNS 4 /* of what was said before a question */

typedef struct exporting {
    cairn *c;
    bool all;
    bytes out;
    size_t n;
    cairn_status st;
} exporting;

/* The answer without the numbers of its citations. */
static json_t *plain(const char *answer)
{
    json_t *j = NULL;
    char *text;
    arena a;

    arena_init(&a, FEEDBACK_BYTES);
    if (!cite_strip_markers(answer, strlen(answer), &a, &text, NULL)) {
        size_t n = strlen(text);
        while (n && strchr(" \n", text[n - 1]))
            text[--n] = '\0';
        j = json_str(text);
    }
    arena_clear(&a);
    return j;
}

/* What was said before the question, the last turns first to last; *out NULL: nothing was. A question such as "and how much is that?" is
 * none without it. */
static cairn_status said_before(cairn *c, uint64_t answer, json_t **out, cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db;
    bool row = true;
    json_t *list = json_array();
    cairn_status st = list ? user_data_open(c, false, &db, err) : cairn_fail(err, CAIRN_ENOMEM, "feedback");

    *out = NULL;
    if (!st)
        st = user_data_prepare(db, &s, err,
                               "SELECT said.question, said.text FROM turn AS here JOIN turn AS before ON before.chat = here.chat AND before.n < here.n"
                               " JOIN answer AS said ON said.id = before.answer WHERE here.answer = ? ORDER BY before.n DESC LIMIT ?",
                               "ii", (int64_t)answer, (int64_t)EXPORTED_TURNS);
    while (!st && !(st = user_data_step(s, &row, err)) && row) {
        json_t *question = json_pack("{s:s,s:s}", "role", "user", "content", (const char *)sqlite3_column_text(s, 0)),
               *text = json_pack("{s:s,s:s}", "role", "assistant", "content", (const char *)sqlite3_column_text(s, 1));
        if (!question || !text || json_array_insert(list, 0, text) || json_array_insert(list, 0, question))
            st = cairn_fail(err, CAIRN_ENOMEM, "feedback");
        json_decref(question);
        json_decref(text);
    }
    sqlite3_finalize(s);
    if (!st && json_array_size(list))
        *out = json_incref(list);
    json_decref(list);
    return st;
}

static bool export_one(void *ctx, const cairn_feedback *f)
{
    exporting *x = ctx;
    bool good = !strcmp(f->kind, "good"), refused = f->answer.refused;
    json_t *j, *before = NULL;
    char *line;

    if (!good && (!x->all || strcmp(f->kind, "bad") != 0))
        return true;
    x->st = said_before(x->c, f->answer.answer_id, &before, NULL);
    j = json_pack("{s:o,s:s}", "question", json_str(f->answer.question), "feedback", f->kind);
    if (before)
        json_object_set_new(j, "history", before);
    if (good)
        json_object_set_new(j, "answers", refused ? json_array() : json_pack("[o]", plain(f->answer.text)));
    else
        json_object_set_new(j, "not", plain(f->answer.text));
    if (good && f->answer.n_citations) {
        json_object_set_new(j, "doc", json_str(f->answer.citations[0].uri));
        if (f->answer.citations[0].page)
            json_object_set_new(j, "page", json_integer(f->answer.citations[0].page));
        if (f->answer.citations[0].page_label)
            json_object_set_new(j, "page_label", json_str(f->answer.citations[0].page_label));
    }
    line = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (!x->st)
        x->st = line ? bytes_printf(&x->out, "%s\n", line) : CAIRN_ENOMEM;
    free(line);
    x->n++;
    return !x->st;
}

cairn_status cairn_feedback_export(cairn *c, bool all, char **text, size_t *n_lines, cairn_error *err)
{
    exporting x = {.c = c, .all = all};
    cairn_status st;

    bytes_init(&x.out, FEEDBACK_BYTES);
    st = cairn_feedback_list(c, NULL, export_one, &x, err);
    if (!st && x.st)
        st = cairn_fail(err, x.st, "feedback");
    *text = st ? NULL : x.out.data ? bytes_detach(&x.out, NULL) : strdup("");
    if (!st && !*text)
        st = cairn_fail(err, CAIRN_ENOMEM, "feedback");
    if (n_lines)
        *n_lines = x.n;
    bytes_clear(&x.out);
    return st;
}
