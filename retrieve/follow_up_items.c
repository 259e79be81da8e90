/* follow_up_items.c - see follow_up_items.h. Around each "and" of a sentence the item behind it is read forwards and those
 * before it backwards, from comma to comma. */
#include "retrieve/follow_up_items.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "retrieve/follow_up_words.h"
#include "retrieve/sentences.h"
#include "retrieve/word_byte.h"

#define TEXT_BYTES 4096
#define ITEM_BYTES 120
#define PIECES_BYTES 200
#define PIECE_WORDS  4
#define ITEM_WORDS 3 /* behind an article */

static const char verbs[] =
    " is are was were be been has have had does do did can could will would shall should may "
    "might must goes go went ist sind war waren hat haben hatte hatten wird werden wurde "
    "wurden kann können muss darf soll est sont était étaient a ont fut avait peut son era "
    "eran fue fueron ha han hay puede ";

static bool is_named(const follow_word *w)
{
    return w->kind == FOLLOW_NAME || w->kind == FOLLOW_DESIGNATION || w->kind == FOLLOW_NUMBER || w->kind == FOLLOW_YEAR;
}

/* Is there but a blank between word `i` and the next one? */
static bool joined(const follow_text *s, size_t i)
{
    return i + 1 < s->n && s->at[i + 1].start == s->at[i].end + 1 && s->text[s->at[i].end] == ' ';
}

/* A comma between word `i` and the next one, and nothing but blanks beside it. */
static bool comma(const follow_text *s, size_t i)
{
    size_t at = s->at[i].end;

    return i + 1 < s->n && s->text[at] == ',' && at + 1 + strspn(s->text + at + 1, " \n") == s->at[i + 1].start;
}

static bool stops(const follow_text *s, size_t i)
{
    const follow_word *w = &s->at[i];

    return follow_is(follow_prepositions, s->text, w) || follow_is(follow_ends_phrase, s->text, w) || follow_is(follow_joins, s->text, w) ||
           follow_is(verbs, s->text, w);
}

static void put(const follow_text *s, size_t first, size_t last, bool article, follow_items *out)
{
    const char *from = s->text + s->at[first].start;
    size_t len = s->at[last].end - s->at[first].start;
    bool number = true; /* of what, nobody knows */

    for (size_t i = first; i <= last && number; i++)
        number = s->at[i].kind == FOLLOW_NUMBER;
    if (out->n < FOLLOW_ITEMS_MAX && len <= ITEM_BYTES && !number)
        out->at[out->n++] = (follow_item){from, len, article ? s->at[first + 1].start - s->at[first].start : 0};
}

/* The item that begins at word `i`; returns the last of its words, or `i` - 1 where there is none. */
static size_t read_forwards(const follow_text *s, size_t i, bool *article)
{
    size_t last, words = 0;

    *article = i < s->n && follow_is(follow_articles, s->text, &s->at[i]) && joined(s, i);
    last = *article ? i + 1 : i;
    if (last >= s->n || stops(s, last) || (!*article && !is_named(&s->at[last])))
        return i - 1;
    for (bool named = is_named(&s->at[last]); joined(s, last) && ++words < FOLLOW_WORDS_MAX; last++) {
        const follow_word *next = &s->at[last + 1];
        if (stops(s, last + 1) || (named && !is_named(next)) || (!named && words >= ITEM_WORDS))
            break;
        named |= is_named(next);
    }
    return last;
}

/* The same of the one that ends at word `last`; false where there is none. */
static bool read_backwards(const follow_text *s, size_t last, size_t *first, bool *article)
{
    size_t at = last, words = 1;

    if (stops(s, last))
        return false;
    while (at && is_named(&s->at[at]) && joined(s, at - 1) && is_named(&s->at[at - 1]))
        at--;
    *first = at;
    *article = false;
    for (; at && joined(s, at - 1) && words <= ITEM_WORDS; words++) {
        at--;
        if (follow_is(follow_articles, s->text, &s->at[at])) {
            *first = at;
            *article = true;
            return !follow_is(follow_counts, s->text, &s->at[at + 1]); /* "the two rooms, ...", "a deux bateaux, ..." */
        }
        if (stops(s, at))
            break;
    }
    return is_named(&s->at[*first]);
}

/* The items before the conjunction at word `c`, last one first. */
static void read_before(const follow_text *s, size_t c, follow_items *out)
{
    size_t last = c - 1, first;
    bool article;

    while (out->n + 1 < FOLLOW_ITEMS_MAX && read_backwards(s, last, &first, &article)) {
        if (!article && first && joined(s, first - 1) && follow_is(follow_counts, s->text, &s->at[first - 1]))
            return;
        put(s, first, last, article, out);
        if (!first || !comma(s, first - 1))
            return;
        last = first - 1;
    }
}

static void read_sentence(const char *text, size_t from, size_t upto, follow_items *best)
{
    follow_text s;

    follow_read(text, from, upto, &s);
    if (s.n > 1 && s.at[0].kind == FOLLOW_PLAIN && is_capital(text + s.at[0].start, 2) &&
        (comma(&s, 0) || follow_is(follow_joins, text, &s.at[1])))
        s.at[0].kind = FOLLOW_NAME; /* "White, Rye and Spelt." */
    for (size_t c = 1; c + 1 < s.n; c++) {
        follow_items before = {.n = 0}, all = {.n = 0};
        bool article, oxford = comma(&s, c - 1);
        size_t last;
        if (!follow_is(follow_joins, text, &s.at[c]) || !joined(&s, c) || (!joined(&s, c - 1) && !oxford))
            continue;
        last = read_forwards(&s, c + 1, &article);
        if (last == c)
            continue;
        read_before(&s, c, &before);
        for (size_t i = before.n; i-- > 0;)
            all.at[all.n++] = before.at[i];
        put(&s, c + 1, last, article, &all);
        if (before.n && all.n > before.n && all.n > best->n)
            *best = all;
    }
}

