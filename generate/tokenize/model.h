/* model.h - what is inside a tokenizer; only the files of this folder include it.
 *
 * tokenizer.c      the public functions: adds special tokens, cuts out written-out ones, dispatches
 * tokenizer_gguf.c reads a vocabulary out of a GGUF file
 * wordpiece_files.c unigram_files.c   the same out of vocab.txt and tokenizer.json
 * normaliser.c     what the latter says is done to a text before (unigram)
 * bpe.c spm.c unigram.c wordpiece.c   one algorithm each: `x_load` fills the part of the tokenizer
 *                  it needs, `x_encode` APPENDS the ids of one stretch of plain text */
#ifndef CAIRN_GENERATE_TOKENIZE_MODEL_H
#define CAIRN_GENERATE_TOKENIZE_MODEL_H

#include "generate/tokenize/normaliser.h"
#include "generate/tokenize/piece_table.h"
#include "generate/tokenize/special.h"
#include "generate/tokenize/tokenizer.h"

/* GGUF's token types. */
enum {
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN = 2,
    TOKEN_CONTROL = 3,
    TOKEN_USER_DEFINED = 4,
    TOKEN_UNUSED = 5,
    TOKEN_BYTE = 6
};

typedef struct bpe bpe;
typedef struct unigram unigram;
typedef struct wordpiece wordpiece;

struct tokenizer {
    tokenizer_kind kind;
    size_t n_vocab;
    const e5s1 *e5;    /* where the pieces are, or NULL: in text */
    gguf_string *text; /* [n_vocab], owned array of borrowed bytes */
    char *owned_text;  /* what text points into when no file holds it */
    uint8_t *type;     /* [n_vocab] TOKEN_*, or NULL: all normal */
    uint8_t *eog;      /* [n_vocab] ends a generation, or NULL: only eos does */
    piece_table table; /* every piece by its text */
    special_set specials;
    token_id bos, eos, unk, pad;
    bool add_bos, add_eos;
    int pair_separators; /* end tokens between the texts of a pair: 0 to 2 */
    bool pair_type;      /* the second text is of type 1 */
    bool space_prefix; /* SentencePiece: a space is put in front of a text */

    const gguf_kv *scores; /* SentencePiece: merge priorities; unigram: log-probabilities; [n_vocab] */
    token_id byte_ids[256]; /* SentencePiece: <0x00> .. <0xFF>, or TOKEN_NONE */
    bpe *bpe;
    unigram *unigram;
    wordpiece *wordpiece;
};

static inline uint8_t token_type_of(const tokenizer *t, token_id id)
{
    return t->type ? t->type[id] : TOKEN_NORMAL;
}

/* The piece_text of a tokenizer. */
const char *tokenizer_text(const void *tok, uint32_t id, size_t *len);

cairn_status bpe_load(tokenizer *t, const gguf *g, cairn_error *err);
void bpe_destroy(bpe *b);
cairn_status bpe_encode(const tokenizer *t, const char *s, size_t len, token_list *out);
/* The bytes a normal token stands for. */
cairn_status bpe_piece(const tokenizer *t, token_id id, bytes *out);

cairn_status spm_load(tokenizer *t, const gguf *g, cairn_error *err);
/* `first`: the stretch begins the text or follows a special token. */
cairn_status spm_encode(const tokenizer *t, const char *s, size_t len, bool first, token_list *out);

cairn_status unigram_load(tokenizer *t, cairn_error *err); /* from t->e5 */
/* After text, type, unk, bos and eos are there. */
cairn_status unigram_load_gguf(tokenizer *t, const gguf *g, cairn_error *err);
/* After text, type and unk are there. Takes scores[n_vocab] and the normaliser over, also when it fails. */
cairn_status unigram_load_json(tokenizer *t, double *scores, normaliser *words, const char *path, cairn_error *err);
void unigram_destroy(unigram *u);
/* `begins`: the stretch begins the text. */
cairn_status unigram_encode(const tokenizer *t, const char *s, size_t len, bool begins, bool controls,
                            token_list *out);

void wordpiece_destroy(wordpiece *w);
cairn_status wordpiece_encode(const tokenizer *t, const char *s, size_t len, token_list *out);
/* After text, unk, bos and eos are there. */
cairn_status wordpiece_load(tokenizer *t, bool lowercase, bool strip_accents, bool chinese,
                            const char *prefix, uint32_t max_chars, cairn_error *err);
struct json_t;
/* The tokenizer.json of a folder, parsed; the caller drops the reference. `path` gets its name, for errors. */
#define TOKENIZER_PATH 4096
cairn_status tokenizer_json_open(struct json_t **root, const char *folder, char path[TOKENIZER_PATH], cairn_error *err);

/* From a tokenizer.json that was parsed, borrowed for the call; `path` is for errors. */
cairn_status wordpiece_from_json(tokenizer **out, const struct json_t *root, const char *path, cairn_error *err);

#endif
