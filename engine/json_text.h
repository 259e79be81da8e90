/* json_text.h - texts of documents as JSON. */
#ifndef CAIRN_ENGINE_JSON_TEXT_H
#define CAIRN_ENGINE_JSON_TEXT_H

#include <jansson.h>
#include <stddef.h>

/* Any bytes as a JSON string, broken UTF-8 replaced; null for NULL. */
json_t *json_text(const char *s, size_t len);
json_t *json_str(const char *s);

#endif
