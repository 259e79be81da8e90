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
                                        "every file", "every document", "every page", "every note", "every letter", "every mail", NULL};
static const char *const en_verbs[] = {"mention", "mentions", "mentioning", "contain", "contains", "containing",
                                       "refer to", "speak of", "talk about", "are about", "about", "name", "mentioning",
                                        "discuss", "deal with", "have to do with",
                                       "include", "have the word", "cite", NULL};
static const char *const en_tails[] = {"in them", "at all", "anywhere", NULL};
static const char *const de_lists[] = {"welche", "welchen", "in welchen", "liste", "zeige alle", "zeig mir alle",
                                       "finde alle", "nenne alle", NULL};
static const char *const de_counts[] = {"wie viele", "wieviele", "in wie vielen", NULL};
static const char *const de_things[] = {"dateien", "dokumente", "dokumenten", "texte", "notizen", "briefe", "mails",
                                        "e-mails", "verträge", "verträgen", "rechnungen", "berichte", "berichten", "protokolle",
                                        "protokollen", "rezepte", "rezepten", "artikel", "artikeln", "briefen", "seiten", "anleitungen",
                                        "meiner", "unterlagen", NULL};
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

/* "Ewa or Tomasz", "Ewa and Tomasz": the parts. */
static void split_parts(const char *s, exhaustive *x)
{
    static const char *const ors[] = {" or ", " oder ", " o ", " ou "}, *const ands[] = {" and ", " und ", " y ", " et "};
    size_t from = x->start;

    x->n_parts = 0;
    if (s[x->start] != '"')
        for (size_t k = 0; k < 2 && !x->n_parts; k++)
            for (size_t at = x->start; at < x->end && x->n_parts + 1 < EXHAUSTIVE_PARTS; at++)
                for (size_t i = 0; i < 4; i++) {
                    const char *sign = k ? ands[i] : ors[i];
                    size_t n = strlen(sign);
                    if (at + n >= x->end || strncmp(s + at, sign, n) != 0 || at <= from)
                        continue;
                    x->any = !k;
                    x->part[x->n_parts].start = from;
                    x->part[x->n_parts++].end = at;
                    from = at + n;
                    break;
                }
    x->part[x->n_parts].start = from;
    x->part[x->n_parts++].end = x->end;
}

/* "About him": of an earlier question, and none of its words. */
static bool is_pronoun(const char *word, size_t len)
{
    return word_list_has(" it him her them this that these those es ihn sie ihm ihr das dies ello él ella eso lui elle cela ça ", word, len);
}

/* The sides of "X not" and "pas X". */
static void read_denial_around(const char *s, exhaustive *x)
{
    if (x->end - x->start > 7 && !strncmp(s + x->end - 6, " nicht", 6)) {
        x->end -= 6;
        x->denied = true;
    }
    if (x->end - x->start > 5 && !strncmp(s + x->start, "pas ", 4)) {
        x->start += 4;
        x->denied = true;
    }
}

/* ---- files by themselves ---- */

static const struct {
    const char *word, *filter;
} kinds_of_file[] = {
    {"pdf", "ext:pdf"},        {"pdfs", "ext:pdf"},         {"csv", "ext:csv"},       {"markdown", "ext:md"},   {"html", "ext:html"},
    {"json", "ext:json"},      {"excel", "ext:xlsx"},       {"xlsx", "ext:xlsx"},     {"word", "ext:docx"},     {"docx", "ext:docx"},
    {"powerpoint", "ext:pptx"}, {"pptx", "ext:pptx"},       {"epub", "ext:epub"},     {"txt", "ext:txt"},       {"english", "lang:en"},
    {"german", "lang:de"},     {"spanish", "lang:es"},      {"french", "lang:fr"},    {"italian", "lang:it"},   {"englische", "lang:en"},
    {"deutsche", "lang:de"},   {"spanische", "lang:es"},    {"französische", "lang:fr"}, {"deutsch", "lang:de"}, {"englisch", "lang:en"},
    {"español", "lang:es"},    {"inglés", "lang:en"},       {"alemán", "lang:de"},    {"français", "lang:fr"},  {"anglais", "lang:en"},
    {"allemand", "lang:de"},   {"spanisch", "lang:es"},     {"französisch", "lang:fr"}, {"pdf-dateien", "ext:pdf"},
};

