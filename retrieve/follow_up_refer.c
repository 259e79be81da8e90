/* follow_up_refer.c - see follow_up.h: questions that point at the question before or at what was replied. Each kind is
 * tried in turn; what is read are the words of the question behind "and", "what about" and the like. */
#include "retrieve/follow_up.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "retrieve/follow_up_items.h"
#include "retrieve/follow_up_words.h"
#include "retrieve/word_byte.h"

#define BARE_WORDS    7  /* of a question that is a question word alone */
#define REPLIES_BACK  4  /* so many replies are looked through for a list */
#define BESIDES_BYTES 100
#define REPLY_BYTES   4096

/* Everything a rule reads. */
typedef struct asking_back {
    const char *question;
    follow_text q; /* its words behind a lead */
    const follow_up_turn *said;
    size_t n;
    const char *earlier; /* the last of them; NULL: none */
    arena *a;
    follow_up *out;
    cairn_error *err;
} asking_back;

static cairn_status no_memory(const asking_back *x)
{
    return cairn_fail(x->err, CAIRN_ENOMEM, "a follow-up question");
}

static size_t text_end(const char *s)
{
    size_t n = strlen(s);

    while (n && strchr(" \t\r\n?.!", s[n - 1]))
        n--;
    return n;
}

/* Where the last sentence of text[0, end) begins. */
static size_t last_sentence(const char *text, size_t end)
{
    for (size_t i = end; i-- > 1;)
        if (text[i] == ' ' && strchr(".?!", text[i - 1]))
            return i + 1;
    return 0;
}

/* ---- question words ---- */

static const char asks[] =
    " why when where who whom whose which what how warum wieso weshalb weswegen wann wo "
    "wohin woher wer wem wen wessen welche welcher welches welchem welchen was wie wieviel "
    "wieviele pourquoi quand où qui quoi quel quelle quels quelles combien comment qué que "
    "cuándo cuando dónde donde adónde quién quien quiénes cuál cuáles cuánto cuanto cuánta "
    "cuántos cuantos cuántas cuantas cómo ";

/* By themselves they ask who or what that is, or say nothing. */
static const char asks_what[] =
    " who whom whose which what wer wem wen wessen welche welcher welches welchem welchen "
    "was qui quoi quel quelle quels quelles qué que quién quien quiénes cuál cuáles ";

static const char asks_one[] = " who whom wer wem wen qui quién quien quiénes ";

static const char with_it[] =
    " much many long often far high tall deep wide big large heavy old fast hot come viel "
    "viele lange lang oft weit hoch groß tief breit schwer alt schnell spät de temps fois "
    "tiempo veces ";

static const char how_much[] = " much many long viel viele lange lang temps tiempo come ";

static const char asked_nouns[] =
    " year years month months day days date time hour hours week weekday price reason jahr "
    "jahre monat monate tag tage tagen datum uhrzeit uhr grund année années an mois jour "
    "jours heure heures date raison prix año años mes meses día días hora horas fecha razón "
    "precio ";

static const char before_it[] =
    " by until till since from for with to in on at about ab bis seit von mit für zu an am "
    "aus um jusqu jusqu'à à a depuis avec pour de par en desde hasta con por para al ";

static const char fillers[] =
    " is was were are did does do has have that this so then exactly precisely about "
    "approximately happen happened please ist war waren das dies denn genau passiert geschah "
    "passierte c ce était est ça cela exactement fue era eso esto ocurrió pasó exactamente ";

static const char auxiliaries[] =
    " is are was were do does did has have had can could will would shall should may might "
    "must ist sind war waren hat haben hatte hatten wird werden wurde wurden kann können "
    "muss darf soll gibt gab est sont était étaient a ont fut es son era eran fue fueron ha "
    "han hay hubo tiene tienen se ";

/* Words from `i` on that ask: "since when", "how much", "aus welchem Grund"; 0: they don't. *first: of the question word. */
static size_t asking_words(const follow_text *q, size_t i, size_t *first)
{
    size_t at = i;

    while (at < q->n && at - i < 2 && follow_is(before_it, q->text, &q->at[at]))
        at++;
    if (at == q->n || !follow_is(asks, q->text, &q->at[at]))
        return 0;
    *first = at++;
    while (at < q->n && follow_is(with_it, q->text, &q->at[at]))
        at++;
    return at - i;
}

