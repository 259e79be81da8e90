#!/usr/bin/env python3
"""A server that is killed, runs out of disk or meets frames that make no sense, while it is being asked: nothing acknowledged is lost. No model is needed."""
import json
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

from harness import CAIRN, main
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
    """Frames of HTTP/2 and messages of protobuf that make no sense; CAIRN_FUZZ_SECONDS says for how long (default: 300 connections)."""

    PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    # Without dynamic entries: POST, http, a path, gRPC's content type.
    HEADERS = b"\x83\x86\x04\x16/cairn.v1.Search/Query\x0f\x10\x10application/grpc\x40\x02te\x08trailers"

    @staticmethod
    def frame(kind, flags, stream, payload, length=None):
        n = len(payload) if length is None else length
        return struct.pack(">I", n & 0xffffff)[1:] + bytes([kind & 255, flags & 255]) + struct.pack(">I", stream & 0xffffffff) + payload

    def frames(self, r):
        message = bytes(r.getrandbits(8) for _ in range(r.randrange(60))) if r.random() < 0.5 else b"\x12\x04word"
        data = bytes([r.random() < 0.1]) + struct.pack(">I", len(message) if r.random() < 0.8 else r.getrandbits(32)) + message
        whole = [self.frame(4, 0, 0, b""), self.frame(1, 4, 1, self.HEADERS), self.frame(0, 1, 1, data)]
        for _ in range(r.randrange(6)):
            at = r.randrange(len(whole) + 1)
            what = r.randrange(6)
            if what == 0:
                whole.insert(at, self.frame(r.randrange(12), r.getrandbits(8), r.choice([0, 1, 2, 3, 5, 1 << 31, r.getrandbits(31)]),
                                            bytes(r.getrandbits(8) for _ in range(r.randrange(80)))))
            elif what == 1 and at < len(whole) and whole[at]:
                b = bytearray(whole[at])
                for _ in range(r.randrange(1, 8)):
                    b[r.randrange(len(b))] = r.getrandbits(8)
                whole[at] = bytes(b)
            elif what == 2 and at < len(whole) and whole[at]:
                whole[at] = whole[at][:r.randrange(len(whole[at]))]
            elif what == 3 and at < len(whole):
                whole.insert(at, whole[at])
            elif what == 4:
                whole.insert(at, self.frame(4, 0, 0, b"".join(struct.pack(">HI", r.randrange(8), r.getrandbits(32)) for _ in range(r.randrange(8)))))
            else:
                whole.insert(at, self.frame(r.choice([0, 1, 3, 8, 9]), 0, r.choice([1, 3]), b"\0" * r.randrange(20), r.getrandbits(24)))
        preface = self.PREFACE if r.random() < 0.9 else bytes(r.getrandbits(8) for _ in range(24))
        return preface + b"".join(whole)

    def test_malformed_frames(self):
        self.write("a.txt", "word\n")
        self.index()
        server = Server.__new__(Server)
        p = subprocess.Popen([CAIRN, "--json", "serve", "--embedder", "/none", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, env=dict(os.environ, CAIRN_HOME=self.home))
        try:
            where = {}
            while len(where) < 2:
                line = p.stdout.readline()
                if not line:
                    self.skipTest("this build has no gRPC")
                event = json.loads(line)
                where[event["adapter"]] = event["address"]
            server.host, _, port = where["http"].rpartition(":")
            server.port = int(port)
            seed = int(os.environ.get("CAIRN_SEED", random.randrange(1 << 32)))
            seconds = float(os.environ.get("CAIRN_FUZZ_SECONDS", 0))
            print(f"CAIRN_SEED={seed}", flush=True)
            r = random.Random(seed)
            end, n = time.monotonic() + seconds, 0
            while n < 300 or time.monotonic() < end:
                n += 1
                host, _, port = where["http" if n % 4 == 0 else "grpc"].rpartition(":")
                with socket.create_connection((host, int(port)), timeout=LIMIT) as c:
                    try:
                        c.sendall(self.frames(r))
                        if r.random() < 0.5:
                            c.settimeout(1)  # it may have to wait for more
                            c.shutdown(socket.SHUT_WR)
                            while c.recv(65536):
                                pass
                    except OSError:
                        pass  # the server may hang up as soon as it has seen enough
                if n % 100 == 0:
                    self.assertIsNone(p.poll(), f"the server is gone after {n} connections")
                    self.assertEqual(len(server.json("GET", "/api/v1/search?q=word&mode=lexical")["hits"]), 1)
            print(f"{n} connections", flush=True)
            p.terminate()
            self.assertEqual(p.wait(LIMIT), 0)
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
            p.stdout.close()


if __name__ == "__main__":
    main()