/* ---- a reply that is a list and no more ---- */

/* "north room, south room", "LF 20 und TLF 3000": pieces of few words without a verb or preposition, between commas and
 * conjunctions. */
static void read_pieces(const char *text, size_t len, follow_items *out)
{
    follow_text s;

    follow_read(text, 0, len, &s);
    if (len > PIECES_BYTES || s.n < 2 || memchr(text, '\n', len))
        return;
    for (size_t i = 0, first = 0; i < s.n; i++) {
        bool ends = i + 1 == s.n, join = !ends && joined(&s, i) && follow_is(follow_joins, text, &s.at[i + 1]);
        if (stops(&s, i) || i - first >= PIECE_WORDS || (!ends && !joined(&s, i) && !comma(&s, i))) {
            out->n = 0;
            return;
        }
        if (!ends && !join && joined(&s, i))
            continue;
        put(&s, first, i, first < i && follow_is(follow_articles, text, &s.at[first]), out);
        i += !ends && follow_is(follow_joins, text, &s.at[i + 1]);
        first = i + 1;
    }
}

/* ---- lines behind bullets ---- */

/* Bytes of "- ", "* ", "2. " or "2) " at the beginning of a line. */
static size_t bullet(const char *line, size_t len)
{
    size_t at = 0, digits;

    while (at < len && line[at] == ' ')
        at++;
    if (len - at > 2 && strchr("-*", line[at]) && line[at + 1] == ' ')
        return at + 2;
    if (len - at > 4 && !memcmp(line + at, "\xE2\x80\xA2 ", 4))
        return at + 4;
    digits = at;
    while (at < len && isdigit((unsigned char)line[at]))
        at++;
    return at > digits && at - digits < 3 && len - at > 2 && strchr(".)", line[at]) && line[at + 1] == ' ' ? at + 2 : 0;
}

/* Of a line what stands before a colon, a bracket, a bar or its end. */
static void read_lines(const char *text, size_t len, follow_items *out)
{
    for (size_t at = 0, end; at < len && out->n < FOLLOW_ITEMS_MAX; at = end + 1) {
        const char *nl = memchr(text + at, '\n', len - at);
        size_t begin, stop;
        end = nl ? (size_t)(nl - text) : len;
        begin = bullet(text + at, end - at);
        if (!begin)
            continue;
        for (begin += at, stop = begin; stop < end && !strchr(":([|;", text[stop]); stop++) {}
        while (stop > begin && strchr(" .,*", text[stop - 1]))
            stop--;
        if (stop > begin && stop - begin <= ITEM_BYTES)
            out->at[out->n++] = (follow_item){text + begin, stop - begin, 0};
    }
}

/* ---- what stands before each citation ---- */

/* The longest run of names in text[from, upto). */
static bool longest_name(const char *text, size_t from, size_t upto, follow_item *out)
{
    follow_text s;
    size_t best = 0;

    follow_read(text, from, upto, &s);
    for (size_t i = 0; i < s.n; i++) {
        size_t last = i, len;
        if (s.at[i].kind != FOLLOW_NAME && s.at[i].kind != FOLLOW_DESIGNATION)
            continue;
        while (joined(&s, last) && is_named(&s.at[last + 1]))
            last++;
        len = s.at[last].end - s.at[i].start;
        if (len > best && len <= ITEM_BYTES) {
            best = len;
            *out = (follow_item){text + s.at[i].start, len, 0};
        }
        i = last;
    }
    return best > 0;
}

static void read_cited(const char *text, size_t len, follow_items *out)
{
    size_t from = 0;
    text_marker m;

    for (size_t i = 0; i < len && out->n < FOLLOW_ITEMS_MAX; i++) {
        if (!marker_read(text, len, i, &m))
            continue;
        if (i > from && longest_name(text, from, i, &out->at[out->n]))
            out->n++;
        from = m.end;
        i = m.end - 1;
    }
}

void follow_items_of(const char *text, follow_items *out)
{
    size_t len = strnlen(text, TEXT_BYTES);
    follow_items lines = {.n = 0}, cited = {.n = 0}, pieces = {.n = 0};
    size_t end_of_text, at_end;
    text_marker m;

    *out = (follow_items){.n = 0};
    if (len == TEXT_BYTES)
        len = utf8_floor(text, len);
    for (size_t at = 0, end; at < len; at = end + 1) { /* a line, or a part that a full stop ends */
        for (end = at; end < len && text[end] != '\n' && !(strchr(".!?;", text[end]) && end + 1 < len && strchr(" [\n", text[end + 1])); end++) {}
        read_sentence(text, at, end, out);
    }
    for (end_of_text = 0; end_of_text < len && !marker_read(text, len, end_of_text, &m); end_of_text++) {}
    for (at_end = end_of_text; marker_read(text, len, at_end, &m) || (at_end < len && strchr(" .\n", text[at_end]));)
        at_end = at_end < len && text[at_end] == '[' ? m.end : at_end + 1;
    while (end_of_text && strchr(" .", text[end_of_text - 1]))
        end_of_text--;
    if (!out->n && at_end == len) /* nothing but markers behind it */
        read_pieces(text, end_of_text, &pieces);
    if (pieces.n > 1)
        *out = pieces;
    read_lines(text, len, &lines);
    if (lines.n > 1 && lines.n >= out->n)
        *out = lines;
    if (!out->n) {
        read_cited(text, len, &cited);
        *out = cited;
    }
    if (out->n < 2)
        out->n = 0;
}
