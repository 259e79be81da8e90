/* wordlists.c - see wordlists.h. Rules become pairs (left phrase, right phrase), sorted by the left
 * one, which is kept as its folded words with a blank between. */
#include "index/text/wordlists.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/utf8.h"
#include "index/text/analyzer.h"

/* ---- lines ---- */

typedef struct lines {
    const char *p, *end, *name;
    const char *line;
    size_t len;
    uint32_t number;
} lines;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void trim(const char **s, size_t *len)
{
    while (*len && is_blank(**s)) {
        ++*s;
        --*len;
    }
    while (*len && is_blank((*s)[*len - 1]))
        --*len;
}

/* The next line that says something, trimmed. */
static bool next_line(lines *l)
{
    while (l->p < l->end) {
        const char *stop = memchr(l->p, '\n', (size_t)(l->end - l->p));
        stop = stop ? stop : l->end;
        l->line = l->p;
        l->len = (size_t)(stop - l->p);
        l->p = stop < l->end ? stop + 1 : stop;
        if (++l->number == 1 && l->len >= 3 && !memcmp(l->line, "\xEF\xBB\xBF", 3)) {
            l->line += 3; /* a byte order mark */
            l->len -= 3;
        }
        trim(&l->line, &l->len);
        if (l->len && *l->line != '#')
            return true;
    }
    return false;
}

static cairn_status bad_line(const lines *l, cairn_error *err, const char *what)
{
    return cairn_fail(err, CAIRN_EUSAGE, "%s, line %u: %s", l->name, l->number, what);
}

static cairn_status begin_lines(lines *l, const char *text, size_t len, const char *name,
                                cairn_error *err)
{
    *l = (lines){.p = text, .end = text + len, .name = name};
    if (len > WORDLIST_BYTES_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "%s: a list of more than %zu MiB of words", name,
                          WORDLIST_BYTES_MAX >> 20);
    return memchr(text, 0, len) ? cairn_fail(err, CAIRN_EUSAGE, "%s: not a text file", name)
                                : CAIRN_OK;
}

/* ---- stop words ---- */

typedef struct stop_entry {
    size_t text;
    bool keep;
} stop_entry;

struct stop_list {
    bytes texts; /* NUL-terminated */
    stop_entry *at;
    size_t n, cap;
};

void stop_list_destroy(stop_list *l)
{
    if (!l)
        return;
    bytes_clear(&l->texts);
    free(l->at);
    free(l);
}

static int by_stop_text(const void *a, const void *b, void *ctx)
{
    const stop_list *l = ctx;
    return strcmp(l->texts.data + ((const stop_entry *)a)->text,
                  l->texts.data + ((const stop_entry *)b)->text);
}

static cairn_status add_stop(stop_list *l, const char *word, size_t len, bool keep)
{
    char form[ANALYZER_FORM_MAX];
    size_t n = analyzer_form(word, len, form);

    stop_entry *more = checked_room(l->at, l->n, &l->cap, sizeof *more);
    if (!more)
        return CAIRN_ENOMEM;
    l->at = more;
    l->at[l->n++] = (stop_entry){l->texts.len, keep};
    return bytes_append(&l->texts, form, n) ? CAIRN_ENOMEM : bytes_append_byte(&l->texts, 0);
}

cairn_status stop_list_parse(stop_list **out, const char *text, size_t len, const char *name,
                             cairn_error *err)
{
    lines l;
    stop_list *list = calloc(1, sizeof *list);
    cairn_status st = list ? begin_lines(&l, text, len, name, err) : CAIRN_ENOMEM;

    *out = NULL;
    if (list)
        bytes_init(&list->texts, 2 * WORDLIST_BYTES_MAX + 1);
    while (!st && next_line(&l)) {
        bool keep = *l.line == '-' && l.len > 1;
        for (size_t i = 0; i < l.len && !st; i++)
            if (is_blank(l.line[i]))
                st = bad_line(&l, err, "one word a line");
        if (!st)
            st = add_stop(list, l.line + keep, l.len - keep, keep);
    }
    if (st) {
        stop_list_destroy(list);
        return st == CAIRN_ENOMEM ? cairn_fail(err, st, "no memory for %s", name) : st;
    }
    if (list->n)
        qsort_r(list->at, list->n, sizeof *list->at, by_stop_text, list);
    *out = list;
    return CAIRN_OK;
}

stop_verdict stop_list_find(const stop_list *l, const char *form, size_t len)
{
    size_t low = 0, high = l->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const char *have = l->texts.data + l->at[mid].text;
        int c = strncmp(have, form, len);
        if (!c)
            c = have[len] != 0;
        if (!c)
            return l->at[mid].keep ? STOP_NO : STOP_YES;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return STOP_UNSAID;
}

