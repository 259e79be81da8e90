/* word_filter.h - the user's own list of words that neither questions nor answers may hold: [filter] words = FILE.
 *
 * A line an entry, a word or several in a row; '#' begins a remark. Compared are words as the analyzer reads
 * them without a language: case, width and accents do not count, inflections do ("pump" is not "pumps"; write
 * both).
 *
 * Owns     its entries.
 * Threads  any may read; the analyzer is the caller's.
 * Errors   CAIRN_EINPUT: the file is not there, longer than 1 MiB, or not UTF-8. */
#ifndef CAIRN_ENGINE_WORD_FILTER_H
#define CAIRN_ENGINE_WORD_FILTER_H

#include "base/bytes.h"
#include "index/text/analyzer.h"

#define WORD_FILTER_BYTES ((size_t)1 << 20)
#define WORD_FILTER_MASK  "[filtered]"

typedef struct word_filter word_filter;

cairn_status word_filter_load(word_filter **out, const char *path, analyzer *an, cairn_error *err);
void word_filter_free(word_filter *f); /* NULL is fine */
/* Equal for equal entries. */
uint64_t word_filter_hash(const word_filter *f);

/* Append the text with every entry in it replaced by WORD_FILTER_MASK. *found (may be NULL): how many. */
cairn_status word_filter_mask(const word_filter *f, analyzer *an, const char *text, size_t len, bytes *out,
                              size_t *found, cairn_error *err);

#endif
