/* priors.c - see priors.h. */
#include "retrieve/priors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

#define DAY_NS        (86400.0 * 1e9)
#define LETTERS_LEAST 0.6f /* share of letters from which a text is one */
#define LONGEST_WORD  40   /* letters and digits in a row; what is longer is a code */
#define QUESTION_MAX  512
#define FOLDER_LEAST  0.1
#define FOLDER_MOST   10.0

bool priors_wanted(const prior_params *p)
{
    return p->recency > 0 || p->quality > 0 || p->folders || p->newest;
}

/* ---- recency ---- */

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Ages in days into age[n], < 0 where unknown; the half-life that `p` means. */
static cairn_status find_ages(const prior_params *p, const prior_passage *passages, size_t n, double *age, double *half_life,
                              cairn_error *err)
{
    int64_t newest = 0;
    size_t known = 0;
    double *sorted;

    for (size_t i = 0; i < n; i++)
        if (passages[i].date_ns > newest)
            newest = passages[i].date_ns;
    sorted = checked_malloc(n + 1, sizeof *sorted);
    if (!sorted)
        return cairn_fail(err, CAIRN_ENOMEM, "ages of documents");
    for (size_t i = 0; i < n; i++) {
        age[i] = passages[i].date_ns > 0 ? ((double)newest - (double)passages[i].date_ns) / DAY_NS : -1;
        if (age[i] >= 0)
            sorted[known++] = age[i];
    }
    *half_life = p->half_life_days;
    if (!(*half_life > 0) && known) {
        qsort(sorted, known, sizeof *sorted, rising);
        *half_life = sorted[known / 2];
    }
    free(sorted);
    return CAIRN_OK;
}

static cairn_status weigh_ages(const prior_params *p, const prior_passage *passages, size_t n, float *out, cairn_error *err)
{
    double half_life = 0, *age = checked_malloc(n + 1, sizeof *age);
    cairn_status st = age ? find_ages(p, passages, n, age, &half_life, err) : cairn_fail(err, CAIRN_ENOMEM, "ages of documents");

    for (size_t i = 0; !st && half_life > 0 && i < n; i++) {
        double fresh = age[i] < 0 ? 0.5 : exp2(-age[i] / half_life);
        out[i] *= (float)(1 - (double)p->recency * (1 - fresh));
    }
    free(age);
    return st;
}

cairn_status priors_weigh(const prior_params *p, const prior_passage *passages, size_t n, float *out, cairn_error *err)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = p->folders ? passages[i].folder : 1;
        if (p->quality > 0)
            out[i] *= 1 - p->quality * (1 - prior_quality(passages[i].text, passages[i].len));
    }
    return p->recency > 0 ? weigh_ages(p, passages, n, out, err) : CAIRN_OK;
}

/* ---- quality ---- */

/* Letters of any script: from U+00C0 on nearly all that is written with is letters and their marks, apart from the
 * blocks of signs. */
static bool is_letter(uint32_t cp)
{
    if (cp < 0x80)
        return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
    return cp >= 0xC0 && cp != 0xD7 && cp != 0xF7 && !(cp >= 0x2000 && cp <= 0x2BFF) && !(cp >= 0x3000 && cp <= 0x3004) &&
           !(cp >= 0xE000 && cp <= 0xF8FF) && !(cp >= 0xFF01 && cp <= 0xFF20) && cp != UTF8_REPLACEMENT;
}

float prior_quality(const char *text, size_t len)
{
    size_t letters = 0, visible = 0, run = 0, run_letters = 0;
    float share;

    for (size_t i = 0; i < len;) {
        uint32_t cp;
        bool letter;
        i += utf8_decode(text + i, len - i, &cp, NULL);
        letter = is_letter(cp);
        if (cp <= ' ' || cp == 0xA0 || cp == 0x3000) {
            run = run_letters = 0;
            continue;
        }
        visible++;
        if (cp < 0x80 && (letter || (cp >= '0' && cp <= '9') || cp == '+' || cp == '/' || cp == '=')) {
            run++;
            run_letters += letter;
            letters += letter;
            if (run == LONGEST_WORD) /* the letters so far were none of a word */
                letters -= run_letters;
            else if (run > LONGEST_WORD)
                letters -= letter;
        } else {
            run = run_letters = 0;
            letters += letter;
        }
    }
    if (!visible)
        return 0;
    share = (float)letters / (float)visible;
    return share < LETTERS_LEAST ? share / LETTERS_LEAST : 1;
}