/* Where the earlier question's own question words end, and the thing that they count or choose: "How much grain did". */
static size_t own_asking(const follow_text *e, size_t *noun)
{
    size_t first = 0, n = asking_words(e, 0, &first), end = n;

    *noun = n;
    if (!n)
        return 0;
    while (end < e->n && end - n < 4 && !follow_is(auxiliaries, e->text, &e->at[end]))
        end++;
    if (end == e->n || end - n == 4)
        return n;
    *noun = end; /* words n .. end are what is asked about, but for those of the asking: "in which year" */
    while (n < end && follow_is(asked_nouns, e->text, &e->at[n]))
        n++;
    return n;
}

/* The first `n` words of the question, then the earlier one without its own ones, [0, own), and behind it what these count or
 * choose, [own, noun): "Since when" "does the mill sell" "flours". */
static char *put_asking(const asking_back *x, const follow_text *e, size_t n, size_t own, size_t noun, size_t end)
{
    const follow_text *q = &x->q;
    size_t from = e->at[noun].start;
    char *rest = arena_strndup(x->a, x->earlier + from, end - from);
    const char *counted = own < noun ? arena_strndup(x->a, x->earlier + e->at[own].start, e->at[noun - 1].end - e->at[own].start) : "";

    if (!rest || !counted)
        return NULL;
    if (!own)
        *rest = (char)tolower((unsigned char)*rest); /* it began a sentence */
    return arena_printf(x->a, "%.*s %s%s%s?", (int)(q->at[n - 1].end - q->at[0].start), q->text + q->at[0].start, rest, *counted ? " " : "", counted);
}

/* "Why?" -> "Why does the shop close at noon?". */
static cairn_status ask_barely(asking_back *x)
{
    const follow_text *q = &x->q;
    follow_text e;
    size_t first = 0, n = asking_words(q, 0, &first), own, noun, end = text_end(x->earlier);
    bool what;

    if (!n || q->n > BARE_WORDS)
        return CAIRN_OK;
    what = n == first + 1 && follow_is(asks_what, q->text, &q->at[first]);
    if (n < q->n && follow_is(asked_nouns, q->text, &q->at[n])) {
        n++;
        what = false;
    }
    for (size_t i = n; i < q->n; i++)
        if (!follow_is(fillers, q->text, &q->at[i]))
            return CAIRN_OK;
    if (n < q->n && n > first + 1 && !follow_is(asked_nouns, q->text, &q->at[n - 1]) && !follow_is(how_much, q->text, &q->at[n - 1]))
        return CAIRN_OK; /* "How big is that?" is about a thing, not about what happened */
    if (what && !first && (n < q->n || !follow_is(asks_one, q->text, &q->at[0])))
        return CAIRN_OK; /* "What is that?", "What?" */
    follow_read(x->earlier, last_sentence(x->earlier, end), end, &e);
    if (e.n < 2 || e.n == FOLLOW_WORDS_MAX)
        return CAIRN_OK;
    own = own_asking(&e, &noun);
    if (noun == e.n || (!own && !follow_is(auxiliaries, e.text, &e.at[0])))
        return CAIRN_OK; /* "Tell me about the mill." is no question */
    x->out->whole = put_asking(x, &e, n, own, noun, end);
    x->out->bare = true;
    return x->out->whole ? CAIRN_OK : no_memory(x);
}

/* ---- who else ---- */

static const struct {
    const char *words, *besides;
} others[] = {
    {"who else", "besides"}, {"what else", "besides"}, {"where else", "besides"},
    {"when else", "besides"}, {"which else", "besides"}, {"anyone else", "besides"},
    {"anybody else", "besides"}, {"anything else", "besides"}, {"someone else", "besides"},
    {"any others", "besides"}, {"which others", "besides"}, {"wer noch", "außer"},
    {"wer sonst", "außer"}, {"wer sonst noch", "außer"}, {"was noch", "außer"},
    {"was sonst", "außer"}, {"was sonst noch", "außer"}, {"wo noch", "außer"},
    {"wo sonst", "außer"}, {"wo sonst noch", "außer"}, {"noch jemand", "außer"},
    {"sonst noch jemand", "außer"}, {"noch etwas", "außer"}, {"sonst noch etwas", "außer"},
    {"wen noch", "außer"}, {"qui d autre", "à part"}, {"quoi d autre", "à part"},
    {"qui encore", "à part"}, {"quoi encore", "à part"}, {"où encore", "à part"},
    {"quelqu un d autre", "à part"}, {"autre chose", "à part"}, {"quién más", "además de"},
    {"quien más", "además de"}, {"qué más", "además de"}, {"dónde más", "además de"},
    {"alguien más", "además de"}, {"algo más", "además de"},
};

