"""Multilingual encoders in folders of safetensors: XLM-RoBERTa's layout with a unigram tokenizer.json, added under a name,
used for vectors and for scores. The models are tiny and made here."""
import json
import os
import random
import string
import struct

from harness import CairnTest, main

SIGN = "\u2581"
PIECES = ["<s>", "<pad>", "</s>", "<unk>", SIGN, ".", *string.ascii_lowercase, *(SIGN + c for c in string.ascii_lowercase), "<mask>"]
HIDDEN, FF, POSITIONS = 32, 64, 130


def tokenizer():
    def special(token):
        return {"SpecialToken": {"id": token, "type_id": 0}}

    def text(name):
        return {"Sequence": {"id": name, "type_id": 0}}

    begin, end = special("<s>"), special("</s>")
    return {"added_tokens": [{"id": i, "content": p, "special": True} for i, p in enumerate(PIECES) if p[0] == "<"],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": SIGN, "add_prefix_space": True}]},
            "post_processor": {"type": "TemplateProcessing", "single": [begin, text("A"), end],
                               "pair": [begin, text("A"), end, end, text("B"), end],
                               "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("<s>", 0), ("</s>", 2))}},
            "model": {"type": "Unigram", "unk_id": 3, "vocab": [[p, 0 if p[0] == "<" else -len(PIECES) / len(p)] for p in PIECES]}}


def small_xlm_roberta(folder, head):
    """One layer, its weights drawn by lot; with a head of one label, or none."""
    draw = random.Random(3)
    prefix = "roberta." if head else ""
    shapes = {prefix + "embeddings.word_embeddings.weight": (len(PIECES), HIDDEN),
              prefix + "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
              prefix + "embeddings.token_type_embeddings.weight": (1, HIDDEN)}
    layer = prefix + "encoder.layer.0."
    linears = [(layer + "attention.self.query", HIDDEN, HIDDEN), (layer + "attention.self.key", HIDDEN, HIDDEN),
               (layer + "attention.self.value", HIDDEN, HIDDEN), (layer + "attention.output.dense", HIDDEN, HIDDEN),
               (layer + "intermediate.dense", FF, HIDDEN), (layer + "output.dense", HIDDEN, FF)]
    linears += [("classifier.dense", HIDDEN, HIDDEN), ("classifier.out_proj", 1, HIDDEN)] if head else []
    for name, out, into in linears:
        shapes[name + ".weight"], shapes[name + ".bias"] = (out, into), (out,)
    norms = [prefix + "embeddings.LayerNorm", layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]
    for name in norms:
        shapes[name + ".weight"] = shapes[name + ".bias"] = (HIDDEN,)
    header, data = {}, b""
    for name, shape in shapes.items():
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        one = name.endswith("LayerNorm.weight")
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [len(data), len(data) + 2 * n]}
        data += struct.pack(f"<{n}e", *((1.0 if one else 0.0) + draw.gauss(0, 0.3) for _ in range(n)))
    text = json.dumps(header).encode()
    os.makedirs(folder)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    config = {"model_type": "xlm-roberta", "hidden_act": "gelu", "hidden_size": HIDDEN, "num_hidden_layers": 1,
              "num_attention_heads": 2, "intermediate_size": FF, "max_position_embeddings": POSITIONS, "type_vocab_size": 1,
              "vocab_size": len(PIECES), "layer_norm_eps": 1e-5, "pad_token_id": 1}
    files = {"config.json": config, "tokenizer.json": tokenizer(),
             "config_sentence_transformers.json": {"prompts": {"query": "", "document": ""}},
             "modules.json": [{"type": "sentence_transformers.models.Transformer"}, {"type": "sentence_transformers.models.Pooling"}],
             "1_Pooling/config.json": {"pooling_mode_mean_tokens": True}}
    os.makedirs(os.path.join(folder, "1_Pooling"))
    for name, content in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(content, f)


