/* table_words.c - see table_words.h. Lists of words between blanks; in `degrees` a word that ends with * is a beginning. */
#include "engine/table_words.h"

#include <string.h>

/* Phrases, the first that stands in the question decides: a mean of numbers is a mean, and the largest sum the largest. */
static const struct {
    table_operation does;
    const char *phrases; /* between | */
} asks[] = {
    {TABLE_RATIO, "how many times as |how many times larger|how many times more|how many times higher|how many times longer|wievielmal|wie viel mal|"
                  "wie viele male so|combien de fois|cuántas veces"},
    {TABLE_SHARE, "what share|which share|share of |what percentage|percentage of|what proportion|proportion of|how many percent|welchen anteil|welcher anteil|"
                  "wie hoch ist der anteil|wie groß ist der anteil|wie viel prozent|wieviel prozent|qué porcentaje|qué parte|qué proporción|quelle part |quel pourcentage|"
                  "quelle proportion"},
    {TABLE_DIFFERENCE, "difference|how much more|how many more|how much less|how many fewer|how much heavier|how much longer|"
                       "how much older|unterschied|differenz|wie viel mehr|wie viele mehr|um wie viel|différence|diferencia"},
    {TABLE_MEAN, "average|mean |on average|durchschnitt|im schnitt|mittelwert|im mittel|moyenne|promedio|en media|de media|la media |salario medio|sueldo medio|precio medio|"
                 "importe medio|coste medio|prix moyen|montant moyen|durchschnittlich|longueur moyen|coût moyen|salaire moyen"},
    {TABLE_SUM, "total|sum of|the sum |altogether|together|in all |combined|add up|insgesamt|summe|zusammen|zusammengenommen|"
                "somme|au total|suma|en total|en conjunto|en tout|gesamt|montant total|coût total|nombre total|total de|importe total"},
    {TABLE_COUNT, "how many|number of|count of|wie viele|wieviele|anzahl|combien de|nombre de|cuántos|cuántas|cuantos|cuantas|"
                  "número de"},
};

#define WHOLE 4 /* of `asks`: that of sums */

