#!/usr/bin/env python3
"""A server under ThreadSanitizer while everything happens at once: searches over gRPC and HTTP, both over TLS, uploads, index runs
that rest while searches queue, reloads by SIGHUP, metrics, then a drain under load. No test of the suite: minutes long.

    scripts/build release cairn-extract && scripts/build tsan cairn
    CAIRN_BIN=build/tsan/cli/cairn python3 tests/e2e/race_serve.py [--seconds 60] [--callers 16]

Prints what was done, and every report that remains when the gRPC core's own are left out (its build is not instrumented, so its
locks are not seen): exit code 1 where one does. The certificates are those of tests/server/tls."""
import argparse
import glob
import json
import os
import random
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
TLS = os.path.join(SOURCE, "tests/server/tls")
CAIRN = os.environ.get("CAIRN_BIN", os.path.join(SOURCE, "build/tsan/cli/cairn"))
QUESTIONS = ["lease grinder deposit", "notice period", "bearing alignment", "invoice 2025", "safety coffee", "warranty repair"]

GRPC = '''
import sys, threading, time, json
stubs, address, token, callers, seconds, ca = sys.argv[1:]
sys.path.insert(0, stubs)
import grpc
from cairn.v1 import search_pb2, search_pb2_grpc, ingest_pb2, ingest_pb2_grpc, admin_pb2, admin_pb2_grpc
credentials = grpc.ssl_channel_credentials(open(ca, "rb").read())
until = time.monotonic() + float(seconds)
done, failed = [0] * 3, []
meta = [("authorization", "Bearer " + token)]
questions = json.loads(sys.stdin.read())
def call(i):
    channel = grpc.secure_channel(address, credentials, options=[("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1)])
    search, ingest, admin = search_pb2_grpc.SearchStub(channel), ingest_pb2_grpc.IngestStub(channel), admin_pb2_grpc.AdminStub(channel)
    n = 0
    while time.monotonic() < until:
        n += 1
        q = search_pb2.QueryRequest(query=questions[(i + n) % len(questions)], mode=search_pb2.MODE_LEXICAL, k=10)
        try:
            if i == 0 and n % 20 == 0:
                parts = [ingest_pb2.UploadRequest(file=ingest_pb2.UploadFile(name=f"up{n}.txt")), ingest_pb2.UploadRequest(data=b"granite lease " * 50)]
                for _ in ingest.Upload(iter(parts), metadata=meta, timeout=300): pass
                done[1] += 1
            elif n % 7 == 0:
                for _ in search.QueryStream(q, metadata=meta, timeout=300): pass
            elif n % 11 == 0:
                f = search.Query.future(q, metadata=meta, timeout=300); f.cancel(); done[2] += 1
            else:
                search.Query(q, metadata=meta, timeout=300)
            done[0] += 1
        except grpc.RpcError as e:
            failed.append(f"{e.code()}: {e.details()}")
threads = [threading.Thread(target=call, args=(i,)) for i in range(int(callers))]
for t in threads: t.start()
for t in threads: t.join()
print(json.dumps({"grpc_calls": done[0], "uploads": done[1], "cancelled": done[2], "failed": len(failed), "first": failed[:3]}))
'''


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--callers", type=int, default=16)
    return p.parse_args()


def not_ours():
    """Suppressions for the gRPC core and what it stands on, none of which is instrumented. Our own side of every call is."""
    module = os.path.join(os.path.dirname(CAIRN), "../server/cairn-grpc.so")
    told = subprocess.run(["ldd", module], capture_output=True, text=True, check=True).stdout
    names = sorted(set(re.findall(r"\b(lib(?:grpc|gpr|absl_|upb|address_sorting|re2|cares|ssl|crypto)[\w.+-]*?\.so)", told)))
    return "".join(f"race:{n}\ncalled_from_lib:{n}\n" for n in names)


class Load:
    """Threads that go on until they are told; what each kind did is counted."""

    def __init__(self):
        self.over, self.counts, self.failed, self.lock = threading.Event(), {}, [], threading.Lock()
        self.threads = []

    def start(self, name, work):
        def go():
            while not self.over.is_set():
                try:
                    work()
                    with self.lock:
                        self.counts[name] = self.counts.get(name, 0) + 1
                except (OSError, AssertionError) as problem:
                    if not self.over.is_set():
                        self.failed.append(f"{name}: {problem}")
                        time.sleep(0.1)
        self.threads.append(threading.Thread(target=go))
        self.threads[-1].start()

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join()


