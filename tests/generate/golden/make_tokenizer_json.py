#!/usr/bin/env python3
"""Make tokenizer_json.json: tokenizer.json files of type Unigram as multilingual encoders have them, and what the library
tokenizers (0.23.3) makes of some hundred texts and a pair. The pieces and the character map are those of unigram.json.

usage: make_tokenizer_json.py OUT [SEED], with the package tokenizers"""
import base64
import json
import os
import random
import sys

from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
SIGN = "\u2581"
ODD = ["\uff21\uff22c", "\ufb01ne", "of\ufb03ce", "a\u0308b", "a\u0308\u0304", "o\u0308", "\u200b", "\u00ad", "\t", "\n", "\r\n", "  ", "   ",
       "\u3000", "\u2026", "\u00bd", "\U0001f600", "\u4e2d\u6587", "\u0e44\u0e17\u0e22", SIGN, SIGN + SIGN + "x", "\u00e9", "zzz", "0123", "!?",
       "\u0627\u0644", "\U0001f601", "a", "\u0308", "\ufb01\u0308", "\uff21\u0301", "\ufb01\u200d", "\u00a9\u200d\u00a9", "\u1100\u1161\u0308",
       "\u05d0\u05b8", "\ufb03\u0308\u0308", "\u00a0", "\u0085", "``quoted``", "<user>", "STRASSE", "\u0130\u03a3", "a\u0308\u0308", "\u00bd\u20de",
       "\u2028", "\u000b\u00a0", "\u1100\u1161\u11a8", "q\u0323\u0307", "\ufdfa", "\u0344"]


def special(token, type_id=0):
    return {"SpecialToken": {"id": token, "type_id": type_id}}


def sequence(name, type_id=0):
    return {"Sequence": {"id": name, "type_id": type_id}}


def template(pair):
    return {"type": "TemplateProcessing", "single": [special("<s>"), sequence("A"), special("</s>")], "pair": pair,
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("<s>", 0), ("</s>", 2))}}


XLMR = template([special("<s>"), sequence("A"), special("</s>"), special("</s>"), sequence("B"), special("</s>")])
BERT = template([special("<s>"), sequence("A"), special("</s>"), sequence("B", 1), special("</s>", 1)])
MAP = {"type": "Precompiled", "precompiled_charsmap": "MAP"}


def squeeze(by):
    return {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": by}


def several(*steps):
    return {"type": "Sequence", "normalizers": list(steps)}


# name, normalizer, pre_tokenizer, post_processor, further added tokens
FILES = [
    ("older", MAP,
     {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": SIGN, "add_prefix_space": True}]},
     XLMR, []),
    ("newer", several(MAP, squeeze(" ")), {"type": "Metaspace", "replacement": SIGN, "prepend_scheme": "always", "split": True}, XLMR, []),
    ("first", several({"type": "Strip", "strip_left": False, "strip_right": True}, MAP, squeeze(SIGN)),
     {"type": "Metaspace", "replacement": SIGN, "prepend_scheme": "first", "split": True}, BERT, ["<user>"]),
    ("lower", several({"type": "Replace", "pattern": {"String": "``"}, "content": "\""}, {"type": "Lowercase"},
                      {"type": "Strip", "strip_left": True, "strip_right": True}),
     {"type": "Metaspace", "replacement": SIGN, "prepend_scheme": "never", "split": False},
     {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": True}, []),
    # DeBERTa's, as transformers 4 and 5 write it
    ("deberta", several({"type": "Strip", "strip_left": True, "strip_right": True}, MAP, squeeze(" ")),
     {"type": "Sequence", "pretokenizers": [{"type": "Metaspace", "replacement": SIGN, "prepend_scheme": "always", "split": True}]}, BERT, []),
    ("composed", several({"type": "Replace", "pattern": {"Regex": r"\s{2,}|[\n\r\t]"}, "content": " "}, {"type": "NFC"},
                         {"type": "Strip", "strip_left": False, "strip_right": True}),
     {"type": "Sequence", "pretokenizers": [{"type": "Metaspace", "replacement": SIGN, "prepend_scheme": "first", "split": True}]}, BERT, []),
    ("compatible", {"type": "NFKC"}, {"type": "Metaspace", "replacement": SIGN, "prepend_scheme": "always", "split": True}, BERT, []),
]


def texts(words, rng, count):
    out = ["", " ", "  ", "\t", "\u200b", "a", " a", "a ", "  a  b  ", SIGN, "a\u0308", "\u0308"]
    while len(out) < count:
        parts = [rng.choice(ODD if rng.random() < 0.5 else words) for _ in range(rng.randint(1, 9))]
        out.append("".join(p + rng.choice([" ", " ", "", "  "]) for p in parts))
    return out


def file_of(row, pieces, charsmap):
    name, normalizer, pre, post, further = row
    added = [(i, t, True) for i, t in ((0, "<s>"), (1, "<pad>"), (2, "</s>"), (3, "<unk>"), (len(pieces) - 1, "<mask>"))]
    added += [(len(pieces) + i, t, False) for i, t in enumerate(further)]
    j = {"version": "1.0", "truncation": None, "padding": None,
         "added_tokens": [{"id": i, "content": t, "single_word": False, "lstrip": t == "<mask>", "rstrip": False, "normalized": False,
                           "special": s} for i, t, s in added],
         "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": post,
         "decoder": {"type": "Metaspace", "replacement": SIGN, "prepend_scheme": "always", "split": True}}
    whole = json.loads(json.dumps(j).replace('"MAP"', json.dumps(charsmap)))
    whole["model"] = {"type": "Unigram", "unk_id": 3, "vocab": pieces, "byte_fallback": False}
    return j, Tokenizer.from_str(json.dumps(whole))


def main():
    with open(os.path.join(HERE, "unigram.json"), encoding="ascii") as f:
        row = json.load(f)[0]
    pieces = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]] + [[p, round(s, 5)] for p, s, t in row["pieces"] if t == 1]
    pieces += [["<mask>", 0.0]]
    charsmap = base64.b64encode(bytes.fromhex(row["charsmap"])).decode()
    words = [w for t, _ in row["texts"] for w in t.split() if "<" not in w][:600]
    lines = texts(words, random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 11), 160)
    out = {"library": "tokenizers 0.23.3", "vocab": pieces, "charsmap": charsmap, "texts": lines, "files": []}
    for each in FILES:
        j, t = file_of(each, pieces, charsmap)
        pair = t.encode("a river", "the sea")
        out["files"].append({"name": each[0], "file": j, "ids": [t.encode(x).ids for x in lines], "pair": pair.ids,
                             "types": pair.type_ids})
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump(out, f, separators=(",", ":"))


main()