/* ---- synonyms ---- */

typedef struct pair {
    size_t left, right; /* in texts; right SIZE_MAX: the left words themselves */
    uint32_t line;
} pair;

typedef struct rule {
    size_t left, phrases; /* in texts, in joined */
    size_t n;
    bool keep;
    uint32_t line;
} rule;

struct synonyms {
    bytes texts;  /* phrases, NUL-terminated */
    bytes joined; /* the right sides of each rule, one behind the other */
    pair *pairs;  /* while parsing */
    size_t n_pairs, cap_pairs;
    rule *rules; /* by left phrase */
    size_t n;
    size_t most_words; /* of a left phrase */
};

void synonyms_destroy(synonyms *s)
{
    if (!s)
        return;
    bytes_clear(&s->texts);
    bytes_clear(&s->joined);
    free(s->pairs);
    free(s->rules);
    free(s);
}

/* A phrase of a line: its text as written and its key in s->texts. */
typedef struct phrase {
    size_t text, key;
} phrase;

typedef struct side {
    phrase at[SYNONYM_PHRASES_MAX];
    size_t n;
} side;

typedef struct parsing {
    synonyms *s;
    analyzer *a;
    lines l;
    cairn_error *err;
} parsing;

static cairn_status append_text(bytes *b, const char *s, size_t n, size_t *at)
{
    *at = b->len;
    return bytes_append(b, s, n) || bytes_append_byte(b, 0) ? CAIRN_ENOMEM : CAIRN_OK;
}

/* The key of a phrase: its words folded, a blank between. */
static cairn_status make_key(parsing *p, const char *text, size_t len, size_t *key)
{
    const analyzer_token *t;
    size_t n, words = 0;
    cairn_status st = analyzer_run(p->a, "", text, len, &t, &n, p->err);

    *key = p->s->texts.len;
    for (size_t i = 0; i < n && !st; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t n_form = analyzer_form(text + t[i].start, t[i].end - t[i].start, form);
        if (t[i].extra)
            continue;
        if (++words > SYNONYM_WORDS_MAX)
            return bad_line(&p->l, p->err, "a phrase of more than 8 words");
        if ((words > 1 && bytes_append_byte(&p->s->texts, ' ')) ||
            bytes_append(&p->s->texts, form, n_form))
            st = CAIRN_ENOMEM;
    }
    if (!st && !words)
        st = bad_line(&p->l, p->err, "a phrase without a word");
    if (!st && words > p->s->most_words)
        p->s->most_words = words;
    return st ? st : bytes_append_byte(&p->s->texts, 0);
}

static cairn_status add_phrase(parsing *p, side *out, bytes *text)
{
    const char *s = text->len ? text->data : "";
    size_t len = text->len;
    phrase *ph = &out->at[out->n];
    cairn_status st;

    trim(&s, &len);
    if (!len)
        return bad_line(&p->l, p->err, "an empty place between commas");
    if (!utf8_valid(s, len))
        return bad_line(&p->l, p->err, "broken UTF-8");
    if (out->n == SYNONYM_PHRASES_MAX)
        return bad_line(&p->l, p->err, "more than 64 phrases");
    st = append_text(&p->s->texts, s, len, &ph->text);
    if (!st)
        st = make_key(p, s, len, &ph->key);
    out->n += !st;
    return st;
}

/* Read phrases up to the end of the line or, on the left side, an arrow. */
static cairn_status read_side(parsing *p, const char **at, bool *arrow, side *out)
{
    const char *end = p->l.line + p->l.len;
    bytes text;
    cairn_status st = CAIRN_OK;
    bool more = true;

    out->n = 0;
    *arrow = false;
    bytes_init(&text, WORDLIST_BYTES_MAX + 1);
    while (more && !st) {
        bytes_reset(&text);
        while (*at < end && **at != ',' && !st) {
            if (**at == '\\' && *at + 1 < end)
                ++*at;
            else if (**at == '=' && *at + 1 < end && (*at)[1] == '>')
                break;
            st = bytes_append_byte(&text, (uint8_t) * (*at)++);
        }
        if (!st)
            st = add_phrase(p, out, &text);
        more = *at < end && **at == ',';
        if (more)
            ++*at;
        else if (*at < end) {
            *at += 2;
            *arrow = true;
        }
    }
    bytes_clear(&text);
    return st;
}

static cairn_status add_pair(synonyms *s, size_t left, size_t right, uint32_t line)
{
    pair *more = checked_room(s->pairs, s->n_pairs, &s->cap_pairs, sizeof *more);
    if (!more)
        return CAIRN_ENOMEM;
    s->pairs = more;
    s->pairs[s->n_pairs++] = (pair){left, right, line};
    return CAIRN_OK;
}

