#!/usr/bin/env python3
"""Write families.json: llama.cpp's logits of the small random models of test_families.c.

    CAIRN_WRITE_FAMILIES=DIR build/release/tests/generate_test_families
    LLAMA_CPP_LIB_PATH=... PYTHONPATH=... make_families.py DIR > families.json

Made with llama.cpp of llama-cpp-python 0.3.36 (libllama 0.5.0): weights F32, keys and values F32, no flash attention,
one batch, one thread. A row is a position and the logits of all tokens there; the tokens are 0, 7, 14, ... modulo 100.
"""
import ctypes
import glob
import json
import os
import sys

import llama_cpp as L

N, VOCAB, CONTEXT = 50, 100, 256
KEPT = (12, 33, 49)


@L.llama_log_callback
def quiet(level, text, user):
    pass


def logits(path):
    model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
    assert model, path
    p = L.llama_context_default_params()
    p.n_ctx, p.n_batch, p.n_ubatch, p.n_threads, p.n_threads_batch = CONTEXT, 512, 512, 1, 1
    p.type_k = p.type_v = 0  # F32
    p.flash_attn_type = 0
    context = L.llama_init_from_model(model, p)
    batch = L.llama_batch_init(N, 0, 1)
    batch.n_tokens = N
    for i in range(N):
        batch.token[i] = 7 * i % VOCAB
        batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = i, 1, 0, 1
    assert L.llama_decode(context, batch) == 0
    got = L.llama_get_logits(context)
    rows = [[i] + [float("%.7g" % got[i * VOCAB + j]) for j in range(VOCAB)] for i in KEPT]
    L.llama_free(context)
    L.llama_model_free(model)
    return rows


L.llama_log_set(quiet, ctypes.c_void_p(0))
L.llama_backend_init()
files = sorted(glob.glob(os.path.join(sys.argv[1], "*.gguf")))
print("{")
for at, file in enumerate(files):
    rows = ",\n".join(json.dumps(r, separators=(",", ":")) for r in logits(file))
    name = os.path.splitext(os.path.basename(file))[0]
    print('"%s":[\n%s]%s' % (name, rows, "," if at + 1 < len(files) else ""))
print("}")
