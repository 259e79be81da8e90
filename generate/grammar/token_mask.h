/* token_mask.h - which tokens may come next, so that the text stays one that an automaton accepts.
 *
 * A token may come when each of its bytes has a step; a token that ends the answer, when the text
 * may end here; other tokens without text never. Masks are kept for the states met last, because
 * text inside a string or a list meets the same ones again. A single token is tried without one.
 *
 * Threads  a trie is immutable; a mask has one owner. */
#ifndef CAIRN_GENERATE_GRAMMAR_TOKEN_MASK_H
#define CAIRN_GENERATE_GRAMMAR_TOKEN_MASK_H

#include "generate/grammar/automaton.h"
#include "generate/tokenize/tokenizer.h"

typedef struct token_trie token_trie;
/* The texts of ids 0 .. n - 1, sorted. The tokenizer must outlive it. */
cairn_status token_trie_create(token_trie **out, const tokenizer *t, size_t n, cairn_error *err);
void token_trie_destroy(token_trie *t); /* NULL is fine */

typedef struct token_mask token_mask;
/* Takes the automaton over, also when it fails. */
cairn_status token_mask_create(token_mask **out, const token_trie *t, automaton a,
                               cairn_error *err);
void token_mask_destroy(token_mask *m); /* NULL is fine */
/* Bit id & 7 of byte id >> 3: may come next. Valid until the next call on m. */
const uint8_t *token_mask_allowed(token_mask *m);
/* The same for one token, without making a mask. */
bool token_mask_allows(token_mask *m, token_id id);
/* What must come next: the bytes (at most cap) that follow without a choice, up to where there is one or the text
 * may end. Returns how many. */
size_t token_mask_forced(token_mask *m, char *out, size_t cap);
/* The token was chosen. False: it was not allowed, and nothing is from now on. */
bool token_mask_accept(token_mask *m, token_id id);

#endif
