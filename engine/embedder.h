/* embedder.h - the vectors that stand aside in a collection, for the files of this room: those of another embedder on
 * its way or of the one before (embedder.c), or of a second one that is searched, too (second.c). */
#ifndef CAIRN_ENGINE_EMBEDDER_H
#define CAIRN_ENGINE_EMBEDDER_H

#include "engine/engine.h"

typedef struct embedder_aside {
    const char *model, *identity; /* NULL: nothing stands aside */
    bool was_searched;
} embedder_aside;

/* What the snapshot says of them, in `memory`. */
cairn_status embedder_aside_get(const store_snapshot *s, arena *memory, embedder_aside *out, cairn_error *err);
/* How many live rows of this kind there are. */
uint64_t embedder_count_vectors(const store_snapshot *s, segment_kind kind);
/* Note that `model`, the handle's encoder now, has its vectors aside from now on, or find that it was noted before.
 * CAIRN_EUSAGE: it is the searched one, another one's stand aside, or the vectors are the user's own. */
cairn_status embedder_claim(cairn *c, const char *model, cairn_error *err);
/* Remove the vectors aside and the note on them; the writer's lock is held. *dropped: how many there were. */
cairn_status embedder_drop_aside(cairn *c, uint64_t *dropped, cairn_error *err);

#endif
