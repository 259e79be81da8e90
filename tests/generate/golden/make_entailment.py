#!/usr/bin/env python3
"""Make entailment.json: the outputs of heads of two, three and four labels that transformers (5.24.0, torch on the CPU, in double
precision) computes with the random small models of toy_bert.h, in one batch with padding; BERT's pairs are cut by its tokenizer.

usage: make_entailment.py OUT, with the packages transformers and torch"""
import json
import os
import sys
import tempfile

import numpy as np
import torch
from transformers import (BertConfig, BertForSequenceClassification, BertTokenizerFast, XLMRobertaConfig,
                          XLMRobertaForSequenceClassification)

HIDDEN, LAYERS, FF, POSITIONS = 64, 2, 96, 48
BERT = "[PAD] [UNK] [CLS] [SEP] [MASK] a river runs to the sea mill ##s old query passage : .".split()
# What toy_bert.h's pieces make of words, and how many pieces there are.
WORDS = {"a": [4, 5], "river": [6], "runs": [7], "to": [8], "the": [9], "sea:": [10, 16], "mills": [11, 12], "old": [13], "query": [14]}
VOCAB = 18


class Toy:
    """toy_random and toy_add of toy_bert.h, and its order of tensors."""

    def __init__(self, seed, labels, roberta):
        self.seed, self.t = seed, {}
        prefix = "roberta." if roberta else "bert."
        for name, rows in (("word_embeddings", VOCAB), ("position_embeddings", POSITIONS + (2 if roberta else 0)),
                           ("token_type_embeddings", 1 if roberta else 2)):
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
        self.linear("classifier.dense" if roberta else "bert.pooler.dense", HIDDEN, HIDDEN)
        self.linear("classifier.out_proj" if roberta else "classifier", labels, HIDDEN)

    def random(self):
        self.seed = (self.seed * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.seed >> 33) / 2**31 * 2 - 1

    def add(self, name, shape, middle, spread):
        self.t[name] = torch.tensor(np.array([middle + spread * self.random() for _ in range(int(np.prod(shape)))], np.float32).reshape(shape))

    def linear(self, stem, out, into):
        self.add(stem + ".weight", (out, into), 0, .2)
        self.add(stem + ".bias", (out,), 0, .2)

    def norm(self, stem):
        self.add(stem + ".weight", (HIDDEN,), 1, .3)
        self.add(stem + ".bias", (HIDDEN,), 0, .2)


def row(seed, heads, labels, roberta):
    shared = dict(vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=heads, intermediate_size=FF,
                  layer_norm_eps=1e-5, num_labels=labels)
    if roberta:
        m = XLMRobertaForSequenceClassification(XLMRobertaConfig(max_position_embeddings=POSITIONS + 2, type_vocab_size=1, pad_token_id=1,
                                                                 bos_token_id=0, eos_token_id=2, **shared))
    else:
        m = BertForSequenceClassification(BertConfig(max_position_embeddings=POSITIONS, **shared))
    missing = m.load_state_dict(Toy(seed, labels, roberta).t, strict=False)
    assert not missing.unexpected_keys and all("position_ids" in k for k in missing.missing_keys), missing
    m = m.double().eval()
    rng = np.random.default_rng(seed)
    words = list(WORDS) if roberta else ["a", "river", "runs", "to", "the", "sea", "mills", "old", "query", "passage", ":", ".", "unknown"]
    sizes = [(0, 0), (1, 3), (5, 0), (8, 9)] if roberta else [(0, 0), (3, 2), (60, 5), (4, 70), (60, 60), (25, 24), (23, 60), (21, 24), (30, 22)]
    pairs = [[" ".join(rng.choice(words, n)) for n in size] for size in sizes]
    if roberta:
        ids = [[0] + [i for w in a.split() for i in WORDS[w]] + [2, 2] + [i for w in b.split() for i in WORDS[w]] + [2] for a, b in pairs]
        width = max(map(len, ids))
        given = {"input_ids": torch.tensor([x + [1] * (width - len(x)) for x in ids]),
                 "attention_mask": torch.tensor([[1] * len(x) + [0] * (width - len(x)) for x in ids])}
    else:
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "vocab.txt"), "w", encoding="ascii") as f:
                f.write("\n".join(BERT) + "\n")
            tok = BertTokenizerFast.from_pretrained(folder, do_lower_case=True)
        given = tok([a for a, _ in pairs], [b for _, b in pairs], truncation=True, max_length=POSITIONS, padding=True, return_tensors="pt")
    with torch.no_grad():
        out = m(**given).logits.numpy()
    return {"seed": seed, "heads": heads, "labels": labels, "roberta": roberta, "pairs": pairs,
            "ids": [[int(i) for i, k in zip(x, keep) if k] for x, keep in zip(given["input_ids"], given["attention_mask"])],
            "logits": [[float("%.9g" % v) for v in x] for x in out]}


def main():
    rows = [row(21, 4, 3, False), row(22, 2, 2, False), row(23, 1, 4, False), row(24, 4, 3, True), row(25, 2, 2, True)]
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump({"library": "transformers 5.24.0, torch", "rows": rows}, f, separators=(",", ":"))


main()
