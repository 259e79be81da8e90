/* prefix_tree.h - what prompts begin with, computed once for all sequences of a decoder: a radix tree over
 * tokens, whose edges hold keys and values.
 *
 * A node stands for the tokens on the path to it; its own run of them is its edge. Nodes below one another
 * never begin with the same token, so a prompt has one path, and where two prompts part a node is split. An
 * edge holds references to pages (kv_cache.h): a sequence that begins on a path shares the pages on it, and
 * copies a page only where it goes on within one. Keys and values have the bytes that a plain pass would
 * compute, whoever computed them.
 *
 * The tree holds at most so many tokens; the leaf used least recently goes first. What two requests have met
 * can also be kept on disk (kv_files.h), for the next process.
 *
 * Not on a device (CAIRN_EUNSUPPORTED), whose sequences share nothing.
 * Threads  that of the decoder's owner. */
#ifndef CAIRN_GENERATE_DECODE_PREFIX_TREE_H
#define CAIRN_GENERATE_DECODE_PREFIX_TREE_H

#include "generate/decode/kv_files.h"

typedef struct prefix_tree prefix_tree;

/* d and files (NULL: none) are borrowed. */
cairn_status prefix_tree_create(prefix_tree **out, decoder *d, size_t max_tokens,
                                const kv_files *files, cairn_error *err);
void prefix_tree_destroy(prefix_tree *t); /* NULL is fine */

/* A new sequence that begins with as many tokens of ids[0, n) as the tree or a file has. Cost:
 * O(tokens), and the reading of files. */
cairn_status prefix_tree_begin(prefix_tree *t, const token_id *ids, size_t n,
                               decoder_sequence **out, cairn_error *err);
/* Hold the first n tokens ids of a sequence. Where memory is short, it does not. */
void prefix_tree_put(prefix_tree *t, const decoder_sequence *s, const token_id *ids, size_t n);
/* Let the leaf go that was used least recently, of those that free a page by it where there is one.
 * False: there is none. O(nodes). */
bool prefix_tree_drop(prefix_tree *t);
/* Write one path that several sequences began with and no file holds. False: there is none. */
bool prefix_tree_save(prefix_tree *t);

size_t prefix_tree_tokens(const prefix_tree *t); /* on all edges together */
size_t prefix_tree_nodes(const prefix_tree *t);
/* Every law of the tree, for tests: what is broken, or NULL. */
const char *prefix_tree_broken(const prefix_tree *t);

#endif
