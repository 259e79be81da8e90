"""A collection on a cluster beside an embedded one: the same documents, answers and order; copies there and back; writers that
meet, and one that is killed. Runs where CAIRN_TEST_CLUSTER names a node (scripts/test --cluster)."""
import base64
import http.client
import http.server
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import unittest
import urllib.parse
import urllib.request
import uuid

from harness import CAIRN, CLUSTER, LIBRARY, CairnTest, main

QUERIES = ["lease notice period", "bees", '"notice period"', "coffee -grinder", "lang:de miete", "warranty ext:md",
           "ext:pdf", "kaff*", "warrenty~1", "/warr.nty/", "rent NEAR/6 month", "title:manual", "lease OR coffee",
           "date:2020..2030", "type:text/", "dir:library invoice"]


class Between(http.server.BaseHTTPRequestHandler):
    """Passes everything on to the node."""
    protocol_version = "HTTP/1.1"

    def lets_in(self, _body):
        return True

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.lets_in(body):
            status, data = 401, b"Unauthorized"
        else:
            at = urllib.parse.urlsplit(CLUSTER)
            c = http.client.HTTPConnection(at.hostname, at.port, timeout=300)
            kind = self.headers.get("Content-Type")
            c.request(self.command, self.path, body or None, {"Content-Type": kind} if kind else {})
            r = c.getresponse()
            status, data = r.status, r.read()
            c.close()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_DELETE = do_POST

    def log_message(self, *_):
        pass


class Guarded(Between):
    """A node behind TLS that wants a user and a password, or a key: what the server in front of a real one does."""
    wanted = "Basic " + base64.b64encode(b"ann:open sesame").decode()

    def lets_in(self, _body):
        return self.headers.get("Authorization") == self.wanted


class Keyed(Between):
    """One that wants an API key."""
    asked = []

    def lets_in(self, _body):
        self.asked.append(self.headers.get("Authorization"))
        return self.asked[-1] == "ApiKey bGV0OmluCg=="


class Heard(Between):
    """Remembers what was written."""
    bulks = []

    def lets_in(self, body):
        if self.path.startswith("/_bulk"):
            self.bulks.append(body)
        return True


