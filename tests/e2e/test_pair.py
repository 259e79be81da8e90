"""The embedder that is taken beside the default one without being asked for, where it is on the machine."""
import os
import resource

os.environ["CAIRN_TEST_ALL_MODELS"] = "1"  # harness hides it from the other tests

from harness import CairnTest, Missed, embedded_only, main, need_model  # noqa: E402

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
        self.assertEqual(self.json("status")["second_embedder"], {"name": SECOND, "vectors": 6, "unread": 0, "searched": True})
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

    def add_russian(self):
        for i, text in enumerate(("Мельница стоит на складе и весит семь килограммов. Склад закрыт по субботам.",
                                  "Чайник кипятит воду за девяносто секунд, и его купили в мае.",
                                  "Весы лежат в шкафу у двери, их сделали в мастерской в городе.")):
            self.write(f"ru{i}.txt", text * 3)

    def test_no_vectors_of_what_it_cannot_read(self):
        self.add_russian()
        self.assertEqual(self.json("index", self.docs)["embedded"], 9 + 6)
        self.assertEqual(self.state(), (FIRST, 9, SECOND, 6, True))
        self.assertEqual(self.json("embedder")["unread"], 3)
        self.assertEqual(self.json("status")["second_embedder"], {"name": SECOND, "vectors": 6, "unread": 3, "searched": True})
        self.assertIn("3 in scripts that it does not know", self.run_cairn("status").stdout)
        self.assertEqual(self.json("index", self.docs)["embedded"], 0)
        # The first one's vectors stand in for it: of what it cannot read the nearest is in the middle of the list.
        kettle = [name for name, _, _ in self.hits(question="How long does the kettle take to boil water?")]
        self.assertEqual([name for name in kettle if name.startswith("ru")][0], "ru1.txt")
        self.assertLess(kettle.index("ru1.txt"), 6, kettle)
        before = self.hits()
        self.assertEqual({name for name, _, rank in before if not rank}, {"ru0.txt", "ru1.txt", "ru2.txt"})
        # What follows changes none of it: a tag, a merge, a check, a backup, a copy, another passage, one that goes.
        self.json("tag", "add", "store", os.path.join(self.docs, "ru0.txt"))
        self.assertEqual(self.state(), (FIRST, 9, SECOND, 6, True))
        self.json("compact")
        self.assertEqual(self.hits(), before)
        self.assert_clean()
        copy, back = os.path.join(self.top, "copy"), os.path.join(self.top, "back")
        self.json("backup", copy)
        self.json("--home", back, "restore", copy)
        self.assertEqual(self.hits("--home", back), before)
        self.json("collection", "copy", "default", "other")
        self.assertEqual(self.json("--collection", "other", "index", self.docs)["embedded"], 0)
        self.assertEqual(self.hits("--collection", "other"), before)
        os.remove(os.path.join(self.docs, "ru2.txt"))
        self.write("ru3.txt", "Лампа висит над столом в кухне, и её свет жёлтый. " * 3)
        self.write("6.md", "# Kettle\n\nThe kettle boils water in ninety seconds.\n")
        self.assertEqual(self.json("index", self.docs)["embedded"], 2 + 1)
        self.assertEqual(self.state(), (FIRST, 10, SECOND, 7, True))
        self.assertNotIn("second embedder", self.run_cairn("doctor", code=None).stdout)

    def test_places_change_all_the_same(self):
        self.add_russian()
        self.json("index", self.docs)
        self.json("embedder", "switch")  # what it cannot read gets its vectors now: the first has them of all
        self.assertEqual(self.state(), (SECOND, 9, FIRST, 9, False))
        self.json("embedder", "undo")
        self.assertEqual(self.state(), (FIRST, 9, SECOND, 9, True))
        self.assertEqual(self.json("status")["second_embedder"]["unread"], 0)
        # So has a collection of before: its vectors of these are in no list.
        self.assertEqual({name for name, _, rank in self.hits() if not rank}, {"ru0.txt", "ru1.txt", "ru2.txt"})
        self.assert_clean()

    def test_a_library_of_what_it_cannot_read(self):
        for i in range(6):
            os.remove(os.path.join(self.docs, f"{i}.md"))
        self.add_russian()
        self.assertEqual(self.json("index", self.docs)["embedded"], 3)
        self.assertEqual(self.state()[:2] + self.state()[3:], (FIRST, 3, 0, False))
        self.assertEqual(self.hits(question="where are the scales"), self.hits("--config", self.off, question="where are the scales"))
        self.assertNotIn("not searched yet", self.run_cairn("status").stdout)

    def write_notes(self):
        for i in range(60):
            self.write(f"note{i}.txt", f"The note {i} says what the grinder of shelf {i % 7} ground in week {i}, and for whom. " * 8)

    def second_vectors(self):
        return self.json("status")["second_embedder"]["vectors"]

    def test_ctrl_c_while_the_second_is_at_work(self):
        self.write_notes()
        code, out = self.on_terminal(["index", self.docs], interrupt_at=b"embedding, second model: 1")
        if not code:
            raise Missed("the run was at its end when the key was pressed")
        self.assertEqual(code, 130, out[-300:])
        self.assertIn(b"the same command goes on", out)
        self.assertIn(b"embedding: 66/66 (100%)", out)
        self.assertRegex(out, rb"embedding, second model: 1\d/66 ")
        made = self.second_vectors()
        if made == 66:
            raise Missed("all vectors were made when the key was pressed")
        self.assertTrue(0 < made < 66, made)
        status = self.json("status")
        self.assertEqual((status["vectors"], status["pending_vectors"]), (66, 0))
        self.assert_clean()
        self.assertFalse(self.state()[4])  # not searched by a part
        code, out = self.on_terminal(["index", self.docs])
        self.assertEqual(code, 0)
        left = 66 - made
        self.assertIn(b"embedding, second model: %d/%d (100%%)" % (left, left), out)
        self.assertEqual(self.state(), (FIRST, 66, SECOND, 66, True))
        self.assert_clean()

    def test_killed_while_the_second_is_at_work(self):
        self.write_notes()
        self.json("--config", self.off, "index", self.docs)
        p = self.start("", "index", self.docs)
        self.stop_when(p, lambda: (self.status().get("running") or {}).get("stage") == "embed-second")
        self.assertIn("embedding, second model: ", self.run_cairn("status").stdout)
        p.kill()
        p.communicate()
        made = self.second_vectors()
        self.assertEqual(self.json("status")["vectors"], 66)
        self.assert_clean()
        self.assertEqual(self.json("index", self.docs)["embedded"], 66 - made)
        self.assertEqual(self.state(), (FIRST, 66, SECOND, 66, True))
        self.assert_clean()

    def test_no_room_for_the_second(self):
        self.write_notes()
        self.json("--config", self.off, "index", self.docs)
        before = self.hits()
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60 << 10, 60 << 10))  # noqa: E731
        failed = self.run_cairn("index", self.docs, code=3, preexec_fn=limit)
        self.assertIn("ulimit -f", failed.stderr)
        self.assertIn("models.second_embedder = (nothing)", failed.stderr)
        self.assertEqual(self.hits(), before)
        self.assertEqual(self.state()[:2], (FIRST, 66))
        self.assert_clean()
        self.assertEqual(self.json("index", self.docs)["embedded"], 66)
        self.assertEqual(self.state(), (FIRST, 66, SECOND, 66, True))

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
