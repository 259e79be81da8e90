/* exhaustive.c - see exhaustive.h. */
#include "retrieve/exhaustive.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

#define QUESTION_MAX 400

typedef struct wording {
    const char *lang;
    const char *const *lists, *const *counts; /* openers */
    const char *const *things;                /* words for documents, in small letters; NULL ends */
    const char *const *verbs;                 /* words for mentioning */
    const char *const *tails;                 /* words behind what is mentioned that don't belong to it */
} wording;

static const char *const en_lists[] = {"which", "what", "list", "find all", "show all", "show me all", "in which",
                                       "give me all", NULL};
static const char *const en_counts[] = {"how many", "in how many", NULL};
static const char *const en_things[] = {"files", "documents", "texts", "notes", "letters", "mails", "emails",
                                        "e-mails", "contracts", "invoices", "papers", "pages", "reports",
                                        "messages", "minutes", "recipes", "books", "of my", NULL};
static const char *const en_verbs[] = {"mention", "mentions", "mentioning", "contain", "contains", "containing",
                                       "refer to", "speak of", "talk about", "are about", "about", "name",
                                       "include", "have the word", "cite", NULL};
static const char *const en_tails[] = {"in them", "at all", "anywhere", NULL};
static const char *const de_lists[] = {"welche", "welchen", "in welchen", "liste", "zeige alle", "zeig mir alle",
                                       "finde alle", "nenne alle", NULL};
static const char *const de_counts[] = {"wie viele", "wieviele", "in wie vielen", NULL};
static const char *const de_things[] = {"dateien", "dokumente", "dokumenten", "texte", "notizen", "briefe", "mails",
                                        "e-mails", "verträge", "verträgen", "rechnungen", "berichte", "protokolle",
                                        "meiner", "unterlagen", NULL};
static const char *const de_verbs[] = {"erwähnen", "erwähnt", "enthalten", "enthält", "nennen", "handeln von",
                                       "sprechen von", "kommt", "steht", "über", NULL};
static const char *const de_tails[] = {"auf", "vor", "erwähnen", "enthalten", "nennen", NULL};
static const char *const es_lists[] = {"qué", "cuáles", "en qué", "lista", "muestra todos", "busca todos",
                                       "enumera", NULL};
static const char *const es_counts[] = {"cuántos", "cuántas", "en cuántos", NULL};
static const char *const es_things[] = {"archivos", "documentos", "textos", "notas", "cartas", "correos",
                                        "contratos", "facturas", "informes", "de mis", NULL};
static const char *const es_verbs[] = {"mencionan", "menciona", "mencionen", "contienen", "contengan", "hablan de",
                                       "nombran", "citan", "sobre", NULL};
static const char *const fr_lists[] = {"quels", "quelles", "lesquels", "dans quels", "liste", "montre tous",
                                       "trouve tous", NULL};
static const char *const fr_counts[] = {"combien de", "combien", NULL};
static const char *const fr_things[] = {"fichiers", "documents", "textes", "notes", "lettres", "courriels",
                                        "contrats", "factures", "rapports", "de mes", NULL};
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

bool exhaustive_parse(const char *question, size_t len, exhaustive *out)
{
    char s[QUESTION_MAX + 1];

    if (len > QUESTION_MAX || strlen(question) < len)
        return false;
    utf8_fold_latin(question, len, s); /* places stay the question's */
    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        const wording *w = &wordings[i];
        size_t end = 0, at = 0, from = 0;
        exhaustive_kind kind = EXHAUSTIVE_COUNT;
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
        at = find_word(s, len, end, w->verbs, &end);
        if (at == SIZE_MAX)
            continue;
        *out = (exhaustive){kind, w->lang, end, len};
        trim(s, w, &out->start, &out->end);
        if (out->end > out->start)
            return true;
    }
    return false;
}
