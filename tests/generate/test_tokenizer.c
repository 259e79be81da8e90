/* test_tokenizer.c - tokenizers on small vocabularies made here: merging against a plain twin, the
 * fence round special tokens, any bytes, words cut as the expressions say, broken vocabularies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"
#include "generate/tokenize/pretokenize.h"
#include "generate/tokenize/tokenizer.h"
#include "tests/generate/make_gguf.h"

static uint64_t rng;

static uint64_t rnd(void)
{
    rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
    return rng >> 16;
}

static int seed(void **state)
{
    (void)state;
    const char *given = getenv("CAIRN_SEED");
    uint64_t s = given ? strtoull(given, NULL, 0) : (uint64_t)getpid() * 2654435761u;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)s);
    rng = s * 2 + 1;
    return 0;
}

typedef struct model {
    bytes b;
    gguf *g;
    tokenizer *t;
} model;

static void open_model(model *m)
{
    cairn_error err = { 0 };
    if (gguf_open_memory(&m->g, m->b.data, m->b.len, "test.gguf", &err) ||
        tokenizer_from_gguf(&m->t, m->g, &err))
        fail_msg("%s", err.text);
}

static void close_model(model *m)
{
    tokenizer_destroy(m->t);
    gguf_close(m->g);
    bytes_clear(&m->b);
}

static void open_small(model *m, const char *pre)
{
    bytes_init(&m->b, 1 << 20);
    make_bpe_model(&m->b, pre);
    open_model(m);
}

/* ---- merging ---- */

#define LETTERS 4
#define MAX_MERGES 40
#define MAX_TOKENS (256 + MAX_MERGES)

typedef struct twin {
    char text[MAX_TOKENS][64]; /* tokens 256.. ; below: single bytes */
    int left[MAX_MERGES], right[MAX_MERGES];
    int n;
} twin;

static size_t twin_text(const twin *w, int id, char *out)
{
    if (id < 256) {
        out[0] = (char)id;
        return 1;
    }
    strcpy(out, w->text[id - 256]);
    return strlen(out);
}

/* A vocabulary of all bytes and random merges over a few letters, as a file. */
static void random_bpe(twin *w, bytes *b)
{
    char c[3] = { 0 }, l[64], r[64];
    w->n = 0;
    while (w->n < MAX_MERGES) {
        int all = LETTERS + w->n;
        int x = (int)(rnd() % (unsigned)all), y = (int)(rnd() % (unsigned)all);
        x = x < LETTERS ? 'a' + x : 256 + x - LETTERS;
        y = y < LETTERS ? 'a' + y : 256 + y - LETTERS;
        size_t n = twin_text(w, x, l), m = twin_text(w, y, r);
        if (n + m > 20)
            continue;
        l[n] = r[m] = 0;
        char joined[64];
        snprintf(joined, sizeof joined, "%.30s%.30s", l, r);
        bool known = false;
        for (int i = 0; i < w->n; i++)
            known = known || !strcmp(w->text[i], joined);
        if (known)
            continue;
        strcpy(w->text[w->n], joined);
        w->left[w->n] = x;
        w->right[w->n++] = y;
    }
    make_header(b, 3, 0, 4);
    make_text(b, "tokenizer.ggml.model", "gpt2");
    make_text(b, "tokenizer.ggml.pre", "qwen2");
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 256 + (uint64_t)w->n);
    for (unsigned i = 0; i < 256; i++) {
        size_t n = make_alphabet_char(i, c);
        bytes_append_u64(b, n);
        bytes_append(b, c, n);
    }
    for (int i = 0; i < w->n; i++)
        make_string(b, w->text[i]);
    make_array(b, "tokenizer.ggml.merges", GGUF_STRING, (uint64_t)w->n);
    for (int i = 0; i < w->n; i++) {
        char pair[130];
        l[twin_text(w, w->left[i], l)] = 0;
        r[twin_text(w, w->right[i], r)] = 0;
        snprintf(pair, sizeof pair, "%s %s", l, r);
        make_string(b, pair);
    }
}

/* The plain rule: again and again the leftmost pair of the lowest rank. */
static size_t twin_encode(const twin *w, const char *s, size_t n, int *ids)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint8_t)s[i];
    for (;;) {
        int best = w->n;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (int k = 0; k < best; k++)
                if (w->left[k] == ids[i] && w->right[k] == ids[i + 1]) {
                    best = k;
                    at = i;
                }
        if (best == w->n)
            return n;
        ids[at] = 256 + best;
        n--;
        memmove(ids + at + 1, ids + at + 2, (n - at - 1) * sizeof *ids);
    }
}

