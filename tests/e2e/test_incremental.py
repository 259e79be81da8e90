"""A rerun reads only what changed; moved files keep their vectors; what is gone goes."""
import os
import random
import shutil
import subprocess
import tarfile
import time
import unittest

from harness import CAIRN, SOURCE, CairnTest, embedded_only, main, need_model


class Incremental(CairnTest):
    def counts(self, r):
        return {k: r[k] for k in ("seen", "indexed", "unchanged", "moved", "removed")} | {"failed": len(r["failed"])}

    def expect(self, r, **want):
        full = dict(seen=0, indexed=0, unchanged=0, moved=0, removed=0, failed=0)
        full.update(want)
        self.assertEqual(self.counts(r), full)

    def test_unchanged_changed_and_gone(self):
        for i in range(20):
            self.write(f"f{i:02}.txt", f"document number {i} speaks of basalt")
        self.expect(self.index(), seen=20, indexed=20)
        self.expect(self.index(), seen=20, unchanged=20)
        self.write("f03.txt", "document number 3 now speaks of marble instead")
        os.remove(os.path.join(self.docs, "f04.txt"))
        self.expect(self.index(), seen=19, indexed=1, unchanged=18, removed=1)
        self.assertEqual(len(self.uris("basalt", )), 10)  # the first ten of eighteen
        self.assertEqual([os.path.basename(u) for u in self.uris("marble")], ["f03.txt"])
        self.assertEqual(self.uris('"number 4"'), [])
        self.assert_clean()

    def test_a_missing_extractor_costs_no_document(self):
        """What ails the installation is no failure of the file: nothing is removed, and it is read next time."""
        p = self.write("a.txt", "the basalt of old")
        self.index()
        self.write("a.txt", "the basalt and the marble")
        self.write("b.txt", "marble alone")
        broken = {"CAIRN_EXTRACT": os.path.join(self.docs, "none")}
        done = self.run_cairn("--json", "index", "--no-vectors", self.docs, env=broken, code=3)
        self.assertEqual((done.stdout + done.stderr).count("cannot be run"), 1)
        self.assertEqual(self.uris("basalt"), [p])
        self.expect(self.index(), seen=2, indexed=2)
        self.assertEqual(len(self.uris("marble")), 2)
        self.assert_clean()

    def test_touched_but_equal_is_not_read_into_the_index(self):
        p = self.write("a.txt", "the same bytes")
        self.index()
        os.utime(p, (1, 1))
        self.expect(self.index(), seen=1, unchanged=1)
        self.expect(self.index(), seen=1, unchanged=1)

    def test_same_size_and_time_but_other_bytes_are_found_by_a_later_time(self):
        p = self.write("a.txt", "aaaa basalt")
        self.index()
        before = os.stat(p).st_mtime_ns
        self.write("a.txt", "bbbb marble")
        os.utime(p, ns=(before + 2 * 10**9,) * 2)  # later, however coarse this file system's times are
        self.expect(self.index(), seen=1, indexed=1)
        self.assertEqual(self.uris("marble"), [p])

    def test_move_inside_the_tree(self):
        self.write("old/notes.txt", "basalt columns of the causeway")
        self.index()
        shutil.move(os.path.join(self.docs, "old"), os.path.join(self.docs, "new"))
        self.expect(self.index(), seen=1, moved=1)
        self.assertEqual(self.uris("basalt"), [os.path.join(self.docs, "new/notes.txt")])
        self.assertEqual(self.uris("basalt dir:old"), [])
        self.assertEqual(len(self.uris("basalt dir:new")), 1)
        self.assert_clean()

    def test_move_to_another_tree(self):
        p = self.write("a.txt", "basalt columns")
        self.index()
        other = os.path.join(self.top, "other")
        os.mkdir(other)
        shutil.move(p, other)
        self.expect(self.index(other), seen=1, moved=1)
        self.assertEqual(self.uris("basalt"), [os.path.join(other, "a.txt")])
        self.assert_clean()

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_moved_files_keep_their_vectors(self):
        self.write("one.txt", "basalt columns of the causeway")
        self.write("two.txt", "the ferry leaves at noon")
        r = self.index(vectors=True)
        self.assertEqual(r["embedded"], 2)
        shutil.move(os.path.join(self.docs, "one.txt"), os.path.join(self.docs, "three.txt"))
        r = self.index(vectors=True)
        self.assertEqual((r["moved"], r["embedded"]), (1, 0))
        found = self.json("search", "--mode", "vector", "rocks by the sea")
        self.assertEqual(len(found["hits"]), 2)
        self.assertIn(os.path.join(self.docs, "three.txt"), [h["uri"] for h in found["hits"]])
        s = self.json("status")
        self.assertEqual((s["vectors"], s["pending_vectors"]), (2, 0))

    def test_vectors_can_follow_later(self):
        self.write("one.txt", "basalt columns of the causeway")
        self.index()
        self.assertEqual(self.json("status")["pending_vectors"], 1)

    def test_an_unreadable_folder_keeps_what_was_known(self):
        self.write("sub/a.txt", "basalt")
        self.index()
        gone = os.path.join(self.top, "elsewhere")
        os.rename(self.docs, gone)
        r = self.index(self.docs, code=3)  # the folder is not there: a drive that is not mounted
        self.assertEqual(len(r["failed"]), 1)
        self.assertEqual(len(self.uris("basalt")), 1)
        os.rename(gone, self.docs)
        self.expect(self.index(), seen=1, unchanged=1)

    def test_a_failed_file_is_forgotten_when_it_goes(self):
        p = self.write("sub/x.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9)
        q = self.write("y.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
        self.expect(self.index(), seen=2, failed=2)
        self.expect(self.index(), seen=2, failed=2)
        self.assertEqual([f["path"] for f in self.json("status")["failed"]], [p, q])
        shutil.rmtree(os.path.dirname(p))
        self.expect(self.index(), seen=1, failed=1)
        self.assertEqual([f["path"] for f in self.json("status")["failed"]], [q])
        os.remove(q)
        self.expect(self.index(), seen=0)
        self.assertEqual(self.json("status")["failed"], [])
        self.assert_clean()

    def test_a_large_folder_moves_in_several_commits(self):
        conf = self.write("c.conf", "[index]\nflush_chunks = 20\n", self.top)
        for i in range(100):
            self.write(f"old/f{i}.txt", f"note {i} on basalt")
        self.index()
        os.rename(os.path.join(self.docs, "old"), os.path.join(self.docs, "new"))
        self.expect(self.index("--config", conf, self.docs), seen=100, moved=100)
        found = self.uris("basalt dir:new")
        self.assertEqual(len(found), 10)
        self.assertEqual(self.uris("basalt dir:old"), [])
        self.assert_clean()

    def test_many_small_commits_end_in_few_segments(self):
        for i in range(40):
            self.write(f"f{i}.txt", f"note {i} on basalt")
            self.index()
        self.assertLess(self.json("status")["segments"], 12)
        self.assertEqual(len(self.json("search", "--mode", "lexical", "-k", "100", "basalt")["hits"]), 40)
        self.assert_clean()

    @embedded_only("average lengths remember documents that were replaced")
    def test_scores_do_not_depend_on_segments(self):
        for i in range(30):
            self.write(f"f{i:02}.txt", "basalt " * (i % 5 + 1) + f"word{i} " * (i % 7) + "end")
        self.index()
        whole = [(h["uri"], h["score"]) for h in
                 self.json("search", "--mode", "lexical", "-k", "50", "basalt word3")["hits"]]
        home, self.home = self.home, os.path.join(self.top, "home2")
        for i in range(0, 30, 3):
            self.index(*[os.path.join(self.docs, f"f{j:02}.txt") for j in range(i, i + 3)])
        parts = [(h["uri"], h["score"]) for h in
                 self.json("search", "--mode", "lexical", "-k", "50", "basalt word3")["hits"]]
        self.assertEqual(sorted(whole), sorted(parts))
        self.json("compact")
        merged = [(h["uri"], h["score"]) for h in
                  self.json("search", "--mode", "lexical", "-k", "50", "basalt word3")["hits"]]
        self.assertEqual(sorted(whole), sorted(merged))


class OtherVersion(CairnTest):
    """golden/analyzer1.tar.gz: three documents imported by the first version, whose terms this one
    does not make. The files they came from are not there any more."""
    on_cluster = False  # it is about segments

    def unpack(self):
        os.makedirs(self.home)
        with tarfile.open(os.path.join(SOURCE, "tests/e2e/golden/analyzer1.tar.gz")) as t:
            t.extractall(self.home)

    def test_words_are_indexed_again_from_the_store(self):
        self.unpack()
        done = self.run_cairn("search", "--mode", "lexical", "tenants", code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("cairn index", done.stderr)
        self.write("new.txt", "a fresh text about granite")
        r = self.index()
        self.assertEqual((r["seen"], r["indexed"]), (1, 1))
        self.assertEqual(self.uris("tenant"), ["lease"])
        self.assertEqual(self.uris("1234.56"), ["brief"])  # the new analyzer's doing
        self.assertEqual(self.uris("request"), ["lease"])
        self.assertEqual(len(self.uris("granite")), 1)
        self.assert_clean()

    def test_a_rebuild_that_was_cut_off_goes_on(self):
        self.unpack()
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
        print(f"CAIRN_SEED={seed}", flush=True)
        r = random.Random(seed)
        for _ in range(20):  # whatever each run reached, the last one finishes
            p = subprocess.Popen([CAIRN, "index", "--no-vectors", self.docs],
                                 env=dict(os.environ, CAIRN_HOME=self.home),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(r.random() * 0.05)
            p.kill()
            p.wait()
        self.index()
        self.assertEqual(self.uris("tenant"), ["lease"])
        self.assertEqual(self.uris("basalt"), ["basalt"])
        self.assert_clean()


if __name__ == "__main__":
    main()
