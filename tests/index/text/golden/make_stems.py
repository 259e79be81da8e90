"""make_stems.py > stems.tsv - words of real texts with their stems by PyStemmer, a judge of its own.

The words are those of the message catalogues of programs (gettext .mo files under --catalogues), sixty a
language, drawn with a fixed seed. Columns: language, word (case-folded), stem. PyStemmer brings
its own Snowball, newer than the library that Cairn links: the test says how much they may differ.
"""
import argparse
import gettext
import glob
import random
import re
import unicodedata

import Stemmer

LANGUAGES = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch_porter", "no": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}
# Snowball 3 replaced the Dutch algorithm; the one that version 2 calls "dutch" is "dutch_porter" there.
WHERE = {"no": "nb", "en": "en_GB"}

parser = argparse.ArgumentParser()
parser.add_argument("--catalogues", default="/usr/share/locale")
parser.add_argument("--words", type=int, default=60)
options = parser.parse_args()
for code, algorithm in sorted(LANGUAGES.items()):
    words = set()
    for path in sorted(glob.glob(f"{options.catalogues}/{WHERE.get(code, code)}/LC_MESSAGES/*.mo")):
        try:
            with open(path, "rb") as f:
                messages = gettext.GNUTranslations(f)._catalog.values()
        except (OSError, UnicodeDecodeError, ValueError, IndexError):
            continue
        for m in messages:
            for w in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", str(m))):
                w = unicodedata.normalize("NFKC", w.casefold())
                latin = all(ord(c) < 0x250 for c in w)
                if 4 <= len(w) <= 20 and latin == (code not in ("ar", "el", "hi", "hy", "ne", "ru", "ta", "yi", "sr")):
                    words.add(w)
    stemmer = Stemmer.Stemmer(algorithm)
    random.seed(7)
    chosen = sorted(random.sample(sorted(words), min(options.words, len(words))))
    for w in chosen:
        print(code, w, stemmer.stemWord(w), sep="\t")