/* Are the words from `i` on those of the list, blanks between them? Returns how many, 0: no. */
static size_t run_of(const follow_text *q, size_t i, const char *words)
{
    size_t n = 0;

    for (const char *at = words; *at;) {
        char one[40];
        size_t len = strcspn(at, " ");
        if (i + n >= q->n || len + 3 > sizeof one)
            return 0;
        one[0] = ' ';
        memcpy(one + 1, at, len);
        memcpy(one + 1 + len, " ", 2);
        if (!follow_is(one, q->text, &q->at[i + n]))
            return 0;
        n++;
        at += len + (at[len] == ' ');
    }
    return n;
}

/* "Jonas is", "Jonas and Ann", "Jonas Beck", "Jonas": of other words the capital is the sentence's. */
static bool begins_with_name(const follow_text *s)
{
    static const char none[] = " there here this these those yes no thus das dies dort hier ja nein il ils elle elles c'est eso esto no sí ";
    const follow_word *w = &s->at[0];

    if (!is_capital(s->text + w->start, 2) || follow_is(none, s->text, w) || follow_is(follow_articles, s->text, w) ||
        follow_is(follow_prepositions, s->text, w) || follow_is(follow_not_a_phrase, s->text, w))
        return false;
    return s->n == 1 || s->at[1].kind == FOLLOW_NAME || follow_is(auxiliaries, s->text, w + 1) || follow_is(follow_joins, s->text, w + 1) ||
           s->text[w->end] == ',';
}

/* Names of a reply, with commas, that are not in the question. */
static cairn_status names_of(const asking_back *x, const char *reply, char *names, size_t size)
{
    size_t len = strnlen(reply, REPLY_BYTES), at = 0, used = 0;

    *names = '\0';
    while (at < len) {
        follow_text s;
        size_t end = at + strcspn(reply + at, "\n.;!?");
        end = end > len ? len : end;
        follow_read(reply, at, end, &s);
        if (s.n)
            s.at[0].kind = begins_with_name(&s) ? FOLLOW_NAME : FOLLOW_PLAIN;
        for (size_t i = 0; i < s.n; i++) {
            size_t last = i, bytes;
            char *name;
            if (s.at[i].kind != FOLLOW_NAME)
                continue;
            while (last + 1 < s.n && s.at[last + 1].kind == FOLLOW_NAME && s.at[last + 1].start == s.at[last].end + 1)
                last++;
            bytes = s.at[last].end - s.at[i].start;
            name = arena_strndup(x->a, reply + s.at[i].start, bytes);
            if (!name)
                return no_memory(x);
            if (!strstr(x->earlier, name) && !strstr(names, name) && used + bytes + 3 < size) {
                if (used) {
                    memcpy(names + used, ", ", 2);
                    used += 2;
                }
                memcpy(names + used, name, bytes + 1);
                used += bytes;
            }
            i = last;
        }
        at = end + 1;
    }
    return CAIRN_OK;
}

static cairn_status ask_others(asking_back *x, bool *taken)
{
    const char *reply = x->said[x->n - 1].reply, *besides = NULL;
    char names[BESIDES_BYTES];
    size_t most = 0;
    cairn_status st;

    *taken = false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        size_t n = run_of(&x->q, 0, others[i].words);
        if (n > most) {
            most = n;
            besides = others[i].besides;
        }
    }
    if (!most || !reply)
        return CAIRN_OK;
    *taken = x->out->others = true;
    if (most < x->q.n) /* "Who else works there?" */
        return CAIRN_OK;
    x->out->whole = arena_strdup(x->a, x->earlier);
    st = x->out->whole ? names_of(x, reply, names, sizeof names) : no_memory(x);
    if (!st && *names &&
        !(x->out->besides = arena_printf(x->a, "%.*s, %s %s?", (int)text_end(x->earlier), x->earlier, besides, names)))
        st = no_memory(x);
    return st;
}

/* ---- years ---- */

