#!/usr/bin/env python3
"""A model of entailment (models.entailment): asked by hand, and asked whether sentences of an answer follow from what they
cite. The model is made here so that it is known what it says: a pair with the word "obsolete" is a contradiction, any other is
entailed."""
import contextlib
import ctypes
import json
import os
import sqlite3
import struct

from harness import CairnTest, main, need_model
from serving import Server
from test_mcp import Stdio

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "obsolete", *"abcdefghijklmnopqrstuvwxyz", *("##" + c for c in "abcdefghijklmnopqrstuvwxyz")]
HIDDEN, POSITIONS = 64, 512
NAMES = ["contradiction", "entailment", "neutral"]
QUESTION = "How long is the warranty of the pump P-7?"


def toy(folder, names=None, bias=3.0):
    """One layer whose first token looks for that word wherever it stands and otherwise at all tokens alike."""
    names = names or NAMES
    tensors = {}

    def put(name, shape, **cells):
        values = [0.0] * (shape[0] * (shape[1] if len(shape) > 1 else 1))
        for at, v in cells.get("at", {}).items():
            values[at] = v
        tensors[name] = (shape, values)

    word = {w * HIDDEN + 5: 3.0 for w in range(len(VOCAB))}
    word[VOCAB.index("obsolete") * HIDDEN + 1] = 9.0
    same = {d * HIDDEN + d: 1.0 for d in range(HIDDEN)}
    put("bert.embeddings.word_embeddings.weight", (len(VOCAB), HIDDEN), at=word)
    put("bert.embeddings.position_embeddings.weight", (POSITIONS, HIDDEN))
    put("bert.embeddings.token_type_embeddings.weight", (2, HIDDEN))
    layer = "bert.encoder.layer.0."
    put(layer + "attention.self.query.weight", (HIDDEN, HIDDEN))
    put(layer + "attention.self.query.bias", (HIDDEN,), at={0: 20.0})
    put(layer + "attention.self.key.weight", (HIDDEN, HIDDEN), at={1: 10.0})
    put(layer + "attention.self.key.bias", (HIDDEN,))
    for part in ("attention.self.value", "attention.output.dense"):
        put(layer + part + ".weight", (HIDDEN, HIDDEN), at=same)
        put(layer + part + ".bias", (HIDDEN,))
    for part in ("intermediate.dense", "output.dense"):
        put(layer + part + ".weight", (HIDDEN, HIDDEN))
        put(layer + part + ".bias", (HIDDEN,))
    for norm in ("bert.embeddings.LayerNorm", layer + "attention.output.LayerNorm", layer + "output.LayerNorm"):
        put(norm + ".weight", (HIDDEN,), at={d: 1.0 for d in range(HIDDEN)})
        put(norm + ".bias", (HIDDEN,))
    put("bert.pooler.dense.weight", (HIDDEN, HIDDEN), at={HIDDEN + 1: 1.0})
    put("bert.pooler.dense.bias", (HIDDEN,))
    put("classifier.weight", (len(names), HIDDEN), at={1: 30.0})
    put("classifier.bias", (len(names),), at={1: bias, len(names) - 1: -3.0})
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += struct.pack(f"<{len(values)}f", *values)
    text = json.dumps(header).encode()
    os.makedirs(folder)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    config = {"model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 1,
              "intermediate_size": HIDDEN, "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "vocab_size": len(VOCAB),
              "layer_norm_eps": 1e-12, "id2label": {str(i): n for i, n in enumerate(names)}}
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f)
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(VOCAB) + "\n")


class Openings:
    """How often the folder itself was opened meanwhile, as the kernel counts (inotify)."""
    CREATE_NONBLOCK, IN_OPEN = 0o4000, 0x20

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(self.CREATE_NONBLOCK)
        assert libc.inotify_add_watch(self.fd, os.fsencode(folder), self.IN_OPEN) >= 0, os.strerror(ctypes.get_errno())

    def end(self):
        n = 0
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            while data:
                length = struct.unpack_from("=iIII", data)[3]
                n += not length  # what lies in it has a name
                data = data[16 + length:]
        os.close(self.fd)
        return n


