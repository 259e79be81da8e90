"""A reranker with attention by relative positions (DeBERTa) in a folder of safetensors, added under a name, told from
others, and asked by a search. The model is tiny and made here."""
import json
import os
import random
import string
import struct

from harness import CairnTest, main, need_model

E5 = need_model("multilingual-e5-small", "e5-small-q4.bin")
SIGN = "\u2581"
PIECES = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", SIGN, ".", *string.ascii_lowercase, *(SIGN + c for c in string.ascii_lowercase), "[MASK]"]
HIDDEN, FF, BUCKETS = 32, 64, 16


def tokenizer():
    def special(token, type_id=0):
        return {"SpecialToken": {"id": token, "type_id": type_id}}

    def text(name, type_id=0):
        return {"Sequence": {"id": name, "type_id": type_id}}

    begin, end = special("[CLS]"), special("[SEP]")
    return {"added_tokens": [{"id": i, "content": p, "special": True} for i, p in enumerate(PIECES) if p[0] == "["],
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": r"\s{2,}|[\n\r\t]"}, "content": " "}, {"type": "NFC"},
                {"type": "Strip", "strip_left": False, "strip_right": True}]},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Metaspace", "replacement": SIGN, "prepend_scheme": "always", "split": True}]},
            "post_processor": {"type": "TemplateProcessing", "single": [begin, text("A"), end],
                               "pair": [begin, text("A"), end, text("B", 1), special("[SEP]", 1)],
                               "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("[CLS]", 1), ("[SEP]", 2))}},
            "model": {"type": "Unigram", "unk_id": 3, "vocab": [[p, 0 if p[0] == "[" else -len(PIECES) / len(p)] for p in PIECES]}}


def small_deberta(folder, labels=1, **changed):
    """Two layers, their weights drawn by lot, as mxbai-rerank-v1 has them."""
    draw = random.Random(4)
    shapes = {"deberta.embeddings.word_embeddings.weight": (len(PIECES), HIDDEN), "deberta.encoder.rel_embeddings.weight": (2 * BUCKETS, HIDDEN)}
    norms, linears = ["deberta.embeddings.LayerNorm", "deberta.encoder.LayerNorm"], []
    for i in range(2):
        layer = f"deberta.encoder.layer.{i}."
        linears += [(layer + "attention.self." + p, HIDDEN, HIDDEN) for p in ("query_proj", "key_proj", "value_proj")]
        linears += [(layer + "attention.output.dense", HIDDEN, HIDDEN), (layer + "intermediate.dense", FF, HIDDEN), (layer + "output.dense", HIDDEN, FF)]
        norms += [layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]
    for name, out, into in linears + [("pooler.dense", HIDDEN, HIDDEN), ("classifier", labels, HIDDEN)]:
        shapes[name + ".weight"], shapes[name + ".bias"] = (out, into), (out,)
    for name in norms:
        shapes[name + ".weight"] = shapes[name + ".bias"] = (HIDDEN,)
    header, data = {}, b""
    for name, shape in shapes.items():
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        one = name.endswith("LayerNorm.weight")
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [len(data), len(data) + 2 * n]}
        data += struct.pack(f"<{n}e", *((1.0 if one else 0.0) + draw.gauss(0, 0.3) for _ in range(n)))
    text = json.dumps(header).encode()
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    config = {"model_type": "deberta-v2", "hidden_act": "gelu", "hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 2,
              "intermediate_size": FF, "max_position_embeddings": 512, "max_relative_positions": -1, "position_buckets": BUCKETS,
              "pos_att_type": ["p2c", "c2p"], "relative_attention": True, "share_att_key": True, "norm_rel_ebd": "layer_norm",
              "position_biased_input": False, "type_vocab_size": 0, "vocab_size": len(PIECES), "layer_norm_eps": 1e-7,
              "pooler_hidden_act": "gelu", "pooler_hidden_size": HIDDEN, **changed}
    for name, content in (("config.json", config), ("tokenizer.json", tokenizer())):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(content, f)


class Deberta(CairnTest):
    def setUp(self):
        super().setUp()
        self.models = os.path.join(self.top, "models")
        self.env = {"CAIRN_MODELS": self.models}
        self.folder = os.path.join(self.top, "judge-folder")

    def test_tokens_and_scores(self):
        small_deberta(self.folder)
        self.run_cairn("model", "add", self.folder, "--name", "judge", env=self.env)
        self.assertEqual(self.json("model", "info", "judge", env=self.env)["max_tokens"], 512)
        ids = self.run_cairn("model", "tokenize", "--model", "judge", "--jsonl", stdin='{"id":1,"text":"A\\n B. "}\n', env=self.env)
        at = PIECES.index
        got = [i for i in json.loads(ids.stdout)["tokens"] if i not in (1, 2)]
        self.assertEqual(got, [at(SIGN + "a"), at(SIGN + "b"), at(".")])
        lines = "".join(json.dumps({"id": i, "query": "a pump", "text": t}) + "\n" for i, t in enumerate(("an old pump", "roses", "", "an old pump")))
        scores = {}
        for way in ([], ["--exact"]):
            done = self.run_cairn("model", "rerank", "--model", "judge", *way, "--jsonl", stdin=lines, env=self.env).stdout.splitlines()
            scores[len(way)] = [json.loads(x)["score"] for x in done]
        self.assertEqual(len(set(scores[0])), 3)
        self.assertEqual(scores[0][0], scores[0][3])
        for fast, exact in zip(scores[0], scores[1]):
            self.assertAlmostEqual(fast, exact, delta=0.02)

    @E5
    def test_a_search_is_reranked(self):
        small_deberta(self.folder)
        for name, text in (("pump", "The pump of the boiler has a warranty of two years from the day of delivery."),
                           ("service", "The boiler is serviced once a year by the workshop in the north of the town."),
                           ("roses", "Roses are cut in March, and the lawn is sown in April when the soil is warm.")):
            self.write(name + ".txt", text)
        self.index(vectors=True)
        found = {}
        for weight in ("0.01", "1"):
            conf = self.write("cairn.conf", f"[models]\nreranker = {self.folder}\n[search]\nrerank = cross-encoder\nrerank_weight = {weight}\n", folder=self.top)
            found[weight] = self.json("--config", conf, "search", "--explain", "how long is the warranty of the pump")
            self.assertEqual(found[weight]["stages"]["reranked"], len(found[weight]["hits"]))
        reread = {os.path.basename(h["uri"]): h["scores"]["reread"] for h in found["0.01"]["hits"]}
        self.assertEqual(len(set(reread.values())), len(reread))
        self.assertTrue(all(0 < s < 1 for s in reread.values()), reread)
        order = [os.path.basename(h["uri"]) for h in found["1"]["hits"]]
        self.assertEqual(order, sorted(order, key=reread.get, reverse=True))
        self.assertEqual(os.path.basename(found["0.01"]["hits"][0]["uri"]), "pump.txt")

    def test_what_is_refused(self):
        for changed, says in (({"conv_kernel_size": 3}, "convolution"), ({"pos_att_type": "p2p"}, "p2p"), ({"position_buckets": 8}, "rel_embeddings"),
                              ({"model_type": "deberta"}, "deberta")):
            small_deberta(self.folder, **changed)
            self.assertIn(says, self.run_cairn("model", "add", self.folder, code=5, env=self.env).stderr)
        self.assertFalse(os.path.exists(self.models))


if __name__ == "__main__":
    main()