def in_two_files(folder):
    """Take model.safetensors apart, every second tensor to another file, and write the index."""
    whole = os.path.join(folder, "model.safetensors")
    with open(whole, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    os.remove(whole)
    index = {"metadata": {}, "weight_map": {}}
    for part in (0, 1):
        name, own, body = f"model-0000{part + 1}-of-00002.safetensors", {}, b""
        for tensor in list(header)[part::2]:
            first, end = header[tensor]["data_offsets"]
            own[tensor] = dict(header[tensor], data_offsets=[len(body), len(body) + end - first])
            body += data[first:end]
            index["weight_map"][tensor] = name
        text = json.dumps(own).encode()
        with open(os.path.join(folder, name), "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text + body)
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as f:
        json.dump(index, f)


class Multilingual(CairnTest):
    def setUp(self):
        super().setUp()
        self.models = os.path.join(self.top, "models")
        self.env = {"CAIRN_MODELS": self.models}

    def add(self, name, head):
        folder = os.path.join(self.top, "from-" + name)
        small_xlm_roberta(folder, head)
        self.run_cairn("model", "add", folder, "--name", name, env=self.env)
        return folder

    def test_vectors(self):
        folder = self.add("many-languages", False)
        self.assertEqual(sorted(os.listdir(os.path.join(self.models, "many-languages"))), sorted(os.listdir(folder)))
        listed = [json.loads(x) for x in self.run_cairn("--json", "model", "list", env=self.env).stdout.splitlines()]
        self.assertIn("many-languages", [m["name"] for m in listed])
        info = self.json("model", "info", "many-languages", env=self.env)
        self.assertEqual((info["format"], info["max_tokens"]), ("safetensors", POSITIONS - 2))
        texts = {"pump": "The pump of the boiler is old.", "roses": "Roses are cut in march.", "train": "A train leaves at nine."}
        for name, text in texts.items():
            self.write(name + ".txt", text)
        conf = self.write("cairn.conf", "[models]\nembedder = many-languages\n", folder=self.top)
        self.assertEqual(self.json("--config", conf, "index", self.docs, env=self.env)["embedded"], 3)
        for name, text in texts.items():
            found = self.json("--config", conf, "search", "--mode", "vector", text, env=self.env)
            self.assertEqual(os.path.basename(found["hits"][0]["uri"]), name + ".txt")

    def test_weights_in_several_files(self):
        line = json.dumps({"id": 1, "text": "The pump of the boiler."}) + "\n"
        folder = self.add("whole", False)
        in_two_files(folder)
        self.run_cairn("model", "add", folder, "--name", "parts", env=self.env)
        self.assertEqual(sorted(os.listdir(os.path.join(self.models, "parts"))), sorted(os.listdir(folder)))
        self.run_cairn("model", "add", folder, "--name", "parts", env=self.env)  # the same again
        whole, parts = (self.run_cairn("model", "embed", "--model", m, "--jsonl", stdin=line, env=self.env).stdout for m in ("whole", "parts"))
        self.assertEqual(whole, parts)
        second = os.path.join(folder, "model-00002-of-00002.safetensors")
        with open(second, "r+b") as f:
            f.seek(-2, os.SEEK_END)
            f.write(b"\0\0")
        self.assertIn("--name", self.run_cairn("model", "add", folder, "--name", "parts", code=2, env=self.env).stderr)
        os.remove(second)
        self.assertIn("00002", self.run_cairn("model", "add", folder, "--name", "less", code=5, env=self.env).stderr)
        self.assertEqual(sorted(os.listdir(self.models)), ["parts", "whole"])

    def test_tokens_and_scores(self):
        self.add("judge", True)
        ids = self.run_cairn("model", "tokenize", "--model", "judge", "--jsonl", stdin='{"id":1,"text":"A b."}\n', env=self.env)
        at = PIECES.index
        got = [i for i in json.loads(ids.stdout)["tokens"] if i not in (0, 2)]
        self.assertEqual(got, [at(SIGN + "a"), at(SIGN + "b"), at(".")])
        lines = "".join(json.dumps({"id": i, "query": "a pump", "text": t}) + "\n" for i, t in enumerate(("an old pump", "roses", "")))
        scored = self.run_cairn("model", "rerank", "--model", "judge", "--jsonl", stdin=lines, env=self.env).stdout.splitlines()
        scores = [json.loads(x)["score"] for x in scored]
        self.assertEqual(len(set(scores)), 3)

    def test_what_is_refused(self):
        folder = os.path.join(self.top, "other")
        small_xlm_roberta(folder, False)
        for kind, says in (("mpnet", "relative positions"), ("modernbert", "rotary"), ("whatever", "only bert, xlm-roberta")):
            with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
                json.dump({"model_type": kind}, f)
            self.assertIn(says, self.run_cairn("model", "add", folder, code=5, env=self.env).stderr)
        self.assertFalse(os.path.exists(self.models))


if __name__ == "__main__":
    main()
