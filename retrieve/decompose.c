/* decompose.c - see decompose.h. The question is read as words with their places; every form is
 * tried in turn, and each names the runs of words that are its sides and what is asked of them. */
#include "retrieve/decompose.h"

#include <ctype.h>
#include <string.h>

#include "base/bytes.h"
#include "retrieve/decompose_words.h"

#define SIDE_WORDS 14

/* Comparatives and superlatives: what kind of value they compare, and which end of it they mean. */
static const struct {
    const char *words, *ask[4]; /* the question word for the value in en, de, es, fr */
    int sign;                   /* < 0: the least */
} measures[] = {
    {" older oldest first earlier earliest sooner before älter älteste früher zuerst eher vor "
     "bevor antes primero primera antigua antiguo ancien ancienne "
     "premier première avant tôt ",
     {"When", "Wann", "Cuándo", "Quand"},
     -1},
    {" younger youngest newer newest later latest last after recent recently jünger neuer später "
     "zuletzt nach nachdem después reciente récent récente "
     "après tard ",
     {"When", "Wann", "Cuándo", "Quand"},
     1},
    {" longer longest länger längste larga largo longue long ",
     {"How long", "Wie lang", "Cuánto", "Combien"},
     1},
    {" shorter shortest kürzer kürzeste corta corto court courte ",
     {"How long", "Wie lang", "Cuánto", "Combien"},
     -1},
    {" higher highest taller tallest höher höchste alto alta haut haute ",
     {"How high", "Wie hoch", "Cuánto", "Combien"},
     1},
    {" lower lowest niedriger bajo baja bas basse ",
     {"How high", "Wie hoch", "Cuánto", "Combien"},
     -1},
    {" deeper deepest tiefer ", {"How deep", "Wie tief", "Cuánto", "Combien"}, 1},
    {" wider widest breiter ", {"How wide", "Wie breit", "Cuánto", "Combien"}, 1},
    {" larger largest bigger biggest größer größte grande grand ",
     {"How large", "Wie groß", "Cuánto", "Combien"},
     1},
    {" smaller smallest kleiner kleinste pequeño petit petite ",
     {"How large", "Wie groß", "Cuánto", "Combien"},
     -1},
    {" heavier heaviest schwerer schwerste pesado lourd lourde ",
     {"How heavy", "Wie schwer", "Cuánto pesa", "Combien pèse"},
     1},
    {" lighter lightest leichter ", {"How heavy", "Wie schwer", "Cuánto pesa", "Combien pèse"}, -1},
    {" hotter hottest warmer warmest wärmer ",
     {"How hot", "Wie warm", "Qué temperatura", "Quelle température"},
     1},
    {" colder coldest cooler kälter ",
     {"How hot", "Wie warm", "Qué temperatura", "Quelle température"},
     -1},
    {" faster fastest schneller ", {"How fast", "Wie schnell", "Cuánto", "Combien"}, 1},
    {" cheaper cheapest billiger günstiger barato barata ",
     {"How expensive", "Wie teuer", "Cuánto cuesta", "Combien coûte"},
     -1},
    {" dearer teurer caro cara cher chère expensive ",
     {"How expensive", "Wie teuer", "Cuánto cuesta", "Combien coûte"},
     1},
    {" more most mehr más plus ", {"How many", "Wie viele", "Cuántos", "Combien"}, 1},
    {" fewer fewest less least weniger menos moins ",
     {"How many", "Wie viele", "Cuántos", "Combien"},
     -1},
};

static const char *const langs[] = {"en", "de", "es", "fr"};

#define ARTICLES " the a an der die das den dem des el la los las le les "

/* The first comparative in [from, to): its place, to where there is none. "most recent" is what
 * `recent` is. */
static size_t find_measure(const reading *r, size_t from, size_t to, size_t *which)
{
    size_t found = to;

    for (size_t i = from; i < to; i++)
        for (size_t m = 0; m < sizeof measures / sizeof *measures; m++)
            if (word_is(r, i, measures[m].words)) {
                bool degree = word_is(r, i, " more most less least más menos plus moins mehr ");
                if (found < to && degree)
                    continue;
                found = i;
                *which = m;
                if (!degree)
                    return i;
            }
    return found;
}

