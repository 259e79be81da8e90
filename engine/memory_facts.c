/* memory_facts.c - facts that a user asked to keep, and which of them a question is about. */
#include <string.h>

#include "base/clock.h"
#include "engine/ask.h"
#include "engine/memory.h"
#include "engine/user_data.h"
#include "retrieve/terms.h"

static cairn_status no_fact(uint64_t id, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOTFOUND, "there is no fact %llu; cairn memory list shows them",
                      (unsigned long long)id);
}

static cairn_status count_facts(sqlite3 *db, int64_t *n, cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    cairn_status st = user_data_prepare(db, &s, err, "SELECT count(*) FROM fact", "");

    if (!st)
        st = user_data_step(s, &row, err);
    *n = row ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return st;
}

/* A fact as it is kept: without blanks around it. */
static cairn_status read_fact(const char **text, char kept[CAIRN_FACT_MAX + 1], cairn_error *err)
{
    const char *from = *text ? *text + strspn(*text, " \t\r\n") : "";
    cairn_status st = user_text_check("fact", from, 1, CAIRN_FACT_MAX, err);
    size_t len = st ? 0 : strlen(from);

    while (len && strchr(" \t\r\n", from[len - 1]))
        len--;
    memcpy(kept, from, len);
    kept[len] = '\0';
    *text = kept;
    return st;
}

cairn_status cairn_fact_add(cairn *c, const char *text, uint64_t *id, cairn_error *err)
{
    int64_t now = clock_wall_ns(), n = 0;
    sqlite3 *db;
    char kept[CAIRN_FACT_MAX + 1];
    cairn_status st = read_fact(&text, kept, err);

    if (!st)
        st = user_data_open(c, true, &db, err);
    if (!st)
        st = user_data_begin(db, err);
    if (st)
        return st;
    st = count_facts(db, &n, err);
    if (!st && n >= CAIRN_FACTS_MAX)
        st = cairn_fail(err, CAIRN_ELIMIT, "at most %d facts are kept: delete one", CAIRN_FACTS_MAX);
    if (!st)
        st = user_data_do(db, err, "INSERT INTO fact (text, created, changed) VALUES (?,?,?)", "sii", text, now,
                          now);
    if (!st && id)
        *id = (uint64_t)sqlite3_last_insert_rowid(db);
    return user_data_end(db, st, err);
}

cairn_status cairn_fact_list(cairn *c, bool (*fn)(void *ctx, const cairn_fact *fact), void *ctx,
                             cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db;
    bool row = true;
    cairn_status st = user_data_open(c, false, &db, err);

    if (st)
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    st = user_data_prepare(db, &s, err, "SELECT id, text, created, changed FROM fact ORDER BY id", "");
    while (!st && !(st = user_data_step(s, &row, err)) && row) {
        cairn_fact f = {.id = (uint64_t)sqlite3_column_int64(s, 0),
                        .text = (const char *)sqlite3_column_text(s, 1),
                        .created_ns = sqlite3_column_int64(s, 2),
                        .changed_ns = sqlite3_column_int64(s, 3)};
        if (!f.text)
            st = cairn_fail(err, CAIRN_ENOMEM, "fact");
        else if (!fn(ctx, &f))
            break;
    }
    sqlite3_finalize(s);
    return st;
}

/* Run a change of one fact. */
static cairn_status change(cairn *c, uint64_t id, const char *sql, const char *text, cairn_error *err)
{
    sqlite3 *db;
    cairn_status st = user_data_open(c, false, &db, err);

    if (st == CAIRN_ENOTFOUND)
        return no_fact(id, err);
    if (!st && text)
        st = user_data_do(db, err, sql, "sii", text, clock_wall_ns(), (int64_t)id);
    else if (!st)
        st = user_data_do(db, err, sql, "i", (int64_t)id);
    if (!st && !sqlite3_changes(db))
        st = no_fact(id, err);
    return st;
}

cairn_status cairn_fact_edit(cairn *c, uint64_t id, const char *text, cairn_error *err)
{
    char kept[CAIRN_FACT_MAX + 1];
    cairn_status st = read_fact(&text, kept, err);

    return st ? st : change(c, id, "UPDATE fact SET text = ?, changed = ? WHERE id = ?", text, err);
}

cairn_status cairn_fact_delete(cairn *c, uint64_t id, cairn_error *err)
{
    return change(c, id, "DELETE FROM fact WHERE id = ?", NULL, err);
}

/* ---- in a question ---- */

static cairn_status read_terms(asking *a, const char *text, term_list *out, cairn_error *err)
{
    size_t len = strlen(text);

    return terms_read(a->an, terms_language(NULL, NULL, text, len), text, len, out, err);
}

static bool share_word(const term_list *x, const term_list *y)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->at[i].weight > 0)
            for (size_t j = 0; j < y->n; j++)
                if (y->at[j].weight > 0 && y->at[j].key == x->at[i].key)
                    return true;
    return false;
}

cairn_status ask_choose_facts(asking *a, cairn_error *err)
{
    const cairn_ask_request *q = a->request;
    term_list asked = {0}, fact;
    cairn_status st;

    if (!q->n_facts)
        return CAIRN_OK;
    a->facts = arena_calloc(&a->memory, q->n_facts, sizeof *a->facts);
    if (!a->facts)
        return cairn_fail(err, CAIRN_ENOMEM, "facts");
    st = read_terms(a, q->question, &asked, err);
    for (size_t i = 0; !st && i < q->n_facts; i++) {
        st = read_terms(a, q->facts[i], &fact, err);
        if (!st && share_word(&asked, &fact))
            a->facts[a->n_facts++] = q->facts[i];
        if (!st)
            term_list_clear(&fact);
    }
    term_list_clear(&asked);
    return st;
}
