#!/usr/bin/env python3
"""examples.py folders OUT | examples.py join OUT ROWS.json: see README.md."""
import argparse
import json
import lzma
import os
import random
import re
import subprocess
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
VARIANTS = ("v0", "v1", "v2")  # all documents; one of each library away, another one
TYPES = (".txt", ".md", ".csv", ".eml", ".html", ".log")
TOGETHER = ("bridge", "comparison", "yesno")


def libraries():
    with lzma.open(os.path.join(HERE, "libraries.jsonl.xz"), "rt", encoding="utf-8") as f:
        for n, line in enumerate(f):
            yield n, json.loads(line)


def file_name(n, document):
    base = document["name"].replace("/", "_").strip() or document["id"]
    return f"{n:03d}/{base}" if base.lower().endswith(TYPES) else f"{n:03d}/{base}.txt"


def folders(a):
    rows = {v: [] for v in VARIANTS}
    for n, library in libraries():
        rng = random.Random(n)
        order = [d["id"] for d in library["documents"]]
        rng.shuffle(order)
        names = {d["id"]: file_name(n, d) for d in library["documents"]}
        held = rng.random() < 0.12
        for v, away in zip(VARIANTS, (None, order[0], order[1])):
            for d in library["documents"]:
                path = os.path.join(a.out, v, "docs", names[d["id"]])
                if d["id"] != away:
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with open(path, "w", encoding="utf-8") as f:
                        f.write(d["text"].rstrip("\n") + "\n")
            for q in library["questions"]:
                gone = away in q["documents"]
                if away is None or (gone and q["answers"]):
                    rows[v].append({"question": q["q"], "answers": [] if gone else q["answers"], "said": q["answers"], "gone": gone,
                                    "kind": q["kind"], "lang": library["lang"], "held": held,
                                    "supporting_doc_ids": [names[d] for d in q["documents"]]})
    for v in VARIANTS:
        with open(os.path.join(a.out, v, "qa.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in rows[v])


def plain(s):
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", s).casefold())


def target(q, user):
    """What is to be answered, None for the refusal; False: the question teaches nothing with this prompt."""
    text = plain(user.rpartition("\nQuestion: ")[0])
    shown = [plain(s) for s in re.findall(r"<document \d+: (.*)>", user)]
    needed = [plain(os.path.splitext(os.path.basename(p))[0]) for p in q["supporting_doc_ids"]]
    said = any(plain(x) in text for x in q["said"])
    if not q["said"]:
        return None
    if q["kind"] in TOGETHER:
        if q["gone"]:
            return None
        if all(any(n in s or s in n for s in shown) for n in needed) and (q["kind"] != "bridge" or said):
            return q["said"][0]
        return False if q["kind"] == "bridge" and said else None
    if q["gone"]:
        return False if said else None
    if q["kind"] == "list":
        said = all(plain(x) in text for x in re.split(r", | and ", q["said"][0]))
    return q["said"][0] if said else None if q["kind"] == "fact" else False


def cairn(a, verb, lines, *more):
    done = subprocess.run([a.cairn, "model", verb, "--model", a.model, "--jsonl", *more], text=True, check=True, capture_output=True,
                          input="".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))
    return [json.loads(line) for line in done.stdout.splitlines()]


def join(a):
    rows = []
    for v in VARIANTS:
        with open(os.path.join(a.out, v, "qa.jsonl"), encoding="utf-8") as qa, \
                open(os.path.join(a.out, v, "dump.jsonl"), encoding="utf-8") as dump:
            for q, d in zip(map(json.loads, qa), map(json.loads, dump)):
                t = target(q, d["messages"][1]["content"]) if "messages" in d else False
                if t is not False:
                    rows.append({"messages": d["messages"], "target": t, "kind": q["kind"], "lang": q["lang"], "held": q["held"]})
    texts = cairn(a, "template", [{"id": i, "messages": r["messages"]} for i, r in enumerate(rows)])
    prompts = cairn(a, "tokenize", [{"id": t["id"], "text": t["text"]} for t in texts], "--parse-special")
    goals = cairn(a, "tokenize", [{"id": i, "text": (r["target"] or a.refusal) + a.end} for i, r in enumerate(rows)], "--parse-special")
    for r, p, g in zip(rows, prompts, goals):
        r["prompt"], r["goal"] = p["tokens"], g["tokens"]
        del r["messages"]
    with open(a.rows, "w", encoding="utf-8") as f:
        json.dump(rows, f)
    print(len(rows), "examples,", sum(r["target"] is None for r in rows), "of them refusals,", sum(r["held"] for r in rows), "held out")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    sub = p.add_subparsers(required=True)
    f = sub.add_parser("folders")
    f.add_argument("out")
    f.set_defaults(run=folders)
    j = sub.add_parser("join")
    j.add_argument("out")
    j.add_argument("rows")
    j.add_argument("--cairn", default="cairn")
    j.add_argument("--model", default="qwen2.5-coder-0.5b")
    j.add_argument("--refusal", default="NOT IN DOCUMENTS", help="refusal-marker of the prompt")
    j.add_argument("--end", default="<|im_end|>", help="what ends a turn of the model")
    j.set_defaults(run=join)
    a = p.parse_args()
    a.run(a)


if __name__ == "__main__":
    main()
