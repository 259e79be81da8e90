/* way.c - see way.h. Texts are compared in small letters, word by word. */
#include "retrieve/way.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define WORDS_MAX   96
#define WORD_BYTES  24
#define LABEL_BYTES 48
#define LOOK_BACK   40 /* bytes before a time */

typedef struct word {
    char text[WORD_BYTES];
    size_t start, end;
} word;

static const char journeys[] = " flight flights plane train trains bus coach ferry boat tram ride drive trip journey transfer shuttle fly flying "
                               "flug rückflug hinflug heimflug zug bahn bus fähre schiff fahrt heimfahrt rückfahrt hinfahrt fliegen fahren reise vuelo tren autobús ferry barco viaje vol train bus bateau trajet voyage ";
static const char outs[] = " outbound outward hinflug hinfahrt hinweg hinreise ida aller ";
static const char backs[] = " home back return returning inbound homeward rückflug rückfahrt rückweg rückreise zurück heimflug heimfahrt heim vuelta regreso retour ";
static const char departs[] = " depart departs departing departure leave leaves leaving dep abflug abfahrt fährt fliegt ab sale salida part départ departs ";
static const char arrives[] = " arrive arrives arriving arrival land lands landing arr ankunft landet an llega llegada arrivée arrive arrives ";
static const char tos[] = " to nach ziel destination destino à hacia hasta towards ";
static const char froms[] = " from von ab origin origen desde depuis ";

static bool is(const char *list, const word *w)
{
    return word_list_has(list, w->text, strlen(w->text));
}

static size_t read_words(const char *text, size_t len, word *out)
{
    size_t n = 0;

    for (size_t at = 0; at < len && n < WORDS_MAX;) {
        size_t end = at;
        while (end < len && is_word_byte(text[end]))
            end++;
        if (end > at && end - at < WORD_BYTES) {
            utf8_fold_latin(text + at, end - at, out[n].text);
            out[n].start = at;
            out[n++].end = end;
        }
        at = end > at ? end : at + 1;
    }
    return n;
}

way_direction way_direction_of(const char *text, size_t len)
{
    word w;

    if (len >= WORD_BYTES)
        return WAY_ANY;
    utf8_fold_latin(text, len, w.text);
    return is(backs, &w) ? WAY_BACK : is(outs, &w) ? WAY_OUT : WAY_ANY;
}

static way_end end_of_word(const word *w)
{
    return is(departs, w) ? WAY_DEPARTS : is(arrives, w) ? WAY_ARRIVES : WAY_WHOLE;
}

way_end way_end_named(const char *text, size_t len)
{
    word w;

    if (len >= WORD_BYTES)
        return WAY_WHOLE;
    utf8_fold_latin(text, len, w.text);
    return end_of_word(&w);
}

bool way_has_end(const char *text, size_t len, way_end end)
{
    word w[WORDS_MAX];
    size_t n = read_words(text, len, w);

    for (size_t i = 0; i < n; i++)
        if (end_of_word(&w[i]) == end)
            return true;
    return false;
}

/* The direction that words name; "on the way out" and "the flight out" do, "out" alone does not. */
static way_direction named_direction(const word *w, size_t n)
{
    way_direction found = WAY_ANY;

    for (size_t i = 0; i < n; i++) {
        way_direction d = is(backs, &w[i]) ? WAY_BACK : is(outs, &w[i]) ? WAY_OUT : WAY_ANY;
        if (i && !strcmp(w[i].text, "out") && (!strcmp(w[i - 1].text, "way") || is(journeys, &w[i - 1])))
            d = WAY_OUT;
        if (d != WAY_ANY && found != WAY_ANY && d != found)
            return WAY_ANY; /* both */
        found = d != WAY_ANY ? d : found;
    }
    return found;
}

static text_span place_behind(const word *w, size_t n, size_t i)
{
    static const char skipped[] = " the our my your der die das dem den el la los las le l ";

    for (i++; i < n && is(skipped, &w[i]); i++)
        ;
    return i < n && strlen(w[i].text) > 2 ? (text_span){w[i].start, w[i].end} : (text_span){0, 0};
}

