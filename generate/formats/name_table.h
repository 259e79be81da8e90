/* name_table.h - from a name to its number, for the keys and tensors of a model file.
 *
 * Open addressing over XXH3; the names themselves are borrowed. Names are unique: adding a second
 * equal one is reported, which is how the readers refuse duplicates. */
#ifndef CAIRN_GENERATE_FORMATS_NAME_TABLE_H
#define CAIRN_GENERATE_FORMATS_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct name_table {
    const char **names; /* [n_slots], NULL = free */
    uint32_t *values;   /* [n_slots] */
    size_t n_slots;     /* a power of two, at least twice the names */
} name_table;

/* Room for n names. False when memory runs out. */
bool name_table_init(name_table *t, size_t n);
void name_table_clear(name_table *t);
/* False when the name is there already. Never call it more than n times. */
bool name_table_add(name_table *t, const char *name, uint32_t value);
bool name_table_find(const name_table *t, const char *name, uint32_t *value);

#endif
