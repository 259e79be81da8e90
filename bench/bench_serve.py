#!/usr/bin/env python3
"""Searches a second over HTTP and gRPC while an index run goes on, beside servers of the same libraries that do nothing, and a peer.

    scripts/build release cairn bench_http bench_grpc
    python3 bench/bench_serve.py [--build build/release] [--connections 1,8,64,512] [--seconds 60] [--short 6] [--docs FOLDER]
                                 [--ways http,grpc] [--peer chroma] [--peer-python PYTHON] [--table] [--pairs N]

A home of its own gets FOLDER (fixtures/library) by words; then `cairn serve` answers six questions in turn. While that is
measured, another folder is written to and indexed again and again, each run of --run-files files, so that there is always one under way
(--seconds a setting); before, the same without index runs (--short seconds): what the 99th percentile grows by is what a query waits for a run. The
limits: an echo server of libmicrohttpd that answers as many bytes (`echo`), and Health.Check over gRPC (`check`). `--peer chroma` measures chromadb's
server, started by --peer-python, over the same client: ten nearest of as many passages by vectors of 384 numbers that come with the question.

--pairs N measures nothing but that growth: N times a round without and a round with index runs, of --seconds each, and for every setting a last line
with the median of the N differences. What else the machine does falls on both rounds of a pair.

One JSON line a setting: the figures of bench_http and bench_grpc, `indexing`, index runs that ended meanwhile, errors, and the server's resident memory
before and after in MiB. --table prints a table in Markdown at the end instead. With the defaults and a peer all of it takes eleven minutes.
"""
import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
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


def runs_cpu_s(pid):
    """Processor seconds of index runs so far: of the server's threads that have less than the usual priority, those that ended too, and of the extractors."""
    def task_s(path):
        with open(path, encoding="ascii") as f:
            return int(f.read().split()[0]) / 1e9

    def process_s(of):
        return time.clock_gettime((~of << 3) | 2)
    total, children = process_s(pid), 0
    for t in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{t}/stat", encoding="ascii") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            if int(fields[16]) <= os.getpriority(os.PRIO_PROCESS, 0):
                total -= task_s(f"/proc/{pid}/task/{t}/schedstat")
            if int(t) == pid:
                children = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
            with open(f"/proc/{pid}/task/{t}/children", encoding="ascii") as f:
                total += sum(process_s(int(child)) for child in f.read().split())
        except OSError:
            pass
    return total + children


class Indexing:
    """One index run after the other, of a folder whose files change between them."""

    def __init__(self, address, folder, files):
        self.address, self.folder, self.files = address, folder, files
        self.stop, self.runs, self.failed, self.files_done = threading.Event(), 0, 0, 0
        self.thread = threading.Thread(target=self._go, daemon=True)
        # Made before the clock runs: what this program does costs the searches processor time, too.
        self.texts = [["\n".join(" ".join(WORDS[(i * 7 + j * 3 + k * k + turn) % len(WORDS)] for k in range(60)) for j in range(20))
                       for i in range(files)] for turn in range(3)]

    def _write(self, turn):
        for i, text in enumerate(self.texts[turn % len(self.texts)]):
            with open(f"{self.folder}/{i}.txt", "w", encoding="ascii") as f:
                f.write(text)

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
                while (state := self._call("GET", f"/api/v1/jobs/{job}"))["state"] in ("waiting", "running"):
                    if state["stage"] == "index" and not self.stop.is_set():
                        self.files_done = self.runs * self.files + state["done"]
                    time.sleep(0.2)
                self.runs += state["state"] == "done"
                self.failed += state["state"] != "done"
            except OSError:
                self.failed += 1
                time.sleep(0.2)

    def once(self):
        """What is searched without index runs is as much as with them."""
        self._write(0)
        job = self._call("POST", "/api/v1/index", {"paths": [self.folder]})["id"]
        while self._call("GET", f"/api/v1/jobs/{job}")["state"] in ("waiting", "running"):
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


def tell(a, line):
    a.rows.append(line)
    if not a.table:
        print(json.dumps(line), flush=True)