static const struct {
    const char *words;
    int from; /* of this year, or of the earlier question's */
    bool of_question;
} years[] = {
    {"last year", -1, false}, {"the last year", -1, false}, {"in the last year", -1, false},
    {"letztes jahr", -1, false}, {"im letzten jahr", -1, false}, {"letzten jahr", -1, false},
    {"voriges jahr", -1, false}, {"im vorigen jahr", -1, false}, {"im vergangenen jahr", -1, false},
    {"vergangenes jahr", -1, false}, {"l année dernière", -1, false}, {"l an dernier", -1, false},
    {"l an passé", -1, false}, {"l année passée", -1, false}, {"el año pasado", -1, false},
    {"en el año pasado", -1, false}, {"this year", 0, false}, {"dieses jahr", 0, false},
    {"in diesem jahr", 0, false}, {"cette année", 0, false}, {"este año", 0, false},
    {"next year", 1, false}, {"nächstes jahr", 1, false}, {"im nächsten jahr", 1, false},
    {"l année prochaine", 1, false}, {"l an prochain", 1, false}, {"el próximo año", 1, false},
    {"el año que viene", 1, false}, {"the year before", -1, true},
    {"the year before that", -1, true}, {"in the year before", -1, true},
    {"the previous year", -1, true}, {"im jahr davor", -1, true}, {"das jahr davor", -1, true},
    {"im jahr zuvor", -1, true}, {"im vorjahr", -1, true}, {"l année d avant", -1, true},
    {"l année précédente", -1, true}, {"el año anterior", -1, true}, {"el año antes", -1, true},
    {"the year after", 1, true}, {"the year after that", 1, true}, {"the following year", 1, true},
    {"in the year after", 1, true}, {"im jahr danach", 1, true}, {"das jahr danach", 1, true},
    {"im jahr darauf", 1, true}, {"im folgejahr", 1, true}, {"l année suivante", 1, true},
    {"l année d après", 1, true}, {"el año siguiente", 1, true}, {"el año después", 1, true},
};

/* A year in the earlier question, as a number or as "last year": its words; false: it has none. */
static bool year_in(const follow_text *e, int year, size_t *first, size_t *last, int *value)
{
    for (size_t i = e->n; i-- > 0;) {
        if (e->at[i].kind == FOLLOW_YEAR) {
            *first = *last = i;
            *value = atoi(e->text + e->at[i].start);
            return true;
        }
        for (size_t k = 0; k < sizeof years / sizeof *years; k++) {
            size_t n = years[k].of_question ? 0 : run_of(e, i, years[k].words);
            if (n) {
                *first = i;
                *last = i + n - 1;
                *value = year + years[k].from;
                return true;
            }
        }
    }
    return false;
}

static cairn_status ask_year(asking_back *x, int year)
{
    follow_text e;
    size_t first = 0, last = 0, end = text_end(x->earlier);
    int value = 0;
    bool there;

    follow_read(x->earlier, 0, end, &e);
    if (e.n < 3 || e.n == FOLLOW_WORDS_MAX)
        return CAIRN_OK;
    there = year_in(&e, year, &first, &last, &value);
    for (size_t i = 0; i < sizeof years / sizeof *years; i++) {
        if (run_of(&x->q, 0, years[i].words) != x->q.n || (years[i].of_question && !there))
            continue;
        value = (years[i].of_question ? value : year) + years[i].from;
        if (there) {
            size_t from = e.at[first].start, upto = e.at[last].end;
            x->out->replaced = arena_strndup(x->a, x->earlier + from, upto - from);
            x->out->instead = arena_printf(x->a, "%d", value);
            if (!x->out->instead)
                return no_memory(x);
            x->out->whole = arena_printf(x->a, "%.*s%d%s", (int)from, x->earlier, value, x->earlier + upto);
        } else {
            x->out->whole = arena_printf(x->a, "%.*s %d?", (int)end, x->earlier, value);
        }
        return x->out->whole && x->out->replaced ? CAIRN_OK : no_memory(x);
    }
    return CAIRN_OK;
}

/* ---- the second one ---- */

enum { OTHER = 100, LAST = -1, BEFORE_LAST = -2 };

