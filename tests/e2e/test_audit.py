"""The audit of the vectors as a person sees it: in the status after a run that changed many of them, and at
once with check --recall. And a collection keeps its size and recall through deletes and inserts."""
import random
import struct
import time

from harness import CairnTest, main

DIM = 16


def rows(n, seed):
    rng = random.Random(seed)
    centres = [[rng.gauss(0, 1) for _ in range(DIM)] for _ in range(20)]
    return [[c + rng.gauss(0, 0.6) for c in rng.choice(centres)] for _ in range(n)]


def fvecs(vectors):
    return b"".join(struct.pack("<i%df" % DIM, DIM, *v) for v in vectors)


class Audit(CairnTest):
    def setUp(self):
        super().setUp()
        self.conf = self.write("cairn.conf", "[index]\nvector_index = hnsw\naudit_seconds = 600\naudit_samples = 60\n")

    def cairn(self, *args, **more):
        return self.json("--config", self.conf, *args, **more)

    def add(self, name, n, seed, first):
        ids = self.write(name + ".txt", "".join(f"{first + i}\n" for i in range(n)))
        return self.cairn("import", "vectors", self.write(name + ".fvecs", fvecs(rows(n, seed))), "--ids", ids)

    def test_nothing_to_measure(self):
        self.index(self.docs)
        self.assertIsNone(self.json("status")["audit"])
        self.assertNotIn("recall@10", self.run_cairn("status").stdout)
        a = self.json("check", "--recall")["audit"]
        self.assertEqual((a["samples"], a["vectors"], a["recall10"]), (0, 0, 1))

    def test_a_collection_of_vectors_through_deletes_and_inserts(self):
        start = time.time_ns()
        self.add("base", 3000, 1, 0)
        a = self.cairn("status")["audit"]
        self.assertGreaterEqual(a["recall10"], 0.97)
        self.assertEqual((a["vectors"], a["unreachable"], a["repaired"]), (3000, 0, 0))
        self.assertTrue(0 < a["samples"] <= 60)
        self.assertTrue(start <= a["measured_ns"] <= time.time_ns())
        self.assertIn("recall@10    ", self.run_cairn("status").stdout)

        # A small change is not measured, a large one is.
        self.add("few", 100, 2, 3000)
        self.assertEqual(self.cairn("status")["audit"], a)
        size = self.cairn("compact")["bytes_after"]
        now = self.cairn("status")["audit"]
        self.assertEqual(now["vectors"], 3100)
        self.assertGreater(now["measured_ns"], a["measured_ns"])
        self.cairn("delete", *[str(i) for i in range(0, 3100, 3)])
        self.add("more", 1034, 3, 5000)
        grown = self.cairn("compact")["bytes_after"]
        self.assertLess(grown, size * 1.15)
        s = self.cairn("status")
        self.assertEqual((s["vectors"], s["deleted_rows"], s["audit"]["vectors"]), (3100, 0, 3100))
        self.assertGreaterEqual(s["audit"]["recall10"], 0.97)

        c = self.cairn("check", "--recall")
        self.assertEqual((c["clean"], c["findings"]), (True, []))
        self.assertGreater(c["audit"]["measured_ns"], s["audit"]["measured_ns"])
        self.assertEqual(self.cairn("status")["audit"], c["audit"])
        self.assertIn("recall@10", self.run_cairn("--config", self.conf, "check", "--recall", "--repair").stdout)

    def test_settings(self):
        off = self.write("off.conf", "[index]\naudit_samples = 0\n")
        path = self.write("x.fvecs", fvecs(rows(50, 5)))
        self.json("--config", off, "import", "vectors", path)
        self.json("--config", off, "compact")
        self.assertIsNone(self.json("status")["audit"])
        self.run_cairn("--config", self.write("bad.conf", "[index]\naudit_recall = 2\n"), "status", code=2)


if __name__ == "__main__":
    main()
