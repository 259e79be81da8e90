/* rewrite.c - words are counted by their stems in a small table: first those of the question, which are
 * never carried, then those of earlier questions and of the last reply with what they weigh. */
#include "retrieve/rewrite.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "index/lexical/suggest.h"
#include "index/text/stopwords.h"
#include "retrieve/follow_up.h"
#include "retrieve/follow_up_words.h"
#include "retrieve/query.h"
#include "retrieve/script.h"
#include "retrieve/word_byte.h"

#define QUESTIONS_MAX 8
#define TURN_BYTES    2048
#define WORDS_MAX     1024 /* in the table */
#define TABLE_SIZE    2048 /* a power of two, twice that */
#define LANGUAGES_MAX 8
#define TF_MAX        3 /* a word of the reply counts no more often */

void rewrite_params_default(rewrite_params *p)
{
    *p = (rewrite_params){.question_weight = 0.2f,
                          .decay = 0.7f,
                          .reply_weight = 0.1f,
                          .reply_words = 10,
                          .pointing = 1.5f,
                          .brief = 1.5f,
                          .complete = 0.5f,
                          .whole_weight = 0.8f,
                          .words = 32,
                          .text_words = 8};
}

typedef struct carried {
    const char *stem;
    size_t stem_len;
    const char *word; /* as it was last written; of a turn or the question */
    size_t word_len;
    bool asked;    /* a word of the question itself, or one that it replaces */
    bool whole;    /* a word of the question as it was completed */
    float weight;  /* from earlier questions */
    unsigned told; /* how often the last reply has it */
    float idf;     /* < 0: no passage holds it */
    float score;
} carried;

typedef struct rewriting {
    const rewrite_params *params;
    const lexical_segment *segments;
    size_t n_segments;
    const char *lang;
    analyzer *an;
    arena *a;
    carried *words; /* [WORDS_MAX] */
    size_t n;
    uint16_t *table; /* [TABLE_SIZE] place + 1; 0 = free */
    double rows;     /* of the collection */
} rewriting;

/* ---- language and pronouns ---- */

/* Words that stand for something said before, by language. */
static const struct {
    const char *lang, *words;
} pointers[] = {
    {"en", " it its they them their theirs this that these those he she his him her hers one ones there "
           "itself themselves such so both either neither former latter first second last other others "
           "another same else "},
    {"de", " er sie es ihn ihm ihr ihre ihren ihrem ihrer sein seine seinen seinem seiner dies diese dieser "
           "dieses diesen diesem das dessen deren denen dort da dafür davon damit daran darauf darin dazu "
           "so beide beiden letztere erstere andere anderen dieselbe derselbe "},
    {"fr", " il elle ils elles le la les lui leur leurs son sa ses ce cet cette ces celui celle ceux celles "
           "ça cela ceci y en là autre autres même "},
    {"es", " él ella ellos ellas lo la los las le les su sus suyo suya este esta estos estas ese esa esos "
           "esas esto eso aquel aquella allí ahí otro otra otros otras mismo misma "},
    {"it", " lui lei esso essa essi esse loro lo la li le gli suo sua suoi sue questo questa questi queste "
           "quello quella quelli quelle ciò ci ne lì là altro altra altri altre stesso stessa "},
};

static bool is_pointer(const char *lang, const char *word, size_t len)
{
    char form[ANALYZER_FORM_MAX], padded[ANALYZER_FORM_MAX + 3];
    size_t n = len < ANALYZER_FORM_MAX ? analyzer_form(word, len, form) : 0;

    if (!n || n > sizeof form)
        return false;
    padded[0] = ' ';
    memcpy(padded + 1, form, n);
    memcpy(padded + 1 + n, " ", 2);
    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++)
        if (!strcmp(pointers[i].lang, lang))
            return strstr(pointers[i].words, padded) != NULL;
    return false;
}

cairn_status retrieve_language_among(const char *question, size_t len, const char *const *codes, size_t n_codes,
                                     analyzer *an, const char **out, cairn_error *err)
{
    size_t best = 0;
    cairn_status st = CAIRN_OK;

    *out = "";
    for (size_t i = 0; !st && i < n_codes; i++) {
        const analyzer_token *t;
        size_t n, stops = 0;
        st = analyzer_run(an, codes[i], question, len, &t, &n, err);
        for (size_t k = 0; !st && k < n; k++)
            stops += t[k].stop;
        if (!st && (!i || stops > best)) {
            best = stops;
            *out = codes[i];
        }
    }
    return st;
}

