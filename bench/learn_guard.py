#!/usr/bin/env python3
"""learn_guard.py - learn the weights of retrieve/injection_weights.h.

  learn_guard.py --program build/release/bench/guard_roles --attacks FILE... --clean FILE
                 --look-alikes FILE... [--rate 0.004] [--beside-rate 0.009] [--l1 8] --out retrieve/injection_weights.h

Files of JSON lines. Attacks: "text" and, in it, "attack", the planted part; lines whose "half" is
"held out" are left aside. Look-alikes: honest texts ("text") that resemble attacks, held-out lines
left aside likewise. Clean: any honest texts, many; every second one is learned from, the others say
how many of such would be held back. Needs numpy.

A logistic regression over the parts of a sentence (injection_roles.h), single and by twos, with an
L1 penalty (FISTA), on the sentences of attacks that have any part an order about answers needs, and
on every sentence of honest texts, equal ones counted once with their number. The limit is where
--rate of the clean texts learned from have a sentence above it.
"""
import argparse
import collections
import json
import re
import subprocess

import numpy as np

CORE = "MODEL PROGRAM PRODUCT READS PRIOR SECRET ORDERS PLAY DROP SPEAKS WRITES SENDS DONT SAY OMIT STATED".split()
LOOK_ALIKE, ATTACK = 30.0, 20.0  # weight of a sentence, beside 1 of a clean one


def role_names():
    text = open("retrieve/injection_roles.h").read()
    return re.findall(r"^    ROLE_(\w+),", text, re.M)


def read(program, path):
    rows = [json.loads(line) for line in open(path)]
    done = subprocess.run([program], stdin=open(path), capture_output=True, check=True)
    for row, line in zip(rows, done.stdout.decode().splitlines(), strict=True):
        row["sentences"] = json.loads(line)["sentences"]
    return [r for r in rows if r.get("half") != "held out"]


def planted(row):
    start = row["text"].encode().find(row["attack"].encode())
    end = start + len(row["attack"].encode())
    return [s for s in row["sentences"] if s[0] < end and s[1] > start]


class Model:
    def __init__(self, names):
        self.names = names
        self.pairs = [(i, j) for i in range(len(names)) for j in range(i)]

    def features(self, roles):
        bits = np.arange(len(self.names), dtype=np.uint64)
        one = ((np.asarray(roles, dtype=np.uint64)[:, None] >> bits) & np.uint64(1)).astype(np.float32)
        return np.hstack([one] + [one[:, [i]] * one[:, [j]] for i, j in self.pairs])

    def learn(self, attacks, clean, hard, l1, rounds=300):
        roles = attacks + list(clean) + list(hard)
        y = np.r_[np.ones(len(attacks)), np.zeros(len(clean) + len(hard))]
        w = np.r_[np.full(len(attacks), ATTACK), np.array(list(clean.values()), float),
                  np.array(list(hard.values()), float) * LOOK_ALIKE]
        x = self.features(roles)
        keep = (x[:len(attacks)].sum(0) >= 4) | ((x * (w * (1 - y))[:, None]).sum(0) > 2000)
        keep[:len(self.names)] = True
        x = x[:, keep]
        step = 1 / (.25 * np.linalg.norm(x * np.sqrt(w)[:, None], 2) ** 2 + .25 * w.sum())
        v, z, b, zb, t = np.zeros(x.shape[1]), np.zeros(x.shape[1]), -6.0, -6.0, 1.0
        for _ in range(rounds):
            g = w * (1 / (1 + np.exp(-(x @ z + zb))) - y)
            new = z - step * (x.T @ g)
            new = np.sign(new) * np.maximum(np.abs(new) - step * l1, 0)
            new_b, t2 = zb - step * g.sum(), (1 + np.sqrt(1 + 4 * t * t)) / 2
            z, zb = new + (t - 1) / t2 * (new - v), new_b + (t - 1) / t2 * (new_b - b)
            v, b, t = new, new_b, t2
        v[np.abs(v) < .02] = 0
        self.weights, self.bias = np.zeros(len(keep)), b
        self.weights[keep] = np.round(v, 2)

    def most(self, row, sentences=None):
        roles = [s[2] for s in (row["sentences"] if sentences is None else sentences)]
        return max([self.scores[r] for r in roles], default=-99.0)

    def score_all(self, rows):
        roles = sorted({s[2] for r in rows for s in r["sentences"]})
        values = np.concatenate([self.features(roles[i:i + 20000]) @ self.weights + self.bias
                                 for i in range(0, len(roles), 20000)])
        self.scores = dict(zip(roles, values.tolist()))

    def write(self, path, limit, beside):
        rows = [(w, self.names[k]) for k, w in enumerate(self.weights[:len(self.names)]) if w]
        rows += [(w, f"{self.names[i]}, {self.names[j]}")
                 for w, (i, j) in zip(self.weights[len(self.names):], self.pairs) if w]
        with open(path, "w") as out:
            out.write(HEAD)
            out.write(f"static const float injection_bias = {self.bias:.2f}f, injection_limit = {limit:.2f}f,\n"
                      f"                   injection_limit_beside = {beside:.2f}f;\n\n"
                      "#define ONE(a, w)    {INJECTION_ROLE(ROLE_##a), w}\n"
                      "#define TWO(a, b, w) {INJECTION_ROLE(ROLE_##a) | INJECTION_ROLE(ROLE_##b), w}\n\n"
                      "static const struct {\n    injection_roles all;\n    float weight;\n"
                      "} injection_weights[] = {\n")
            for w, name in rows:
                out.write(f"    {'TWO' if ',' in name else 'ONE'}({name}, {w:.2f}f),\n")
            out.write("};\n\n#undef ONE\n#undef TWO\n\n#endif\n")
        return len(rows)


