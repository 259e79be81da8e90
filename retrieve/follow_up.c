/* follow_up.c - see follow_up.h. Both questions are read as words; a phrase is a run of them. */
#include "retrieve/follow_up.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "retrieve/word_byte.h"

#define WORDS_MAX   64
#define WORD_BYTES  64
#define PHRASE_MAX  5 /* words of a question that is completed */
#define ALONE_MAX   3 /* of one without "and" or the like */

typedef enum kind { PLAIN, NAME, NUMBER, YEAR, MONTH, WEEKDAY, DESIGNATION } kind;

typedef struct word {
    size_t start, end;
    kind kind;
} word;

typedef struct question {
    const char *text;
    word at[WORDS_MAX];
    size_t n;
} question;

/* Behind these, and only there, a phrase of any kind is a follow-up question. The longest first. */
static const char *const leads[] = {
    "and what about", "and how about", "and what of", "what about", "how about", "what of", "and also", "but what about", "and", "or", "but",
    "und was ist mit", "und wie ist es mit", "und wie sieht es aus mit", "und wie steht es mit", "was ist mit", "wie ist es mit", "wie steht es mit",
    "wie sieht es aus mit", "und auch", "und", "oder", "aber", "et pour ce qui est de", "qu'en est-il de", "et", "ou", "y qué hay de", "y qué pasa con",
    "qué hay de", "qué pasa con", "qué tal", "y", "e per quanto riguarda", "e", "o",
};

/* No word of a phrase: verbs, question words, words that point back themselves. */
static const char not_a_phrase[] =
    " is are was were be been does do did has have had can could will would shall should may might must cost costs weigh weighs need needs "
    "who whom whose what when where why how which it its they them this that these those he she him her one ones other others another else "
    "same first second third last next former latter both more many much then so not no yes ok okay please thanks thank tell show explain give "
    "ist sind war waren sein hat haben hatte kann können wird werden gibt gab kostet kosten wiegt muss soll darf wer wen wem wessen was wann wo "
    "wohin woher warum wieso weshalb wie welche welcher welches welchen er sie es ihn ihm ihr ihnen dies diese dieser dieses diesen jene andere "
    "anderen anderer anderes erste ersten zweite zweiten dritte dritten letzte letzten dann sonst noch mehr viel viele so nicht kein keine ja nein "
    "bitte danke sag zeig erklär warum "
    "est sont était a ont peut qui quoi quand où pourquoi comment quel quelle quels quelles il elle ils elles cela ça celui celle autre autres "
    "es son era fue tiene tienen puede quién qué cuándo dónde cómo cuál cuáles cuánto él ella ellos eso esto otro otra otros ";

static const char prepositions[] =
    " in on at for with from to by of during after before under over about since until per within without "
    "im am an auf für mit von vom zu zum zur bei beim nach vor seit bis aus über unter ab gegen ohne um "
    "à au aux en dans pour avec de du des chez depuis por para con desde hasta sobre ";

static const char articles[] = " the a an der die das den dem des ein eine einen einem einer le la les un une el los las una il lo gli i l ";

/* What ends a phrase behind an article. */
static const char ends_phrase[] =
    " cost costs weigh weighs last lasts take takes have has had need needs open opens close closes start starts end ends begin begins work works come "
    "go get make mean contain contains hold holds run runs use used live belong arrive do does did is are was were and or that which who made "
    "kostet kosten wiegt wiegen dauert gilt gelten hat haben ist sind war waren und oder öffnet schließt beginnt endet braucht "
    "est sont et ou cuesta cuestan pesa es son y o ";

static const char joins[] = " and or und oder et ou y o e ";

static const char months[] = " january february march april may june july august september october november december januar februar märz mai juni juli "
                             "oktober dezember janvier février mars avril juin juillet août septembre octobre novembre décembre enero febrero marzo "
                             "abril mayo junio julio agosto septiembre octubre noviembre diciembre ";