class Entailment(CairnTest):
    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.top, "judge")
        toy(self.folder)

    def settings(self, lines, entailment=None):
        return self.write("cairn.conf", f"[models]\nentailment = {entailment or self.folder}\n{lines}", folder=self.top)

    def library(self, *more):
        self.write("pump.txt", "The pump P-7 has a warranty of 24 months. " + " ".join(more) + "\n")
        for i in range(8):  # something to stand out from
            self.write(f"note{i}.txt", f"Note {i}: the garden path number {i} was swept and the hedge was cut.\n")
        self.index()

    def ask(self, conf, *more, code=0):
        return self.json("--config", conf, "ask", "--mode", "lexical", "--no-cache", *more, QUESTION, code=code)

    def test_by_hand(self):
        lines = "".join(json.dumps({"id": i, "premise": p, "hypothesis": "the pump runs"}) + "\n"
                        for i, p in enumerate(("the pump runs well", "this is obsolete", "")))
        out = self.run_cairn("model", "entail", "--model", self.folder, "--jsonl", stdin=lines).stdout.splitlines()
        rows = [json.loads(x) for x in out]
        self.assertEqual([r["id"] for r in rows], [0, 1, 2])
        for r, most in zip(rows, ("entailment", "contradiction", "entailment")):
            self.assertGreater(r[most], 0.9)
            self.assertAlmostEqual(r["entailment"] + r["neutral"] + r["contradiction"], 1, places=5)
        info = self.json("model", "info", self.folder)
        self.assertEqual((info["labels"], info["entails"], info["reranks"]), (NAMES, True, False))
        missing = self.run_cairn("model", "entail", "--model", self.folder, "--jsonl", stdin='{"id":1,"premise":"a"}\n', code=None)
        self.assertIn("hypothesis", missing.stdout + missing.stderr)

    def test_outputs_without_names_are_refused(self):
        nameless = os.path.join(self.top, "nameless")
        toy(nameless, ["LABEL_0", "LABEL_1", "LABEL_2"])
        done = self.run_cairn("model", "entail", "--model", nameless, "--jsonl", stdin="", code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('"id2label": {"0": "contradiction"', done.stderr)
        self.assertFalse(self.json("model", "info", nameless)["entails"])

    def test_auto_takes_an_added_one(self):
        models = os.path.join(self.top, "models")
        env = {"CAIRN_MODELS": models}
        self.run_cairn("model", "add", self.folder, "--name", "judge", env=env)
        listed = [json.loads(x) for x in self.run_cairn("--json", "model", "list", env=env).stdout.splitlines()]
        self.assertEqual([m["use"] for m in listed if m["name"] == "judge"], ["added, entailment"])
        self.library()
        found = [x for x in self.json("doctor", env=env)["findings"] if x["what"] == "entailment"]
        self.assertEqual(len(found), 1, found)
        self.assertIn("judge", found[0]["text"])

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_auto_looks_for_it_once_an_answer(self):
        models = os.path.join(self.top, "models")
        env = {"CAIRN_MODELS": models}
        self.run_cairn("model", "add", self.folder, "--name", "judge", env=env)
        self.library()
        opened = {}
        for entailment in ("auto", self.folder):
            conf = self.settings("", entailment)
            watch = Openings(models)
            a = self.json("--config", conf, "ask", "--mode", "lexical", "--receipt", os.path.join(self.top, "r.json"), QUESTION, env=env)
            opened[entailment] = watch.end()
            self.assertIsNone(a["cached"])
            self.assertTrue(a["entailment"]["sentences"][0]["held"])
            with open(os.path.join(self.top, "r.json"), encoding="utf-8") as f:
                self.assertEqual(json.load(f)["entailment"], a["entailment"]["model"])
        self.assertEqual(opened["auto"], opened[self.folder] + 1)

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_servers_and_agents_are_told_the_same(self):
        self.library()
        conf = self.settings("[ask]\ncache = off\n")
        here = self.ask(conf)["entailment"]
        server = Server(self.home, "--config", conf, "--embedder", "/nonexistent/model")
        self.addCleanup(server.stop)
        there = server.json("POST", "/api/v1/ask", {"question": QUESTION, "mode": "lexical"})
        self.assertEqual(there["entailment"], here)
        mcp = Stdio(self.home, "--config", conf)
        try:
            told = mcp.call("tools/call", name="ask", arguments={"question": QUESTION, "mode": "lexical"})["result"]
        finally:
            mcp.end()
        self.assertEqual(told["structuredContent"]["entailment"], here)
        self.assertRegex(told["content"][0]["text"], r"Follows \(1\.00; neutral 0\.00, contradiction 0\.00\): .*24 months")

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_what_follows_is_said_with_its_chances(self):
        self.library()
        a = self.ask(self.settings(""))
        self.assertIn("24 months", a["answer"])
        self.assertFalse(a["extractive"])
        self.assertTrue(a["entailment"]["model"].startswith("judge-1x64-"))
        sentence = a["entailment"]["sentences"][0]
        self.assertIn("24", sentence["text"])
        self.assertTrue(sentence["held"])
        self.assertGreater(sentence["entailment"], 0.9)
        self.assertEqual(os.path.basename(sentence["uri"]), "pump.txt")
        told = self.run_cairn("--config", self.settings(""), "ask", "--mode", "lexical", "--no-cache", "--explain", QUESTION)
        self.assertIn("follows (", told.stdout)
        # The same words without the model, and where it is not to be asked.
        for conf in (self.settings("[ask]\nentailment = 0\n"), self.write("none.conf", "[models]\nentailment =\n", folder=self.top)):
            plain = self.ask(conf)
            self.assertEqual(plain["answer"], a["answer"])
            self.assertNotIn("entailment", plain)

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_chances_of_an_answer_out_of_the_cache(self):
        self.library()
        conf = self.settings("")

        def ask():
            return self.json("--config", conf, "ask", "--mode", "lexical", QUESTION)

        def change(*lines):
            with contextlib.closing(sqlite3.connect(os.path.join(self.home, "collections", "default", "user.db"))) as db, db:
                for line in lines:
                    db.execute(line)

        first, again = ask(), ask()
        self.assertEqual((first["cached"], again["cached"]), (None, "exact"))
        self.assertEqual(again["answer"], first["answer"])
        self.assertEqual(again["entailment"], first["entailment"])
        told = self.run_cairn("--config", conf, "ask", "--mode", "lexical", "--explain", QUESTION)
        self.assertIn("follows (", told.stdout)
        # A record of before, one that says nothing, and one that cannot be read: the answer stands, without chances.
        change("ALTER TABLE cached DROP COLUMN entailed", "PRAGMA user_version = 5")
        for value in (None, "", "{", '{"model": 1, "sentences": [2]}'):
            if value is not None:
                change(f"UPDATE cached SET entailed = '{value}'")
            old = ask()
            self.assertEqual((old["cached"], old["answer"]), ("exact", first["answer"]))
            self.assertNotIn("entailment", old)

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_what_does_not_follow_is_withheld(self):
        self.library("This sheet is obsolete.")
        a = self.ask(self.settings(""))
        self.assertGreaterEqual(a["withheld_sentences"], 1)
        self.assertFalse(any(s["held"] for s in a["entailment"]["sentences"]))
        self.assertGreater(a["entailment"]["sentences"][0]["contradiction"], 0.9)
        self.assertTrue(a["extractive"])  # the documents' own sentence
        self.assertFalse(self.ask(self.settings("[ask]\nentailment = 0\n"))["extractive"])

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_another_passage_is_cited_where_that_one_entails(self):
        self.write("sheet.txt", "The warranty of the pump P-7 is 24 months in all countries of the union.\n")
        self.library("This sheet is obsolete.")
        without = self.ask(self.settings("[ask]\nentailment = 0\n"))
        with_it = self.ask(self.settings(""))
        self.assertFalse(with_it["extractive"])
        self.assertEqual({os.path.basename(c["uri"]) for c in with_it["citations"]}, {"sheet.txt"})
        self.assertEqual({os.path.basename(c["uri"]) for c in without["citations"]}, {"pump.txt"})
        self.assertTrue(all(s["held"] for s in with_it["entailment"]["sentences"]))

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_a_receipt_knows_the_model(self):
        self.library()
        receipt = os.path.join(self.top, "r.json")
        conf = self.settings("")
        self.ask(conf, "--receipt", receipt)
        with open(receipt, encoding="utf-8") as f:
            self.assertTrue(json.load(f)["entailment"].startswith("judge-1x64-"))
        same = self.json("--config", conf, "replay", receipt)
        self.assertTrue(same["same"])
        self.assertEqual([x for x in same["changed"] if x.startswith("entailment")], [])
        other = os.path.join(self.top, "other", "judge")
        toy(other, bias=2.5)
        again = self.json("--config", self.settings("", other), "replay", receipt)
        self.assertEqual(len([x for x in again["changed"] if x.startswith("entailment: judge-1x64-")]), 1, again["changed"])

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_a_named_model_that_cannot_be_asked_is_an_error(self):
        self.library()
        done = self.run_cairn("--config", self.settings("", "/nowhere"), "ask", "--mode", "lexical", "--no-cache", QUESTION, code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("models.entailment", done.stderr)

    @need_model("qwen2.5-coder-0.5b", "model.gguf")
    def test_eval_tells_how_many_follow(self):
        self.library("This sheet is obsolete.")
        qa = self.write("qa.jsonl", json.dumps({"question": QUESTION, "answers": ["24 months"], "doc": "pump.txt"}) + "\n", folder=self.top)
        with_it = self.json("--config", self.settings(""), "eval", "answers", "--qa", qa)
        self.assertEqual(with_it["metrics"]["entailed"]["value"], 0)
        without = self.json("--config", self.settings("[ask]\nentailment = 0\n"), "eval", "answers", "--qa", qa)
        self.assertNotIn("entailed", without["metrics"])


if __name__ == "__main__":
    main()