/* Words of degree. Those of a comparison count where two things are named ("the white or the black one"). */
static const struct {
    const char *word;
    table_operation does;
    table_kind kind;
    bool compares;
} degrees[] = {
    {"most", TABLE_MOST, TABLE_ANY, false},          {"highest", TABLE_MOST, TABLE_ANY, false},
    {"greatest", TABLE_MOST, TABLE_ANY, false},      {"maximum", TABLE_MOST, TABLE_ANY, false},
    {"largest", TABLE_MOST, TABLE_SIZE, false},      {"biggest", TABLE_MOST, TABLE_SIZE, false},
    {"longest", TABLE_MOST, TABLE_SPAN, false},      {"heaviest", TABLE_MOST, TABLE_WEIGHT, false},
    {"dearest", TABLE_MOST, TABLE_PRICE, false},     {"tallest", TABLE_MOST, TABLE_LENGTH, false},
    {"fastest", TABLE_MOST, TABLE_SPEED, false},     {"hottest", TABLE_MOST, TABLE_HEAT, false},
    {"warmest", TABLE_MOST, TABLE_HEAT, false},      {"latest", TABLE_MOST, TABLE_DATE, false},
    {"newest", TABLE_MOST, TABLE_DATE, false},       {"youngest", TABLE_MOST, TABLE_DATE, false},
    {"last", TABLE_MOST, TABLE_DATE, false},         {"least", TABLE_LEAST, TABLE_ANY, false},
    {"lowest", TABLE_LEAST, TABLE_ANY, false},       {"fewest", TABLE_LEAST, TABLE_ANY, false},
    {"smallest", TABLE_LEAST, TABLE_SIZE, false},    {"minimum", TABLE_LEAST, TABLE_ANY, false},
    {"shortest", TABLE_LEAST, TABLE_SPAN, false},    {"lightest", TABLE_LEAST, TABLE_WEIGHT, false},
    {"cheapest", TABLE_LEAST, TABLE_PRICE, false},   {"slowest", TABLE_LEAST, TABLE_SPEED, false},
    {"coldest", TABLE_LEAST, TABLE_HEAT, false},     {"oldest", TABLE_LEAST, TABLE_DATE, false},
    {"earliest", TABLE_LEAST, TABLE_DATE, false},    {"first", TABLE_LEAST, TABLE_DATE, false},
    {"meisten", TABLE_MOST, TABLE_ANY, false},       {"höchst*", TABLE_MOST, TABLE_ANY, false},
    {"größt*", TABLE_MOST, TABLE_SIZE, false},       {"längst*", TABLE_MOST, TABLE_SPAN, false},
    {"schwerst*", TABLE_MOST, TABLE_WEIGHT, false},  {"teuerst*", TABLE_MOST, TABLE_PRICE, false},
    {"neuest*", TABLE_MOST, TABLE_DATE, false},      {"neueste", TABLE_MOST, TABLE_DATE, false},
    {"zuletzt", TABLE_MOST, TABLE_DATE, false},      {"heißest*", TABLE_MOST, TABLE_HEAT, false},
    {"wärmst*", TABLE_MOST, TABLE_HEAT, false},      {"schnellst*", TABLE_MOST, TABLE_SPEED, false},
    {"wenigsten", TABLE_LEAST, TABLE_ANY, false},    {"niedrigst*", TABLE_LEAST, TABLE_ANY, false},
    {"kleinst*", TABLE_LEAST, TABLE_SIZE, false},    {"kürzest*", TABLE_LEAST, TABLE_SPAN, false},
    {"leichtest*", TABLE_LEAST, TABLE_WEIGHT, false}, {"billigst*", TABLE_LEAST, TABLE_PRICE, false},
    {"günstigst*", TABLE_LEAST, TABLE_PRICE, false}, {"ältest*", TABLE_LEAST, TABLE_DATE, false},
    {"frühest*", TABLE_LEAST, TABLE_DATE, false},    {"kältest*", TABLE_LEAST, TABLE_HEAT, false},
    {"more", TABLE_MOST, TABLE_ANY, true},           {"higher", TABLE_MOST, TABLE_ANY, true},
    {"longer", TABLE_MOST, TABLE_SPAN, true},        {"heavier", TABLE_MOST, TABLE_WEIGHT, true},
    {"larger", TABLE_MOST, TABLE_SIZE, true},        {"bigger", TABLE_MOST, TABLE_SIZE, true},
    {"taller", TABLE_MOST, TABLE_LENGTH, true},      {"later", TABLE_MOST, TABLE_DATE, true},
    {"newer", TABLE_MOST, TABLE_DATE, true},         {"dearer", TABLE_MOST, TABLE_PRICE, true},
    {"less", TABLE_LEAST, TABLE_ANY, true},          {"lower", TABLE_LEAST, TABLE_ANY, true},
    {"fewer", TABLE_LEAST, TABLE_ANY, true},         {"shorter", TABLE_LEAST, TABLE_SPAN, true},
    {"lighter", TABLE_LEAST, TABLE_WEIGHT, true},    {"smaller", TABLE_LEAST, TABLE_SIZE, true},
    {"cheaper", TABLE_LEAST, TABLE_PRICE, true},     {"earlier", TABLE_LEAST, TABLE_DATE, true},
    {"older", TABLE_LEAST, TABLE_DATE, true},        {"mehr", TABLE_MOST, TABLE_ANY, true},
    {"höher*", TABLE_MOST, TABLE_ANY, true},         {"schwerer", TABLE_MOST, TABLE_WEIGHT, true},
    {"teurer", TABLE_MOST, TABLE_PRICE, true},       {"länger", TABLE_MOST, TABLE_SPAN, true},
    {"größer", TABLE_MOST, TABLE_SIZE, true},        {"später", TABLE_MOST, TABLE_DATE, true},
    {"weniger", TABLE_LEAST, TABLE_ANY, true},       {"leichter", TABLE_LEAST, TABLE_WEIGHT, true},
    {"billiger", TABLE_LEAST, TABLE_PRICE, true},    {"günstiger", TABLE_LEAST, TABLE_PRICE, true},
    {"kürzer", TABLE_LEAST, TABLE_SPAN, true},       {"kleiner", TABLE_LEAST, TABLE_SIZE, true},
    {"früher", TABLE_LEAST, TABLE_DATE, true},       {"älter", TABLE_LEAST, TABLE_DATE, true},
    {"mayor", TABLE_MOST, TABLE_ANY, false},         {"menor", TABLE_LEAST, TABLE_ANY, false},
    {"máximo", TABLE_MOST, TABLE_ANY, false},        {"mínimo", TABLE_LEAST, TABLE_ANY, false},
    {"más", TABLE_MOST, TABLE_ANY, false},           {"menos", TABLE_LEAST, TABLE_ANY, false},
    {"moins", TABLE_LEAST, TABLE_ANY, false},        {"plus", TABLE_MOST, TABLE_ANY, false},
    {"primero", TABLE_LEAST, TABLE_DATE, false},     {"primera", TABLE_LEAST, TABLE_DATE, false},
    {"geringst*", TABLE_LEAST, TABLE_ANY, false},    {"tiefst*", TABLE_LEAST, TABLE_ANY, false},
};