static void merges_like_the_plain_twin(void **state)
{
    (void)state;
    static twin w;
    static int want[400];
    for (int round = 0; round < 40; round++) {
        model m = { .g = NULL };
        bytes_init(&m.b, 1 << 20);
        random_bpe(&w, &m.b);
        open_model(&m);
        for (int k = 0; k < 60; k++) {
            char s[400];
            /* Short words take one way through the code, words above 24 bytes another. */
            size_t n = 1 + rnd() % (k % 2 ? 24 : sizeof s - 1);
            token_list got = { 0 };
            for (size_t i = 0; i < n; i++)
                s[i] = (char)('a' + rnd() % LETTERS);
            size_t n_want = twin_encode(&w, s, n, want);
            assert_int_equal(tokenizer_encode(m.t, s, n, 0, &got, NULL), 0);
            if (got.n != n_want || memcmp(got.ids, want, n_want * sizeof *want))
                fail_msg("round %d: %.*s", round, (int)n, s);
            token_list_clear(&got);
        }
        close_model(&m);
    }
}

/* ---- special tokens, any bytes ---- */

static void fences_special_tokens(void **state)
{
    (void)state;
    model m = { .g = NULL };
    token_list l = { 0 };
    bytes out;
    const char text[] = "<|im_start|>hello<tool><|im_end|>";

    open_small(&m, "qwen2");
    bytes_init(&out, 1 << 16);
    token_id start = tokenizer_find(m.t, "<|im_start|>", 12), tool = tokenizer_find(m.t, "<tool>", 6);
    assert_int_equal(start, 263);
    assert_int_equal(tool, 265);
    assert_true(tokenizer_is_control(m.t, start) && !tokenizer_is_control(m.t, tool));
    assert_true(tokenizer_is_eog(m.t, 264) && !tokenizer_is_eog(m.t, start));
    assert_int_equal(tokenizer_encode(m.t, text, sizeof text - 1, TOKENIZE_PARSE_SPECIAL, &l, NULL), 0);
    assert_int_equal(l.n, 4);
    assert_int_equal(l.ids[0], start);
    assert_int_equal(l.ids[1], tokenizer_find(m.t, "hello", 5));
    assert_int_equal(tokenizer_decode(m.t, l.ids, l.n, 0, &out, NULL), 0);
    assert_string_equal(out.data, "hello<tool>"); /* control tokens are left out */
    bytes_reset(&out);
    assert_int_equal(tokenizer_decode(m.t, l.ids, l.n, DETOKENIZE_SPECIAL, &out, NULL), 0);
    assert_string_equal(out.data, text);
    l.n = 0;
    assert_int_equal(tokenizer_encode(m.t, text, sizeof text - 1, 0, &l, NULL), 0);
    bool has_tool = false;
    for (size_t i = 0; i < l.n; i++) {
        assert_true(l.ids[i] != start && l.ids[i] != 264);
        has_tool = has_tool || l.ids[i] == tool;
    }
    assert_true(has_tool); /* user-defined: always a token */
    token_id wild = 5000;
    cairn_error err;
    assert_int_equal(tokenizer_decode(m.t, &wild, 1, 0, &out, &err), CAIRN_EUSAGE);
    wild = -1;
    assert_int_equal(tokenizer_decode(m.t, &wild, 1, 0, &out, &err), CAIRN_EUSAGE);
    token_list_clear(&l);
    bytes_clear(&out);
    close_model(&m);
}

static void takes_any_bytes(void **state)
{
    (void)state;
    static const char *const pres[] = { "qwen2", "smollm", "gpt-2", "llama-bpe" };
    for (size_t p = 0; p < 4; p++) {
        model m = { .g = NULL };
        open_small(&m, pres[p]);
        for (int round = 0; round < 3000; round++) {
            char s[64];
            size_t n = rnd() % sizeof s;
            token_list l = { 0 };
            bytes out, fixed;
            for (size_t i = 0; i < n; i++)
                s[i] = rnd() % 3 ? (char)(rnd() % 128) : (char)rnd();
            bytes_init(&out, 1 << 16);
            bytes_init(&fixed, 1 << 16);
            assert_int_equal(tokenizer_encode(m.t, s, n, 0, &l, NULL), 0);
            assert_int_equal(tokenizer_decode(m.t, l.ids, l.n, 0, &out, NULL), 0);
            if (utf8_valid(s, n))
                assert_true(out.len == n && (!n || !memcmp(out.data, s, n)));
            else
                assert_true(utf8_valid(out.data ? out.data : "", out.len));
            token_list_clear(&l);
            bytes_clear(&out);
            bytes_clear(&fixed);
        }
        close_model(&m);
    }
}

