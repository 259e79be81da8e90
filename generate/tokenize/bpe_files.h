/* bpe_files.h - a tokenizer.json of type BPE (byte-level), told as the tokenizer.ggml.* keys of a GGUF file, from
 * which tokenizer_from_gguf makes a tokenizer. Beside llama.cpp's keys there is "cairn.tokenizer.nfc": a text is
 * brought to Unicode's NFC first.
 *
 * The file is foreign: what it asks for and we do not do is refused by name. */
#ifndef CAIRN_GENERATE_TOKENIZE_BPE_FILES_H
#define CAIRN_GENERATE_TOKENIZE_BPE_FILES_H

#include "generate/formats/gguf_keys.h"

/* The tokenizer.json in `folder`. A file that puts one token behind a text (post_processor) has it as its end
 * token; one that puts something else around it is refused. */
cairn_status bpe_json_keys(gguf_keys *w, const char *folder, cairn_error *err);

#endif
