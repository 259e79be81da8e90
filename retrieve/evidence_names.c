/* evidence_names.c - the question's names, numbers and designations, and which passages they stand
 * in. */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "retrieve/evidence_reading.h"

/* ---- designations: "P-7", "K2 Pro" ---- */

#define DESIGNATIONS_MAX      4
#define DESIGNATION_NOWHERE   4.0f /* log-odds off where no passage names what the question does */
#define DESIGNATION_ELSEWHERE 1.0f /* where another passage does */
#define DESIGNATION_EARLY     3.0f /* of a sentence before the first that names it */

static bool in_word(const char *s, size_t len, size_t at)
{
    return at < len && (isalnum((unsigned char)s[at]) || (unsigned char)s[at] >= 0x80);
}

/* The end of the designation that begins at s[at], or `at`: a word that begins with a capital and
 * has a digit, with the capitalised words behind it ("K2 Pro"; not in German, where nouns have
 * capitals). */
static size_t designation_end(const char *s, size_t len, size_t at, bool nouns_small)
{
    size_t end = at;
    bool digit = false;

    if (!isupper((unsigned char)s[at]))
        return at;
    while (in_word(s, len, end) || (end < len && s[end] == '-' && in_word(s, len, end + 1)))
        digit |= isdigit((unsigned char)s[end++]) != 0;
    if (!digit)
        return at;
    while (nouns_small && end + 1 < len && s[end] == ' ' && isupper((unsigned char)s[end + 1])) {
        end++;
        while (in_word(s, len, end))
            end++;
    }
    return end;
}

static size_t find_designations(const asked *q, text_span *out)
{
    bool nouns_small = strcmp(q->lang, "de") != 0;
    size_t n = 0;

    for (size_t i = 0; i < q->len && n < DESIGNATIONS_MAX;) {
        size_t end =
            in_word(q->text, q->len, i) ? designation_end(q->text, q->len, i, nouns_small) : i;
        if (end > i) {
            out[n++] = (text_span){i, end};
            i = end;
        } else if (in_word(q->text, q->len, i)) {
            while (in_word(q->text, q->len, i))
                i++;
        } else {
            i++;
        }
    }
    return n;
}

/* Where the text names it, with or without hyphens and blanks, capitals or a plural's s; len: it
 * does not. */
static size_t named_at(const char *text, size_t len, const char *what, size_t n)
{
    for (size_t i = 0; i < len; i++) {
        size_t t = i, w = 0;
        if (!in_word(text, len, i) || (i && in_word(text, len, i - 1)))
            continue;
        while (w < n && t < len) {
            if (what[w] == '-' || what[w] == ' ')
                w++;
            else if (t > i && (text[t] == '-' || text[t] == ' '))
                t++;
            else if (tolower((unsigned char)text[t]) == tolower((unsigned char)what[w]))
                t++, w++;
            else
                break;
        }
        if (w == n && (!in_word(text, len, t) || (text[t] == 's' && !in_word(text, len, t + 1))))
            return i;
    }
    return len;
}

static bool names(const char *text, size_t len, const char *what, size_t n)
{
    return named_at(text, len, what, n) < len;
}

static bool passage_names(const evidence_passage *p, const char *what, size_t n)
{
    return names(p->text.text, p->text.len, what, n) ||
           (p->text.title && names(p->text.title, strlen(p->text.title), what, n)) ||
           (p->text.heading && names(p->text.heading, strlen(p->text.heading), what, n));
}

void evidence_weigh_designations(const asked *q, const evidence_passage *p, size_t n, float *off)
{
    text_span d[DESIGNATIONS_MAX];
    size_t n_d = find_designations(q, d);

    for (size_t i = 0; i < n_d; i++) {
        size_t len = d[i].end - d[i].start;
        bool somewhere = false;
        for (size_t j = 0; j < n && !somewhere; j++)
            somewhere = passage_names(&p[j], q->text + d[i].start, len);
        for (size_t j = 0; j < n; j++)
            if (!somewhere)
                off[j] = DESIGNATION_NOWHERE;
            else if (!passage_names(&p[j], q->text + d[i].start, len))
                off[j] = fmaxf(off[j], DESIGNATION_ELSEWHERE);
    }
}

