/* boilerplate.h - what stands in many documents and says nothing of any: footers, disclaimers, licence headers,
 * quoted mail.
 *
 * It is found where it does harm, among the passages that a question brought up: a line that several of their
 * documents have, word for word, is boilerplate there, and so is a line that quotes another mail ("> ..."). No list has to be
 * kept beside the index, and a line that only two versions of a text share is left alone. */
#ifndef CAIRN_RETRIEVE_BOILERPLATE_H
#define CAIRN_RETRIEVE_BOILERPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define BOILERPLATE_LINE_BYTES 30 /* of a line without its blanks; shorter ones recur by chance */

typedef struct boilerplate_passage {
    const char *text; /* [len], UTF-8 */
    size_t len;
    uint64_t doc;
} boilerplate_passage;

/* share[n]: of each passage, 0..1, how much of what matches the question stands in lines that at least `documents`
 * (>= 2) documents among the passages have, or that quote; where no word of the question is found (a hit by
 * meaning), how much of the text. A word matches one that begins with the same five letters, case folded. Time: the
 * bytes of the passages. CAIRN_ENOMEM. */
cairn_status boilerplate_shares(const boilerplate_passage *passages, size_t n, const char *question,
                                size_t documents, arena *a, float *share, cairn_error *err);

#endif
