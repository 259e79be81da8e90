/* helpers.h - programs of others that read what no library of ours reads, used where they are installed.
 *
 * They run below cairn-convert (convert/main.c), which confines them. This is the one list of them: for
 * starting them, for saying which one is missing, and for `cairn doctor`. */
#ifndef CAIRN_INGEST_HELPERS_H
#define CAIRN_INGEST_HELPERS_H

#include <stdbool.h>
#include <stddef.h>

/* What is asked for. The order of the list below is the order in which programs are tried. */
typedef enum helper_task {
    HELPER_DOC = 1, /* Word 6 to 2003 to text: a paragraph a line, rows of tables between bars */
    HELPER_XLS,     /* Excel 5 to 2003 to CSV, a form feed behind each sheet */
    HELPER_TAGS,    /* source code to its symbols, JSON lines */
    HELPER_END
} helper_task;

typedef struct helper_program {
    helper_task task;
    const char *name, *path;
    const char *package;    /* of Debian */
    const char *const *argv; /* it reads its standard input; NULL behind the last */
    const char *folders[3]; /* what it reads besides; NULL behind the last */
} helper_program;

/* The i-th program, NULL behind the last. */
const helper_program *helper_program_at(size_t i);
bool helper_is_installed(const helper_program *p);
/* The Debian package to install for it. */
const char *helper_cure(helper_task task);

#endif
