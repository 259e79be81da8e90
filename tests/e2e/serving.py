"""What the tests of the server share: start it on a free port, talk to it, end it.

Every wait is for an event with a generous limit; nothing assumes how fast the machine is.
"""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading

from harness import CAIRN, CairnTest

LIMIT = 120  # seconds that anything may take


class Server:
    """`cairn serve` as a process. `options` come behind --http."""

    def __init__(self, home, *options, address="127.0.0.1:0", env=None):
        full = dict(os.environ, CAIRN_HOME=home, **(env or {}))
        self.process = subprocess.Popen([CAIRN, "--json", "serve", "--http", address, *options], env=full,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.log = []
        self.drained = threading.Thread(target=self._read_log, daemon=True)
        self.drained.start()
        self.address = None
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("adapter") == "http":
                self.address = event["address"]
                break
        if not self.address:
            self.stop()
            raise AssertionError("the server did not start: " + "".join(self.log[-5:]))
        host, _, port = self.address.rpartition(":")
        self.host, self.port = host, int(port) if port.isdigit() else None

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line)

    def connect(self, timeout=LIMIT):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def socket(self):
        return socket.create_connection((self.host, self.port), timeout=LIMIT)

    def request(self, method, path, body=None, headers=None):
        """(status, headers, bytes). A dict or list as body is sent as JSON."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        c = self.connect()
        try:
            c.request(method, path, body, headers)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def json(self, method, path, body=None, headers=None, status=200):
        got, _, data = self.request(method, path, body, headers)
        if got != status:
            raise AssertionError(f"{method} {path}: {got} instead of {status}: {data[:2000]!r}")
        return json.loads(data)

    def events(self, method, path, body=None, headers=None):
        """The (event, data) pairs of a stream of server-sent events, as they come."""
        headers = dict(headers or {}, **({"Content-Type": "application/json"} if body else {}))
        c = self.connect()
        try:
            c.request(method, path, json.dumps(body) if body else None, headers)
            r = c.getresponse()
            assert r.status == 200, (r.status, r.read())
            assert r.headers["Content-Type"] == "text/event-stream", r.headers["Content-Type"]
            event = None
            for raw in r:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    yield event, line[6:]
                elif not line:
                    event = None
        finally:
            c.close()

    def wait_job(self, job, headers=None):
        """The job when it has ended."""
        for name, data in self.events("GET", f"/api/v1/jobs/{job}/events", headers=headers):
            state = json.loads(data)
            if name == "job" and state["state"] in ("done", "failed", "cancelled"):
                return state
        raise AssertionError("the stream ended before the job")

    def send_signal(self, sig):
        self.process.send_signal(sig)

    def stop(self, sig=signal.SIGTERM):
        """End it; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self.drained.join(LIMIT)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def log_lines(self):
        return [json.loads(line) for line in self.log if line.startswith("{")]


class ServerTest(CairnTest):
    """`models`: let the server find the models of this machine; else its jobs index words alone."""

    models = False

    def serve(self, *options, **more):
        if not self.models:
            options = ("--embedder", "/nonexistent/model", *options)
        server = Server(self.home, *options, **more)
        self.addCleanup(server.stop)
        return server

    def without_a_generator(self):
        """An environment in which answers are the documents' own sentences, whatever models are here."""
        folder = os.path.join(self.home, "config")
        self.write("cairn/cairn.conf", "[models]\ngenerator = /nonexistent/model\n", folder=folder)
        return {"XDG_CONFIG_HOME": folder}
