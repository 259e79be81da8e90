"""A second embedder: its vectors beside the first one's, made by the same runs, searched as a third list."""
import os

from harness import CairnTest, embedded_only, main, need_model
from serving import Server

FIRST, SECOND = "multilingual-e5-small", "all-minilm-l6-v2"
QUESTION = "what does the grinder weigh"


@embedded_only("a second embedder's vectors stand in segments")
@need_model(FIRST, "e5-small-q4.bin")
@need_model(SECOND, "model.safetensors")
class SecondEmbedder(CairnTest):
    on_cluster = False

    def setUp(self):
        super().setUp()
        self.conf = self.settings(f"[models]\nsecond_embedder = {SECOND}\n")
        for i in range(6):
            self.write(f"{i}.md", f"# Shelf {i}\n\nThe burr grinder of shelf {i} weighs {i + 2} kilograms, and grinds "
                       f"coffee in {7 * i + 3} seconds.\n")

    def settings(self, text):
        path = os.path.join(self.top, f"{len(os.listdir(self.top))}.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def both(self, *args, **more):
        return self.json("--config", self.conf, *args, **more)

    def state(self):
        """(searched, its vectors, second, its vectors, is it searched)"""
        e = self.both("embedder")
        second = e["aside"] or {"model": None, "vectors": 0}
        return e["searched"]["model"], e["searched"]["vectors"], second["model"], second["vectors"], e["second"]

    def hits(self, *args, conf=None):
        found = self.json("--config", conf or self.conf, "search", "--explain", QUESTION, *args)
        return [(os.path.basename(h["uri"]), round(h["score"], 5), h["scores"].get("second_rank")) for h in found["hits"]]

    def test_made_searched_and_left_out(self):
        self.assertEqual(self.both("index", self.docs)["embedded"], 12)
        self.assertEqual(self.state(), (FIRST, 6, SECOND, 6, True))
        three = self.hits()
        self.assertEqual(sorted(rank for _, _, rank in three), [1, 2, 3, 4, 5, 6])
        # Lists of one kind alone, no weight, no setting: the two lists as ever.
        for mode in ("vector", "lexical"):
            self.assertEqual({rank for _, _, rank in self.hits("--mode", mode)}, {None})
        two = self.hits(conf=self.settings(""))
        self.assertEqual({rank for _, _, rank in two}, {None})
        self.assertEqual(self.hits(conf=self.settings(
            f"[models]\nsecond_embedder = {SECOND}\n[search]\nsecond_weight = 0\n")), two)
        self.assertNotEqual([s for _, s, _ in three], [s for _, s, _ in two])
        status = self.both("status")
        self.assertEqual(status["second_embedder"], {"name": SECOND, "vectors": 6, "unread": 0, "searched": True})
        self.assertEqual(status["vectors"], 6)
        self.assertIsNone(self.json("status")["second_embedder"])
        stages = {s["stage"]: s for s in self.both("why-not", os.path.join(self.docs, "2.md"), QUESTION)["stages"]}
        self.assertIn(SECOND, stages["second"]["text"] if "text" in stages["second"] else str(stages["second"]))

    def test_copies_take_the_second_vectors_along(self):
        self.both("index", self.docs)
        three = self.hits()
        self.both("collection", "copy", "default", "other")
        e = self.both("--collection", "other", "embedder")
        self.assertEqual((e["searched"]["vectors"], e["aside"]["model"], e["aside"]["vectors"], e["second"]), (6, SECOND, 6, True))
        found = self.both("--collection", "other", "search", "--explain", QUESTION)
        self.assertEqual([(os.path.basename(h["uri"]), round(h["score"], 5), h["scores"].get("second_rank")) for h in found["hits"]], three)
        self.run_cairn("--config", self.conf, "--collection", "other", "check", code=0)
        # A run over the copy has nothing to make.
        self.assertEqual(self.both("--collection", "other", "index", self.docs)["embedded"], 0)
        # Without the setting only the first vectors go along; beside those of a third model none do.
        self.json("collection", "copy", "default", "plain")
        self.assertIsNone(self.json("--collection", "plain", "embedder")["aside"])

    def test_servers_search_and_say_so(self):
        self.both("index", self.docs)
        three = self.hits()
        server = Server(self.home, "--config", self.conf)
        r = server.json("GET", "/api/v1/search?explain=true&q=" + QUESTION.replace(" ", "+"))
        self.assertEqual([(os.path.basename(h["uri"]), round(h["score"], 5), h["scores"].get("second_rank")) for h in r["hits"]], three)
        self.assertGreater(r["hits"][0]["scores"]["second"], 0)
        self.assertEqual(server.json("GET", "/api/v1/status")["second_embedder"], {"name": SECOND, "vectors": 6, "unread": 0, "searched": True})
        server.stop()

    def test_which_one_is_to_come_and_how_far_it_is(self):
        def coming(conf=None):
            e = self.json("--config", conf or self.conf, "embedder")
            return e["coming"] and (e["coming"]["model"], e["coming"]["vectors"], e["coming"]["passages"])

        def told():
            return [x for x in self.run_cairn("--config", self.conf, "embedder").stdout.splitlines() if "to come" in x]

        self.both("index", "--no-vectors", self.docs)
        self.assertEqual(coming(), (SECOND, 0, 6))
        none = self.settings("[models]\nsecond_embedder =\n")
        self.assertIsNone(coming(none))
        self.json("--config", none, "index", self.docs)  # vectors of the first alone
        self.assertEqual(self.state(), (FIRST, 6, None, 0, False))
        self.assertEqual(coming(), (SECOND, 0, 6))
        self.assertEqual(told(), [f"to come    {SECOND}, vectors of 0 of 6 passages that it reads (cairn index makes them)"])
        self.both("index", self.docs)
        self.assertIsNone(coming())
        self.assertEqual(told(), [])
        for i in range(6, 8):  # more than one of twenty is without a vector of it: it is not searched
            self.write(f"{i}.md", f"# Kettle {i}\n\nThe kettle boils water in ninety seconds.\n")
        self.json("--config", none, "index", self.docs)
        self.assertEqual(coming(), (SECOND, 6, 8))
        self.assertEqual(told(), [f"to come    {SECOND}, vectors of 6 of 8 passages that it reads (cairn index goes on with them)"])
        self.assertIsNone(coming(self.settings("[models]\nsecond_embedder = a-third-one\n")))  # whose place is taken
        self.json("embedder", "drop")
        self.assertIsNone(coming(self.settings(f"[models]\nsecond_embedder = {FIRST}\n")))  # as its own second it is none

    def test_runs_keep_up(self):
        self.both("index", self.docs)
        self.write("6.md", "# Kettle\n\nThe kettle boils water in ninety seconds.\n")
        self.write("0.md", "# Shelf 0\n\nThe grinder of shelf 0 was sold in May.\n")
        os.remove(os.path.join(self.docs, "5.md"))
        self.assertEqual(self.both("index", self.docs)["embedded"], 4)
        self.assertEqual(self.state(), (FIRST, 6, SECOND, 6, True))
        self.assertEqual(self.both("index", self.docs)["embedded"], 0)
        # A tag changes the columns of a row and no vector.
        self.both("tag", "add", "kitchen", os.path.join(self.docs, "1.md"))
        self.assertEqual(self.state(), (FIRST, 6, SECOND, 6, True))
        self.assertEqual([(u, r) for u, _, r in self.hits("--filter", "tag:kitchen")], [("1.md", 1)])
        self.both("delete", os.path.join(self.docs, "2.md"))
        self.assertEqual(self.state(), (FIRST, 5, SECOND, 5, True))
        self.assert_clean()
        before = self.hits()
        segments = self.both("status")["segments"]
        self.both("compact")
        self.assertLess(self.both("status")["segments"], segments)
        self.assertEqual(self.state(), (FIRST, 5, SECOND, 5, True))
        self.assertEqual(self.hits(), before)
        copy = os.path.join(self.top, "copy")
        self.both("backup", copy)
        back = os.path.join(self.top, "back")
        self.both("--home", back, "restore", copy)
        self.assertEqual(self.hits("--home", back), before)

    def test_change_of_places(self):
        self.both("index", self.docs)
        self.both("embedder", "switch")
        self.assertEqual(self.state(), (SECOND, 6, FIRST, 6, True))
        self.assertEqual(sorted(rank for _, _, rank in self.hits()), [1, 2, 3, 4, 5, 6])
        self.write("6.md", "# Kettle\n\nThe kettle boils water in ninety seconds.\n")
        self.assertEqual(self.both("index", self.docs)["embedded"], 2)
        self.assertEqual(self.state(), (SECOND, 7, FIRST, 7, True))
        self.both("embedder", "undo")
        self.assertEqual(self.state(), (FIRST, 7, SECOND, 7, True))
        # What was removed is named, and who makes it again: the next run here, nobody without the setting.
        told = self.run_cairn("--config", self.conf, "embedder", "drop").stdout.splitlines()
        self.assertEqual(told[0], "7 vectors removed")
        self.assertRegex(told[1], f"^searched +{FIRST}, vectors of 7 of 7 passages")
        self.assertEqual(told[2:], [f"to come    {SECOND}, vectors of 0 of 7 passages that it reads (cairn index makes them)"])
        self.assertEqual(self.both("index", self.docs)["embedded"], 7)
        told = self.run_cairn("embedder", "drop").stdout.splitlines()
        self.assertEqual(told[-1:], [f"           no index run makes those of {SECOND} again: cairn embedder build {SECOND} does"])
        self.assertEqual(self.both("index", self.docs)["embedded"], 7)
        done = self.both("embedder", "drop")
        self.assertEqual((done["dropped"], done["model"], done["coming"]["model"]), (7, SECOND, SECOND))
        self.assertEqual(self.state(), (FIRST, 7, None, 0, False))
        self.assertEqual(self.both("index", self.docs)["embedded"], 7)
        self.assertEqual(self.state(), (FIRST, 7, SECOND, 7, True))
        # A run without the setting makes none; one passage of eight is too many to be without, until the next run.
        self.write("7.md", "# Teapot\n\nTea needs a pot.\n")
        self.assertEqual(self.index(vectors=True)["embedded"], 1)
        self.assertEqual(self.state(), (FIRST, 8, SECOND, 7, False))
        self.assertEqual({rank for _, _, rank in self.hits()}, {None})
        self.assertIn("not searched yet", self.run_cairn("--config", self.conf, "status").stdout)
        self.assertEqual(self.both("index", self.docs)["embedded"], 1)
        self.assertEqual(self.state(), (FIRST, 8, SECOND, 8, True))
        self.assert_clean()

    def test_receipts_know_it(self):
        self.both("index", self.docs)
        receipt = os.path.join(self.top, "receipt.json")
        self.both("ask", "--extractive", "--receipt", receipt, "How much does the burr grinder of shelf 3 weigh?")
        again = self.run_cairn("--config", self.conf, "replay", receipt)
        self.assertNotIn("embedders", again.stdout)
        other = self.run_cairn("replay", receipt, code=None)
        self.assertIn("embedders", other.stdout)

    def test_what_cannot_be(self):
        self.index(vectors=True)
        two = self.hits(conf=self.settings(""))
        self.conf = self.settings("[models]\nsecond_embedder = nobody-knows-it\n")
        self.write("6.md", "# Kettle\n\nThe kettle boils water in ninety seconds.\n")
        failed = self.run_cairn("--config", self.conf, "index", self.docs, code=5)
        self.assertIn("second embedder", failed.stderr)
        self.assertEqual(self.state(), (FIRST, 7, None, 0, False))
        self.assertEqual([u for u, _, _ in self.hits()][:3], [u for u, _, _ in two][:3])
        # The first model as its own second is no second; vectors of a third one are in the way.
        self.conf = self.settings(f"[models]\nsecond_embedder = {FIRST}\n")
        self.assertEqual(self.both("index", self.docs)["embedded"], 0)
        self.assertEqual(self.state(), (FIRST, 7, None, 0, False))
        self.json("embedder", "build", SECOND)
        self.conf = self.settings("[models]\nsecond_embedder = nobody-knows-it\n")
        self.assertFalse(self.state()[4])
        self.assertIn("embedder drop", self.run_cairn("--config", self.conf, "index", self.docs, code=2).stderr)
        self.assertEqual(self.state(), (FIRST, 7, SECOND, 7, False))


if __name__ == "__main__":
    main()
