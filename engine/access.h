/* access.h - who may read which document of a collection.
 *
 * The rules are the file `access` in the collection's folder, of one on a cluster a record there, a line each:
 *
 *   # who                    what
 *   *                        /home/team/
 *   hr,ann                   /home/team/hr/
 *   *                        /home/team/hr/holidays.pdf
 *   -                        *.draft.*
 *
 * Who: principals with commas between, "*" everybody, "-" nobody. What: a document or a folder, which stands
 * for all below it and for the files inside a file, or a glob over the whole uri (* any run, ? one
 * character, letter case does not count). The last line that fits a document decides; a document that none
 * fits is open to everybody who may read the collection.
 *
 * A handle opened for principals sees the documents that are hidden from it as deleted ones: their rows are
 * so in its views (view.h), and nothing that walks a view can tell the difference. What looks into the
 * store without a view asks access_allows.
 *
 * Owns     a copy of the principals and of the rules.
 * Threads  of its handle.
 * Errors   CAIRN_EINPUT: a rule that cannot be read, with file and line. Then nobody gets to read anything
 *          through a handle for principals, because what was meant is not known. */
#ifndef CAIRN_ENGINE_ACCESS_H
#define CAIRN_ENGINE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "index/filter/filter.h"
#include "retrieve/index.h"

typedef struct access_rules access_rules;

/* `principals`: with commas between. `path`: of the file of rules, which need not exist. */
cairn_status access_create(access_rules **out, const char *principals, const char *path, cairn_error *err);
void access_destroy(access_rules *a); /* NULL is fine */

/* Read the rules again if the file is another one than last time. */
cairn_status access_refresh(access_rules *a, cairn_error *err);
/* Take the rules from a text, of a collection that is kept elsewhere. */
cairn_status access_take(access_rules *a, const char *text, size_t len, cairn_error *err);
/* As an engine elsewhere takes them: out[*n], which lives as long as the rules and the arena. */
cairn_status access_list(const access_rules *a, arena *memory, retrieve_rule **out, size_t *n, cairn_error *err);
/* Grows when the rules were read again. */
uint64_t access_version(const access_rules *a);
bool access_allows(const access_rules *a, const char *uri);
/* The rows of a segment that are hidden by the rules into bits[row_set_words(rows)]; *any: are there some? */
cairn_status access_hidden(const access_rules *a, const filter_reader *rows, uint64_t *bits, bool *any,
                           cairn_error *err);

/* Check a text of rules without using it, as the file would be read. */
cairn_status access_check(const char *text, size_t len, cairn_error *err);

#endif
