/* exhaustive.c - see exhaustive.h. */
#include "retrieve/exhaustive.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "retrieve/word_list.h"

#define QUESTION_MAX 400
#define OWN_BYTES    24 /* of words between "of my" and "contracts" */

typedef struct wording {
    const char *lang;
    const char *const *lists, *const *counts; /* openers */
    const char *const *things;                /* words for documents, in small letters; NULL ends */
    const char *const *verbs;                 /* words for mentioning */
    const char *const *tails;                 /* words behind what is mentioned that don't belong to it */
} wording;

static const char *const en_lists[] = {"which", "what", "list", "find all", "show all", "show me all", "in which",
                                       "give me all", "list all", "show me", "show", "find", "give me", NULL};
static const char *const en_counts[] = {"how many", "in how many", NULL};
static const char *const en_things[] = {"files", "documents", "texts", "notes", "letters", "mails", "emails",
                                        "e-mails", "contracts", "invoices", "papers", "pages", "reports",
                                        "messages", "minutes", "recipes", "books", "of my", "articles", "manuals", "chapters", "bills", "receipts",
                                        "agreements", "policies", "protocols", "chats", "transcripts", "spreadsheets", "presentations", "slides",
                                        "every file", "every document", "every page", "every note", "every letter", "every mail", "pdfs", NULL};
static const char *const en_verbs[] = {"mention", "mentions", "mentioning", "contain", "contains", "containing",
                                       "refer to", "speak of", "talk about", "are about", "about", "name", "mentioning",
                                        "discuss", "deal with", "have to do with",
                                       "include", "have the word", "cite", NULL};
static const char *const en_tails[] = {"in them", "at all", "anywhere", NULL};
static const char *const de_lists[] = {"welche", "welchen", "in welchen", "liste", "zeige alle", "zeig mir alle",
                                       "finde alle", "nenne alle", "zeige", "zeige mir alle", NULL};
static const char *const de_counts[] = {"wie viele", "wieviele", "in wie vielen", NULL};
static const char *const de_things[] = {"dateien", "dokumente", "dokumenten", "texte", "notizen", "briefe", "mails",
                                        "e-mails", "verträge", "verträgen", "rechnungen", "berichte", "berichten", "protokolle",
                                        "protokollen", "rezepte", "rezepten", "artikel", "artikeln", "briefen", "seiten", "anleitungen",
                                        "meiner", "unterlagen", "pdfs", "tabellen", "präsentationen", NULL};
static const char *const de_verbs[] = {"erwähnen", "erwähnt", "enthalten", "enthält", "nennen", "handeln von",
                                       "sprechen von", "kommt", "steht", "über", NULL};
static const char *const de_tails[] = {"auf", "vor", "erwähnen", "enthalten", "nennen", NULL};
static const char *const es_lists[] = {"qué", "cuáles", "en qué", "lista", "muestra todos", "busca todos",
                                       "enumera", NULL};
static const char *const es_counts[] = {"cuántos", "cuántas", "en cuántos", NULL};
static const char *const es_things[] = {"archivos", "documentos", "textos", "notas", "cartas", "correos",
                                        "contratos", "facturas", "informes", "actas", "recetas", "páginas", "de mis", NULL};
static const char *const es_verbs[] = {"mencionan", "menciona", "mencionen", "contienen", "contengan", "hablan de", "hablan del", "tratan de", "tratan del", "mencionan a",
                                       "nombran", "citan", "sobre", NULL};
static const char *const fr_lists[] = {"quels", "quelles", "lesquels", "dans quels", "liste", "montre tous",
                                       "trouve tous", NULL};
static const char *const fr_counts[] = {"combien de", "combien", NULL};
static const char *const fr_things[] = {"fichiers", "documents", "textes", "notes", "lettres", "courriels",
                                        "contrats", "factures", "rapports", "pages", "recettes", "comptes rendus", "de mes", NULL};
static const char *const fr_verbs[] = {"mentionnent", "mentionne", "contiennent", "parlent de", "citent",
                                       "nomment", "sur", NULL};
