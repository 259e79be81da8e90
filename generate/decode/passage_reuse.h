/* passage_reuse.h - the parts of a prompt whose keys and values are kept already, wherever they stood
 * when they were computed; inside of a generator.
 *
 * A prompt of retrieved passages holds runs of tokens that stood in other prompts at other places. Their
 * keys and values, computed once behind the frame (the system prompt) and kept on disk
 * (kv_files.h), are turned to their new places; the first tokens of each run, the last ones and everything that
 * is no run are computed, attending to all of it. The answer is near that of a full pass, not the
 * same to the byte. So what the sequence holds behind such a run is never taken for a plain beginning again. */
#ifndef CAIRN_GENERATE_DECODE_PASSAGE_REUSE_H
#define CAIRN_GENERATE_DECODE_PASSAGE_REUSE_H

#include "generate/decode/generator.h"

/* Bring ids[same, n) into the sequence, which holds ids[0, same), with what is kept of the passages;
 * logits of the last token. *done is false where a full pass has to do it: nothing is kept, too little of it is
 * in the prompt, or what was computed anew is too far from what is kept (the guard). The sequence is then as
 * before. Passages that are not kept are noted for passages_keep. */
cairn_status passages_take(generator *g, const generate_params *p, const token_id *ids, size_t n,
                           size_t same, generate_result *out, bool *done, cairn_error *err);
/* Compute and keep the noted passages. The sequence is cut to what prompts begin with. */
cairn_status passages_keep(generator *g, cairn_error *err);
void passages_forget(generator *g);

#endif
