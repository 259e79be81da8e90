#!/usr/bin/env python3
"""train.py pack ROWS.json PARTS | teach PARTS OUT.gguf | mean ONE.gguf OTHER.gguf OUT.gguf: see README.md. Needs numpy and gguf; teach needs PyTorch, and a GPU to end.

The model is Qwen2 as its file has it, dequantised; its vocabulary is cut to the tokens of the examples and the 12,000 commonest, so that
everything fits into parts of 46 MiB. Adapted are queries, keys, values and outputs of all layers (rank 5)."""
import argparse
import glob
import heapq
import json
import math
import os
import random
import zlib

import gguf
import numpy as np

PART_BYTES = 46 << 20
COMMON = 12000
END = 151645
LAYERS, HEADS, KV_HEADS, DIM, EPS, BASE = 24, 14, 2, 64, 1e-6, 1e6
SITES, RANK, ALPHA = ("attn_q", "attn_k", "attn_v", "attn_output"), 5, 10


def pack(a):
    with open(a.rows, encoding="utf-8") as f:
        rows = json.load(f)
    os.makedirs(a.parts, exist_ok=True)
    ids = sorted(set(range(COMMON)) | {t for r in rows for t in r["prompt"] + r["goal"]} | {END})
    place = {t: i for i, t in enumerate(ids)}
    index, blob = [], bytearray()
    for t in gguf.GGUFReader(os.path.expanduser(a.model)).tensors:
        data = np.ascontiguousarray(t.data[ids] if t.name in ("token_embd.weight", "output.weight") else t.data)
        index.append([t.name, t.tensor_type.name, list(data.shape), len(blob), data.nbytes])
        blob += data.tobytes()
    for r in rows:
        r["prompt"], r["goal"] = [place[t] for t in r["prompt"]], [place[t] for t in r["goal"]]
    with open(os.path.join(a.parts, "rows.z"), "wb") as f:
        f.write(zlib.compress(json.dumps({"index": index, "end": place[END], "rows": rows}).encode()))
    for i in range(0, len(blob), PART_BYTES):
        with open(os.path.join(a.parts, f"part{i // PART_BYTES:02d}"), "wb") as f:
            f.write(blob[i:i + PART_BYTES])


