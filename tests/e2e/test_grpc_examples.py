"""The examples of examples/grpc, each in its language, say what the command line says; and grpcurl, which has no files,
finds its way by reflection. What cannot be had here is skipped, each by itself."""
import json
import os
import subprocess
import sys
import unittest

import grpc_clients
from harness import CairnTest
from serving import LIMIT, Server

C_CLIENT = os.path.join(grpc_clients.BUILD, "examples", "grpc_client")


class GrpcServer(Server):
    """The server of the tests of HTTP, with gRPC beside it."""

    def __init__(self, home, *options):
        super().__init__(home, "--grpc", "127.0.0.1:0", "--embedder", "/nonexistent/model",
                         "--generator", "/nonexistent/model", *options)
        event = json.loads(self.process.stdout.readline())
        assert event["adapter"] == "grpc", event
        self.grpc = event["address"]


class Examples(CairnTest):
    def setUp(self):
        super().setUp()
        self.write("quarry.txt", "The granite came from the quarry in autumn.\n")
        self.write("tools.md", "# Tools\n\nA chisel splits granite along its grain.\n")
        self.index()
        self.server = GrpcServer(self.home)
        self.addCleanup(self.server.stop)

    def check(self, *command, unavailable="FAILED_PRECONDITION", **more):
        def run(what, text):
            return subprocess.run([*command, what, self.server.grpc, text], capture_output=True, text=True,
                                  timeout=LIMIT, **more)

        done = run("search", "granite")
        self.assertEqual(done.returncode, 0, done.stderr)
        want = [f"{h['rank']}\t{h['uri']}\t{h['heading'] or ''}"
                for h in self.json("search", "--mode", "lexical", "granite")["hits"]]
        self.assertEqual(done.stdout.splitlines(), want)
        self.assertEqual(len(want), 2)
        done = run("ask", "Where did the granite come from?")  # there is no model here: an error with its name
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(unavailable, done.stderr)

    def client(self, get):
        try:
            return get()
        except grpc_clients.Missing as e:
            self.skipTest(f"not to be had here: {e}")

    def test_c(self):
        self.check(C_CLIENT)

    def test_python(self):
        own, stubs = self.client(grpc_clients.python)
        self.check(own, os.path.join(grpc_clients.EXAMPLES, "python", "client.py"),
                   env=dict(os.environ, PYTHONPATH=stubs, PYTHONDONTWRITEBYTECODE="1"))

    def test_javascript(self):
        folder = self.client(grpc_clients.javascript)
        self.check("node", os.path.join(folder, "client.js"), env=dict(os.environ, CAIRN_PROTO=grpc_clients.PROTO))


class GoClients(Examples):
    """Apart, because building them takes minutes."""

    test_c = test_python = test_javascript = None

    def test_go(self):
        self.check(self.client(grpc_clients.go), unavailable="FailedPrecondition")

    def test_grpcurl_needs_no_files(self):
        tool = self.client(grpc_clients.grpcurl)

        def run(*args, code=0):
            done = subprocess.run([tool, "-plaintext", *args], capture_output=True, text=True, timeout=LIMIT)
            self.assertEqual(done.returncode == 0, code == 0, done.stderr)
            return done

        self.assertIn("cairn.v1.Search", run(self.server.grpc, "list").stdout)
        self.assertIn("rpc Query", run(self.server.grpc, "describe", "cairn.v1.Search").stdout)
        found = json.loads(run("-d", '{"query": "granite", "k": 1}', self.server.grpc, "cairn.v1.Search/Query").stdout)
        self.assertEqual(len(found["hits"]), 1)
        failed = run("-d", '{"query": "a", "collection": "none"}', self.server.grpc, "cairn.v1.Search/Query", code=1)
        self.assertIn("NotFound", failed.stderr)
        self.assertIn("google.rpc.ErrorInfo", failed.stderr)


if __name__ == "__main__":
    # Without an argument both; "quick" leaves Go out, "go" is Go alone.
    chosen = sys.argv.pop(1) if len(sys.argv) > 1 and sys.argv[1] in ("quick", "go") else None
    if chosen == "quick":
        del GoClients
    elif chosen == "go":
        del Examples.test_c, Examples.test_python, Examples.test_javascript
    result = unittest.main(verbosity=2, exit=False).result
    sys.exit(not result.wasSuccessful() or (77 if len(result.skipped) == result.testsRun else 0))
