/* eval_answers.c - cairn_eval_answers: ask every question of a file and compare with what is
 * accepted.
 *
 * Texts are compared as runs of words (the analyzer's, without stemming): case, punctuation and
 * width do not count. An answer is right when it holds an accepted one as a run of words.
 * exact match and token F1 are SQuAD's (Rajpurkar et al., 2016, section 6.1) without dropping
 * articles, which other languages do not have; ROUGE-L is Lin's F measure with beta 1. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "engine/engine.h"
#include "retrieve/cite.h"

#define LINE_WORDS ((size_t)16 << 20)

/* The words of a text, each behind a length byte pair: compared as numbers. */
typedef struct words {
    uint64_t *hash;
    size_t n;
} words;

typedef struct grading {
    cairn *c;
    analyzer *an;
    cairn_answers_result *out;
    bool (*fn)(void *ctx, const cairn_answered *a);
    void *ctx;
    double *retrieve_ms, *ttft_ms;
    size_t n_ttft, cap;
    size_t cited_right_doc, cited_holding, recalled;
} grading;

static uint64_t hash_word(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return h;
}

static cairn_status words_of(grading *g, const char *text, arena *memory, words *out,
                             cairn_error *err)
{
    const analyzer_token *tokens;
    size_t n;
    cairn_status st = analyzer_run(g->an, "", text, strlen(text), &tokens, &n, err);

    out->n = 0;
    if (st)
        return st;
    out->hash = arena_calloc(memory, n + 1, sizeof *out->hash);
    if (!out->hash)
        return cairn_fail(err, CAIRN_ENOMEM, "words");
    for (size_t i = 0; i < n; i++)
        if (!tokens[i].extra)
            out->hash[out->n++] = hash_word(tokens[i].term, tokens[i].len);
    return CAIRN_OK;
}

static bool holds(const words *text, const words *part)
{
    if (!part->n || part->n > text->n)
        return false;
    for (size_t i = 0; i + part->n <= text->n; i++)
        if (!memcmp(text->hash + i, part->hash, part->n * sizeof *part->hash))
            return true;
    return false;
}

