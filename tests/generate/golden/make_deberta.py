#!/usr/bin/env python3
"""Make deberta.json: mean vectors and scores that transformers (5.24.0, torch 2.15.0, double precision) computes with the random
small models of test_deberta.c, in batches with padding.

usage: make_deberta.py OUT, with the packages torch and transformers"""
import json
import random
import sys

import numpy as np
import torch
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, DebertaV2Model

VOCAB = 18
# What the pieces of test_deberta.c make of words.
WORDS = {"a": [4, 5], "river": [6], "runs": [7], "to": [8], "the": [9], "sea:": [10, 16], "mills": [11, 12], "old": [13], "query": [14]}


class Toy:
    """toy_random and toy_add of toy_bert.h, and the order of tensors of test_deberta.c."""

    def __init__(self, seed, c, labels):
        self.seed, self.t = seed, {}
        hidden, narrow = c["hidden_size"], c.get("embedding_size", c["hidden_size"])
        prefix = "deberta." if labels else ""
        terms = c["pos_att_type"]
        self.add(prefix + "embeddings.word_embeddings.weight", (VOCAB, narrow), 0, .5)
        if c["position_biased_input"]:
            self.add(prefix + "embeddings.position_embeddings.weight", (c["max_position_embeddings"], narrow), 0, .5)
        if c["type_vocab_size"]:
            self.add(prefix + "embeddings.token_type_embeddings.weight", (c["type_vocab_size"], narrow), 0, .5)
        if narrow != hidden:
            self.add(prefix + "embeddings.embed_proj.weight", (hidden, narrow), 0, .2)
        self.norm(prefix + "embeddings.LayerNorm", hidden)
        if c["relative_attention"]:
            span = c["position_buckets"] if c["position_buckets"] > 0 else \
                c["max_relative_positions"] if c["max_relative_positions"] > 0 else c["max_position_embeddings"]
            self.add(prefix + "encoder.rel_embeddings.weight", (2 * span, hidden), 0, .5)
            if c["norm_rel_ebd"] == "layer_norm":
                self.norm(prefix + "encoder.LayerNorm", hidden)
        for layer in range(c["num_hidden_layers"]):
            stem = prefix + "encoder.layer.%d." % layer
            for part in ("query_proj", "key_proj", "value_proj"):
                self.linear(stem + "attention.self." + part, hidden, hidden)
            if c["relative_attention"] and not c["share_att_key"]:
                if "c2p" in terms:
                    self.linear(stem + "attention.self.pos_key_proj", hidden, hidden)
                if "p2c" in terms:
                    self.linear(stem + "attention.self.pos_query_proj", hidden, hidden)
            self.linear(stem + "attention.output.dense", hidden, hidden)
            self.norm(stem + "attention.output.LayerNorm", hidden)
            self.linear(stem + "intermediate.dense", c["intermediate_size"], hidden)
            self.linear(stem + "output.dense", hidden, c["intermediate_size"])
            self.norm(stem + "output.LayerNorm", hidden)
        if labels:
            self.linear("pooler.dense", hidden, hidden)
            self.linear("classifier", labels, hidden)

    def random(self):
        self.seed = (self.seed * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.seed >> 33) / 2**31 * 2 - 1

    def add(self, name, shape, middle, spread):
        self.t[name] = np.array([middle + spread * self.random() for _ in range(int(np.prod(shape)))], np.float32).reshape(shape)

    def linear(self, stem, out, into):
        self.add(stem + ".weight", (out, into), 0, .2)
        self.add(stem + ".bias", (out,), 0, .2)

    def norm(self, stem, n):
        self.add(stem + ".weight", (n,), 1, .3)
        self.add(stem + ".bias", (n,), 0, .2)


