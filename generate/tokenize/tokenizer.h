/* tokenizer.h - text to token ids and back, exactly as the model was trained to see it.
 *
 * One handle for five algorithms; which one is read from the model:
 *   byte-level BPE        GGUF "gpt2" with its pre-tokenizer (qwen2, smollm, llama-bpe, ...)
 *   SentencePiece BPE     GGUF "llama": merges by score (Gemma, Llama 2)
 *   unigram               the e5s1 file, GGUF "t5" (XLM-R), tokenizer.json: best Viterbi path
 *   WordPiece             vocab.txt, tokenizer.json, GGUF "bert"
 *
 * The reference for GGUF models is llama.cpp (in particular Qwen text is NOT brought to NFC first,
 * as there), for WordPiece the library tokenizers. See docs/models.md.
 *
 * Any bytes are accepted. Broken UTF-8 never aborts and never reads past the end; what it becomes
 * is stated in docs/models.md.
 *
 * Owns     its tables. tokenizer_from_gguf and tokenizer_from_e5s1 BORROW piece bytes from the
 *          file, which must stay open as long as the tokenizer.
 * Threads  immutable after creation: any number of threads may encode and decode at once.
 * Errors   CAIRN_EMODEL: the vocabulary is missing, broken or of an unknown kind (named);
 *          CAIRN_ENOMEM; CAIRN_ELIMIT: a text above TOKENIZER_MAX_TEXT. */
#ifndef CAIRN_GENERATE_TOKENIZE_TOKENIZER_H
#define CAIRN_GENERATE_TOKENIZE_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "generate/formats/e5s1.h"
#include "generate/formats/gguf.h"

typedef int32_t token_id;
#define TOKEN_NONE ((token_id)-1)

/* A text longer than this is refused: offsets inside are 32 bits wide. */
#define TOKENIZER_MAX_TEXT ((size_t)1 << 30)

typedef struct tokenizer tokenizer;

/* A growing list of ids. Zero-initialise; release with token_list_clear. */
typedef struct token_list {
    token_id *ids;
    size_t n, cap;
} token_list;
void token_list_clear(token_list *l);
cairn_status token_list_push(token_list *l, token_id id);

typedef enum tokenizer_kind {
    TOKENIZER_BPE,
    TOKENIZER_SPM,
    TOKENIZER_UNIGRAM,
    TOKENIZER_WORDPIECE
} tokenizer_kind;

cairn_status tokenizer_from_gguf(tokenizer **out, const gguf *g, cairn_error *err);
cairn_status tokenizer_from_e5s1(tokenizer **out, const e5s1 *e, cairn_error *err);
/* `path` is a vocab.txt (one piece a line), a tokenizer.json of type WordPiece, or a folder that
 * holds one of them (tokenizer.json is preferred: it says whether to fold case and accents).
 * Truncation and padding settings of tokenizer.json are ignored: they are the caller's. */
cairn_status tokenizer_from_wordpiece(tokenizer **out, const char *path, cairn_error *err);
/* The tokenizer.json in a folder, of type WordPiece or Unigram (words that begin with U+2581; ids are those of the
 * library tokenizers). The unknown token may be a piece of its own, too. */
cairn_status tokenizer_from_json(tokenizer **out, const char *folder, cairn_error *err);
void tokenizer_destroy(tokenizer *t); /* NULL is fine */

enum {
    TOKENIZE_ADD_SPECIAL = 1,   /* put BOS/EOS or [CLS]/[SEP] round the text, where the model does */
    TOKENIZE_PARSE_SPECIAL = 2, /* control tokens written out in the text become those tokens.
                                 * Never set it for text that a document or a user wrote. */
    TOKENIZE_NO_ADDED = 4       /* WordPiece: take even "[MASK]" as plain text ("plain" rows of the
                                 * reference); default there is to parse added tokens always */
};

/* APPEND the ids of text[0, len) to *out. O(len log len). */
cairn_status tokenizer_encode(const tokenizer *t, const char *text, size_t len, unsigned flags,
                              token_list *out, cairn_error *err);
/* Number of ids that tokenizer_encode would append. */
cairn_status tokenizer_count(const tokenizer *t, const char *text, size_t len, unsigned flags,
                             size_t *n, cairn_error *err);

enum {
    DETOKENIZE_REMOVE_SPECIAL = 1, /* leave out BOS in front and EOS behind, where the model adds them */
    DETOKENIZE_SPECIAL = 2         /* print control tokens as text; else they are left out */
};
/* APPEND the text of ids[0, n) to *out. Ids outside the vocabulary are CAIRN_EUSAGE. A character
 * may be cut at either end: stream through utf8_floor. */
cairn_status tokenizer_decode(const tokenizer *t, const token_id *ids, size_t n, unsigned flags,
                              bytes *out, cairn_error *err);
/* APPEND the bytes of one token as it stands inside a text (a piece's leading space kept). With
 * special = false control tokens give nothing. */
cairn_status tokenizer_piece(const tokenizer *t, token_id id, bool special, bytes *out);

tokenizer_kind tokenizer_get_kind(const tokenizer *t);
size_t tokenizer_vocab_size(const tokenizer *t);
token_id tokenizer_bos(const tokenizer *t); /* [CLS] for WordPiece; TOKEN_NONE where there is none */
token_id tokenizer_eos(const tokenizer *t); /* [SEP] for WordPiece */
token_id tokenizer_unk(const tokenizer *t);
token_id tokenizer_pad(const tokenizer *t);
bool tokenizer_adds_bos(const tokenizer *t); /* with TOKENIZE_ADD_SPECIAL */
bool tokenizer_adds_eos(const tokenizer *t);
/* A pair is bos, the first text, this many eos (0 to 2), the second text, eos. */
int tokenizer_pair_separators(const tokenizer *t);
/* Whether the second text of a pair is of type 1: as BERT has it. */
bool tokenizer_pair_has_types(const tokenizer *t);
/* A token that ends a generation: EOS, <|im_end|>, <end_of_turn>, ... */
bool tokenizer_is_eog(const tokenizer *t, token_id id);
bool tokenizer_is_control(const tokenizer *t, token_id id);
/* The id whose vocabulary text is exactly this, or TOKEN_NONE. */
token_id tokenizer_find(const tokenizer *t, const char *text, size_t len);
/* The vocabulary's own text of id (byte-level BPE: in its printable alphabet), borrowed. */
const char *tokenizer_raw(const tokenizer *t, token_id id, size_t *len);

#endif