/* The languages of the segments, each once; returns how many of at most `max`. */
size_t retrieve_languages(const lexical_segment *segments, size_t n_segments, const char **seen, size_t max)
{
    size_t n_seen = 0;

    for (size_t i = 0; i < n_segments; i++) {
        const lexical_reader *r = segments[i].reader;
        for (size_t l = 0; l < lexical_reader_language_count(r); l++) {
            const char *code = lexical_reader_language(r, l, NULL);
            size_t j = 0;
            while (j < n_seen && strcmp(seen[j], code) != 0)
                j++;
            if (j == n_seen && n_seen < max)
                seen[n_seen++] = code;
        }
    }
    return n_seen;
}

cairn_status retrieve_question_language(const char *question, size_t len, const lexical_segment *segments,
                                        size_t n_segments, analyzer *an, const char **out,
                                        cairn_error *err)
{
    const char *seen[LANGUAGES_MAX];
    size_t n_seen = retrieve_languages(segments, n_segments, seen, LANGUAGES_MAX);

    return retrieve_language_among(question, len, seen, n_seen, an, out, err);
}

/* ---- a question in a language that no passage has ---- */

static const char *const common[] = {"en", "de", "es", "fr", "it", "pt", "nl", "sv", "da", "no", "fi", "ru", "ar"};

#define FOREIGN_WORDS  2 /* one may be a name, or a word of the other language, too: "die casting" */

size_t retrieve_function_words(const char *question, size_t len, const char *lang)
{
    size_t found = 0;

    for (size_t i = 0; i < len;) {
        char form[ANALYZER_FORM_MAX];
        size_t end = i;
        while (end < len && (isalpha((unsigned char)question[end]) || (unsigned char)question[end] >= 0x80))
            end++;
        if (end - i > 1 && end - i < ANALYZER_FORM_MAX / 4) /* one letter is a genitive, or an article cut off */
            found += stopwords_has(lang, form, analyzer_form(question + i, end - i, form));
        i = end > i ? end : i + 1;
    }
    return found;
}

const char *retrieve_common_language(const char *code)
{
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (!strcmp(code, common[i]))
            return common[i];
    return NULL;
}

const char *retrieve_foreign_language(const char *question, size_t len, const char *const *codes, size_t n_codes)
{
    const char *foreign = NULL;
    size_t most = FOREIGN_WORDS - 1;
    bool known = false;

    for (size_t i = 0; i < n_codes; i++) {
        size_t n = retrieve_function_words(question, len, codes[i]);
        known |= *codes[i] != '\0';
        most = n > most ? n : most;
    }
    if (known && (foreign = script_foreign_to(question, len, codes, n_codes)))
        return foreign;
    for (size_t i = 0; known && i < sizeof common / sizeof *common; i++) {
        size_t n = retrieve_function_words(question, len, common[i]);
        if (n > most) {
            most = n;
            foreign = common[i];
        }
    }
    return foreign;
}

/* ---- capitals ---- */

#define SHOUTED_WORDS 3

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One word in lower case at out. *shouted: it has a capital and no other letter; *calm: it has a letter that
 * is none. */
static size_t lower_word(const char *word, size_t len, char out[ANALYZER_FORM_MAX], bool *shouted, bool *calm)
{
    bool small = false, letter = false;
    size_t n = analyzer_form(word, len, out);

    for (size_t i = 0; i < len; i++) {
        small |= word[i] >= 'a' && word[i] <= 'z';
        letter |= (unsigned char)word[i] >= 0x80;
    }
    *shouted = !small && (n != len || memcmp(word, out, n) != 0);
    *calm = small || (letter && !*shouted);
    return n;
}

cairn_status retrieve_unshout(const char *text, size_t len, arena *a, const char **out, size_t *out_len,
                              cairn_error *err)
{
    char *low = arena_alloc(a, len * 3 + 1), form[ANALYZER_FORM_MAX];
    size_t n = 0, words = 0;

    *out = text;
    *out_len = len;
    if (!low)
        return cairn_fail(err, CAIRN_ENOMEM, "question");
    for (size_t i = 0; i < len;) {
        size_t start = i, m;
        bool shouted, calm;
        if (is_blank(text[i])) {
            low[n++] = text[i++];
            continue;
        }
        while (i < len && !is_blank(text[i]))
            i++;
        if (i - start > ANALYZER_FORM_MAX / 4)
            return CAIRN_OK; /* no word of a question */
        m = lower_word(text + start, i - start, form, &shouted, &calm);
        if (calm || n + m > len * 3)
            return CAIRN_OK;
        words += shouted;
        memcpy(low + n, form, m);
        n += m;
    }
    if (words < SHOUTED_WORDS)
        return CAIRN_OK;
    low[n] = '\0';
    *out = low;
    *out_len = n;
    return CAIRN_OK;
}