static const struct {
    const char *words;
    int which;
} ordinals[] = {
    {" first former 1st erste ersten erster erstes erstere ersterer ersteres premier première 1er primero primera primer ", 1},
    {" second 2nd zweite zweiten zweiter zweites deuxième second seconde segundo segunda ", 2},
    {" third 3rd dritte dritten dritter drittes troisième tercero tercera tercer ", 3},
    {" fourth 4th vierte vierten vierter viertes quatrième cuarto cuarta ", 4},
    {" fifth 5th fünfte fünften fünfter fünftes cinquième quinto quinta ", 5},
    {" last latter letzte letzten letzter letztes letztere letzterer letzteres dernier dernière último última ", LAST},
    {" vorletzte vorletzten vorletzter vorletztes penúltimo penúltima ", BEFORE_LAST},
    {" other andere anderen anderer anderes autre otro otra ", OTHER},
};

static const char determiners[] = " the der die das den dem des le la l les el los las lo ";
static const char german[] = " der die das den dem des "; /* nouns have capitals */
static const char contracted[] = " du au del al im am zum zur vom beim "; /* an article is in them */
static const char of_two[] = " former latter erstere ersterer ersteres letztere letzterer letzteres ";
static const char ones[] = " one ones eine einen ";

typedef struct pointing {
    size_t first, last; /* words of the question: with article and "one" or noun */
    size_t noun;        /* place of a noun behind it, 0: none */
    int which;
} pointing;

static bool ordinal_at(const follow_text *q, size_t i, int *which)
{
    for (size_t k = 0; k < sizeof ordinals / sizeof *ordinals; k++)
        if (follow_is(ordinals[k].words, q->text, &q->at[i])) {
            *which = ordinals[k].which;
            return true;
        }
    return false;
}

/* "the second one", "das zweite"; of a noun behind it only the place is noted, for the list says whether it is of it. */
static bool find_ordinal(const follow_text *q, pointing *p)
{
    for (size_t i = 0; i < q->n; i++) {
        size_t next = i + 1;
        bool article = i && follow_is(determiners, q->text, &q->at[i - 1]), joined;
        *p = (pointing){.first = article ? i - 1 : i, .last = i};
        if (!ordinal_at(q, i, &p->which) || (!article && q->n > 2 && !(i && follow_is(contracted, q->text, &q->at[i - 1]))))
            continue;
        joined = next < q->n && q->at[next].start == q->at[i].end + 1;
        if (joined && follow_is(follow_counts, q->text, &q->at[next]))
            continue; /* "the first two" */
        if (joined && follow_is(ones, q->text, &q->at[next]))
            p->last = next;
        else if (joined && !follow_is(of_two, q->text, &q->at[i]) && !(article && follow_is(german, q->text, &q->at[i - 1]) && !is_capital(q->text + q->at[next].start, 2)) &&
                 !follow_is(follow_ends_phrase, q->text, &q->at[next]) && !follow_is(auxiliaries, q->text, &q->at[next]))
            p->noun = p->last = next;
        return true;
    }
    return false;
}

/* Is what the noun begins with the beginning of a word of the text ("room": "rooms")? */
static bool speaks_of(const char *text, const char *noun, size_t len)
{
    size_t n = len > 4 ? (len > 6 ? 6 : len) : len;

    if (len < 3)
        return false;
    for (const char *at = text; *at; at++)
        if ((at == text || !is_word_byte(at[-1])) && !strncasecmp(at, noun, n))
            return true;
    return false;
}

static const char *name_of(const follow_item *it, size_t *len)
{
    *len = it->len - it->article;
    return it->text + it->article;
}

/* Where the question names the item, as whole words; NULL: it does not. */
static const char *named_in(const char *question, const follow_item *it)
{
    size_t len;
    const char *name = name_of(it, &len), *at = question;

    while ((at = memmem(at, strlen(at), name, len))) {
        if ((at == question || !is_word_byte(at[-1])) && !is_word_byte(at[len]) && !(at[len] == ' ' && isdigit((unsigned char)at[len + 1])))
            return at;
        at++;
    }
    return NULL;
}

/* The item that is meant; NULL: none is. */
static const follow_item *choose(const follow_items *list, const char *earlier, int which)
{
    const follow_item *found = NULL;
    size_t named = 0;

    if (which == OTHER) {
        for (size_t i = 0; i < list->n; i++) {
            if (named_in(earlier, &list->at[i]))
                named++;
            else
                found = &list->at[i];
        }
        return list->n == 2 && named == 1 ? found : NULL;
    }
    if (which < 0)
        return list->n >= (size_t)-which ? &list->at[list->n - (size_t)-which] : NULL;
    return (size_t)which <= list->n ? &list->at[which - 1] : NULL;
}

