#!/usr/bin/env python3
"""Make pretokenize.json: the words that the library tokenizers (0.23.3) cuts random texts of many scripts into, by the
expressions that published tokenizer.json files have.

usage: make_pretokenize.py OUT [COUNT [SEED]], with the package tokenizers"""
import json
import random
import sys
import unicodedata

from tokenizers import Regex, pre_tokenizers

CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACE = r"\s*[\r\n]+|\s+(?!\S)|\s+"
CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
HAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
LETTERS = ("A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386"
           "\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba"
           "\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d"
           "\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc"
           "\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184"
           "\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf"
           "\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2"
           "\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943")
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"
RULES = {
    "gpt-2": [GPT2],
    "smollm": [r"\p{N}", GPT2],
    "qwen2": [CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACE],
    "llama-bpe": [CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACE],
    "tekken": [CASED + "*" + LOWER + "+|" + CASED + "+" + LOWER + r"*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACE],
    "gpt-4o": [CASED + "*" + LOWER + "+" + CONTRACTION + "?|" + CASED + "+" + LOWER + "*" + CONTRACTION +
               r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACE],
    "qwen35": [CONTRACTION + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + SPACE],
    "seed-coder": [CONTRACTION + "|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|" + SPACE],
    "bailingmoe": [r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
    "deepseek-llm": ["[\r\n]", r"\s?[" + LETTERS + "]+", "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", r"\s+$", HAN, r"\p{N}+"],
    "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", HAN, r"\p{N}"],
    "deepseek-v3": [r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
                    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|" + SPACE],
    "bloom": [BLOOM],
    "viking": [BLOOM, r"\p{N}"],
}
WORDS = ("The quick HelloWorld iPhone XMLHttp don't DON'T we'll We'LL it's IT'S 'tis o'clock 's 'RE 3.14 12345 1,000,000 v2 x86_64 a/b//c "
         "http://a.b/c?d=e foo(bar) #include <x> -> => ++ == ... !? \u00bfque? caf\u00e9 na\u00efve \u00c9cole stra\u00dfe \u0130stanbul \u0416\u0443\u043a "
         "\u0391\u03b8\u03ae\u03bd\u03b1 \u4e2d\u6587\u5b57 \u3072\u3089\u304c\u306a \u30ab\u30bf\u30ab\u30ca \ud55c\uad6d\uc5b4 \u0e44\u0e17\u0e22 \u0939\u093f\u0928\u094d\u0926\u0940\u0964 "
         "\u0627\u0644\u0639\u0631\u0628\u064a\u0629\u060c \u05e2\u05d1\u05e8\u05d9\u05ea \u1100\u1161 a\u0308b \u0308x \u01c5ep \u02b0a \u2126m \u00bd \u2167 \u0663\u0664 \uff11\uff12 \uff21\uff42 "
         "\U0001f600 \U0001f468\u200d\U0001f469 \u2026 \u201cq\u201d \u2018s\u2019 \u3001\u3002 (a|b) [x] {y} $5 \u20ac9 a\u00adb \u200b _ __init__ \u01bbx \u00aa \u10d0\u10d1 \u1c90\u10d0").split()
GAPS = ["", "", " ", " ", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", " \n", "\n ", " \n\n  ", "\u00a0", "\u3000", "\u2028", "\u0085", "/", "/\n", "'", "\x01", "\x7f"]


def texts(rng, count):
    letters = [c for c in map(chr, list(range(1, 0x3400)) + list(range(0x4E00, 0x4E40)) + list(range(0xA000, 0xD800, 7)) +
                               list(range(0xF900, 0x10000)) + list(range(0x10000, 0x1F700, 5)))
               if unicodedata.category(c) not in ("Cn", "Cs", "Co")]
    out = ["", " ", "a", "'", "\n"]
    while len(out) < count:
        parts = [rng.choice(WORDS) if rng.random() < .7 else "".join(rng.choice(letters) for _ in range(rng.randint(1, 3)))
                 for _ in range(rng.randint(1, 8))]
        out.append("".join(p + rng.choice(GAPS) for p in parts))
    return out


def main():
    count, seed = (int(sys.argv[2]) if len(sys.argv) > 2 else 150), (int(sys.argv[3]) if len(sys.argv) > 3 else 5)
    lines = texts(random.Random(seed), count)
    out = {"library": "tokenizers 0.23.3", "texts": lines, "rules": {}}
    for name, steps in RULES.items():
        pre = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(x), "isolated") for x in steps])
        out["rules"][name] = [[len(w.encode()) for w, _ in pre.pre_tokenize_str(x)] for x in lines]
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump(out, f, separators=(",", ":"))


main()
