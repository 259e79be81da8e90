/* follow_up_words.c - see follow_up_words.h. */
#include "retrieve/follow_up_words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "retrieve/word_byte.h"
#include "retrieve/word_list.h"

#define WORD_BYTES 64

/* Behind these, and only there, a phrase of any kind is a follow-up question. The longest first. */
static const char *const leads[] = {
    "and what about", "and how about", "and what of", "what about", "how about", "what of",
    "and also", "but what about", "and", "or", "but", "und was ist mit", "und wie ist es mit",
    "und wie sieht es aus mit", "und wie steht es mit", "was ist mit", "wie ist es mit",
    "wie steht es mit", "wie sieht es aus mit", "und auch", "und", "oder", "aber",
    "et pour ce qui est de", "qu'en est-il de", "et", "ou", "y qué hay de", "y qué pasa con",
    "qué hay de", "qué pasa con", "qué tal", "y", "e per quanto riguarda", "e", "o",
};

/* No word of a phrase: verbs, question words, words that point back themselves. */
const char follow_not_a_phrase[] =
    " is are was were be been does do did has have had can could will would shall should may "
    "might must cost costs weigh weighs need needs who whom whose what when where why how "
    "which it its they them this that these those he she him her one ones other others "
    "another else same first second third last next former latter both more many much then "
    "so not no yes ok okay please thanks thank tell show explain give ist sind war waren "
    "sein hat haben hatte kann können wird werden gibt gab kostet kosten wiegt muss soll "
    "darf wer wen wem wessen was wann wo wohin woher warum wieso weshalb wie welche welcher "
    "welches welchen er sie es ihn ihm ihr ihnen dies diese dieser dieses diesen jene andere "
    "anderen anderer anderes erste ersten zweite zweiten dritte dritten letzte letzten dann "
    "sonst noch mehr viel viele so nicht kein keine ja nein bitte danke sag zeig erklär "
    "warum est sont était a ont peut qui quoi quand où pourquoi comment quel quelle quels "
    "quelles il elle ils elles cela ça celui celle autre autres es son era fue tiene tienen "
    "puede quién qué cuándo dónde cómo cuál cuáles cuánto él ella ellos eso esto otro otra "
    "otros ";

const char follow_prepositions[] =
    " in on at for with from to by of during after before under over about since until per "
    "within without im am an auf für mit von vom zu zum zur bei beim nach vor seit bis aus "
    "über unter ab gegen ohne um à au aux en dans pour avec de du des chez depuis por para "
    "con desde hasta sobre ";

const char follow_articles[] =
    " the a an der die das den dem des ein eine einen einem einer le la les un une el los "
    "las una il lo gli i l ";

/* What ends a phrase behind an article. */
const char follow_ends_phrase[] =
    " cost costs weigh weighs last lasts take takes have has had need needs open opens close "
    "closes start starts end ends begin begins work works come go get make mean contain "
    "contains hold holds run runs use used live belong arrive do does did is are was were "
    "and or that which who made kostet kosten wiegt wiegen dauert gilt gelten hat haben ist "
    "sind war waren und oder öffnet schließt beginnt endet braucht est sont et ou cuesta "
    "cuestan pesa es son y o ";

const char follow_counts[] =
    " two three four five six seven eight nine ten both zwei drei vier fünf sechs sieben "
    "acht neun zehn beide beiden deux trois quatre cinq six sept huit neuf dix dos tres "
    "cuatro cinco seis siete ocho nueve diez ambos 2 3 4 5 6 7 8 9 10 ";

const char follow_joins[] = " and or und oder et ou y o e ";

static const char months[] =
    " january february march april may june july august september october november december "
    "januar februar märz mai juni juli oktober dezember janvier février mars avril juin "
    "juillet août septembre octobre novembre décembre enero febrero marzo abril mayo junio "
    "julio agosto septiembre octubre noviembre diciembre ";

static const char weekdays[] =
    " monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays "
    "thursdays fridays saturdays sundays montag dienstag mittwoch donnerstag freitag samstag "
    "sonnabend sonntag montags dienstags mittwochs donnerstags freitags samstags sonntags "
    "lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves "
    "viernes sábado domingo weekend weekends wochenende ";

/* ---- words ---- */

/* A byte in small letters: of A to Z, and the second one of a Latin-1 letter. */
static char small(const char *text, size_t i, size_t start)
{
    unsigned char c = (unsigned char)text[i];

    if (i > start && (unsigned char)text[i - 1] == 0xC3 && c >= 0x80 && c <= 0x9E && c != 0x97)
        return (char)(c + 0x20);
    return (char)tolower(c);
}

bool follow_is(const char *list, const char *text, const follow_word *w)
{
    char low[WORD_BYTES];
    size_t n = w->end - w->start;

    if (n > sizeof low)
        return false;
    for (size_t i = 0; i < n; i++)
        low[i] = small(text, w->start + i, w->start);
    return word_list_has(list, low, n);
}

static follow_kind kind_of(const follow_text *q, size_t i)
{
    const follow_word *w = &q->at[i];
    size_t digits = 0, letters = 0, n = w->end - w->start;

    for (size_t k = w->start; k < w->end; k++) {
        digits += isdigit((unsigned char)q->text[k]) != 0;
        letters += isalpha((unsigned char)q->text[k]) || (unsigned char)q->text[k] >= 0x80;
    }
    if (digits && letters)
        return FOLLOW_DESIGNATION;
    if (digits)
        return n == 4 && digits == 4 && (q->text[w->start] == '1' || q->text[w->start] == '2') ? FOLLOW_YEAR : FOLLOW_NUMBER;
    if (follow_is(months, q->text, w) && is_capital(q->text + w->start, n)) /* "may" is a verb */
        return FOLLOW_MONTH;
    if (follow_is(weekdays, q->text, w))
        return FOLLOW_WEEKDAY;
    return is_capital(q->text + w->start, n) && !follow_is(follow_not_a_phrase, q->text, w) && !follow_is(follow_articles, q->text, w) && !follow_is(follow_prepositions, q->text, w)
               ? FOLLOW_NAME
               : FOLLOW_PLAIN;
}

void follow_read(const char *text, size_t from, size_t len, follow_text *q)
{
    *q = (follow_text){.text = text};
    for (size_t i = from; i < len && q->n < FOLLOW_WORDS_MAX;) {
        size_t start = i;
        while (i < len && (is_word_byte(text[i]) || ((text[i] == '-' || text[i] == '.' || text[i] == ',') && i > start && i + 1 < len && is_word_byte(text[i + 1]) &&
                                                     !(text[i] != '-' && !isdigit((unsigned char)text[i + 1])))))
            i++;
        if (i > start && !memcmp(text + start, "\xC2\xBF", i - start < 2 ? i - start : 2)) /* an upside-down mark */
            start += 2;
        if (i > start)
            q->at[q->n++] = (follow_word){.start = start, .end = i};
        if (i < len && text[i] == '\'' && i + 1 < len && text[i + 1] == 's' && !(i + 2 < len && is_word_byte(text[i + 2])))
            i += 2;
        else if (i < len && (unsigned char)text[i] == 0xE2 && !strncmp(text + i, "\xE2\x80\x99s", 4))
            i += 4;
        else if (i == start || !is_word_byte(text[i]))
            i += i < len && !is_word_byte(text[i]);
    }
    for (size_t i = 0; i < q->n; i++)
        q->at[i].kind = kind_of(q, i);
    if (q->n && q->at[0].kind == FOLLOW_NAME && from == 0)
        q->at[0].kind = FOLLOW_PLAIN; /* every sentence begins with a capital */
}

size_t follow_lead(const char *text)
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
