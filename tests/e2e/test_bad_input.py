"""Bad input: a clear error that names the file, nothing lost, and the run goes on."""
import glob
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from harness import CAIRN, CairnTest, main

GOOD = "the good document speaks of basalt"


class BadInput(CairnTest):
    def index_beside_a_good_file(self, **more):
        """Index the folder; the good file must be found whatever lies beside it."""
        good = self.write("good.txt", GOOD)
        r = self.index(**more)
        self.assertEqual(self.uris("basalt"), [good])
        self.assert_clean()
        return {os.path.basename(f["path"]): f["reason"] for f in r["failed"]}

    def noise(self):
        """Random bytes that CAIRN_SEED gives again."""
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
        print(f"CAIRN_SEED={seed}", flush=True)
        return random.Random(seed).randbytes

    def test_empty_file(self):
        self.write("empty.txt", "")
        self.write("empty.pdf", b"")
        self.index_beside_a_good_file()

    def test_binary_named_text(self):
        self.write("picture.txt", bytes(range(256)) * 200)
        failed = self.index_beside_a_good_file()
        self.assertIn("picture.txt", failed)

    def test_invalid_utf8_is_text_all_the_same(self):
        p = self.write("latin.txt", "Die Größe der Straße überrascht alle Gäste in München sehr.\n".encode("latin-1") * 5)
        self.index_beside_a_good_file()
        self.assertEqual(self.uris("Größe"), [p])

    def test_huge_text(self):
        line = b"the long file speaks of granite and of the sea and of the wind over it again and again\n"
        with open(os.path.join(self.docs, "huge.txt"), "wb") as f:
            for _ in range(200 * 1024 * 1024 // (len(line) * 1000)):
                f.write(line * 1000)
        self.write("good.txt", GOOD)
        p = subprocess.Popen([CAIRN, "--json", "index", "--no-vectors", self.docs], stdout=subprocess.PIPE,
                             env=dict(os.environ, CAIRN_HOME=self.home))
        out = p.stdout.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        p.stdout.close()
        self.assertEqual(p.returncode, 0, out)
        self.assertLess(usage.ru_maxrss, 3 * 1024 * 1024, "peak memory in KiB")
        self.assertEqual(len(self.uris("basalt")), 1)
        self.assertEqual({os.path.basename(u) for u in self.uris("granite")}, {"huge.txt"})
        self.assert_clean()

    def test_broken_pdfs(self):
        pdfs = glob.glob(os.path.join(os.environ["CAIRN_SOURCE"], "fixtures/library/**/*.pdf"), recursive=True)
        if not pdfs:
            self.skipTest("no PDF among the fixtures")
        with open(pdfs[0], "rb") as f:
            whole = f.read()
        self.write("cut.pdf", whole[:len(whole) // 3])
        self.write("noise.pdf", b"%PDF-1.7\n" + self.noise()(20000))
        self.write("head.pdf", b"%PDF-1.4\n")
        self.index_beside_a_good_file()

    def test_deep_html(self):
        self.write("deep.html", "<div>" * 100000 + "granite" + "</div>" * 100000)
        self.write("wide.html", "<p>granite</p>" * 100000)
        self.index_beside_a_good_file()

    def test_unreadable_file(self):
        if os.geteuid() == 0:
            self.skipTest("root reads everything")
        p = self.write("secret.txt", "granite")
        os.chmod(p, 0)
        self.assertIn("ermission", self.index_beside_a_good_file()["secret.txt"])
        os.chmod(p, 0o644)
        self.index()
        self.assertEqual(self.uris("granite"), [p])

    def test_fifo_socket_and_device(self):
        os.mkfifo(os.path.join(self.docs, "pipe.txt"))
        s = socket.socket(socket.AF_UNIX)
        s.bind(os.path.join(self.docs, "sock.txt"))
        failed = self.index_beside_a_good_file(timeout=60)
        s.close()
        self.assertIn("pipe.txt", failed)
        self.run_cairn("index", "--no-vectors", "--strict", "/dev/zero", code=3, timeout=60)

    def test_symlink_loops(self):
        os.symlink(".", os.path.join(self.docs, "loop"))
        os.symlink("b", os.path.join(self.docs, "a"))
        os.symlink("a", os.path.join(self.docs, "b"))
        self.index_beside_a_good_file(timeout=60)

    def test_names_with_newline_and_broken_utf8(self):
        a = self.write("two\nlines.txt", "granite in the first")
        b = os.path.join(os.fsencode(self.docs), b"bro\xffken.txt")
        with open(b, "wb") as f:
            f.write(b"granite in the second")
        self.index_beside_a_good_file()
        found = self.json("search", "--mode", "lexical", "granite")["hits"]
        self.assertEqual(len(found), 2)
        self.assertIn(a, [h["uri"] for h in found])

    def test_files_that_vanish_while_indexing(self):
        for i in range(300):
            self.write(f"v{i:03}.txt", f"granite {i}")
        self.write("good.txt", GOOD)
        done = threading.Event()

        def remove():
            while not done.is_set():
                for f in glob.glob(os.path.join(self.docs, "v*.txt"))[-3:]:
                    os.remove(f)
                time.sleep(0.001)

        t = threading.Thread(target=remove)
        t.start()
        self.index()
        done.set()
        t.join()
        self.index()
        left = len(glob.glob(os.path.join(self.docs, "*.txt")))
        self.assertEqual(self.json("status")["documents"], left)
        self.assert_clean()

    def test_files_that_grow_while_indexing(self):
        p = self.write("log.txt", "granite\n")
        stop = threading.Event()

        def grow():
            while not stop.is_set():
                with open(p, "a") as f:
                    f.write("more granite\n")
                time.sleep(0.0005)

        t = threading.Thread(target=grow)
        t.start()
        for _ in range(5):
            self.index()
        stop.set()
        t.join()
        self.index()
        self.assertEqual(set(self.uris("granite")), {p})
        self.assert_clean()

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("needs root for a small file system")
        small = os.path.join(self.top, "small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True).returncode:
            self.skipTest("no mount here")
        try:
            self.home = os.path.join(small, "home")
            self.write("good.txt", GOOD)
            self.index()
            r = random.Random(7)
            for i in range(60):
                self.write(f"big{i}.txt", " ".join("%x" % r.getrandbits(64) for _ in range(12000)))
            done = self.run_cairn("index", "--no-vectors", self.docs, code=3)
            self.assertRegex(done.stderr, "(?i)space|full")
            self.assertIn("no room for more", done.stderr)
            # What the report counts is what is there; with more room the same goes on.
            counted = self.json("index", "--no-vectors", self.docs, code=3)["indexed"]
            self.assertEqual(counted, self.json("status")["documents"] - 1)
            # What was acknowledged before is there and whole.
            self.assertEqual(len(self.uris("basalt")), 1)
            self.assert_clean()
            subprocess.run(["mount", "-o", "remount,size=200m", small], check=True)
            self.assertEqual(self.index()["indexed"], 60 - counted)
            self.assert_clean()
        finally:
            subprocess.run(["umount", "-l", small])

    def test_read_only_home(self):
        self.write("good.txt", GOOD)
        self.index()
        if os.geteuid() == 0:
            # Root ignores permissions; a read-only mount it does not.
            if subprocess.run(["mount", "--bind", self.home, self.home], capture_output=True).returncode:
                self.skipTest("no mount here")
            subprocess.run(["mount", "-o", "remount,ro,bind", self.home], check=True)
        else:
            subprocess.run(["chmod", "-R", "a-w", self.home], check=True)
        try:
            self.assertEqual(len(self.uris("basalt")), 1)
            self.assertEqual(self.json("status")["documents"], 1)
            done = self.run_cairn("index", "--no-vectors", self.docs, code=3)
            self.assertIn(self.home, done.stderr)
        finally:
            if os.geteuid() == 0:
                subprocess.run(["umount", "-l", self.home])

    def damage(self, path, at, n=64):
        with open(path, "r+b") as f:
            f.seek(at)
            old = f.read(n)
            f.seek(at)
            f.write(bytes(b ^ 0x5a for b in old))

    def segments(self):
        return glob.glob(os.path.join(self.home, "collections/default/segments/*.seg"))

    def test_damaged_segment_is_named_and_rebuilt(self):
        for i in range(50):
            self.write(f"f{i}.txt", f"note {i} on basalt and " + "word%d " % i * 30)
        self.index()
        seg = self.segments()[0]
        size = os.path.getsize(seg)
        for at in (0, 40, size // 3, size // 2, size - 40):
            self.damage(seg, at)
            done = self.run_cairn("check", code=4)
            self.assertIn(os.path.basename(seg), done.stdout + done.stderr)
            searched = self.run_cairn("search", "--mode", "lexical", "basalt", code=None)
            self.assertIn(searched.returncode, (0, 1, 4), searched.stderr)
            self.run_cairn("check", "--repair", code=0)
            self.assert_clean()
            self.assertEqual(len(self.json("search", "--mode", "lexical", "-k", "100", "basalt")["hits"]), 50)
            seg = self.segments()[0]
            size = os.path.getsize(seg)

    def test_missing_segment_is_named_and_rebuilt(self):
        self.write("good.txt", GOOD)
        self.index()
        os.remove(self.segments()[0])
        self.run_cairn("search", "--mode", "lexical", "basalt", code=4)
        self.run_cairn("check", code=4)
        self.run_cairn("check", "--repair")
        self.assertEqual(len(self.uris("basalt")), 1)

    def test_damaged_database(self):
        for i in range(50):
            self.write(f"f{i}.txt", f"note {i} on basalt")
        self.index()
        db = [p for p in glob.glob(os.path.join(self.home, "collections/default/*")) if p.endswith(".mdb")
              and "lock" not in p][0]
        with open(db, "rb") as f:
            whole = f.read()
        listed = self.run_cairn("--json", "list").stdout
        pages = range(0, len(whole), 4096)
        harmless, noise = [], self.noise()
        for name, broken in [("cut short", whole[:len(whole) // 2]), ("empty", b""), ("noise", noise(len(whole))),
                             ("text", b"this is no database\n" * 500)] + [
                                 (at, whole[:at] + noise(4096) + whole[at + 4096:]) for at in pages]:
            with open(db, "wb") as f:
                f.write(broken)
            for verb in (["search", "--mode", "lexical", "basalt"], ["status"], ["list"]):
                done = self.run_cairn(*verb, code=None, timeout=60)
                self.assertIn(done.returncode, (0, 1, 4), f"{name}: {verb}: {done.stderr}")
            done = self.run_cairn("check", code=None, timeout=60)
            if name in pages and done.returncode == 0:
                # A page that nothing uses: the former root.
                harmless.append(name)
                self.assertEqual(self.run_cairn("--json", "list").stdout, listed)
            else:
                self.assertEqual(done.returncode, 4, f"{name}: {done.stderr}")
            with open(db, "wb") as f:
                f.write(whole)
        self.assertLess(len(harmless), len(pages) / 3, harmless)
        self.assert_clean()

    def test_second_writer_is_told(self):
        for i in range(200):
            self.write(f"f{i}.txt", f"note {i} on basalt " * 20)
        # At this rate the merges would take an hour: the first run is there until it is told to end.
        first = self.start("flush_chunks = 10\nmerge_mb_per_second = 0.0001", "index", "--no-vectors", self.docs)
        self.wait_until(first, lambda: self.status()["documents"] == 200)
        second = self.run_cairn("index", "--no-vectors", self.docs, code=3)
        self.assertIn("another process", second.stderr)
        self.assertIn(str(first.pid), second.stderr)
        self.assertEqual(self.run_cairn("delete", "f1.txt", cwd=self.docs, code=3).stdout, "")
        self.assertEqual(len(self.uris("basalt")), 10)  # readers are not asked to wait
        waiting = subprocess.Popen([CAIRN, "--json", "--wait=60", "index", "--no-vectors", self.docs],
                                   stdout=subprocess.PIPE, env=dict(os.environ, CAIRN_HOME=self.home))
        first.send_signal(signal.SIGINT)
        err = first.communicate(timeout=60)[1]
        self.assertEqual(first.returncode, 130, err)
        out = waiting.communicate(timeout=120)[0]
        self.assertEqual(waiting.returncode, 0)
        self.assertEqual(json.loads(out)["unchanged"], 200)
        self.assert_clean()

    def test_interrupt_keeps_what_was_done(self):
        for i in range(3000):
            self.write(f"d{i // 100}/f{i}.txt", f"note {i} on basalt " * 40)
        self.write_long("z.html")
        p = self.start("flush_chunks = 50", "index", "--no-vectors", self.docs)
        self.wait_until(p, lambda: self.status()["documents"])
        p.send_signal(signal.SIGINT)
        err = p.communicate(timeout=60)[1]
        self.assertEqual(p.returncode, 130, err)
        kept = self.json("status")["documents"]
        self.assertGreater(kept, 0)
        self.assertLess(kept, 3001)
        self.assert_clean()
        r = self.index()
        self.assertEqual(r["unchanged"], kept)
        self.assertEqual(r["indexed"], 3001 - kept)

    def test_bad_models(self):
        self.write("good.txt", GOOD)
        for name, data in (("empty.gguf", b""), ("text.gguf", b"hello"), ("cut.gguf", b"GGUF\x03\0\0\0\xff"),
                           ("counts.gguf", b"GGUF\x03\0\0\0" + b"\xff" * 16)):
            p = self.write("../" + name, data)
            done = self.run_cairn("model", "info", p, code=5)
            self.assertIn(name, done.stderr)
            self.run_cairn("model", "generate", "--model", p, "--jsonl", code=5, stdin='{"id":1,"prompt":"x"}\n')
        self.index()
        done = self.run_cairn("ask", "--model", "/no/such.gguf", "what does the good document speak of?", code=5)
        self.assertIn("/no/such.gguf", done.stderr)
        # Without its embedder a hybrid search still answers by words.
        empty = {"CAIRN_MODELS": "/nonexistent", "XDG_CACHE_HOME": self.top, "XDG_DATA_HOME": self.top}
        self.assertEqual(len(self.json("search", "basalt", env=empty)["hits"]), 1)
        done = self.run_cairn("index", self.docs, code=5, env=empty)
        self.assertIn("scripts/setup", done.stderr)


if __name__ == "__main__":
    main()