#define N_DEGREES (sizeof degrees / sizeof *degrees)

/* Behind "más" and "plus": what names the small end of a measure. */
static const struct {
    const char *word; /* its beginning */
    table_kind kind;
} small_ends[] = {{"barat", TABLE_PRICE}, {"baj", TABLE_ANY},     {"cort", TABLE_SPAN},   {"pequeñ", TABLE_SIZE}, {"liger", TABLE_WEIGHT},
                  {"antigu", TABLE_DATE}, {"viej", TABLE_DATE},   {"petit", TABLE_SIZE},  {"court", TABLE_SPAN},  {"léger", TABLE_WEIGHT},
                  {"bas", TABLE_ANY},     {"ancien", TABLE_DATE}, {"vieux", TABLE_DATE},  {"vieil", TABLE_DATE}};

/* Beginnings of words, but for those that end with a point, which are whole. */
static const struct {
    table_kind kind;
    const char *words;
} kinds[] = {
    {TABLE_PRICE, " price cost expens cheap dear. eur. euro. euros. usd. gbp. chf. fee. fees. preis kost. kosten kostet teuer billig "
                  "betrag prix coût coûte cher. precio cuesta cuestan caro. cara. amount charge salar sueldo gehalt lohn. "
                  "gana. ganan. verdien earn. earns. earned. wage spend spent ausgegeben gasta gastó gastado dépens paid. pay. pays. paga. pagan. pagó bezahlt gezahlt gekost importe montant "},
    {TABLE_WEIGHT, " weight weigh heav light. gewicht wieg schwer leicht. poids pèse peso. pesa kg. g. grams gramm lb. lbs. mass. masse. "},
    {TABLE_DATE, " date. dates. year. years. since. when. datum jahr. fecha año annee année bought purchased gekauft seit. founded opened "
                 "built released launched completed recent récent recient "},
    {TABLE_SPAN, " duration dauer length. days. day. tage. hours. hour. minutes. time. zeit laufzeit term. "},
    {TABLE_LENGTH, " height tall höhe. length. länge. mm. cm. m. ft. feet. depth width "},
    {TABLE_HEAT, " temperatur hot. heat. warm. cold. celsius "},
    {TABLE_SIZE, " size. sizes. area. areas. fläche größe population capacity acres. "},
    {TABLE_SPEED, " speed tempo. km/h mph. rpm. "},
    {TABLE_QUANTITY, " quantity quantities qty. pcs. units. menge. stückzahl. stück. bestand. cantidad unidades. existencias. quantité qté. hand. sold. pieces. "
                     "ordered. verkauft bestellt. vendid vendu "},
};

