/* test_tokenizer_reference.c - every string of the reference, every flag, there and back.
 *
 * For each model of ../shared/reference: ids without and with special tokens and with written-out
 * ones parsed, the way back to bytes, single pieces, SHA-256 over all pieces, lists of control and
 * end tokens. Strings that are no UTF-8 are a record, not a norm: they must not crash, and their
 * ids are compared only to report how many agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <nettle/sha2.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "generate/tokenize/tokenizer.h"
#include "tests/generate/reference.h"

#define MAX_STRINGS 4000

typedef struct text {
    char *s;
    size_t len;
} text;

static text strings[MAX_STRINGS];
static size_t n_strings;

/* Decode base64 into a fresh buffer. */
static text from_base64(const char *s)
{
    text t = { malloc(strlen(s) + 1), 0 };
    uint32_t acc = 0;
    int bits = 0;
    for (; *s && *s != '='; s++) {
        int v = *s >= 'A' && *s <= 'Z'   ? *s - 'A'
                : *s >= 'a' && *s <= 'z' ? *s - 'a' + 26
                : *s >= '0' && *s <= '9' ? *s - '0' + 52
                : *s == '+'              ? 62
                                         : 63;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8)
            t.s[t.len++] = (char)(acc >> (bits -= 8));
    }
    t.s[t.len] = 0;
    return t;
}

static int load_strings(void **state)
{
    (void)state;
    void *f = reference_open("strings.jsonl.gz");
    json_t *row;
    if (!f)
        return 0;
    while (n_strings < MAX_STRINGS && (row = reference_line(f))) {
        const json_t *s = json_object_get(row, "s");
        text *t = &strings[n_strings++];
        if (s) {
            t->len = json_string_length(s);
            /* A copy of exactly this size lets ASan see a read one byte too far. */
            t->s = malloc(t->len ? t->len : 1);
            memcpy(t->s, json_string_value(s), t->len);
        } else {
            text b = from_base64(json_string_value(json_object_get(row, "b")));
            t->len = b.len;
            t->s = malloc(b.len ? b.len : 1);
            memcpy(t->s, b.s, b.len);
            free(b.s);
        }
        json_decref(row);
    }
    reference_close(f);
    return 0;
}

static int free_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_strings; i++)
        free(strings[i].s);
    return 0;
}

static bool same_ids(const json_t *want, const token_list *got)
{
    if (json_array_size(want) != got->n)
        return false;
    for (size_t i = 0; i < got->n; i++)
        if (json_integer_value(json_array_get(want, i)) != got->ids[i])
            return false;
    return true;
}

static void print_difference(const char *what, size_t i, const json_t *want, const token_list *got)
{
    char *w = json_dumps(want, JSON_COMPACT | JSON_ENCODE_ANY);
    fprintf(stderr, "string %zu, %s: want %.300s got [", i, what, w);
    for (size_t k = 0; k < got->n && k < 60; k++)
        fprintf(stderr, "%d,", got->ids[k]);
    fprintf(stderr, "] text \"%.*s\"\n", (int)(strings[i].len < 120 ? strings[i].len : 120),
            strings[i].s);
    free(w);
}

static token_list encode(const tokenizer *t, size_t i, unsigned flags)
{
    token_list l = { 0 };
    cairn_error err;
    if (tokenizer_encode(t, strings[i].s, strings[i].len, flags, &l, &err))
        fail_msg("string %zu: %s", i, err.text);
    return l;
}

static bool decodes_to(const tokenizer *t, const token_list *l, unsigned flags, text want)
{
    bytes out;
    cairn_error err;
    bytes_init(&out, 1 << 28);
    assert_int_equal(tokenizer_decode(t, l->ids, l->n, flags, &out, &err), 0);
    bool same = out.len == want.len && (!out.len || !memcmp(out.data, want.s, want.len));
    bytes_clear(&out);
    return same;
}

static bool decodes_to_base64(const tokenizer *t, const token_list *l, unsigned flags,
                              const json_t *b64)
{
    text want = from_base64(json_string_value(b64));
    bool same = decodes_to(t, l, flags, want);
    free(want.s);
    return same;
}

/* prefix + ids + suffix, as a fresh array. */
static json_t *wrapped(const json_t *head, const json_t *ids)
{
    json_t *a = json_array();
    json_array_extend(a, json_object_get(head, "prefix_when_add_special"));
    json_array_extend(a, (json_t *)ids);
    json_array_extend(a, json_object_get(head, "suffix_when_add_special"));
    return a;
}

typedef struct tally {
    size_t ff, ft, tf, tt, decode, broken_same, broken;
} tally;