void way_read(const char *question, size_t len, way_asked *out)
{
    static const char *const hours[] = {"arrive", "get home", "get in", "get there", "be home", "land"};
    word w[WORDS_MAX];
    size_t n = read_words(question, len, w);
    bool asks = false, arrives_here = false, departs_here = false;
    char folded[256];

    *out = (way_asked){0};
    for (size_t i = 0; i < n; i++) {
        out->travel |= is(journeys, &w[i]);
        arrives_here |= is(" arrive arrives arriving arrival land lands landing ankunft landet ankommen llega llegada arrivée ", &w[i]);
        departs_here |= is(" depart departs departure leave leaves abflug abfahrt salida départ ", &w[i]);
    }
    utf8_fold_latin(question, len < sizeof folded - 1 ? len : utf8_floor(question, sizeof folded - 1), folded);
    for (size_t i = 1; i < sizeof hours / sizeof *hours - 1; i++)
        asks |= strstr(folded, hours[i]) != NULL;
    arrives_here |= asks;
    if (!out->travel && !(asks && strstr(folded, "home")))
        return;
    out->travel = true;
    out->direction = named_direction(w, n);
    out->end = arrives_here == departs_here && arrives_here ? WAY_WHOLE : arrives_here ? WAY_ARRIVES : WAY_DEPARTS;
    for (size_t i = 0; i < n; i++) {
        if (is(" to nach hacia ", &w[i]) && out->to.end == out->to.start)
            out->to = place_behind(w, n, i);
        else if (is(" from von desde ", &w[i]) && out->from.end == out->from.start)
            out->from = place_behind(w, n, i);
    }
}

way_direction way_of_place(const char *text, size_t start, size_t end, const char *heading)
{
    word w[WORDS_MAX];
    way_direction d = named_direction(w, read_words(text + start, end - start, w));
    size_t line = start;

    if (d != WAY_ANY && !memmem(text + start, end - start, " | ", 3))
        return d;
    while (line) {
        size_t stop = line - 1, from = stop;
        while (from && text[from - 1] != '\n')
            from--;
        if (stop > from && stop - from <= LABEL_BYTES && !memmem(text + from, stop - from, " | ", 3) && !strchr(".,;!?", text[stop - 1]) &&
            (d = named_direction(w, read_words(text + from, stop - from, w))) != WAY_ANY)
            return d;
        line = from;
    }
    return heading ? named_direction(w, read_words(heading, strlen(heading), w)) : WAY_ANY;
}

bool way_head_of(const char *text, size_t start, size_t end, text_span *head)
{
    *head = (text_span){start, end};
    if (!memmem(text + start, end - start, " | ", 3) || (start && text[start - 1] != '\n'))
        return false;
    while (head->start) {
        size_t stop = head->start - 1, from = stop;
        while (from && text[from - 1] != '\n')
            from--;
        if (!memmem(text + from, stop - from, " | ", 3))
            break;
        *head = (text_span){from, stop};
    }
    return head->start < start;
}

/* The word of a place, written with a capital, in a text; SIZE_MAX: it is not there. */
static size_t find_place(const char *s, size_t len, const char *place, size_t n)
{
    for (size_t at = 0; n && at + n <= len; at++)
        if (!strncasecmp(s + at, place, n) && is_capital(s + at, len - at) && (!at || !is_word_byte(s[at - 1])) && (at + n == len || !is_word_byte(s[at + n])))
            return at;
    return SIZE_MAX;
}

/* A name: a capital and small letters; of months and days of the week none. */
static bool is_place_like(const char *s, size_t len)
{
    static const char days[] = " mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday jan feb mar apr may jun jul aug sep oct nov dec "
                               "january february march april june july august september october november december "
                               "mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober dezember ";
    char low[WORD_BYTES];

    if (len < 3 || len >= WORD_BYTES || !is_capital(s, len) || !(islower((unsigned char)s[len - 1]) || s[len - 1] & 0x80))
        return false;
    utf8_fold_latin(s, len, low);
    return !word_list_has(days, low, strlen(low));
}

