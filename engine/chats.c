/* chats.c - conversations in user.db: begun, listed, read, continued, renamed, deleted. */
#include "engine/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/user_data.h"

#define CHAT_BYTES  ((size_t)1 << 30)
#define TITLE_BYTES 80 /* of a question that becomes a title */

/* ---- finding ---- */

static cairn_status no_chat(const char *id, cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOTFOUND, "there is no conversation \"%s\"; cairn chat list shows them", id);
}

static bool is_id(const char *id)
{
    size_t n = strspn(id, "0123456789abcdef");

    return n && n < CAIRN_CHAT_ID && !id[n];
}

/* The whole id of what a caller calls `name`. */
static cairn_status find(sqlite3 *db, const char *name, char id[CAIRN_CHAT_ID], cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    size_t n = 0;
    cairn_status st;

    if (!name || !*name)
        return cairn_fail(err, CAIRN_EUSAGE, "no conversation named");
    if (!strcmp(name, "last"))
        st = user_data_prepare(db, &s, err, "SELECT id FROM chat ORDER BY changed DESC, id LIMIT 1", "");
    else if (is_id(name))
        st = user_data_prepare(db, &s, err,
                               "SELECT id FROM chat WHERE id >= ?1 AND substr(id, 1, length(?1)) = ?1"
                               " ORDER BY id LIMIT 2",
                               "s", name);
    else
        return no_chat(name, err);
    while (!st && !(st = user_data_step(s, &row, err)) && row) {
        snprintf(id, CAIRN_CHAT_ID, "%s", (const char *)sqlite3_column_text(s, 0));
        n++;
    }
    sqlite3_finalize(s);
    if (st)
        return st;
    if (n > 1)
        return cairn_fail(err, CAIRN_EUSAGE, "several conversations begin with \"%s\"", name);
    return n ? CAIRN_OK : no_chat(name, err);
}

static cairn_status open_and_find(cairn *c, const char *name, sqlite3 **db, char id[CAIRN_CHAT_ID],
                                  cairn_error *err)
{
    cairn_status st = user_data_open(c, false, db, err);

    if (st == CAIRN_ENOTFOUND)
        return no_chat(name ? name : "", err);
    return st ? st : find(*db, name, id, err);
}

/* ---- beginning and listing ---- */

cairn_status cairn_chat_create(cairn *c, const char *title, char id[CAIRN_CHAT_ID], cairn_error *err)
{
    int64_t now = clock_wall_ns();
    uint64_t random;
    sqlite3 *db;
    cairn_status st = user_text_check("title", title, 0, CAIRN_CHAT_TITLE_MAX, err);

    if (!st)
        st = user_data_open(c, true, &db, err);
    if (st)
        return st;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return cairn_fail_errno(err, errno, "random number");
    snprintf(id, CAIRN_CHAT_ID, "%016llx", (unsigned long long)random);
    return user_data_do(db, err, "INSERT INTO chat VALUES (?,?,?,?)", "ssii", id, title ? title : "", now, now);
}

#define CHAT_COLUMNS "id, title, created, changed, (SELECT count(*) FROM turn WHERE chat = chat.id)"

static cairn_status read_chat(sqlite3_stmt *s, arena *memory, cairn_chat *out, cairn_error *err)
{
    *out = (cairn_chat){.id = user_data_text(s, 0, memory),
                        .title = user_data_text(s, 1, memory),
                        .created_ns = sqlite3_column_int64(s, 2),
                        .changed_ns = sqlite3_column_int64(s, 3),
                        .n_turns = (size_t)sqlite3_column_int64(s, 4)};
    return out->id && out->title ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "conversation");
}

cairn_status cairn_chat_list(cairn *c, bool (*fn)(void *ctx, const cairn_chat *chat), void *ctx,
                             cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    sqlite3 *db;
    arena memory;
    cairn_chat chat;
    bool row = true;
    cairn_status st = user_data_open(c, false, &db, err);

    if (st)
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    arena_init(&memory, CHAT_BYTES);
    st = user_data_prepare(db, &s, err, "SELECT " CHAT_COLUMNS " FROM chat ORDER BY changed DESC, id", "");
    while (!st && !(st = user_data_step(s, &row, err)) && row) {
        arena_reset(&memory);
        st = read_chat(s, &memory, &chat, err);
        if (!st && !fn(ctx, &chat))
            break;
    }
    sqlite3_finalize(s);
    arena_clear(&memory);
    return st;
}

/* ---- searching ---- */

#define SEARCH_WORDS 8

