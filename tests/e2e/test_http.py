#!/usr/bin/env python3
"""cairn serve over HTTP: the REST interface, who is let in, hostile clients, signals. No model is needed."""
import http.client
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from harness import LIBRARY, main
from serving import LIMIT, ServerTest


class Rest(ServerTest):
    def setUp(self):
        super().setUp()
        self.index(LIBRARY)
        self.server = self.serve()

    def test_search_says_what_the_command_line_says(self):
        for query in ("lease", "ext:pdf pump", '"force majeure"', "größe"):
            told = self.json("search", "--mode", "lexical", query, code=None)
            served = self.server.json("POST", "/api/v1/search", {"q": query, "mode": "lexical"})
            for field in ("uri", "text", "highlights", "start", "end", "page"):
                self.assertEqual([h[field] for h in served["hits"]], [h[field] for h in told["hits"]], query)
        by_url = self.server.json("GET", "/api/v1/search?q=lease&mode=lexical&k=3&explain=1&facets=ext,lang")
        self.assertLessEqual(len(by_url["hits"]), 3)
        self.assertIn("ext", by_url["facets"])
        self.assertTrue(by_url["hits"][0]["scores"]["words"])
        self.assertIn("read_as", by_url)

    def test_documents_and_their_text(self):
        first = self.server.json("GET", "/api/v1/documents?limit=2")
        self.assertTrue(first["more"])
        seen = [d["uri"] for d in first["documents"]]
        while first["more"]:
            first = self.server.json("GET", f"/api/v1/documents?limit=20&after={seen[-1]}")
            seen += [d["uri"] for d in first["documents"]]
        self.assertEqual(seen, [d["uri"] for d in self.json_lines("list")])
        hit = self.server.json("GET", "/api/v1/search?q=lease&mode=lexical")["hits"][0]
        whole = self.server.json("GET", f"/api/v1/document/text?uri={hit['doc']}")
        data = whole["text"].encode()
        self.assertEqual(whole["length"], len(data))
        part = self.server.json("GET", f"/api/v1/document/text?uri={hit['doc']}&start=10&end=50")
        self.assertEqual(part["text"].encode(), data[part["start"]:part["end"]])
        self.server.json("GET", "/api/v1/document/text?uri=/no/such", status=404)

    def json_lines(self, *args):
        out = self.run_cairn("--json", *args).stdout.strip()
        return json.loads(out)["documents"] if out.startswith('{"documents"') else [json.loads(x) for x in out.splitlines()]

    def test_parameters_are_checked(self):
        for path in ("search", "search?q=a&k=0", "search?q=a&k=x", "search?q=a&k=1.5", "search?q=a&k=99999999999999999999",
                     "search?q=a&mode=best", "search?q=a&q=b", "search?q=a&typo=1", "search?q=%ff", "search?q=a%00b", "search?q=a&explain=maybe",
                     "search?q=" + "a" * 9000, "document?uri=", "documents?limit=1001", "search?q=a&facets=colour"):
            error = self.server.json("GET", "/api/v1/" + path, status=400)["error"]
            self.assertTrue(error["message"] and error["request"], path)
        for body in (b"", b"{", b"[]", b'{"q":1}', b'{"q":"a","q":"b"}', b'{"q":"a","k":{}}', b"\xff\xfe", b'{"q":"a\\u0000b"}',
                     b"[" * 100000):
            status, _, data = self.server.request("POST", "/api/v1/search", body, {"Content-Type": "application/json"})
            self.assertEqual(status, 400, (body[:40], data))
        self.assertEqual(self.server.request("POST", "/api/v1/search", b"q=a")[0], 415)
        self.assertEqual(self.server.request("PATCH", "/api/v1/search")[0], 405)
        self.assertEqual(self.server.request("GET", "/api/v1/nothing")[0], 404)
        self.assertEqual(self.server.request("GET", "/api/v1/search?q=a", b"body", {"Content-Type": "application/json"})[0], 400)

    def test_an_upload_is_indexed_and_deleted(self):
        text = "Olivine weathers to serpentine.\n"
        job = self.server.json("PUT", "/api/v1/uploads/rocks/olivine.txt", text, status=202)
        ended = self.server.wait_job(job["id"])
        self.assertEqual((ended["state"], ended["report"]["indexed"]), ("done", 1), ended)
        hits = self.server.json("GET", "/api/v1/search?q=serpentine&mode=lexical")["hits"]
        self.assertTrue(hits[0]["uri"].endswith("/uploads/default/rocks/olivine.txt"))
        job = self.server.json("DELETE", f"/api/v1/document?uri={hits[0]['doc']}", status=202)
        self.assertEqual(self.server.wait_job(job["id"])["report"]["removed"], 1)
        self.assertEqual(self.server.json("GET", "/api/v1/search?q=serpentine&mode=lexical")["hits"], [])
        self.assertEqual([j["kind"] for j in self.server.json("GET", "/api/v1/jobs")["jobs"]], ["delete", "upload"])
        for name in ("../x.txt", "a/../../x", ".hidden", "a//b", "a/%2e%2e/b", "a%0ab"):
            self.assertEqual(self.server.request("PUT", "/api/v1/uploads/" + name, text)[0], 400, name)
        self.server.json("PUT", "/api/v1/uploads/x.txt?collection=none", text, status=404)

    def test_collections_are_apart(self):
        self.assertEqual(self.server.json("POST", "/api/v1/collections", {"name": "other"}, status=201), {"name": "other"})
        self.assertEqual(self.server.json("GET", "/api/v1/collections")["collections"], ["default", "other"])
        self.assertEqual(self.server.json("GET", "/api/v1/search?q=lease&collection=other")["hits"], [])
        self.assertEqual(self.server.json("GET", "/api/v1/status?collection=other")["documents"], 0)
        self.server.json("GET", "/api/v1/search?q=lease&collection=none", status=404)
        self.server.json("GET", "/api/v1/search?q=lease&collection=../default", status=400)
        path = self.write("gneiss.txt", "Gneiss has bands.\n")
        job = self.server.json("POST", "/api/v1/index", {"paths": [path], "collection": "other"}, status=202)
        self.assertEqual(self.server.wait_job(job["id"])["report"]["indexed"], 1)
        self.assertEqual(len(self.server.json("GET", "/api/v1/search?q=gneiss&collection=other")["hits"]), 1)
        self.assertEqual(self.server.json("GET", "/api/v1/search?q=gneiss&mode=lexical")["hits"], [])

    def test_many_at_once(self):
        queries = ["lease", "pump", "backup", "invoice", "granite", "warranty", "pressure", "notice period"]
        alone = {q: self.server.json("POST", "/api/v1/search", {"q": q, "mode": "lexical"})["hits"] for q in queries}

        def ask(i):
            q = queries[i % len(queries)]
            return self.server.json("POST", "/api/v1/search", {"q": q, "mode": "lexical"})["hits"] == alone[q]

        with ThreadPoolExecutor(16) as pool:
            self.assertTrue(all(pool.map(ask, range(200))))

    def test_health_metrics_and_log(self):
        self.assertEqual(self.server.request("GET", "/livez")[2], b"ok\n")
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        self.assertEqual(self.server.json("GET", "/health")["status"], "ok")
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        _, headers, _ = self.server.request("GET", "/api/v1/search?q=secretword", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        text = self.server.request("GET", "/metrics")[2].decode()
        self.assertIn('cairn_http_requests_total{route="/api/v1/search",code="200"} 1', text)
        self.assertIn('cairn_search_seconds_count{stage="all"} 1', text)
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+(\{([a-z_]+="[^"]*",?)+\})? [-+0-9.e]+|[a-z_]+ [0-9.e+]+)$')
        self.server.stop()
        line = next(x for x in self.server.log_lines() if x.get("request") == headers["X-Request-Id"])
        self.assertEqual((line["path"], line["status"], line["trace"]), ("/api/v1/search", 200, trace))
        self.assertNotIn("secretword", "".join(self.server.log))

    def test_the_page_and_its_policy(self):
        status, headers, body = self.server.request("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", headers["Content-Security-Policy"])
        self.assertNotIn(b" style=", body)
        self.assertNotIn(b"<style", body)
        again = self.server.request("GET", "/", headers={"If-None-Match": headers["ETag"]})
        self.assertEqual((again[0], again[2]), (304, b""))
        self.assertEqual(self.server.request("GET", "/web/../../etc/passwd")[0], 404)
        self.assertEqual(self.server.request("GET", "/web/nothing.js")[0], 404)
        openapi = self.server.json("GET", "/api/v1/openapi.json")
        folder = os.path.join(os.path.dirname(__file__), "../../server/http")
        source = ""
        for name in sorted(os.listdir(folder)):
            if name.startswith("routes_"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    source += f.read()
        for path, methods in openapi["paths"].items():
            for method in methods:
                route = path.replace("{name}", "*").replace("{id}", "*").replace("*/events", "*").replace("*/export", "*")
                self.assertTrue(f'"{method.upper()}", "{route}"' in source or not path.startswith("/api/"), (method, path))


class LetIn(ServerTest):
    """Host, Origin, tokens, TLS, the unix socket."""

    def token(self, name, role, *more):
        return self.json("serve", "--add-token", name, "--role", role, *more)["token"]

    def test_pages_of_other_sites_are_not_served(self):
        s = self.serve()
        host = s.address
        for headers, status in (({"Host": "evil.example"}, 421), ({"Host": "127.0.0.1.evil.example:80"}, 421), ({"Host": ""}, 421),
                                ({"Host": "localhost"}, 200), ({"Host": "LOCALHOST:1"}, 200), ({"Host": "[::1]:80"}, 200),
                                ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Origin": f"http://{host}"}, 200),
                                ({"Origin": f"ftp://{host}"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
                                ({"Sec-Fetch-Site": "same-site"}, 403), ({"Sec-Fetch-Site": "same-origin"}, 200),
                                ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403)):
            self.assertEqual(s.request("GET", "/api/v1/status", headers=headers)[0], status, headers)
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        self.assertEqual(s.request("GET", "/", headers=link)[0], 200)
        self.assertEqual(s.request("GET", "/api/v1/status", headers={"Origin": "http://evil.example"})[1]["Access-Control-Allow-Origin"], None)

    def test_a_configured_name_is_fine(self):
        s = self.serve("--hostname", "docs.example.org,cairn.local")
        for name, status in (("docs.example.org", 200), ("CAIRN.local:99", 200), ("example.org", 421), ("docs.example.org.evil", 421)):
            self.assertEqual(s.request("GET", "/api/v1/status", headers={"Host": name})[0], status, name)

    def test_tokens_and_roles(self):
        self.index(self.docs)
        reader, admin = self.token("ann", "read", "--for", "default"), self.token("root", "admin")
        s = self.serve()
        auth = lambda t: {"Authorization": f"Bearer {t}"}
        self.assertEqual(s.request("GET", "/livez")[0], 200)
        status, headers, _ = s.request("GET", "/api/v1/status")
        self.assertEqual((status, headers["WWW-Authenticate"]), (401, 'Bearer realm="cairn"'))
        self.assertEqual(s.request("GET", "/api/v1/status", headers=auth("cairn_wrong"))[0], 401)
        self.assertEqual(s.request("GET", "/api/v1/status", headers={"Authorization": "Basic YTpi"})[0], 401)
        caller = s.json("GET", "/api/v1/status", headers=auth(reader))["caller"]
        self.assertEqual((caller["name"], caller["role"]), ("ann", "read"))
        self.assertEqual(s.request("PUT", "/api/v1/uploads/a.txt", "x", auth(reader))[0], 403)
        self.assertEqual(s.request("POST", "/api/v1/index", {"paths": ["/etc"]}, auth(reader))[0], 403)
        s.json("POST", "/api/v1/collections", {"name": "secret"}, auth(admin), status=201)
        self.assertEqual(s.request("GET", "/api/v1/search?q=a&collection=secret", headers=auth(reader))[0], 403)
        self.assertEqual(s.json("GET", "/api/v1/collections", headers=auth(reader))["collections"], ["default"])
        models = [m["id"] for m in s.json("GET", "/v1/models", headers=auth(reader))["data"]]
        self.assertIn("cairn:default", models)
        self.assertNotIn("cairn:secret", models)
        chat = {"model": "cairn:secret", "messages": [{"role": "user", "content": "a"}]}
        error = s.json("POST", "/v1/chat/completions", chat, auth(reader), status=403)["error"]
        self.assertEqual(error["type"], "permission_error")
        with open(os.path.join(self.home, "tokens"), encoding="utf-8") as f:
            self.assertNotIn(reader, f.read())
        self.assertNotIn(reader, "".join(s.log))

    def test_a_new_token_counts_after_a_reload(self):
        self.token("first", "admin")
        s = self.serve()
        late = {"Authorization": "Bearer " + self.token("late", "read")}
        self.assertEqual(s.request("GET", "/api/v1/status", headers=late)[0], 401)
        s.send_signal(signal.SIGHUP)
        while not any("read again" in x["msg"] for x in s.log_lines()):
            self.assertIsNone(s.process.poll())
            time.sleep(0.02)
        self.assertEqual(s.request("GET", "/api/v1/status", headers=late)[0], 200)

    def test_other_machines_need_tls_and_a_token(self):
        for options in ([], ["--tls-cert", "/nonexistent", "--tls-key", "/nonexistent"]):
            done = self.run_cairn("serve", "--http", "0.0.0.0:0", *options, code=2)
            self.assertIn("other machines", done.stderr)
        self.run_cairn("serve", "--http", "nonsense", code=2)
        self.run_cairn("serve", "--http", "off", code=2)

    def test_tls(self):
        cert, key = os.path.join(self.top, "cert.pem"), os.path.join(self.top, "key.pem")
        try:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                            "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                           check=True, capture_output=True)
        except FileNotFoundError:
            self.skipTest("openssl is not on this machine")
        token = self.token("ann", "read")
        s = self.serve("--tls-cert", cert, "--tls-key", key)
        context = ssl.create_default_context(cafile=cert)
        c = http.client.HTTPSConnection(s.host, s.port, context=context, timeout=LIMIT)
        c.request("GET", "/api/v1/status", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(c.getresponse().status, 200)
        c.close()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, OSError)):
            old.wrap_socket(s.socket()).close()
        s.stop()
        mutual = self.serve("--tls-cert", cert, "--tls-key", key, "--tls-client-ca", cert)
        c = http.client.HTTPSConnection(mutual.host, mutual.port, context=context, timeout=LIMIT)
        c.request("GET", "/api/v1/status", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(c.getresponse().status, 403)
        c.close()
        context.load_cert_chain(cert, key)
        c = http.client.HTTPSConnection(mutual.host, mutual.port, context=context, timeout=LIMIT)
        c.request("GET", "/api/v1/status", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(c.getresponse().status, 200)
        c.close()

    def test_a_unix_socket_is_the_owners(self):
        self.token("ann", "read")
        path = os.path.join(self.top, "s.sock")
        s = self.serve(address="unix:" + path)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(LIMIT)
            c.connect(path)
            c.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: whatever\r\nConnection: close\r\n\r\n")
            data = b""
            while part := c.recv(65536):
                data += part
        self.assertIn(b"200 OK", data)
        self.assertIn(b'"role":"admin"', data)
        other = subprocess.run([os.environ.get("CAIRN_BIN", "build/release/cli/cairn"), "serve", "--http", "unix:" + path],
                               env=dict(os.environ, CAIRN_HOME=self.home), capture_output=True, text=True, timeout=LIMIT)
        self.assertIn("another process listens", other.stderr)
        self.assertEqual(s.stop(), 0)
        self.assertFalse(os.path.exists(path))


class Hostile(ServerTest):
    """Clients that are slow, broken, greedy or many: the others are served all the while."""

    def served(self, server):
        self.assertEqual(server.json("GET", "/api/v1/status")["documents"], 0)

    def test_a_thousand_half_open_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        s = self.serve()
        sockets = []
        try:
            for i in range(min(1000, hard - 100)):
                c = s.socket()
                c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-" if i % 2 else b"P")
                sockets.append(c)
            self.served(s)
        finally:
            for c in sockets:
                c.close()
        self.served(s)

    def test_a_full_house_makes_room(self):
        s = self.serve("--connections", "40")
        sockets = [s.socket() for _ in range(60)]
        try:
            self.served(s)  # as soon as a connection that says nothing has been ended for it
        finally:
            for c in sockets:
                c.close()

    def test_slow_senders_are_ended(self):
        s = self.serve()
        headers, body = s.socket(), s.socket()
        headers.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
        body.sendall(b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        self.served(s)
        for c in (headers,):
            got = b"x"
            while got:  # ends when the server has had enough, however slow the machine is
                got = c.recv(1000)
        headers.close()
        body.close()
        self.served(s)

    def test_broken_requests(self):
        s = self.serve()
        for raw in (b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                    b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n",
                    b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999\r\n\r\n",
                    b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    b"PUT /api/v1/uploads/x.txt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"):
            with s.socket() as c:
                try:
                    c.sendall(raw)
                    c.shutdown(socket.SHUT_WR)
                    while c.recv(65536):
                        pass
                except OSError:  # the server has hung up: at the send, at the shutdown (ENOTCONN) or at the read
                    pass
            self.served(s)
        for folder, _, files in os.walk(os.path.join(self.home, "uploads")):
            self.assertEqual(files, [], folder)

    def test_bodies_that_are_too_large(self):
        """Who says so beforehand is refused before the body, who does not once it is too long: both learn why."""
        s = self.serve("--upload-mb", "1")
        routes = (("POST", "/api/v1/search", {"Content-Type": "application/json"}), ("PUT", "/api/v1/uploads/big.txt", {}))

        def refused(c, path):
            r = c.getresponse()
            self.assertEqual(r.status, 413, path)
            self.assertRegex(json.loads(r.read())["error"]["message"], r"may have \d+ bytes at most", path)
            c.close()

        for method, path, headers in routes:
            for size in ((1 << 20) + 2, 1536 << 10, 64 << 20, 1 << 50):
                c = s.connect()
                c.putrequest(method, path)
                for name, value in dict(headers, **{"Content-Length": str(size)}).items():
                    c.putheader(name, value)
                c.endheaders()  # and nothing more: a body under way could lose the answer
                refused(c, path)
            c = s.connect()
            c.request(method, path, iter([b"{" + b" " * (600 << 10), b" " * (600 << 10) + b"}"]), headers, encode_chunked=True)
            refused(c, path)
        self.served(s)
        for folder, _, files in os.walk(os.path.join(self.home, "uploads")):
            self.assertEqual(files, [], folder)

    def test_a_rate_is_kept(self):
        s = self.serve("--rate", "0.001")
        codes = [s.request("GET", "/livez")[0] for _ in range(3)]
        self.assertEqual(codes, [200, 429, 429])
        status, headers, _ = s.request("GET", "/livez")
        self.assertEqual((status, headers["Retry-After"]), (429, "1"))


class Signals(ServerTest):
    def test_it_drains_and_ends(self):
        self.index(LIBRARY)
        s = self.serve()
        c = s.connect()
        c.request("GET", "/livez")
        c.getresponse().read()
        self.assertEqual(s.stop(signal.SIGTERM), 0)
        self.assertIn("shutting down", s.log_lines()[-1]["msg"] + "".join(x["msg"] for x in s.log_lines()))
        c.close()
        self.assert_clean()

    def test_killed_while_it_writes_it_loses_nothing(self):
        s = self.serve()
        job = s.json("POST", "/api/v1/index", {"paths": [LIBRARY]}, status=202)
        s.stop(signal.SIGKILL)
        self.assert_clean()
        again = self.serve()
        job = again.json("POST", "/api/v1/index", {"paths": [LIBRARY]}, status=202)
        env = again.wait_job(job["id"])
        self.assertEqual(env["state"], "done", env)
        self.assertTrue(again.json("GET", "/api/v1/search?q=lease&mode=lexical")["hits"])


if __name__ == "__main__":
    main()
