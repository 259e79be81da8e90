"""The embedder that is taken beside the default one without being asked for, where it is on the machine."""
import os

os.environ["CAIRN_TEST_ALL_MODELS"] = "1"  # harness hides it from the other tests

from harness import CairnTest, embedded_only, main, need_model  # noqa: E402

FIRST, SECOND, THIRD = "multilingual-e5-small", "bge-small-en-v1.5", "all-minilm-l6-v2"
QUESTION = "what does the grinder weigh"


@embedded_only("a second embedder's vectors stand in segments")
@need_model(FIRST, "e5-small-q4.bin")
@need_model(SECOND, "model.onnx")
class Pair(CairnTest):
    on_cluster = False

    def setUp(self):
        super().setUp()
        self.off = os.path.join(self.top, "off.conf")
        with open(self.off, "w", encoding="utf-8") as f:
            f.write("[models]\nsecond_embedder =\n")
        for i in range(6):
            self.write(f"{i}.md", f"# Shelf {i}\n\nThe burr grinder of shelf {i} weighs {i + 2} kilograms, and grinds "
                       f"coffee in {7 * i + 3} seconds.\n")

    def state(self):
        e = self.json("embedder")
        second = e["aside"] or {"model": None, "vectors": 0}
        return e["searched"]["model"], e["searched"]["vectors"], second["model"], second["vectors"], e["second"]

    def hits(self, *args, question=QUESTION, **more):
        found = self.json(*args, "search", "--explain", question, **more)
        return [(os.path.basename(h["uri"]), round(h["score"], 5), h["scores"].get("second_rank")) for h in found["hits"]]

    def without(self):
        """An environment in which the model is not on the machine."""
        shown = os.path.join(self.top, "cache", "cairn", "models")
        if not os.path.isdir(shown):
            os.makedirs(shown)
            cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
            for name in (FIRST, THIRD):
                os.symlink(os.path.join(cache, "cairn", "models", name), os.path.join(shown, name))
        return {"XDG_CACHE_HOME": os.path.join(self.top, "cache")}

    def test_taken_where_it_is(self):
        # An older collection is searched as ever until a run makes what it lacks.
        self.assertEqual(self.json("--config", self.off, "index", self.docs)["embedded"], 6)
        self.assertEqual(self.state(), (FIRST, 6, None, 0, False))
        alone = self.hits()
        self.assertEqual({rank for _, _, rank in alone}, {None})
        self.assertEqual(self.json("index", self.docs)["embedded"], 6)
        self.assertEqual(self.state(), (FIRST, 6, SECOND, 6, True))
        self.assertEqual(sorted(rank for _, _, rank in self.hits()), [1, 2, 3, 4, 5, 6])
        self.assertEqual(self.hits("--config", self.off), alone)
        self.assertEqual(self.json("status")["second_embedder"], {"name": SECOND, "vectors": 6, "searched": True})
        self.assertEqual(self.json("index", self.docs)["embedded"], 0)
        self.assert_clean()

    def test_missing_is_no_error(self):
        gone = self.without()
        self.assertEqual(self.json("index", self.docs, env=gone)["embedded"], 6)
        alone = self.hits(env=gone)
        self.assertEqual({rank for _, _, rank in alone}, {None})
        self.assertIsNone(self.json("status", env=gone)["second_embedder"])
        self.assertIn(f"{SECOND} is not on this machine", self.run_cairn("status", env=gone).stdout)
        self.assertIn("second embedder", self.run_cairn("doctor", env=gone, code=None).stdout)
        self.assertNotIn(SECOND, self.run_cairn("--config", self.off, "status", env=gone).stdout)
        # Made with it, then taken to a machine without it: the first one's vectors are enough, and nothing is said.
        self.json("index", self.docs)
        self.assertEqual(self.hits(env=gone), alone)
        self.assertIsNone(self.json("search", QUESTION, env=gone).get("note"))
        self.assertEqual(self.json("index", self.docs, env=gone)["embedded"], 0)

    def test_other_languages_are_the_first_ones(self):
        for i, (what, weight) in enumerate((("Kaffeemühle", 7), ("Waage", 3), ("Wasserkocher", 2))):
            self.write(f"de{i}.md", f"# Regal\n\nDie {what} in dem Regal bei der Tür wiegt {weight} Kilogramm, und sie ist aus "
                       "Stahl. Sie wurde von der Werkstatt in der Stadt gebaut.\n")
        self.json("index", self.docs)
        for question in ("wie viel wiegt die Waage in dem Regal", "combien pèse la balance qui est dans le meuble",
                         "磨豆机有多重", "¿Qué motivó a Lutero a escribir himnos?"):
            found = self.hits(question=question)
            self.assertEqual(found, self.hits("--config", self.off, question=question))
            self.assertEqual({rank for _, _, rank in found}, {None})
        self.assertTrue(all(rank for _, _, rank in self.hits()))

    @need_model(THIRD, "model.safetensors")
    def test_gives_way_to_what_is_asked_for(self):
        self.json("index", self.docs)
        self.json("embedder", "build", THIRD)
        self.assertEqual(self.state(), (FIRST, 6, THIRD, 6, False))
        self.assertEqual(self.json("index", self.docs)["embedded"], 0)
        self.json("embedder", "switch")
        self.assertEqual(self.state(), (THIRD, 6, FIRST, 6, False))
        self.assertEqual(self.json("index", self.docs)["embedded"], 0)
        self.json("embedder", "undo")
        self.json("embedder", "drop")
        self.assertEqual(self.json("index", self.docs)["embedded"], 6)
        self.assertEqual(self.state(), (FIRST, 6, SECOND, 6, True))

    def test_never_a_pair_with_itself(self):
        self.assertEqual(self.json("--embedder", SECOND, "index", self.docs)["embedded"], 6)
        self.assertEqual(self.state(), (SECOND, 6, None, 0, False))
        self.assertEqual(self.json("index", self.docs)["embedded"], 0)
        self.assertIsNone(self.json("status")["second_embedder"])


if __name__ == "__main__":
    main()