static const char weekdays[] = " monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays montag "
                               "dienstag mittwoch donnerstag freitag samstag sonnabend sonntag montags dienstags mittwochs donnerstags freitags samstags "
                               "sonntags lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo weekend "
                               "weekends wochenende ";

/* ---- words ---- */

/* In small letters (of A to Z; the lists have no capitals of others) between blanks; false for what is too long. */
static bool is_in(const char *list, const char *text, const word *w)
{
    char padded[WORD_BYTES + 3];
    size_t n = w->end - w->start;

    if (!n || n > WORD_BYTES)
        return false;
    padded[0] = ' ';
    for (size_t i = 0; i < n; i++)
        padded[i + 1] = (char)tolower((unsigned char)text[w->start + i]);
    memcpy(padded + n + 1, " ", 2);
    return strstr(list, padded) != NULL;
}

/* A capital: of A to Z, or of the Latin-1 letters and Cyrillic, which the lists and names are written in. */
static bool is_capital(const char *s, size_t len)
{
    unsigned char a = (unsigned char)s[0], b = len > 1 ? (unsigned char)s[1] : 0;

    return isupper(a) || (a == 0xC3 && b >= 0x80 && b <= 0x9E) || (a == 0xD0 && b >= 0x90 && b <= 0xAF);
}

static kind kind_of(const question *q, size_t i)
{
    const word *w = &q->at[i];
    size_t digits = 0, letters = 0, n = w->end - w->start;

    for (size_t k = w->start; k < w->end; k++) {
        digits += isdigit((unsigned char)q->text[k]) != 0;
        letters += isalpha((unsigned char)q->text[k]) || (unsigned char)q->text[k] >= 0x80;
    }
    if (digits && letters)
        return DESIGNATION;
    if (digits)
        return n == 4 && digits == 4 && (q->text[w->start] == '1' || q->text[w->start] == '2') ? YEAR : NUMBER;
    if (is_in(months, q->text, w) && is_capital(q->text + w->start, n)) /* "may" is a verb */
        return MONTH;
    if (is_in(weekdays, q->text, w))
        return WEEKDAY;
    return is_capital(q->text + w->start, n) && !is_in(not_a_phrase, q->text, w) && !is_in(articles, q->text, w) && !is_in(prepositions, q->text, w)
               ? NAME
               : PLAIN;
}

/* Words are letters and digits, with hyphens and points between them; "'s" is none. */
static void read_words(const char *text, size_t from, question *q)
{
    size_t len = strlen(text);

    *q = (question){.text = text};
    for (size_t i = from; i < len && q->n < WORDS_MAX;) {
        size_t start = i;
        while (i < len && (is_word_byte(text[i]) || ((text[i] == '-' || text[i] == '.' || text[i] == ',') && i > start && i + 1 < len && is_word_byte(text[i + 1]) &&
                                                     !(text[i] != '-' && !isdigit((unsigned char)text[i + 1])))))
            i++;
        if (i > start && !memcmp(text + start, "\xC2\xBF", i - start < 2 ? i - start : 2)) /* an upside-down mark */
            start += 2;
        if (i > start)
            q->at[q->n++] = (word){.start = start, .end = i};
        if (i < len && text[i] == '\'' && i + 1 < len && text[i + 1] == 's' && !(i + 2 < len && is_word_byte(text[i + 2])))
            i += 2;
        else if (i < len && (unsigned char)text[i] == 0xE2 && !strncmp(text + i, "\xE2\x80\x99s", 4))
            i += 4;
        else if (i == start || !is_word_byte(text[i]))
            i += i < len && !is_word_byte(text[i]);
    }
    for (size_t i = 0; i < q->n; i++)
        q->at[i].kind = kind_of(q, i);
    if (q->n && q->at[0].kind == NAME && from == 0)
        q->at[0].kind = PLAIN; /* every sentence begins with a capital */
}

/* ---- is it one? ---- */