static const char *const none[] = {NULL};

static const wording wordings[] = {
    {"en", en_lists, en_counts, en_things, en_verbs, en_tails},
    {"de", de_lists, de_counts, de_things, de_verbs, de_tails},
    {"es", es_lists, es_counts, es_things, es_verbs, none},
    {"fr", fr_lists, fr_counts, fr_things, fr_verbs, none},
};

static bool edge(const char *s, size_t len, size_t at)
{
    return at >= len || (!isalnum((unsigned char)s[at]) && (unsigned char)s[at] < 0x80);
}

/* The first of the words at or behind s[from], between edges; its end in *end, SIZE_MAX without one. */
static size_t find_word(const char *s, size_t len, size_t from, const char *const *words, size_t *end)
{
    size_t best = SIZE_MAX;

    for (; *words; words++) {
        size_t n = strlen(*words);
        for (const char *p = s + from; (p = strstr(p, *words)); p++) {
            size_t at = (size_t)(p - s);
            if (!edge(s, len, at + n) || (at > from && !edge(s, len, at - 1)))
                continue;
            if (at < best || (at == best && at + n > *end)) {
                best = at;
                *end = at + n;
            }
            break;
        }
    }
    return best;
}

/* Cut marks, blanks and words that only close the sentence from the end, articles from the beginning. */
static void trim(const char *s, const wording *w, size_t *start, size_t *end)
{
    static const char *const heads[] = {"the word ", "the words ", "das wort ", "la palabra ", "le mot ",
                                        "the ", "a ", "an ", "den ", "die ", "das ", "dem ", "der ", "el ",
                                        "la ", "los ", "las ", "le ", "les ", "any "};
    bool again = true;

    while (*start < *end && (isspace((unsigned char)s[*start]) || strchr(":,-", s[*start])))
        ++*start;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (*end - *start > strlen(heads[i]) && !strncmp(s + *start, heads[i], strlen(heads[i])))
            *start += strlen(heads[i]);
    while (again) {
        again = false;
        while (*end > *start && (isspace((unsigned char)s[*end - 1]) || strchr("?!.;:,", s[*end - 1]))) {
            --*end;
            again = true;
        }
        for (size_t i = 0; w->tails[i]; i++) {
            size_t n = strlen(w->tails[i]);
            if (*end - *start > n + 1 && !strncmp(s + *end - n, w->tails[i], n) && s[*end - n - 1] == ' ') {
                *end -= n;
                again = true;
            }
        }
    }
}

/* Words that may stand between the files and what they do: "which files in this folder do not mention". */
static const char fillers[] = " that which who do does not don't doesn't never of my mine our the all here in this folder collection library have has ever also i "
                              "or and are is me die nicht mir meiner meinen hier im ordner alle que no de mis mi la el los las en esta carpeta qui ne n mes dans ce "
                              "dossier se denen ";
static const char denials[] = " not don't doesn't never nicht no ne n ";

/* Are s[from, to) fillers alone? *denied: one of them says no. */
static bool only_fillers(const char *s, size_t from, size_t to, bool *denied)
{
    while (from < to) {
        size_t end = from;
        while (end < to && !isspace((unsigned char)s[end]) && !strchr(",", s[end]))
            end++;
        if (end > from && !word_list_has(fillers, s + from, end - from))
            return false;
        *denied |= end > from && word_list_has(denials, s + from, end - from);
        from = end + (end == from || end < to);
    }
    return true;
}

/* Behind the thing whose word ends here: "of my contracts", "of my green notebooks". */
static size_t behind_things(const char *s, size_t len, size_t end, const wording *w)
{
    static const char *const mine[] = {"of my", "meiner", "de mis", "de mes"};
    size_t next_end, next;
    bool open = false;

    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) {
        size_t n = strlen(mine[i]);
        open |= end >= n && !strncmp(s + end - n, mine[i], n);
    }
    next = find_word(s, len, end, w->things, &next_end);
    if (next != SIZE_MAX && next - end <= OWN_BYTES && open)
        return next_end;
    for (size_t words = 0; open && words < 2; words++) { /* a word for documents that is not known */
        size_t at = end + strspn(s + end, " "), stop = at + strcspn(s + at, " ,?");
        if (at >= len || word_list_has(fillers, s + at, stop - at) || find_word(s, len, at, w->verbs, &next_end) == at)
            break;
        end = stop;
    }
    return end;
}

