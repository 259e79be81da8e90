/* csv.c - see csv.h. */
#include "ingest/extract/csv.h"

cairn_status csv_cell(csv *c, bytes *out, bool *last, bool whole)
{
    size_t start = out->len;
    bool quoted = false;
    cairn_status st = CAIRN_OK;

    *last = false;
    for (; c->at < c->len && !st; c->at++) {
        char ch = c->s[c->at], next = c->at + 1 < c->len ? c->s[c->at + 1] : 0;

        if (ch == '"' && (quoted || out->len == start)) {
            if (quoted && next == '"') {
                st = bytes_append(out, "\"", 1);
                c->at++;
            } else {
                quoted = !quoted;
            }
        } else if (!quoted && ch == '\n') {
            c->at++;
            c->line++;
            *last = true;
            return st;
        } else if (!quoted && ch == c->separator && !whole) {
            c->at++;
            return st;
        } else if (ch == '\n' || ch == '\r' || ch == '\t') {
            c->line += ch == '\n';
            if (out->len > start && next && next != '\n')
                st = bytes_append(out, " ", 1);
        } else {
            st = bytes_append(out, &ch, 1);
        }
    }
    *last = true;
    return st;
}
