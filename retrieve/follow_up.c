/* follow_up.c - see follow_up.h. Both questions are read as words; a phrase is a run of them. */
#include "retrieve/follow_up.h"

#include <string.h>
#include <strings.h>

#include "retrieve/decompose.h"
#include "retrieve/follow_up_words.h"
#include "retrieve/word_byte.h"

#define PHRASE_MAX  5 /* words of a question that is completed */
#define ALONE_MAX   3 /* of one without "and" or the like */

/* ---- is it one? ---- */

typedef struct phrase {
    follow_text q;
    size_t prep;  /* words of a preposition at its beginning: 0 or 1 */
    size_t head;  /* place of the first word behind preposition and article */
    follow_kind kind;    /* of the strongest word */
    bool article;
} phrase;

static bool read_phrase(const char *text, phrase *p)
{
    size_t lead = follow_lead(text);

    *p = (phrase){.kind = FOLLOW_PLAIN};
    follow_read(text, lead, strlen(text), &p->q);
    if (!p->q.n || p->q.n > (lead ? PHRASE_MAX : ALONE_MAX))
        return false;
    for (size_t i = 0; i < p->q.n; i++)
        if (follow_is(follow_not_a_phrase, text, &p->q.at[i]))
            return false;
    p->prep = follow_is(follow_prepositions, text, &p->q.at[0]);
    p->head = p->prep;
    p->article = p->head < p->q.n && follow_is(follow_articles, text, &p->q.at[p->head]);
    p->head += p->article;
    for (size_t i = p->head; i < p->q.n; i++)
        p->kind = p->q.at[i].kind > p->kind ? p->q.at[i].kind : p->kind;
    if (!lead && p->q.n && p->kind == FOLLOW_PLAIN && is_capital(text + p->q.at[p->head < p->q.n ? p->head : 0].start, 2))
        p->kind = FOLLOW_NAME;
    return p->head < p->q.n && (lead || p->kind != FOLLOW_PLAIN);
}

/* ---- what it replaces ---- */

static bool same_preposition(const char *a, const follow_word *x, const char *b, const follow_word *y)
{
    static const char *const groups[] = {" in im within during dans en ", " an am on at ", " zu zum zur to ", " bei beim at chez ", " von vom from of de du des ",
                                         " for für pour para ", " mit with avec con ", " since seit depuis desde ", " until bis hasta "};

    if (x->end - x->start == y->end - y->start && !strncasecmp(a + x->start, b + y->start, x->end - x->start))
        return true;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (follow_is(groups[i], a, x) && follow_is(groups[i], b, y))
            return true;
    return false;
}

/* Where the phrase ends that begins at word `i`. */
static size_t phrase_end(const follow_text *q, size_t i)
{
    size_t end = i;

    while (end < q->n && !follow_is(follow_prepositions, q->text, &q->at[end]) && !follow_is(follow_ends_phrase, q->text, &q->at[end])) {
        end++;
        if (end < q->n && q->at[end].start > q->at[end - 1].end + 1)
            break; /* a mark, or 's */
    }
    return end;
}

/* Letters at the beginning that two words share. */
static size_t alike(const char *a, const follow_word *x, const char *b, const follow_word *y)
{
    size_t n = 0;

    while (x->start + n < x->end && y->start + n < y->end && a[x->start + n] == b[y->start + n])
        n++;
    return n;
}

typedef struct place {
    size_t from, upto; /* words of the earlier question that go */
    size_t begin;      /* first word of the phrase that takes their place */
} place;

/* Is word `i` behind a name, one blank between: the 14 of "the Wren 14"? */
static bool behind_name(const follow_text *q, size_t i)
{
    return i && q->at[i - 1].kind == FOLLOW_NAME && q->at[i].start == q->at[i - 1].end + 1;
}

/* The phrase has a name with its number, "the Teal 10": the earlier one's name goes with its number, too. */
static bool names_a_number(const phrase *p)
{
    for (size_t i = p->head + 1; i < p->q.n; i++)
        if (p->q.at[i].kind == p->kind && behind_name(&p->q, i))
            return true;
    return false;
}

