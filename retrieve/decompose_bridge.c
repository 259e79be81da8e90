/* decompose_bridge.c - a question about a thing that it describes instead of naming: "Where was the
 * director of Thirteen Umbrellas born?", "How many people live in the town where the whistled
 * language is used?".
 *
 * A description is an article and a noun with what tells it from others behind it: a relative
 * clause, a participle, a preposition, or "of" behind a noun that means one of something (director,
 * capital, owner); or a name in the possessive before such a noun. The last one in the question is
 * taken: of two, one inside the other, that is the inner one. Something has to be asked beside it:
 * "Who is the director of X?" needs no bridge. Where it ends, is guessed: before the verb of a
 * question that began with an auxiliary ("Where was ... born?"), before the auxiliary of one that
 * asks at its end ("... was born where?"), or at the end. */
#include <ctype.h>
#include <string.h>

#include "index/text/stopwords.h"
#include "retrieve/decompose_words.h"
#include "retrieve/evidence.h"

#define HEAD_WORDS   5  /* between the article and what describes */
#define MARKED_WORDS 24 /* of a description */

typedef struct tongue {
    const char *lang, *articles;
    const char *joined; /* prepositions that hold an article ("del", "au") */
    const char *relatives, *prepositions, *of;
    const char *persons, *places, *things; /* nouns that mean one of something */
    const char *person_ends[6];            /* last letters of more persons */
    const char *not_persons;               /* ... but for these */
    const char *auxiliaries;
    const char *empty; /* asked beside a description, it asks for the description itself */
    const char *who, *where, *which; /* what begins the question for the thing described */
} tongue;

static const tongue tongues[] = {
    {"en",
     " the ",
     " ",
     " that which who whom whose where ",
     " with about behind from by at in on for near under beside owning making called ",
     " of ",
     " director author writer composer founder creator designer inventor discoverer architect "
     "owner publisher producer singer editor leader head chief "
     "captain manager coach chair chairman chairwoman president mayor king queen commander builder "
     "maker breeder trainer rider winner runner-up champion "
     "husband wife father mother brother sister son daughter partner widow teacher pupil student "
     "successor predecessor translator painter sculptor "
     "photographer planner poet actor actress star voice man woman person lady girl boy host "
     "presenter discoverer bishop duke pilot cook judge lawyer "
     "doctor landlord tenant neighbour boss one ones ",
     " town city village country place state county region district street island valley "
     "birthplace hometown home headquarters seat capital port ",
     " company firm publisher house label band team club school university museum river lake "
     "series film novel book album song game prize award ship church "
     "castle brewery shipyard yard factory network station line airline orchestra language ",
     {"maker", "ner", "tor", "ist", "man", "woman"},
     " dinner corner manner banner container liner factor sector tractor motor vector list human "
     "german ",
     " is are was were do does did has have had can could will would should must may ",
     " name names title kind type called full number first last what's who's ",
     "Who is it",
     "Where is it",
     "Which is it"},
    {"de",
     " der die das den dem des ",
     " am im zum zur vom beim ",
     " der die das den dem deren dessen denen wo wer was welcher welche welches ",
     " mit aus von vom über hinter bei beim neben unter für ",
     " des der von vom ",
     " autor autorin direktor direktorin regisseur regisseurin komponist komponistin gründer "
     "gründerin erfinder erfinderin entdecker architekt besitzer "
     "besitzerin eigentümer inhaber leiter leiterin chef chefin kapitän trainer bürgermeister "
     "könig königin kommandant züchter sieger siegerin gewinner mann "
     "frau vater mutter bruder schwester sohn tochter witwe lehrer lehrerin schüler nachfolger "
     "vorgänger übersetzer maler malerin bildhauer verfasser "
     "namensgeber vorsitzende vorsitzenden ",
     " stadt dorf ort land insel tal gemeinde geburtsort hauptstadt sitz heimat straße hafen "
     "kreis ",
     " firma verlag verein band schule universität museum fluss see film roman buch album lied "
     "spiel preis schiff kirche burg brauerei gesellschaft familie ",
     {"erin", "ator", "eur", "ist", "mann", "frau"},
     " ist motor faktor ",
     " ist sind war waren hat haben hatte hatten wurde wurden wird werden kann können liegt ",
     " name namen titel art typ heißt lautet nummer ",
     "Wer ist es",
     "Wo ist es",
     "Welches ist es"},
    {"es",
     " el la los las ",
     " del al ",
     " que quien quienes cuyo cuya donde ",
     " con sobre en ",
     " de del ",
     " director directora autor autora escritor escritora compositor compositora fundador "
     "fundadora creador creadora inventor inventora arquitecto dueño dueña "
     "propietario presidente presidenta alcalde alcaldesa rey reina jefe capitán entrenador "
     "ganador ganadora marido esposa padre madre hermano hermana hijo "
     "hija viuda maestro alumno sucesor traductor pintor pintora escultor ingeniero hombre mujer ",
     " ciudad pueblo villa país lugar isla valle capital sede región provincia calle puerto ",
     " empresa compañía editorial casa banda equipo club escuela universidad museo río lago serie "
     "película novela libro álbum canción juego premio barco iglesia castillo ",
     {"ador", "adora", "ista", "tor", "tora", "ero"},
     " motor sector lista enero febrero dinero número ",
     " es son era eran fue fueron ha han tiene tienen está están ",
     " nombre título tipo llama llamaba número ",
     "Quién es",
     "Dónde está",
     "Cuál es"},
    {"fr",
     " le la les ",
     " du des au aux ",
     " que qui dont où laquelle lequel ",
     " avec sur chez en ",
     " de du des ",
     " directeur directrice auteur autrice écrivain compositeur compositrice fondateur fondatrice "
     "créateur créatrice inventeur architecte propriétaire "
     "président présidente maire roi reine chef capitaine entraîneur vainqueur mari épouse père "
     "mère frère soeur sœur fils fille veuve maître élève successeur "
     "traducteur peintre sculpteur réalisateur réalisatrice militante militant homme femme ",
     " ville village pays lieu île vallée capitale siège région rue port commune ",
     " entreprise société éditeur maison groupe équipe club école université musée rivière fleuve "
     "lac série film roman livre album chanson jeu prix navire église château ",
     {"teur", "trice", "eur", "euse", "iste", "ien"},
     " moteur secteur facteur liste heure valeur couleur longueur hauteur largeur bien ",
     " est sont était étaient a ont fut furent avait ",
     " nom titre type appelle appelait numéro ",
     "Qui est-ce",
     "Où est-ce",
     "Lequel est-ce"},
};