/* "%word%" with LIKE's own signs escaped; "%" for none. */
static char *like_pattern(const char *word, size_t len, arena *memory)
{
    char *p = arena_alloc(memory, 2 * len + 3);
    size_t n = 0;

    if (!p)
        return NULL;
    p[n++] = '%';
    for (size_t i = 0; i < len; i++) {
        if (strchr("%_\\", word[i]))
            p[n++] = '\\';
        p[n++] = word[i];
    }
    if (len)
        p[n++] = '%';
    p[n] = '\0';
    return p;
}

static cairn_status read_patterns(const char *words, arena *memory, char *patterns[SEARCH_WORDS], cairn_error *err)
{
    size_t n = 0;
    cairn_status st = user_text_check("words", words, 1, CAIRN_QUESTION_MAX, err);

    for (const char *p = st ? "" : words; !st && *(p += strspn(p, " \t"));) {
        size_t len = strcspn(p, " \t");
        if (n == SEARCH_WORDS)
            return cairn_fail(err, CAIRN_EUSAGE, "at most %d words are looked for in conversations", SEARCH_WORDS);
        patterns[n++] = like_pattern(p, len, memory);
        p += len;
    }
    if (!st && !n)
        return cairn_fail(err, CAIRN_EUSAGE, "no words to look for");
    while (n < SEARCH_WORDS)
        patterns[n++] = like_pattern("", 0, memory);
    for (size_t i = 0; !st && i < SEARCH_WORDS; i++)
        if (!patterns[i])
            st = cairn_fail(err, CAIRN_ENOMEM, "words");
    return st;
}

cairn_status cairn_chat_search(cairn *c, const char *words, bool (*fn)(void *ctx, const cairn_chat_found *found), void *ctx,
                               cairn_error *err)
{
#define HAS_WORD(N) " AND question || ' ' || text LIKE ?" N " ESCAPE '\\'"
    char *patterns[SEARCH_WORDS];
    sqlite3_stmt *s = NULL;
    sqlite3 *db;
    arena memory;
    bool row = true;
    cairn_status st;

    arena_init(&memory, CHAT_BYTES);
    st = read_patterns(words, &memory, patterns, err);
    if (!st)
        st = user_data_open(c, false, &db, err);
    if (st) {
        arena_clear(&memory);
        return st == CAIRN_ENOTFOUND ? CAIRN_OK : st;
    }
    st = user_data_prepare(db, &s, err,
                           "SELECT chat.id, title, turn.n, made, question, text FROM turn JOIN answer ON answer.id = turn.answer"
                           " JOIN chat ON chat.id = turn.chat WHERE 1" HAS_WORD("1") HAS_WORD("2") HAS_WORD("3") HAS_WORD("4")
                           HAS_WORD("5") HAS_WORD("6") HAS_WORD("7") HAS_WORD("8") " ORDER BY made DESC, turn.n DESC",
                           "ssssssss", patterns[0], patterns[1], patterns[2], patterns[3], patterns[4], patterns[5], patterns[6],
                           patterns[7]);
    while (!st && !(st = user_data_step(s, &row, err)) && row) {
        cairn_chat_found f = {.id = user_data_text(s, 0, &memory), .title = user_data_text(s, 1, &memory),
                              .n = (size_t)sqlite3_column_int64(s, 2), .asked_ns = sqlite3_column_int64(s, 3),
                              .question = user_data_text(s, 4, &memory), .text = user_data_text(s, 5, &memory)};
        if (!f.id || !f.title || !f.question || !f.text)
            st = cairn_fail(err, CAIRN_ENOMEM, "conversation");
        else if (!fn(ctx, &f))
            break;
    }
    sqlite3_finalize(s);
    arena_clear(&memory);
    return st;
#undef HAS_WORD
}

/* ---- reading ---- */

