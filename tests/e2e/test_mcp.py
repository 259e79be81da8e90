#!/usr/bin/env python3
"""cairn mcp by raw lines, and the same over HTTP at /mcp. No model is needed."""
import json
import os
import subprocess

from harness import CAIRN, LIBRARY, main, write_versions
from serving import LIMIT, ServerTest
from test_members import book


class Stdio:
    """`cairn mcp` as a process: a message a line."""

    def __init__(self, home, *options):
        self.process = subprocess.Popen([CAIRN, *options, "mcp", "--embedder", "/nonexistent/model"], env=dict(os.environ, CAIRN_HOME=home),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.last = 0

    def send(self, raw):
        self.process.stdin.write(raw if isinstance(raw, bytes) else json.dumps(raw).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self):
        return json.loads(self.process.stdout.readline())

    def call(self, method, **params):
        self.last += 1
        self.send({"jsonrpc": "2.0", "id": self.last, "method": method, "params": params})
        got = self.answer()
        assert got["id"] == self.last, got
        return got

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(LIMIT)
        self.process.stdout.close()
        return code


class PageLabels(ServerTest):
    def test_pages_are_named_as_the_book_does(self):
        self.write("book.pdf", book(["A preface about basalt."], "0 << /S /r /St 4 >>"))
        self.index()
        mcp = Stdio(self.home)
        try:
            for name, arguments in (("search", {"query": "basalt", "mode": "lexical"}), ("ask", {"question": "What is the preface about?", "mode": "lexical"})):
                told = mcp.call("tools/call", name=name, arguments=arguments)["result"]
                self.assertIn(", page iv", told["content"][0]["text"], name)
            self.assertEqual(told["structuredContent"]["citations"][0]["page_label"], "iv")
        finally:
            mcp.end()


class Versions(ServerTest):
    def test_newer_and_older_ones_are_named(self):
        old, new = write_versions(self)
        self.index()
        mcp = Stdio(self.home)
        try:
            told = mcp.call("tools/call", name="search", arguments={"query": "lease", "mode": "lexical"})["result"]
            text = told["content"][0]["text"]
            self.assertRegex(text, "newer version, [0-9]+ % alike: " + new)
            self.assertRegex(text, "older version, [0-9]+ % alike: " + old)
            hits = {h["uri"]: [(v["uri"], v["newer"]) for v in h["versions"]] for h in told["structuredContent"]["hits"]}
            self.assertEqual(hits, {old: [(new, True)], new: [(old, False)]})
        finally:
            mcp.end()


class Protocol(ServerTest):
    def setUp(self):
        super().setUp()
        self.index(LIBRARY)

    def stdio(self):
        mcp = Stdio(self.home)

        def clean():
            if mcp.process.poll() is None:
                mcp.end()
        self.addCleanup(clean)
        return mcp

    def tool(self, mcp, name, **arguments):
        return mcp.call("tools/call", name=name, arguments=arguments)["result"]

    def test_versions_are_negotiated(self):
        mcp = self.stdio()
        for asked, given in (("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-03-26"), ("2024-11-05", "2024-11-05"), ("2099-01-01", "2025-06-18")):
            result = mcp.call("initialize", protocolVersion=asked, capabilities={}, clientInfo={"name": "t", "version": "1"})["result"]
            self.assertEqual(result["protocolVersion"], given)
        self.assertEqual(result["serverInfo"]["name"], "cairn")
        mcp.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.assertEqual(mcp.call("ping")["result"], {})
        self.assertEqual(mcp.end(), 0)

    def test_tools_do_what_their_schemas_say(self):
        mcp = self.stdio()
        tools = {t["name"]: t for t in mcp.call("tools/list")["result"]["tools"]}
        self.assertEqual(sorted(tools), ["ask", "calculate", "dates", "get", "multi_get", "search", "sql", "status", "tables"])
        for t in tools.values():
            self.assertFalse(t["inputSchema"]["additionalProperties"])
            self.assertTrue(all(p["description"] for p in t["inputSchema"]["properties"].values()))
            self.assertTrue(t["annotations"]["readOnlyHint"])
        found = self.tool(mcp, "search", query="lease", mode="lexical", k=3)
        told = self.json("search", "--mode", "lexical", "-k", "3", "lease")
        self.assertFalse(found["isError"])
        self.assertEqual([h["uri"] for h in found["structuredContent"]["hits"]], [h["uri"] for h in told["hits"]])
        self.assertIn(told["hits"][0]["uri"], found["content"][0]["text"])
        doc = told["hits"][0]["doc"]
        whole = self.tool(mcp, "get", uri=str(doc))["structuredContent"]
        part = self.tool(mcp, "get", uri=str(doc), start=5, max_bytes=20)["structuredContent"]
        self.assertEqual(part["text"].encode(), whole["text"].encode()[part["start"]:part["end"]])
        several = self.tool(mcp, "multi_get", uris=[str(doc), "/no/such/file"])
        self.assertFalse(several["isError"])
        self.assertIn("error", several["structuredContent"]["documents"][1])
        self.assertEqual(self.tool(mcp, "status")["structuredContent"]["documents"], 55)
        for name, arguments in (("search", {}), ("search", {"query": ""}), ("search", {"query": "a", "k": 0}), ("search", {"query": "a", "k": 51}),
                                ("search", {"query": "a", "mode": "best"}), ("search", {"query": "a", "typo": 1}), ("search", {"query": 7}),
                                ("get", {"uri": "/no/such/file"}), ("multi_get", {"uris": []}), ("multi_get", {"uris": [1]}),
                                ("multi_get", {"uris": ["1"] * 21}), ("status", {"collection": "../x"}), ("status", {"collection": "none"})):
            result = self.tool(mcp, name, **arguments)
            self.assertTrue(result["isError"], (name, arguments))
            self.assertTrue(result["content"][0]["text"])
        self.assertEqual(mcp.call("tools/call", name="rm")["error"]["code"], -32602)
        self.assertEqual(mcp.call("tools/call", name="search", arguments=[1])["error"]["code"], -32602)
        self.assertEqual(mcp.call("prompts/list")["error"]["code"], -32601)

    def test_the_parts_of_a_question_are_told(self):
        mcp = self.stdio()
        question = "Is the warranty of the K1 longer than that of the K2?"
        parts = self.json("ask", "--extractive", question, code=None)["parts"].split("\n")
        self.assertEqual(len(parts), 2)
        result = self.tool(mcp, "ask", question=question, extractive=True)
        self.assertEqual(result["structuredContent"]["parts"].split("\n"), parts)
        for part in parts:
            self.assertIn(f"\nAsked in parts: {part}", result["content"][0]["text"])

    def test_tables_sums_and_dates(self):
        self.write("parts.csv", "part,price\nB-1,14.20\nB-2,16\nB-3,9.80\n")
        self.index()
        mcp = self.stdio()
        uri = os.path.join(self.docs, "parts.csv")
        told = self.tool(mcp, "tables", uri=uri)["structuredContent"]["tables"]
        self.assertEqual([(t["name"], t["columns"], t["rows"]) for t in told], [("t1", ["part", "price"], 3)])
        result = self.tool(mcp, "sql", uri=uri, query="SELECT part, price FROM t1 WHERE price > 10 ORDER BY price")
        self.assertEqual(result["structuredContent"]["rows"], [["B-1", "14.2"], ["B-2", "16"]])
        self.assertEqual(result["content"][0]["text"].splitlines()[0], "part | price")
        self.assertTrue(self.tool(mcp, "sql", uri=uri, query="SELECT * FROM t1", k=2)["structuredContent"]["cut"])
        self.assertEqual(self.tool(mcp, "calculate", expression="15% of (14.20 + 16)")["structuredContent"]["value"], 4.53)
        later = self.tool(mcp, "dates", **{"from": "2025-01-31", "add": "+1 month"})["structuredContent"]
        self.assertEqual(later, {"date": "2025-02-28", "weekday": "Friday", "days": 28})
        self.assertEqual(self.tool(mcp, "dates", **{"from": "2025-03-01", "to": "2025-02-01"})["structuredContent"]["days"], -28)
        for name, arguments in (("sql", {"query": "DELETE FROM t1", "uri": uri}), ("sql", {"query": "SELECT * FROM t9", "uri": uri}),
                                ("sql", {"query": "ATTACH '/tmp/x' AS x"}), ("sql", {"query": "SELECT 1", "uri": "/no/such"}),
                                ("tables", {"uri": "/no/such"}), ("calculate", {"expression": "1 / 0"}), ("calculate", {"expression": "x"}),
                                ("dates", {"from": "2025-02-30"}), ("dates", {"from": "2025-02-01", "add": "soon"}),
                                ("dates", {"from": "2025-02-01", "add": "1 day", "to": "2025-02-02"})):
            result = self.tool(mcp, name, **arguments)
            self.assertTrue(result["isError"], (name, arguments))

    def test_documents_are_resources(self):
        for i in range(120):
            self.write(f"many/{i:03}.txt", f"note {i}\n")
        self.index(os.path.join(self.docs, "many"))
        mcp = self.stdio()
        seen, cursor = [], {}
        while True:
            page = mcp.call("resources/list", **cursor)["result"]
            seen += page["resources"]
            if "nextCursor" not in page:
                break
            cursor = {"cursor": page["nextCursor"]}
        self.assertEqual(len({r["uri"] for r in seen}), 175)
        first = next(r for r in seen if r["description"].endswith("/many/007.txt"))
        text = mcp.call("resources/read", uri=first["uri"])["result"]["contents"][0]
        self.assertEqual((text["uri"], text["text"].strip()), (first["uri"], "note 7"))
        for uri in ("cairn://default/999999", "cairn://none/1", "cairn://default/", "cairn:///1", "file:///etc/passwd", "cairn://../1", "cairn://default/1x"):
            self.assertEqual(mcp.call("resources/read", uri=uri)["error"]["code"], -32002, uri)
        self.assertTrue(mcp.call("resources/templates/list")["result"]["resourceTemplates"])

    def test_broken_messages_are_answered_or_ignored(self):
        mcp = self.stdio()
        for raw, code in ((b"nonsense\n", -32700), (b"{\n", -32700), (b"\xff\xfe\n", -32700), (b"[]\n", -32600), (b"7\n", -32700), (b"{}\n", -32600),
                          (b'{"jsonrpc":"1.0","id":1,"method":"ping"}\n', -32600), (b'{"jsonrpc":"2.0","id":{},"method":"ping"}\n', -32600),
                          (b'{"jsonrpc":"2.0","id":1}\n', -32600), (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}\n', -32602),
                          (b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * (5 << 20) + b'"}\n', -32700), (b"[" * 5000 + b"\n", -32700)):
            mcp.send(raw)
            self.assertEqual(mcp.answer()["error"]["code"], code, raw[:60])
        mcp.send(b"\n  \n")
        mcp.send({"jsonrpc": "2.0", "method": "notifications/whatever"})
        mcp.send({"jsonrpc": "2.0", "id": 1, "result": {}})
        mcp.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}})
        mcp.send([{"jsonrpc": "2.0", "id": "a", "method": "ping"}, {"jsonrpc": "2.0", "method": "x"}, {"jsonrpc": "2.0", "id": "b", "method": "ping"}])
        self.assertEqual([a["id"] for a in mcp.answer()], ["a", "b"])
        self.assertEqual(mcp.call("ping")["result"], {})
        self.assertEqual(mcp.end(), 0)

    def test_over_http(self):
        s = self.serve()
        ask = lambda m, status=200, **h: s.json("POST", "/mcp", m, dict({"Accept": "application/json, text/event-stream"}, **h), status=status)
        result = ask({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}})["result"]
        self.assertEqual(result["protocolVersion"], "2025-06-18")
        found = ask({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "search", "arguments": {"query": "lease", "mode": "lexical"}}})
        self.assertTrue(found["result"]["structuredContent"]["hits"])
        self.assertEqual(s.request("POST", "/mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"})[0], 202)
        self.assertEqual(s.request("GET", "/mcp")[0], 405)
        self.assertEqual(ask({"jsonrpc": "2.0", "id": 3, "method": "ping"}, status=400, **{"MCP-Protocol-Version": "1999-01-01"})["error"]["code"], -32600)
        self.assertEqual(s.request("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"Origin": "http://evil.example"})[0], 403)

    def test_over_http_a_token_bounds_what_is_seen(self):
        token = self.json("serve", "--add-token", "ann", "--role", "read", "--for", "other")["token"]
        s = self.serve()
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {"query": "lease"}}}
        self.assertEqual(s.request("POST", "/mcp", call)[0], 401)
        result = s.json("POST", "/mcp", call, {"Authorization": f"Bearer {token}"})["result"]
        self.assertTrue(result["isError"])
        self.assertIn("not for the collection", result["content"][0]["text"])


if __name__ == "__main__":
    main()
