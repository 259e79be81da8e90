"""The models through the program: tokens, templates, vectors and greedy texts against the reference
outputs of other engines where those lie beside the repository, and a cited answer on a small folder.
"""
import base64
import gzip
import json
import math
import os
import unittest

from harness import CairnTest, SHARED, main, model_path, need_model

REFERENCE = os.path.join(SHARED, "reference")
need_reference = unittest.skipUnless(os.path.isdir(REFERENCE), "no reference outputs beside the repository")


def rows(name):
    with gzip.open(os.path.join(REFERENCE, name), "rt", encoding="utf-8") as f:
        return [json.loads(x) for x in f]


def lines(items):
    return "".join(json.dumps(x) + "\n" for x in items)


class Models(CairnTest):
    def stream(self, verb, model, items, *flags, **more):
        out = self.run_cairn("model", verb, "--model", model, "--jsonl", *flags, stdin=lines(items), **more).stdout
        return [json.loads(x) for x in out.splitlines()]

    @need_model("smollm2-135m", "model.gguf")
    @need_reference
    def test_tokens(self):
        strings = rows("strings.jsonl.gz")
        items = [{"id": s["i"], **({"b64": s["b"]} if "b" in s else {"text": s["s"]})} for s in strings]
        got = {r["id"]: r.get("tokens") for r in self.stream("tokenize", "smollm2-135m", items)}
        self.assertEqual(len(got), len(strings))  # broken bytes are answered, too
        want = {r["i"]: r["ff"] for r in rows("tok.smollm2.jsonl.gz")[1:] if "ff" in r}
        invalid = {s["i"] for s in strings if s["c"] == "invalid"}
        wrong = [i for i in want if i not in invalid and got[i] != want[i]]
        self.assertEqual(wrong, [])

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    @need_reference
    def test_template(self):
        all_rows = rows("templates.jsonl.gz")[1:]
        mine = [r for r in all_rows if r["model"] == "qwen05" and "expected" in r]
        items = [{"id": i, "messages": r["messages"], "tools": r["tools"],
                  "add_generation_prompt": r["add_generation_prompt"]} for i, r in enumerate(mine)]
        got = self.stream("template", "qwen2.5-coder-0.5b", items)
        self.assertEqual([g.get("text") for g in got], [r["expected"] for r in mine])

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_vectors(self):
        items = [{"id": 1, "text": "The lease ends in May."}, {"id": 2, "text": "Der Mietvertrag endet im Mai."},
                 {"id": 3, "text": "Boil the potatoes for twenty minutes."}, {"id": 4, "text": ""}]
        v = {r["id"]: r["vector"] for r in self.stream("embed", "multilingual-e5-small", items)}
        for x in v.values():
            self.assertEqual(len(x), 384)
            self.assertAlmostEqual(math.fsum(a * a for a in x), 1.0, places=4)
        dot = lambda a, b: math.fsum(x * y for x, y in zip(v[a], v[b]))
        self.assertGreater(dot(1, 2), dot(1, 3) + 0.05)
        again = self.stream("embed", "multilingual-e5-small", items[::-1], "--threads", "1")
        self.assertEqual({r["id"]: r["vector"] for r in again}, v)

    @need_model("smollm2-135m", "model.gguf")
    def test_generation_repeats_itself(self):
        item = {"id": "a", "messages": [{"role": "user", "content": "Name three colours."}], "max_tokens": 24,
                "temperature": 0.8, "seed": 11}
        one = self.stream("generate", "smollm2-135m", [item])[0]
        two = self.stream("generate", "smollm2-135m", [item], "--threads", "1")[0]
        self.assertEqual(one["text"], two["text"])
        self.assertEqual(one["tokens"], two["tokens"])
        self.assertGreater(one["timings"]["ttft_ms"], 0)
        other = self.stream("generate", "smollm2-135m", [dict(item, seed=12)])[0]
        self.assertNotEqual(one["tokens"], other["tokens"])

    @need_model("smollm2-135m", "model.gguf")
    @need_reference
    def test_greedy_follows_the_reference(self):
        reference = rows("greedy.smollm2.jsonl.gz")[1:]
        items = [{"id": i, "prompt": r["prompt"], "max_tokens": 64, "temperature": 0}
                 for i, r in enumerate(reference)]
        for g, r in zip(self.stream("generate", "smollm2-135m", items), reference):
            for step, (a, b) in enumerate(zip(g["tokens"], r["ids"])):
                if a != b:
                    # Different roundings may choose the other of two close tokens, never of two distant ones.
                    self.assertLess(r["margin"][step], 1.0, f"prompt {g['id']}, step {step}")
                    break

    @need_model("smollm2-135m", "model.gguf")
    def test_bad_lines_get_an_error_and_the_rest_an_answer(self):
        out = self.run_cairn("model", "tokenize", "--model", "smollm2-135m", "--jsonl",
                             stdin='{"id":1,"text":"a"}\nnonsense\n{"id":2}\n{"id":3,"b64":"!"}\n{"id":4,"text":"b"}\n').stdout
        got = [json.loads(x) for x in out.splitlines()]
        self.assertEqual([("tokens" in g) for g in got], [True, False, False, False, True])

    @need_model("smollm2-135m", "model.gguf")
    def test_quantize(self):
        text = self.write("text.txt", "The lease of the flat ends with the summer. The notice period is three months, "
                          "and the deposit of two rents is paid back within half a year after that.")
        small = os.path.join(self.top, "small.gguf")
        r = json.loads(self.run_cairn("model", "quantize", "--model", "smollm2-135m", "--type", "q8_0", "--output", small,
                                      "--file", text).stdout)
        self.assertEqual(r["type"], "Q8_0")
        self.assertTrue(r["quantised_before"])
        self.assertEqual(os.path.getsize(small), r["bytes_after"])
        self.assertGreater(r["bytes_after"], r["bytes_before"])  # most of it was Q4_1
        self.assertGreater(r["ppl_after"], 1)
        self.assertLess(abs(r["ppl_after"] / r["ppl_before"] - 1), 0.1)
        got = self.stream("generate", small, [{"id": 1, "prompt": "The capital of France is", "max_tokens": 4}])
        self.assertIn("Paris", got[0]["text"])
        for args, code, what in ((["--type", "Q2_K", "--output", small], 2, "Q4_K"), (["--type", "Q8_0"], 2, "--output"),
                                 (["--type", "Q8_0", "--output", self.top + "/none/x"], 3, "none")):
            self.assertIn(what, self.run_cairn("model", "quantize", "--model", "smollm2-135m", *args, code=code).stderr)
        self.assertEqual(sorted(os.listdir(self.top)), ["docs", "small.gguf"])

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_ask(self):
        lease = self.write("lease.md", "# Lease of the flat in Elm Street\n\n## Termination\n\nThe tenant may end the lease with "
                           "three months notice to the end of a quarter.\n\n## Rent\n\nThe rent is 840 euro a month.\n")
        self.write("pump.txt", "The pump P-7 has a warranty of 24 months. Its serial number is 88412.\n")
        self.index(vectors=True)
        a = self.json("ask", "How much is the rent of the flat in Elm Street?")
        self.assertFalse(a["refused"])
        self.assertIn("840", a["answer"])
        self.assertEqual(a["citations"][0]["uri"], lease)
        self.assertTrue(a["citations"][0]["supported"])
        self.assertIn("840", a["citations"][0]["text"])
        self.assertGreater(a["usage"]["prompt_tokens"], 50)
        again = self.json("ask", "How much is the rent of the flat in Elm Street?", "--threads", "1")
        self.assertEqual(again["answer"], a["answer"])
        no = self.json("ask", "Which airline flies from Lisbon to Nairobi on Tuesdays?", code=1)
        self.assertTrue(no["refused"])
        self.assertEqual(no["citations"], [])

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_search_by_meaning_across_languages(self):
        p = self.write("de.txt", "Der Mieter kann den Vertrag mit einer Frist von drei Monaten kündigen.")
        self.write("x.txt", "Boil the potatoes for twenty minutes and add salt.")
        self.index(vectors=True)
        hits = self.json("search", "--mode", "vector", "notice period of the lease")["hits"]
        self.assertEqual(hits[0]["uri"], p)


if __name__ == "__main__":
    main()