class Model:
    def __init__(self, torch, index, blob):
        self.t, self.dev = torch, "cuda" if torch.cuda.is_available() else "cpu"
        kind = torch.bfloat16 if self.dev == "cuda" else torch.float32
        self.w, self.factors = {}, {}
        for name, type_name, shape, at, n in index:
            x = np.frombuffer(blob, np.float32 if type_name == "F32" else np.uint8, n // (4 if type_name == "F32" else 1), at)
            x = x.reshape(shape)
            if type_name != "F32":
                x = gguf.quants.dequantize(x, gguf.GGMLQuantizationType[type_name])
            self.w[name] = torch.tensor(np.asarray(x, np.float32)).to(self.dev, kind if x.ndim > 1 else torch.float32)
        angles = torch.outer(torch.arange(4096.0), BASE ** (-torch.arange(0, DIM, 2) / DIM))
        self.cos, self.sin = angles.cos().to(self.dev), angles.sin().to(self.dev)

    def adapt(self, seed):
        chance = self.t.Generator().manual_seed(seed)
        for layer in range(LAYERS):
            for site in SITES:
                rows, cols = self.w[f"blk.{layer}.{site}.weight"].shape
                down = (self.t.rand(RANK, cols, generator=chance) * 2 - 1) * math.sqrt(3 / cols)
                self.factors[f"blk.{layer}.{site}"] = (down.to(self.dev).requires_grad_(),
                                                       self.t.zeros(rows, RANK, device=self.dev).requires_grad_())
        return [f for pair in self.factors.values() for f in pair]

    def linear(self, x, name, drop=0.0):
        f = self.t.nn.functional
        y = f.linear(x, self.w[name + ".weight"])
        if name in self.factors:
            down, up = self.factors[name]
            y = y + f.linear(f.linear(f.dropout(x, drop), down.to(x.dtype)), up.to(x.dtype)) * (ALPHA / RANK)
        return y + self.w[name + ".bias"].to(x.dtype) if name + ".bias" in self.w else y

    def norm(self, x, name):
        y = x.float()
        return (y * self.t.rsqrt(y.pow(2).mean(-1, keepdim=True) + EPS) * self.w[name + ".weight"]).to(x.dtype)

    def turned(self, x):
        c, s = self.cos[:x.shape[2]].to(x.dtype), self.sin[:x.shape[2]].to(x.dtype)
        a, b = x[..., :DIM // 2], x[..., DIM // 2:]
        return self.t.cat([a * c - b * s, b * c + a * s], -1)

    def states(self, ids, drop=0.0):
        f = self.t.nn.functional
        x, (n, length) = self.w["token_embd.weight"][ids], ids.shape
        for i in range(LAYERS):
            h = self.norm(x, f"blk.{i}.attn_norm")
            q, k, v = (self.linear(h, f"blk.{i}.attn_{s}", drop).view(n, length, -1, DIM).transpose(1, 2) for s in "qkv")
            k, v = (y.repeat_interleave(HEADS // KV_HEADS, 1) for y in (self.turned(k), v))
            h = f.scaled_dot_product_attention(self.turned(q), k, v, is_causal=True).transpose(1, 2).reshape(n, length, -1)
            x = x + self.linear(h, f"blk.{i}.attn_output", drop)
            h = self.norm(x, f"blk.{i}.ffn_norm")
            x = x + self.linear(f.silu(self.linear(h, f"blk.{i}.ffn_gate")) * self.linear(h, f"blk.{i}.ffn_up"), f"blk.{i}.ffn_down")
        return self.norm(x, "output_norm")

    def padded(self, rows):
        out = self.t.zeros(len(rows), max(map(len, rows)), dtype=self.t.long)
        for i, r in enumerate(rows):
            out[i, :len(r)] = self.t.tensor(r)
        return out.to(self.dev)

    def logits(self, h):
        return self.t.nn.functional.linear(h, self.w["output.weight"]).float()

    def loss(self, rows, drop):
        """Cross-entropy of the goals: the first token counts as much as the rest together."""
        h = self.states(self.padded([r["prompt"] + r["goal"] for r in rows]), drop)
        at, want, weight = [], [], []
        for i, r in enumerate(rows):
            n = len(r["goal"])
            at += [(i, len(r["prompt"]) - 1 + j) for j in range(n)]
            want += r["goal"]
            weight += [1.0] + [1.0 / max(1, n - 1)] * (n - 1)
        at, weight = self.t.tensor(at, device=self.dev), self.t.tensor(weight, device=self.dev)
        each = self.t.nn.functional.cross_entropy(self.logits(h[at[:, 0], at[:, 1]]), self.t.tensor(want, device=self.dev), reduction="none")
        return (each * weight).sum() / weight.sum()

    def save(self, path):
        w, q8 = gguf.GGUFWriter(path, "qwen2"), gguf.GGMLQuantizationType.Q8_0
        w.add_type("adapter")
        w.add_string("adapter.type", "lora")
        w.add_float32("adapter.lora.alpha", ALPHA)
        for name, (down, up) in self.factors.items():
            w.add_tensor(name + ".weight.lora_a", gguf.quants.quantize(down.detach().cpu().numpy(), q8), raw_dtype=q8)
            w.add_tensor(name + ".weight.lora_b", up.detach().cpu().numpy().astype(np.float16))
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()


def batches(rows, tokens, rng):
    """Rows of like length together, at most so many tokens, in random order."""
    out, part = [], []
    for r in sorted(rows, key=lambda r: len(r["prompt"]) + rng.random() * 40):
        if part and (len(r["prompt"]) + len(r["goal"])) * (len(part) + 1) > tokens:
            out.append(part)
            part = []
        part.append(r)
    out.append(part)
    rng.shuffle(out)
    return out


def teach(a):
    import torch
    with open(os.path.join(a.parts, "rows.z"), "rb") as f:
        meta = json.loads(zlib.decompress(f.read()))
    blob = b"".join(open(p, "rb").read() for p in sorted(glob.glob(os.path.join(a.parts, "part*"))))
    model, rng = Model(torch, meta["index"], blob), random.Random(0)
    learned = model.adapt(0)
    steps = [b for _ in range(a.epochs) for b in batches([r for r in meta["rows"] if not r["held"]], a.tokens, rng)]
    optimiser = torch.optim.AdamW(learned, lr=a.rate, weight_decay=0.01, betas=(0.9, 0.98))
    for i, b in enumerate(steps):
        warm = min(1, (i + 1) / (0.06 * len(steps) + 1))
        for g in optimiser.param_groups:
            g["lr"] = a.rate * warm * (0.5 + 0.5 * math.cos(math.pi * i / len(steps)))
        loss = model.loss(b, 0.02)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        if i % 50 == 0:
            print(i, "of", len(steps), round(loss.item(), 3), flush=True)
    model.save(a.out)


def updates(path):
    """name -> (down, up), scaled so that the update is up @ down."""
    reader = gguf.GGUFReader(path)
    alpha, out = float(reader.fields["adapter.lora.alpha"].contents()), {}
    for t in reader.tensors:
        x = t.data if t.tensor_type.name in ("F32", "F16") else gguf.quants.dequantize(t.data, t.tensor_type)
        name, factor = t.name.rsplit(".weight.lora_", 1)
        out.setdefault(name, {})[factor] = np.asarray(x, np.float64)
    return {n: (f["a"], f["b"] * (alpha / f["a"].shape[0])) for n, f in out.items()}


def mean(a):
    """The mean of two adapters' updates, each matrix cut to the rank that loses least of all squares in so many bytes, one factor in 5 bits and the other fitted to it."""
    one, other, kind = updates(a.one), updates(a.other), gguf.GGMLQuantizationType.Q5_0
    parts, rank = {}, {}
    for name in one:
        turned, down = np.linalg.qr(np.vstack([one[name][0], other[name][0]]).T)
        basis, up = np.linalg.qr(np.hstack([one[name][1], other[name][1]]) / 2)
        u, s, v = np.linalg.svd(up @ down.T)
        parts[name], rank[name] = (basis @ u, s, v @ turned.T), 1

    def cost(name):
        return parts[name][2].shape[1] * 22 / 32 + parts[name][0].shape[0] * 2

    def gain(name):
        return -parts[name][1][rank[name]] ** 2 / cost(name)

    used = sum(cost(n) + 220 for n in parts)
    left = [(gain(n), n) for n in parts]
    heapq.heapify(left)
    while left:
        _, name = heapq.heappop(left)
        if used + cost(name) > a.bytes:
            continue
        used += cost(name)
        rank[name] += 1
        if rank[name] < len(parts[name][1]):
            heapq.heappush(left, (gain(name), name))
    w = gguf.GGUFWriter(a.out, "qwen2")
    w.add_type("adapter")
    w.add_string("adapter.type", "lora")
    w.add_float32("adapter.lora.alpha", ALPHA)
    lost = whole = 0.0
    for name, (u, s, v) in parts.items():
        r, full = rank[name], (u * s) @ v
        down = gguf.quants.quantize((np.sqrt(s[:r])[:, None] * v[:r]).astype(np.float32), kind)
        rounded = gguf.quants.dequantize(down, kind).astype(np.float64)
        up = np.linalg.lstsq(rounded.T, full.T, rcond=None)[0].T
        lost, whole = lost + ((full - up @ rounded) ** 2).sum(), whole + (full ** 2).sum()
        w.add_tensor(name + ".weight.lora_a", down, raw_dtype=kind)
        w.add_tensor(name + ".weight.lora_b", (up * (r / ALPHA)).astype(np.float16))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    print("of the squares", round(1 - lost / whole, 4), "kept; ranks", min(rank.values()), "to", max(rank.values()))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(required=True)
    k = sub.add_parser("pack")
    k.add_argument("rows")
    k.add_argument("parts")
    k.add_argument("--model", default="~/.cache/cairn/models/qwen2.5-coder-0.5b/model.gguf")
    k.set_defaults(run=pack)
    t = sub.add_parser("teach")
    t.add_argument("parts")
    t.add_argument("out")
    t.add_argument("--epochs", type=int, default=3)
    t.add_argument("--rate", type=float, default=1e-3)
    t.add_argument("--tokens", type=int, default=16000)
    t.set_defaults(run=teach)
    m = sub.add_parser("mean")
    m.add_argument("one")
    m.add_argument("other")
    m.add_argument("out")
    m.add_argument("--bytes", type=int, default=1030000)
    m.set_defaults(run=mean)
    a = p.parse_args()
    a.run(a)


if __name__ == "__main__":
    main()
