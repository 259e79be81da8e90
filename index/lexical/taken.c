/* taken.c - see taken.h. */
#include "index/lexical/taken.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"

typedef struct standing {
    uint32_t text, len; /* of its term, in the texts */
    uint32_t place;
} standing;

typedef struct taking {
    bytes texts;
    standing *at;
    size_t n, cap;
    uint32_t words[LEXICAL_FIELDS];
} taking;

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "words of a passage");
}

static int compare(const char *a, size_t n_a, const char *b, size_t n_b)
{
    int c = memcmp(a, b, n_a < n_b ? n_a : n_b);

    return c ? c : n_a < n_b ? -1 : n_a > n_b;
}

static int by_term(const void *a, const void *b, void *texts)
{
    const standing *x = a, *y = b;
    int c = compare((const char *)texts + x->text, x->len, (const char *)texts + y->text, y->len);

    return c ? c : x->place < y->place ? -1 : x->place > y->place;
}

static cairn_status take_field(taking *k, analyzer *a, const lexical_doc *doc, unsigned f, cairn_error *err)
{
    const analyzer_token *tokens;
    size_t n;
    cairn_status st = analyzer_run(a, doc->lang ? doc->lang : "", doc->field[f].text, doc->field[f].len, &tokens, &n, err);

    for (size_t i = 0; i < n && !st; i++) {
        const analyzer_token *t = &tokens[i];
        standing *more;
        if (t->guess)
            continue;
        if (t->position >> 30 || k->texts.len > UINT32_MAX - ANALYZER_TERM_MAX)
            return cairn_fail(err, CAIRN_ELIMIT, "a passage of more words than are kept");
        more = checked_room(k->at, k->n, &k->cap, sizeof *more);
        if (!more)
            return no_memory(err);
        k->at = more;
        k->at[k->n++] = (standing){(uint32_t)k->texts.len, t->len, (uint32_t)f << 30 | t->position};
        st = bytes_append(&k->texts, t->term, t->len);
        k->words[f] = t->position + 1;
    }
    return st;
}

/* The standings, in order, as one block. */
static lexical_taken *pack(const taking *k)
{
    const char *texts = k->texts.data ? k->texts.data : "";
    size_t n_terms = 0, n_places = 0, n_texts = 0, size = sizeof(lexical_taken);
    lexical_taken *t;
    uint32_t *text, *first, *places;
    char *to;

    for (size_t i = 0; i < k->n; i++)
        if (!i || compare(texts + k->at[i - 1].text, k->at[i - 1].len, texts + k->at[i].text, k->at[i].len)) {
            n_terms++;
            n_texts += k->at[i].len;
        }
    if (k->n > (SIZE_MAX - size - n_texts) / sizeof(uint32_t) / 4)
        return NULL;
    t = malloc(size + (2 * (n_terms + 1) + k->n) * sizeof(uint32_t) + n_texts);
    if (!t)
        return NULL;
    text = (uint32_t *)(t + 1);
    first = text + n_terms + 1;
    places = first + n_terms + 1;
    to = (char *)(places + k->n);
    *t = (lexical_taken){.n_terms = (uint32_t)n_terms, .text = text, .first = first, .places = places, .texts = to};
    memcpy(t->words, k->words, sizeof t->words);
    n_terms = n_texts = 0;
    for (size_t i = 0; i < k->n; i++) {
        const standing *s = &k->at[i], *before = i ? s - 1 : NULL;
        bool same = before && !compare(texts + before->text, before->len, texts + s->text, s->len);
        if (same && before->place == s->place)
            continue; /* fooFoo: once at its place */
        if (!same) {
            text[n_terms] = (uint32_t)n_texts;
            first[n_terms++] = (uint32_t)n_places;
            memcpy(to + n_texts, texts + s->text, s->len);
            n_texts += s->len;
        }
        places[n_places++] = s->place;
    }
    text[n_terms] = (uint32_t)n_texts;
    first[n_terms] = (uint32_t)n_places;
    return t;
}

cairn_status lexical_taken_make(lexical_taken **out, analyzer *a, const lexical_doc *doc, cairn_error *err)
{
    taking k = {0};
    cairn_status st = CAIRN_OK;

    *out = NULL;
    bytes_init(&k.texts, UINT32_MAX);
    for (unsigned f = 0; f < LEXICAL_FIELDS && !st; f++)
        if (doc->field[f].len)
            st = take_field(&k, a, doc, f, err);
    if (!st && k.n)
        qsort_r(k.at, k.n, sizeof *k.at, by_term, k.texts.data);
    if (!st && !(*out = pack(&k)))
        st = no_memory(err);
    bytes_clear(&k.texts);
    free(k.at);
    return st;
}

void lexical_taken_free(lexical_taken *t)
{
    free(t);
}

const uint32_t *lexical_taken_find(const lexical_taken *t, const char *term, size_t len, size_t *n)
{
    size_t from = 0, to = t->n_terms;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = compare(t->texts + t->text[mid], t->text[mid + 1] - t->text[mid], term, len);
        if (!c) {
            *n = t->first[mid + 1] - t->first[mid];
            return t->places + t->first[mid];
        }
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    *n = 0;
    return NULL;
}
