/* ask_alone.c - a question in a conversation that needs nothing of it.
 *
 * Somebody who chats goes on to something else without saying so: "How much may the treasurer spend?" behind four questions about
 * a fair. The words that are carried over from those (retrieve/rewrite.h) then lead away from the passage that answers, and the
 * model reads a conversation that has nothing to do with it. So a question without a pronoun that nothing had to be added to
 * (retrieve/follow_up.h) is searched for by itself, too, and asked as if it were the first one where
 * - only so the documents are thought to answer it, or
 * - both ways find the same best sentence: what was said before changes nothing then.
 * Where both are thought to answer, from different sentences, the conversation decides: "What are the side effects?" behind a
 * question about ibuprofen is not about aspirin, of which the documents may say more.
 *
 * In a receipt stands the conversation, and a replay comes to the same. */
#include "engine/ask.h"

#include <string.h>

#include "base/log.h"

static bool same_best(const asking *a, const asking *b)
{
    const evidence_sentence *x = a->evidence.sentences, *y = b->evidence.sentences;

    return a->evidence.n && b->evidence.n && x->start == y->start && x->end == y->end &&
           a->hits->hits[x->passage].chunk == b->hits->hits[y->passage].chunk;
}

static bool needs_none(const asking *talk, const asking *alone)
{
    float least = (float)talk->c->settings.ask_min_answerable;

    if (alone->evidence.answerable < least)
        return false;
    return talk->evidence.answerable < least || same_best(talk, alone);
}

cairn_status ask_leave_conversation(asking *a, cairn_ask_request *request, cairn_error *err)
{
    cairn_ask_request single = *request;
    asking b, *gone = &b;
    cairn_status st;

    if (!request->n_history || a->points_back || a->asked != request->question)
        return CAIRN_OK;
    single.history = NULL;
    single.n_history = 0;
    if (a->question == request->question && !a->known.reply) { /* nothing was carried over: alone it finds the same */
        if (a->evidence.answerable >= (float)a->c->settings.ask_min_answerable)
            *request = single;
        return CAIRN_OK;
    }
    b = (asking){.c = a->c, .request = &single, .asked = request->question, .stream = a->stream, .stream_ctx = a->stream_ctx,
                 .start_ns = a->start_ns, .an = a->an, .filter = a->filter, .made = a->made, .text = a->text, .cite = a->cite};
    arena_init(&b.memory, ASK_BYTES);
    st = ask_load_prompt(&b, err);
    if (!st)
        st = ask_retrieve(&b, err);
    if (!st) {
        log_write(LOG_LEVEL_DEBUG, "engine", "answerable %.2f with what was said before, %.2f alone, %s best sentence",
                  (double)a->evidence.answerable, (double)b.evidence.answerable, same_best(a, &b) ? "the same" : "another");
    }
    if (!st && needs_none(a, &b)) {
        asking talk = *a;
        *request = single;
        b.request = request;
        *a = b;
        b = talk;
    }
    cairn_search_result_free(gone->hits);
    arena_clear(&gone->memory);
    return st;
}
