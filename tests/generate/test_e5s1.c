/* test_e5s1.c - the default embedder's file and its unigram tokenizer.
 *
 * On a small file: contents, cuts, changes; the tokenizer against a twin that tries every piece at
 * every position without table, filter or words. On the real model, where it is installed: against
 * the same twin's idea and the ids of the published tokenizer for a few sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "generate/tokenize/tokenizer.h"
#include "generate/formats/e5s1_gguf.h"
#include "generate/formats/gguf.h"
#include "tests/generate/make_e5s1.h"
#include "tests/generate/reference.h"

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

static cairn_status open_copy(const bytes *b, e5s1 **e, uint8_t **copy, cairn_error *err)
{
    *copy = malloc(b->len ? b->len : 1);
    assert_non_null(*copy);
    if (b->len)
        memcpy(*copy, b->data, b->len);
    return e5s1_open_memory(e, *copy, b->len, "test.bin", err);
}

static void reads_what_is_there(void **state)
{
    (void)state;
    bytes b;
    e5s1 *e;
    uint8_t *copy;
    const tensor *t;
    cairn_error err = { 0 };
    size_t len;

    bytes_init(&b, 1 << 16);
    make_e5s1(&b);
    if (open_copy(&b, &e, &copy, &err))
        fail_msg("%s", err.text);
    assert_int_equal(e5s1_get_shape(e)->hidden, 32);
    assert_int_equal(e5s1_get_shape(e)->n_pieces, MAKE_N_PIECES);
    assert_memory_equal(e5s1_piece(e, 9, &len), "bab", 3);
    assert_int_equal(len, 3);
    assert_int_equal(e5s1_normal_count(e), 3);
    assert_int_equal(e5s1_need(e, "emb.word", TENSOR_Q4_0, 32, MAKE_N_PIECES, &t, &err), 0);
    assert_int_equal(t->bytes, 18 * MAKE_N_PIECES);
    assert_int_equal(e5s1_need(e, "emb.word", TENSOR_Q4_0, 32, 7, &t, &err), CAIRN_EMODEL);
    assert_int_equal(e5s1_need(e, "emb.ln.w", TENSOR_F32, 32, 1, &t, &err), 0);
    assert_int_equal(e5s1_need(e, "emb.none", TENSOR_F32, 32, 1, &t, &err), CAIRN_EMODEL);
    e5s1_close(e);
    free(copy);
    bytes_clear(&b);
}

/* A score near the end of the floats made every path to a character count as unreached. */
static void refuses_endless_scores(void **state)
{
    (void)state;
    static const float scores[] = { -3e38f, 3e38f, -2e6f, -1e30f };
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
        bytes b;
        e5s1 *e;
        uint8_t *copy;
        bytes_init(&b, 1 << 16);
        make_e5s1(&b);
        memcpy(b.data + 64 + 4 * (MAKE_N_PIECES + 1) + 4 * 7, &scores[i], 4);
        assert_int_equal(open_copy(&b, &e, &copy, NULL), CAIRN_EMODEL);
        free(copy);
        bytes_clear(&b);
    }
}

static void refuses_cuts_and_survives_changes(void **state)
{
    (void)state;
    bytes b;
    e5s1 *e;
    uint8_t *copy;
    size_t opened = 0;

    bytes_init(&b, 1 << 16);
    make_e5s1(&b);
    size_t whole = b.len;
    char *clean = malloc(whole);
    memcpy(clean, b.data, whole);
    for (b.len = 0; b.len < whole; b.len++) {
        assert_int_equal(open_copy(&b, &e, &copy, NULL), CAIRN_EMODEL);
        free(copy);
    }
    for (int r = 0; r < 20000; r++) {
        memcpy(b.data, clean, whole);
        for (uint64_t k = rnd() % 4 + 1; k; k--) {
            static const uint8_t telling[] = { 0, 1, 0x7F, 0x80, 0xFF, 32 };
            b.data[rnd() % whole] = (char)(rnd() & 1 ? telling[rnd() % 6] : rnd());
        }
        if (!open_copy(&b, &e, &copy, NULL)) {
            tokenizer *t;
            volatile unsigned sum = 0;
            opened++;
            for (size_t i = 0; i < e5s1_tensor_count(e); i++)
                sum += e5s1_tensor_at(e, i)->data[e5s1_tensor_at(e, i)->bytes - 1];
            if (!tokenizer_from_e5s1(&t, e, NULL)) {
                token_list l = { 0 };
                assert_int_equal(tokenizer_encode(t, "ab \xC3\xA9\xFF" "aba\tb\xE4", 12, 1, &l, NULL), 0);
                token_list_clear(&l);
                tokenizer_destroy(t);
            }
            e5s1_close(e);
        }
        free(copy);
    }
    print_message("%zu of 20000 changed files still open\n", opened);
    free(clean);
    bytes_clear(&b);
}