/* Words of the kind in a row. */
static bool find_kind(const phrase *p, const follow_text *e, place *out)
{
    bool found = false, whole = (p->kind == FOLLOW_DESIGNATION || p->kind == FOLLOW_NUMBER) && names_a_number(p);
    size_t best = 0;

    for (size_t i = 0; i < e->n; i++) {
        size_t end = i + 1, like, from = i;
        if (e->at[i].kind != p->kind || (whole && p->kind == FOLLOW_NUMBER && !behind_name(e, i))) /* "the Teal 10" is in no "14 days" */
            continue;
        while (end < e->n && p->kind == FOLLOW_NAME && e->at[end].kind == FOLLOW_NAME && e->at[end].start == e->at[end - 1].end + 1)
            end++;
        like = p->kind == FOLLOW_DESIGNATION ? alike(p->q.text, &p->q.at[p->head], e->text, &e->at[i]) : 0;
        while (whole && from > 1 && behind_name(e, from))
            from--;
        if (!found || like >= best) {
            *out = (place){from, end, p->head};
            best = like;
            found = true;
        }
        i = end - 1;
    }
    return found;
}

/* The last phrase behind the same preposition; of another known kind it is something else. */
static bool find_preposition(const phrase *p, const follow_text *e, place *out)
{
    bool found = false;

    for (size_t i = 0; p->prep && i + 1 < e->n; i++) {
        size_t first, end;
        follow_kind kind = FOLLOW_PLAIN;
        if (!follow_is(follow_prepositions, e->text, &e->at[i]) || !same_preposition(p->q.text, &p->q.at[0], e->text, &e->at[i]))
            continue;
        first = i + 1;
        end = phrase_end(e, first);
        for (size_t k = first; k < end; k++)
            kind = e->at[k].kind > kind ? e->at[k].kind : kind;
        if (end == first || (kind > FOLLOW_NAME && kind != p->kind) || (p->kind > FOLLOW_NAME && kind != p->kind))
            continue;
        *out = (place){i, end, 0};
        found = true;
    }
    return found;
}

static bool find_article(const phrase *p, const follow_text *e, place *out)
{
    bool found = false;

    for (size_t i = 0; p->article && i + 1 < e->n; i++) {
        size_t end;
        if (!follow_is(follow_articles, e->text, &e->at[i]) || (end = phrase_end(e, i + 1)) == i + 1)
            continue;
        if (end - i - 1 > p->q.n - p->head + 1 || (end < e->n && follow_is(follow_joins, e->text, &e->at[end])))
            continue; /* more than one thing, or a clause whose verb is not known */
        *out = (place){i, end, p->prep};
        found = true;
    }
    return found;
}

/* A German question: its nouns are no names because of their capitals. */
static bool nouns_have_capitals(const follow_text *e)
{
    static const char german[] = " der die das den dem des ein eine einen einem einer ist sind war wie viele viel was wer wann wo warum welche welcher "
                                 "welches hat haben kostet für mit von im am zum zur bei ";
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++)
        n += follow_is(german, e->text, &e->at[i]);
    return n > 1 || (n && e->n < 6);
}

/* In German a name has no article, number or adjective before it; the last such one. */
static bool find_german_name(const phrase *p, const follow_text *e, place *out)
{
    static const char before[] = " der die das den dem des ein eine einen einem einer viele viel wenige mehr alle keine kein welche welcher welches welchen "
                                 "im am zum zur vom beim ";
    bool found = false;

    for (size_t i = 1; i < e->n; i++) {
        size_t end = i + 1;
        if (e->at[i].kind != FOLLOW_NAME || follow_is(before, e->text, &e->at[i - 1]))
            continue;
        while (end < e->n && e->at[end].kind == FOLLOW_NAME)
            end++;
        *out = (place){i, end, p->head};
        found = true;
        i = end - 1;
    }
    return found;
}

static bool find_place(const phrase *p, const follow_text *e, place *out)
{
    if (p->kind > FOLLOW_NAME && find_kind(p, e, out))
        return true;
    if (find_preposition(p, e, out) || find_article(p, e, out))
        return true;
    if (p->kind != FOLLOW_NAME || p->article)
        return false;
    return nouns_have_capitals(e) ? find_german_name(p, e, out) : find_kind(p, e, out);
}

