/* ask_rows.c - rows of tables in an answer: spelt with the names of their columns, and what a column's name says of
 * the numbers below it. */
#include <ctype.h>
#include <string.h>

#include "engine/ask.h"
#include "engine/tables.h"
#include "ingest/table_head.h"
#include "retrieve/word_byte.h"

#define NAME_BYTES 128 /* of a column's name that is looked at */

cairn_status ask_spell_row(const char *head, size_t head_len, const char *row, size_t row_len,
                           bytes *out)
{
    cairn_status st = CAIRN_OK;
    const char *h = head, *r = row, *name = NULL, *cell;
    size_t name_len = 0, len, names = 0, cells = 0;
    bool any = false;

    while (table_next_cell(&h, head + head_len, &name, &name_len))
        names++;
    while (table_next_cell(&r, row + row_len, &cell, &len))
        cells++;
    if (cells * 2 <= names) /* its cells ran together, and are of other columns than they stand below */
        return bytes_append(out, row, row_len);
    h = head;
    r = row;
    while (!st && table_next_cell(&r, row + row_len, &cell, &len)) {
        if (!table_next_cell(&h, head + head_len, &name, &name_len))
            name_len = 0;
        if (!len)
            continue;
        if (any)
            st = bytes_append_str(out, "; ");
        if (!st && name_len)
            st = bytes_append(out, name, name_len);
        if (!st && name_len)
            st = bytes_append_str(out, ": ");
        if (!st)
            st = bytes_append(out, cell, len);
        any = true;
    }
    return st;
}

/* The unit that a column's name ends with ("weight_g", "price (EUR)"), read as behind a number; false: none that is known. */
static bool unit_of_name(const char *name, size_t len, arena *memory, quantity *out)
{
    char text[NAME_BYTES + 4];
    size_t from, to = len;
    quantity *q;
    size_t n;

    while (to && !isalnum((unsigned char)name[to - 1]) && !(name[to - 1] & 0x80) && name[to - 1] != '%')
        to--;
    for (from = to; from && !strchr("_ ([/,-", name[from - 1]);)
        from--;
    if (to - from >= NAME_BYTES || !from) /* a name of one word is no unit: "g" alone may be anything */
        return false;
    memcpy(text, "1 ", 2);
    memcpy(text + 2, name + from, to - from);
    if (quantities_find(text, 2 + to - from, memory, &q, &n, NULL) || n != 1 || !q[0].unit)
        return false;
    *out = q[0];
    return true;
}

/* Does the name of a column say that prices stand below it? */
static bool names_price(const char *name, size_t len)
{
    static const char *const words[] = {"price", "cost", "preis", "kosten", "precio", "coste", "prix", "fee", "rent", "miete"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t at = 0, n = strlen(words[i]); at + n <= len; at++)
            if (!strncasecmp(name + at, words[i], n))
                return true;
    return false;
}

void ask_unit_of_column(const char *name, size_t len, answer_type type, quantity *q, arena *memory)
{
    quantity named;

    if (unit_of_name(name, len, memory, &named)) {
        q->unit = named.unit;
        q->class = named.class;
    }
    if (!q->unit && type == ANSWER_MONEY && names_price(name, len))
        q->class = UNIT_MONEY;
}

bool ask_is_article(const char *word, size_t len)
{
    static const char *const words[] = {"the", "a", "an", "der", "die", "das", "den", "el", "la", "le", "les", "los", "las"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (len == strlen(words[i]) && !strncasecmp(word, words[i], len))
            return true;
    return false;
}

bool ask_row_names(const char *row, size_t len, const char *side)
{
    bool any = false;

    for (const char *s = side; *s;) { /* every word of it, in whole */
        size_t n = strcspn(s, " ,?"), at = 0;
        bool skip = !n || ask_is_article(s, n);
        for (; !skip && at + n <= len; at++)
            if (!strncasecmp(row + at, s, n) && (!at || !is_word_byte(row[at - 1])) && (at + n == len || !is_word_byte(row[at + n])))
                break;
        if (!skip && at + n > len)
            return false;
        any |= !skip;
        s += n;
        s += strspn(s, " ,?");
    }
    return any;
}

/* Is the quantity that the claim names with a unit here as a bare number, below a name with another unit? */
static bool cell_disagrees(const char *name, size_t name_len, const char *cell, size_t len, const quantity *want,
                           arena *memory)
{
    quantity *have, named;
    size_t n;

    if (quantities_find(cell, len, memory, &have, &n, NULL) || n != 1 || have[0].unit || !quantity_equal(want, &have[0]))
        return false;
    return unit_of_name(name, name_len, memory, &named) && named.unit != want->unit;
}

bool ask_columns_agree(const char *head, size_t head_len, const char *row, size_t row_len, const char *claim,
                       size_t claim_len, arena *memory)
{
    quantity *said;
    size_t n, name_len, len;

    if (quantities_find(claim, claim_len, memory, &said, &n, NULL))
        return true;
    for (size_t i = 0; i < n; i++) {
        const char *h = head, *r = row, *name, *cell;
        if (!said[i].unit)
            continue;
        while (table_next_cell(&r, row + row_len, &cell, &len) && table_next_cell(&h, head + head_len, &name, &name_len))
            if (cell_disagrees(name, name_len, cell, len, &said[i], memory))
                return false;
    }
    return true;
}
