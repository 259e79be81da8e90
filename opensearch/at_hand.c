/* at_hand.c - what a store has learnt of one version of the collection, so that it need not ask again.
 *
 * Passages that it has read lately, taken apart: questions of one collection meet the same passages again,
 * and a passage that is scored a second time need not be analysed again.
 *
 * Kept as long as the records of passages are (share_fetched in snapshot.c): for one version of the collection, which each commit
 * ends. A passage is taken apart when it is met again, not when it is met first, as taking apart costs more than
 * looking once. Counts of rows are kept by term, and what is known of a word that may be a slip by its form. */
#include <stdlib.h>

#include "opensearch/passages.h"
#include "opensearch/room.h"

#define KEPT_MOST 4096 /* passages, 2 to 4 KB each */
#define SLOTS     (2 * KEPT_MOST)
#define WORDS_MOST 65536 /* whose counts are kept */

typedef struct taken_slot {
    chunk_id chunk; /* 0: free */
    lexical_taken *taken;
} taken_slot;

struct os_at_hand {
    taken_slot slots[SLOTS];
    size_t n;
};

static void empty(struct os_at_hand *h)
{
    for (size_t i = 0; h->n && i < SLOTS; i++) {
        lexical_taken_free(h->slots[i].taken);
        h->slots[i] = (taken_slot){0};
    }
    h->n = 0;
}

void os_at_hand_forget(struct os_store *s)
{
    if (s->at_hand)
        empty(s->at_hand);
    free(s->at_hand);
    s->at_hand = NULL;
    json_decref(s->kept_rows);
    json_decref(s->kept_doubts);
    s->kept_rows = s->kept_doubts = NULL;
    s->novel = 1;
}

bool os_at_hand_serves(const struct os_snapshot *snap)
{
    return snap->s->kept_chunks && snap->fetched_chunks == snap->s->kept_chunks;
}

const lexical_taken *os_at_hand_take(struct os_snapshot *snap, analyzer *an, chunk_id chunk, const json_t *source, bool make)
{
    struct os_store *s = snap->s;
    lexical_doc words;
    taken_slot *slot;
    size_t at;

    if (!os_at_hand_serves(snap) || (!s->at_hand && !(s->at_hand = calloc(1, sizeof *s->at_hand))))
        return NULL;
    for (at = chunk * UINT64_C(0x9E3779B97F4A7C15) >> 51 & (SLOTS - 1); s->at_hand->slots[at].chunk; at = (at + 1) & (SLOTS - 1))
        if (s->at_hand->slots[at].chunk == chunk)
            return s->at_hand->slots[at].taken;
    /* When it is full, nothing more is kept for this search: what it took before is still in use. */
    if (!make || s->at_hand->n == KEPT_MOST)
        return NULL;
    words = os_passage_words(source);
    slot = &s->at_hand->slots[at];
    if (lexical_taken_make(&slot->taken, an, &words, NULL))
        return NULL;
    slot->chunk = chunk;
    s->at_hand->n++;
    return slot->taken;
}

void os_at_hand_make_room(struct os_snapshot *snap)
{
    if (os_at_hand_serves(snap) && snap->s->at_hand && snap->s->at_hand->n == KEPT_MOST)
        empty(snap->s->at_hand);
}

/* ---- words ---- */

bool os_rows_kept(const struct os_snapshot *snap, const char *const *terms, size_t n, uint64_t *rows)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *known = os_at_hand_serves(snap) ? json_object_get(snap->s->kept_rows, terms[i]) : NULL;
        if (!known)
            return false;
        rows[i] = (uint64_t)json_integer_value(known);
    }
    return true;
}

/* Without memory less is kept. */
void os_rows_keep(struct os_snapshot *snap, const char *const *terms, size_t n, const uint64_t *rows)
{
    struct os_store *s = snap->s;

    if (!os_at_hand_serves(snap))
        return;
    if (!s->kept_rows)
        s->kept_rows = json_object();
    if (json_object_size(s->kept_rows) > WORDS_MOST)
        json_object_clear(s->kept_rows);
    for (size_t i = 0; i < n; i++)
        json_object_set_new(s->kept_rows, terms[i], json_integer((json_int_t)rows[i]));
}

bool os_doubts_kept(struct os_snapshot *snap, const os_forms *forms)
{
    for (size_t i = 0; i < forms->n; i++) {
        json_t *known = json_object_get(snap->doubts, forms->form[i]);
        if (!known && os_at_hand_serves(snap) && !snap->hidden)
            known = json_object_get(snap->s->kept_doubts, forms->form[i]);
        if (!known)
            return false;
        if (!snap->doubts)
            snap->doubts = json_object();
        json_object_set(snap->doubts, forms->form[i], known);
    }
    return true;
}

void os_doubts_keep(struct os_snapshot *snap)
{
    struct os_store *s = snap->s;

    if (!os_at_hand_serves(snap) || snap->hidden)
        return;
    if (!s->kept_doubts)
        s->kept_doubts = json_object();
    if (json_object_size(s->kept_doubts) > WORDS_MOST)
        json_object_clear(s->kept_doubts);
    json_object_update(s->kept_doubts, snap->doubts);
}
