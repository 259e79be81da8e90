#!/usr/bin/env python3
"""What a server does with connections that come to nothing, and how soon it is back behind a kill.

    scripts/build release cairn bench_http bench_grpc
    python3 bench/bench_faults.py [--build build/release] [--half-open 10000] [--kills 5]

For each way in: so many connections that a third each say nothing, say the beginning of something, and send a byte a second of it (slow-loris). Beside
them a client searches (p50, p99, errors), before, while they are open, and afterwards; printed with the server's memory and the time until the server
had ended the last one by itself. Then it is killed while eight clients search, started again, and asked until it answers. JSON, a line each.
"""
import argparse
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

from bench_serve import HERE, memory_mib, one_line, paths

BEGINNINGS = {"http": b"GET /api/v1/search?q=lease HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 60,
              "grpc": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x40\4\0\0\0\0\0" + b"\0" * 60}


class Serving:
    def __init__(self, build, home):
        self.began = time.monotonic()
        self.process = subprocess.Popen([f"{build}/cli/cairn", "--json", "serve", "--embedder", "/none", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"],
                                        env=dict(os.environ, CAIRN_HOME=home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.where = {}
        while len(self.where) < 2:
            event = json.loads(self.process.stdout.readline())
            self.where[event["adapter"]] = event["address"]

    def answers(self):
        with urllib.request.urlopen(f"http://{self.where['http']}/api/v1/search?q=lease&mode=lexical", timeout=60) as r:
            return bool(json.load(r)["hits"])

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        self.process.wait()
        self.process.stdout.close()


def searching(a, s, way, seconds=4):
    tool = [f"{a.build}/bench/bench_{way}", "--address", s.where[way], "--connections", "1", "--seconds", str(seconds), "--pid", str(s.process.pid)]
    line = one_line(tool + (paths() if way == "http" else ["--mode", "lexical", "--query", "lease grinder deposit", "--query", "invoice 2025"]))[-1]
    return {k: line[k] for k in ("p50_ms", "p99_ms", "errors")}


def half_open(a, s, way):
    host, _, port = s.where[way].rpartition(":")
    before = searching(a, s, way)
    rss = [memory_mib(s.process.pid)]
    conns, refused = [], 0
    for i in range(a.half_open):
        try:
            c = socket.create_connection((host, int(port)), timeout=60)
        except OSError:
            refused += 1
            continue
        if i % 3:
            c.send(BEGINNINGS[way][:1 + i % 50])
        c.setblocking(False)
        conns.append([c, 1 + i % 50 if i % 3 == 2 else None])
    opened = time.monotonic()
    stop, ended = threading.Event(), []

    def drip():
        """A byte a second for the slow ones, until the server has ended them all."""
        poll = select.epoll()
        left = {c.fileno(): [c, at] for c, at in conns}
        for fd in left:
            poll.register(fd, select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR)
        while left and time.monotonic() < opened + 180:
            for fd, _ in poll.poll(1):
                poll.unregister(fd)
                left.pop(fd, None)
            for c, at in list(left.values()):
                if at is not None and not stop.is_set():
                    try:
                        c.send(BEGINNINGS[way][at:at + 1])
                    except OSError:
                        pass
                    left[c.fileno()][1] = min(at + 1, len(BEGINNINGS[way]) - 1)
            time.sleep(0.5)
        ended.append((len(left), time.monotonic() - opened))
        poll.close()
    t = threading.Thread(target=drip)
    t.start()
    during = searching(a, s, way)
    rss.append(memory_mib(s.process.pid))
    t.join()
    stop.set()
    for c, _ in conns:
        c.close()
    after = searching(a, s, way)
    rss.append(memory_mib(s.process.pid))
    print(json.dumps({"what": "half-open", "way": way, "opened": len(conns), "refused": refused, "left": ended[0][0], "all_ended_s": round(ended[0][1], 1),
                      "before": before, "during": during, "after": after, "rss_mib": [round(x, 1) for x in rss]}), flush=True)


def killed(a, home):
    back = []
    for _ in range(a.kills):
        s = Serving(a.build, home)
        load = subprocess.Popen([f"{a.build}/bench/bench_http", "--address", s.where["http"], "--connections", "8", "--seconds", "5", *paths()], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        time.sleep(1)
        s.end(signal.SIGKILL)
        load.wait()
        s = Serving(a.build, home)
        assert s.answers()
        back.append(round((time.monotonic() - s.began) * 1000, 1))
        s.end()
    print(json.dumps({"what": "back behind a kill", "ms": sorted(back)}), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.path.join(HERE, "../build/release"))
    p.add_argument("--docs", default=os.path.join(HERE, "../fixtures/library"))
    p.add_argument("--half-open", type=int, default=10000)
    p.add_argument("--kills", type=int, default=5)
    a = p.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    a.half_open = min(a.half_open, hard - 200)
    top = tempfile.mkdtemp(prefix="cairn-bench-faults-")
    try:
        subprocess.run([f"{a.build}/cli/cairn", "-q", "index", "--no-vectors", os.path.abspath(a.docs)], env=dict(os.environ, CAIRN_HOME=top + "/home"), check=True,
                       stdout=subprocess.DEVNULL)
        s = Serving(a.build, top + "/home")
        for way in ("http", "grpc"):
            half_open(a, s, way)
        s.end()
        killed(a, top + "/home")
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
