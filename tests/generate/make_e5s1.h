/* make_e5s1.h - for tests: a small E5S1 file with a unigram vocabulary and a few tensors. */
#ifndef CAIRN_TESTS_GENERATE_MAKE_E5S1_H
#define CAIRN_TESTS_GENERATE_MAKE_E5S1_H

#include <string.h>

#include "base/bytes.h"

typedef struct make_piece {
    const char *text;
    float score;
} make_piece;

static const make_piece make_pieces[] = {
    { "<s>", 0 },          { "<pad>", 0 },        { "</s>", 0 },
    { "<unk>", 0 },        { "\xE2\x96\x81", -4 }, { "a", -5 },
    { "b", -5.5f },        { "ab", -6 },          { "\xE2\x96\x81" "a", -6.5f },
    { "bab", -7 },         { "ba", -6.25f },      { "\xE2\x96\x81" "ab", -8 },
    { "\xC3\xA9", -7 },    { "\xE4\xB8\xAD", -9 }, { "a\xC3\xA9", -9.5f },
    { "<mask>", 0 },
};
#define MAKE_N_PIECES (sizeof make_pieces / sizeof *make_pieces)

static void make_e5s1_tensor(bytes *b, const char *name, uint8_t kind, uint32_t elements,
                             uint64_t offset, uint64_t size)
{
    bytes_append_u16(b, (uint16_t)strlen(name));
    bytes_append_str(b, name);
    bytes_append_byte(b, kind);
    bytes_append_u32(b, elements);
    bytes_append_u64(b, offset);
    bytes_append_u64(b, size);
}

/* Q4_0 word embeddings of 32 columns, one vector; the tables as in a real file. */
static void make_e5s1(bytes *b)
{
    static const uint32_t shape[] = { 32, 1, 2, 64, MAKE_N_PIECES, 8, 2 };
    uint64_t total = 0, at;

    bytes_append(b, "E5S1", 4);
    bytes_append_u32(b, 1);
    for (size_t i = 0; i < 7; i++)
        bytes_append_u32(b, shape[i]);
    bytes_append_f32(b, 1e-12f);
    bytes_append_u32(b, 32);
    bytes_append_u32(b, MAKE_N_PIECES);
    bytes_append_u32(b, 0);
    bytes_append_u32(b, 2);
    bytes_append_u32(b, 1);
    bytes_append_u32(b, 3);
    for (size_t i = 0; i < MAKE_N_PIECES; i++)
        total += strlen(make_pieces[i].text);
    bytes_append_u64(b, total);
    total = 0;
    for (size_t i = 0; i <= MAKE_N_PIECES; i++) {
        bytes_append_u32(b, (uint32_t)total);
        total += i < MAKE_N_PIECES ? strlen(make_pieces[i].text) : 0;
    }
    for (size_t i = 0; i < MAKE_N_PIECES; i++)
        bytes_append_f32(b, make_pieces[i].score);
    for (size_t i = 0; i < MAKE_N_PIECES; i++)
        bytes_append_str(b, make_pieces[i].text);
    /* tab -> space, U+00AD -> nothing, U+FB01 -> two code points */
    bytes_append_u32(b, 3);
    bytes_append_u32(b, 9 + 5 + 13);
    bytes_append_u32(b, 9);
    bytes_append_byte(b, 1);
    bytes_append_u32(b, ' ');
    bytes_append_u32(b, 0xAD);
    bytes_append_byte(b, 0);
    bytes_append_u32(b, 0xFB01);
    bytes_append_byte(b, 2);
    bytes_append_u32(b, 'b');
    bytes_append_u32(b, 'a');
    bytes_append_u32(b, 2);
    at = b->len + (2 + 8 + 21) + (2 + 8 + 21);
    make_e5s1_tensor(b, "emb.word", 1, 32 * MAKE_N_PIECES, at, 18 * MAKE_N_PIECES);
    make_e5s1_tensor(b, "emb.ln.w", 0, 32, at + 18 * MAKE_N_PIECES, 128);
    bytes_append_zeros(b, 18 * MAKE_N_PIECES + 128);
}

#endif
