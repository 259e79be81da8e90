/* eval_text.c - see eval_text.h. */
#include "engine/eval_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define BLEU_ORDER 4

static uint64_t hash_word(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return h;
}

cairn_status eval_words_of(analyzer *an, const char *text, arena *memory, eval_words *out, cairn_error *err)
{
    const analyzer_token *tokens;
    size_t n;
    cairn_status st = analyzer_run(an, "", text, strlen(text), &tokens, &n, err);

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

bool eval_holds(const eval_words *text, const eval_words *part)
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

double eval_token_f1(const eval_words *a, const eval_words *b, arena *memory)
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
double eval_rouge_l(const eval_words *a, const eval_words *b, arena *memory)
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

/* Runs of n words that the text shares with the reference, each as often as in both at most. */
static size_t shared_runs(const eval_words *a, const eval_words *b, size_t n, bool *used)
{
    size_t shared = 0;

    memset(used, 0, b->n * sizeof *used);
    for (size_t i = 0; i + n <= a->n; i++)
        for (size_t j = 0; j + n <= b->n; j++)
            if (!used[j] && !memcmp(a->hash + i, b->hash + j, n * sizeof *a->hash)) {
                used[j] = true;
                shared++;
                break;
            }
    return shared;
}

double eval_bleu(const eval_words *a, const eval_words *b, arena *memory)
{
    bool *used = arena_alloc(memory, b->n + 1);
    double sum = 0;

    if (!used || !a->n || !b->n)
        return 0;
    for (size_t n = 1; n <= BLEU_ORDER; n++) {
        double hits = (double)shared_runs(a, b, n, used);
        double runs = a->n >= n ? (double)(a->n - n + 1) : 0;
        if (n == 1 && hits < 1)
            return 0;
        sum += log(n == 1 ? hits / runs : (hits + 1) / (runs + 1));
    }
    return exp(sum / BLEU_ORDER) * (a->n < b->n ? exp(1 - (double)b->n / (double)a->n) : 1);
}

static size_t code_points(const char *s, uint32_t *out)
{
    size_t len = strlen(s), n = 0;

    for (size_t i = 0; i < len && n < EVAL_EDIT_MAX; n++)
        i += utf8_decode(s + i, len - i, &out[n], NULL);
    return n;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

double eval_edit_similarity(const char *a, const char *b, arena *memory)
{
    uint32_t *x = arena_alloc(memory, EVAL_EDIT_MAX * sizeof *x);
    uint32_t *y = arena_alloc(memory, EVAL_EDIT_MAX * sizeof *y);
    size_t *row = arena_alloc(memory, (EVAL_EDIT_MAX + 1) * sizeof *row), n, m;

    if (!x || !y || !row)
        return 0;
    n = code_points(a, x);
    m = code_points(b, y);
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 0; i < n; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < m; j++) {
            size_t above = row[j + 1];
            row[j + 1] = least(least(above, row[j]) + 1, diagonal + (x[i] != y[j]));
            diagonal = above;
        }
    }
    return n || m ? 1 - (double)row[m] / (double)(n > m ? n : m) : 1;
}