static bool ends_with(const char *low, const char *tail)
{
    size_t n = strlen(low), m = strlen(tail);

    return n > m && !strcmp(low + n - m, tail);
}

static bool is_person(const tongue *t, const reading *r, size_t i)
{
    if (word_is(r, i, t->persons))
        return true;
    for (size_t k = 0; k < sizeof t->person_ends / sizeof *t->person_ends; k++)
        if (ends_with(r->at[i].low, t->person_ends[k]) && strlen(r->at[i].low) > 5 &&
            !word_is(r, i, t->not_persons))
            return true;
    return false;
}

static bool is_article(const tongue *t, const reading *r, size_t i)
{
    if (!word_is(r, i, t->articles))
        return word_is(r, i, t->joined);
    return !i ||
           !isupper((unsigned char)r->text[r->at[i].start]); /* "The Drowned Piano" is a name */
}

/* French: "l'auteur". */
static bool is_elided(const tongue *t, const reading *r, size_t i)
{
    const char *low = r->at[i].low;

    return !strcmp(t->lang, "fr") && low[0] == 'l' &&
           (low[1] == '\'' || !strncmp(low + 1, "\xE2\x80\x99", 3)) && low[2];
}

/* What describes the noun at r->at[head]: > 0 the word behind the noun that begins it. */
static bool describes(const tongue *t, const reading *r, size_t head, size_t k)
{
    const char *low = k < r->n ? r->at[k].low : "";
    bool german = !strcmp(t->lang, "de"),
         noun = word_is(r, head, t->things) || word_is(r, head, t->places) || is_person(t, r, head);

    if (k + 1 >= r->n)
        return false;
    if (r->at[head].comma)
        return (german && (word_is(r, k, t->relatives) ||
                           (word_is(r, k, " in für auf mit von aus bei zu nach an ") &&
                            word_is(r, k + 1, t->relatives))));
    if (german && r->at[head].capital == false)
        return false;
    if (word_is(r, k, t->of) || (!strcmp(t->lang, "fr") && !strncmp(low, "d'", 2)))
        return noun && (!word_is(r, head, t->places) || !r->at[k + 1].capital || german);
    if (!german && word_is(r, k, t->relatives))
        return true;
    if (!strcmp(t->lang, "en") &&
        word_is(r, k, " in on at to for from by of with under after into whose ") &&
        word_is(r, k + 1, " which whom whose "))
        return true;
    if (word_is(r, k, t->prepositions))
        return noun && !r->at[k].capital;
    return !strcmp(t->lang, "en") && (ends_with(low, "ing") || ends_with(low, "ed")) &&
           strlen(low) > 4 && noun;
}