/* Does a row go to a place (from it: < 0), where its columns are called "From" and "To" in this order? Of the names in it the last is where it goes. */
static int row_goes(const char *head, size_t head_len, const char *s, size_t len, size_t at, size_t n)
{
    word h[WORDS_MAX], w[WORDS_MAX];
    size_t n_h = read_words(head, head_len, h), n_w = read_words(s, len, w), from = SIZE_MAX, to = SIZE_MAX;
    bool before = false, behind = false;

    for (size_t i = 0; i < n_h; i++) {
        if (is(froms, &h[i]) && from == SIZE_MAX)
            from = i;
        if (is(tos, &h[i]) && to == SIZE_MAX)
            to = i;
    }
    if (from == SIZE_MAX || to == SIZE_MAX)
        return 0;
    for (size_t i = 0; i < n_w; i++)
        if ((w[i].start < at || w[i].start >= at + n) && is_place_like(s + w[i].start, w[i].end - w[i].start)) {
            before |= w[i].start < at;
            behind |= w[i].start >= at + n;
        }
    if (before == behind)
        return 0;
    return (from < to) == before ? 1 : -1;
}

/* By the word before the place. */
static int sentence_goes(const char *s, size_t at)
{
    word w[WORDS_MAX];
    size_t from = at > LOOK_BACK ? at - LOOK_BACK : 0, n = read_words(s + from, at - from, w);

    if (!n || s[at - 1] != ' ')
        return 0;
    return is(tos, &w[n - 1]) ? 1 : is(froms, &w[n - 1]) ? -1 : 0;
}

int way_agrees(const way_asked *q, const char *question, const char *head, size_t head_len, const char *s, size_t len)
{
    const text_span places[] = {q->to, q->from};
    int sum = 0;

    for (int i = 0; i < 2; i++) {
        size_t n = places[i].end - places[i].start, at = n ? find_place(s, len, question + places[i].start, n) : SIZE_MAX;
        int goes = at == SIZE_MAX ? 0 : head ? row_goes(head, head_len, s, len, at, n) : sentence_goes(s, at);
        goes = i ? -goes : goes;
        if (goes < 0)
            return -1;
        sum += goes;
    }
    return sum > 0;
}

way_end way_end_of(const char *head, size_t head_len, const char *s, size_t len, text_span at)
{
    word w[WORDS_MAX];
    size_t n, from, times = 0, mine = 0, first = SIZE_MAX, second = SIZE_MAX;

    if (!head) {
        from = at.start > LOOK_BACK ? at.start - LOOK_BACK : 0;
        n = read_words(s + from, at.start - from, w);
        while (n--) {
            if (is(departs, &w[n]))
                return WAY_DEPARTS;
            if (is(arrives, &w[n]))
                return WAY_ARRIVES;
            if (isdigit((unsigned char)w[n].text[0]) && strspn(w[n].text, "0123456789") == strlen(w[n].text) && s[from + w[n].end] == ':')
                break; /* another time */
        }
        return WAY_WHOLE;
    }
    n = read_words(head, head_len, w);
    for (size_t i = 0; i < n; i++) {
        if (is(departs, &w[i]) && first == SIZE_MAX)
            first = i;
        if (is(arrives, &w[i]) && second == SIZE_MAX)
            second = i;
    }
    for (size_t i = 1; i + 2 < len; i++) /* 09:35 */
        if (s[i] == ':' && isdigit((unsigned char)s[i - 1]) && isdigit((unsigned char)s[i + 1]) && isdigit((unsigned char)s[i + 2])) {
            mine += i < at.start;
            times++;
        }
    if (first == SIZE_MAX || second == SIZE_MAX || times != 2)
        return WAY_WHOLE;
    return (mine == 0) == (first < second) ? WAY_DEPARTS : WAY_ARRIVES;
}