/* ---- the table of words ---- */

static carried *word_of(rewriting *w, const analyzer_token *t, const char *text)
{
    uint32_t h = 2166136261u;
    size_t at;
    carried *c;

    for (uint32_t i = 0; i < t->len; i++)
        h = (h ^ (unsigned char)t->term[i]) * 16777619u;
    for (at = h & (TABLE_SIZE - 1); w->table[at]; at = (at + 1) & (TABLE_SIZE - 1)) {
        c = &w->words[w->table[at] - 1];
        if (c->stem_len == t->len && !memcmp(c->stem, t->term, t->len))
            return c;
    }
    if (w->n == WORDS_MAX)
        return NULL;
    c = &w->words[w->n];
    *c = (carried){.stem = arena_strndup(w->a, t->term, t->len), .stem_len = t->len};
    if (!c->stem)
        return NULL;
    c->word = text + t->start;
    c->word_len = t->end - t->start;
    w->table[at] = (uint16_t)++w->n;
    return c;
}

/* Words of a text that mean something: no function words, no lone letters. */
typedef void take_word(carried *c, float weight);

static void take_asked(carried *c, float weight)
{
    (void)weight;
    c->asked = true;
}

static void take_whole(carried *c, float weight)
{
    (void)weight;
    c->whole = true;
}

static void take_question(carried *c, float weight)
{
    c->weight += weight;
}

static void take_reply(carried *c, float weight)
{
    (void)weight;
    c->told += c->told < TF_MAX;
}

/* The letter and the digit of "P-9" are no lone ones. */
static bool joined(const char *text, size_t len, const analyzer_token *t)
{
    bool before = t->start >= 2 && text[t->start - 1] == '-' && isalnum((unsigned char)text[t->start - 2]);

    return before || (t->end + 1 < len && text[t->end] == '-' && isalnum((unsigned char)text[t->end + 1]));
}

static cairn_status read_words(rewriting *w, const char *text, take_word *take, float weight, size_t *own,
                               cairn_error *err)
{
    size_t len = strlen(text), n;
    const analyzer_token *t;
    cairn_status st;

    if (len > TURN_BYTES)
        len = utf8_floor(text, TURN_BYTES);
    st = analyzer_run(w->an, w->lang, text, len, &t, &n, err);
    for (size_t i = 0; !st && i < n; i++) {
        carried *c;
        bool seen;
        if (t[i].stop || t[i].extra || t[i].guess ||
            (t[i].end - t[i].start < 2 && !joined(text, len, &t[i])))
            continue;
        seen = w->n == WORDS_MAX;
        c = word_of(w, &t[i], text);
        if (!c && !seen)
            return cairn_fail(err, CAIRN_ENOMEM, "rewriting a question");
        if (!c)
            continue;
        *own += !c->asked;
        take(c, weight);
    }
    return st;
}

/* `whole`: of a completed question, whose "das", "la" and "los" are articles. */
static cairn_status find_pointers(const rewriting *w, const char *question, size_t len, bool whole, bool *found,
                                  cairn_error *err)
{
    const analyzer_token *t;
    size_t n;
    cairn_status st = analyzer_run(w->an, w->lang, question, len, &t, &n, err);

    *found = false;
    for (size_t i = 0; !st && i < n && !*found; i++)
        *found = is_pointer(w->lang, question + t[i].start, t[i].end - t[i].start) &&
                 !(whole && follow_is(follow_articles, question, &(follow_word){.start = t[i].start, .end = t[i].end}));
    return st;
}

/* ---- weights ---- */

static cairn_status look_up(rewriting *w, carried *c, cairn_error *err)
{
    char form[ANALYZER_FORM_MAX];
    size_t n = analyzer_form(c->word, c->word_len, form);
    uint64_t count = 0;
    double held;
    cairn_status st = n ? suggest_count(w->segments, w->n_segments, form, n, &count, err) : CAIRN_OK;

    if (st)
        return st;
    held = (double)count < w->rows ? (double)count : w->rows;
    c->idf = count ? (float)log(1 + (w->rows - held + 0.5) / (held + 0.5)) : -1;
    return CAIRN_OK;
}

