/* context.c - see context.h. Candidates are wrapped and counted one by one in the order of strength;
 * what is taken is then put into the order of the prompt and numbered. */
#include "retrieve/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/utf8.h"
#include "retrieve/injection.h"

#define PASSAGE_BYTES ((size_t)64 << 20)
#define NAME_READ     400 /* bytes of a title or name that are looked at for orders */

void context_params_default(context_params *p)
{
    *p = (context_params){.max_tokens = 1200,
                          .max_passages = 8,
                          .min_tokens = 40,
                          .near_duplicate = 0.7f,
                          .overlap = 0.5f,
                          .ends_first = true,
                          .open = "[{n}] {title}\n",
                          .close = "\n\n"};
}

/* ---- repetition ---- */

/* Hashes of all runs of three words, sorted: what near duplicates share. */
typedef struct shingles {
    uint64_t *hash;
    size_t n;
} shingles;

static bool is_word_byte(unsigned char c)
{
    return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* FNV-1a of the next word with ASCII case folded; 0 at the end. */
static uint64_t next_word(const char *s, size_t len, size_t *at)
{
    uint64_t h = 0xcbf29ce484222325u;
    size_t start;

    while (*at < len && !is_word_byte((unsigned char)s[*at]))
        ++*at;
    start = *at;
    while (*at < len && is_word_byte((unsigned char)s[*at])) {
        unsigned char c = (unsigned char)s[*at];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        h = (h ^ c) * 0x100000001b3u;
        ++*at;
    }
    return *at > start ? h | 1 : 0;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static cairn_status make_shingles(const char *s, size_t len, arena *a, shingles *out)
{
    uint64_t window[3] = {0};
    size_t at = 0, words = 0;

    out->n = 0;
    out->hash = arena_alloc(a, (len / 2 + 2) * sizeof *out->hash);
    if (!out->hash)
        return CAIRN_ENOMEM;
    for (uint64_t w; (w = next_word(s, len, &at));) {
        window[words++ % 3] = w;
        if (words >= 3)
            out->hash[out->n++] = window[words % 3] * 3 + window[(words + 1) % 3] * 7 +
                                  window[(words + 2) % 3] * 31;
    }
    qsort(out->hash, out->n, sizeof *out->hash, by_hash);
    return CAIRN_OK;
}

/* Share of the smaller set that both hold. */
static float shared(const shingles *x, const shingles *y)
{
    size_t i = 0, j = 0, both = 0, least = x->n < y->n ? x->n : y->n;

    if (!least)
        return 0;
    while (i < x->n && j < y->n) {
        if (x->hash[i] == y->hash[j]) {
            both++;
            i++;
            j++;
        } else if (x->hash[i] < y->hash[j]) {
            i++;
        } else {
            j++;
        }
    }
    return (float)both / (float)least;
}

static float range_overlap(const context_candidate *x, const context_candidate *y)
{
    uint64_t start = x->byte_start > y->byte_start ? x->byte_start : y->byte_start;
    uint64_t end = x->byte_end < y->byte_end ? x->byte_end : y->byte_end;
    uint64_t len_x = x->byte_end - x->byte_start, len_y = y->byte_end - y->byte_start;
    uint64_t least = len_x < len_y ? len_x : len_y;

    if (x->doc != y->doc || end <= start || !least)
        return 0;
    return (float)(end - start) / (float)least;
}

/* ---- wrapping ---- */

/* A document's text or name as data: UTF-8, no control characters, and no '[' before a digit or '<' at the start of
 * a line that could pass for the wrapping (they become look-alikes of three bytes). */
static cairn_status append_data(bytes *out, const char *s, size_t len)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < len;) {
        uint32_t cp;
        bool valid;
        size_t n = utf8_decode(s + i, len - i, &cp, &valid);
        bool line_start = i == 0 || s[i - 1] == '\n';
        char next = i + 1 < len ? s[i + 1] : '\0';
        if (cp == '\n' || cp == '\t')
            st = bytes_append_byte(out, (uint8_t)cp);
        else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
            st = bytes_append_byte(out, ' ');
        else if (cp == '[' && line_start && next >= '0' && next <= '9')
            st = bytes_append_str(out, "\xEF\xBC\xBB"); /* U+FF3B */
        else if (cp == '<' && (next == '|' || next == '/' || (next >= 'a' && next <= 'z')))
            st = bytes_append_str(out, "\xEF\xBC\x9C"); /* U+FF1C */
        else
            st = valid ? bytes_append(out, s + i, n) : bytes_append_str(out, "\uFFFD");
        i += n;
    }
    return st;
}

