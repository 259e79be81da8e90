/* cosine_scale.h - what the cosines of an embedder are worth on the scale that evidence is judged on.
 *
 * The weights of retrieve/evidence_model.c were learned from one embedder. Another one's cosines lie elsewhere (0.66 for a
 * sentence that answers where the default has 0.87), so they are moved to that scale by a straight line through what
 * the embedder gives twelve questions and the sentences that answer them, speak of the same thing, or of another.
 *
 * Owns     nothing; the line is kept in the handle. Threads: that of the handle. */
#ifndef CAIRN_ENGINE_COSINE_SCALE_H
#define CAIRN_ENGINE_COSINE_SCALE_H

#include "engine/engine.h"

/* The line of the handle's embedder; that embedder reads 36 short sentences when it is first asked for, but for the default one. */
cairn_status engine_cosine_scale(cairn *c, cosine_scale *out, cairn_error *err);

#endif