static cairn_status read_rule(parsing *p)
{
    synonyms *s = p->s;
    const char *at = p->l.line;
    side left, right;
    bool arrow, again;
    cairn_status st = read_side(p, &at, &arrow, &left);

    if (st)
        return st;
    if (!arrow && left.n < 2)
        return bad_line(&p->l, p->err, "a word alone: write a, b or a => b");
    if (arrow) {
        st = read_side(p, &at, &again, &right);
        if (!st && again)
            st = bad_line(&p->l, p->err, "a second =>");
    }
    for (size_t i = 0; i < left.n && !st; i++) {
        const side *to = arrow ? &right : &left;
        for (size_t j = 0; j < to->n && !st; j++) {
            bool same = !strcmp(s->texts.data + left.at[i].key, s->texts.data + to->at[j].key);
            st = add_pair(s, left.at[i].key, same ? SIZE_MAX : to->at[j].text, p->l.number);
        }
    }
    return st;
}

static int by_left(const void *a, const void *b, void *ctx)
{
    const synonyms *s = ctx;
    const pair *x = a, *y = b;
    int c = strcmp(s->texts.data + x->left, s->texts.data + y->left);
    return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* Pairs with one left side become a rule; a right side counts once. */
static cairn_status make_rules(synonyms *s)
{
    if (s->n_pairs)
        qsort_r(s->pairs, s->n_pairs, sizeof *s->pairs, by_left, s);
    s->rules = checked_malloc(s->n_pairs + 1, sizeof *s->rules);
    if (!s->rules)
        return CAIRN_ENOMEM;
    for (size_t i = 0; i < s->n_pairs;) {
        const char *left = s->texts.data + s->pairs[i].left;
        rule *r = &s->rules[s->n++];
        *r = (rule){.left = s->pairs[i].left, .phrases = s->joined.len, .line = s->pairs[i].line};
        for (; i < s->n_pairs && !strcmp(s->texts.data + s->pairs[i].left, left); i++) {
            const char *right = NULL, *have = s->joined.data ? s->joined.data + r->phrases : "";
            bool again = false;
            size_t at;
            if (s->pairs[i].right == SIZE_MAX) {
                r->keep = true;
                continue;
            }
            right = s->texts.data + s->pairs[i].right;
            for (size_t j = 0; j < r->n && !again; j++, have += strlen(have) + 1)
                again = !strcmp(have, right);
            if (!again && append_text(&s->joined, right, strlen(right), &at))
                return CAIRN_ENOMEM;
            r->n += !again;
        }
    }
    free(s->pairs);
    s->pairs = NULL;
    return CAIRN_OK;
}

cairn_status synonyms_parse(synonyms **out, const char *text, size_t len, const char *name,
                            cairn_error *err)
{
    parsing p = {.s = calloc(1, sizeof *p.s), .err = err};
    cairn_status st = p.s ? begin_lines(&p.l, text, len, name, err) : CAIRN_ENOMEM;

    *out = NULL;
    if (p.s) {
        bytes_init(&p.s->texts, (size_t)1 << 30);
        bytes_init(&p.s->joined, (size_t)1 << 30);
    }
    if (!st)
        st = analyzer_create(&p.a, err);
    while (!st && next_line(&p.l))
        st = read_rule(&p);
    if (!st)
        st = make_rules(p.s);
    analyzer_destroy(p.a);
    if (st) {
        synonyms_destroy(p.s);
        return st == CAIRN_ENOMEM ? cairn_fail(err, st, "no memory for %s", name) : st;
    }
    *out = p.s;
    return CAIRN_OK;
}

/* Compare a left phrase with words joined by blanks. */
static int compare_left(const char *left, const char *const *forms, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(forms[i]);
        int c = strncmp(left, forms[i], len);
        if (c)
            return c;
        left += len;
        if (i + 1 < n) {
            if (*left != ' ')
                return *left ? (unsigned char)*left - ' ' : -1;
            left++;
        }
    }
    return *left ? 1 : 0;
}

bool synonyms_find(const synonyms *s, const char *const *forms, size_t n, synonym_match *out)
{
    for (size_t words = n < s->most_words ? n : s->most_words; words; words--) {
        size_t low = 0, high = s->n;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            const rule *r = &s->rules[mid];
            int c = compare_left(s->texts.data + r->left, forms, words);
            if (!c) {
                *out = (synonym_match){words, s->joined.data ? s->joined.data + r->phrases : "",
                                       r->n, r->keep, r->line};
                return true;
            }
            if (c < 0)
                low = mid + 1;
            else
                high = mid;
        }
    }
    return false;
}
