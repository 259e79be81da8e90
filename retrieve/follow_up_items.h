/* follow_up_items.h - what a reply lists: "K1, K2 and K2 Pro", "the north room and the south room", lines behind bullets,
 * or the names beside its citations.
 *
 * Items that stand side by side are names, designations and numbers, or have an article each; the noun that they are
 * counted by ("two boats, the Petrel and the Gull") is none of them. The longest list of the text counts, the first of
 * those as long.
 *
 * Owns     nothing: an item is a part of the text. Any thread. */
#ifndef CAIRN_RETRIEVE_FOLLOW_UP_ITEMS_H
#define CAIRN_RETRIEVE_FOLLOW_UP_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#define FOLLOW_ITEMS_MAX 16

typedef struct follow_item {
    const char *text;
    size_t len;
    size_t article; /* bytes of its article and the blank behind it; 0: it has none */
} follow_item;

typedef struct follow_items {
    follow_item at[FOLLOW_ITEMS_MAX];
    size_t n; /* 0, or two and more */
} follow_items;

/* The first 4 KiB of the text are read. */
void follow_items_of(const char *text, follow_items *out);

#endif
