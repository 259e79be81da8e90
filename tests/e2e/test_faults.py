#!/usr/bin/env python3
"""A server that is killed, runs out of disk or meets frames that make no sense, while it is being asked: nothing acknowledged is lost. No model is needed."""
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from harness import CAIRN, SOURCE, main
from http2_mutations import Mutations
from serving import LIMIT, Server, ServerTest


class Asking:
    """Threads that search until told to stop; what was not 200 is kept. A connection that breaks is no answer."""

    def __init__(self, server, n):
        self.server, self.stop, self.bad, self.good = server, threading.Event(), [], 0
        self.threads = [threading.Thread(target=self._go, daemon=True) for _ in range(n)]

    def _go(self):
        while not self.stop.is_set():
            try:
                status, _, data = self.server.request("GET", "/api/v1/search?q=word&mode=lexical")
            except (OSError, ValueError, EOFError):
                continue
            except Exception as e:  # pylint: disable=broad-except
                if "HTTPException" not in [c.__name__ for c in type(e).__mro__]:
                    self.bad.append(repr(e))
                continue
            self.good += status == 200
            if status != 200:
                self.bad.append((status, data))

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()


class Faults(ServerTest):
    def upload(self, s, name, text):
        """True when the server has said that the file is indexed."""
        status, _, data = s.request("PUT", f"/api/v1/uploads/{name}", text)
        if status != 202:
            return False
        job = s.wait_job(json.loads(data)["id"])
        return job["state"] == "done" and job["report"]["failed"] == 0

    def assert_found(self, s, words):
        for w in words:
            hits = s.json("GET", f"/api/v1/search?q={w}&mode=lexical&k=50")["hits"]
            self.assertTrue(any(h["uri"].endswith(f"/{w}.txt") for h in hits), w)

    def test_killed_under_load(self):
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
        print(f"CAIRN_SEED={seed}", flush=True)
        r = random.Random(seed)
        acknowledged = []
        for turn in range(3):
            s = self.serve()
            self.assert_found(s, acknowledged)
            with Asking(s, 4) as asking:
                dead = threading.Event()

                def load(turn=turn, s=s, dead=dead):
                    for i in range(1000):
                        word = f"word{turn}x{i}"
                        try:
                            if self.upload(s, word + ".txt", f"word {word}\n" * r.randrange(1, 50)):
                                acknowledged.append(word)
                        except Exception:  # pylint: disable=broad-except
                            if dead.is_set():
                                return
                            raise
                t = threading.Thread(target=load)
                before = len(acknowledged)
                t.start()
                end = time.monotonic() + LIMIT
                while len(acknowledged) < before + 4 and time.monotonic() < end:
                    time.sleep(r.random() / 50)
                dead.set()
                s.process.send_signal(signal.SIGKILL)
                s.process.wait(LIMIT)
                t.join()
            self.assertEqual(asking.bad, [])
        began = time.monotonic()
        s = self.serve()
        self.assertEqual(s.request("GET", "/readyz")[0], 200)
        print(f"answers {(time.monotonic() - began) * 1000:.0f} ms after a start behind a kill; {len(acknowledged)} files acknowledged", flush=True)
        self.assert_found(s, acknowledged)
        self.assertGreaterEqual(len(acknowledged), 12)
        s.stop()
        self.assert_clean()

    def test_a_full_disk_under_load(self):
        probe = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "none", self.docs], capture_output=True, text=True, check=False)
        if probe.returncode:
            self.skipTest(f"a small file system cannot be mounted here: {probe.stderr.strip()}")
        os.mkdir(self.home)
        # The mount is the server's alone and goes with it.
        wrapper = self.write("small.sh", f'#!/bin/sh\nmount -t tmpfs -o size=6m none "{self.home}" || exit 9\nexec "{CAIRN}" "$@"\n', self.top)
        os.chmod(wrapper, 0o755)
        outer = self.write("outer.sh", f'#!/bin/sh\nexec unshare -m "{wrapper}" "$@"\n', self.top)
        os.chmod(outer, 0o755)
        import serving
        serving.CAIRN, kept = outer, serving.CAIRN
        try:
            s = self.serve()
        finally:
            serving.CAIRN = kept
        r = random.Random(7)
        acknowledged, refused = [], 0
        with Asking(s, 4) as asking:
            for i in range(400):
                word = f"word{i}x"
                text = f"word {word} " + " ".join("%08x" % r.getrandbits(32) for _ in range(30000))
                if self.upload(s, word + ".txt", text):
                    acknowledged.append(word)
                else:
                    refused += 1
                if refused == 3:
                    break
            self.assertEqual(refused, 3, "the disk did not fill")
            self.assertGreater(len(acknowledged), 0)
            self.assert_found(s, acknowledged)
        self.assertEqual(asking.bad, [])
        self.assertEqual(s.request("GET", "/livez")[0], 200)
        self.assertEqual(s.stop(), 0)

    def test_wrong_tokens_by_the_thousand(self):
        token = self.json("serve", "--add-token", "ann", "--role", "read")["token"]
        self.write("a.txt", "word\n")
        self.index()
        s = self.serve()
        r = random.Random(3)
        for i in range(1000):
            wrong = (token[:-1], token + "a", "", "x" * r.randrange(5000), token.swapcase(), "cairn_" + "".join(r.choice("abcXYZ0-_") for _ in range(43)))[i % 6]
            status = s.request("GET", "/api/v1/search?q=word&mode=lexical", headers={"Authorization": "Bearer " + wrong} if i % 7 else {})[0]
            self.assertEqual(status, 401, wrong)
        self.assertEqual(len(s.json("GET", "/api/v1/search?q=word&mode=lexical", headers={"Authorization": "Bearer " + token})["hits"]), 1)


