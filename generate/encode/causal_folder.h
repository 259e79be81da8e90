/* causal_folder.h - a decoder that embeds, in the folder that transformers and sentence-transformers write
 * (Qwen3-Embedding): config.json, model.safetensors or its shards with an index, tokenizer.json, and the files of
 * sentence_files.h. It is told as a GGUF file would tell it, so that everything behind (causal.h) is one.
 *
 * Keys beside llama.cpp's: "cairn.prompt.query" and "cairn.prompt.passage", what the folder puts in front of a
 * text; "cairn.weights", a checksum over a piece of every tensor, so that a front stands for its weights;
 * "cairn.tokenizer.nfc" (bpe_files.h).
 *
 * Owns     the mapped files and the keys. causal_folder_gguf is borrowed and dies with it.
 * Threads  immutable after open. */
#ifndef CAIRN_GENERATE_ENCODE_CAUSAL_FOLDER_H
#define CAIRN_GENERATE_ENCODE_CAUSAL_FOLDER_H

#include "base/status.h"
#include "generate/formats/gguf.h"

typedef struct causal_folder causal_folder;

/* Whether config.json in the folder `path` says that the model is one. A path that is no folder is none. */
bool causal_folder_is(const char *path);
/* Errors: CAIRN_EMODEL: a file is missing, broken, or does not fit the others; CAIRN_EUNSUPPORTED: what config.json
 * asks for beyond the plain architecture, a generator (nothing there says that it embeds), other pooling. */
cairn_status causal_folder_open(causal_folder **out, const char *path, cairn_error *err);
void causal_folder_close(causal_folder *f); /* NULL is fine */
const gguf *causal_folder_gguf(const causal_folder *f);

#endif