/* The same of an index elsewhere, all words at once. */
static cairn_status look_up_all(rewriting *w, cairn_error *err)
{
    const char **forms = arena_calloc(w->a, w->n + 1, sizeof *forms);
    uint64_t *rows = arena_calloc(w->a, w->n + 1, sizeof *rows);
    cairn_status st = forms && rows ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "rewriting a question");

    for (size_t i = 0; !st && i < w->n; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t n = analyzer_form(w->words[i].word, w->words[i].word_len, form);
        if (!(forms[i] = arena_strndup(w->a, form, n)))
            st = cairn_fail(err, CAIRN_ENOMEM, "rewriting a question");
    }
    if (!st)
        st = w->params->rows_with(w->params->rows_with_ctx, forms, w->n, rows, err);
    for (size_t i = 0; !st && i < w->n; i++) {
        double held = (double)rows[i] < w->rows ? (double)rows[i] : w->rows;
        w->words[i].idf = rows[i] ? (float)log(1 + (w->rows - held + 0.5) / (held + 0.5)) : -1;
    }
    return st;
}

static int by_score(const void *a, const void *b)
{
    const carried *x = *(carried *const *)a, *y = *(carried *const *)b;

    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x < y ? -1 : x > y; /* the one that came first */
}

/* Add what the last reply's rarest words weigh. */
static void weigh_reply(rewriting *w, carried **order)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        carried *c = &w->words[i];
        c->score = (float)c->told * c->idf;
        if (c->told && c->idf > 0)
            order[n++] = c;
    }
    qsort(order, n, sizeof(carried *), by_score);
    for (size_t i = 0; i < n && i < w->params->reply_words; i++)
        order[i]->weight += w->params->reply_weight * order[i]->score / order[0]->score;
}

/* A name or designation of the last reply. */
static bool is_told_name(const carried *c)
{
    return c->told && is_capital(c->word, c->word_len);
}

static cairn_status write_out(rewriting *w, const char *question, const follow_up *f, carried **order, float scale,
                              retrieve_rewrite *out, cairn_error *err)
{
    const char *whole = f->whole, *begin = whole ? whole : question;
    size_t n = 0, len = strlen(begin), at = len;
    bool closed = whole && !out->points_back; /* "What do they eat in Rome?" still lacks its words */
    char *text;

    for (size_t i = 0; i < w->n; i++) {
        carried *c = &w->words[i];
        c->weight = c->whole ? w->params->whole_weight : c->weight * scale;
        c->score = c->weight * c->idf;
        if (!c->asked && c->weight > 0 && c->idf > 0)
            order[n++] = c;
    }
    qsort(order, n, sizeof(carried *), by_score);
    if (n > w->params->words)
        n = w->params->words;
    for (size_t i = 0; i < n; i++)
        at += order[i]->word_len + 1;
    text = arena_alloc(w->a, at + 1);
    out->clauses = arena_calloc(w->a, n + 1, sizeof *out->clauses);
    if (!text || !out->clauses)
        return cairn_fail(err, CAIRN_ENOMEM, "rewriting a question");
    memcpy(text, begin, len);
    for (size_t i = 0; i < n; i++) {
        const carried *c = order[i];
        out->clauses[i] = (lexical_clause){.occur = LEXICAL_SHOULD,
                                           .kind = LEXICAL_WORDS,
                                           .text = c->word,
                                           .len = c->word_len,
                                           .boost = c->weight};
        if (i >= w->params->text_words || (closed && !(f->bare && is_told_name(c))))
            continue;
        text[len++] = ' ';
        memcpy(text + len, c->word, c->word_len);
        len += c->word_len;
    }
    text[len] = '\0';
    out->text = text;
    out->whole = whole;
    out->n_clauses = n;
    return CAIRN_OK;
}

/* One question in the light of what was said before it. */
static cairn_status refer(rewriting *w, const char *text, const follow_up_turn *said, size_t n, follow_up *f, cairn_error *err)
{
    cairn_status st;

    *f = (follow_up){.replaced = ""};
    if (!n || !said[n - 1].question)
        return CAIRN_OK;
    st = follow_up_refer(text, said, n, w->params->year ? w->params->year : retrieve_year_of(retrieve_today()), w->a, f, err);
    if (!st && !f->whole && !f->others)
        st = follow_up_complete(text, said[n - 1].question, w->a, f, err);
    if (!st && !f->whole && !f->others)
        st = follow_up_person(text, &said[n - 1], w->a, f, err);
    return st;
}

/* The question completed from the last one, which may itself have been completed, and from what was replied; its words and
 * those it replaces are taken. f->whole NULL: it is not of that kind. A question that is too long to be read completes
 * none, nor does the one before it. */
