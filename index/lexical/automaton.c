/* automaton.c - the tables of automaton.h and the lazily made states. */
#include "index/lexical/automaton.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "index/text/fold.h"

#define BUCKETS 4096 /* a power of two */
#define PATTERN_MAX 1024 /* bytes of a wildcard pattern */
#define STEPS_MAX   ((size_t)1 << 20)

/* ---- classes ---- */

size_t automaton_class_of(const automaton *a, uint32_t cp)
{
    size_t low = 0, high = a->n_bounds;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (a->bound[mid] <= cp)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int rising(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Number the classes that the 2 * n bounds of n ranges cut the code points into. */
static bool make_classes(automaton *a, arena *memory, const automaton_range *range, size_t n)
{
    size_t kept = 0;

    a->bound = arena_calloc(memory, 2 * n + 1, sizeof *a->bound);
    if (!a->bound)
        return false;
    for (size_t i = 0; i < n; i++) {
        a->bound[2 * i] = range[i].lo;
        a->bound[2 * i + 1] = range[i].hi + 1;
    }
    qsort(a->bound, 2 * n, sizeof *a->bound, rising);
    for (size_t i = 0; i < 2 * n; i++)
        if (!kept || a->bound[kept - 1] != a->bound[i])
            a->bound[kept++] = a->bound[i];
    a->n_bounds = kept;
    a->n_classes = kept + 1;
    for (uint32_t c = 0; c < 128; c++)
        a->ascii[c] = (uint16_t)automaton_class_of(a, c);
    a->of_class = arena_calloc(memory, a->n_classes, sizeof *a->of_class);
    return a->of_class != NULL;
}

/* ---- states ---- */

static bool start_table(automaton *a)
{
    a->max_states = STEPS_MAX / a->n_classes;
    if (a->max_states > AUTOMATON_STATES)
        a->max_states = AUTOMATON_STATES;
    if (a->max_states < AUTOMATON_STATES_MIN)
        a->max_states = AUTOMATON_STATES_MIN;
    a->states = checked_malloc(a->max_states, sizeof *a->states);
    a->steps = checked_malloc(a->max_states * a->n_classes, sizeof *a->steps);
    a->buckets = checked_malloc(BUCKETS, sizeof *a->buckets);
    if (!a->states || !a->steps || !a->buckets)
        return false;
    automaton_flush(a);
    return true;
}

void automaton_clear(automaton *a)
{
    free(a->states);
    free(a->steps);
    free(a->buckets);
    a->states = NULL;
    a->steps = a->buckets = NULL;
}

static size_t bucket_of(const automaton_set *s)
{
    uint64_t h = 0;
    for (size_t i = 0; i < AUTOMATON_WORDS; i++) {
        h = (h ^ s->w[i]) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    return (size_t)(h & (BUCKETS - 1));
}

/* What a set of positions means: where it leads and whether it ends a word. */
static void fill_state(const automaton *a, automaton_state *s)
{
    s->accepts = 0;
    if (a->fuzzy) {
        s->reach = s->at;
        for (unsigned e = a->edits + 1; e--;)
            if (s->at.w[e] >> a->length & 1)
                s->accepts = (uint8_t)(1 + e);
        return;
    }
    memset(&s->reach, 0, sizeof s->reach);
    for (size_t w = 0; w < AUTOMATON_WORDS; w++) {
        if (s->at.w[w] & a->last.w[w])
            s->accepts = 1;
        for (uint64_t bits = s->at.w[w]; bits; bits &= bits - 1)
            set_join(&s->reach, &a->follow[64 * w + (size_t)__builtin_ctzll(bits)]);
    }
}

void automaton_flush(automaton *a)
{
    automaton_state *start = &a->states[AUTOMATON_START];

    memset(a->steps, 0xFF, 2 * a->n_classes * sizeof *a->steps);
    memset(a->steps, 0, a->n_classes * sizeof *a->steps); /* dead stays dead */
    memset(a->buckets, 0, BUCKETS * sizeof *a->buckets);
    memset(a->states, 0, 2 * sizeof *a->states);
    a->n_states = 2;
    if (a->fuzzy) {
        for (unsigned e = 0; e <= a->edits; e++) /* the first e letters may be left out */
            start->at.w[e] = ((uint64_t)2 << e) - 1;
        fill_state(a, start);
    } else {
        start->reach = a->first;
        start->accepts = a->nullable;
    }
}

/* One letter: rows 0..2 are positions reached with so many edits, rows 3 and 4 those that have read
 * the letter after next and wait for the one between (the exchange of two neighbours). */
static void fuzzy_step(const automaton *a, const automaton_set *at, uint64_t letter,
                       automaton_set *to)
{
    uint64_t mask = ((uint64_t)2 << a->length) - 1;

    memset(to, 0, sizeof *to);
    for (unsigned e = 0; e <= a->edits; e++) {
        uint64_t row = (at->w[e] & letter) << 1;
        if (e) {
            row |= at->w[e - 1] | at->w[e - 1] << 1;        /* inserted, or another letter */
            row |= (at->w[2 + e] & letter) << 2;            /* exchanged: the second half */
            row |= to->w[e - 1] << 1;                       /* left out */
            to->w[2 + e] = at->w[e - 1] & letter >> 1;
        }
        to->w[e] = row & mask;
    }
}

uint32_t automaton_new_step(automaton *a, uint32_t state, size_t class)
{
    const automaton_state *from = &a->states[state];
    uint32_t *step = &a->steps[state * a->n_classes + class], i;
    automaton_state to = {0};
    size_t bucket;
    uint64_t any = 0;

    if (a->fuzzy)
        fuzzy_step(a, &from->at, a->of_class[class].w[0], &to.at);
    else
        for (size_t w = 0; w < AUTOMATON_WORDS; w++)
            to.at.w[w] = from->reach.w[w] & a->of_class[class].w[w];
    for (size_t w = 0; w < AUTOMATON_WORDS; w++)
        any |= to.at.w[w];
    if (!any)
        return *step = AUTOMATON_DEAD;
    bucket = bucket_of(&to.at);
    for (i = a->buckets[bucket]; i; i = a->states[i].next)
        if (!memcmp(&a->states[i].at, &to.at, sizeof to.at))
            return *step = i;
    if (a->n_states == a->max_states)
        return AUTOMATON_FULL;
    i = (uint32_t)a->n_states++;
    fill_state(a, &to);
    to.next = a->buckets[bucket];
    a->buckets[bucket] = i;
    a->states[i] = to;
    memset(&a->steps[i * a->n_classes], 0xFF, a->n_classes * sizeof *a->steps);
    return *step = i;
}

unsigned automaton_accepts(automaton *a, const char *word, size_t len)
{
    uint32_t state = AUTOMATON_START;

    for (size_t i = 0; i < len && state != AUTOMATON_DEAD;) {
        uint32_t cp;
        i += utf8_decode(word + i, len - i, &cp, NULL);
        state = automaton_step(a, state, cp);
        if (state == AUTOMATON_FULL) { /* a word has fewer letters than the table states */
            automaton_flush(a);
            state = AUTOMATON_START;
            i = 0;
        }
    }
    return a->states[state].accepts;
}

/* ---- sorted words ---- */

void automaton_walk_init(automaton_walk *w, automaton *a)
{
    w->a = a;
    w->fresh = true;
    w->state[0] = AUTOMATON_START;
    w->dead = SIZE_MAX;
}

unsigned automaton_walk_word(automaton_walk *w, const char *text, size_t len, size_t shared)
{
    size_t i = w->fresh ? 0 : shared < len ? shared : len;

    w->fresh = false;
    if (w->dead <= i)
        return 0;
    while (i && i < len && ((uint8_t)text[i] & 0xC0) == 0x80)
        i--;
    w->dead = SIZE_MAX;
    while (i < len) {
        uint32_t cp = (uint8_t)text[i], state;
        size_t n = 1;
        if (cp >= 0x80)
            n = utf8_decode(text + i, len - i, &cp, NULL);
        state = automaton_step(w->a, w->state[i], cp);
        if (state == AUTOMATON_FULL) { /* a word has fewer letters than the table states */
            automaton_flush(w->a);
            i = 0;
            continue;
        }
        i += n;
        w->state[i] = state;
        if (state == AUTOMATON_DEAD) {
            w->dead = i;
            return 0;
        }
    }
    return w->a->states[w->state[len]].accepts;
}

bool automaton_may_skip(automaton *a, const uint8_t head[8], const uint8_t next[8])
{
    size_t n = 0;

    while (n < 8 && head[n] && head[n] == next[n])
        n++;
    n = utf8_floor((const char *)head, n);
    for (uint32_t state = AUTOMATON_START, i = 0; i < n;) {
        uint32_t cp;
        i += (uint32_t)utf8_decode((const char *)head + i, n - i, &cp, NULL);
        state = automaton_step(a, state, cp);
        if (state == AUTOMATON_FULL) {
            automaton_flush(a);
            return false;
        }
        if (state == AUTOMATON_DEAD)
            return true;
    }
    return false;
}

/* ---- patterns ---- */

cairn_status automaton_regex(automaton *a, arena *memory, const char *text, size_t len,
                             cairn_error *err)
{
    automaton_classes c = {0};
    cairn_status st;
    size_t from = 0;

    *a = (automaton){0};
    st = regex_positions(a, &c, memory, text, len, err);
    if (st)
        return st;
    if (!make_classes(a, memory, c.range, c.n))
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for a pattern");
    for (size_t i = 0; i < a->n_positions; from = c.end[i++])
        for (size_t r = from; r < c.end[i]; r++) {
            size_t k = automaton_class_of(a, c.range[r].lo);
            for (; k < a->n_classes && (!k || a->bound[k - 1] <= c.range[r].hi); k++)
                set_put(&a->of_class[k], i);
        }
    return start_table(a) ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "no memory for a pattern");
}

cairn_status automaton_wildcard(automaton *a, arena *memory, const char *text, size_t len,
                                cairn_error *err)
{
    char re[2 * PATTERN_MAX + 2];
    size_t n = 0;

    *a = (automaton){0};
    if (!len || len > PATTERN_MAX)
        return cairn_fail(err, len ? CAIRN_ELIMIT : CAIRN_EUSAGE, "a pattern of %zu bytes", len);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '*') {
            if (i && text[i - 1] == '*')
                continue;
            re[n++] = '.';
            re[n++] = '*';
        } else if (text[i] == '?') {
            re[n++] = '.';
        } else {
            if (strchr(".[]()|+{}\\^$/", text[i]))
                re[n++] = '\\';
            re[n++] = text[i];
        }
    }
    return automaton_regex(a, memory, re, n, err);
}