/* ---- the newest ---- */

/* In small letters; '~' at the end lets the word go on. */
static const char *const newest_words[] = { /* 63 bytes each at most */
    "latest", "newest", "most recent", "most recently", "most current", "most up-to-date",
    "neueste~", "neuste~", "aktuellste~", "jüngste version", "zuletzt",
    "plus récent~", "plus nouveau", "más reciente~", "más nuev~", "più recent~", "mais recente~", "nieuwste", "meest recente",
    "самый новый", "самая новая", "самое новое", "самые новые", "новейш~", "最新", "最近期", "أحدث",
};

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static bool stands_in(const char *text, const char *entry)
{
    char word[64];
    size_t len = strcspn(entry, "~");
    bool open = entry[len] == '~', letters = (unsigned char)entry[0] < 0xE3; /* CJK has no blanks between words */

    memcpy(word, entry, len);
    word[len] = '\0';
    for (const char *at = text; (at = strstr(at, word)); at += len)
        if (!letters || ((at == text || !is_word_byte(at[-1])) && (open || !is_word_byte(at[len]))))
            return true;
    return false;
}

bool prior_asks_newest(const char *question, size_t len)
{
    char text[QUESTION_MAX + 1];

    if (len > QUESTION_MAX)
        len = utf8_floor(question, QUESTION_MAX);
    utf8_fold_latin(question, len, text);
    for (size_t i = 0; i < sizeof newest_words / sizeof *newest_words; i++)
        if (stands_in(text, newest_words[i]))
            return true;
    return false;
}

#define THING_WORDS 3
#define THING_BYTES 48
#define STEM_LEAST  4 /* bytes of a word that is compared without its end */
#define PHRASE_WORDS 6

/* In small letters: behind these stands what is asked for, before those; the last ones may mean the one before. */
static const char *const newest_before[] = {"latest", "newest", "most recent", "most current", "most up-to-date", "neueste~", "neuste~", "aktuellste~",
                                            "nieuwste", "meest recente"};
static const char *const newest_behind[] = {"le plus récent", "la plus récente", "les plus récents", "les plus récentes", "más reciente~", "más nuev~",
                                            "più recent~", "mais recente~"};
static const char *const last_before[] = {"last", "letzte~", "dernier~", "dernièr~", "último~", "última~"};

/* Words that end a thing, or are no part of one. */
static const char *const no_thing[] = {"of", "the", "a", "an", "for", "from", "in", "on", "at", "to", "and", "or", "is", "are", "was", "do", "does", "did", "has", "have",
                                       "say", "says", "about", "with", "der", "die", "das", "des", "dem", "den", "von", "vom", "zum", "zur", "für", "im", "am", "und", "ist",
                                       "sind", "war", "über", "mit", "de", "del", "la", "el", "los", "las", "du", "le", "les", "d", "l", "sur", "para", "sobre",
                                       "week", "month", "year", "days", "night", "time", "quarter", "woche", "monat", "monats", "jahr", "jahres", "tage", "mal",
                                       "semaine", "mois", "année", "jours", "fois", "semana", "mes", "año", "días", "vez", "one", "name"};

static bool is_no_thing(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof no_thing / sizeof *no_thing; i++)
        if (strlen(no_thing[i]) == len && !memcmp(no_thing[i], word, len))
            return true;
    return false;
}

/* Where an entry of the list stands in the folded text; NULL: none does. *len: with the rest of its word. */
static const char *find_entry(const char *text, const char *const *entries, size_t n, size_t *len)
{
    for (size_t i = 0; i < n; i++) {
        size_t bytes = strcspn(entries[i], "~");
        for (const char *from = text, *at; (at = memmem(from, strlen(from), entries[i], bytes)); from = at + bytes) {
            *len = bytes;
            while (entries[i][bytes] == '~' && is_word_byte(at[*len]))
                ++*len;
            if ((at == text || !is_word_byte(at[-1])) && !is_word_byte(at[*len]))
                return at;
        }
    }
    return NULL;
}