/* Bytes of the longest lead that the question begins with, 0 for none. */
static size_t lead_of(const char *text)
{
    size_t at = strspn(text, " \t\n"), best = 0;

    if (!strncmp(text + at, "\xC2\xBF", 2))
        at += 2;
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        size_t n = strlen(leads[i]);
        if (n > best && !strncasecmp(text + at, leads[i], n) && (text[at + n] == ' ' || text[at + n] == ','))
            best = n;
    }
    return best ? at + best : 0;
}

typedef struct phrase {
    question q;
    size_t prep;  /* words of a preposition at its beginning: 0 or 1 */
    size_t head;  /* place of the first word behind preposition and article */
    kind kind;    /* of the strongest word */
    bool article;
} phrase;

static bool read_phrase(const char *text, phrase *p)
{
    size_t lead = lead_of(text);

    *p = (phrase){.kind = PLAIN};
    read_words(text, lead, &p->q);
    if (!p->q.n || p->q.n > (lead ? PHRASE_MAX : ALONE_MAX))
        return false;
    for (size_t i = 0; i < p->q.n; i++)
        if (is_in(not_a_phrase, text, &p->q.at[i]))
            return false;
    p->prep = is_in(prepositions, text, &p->q.at[0]);
    p->head = p->prep;
    p->article = p->head < p->q.n && is_in(articles, text, &p->q.at[p->head]);
    p->head += p->article;
    for (size_t i = p->head; i < p->q.n; i++)
        p->kind = p->q.at[i].kind > p->kind ? p->q.at[i].kind : p->kind;
    if (!lead && p->q.n && p->kind == PLAIN && is_capital(text + p->q.at[p->head < p->q.n ? p->head : 0].start, 2))
        p->kind = NAME;
    return p->head < p->q.n && (lead || p->kind != PLAIN);
}

/* ---- what it replaces ---- */

static bool same_preposition(const char *a, const word *x, const char *b, const word *y)
{
    static const char *const groups[] = {" in im within during dans en ", " an am on at ", " zu zum zur to ", " bei beim at chez ", " von vom from of de du des ",
                                         " for für pour para ", " mit with avec con ", " since seit depuis desde ", " until bis hasta "};

    if (x->end - x->start == y->end - y->start && !strncasecmp(a + x->start, b + y->start, x->end - x->start))
        return true;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (is_in(groups[i], a, x) && is_in(groups[i], b, y))
            return true;
    return false;
}

/* Where the phrase ends that begins at word `i`. */
static size_t phrase_end(const question *q, size_t i)
{
    size_t end = i;

    while (end < q->n && !is_in(prepositions, q->text, &q->at[end]) && !is_in(ends_phrase, q->text, &q->at[end])) {
        end++;
        if (end < q->n && q->at[end].start > q->at[end - 1].end + 1)
            break; /* a mark, or 's */
    }
    return end;
}

/* Letters at the beginning that two words share. */
static size_t alike(const char *a, const word *x, const char *b, const word *y)
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

/* Words of the kind in a row. */
static bool find_kind(const phrase *p, const question *e, place *out)
{
    bool found = false;
    size_t best = 0;

    for (size_t i = 0; i < e->n; i++) {
        size_t end = i + 1, like;
        if (e->at[i].kind != p->kind)
            continue;
        while (end < e->n && p->kind == NAME && e->at[end].kind == NAME && e->at[end].start == e->at[end - 1].end + 1)
            end++;
        like = p->kind == DESIGNATION ? alike(p->q.text, &p->q.at[p->head], e->text, &e->at[i]) : 0;
        if (!found || like >= best) {
            *out = (place){i, end, p->head};
            best = like;
            found = true;
        }
        i = end - 1;
    }
    return found;
}