/* ---- where words are cut ---- */

static const struct {
    const char *pre, *text, *cut; /* words joined by | */
} words[] = {
    { "qwen2", "Hello world  x", "Hello| world| | x" },
    { "qwen2", "I'm you'LL it's", "I|'m| you|'LL| it|'s" },
    { "qwen2", "a1234", "a|1|2|3|4" },
    { "llama3", "a1234 567", "a|123|4| |567" },
    { "qwen2", "x\n\n  y", "x|\n\n| | y" },
    { "qwen2", "end  \n", "end|  \n" },
    { "qwen2", "(foo) ...\n\nbar", "(foo|)| ...\n\n|bar" },
    { "qwen2", "tab\tx", "tab|\tx" },
    { "gpt-2", "Hello  world 12 !?", "Hello| | world| 12| !?" },
    { "gpt-2", "I'm I'M", "I|'m| I|'|M" },
    { "smollm", "a 12  3 b", "a| |1|2|  |3| b" },
    { "qwen2", "\xE4\xB8\xAD\xE6\x96\x87\xE3\x80\x82x", "\xE4\xB8\xAD\xE6\x96\x87|\xE3\x80\x82x" },
    { "qwen2", "a\xC2\xA0 b", "a|\xC2\xA0| b" }, /* no-break space is white space */
    { "qwen2", "\xD9\xA1\xD9\xA2", "\xD9\xA1|\xD9\xA2" }, /* Arabic digits are numbers */
};

static void cuts_words_as_the_expressions_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const pretokenizer *p = pretokenizer_find(words[i].pre, strlen(words[i].pre));
        size_t len = strlen(words[i].text);
        pretokenize_state at_work = { { 0 } };
        char cut[256];
        size_t n = 0;
        assert_non_null(p);
        for (size_t at = 0; at < len;) {
            size_t end = pretokenize_next(p, &at_work, words[i].text, len, at);
            assert_true(end > at && end <= len);
            if (at)
                cut[n++] = '|';
            memcpy(cut + n, words[i].text + at, end - at);
            n += end - at;
            at = end;
        }
        cut[n] = 0;
        if (strcmp(cut, words[i].cut))
            fail_msg("%s: want %s got %s", words[i].pre, words[i].cut, cut);
    }
    assert_null(pretokenizer_find("qwen", 4));
}

/* ---- broken vocabularies, threads ---- */

static void refuses(const char *name, void (*write)(bytes *b), const char *word)
{
    bytes b;
    gguf *g = NULL;
    tokenizer *t;
    cairn_error err = { 0 };
    bytes_init(&b, 1 << 16);
    write(&b);
    if (gguf_open_memory(&g, b.data, b.len, "test.gguf", &err))
        fail_msg("%s: %s", name, err.text);
    cairn_status st = tokenizer_from_gguf(&t, g, &err);
    if (st != CAIRN_EMODEL || !strstr(err.text, word) || t)
        fail_msg("%s: status %d: %s", name, st, err.text);
    gguf_close(g);
    bytes_clear(&b);
}

static void no_model(bytes *b)
{
    make_header(b, 3, 0, 0);
}
static void strange_model(bytes *b)
{
    make_header(b, 3, 0, 1);
    make_text(b, "tokenizer.ggml.model", "rwkv");
}
static void no_tokens(bytes *b)
{
    make_header(b, 3, 0, 2);
    make_text(b, "tokenizer.ggml.model", "gpt2");
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 0);
}
static void strange_pre(bytes *b)
{
    make_bpe_model(b, "mystery");
}
static void types_too_short(bytes *b)
{
    make_header(b, 3, 0, 3);
    make_text(b, "tokenizer.ggml.model", "gpt2");
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 1);
    make_string(b, "a");
    make_array(b, "tokenizer.ggml.token_type", GGUF_I32, 0);
}
static void id_outside(bytes *b)
{
    make_header(b, 3, 0, 3);
    make_text(b, "tokenizer.ggml.model", "gpt2");
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 1);
    make_string(b, "a");
    make_u32(b, "tokenizer.ggml.eos_token_id", 9);
}
static void no_merges(bytes *b)
{
    make_header(b, 3, 0, 2);
    make_text(b, "tokenizer.ggml.model", "gpt2");
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 1);
    make_string(b, "a");
}
static void merge_without_space(bytes *b)
{
    make_header(b, 3, 0, 3);
    make_text(b, "tokenizer.ggml.model", "gpt2");
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 1);
    make_string(b, "a");
    make_array(b, "tokenizer.ggml.merges", GGUF_STRING, 1);
    make_string(b, "ab");
}
static void scores_too_short(bytes *b)
{
    make_header(b, 3, 0, 3);
    make_text(b, "tokenizer.ggml.model", "llama");
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 1);
    make_string(b, "a");
    make_array(b, "tokenizer.ggml.scores", GGUF_F32, 0);
}
static void bert_without_cls(bytes *b)
{
    make_header(b, 3, 0, 2);
    make_text(b, "tokenizer.ggml.model", "bert");
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 1);
    make_string(b, "a");
}

