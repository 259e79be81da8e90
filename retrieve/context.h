/* context.h - the passages that go into a prompt, within a token budget.
 *
 * Candidates come best first. One is skipped when it repeats another already taken: the same
 * bytes range of the same document (for the larger part), or nearly the same words. The rest is
 * taken while it fits; a passage that does not fit any more is cut at a sentence when at least
 * `min_tokens` of it fit, else left out. Then the order is changed so that the strongest stand first
 * and last (Liu et al., Lost in the Middle, TACL 2024): ranks 1 3 5 ... 6 4 2. Passages are numbered
 * 1, 2, 3, ... as they stand in the prompt.
 *
 * A passage is data, not instruction: it is wrapped by the template's open and close lines, and
 * text inside that would imitate them loses its '<' or '[' to a look-alike, so a document cannot end its
 * own quotation. Control characters go too.
 *
 * Owns     everything lives in the caller's arena. */
#ifndef CAIRN_RETRIEVE_CONTEXT_H
#define CAIRN_RETRIEVE_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "store/segment.h"

typedef struct context_candidate {
    chunk_id chunk;
    doc_id doc;
    const char *uri, *title, *heading; /* never NULL; may be "" */
    const char *text;
    size_t text_len;
    uint32_t page; /* 0: the format has no pages */
    uint64_t byte_start, byte_end; /* in the document */
    float score;
} context_candidate;

typedef struct context_params {
    size_t max_tokens;     /* for all passages with their wrapping; default 1200 */
    size_t max_passages;   /* default 8 */
    size_t min_tokens;     /* a cut passage is at least so long; default 40 */
    float near_duplicate;  /* share of word triples that makes a repetition; default 0.7 */
    float overlap;         /* share of the shorter byte range; default 0.5 */
    bool ends_first;       /* strongest first and last; default true */
    /* Around each passage. {n} {title} {heading} {page} {uri} {name} are replaced ({name}: the last
     * part of the uri; {page}: "" without pages). Defaults:
     * "[{n}] {title}\n" and "\n\n". Data of the engine's prompt files. */
    const char *open, *close;
    size_t (*count_tokens)(void *ctx, const char *text, size_t len); /* NULL: 1 a 4 bytes */
    void *count_ctx;
} context_params;

void context_params_default(context_params *p);

typedef struct context_passage {
    uint32_t n;           /* the number in the prompt, from 1 */
    size_t candidate;     /* index into the candidates */
    size_t text_len;      /* how many bytes of the candidate's text are in the prompt */
    size_t start, end;    /* bytes of context.text that hold the wrapped passage */
} context_passage;

typedef struct context {
    const char *text; /* all passages, NUL-terminated */
    size_t len;
    size_t tokens;
    context_passage *passages; /* in prompt order: passages[i].n == i + 1 */
    size_t n_passages;
    size_t n_repeated; /* candidates skipped as repetitions */
} context;

cairn_status context_assemble(const context_candidate *candidates, size_t n,
                              const context_params *params, arena *a, context *out,
                              cairn_error *err);

#endif
