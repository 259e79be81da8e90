#!/usr/bin/env python3
"""Make xlm_roberta.json: mean vectors and scores that transformers (4.46.3, flax on the CPU) computes with the random small
models of toy_bert.h, in batches with padding.

usage: make_xlm_roberta.py OUT, with the packages transformers, jax and flax"""
import json
import os
import sys

os.environ["JAX_PLATFORMS"] = "cpu"
import jax  # noqa: E402
import numpy as np  # noqa: E402
from flax.traverse_util import flatten_dict, unflatten_dict  # noqa: E402
from transformers import FlaxXLMRobertaForSequenceClassification, FlaxXLMRobertaModel, XLMRobertaConfig  # noqa: E402

jax.config.update("jax_default_matmul_precision", "highest")
VOCAB, HIDDEN, LAYERS, FF, POSITIONS = 18, 64, 2, 96, 48
LENGTHS = [1, 2, 3, 16, 17, 31, 32, 33, 47, 48, 5, 40]
# What toy_bert.h's pieces make of words.
WORDS = {"a": [4, 5], "river": [6], "runs": [7], "to": [8], "the": [9], "sea:": [10, 16], "mills": [11, 12], "old": [13], "query": [14]}


class Toy:
    """toy_random and toy_add of toy_bert.h, and its order of tensors."""

    def __init__(self, seed, labels):
        self.seed, self.t = seed, {}
        prefix = "roberta." if labels else ""
        for name, rows in (("word_embeddings", VOCAB), ("position_embeddings", POSITIONS + 2), ("token_type_embeddings", 1)):
            self.add(prefix + "embeddings." + name + ".weight", (rows, HIDDEN), 0, .5)
        self.norm(prefix + "embeddings.LayerNorm")
        for layer in range(LAYERS):
            stem = prefix + "encoder.layer.%d." % layer
            for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
                self.linear(stem + part, HIDDEN, HIDDEN)
            self.norm(stem + "attention.output.LayerNorm")
            self.linear(stem + "intermediate.dense", FF, HIDDEN)
            self.linear(stem + "output.dense", HIDDEN, FF)
            self.norm(stem + "output.LayerNorm")
        if labels:
            self.linear("classifier.dense", HIDDEN, HIDDEN)
            self.linear("classifier.out_proj", labels, HIDDEN)

    def random(self):
        self.seed = (self.seed * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.seed >> 33) / 2**31 * 2 - 1

    def add(self, name, shape, middle, spread):
        self.t[name] = np.array([middle + spread * self.random() for _ in range(int(np.prod(shape)))], np.float32).reshape(shape)

    def linear(self, stem, out, into):
        self.add(stem + ".weight", (out, into), 0, .2)
        self.add(stem + ".bias", (out,), 0, .2)

    def norm(self, stem):
        self.add(stem + ".weight", (HIDDEN,), 1, .3)
        self.add(stem + ".bias", (HIDDEN,), 0, .2)


def fill(params, tensors):
    """The model's parameters, by the names that they have in safetensors."""
    out = {}
    for key, old in flatten_dict(params).items():
        last = {"kernel": "weight", "scale": "weight", "embedding": "weight"}.get(key[-1], key[-1])
        name = ".".join(key[:-1] + (last,))
        value = np.zeros(old.shape, np.float32) if "pooler" in name else tensors.pop(name)
        out[key] = value.T if key[-1] == "kernel" else value
        assert out[key].shape == old.shape, name
    assert not tensors, sorted(tensors)
    return unflatten_dict(out)


def row(seed, heads, labels):
    c = XLMRobertaConfig(vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=heads, intermediate_size=FF,
                         max_position_embeddings=POSITIONS + 2, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0,
                         eos_token_id=2, num_labels=max(labels, 1))
    m = (FlaxXLMRobertaForSequenceClassification if labels else FlaxXLMRobertaModel)(c, _do_init=True)
    m.params = fill(m.params, Toy(seed, labels).t)
    rng = np.random.default_rng(seed)
    lists, texts = [rng.integers(2, VOCAB, n).tolist() for n in LENGTHS], []
    if labels:
        texts = [" ".join(rng.choice(list(WORDS), n)) for n in range(12)]
        pieces = [[i for w in t.split() for i in WORDS[w]] for t in ["the river"] + texts]
        lists = [[0] + pieces[0] + [2, 2] + p + [2] for p in pieces[1:]]
    ids, mask = np.ones((len(lists), POSITIONS), np.int32), np.zeros((len(lists), POSITIONS), np.int32)
    for i, x in enumerate(lists):
        ids[i, :len(x)], mask[i, :len(x)] = x, 1
    out = m(ids, attention_mask=mask)
    j = {"seed": seed, "heads": heads, "labels": labels}
    if labels:
        logits = np.asarray(out.logits)
        j["query"], j["texts"] = "the river", texts
        j["scores"] = [float("%.8g" % v) for v in (logits[:, 0] if labels == 1 else logits[:, 1] - logits[:, 0])]
    else:
        j["ids"] = lists
        mean = (np.asarray(out.last_hidden_state) * mask[:, :, None]).sum(1)
        j["vectors"] = [[float("%.7g" % v) for v in x / np.linalg.norm(x)] for x in mean]
    return j


def main():
    rows = [row(5, 4, 0), row(6, 2, 0), row(7, 1, 0), row(8, 4, 1), row(9, 2, 2)]
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump({"library": "transformers 4.46.3, flax", "rows": rows}, f, separators=(",", ":"))


main()