/* "In which files is X mentioned", "in welchen Dateien wird X genannt": what is to be mentioned stands before that word. */
static bool read_passive(const char *s, size_t from, size_t *start, size_t *end)
{
    static const char *const auxiliaries[] = {"is ", "are ", "does ", "do ", "wird ", "werden ", "ist ", "se menciona ", "aparece "};
    static const char *const closers[] = {" mentioned", " named", " found", " occur", " occurs", " appear", " appears", " cited", " discussed", " erwähnt",
                                          " genannt", " behandelt", " zu finden"};
    size_t last = *end;

    while (s[from] == ' ')
        from++;
    while (last > from && (isspace((unsigned char)s[last - 1]) || strchr("?!.", s[last - 1])))
        last--;
    for (size_t i = 0; i < sizeof auxiliaries / sizeof *auxiliaries; i++) {
        size_t n = strlen(auxiliaries[i]);
        if (strncmp(s + from, auxiliaries[i], n) != 0)
            continue;
        for (size_t c = 0; c < sizeof closers / sizeof *closers; c++) {
            size_t m = strlen(closers[c]);
            if (last > from + n + m && !strncmp(s + last - m, closers[c], m)) {
                *start = from + n;
                *end = last - m;
                return true;
            }
        }
        if (i > 6) { /* "en qué documentos se menciona X" */
            *start = from + n;
            *end = last;
            return last > from + n;
        }
    }
    return false;
}

/* The first of `words` that s[*at, end) begins with, which *at then stands behind. */
static bool skip_any(const char *s, size_t *at, size_t end, const char *const *words)
{
    for (; *words; words++) {
        size_t n = strlen(*words);
        if (end - *at > n && !strncmp(s + *at, *words, n)) {
            *at += n;
            return true;
        }
    }
    return false;
}

/* The first sign of the list at s[at, end); 0: none. */
static size_t sign_at(const char *s, size_t at, size_t end, const char *const *signs)
{
    for (; *signs; signs++) {
        size_t n = strlen(*signs);
        if (at + n < end && !strncmp(s + at, *signs, n))
            return n;
    }
    return 0;
}

/* "Ewa or Tomasz", "Ewa, Jan and Tomasz", "neither Ewa nor Tomasz": the parts of s[from, end). */
static void split_parts(const char *s, size_t from, size_t end, exhaustive *x)
{
    static const char *const joins[2][10] = {{", or ", ", oder ", " or ", " oder ", " o ", " ou ", " nor ", " noch ", " ni ", NULL},
                                             {", and ", " and ", " und ", " y ", " et ", " as well as ", " als auch ", " sowie ", NULL}};
    static const char *const comma[] = {", ", NULL}, *const both[] = {"both ", "either ", "sowohl ", "entweder ", "tanto ", NULL};
    size_t start = from, last = SIZE_MAX;
    bool ors = true;

    x->n_parts = 0;
    if (skip_any(s, &start, end, both))
        from = start;
    for (size_t k = 0; k < 2 && last == SIZE_MAX && s[start] != '"'; k++)
        for (size_t at = start + 1; at < end; at++)
            if (sign_at(s, at, end, joins[k])) {
                last = at;
                ors = !k;
            }
    if (last != SIZE_MAX)
        x->any = ors || x->neither;
    for (size_t at = start + 1; last != SIZE_MAX && at <= last && x->n_parts + 1 < EXHAUSTIVE_PARTS; at++) {
        size_t n = sign_at(s, at, end, joins[!ors]);
        if (!n)
            n = sign_at(s, at, end, comma); /* "larch, oak or cedar" */
        if (!n || at <= from)
            continue;
        x->part[x->n_parts].start = from;
        x->part[x->n_parts++].end = at;
        from = at + n;
        at = from - 1;
    }
    x->part[x->n_parts].start = from;
    x->part[x->n_parts++].end = end;
}

