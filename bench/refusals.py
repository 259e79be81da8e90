#!/usr/bin/env python3
"""Learn when to refuse: make questions without an answer, fit the weights of names in retrieve/evidence_model.c, and state
what the decision refuses. Needs numpy.

  refusals.py make SET_DIR OUT_DIR [--seed N] [--most N] [--nouns-have-capitals]
      SET_DIR has corpus.jsonl and qa.jsonl (question, answers, doc_ids, or supporting_doc_ids). OUT_DIR gets a
      corpus without half of the documents, and qa.jsonl: "yes" (the documents are there), "gone" (they were taken out) and
      "swap" (they are there, but a name or a number of the question was replaced by one of another question).
  cairn --collection X import beir OUT_DIR
  cairn --collection X eval answers --extractive --qa OUT_DIR/qa.jsonl --dump OUT_DIR/dump.jsonl
  refusals.py fit OUT_DIR...            weights of names over the log-odds that the dump states without them; each set is judged by what
                                        the others teach
  refusals.py state OUT_DIR... [--at 0.35]  shares refused as the dump states them
  refusals.py halves SET_DIR OUT_DIR [--seed N]
      OUT_DIR/0 and OUT_DIR/1 get half of the documents each, and both the same questions: each is answerable in one of them (in
      both or none where it needs documents of both halves)
"""
import argparse
import json
import os
import random
import re

NAME = re.compile(r"(?<=[a-z,;] )((?:[A-Z][\w'-]+|\d{2,4})(?: (?:of |de )?[A-Z][\w'-]+)*)")
# Places in the features of a dump: evidence_feature of retrieve/evidence.h.
FOREIGN = 17
LAYER = {"EVIDENCE_NAMES_NONE": 20, "EVIDENCE_NAMES_NOWHERE": 21, "EVIDENCE_NAMES_UNLINKED": 22,
         "EVIDENCE_COUNTED_MISSING": 23, "EVIDENCE_ATTRIBUTE_MISSING": 24}
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../retrieve/evidence_model.c")
KINDS = ("yes", "gone", "swap")
SHARE = {"yes": 1.0, "gone": 0.55, "swap": 0.35}  # of the weight of a set's answerable questions


def rows(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def put(path, items):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(x, ensure_ascii=False) + "\n" for x in items)


def gold(q):
    return q.get("supporting_doc_ids") or q["doc_ids"]


def swapped(questions, rng):
    """Questions with another question's name or number in place of one of their own."""
    pool = {}
    for q in questions:
        for m in NAME.finditer(q["question"]):
            pool.setdefault(m[1][0].isdigit(), set()).add(m[1])
    made = []
    for q in questions:
        found = list(NAME.finditer(q["question"]))
        if not found:
            continue
        m = rng.choice(found)
        others = sorted(x for x in pool[m[1][0].isdigit()]
                        if x.lower() not in q["question"].lower() and len(x.split()) == len(m[1].split()))
        if len(others) < 5:
            continue
        text = q["question"][:m.start(1)] + rng.choice(others) + q["question"][m.end(1):]
        made.append({"question": text, "answers": [], "answerable": False, "kind": "swap", "gold": gold(q)})
    return made


def make(a):
    rng = random.Random(a.seed)
    corpus, questions = rows(os.path.join(a.set, "corpus.jsonl")), rows(os.path.join(a.set, "qa.jsonl"))
    about = sorted({d for q in questions for d in gold(q)})
    out = set(rng.sample(about, len(about) // 2))
    os.makedirs(a.out, exist_ok=True)
    put(os.path.join(a.out, "corpus.jsonl"), [d for d in corpus if d["_id"] not in out])
    made = []
    for q in questions:
        there = not out & set(gold(q))
        made.append({"question": q["question"], "answers": q["answers"], "doc_ids": gold(q), "answerable": there,
                     "kind": "yes" if there else "gone", "gold": gold(q)})
    if not a.nouns_have_capitals:
        made += swapped([q for q in questions if not out & set(gold(q))], rng)
    rng.shuffle(made)
    put(os.path.join(a.out, "qa.jsonl"), made[:a.most])


def read(folder):
    """The judged questions whose best sentence is in their own language."""
    out = []
    for q, d in zip(rows(os.path.join(folder, "qa.jsonl")), rows(os.path.join(folder, "dump.jsonl"))):
        sentences = [s for s in d["sentences"] if not s["planted"]]
        if q["question"] == d["question"] and q["kind"] in KINDS and sentences and not sentences[0]["features"][FOREIGN]:
            out.append({"kind": q["kind"], "set": folder, "p": d["answerable"], "f": sentences[0]["features"]})
    return out


def logistic(np, x, y, w, ridge=1e-2):
    mean = (x * w[:, None]).sum(0) / w.sum()
    sd = np.sqrt(((x - mean) ** 2 * w[:, None]).sum(0) / w.sum()) + 1e-6
    z = np.hstack([(x - mean) / sd, np.ones((len(x), 1))])
    b, decay = np.zeros(z.shape[1]), np.r_[np.full(x.shape[1], ridge), 1e-6]
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(z @ b, -30, 30)))
        b -= np.linalg.solve((z * (p * (1 - p) * w)[:, None]).T @ z / w.sum() + np.diag(decay),
                             z.T @ ((p - y) * w) / w.sum() + decay * np.r_[b[:-1], 0])
    return b[:-1] / sd, float(b[-1] - (b[:-1] / sd * mean).sum())