static size_t words_in(const char *text)
{
    size_t n = 0;

    for (size_t i = 0; text[i]; i++)
        n += is_word_byte(text[i]) && !is_word_byte(text[i + 1]);
    return n;
}

/* The words of a thing from byte `at` on. */
static bool thing_behind(const char *text, size_t at, size_t *start, size_t *end)
{
    size_t words = 0;

    *start = *end = at;
    while (words < THING_WORDS) {
        size_t stop;
        while (text[at] == ' ')
            at++;
        for (stop = at; is_word_byte(text[stop]);)
            stop++;
        if (stop == at || is_no_thing(text + at, stop - at))
            break;
        if (!words++)
            *start = at;
        *end = at = stop;
        if (text[at] != ' ')
            break;
    }
    return words && *end - *start <= THING_BYTES;
}

/* The word before byte `at`. */
static bool thing_before(const char *text, size_t at, size_t *start, size_t *end)
{
    while (at && text[at - 1] == ' ')
        at--;
    *end = at;
    while (at && is_word_byte(text[at - 1]))
        at--;
    *start = at;
    return *end > *start && !is_no_thing(text + *start, *end - *start);
}

bool prior_newest_thing(const char *question, size_t len, size_t *start, size_t *end)
{
    char text[QUESTION_MAX + 1];
    const char *at;
    size_t n;

    if (len > QUESTION_MAX)
        len = utf8_floor(question, QUESTION_MAX);
    utf8_fold_latin(question, len, text);
    if ((at = find_entry(text, newest_before, sizeof newest_before / sizeof *newest_before, &n)))
        return thing_behind(text, (size_t)(at - text) + n, start, end);
    if ((at = find_entry(text, newest_behind, sizeof newest_behind / sizeof *newest_behind, &n)))
        return thing_before(text, (size_t)(at - text), start, end);
    at = find_entry(text, last_before, sizeof last_before / sizeof *last_before, &n);
    return at && words_in(text) <= PHRASE_WORDS && !strchr(text, '?') && (size_t)(at - text) <= strlen("die ") + 1 &&
           thing_behind(text, (size_t)(at - text) + n, start, end);
}

bool prior_is_named(const char *thing, size_t len, const char *title, const char *uri)
{
    const char *slash = uri ? strrchr(uri, '/') : NULL, *name = slash ? slash + 1 : uri ? uri : "";
    char text[QUESTION_MAX * 2 + 3], word[THING_BYTES + 1];
    size_t n = title ? strlen(title) : 0, name_len = strlen(name);

    n = n > QUESTION_MAX ? utf8_floor(title, QUESTION_MAX) : n;
    name_len = name_len > QUESTION_MAX ? utf8_floor(name, QUESTION_MAX) : name_len;
    utf8_fold_latin(n ? title : "", n, text);
    text[n] = ' ';
    utf8_fold_latin(name, name_len, text + n + 1);
    for (size_t i = 0; i < len;) {
        size_t stop = i, bytes;
        while (stop < len && is_word_byte(thing[stop] >= 'A' && thing[stop] <= 'Z' ? 'a' : thing[stop]))
            stop++;
        bytes = stop - i;
        if (bytes > THING_BYTES)
            return false;
        utf8_fold_latin(thing + i, bytes, word);
        while (bytes > STEM_LEAST && strchr("esn", word[bytes - 1]) && stop - i - bytes < 2) /* "protokolle", "invoices" */
            word[--bytes] = '\0';
        if (bytes && !strstr(text, word))
            return false;
        i = stop > i ? stop : i + 1;
    }
    return true;
}

/* One that changes places, by its date. */
typedef struct dated {
    size_t at;
    int64_t date_ns;
    float score;
} dated;

