#!/usr/bin/env python3
"""Searches a second over HTTP and gRPC while an index run goes on, beside servers of the same libraries that do nothing.

    scripts/build release cairn bench_http bench_grpc
    python3 bench/bench_serve.py [--build build/release] [--connections 1,8,64,512] [--seconds 60] [--docs FOLDER]
                                 [--ways http,grpc] [--quiet-too] [--peer chroma]

A home of its own gets FOLDER (fixtures/library) by words; then `cairn serve` answers six questions in turn. While that is
measured, another folder is written to and indexed again and again, each run of --run-files files, so that there is always one under way.
--quiet-too measures each setting without index runs as well. The limits: an echo server of libmicrohttpd that answers as many bytes
(`echo`), and Health.Check over gRPC (`check`). One JSON line a setting: the figures of bench_http and bench_grpc, `indexing`, index runs
that ended meanwhile, errors, and the server's resident memory before and after in MiB. `--peer chroma` measures chromadb's server on the same
passages, where its package is installed for the interpreter that runs this.
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
QUESTIONS = ["lease grinder deposit", "notice period", "bearing alignment report", "invoice 2025", "safety coffee", "warranty repair workshop"]
WORDS = "granite basalt lease deposit grinder bearing invoice notice safety coffee repair report schist gneiss marble slate".split()


def memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(x.split()[1]) / 1024 for x in f if x.startswith("VmRSS"))


class Indexing:
    """One index run after the other, of a folder whose files change between them."""

    def __init__(self, address, folder, files):
        self.address, self.folder, self.files = address, folder, files
        self.stop, self.runs, self.failed = threading.Event(), 0, 0
        self.thread = threading.Thread(target=self._go, daemon=True)

    def _write(self, turn):
        for i in range(self.files):
            with open(f"{self.folder}/{i}.txt", "w", encoding="ascii") as f:
                f.write("\n".join(" ".join(WORDS[(i * 7 + j * 3 + k * k + turn) % len(WORDS)] for k in range(60)) for j in range(20)))

    def _call(self, method, path, body=None):
        data = json.dumps(body).encode() if body else None
        r = urllib.request.Request(f"http://{self.address}{path}", data, {"Content-Type": "application/json"} if data else {}, method=method)
        with urllib.request.urlopen(r, timeout=600) as answer:
            return json.load(answer)

    def _go(self):
        turn = 0
        while not self.stop.is_set():
            turn += 1
            self._write(turn)
            try:
                job = self._call("POST", "/api/v1/index", {"paths": [self.folder]})["id"]
                while (state := self._call("GET", f"/api/v1/jobs/{job}")["state"]) in ("waiting", "running"):
                    time.sleep(0.2)
                self.runs += state == "done"
                self.failed += state != "done"
            except OSError:
                self.failed += 1
                time.sleep(0.2)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def one_line(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout.strip():
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return [json.loads(x) for x in done.stdout.splitlines()]


def paths():
    return [x for q in QUESTIONS for x in ("--path", "/api/v1/search?" + urllib.parse.urlencode({"q": q, "mode": "lexical", "k": 10}))]


def measure(a, way, n, http, grpc, pid):
    if way == "http":
        return one_line([f"{a.build}/bench/bench_http", "--address", http, "--connections", str(n), "--seconds", str(a.seconds), "--pid", str(pid), *paths()])
    asked = [x for q in QUESTIONS for x in ("--query", q)]
    return one_line([f"{a.build}/bench/bench_grpc", "--address", grpc, "--connections", str(n), "--seconds", str(a.seconds), "--pid", str(pid), "--mode",
                     "lexical", *asked])


def echo(a, answer_bytes):
    server = subprocess.Popen([f"{a.build}/bench/bench_http", "--echo", "--answer", str(answer_bytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    address = json.loads(server.stdout.readline())["address"]
    for n in a.connections:
        for line in one_line([f"{a.build}/bench/bench_http", "--address", address, "--connections", str(n), "--seconds", str(min(a.seconds, 10)), "--pid",
                              str(server.pid)]):
            print(json.dumps(dict(line, what="echo")), flush=True)
    server.stdin.close()
    server.wait()


def ours(a, top):
    env = dict(os.environ, CAIRN_HOME=top + "/home")
    cairn = f"{a.build}/cli/cairn"
    subprocess.run([cairn, "-q", "index", "--no-vectors", a.docs], env=env, check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    server = subprocess.Popen([cairn, "--json", "serve", "--embedder", "/none", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    where = {}
    while len(where) < 2:
        event = json.loads(server.stdout.readline())
        where[event["adapter"]] = event["address"]
    print(json.dumps({"what": "start", "ms": round((time.monotonic() - began) * 1000, 1)}), flush=True)
    body = urllib.request.urlopen(f"http://{where['http']}/api/v1/search?q=lease&mode=lexical&k=10", timeout=60).read()
    os.mkdir(top + "/changing")
    try:
        for indexing in ([False, True] if a.quiet_too else [True]):
            for way in a.ways:
                for n in a.connections:
                    before = memory_mib(server.pid)
                    if indexing:
                        with Indexing(where["http"], top + "/changing", a.run_files) as runs:
                            lines = measure(a, way, n, where["http"], where["grpc"], server.pid)
                        more = {"runs": runs.runs, "failed_runs": runs.failed}
                    else:
                        lines, more = measure(a, way, n, where["http"], where["grpc"], server.pid), {}
                    for line in lines:
                        print(json.dumps(dict(line, what=line.get("method", "search"), way=way, indexing=indexing, rss_before_mib=round(before, 1),
                                              rss_after_mib=round(memory_mib(server.pid), 1), **more)), flush=True)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    return len(body)


def chroma(a, top):
    """chromadb's server, the same documents as one passage each, searched by vectors that are given with the question."""
    import random
    import socket
    import chromadb  # pylint: disable=import-error
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", "from chromadb.cli.cli import app; app()", "run", "--path", top + "/chroma", "--port", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                client = chromadb.HttpClient(port=port)
                break
            except Exception:  # pylint: disable=broad-except
                time.sleep(0.1)
        r = random.Random(7)
        vector = lambda: [r.gauss(0, 1) for _ in range(384)]
        c = client.create_collection("bench")
        c.add(ids=[str(i) for i in range(1000)], embeddings=[vector() for _ in range(1000)], documents=["granite " * 60] * 1000)
        questions = [vector() for _ in QUESTIONS]
        for n in a.connections:
            stop = time.monotonic() + a.seconds
            times, errors = [], [0]

            def ask(i):
                mine = chromadb.HttpClient(port=port).get_collection("bench")
                while time.monotonic() < stop:
                    t = time.monotonic()
                    try:
                        mine.query(query_embeddings=[questions[i % len(questions)]], n_results=10)
                        times.append((time.monotonic() - t) * 1000)
                    except Exception:  # pylint: disable=broad-except
                        errors[0] += 1
            threads = [threading.Thread(target=ask, args=(i,)) for i in range(n)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            times.sort()
            print(json.dumps({"what": "chroma", "way": "http", "connections": n, "requests": len(times), "errors": errors[0], "per_second": round(len(times) / a.seconds, 1),
                              "p50_ms": round(times[len(times) // 2], 2) if times else None, "p99_ms": round(times[len(times) * 99 // 100], 2) if times else None,
                              "note": "client in Python threads of one process"}), flush=True)
    finally:
        server.terminate()
        server.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.path.join(HERE, "../build/release"))
    p.add_argument("--connections", type=lambda v: [int(x) for x in v.split(",")], default=[1, 8, 64, 512])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--docs", default=os.path.join(HERE, "../fixtures/library"))
    p.add_argument("--ways", type=lambda v: v.split(","), default=["http", "grpc"])
    p.add_argument("--run-files", type=int, default=200)
    p.add_argument("--quiet-too", action="store_true")
    p.add_argument("--peer", choices=["chroma"])
    a = p.parse_args()
    a.docs = os.path.abspath(a.docs)
    top = tempfile.mkdtemp(prefix="cairn-bench-serve-")
    try:
        if a.peer:
            chroma(a, top)
        else:
            echo(a, ours(a, top))
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
