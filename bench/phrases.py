#!/usr/bin/env python3
"""Which share of the words that are known to stand in documents does a search find? Cairn beside Recoll.

    bench/phrases.py draw FOLDER --out FILE [--seed 1] [--per-file 2]
    bench/phrases.py ask FILE --peer cairn|recoll --home DIR [--missed]

`draw` takes phrases of four words by chance from what other readers find in FOLDER's documents: pdftotext, Python's zipfile,
ElementTree, html.parser and email, plain decoding, and for doc, xls, ppt and msg runs of words in the raw bytes. A JSON line each:
{"path", "kind", "phrase"}. `ask` asks each as a phrase; it counts when its file, or a file inside it, is among the hits. The folder
must have been indexed before: Cairn's home, or Recoll's configuration folder, is --home. Prints a JSON line with the counts, all and
by kind, and with --missed a line for each phrase that was not found. CAIRN_BIN names our program."""
import argparse
import email
import email.policy
import html.parser
import json
import mailbox
import os
import random
import re
import subprocess
import xml.etree.ElementTree as tree
import zipfile

CAIRN = os.environ.get("CAIRN_BIN", "build/release/cli/cairn")
PACKED = {"docx": r"word/document\.xml", "pptx": r"ppt/slides/slide\d+\.xml", "xlsx": r"xl/sharedStrings\.xml", "odt": r"content\.xml",
          "ods": r"content\.xml", "odp": r"content\.xml", "epub": r".*\.x?html"}
PLAIN = {"txt", "csv", "vtt", "srt", "md", "rst", "tex"}
MARKED = {"html", "htm", "xhtml"}
TREES = {"xml", "rss", "fb2", "atom"}
RAW = {"doc", "xls", "ppt", "msg"}


class Words(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.parts, self.skip = [], 0

    def handle_starttag(self, tag, attributes):
        self.skip += tag in ("script", "style", "title", "nav", "footer")
        self.parts.append("\n")

    def handle_endtag(self, tag):
        self.skip -= tag in ("script", "style", "title", "nav", "footer")

    def handle_data(self, data):
        if self.skip <= 0:
            self.parts.append(data)


def decode(data):
    for name in ("utf-8", "latin-1"):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            pass
    return ""


def of_tree(data):
    """The text of each element that holds any: a run of words never spans two paragraphs or cells."""
    texts = []
    for e in tree.fromstring(data).iter():
        if re.search(r"[}](p|si|h)$", e.tag) or (e.text and e.text.strip() and "}" not in e.tag):
            texts.append("".join(e.itertext()))
    return texts


def of_mail(message):
    part = message.get_body(("plain",)) if hasattr(message, "get_body") else None
    return [part.get_content()] if part else []


def of_raw(data):
    runs = re.findall(rb"(?:[A-Za-z]{2,14} ){5,}", data)
    runs += [r.replace(b"\0", b"") for r in re.findall(rb"(?:(?:[A-Za-z]\0){2,14} \0){5,}", data)]
    return [r.decode() for r in runs]


def texts(path, kind):
    with open(path, "rb") as f:
        data = f.read()
    if kind == "pdf":
        return subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, errors="replace", timeout=60).stdout.split("\n")
    if kind in PACKED:
        with zipfile.ZipFile(path) as z:
            return [t for n in z.namelist() if re.fullmatch(PACKED[kind], n)
                    for t in (of_tree(z.read(n)) if kind != "epub" else of_html(decode(z.read(n))))]
    if kind in MARKED:
        return of_html(decode(data))
    if kind in TREES:
        return of_tree(data)
    if kind == "eml":
        return of_mail(email.message_from_bytes(data, policy=email.policy.default))
    if kind == "mbox":
        return [t for m in mailbox.mbox(path) for t in of_mail(email.message_from_bytes(m.as_bytes(), policy=email.policy.default))]
    if kind in PLAIN:
        return decode(data).split("\n")
    return of_raw(data) if kind in RAW else []


def of_html(text):
    w = Words()
    w.feed(text)
    return "".join(w.parts).split("\n")


def draw(args):
    rng = random.Random(args.seed)
    with open(args.out, "w", encoding="utf-8") as out:
        for folder, folders, names in os.walk(args.folder):
            folders.sort()
            for name in sorted(names):
                path = os.path.realpath(os.path.join(folder, name))
                kind = name.rsplit(".", 1)[-1].lower()
                try:
                    found = [m.group() for t in texts(path, kind) for m in re.finditer(r"(?:\b[A-Za-z]{3,14} ){3}[A-Za-z]{3,14}\b", t)]
                except Exception:  # the reader's trouble with a hostile file is no phrase
                    continue
                for phrase in rng.sample(sorted(set(found)), min(args.per_file, len(set(found)))):
                    print(json.dumps({"path": path, "kind": kind, "phrase": phrase}), file=out)


def hits(args, phrase):
    if args.peer == "cairn":
        r = subprocess.run([CAIRN, "--json", "search", "--mode", "lexical", "-k", "200", f'"{phrase}"'], capture_output=True, text=True,
                           env=dict(os.environ, CAIRN_HOME=args.home))
        return [p.split("!/")[0] for h in json.loads(r.stdout)["hits"] for p in [h["uri"], *h["places"]]] if r.stdout else []
    r = subprocess.run(["recollq", "-c", args.home, "-b", "-n", "0-200", f'"{phrase}"'], capture_output=True, text=True,
                       env=dict(os.environ, HOME=args.home))
    return [x.removeprefix("file://").split("|")[0] for x in r.stdout.splitlines()]


def ask(args):
    by_kind, missed = {}, []
    with open(args.file, encoding="utf-8") as f:
        for one in map(json.loads, f):
            count = by_kind.setdefault(one["kind"], [0, 0])
            ok = one["path"] in hits(args, one["phrase"])
            count[0] += ok
            count[1] += 1
            if not ok:
                missed.append(one)
    print(json.dumps({"bench": "phrases", "peer": args.peer, "found": sum(c[0] for c in by_kind.values()),
                      "asked": sum(c[1] for c in by_kind.values()), "by_kind": by_kind}))
    for one in missed if args.missed else []:
        print(json.dumps(one))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = p.add_subparsers(dest="verb", required=True)
    d = verbs.add_parser("draw")
    d.add_argument("folder")
    d.add_argument("--out", required=True)
    d.add_argument("--seed", type=int, default=1)
    d.add_argument("--per-file", type=int, default=2)
    a = verbs.add_parser("ask")
    a.add_argument("file")
    a.add_argument("--peer", required=True, choices=["cairn", "recoll"])
    a.add_argument("--home", required=True)
    a.add_argument("--missed", action="store_true")
    args = p.parse_args()
    (draw if args.verb == "draw" else ask)(args)


if __name__ == "__main__":
    main()