static int newest_first(const void *a, const void *b)
{
    const dated *x = a, *y = b;

    if (x->date_ns != y->date_ns)
        return x->date_ns > y->date_ns ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int falling(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x < y) - (x > y);
}

cairn_status priors_newest_first(const prior_passage *passages, size_t n, float least, float *scores, cairn_error *err)
{
    dated *all = checked_malloc(n + 1, sizeof *all);
    float *places = checked_malloc(n + 1, sizeof *places), best = least;
    size_t k = 0;

    if (!all || !places) {
        free(all);
        free(places);
        return cairn_fail(err, CAIRN_ENOMEM, "dates of documents");
    }
    for (size_t i = 0; i < n; i++)
        if (passages[i].named && passages[i].date_ns > 0 && scores[i] > best)
            best = scores[i];
    for (size_t i = 0; i < n; i++)
        if (passages[i].named && passages[i].date_ns > 0 && scores[i] - least >= (best - least) / 2) {
            places[k] = scores[i];
            all[k++] = (dated){i, passages[i].date_ns, scores[i]};
        }
    if (k) {
        qsort(all, k, sizeof *all, newest_first);
        qsort(places, k, sizeof *places, falling);
    }
    for (size_t i = 0; i < k; i++)
        scores[all[i].at] = places[i];
    free(all);
    free(places);
    return CAIRN_OK;
}

/* ---- folders ---- */

typedef struct rule {
    const char *folder;
    size_t len; /* without a slash at its end */
    double weight;
} rule;

/* The rule at *at, which moves on; false at the end, and for one that cannot be read, where out->folder stays. */
static bool next_rule(const char **at, rule *out, bool *good)
{
    const char *end, *colon;
    char *number_end;

    *at += strspn(*at, "; \t");
    *good = true;
    if (!**at)
        return false;
    out->folder = *at;
    end = *at + strcspn(*at, ";");
    for (colon = end; colon > *at && *colon != ':'; colon--)
        ;
    *at = end;
    out->len = (size_t)(colon - out->folder);
    while (out->len > 1 && (out->folder[out->len - 1] == ' ' || out->folder[out->len - 1] == '/'))
        out->len--;
    out->weight = *colon == ':' ? strtod(colon + 1, &number_end) : 0;
    *good = *colon == ':' && number_end > colon + 1 && number_end + strspn(number_end, " \t") == end &&
            out->weight >= FOLDER_LEAST && out->weight <= FOLDER_MOST &&
            (out->folder[0] == '/' || !strncmp(out->folder, "~/", 2) || (out->len == 1 && out->folder[0] == '~'));
    return true;
}

cairn_status prior_folders_check(const char *rules, cairn_error *err)
{
    rule r;
    bool good;

    for (const char *at = rules; next_rule(&at, &r, &good);)
        if (!good)
            return cairn_fail(err, CAIRN_EUSAGE,
                              "\"%.*s\" is no rule for a folder: say /FOLDER:WEIGHT or ~/FOLDER:WEIGHT with a weight from %g to %g, "
                              "and put \";\" between rules",
                              (int)strcspn(r.folder, ";"), r.folder, FOLDER_LEAST, FOLDER_MOST);
    return CAIRN_OK;
}

static bool is_below(const char *path, const char *folder, size_t len)
{
    return !strncmp(path, folder, len) && (path[len] == '/' || path[len] == '\0' || (len == 1 && *folder == '/'));
}

float prior_folder(const char *rules, const char *home, const char *path)
{
    double weight = 1;
    size_t longest = 0, home_len = home ? strlen(home) : 0;
    rule r;
    bool good;

    for (const char *at = rules; next_rule(&at, &r, &good);) {
        const char *below = path;
        size_t whole = r.len;
        if (good && r.folder[0] == '~') {
            if (!home_len || !is_below(path, home, home_len))
                continue;
            below = path + home_len;
            whole = home_len + r.len - 1;
            r.folder++;
            r.len--;
        }
        if (good && whole >= longest && (!r.len || is_below(below, r.folder, r.len))) {
            longest = whole;
            weight = r.weight;
        }
    }
    return (float)weight;
}
