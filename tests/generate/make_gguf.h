/* make_gguf.h - for tests: write a GGUF file into memory, right or wrong on purpose. */
#ifndef CAIRN_TESTS_GENERATE_MAKE_GGUF_H
#define CAIRN_TESTS_GENERATE_MAKE_GGUF_H

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "generate/formats/gguf.h"

#define MAKE_UNUSED __attribute__((unused))

MAKE_UNUSED static void make_string(bytes *b, const char *s)
{
    bytes_append_u64(b, strlen(s));
    bytes_append_str(b, s);
}

MAKE_UNUSED static void make_header(bytes *b, uint32_t version, uint64_t tensors, uint64_t keys)
{
    bytes_append(b, "GGUF", 4);
    bytes_append_u32(b, version);
    bytes_append_u64(b, tensors);
    bytes_append_u64(b, keys);
}

MAKE_UNUSED static void make_key(bytes *b, const char *key, uint32_t type)
{
    make_string(b, key);
    bytes_append_u32(b, type);
}

MAKE_UNUSED static void make_u32(bytes *b, const char *key, uint32_t v)
{
    make_key(b, key, GGUF_U32);
    bytes_append_u32(b, v);
}

MAKE_UNUSED static void make_text(bytes *b, const char *key, const char *v)
{
    make_key(b, key, GGUF_STRING);
    make_string(b, v);
}

MAKE_UNUSED static void make_array(bytes *b, const char *key, uint32_t elem, uint64_t n)
{
    make_key(b, key, GGUF_ARRAY);
    bytes_append_u32(b, elem);
    bytes_append_u64(b, n);
}

MAKE_UNUSED static void make_tensor(bytes *b, const char *name, uint32_t n_dims,
                                    const uint64_t *dims, uint32_t type, uint64_t offset)
{
    make_string(b, name);
    bytes_append_u32(b, n_dims);
    for (uint32_t i = 0; i < n_dims; i++)
        bytes_append_u64(b, dims[i]);
    bytes_append_u32(b, type);
    bytes_append_u64(b, offset);
}

MAKE_UNUSED static void make_pad(bytes *b, size_t alignment)
{
    while (b->len % alignment)
        bytes_append_byte(b, 0);
}

/* The printable stand-in of one byte, as byte-level BPE files spell it. */
MAKE_UNUSED static size_t make_alphabet_char(unsigned byte, char out[3])
{
    unsigned cp = byte, next = 0x100;
    for (unsigned c = 0; c <= byte; c++) {
        bool itself = (c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xAC) || c >= 0xAE;
        if (c == byte && !itself)
            cp = next;
        next += !itself;
    }
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    out[0] = (char)(0xC0 | cp >> 6);
    out[1] = (char)(0x80 | (cp & 0x3F));
    return 2;
}

/* A small file with everything a real one has: keys of each kind, a byte-level BPE tokenizer with
 * all bytes, some merges and special tokens, a chat template, three tensors. `pre` names the
 * pre-tokenizer. */
MAKE_UNUSED static void make_bpe_model(bytes *b, const char *pre)
{
    static const char *const extra[] = { "he", "ll", "hell", "hello", "\xC4\xA0hello", "\xC4\xA0h",
                                         "wo", "<|im_start|>", "<|im_end|>", "<tool>" };
    static const int types[] = { 1, 1, 1, 1, 1, 1, 1, 3, 3, 4 };
    static const char *const merges[] = { "h e", "l l", "he ll", "hell o", "\xC4\xA0 hello", "w o" };
    static const uint64_t f32[2] = { 4, 3 }, q8[2] = { 32, 2 }, q4k[1] = { 256 };
    const size_t n_extra = sizeof extra / sizeof *extra, n_merges = sizeof merges / sizeof *merges;
    char c[3] = { 0 };

    make_header(b, 3, 3, 12);
    make_text(b, "general.architecture", "llama");
    make_u32(b, "llama.block_count", 1);
    make_key(b, "llama.rope.freq_base", GGUF_F32);
    bytes_append_f32(b, 10000.0f);
    make_key(b, "llama.flag", GGUF_BOOL);
    bytes_append_byte(b, 1);
    make_text(b, "tokenizer.ggml.model", "gpt2");
    make_text(b, "tokenizer.ggml.pre", pre);
    make_array(b, "tokenizer.ggml.tokens", GGUF_STRING, 256 + n_extra);
    for (unsigned i = 0; i < 256; i++) {
        size_t n = make_alphabet_char(i, c);
        bytes_append_u64(b, n);
        bytes_append(b, c, n);
    }
    for (size_t i = 0; i < n_extra; i++)
        make_string(b, extra[i]);
    make_array(b, "tokenizer.ggml.token_type", GGUF_I32, 256 + n_extra);
    for (unsigned i = 0; i < 256; i++)
        bytes_append_u32(b, 1);
    for (size_t i = 0; i < n_extra; i++)
        bytes_append_u32(b, (uint32_t)types[i]);
    make_array(b, "tokenizer.ggml.merges", GGUF_STRING, n_merges);
    for (size_t i = 0; i < n_merges; i++)
        make_string(b, merges[i]);
    make_u32(b, "tokenizer.ggml.eos_token_id", 256 + 8);
    make_text(b, "tokenizer.chat_template",
              "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content }}{% endfor %}");
    make_u32(b, "general.alignment", 32);
    make_tensor(b, "a.weight", 2, f32, TENSOR_F32, 0);
    make_tensor(b, "b.weight", 2, q8, TENSOR_Q8_0, 64);
    make_tensor(b, "c.weight", 1, q4k, TENSOR_Q4_K, 160);
    make_pad(b, 32);
    bytes_append_zeros(b, 160 + 144);
}

#endif
