/* struck.c - see struck.h. */
#include "ingest/extract/struck.h"

#include <string.h>

static const char mark[] = "~~", blanks[] = " \n\t";

static void insert_mark(bytes *b, size_t at)
{
    size_t behind = b->len - at;

    if (bytes_append(b, mark, 2))
        return;
    memmove(b->data + at + 2, b->data + at, behind);
    memcpy(b->data + at, mark, 2);
}

void struck_mark(bytes *text, size_t at)
{
    size_t end = text->len;

    while (end > at && strchr(blanks, text->data[end - 1]))
        end--;
    if (end == at)
        return;
    insert_mark(text, end);
    if (at >= 2 && !memcmp(text->data + at - 2, mark, 2)) {
        memmove(text->data + at - 2, text->data + at, text->len - at);
        text->data[text->len -= 2] = 0;
        return;
    }
    while (at < end && strchr(blanks, text->data[at]))
        at++;
    insert_mark(text, at);
}