/* Words around them that say nothing more. */
static const char idle[] = " are there do i we have do in total altogether here the this that collection folder library index indexed of my our from and "
                           "is it all gibt es habe ich haben wir sind insgesamt hier in der dem sammlung im index von aus auf hay tengo tenemos en total de y "
                           "a-t-il ai-je avons-nous au il y dated year written files documents file document dateien dokumente archivos documentos fichiers ";

/* "How many PDF files are there?", "How many invoices do I have of 2024?": an opener that counts, and nothing but kinds of
 * files, a year and idle words; of other words one, a word for documents that is no word for any. */
static bool parse_listing(const char *s, size_t len, exhaustive *out)
{
    static const char any_thing[] = " files documents file document texts dateien dokumente dokumenten archivos documentos fichiers textos textes texte ";

    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        const wording *w = &wordings[i];
        size_t from = 0, end = 0, thing, thing_end = 0;
        bool things = false;
        while (from < len && edge(s, len, from))
            from++;
        if (!strncmp(s + from, "\xC2\xBF", 2))
            from += 2;
        if (find_word(s, len, from, w->counts, &end) != from || (thing = find_word(s, len, end, w->things, &thing_end)) == SIZE_MAX)
            continue;
        if (memchr(s + thing, ' ', thing_end - thing) || !strncmp(s + thing, "meiner", 6)) /* "of my": behind it stands what */
            thing = find_word(s, len, thing_end, w->things, &thing_end);
        if (thing == SIZE_MAX)
            continue;
        *out = (exhaustive){.kind = EXHAUSTIVE_COUNT, .lang = w->lang, .listed = true, .start = thing, .end = thing_end};
        out->named = !word_list_has(any_thing, s + thing, thing_end - thing);
        for (size_t at = end, stop; at < len; at = stop) {
            size_t k = 0, n;
            while (at < len && (isspace((unsigned char)s[at]) || strchr("?!.,", s[at])))
                at++;
            for (stop = at; stop < len && !isspace((unsigned char)s[stop]) && !strchr("?!,", s[stop]);)
                stop++;
            n = stop - at;
            if (n && s[stop - 1] == '.')
                n--;
            if (!n)
                continue;
            if (at >= thing && at < thing_end) {
                things = true;
                continue;
            }
            if (n == 4 && strspn(s + at, "0123456789") >= 4 && (s[at] == '1' || s[at] == '2') && !out->year) {
                out->year = (s[at] - '0') * 1000 + (s[at + 1] - '0') * 100 + (s[at + 2] - '0') * 10 + (s[at + 3] - '0');
                continue;
            }
            while (k < sizeof kinds_of_file / sizeof *kinds_of_file &&
                   (strlen(kinds_of_file[k].word) != n || memcmp(kinds_of_file[k].word, s + at, n) != 0))
                k++;
            if (k < sizeof kinds_of_file / sizeof *kinds_of_file && strlen(out->filter) + 12 < sizeof out->filter) {
                if (*out->filter)
                    strcat(out->filter, " ");
                strcat(out->filter, kinds_of_file[k].filter);
            } else if (!word_list_has(idle, s + at, n)) {
                things = false;
                break;
            }
        }
        if (things)
            return true;
    }
    return false;
}

bool exhaustive_parse(const char *question, size_t len, exhaustive *out)
{
    char s[QUESTION_MAX + 1];

    if (len > QUESTION_MAX || strlen(question) < len)
        return false;
    utf8_fold_latin(question, len, s); /* places stay the question's */
    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        const wording *w = &wordings[i];
        size_t end = 0, at = 0, from = 0, start = 0, last = len;
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
        at = find_word(s, len, end, w->things, &end);
        if (at == SIZE_MAX)
            continue;
        *out = (exhaustive){.kind = kind, .lang = w->lang};
        if (read_passive(s, end, &start, &last)) {
            out->start = start;
            out->end = last;
        } else {
            size_t thing = behind_things(s, len, end, w);
            at = find_word(s, len, end, w->verbs, &end);
            if (at == SIZE_MAX || !only_fillers(s, thing, at, &denied))
                continue;
            out->denied = denied;
            out->start = end;
            out->end = len;
        }
        trim(s, w, &out->start, &out->end);
        read_denial_around(s, out);
        if (out->end > out->start && !is_pronoun(s + out->start, out->end - out->start)) {
            split_parts(s, out);
            for (size_t k = 0; k < out->n_parts; k++)
                trim(s, w, &out->part[k].start, &out->part[k].end);
            return true;
        }
    }
    return parse_listing(s, len, out);
}