/* Does the text name something that differs from the designation in its digits alone: the K1 for
 * the K2? */
static bool names_sibling(const char *text, size_t len, const char *what, size_t n)
{
    size_t head = 0;

    while (head < n && !isdigit((unsigned char)what[head]))
        head++;
    for (size_t i = 0; i + head < len; i++) {
        size_t end = i + head;
        if (!in_word(text, len, i) || (i && in_word(text, len, i - 1)) ||
            memcmp(text + i, what, head) != 0 || !isdigit((unsigned char)text[end]))
            continue;
        while (in_word(text, len, end))
            end++;
        if (named_at(text + i, end - i, what, head + 1) == end - i || end - i != n ||
            memcmp(text + i, what, n) != 0)
            return true;
    }
    return false;
}

float evidence_off_subject(const asked *q, const evidence_passage *p, const text_span *s, bool row)
{
    const char *text = p->text.text, *head[] = {p->text.title, p->text.heading, p->uri};
    text_span d[DESIGNATIONS_MAX];
    size_t n_d = find_designations(q, d);
    bool here = false, above = false, later = false, sibling = false;

    for (size_t i = 0; i < q->len; i++) /* scripts that put no blanks around a name */
        if ((unsigned char)q->text[i] >= 0xD0)
            return 0;
    for (size_t i = 0; i < n_d; i++) {
        const char *what = q->text + d[i].start;
        size_t n = d[i].end - d[i].start, first = named_at(text, p->text.len, what, n);
        here |= names(text + s->start, s->end - s->start, what, n);
        for (size_t k = 0; k < sizeof head / sizeof *head; k++)
            above |= head[k] && names(head[k], strlen(head[k]), what, n);
        above |= first < s->start && !row;
        later |= first > s->start && first < p->text.len;
        sibling |= names_sibling(text + s->start, s->end - s->start, what, n);
    }
    if (!n_d || here)
        return 0;
    if (sibling || (row && later) || (row && !above))
        return DESIGNATION_NOWHERE;
    return later && !above ? DESIGNATION_EARLY : 0;
}

/* ---- what is asked for ---- */

#define OPENER_BYTES 16
#define THING_WORDS  3

/* Whether nothing but blanks and hyphens stands between two words. */
static bool adjoin(const asked *q, const asked_word *a, const asked_word *b)
{
    for (size_t i = a->end; i < b->start; i++)
        if (!strchr(" -", q->text[i]))
            return false;
    return b->start > a->end;
}

static bool among(const char *const *words, const char *question, text_span w)
{
    char form[ANALYZER_FORM_MAX];
    size_t n = w.end - w.start, len;

    if (n > OPENER_BYTES)
        return false;
    len = analyzer_form(question + w.start, n, form);
    for (; *words; words++)
        if (strlen(*words) == len && !memcmp(*words, form, len))
            return true;
    return false;
}

/* The first `most` words of question[from, len) as they stand. */
static size_t plain_words(const asked *q, size_t from, text_span *out, size_t most)
{
    size_t n = 0;

    for (size_t i = from; i < q->len && n < most;) {
        size_t end = i;
        while (in_word(q->text, q->len, end))
            end++;
        if (end > i)
            out[n++] = (text_span){i, end};
        i = end > i ? end : i + 1;
    }
    return n;
}

/* The content word that begins at byte `at`; q->n: none. */
static size_t word_at(const asked *q, size_t at)
{
    size_t i = 0;

    while (i < q->n && q->words[i].start != at)
        i++;
    return i;
}

/* "How many visitors": the word behind the opener, and the next one where that may be an adjective.
 */
static bool find_counted(asked *q)
{
    static const char *const how[] = {"how", "wie", NULL}, *const many[] = {"many", "viele",
                                                                            "vielen", NULL};
    static const char *const alone[] = {"wieviele", "cuántos", "cuántas", "quanti", "quante",
                                        "quantos",  "quantas", "hoeveel", NULL};
    text_span w[3];
    size_t n;

    for (size_t at = 0; (n = plain_words(q, at, w, 3)) >= 2; at = w[0].end) {
        bool pair = n > 2 && among(how, q->text, w[0]) && among(many, q->text, w[1]);
        size_t first = pair ? 2 : 1, i;
        if (!pair && !among(alone, q->text, w[0]))
            continue;
        i = word_at(q, w[first].start);
        if (i == q->n || q->words[i].name)
            return false;
        q->thing = i;
        q->thing_end = i + 1 + (i + 1 < q->n && adjoin(q, &q->words[i], &q->words[i + 1]));
        return true;
    }
    return false;
}