/* Does something with letters that is no question word and asks for more than a name stand in
 * [from, to)? */
static bool asks_something(const tongue *t, const reading *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!word_is(r, i, t->empty) && !word_is(r, i, t->auxiliaries) &&
            !word_is(r, i, wh_words) && words_have_letters(r, i, i + 1) &&
            !stopwords_has(t->lang, r->at[i].low, strlen(r->at[i].low)))
            return true;
    return false;
}

static bool is_participle(const tongue *t, const reading *r, size_t i)
{
    return !strcmp(t->lang, "en")
               ? ends_with(r->at[i].low, "ed") || word_is(r, i,
                                                          " born made built sold won buried held "
                                                          "frozen known written taken given drawn ")
               : !strcmp(t->lang, "de") &&
                     (ends_with(r->at[i].low, "t") || ends_with(r->at[i].low, "en"));
}

/* "Where was the man born who ...?" */
static bool is_moved(const tongue *t, const reading *r, size_t from, size_t head)
{
    return from && head > from + 1 && word_is(r, from - 1, t->auxiliaries) &&
           is_participle(t, r, head);
}

/* "that Sunniva Haug rented": without its verb it says nothing. */
static bool says_something(const tongue *t, const reading *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!r->at[i].capital && !is_article(t, r, i))
            return true;
    return false;
}

/* Where the description that begins at word `from`, and whose noun is described from `k` on, ends;
 * 0: what is asked stands in it. */
static size_t find_end(const tongue *t, const reading *r, size_t from, size_t k)
{
    size_t end = r->n;

    for (size_t i = k + 1; i + 1 < r->n; i++) /* "..., what did it win?" */
        if (r->at[i].comma && !r->at[i + 1].capital && !word_is(r, i + 1, t->relatives)) {
            end = i + 1;
            break;
        }
    if (!word_is(r, 0, wh_words) && !word_is(r, 1, wh_words) && !word_is(r, 2, wh_words)) {
        for (size_t i = end; i-- > k + 1;)
            if (word_is(r, i, wh_words) &&
                !word_is(r, i, " was que qui ")) { /* "... was born where?" */
                size_t verb = i;
                while (verb > k + 1 && !word_is(r, verb, t->auxiliaries) && i - verb < 6)
                    verb--;
                return verb > k + 1 && word_is(r, verb, t->auxiliaries) ? verb : 0;
            }
        return end;
    }
    if (from && word_is(r, from - 1, t->auxiliaries) && end == r->n && end > k + 2) {
        size_t cut = end;
        if (word_is(r, cut - 1, " from for to by with in on at of over out off up down "))
            cut--;
        if (cut > k + 2 && !r->at[cut - 1].capital && !is_article(t, r, cut - 2) &&
            !word_is(r, cut - 2, t->auxiliaries) && !word_is(r, cut - 2, t->prepositions) &&
            !word_is(r, cut - 2, t->of) &&
            (word_is(r, from - 1, " did does do ") || is_participle(t, r, cut - 1)) &&
            (word_is(r, k, t->of) || word_is(r, k, t->prepositions) ||
             says_something(t, r, k + 1, cut - 1)))
            end = cut - 1;
    }
    return end;
}