/* "costs more": what it costs, and not how many. */
static size_t measure_of(const reading *r, size_t from, size_t to, size_t which)
{
    static const struct {
        const char *verbs, *first; /* first: a word of the measure */
    } kinds[] = {{" cost costs kosten kostet cuesta cuestan coûte coûtent ", "cheaper"},
                 {" weigh weighs wiegt wiegen pesa pesan pèse pèsent ", "lighter"}};
    bool more = measures[which].sign > 0;

    for (size_t i = from; i < to; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            for (size_t m = 0;
                 word_is(r, i, kinds[k].verbs) && m < sizeof measures / sizeof *measures; m++)
                if (strstr(measures[m].words,
                           kinds[k].first)) /* the most stands beside the least */
                    return !more ? m : k ? m - 1 : m + 1;
    return which;
}

static bool add_part(reading *r, const char *question, const char *side)
{
    if (!question || !side)
        return false;
    r->out->parts[r->out->n_parts++] = (decompose_part){question, side};
    return true;
}

static bool says_price(const reading *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (word_is(r, i, " cost costs kosten kostet "))
            return true;
    return false;
}

/* What is asked of one side: the question word of the measure and the words of the predicate
 * without the comparative. */
static const char *ask_of(const reading *r, const char *ask, size_t from, size_t to,
                          const char *side)
{
    char text[2048] = "";
    size_t n;
    bool costs = !strcmp(ask, "How expensive") && says_price(r, from, to);

    if (!strcmp(ask, "Wie teuer") && says_price(r, from, to))
        ask = "Wie viel kostet";
    if (costs)
        ask = "";
    n = strlen(ask);
    if (n + strlen(side) + 4 > sizeof text)
        return NULL;
    memcpy(text, ask, n);
    for (size_t i = from; i < to; i++) {
        const word *w = &r->at[i];
        bool drop = word_is(r, i, wh_words) ||
                    word_is(r, i,
                            " of two three both the a an than von den dem der beiden que "
                            "de los dos des deux more most más plus to at less cost costs "
                            "kosten kostet cuesta cuestan coûte coûtent weigh weighs wiegt "
                            "wiegen pesa pesan pèse pèsent ");
        for (size_t m = 0; m < sizeof measures / sizeof *measures && !drop; m++)
            drop = word_is(r, i, measures[m].words);
        if (drop || n + (w->end - w->start) + strlen(side) + 4 > sizeof text)
            continue;
        text[n++] = ' ';
        memcpy(text + n, r->text + w->start, w->end - w->start);
        n += w->end - w->start;
    }
    if (costs) {
        text[n] = '\0';
        return arena_printf(r->a, "How much does %s cost%s?", side, text);
    }
    text[n++] = ' ';
    memcpy(text + n, side, strlen(side));
    n += strlen(side);
    text[n++] = '?';
    text[n] = '\0';
    return arena_strdup(r->a, *ask ? text : text + 1);
}

/* "Was" asks for a thing in German, and is a verb in English. */
static bool is_german(const reading *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (word_is(r, i,
                    " der das den dem des ein eine einen einem einer und oder ist sind wurde "
                    "wurden war "
                    "waren hat haben kann können als wird werden die zu "))
            return true;
    return false;
}

static bool begins_with_verb(const reading *r)
{
    return word_is(r, 0, auxiliaries) && !(word_is(r, 0, " was es ") && is_german(r));
}

static bool has_verb(const reading *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (word_is(r, i, auxiliaries) || word_is(r, i, wh_words) ||
            word_is(r, i, " nicht not no werden wird wurde "))
            return true;
    return false;
}

/* ---- forms ---- */

/* "..., A or B?" at the end; also "A or B" of capitals without a comma before. What stands before
 * is the predicate. */
static bool choice(reading *r)
{
    static const char *const ors[] = {" or ", " oder ", " o u ", " ou "};
    size_t j = r->n, lang = 0, begin = 0, m = 0, at;
    const char *ask = "", *sides[2];

    for (size_t i = r->n; i-- > 1 && j == r->n;)
        for (lang = 0; lang < 4; lang++)
            if (word_is(r, i, ors[lang])) {
                j = i;
                break;
            }
    if (j + 1 >= r->n || j < 2 || r->n - j - 1 > SIDE_WORDS ||
        !(word_is(r, 0, wh_words) || word_is(r, 1, wh_words) || word_is(r, 0, " between of ")))
        return false;
    for (size_t i = j; i-- > 1;)
        if (r->at[i - 1].comma) {
            begin = i;
            break;
        }
    if (!begin && lang)
        return false;
    if (!begin || j - begin > SIDE_WORDS) { /* no comma: capitals alone */
        for (begin = j;
             begin > 1 && (r->at[begin - 1].capital ||
                           (begin < j && word_is(r, begin - 1, little_words) && begin - 1 > 1));
             begin--)
            ;
        if (begin == j || begin < 2 || !r->at[j + 1].capital)
            return false;
    }
    if (!words_have_letters(r, begin, j) || !words_have_letters(r, j + 1, r->n) ||
        has_verb(r, begin, j) || has_verb(r, j + 1, r->n))
        return false;
    at = find_measure(r, 0, begin, &m);
    if (at < begin) {
        m = measure_of(r, 0, begin, m);
        ask = measures[m].ask[lang];
        r->out->order = measures[m].sign < 0 ? DECOMPOSE_LEAST : DECOMPOSE_MOST;
    }
    sides[0] = words_run(r, begin, j);
    sides[1] = words_run(r, j + 1, r->n);
    for (size_t k = 0; k < 2; k++)
        if (!sides[k] || !add_part(r, ask_of(r, ask, 0, begin, sides[k]), sides[k]))
            return false;
    for (size_t i = 1; i < begin && i < 4 && at < begin;
         i++) /* "Which band was formed first": "was formed first" */
        if (word_is(r, 0, wh_words) && !word_is(r, i, " did do does ") &&
            (word_is(r, i, auxiliaries) ||
             word_is(r, i, " costs cost weighs weigh kostet wiegt cuesta pesa coûte pèse "))) {
            r->out->verdict = words_run(r, i, begin);
            break;
        }
    r->out->kind = DECOMPOSE_COMPARISON;
    r->out->lang = langs[lang];
    return true;
}

/* "that of Y" after "the notice period of X": "the notice period of Y". */
static const char *second_side(const reading *r, size_t a, size_t a_end, size_t b, size_t b_end)
{
    char text[1024];
    size_t of = a_end;

    if (word_is(r, b, " that those ") && word_is(r, b + 1, " of in for ")) {
        for (size_t i = a; i < a_end && of == a_end; i++)
            if (!strcmp(r->at[i].low, r->at[b + 1].low))
                of = i;
        if (of > a && of < a_end) {
            const char *head = words_run(r, a, of), *tail = words_run(r, b + 1, b_end);
            if (head && tail && strlen(head) + strlen(tail) + 2 < sizeof text) {
                size_t n = strlen(head);
                memcpy(text, head, n);
                text[n++] = ' ';
                memcpy(text + n, tail, strlen(tail) + 1);
                return arena_strdup(r->a, text);
            }
        }
    }
    return words_run(r, b, b_end);
}

/* "Is A older than B?", "Did A have more faculties than B?", "Was A stated before B was invented?"
 */
static bool yes_or_no(reading *r)
{
    static const char *const thans[] = {" than ", " als ", " que ", " que "};
    size_t than = r->n, lang = 0, m = 0, at, a_end;
    const char *ask, *sides[2];
    bool when = false;

    if (!begins_with_verb(r))
        return false;
    for (size_t i = 2; i + 1 < r->n && than == r->n; i++) {
        for (size_t l = 0; l < 4 && than == r->n; l++)
            if (word_is(r, i, thans[l]) && find_measure(r, 1, i, &m) < i) {
                than = i;
                lang = l;
            }
        if (than == r->n && word_is(r, i, " before after ") &&
            word_is(r, 0, " did was were had has have ")) {
            than = i;
            when = true;
            lang = 0;
        }
    }
    if (than == r->n || r->n - than - 1 > SIDE_WORDS || !words_have_letters(r, than + 1, r->n))
        return false;
    if (lang == 2 && word_is(r, 0, " est sont était a ont "))
        lang = 3;
    if (when) {
        const word *b = &r->at[than + 1];
        size_t len = b->end - b->start;
        if (!words_have_name(r, than + 1, r->n) || (len > 4 && !strcmp(b->low + len - 3, "ing")) ||
            isdigit((unsigned char)r->text[b->start]) ||
            word_is(r, than + 1,
                    " january february march april may june july august september october november "
                    "december "))
            return false;
        sides[0] = words_run(r, 1, than);
        sides[1] = words_run(r, than + 1, r->n);
        for (size_t k = 0; k < 2; k++)
            if (!sides[k] || !add_part(r, ask_of(r, measures[0].ask[0], 0, 0, sides[k]), sides[k]))
                return false;
        r->out->order = word_is(r, than, " before ") ? DECOMPOSE_LESS : DECOMPOSE_MORE;
    } else {
        at = find_measure(r, 1, than, &m);
        m = measure_of(r, 1, than, m);
        ask = measures[m].ask[lang];
        a_end = at;
        while (a_end > 2 && word_is(r, a_end - 1,
                                    " more most most much even más plus a have has had find get be "
                                    "been the there cost weigh "))
            a_end--;
        if (a_end < 2 || !words_have_letters(r, 1, a_end) ||
            (!words_have_name(r, 1, a_end) && !words_have_name(r, than + 1, r->n)))
            return false;
        sides[0] = words_run(r, 1, a_end);
        sides[1] = second_side(r, 1, a_end, than + 1, r->n);
        for (size_t k = 0; k < 2; k++)
            if (!sides[k] || !add_part(r, ask_of(r, ask, a_end, than, sides[k]), sides[k]))
                return false;
        r->out->order = measures[m].sign < 0 ? DECOMPOSE_LESS : DECOMPOSE_MORE;
    }
    r->out->kind = DECOMPOSE_COMPARISON;
    r->out->lang = langs[lang];
    return true;
}

/* "Are both A and B ...?", "Are A and B both ...?", "Do A and B ...?" of names, "the difference
 * between A and B". */
static bool pair(reading *r)
{
    static const char *const ands[] = {" and ", " und ", " y e ", " et "};
    size_t from = 0, j = r->n, end, lang = 0;
    bool both = false, between = false;
    const char *sides[2], *rest;

    for (size_t i = 0; i + 3 < r->n && !from; i++)
        if (word_is(r, i, " between zwischen entre ") && i &&
            word_is(r, i - 1,
                    " difference differences distinction unterschied unterschiede diferencia "
                    "différence "
                    "difference ")) {
            from = i + 1;
            between = true;
        }
    if (!from && begins_with_verb(r))
        from = 1;
    if (!from)
        return false;
    for (size_t i = 0; i < r->n; i++)
        both |= word_is(
            r, i, " both beide ambos ambas deux same gleiche gleichen selben mismo misma même ");
    if (word_is(r, from, " both beide "))
        from++;
    for (size_t i = from + 1; i + 1 < r->n && i < from + SIDE_WORDS && j == r->n; i++)
        for (size_t l = 0; l < 4; l++)
            if (word_is(r, i, ands[l])) {
                j = i;
                lang = l;
                break;
            }
    if (j == r->n ||
        !(both || between ||
          (r->at[j - 1].capital && word_is(r, 0, " do does did are were have is was sind haben "))))
        return false;
    for (end = j + 1; end < r->n && (end == j + 1 || r->at[end].capital ||
                                     word_is(r, end, " of the von van de der la le "));
         end++)
        if (r->at[end].comma && ++end)
            break;
    while (end > j + 2 && !r->at[end - 1].capital)
        end--;
    if (word_is(r, j + 1, little_words) && end == j + 2 && end < r->n)
        end++;
    if (!words_have_letters(r, from, j) || !words_have_letters(r, j + 1, end) ||
        (!words_have_name(r, from, j) && !between && !both))
        return false;
    if (!between && !words_have_name(r, j + 1, end) && !words_have_name(r, from, j))
        return false;
    sides[0] = words_run(r, from, j);
    sides[1] = words_run(r, j + 1, end);
    rest = words_run(r, end, r->n);
    for (size_t k = 0; k < 2; k++) /* the side first, then what is said of it */
        if (!sides[k] || !rest ||
            !add_part(r, arena_printf(r->a, "%s%s%s?", sides[k], *rest ? " " : "", rest), sides[k]))
            return false;
    r->out->kind = DECOMPOSE_COMPARISON;
    r->out->lang = langs[lang];
    return true;
}

/* Does a letter and a digit stand in word i: "K1", "P-7"? */
static bool is_designation(const reading *r, size_t i)
{
    bool digit = false, letter = false;

    for (size_t k = r->at[i].start; k < r->at[i].end; k++) {
        digit |= isdigit((unsigned char)r->text[k]) != 0;
        letter |= isalpha((unsigned char)r->text[k]) != 0;
    }
    return digit && letter;
}

/* The thing that ends before word `end`: names or designations with an article and a small noun
 * before them ("the saw S10"). Where it begins, or `end`: none. */
static size_t thing_before(const reading *r, size_t end)
{
    size_t from = end;

    while (from && end - from < 4 && r->at[from - 1].capital &&
           !(from < end && r->at[from - 1].comma) && !word_is(r, from - 1, wh_words) &&
           !word_is(r, from - 1, auxiliaries))
        from--;
    if (from == end)
        return end;
    if (from && word_is(r, from - 1, ARTICLES) && !r->at[from - 1].comma)
        return from - 1;
    if (from > 1 && word_is(r, from - 2, ARTICLES) && !r->at[from - 1].comma &&
        !r->at[from - 2].comma && is_designation(r, from) && !word_is(r, from - 1, auxiliaries))
        return from - 2;
    return from;
}

/* ... that begins at word `from`: where it ends; `from`: there is none. */
static size_t thing_behind(const reading *r, size_t from)
{
    size_t at = from + (word_is(r, from, ARTICLES) ? 1 : 0), end;

    if (at > from && at + 1 < r->n && !r->at[at].capital && is_designation(r, at + 1))
        at++;
    for (end = at;
         end < r->n && end - at < 4 && r->at[end].capital && !(end > at && r->at[end - 1].comma);)
        end++;
    return end > at ? end : from;
}

static const char each_words[] = " each jeder jedes jedem jeweils cada chacun chacune ";

/* "What is the price of the K1, the K2 and the K3?", "... of each of A, B and C". Things without
 * designations only behind "each". */
static bool list(reading *r)
{
    static const char *const ands[] = {" and ", " und ", " y e ", " et "};
    static const char together[] =
        " both difference between total together same sum common altogether average or than beide "
        "zusammen insgesamt unterschied oder als juntos total ambos o que deux ensemble ou ";
    size_t from[DECOMPOSE_PARTS], to[DECOMPOSE_PARTS], n = 0, j = 0, lang = 0, begin, end;
    bool each = false, all = true;
    const char *before, *after;

    for (size_t i = 0; i < r->n; i++) {
        if (word_is(r, i, together) && !word_is(r, i, " que total "))
            return false;
        each |= word_is(r, i, each_words);
        for (size_t l = 0; l < 4 && i && i + 1 < r->n; l++)
            if (word_is(r, i, ands[l])) {
                j = i;
                lang = l;
            }
    }
    if (!j)
        return false;
    end = thing_behind(r, j + 1);
    begin = j;
    if (end == j + 1)
        return false;
    while (n + 1 < DECOMPOSE_PARTS) { /* from the last comma back */
        size_t start = thing_before(r, begin);
        if (start == begin)
            break;
        from[n] = start;
        to[n++] = begin;
        begin = start;
        if (!start || !r->at[start - 1].comma)
            break;
    }
    if (!n || !begin)
        return false;
    from[n] = j + 1; /* the last one */
    to[n] = end;
    for (size_t k = 0; k <= n; k++) {
        bool named = false;
        for (size_t i = from[k]; i < to[k]; i++)
            named |= is_designation(r, i);
        all &= named;
    }
    if (!all && !each)
        return false;
    before = words_run(r, 0, begin);
    for (size_t i = begin; i-- > 0;)
        if (word_is(r, i, each_words)) { /* "of each of" */
            const char *head = words_run(r, 0, i),
                       *tail = words_run(
                           r, i + 1 < begin && word_is(r, i + 1, " of de von uno ") ? i + 2 : i + 1,
                           begin);
            before =
                head && tail ? arena_printf(r->a, "%s%s%s", head, *tail ? " " : "", tail) : NULL;
            break;
        }
    after = arena_strdup(r->a, r->text + r->at[end - 1].end);
    for (size_t i = 0; before && after && i <= n;
         i++) { /* they were found from the end, but for the last */
        size_t k = i < n ? n - 1 - i : n;
        const char *side = words_run(r, from[k], to[k]);
        if (!side || !add_part(r, arena_printf(r->a, "%s %s%s", before, side, after), side))
            return false;
    }
    r->out->kind = DECOMPOSE_LIST;
    r->out->lang = langs[lang];
    return before && after;
}

/* Where "A and B" or "A or B" of names stands: words [*a, *a_end) and [*b, *b_end). */
static bool find_two(const reading *r, size_t upto, size_t *a, size_t *a_end, size_t *b,
                     size_t *b_end, size_t *lang)
{
    static const char *const joins[] = {" and or ", " und oder ", " y o e u ", " et ou "};

    for (size_t i = 1; i + 1 < upto; i++)
        for (size_t l = 0; l < 4; l++) {
            if (!word_is(r, i, joins[l]))
                continue;
            *a = thing_before(r, i);
            *b = i + 1;
            *b_end = thing_behind(r, i + 1);
            if (*a == i || *b_end == *b || *b_end > upto || (*a && r->at[*a - 1].comma && *a > 1))
                continue;
            *a_end = i;
            *lang = l;
            return true;
        }
    return false;
}

/* "Of the K1 and the K2, which is heavier?", "Kestrel Bridge or Heron Bridge: which of the two was
 * opened first?" */
static bool two_first(reading *r)
{
    size_t wh = 0, a, a_end, b, b_end, lang = 0, m = 0, at;
    const char *ask = "", *sides[2];

    for (size_t i = 3; i < r->n && !wh; i++)
        if (r->at[i - 1].comma && word_is(r, i, wh_words))
            wh = i;
    if (!wh || !find_two(r, wh, &a, &a_end, &b, &b_end, &lang) || b_end != wh || a > 2)
        return false;
    at = find_measure(r, wh, r->n, &m);
    if (at < r->n) {
        m = measure_of(r, wh, r->n, m);
        ask = measures[m].ask[lang];
        r->out->order = measures[m].sign < 0 ? DECOMPOSE_LEAST : DECOMPOSE_MOST;
    }
    sides[0] = words_run(r, a, a_end);
    sides[1] = words_run(r, b, b_end);
    for (size_t k = 0; k < 2; k++)
        if (!sides[k] || !add_part(r, ask_of(r, ask, wh, r->n, sides[k]), sides[k]))
            return false;
    for (size_t i = wh + 1; i < r->n && i < wh + 5 && at < r->n; i++)
        if (!word_is(r, i, " did do does ") && word_is(r, i, auxiliaries)) {
            r->out->verdict = words_run(r, i, r->n);
            break;
        }
    r->out->kind = DECOMPOSE_COMPARISON;
    r->out->lang = langs[lang];
    return true;
}

bool decompose_two(const char *question, arena *a, const char *sides[2])
{
    reading *r = arena_calloc(a, 1, sizeof *r);
    size_t from, end, from2, end2, lang;

    if (!r)
        return false;
    *r = (reading){.text = question, .a = a};
    if (!words_read(r) || !find_two(r, r->n, &from, &end, &from2, &end2, &lang))
        return false;
    sides[0] = words_run(r, from, end);
    sides[1] = words_run(r, from2, end2);
    return sides[0] && sides[1];
}

/* Is word i the beginning of a question of its own: a question word and then a verb or a noun with
 * one? */
static bool begins_question(const reading *r, size_t i)
{
    static const char asking[] = " which who what when where why how welche welcher welches wer "
                                 "wann wo warum wie qué quién cuál cuándo dónde cómo cuánto "
                                 "qui quel quelle quand où comment combien pourquoi ";

    if (!word_is(r, i, asking) || i + 1 >= r->n)
        return false;
    if (word_is(r, i, " who wer quién qui cuándo dónde cuál quand où "))
        return true;
    for (size_t k = i + 1; k < r->n && k < i + 4; k++)
        if (word_is(r, k, auxiliaries))
            return true;
    return false;
}

/* The thing that a first question is about: its longest run of capitals behind the first word. */
static const char *subject(const reading *r, size_t to)
{
    size_t best = 0, from = 0;

    for (size_t i = 1; i < to;) {
        size_t end = i;
        while (end < to && r->at[end].capital)
            end++;
        if (end - i > best) {
            best = end - i;
            from = i;
        }
        i = end > i ? end : i + 1;
    }
    return best ? words_run(r, from, from + best) : NULL;
}

/* "When did A start and who runs it?" */
static bool conjunction(reading *r)
{
    size_t cut = 0, lang = 0;
    static const char *const ands[] = {" and ", " und ", " y e ", " et "};
    const char *second, *first, *about;
    bytes text;
    bool fine = false;

    if (!begins_question(r, 0))
        return false;
    for (size_t i = 3; i + 2 < r->n && !cut; i++)
        for (size_t l = 0; l < 4; l++)
            if (word_is(r, i, ands[l]) && begins_question(r, i + 1)) {
                cut = i;
                lang = l;
            }
    if (!cut || r->n - cut < 3)
        return false;
    first = words_run(r, 0, cut);
    about = subject(r, cut);
    bytes_init(&text, 4096);
    for (size_t i = cut + 1; i < r->n; i++) {
        bool points = i > cut + 1 && about && word_is(r, i, " it he she they him her them ");
        second = points ? about : words_run(r, i, i + 1);
        if (!second || (i > cut + 1 && bytes_append_byte(&text, ' ')) ||
            bytes_append_str(&text, second))
            break;
    }
    if (text.len && !bytes_append_str(&text, "?"))
        fine = add_part(r, first ? arena_printf(r->a, "%s?", first) : NULL, first ? first : "");
    if (fine) {
        char *whole = arena_strndup(r->a, text.data, text.len);
        fine = add_part(r, whole, whole);
    }
    bytes_clear(&text);
    r->out->kind = DECOMPOSE_CONJUNCTION;
    r->out->lang = langs[lang];
    return fine;
}

cairn_status decompose_question(const char *question, arena *a, decomposition *out,
                                cairn_error *err)
{
    static bool (*const forms[])(reading *) = {conjunction, choice, two_first,       yes_or_no,
                                               pair,        list,   decompose_situ, decompose_bridge};
    reading *r = arena_calloc(a, 1, sizeof *r);

    *out = (decomposition){0};
    if (!r)
        return cairn_fail(err, CAIRN_ENOMEM, "question");
    *r = (reading){.text = question, .a = a, .out = out};
    if (!words_read(r) || r->n < 4)
        return CAIRN_OK;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        *out = (decomposition){0};
        if (forms[i](r) && out->n_parts >= (out->kind == DECOMPOSE_BRIDGE ? 1u : 2u))
            return CAIRN_OK;
    }
    *out = (decomposition){0};
    return CAIRN_OK;
}
