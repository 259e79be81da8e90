/* generator.h - the inside of a generator, shared by generate.c, batcher.c, perplexity.c and bench.c. */
#ifndef CAIRN_GENERATE_DECODE_GENERATOR_H
#define CAIRN_GENERATE_DECODE_GENERATOR_H

#include <pthread.h>

#include "generate/decode/generate.h"
#include "generate/grammar/token_mask.h"
#include "generate/template/chat_template.h"

struct generator {
    gguf *file;
    tokenizer *tok;
    chat_template *chat; /* NULL where the file has none */
    decoder_model *model;
    decoder *dec;
    kv_files *prefixes, *passages; /* NULL: none */
    struct model_draft *draft; /* a smaller model that drafts; NULL: none */
    token_list sequence; /* the tokens whose keys and values dec holds */
    size_t n_exact;      /* of these at the front, those whose are as a plain pass computes them */
    token_list frame;    /* what prompts like the running one begin with (passage_reuse.h) */
    token_list *noted, noted_frame; /* passages to keep when nobody waits, and their frame */
    size_t n_noted;
    float *logits;       /* [n_vocab] of the model */
    float *draft_logits; /* [COPY_DRAFT_MAX + 1][n_vocab], made when first needed */
    size_t n_pick;       /* of these, ids the tokenizer knows: only they are sampled */
    token_id *controls;  /* ids whose text must not come from a message */
    size_t n_controls;
    uint8_t *dry_breakers; /* [n_pick] bits, made when first needed */
    char *name;
    char *bos, *eos; /* their texts, for the template */
    int64_t load_ns;
    atomic_bool cancel;
    bool exact;
    decoder_kv kv;
    pthread_mutex_t lock; /* of `trie`, which any thread may need first */
    token_trie *trie;     /* NULL until somebody constrains a text */
};

/* Forget the sequence from n on. */
void generator_truncate(generator *g, size_t n);
/* Append ids to the sequence; logits as decoder_eval. */
cairn_status generator_feed(generator *g, const token_id *ids, size_t n, decoder_want want,
                            float *logits, cairn_error *err);

/* The tokens of a text inside a message, control tokens broken; appended to *out. */
cairn_status generator_passage_tokens(const generator *g, const char *text, size_t len,
                                      token_list *out, cairn_error *err);

/* The tokens' texts, for constraints. Threads: any. */
cairn_status generator_trie(generator *g, const token_trie **out, cairn_error *err);
/* Bits of the tokens at which DRY's runs end; to be freed. NULL: no memory. */
uint8_t *generator_make_breakers(const generator *g);

#endif
