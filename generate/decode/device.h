/* device.h - a decoder's or an encoder's layers, or a scan of vectors, on another processor than
 * this one.
 *
 * A back end is a module (cairn-cuda.so) that exports one table. It holds a model's weights and a
 * sequence's keys and values; the decoder hands it embedded tokens and gets logits back, the
 * encoder (generate/encode/forward.h) gets hidden rows. A back end gives the bytes of the
 * processor's own rows, so it is used whenever there is one; CAIRN_DEVICE=cpu leaves it out and
 * CAIRN_DEVICE=cuda refuses to go on without it. Exact mode stays here. */
#ifndef CAIRN_GENERATE_DECODE_DEVICE_H
#define CAIRN_GENERATE_DECODE_DEVICE_H

#include "generate/decode/decoder.h"
#include "generate/decode/device_codes.h"

#define DEVICE_VERSION 3u
#define DEVICE_SYMBOL  "cairn_device_backend"

typedef struct device_weights device_weights;
typedef struct device_sequence device_sequence;
typedef struct device_encoder device_encoder;
struct bert;
struct linear;
struct encode_kernels;

typedef struct device_batch {
    const float *x;        /* [n][width] embedded tokens */
    const float *turns[2]; /* [n][rope_dims / 2][cos, sin], for global and local layers */
    size_t n, n_past;      /* new tokens, and those whose keys and values are there */
    size_t wanted;         /* logits of the last so many */
    float *logits;         /* [wanted][n_vocab] */
    const atomic_bool *cancel;
} device_batch;

/* Sequences back to back, without padding. */
typedef struct device_texts {
    float *x; /* [offsets[n]][hidden] embedded tokens; gets the rows of the last layer, or */
    bool sum; /* the sum of each sequence's, [n][hidden] */
    const size_t *offsets; /* [n + 1], from 0, rising */
    size_t n;
} device_texts;

typedef struct device_backend {
    uint32_t version;
    size_t most_tokens; /* a batch may have */
    /* Open the device; CAIRN_EUNSUPPORTED when there is none. `name` gets the device's. */
    cairn_status (*open)(char *name, size_t cap, cairn_error *err);
    /* Copy the packed weights of m there. */
    cairn_status (*weights_create)(device_weights **out, const decoder_model *m, cairn_error *err);
    void (*weights_destroy)(device_weights *w);
    size_t (*weights_bytes)(const device_weights *w);
    /* Room for n_ctx positions and batches of n_batch tokens. w and its model outlive the sequence.
     */
    cairn_status (*sequence_create)(device_sequence **out, device_weights *w, size_t n_ctx,
                                    size_t n_batch, cairn_error *err);
    void (*sequence_destroy)(device_sequence *s);
    size_t (*sequence_bytes)(const device_sequence *s);
    cairn_status (*run)(device_sequence *s, const device_batch *b, cairn_error *err);

    /* Copy the weights of a BERT there: linears[n_layers * BERT_LINEARS], packed (linear.h), not
     * LINEAR_F32. b outlives the encoder, the rest is borrowed for the call. */
    cairn_status (*encoder_create)(device_encoder **out, const struct bert *b,
                                   const struct linear *linears,
                                   const struct encode_kernels *kernels, cairn_error *err);
    void (*encoder_destroy)(device_encoder *e);
    /* x is as it was where this fails: for want of memory, or (CAIRN_ELIMIT) because the batch is
     * too long. */
    cairn_status (*encoder_run)(device_encoder *e, const device_texts *t, cairn_error *err);

    /* Copy these rows there; the arrays are borrowed for the call. */
    cairn_status (*codes_create)(device_codes **out, const device_code_rows *rows,
                                 cairn_error *err);
    void (*codes_destroy)(device_codes *c);
    /* The best `keep` rows of each query, by falling score, then rising row, in no order:
     * hits[n][keep], n_hits[n]. Rows whose score is no number are left out. Threads: any. */
    cairn_status (*codes_scan)(device_codes *c, const device_code_scan *s, device_code_hit *hits,
                               size_t *n_hits, cairn_error *err);
} device_backend;

/* The back end in use; NULL when the processor does the work. With CAIRN_DEVICE=cuda the reason why
 * there is none is an error (CAIRN_EUNSUPPORTED). Opened once. Threads: any. */
cairn_status device_get(const device_backend **out, cairn_error *err);
/* Whether CAIRN_DEVICE asks for a device, so that what it cannot do is an error. Opens nothing. */
bool device_is_required(void);
/* Copy a model's weights to the device. *out is NULL where the processor does the work, also
 * because the device has no room for them (which is logged), unless CAIRN_DEVICE=cuda. */
cairn_status device_take_model(device_weights **out, const decoder_model *m, cairn_error *err);
void device_drop_model(device_weights *w); /* NULL is fine */
/* "cpu", or "cuda: " and the device's own name. Valid for ever. */
const char *device_name(void);

#endif