def settings(**changed):
    c = {"model_type": "deberta-v2", "vocab_size": VOCAB, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 96, "hidden_act": "gelu", "max_position_embeddings": 48, "type_vocab_size": 0, "layer_norm_eps": 1e-7,
         "relative_attention": True, "max_relative_positions": -1, "position_buckets": 0, "position_biased_input": False,
         "pos_att_type": ["p2c", "c2p"], "share_att_key": True, "norm_rel_ebd": "layer_norm", "pooler_hidden_act": "gelu"}
    return dict(c, **changed)


def row(seed, labels, lengths, c):
    torch.manual_seed(0)
    kind = DebertaV2ForSequenceClassification if labels else DebertaV2Model
    model = kind(DebertaV2Config(**c, num_labels=max(labels, 1), pad_token_id=0)).eval()
    model.load_state_dict({k: torch.from_numpy(v) for k, v in Toy(seed, c, labels).t.items()}, strict=True)
    model = model.double()
    rng = random.Random(seed)
    lists, texts, first = [[rng.randrange(VOCAB) for _ in range(n)] for n in lengths], [], None
    if labels:
        texts = [" ".join(rng.choice(list(WORDS)) for _ in range(n)) for n in range(10)]
        pieces = [[i for w in t.split() for i in WORDS[w]] for t in ["the river"] + texts]
        lists = [[1] + pieces[0] + [2] + p + [2] for p in pieces[1:]]
        first = len(pieces[0]) + 2
    longest = max(map(len, lists))
    ids, mask, types = (torch.zeros((len(lists), longest), dtype=torch.long) for _ in range(3))
    for i, x in enumerate(lists):
        ids[i, :len(x)], mask[i, :len(x)] = torch.tensor(x), 1
        if first:
            types[i, first:len(x)] = 1
    j = {"seed": seed, "labels": labels, "config": c}
    with torch.no_grad():
        out = model(input_ids=ids, attention_mask=mask, token_type_ids=types)
    if labels:
        logits = out.logits.numpy()
        j["query"], j["texts"], j["logits"] = "the river", texts, [[float("%.8g" % v) for v in x] for x in logits]
    else:
        j["ids"] = lists
        mean = (out.last_hidden_state * mask[:, :, None]).sum(1).numpy()
        j["vectors"] = [[float("%.7g" % v) for v in x / np.linalg.norm(x)] for x in mean]
    return j


def main():
    rows = [
        row(21, 0, [1, 2, 31, 32, 33, 48], settings()),
        row(22, 0, [1, 5, 64, 97, 160], settings(max_position_embeddings=160, position_buckets=8, share_att_key=False, num_attention_heads=4)),
        row(23, 0, [3, 41, 100], settings(max_position_embeddings=100, max_relative_positions=40, position_buckets=32, pos_att_type="c2p")),
        row(24, 0, [4, 47, 90], settings(max_position_embeddings=90, position_buckets=2, pos_att_type=["p2c"], share_att_key=False,
                                         norm_rel_ebd="none", hidden_size=96, num_attention_heads=1)),
        row(25, 0, [1, 49, 72], settings(max_position_embeddings=72, max_relative_positions=20, position_biased_input=True,
                                         embedding_size=32, type_vocab_size=2)),
        row(26, 0, [130, 300, 520], settings(max_position_embeddings=520, position_buckets=256, hidden_size=32, num_attention_heads=1,
                                             num_hidden_layers=1, max_relative_positions=512)),
        row(27, 0, [2, 33], settings(relative_attention=False, norm_rel_ebd="none", position_biased_input=True,
                                     pos_att_type="p2c|c2p")),
        row(28, 0, [2, 40], settings(pos_att_type=[])),
        row(29, 1, [], settings(position_buckets=16)),
        row(30, 2, [], settings(position_buckets=6, type_vocab_size=2, position_biased_input=True, embedding_size=96, pooler_hidden_act="tanh")),
        row(31, 3, [], settings(share_att_key=False)),
    ]
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump({"library": "transformers 5.24.0, torch 2.15.0", "rows": rows}, f, separators=(",", ":"))


main()
