#!/usr/bin/env python3
"""Make unigram.json: two small vocabularies trained by SentencePiece (0.2.1), with a normaliser of their own, and
what its library makes of some hundred texts. usage: make_unigram.py OUT, with the package sentencepiece."""
import glob
import io
import json
import os
import random
import sys

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.join(HERE, "../../../fixtures/library")


def rules():
    """Code points (some of several) and what they become: full-width forms, ligatures, marks, white space, nothing."""
    out = {(0xFF01 + i,): (0x21 + i,) for i in range(94)}
    out.update({(9,): (32,), (10,): (32,), (0xA0,): (32,), (0x3000,): (32,), (0xFB01,): (102, 105), (0xFB03,): (102, 102, 105),
                (0x200B,): (), (0xAD,): (), (97, 0x308): (0xE4,), (97, 0x308, 0x304): (0x1DF,), (111, 0x308): (0xF6,),
                (0x2026,): (46, 46, 46), (0xBD,): (49, 0x2044, 50), (0x1F600,): (58, 41), (0x2581,): (32,)})
    return out


def library():
    """Lines of the fixtures."""
    lines = []
    for path in sorted(glob.glob(os.path.join(LIBRARY, "**", "*"), recursive=True)):
        if path.endswith((".md", ".txt")):
            with open(path, encoding="utf-8", errors="replace") as f:
                lines += [x for x in f.read().split("\n") if x.strip()]
    return lines


def texts():
    rng = random.Random(7)
    words = " ".join(library()[:200]).split()
    odd = ["\uff21\uff22c", "\ufb01ne", "of\ufb03ce", "a\u0308b", "a\u0308\u0304", "o\u0308", "\u200b", "\u00ad", "\t", "\n", "  ", "   ", "\u3000",
           "\u2026", "\u00bd", "\U0001f600", "\u4e2d\u6587", "\u0e44\u0e17\u0e22", "\u2581", "\u2581\u2581x", "<s>", "</s>", "<unk>", "\u00e9", "zzz",
           "0123", "!?", "\u0627\u0644", "\U0001f601", "a", "\u0308"]
    out = ["", " ", "  ", "\t", "\u200b", "a", " a", "a ", "  a  b  ", "\u2581", "a\u0308", "\u0308"]
    for _ in range(400):
        parts = [rng.choice(odd if rng.random() < 0.4 else words) for _ in range(rng.randint(1, 9))]
        out.append("".join(p + rng.choice([" ", " ", "", "  "]) for p in parts))
    return out


def train(keep_spaces):
    lines = library()
    tsv = OUT + ".tsv"
    with open(tsv, "w", encoding="utf-8") as f:
        for a, b in sorted(rules().items()):
            f.write(" ".join("%X" % x for x in a) + "\t" + " ".join("%X" % x for x in b) + "\n")
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(lines[:3000]), model_writer=model, vocab_size=600, model_type="unigram",
                                   normalization_rule_tsv=tsv, remove_extra_whitespaces=not keep_spaces, hard_vocab_limit=False,
                                   character_coverage=0.9995, num_threads=1, minloglevel=2)
    os.remove(tsv)
    return model.getvalue()


def row(keep_spaces):
    data = train(keep_spaces)
    proto = pb.ModelProto()
    proto.ParseFromString(data)
    sp = spm.SentencePieceProcessor(model_proto=data)
    return {"remove_extra_whitespaces": proto.normalizer_spec.remove_extra_whitespaces,
            "pieces": [[p.piece, p.score, p.type] for p in proto.pieces],
            "charsmap": proto.normalizer_spec.precompiled_charsmap.hex(),
            "bos": sp.bos_id(), "eos": sp.eos_id(), "unk": sp.unk_id(),
            "texts": [[t, sp.encode(t)] for t in texts()]}


OUT = sys.argv[1]
with open(OUT, "w", encoding="ascii") as f:
    json.dump([row(False), row(True)], f, separators=(",", ":"))
