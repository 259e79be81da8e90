#!/usr/bin/env python3
"""Make qwen3_embedding.json: a small tokenizer.json in the layout of Qwen3-Embedding (byte-level BPE, NFC, the end token put
behind a text by its template), what the library tokenizers (0.23.3) makes of some hundred texts with it, and the vectors of
the architecture written down with numpy in double precision, from weights in BF16 that test_causal_folder.c makes by the
same random numbers.

usage: make_qwen3_embedding.py OUT, with the packages tokenizers and numpy"""
import json
import os
import random
import sys

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, LAYERS, HEADS, KV_HEADS, DIM, FF, BASE, EPS = 64, 2, 4, 2, 32, 96, 1e6, 1e-6
VOCAB, MOST = 420, 48
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QUERY = "Instruct: Find what answers\nQuery:"
ODD = ["a\u0308b", "e\u0301\u0323", "\u1100\u1161\u11a8", "\ufb01ne", "\u212b", "\u0958", "\u2126", "it's", "IT'S", "we'LL", "12345", "3.14", "\t", "\n", "\r\n",
       "  ", "   ", "\u3000", "\u4e2d\u6587", "\u0627\u0644", "\U0001f600", "<tool_call>", "</tool_call>", "\u00bd", "!?", "...", "\u05d0\u05b8", "a_b", "<tool_call>\u0338", "\u0085"]


class Toy:
    """toy_random and toy_add of test_causal_folder.c, and its order of tensors."""

    def __init__(self, seed):
        self.seed, self.t = seed, {}
        self.add("embed_tokens.weight", (VOCAB, WIDTH), 0, .5)
        for i in range(LAYERS):
            stem = "layers.%d." % i
            self.add(stem + "input_layernorm.weight", (WIDTH,), 1, .3)
            self.add(stem + "post_attention_layernorm.weight", (WIDTH,), 1, .3)
            self.add(stem + "self_attn.q_norm.weight", (DIM,), 1, .3)
            self.add(stem + "self_attn.k_norm.weight", (DIM,), 1, .3)
            self.add(stem + "self_attn.q_proj.weight", (HEADS * DIM, WIDTH), 0, .3)
            self.add(stem + "self_attn.k_proj.weight", (KV_HEADS * DIM, WIDTH), 0, .3)
            self.add(stem + "self_attn.v_proj.weight", (KV_HEADS * DIM, WIDTH), 0, .3)
            self.add(stem + "self_attn.o_proj.weight", (WIDTH, HEADS * DIM), 0, .3)
            self.add(stem + "mlp.gate_proj.weight", (FF, WIDTH), 0, .3)
            self.add(stem + "mlp.up_proj.weight", (FF, WIDTH), 0, .3)
            self.add(stem + "mlp.down_proj.weight", (WIDTH, FF), 0, .3)
        self.add("norm.weight", (WIDTH,), 1, .3)

    def random(self):
        self.seed = (self.seed * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.seed >> 33) / 2**31 * 2 - 1

    def add(self, name, shape, middle, spread):
        x = np.array([middle + spread * self.random() for _ in range(int(np.prod(shape)))], np.float32)
        bits = x.view(np.uint32).astype(np.uint64)
        bits = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32)  # to BF16, the nearest, ties to even
        self.t[name] = bits.view(np.float32).astype(np.float64).reshape(shape)


def norm(x, w):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * w


def turn(x, angles):
    a, b = x[..., :DIM // 2], x[..., DIM // 2:]
    return np.concatenate([a * np.cos(angles) - b * np.sin(angles), b * np.cos(angles) + a * np.sin(angles)], -1)


def vector(t, ids):
    n = len(ids)
    x = t["embed_tokens.weight"][ids]
    angles = np.arange(n)[:, None] * (float(np.float32(BASE)) ** (-np.arange(0, DIM, 2) / DIM))[None, :]
    for i in range(LAYERS):
        w = {k[len("layers.0."):-len(".weight")]: v for k, v in t.items() if k.startswith("layers.%d." % i)}
        h = norm(x, w["input_layernorm"])
        q = norm((h @ w["self_attn.q_proj"].T).reshape(n, HEADS, DIM), w["self_attn.q_norm"])
        k = norm((h @ w["self_attn.k_proj"].T).reshape(n, KV_HEADS, DIM), w["self_attn.k_norm"])
        v = (h @ w["self_attn.v_proj"].T).reshape(n, KV_HEADS, DIM)
        q, k = turn(q, angles[:, None, :]), turn(k, angles[:, None, :])
        out = np.zeros((n, HEADS, DIM))
        for head in range(HEADS):
            kv = head * KV_HEADS // HEADS
            s = q[:, head] @ k[:, kv].T / np.sqrt(DIM)
            s[np.triu_indices(n, 1)] = -np.inf
            p = np.exp(s - s.max(-1, keepdims=True))
            out[:, head] = p / p.sum(-1, keepdims=True) @ v[:, kv]
        x = x + out.reshape(n, -1) @ w["self_attn.o_proj"].T
        h = norm(x, w["post_attention_layernorm"])
        gate = h @ w["mlp.gate_proj"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ w["mlp.up_proj"].T)) @ w["mlp.down_proj"].T
    last = norm(x, t["norm.weight"])[-1]
    return last / np.linalg.norm(last)


def make_tokenizer(lines):
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB - 6, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    t.train_from_iterator(lines, trainer)
    t.add_special_tokens([AddedToken("<|endoftext|>", normalized=False), AddedToken("<|im_end|>", normalized=False)])
    t.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False)])
    end = t.token_to_id("<|endoftext|>")
    t.post_processor = processors.Sequence([processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
                                            processors.TemplateProcessing("$A <|endoftext|>", "$A <|endoftext|> $B:1 <|endoftext|>:1",
                                                                          [("<|endoftext|>", end)])])
    return t


def main():
    with open(os.path.join(HERE, "unigram.json"), encoding="ascii") as f:
        lines = [t for t, _ in json.load(f)[0]["texts"] if "<" not in t]
    t = make_tokenizer(lines[:600])
    rng, words, texts = random.Random(7), [w for x in lines for w in x.split()][:900], ["", " ", "a", "\u0308", "\n"]
    while len(texts) < 220:
        parts = [rng.choice(ODD if rng.random() < .4 else words) for _ in range(rng.randint(1, 9))]
        texts.append("".join(p + rng.choice([" ", " ", "", "  "]) for p in parts))
    ids = [t.encode(x).ids for x in texts]
    toy, rows = Toy(11), []
    for x in texts[:40]:
        for prefix, kind in ((QUERY, "query"), ("", "passage")):
            cut = t.encode(prefix + x).ids
            rows.append({"text": x, "kind": kind,
                         "vector": [float("%.7g" % v) for v in vector(toy.t, cut[:MOST - 1] + cut[-1:] if len(cut) > MOST else cut)]})
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump({"library": "tokenizers 0.23.3, numpy", "seed": 11, "most": MOST, "query": QUERY, "tokenizer": json.loads(t.to_str()),
                   "texts": texts, "ids": ids, "rows": rows}, f, separators=(",", ":"))


main()
