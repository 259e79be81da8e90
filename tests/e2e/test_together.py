"""Several processes at once: readers never wait, never fail and never see half a change."""
import json
import os
import random
import signal
import subprocess
import threading
import time

from harness import CAIRN, CairnTest, main


class Together(CairnTest):
    def start(self, *args, **more):
        return subprocess.Popen([CAIRN, *args], env=dict(os.environ, CAIRN_HOME=self.home), **more)

    def test_searches_while_another_process_writes(self):
        for i in range(60):
            self.write(f"keep{i:02}.txt", f"note {i} on basalt and the sea")
        self.index()
        conf = self.write("../c.conf", "[index]\nflush_chunks = 10\n")
        over = threading.Event()
        seen, wrong = [], []

        def search(name):
            while not over.is_set():
                for args in (["search", "--mode", "lexical", "-k", "100", "basalt"], ["list"], ["status"]):
                    p = subprocess.run([CAIRN, "--json", *args], capture_output=True, text=True,
                                       env=dict(os.environ, CAIRN_HOME=self.home))
                    if p.returncode or p.stderr:
                        wrong.append((args, p.returncode, p.stderr))
                    elif args[0] == "search":
                        # The sixty files nobody touches are found whatever goes on beside them.
                        kept = {os.path.basename(h["uri"]) for h in json.loads(p.stdout)["hits"]
                                if os.path.basename(h["uri"]).startswith("keep")}
                        if len(kept) != 60:
                            wrong.append((args, len(kept)))
                        seen.append(len(json.loads(p.stdout)["hits"]))

        readers = [threading.Thread(target=search, args=(i,)) for i in range(2)]
        for t in readers:
            t.start()
        try:
            for round in range(6):
                for i in range(40):
                    if (i + round) % 3:
                        self.write(f"new{i:02}.txt", f"round {round}, note {i} on granite " * 20)
                    elif os.path.exists(os.path.join(self.docs, f"new{i:02}.txt")):
                        os.remove(os.path.join(self.docs, f"new{i:02}.txt"))
                self.run_cairn("--config", conf, "index", "--no-vectors", self.docs)
                if round % 2:
                    self.run_cairn("compact")
        finally:
            over.set()
            for t in readers:
                t.join()
        self.assertEqual(wrong, [])
        self.assertGreater(len(seen), 5)
        self.assert_clean()

    def test_killed_readers_leave_nothing_behind(self):
        for i in range(30):
            self.write(f"f{i}.txt", f"note {i} on basalt " * 50)
        self.index()
        r = random.Random(3)
        # More than LMDB's table of readers has places.
        for _ in range(40):
            group = [self.start("search", "--mode", "lexical", "basalt", stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL) for _ in range(5)]
            time.sleep(0.012 * r.random())
            for p in group:
                p.send_signal(signal.SIGKILL)
                p.wait()
        self.write("f3.txt", "now on granite")
        self.assertEqual(self.index()["indexed"], 1)
        self.assertEqual([os.path.basename(u) for u in self.uris("granite")], ["f3.txt"])
        self.assert_clean()

    def test_many_readers_at_once(self):
        self.write("a.txt", "basalt")
        self.index()
        group = [self.start("--json", "search", "--mode", "lexical", "basalt", stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE) for _ in range(40)]
        for p in group:
            out, err = p.communicate()
            self.assertEqual((p.returncode, err), (0, b""))
            self.assertEqual(len(json.loads(out)["hits"]), 1)


if __name__ == "__main__":
    main()