/* Does a name speak to a language model? Words of a file's name have other signs between them than blanks. */
static bool gives_orders(const char *s)
{
    char words[NAME_READ + 1];
    size_t n = 0;

    for (; s[n] && n < NAME_READ; n++)
        words[n] = strchr("_-.+/", s[n]) ? ' ' : s[n];
    words[n] = '\0';
    return injection_score(s, n) >= INJECTION_SENTENCE || injection_score(words, n) >= INJECTION_SENTENCE;
}

/* The same on one line, for titles, headings and names; none is shown that gives orders. */
static cairn_status append_line(bytes *out, const char *s)
{
    if (gives_orders(s))
        s = "document";
    size_t at = out->len;
    cairn_status st = append_data(out, s, strlen(s));

    for (; !st && at < out->len; at++)
        if (out->data[at] == '\n' || out->data[at] == '\t')
            out->data[at] = ' ';
    return st;
}

static cairn_status append_wrapping(bytes *out, const char *template, const context_candidate *c,
                                    uint32_t n)
{
    const char *name = strrchr(c->uri, '/');
    cairn_status st = CAIRN_OK;

    while (!st && *template) {
        size_t plain = strcspn(template, "{");
        st = bytes_append(out, template, plain);
        template += plain;
        if (st || !*template)
            break;
        if (!strncmp(template, "{n}", 3))
            st = bytes_printf(out, "%u", n);
        else if (!strncmp(template, "{title}", 7))
            st = append_line(out, c->title);
        else if (!strncmp(template, "{heading}", 9))
            st = append_line(out, c->heading);
        else if (!strncmp(template, "{uri}", 5))
            st = append_line(out, c->uri);
        else if (!strncmp(template, "{name}", 6))
            st = append_line(out, name ? name + 1 : c->uri);
        else if (!strncmp(template, "{page}", 6)) {
            if (c->page)
                st = bytes_printf(out, "%u", c->page);
        } else {
            st = bytes_append_byte(out, '{');
            template++;
            continue;
        }
        template = strchr(template, '}') + 1;
    }
    return st;
}

static cairn_status wrap(bytes *out, const context_params *p, const context_candidate *c,
                         size_t text_len, uint32_t n)
{
    cairn_status st = append_wrapping(out, p->open, c, n);

    if (!st)
        st = append_data(out, c->text, text_len);
    return st ? st : append_wrapping(out, p->close, c, n);
}

static size_t count(const context_params *p, const char *text, size_t len)
{
    return p->count_tokens ? p->count_tokens(p->count_ctx, text, len) : (len + 3) / 4;
}

/* ---- choosing ---- */

/* The last end of a sentence in s[0, len): behind a full stop with a space, or a line break. */
static size_t sentence_end(const char *s, size_t len)
{
    for (size_t i = len; i > 1; i--) {
        if (s[i - 1] == '\n' || (s[i - 1] == ' ' && strchr(".!?", s[i - 2])))
            return i - 1;
        if (i >= 3 && !memcmp(s + i - 3, "\xE3\x80\x82", 3))
            return i;
    }
    return 0;
}

typedef struct choosing {
    const context_candidate *candidates;
    const context_params *p;
    arena *a;
    size_t *taken; /* indexes of candidates, strongest first */
    size_t *text_len;
    shingles *words;
    size_t n;
    size_t tokens;
    bytes scratch;
} choosing;

static bool repeats(const choosing *k, const context_candidate *c, const shingles *words)
{
    for (size_t i = 0; i < k->n; i++) {
        const context_candidate *other = &k->candidates[k->taken[i]];
        if (c->chunk == other->chunk || range_overlap(c, other) > k->p->overlap ||
            shared(words, &k->words[i]) > k->p->near_duplicate)
            return true;
    }
    return false;
}