static const char generic[] =
    " item items entry entries row rows thing things article articles product products part parts piece pieces list lists listed table "
    "tables file files sheet worksheet chart document documents all two three both beide beiden zwei drei all each every any our my their its this these those there "
    "are is was were be been being do does did have has had having come comes came get gets got give given show shown shows name "
    "names named called many much number numbers total sum count value values different various us we you me please tell "
    "according column with in on of to from for by at the a an and or which what who whose whom where how it them they "
    "per pro je par por cada chaque jede jeder jedes jedem jeden "
    "written works work working live lives trabajan trabaja viven vive arbeiten arbeitet wohnen wohnt travaillent gab hubo había eut avait "
    "stammt stammen vient viennent provient proviennent viene vienen procede proceden celle celui celles elle ellos placed recorded registered entered booked took happened occurred "
    "viel hoch groß artikel position positionen teil teile zeile zeilen liste tabelle datei eintrag einträge alle unsere unser wir haben hat "
    "hatten sind ist war waren gibt es kommen kommt viele welche welcher welches wer wie was der die das den dem des von aus im "
    "in auf für mit einen eine ein wert werte steht stehen liegt produkt produkte elemento elementos lista tabla tienen tiene hay "
    "yet still already noch schon bereits encore déjà aún todavía ya generate generated achieve achieved erzielt erzielte erwirtschaftet gemacht "
    "macht machte fait font réalisé hizo hicieron hecho tuvo tuvieron ha han "
    "son produit produits élément éléments tableau ont sont made make makes been ever ";

/* Is `word` in a list between blanks? With `beginnings` an entry may be its beginning, one that ends with a point is whole. */
static bool listed(const char *list, const char *word, bool beginnings)
{
    size_t len = strlen(word);

    for (const char *p = list + strspn(list, " "); *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        bool whole = !beginnings || p[n - 1] == '.';
        size_t m = beginnings && p[n - 1] == '.' ? n - 1 : n;
        if (len >= m && (!whole || len == m) && !memcmp(p, word, m))
            return true;
        p += n;
    }
    return false;
}

bool table_word_in(const char *list, const char *word)
{
    return *word && listed(list, word, false);
}

bool table_word_is_most(const char *word)
{
    return listed(" most least fewest meisten wenigsten más menos plus moins ", word, false);
}

bool table_word_is_whole(const char *word)
{
    return listed(" revenue revenues turnover affaires sales income umsatz einnahmen erlös ventas ingresos recettes recette total totals totale sum subtotal amount line gesamt gesamtpreis summe betrag importe montant ", word, false);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* The degree with this word at its beginning; N_DEGREES: none. */
static size_t degree_at(const char *p)
{
    size_t len = 0;

    while (is_letter(p[len]))
        len++;
    for (size_t i = 0; len && i < N_DEGREES; i++) {
        size_t n = strlen(degrees[i].word);
        bool open = degrees[i].word[n - 1] == '*';
        if (open ? len >= n - 1 && !memcmp(p, degrees[i].word, n - 1) : len == n && !memcmp(p, degrees[i].word, n))
            return i;
    }
    return N_DEGREES;
}

static bool holds_phrase(const char *question, const char *phrases)
{
    for (const char *p = phrases; *p;) {
        size_t n = strcspn(p, "|");
        for (const char *at = question; (at = strchr(at, *p)); at++)
            if (!strncmp(at, p, n) && (at == question || !is_letter(at[-1])))
                return true;
        p += n + (p[n] == '|');
    }
    return false;
}

/* "más de", "menos que", "plus de", "moins d'": a number follows that bounds. */
static bool is_bound(const char *p)
{
    static const char *const openers[] = {"más ", "menos ", "plus ", "moins "};

    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
        size_t n = strlen(openers[i]);
        if (!strncmp(p, openers[i], n))
            return (!strncmp(p + n, "de ", 3) && p[n + 3] >= '0' && p[n + 3] <= '9') || !strncmp(p + n, "que ", 4) || !strncmp(p + n, "d'", 2);
    }
    return false;
}

