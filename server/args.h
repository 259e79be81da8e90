/* args.h - typed parameters from a JSON object: one table says names, kinds, bounds and where each goes.
 *
 * Owns     nothing: texts and lists read into the struct borrow from the JSON. */
#ifndef CAIRN_SERVER_ARGS_H
#define CAIRN_SERVER_ARGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/cairn.h"

typedef enum arg_kind { ARG_TEXT, ARG_SIZE, ARG_NUMBER, ARG_BOOL, ARG_MODE, ARG_LIST, ARG_ANY } arg_kind;

typedef struct arg_field {
    const char *name;
    arg_kind kind;
    size_t offset;      /* in the struct read into: const char *, size_t, double, bool, cairn_mode,
                           json_t * (borrowed) */
    bool required;
    double least, most; /* of numbers; of texts and lists: the length */
} arg_field;

/* One struct read by a table. Numbers and booleans may be written as text, as in a query string. A
 * member that no field names is an error where `strict`. CAIRN_EUSAGE with the field's name. */
cairn_status args_read(const json_t *args, const arg_field *fields, size_t n, bool strict, void *out,
                       cairn_error *err);

/* A JSON object from a body; a key that comes twice is refused. */
cairn_status args_parse(const char *text, size_t len, json_t **out, cairn_error *err);

/* A row of such a table for member `member` of struct `type`. */
#define ARG_FIELD(type, name, member, kind, ...)                                                   \
    {                                                                                              \
        name, kind, offsetof(type, member), __VA_ARGS__                                            \
    }
#define ARG_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