static double f_measure(size_t common, size_t a, size_t b)
{
    return common ? 2.0 * (double)common / (double)(a + b) : 0;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Words that both hold, as multisets. Sorts copies. */
static double token_f1(const words *a, const words *b, arena *memory)
{
    uint64_t *x = arena_alloc(memory, (a->n + 1) * sizeof *x);
    uint64_t *y = arena_alloc(memory, (b->n + 1) * sizeof *y);
    size_t i = 0, j = 0, common = 0;

    if (!x || !y)
        return 0;
    memcpy(x, a->hash, a->n * sizeof *x);
    memcpy(y, b->hash, b->n * sizeof *y);
    qsort(x, a->n, sizeof *x, by_value);
    qsort(y, b->n, sizeof *y, by_value);
    while (i < a->n && j < b->n) {
        if (x[i] == y[j]) {
            common++;
            i++;
            j++;
        } else if (x[i] < y[j]) {
            i++;
        } else {
            j++;
        }
    }
    return f_measure(common, a->n, b->n);
}

/* Longest common subsequence, one row at a time. */
static double rouge_l(const words *a, const words *b, arena *memory)
{
    size_t *row = arena_calloc(memory, b->n + 1, sizeof *row);

    if (!row)
        return 0;
    for (size_t i = 0; i < a->n; i++) {
        size_t diagonal = 0;
        for (size_t j = 0; j < b->n; j++) {
            size_t above = row[j + 1];
            if (a->hash[i] == b->hash[j])
                row[j + 1] = diagonal + 1;
            else if (row[j] > above)
                row[j + 1] = row[j];
            diagonal = above;
        }
    }
    return f_measure(row[b->n], a->n, b->n);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return m && n >= m && !strcmp(s + n - m, end) && (n == m || s[n - m - 1] == '/');
}

/* The accepted answers' words. */
typedef struct accepted {
    words *items;
    size_t n;
    const char *doc;
    uint32_t page;
} accepted;

static cairn_status read_accepted(grading *g, const json_t *line, arena *memory, accepted *out,
                                  cairn_error *err)
{
    const json_t *answers = json_object_get(line, "answers");
    const json_t *page = json_object_get(line, "page");
    const char *doc = json_string_value(json_object_get(line, "doc"));
    cairn_status st = CAIRN_OK;

    *out = (accepted){.doc = doc ? doc : "",
                      .page = json_is_integer(page) ? (uint32_t)json_integer_value(page) : 0};
    out->items = arena_calloc(memory, json_array_size(answers) + 1, sizeof *out->items);
    if (!out->items)
        return cairn_fail(err, CAIRN_ENOMEM, "accepted answers");
    for (size_t i = 0; !st && i < json_array_size(answers); i++) {
        const char *text = json_string_value(json_array_get(answers, i));
        if (text && !(st = words_of(g, text, memory, &out->items[out->n], err)))
            out->n++;
    }
    return st;
}

static bool holds_any(const words *text, const accepted *gold)
{
    for (size_t i = 0; i < gold->n; i++)
        if (holds(text, &gold->items[i]))
            return true;
    return false;
}

static cairn_status grade_citations(grading *g, const cairn_answer *a, const accepted *gold,
                                    arena *memory, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    bool recalled = false;

    for (size_t i = 0; !st && i < a->n_citations; i++) {
        const cairn_citation *x = &a->citations[i];
        bool right = ends_with(x->uri, gold->doc) && (!gold->page || gold->page == x->page);
        words text;
        st = words_of(g, x->text, memory, &text, err);
        if (st)
            break;
        g->out->n_citations++;
        g->cited_right_doc += right;
        g->cited_holding += holds_any(&text, gold);
        recalled |= right;
    }
    g->recalled += recalled;
    return st;
}

static cairn_status grade_text(grading *g, const cairn_answer *a, const accepted *gold,
                               arena *memory, bool *right, cairn_error *err)
{
    double exact = 0, f1 = 0, rouge = 0;
    char *plain;
    words text;
    cairn_status st = cite_strip_markers(a->text, strlen(a->text), memory, &plain, err);

    if (!st)
        st = words_of(g, plain, memory, &text, err);
    if (st)
        return st;
    for (size_t i = 0; i < gold->n; i++) {
        double f = token_f1(&text, &gold->items[i], memory);
        double r = rouge_l(&text, &gold->items[i], memory);
        if (text.n == gold->items[i].n && holds(&text, &gold->items[i]))
            exact = 1;
        f1 = f > f1 ? f : f1;
        rouge = r > rouge ? r : rouge;
    }
    *right = holds_any(&text, gold);
    g->out->right += *right;
    g->out->exact_match += exact;
    g->out->token_f1 += f1;
    g->out->rouge_l += rouge;
    return grade_citations(g, a, gold, memory, err);
}

static cairn_status need_room(grading *g, cairn_error *err)
{
    size_t cap = g->cap ? g->cap * 2 : 256;
    double *a, *b;

    if (g->out->n < g->cap)
        return CAIRN_OK;
    a = checked_realloc(g->retrieve_ms, cap, sizeof *a);
    if (a)
        g->retrieve_ms = a;
    b = checked_realloc(g->ttft_ms, cap, sizeof *b);
    if (b)
        g->ttft_ms = b;
    if (!a || !b)
        return cairn_fail(err, CAIRN_ENOMEM, "measurements");
    g->cap = cap;
    return CAIRN_OK;
}

static cairn_status grade_one(grading *g, const json_t *line, const char *question,
                              cairn_error *err)
{
    const json_t *answers = json_object_get(line, "answers");
    const char *id = json_string_value(json_object_get(line, "id"));
    const char *first = json_string_value(json_array_get(answers, 0));
    cairn_ask_request request = {.question = question};
    cairn_answered seen = {.id = id ? id : "", .question = question, .gold = first ? first : ""};
    cairn_answer *a = NULL;
    accepted gold;
    arena memory;
    cairn_status st = need_room(g, err);

    arena_init(&memory, LINE_WORDS * 16);
    if (!st)
        st = read_accepted(g, line, &memory, &gold, err);
    if (!st)
        st = cairn_ask(g->c, &request, NULL, NULL, &a, err);
    if (!st && gold.n) {
        g->out->n_answerable++;
        g->out->refused_answerable += a->refused;
        if (!a->refused)
            st = grade_text(g, a, &gold, &memory, &seen.right, err);
    } else if (!st) {
        g->out->n_unanswerable++;
        g->out->refused_unanswerable += a->refused;
        seen.right = a->refused;
    }
    if (!st) {
        g->retrieve_ms[g->out->n++] = a->retrieve_ms;
        if (a->ttft_ms > 0)
            g->ttft_ms[g->n_ttft++] = a->ttft_ms;
        seen.answer = a;
        if (g->fn && !g->fn(g->ctx, &seen))
            st = cairn_fail(err, CAIRN_ECANCELLED, "stopped after %zu questions", g->out->n);
    }
    cairn_answer_free(a);
    arena_clear(&memory);
    return st;
}

static cairn_status grade_file(grading *g, const char *path, cairn_error *err)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t cap = 0, number = 0;
    ssize_t len;
    cairn_status st = CAIRN_OK;

    if (!f)
        return cairn_fail(err, CAIRN_EINPUT, "open %s: %s", path, strerror(errno));
    while (!st && (len = getline(&text, &cap, f)) >= 0) {
        json_error_t je;
        json_t *line;
        const char *question;
        number++;
        if (len <= 1)
            continue;
        line = json_loadb(text, (size_t)len, 0, &je);
        question = json_string_value(json_object_get(line, "question"));
        if (question)
            st = grade_one(g, line, question, err);
        else
            st = cairn_fail(err, CAIRN_EINPUT, "%s, line %zu: needs \"question\"", path, number);
        json_decref(line);
    }
    free(text);
    fclose(f);
    return st;
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    if (!n)
        return 0;
    qsort(v, n, sizeof *v, rising);
    return v[n / 2];
}

static double share(double part, size_t whole)
{
    return whole ? part / (double)whole : 0;
}

cairn_status cairn_eval_answers(cairn *c, const char *qa,
                                bool (*fn)(void *ctx, const cairn_answered *a), void *ctx,
                                cairn_answers_result *out, cairn_error *err)
{
    grading g = {.c = c, .out = out, .fn = fn, .ctx = ctx};
    cairn_status st;

    *out = (cairn_answers_result){0};
    st = engine_analyzer(c, &g.an, err);
    if (!st)
        st = grade_file(&g, qa, err);
    out->right = share(out->right, out->n_answerable);
    out->exact_match = share(out->exact_match, out->n_answerable);
    out->token_f1 = share(out->token_f1, out->n_answerable);
    out->rouge_l = share(out->rouge_l, out->n_answerable);
    out->refused_answerable = share(out->refused_answerable, out->n_answerable);
    out->refused_unanswerable = share(out->refused_unanswerable, out->n_unanswerable);
    out->citation_holds = share((double)g.cited_holding, out->n_citations);
    out->citation_precision = share((double)g.cited_right_doc, out->n_citations);
    out->citation_recall = share((double)g.recalled, out->n_answerable);
    out->retrieve_ms_median = median(g.retrieve_ms, out->n);
    out->ttft_ms_median = median(g.ttft_ms, g.n_ttft);
    free(g.retrieve_ms);
    free(g.ttft_ms);
    return st;
}