def print_shares(title, questions, p, at):
    for folder in dict.fromkeys(q["set"] for q in questions):
        shares = []
        for kind in KINDS:
            of = [x < at for q, x in zip(questions, p) if q["set"] == folder and q["kind"] == kind]
            if of:
                shares.append(f"{kind} {sum(of) / len(of):.3f} of {len(of)}")
        print(f"{title}, refused below {at}: {folder}: " + ", ".join(shares))


def weights_now():
    """What question_by_cosine gives the features of the layer: taken off the odds of a dump, they are those below it."""
    with open(MODEL, encoding="utf-8") as f:
        text = re.search(r"question_by_cosine = \{(.*?)\n\n", f.read(), re.S)[1]
    now = {name: re.search(name + r"\] = (-?[\d.]+)f", text) for name in LAYER}
    return {name: float(m[1]) if m else 0.0 for name, m in now.items()}


def fit(a):
    import numpy as np
    questions, now = [q for folder in a.dirs for q in read(folder)], weights_now()
    odds = [float(np.log(max(q["p"], 1e-6) / max(1 - q["p"], 1e-6))) - sum(now[k] * q["f"][i] for k, i in LAYER.items())
            for q in questions]
    x = np.array([[max(-5.0, o)] + [q["f"][i] for i in LAYER.values()] for q, o in zip(questions, odds)])
    y = np.array([float(q["kind"] == "yes") for q in questions])
    count = {(q["set"], k): sum(1 for r in questions if r["set"] == q["set"] and r["kind"] == k) for q in questions for k in KINDS}
    w = np.array([SHARE[q["kind"]] * max(1, count[q["set"], "yes"]) / count[q["set"], q["kind"]] for q in questions])
    of, p = np.array([q["set"] for q in questions]), np.zeros(len(questions))
    for held in sorted(set(of)):
        b, bias = logistic(np, x[of != held], y[of != held], w[of != held])
        p[of == held] = 1 / (1 + np.exp(-(x[of == held] @ b + bias)))
    b, bias = logistic(np, x, y, w)
    print(json.dumps(dict(zip(["odds", *LAYER], b.round(4).tolist()), bias=round(bias, 4))))
    for at in (0.45, 0.5, 0.53, 0.55, 0.6):
        print_shares("taught by the other sets", questions, p, at)


def state(a):
    questions = [q for folder in a.dirs for q in read(folder)]
    print_shares("as it is", questions, [q["p"] for q in questions], a.at)


def halves(a):
    rng = random.Random(a.seed)
    corpus, questions = rows(os.path.join(a.set, "corpus.jsonl")), rows(os.path.join(a.set, "qa.jsonl"))
    about = sorted({d for q in questions for d in gold(q)})
    rng.shuffle(about)
    out = set(about[:len(about) // 2])
    rng.shuffle(questions)
    for half, without in enumerate((out, set(about) - out)):
        folder = os.path.join(a.out, str(half))
        os.makedirs(folder, exist_ok=True)
        put(os.path.join(folder, "corpus.jsonl"), [d for d in corpus if d["_id"] not in without])
        put(os.path.join(folder, "qa.jsonl"), [
            {"question": q["question"], "answers": q["answers"], "doc_ids": gold(q), "gold": gold(q),
             "answerable": not without & set(gold(q)), "kind": "gone" if without & set(gold(q)) else "yes"}
            for q in questions[:a.most]])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(required=True)
    m = sub.add_parser("make")
    m.add_argument("set")
    m.add_argument("out")
    m.add_argument("--seed", type=int, default=11)
    m.add_argument("--most", type=int, default=500)
    m.add_argument("--nouns-have-capitals", action="store_true", help="German: no questions are made by swapping names")
    m.set_defaults(run=make)
    for name, run in (("fit", fit), ("state", state)):
        s = sub.add_parser(name)
        s.add_argument("dirs", nargs="+")
        s.add_argument("--at", type=float, default=0.35)
        s.set_defaults(run=run)
    h = sub.add_parser("halves")
    h.add_argument("set")
    h.add_argument("out")
    h.add_argument("--seed", type=int, default=7)
    h.add_argument("--most", type=int, default=120)
    h.set_defaults(run=halves)
    a = p.parse_args()
    a.run(a)


if __name__ == "__main__":
    main()