/* "About him": of an earlier question, and none of its words. */
static bool is_pronoun(const char *word, size_t len)
{
    return word_list_has(" it him her them this that these those es ihn sie ihm ihr das dies ello él ella eso lui elle cela ça ", word, len);
}

/* The sides of "X not" and "pas X"; "no X", "keine X"; "neither X nor Y", which stays whole in [start, end). */
static size_t read_denial_around(const char *s, exhaustive *x)
{
    static const char *const neither[] = {"neither ", "weder ", "ni ", NULL},
                             *const no[] = {"no ", "keine ", "keinen ", "kein ", "keinerlei ", "ningún ", "ninguna ", "aucun ", "aucune ", "pas de ", "pas d'", "pas ", NULL};
    size_t from = x->start;

    if (x->end - x->start > 7 && !strncmp(s + x->end - 6, " nicht", 6)) {
        x->end -= 6;
        x->denied = true;
    }
    if (skip_any(s, &from, x->end, neither)) {
        x->denied = x->neither = x->any = true;
        return from;
    }
    if (skip_any(s, &from, x->end, no) && !isdigit((unsigned char)s[from])) { /* "no 5" is a number */
        x->start = from;
        x->denied = true;
    }
    return x->start;
}

/* "(Do not mention) B but mention A": [*start, end) is A then. */
static void read_denied_first(const char *s, const wording *w, exhaustive *x, size_t *start, size_t end)
{
    static const char *const buts[] = {" but do ", " but ", " aber ", " sondern ", " pero ", " sino ", " mais ", NULL};

    if (s[*start] == '"' || x->neither)
        return;
    for (size_t at = *start + 1; at < end; at++) {
        size_t from = at, upto = at, stop;
        if (!skip_any(s, &from, end, buts))
            continue;
        while (upto > *start && strchr(", ", s[upto - 1]))
            upto--;
        if (upto - *start > 6 && !memcmp(s + upto - 6, " nicht", 6)) { /* "B nicht, aber A" */
            x->less_start = *start;
            x->less_end = upto - 6;
            x->less_first = true;
            *start = from;
            return;
        }
        if (!x->denied)
            continue;
        stop = from + strcspn(s + from, " ");
        for (size_t v = 0; w->verbs[v] && stop < end; v++)
            if (strlen(w->verbs[v]) == stop - from && !memcmp(w->verbs[v], s + from, stop - from)) {
                x->less_start = *start;
                x->less_end = at;
                x->less_first = true;
                x->denied = false;
                *start = stop + 1;
                return;
            }
    }
}

/* "A but not B", "A, but do not mention B": [start, *end) is cut behind A. */
static void read_exception(const char *s, const wording *w, exhaustive *x, size_t start, size_t *end)
{
    static const char *const buts[] = {" but ", " and not ", " aber ", " und nicht ", " pero ", " y no ", " mais ", " et pas ", NULL};

    if (s[start] == '"' || x->denied)
        return;
    for (size_t at = start + 1; at < *end; at++) {
        size_t from = at, last = *end;
        bool denied = false, again = true;
        if (!skip_any(s, &from, *end, buts))
            continue;
        denied = !memcmp(s + from - 4, "not ", 4) || !memcmp(s + from - 6, "nicht ", 6) || !memcmp(s + from - 3, "no ", 3) || !memcmp(s + from - 4, "pas ", 4);
        if (last - from > 7 && !strncmp(s + last - 6, " nicht", 6)) {
            last -= 6;
            denied = true;
        }
        while (again && from < last) { /* "do not mention", "keine" */
            size_t stop = from + strcspn(s + from, " ");
            again = stop < last && (word_list_has(fillers, s + from, stop - from) || word_list_has(" no keine keinen kein pas de ", s + from, stop - from));
            for (size_t v = 0; !again && stop < last && w->verbs[v]; v++)
                again = strlen(w->verbs[v]) == stop - from && !memcmp(w->verbs[v], s + from, stop - from);
            if (again) {
                denied |= word_list_has(denials, s + from, stop - from) || word_list_has(" keine keinen kein pas ", s + from, stop - from);
                from = stop + 1;
            }
        }
        if (!denied || from >= last)
            continue;
        x->less_start = from;
        x->less_end = last;
        *end = at;
        return;
    }
}