static void check_row(const tokenizer *t, const json_t *head, const json_t *row, tally *bad)
{
    size_t i = (size_t)json_integer_value(json_object_get(row, "i"));
    const json_t *ff = json_object_get(row, "ff"), *ft = json_object_get(row, "ft");
    const json_t *d = json_object_get(row, "d");
    token_list got = encode(t, i, 0);
    bool valid = utf8_valid(strings[i].s, strings[i].len);

    if (!valid) {
        bad->broken++;
        bad->broken_same += ff && same_ids(ff, &got);
        token_list_clear(&got);
        return;
    }
    if (!same_ids(ff, &got) && bad->ff++ < 10)
        print_difference("plain", i, ff, &got);
    if (!(d ? decodes_to_base64(t, &got, 0, d) : decodes_to(t, &got, 0, strings[i])) &&
        bad->decode++ < 10)
        print_difference("way back", i, ff, &got);
    token_list_clear(&got);

    got = encode(t, i, TOKENIZE_PARSE_SPECIAL);
    if (!same_ids(ft ? ft : ff, &got) && bad->ft++ < 10)
        print_difference("parse special", i, ft ? ft : ff, &got);
    if (ft && (!decodes_to_base64(t, &got, DETOKENIZE_SPECIAL, json_object_get(row, "dx")) ||
               !decodes_to_base64(t, &got, 0, json_object_get(row, "dn"))))
        bad->decode++;
    token_list_clear(&got);

    for (unsigned parse = 0; parse < 2; parse++) {
        const json_t *want = json_object_get(row, parse ? "tt" : "tf");
        json_t *made = want ? NULL : wrapped(head, parse && ft ? ft : ff);
        got = encode(t, i, TOKENIZE_ADD_SPECIAL | (parse ? TOKENIZE_PARSE_SPECIAL : 0));
        if (!same_ids(want ? want : made, &got) && bad->tf++ < 10)
            print_difference("add special", i, want ? want : made, &got);
        json_decref(made);
        token_list_clear(&got);
    }
}

static void check_lists(const tokenizer *t, const json_t *head)
{
    size_t eog = 0, control = 0, i;
    json_t *v;
    json_array_foreach(json_object_get(head, "eog"), i, v)
        assert_true(tokenizer_is_eog(t, (token_id)json_integer_value(v)));
    json_array_foreach(json_object_get(head, "control"), i, v)
        assert_true(tokenizer_is_control(t, (token_id)json_integer_value(v)));
    for (size_t id = 0; id < tokenizer_vocab_size(t); id++) {
        eog += tokenizer_is_eog(t, (token_id)id);
        control += tokenizer_is_control(t, (token_id)id);
    }
    assert_int_equal(eog, json_array_size(json_object_get(head, "eog")));
    /* The reference lists control tokens only; ours count the unknown one too. */
    assert_true(control - json_array_size(json_object_get(head, "control")) <= 1);
    assert_int_equal(tokenizer_bos(t), json_integer_value(json_object_get(head, "bos")));
    assert_int_equal(tokenizer_eos(t), json_integer_value(json_object_get(head, "eos")));
    assert_int_equal(tokenizer_vocab_size(t), json_integer_value(json_object_get(head, "n_vocab")));
}

static void check_pieces(const tokenizer *t, const json_t *head, const char *model)
{
    struct sha256_ctx sha;
    uint8_t digest[32];
    char hex[65], name[64];
    bytes out;
    json_t *row;

    bytes_init(&out, 1 << 20);
    sha256_init(&sha);
    for (size_t id = 0; id < tokenizer_vocab_size(t); id++)
        for (int special = 0; special < 2; special++) {
            bytes_reset(&out);
            assert_int_equal(tokenizer_piece(t, (token_id)id, special, &out), 0);
            uint8_t len[4] = { (uint8_t)out.len, (uint8_t)(out.len >> 8), (uint8_t)(out.len >> 16),
                               (uint8_t)(out.len >> 24) };
            sha256_update(&sha, 4, len);
            sha256_update(&sha, out.len, (const uint8_t *)(out.data ? out.data : ""));
        }
    sha256_digest(&sha, sizeof digest, digest);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);

    snprintf(name, sizeof name, "pieces.%s.jsonl.gz", model);
    void *f = reference_open(name);
    size_t bad = 0;
    json_decref(reference_line(f));
    while (f && (row = reference_line(f))) {
        token_id id = (token_id)json_integer_value(json_array_get(row, 0));
        for (int special = 0; special < 2; special++) {
            text want = from_base64(json_string_value(json_array_get(row, 1 + (size_t)special)));
            bytes_reset(&out);
            assert_int_equal(tokenizer_piece(t, id, special, &out), 0);
            if ((out.len != want.len || (want.len && memcmp(out.data, want.s, want.len))) &&
                bad++ < 10)
                fprintf(stderr, "piece %d special %d: want \"%s\" got \"%.*s\"\n", id, special,
                        want.s, (int)out.len, out.data ? out.data : "");
            free(want.s);
        }
        json_decref(row);
    }
    reference_close(f);
    bytes_clear(&out);
    assert_int_equal(bad, 0);
    assert_string_equal(hex, json_string_value(json_object_get(head, "pieces_sha256")));
}