/* "How much did Clara spend" adds up what she did; what a thing costs is looked up. */
static bool asks_what_flowed(const char *question)
{
    static const char flows[] = " spend spent paid pay earned ausgegeben bezahlt gezahlt gastó gastado gastaron pagó pagaron dépensé payé ";

    if (!holds_phrase(question, "how much|wie viel|wieviel|cuánto|combien|what did we |what did i |what have we |what have i |was haben wir |was habe ich |qué hemos |qu'avons-nous "))
        return false;
    for (const char *p = question; *p; p += strspn(p, " ")) {
        char word[32] = "";
        size_t n = strcspn(p, " "), m = 0;
        while (m < n && is_letter(p[m]))
            m++;
        if (m && m < sizeof word) {
            memcpy(word, p, m);
            if (listed(flows, word, false))
                return true;
        }
        p += n;
    }
    return false;
}

table_operation table_operation_of(const char *question, table_kind *kind, bool *whole)
{
    bool either = strstr(question, " or ") || strstr(question, " oder ") || strstr(question, " ou ") || strstr(question, " o ");

    static const char *const counts[] = {"how many ", "wie viele ", "wieviele ", "cuántos ", "cuántas ", "cuantos ", "cuantas ", "combien de ", "combien d'"};
    bool asks_count = false;
    size_t blanks = strspn(question, " ");

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        asks_count |= !strncmp(question + blanks, counts[i], strlen(counts[i]));
    *kind = TABLE_ANY;
    *whole = holds_phrase(question, asks[WHOLE].phrases);
    for (size_t i = 0; i < WHOLE; i++) /* before words of degree */
        if (holds_phrase(question, asks[i].phrases))
            return asks[i].does;
    if (asks_count) /* "how many were last counted in May": a degree is no more than a condition */
        return TABLE_COUNT;
    for (const char *p = question; *p; p++) {
        size_t d = p == question || !is_letter(p[-1]) ? degree_at(p) : N_DEGREES;
        if (d == N_DEGREES || (degrees[d].compares && !either))
            continue;
        /* "at most", "at least", "más de 20", "moins de 5" are bounds; "per más" no degree */
        if ((p - question >= 3 && (!strncmp(p - 3, "at ", 3) || !strncmp(p - 3, "al ", 3) || !strncmp(p - 3, "au ", 3))) || is_bound(p))
            continue;
        *kind = degrees[d].kind;
        for (const char *q = p; *kind == TABLE_ANY && (q = strchr(q, ' ')); q++) { /* "most expensive" */
            char word[32] = "";
            size_t n = 0;
            while (n + 1 < sizeof word && is_letter(q[1 + n]))
                n++;
            memcpy(word, q + 1, n);
            *kind = table_kind_of(word);
            for (size_t i = 0; i < sizeof small_ends / sizeof *small_ends; i++)
                if (strchr("mp", degrees[d].word[0]) && table_word_is_most(degrees[d].word) && strcmp(degrees[d].word, "most") &&
                    !strncmp(word, small_ends[i].word, strlen(small_ends[i].word))) {
                    *kind = small_ends[i].kind;
                    return degrees[d].does == TABLE_MOST ? TABLE_LEAST : TABLE_MOST;
                }
            break;
        }
        return degrees[d].does;
    }
    if (holds_phrase(question, asks[WHOLE + 1].phrases)) /* "the total number of clubs" counts them */
        return asks[WHOLE + 1].does;
    return *whole || asks_what_flowed(question) ? TABLE_SUM : TABLE_NOTHING;
}

