/* evidence_rows.c - rows of tables anywhere in a passage: the line that names their columns, and cells that have nothing. */
#include <string.h>
#include <strings.h>

#include "retrieve/evidence_reading.h"

/* The terms that begin in bytes [start, end). */
void evidence_terms_between(const term_list *l, size_t start, size_t end, const text_term **at,
                            size_t *n)
{
    size_t i = 0, j;

    while (i < l->n && l->at[i].start < start)
        i++;
    for (j = i; j < l->n && l->at[j].start < end; j++)
        ;
    *at = l->at + i;
    *n = j - i;
}

/* The next cell of a row from *at on, as chunks of tables are written: " | " between cells, "| " for an empty one. */
static bool next_cell(const char *s, size_t end, size_t *at, text_span *cell)
{
    const char *sign;

    if (*at > end)
        return false;
    if (end - *at >= 2 && !memcmp(s + *at, "| ", 2)) {
        *cell = (text_span){*at, *at};
        *at += 2;
        return true;
    }
    sign = memmem(s + *at, end - *at, " | ", 3);
    *cell = (text_span){*at, sign ? (size_t)(sign - s) : end};
    *at = sign ? cell->end + 3 : end + 1;
    if (!sign && cell->end >= cell->start + 2 && !memcmp(s + cell->end - 2, " |", 2))
        cell->end -= 2; /* the last one is empty */
    while (cell->start < cell->end && s[cell->start] == ' ')
        cell->start++;
    while (cell->end > cell->start && s[cell->end - 1] == ' ')
        cell->end--;
    return true;
}

/* The first line of the table that a row belongs to, anywhere in a passage: the topmost of the rows in one block with it. False: the
 * bytes are no row, or that line itself. */
bool evidence_head_of_row(const reading *r, const text_span *row, text_span *head)
{
    const char *s = r->p->text.text;

    *head = *row;
    if (!memmem(s + row->start, row->end - row->start, " | ", 3) || (row->start && s[row->start - 1] != '\n'))
        return false;
    while (head->start) {
        size_t end = head->start - 1, start = end;
        while (start && s[start - 1] != '\n')
            start--;
        if (!memmem(s + start, end - start, " | ", 3))
            break;
        *head = (text_span){start, end};
    }
    return head->start < row->start;
}

/* Is this the line that names the columns of a table further down in a passage? A row follows, and none is above. */
bool evidence_names_columns(const reading *r, const text_span *line)
{
    const char *s = r->p->text.text, *nl;
    size_t len = r->p->text.len, next = line->end + 1;
    text_span head;

    if (next >= len || s[line->end] != '\n' || !memmem(s + line->start, line->end - line->start, " | ", 3) || evidence_head_of_row(r, line, &head))
        return false;
    nl = memchr(s + next, '\n', len - next);
    return memmem(s + next, (nl ? (size_t)(nl - s) : len) - next, " | ", 3) != NULL;
}

/* Is the cell of a row empty, or a mark for that, below the name of a column that the question has and the row has not? "Which port
 * does the worker use?" is not answered by a "-" under "Port". */
bool evidence_row_is_blank(const asked *q, const reading *r, const text_span *head, const text_span *row)
{
    const char *s = r->p->text.text;
    size_t h = head->start, c = row->start, n_at, n_own;
    const text_term *at, *own;
    text_span name, cell;

    evidence_terms_between(&r->terms, row->start, row->end, &own, &n_own);
    while (next_cell(s, head->end, &h, &name) && next_cell(s, row->end, &c, &cell)) {
        size_t n = cell.end - cell.start;
        if (n > 3 || (n == 1 && !strchr("-?", s[cell.start])) || n == 2 ||
            (n == 3 && strncasecmp(s + cell.start, "n/a", 3) != 0 && memcmp(s + cell.start, "\xE2\x80\x94", 3) != 0))
            continue;
        evidence_terms_between(&r->terms, name.start, name.end, &at, &n_at);
        for (size_t w = 0; w < q->n; w++)
            if (r->keys[w] && terms_have(at, n_at, r->keys[w]) && !terms_have(own, n_own, r->keys[w]))
                return true;
    }
    return false;
}