def measure(a, way, n, address, pid, seconds, *more):
    """One setting: the client's figures, by the same names for both ways, and the server's memory."""
    before = memory_mib(pid)
    line = one_line([f"{a.build}/bench/bench_{way}", "--address", address, "--connections", str(n), "--seconds", str(seconds), "--pid", str(pid), *more])[-1]
    for old, new in (("calls", "requests"), ("per_s", "per_second")):
        if old in line:
            line[new] = line.pop(old)
    line["errors"] += line.pop("refused", 0)
    return dict(line, way=way, rss_before_mib=round(before, 1), rss_after_mib=round(memory_mib(pid), 1))


def echo(a, answer_bytes):
    server = subprocess.Popen([f"{a.build}/bench/bench_http", "--echo", "--answer", str(answer_bytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    address = json.loads(server.stdout.readline())["address"]
    for n in a.connections:
        tell(a, dict(measure(a, "http", n, address, server.pid, a.short), what="echo", indexing=False))
    server.stdin.close()
    server.wait()


def pairs(a, way, n, where, pid, folder, asked):
    """What index runs add to the 99th percentile: rounds without and with them in turn."""
    alone, beside = [], []
    for _ in range(a.pairs):
        alone.append(measure(a, way, n, where[way], pid, a.seconds, *asked))
        tell(a, dict(alone[-1], what="search", indexing=False))
        with Indexing(where["http"], folder, a.run_files) as runs:
            began, cpu = time.monotonic(), runs_cpu_s(pid)
            beside.append(measure(a, way, n, where[way], pid, a.seconds, *asked))
            share = (runs_cpu_s(pid) - cpu) / (time.monotonic() - began)
        tell(a, dict(beside[-1], what="search", indexing=True, runs=runs.runs, failed_runs=runs.failed, files=runs.files_done, runs_share_of_a_core=round(share, 3)))
    grown = [b["p99_ms"] - x["p99_ms"] for x, b in zip(alone, beside)]
    tell(a, {"what": "pairs", "way": way, "callers": n, "p99_grows_ms": [round(x, 1) for x in grown], "median_ms": round(statistics.median(grown), 1),
             "per_second_ratio": round(statistics.median(b["per_second"] / x["per_second"] for x, b in zip(alone, beside)), 3)})


def ours(a, top):
    """The bytes of an answer, and how many passages there are."""
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
    tell(a, {"what": "start", "ms": round((time.monotonic() - began) * 1000, 1)})
    body = urllib.request.urlopen(f"http://{where['http']}/api/v1/search?q=lease&mode=lexical&k=10", timeout=60).read()
    passages = json.load(urllib.request.urlopen(f"http://{where['http']}/api/v1/status", timeout=60))["passages"]
    asked = {"http": paths(), "grpc": ["--method", "search", "--mode", "lexical", *[x for q in QUESTIONS for x in ("--query", q)]]}
    os.mkdir(top + "/changing")
    try:
        Indexing(where["http"], top + "/changing", a.run_files).once()
        for way, n in ((way, n) for way in a.ways for n in a.connections if a.pairs):
            pairs(a, way, n, where, server.pid, top + "/changing", asked[way])
        for way in a.ways if not a.pairs else []:
            for n in a.connections:
                if way == "grpc":
                    tell(a, dict(measure(a, way, n, where[way], server.pid, a.short, "--method", "check"), what="check", indexing=False))
                tell(a, dict(measure(a, way, n, where[way], server.pid, a.short, *asked[way]), what="search", indexing=False))
        for way in a.ways if not a.pairs else []:
            for n in a.connections:
                with Indexing(where["http"], top + "/changing", a.run_files) as runs:
                    line = measure(a, way, n, where[way], server.pid, a.seconds, *asked[way])
                tell(a, dict(line, what="search", indexing=True, runs=runs.runs, failed_runs=runs.failed))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    return len(body), passages


def chroma(a, top, passages):
    """chromadb's server with as many passages, searched by vectors that are given with the question."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen([a.peer_python, "-c", "from chromadb.cli.cli import app; app()", "run", "--path", top + "/chroma", "--host", "127.0.0.1", "--port",
                               str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address, base = f"127.0.0.1:{port}", "/api/v2/tenants/default_tenant/databases/default_database/collections"

    def call(path, body=None):
        r = urllib.request.Request(f"http://{address}{path}", json.dumps(body).encode() if body else None, {"Content-Type": "application/json"} if body else {})
        with urllib.request.urlopen(r, timeout=120) as answer:
            return json.load(answer)
    try:
        for left in range(600, -1, -1):
            try:
                call("/api/v2/heartbeat")
                break
            except OSError:
                if not left or server.poll() is not None:
                    sys.exit(f"chromadb's server does not answer: is the package installed for {a.peer_python}?")
                time.sleep(0.1)
        r = random.Random(7)

        def vector():
            v = [r.gauss(0, 1) for _ in range(384)]
            length = sum(x * x for x in v) ** 0.5
            return [round(x / length, 6) for x in v]
        path = f"{base}/{call(base, {'name': 'bench'})['id']}"
        for at in range(0, passages, 500):
            n = min(500, passages - at)
            call(path + "/add", {"ids": [str(at + i) for i in range(n)], "embeddings": [vector() for _ in range(n)], "documents": [" ".join(WORDS * 4)] * n})
        with open(top + "/bodies", "w", encoding="ascii") as f:
            for _ in QUESTIONS:
                f.write(json.dumps({"query_embeddings": [vector()], "n_results": 10, "include": ["documents", "distances"]}) + "\n")
        for n in a.connections:
            tell(a, dict(measure(a, "http", n, address, server.pid, a.short, "--path", path + "/query", "--bodies", top + "/bodies"), what="chroma", indexing=False))
    finally:
        server.terminate()
        server.wait()


# ---- the table ----

def row_of(line):
    """requests a second, p50, p99, errors, the server's memory."""
    return (f"{line['per_second']:,.0f} | {line['p50_ms']:.1f} | {line['p99_ms']:.1f} | {line['errors']} | "
            f"{line['rss_before_mib']:.0f} to {line['rss_after_mib']:.0f}")


def table(rows):
    """Markdown; a row a setting, and how much the 99th percentile grows by an index run."""
    quiet = {(x["way"], x["connections"]): x["p99_ms"] for x in rows if x["what"] == "search" and not x["indexing"]}
    out = ["| connections | | a second | p50 ms | p99 ms | errors | server's memory, MiB | p99 more than without runs, ms |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    names = {"check": "gRPC, a call that does nothing", "echo": "HTTP, an echo server (the limit)", "chroma": "chromadb over HTTP"}
    for x in sorted((x for x in rows if "connections" in x), key=lambda x: (x["connections"], x["way"], x["what"], x["indexing"])):
        name = names.get(x["what"]) or f"{'HTTP' if x['way'] == 'http' else 'gRPC'}, searches{', index runs' if x['indexing'] else ''}"
        more = f"{x['p99_ms'] - quiet[x['way'], x['connections']]:.1f}" if x["indexing"] and (x["way"], x["connections"]) in quiet else ""
        out.append(f"| {x['connections']} | {name} | {row_of(x)} | {more} |")
    return "\n".join(out)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.path.join(HERE, "../build/release"))
    p.add_argument("--connections", type=lambda v: [int(x) for x in v.split(",")], default=[1, 8, 64, 512])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--short", type=float, default=6)
    p.add_argument("--docs", default=os.path.join(HERE, "../fixtures/library"))
    p.add_argument("--ways", type=lambda v: v.split(","), default=["http", "grpc"])
    p.add_argument("--run-files", type=int, default=200)
    p.add_argument("--peer", choices=["chroma"])
    p.add_argument("--peer-python", default=sys.executable)
    p.add_argument("--table", action="store_true")
    p.add_argument("--pairs", type=int, default=0)
    a = p.parse_args()
    a.docs, a.rows = os.path.abspath(a.docs), []
    top = tempfile.mkdtemp(prefix="cairn-bench-serve-")
    try:
        answer, passages = ours(a, top)
        if not a.pairs:
            echo(a, answer)
        if a.peer:
            chroma(a, top, passages)
        if a.table:
            print(table(a.rows))
    finally:
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