bool table_word_is_degree(const char *word)
{
    return degree_at(word) < N_DEGREES;
}

bool table_word_operates(const char *word)
{
    static const char others[] = " average mean total sum together altogether combined difference durchschnitt durchschnittlich "
                                 "durchschnittliche schnitt mittel summe insgesamt zusammen gesamt unterschied anzahl number count "
                                 "moyenne somme promedio suma média media medio moyen conjunto viele wieviele combien cuántos cuántas nombre "
                                 "compared verglichen comparé comparée comparado comparada high long large big wide heavy "
                                 "share percentage proportion percent times anteil prozent porcentaje parte proporción part pourcentage proportion fois veces mal "
                                 "alto alta altos altas bajo baja bajos bajas grande grandes pequeño pequeña largo larga corto corta antiguo antigua "
                                 "gesamte gesamten gesamter gesamtes totale totales totaux "
                                 "nuevo nueva reciente recent recently barato barata élevé élevée bas basse grand petit petite long longue court courte ancien récent ";

    return degree_at(word) < N_DEGREES || listed(others, word, false);
}

table_kind table_kind_of(const char *word)
{
    for (size_t i = 0; *word && i < sizeof kinds / sizeof *kinds; i++)
        if (listed(kinds[i].words, word, true))
            return kinds[i].kind;
    return TABLE_ANY;
}

bool table_word_is_generic(const char *word)
{
    return listed(generic, word, false);
}

bool table_word_denies(const char *word)
{
    return listed(" not no never without nicht kein keine keinen ohne non pas sans nunca sin isn't aren't ", word, false);
}

bool table_word_groups(const char *word)
{
    return listed(" per each every by pro je jede jeder jedes jedem jeden por cada par chaque nach ", word, false);
}

unsigned table_word_number(const char *word)
{
    static const char *const words[] = {" two zwei dos deux ",      " three drei tres trois ",   " four vier cuatro quatre ", " five fünf cinco cinq ",
                                        " six sechs seis six ",     " seven sieben siete sept ", " eight acht ocho huit ",   " nine neun nueve neuf ",
                                        " ten zehn diez dix "};
    unsigned n = 0;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (*word && listed(words[i], word, false))
            return (unsigned)i + 2;
    for (const char *p = word; *p; p++) {
        if (*p < '0' || *p > '9' || n > 20)
            return 0;
        n = n * 10 + (unsigned)(*p - '0');
    }
    return n >= 2 && n <= 20 ? n : 0;
}

const char *table_word_unit(const char *word)
{
    static const struct {
        const char *unit, *words;
    } all[] = {{"kg", " kg kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes kilogramos "},
               {"km", " km kilometer kilometers kilometre kilometres kilomètre kilomètres kilómetros "},
               {"l", " litre litres liter liters litros "},
               {"t", " tonne tonnes tonnen toneladas "},
               {"m", " metre metres meter meters mètres metros "},
               {"h", " hours stunden heures horas "},
               {"min", " minutes minuten minutos "},
               {"kwh", " kwh kilowattstunden "},
               {"\xe2\x82\xac", " euro euros "},
               {"$", " dollar dollars dólares "},
               {"\xc2\xa3", " pound pounds libras "}};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (*word && listed(all[i].words, word, false))
            return all[i].unit;
    return NULL;
}

bool table_word_separates(const char *word)
{
    return listed(" and or than versus vs und oder als et ou que y o ", word, false);
}

int table_cell_says(const char *cell)
{
    if (listed(" yes y true ja wahr oui sí si vrai verdadero x ✓ ✔ ☑ ", cell, false))
        return 1;
    return listed(" no n false nein falsch non faux falso - ✗ ✘ ☐ ", cell, false) ? 0 : -1;
}