/* ---- kinds of files ---- */

static const struct {
    const char *words, *filter;
} kinds_of_file[] = {
    {" pdf pdfs ", "ext:pdf"},
    {" csv csvs ", "ext:csv"},
    {" markdown ", "ext:md"},
    {" html ", "ext:html,htm"},
    {" json ", "ext:json"},
    {" excel xlsx ", "ext:xlsx,xls"},
    {" spreadsheets tabellenblätter ", "ext:xlsx,xls,ods"},
    {" word docx ", "ext:docx,doc"},
    {" powerpoint pptx ", "ext:pptx,ppt"},
    {" presentations präsentationen presentaciones présentations ", "ext:pptx,ppt,odp"},
    {" epub epubs ", "ext:epub"},
    {" txt ", "ext:txt"},
    {" mails emails e-mails correos courriels ", EXHAUSTIVE_MAILS},
    {" english englische englischen englisch inglés anglais ", "lang:en"},
    {" german deutsche deutschen deutsch alemán allemand ", "lang:de"},
    {" spanish spanische spanischen spanisch español ", "lang:es"},
    {" french französische französischen französisch français ", "lang:fr"},
    {" italian italienische italiano italien ", "lang:it"},
};

/* The filter of a word such as "pdfs" or "pdf-dateien"; NULL: it names no kind. */
static const char *kind_of_file(const char *word, size_t len)
{
    static const char *const files[] = {"-dateien", "-files", "-file", "-dokumente", "-dokumenten"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t n = strlen(files[i]);
        if (len > n && !memcmp(word + len - n, files[i], n)) {
            len -= n;
            break;
        }
    }
    for (size_t i = 0; i < sizeof kinds_of_file / sizeof *kinds_of_file; i++)
        if (word_list_has(kinds_of_file[i].words, word, len))
            return kinds_of_file[i].filter;
    return NULL;
}

/* Restrict the files to a kind, once. False: no room. */
static bool add_kind(exhaustive *x, const char *filter)
{
    if (strstr(x->filter, filter))
        return true;
    if (strlen(x->filter) + strlen(filter) + 2 > sizeof x->filter)
        return false;
    if (*x->filter)
        strcat(x->filter, " ");
    strcat(x->filter, filter);
    return true;
}

/* The kinds among the words of s[from, to): of "which German PDF files mention", all up to "mention". */
static void read_kinds(const char *s, size_t from, size_t to, exhaustive *x)
{
    while (from < to) {
        size_t end = from;
        const char *filter;
        while (end < to && !isspace((unsigned char)s[end]) && !strchr(",?.", s[end]))
            end++;
        filter = end > from ? kind_of_file(s + from, end - from) : NULL;
        if (filter)
            (void)add_kind(x, filter);
        from = end + (end == from || end < to);
    }
}

/* ---- files by themselves ---- */

/* Words around them that say nothing more. */
static const char idle[] = " are there do i we have do in altogether here the this that collection folder library index indexed of my our from and "
                           "is it all did send sent write wrote receive received get got come came exist me "
                           "gibt es habe ich haben wir sind insgesamt hier in der dem sammlung im index von aus auf mir alle meine meiner hat bekommen erhalten "
                           "geschickt geschrieben kamen verschickt hay tengo tenemos en de y he recibido enviado mis todos todas los las "
                           "a-t-il ai-je avons-nous au il y reçu reçus reçues envoyé envoyés mes tous toutes les "
                           "dated year written files documents file document dateien dokumente archivos documentos fichiers ";
static const char any_thing[] = " files documents file document texts dateien dokumente dokumenten archivos documentos fichiers textos textes texte ";
/* Of what is listed: words for papers. Recipes, books and articles as often stand in a file as they are one. */
static const char papers[] = " invoices contracts bills receipts letters reports agreements policies rechnungen verträge briefe berichte facturas contratos "
                             "cartas factures contrats lettres ";