/* Words [from, to) are a description. `moved`: of them one that belongs to what is asked ("Where
 * was the man born who ...?"); `to`: none. */
static bool take(reading *r, const tongue *t, size_t from, size_t to, size_t moved, bool person,
                 bool place)
{
    decomposition *out = r->out;
    const char *begin = person ? t->who : place ? t->where : t->which;
    size_t skip = word_is(r, from, t->joined) ? 1 : 0;
    size_t stop = r->at[to - 1].end;
    const char *what;

    stop += r->text[stop] == '"'; /* a title's */
    if (moved < to)
        what = arena_printf(r->a, "%s%.*s", words_run(r, from + skip, moved),
                            (int)(stop - r->at[moved].end), r->text + r->at[moved].end);
    else
        what = arena_strndup(r->a, r->text + r->at[from + skip].start,
                             stop - r->at[from + skip].start);
    if (to - from > MARKED_WORDS || to <= from + 1 || !what ||
        !(moved < to || asks_something(t, r, 0, from) || asks_something(t, r, to, r->n)))
        return false;
    out->parts[0].question = arena_printf(r->a, "%s, %s?", begin, what);
    out->parts[0].side = what;
    out->before = arena_strndup(r->a, r->text, r->at[from + skip].start);
    out->after = moved < to
                     ? arena_printf(r->a, " %s%s", words_run(r, moved, moved + 1), r->text + stop)
                     : arena_strdup(r->a, r->text + stop);
    out->namer = arena_printf(r->a, "%s, %s?", t->who, what);
    out->n_parts = 1;
    out->kind = DECOMPOSE_BRIDGE;
    out->lang = t->lang;
    return out->parts[0].question && out->before && out->after && out->namer;
}

/* "the director of X", "the town where ...": the last one. */
static bool described(reading *r, const tongue *t)
{
    for (size_t i = r->n; i-- > 0;) {
        bool elided = is_elided(t, r, i);
        if (!elided && !is_article(t, r, i))
            continue;
        for (size_t head = elided ? i : i + 1; head + 2 < r->n && head <= i + HEAD_WORDS; head++) {
            size_t k = head + 1;
            if (word_is(r, head, auxiliaries) || word_is(r, head, t->prepositions) ||
                (word_is(r, head, t->of) && head > i))
                break;
            if (describes(t, r, head, k)) {
                size_t end = find_end(t, r, i, k);
                bool person = is_person(t, r, head) || word_is(r, k, " who whom quien quienes ");
                bool place = word_is(r, head, t->places) || word_is(r, k, " where wo donde où ");
                if (end > k + 1 && words_have_letters(r, k + 1, end) &&
                    take(r, t, i, end, is_moved(t, r, i, head) ? head : end, person, place))
                    return true;
                break;
            }
            if (r->at[head].comma)
                break;
        }
    }
    return false;
}

/* "Dunmorrow Athletic's manager". */
static bool possessive(reading *r, const tongue *t)
{
    if (strcmp(t->lang, "en") != 0)
        return false;
    for (size_t i = r->n - 1; i-- > 0;) {
        size_t from = i;
        if (!(ends_with(r->at[i].low, "'s") || ends_with(r->at[i].low, "\xE2\x80\x99s")) ||
            !r->at[i].capital || word_is(r, i, t->empty) ||
            !(is_person(t, r, i + 1) || word_is(r, i + 1, t->places) ||
              word_is(r, i + 1, t->things)))
            continue;
        while (from && r->at[from - 1].capital && !word_is(r, from - 1, wh_words))
            from--;
        if (take(r, t, from, i + 2, i + 2, is_person(t, r, i + 1), word_is(r, i + 1, t->places)))
            return true;
    }
    return false;
}

bool decompose_bridge(reading *r)
{
    const char *lang = evidence_language(r->text, strlen(r->text), NULL, 0);

    for (size_t i = 0; i < sizeof tongues / sizeof *tongues; i++)
        if (!strcmp(tongues[i].lang, lang))
            return described(r, &tongues[i]) || possessive(r, &tongues[i]);
    return false;
}

const char *decompose_outer(const decomposition *d, const char *name, arena *a)
{
    return arena_printf(a, "%s%s%s", d->before, name, d->after);
}
