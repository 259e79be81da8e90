/* json_schema.h - a JSON Schema (a useful part of draft 2020-12) as a grammar.
 *
 * Known: type (also a list), properties, required, additionalProperties, items, prefixItems, minItems,
 * maxItems, minLength, maxLength, enum, const, anyOf, oneOf (as anyOf), $ref to #/$defs/NAME,
 * #/definitions/NAME and #, booleans as schemas. Annotations (title, description, default, examples
 * and their like) mean nothing. Every other keyword is refused by name, because text that only seems
 * to obey a schema is worse than none.
 *
 * Properties come in the order of the schema; those that are not required may be left out; others
 * come behind them, when additionalProperties allows (true or a schema; absent counts as false: a
 * model would invent them). Between tokens at most one space, or a line break and spaces. */
#ifndef CAIRN_GENERATE_GRAMMAR_JSON_SCHEMA_H
#define CAIRN_GENERATE_GRAMMAR_JSON_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "base/bytes.h"

/* Append the grammar (grammar.h) of the JSON texts that `schema` allows. CAIRN_EUNSUPPORTED: a keyword
 * that is not known; CAIRN_EINPUT: no schema. */
cairn_status json_schema_grammar(const json_t *schema, bytes *out, cairn_error *err);
/* The same without a root, for a grammar of several: what schemas[i] allows is the rule s<rules[i]>. Further
 * rules must not be called ws, string, char, integer, number, boolean, null, any, anyobject, anyarray or s
 * and a number. */
cairn_status json_schema_rules(const json_t *const *schemas, size_t n, size_t *rules, bytes *out,
                               cairn_error *err);
bool json_schema_knows(const char *keyword);

#endif