static const char senders[] = " from by von de ", toward[] = " to for with of an für mit para con a pour à ";
static const char titles[] = " mr mrs ms dr frau herr herrn mme m mlle monsieur madame señor señora ";
static const char joiners[] = " of and & de von van der den la le el y et und the ";

/* The first word for documents at or behind `from`; of "of my invoices" the last. */
static size_t find_thing(const char *s, size_t len, size_t from, const wording *w, size_t *end)
{
    size_t thing = find_word(s, len, from, w->things, end);

    if (thing != SIZE_MAX && (memchr(s + thing, ' ', *end - thing) || !strncmp(s + thing, "meiner", 6)))
        thing = find_word(s, len, *end, w->things, end);
    return thing;
}

typedef struct listing {
    const char *question, *s; /* s: in small letters, as long */
    size_t len;
} listing;

/* The word at or behind *at, without marks; false: none. */
static bool listing_word(const listing *l, size_t *at, size_t *end)
{
    size_t n;

    while (*at < l->len && (isspace((unsigned char)l->s[*at]) || strchr("?!.,\"'", l->s[*at])))
        ++*at;
    for (*end = *at; *end < l->len && !isspace((unsigned char)l->s[*end]) && !strchr("?!,\"", l->s[*end]);)
        ++*end;
    n = *end - *at;
    if (n && l->s[*end - 1] == '.')
        --*end;
    return *end > *at;
}

/* A name at or behind `at`: words that begin with a capital or a figure, and what joins them. */
static bool listing_name(const listing *l, size_t at, size_t *start, size_t *end)
{
    size_t stop;

    *start = *end = 0;
    for (; listing_word(l, &at, &stop); at = stop) {
        bool capital = l->question[at] != l->s[at] || (unsigned char)l->question[at + 1] != (unsigned char)l->s[at + 1];
        if (word_list_has(titles, l->s + at, stop - at) && !*end)
            continue;
        if (capital || (*end && isdigit((unsigned char)l->s[at]))) {
            *start = *end ? *start : at;
            *end = stop;
        } else if (!*end || !word_list_has(joiners, l->s + at, stop - at)) {
            break;
        }
    }
    return *end > *start;
}

/* "from Marian", "to Penhale Sailing Club", "did Edith (send)": behind the word of [at, stop); *next stands behind the name. */
static bool read_party(const listing *l, size_t at, size_t stop, exhaustive *x, size_t *next)
{
    bool mail = strstr(x->filter, EXHAUSTIVE_MAILS) != NULL, from = word_list_has(senders, l->s + at, stop - at);
    size_t *start = &x->about_start, *end = &x->about_end;

    if (!from && !word_list_has(toward, l->s + at, stop - at) && !(mail && word_list_has(" did has hat ha ", l->s + at, stop - at)))
        return false;
    if (mail && (from || word_list_has(" did has hat ha ", l->s + at, stop - at))) {
        start = &x->sender_start;
        end = &x->sender_end;
    }
    if (*end || (!mail && !x->named) || !listing_name(l, stop, start, end)) {
        if (*start == *end)
            *start = *end = 0;
        return false;
    }
    *next = *end;
    return true;
}

/* "What invoices are there" asks which, "what is in the reports" and "what is the total of all invoices" do not: behind "what" and
 * "which" the files come at once. s[opener, end) is the opener. */
static bool asks_which(const char *s, size_t opener, size_t end, size_t thing)
{
    static const char which[] = " which what welche welchen qué cuáles quels quelles lesquels ", own[] = " of my our the all meiner meine der mis mes les ";

    if (!word_list_has(which, s + opener, end - opener))
        return true;
    while (end < thing) {
        size_t stop = end;
        while (stop < thing && !isspace((unsigned char)s[stop]))
            stop++;
        if (stop > end && !word_list_has(own, s + end, stop - end) && !kind_of_file(s + end, stop - end))
            return false;
        end = stop + 1;
    }
    return true;
}