/* "What is the noise level of": the last of the words between article and preposition. */
static bool find_attribute(asked *q)
{
    static const char *const asks[] = {"what", "who",   "which", "wie",    "was", "wer",
                                       "cuál", "quién", "quel",  "quelle", NULL};
    static const char *const is[] = {"is",  "are",   "was",    "were",  "ist",    "sind",
                                     "war", "waren", "heisst", "hiess", "lautet", "es",
                                     "son", "era",   "eran",   "fue",   "est",    NULL};
    static const char *const article[] = {"the", "der", "die", "das", "el",
                                          "la",  "los", "las", "le",  NULL};
    static const char *const of[] = {"of",      "for", "in",  "to",   "on",  "at",  "from",
                                     "between", "der", "des", "von",  "vom", "für", "im",
                                     "am",      "de",  "del", "para", "en",  "du",  NULL};
    /* What these ask for stands there without being called so. */
    static const char *const empty[] = {"name", "names",  "term",   "word", "title",  "number",
                                        "type", "kind",   "date",   "year", "nummer", "datum",
                                        "jahr", "nombre", "número", "nom",  NULL};
    text_span w[4 + THING_WORDS];
    size_t n = plain_words(q, 0, w, 4 + THING_WORDS), i, k = 3;

    if (n < 5 || !among(asks, q->text, w[0]) || !among(is, q->text, w[1]) ||
        !among(article, q->text, w[2]))
        return false;
    while (k < n && !among(of, q->text, w[k]))
        k++;
    if (k == n || k == 3 || among(empty, q->text, w[k - 1]))
        return false;
    i = word_at(q, w[k - 1].start);
    if (i == q->n || q->words[i].name)
        return false;
    q->thing = i;
    q->thing_end = i + 1;
    return true;
}

/* "有多少所大学", "几个学术单位": the two characters behind what asks, past a measure word and 的. */
static bool find_counted_chinese(asked *q)
{
    static const char *const asks[] = {"多少", "几"};
    static const char *const counters[] = {"个", "名", "位", "所", "家", "种", "座", "场", "支", "条", "本", "部", "台", "辆", "只", "件", "项", "次", "张", "艘", "间"};

    for (size_t k = 0; k < sizeof asks / sizeof *asks; k++) {
        const char *p = memmem(q->text, q->len, asks[k], strlen(asks[k]));
        if (!p)
            continue;
        size_t at = (size_t)(p - q->text) + strlen(asks[k]);
        for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
            if (q->len - at > 3 && !memcmp(q->text + at, counters[i], 3)) {
                at += 3;
                break;
            }
        for (size_t i = 0; i < q->n; i++)
            if (q->words[i].start == at && q->words[i].end == at + 6) {
                q->thing = i;
                q->thing_end = i + 1;
                return true;
            }
    }
    return false;
}

void evidence_find_thing(asked *q)
{
    q->thing = q->thing_end = 0;
    q->counted = find_counted(q) || (q->type == ANSWER_COUNT && find_counted_chinese(q));
    if (!q->counted)
        find_attribute(q);
}

/* ---- names ---- */

#define RUNS_MAX      16
#define TITLE_LEAST   3 /* bytes: a shorter title is found by chance */
#define ARTICLE_BYTES 3 /* the, der, las */

/* Words of the question that are one name: "New South Wales", "Super Bowl 50". */
typedef struct name_run {
    size_t first, end; /* words */
    bool beside;       /* "and" or "or" joins it to another one */
} name_run;

static bool is_name(const asked_word *w)
{
    return w->name || w->number;
}

