"""Vectors of one's own: imported, searched, listed, deleted, exported again bit for bit.

The last class compares with NumPy and the Python package of FAISS. They are looked for in this
interpreter and in the one that CAIRN_PEER_PYTHON names; where neither has them it is skipped.
"""
import glob
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time
import unittest

from harness import CAIRN, SOURCE, CairnTest, main

GOLDEN = os.path.join(SOURCE, "tests", "index", "vector", "golden", "faiss")


def make_rows(n, dim, seed=1):
    rng = random.Random(seed)
    return [[struct.unpack("<f", struct.pack("<f", rng.gauss(0, 1)))[0] for _ in range(dim)] for _ in range(n)]


def npy(rows, dim=None):
    dim = dim or len(rows[0])
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (len(rows), dim)
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + \
        b"".join(struct.pack("<%df" % dim, *r) for r in rows)


def fvecs(rows):
    return b"".join(struct.pack("<i%df" % len(r), len(r), *r) for r in rows)


def l2(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b))


class Vectors(CairnTest):
    def imported(self, name, data, *options, code=0):
        path = self.write(name, data)
        return self.json("import", "vectors", path, *options, code=code)

    def exported(self, name, *options, code=0):
        path = os.path.join(self.top, name)
        self.json("export", "vectors", path, *options, code=code)
        return path

    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def ids(self, path):
        with open(path + ".ids.jsonl", encoding="utf-8") as f:
            return [json.loads(line)["id"] for line in f]

    def test_round_trips_are_bit_for_bit(self):
        rows = make_rows(300, 20)
        for metric in ("dot", "l2"):
            self.home = os.path.join(self.top, metric)
            r = self.imported("x.npy", npy(rows), "--metric", metric)
            self.assertEqual((r["seen"], r["indexed"], r["embedded"], r["failed"]), (300, 300, 300, []))
            out = self.exported("out.npy")
            self.assertEqual(self.read(out), npy(rows))
            self.assertEqual(self.ids(out), [str(i) for i in range(300)])
            self.assertEqual(self.read(self.exported("out.fvecs")), fvecs(rows))
            lines = self.exported("out.jsonl")
            self.home += "2"
            self.assertEqual(self.json("import", "vectors", lines, "--metric", metric)["indexed"], 300)
            self.assertEqual(self.read(self.exported("again.npy")), npy(rows))
            self.assert_clean()
            self.assertEqual([f for f in os.listdir(self.top) if f.endswith(".tmp")], [])

    def test_cosine_keeps_unit_rows(self):
        self.imported("x.npy", npy(make_rows(200, 33)))
        once = self.read(self.exported("once.npy"))
        self.home += "2"
        self.imported("once.npy", once)
        self.assertEqual(self.read(self.exported("twice.npy")), once)

    def test_search_by_vector(self):
        rows, queries = make_rows(400, 12), make_rows(3, 12, seed=9)
        names = self.write("names.txt", "".join(f"row {i}\n" for i in range(400)))
        self.imported("x.fvecs", fvecs(rows), "--metric", "l2", "--ids", names)
        done = self.run_cairn("--json", "search", "-k", "5", "--vector", self.write("q.npy", npy(queries)))
        found = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(found), 3)
        for q, f in zip(queries, found):
            want = sorted(range(400), key=lambda i: l2(q, rows[i]))[:5]
            self.assertEqual([h["uri"] for h in f["hits"]], [f"row {i}" for i in want])
            self.assertEqual(f["mode"], "vector")
            for h, i in zip(f["hits"], want):
                self.assertAlmostEqual(h["score"], -l2(q, rows[i]), places=3)
        # from standard input, as JSON, with a filter
        f = self.json("search", "--vector", "-", "--filter", 'title:"row 7"', stdin=json.dumps(rows[3]))
        self.assertEqual([h["uri"] for h in f["hits"]], ["row 7"])
        self.run_cairn("search", "--vector", "-", code=2, stdin="[1, 2, 3]")       # another dimension
        self.run_cairn("search", "--vector", "-", code=3, stdin="hello")
        self.run_cairn("search", "--vector", "-", code=3, stdin="")
        self.run_cairn("search", "--vector", "-", "words", code=2)

    def test_documents_of_vectors(self):
        lines = [{"id": "a", "vector": [1, 0], "title": "The first", "text": "a red bicycle"},
                 {"id": "b", "vector": [0, 1]}, {"_id": 3, "vector": [1, 1]}]
        r = self.imported("x.jsonl", "".join(json.dumps(x) + "\n" for x in lines))
        self.assertEqual((r["indexed"], r["failed"]), (3, []))
        listed = [json.loads(line)["uri"] for line in self.run_cairn("--json", "list").stdout.splitlines()]
        self.assertEqual(sorted(listed), ["3", "a", "b"])
        self.assertEqual(self.uris("bicycle"), ["a"])
        self.assertEqual(self.json("get", "a")["title"], "The first")
        self.assertIn("own vectors, 2 dimensions, cosine", self.run_cairn("status").stdout)
        self.json("delete", "b")
        out = self.exported("out.npy")
        self.assertEqual(self.ids(out), ["a", "3"])
        near = self.json("search", "--vector", "-", stdin="[0, 1]")
        self.assertEqual([h["uri"] for h in near["hits"]], ["3", "a"])
        # changed, new, unchanged
        lines[0]["vector"] = [0.5, 0.25]
        r = self.imported("x.jsonl", "".join(json.dumps(x) + "\n" for x in lines))
        self.assertEqual((r["indexed"], r["unchanged"]), (2, 1))
        self.assertEqual(self.json("status")["vectors"], 3)
        self.json("compact")
        self.assert_clean()
        self.assertEqual(sorted(self.ids(self.exported("more.npy"))), ["3", "a", "b"])

    def test_mixing_is_refused(self):
        self.imported("x.npy", npy(make_rows(5, 4)))
        note = self.write("note.txt", "a note")
        done = self.run_cairn("index", "--no-vectors", note, code=2)
        self.assertIn("--collection", done.stderr)
        corpus = self.write("c.jsonl", '{"_id": "1", "text": "a line"}\n')
        self.run_cairn("import", "jsonl", corpus, code=2)
        self.run_cairn("import", "vectors", self.write("y.npy", npy(make_rows(5, 6))), code=2)
        self.run_cairn("import", "vectors", self.write("y.npy", npy(make_rows(5, 4))), "--metric", "l2", code=2)
        done = self.run_cairn("search", "note", code=1)
        self.assertIn("--vector", done.stderr)
        self.assertEqual(self.json("status")["documents"], 5)
        self.home += "2"
        self.index(note)
        done = self.run_cairn("import", "vectors", self.write("x.npy", npy(make_rows(5, 4))), code=2)
        self.assertIn("holds documents", done.stderr)

    def test_bad_files(self):
        for name, data in {"cut.npy": npy(make_rows(5, 4))[:-1], "empty.npy": b"", "text.npy": b"hello\n",
                           "huge.npy": npy([], 4).replace(b"(0, 4)", b"(1 << 60, 4)"),
                           "cut.fvecs": fvecs(make_rows(5, 4))[:-1], "zero.fvecs": b"\0" * 16,
                           "x.faiss": b"IxFI" + b"\xff" * 60, "what": b"\1\2\3\4"}.items():
            done = self.run_cairn("import", "vectors", self.write(name, data), code=3)
            self.assertIn(name, done.stderr)
        self.run_cairn("import", "vectors", "/nowhere/x.npy", code=3)
        self.run_cairn("import", "vectors", self.docs, code=3)
        rows = make_rows(4, 3)
        rows[2][1] = float("nan")
        r = self.imported("nan.npy", npy(rows))
        self.assertEqual((r["indexed"], len(r["failed"])), (3, 1))
        self.assertIn("row 2", r["failed"][0]["reason"])
        r = self.imported("x.jsonl", '{"id": "a", "vector": [1,2,3]}\nnot json\n{"vector": [1,2,3]}\n{"id": "b"}\n'
                          '{"id": "c", "vector": [1,2]}\n{"id": "d", "vector": [1,2,"x"]}\n')
        self.assertEqual((r["indexed"], len(r["failed"])), (1, 5))
        few = self.write("few.jsonl", '"one"\n')
        self.run_cairn("import", "vectors", self.write("y.npy", npy(make_rows(3, 3))), "--ids", few, code=3)
        self.run_cairn("export", "vectors", os.path.join(self.top, "x.what"), code=2)
        self.run_cairn("export", "vectors", "/nowhere/x.npy", code=3)
        self.run_cairn("export", "vectors", os.path.join(self.top, "x.faiss"), "--index", "what", code=2)
        self.home += "none"
        self.run_cairn("export", "vectors", os.path.join(self.top, "x.npy"), code=1)
        self.assertFalse(os.path.exists(os.path.join(self.top, "x.npy")))

    def test_faiss_golden_files(self):
        for name, want in (("flat_l2", 40), ("ivf_pq8", 40), ("hnsw_flat", 40), ("idmap_flat", 40)):
            self.home = os.path.join(self.top, name)
            r = self.json("import", "vectors", os.path.join(GOLDEN, name + ".faiss"))
            self.assertEqual(r["indexed"], want)
            ids = sorted(int(i) for i in self.ids(self.exported(name + ".npy")))
            self.assertEqual(ids, [7 * i + 100 if name == "idmap_flat" else i for i in range(40)])
            metric = "dot" if name == "idmap_flat" else "l2"
            self.assertIn(f"own vectors, 8 dimensions, {metric}", self.run_cairn("status").stdout)

    def test_faiss_round_trip(self):
        rows = make_rows(600, 16)
        self.imported("x.npy", npy(rows), "--metric", "dot")
        for kind in ("flat", "hnsw", "ivf-flat"):
            path = self.exported(kind + ".faiss", "--index", kind)
            self.assertFalse(os.path.exists(path + ".ids.jsonl"))
            home, self.home = self.home, os.path.join(self.top, kind)
            self.json("import", "vectors", path)
            out = self.exported(kind + ".npy")
            order = [int(i) for i in self.ids(out)]
            self.assertEqual(self.read(out), npy([rows[i] for i in order]))
            self.home = home
        done = self.run_cairn("export", "vectors", os.path.join(self.top, "y.faiss"), "--index", "ivf-pq", code=2)
        self.assertIn("ivf-sq8", done.stderr)
        done = self.run_cairn("export", "vectors", os.path.join(self.top, "y.faiss"), code=None,
                              env={"CAIRN_FAISS": "/nowhere.so"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("CAIRN_FAISS", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.top, "y.faiss")))

    def test_inverted_lists_of_a_collection(self):
        conf = self.write("cairn.conf", "[index]\nvector_index = ivf-sq8\n")
        rows = make_rows(11000, 8)
        self.json("--config", conf, "import", "vectors", self.write("x.npy", npy(rows)), "--metric", "l2")
        self.assert_clean()
        f = self.json("search", "-k", "3", "--vector", "-", stdin=json.dumps(rows[77]))
        self.assertEqual(f["hits"][0]["uri"], "77")
        for i in range(0, 60, 2):
            self.json("delete", str(i))
        self.json("--config", conf, "compact")
        self.assert_clean()
        f = self.json("search", "-k", "1", "--vector", "-", stdin=json.dumps(rows[4]))
        self.assertNotEqual(f["hits"][0]["uri"], "4")
        self.run_cairn("--config", self.write("bad.conf", "[index]\nvector_index = fast\n"), "status", code=2)

    def test_damage_is_mended_by_importing_again(self):
        rows = make_rows(50, 4)
        self.imported("x.npy", npy(rows), "--metric", "dot")
        folder = os.path.join(self.home, "collections", "default", "segments")
        for name in os.listdir(folder):
            data = bytearray(self.read(os.path.join(folder, name)))
            at = bytes(data).find(struct.pack("<4f", *rows[10]))
            if at >= 0:
                data[at] ^= 1
                with open(os.path.join(folder, name), "wb") as f:
                    f.write(data)
                break
        else:
            self.fail("no segment holds the rows")
        self.run_cairn("check", code=4)
        self.run_cairn("check", "--repair", code=None)
        r = self.imported("x.npy", npy(rows))
        self.assertEqual(r["indexed"], 50)
        self.assert_clean()
        self.assertEqual(self.read(self.exported("out.npy")), npy(rows))

    def test_interrupted(self):
        path = self.write("x.npy", npy(make_rows(2000, 8) * 30))
        child = subprocess.Popen([CAIRN, "import", "vectors", path, "--metric", "dot"],
                                 env=dict(os.environ, CAIRN_HOME=self.home), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        store = os.path.join(self.home, "collections", "default", "store-*.mdb")
        while not glob.glob(store) and child.poll() is None:  # or there is nothing to be clean
            time.sleep(0.01)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=300)
        self.assertIn(child.returncode, (130, 0))
        self.assert_clean()
        r = self.json("import", "vectors", path, "--metric", "dot")
        self.assertEqual(r["indexed"] + r["unchanged"], 60000)
        self.assertEqual(self.json("status")["vectors"], 60000)
        self.assertEqual(self.json("status")["pending_vectors"], 0)