/* The words behind the opener: kinds of files, a year, a name and idle ones. */
static bool read_listing(const listing *l, size_t from, size_t thing, size_t thing_end, exhaustive *x)
{
    bool things = false;

    for (size_t at = from, stop; listing_word(l, &at, &stop); at = stop) {
        const char *s = l->s, *filter;
        size_t n = stop - at;
        if (at >= thing && at < thing_end) {
            things = true;
            continue;
        }
        if (n == 4 && strspn(s + at, "0123456789") >= 4 && (s[at] == '1' || s[at] == '2') && !x->year) {
            x->year = (s[at] - '0') * 1000 + (s[at + 1] - '0') * 100 + (s[at + 2] - '0') * 10 + (s[at + 3] - '0');
            continue;
        }
        if (read_party(l, at, stop, x, &stop))
            continue;
        if (n == 5 && at > 3 && !memcmp(s + at, "total", 5) && (!memcmp(s + at - 3, "in ", 3) || !memcmp(s + at - 3, "en ", 3) || !memcmp(s + at - 3, "au ", 3)))
            continue; /* "the total of all invoices" is another thing */
        filter = kind_of_file(s + at, n);
        if (filter ? !add_kind(x, filter) : !word_list_has(idle, s + at, n))
            return false;
    }
    return things;
}

/* What the question begins with in words of one language: *from, where it does, *end, behind "how many" or "list", and which of the two. */
static bool read_opener(const char *s, size_t len, const wording *w, size_t *from, size_t *end, exhaustive_kind *kind)
{
    *from = 0;
    while (*from < len && edge(s, len, *from))
        ++*from;
    if (!strncmp(s + *from, "\xC2\xBF", 2))
        *from += 2;
    *kind = EXHAUSTIVE_COUNT;
    if (find_word(s, len, *from, w->counts, end) == *from)
        return true;
    *kind = EXHAUSTIVE_LIST;
    return find_word(s, len, *from, w->lists, end) == *from;
}

/* "How many PDF files are there?", "How many invoices do I have of 2024?", "List all contracts": an opener, and nothing but kinds of
 * files, a year, a name and idle words; of other words one, a word for documents that is no word for any. */
static bool parse_listing(const char *question, const char *s, size_t len, exhaustive *out)
{
    listing l = {question, s, len};

    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        const wording *w = &wordings[i];
        size_t from = 0, end = 0, thing, thing_end = 0;
        exhaustive_kind kind;
        const char *filter;
        if (!read_opener(s, len, w, &from, &end, &kind))
            continue;
        if ((thing = find_thing(s, len, end, w, &thing_end)) == SIZE_MAX)
            continue;
        while (thing > end && !isspace((unsigned char)s[thing - 1])) /* "pdf-dateien" */
            thing--;
        *out = (exhaustive){.kind = kind, .lang = w->lang, .listed = true, .start = thing, .end = thing_end};
        filter = kind_of_file(s + thing, thing_end - thing);
        if (filter)
            (void)add_kind(out, filter);
        out->named = !filter && !word_list_has(any_thing, s + thing, thing_end - thing);
        if (kind == EXHAUSTIVE_LIST && !asks_which(s, from, end, thing))
            continue;
        if (kind == EXHAUSTIVE_LIST && out->named && !word_list_has(papers, s + thing, thing_end - thing))
            continue;
        if (read_listing(&l, end, thing, thing_end, out))
            return true;
    }
    return false;
}