static bool is_conjunction(const char *s, size_t n)
{
    static const char *const words[] = {"and", "or", "und", "oder", "y", "o", "et", "ou", "e"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (n == strlen(words[i]) && !memcmp(s, words[i], n))
            return true;
    return false;
}

/* Whether a conjunction stands right before or behind question[start, end), or an article and a
 * conjunction before. */
static bool conjoined(const asked *q, size_t start, size_t end)
{
    for (int back = 0; back < 2; back++) {
        size_t stop = start, from;
        while (stop && q->text[stop - 1] == ' ')
            stop--;
        for (from = stop; from && in_word(q->text, q->len, from - 1); from--)
            ;
        if (is_conjunction(q->text + from, stop - from))
            return true;
        if (stop - from != ARTICLE_BYTES)
            break;
        start = from;
    }
    while (end < q->len && q->text[end] == ' ')
        end++;
    size_t stop = end;
    while (in_word(q->text, q->len, stop))
        stop++;
    return is_conjunction(q->text + end, stop - end);
}

static size_t find_runs(const asked *q, name_run *runs)
{
    size_t n = 0;

    for (size_t i = 0; i < q->n && n < RUNS_MAX; i++) {
        if (!is_name(&q->words[i]))
            continue;
        if (n && runs[n - 1].end == i && adjoin(q, &q->words[i - 1], &q->words[i])) {
            runs[n - 1].end = i + 1;
            continue;
        }
        runs[n++] = (name_run){i, i + 1, false};
    }
    for (size_t i = 0; i < n; i++)
        runs[i].beside = conjoined(q, q->words[runs[i].first].start, q->words[runs[i].end - 1].end);
    return n;
}

static bool same_document(const evidence_passage *a, const evidence_passage *b)
{
    return a == b || (a->doc && a->doc == b->doc);
}

/* Whether the document of all[passage] has the word, as far as it was read, or its path does. */
static bool document_has(const asked *q, const reading *all, size_t n, size_t passage, size_t word)
{
    const evidence_passage *p = all[passage].p;
    const asked_word *w = &q->words[word];

    for (size_t j = 0; j < n; j++)
        if (all[j].held[word] && same_document(all[j].p, p))
            return true;
    return p->uri && names(p->uri, strlen(p->uri), q->text + w->start, w->end - w->start);
}

static bool document_has_all(const asked *q, const reading *all, size_t n, size_t passage,
                             const name_run *r)
{
    for (size_t w = r->first; w < r->end; w++)
        if (!document_has(q, all, n, passage, w))
            return false;
    return true;
}

/* The title without what tells it from others of that name ("Frozen (2013 film)"); 0 where it says
 * too little. */
static size_t title_len(const char *title)
{
    const char *end = title ? strstr(title, " (") : NULL;
    size_t n = end ? (size_t)(end - title) : title ? strlen(title) : 0;

    return n < TITLE_LEAST ? 0 : n;
}

static bool speaks_of(const evidence_passage *p, const char *title)
{
    size_t n = title_len(title);

    return n && names(p->text.text, p->text.len, title, n);
}

/* Which passages speak of which documents, and which documents are called as one of two names that
 * the question sets beside each other ("Which is larger, the K1 or the K2?"): those need not know
 * each other. */
typedef struct links {
    bool *speaks; /* [n * n]: the first passage's text of the second one's title */
    bool *called; /* [n] */
} links;

static cairn_status find_links(const asked *q, const reading *all, size_t n, const name_run *runs,
                               size_t n_runs, arena *a, links *out, cairn_error *err)
{
    *out = (links){arena_calloc(a, n * n + 1, sizeof(bool)), arena_calloc(a, n + 1, sizeof(bool))};
    if (!out->speaks || !out->called)
        return cairn_fail(err, CAIRN_ENOMEM, "evidence");
    for (size_t j = 0; j < n; j++) {
        const char *title = all[j].p->text.title;
        for (size_t i = 0; i < n; i++)
            out->speaks[i * n + j] = speaks_of(all[i].p, title);
        for (size_t i = 0; title && i < n_runs; i++)
            out->called[j] |= runs[i].beside &&
                              names(title, strlen(title), q->text + q->words[runs[i].first].start,
                                    q->words[runs[i].end - 1].end - q->words[runs[i].first].start);
    }
    return CAIRN_OK;
}

/* Whether one of the two documents speaks of the other, or both are parts of one work. */
static bool belong_together(const reading *all, size_t n, const links *l, size_t a, size_t b)
{
    const char *title_a = all[a].p->text.title, *title_b = all[b].p->text.title;

    if (title_len(title_a) && title_b && !strcasecmp(title_a, title_b))
        return true;
    for (size_t i = 0; i < n; i++)
        if ((l->speaks[i * n + b] && same_document(all[i].p, all[a].p)) ||
            (l->speaks[i * n + a] && same_document(all[i].p, all[b].p)))
            return true;
    return false;
}

/* Whether another document has the whole name, and belongs to the passage's own or to the question.
 */
static bool is_linked(const asked *q, const reading *all, size_t n, const links *l, size_t passage,
                      const name_run *r)
{
    for (size_t j = 0; j < n; j++)
        if (!same_document(all[j].p, all[passage].p) && document_has_all(q, all, n, j, r) &&
            (l->called[j] || belong_together(all, n, l, passage, j)))
            return true;
    return false;
}

/* Whether the document has nothing of what the question asks for by name. */
static bool thing_missing(const asked *q, const reading *all, size_t n, size_t passage)
{
    for (size_t w = q->thing; w < q->thing_end; w++)
        if (document_has(q, all, n, passage, w))
            return false;
    return q->thing < q->thing_end;
}

/* Quantities with a unit that are written as words ("two metres") and that the document does not
 * have. */
static size_t missing_measures(const asked *q, const reading *all, size_t n, size_t passage)
{
    size_t missing = 0;

    for (size_t i = 0; i < q->n_quantities; i++) {
        const quantity *want = &q->quantities[i];
        bool there = !want->word || want->class == UNIT_NONE;
        for (size_t j = 0; j < n && !there; j++)
            for (size_t k = 0;
                 k < all[j].n_quantities && !there && same_document(all[j].p, all[passage].p); k++)
                there = quantity_equal(want, &all[j].quantities[k]);
        missing += !there;
    }
    return missing;
}

/* What a name says that is missing: one that stands in much of the collection says less than its
 * rarest word does. */
static double run_weight(const asked *q, const reading *all, size_t n, size_t passage,
                         const name_run *r)
{
    double most = 0;

    for (size_t w = r->first; w < r->end; w++)
        if (q->words[w].weight > most && !document_has(q, all, n, passage, w))
            most = q->words[w].weight;
    return q->rarest > most ? most / q->rarest : 1;
}

static float find_unlinked(const asked *q, const reading *all, size_t n, const links *l,
                           size_t passage, const name_run *runs, size_t n_runs)
{
    size_t measures = missing_measures(q, all, n, passage), of = n_runs + measures;
    double unlinked = (double)measures;

    for (size_t i = 0; i < n_runs; i++)
        if (!document_has_all(q, all, n, passage, &runs[i]) &&
            !is_linked(q, all, n, l, passage, &runs[i]))
            unlinked += run_weight(q, all, n, passage, &runs[i]);
    return of ? (float)(unlinked / (double)of) : 0;
}

cairn_status evidence_find_names(const asked *q, const reading *all, size_t n, arena *a,
                                 float (*features)[EVIDENCE_FEATURES], cairn_error *err)
{
    name_run runs[RUNS_MAX];
    size_t n_runs = find_runs(q, runs);
    links l;
    cairn_status st = find_links(q, all, n, runs, n_runs, a, &l, err);

    for (size_t passage = 0; !st && passage < n; passage++) {
        float *f = features[passage];
        size_t n_names = 0, here = 0, document = 0, nowhere = 0;
        for (size_t w = 0; w < q->n; w++) {
            bool any = false;
            if (!q->words[w].name)
                continue;
            for (size_t j = 0; j < n && !any; j++)
                any = document_has(q, all, n, j, w);
            n_names++;
            here += all[passage].held[w];
            document += document_has(q, all, n, passage, w);
            nowhere += !any;
        }
        f[EVIDENCE_NAMES] = n_names ? (float)here / (float)n_names : 1;
        f[EVIDENCE_NAMES_NONE] = n_names && !document;
        f[EVIDENCE_NAMES_NOWHERE] = n_names ? (float)nowhere / (float)n_names : 0;
        f[q->counted ? EVIDENCE_COUNTED_MISSING : EVIDENCE_ATTRIBUTE_MISSING] =
            thing_missing(q, all, n, passage);
        f[EVIDENCE_NAMES_UNLINKED] = find_unlinked(q, all, n, &l, passage, runs, n_runs);
    }
    return st;
}
