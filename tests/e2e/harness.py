"""What the end-to-end tests share: run the program, read its JSON, make folders of documents.

Each test gets a home of its own, so nothing of the user's is touched. The models are looked for
where scripts/setup puts them; a test that needs one is skipped with a clear line where it is
missing.
"""
import atexit
import datetime
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

CAIRN = os.environ.get("CAIRN_BIN", "build/release/cli/cairn")
SOURCE = os.environ.get("CAIRN_SOURCE", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
LIBRARY = os.path.join(SOURCE, "fixtures", "library")
SHARED = os.path.join(SOURCE, "..", "shared")


def hide_the_second():
    """Most tests count vectors and segments of one embedder, so the one that would be taken beside it is not found: the
    cache is a folder of links to all others. A module that is about it sets CAIRN_TEST_ALL_MODELS before."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    models = os.path.join(cache, "cairn", "models")
    if os.environ.get("CAIRN_TEST_ALL_MODELS") or not os.path.isdir(os.path.join(models, "bge-small-en-v1.5")):
        return
    top = tempfile.mkdtemp(prefix="cairn-e2e-cache-")
    atexit.register(shutil.rmtree, top, ignore_errors=True)
    shown = os.path.join(top, "cairn", "models")
    os.makedirs(shown)
    for name in os.listdir(models):
        if name != "bge-small-en-v1.5" and not name.startswith("."):
            os.symlink(os.path.join(models, name), os.path.join(shown, name))
    os.environ["XDG_CACHE_HOME"] = top


hide_the_second()


def model_path(name, file):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = os.path.join(cache, "cairn", "models", name, file)
    return path if os.path.exists(path) else None


def need_model(name, file):
    return unittest.skipUnless(model_path(name, file), f"the model {name} is not on this machine")


# Nodes of a cluster: then the default collection of every test is kept there (scripts/test --cluster).
CLUSTER = os.environ.get("CAIRN_TEST_CLUSTER")


def embedded_only(why):
    """A test of what docs/opensearch.md says is otherwise on a cluster."""
    return unittest.skipIf(CLUSTER, "not on a cluster: " + why)


class Missed(Exception):
    """What a test wanted to disturb was over before it could: nothing of the program's has been seen yet."""


def days():
    """Today, here and in UTC."""
    return datetime.date.today(), datetime.datetime.now(datetime.timezone.utc).date()


class CairnTest(unittest.TestCase):
    on_cluster = True  # may be, where there is one

    def _callTestMethod(self, method):
        """A test that came too late, or failed while a day ended, begins anew with nothing left of the first try; what is
        wrong is wrong again."""
        for left in range(9, -1, -1):
            day = days()
            try:
                return method()
            except unittest.SkipTest:
                raise
            except Missed as late:
                if not left:
                    raise self.failureException(str(late)) from late
            except Exception:  # pylint: disable=broad-except
                if days() == day:
                    raise
            self.doCleanups()
            self.tearDown()
            self.setUp()
        return None

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="cairn-e2e-")
        self.home = os.path.join(self.top, "home")
        self.docs = os.path.join(self.top, "docs")
        os.mkdir(self.docs)
        if CLUSTER and self.on_cluster:
            self.index_names = "cairn-test-" + uuid.uuid4().hex
            self.run_cairn("collection", "create", "default", "--url", CLUSTER, "--index", self.index_names,
                           "--replicas", "0")

    def tearDown(self):
        if CLUSTER and self.on_cluster:
            self.run_cairn("collection", "drop", "default", "--yes", code=None)
        subprocess.run(["chmod", "-R", "u+rwx", self.top], check=False)
        shutil.rmtree(self.top, ignore_errors=True)

    def run_cairn(self, *args, code=0, stdin=None, env=None, timeout=300, **more):
        """Run the program and check its exit code (None: any). Output is text with bad bytes kept."""
        full = dict(os.environ, CAIRN_HOME=self.home, **(env or {}))
        done = subprocess.run([CAIRN, *args], input=stdin, capture_output=True, env=full,
                              timeout=timeout, text=True, errors="surrogateescape", **more)
        if code is not None:
            self.assertEqual(done.returncode, code,
                             f"cairn {' '.join(args)}\nstdout: {done.stdout[-2000:]}\nstderr: {done.stderr[-2000:]}")
        return done

    def json(self, *args, code=0, **more):
        return json.loads(self.run_cairn("--json", *args, code=code, **more).stdout)

    def write(self, name, text, folder=None):
        path = os.path.join(folder or self.docs, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = "wb" if isinstance(text, bytes) else "w"
        with open(path, mode, **({} if mode == "wb" else {"encoding": "utf-8"})) as f:
            f.write(text)
        return path

    def write_long(self, name):
        """A file that takes a run seconds to read, however fast the machine: what is tested meanwhile has time."""
        self.write(name, "<p>" + "<b>granite</b> and <i>basalt</i> " * 700000)

    def index(self, *paths, code=0, vectors=False, **more):
        flags = [] if vectors else ["--no-vectors"]
        r = self.json("index", *flags, *(paths or [self.docs]), code=code, **more)
        self.add_up(r)
        return r

    def add_up(self, r):
        """Every file that a run saw came to one thing."""
        self.assertEqual(r["seen"], r["indexed"] + r["unchanged"] + r["moved"] + r["unread"] + r["not_reached"], r)

    def uris(self, query, **more):
        """The paths found by words, best first; none is fine."""
        found = self.json("search", "--mode", "lexical", query, code=None, **more)
        return [h["uri"] for h in found["hits"]]

    def start(self, conf, *args):
        """A run in the background, with these settings of [index]."""
        path = self.write("../c.conf", f"[index]\n{conf}\n")
        return subprocess.Popen([CAIRN, "--config", path, *args], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env=dict(os.environ, CAIRN_HOME=self.home))

    def on_terminal(self, args, interrupt_at=None):
        """Run with a terminal as standard error; press Ctrl-C there once `interrupt_at` shows: until then the run works for
        an instant at a time, so that its next stage has not come when the key is pressed, however fast the machine. An
        instant that lasts, because others have the processors, may take it to its end: Missed."""
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update(CAIRN_HOME=self.home, TERM="xterm")
            os.execv(CAIRN, [CAIRN, *args])
        out = b""
        while True:
            if interrupt_at:
                time.sleep(0.01)
                os.kill(pid, signal.SIGSTOP)
                if not select.select([fd], [], [], 0)[0]:
                    os.kill(pid, signal.SIGCONT)
                    continue
            try:
                piece = os.read(fd, 65536)
            except OSError:
                break
            if not piece:
                break
            out += piece
            if interrupt_at:
                if interrupt_at in out:
                    os.write(fd, b"\x03")
                    interrupt_at = None
                os.kill(pid, signal.SIGCONT)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(fd)
        if interrupt_at:
            raise Missed(f"{interrupt_at} was not seen: code {code}, {out[-500:]}")
        return code, out

    def wait_until(self, p, what):
        """Poll until `what` holds; the run must still be at work then."""
        while not what():
            if p.poll() is not None:
                raise Missed(f"the run ended before: {p.communicate()[1]}")
            time.sleep(0.05)
        if p.poll() is not None:
            raise Missed(f"the run had ended already: {p.communicate()[1]}")

    def stop_when(self, p, what):
        """Let the run work for an instant at a time, and ask `what` while it stands still, so that no stage is missed for
        being short; it is left standing there."""
        while True:
            p.send_signal(signal.SIGSTOP)
            if what():
                return
            p.send_signal(signal.SIGCONT)
            if p.poll() is not None:
                raise Missed(f"the run ended before: {p.communicate()[1]}")
            time.sleep(0.01)

    def status(self):
        """The status; before there is a collection, that of an empty one."""
        done = self.run_cairn("--json", "status", code=None)
        if done.returncode and "no collection" in done.stderr:
            return {"documents": 0, "segments": 0, "tiers": []}
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assert_clean(self):
        self.assertEqual(self.json("check"), {"clean": True, "findings": []})


def write_versions(test):
    """Two versions of one text, an older and a newer one: their paths."""
    words = "lease " + " ".join(f"clause{i} says what the tenant of house {i * 7} may do" for i in range(30))
    paths = []
    for name, text, when in (("lease-v1.txt", words, 1_600_000_000), ("lease-v2.txt", words + " and one clause more", 1_700_000_000)):
        paths.append(test.write(name, text))
        os.utime(paths[-1], (when, when))
    return paths


def main():
    unittest.main(verbosity=2, argv=[sys.argv[0], *sys.argv[1:]])