/* "Which files could not be read?" */
static bool parse_unread(const char *s, size_t len, exhaustive *out)
{
    static const char *const unread[][8] = {
        {"could not be read", "couldn't be read", "cannot be read", "can't be read", "can not be read", "are unreadable", "are not readable", NULL},
        {"konnten nicht gelesen werden", "können nicht gelesen werden", "sind nicht lesbar", "sind unlesbar", "waren nicht lesbar", "waren unlesbar", NULL},
        {"no se pudieron leer", "no se pueden leer", "no son legibles", "no se han podido leer", "son ilegibles", NULL},
        {"n'ont pas pu être lus", "ne peuvent pas être lus", "ne sont pas lisibles", "sont illisibles", "n’ont pas pu être lus", NULL}};

    while (len && (isspace((unsigned char)s[len - 1]) || strchr("?!.", s[len - 1])))
        len--;
    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        const wording *w = &wordings[i];
        size_t from = 0, end = 0, thing;
        exhaustive_kind kind;
        if (!read_opener(s, len, w, &from, &end, &kind))
            continue;
        thing = find_thing(s, len, end, w, &end);
        if (thing == SIZE_MAX)
            continue;
        for (size_t k = 0; unread[i][k]; k++) {
            size_t n = strlen(unread[i][k]), at = end + 1;
            bool denied = false;
            if (len > at + n - 1 && !memcmp(s + len - n, unread[i][k], n) && only_fillers(s, end, len - n, &denied) && !denied) {
                *out = (exhaustive){.kind = kind, .lang = w->lang, .unread = true, .start = thing, .end = end};
                return true;
            }
        }
    }
    return false;
}

/* "Which mails from Edith (mention ...)": behind the name; else `thing`. */
static size_t skip_sender(const char *question, const char *s, size_t len, size_t opened, size_t thing, exhaustive *x)
{
    listing l = {question, s, len};
    exhaustive kinds = {0};
    size_t at = thing, stop, start, end;

    read_kinds(s, opened, thing, &kinds);
    if (!strstr(kinds.filter, EXHAUSTIVE_MAILS) || !listing_word(&l, &at, &stop) || !word_list_has(senders, s + at, stop - at) ||
        !listing_name(&l, stop, &start, &end))
        return thing;
    x->sender_start = start;
    x->sender_end = end;
    return end;
}

bool exhaustive_parse(const char *question, size_t len, exhaustive *out)
{
    char s[QUESTION_MAX + 1];

    if (len > QUESTION_MAX || strlen(question) < len)
        return false;
    utf8_fold_latin(question, len, s); /* places stay the question's */
    if (parse_unread(s, len, out))
        return true;
    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        const wording *w = &wordings[i];
        size_t end = 0, at = 0, from = 0, start = 0, last = len, opened, parts;
        exhaustive_kind kind = EXHAUSTIVE_COUNT;
        bool denied = false;
        while (from < len && edge(s, len, from))
            from++;
        if (!strncmp(s + from, "\xC2\xBF", 2)) /* the opening mark */
            from += 2;
        at = find_word(s, len, from, w->counts, &end);
        if (at != from) {
            kind = EXHAUSTIVE_LIST;
            at = find_word(s, len, from, w->lists, &end);
        }
        if (at != from)
            continue;
        opened = end;
        at = find_word(s, len, end, w->things, &end);
        if (at == SIZE_MAX)
            continue;
        *out = (exhaustive){.kind = kind, .lang = w->lang};
        if (read_passive(s, end, &start, &last)) {
            out->start = start;
            out->end = last;
            read_kinds(s, opened, start, out);
        } else {
            size_t thing = skip_sender(question, s, len, opened, behind_things(s, len, end, w), out);
            at = find_word(s, len, thing, w->verbs, &end);
            if (at == SIZE_MAX || !only_fillers(s, thing, at, &denied))
                continue;
            out->denied = denied;
            read_kinds(s, opened, at, out);
            out->start = end;
            out->end = len;
        }
        trim(s, w, &out->start, &out->end);
        parts = read_denial_around(s, out);
        if (out->end > parts && !is_pronoun(s + out->start, out->end - out->start)) {
            last = out->end;
            read_denied_first(s, w, out, &parts, last);
            if (!out->less_first)
                read_exception(s, w, out, parts, &last);
            split_parts(s, parts, last, out);
            for (size_t k = 0; k < out->n_parts; k++)
                trim(s, w, &out->part[k].start, &out->part[k].end);
            if (out->less_end)
                trim(s, w, &out->less_start, &out->less_end);
            return true;
        }
    }
    return parse_listing(question, s, len, out);
}