/* How many bytes of the candidate fit; 0 when not enough of it does. *tokens is what they take. */
static cairn_status fit(choosing *k, const context_candidate *c, size_t *len, size_t *tokens)
{
    size_t left = k->p->max_tokens - k->tokens;

    *len = c->text_len;
    for (int round = 0; round < 12 && *len; round++) {
        cairn_status st;
        bytes_reset(&k->scratch);
        st = wrap(&k->scratch, k->p, c, *len, (uint32_t)k->n + 1);
        if (st)
            return st;
        *tokens = count(k->p, k->scratch.data, k->scratch.len);
        if (*tokens <= left) {
            if (*len < c->text_len && *tokens < k->p->min_tokens)
                *len = 0;
            return CAIRN_OK;
        }
        if (left < k->p->min_tokens)
            break;
        /* Aim a little below the share that fits, and end at a sentence. */
        size_t aim = (size_t)((double)*len * (double)left / (double)*tokens * 0.98);
        size_t end = sentence_end(c->text, aim);
        *len = end > aim / 2 ? end : round < 8 ? utf8_floor(c->text, aim) : 0;
    }
    *len = 0;
    return CAIRN_OK;
}

static cairn_status choose(choosing *k, size_t n, size_t *n_repeated)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n && k->n < k->p->max_passages; i++) {
        const context_candidate *c = &k->candidates[i];
        size_t len, tokens;
        st = make_shingles(c->text, c->text_len, k->a, &k->words[k->n]);
        if (st)
            break;
        if (repeats(k, c, &k->words[k->n])) {
            ++*n_repeated;
            continue;
        }
        st = fit(k, c, &len, &tokens);
        if (st || !len)
            continue;
        k->taken[k->n] = i;
        k->text_len[k->n++] = len;
        k->tokens += tokens;
    }
    return st;
}

/* Place of the i-th strongest of n: 0 2 4 ... 5 3 1, so the ends hold the best. */
static size_t place_of(size_t i, size_t n, bool ends_first)
{
    if (!ends_first)
        return i;
    return i % 2 ? n - 1 - i / 2 : i / 2;
}

static cairn_status write_out(choosing *k, context *out)
{
    bytes text;
    cairn_status st = CAIRN_OK;
    size_t *order = arena_calloc(k->a, k->n + 1, sizeof *order);

    out->passages = arena_calloc(k->a, k->n + 1, sizeof *out->passages);
    if (!order || !out->passages)
        return CAIRN_ENOMEM;
    for (size_t i = 0; i < k->n; i++)
        order[place_of(i, k->n, k->p->ends_first)] = i;
    bytes_init(&text, PASSAGE_BYTES);
    for (size_t at = 0; !st && at < k->n; at++) {
        size_t i = order[at], start = text.len;
        st = wrap(&text, k->p, &k->candidates[k->taken[i]], k->text_len[i], (uint32_t)at + 1);
        out->passages[at] = (context_passage){.n = (uint32_t)at + 1,
                                              .candidate = k->taken[i],
                                              .text_len = k->text_len[i],
                                              .start = start,
                                              .end = text.len};
    }
    out->n_passages = k->n;
    out->len = text.len;
    out->tokens = k->tokens;
    out->text = st ? NULL : arena_strndup(k->a, text.data ? text.data : "", text.len);
    bytes_clear(&text);
    return st ? st : out->text ? CAIRN_OK : CAIRN_ENOMEM;
}

cairn_status context_assemble(const context_candidate *candidates, size_t n,
                              const context_params *params, arena *a, context *out,
                              cairn_error *err)
{
    context_params defaults;
    choosing k = {.candidates = candidates, .p = params ? params : &defaults, .a = a};
    cairn_status st;

    *out = (context){0};
    context_params_default(&defaults);
    bytes_init(&k.scratch, PASSAGE_BYTES);
    k.taken = arena_calloc(a, n + 1, sizeof *k.taken);
    k.text_len = arena_calloc(a, n + 1, sizeof *k.text_len);
    k.words = arena_calloc(a, n + 1, sizeof *k.words);
    st = k.taken && k.text_len && k.words ? CAIRN_OK : CAIRN_ENOMEM;
    if (!st)
        st = choose(&k, n, &out->n_repeated);
    if (!st)
        st = write_out(&k, out);
    bytes_clear(&k.scratch);
    return st ? cairn_fail(err, st, "context of %zu passages", n) : CAIRN_OK;
}
