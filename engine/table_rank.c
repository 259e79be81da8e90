/* table_rank.c - places behind the first: "the second largest", "der dritthöchste", "la deuxième plus chère". */
#include <math.h>
#include <string.h>

#include "engine/table_reading.h"

static const struct {
    size_t rank;
    const char *words;
} places[] = {
    {2, " second 2nd deuxième seconde segundo segunda zweite zweiter zweites zweiten zweit "},
    {3, " third 3rd troisième tercero tercera tercer dritte dritter drittes dritten dritt "},
    {4, " fourth 4th quatrième cuarto cuarta vierte vierter viertes vierten viert "},
    {5, " fifth 5th cinquième quinto quinta fünfte fünfter fünftes fünften fünft "},
};

/* A word of place right before one of degree, or in one word with it, and blanks it out of the question. */
size_t table_read_rank(char *small)
{
    static const char *const openers[] = {"zweit", "dritt", "viert", "fünft"};

    for (char *p = small + strspn(small, " "); *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " "), m;
        char one[32] = "", next[32] = "";
        const char *behind = p + n + strspn(p + n, " ");
        m = strcspn(behind, " ?.,");
        if (n < sizeof one)
            memcpy(one, p, n);
        if (m < sizeof next)
            memcpy(next, behind, m);
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            if (table_word_in(places[i].words, one) && *next && table_word_is_degree(next)) {
                memset(p, ' ', n);
                return places[i].rank;
            }
        for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
            size_t len = strlen(openers[i]);
            if (n > len + 3 && n < sizeof one && !strncmp(p, openers[i], len) && table_word_is_degree(one + len)) {
                memset(p, ' ', len);
                return i + 2;
            }
        }
        p += n;
    }
    return 1;
}

/* Is a word of the question one that table_read_rank read? Its degree is left: "zweithöchste" is "höchste". */
void table_mark_rank(solving *s)
{
    static const char *const openers[] = {"zweit", "dritt", "viert", "fünft"};

    for (size_t i = 0; i < s->n && s->rank > 1; i++) {
        word *w = &s->words[i];
        for (size_t p = 0; p < sizeof places / sizeof *places; p++)
            if (places[p].rank == s->rank && table_word_in(places[p].words, w->form) && i + 1 < s->n && table_word_is_degree(s->words[i + 1].form)) {
                w->content = false;
                w->by = BY_KIND;
            }
        for (size_t o = 0; o < sizeof openers / sizeof *openers; o++) {
            size_t len = strlen(openers[o]);
            if (!strncmp(w->form, openers[o], len) && table_word_is_degree(w->form + len)) {
                memmove(w->form, w->form + len, strlen(w->form + len) + 1);
                w->content = false;
            }
        }
    }
}

double table_ranked(const double *value, const bool *keep, size_t rows, size_t rank, bool most)
{
    double last = NAN;

    for (size_t place = 1; place <= rank; place++) {
        double best = NAN;
        size_t n = 0;
        for (size_t r = 0; r < rows; r++)
            if (keep[r] && !isnan(value[r]) && (isnan(last) || (most ? value[r] < last : value[r] > last)) &&
                (isnan(best) || (most ? value[r] > best : value[r] < best)))
                best = value[r];
        for (size_t r = 0; r < rows; r++)
            n += keep[r] && value[r] == best;
        if (isnan(best) || (place < rank && n > 1))
            return NAN; /* two share a place above: whose is the next? */
        last = best;
    }
    return last;
}