/* The last phrase behind the same preposition; of another known kind it is something else. */
static bool find_preposition(const phrase *p, const question *e, place *out)
{
    bool found = false;

    for (size_t i = 0; p->prep && i + 1 < e->n; i++) {
        size_t first, end;
        kind kind = PLAIN;
        if (!is_in(prepositions, e->text, &e->at[i]) || !same_preposition(p->q.text, &p->q.at[0], e->text, &e->at[i]))
            continue;
        first = i + 1;
        end = phrase_end(e, first);
        for (size_t k = first; k < end; k++)
            kind = e->at[k].kind > kind ? e->at[k].kind : kind;
        if (end == first || (kind > NAME && kind != p->kind) || (p->kind > NAME && kind != p->kind))
            continue;
        *out = (place){i, end, 0};
        found = true;
    }
    return found;
}

static bool find_article(const phrase *p, const question *e, place *out)
{
    bool found = false;

    for (size_t i = 0; p->article && i + 1 < e->n; i++) {
        size_t end;
        if (!is_in(articles, e->text, &e->at[i]) || (end = phrase_end(e, i + 1)) == i + 1)
            continue;
        if (end - i - 1 > p->q.n - p->head + 1 || (end < e->n && is_in(joins, e->text, &e->at[end])))
            continue; /* more than one thing, or a clause whose verb is not known */
        *out = (place){i, end, p->prep};
        found = true;
    }
    return found;
}

/* A German question: its nouns are no names because of their capitals. */
static bool nouns_have_capitals(const question *e)
{
    static const char german[] = " der die das den dem des ein eine einen einem einer ist sind war wie viele viel was wer wann wo warum welche welcher "
                                 "welches hat haben kostet für mit von im am zum zur bei ";
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++)
        n += is_in(german, e->text, &e->at[i]);
    return n > 1 || (n && e->n < 6);
}

/* In German a name has no article, number or adjective before it; the last such one. */
static bool find_german_name(const phrase *p, const question *e, place *out)
{
    static const char before[] = " der die das den dem des ein eine einen einem einer viele viel wenige mehr alle keine kein welche welcher welches welchen "
                                 "im am zum zur vom beim ";
    bool found = false;

    for (size_t i = 1; i < e->n; i++) {
        size_t end = i + 1;
        if (e->at[i].kind != NAME || is_in(before, e->text, &e->at[i - 1]))
            continue;
        while (end < e->n && e->at[end].kind == NAME)
            end++;
        *out = (place){i, end, p->head};
        found = true;
        i = end - 1;
    }
    return found;
}

static bool find_place(const phrase *p, const question *e, place *out)
{
    if (p->kind > NAME && find_kind(p, e, out))
        return true;
    if (find_preposition(p, e, out) || find_article(p, e, out))
        return true;
    if (p->kind != NAME || p->article)
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

cairn_status follow_up_complete(const char *question_text, const char *earlier, arena *a, follow_up *out, cairn_error *err)
{
    phrase p;
    question e;
    place at;
    size_t last, n = text_end(earlier);
    const char *q = question_text;

    *out = (follow_up){.replaced = ""};
    if (!read_phrase(q, &p))
        return CAIRN_OK;
    read_words(earlier, 0, &e);
    last = p.q.at[p.q.n - 1].end;
    if (e.n < 3 || e.n == WORDS_MAX)
        return CAIRN_OK;
    if (find_place(&p, &e, &at)) {
        size_t from = e.at[at.from].start, upto = e.at[at.upto - 1].end, begin = p.q.at[at.begin].start;
        out->replaced = arena_strndup(a, earlier + from, upto - from);
        out->whole = arena_printf(a, "%.*s%.*s%s", (int)from, earlier, (int)(last - begin), q + begin, earlier + upto);
    } else if (p.prep || p.kind == YEAR) {
        out->whole = arena_printf(a, "%.*s %.*s?", (int)n, earlier, (int)(last - p.q.at[0].start), q + p.q.at[0].start);
    } else {
        return CAIRN_OK;
    }
    return out->whole && out->replaced ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a follow-up question");
}
