/* rules.h - which names a walk leaves out: ignore files (.gitignore, .cairnignore) and globs.
 *
 * The pattern language is that of gitignore(5): a '#' comments, a '!' takes back, a '/' at the end
 * means folders alone, one before the end binds the pattern to the folder of its file, and a double
 * star stands for any number of folders. Names are bytes; matching is case-sensitive.
 *
 * Sets of rules form a stack, one set a file, pushed as the walk goes down and popped as it comes
 * up. The set pushed last decides first, and within a set the last line that matches.
 *
 * Ignore files come from outside. A file may have RULES_FILE_BYTES and RULES_FILE_LINES, and a match
 * costs at most the product of both lengths, whatever the pattern.
 *
 * Owns     every set owns its text. Threads  one owner. */
#ifndef CAIRN_INGEST_RULES_H
#define CAIRN_INGEST_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define RULES_FILE_BYTES ((size_t)1 << 20)
#define RULES_FILE_LINES ((size_t)10000)

typedef struct rule_set rule_set;

typedef struct rules {
    rule_set **set;
    size_t n, cap;
} rules;

typedef enum rules_verdict { RULES_SILENT, RULES_IGNORE, RULES_TAKE } rules_verdict;

/* Where a verdict came from; borrowed from its set. */
typedef struct rules_reason {
    const char *source;  /* the file's path, or what the caller named the set */
    size_t line;         /* from 1 */
    const char *pattern; /* as written */
} rules_reason;

void rules_init(rules *r);
void rules_clear(rules *r);

/* Push the lines of text[0, len). They are relative to the folder that is the first base_len bytes of
 * the paths asked about (without a '/' at its end). CAIRN_ENOMEM, CAIRN_ELIMIT (nothing is pushed). */
cairn_status rules_push(rules *r, const char *source, size_t base_len, const char *text, size_t len,
                        cairn_error *err);
/* The same from file `name` of the folder dirfd, whose path is `folder`. No such file: CAIRN_OK and
 * nothing pushed. CAIRN_EINPUT: not a regular file, or it cannot be read. */
cairn_status rules_push_file(rules *r, int dirfd, const char *name, const char *folder,
                             cairn_error *err);
/* The same from the file at `path`, which must be there, relative to any folder. */
cairn_status rules_push_path(rules *r, const char *path, size_t base_len, cairn_error *err);
/* Back to n sets. */
void rules_pop(rules *r, size_t n);

/* What the rules say of an absolute path. `why` may be NULL; filled unless they are silent. */
rules_verdict rules_check(const rules *r, const char *path, bool is_folder, rules_reason *why);

/* Does pattern[0, n) match the whole of path[0, len)? '*' and '?' never match a '/', and a part that
 * is a double star matches any number of parts. Exposed for tests. */
bool rules_match(const char *pattern, size_t n, const char *path, size_t len);

#endif