/* The plain twin: normalise, then relax every piece at every character, over the whole text. */
static void twin(const e5s1 *e, const char *s, size_t len, token_list *out)
{
    const e5s1_shape *sh = e5s1_get_shape(e);
    char text[4096];
    size_t n = 0, i;
    double *best;
    struct {
        size_t from;
        token_id id;
    } *back;
    double unknown = 0;

    memcpy(text, "\xE2\x96\x81", 3);
    n = 3;
    for (i = 0; i < len;) {
        uint32_t cp, from, count;
        uint32_t to[256];
        size_t pos = 0, n_to = 1;
        const uint8_t *le;
        i += utf8_decode(s + i, len - i, &cp, NULL);
        to[0] = cp;
        while (e5s1_normal_next(e, &pos, &from, &count, &le))
            if (from == cp) {
                n_to = count;
                for (uint32_t k = 0; k < count; k++)
                    to[k] = (uint32_t)le[4 * k] | (uint32_t)le[4 * k + 1] << 8 |
                            (uint32_t)le[4 * k + 2] << 16;
            }
        for (size_t k = 0; k < n_to; k++) {
            if (to[k] != ' ')
                n += utf8_encode(to[k], text + n);
            else if (memcmp(text + n - 3, "\xE2\x96\x81", 3) || (k == 0 && cp == 0x2581)) {
                memcpy(text + n, "\xE2\x96\x81", 3);
                n += 3;
            }
        }
    }
    if (len == 0)
        return;
    best = malloc((n + 1) * sizeof *best);
    back = malloc((n + 1) * sizeof *back);
    for (i = 0; i <= n; i++)
        best[i] = -1e30;
    best[0] = 0;
    for (uint32_t id = 0; id < sh->n_pieces; id++)
        unknown = e5s1_score(e, id) < unknown ? e5s1_score(e, id) : unknown;
    for (i = 0; i < n; i++) {
        uint32_t cp;
        if (best[i] <= -1e29)
            continue;
        for (uint32_t id = 0; id < sh->n_pieces; id++) {
            size_t m;
            const char *p = e5s1_piece(e, id, &m);
            if (!m || m > n - i || memcmp(p, text + i, m) || p[0] == '<')
                continue;
            if (best[i] + e5s1_score(e, id) > best[i + m]) {
                best[i + m] = best[i] + e5s1_score(e, id);
                back[i + m].from = i;
                back[i + m].id = (token_id)id;
            }
        }
        size_t w = utf8_decode(text + i, n - i, &cp, NULL);
        if (best[i] + unknown - 10 > best[i + w]) {
            best[i + w] = best[i] + unknown - 10;
            back[i + w].from = i;
            back[i + w].id = (token_id)sh->unk;
        }
    }
    for (i = n; i > 0; i = back[i].from)
        token_list_push(out, back[i].id);
    for (size_t a = 0, z = out->n; a + 1 < z; a++, z--) {
        token_id id = out->ids[a];
        out->ids[a] = out->ids[z - 1];
        out->ids[z - 1] = id;
    }
    free(best);
    free(back);
}