/* The question with the item in the place of what points at it. */
static cairn_status put_item(asking_back *x, const pointing *p, const follow_item *it)
{
    const follow_text *q = &x->q;
    size_t from = q->at[p->first].start, upto = q->at[p->last].end, skip = 0, len;
    const follow_item *old = NULL;
    follow_items list;
    const char *at = NULL, *name = name_of(it, &len);

    if (p->first || p->last + 1 < q->n) {
        if (p->first && follow_is(contracted, q->text, &q->at[p->first - 1]))
            skip = it->article;
        x->out->whole = arena_printf(x->a, "%.*s%.*s%s", (int)from, x->question, (int)(it->len - skip), it->text + skip, x->question + upto);
        if (!x->out->whole)
            return no_memory(x);
        if (it->article && !skip && from) /* it may have begun a sentence */
            x->out->whole[from] = (char)tolower((unsigned char)x->out->whole[from]);
        return CAIRN_OK;
    }
    for (size_t i = x->n; !at && i-- > 0 && x->n - i <= REPLIES_BACK;) { /* by itself: instead of another of the list */
        follow_items_of(x->said[i].reply ? x->said[i].reply : "", &list);
        for (size_t k = 0; !at && k < list.n; k++)
            if (list.at[k].len - list.at[k].article != len || memcmp(list.at[k].text + list.at[k].article, name, len) != 0)
                at = named_in(x->earlier, old = &list.at[k]);
    }
    if (at) {
        size_t old_len = old->len - old->article;
        x->out->replaced = arena_strndup(x->a, at, old_len);
        if (!(x->out->instead = arena_strndup(x->a, name, len)))
            return no_memory(x);
        x->out->whole = arena_printf(x->a, "%.*s%.*s%s", (int)(at - x->earlier), x->earlier, (int)len, name, at + old_len);
    } else {
        x->out->whole = arena_printf(x->a, "%.*s?", (int)len, name);
        x->out->bare = true;
    }
    return x->out->whole && x->out->replaced ? CAIRN_OK : no_memory(x);
}

static cairn_status ask_item(asking_back *x)
{
    pointing p;

    if (!find_ordinal(&x->q, &p))
        return CAIRN_OK;
    for (size_t i = x->n; i-- > 0 && x->n - i <= REPLIES_BACK;) {
        const char *texts[] = {x->said[i].reply, x->said[i].question};
        for (size_t k = 0; k < (i + 1 == x->n ? 2 : 1); k++) { /* a question's own list only of the last one */
            const follow_item *it;
            follow_items list;
            if (!texts[k])
                continue;
            follow_items_of(texts[k], &list);
            if (!list.n || !(it = choose(&list, x->earlier, p.which)))
                continue;
            if (p.noun) {
                const char *noun = x->q.text + x->q.at[p.noun].start;
                size_t len = x->q.at[p.noun].end - x->q.at[p.noun].start;
                if (!speaks_of(texts[k], noun, len) && !speaks_of(x->said[i].question, noun, len))
                    continue;
            }
            return put_item(x, &p, it);
        }
    }
    return CAIRN_OK;
}

/* ---- the whole ---- */

cairn_status follow_up_refer(const char *question, const follow_up_turn *said, size_t n, int year, arena *a, follow_up *out,
                             cairn_error *err)
{
    size_t lead = follow_lead(question);
    asking_back x = {.question = question, .said = said, .n = n, .a = a, .out = out, .err = err};
    bool taken = false;
    cairn_status st;

    *out = (follow_up){.replaced = ""};
    if (!n || !said[n - 1].question)
        return CAIRN_OK;
    x.earlier = said[n - 1].question;
    follow_read(question, lead, strlen(question), &x.q);
    if (!x.q.n || x.q.n == FOLLOW_WORDS_MAX)
        return CAIRN_OK;
    st = ask_others(&x, &taken);
    if (!st && !taken)
        st = ask_year(&x, year);
    if (!st && !taken && !out->whole)
        st = ask_barely(&x);
    if (!st && !taken && !out->whole)
        st = ask_item(&x);
    return st;
}
