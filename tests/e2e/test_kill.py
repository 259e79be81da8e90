"""kill -9 at random moments of index, delete and compact: what was acknowledged is found, always.

CAIRN_SEED replays a run; CAIRN_KILLS sets how many (200 by default).
"""
import json
import os
import random
import signal
import subprocess
import time
import unittest

from harness import CAIRN, CairnTest, main


class Kill(CairnTest):
    def test_kill_minus_nine(self):
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
        kills = int(os.environ.get("CAIRN_KILLS", "200"))
        print(f"CAIRN_SEED={seed}, {kills} kills", flush=True)
        r = random.Random(seed)
        conf = self.write("../c.conf", "[index]\nflush_chunks = 20\n")
        env = dict(os.environ, CAIRN_HOME=self.home)
        base = [CAIRN, "--config", conf]
        # For each file the words of every version it may show: the acknowledged one, or one that
        # an interrupted run may or may not have committed.
        content, acknowledged = {}, set()
        next_word, killed, runs = 0, 0, 0

        def change(n):
            nonlocal next_word
            for _ in range(n):
                name = f"f{r.randrange(60)}.txt"
                if r.random() < 0.2 and name in content:
                    os.remove(os.path.join(self.docs, name))
                    del content[name]
                else:
                    word = f"unique{next_word}x"
                    next_word += 1
                    self.write(name, f"{word} basalt " * r.randrange(1, 60))
                    content[name] = word

        def verify():
            self.assertEqual(self.json("check", code=0)["clean"], True)
            rows = [json.loads(x) for x in self.run_cairn("--json", "list", code=None).stdout.splitlines()]
            listed = {os.path.basename(x["uri"]) for x in rows}
            self.assertTrue(acknowledged <= listed | (acknowledged - set(content)), acknowledged - listed)
            for name in r.sample(sorted(acknowledged & set(content)), min(3, len(acknowledged & set(content)))):
                word = settled.get(name)
                if word and content.get(name) == word:
                    self.assertEqual([os.path.basename(u) for u in self.uris(word)], [name])

        settled = {}  # name -> word at the last completed run
        change(40)
        while killed < kills:
            runs += 1
            verb = r.choice(["index"] * 6 + ["compact"])
            args = base + (["compact"] if verb == "compact" else ["index", "--no-vectors", self.docs])
            p = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
            try:
                p.wait(timeout=r.choice([0.002, 0.01, 0.02, 0.05, 0.1]) * (0.5 + r.random()))
            except subprocess.TimeoutExpired:
                p.send_signal(signal.SIGKILL)
                killed += 1
            err = p.communicate()[1]
            if p.returncode == 0 and verb == "index":
                acknowledged = set(content)
                settled = dict(content)
            elif p.returncode not in (0, -9):
                # compact before the first index: there is no collection yet
                self.assertTrue(verb == "compact" and not acknowledged, err)
            if acknowledged:
                verify()
            if r.random() < 0.3:
                # What changes now is not acknowledged any more.
                before = dict(content)
                change(r.randrange(1, 8))
                acknowledged -= {n for n in before if content.get(n) != before[n]}
        done = subprocess.run(base + ["--json", "index", "--no-vectors", self.docs], capture_output=True, env=env)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name, word in content.items():
            self.assertEqual([os.path.basename(u) for u in self.uris(word)], [name])
        self.assertEqual(self.json("status")["documents"], len(content))
        self.assert_clean()
        print(f"{runs} runs, {killed} killed", flush=True)


if __name__ == "__main__":
    main()