static void agrees_with_the_plain_twin(void **state)
{
    (void)state;
    static const char *const parts[] = { "a", "b", "ab", "ba", " ", "  ", "\t", "\xC2\xAD",
                                         "\xEF\xAC\x81", "\xC3\xA9", "\xE4\xB8\xAD", "z", "<" };
    bytes b;
    e5s1 *e;
    uint8_t *copy;
    tokenizer *t;

    bytes_init(&b, 1 << 16);
    make_e5s1(&b);
    assert_int_equal(open_copy(&b, &e, &copy, NULL), 0);
    assert_int_equal(tokenizer_from_e5s1(&t, e, NULL), 0);
    for (int r = 0; r < 5000; r++) {
        char text[256];
        size_t n = 0;
        token_list want = { 0 }, got = { 0 };
        for (uint64_t k = rnd() % 24; k; k--) {
            const char *p = parts[rnd() % (sizeof parts / sizeof *parts)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        twin(e, text, n, &want);
        assert_int_equal(tokenizer_encode(t, text, n, 0, &got, NULL), 0);
        if (want.n != got.n || (got.n && memcmp(want.ids, got.ids, got.n * sizeof *got.ids)))
            fail_msg("round %d: \"%.*s\"", r, (int)n, text);
        token_list_clear(&want);
        token_list_clear(&got);
    }
    tokenizer_destroy(t);
    e5s1_close(e);
    free(copy);
    bytes_clear(&b);
}

static void keeps_control_pieces_out_of_documents(void **state)
{
    (void)state;
    bytes b;
    e5s1 *e;
    uint8_t *copy;
    tokenizer *t;
    token_list l = { 0 };

    bytes_init(&b, 1 << 16);
    make_e5s1(&b);
    assert_int_equal(open_copy(&b, &e, &copy, NULL), 0);
    assert_int_equal(tokenizer_from_e5s1(&t, e, NULL), 0);
    assert_int_equal(tokenizer_encode(t, "a</s><mask>", 11, TOKENIZE_ADD_SPECIAL, &l, NULL), 0);
    assert_int_equal(l.ids[0], 0);
    assert_int_equal(l.ids[l.n - 1], 2);
    for (size_t i = 1; i + 1 < l.n; i++)
        assert_true(l.ids[i] >= 3 && l.ids[i] != 15);
    l.n = 0;
    assert_int_equal(tokenizer_encode(t, "a</s>", 5, TOKENIZE_PARSE_SPECIAL, &l, NULL), 0);
    assert_int_equal(l.ids[l.n - 1], 2);
    token_list_clear(&l);
    tokenizer_destroy(t);
    e5s1_close(e);
    free(copy);
    bytes_clear(&b);
}

/* Rewritten as GGUF: the same tensors, the same ids (but of spaces at the end, and of unknown characters in a row). */
static void as_gguf_it_is_the_same(void **state)
{
    static const char *const parts[] = { "a", "b", "ab", " ", "  ", "\xC3\xA9", "\xE4\xB8\xAD", "bab", "\xEF\xBC\xA1", "\xEF\xAC\x81" };
    (void)state;
    bytes b, whole;
    e5s1 *e;
    uint8_t *copy;
    tokenizer *t, *again;
    gguf *g;
    const gguf_tensor *words;
    cairn_error err = { 0 };

    bytes_init(&b, 1 << 16);
    bytes_init(&whole, 1 << 24);
    make_e5s1(&b);
    assert_int_equal(open_copy(&b, &e, &copy, NULL), 0);
    if (e5s1_to_gguf(e, "multilingual-e5-small", &whole, &err) || gguf_open_memory(&g, whole.data, whole.len, "e5.gguf", &err) ||
        tokenizer_from_gguf(&again, g, &err))
        fail_msg("%s", err.text);
    words = gguf_find_tensor(g, "token_embd.weight");
    assert_non_null(words);
    assert_int_equal(words->type, TENSOR_Q4_0);
    assert_int_equal(words->bytes, e5s1_find(e, "emb.word")->bytes);
    assert_memory_equal(words->data, e5s1_find(e, "emb.word")->data, words->bytes);
    assert_int_equal(tokenizer_from_e5s1(&t, e, NULL), 0);
    for (int r = 0; r < 3000; r++) {
        char text[256];
        size_t n = 0;
        token_list want = { 0 }, got = { 0 };
        for (uint64_t k = rnd() % 24; k; k--) {
            const char *p = parts[rnd() % (sizeof parts / sizeof *parts)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
        }
        while (n && text[n - 1] == ' ')
            n--;
        assert_int_equal(tokenizer_encode(t, text, n, 0, &want, NULL), 0);
        assert_int_equal(tokenizer_encode(again, text, n, 0, &got, NULL), 0);
        for (size_t i = 1; i < want.n;) { /* unknown ones in a row are one */
            if (want.ids[i] == 3 && want.ids[i - 1] == 3)
                memmove(want.ids + i, want.ids + i + 1, (--want.n - i) * sizeof *want.ids);
            else
                i++;
        }
        if (want.n != got.n || (got.n && memcmp(want.ids, got.ids, got.n * sizeof *got.ids)))
            fail_msg("round %d: \"%.*s\"", r, (int)n, text);
        token_list_clear(&want);
        token_list_clear(&got);
    }
    tokenizer_destroy(t);
    tokenizer_destroy(again);
    gguf_close(g);
    e5s1_close(e);
    free(copy);
    memcpy(memmem(b.data, b.len, "emb.ln.w", 8), "emb.zz.w", 8);
    whole.len = 0;
    assert_int_equal(open_copy(&b, &e, &copy, NULL), 0);
    assert_int_equal(e5s1_to_gguf(e, "multilingual-e5-small", &whole, &err), CAIRN_EMODEL);
    e5s1_close(e);
    free(copy);
    bytes_clear(&whole);
    bytes_clear(&b);
}

/* The ids that begin "query: hello world" in the published tokenizer of the model (XLM-R). */
static const token_id published[] = { 41, 1294, 12, 33600 };

static void reads_the_real_model(void **state)
{
    (void)state;
    char path[1024];
    e5s1 *e;
    tokenizer *t;
    cairn_error err = { 0 };
    void *f;
    json_t *row;
    size_t checked = 0;

    if (!reference_model("multilingual-e5-small", path, sizeof path))
        snprintf(strrchr(path, '/'), 32, "/e5-small-q4.bin");
    if (access(path, R_OK)) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    int64_t t0 = clock_cpu_ns();
    if (e5s1_open(&e, path, &err) || tokenizer_from_e5s1(&t, e, &err))
        fail_msg("%s", err.text);
    print_message("open and tokenizer: %.1f ms CPU\n", (double)(clock_cpu_ns() - t0) / 1e6);
    token_list l = { 0 };
    assert_int_equal(tokenizer_encode(t, "query: hello world", 18, 0, &l, NULL), 0);
    for (size_t i = 0; i < sizeof published / sizeof *published; i++)
        assert_int_equal(l.ids[i], published[i]);
    token_list_clear(&l);

    /* Each 60th string of the reference against the twin: 250,002 pieces at every position. */
    f = reference_open("strings.jsonl.gz");
    for (size_t i = 0; f && (row = reference_line(f)); i++) {
        const json_t *s = json_object_get(row, "s");
        size_t len = s ? json_string_length(s) : 0;
        if (s && i % 60 == 7 && len > 0 && len < 200 &&
            !memchr(json_string_value(s), '<', len)) {
            token_list want = { 0 }, got = { 0 };
            twin(e, json_string_value(s), len, &want);
            assert_int_equal(
                tokenizer_encode(t, json_string_value(s), len, 0, &got, NULL), 0);
            if (want.n != got.n || memcmp(want.ids, got.ids, got.n * sizeof *got.ids))
                fail_msg("string %zu: %s", i, json_string_value(s));
            token_list_clear(&want);
            token_list_clear(&got);
            checked++;
        }
        json_decref(row);
    }
    reference_close(f);
    print_message("%zu strings agree with the twin\n", checked);
    tokenizer_destroy(t);
    e5s1_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_there),
        cmocka_unit_test(refuses_endless_scores),
        cmocka_unit_test(refuses_cuts_and_survives_changes),
        cmocka_unit_test(agrees_with_the_plain_twin),
        cmocka_unit_test(keeps_control_pieces_out_of_documents),
        cmocka_unit_test(as_gguf_it_is_the_same),
        cmocka_unit_test(reads_the_real_model),
    };
    return cmocka_run_group_tests(tests, seed, NULL);
}
