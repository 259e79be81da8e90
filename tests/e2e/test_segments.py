"""The life of segments while a run goes on: what is flushed is found by others at once, merges run
beside it, can be interrupted and killed, and lose nothing.
"""
import os
import random
import signal
import subprocess
import time

from harness import CairnTest, main


class Segments(CairnTest):
    def many(self, n, first=0):
        for i in range(first, first + n):
            self.write(f"d{i // 100}/f{i}.txt", f"note{i}x on basalt {i % 7} " * 10)

    def words(self):
        return sum(t["segments"] for t in self.status()["tiers"] if t["kind"] == "words")

    def test_searchable_while_a_run_goes_on(self):
        self.many(3000)
        self.write_long("z.html")
        p = self.start("flush_seconds = 0.1", "index", "--no-vectors", self.docs)
        self.wait_until(p, lambda: self.status()["documents"] and self.uris("basalt"))
        self.assertEqual(p.wait(), 0, p.communicate()[1])
        self.assertEqual(len(self.uris("note2999x")), 1)
        self.assert_clean()

    def test_searchable_while_a_file_takes_long(self):
        self.write("a.txt", "zirconium in the first file")
        self.write_long("b.html")
        p = self.start("flush_seconds = 0.1", "index", "--no-vectors", self.docs)
        self.wait_until(p, lambda: self.status()["documents"] and self.uris("zirconium"))
        p.send_signal(signal.SIGINT)
        p.communicate()
        self.assertEqual(len(self.uris("zirconium")), 1)
        self.assert_clean()

    def test_merged_while_a_run_goes_on(self):
        self.many(1500)
        p = self.start("flush_chunks = 10", "index", "--no-vectors", self.docs)
        most = 0
        while p.poll() is None:
            s = self.status()
            if s["documents"] > 1000:
                most = max(most, s["segments"])
            time.sleep(0.02)
        self.assertEqual(p.returncode, 0, p.communicate()[1])
        # 150 flushes: without merges on the way there would be 100 or more segments at that point.
        self.assertLess(most, 100)
        s = self.status()
        self.assertFalse(s["merge_due"])
        self.assertLess(self.words(), 24)
        for i in range(0, 1500, 150):
            self.assertEqual(len(self.uris(f"note{i}x")), 1)
        self.assert_clean()

    def test_interrupt_of_a_merge(self):
        self.many(200)
        # At this rate the merges would take an hour.
        p = self.start("flush_chunks = 10\nmerge_mb_per_second = 0.0001", "index", "--no-vectors", self.docs)
        self.wait_until(p, lambda: self.status()["documents"] == 200)
        time.sleep(0.5)
        self.assertIsNone(p.poll())
        p.send_signal(signal.SIGINT)
        err = p.communicate(timeout=60)[1]
        self.assertEqual(p.returncode, 130, err)
        self.assertTrue(self.status()["merge_due"])
        self.assert_clean()
        self.assertEqual(len(self.uris("note123x")), 1)
        self.index()
        self.assertFalse(self.status()["merge_due"])
        self.assertEqual(len(self.uris("note123x")), 1)
        self.assert_clean()

    def test_ranking_survives_merges(self):
        """Many segments, few, one, one in another order: the same answers, ties included."""
        r = random.Random(7)
        words = ["basalt", "granite", "marble", "slate", "gneiss", "lava", "tuff", "chalk"]
        for i in range(240):
            self.write(f"d{i % 7}/f{i}.txt", " ".join(r.choice(words) for _ in range(r.randrange(5, 30))))
        queries = ["basalt", "granite marble", '"slate lava"', "gneiss -tuff", "ext:txt", "chalk dir:d3"]

        def answers():
            found = [self.json("search", "--mode", "lexical", "-k", "200", q)["hits"] for q in queries]
            return [[(h["uri"], h["score"]) for h in hits] for hits in found]
        p = self.start("flush_chunks = 9\nmerge_mb_per_second = 0.0001", "index", "--no-vectors", self.docs)
        self.wait_until(p, lambda: self.status()["documents"] == 240)
        p.send_signal(signal.SIGINT)
        p.communicate()
        many = self.words()
        before = answers()
        self.index()
        self.assertLess(self.words(), many)
        self.assertEqual(answers(), before)
        self.run_cairn("compact")
        self.assertEqual(self.words(), 1)
        self.assertEqual(answers(), before)
        # Reordering takes two segments or a deletion to begin with.
        self.write("new.txt", "obsidian")
        self.index()
        conf = self.write("../r.conf", "[index]\nreorder = on\n")
        self.run_cairn("--config", conf, "compact")
        os.remove(os.path.join(self.docs, "new.txt"))
        self.index()
        self.run_cairn("--config", conf, "compact")
        self.assertEqual(self.words(), 1)
        self.assertEqual(answers(), before)
        self.assert_clean()

    def test_deleted_while_merging(self):
        """Files that change while a merge is at work are dead in its result."""
        self.many(200)
        self.index()
        for i in range(0, 200, 2):
            self.write(f"d{i // 100}/f{i}.txt", f"changed{i}x to granite")
        p = self.start("flush_chunks = 5\nmerge_mb_per_second = 0.02", "index", "--no-vectors", self.docs)
        self.assertEqual(p.wait(), 0, p.communicate()[1])
        for i in range(0, 200, 20):
            self.assertEqual(self.uris(f"note{i}x"), [])
            self.assertEqual(len(self.uris(f"changed{i}x")), 1)
            self.assertEqual(len(self.uris(f"note{i + 1}x")), 1)
        self.assert_clean()

    def test_kill_while_merging(self):
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
        print(f"CAIRN_SEED={seed}", flush=True)
        r = random.Random(seed)
        killed = 0
        for round in range(15):
            self.many(40, first=40 * round)
            p = self.start("flush_chunks = 5\nmerge_mb_per_second = 0.05", "index", "--no-vectors", self.docs)
            try:
                p.wait(timeout=0.1 + r.random() * 0.9)
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGKILL)
                killed += 1
            err = p.communicate()[1]
            self.assertIn(p.returncode, (0, -9), err)
            if os.path.exists(self.home):
                self.assertEqual(self.json("check", code=None)["findings"], [])
        self.index()
        self.assertEqual(self.status()["documents"], 600)
        for i in r.sample(range(600), 20):
            self.assertEqual(len(self.uris(f"note{i}x")), 1)
        folder = os.path.join(self.home, "collections", "default", "segments")
        self.assertEqual(len(os.listdir(folder)), self.status()["segments"])
        self.assert_clean()
        print(f"{killed} of 15 runs killed", flush=True)


if __name__ == "__main__":
    main()