def peer_python():
    for python in (sys.executable, os.environ.get("CAIRN_PEER_PYTHON")):
        if python and not subprocess.run([python, "-c", "import faiss, numpy"], capture_output=True).returncode:
            return python
    return None


PEER = peer_python()

PEER_CODE = """
import sys, json, faiss, numpy as np
what, folder = sys.argv[1:3]
rng = np.random.default_rng(5)
x = rng.standard_normal((12000, 32)).astype("f4")
q = rng.standard_normal((20, 32)).astype("f4")
KINDS = {"flat": "Flat", "hnsw": "HNSW16,Flat", "ivf-flat": "IVF64,Flat", "ivf-sq8": "IVF64,SQ8",
         "ivf-pq": "IVF64,PQ4np"}
if what == "make":
    np.save(folder + "/x.npy", x); np.save(folder + "/q.npy", q)
    np.save(folder + "/x2.npy", x.astype("f2")); np.save(folder + "/xb.npy", x.astype(">f4"))
    for kind, factory in KINDS.items():
        ix = faiss.index_factory(32, factory, faiss.METRIC_L2)
        ix.train(x); ix.add(x)
        faiss.write_index(ix, f"{folder}/peer-{kind}.faiss")
        if hasattr(ix, "make_direct_map"): ix.make_direct_map()
        np.save(f"{folder}/peer-{kind}.npy", ix.reconstruct_n(0, 12000))
elif what == "ours":
    out = {}
    for kind in KINDS:
        ix = faiss.read_index(f"{folder}/ours-{kind}.faiss")
        for probe in ("nprobe", "efSearch"):
            if probe == "nprobe" and hasattr(ix, "nprobe"): ix.nprobe = 10000
        if kind == "hnsw": ix.hnsw.efSearch = 400
        out[kind] = {"n": ix.ntotal, "ids": ix.search(q, 5)[1].tolist()}
    exact = faiss.IndexFlatL2(32); exact.add(x)
    out["exact"] = {"ids": exact.search(q, 5)[1].tolist()}
    print(json.dumps(out))
elif what == "same":
    a, b = np.load(sys.argv[3]), np.load(sys.argv[4])
    print(json.dumps([a.shape == b.shape, bool((a == b).all()), float(np.abs(a - b).max())]))
"""


