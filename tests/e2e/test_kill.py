"""kill -9 at random moments of index, delete and compact: what was acknowledged is found, always.

The moment is drawn over the time that the same verb takes when it is left alone, so that kills
fall into all of its stages and not only into its start. CAIRN_SEED replays a run; CAIRN_KILLS sets
how many (200 by default).
"""
import json
import os
import random
import signal
import subprocess
import time
import unittest

from harness import CAIRN, CairnTest, main, need_model

# The check and a list follow every kill; every so many of them the words are searched, too.
SEARCH_EVERY = 4


class Kill(CairnTest):
    def begin(self):
        self.seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
        self.kills = int(os.environ.get("CAIRN_KILLS", "200"))
        print(f"CAIRN_SEED={self.seed}, {self.kills} kills", flush=True)
        self.r = random.Random(self.seed)
        conf = self.write("../c.conf", "[index]\nflush_chunks = 20\nreorder = on\n")
        self.base = [CAIRN, "--config", conf]
        self.content = {}  # name -> word of the file as it is now
        self.settled = {}  # name -> word that an acknowledged run has indexed and nobody has touched since
        self.gone = set()  # names that an acknowledged delete took away and no index was begun since
        self.next_word = 0
        self.usual = {"index": 0.2, "compact": 0.1, "delete": 0.1}  # seconds of a whole run

    def path(self, name):
        return os.path.join(self.docs, name)

    def change(self, n):
        """Write or remove n files; what is known of them is not acknowledged any more."""
        for _ in range(n):
            name = f"f{self.r.randrange(60)}.txt"
            self.settled.pop(name, None)
            if self.r.random() < 0.2 and name in self.content:
                os.remove(self.path(name))
                del self.content[name]
            else:
                word = f"unique{self.next_word}x"
                self.next_word += 1
                self.write(name, f"{word} basalt " * self.r.randrange(1, 60))
                self.content[name] = word

    def run_and_perhaps_kill(self, verb, victim):
        """The exit code, -9 when it was killed."""
        operands = {"index": ["--no-vectors", self.docs], "compact": [], "delete": [victim and self.path(victim)]}
        env = dict(os.environ, CAIRN_HOME=self.home)
        start = time.monotonic()
        p = subprocess.Popen([*self.base, verb, *operands[verb]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             env=env)
        try:
            p.wait(timeout=self.usual[verb] * self.r.random() * 1.1)
        except subprocess.TimeoutExpired:
            p.send_signal(signal.SIGKILL)
        err = p.communicate()[1]
        took = time.monotonic() - start
        if p.returncode == 0:
            self.usual[verb] += 0.3 * (took - self.usual[verb])
        elif took > self.usual[verb]:
            self.usual[verb] = took  # it was still at work: runs take longer than thought
        self.assertIn(p.returncode, (0, -9), err)
        return p.returncode

    def found(self, word):
        return sorted({os.path.basename(u) for u in self.uris(word)})

    def verify(self, search):
        self.assertEqual(self.json("check", code=None), {"clean": True, "findings": []})
        rows = [json.loads(x) for x in self.run_cairn("--json", "list", code=None).stdout.splitlines()]
        listed = [os.path.basename(x["uri"]) for x in rows]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertLessEqual(set(self.settled), set(listed))
        self.assertEqual(self.gone & set(listed), set())
        if search and self.settled:
            name = self.r.choice(sorted(self.settled))
            self.assertEqual(self.found(self.settled[name]), [name])

    def test_kill_minus_nine(self):
        self.begin()
        killed = {"index": 0, "compact": 0, "delete": 0}
        runs = 0
        self.change(40)
        self.assertEqual(self.index("--config", self.base[2], self.docs)["indexed"], len(self.content))
        self.settled = dict(self.content)
        while sum(killed.values()) < self.kills:
            runs += 1
            if self.r.random() < 0.7:
                self.change(self.r.randrange(1, 12))
            verb = self.r.choice(["index"] * 6 + ["compact", "delete"])
            victim = None
            if verb == "delete":
                if not self.settled:
                    continue
                victim = self.r.choice(sorted(self.settled))
                del self.settled[victim]  # unknown until it is acknowledged
            elif verb == "index":
                self.gone.clear()  # what was deleted and still lies in the folder comes back
            code = self.run_and_perhaps_kill(verb, victim)
            killed[verb] += code == -9
            if code == 0 and verb == "index":
                self.settled = dict(self.content)
            elif code == 0 and verb == "delete":
                self.gone.add(victim)
            self.verify(runs % SEARCH_EVERY == 0)
        self.gone.clear()  # as above: the last run indexes the folder, too
        r = self.index()
        self.assertEqual(r["failed"], [])
        for name, word in self.content.items():
            self.assertEqual(self.found(word), [name])
        self.assertEqual(self.json("status")["documents"], len(self.content))
        self.verify(True)
        print(f"{runs} runs, killed {killed}, usual seconds { {k: round(v, 2) for k, v in self.usual.items()} }",
              flush=True)

    @need_model("all-minilm-l6-v2", "model.safetensors")
    def test_kill_while_embedding(self):
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
        print(f"CAIRN_SEED={seed}", flush=True)
        r = random.Random(seed)
        args = [CAIRN, "--embedder", "all-minilm-l6-v2", "index", self.docs]
        env = dict(os.environ, CAIRN_HOME=self.home)
        usual, killed = 1.2, 0
        for round in range(20):
            for _ in range(6):
                self.write(f"f{r.randrange(30)}.txt", f"note of round {round} on {r.choice(['basalt', 'granite'])}\n" * 5)
            start = time.monotonic()
            p = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
            try:
                p.wait(timeout=usual * r.random() * 1.5)
                usual += 0.3 * (time.monotonic() - start - usual)
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGKILL)
                killed += 1
            err = p.communicate()[1]
            self.assertIn(p.returncode, (0, -9), err)
            if os.path.exists(self.home):
                self.assertEqual(self.json("check", code=None)["findings"], [])
                s = self.json("status")
                self.assertEqual(s["vectors"] + s["pending_vectors"], s["chunks"])
        self.json("--embedder", "all-minilm-l6-v2", "index", self.docs)
        s = self.json("status")
        self.assertEqual((s["vectors"], s["pending_vectors"]), (s["chunks"], 0))
        found = self.json("--embedder", "all-minilm-l6-v2", "search", "--mode", "vector", "-k", "100", "rock")["hits"]
        self.assertEqual(len(found), s["chunks"])
        self.assert_clean()
        print(f"{killed} killed", flush=True)


if __name__ == "__main__":
    main()