static void refuses_broken_vocabularies(void **state)
{
    (void)state;
    refuses("no model", no_model, "tokenizer.ggml.model is missing");
    refuses("strange model", strange_model, "rwkv");
    refuses("no tokens", no_tokens, "tokenizer.ggml.tokens");
    refuses("strange pre-tokenizer", strange_pre, "mystery");
    refuses("types too short", types_too_short, "token_type");
    refuses("id outside", id_outside, "eos_token_id");
    refuses("no merges", no_merges, "merges");
    refuses("merge without space", merge_without_space, "merges[0]");
    refuses("scores too short", scores_too_short, "scores");
    refuses("bert without [CLS]", bert_without_cls, "[CLS]");
    tokenizer *t;
    cairn_error err;
    assert_int_equal(tokenizer_from_wordpiece(&t, "/nonexistent/vocab.txt", &err), CAIRN_EMODEL);
    tokenizer_destroy(NULL);
}

/* BERT in GGUF: the pieces are spelt the other way round, the ids come out the same. */
static void reads_bert_from_gguf(void **state)
{
    (void)state;
    static const char *const pieces[] = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", "\xE2\x96\x81un",
                                          "happ", "y", "\xE2\x96\x81,", "\xE2\x96\x81xy" };
    static const token_id want[] = { 2, 4, 5, 6, 7, 8, 1, 3 };
    model m = { .g = NULL };
    token_list l = { 0 };

    bytes_init(&m.b, 1 << 16);
    make_header(&m.b, 3, 0, 2);
    make_text(&m.b, "tokenizer.ggml.model", "bert");
    make_array(&m.b, "tokenizer.ggml.tokens", GGUF_STRING, 9);
    for (size_t i = 0; i < 9; i++)
        make_string(&m.b, pieces[i]);
    open_model(&m);
    assert_int_equal(tokenizer_encode(m.t, "\xC3\x9Anhappy, XY zz", 16, TOKENIZE_ADD_SPECIAL, &l, NULL), 0);
    assert_int_equal(l.n, 8);
    assert_memory_equal(l.ids, want, sizeof want);
    token_list_clear(&l);
    close_model(&m);
}

static void *encode_often(void *arg)
{
    const model *m = arg;
    for (int i = 0; i < 2000; i++) {
        static const char text[] = "hello hello world <tool> 42";
        token_list l = { 0 };
        if (tokenizer_encode(m->t, text, sizeof text - 1, 0, &l, NULL) || l.n != 12)
            return "wrong";
        token_list_clear(&l);
    }
    return NULL;
}

static void serves_threads(void **state)
{
    (void)state;
    model m = { .g = NULL };
    pthread_t threads[4];
    token_list l = { 0 };
    open_small(&m, "qwen2");
    assert_int_equal(tokenizer_encode(m.t, "hello hello world <tool> 42", 27, 0, &l, NULL), 0);
    size_t n = l.n; /* hello, Ghello, space, wo, r, l, d, space, <tool>, space, 4, 2 */
    assert_int_equal(n, 12);
    token_list_clear(&l);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, encode_often, &m), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        if (wrong)
            fail_msg("a thread saw other tokens than %zu", n);
    }
    close_model(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_like_the_plain_twin),
        cmocka_unit_test(fences_special_tokens),
        cmocka_unit_test(takes_any_bytes),
        cmocka_unit_test(cuts_words_as_the_expressions_say),
        cmocka_unit_test(refuses_broken_vocabularies),
        cmocka_unit_test(reads_bert_from_gguf),
        cmocka_unit_test(serves_threads),
    };
    return cmocka_run_group_tests(tests, seed, NULL);
}
