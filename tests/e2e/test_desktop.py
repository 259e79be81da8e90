"""The desktop's search over D-Bus, asked by GLib's own client on a session bus of the test's own, and
cairn open: which program is started, with which file and page.
"""
import os
import re
import shutil
import subprocess
import time
import unittest

from harness import CAIRN, CairnTest, main, need_model

GNOME = "org.gnome.Shell.SearchProvider2"
KDE = "org.kde.krunner1"


@unittest.skipUnless(shutil.which("dbus-daemon") and shutil.which("gdbus"), "dbus-daemon or gdbus is not installed")
class Desktop(CairnTest):
    def setUp(self):
        super().setUp()
        self.write("lease.txt", "The lease of the flat ends with the summer. Notice period is three months.")
        self.write("garden.txt", "Basalt paths in the garden; the shed is of larch wood.")
        self.write("äpfel.txt", "Die Ernte der Äpfel beginnt im Herbst. " + "Körbe für Äpfel stehen bereit. " * 30)
        self.index()
        self.opened = os.path.join(self.top, "opened")
        self.programs = os.path.join(self.top, "bin")
        os.mkdir(self.programs)
        for name in ("xdg-open", "evince", "okular"):
            self.program(name, f'printf "%s\\n" "{name}" "$@" >"{self.opened}.new"; mv "{self.opened}.new" "{self.opened}"')
        self.program("xdg-mime", "echo org.gnome.Evince.desktop")
        self.env = dict(os.environ, CAIRN_HOME=self.home, PATH=self.programs + ":" + os.environ["PATH"])
        self.env.pop("CAIRN_OPENER", None)

    def program(self, name, script):
        path = os.path.join(self.programs, name)
        with open(path, "w") as f:
            f.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)

    def started(self):
        """What was started: the program and its arguments."""
        for _ in range(3000):
            if os.path.exists(self.opened):
                with open(self.opened) as f:
                    words = f.read().splitlines()
                os.remove(self.opened)
                return words
            time.sleep(0.01)
        self.fail("nothing was started")

    # ---- the bus ----

    def start_bus(self, *args):
        bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address",
                                f"--address=unix:path={self.top}/bus"], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL)
        self.addCleanup(bus.stdout.close)
        self.addCleanup(bus.wait)
        self.addCleanup(bus.terminate)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
        self.server = subprocess.Popen([CAIRN, "desktop", *args], env=self.env, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end)
        subprocess.run(["gdbus", "wait", "--session", "--timeout", "60", "org.cairn.Search"], env=self.env, check=True)

    def end(self):
        self.server.terminate()
        self.server.communicate(timeout=60)

    def call(self, interface, method, *args, ok=True):
        done = subprocess.run(["gdbus", "call", "--session", "--dest", "org.cairn.Search", "--object-path",
                               "/org/cairn/Search", "--method", f"{interface}.{method}", *args],
                              env=self.env, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode == 0, ok, done.stderr)
        return done.stdout if ok else done.stderr

    def ids(self, *terms):
        return re.findall(r"'([^']+)'", self.call(GNOME, "GetInitialResultSet", repr(list(terms))))

    def test_gnome(self):
        self.start_bus()
        ids = self.ids("notice", "peri")  # the last word is being typed
        self.assertEqual(len(ids), 1)
        meta = self.call(GNOME, "GetResultMetas", repr(ids))
        self.assertIn("lease", meta)
        self.assertIn("Notice period is three months", meta)
        self.assertIn("text-plain", meta)
        self.call(GNOME, "ActivateResult", ids[0], "['notice']", "0")
        self.assertEqual(self.started(), ["xdg-open", os.path.join(self.docs, "lease.txt")])
        # Typing on; the first question's ids still open their documents.
        later = self.call(GNOME, "GetSubsearchResultSet", repr(ids), "['basalt']")
        self.assertEqual(len(re.findall(r"'([^']+)'", later)), 1)
        self.call(GNOME, "ActivateResult", ids[0], "['basalt']", "0")
        self.assertEqual(self.started(), ["xdg-open", os.path.join(self.docs, "lease.txt")])
        # Ids of nothing give no rows, and an error where one is to be opened.
        self.assertIn("[]", self.call(GNOME, "GetResultMetas", "['99', 'x', '']"))
        self.assertIn("no result", self.call(GNOME, "ActivateResult", "nonsense", "['x']", "0", ok=False))
        self.call(GNOME, "LaunchSearch", "['larch']", "0")
        self.assertEqual(self.started(), ["xdg-open", os.path.join(self.docs, "garden.txt")])

    def test_odd_questions(self):
        self.start_bus()
        for terms in ([], [""], ["b"], ["zzzz"], ["x" * 5000], ['"('], ["-" * 50]):
            self.assertEqual(self.ids(*terms), [], terms[:1])
        meta = self.call(GNOME, "GetResultMetas", repr(self.ids("äpfel")))
        self.assertIn("…", meta)  # cut, and not within a character
        self.assertNotIn("�", meta)

    def test_a_document_is_one_result(self):
        self.write("long.md", "".join(f"# Part {i}\n\nObsidian of part {i}. " + f"Words of part {i} go on and on. " * 60 + "\n\n" for i in range(6)))
        self.index()
        self.assertGreater(len(self.json("search", "--mode", "lexical", "obsidian")["hits"]), 1)
        self.start_bus()
        self.assertEqual(len(self.ids("obsidian")), 1)

    @need_model("multilingual-e5-small", "e5-small-q4.bin")
    def test_what_is_no_question_to_documents(self):
        """The desktop asks for whatever is typed, and by meaning something is near to anything."""
        self.json("index", self.docs)
        self.assertTrue(self.json("search", "firefox")["hits"])
        self.start_bus()
        for terms in (["firefox"], ["2+2"], ["12", "*", "7"], ["settings", "zzqq"]):
            self.assertEqual(self.ids(*terms), [], terms)
        self.assertTrue(self.ids("when", "does", "my", "rental", "contract", "finish"))  # no word of it is there

    def test_krunner(self):
        self.start_bus()
        self.assertIn("'folder'", self.call(KDE, "Actions"))
        found = self.call(KDE, "Match", "larch")
        self.assertIn("Basalt paths", found)
        self.assertIn("text-plain", found)
        id = re.search(r"\('([^']+)'", found).group(1)
        self.call(KDE, "Run", id, "''")
        self.assertEqual(self.started(), ["xdg-open", os.path.join(self.docs, "garden.txt")])
        self.call(KDE, "Run", id, "folder")
        self.assertEqual(self.started(), ["xdg-open", self.docs])

    def test_new_documents_and_the_web_page(self):
        self.start_bus("--web-page", "http://127.0.0.1:7880/")
        self.assertEqual(self.ids("obsidian"), [])
        self.write("new.txt", "obsidian from the south slope")
        self.index()
        self.assertEqual(len(self.ids("obsidian")), 1)
        self.call(GNOME, "LaunchSearch", "['a & b', 'ö']", "0")
        self.assertEqual(self.started(), ["xdg-open", "http://127.0.0.1:7880/#q=a%20%26%20b%20%C3%B6"])

    def test_idle(self):
        self.start_bus("--idle", "0.5")
        self.assertEqual(self.server.wait(timeout=120), 0)

    def test_one_at_a_time(self):
        self.start_bus()
        second = subprocess.run([CAIRN, "desktop"], env=self.env, capture_output=True, text=True, timeout=60)
        self.assertEqual(second.returncode, 3)
        self.assertIn("another process", second.stderr)

    # ---- cairn open ----

    def open(self, *args, code=0, **env):
        return self.run_cairn("open", *args, code=code, env=dict({k: v for k, v in self.env.items() if k != "CAIRN_HOME"}, **env))

    def test_open(self):
        lease = os.path.join(self.docs, "lease.txt")
        self.open(lease)
        self.assertEqual(self.started(), ["xdg-open", lease])
        self.open(lease, CAIRN_OPENER="okular")
        self.assertEqual(self.started(), ["okular", lease])
        self.open(lease, "--opener", "okular", "--page", "3")
        self.assertEqual(self.started(), ["okular", "-p", "3", lease])
        self.assertIn("no-such-viewer", self.open(lease, "--opener", "no-such-viewer", code=3).stderr)
        self.open(os.path.join(self.docs, "other.txt"), code=1)
        os.remove(lease)
        self.assertIn("lease.txt", self.open(lease, code=1).stderr)

    def test_open_a_pdf_at_its_page(self):
        pdf = self.write("manual.pdf", "not looked at")
        corpus = self.write("../corpus.jsonl", "".join(
            '{"_id": "%s", "title": "t", "text": "quartz"}\n' % id for id in (pdf, "http://example.org/", "--help")))
        self.json("--collection", "other", "import", "jsonl", corpus, "--no-vectors")
        self.open("--collection", "other", "--page", "7", pdf)
        self.assertEqual(self.started(), ["evince", "--page-index=7", pdf])
        # What is no file is not opened, whatever its name says.
        self.assertIn("not a file", self.open("--collection", "other", "http://example.org/", code=1).stderr)
        self.assertIn("not a file", self.open("--collection", "other", "--", "--help", code=1).stderr)


if __name__ == "__main__":
    main()