static cairn_status complete(rewriting *w, const char *question, const retrieve_turn *turns, size_t n, follow_up *f, cairn_error *err)
{
    follow_up_turn said[QUESTIONS_MAX + 1];
    size_t words = 0, questions = 0, first = n, n_said = 0;
    cairn_status st = CAIRN_OK;

    while (first && questions < QUESTIONS_MAX)
        questions += turns[--first].user;
    for (size_t i = first; !st && i < n; i++) {
        if (!turns[i].user) {
            if (n_said)
                said[n_said - 1].reply = turns[i].text;
            continue;
        }
        said[n_said] = (follow_up_turn){.question = NULL};
        if (strnlen(turns[i].text, TURN_BYTES) < TURN_BYTES) {
            st = refer(w, turns[i].text, said, n_said, f, err);
            said[n_said].question = f->whole ? f->whole : turns[i].text;
        }
        n_said++;
    }
    *f = (follow_up){.replaced = ""};
    if (!st && strnlen(question, TURN_BYTES) < TURN_BYTES)
        st = refer(w, question, said, n_said, f, err);
    if (st || !f->whole)
        return st;
    st = read_words(w, f->replaced, take_asked, 0, &words, err);
    return st ? st : read_words(w, f->whole, take_whole, 0, &words, err);
}

/* The last reply, or NULL. */
static const char *last_reply(const retrieve_turn *turns, size_t n)
{
    while (n && turns[n - 1].user)
        n--;
    return n ? turns[n - 1].text : NULL;
}

static cairn_status read_history(rewriting *w, const retrieve_turn *turns, size_t n, cairn_error *err)
{
    float weight = w->params->question_weight;
    size_t questions = 0, words = 0;
    bool replied = false;
    cairn_status st = CAIRN_OK;

    for (size_t i = n; !st && i-- > 0;) {
        if (!turns[i].user) {
            if (!replied)
                st = read_words(w, turns[i].text, take_reply, 0, &words, err);
            replied = true;
            continue;
        }
        if (questions++ == QUESTIONS_MAX)
            break;
        st = read_words(w, turns[i].text, take_question, weight, &words, err);
        weight *= w->params->decay;
    }
    return st;
}

cairn_status retrieve_rewrite_question(const char *question, const retrieve_turn *turns, size_t n,
                                       const lexical_segment *segments, size_t n_segments,
                                       const char *lang, const rewrite_params *params, analyzer *an,
                                       arena *a, retrieve_rewrite *out, cairn_error *err)
{
    rewrite_params defaults;
    rewriting w = {.params = params ? params : &defaults,
                   .segments = segments,
                   .n_segments = n_segments,
                   .lang = lang,
                   .an = an,
                   .a = a};
    size_t own = 0, len = strlen(question);
    carried **order;
    const char *whole;
    follow_up f;
    float scale = 1;
    cairn_status st = CAIRN_OK;

    *out = (retrieve_rewrite){.text = question};
    rewrite_params_default(&defaults);
    if (!n)
        return CAIRN_OK;
    w.words = arena_calloc(a, WORDS_MAX, sizeof *w.words);
    w.table = arena_calloc(a, TABLE_SIZE, sizeof *w.table);
    order = arena_calloc(a, WORDS_MAX, sizeof *order);
    if (!w.words || !w.table || !order)
        return cairn_fail(err, CAIRN_ENOMEM, "rewriting a question");
    for (size_t i = 0; i < n_segments; i++)
        w.rows += lexical_reader_rows(segments[i].reader);
    if (len > TURN_BYTES)
        len = utf8_floor(question, TURN_BYTES);
    if (!lang || !*lang)
        st = retrieve_question_language(question, len, segments, n_segments, an, &w.lang, err);
    if (!st)
        st = read_words(&w, question, take_asked, 0, &own, err);
    if (!st)
        st = complete(&w, question, turns, n, &f, err);
    if (st)
        return st;
    whole = f.whole;
    st = find_pointers(&w, whole ? whole : question, whole ? strlen(whole) : len, whole != NULL, &out->points_back, err);
    if (!st)
        st = read_history(&w, turns, n, err);
    if (!st && w.params->rows_with) {
        w.rows = w.params->all;
        st = look_up_all(&w, err);
    } else {
        for (size_t i = 0; !st && i < w.n; i++)
            st = look_up(&w, &w.words[i], err);
    }
    if (st)
        return st;
    weigh_reply(&w, order);
    if (out->points_back)
        scale *= w.params->pointing;
    else if (own >= 4)
        scale *= w.params->complete;
    if (own <= 2)
        scale *= w.params->brief;
    out->besides = f.besides;
    out->known = (follow_up_known){f.others || f.bare || f.instead ? last_reply(turns, n) : NULL, f.others, f.instead};
    return write_out(&w, question, &f, order, scale, out, err);
}
