/* value.h - values of a running template as Python would print, compare and dump them.
 *
 * A value is a json_t; NULL stands for Jinja's "undefined". Private to this folder. */
#ifndef CAIRN_GENERATE_TEMPLATE_VALUE_H
#define CAIRN_GENERATE_TEMPLATE_VALUE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/bytes.h"

bool value_is_true(const json_t *v);
bool value_equal(const json_t *a, const json_t *b);
/* -1, 0, 1; false when the two have no order. */
bool value_compare(const json_t *a, const json_t *b, int *out);
/* str(v): what {{ v }} prints. Undefined prints nothing. */
cairn_status value_print(const json_t *v, bytes *out);
/* json.dumps(v, ensure_ascii=False, indent=indent), indent < 0: on one line. */
cairn_status value_dump(const json_t *v, int indent, bytes *out);
const char *value_type_name(const json_t *v); /* "str", "int", "list"... */

#endif