HEAD = """/* injection_weights.h - written by bench/learn_guard.py, which says how they were learned; learn
 * anew rather than change one. For injection_learned.c alone. */
#ifndef CAIRN_RETRIEVE_INJECTION_WEIGHTS_H
#define CAIRN_RETRIEVE_INJECTION_WEIGHTS_H

#include "retrieve/injection_roles.h"

"""


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("--program", required=True)
    p.add_argument("--attacks", nargs="+", required=True)
    p.add_argument("--clean", required=True)
    p.add_argument("--look-alikes", nargs="+", required=True)
    p.add_argument("--rate", type=float, default=.004)
    p.add_argument("--beside-rate", type=float, default=.009)
    p.add_argument("--l1", type=float, default=8)
    p.add_argument("--out", required=True)
    o = p.parse_args()
    names = role_names()
    core = sum(1 << names.index(n) for n in CORE)
    attacks = [r for f in o.attacks for r in read(o.program, f)]
    clean = read(o.program, o.clean)
    hard = [r for f in o.look_alikes for r in read(o.program, f)]
    orders = [s[2] for r in attacks for s in planted(r) if s[2] & core]
    around = [s[2] for r in attacks if "lang" in r for s in r["sentences"] if s not in planted(r)]
    model = Model(names)
    seen = collections.Counter([s[2] for r in clean[::2] for s in r["sentences"]] + around)
    few = {r: n for r, n in seen.items() if r & core or n > 2}  # the rest orders nothing, and is rare
    model.learn(orders, few,
                collections.Counter(s[2] for r in hard for s in r["sentences"]), o.l1)
    model.score_all(attacks + clean + hard)
    at = sorted((model.most(r) for r in clean[::2]), reverse=True)
    limit, beside = at[int(len(at) * o.rate)] + .01, at[int(len(at) * o.beside_rate)] + .01
    n = model.write(o.out, limit, beside)
    report = collections.Counter(r["category"] for r in attacks)
    print(f"{n} weights; limit {limit:.2f}, beside {beside:.2f}; of clean texts not learned from "
          f"{sum(model.most(r) > limit for r in clean[1::2])} of {len(clean[1::2])} held back, "
          f"of look-alikes {sum(model.most(r) > limit for r in hard)} of {len(hard)}")
    for k, total in report.items():
        caught = sum(model.most(r, planted(r)) > limit for r in attacks if r["category"] == k)
        print(f"  {k}: {caught} of {total} attacks learned from")


if __name__ == "__main__":
    main()
