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
    return p->recency > 0 || p->quality > 0 || p->folders;
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
