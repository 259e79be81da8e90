"""[search] rerank: who reads the best passages again. Each way gives scores of its own, off none, and what a way
needs and does not find costs the stage, not the answer."""
import json
import os
import random
import struct

from harness import CairnTest, main, need_model

E5 = need_model("multilingual-e5-small", "e5-small-q4.bin")
WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the a pump boiler warranty years of two is from train bonn leaves roses are cut . ?".split()


def small_cross_encoder(folder):
    """A BERT of one layer with a head of one label, its weights drawn by lot."""
    hidden, ff = 32, 64
    draw = random.Random(7)
    shapes = {"bert.embeddings.word_embeddings.weight": (len(WORDS), hidden),
              "bert.embeddings.position_embeddings.weight": (128, hidden),
              "bert.embeddings.token_type_embeddings.weight": (2, hidden),
              "bert.pooler.dense.weight": (hidden, hidden), "bert.pooler.dense.bias": (hidden,),
              "classifier.weight": (1, hidden), "classifier.bias": (1,)}
    layer = "bert.encoder.layer.0."
    for name, shape in (("attention.self.query", (hidden, hidden)), ("attention.self.key", (hidden, hidden)),
                        ("attention.self.value", (hidden, hidden)), ("attention.output.dense", (hidden, hidden)),
                        ("intermediate.dense", (ff, hidden)), ("output.dense", (hidden, ff))):
        shapes[layer + name + ".weight"] = shape
        shapes[layer + name + ".bias"] = shape[:1]
    norms = ["bert.embeddings.LayerNorm", layer + "attention.output.LayerNorm", layer + "output.LayerNorm"]
    for name in norms:
        shapes[name + ".weight"] = shapes[name + ".bias"] = (hidden,)
    header, data = {}, b""
    for name, shape in shapes.items():
        n = shape[0] * (shape[1] if len(shape) > 1 else 1)
        norm = name.rsplit(".", 1)[0] in norms
        values = [1.0 if norm and name.endswith("weight") else 0.0 if norm else draw.gauss(0, 0.3) for _ in range(n)]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + 4 * n]}
        data += struct.pack(f"<{n}f", *values)
    text = json.dumps(header).encode()
    os.makedirs(folder)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump({"model_type": "bert", "hidden_act": "gelu", "hidden_size": hidden, "num_hidden_layers": 1,
                   "num_attention_heads": 1, "intermediate_size": ff, "max_position_embeddings": 128,
                   "type_vocab_size": 2, "vocab_size": len(WORDS), "layer_norm_eps": 1e-12}, f)
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as f:
        f.write("\n".join(WORDS) + "\n")


class Rerank(CairnTest):
    def setUp(self):
        super().setUp()
        for name, text in (("pump", "The pump of the boiler has a warranty of two years from the day of delivery."),
                           ("service", "The boiler is serviced once a year by the workshop in the north of the town."),
                           ("roses", "Roses are cut in March, and the lawn is sown in April when the soil is warm."),
                           ("train", "The train to Bonn leaves at nine and arrives at noon on the other side.")):
            self.write(name + ".txt", text)

    def search(self, settings, models=""):
        conf = self.write("cairn.conf", f"[models]\n{models}\n[search]\n{settings}\n", folder=self.top)
        found = self.json("--config", conf, "search", "--explain", "how long is the warranty of the pump")
        self.assertEqual(found["mode"], "hybrid")
        self.assertEqual(os.path.basename(found["hits"][0]["uri"]), "pump.txt")
        return found

    def test_a_way_that_is_none_is_named(self):
        conf = self.write("cairn.conf", "[search]\nrerank = crystal\n", folder=self.top)
        done = self.run_cairn("--config", conf, "status", code=2)
        self.assertIn("crystal", done.stderr)
        self.assertIn("late-interaction", done.stderr)

    @E5
    def test_each_way_scores(self):
        self.index(vectors=True)
        self.assertNotIn("reranked", self.search("rerank = off")["stages"])
        late = self.search("rerank = late-interaction")
        self.assertEqual(late["stages"]["reranked"], 4)
        reread = {os.path.basename(h["uri"]): h["scores"]["reread"] for h in late["hits"]}
        self.assertEqual(max(reread, key=reread.get), "pump.txt")
        self.assertGreater(min(reread.values()), 0)
        self.assertEqual(self.search("rerank = late-interaction")["hits"], late["hits"])

        folder = os.path.join(self.top, "cross")
        small_cross_encoder(folder)
        cross = self.search("rerank = cross-encoder\nrerank_weight = 0.01", models=f"reranker = {folder}")
        self.assertEqual(cross["stages"]["reranked"], 4)
        for hit in cross["hits"]:
            self.assertTrue(0 < hit["scores"]["reread"] < 1, hit["scores"])
        # A model that cannot do what is asked of it: the order of fusion, and an answer.
        self.assertNotIn("reranked", self.search("rerank = sparse", models=f"reranker = {folder}")["stages"])
        self.assertNotIn("reranked", self.search("rerank = cross-encoder", models="reranker = /nowhere")["stages"])

    @E5
    @need_model("smollm2-135m", "model.gguf")
    def test_the_generator_finds_the_question_likely(self):
        self.index(vectors=True)
        found = self.search("rerank = generator", models="generator = smollm2-135m")
        self.assertEqual(found["stages"]["reranked"], 4)
        reread = {os.path.basename(h["uri"]): h["scores"]["reread"] for h in found["hits"]}
        self.assertEqual(max(reread, key=reread.get), "pump.txt")
        self.assertTrue(all(0 < s < 1 for s in reread.values()), reread)


if __name__ == "__main__":
    main()
