"""Another embedder for a collection: built beside the old one, changed over in one step, and back."""
import json
import os
import signal
import subprocess
import threading

from harness import CAIRN, CairnTest, main, need_model
from serving import Server

OLD, NEW = "multilingual-e5-small", "all-minilm-l6-v2"
QUESTION = "what does the grinder weigh"


class Embedder(CairnTest):
    def setUp(self):
        super().setUp()
        for i in range(8):
            self.write(f"{i}.md", f"# Shelf {i}\n\nThe burr grinder of shelf {i} weighs {i + 2} kilograms, and grinds "
                       f"coffee in {7 * i + 3} seconds.\n")

    def scores(self):
        found = self.json("search", "--mode", "vector", QUESTION)
        self.assertEqual(found["mode"], "vector")
        return [(os.path.basename(h["uri"]), round(h["score"], 4)) for h in found["hits"]]

    def state(self):
        """(searched, its vectors, aside, its vectors, passages)"""
        e = self.json("embedder")
        aside = e["aside"] or {"model": None, "vectors": 0}
        return e["searched"]["model"], e["searched"]["vectors"], aside["model"], aside["vectors"], e["passages"]

    @need_model(OLD, "e5-small-q4.bin")
    @need_model(NEW, "model.safetensors")
    def test_a_model_that_was_named_once_stays(self):
        self.assertEqual(self.json("--embedder", NEW, "index", self.docs)["embedded"], 8)
        named = [h["score"] for h in self.json("--embedder", NEW, "search", "--mode", "vector", QUESTION)["hits"]]
        self.assertEqual([round(x, 4) for x in named], [s for _, s in self.scores()])
        self.write("8.md", "# Kettle\n\nThe kettle boils water in ninety seconds.\n")
        self.assertEqual(self.index(vectors=True)["embedded"], 1)  # nobody named a model: nothing is made again
        self.assertEqual(self.state(), (NEW, 9, None, 0, 9))
        self.assertEqual(self.json("status")["embedder"]["name"], NEW)
        self.assertEqual(self.json("--embedder", OLD, "index", self.docs)["embedded"], 9)  # who names one changes it
        self.assertEqual(self.index(vectors=True)["embedded"], 0)
        self.assertEqual(self.state(), (OLD, 9, None, 0, 9))

    @need_model(OLD, "e5-small-q4.bin")
    @need_model(NEW, "model.safetensors")
    def test_build_switch_and_undo(self):
        self.index(vectors=True)
        old = self.scores()
        self.assertEqual(self.state(), (OLD, 8, None, 0, 8))
        self.assertIn("build MODEL", self.run_cairn("embedder", "switch", code=2).stderr)
        self.run_cairn("embedder", "undo", code=2)
        self.assertIn("that are searched", self.run_cairn("embedder", "build", OLD, code=2).stderr)

        self.assertEqual(self.json("embedder", "build", NEW)["embedded"], 8)
        self.assertEqual(self.state(), (OLD, 8, NEW, 8, 8))
        self.assertEqual(self.scores(), old)
        self.assertEqual(self.json("status")["vectors"], 8)
        # Documents change meanwhile: what is missing is made, and nothing else. Until then nothing changes over.
        self.write("8.md", "# Kettle\n\nThe kettle boils water in ninety seconds.\n")
        self.write("0.md", "# Shelf 0\n\nThe grinder of shelf 0 was sold in May.\n")
        os.remove(os.path.join(self.docs, "7.md"))
        self.index(vectors=True)
        self.assertEqual(self.state(), (OLD, 8, NEW, 6, 8))
        self.assertIn("2 passages", self.run_cairn("embedder", "switch", code=2).stderr)
        self.assertEqual(self.json("embedder", "build", NEW)["embedded"], 2)
        old = self.scores()

        self.json("embedder", "switch")
        self.assertEqual(self.state(), (NEW, 8, OLD, 8, 8))
        new = self.scores()
        self.assertNotEqual(new, old)
        self.assertEqual(self.json("status")["embedder"]["name"], NEW)
        self.assertEqual(self.index(vectors=True)["embedded"], 0)  # the collection keeps its embedder
        self.assertEqual(self.scores(), new)

        self.write("9.md", "# Teapot\n\nTea needs a pot.\n")
        self.index(vectors=True)
        self.assertEqual(self.state(), (NEW, 9, OLD, 8, 9))
        new = self.scores()
        self.assertEqual(self.json("embedder", "undo")["embedded"], 1)
        told = self.run_cairn("embedder", "undo").stdout.splitlines()  # forth again, and it is said whose vectors are searched
        self.assertRegex(told[1], f"^searched +{NEW}")
        self.assertRegex(told[2], f"^for undo +{OLD}")
        self.run_cairn("embedder", "undo")
        self.assertEqual(self.state(), (OLD, 9, NEW, 9, 9))
        self.assertEqual([s for s in self.scores() if s[0] != "9.md"][:8], old)
        self.json("embedder", "undo")
        self.assertEqual(self.scores(), new)
        self.assert_clean()
        self.json("compact")
        self.assertEqual(self.state(), (NEW, 9, OLD, 9, 9))
        self.assertEqual(self.json("embedder", "drop"), {"dropped": 9, "model": OLD, "coming": None})
        self.assertEqual(self.state(), (NEW, 9, None, 0, 9))
        self.assert_clean()

    @need_model(OLD, "e5-small-q4.bin")
    @need_model(NEW, "model.safetensors")
    def test_a_build_that_is_stopped_goes_on(self):
        self.index(vectors=True)
        build = subprocess.Popen([CAIRN, "embedder", "build", NEW], env=dict(os.environ, CAIRN_HOME=self.home),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        build.send_signal(signal.SIGKILL)  # wherever it is: what it had committed counts
        build.wait()
        _, _, _, made, passages = self.state()
        self.assertEqual(self.json("embedder", "build", NEW)["embedded"], passages - made)
        self.json("embedder", "switch")
        self.assert_clean()

    @need_model(OLD, "e5-small-q4.bin")
    @need_model(NEW, "model.safetensors")
    def test_who_reads_sees_the_one_or_the_other(self):
        self.index(vectors=True)
        self.json("embedder", "build", NEW)
        server = Server(self.home)
        self.addCleanup(server.stop)

        def ask():
            found = server.json("GET", "/api/v1/search?mode=vector&q=" + QUESTION.replace(" ", "+"))
            return found["mode"], [(os.path.basename(h["uri"]), round(h["score"], 4)) for h in found["hits"]]

        old, seen, done = ask(), [], threading.Event()

        def read():
            while not done.is_set():
                seen.append(ask())

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for step in ("switch", "undo", "undo", "undo"):
                self.json("embedder", step)
        finally:
            done.set()
            reader.join()
        self.assertEqual(ask(), old)
        self.json("embedder", "undo")
        new = ask()
        self.assertNotEqual(new, old)
        self.assertEqual(new[0], "vector")
        for answer in seen:
            self.assertIn(answer, (old, new), json.dumps([old, new, answer]))

    @need_model(OLD, "e5-small-q4.bin")
    def test_a_model_that_is_not_there_changes_nothing(self):
        self.index(vectors=True)
        before = self.scores()
        self.run_cairn("embedder", "build", os.path.join(self.top, "nothing"), code=5)
        self.assertEqual(self.state(), (OLD, 8, None, 0, 8))
        self.assertEqual(self.scores(), before)


if __name__ == "__main__":
    main()
