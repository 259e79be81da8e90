/* index_plan.h - what cairn_index knows while it brings a collection up to date: which documents are
 * there, which files are to be read (index.c); what becomes of those that moved or are gone
 * (index_moves.c); what is written of those that were read (index_write.c).
 *
 * Every function returns the store's errors, CAIRN_ENOMEM, CAIRN_ECANCELLED. */
#ifndef CAIRN_ENGINE_INDEX_PLAN_H
#define CAIRN_ENGINE_INDEX_PLAN_H

#include "engine/copies.h"
#include "engine/extract_queue.h"
#include "engine/folder_settings.h"
#include "engine/index.h"
#include "engine/run.h"

typedef struct known_doc {
    store_doc doc;
    bool seen; /* still there, or taken by a move */
    bool kept; /* of a file inside a changed one: still in it */
    bool changed; /* its file, or the one around it, is to be read */
    bool retag; /* unchanged, but with other tags of its own */
} known_doc;

typedef struct todo {
    const char *path;
    int64_t size, mtime_ns;
    known_doc *old; /* the document of this path, changed; NULL = a new path */
    const folder_conf *conf;
    bool anew; /* read and cut again although its bytes may be the same */
} todo;

typedef struct plan {
    run *r;
    const index_hooks *hooks; /* may be NULL */
    arena memory;
    store_snapshot *snapshot;
    known_doc *known; /* by path */
    size_t n_known, known_cap;
    todo *todo;
    size_t n_todo, todo_cap;
    folder_settings *folders;
    copies copies;
    char **roots;  /* what is named, without links */
    bool *mounted; /* of each: is it where a file system is mounted? */
    size_t n_roots;
    char **kept;   /* where a file system was mounted and is not now: nothing is known of what lies there */
    size_t n_kept;
    cairn_status status; /* of the walk's callbacks */
    cairn_error error;
} plan;

/* ---- what the run was given (index_roots.c) ---- */

/* One that does not exist is a failure of the report, and what is known below it stays: a drive that is not mounted
 * must not empty the index. The same holds for an empty mount point, where a file system was when it was indexed. */
cairn_status plan_resolve_roots(plan *p, const char *const *paths, size_t n, cairn_error *err);
/* Does the document lie where a file system is missing? */
bool plan_is_kept(const plan *p, const char *uri);
/* Remember them in the store: all for who asks why a file was not found, and which were mounted. */
cairn_status plan_remember_roots(plan *p, cairn_error *err);
void plan_forget_roots(plan *p);

/* ---- looking at the plan (index.c) ---- */

/* Is `path` the folder or file, below it, or inside it? */
bool plan_is_below(const char *path, const char *folder);
/* Is nothing there any more? Of a file inside a file, the outermost one is looked for. */
bool plan_is_gone(const char *uri);
/* The known document of this path; NULL: none. */
known_doc *plan_find_known(plan *p, const char *uri);
/* The first known document inside file `path`; more follow up to *end. */
size_t plan_find_inside(const plan *p, const char *path, size_t *end);

/* A record without passages of its own: what it is a copy of may have gone. */
bool plan_is_copy(const store_doc *d);
/* Commit what was collected; p->snapshot is changed for one of the new state. */
cairn_status plan_flush(plan *p, cairn_error *err);
/* A copies_unfit_fn: places that are gone or about to be read. */
bool plan_is_unfit(void *plan, const char *uri);

/* ---- what moved and what is gone (index_moves.c) ---- */

/* New paths whose bytes are those of a known document that is gone are recorded and leave the list. */
cairn_status plan_find_moves(plan *p, cairn_error *err);
/* Unchanged files whose own tags changed are recorded with them. */
cairn_status plan_retag(plan *p, cairn_error *err);
/* What is known and was not seen leaves the collection. */
cairn_status plan_remove_gone(plan *p, cairn_error *err);
/* A document elsewhere with these bytes whose own file is gone: the file came from there. */
cairn_status plan_find_gone_twin(plan *p, const uint8_t hash[16], store_doc *out, bool *found,
                                 cairn_error *err);
/* Record document `old` under the todo's path, with the files inside it. */
cairn_status plan_move_document(plan *p, const todo *t, const store_doc *old, cairn_error *err);
/* Files that could not be read before and are gone now are no failures any more. */
cairn_status plan_forget_gone_failures(plan *p, cairn_error *err);
/* What is told of files inside a changed file is told anew. */
cairn_status plan_forget_failures_inside(plan *p, const char *path, cairn_error *err);

/* ---- what was read (index_write.c) ---- */

cairn_status plan_write_failure(plan *p, const todo *t, const extracted *x, cairn_error *err);
cairn_status plan_write_document(plan *p, const todo *t, const extracted *x, cairn_error *err);
void plan_tell_todo(run *r, const todo *t);

#endif