@unittest.skipUnless(PEER, "no Python with numpy and faiss-cpu (CAIRN_PEER_PYTHON may name one)")
class Peer(CairnTest):
    def peer(self, *args):
        done = subprocess.run([PEER, "-c", PEER_CODE, *args], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return json.loads(done.stdout) if done.stdout.strip() else None

    def test_numpy_and_faiss(self):
        path = lambda name: os.path.join(self.top, name)  # noqa: E731
        self.peer("make", self.top)
        self.json("import", "vectors", path("x.npy"), "--metric", "l2")
        self.json("export", "vectors", path("out.npy"))
        self.assertEqual(self.peer("same", self.top, path("x.npy"), path("out.npy"))[:2], [True, True])
        for name in ("xb", "x2"):
            self.home = path("home-" + name)
            self.json("import", "vectors", path(name + ".npy"), "--metric", "l2")
            self.json("export", "vectors", path("out.npy"))
            self.assertEqual(self.peer("same", self.top, path(name + ".npy"), path("out.npy"))[:2], [True, True])
        self.home = path("home")
        for kind in ("flat", "hnsw", "ivf-flat", "ivf-sq8", "ivf-pq"):
            self.json("export", "vectors", path(f"ours-{kind}.faiss"), "--index", kind)
        ours = self.peer("ours", self.top)
        exact = ours["exact"]["ids"]
        for kind, least in (("flat", 1), ("ivf-flat", 1), ("hnsw", 0.95), ("ivf-sq8", 0.9), ("ivf-pq", 0.2)):
            self.assertEqual(ours[kind]["n"], 12000)
            hit = sum(len(set(a) & set(b)) for a, b in zip(ours[kind]["ids"], exact)) / 100
            self.assertGreaterEqual(hit, least, kind)
        for kind in ("flat", "hnsw", "ivf-flat", "ivf-sq8", "ivf-pq"):
            self.home = path("peer-" + kind)
            self.json("import", "vectors", path(f"peer-{kind}.faiss"))
            self.json("export", "vectors", path("out.npy"))
            with open(path("out.npy.ids.jsonl"), encoding="utf-8") as f:
                order = [int(json.loads(line)["id"]) for line in f]
            self.assertEqual(sorted(order), list(range(12000)))
            with open(path(f"peer-{kind}.npy"), "rb") as f:
                head, data = f.read(128), f.read()
            row = 32 * 4
            with open(path("want.npy"), "wb") as f:
                f.write(head + b"".join(data[i * row:(i + 1) * row] for i in order))
            self.assertLessEqual(self.peer("same", self.top, path("want.npy"), path("out.npy"))[2], 1e-5, kind)
            if kind in ("flat", "hnsw", "ivf-flat"):
                done = self.run_cairn("--json", "search", "-k", "5", "--vector", path("q.npy"))
                found = [[int(h["uri"]) for h in json.loads(line)["hits"]] for line in done.stdout.splitlines()]
                self.assertEqual(found, exact)


if __name__ == "__main__":
    main()
