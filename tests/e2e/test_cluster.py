"""A collection on a cluster beside an embedded one: the same documents, answers and order; copies there and back; writers that
meet, and one that is killed. Runs where CAIRN_TEST_CLUSTER names a node (scripts/test --cluster)."""
import json
import os
import signal
import subprocess
import sys
import uuid

from harness import CAIRN, CLUSTER, LIBRARY, CairnTest, main

QUERIES = ["lease notice period", "bees", '"notice period"', "coffee -grinder", "lang:de miete", "warranty ext:md",
           "ext:pdf", "kaff*", "warrenty~1", "/warr.nty/", "rent NEAR/6 month", "title:manual", "lease OR coffee",
           "date:2020..2030", "type:text/", "dir:library invoice"]


class Cluster(CairnTest):
    on_cluster = False  # each test makes its own

    def setUp(self):
        super().setUp()
        self.prefixes = []

    def tearDown(self):
        for name in self.prefixes:
            self.run_cairn("collection", "drop", name, "--yes", code=None)
        super().tearDown()

    def create(self, name, *more):
        self.prefixes.append(name)
        self.run_cairn("collection", "create", name, "--backend", "opensearch", "--url", CLUSTER, "--index",
                       "cairn-test-" + uuid.uuid4().hex, "--replicas", "0", *more)

    def found(self, collection, query, *more):
        hits = self.json("--collection", collection, "search", "--mode", "lexical", "-k", "30", query, *more,
                         code=None)["hits"]
        return [(h["uri"], h["heading"], h["text"]) for h in hits]

    def documents(self, collection):
        out = []
        for line in self.run_cairn("--json", "--collection", collection, "list", code=None).stdout.splitlines():
            d = json.loads(line)
            out.append((d["uri"], d["title"], d["mime"], d["chunks"], d["modified_ns"]))
        return out

    def test_both_find_the_same(self):
        self.create("far", "--shards", "2")
        for name in ("near", "far"):
            self.run_cairn("--collection", name, "index", "--no-vectors", LIBRARY)
        self.assertEqual(self.documents("near"), self.documents("far"))
        for q in QUERIES:
            near, far = self.found("near", q), self.found("far", q)
            self.assertEqual(sorted(near), sorted(far), q)
        for q in QUERIES[:6]:
            self.assertEqual(self.found("near", q)[:3], self.found("far", q)[:3], q)
        near, far = (self.json("--collection", c, "search", "--mode", "lexical", "--facets", "type,ext,lang,folder,year",
                               "lease OR coffee OR bees")["facets"] for c in ("near", "far"))
        self.assertEqual(near, far)
        self.assertTrue(self.json("--collection", "far", "check")["clean"])
        ask = self.json("--collection", "far", "ask", "--extractive", "What is the notice period of the lease?", code=None)
        self.assertEqual(ask["answer"],
                         self.json("--collection", "near", "ask", "--extractive", "What is the notice period of the lease?",
                                   code=None)["answer"])

    def test_what_changes(self):
        self.create("far")
        a = self.write("a.md", "# Apples\n\nRed apples keep until March.\n")
        b = self.write("b.md", "# Pears\n\nPears do not keep.\n")

        def index(*more):
            return self.json("--collection", "far", "index", "--no-vectors", self.docs, *more)
        self.assertEqual(index()["indexed"], 2)
        self.assertEqual(index()["unchanged"], 2)
        self.write("a.md", "# Apples\n\nGreen apples keep until April.\n")
        self.assertEqual(index()["indexed"], 1)
        self.assertEqual([h[0] for h in self.found("far", "april")], [a])
        self.assertEqual(self.found("far", "march"), [])
        os.rename(b, os.path.join(self.docs, "c.md"))
        self.assertEqual(index()["moved"], 1)
        self.assertEqual([h[0] for h in self.found("far", "pears")], [os.path.join(self.docs, "c.md")])
        self.run_cairn("--collection", "far", "tag", "add", "fruit", a)
        self.assertEqual([h[0] for h in self.found("far", "tag:fruit")], [a])
        os.remove(a)
        self.assertEqual(index()["removed"], 1)
        self.assertEqual(self.found("far", "apples"), [])
        self.run_cairn("--collection", "far", "delete", os.path.join(self.docs, "c.md"))
        self.assertEqual(self.documents("far"), [])
        self.assertTrue(self.json("--collection", "far", "check")["clean"])

    def test_there_and_back(self):
        self.create("far")
        self.run_cairn("--collection", "near", "index", "--no-vectors", LIBRARY)
        there = self.json("collection", "copy", "near", "far")
        self.assertEqual(there["documents"], there["copied"])
        self.assertEqual(self.json("collection", "copy", "near", "far")["copied"], 0)
        back = self.json("collection", "copy", "far", "back")
        self.assertEqual(back["checksum"], there["checksum"])
        self.assertEqual(back["documents"], there["documents"])
        self.assertEqual(self.documents("near"), self.documents("back"))
        for q in QUERIES:
            self.assertEqual(self.found("near", q), self.found("back", q), q)
        self.assertTrue(self.json("--collection", "back", "check")["clean"])
        # What the source has no more leaves the target.
        gone = self.documents("near")[0][0]
        self.run_cairn("--collection", "near", "delete", gone)
        self.json("collection", "copy", "near", "far")
        self.assertNotIn(gone, [d[0] for d in self.documents("far")])

    def test_writers(self):
        self.create("far")
        conf = os.path.join(self.home, "collections", "far", "collection.conf")
        with open(conf, "a", encoding="utf-8") as f:
            f.write("lease_seconds = 5\n[index]\nflush_chunks = 5\nflush_seconds = 0.1\n")
        for i in range(120):
            self.write(f"{i:03}.md", f"# Note {i}\n\nNumber {i} of the notes about granite.\n")
        p = subprocess.Popen([CAIRN, "--collection", "far", "index", "--no-vectors", self.docs], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, env=dict(os.environ, CAIRN_HOME=self.home))
        self.addCleanup(p.stderr.close)
        before = []
        while len(before) < 10 and p.poll() is None:
            before = self.documents("far")
        p.send_signal(signal.SIGKILL)  # most likely in the middle; what follows holds in any case
        p.wait()
        # Nobody else gets in while the lease is not over; then the run goes on, and all is there once.
        self.run_cairn("--collection", "far", "--wait=600", "index", "--no-vectors", self.docs, timeout=1200)
        after = self.documents("far")
        self.assertEqual([d for d in before if d in after], before)
        self.assertEqual(len(after), 120)
        self.assertTrue(self.json("--collection", "far", "check")["clean"])

    def test_clear_words(self):
        done = self.run_cairn("collection", "create", "x", "--url", "http://user:secret@127.0.0.1:1", code=2)
        self.assertNotIn("secret", done.stderr)
        self.create("far")
        self.assertIn("is there already", self.run_cairn("collection", "create", "far", "--url", CLUSTER, code=2).stderr)
        self.assertIn("path.repo", self.run_cairn("--collection", "far", "backup", "here", code=2).stderr)

    def test_words_are_suggested_and_places_explained(self):
        self.create("far")
        for name in ("near", "far"):
            self.run_cairn("--collection", name, "index", "--no-vectors", LIBRARY)
        for text in ("warr", "the coff", "warrenty of the machine", "coffe grindr", "zzzz"):
            near, far = (self.json("--collection", c, "suggest", text, code=None) for c in ("near", "far"))
            self.assertEqual(near["correction"], far["correction"], text)
            self.assertEqual({c["word"] for c in near["completions"]}, {c["word"] for c in far["completions"]}, text)
        for c in ("near", "far"):
            found = self.json("--collection", c, "search", "--mode", "lexical", "warrenty", code=None)
            self.assertEqual(found["suggestion"], "warranty")
        uri = self.found("near", "warranty")[0][0]
        near, far = (self.json("--collection", c, "why-not", uri, "warranty", code=None) for c in ("near", "far"))
        self.assertEqual([(s["stage"], s["passed"]) for s in near["stages"]], [(s["stage"], s["passed"]) for s in far["stages"]])
        self.run_cairn("--collection", "far", "eval", "make", os.path.join(self.top, "set"))
        with open(os.path.join(self.top, "set", "queries.jsonl"), encoding="utf-8") as f:
            self.assertGreater(len([json.loads(line) for line in f]), 20)

    def test_vectors_of_ones_own(self):
        self.create("far")
        rows = [[0.0] * 8 for _ in range(40)]
        for i, row in enumerate(rows):
            row[i % 8], row[(i * 3 + 1) % 8] = 1.0 + i, row[(i * 3 + 1) % 8] + 0.5
        lines = "".join(json.dumps({"id": f"v{i}", "vector": r, "text": f"row {i}"}) + "\n" for i, r in enumerate(rows))
        path = self.write("v.jsonl", lines)
        for c in ("near", "far"):
            self.assertEqual(self.json("--collection", c, "import", "vectors", path)["embedded"], 40)
        self.assertEqual(self.json("--collection", "far", "import", "vectors", path)["unchanged"], 40)
        query = self.write("q.jsonl", json.dumps({"id": "q", "vector": [1, 2, 0, 0, 3, 0, 0, 1]}) + "\n")
        near, far = (self.json("--collection", c, "search", "--vector", query, "-k", "5", code=None) for c in ("near", "far"))
        self.assertEqual([h["uri"] for h in near["hits"]], [h["uri"] for h in far["hits"]])
        back = os.path.join(self.top, "back.jsonl")
        self.run_cairn("--collection", "far", "export", "vectors", back)
        with open(back, encoding="utf-8") as f:
            told = {d["id"]: d["vector"] for d in map(json.loads, f)}
        self.assertEqual(len(told), 40)
        for i, row in enumerate(rows):
            length = sum(x * x for x in row) ** 0.5
            for a, b in zip(told[f"v{i}"], row):
                self.assertAlmostEqual(a, b / length, places=5)
        self.create("other")
        self.assertIn("cosine", self.run_cairn("--collection", "other", "import", "vectors", "--metric", "l2", path, code=None).stderr)


if __name__ == "__main__":
    if not CLUSTER:
        print("CAIRN_TEST_CLUSTER names no node of a cluster: scripts/test --cluster starts one")
        sys.exit(77)
    main()