static void check_model(const char *name, const char *folder)
{
    char path[1024], file[64];
    cairn_error err = { 0 };
    gguf *g = NULL;
    tokenizer *t = NULL;
    tally bad = { 0 };
    json_t *row;

    snprintf(file, sizeof file, "tok.%s.jsonl.gz", name);
    void *f = reference_open(file);
    if (!f || !reference_model(folder, path, sizeof path)) {
        reference_close(f);
        print_message("skipped: no reference or no model %s\n", folder);
        skip();
    }
    if (gguf_open(&g, path, &err))
        fail_msg("%s", err.text);
    int64_t t0 = clock_cpu_ns();
    if (tokenizer_from_gguf(&t, g, &err))
        fail_msg("%s", err.text);
    int64_t t1 = clock_cpu_ns();
    json_t *head = reference_line(f);
    const char *same_as = json_string_value(json_object_get(head, "same_as"));
    char other[32];
    if (same_as) { /* the same rows: one file for both */
        snprintf(other, sizeof other, "%s", same_as);
        name = other;
        reference_close(f);
        json_decref(head);
        snprintf(file, sizeof file, "tok.%s.jsonl.gz", name);
        f = reference_open(file);
        head = reference_line(f);
    }
    size_t rows = 0;
    for (; (row = reference_line(f)); rows++) {
        check_row(t, head, row, &bad);
        json_decref(row);
    }
    reference_close(f);
    print_message("%s: %zu rows; wrong: %zu plain, %zu parse, %zu add, %zu back; broken UTF-8 like "
                  "llama.cpp %zu of %zu; load %.1f ms CPU\n", folder, rows, bad.ff, bad.ft, bad.tf,
                  bad.decode, bad.broken_same, bad.broken, (double)(t1 - t0) / 1e6);
    assert_int_equal(bad.ff + bad.ft + bad.tf + bad.tt + bad.decode, 0);
    check_lists(t, head);
    check_pieces(t, head, name);
    json_decref(head);
    tokenizer_destroy(t);
    gguf_close(g);
}

static void qwen05(void **state)
{
    (void)state;
    check_model("qwen05", "qwen2.5-coder-0.5b");
}

static void qwen15(void **state)
{
    (void)state;
    check_model("qwen15", "qwen2.5-coder-1.5b");
}

static void smollm2(void **state)
{
    (void)state;
    check_model("smollm2", "smollm2-135m");
}

static void gemma3(void **state)
{
    (void)state;
    check_model("gemma3", "gemma3-270m");
}

static void check_minilm(const char *vocab)
{
    char path[1024];
    cairn_error err = { 0 };
    tokenizer *t = NULL;
    size_t bad = 0, rows = 0;
    json_t *row;
    void *f = reference_open("tok.minilm.jsonl.gz");

    if (!reference_model("all-minilm-l6-v2", path, sizeof path))
        snprintf(strrchr(path, '/'), 32, "/%s", vocab);
    if (!f || access(path, R_OK)) {
        reference_close(f);
        print_message("skipped: no reference or no %s\n", path);
        skip();
    }
    int64_t t0 = clock_cpu_ns();
    if (tokenizer_from_wordpiece(&t, path, &err))
        fail_msg("%s", err.text);
    print_message("%s: load %.1f ms CPU\n", vocab, (double)(clock_cpu_ns() - t0) / 1e6);
    json_t *head = reference_line(f);
    for (; (row = reference_line(f)); rows++) {
        size_t i = (size_t)json_integer_value(json_object_get(row, "i"));
        const json_t *ids = json_object_get(row, "ids"), *plain = json_object_get(row, "plain");
        token_list got = encode(t, i, 0);
        if (!same_ids(ids, &got) && bad++ < 10)
            print_difference("ids", i, ids, &got);
        token_list_clear(&got);
        got = encode(t, i, TOKENIZE_NO_ADDED);
        if (!same_ids(plain ? plain : ids, &got) && bad++ < 10)
            print_difference("plain", i, plain ? plain : ids, &got);
        token_list_clear(&got);
        got = encode(t, i, TOKENIZE_ADD_SPECIAL);
        json_t *made = wrapped(head, ids);
        if (!same_ids(made, &got) && bad++ < 10)
            print_difference("add special", i, made, &got);
        json_decref(made);
        token_list_clear(&got);
        json_decref(row);
    }
    for (size_t i = 0; i < n_strings; i++) { /* the broken ones too: no crash */
        token_list got = encode(t, i, 0);
        token_list_clear(&got);
    }
    json_decref(head);
    reference_close(f);
    tokenizer_destroy(t);
    print_message("minilm from %s: %zu rows, %zu wrong\n", vocab, rows, bad);
    assert_int_equal(bad, 0);
}

static void minilm_json(void **state)
{
    (void)state;
    check_minilm("tokenizer.json");
}

static void minilm_vocab(void **state)
{
    (void)state;
    check_minilm("vocab.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minilm_json), cmocka_unit_test(minilm_vocab), cmocka_unit_test(smollm2),
        cmocka_unit_test(qwen05),      cmocka_unit_test(qwen15),       cmocka_unit_test(gemma3),
    };
    return cmocka_run_group_tests(tests, load_strings, free_strings);
}
