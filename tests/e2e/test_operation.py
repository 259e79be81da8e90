#!/usr/bin/env python3
"""Running a server: batches across a crash, who asked what, certificates that change, room for a collection, the dashboard. No model is needed."""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import time
import unittest

from harness import SOURCE, main
from serving import LIMIT, ServerTest


def form(name, data, purpose="batch"):
    """(body, headers) of a form with a file."""
    b = "cairn-test-boundary"
    body = (f'--{b}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n--{b}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n').encode() + data + f"\r\n--{b}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={b}"}


def until(what):
    """What it gives, once that is true."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


class Interrupted(ServerTest):
    """Jobs of a server that is gone are listed by the next one, with what to do, until the same is done."""

    def test_killed_and_told_to_stop(self):
        self.index()  # an empty collection
        self.write_long("long.html")
        self.write("short.txt", "Granite is hard.\n")
        for sig in (signal.SIGKILL, signal.SIGTERM):
            s = self.serve()
            first = s.json("POST", "/api/v1/index", {"paths": [self.docs]}, status=202)["id"]
            waiting = s.json("POST", "/api/v1/index", {"paths": [os.path.join(self.docs, "short.txt")]}, status=202)["id"]
            until(lambda: s.json("GET", f"/api/v1/jobs/{first}")["state"] == "running")
            s.stop(sig)
            s = self.serve()
            left = {j["id"]: j for j in s.json("GET", "/api/v1/jobs")["jobs"] if j["state"] == "interrupted"}
            self.assertEqual(set(left), {first, waiting})
            self.assertIn(self.docs, left[first]["problem"])
            self.assertIn("index the same again", left[first]["problem"])
            self.assertEqual(list(s.events("GET", f"/api/v1/jobs/{first}/events"))[-1][0], "job")  # it has ended
            # Another server of this home leaves them to this one.
            other = self.serve()
            self.assertEqual(other.json("GET", "/api/v1/jobs")["jobs"], [])
            other.stop()
            again = s.json("POST", "/api/v1/index", {"paths": [os.path.join(self.docs, "short.txt")]}, status=202)["id"]
            self.assertGreater(again, waiting)
            self.assertEqual(s.wait_job(again)["state"], "done")
            self.assertEqual({j["id"] for j in s.json("GET", "/api/v1/jobs")["jobs"]}, {first, again})
            s.stop()
            s = self.serve()
            self.assertEqual([j["id"] for j in s.json("GET", "/api/v1/jobs")["jobs"]], [first])
            self.run_cairn("delete", self.docs)  # for the next round
            s.stop()
            os.remove(os.path.join(self.home, "jobs.json"))


class Batches(ServerTest):
    def setUp(self):
        super().setUp()
        self.write("a.txt", "Granite is hard.\n")
        self.index()

    def lines(self, n, **more):
        # Without models every request is answered with an error: the way is the same.
        return b"".join(json.dumps(dict({"custom_id": f"r{i}", "method": "POST", "url": "/v1/embeddings", "body": {"model": "none", "input": f"text {i}"}}, **more)).encode()
                        + b"\n" for i in range(n))

    def send(self, s, data, status=200, auth=None, **more):
        body, headers = form("requests.jsonl", data, **more)
        got, _, answer = s.request("POST", "/v1/files", body, dict(headers, **(auth or {})))
        self.assertEqual(got, status, answer)
        return json.loads(answer)

    def begin(self, s, file, auth=None, **more):
        return s.json("POST", "/v1/batches", dict({"input_file_id": file, "endpoint": "/v1/embeddings", "completion_window": "24h"}, **more), auth)

    def ended(self, s, batch, auth=None):
        def look():
            b = s.json("GET", "/v1/batches/" + batch, None, auth)
            return b if b["status"] in ("completed", "failed", "cancelled") else None
        return until(look)

    def content(self, s, file):
        status, _, data = s.request("GET", f"/v1/files/{file}/content")
        self.assertEqual(status, 200, data)
        return [json.loads(x) for x in data.splitlines()]

    def test_a_file_of_requests_is_worked_off(self):
        s = self.serve()
        file = self.send(s, self.lines(3))
        self.assertEqual((file["object"], file["purpose"], file["filename"], file["bytes"]), ("file", "batch", "requests.jsonl", len(self.lines(3))))
        self.assertEqual(s.request("GET", f"/v1/files/{file['id']}/content")[2], self.lines(3))
        batch = self.begin(s, file["id"], metadata={"for": "a test"})
        self.assertEqual((batch["object"], batch["endpoint"], batch["metadata"]), ("batch", "/v1/embeddings", {"for": "a test"}))
        over = self.ended(s, batch["id"])
        self.assertEqual((over["status"], over["request_counts"]), ("completed", {"total": 3, "completed": 0, "failed": 3}))
        self.assertIsNone(over["output_file_id"])
        answers = self.content(s, over["error_file_id"])
        self.assertEqual([a["custom_id"] for a in answers], ["r0", "r1", "r2"])
        self.assertEqual([a["response"]["status_code"] for a in answers], [404] * 3)
        self.assertIn("no embedder", answers[0]["response"]["body"]["error"]["message"])
        self.assertEqual([b["id"] for b in s.json("GET", "/v1/batches")["data"]], [batch["id"]])
        self.assertEqual({f["id"] for f in s.json("GET", "/v1/files")["data"]}, {file["id"], over["error_file_id"]})
        s.json("DELETE", "/v1/files/" + file["id"])
        s.json("GET", "/v1/files/" + file["id"], status=404)
        # Cancelling what is over changes nothing.
        self.assertEqual(s.json("POST", f"/v1/batches/{batch['id']}/cancel", {})["status"], "completed")

    def test_what_makes_no_sense_is_refused(self):
        s = self.serve()
        self.send(s, b"x", status=400, purpose="fine-tune")
        self.assertEqual(s.request("POST", "/v1/files", b"x", {"Content-Type": "text/plain"})[0], 415)
        self.assertEqual(s.request("POST", "/v1/files", b"x", {"Content-Type": "multipart/form-data"})[0], 400)
        for path in ("file-", "file-" + "0" * 32, "../tokens", "file-" + "0" * 32 + "/content", "file-%2e%2e"):
            self.assertEqual(s.request("GET", "/v1/files/" + path)[0], 404, path)
        good = self.send(s, self.lines(1))["id"]
        s.json("POST", "/v1/batches", {"input_file_id": good, "endpoint": "/api/v1/index"}, status=400)
        s.json("POST", "/v1/batches", {"input_file_id": "file-" + "0" * 32, "endpoint": "/v1/embeddings"}, status=404)
        for data, line in ((b"", None), (b"{}\n", 1), (self.lines(1) * 2, 2), (self.lines(1, url="/api/v1/index"), 1), (self.lines(1, method="GET"), 1),
                           (self.lines(1, body={"stream": True}), 1), (self.lines(2) + b"{", 3), (b"\xff\xfe\n", 1)):
            over = self.ended(s, self.begin(s, self.send(s, data)["id"])["id"])
            self.assertEqual((over["status"], over["errors"]["data"][0]["line"]), ("failed", line), data)

    def test_a_batch_survives_a_kill(self):
        s, n, folder = self.serve(), 200, self.home + "/batches/"
        while True:  # twice as many until the kill comes in the middle, however fast the machine
            n *= 2
            batch = self.begin(s, self.send(s, self.lines(n))["id"])["id"]
            until(lambda: s.json("GET", "/v1/batches/" + batch)["request_counts"]["failed"])
            s.stop(signal.SIGKILL)
            with open(folder + batch + ".json", encoding="utf-8") as f:
                record = json.load(f)
            if record["status"] == "in_progress":
                break
            s = self.serve()
        # As a crash in the middle of a line would leave it.
        errors = record["error_file_id"]
        with open(folder + errors, "ab") as f:
            f.write(b'{"id":"half a li')
        s = self.serve()
        over = self.ended(s, batch)
        self.assertEqual(over["status"], "completed", over)
        self.assertEqual(over["request_counts"], {"total": n, "completed": 0, "failed": n})
        self.assertEqual([a["custom_id"] for a in self.content(s, over["error_file_id"])], [f"r{i}" for i in range(n)])
        self.assertEqual(s.stop(), 0)

    def test_a_batch_is_its_owners(self):
        tokens = {n: {"Authorization": "Bearer " + self.json("serve", "--add-token", n, "--role", r)["token"]} for n, r in (("ann", "read"), ("bob", "read"), ("root", "admin"))}
        s = self.serve()
        file = self.send(s, self.lines(2), auth=tokens["ann"])["id"]
        batch = self.begin(s, file, tokens["ann"])["id"]
        self.ended(s, batch, tokens["ann"])
        for path in (f"/v1/files/{file}", f"/v1/files/{file}/content", f"/v1/batches/{batch}"):
            self.assertEqual(s.request("GET", path, None, tokens["bob"])[0], 404, path)
            self.assertEqual(s.request("GET", path, None, tokens["root"])[0], 200, path)
        s.json("POST", f"/v1/batches/{batch}/cancel", {}, tokens["bob"], status=404)
        s.json("POST", "/v1/batches", {"input_file_id": file, "endpoint": "/v1/embeddings"}, tokens["bob"], status=404)
        s.json("DELETE", "/v1/files/" + file, None, tokens["bob"], status=404)
        self.assertEqual(s.json("GET", "/v1/batches", None, tokens["bob"])["data"], [])
        self.assertEqual(s.request("GET", "/v1/batches")[0], 401)


class Audit(ServerTest):
    def test_who_asked_what_is_noted_and_nothing_else_is(self):
        self.write("a.txt", "Granite is hard.\n")
        self.index()
        token = self.json("serve", "--add-token", "ann", "--role", "read")["token"]
        path = self.top + "/audit.log"
        s = self.serve("--audit-log", path)
        auth = {"Authorization": "Bearer " + token}
        s.json("GET", "/api/v1/search?q=granite&mode=lexical", headers=auth)
        s.json("POST", "/api/v1/search", {"q": "basalt " * 1000, "mode": "lexical"}, auth)
        s.json("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {"query": "gneiss", "mode": "lexical"}}}, auth)
        s.request("GET", "/livez")
        s.request("GET", "/api/v1/search?q=schist")
        with open(path, encoding="utf-8") as f:
            lines = [json.loads(x) for x in f]
        self.assertEqual([(x["caller"], x["way"], x["action"]) for x in lines], [("ann", "http", "/api/v1/search")] * 2 + [("ann", "mcp", "search")])
        self.assertEqual((lines[0]["asked"]["q"], lines[2]["asked"]["query"], len(lines[1]["asked"]["q"])), ("granite", "gneiss", 2048))
        self.assertRegex(lines[0]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        s.stop()
        self.assertEqual(lines[0]["request"], next(x for x in s.log_lines() if x.get("path") == "/api/v1/search")["request"])
        for word in ("granite", "gneiss", "schist"):  # the server's own log stays as it is
            self.assertNotIn(word, "".join(s.log))


class Certificates(ServerTest):
    def seen(self, address, alpn=None):
        """The certificate that a new connection gets."""
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
        if alpn:
            c.set_alpn_protocols([alpn])
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=LIMIT) as raw, c.wrap_socket(raw) as s:
            return s.getpeercert(True)

    def test_a_new_certificate_is_used_without_a_restart(self):
        given = os.path.join(SOURCE, "tests/server/tls/")
        cert, key = self.top + "/c.pem", self.top + "/k.pem"
        put = lambda a, b: (shutil.copy(given + a + ".pem", cert), shutil.copy(given + b + ".key", key))
        put("server", "server")
        self.write("a.txt", "x")
        self.index()
        s = self.serve("--tls-cert", cert, "--tls-key", key)
        old = self.seen(s.address)
        put("stranger", "stranger")
        s.send_signal(signal.SIGHUP)
        until(lambda: self.seen(s.address) != old)
        new = self.seen(s.address)
        # A key of another certificate, and no certificate at all, change nothing.
        for spoil in (lambda: put("server", "stranger"), lambda: self.write("c.pem", "no certificate", self.top)):
            spoil()
            n = len([x for x in s.log if "nothing was reloaded" in x])
            s.send_signal(signal.SIGHUP)
            until(lambda: len([x for x in s.log if "nothing was reloaded" in x]) > n)
            self.assertEqual(self.seen(s.address), new)
        self.assertEqual(s.stop(), 0)


class Quotas(ServerTest):
    def test_a_user_has_a_rate_of_its_own(self):
        self.write("a.txt", "Granite is hard.\n")
        self.index()
        auth = {}
        for name, more in (("ann", ("--rate", "0.001")), ("bob", ()), ("cid", ("--rate", "1000", "--groups", "hr"))):
            auth[name] = {"Authorization": "Bearer " + self.json("serve", "--add-token", name, "--role", "read", *more)["token"]}
        with open(self.home + "/tokens", encoding="utf-8") as f:
            self.assertEqual([x.split()[3:] for x in f], [["*", "-", "0.0010"], [], ["*", "hr", "1000.0000"]])
        s = self.serve()
        codes = {n: [s.request("GET", "/api/v1/search?q=granite&mode=lexical", headers=a)[0] for _ in range(3)] for n, a in auth.items()}
        self.assertEqual(codes, {"ann": [200, 429, 429], "bob": [200] * 3, "cid": [200] * 3})
        said = s.json("GET", "/api/v1/search?q=granite", headers=auth["ann"], status=429)["error"]["message"]
        self.assertEqual(said, "more than 0.001 requests a second of ann: slow down")
        self.assertEqual(s.stop(), 0)
        # The server's own bound is for those that have none, and each has it for itself; a wrong token uses up the address's.
        s = self.serve("--rate", "0.001")
        wrong = {"Authorization": "Bearer wrong"}
        codes = [s.request("GET", "/api/v1/status", headers=a)[0] for a in (auth["bob"], auth["bob"], auth["cid"], auth["cid"], wrong, wrong)]
        self.assertEqual(codes, [200, 429, 200, 200, 401, 429])

    def test_memory_that_is_used_up_leaves_searches(self):
        self.write("a.txt", "Granite is hard.\n")
        self.index()
        s = self.serve("--memory-mb", "1")  # less than any server has
        for method, path, body in (("POST", "/api/v1/ask", {"question": "What is hard?"}), ("PUT", "/api/v1/uploads/x.txt", "more"),
                                   ("POST", "/api/v1/index", {"paths": [self.docs]}), ("POST", "/v1/embeddings", {"model": "m", "input": "x"})):
            status, headers, data = s.request(method, path, body)
            self.assertEqual((status, headers["Retry-After"]), (503, "1"), path)
            self.assertRegex(json.loads(data)["error"]["message"], r"^the server uses \d+ MiB of memory, and may use 1: only searches are served")
        self.assertEqual(len(s.json("GET", "/api/v1/search?q=granite&mode=lexical")["hits"]), 1)
        self.assertEqual(s.json("DELETE", "/api/v1/document?uri=" + self.docs + "/a.txt", status=202)["id"], 1)  # what frees memory goes on
        self.assertIn("cairn_memory_refused_total 4", s.request("GET", "/metrics")[2].decode())
        self.assertEqual(os.path.exists(self.home + "/uploads/default/x.txt"), False)
        self.assertEqual(s.stop(), 0)
        s = self.serve("--memory-mb", "100000")
        self.assertEqual(s.request("POST", "/api/v1/ask", {"question": "What is hard?", "mode": "lexical"})[0], 200)


class Room(ServerTest):
    def test_a_full_collection_takes_nothing_in_and_stays_searchable(self):
        self.write("a.txt", "Granite is hard.\n")
        self.index()
        s = self.serve("--collection-mb", "4")
        data = os.urandom(1 << 20)
        for i in range(8):
            status, _, answer = s.request("PUT", f"/api/v1/uploads/{i}.bin", data)
            if status != 202:
                break
            s.wait_job(json.loads(answer)["id"])
        self.assertEqual(status, 507, answer)
        self.assertIn("--collection-mb", json.loads(answer)["error"]["message"])
        self.assertEqual(len(s.json("GET", "/api/v1/search?q=granite&mode=lexical")["hits"]), 1)
        self.assertEqual([x for x in os.listdir(self.home + "/uploads/default") if x.startswith(".")], [])


    def test_a_collection_has_a_bound_of_its_own(self):
        self.write("a.txt", "Granite is hard.\n")
        self.index()
        with open(self.home + "/collections/default/collection.conf", "w", encoding="utf-8") as f:
            f.write("[limits]\ndisk_mb = 0.01\n")
        self.write("b.txt", "Basalt is dark.\n")
        p = self.run_cairn("index", "--no-vectors", self.docs, code=None)
        self.assertEqual(p.returncode, 3, p.stderr)
        self.assertRegex(p.stderr, r'the collection "default" takes \d+ of 0 MiB that it may take: delete documents, or ask for more room \(limits.disk_mb')
        s = self.serve()
        s.json("POST", "/api/v1/collections", {"name": "other"}, status=201)
        self.assertEqual(s.request("PUT", "/api/v1/uploads/c.txt", b"Schist.\n")[0], 507)
        status, _, answer = s.request("PUT", "/api/v1/uploads/c.txt?collection=other", b"Schist is old.\n")
        self.assertEqual(status, 202)
        self.assertEqual(s.wait_job(json.loads(answer)["id"])["state"], "done")
        self.assertEqual(len(s.json("GET", "/api/v1/search?q=granite&mode=lexical")["hits"]), 1)
        # What makes room is allowed, and a bound that was raised holds from the next SIGHUP on.
        self.assertEqual(s.wait_job(s.json("DELETE", "/api/v1/document?uri=" + self.docs + "/a.txt", status=202)["id"])["state"], "done")
        self.assertEqual(s.json("GET", "/api/v1/search?q=granite&mode=lexical")["hits"], [])
        with open(self.home + "/collections/default/collection.conf", "w", encoding="utf-8") as f:
            f.write("[limits]\ndisk_mb = 100\n")
        s.send_signal(signal.SIGHUP)
        until(lambda: s.request("PUT", "/api/v1/uploads/c.txt", b"Schist.\n")[0] == 202)


class Priority(ServerTest):
    def test_jobs_let_searches_go_first(self):
        s = self.serve()
        own = os.getpriority(os.PRIO_PROCESS, 0)

        def priorities():
            try:
                return {os.getpriority(os.PRIO_PROCESS, int(t)) for t in os.listdir(f"/proc/{s.process.pid}/task")}
            except ProcessLookupError:  # a thread that has ended since it was listed
                return None
        until(lambda: priorities() == {own, min(own + 10, 19)})


class Dashboard(unittest.TestCase):
    def test_every_metric_of_the_dashboard_exists(self):
        with open(os.path.join(SOURCE, "server/grafana/cairn.json"), encoding="utf-8") as f:
            board = json.load(f)
        written = set()
        for folder, _, files in os.walk(os.path.join(SOURCE, "server")):
            for name in files:
                if name.endswith(".c"):
                    with open(os.path.join(folder, name), encoding="utf-8") as f:
                        written |= set(re.findall(r'metrics_(?:add|set|observe)\([^"]*"(cairn_[a-z0-9_]+)"', f.read()))
        used = set()
        for panel in board["panels"]:
            for target in panel["targets"]:
                used |= {re.sub(r"_(bucket|sum|count)$", "", x) for x in re.findall(r"cairn_[a-z0-9_]+", target["expr"])}
        self.assertGreater(len(used), 8)
        self.assertEqual(used - written, set())
        self.assertEqual(len({p["id"] for p in board["panels"]}), len(board["panels"]))


if __name__ == "__main__":
    main()