def reports(folder):
    """(all reports, of those the ones with a frame of ours in their first stacks)."""
    text = "".join(open(path, encoding="utf-8", errors="replace").read() for path in glob.glob(folder + "/tsan.*"))
    return [x for x in text.split("==================") if "WARNING: ThreadSanitizer" in x]


def main():
    a = arguments()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import grpc_clients  # pylint: disable=import-outside-toplevel
    python, stubs = grpc_clients.python()
    top = tempfile.mkdtemp(prefix="cairn-race-")
    try:
        return run(a, top, python, stubs)
    finally:
        shutil.rmtree(top, ignore_errors=True)


def run(a, top, python, stubs):
    with open(os.path.join(SOURCE, "tests/tsan.supp"), encoding="utf-8") as ours, open(top + "/supp", "w", encoding="utf-8") as f:
        f.write(ours.read() + not_ours())
    env = dict(os.environ, CAIRN_HOME=top + "/home", TSAN_OPTIONS=f"suppressions={top}/supp log_path={top}/tsan exitcode=0 second_deadlock_stack=1",
               CAIRN_EXTRACT=os.environ.get("CAIRN_EXTRACT", SOURCE + "/build/release/ingest/cairn-extract"))  # its cage has no room for a shadow
    subprocess.run([CAIRN, "-q", "index", "--no-vectors", SOURCE + "/fixtures/library"], env=env, check=True, stdout=subprocess.DEVNULL)
    token = json.loads(subprocess.run([CAIRN, "--json", "serve", "--add-token", "load", "--role", "admin"], env=env, check=True, capture_output=True).stdout)["token"]
    with open(top + "/log", "w", encoding="utf-8") as log:
        server = subprocess.Popen([CAIRN, "--json", "serve", "--embedder", "/none", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--tls-cert",
                                   TLS + "/server.pem", "--tls-key", TLS + "/server.key"], env=env, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        where = {}
        while len(where) < 2:
            event = json.loads(server.stdout.readline())
            where[event["adapter"]] = event["address"]
        told = load(a, top, where, server, token, python, stubs)
    finally:
        server.send_signal(signal.SIGTERM)
        told_rc = server.wait()
    left = reports(top)
    print(json.dumps(dict(told, exit=told_rc, reports=len(left))))
    for text in left:
        print(text)
    return 1 if left or told["failed"] or told_rc else 0


def load(a, top, where, server, token, python, stubs):
    context = ssl.create_default_context(cafile=TLS + "/ca.pem")
    context.check_hostname = False

    def call(method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        r = urllib.request.Request(f"https://{where['http']}{path}", data, {"Content-Type": "application/json", "Authorization": "Bearer " + token}, method=method)
        with urllib.request.urlopen(r, timeout=300, context=context) as answer:
            return answer.read()

    def index():
        folder = top + "/changing"
        os.makedirs(folder, exist_ok=True)
        for i in range(60):
            with open(f"{folder}/{i}.txt", "w", encoding="ascii") as f:
                f.write(" ".join(random.choice(QUESTIONS) for _ in range(200)))
        job = json.loads(call("POST", "/api/v1/index", {"paths": [folder]}))["id"]
        while not l.over.is_set():
            state = json.loads(call("GET", f"/api/v1/jobs/{job}"))["state"]
            if state not in ("waiting", "running"):
                assert state == "done", state
                return
            rests.append(b"cairn_index_runs_rest 1" in call("GET", "/metrics"))
            time.sleep(0.3)

    def reload():
        server.send_signal(signal.SIGHUP)
        time.sleep(2)

    l, rests = Load(), []
    grpc = subprocess.Popen([python, "-c", GRPC, stubs, where["grpc"], token, str(a.callers), str(a.seconds), TLS + "/ca.pem"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    grpc.stdin.write(json.dumps(QUESTIONS))
    grpc.stdin.close()
    for i in range(8):
        l.start("http", lambda i=i: call("POST", "/api/v1/search", {"q": QUESTIONS[i % len(QUESTIONS)], "mode": "lexical", "typing": i % 2 == 0}))
    for path in ("/api/v1/status", "/api/v1/documents", "/api/v1/suggest?q=lea", "/health"):
        l.start("looks", lambda path=path: (call("GET", path), time.sleep(0.2)))
    l.start("runs", index)
    l.start("reloads", reload)
    said = json.loads(grpc.stdout.read() or "{}")
    grpc.wait()
    l.stop()
    return dict(said, **l.counts, failed=said.get("failed", 1) + len(l.failed), problems=(said.get("first", []) + l.failed)[:5], rested=sum(rests), looked=len(rests))


if __name__ == "__main__":
    sys.exit(main())