cairn_status automaton_fuzzy(automaton *a, arena *memory, const char *text, size_t len,
                             unsigned edits, cairn_error *err)
{
    char cased[FOLD_MAX], word[FOLD_MAX];
    uint32_t letter[AUTOMATON_FUZZY_MAX];
    automaton_range range[AUTOMATON_FUZZY_MAX];
    size_t n;

    *a = (automaton){.fuzzy = true, .edits = edits < 2 ? edits : 2};
    n = fold_marks(cased, fold_case(text, len, cased), word);
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        i += utf8_decode(word + i, n - i, &cp, NULL);
        if (a->length == AUTOMATON_FUZZY_MAX)
            return cairn_fail(err, CAIRN_ELIMIT, "a fuzzy word has at most %d letters",
                              AUTOMATON_FUZZY_MAX);
        letter[a->length] = cp;
        range[a->length++] = (automaton_range){cp, cp};
    }
    if (!a->length)
        return cairn_fail(err, CAIRN_EUSAGE, "a fuzzy word needs a letter");
    if (!make_classes(a, memory, range, a->length) || !start_table(a))
        return cairn_fail(err, CAIRN_ENOMEM, "no memory for a pattern");
    for (unsigned i = 0; i < a->length; i++)
        a->of_class[automaton_class_of(a, letter[i])].w[0] |= (uint64_t)1 << i;
    return CAIRN_OK;
}
