/* bert.h - the weights and settings of one BERT-family model, whatever file they lie in.
 *
 * bert_open looks at the path, opens the right format and checks every tensor's shape against the
 * configuration, so that what comes after may trust them. Matrices stay mapped; vectors (biases,
 * layer norms) and the small position and type tables are copied out as floats.
 *
 * Owns     the open file, the tokenizer and the copies.
 * Threads  immutable after bert_open.
 * Errors   CAIRN_EMODEL naming file and tensor or key; CAIRN_EUNSUPPORTED for another family. */
#ifndef CAIRN_GENERATE_ENCODE_BERT_H
#define CAIRN_GENERATE_ENCODE_BERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "generate/formats/e5s1.h"
#include "generate/formats/gguf.h"
#include "generate/formats/onnx.h"
#include "generate/formats/safetensors.h"
#include "generate/tokenize/tokenizer.h"

/* What the first token's state goes through in front of a classification head, behind its matrix. */
typedef enum bert_activation { BERT_TANH, BERT_GELU } bert_activation;

typedef enum bert_pooling { BERT_POOL_MEAN, BERT_POOL_CLS } bert_pooling;

/* y = x w^T + bias */
typedef struct bert_linear {
    size_t in, out;
    const tensor *w;   /* [out][in], NULL where the model has no such layer */
    bool turned;       /* w is [in][out] */
    const float *bias; /* [out] */
} bert_linear;

typedef struct bert_norm {
    const float *w, *b; /* [hidden] */
} bert_norm;

enum { BERT_Q, BERT_K, BERT_V, BERT_ATTENTION_OUT, BERT_FF_IN, BERT_FF_OUT, BERT_LINEARS };

typedef struct bert_layer {
    bert_linear linear[BERT_LINEARS];
    bert_norm attention_norm, output_norm;
    bert_linear pos_key, pos_query; /* w NULL: BERT_K and BERT_Q serve the positions, too */
} bert_layer;

/* Attention by relative positions (relative.h). */
typedef struct bert_relative {
    size_t span;    /* distances reach from -span to span - 1; 0: there is no such attention */
    size_t buckets; /* distances beyond buckets / 2 share rows, the more the farther, up to `farthest`; 0: none do */
    size_t farthest;
    bool keys, queries; /* the scores have terms by the position's key, and by its query */
    const float *table; /* [2 span][hidden], by distance + span, of the query from the key */
    bert_norm norm;     /* over the table's rows; w NULL: none */
} bert_relative;

typedef struct bert {
    size_t hidden, n_layers, heads, ff;
    size_t vocab, positions, types;
    size_t max_tokens; /* <= positions */
    float eps;
    bert_pooling pooling;
    const char *query_prefix, *passage_prefix; /* "" where the model has none */
    char *name;                                /* of the folder or file */

    size_t embedding;   /* width of the three tables below: hidden, but where there is `project` */
    const tensor *word; /* [vocab][embedding] */
    const float *pos;   /* [positions][embedding], NULL: none; RoBERTa's kin: without the rows below the first text position */
    const float *type;  /* [types][embedding]; NULL: none */
    bert_linear project; /* of the tables' sums to hidden; w NULL: none */
    bert_relative relative;
    size_t terms; /* of a score in attention, which is divided by sqrt(terms * width of a head) */
    bert_norm embedding_norm;
    bert_layer *layers;
    bert_activation pooler_act;
    bert_linear pooler, classifier; /* w NULL without a classification head */
    const char **labels;            /* [n_labels] what the head's outputs are called; NULL: not said */
    size_t n_labels;
    bert_linear lm_dense; /* of the masked-language-model head, tied to `word`; w NULL without one */
    bert_norm lm_norm;
    const float *lm_bias; /* [vocab] */

    tokenizer *tokenizer;
    arena arena;
    safetensors *safetensors; /* exactly one of the four */
    onnx *onnx;
    gguf *gguf;
    e5s1 *e5s1;
} bert;

cairn_status bert_open(bert **out, const char *path, cairn_error *err);
void bert_close(bert *b); /* NULL is fine */
/* The weights of output `row`, [in] floats. */
void bert_linear_row(const bert_linear *l, size_t row, float *out);
/* Of a turned matrix the weights of inputs [in, in + n_in) and outputs [row, row + n), to out[n_in][n]: in the order
 * of the file, which for a single row goes from cache line to cache line. */
void bert_linear_block(const bert_linear *l, size_t in, size_t n_in, size_t row, size_t n, float *out);

/* For bert_open's three halves: where a format keeps things. A stem is followed by the suffix of a
 * weight or a bias; a layer's stem holds one %zu. */
typedef struct bert_naming {
    const char *word, *pos, *type, *relative; /* whole names; NULL but for `word`: there is none */
    const char *embedding_norm;    /* stems from here on */
    const char *project, *relative_norm;       /* NULL: there is none */
    const char *pos_key, *pos_query;           /* of a layer; NULL: there is none */
    const char *linear[BERT_LINEARS];
    const char *attention_norm, *output_norm;
    const char *pooler, *classifier;   /* NULL: this format has none */
    bool pooler_beside;                /* the pooler of a head stands beside the model, without its prefix */
    const char *lm_dense, *lm_norm, *lm_bias; /* lm_bias: a whole name; NULL: this format has none */
    const char *weight, *bias;         /* suffixes */
    const char *old_weight, *old_bias; /* other suffixes of layer norms, or NULL */
} bert_naming;

typedef const tensor *bert_find(const bert *b, const char *name);

/* Fill everything from `word` to `lm_bias` from the sizes already set in b (hidden, n_layers,
 * heads, ff, eps, embedding where it is another, positions where they have no table, relative's but for its tables)
 * and check all shapes. `prefix` stands in front of every name. */
cairn_status bert_bind(bert *b, const char *path, const bert_naming *naming, const char *prefix,
                       bert_find *find, cairn_error *err);

/* Where in a folder the weights are that are in no safetensors: "model.onnx", "onnx/model.onnx"; NULL: not there. */
const char *bert_onnx_file(const char *folder);
cairn_status bert_open_folder(bert *b, const char *folder, cairn_error *err);
cairn_status bert_open_gguf(bert *b, const char *path, cairn_error *err);
cairn_status bert_open_e5s1(bert *b, const char *path, cairn_error *err);

#endif