/* ---- the whole ---- */

static size_t text_end(const char *s)
{
    size_t n = strlen(s);

    while (n && strchr(" \t\n?.!", s[n - 1]))
        n--;
    return n;
}

/* "Which of the two is older?": where that begins, or NULL. */
static const char *asks_of_two(const char *q)
{
    static const char *const forms[] = {"which of the two", "which one of the two", "which of them", "which of these", "which of those", "which one ",
                                        "who of the two", "welche der beiden", "welcher der beiden", "welches der beiden", "welche von beiden",
                                        "welcher von beiden", "welches von beiden", "wer von beiden", "wer der beiden", "cuál de los dos",
                                        "cuál de las dos", "cuál de ellos", "cuál de ellas", "lequel des deux", "laquelle des deux"};

    while (*q && !is_word_byte(*q))
        q++;
    while (!strncmp(q, "\xC2\xBF", 2))
        q += 2;
    for (size_t i = 0; i < 2; i++) { /* "And which of the two ...?" */
        static const char *const ands[] = {"and ", "und ", "y ", "et ", "so ", "then "};
        for (size_t k = 0; k < sizeof ands / sizeof *ands; k++)
            if (!strncasecmp(q, ands[k], strlen(ands[k])))
                q += strlen(ands[k]);
    }
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (!strncasecmp(q, forms[i], strlen(forms[i])))
            return q;
    return NULL;
}

/* `q` begins with such a form. *out as it is: no two things. */
static cairn_status name_the_two(const char *q, const char *earlier, arena *a, follow_up *out, cairn_error *err)
{
    static const char *const ors[][2] = {{"wel", "oder"}, {"wer", "oder"}, {"cu", "o"}, {"le", "ou"}, {"la", "ou"}};
    const char *sides[2], *join = "or";
    size_t n = text_end(q);

    if (!decompose_two(earlier, a, sides))
        return CAIRN_OK;
    for (size_t i = 0; i < sizeof ors / sizeof *ors; i++)
        if (!strncasecmp(q, ors[i][0], strlen(ors[i][0])))
            join = ors[i][1];
    out->whole = arena_printf(a, "%.*s, %s %s %s?", (int)n, q, sides[0], join, sides[1]);
    return out->whole ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a follow-up question");
}

cairn_status follow_up_complete(const char *question_text, const char *earlier, arena *a, follow_up *out, cairn_error *err)
{
    phrase p;
    follow_text e;
    place at;
    size_t last, n = text_end(earlier);
    const char *q = question_text;

    *out = (follow_up){.replaced = ""};
    if (asks_of_two(q))
        return name_the_two(asks_of_two(q), earlier, a, out, err);
    if (!read_phrase(q, &p))
        return CAIRN_OK;
    follow_read(earlier, 0, strlen(earlier), &e);
    last = p.q.at[p.q.n - 1].end;
    if (e.n < 3 || e.n == FOLLOW_WORDS_MAX)
        return CAIRN_OK;
    if (find_place(&p, &e, &at)) {
        size_t from = e.at[at.from].start, upto = e.at[at.upto - 1].end, begin = p.q.at[at.begin].start;
        out->replaced = arena_strndup(a, earlier + from, upto - from);
        out->whole = arena_printf(a, "%.*s%.*s%s", (int)from, earlier, (int)(last - begin), q + begin, earlier + upto);
        out->instead = arena_strndup(a, q + p.q.at[p.head].start, last - p.q.at[p.head].start);
        if (!out->instead)
            return cairn_fail(err, CAIRN_ENOMEM, "a follow-up question");
    } else if (p.prep || p.kind == FOLLOW_YEAR) {
        out->whole = arena_printf(a, "%.*s %.*s?", (int)n, earlier, (int)(last - p.q.at[0].start), q + p.q.at[0].start);
    } else {
        return CAIRN_OK;
    }
    return out->whole && out->replaced ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a follow-up question");
}