class Frames(ServerTest):
    """Frames of HTTP/2, messages of protobuf and requests of HTTP/1 that make less and less sense; CAIRN_FUZZ_SECONDS says for how long (default: 600
    connections), CAIRN_SEED which."""

    def both(self):
        """A server over both ways, and where they are."""
        s = Server(self.home, "--embedder", "/none", "--grpc", "127.0.0.1:0")
        self.addCleanup(s.stop)
        line = s.process.stdout.readline()
        return s, {"http": s.address, "grpc": json.loads(line)["address"] if '"grpc"' in line else None}

    @staticmethod
    def exchange(address, data, pieces=1, wait=0, end=False, needle=None):
        """Send, `end` our side or not, and take what comes until the other side is silent for `wait` seconds, has enough, or has said `needle`."""
        host, _, port = address.rpartition(":")
        got, step = b"", max(1, len(data) // pieces)
        with socket.create_connection((host, int(port)), timeout=LIMIT) as c:
            try:
                for i in range(0, len(data), step):
                    c.sendall(data[i:i + step])
                if end:
                    c.shutdown(socket.SHUT_WR)
                if wait:
                    c.settimeout(wait)
                    while (more := c.recv(65536)) and not (needle and needle in got + more):
                        got += more
                    got += more
            except OSError:
                pass  # silent, or it has hung up as soon as it had seen enough
        return got

    def assert_serves(self, s, where, query, n):
        self.assertIsNone(s.process.poll(), f"the server is gone after {n} connections: {''.join(s.log[-40:])}")
        self.assertEqual(s.json("GET", "/api/v1/search?q=word&mode=lexical")["hits"][0]["uri"], self.docs + "/a.txt")
        # The recording as it is finds it too: its answer holds the document's name.
        name = self.docs.encode()
        self.assertIn(name, self.exchange(where["grpc"], query, wait=LIMIT, needle=name), f"no answer over gRPC after {n} connections")

    def test_malformed_frames(self):
        self.write("a.txt", "word\n")
        self.index()
        s, where = self.both()
        if not where["grpc"]:
            self.skipTest("this build has no gRPC")
        seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
        seconds = float(os.environ.get("CAIRN_FUZZ_SECONDS", 0))
        print(f"CAIRN_SEED={seed}", flush=True)
        r = random.Random(seed)
        m = Mutations(r, os.path.join(SOURCE, "tests/fuzz/corpus/http2"))
        end, n = time.monotonic() + seconds, 0
        while n < 600 or time.monotonic() < end:
            n += 1
            over_http = n % 5 == 0
            data = m.http1() if over_http and r.random() < 0.8 else m.http2()
            self.exchange(where["http" if over_http else "grpc"], data, r.choice((1, 1, 1, 3, 20)), r.choice((0, 0.02, 0.02, 0.1)), r.random() < 0.3)
            if n % 200 == 0:
                self.assert_serves(s, where, m.whole["queries"], n)
        print(f"{n} connections, {rss_mib(s.process.pid):.0f} MiB", flush=True)
        self.assertEqual(s.stop(), 0, "".join(s.log[-40:]))
        self.assert_clean()


def rss_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(x.split()[1]) / 1024 for x in f if x.startswith("VmRSS"))


if __name__ == "__main__":
    main()
