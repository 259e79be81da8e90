#!/usr/bin/env python3
"""Write static.json: vectors of the catalogue's static embedder as its own package computes them.

    pip install --no-deps tokenlearn-static-model==0.1.1; python3 make_static.py
"""
import json
import os

import static_model

TEXTS = ["The lease ends in March 2026.", "Der Mietvertrag endet im März; Kündigungsfrist drei Monate...", "naïve café ﬁne ½ 東京 ??? 🙂🙂 x",
         "  leading and   double  spaces ", "tab\tand\nnewline", "e-mail: ada@example.org, https://x.org/a?b=1", "house 𐎀𐎁 b.",
         "word " * 700, "انتهى عقد الإيجار"]

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "static.json"), "w", encoding="utf-8") as f:
    rows = [{"text": t, "vector": [round(x, 8) for x in v]} for t, v in zip(TEXTS, static_model.get_embeddings(TEXTS))]
    f.write("[" + ",\n ".join(json.dumps(r, ensure_ascii=False) for r in rows) + "]\n")