static cairn_status read_turns(sqlite3 *db, const char *id, cairn_conversation *v, arena *memory,
                               cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    size_t n = 0;
    bool row = true;
    cairn_status st;

    v->turns = arena_calloc(memory, v->chat.n_turns + 1, sizeof *v->turns);
    if (!v->turns)
        return cairn_fail(err, CAIRN_ENOMEM, "conversation");
    st = user_data_prepare(db, &s, err,
                           "SELECT n, " USER_ANSWER_COLUMNS
                           " FROM turn JOIN answer ON answer.id = turn.answer WHERE chat = ? ORDER BY n",
                           "s", id);
    while (!st && n < v->chat.n_turns && !(st = user_data_step(s, &row, err)) && row) {
        st = user_answer_read(db, s, 1, memory, &v->turns[n], err);
        v->turns[n++].n = (size_t)sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    v->chat.n_turns = n;
    return st;
}

static cairn_status read_conversation(sqlite3 *db, const char *id, cairn_conversation *v, arena *memory,
                                      cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    cairn_status st = user_data_prepare(db, &s, err, "SELECT " CHAT_COLUMNS " FROM chat WHERE id = ?", "s", id);

    if (!st)
        st = user_data_step(s, &row, err);
    if (!st)
        st = row ? read_chat(s, memory, &v->chat, err) : no_chat(id, err);
    sqlite3_finalize(s);
    return st ? st : read_turns(db, id, v, memory, err);
}

cairn_status cairn_chat_get(cairn *c, const char *name, cairn_conversation **out, cairn_error *err)
{
    char id[CAIRN_CHAT_ID];
    sqlite3 *db;
    arena *memory;
    cairn_conversation *v;
    cairn_status st;

    *out = NULL;
    st = open_and_find(c, name, &db, id, err);
    if (st)
        return st;
    memory = malloc(sizeof *memory);
    if (!memory)
        return cairn_fail(err, CAIRN_ENOMEM, "conversation");
    arena_init(memory, CHAT_BYTES);
    v = arena_calloc(memory, 1, sizeof *v);
    if (!v)
        st = cairn_fail(err, CAIRN_ENOMEM, "conversation");
    if (!st)
        st = user_data_run(db, "BEGIN", err); /* one state for the chat, its turns and their citations */
    if (!st)
        st = user_data_end(db, read_conversation(db, id, v, memory, err), err);
    if (st) {
        arena_clear(memory);
        free(memory);
        return st;
    }
    v->memory = memory;
    *out = v;
    return CAIRN_OK;
}

void cairn_chat_free(cairn_conversation *v)
{
    arena *memory;

    if (!v)
        return;
    memory = v->memory; /* *v itself lives in it */
    arena_clear(memory);
    free(memory);
}

/* ---- continuing ---- */

/* A title made of a question: its first line, cut between words. */
static void title_of(const char *question, char out[TITLE_BYTES + 4])
{
    size_t len = strcspn(question, "\r\n"), cut;

    if (len <= TITLE_BYTES) {
        snprintf(out, TITLE_BYTES + 4, "%.*s", (int)len, question);
        return;
    }
    cut = utf8_floor(question, TITLE_BYTES);
    for (size_t i = cut; i > TITLE_BYTES / 2; i--)
        if (question[i] == ' ') {
            cut = i;
            break;
        }
    snprintf(out, TITLE_BYTES + 4, "%.*s...", (int)cut, question);
}

static cairn_status next_turn(sqlite3 *db, const char *id, int64_t *n, cairn_error *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    cairn_status st = user_data_prepare(db, &s, err,
                                        "SELECT (SELECT coalesce(max(n), 0) + 1 FROM turn WHERE chat = chat.id)"
                                        " FROM chat WHERE id = ?",
                                        "s", id);

    if (!st)
        st = user_data_step(s, &row, err);
    if (!st && !row)
        st = no_chat(id, err);
    if (!st)
        *n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    if (!st && *n > CAIRN_TURNS_MAX)
        st = cairn_fail(err, CAIRN_ELIMIT, "a conversation has at most %d turns: begin another one",
                        CAIRN_TURNS_MAX);
    return st;
}

cairn_status cairn_chat_append(cairn *c, const char *name, const cairn_chat_turn *turn, size_t *n,
                               uint64_t *answer_id, cairn_error *err)
{
    char id[CAIRN_CHAT_ID], title[TITLE_BYTES + 4];
    int64_t answer = 0, number = 0;
    sqlite3 *db;
    cairn_status st = user_answer_check(turn, err);

    if (!st)
        st = open_and_find(c, name, &db, id, err);
    if (!st)
        st = user_data_begin(db, err);
    if (st)
        return st;
    title_of(turn->question, title);
    st = next_turn(db, id, &number, err);
    if (!st)
        st = user_answer_put(db, turn, &answer, err);
    if (!st)
        st = user_data_do(db, err, "INSERT INTO turn VALUES (?,?,?)", "sii", id, number, answer);
    if (!st)
        st = user_data_do(db, err,
                          "UPDATE chat SET changed = max(?, changed + 1),"
                          " title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?",
                          "iss", clock_wall_ns(), title, id);
    st = user_data_end(db, st, err);
    if (!st && n)
        *n = (size_t)number;
    if (!st && answer_id)
        *answer_id = (uint64_t)answer;
    return st;
}

cairn_status cairn_chat_rename(cairn *c, const char *name, const char *title, cairn_error *err)
{
    char id[CAIRN_CHAT_ID];
    sqlite3 *db;
    cairn_status st;

    st = user_text_check("title", title, 1, CAIRN_CHAT_TITLE_MAX, err);
    if (!st)
        st = open_and_find(c, name, &db, id, err);
    return st ? st : user_data_do(db, err, "UPDATE chat SET title = ? WHERE id = ?", "ss", title, id);
}

cairn_status cairn_chat_delete(cairn *c, const char *name, cairn_error *err)
{
    char id[CAIRN_CHAT_ID];
    sqlite3 *db;
    cairn_status st = open_and_find(c, name, &db, id, err);

    if (!st)
        st = user_data_begin(db, err);
    if (st)
        return st;
    /* What the cache keeps of these questions goes, too. An answer is deleted before the turn that names it: the
     * turn goes with it. */
    st = user_data_do(db, err,
                      "DELETE FROM answer WHERE id IN (SELECT answer FROM cached) AND question IN (SELECT question"
                      " FROM turn JOIN answer AS said ON said.id = turn.answer WHERE chat = ?)",
                      "s", id);
    if (!st)
        st = user_data_do(db, err, "DELETE FROM answer WHERE id IN (SELECT answer FROM turn WHERE chat = ?)", "s", id);
    if (!st)
        st = user_data_do(db, err, "DELETE FROM chat WHERE id = ?", "s", id);
    return user_data_end(db, st, err);
}

/* ---- asking ---- */

typedef struct facts {
    arena memory;
    const char **texts;
    size_t n;
} facts;

static bool take_fact(void *ctx, const cairn_fact *f)
{
    facts *all = ctx;
    const char *text = arena_strdup(&all->memory, f->text);

    if (text && all->n < CAIRN_FACTS_MAX)
        all->texts[all->n++] = text;
    return text != NULL;
}

static cairn_status read_facts(cairn *c, facts *all, cairn_error *err)
{
    *all = (facts){0};
    arena_init(&all->memory, CHAT_BYTES);
    all->texts = arena_calloc(&all->memory, CAIRN_FACTS_MAX, sizeof *all->texts);
    if (!all->texts)
        return cairn_fail(err, CAIRN_ENOMEM, "facts");
    return cairn_fact_list(c, take_fact, all, err);
}

/* What was said, as turns of a history; the list belongs to the caller, its strings to `v`. */
static cairn_status history_of(const cairn_conversation *v, cairn_turn **out, size_t *n, cairn_error *err)
{
    *n = 0;
    *out = calloc(2 * v->chat.n_turns + 1, sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "history");
    for (size_t i = 0; i < v->chat.n_turns; i++) {
        (*out)[(*n)++] = (cairn_turn){"user", v->turns[i].question};
        (*out)[(*n)++] = (cairn_turn){"assistant", v->turns[i].text};
    }
    return CAIRN_OK;
}

cairn_status cairn_chat_ask(cairn *c, const char *name, const cairn_ask_request *request,
                            cairn_stream_fn *stream, void *stream_ctx, cairn_answer **out,
                            cairn_error *err)
{
    cairn_ask_request q = *request;
    cairn_conversation *v = NULL;
    cairn_chat_turn turn = {.question = q.question, .filter = q.filter};
    facts known;
    cairn_status st;

    *out = NULL;
    if (q.n_history || q.n_facts)
        return cairn_fail(err, CAIRN_EUSAGE, "a conversation brings its own history");
    st = cairn_chat_get(c, name, &v, err);
    if (st)
        return st;
    st = read_facts(c, &known, err);
    q.history = NULL; /* the caller's is empty */
    q.facts = known.texts;
    q.n_facts = known.n;
    if (!st)
        st = history_of(v, &q.history, &q.n_history, err);
    if (!st)
        st = cairn_ask(c, &q, stream, stream_ctx, out, err);
    if (!st) {
        turn.text = (*out)->text;
        turn.model = (*out)->model;
        turn.refused = (*out)->refused;
        turn.extractive = (*out)->extractive;
        turn.snapshot = (*out)->snapshot;
        turn.citations = (*out)->citations;
        turn.n_citations = (*out)->n_citations < CAIRN_CITATIONS_MAX ? (*out)->n_citations : CAIRN_CITATIONS_MAX;
        st = cairn_chat_append(c, v->chat.id, &turn, NULL, NULL, err);
    }
    if (!st && v->chat.n_turns)
        st = user_note_repeat(c, &v->turns[v->chat.n_turns - 1], q.question, err);
    if (st) {
        cairn_answer_free(*out);
        *out = NULL;
    }
    free(q.history);
    arena_clear(&known.memory);
    cairn_chat_free(v);
    return st;
}
