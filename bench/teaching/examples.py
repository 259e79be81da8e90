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
BLOCK = re.compile(r"<document \d+: (.*?)>\n(.*?)\n</document>\n", re.S)


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


def with_blocks(messages, blocks):
    user = messages[1]["content"]
    shown = "".join(f"<document {i}: {name}>\n{text}\n</document>\n" for i, (name, text) in enumerate(blocks, 1))
    return [messages[0], {"role": "user", "content": shown + user[user.rindex("\nQuestion: "):]}]


def excerpt(text, said, rng):
    """The sentence that holds an answer and up to two on either side, as the engine's excerpts look; None: no sentence does."""
    parts = [p for p in re.split(r"(?<=[.!?\u3002\uff01\uff1f])\s+|\n", text) if p.strip()]
    at = next((i for i, p in enumerate(parts) if any(plain(x) in plain(p) for x in said)), None)
    if at is None:
        return None
    first, last = max(0, at - rng.randint(0, 2)), at + 1 + rng.randint(0, 2)
    return ("...\n" if first else "") + " ".join(parts[first:last]) + ("\n..." if last < len(parts) else "")


def more(a, q, row, rng):
    """One more example of a question that is taught: with what the search did not find put in, or in another order; None."""
    blocks = BLOCK.findall(row["messages"][1]["content"])
    if row["target"] is not None:
        rng.shuffle(blocks)
        return dict(row, messages=with_blocks(row["messages"], blocks)) if len(blocks) > 1 else None
    if not q["said"]:
        if len(blocks) < 2 or rng.random() < 0.5:
            return None
        rng.shuffle(blocks)
        return dict(row, messages=with_blocks(row["messages"], blocks[:len(blocks) - rng.randint(0, 1)]))
    found = []
    for p in q["supporting_doc_ids"]:
        with open(os.path.join(a.out, VARIANTS[0], "docs", p), encoding="utf-8") as f:
            text = f.read()
        text = " ".join(text.split())[:500] if q["kind"] in TOGETHER else excerpt(text, q["said"], rng)
        if text is None:
            return None
        found.append((os.path.basename(p), text))
    if q["kind"] == "bridge" and not any(plain(x) in plain(text) for x in q["said"] for _, text in found):
        return None
    others = [b for b in blocks if b[0] not in {name for name, _ in found}]
    rng.shuffle(others)
    found += others[:rng.randint(0, max(0, 4 - len(found)))]
    rng.shuffle(found)
    return dict(row, messages=with_blocks(row["messages"], found), target=q["said"][0])


def cairn(a, verb, lines, *more):
    done = subprocess.run([a.cairn, "model", verb, "--model", a.model, "--jsonl", *more], text=True, check=True, capture_output=True,
                          input="".join(json.dumps(x, ensure_ascii=False) + "\n" for x in lines))
    return [json.loads(line) for line in done.stdout.splitlines()]


def join(a):
    rows, rng = [], random.Random(5)
    for v in VARIANTS:
        with open(os.path.join(a.out, v, "qa.jsonl"), encoding="utf-8") as qa, \
                open(os.path.join(a.out, v, "dump.jsonl"), encoding="utf-8") as dump:
            for q, d in zip(map(json.loads, qa), map(json.loads, dump)):
                t = target(q, d["messages"][1]["content"]) if "messages" in d else False
                if t is False:
                    continue
                rows.append({"messages": d["messages"], "target": t, "kind": q["kind"], "lang": q["lang"], "held": q["held"]})
                other = more(a, q, rows[-1], rng) if v == VARIANTS[0] and not q["held"] else None
                if other:
                    rows.append(other)
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