class Cluster(CairnTest):
    on_cluster = False  # each test makes its own

    def setUp(self):
        super().setUp()
        self.prefixes = []

    def tearDown(self):
        for name in self.prefixes:
            self.run_cairn("collection", "drop", name, "--yes", code=None)
        super().tearDown()

    def create(self, name, *more, url=CLUSTER):
        self.prefixes.append(name)
        self.run_cairn("collection", "create", name, "--backend", "opensearch", "--url", url, "--index",
                       "cairn-test-" + uuid.uuid4().hex, "--replicas", "0", *more)

    def found(self, collection, query, *more):
        hits = self.json("--collection", collection, "search", "--mode", "lexical", "-k", "30", query, *more,
                         code=None)["hits"]
        return [(h["uri"], h["heading"], h["text"]) for h in hits]

    def documents(self, collection):
        out = []
        for line in self.run_cairn("--json", "--collection", collection, "list", code=None).stdout.splitlines():
            d = json.loads(line)
            out.append((d["uri"], d["title"], d["mime"], d["chunks"], d["modified_ns"]))
        return out

    def test_both_find_the_same(self):
        self.create("far", "--shards", "2")
        for name in ("near", "far"):
            self.run_cairn("--collection", name, "index", "--no-vectors", LIBRARY)
        self.assertEqual(self.documents("near"), self.documents("far"))
        for q in QUERIES:
            near, far = self.found("near", q), self.found("far", q)
            self.assertEqual(sorted(near), sorted(far), q)
        for q in QUERIES[:6]:
            self.assertEqual(self.found("near", q)[:3], self.found("far", q)[:3], q)
        near, far = (self.json("--collection", c, "search", "--mode", "lexical", "--facets", "type,ext,lang,folder,year",
                               "lease OR coffee OR bees")["facets"] for c in ("near", "far"))
        self.assertEqual(near, far)
        self.assertTrue(self.json("--collection", "far", "check")["clean"])
        ask = self.json("--collection", "far", "ask", "--extractive", "What is the notice period of the lease?", code=None)
        self.assertEqual(ask["answer"],
                         self.json("--collection", "near", "ask", "--extractive", "What is the notice period of the lease?",
                                   code=None)["answer"])

    def test_what_changes(self):
        self.create("far")
        a = self.write("a.md", "# Apples\n\nRed apples keep until March.\n")
        b = self.write("b.md", "# Pears\n\nPears do not keep.\n")

        def index(*more):
            return self.json("--collection", "far", "index", "--no-vectors", self.docs, *more)
        self.assertEqual(index()["indexed"], 2)
        self.assertEqual(index()["unchanged"], 2)
        self.write("a.md", "# Apples\n\nGreen apples keep until April.\n")
        self.assertEqual(index()["indexed"], 1)
        self.assertEqual([h[0] for h in self.found("far", "april")], [a])
        self.assertEqual(self.found("far", "march"), [])
        os.rename(b, os.path.join(self.docs, "c.md"))
        self.assertEqual(index()["moved"], 1)
        self.assertEqual([h[0] for h in self.found("far", "pears")], [os.path.join(self.docs, "c.md")])
        self.run_cairn("--collection", "far", "tag", "add", "fruit", a)
        self.assertEqual([h[0] for h in self.found("far", "tag:fruit")], [a])
        os.remove(a)
        self.assertEqual(index()["removed"], 1)
        self.assertEqual(self.found("far", "apples"), [])
        self.run_cairn("--collection", "far", "delete", os.path.join(self.docs, "c.md"))
        self.assertEqual(self.documents("far"), [])
        self.assertTrue(self.json("--collection", "far", "check")["clean"])

    def test_there_and_back(self):
        self.create("far")
        self.run_cairn("--collection", "near", "index", "--no-vectors", LIBRARY)
        there = self.json("collection", "copy", "near", "far")
        self.assertEqual(there["documents"], there["copied"])
        self.assertEqual(self.json("collection", "copy", "near", "far")["copied"], 0)
        back = self.json("collection", "copy", "far", "back")
        self.assertEqual(back["checksum"], there["checksum"])
        self.assertEqual(back["documents"], there["documents"])
        self.assertEqual(self.documents("near"), self.documents("back"))
        for q in QUERIES:
            self.assertEqual(self.found("near", q), self.found("back", q), q)
        self.assertTrue(self.json("--collection", "back", "check")["clean"])
        # What the source has no more leaves the target.
        gone = self.documents("near")[0][0]
        self.run_cairn("--collection", "near", "delete", gone)
        self.json("collection", "copy", "near", "far")
        self.assertNotIn(gone, [d[0] for d in self.documents("far")])

    def test_vectors_there_and_back(self):
        self.create("far")
        self.run_cairn("--collection", "near", "--embedder", "static-64", "index", LIBRARY)
        there = self.json("collection", "copy", "near", "far")
        self.assertEqual(there["vectors"], there["chunks"])
        self.assertEqual(self.json("collection", "copy", "far", "back")["checksum"], there["checksum"])
        # Whoever asks names no embedder: it comes along with its vectors.
        for c in ("far", "back"):
            for mode in ("vector", "hybrid"):
                for q in ("warranty of the machine", "who pays the rent", "coffee grinder"):
                    want = self.found("near", q, "--mode", mode)
                    got = self.found(c, q, "--mode", mode)
                    self.assertTrue(want)
                    # Behind the first 20, words have the cluster's lengths, so by both only the beginning is the same.
                    n = len(want) if mode == "vector" else 1
                    self.assertEqual(want[:n], got[:n], (c, mode, q))

    def test_writers(self):
        self.create("far")
        conf = os.path.join(self.home, "collections", "far", "collection.conf")
        with open(conf, "a", encoding="utf-8") as f:
            f.write("lease_seconds = 5\n[index]\nflush_chunks = 5\nflush_seconds = 0.1\n")
        for i in range(120):
            self.write(f"{i:03}.md", f"# Note {i}\n\nNumber {i} of the notes about granite.\n")
        p = subprocess.Popen([CAIRN, "--collection", "far", "index", "--no-vectors", self.docs], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, env=dict(os.environ, CAIRN_HOME=self.home))
        self.addCleanup(p.stderr.close)
        before = []
        while len(before) < 10 and p.poll() is None:
            before = self.documents("far")
        p.send_signal(signal.SIGKILL)  # most likely in the middle; what follows holds in any case
        p.wait()
        # Nobody else gets in while the lease is not over; then the run goes on, and all is there once.
        self.run_cairn("--collection", "far", "--wait=600", "index", "--no-vectors", self.docs, timeout=1200)
        after = self.documents("far")
        self.assertEqual([d for d in before if d in after], before)
        self.assertEqual(len(after), 120)
        self.assertTrue(self.json("--collection", "far", "check")["clean"])

    def between(self, handler):
        """The address of a server in front of the node."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def ask_node(self, method, path, lines=None, status=200):
        at = urllib.parse.urlsplit(CLUSTER)
        c = http.client.HTTPConnection(at.hostname, at.port, timeout=300)
        body = "".join(json.dumps(line) + "\n" for line in lines) if isinstance(lines, list) else lines
        kind = "application/json" if isinstance(lines, str) else "application/x-ndjson"
        c.request(method, path, body, {"Content-Type": kind} if lines else {})
        r = c.getresponse()
        data = r.read()
        c.close()
        self.assertEqual(r.status, status, data)
        return json.loads(data)

    def test_writes_that_come_too_late(self):
        """What a node carries out after its client gave up, and after what the run left was removed."""
        Heard.bulks = []
        self.create("far", url=self.between(Heard))
        conf = os.path.join(self.home, "collections", "far", "collection.conf")
        with open(conf, encoding="utf-8") as f:
            prefix = next(line.split("=")[1].strip() for line in f if line.startswith("index"))
        chunks, state = f"{prefix}-chunks-1", f"{prefix}-state-1"

        def index():
            return self.json("--collection", "far", "index", "--no-vectors", self.docs)

        def texts():
            return [text for _, _, text in self.found("far", "granite")]

        self.write("a.md", "Granite is hard.\n")
        b = self.write("b.md", "Granite is grey.\n")
        index()
        first_run = list(Heard.bulks)
        os.unlink(b)
        self.write("a.md", "Granite is old.\n")
        index()
        self.assertEqual(texts(), ["Granite is old."])
        # All writes of the first run once more: of what was deleted or written again since then, none is carried out.
        for body in first_run:
            for item in self.ask_node("POST", "/_bulk?refresh=true", body)["items"]:
                did = next(iter(item.values()))
                self.assertIn(did["status"], (200, 404, 409), item)
                if did["_index"] != state:
                    self.assertIn(did["status"], (404, 409), item)
        self.assertEqual(texts(), ["Granite is old."])
        self.assertEqual(self.ask_node("GET", f"/{chunks}/_count")["count"], 1)
        self.assertTrue(self.json("--collection", "far", "check")["clean"])
        # A writer is cut off with ids that are lent; what it wrote under one of them comes when the next one is long done.
        record = self.ask_node("GET", f"/{state}/_doc/state")["_source"]
        first = record["state"]["next_doc"]
        record["state"].update(owner="cut-off", lease_until_ms=1, lent=first + 4096)
        self.ask_node("POST", "/_bulk?refresh=true", [{"index": {"_index": state, "_id": "state"}}, record])
        self.write("c.md", "Granite is grey, too.\n")
        index()
        stray = next(h for h in self.ask_node("GET", f"/{chunks}/_search?version=true")["hits"]["hits"]
                     if h["_source"]["text"] == "Granite is old.")
        source = dict(stray["_source"], doc=first + 7, chunk=(first + 7) << 20, text="Granite is nowhere.")
        line = {"index": {"_index": chunks, "_id": str(source["chunk"]), "version": stray["_version"],
                          "version_type": "external_gte"}}
        self.assertFalse(self.ask_node("POST", "/_bulk?refresh=true", [line, source])["errors"])
        self.assertEqual(sorted(texts()), ["Granite is grey, too.", "Granite is old."])
        self.write("d.md", "Slate is not granite.\n")
        index()  # removes it
        self.assertEqual(self.ask_node("GET", f"/{chunks}/_count")["count"], 3)
        self.assertTrue(self.json("--collection", "far", "check")["clean"])

    def test_passages_without_their_documents_record(self):
        """Those that an earlier program wrote; and that a passage tells what its document is now."""
        self.create("far")
        a = self.write("a.md", "# Apples\n\nRed apples keep until March.\n")
        self.json("--collection", "far", "index", "--no-vectors", self.docs)
        conf = os.path.join(self.home, "collections", "far", "collection.conf")
        with open(conf, encoding="utf-8") as f:
            chunks = next(line.split("=")[1].strip() for line in f if line.startswith("index")) + "-chunks-1"

        def hit():
            h = self.json("--collection", "far", "search", "--mode", "lexical", "apples")["hits"][0]
            return h["uri"], h["title"], h.get("tags") or []
        self.assertEqual(hit(), (a, "Apples", []))
        self.run_cairn("--collection", "far", "tag", "add", "fruit", a)
        self.assertEqual(hit(), (a, "Apples", ["fruit"]))
        self.assertEqual(self.ask_node("GET", f"/{chunks}/_count?q=_exists_:uri")["count"], 1)
        script = {"script": {"lang": "painless", "source": "ctx._source.remove('shown')"}}
        self.ask_node("POST", f"/{chunks}/_update_by_query?refresh=true", json.dumps(script))
        self.assertEqual(hit(), (a, "Apples", ["fruit"]))

    @unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificate: it is not installed")
    def test_tls_and_a_password(self):
        ca, key = os.path.join(self.top, "ca.pem"), os.path.join(self.top, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", ca], check=True, capture_output=True)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca, key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        where = ("--backend", "opensearch", "--url", f"https://127.0.0.1:{server.server_port}", "--replicas", "0", "--user", "ann")
        password, wrong = os.path.join(self.top, "password"), os.path.join(self.top, "wrong")
        for path, text in ((password, "open sesame\n"), (wrong, "guess\n")):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as f:
                f.write(text)
        index = "cairn-test-" + uuid.uuid4().hex
        said = self.run_cairn("collection", "create", "far", *where, "--index", index, "--password-file", password, code=None)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("not trusted", said.stderr)
        said = self.run_cairn("collection", "create", "far", *where, "--index", index, "--password-file", wrong, "--ca-file", ca, code=None)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("does not know who is asking", said.stderr)
        self.assertNotIn("guess", said.stderr)
        self.prefixes.append("far")
        self.run_cairn("collection", "create", "far", *where, "--index", index, "--password-file", password, "--ca-file", ca)
        a = self.write("a.md", "# Apples\n\nRed apples keep until March.\n")
        done = self.run_cairn("-v", "--collection", "far", "index", "--no-vectors", self.docs)
        self.assertNotIn("sesame", done.stdout + done.stderr)
        self.assertEqual([h[0] for h in self.found("far", "apples")], [a])
        os.chmod(password, 0o644)
        self.assertIn("chmod 600", self.run_cairn("--collection", "far", "list", code=None).stderr)
        os.chmod(password, 0o600)

    def test_one_embedder(self):
        self.create("far")
        self.write("a.md", "# Apples\n\nRed apples keep until March.\n")
        self.run_cairn("--collection", "far", "index", "--no-vectors", self.docs)
        for args in (["build", "static-64"], ["switch"], ["undo"]):
            said = self.run_cairn("--collection", "far", "embedder", *args, code=None)
            self.assertNotEqual(said.returncode, 0)
            self.assertIn("a collection on a cluster holds the vectors of one embedder", said.stderr)
        self.assertTrue(self.json("--collection", "far", "check")["clean"])

    def test_an_api_key(self):
        Keyed.asked = []
        url = self.between(Keyed)
        key, wrong = os.path.join(self.top, "key"), os.path.join(self.top, "wrong")
        for path, text in ((key, "bGV0OmluCg==\n"), (wrong, "Z3Vlc3MK\n")):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as f:
                f.write(text)
        index = "cairn-test-" + uuid.uuid4().hex
        where = ("collection", "create", "far", "--backend", "opensearch", "--url", url, "--replicas", "0", "--index", index)
        said = self.run_cairn(*where, "--api-key-file", wrong, code=None)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("does not know who is asking", said.stderr)
        self.assertNotIn("Z3Vlc3MK", said.stdout + said.stderr)
        Keyed.asked.clear()
        self.prefixes.append("far")
        self.run_cairn(*where, "--api-key-file", key)
        a = self.write("a.md", "# Apples\n\nRed apples keep until March.\n")
        done = self.run_cairn("-v", "--collection", "far", "index", "--no-vectors", self.docs)
        self.assertNotIn("bGV0OmluCg", done.stdout + done.stderr)
        self.assertEqual([h[0] for h in self.found("far", "apples")], [a])
        self.assertEqual(set(Keyed.asked), {"ApiKey bGV0OmluCg=="})
        os.chmod(key, 0o644)
        self.assertIn("chmod 600", self.run_cairn("--collection", "far", "list", code=None).stderr)
        os.chmod(key, 0o600)

    def test_a_snapshot_comes_back(self):
        repositories = json.load(urllib.request.urlopen(CLUSTER + "/_nodes/settings?filter_path=nodes.*.settings.path.repo", timeout=120))
        paths = [n["settings"]["path"]["repo"] for n in repositories.get("nodes", {}).values()]
        if not paths:
            self.skipTest("the nodes have no path.repo to write snapshots to")
        folder = os.path.join(paths[0][0] if isinstance(paths[0], list) else paths[0], uuid.uuid4().hex)
        self.create("far")
        self.write("a.md", "# Apples\n\nRed apples keep until March.\n")
        self.run_cairn("--collection", "far", "index", "--no-vectors", self.docs)
        before = self.documents("far"), self.found("far", "apples")
        self.assertEqual(self.json("--collection", "far", "backup", folder)["documents"], 1)
        self.write("b.md", "# Pears\n\nPears do not keep.\n")
        self.run_cairn("--collection", "far", "index", "--no-vectors", self.docs)
        self.assertIn("--replace", self.run_cairn("--collection", "far", "restore", folder, code=2).stderr)
        self.assertEqual(len(self.documents("far")), 2)
        self.assertEqual(self.json("--collection", "far", "restore", folder, "--replace")["documents"], 1)
        self.assertEqual((self.documents("far"), self.found("far", "apples")), before)
        self.assertEqual(self.found("far", "pears"), [])
        # It is written to again: the run that made the snapshot held the lease then.
        self.run_cairn("--collection", "far", "--wait=600", "index", "--no-vectors", self.docs)
        self.assertEqual(len(self.documents("far")), 2)
        self.assertTrue(self.json("--collection", "far", "check")["clean"])
        self.create("other")
        self.assertIn("no whole snapshot", self.run_cairn("--collection", "other", "restore", folder, "--replace", code=None).stderr)

    def test_what_a_server_knows_is_never_old(self):
        self.create("far")
        a = self.write("a.md", "# Apples\n\nRed apples keep until March.\n")
        self.run_cairn("--collection", "far", "index", "--no-vectors", self.docs)
        server = subprocess.Popen([CAIRN, "--json", "--collection", "far", "serve", "--http", "127.0.0.1:0"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, env=dict(os.environ, CAIRN_HOME=self.home))
        try:
            url = ""
            for line in server.stdout:
                said = json.loads(line)
                if said.get("adapter") == "http":
                    url = "http://" + said["address"]
                    break

            def found(query):
                q = urllib.parse.urlencode({"q": query, "mode": "lexical"})
                with urllib.request.urlopen(f"{url}/api/v1/search?{q}", timeout=300) as r:
                    return [h["uri"] for h in json.load(r)["hits"]]
            for _ in range(3):
                self.assertEqual(found("apples"), [a])
            for i in range(3):  # what another process committed is there with the next search
                b = self.write(f"b{i}.md", f"# Pears\n\nPears number{i} do not keep.\n")
                self.run_cairn("--collection", "far", "index", "--no-vectors", self.docs)
                self.assertEqual(found(f"number{i}"), [b])
                self.assertEqual(found("apples"), [a])
            os.remove(a)
            self.run_cairn("--collection", "far", "index", "--no-vectors", self.docs)
            self.assertEqual(found("apples"), [])
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
            server.stdout.close()

    def test_clear_words(self):
        done = self.run_cairn("collection", "create", "x", "--url", "http://user:secret@127.0.0.1:1", code=2)
        self.assertNotIn("secret", done.stderr)
        self.create("far")
        self.assertIn("is there already", self.run_cairn("collection", "create", "far", "--url", CLUSTER, code=2).stderr)
        self.assertIn("path.repo", self.run_cairn("--collection", "far", "backup", "here", code=2).stderr)

    def test_words_are_suggested_and_places_explained(self):
        self.create("far")
        for name in ("near", "far"):
            self.run_cairn("--collection", name, "index", "--no-vectors", LIBRARY)
        for text in ("warr", "the coff", "warrenty of the machine", "coffe grindr", "zzzz"):
            near, far = (self.json("--collection", c, "suggest", text, code=None) for c in ("near", "far"))
            self.assertEqual(near["correction"], far["correction"], text)
            self.assertEqual({c["word"] for c in near["completions"]}, {c["word"] for c in far["completions"]}, text)
        for c in ("near", "far"):
            found = self.json("--collection", c, "search", "--mode", "lexical", "warrenty", code=None)
            self.assertEqual(found["suggestion"], "warranty")
        uri = self.found("near", "warranty")[0][0]
        near, far = (self.json("--collection", c, "why-not", uri, "warranty", code=None) for c in ("near", "far"))
        self.assertEqual([(s["stage"], s["passed"]) for s in near["stages"]], [(s["stage"], s["passed"]) for s in far["stages"]])
        self.run_cairn("--collection", "far", "eval", "make", os.path.join(self.top, "set"))
        with open(os.path.join(self.top, "set", "queries.jsonl"), encoding="utf-8") as f:
            self.assertGreater(len([json.loads(line) for line in f]), 20)

    def test_vectors_of_ones_own(self):
        self.create("far")
        rows = [[0.0] * 8 for _ in range(40)]
        for i, row in enumerate(rows):
            row[i % 8], row[(i * 3 + 1) % 8] = 1.0 + i, row[(i * 3 + 1) % 8] + 0.5
        lines = "".join(json.dumps({"id": f"v{i}", "vector": r, "text": f"row {i}"}) + "\n" for i, r in enumerate(rows))
        path = self.write("v.jsonl", lines)
        for c in ("near", "far"):
            self.assertEqual(self.json("--collection", c, "import", "vectors", path)["embedded"], 40)
        self.assertEqual(self.json("--collection", "far", "import", "vectors", path)["unchanged"], 40)
        query = self.write("q.jsonl", json.dumps({"id": "q", "vector": [1, 2, 0, 0, 3, 0, 0, 1]}) + "\n")
        near, far = (self.json("--collection", c, "search", "--vector", query, "-k", "5", code=None) for c in ("near", "far"))
        self.assertEqual([h["uri"] for h in near["hits"]], [h["uri"] for h in far["hits"]])
        back = os.path.join(self.top, "back.jsonl")
        self.run_cairn("--collection", "far", "export", "vectors", back)
        with open(back, encoding="utf-8") as f:
            told = {d["id"]: d["vector"] for d in map(json.loads, f)}
        self.assertEqual(len(told), 40)
        for i, row in enumerate(rows):
            length = sum(x * x for x in row) ** 0.5
            for a, b in zip(told[f"v{i}"], row):
                self.assertAlmostEqual(a, b / length, places=5)
        self.create("other")
        self.assertIn("cosine", self.run_cairn("--collection", "other", "import", "vectors", "--metric", "l2", path, code=None).stderr)


if __name__ == "__main__":
    if not CLUSTER:
        print("CAIRN_TEST_CLUSTER names no node of a cluster: scripts/test --cluster starts one")
        sys.exit(77)
    main()
