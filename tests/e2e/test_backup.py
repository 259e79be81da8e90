"""cairn backup and cairn restore: a home of its own that stays whole whatever goes on beside it."""
import glob
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import unittest

from harness import CAIRN, CairnTest, main


class Backup(CairnTest):
    def setUp(self):
        super().setUp()
        self.copy = os.path.join(self.top, "copy")

    def many(self, n, word="granite"):
        lines = [json.dumps({"_id": f"n{i}", "title": "", "text": f"note{i}x on {word} {i % 9}"}) for i in range(n)]
        return self.write("../notes.jsonl", "\n".join(lines) + "\n")

    def test_there_and_back(self):
        self.write("a.txt", "zirconium in the first file")
        self.write("b.txt", "granite in the second")
        self.index()
        self.run_cairn("tag", "add", "mineral", os.path.join(self.docs, "a.txt"))
        self.write("../home/uploads/default/up.txt", "basalt, uploaded")
        with sqlite3.connect(os.path.join(self.home, "collections", "default", "user.db")) as db:
            db.execute("CREATE TABLE IF NOT EXISTS kept (word TEXT)")
            db.execute("INSERT INTO kept VALUES ('remembered')")
        self.write("../home/collections/default/access", "- /secret/\n")  # or a restored collection would be open to everybody
        r = self.json("backup", self.copy)
        self.assertEqual((r["documents"], r["bytes_linked"]), (2, 0))
        # A backup is a home.
        there = self.json("--home", self.copy, "search", "--mode", "lexical", "zirconium")["hits"]
        self.assertEqual([os.path.basename(h["uri"]) for h in there], ["a.txt"])
        self.assertEqual(self.read(os.path.join(self.copy, "uploads", "default", "up.txt")), "basalt, uploaded")

        # Later changes are not in it, and come back out of it.
        self.write("a.txt", "nothing of the kind any more")
        self.index()
        self.assertEqual(self.uris("zirconium"), [])
        self.assertIn("--replace", self.run_cairn("restore", self.copy, code=2).stderr)
        self.assertEqual(self.uris("zirconium"), [])
        self.json("restore", self.copy, "--replace")
        self.assertEqual([os.path.basename(u) for u in self.uris("zirconium")], ["a.txt"])
        self.assertEqual(len(self.uris("tag:mineral")), 1)
        with sqlite3.connect(os.path.join(self.home, "collections", "default", "user.db")) as db:
            self.assertEqual(db.execute("SELECT word FROM kept").fetchall(), [("remembered",)])
        self.assert_clean()
        self.assertEqual(self.index()["indexed"], 1)  # and indexing goes on from there
        self.assertEqual(self.uris("zirconium"), [])

        # To a machine that has nothing.
        shutil.rmtree(self.home)
        self.json("restore", self.copy)
        self.assertEqual(self.read(os.path.join(self.home, "collections", "default", "access")), "- /secret/\n")
        self.assertEqual(len(self.uris("granite")), 1)
        self.assert_clean()
        self.assertEqual(sorted(os.listdir(os.path.join(self.home, "collections"))), ["default"])

    def read(self, path):
        with open(path, encoding="utf-8") as f:
            return f.read()

    def test_again_shares_what_is_unchanged(self):
        self.json("import", "jsonl", "--no-vectors", self.many(500))
        first = self.json("backup", self.copy)
        self.assertEqual(first["documents"], 500)
        again = self.json("backup", self.copy)
        self.assertGreater(again["bytes_linked"], 0)
        self.assertLess(again["bytes_linked"], again["bytes"])
        self.assertEqual(self.json("--home", self.copy, "check")["clean"], True)
        self.assertEqual(os.listdir(os.path.join(self.copy, "collections")), ["default"])

    def test_while_a_run_writes(self):
        # At this rate the merges take long enough for several backups.
        conf = self.write("../c.conf", "[index]\nflush_chunks = 20\nmerge_mb_per_second = 0.2\n")
        corpus = self.many(1500)
        p = subprocess.Popen([CAIRN, "--config", conf, "import", "jsonl", "--no-vectors", corpus],
                             env=dict(os.environ, CAIRN_HOME=self.home), stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
        seen = []
        while p.poll() is None or not seen:
            done = self.run_cairn("--json", "backup", self.copy, code=None)
            if done.returncode:
                self.assertIn("no collection", done.stderr)
                continue
            self.assertEqual(self.json("--home", self.copy, "check")["clean"], True)
            n = json.loads(done.stdout)["documents"]
            # Document i is found exactly when it was committed before the snapshot: the first n are.
            hits = self.json("--home", self.copy, "search", "--mode", "lexical", "-k", "2000", "granite",
                             code=None if not n else 0)
            self.assertEqual({h["uri"] for h in hits["hits"]}, {f"n{i}" for i in range(n)})
            seen.append(n)
        self.assertEqual(p.returncode, 0, p.communicate()[1])
        p.stderr.close()
        self.assertEqual(self.json("backup", self.copy)["documents"], 1500)

    def test_damage_keeps_the_last_good_one(self):
        self.json("import", "jsonl", "--no-vectors", self.many(300))
        self.json("backup", self.copy)
        victim = sorted(glob.glob(os.path.join(self.home, "collections", "default", "segments", "*.seg")))[0]
        self.flip(victim)
        # The earlier backup's copy of it is whole and is what the manifest names: it is taken from there.
        self.json("backup", self.copy)
        self.assertEqual(self.json("--home", self.copy, "check")["clean"], True)
        other = os.path.join(self.top, "other")
        self.run_cairn("backup", other, code=4)
        self.assertEqual(os.listdir(other), [])
        self.run_cairn("check", code=4)
        self.json("restore", self.copy, "--replace")
        self.assert_clean()
        # A damaged backup is not restored.
        for path in glob.glob(os.path.join(self.copy, "collections", "default", "segments", "*.seg")):
            self.flip(path)
        self.run_cairn("restore", self.copy, "--replace", code=4)
        self.assert_clean()
        self.assertEqual(len(self.uris("note7x")), 1)

    def flip(self, path):
        with open(path, "r+b") as f:
            f.seek(os.path.getsize(path) // 2)
            byte = f.read(1)
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([byte[0] ^ 1]))

    def test_interrupted(self):
        self.json("import", "jsonl", "--no-vectors", self.many(300))
        self.json("backup", self.copy)
        for wait in (0, 0.01, 0.02, 0.04):
            p = subprocess.Popen([CAIRN, "backup", self.copy], env=dict(os.environ, CAIRN_HOME=self.home),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                p.wait(timeout=wait)
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGKILL)
            p.wait()
            self.assertEqual(self.json("--home", self.copy, "check")["clean"], True)
        self.assertEqual(self.json("backup", self.copy)["documents"], 300)
        self.assertEqual(os.listdir(os.path.join(self.copy, "collections")), ["default"])

    @unittest.skipIf(os.geteuid() != 0, "needs root for a small file system")
    def test_a_full_disk(self):
        self.json("import", "jsonl", "--no-vectors", self.many(20000))
        small = os.path.join(self.top, "small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True).returncode:
            self.skipTest("no mount here")
        try:
            done = self.run_cairn("backup", small, code=3)
            self.assertRegex(done.stderr, r"/small/collections/\.new-default/")  # which file
            self.assertIn("nothing of it was kept", done.stderr)
            said = re.search(r"takes up to ([0-9.]+) MB, .*had ([0-9.]+) MB free", done.stderr)
            self.assertAlmostEqual(float(said[2]), 1.0, delta=0.1)
            self.assertEqual(os.listdir(small), [])
            subprocess.run(["mount", "-o", "remount,size=200m", small], check=True)
            written = self.json("backup", small)["bytes"] / 1e6
            self.assertTrue(written <= float(said[1]) <= 2 * written, (said[0], written))  # a copy's pages are fuller
            # A whole backup is not lost to one for which there is no room.
            self.json("import", "jsonl", "--no-vectors", self.many(40000, "basalt"))
            subprocess.run(["mount", "-o", f"remount,size={int(written * 1e6) + (1 << 20)}", small], check=True)
            self.run_cairn("backup", small, code=3)
            self.assertEqual(self.json("--home", small, "check")["clean"], True)
            self.assertEqual(self.json("--home", small, "status")["documents"], 20000)
            self.assertEqual(os.listdir(os.path.join(small, "collections")), ["default"])
        finally:
            subprocess.run(["umount", "-l", small], check=False)

    def test_places_that_are_none(self):
        self.json("import", "jsonl", "--no-vectors", self.many(3))
        self.assertIn("home", self.run_cairn("backup", os.path.join(self.home, "copy"), code=2).stderr)
        self.write("../copy/collections/default/mine.txt", "not Cairn's")
        self.assertIn("no collection", self.run_cairn("backup", self.copy, code=2).stderr)
        self.assertEqual(self.read(os.path.join(self.copy, "collections", "default", "mine.txt")), "not Cairn's")
        self.assertIn("collection", self.run_cairn("restore", os.path.join(self.top, "nothing"), code=1).stderr)
        self.run_cairn("backup", code=2)
        self.run_cairn("restore", code=2)
        self.assertIn("home itself", self.run_cairn("restore", self.home, "--replace", code=2).stderr)
        self.assertEqual(len(self.uris("granite")), 3)


if __name__ == "__main__":
    main()
