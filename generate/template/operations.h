/* operations.h - what operations.c and filters.c share; ast.h has what rendering calls. */
#ifndef CAIRN_GENERATE_TEMPLATE_OPERATIONS_H
#define CAIRN_GENERATE_TEMPLATE_OPERATIONS_H

#include "generate/template/ast.h"

#define MAX_STRING ((size_t)64 << 20)
#define MAX_ELEMENTS ((size_t)1 << 20)

/* Note why an operation fails. Always NULL. */
__attribute__((format(printf, 3, 4))) json_t *operation_fail(operation_error *e, cairn_status st,
                                                             const char *fmt, ...);

/* What a value is, for a sentence: "a list", "none", "undefined". */
const char *operation_kind(const json_t *v);

/* The bytes as a text; they are cleared. */
json_t *operation_text(bytes *b, operation_error *e);

/* str(v) as a fresh text. */
json_t *operation_as_text(const json_t *v, operation_error *e);

/* The argument of the name, or the i-th of those without one; NULL where it is absent. Borrowed. */
json_t *operation_argument(const call_args *a, size_t i, const char *name);

#endif
