/* name_table.c - see name_table.h. */
#include "generate/formats/name_table.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

bool name_table_init(name_table *t, size_t n)
{
    memset(t, 0, sizeof *t);
    size_t slots = 8;
    while (slots / 2 < n + 1)
        slots *= 2;
    t->names = calloc(slots, sizeof *t->names);
    t->values = calloc(slots, sizeof *t->values);
    t->n_slots = slots;
    if (!t->names || !t->values) {
        name_table_clear(t);
        return false;
    }
    return true;
}

void name_table_clear(name_table *t)
{
    free(t->names);
    free(t->values);
    memset(t, 0, sizeof *t);
}

/* The slot of `name`, or the free one where it belongs. */
static size_t slot_of(const name_table *t, const char *name)
{
    size_t i = (size_t)XXH3_64bits(name, strlen(name)) & (t->n_slots - 1);
    while (t->names[i] && strcmp(t->names[i], name))
        i = (i + 1) & (t->n_slots - 1);
    return i;
}

bool name_table_add(name_table *t, const char *name, uint32_t value)
{
    size_t i = slot_of(t, name);
    if (t->names[i])
        return false;
    t->names[i] = name;
    t->values[i] = value;
    return true;
}

bool name_table_find(const name_table *t, const char *name, uint32_t *value)
{
    if (!t->n_slots)
        return false;
    size_t i = slot_of(t, name);
    if (!t->names[i])
        return false;
    *value = t->values[i];
    return true;
}
