/* second.h - the vectors of a second embedder, searched beside those of the first.
 *
 * models.second_embedder names the model, or is "auto". Its vectors stand aside in the manifest (embedder.c); an index run makes
 * those that are missing after the first embedder's, none of passages that the second cannot read (literacy.h), for which
 * the first's stand in, and a hybrid search fuses a third list. Once cairn embedder
 * switch has exchanged the two, the one that was the first is the second. Not of a collection on a cluster. */
#ifndef CAIRN_ENGINE_SECOND_H
#define CAIRN_ENGINE_SECOND_H

#include "engine/engine.h"
#include "engine/run.h"
#include "engine/view.h"

/* The second embedder that this collection can have by the settings; NULL: none. "auto" is an English model beside the
 * default embedder where its files are on this machine. */
const char *second_named(const cairn *c);
bool second_is_set(const cairn *c);
/* What "auto" would name if it were on this machine; NULL: nothing is lacking. */
const char *second_lacking(const cairn *c);
/* Are the vectors of `model` aside of those that runs make unasked, and so give way to ones that are asked for? */
bool second_gives_way(const cairn *c, const char *model);
/* Whose vectors aside may be searched with the others: *model and *identity are malloced, or NULL where none are,
 * because the settings name none or give it no weight, nothing stands aside, or what does is of a third model. */
cairn_status second_find(const cairn *c, const store_snapshot *s, char **model, char **identity, cairn_error *err);
/* Are there enough of them? Not where, of the passages that have a vector and that the second can read, more than one of
 * twenty lacks the second one: half a list would put what it has above all else. The view has its segments. */
cairn_status second_is_enough(const view *v, bool *enough, cairn_error *err);

typedef struct second_state {
    bool searched;
    uint64_t unread; /* passages without a vector of it that it cannot read: none is made of them */
    const char *coming; /* whose vectors the next run makes, or goes on making: not searched yet; or NULL */
    uint64_t made, wanted; /* by it: vectors there are, passages that it can read */
} second_state;

/* Of the collection as it is now; `memory` holds the name in it. */
cairn_status second_describe(cairn *c, arena *memory, second_state *out, cairn_error *err);
/* Make the vectors that are missing. CAIRN_EUSAGE: those of a third model stand aside. */
cairn_status run_second(run *r, cairn_error *err);

#endif
