/* near_format.h - what the files of this folder share about the sections that near.c describes. */
#ifndef CAIRN_INDEX_NEAR_FORMAT_H
#define CAIRN_INDEX_NEAR_FORMAT_H

#include "index/near/near.h"

#define NEAR_FORMAT_VERSION 1u
#define NEAR_MAX_DOCS       0x7fffffffu

typedef struct near_slot {
    uint32_t key, place;
} near_slot;

_Static_assert(sizeof(near_signature) == 128 && sizeof(near_slot) == 8, "sections are mapped as they are");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "sections are mapped as they are");

#endif
